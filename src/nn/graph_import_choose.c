// SPDX-License-Identifier: Apache-2.0
// graph_import_choose.c - the operators that choose numbers by others: gathers, the largest, and
// what is true.
//
// What is true is 1, else 0. A choice between two is the sum of what is kept of each.

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/graph_priv.h"

enum {
    MAX_EXACT = 1 << 24, // indices are computed as floats
};

// --- by indices

// One index is a part of length 1; indices in a row are a part.
static int gather_known(struct builder *b, int in, int axis, const struct known_ints *k,
                        int *ret_value)
{
    int64_t size = builder_at(b, in)->dims[axis];
    int64_t first = k->v[0] < 0 ? k->v[0] + size : k->v[0];
    for (int i = 0; i < k->n; i++) {
        int64_t at = k->v[i] < 0 ? k->v[i] + size : k->v[i];
        if (at < 0 || at >= size)
            return builder_refuse(b, ERR_MODEL, "an index outside %d", (int)size);
        if (at != first + i)
            return ERR_AGAIN; // no row
    }
    return import_slice_axis(b, in, axis, first, k->n, 1, ret_value);
}

// Indices of any shape along one axis.
static int gather_axis(struct builder *b, int in, int by, int axis, int *ret_value)
{
    struct graph_value v = *builder_at(b, in);
    struct graph_value index = *builder_at(b, by);
    int64_t dims[2 * TENSOR_MAX_DIMS];
    int rank = v.n_dims - 1 + index.n_dims;
    if (rank > TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "to %d dimensions", rank);
    memcpy(dims, v.dims, (size_t)axis * sizeof(dims[0]));
    memcpy(dims + axis, index.dims, (size_t)index.n_dims * sizeof(dims[0]));
    memcpy(dims + axis + index.n_dims, v.dims + axis + 1,
           (size_t)(v.n_dims - 1 - axis) * sizeof(dims[0]));
    struct known_ints k;
    if (!v.is_constant && index.is_constant && index.n_elements <= (int64_t)ARRAY_LEN(k.v)) {
        int out;
        int r = constant_ints(b, by, "the indices", &k);
        if (r == 0)
            r = gather_known(b, in, axis, &k, &out);
        if (r == 0)
            return builder_reshape(b, out, rank, dims, ret_value);
        if (r != ERR_AGAIN)
            return r;
    }
    struct graph_node node = {
        .op = GRAPH_GATHER, .inputs = (int[2]){in, by}, .n_inputs = 2, .u.axis = axis};
    return builder_add(b, &node, v.type, rank, dims, ret_value);
}

