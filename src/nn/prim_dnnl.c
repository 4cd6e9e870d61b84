// SPDX-License-Identifier: Apache-2.0
// prim_dnnl.c - convolutions and products by oneDNN, 2.6 (Debian 12) and 3.x (Debian 13).
//
// What differs between the two: 2.x describes an operation (dnnl_convolution_desc_t) and makes the
// primitive's description of it, 3.x makes that at once; memory descriptions are values in 2.x and
// pointers in 3.x. Both are hidden in the first part of this file.

#include "nn/prim.h"

#include <dnnl.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"

void omp_set_num_threads(int n); // of libgomp, which oneDNN brings; its header is the compiler's

enum {
    MAX_ARGS = 5,
};

// --- 2.x and 3.x

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t desc; // owned
#else
typedef dnnl_memory_desc_t desc;
#endif

static int check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return 0;
    if (status == dnnl_out_of_memory)
        return err_set(ERR_NOMEM, "oneDNN: %s: out of memory", what);
    return err_set(ERR_UNSUPPORTED, "oneDNN: %s: status %d", what, (int)status);
}

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t desc_strided(desc *d, int n, const dnnl_dims_t dims, dnnl_data_type_t type,
                                  const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(d, n, dims, type, strides);
}

static dnnl_status_t desc_tag(desc *d, int n, const dnnl_dims_t dims, dnnl_data_type_t type,
                              dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(d, n, dims, type, tag);
}

static void desc_free(desc *d)
{
    if (*d)
        dnnl_memory_desc_destroy(*d);
    *d = NULL;
}

static size_t query_size(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    const_dnnl_memory_desc_t d = dnnl_primitive_desc_query_md(pd, what, 0);
    return d ? dnnl_memory_desc_get_size(d) : 0;
}

static dnnl_status_t make_plain(dnnl_memory_t *m, const desc *d, dnnl_engine_t engine, void *handle)
{
    return dnnl_memory_create(m, *d, engine, handle);
}

static dnnl_status_t append_eltwise(dnnl_post_ops_t p, dnnl_alg_kind_t kind, float alpha,
                                    float beta)
{
    return dnnl_post_ops_append_eltwise(p, kind, alpha, beta);
}

#else

static dnnl_status_t desc_strided(desc *d, int n, const dnnl_dims_t dims, dnnl_data_type_t type,
                                  const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(d, n, dims, type, strides);
}

static dnnl_status_t desc_tag(desc *d, int n, const dnnl_dims_t dims, dnnl_data_type_t type,
                              dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(d, n, dims, type, tag);
}

static void desc_free(desc *d)
{
}

static size_t query_size(const_dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    const dnnl_memory_desc_t *d = dnnl_primitive_desc_query_md(pd, what, 0);
    return d ? dnnl_memory_desc_get_size(d) : 0;
}

static dnnl_status_t make_plain(dnnl_memory_t *m, const desc *d, dnnl_engine_t engine, void *handle)
{
    return dnnl_memory_create(m, d, engine, handle);
}

static dnnl_status_t append_eltwise(dnnl_post_ops_t p, dnnl_alg_kind_t kind, float alpha,
                                    float beta)
{
    return dnnl_post_ops_append_eltwise(p, 1, kind, alpha, beta);
}

#endif

// The types of descriptions differ, the call is the same.
static dnnl_status_t make_memory(dnnl_memory_t *m, const_dnnl_primitive_desc_t pd,
                                 dnnl_query_t what, int index, dnnl_engine_t engine, void *handle)
{
    return dnnl_memory_create(m, dnnl_primitive_desc_query_md(pd, what, index), engine, handle);
}

// One engine for the process, never given back: oneDNN keeps its caches beside it anyway.
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static dnnl_engine_t the_engine;

static char library[32];

static void make_engine(void)
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(library, sizeof(library), "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    if (dnnl_engine_create(&the_engine, dnnl_cpu, 0) != dnnl_success)
        the_engine = NULL;
}

static int get_engine(dnnl_engine_t *ret_engine)
{
    pthread_once(&engine_once, make_engine);
    if (!the_engine)
        return err_set(ERR_UNAVAILABLE, "oneDNN: no engine for this CPU");
    *ret_engine = the_engine;
    return 0;
}

