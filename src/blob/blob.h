// SPDX-License-Identifier: Apache-2.0
// blob.h - bytes by key: files under DATA/blobs that appear whole or not at all, uploads in parts
// that survive a crash, and a place for temporary files.
//
//   DATA/blobs/aa/bb/KEY   finished, never changed; a key is an id (base/id.h), aa and bb are its
//                          last characters
//   DATA/parts/ID          being written
//   DATA/temp/             emptied by blob_open()
//
// Which keys are in use is the store's knowledge (store_blob.h): write the blob, commit it, then
// write the row; delete the row, then the blob. What a crash leaves between the two is found by
// blob_walk() and removed by the janitor.
//
// Ownership: blob_close() after every writer of it is over. Keys and paths are copied.
// Threads: struct blob any; a writer one at a time.
// Errors everywhere: ERR_NOSPACE (disk full), ERR_READONLY, ERR_DENIED, ERR_IO, ERR_NOMEM.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/digest.h"
#include "base/id.h"

struct blob;
struct blob_writer;

struct blob_opts {
    const char *directory; // DATA; made with its parents where absent, mode 0700
    int64_t reserve_bytes; // free space that writing leaves on the disk; 0: BLOB_RESERVE_BYTES
};

enum {
    BLOB_RESERVE_BYTES = 256 * 1024 * 1024,
    BLOB_PATH_BYTES = 4096,
};

int blob_open(const struct blob_opts *opts, struct blob **ret_blob) MUST_CHECK;
// For reading only, beside a process that has it open: nothing is made, nothing is emptied.
int blob_look(const char *directory, struct blob **ret_blob) MUST_CHECK;
void blob_close(struct blob *b); // NULL is a no-op

// The directory it was opened with, absolute but for blob_look(); lent.
const char *blob_directory(const struct blob *b);

// ---- writing

// Where a part's writing goes on. Zero: from the start.
struct blob_part {
    int64_t offset;       // what is behind it in the file is cut off
    bool has_digest;      // *digest* is the state after *offset* bytes; else the file is read again
    struct digest digest; // plain bytes: may be stored and read back on the same machine
};

// A writer with a name of its own, removed unless committed. ERR_NOSPACE where *expect_bytes* (-1:
// unknown) and the reserve do not fit.
int blob_writer_create(struct blob *b, int64_t expect_bytes,
                       struct blob_writer **ret_writer) MUST_CHECK;
// As above for an upload that may be interrupted: the part is named *part_id*, and stays where the
// writer is suspended or the process dies. With *from* NULL it must not exist (ERR_EXISTS), else it
// is opened at from->offset: ERR_NOT_FOUND (no such part), ERR_DATA (it is shorter than that).
// ERR_BUSY: another writer, of whatever process, has it open.
int blob_part_open(struct blob *b, const char *part_id, const struct blob_part *from,
                   int64_t expect_bytes, struct blob_writer **ret_writer) MUST_CHECK;
// ERR_NOSPACE also where the disk's reserve is reached. Sticky.
int blob_write(struct blob_writer *w, const void *bytes, size_t n) MUST_CHECK;
int64_t blob_writer_offset(const struct blob_writer *w);
// Everything written so far is on the disk afterwards.
int blob_writer_sync(struct blob_writer *w) MUST_CHECK;
// Syncs, and says where the writing could go on after a crash.
int blob_writer_mark(struct blob_writer *w, struct blob_part *ret_at) MUST_CHECK;
// Syncs, closes and keeps the part; the writer is gone from the caller's hand either way. *ret_at*
// may be NULL.
int blob_writer_suspend(struct blob_writer **pw, struct blob_part *ret_at) MUST_CHECK;

struct blob_info {
    char key[ID_BYTES];
    char sha256[DIGEST_HEX_BYTES];
    int64_t n_bytes;
};

// Syncs, and renames the file to its key: the writer is gone either way, and on error the part is
// removed unless it is one of blob_part_open(), which is kept.
int blob_writer_commit(struct blob_writer **pw, struct blob_info *ret_info) MUST_CHECK;
// As above under a key that it had before: restoring a backup. ERR_INVALID (no key).
int blob_writer_commit_as(struct blob_writer **pw, const char *key,
                          struct blob_info *ret_info) MUST_CHECK;
