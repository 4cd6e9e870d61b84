// SPDX-License-Identifier: Apache-2.0
// rows.h - the inner loops of the steps that are no convolutions: one row of numbers after another.
//
// rows_impl.h is compiled once for each instruction set. No version may contract or reorder what is
// written there, so all give the same bits.
//
// Threads: any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nn/graph.h"

struct rows {
    // All of out[i], in[i]: n numbers, *_step elements apart.
    void (*unary)(const struct graph_activation *a, size_t n, const float *in, ptrdiff_t in_step,
                  float *out, ptrdiff_t out_step);
    void (*binary)(enum graph_binary kind, size_t n, const float *x, ptrdiff_t x_step,
                   const float *y, ptrdiff_t y_step, float *out, ptrdiff_t out_step);
    void (*max)(size_t n, const float *x, float *in_out); // side by side
    void (*add)(size_t n, const float *x, float *in_out);
    void (*scale)(size_t n, float factor, float *in_out);
    void (*blend)(size_t n, const float *x, const float *y, float weight, float *out);
    void (*exp_less)(size_t n, const float *in, float less, float *out); // exp(in - less)
    // bf16
    void (*max_bf16)(size_t n, const uint16_t *x, uint16_t *in_out);
    void (*add_bf16)(size_t n, const uint16_t *x, const uint16_t *y, uint16_t *out);
    void (*widen)(size_t n, const uint16_t *in, float *out);
    void (*narrow)(size_t n, const float *in, uint16_t *out);
    // (height, width) -> (width, height): rows of the input *in_step* apart, of the output
    // *out_step*, elements of four bytes
    void (*transpose)(size_t height, size_t width, const uint32_t *in, ptrdiff_t in_step,
                      uint32_t *out, ptrdiff_t out_step);
    void (*transpose16)(size_t height, size_t width, const uint16_t *in, ptrdiff_t in_step,
                        uint16_t *out, ptrdiff_t out_step); // of two bytes
};

// The best that the CPU has, at most what ASSAY_ISA allows.
const struct rows *rows_get(void);

extern const struct rows rows_c, rows_avx2, rows_avx512;
