// SPDX-License-Identifier: Apache-2.0
// exif.c - the orientation that a camera wrote into a JPEG (Exif 2.32, sections 4.5 and 4.6.4).

#include "media/exif.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

enum {
    UPRIGHT = 1,
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    MARKER_APP1 = 0xe1,
    MARKER_SOS = 0xda,
    IFD_ENTRY_BYTES = 12,
};

// The TIFF block inside the APP1 segment.
struct block {
    const uint8_t *p;
    size_t n;
    bool is_big_endian;
};

static unsigned u16_at(const struct block *b, size_t at)
{
    if (at > b->n || b->n - at < 2)
        return 0;
    const uint8_t *p = b->p + at;
    return b->is_big_endian ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static size_t u32_at(const struct block *b, size_t at)
{
    unsigned first = u16_at(b, at);
    unsigned second = u16_at(b, at + 2);
    return b->is_big_endian ? (size_t)first << 16 | second : (size_t)second << 16 | first;
}

static int orientation_of_block(struct block b)
{
    if (b.n < 8 || (memcmp(b.p, "II*\0", 4) != 0 && memcmp(b.p, "MM\0*", 4) != 0))
        return UPRIGHT;
    b.is_big_endian = b.p[0] == 'M';
    size_t at = u32_at(&b, 4);
    unsigned n_entries = u16_at(&b, at); // 0 where at lies outside
    at += 2;
    for (unsigned i = 0; i < n_entries && at + IFD_ENTRY_BYTES <= b.n; i++, at += IFD_ENTRY_BYTES) {
        if (u16_at(&b, at) != TAG_ORIENTATION || u16_at(&b, at + 2) != TYPE_SHORT)
            continue;
        unsigned value = u16_at(&b, at + 8);
        return value >= 1 && value <= 8 ? (int)value : UPRIGHT;
    }
    return UPRIGHT;
}

int exif_orientation_of_jpeg(const void *bytes, size_t n)
{
    static const char head[] = "Exif\0"; // and its own zero: six bytes
    const uint8_t *p = (const uint8_t *)bytes;
    size_t at = 2; // after SOI
    while (n >= 4 && at <= n - 4) {
        if (p[at] != 0xff)
            return UPRIGHT;
        unsigned marker = p[at + 1];
        if (marker == 0xff) { // fill byte
            at++;
            continue;
        }
        size_t n_segment = (size_t)p[at + 2] << 8 | p[at + 3]; // counts its own two bytes
        if (marker == MARKER_SOS || n_segment < 2 || n_segment > n - at - 2)
            return UPRIGHT;
        const uint8_t *body = p + at + 4;
        size_t n_body = n_segment - 2;
        if (marker == MARKER_APP1 && n_body > sizeof(head) && memcmp(body, head, sizeof(head)) == 0)
            return orientation_of_block(
                (struct block){.p = body + sizeof(head), .n = n_body - sizeof(head)});
        at += 2 + n_segment;
    }
    return UPRIGHT;
}
