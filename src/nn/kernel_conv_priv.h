// SPDX-License-Identifier: Apache-2.0
// kernel_conv_priv.h - a convolution and one run of it, for the two ways over a picture: blocks at
// pointers (kernel_conv.c) and strips of equal steps (kernel_conv_strip.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/kernel.h"
#include "nn/kernel_priv.h"

enum {
    // of a row of taps over few channels, which is copied where it cannot be read in place
    KERNEL_MAX_PATCH_BYTES =
        KERNEL_CONV_MAX_TAPS * KERNEL_CONV_FEW_CHANNELS * 4 + KERNEL_UNIT_BYTES,
};

// Panels of output channels that one block makes.
struct kernel_group {
    int n_panels;
    int first_channel;
    size_t weights_at; // bytes
};

struct kernel_conv {
    struct kernel_conv_opts opts; // weights and bias are NULL
    const struct kernel_conv_impl *impl;
    bool is_merged;      // (3) of kernel_conv.c
    bool tap_by_tap;     // (4) of it
    int n_taps, n_units; // a row of taps counts as one where merged
    int n_panels, n_groups;
    size_t weights_bytes;
    struct kernel_group *groups;
    uint8_t *weights;
    float *factor; // NULL but for U8
    float *offset;
    uint8_t *padding; // a pixel of zeros or zero points
    // what strips that leave out taps begin with: [tap][channel], zero point times weights
    int32_t *tap_sums;          // NULL: no strips
    struct kernel_quick *quick; // NULL: no activation by table
    float *quick_factor, *quick_offset;
};

// One run: the views as the walk sees them, and the pointers of the block at hand.
struct kernel_walk {
    const struct kernel_conv *conv;
    const uint8_t *in;
    ptrdiff_t in_from; // bytes of the picture before *in*: a band of it, widened
    int in_height, in_width;
    int out_height, out_width;
    ptrdiff_t in_stride;   // bytes from pixel to pixel
    const uint8_t *narrow; // the picture, where *in* is a widened band of it, in *wide*
    ptrdiff_t narrow_stride;
    int16_t *wide;
    struct kernel_finish finish;
    uint8_t *out;
    const uint8_t *add;
    size_t out_bytes; // of an element, also of *add*
    const uint8_t *pixels[KERNEL_CONV_MAX_TAPS * KERNEL_MAX_PIXELS];
    int most_pixels; // in a block
    int ahead; // columns for which *pixels* is right when moved on, all being in place; 0: none
    // (3): rows of taps that cannot be read in place, [tap][pixel]
    uint8_t patches[KERNEL_MAX_PIXELS][KERNEL_MAX_PATCH_BYTES];
};

// What finishing needs to know of the group's channels.
void kernel_conv_channels(struct kernel_walk *w, const struct kernel_group *g);
// Columns [from, to) of row *y* in blocks of nearly one size, wherever their taps lie.
void kernel_conv_row(struct kernel_walk *w, const struct kernel_group *g, int y, int from, int to);
// The same of a part of the picture, by strips (impl->strips).
void kernel_conv_strips(struct kernel_walk *w, const struct kernel_group *g, int y_from, int y_to,
                        int x_from, int x_to);
// Fills in what strips need; the weights are packed.
int kernel_conv_prepare_strips(struct kernel_conv *c) MUST_CHECK; // ERR_NOMEM
