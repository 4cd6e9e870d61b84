// SPDX-License-Identifier: Apache-2.0
// plan_layout.c - where every value lies.
//
// First each computed value gets an order of its dimensions: pictures are nhwc, the rest follows
// what it is computed from. Then the inputs of concatenations are given homes: their maker writes
// straight into its part of the joined value, also through reshapes and transpositions, and for the
// parts of a split through the whole that was split. A home is a wish: where strides cannot say it,
// the concatenation copies.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel_pass.h"
#include "nn/plan_priv.h"

enum {
    MAX_CHAIN = 8,   // views between a maker and a concatenation
    MAX_NESTED = 64, // concatenations in concatenations
};

static bool is_view(enum graph_op op)
{
    return op == GRAPH_SLICE || op == GRAPH_TRANSPOSE || op == GRAPH_RESHAPE || op == GRAPH_EXPAND;
}

static bool makes_picture(enum graph_op op)
{
    return op == GRAPH_CONV || op == GRAPH_MAX_POOL || op == GRAPH_AVERAGE_POOL ||
           op == GRAPH_RESIZE;
}

static bool keeps_picture(enum graph_op op)
{
    return op == GRAPH_CONCAT || op == GRAPH_SLICE || op == GRAPH_UNARY || op == GRAPH_BINARY ||
           op == GRAPH_PAD;
}

// What only moves numbers, and can do so in bf16.
bool layout_only_moves(const struct graph_node *n)
{
    return n->op == GRAPH_CONCAT || is_view(n->op) || n->op == GRAPH_MAX_POOL ||
           (n->op == GRAPH_RESIZE && n->u.resize.kind == GRAPH_NEAREST);
}

// Which values a convolution or the like reads, perhaps behind steps that keep their shape; and
// which of them all their readers can take in bf16.
static void look_ahead(struct compiler *c)
{
    const struct graph *g = c->g;
    for (int v = 0; v < g->n_values; v++)
        c->takes_bf16[v] = true;
    for (int i = 0; i < g->n_outputs; i++)
        c->takes_bf16[g->outputs[i]] = false;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const struct graph_node *n = &g->nodes[i];
        int out = n->outputs[0];
        for (int k = 0; k < n->n_inputs; k++) {
            int v = n->inputs[k];
            bool wants = makes_picture(n->op) || (keeps_picture(n->op) && c->wants_picture[out]);
            c->wants_picture[v] |= wants && g->values[v].n_dims == 4;
            c->takes_bf16[v] &= layout_only_moves(n) ? c->takes_bf16[out] : n->op == GRAPH_CONV;
        }
    }
}

static bool same_dims(const struct graph_value *x, const struct graph_value *y)
{
    return x->n_dims == y->n_dims &&
           memcmp(x->dims, y->dims, (size_t)x->n_dims * sizeof(x->dims[0])) == 0;
}

static struct view_order order_of_inputs(const struct compiler *c, const struct graph_node *n,
                                         const struct view *dense)
{
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    for (int i = 0; i < n->n_inputs; i++) {
        const struct graph_value *in = &c->g->values[n->inputs[i]];
        bool fits = n->op == GRAPH_BINARY ? same_dims(in, out) : in->n_dims == out->n_dims;
        if (!in->is_constant && fits)
            return view_order_of(&dense[n->inputs[i]]);
    }
    return view_rows(out->n_dims);
}

// Whose step writes the value, behind views; -1: nobody's alone.
static int owner_of(const struct graph *g, int value)
{
    for (int i = 0; i < MAX_CHAIN && g->values[value].producer >= 0; i++) {
        const struct graph_node *n = &g->nodes[g->values[value].producer];
        if (!is_view(n->op))
            return n->n_outputs == 1 ? value : -1;
        if (n->op == GRAPH_EXPAND)
            return -1;
        value = n->inputs[0];
    }
    return -1;
}

