// SPDX-License-Identifier: Apache-2.0
// plan_cut_find.c - the raw maps of a detection head, found in the graph.
//
// Back from the output, over everything that only decodes, to the convolutions: what they make are
// the maps. Each level of the head (a height and width) has the same kinds of maps. Nothing else
// may reach the output. Which map is which, and that they are decoded as we think, is proved by
// numbers (plan_cut_prove.c), so exporters may write it in any way.

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/plan_priv.h"

// The sum over a box's bins, written as a convolution with weights 0, 1, 2, ...
static int is_expectation(const struct graph *g, const struct graph_node *n, bool *ret_is)
{
    const struct graph_value *w = &g->values[n->inputs[1]];
    *ret_is = false;
    if (w->dims[0] != 1 || w->n_elements != w->dims[1] || w->dims[1] < 2)
        return 0;
    float *weights = mem_array(float, (size_t)w->n_elements);
    if (!weights)
        return ERR_NOMEM;
    graph_conv_weights(g, n, weights);
    bool is = true;
    for (int64_t i = 0; i < w->n_elements; i++)
        is = is && weights[i] == (float)i;
    mem_free(weights);
    *ret_is = is;
    return 0;
}

// Decodes each anchor by itself, as far as an operator can tell.
static bool may_decode(const struct graph_node *n)
{
    switch (n->op) {
    case GRAPH_BINARY:
        return n->u.binary <= GRAPH_POW;
    case GRAPH_UNARY:
        return n->u.unary.kind == GRAPH_IDENTITY || n->u.unary.kind == GRAPH_SIGMOID;
    case GRAPH_SOFTMAX:
    case GRAPH_CONCAT:
    case GRAPH_MATMUL:
    case GRAPH_REDUCE:
    case GRAPH_SLICE:
    case GRAPH_RESHAPE:
    case GRAPH_TRANSPOSE:
    case GRAPH_EXPAND:
        return true;
    default:
        return false;
    }
}

struct finder {
    const struct graph *g;
    struct cut *cut;
    bool *seen; // nodes
    int *stack; // of them
    int n_stack;
};

static bool add_map(struct finder *f, int value)
{
    const struct graph_value *v = &f->g->values[value];
    struct cut *cut = f->cut;
    int level = 0;
    while (level < cut->n_levels &&
           (cut->levels[level].height != v->dims[2] || cut->levels[level].width != v->dims[3]))
        level++;
    if (v->dims[0] != 1 || level == CUT_MAX_LEVELS)
        return false;
    struct cut_level *l = &cut->levels[level];
    if (level == cut->n_levels) {
        *l = (struct cut_level){.height = (int)v->dims[2], .width = (int)v->dims[3]};
        cut->n_levels++;
    }
    for (int i = 0; i < CUT_MAX_MAPS; i++) {
        if (l->maps[i].channels != 0)
            continue;
        l->maps[i] = (struct cut_map){.value = value, .channels = (int)v->dims[1]};
        return true;
    }
    return false;
}

static void visit(struct finder *f, int value)
{
    int node = f->g->values[value].producer;
    if (node >= 0 && !f->seen[node]) {
        f->seen[node] = true;
        f->stack[f->n_stack++] = node;
    }
}

// *ret_found*: maps alone, behind nothing but decoding.
static int trace(struct finder *f, int output, bool *ret_found)
{
    *ret_found = false;
    visit(f, output);
    while (f->n_stack > 0) {
        const struct graph_node *n = &f->g->nodes[f->stack[--f->n_stack]];
        bool passes = may_decode(n);
        if (n->op == GRAPH_CONV) {
            int r = is_expectation(f->g, n, &passes);
            if (r < 0)
                return r;
            if (!passes && !add_map(f, n->outputs[0]))
                return 0;
        } else if (!passes) {
            return 0;
        }
        for (int k = 0; k < n->n_inputs && passes; k++) {
            const struct graph_value *v = &f->g->values[n->inputs[k]];
            if (v->producer < 0 && !v->is_constant) // the picture itself
                return 0;
            visit(f, n->inputs[k]);
        }
    }
    *ret_found = f->cut->n_levels > 0;
    return 0;
}

static int by_cells(const void *a, const void *b)
{
    const struct cut_level *x = a;
    const struct cut_level *y = b;
    int64_t nx = (int64_t)x->height * x->width;
    int64_t ny = (int64_t)y->height * y->width;
    return (nx < ny) - (nx > ny);
}

