// SPDX-License-Identifier: Apache-2.0
// pack.c - letterboxed bytes to an input tensor.
//
// SHAPES: rgb (n_pixels, 3) uint8 -> tensor (3, n_pixels) planes or (n_pixels, 3), in the model's
// channel order. A value is pixel * factor + offset in float32, multiplied and added one after the
// other (never fused), where factor = scale / std and offset = -mean / std: at most two roundings
// from (pixel * scale - mean) / std. The C version is the reference; AVX2 gives the same bits
// (tests/unit/infer/test_pack.c).

#include "infer/pack.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/err.h"
#include "base/mem.h"

struct pack {
    enum tensor_type type;
    bool nhwc;
    bool avx2;
    int source[3];   // tensor channel -> byte of the pixel
    float factor[3]; // by tensor channel
    float offset[3];
    // the C version looks up what the 256 pixel values become: one of the three, by *type*
    float f32[3][256];
    uint16_t f16[3][256];
    uint8_t u8[3][256];
};

static bool is_packable(enum tensor_type type)
{
    return type == TENSOR_FLOAT32 || type == TENSOR_FLOAT16 || type == TENSOR_UINT8;
}

uint16_t pack_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x7f800000u) // infinity, or a NaN that stays one
        return (uint16_t)(sign | 0x7c00u |
                          (magnitude > 0x7f800000u ? 0x200u | (magnitude >> 13 & 0x3ffu) : 0));
    if (magnitude >= 0x477ff000u) // rounds to more than 65504
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { // below the smallest normal half: a multiple of 2^-24
        float steps;
        memcpy(&steps, &magnitude, sizeof(steps));
        return (uint16_t)(sign | (uint32_t)lrintf(steps * 16777216.0f));
    }
    uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1); // half to even
    return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

static uint8_t to_byte(float v)
{
    return (uint8_t)lrintf(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void fill_tables(struct pack *p)
{
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 256; i++) {
            float v = (float)i * p->factor[c] + p->offset[c];
            p->f32[c][i] = v;
            p->f16[c][i] = pack_half(v);
            p->u8[c][i] = to_byte(v);
        }
    }
}

int pack_create(const struct model_input *input, enum tensor_type type, enum cpu_isa isa,
                struct pack **ret_pack)
{
    if (!is_packable(type))
        return err_set(ERR_UNSUPPORTED,
                       "model input: pictures go in as float32, float16 or uint8 only");
    int r = cpu_isa_choose(isa, &isa);
    if (r < 0)
        return r;
    struct pack *p = mem_new(struct pack);
    if (!p)
        return ERR_NOMEM;
    p->type = type;
    p->nhwc = input->nhwc;
    p->avx2 = isa >= CPU_ISA_AVX2;
    for (int c = 0; c < 3; c++) {
        double std = input->std[c] != 0 ? input->std[c] : 1; // zero: not set
        p->source[c] = input->bgr ? 2 - c : c;
        p->factor[c] = (float)((double)input->scale / std);
        p->offset[c] = (float)(0.0 - (double)input->mean[c] / std);
    }
    fill_tables(p);
    *ret_pack = p;
    return 0;
}

void pack_destroy(struct pack *p)
{
    mem_free(p);
}

size_t pack_element_bytes(const struct pack *p)
{
    return p->type == TENSOR_FLOAT32 ? 4 : p->type == TENSOR_FLOAT16 ? 2 : 1;
}

static void copy_one(const struct pack *p, int channel, uint8_t value, void *tensor, size_t at)
{
    switch (p->type) {
    case TENSOR_FLOAT32:
        ((float *)tensor)[at] = p->f32[channel][value];
        return;
    case TENSOR_FLOAT16:
        ((uint16_t *)tensor)[at] = p->f16[channel][value];
        return;
    default:
        ((uint8_t *)tensor)[at] = p->u8[channel][value];
        return;
    }
}

// Pixels [from, n_pixels): the whole picture, or what the SIMD loop left over.
static void pack_c(const struct pack *p, const uint8_t *rgb, size_t from, size_t n_pixels,
                   void *tensor)
{
    for (int c = 0; c < 3; c++) {
        const uint8_t *source = rgb + p->source[c];
        size_t first = p->nhwc ? (size_t)c : (size_t)c * n_pixels;
        size_t step = p->nhwc ? 3 : 1;
        for (size_t i = from; i < n_pixels; i++)
            copy_one(p, c, source[i * 3], tensor, first + i * step);
    }
}

#if defined(__x86_64__)

enum {
    STEP = 16, // pixels of one SIMD step
};

