// SPDX-License-Identifier: Apache-2.0
// kernel_pass_avx512.c - the row functions in AVX-512, 16 numbers at a time; with VBMI, tables of
// bytes 64 at a time.

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/kernel_avx512_priv.h"
#include "nn/kernel_pass_priv.h"

enum {
    LANES = 16,
    BYTES = 64,
};

AVX512_INLINE size_t width_of(enum kernel_type type)
{
    return type == KERNEL_F32 ? 4 : type == KERNEL_BF16 ? 2 : 1;
}

AVX512_INLINE __mmask16 lanes_at(size_t i, size_t n)
{
    return n - i >= LANES ? (__mmask16)0xffff : avx512_first((int)(n - i));
}

AVX512_INLINE __m512 load_value(const struct kernel_row_type *type, const uint8_t *row, size_t i,
                                __mmask16 lanes)
{
    __m512 v = avx512_load(row + i * width_of(type->type), type->type, lanes);
    if (type->type != KERNEL_U8)
        return v;
    v = _mm512_sub_ps(v, _mm512_set1_ps(type->zero_point));
    return _mm512_mul_ps(_mm512_set1_ps(type->scale), v);
}

AVX512_INLINE void store_value(const struct kernel_row_type *type, uint8_t *row, size_t i,
                               __mmask16 lanes, __m512 v)
{
    uint8_t *place = row + i * width_of(type->type);
    if (type->type == KERNEL_F32) {
        _mm512_mask_storeu_ps(place, lanes, v);
    } else if (type->type == KERNEL_BF16) {
        _mm256_mask_storeu_epi16(place, lanes, avx512_to_bf16(v));
    } else {
        v = _mm512_fmadd_ps(v, _mm512_set1_ps(type->inverse_scale),
                            _mm512_set1_ps(type->zero_point));
        __m512 zero = _mm512_setzero_ps();
        __m128i bytes = _mm512_castsi512_si128(avx512_to_u8(v, zero, zero, zero));
        _mm_mask_storeu_epi8(place, lanes, bytes);
    }
}

AVX512_INLINE void map_all(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n,
                           enum kernel_activation activation, enum kernel_exactness exactness)
{
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = lanes_at(i, n);
        __m512 v = load_value(&m->in, in, i, lanes);
        store_value(&m->out, out, i, lanes, avx512_activate(v, activation, m->alpha, exactness));
    }
}

AVX512_INLINE void map_by_type(const struct kernel_map *m, const uint8_t *in, uint8_t *out,
                               size_t n, enum kernel_activation activation)
{
    if (m->out.type == KERNEL_F32)
        map_all(m, in, out, n, activation, KERNEL_EXACT);
    else if (m->out.type == KERNEL_BF16)
        map_all(m, in, out, n, activation, KERNEL_QUICK);
    else
        map_all(m, in, out, n, activation, KERNEL_COARSE);
}

AVX512 static void map(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
    if (m->activation == KERNEL_SILU)
        map_by_type(m, in, out, n, KERNEL_SILU);
    else if (m->activation == KERNEL_LINEAR)
        map_by_type(m, in, out, n, KERNEL_LINEAR);
    else
        map_by_type(m, in, out, n, m->activation);
}

AVX512 static void add(const struct kernel_row_type types[3], const uint8_t *a, const uint8_t *b,
                       uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = lanes_at(i, n);
        __m512 v =
            _mm512_add_ps(load_value(&types[0], a, i, lanes), load_value(&types[1], b, i, lanes));
        store_value(&types[2], out, i, lanes, v);
    }
}

AVX512_INLINE void max_bytes(const uint8_t *const *rows, int n_rows, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += BYTES) {
        __mmask64 lanes = n - i >= BYTES ? ~0ull : (1ull << (n - i)) - 1;
        __m512i most = _mm512_maskz_loadu_epi8(lanes, rows[0] + i);
        for (int r = 1; r < n_rows; r++)
            most = _mm512_max_epu8(most, _mm512_maskz_loadu_epi8(lanes, rows[r] + i));
        _mm512_mask_storeu_epi8(out + i, lanes, most);
    }
}

AVX512 static void max_of(enum kernel_type type, const uint8_t *const *rows, int n_rows,
                          uint8_t *out, size_t n)
{
    if (type == KERNEL_U8) {
        max_bytes(rows, n_rows, out, n);
        return;
    }
    const struct kernel_row_type as_is = {type, 1, 1, 0};
    size_t width = width_of(type);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = lanes_at(i, n);
        __m512 most = avx512_load(rows[0] + i * width, type, lanes);
        for (int r = 1; r < n_rows; r++)
            most = _mm512_max_ps(avx512_load(rows[r] + i * width, type, lanes), most);
        store_value(&as_is, out, i, lanes, most);
    }
}

