// SPDX-License-Identifier: Apache-2.0
// letterbox.h - a picture of any size becomes the model's input pixels in one pass, and boxes find
// the way back.
//
// The picture is scaled by bilinear interpolation (sample centres aligned, as cv2.resize
// INTER_LINEAR), colours are converted by the picture's own matrix and range, and the rest of the
// model's rectangle is filled. The C version is the reference; the SIMD versions give the same bits
// (tests/kernel). Chroma samples are taken to lie in the middle of the luma samples they belong to.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cpu.h"
#include "vision/box.h"

struct picture;

enum letterbox_rule {
    LETTERBOX_UNSET,
    LETTERBOX_CENTRE,   // keep the aspect, equal borders (YOLOv5 and on)
    LETTERBOX_TOP_LEFT, // keep the aspect, picture at the top left (YOLOX)
    LETTERBOX_STRETCH, // fill the rectangle, aspect lost (DETR family, NanoDet and PicoDet samples)
};

// Where the picture lies in the model's rectangle: plain values, copied freely.
struct letterbox {
    int src_width, src_height;
    int dst_width, dst_height; // the model's rectangle
    int x, y;                  // where the scaled picture begins
    int width, height;         // of the scaled picture
    float scale_x, scale_y;    // model pixels per source pixel
    uint8_t fill;              // 114 in the YOLO family
};

// LETTERBOX_UNSET is LETTERBOX_CENTRE. Sizes round as the reference programs of each rule do.
struct letterbox letterbox_make(enum letterbox_rule rule, int src_width, int src_height,
                                int dst_width, int dst_height, uint8_t fill);
// Model pixels to source pixels, clipped to the source picture.
struct box letterbox_to_source(const struct letterbox *lb, struct box in_model);

// Working memory of letterbox_run(): tables and rows, kept between calls with the same geometry.
//
// Threads: one at a time.
struct letterbox_scratch;
// *isa* as in base/cpu.h. ERR_NOMEM, and the errors of cpu_isa_choose().
int letterbox_scratch_create(enum cpu_isa isa, struct letterbox_scratch **ret_scratch) MUST_CHECK;
void letterbox_scratch_destroy(struct letterbox_scratch *s);

// *picture* -> *ret_rgb* (dst_height, dst_width, 3) bytes R G B without gaps, borders filled.
// ERR_UNSUPPORTED (a layout), ERR_INVALID (the picture is not of the size *lb* was made for),
// ERR_NOMEM.
int letterbox_run(struct letterbox_scratch *s, const struct letterbox *lb,
                  const struct picture *picture, uint8_t *ret_rgb) MUST_CHECK;
