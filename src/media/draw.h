// SPDX-License-Identifier: Apache-2.0
// draw.h - boxes and labels on YUV 4:2:0 pixels. Private to the room.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct detection;
struct mark;

// 8-bit limited-range 4:2:0 planes, written to.
struct canvas {
    uint8_t *planes[3];
    ptrdiff_t strides[3];
    int width, height;
};

// The boxes of *d*, each times *scale_x*, *scale_y*, in a colour of its class, with label,
// confidence and track id. What lies outside is cut off.
void draw_detections(const struct canvas *c, const struct detection *d, size_t n, float scale_x,
                     float scale_y, const char *const *labels, size_t n_labels);
// The text of one detection: "person 0.91 #3", printable ASCII only, always terminated.
void draw_label_text(const struct detection *d, const char *const *labels, size_t n_labels,
                     char *ret_text, size_t n_bytes);
// Boxes by what became of them, their texts above all boxes.
void draw_marks(const struct canvas *c, const struct mark *marks, size_t n, float scale_x,
                float scale_y);
// Their texts side by side in the lower left corner, each on its kind's colour.
void draw_captions(const struct canvas *c, const struct mark *captions, size_t n);
