// SPDX-License-Identifier: Apache-2.0
// conv.c - the choice between our kernels and oneDNN, and one face for both.
//
// Measured (bench/RESULTS.md): with the activation counted, ours beat oneDNN 2.6 in every layer of
// the YOLO networks without tiles; into or out of a part of a wider tensor oneDNN has no fast 1x1
// at all
// ("ref:any", a thousand times slower). With tiles oneDNN's bf16 is the measured one.

#include "nn/conv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel_pass.h"

struct conv {
    struct prim_conv *prim; // one of the three
    struct kernel_conv *own;
    float *depthwise_weights; // [tap][channel], then biases
    struct kernel_depthwise depthwise;
    const struct kernel_rows *rows;
    struct kernel_view in, out, add;
    size_t bytes;
    char description[32];
};

// --- what is ours

static bool activation_of(const struct graph_activation *a, enum kernel_activation *ret_activation)
{
    switch (a->kind) {
    case GRAPH_IDENTITY:
        *ret_activation = KERNEL_LINEAR;
        return true;
    case GRAPH_RELU:
        *ret_activation = KERNEL_RELU;
        return true;
    case GRAPH_CLIP:
        *ret_activation = KERNEL_RELU6;
        return a->alpha == 0 && a->beta == 6;
    case GRAPH_LEAKY:
        *ret_activation = KERNEL_LEAKY;
        return true;
    case GRAPH_SIGMOID:
        *ret_activation = KERNEL_SIGMOID;
        return true;
    case GRAPH_SILU:
        *ret_activation = KERNEL_SILU;
        return true;
    case GRAPH_HARD_SIGMOID:
        *ret_activation = KERNEL_HARD_SIGMOID;
        return a->beta == 0.5f && a->alpha != 0;
    case GRAPH_HARD_SWISH:
        *ret_activation = KERNEL_HARD_SWISH;
        return true;
    default:
        return false;
    }
}

static bool is_depthwise(const struct conv_opts *o)
{
    const struct prim_conv_opts *s = &o->shape;
    return s->conv->groups > 1 && s->conv->groups == s->in_channels &&
           s->in_channels == s->out_channels;
}

static bool has_our_geometry(const struct prim_conv_opts *s)
{
    const struct graph_conv *c = s->conv;
    return c->stride[0] == c->stride[1] && (c->stride[0] == 1 || c->stride[0] == 2) &&
           c->dilation[0] == 1 && c->dilation[1] == 1 && c->pad[0] < s->kernel_height &&
           c->pad[1] < s->kernel_width && s->kernel_height <= KERNEL_CONV_MAX_TAPS &&
           s->kernel_width <= KERNEL_CONV_MAX_TAPS &&
           s->kernel_height * s->kernel_width <= KERNEL_CONV_MAX_TAPS &&
           s->in_channels <= KERNEL_CONV_MAX_CHANNELS &&
           s->out_channels <= KERNEL_CONV_MAX_CHANNELS && s->in_height < INT16_MAX &&
           s->in_width < INT16_MAX && s->out_height < INT16_MAX && s->out_width < INT16_MAX;
}

// Whole units of 4 bytes can be read behind each pixel's channels.
static bool has_our_strides(const struct conv_opts *o)
{
    const struct prim_conv_opts *s = &o->shape;
    int64_t per_unit = 4 / (int64_t)kernel_type_bytes(o->in_type);
    if (s->in_channels <= KERNEL_CONV_FEW_CHANNELS)
        return s->in_stride == s->in_channels;
    return s->in_channels % per_unit == 0;
}

bool conv_is_ours(const struct conv_opts *o)
{
    enum kernel_activation activation;
    const struct prim_conv_opts *s = &o->shape;
    if (!has_our_geometry(s) || !activation_of(&s->conv->activation, &activation))
        return false;
    if (is_depthwise(o))
        return o->in_type != KERNEL_U8 && !o->add_stride;
    if (s->conv->groups != 1 || !has_our_strides(o))
        return false;
    // bf16 is oneDNN's with tiles, and nobody's without the instructions
    bool has_own_bf16 = cpu_has(CPU_ISA_AVX512BF16) && !prim_has_amx();
    return o->in_type != KERNEL_BF16 || has_own_bf16;
}

