// SPDX-License-Identifier: Apache-2.0
// kernel_pass_priv.h - the row functions that each instruction set has of its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nn/kernel.h"
#include "nn/kernel_priv.h"

enum {
    KERNEL_DEPTHWISE_PIXELS = 8, // at once
    KERNEL_TILE = 8,             // side of a block of a transposition
};

// How a row's numbers are read or written.
struct kernel_row_type {
    enum kernel_type type;
    float scale, inverse_scale, zero_point; // U8
};

struct kernel_map {
    struct kernel_row_type in, out;
    enum kernel_activation activation;
    float alpha;
};

struct kernel_depthwise_row {
    const uint8_t *const *pixels; // [tap][pixel]; [tap], the first pixel, where there is a step
    ptrdiff_t pixel_step;         // bytes from pixel to pixel in all taps; 0: each has a pointer
    int n_taps, n_pixels;         // 1..KERNEL_DEPTHWISE_PIXELS
    const float *weights;         // [tap][channel]
    const float *bias;
    enum kernel_type in;
    struct kernel_map map; // only out, activation and alpha
    uint8_t *out;
    ptrdiff_t out_stride; // bytes from pixel to pixel
};

struct kernel_rows {
    enum cpu_isa isa;
    void (*map)(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n);
    void (*lookup)(const uint8_t *in, uint8_t *out, size_t n, const uint8_t table[256]);
    // types[0..2]: of a, b, out
    void (*add)(const struct kernel_row_type types[3], const uint8_t *a, const uint8_t *b,
                uint8_t *out, size_t n);
    void (*max_of)(enum kernel_type type, const uint8_t *const *rows, int n_rows, uint8_t *out,
                   size_t n);
    // sums[i] += row[i], U8 as it is
    void (*sum)(enum kernel_type type, const uint8_t *row, float *sums, size_t n);
    void (*softmax)(float *row, size_t n);
    // as kernel_reach()
    size_t (*reach)(const float *rows, size_t n_rows, size_t n, size_t stride, float floor,
                    uint32_t *ret_found);
    // sum of i * row[i], the products added in order without rounding between
    float (*expect)(const float *row, size_t n);
    void (*depthwise)(const struct kernel_depthwise_row *d, size_t n_channels);
    // KERNEL_TILE rows of KERNEL_TILE floats, *in_stride* apart, transposed
    void (*transpose)(const float *in, size_t in_stride, float *out, size_t out_stride);
    // three rows of *n* floats, *in_stride* apart: out[3 i + row]
    void (*interleave)(const float *in, size_t in_stride, size_t n, float *out);
};

extern const struct kernel_rows kernel_rows_c;
extern const struct kernel_rows kernel_rows_neon;
extern const struct kernel_rows kernel_rows_avx2;
extern const struct kernel_rows kernel_rows_avx512;
extern const struct kernel_rows kernel_rows_avx512vnni; // byte permutations

float kernel_load_one(const struct kernel_row_type *type, const uint8_t *row, size_t i);
void kernel_store_one(const struct kernel_row_type *type, uint8_t *row, size_t i, float v);
// Rows that serve several instruction sets.
void kernel_lookup_bytes(const uint8_t *in, uint8_t *out, size_t n, const uint8_t table[256]);
void kernel_depthwise_avx512(const struct kernel_depthwise_row *d, size_t n_channels);
void kernel_transpose_avx2(const float *in, size_t in_stride, float *out, size_t out_stride);
void kernel_interleave_c(const float *in, size_t in_stride, size_t n, float *out);
void kernel_interleave_avx2(const float *in, size_t in_stride, size_t n, float *out);
