// SPDX-License-Identifier: Apache-2.0
// kernel_conv_avx512.c - the convolution's blocks in AVX-512: FMA for F32, VNNI for U8, BF16 for
// BF16.
//
// A block keeps its sums in registers: pixels x panels vectors of 16 channels, at most 24. A step
// takes one unit of every pixel (broadcast) and of every panel's weights (one load each).

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_avx512_priv.h"
#include "nn/kernel_priv.h"

#define VNNI_TARGET AVX512_TARGET ",avx512vnni"
#define BF16_TARGET AVX512_TARGET ",avx512bf16"

AVX512_INLINE __m512i load_unit(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof(v));
    return _mm512_set1_epi32(v);
}

__attribute__((target(AVX512_TARGET), always_inline)) static inline __m512i
step_f32(__m512i sum, __m512i x, __m512i w)
{
    return _mm512_castps_si512(
        _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), _mm512_castsi512_ps(sum)));
}

__attribute__((target(VNNI_TARGET), always_inline)) static inline __m512i
step_u8(__m512i sum, __m512i x, __m512i w)
{
    return _mm512_dpbusd_epi32(sum, x, w);
}

__attribute__((target(BF16_TARGET), always_inline)) static inline __m512i
step_bf16(__m512i sum, __m512i x, __m512i w)
{
    return _mm512_castps_si512(
        _mm512_dpbf16_ps(_mm512_castsi512_ps(sum), (__m512bh)x, (__m512bh)w));
}

enum { BY_TAPS_f32 = 1, BY_TAPS_u8 = 0, BY_TAPS_bf16 = 0 };

// Adds a tap's sum to those before it, and returns what the next tap begins with.
AVX512_INLINE __m512i put_tap(float *total, int tap, __m512i sum)
{
    __m512 v = _mm512_castsi512_ps(sum);
    _mm512_storeu_ps(total, tap > 0 ? _mm512_add_ps(_mm512_loadu_ps(total), v) : v);
    return _mm512_setzero_si512();
}

