// SPDX-License-Identifier: Apache-2.0
// graph.c - values and nodes of a graph being made, their names, and its life.

#include "nn/graph.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/graph_priv.h"

int builder_refuse(struct builder *b, int code, const char *format, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    if (!b->at)
        return err_set((enum err)code, "%s: %s", b->name, what);
    return err_set((enum err)code, "%s: operator %.*s '%.*s': %s", b->name, STR_ARG(b->at->op),
                   (int)MIN(b->at->name.n, (size_t)80), b->at->name.p ? b->at->name.p : "", what);
}

const struct graph_value *builder_at(const struct builder *b, int value)
{
    assert(value >= 0 && value < b->graph.n_values);
    return &b->graph.values[value];
}

// --- names

struct name_slot *name_slot(struct name_slot *slots, size_t n, struct str name)
{
    size_t i = (size_t)str_hash(name) & (n - 1);
    while (slots[i].value >= 0 && !str_equal(slots[i].name, name))
        i = (i + 1) & (n - 1);
    return &slots[i];
}

int builder_find(const struct builder *b, struct str name)
{
    return name_slot(b->slots, b->n_slots, name)->value;
}

static int bind_name(struct builder *b, struct str name, int value)
{
    struct name_slot *s = name_slot(b->slots, b->n_slots, name);
    if (s->value >= 0)
        return err_set(ERR_MODEL, "%s: two values are called '%.*s'", b->name, STR_ARG(name));
    *s = (struct name_slot){name, value};
    return 0;
}

int builder_bind(struct builder *b, const struct onnx_node *n, size_t i, int value)
{
    if (i >= n->n_outputs || n->outputs[i].n == 0)
        return 0;
    struct graph_value *v = &b->graph.values[value];
    if (v->name[0] == '\0') {
        v->name = arena_strndup(b->arena, n->outputs[i].p, n->outputs[i].n);
        if (!v->name)
            return ERR_NOMEM;
    }
    return bind_name(b, n->outputs[i], value);
}

static int make_slots(struct builder *b)
{
    size_t n = b->onnx->n_initializers + b->onnx->n_inputs;
    for (size_t i = 0; i < b->onnx->n_nodes; i++)
        n += b->onnx->nodes[i].n_outputs;
    b->n_slots = 64;
    while (b->n_slots < 2 * n + 2)
        b->n_slots *= 2;
    b->slots = mem_array(struct name_slot, b->n_slots);
    if (!b->slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < b->n_slots; i++)
        b->slots[i].value = -1;
    return 0;
}

// --- values

int builder_value(struct builder *b, const char *name, enum tensor_type type, int n_dims,
                  const int64_t *dims, int *ret_value)
{
    if (n_dims > TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "a value with %d dimensions", n_dims);
    struct graph_value v = {
        .name = name, .n_dims = n_dims, .type = type, .n_elements = 1, .producer = -1};
    for (int i = 0; i < n_dims; i++) {
        if (dims[i] < 1)
            return builder_refuse(b, ERR_UNSUPPORTED, "a value without elements");
        if (dims[i] > GRAPH_MAX_ELEMENTS / v.n_elements)
            return builder_refuse(b, ERR_TOO_BIG, "a value with more than %d elements",
                                  GRAPH_MAX_ELEMENTS);
        v.dims[i] = dims[i];
        v.n_elements *= dims[i];
    }
    if (b->graph.n_values >= GRAPH_MAX_VALUES)
        return builder_refuse(b, ERR_TOO_BIG, "more than %d values", GRAPH_MAX_VALUES);
    int r = MEM_GROW(b->graph.values, b->cap_values, (size_t)b->graph.n_values);
    if (r < 0)
        return r;
    *ret_value = b->graph.n_values;
    b->graph.values[b->graph.n_values++] = v;
    return 0;
}

