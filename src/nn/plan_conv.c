// SPDX-License-Identifier: Apache-2.0
// plan_conv.c - convolutions: which code runs one, and its step.
//
// Ours (kernel.h) take any part of a wider picture, activate and add in one pass: they have what
// they can do. Depthwise ones go row by row. The rest (other groups, dilations, strides) goes to
// oneDNN, which wants pictures without gaps.

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel.h"
#include "nn/kernel_pass.h"
#include "nn/plan_priv.h"
#include "nn/prim.h"
#include "nn/rows.h"

enum conv_way { WAY_UNSET, WAY_KERNEL, WAY_DEPTHWISE, WAY_LIBRARY };

struct conv {
    enum conv_way way;
    struct kernel_conv *kernel;
    struct kernel_view in, add, out; // data is filled in for each run
    struct prim_conv *prim;
    // DEPTHWISE
    const struct kernel_rows *rows;
    struct kernel_depthwise depthwise;
    float *weights; // [tap][channel], then the bias
    // all
    struct graph_activation after; // what the way cannot do itself
};

void conv_destroy(struct conv *k)
{
    if (!k)
        return;
    kernel_conv_destroy(k->kernel);
    prim_conv_destroy(k->prim);
    mem_free(k->weights);
    mem_free(k);
}

const char *conv_describe(const struct conv *k)
{
    if (k->way == WAY_LIBRARY)
        return prim_conv_describe(k->prim);
    return k->way == WAY_DEPTHWISE ? "depthwise" : cpu_isa_name(kernel_conv_isa(k->kernel));
}

// --- running

static void activate(const struct conv *k, float *out)
{
    const struct rows *rows = rows_get();
    size_t n = (size_t)k->out.channels;
    for (int i = 0; i < k->out.height * k->out.width; i++) {
        float *p = out + (ptrdiff_t)i * k->out.pixel_stride;
        rows->unary(&k->after, n, p, 1, p, 1);
    }
}

static struct kernel_view with_data(const struct kernel_view *v, const void *data)
{
    union {
        const void *in;
        void *out;
    } p = {.in = data};
    struct kernel_view full = *v;
    full.data = p.out;
    return full;
}

int conv_run(const struct conv *k, const void *in, const void *add, void *out, void *scratch)
{
    if (k->way == WAY_LIBRARY)
        return prim_conv_run(k->prim, in, out, scratch);
    struct kernel_view from = with_data(&k->in, in);
    struct kernel_view to = with_data(&k->out, out);
    struct kernel_view more = with_data(&k->add, add);
    if (k->way == WAY_DEPTHWISE)
        kernel_depthwise_run(k->rows, &k->depthwise, &from, &to);
    else
        kernel_conv_run(k->kernel, &from, add ? &more : NULL, &to, scratch);
    if (k->after.kind != GRAPH_IDENTITY)
        activate(k, out);
    return 0;
}

// --- making

static bool kernel_activation_of(const struct graph_activation *a, enum kernel_activation *ret_kind)
{
    switch (a->kind) {
    case GRAPH_IDENTITY:
        *ret_kind = KERNEL_LINEAR;
        return true;
    case GRAPH_RELU:
        *ret_kind = KERNEL_RELU;
        return true;
    case GRAPH_CLIP:
        *ret_kind = KERNEL_RELU6;
        return a->alpha == 0 && a->beta == 6;
    case GRAPH_LEAKY:
        *ret_kind = KERNEL_LEAKY;
        return true;
    case GRAPH_SILU:
        *ret_kind = KERNEL_SILU;
        return true;
    case GRAPH_SIGMOID:
        *ret_kind = KERNEL_SIGMOID;
        return true;
    case GRAPH_HARD_SWISH:
        *ret_kind = KERNEL_HARD_SWISH;
        return true;
    case GRAPH_HARD_SIGMOID:
        *ret_kind = KERNEL_HARD_SIGMOID;
        return a->beta == 0.5f && a->alpha != 0;
    default:
        return false;
    }
}

struct shapes {
    const struct graph_value *in, *weights, *out;
};

static struct shapes shapes_of(const struct compiler *c, const struct graph_node *n)
{
    return (struct shapes){&c->g->values[n->inputs[0]], &c->g->values[n->inputs[1]],
                           &c->g->values[n->outputs[0]]};
}

