// SPDX-License-Identifier: Apache-2.0
// file.h - whole files in bounded memory, and outputs that appear complete or not at all.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

// Reads a regular file of at most *max_bytes*. Returns owned bytes (mem_free()), terminated by a
// zero that is not counted. ERR_NOT_FOUND, ERR_TOO_BIG, ERR_IO, ERR_INVALID (a directory),
// ERR_NOMEM.
int file_read(const char *path, size_t max_bytes, char **ret_bytes, size_t *ret_n) MUST_CHECK;
bool file_exists(const char *path);
bool file_is_directory(const char *path);
// True when *bytes* begin a Git-LFS pointer: what a clone without git-lfs leaves in place of the
// file.
bool file_is_lfs_pointer(const void *bytes, size_t n);
// SHA-256 of the file's bytes as 64 lower-case hex digits and a zero. ERR_NOT_FOUND, ERR_IO.
int file_sha256(const char *path, char ret_hex[65]) MUST_CHECK;

// A result being written: beside its final name (".part" behind), renamed when committed. "-" is
// standard output (/dev/stdout too); that and what is no regular file (/dev/null, a pipe) is
// written in place. What a link names is replaced, not the link.
//
// Ownership: close with file_out_commit() or file_out_abort().
// Threads: one.
struct file_out;

// The names that a result written to *path* bears at its end and before, for libraries that write
// files themselves; *ret_part is NULL where it has to be written in place. Both are owned
// (mem_free()). ERR_INVALID (a directory), ERR_NOMEM.
int file_out_names(const char *path, char **ret_path, char **ret_part) MUST_CHECK;
// ERR_IO, ERR_DENIED, ERR_NOT_FOUND (the directory), ERR_INVALID (path is a directory), ERR_NOMEM.
int file_out_open(const char *path, struct file_out **ret_out) MUST_CHECK;
// Bytes are written with whole calls in order: what is on disk after a crash ends where some call
// ended, provided a call is at most FILE_OUT_BUFFER bytes. ERR_NOSPACE, ERR_IO: sticky.
int file_out_write(struct file_out *o, const void *bytes, size_t n) MUST_CHECK;
int file_out_flush(struct file_out *o) MUST_CHECK;
// Flushes, closes, renames. The file is gone from the caller's hand either way; on error nothing
// bears the final name and the part is removed.
int file_out_commit(struct file_out **po) MUST_CHECK;
void file_out_abort(struct file_out **po); // removes the part; NULL inside is a no-op
const char *
file_out_path(const struct file_out *o); // of the part, for libraries that open files themselves

enum {
    FILE_OUT_BUFFER = 64 * 1024,
};
