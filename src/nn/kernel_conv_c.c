// SPDX-License-Identifier: Apache-2.0
// kernel_conv_c.c - the reference of the convolution's blocks: one sum after the other.

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nn/kernel_priv.h"

// One unit of 4 bytes times its weights, added to a sum; weights as they lie in a panel's lane.

static void add_f32(union kernel_sums *sums, size_t at, const uint8_t *pixel,
                    const uint8_t *weights)
{
    float x;
    float w;
    memcpy(&x, pixel, sizeof(x));
    memcpy(&w, weights, sizeof(w));
    sums->f32[at] = fmaf(x, w, sums->f32[at]);
}

static void add_bf16(union kernel_sums *sums, size_t at, const uint8_t *pixel,
                     const uint8_t *weights)
{
    uint16_t x[2];
    uint16_t w[2];
    memcpy(x, pixel, sizeof(x));
    memcpy(w, weights, sizeof(w));
    for (int i = 0; i < 2; i++)
        sums->f32[at] = fmaf(kernel_from_bf16(x[i]), kernel_from_bf16(w[i]), sums->f32[at]);
}

static void add_u8(union kernel_sums *sums, size_t at, const uint8_t *pixel, const uint8_t *weights)
{
    for (int i = 0; i < KERNEL_UNIT_BYTES; i++)
        sums->s32[at] += pixel[i] * (int8_t)weights[i];
}

typedef void add_fn(union kernel_sums *sums, size_t at, const uint8_t *pixel,
                    const uint8_t *weights);

static inline void block(const struct kernel_block *b, union kernel_sums *ret_sums, add_fn *add)
{
    enum { PANEL_BYTES = KERNEL_LANES * KERNEL_UNIT_BYTES };
    const uint8_t *weights = (const uint8_t *)b->weights;
    size_t n_channels = (size_t)b->n_panels * KERNEL_LANES;
    memset(ret_sums, 0, sizeof(*ret_sums));
    for (int tap = 0; tap < b->n_taps; tap++) {
        for (int unit = 0; unit < b->n_units; unit++) {
            for (int p = 0; p < b->n_pixels; p++) {
                const uint8_t *pixel = b->pixels[tap * b->n_pixels + p] + unit * KERNEL_UNIT_BYTES;
                for (size_t c = 0; c < n_channels; c++)
                    add(ret_sums, (size_t)p * n_channels + c, pixel,
                        weights + c * KERNEL_UNIT_BYTES);
            }
            weights += (size_t)b->n_panels * PANEL_BYTES;
        }
    }
}

static void block_f32(const struct kernel_block *b, union kernel_sums *ret_sums)
{
    if (!b->tap_by_tap) {
        block(b, ret_sums, add_f32);
        return;
    }
    struct kernel_block one = *b;
    size_t n_sums = (size_t)b->n_pixels * (size_t)b->n_panels * KERNEL_LANES;
    size_t weights_step = (size_t)b->n_units * (size_t)b->n_panels * KERNEL_LANES;
    one.n_taps = 1;
    block(&one, ret_sums, add_f32);
    for (int tap = 1; tap < b->n_taps; tap++) {
        union kernel_sums sums;
        one.pixels += b->n_pixels;
        one.weights = (const float *)one.weights + weights_step;
        block(&one, &sums, add_f32);
        for (size_t i = 0; i < n_sums; i++)
            ret_sums->f32[i] += sums.f32[i];
    }
}

static void block_bf16(const struct kernel_block *b, union kernel_sums *ret_sums)
{
    block(b, ret_sums, add_bf16);
}

static void block_u8(const struct kernel_block *b, union kernel_sums *ret_sums)
{
    block(b, ret_sums, add_u8);
}

// --- finish

static float added(const struct kernel_finish *f, const uint8_t *add, float v)
{
    float a;
    uint16_t half;
    switch (f->type) {
    case KERNEL_F32:
        memcpy(&a, add, sizeof(a));
        return v + a;
    case KERNEL_BF16:
        memcpy(&half, add, sizeof(half));
        return v + kernel_from_bf16(half);
    default:
        return fmaf(f->add_scale, (float)*add - f->add_zero_point, v);
    }
}

static void put(const struct kernel_finish *f, uint8_t *out, float v)
{
    uint16_t half;
    float q;
    switch (f->type) {
    case KERNEL_F32:
        memcpy(out, &v, sizeof(v));
        return;
    case KERNEL_BF16:
        half = kernel_to_bf16(v);
        memcpy(out, &half, sizeof(half));
        return;
    default:
        q = rintf(fmaf(v, f->inverse_scale, f->zero_point));
        *out = q >= 0 ? (uint8_t)fminf(q, 255) : 0; // NaN: 0
    }
}

static int to_s16(int v)
{
    return MIN(MAX(v, INT16_MIN), INT16_MAX);
}

// See struct kernel_quick; to the bit what AVX-512 does.
static uint8_t quick(const struct kernel_finish *f, float v, const uint8_t *add)
{
    const struct kernel_quick *q = f->quick;
    enum { HALF_PARTS = KERNEL_QUICK_PARTS / 2, ROUND = 1 << 14, SLOPE_SHIFT = 15 };
    int x = (int)fminf(fmaxf(rintf(v), INT16_MIN), INT16_MAX);
    int part = MIN(MAX(x >> q->part_shift, -HALF_PARTS), HALF_PARTS - 1);
    part &= KERNEL_QUICK_PARTS - 1;
    int y = to_s16(q->base[part] + ((q->slope[part] * x + ROUND) >> SLOPE_SHIFT));
    if (add)
        y = to_s16(y + (((*add - f->quick_add_zero) * 128 * f->quick_add + ROUND) >> SLOPE_SHIFT));
    y >>= q->shift;
    return (uint8_t)MIN(MAX(y, 0), UINT8_MAX);
}

void kernel_finish_plain(const struct kernel_finish *f)
{
    size_t bytes = kernel_type_bytes(f->type);
    for (int p = 0; p < f->n_pixels; p++) {
        for (int c = 0; c < f->n_channels; c++) {
            int at = p * f->n_panels * KERNEL_LANES + c;
            float v = f->factor ? fmaf((float)f->sums->s32[at], f->factor[c], f->offset[c])
                                : f->sums->f32[at] + f->offset[c];
            if (f->quick) {
                const uint8_t *add = f->add ? f->add + p * f->add_stride + c : NULL;
                f->out[p * f->out_stride + c] = quick(f, v, add);
                continue;
            }
            v = kernel_activate_one(v, f->activation, f->alpha);
            if (f->add)
                v = added(f, f->add + p * f->add_stride + (size_t)c * bytes, v);
            put(f, f->out + p * f->out_stride + (size_t)c * bytes, v);
        }
    }
}

#define ROW(f)                       \
    {                                \
        NULL, f, f, f, f, f, f, f, f \
    }
#define BLOCKS(f)                                               \
    {                                                           \
        [1] = ROW(f), [2] = ROW(f), [3] = ROW(f), [4] = ROW(f), \
    }

const struct kernel_conv_impl kernel_conv_c[KERNEL_N_TYPES] = {
    // clang-format off
    [KERNEL_F32]  = {CPU_ISA_C, 4, {0, 8, 8, 8, 8}, BLOCKS(block_f32),  kernel_finish_plain},
    [KERNEL_BF16] = {CPU_ISA_C, 4, {0, 8, 8, 8, 8}, BLOCKS(block_bf16), kernel_finish_plain},
    [KERNEL_U8]   = {CPU_ISA_C, 4, {0, 8, 8, 8, 8}, BLOCKS(block_u8),   kernel_finish_plain},
    // clang-format on
};
