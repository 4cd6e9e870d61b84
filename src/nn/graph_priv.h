// SPDX-License-Identifier: Apache-2.0
// graph_priv.h - what graph*.c share while a graph is made.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "nn/graph.h"
#include "nn/onnx_read.h"

struct arena;

struct name_slot {
    struct str name;
    int value; // -1: empty
};

struct builder {
    struct graph graph; // first: what callers hold
    struct arena *arena;
    // --- during the build only
    const struct onnx *onnx;
    const char *name;
    size_t cap_values, cap_nodes;
    struct name_slot *slots; // open addressing, a power of two
    size_t n_slots;
    int64_t n_folded;           // elements so far
    const struct onnx_node *at; // the operator that is being imported, for messages
};

// A value known here and now: what an import looks at.
struct known_ints {
    int64_t v[TENSOR_MAX_DIMS * 4];
    int n;
};

// --- graph.c
// The slot of *name*, or the empty one where it would go; *n* is a power of two.
struct name_slot *name_slot(struct name_slot *slots, size_t n, struct str name);
// Sets "model: operator Resize 'name': ..." and returns *code*.
int builder_refuse(struct builder *b, int code, const char *format, ...) PRINTF_LIKE(3, 4);
int builder_value(struct builder *b, const char *name, enum tensor_type type, int n_dims,
                  const int64_t *dims, int *ret_value) MUST_CHECK;
// A constant of ours; the bytes are copied.
int builder_floats(struct builder *b, int n_dims, const int64_t *dims, const float *values,
                   int *ret_value) MUST_CHECK;
int builder_ints(struct builder *b, int n_dims, const int64_t *dims, const int64_t *values,
                 int *ret_value) MUST_CHECK;
// Adds the node with a new value for its output, or, where all inputs are known and the operator
// can be computed at load, only the value.
int builder_add(struct builder *b, const struct graph_node *n, enum tensor_type type, int n_dims,
                const int64_t *dims, int *ret_value) MUST_CHECK;
int builder_unary(struct builder *b, enum graph_unary kind, float alpha, float beta, int in,
                  int *ret_value) MUST_CHECK;
int builder_binary(struct builder *b, enum graph_binary kind, int x, int y,
                   int *ret_value) MUST_CHECK;
int builder_reshape(struct builder *b, int in, int n_dims, const int64_t *dims,
                    int *ret_value) MUST_CHECK;
// The operator's output *i* is this value from now on. Outputs that nobody names are passed over.
int builder_bind(struct builder *b, const struct onnx_node *n, size_t i, int value) MUST_CHECK;
int builder_find(const struct builder *b, struct str name); // -1: not there
const struct graph_value *builder_at(const struct builder *b, int value);

// --- graph_constant.c
int constant_of_tensor(struct builder *b, const struct onnx_tensor *t, int *ret_value) MUST_CHECK;
// A constant's whole numbers; floats are cut. ERR_UNSUPPORTED: not constant, or more than fit.
int constant_ints(struct builder *b, int value, const char *what,
                  struct known_ints *ret_ints) MUST_CHECK;
void constant_doubles(const struct graph_value *v, double *ret_values);
bool constant_is_scalar(const struct graph *g, int value, float *ret_scalar);

// --- graph_fold.c
bool fold_can(const struct builder *b, const struct graph_node *n);
// The output's elements. ERR_TOO_BIG: GRAPH_MAX_FOLDED. ERR_NOMEM.
int fold_node(struct builder *b, const struct graph_node *n, enum tensor_type type, int n_dims,
              const int64_t *dims, int *ret_value) MUST_CHECK;

// --- graph_import*.c
typedef int import_fn(struct builder *b, const struct onnx_node *n, const int *in, int n_in);
struct import_row {
    const char *op;
    import_fn *import;
    int min_inputs;
    bool may_lack; // inputs may be missing (-1)
};
extern const struct import_row import_choose[], import_compute[], import_quantized[],
    import_shape[];
int import_nodes(struct builder *b) MUST_CHECK;
int64_t import_int(const struct onnx_node *n, const char *name, int64_t unset);
float import_float(const struct onnx_node *n, const char *name, float unset);
bool import_text_is(const struct onnx_node *n, const char *name, const char *text);
// The axis as 0..rank-1.
int import_axis(struct builder *b, int64_t axis, int rank, int *ret_axis) MUST_CHECK;
// Ints of an attribute, or of the input where the attribute is not there; n is -1 where neither is.
int import_ints(struct builder *b, const struct onnx_node *n, const char *attribute, int input,
                struct known_ints *ret_ints) MUST_CHECK;
int import_concat_axis(struct builder *b, const int *in, int n_in, int axis,
                       int *ret_value) MUST_CHECK;
int import_slice_axis(struct builder *b, int in, int axis, int64_t start, int64_t n, int64_t step,
                      int *ret_value) MUST_CHECK;

// --- graph_pass.c
int graph_simplify(struct builder *b) MUST_CHECK;
