// SPDX-License-Identifier: Apache-2.0
// letterbox_avx2.c - the kernels in AVX2: the bits of letterbox_c.c, 16 samples at once.

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "vision/letterbox_priv.h"

// Before each function: the file itself is built for any CPU.
#define AVX2 __attribute__((target("avx2")))

enum {
    LANES = 16, // samples in a vector
};

// Memory is read and written through these: planes and tables are of other types.
AVX2 static __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

AVX2 static void put(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

// A row of n >= LANES samples is done in whole vectors, the last one moved back to end with the
// row. Shorter rows are the reference's.
static int vector_start(int i, int n)
{
    return i + LANES <= n ? i : n - LANES;
}

// a + (b - a) * weight, as blend_samples().
AVX2 static __m256i blend_vectors(__m256i a, __m256i b, __m256i weight)
{
    return _mm256_add_epi16(a, _mm256_mulhrs_epi16(_mm256_sub_epi16(b, a), weight));
}

AVX2 static __m256i load_bytes(const uint8_t *p)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 7);
}

AVX2 static void blend(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight)
{
    if (n < LANES) {
        letterbox_kernel_c.blend(ret, a, b, n, weight);
        return;
    }
    __m256i w = _mm256_set1_epi16((short)weight);
    for (int i = 0; i < n; i += LANES) {
        int at = vector_start(i, n);
        __m256i v = load_bytes(a + at);
        if (weight)
            v = blend_vectors(v, load_bytes(b + at), w);
        put(ret + at, v);
    }
}

AVX2 static void blend_pairs(int16_t *ret_u, int16_t *ret_v, const uint8_t *a, const uint8_t *b,
                             int n, int weight)
{
    if (n < LANES) {
        letterbox_kernel_c.blend_pairs(ret_u, ret_v, a, b, n, weight);
        return;
    }
    __m256i w = _mm256_set1_epi16((short)weight);
    __m256i low = _mm256_set1_epi16(0xff);
    for (int i = 0; i < n; i += LANES) {
        int at = vector_start(i, n);
        __m256i x = load(a + 2 * (ptrdiff_t)at);
        __m256i y = load(b + 2 * (ptrdiff_t)at);
        put(ret_u + at, blend_vectors(_mm256_slli_epi16(_mm256_and_si256(x, low), 7),
                                      _mm256_slli_epi16(_mm256_and_si256(y, low), 7), w));
        put(ret_v + at, blend_vectors(_mm256_slli_epi16(_mm256_srli_epi16(x, 8), 7),
                                      _mm256_slli_epi16(_mm256_srli_epi16(y, 8), 7), w));
    }
}

AVX2 static void blend_words(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight,
                             int depth)
{
    if (n < LANES) {
        letterbox_kernel_c.blend_words(ret, a, b, n, weight, depth);
        return;
    }
    __m256i w = _mm256_set1_epi16((short)weight);
    __m128i up = _mm_cvtsi32_si128(16 - depth);
    for (int i = 0; i < n; i += LANES) {
        int at = vector_start(i, n);
        __m256i x = _mm256_sll_epi16(load(a + 2 * (ptrdiff_t)at), up);
        __m256i y = _mm256_sll_epi16(load(b + 2 * (ptrdiff_t)at), up);
        put(ret + at, blend_vectors(_mm256_srli_epi16(x, 1), _mm256_srli_epi16(y, 1), w));
    }
}

// Eight pairs of neighbours times their weights, rounded, as 32-bit sums.
AVX2 static __m256i weigh(const int16_t *row, const int32_t *index, const int16_t *weights)
{
    __m256i pairs = _mm256_i32gather_epi32((const int *)(const void *)row, load(index), 2);
    __m256i sum = _mm256_madd_epi16(pairs, load(weights));
    sum = _mm256_add_epi32(sum, _mm256_set1_epi32(LETTERBOX_COLUMN_ONE / 2));
    return _mm256_srai_epi32(sum, 14);
}

AVX2 static void across(int16_t *ret, const int16_t *row, const struct letterbox_columns *c)
{
    for (int i = 0; i < c->n; i += LANES) {
        __m256i a = weigh(row, c->index + i, c->weights + 2 * (ptrdiff_t)i);
        __m256i b = weigh(row, c->index + i + 8, c->weights + 2 * (ptrdiff_t)i + LANES);
        put(ret + i, _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8));
    }
}

struct factors {
    __m256i luma_offset, luma, red_v, green_u, green_v, blue_u;
};

struct sums {
    __m256i red, green, blue; // 16 of each, LETTERBOX_COLOUR_SHIFT bits behind the point dropped
};

