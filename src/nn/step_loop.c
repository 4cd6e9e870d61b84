// SPDX-License-Identifier: Apache-2.0
// step_loop.c - steps that take their numbers one by one: copies and arithmetic, over any strides.
//
// A loop's first place settles the order: its smallest stride is innermost. Inner rows go to the
// functions of rows.h.

#include <stdlib.h>
#include <string.h>

#include "nn/kernel_pass.h"
#include "nn/plan_priv.h"
#include "nn/rows.h"

size_t element_size(enum element e)
{
    static const uint8_t sizes[] = {
        [ELEMENT_F32] = 4, [ELEMENT_BF16] = 2, [ELEMENT_F16] = 2, [ELEMENT_U8] = 1,
        [ELEMENT_I8] = 1,  [ELEMENT_I32] = 4,  [ELEMENT_I64] = 8};
    return sizes[e];
}

// --- making

static void add_dim(struct loop *l, int64_t dim, const int64_t *strides, int n_views)
{
    int last = l->n_dims - 1;
    bool joins = l->n_dims > 0;
    for (int k = 0; k < n_views && joins; k++)
        joins = l->strides[k][last] == strides[k] * dim;
    if (joins) {
        l->dims[last] *= dim;
    } else {
        last = l->n_dims++;
        l->dims[last] = dim;
    }
    for (int k = 0; k < n_views; k++)
        l->strides[k][last] = strides[k];
}

void loop_make(struct loop *l, const struct view *const *views, int n_views)
{
    *l = (struct loop){0};
    struct view_order order = view_order_of(views[0]);
    for (int i = 0; i < views[0]->n_dims; i++) {
        int d = order.dims[i];
        int64_t strides[3] = {0};
        for (int k = 0; k < n_views; k++)
            strides[k] = views[k]->strides[d];
        if (views[0]->dims[d] > 1)
            add_dim(l, views[0]->dims[d], strides, n_views);
    }
    if (l->n_dims == 0)
        add_dim(l, 1, (int64_t[3]){1, 1, 1}, n_views);
}

// --- walking: all but the innermost *n_inner* dimensions

struct walk {
    const struct loop *l;
    int n_outer;
    int64_t at[TENSOR_MAX_DIMS];
    int64_t offset[3];
};

static bool walk_next(struct walk *w)
{
    for (int d = w->n_outer - 1; d >= 0; d--) {
        for (int k = 0; k < 3; k++)
            w->offset[k] += w->l->strides[k][d];
        if (++w->at[d] < w->l->dims[d])
            return true;
        for (int k = 0; k < 3; k++)
            w->offset[k] -= w->l->strides[k][d] * w->l->dims[d];
        w->at[d] = 0;
    }
    return false;
}

// --- copies

static double element_read(enum element e, const uint8_t *p)
{
    switch (e) {
    case ELEMENT_F32: {
        float v;
        memcpy(&v, p, sizeof(v));
        return (double)v;
    }
    case ELEMENT_BF16:
    case ELEMENT_F16: {
        uint16_t v;
        memcpy(&v, p, sizeof(v));
        float f;
        uint32_t bits = (uint32_t)v << 16;
        memcpy(&f, &bits, sizeof(f));
        return (double)(e == ELEMENT_F16 ? tensor_from_half(v) : f);
    }
    case ELEMENT_U8:
        return *p;
    case ELEMENT_I8:
        return (int8_t)*p;
    case ELEMENT_I32: {
        int32_t v;
        memcpy(&v, p, sizeof(v));
        return v;
    }
    case ELEMENT_I64: {
        int64_t v;
        memcpy(&v, p, sizeof(v));
        return (double)v;
    }
    }
    return 0;
}

static void element_write(enum element e, double v, uint8_t *p)
{
    switch (e) {
    case ELEMENT_F32: {
        float f = (float)v;
        memcpy(p, &f, sizeof(f));
        break;
    }
    case ELEMENT_BF16: {
        uint16_t h;
        float f = (float)v;
        rows_c.narrow(1, &f, &h);
        memcpy(p, &h, sizeof(h));
        break;
    }
    case ELEMENT_F16: {
        uint16_t h = tensor_to_half((float)v);
        memcpy(p, &h, sizeof(h));
        break;
    }
    case ELEMENT_U8:
        *p = (uint8_t)(v > 0 ? v < 255 ? v : 255 : 0);
        break;
    case ELEMENT_I8:
        *p = (uint8_t)(int8_t)(v > -128 ? v < 127 ? v : 127 : -128);
        break;
    case ELEMENT_I32: {
        int32_t i = v > -0x1p31 && v < 0x1p31 ? (int32_t)v : INT32_MIN;
        memcpy(p, &i, sizeof(i));
        break;
    }
    case ELEMENT_I64: {
        int64_t i = v > -0x1p62 && v < 0x1p62 ? (int64_t)v : INT64_MIN;
        memcpy(p, &i, sizeof(i));
        break;
    }
    }
}

