// SPDX-License-Identifier: Apache-2.0
// plan_step.c - one node of the graph becomes no step, one or several.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/plan_priv.h"
#include "nn/prim.h"

enum {
    MAX_STEPS = 1 << 14,
};

int plan_add_step(struct compiler *c, struct step s, struct step **ret_step)
{
    struct plan *p = c->plan;
    if (p->n_steps >= MAX_STEPS)
        return err_set(ERR_TOO_BIG, "the network needs more than %d steps", MAX_STEPS);
    int r = MEM_GROW(p->steps, c->cap_steps, (size_t)p->n_steps);
    if (r < 0)
        return r;
    if (s.name) {
        s.name = arena_strndup(p->arena, s.name, strlen(s.name));
        if (!s.name)
            return ERR_NOMEM;
    }
    if (s.input_name) {
        s.input_name = arena_strndup(p->arena, s.input_name, strlen(s.input_name));
        if (!s.input_name)
            return ERR_NOMEM;
    }
    p->steps[p->n_steps] = s;
    if (ret_step)
        *ret_step = &p->steps[p->n_steps];
    p->n_steps++;
    return 0;
}

const char *plan_name_of(const struct compiler *c, const struct graph_node *n)
{
    return c->g->values[n->outputs[0]].name;
}

// The place of a value that is there already.
int plan_place_of(struct compiler *c, int value, struct place *ret_place)
{
    if (c->g->values[value].is_constant)
        return layout_constant(c, value, ret_place);
    *ret_place = c->places[value];
    return 0;
}

// --- copies

// Rows of a few numbers cost more to begin than to copy: where neither side has its neighbours
// together along a longer dimension, that one becomes the row.
static void lengthen_rows(struct loop *l)
{
    int last = l->n_dims - 1;
    if (last < 1 || l->dims[last] >= 8 || l->strides[1][last] == 1 ||
        l->dims[last - 1] <= l->dims[last])
        return;
    for (int d = 0; d < last; d++) {
        if (l->strides[1][d] == 1)
            return; // a transposition, which has a better way
    }
    int64_t dim = l->dims[last];
    l->dims[last] = l->dims[last - 1];
    l->dims[last - 1] = dim;
    for (int k = 0; k < 2; k++) {
        int64_t stride = l->strides[k][last];
        l->strides[k][last] = l->strides[k][last - 1];
        l->strides[k][last - 1] = stride;
    }
}

int plan_add_copy(struct compiler *c, const char *name, const struct place *from,
                  const struct place *to)
{
    struct step s = {.kind = STEP_COPY, .name = name, .n_in = 1, .n_out = 1};
    s.in[0] = *from;
    s.out[0] = *to;
    const struct view *views[2] = {&to->view, &from->view};
    loop_make(&s.loop, views, 2);
    lengthen_rows(&s.loop);
    int64_t stride;
    if (from->element == ELEMENT_F32 && view_is_rows(&from->view) && from->view.n_dims == 4 &&
        view_is_picture(&to->view, &stride) &&
        (to->element == ELEMENT_F32 || to->element == ELEMENT_BF16 || to->quant.scale > 0))
        s.kind = STEP_PLANES;
    return plan_add_step(c, s, NULL);
}

// The same value in *e* and in this order of dimensions.
int plan_copy_as(struct compiler *c, const char *name, const struct place *from, enum element e,
                 const struct view_order *order, struct place *ret_place)
{
    return plan_copy_quantised(c, name, from, e, &from->quant, order, ret_place);
}

int plan_copy_quantised(struct compiler *c, const char *name, const struct place *from,
                        enum element e, const struct quant *quant, const struct view_order *order,
                        struct place *ret_place)
{
    struct view dense = view_dense(from->view.n_dims, from->view.dims, order);
    struct place to;
    int r = layout_new_block(c, e, &dense, &to);
    to.quant = e == ELEMENT_U8 ? *quant : (struct quant){0};
    if (r == 0)
        r = plan_add_copy(c, name, from, &to);
    if (r == 0)
        *ret_place = to;
    return r;
}

