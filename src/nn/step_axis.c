// SPDX-License-Identifier: Apache-2.0
// step_axis.c - steps along one dimension: softmax, gathers, the k largest.

#include <stdlib.h>
#include <string.h>

#include "nn/kernel_pass.h"
#include "nn/plan_priv.h"
#include "nn/rows.h"

enum {
    SOFTMAX_BUFFER = 1024, // longer rows are read twice
};

// --- softmax

static void softmax_row(const struct rows *rows, int64_t n, const float *in, ptrdiff_t in_step,
                        float *out, ptrdiff_t out_step)
{
    float max = in[0];
    for (int64_t i = 1; i < n; i++)
        max = in[i * in_step] > max ? in[i * in_step] : max;
    float sum = 0;
    if (in_step == 1 && out_step == 1) {
        rows->exp_less((size_t)n, in, max, out);
        for (int64_t i = 0; i < n; i++)
            sum += out[i];
        rows->scale((size_t)n, 1.0f / sum, out);
        return;
    }
    float buffer[SOFTMAX_BUFFER];
    for (int64_t done = 0; done < n; done += SOFTMAX_BUFFER) {
        int64_t part = MIN(n - done, SOFTMAX_BUFFER);
        for (int64_t i = 0; i < part; i++)
            buffer[i] = in[(done + i) * in_step];
        rows->exp_less((size_t)part, buffer, max, buffer);
        for (int64_t i = 0; i < part; i++) {
            sum += buffer[i];
            out[(done + i) * out_step] = buffer[i];
        }
    }
    float factor = 1.0f / sum;
    for (int64_t i = 0; i < n; i++)
        out[i * out_step] *= factor;
}

// Rows that lie side by side without gaps go to the kernels, all at once.
static bool softmax_in_place(const struct step *s, const float *from, float *to)
{
    const struct kernel_rows *kernels;
    const struct view *out = &s->out[0].view;
    struct view_order order = view_order_of(out);
    struct view dense = view_dense(out->n_dims, out->dims, &order);
    dense.offset = out->offset;
    int64_t n = out->dims[s->u.axis];
    if (n < 2 || out->strides[s->u.axis] != 1 || !view_equal(&dense, out) ||
        kernel_rows_choose(CPU_ISA_UNSET, &kernels) < 0)
        return false;
    step_copy(s, from, to);
    kernel_softmax(kernels, to, (size_t)(view_count(out) / n), (size_t)n, (size_t)n);
    return true;
}

void step_softmax(const struct step *s, const float *from, float *to)
{
    if (softmax_in_place(s, from, to))
        return;
    const struct rows *rows = rows_get();
    struct view in = s->in[0].view;
    struct view out = s->out[0].view;
    int axis = s->u.axis;
    int64_t n = in.dims[axis];
    ptrdiff_t in_step = (ptrdiff_t)in.strides[axis];
    ptrdiff_t out_step = (ptrdiff_t)out.strides[axis];
    int64_t count = view_count(&in) / n;
    int64_t at[TENSOR_MAX_DIMS] = {0};
    in.dims[axis] = 1;
    for (int64_t i = 0; i < count; i++) {
        softmax_row(rows, n, from, in_step, to, out_step);
        for (int d = in.n_dims - 1; d >= 0; d--) {
            from += in.strides[d];
            to += out.strides[d];
            if (++at[d] < in.dims[d])
                break;
            from -= in.strides[d] * in.dims[d];
            to -= out.strides[d] * in.dims[d];
            at[d] = 0;
        }
    }
}

// --- gathers; rows lie without gaps

// An index as the file means it: from behind where negative. Nonsense becomes the first or last.
static int64_t index_of(float v, int64_t size)
{
    double at = (double)(v < 0 ? v + (float)size : v);
    return at >= 0 ? at < (double)size ? (int64_t)at : size - 1 : 0;
}

static int64_t product(const int64_t *dims, int from, int to)
{
    int64_t n = 1;
    for (int d = from; d < to; d++)
        n *= dims[d];
    return n;
}

