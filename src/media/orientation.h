// SPDX-License-Identifier: Apache-2.0
// orientation.h - how stored pictures become upright: the eight ways to turn and mirror.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Upright (x, y) is stored (x, y) with *transpose*: x and y exchanged first; then a flip counts
// from the other end. flip_x mirrors along the stored x axis, flip_y along the stored y axis. Zero
// is upright already.
struct orientation {
    bool transpose;
    bool flip_x;
    bool flip_y;
};

// Of a container's display matrix (nine numbers; NULL: upright), to the nearest right angle.
struct orientation orientation_of_matrix(const int32_t *matrix);
// Of EXIF tag 0x0112; anything but 2..8 is upright.
struct orientation orientation_of_exif(int value);
// Degrees clockwise that make the picture upright: 0, 90, 180, 270; mirrored ones the turn of
// their transpose.
int orientation_degrees(struct orientation o);
bool orientation_is_upright(struct orientation o);

// Copies one plane of width x height stored samples of *sample_bytes* (1, 2 or 3) to its upright
// place.
struct plane_copy {
    const uint8_t *src;
    ptrdiff_t src_stride;
    uint8_t *dst;
    ptrdiff_t dst_stride;
    int width, height; // stored
    int sample_bytes;
};
void orientation_copy(struct orientation o, const struct plane_copy *c);
