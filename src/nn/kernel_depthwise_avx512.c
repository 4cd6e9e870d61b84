// SPDX-License-Identifier: Apache-2.0
// kernel_depthwise_avx512.c - one filter a channel in AVX-512: up to 8 pixels of 16 channels at a
// time, sums in floats.
//
// The sums leave the registers before they are activated: activations are code of their own, one
// for each type of output. Bytes have a coarse one; bf16 has that of floats, as the quick one cost
// yolox_nano .006 of AP50 on 71 frames.

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/kernel_avx512_priv.h"
#include "nn/kernel_pass_priv.h"

enum {
    LANES = 16,
};

// --- finish

// Numbers, already scaled and shifted, to the nearest of 0..255; NaN: 0.
AVX512_INLINE __m128i to_bytes(__m512 v)
{
    return _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(_mm512_max_ps(v, _mm512_setzero_ps())));
}

AVX512_INLINE void finish_as(const struct kernel_depthwise_row *d, const float *sums, size_t c,
                             __mmask16 lanes, enum kernel_type type,
                             enum kernel_activation activation)
{
    const struct kernel_row_type *to = &d->map.out;
    const __m512 zero_point = _mm512_set1_ps(to->zero_point);
    for (int p = 0; p < d->n_pixels; p++, sums += LANES) {
        uint8_t *out = d->out + p * d->out_stride;
        __m512 v = _mm512_loadu_ps(sums);
        if (type == KERNEL_F32) {
            v = avx512_activate(v, activation, d->map.alpha, KERNEL_EXACT);
            _mm512_mask_storeu_ps(out + c * sizeof(float), lanes, v);
        } else if (type == KERNEL_BF16) {
            v = avx512_activate(v, activation, d->map.alpha, KERNEL_EXACT);
            _mm256_mask_storeu_epi16(out + c * sizeof(uint16_t), lanes, avx512_to_bf16(v));
        } else {
            if (activation == KERNEL_SILU) {
                v = avx512_silu_u8(v, _mm512_set1_ps(to->scale), zero_point);
            } else {
                v = avx512_activate(v, activation, d->map.alpha, KERNEL_COARSE);
                v = _mm512_fmadd_ps(v, _mm512_set1_ps(to->inverse_scale), zero_point);
            }
            _mm_mask_storeu_epi8(out + c, lanes, to_bytes(v));
        }
    }
}

AVX512_INLINE void finish_by_type(const struct kernel_depthwise_row *d, const float *sums, size_t c,
                                  __mmask16 lanes, enum kernel_activation activation)
{
    if (d->map.out.type == KERNEL_F32)
        finish_as(d, sums, c, lanes, KERNEL_F32, activation);
    else if (d->map.out.type == KERNEL_BF16)
        finish_as(d, sums, c, lanes, KERNEL_BF16, activation);
    else
        finish_as(d, sums, c, lanes, KERNEL_U8, activation);
}

AVX512 static void finish(const struct kernel_depthwise_row *d, const float *sums, size_t c,
                          __mmask16 lanes)
{
    if (d->map.activation == KERNEL_SILU)
        finish_by_type(d, sums, c, lanes, KERNEL_SILU);
    else if (d->map.activation == KERNEL_LINEAR)
        finish_by_type(d, sums, c, lanes, KERNEL_LINEAR);
    else
        finish_by_type(d, sums, c, lanes, d->map.activation);
}

// --- sums

AVX512_INLINE __m512 load(const uint8_t *p, enum kernel_type type, bool is_whole, __mmask16 lanes)
{
    if (!is_whole)
        return avx512_load(p, type, lanes);
    if (type == KERNEL_F32)
        return _mm512_loadu_ps(p);
    return avx512_from_bf16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

// *M* pixels, 16 channels from *c* on, or those of *lanes*.
AVX512_INLINE void sum_lanes(const struct kernel_depthwise_row *d, size_t n_channels, size_t c,
                             bool is_whole, __mmask16 lanes, int M, enum kernel_type type,
                             bool is_stepped)
{
    __m512 sums[KERNEL_DEPTHWISE_PIXELS];
    float room[KERNEL_DEPTHWISE_PIXELS * LANES];
    const uint8_t *const *pixels = d->pixels;
    const float *weights = d->weights + c;
    size_t at = c * (type == KERNEL_F32 ? sizeof(float) : sizeof(uint16_t));
    KERNEL_UNROLL for (int p = 0; p < M; p++) sums[p] = _mm512_setzero_ps();
    for (int tap = 0; tap < d->n_taps; tap++, weights += n_channels) {
        __m512 w = is_whole ? _mm512_loadu_ps(weights) : _mm512_maskz_loadu_ps(lanes, weights);
        KERNEL_UNROLL for (int p = 0; p < M; p++)
        {
            const uint8_t *from = is_stepped ? pixels[0] + p * d->pixel_step : pixels[p];
            sums[p] = _mm512_fmadd_ps(load(from + at, type, is_whole, lanes), w, sums[p]);
        }
        pixels += is_stepped ? 1 : M;
    }
    __m512 bias =
        is_whole ? _mm512_loadu_ps(d->bias + c) : _mm512_maskz_loadu_ps(lanes, d->bias + c);
    KERNEL_UNROLL for (int p = 0; p < M; p++)
        _mm512_storeu_ps(room + (ptrdiff_t)p * LANES, _mm512_add_ps(sums[p], bias));
    finish(d, room, c, lanes);
}

AVX512_INLINE void sum_all(const struct kernel_depthwise_row *d, size_t n_channels, int M,
                           enum kernel_type type, bool is_stepped)
{
    size_t c = 0;
    for (; c + LANES <= n_channels; c += LANES)
        sum_lanes(d, n_channels, c, true, (__mmask16)0xffff, M, type, is_stepped);
    if (c < n_channels)
        sum_lanes(d, n_channels, c, false, avx512_first((int)(n_channels - c)), M, type,
                  is_stepped);
}

// One function for each number of pixels.
#define DEPTHWISE(M)                                                                          \
    AVX512 static void depthwise_##M(const struct kernel_depthwise_row *d, size_t n_channels) \
    {                                                                                         \
        if (d->in == KERNEL_F32 && d->pixel_step)                                             \
            sum_all(d, n_channels, M, KERNEL_F32, true);                                      \
        else if (d->in == KERNEL_F32)                                                         \
            sum_all(d, n_channels, M, KERNEL_F32, false);                                     \
        else if (d->pixel_step)                                                               \
            sum_all(d, n_channels, M, KERNEL_BF16, true);                                     \
        else                                                                                  \
            sum_all(d, n_channels, M, KERNEL_BF16, false);                                    \
    }
DEPTHWISE(1)
DEPTHWISE(2)
DEPTHWISE(3)
DEPTHWISE(4)
DEPTHWISE(5)
DEPTHWISE(6)
DEPTHWISE(7)
DEPTHWISE(8)

AVX512 void kernel_depthwise_avx512(const struct kernel_depthwise_row *d, size_t n_channels)
{
    static void (*const by_pixels[])(const struct kernel_depthwise_row *d, size_t n_channels) = {
        NULL,        depthwise_1, depthwise_2, depthwise_3, depthwise_4,
        depthwise_5, depthwise_6, depthwise_7, depthwise_8};
    by_pixels[d->n_pixels](d, n_channels);
}
