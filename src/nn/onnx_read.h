// SPDX-License-Identifier: Apache-2.0
// onnx_read.h - an ONNX file as plain structs: our own small protobuf reader that trusts nothing.
//
// Lengths, counts, depths and sizes are checked before they are used; unknown fields are passed
// over. Local functions and training graphs are not kept, but the external data that they name is.
//
// Ownership: all texts and arrays belong to the struct onnx; bytes are views into the mapped file.
// Threads: constant after open.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "nn/tensor.h"

enum {
    ONNX_MAX_DEPTH = 16,      // of graphs in attributes of nodes of graphs
    ONNX_MAX_ITEMS = 1 << 20, // nodes, initializers, attributes: of each, in one list
    ONNX_MAX_RANK = 32,
    ONNX_MAX_INPUTS = 32,
    ONNX_MAX_ARENA = 512 * 1024 * 1024, // bytes of all structs together
};

#define ONNX_MAX_BYTES (2 * GIB)

enum onnx_attribute_type { // the numbers of AttributeProto.AttributeType
    ONNX_ATTRIBUTE_UNSET,
    ONNX_ATTRIBUTE_FLOAT,
    ONNX_ATTRIBUTE_INT,
    ONNX_ATTRIBUTE_STRING,
    ONNX_ATTRIBUTE_TENSOR,
    ONNX_ATTRIBUTE_GRAPH, // not kept
    ONNX_ATTRIBUTE_FLOATS,
    ONNX_ATTRIBUTE_INTS,
    ONNX_ATTRIBUTE_OTHER,
};

struct onnx_external {
    struct str location; // as written in the file
    int64_t offset;
    int64_t length; // -1: not said
};

struct onnx_tensor {
    struct str name;
    int data_type; // the number of TensorProto.DataType
    enum tensor_type type;
    int n_dims;
    const int64_t *dims;
    int64_t n_elements;
    struct str raw; // little-endian elements; empty where a typed list or external data holds them
    struct str message; // the whole TensorProto, where the typed lists are
    bool is_external;
    struct onnx_external external;
};

struct onnx_attribute {
    struct str name;
    enum onnx_attribute_type type;
    float f;
    int64_t i;
    struct str s;
    struct onnx_tensor *tensor; // NULL unless type says so
    const float *floats;
    size_t n_floats;
    const int64_t *ints;
    size_t n_ints;
};

struct onnx_node {
    struct str op; // "Conv"
    struct str domain;
    struct str name;
    const struct str *inputs;
    size_t n_inputs;
    const struct str *outputs;
    size_t n_outputs;
    const struct onnx_attribute *attributes;
    size_t n_attributes;
};

struct onnx_value {
    struct str name;
    enum tensor_type type;               // UNSET: not a tensor
    int n_dims;                          // -1: no shape stated
    int64_t dims[ONNX_MAX_RANK];         // -1: symbolic or unknown
    struct str dim_names[ONNX_MAX_RANK]; // of symbolic ones
};

struct onnx_pair {
    struct str key, value;
};

struct onnx {
    struct str producer, producer_version;
    int64_t ir_version;
    int64_t opset; // of the default domain; 0: not stated
    struct str graph_name;
    const struct onnx_node *nodes;
    size_t n_nodes;
    const struct onnx_tensor *initializers;
    size_t n_initializers;
    const struct onnx_value *inputs; // without those that initializers fill
    size_t n_inputs;
    const struct onnx_value *outputs;
    size_t n_outputs;
    const struct onnx_pair *metadata;
    size_t n_metadata;
    const struct onnx_external *externals; // of every tensor anywhere in the file
    size_t n_externals;
    int64_t n_parameters; // elements of all initializers
};

// Maps and reads the file. ERR_NOT_FOUND, ERR_INVALID (a directory); ERR_MODEL: empty, a Git-LFS
// pointer, another format (named where known), not protobuf, cut short; ERR_TOO_BIG: over
// ONNX_MAX_BYTES or a limit above; ERR_NOMEM. Does not look at external data.
int onnx_open(const char *path, struct onnx **ret_onnx) MUST_CHECK;
// The same over bytes that the caller keeps alive; *name* is what messages call them.
int onnx_parse(const void *bytes, size_t n, const char *name, struct onnx **ret_onnx) MUST_CHECK;
// For both: ERR_MODEL where the first bytes are of no ONNX file, with the name of what they are.
int onnx_check_format(struct str bytes, const char *name) MUST_CHECK;
void onnx_close(struct onnx *o); // NULL is a no-op

// Every external file must lie in *path*'s own directory (also after following symlinks), exist and
// be large enough. ERR_MODEL with the cause.
int onnx_check_external(const struct onnx *o, const char *path) MUST_CHECK;

// NULL where absent.
const struct onnx_node *onnx_producer(const struct onnx *o, struct str tensor);
const struct onnx_tensor *onnx_initializer(const struct onnx *o, struct str name);
const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name);
struct str onnx_metadata(const struct onnx *o, const char *key); // empty where absent
size_t onnx_count_op(const struct onnx *o, const char *op);
