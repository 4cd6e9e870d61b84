// SPDX-License-Identifier: Apache-2.0
// head_maps.c - YOLOv5 and v7 without their grid: a raw map a level, boxes by anchors.
//
// With s = sigmoid(raw) a box's centre is (2 s - 1/2 + cell) x stride, its size (2 s)^2 x anchor.
// Some exports have the sigmoid in the graph; the first run tells: raw objectness is below zero
// nearly everywhere, a sigmoid's nowhere.

#include <math.h>

#include "base/err.h"
#include "infer/head_priv.h"

enum {
    OBJECT = 4,
    CLASSES = 5,
};

// Where a level's numbers lie.
struct map {
    int width, height;
    int64_t columns;
    int64_t box_step, cell_step, column_step; // elements
};

static int64_t columns_of(const struct head *h)
{
    return CLASSES + h->n_classes;
}

// The rows or planes of level *k*. ERR_MODEL.
static int map_of(const struct head_call *c, int k, struct view *v, struct map *ret_map)
{
    const struct head *h = c->head;
    const struct head_plan *plan = &h->model->plan;
    int64_t columns = columns_of(h);
    int64_t boxes = plan->n_per_cell;
    int r = head_view(c, k, plan->map_dims, v);
    if (r < 0)
        return r;
    const int64_t *d = v->dims;
    bool joined = plan->map_dims == 3 && d[0] == boxes * columns;
    bool rows = plan->map_dims == 4 && d[0] == boxes && d[3] == columns;
    bool planes = plan->map_dims == 4 && d[0] == boxes && d[1] == columns && !rows;
    if (!joined && !rows && !planes)
        return head_shape_error(h, k, v, "boxes of 5+classes numbers a cell");
    int64_t height = joined || rows ? d[1] : d[2];
    int64_t width = joined || rows ? d[2] : d[3];
    if (height < 1 || width < 1 || height > h->height || width > h->width)
        return head_shape_error(h, k, v, "a grid over the picture");
    *ret_map = (struct map){.width = (int)width,
                            .height = (int)height,
                            .columns = columns,
                            .box_step = columns * height * width,
                            .cell_step = rows ? columns : 1,
                            .column_step = rows ? 1 : height * width};
    return 0;
}

static int settle_level(struct head *h, const struct head_call *c, int k)
{
    struct view v;
    struct map m;
    int r = map_of(c, k, &v, &m);
    if (r < 0)
        return r;
    int stride = (h->width + m.width - 1) / m.width;
    struct head_level level = {.width = m.width, .height = m.height, .stride = stride};
    if ((h->width + stride - 1) / stride != m.width ||
        (h->height + stride - 1) / stride != m.height)
        return head_shape_error(h, k, &v, "a grid of whole steps over the picture");
    for (int i = 0; i < k; i++) {
        if (h->levels[i].stride == stride)
            return head_shape_error(h, k, &v, "another grid than an output before it");
    }
    h->levels[k] = level;
    int64_t cells = (int64_t)m.width * m.height;
    int64_t boxes = h->model->plan.n_per_cell;
    h->n_anchors += boxes * cells;
    for (int64_t i = 0; i < boxes * cells; i++) {
        float object =
            view_at(&v, i / cells * m.box_step + i % cells * m.cell_step + OBJECT * m.column_step);
        h->is_raw = h->is_raw || !(object >= 0 && object <= 1);
    }
    return 0;
}

int head_maps_settle(struct head *h, const struct head_call *c)
{
    h->n_levels = h->model->plan.n_levels;
    h->n_anchors = 0;
    h->is_raw = false;
    int r = 0;
    for (int k = 0; r == 0 && k < h->n_levels; k++)
        r = settle_level(h, c, k);
    return r;
}

static float share(const struct head *h, float v)
{
    return h->is_raw ? 1 / (1 + expf(-v)) : v;
}

// Below this an objectness cannot reach *lowest*; what is above is looked at closely.
static float quick_floor(const struct head *h, float lowest)
{
    const float spare = 0.01f;
    const float sure = 0.9999f;
    if (!h->is_raw)
        return lowest;
    if (lowest <= 0)
        return -INFINITY;
    lowest = fminf(lowest, sure);
    return logf(lowest / (1 - lowest)) - spare;
}

// A level's sizes: those of the finest grid come first.
static const float *sizes_of(const struct head *h, int k)
{
    int rank = 0;
    for (int i = 0; i < h->n_levels; i++)
        rank += h->levels[i].stride < h->levels[k].stride;
    return h->model->plan.anchors + (ptrdiff_t)rank * h->model->plan.n_per_cell * 2;
}

// One cell's box that may be wanted; *p*: its first number.
static int add_box(struct head_call *c, const struct map *m, const float *p, int stride, int x,
                   int y, const float *size)
{
    const struct head *h = c->head;
    int64_t best = 0;
    for (int64_t i = 1; i < h->n_classes; i++) {
        if (p[(CLASSES + i) * m->column_step] > p[(CLASSES + best) * m->column_step])
            best = i;
    }
    float confidence =
        share(h, p[OBJECT * m->column_step]) * share(h, p[(CLASSES + best) * m->column_step]);
    if (!(confidence >= c->lowest))
        return 0;
    float s[4];
    for (int i = 0; i < 4; i++)
        s[i] = 2 * share(h, p[i * m->column_step]);
    return head_add(c, confidence, best,
                    box_around((s[0] - 0.5f + (float)x) * (float)stride,
                               (s[1] - 0.5f + (float)y) * (float)stride, s[2] * s[2] * size[0],
                               s[3] * s[3] * size[1]));
}

static int decode_level(struct head_call *c, int k)
{
    const struct head *h = c->head;
    const struct head_level *l = &h->levels[k];
    const float floor = quick_floor(h, c->lowest);
    struct view v;
    struct map m;
    const float *p;
    int r = map_of(c, k, &v, &m);
    if (r == 0 && (m.width != l->width || m.height != l->height))
        r = head_shape_error(h, k, &v, "the shape of its first run");
    if (r == 0)
        r = head_floats(c, k, &v, &p);
    for (int a = 0; r == 0 && a < h->model->plan.n_per_cell; a++, p += m.box_step) {
        const float *cell = p;
        for (int i = 0; r == 0 && i < m.width * m.height; i++, cell += m.cell_step) {
            if (cell[OBJECT * m.column_step] >= floor)
                r = add_box(c, &m, cell, l->stride, i % m.width, i / m.width,
                            sizes_of(h, k) + (ptrdiff_t)2 * a);
        }
    }
    return r;
}

int head_maps_decode(struct head_call *c)
{
    int r = 0;
    for (int k = 0; r == 0 && k < c->head->n_levels; k++)
        r = decode_level(c, k);
    return r;
}
