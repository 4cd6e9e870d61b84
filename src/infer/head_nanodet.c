// SPDX-License-Identifier: Apache-2.0
// head_nanodet.c - NanoDet, NanoDet-Plus, PicoDet: distances to the four sides as a distribution
// over bins; and FastestDet: one grid.
//
// A distance is the mean of the bins' numbers under softmax, times the stride (generalised focal
// loss, Li et al. 2020). The cell's point is its centre; NanoDet-Plus takes its corner.

#include <math.h>

#include "base/err.h"
#include "infer/head_priv.h"

enum {
    BINS = 8,
    SIDES = 4,
    DISTANCES = BINS * SIDES,
    ROW_SLOT = HEAD_MAX_ROLES,
};

static float expected_bin(const float bins[BINS])
{
    float top = bins[argmax(bins, BINS)];
    float sum = 0;
    float mean = 0;
    for (int i = 0; i < BINS; i++) {
        float e = expf(bins[i] - top);
        sum += e;
        mean += e * (float)i;
    }
    return mean / sum;
}

static struct box box_of_distances(const float *bins, float x, float y, float stride)
{
    float d[SIDES];
    for (int i = 0; i < SIDES; i++)
        d[i] = expected_bin(bins + i * BINS) * stride;
    return (struct box){x - d[0], y - d[1], x + d[2], y + d[3]};
}

static bool is_joined(const struct head *h)
{
    return h->model->plan.variant == VARIANT_JOINED;
}

static int settle_joined(struct head *h, const struct head_call *c)
{
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t n_classes = v.dims[1] - DISTANCES;
    if (n_classes < 1 || n_classes > MODEL_MAX_LABELS ||
        (h->n_classes && n_classes != h->n_classes))
        return head_shape_error(h, ROLE_MAIN, &v, "(anchors, classes+32)");
    h->n_anchors = v.dims[0];
    h->n_classes = (int)n_classes;
    return head_set_levels(h, v.dims[0]);
}

static int settle_levels(struct head *h, const struct head_call *c)
{
    const struct head_plan *plan = &h->model->plan;
    h->n_levels = plan->n_levels;
    for (int k = 0; k < h->n_levels; k++) {
        int stride = 8 << k;
        h->levels[k] = (struct head_level){.width = (h->width + stride - 1) / stride,
                                           .height = (h->height + stride - 1) / stride,
                                           .stride = stride};
        int64_t cells = (int64_t)h->levels[k].width * h->levels[k].height;
        struct view v;
        int r = head_view(c, k, 2, &v);
        if (r < 0)
            return r;
        if (v.dims[0] != cells || v.dims[1] != h->n_classes)
            return head_shape_error(h, k, &v, "(cells, classes)");
        for (int64_t i = 0; r == 0 && i < v.n; i++)
            r = head_check_range(h, k, "a confidence", view_at(&v, i));
        if (r == 0)
            r = head_view(c, plan->n_levels + k, 2, &v);
        if (r < 0)
            return r;
        if (v.dims[0] != cells || v.dims[1] != DISTANCES)
            return head_shape_error(h, plan->n_levels + k, &v, "(cells, 32)");
        h->n_anchors += cells;
    }
    return 0;
}

static int settle_nanodet(struct head *h, const struct head_call *c)
{
    return is_joined(h) ? settle_joined(h, c) : settle_levels(h, c);
}

// One grid: classes in rows of *class_columns*, bins in rows of *bin_columns*.
struct grid {
    const struct head_level *level;
    const float *classes, *bins;
    int64_t class_columns, bin_columns;
    float offset; // of the cell's point, in cells
};

