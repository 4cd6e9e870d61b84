// SPDX-License-Identifier: Apache-2.0
// kernel_pass_avx2.c - the row functions in AVX2, 8 numbers at a time.

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/kernel_avx2_priv.h"
#include "nn/kernel_pass_priv.h"

AVX2_INLINE size_t width_of(enum kernel_type type)
{
    return type == KERNEL_F32 ? 4 : type == KERNEL_BF16 ? 2 : 1;
}

AVX2_INLINE __m256 load_value(const struct kernel_row_type *type, const uint8_t *row, size_t i,
                              int n)
{
    __m256 v = avx2_load_some(row + i * width_of(type->type), type->type, n);
    if (type->type != KERNEL_U8)
        return v;
    v = _mm256_sub_ps(v, _mm256_set1_ps(type->zero_point));
    return _mm256_mul_ps(_mm256_set1_ps(type->scale), v);
}

AVX2_INLINE void store_value(const struct kernel_row_type *type, uint8_t *row, size_t i, int n,
                             __m256 v)
{
    if (type->type == KERNEL_U8)
        v = _mm256_fmadd_ps(v, _mm256_set1_ps(type->inverse_scale),
                            _mm256_set1_ps(type->zero_point));
    avx2_store_some(row + i * width_of(type->type), type->type, v, n);
}

// How many of 8 are left.
AVX2_INLINE int lanes_at(size_t i, size_t n)
{
    return n - i >= AVX2_LANES ? AVX2_LANES : (int)(n - i);
}

AVX2_INLINE void map_all(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n,
                         enum kernel_activation activation)
{
    for (size_t i = 0; i < n; i += AVX2_LANES) {
        int lanes = lanes_at(i, n);
        __m256 v = avx2_activate(load_value(&m->in, in, i, lanes), activation, m->alpha);
        store_value(&m->out, out, i, lanes, v);
    }
}

AVX2 static void map(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
    if (m->activation == KERNEL_SILU)
        map_all(m, in, out, n, KERNEL_SILU);
    else if (m->activation == KERNEL_LINEAR)
        map_all(m, in, out, n, KERNEL_LINEAR);
    else
        map_all(m, in, out, n, m->activation);
}

AVX2 static void add(const struct kernel_row_type types[3], const uint8_t *a, const uint8_t *b,
                     uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += AVX2_LANES) {
        int lanes = lanes_at(i, n);
        __m256 v =
            _mm256_add_ps(load_value(&types[0], a, i, lanes), load_value(&types[1], b, i, lanes));
        store_value(&types[2], out, i, lanes, v);
    }
}

// 32 bytes at a time; the rest by the C version.
AVX2_INLINE void max_bytes(const uint8_t *const *rows, int n_rows, uint8_t *out, size_t n)
{
    enum { BYTES = 32 };
    size_t i = 0;
    for (; i + BYTES <= n; i += BYTES) {
        __m256i most = _mm256_loadu_si256((const __m256i *)(const void *)(rows[0] + i));
        for (int r = 1; r < n_rows; r++)
            most = _mm256_max_epu8(
                most, _mm256_loadu_si256((const __m256i *)(const void *)(rows[r] + i)));
        _mm256_storeu_si256((__m256i *)(void *)(out + i), most);
    }
    for (; i < n; i++) {
        uint8_t most = rows[0][i];
        for (int r = 1; r < n_rows; r++)
            most = rows[r][i] > most ? rows[r][i] : most;
        out[i] = most;
    }
}

AVX2 static void max_of(enum kernel_type type, const uint8_t *const *rows, int n_rows, uint8_t *out,
                        size_t n)
{
    if (type == KERNEL_U8) {
        max_bytes(rows, n_rows, out, n);
        return;
    }
    size_t width = width_of(type);
    for (size_t i = 0; i < n; i += AVX2_LANES) {
        int lanes = lanes_at(i, n);
        __m256 most = avx2_load_some(rows[0] + i * width, type, lanes);
        for (int r = 1; r < n_rows; r++)
            most = _mm256_max_ps(avx2_load_some(rows[r] + i * width, type, lanes), most);
        avx2_store_some(out + i * width, type, most, lanes);
    }
}

