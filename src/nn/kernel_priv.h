// SPDX-License-Identifier: Apache-2.0
// kernel_priv.h - what the versions of the kernels share.
//
// A convolution is made block by block: up to KERNEL_MAX_PIXELS output pixels by up to
// KERNEL_MAX_PANELS panels of 16 output channels. Inputs are read in units of 4 bytes: one f32, two
// bf16 or four u8, which a version broadcasts and multiplies with 16 channels' weights for them. So
// the weights' layout is the same for all types:
//   [group of panels][tap][unit][panel of the group][channel of 16][element of the unit]
// Where pixels lie is a list of pointers, [tap][pixel]: a filter that reaches over the edge points
// at a pixel of zeros (U8: of zero points), so blocks know nothing of edges.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "nn/kernel.h"

#if defined(__clang__)
#define KERNEL_UNROLL     _Pragma("clang loop unroll(full)")
#define KERNEL_UNROLL_ALL _Pragma("clang loop unroll(full)")
#else
#define KERNEL_UNROLL     _Pragma("GCC unroll 16")
#define KERNEL_UNROLL_ALL _Pragma("GCC unroll 32")
#endif

enum {
    KERNEL_LANES = 16, // channels in a panel
    KERNEL_UNIT_BYTES = 4,
    KERNEL_MAX_PANELS = 4,
    KERNEL_MAX_PIXELS = 32,
    KERNEL_STRIP_PIXELS = 24, // with one panel
    KERNEL_MAX_VECTORS = 64,  // pixels times panels
    KERNEL_FEW_PIXELS = 8,    // a function for each number of them
    KERNEL_HALF_PANELS = 2,   // of up to as many the last may be half empty, and cost half
};

// Sums of a block, [pixel][panel][channel]: float (F32, BF16) or int32 (U8).
// Behind them lies room for 3 vectors, which finishing four at a time reads.
union kernel_sums {
    float f32[(KERNEL_MAX_VECTORS + 3) * KERNEL_LANES];
    int32_t s32[(KERNEL_MAX_VECTORS + 3) * KERNEL_LANES];
};

struct kernel_block {
    const uint8_t *const *pixels; // [tap][pixel]
    const void *weights;          // of the group
    int n_taps, n_units;
    int n_pixels, n_panels;
    int most_pixels;      // in a block of this run
    ptrdiff_t pixel_step; // bytes from a pixel to the next one, the same in all taps; 0: it varies
    bool tap_by_tap;      // F32: each tap's products are summed by themselves, then the taps' sums
};

// A tap of a strip: where it lies for the first pixel, and its weights.
struct kernel_tap {
    const uint8_t *pixel;
    const uint8_t *weights; // [unit][panel][channel][element]
};

// Pixels one distance apart, all of whose taps are in the picture, beside or below each other.
struct kernel_strip {
    const struct kernel_tap *taps;
    int n_taps, n_units;
    ptrdiff_t step;       // bytes from a pixel of the input to the next
    const int32_t *start; // [panel][channel]: what sums begin with
    // *out* and *add* are the first pixel's; *sums* and *n_pixels* are left open
    const struct kernel_finish *finish;
};

// *n_blocks* times the function's own number of pixels, from pixel *first* on.
typedef void kernel_strip_fn(const struct kernel_strip *s, int first, int n_blocks);

typedef void kernel_block_fn(const struct kernel_block *b, union kernel_sums *ret_sums);

enum {
    KERNEL_QUICK_PARTS = 64,
    KERNEL_QUICK_ONE = 32768,     // what stands for *range*
    KERNEL_QUICK_PART_SHIFT = 10, // at most: the parts are all 16 bits
};

// SILU for an output of U8 in 16 bits. With v such that 2^15 is *range*, saturated, and i = v >>
// part_shift from -32 to 31 (the outer parts go on), (base[i] + (slope[i] * v + 2^14 >> 15)) >>
// shift is the byte: 64 lines, within 0.4 of an output step of the curve. What is added, a, comes
// before the shift: (a - zero << 7) * quick_add + 2^14 >> 15.
struct kernel_quick {
    int16_t base[KERNEL_QUICK_PARTS];
    int16_t slope[KERNEL_QUICK_PARTS];
    float range;
    int part_shift;
    int shift; // a step of the output is 2^shift
};

// False: not so for this scale. *adds*: something is added, and may bring back what is beyond a
// byte.
bool kernel_quick_fill(float scale, int zero_point, bool adds, struct kernel_quick *ret_quick);