static int own_constant(struct builder *b, enum tensor_type type, int n_dims, const int64_t *dims,
                        const void *bytes, int *ret_value)
{
    int value;
    int r = builder_value(b, "", type, n_dims, dims, &value);
    if (r < 0)
        return r;
    size_t n = (size_t)b->graph.values[value].n_elements * tensor_type_bytes(type);
    void *copy = arena_alloc(b->arena, 1, n);
    if (!copy)
        return ERR_NOMEM;
    memcpy(copy, bytes, n);
    b->graph.values[value].constant = (struct graph_constant){type, copy};
    b->graph.values[value].is_constant = true;
    *ret_value = value;
    return 0;
}

int builder_floats(struct builder *b, int n_dims, const int64_t *dims, const float *values,
                   int *ret_value)
{
    return own_constant(b, TENSOR_FLOAT32, n_dims, dims, values, ret_value);
}

int builder_ints(struct builder *b, int n_dims, const int64_t *dims, const int64_t *values,
                 int *ret_value)
{
    return own_constant(b, TENSOR_INT64, n_dims, dims, values, ret_value);
}

// --- nodes

static int append_node(struct builder *b, const struct graph_node *n)
{
    if (b->graph.n_nodes >= GRAPH_MAX_NODES || n->n_inputs > GRAPH_MAX_INPUTS)
        return builder_refuse(b, ERR_TOO_BIG, "more than %d nodes, or %d inputs of one",
                              GRAPH_MAX_NODES, GRAPH_MAX_INPUTS);
    int r = MEM_GROW(b->graph.nodes, b->cap_nodes, (size_t)b->graph.n_nodes);
    if (r < 0)
        return r;
    struct graph_node node = *n;
    int *inputs = arena_array(b->arena, int, (size_t)MAX(n->n_inputs, 1));
    if (!inputs)
        return ERR_NOMEM;
    memcpy(inputs, n->inputs, (size_t)n->n_inputs * sizeof(int));
    node.inputs = inputs;
    struct str name = b->at ? b->at->name : STR("");
    node.name = arena_strndup(b->arena, name.p ? name.p : "", name.n);
    if (!node.name)
        return ERR_NOMEM;
    b->graph.nodes[b->graph.n_nodes++] = node;
    return 0;
}

int builder_add(struct builder *b, const struct graph_node *n, enum tensor_type type, int n_dims,
                const int64_t *dims, int *ret_value)
{
    if (fold_can(b, n))
        return fold_node(b, n, type, n_dims, dims, ret_value);
    int value;
    int r = builder_value(b, "", type, n_dims, dims, &value);
    if (r < 0)
        return r;
    struct graph_node node = *n;
    if (node.n_outputs == 0)
        node.n_outputs = 1;
    node.outputs[0] = value;
    r = append_node(b, &node);
    if (r < 0)
        return r;
    b->graph.values[value].producer = b->graph.n_nodes - 1;
    *ret_value = value;
    return 0;
}

int builder_unary(struct builder *b, enum graph_unary kind, float alpha, float beta, int in,
                  int *ret_value)
{
    struct graph_value v = *builder_at(b, in);
    struct graph_node n = {.op = GRAPH_UNARY,
                           .inputs = &in,
                           .n_inputs = 1,
                           .u.unary = {.kind = kind, .alpha = alpha, .beta = beta}};
    return builder_add(b, &n, v.type, v.n_dims, v.dims, ret_value);
}

int builder_reshape(struct builder *b, int in, int n_dims, const int64_t *dims, int *ret_value)
{
    struct graph_value v = *builder_at(b, in);
    if (v.is_constant) { // the same bytes
        int r = builder_value(b, "", v.type, n_dims, dims, ret_value);
        if (r < 0)
            return r;
        b->graph.values[*ret_value].constant = v.constant;
        b->graph.values[*ret_value].is_constant = true;
        return 0;
    }
    struct graph_node n = {.op = GRAPH_RESHAPE, .inputs = &in, .n_inputs = 1};
    return builder_add(b, &n, v.type, n_dims, dims, ret_value);
}