AVX2 static void sum(enum kernel_type type, const uint8_t *row, float *sums, size_t n)
{
    size_t width = width_of(type);
    for (size_t i = 0; i < n; i += AVX2_LANES) {
        int lanes = lanes_at(i, n);
        uint8_t *place = (uint8_t *)(void *)(sums + i);
        __m256 v = _mm256_add_ps(avx2_load_some(place, KERNEL_F32, lanes),
                                 avx2_load_some(row + i * width, type, lanes));
        avx2_store_some(place, KERNEL_F32, v, lanes);
    }
}

AVX2_INLINE float across(__m256 v, int wants_max)
{
    float lanes[AVX2_LANES];
    _mm256_storeu_ps(lanes, v);
    float r = lanes[0];
    for (int i = 1; i < AVX2_LANES; i++)
        r = !wants_max ? r + lanes[i] : lanes[i] > r ? lanes[i] : r;
    return r;
}

AVX2_INLINE __m256 load_or(const float *row, size_t i, size_t n, float other)
{
    int lanes = lanes_at(i, n);
    __m256 v = avx2_load_some((const uint8_t *)(const void *)(row + i), KERNEL_F32, lanes);
    const __m256 order = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
    __m256 is_there = _mm256_cmp_ps(order, _mm256_set1_ps((float)lanes), _CMP_LT_OQ);
    return _mm256_blendv_ps(_mm256_set1_ps(other), v, is_there);
}

AVX2 static void softmax(float *row, size_t n)
{
    __m256 most = _mm256_set1_ps(row[0]);
    for (size_t i = 0; i < n; i += AVX2_LANES)
        most = _mm256_max_ps(most, load_or(row, i, n, row[0]));
    most = _mm256_set1_ps(across(most, 1));
    __m256 total = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += AVX2_LANES) {
        __m256 v = _mm256_sub_ps(load_or(row, i, n, -INFINITY), most);
        __m256 e = avx2_exp2(_mm256_mul_ps(v, _mm256_set1_ps(1.44269504f)));
        // what lies behind the row counts for nothing
        const __m256 order = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
        __m256 is_there = _mm256_cmp_ps(order, _mm256_set1_ps((float)lanes_at(i, n)), _CMP_LT_OQ);
        e = _mm256_and_ps(e, is_there);
        total = _mm256_add_ps(total, e);
        avx2_store_some((uint8_t *)(void *)(row + i), KERNEL_F32, e, lanes_at(i, n));
    }
    __m256 share = _mm256_set1_ps(1 / across(total, 0));
    for (size_t i = 0; i < n; i += AVX2_LANES) {
        uint8_t *place = (uint8_t *)(void *)(row + i);
        int lanes = lanes_at(i, n);
        __m256 v = _mm256_mul_ps(avx2_load_some(place, KERNEL_F32, lanes), share);
        avx2_store_some(place, KERNEL_F32, v, lanes);
    }
}

AVX2 static size_t reach(const float *rows, size_t n_rows, size_t n, size_t stride, float floor,
                         uint32_t *ret_found)
{
    const __m256 least = _mm256_set1_ps(floor);
    size_t n_found = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const float *row = rows + r * stride;
        __m256 any = _mm256_setzero_ps();
        size_t i = 0;
        for (; i + AVX2_LANES <= n; i += AVX2_LANES)
            any = _mm256_or_ps(any, _mm256_cmp_ps(_mm256_loadu_ps(row + i), least, _CMP_GE_OQ));
        if (i < n) // NAN reaches nothing
            any = _mm256_or_ps(any, _mm256_cmp_ps(load_or(row, i, n, NAN), least, _CMP_GE_OQ));
        ret_found[n_found] = (uint32_t)r;
        n_found += _mm256_movemask_ps(any) != 0;
    }
    return n_found;
}

