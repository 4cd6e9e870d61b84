// SPDX-License-Identifier: Apache-2.0
// kernel_avx512_priv.h - activations, loads and stores of 16 numbers, for the AVX-512 kernels.
#pragma once

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/kernel_priv.h"

// The files are built for any CPU; each function says what it needs.
#define AVX512_TARGET "avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"
#define AVX512        __attribute__((target(AVX512_TARGET)))
#define AVX512_INLINE __attribute__((target(AVX512_TARGET), always_inline)) static inline

// How exact an exponential must be, for outputs of each type: 8e-8, 8e-5 or 2e-3 relative.
enum kernel_exactness {
    KERNEL_EXACT,  // F32
    KERNEL_QUICK,  // BF16
    KERNEL_COARSE, // U8: SILU is off by 5e-4 at most
};

AVX512_INLINE __mmask16 avx512_first(int n)
{
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}

// 2^t to 8e-8 of it: t = n + f, f in [-1/2, 1/2], a polynomial for 2^f.
AVX512_INLINE __m512 avx512_exp2(__m512 t)
{
    __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_sub_ps(t, n);
    __m512 p = _mm512_set1_ps(0.00132764722f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.00967554133f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.0555071327f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.240221197f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.693146967f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

// 2^t to 8e-5 of it (COARSE: 2e-3): t = floor(t) + f.
AVX512_INLINE __m512 avx512_exp2_quick(__m512 t, enum kernel_exactness exactness)
{
    __m512 f = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p;
    if (exactness == KERNEL_COARSE) {
        p = _mm512_fmadd_ps(_mm512_set1_ps(0.337189434f), f, _mm512_set1_ps(0.657636276f));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.00172476f));
    } else {
        p = _mm512_fmadd_ps(_mm512_set1_ps(0.0780245227f), f, _mm512_set1_ps(0.226067155f));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.69583354f));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.999925219f));
    }
    return _mm512_scalef_ps(p, t); // by 2^floor(t)
}

// *numerator* / (1 + exp(-v)). EXACT: exp(-v) may be infinite, the quotient 0.
AVX512_INLINE __m512 avx512_logistic(__m512 numerator, __m512 v, enum kernel_exactness exactness)
{
    __m512 one = _mm512_set1_ps(1.0f);
    __m512 t = _mm512_mul_ps(v, _mm512_set1_ps(-1.44269504f));
    if (exactness == KERNEL_EXACT)
        return _mm512_div_ps(numerator, _mm512_add_ps(one, avx512_exp2(t)));
    __m512 e = avx512_exp2_quick(t, exactness);
    return _mm512_mul_ps(numerator, _mm512_rcp14_ps(_mm512_add_ps(one, e)));
}

// SILU(v) / scale + zero, for an output of U8.
AVX512_INLINE __m512 avx512_silu_u8(__m512 v, __m512 scale, __m512 zero)
{
    __m512 t = _mm512_mul_ps(v, _mm512_set1_ps(-1.44269504f));
    __m512 e = avx512_exp2_quick(t, KERNEL_COARSE);
    return _mm512_fmadd_ps(v, _mm512_rcp14_ps(_mm512_fmadd_ps(e, scale, scale)), zero);
}

AVX512_INLINE __m512 avx512_clip(__m512 v, float low, float high)
{
    return _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(low)), _mm512_set1_ps(high));
}

AVX512_INLINE __m512 avx512_activate(__m512 v, enum kernel_activation activation, float alpha,
                                     enum kernel_exactness exactness)
{
    __m512 zero = _mm512_setzero_ps();
    __m512 half = _mm512_set1_ps(0.5f);
    switch (activation) {
    case KERNEL_RELU:
        return _mm512_max_ps(v, zero);
    case KERNEL_RELU6:
        return avx512_clip(v, 0, 6);
    case KERNEL_LEAKY:
        return _mm512_mask_mul_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), v,
                                  _mm512_set1_ps(alpha));
    case KERNEL_SILU:
        return avx512_logistic(v, v, exactness);
    case KERNEL_SIGMOID:
        return avx512_logistic(_mm512_set1_ps(1.0f), v, exactness);
    case KERNEL_HARD_SWISH:
        return _mm512_mul_ps(v,
                             avx512_clip(_mm512_fmadd_ps(v, _mm512_set1_ps(1.0f / 6), half), 0, 1));
    case KERNEL_HARD_SIGMOID:
        return avx512_clip(_mm512_fmadd_ps(v, _mm512_set1_ps(alpha != 0 ? alpha : 1.0f / 6), half),
                           0, 1);
    default:
        return v;
    }
}