// As above, and the part stays beside the blob: where the row that was to need the blob cannot be
// written, the blob is deleted and the part is gone on with; else blob_writer_abort() removes the
// part. Whatever was left under that key before is replaced.
int blob_writer_publish(struct blob_writer *w, const char *key,
                        struct blob_info *ret_info) MUST_CHECK;
void blob_writer_abort(struct blob_writer **pw); // removes the part; NULL inside is a no-op
int blob_part_delete(struct blob *b, const char *part_id) MUST_CHECK; // ERR_NOT_FOUND, ERR_BUSY

// Takes a finished temporary file (of blob_temp_path()) as a blob, by renaming.
int blob_adopt(struct blob *b, const char *path, struct blob_info *ret_info) MUST_CHECK;
// Bytes in memory as a blob.
int blob_put(struct blob *b, const void *bytes, size_t n, struct blob_info *ret_info) MUST_CHECK;

// Puts the finished file at *path* (of blob_temp_path()) beside a blob, as KEY and *suffix*, in
// place of an older one; it goes with the blob. It is no blob: walks, backups and quotas do not see
// it. *suffix*: BLOB_INT8_SUFFIX.
int blob_put_beside(struct blob *b, const char *key, const char *suffix,
                    const char *path) MUST_CHECK;
// A descriptor for reading it and its size, as blob_read(). ERR_NOT_FOUND: there is none.
int blob_read_beside(struct blob *b, const char *key, const char *suffix, int *ret_fd,
                     int64_t *ret_bytes) MUST_CHECK;
#define BLOB_INT8_SUFFIX ".int8.json" // how a model runs in 8 bits (docs/FILES.md)

// ---- reading

// A descriptor for reading at 0 (the caller closes it) and the size. ERR_NOT_FOUND, ERR_INVALID (no
// key). A blob deleted meanwhile can be read to its end.
int blob_read(struct blob *b, const char *key, int *ret_fd, int64_t *ret_bytes) MUST_CHECK;
// A blob of at most *max_bytes* as a whole: owned (mem_free()), a zero behind. ERR_TOO_BIG too.
int blob_get(struct blob *b, const char *key, size_t max_bytes, char **ret_bytes,
             size_t *ret_n) MUST_CHECK;
// For libraries that open files themselves. ERR_INVALID (no key), ERR_NOT_FOUND.
int blob_path(struct blob *b, const char *key, char ret_path[BLOB_PATH_BYTES]) MUST_CHECK;

// ---- deleting and cleaning

// ERR_NOT_FOUND, ERR_BUSY: a backup is being made, the janitor deletes it later.
int blob_delete(struct blob *b, const char *key) MUST_CHECK;

// A file seen by a walk. *seen* returns 0, or an error that ends the walk.
struct blob_seen {
    const char *name; // the key or the part's id
    int64_t n_bytes;
    int64_t age_us; // since it was last written; never negative
};
int blob_walk(struct blob *b, int (*seen)(void *arg, const struct blob_seen *blob),
              void *arg) MUST_CHECK;
int blob_walk_parts(struct blob *b, int (*seen)(void *arg, const struct blob_seen *part),
                    void *arg) MUST_CHECK;

// ---- space and temporary files

// ERR_NOSPACE, saying what is free, where *n_bytes* more would touch the reserve.
int blob_check_space(struct blob *b, int64_t n_bytes) MUST_CHECK;
int blob_space(struct blob *b, int64_t *ret_free, int64_t *ret_total) MUST_CHECK;
// A fresh name in DATA/temp that ends in *suffix* (".mp4"; not longer than 16): the caller makes
// the file and removes it.
int blob_temp_path(struct blob *b, const char *suffix, char ret_path[BLOB_PATH_BYTES]) MUST_CHECK;

// While held, by this process or another, no blob of the directory is deleted (blob_delete() says
// ERR_BUSY), until blob_let_go().
int blob_hold(const char *directory, int *ret_fd) MUST_CHECK;
// Likewise, and nobody else holds it: ERR_BUSY where somebody does.
int blob_hold_alone(const char *directory, int *ret_fd) MUST_CHECK;
void blob_let_go(int fd); // -1 is well
