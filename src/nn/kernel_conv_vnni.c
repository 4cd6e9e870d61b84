// SPDX-License-Identifier: Apache-2.0
// kernel_conv_vnni.c - strips of a convolution of bytes in AVX512-VNNI.
//
// As in kernel_conv_avx512.c a block keeps its sums in registers, 24 vectors of 16 channels: 24
// pixels by one panel, 12 by 2, 8 by 3 or 6 by 4. As pixels are one distance apart, a tap needs a
// pointer for every five of them, the others are offsets of it.

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_avx512_priv.h"
#include "nn/kernel_priv.h"

#define VNNI_TARGET AVX512_TARGET ",avx512vnni"
#define VNNI_INLINE __attribute__((target(VNNI_TARGET), always_inline)) static inline

enum {
    PER_BASE = 5,
    MAX_BASES = 5,
};

// Where pixel *m* of a block lies: 0, 1, 2, 3 or 4 steps from a base.
VNNI_INLINE __m512i load_pixel(const uint8_t *const *bases, int m, ptrdiff_t step,
                               ptrdiff_t three_steps)
{
    int k = m % PER_BASE;
    const uint8_t *p = bases[m / PER_BASE] + (k == 3 ? three_steps : k * step);
    int32_t unit;
    memcpy(&unit, p, sizeof(unit));
    return _mm512_set1_epi32(unit);
}

// The value of a block's vector *i*, as struct kernel_finish has it.
VNNI_INLINE __m512 value_of(const struct kernel_finish *f, const __m512i *sums, int i, int N)
{
    int c = i % N * KERNEL_LANES;
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[i]), _mm512_loadu_ps(f->factor + c),
                           _mm512_loadu_ps(f->offset + c));
}

