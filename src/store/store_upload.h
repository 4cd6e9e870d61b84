// SPDX-License-Identifier: Apache-2.0
// store_upload.h - uploads under way, as tus sees them: an offset that was acknowledged, a length,
// a time at which they expire. The bytes are a part of blob (the part's id is the upload's).
#pragma once

#include "base/digest.h"
#include "store/store.h"

struct store_upload {
    const char *id;
    const char *project_id; // NULL: a model's
    const char *purpose;    // "video", "model", "truth"
    const char *name;       // of the file
    const char *content_type;
    const char *metadata; // Upload-Metadata as it came
    const char *created_by;
    int64_t length; // -1: not known yet
    int64_t offset; // acknowledged: synced bytes
    bool has_digest;
    struct digest digest; // state after *offset* bytes
    int64_t created_at_us, expires_at_us;
    bool is_expired; // the janitor will come for it
};

// ERR_CONFLICT: no such project.
int store_upload_create(struct store *s, const struct store_upload *u,
                        char ret_id[ID_BYTES]) MUST_CHECK;
// Also of one that has expired.
int store_upload_get(struct store *s, const char *id, struct arena *a,
                     struct store_upload *ret) MUST_CHECK;
// After blob_writer_sync(): the offset goes from *from* to *to*. ERR_CONFLICT: it is not at *from*,
// or *to* is beyond the length. *digest* may be NULL. *expires_at_us* 0: as it is.
int store_upload_advance(struct store *s, const char *id, int64_t from, int64_t to,
                         const struct digest *digest, int64_t expires_at_us) MUST_CHECK;
// Once, where it was not known. ERR_CONFLICT: known already, or less than the offset.
int store_upload_set_length(struct store *s, const char *id, int64_t length) MUST_CHECK;
int store_upload_delete(struct store *s, const char *id) MUST_CHECK;
// Those that have expired, oldest first, up to a page: the janitor deletes part and row of each.
int store_upload_expired(struct store *s, const struct store_page *page,
                         int (*row)(void *arg, const char *id), void *arg) MUST_CHECK;