static enum conv_way choose_way(const struct compiler *c, const struct graph_node *n)
{
    const struct graph_conv *k = &n->u.conv;
    struct shapes s = shapes_of(c, n);
    int64_t taps = s.weights->dims[2] * s.weights->dims[3];
    bool plain = k->dilation[0] == 1 && k->dilation[1] == 1 && k->stride[0] == k->stride[1] &&
                 taps <= KERNEL_CONV_MAX_TAPS;
    if (plain && k->groups > 1 && k->groups == s.in->dims[1] && s.out->dims[1] == s.in->dims[1])
        return WAY_DEPTHWISE;
    plain = plain && k->groups == 1 && k->stride[0] <= 2;
    bool fits =
        s.in->dims[1] <= KERNEL_CONV_MAX_CHANNELS && s.out->dims[1] <= KERNEL_CONV_MAX_CHANNELS;
    return plain && fits ? WAY_KERNEL : WAY_LIBRARY;
}

bool plan_conv_takes_int8(const struct compiler *c, const struct graph_node *n)
{
    enum kernel_activation activation;
    enum conv_way way = choose_way(c, n);
    bool adds_apart = n->n_inputs > 2 && way != WAY_KERNEL;
    return way != WAY_LIBRARY && !adds_apart &&
           kernel_activation_of(&n->u.conv.activation, &activation);
}

// What the rounding of channel *out*'s weights adds to its output on average.
static double rounding_of(const struct shapes *s, const float *weights, const float *means,
                          int64_t out)
{
    enum { MOST = 127 };
    int64_t n_taps = s->weights->dims[2] * s->weights->dims[3];
    int64_t n = s->weights->dims[1] * n_taps;
    const float *w = weights + out * n;
    float most = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(w[i]));
    float scale = most / MOST;
    for (int64_t i = 0; i < n && scale > 0; i++)
        sum += (double)(rintf(w[i] / scale) * scale - w[i]) * (double)means[i / n_taps];
    return sum;
}

// Biases that make up for the rounding of weights, where the means of the inputs are known. Owned
// (mem_free()).
static float *corrected_bias(const struct compiler *c, const struct graph_node *n,
                             const struct shapes *s, const float *weights)
{
    const struct plan_range *range = plan_range_of(c, n->inputs[0]);
    int64_t n_out = s->out->dims[1];
    float *bias = mem_array(float, (size_t)n_out);
    bool has_means = range && range->n_means == s->in->dims[1];
    for (int64_t i = 0; bias && i < n_out; i++) {
        bias[i] = n->u.conv.bias ? n->u.conv.bias[i] : 0;
        if (has_means)
            bias[i] -= (float)rounding_of(s, weights, range->means, i);
    }
    return bias;
}

static int make_kernel(const struct compiler *c, struct conv *k, const struct graph_node *n,
                       const struct shapes *s, const float *weights)
{
    enum kernel_activation activation = KERNEL_LINEAR;
    const struct graph_activation *a = &n->u.conv.activation;
    if (!kernel_activation_of(a, &activation)) {
        activation = KERNEL_LINEAR;
        k->after = *a;
    }
    struct kernel_conv_opts o = {
        .type = k->in.type,
        .in_channels = k->in.channels,
        .out_channels = k->out.channels,
        .kernel_height = (int)s->weights->dims[2],
        .kernel_width = (int)s->weights->dims[3],
        .stride = n->u.conv.stride[0],
        .pad_top = n->u.conv.pad[0],
        .pad_left = n->u.conv.pad[1],
        .weights = weights,
        .bias = n->u.conv.bias,
        .activation = activation,
        .alpha = a->alpha,
        .in_scale = k->in.scale,
        .in_zero_point = k->in.zero_point,
        .out_scale = k->out.type == KERNEL_U8 ? k->out.scale : 0,
        .out_zero_point = k->out.zero_point,
        .adds = n->n_inputs > 2,
    };
    if (o.type != KERNEL_U8)
        return kernel_conv_create(&o, &k->kernel);
    float *bias = corrected_bias(c, n, s, weights);
    if (!bias)
        return ERR_NOMEM;
    o.bias = bias;
    int r = kernel_conv_create(&o, &k->kernel);
    mem_free(bias);
    return r;
}