// --- making

static struct kernel_view view_of(int64_t height, int64_t width, int64_t channels, int64_t stride,
                                  enum kernel_type type)
{
    return (struct kernel_view){.height = (int)height,
                                .width = (int)width,
                                .channels = (int)channels,
                                .pixel_stride = (int)stride,
                                .type = type,
                                .scale = 1};
}

static void make_views(struct conv *c, const struct conv_opts *o)
{
    const struct prim_conv_opts *s = &o->shape;
    c->in = view_of(s->in_height, s->in_width, s->in_channels, s->in_stride, o->in_type);
    c->out = view_of(s->out_height, s->out_width, s->out_channels, s->out_stride, o->out_type);
    c->add = view_of(s->out_height, s->out_width, s->out_channels, o->add_stride, o->out_type);
    if (o->in_type == KERNEL_U8) {
        c->in.scale = o->in_scale;
        c->in.zero_point = o->in_zero_point;
    }
    if (o->out_type == KERNEL_U8) {
        c->out.scale = o->out_scale;
        c->out.zero_point = o->out_zero_point;
        c->add.scale = o->add_scale;
        c->add.zero_point = o->add_zero_point;
    }
}

// What the rounding of channel *out*'s weights adds to its output on average.
static double rounding_of(const struct conv_opts *o, int64_t out)
{
    const struct prim_conv_opts *s = &o->shape;
    int64_t n_taps = s->kernel_height * s->kernel_width;
    const float *w = s->weights + out * s->in_channels * n_taps;
    float most = 0;
    double sum = 0;
    for (int64_t i = 0; i < s->in_channels * n_taps; i++)
        most = fmaxf(most, fabsf(w[i]));
    float scale = most / 127;
    for (int64_t i = 0; i < s->in_channels * n_taps && scale > 0; i++)
        sum += (double)(rintf(w[i] / scale) * scale - w[i]) * (double)o->in_means[i / n_taps];
    return sum;
}

// Owned (mem_free()).
static float *biases_of(const struct conv_opts *o)
{
    const struct prim_conv_opts *s = &o->shape;
    float *bias = mem_array(float, (size_t)s->out_channels);
    for (int64_t i = 0; bias && i < s->out_channels; i++) {
        bias[i] = s->bias ? s->bias[i] : 0;
        if (o->in_type == KERNEL_U8 && o->in_means)
            bias[i] -= (float)rounding_of(o, i);
    }
    return bias;
}

static int make_own(struct conv *c, const struct conv_opts *o)
{
    const struct prim_conv_opts *s = &o->shape;
    float *bias = biases_of(o);
    if (!bias)
        return ERR_NOMEM;
    struct kernel_conv_opts own = {
        .type = o->in_type,
        .in_channels = (int)s->in_channels,
        .out_channels = (int)s->out_channels,
        .kernel_height = (int)s->kernel_height,
        .kernel_width = (int)s->kernel_width,
        .stride = s->conv->stride[0],
        .pad_top = s->conv->pad[0],
        .pad_left = s->conv->pad[1],
        .weights = s->weights,
        .bias = bias,
        .alpha = s->conv->activation.alpha,
        .in_scale = o->in_scale,
        .in_zero_point = o->in_zero_point,
    };
    activation_of(&s->conv->activation, &own.activation);
    int r = kernel_conv_create(&own, &c->own);
    mem_free(bias);
    if (r < 0)
        return r;
    c->bytes = kernel_conv_bytes(c->own);
    snprintf(c->description, sizeof(c->description), "own:%s",
             cpu_isa_name(kernel_conv_isa(c->own)));
    return 0;
}