// What steps that know floats only read.
static int place_f32(struct compiler *c, int value, struct place *ret_place)
{
    int r = plan_place_of(c, value, ret_place);
    if (r < 0 || ret_place->element == ELEMENT_F32)
        return r;
    if (c->widened[value].kind != BLOCK_NONE) {
        *ret_place = c->widened[value];
        return 0;
    }
    struct view_order order = view_order_of(&ret_place->view);
    r = plan_copy_as(c, c->g->values[value].name, ret_place, ELEMENT_F32, &order, ret_place);
    if (r == 0)
        c->widened[value] = *ret_place;
    return r;
}

// --- views

static int add_reshape(struct compiler *c, const struct graph_node *n)
{
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    struct place from;
    int r = plan_place_of(c, n->inputs[0], &from);
    if (r < 0)
        return r;
    struct place to = from;
    if (view_reshape(&from.view, out->n_dims, out->dims, &to.view)) {
        c->places[n->outputs[0]] = to;
        return 0;
    }
    r = layout_place(c, n->outputs[0], &to);
    if (r < 0)
        return r;
    struct view seen;
    if (view_reshape(&to.view, from.view.n_dims, from.view.dims, &seen)) {
        to.view = seen;
        return plan_add_copy(c, plan_name_of(c, n), &from, &to);
    }
    struct view_order rows = view_rows(from.view.n_dims);
    r = plan_copy_as(c, plan_name_of(c, n), &from, to.element, &rows, &from);
    if (r < 0)
        return r;
    bool ok = view_reshape(&from.view, out->n_dims, out->dims, &seen);
    if (!ok)
        return err_set(ERR_INTERNAL, "%s: rows without gaps have no other shape", n->name);
    from.view = seen;
    return plan_add_copy(c, plan_name_of(c, n), &from, &to);
}

static int add_view(struct compiler *c, const struct graph_node *n)
{
    if (n->op == GRAPH_RESHAPE)
        return add_reshape(c, n);
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    struct place p;
    int r = plan_place_of(c, n->inputs[0], &p);
    if (r < 0)
        return r;
    if (n->op == GRAPH_SLICE)
        p.view = view_slice(&p.view, n->u.slice.start, n->u.slice.step, out->dims);
    else if (n->op == GRAPH_TRANSPOSE)
        p.view = view_transpose(&p.view, n->u.perm);
    else
        p.view = view_expand(&p.view, out->n_dims, out->dims);
    c->places[n->outputs[0]] = p;
    return 0;
}

static int add_concat(struct compiler *c, const struct graph_node *n)
{
    struct place whole;
    int r = layout_place(c, n->outputs[0], &whole);
    for (int k = 0; k < n->n_inputs && r == 0; k++) {
        struct place part = whole;
        part.view = concat_part(c->g, n, &whole.view, k);
        struct place in;
        r = plan_place_of(c, n->inputs[k], &in);
        bool there = r == 0 && in.kind == part.kind && in.block == part.block &&
                     in.element == part.element && view_equal(&in.view, &part.view);
        if (r == 0 && !there)
            r = plan_add_copy(c, plan_name_of(c, n), &in, &part);
    }
    return r;
}

// --- arithmetic

static int add_binary_step(struct compiler *c, const char *name, enum graph_binary kind,
                           bool integer, const struct place *x, const struct place *y,
                           const struct place *out)
{
    struct step s = {.kind = STEP_BINARY, .name = name, .n_in = 2, .n_out = 1};
    s.u.binary.kind = kind;
    s.u.binary.integer = integer;
    s.in[0] = *x;
    s.in[1] = *y;
    s.out[0] = *out;
    struct view vx = view_expand(&x->view, out->view.n_dims, out->view.dims);
    struct view vy = view_expand(&y->view, out->view.n_dims, out->view.dims);
    const struct view *views[3] = {&out->view, &vx, &vy};
    loop_make(&s.loop, views, 3);
    return plan_add_step(c, s, NULL);
}

static bool is_integer(const struct graph_value *v)
{
    return v->type != TENSOR_FLOAT32 && v->type != TENSOR_FLOAT16 && v->type != TENSOR_FLOAT64;
}