// Of the parts of a picture the first may be too small to tell its order.
static bool joins_pictures(const struct compiler *c, const struct graph_node *n)
{
    if (n->op != GRAPH_CONCAT || c->g->values[n->outputs[0]].n_dims != 4)
        return false;
    int owner = owner_of(c->g, n->inputs[0]);
    return owner >= 0 && c->g->values[owner].n_dims == 4 &&
           makes_picture(c->g->nodes[c->g->values[owner].producer].op);
}

static struct view_order choose_order(const struct compiler *c, const struct graph_node *n,
                                      const struct view *dense)
{
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    if (makes_picture(n->op) || c->wants_picture[n->outputs[0]] || joins_pictures(c, n))
        return view_channels_last();
    switch (n->op) {
    case GRAPH_BINARY:
    case GRAPH_UNARY:
    case GRAPH_SOFTMAX:
    case GRAPH_REDUCE:
    case GRAPH_CONCAT:
    case GRAPH_PAD:
        return order_of_inputs(c, n, dense);
    default:
        return view_rows(out->n_dims);
    }
}

// As if every value had a block of its own.
static struct view dense_view(const struct compiler *c, const struct graph_node *n,
                              const struct view *dense)
{
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    const struct view *in = &dense[n->inputs[0]];
    struct view v;
    switch (n->op) {
    case GRAPH_SLICE:
        return view_slice(in, n->u.slice.start, n->u.slice.step, out->dims);
    case GRAPH_TRANSPOSE:
        return view_transpose(in, n->u.perm);
    case GRAPH_EXPAND:
        return view_expand(in, out->n_dims, out->dims);
    case GRAPH_RESHAPE:
        if (view_reshape(in, out->n_dims, out->dims, &v))
            return v;
        break;
    default:
        break;
    }
    return view_dense(out->n_dims, out->dims, &c->orders[n->outputs[0]]);
}

// What a value is kept in where all its readers take it.
static enum element small_element(const struct compiler *c, const struct graph_node *n)
{
    bool is_bf16 = c->plan->precision == PLAN_BF16;
    enum element small = is_bf16 ? ELEMENT_BF16 : c->smalls[n->outputs[0]];
    if (n->op == GRAPH_CONV) {
        bool can = is_bf16 || plan_conv_takes_int8(c, n);
        return can && c->takes_bf16[n->outputs[0]] ? small : ELEMENT_F32;
    }
    for (int k = 0; k < n->n_inputs; k++) {
        if (c->elements[n->inputs[k]] != small)
            return ELEMENT_F32;
    }
    bool is_wide = n->op == GRAPH_MAX_POOL && small == ELEMENT_U8 &&
                   MAX(n->u.pool.kernel[0], n->u.pool.kernel[1]) > KERNEL_POOL_MAX_SIDE;
    return layout_only_moves(n) && !is_wide ? small : ELEMENT_F32;
}

static void choose_elements(struct compiler *c)
{
    if (c->plan->precision == PLAN_FP32)
        return;
    for (int i = 0; i < c->g->n_nodes; i++) {
        const struct graph_node *n = &c->g->nodes[i];
        c->elements[n->outputs[0]] = small_element(c, n);
    }
}

int layout_orders(struct compiler *c)
{
    const struct graph *g = c->g;
    struct view *dense = mem_array(struct view, (size_t)g->n_values + 1);
    if (!dense)
        return ERR_NOMEM;
    int r = c->plan->precision == PLAN_INT8 ? plan_quantise(c) : 0;
    if (r < 0) {
        mem_free(dense);
        return r;
    }
    look_ahead(c);
    choose_elements(c);
    for (int v = 0; v < g->n_values; v++) {
        struct view_order rows = view_rows(g->values[v].n_dims);
        c->orders[v] = rows;
        if (g->values[v].producer < 0)
            dense[v] = view_dense(g->values[v].n_dims, g->values[v].dims, &rows);
    }
    for (int i = 0; i < g->n_nodes; i++) {
        const struct graph_node *n = &g->nodes[i];
        c->orders[n->outputs[0]] = choose_order(c, n, dense);
        dense[n->outputs[0]] = dense_view(c, n, dense);
        for (int k = 1; k < n->n_outputs; k++)
            dense[n->outputs[k]] =
                view_dense(g->values[n->outputs[k]].n_dims, g->values[n->outputs[k]].dims,
                           &c->orders[n->outputs[k]]);
    }
    for (int i = 0; i < g->n_inputs; i++) {
        if (c->wants_picture[g->inputs[i]])
            c->orders[g->inputs[i]] = view_channels_last();
    }
    mem_free(dense);
    return 0;
}

