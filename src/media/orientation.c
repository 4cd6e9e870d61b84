// SPDX-License-Identifier: Apache-2.0
// orientation.c - turning and mirroring planes.
//
// Every way is one affine walk over the stored samples: a start, a step for each upright x and a
// step for each upright y. Tiles keep both sides in the cache when the walk goes down columns.

#include "media/orientation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum {
    TILE = 32,
};

struct orientation orientation_of_matrix(const int32_t *m)
{
    struct orientation o = {0};
    if (!m)
        return o;
    // x' = a x + c y, y' = b x + d y
    int64_t a = m[0], b = m[1], c = m[3], d = m[4];
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) {
        o.flip_x = a < 0;
        o.flip_y = d < 0;
    } else {
        o.transpose = true;
        o.flip_x = b < 0;
        o.flip_y = c < 0;
    }
    return o;
}

struct orientation orientation_of_exif(int value)
{
    // clang-format off
    static const struct orientation table[9] = {
        [2] = {.flip_x = true},
        [3] = {.flip_x = true, .flip_y = true},
        [4] = {.flip_y = true},
        [5] = {.transpose = true},
        [6] = {.transpose = true, .flip_y = true},
        [7] = {.transpose = true, .flip_x = true, .flip_y = true},
        [8] = {.transpose = true, .flip_x = true},
    };
    // clang-format on
    return value >= 0 && value < (int)ARRAY_LEN(table) ? table[value] : table[0];
}

int orientation_degrees(struct orientation o)
{
    if (o.transpose)
        return o.flip_y ? 90 : 270;
    return o.flip_x && o.flip_y ? 180 : 0;
}

bool orientation_is_upright(struct orientation o)
{
    return !o.transpose && !o.flip_x && !o.flip_y;
}

struct walk {
    const uint8_t *start;
    ptrdiff_t step_x, step_y; // bytes for each upright x and y
    int width, height;        // upright
};

static struct walk walk_of(struct orientation o, const struct plane_copy *c)
{
    struct walk w = {.start = c->src, .width = c->width, .height = c->height};
    ptrdiff_t along_x = c->sample_bytes;
    ptrdiff_t along_y = c->src_stride;
    if (o.flip_x) {
        w.start += along_x * (c->width - 1);
        along_x = -along_x;
    }
    if (o.flip_y) {
        w.start += along_y * (c->height - 1);
        along_y = -along_y;
    }
    w.step_x = o.transpose ? along_y : along_x;
    w.step_y = o.transpose ? along_x : along_y;
    if (o.transpose) {
        w.width = c->height;
        w.height = c->width;
    }
    return w;
}

// One tile; the sample size is a constant in each call, so the compiler makes three loops of it.
static inline void copy_tile(const struct walk *w, const struct plane_copy *c, int x0, int y0,
                             size_t sample_bytes)
{
    int x1 = MIN(x0 + TILE, w->width);
    int y1 = MIN(y0 + TILE, w->height);
    for (int y = y0; y < y1; y++) {
        const uint8_t *src = w->start + w->step_y * y + w->step_x * x0;
        uint8_t *dst = c->dst + c->dst_stride * y + (ptrdiff_t)sample_bytes * x0;
        for (int x = x0; x < x1; x++) {
            memcpy(dst, src, sample_bytes);
            dst += sample_bytes;
            src += w->step_x;
        }
    }
}

void orientation_copy(struct orientation o, const struct plane_copy *c)
{
    assert(c->sample_bytes >= 1 && c->sample_bytes <= 3);
    struct walk w = walk_of(o, c);
    for (int y = 0; y < w.height; y += TILE) {
        for (int x = 0; x < w.width; x += TILE) {
            if (c->sample_bytes == 1)
                copy_tile(&w, c, x, y, 1);
            else if (c->sample_bytes == 2)
                copy_tile(&w, c, x, y, 2);
            else
                copy_tile(&w, c, x, y, 3);
        }
    }
}