AVX512 static void sum(enum kernel_type type, const uint8_t *row, float *sums, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = lanes_at(i, n);
        __m512 v = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, sums + i),
                                 avx512_load(row + i * width_of(type), type, lanes));
        _mm512_mask_storeu_ps(sums + i, lanes, v);
    }
}

// A whole vector: the distributions of distances have 16.
AVX512_INLINE void softmax_16(float *row)
{
    __m512 v = _mm512_loadu_ps(row);
    v = _mm512_sub_ps(v, _mm512_set1_ps(_mm512_reduce_max_ps(v)));
    __m512 e = avx512_exp2(_mm512_mul_ps(v, _mm512_set1_ps(1.44269504f)));
    _mm512_storeu_ps(row, _mm512_mul_ps(e, _mm512_set1_ps(1 / _mm512_reduce_add_ps(e))));
}

AVX512 static void softmax(float *row, size_t n)
{
    if (n == LANES) {
        softmax_16(row);
        return;
    }
    __m512 most = _mm512_set1_ps(row[0]);
    for (size_t i = 0; i < n; i += LANES)
        most = _mm512_mask_max_ps(most, lanes_at(i, n), most,
                                  _mm512_maskz_loadu_ps(lanes_at(i, n), row + i));
    most = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    __m512 total = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = lanes_at(i, n);
        __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, row + i), most);
        __m512 e = avx512_exp2(_mm512_mul_ps(v, _mm512_set1_ps(1.44269504f)));
        total = _mm512_mask_add_ps(total, lanes, total, e);
        _mm512_mask_storeu_ps(row + i, lanes, e);
    }
    __m512 share = _mm512_set1_ps(1 / _mm512_reduce_add_ps(total));
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = lanes_at(i, n);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, row + i), share);
        _mm512_mask_storeu_ps(row + i, lanes, v);
    }
}

AVX512 static size_t reach(const float *rows, size_t n_rows, size_t n, size_t stride, float floor,
                           uint32_t *ret_found)
{
    const __m512 least = _mm512_set1_ps(floor);
    size_t n_found = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const float *row = rows + r * stride;
        __mmask16 any = 0;
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
            any |= _mm512_cmp_ps_mask(_mm512_loadu_ps(row + i), least, _CMP_GE_OQ);
        if (i < n)
            any |= _mm512_mask_cmp_ps_mask(
                lanes_at(i, n), _mm512_maskz_loadu_ps(lanes_at(i, n), row + i), least, _CMP_GE_OQ);
        ret_found[n_found] = (uint32_t)r;
        n_found += any != 0;
    }
    return n_found;
}

AVX512 static float expect(const float *row, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = __builtin_fmaf(row[i], (float)i, sum);
    return sum;
}

// Four quarters of 64 entries: two permutations of two registers each, chosen by the top bit.
__attribute__((target(AVX512_TARGET ",avx512vbmi"))) static void
lookup_vbmi(const uint8_t *in, uint8_t *out, size_t n, const uint8_t table[256])
{
    __m512i t0 = _mm512_loadu_si512(table);
    __m512i t1 = _mm512_loadu_si512(table + 64);
    __m512i t2 = _mm512_loadu_si512(table + 128);
    __m512i t3 = _mm512_loadu_si512(table + 192);
    for (size_t i = 0; i < n; i += BYTES) {
        __mmask64 lanes = n - i >= BYTES ? ~0ull : (1ull << (n - i)) - 1;
        __m512i x = _mm512_maskz_loadu_epi8(lanes, in + i);
        __m512i low = _mm512_permutex2var_epi8(t0, x, t1);
        __m512i high = _mm512_permutex2var_epi8(t2, x, t3);
        __m512i v = _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
        _mm512_mask_storeu_epi8(out + i, lanes, v);
    }
}

// clang-format off
#define ROWS(version, lookup_fn)           \
    {                                      \
        .isa = (version), .map = map, .lookup = (lookup_fn), .add = add, .max_of = max_of, .sum = sum, \
        .softmax = softmax, .reach = reach, .expect = expect, .depthwise = kernel_depthwise_avx512, .transpose = kernel_transpose_avx2, .interleave = kernel_interleave_avx2             \
    }
const struct kernel_rows kernel_rows_avx512 = ROWS(CPU_ISA_AVX512, kernel_lookup_bytes);
const struct kernel_rows kernel_rows_avx512vnni = ROWS(CPU_ISA_AVX512VNNI, lookup_vbmi);
// clang-format on
