// SPDX-License-Identifier: Apache-2.0
// kernel_conv_amx.c - the convolution's blocks in AMX tiles: U8 and BF16.
//
// A block is two tiles of pixels by one or two panels of 16 channels: up to four tiles of sums. A
// step multiplies as many units as both tiles hold: a tap's units are cut into equal steps of at
// most 16, so that one configuration serves a whole run. Inputs are loaded where they lie, a row a
// pixel: pixels of a block inside the picture are one distance apart. Where they are not (edges),
// or a tile has more rows than pixels are left, rows are copied to a buffer first.

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_amx_priv.h"
#include "nn/kernel_priv.h"

enum {
    TILE_ROWS = 16,
    ROW_BYTES = 64,
    N_PIXEL_TILES = 2,
};

// How a tap's units are cut: *n_steps* of *n_units*.
struct steps {
    int n_steps, n_units;
};

static struct steps steps_of(int n_units)
{
    int n_steps = (n_units + TILE_ROWS - 1) / TILE_ROWS;
    while (n_units % n_steps != 0)
        n_steps++;
    return (struct steps){n_steps, n_units / n_steps};
}

// Rows of each of the two tiles for blocks of *n_pixels*.
static int tile_rows(int n_pixels)
{
    return (n_pixels + N_PIXEL_TILES - 1) / N_PIXEL_TILES;
}

AMX static void begin(int n_pixels, int n_units)
{
    struct amx_config config = {.palette = 1};
    int step_units = steps_of(n_units).n_units;
    int rows = tile_rows(n_pixels);
    for (int i = 0; i < 8; i++) {
        bool is_pixels = i == 4 || i == 5;
        bool is_weights = i >= 6;
        config.rows[i] = (uint8_t)(is_weights ? step_units : rows);
        config.row_bytes[i] = (uint16_t)(is_pixels ? step_units * KERNEL_UNIT_BYTES : ROW_BYTES);
    }
    amx_configure(&config);
}

AMX static void end(void)
{
    amx_release();
}

// Where a tile of pixels is loaded from.
struct source {
    const uint8_t *base;
    ptrdiff_t stride;
};

// Tile *t* of tap *tap*, bytes [from, from + n_bytes) of each pixel.
static struct source source_of(const struct kernel_block *b, int tap, int t, size_t from,
                               size_t n_bytes, uint8_t *buffer)
{
    const uint8_t *const *pixels = b->pixels + (ptrdiff_t)tap * b->n_pixels;
    int rows = tile_rows(b->most_pixels);
    int first = t * rows;
    if (b->pixel_step && first + rows <= b->n_pixels)
        return (struct source){pixels[first] + from, b->pixel_step};
    for (int i = 0; i < rows; i++) {
        if (first + i < b->n_pixels)
            memcpy(buffer + i * ROW_BYTES, pixels[first + i] + from, n_bytes);
        else
            memset(buffer + i * ROW_BYTES, 0, n_bytes);
    }
    return (struct source){buffer, ROW_BYTES};
}

// clang-format off: macros
// Both types; tile numbers must be constants.
#define DEFINE_BLOCK(type)                                                                  \
    AMX static void block_##type(const struct kernel_block *b, union kernel_sums *ret_sums) \
    {                                                                                       \
        uint8_t buffers[N_PIXEL_TILES][TILE_ROWS * ROW_BYTES];                              \
        struct steps steps = steps_of(b->n_units);                                          \
        size_t n_bytes = (size_t)steps.n_units * KERNEL_UNIT_BYTES;                         \
        ptrdiff_t weights_stride = (ptrdiff_t)b->n_panels * ROW_BYTES;                      \
        const uint8_t *weights = (const uint8_t *)b->weights;                               \
        bool has_two = b->n_panels == 2;                                                    \
        amx_zero(0);                                                                        \
        amx_zero(1);                                                                        \
        amx_zero(2);                                                                        \
        amx_zero(3);                                                                        \
        for (int tap = 0; tap < b->n_taps; tap++) {                                         \
            for (int step = 0; step < steps.n_steps; step++) {                              \
                size_t from = (size_t)step * n_bytes;                                       \
                struct source x = source_of(b, tap, 0, from, n_bytes, buffers[0]);          \
                struct source y = source_of(b, tap, 1, from, n_bytes, buffers[1]);          \
                amx_load(6, weights, weights_stride);                                       \
                amx_load(4, x.base, x.stride);                                              \
                amx_dot_##type(0, 4, 6);                                                    \
                amx_load(5, y.base, y.stride);                                              \
                amx_dot_##type(2, 5, 6);                                                    \
                if (has_two) {                                                              \
                    amx_load(7, weights + ROW_BYTES, weights_stride);                       \
                    amx_dot_##type(1, 4, 7);                                                \
                    amx_dot_##type(3, 5, 7);                                                \
                }                                                                           \
                weights += weights_stride * steps.n_units;                                  \
            }                                                                               \
        }                                                                                   \
        int32_t *sums = ret_sums->s32;                                                      \
        int32_t *second =                                                                   \
            sums + (ptrdiff_t)tile_rows(b->most_pixels) * b->n_panels * KERNEL_LANES;       \
        amx_store(0, sums, weights_stride);                                                 \
        amx_store(2, second, weights_stride);                                               \
        if (has_two) {                                                                      \
            amx_store(1, sums + KERNEL_LANES, weights_stride);                              \
            amx_store(3, second + KERNEL_LANES, weights_stride);                            \
        }                                                                                   \
    }
// clang-format on

DEFINE_BLOCK(u8)
DEFINE_BLOCK(bf16)

#if defined(KERNEL_AMX_MODEL)
#define TABLE  kernel_conv_amx_model
#define FINISH kernel_finish_plain
#else
#define TABLE  kernel_conv_amx
#define FINISH kernel_finish_avx512
#endif

const struct kernel_conv_impl TABLE[KERNEL_N_TYPES] = {
    // clang-format off
    [KERNEL_BF16] = {.isa = CPU_ISA_AMX, .max_panels = 2, .max_pixels = {0, 32, 32},
                     .any_block = block_bf16, .begin = begin, .end = end, .finish = FINISH},
    [KERNEL_U8]   = {.isa = CPU_ISA_AMX, .max_panels = 2, .max_pixels = {0, 32, 32},
                     .any_block = block_u8, .begin = begin, .end = end, .finish = FINISH},
    // clang-format on
};
