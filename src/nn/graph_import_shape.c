// SPDX-License-Identifier: Apache-2.0
// graph_import_shape.c - the operators that move numbers without changing them, and those that make
// shapes.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/graph_priv.h"

static int import_constant(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    const struct onnx_attribute *a = NULL;
    int out;
    int r;
    if ((a = onnx_attribute(n, "value")) && a->tensor) {
        if (a->tensor->n_elements == 0)
            return 0;
        r = constant_of_tensor(b, a->tensor, &out);
    } else if ((a = onnx_attribute(n, "value_int"))) {
        r = builder_ints(b, 0, NULL, &a->i, &out);
    } else if ((a = onnx_attribute(n, "value_float"))) {
        r = builder_floats(b, 0, NULL, &a->f, &out);
    } else if ((a = onnx_attribute(n, "value_ints")) && a->n_ints) {
        r = builder_ints(b, 1, &(int64_t){(int64_t)a->n_ints}, a->ints, &out);
    } else if ((a = onnx_attribute(n, "value_floats")) && a->n_floats) {
        r = builder_floats(b, 1, &(int64_t){(int64_t)a->n_floats}, a->floats, &out);
    } else {
        return builder_refuse(b, ERR_UNSUPPORTED, "a constant without numbers");
    }
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_constant_of_shape(struct builder *b, const struct onnx_node *n, const int *in,
                                    int n_in)
{
    struct known_ints shape;
    int r = constant_ints(b, in[0], "the shape", &shape);
    if (r < 0)
        return r;
    const struct onnx_attribute *a = onnx_attribute(n, "value");
    int one;
    if (a && a->tensor && a->tensor->n_elements == 1)
        r = constant_of_tensor(b, a->tensor, &one);
    else
        r = builder_floats(b, 0, NULL, &(float){0}, &one);
    if (r == 0)
        r = builder_reshape(b, one, 0, NULL, &one);
    if (r < 0)
        return r;
    struct graph_node node = {.op = GRAPH_EXPAND, .inputs = &one, .n_inputs = 1};
    int out;
    r = builder_add(b, &node, builder_at(b, one)->type, shape.n, shape.v, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_shape_of(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    const struct graph_value *v = builder_at(b, in[0]);
    int64_t start = import_int(n, "start", 0);
    int64_t end = import_int(n, "end", v->n_dims);
    start = MAX(MIN(start < 0 ? start + v->n_dims : start, v->n_dims), 0);
    end = MAX(MIN(end < 0 ? end + v->n_dims : end, v->n_dims), 0);
    if (end <= start)
        return builder_refuse(b, ERR_UNSUPPORTED, "no dimensions");
    int64_t dims[TENSOR_MAX_DIMS];
    memcpy(dims, v->dims, sizeof(dims));
    int out;
    int r = builder_ints(b, 1, &(int64_t){end - start}, dims + start, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_range(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    double p[3];
    for (int i = 0; i < 3; i++) {
        const struct graph_value *v = builder_at(b, in[i]);
        if (!v->is_constant || v->n_elements != 1)
            return builder_refuse(b, ERR_UNSUPPORTED, "limits that are computed");
        constant_doubles(v, &p[i]);
    }
    double count = ceil((p[1] - p[0]) / p[2]);
    if (!(count >= 1 && count <= 1 << 20))
        return builder_refuse(b, ERR_UNSUPPORTED, "a range of an impossible length");
    float *values = mem_array(float, (size_t)count);
    if (!values)
        return ERR_NOMEM;
    for (int64_t i = 0; i < (int64_t)count; i++)
        values[i] = (float)(p[0] + (double)i * p[2]);
    int out;
    int r = builder_floats(b, 1, &(int64_t){(int64_t)count}, values, &out);
    mem_free(values);
    enum tensor_type type = builder_at(b, in[0])->type;
    if (r == 0 && type != TENSOR_FLOAT32) {
        struct graph_node node = {.op = GRAPH_UNARY, .inputs = &out, .n_inputs = 1};
        r = builder_add(b, &node, type, 1, &(int64_t){(int64_t)count}, &out);
    }
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// --- reshapes

static int reshape_to(struct builder *b, const struct onnx_node *n, int in, int n_dims,
                      const int64_t *dims)
{
    int out;
    int r = builder_reshape(b, in, n_dims, dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_reshape(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct known_ints shape;
    int r = import_ints(b, n, "shape", n_in > 1 ? in[1] : -1, &shape);
    if (r < 0)
        return r;
    struct graph_value v = *builder_at(b, in[0]);
    if (shape.n < 0 || shape.n > TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "to %d dimensions", shape.n);
    int64_t known = 1;
    int open = -1;
    for (int i = 0; i < shape.n; i++) {
        if (shape.v[i] == 0 && i < v.n_dims && !import_int(n, "allowzero", 0))
            shape.v[i] = v.dims[i];
        if (shape.v[i] == -1 && open < 0) {
            open = i;
            continue;
        }
        if (shape.v[i] < 1 || shape.v[i] > v.n_elements / known)
            return builder_refuse(b, ERR_MODEL, "%d numbers do not fit the new shape",
                                  (int)v.n_elements);
        known *= shape.v[i];
    }
    if (open >= 0)
        shape.v[open] = v.n_elements / known;
    if (known * (open >= 0 ? shape.v[open] : 1) != v.n_elements)
        return builder_refuse(b, ERR_MODEL, "%d numbers do not fit the new shape",
                              (int)v.n_elements);
    return reshape_to(b, n, in[0], shape.n, shape.v);
}

static int import_flatten(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    int64_t axis = import_int(n, "axis", 1);
    axis = axis < 0 ? axis + v.n_dims : axis;
    if (axis < 0 || axis > v.n_dims)
        return builder_refuse(b, ERR_MODEL, "axis outside the shape");
    int64_t rows = 1;
    for (int d = 0; d < axis; d++)
        rows *= v.dims[d];
    return reshape_to(b, n, in[0], 2, (int64_t[2]){rows, v.n_elements / rows});
}

static int import_squeeze(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct known_ints k;
    int r = import_ints(b, n, "axes", n_in > 1 ? in[1] : -1, &k);
    if (r < 0)
        return r;
    uint32_t gone = 0;
    for (int i = 0; i < k.n; i++) {
        int axis;
        r = import_axis(b, k.v[i], v.n_dims, &axis);
        if (r < 0)
            return r;
        if (v.dims[axis] != 1)
            return builder_refuse(b, ERR_MODEL, "a dimension of %d", (int)v.dims[axis]);
        gone |= 1u << axis;
    }
    int64_t dims[TENSOR_MAX_DIMS];
    int n_dims = 0;
    for (int d = 0; d < v.n_dims; d++) {
        if (k.n < 0 ? v.dims[d] != 1 : !(gone >> d & 1))
            dims[n_dims++] = v.dims[d];
    }
    return reshape_to(b, n, in[0], n_dims, dims);
}

static int import_unsqueeze(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct known_ints k;
    int r = import_ints(b, n, "axes", n_in > 1 ? in[1] : -1, &k);
    if (r < 0)
        return r;
    int rank = v.n_dims + MAX(k.n, 0);
    if (k.n < 1 || rank > TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "to %d dimensions", rank);
    uint32_t added = 0;
    for (int i = 0; i < k.n; i++) {
        int axis;
        r = import_axis(b, k.v[i], rank, &axis);
        if (r < 0)
            return r;
        if (added >> axis & 1)
            return builder_refuse(b, ERR_MODEL, "an axis given twice");
        added |= 1u << axis;
    }
    int64_t dims[TENSOR_MAX_DIMS];
    for (int d = 0, from = 0; d < rank; d++)
        dims[d] = added >> d & 1 ? 1 : v.dims[from++];
    return reshape_to(b, n, in[0], rank, dims);
}

static int import_transpose(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct known_ints k;
    int r = import_ints(b, n, "perm", -1, &k);
    if (r < 0)
        return r;
    if (k.n >= 0 && k.n != v.n_dims)
        return builder_refuse(b, ERR_MODEL, "perm has %d numbers for %d dimensions", k.n, v.n_dims);
    struct graph_node node = {.op = GRAPH_TRANSPOSE, .inputs = in, .n_inputs = 1};
    int64_t dims[TENSOR_MAX_DIMS];
    uint32_t seen = 0;
    for (int d = 0; d < v.n_dims; d++) {
        int64_t from = k.n < 0 ? v.n_dims - 1 - d : k.v[d];
        if (from < 0 || from >= v.n_dims || seen >> from & 1)
            return builder_refuse(b, ERR_MODEL, "perm is no order of the dimensions");
        seen |= 1u << from;
        node.u.perm[d] = (int)from;
        dims[d] = v.dims[from];
    }
    int out;
    r = builder_add(b, &node, v.type, v.n_dims, dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int expand_to(struct builder *b, int in, int n_dims, const int64_t *dims, int *ret_value)
{
    struct graph_node node = {.op = GRAPH_EXPAND, .inputs = &in, .n_inputs = 1};
    enum tensor_type type = builder_at(b, in)->type;
    return builder_add(b, &node, type, n_dims, dims, ret_value);
}

static int import_expand(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct known_ints k;
    int r = constant_ints(b, in[1], "the shape", &k);
    if (r < 0)
        return r;
    if (k.n > TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "to %d dimensions", k.n);
    int rank = MAX(k.n, v.n_dims);
    int64_t dims[TENSOR_MAX_DIMS];
    for (int d = 0; d < rank; d++) {
        int64_t have = d < rank - v.n_dims ? 1 : v.dims[d - (rank - v.n_dims)];
        int64_t want = d < rank - k.n ? 1 : k.v[d - (rank - k.n)];
        if (want < 1 || (have != 1 && want != 1 && have != want))
            return builder_refuse(b, ERR_MODEL, "a dimension of %d to %d", (int)have,
                                  (int)MAX(MIN(want, INT32_MAX), -1));
        dims[d] = MAX(have, want);
    }
    int out;
    r = expand_to(b, in[0], rank, dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// One axis at a time: a dimension of 1 before it is expanded and joined.
static int import_tile(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct known_ints k;
    int r = constant_ints(b, in[1], "the repeats", &k);
    if (r < 0)
        return r;
    int x = in[0];
    int rank = builder_at(b, x)->n_dims;
    if (k.n != rank || rank >= TENSOR_MAX_DIMS)
        return builder_refuse(b, ERR_UNSUPPORTED, "%d repeats for %d dimensions", k.n, rank);
    for (int d = 0; d < rank && r == 0; d++) {
        if (k.v[d] == 1)
            continue;
        struct graph_value v = *builder_at(b, x);
        if (k.v[d] < 1 || k.v[d] > GRAPH_MAX_ELEMENTS / v.n_elements)
            return builder_refuse(b, ERR_TOO_BIG, "too many repeats");
        int64_t dims[TENSOR_MAX_DIMS];
        memcpy(dims, v.dims, (size_t)d * sizeof(dims[0]));
        memcpy(dims + d + 1, v.dims + d, (size_t)(rank - d) * sizeof(dims[0]));
        dims[d] = 1;
        r = builder_reshape(b, x, rank + 1, dims, &x);
        dims[d] = k.v[d];
        if (r == 0)
            r = expand_to(b, x, rank + 1, dims, &x);
        v.dims[d] *= k.v[d];
        if (r == 0)
            r = builder_reshape(b, x, rank, v.dims, &x);
    }
    return r < 0 ? r : builder_bind(b, n, 0, x);
}

// --- parts

int import_slice_axis(struct builder *b, int in, int axis, int64_t start, int64_t count,
                      int64_t step, int *ret_value)
{
    struct graph_value v = *builder_at(b, in);
    struct graph_node node = {.op = GRAPH_SLICE, .inputs = &in, .n_inputs = 1};
    for (int d = 0; d < v.n_dims; d++)
        node.u.slice.step[d] = 1;
    node.u.slice.start[axis] = start;
    node.u.slice.step[axis] = step;
    v.dims[axis] = count;
    return builder_add(b, &node, v.type, v.n_dims, v.dims, ret_value);
}

static int slice_one(struct builder *b, int axis, int64_t start, int64_t end, int64_t step, int *x)
{
    int64_t n = builder_at(b, *x)->dims[axis];
    if (step < 1)
        return builder_refuse(b, ERR_UNSUPPORTED, "a step below 1");
    start = MAX(MIN(start < 0 ? start + n : start, n), 0);
    end = MAX(MIN(end < 0 ? end + n : end, n), 0);
    if (end <= start)
        return builder_refuse(b, ERR_UNSUPPORTED, "a part without elements");
    step = MIN(step, n);
    if (start == 0 && end == n && step == 1)
        return 0;
    return import_slice_axis(b, *x, axis, start, (end - start + step - 1) / step, step, x);
}

static int import_slice(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct known_ints starts, ends, axes, steps;
    int r = import_ints(b, n, "starts", n_in > 1 ? in[1] : -1, &starts);
    if (r == 0)
        r = import_ints(b, n, "ends", n_in > 2 ? in[2] : -1, &ends);
    if (r == 0)
        r = import_ints(b, n, "axes", n_in > 3 ? in[3] : -1, &axes);
    if (r == 0)
        r = import_ints(b, n, "steps", n_in > 4 ? in[4] : -1, &steps);
    if (r < 0)
        return r;
    if (starts.n < 0 || ends.n != starts.n || (axes.n >= 0 && axes.n != starts.n) ||
        (steps.n >= 0 && steps.n != starts.n))
        return builder_refuse(b, ERR_MODEL, "starts and ends differ in number");
    int x = in[0];
    for (int i = 0; i < starts.n && r == 0; i++) {
        int axis;
        r = import_axis(b, axes.n < 0 ? i : axes.v[i], builder_at(b, x)->n_dims, &axis);
        if (r == 0)
            r = slice_one(b, axis, starts.v[i], ends.v[i], steps.n < 0 ? 1 : steps.v[i], &x);
    }
    return r < 0 ? r : builder_bind(b, n, 0, x);
}

static int import_split(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    int axis;
    int r = import_axis(b, import_int(n, "axis", 0), v.n_dims, &axis);
    struct known_ints k = {.n = -1};
    if (r == 0)
        r = import_ints(b, n, "split", n_in > 1 ? in[1] : -1, &k);
    if (r < 0)
        return r;
    int64_t parts = (int64_t)n->n_outputs;
    if (k.n >= 0 && k.n != parts)
        return builder_refuse(b, ERR_MODEL, "%d parts for %d outputs", k.n, (int)parts);
    int64_t each = parts ? (v.dims[axis] + parts - 1) / parts : 0;
    int64_t at = 0;
    for (int64_t i = 0; i < parts && r == 0; i++) {
        int64_t size = k.n >= 0 ? k.v[i] : MIN(each, v.dims[axis] - at);
        if (size < 1 || size > v.dims[axis] - at)
            return builder_refuse(b, ERR_MODEL, "its parts do not make %d", (int)v.dims[axis]);
        int out;
        r = import_slice_axis(b, in[0], axis, at, size, 1, &out);
        at += size;
        if (r == 0)
            r = builder_bind(b, n, (size_t)i, out);
    }
    if (r == 0 && at != v.dims[axis])
        return builder_refuse(b, ERR_MODEL, "its parts do not make %d", (int)v.dims[axis]);
    return r;
}

int import_concat_axis(struct builder *b, const int *in, int n_in, int axis, int *ret_value)
{
    struct graph_value v = *builder_at(b, in[0]);
    for (int i = 1; i < n_in; i++) {
        const struct graph_value *w = builder_at(b, in[i]);
        for (int d = 0; d < v.n_dims; d++) {
            if (w->n_dims != v.n_dims || (d != axis && w->dims[d] != builder_at(b, in[0])->dims[d]))
                return builder_refuse(b, ERR_MODEL, "inputs of different shapes");
        }
        v.dims[axis] += w->dims[axis];
    }
    struct graph_node node = {.op = GRAPH_CONCAT, .inputs = in, .n_inputs = n_in, .u.axis = axis};
    return builder_add(b, &node, v.type, v.n_dims, v.dims, ret_value);
}

static int import_concat(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    int axis;
    int r = import_axis(b, import_int(n, "axis", 0), builder_at(b, in[0])->n_dims, &axis);
    int out = in[0];
    if (r == 0 && n_in > 1)
        r = import_concat_axis(b, in, n_in, axis, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

static int import_pad(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    const struct onnx_attribute *mode = onnx_attribute(n, "mode");
    if (mode && !str_is(mode->s, "constant"))
        return builder_refuse(b, ERR_UNSUPPORTED, "mode %.*s", (int)MIN(mode->s.n, (size_t)20),
                              mode->s.p ? mode->s.p : "");
    struct known_ints k;
    int r = import_ints(b, n, "pads", n_in > 1 ? in[1] : -1, &k);
    if (r < 0)
        return r;
    if (k.n != 2 * v.n_dims)
        return builder_refuse(b, ERR_UNSUPPORTED, "%d pads for %d dimensions", k.n, v.n_dims);
    struct graph_node node = {.op = GRAPH_PAD, .inputs = in, .n_inputs = 1};
    node.u.pad.value = import_float(n, "value", 0);
    if (n_in > 2 && in[2] >= 0 && !constant_is_scalar(&b->graph, in[2], &node.u.pad.value))
        return builder_refuse(b, ERR_UNSUPPORTED, "a value that is computed");
    bool any = false;
    for (int d = 0; d < v.n_dims; d++) {
        int64_t after = k.v[v.n_dims + d];
        if (k.v[d] < 0 || after < 0 || k.v[d] > 4096 || after > 4096)
            return builder_refuse(b, ERR_UNSUPPORTED, "a pad outside 0..4096");
        any |= k.v[d] || after;
        node.u.pad.before[d] = k.v[d];
        v.dims[d] += k.v[d] + after;
    }
    int out = in[0];
    if (any)
        r = builder_add(b, &node, v.type, v.n_dims, v.dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// --- resize

enum resize_rule { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, PYTORCH_HALF_PIXEL };

static int resize_rule_of(struct builder *b, const struct onnx_node *n, enum resize_rule *ret_rule)
{
    static const char *const names[] = {"half_pixel", "asymmetric", "align_corners",
                                        "pytorch_half_pixel"};
    const struct onnx_attribute *a = onnx_attribute(n, "coordinate_transformation_mode");
    if (!a) {
        *ret_rule = b->onnx->opset < 11 ? ASYMMETRIC : HALF_PIXEL;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(a->s, names[i])) {
            *ret_rule = (enum resize_rule)i;
            return 0;
        }
    }
    return builder_refuse(b, ERR_UNSUPPORTED, "a coordinate transformation");
}

static int resize_rounding(struct builder *b, const struct onnx_node *n,
                           enum graph_rounding *ret_rounding)
{
    const struct onnx_attribute *a = onnx_attribute(n, "nearest_mode");
    *ret_rounding = b->onnx->opset < 11 ? GRAPH_FLOOR_DOWN : GRAPH_HALF_DOWN;
    if (!a || str_is(a->s, "round_prefer_floor"))
        return 0;
    if (str_is(a->s, "floor"))
        *ret_rounding = GRAPH_FLOOR_DOWN;
    else if (str_is(a->s, "ceil"))
        *ret_rounding = GRAPH_CEIL_UP;
    else if (str_is(a->s, "round_prefer_ceil"))
        *ret_rounding = GRAPH_HALF_UP;
    else
        return builder_refuse(b, ERR_UNSUPPORTED, "a nearest mode");
    return 0;
}

static void place(enum resize_rule rule, int64_t in, int64_t out, float scale, float *ret_scale,
                  float *ret_offset)
{
    float step = 1 / scale;
    *ret_scale = step;
    *ret_offset = 0;
    if (rule == ALIGN_CORNERS)
        *ret_scale = out > 1 ? (float)(in - 1) / (float)(out - 1) : 0;
    else if (rule == PYTORCH_HALF_PIXEL && out == 1)
        *ret_scale = 0;
    else if (rule != ASYMMETRIC)
        *ret_offset = 0.5f * step - 0.5f;
}

// New sizes and the scales by which they come about.
static int resize_sizes(struct builder *b, const struct onnx_node *n, const int *in, int n_in,
                        const struct graph_value *v, int64_t *ret_dims, float *ret_scales)
{
    bool old = b->onnx->opset < 11 || str_is(n->op, "Upsample");
    int scales = old ? (n_in > 1 ? in[1] : -1) : n_in > 2 ? in[2] : -1;
    int sizes = !old && n_in > 3 ? in[3] : -1;
    const struct onnx_attribute *a = onnx_attribute(n, "scales");
    if (sizes >= 0) {
        struct known_ints k;
        int r = constant_ints(b, sizes, "the sizes", &k);
        if (r < 0)
            return r;
        for (int d = 0; d < v->n_dims && k.n == v->n_dims; d++) {
            ret_dims[d] = k.v[d];
            ret_scales[d] = (float)k.v[d] / (float)v->dims[d];
        }
        return k.n == v->n_dims ? 0 : builder_refuse(b, ERR_MODEL, "%d sizes", k.n);
    }
    if (a && a->n_floats == (size_t)v->n_dims)
        memcpy(ret_scales, a->floats, a->n_floats * sizeof(float));
    else if (scales >= 0 && builder_at(b, scales)->is_constant &&
             builder_at(b, scales)->n_elements == v->n_dims)
        graph_constant_floats(builder_at(b, scales), ret_scales);
    else
        return builder_refuse(b, ERR_UNSUPPORTED, "scales that are computed");
    for (int d = 0; d < v->n_dims; d++) {
        double size = floor((double)v->dims[d] * (double)ret_scales[d]);
        if (!(size >= 1 && size <= 1 << 20))
            return builder_refuse(b, ERR_MODEL, "a scale out of range");
        ret_dims[d] = (int64_t)size;
    }
    return 0;
}

static int import_resize(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    struct graph_node node = {.op = GRAPH_RESIZE, .inputs = in, .n_inputs = 1};
    bool linear = import_text_is(n, "mode", "linear");
    if (v.n_dims != 4 || import_text_is(n, "mode", "cubic") || import_int(n, "antialias", 0) ||
        onnx_attribute(n, "axes"))
        return builder_refuse(b, ERR_UNSUPPORTED, "this kind of resize");
    enum resize_rule rule = HALF_PIXEL;
    int64_t dims[TENSOR_MAX_DIMS];
    float scales[TENSOR_MAX_DIMS];
    int r = resize_rule_of(b, n, &rule);
    if (r == 0)
        r = resize_rounding(b, n, &node.u.resize.rounding);
    if (r == 0)
        r = resize_sizes(b, n, in, n_in, &v, dims, scales);
    if (r < 0)
        return r;
    if (dims[0] != v.dims[0] || dims[1] != v.dims[1])
        return builder_refuse(b, ERR_UNSUPPORTED, "a resize of channels");
    if (str_is(n->op, "Upsample"))
        rule = ASYMMETRIC;
    node.u.resize.kind = linear ? GRAPH_LINEAR : GRAPH_NEAREST;
    for (int i = 0; i < 2; i++)
        place(rule, v.dims[2 + i], dims[2 + i], scales[2 + i], &node.u.resize.scale[i],
              &node.u.resize.offset[i]);
    int out;
    r = builder_add(b, &node, v.type, 4, dims, &out);
    return r < 0 ? r : builder_bind(b, n, 0, out);
}

// clang-format off
const struct import_row import_shape[] = {
    {"Concat",          import_concat,            1, false},
    {"Constant",        import_constant,          0, false},
    {"ConstantOfShape", import_constant_of_shape, 1, false},
    {"Expand",          import_expand,            2, false},
    {"Flatten",         import_flatten,           1, false},
    {"Pad",             import_pad,               1, true},
    {"Range",           import_range,             3, false},
    {"Reshape",         import_reshape,           1, false},
    {"Resize",          import_resize,            1, true},
    {"Shape",           import_shape_of,          1, false},
    {"Slice",           import_slice,             1, true},
    {"Split",           import_split,             1, true},
    {"Squeeze",         import_squeeze,           1, true},
    {"Tile",            import_tile,              2, false},
    {"Transpose",       import_transpose,         1, false},
    {"Unsqueeze",       import_unsqueeze,         1, true},
    {"Upsample",        import_resize,            1, true},
    {0},
};
// clang-format on