AVX2 static float expect(const float *row, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = __builtin_fmaf(row[i], (float)i, sum);
    return sum;
}

AVX2_INLINE void depthwise_finish_as(const struct kernel_depthwise_row *d, const float *sums,
                                     size_t c, int lanes, enum kernel_activation activation)
{
    for (int p = 0; p < d->n_pixels; p++, sums += AVX2_LANES) {
        __m256 v = _mm256_loadu_ps(sums);
        v = activation == KERNEL_SILU && d->map.out.type != KERNEL_F32
                ? avx2_silu_quick(v)
                : avx2_activate(v, activation, d->map.alpha);
        store_value(&d->map.out, d->out + p * d->out_stride, c, lanes, v);
    }
}

// Activations are code of their own, behind the sums, and as exact as the output's type needs.
AVX2 static void depthwise_finish(const struct kernel_depthwise_row *d, const float *sums, size_t c,
                                  int lanes)
{
    if (d->map.activation == KERNEL_SILU)
        depthwise_finish_as(d, sums, c, lanes, KERNEL_SILU);
    else if (d->map.activation == KERNEL_LINEAR)
        depthwise_finish_as(d, sums, c, lanes, KERNEL_LINEAR);
    else
        depthwise_finish_as(d, sums, c, lanes, d->map.activation);
}

// *M* pixels, up to 8 channels from *c* on.
AVX2_INLINE void depthwise_lanes(const struct kernel_depthwise_row *d, size_t n_channels, size_t c,
                                 int lanes, int M, enum kernel_type type, bool is_stepped)
{
    __m256 sums[KERNEL_DEPTHWISE_PIXELS];
    float room[KERNEL_DEPTHWISE_PIXELS * AVX2_LANES];
    const uint8_t *const *pixels = d->pixels;
    const float *weights = d->weights + c;
    size_t at = c * width_of(type);
    KERNEL_UNROLL for (int p = 0; p < M; p++) sums[p] = _mm256_setzero_ps();
    for (int tap = 0; tap < d->n_taps; tap++, weights += n_channels) {
        __m256 w = avx2_load_some((const uint8_t *)(const void *)weights, KERNEL_F32, lanes);
        KERNEL_UNROLL for (int p = 0; p < M; p++)
        {
            const uint8_t *from = is_stepped ? pixels[0] + p * d->pixel_step : pixels[p];
            sums[p] = _mm256_fmadd_ps(avx2_load_some(from + at, type, lanes), w, sums[p]);
        }
        pixels += is_stepped ? 1 : M;
    }
    __m256 bias = avx2_load_some((const uint8_t *)(const void *)(d->bias + c), KERNEL_F32, lanes);
    KERNEL_UNROLL for (int p = 0; p < M; p++)
        _mm256_storeu_ps(room + (ptrdiff_t)p * AVX2_LANES, _mm256_add_ps(sums[p], bias));
    depthwise_finish(d, room, c, lanes);
}

AVX2_INLINE void depthwise_all(const struct kernel_depthwise_row *d, size_t n_channels, int M,
                               enum kernel_type type, bool is_stepped)
{
    size_t c = 0;
    for (; c + AVX2_LANES <= n_channels; c += AVX2_LANES)
        depthwise_lanes(d, n_channels, c, AVX2_LANES, M, type, is_stepped);
    if (c < n_channels)
        depthwise_lanes(d, n_channels, c, lanes_at(c, n_channels), M, type, is_stepped);
}

// One function for each number of pixels.
#define DEPTHWISE(M)                                                                        \
    AVX2 static void depthwise_##M(const struct kernel_depthwise_row *d, size_t n_channels) \
    {                                                                                       \
        if (d->in == KERNEL_F32 && d->pixel_step)                                           \
            depthwise_all(d, n_channels, M, KERNEL_F32, true);                              \
        else if (d->in == KERNEL_F32)                                                       \
            depthwise_all(d, n_channels, M, KERNEL_F32, false);                             \
        else if (d->pixel_step)                                                             \
            depthwise_all(d, n_channels, M, KERNEL_BF16, true);                             \
        else                                                                                \
            depthwise_all(d, n_channels, M, KERNEL_BF16, false);                            \
    }