// A block of N panels by M pixels; both are numbers, so that all loops but two disappear.
// clang-format off: macros
#define DEFINE_BLOCK(type, isa_target, N, M)                                                    \
    __attribute__((target(isa_target))) static void block_##type##_##N##x##M(                   \
        const struct kernel_block *b, union kernel_sums *ret_sums)                              \
    {                                                                                           \
        __m512i sums[M][N];                                                                     \
        const uint8_t *weights = (const uint8_t *)b->weights;                                   \
        const uint8_t *const *pixels = b->pixels;                                               \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                             \
        {                                                                                       \
            KERNEL_UNROLL for (int n = 0; n < (N); n++) sums[m][n] = _mm512_setzero_si512();    \
        }                                                                                       \
        for (int tap = 0; tap < b->n_taps; tap++) {                                             \
            const uint8_t *p[M];                                                                \
            KERNEL_UNROLL for (int m = 0; m < (M); m++) p[m] = pixels[m];                       \
            pixels += (M);                                                                      \
            for (ptrdiff_t k = 0; k < b->n_units; k++) {                                        \
                __m512i w[N];                                                                   \
                KERNEL_UNROLL for (int n = 0; n < (N); n++) w[n] =                              \
                    _mm512_loadu_si512(weights + (ptrdiff_t)64 * n);                            \
                weights += 64 * (N);                                                            \
                KERNEL_UNROLL for (int m = 0; m < (M); m++)                                     \
                {                                                                               \
                    __m512i x = load_unit(p[m] + k * KERNEL_UNIT_BYTES);                        \
                    KERNEL_UNROLL for (int n = 0; n < (N); n++) sums[m][n] =                    \
                        step_##type(sums[m][n], x, w[n]);                                       \
                }                                                                               \
            }                                                                                   \
            if (BY_TAPS_##type && b->tap_by_tap) {                                              \
                KERNEL_UNROLL for (int m = 0; m < (M); m++)                                     \
                {                                                                               \
                    KERNEL_UNROLL for (int n = 0; n < (N); n++) sums[m][n] =                    \
                        put_tap(ret_sums->f32 + (m * (N) + n) * KERNEL_LANES, tap, sums[m][n]); \
                }                                                                               \
            }                                                                                   \
        }                                                                                       \
        if (BY_TAPS_##type && b->tap_by_tap)                                                    \
            return;                                                                             \
        KERNEL_UNROLL for (int m = 0; m < (M); m++)                                             \
        {                                                                                       \
            KERNEL_UNROLL for (int n = 0; n < (N); n++)                                         \
                _mm512_storeu_si512(ret_sums->s32 + (m * (N) + n) * KERNEL_LANES, sums[m][n]);  \
        }                                                                                       \
    }

#define DEFINE_ROW(type, isa_target, N)  \
    DEFINE_BLOCK(type, isa_target, N, 1) \
    DEFINE_BLOCK(type, isa_target, N, 2) \
    DEFINE_BLOCK(type, isa_target, N, 3) \
    DEFINE_BLOCK(type, isa_target, N, 4) \
    DEFINE_BLOCK(type, isa_target, N, 5) \
    DEFINE_BLOCK(type, isa_target, N, 6)
#define DEFINE_ROW_OF_8(type, isa_target, N) \
    DEFINE_ROW(type, isa_target, N)          \
    DEFINE_BLOCK(type, isa_target, N, 7)     \
    DEFINE_BLOCK(type, isa_target, N, 8)
#define DEFINE_ALL(type, isa_target)     \
    DEFINE_ROW_OF_8(type, isa_target, 1) \
    DEFINE_ROW_OF_8(type, isa_target, 2) \
    DEFINE_ROW_OF_8(type, isa_target, 3) \
    DEFINE_ROW(type, isa_target, 4)

DEFINE_ALL(f32, AVX512_TARGET)
DEFINE_ALL(u8, VNNI_TARGET)
DEFINE_ALL(bf16, BF16_TARGET)
// clang-format on

// --- half panels, F32: one panel of 8 channels, or one of 16 and one of 8. The sums of the missing
// channels are 0.

AVX512_INLINE void half_block(const struct kernel_block *b, union kernel_sums *ret_sums,
                              bool has_whole, int M)
{
    __m512 whole[KERNEL_FEW_PIXELS];
    __m256 half[KERNEL_FEW_PIXELS];
    const uint8_t *weights = (const uint8_t *)b->weights;
    const uint8_t *const *pixels = b->pixels;
    ptrdiff_t panels = has_whole ? 2 : 1;
    KERNEL_UNROLL for (int m = 0; m < M; m++)
    {
        whole[m] = _mm512_setzero_ps();
        half[m] = _mm256_setzero_ps();
    }
    for (int tap = 0; tap < b->n_taps; tap++, pixels += M) {
        for (ptrdiff_t k = 0; k < b->n_units; k++, weights += 64 * panels) {
            __m512 w = has_whole ? _mm512_loadu_ps(weights) : _mm512_setzero_ps();
            __m256 v =
                _mm256_loadu_ps((const float *)(const void *)(weights + (has_whole ? 64 : 0)));
            KERNEL_UNROLL for (int m = 0; m < M; m++)
            {
                __m512 x = _mm512_castsi512_ps(load_unit(pixels[m] + k * KERNEL_UNIT_BYTES));
                if (has_whole)
                    whole[m] = _mm512_fmadd_ps(x, w, whole[m]);
                half[m] = _mm256_fmadd_ps(_mm512_castps512_ps256(x), v, half[m]);
            }
        }
        if (!b->tap_by_tap)
            continue;
        KERNEL_UNROLL for (int m = 0; m < M; m++)
        {
            float *total = ret_sums->f32 + m * panels * KERNEL_LANES;
            __m512i last = _mm512_castps_si512(_mm512_zextps256_ps512(half[m]));
            if (has_whole)
                whole[m] = _mm512_castsi512_ps(put_tap(total, tap, _mm512_castps_si512(whole[m])));
            last = put_tap(total + (has_whole ? KERNEL_LANES : 0), tap, last);
            half[m] = _mm256_castsi256_ps(_mm512_castsi512_si256(last));
        }
    }
    if (b->tap_by_tap)
        return;
    KERNEL_UNROLL for (int m = 0; m < M; m++)
    {
        float *sums = ret_sums->f32 + m * panels * KERNEL_LANES;
        if (has_whole)
            _mm512_storeu_ps(sums, whole[m]);
        _mm512_storeu_ps(sums + (has_whole ? KERNEL_LANES : 0), _mm512_zextps256_ps512(half[m]));
    }
}

#define HALF(M)                                                                              \
    AVX512 static void half_1x##M(const struct kernel_block *b, union kernel_sums *ret_sums) \
    {                                                                                        \
        half_block(b, ret_sums, false, M);                                                   \
    }                                                                                        \
    AVX512 static void half_2x##M(const struct kernel_block *b, union kernel_sums *ret_sums) \
    {                                                                                        \
        half_block(b, ret_sums, true, M);                                                    \
    }
HALF(1)
HALF(2)
HALF(3)
HALF(4)
HALF(5)
HALF(6)
HALF(7)
HALF(8)

// --- finish

AVX512_INLINE __m512 value_of(const struct kernel_finish *f, const int32_t *sums, int c)
{
    // the arrays of factors and offsets go on to the end of the last panel
    __m512 offset = _mm512_loadu_ps(f->offset + c);
    __m512i sum = _mm512_loadu_si512(sums);
    if (!f->factor)
        return _mm512_add_ps(_mm512_castsi512_ps(sum), offset);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(f->factor + c), offset);
}

