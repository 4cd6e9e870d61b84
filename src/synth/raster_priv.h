// SPDX-License-Identifier: Apache-2.0
// raster_priv.h - a paint made ready for pixels, shared by the rasteriser's files.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "synth/raster.h"

struct brush {
    uint32_t colour; // of *from*
    struct rgb from;
    int delta[3];                // to - from
    int64_t across, down, start; // t = (x * across + y * down + start) >> 16, 0..256 along p0..p1
    bool is_gradient;
    bool is_ghost;
    int alpha; // 0..256
};

struct brush brush_of(const struct paint *p);
void brush_run(const struct brush *b, uint32_t *row, int y, int x0, int x1);
// *coverage* 0..256.
void brush_pixel(const struct brush *b, uint32_t *row, int y, int x, int coverage);
