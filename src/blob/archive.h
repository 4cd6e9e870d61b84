// SPDX-License-Identifier: Apache-2.0
// archive.h - several files in one: a tar file (POSIX ustar, sizes beyond 8 GiB in base 256) as
// `tar` reads it, written and read as a stream.
//
// Ownership: archive_out is file_out underneath: commit or abort. Threads: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct archive_out;
struct archive_in;

enum {
    ARCHIVE_NAME_BYTES = 100, // with the zero
};

// As file_out_open().
int archive_out_open(const char *path, struct archive_out **ret_out) MUST_CHECK;
// The next file, of exactly *n_bytes*, read from *fd*. ERR_DATA: it ended before.
int archive_out_file(struct archive_out *o, const char *name, int fd, int64_t n_bytes) MUST_CHECK;
int archive_out_bytes(struct archive_out *o, const char *name, const void *bytes,
                      size_t n) MUST_CHECK;
int archive_out_commit(struct archive_out **po) MUST_CHECK;
void archive_out_abort(struct archive_out **po);

struct archive_entry {
    char name[ARCHIVE_NAME_BYTES];
    int64_t n_bytes;
};

// "-" is standard input. ERR_NOT_FOUND, ERR_IO.
int archive_in_open(const char *path, struct archive_in **ret_in) MUST_CHECK;
// The next file; what is left of the one before is skipped. ERR_EOF: the archive's end was reached.
// ERR_DATA: no tar, cut short, a damaged head, or anything but plain files with plain relative
// names (no "..", no leading "/").
int archive_in_next(struct archive_in *in, struct archive_entry *ret_entry) MUST_CHECK;
// Up to *n* bytes of the current file; *ret_n* 0 at its end. ERR_DATA: the archive is cut short.
int archive_in_read(struct archive_in *in, void *bytes, size_t n, size_t *ret_n) MUST_CHECK;
void archive_in_close(struct archive_in *in); // NULL is a no-op
