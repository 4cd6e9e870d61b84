// SPDX-License-Identifier: Apache-2.0
// amx_model.c - the AMX tile instructions in C, as the Intel manual's pseudocode has them, with
// what would be faults there as assertions: shapes that do not fit, tiles that were not configured.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "amx_model.h"
#include "nn/kernel_priv.h"

enum {
    MAX_ROWS = 16,
    MAX_ROW_BYTES = 64,
};

static struct {
    int is_configured;
    struct amx_config config;
    uint8_t tiles[AMX_MODEL_TILES][MAX_ROWS][MAX_ROW_BYTES];
} model;

void amx_model_configure(const struct amx_config *config)
{
    assert(sizeof(*config) == 64 && config->palette == 1 && config->start_row == 0);
    for (int i = 0; i < AMX_MODEL_TILES; i++) {
        assert(config->rows[i] >= 1 && config->rows[i] <= MAX_ROWS);
        assert(config->row_bytes[i] >= 1 && config->row_bytes[i] <= MAX_ROW_BYTES);
    }
    for (int i = AMX_MODEL_TILES; i < 16; i++)
        assert(config->rows[i] == 0 && config->row_bytes[i] == 0);
    model.config = *config;
    model.is_configured = 1;
    memset(model.tiles, 0, sizeof(model.tiles));
}

void amx_model_release(void)
{
    assert(model.is_configured);
    model.is_configured = 0;
}

void amx_model_zero(int tile)
{
    assert(model.is_configured);
    memset(model.tiles[tile], 0, sizeof(model.tiles[tile]));
}

void amx_model_load(int tile, const void *base, ptrdiff_t stride)
{
    assert(model.is_configured);
    memset(model.tiles[tile], 0, sizeof(model.tiles[tile]));
    for (int r = 0; r < model.config.rows[tile]; r++)
        memcpy(model.tiles[tile][r], (const uint8_t *)base + r * stride,
               model.config.row_bytes[tile]);
}

void amx_model_store(int tile, void *base, ptrdiff_t stride)
{
    assert(model.is_configured);
    for (int r = 0; r < model.config.rows[tile]; r++)
        memcpy((uint8_t *)base + r * stride, model.tiles[tile][r], model.config.row_bytes[tile]);
}

static void assert_shapes(int sums, int pixels, int weights)
{
    const struct amx_config *c = &model.config;
    assert(model.is_configured && sums != pixels && sums != weights && pixels != weights);
    assert(c->rows[sums] == c->rows[pixels] && c->row_bytes[sums] == c->row_bytes[weights]);
    assert(c->row_bytes[pixels] == c->rows[weights] * KERNEL_UNIT_BYTES);
}

typedef uint32_t dot_fn(uint32_t sum, const uint8_t *x, const uint8_t *w);

static void dot(int sums, int pixels, int weights, dot_fn *fn)
{
    const struct amx_config *c = &model.config;
    assert_shapes(sums, pixels, weights);
    for (int m = 0; m < c->rows[sums]; m++) {
        for (int k = 0; k < c->rows[weights]; k++) {
            for (int n = 0; n < c->row_bytes[sums]; n += KERNEL_UNIT_BYTES) {
                uint32_t sum;
                memcpy(&sum, &model.tiles[sums][m][n], sizeof(sum));
                sum = fn(sum, &model.tiles[pixels][m][k * KERNEL_UNIT_BYTES],
                         &model.tiles[weights][k][n]);
                memcpy(&model.tiles[sums][m][n], &sum, sizeof(sum));
            }
        }
    }
}

static uint32_t dot_u8(uint32_t sum, const uint8_t *x, const uint8_t *w)
{
    for (int i = 0; i < KERNEL_UNIT_BYTES; i++)
        sum += (uint32_t)(x[i] * (int8_t)w[i]);
    return sum;
}

static uint32_t dot_bf16(uint32_t sum, const uint8_t *x, const uint8_t *w)
{
    uint16_t a[2];
    uint16_t b[2];
    float f;
    memcpy(a, x, sizeof(a));
    memcpy(b, w, sizeof(b));
    memcpy(&f, &sum, sizeof(f));
    for (int i = 0; i < 2; i++)
        f += kernel_from_bf16(a[i]) * kernel_from_bf16(b[i]);
    memcpy(&sum, &f, sizeof(sum));
    return sum;
}

void amx_model_dot_u8(int sums, int pixels, int weights)
{
    dot(sums, pixels, weights, dot_u8);
}

void amx_model_dot_bf16(int sums, int pixels, int weights)
{
    dot(sums, pixels, weights, dot_bf16);
}
