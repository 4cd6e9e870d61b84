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

// A block's vector *i* in 128ths of an output step.
VNNI_INLINE __m512 quick_value(const struct kernel_finish *f, const __m512i *sums, int i, int N)
{
    int c = i % N * KERNEL_LANES;
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[i]), _mm512_loadu_ps(f->factor + c),
                           _mm512_loadu_ps(f->offset + c));
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
            quick_value(f, sums, MIN(i + q, n - 1), N);
        __m512i ab = avx512_by_lines(&lines, v[0], v[1]);
        __m512i cd = avx512_by_lines(&lines, v[2], v[3]);
        store_four(out, stride, i, n, N, avx512_quick_bytes(ab, cd));
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
    bool is_quick = f.quick && f.n_channels == N * KERNEL_LANES;
    ptrdiff_t at = first * s->step;
    for (int i = 0; i < n_blocks; i++) {
        __m512i sums[KERNEL_STRIP_PIXELS];
        block_sums(s, at, N, M, sums);
        if (is_quick) {
            finish_quick(&f, sums, N, M);
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

// clang-format off: macros
#define STRIP(N, M)                                                                                \
    __attribute__((target(VNNI_TARGET))) static void strip_##N##x##M(const struct kernel_strip *s, \
                                                                     int first, int n_blocks)      \
    {                                                                                              \
        strip(s, first, n_blocks, N, M);                                                           \
    }
#define STRIPS_6(N)  STRIP(N, 1) STRIP(N, 2) STRIP(N, 3) STRIP(N, 4) STRIP(N, 5) STRIP(N, 6)
#define STRIPS_8(N)  STRIPS_6(N) STRIP(N, 7) STRIP(N, 8)
#define STRIPS_12(N) STRIPS_8(N) STRIP(N, 9) STRIP(N, 10) STRIP(N, 11) STRIP(N, 12)
#define STRIPS_18(N) \
    STRIPS_12(N) STRIP(N, 13) STRIP(N, 14) STRIP(N, 15) STRIP(N, 16) STRIP(N, 17) STRIP(N, 18)
#define STRIPS_24(N) \
    STRIPS_18(N) STRIP(N, 19) STRIP(N, 20) STRIP(N, 21) STRIP(N, 22) STRIP(N, 23) STRIP(N, 24)

STRIPS_24(1)
STRIPS_12(2)
STRIPS_8(3)
STRIPS_6(4)

#define NAMES_6(N) \
    NULL, strip_##N##x1, strip_##N##x2, strip_##N##x3, strip_##N##x4, strip_##N##x5, strip_##N##x6
#define NAMES_8(N)  NAMES_6(N), strip_##N##x7, strip_##N##x8
#define NAMES_12(N) NAMES_8(N), strip_##N##x9, strip_##N##x10, strip_##N##x11, strip_##N##x12
#define NAMES_18(N)                                                                              \
    NAMES_12(N), strip_##N##x13, strip_##N##x14, strip_##N##x15, strip_##N##x16, strip_##N##x17, \
        strip_##N##x18
#define NAMES_24(N)                                                                              \
    NAMES_18(N), strip_##N##x19, strip_##N##x20, strip_##N##x21, strip_##N##x22, strip_##N##x23, \
        strip_##N##x24
// clang-format on

kernel_strip_fn *const kernel_strips_vnni[KERNEL_MAX_PANELS + 1][KERNEL_STRIP_PIXELS + 1] = {
    [1] = {NAMES_24(1)},
    [2] = {NAMES_12(2)},
    [3] = {NAMES_8(3)},
    [4] = {NAMES_6(4)},
};
