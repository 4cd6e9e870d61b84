// SPDX-License-Identifier: Apache-2.0
// fuzz_archive.c - tar files as `assay restore` takes them: names stay below, sizes are there.

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "blob/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_name(const char *name)
{
    struct str rest = str_of(name);
    struct str part;
    assert(name[0] && name[0] != '/' && strlen(name) < ARCHIVE_NAME_BYTES);
    while (str_split(&rest, '/', &part))
        assert(!str_is(part, ".."));
}

static void read_all(struct archive_in *in, size_t n_whole)
{
    struct archive_entry e;
    char piece[256];
    int r;
    while ((r = archive_in_next(in, &e)) == 0) {
        int64_t total = 0;
        size_t got = 1;
        check_name(e.name);
        assert(e.n_bytes >= 0);
        if (e.n_bytes % 2) // the others are skipped
            continue;
        while (r == 0 && got > 0) {
            r = archive_in_read(in, piece, sizeof(piece), &got);
            total += r == 0 ? (int64_t)got : 0;
        }
        assert(r < 0 || total == e.n_bytes);
        assert(total <= (int64_t)n_whole);
        if (r < 0)
            break;
    }
    assert(r == ERR_EOF || r == ERR_DATA);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static int fd = -1;
    char path[64];
    struct archive_in *in;
    if (fd < 0)
        fd = memfd_create("archive", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, bytes, n, 0) != (ssize_t)n)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (archive_in_open(path, &in) == 0) {
        read_all(in, n);
        archive_in_close(in);
    }
    err_clear();
    return 0;
}
