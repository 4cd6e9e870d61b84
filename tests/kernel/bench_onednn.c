// SPDX-License-Identifier: Apache-2.0
// bench_onednn.c - one convolution by oneDNN 2.x, so that ours has something to stand beside.

#include "bench_onednn.h"

#include <stdlib.h>

#include "nn/kernel.h"

#if defined(HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif

#if defined(HAVE_ONEDNN) && DNNL_VERSION_MAJOR == 2

struct onednn_conv {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[4]; // source, weights, bias, destination
};

static dnnl_data_type_t type_of(enum kernel_type type)
{
    return type == KERNEL_F32 ? dnnl_f32 : type == KERNEL_BF16 ? dnnl_bf16 : dnnl_u8;
}

static dnnl_primitive_desc_t describe(const struct kernel_conv_opts *o,
                                      const struct kernel_view *in, const struct kernel_view *out,
                                      dnnl_engine_t engine)
{
    dnnl_dims_t src = {1, in->channels, in->height, in->width};
    dnnl_dims_t dst = {1, out->channels, out->height, out->width};
    dnnl_dims_t filter = {out->channels, in->channels, o->kernel_height, o->kernel_width};
    dnnl_dims_t bias = {out->channels};
    dnnl_dims_t strides = {o->stride, o->stride};
    dnnl_dims_t before = {o->pad_top, o->pad_left};
    dnnl_dims_t after = {(out->height - 1) * o->stride + o->kernel_height - in->height - o->pad_top,
                         (out->width - 1) * o->stride + o->kernel_width - in->width - o->pad_left};
    dnnl_memory_desc_t s;
    dnnl_memory_desc_t w;
    dnnl_memory_desc_t b;
    dnnl_memory_desc_t d;
    dnnl_data_type_t weights = o->type == KERNEL_U8 ? dnnl_s8 : type_of(o->type);
    dnnl_memory_desc_init_by_tag(&s, 4, src, type_of(in->type), dnnl_nhwc);
    dnnl_memory_desc_init_by_tag(&w, 4, filter, weights, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&b, 1, bias, dnnl_f32, dnnl_a);
    dnnl_memory_desc_init_by_tag(&d, 4, dst, type_of(out->type), dnnl_nhwc);
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    if (dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct,
                                           &s, &w, &b, &d, strides, before, after) != dnnl_success)
        return NULL;
    dnnl_primitive_attr_create(&attr);
    if (o->type == KERNEL_U8) {
        float *scales = (float *)malloc((size_t)out->channels * sizeof(float));
        for (int i = 0; scales && i < out->channels; i++)
            scales[i] = 0.001f;
        dnnl_primitive_attr_set_output_scales(attr, out->channels, 1 << 1, scales);
        free(scales);
        const int32_t zero = o->in_zero_point; // of both: what SiLU's range needs
        dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_SRC, 1, 0, &zero);
        dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_DST, 1, 0, &zero);
    }
    if (dnnl_primitive_desc_create(&pd, &desc, attr, engine, NULL) != dnnl_success)
        pd = NULL;
    dnnl_primitive_attr_destroy(attr);
    return pd;
}

struct onednn_conv *onednn_conv_create(const struct kernel_conv_opts *o,
                                       const struct kernel_view *in, const struct kernel_view *out)
{
    struct onednn_conv *c = (struct onednn_conv *)calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    dnnl_engine_create(&c->engine, dnnl_cpu, 0);
    dnnl_primitive_desc_t pd = describe(o, in, out, c->engine);
    if (!pd) {
        onednn_conv_destroy(c);
        return NULL;
    }
    static const dnnl_query_t queries[] = {dnnl_query_src_md, dnnl_query_weights_md,
                                           dnnl_query_weights_md, dnnl_query_dst_md};
    for (int i = 0; i < 4; i++) {
        void *where = i == 0 || i == 3 ? DNNL_MEMORY_NONE : DNNL_MEMORY_ALLOCATE;
        dnnl_memory_create(&c->memory[i], dnnl_primitive_desc_query_md(pd, queries[i], i == 2),
                           c->engine, where);
    }
    dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags);
    dnnl_primitive_create(&c->primitive, pd);
    dnnl_primitive_desc_destroy(pd);
    return c;
}

void onednn_conv_run(struct onednn_conv *c, void *in, void *out)
{
    dnnl_memory_set_data_handle(c->memory[0], in);
    dnnl_memory_set_data_handle(c->memory[3], out);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, c->memory[0]},
                              {DNNL_ARG_WEIGHTS, c->memory[1]},
                              {DNNL_ARG_BIAS, c->memory[2]},
                              {DNNL_ARG_DST, c->memory[3]}};
    dnnl_primitive_execute(c->primitive, c->stream, 4, args);
    dnnl_stream_wait(c->stream);
}

void onednn_conv_destroy(struct onednn_conv *c)
{
    if (!c)
        return;
    for (int i = 0; i < 4; i++)
        dnnl_memory_destroy(c->memory[i]);
    dnnl_primitive_destroy(c->primitive);
    dnnl_stream_destroy(c->stream);
    dnnl_engine_destroy(c->engine);
    free(c);
}

#else

struct onednn_conv *onednn_conv_create(const struct kernel_conv_opts *o,
                                       const struct kernel_view *in, const struct kernel_view *out)
{
    return NULL;
}

void onednn_conv_run(struct onednn_conv *c, void *in, void *out)
{
}

void onednn_conv_destroy(struct onednn_conv *c)
{
}

#endif