VNNI_INLINE __m512i added_bytes(const struct kernel_finish *f, int i, int N)
{
    const uint8_t *p = f->add + i / N * f->add_stride + (ptrdiff_t)(i % N) * KERNEL_LANES;
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

// Vectors *i* to i + 3 of the block, of *n*.
VNNI_INLINE void store_four(uint8_t *out, ptrdiff_t stride, int i, int n, int N, __m512i bytes)
{
    if (N == 4) {
        _mm512_storeu_si512(out + i / 4 * stride, bytes);
        return;
    }
    KERNEL_UNROLL_ALL for (int q = 0; q < 4; q++)
    {
        uint8_t *p = out + (i + q) / N * stride + (ptrdiff_t)((i + q) % N) * KERNEL_LANES;
        if (N == 2 && q % 2 == 0 && i + q < n)
            _mm256_storeu_si256((__m256i *)(void *)p, q ? _mm512_extracti64x4_epi64(bytes, 1)
                                                        : _mm512_castsi512_si256(bytes));
        else if (N != 2 && i + q < n)
            _mm_storeu_si128((__m128i *)(void *)p, avx512_quarter(bytes, q));
    }
}

// All channels of all panels are there.
VNNI_INLINE void finish_quick(const struct kernel_finish *f, const __m512i *sums, int N, int M)
{
    const struct avx512_lines lines = avx512_lines_of(f->quick);
    uint8_t *out = f->out;
    ptrdiff_t stride = f->out_stride;
    int n = M * N;
    KERNEL_UNROLL_ALL for (int i = 0; i < n; i += 4)
    {
        __m512 v[4];
        KERNEL_UNROLL_ALL for (int q = 0; q < 4; q++) v[q] =
            value_of(f, sums, MIN(i + q, n - 1), N);
        __m512i ab = avx512_by_lines(&lines, v[0], v[1]);
        __m512i cd = avx512_by_lines(&lines, v[2], v[3]);
        if (f->add) {
            ab =
                avx512_quick_add(f, ab, added_bytes(f, i, N), added_bytes(f, MIN(i + 1, n - 1), N));
            cd = avx512_quick_add(f, cd, added_bytes(f, MIN(i + 2, n - 1), N),
                                  added_bytes(f, MIN(i + 3, n - 1), N));
        }
        store_four(out, stride, i, n, N, avx512_quick_bytes(&lines, ab, cd));
    }
}

// Floats, nothing activated or added: a detection head's maps.
VNNI_INLINE void finish_floats(const struct kernel_finish *f, const __m512i *sums, int N, int M)
{
    uint8_t *out = f->out;
    KERNEL_UNROLL_ALL for (int m = 0; m < M; m++)
    {
        KERNEL_UNROLL_ALL for (int n = 0; n < N; n++)
            _mm512_storeu_ps(out + (ptrdiff_t)64 * n, value_of(f, sums, m * N + n, N));
        out += f->out_stride;
    }
}

// One block of M pixels by N panels, from byte *at* of each tap on.
VNNI_INLINE void block_sums(const struct kernel_strip *s, ptrdiff_t at, int N, int M, __m512i *sums)
{
    ptrdiff_t step = s->step;
    ptrdiff_t three_steps = 3 * step;
    KERNEL_UNROLL_ALL for (int m = 0; m < M; m++)
    {
        KERNEL_UNROLL_ALL for (int n = 0; n < N; n++) sums[m * N + n] =
            _mm512_loadu_si512(s->start + n * KERNEL_LANES);
    }
    const struct kernel_tap *end = s->taps + s->n_taps;
    for (const struct kernel_tap *tap = s->taps; tap < end; tap++) {
        const uint8_t *weights = tap->weights;
        const uint8_t *bases[MAX_BASES];
        KERNEL_UNROLL_ALL for (int i = 0; i * PER_BASE < M; i++) bases[i] =
            tap->pixel + at + i * PER_BASE * step;
        for (int unit = s->n_units; unit > 0; unit--) {
            __m512i w[KERNEL_MAX_PANELS];
            KERNEL_UNROLL_ALL for (int n = 0; n < N; n++) w[n] =
                _mm512_loadu_si512(weights + (ptrdiff_t)64 * n);
            KERNEL_UNROLL_ALL for (int m = 0; m < M; m++)
            {
                __m512i x = load_pixel(bases, m, step, three_steps);
                KERNEL_UNROLL_ALL for (int n = 0; n < N; n++) sums[m * N + n] =
                    _mm512_dpbusd_epi32(sums[m * N + n], x, w[n]);
            }
            weights += (ptrdiff_t)64 * N;
            KERNEL_UNROLL_ALL for (int i = 0; i * PER_BASE < M; i++)
            {
                bases[i] += KERNEL_UNIT_BYTES;
                // else there would be a pointer for each pixel, and no registers for them
                __asm__("" : "+r"(bases[i]));
            }
        }
    }
}

VNNI_INLINE void strip(const struct kernel_strip *s, int first, int n_blocks, int N, int M)
{
    union kernel_sums kept;
    struct kernel_finish f = *s->finish;
    f.sums = &kept;
    f.n_pixels = M;
    f.out += first * f.out_stride;
    if (f.add)
        f.add += first * f.add_stride;
    bool is_whole = f.n_channels == N * KERNEL_LANES;
    bool is_quick = f.quick && is_whole;
    bool is_floats = f.type == KERNEL_F32 && f.activation == KERNEL_LINEAR && !f.add && is_whole;
    ptrdiff_t at = first * s->step;
    for (int i = 0; i < n_blocks; i++) {
        __m512i sums[KERNEL_STRIP_PIXELS];
        block_sums(s, at, N, M, sums);
        if (is_quick) {
            finish_quick(&f, sums, N, M);
        } else if (is_floats) {
            finish_floats(&f, sums, N, M);
        } else {
            KERNEL_UNROLL_ALL for (int k = 0; k < M * N; k++)
                _mm512_storeu_si512(kept.s32 + k * KERNEL_LANES, sums[k]);
            kernel_finish_avx512(&f);
        }
        at += M * s->step;
        f.out += M * f.out_stride;
        if (f.add)
            f.add += M * f.add_stride;
    }
}

// clang-format off
#define STRIP(N, M)                                                                                \
    __attribute__((target(VNNI_TARGET))) static void strip_##N##x##M(const struct kernel_strip *s, \
                                                                     int first, int n_blocks)      \
    {                                                                                              \
        strip(s, first, n_blocks, N, M);                                                           \
    }

// For fewer panels not all numbers of pixels: each is kilobytes of code.
STRIP(1, 1) STRIP(1, 2) STRIP(1, 4) STRIP(1, 8) STRIP(1, 16) STRIP(1, 20) STRIP(1, 24)
STRIP(2, 1) STRIP(2, 2) STRIP(2, 4) STRIP(2, 6) STRIP(2, 8) STRIP(2, 10) STRIP(2, 12)
STRIP(3, 1) STRIP(3, 2) STRIP(3, 4) STRIP(3, 6) STRIP(3, 7) STRIP(3, 8)
STRIP(4, 1) STRIP(4, 2) STRIP(4, 3) STRIP(4, 4) STRIP(4, 5) STRIP(4, 6)

kernel_strip_fn *const kernel_strips_vnni[KERNEL_MAX_PANELS + 1][KERNEL_STRIP_PIXELS + 1] = {
    [1] = {[1] = strip_1x1, [2] = strip_1x2, [4] = strip_1x4, [8] = strip_1x8, [16] = strip_1x16, [20] = strip_1x20, [24] = strip_1x24},
    [2] = {[1] = strip_2x1, [2] = strip_2x2, [4] = strip_2x4, [6] = strip_2x6, [8] = strip_2x8, [10] = strip_2x10, [12] = strip_2x12},
    [3] = {[1] = strip_3x1, [2] = strip_3x2, [4] = strip_3x4, [6] = strip_3x6, [7] = strip_3x7, [8] = strip_3x8},
    [4] = {[1] = strip_4x1, [2] = strip_4x2, [3] = strip_4x3, [4] = strip_4x4, [5] = strip_4x5, [6] = strip_4x6},
};
// clang-format on
