// SPDX-License-Identifier: Apache-2.0
// kernel_conv_avx2.c - the convolution's blocks in AVX2: FMA for F32, 16-bit products for U8.
//
// U8: vpmaddubsw saturates its sums of two products, so it cannot give the C version's sums. Bytes
// are widened to 16 bits instead (weights when they are packed, inputs as they are broadcast) and
// multiplied by vpmaddwd, which is exact and still twice as many products a cycle as FMA.

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_avx2_priv.h"
#include "nn/kernel_priv.h"

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
        }                                                                                          \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                                \
        {                                                                                          \
            _mm256_storeu_ps(ret_sums->f32 + m * KERNEL_LANES, sums[m][0]);                        \
            _mm256_storeu_ps(ret_sums->f32 + m * KERNEL_LANES + AVX2_LANES, sums[m][1]);           \
        }                                                                                          \
    }

// One panel by M pixels: four vectors, each of 4 channels' two half sums.
#define DEFINE_U8(M)                                                                            \
    AVX2 static void block_u8_x##M(const struct kernel_block *b, union kernel_sums *ret_sums)   \
    {                                                                                           \
        __m256i sums[M][4];                                                                     \
        const __m256i *weights = (const __m256i *)b->weights;                                   \
        const uint8_t *const *pixels = b->pixels;                                               \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                             \
        {                                                                                       \
            KERNEL_UNROLL for (int n = 0; n < 4; n++) sums[m][n] = _mm256_setzero_si256();      \
        }                                                                                       \
        for (int tap = 0; tap < b->n_taps; tap++) {                                             \
            const uint8_t *p[M];                                                                \
            KERNEL_UNROLL for (int m = 0; m < (M); m++) p[m] = pixels[m];                       \
            pixels += (M);                                                                      \
            for (ptrdiff_t k = 0; k < b->n_units; k++) {                                        \
                __m256i x[M];                                                                   \
                KERNEL_UNROLL for (int m = 0; m < (M); m++) x[m] =                              \
                    widened(p[m] + k * KERNEL_UNIT_BYTES);                                      \
                KERNEL_UNROLL for (int n = 0; n < 4; n++)                                       \
                {                                                                               \
                    __m256i w = _mm256_load_si256(weights + n);                                 \
                    KERNEL_UNROLL for (int m = 0; m < (M); m++) sums[m][n] =                    \
                        _mm256_add_epi32(sums[m][n], _mm256_madd_epi16(x[m], w));               \
                }                                                                               \
                weights += 4;                                                                   \
            }                                                                                   \
        }                                                                                       \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                             \
        {                                                                                       \
            store_pairs(ret_sums->s32 + m * KERNEL_LANES, sums[m][0], sums[m][1]);              \
            store_pairs(ret_sums->s32 + m * KERNEL_LANES + AVX2_LANES, sums[m][2], sums[m][3]); \
        }                                                                                       \
    }
// clang-format on

AVX2_INLINE __m256i widened(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof(v));
    return _mm256_cvtepu8_epi16(_mm_set1_epi32(v));
}

AVX2_INLINE void store_pairs(int32_t *ret, __m256i a, __m256i b)
{
    __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)ret, sums);
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
        finish, false},
    [KERNEL_U8] = {CPU_ISA_AVX2, 1, {0, 3},
        {[1] = {NULL, block_u8_x1, block_u8_x2, block_u8_x3}},
        finish, true},
};
// clang-format on