AVX2 static __m256i load_chroma(const int16_t *p)
{
    __m256i doubled = _mm256_slli_epi16(load(p), 1);
    return _mm256_xor_si256(doubled, _mm256_set1_epi16(INT16_MIN)); // minus 2 LETTERBOX_NEUTRAL
}

AVX2 static struct sums convert(const int16_t *const yuv[3], int i, const struct factors *f)
{
    __m256i y = _mm256_sub_epi16(load(yuv[0] + i), f->luma_offset);
    __m256i u = load_chroma(yuv[1] + i);
    __m256i v = load_chroma(yuv[2] + i);
    __m256i half = _mm256_set1_epi16(1 << (LETTERBOX_COLOUR_SHIFT - 1));
    __m256i luma = _mm256_add_epi16(_mm256_mulhrs_epi16(y, f->luma), half);
    __m256i green =
        _mm256_add_epi16(_mm256_mulhrs_epi16(u, f->green_u), _mm256_mulhrs_epi16(v, f->green_v));
    __m256i red = _mm256_adds_epi16(luma, _mm256_mulhrs_epi16(v, f->red_v));
    __m256i blue = _mm256_adds_epi16(luma, _mm256_mulhrs_epi16(u, f->blue_u));
    green = _mm256_subs_epi16(luma, green);
    return (struct sums){_mm256_srai_epi16(red, LETTERBOX_COLOUR_SHIFT),
                         _mm256_srai_epi16(green, LETTERBOX_COLOUR_SHIFT),
                         _mm256_srai_epi16(blue, LETTERBOX_COLOUR_SHIFT)};
}

// Two vectors of 16 samples -> 32 bytes in order.
AVX2 static __m256i to_bytes(__m256i first, __m256i second)
{
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xd8);
}

#define BYTES(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

// 32 pixels -> 96 bytes. Within a lane each colour is turned so that its bytes stand every third
// place, then the colours are merged; whole lanes are put in order at the end.
AVX2 static void store_pixels(uint8_t *ret_rgb, __m256i r, __m256i g, __m256i b)
{
    // Byte k of a turned colour is its sample at place k of x, y or z, whichever holds it there.
    __m256i tr =
        _mm256_shuffle_epi8(r, BYTES(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5));
    __m256i tg =
        _mm256_shuffle_epi8(g, BYTES(5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10));
    __m256i tb =
        _mm256_shuffle_epi8(b, BYTES(10, 5, 0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15));
    __m256i mod0 = BYTES(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1); // k % 3 == 0
    __m256i mod1 = BYTES(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    __m256i x = _mm256_blendv_epi8(_mm256_blendv_epi8(tb, tg, mod1), tr, mod0);
    __m256i y = _mm256_blendv_epi8(_mm256_blendv_epi8(tr, tb, mod1), tg, mod0);
    __m256i z = _mm256_blendv_epi8(_mm256_blendv_epi8(tg, tr, mod1), tb, mod0);
    put(ret_rgb, _mm256_permute2x128_si256(x, y, 0x20));      // x0 y0
    put(ret_rgb + 32, _mm256_permute2x128_si256(z, x, 0x30)); // z0 x1
    put(ret_rgb + 64, _mm256_permute2x128_si256(y, z, 0x31)); // y1 z1
}

AVX2 static void store_32(uint8_t *ret_rgb, const int16_t *const yuv[3], int i,
                          const struct factors *f)
{
    struct sums a = convert(yuv, i, f);
    struct sums b = convert(yuv, i + LANES, f);
    store_pixels(ret_rgb, to_bytes(a.red, b.red), to_bytes(a.green, b.green),
                 to_bytes(a.blue, b.blue));
}

AVX2 static void store(uint8_t *ret_rgb, const int16_t *const yuv[3], int n,
                       const struct letterbox_colour *c)
{
    const struct factors f = {
        _mm256_set1_epi16(c->luma_offset), _mm256_set1_epi16(c->luma),
        _mm256_set1_epi16(c->red_v),       _mm256_set1_epi16(c->green_u),
        _mm256_set1_epi16(c->green_v),     _mm256_set1_epi16(c->blue_u),
    };
    int i = 0;
    for (; i + 32 <= n; i += 32)
        store_32(ret_rgb + 3 * (ptrdiff_t)i, yuv, i, &f);
    if (i < n) {
        uint8_t
            last[96]; // rows are readable to the end of the vector, the model's are not writable
        store_32(last, yuv, i, &f);
        memcpy(ret_rgb + 3 * (ptrdiff_t)i, last, 3 * (size_t)(n - i));
    }
}

const struct letterbox_kernel letterbox_kernel_avx2 = {
    .blend = blend,
    .blend_pairs = blend_pairs,
    .blend_words = blend_words,
    .across = across,
    .store = store,
};