const char *prim_library(void)
{
    pthread_once(&engine_once, make_engine);
    return library;
}

void prim_one_thread(void)
{
    omp_set_num_threads(1);
}

bool prim_has_bf16(void)
{
    return cpu_has(CPU_ISA_AVX512);
}

bool prim_has_amx(void)
{
    return cpu_has(CPU_ISA_AMX);
}

// --- convolution

struct prim_conv {
    dnnl_primitive_t primitive;
    const_dnnl_primitive_desc_t pd; // the primitive's
    void *weights;
    float *bias;
    size_t n_weights;
    size_t n_scratch;
    char describe[64];
};

static int add_activation(dnnl_post_ops_t ops, const struct graph_activation *a)
{
    switch (a->kind) {
    case GRAPH_IDENTITY:
        return 0;
    case GRAPH_RELU:
        return check(append_eltwise(ops, dnnl_eltwise_relu, 0, 0), "ReLU");
    case GRAPH_LEAKY:
        return check(append_eltwise(ops, dnnl_eltwise_relu, a->alpha, 0), "leaky ReLU");
    case GRAPH_CLIP:
        return check(append_eltwise(ops, dnnl_eltwise_clip, a->alpha, a->beta), "clip");
    case GRAPH_SIGMOID:
        return check(append_eltwise(ops, dnnl_eltwise_logistic, 0, 0), "sigmoid");
    case GRAPH_SILU:
        return check(append_eltwise(ops, dnnl_eltwise_swish, 1, 0), "SiLU");
    case GRAPH_HARD_SIGMOID: {
        int r = check(append_eltwise(ops, dnnl_eltwise_linear, a->alpha, a->beta), "linear");
        return r < 0 ? r : check(append_eltwise(ops, dnnl_eltwise_clip, 0, 1), "clip");
    }
    case GRAPH_HARD_SWISH:
#if DNNL_VERSION_MAJOR >= 3
        return check(append_eltwise(ops, dnnl_eltwise_hardswish, 1.0f / 6, 0.5f), "hard swish");
#else
        return check(append_eltwise(ops, dnnl_eltwise_hardswish, 0, 0), "hard swish");
#endif
    default:
        return err_set(ERR_UNSUPPORTED, "oneDNN: activation %d", (int)a->kind);
    }
}

static int make_attr(const struct prim_conv_opts *o, dnnl_primitive_attr_t *ret_attr)
{
    dnnl_primitive_attr_t attr;
    int r = check(dnnl_primitive_attr_create(&attr), "attributes");
    if (r < 0)
        return r;
    dnnl_post_ops_t ops = NULL;
    r = check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
              "scratchpad");
    if (r == 0)
        r = check(dnnl_post_ops_create(&ops), "post-ops");
    if (r == 0)
        r = add_activation(ops, &o->conv->activation);
    if (r == 0)
        r = check(dnnl_primitive_attr_set_post_ops(attr, ops), "post-ops");
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (r < 0) {
        dnnl_primitive_attr_destroy(attr);
        return r;
    }
    *ret_attr = attr;
    return 0;
}

struct conv_descs {
    desc src, weights, bias, dst;
    dnnl_dims_t weight_dims;
    int n_weight_dims;
};

static int picture_desc(desc *d, enum prim_type type, int64_t channels, int64_t height,
                        int64_t width, int64_t stride)
{
    dnnl_dims_t dims = {1, channels, height, width};
    dnnl_dims_t strides = {height * width * stride, 1, width * stride, stride};
    dnnl_data_type_t t = type == PRIM_BF16 ? dnnl_bf16 : dnnl_f32;
    return check(desc_strided(d, 4, dims, t, strides), "a picture");
}

