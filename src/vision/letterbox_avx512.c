// SPDX-License-Identifier: Apache-2.0
// letterbox_avx512.c - the kernels in AVX-512 (F, BW, VL): the bits of letterbox_c.c, 32 samples at
// once.

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "vision/letterbox_priv.h"

// Before each function: the file itself is built for any CPU.
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

enum {
    LANES = 32, // samples in a vector
};

AVX512 static __mmask32 first_lanes(int n)
{
    return n >= LANES ? 0xffffffffu : (1u << n) - 1;
}

// a + (b - a) * weight, as blend_samples().
AVX512 static __m512i blend_vectors(__m512i a, __m512i b, __m512i weight)
{
    return _mm512_add_epi16(a, _mm512_mulhrs_epi16(_mm512_sub_epi16(b, a), weight));
}

AVX512 static __m512i load_bytes(const uint8_t *p, __mmask32 lanes)
{
    __m256i bytes = _mm256_maskz_loadu_epi8(lanes, p);
    return _mm512_slli_epi16(_mm512_cvtepu8_epi16(bytes), 7);
}

// Rows are written in whole vectors: their buffers have the padding for it.
AVX512 static void blend(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight)
{
    __m512i w = _mm512_set1_epi16((short)weight);
    for (int i = 0; i < n; i += LANES) {
        __mmask32 lanes = first_lanes(n - i);
        __m512i v = load_bytes(a + i, lanes);
        if (weight)
            v = blend_vectors(v, load_bytes(b + i, lanes), w);
        _mm512_storeu_si512(ret + i, v);
    }
}

AVX512 static void blend_pairs(int16_t *ret_u, int16_t *ret_v, const uint8_t *a, const uint8_t *b,
                               int n, int weight)
{
    __m512i w = _mm512_set1_epi16((short)weight);
    __m512i low = _mm512_set1_epi16(0xff);
    for (int i = 0; i < n; i += LANES) {
        __mmask32 lanes = first_lanes(n - i);
        __m512i x = _mm512_maskz_loadu_epi16(lanes, a + 2 * (ptrdiff_t)i);
        __m512i y = _mm512_maskz_loadu_epi16(lanes, b + 2 * (ptrdiff_t)i);
        __m512i u = blend_vectors(_mm512_slli_epi16(_mm512_and_si512(x, low), 7),
                                  _mm512_slli_epi16(_mm512_and_si512(y, low), 7), w);
        __m512i v = blend_vectors(_mm512_slli_epi16(_mm512_srli_epi16(x, 8), 7),
                                  _mm512_slli_epi16(_mm512_srli_epi16(y, 8), 7), w);
        _mm512_storeu_si512(ret_u + i, u);
        _mm512_storeu_si512(ret_v + i, v);
    }
}

AVX512 static __m512i load_words(const uint8_t *p, __mmask32 lanes, __m128i up)
{
    __m512i v = _mm512_maskz_loadu_epi16(lanes, p);
    return _mm512_srli_epi16(_mm512_sll_epi16(v, up), 1);
}

AVX512 static void blend_words(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight,
                               int depth)
{
    __m512i w = _mm512_set1_epi16((short)weight);
    __m128i up = _mm_cvtsi32_si128(16 - depth);
    for (int i = 0; i < n; i += LANES) {
        __mmask32 lanes = first_lanes(n - i);
        __m512i x = load_words(a + 2 * (ptrdiff_t)i, lanes, up);
        __m512i y = load_words(b + 2 * (ptrdiff_t)i, lanes, up);
        _mm512_storeu_si512(ret + i, blend_vectors(x, y, w));
    }
}

// Sixteen pairs times their weights, rounded, as 16 samples.
AVX512 static __m256i weigh(__m512i pairs, const int16_t *weights)
{
    __m512i sum = _mm512_madd_epi16(pairs, _mm512_load_si512(weights));
    sum = _mm512_add_epi32(sum, _mm512_set1_epi32(LETTERBOX_COLUMN_ONE / 2));
    return _mm512_cvtepi32_epi16(_mm512_srai_epi32(sum, 14));
}

AVX512 static __m512i pick(const int16_t *window, __m512i lanes)
{
    return _mm512_permutex2var_epi16(_mm512_loadu_si512(window), lanes,
                                     _mm512_loadu_si512(window + LANES));
}

