// SPDX-License-Identifier: Apache-2.0
// kernel_pass_c.c - the reference of the row functions: one number after the other.

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_pass_priv.h"

float kernel_load_one(const struct kernel_row_type *type, const uint8_t *row, size_t i)
{
    float v;
    uint16_t half;
    switch (type->type) {
    case KERNEL_F32:
        memcpy(&v, row + i * sizeof(v), sizeof(v));
        return v;
    case KERNEL_BF16:
        memcpy(&half, row + i * sizeof(half), sizeof(half));
        return kernel_from_bf16(half);
    default:
        return type->scale * ((float)row[i] - type->zero_point);
    }
}

void kernel_store_one(const struct kernel_row_type *type, uint8_t *row, size_t i, float v)
{
    uint16_t half;
    float q;
    switch (type->type) {
    case KERNEL_F32:
        memcpy(row + i * sizeof(v), &v, sizeof(v));
        return;
    case KERNEL_BF16:
        half = kernel_to_bf16(v);
        memcpy(row + i * sizeof(half), &half, sizeof(half));
        return;
    default:
        q = rintf(fmaf(v, type->inverse_scale, type->zero_point));
        row[i] = q >= 0 ? (uint8_t)fminf(q, 255) : 0; // NaN: 0
    }
}

static void map(const struct kernel_map *m, const uint8_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = kernel_load_one(&m->in, in, i);
        kernel_store_one(&m->out, out, i, kernel_activate_one(v, m->activation, m->alpha));
    }
}

void kernel_lookup_bytes(const uint8_t *in, uint8_t *out, size_t n, const uint8_t table[256])
{
    for (size_t i = 0; i < n; i++)
        out[i] = table[in[i]];
}

static void add(const struct kernel_row_type types[3], const uint8_t *a, const uint8_t *b,
                uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kernel_store_one(&types[2], out, i,
                         kernel_load_one(&types[0], a, i) + kernel_load_one(&types[1], b, i));
}

// Of equal quantisations, the larger byte is the larger value.
static void max_of(enum kernel_type type, const uint8_t *const *rows, int n_rows, uint8_t *out,
                   size_t n)
{
    const struct kernel_row_type as_is = {type, 1, 1, 0};
    for (size_t i = 0; i < n; i++) {
        float most = kernel_load_one(&as_is, rows[0], i);
        for (int r = 1; r < n_rows; r++) {
            float v = kernel_load_one(&as_is, rows[r], i);
            most = v > most ? v : most;
        }
        kernel_store_one(&as_is, out, i, most);
    }
}

static void sum(enum kernel_type type, const uint8_t *row, float *sums, size_t n)
{
    const struct kernel_row_type as_is = {type, 1, 1, 0};
    for (size_t i = 0; i < n; i++)
        sums[i] += kernel_load_one(&as_is, row, i);
}

static void softmax(float *row, size_t n)
{
    float most = row[0];
    float total = 0;
    for (size_t i = 1; i < n; i++)
        most = fmaxf(most, row[i]);
    for (size_t i = 0; i < n; i++) {
        row[i] = expf(row[i] - most);
        total += row[i];
    }
    for (size_t i = 0; i < n; i++)
        row[i] /= total;
}

static size_t reach(const float *rows, size_t n_rows, size_t n, size_t stride, float floor,
                    uint32_t *ret_found)
{
    size_t n_found = 0;
    for (size_t r = 0; r < n_rows; r++) {
        bool is_there = false;
        for (size_t i = 0; i < n; i++)
            is_there |= rows[r * stride + i] >= floor;
        ret_found[n_found] = (uint32_t)r;
        n_found += is_there;
    }
    return n_found;
}

static float expect(const float *row, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = fmaf(row[i], (float)i, sum);
    return sum;
}

static void depthwise(const struct kernel_depthwise_row *d, size_t n_channels)
{
    const struct kernel_row_type in = {d->in, 1, 1, 0};
    for (int p = 0; p < d->n_pixels; p++) {
        uint8_t *out = d->out + p * d->out_stride;
        for (size_t c = 0; c < n_channels; c++) {
            float v = 0; // the bias comes last: it may be far larger than the sum of all
            for (int tap = 0; tap < d->n_taps; tap++) {
                const uint8_t *pixel = d->pixel_step ? d->pixels[tap] + p * d->pixel_step
                                                     : d->pixels[tap * d->n_pixels + p];
                v = fmaf(kernel_load_one(&in, pixel, c), d->weights[(size_t)tap * n_channels + c],
                         v);
            }
            v = kernel_activate_one(v + d->bias[c], d->map.activation, d->map.alpha);
            kernel_store_one(&d->map.out, out, c, v);
        }
    }
}

static void transpose(const float *in, size_t in_stride, float *out, size_t out_stride)
{
    for (size_t i = 0; i < KERNEL_TILE; i++) {
        for (size_t k = 0; k < KERNEL_TILE; k++)
            out[k * out_stride + i] = in[i * in_stride + k];
    }
}

void kernel_interleave_c(const float *in, size_t in_stride, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t row = 0; row < 3; row++)
            out[3 * i + row] = in[row * in_stride + i];
    }
}

const struct kernel_rows kernel_rows_c = {
    .isa = CPU_ISA_C,
    .map = map,
    .lookup = kernel_lookup_bytes,
    .add = add,
    .max_of = max_of,
    .sum = sum,
    .softmax = softmax,
    .reach = reach,
    .expect = expect,
    .depthwise = depthwise,
    .transpose = transpose,
    .interleave = kernel_interleave_c,
};