// 48 bytes R G B R G B ... -> 16 R, 16 G, 16 B.
__attribute__((target("avx2"))) static inline void split(const uint8_t *rgb, __m128i ret_planes[3])
{
    // clang-format off
    static const int8_t pick[3][3][16] = { // [channel][16 bytes of the input][output place]
        {{0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, 7, 10, 13}},
        {{1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14}},
        {{2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1},
         {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15}}};
    // clang-format on
    __m128i in[3];
    for (int i = 0; i < 3; i++)
        in[i] = _mm_loadu_si128((const __m128i *)(rgb + i * 16));
    for (int c = 0; c < 3; c++) {
        __m128i all = _mm_setzero_si128();
        for (int i = 0; i < 3; i++) {
            __m128i mask = _mm_loadu_si128((const __m128i *)pick[c][i]);
            all = _mm_or_si128(all, _mm_shuffle_epi8(in[i], mask));
        }
        ret_planes[c] = all;
    }
}

__attribute__((target("avx2"))) static inline __m256 scale8(__m128i bytes, __m256 factor,
                                                            __m256 offset)
{
    __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
    return _mm256_add_ps(_mm256_mul_ps(v, factor), offset);
}

__attribute__((target("avx2"))) static size_t
pack_f32_avx2(const struct pack *p, const uint8_t *rgb, size_t n_pixels, float *tensor)
{
    size_t i = 0;
    for (; i + STEP <= n_pixels; i += STEP) {
        __m128i planes[3];
        split(rgb + i * 3, planes);
        for (int c = 0; c < 3; c++) {
            __m256 factor = _mm256_set1_ps(p->factor[c]);
            __m256 offset = _mm256_set1_ps(p->offset[c]);
            __m128i v = planes[p->source[c]];
            float *to = tensor + (size_t)c * n_pixels + i;
            _mm256_storeu_ps(to, scale8(v, factor, offset));
            _mm256_storeu_ps(to + 8, scale8(_mm_srli_si128(v, 8), factor, offset));
        }
    }
    return i;
}

__attribute__((target("avx2,f16c"))) static size_t
pack_f16_avx2(const struct pack *p, const uint8_t *rgb, size_t n_pixels, uint16_t *tensor)
{
    size_t i = 0;
    for (; i + STEP <= n_pixels; i += STEP) {
        __m128i planes[3];
        split(rgb + i * 3, planes);
        for (int c = 0; c < 3; c++) {
            __m256 factor = _mm256_set1_ps(p->factor[c]);
            __m256 offset = _mm256_set1_ps(p->offset[c]);
            __m128i v = planes[p->source[c]];
            __m256 low = scale8(v, factor, offset);
            __m256 high = scale8(_mm_srli_si128(v, 8), factor, offset);
            uint16_t *to = tensor + (size_t)c * n_pixels + i;
            _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(low, _MM_FROUND_TO_NEAREST_INT));
            _mm_storeu_si128((__m128i *)(to + 8), _mm256_cvtps_ph(high, _MM_FROUND_TO_NEAREST_INT));
        }
    }
    return i;
}

static size_t pack_avx2(const struct pack *p, const uint8_t *rgb, size_t n_pixels, void *tensor)
{
    if (!p->avx2 || p->nhwc)
        return 0;
    if (p->type == TENSOR_FLOAT32)
        return pack_f32_avx2(p, rgb, n_pixels, (float *)tensor);
    if (p->type == TENSOR_FLOAT16)
        return pack_f16_avx2(p, rgb, n_pixels, (uint16_t *)tensor);
    return 0;
}

#else

static size_t pack_avx2(const struct pack *p, const uint8_t *rgb, size_t n_pixels, void *tensor)
{
    return 0;
}

#endif

static bool is_copy(const struct pack *p)
{
    if (p->type != TENSOR_UINT8 || !p->nhwc)
        return false;
    for (int c = 0; c < 3; c++) {
        if (p->source[c] != c || p->factor[c] != 1 || p->offset[c] != 0)
            return false;
    }
    return true;
}

void pack_run(const struct pack *p, const uint8_t *rgb, size_t n_pixels, void *ret_tensor)
{
    if (is_copy(p)) {
        memcpy(ret_tensor, rgb, n_pixels * 3);
        return;
    }
    size_t done = pack_avx2(p, rgb, n_pixels, ret_tensor);
    pack_c(p, rgb, done, n_pixels, ret_tensor);
}

void pack_fill(const struct pack *p, uint8_t value, size_t n_pixels, void *ret_tensor)
{
    for (int c = 0; c < 3; c++) {
        for (size_t i = 0; i < n_pixels; i++)
            copy_one(p, c, value, ret_tensor,
                     p->nhwc ? i * 3 + (size_t)c : (size_t)c * n_pixels + i);
    }
}