static int make_descs(const struct prim_conv_opts *o, struct conv_descs *d)
{
    int64_t g = o->conv->groups;
    dnnl_dims_t grouped = {g, o->out_channels / g, o->in_channels / g, o->kernel_height,
                           o->kernel_width};
    d->n_weight_dims = g > 1 ? 5 : 4;
    for (int i = 0; i < d->n_weight_dims; i++)
        d->weight_dims[i] = grouped[i + (g > 1 ? 0 : 1)];
    dnnl_data_type_t t = o->in_type == PRIM_BF16 ? dnnl_bf16 : dnnl_f32;
    int r =
        picture_desc(&d->src, o->in_type, o->in_channels, o->in_height, o->in_width, o->in_stride);
    if (r == 0)
        r = picture_desc(&d->dst, o->out_type, o->out_channels, o->out_height, o->out_width,
                         o->out_stride);
    if (r == 0)
        r = check(desc_tag(&d->weights, d->n_weight_dims, d->weight_dims, t, dnnl_format_tag_any),
                  "weights");
    dnnl_dims_t bias = {o->out_channels};
    if (r == 0)
        r = check(desc_tag(&d->bias, 1, bias, dnnl_f32, dnnl_x), "a bias");
    return r;
}

static void free_descs(struct conv_descs *d)
{
    desc_free(&d->src);
    desc_free(&d->weights);
    desc_free(&d->bias);
    desc_free(&d->dst);
}

static int make_conv_pd(const struct prim_conv_opts *o, const struct conv_descs *d,
                        dnnl_primitive_attr_t attr, dnnl_engine_t engine,
                        dnnl_primitive_desc_t *ret_pd)
{
    const struct graph_conv *c = o->conv;
    dnnl_dims_t strides = {c->stride[0], c->stride[1]};
    dnnl_dims_t dilates = {c->dilation[0] - 1, c->dilation[1] - 1};
    dnnl_dims_t before = {c->pad[0], c->pad[1]};
    // What the file pads behind may be more than the last window needs.
    dnnl_dims_t after;
    int64_t kernel[2] = {o->kernel_height, o->kernel_width};
    int64_t in[2] = {o->in_height, o->in_width};
    int64_t out[2] = {o->out_height, o->out_width};
    for (int i = 0; i < 2; i++)
        after[i] =
            (out[i] - 1) * c->stride[i] + (kernel[i] - 1) * c->dilation[i] + 1 - in[i] - c->pad[i];
#if DNNL_VERSION_MAJOR >= 3
    return check(dnnl_convolution_forward_primitive_desc_create(
                     ret_pd, engine, dnnl_forward_inference, dnnl_convolution_direct, d->src,
                     d->weights, d->bias, d->dst, strides, dilates, before, after, attr),
                 "a convolution");
#else
    dnnl_convolution_desc_t cd;
    int r = check(dnnl_dilated_convolution_forward_desc_init(
                      &cd, dnnl_forward_inference, dnnl_convolution_direct, &d->src, &d->weights,
                      &d->bias, &d->dst, strides, dilates, before, after),
                  "a convolution");
    return r < 0 ? r
                 : check(dnnl_primitive_desc_create(ret_pd, &cd, attr, engine, NULL),
                         "a convolution");
#endif
}

// Into the layout and type that the primitive wants.
static int reorder_weights(struct prim_conv *p, const struct prim_conv_opts *o,
                           const struct conv_descs *d, const_dnnl_primitive_desc_t pd,
                           dnnl_engine_t engine)
{
    p->n_weights = query_size(pd, dnnl_query_weights_md);
    p->weights = mem_aligned(MAX(p->n_weights, (size_t)64));
    p->bias = mem_aligned((size_t)o->out_channels * sizeof(float) + 64);
    if (!p->weights || !p->bias)
        return ERR_NOMEM;
    for (int64_t i = 0; i < o->out_channels; i++)
        p->bias[i] = o->bias ? o->bias[i] : 0;
    desc plain = {0};
    dnnl_memory_t from = NULL;
    dnnl_memory_t to = NULL;
    dnnl_primitive_desc_t rpd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_stream_t stream = NULL;
    int r = check(desc_tag(&plain, d->n_weight_dims, d->weight_dims, dnnl_f32,
                           d->n_weight_dims == 5 ? dnnl_abcde : dnnl_abcd),
                  "weights");
    union {
        const float *in;
        void *out;
    } weights = {.in = o->weights};
    if (r == 0)
        r = check(make_plain(&from, &plain, engine, weights.out), "weights");
    if (r == 0)
        r = check(make_memory(&to, pd, dnnl_query_weights_md, 0, engine, p->weights), "weights");
    if (r == 0) {
#if DNNL_VERSION_MAJOR >= 3
        r = check(dnnl_reorder_primitive_desc_create(
                      &rpd, plain, engine,
                      dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), engine, NULL),
                  "reordering weights");
#else
        r = check(dnnl_reorder_primitive_desc_create(
                      &rpd, &plain, engine,
                      dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), engine, NULL),
                  "reordering weights");
