// SPDX-License-Identifier: Apache-2.0
// backup_manifest.h - the first file of a backup: what made it, and which files it has or lacks.
//
// The digests and sizes of the files stand in the database that comes with them. What the manifest
// adds is the database's own digest, and which of them were lost before the backup was made, so
// that a restore can tell them from those that the backup itself lost.
//
// Ownership: finish gives the memory back. Threads: one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/id.h"
#include "base/str.h"

#define BACKUP_MANIFEST "manifest.json"

enum {
    BACKUP_MANIFEST_MAX = 64 * 1024 * 1024, // bytes
    BACKUP_SHA256_BYTES = 65,
};

// Keys of blobs, rising.
struct backup_keys {
    char (*keys)[ID_BYTES];
    size_t n, cap;
};

struct backup_manifest {
    int64_t n_blobs, n_bytes;                  // the latter is for the eye: not read
    bool has_blobs;                            // read: not so where an earlier version made it
    char database_sha256[BACKUP_SHA256_BYTES]; // "" likewise
    struct backup_keys missing;                // have a row, and had no file
};

// ERR_DATA: no key, or not behind the last one; ERR_NOMEM.
int backup_keys_add(struct backup_keys *k, struct str key) MUST_CHECK;
void backup_manifest_write(const struct backup_manifest *m, struct str_buf *out);
// *m* is zeroed by the caller. ERR_DATA: no manifest; ERR_NOMEM.
int backup_manifest_read(struct str text, struct backup_manifest *m) MUST_CHECK;
bool backup_manifest_misses(const struct backup_manifest *m, const char *key);
void backup_manifest_finish(struct backup_manifest *m);