static int broadcast(struct builder *b, const struct graph_value *x, const struct graph_value *y,
                     int *ret_n, int64_t *ret_dims)
{
    int n = MAX(x->n_dims, y->n_dims);
    for (int i = 0; i < n; i++) {
        int xi = i - (n - x->n_dims);
        int yi = i - (n - y->n_dims);
        int64_t dx = xi < 0 ? 1 : x->dims[xi];
        int64_t dy = yi < 0 ? 1 : y->dims[yi];
        if (dx != dy && dx != 1 && dy != 1)
            return builder_refuse(b, ERR_MODEL, "inputs of %d and %d do not go together", (int)dx,
                                  (int)dy);
        ret_dims[i] = MAX(dx, dy);
    }
    *ret_n = n;
    return 0;
}

int builder_binary(struct builder *b, enum graph_binary kind, int x, int y, int *ret_value)
{
    struct graph_value vx = *builder_at(b, x);
    struct graph_value vy = *builder_at(b, y);
    int n_dims = 0;
    int64_t dims[TENSOR_MAX_DIMS];
    int r = broadcast(b, &vx, &vy, &n_dims, dims);
    if (r < 0)
        return r;
    int in[2] = {x, y};
    struct graph_node n = {.op = GRAPH_BINARY, .inputs = in, .n_inputs = 2, .u.binary = kind};
    enum tensor_type type = kind >= GRAPH_EQUAL ? TENSOR_BOOL : vx.type;
    return builder_add(b, &n, type, n_dims, dims, ret_value);
}

// --- the whole

static int add_inputs(struct builder *b, const struct graph_opts *opts)
{
    const struct onnx *o = b->onnx;
    int *inputs = arena_array(b->arena, int, o->n_inputs + 1);
    if (!inputs)
        return ERR_NOMEM;
    b->graph.inputs = inputs;
    for (size_t i = 0; i < o->n_inputs; i++) {
        const struct onnx_value *v = &o->inputs[i];
        if (v->type == TENSOR_TYPE_UNSET || v->type == TENSOR_OTHER)
            return err_set(ERR_UNSUPPORTED, "%s: input '%.*s' is no tensor of a known type",
                           b->name, STR_ARG(v->name));
        char *name = arena_strndup(b->arena, v->name.p, v->name.n);
        if (!name)
            return ERR_NOMEM;
        int value;
        int r =
            builder_value(b, name, v->type, opts->inputs[i].n_dims, opts->inputs[i].dims, &value);
        if (r == 0)
            r = bind_name(b, v->name, value);
        if (r < 0)
            return r;
        inputs[b->graph.n_inputs++] = value;
    }
    return 0;
}

static int add_initializers(struct builder *b)
{
    for (size_t i = 0; i < b->onnx->n_initializers; i++) {
        const struct onnx_tensor *t = &b->onnx->initializers[i];
        int value = -1;
        if (t->n_elements == 0) // Resize's empty roi
            continue;
        int r = constant_of_tensor(b, t, &value);
        if (r == 0)
            r = bind_name(b, t->name, value);
        if (r < 0)
            return r;
    }
    return 0;
}

static int find_outputs(struct builder *b, const struct graph_opts *opts)
{
    size_t n = opts->outputs ? (size_t)opts->n_outputs : b->onnx->n_outputs;
    int *outputs = arena_array(b->arena, int, n + 1);
    if (!outputs)
        return ERR_NOMEM;
    b->graph.outputs = outputs;
    for (size_t i = 0; i < n; i++) {
        struct str name = opts->outputs ? opts->outputs[i] : b->onnx->outputs[i].name;
        int value = builder_find(b, name);
        if (value < 0)
            return err_set(ERR_MODEL, "%s: nothing makes the output '%.*s'", b->name,
                           STR_ARG(name));
        outputs[b->graph.n_outputs++] = value;
    }
    if (n == 0)
        return err_set(ERR_MODEL, "%s: no outputs", b->name);
    return 0;
}

