// SPDX-License-Identifier: Apache-2.0
// truncation.c - is a media file shorter than its own outermost sizes say?

#include "media/truncation.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_BOXES = 100000, // of a fragmented MP4, two a fragment
};

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static bool riff_is_short(const unsigned char *head, uint64_t n_file)
{
    uint64_t n = (uint64_t)head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 |
                 (uint64_t)head[7] << 24;
    return n > 0 && n_file + 1 < n + 8; // some writers leave the last pad byte out
}

// An EBML size at *p*: 0 where it is malformed or unknown (all ones). *ret_n*: its own bytes.
static uint64_t ebml_size(const unsigned char *p, size_t *ret_n)
{
    size_t n = 1;
    while (n <= 8 && !(p[0] & (0x80u >> (n - 1))))
        n++;
    *ret_n = n;
    if (n > 8)
        return 0;
    uint64_t mask = n == 8 ? (UINT64_C(1) << 56) - 1 : (UINT64_C(1) << (7 * n)) - 1;
    uint64_t v = big_endian(p, n) & mask;
    return v == mask ? 0 : v;
}

// The EBML header, then one segment that says how long it is, unless it was written live.
static bool matroska_is_short(int fd, const unsigned char *head, uint64_t n_file)
{
    static const unsigned char segment_id[4] = {0x18, 0x53, 0x80, 0x67};
    unsigned char segment[12];
    size_t n_size;
    uint64_t at = ebml_size(head + 4, &n_size) + 4 + n_size;
    if (at > n_file || pread(fd, segment, sizeof(segment), (off_t)at) != (ssize_t)sizeof(segment) ||
        memcmp(segment, segment_id, sizeof(segment_id)) != 0)
        return false;
    uint64_t n_segment = ebml_size(segment + 4, &n_size);
    return n_segment > 0 && n_segment > n_file - at - 4 - n_size;
}

// Walks the boxes: the last one must end within the file.
static bool mp4_is_short(int fd, uint64_t n_file, enum truncation_scope scope)
{
    bool is_asked = scope == TRUNCATION_ALL;
    uint64_t at = 0;
    for (int i = 0; i < MAX_BOXES && at < n_file; i++) {
        unsigned char box[16] = {0};
        ssize_t n = pread(fd, box, sizeof(box), (off_t)at);
        if (n < 8)
            return is_asked;
        uint64_t n_box = big_endian(box, 4);
        if (n_box == 1)
            n_box = n == 16 ? big_endian(box + 8, 8) : 0;
        is_asked |= memcmp(box + 4, "moof", 4) == 0;
        if (n_box < 8) // 0: to the end of the file
            return false;
        if (n_box > n_file - at)
            return is_asked;
        at += n_box;
    }
    return false;
}

bool truncation_find(int fd, enum truncation_scope scope)
{
    unsigned char head[16];
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return false;
    uint64_t n_file = (uint64_t)st.st_size;
    if (memcmp(head, "RIFF", 4) == 0)
        return riff_is_short(head, n_file);
    if (memcmp(head, "\x1a\x45\xdf\xa3", 4) == 0)
        return matroska_is_short(fd, head, n_file);
    if (memcmp(head + 4, "ftyp", 4) == 0 || memcmp(head + 4, "styp", 4) == 0)
        return mp4_is_short(fd, n_file, scope);
    return false;
}