AVX512 static void across_one_window(int16_t *ret, const int16_t *row,
                                     const struct letterbox_columns *c)
{
    for (int i = 0, k = 0; i < c->n; i += LETTERBOX_BLOCK, k++) {
        __m512i lanes = _mm512_load_si512(c->lanes + 2 * (ptrdiff_t)i);
        __m512i pairs = pick(row + c->block_base[k], lanes);
        _mm256_store_si256((__m256i *)(void *)(ret + i),
                           weigh(pairs, c->weights + 2 * (ptrdiff_t)i));
    }
}

AVX512 static void across_two_windows(int16_t *ret, const int16_t *row,
                                      const struct letterbox_columns *c)
{
    __m512i second = _mm512_set1_epi16(LETTERBOX_WINDOW);
    for (int i = 0, k = 0; i < c->n; i += LETTERBOX_BLOCK, k++) {
        __m512i lanes = _mm512_load_si512(c->lanes + 2 * (ptrdiff_t)i);
        const int16_t *window = row + c->block_base[k];
        __m512i pairs =
            _mm512_mask_mov_epi16(pick(window, lanes), _mm512_test_epi16_mask(lanes, second),
                                  pick(window + LETTERBOX_WINDOW, lanes));
        _mm256_store_si256((__m256i *)(void *)(ret + i),
                           weigh(pairs, c->weights + 2 * (ptrdiff_t)i));
    }
}

AVX512 static void across_far(int16_t *ret, const int16_t *row, const struct letterbox_columns *c)
{
    for (int i = 0; i < c->n; i += LETTERBOX_BLOCK) {
        __m512i index = _mm512_load_si512(c->index + i);
        __m512i pairs = _mm512_i32gather_epi32(index, row, 2);
        _mm256_store_si256((__m256i *)(void *)(ret + i),
                           weigh(pairs, c->weights + 2 * (ptrdiff_t)i));
    }
}

AVX512 static void across(int16_t *ret, const int16_t *row, const struct letterbox_columns *c)
{
    if (c->n_windows == 1)
        across_one_window(ret, row, c);
    else if (c->n_windows == 2)
        across_two_windows(ret, row, c);
    else
        across_far(ret, row, c);
}

struct factors {
    __m512i luma_offset, luma, red_v, green_u, green_v, blue_u;
};

struct sums {
    __m512i red, green, blue; // 32 of each, LETTERBOX_COLOUR_SHIFT bits behind the point dropped
};

AVX512 static __m512i load_chroma(const int16_t *p)
{
    __m512i doubled = _mm512_slli_epi16(_mm512_load_si512(p), 1);
    return _mm512_xor_si512(doubled, _mm512_set1_epi16(INT16_MIN)); // minus 2 LETTERBOX_NEUTRAL
}

AVX512 static struct sums convert(const int16_t *const yuv[3], int i, const struct factors *f)
{
    __m512i y = _mm512_sub_epi16(_mm512_load_si512(yuv[0] + i), f->luma_offset);
    __m512i u = load_chroma(yuv[1] + i);
    __m512i v = load_chroma(yuv[2] + i);
    __m512i half = _mm512_set1_epi16(1 << (LETTERBOX_COLOUR_SHIFT - 1));
    __m512i luma = _mm512_add_epi16(_mm512_mulhrs_epi16(y, f->luma), half);
    __m512i green =
        _mm512_add_epi16(_mm512_mulhrs_epi16(u, f->green_u), _mm512_mulhrs_epi16(v, f->green_v));
    __m512i red = _mm512_adds_epi16(luma, _mm512_mulhrs_epi16(v, f->red_v));
    __m512i blue = _mm512_adds_epi16(luma, _mm512_mulhrs_epi16(u, f->blue_u));
    green = _mm512_subs_epi16(luma, green);
    return (struct sums){_mm512_srai_epi16(red, LETTERBOX_COLOUR_SHIFT),
                         _mm512_srai_epi16(green, LETTERBOX_COLOUR_SHIFT),
                         _mm512_srai_epi16(blue, LETTERBOX_COLOUR_SHIFT)};
}

// Two vectors of 32 samples -> 64 bytes in order.
AVX512 static __m512i to_bytes(__m512i first, __m512i second)
{
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    return _mm512_permutexvar_epi64(order, _mm512_packus_epi16(first, second));
}

