// SPDX-License-Identifier: Apache-2.0
// graph_import_compute.c - the operators that compute: convolutions, products, pools, arithmetic.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "nn/graph_priv.h"

// --- windows: convolutions and pools

struct window {
    int kernel[2], stride[2], pad[4], dilation[2];
    int64_t out[2];
};

static int two_ints(struct builder *b, const struct onnx_node *n, const char *name, int unset,
                    int max, int *ret_ints)
{
    struct known_ints k;
    int r = import_ints(b, n, name, -1, &k);
    if (r < 0)
        return r;
    if (k.n >= 0 && k.n != 2)
        return builder_refuse(b, ERR_UNSUPPORTED, "%s in %d dimensions", name, k.n);
    for (int i = 0; i < 2; i++) {
        int64_t v = k.n < 0 ? unset : k.v[i];
        if (v < 1 || v > max)
            return builder_refuse(b, ERR_MODEL, "%s %d", name, (int)MAX(MIN(v, 9999999), -1));
        ret_ints[i] = (int)v;
    }
    return 0;
}

static void pad_same(const struct graph_value *v, struct window *w, bool upper)
{
    for (int i = 0; i < 2; i++) {
        int64_t in = v->dims[2 + i];
        int64_t out = (in + w->stride[i] - 1) / w->stride[i];
        int64_t need = (out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - in;
        int pad = (int)MAX(need, 0);
        w->pad[i] = upper ? pad / 2 : pad - pad / 2;
        w->pad[2 + i] = pad - w->pad[i];
    }
}

static int read_pads(struct builder *b, const struct onnx_node *n, const struct graph_value *v,
                     struct window *w)
{
    if (import_text_is(n, "auto_pad", "SAME_UPPER") ||
        import_text_is(n, "auto_pad", "SAME_LOWER")) {
        pad_same(v, w, import_text_is(n, "auto_pad", "SAME_UPPER"));
        return 0;
    }
    struct known_ints k;
    int r = import_ints(b, n, "pads", -1, &k);
    if (r < 0)
        return r;
    if (k.n >= 0 && k.n != 4)
        return builder_refuse(b, ERR_UNSUPPORTED, "%d pads", k.n);
    for (int i = 0; i < 4 && k.n == 4 && !import_text_is(n, "auto_pad", "VALID"); i++) {
        if (k.v[i] < 0 || k.v[i] > 1024)
            return builder_refuse(b, ERR_UNSUPPORTED, "a pad outside 0..1024");
        w->pad[i] = (int)k.v[i];
    }
    return 0;
}

// *w* has its kernel where the attributes need not say it.
static int read_window(struct builder *b, const struct onnx_node *n, const struct graph_value *v,
                       struct window *w)
{
    if (v->n_dims != 4)
        return builder_refuse(b, ERR_UNSUPPORTED, "in %d dimensions", v->n_dims);
    int r = two_ints(b, n, "strides", 1, 64, w->stride);
    if (r == 0)
        r = two_ints(b, n, "dilations", 1, 64, w->dilation);
    if (r == 0)
        r = read_pads(b, n, v, w);
    if (r < 0)
        return r;
    bool up = import_int(n, "ceil_mode", 0) != 0;
    for (int i = 0; i < 2; i++) {
        int64_t room = v->dims[2 + i] + w->pad[i] + w->pad[2 + i] -
                       ((int64_t)(w->kernel[i] - 1) * w->dilation[i] + 1);
        if (room < 0)
            return builder_refuse(b, ERR_MODEL, "a window larger than its input");
        w->out[i] = (room + (up ? w->stride[i] - 1 : 0)) / w->stride[i] + 1;
        // The last window must begin inside the input or its leading pad.
        if (up && (w->out[i] - 1) * w->stride[i] >= v->dims[2 + i] + w->pad[i])
            w->out[i]--;
    }
    return 0;
}

static int check_conv(struct builder *b, const struct onnx_node *n, const struct graph_value *v,
                      const struct graph_value *w, int64_t *ret_groups)
{
    if (w->n_dims != 4 || v->n_dims != 4)
        return builder_refuse(b, ERR_UNSUPPORTED, "a convolution in %d dimensions", v->n_dims - 2);
    if (!w->is_constant)
        return builder_refuse(b, ERR_UNSUPPORTED, "weights that are computed");
    int64_t groups = import_int(n, "group", 1);
    if (groups < 1 || groups > v->dims[1] || v->dims[1] % groups || w->dims[0] % groups ||
        w->dims[1] != v->dims[1] / groups)
        return builder_refuse(b, ERR_MODEL, "weights do not fit %d channels", (int)v->dims[1]);
    if (w->dims[2] > 64 || w->dims[3] > 64)
        return builder_refuse(b, ERR_UNSUPPORTED, "a filter larger than 64");
    *ret_groups = groups;
    return 0;
}

static int channel_floats(struct builder *b, int value, int64_t channels, const char *what,
                          const float **ret_floats)
{
    const struct graph_value *v = builder_at(b, value);
    if (!v->is_constant)
        return builder_refuse(b, ERR_UNSUPPORTED, "%s that is computed", what);
    if (v->n_elements != channels && v->n_elements != 1)
        return builder_refuse(b, ERR_MODEL, "%s of %d numbers for %d channels", what,
                              (int)v->n_elements, (int)channels);
    float *floats = arena_array(b->arena, float, (size_t)channels);
    if (!floats)
        return ERR_NOMEM;
    graph_constant_floats(v, floats);
    for (int64_t i = 1; i < channels && v->n_elements == 1; i++)
        floats[i] = floats[0];
    *ret_floats = floats;
    return 0;
}

// *zero_point* is the weights', -1: none.
static int add_conv(struct builder *b, const struct onnx_node *n, int in, int weights, int bias,
                    int zero_point)
{
    struct graph_value v = *builder_at(b, in);
    struct graph_value w = *builder_at(b, weights);
    int64_t groups = 1;
    int r = check_conv(b, n, &v, &w, &groups);
    if (r < 0)
        return r;
    struct window win = {.kernel = {(int)w.dims[2], (int)w.dims[3]}};
    r = read_window(b, n, &v, &win);
    if (r < 0)
        return r;
    struct graph_conv c = {.groups = (int)groups};
    memcpy(c.stride, win.stride, sizeof(c.stride));
    memcpy(c.pad, win.pad, sizeof(c.pad));
    memcpy(c.dilation, win.dilation, sizeof(c.dilation));
    if (bias >= 0)
        r = channel_floats(b, bias, w.dims[0], "a bias", &c.bias);
    if (r == 0 && zero_point >= 0)
        r = channel_floats(b, zero_point, w.dims[0], "a zero point", &c.zero_point);
    if (r < 0)
        return r;
    int inputs[2] = {in, weights};
    struct graph_node node = {.op = GRAPH_CONV, .inputs = inputs, .n_inputs = 2, .u.conv = c};
    int64_t dims[4] = {v.dims[0], w.dims[0], win.out[0], win.out[1]};
    int out;
    r = builder_add(b, &node, v.type, 4, dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_conv(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    return add_conv(b, n, in[0], in[1], n_in > 2 ? in[2] : -1, -1);
}

// x was not quantised (see import_dynamic_quantize()), so its zero point is none of ours.
static int import_conv_integer(struct builder *b, const struct onnx_node *n, const int *in,
                               int n_in)
{
    return add_conv(b, n, in[0], in[1], -1, n_in > 3 ? in[3] : -1);
}

static int add_pool(struct builder *b, const struct onnx_node *n, int in, enum graph_op op)
{
    struct graph_value v = *builder_at(b, in);
    struct window w = {0};
    int r = two_ints(b, n, "kernel_shape", 0, 1024, w.kernel);
    if (r == 0)
        r = read_window(b, n, &v, &w);
    if (r < 0)
        return r;
    if (w.dilation[0] != 1 || w.dilation[1] != 1)
        return builder_refuse(b, ERR_UNSUPPORTED, "a pool with dilations");
    if (n->n_outputs > 1)
        return builder_refuse(b, ERR_UNSUPPORTED, "indices of a pool");
    for (int i = 0; i < 4; i++) { // every window reaches into the picture
        if (w.pad[i] >= w.kernel[i % 2])
            return builder_refuse(b, ERR_UNSUPPORTED, "a pad as large as its window");
    }
    struct graph_node node = {.op = op, .inputs = &in, .n_inputs = 1};
    memcpy(node.u.pool.kernel, w.kernel, sizeof(w.kernel));
    memcpy(node.u.pool.stride, w.stride, sizeof(w.stride));
    memcpy(node.u.pool.pad, w.pad, sizeof(w.pad));
    node.u.pool.counts_padding = import_int(n, "count_include_pad", 0) != 0;
    if (node.u.pool.counts_padding && import_int(n, "ceil_mode", 0))
        return builder_refuse(b, ERR_UNSUPPORTED, "count_include_pad with ceil_mode");
    int64_t dims[4] = {v.dims[0], v.dims[1], w.out[0], w.out[1]};
    int out;
    r = builder_add(b, &node, v.type, 4, dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_max_pool(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    return add_pool(b, n, in[0], GRAPH_MAX_POOL);
}

static int import_average_pool(struct builder *b, const struct onnx_node *n, const int *in,
                               int n_in)
{
    return add_pool(b, n, in[0], GRAPH_AVERAGE_POOL);
}

// --- products

static int add_matmul(struct builder *b, int x, int y, int *ret_value)
{
    struct graph_value vx = *builder_at(b, x);
    struct graph_value vy = *builder_at(b, y);
    if (vx.n_dims < 2 || vy.n_dims < 2)
        return builder_refuse(b, ERR_UNSUPPORTED, "a product with a vector");
    int64_t k = vx.dims[vx.n_dims - 1];
    if (k != vy.dims[vy.n_dims - 2])
        return builder_refuse(b, ERR_MODEL, "a product of %d columns and %d rows", (int)k,
                              (int)vy.dims[vy.n_dims - 2]);
    int n_dims = MAX(vx.n_dims, vy.n_dims);
    int64_t dims[TENSOR_MAX_DIMS];
    for (int i = 0; i < n_dims - 2; i++) {
        int xi = i - (n_dims - vx.n_dims);
        int yi = i - (n_dims - vy.n_dims);
        int64_t dx = xi < 0 ? 1 : vx.dims[xi];
        int64_t dy = yi < 0 ? 1 : vy.dims[yi];
        if (dx != dy && dx != 1 && dy != 1)
            return builder_refuse(b, ERR_MODEL, "batches of %d and %d", (int)dx, (int)dy);
        dims[i] = MAX(dx, dy);
    }
    dims[n_dims - 2] = vx.dims[vx.n_dims - 2];
    dims[n_dims - 1] = vy.dims[vy.n_dims - 1];
    int in[2] = {x, y};
    struct graph_node node = {.op = GRAPH_MATMUL, .inputs = in, .n_inputs = 2};
    return builder_add(b, &node, vx.type, n_dims, dims, ret_value);
}

static int import_matmul(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int out;
    int r = add_matmul(b, in[0], in[1], &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_matmul_integer(struct builder *b, const struct onnx_node *n, const int *in,
                                 int n_in)
{
    int y = in[1];
    int r = 0;
    if (n_in > 3 && in[3] >= 0 && builder_at(b, y)->is_constant) {
        r = builder_unary(b, GRAPH_IDENTITY, 0, 0, y, &y);
        if (r == 0) {
            b->graph.values[y].type = TENSOR_FLOAT32;
            r = builder_binary(b, GRAPH_SUB, y, in[3], &y);
        }
    }
    int out;
    if (r == 0)
        r = add_matmul(b, in[0], y, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// --- arithmetic

static const struct {
    const char *op;
    int kind;
} binaries[] = {
    {"Add", GRAPH_ADD},   {"Div", GRAPH_DIV}, {"Equal", GRAPH_EQUAL}, {"Greater", GRAPH_GREATER},
    {"Less", GRAPH_LESS}, {"Max", GRAPH_MAX}, {"Min", GRAPH_MIN},     {"Mod", GRAPH_MOD},
    {"Mul", GRAPH_MUL},   {"Pow", GRAPH_POW}, {"Sub", GRAPH_SUB},
};

static int import_binary(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    for (size_t i = 0; i < ARRAY_LEN(binaries); i++) {
        if (!str_is(n->op, binaries[i].op))
            continue;
        if (n_in != 2)
            return builder_refuse(b, ERR_UNSUPPORTED, "%d inputs", n_in);
        int out;
        int r = builder_binary(b, (enum graph_binary)binaries[i].kind, in[0], in[1], &out);
        return r < 0 ? r : builder_bind(b, n, 0, out);
    }
    return ERR_INTERNAL; // the table of imports names these only
}

static const struct {
    const char *op;
    int kind;
    float alpha, beta; // their defaults
} unaries[] = {
    {"Abs", GRAPH_ABS, 0, 0},
    {"Ceil", GRAPH_CEIL, 0, 0},
    {"Dropout", GRAPH_IDENTITY, 0, 0},
    {"Erf", GRAPH_ERF, 0, 0},
    {"Exp", GRAPH_EXP, 0, 0},
    {"Floor", GRAPH_FLOOR, 0, 0},
    {"HardSigmoid", GRAPH_HARD_SIGMOID, 0.2f, 0.5f},
    {"HardSwish", GRAPH_HARD_SWISH, 0, 0},
    {"Identity", GRAPH_IDENTITY, 0, 0},
    {"LeakyRelu", GRAPH_LEAKY, 0.01f, 0},
    {"Log", GRAPH_LOG, 0, 0},
    {"Neg", GRAPH_NEG, 0, 0},
    {"Not", GRAPH_NOT, 0, 0},
    {"Reciprocal", GRAPH_RECIPROCAL, 0, 0},
    {"Relu", GRAPH_RELU, 0, 0},
    {"Round", GRAPH_ROUND, 0, 0},
    {"Sigmoid", GRAPH_SIGMOID, 0, 0},
    {"Sqrt", GRAPH_SQRT, 0, 0},
    {"Tanh", GRAPH_TANH, 0, 0},
};

static int import_unary(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    for (size_t i = 0; i < ARRAY_LEN(unaries); i++) {
        if (!str_is(n->op, unaries[i].op))
            continue;
        int out = in[0];
        int r = 0;
        if (unaries[i].kind != GRAPH_IDENTITY)
            r = builder_unary(b, (enum graph_unary)unaries[i].kind,
                              import_float(n, "alpha", unaries[i].alpha),
                              import_float(n, "beta", unaries[i].beta), in[0], &out);
        return r < 0 ? r : builder_bind(b, n, 0, out);
    }
    return ERR_INTERNAL; // the table of imports names these only
}

static int import_clip(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    float low = import_float(n, "min", -INFINITY);
    float high = import_float(n, "max", INFINITY);
    if (n_in > 1 && in[1] >= 0 && !constant_is_scalar(&b->graph, in[1], &low))
        return builder_refuse(b, ERR_UNSUPPORTED, "a limit that is computed");
    if (n_in > 2 && in[2] >= 0 && !constant_is_scalar(&b->graph, in[2], &high))
        return builder_refuse(b, ERR_UNSUPPORTED, "a limit that is computed");
    int out;
    bool relu = low == 0 && isinf(high);
    int r = builder_unary(b, relu ? GRAPH_RELU : GRAPH_CLIP, low, high, in[0], &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// As a product and a sum for each channel, which join the convolution before them.
static int import_batch_norm(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int64_t channels = builder_at(b, in[0])->n_dims > 1 ? builder_at(b, in[0])->dims[1] : 0;
    const float *p[4]; // scale, bias, mean, variance
    for (int i = 0; i < 4; i++) {
        int r = channel_floats(b, in[i + 1], channels, "a batch norm", &p[i]);
        if (r < 0)
            return r;
    }
    float epsilon = import_float(n, "epsilon", 1e-5f);
    float *scale = arena_array(b->arena, float, (size_t)channels);
    float *offset = arena_array(b->arena, float, (size_t)channels);
    if (!scale || !offset)
        return ERR_NOMEM;
    for (int64_t c = 0; c < channels; c++) {
        double s = (double)p[0][c] / sqrt((double)p[3][c] + (double)epsilon);
        scale[c] = (float)s;
        offset[c] = (float)((double)p[1][c] - (double)p[2][c] * s);
    }
    int64_t dims[TENSOR_MAX_DIMS] = {channels, 1, 1, 1, 1, 1, 1, 1};
    int n_dims = builder_at(b, in[0])->n_dims - 1;
    int x = in[0];
    int k;
    int r = builder_floats(b, n_dims, dims, scale, &k);
    if (r == 0)
        r = builder_binary(b, GRAPH_MUL, x, k, &x);
    if (r == 0)
        r = builder_floats(b, n_dims, dims, offset, &k);
    if (r == 0)
        r = builder_binary(b, GRAPH_ADD, x, k, &x);
    return r < 0 ? r : builder_bind(b, n, 0, x);
}

static int import_cast(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    // clang-format off
    static const enum tensor_type types[] = {
        [1] = TENSOR_FLOAT32, [2] = TENSOR_UINT8,  [3] = TENSOR_INT8, [6] = TENSOR_INT32,
        [7] = TENSOR_INT64,   [9] = TENSOR_BOOL, [10] = TENSOR_FLOAT16, [11] = TENSOR_FLOAT64,
    };
    // clang-format on
    int64_t to = import_int(n, "to", 0);
    if (to < 0 || to >= (int64_t)ARRAY_LEN(types) || types[to] == TENSOR_TYPE_UNSET)
        return builder_refuse(b, ERR_UNSUPPORTED, "to type %d", (int)MIN(MAX(to, -1), 999));
    enum tensor_type from = builder_at(b, in[0])->type;
    bool to_float = to == 1 || to == 10 || to == 11;
    bool from_float = from == TENSOR_FLOAT32 || from == TENSOR_FLOAT16 || from == TENSOR_FLOAT64;
    int out = in[0];
    struct graph_value v = *builder_at(b, out);
    if (!v.is_constant && from_float && to_float)
        return builder_bind(b, n, 0, out);
    struct graph_node node = {.op = GRAPH_UNARY,
                              .inputs = in,
                              .n_inputs = 1,
                              .u.unary.kind =
                                  from_float && !to_float ? GRAPH_TRUNCATE : GRAPH_IDENTITY};
    int r = builder_add(b, &node, types[to], v.n_dims, v.dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// --- along axes

static int import_softmax(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    int axis;
    bool old = b->onnx->opset < 13; // all axes from this one on are one
    int r = import_axis(b, import_int(n, "axis", old ? 1 : -1), v.n_dims, &axis);
    if (r < 0)
        return r;
    int64_t rest = 1;
    for (int d = axis + 1; d < v.n_dims; d++)
        rest *= v.dims[d];
    int x = in[0];
    struct graph_node node = {.op = GRAPH_SOFTMAX, .n_inputs = 1, .u.axis = axis};
    if (!old || rest == 1) {
        node.inputs = &x;
        r = builder_add(b, &node, v.type, v.n_dims, v.dims, &x);
        return r < 0 ? r : builder_bind(b, n, 0, x);
    }
    int64_t flat[2] = {v.n_elements / (rest * v.dims[axis]), rest * v.dims[axis]};
    r = builder_reshape(b, in[0], 2, flat, &x);
    if (r < 0)
        return r;
    node.inputs = &x;
    node.u.axis = 1;
    r = builder_add(b, &node, v.type, 2, flat, &x);
    if (r == 0)
        r = builder_reshape(b, x, v.n_dims, v.dims, &x);
    return r < 0 ? r : builder_bind(b, n, 0, x);
}

static int add_reduce(struct builder *b, const struct onnx_node *n, int in, enum graph_reduce kind,
                      uint32_t axes, bool keep)
{
    struct graph_value v = *builder_at(b, in);
    int64_t full[TENSOR_MAX_DIMS];
    int64_t kept[TENSOR_MAX_DIMS];
    int n_kept = 0;
    for (int d = 0; d < v.n_dims; d++) {
        full[d] = axes >> d & 1 ? 1 : v.dims[d];
        if (!(axes >> d & 1))
            kept[n_kept++] = v.dims[d];
    }
    struct graph_node node = {.op = GRAPH_REDUCE, .inputs = &in, .n_inputs = 1};
    node.u.reduce.kind = kind;
    node.u.reduce.axes = axes;
    int out;
    int r = builder_add(b, &node, v.type, v.n_dims, full, &out);
    if (r == 0 && !keep)
        r = builder_reshape(b, out, n_kept, kept, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_reduce(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    enum graph_reduce kind = str_is(n->op, "ReduceMean")  ? GRAPH_REDUCE_MEAN
                             : str_is(n->op, "ReduceMax") ? GRAPH_REDUCE_MAX
                             : str_is(n->op, "ReduceMin") ? GRAPH_REDUCE_MIN
                                                          : GRAPH_REDUCE_SUM;
    struct known_ints k;
    int r = import_ints(b, n, "axes", n_in > 1 ? in[1] : -1, &k);
    if (r < 0)
        return r;
    int rank = builder_at(b, in[0])->n_dims;
    uint32_t axes = k.n < 0 ? (1u << rank) - 1 : 0;
    for (int i = 0; i < k.n; i++) {
        int axis;
        r = import_axis(b, k.v[i], rank, &axis);
        if (r < 0)
            return r;
        axes |= 1u << axis;
    }
    return add_reduce(b, n, in[0], kind, axes, import_int(n, "keepdims", 1) != 0);
}

static int import_global_pool(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int rank = builder_at(b, in[0])->n_dims;
    bool is_max = str_is(n->op, "GlobalMaxPool");
    return add_reduce(b, n, in[0], is_max ? GRAPH_REDUCE_MAX : GRAPH_REDUCE_MEAN,
                      ((1u << rank) - 1) & ~3u, true);
}

// clang-format off
const struct import_row import_compute[] = {
    {"Abs",                import_unary,          1, false},
    {"Add",                import_binary,         2, false},
    {"AveragePool",        import_average_pool,   1, false},
    {"BatchNormalization", import_batch_norm,     5, false},
    {"Cast",               import_cast,           1, false},
    {"Ceil",               import_unary,          1, false},
    {"Clip",               import_clip,           1, true},
    {"Conv",               import_conv,           2, true},
    {"ConvInteger",        import_conv_integer,   2, true},
    {"Div",                import_binary,         2, false},
    {"Dropout",            import_unary,          1, true},
    {"Equal",              import_binary,         2, false},
    {"Erf",                import_unary,          1, false},
    {"Exp",                import_unary,          1, false},
    {"Floor",              import_unary,          1, false},
    {"GlobalAveragePool",  import_global_pool,    1, false},
    {"GlobalMaxPool",      import_global_pool,    1, false},
    {"Greater",            import_binary,         2, false},
    {"HardSigmoid",        import_unary,          1, false},
    {"HardSwish",          import_unary,          1, false},
    {"Identity",           import_unary,          1, false},
    {"LeakyRelu",          import_unary,          1, false},
    {"Less",               import_binary,         2, false},
    {"Log",                import_unary,          1, false},
    {"MatMul",             import_matmul,         2, false},
    {"MatMulInteger",      import_matmul_integer, 2, true},
    {"Max",                import_binary,         2, false},
    {"MaxPool",            import_max_pool,       1, false},
    {"Min",                import_binary,         2, false},
    {"Mod",                import_binary,         2, false},
    {"Mul",                import_binary,         2, false},
    {"Neg",                import_unary,          1, false},
    {"Not",                import_unary,          1, false},
    {"Pow",                import_binary,         2, false},
    {"Reciprocal",         import_unary,          1, false},
    {"ReduceMax",          import_reduce,         1, true},
    {"ReduceMean",         import_reduce,         1, true},
    {"ReduceMin",          import_reduce,         1, true},
    {"ReduceSum",          import_reduce,         1, true},
    {"Relu",               import_unary,          1, false},
    {"Round",              import_unary,          1, false},
    {"Sigmoid",            import_unary,          1, false},
    {"Softmax",            import_softmax,        1, false},
    {"Sqrt",               import_unary,          1, false},
    {"Sub",                import_binary,         2, false},
    {"Tanh",               import_unary,          1, false},
    {0},
};
// clang-format on
