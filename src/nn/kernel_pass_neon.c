// SPDX-License-Identifier: Apache-2.0
// kernel_pass_neon.c - the row functions in NEON, 4 floats at a time. Rows of BF16 and U8, and what
// is not here, are the C version's.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/kernel_neon_priv.h"
#include "nn/kernel_pass_priv.h"

NEON_INLINE const float *floats(const uint8_t *row)
{
    return (const float *)(const void *)row;
}

NEON_INLINE float *out_floats(uint8_t *row)
{
    return (float *)(void *)row;
}

// --- rows

NEON_INLINE void map_all(const struct kernel_map *m, const float *in, float *out, size_t n,
                         enum kernel_activation activation)
{
    for (size_t i = 0; i < n; i += NEON_LANES)
        neon_store_some(out + i, neon_activate(neon_load_some(in + i, n - i), activation, m->alpha),
                        n - i);
}

static void map(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
    if (m->in.type != KERNEL_F32 || m->out.type != KERNEL_F32)
        kernel_rows_c.map(m, in, out, n);
    else if (m->activation == KERNEL_SILU)
        map_all(m, floats(in), out_floats(out), n, KERNEL_SILU);
    else
        map_all(m, floats(in), out_floats(out), n, m->activation);
}

static void add(const struct kernel_row_type types[3], const uint8_t *a, const uint8_t *b,
                uint8_t *out, size_t n)
{
    if (types[2].type != KERNEL_F32) {
        kernel_rows_c.add(types, a, b, out, n);
        return;
    }
    for (size_t i = 0; i < n; i += NEON_LANES)
        neon_store_some(
            out_floats(out) + i,
            vaddq_f32(neon_load_some(floats(a) + i, n - i), neon_load_some(floats(b) + i, n - i)),
            n - i);
}

static void max_of(enum kernel_type type, const uint8_t *const *rows, int n_rows, uint8_t *out,
                   size_t n)
{
    if (type != KERNEL_F32) {
        kernel_rows_c.max_of(type, rows, n_rows, out, n);
        return;
    }
    for (size_t i = 0; i < n; i += NEON_LANES) {
        float32x4_t most = neon_load_some(floats(rows[0]) + i, n - i);
        for (int r = 1; r < n_rows; r++) {
            float32x4_t v = neon_load_some(floats(rows[r]) + i, n - i);
            most = vbslq_f32(vcgtq_f32(v, most), v, most);
        }
        neon_store_some(out_floats(out) + i, most, n - i);
    }
}

static void sum(enum kernel_type type, const uint8_t *row, float *sums, size_t n)
{
    if (type != KERNEL_F32) {
        kernel_rows_c.sum(type, row, sums, n);
        return;
    }
    for (size_t i = 0; i < n; i += NEON_LANES)
        neon_store_some(
            sums + i,
            vaddq_f32(neon_load_some(sums + i, n - i), neon_load_some(floats(row) + i, n - i)),
            n - i);
}

// --- depthwise: up to 8 pixels of 4 channels

NEON_INLINE void depthwise_lanes(const struct kernel_depthwise_row *d, size_t n_channels, size_t c,
                                 size_t n, int M)
{
    float32x4_t sums[KERNEL_DEPTHWISE_PIXELS];
    const uint8_t *const *pixels = d->pixels;
    const float *weights = d->weights + c;
    KERNEL_UNROLL for (int p = 0; p < M; p++) sums[p] = vdupq_n_f32(0);
    for (int tap = 0; tap < d->n_taps; tap++, weights += n_channels) {
        float32x4_t w = neon_load_some(weights, n);
        KERNEL_UNROLL for (int p = 0; p < M; p++)
        {
            const uint8_t *from = d->pixel_step ? pixels[0] + p * d->pixel_step : pixels[p];
            sums[p] = vfmaq_f32(sums[p], neon_load_some(floats(from) + c, n), w);
        }
        pixels += d->pixel_step ? 1 : M;
    }
    float32x4_t bias = neon_load_some(d->bias + c, n);
    KERNEL_UNROLL for (int p = 0; p < M; p++)
    {
        float32x4_t v = vaddq_f32(sums[p], bias);
        v = d->map.activation == KERNEL_SILU ? neon_logistic(v, v)
                                             : neon_activate(v, d->map.activation, d->map.alpha);
        neon_store_some(out_floats(d->out + p * d->out_stride) + c, v, n);
    }
}

NEON_INLINE void depthwise_all(const struct kernel_depthwise_row *d, size_t n_channels, int M)
{
    size_t c = 0;
    for (; c + NEON_LANES <= n_channels; c += NEON_LANES)
        depthwise_lanes(d, n_channels, c, NEON_LANES, M);
    if (c < n_channels)
        depthwise_lanes(d, n_channels, c, n_channels - c, M);
}

#define DEPTHWISE(M)                                                                   \
    static void depthwise_##M(const struct kernel_depthwise_row *d, size_t n_channels) \
    {                                                                                  \
        depthwise_all(d, n_channels, M);                                               \
    }
DEPTHWISE(1)
DEPTHWISE(2)
DEPTHWISE(3)
DEPTHWISE(4)
DEPTHWISE(5)
DEPTHWISE(6)
DEPTHWISE(7)
DEPTHWISE(8)

static void depthwise(const struct kernel_depthwise_row *d, size_t n_channels)
{
    static void (*const by_pixels[])(const struct kernel_depthwise_row *d, size_t n_channels) = {
        NULL,        depthwise_1, depthwise_2, depthwise_3, depthwise_4,
        depthwise_5, depthwise_6, depthwise_7, depthwise_8};
    if (d->in == KERNEL_F32 && d->map.out.type == KERNEL_F32)
        by_pixels[d->n_pixels](d, n_channels);
    else
        kernel_rows_c.depthwise(d, n_channels);
}

// --- the C version's

static void softmax(float *row, size_t n)
{
    kernel_rows_c.softmax(row, n);
}

static size_t reach(const float *rows, size_t n_rows, size_t n, size_t stride, float floor,
                    uint32_t *ret_found)
{
    return kernel_rows_c.reach(rows, n_rows, n, stride, floor, ret_found);
}

static float expect(const float *row, size_t n)
{
    return kernel_rows_c.expect(row, n);
}

static void transpose(const float *in, size_t in_stride, float *out, size_t out_stride)
{
    kernel_rows_c.transpose(in, in_stride, out, out_stride);
}

const struct kernel_rows kernel_rows_neon = {
    .isa = CPU_ISA_NEON,
    .map = map,
    .lookup = kernel_lookup_bytes,
    .add = add,
    .max_of = max_of,
    .sum = sum,
    .softmax = softmax,
    .reach = reach,
    .expect = expect,
    .depthwise = depthwise,
    .transpose = transpose,
    .interleave = kernel_interleave_c,
};