static int import_gather(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int axis;
    int out;
    int r = import_axis(b, import_int(n, "axis", 0), builder_at(b, in[0])->n_dims, &axis);
    if (r == 0)
        r = gather_axis(b, in[0], in[1], axis, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_gather_elements(struct builder *b, const struct onnx_node *n, const int *in,
                                  int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct graph_value index = *builder_at(b, in[1]);
    int axis;
    int r = import_axis(b, import_int(n, "axis", 0), v.n_dims, &axis);
    if (r < 0)
        return r;
    for (int d = 0; d < v.n_dims; d++) {
        if (index.n_dims != v.n_dims || (d != axis && index.dims[d] > v.dims[d]))
            return builder_refuse(b, ERR_MODEL, "indices of another shape");
    }
    struct graph_node node = {
        .op = GRAPH_GATHER_ELEMENTS, .inputs = in, .n_inputs = 2, .u.axis = axis};
    int out;
    r = builder_add(b, &node, v.type, index.n_dims, index.dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// Below 0 the first, beyond *size* the last, as gathers along an axis have it.
static int clamp_index(struct builder *b, int index, int64_t size, int *ret_value)
{
    int limit;
    int r = builder_ints(b, 0, NULL, &(int64_t){0}, &limit);
    if (r == 0)
        r = builder_binary(b, GRAPH_MAX, index, limit, &index);
    if (r == 0)
        r = builder_ints(b, 0, NULL, &(int64_t){size - 1}, &limit);
    return r < 0 ? r : builder_binary(b, GRAPH_MIN, index, limit, ret_value);
}

// Column *column* of the lists of indices, counted from the front: *size* is added below 0.
static int index_column(struct builder *b, int indices, int column, int64_t size, int *ret_value)
{
    struct graph_value v = *builder_at(b, indices);
    int x;
    int less;
    int zero;
    int r = import_slice_axis(b, indices, v.n_dims - 1, column, 1, 1, &x);
    if (r == 0)
        r = builder_reshape(b, x, v.n_dims - 1, v.dims, &x);
    if (r == 0)
        r = builder_ints(b, 0, NULL, &(int64_t){0}, &zero);
    if (r == 0)
        r = builder_binary(b, GRAPH_LESS, x, zero, &less);
    if (r == 0)
        r = builder_ints(b, 0, NULL, &size, &zero);
    if (r == 0)
        r = builder_binary(b, GRAPH_MUL, less, zero, &less);
    if (r == 0)
        r = builder_binary(b, GRAPH_ADD, x, less, &x);
    return r < 0 ? r : clamp_index(b, x, size, ret_value);
}

// Lists that are known are held to their dimensions: flattened, a wrong one would be another's.
static int check_lists(struct builder *b, const struct graph_value *v, int indices, int64_t depth)
{
    const struct graph_value *lists = builder_at(b, indices);
    if (!lists->is_constant)
        return 0;
    double *at = mem_array(double, (size_t)MAX(lists->n_elements, 1));
    if (!at)
        return ERR_NOMEM;
    constant_doubles(lists, at);
    int64_t wrong = -1;
    for (int64_t i = 0; i < lists->n_elements && wrong < 0; i++) {
        double size = (double)v->dims[i % depth];
        if (!(at[i] >= -size && at[i] < size))
            wrong = i % depth;
    }
    mem_free(at);
    return wrong < 0 ? 0 : builder_refuse(b, ERR_MODEL, "an index outside %d", (int)v->dims[wrong]);
}

// The place in the first *depth* dimensions, seen as one list. Those of 1 say nothing.
static int flat_index(struct builder *b, const struct graph_value *v, int indices, int depth,
                      int *ret_value)
{
    int64_t stride = 1;
    int sum = -1;
    for (int d = depth - 1; d >= 0; d--) {
        int x;
        int k;
        if (v->dims[d] == 1 && (d > 0 || sum >= 0))
            continue;
        int r = index_column(b, indices, d, v->dims[d], &x);
        if (r == 0)
            r = builder_ints(b, 0, NULL, &stride, &k);
        if (r == 0 && stride > 1)
            r = builder_binary(b, GRAPH_MUL, x, k, &x);
        if (r == 0 && sum >= 0)
            r = builder_binary(b, GRAPH_ADD, x, sum, &x);
        if (r < 0)
            return r;
        sum = x;
        stride *= v->dims[d];
    }
    *ret_value = sum;
    return 0;
}

// One gather from the leading dimensions as one list.
static int import_gather_nd(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct graph_value index = *builder_at(b, in[1]);
    int64_t depth = index.n_dims > 0 ? index.dims[index.n_dims - 1] : 0;
    if (import_int(n, "batch_dims", 0) != 0)
        return builder_refuse(b, ERR_UNSUPPORTED, "batch_dims");
    if (depth < 1 || depth > v.n_dims)
        return builder_refuse(b, ERR_MODEL, "lists of indices that do not fit %d dimensions",
                              v.n_dims);
    int64_t dims[TENSOR_MAX_DIMS] = {1};
    for (int d = 0; d < depth; d++)
        dims[0] *= v.dims[d];
    if (dims[0] > MAX_EXACT)
        return builder_refuse(b, ERR_UNSUPPORTED, "a list of more than %d", MAX_EXACT);
    memcpy(dims + 1, v.dims + depth, (size_t)(v.n_dims - depth) * sizeof(dims[0]));
    int x;
    int at;
    int r = check_lists(b, &v, in[1], depth);
    if (r == 0)
        r = builder_reshape(b, in[0], v.n_dims - (int)depth + 1, dims, &x);
    if (r == 0)
        r = flat_index(b, &v, in[1], (int)depth, &at);
    if (r == 0)
        r = gather_axis(b, x, at, 0, &x);
    return r < 0 ? r : builder_bind(b, n, 0, x);
}

// --- the largest

static int add_top_k(struct builder *b, int in, int axis, int64_t k, bool smallest, int *ret_values,
                     int *ret_indices)
{
    struct graph_value v = *builder_at(b, in);
    if (k < 1 || k > v.dims[axis])
        return builder_refuse(b, ERR_MODEL, "k does not fit %d", (int)v.dims[axis]);
    v.dims[axis] = k;
    int r = builder_value(b, "", TENSOR_INT64, v.n_dims, v.dims, ret_indices);
    if (r < 0)
        return r;
    struct graph_node node = {.op = GRAPH_TOP_K, .inputs = &in, .n_inputs = 1, .n_outputs = 2};
    node.u.top_k.axis = axis;
    node.u.top_k.smallest = smallest;
    node.outputs[1] = *ret_indices;
    r = builder_add(b, &node, v.type, v.n_dims, v.dims, ret_values);
    if (r == 0)
        b->graph.values[*ret_indices].producer = b->graph.n_nodes - 1;
    return r;
}

static int import_top_k(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct known_ints k;
    int axis;
    int values;
    int indices;
    int r = import_axis(b, import_int(n, "axis", -1), builder_at(b, in[0])->n_dims, &axis);
    if (r == 0)
        r = import_ints(b, n, "k", n_in > 1 ? in[1] : -1, &k);
    if (r < 0)
        return r;
    if (k.n != 1)
        return builder_refuse(b, ERR_MODEL, "k is not one number");
    r = add_top_k(b, in[0], axis, k.v[0], import_int(n, "largest", 1) == 0, &values, &indices);
    if (r == 0)
        r = builder_bind(b, n, 0, values);
    return r < 0 ? r : builder_bind(b, n, 1, indices);
}

// ArgMax and ArgMin: of equal ones the first, as TopK has it.
static int import_arg(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    if (import_int(n, "select_last_index", 0))
        return builder_refuse(b, ERR_UNSUPPORTED, "select_last_index");
    struct graph_value v = *builder_at(b, in[0]);
    int axis;
    int values;
    int out;
    int r = import_axis(b, import_int(n, "axis", 0), v.n_dims, &axis);
    if (r == 0)
        r = add_top_k(b, in[0], axis, 1, str_is(n->op, "ArgMin"), &values, &out);
    if (r == 0 && !import_int(n, "keepdims", 1)) {
        for (int d = axis; d + 1 < v.n_dims; d++)
            v.dims[d] = v.dims[d + 1];
        r = builder_reshape(b, out, v.n_dims - 1, v.dims, &out);
    }
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// --- what is true

static int import_or(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int out;
    int r = builder_binary(b, str_is(n->op, "And") ? GRAPH_MIN : GRAPH_MAX, in[0], in[1], &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_xor(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int out;
    int r = builder_binary(b, GRAPH_EQUAL, in[0], in[1], &out);
    if (r == 0)
        r = builder_unary(b, GRAPH_NOT, 0, 0, out, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// LessOrEqual and GreaterOrEqual: nothing of this is true of what is not a number.
static int import_or_equal(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    bool less = str_is(n->op, "LessOrEqual");
    int apart;
    int out;
    int r = builder_binary(b, less ? GRAPH_LESS : GRAPH_GREATER, in[0], in[1], &apart);
    if (r == 0)
        r = builder_binary(b, GRAPH_EQUAL, in[0], in[1], &out);
    if (r == 0)
        r = builder_binary(b, GRAPH_MAX, apart, out, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_where(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int no;
    int x;
    int y;
    int r = builder_unary(b, GRAPH_NOT, 0, 0, in[0], &no);
    if (r == 0)
        r = builder_binary(b, GRAPH_KEEP, in[1], in[0], &x);
    if (r == 0)
        r = builder_binary(b, GRAPH_KEEP, in[2], no, &y);
    if (r == 0)
        r = builder_binary(b, GRAPH_ADD, x, y, &x);
    return r < 0 ? r : builder_bind(b, n, 0, x);
}

// clang-format off
const struct import_row import_choose[] = {
    {"And",            import_or,              2, false},
    {"ArgMax",         import_arg,             1, false},
    {"ArgMin",         import_arg,             1, false},
    {"Gather",         import_gather,          2, false},
    {"GatherElements", import_gather_elements, 2, false},
    {"GatherND",       import_gather_nd,       2, false},
    {"GreaterOrEqual", import_or_equal,        2, false},
    {"LessOrEqual",    import_or_equal,        2, false},
    {"Or",             import_or,              2, false},
    {"TopK",           import_top_k,           1, false},
    {"Where",          import_where,           3, false},
    {"Xor",            import_xor,             2, false},
    {0},
};
// clang-format on
