// SPDX-License-Identifier: Apache-2.0
// plan_cut.c - a head that is cut off: single rows of the output, from the raw maps.
//
// A plan that may be cut runs the maps first (its body), then what decodes all of them (its tail).
// A detector wants the few anchors in which a class reaches its floor: these are found by their
// logits, and decoded here with the functions that the tail's steps run, in the tail's order.
//
// INVARIANTS
// (1) A row has the bits that the tail gives. It is proved when the plan is made: over maps by
//     chance, the tail and this must give the same for all anchors, else nothing is cut.
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
#include "nn/prim.h"

enum {
    SIDES = 4, // of a box: left, top, right, bottom
    MAX_BINS = 64,
    CHUNK = 256, // anchors that are looked at together
    N_PROOFS = 2,
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
    return c->levels[0].maps[c->boxes].channels / SIDES;
}

static void put_box(const struct kernel_rows *k, const struct cut_level *l, int pixel,
                    const float *distances, int bins, float *row)
{
    float shares[SIDES * MAX_BINS];
    float side[SIDES];
    memcpy(shares, distances, (size_t)(SIDES * bins) * sizeof(float));
    if (bins > 1) {
        kernel_softmax(k, shares, SIDES, (size_t)bins, (size_t)bins);
        kernel_expect(k, shares, SIDES, (size_t)bins, side);
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

static void put_row(const struct plan_instance *i, const struct kernel_rows *k,
                    const struct cut_level *l, int pixel, float *row)
{
    const struct cut *c = &i->plan->cut;
    const struct cut_map *boxes = &l->maps[c->boxes];
    const struct cut_map *classes = &l->maps[c->classes];
    put_box(k, l, pixel, map_at(i, boxes) + pixel * boxes->pixel_stride, n_bins(c), row);
    union {
        const float *in;
        void *data;
    } logits = {.in = map_at(i, classes) + pixel * classes->pixel_stride};
    struct kernel_view in = {.data = logits.data,
                             .height = 1,
                             .width = 1,
                             .channels = classes->channels,
                             .pixel_stride = classes->channels,
                             .type = KERNEL_F32};
    struct kernel_view out = in;
    out.data = row + SIDES;
    kernel_activate(k, &in, &out, KERNEL_SIGMOID, 0);
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
    float *rows = mem_resize(i->rows, n * sizeof(float));
    if (!rows)
        return ERR_NOMEM;
    i->rows = rows;
    i->cap_rows = n;
    return 0;
}

// Those of *n* anchors of the level from *first* on.
static int add_chunk(struct plan_instance *i, const struct kernel_rows *k,
                     const struct cut_level *l, int first, int n, float logit, size_t *n_rows)
{
    const struct cut *c = &i->plan->cut;
    const struct cut_map *classes = &l->maps[c->classes];
    uint32_t found[CHUNK];
    size_t n_found =
        kernel_reach(k, map_at(i, classes) + first * classes->pixel_stride, (size_t)n,
                     (size_t)classes->channels, (size_t)classes->pixel_stride, logit, found);
    int r = make_room(i, *n_rows + n_found);
    for (size_t f = 0; f < n_found && r == 0; f++)
        put_row(i, k, l, first + (int)found[f], i->rows + (*n_rows + f) * (size_t)c->n_columns);
    *n_rows += r == 0 ? n_found : 0;
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
    for (int level = 0; level < c->n_levels && r == 0; level++) {
        const struct cut_level *l = &c->levels[level];
        int n = l->height * l->width;
        for (int at = 0; at < n && r == 0; at += CHUNK)
            r = add_chunk(i, kernels, l, at, MIN(n - at, CHUNK), logit, &n_rows);
    }
    if (r < 0)
        return r;
    *ret_rows = (struct plan_rows){i->rows, n_rows, c->n_columns};
    if (i->step_ns) {
        i->rows_ns += clock_now_ns() - start;
        i->n_row_runs++;
    }
    return 0;
}

// --- the proof

static float output_at(const struct plan_instance *i, int anchor, int column)
{
    const struct cut *c = &i->plan->cut;
    const struct tensor *t = &i->plan->outputs[c->output];
    const uint8_t *data = i->memory + i->plan->output_at[c->output].offset;
    int64_t at = c->is_transposed ? anchor * t->dims[2] + column : column * t->dims[2] + anchor;
    uint16_t half;
    float v;
    if (c->is_half) {
        memcpy(&half, data + at * (int64_t)sizeof(half), sizeof(half));
        return tensor_from_half(half);
    }
    memcpy(&v, data + at * (int64_t)sizeof(v), sizeof(v));
    return v;
}

// Numbers of a head's size in all maps; *scale* 0: zeros.
static void fill_maps(const struct plan_instance *i, float scale, uint32_t *seed)
{
    const struct cut *c = &i->plan->cut;
    for (int level = 0; level < c->n_levels; level++) {
        const struct cut_level *l = &c->levels[level];
        for (int k = 0; k < c->n_maps; k++) {
            float *p = plan_at(i, &l->maps[k].at);
            for (int pixel = 0; pixel < l->height * l->width;
                 pixel++, p += l->maps[k].pixel_stride) {
                for (int ch = 0; ch < l->maps[k].channels; ch++) {
                    *seed = *seed * 1664525u + 1013904223u;
                    p[ch] = scale * ((float)(*seed >> 8) / (float)(1 << 23) - 1);
                }
            }
        }
    }
}

static int run_tail(struct plan_instance *i, float scale, uint32_t *seed)
{
    fill_maps(i, scale, seed);
    return plan_run_steps(i, i->plan->n_body, i->plan->n_steps);
}

// Whether columns and channels go together with these parts played by the maps.
static bool may_be(struct cut *c, const struct plan *p, int boxes, int classes)
{
    int of_boxes = c->levels[0].maps[boxes].channels;
    const struct tensor *t = &p->outputs[c->output];
    int64_t n_columns = t->dims[c->is_transposed ? 2 : 1];
    c->boxes = boxes;
    c->classes = classes;
    c->n_columns = SIDES + c->levels[0].maps[classes].channels;
    return boxes != classes && of_boxes % SIDES == 0 && of_boxes <= SIDES * MAX_BINS &&
           (c->n_maps > 2 ? c->n_columns < n_columns : c->n_columns == n_columns);
}

// Over maps of zeros the first anchor's centre is half a stride.
static void read_strides(const struct plan_instance *i, struct cut *c)
{
    int anchor = 0;
    for (int level = 0; level < c->n_levels; level++) {
        c->levels[level].stride = rintf(2 * output_at(i, anchor, 0));
        anchor += c->levels[level].height * c->levels[level].width;
    }
}

static int is_same(struct plan_instance *i, bool *ret_is_same)
{
    const struct cut *c = &i->plan->cut;
    struct plan_rows rows;
    int r = plan_rows(i, 0, &rows);
    if (r < 0)
        return r;
    bool same = rows.n == (size_t)c->n_anchors;
    for (int a = 0; a < c->n_anchors && same; a++) {
        for (int n = 0; n < c->n_columns && same; n++) {
            float want = output_at(i, a, n);
            same = memcmp(&want, &rows.values[a * c->n_columns + n], sizeof(want)) == 0;
        }
    }
    *ret_is_same = same;
    return 0;
}

// The maps' parts are known: over numbers by chance, small ones and large ones.
static int prove(struct plan_instance *i, bool *ret_proved)
{
    static const float scales[N_PROOFS] = {4, 40};
    uint32_t seed = 1;
    int r = run_tail(i, 0, &seed);
    read_strides(i, &i->plan->cut);
    *ret_proved = true;
    for (int n = 0; n < N_PROOFS && r == 0 && *ret_proved; n++) {
        r = run_tail(i, scales[n], &seed);
        if (r == 0)
            r = is_same(i, ret_proved);
    }
    return r;
}

static int prove_some(struct plan_instance *i, bool *ret_proved)
{
    struct cut *c = &i->plan->cut;
    int r = 0;
    for (int n = 0; n < c->n_maps * c->n_maps && r == 0 && !*ret_proved; n++) {
        if (may_be(c, i->plan, n / c->n_maps, n % c->n_maps))
            r = prove(i, ret_proved);
    }
    return r;
}

// Other outputs' steps may read the inputs, whose numbers do not matter.
static int make_inputs(const struct plan *p, struct tensor *inputs)
{
    for (int i = 0; i < p->n_inputs; i++) {
        inputs[i] = p->inputs[i];
        inputs[i].data = mem_array(uint8_t, inputs[i].n_bytes + 1);
        if (!inputs[i].data)
            return ERR_NOMEM;
    }
    return 0;
}

int cut_prove(struct plan *p)
{
    struct plan_instance *i = NULL;
    struct tensor inputs[ARRAY_LEN(p->inputs)] = {0};
    bool proved = false;
    if (p->cut.kind == PLAN_CUT_NONE)
        return 0;
    int r = make_inputs(p, inputs);
    if (r == 0)
        r = plan_instance_create(p, &i);
    if (r == 0) {
        prim_one_thread();
        i->inputs = inputs;
        r = prove_some(i, &proved);
    }
    plan_instance_destroy(i);
    for (int k = 0; k < p->n_inputs; k++)
        mem_free(inputs[k].data);
    if (!proved) {
        p->cut = (struct cut){0};
        p->n_body = 0;
    }
    return r;
}
