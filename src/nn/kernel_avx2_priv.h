// SPDX-License-Identifier: Apache-2.0
// kernel_avx2_priv.h - activations, loads and stores of 8 numbers, for the AVX2 kernels.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_priv.h"

// The files are built for any CPU; each function says what it needs.
#define AVX2        __attribute__((target("avx2,fma,f16c")))
#define AVX2_INLINE __attribute__((target("avx2,fma,f16c"), always_inline)) static inline

enum {
    AVX2_LANES = 8,
};

// 2^t to 8e-8 of it for t in -126..127; what is beyond counts as the nearer end.
AVX2_INLINE __m256 avx2_exp2(__m256 t)
{
    t = _mm256_max_ps(_mm256_min_ps(t, _mm256_set1_ps(127)), _mm256_set1_ps(-126));
    __m256 n = _mm256_round_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 f = _mm256_sub_ps(t, n);
    __m256 p = _mm256_set1_ps(0.00132764722f);
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.00967554133f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.0555071327f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.240221197f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.693146967f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f));
    __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

// *numerator* / (1 + exp(-v)).
AVX2_INLINE __m256 avx2_logistic(__m256 numerator, __m256 v)
{
    __m256 e = avx2_exp2(_mm256_mul_ps(v, _mm256_set1_ps(-1.44269504f)));
    return _mm256_div_ps(numerator, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
}

// 2^t to 8e-5 of it for t in -126..127: t = floor(t) + f.
AVX2_INLINE __m256 avx2_exp2_quick(__m256 t)
{
    t = _mm256_max_ps(_mm256_min_ps(t, _mm256_set1_ps(127)), _mm256_set1_ps(-126));
    __m256 n = _mm256_floor_ps(t);
    __m256 f = _mm256_sub_ps(t, n);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(0.0780245227f), f, _mm256_set1_ps(0.226067155f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.69583354f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(0.999925219f));
    __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

// For outputs of less than 16 bits: to 9e-5 of it.
AVX2_INLINE __m256 avx2_silu_quick(__m256 v)
{
    __m256 one = _mm256_set1_ps(1.0f);
    __m256 d = _mm256_add_ps(one, avx2_exp2_quick(_mm256_mul_ps(v, _mm256_set1_ps(-1.44269504f))));
    __m256 r = _mm256_rcp_ps(d); // to 12 bits, and once nearer
    r = _mm256_mul_ps(r, _mm256_fnmadd_ps(d, r, _mm256_set1_ps(2)));
    return _mm256_mul_ps(v, r);
}

AVX2_INLINE __m256 avx2_clip(__m256 v, float low, float high)
{
    return _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(low)), _mm256_set1_ps(high));
}

AVX2_INLINE __m256 avx2_activate(__m256 v, enum kernel_activation activation, float alpha)
{
    __m256 zero = _mm256_setzero_ps();
    __m256 half = _mm256_set1_ps(0.5f);
    switch (activation) {
    case KERNEL_RELU:
        return _mm256_max_ps(v, zero);
    case KERNEL_RELU6:
        return avx2_clip(v, 0, 6);
    case KERNEL_LEAKY:
        return _mm256_blendv_ps(v, _mm256_mul_ps(v, _mm256_set1_ps(alpha)),
                                _mm256_cmp_ps(v, zero, _CMP_LT_OQ));
    case KERNEL_SILU:
        return avx2_logistic(v, v);
    case KERNEL_SIGMOID:
        return avx2_logistic(_mm256_set1_ps(1.0f), v);
    case KERNEL_HARD_SWISH:
        return _mm256_mul_ps(v,
                             avx2_clip(_mm256_fmadd_ps(v, _mm256_set1_ps(1.0f / 6), half), 0, 1));
    case KERNEL_HARD_SIGMOID:
        return avx2_clip(_mm256_fmadd_ps(v, _mm256_set1_ps(alpha != 0 ? alpha : 1.0f / 6), half), 0,
                         1);
    default:
        return v;
    }
}

AVX2_INLINE __m256 avx2_from_bf16(__m128i v)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

// As kernel_to_bf16().
AVX2_INLINE __m128i avx2_to_bf16(__m256 v)
{
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    up = _mm256_srli_epi32(_mm256_blendv_epi8(up, quiet, is_nan), 16);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(up, up), 0xd8);
    return _mm256_castsi256_si128(words);
}

// *v* already scaled and shifted, to the nearest of 0..255: the low 8 bytes.
AVX2_INLINE __m128i avx2_to_u8(__m256 v)
{
    v = _mm256_min_ps(_mm256_set1_ps(65535), v); // nothing overflows; NaN stays, and gives 0
    __m256i q = _mm256_cvtps_epi32(v);
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    return _mm_packus_epi16(words, words);
}

AVX2_INLINE __m256 avx2_load(const uint8_t *p, enum kernel_type type)
{
    if (type == KERNEL_F32)
        return _mm256_loadu_ps((const float *)(const void *)p);
    if (type == KERNEL_BF16)
        return avx2_from_bf16(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_cvtepi32_ps(
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

// *n* of 8; the others are 0.
AVX2_INLINE __m256 avx2_load_some(const uint8_t *p, enum kernel_type type, int n)
{
    if (n >= AVX2_LANES)
        return avx2_load(p, type);
    uint8_t bytes[AVX2_LANES * sizeof(float)] = {0};
    memcpy(bytes, p, (size_t)n * kernel_type_bytes(type));
    return avx2_load(bytes, type);
}

// U8: *v* already scaled and shifted.
AVX2_INLINE void avx2_store(uint8_t *p, enum kernel_type type, __m256 v)
{
    if (type == KERNEL_F32)
        _mm256_storeu_ps((float *)(void *)p, v);
    else if (type == KERNEL_BF16)
        _mm_storeu_si128((__m128i *)(void *)p, avx2_to_bf16(v));
    else
        _mm_storel_epi64((__m128i *)(void *)p, avx2_to_u8(v));
}

AVX2_INLINE void avx2_store_some(uint8_t *p, enum kernel_type type, __m256 v, int n)
{
    if (n >= AVX2_LANES) {
        avx2_store(p, type, v);
        return;
    }
    uint8_t bytes[AVX2_LANES * sizeof(float)];
    avx2_store(bytes, type, v);
    memcpy(p, bytes, (size_t)n * kernel_type_bytes(type));
}
