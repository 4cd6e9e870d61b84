// SPDX-License-Identifier: Apache-2.0
// plan_cut.c - a head that is cut off: single rows of the output, from the raw maps.
//
// A plan that may be cut runs the maps first (its body), then what decodes all of them (its tail).
// A detector wants the few anchors in which a class reaches its floor: these are found by their
// logits, and decoded here with the functions that the tail's steps run, in the tail's order.
//
// INVARIANTS
// (1) A row has the bits that the tail gives. It is proved when the plan is made: over maps by
//     chance, the tail and this must give the same for all anchors, else nothing is cut
//     (plan_cut_prove.c).
// (2) No anchor whose confidence reaches the floor is missed: its logit is compared with one that
//     lies below the floor's by more than the sigmoid may be off.

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel_pass.h"
#include "nn/plan_priv.h"

enum {
    CHUNK = 256, // anchors that are looked at together
};

// How far a sigmoid may be off (kernel_pass.h, rows_impl.h), with room to spare; in halves also by
// the rounding.
#define LESS_OF_FLOOR      8e-6
#define LESS               2e-7
#define LESS_OF_FLOOR_HALF 1e-3

bool plan_is_cut(const struct plan *p)
{
    return p->cut.kind != PLAN_CUT_NONE;
}

// --- one row

static const float *map_at(const struct plan_instance *i, const struct cut_map *m)
{
    return (const float *)plan_at(i, &m->at);
}

static int n_bins(const struct cut *c)
{
    return c->levels[0].maps[c->boxes].channels / CUT_SIDES;
}

static void put_box(const struct kernel_rows *k, const struct cut_level *l, int pixel,
                    const float *distances, int bins, float *row)
{
    float shares[CUT_SIDES * CUT_MAX_BINS];
    assert(bins <= CUT_MAX_BINS);
    float side[CUT_SIDES];
    memcpy(shares, distances, (size_t)(CUT_SIDES * bins) * sizeof(float));
    if (bins > 1) {
        kernel_softmax(k, shares, CUT_SIDES, (size_t)bins, (size_t)bins);
        kernel_expect(k, shares, CUT_SIDES, (size_t)bins, side);
    } else {
        memcpy(side, shares, sizeof(side));
    }
    float x = (float)(pixel % l->width) + 0.5f;
    float y = (float)(pixel / l->width) + 0.5f;
    float x1 = x - side[0];
    float y1 = y - side[1];
    float x2 = x + side[2];
    float y2 = y + side[3];
    row[0] = (x1 + x2) / 2 * l->stride;
    row[1] = (y1 + y2) / 2 * l->stride;
    row[2] = (x2 - x1) * l->stride;
    row[3] = (y2 - y1) * l->stride;
}

// *logits*, side by side, behind the sigmoid.
static void put_sigmoids(const struct kernel_rows *k, const float *logits, int n, float *to)
{
    union {
        const float *in;
        void *data;
    } from = {.in = logits};
    struct kernel_view in = {.data = from.data,
                             .height = 1,
                             .width = 1,
                             .channels = n,
                             .pixel_stride = n,
                             .type = KERNEL_F32};
    struct kernel_view out = in;
    out.data = to;
    kernel_activate(k, &in, &out, KERNEL_SIGMOID, 0);
}

// Of a cell's boxes the one of that anchor.
static void put_grid_row(const struct kernel_rows *k, const struct cut *c,
                         const struct cut_level *l, int pixel, int anchor, const float *logits,
                         float *row)
{
    float x = (float)(pixel % l->width);
    float y = (float)(pixel / l->width);
    put_sigmoids(k, logits, c->n_columns, row);
    float u = row[0] * 2;
    float v = row[1] * 2;
    float w = row[2] * 2;
    float h = row[3] * 2;
    row[0] = (c->shifts_late ? u - 0.5f + x : u + (x - 0.5f)) * l->stride;
    row[1] = (c->shifts_late ? v - 0.5f + y : v + (y - 0.5f)) * l->stride;
    row[2] = w * w * l->anchors[anchor][0];
    row[3] = h * h * l->anchors[anchor][1];
}

