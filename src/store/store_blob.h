// SPDX-License-Identifier: Apache-2.0
// store_blob.h - which blobs are in use, by what, and how much they weigh.
//
// A blob row is written in the transaction of the row that needs it, and goes with it. Functions
// that delete rows hand the keys that fell free to the caller, who deletes the files after the
// transaction (struct store_dropped); what a crash leaves is the janitor's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/id.h"

struct store;

struct store_blob {
    const char *key;
    const char *sha256;
    int64_t n_bytes;
};

// Keys that fell free. Zero-initialised is empty.
// Ownership: finish gives the memory back.
struct store_dropped {
    char (*keys)[ID_BYTES];
    size_t n, cap;
};
void store_dropped_finish(struct store_dropped *d);

// A blob that a task of a video will make something of: kept until it is released, or the video
// goes. ERR_CONFLICT: no such video. ERR_EXISTS.
int store_blob_keep(struct store *s, const struct store_blob *blob, const char *project_id,
                    const char *video_id) MUST_CHECK;
// Its row goes, whoever owns it; *dropped* NULL: the file stays (another row takes it over).
int store_blob_release(struct store *s, const char *key, struct store_dropped *dropped) MUST_CHECK;

// For the janitor: *ret_used* is true where a row needs the blob.
int store_blob_used(struct store *s, const char *key, bool *ret_used) MUST_CHECK;
// Every blob in use, by key.
int store_blob_each(struct store *s, int (*each)(void *arg, const struct store_blob *blob),
                    void *arg) MUST_CHECK;
// Bytes of a project's blobs, and of its unfinished uploads once they are whole, or with NULL of
// everything: for quotas.
int store_blob_usage(struct store *s, const char *project_id, int64_t *ret_bytes) MUST_CHECK;
