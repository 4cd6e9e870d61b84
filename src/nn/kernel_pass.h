// SPDX-License-Identifier: Apache-2.0
// kernel_pass.h - what a network does between its convolutions, over nhwc views: activations,
// changes of type, additions, pools, upsampling, softmax, depthwise filters, planes.
//
// Each pass walks its views and leaves the numbers to row functions, of which each instruction set
// has a table. All agree bit by bit but where an exponential or a sum of many is involved; the
// tolerances stand at each. U8 outputs: values must be finite and, scaled, below 2^31.
//
// Ownership: everything is borrowed. Threads: all constant; any number at once.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cpu.h"
#include "nn/kernel.h"

struct kernel_rows;

// ERR_INVALID, ERR_UNAVAILABLE: as cpu_isa_choose().
int kernel_rows_choose(enum cpu_isa isa, const struct kernel_rows **ret_rows) MUST_CHECK;
enum cpu_isa kernel_rows_isa(const struct kernel_rows *k);

// *in* -> *out*, of any types, same height, width and channels; activated between. LINEAR between
// equal types and quantisations is a copy: how a concat is made where its parts could not be
// written in place. *in* may be *out*. SILU, SIGMOID: F32 within 2e-6 of the value + 1e-7, BF16
// within 1e-4 (of the value + 1) before rounding, U8 within 2e-3.
void kernel_activate(const struct kernel_rows *k, const struct kernel_view *in,
                     const struct kernel_view *out, enum kernel_activation activation, float alpha);

// U8 to U8 by a table of what each becomes.
void kernel_lookup(const struct kernel_rows *k, const struct kernel_view *in,
                   const struct kernel_view *out, const uint8_t table[256]);
// Fills the table that kernel_activate() would agree with.
void kernel_lookup_fill(const struct kernel_view *in, const struct kernel_view *out,
                        enum kernel_activation activation, float alpha, uint8_t ret_table[256]);

// *a* + *b* -> *out*; all of one type. *out* may be either.
void kernel_add(const struct kernel_rows *k, const struct kernel_view *a,
                const struct kernel_view *b, const struct kernel_view *out);

// Each pixel of *in* becomes a square of them: out's height and width are whole multiples of in's.
// Types and quantisations are equal.
void kernel_upsample(const struct kernel_view *in, const struct kernel_view *out);

enum {
    KERNEL_POOL_MAX_SIDE = 15,
};

struct kernel_pool {
    int height, width; // of the window; 1..KERNEL_POOL_MAX_SIDE
    int stride_y, stride_x;
    int pad_top, pad_left; // what lies outside counts for nothing
};

// Types and quantisations of *in* and *out* are equal. Every window reaches into the picture.
void kernel_max_pool(const struct kernel_rows *k, const struct kernel_view *in,
                     const struct kernel_view *out, const struct kernel_pool *pool);
// The mean over all pixels: *out* is one pixel, of any type. Within 1e-6 of the largest magnitude.
void kernel_mean(const struct kernel_rows *k, const struct kernel_view *in,
                 const struct kernel_view *out);

// Each of *n_rows* rows of *n* floats, *stride* apart, in place. Within 2e-6.
void kernel_softmax(const struct kernel_rows *k, float *rows, size_t n_rows, size_t n,
                    size_t stride);

// Of *n_rows* rows of *n* floats, *stride* apart, those in which a number is *floor* or more:
// which, in order, into *ret_found* (room for all). Returns how many; the same in every version.
size_t kernel_reach(const struct kernel_rows *k, const float *rows, size_t n_rows, size_t n,
                    size_t stride, float floor, uint32_t *ret_found);

// Of each of *n_rows* rows of *n* shares, without gaps, the sum of i times the i-th: the bits that
// a convolution with weights 0, 1, ... n-1 gives in every version.
void kernel_expect(const struct kernel_rows *k, const float *rows, size_t n_rows, size_t n,
                   float *ret_values);

// One filter a channel; sums in float, the taps in order, so F32 gives the C version's bits up to
// the activation.
struct kernel_depthwise {
    int kernel_height, kernel_width; // at most KERNEL_CONV_MAX_TAPS taps
    int stride, pad_top, pad_left;
    const float *weights; // [tap][channel], the reverse of ONNX: see kernel_depthwise_pack()
    const float *bias;    // channels
    enum kernel_activation activation;
    float alpha;
};

// (channels, n_taps) as ONNX has them -> [tap][channel].
void kernel_depthwise_pack(const float *weights, int n_channels, int n_taps, float *ret_weights);
// F32 or BF16 *in* -> *out* of any type.
void kernel_depthwise_run(const struct kernel_rows *k, const struct kernel_depthwise *d,
                          const struct kernel_view *in, const struct kernel_view *out);

// Floats (channels, height, width) <-> a view of any type.
void kernel_from_planes(const struct kernel_rows *k, const float *planes,
                        const struct kernel_view *out);
void kernel_to_planes(const struct kernel_rows *k, const struct kernel_view *in, float *ret_planes);