#endif
    }
    if (r == 0)
        r = check(dnnl_primitive_create(&reorder, rpd), "reordering weights");
    if (r == 0)
        r = check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (r == 0)
        r = check(dnnl_primitive_execute(reorder, stream, 2, args), "reordering weights");
    if (stream)
        dnnl_stream_destroy(stream);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (rpd)
        dnnl_primitive_desc_destroy(rpd);
    if (from)
        dnnl_memory_destroy(from);
    if (to)
        dnnl_memory_destroy(to);
    desc_free(&plain);
    return r;
}

static int make_primitive(struct prim_conv *p, const struct prim_conv_opts *o, struct conv_descs *d,
                          dnnl_primitive_attr_t attr, dnnl_engine_t engine)
{
    dnnl_primitive_desc_t pd = NULL;
    int r = make_conv_pd(o, d, attr, engine, &pd);
    if (r < 0)
        return r;
    p->n_scratch = query_size(pd, dnnl_query_scratchpad_md);
    const char *info = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info) == dnnl_success && info)
        snprintf(p->describe, sizeof(p->describe), "%s", info);
    r = reorder_weights(p, o, d, pd, engine);
    if (r == 0)
        r = check(dnnl_primitive_create(&p->primitive, pd), "a convolution");
    if (r == 0)
        r = check(dnnl_primitive_get_primitive_desc(p->primitive, &p->pd), "a convolution");
    dnnl_primitive_desc_destroy(pd);
    return r;
}

int prim_conv_create(const struct prim_conv_opts *opts, struct prim_conv **ret_conv)
{
    dnnl_engine_t engine = NULL;
    int r = get_engine(&engine);
    if (r < 0)
        return r;
    prim_one_thread();
    struct prim_conv *p = mem_new(struct prim_conv);
    if (!p)
        return ERR_NOMEM;
    dnnl_primitive_attr_t attr = NULL;
    struct conv_descs d = {0};
    r = make_attr(opts, &attr);
    if (r == 0)
        r = make_descs(opts, &d);
    if (r == 0)
        r = make_primitive(p, opts, &d, attr, engine);
    free_descs(&d);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    if (r < 0) {
        prim_conv_destroy(p);
        return r;
    }
    *ret_conv = p;
    return 0;
}

void prim_conv_destroy(struct prim_conv *c)
{
    if (!c)
        return;
    if (c->primitive)
        dnnl_primitive_destroy(c->primitive);
    mem_free(c->weights);
    mem_free(c->bias);
    mem_free(c);
}

size_t prim_conv_scratch(const struct prim_conv *c)
{
    return c->n_scratch;
}

size_t prim_conv_bytes(const struct prim_conv *c)
{
    return c->n_weights;
}

const char *prim_conv_describe(const struct prim_conv *c)
{
    return c->describe;
}

struct argument {
    int name;
    dnnl_query_t desc;
    int index;
    void *data;
};

// Memory objects are made for each call: they are small, and belong to one thread.
static int execute(dnnl_primitive_t primitive, const_dnnl_primitive_desc_t pd,
                   const struct argument *arguments, int n)
{
    dnnl_engine_t engine = NULL;
    int r = get_engine(&engine);
    if (r < 0)
        return r;
    dnnl_exec_arg_t args[MAX_ARGS];
    dnnl_stream_t stream = NULL;
    int n_made = 0;
    r = check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
    for (; n_made < n && r == 0; n_made += r == 0) {
        args[n_made].arg = arguments[n_made].name;
        r = check(make_memory(&args[n_made].memory, pd, arguments[n_made].desc,
                              arguments[n_made].index, engine, arguments[n_made].data),
                  "a run's memory");
    }
    if (r == 0)
        r = check(dnnl_primitive_execute(primitive, stream, n, args), "a run");
    for (int i = 0; i < n_made; i++)
        dnnl_memory_destroy(args[i].memory);
    if (stream)
        dnnl_stream_destroy(stream);
    return r;
}

