// SPDX-License-Identifier: Apache-2.0
// kernel_conv_neon.c - the convolution's blocks in NEON, F32. BF16 and U8 are the C version's.
//
// A block is one panel (four vectors) by up to 6 pixels: 24 of 32 registers hold sums.

#include <stddef.h>
#include <stdint.h>

#include "nn/kernel_neon_priv.h"
#include "nn/kernel_priv.h"

enum {
    VECTORS = KERNEL_LANES / NEON_LANES, // of a panel
};

// Adds a tap's sum to those before it, and returns what the next tap begins with.
NEON_INLINE float32x4_t put_tap(float *total, int tap, float32x4_t sum)
{
    vst1q_f32(total, tap > 0 ? vaddq_f32(vld1q_f32(total), sum) : sum);
    return vdupq_n_f32(0);
}

NEON_INLINE void block(const struct kernel_block *b, union kernel_sums *ret_sums, int M)
{
    float32x4_t sums[KERNEL_FEW_PIXELS][VECTORS];
    const float *weights = (const float *)b->weights;
    const uint8_t *const *pixels = b->pixels;
    KERNEL_UNROLL for (int i = 0; i < M * VECTORS; i++) sums[i / VECTORS][i % VECTORS] =
        vdupq_n_f32(0);
    for (int tap = 0; tap < b->n_taps; tap++, pixels += M) {
        for (ptrdiff_t k = 0; k < b->n_units; k++, weights += KERNEL_LANES) {
            float32x4_t w[VECTORS];
            KERNEL_UNROLL for (int v = 0; v < VECTORS; v++) w[v] =
                vld1q_f32(weights + (ptrdiff_t)v * NEON_LANES);
            KERNEL_UNROLL for (int m = 0; m < M; m++)
            {
                float32x4_t x = vld1q_dup_f32((const float *)(const void *)pixels[m] + k);
                KERNEL_UNROLL for (int v = 0; v < VECTORS; v++) sums[m][v] =
                    vfmaq_f32(sums[m][v], x, w[v]);
            }
        }
        if (!b->tap_by_tap)
            continue;
        KERNEL_UNROLL for (int i = 0; i < M * VECTORS; i++) sums[i / VECTORS][i % VECTORS] =
            put_tap(ret_sums->f32 + (ptrdiff_t)i * NEON_LANES, tap, sums[i / VECTORS][i % VECTORS]);
    }
    if (b->tap_by_tap)
        return;
    KERNEL_UNROLL for (int i = 0; i < M * VECTORS; i++)
        vst1q_f32(ret_sums->f32 + (ptrdiff_t)i * NEON_LANES, sums[i / VECTORS][i % VECTORS]);
}

#define BLOCK(M)                                                                      \
    static void block_x##M(const struct kernel_block *b, union kernel_sums *ret_sums) \
    {                                                                                 \
        block(b, ret_sums, M);                                                        \
    }
BLOCK(1)
BLOCK(2)
BLOCK(3)
BLOCK(4)
BLOCK(5)
BLOCK(6)

// --- finish, for outputs of F32

NEON_INLINE void finish_all(const struct kernel_finish *f, enum kernel_activation activation)
{
    const float *sums = f->sums->f32;
    for (int p = 0; p < f->n_pixels; p++, sums += (ptrdiff_t)f->n_panels * KERNEL_LANES) {
        float *out = (float *)(void *)(f->out + p * f->out_stride);
        const float *add =
            f->add ? (const float *)(const void *)(f->add + p * f->add_stride) : NULL;
        for (int c = 0; c < f->n_channels; c += NEON_LANES) {
            size_t n = (size_t)(f->n_channels - c);
            // the arrays of offsets and sums go on to the end of the last panel
            float32x4_t v = vaddq_f32(vld1q_f32(sums + c), vld1q_f32(f->offset + c));
            v = neon_activate(v, activation, f->alpha);
            if (add)
                v = vaddq_f32(v, neon_load_some(add + c, n));
            neon_store_some(out + c, v, n);
        }
    }
}

static void finish(const struct kernel_finish *f)
{
    if (f->type != KERNEL_F32)
        kernel_finish_plain(f);
    else if (f->activation == KERNEL_SILU)
        finish_all(f, KERNEL_SILU);
    else if (f->activation == KERNEL_LINEAR)
        finish_all(f, KERNEL_LINEAR);
    else
        finish_all(f, f->activation);
}

// clang-format off
const struct kernel_conv_impl kernel_conv_neon[KERNEL_N_TYPES] = {
    [KERNEL_F32] = {CPU_ISA_NEON, 1, {0, 6},
        {[1] = {NULL, block_x1, block_x2, block_x3, block_x4, block_x5, block_x6}},
        finish},
};
// clang-format on