static void put_row(const struct plan_instance *i, const struct kernel_rows *k,
                    const struct cut_level *l, int anchor, int pixel, float *row)
{
    const struct cut *c = &i->plan->cut;
    const struct cut_map *classes = &l->maps[c->classes];
    const float *logits = map_at(i, classes) + pixel * classes->pixel_stride;
    if (c->kind == PLAN_CUT_GRIDS) {
        put_grid_row(k, c, l, pixel, anchor, logits + anchor * c->n_columns, row);
    } else {
        const struct cut_map *boxes = &l->maps[c->boxes];
        put_box(k, l, pixel, map_at(i, boxes) + pixel * boxes->pixel_stride, n_bins(c), row);
        put_sigmoids(k, logits, classes->channels, row + CUT_SIDES);
    }
    for (int n = 0; c->is_half && n < c->n_columns; n++)
        row[n] = tensor_from_half(tensor_to_half(row[n]));
}

// --- the rows that matter

// What reaches *floor* behind the sigmoid reaches this before it.
static float logit_below(const struct cut *c, float floor)
{
    double least = (double)floor * (1 - (c->is_half ? LESS_OF_FLOOR_HALF : LESS_OF_FLOOR)) - LESS;
    if (!(least > 0))
        return -INFINITY;
    if (least >= 1)
        return INFINITY;
    return nextafterf((float)(log(least) - log1p(-least)), -INFINITY);
}

static int make_room(struct plan_instance *i, size_t n_rows)
{
    size_t n = n_rows * (size_t)i->plan->cut.n_columns;
    if (n <= i->cap_rows)
        return 0;
    n = MAX(n, 2 * i->cap_rows);
    float *rows = mem_resize(i->rows, n);
    if (!rows)
        return ERR_NOMEM;
    i->rows = rows;
    i->cap_rows = n;
    return 0;
}

// Those of *n* cells of the level from *first* on.
static int add_chunk(struct plan_instance *i, const struct kernel_rows *k,
                     const struct cut_level *l, int anchor, int first, int n, float logit,
                     size_t *n_rows)
{
    const struct cut *c = &i->plan->cut;
    const struct cut_map *m = &l->maps[c->classes];
    bool is_grid = c->kind == PLAN_CUT_GRIDS; // the objectness stands before all classes
    const float *logits = map_at(i, m) + first * m->pixel_stride;
    logits += is_grid ? anchor * c->n_columns + CUT_SIDES : 0;
    uint32_t found[CHUNK];
    size_t n_found = kernel_reach(k, logits, (size_t)n, is_grid ? 1 : (size_t)m->channels,
                                  (size_t)m->pixel_stride, logit, found);
    int r = make_room(i, *n_rows + n_found);
    for (size_t f = 0; f < n_found && r == 0; f++)
        put_row(i, k, l, anchor, first + (int)found[f],
                i->rows + (*n_rows + f) * (size_t)c->n_columns);
    *n_rows += r == 0 ? n_found : 0;
    return r;
}

static int add_level(struct plan_instance *i, const struct kernel_rows *k,
                     const struct cut_level *l, float logit, size_t *n_rows)
{
    int n = l->height * l->width;
    int r = 0;
    for (int anchor = 0; anchor < i->plan->cut.n_per_cell && r == 0; anchor++) {
        for (int at = 0; at < n && r == 0; at += CHUNK)
            r = add_chunk(i, k, l, anchor, at, MIN(n - at, CHUNK), logit, n_rows);
    }
    return r;
}

int plan_rows(struct plan_instance *i, float floor, struct plan_rows *ret_rows)
{
    const struct cut *c = &i->plan->cut;
    assert(c->kind != PLAN_CUT_NONE);
    const struct kernel_rows *kernels = NULL;
    int64_t start = i->step_ns ? clock_now_ns() : 0;
    float logit = logit_below(c, floor);
    size_t n_rows = 0;
    int r = kernel_rows_choose(CPU_ISA_UNSET, &kernels);
    for (int level = 0; level < c->n_levels && r == 0; level++)
        r = add_level(i, kernels, &c->levels[level], logit, &n_rows);
    if (r < 0)
        return r;
    *ret_rows = (struct plan_rows){i->rows, n_rows, c->n_columns};
    if (i->step_ns) {
        i->rows_ns += clock_now_ns() - start;
        i->n_row_runs++;
    }
    return 0;
}