static int make_depthwise(struct conv *k, const struct graph_node *n, const struct shapes *s,
                          const float *weights)
{
    int channels = k->in.channels;
    int taps = (int)(s->weights->dims[2] * s->weights->dims[3]);
    k->weights = mem_array(float, (size_t)(taps + 1) * (size_t)channels);
    if (!k->weights)
        return ERR_NOMEM;
    float *bias = k->weights + (size_t)taps * (size_t)channels;
    kernel_depthwise_pack(weights, channels, taps, k->weights);
    for (int c = 0; c < channels; c++)
        bias[c] = n->u.conv.bias ? n->u.conv.bias[c] : 0;
    k->depthwise = (struct kernel_depthwise){.kernel_height = (int)s->weights->dims[2],
                                             .kernel_width = (int)s->weights->dims[3],
                                             .stride = n->u.conv.stride[0],
                                             .pad_top = n->u.conv.pad[0],
                                             .pad_left = n->u.conv.pad[1],
                                             .weights = k->weights,
                                             .bias = bias,
                                             .alpha = n->u.conv.activation.alpha};
    if (!kernel_activation_of(&n->u.conv.activation, &k->depthwise.activation)) {
        k->depthwise.activation = KERNEL_LINEAR;
        k->after = n->u.conv.activation;
    }
    return kernel_rows_choose(CPU_ISA_UNSET, &k->rows);
}

static int make_library(struct conv *k, const struct graph_node *n, const struct shapes *s,
                        const float *weights)
{
    struct prim_conv_opts o = {
        .in_type = k->in.type == KERNEL_BF16 ? PRIM_BF16 : PRIM_F32,
        .out_type = k->out.type == KERNEL_BF16 ? PRIM_BF16 : PRIM_F32,
        .in_channels = k->in.channels,
        .in_height = k->in.height,
        .in_width = k->in.width,
        .in_stride = k->in.pixel_stride,
        .out_channels = k->out.channels,
        .out_height = k->out.height,
        .out_width = k->out.width,
        .out_stride = k->out.pixel_stride,
        .kernel_height = s->weights->dims[2],
        .kernel_width = s->weights->dims[3],
        .conv = &n->u.conv,
        .weights = weights,
        .bias = n->u.conv.bias,
    };
    return prim_conv_create(&o, &k->prim);
}

static int make_conv(struct compiler *c, const struct graph_node *n, struct conv *k)
{
    struct shapes s = shapes_of(c, n);
    float *weights = mem_aligned((size_t)s.weights->n_elements * sizeof(float));
    if (!weights)
        return ERR_NOMEM;
    graph_conv_weights(c->g, n, weights);
    int r = k->way == WAY_KERNEL      ? make_kernel(c, k, n, &s, weights)
            : k->way == WAY_DEPTHWISE ? make_depthwise(k, n, &s, weights)
                                      : make_library(k, n, &s, weights);
    mem_free(weights);
    if (r < 0)
        return err_prefix(r, "operator Conv '%s'", n->name);
    if (k->way == WAY_LIBRARY) {
        c->plan->n_scratch = MAX(c->plan->n_scratch, prim_conv_scratch(k->prim));
        c->plan->n_weights += prim_conv_bytes(k->prim);
    } else {
        if (k->kernel)
            c->plan->n_scratch =
                MAX(c->plan->n_scratch, kernel_conv_scratch(k->kernel, &k->in, &k->out));
        c->plan->n_weights += k->kernel ? kernel_conv_bytes(k->kernel)
                                        : (size_t)s.weights->n_elements * sizeof(float);
    }
    c->plan->operations +=
        2.0 * (double)s.weights->n_elements * (double)(s.out->dims[2] * s.out->dims[3]);
    return 0;
}

static int add_residual(struct compiler *c, const struct graph_node *n, const struct place *out)
{
    struct step s = {.kind = STEP_BINARY, .name = plan_name_of(c, n), .n_in = 2, .n_out = 1};
    s.u.binary.kind = GRAPH_ADD;
    s.in[0] = *out;
    s.out[0] = *out;
    int64_t stride;
    int r = plan_picture_of(c, n->inputs[2], out->element, &s.in[1], &stride);
    if (r < 0)
        return r;
    const struct view *views[3] = {&out->view, &out->view, &s.in[1].view};
    loop_make(&s.loop, views, 3);
    return plan_add_step(c, s, NULL);
}

