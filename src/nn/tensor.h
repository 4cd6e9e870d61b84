// SPDX-License-Identifier: Apache-2.0
// tensor.h - what goes into a network and comes out of it: typed numbers with a shape.
//
// Ownership: a struct tensor borrows its data.
// Threads: plain values.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum tensor_type {
    TENSOR_TYPE_UNSET,
    TENSOR_FLOAT32,
    TENSOR_FLOAT16,
    TENSOR_UINT8,
    TENSOR_INT8,
    TENSOR_INT32,
    TENSOR_INT64,
    TENSOR_BOOL,
    TENSOR_FLOAT64,
    TENSOR_OTHER,
};

enum {
    TENSOR_MAX_DIMS = 8,
};

// Rows follow each other without gaps, the last dimension fastest.
struct tensor {
    enum tensor_type type;
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    void *data; // inputs: borrowed during the run; outputs: the context's, valid until its next run
    size_t n_bytes;
};

size_t tensor_type_bytes(enum tensor_type type);     // of an element; 0 for what has no fixed size
const char *tensor_type_name(enum tensor_type type); // "float32"

// IEEE half precision.
float tensor_from_half(uint16_t half);
uint16_t tensor_to_half(float value); // to nearest, ties to even
