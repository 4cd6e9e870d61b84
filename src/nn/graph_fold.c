// SPDX-License-Identifier: Apache-2.0
// graph_fold.c - nodes whose inputs are all known are computed once, at load: shape arithmetic,
// anchors, scales.
//
// Everything is computed in doubles: exact for the integers that shapes are, and no worse than
// floats for the rest. Rows lie without gaps, as in the file.

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/graph_priv.h"

enum {
    FOLD_MAX_OUTPUT = 1 << 22, // larger ones are left to the run
};

struct fold {
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    int64_t n;
    bool is_integer;
    const struct graph_value *in[GRAPH_MAX_INPUTS];
    double *src[GRAPH_MAX_INPUTS];
    double *dst;
};

static bool is_integer(enum tensor_type type)
{
    return type != TENSOR_FLOAT32 && type != TENSOR_FLOAT16 && type != TENSOR_FLOAT64;
}

bool fold_can(const struct builder *b, const struct graph_node *n)
{
    switch (n->op) {
    case GRAPH_BINARY:
    case GRAPH_UNARY:
    case GRAPH_CONCAT:
    case GRAPH_SLICE:
    case GRAPH_TRANSPOSE:
    case GRAPH_EXPAND:
    case GRAPH_GATHER:
    case GRAPH_REDUCE:
        break;
    default:
        return false;
    }
    for (int i = 0; i < n->n_inputs; i++) {
        const struct graph_value *v = builder_at(b, n->inputs[i]);
        if (!v->is_constant || v->n_elements > FOLD_MAX_OUTPUT)
            return false;
    }
    return n->n_inputs > 0 && n->n_inputs <= GRAPH_MAX_INPUTS;
}

static void strides_of(int n_dims, const int64_t *dims, int64_t *ret_strides)
{
    int64_t s = 1;
    for (int i = n_dims - 1; i >= 0; i--) {
        ret_strides[i] = s;
        s *= dims[i];
    }
}

// dst, rows without gaps, from src by strides.
static void gather_strided(const struct fold *f, const double *src, const int64_t *strides,
                           double *dst)
{
    int64_t at[TENSOR_MAX_DIMS] = {0};
    int64_t offset = 0;
    for (int64_t i = 0; i < f->n; i++) {
        dst[i] = src[offset];
        for (int d = f->n_dims - 1; d >= 0; d--) {
            offset += strides[d];
            if (++at[d] < f->dims[d])
                break;
            offset -= strides[d] * f->dims[d];
            at[d] = 0;
        }
    }
}

// Dimensions of 1 stand still.
static void expand_from(const struct fold *f, int input, double *dst)
{
    const struct graph_value *v = f->in[input];
    int64_t own[TENSOR_MAX_DIMS];
    int64_t strides[TENSOR_MAX_DIMS] = {0};
    strides_of(v->n_dims, v->dims, own);
    for (int d = 0; d < v->n_dims; d++)
        strides[d + f->n_dims - v->n_dims] = v->dims[d] == 1 ? 0 : own[d];
    gather_strided(f, f->src[input], strides, dst);
}

static double divide(double x, double y, bool integer)
{
    return integer ? (y != 0 ? trunc(x / y) : 0) : x / y;
}

static double modulo(double x, double y)
{
    return y != 0 ? x - y * floor(x / y) : 0;
}

static double binary_of(enum graph_binary kind, double x, double y, bool integer)
{
    switch (kind) {
    case GRAPH_ADD:
        return x + y;
    case GRAPH_SUB:
        return x - y;
    case GRAPH_MUL:
        return x * y;
    case GRAPH_DIV:
        return divide(x, y, integer);
    case GRAPH_POW:
        return pow(x, y);
    case GRAPH_MIN:
        return fmin(x, y);
    case GRAPH_MAX:
        return fmax(x, y);
    case GRAPH_MOD:
        return modulo(x, y);
    case GRAPH_KEEP:
        return y != 0 ? x : 0;
    case GRAPH_EQUAL:
        return x == y;
    case GRAPH_LESS:
        return x < y;
    case GRAPH_GREATER:
        return x > y;
    }
    return NAN;
}

