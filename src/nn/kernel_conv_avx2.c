// SPDX-License-Identifier: Apache-2.0
// kernel_conv_avx2.c - the convolution's blocks in AVX2: FMA for F32, 16-bit products for U8.
//
// U8: vpmaddubsw saturates its sums of two products, so it cannot give the C version's sums. Bytes
// are widened to 16 bits instead, weights when they are packed, inputs a band at a time before the
// blocks read them, and multiplied by vpmaddwd, which is exact and twice as many products as FMA's.

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_avx2_priv.h"
#include "nn/kernel_priv.h"

// Adds a tap's sum to those before it, and returns what the next tap begins with.
AVX2_INLINE __m256 put_tap(float *total, int tap, __m256 sum)
{
    _mm256_storeu_ps(total, tap > 0 ? _mm256_add_ps(_mm256_loadu_ps(total), sum) : sum);
    return _mm256_setzero_ps();
}

// clang-format off: macros
// One panel (two vectors) by M pixels.
#define DEFINE_F32(M)                                                                              \
    AVX2 static void block_f32_x##M(const struct kernel_block *b, union kernel_sums *ret_sums)     \
    {                                                                                              \
        __m256 sums[M][2];                                                                         \
        const float *weights = (const float *)b->weights;                                          \
        const uint8_t *const *pixels = b->pixels;                                                  \
        KERNEL_UNROLL for (int m = 0; m < (M); m++) sums[m][0] = sums[m][1] = _mm256_setzero_ps(); \
        for (int tap = 0; tap < b->n_taps; tap++) {                                                \
            const float *p[M];                                                                     \
            KERNEL_UNROLL for (int m = 0; m < (M); m++) p[m] =                                     \
                (const float *)(const void *)pixels[m];                                            \
            pixels += (M);                                                                         \
            for (ptrdiff_t k = 0; k < b->n_units; k++) {                                           \
                __m256 low = _mm256_loadu_ps(weights);                                             \
                __m256 high = _mm256_loadu_ps(weights + AVX2_LANES);                               \
                weights += KERNEL_LANES;                                                           \
                KERNEL_UNROLL for (int m = 0; m < (M); m++)                                        \
                {                                                                                  \
                    __m256 x = _mm256_broadcast_ss(p[m] + k);                                      \
                    sums[m][0] = _mm256_fmadd_ps(x, low, sums[m][0]);                              \
                    sums[m][1] = _mm256_fmadd_ps(x, high, sums[m][1]);                             \
                }                                                                                  \
            }                                                                                      \
            if (!b->tap_by_tap)                                                                    \
                continue;                                                                          \
            KERNEL_UNROLL for (int m = 0; m < (M); m++)                                            \
            {                                                                                      \
                float *total = ret_sums->f32 + m * KERNEL_LANES;                                   \
                sums[m][0] = put_tap(total, tap, sums[m][0]);                                      \
                sums[m][1] = put_tap(total + AVX2_LANES, tap, sums[m][1]);                         \
            }                                                                                      \
        }                                                                                          \
        if (b->tap_by_tap)                                                                         \
            return;                                                                                \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                                \
        {                                                                                          \
            _mm256_storeu_ps(ret_sums->f32 + m * KERNEL_LANES, sums[m][0]);                        \
            _mm256_storeu_ps(ret_sums->f32 + m * KERNEL_LANES + AVX2_LANES, sums[m][1]);           \
        }                                                                                          \
    }

// Likewise: a unit is two int16, which become one sum.
#define DEFINE_U8(M)                                                                          \
    AVX2 static void block_u8_x##M(const struct kernel_block *b, union kernel_sums *ret_sums) \
    {                                                                                         \
        __m256i sums[M][2];                                                                   \
        const __m256i *weights = (const __m256i *)b->weights;                                 \
        const uint8_t *const *pixels = b->pixels;                                             \
        KERNEL_UNROLL for (int m = 0; m < (M); m++) sums[m][0] = sums[m][1] =                 \
            _mm256_setzero_si256();                                                           \
        for (int tap = 0; tap < b->n_taps; tap++) {                                           \
            const uint8_t *p[M];                                                              \
            KERNEL_UNROLL for (int m = 0; m < (M); m++) p[m] = pixels[m];                     \
            pixels += (M);                                                                    \
            for (ptrdiff_t k = 0; k < b->n_units; k++) {                                      \
                __m256i low = _mm256_load_si256(weights);                                     \
                __m256i high = _mm256_load_si256(weights + 1);                                \
                weights += 2;                                                                 \
                KERNEL_UNROLL for (int m = 0; m < (M); m++)                                   \
                {                                                                             \
                    __m256i x = load_pair(p[m] + k * KERNEL_UNIT_BYTES);                      \
                    sums[m][0] = _mm256_add_epi32(sums[m][0], _mm256_madd_epi16(x, low));     \
                    sums[m][1] = _mm256_add_epi32(sums[m][1], _mm256_madd_epi16(x, high));    \
                }                                                                             \
            }                                                                                 \
        }                                                                                     \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                           \
        {                                                                                     \
            int32_t *to = ret_sums->s32 + m * KERNEL_LANES;                                   \
            _mm256_storeu_si256((__m256i *)(void *)to, sums[m][0]);                           \
            _mm256_storeu_si256((__m256i *)(void *)(to + AVX2_LANES), sums[m][1]);            \
        }                                                                                     \
    }