// The element that the convolution reads: what its code takes, as near to the wish as it goes.
static enum element input_element(const struct compiler *c, const struct graph_node *n,
                                  enum conv_way way)
{
    int64_t channels = c->g->values[n->inputs[0]].dims[1];
    enum plan_precision precision = plan_layer_precision(c, n);
    if (precision == PLAN_INT8 && way == WAY_KERNEL)
        return ELEMENT_U8;
    // One output alone of floats, the expectation over a box's bins, gains nothing by rounding.
    bool is_float_alone =
        c->g->values[n->outputs[0]].dims[1] == 1 && c->elements[n->inputs[0]] == ELEMENT_F32;
    bool wish = precision == PLAN_BF16 && !is_float_alone;
    bool even = way == WAY_DEPTHWISE || channels % 2 == 0 || channels <= KERNEL_CONV_FEW_CHANNELS;
    return wish && way != WAY_LIBRARY && even ? ELEMENT_BF16 : ELEMENT_F32;
}

static int place_input(struct compiler *c, const struct graph_node *n, enum conv_way way,
                       struct step *s)
{
    int64_t channels = c->g->values[n->inputs[0]].dims[1];
    int64_t stride = 0;
    int r = plan_picture_of(c, n->inputs[0], input_element(c, n, way), &s->in[0], &stride);
    bool dense = way == WAY_LIBRARY || (way == WAY_KERNEL && channels <= KERNEL_CONV_FEW_CHANNELS);
    bool odd = way == WAY_KERNEL && s->in[0].element == ELEMENT_BF16 && channels % 2 && stride % 2;
    if (r < 0 || !((dense && stride != channels) || (odd && !dense)))
        return r;
    struct view_order order = view_channels_last();
    return plan_copy_as(c, c->g->values[n->inputs[0]].name, &s->in[0], s->in[0].element, &order,
                        &s->in[0]);
}

// Where the step writes: oneDNN may need a place of their own first.
static int place_output(struct compiler *c, const struct graph_node *n, enum conv_way way,
                        struct step *s, struct place *ret_final)
{
    const struct graph_value *out = &c->g->values[n->outputs[0]];
    int64_t stride = 0;
    int r = layout_place(c, n->outputs[0], ret_final);
    if (r < 0)
        return r;
    s->out[0] = *ret_final;
    if (!view_is_picture(&ret_final->view, &stride))
        return err_set(ERR_INTERNAL, "%s: the output is no picture", n->name);
    bool fits = way != WAY_LIBRARY || (ret_final->element == ELEMENT_F32 && stride == out->dims[1]);
    if (fits)
        return 0;
    struct view_order order = view_channels_last();
    struct view dense = view_dense(4, out->dims, &order);
    return layout_new_block(c, ELEMENT_F32, &dense, &s->out[0]);
}

int plan_add_conv(struct compiler *c, const struct graph_node *n)
{
    struct step s = {.kind = STEP_CONV, .name = plan_name_of(c, n), .n_in = 1, .n_out = 1};
    s.input_name = c->g->values[n->inputs[0]].name;
    enum conv_way way = choose_way(c, n);
    struct place final;
    int r = place_input(c, n, way, &s);
    if (r == 0)
        r = place_output(c, n, way, &s, &final);
    if (r < 0)
        return r;
    struct conv *k = mem_new(struct conv);
    if (!k)
        return ERR_NOMEM;
    k->way = way;
    k->in = step_picture(&s.in[0], NULL);
    k->out = step_picture(&s.out[0], NULL);
    r = make_conv(c, n, k);
    if (r == 0 && k->after.kind != GRAPH_IDENTITY && s.out[0].element != ELEMENT_F32)
        r = err_set(ERR_UNSUPPORTED, "%s: this activation in bf16", n->name);
    bool fused = r == 0 && n->n_inputs > 2 && way == WAY_KERNEL && k->after.kind == GRAPH_IDENTITY;
    int64_t stride;
    if (fused) {
        r = plan_picture_of(c, n->inputs[2], s.out[0].element, &s.in[1], &stride);
        s.n_in = 2;
        if (r == 0)
            k->add = step_picture(&s.in[1], NULL);
    }
    s.u.conv = k;
    if (r == 0)
        r = plan_add_step(c, s, NULL);
    if (r < 0) {
        conv_destroy(k);
        return r;
    }
    if (s.out[0].block != final.block || !view_equal(&s.out[0].view, &final.view))
        r = plan_add_copy(c, s.name, &s.out[0], &final);
    return r == 0 && n->n_inputs > 2 && !fused ? add_residual(c, n, &final) : r;
}