// --- homes

void layout_homes(struct compiler *c)
{
    for (int v = 0; v < c->g->n_values; v++)
        c->homes[v].concat = -1;
    for (int i = 0; i < c->g->n_nodes; i++) {
        const struct graph_node *n = &c->g->nodes[i];
        for (int k = 0; n->op == GRAPH_CONCAT && k < n->n_inputs; k++) {
            int owner = owner_of(c->g, n->inputs[k]);
            if (owner >= 0 && c->homes[owner].concat < 0)
                c->homes[owner] = (struct home){n->outputs[0], k};
        }
    }
}

struct view concat_part(const struct graph *g, const struct graph_node *n, const struct view *whole,
                        int input)
{
    int64_t start[TENSOR_MAX_DIMS] = {0};
    int64_t step[TENSOR_MAX_DIMS] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int k = 0; k < input; k++)
        start[n->u.axis] += g->values[n->inputs[k]].dims[n->u.axis];
    return view_slice(whole, start, step, g->values[n->inputs[input]].dims);
}

// *ret_start: where along *axis* the slice begins, all other dimensions whole.
static bool is_plain_slice(const struct graph *g, int value, int axis, int source,
                           int64_t *ret_start)
{
    if (g->values[value].producer < 0)
        return false;
    const struct graph_node *n = &g->nodes[g->values[value].producer];
    if (n->op != GRAPH_SLICE || n->inputs[0] != source)
        return false;
    for (int d = 0; d < g->values[value].n_dims; d++) {
        if (n->u.slice.step[d] != 1 ||
            (d != axis && g->values[value].dims[d] != g->values[source].dims[d]))
            return false;
    }
    *ret_start = n->u.slice.start[axis];
    return true;
}

// The whole that was split lies where its parts lie, if the concatenation has them side by side in
// the same way.
static bool place_split(const struct graph *g, const struct graph_node *concat, int input,
                        int source, struct view *part)
{
    int axis = concat->u.axis;
    int64_t start;
    if (!is_plain_slice(g, concat->inputs[input], axis, source, &start))
        return false;
    int64_t at = 0;
    int64_t mine = 0;
    for (int k = 0; k < input; k++)
        mine += g->values[concat->inputs[k]].dims[axis];
    int64_t first = mine - start;
    int64_t end = first + g->values[source].dims[axis];
    if (first < 0 || end > g->values[concat->outputs[0]].dims[axis])
        return false;
    for (int k = 0; k < concat->n_inputs; k++) {
        int64_t n = g->values[concat->inputs[k]].dims[axis];
        int64_t from;
        if (at < end && at + n > first &&
            !(is_plain_slice(g, concat->inputs[k], axis, source, &from) && at - from == first))
            return false;
        at += n;
    }
    part->offset -= start * part->strides[axis];
    part->dims[axis] = g->values[source].dims[axis];
    return true;
}

// Back through the views between *owner* and the input of the concatenation.
static bool derive(const struct graph *g, const struct graph_node *concat, int input, int owner,
                   struct view *part)
{
    int value = concat->inputs[input];
    if (value == owner)
        return true;
    if (g->nodes[g->values[value].producer].op == GRAPH_SLICE)
        return place_split(g, concat, input, owner, part);
    while (value != owner) {
        const struct graph_node *n = &g->nodes[g->values[value].producer];
        const struct graph_value *from = &g->values[n->inputs[0]];
        if (n->op == GRAPH_RESHAPE) {
            struct view v;
            if (!view_reshape(part, from->n_dims, from->dims, &v))
                return false;
            *part = v;
        } else if (n->op == GRAPH_TRANSPOSE) {
            int back[TENSOR_MAX_DIMS];
            for (int d = 0; d < from->n_dims; d++)
                back[n->u.perm[d]] = d;
            *part = view_transpose(part, back);
        } else {
            return false;
        }
        value = n->inputs[0];
    }
    return true;
}