AVX512_INLINE __m512 avx512_from_bf16(__m256i v)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

// As kernel_to_bf16().
AVX512_INLINE __m256i avx512_to_bf16(__m512 v)
{
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    up = _mm512_mask_or_epi32(up, is_nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(up, 16));
}

// As an integer; nothing overflows, NaN stays and becomes the least one.
AVX512_INLINE __m512i avx512_to_s32(__m512 v)
{
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_set1_ps(65535), v));
}

// Four vectors, already scaled and shifted, to the nearest of 0..255.
AVX512_INLINE __m512i avx512_to_u8(__m512 a, __m512 b, __m512 c, __m512 d)
{
    // packing works in quarters: dword 4 q + i holds quarter q of vector i
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i ab = _mm512_packs_epi32(avx512_to_s32(a), avx512_to_s32(b));
    __m512i cd = _mm512_packs_epi32(avx512_to_s32(c), avx512_to_s32(d));
    return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(ab, cd));
}

AVX512_INLINE __m512 avx512_load(const uint8_t *p, enum kernel_type type, __mmask16 lanes)
{
    if (type == KERNEL_F32)
        return _mm512_maskz_loadu_ps(lanes, p);
    if (type == KERNEL_BF16)
        return avx512_from_bf16(_mm256_maskz_loadu_epi16(lanes, p));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, p)));
}

AVX512_INLINE __m128i avx512_quarter(__m512i v, int i)
{
    return i == 0   ? _mm512_castsi512_si128(v)
           : i == 1 ? _mm512_extracti32x4_epi32(v, 1)
           : i == 2 ? _mm512_extracti32x4_epi32(v, 2)
                    : _mm512_extracti32x4_epi32(v, 3);
}

// --- SILU into bytes by lines (struct kernel_quick)

struct avx512_lines {
    __m512i base_low, base_high, slope_low, slope_high, shift, part_shift;
    bool goes_on; // the outer parts do
};

AVX512_INLINE struct avx512_lines avx512_lines_of(const struct kernel_quick *q)
{
    return (struct avx512_lines){
        .base_low = _mm512_loadu_si512(q->base),
        .base_high = _mm512_loadu_si512(q->base + KERNEL_QUICK_PARTS / 2),
        .slope_low = _mm512_loadu_si512(q->slope),
        .slope_high = _mm512_loadu_si512(q->slope + KERNEL_QUICK_PARTS / 2),
        .goes_on = q->part_shift < KERNEL_QUICK_PART_SHIFT,
        .part_shift = _mm512_set1_epi16((int16_t)q->part_shift),
        .shift = _mm512_set1_epi16((int16_t)q->shift),
    };
}

// Two vectors of values -> 16 bits.
AVX512_INLINE __m512i avx512_by_lines(const struct avx512_lines *l, __m512 a, __m512 b)
{
    __m512i v = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    __m512i part = _mm512_srav_epi16(v, l->part_shift);
    if (l->goes_on) {
        part = _mm512_max_epi16(part, _mm512_set1_epi16(-KERNEL_QUICK_PARTS / 2));
        part = _mm512_min_epi16(part, _mm512_set1_epi16(KERNEL_QUICK_PARTS / 2 - 1));
    }
    __m512i base = _mm512_permutex2var_epi16(l->base_low, part, l->base_high);
    __m512i slope = _mm512_permutex2var_epi16(l->slope_low, part, l->slope_high);
    return _mm512_adds_epi16(base, _mm512_mulhrs_epi16(slope, v));
}

// Adds bytes, of two vectors as 32 bits each.
AVX512_INLINE __m512i avx512_quick_add(const struct kernel_finish *f, __m512i sum, __m512i a,
                                       __m512i b)
{
    __m512i v = _mm512_packs_epi32(a, b);
    v = _mm512_slli_epi16(_mm512_sub_epi16(v, _mm512_set1_epi16(f->quick_add_zero)), 7);
    return _mm512_adds_epi16(sum, _mm512_mulhrs_epi16(v, _mm512_set1_epi16(f->quick_add)));
}

// Two such of 16 bits, of vectors a and b, c and d -> the bytes of a, b, c, d.
AVX512_INLINE __m512i avx512_quick_bytes(const struct avx512_lines *l, __m512i ab, __m512i cd)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(_mm512_srav_epi16(ab, l->shift),
                                                               _mm512_srav_epi16(cd, l->shift)));
}