static int add_binary(struct compiler *c, const struct graph_node *n)
{
    struct place x, y, out;
    int r = place_f32(c, n->inputs[0], &x);
    if (r == 0)
        r = place_f32(c, n->inputs[1], &y);
    if (r == 0)
        r = layout_place(c, n->outputs[0], &out);
    if (r < 0)
        return r;
    return add_binary_step(c, plan_name_of(c, n), n->u.binary,
                           is_integer(&c->g->values[n->inputs[0]]), &x, &y, &out);
}

static int add_unary(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.kind = STEP_UNARY, .name = plan_name_of(c, n), .n_in = 1, .n_out = 1};
    s.u.unary = n->u.unary;
    int r = place_f32(c, n->inputs[0], &s.in[0]);
    if (r == 0)
        r = layout_place(c, n->outputs[0], &s.out[0]);
    if (r < 0)
        return r;
    const struct view *views[2] = {&s.out[0].view, &s.in[0].view};
    loop_make(&s.loop, views, 2);
    return plan_add_step(c, s, NULL);
}

// A value as pixels without gaps between them.
int plan_picture_of(struct compiler *c, int value, enum element e, struct place *ret_place,
                    int64_t *ret_stride)
{
    int r = plan_place_of(c, value, ret_place);
    if (r < 0)
        return r;
    if (ret_place->element != e || !view_is_picture(&ret_place->view, ret_stride)) {
        struct view_order order = view_channels_last();
        r = plan_copy_quantised(c, c->g->values[value].name, ret_place, e, &c->quants[value],
                                &order, ret_place);
        *ret_stride = c->g->values[value].dims[1];
    }
    return r;
}

// --- pools, resizes

static int add_pool(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.name = plan_name_of(c, n), .n_in = 1, .n_out = 1};
    s.kind = n->op == GRAPH_MAX_POOL ? STEP_MAX_POOL : STEP_AVERAGE_POOL;
    s.u.pool = n->u.pool;
    int64_t stride;
    int r = layout_place(c, n->outputs[0], &s.out[0]);
    if (r == 0)
        r = plan_picture_of(c, n->inputs[0], s.out[0].element, &s.in[0], &stride);
    return r < 0 ? r : plan_add_step(c, s, NULL);
}

static int resize_table(struct compiler *c, const struct graph_node *n, int i,
                        const int32_t **ret_index, const float **ret_weights)
{
    int64_t in = c->g->values[n->inputs[0]].dims[2 + i];
    int64_t out = c->g->values[n->outputs[0]].dims[2 + i];
    int32_t *index = arena_array(c->plan->arena, int32_t, (size_t)out);
    float *weights = arena_array(c->plan->arena, float, (size_t)out);
    if (!index || !weights)
        return ERR_NOMEM;
    for (int64_t k = 0; k < out; k++) {
        float x = n->u.resize.scale[i] * (float)k + n->u.resize.offset[i];
        if (n->u.resize.kind == GRAPH_LINEAR) {
            x = fminf(fmaxf(x, 0), (float)(in - 1));
            index[k] = (int32_t)MIN((int64_t)x, MAX(in - 2, 0));
            weights[k] = in > 1 ? x - (float)index[k] : 0;
            continue;
        }
        float at = n->u.resize.rounding == GRAPH_FLOOR_DOWN  ? floorf(x)
                   : n->u.resize.rounding == GRAPH_CEIL_UP   ? ceilf(x)
                   : n->u.resize.rounding == GRAPH_HALF_DOWN ? ceilf(x - 0.5f)
                                                             : floorf(x + 0.5f);
        index[k] = (int32_t)fminf(fmaxf(at, 0), (float)(in - 1));
    }
    *ret_index = index;
    *ret_weights = weights;
    return 0;
}

