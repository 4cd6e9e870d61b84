// SPDX-License-Identifier: Apache-2.0
// picture.c - counted pictures, and pictures that own their pixels.

#include "vision/picture.h"

#include <assert.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    MAX_SIDE = 65535, // pixels
    STRIDE_MULTIPLE = 64,
};

struct owned_picture {
    struct picture picture; // first: release() gets a pointer to it
    uint8_t *pixels;
};

struct picture *picture_ref(struct picture *p)
{
    if (p)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void picture_unref(struct picture **pp)
{
    struct picture *p = *pp;
    *pp = NULL;
    if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        p->release(p);
}

static void release_owned(struct picture *p)
{
    struct owned_picture *o = (struct owned_picture *)p;
    mem_free(o->pixels);
    mem_free(o);
}

struct plane_size {
    size_t row_bytes;
    size_t rows;
};

// Plane 0 is of the picture's size; the others as the layout says, 0 rows where there is none.
static struct plane_size plane_size(const struct picture *p, int plane)
{
    size_t sample = p->bit_depth > 8 ? 2 : 1;
    size_t w = (size_t)p->width;
    size_t h = (size_t)p->height;
    if (p->layout == PICTURE_RGB)
        return plane == 0 ? (struct plane_size){w * 3, h} : (struct plane_size){0};
    if (plane == 0)
        return (struct plane_size){w * sample, h};
    if (p->layout == PICTURE_GRAY || (p->layout == PICTURE_NV12 && plane == 2))
        return (struct plane_size){0};
    size_t chroma_w = (w + BIT(p->chroma_shift_x) - 1) >> p->chroma_shift_x;
    size_t chroma_h = (h + BIT(p->chroma_shift_y) - 1) >> p->chroma_shift_y;
    if (p->layout == PICTURE_NV12)
        return (struct plane_size){chroma_w * 2, chroma_h};
    return (struct plane_size){chroma_w * sample, chroma_h};
}

static int check_shape(const struct picture *p)
{
    if (p->width < 1 || p->width > MAX_SIDE || p->height < 1 || p->height > MAX_SIDE)
        return err_set(ERR_INVALID, "picture of %dx%d: sides are 1 to %d", p->width, p->height,
                       MAX_SIDE);
    bool bytes_only = p->layout == PICTURE_NV12 || p->layout == PICTURE_RGB;
    if (p->bit_depth < 8 || p->bit_depth > (bytes_only ? 8 : 16))
        return err_set(ERR_INVALID, "picture of %d bits: its layout does not have them",
                       p->bit_depth);
    return 0;
}

// Sets strides and returns the bytes of all planes together.
static size_t lay_out_planes(struct picture *p, size_t ret_offsets[3])
{
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
        struct plane_size s = plane_size(p, i);
        size_t stride = (s.row_bytes + STRIDE_MULTIPLE - 1) / STRIDE_MULTIPLE * STRIDE_MULTIPLE;
        ret_offsets[i] = n;
        p->strides[i] = (ptrdiff_t)stride;
        n += stride * s.rows;
    }
    return n;
}

int picture_create(enum picture_layout layout, int width, int height, int bit_depth,
                   int chroma_shift_x, int chroma_shift_y, struct picture **ret_picture)
{
    assert(layout != PICTURE_LAYOUT_UNSET);
    assert(chroma_shift_x >= 0 && chroma_shift_x <= 2 && chroma_shift_y >= 0 &&
           chroma_shift_y <= 2);
    bool halved = layout == PICTURE_NV12;
    struct picture p = {
        .layout = layout,
        .width = width,
        .height = height,
        .bit_depth = bit_depth,
        .chroma_shift_x = halved ? 1 : chroma_shift_x,
        .chroma_shift_y = halved ? 1 : chroma_shift_y,
        .release = release_owned,
    };
    int r = check_shape(&p);
    if (r < 0)
        return r;
    size_t offsets[3];
    size_t n_bytes = lay_out_planes(&p, offsets);

    struct owned_picture *o = mem_new(struct owned_picture);
    if (!o)
        return ERR_NOMEM;
    o->pixels = (uint8_t *)mem_aligned(n_bytes);
    if (!o->pixels) {
        mem_free(o);
        return ERR_NOMEM;
    }
    for (int i = 0; i < 3; i++)
        p.planes[i] = plane_size(&p, i).rows ? o->pixels + offsets[i] : NULL;
    o->picture = p;
    atomic_init(&o->picture.refs, 1);
    *ret_picture = &o->picture;
    return 0;
}

uint8_t *picture_plane(struct picture *p, int plane)
{
    assert(plane >= 0 && plane < 3 && p->release == release_owned);
    struct owned_picture *o = (struct owned_picture *)p;
    return p->planes[plane] ? o->pixels + (p->planes[plane] - o->pixels) : NULL;
}
