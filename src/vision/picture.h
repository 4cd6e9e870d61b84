// SPDX-License-Identifier: Apache-2.0
// picture.h - a decoded, upright picture in memory, as decoders give it.
//
// Ownership: shared by counted reference; whoever was given one gives it back with picture_unref().
//   The maker supplies *release*, called when the last reference goes.
// Threads: ref and unref from any thread; pixels are read-only for everybody but the maker.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum picture_layout {
    PICTURE_LAYOUT_UNSET,
    PICTURE_YUV_PLANAR, // planes Y, U, V; chroma subsampled by the shifts
    PICTURE_NV12,       // planes Y, UV interleaved; 4:2:0, 8 bits
    PICTURE_GRAY,       // plane Y
    PICTURE_RGB,        // one plane, R G B bytes
};

enum picture_matrix {
    PICTURE_MATRIX_UNSET, // by size, as players do: 720 lines and more BT.709, else BT.601
    PICTURE_BT601,
    PICTURE_BT709,
    PICTURE_BT2020,
};

enum picture_range {
    PICTURE_RANGE_UNSET, // limited for YUV
    PICTURE_LIMITED,     // luma 16..235 (at 8 bits)
    PICTURE_FULL,
};

struct letterbox;

struct picture {
    atomic_int refs;
    enum picture_layout layout;
    enum picture_matrix matrix;
    enum picture_range range;
    int width; // pixels, rotation applied
    int height;
    int bit_depth;      // 8..16; above 8 samples are uint16_t in the machine's byte order
    int chroma_shift_x; // 0 or 1 (2 for 4:1:1); planar YUV only
    int chroma_shift_y; // 0 or 1 (2 for 4:1:0)
    const uint8_t *planes[3];
    ptrdiff_t strides[3]; // bytes; may be negative
    int64_t pts_us;       // presentation time after edit lists, nearest microsecond
    int64_t ordinal;      // place in presentation order from the stream's start, from 0
    const char *file; // picture sources: the file's path, lives as long as the picture; else NULL
    // NULL for a picture as it was decoded. Else these are a model's input pixels already: RGB rows
    // without gaps, of the size dst_width x dst_height; lives as long as the picture.
    const struct letterbox *prepared;
    void (*release)(struct picture *p); // frees the pixels and the struct
};

struct picture *picture_ref(struct picture *p);
void picture_unref(struct picture **pp); // NULL inside is a no-op; nulls your pointer

// An owned picture with its own pixels (undefined contents), for tests, rotation and drawing.
// Strides are multiples of 64. ERR_NOMEM, ERR_INVALID (sizes out of 1..65535).
int picture_create(enum picture_layout layout, int width, int height, int bit_depth,
                   int chroma_shift_x, int chroma_shift_y, struct picture **ret_picture) MUST_CHECK;
// The planes of a picture made by picture_create(), for its maker to fill.
uint8_t *picture_plane(struct picture *p, int plane);