// What becomes of the sums: value = activate(sum * factor[c] + offset[c]), + what is added.
struct kernel_finish {
    const union kernel_sums *sums;
    int n_pixels, n_panels;
    int n_channels;      // in the panels that exist
    const float *factor; // NULL (F32, BF16): 1
    const float *offset; // of the group's first channel
    // SILU into U8; NULL: none, else factors and offsets give what stands above, below 2^31
    const struct kernel_quick *quick;
    int16_t quick_add;
    int16_t quick_add_zero; // of *add*
    enum kernel_activation activation;
    float alpha;
    enum kernel_type type;      // of the output
    float scale, inverse_scale; // U8
    float zero_point;
    float add_scale; // U8; values of *add* are add_scale * (u8 - add_zero_point)
    float add_zero_point;
    const uint8_t *add; // NULL: none
    uint8_t *out;
    ptrdiff_t add_stride, out_stride; // bytes from pixel to pixel
};

typedef void kernel_finish_fn(const struct kernel_finish *f);

// One version of the convolution for one type.
struct kernel_conv_impl {
    enum cpu_isa isa;
    int max_panels; // in a group
    int max_pixels[KERNEL_MAX_PANELS + 1];
    kernel_block_fn *blocks[KERNEL_MAX_PANELS + 1][KERNEL_FEW_PIXELS + 1];
    kernel_finish_fn *finish;
    // U8, where there: blocks read int16, *n_pixels* pixels of *n* bytes each as many int16,
    // strides in elements. Weights are kept as int16 then.
    void (*widen)(const uint8_t *in, ptrdiff_t in_stride, size_t n_pixels, size_t n, int16_t *out,
                  ptrdiff_t out_stride);
    // Where there: for all numbers of panels and pixels, between begin and end in one thread.
    kernel_block_fn *any_block;
    // Where there, by panels and pixels: for a last panel of at most half its channels.
    kernel_block_fn *half_blocks[KERNEL_HALF_PANELS + 1][KERNEL_FEW_PIXELS + 1];
    // Where there (U8): by panels and pixels, always for 1 and for *strip_pixels*, the most.
    kernel_strip_fn *const (*strips)[KERNEL_STRIP_PIXELS + 1];
    int strip_pixels[KERNEL_MAX_PANELS + 1];
    void (*begin)(int most_pixels, int n_units);
    void (*end)(void);
};

// By instruction set and type; NULL: the one of an earlier instruction set serves.
extern const struct kernel_conv_impl kernel_conv_c[KERNEL_N_TYPES];
extern const struct kernel_conv_impl kernel_conv_neon[KERNEL_N_TYPES];
extern const struct kernel_conv_impl kernel_conv_avx2[KERNEL_N_TYPES];
extern const struct kernel_conv_impl kernel_conv_avx512[KERNEL_N_TYPES];
extern const struct kernel_conv_impl kernel_conv_amx[KERNEL_N_TYPES];
extern const struct kernel_conv_impl kernel_conv_amx_model[KERNEL_N_TYPES]; // in tests only

extern kernel_strip_fn *const kernel_strips_vnni[KERNEL_MAX_PANELS + 1][KERNEL_STRIP_PIXELS + 1];

const struct kernel_conv_impl *kernel_conv_impl_for(enum kernel_type type, enum cpu_isa isa);
// As kernel_conv_create(), with a version of the caller's.
int kernel_conv_create_with(const struct kernel_conv_opts *opts,
                            const struct kernel_conv_impl *impl,
                            struct kernel_conv **ret_conv) MUST_CHECK;

// The C version's, and AVX-512's.
void kernel_finish_plain(const struct kernel_finish *f);
void kernel_finish_avx512(const struct kernel_finish *f);

// A float's upper half, rounded to nearest even; NaN stays NaN.
static inline uint16_t kernel_to_bf16(float v)
{
    union {
        float f;
        uint32_t u;
    } bits = {.f = v};
    if ((bits.u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits.u >> 16 | 0x40u);
    return (uint16_t)((bits.u + 0x7fffu + (bits.u >> 16 & 1)) >> 16);
}

static inline float kernel_from_bf16(uint16_t v)
{
    union {
        uint32_t u;
        float f;
    } bits = {.u = (uint32_t)v << 16};
    return bits.f;
}

// The reference of all activations.
float kernel_activate_one(float v, enum kernel_activation activation, float alpha);