static int decode_grid(struct head_call *c, const struct grid *g)
{
    float stride = (float)g->level->stride;
    int64_t i = 0;
    for (int y = 0; y < g->level->height; y++) {
        for (int x = 0; x < g->level->width; x++, i++) {
            const float *row = g->classes + i * g->class_columns;
            int64_t best = argmax(row, c->head->n_classes);
            if (!(row[best] >= c->lowest))
                continue;
            struct box b =
                box_of_distances(g->bins + i * g->bin_columns, ((float)x + g->offset) * stride,
                                 ((float)y + g->offset) * stride, stride);
            int r = head_add(c, row[best], best, b);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int decode_joined(struct head_call *c)
{
    const struct head *h = c->head;
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t columns = h->n_classes + DISTANCES;
    if (v.dims[0] != h->n_anchors || v.dims[1] != columns)
        return head_shape_error(h, ROLE_MAIN, &v, "the shape of its first run");
    const float *p;
    r = head_floats(c, ROLE_MAIN, &v, &p);
    for (int k = 0; r == 0 && k < h->n_levels; k++) {
        struct grid g = {.level = &h->levels[k],
                         .classes = p,
                         .bins = p + h->n_classes,
                         .class_columns = columns,
                         .bin_columns = columns,
                         .offset = h->n_levels == 3 ? 0.5f : 0}; // four grids: NanoDet-Plus
        r = decode_grid(c, &g);
        p += columns * h->levels[k].width * h->levels[k].height;
    }
    return r;
}

static int decode_nanodet(struct head_call *c)
{
    const struct head *h = c->head;
    if (is_joined(h))
        return decode_joined(c);
    for (int k = 0; k < h->n_levels; k++) {
        struct grid g = {.level = &h->levels[k],
                         .class_columns = h->n_classes,
                         .bin_columns = DISTANCES,
                         .offset = 0.5f};
        int64_t cells = (int64_t)h->levels[k].width * h->levels[k].height;
        struct view classes;
        struct view bins;
        int r = head_view(c, k, 2, &classes);
        if (r == 0)
            r = head_view(c, h->n_levels + k, 2, &bins);
        if (r < 0)
            return r;
        if (classes.n != cells * h->n_classes || bins.n != cells * DISTANCES)
            return head_shape_error(h, k, &classes, "the shape of its first run");
        r = head_floats(c, k, &classes, &g.classes);
        if (r == 0)
            r = head_floats(c, h->n_levels + k, &bins, &g.bins);
        if (r == 0)
            r = decode_grid(c, &g);
        if (r < 0)
            return r;
    }
    return 0;
}

const struct head_impl head_nanodet = {true, settle_nanodet, decode_nanodet};

// --- FastestDet: channels 0 objectness, 1..4 box, 5.. classes, each a plane of the grid ---

static int settle_fastestdet(struct head *h, const struct head_call *c)
{
    struct view v;
    int r = head_view(c, ROLE_MAIN, 3, &v);
    if (r < 0)
        return r;
    if (v.dims[0] != 5 + h->n_classes || v.dims[1] < 1 || v.dims[2] < 1)
        return head_shape_error(h, ROLE_MAIN, &v, "(5+classes, rows, columns)");
    h->n_anchors = v.dims[1] * v.dims[2];
    h->n_levels = 1;
    h->levels[0] = (struct head_level){(int)v.dims[2], (int)v.dims[1], 16};
    for (int64_t i = 0; r == 0 && i < h->n_anchors; i++)
        r = head_check_range(h, ROLE_MAIN, "an objectness", view_at(&v, i));
    return r;
}

static float sigmoid(float v)
{
    return 1 / (1 + expf(-v));
}

// The family's own confidence: objectness^0.6 x class^0.4.
static int decode_cell(struct head_call *c, const float *p, int64_t i)
{
    const struct head *h = c->head;
    int64_t cells = h->n_anchors;
    const struct head_level *l = &h->levels[0];
    int64_t best = 0;
    for (int64_t k = 1; k < h->n_classes; k++) {
        if (p[(5 + k) * cells + i] > p[(5 + best) * cells + i])
            best = k;
    }
    float confidence = powf(p[i], 0.6f) * powf(p[(5 + best) * cells + i], 0.4f);
    if (!(confidence >= c->lowest))
        return 0;
    float cell_width = (float)h->width / (float)l->width;
    float cell_height = (float)h->height / (float)l->height;
    float cx = ((float)(i % l->width) + tanhf(p[cells + i])) * cell_width;
    float cy = ((float)(i / l->width) + tanhf(p[2 * cells + i])) * cell_height;
    return head_add(c, confidence, best,
                    box_around(cx, cy, sigmoid(p[3 * cells + i]) * (float)h->width,
                               sigmoid(p[4 * cells + i]) * (float)h->height));
}

static int decode_fastestdet(struct head_call *c)
{
    const struct head *h = c->head;
    struct view v;
    int r = head_view(c, ROLE_MAIN, 3, &v);
    if (r < 0)
        return r;
    if (v.n != (5 + h->n_classes) * h->n_anchors || v.dims[2] != h->levels[0].width)
        return head_shape_error(h, ROLE_MAIN, &v, "the shape of its first run");
    const float *p;
    r = head_floats(c, ROLE_MAIN, &v, &p);
    for (int64_t i = 0; r == 0 && i < h->n_anchors; i++)
        r = decode_cell(c, p, i);
    return r;
}

const struct head_impl head_fastestdet = {true, settle_fastestdet, decode_fastestdet};
