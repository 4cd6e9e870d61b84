// SPDX-License-Identifier: Apache-2.0
// graph_import_quantized.c - quantised files in floats: weights are widened, the rounding of
// activations to eight bits is left out.
//
// DynamicQuantizeLinear gives (x / scale, scale, zero point); what follows multiplies by the scale
// again. With the scale 1 and the zero point 0 the same operators compute with x itself.

#include "base/arena.h"
#include "base/err.h"
#include "nn/graph_priv.h"

static int import_dynamic_quantize(struct builder *b, const struct onnx_node *n, const int *in,
                                   int n_in)
{
    int one;
    int zero;
    int r = builder_bind(b, n, 0, in[0]);
    if (r == 0)
        r = builder_floats(b, 0, NULL, &(float){1}, &one);
    if (r == 0)
        r = builder_bind(b, n, 1, one);
    if (r == 0)
        r = builder_ints(b, 0, NULL, &(int64_t){0}, &zero);
    return r < 0 ? r : builder_bind(b, n, 2, zero);
}

static int import_quantize(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    if (builder_at(b, in[0])->is_constant)
        return builder_refuse(b, ERR_UNSUPPORTED, "weights that are quantised in the graph");
    return builder_bind(b, n, 0, in[0]);
}

// A scale or zero point for each index of *axis* gets dimensions of 1 behind it.
static int along_axis(struct builder *b, int value, int axis, int rank, int *ret_value)
{
    struct graph_value v = *builder_at(b, value);
    *ret_value = value;
    if (v.n_elements == 1 || v.n_dims != 1)
        return 0;
    int64_t dims[TENSOR_MAX_DIMS] = {v.n_elements, 1, 1, 1, 1, 1, 1, 1};
    return builder_reshape(b, value, rank - axis, dims, ret_value);
}

static int import_dequantize(struct builder *b, const struct onnx_node *n, const int *in, int n_in)
{
    struct graph_value v = *builder_at(b, in[0]);
    if (!v.is_constant) // what QuantizeLinear passed on
        return builder_bind(b, n, 0, in[0]);
    int axis = 0;
    int r = v.n_dims ? import_axis(b, import_int(n, "axis", 1), MAX(v.n_dims, 2), &axis) : 0;
    int scale;
    int x = in[0];
    struct graph_node widen = {.op = GRAPH_UNARY, .inputs = &x, .n_inputs = 1};
    if (r == 0)
        r = builder_add(b, &widen, TENSOR_FLOAT32, v.n_dims, v.dims, &x);
    if (r == 0 && n_in > 2 && in[2] >= 0) {
        int zero;
        r = along_axis(b, in[2], axis, v.n_dims, &zero);
        if (r == 0)
            r = builder_binary(b, GRAPH_SUB, x, zero, &x);
    }
    if (r == 0)
        r = along_axis(b, in[1], axis, v.n_dims, &scale);
    if (r == 0)
        r = builder_binary(b, GRAPH_MUL, x, scale, &x);
    if (r < 0)
        return r;
    if (!builder_at(b, x)->is_constant)
        return builder_refuse(b, ERR_UNSUPPORTED, "a constant this large");
    return builder_bind(b, n, 0, x);
}

// clang-format off
const struct import_row import_quantized[] = {
    {"DequantizeLinear",      import_dequantize,       2, true},
    {"DynamicQuantizeLinear", import_dynamic_quantize, 1, false},
    {"QuantizeLinear",        import_quantize,         2, true},
    {0},
};
// clang-format on