// Fewest channels last, so that the same place means the same kind in all levels; which is what is
// tried later.
static int by_channels(const void *a, const void *b)
{
    const struct cut_map *x = a;
    const struct cut_map *y = b;
    return x->channels != y->channels ? y->channels - x->channels : x->value - y->value;
}

// The same kinds of maps in all levels, and an output of as many anchors.
static bool is_regular(const struct graph *g, struct cut *cut)
{
    qsort(cut->levels, (size_t)cut->n_levels, sizeof(cut->levels[0]), by_cells);
    int64_t n_anchors = 0;
    cut->n_per_cell = cut->kind == PLAN_CUT_GRIDS ? CUT_GRID_BOXES : 1;
    for (int i = 0; i < cut->n_levels; i++) {
        struct cut_level *l = &cut->levels[i];
        qsort(l->maps, CUT_MAX_MAPS, sizeof(l->maps[0]), by_channels);
        n_anchors += (int64_t)l->height * l->width * cut->n_per_cell;
        for (int k = 0; k < CUT_MAX_MAPS; k++) {
            if (l->maps[k].channels != cut->levels[0].maps[k].channels)
                return false;
        }
    }
    while (cut->n_maps < CUT_MAX_MAPS && cut->levels[0].maps[cut->n_maps].channels > 0)
        cut->n_maps++;
    const struct graph_value *v = &g->values[g->outputs[cut->output]];
    if (v->n_dims != 3 || v->dims[0] != 1 || (v->dims[1] == n_anchors) == (v->dims[2] == n_anchors))
        return false;
    cut->is_transposed = v->dims[1] == n_anchors;
    cut->is_half = v->type == TENSOR_FLOAT16;
    cut->n_anchors = (int)n_anchors;
    return (cut->n_maps > 1) == (cut->kind == PLAN_CUT_BINS) &&
           (cut->is_half || v->type == TENSOR_FLOAT32);
}

// All that the maps are made of.
static void mark_body(const struct finder *f, struct compiler *c)
{
    const struct graph *g = f->g;
    for (int i = 0; i < f->cut->n_levels * CUT_MAX_MAPS; i++) {
        const struct cut_map *m = &f->cut->levels[i / CUT_MAX_MAPS].maps[i % CUT_MAX_MAPS];
        if (m->channels > 0)
            c->is_body[g->values[m->value].producer] = true;
    }
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        for (int k = 0; c->is_body[i] && k < g->nodes[i].n_inputs; k++) {
            int maker = g->values[g->nodes[i].inputs[k]].producer;
            if (maker >= 0)
                c->is_body[maker] = true;
        }
    }
}

int cut_find(struct compiler *c)
{
    const struct plan_opts *opts = c->opts;
    if (opts->cut == PLAN_CUT_NONE || opts->cut_output < 0 || opts->cut_output >= c->g->n_outputs)
        return 0;
    struct cut *cut = &c->plan->cut;
    *cut =
        (struct cut){.kind = opts->cut, .output = opts->cut_output, .n_wanted = opts->cut_columns};
    struct finder f = {.g = c->g, .cut = cut};
    f.seen = mem_array(bool, (size_t)c->g->n_nodes + 1);
    f.stack = mem_array(int, (size_t)c->g->n_nodes + 1);
    bool found = false;
    int r = f.seen && f.stack ? 0 : ERR_NOMEM;
    if (r == 0)
        r = trace(&f, c->g->outputs[cut->output], &found);
    if (r == 0 && found && is_regular(c->g, cut))
        mark_body(&f, c);
    else
        *cut = (struct cut){0};
    mem_free(f.seen);
    mem_free(f.stack);
    return r;
}

void cut_place_maps(struct compiler *c)
{
    struct cut *cut = &c->plan->cut;
    bool fits = cut->kind != PLAN_CUT_NONE;
    for (int i = 0; fits && i < cut->n_levels; i++) {
        for (int k = 0; fits && k < cut->n_maps; k++) {
            struct cut_map *m = &cut->levels[i].maps[k];
            m->place = c->places[m->value];
            fits = m->place.kind == BLOCK_ARENA && m->place.element == ELEMENT_F32 &&
                   view_is_picture(&m->place.view, &m->pixel_stride);
        }
    }
    if (!fits)
        *cut = (struct cut){0};
    c->plan->n_body = fits ? c->plan->n_steps : 0;
}
