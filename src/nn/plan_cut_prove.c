// SPDX-License-Identifier: Apache-2.0
// plan_cut_prove.c - a cut head against the whole one, over maps by chance.
//
// Which map plays which part, the sizes of cells and anchors and the way of rounding are read off
// or tried; what does not give the whole output's bits is not cut.

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/plan_priv.h"
#include "nn/prim.h"

enum {
    MODERATE = 4, // sizes of logits
    LARGE = 40,
};

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

// Numbers of a head's size in all maps, some of them so large that sigmoids end; or zeros.
static void fill_maps(const struct plan_instance *i, bool zeros)
{
    const struct cut *c = &i->plan->cut;
    uint32_t seed = 1;
    for (int n = 0; n < c->n_levels * c->n_maps; n++) {
        const struct cut_level *l = &c->levels[n / c->n_maps];
        const struct cut_map *m = &l->maps[n % c->n_maps];
        float *p = plan_at(i, &m->at);
        for (int pixel = 0; pixel < l->height * l->width; pixel++, p += m->pixel_stride) {
            for (int ch = 0; ch < m->channels; ch++) {
                seed = seed * 1664525u + 1013904223u;
                float scale = zeros ? 0 : (seed >> 8) % 8 ? MODERATE : LARGE;
                p[ch] = scale * ((float)(seed >> 8) / (float)(1 << 23) - 1);
            }
        }
    }
}

static int run_tail(struct plan_instance *i)
{
    return plan_run_steps(i, i->plan->n_body, i->plan->n_steps);
}

// Whether columns and channels go together with these parts played by the maps.
static bool may_be(struct cut *c, const struct plan *p, int boxes, int classes)
{
    int of_boxes = c->levels[0].maps[boxes].channels;
    const struct tensor *t = &p->outputs[c->output];
    int64_t n_columns = t->dims[c->is_transposed ? 2 : 1];
    if (c->kind == PLAN_CUT_GRIDS) {
        c->n_columns = of_boxes / CUT_GRID_BOXES;
        return c->n_columns == n_columns && n_columns > CUT_SIDES && n_columns >= c->n_wanted;
    }
    c->boxes = boxes;
    c->classes = classes;
    c->n_columns = CUT_SIDES + c->levels[0].maps[classes].channels;
    return boxes != classes && of_boxes % CUT_SIDES == 0 && of_boxes <= CUT_SIDES * CUT_MAX_BINS &&
           c->n_columns >= c->n_wanted &&
           (c->n_maps > 2 ? c->n_columns < n_columns : c->n_columns == n_columns);
}

// Over maps of zeros the first cell's centre is half a stride, and boxes have their anchors' sizes.
static void read_sizes(const struct plan_instance *i, struct cut *c)
{
    int row = 0;
    for (int level = 0; level < c->n_levels; level++) {
        struct cut_level *l = &c->levels[level];
        l->stride = rintf(2 * output_at(i, row, 0));
        for (int k = 0; k < c->n_per_cell; k++) {
            l->anchors[k][0] = output_at(i, row, 2);
            l->anchors[k][1] = output_at(i, row, 3);
            row += l->height * l->width;
        }
    }
}

static bool is_same(const struct plan_instance *i, const struct plan_rows *rows)
{
    const struct cut *c = &i->plan->cut;
    bool same = rows->n == (size_t)c->n_anchors;
    for (int a = 0; a < c->n_anchors && same; a++) {
        for (int n = 0; n < c->n_columns && same; n++) {
            float want = output_at(i, a, n);
            same = memcmp(&want, &rows->values[a * c->n_columns + n], sizeof(want)) == 0;
        }
    }
    return same;
}

// The maps' parts are known.
static int prove(struct plan_instance *i, bool *ret_proved)
{
    struct plan_rows rows;
    fill_maps(i, true);
    int r = run_tail(i);
    if (r < 0)
        return r;
    read_sizes(i, &i->plan->cut);
    fill_maps(i, false);
    r = plan_rows(i, 0, &rows);
    if (r == 0)
        r = run_tail(i); // which writes over the maps
    *ret_proved = r == 0 && is_same(i, &rows);
    return r;
}

static int prove_some(struct plan_instance *i, bool *ret_proved)
{
    struct cut *c = &i->plan->cut;
    int r = 0;
    for (int n = 0; n < c->n_maps * c->n_maps && r == 0 && !*ret_proved; n++) {
        if (!may_be(c, i->plan, n / c->n_maps, n % c->n_maps))
            continue;
        c->shifts_late = false;
        r = prove(i, ret_proved);
        if (r == 0 && !*ret_proved && c->kind == PLAN_CUT_GRIDS) {
            c->shifts_late = true;
            r = prove(i, ret_proved);
        }
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
