// SPDX-License-Identifier: Apache-2.0
// kernel.h - the inner loops of the network: convolutions with everything behind them fused, and
// the passes between them, each in C, AVX2, AVX-512 (and VNNI, BF16, AMX where they apply).
//
// All work on nhwc views. The C version is the reference: integer results are the same in every
// version where no exponential is involved; what differs, and by how much, stands at each function.
// tests/kernel/check_kernel.c holds them to it, and times them with --bench.
//
// Ownership: views borrow. Threads: everything here is constant after it was made; runs may share
// it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cpu.h"

enum kernel_type {
    KERNEL_TYPE_UNSET,
    KERNEL_F32,
    KERNEL_BF16, // the upper half of a float32, rounded to nearest even
    KERNEL_U8,   // value = scale * (u8 - zero_point)
    KERNEL_N_TYPES,
};

size_t kernel_type_bytes(enum kernel_type type);

// A picture of *channels* numbers a pixel. Rows follow each other without a gap; pixels are
// *pixel_stride* elements apart, so that a view may be some channels of a wider tensor.
struct kernel_view {
    void *data; // channel 0 of the pixel at the top left
    int height, width, channels;
    int pixel_stride; // elements; at least *channels*
    enum kernel_type type;
    float scale; // U8 only
    int zero_point;
};

enum kernel_activation {
    KERNEL_LINEAR,
    KERNEL_RELU,
    KERNEL_RELU6,
    KERNEL_LEAKY,        // v < 0 becomes alpha * v
    KERNEL_SILU,         // v * sigmoid(v)
    KERNEL_SIGMOID,      // 1 / (1 + exp(-v))
    KERNEL_HARD_SWISH,   // v * clip(v / 6 + 1/2, 0, 1)
    KERNEL_HARD_SIGMOID, // clip(alpha * v + 1/2, 0, 1); alpha 0 is 1/6
    KERNEL_N_ACTIVATIONS,
};

// --- convolution

enum {
    KERNEL_CONV_MAX_TAPS = 49, // of a filter, height times width
    KERNEL_CONV_MAX_CHANNELS = 1 << 14,
    KERNEL_CONV_FEW_CHANNELS = 4,
    KERNEL_CONV_MAX_SUM = 1 << 16, // products of a U8 sum, so that it fits 32 bits
};

// What a convolution is and does, group 1, dilation 1. The weights' precision is that of *type*:
// the inputs' type. U8 takes 8-bit weights, symmetric, with a scale for each output channel.
struct kernel_conv_opts {
    enum kernel_type type;
    int in_channels, out_channels;
    int kernel_height, kernel_width;
    int stride; // 1 or 2, both ways
    int pad_top, pad_left;
    const float *weights; // (out_channels, in_channels, kernel_height, kernel_width); borrowed
    const float *bias;    // out_channels; NULL: none
    enum kernel_activation activation;
    float alpha; // of the activation
    // U8: how inputs were quantised (weights are, here: nearest, scale = largest magnitude / 127)
    float in_scale;
    int in_zero_point;
    // How U8 outputs are quantised, where that is known: makes their SILU quick. 0: not known.
    float out_scale;
    int out_zero_point;
    bool adds;        // runs add something
    enum cpu_isa isa; // UNSET: the best allowed
};

struct kernel_conv;

// ERR_UNSUPPORTED: a shape that these kernels do not take. ERR_NOMEM, and the errors of
// cpu_isa_choose().
int kernel_conv_create(const struct kernel_conv_opts *opts,
                       struct kernel_conv **ret_conv) MUST_CHECK;
void kernel_conv_destroy(struct kernel_conv *c); // NULL is a no-op
// What the weights were packed to, in bytes.
size_t kernel_conv_bytes(const struct kernel_conv *c);
// The version that runs: that of an earlier instruction set where the type gains nothing from
// *isa*.
enum cpu_isa kernel_conv_isa(const struct kernel_conv *c);

// *in* (type of the options; in_channels) -> *out* (any type; out_channels; its height and width
// say how far the filter goes), activated; then *add* (NULL: nothing; type and size of *out*) is
// added. With up to KERNEL_CONV_FEW_CHANNELS of them (pictures) pixels of *in* must lie without
// gaps. Otherwise, where in_channels is no multiple of 4 (U8) or 2 (BF16), pixel_stride must be
// one, and the 1 to 3 elements behind a pixel's channels are read: anything for U8, finite for
// BF16. F32: the bits of the C version, up to the activation. U8: the same accumulators.
// Activations with an exponential: SILU and SIGMOID within 2e-6 relative + 1e-7 for F32 outputs and
// within 1e-4 of the value before rounding for the others. SILU from U8 into U8 that is quantised
// as the options said is made of 64 lines in 16 bits, within 0.4 of a step before rounding, the
// same bytes in C, AVX-512 and AMX.
// *scratch*: kernel_conv_scratch() bytes, on a border of 64; it belongs to this run alone.
void kernel_conv_run(const struct kernel_conv *c, const struct kernel_view *in,
                     const struct kernel_view *add, const struct kernel_view *out, void *scratch);
// What a run between pictures of these sizes works in, in bytes; 0: nothing (the views' data is not
// looked at).
size_t kernel_conv_scratch(const struct kernel_conv *c, const struct kernel_view *in,
                           const struct kernel_view *out);

// Operations a second (a multiplication and an addition are two) of one core in a convolution's
// inner block with all data in the first cache: more cannot be had from these kernels. Measured
// within some 20 ms; 0: out of memory.
double kernel_peak(enum kernel_type type);
