// SPDX-License-Identifier: Apache-2.0
// letterbox_c.c - the kernels in plain C: the reference for the others.

#include <stddef.h>
#include <string.h>

#include "vision/letterbox_priv.h"

// a * b / 2^15, rounded half up: the CPU's multiply-high-round. Not for a = b = -32768.
static int multiply(int a, int b)
{
    return (a * b + (1 << 14)) >> 15;
}

static int saturate(int v)
{
    return v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v;
}

static int16_t blend_samples(int a, int b, int weight)
{
    return (int16_t)(a + multiply(b - a, weight));
}

static void blend(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight)
{
    for (int i = 0; i < n; i++)
        ret[i] = blend_samples(a[i] << 7, b[i] << 7, weight);
}

static void blend_pairs(int16_t *ret_u, int16_t *ret_v, const uint8_t *a, const uint8_t *b, int n,
                        int weight)
{
    for (int i = 0; i < n; i++) {
        ret_u[i] = blend_samples(a[2 * i] << 7, b[2 * i] << 7, weight);
        ret_v[i] = blend_samples(a[2 * i + 1] << 7, b[2 * i + 1] << 7, weight);
    }
}

// Bits above *depth*, which no decoder should set, are dropped.
static int word_at(const uint8_t *row, int i, int depth)
{
    uint16_t v;
    memcpy(&v, row + 2 * (ptrdiff_t)i, sizeof(v));
    return (uint16_t)(v << (16 - depth)) >> 1;
}

static void blend_words(int16_t *ret, const uint8_t *a, const uint8_t *b, int n, int weight,
                        int depth)
{
    for (int i = 0; i < n; i++)
        ret[i] = blend_samples(word_at(a, i, depth), word_at(b, i, depth), weight);
}

static void across(int16_t *ret, const int16_t *row, const struct letterbox_columns *columns)
{
    for (int i = 0; i < columns->n; i++) {
        const int16_t *s = row + columns->index[i];
        const int16_t *w = columns->weights + 2 * (ptrdiff_t)i;
        ret[i] = (int16_t)((s[0] * w[0] + s[1] * w[1] + LETTERBOX_COLUMN_ONE / 2) >> 14);
    }
}

static uint8_t to_byte(int sum)
{
    int v = saturate(sum) >> LETTERBOX_COLOUR_SHIFT;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void store(uint8_t *ret_rgb, const int16_t *const yuv[3], int n,
                  const struct letterbox_colour *c)
{
    enum { HALF = 1 << (LETTERBOX_COLOUR_SHIFT - 1) };
    for (int i = 0; i < n; i++) {
        int luma = multiply(yuv[0][i] - c->luma_offset, c->luma) + HALF;
        int u = 2 * (yuv[1][i] - LETTERBOX_NEUTRAL);
        int v = 2 * (yuv[2][i] - LETTERBOX_NEUTRAL);
        ret_rgb[3 * i] = to_byte(luma + multiply(v, c->red_v));
        ret_rgb[3 * i + 1] = to_byte(luma - (multiply(u, c->green_u) + multiply(v, c->green_v)));
        ret_rgb[3 * i + 2] = to_byte(luma + multiply(u, c->blue_u));
    }
}

const struct letterbox_kernel letterbox_kernel_c = {
    .blend = blend,
    .blend_pairs = blend_pairs,
    .blend_words = blend_words,
    .across = across,
    .store = store,
};

void letterbox_across_triples(uint8_t *ret_rgb, const int16_t *row,
                              const struct letterbox_columns *columns)
{
    for (int i = 0; i < columns->n; i++) {
        const int16_t *s = row + 3 * (ptrdiff_t)columns->index[i];
        const int16_t *w = columns->weights + 2 * (ptrdiff_t)i;
        for (int c = 0; c < 3; c++) {
            int sum = s[c] * w[0] + s[c + 3] * w[1] + LETTERBOX_COLUMN_ONE / 2;
            ret_rgb[3 * (ptrdiff_t)i + c] = (uint8_t)(((sum >> 14) + 64) >> 7);
        }
    }
}