AVX512_INLINE __m512 with_added(const struct kernel_finish *f, const uint8_t *add, __m512 v,
                                __mmask16 lanes)
{
    __m512 a = avx512_load(add, f->type, lanes);
    if (f->type != KERNEL_U8)
        return _mm512_add_ps(v, a);
    a = _mm512_sub_ps(a, _mm512_set1_ps(f->add_zero_point));
    return _mm512_fmadd_ps(_mm512_set1_ps(f->add_scale), a, v);
}

// Vector *i* of the block's, [pixel][panel]; one behind the end is calculated from whatever is
// there.
AVX512_INLINE __m512 value_for_u8(const struct kernel_finish *f, int i, int n_panels, bool has_add,
                                  enum kernel_activation activation)
{
    int pixel = i / n_panels;
    int c = i % n_panels * KERNEL_LANES;
    __m512 v = value_of(f, f->sums->s32 + (ptrdiff_t)i * KERNEL_LANES, c);
    __m512 zero = _mm512_set1_ps(f->zero_point);
    if (activation == KERNEL_SILU && !has_add)
        return avx512_silu_u8(v, _mm512_set1_ps(f->scale), zero);
    v = avx512_activate(v, activation, f->alpha, KERNEL_COARSE);
    if (has_add && pixel < f->n_pixels)
        v = with_added(f, f->add + pixel * f->add_stride + c, v, avx512_first(f->n_channels - c));
    return _mm512_fmadd_ps(v, _mm512_set1_ps(f->inverse_scale), zero);
}

AVX512_INLINE void store_quarter(const struct kernel_finish *f, int pixel, int c, __m128i bytes)
{
    uint8_t *out = f->out + pixel * f->out_stride + c;
    if (f->n_channels - c >= KERNEL_LANES)
        _mm_storeu_si128((__m128i *)(void *)out, bytes);
    else
        _mm_mask_storeu_epi8(out, avx512_first(f->n_channels - c), bytes);
}

