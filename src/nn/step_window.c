// SPDX-License-Identifier: Apache-2.0
// step_window.c - pools and resizes of pictures: channels side by side, pixels at one distance.

#include <string.h>

#include "nn/kernel_pass.h"
#include "nn/plan_priv.h"
#include "nn/rows.h"

struct picture {
    int64_t channels, height, width;
    ptrdiff_t row, pixel; // elements
};

static struct picture picture_of(const struct view *v)
{
    int64_t stride = v->dims[1];
    bool is_picture = view_is_picture(v, &stride);
    (void)is_picture; // the plan has seen to it
    return (struct picture){.channels = v->dims[1],
                            .height = v->dims[2],
                            .width = v->dims[3],
                            .row = (ptrdiff_t)(v->dims[3] * stride),
                            .pixel = (ptrdiff_t)stride};
}

struct window {
    int64_t top, bottom, left, right; // inside the picture; bottom and right exclusive
    int64_t n_counted;                // AVERAGE: what the sum is divided by
};

static struct window window_at(const struct graph_pool *p, const struct picture *in, int64_t y,
                               int64_t x)
{
    int64_t top = y * p->stride[0] - p->pad[0];
    int64_t left = x * p->stride[1] - p->pad[1];
    struct window w = {.top = MAX(top, 0),
                       .bottom = MIN(top + p->kernel[0], in->height),
                       .left = MAX(left, 0),
                       .right = MIN(left + p->kernel[1], in->width)};
    w.n_counted = p->counts_padding ? (int64_t)p->kernel[0] * p->kernel[1]
                                    : (w.bottom - w.top) * (w.right - w.left);
    return w;
}

static void pool_f32(const struct step *s, const struct rows *rows, const struct picture *in,
                     const struct window *w, const float *from, float *to)
{
    size_t n = (size_t)in->channels;
    const float *first = from + w->top * in->row + w->left * in->pixel;
    memcpy(to, first, n * sizeof(float));
    for (int64_t y = w->top; y < w->bottom; y++) {
        for (int64_t x = w->left; x < w->right; x++) {
            const float *p = from + y * in->row + x * in->pixel;
            if (p == first)
                continue;
            if (s->kind == STEP_MAX_POOL)
                rows->max(n, p, to);
            else
                rows->add(n, p, to);
        }
    }
    if (s->kind == STEP_AVERAGE_POOL)
        rows->scale(n, 1.0f / (float)w->n_counted, to);
}

static void pool_bf16(const struct rows *rows, const struct picture *in, const struct window *w,
                      const uint16_t *from, uint16_t *to)
{
    size_t n = (size_t)in->channels;
    memcpy(to, from + w->top * in->row + w->left * in->pixel, n * sizeof(uint16_t));
    for (int64_t y = w->top; y < w->bottom; y++) {
        for (int64_t x = w->left; x < w->right; x++)
            rows->max_bf16(n, from + y * in->row + x * in->pixel, to);
    }
}

// Of bytes too: the largest is the largest value.
static void max_pool(const struct step *s, const void *from, void *to)
{
    const struct kernel_rows *kernels = NULL;
    IGNORE(kernel_rows_choose(CPU_ISA_UNSET, &kernels)); // a wrong ASSAY_ISA was said at compile
    const struct graph_pool *p = &s->u.pool;
    struct kernel_pool pool = {p->kernel[0], p->kernel[1], p->stride[0],
                               p->stride[1], p->pad[0],    p->pad[1]};
    struct kernel_view in = step_picture(&s->in[0], from);
    struct kernel_view out = step_picture(&s->out[0], to);
    kernel_max_pool(kernels, &in, &out, &pool);
}

void step_pool(const struct step *s, const void *from, void *to)
{
    bool is_small =
        s->u.pool.kernel[0] <= KERNEL_POOL_MAX_SIDE && s->u.pool.kernel[1] <= KERNEL_POOL_MAX_SIDE;
    if (s->kind == STEP_MAX_POOL && is_small) {
        max_pool(s, from, to);
        return;
    }
    const struct rows *rows = rows_get();
    struct picture in = picture_of(&s->in[0].view);
    struct picture out = picture_of(&s->out[0].view);
    for (int64_t y = 0; y < out.height; y++) {
        for (int64_t x = 0; x < out.width; x++) {
            struct window w = window_at(&s->u.pool, &in, y, x);
            ptrdiff_t at = y * out.row + x * out.pixel;
            if (s->out[0].element == ELEMENT_BF16)
                pool_bf16(rows, &in, &w, from, (uint16_t *)to + at);
            else
                pool_f32(s, rows, &in, &w, from, (float *)to + at);
        }
    }
}

static void resize_nearest(const struct step *s, const struct picture *in,
                           const struct picture *out, const uint8_t *from, uint8_t *to)
{
    size_t size = element_size(s->out[0].element);
    size_t n = (size_t)in->channels * size;
    for (int64_t y = 0; y < out->height; y++) {
        const uint8_t *row = from + s->u.resize.rows[y] * in->row * (ptrdiff_t)size;
        uint8_t *p = to + y * out->row * (ptrdiff_t)size;
        for (int64_t x = 0; x < out->width; x++)
            memcpy(p + x * out->pixel * (ptrdiff_t)size,
                   row + s->u.resize.columns[x] * in->pixel * (ptrdiff_t)size, n);
    }
}

// The next row or column, where there is one.
static void resize_linear(const struct step *s, const struct rows *rows, const struct picture *in,
                          const struct picture *out, const float *from, float *to)
{
    size_t n = (size_t)in->channels;
    ptrdiff_t down = in->height > 1 ? in->row : 0;
    ptrdiff_t right = in->width > 1 ? in->pixel : 0;
    for (int64_t y = 0; y < out->height; y++) {
        const float *row = from + s->u.resize.rows[y] * in->row;
        float wy = s->u.resize.row_weights[y];
        for (int64_t x = 0; x < out->width; x++) {
            const float *p = row + s->u.resize.columns[x] * in->pixel;
            float wx = s->u.resize.column_weights[x];
            float *q = to + y * out->row + x * out->pixel;
            for (size_t c = 0; c < n; c++) {
                float top = p[c] * (1 - wx) + p[(ptrdiff_t)c + right] * wx;
                float bottom =
                    p[(ptrdiff_t)c + down] * (1 - wx) + p[(ptrdiff_t)c + down + right] * wx;
                q[c] = top * (1 - wy) + bottom * wy;
            }
        }
    }
    (void)rows;
}

void step_resize(const struct step *s, const void *from, void *to)
{
    struct picture in = picture_of(&s->in[0].view);
    struct picture out = picture_of(&s->out[0].view);
    if (s->u.resize.kind == GRAPH_NEAREST)
        resize_nearest(s, &in, &out, from, to);
    else
        resize_linear(s, rows_get(), &in, &out, from, to);
}
