// SPDX-License-Identifier: Apache-2.0
// graph.h - a network as we compute it: an ONNX file with every shape known, everything that is
// constant computed, and the exporters' habits undone.
//
// Import brings ONNX's many operators down to the few of enum graph_op: Split, Gather by one index,
// Squeeze become views; batch norms, quantisation steps and scalings become a convolution's own
// scale and bias; Sigmoid times its input is SILU. Quantised files are computed in floats: their
// weights are widened, the rounding of activations is left out.
//
// INVARIANTS
// (1) Nodes stand in an order in which every value is made before it is used.
// (2) Every value's shape is known and all its dimensions are at least 1.
// (3) Integer values that are not constant are computed as floats: exact below 2^24.
//
// Ownership: a graph owns all its texts and arrays, but borrows the bytes of the ONNX file: keep
// the struct onnx open while the graph lives. Threads: constant after create.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "nn/tensor.h"

struct onnx;
struct str_buf;

enum {
    GRAPH_MAX_NODES = 1 << 16,
    GRAPH_MAX_VALUES = 1 << 17,
    GRAPH_MAX_ELEMENTS = 1 << 28, // of one value
    GRAPH_MAX_FOLDED = 1 << 26,   // elements of all values that are computed at load
    GRAPH_MAX_ARENA = 1 << 30,    // bytes of everything a graph owns
    GRAPH_MAX_INPUTS = 512,       // of one node
};

enum graph_op {
    GRAPH_OP_UNSET,
    GRAPH_CONV,   // input, weights; inputs[2], where there, is added after the activation
    GRAPH_MATMUL, // broadcast over the leading dimensions
    GRAPH_BINARY, // with broadcast
    GRAPH_UNARY,
    GRAPH_MAX_POOL,
    GRAPH_AVERAGE_POOL,
    GRAPH_RESIZE,
    GRAPH_CONCAT,
    GRAPH_SOFTMAX,
    GRAPH_REDUCE,
    GRAPH_PAD,
    GRAPH_GATHER, // by a constant list of indices, or a computed one, along an axis
    GRAPH_GATHER_ELEMENTS,
    GRAPH_TOP_K, // two outputs
    GRAPH_SLICE, // views from here on: no work where strides can say it
    GRAPH_RESHAPE,
    GRAPH_TRANSPOSE,
    GRAPH_EXPAND,
    GRAPH_N_OPS,
};

enum graph_binary {
    GRAPH_ADD,
    GRAPH_SUB,
    GRAPH_MUL,
    GRAPH_DIV,
    GRAPH_POW,
    GRAPH_MIN,
    GRAPH_MAX,
    GRAPH_MOD,
    GRAPH_KEEP,  // x where y is not 0, else 0
    GRAPH_EQUAL, // from here on true (1) or not (0)
    GRAPH_LESS,
    GRAPH_GREATER,
};

enum graph_unary {
    GRAPH_IDENTITY,
    GRAPH_RELU,
    GRAPH_CLIP,  // alpha..beta
    GRAPH_LEAKY, // v < 0: alpha v
    GRAPH_SIGMOID,
    GRAPH_SILU,
    GRAPH_HARD_SIGMOID, // clip(alpha v + beta, 0, 1)
    GRAPH_HARD_SWISH,   // v clip(v / 6 + 1/2, 0, 1)
    GRAPH_TANH,
    GRAPH_EXP,
    GRAPH_LOG,
    GRAPH_SQRT,
    GRAPH_ABS,
    GRAPH_NEG,
    GRAPH_FLOOR,
    GRAPH_CEIL,
    GRAPH_ROUND,
    GRAPH_TRUNCATE,
    GRAPH_RECIPROCAL,
    GRAPH_ERF,
    GRAPH_NOT,
};

enum graph_reduce { GRAPH_REDUCE_MEAN, GRAPH_REDUCE_SUM, GRAPH_REDUCE_MAX, GRAPH_REDUCE_MIN };

enum graph_resize { GRAPH_NEAREST, GRAPH_LINEAR };

enum graph_rounding { GRAPH_FLOOR_DOWN, GRAPH_CEIL_UP, GRAPH_HALF_DOWN, GRAPH_HALF_UP };

struct graph_activation {
    enum graph_unary kind; // IDENTITY: none
    float alpha, beta;
};

struct graph_conv {
    int groups;
    int stride[2], pad[4], dilation[2]; // height, width; top, left, bottom, right
    const float *scale;                 // out channels; NULL: 1. Multiplies the weights
    const float *bias;                  // out channels; NULL: 0
    const float *zero_point;            // out channels; NULL: 0. Is taken from the weights first
    struct graph_activation activation;
};

struct graph_pool {
    int kernel[2], stride[2], pad[4];
    bool counts_padding;
};

struct graph_node {
    enum graph_op op;
    const char *name; // of the operator it comes from, for messages
    const int *inputs;
    int n_inputs;
    int outputs[2];
    int n_outputs;
    union {
        struct graph_conv conv;
        enum graph_binary binary;
        struct graph_activation unary;
        struct graph_pool pool;
        struct {
            enum graph_resize kind;
            enum graph_rounding rounding; // NEAREST
            float scale[2], offset[2];    // of height, width: source = scale * i + offset
        } resize;
        int axis; // CONCAT, SOFTMAX, GATHER, GATHER_ELEMENTS
        struct {
            enum graph_reduce kind;
            uint32_t axes; // a bit each
        } reduce;
        struct {
            int64_t before[TENSOR_MAX_DIMS];
            float value;
        } pad;
        struct {
            int axis;
            bool smallest;
        } top_k;
        struct {
            int64_t start[TENSOR_MAX_DIMS], step[TENSOR_MAX_DIMS];
        } slice;
        int perm[TENSOR_MAX_DIMS];
    } u;
};

// A value that is known. Either bytes of the file in its own type, or float32 or int64 of ours.
struct graph_constant {
    enum tensor_type type;
    const void *bytes; // not aligned to anything
};

struct graph_value {
    const char *name;
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    int64_t n_elements;
    enum tensor_type type; // as the file has it
    struct graph_constant constant;
    bool is_constant;
    int producer; // index of a node; -1: an input or a constant
};

struct graph {
    struct graph_value *values;
    int n_values;
    struct graph_node *nodes;
    int n_nodes;
    const int *inputs; // values, in the file's order
    int n_inputs;
    const int *outputs;
    int n_outputs;
};

struct graph_shape {
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
};

struct graph_opts {
    const char *name;                 // what messages call the file; NULL: "model"
    const struct graph_shape *inputs; // one each input of the file, all dimensions known
    const struct str *outputs;        // values to compute; NULL: the file's outputs
    int n_outputs;
};

// ERR_UNSUPPORTED: an operator, or a way to use one, that is not ours; the message names it: the
// caller turns to another engine. ERR_MODEL: a graph that is broken: a cycle, a missing tensor,
// shapes that do not fit. ERR_TOO_BIG: a limit above. ERR_NOMEM.
int graph_create(const struct onnx *o, const struct graph_opts *opts,
                 struct graph **ret_graph) MUST_CHECK;
void graph_destroy(struct graph *g); // NULL is a no-op

// A constant's elements as floats; *ret_values* has room for n_elements.
void graph_constant_floats(const struct graph_value *v, float *ret_values);
// A convolution's weights as they are used: zero point taken off, scaled, (out, in/groups, h, w).
void graph_conv_weights(const struct graph *g, const struct graph_node *n, float *ret_weights);

// One line a node, for people.
void graph_describe(const struct graph *g, struct str_buf *out);
const char *graph_op_name(enum graph_op op);