void step_gather(const struct step *s, const float *from, const float *indices, float *to)
{
    const struct view *in = &s->in[0].view;
    int axis = s->u.axis;
    int64_t inner = product(in->dims, axis + 1, in->n_dims);
    int64_t outer = product(in->dims, 0, axis);
    int64_t size = in->dims[axis];
    int64_t picks = view_count(&s->in[1].view);
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t p = 0; p < picks; p++)
            memcpy(to + (o * picks + p) * inner,
                   from + (o * size + index_of(indices[p], size)) * inner,
                   (size_t)inner * sizeof(float));
    }
}

void step_gather_elements(const struct step *s, const float *from, const float *indices, float *to)
{
    const struct view *in = &s->in[0].view;
    const struct view *out = &s->in[1].view; // of the indices' shape
    int axis = s->u.axis;
    int64_t count = view_count(out);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i;
        int64_t offset = 0;
        int64_t stride = 1;
        for (int d = in->n_dims - 1; d >= 0; d--) {
            int64_t at = rest % out->dims[d];
            rest /= out->dims[d];
            if (d == axis)
                at = index_of(indices[i], in->dims[d]);
            offset += at * stride;
            stride *= in->dims[d];
        }
        to[i] = from[offset];
    }
}

// --- the k largest

struct candidate {
    float value; // negated where the smallest are wanted
    int32_t index;
};

size_t step_top_k_scratch(const struct step *s)
{
    return (size_t)s->in[0].view.dims[s->u.top_k.axis] * sizeof(struct candidate);
}

// Of equal ones the first in the list goes first.
static bool is_before(struct candidate a, struct candidate b)
{
    return a.value != b.value ? a.value > b.value : a.index < b.index;
}

static int by_rank(const void *a, const void *b)
{
    struct candidate x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return is_before(x, y) ? -1 : is_before(y, x);
}

// The root of the heap of the best k so far is the worst of them.
static void sink_down(struct candidate *heap, int64_t n)
{
    int64_t i = 0;
    for (;;) {
        int64_t worst = i;
        for (int64_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++) {
            if (is_before(heap[worst], heap[k]))
                worst = k;
        }
        if (worst == i)
            return;
        struct candidate c = heap[i];
        heap[i] = heap[worst];
        heap[worst] = c;
        i = worst;
    }
}

static void float_up(struct candidate *heap, int64_t i)
{
    while (i > 0 && is_before(heap[(i - 1) / 2], heap[i])) {
        struct candidate c = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = c;
        i = (i - 1) / 2;
    }
}

void step_top_k(const struct step *s, const float *from, float *values, float *indices,
                void *scratch)
{
    const struct view *in = &s->in[0].view;
    int axis = s->u.top_k.axis;
    int64_t size = in->dims[axis];
    int64_t k = s->out[0].view.dims[axis];
    int64_t inner = product(in->dims, axis + 1, in->n_dims);
    int64_t outer = product(in->dims, 0, axis);
    float sign = s->u.top_k.smallest ? -1 : 1;
    struct candidate *heap = scratch;
    for (int64_t row = 0; row < outer * inner; row++) {
        const float *p = from + row / inner * size * inner + row % inner;
        for (int64_t i = 0; i < size; i++) {
            float v = p[i * inner] == p[i * inner] ? sign * p[i * inner] : -__builtin_inff();
            struct candidate c = {v, (int32_t)i};
            if (i < k) {
                heap[i] = c;
                float_up(heap, i);
            } else if (is_before(c, heap[0])) {
                heap[0] = c;
                sink_down(heap, k);
            }
        }
        qsort(heap, (size_t)k, sizeof(*heap), by_rank);
        for (int64_t i = 0; i < k; i++) {
            int64_t at = (row / inner * k + i) * inner + row % inner;
            values[at] = p[heap[i].index * inner];
            indices[at] = (float)heap[i].index;
        }
    }
}