static int add_resize(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.kind = STEP_RESIZE, .name = plan_name_of(c, n), .n_in = 1, .n_out = 1};
    s.u.resize.kind = n->u.resize.kind;
    int64_t stride;
    int r = layout_place(c, n->outputs[0], &s.out[0]);
    if (r == 0)
        r = plan_picture_of(c, n->inputs[0], s.out[0].element, &s.in[0], &stride);
    if (r == 0)
        r = resize_table(c, n, 0, &s.u.resize.rows, &s.u.resize.row_weights);
    if (r == 0)
        r = resize_table(c, n, 1, &s.u.resize.columns, &s.u.resize.column_weights);
    return r < 0 ? r : plan_add_step(c, s, NULL);
}

static int add_pad(struct compiler *c, const struct graph_node *n)
{
    struct step fill = {.kind = STEP_FILL, .name = plan_name_of(c, n), .n_out = 1};
    fill.u.fill = n->u.pad.value;
    struct place in;
    int r = place_f32(c, n->inputs[0], &in);
    if (r == 0)
        r = layout_place(c, n->outputs[0], &fill.out[0]);
    if (r < 0)
        return r;
    const struct view *views[1] = {&fill.out[0].view};
    loop_make(&fill.loop, views, 1);
    struct place inner = fill.out[0];
    int64_t step[TENSOR_MAX_DIMS] = {1, 1, 1, 1, 1, 1, 1, 1};
    inner.view = view_slice(&inner.view, n->u.pad.before, step, in.view.dims);
    r = plan_add_step(c, fill, NULL);
    return r < 0 ? r : plan_add_copy(c, plan_name_of(c, n), &in, &inner);
}

// --- along axes

static int add_softmax(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.kind = STEP_SOFTMAX, .name = plan_name_of(c, n), .n_in = 1, .n_out = 1};
    s.u.axis = n->u.axis;
    int r = place_f32(c, n->inputs[0], &s.in[0]);
    if (r == 0)
        r = layout_place(c, n->outputs[0], &s.out[0]);
    if (r < 0)
        return r;
    const struct view *views[2] = {&s.out[0].view, &s.in[0].view};
    loop_make(&s.loop, views, 2);
    return plan_add_step(c, s, NULL);
}

static int add_reduce(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.kind = STEP_REDUCE, .name = plan_name_of(c, n), .n_in = 1, .n_out = 1};
    s.u.reduce.kind = n->u.reduce.kind;
    s.u.reduce.axes = n->u.reduce.axes;
    int r = place_f32(c, n->inputs[0], &s.in[0]);
    if (r == 0)
        r = layout_place(c, n->outputs[0], &s.out[0]);
    if (r < 0)
        return r;
    struct view seen = view_expand(&s.out[0].view, s.in[0].view.n_dims, s.in[0].view.dims);
    // In the input's order: the first place of a loop settles it.
    const struct view *views[2] = {&s.in[0].view, &seen};
    loop_make(&s.loop, views, 2);
    return plan_add_step(c, s, NULL);
}

static int rows_of(struct compiler *c, int value, struct place *ret_place)
{
    int r = place_f32(c, value, ret_place);
    if (r < 0 || view_is_rows(&ret_place->view))
        return r;
    struct view_order rows = view_rows(ret_place->view.n_dims);
    return plan_copy_as(c, c->g->values[value].name, ret_place, ELEMENT_F32, &rows, ret_place);
}

// The matrices of a product for all batches, rows without gaps.
static int batch_of(struct compiler *c, int value, const struct graph_value *out, int64_t rows,
                    int64_t columns, struct place *ret_place)
{
    int r = place_f32(c, value, ret_place);
    if (r < 0)
        return r;
    int64_t dims[TENSOR_MAX_DIMS];
    memcpy(dims, out->dims, sizeof(dims));
    dims[out->n_dims - 2] = rows;
    dims[out->n_dims - 1] = columns;
    ret_place->view = view_expand(&ret_place->view, out->n_dims, dims);
    if (view_is_rows(&ret_place->view))
        return 0;
    struct view_order order = view_rows(out->n_dims);
    return plan_copy_as(c, c->g->values[value].name, ret_place, ELEMENT_F32, &order, ret_place);
}