static void convert_row(enum element from, const uint8_t *in, int64_t in_step, enum element to,
                        uint8_t *out, int64_t out_step, int64_t n)
{
    const struct rows *rows = rows_get();
    if (in_step == 1 && out_step == 1 && from == ELEMENT_BF16 && to == ELEMENT_F32) {
        rows->widen((size_t)n, (const void *)in, (void *)out);
        return;
    }
    if (in_step == 1 && out_step == 1 && from == ELEMENT_F32 && to == ELEMENT_BF16) {
        rows->narrow((size_t)n, (const void *)in, (void *)out);
        return;
    }
    ptrdiff_t a = (ptrdiff_t)(in_step * (int64_t)element_size(from));
    ptrdiff_t b = (ptrdiff_t)(out_step * (int64_t)element_size(to));
    for (int64_t i = 0; i < n; i++)
        element_write(to, element_read(from, in + i * a), out + i * b);
}

static void move_row(size_t size, const uint8_t *in, int64_t in_step, uint8_t *out,
                     int64_t out_step, int64_t n)
{
    if (in_step == 1 && out_step == 1) {
        memcpy(out, in, (size_t)n * size);
    } else if (size == 4) {
        const uint32_t *x = (const void *)in;
        uint32_t *y = (void *)out;
        for (int64_t i = 0; i < n; i++)
            y[i * out_step] = x[i * in_step];
    } else {
        const uint16_t *x = (const void *)in;
        uint16_t *y = (void *)out;
        for (int64_t i = 0; i < n; i++)
            y[i * out_step] = x[i * in_step];
    }
}

// Of elements of four or two bytes whose neighbours are side by side in the input along one
// dimension and in the output along another.
static bool copy_transposed(const struct loop *l, size_t size, const void *from, void *to)
{
    int last = l->n_dims - 1;
    int t = -1; // the input's innermost
    for (int d = 0; d < last; d++) {
        if (l->strides[1][d] == 1)
            t = d;
    }
    if (t < 0 || l->strides[0][last] != 1 || l->strides[1][last] == 1)
        return false;
    struct loop rest = {0};
    for (int d = 0; d < last; d++) {
        if (d == t)
            continue;
        rest.dims[rest.n_dims] = l->dims[d];
        rest.strides[0][rest.n_dims] = l->strides[0][d];
        rest.strides[1][rest.n_dims++] = l->strides[1][d];
    }
    const struct rows *rows = rows_get();
    struct walk w = {.l = &rest, .n_outer = rest.n_dims};
    do {
        size_t height = (size_t)l->dims[last];
        size_t width = (size_t)l->dims[t];
        ptrdiff_t in_step = (ptrdiff_t)l->strides[1][last];
        ptrdiff_t out_step = (ptrdiff_t)l->strides[0][t];
        if (size == 4)
            rows->transpose(height, width, (const uint32_t *)from + w.offset[1], in_step,
                            (uint32_t *)to + w.offset[0], out_step);
        else
            rows->transpose16(height, width, (const uint16_t *)from + w.offset[1], in_step,
                              (uint16_t *)to + w.offset[0], out_step);
    } while (walk_next(&w));
    return true;
}

enum kernel_type step_kernel_type(enum element e)
{
    return e == ELEMENT_BF16 ? KERNEL_BF16 : e == ELEMENT_U8 ? KERNEL_U8 : KERNEL_F32;
}

struct kernel_view step_picture(const struct place *p, const void *data)
{
    union {
        const void *in;
        void *out;
    } at = {.in = data};
    int64_t stride = p->view.dims[1];
    bool is_picture = view_is_picture(&p->view, &stride);
    return (struct kernel_view){.data = at.out,
                                .height = (int)p->view.dims[2],
                                .width = (int)p->view.dims[3],
                                .channels = (int)p->view.dims[1],
                                .pixel_stride = is_picture ? (int)stride : 0,
                                .type = step_kernel_type(p->element),
                                .scale = p->quant.scale,
                                .zero_point = p->quant.zero_point};
}

// A row of numbers as kernels see it: one pixel of many channels, or many pixels of one.
static struct kernel_view row_view(const struct place *p, const void *data, int64_t n,
                                   bool is_dense, int64_t step)
{
    union {
        const void *in;
        void *out;
    } at = {.in = data};
    return (struct kernel_view){.data = at.out,
                                .height = 1,
                                .width = is_dense ? 1 : (int)n,
                                .channels = is_dense ? (int)n : 1,
                                .pixel_stride = is_dense ? (int)n : (int)step,
                                .type = step_kernel_type(p->element),
                                .scale = p->quant.scale,
                                .zero_point = p->quant.zero_point};
}