// Vectors *i* to i + 3 of the block, as far as there are so many.
AVX512_INLINE void store_vectors(const struct kernel_finish *f, int i, int n_panels, __m512i bytes)
{
    int n_vectors = f->n_pixels * n_panels;
    if (n_panels == 4 && f->n_channels == 4 * KERNEL_LANES) {
        _mm512_storeu_si512(f->out + i / 4 * f->out_stride, bytes);
        return;
    }
    KERNEL_UNROLL for (int q = 0; q < 4; q++)
    {
        if (i + q < n_vectors)
            store_quarter(f, (i + q) / n_panels, (i + q) % n_panels * KERNEL_LANES,
                          avx512_quarter(bytes, q));
    }
}

AVX512_INLINE void finish_u8(const struct kernel_finish *f, int n_panels, bool has_add,
                             enum kernel_activation activation)
{
    int n_vectors = f->n_pixels * n_panels;
    for (int i = 0; i < n_vectors; i += 4) {
        __m512i bytes = avx512_to_u8(value_for_u8(f, i, n_panels, has_add, activation),
                                     value_for_u8(f, i + 1, n_panels, has_add, activation),
                                     value_for_u8(f, i + 2, n_panels, has_add, activation),
                                     value_for_u8(f, i + 3, n_panels, has_add, activation));
        store_vectors(f, i, n_panels, bytes);
    }
}

AVX512_INLINE void finish_u8_panels(const struct kernel_finish *f, bool has_add,
                                    enum kernel_activation activation)
{
    if (f->n_panels == 1)
        finish_u8(f, 1, has_add, activation);
    else if (f->n_panels == 2)
        finish_u8(f, 2, has_add, activation);
    else if (f->n_panels == 3)
        finish_u8(f, 3, has_add, activation);
    else
        finish_u8(f, 4, has_add, activation);
}

AVX512_INLINE void finish_floats(const struct kernel_finish *f, enum kernel_activation activation)
{
    ptrdiff_t bytes = f->type == KERNEL_F32 ? 4 : 2;
    const int32_t *sums = f->sums->s32;
    for (int p = 0; p < f->n_pixels; p++) {
        uint8_t *out = f->out + p * f->out_stride;
        const uint8_t *add = f->add ? f->add + p * f->add_stride : NULL;
        for (int c = 0; c < f->n_channels; c += KERNEL_LANES) {
            __mmask16 lanes = avx512_first(f->n_channels - c);
            __m512 v = value_of(f, sums + c, c);
            v = f->type == KERNEL_F32 ? avx512_activate(v, activation, f->alpha, KERNEL_EXACT)
                                      : avx512_activate(v, activation, f->alpha, KERNEL_QUICK);
            if (add)
                v = with_added(f, add + c * bytes, v, lanes);
            if (f->type == KERNEL_F32)
                _mm512_mask_storeu_ps(out + c * bytes, lanes, v);
            else
                _mm256_mask_storeu_epi16(out + c * bytes, lanes, avx512_to_bf16(v));
        }
        sums += (ptrdiff_t)f->n_panels * KERNEL_LANES;
    }
}

AVX512_INLINE void finish_all(const struct kernel_finish *f, enum kernel_activation activation)
{
    if (f->type == KERNEL_U8 && !f->add)
        finish_u8_panels(f, false, activation);
    else if (f->type == KERNEL_U8)
        finish_u8_panels(f, true, activation);
    else
        finish_floats(f, activation);
}

// --- SILU by lines

AVX512_INLINE __m512 quick_value(const struct kernel_finish *f, int i, int n_panels)
{
    return value_of(f, f->sums->s32 + (ptrdiff_t)i * KERNEL_LANES, i % n_panels * KERNEL_LANES);
}

// What is added to vector *i*, as 32 bits; nothing behind the block's end.
AVX512_INLINE __m512i added_bytes(const struct kernel_finish *f, int i, int n_panels)
{
    int pixel = i / n_panels;
    int c = i % n_panels * KERNEL_LANES;
    __mmask16 lanes = pixel < f->n_pixels ? avx512_first(f->n_channels - c) : 0;
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, f->add + pixel * f->add_stride + c));
}