static int build(struct builder *b, const struct graph_opts *opts)
{
    if (b->onnx->n_externals > 0)
        return err_set(ERR_UNSUPPORTED, "%s: weights in a file of their own", b->name);
    int r = make_slots(b);
    if (r == 0)
        r = add_inputs(b, opts);
    if (r == 0)
        r = add_initializers(b);
    if (r == 0)
        r = import_nodes(b);
    b->at = NULL;
    if (r == 0)
        r = find_outputs(b, opts);
    if (r == 0)
        r = graph_simplify(b);
    return r;
}

int graph_create(const struct onnx *o, const struct graph_opts *opts, struct graph **ret_graph)
{
    struct builder *b = mem_new(struct builder);
    if (!b)
        return ERR_NOMEM;
    b->onnx = o;
    b->name = opts->name ? opts->name : "model";
    int r = arena_create(GRAPH_MAX_ARENA, &b->arena);
    if (r == 0)
        r = build(b, opts);
    mem_free(b->slots);
    b->slots = NULL;
    b->onnx = NULL;
    if (r < 0) {
        graph_destroy(&b->graph);
        return r;
    }
    *ret_graph = &b->graph;
    return 0;
}

void graph_destroy(struct graph *g)
{
    if (!g)
        return;
    struct builder *b = (struct builder *)g;
    mem_free(g->values);
    mem_free(g->nodes);
    arena_destroy(b->arena);
    mem_free(b);
}

const char *graph_op_name(enum graph_op op)
{
    static const char *const names[GRAPH_N_OPS] = {
        [GRAPH_OP_UNSET] = "unset",
        [GRAPH_CONV] = "conv",
        [GRAPH_MATMUL] = "matmul",
        [GRAPH_BINARY] = "binary",
        [GRAPH_UNARY] = "unary",
        [GRAPH_MAX_POOL] = "max-pool",
        [GRAPH_AVERAGE_POOL] = "average-pool",
        [GRAPH_RESIZE] = "resize",
        [GRAPH_CONCAT] = "concat",
        [GRAPH_SOFTMAX] = "softmax",
        [GRAPH_REDUCE] = "reduce",
        [GRAPH_PAD] = "pad",
        [GRAPH_GATHER] = "gather",
        [GRAPH_GATHER_ELEMENTS] = "gather-elements",
        [GRAPH_TOP_K] = "top-k",
        [GRAPH_SLICE] = "slice",
        [GRAPH_RESHAPE] = "reshape",
        [GRAPH_TRANSPOSE] = "transpose",
        [GRAPH_EXPAND] = "expand",
    };
    return names[op] ? names[op] : "unset";
}

static void describe_value(const struct graph *g, int value, struct str_buf *out)
{
    const struct graph_value *v = &g->values[value];
    str_buf_printf(out, "%s%d[", v->is_constant ? "=" : "%", value);
    for (int d = 0; d < v->n_dims; d++)
        str_buf_printf(out, "%s%d", d ? "," : "", (int)v->dims[d]);
    str_buf_putc(out, ']');
}

void graph_describe(const struct graph *g, struct str_buf *out)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct graph_node *n = &g->nodes[i];
        describe_value(g, n->outputs[0], out);
        str_buf_printf(out, " = %s", graph_op_name(n->op));
        if (n->op == GRAPH_UNARY)
            str_buf_printf(out, " %d", (int)n->u.unary.kind);
        if (n->op == GRAPH_BINARY)
            str_buf_printf(out, " %d", (int)n->u.binary);
        if (n->op == GRAPH_CONV)
            str_buf_printf(out, " %dx%d g%d act %d", (int)g->values[n->inputs[1]].dims[2],
                           (int)g->values[n->inputs[1]].dims[3], n->u.conv.groups,
                           (int)n->u.conv.activation.kind);
        for (int k = 0; k < n->n_inputs; k++) {
            str_buf_putc(out, ' ');
            describe_value(g, n->inputs[k], out);
        }
        str_buf_printf(out, "  '%s'\n", n->name);
    }
}
