// SPDX-License-Identifier: Apache-2.0
// rows_impl.h - the code of rows.h, for the file that includes it with ROWS defined as the table's
// name. Plain loops, written so that a compiler can make vectors of them.

#include <math.h>
#include <string.h>

#include "nn/rows.h"

// e^x: 2^n times e^r, |r| <= ln 2 / 2, by a polynomial of degree 6. Within 2 units in the last
// place between -87.3 and 88.3; beyond that what stands there.
static inline float row_exp(float x)
{
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.3f ? 88.3f : x;
    float n = x * 1.44269504f + 12582912.0f; // the low bits hold the nearest integer
    int32_t bits;
    memcpy(&bits, &n, sizeof(bits));
    n -= 12582912.0f;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int32_t scale = (bits - 0x4b400000 + 127) * (1 << 23);
    float s;
    memcpy(&s, &scale, sizeof(s));
    return p * s;
}

static inline float row_sigmoid(float x)
{
    return 1.0f / (1.0f + row_exp(-x));
}

static inline float row_gate(float x)
{
    float g = x / 6 + 0.5f;
    g = g > 0 ? g : 0;
    return g < 1 ? g : 1;
}

#define UNARY_CASE(kind, expression)                       \
    case kind:                                             \
        if (in_step == 1 && out_step == 1) {               \
            for (size_t i = 0; i < n; i++) {               \
                float v = in[i];                           \
                out[i] = expression;                       \
            }                                              \
        } else {                                           \
            for (size_t i = 0; i < n; i++) {               \
                float v = in[(ptrdiff_t)i * in_step];      \
                out[(ptrdiff_t)i * out_step] = expression; \
            }                                              \
        }                                                  \
        break

static void row_unary(const struct graph_activation *a, size_t n, const float *in,
                      ptrdiff_t in_step, float *out, ptrdiff_t out_step)
{
    const float alpha = a->alpha;
    const float beta = a->beta;
    switch (a->kind) {
        UNARY_CASE(GRAPH_IDENTITY, v);
        UNARY_CASE(GRAPH_RELU, v > 0 ? v : 0);
        UNARY_CASE(GRAPH_CLIP, (v = v > alpha ? v : alpha, v < beta ? v : beta));
        UNARY_CASE(GRAPH_LEAKY, v < 0 ? v * alpha : v);
        UNARY_CASE(GRAPH_SIGMOID, row_sigmoid(v));
        UNARY_CASE(GRAPH_SILU, v * row_sigmoid(v));
        UNARY_CASE(GRAPH_HARD_SIGMOID, (v = v * alpha + beta, v = v > 0 ? v : 0, v < 1 ? v : 1));
        UNARY_CASE(GRAPH_HARD_SWISH, v * row_gate(v));
        UNARY_CASE(GRAPH_TANH, tanhf(v));
        UNARY_CASE(GRAPH_EXP, row_exp(v));
        UNARY_CASE(GRAPH_LOG, logf(v));
        UNARY_CASE(GRAPH_SQRT, sqrtf(v));
        UNARY_CASE(GRAPH_ABS, v < 0 ? -v : v);
        UNARY_CASE(GRAPH_NEG, -v);
        UNARY_CASE(GRAPH_FLOOR, floorf(v));
        UNARY_CASE(GRAPH_CEIL, ceilf(v));
        UNARY_CASE(GRAPH_ROUND, nearbyintf(v));
        UNARY_CASE(GRAPH_TRUNCATE, truncf(v));
        UNARY_CASE(GRAPH_RECIPROCAL, 1.0f / v);
        UNARY_CASE(GRAPH_ERF, erff(v));
        UNARY_CASE(GRAPH_NOT, v == 0 ? 1.0f : 0.0f);
    }
}
#undef UNARY_CASE

#define BINARY_LOOP(xi, yi, oi, expression) \
    for (size_t i = 0; i < n; i++) {        \
        float a = x[xi];                    \
        float b = y[yi];                    \
        out[oi] = expression;               \
    }

#define BINARY_CASE(kind, expression)                                                       \
    case kind:                                                                              \
        if (x_step == 1 && y_step == 1 && out_step == 1) {                                  \
            BINARY_LOOP(i, i, i, expression)                                                \
        } else if (x_step == 1 && y_step == 0 && out_step == 1) {                           \
            BINARY_LOOP(i, 0, i, expression)                                                \
        } else {                                                                            \
            BINARY_LOOP((ptrdiff_t)i *x_step, (ptrdiff_t)i *y_step, (ptrdiff_t)i *out_step, \
                        expression)                                                         \
        }                                                                                   \
        break