static double unary_of(struct graph_activation a, double v)
{
    switch (a.kind) {
    case GRAPH_IDENTITY:
        return v;
    case GRAPH_RELU:
        return fmax(v, 0);
    case GRAPH_CLIP:
        return fmin(fmax(v, (double)a.alpha), (double)a.beta);
    case GRAPH_LEAKY:
        return v < 0 ? v * (double)a.alpha : v;
    case GRAPH_SIGMOID:
        return 1 / (1 + exp(-v));
    case GRAPH_SILU:
        return v / (1 + exp(-v));
    case GRAPH_HARD_SIGMOID:
        return fmin(fmax(v * (double)a.alpha + (double)a.beta, 0), 1);
    case GRAPH_HARD_SWISH:
        return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    case GRAPH_TANH:
        return tanh(v);
    case GRAPH_EXP:
        return exp(v);
    case GRAPH_LOG:
        return log(v);
    case GRAPH_SQRT:
        return sqrt(v);
    case GRAPH_ABS:
        return fabs(v);
    case GRAPH_NEG:
        return -v;
    case GRAPH_FLOOR:
        return floor(v);
    case GRAPH_CEIL:
        return ceil(v);
    case GRAPH_ROUND:
        return nearbyint(v);
    case GRAPH_TRUNCATE:
        return trunc(v);
    case GRAPH_RECIPROCAL:
        return 1 / v;
    case GRAPH_ERF:
        return erf(v);
    case GRAPH_NOT:
        return v == 0;
    }
    return NAN;
}

static int fold_binary(struct fold *f, const struct graph_node *n)
{
    double *right = mem_array(double, (size_t)f->n);
    if (!right)
        return ERR_NOMEM;
    expand_from(f, 0, f->dst);
    expand_from(f, 1, right);
    bool integer = is_integer(f->in[0]->type);
    for (int64_t i = 0; i < f->n; i++)
        f->dst[i] = binary_of(n->u.binary, f->dst[i], right[i], integer);
    mem_free(right);
    return 0;
}

static void fold_concat(struct fold *f, const struct graph_node *n)
{
    int64_t inner = 1;
    for (int d = n->u.axis + 1; d < f->n_dims; d++)
        inner *= f->dims[d];
    int64_t row = f->dims[n->u.axis] * inner;
    int64_t column = 0;
    for (int k = 0; k < n->n_inputs; k++) {
        int64_t part = f->in[k]->dims[n->u.axis] * inner;
        for (int64_t o = 0; o * row < f->n; o++)
            memcpy(f->dst + o * row + column, f->src[k] + o * part, (size_t)part * sizeof(double));
        column += part;
    }
}

static void fold_slice(struct fold *f, const struct graph_node *n)
{
    int64_t strides[TENSOR_MAX_DIMS];
    strides_of(f->in[0]->n_dims, f->in[0]->dims, strides);
    int64_t offset = 0;
    for (int d = 0; d < f->n_dims; d++) {
        offset += n->u.slice.start[d] * strides[d];
        strides[d] *= n->u.slice.step[d];
    }
    gather_strided(f, f->src[0] + offset, strides, f->dst);
}

static void fold_transpose(struct fold *f, const struct graph_node *n)
{
    int64_t own[TENSOR_MAX_DIMS];
    int64_t strides[TENSOR_MAX_DIMS];
    strides_of(f->in[0]->n_dims, f->in[0]->dims, own);
    for (int d = 0; d < f->n_dims; d++)
        strides[d] = own[n->u.perm[d]];
    gather_strided(f, f->src[0], strides, f->dst);
}

static int fold_gather(struct fold *f, const struct graph_node *n)
{
    int axis = n->u.axis;
    int64_t inner = 1;
    for (int d = axis + 1; d < f->in[0]->n_dims; d++)
        inner *= f->in[0]->dims[d];
    int64_t size = f->in[0]->dims[axis];
    int64_t picks = f->in[1]->n_elements;
    for (int64_t o = 0; o * picks * inner < f->n; o++) {
        for (int64_t p = 0; p < picks; p++) {
            double at = f->src[1][p] < 0 ? f->src[1][p] + (double)size : f->src[1][p];
            if (!(at >= 0 && at < (double)size))
                return ERR_MODEL;
            memcpy(f->dst + (o * picks + p) * inner, f->src[0] + (o * size + (int64_t)at) * inner,
                   (size_t)inner * sizeof(double));
        }
    }
    return 0;
}

static double reduce_start(enum graph_reduce kind)
{
    return kind == GRAPH_REDUCE_MAX ? -INFINITY : kind == GRAPH_REDUCE_MIN ? INFINITY : 0;
}

static void fold_reduce(struct fold *f, const struct graph_node *n)
{
    const struct graph_value *v = f->in[0];
    int64_t strides[TENSOR_MAX_DIMS]; // of the result, with dimensions of 1 for those reduced
    int64_t s = 1;
    for (int d = v->n_dims - 1; d >= 0; d--) {
        bool gone = n->u.reduce.axes >> d & 1;
        strides[d] = gone ? 0 : s;
        s *= gone ? 1 : v->dims[d];
    }
    for (int64_t i = 0; i < f->n; i++)
        f->dst[i] = reduce_start(n->u.reduce.kind);
    for (int64_t i = 0; i < v->n_elements; i++) {
        int64_t rest = i;
        int64_t to = 0;
        for (int d = v->n_dims - 1; d >= 0; d--) {
            to += rest % v->dims[d] * strides[d];
            rest /= v->dims[d];
        }
        enum graph_binary how = n->u.reduce.kind == GRAPH_REDUCE_MAX   ? GRAPH_MAX
                                : n->u.reduce.kind == GRAPH_REDUCE_MIN ? GRAPH_MIN
                                                                       : GRAPH_ADD;
        f->dst[to] = binary_of(how, f->dst[to], f->src[0][i], false);
    }
    for (int64_t i = 0; n->u.reduce.kind == GRAPH_REDUCE_MEAN && i < f->n; i++)
        f->dst[i] /= (double)v->n_elements / (double)f->n;
}