#define BYTES(...) _mm512_broadcast_i32x4(_mm_setr_epi8(__VA_ARGS__))

// 64 pixels -> 192 bytes. Within a lane each colour is turned so that its bytes stand every third
// place, then the colours are merged; whole lanes are put in order at the end.
AVX512 static void store_pixels(uint8_t *ret_rgb, __m512i r, __m512i g, __m512i b)
{
    __m512i tr =
        _mm512_shuffle_epi8(r, BYTES(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5));
    __m512i tg =
        _mm512_shuffle_epi8(g, BYTES(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10));
    __m512i tb =
        _mm512_shuffle_epi8(b, BYTES(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15));
    const __mmask64 mod0 = 0x9249924992499249; // every third byte of a lane, from 0
    const __mmask64 mod1 = 0x2492249224922492; // from 1
    __m512i x = _mm512_mask_mov_epi8(_mm512_mask_mov_epi8(tb, mod1, tg), mod0, tr); // x0 x1 x2 x3
    __m512i y = _mm512_mask_mov_epi8(_mm512_mask_mov_epi8(tr, mod1, tb), mod0, tg);
    __m512i z = _mm512_mask_mov_epi8(_mm512_mask_mov_epi8(tg, mod1, tr), mod0, tb);
    // wanted: x0 y0 z0 x1 | y1 z1 x2 y2 | z2 x3 y3 z3
    const __m512i q0 = _mm512_setr_epi64(0, 1, 8, 9, 0, 0, 2, 3);   // x0 y0 .. x1
    const __m512i q1 = _mm512_setr_epi64(2, 3, 10, 11, 0, 0, 4, 5); // y1 z1 .. y2
    const __m512i q2 = _mm512_setr_epi64(4, 5, 14, 15, 0, 0, 6, 7); // z2 x3 .. z3
    const __m512i p0 = _mm512_setr_epi64(0, 1, 2, 3, 8, 9, 6, 7);   // .. z0
    const __m512i p1 = _mm512_setr_epi64(0, 1, 2, 3, 12, 13, 6, 7); // .. x2
    const __m512i p2 = _mm512_setr_epi64(0, 1, 2, 3, 14, 15, 6, 7); // .. y3
    __m512i first = _mm512_permutex2var_epi64(x, q0, y);
    __m512i second = _mm512_permutex2var_epi64(y, q1, z);
    __m512i last = _mm512_permutex2var_epi64(z, q2, x);
    _mm512_storeu_si512(ret_rgb, _mm512_permutex2var_epi64(first, p0, z));
    _mm512_storeu_si512(ret_rgb + 64, _mm512_permutex2var_epi64(second, p1, x));
    _mm512_storeu_si512(ret_rgb + 128, _mm512_permutex2var_epi64(last, p2, y));
}

AVX512 static void store_64(uint8_t *ret_rgb, const int16_t *const yuv[3], int i,
                            const struct factors *f)
{
    struct sums a = convert(yuv, i, f);
    struct sums b = convert(yuv, i + LANES, f);
    store_pixels(ret_rgb, to_bytes(a.red, b.red), to_bytes(a.green, b.green),
                 to_bytes(a.blue, b.blue));
}

AVX512 static void store(uint8_t *ret_rgb, const int16_t *const yuv[3], int n,
                         const struct letterbox_colour *c)
{
    const struct factors f = {
        _mm512_set1_epi16(c->luma_offset), _mm512_set1_epi16(c->luma),
        _mm512_set1_epi16(c->red_v),       _mm512_set1_epi16(c->green_u),
        _mm512_set1_epi16(c->green_v),     _mm512_set1_epi16(c->blue_u),
    };
    int i = 0;
    for (; i + 64 <= n; i += 64)
        store_64(ret_rgb + 3 * (ptrdiff_t)i, yuv, i, &f);
    if (i < n) {
        uint8_t
            last[192]; // rows are readable to the end of the vector, the model's are not writable
        store_64(last, yuv, i, &f);
        memcpy(ret_rgb + 3 * (ptrdiff_t)i, last, 3 * (size_t)(n - i));
    }
}

const struct letterbox_kernel letterbox_kernel_avx512 = {
    .blend = blend,
    .blend_pairs = blend_pairs,
    .blend_words = blend_words,
    .across = across,
    .store = store,
};