// From or to bytes with a meaning.
static void copy_quantised(const struct step *s, const uint8_t *from, uint8_t *to)
{
    const struct kernel_rows *kernels = NULL;
    const struct loop *l = &s->loop;
    int last = l->n_dims - 1;
    int64_t n = l->dims[last];
    bool is_dense = l->strides[0][last] == 1 && l->strides[1][last] == 1;
    IGNORE(kernel_rows_choose(CPU_ISA_UNSET, &kernels)); // a wrong ASSAY_ISA was said at compile
    struct walk w = {.l = l, .n_outer = last};
    do {
        const uint8_t *p = from + w.offset[1] * (int64_t)element_size(s->in[0].element);
        uint8_t *q = to + w.offset[0] * (int64_t)element_size(s->out[0].element);
        struct kernel_view in = row_view(&s->in[0], p, n, is_dense, l->strides[1][last]);
        struct kernel_view out = row_view(&s->out[0], q, n, is_dense, l->strides[0][last]);
        kernel_activate(kernels, &in, &out, KERNEL_LINEAR, 0);
    } while (walk_next(&w));
}

static bool is_quantised(const struct place *p)
{
    return p->element == ELEMENT_U8 && p->quant.scale > 0;
}

void step_copy(const struct step *s, const void *from, void *to)
{
    if (is_quantised(&s->in[0]) || is_quantised(&s->out[0])) {
        copy_quantised(s, (const uint8_t *)from, (uint8_t *)to);
        return;
    }
    const struct loop *l = &s->loop;
    enum element a = s->in[0].element;
    enum element b = s->out[0].element;
    size_t in_size = element_size(a);
    size_t out_size = element_size(b);
    if (a == b && (in_size == 4 || in_size == 2) && copy_transposed(l, in_size, from, to))
        return;
    int last = l->n_dims - 1;
    struct walk w = {.l = l, .n_outer = last};
    do {
        const uint8_t *in = (const uint8_t *)from + w.offset[1] * (int64_t)in_size;
        uint8_t *out = (uint8_t *)to + w.offset[0] * (int64_t)out_size;
        if (a == b && in_size >= 2 && in_size <= 4)
            move_row(in_size, in, l->strides[1][last], out, l->strides[0][last], l->dims[last]);
        else
            convert_row(a, in, l->strides[1][last], b, out, l->strides[0][last], l->dims[last]);
    } while (walk_next(&w));
}

void step_planes(const struct step *s, const float *from, void *to)
{
    const struct kernel_rows *kernels;
    int64_t stride = 0;
    const struct view *v = &s->out[0].view;
    if (!view_is_picture(v, &stride) || kernel_rows_choose(CPU_ISA_UNSET, &kernels) < 0) {
        step_copy(s, from, to);
        return;
    }
    struct kernel_view out = {.data = to,
                              .height = (int)v->dims[2],
                              .width = (int)v->dims[3],
                              .channels = (int)v->dims[1],
                              .pixel_stride = (int)stride,
                              .type = step_kernel_type(s->out[0].element),
                              .scale = s->out[0].quant.scale,
                              .zero_point = s->out[0].quant.zero_point};
    kernel_from_planes(kernels, from, &out);
}

// --- arithmetic

// What has an exponential: the kernels' is several times as fast as the rows'.
static void activate_row(const struct kernel_rows *kernels, const struct step *s, const float *from,
                         float *to, int64_t n)
{
    enum kernel_activation kind = s->u.unary.kind == GRAPH_SILU ? KERNEL_SILU : KERNEL_SIGMOID;
    struct kernel_view in = row_view(&s->in[0], from, n, true, 1);
    struct kernel_view out = row_view(&s->out[0], to, n, true, 1);
    kernel_activate(kernels, &in, &out, kind, 0);
}

void step_unary(const struct step *s, const float *from, float *to)
{
    const struct rows *rows = rows_get();
    struct loop l = s->loop;
    if (copy_transposed(&l, sizeof(float), from, to)) { // then in place
        memcpy(l.strides[1], l.strides[0], sizeof(l.strides[1]));
        from = to;
    }
    int last = l.n_dims - 1;
    const struct kernel_rows *kernels = NULL;
    bool is_dense = l.strides[0][last] == 1 && l.strides[1][last] == 1;
    if (is_dense && (s->u.unary.kind == GRAPH_SIGMOID || s->u.unary.kind == GRAPH_SILU))
        IGNORE(kernel_rows_choose(CPU_ISA_UNSET, &kernels)); // a wrong ASSAY_ISA was said before
    struct walk w = {.l = &l, .n_outer = last};
    do {
        if (kernels)
            activate_row(kernels, s, from + w.offset[1], to + w.offset[0], l.dims[last]);
        else
            rows->unary(&s->u.unary, (size_t)l.dims[last], from + w.offset[1],
                        (ptrdiff_t)l.strides[1][last], to + w.offset[0],
                        (ptrdiff_t)l.strides[0][last]);
    } while (walk_next(&w));
}