AVX512_INLINE void finish_quick(const struct kernel_finish *f, int n_panels)
{
    int n_vectors = f->n_pixels * n_panels;
    const struct avx512_lines lines = avx512_lines_of(f->quick);
    for (int i = 0; i < n_vectors; i += 4) {
        __m512i ab =
            avx512_by_lines(&lines, quick_value(f, i, n_panels), quick_value(f, i + 1, n_panels));
        __m512i cd = avx512_by_lines(&lines, quick_value(f, i + 2, n_panels),
                                     quick_value(f, i + 3, n_panels));
        if (f->add) {
            ab = avx512_quick_add(f, ab, added_bytes(f, i, n_panels),
                                  added_bytes(f, i + 1, n_panels));
            cd = avx512_quick_add(f, cd, added_bytes(f, i + 2, n_panels),
                                  added_bytes(f, i + 3, n_panels));
        }
        store_vectors(f, i, n_panels, avx512_quick_bytes(&lines, ab, cd));
    }
}

AVX512_INLINE void finish_quick_panels(const struct kernel_finish *f)
{
    if (f->n_panels == 1)
        finish_quick(f, 1);
    else if (f->n_panels == 2)
        finish_quick(f, 2);
    else if (f->n_panels == 3)
        finish_quick(f, 3);
    else
        finish_quick(f, 4);
}

AVX512 void kernel_finish_avx512(const struct kernel_finish *f)
{
    if (f->quick)
        finish_quick_panels(f);
    else if (f->activation == KERNEL_SILU)
        finish_all(f, KERNEL_SILU);
    else if (f->activation == KERNEL_LINEAR)
        finish_all(f, KERNEL_LINEAR);
    else
        finish_all(f, f->activation);
}

#define ROW(type, N)                                                                  \
    {                                                                                 \
        NULL, block_##type##_##N##x1, block_##type##_##N##x2, block_##type##_##N##x3, \
            block_##type##_##N##x4, block_##type##_##N##x5, block_##type##_##N##x6,   \
            block_##type##_##N##x7, block_##type##_##N##x8                            \
    }
#define ROW_OF_6(type, N)                                                             \
    {                                                                                 \
        NULL, block_##type##_##N##x1, block_##type##_##N##x2, block_##type##_##N##x3, \
            block_##type##_##N##x4, block_##type##_##N##x5, block_##type##_##N##x6    \
    }
#define BLOCKS(type)                                                                        \
    {                                                                                       \
        [1] = ROW(type, 1), [2] = ROW(type, 2), [3] = ROW(type, 3), [4] = ROW_OF_6(type, 4) \
    }

#define HALVES                                                   \
    {                                                            \
        [1] = {NULL,     half_1x1, half_1x2, half_1x3, half_1x4, \
               half_1x5, half_1x6, half_1x7, half_1x8},          \
        [2] = {NULL,     half_2x1, half_2x2, half_2x3, half_2x4, \
               half_2x5, half_2x6, half_2x7, half_2x8},          \
    }

const struct kernel_conv_impl kernel_conv_avx512[KERNEL_N_TYPES] = {
    // clang-format off
    [KERNEL_F32]  = {CPU_ISA_AVX512,     4, {0, 8, 8, 8, 6}, BLOCKS(f32),  kernel_finish_avx512, .half_blocks = HALVES},
    [KERNEL_BF16] = {CPU_ISA_AVX512BF16, 4, {0, 8, 8, 8, 6}, BLOCKS(bf16), kernel_finish_avx512},
    [KERNEL_U8]   = {CPU_ISA_AVX512VNNI, 4, {0, 8, 8, 8, 6}, BLOCKS(u8),   kernel_finish_avx512,
                     .strips = kernel_strips_vnni, .strip_pixels = {0, 24, 12, 8, 6}},
    // clang-format on
};
