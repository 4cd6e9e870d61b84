// SPDX-License-Identifier: Apache-2.0
// letterbox_priv.h - what the kernels of the letterbox share: one model row at a time, in 15 bits.
//
// A model row is made in three steps, each a kernel:
//   blend   two source rows -> one row of src_width samples   (vertical interpolation)
//   across  that row        -> width samples                  (horizontal interpolation)
//   store   Y, U, V rows    -> R G B bytes                    (matrix and range)
// Samples between the steps are int16_t in 0..32767: the source's value times 2^(15 - bit depth),
// so that from the first step on all bit depths are one. Roundings are exactly those of
// letterbox_c.c.
#pragma once

#include <stdint.h>

#include "base/attr.h"

enum {
    LETTERBOX_ROW_ONE = 32768,    // weight 1 of vertical interpolation; weights are below it
    LETTERBOX_COLUMN_ONE = 16384, // weight 1 of horizontal interpolation
    LETTERBOX_NEUTRAL = 16384,    // chroma of grey
    LETTERBOX_BLOCK = 16,         // columns that a permuting kernel makes at once
    LETTERBOX_WINDOW = 64,        // samples that one permutation can reach
    // Readable samples behind each row: blocks begin inside the row and reach two windows.
    LETTERBOX_ROW_PADDING = 2 * LETTERBOX_WINDOW,
    // Columns and out rows are readable (out rows writable) to the next multiple of this.
    LETTERBOX_COLUMN_MULTIPLE = 64,
};

// Source row index[i] and the one below it, with weight[i] of LETTERBOX_ROW_ONE, make row i. Where
// weight is 0 the one below need not exist.
struct letterbox_rows {
    int32_t *index;
    int16_t *weight;
};

// Samples index[i] and index[i] + 1 with weights[2i] and weights[2i + 1] make column i.
struct letterbox_columns {
    int n;
    int32_t *index;
    int16_t *weights;
    // The same for permuting kernels: block k reads from block_base[k]; lanes[32k...] are the
    // places of its 16 pairs from there. n_windows 0: some block reaches farther than two windows.
    int n_windows;
    int32_t *block_base;
    int16_t *lanes;
};

// All factors are below 2^15; see colour_make().
struct letterbox_colour {
    int16_t luma_offset; // black, in 15 bits
    int16_t luma;
    int16_t red_v, green_u, green_v, blue_u; // of chroma doubled and centred on 0
};

enum {
    LETTERBOX_COLOUR_SHIFT = 6, // bits below the point while colours are summed
};

struct letterbox_kernel {
    // *n* bytes of rows a and b -> n samples. a may equal b.
    void (*blend)(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight);
    // *n* pairs of bytes (U, V) -> n samples each.
    void (*blend_pairs)(int16_t *ret_u, int16_t *ret_v, const uint8_t *a, const uint8_t *b, int n,
                        int weight);
    // *n* samples of uint16_t, perhaps unaligned, *depth* bits of each used.
    void (*blend_words)(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight,
                        int depth);
    void (*across)(int16_t *ret, const int16_t *row, const struct letterbox_columns *columns);
    // Exactly 3n bytes are written.
    void (*store)(uint8_t *ret_rgb, const int16_t *const yuv[3], int n,
                  const struct letterbox_colour *colour);
};

extern const struct letterbox_kernel letterbox_kernel_c;
extern const struct letterbox_kernel letterbox_kernel_avx2;
extern const struct letterbox_kernel letterbox_kernel_avx512;

// The last two steps of RGB sources, whose rows are blended as 3n bytes: triples -> R G B bytes.
void letterbox_across_triples(uint8_t *ret_rgb, const int16_t *row,
                              const struct letterbox_columns *columns);

// The tables for *n_dst* model samples over *n_src* luma samples, in a plane that has one sample
// for 2^shift of them. ERR_NOMEM.
int letterbox_rows_init(struct letterbox_rows *rows, int n_src, int n_dst, int shift) MUST_CHECK;
void letterbox_rows_finish(struct letterbox_rows *rows);
int letterbox_columns_init(struct letterbox_columns *columns, int n_src, int n_dst,
                           int shift) MUST_CHECK;
void letterbox_columns_finish(struct letterbox_columns *columns);
