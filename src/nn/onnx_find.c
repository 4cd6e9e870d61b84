// SPDX-License-Identifier: Apache-2.0
// onnx_find.c - nodes, tensors, attributes and metadata of a read model by name.

#include <string.h>

#include "nn/onnx_read.h"

const struct onnx_node *onnx_producer(const struct onnx *o, struct str tensor)
{
    for (size_t i = 0; i < o->n_nodes; i++) {
        for (size_t k = 0; k < o->nodes[i].n_outputs; k++) {
            if (str_equal(o->nodes[i].outputs[k], tensor))
                return &o->nodes[i];
        }
    }
    return NULL;
}

const struct onnx_tensor *onnx_initializer(const struct onnx *o, struct str name)
{
    for (size_t i = 0; i < o->n_initializers; i++) {
        if (str_equal(o->initializers[i].name, name))
            return &o->initializers[i];
    }
    return NULL;
}

const struct onnx_attribute *onnx_attribute(const struct onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attributes; i++) {
        if (str_is(node->attributes[i].name, name))
            return &node->attributes[i];
    }
    return NULL;
}

struct str onnx_metadata(const struct onnx *o, const char *key)
{
    for (size_t i = 0; i < o->n_metadata; i++) {
        if (str_is(o->metadata[i].key, key))
            return o->metadata[i].value;
    }
    return (struct str){NULL, 0};
}

size_t onnx_count_op(const struct onnx *o, const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_nodes; i++)
        n += str_is(o->nodes[i].op, op);
    return n;
}