int prim_conv_run(const struct prim_conv *c, const void *in, void *out, void *scratch)
{
    union {
        const void *in;
        void *out;
    } src = {.in = in};
    struct argument arguments[] = {
        {DNNL_ARG_SRC, dnnl_query_src_md, 0, src.out},
        {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, c->weights},
        {DNNL_ARG_DST, dnnl_query_dst_md, 0, out},
        {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0, scratch},
        {DNNL_ARG_BIAS, dnnl_query_weights_md, 1, c->bias},
    };
    return execute(c->primitive, c->pd, arguments, MAX_ARGS);
}

// --- product

struct prim_matmul {
    dnnl_primitive_t primitive;
    const_dnnl_primitive_desc_t pd;
    size_t n_scratch;
};

static int make_matmul(struct prim_matmul *p, int64_t batch, int64_t m, int64_t k, int64_t n,
                       dnnl_engine_t engine)
{
    dnnl_dims_t dims[3] = {{batch, m, k}, {batch, k, n}, {batch, m, n}};
    desc d[3] = {0};
    int r = 0;
    for (int i = 0; i < 3 && r == 0; i++)
        r = check(desc_tag(&d[i], 3, dims[i], dnnl_f32, dnnl_abc), "a product");
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    if (r == 0)
        r = check(dnnl_primitive_attr_create(&attr), "attributes");
    if (r == 0)
        r = check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
                  "scratchpad");
#if DNNL_VERSION_MAJOR >= 3
    if (r == 0)
        r = check(dnnl_matmul_primitive_desc_create(&pd, engine, d[0], d[1], NULL, d[2], attr),
                  "a product");
#else
    dnnl_matmul_desc_t md;
    if (r == 0)
        r = check(dnnl_matmul_desc_init(&md, &d[0], &d[1], NULL, &d[2]), "a product");
    if (r == 0)
        r = check(dnnl_primitive_desc_create(&pd, &md, attr, engine, NULL), "a product");
#endif
    if (r == 0)
        r = check(dnnl_primitive_create(&p->primitive, pd), "a product");
    if (r == 0)
        r = check(dnnl_primitive_get_primitive_desc(p->primitive, &p->pd), "a product");
    if (r == 0)
        p->n_scratch = query_size(p->pd, dnnl_query_scratchpad_md);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    for (int i = 0; i < 3; i++)
        desc_free(&d[i]);
    return r;
}

int prim_matmul_create(int64_t batch, int64_t m, int64_t k, int64_t n,
                       struct prim_matmul **ret_matmul)
{
    dnnl_engine_t engine = NULL;
    int r = get_engine(&engine);
    if (r < 0)
        return r;
    prim_one_thread();
    struct prim_matmul *p = mem_new(struct prim_matmul);
    if (!p)
        return ERR_NOMEM;
    r = make_matmul(p, batch, m, k, n, engine);
    if (r < 0) {
        prim_matmul_destroy(p);
        return r;
    }
    *ret_matmul = p;
    return 0;
}

void prim_matmul_destroy(struct prim_matmul *p)
{
    if (p && p->primitive)
        dnnl_primitive_destroy(p->primitive);
    mem_free(p);
}

size_t prim_matmul_scratch(const struct prim_matmul *p)
{
    return p->n_scratch;
}

int prim_matmul_run(const struct prim_matmul *p, const float *x, const float *y, float *out,
                    void *scratch)
{
    union {
        const float *in;
        void *out;
    } a = {.in = x}, b = {.in = y};
    struct argument arguments[] = {
        {DNNL_ARG_SRC, dnnl_query_src_md, 0, a.out},
        {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, b.out},
        {DNNL_ARG_DST, dnnl_query_dst_md, 0, out},
        {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0, scratch},
    };
    return execute(p->primitive, p->pd, arguments, 4);
}