static int home_place(struct compiler *c, int value, struct place *ret_place, bool *ret_found)
{
    *ret_found = false;
    struct home h = c->homes[value];
    if (h.concat < 0 || c->elements[h.concat] != c->elements[value])
        return 0;
    const struct graph_node *maker = &c->g->nodes[c->g->values[value].producer];
    const struct graph_node *concat = &c->g->nodes[c->g->values[h.concat].producer];
    struct place whole;
    if (c->n_nested >= MAX_NESTED)
        return 0;
    c->n_nested++;
    int r = layout_place(c, h.concat, &whole);
    c->n_nested--;
    if (r < 0)
        return r;
    struct view part = concat_part(c->g, concat, &whole.view, h.input);
    int64_t stride;
    if (!derive(c->g, concat, h.input, value, &part))
        return 0;
    if (makes_picture(maker->op) && !view_is_picture(&part, &stride))
        return 0;
    whole.view = part;
    *ret_place = whole;
    *ret_found = true;
    return 0;
}

// --- places

int layout_new_block(struct compiler *c, enum element e, const struct view *v,
                     struct place *ret_place)
{
    int r = MEM_GROW(c->blocks, c->cap_blocks, (size_t)c->n_blocks);
    if (r < 0)
        return r;
    size_t n = (size_t)view_count(v) * element_size(e);
    c->blocks[c->n_blocks] = (struct block){.n_bytes = n, .first = -1, .last = -1};
    *ret_place =
        (struct place){.kind = BLOCK_ARENA, .block = c->n_blocks++, .element = e, .view = *v};
    return 0;
}

int layout_place(struct compiler *c, int value, struct place *ret_place)
{
    struct place p = c->places[value];
    bool found = p.kind != BLOCK_NONE;
    const struct graph_value *v = &c->g->values[value];
    int r = 0;
    if (!found)
        r = home_place(c, value, &p, &found);
    if (r == 0 && !found) {
        struct view dense = view_dense(v->n_dims, v->dims, &c->orders[value]);
        r = layout_new_block(c, c->elements[value], &dense, &p);
        p.quant = c->quants[value];
    }
    if (r < 0)
        return r;
    c->places[value] = p;
    *ret_place = p;
    return 0;
}

int layout_constant(struct compiler *c, int value, struct place *ret_place)
{
    if (c->places[value].kind != BLOCK_NONE) {
        *ret_place = c->places[value];
        return 0;
    }
    const struct graph_value *v = &c->g->values[value];
    struct plan *p = c->plan;
    size_t n = (size_t)v->n_elements * sizeof(float);
    size_t rounded = (n + 63) & ~(size_t)63;
    if (p->n_constants + rounded > c->cap_constants) {
        size_t cap = MAX(2 * c->cap_constants, p->n_constants + rounded);
        uint8_t *grown = mem_resize(p->constants, cap);
        if (!grown)
            return ERR_NOMEM;
        p->constants = grown;
        c->cap_constants = cap;
    }
    float *floats = mem_array(float, (size_t)v->n_elements);
    if (!floats)
        return ERR_NOMEM;
    graph_constant_floats(v, floats);
    memcpy(p->constants + p->n_constants, floats, n);
    mem_free(floats);
    struct view_order rows = view_rows(v->n_dims);
    struct view view = view_dense(v->n_dims, v->dims, &rows);
    view.offset = (int64_t)(p->n_constants / sizeof(float));
    p->n_constants += rounded;
    c->places[value] = (struct place){.kind = BLOCK_CONSTANT, .element = ELEMENT_F32, .view = view};
    *ret_place = c->places[value];
    return 0;
}