static int make_depthwise(struct conv *c, const struct conv_opts *o)
{
    const struct prim_conv_opts *s = &o->shape;
    int n_taps = (int)(s->kernel_height * s->kernel_width);
    size_t n = (size_t)s->in_channels * (size_t)n_taps;
    int r = kernel_rows_choose(CPU_ISA_UNSET, &c->rows);
    if (r < 0)
        return r;
    c->depthwise_weights = mem_array(float, n + (size_t)s->in_channels);
    if (!c->depthwise_weights)
        return ERR_NOMEM;
    kernel_depthwise_pack(s->weights, (int)s->in_channels, n_taps, c->depthwise_weights);
    if (s->bias)
        memcpy(c->depthwise_weights + n, s->bias, (size_t)s->in_channels * sizeof(float));
    c->depthwise = (struct kernel_depthwise){
        .kernel_height = (int)s->kernel_height,
        .kernel_width = (int)s->kernel_width,
        .stride = s->conv->stride[0],
        .pad_top = s->conv->pad[0],
        .pad_left = s->conv->pad[1],
        .weights = c->depthwise_weights,
        .bias = c->depthwise_weights + n,
        .alpha = s->conv->activation.alpha,
    };
    activation_of(&s->conv->activation, &c->depthwise.activation);
    c->bytes = (n + (size_t)s->in_channels) * sizeof(float);
    snprintf(c->description, sizeof(c->description), "own-depthwise:%s",
             cpu_isa_name(kernel_rows_isa(c->rows)));
    return 0;
}

static int make_prim(struct conv *c, const struct conv_opts *o)
{
    struct prim_conv_opts prim = o->shape;
    if (o->in_type == KERNEL_U8 || o->out_type == KERNEL_U8 || o->add_stride)
        return err_set(ERR_UNSUPPORTED, "int8 for a convolution of this shape");
    if (o->in_type == KERNEL_F32 && o->out_type == KERNEL_BF16)
        return err_set(ERR_UNSUPPORTED, "fp32 to bf16 for a convolution of this shape");
    prim.in_type = o->in_type == KERNEL_BF16 ? PRIM_BF16 : PRIM_F32;
    prim.out_type = o->out_type == KERNEL_BF16 ? PRIM_BF16 : PRIM_F32;
    int r = prim_conv_create(&prim, &c->prim);
    if (r == 0)
        c->bytes = prim_conv_bytes(c->prim);
    return r;
}

int conv_create(const struct conv_opts *opts, struct conv **ret_conv)
{
    struct conv *c = mem_new(struct conv);
    if (!c)
        return ERR_NOMEM;
    make_views(c, opts);
    int r = !conv_is_ours(opts)  ? make_prim(c, opts)
            : is_depthwise(opts) ? make_depthwise(c, opts)
                                 : make_own(c, opts);
    if (r < 0) {
        conv_destroy(c);
        return r;
    }
    *ret_conv = c;
    return 0;
}

void conv_destroy(struct conv *c)
{
    if (!c)
        return;
    prim_conv_destroy(c->prim);
    kernel_conv_destroy(c->own);
    mem_free(c->depthwise_weights);
    mem_free(c);
}

size_t conv_scratch(const struct conv *c)
{
    return c->prim ? prim_conv_scratch(c->prim) : 0;
}

size_t conv_bytes(const struct conv *c)
{
    return c->bytes;
}

const char *conv_describe(const struct conv *c)
{
    return c->prim ? prim_conv_describe(c->prim) : c->description;
}

// The kernels only read what they are given as inputs.
static struct kernel_view view_at(const struct kernel_view *v, const void *data)
{
    struct kernel_view w = *v;
    memcpy(&w.data, &data, sizeof(data));
    return w;
}

int conv_run(const struct conv *c, const void *in, const void *add, void *out, void *scratch)
{
    if (c->prim)
        return prim_conv_run(c->prim, in, out, scratch);
    struct kernel_view from = view_at(&c->in, in);
    struct kernel_view more = view_at(&c->add, add);
    struct kernel_view to = view_at(&c->out, out);
    if (c->own)
        kernel_conv_run(c->own, &from, add ? &more : NULL, &to);
    else
        kernel_depthwise_run(c->rows, &c->depthwise, &from, &to);
    return 0;
}
