// SPDX-License-Identifier: Apache-2.0
// view.h - where the elements of a value lie: dimensions and strides over some block of memory.
//
// Slices, transpositions, most reshapes and the parts of a concatenation are other views of the
// same block and cost nothing.
//
// Ownership and threads: plain values.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nn/tensor.h"

struct view {
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    int64_t strides[TENSOR_MAX_DIMS]; // in elements; 0: the same element again
    int64_t offset;                   // of the first element
};

// The order in which dimensions lie in memory, the outermost first.
struct view_order {
    int dims[TENSOR_MAX_DIMS];
};

int64_t view_count(const struct view *v); // elements
// Without gaps in *order*; *n_dims* and *dims* as they are.
struct view view_dense(int n_dims, const int64_t *dims, const struct view_order *order);
struct view_order view_rows(int n_dims);                     // the last dimension innermost
struct view_order view_channels_last(void);                  // of four dimensions: N H W C
struct view_order view_order_of(const struct view *v);       // as its strides have it
bool view_is_rows(const struct view *v);                     // rows without gaps
bool view_equal(const struct view *x, const struct view *y); // strides of dimensions of 1 aside
// The same elements in other dimensions. False: no strides say it.
bool view_reshape(const struct view *v, int n_dims, const int64_t *dims, struct view *ret_view);
struct view view_transpose(const struct view *v, const int *perm);
struct view view_slice(const struct view *v, const int64_t *start, const int64_t *step,
                       const int64_t *dims);
struct view view_expand(const struct view *v, int n_dims, const int64_t *dims);
// (1, C, H, W) whose channels lie together and whose pixels follow each other at one distance.
bool view_is_picture(const struct view *v, int64_t *ret_pixel_stride);