// clang-format on

AVX2_INLINE __m256i load_pair(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof(v));
    return _mm256_set1_epi32(v);
}

AVX2 static void widen_row(const uint8_t *in, size_t n, int16_t *out)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(in + i));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_cvtepu8_epi16(bytes));
    }
    for (; i < n; i++)
        out[i] = in[i];
}

static void widen(const uint8_t *in, ptrdiff_t in_stride, size_t n_pixels, size_t n, int16_t *out,
                  ptrdiff_t out_stride)
{
    if (in_stride == (ptrdiff_t)n && out_stride == (ptrdiff_t)n) {
        widen_row(in, n_pixels * n, out);
        return;
    }
    for (size_t i = 0; i < n_pixels; i++, in += in_stride, out += out_stride)
        widen_row(in, n, out);
}

DEFINE_F32(1)
DEFINE_F32(2)
DEFINE_F32(3)
DEFINE_F32(4)
DEFINE_F32(5)
DEFINE_F32(6)
DEFINE_U8(1)
DEFINE_U8(2)
DEFINE_U8(3)
DEFINE_U8(4)
DEFINE_U8(5)
DEFINE_U8(6)

// --- finish

AVX2_INLINE __m256 finished(const struct kernel_finish *f, const int32_t *sums, int c,
                            enum kernel_activation activation)
{
    // the arrays of factors and offsets go on to the end of the last panel
    __m256 offset = _mm256_loadu_ps(f->offset + c);
    __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)sums);
    __m256 v =
        f->factor ? _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(f->factor + c), offset)
                  : _mm256_add_ps(_mm256_castsi256_ps(sum), offset);
    if (f->type != KERNEL_F32 && activation == KERNEL_SILU)
        return avx2_silu_quick(v);
    return avx2_activate(v, activation, f->alpha);
}

AVX2_INLINE __m256 with_added(const struct kernel_finish *f, const uint8_t *add, __m256 v, int n)
{
    __m256 a = avx2_load_some(add, f->type, n);
    if (f->type != KERNEL_U8)
        return _mm256_add_ps(v, a);
    a = _mm256_sub_ps(a, _mm256_set1_ps(f->add_zero_point));
    return _mm256_fmadd_ps(_mm256_set1_ps(f->add_scale), a, v);
}

AVX2_INLINE void finish_all(const struct kernel_finish *f, enum kernel_activation activation)
{
    ptrdiff_t bytes = (ptrdiff_t)kernel_type_bytes(f->type);
    const int32_t *sums = f->sums->s32;
    for (int p = 0; p < f->n_pixels; p++) {
        uint8_t *out = f->out + p * f->out_stride;
        const uint8_t *add = f->add ? f->add + p * f->add_stride : NULL;
        for (int c = 0; c < f->n_channels; c += AVX2_LANES) {
            int n = f->n_channels - c;
            __m256 v = finished(f, sums + c, c, activation);
            if (add)
                v = with_added(f, add + c * bytes, v, n);
            if (f->type == KERNEL_U8)
                v = _mm256_fmadd_ps(v, _mm256_set1_ps(f->inverse_scale),
                                    _mm256_set1_ps(f->zero_point));
            avx2_store_some(out + c * bytes, f->type, v, n);
        }
        sums += (ptrdiff_t)f->n_panels * KERNEL_LANES;
    }
}

AVX2 static void finish(const struct kernel_finish *f)
{
    if (f->activation == KERNEL_SILU)
        finish_all(f, KERNEL_SILU);
    else if (f->activation == KERNEL_LINEAR)
        finish_all(f, KERNEL_LINEAR);
    else
        finish_all(f, f->activation);
}

// clang-format off
const struct kernel_conv_impl kernel_conv_avx2[KERNEL_N_TYPES] = {
    [KERNEL_F32] = {CPU_ISA_AVX2, 1, {0, 6},
        {[1] = {NULL, block_f32_x1, block_f32_x2, block_f32_x3, block_f32_x4, block_f32_x5, block_f32_x6}},
        finish},
    [KERNEL_U8] = {CPU_ISA_AVX2, 1, {0, 6},
        {[1] = {NULL, block_u8_x1, block_u8_x2, block_u8_x3, block_u8_x4, block_u8_x5, block_u8_x6}},
        finish, widen},
};
// clang-format on