static int add_matmul(struct compiler *c, const struct graph_node *n)
{
    const struct graph_value *x = &c->g->values[n->inputs[0]];
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    int64_t m = out->dims[out->n_dims - 2];
    int64_t columns = out->dims[out->n_dims - 1];
    int64_t k = x->dims[x->n_dims - 1];
    struct step s = {.kind = STEP_MATMUL, .name = plan_name_of(c, n), .n_in = 2, .n_out = 1};
    struct place to;
    int r = batch_of(c, n->inputs[0], out, m, k, &s.in[0]);
    if (r == 0)
        r = batch_of(c, n->inputs[1], out, k, columns, &s.in[1]);
    if (r == 0)
        r = layout_place(c, n->outputs[0], &to);
    if (r < 0)
        return r;
    s.out[0] = to;
    bool direct = view_is_rows(&to.view);
    if (!direct) {
        struct view_order rows = view_rows(out->n_dims);
        struct view dense = view_dense(out->n_dims, out->dims, &rows);
        r = layout_new_block(c, ELEMENT_F32, &dense, &s.out[0]);
    }
    int64_t batch = out->n_elements / (m * columns);
    if (r == 0)
        r = prim_matmul_create(batch, m, k, columns, &s.u.matmul);
    if (r < 0)
        return err_prefix(r, "operator MatMul '%s'", n->name);
    c->plan->n_scratch = MAX(c->plan->n_scratch, prim_matmul_scratch(s.u.matmul));
    c->plan->operations += 2.0 * (double)out->n_elements * (double)k;
    struct prim_matmul *prim = s.u.matmul;
    r = plan_add_step(c, s, NULL);
    if (r < 0) {
        prim_matmul_destroy(prim);
        return r;
    }
    return direct ? 0 : plan_add_copy(c, plan_name_of(c, n), &s.out[0], &to);
}

// Into rows without gaps, and on to where the value is to lie.
static int add_with_rows(struct compiler *c, const struct graph_node *n, struct step *s)
{
    struct place to[2];
    int r = 0;
    for (int k = 0; k < n->n_outputs && r == 0; k++) {
        const struct graph_value *out = &c->g->values[n->outputs[k]];
        struct view_order rows = view_rows(out->n_dims);
        struct view dense = view_dense(out->n_dims, out->dims, &rows);
        r = layout_place(c, n->outputs[k], &to[k]);
        s->out[k] = to[k];
        if (r == 0 && !view_is_rows(&to[k].view))
            r = layout_new_block(c, ELEMENT_F32, &dense, &s->out[k]);
    }
    if (r == 0)
        r = plan_add_step(c, *s, NULL);
    for (int k = 0; k < n->n_outputs && r == 0; k++) {
        if (!view_is_rows(&to[k].view))
            r = plan_add_copy(c, plan_name_of(c, n), &s->out[k], &to[k]);
    }
    return r;
}

static int add_gather(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.name = plan_name_of(c, n), .n_in = 2, .n_out = 1};
    s.kind = n->op == GRAPH_GATHER ? STEP_GATHER : STEP_GATHER_ELEMENTS;
    s.u.axis = n->u.axis;
    int r = rows_of(c, n->inputs[0], &s.in[0]);
    if (r == 0)
        r = rows_of(c, n->inputs[1], &s.in[1]);
    return r < 0 ? r : add_with_rows(c, n, &s);
}

static int add_top_k(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.kind = STEP_TOP_K, .name = plan_name_of(c, n), .n_in = 1, .n_out = 2};
    s.u.top_k.axis = n->u.top_k.axis;
    s.u.top_k.smallest = n->u.top_k.smallest;
    int r = rows_of(c, n->inputs[0], &s.in[0]);
    if (r < 0)
        return r;
    c->plan->n_scratch = MAX(c->plan->n_scratch, step_top_k_scratch(&s));
    return add_with_rows(c, n, &s);
}

