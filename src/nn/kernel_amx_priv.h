// SPDX-License-Identifier: Apache-2.0
// kernel_amx_priv.h - the tile instructions as the AMX kernels use them: tiles 0 to 3 hold sums
// (pixels by channels), 4 and 5 inputs (pixels by bytes), 6 and 7 weights (units by channels).
//
// With KERNEL_AMX_MODEL they are C functions over arrays (tests/kernel/amx_model.c), so that the
// loops around them are checked on machines without AMX.
#pragma once

#include <stddef.h>
#include <stdint.h>

// What LDTILECFG reads: palette 1, then bytes a row and rows of each tile.
struct amx_config {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#if defined(KERNEL_AMX_MODEL)

void amx_model_configure(const struct amx_config *config);
void amx_model_release(void);
void amx_model_zero(int tile);
void amx_model_load(int tile, const void *base, ptrdiff_t stride);
void amx_model_store(int tile, void *base, ptrdiff_t stride);
void amx_model_dot_u8(int sums, int pixels, int weights);
void amx_model_dot_bf16(int sums, int pixels, int weights);

#define AMX
#define amx_configure(config)         amx_model_configure(config)
#define amx_release()                 amx_model_release()
#define amx_zero(tile)                amx_model_zero(tile)
#define amx_load(tile, base, stride)  amx_model_load(tile, base, stride)
#define amx_store(tile, base, stride) amx_model_store(tile, base, stride)
#define amx_dot_u8(c, a, b)           amx_model_dot_u8(c, a, b)
#define amx_dot_bf16(c, a, b)         amx_model_dot_bf16(c, a, b)

#else

#include <immintrin.h>

#define AMX                           __attribute__((target("amx-tile,amx-int8,amx-bf16")))
#define amx_configure(config)         _tile_loadconfig(config)
#define amx_release()                 _tile_release()
#define amx_zero(tile)                _tile_zero(tile)
#define amx_load(tile, base, stride)  _tile_loadd(tile, base, stride)
#define amx_store(tile, base, stride) _tile_stored(tile, base, stride)
#define amx_dot_u8(c, a, b)           _tile_dpbusd(c, a, b)
#define amx_dot_bf16(c, a, b)         _tile_dpbf16ps(c, a, b)

#endif