static void row_binary(enum graph_binary kind, size_t n, const float *x, ptrdiff_t x_step,
                       const float *y, ptrdiff_t y_step, float *out, ptrdiff_t out_step)
{
    switch (kind) {
        BINARY_CASE(GRAPH_ADD, a + b);
        BINARY_CASE(GRAPH_SUB, a - b);
        BINARY_CASE(GRAPH_MUL, a * b);
        BINARY_CASE(GRAPH_DIV, a / b);
        BINARY_CASE(GRAPH_POW, b == 2 ? a * a : powf(a, b));
        BINARY_CASE(GRAPH_MIN, a < b ? a : b);
        BINARY_CASE(GRAPH_MAX, a > b ? a : b);
        BINARY_CASE(GRAPH_MOD, a - b * floorf(a / b));
        BINARY_CASE(GRAPH_KEEP, b != 0 ? a : 0.0f);
        BINARY_CASE(GRAPH_EQUAL, a == b ? 1.0f : 0.0f);
        BINARY_CASE(GRAPH_LESS, a < b ? 1.0f : 0.0f);
        BINARY_CASE(GRAPH_GREATER, a > b ? 1.0f : 0.0f);
    }
}
#undef BINARY_CASE
#undef BINARY_LOOP

static void row_max(size_t n, const float *x, float *in_out)
{
    for (size_t i = 0; i < n; i++)
        in_out[i] = x[i] > in_out[i] ? x[i] : in_out[i];
}

static void row_add(size_t n, const float *x, float *in_out)
{
    for (size_t i = 0; i < n; i++)
        in_out[i] += x[i];
}

static void row_scale(size_t n, float factor, float *in_out)
{
    for (size_t i = 0; i < n; i++)
        in_out[i] *= factor;
}

static void row_blend(size_t n, const float *x, const float *y, float weight, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] * (1 - weight) + y[i] * weight;
}

static void row_exp_less(size_t n, const float *in, float less, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = row_exp(in[i] - less);
}

static inline float from_bf16(uint16_t v)
{
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

// To nearest, ties to even; a NaN stays one.
static inline uint16_t to_bf16(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 64 : rounded);
}

static void row_max_bf16(size_t n, const uint16_t *x, uint16_t *in_out)
{
    for (size_t i = 0; i < n; i++)
        in_out[i] = from_bf16(x[i]) > from_bf16(in_out[i]) ? x[i] : in_out[i];
}

static void row_add_bf16(size_t n, const uint16_t *x, const uint16_t *y, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = to_bf16(from_bf16(x[i]) + from_bf16(y[i]));
}

static void row_widen(size_t n, const uint16_t *in, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = from_bf16(in[i]);
}

static void row_narrow(size_t n, const float *in, uint16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = to_bf16(in[i]);
}

enum {
    TILE = 16,
};

// Tile by tile; two rows into one, their numbers in turn, are a shuffle of channels in two groups.
#define TRANSPOSE(name, type)                                                                   \
    static void name##_tile(size_t height, size_t width, const type *in, ptrdiff_t in_step,     \
                            type *out, ptrdiff_t out_step)                                      \
    {                                                                                           \
        for (size_t x = 0; x < width; x++) {                                                    \
            for (size_t y = 0; y < height; y++)                                                 \
                out[(ptrdiff_t)x * out_step + (ptrdiff_t)y] =                                   \
                    in[(ptrdiff_t)y * in_step + (ptrdiff_t)x];                                  \
        }                                                                                       \
    }                                                                                           \
    static void name##_interleave(size_t width, const type *x, const type *y, type *out)        \
    {                                                                                           \
        for (size_t i = 0; i < width; i++) {                                                    \
            out[2 * i] = x[i];                                                                  \
            out[2 * i + 1] = y[i];                                                              \
        }                                                                                       \
    }                                                                                           \
    static void name(size_t height, size_t width, const type *in, ptrdiff_t in_step, type *out, \
                     ptrdiff_t out_step)                                                        \
    {                                                                                           \
        if (height == 2 && out_step == 2) {                                                     \
            name##_interleave(width, in, in + in_step, out);                                    \
            return;                                                                             \
        }                                                                                       \
        for (size_t y = 0; y < height; y += TILE) {                                             \
            size_t h = height - y < TILE ? height - y : TILE;                                   \
            for (size_t x = 0; x < width; x += TILE) {                                          \
                size_t w = width - x < TILE ? width - x : TILE;                                 \
                name##_tile(h, w, in + (ptrdiff_t)y * in_step + x, in_step,                     \
                            out + (ptrdiff_t)x * out_step + y, out_step);                       \
            }                                                                                   \
        }                                                                                       \
    }

TRANSPOSE(row_transpose, uint32_t)
TRANSPOSE(row_transpose16, uint16_t)
#undef TRANSPOSE

const struct rows ROWS = {
    .unary = row_unary,
    .binary = row_binary,
    .max = row_max,
    .add = row_add,
    .scale = row_scale,
    .blend = row_blend,
    .exp_less = row_exp_less,
    .max_bf16 = row_max_bf16,
    .add_bf16 = row_add_bf16,
    .widen = row_widen,
    .narrow = row_narrow,
    .transpose = row_transpose,
    .transpose16 = row_transpose16,
};