static int compute(struct fold *f, const struct graph_node *n)
{
    switch (n->op) {
    case GRAPH_BINARY:
        return fold_binary(f, n);
    case GRAPH_UNARY:
        for (int64_t i = 0; i < f->n; i++)
            f->dst[i] = unary_of(n->u.unary, f->src[0][i]);
        return 0;
    case GRAPH_CONCAT:
        fold_concat(f, n);
        return 0;
    case GRAPH_SLICE:
        fold_slice(f, n);
        return 0;
    case GRAPH_TRANSPOSE:
        fold_transpose(f, n);
        return 0;
    case GRAPH_EXPAND:
        expand_from(f, 0, f->dst);
        return 0;
    case GRAPH_GATHER:
        return fold_gather(f, n);
    case GRAPH_REDUCE:
        fold_reduce(f, n);
        return 0;
    default:
        return ERR_INTERNAL; // fold_can()
    }
}

static int keep_ints(struct builder *b, const struct fold *f, int *ret_value)
{
    int64_t *ints = mem_array(int64_t, (size_t)f->n);
    if (!ints)
        return ERR_NOMEM;
    for (int64_t i = 0; i < f->n; i++)
        ints[i] = fabs(f->dst[i]) < 0x1p62 ? (int64_t)f->dst[i]
                  : f->dst[i] > 0          ? INT64_MAX
                                           : INT64_MIN;
    int r = builder_ints(b, f->n_dims, f->dims, ints, ret_value);
    mem_free(ints);
    return r;
}

static int keep_floats(struct builder *b, const struct fold *f, int *ret_value)
{
    float *floats = mem_array(float, (size_t)f->n);
    if (!floats)
        return ERR_NOMEM;
    for (int64_t i = 0; i < f->n; i++)
        floats[i] = (float)f->dst[i];
    int r = builder_floats(b, f->n_dims, f->dims, floats, ret_value);
    mem_free(floats);
    return r;
}

static int load(struct builder *b, struct fold *f, const struct graph_node *n)
{
    f->n = 1;
    for (int i = 0; i < f->n_dims; i++) {
        if (f->dims[i] < 1 || f->dims[i] > FOLD_MAX_OUTPUT / f->n)
            return builder_refuse(b, ERR_UNSUPPORTED, "a constant of an impossible size");
        f->n *= f->dims[i];
    }
    b->n_folded += f->n;
    for (int i = 0; i < n->n_inputs; i++)
        b->n_folded += builder_at(b, n->inputs[i])->n_elements;
    if (b->n_folded > GRAPH_MAX_FOLDED)
        return builder_refuse(b, ERR_TOO_BIG, "more than %d numbers to compute at load",
                              GRAPH_MAX_FOLDED);
    f->dst = mem_array(double, (size_t)f->n);
    if (!f->dst)
        return ERR_NOMEM;
    for (int i = 0; i < n->n_inputs; i++) {
        f->in[i] = builder_at(b, n->inputs[i]);
        f->src[i] = mem_array(double, (size_t)f->in[i]->n_elements);
        if (!f->src[i])
            return ERR_NOMEM;
        constant_doubles(f->in[i], f->src[i]);
    }
    return 0;
}

int fold_node(struct builder *b, const struct graph_node *n, enum tensor_type type, int n_dims,
              const int64_t *dims, int *ret_value)
{
    if (n_dims > TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "a value with %d dimensions", n_dims);
    struct fold *f = mem_new(struct fold);
    if (!f)
        return ERR_NOMEM;
    f->n_dims = n_dims;
    f->is_integer = is_integer(type);
    memcpy(f->dims, dims, (size_t)n_dims * sizeof(dims[0]));
    int r = load(b, f, n);
    if (r == 0) {
        r = compute(f, n);
        if (r == ERR_MODEL)
            r = builder_refuse(b, ERR_MODEL, "an index is outside its list");
    }
    if (r == 0)
        r = f->is_integer ? keep_ints(b, f, ret_value) : keep_floats(b, f, ret_value);
    for (int i = 0; i < n->n_inputs; i++)
        mem_free(f->src[i]);
    mem_free(f->dst);
    mem_free(f);
    if (r == 0)
        b->graph.values[*ret_value].type = type;
    return r;
}