static void truncate_row(size_t n, float *out, ptrdiff_t step)
{
    for (size_t i = 0; i < n; i++)
        out[(ptrdiff_t)i * step] = (float)(int64_t)out[(ptrdiff_t)i * step];
}

static void add_bf16(const struct loop *l, const uint16_t *x, const uint16_t *y, uint16_t *to)
{
    const struct rows *rows = rows_get();
    int last = l->n_dims - 1;
    struct walk w = {.l = l, .n_outer = last};
    do {
        rows->add_bf16((size_t)l->dims[last], x + w.offset[1], y + w.offset[2], to + w.offset[0]);
    } while (walk_next(&w));
}

void step_binary(const struct step *s, const void *x, const void *y, void *to)
{
    const struct rows *rows = rows_get();
    const struct loop *l = &s->loop;
    if (s->out[0].element == ELEMENT_BF16) { // a residual: pictures all three
        add_bf16(l, x, y, to);
        return;
    }
    int last = l->n_dims - 1;
    struct walk w = {.l = l, .n_outer = last};
    do {
        float *out = (float *)to + w.offset[0];
        rows->binary(s->u.binary.kind, (size_t)l->dims[last], (const float *)x + w.offset[1],
                     (ptrdiff_t)l->strides[1][last], (const float *)y + w.offset[2],
                     (ptrdiff_t)l->strides[2][last], out, (ptrdiff_t)l->strides[0][last]);
        if (s->u.binary.kind == GRAPH_DIV && s->u.binary.integer)
            truncate_row((size_t)l->dims[last], out, (ptrdiff_t)l->strides[0][last]);
    } while (walk_next(&w));
}

void step_fill(const struct step *s, void *to)
{
    const struct loop *l = &s->loop;
    int last = l->n_dims - 1;
    struct walk w = {.l = l, .n_outer = last};
    do {
        float *out = (float *)to + w.offset[0];
        int64_t step = l->strides[0][last];
        for (int64_t i = 0; step == 1 && i < l->dims[last]; i++)
            out[i] = s->u.fill;
        for (int64_t i = 0; step != 1 && i < l->dims[last]; i++)
            out[i * step] = s->u.fill;
    } while (walk_next(&w));
}

// The loop's first place is the input; reduced dimensions stand still in the output.
void step_reduce(const struct step *s, const float *from, float *to)
{
    const struct rows *rows = rows_get();
    enum graph_reduce kind = s->u.reduce.kind;
    const struct view *out = &s->out[0].view;
    float start = kind == GRAPH_REDUCE_MAX   ? -__builtin_inff()
                  : kind == GRAPH_REDUCE_MIN ? __builtin_inff()
                                             : 0;
    struct loop o;
    const struct view *views[1] = {out};
    loop_make(&o, views, 1);
    struct step each = {.loop = o, .u.fill = start};
    step_fill(&each, to);
    enum graph_binary how = kind == GRAPH_REDUCE_MAX   ? GRAPH_MAX
                            : kind == GRAPH_REDUCE_MIN ? GRAPH_MIN
                                                       : GRAPH_ADD;
    const struct loop *l = &s->loop;
    int last = l->n_dims - 1;
    struct walk w = {.l = l, .n_outer = last};
    do {
        float *sum = to + w.offset[1];
        ptrdiff_t step = (ptrdiff_t)l->strides[1][last];
        rows->binary(how, (size_t)l->dims[last], from + w.offset[0], (ptrdiff_t)l->strides[0][last],
                     sum, step, sum, step);
    } while (walk_next(&w));
    if (kind != GRAPH_REDUCE_MEAN)
        return;
    float count = (float)view_count(&s->in[0].view) / (float)view_count(out);
    last = o.n_dims - 1;
    struct walk v = {.l = &o, .n_outer = last};
    do {
        float *sum = to + v.offset[0];
        ptrdiff_t step = (ptrdiff_t)o.strides[0][last];
        rows->binary(GRAPH_DIV, (size_t)o.dims[last], sum, step, &count, 0, sum, step);
    } while (walk_next(&v));
}