DEPTHWISE(1)
DEPTHWISE(2)
DEPTHWISE(3)
DEPTHWISE(4)
DEPTHWISE(5)
DEPTHWISE(6)
DEPTHWISE(7)
DEPTHWISE(8)

AVX2 static void depthwise(const struct kernel_depthwise_row *d, size_t n_channels)
{
    static void (*const by_pixels[])(const struct kernel_depthwise_row *d, size_t n_channels) = {
        NULL,        depthwise_1, depthwise_2, depthwise_3, depthwise_4,
        depthwise_5, depthwise_6, depthwise_7, depthwise_8};
    by_pixels[d->n_pixels](d, n_channels);
}

// Vector *k* of three: lane i is number 8 k + i, of row (8 k + i) % 3 and column (8 k + i) / 3.
AVX2_INLINE __m256 interleaved(__m256 a, __m256 b, __m256 c, int k)
{
    const __m256i columns = k == 0   ? _mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2)
                            : k == 1 ? _mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5)
                                     : _mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7);
    a = _mm256_permutevar8x32_ps(a, columns);
    b = _mm256_permutevar8x32_ps(b, columns);
    c = _mm256_permutevar8x32_ps(c, columns);
    if (k == 0)
        return _mm256_blend_ps(_mm256_blend_ps(a, b, 0x92), c, 0x24);
    if (k == 1)
        return _mm256_blend_ps(_mm256_blend_ps(c, a, 0x92), b, 0x24);
    return _mm256_blend_ps(_mm256_blend_ps(b, c, 0x92), a, 0x24);
}

AVX2 void kernel_interleave_avx2(const float *in, size_t in_stride, size_t n, float *out)
{
    size_t i = 0;
    for (; i + AVX2_LANES <= n; i += AVX2_LANES, out += 3 * AVX2_LANES) {
        __m256 a = _mm256_loadu_ps(in + i);
        __m256 b = _mm256_loadu_ps(in + in_stride + i);
        __m256 c = _mm256_loadu_ps(in + 2 * in_stride + i);
        KERNEL_UNROLL for (int k = 0; k < 3; k++)
            _mm256_storeu_ps(out + AVX2_LANES * k, interleaved(a, b, c, k));
    }
    kernel_interleave_c(in + i, in_stride, n - i, out);
}

AVX2 void kernel_transpose_avx2(const float *in, size_t in_stride, float *out, size_t out_stride)
{
    __m256 r[KERNEL_TILE];
    __m256 t[KERNEL_TILE];
    KERNEL_UNROLL for (int i = 0; i < KERNEL_TILE; i++) r[i] =
        _mm256_loadu_ps(in + (size_t)i * in_stride);
    KERNEL_UNROLL for (int i = 0; i < KERNEL_TILE; i += 2)
    {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    KERNEL_UNROLL for (int i = 0; i < KERNEL_TILE; i += 4)
    {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    KERNEL_UNROLL for (int i = 0; i < KERNEL_TILE / 2; i++)
    {
        _mm256_storeu_ps(out + (size_t)i * out_stride,
                         _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(out + (size_t)(i + 4) * out_stride,
                         _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

const struct kernel_rows kernel_rows_avx2 = {
    .isa = CPU_ISA_AVX2,
    .map = map,
    .lookup = kernel_lookup_bytes,
    .add = add,
    .max_of = max_of,
    .sum = sum,
    .softmax = softmax,
    .reach = reach,
    .expect = expect,
    .depthwise = depthwise,
    .transpose = kernel_transpose_avx2,
    .interleave = kernel_interleave_avx2,
};
