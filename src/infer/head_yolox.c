// SPDX-License-Identifier: Apache-2.0
// head_yolox.c - YOLOX: one anchor a cell; raw grid values, or decoded in the graph.
//
// Both come in the same shape (anchors, 5+nc). The first run's values tell: decoded centres lie
// near their own cell, raw ones near zero.

#include <math.h>

#include "base/err.h"
#include "infer/head_priv.h"

enum {
    OBJECT = 4,
    OBJECT_BOX = 5,
    ROW_SLOT = HEAD_MAX_ROLES,
};

// Calls of this walk stay in the order of the anchors: levels, rows, columns.
struct cell {
    int level, x, y;
};

static void next_cell(const struct head *h, struct cell *at)
{
    const struct head_level *l = &h->levels[at->level];
    if (++at->x < l->width)
        return;
    at->x = 0;
    if (++at->y < l->height)
        return;
    at->y = 0;
    at->level++;
}

static bool values_are_decoded(const struct head *h, const struct view *v)
{
    struct cell at = {0};
    double if_raw = 0;
    double if_decoded = 0;
    for (int64_t i = 0; i < v->dims[0]; i++, next_cell(h, &at)) {
        float stride = (float)h->levels[at.level].stride;
        float x = view_at(v, i * v->dims[1]);
        float y = view_at(v, i * v->dims[1] + 1);
        if_raw += (double)(fabsf(x) + fabsf(y));
        if_decoded += (double)((fabsf(x - ((float)at.x + 0.5f) * stride) +
                                fabsf(y - ((float)at.y + 0.5f) * stride)) /
                               stride);
    }
    return if_decoded < if_raw;
}

static int settle_yolox(struct head *h, const struct head_call *c)
{
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t n_classes = v.dims[1] - OBJECT_BOX;
    if (v.dims[0] < 1 || n_classes < 1 || n_classes > MODEL_MAX_LABELS ||
        (h->n_classes && n_classes != h->n_classes))
        return head_shape_error(h, ROLE_MAIN, &v, "(anchors, 5+classes)");
    r = head_set_levels(h, v.dims[0]);
    for (int64_t i = 0; r == 0 && i < v.dims[0]; i++)
        r = head_check_range(h, ROLE_MAIN, "an objectness", view_at(&v, i * v.dims[1] + OBJECT));
    if (r < 0)
        return r;
    h->n_anchors = v.dims[0];
    h->n_classes = (int)n_classes;
    if (!h->model->head_forced)
        h->kind = values_are_decoded(h, &v) ? HEAD_YOLOX_DECODED : HEAD_YOLOX;
    return 0;
}

static struct box yolox_box(const struct head *h, const float *row, struct cell at)
{
    if (h->kind == HEAD_YOLOX_DECODED)
        return box_around(row[0], row[1], row[2], row[3]);
    float stride = (float)h->levels[at.level].stride;
    return box_around((row[0] + (float)at.x) * stride, (row[1] + (float)at.y) * stride,
                      expf(row[2]) * stride, expf(row[3]) * stride);
}

static int decode_yolox(struct head_call *c)
{
    const struct head *h = c->head;
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t columns = OBJECT_BOX + h->n_classes;
    if (v.dims[0] != h->n_anchors || v.dims[1] != columns)
        return head_shape_error(h, ROLE_MAIN, &v, "the shape of its first run");
    float *room;
    r = head_room(c, ROW_SLOT, (size_t)columns, &room);
    struct cell at = {0};
    for (int64_t i = 0; r == 0 && i < v.dims[0]; i++, next_cell(h, &at)) {
        float object = view_at(&v, i * columns + OBJECT);
        if (!(object >= c->lowest)) // a class is at most 1
            continue;
        const float *row = view_row(&v, i * columns, columns, room);
        int64_t best = argmax(row + OBJECT_BOX, h->n_classes);
        r = head_add(c, object * row[OBJECT_BOX + best], best, yolox_box(h, row, at));
    }
    return r;
}

const struct head_impl head_yolox = {true, settle_yolox, decode_yolox};
