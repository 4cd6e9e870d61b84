// SPDX-License-Identifier: Apache-2.0
// view.c - arithmetic of dimensions and strides.

#include "nn/view.h"

#include <string.h>

int64_t view_count(const struct view *v)
{
    int64_t n = 1;
    for (int d = 0; d < v->n_dims; d++)
        n *= v->dims[d];
    return n;
}

struct view view_dense(int n_dims, const int64_t *dims, const struct view_order *order)
{
    struct view v = {.n_dims = n_dims};
    int64_t stride = 1;
    for (int i = n_dims - 1; i >= 0; i--) {
        int d = order->dims[i];
        v.dims[d] = dims[d];
        v.strides[d] = stride;
        stride *= dims[d];
    }
    return v;
}

struct view_order view_rows(int n_dims)
{
    struct view_order o = {{0}};
    for (int d = 0; d < n_dims; d++)
        o.dims[d] = d;
    return o;
}

struct view_order view_channels_last(void)
{
    return (struct view_order){{0, 2, 3, 1}};
}

// By falling strides; dimensions of 1 and repeated ones keep their place before the next one.
struct view_order view_order_of(const struct view *v)
{
    struct view_order o = view_rows(v->n_dims);
    for (int i = 1; i < v->n_dims; i++) {
        for (int k = i; k > 0; k--) {
            int a = o.dims[k - 1];
            int b = o.dims[k];
            bool swap = v->dims[a] > 1 && v->dims[b] > 1 && v->strides[a] < v->strides[b];
            if (v->dims[b] > 1 && v->dims[a] == 1 && k > 1) {
                int c = o.dims[k - 2];
                swap = v->strides[c] < v->strides[b];
            }
            if (!swap)
                break;
            o.dims[k - 1] = b;
            o.dims[k] = a;
        }
    }
    return o;
}

bool view_equal(const struct view *x, const struct view *y)
{
    if (x->n_dims != y->n_dims || x->offset != y->offset)
        return false;
    for (int d = 0; d < x->n_dims; d++) {
        if (x->dims[d] != y->dims[d] || (x->dims[d] > 1 && x->strides[d] != y->strides[d]))
            return false;
    }
    return true;
}

bool view_is_rows(const struct view *v)
{
    int64_t stride = 1;
    for (int d = v->n_dims - 1; d >= 0; d--) {
        if (v->dims[d] > 1 && v->strides[d] != stride)
            return false;
        stride *= v->dims[d];
    }
    return true;
}

// Old dimensions are taken in groups whose products are those of groups of new ones; inside a group
// the old ones must follow each other without gaps.
bool view_reshape(const struct view *v, int n_dims, const int64_t *dims, struct view *ret_view)
{
    int64_t old_dims[TENSOR_MAX_DIMS];
    int64_t old_strides[TENSOR_MAX_DIMS];
    int n_old = 0;
    for (int d = 0; d < v->n_dims; d++) {
        if (v->dims[d] == 1)
            continue;
        old_dims[n_old] = v->dims[d];
        old_strides[n_old++] = v->strides[d];
    }
    struct view out = {.n_dims = n_dims, .offset = v->offset};
    memcpy(out.dims, dims, (size_t)n_dims * sizeof(dims[0]));
    int o = 0;
    for (int d = 0; d < n_dims;) {
        int first_new = d;
        int first_old = o;
        int64_t have_new = dims[d++];
        if (have_new == 1) {
            out.strides[first_new] = 1;
            continue;
        }
        if (o >= n_old)
            return false;
        int64_t have_old = old_dims[o++];
        while (have_new != have_old) {
            if (have_new < have_old) {
                if (d >= n_dims)
                    return false;
                have_new *= dims[d++];
            } else {
                if (o >= n_old)
                    return false;
                have_old *= old_dims[o++];
            }
        }
        for (int k = first_old; k + 1 < o; k++) {
            if (old_strides[k] != old_strides[k + 1] * old_dims[k + 1])
                return false;
        }
        int64_t stride = old_strides[o - 1];
        for (int k = d - 1; k >= first_new; k--) {
            out.strides[k] = stride;
            stride *= dims[k];
        }
    }
    *ret_view = out;
    return true;
}

struct view view_transpose(const struct view *v, const int *perm)
{
    struct view out = {.n_dims = v->n_dims, .offset = v->offset};
    for (int d = 0; d < v->n_dims; d++) {
        out.dims[d] = v->dims[perm[d]];
        out.strides[d] = v->strides[perm[d]];
    }
    return out;
}

struct view view_slice(const struct view *v, const int64_t *start, const int64_t *step,
                       const int64_t *dims)
{
    struct view out = *v;
    for (int d = 0; d < v->n_dims; d++) {
        out.offset += start[d] * v->strides[d];
        out.strides[d] = v->strides[d] * step[d];
        out.dims[d] = dims[d];
    }
    return out;
}

struct view view_expand(const struct view *v, int n_dims, const int64_t *dims)
{
    struct view out = {.n_dims = n_dims, .offset = v->offset};
    for (int d = 0; d < n_dims; d++) {
        int from = d - (n_dims - v->n_dims);
        out.dims[d] = dims[d];
        out.strides[d] = from < 0 || v->dims[from] == 1 ? 0 : v->strides[from];
    }
    return out;
}

bool view_is_picture(const struct view *v, int64_t *ret_pixel_stride)
{
    if (v->n_dims != 4 || v->dims[0] != 1)
        return false;
    int64_t c = v->dims[1];
    int64_t h = v->dims[2];
    int64_t w = v->dims[3];
    if (c > 1 && v->strides[1] != 1)
        return false;
    int64_t stride = w > 1 ? v->strides[3] : h > 1 ? v->strides[2] : c;
    if (stride < c || (w > 1 && h > 1 && v->strides[2] != w * stride))
        return false;
    *ret_pixel_stride = stride;
    return true;
}