int plan_add_node(struct compiler *c, const struct graph_node *n)
{
    switch (n->op) {
    case GRAPH_CONV:
        return plan_add_conv(c, n);
    case GRAPH_MATMUL:
        return add_matmul(c, n);
    case GRAPH_BINARY:
        return add_binary(c, n);
    case GRAPH_UNARY:
        return add_unary(c, n);
    case GRAPH_MAX_POOL:
    case GRAPH_AVERAGE_POOL:
        return add_pool(c, n);
    case GRAPH_RESIZE:
        return add_resize(c, n);
    case GRAPH_CONCAT:
        return add_concat(c, n);
    case GRAPH_SOFTMAX:
        return add_softmax(c, n);
    case GRAPH_REDUCE:
        return add_reduce(c, n);
    case GRAPH_PAD:
        return add_pad(c, n);
    case GRAPH_GATHER:
    case GRAPH_GATHER_ELEMENTS:
        return add_gather(c, n);
    case GRAPH_TOP_K:
        return add_top_k(c, n);
    case GRAPH_SLICE:
    case GRAPH_RESHAPE:
    case GRAPH_TRANSPOSE:
    case GRAPH_EXPAND:
        return add_view(c, n);
    case GRAPH_OP_UNSET:
    case GRAPH_N_OPS:
        break;
    }
    return err_set(ERR_UNSUPPORTED, "operator %s '%s'", graph_op_name(n->op), n->name);
}

// --- in and out

static int element_of(enum tensor_type type, const char *name, enum element *ret_element)
{
    // clang-format off
    static const struct {
        enum tensor_type type;
        enum element element;
    } rows[] = {
        {TENSOR_FLOAT32, ELEMENT_F32}, {TENSOR_FLOAT16, ELEMENT_F16}, {TENSOR_UINT8, ELEMENT_U8},
        {TENSOR_INT8, ELEMENT_I8},     {TENSOR_INT32, ELEMENT_I32},   {TENSOR_INT64, ELEMENT_I64},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].type == type) {
            *ret_element = rows[i].element;
            return 0;
        }
    }
    return err_set(ERR_UNSUPPORTED, "'%s' is of type %s", name, tensor_type_name(type));
}

static struct tensor tensor_of(const struct graph_value *v)
{
    struct tensor t = {.type = v->type, .n_dims = v->n_dims};
    memcpy(t.dims, v->dims, sizeof(t.dims));
    t.n_bytes = (size_t)v->n_elements * tensor_type_bytes(v->type);
    return t;
}

// Floats are read where the caller has them; other types are widened first.
int plan_add_inputs(struct compiler *c)
{
    const struct graph *g = c->g;
    if (g->n_inputs > (int)ARRAY_LEN(c->plan->inputs))
        return err_set(ERR_UNSUPPORTED, "%d inputs", g->n_inputs);
    for (int i = 0; i < g->n_inputs; i++) {
        const struct graph_value *v = &g->values[g->inputs[i]];
        struct view_order rows = view_rows(v->n_dims);
        struct place p = {
            .kind = BLOCK_INPUT, .block = i, .view = view_dense(v->n_dims, v->dims, &rows)};
        int r = element_of(v->type, v->name, &p.element);
        if (r == 0 && p.element != ELEMENT_F32)
            r = plan_copy_as(c, v->name, &p, ELEMENT_F32, &c->orders[g->inputs[i]], &p);
        if (r < 0)
            return r;
        c->places[g->inputs[i]] = p;
        c->plan->inputs[c->plan->n_inputs++] = tensor_of(v);
    }
    return 0;
}

int plan_add_outputs(struct compiler *c)
{
    const struct graph *g = c->g;
    if (g->n_outputs > (int)ARRAY_LEN(c->plan->outputs))
        return err_set(ERR_UNSUPPORTED, "%d outputs", g->n_outputs);
    for (int i = 0; i < g->n_outputs; i++) {
        const struct graph_value *v = &g->values[g->outputs[i]];
        struct view_order rows = view_rows(v->n_dims);
        struct place from, to;
        enum element e = ELEMENT_F32;
        int r = element_of(v->type, v->name, &e);
        if (r == 0)
            r = plan_place_of(c, g->outputs[i], &from);
        if (r == 0)
            r = plan_copy_as(c, v->name, &from, e, &rows, &to);
        if (r < 0)
            return r;
        c->plan->output_at[i].input = to.block; // its offset is known when memory is planned
        c->plan->outputs[c->plan->n_outputs++] = tensor_of(v);
    }
    return 0;
}
