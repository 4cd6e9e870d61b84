// SPDX-License-Identifier: Apache-2.0
// net.h - small networks for tests: written as ONNX, run by a plan.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "nn/graph.h"
#include "nn/onnx_read.h"
#include "nn/plan.h"
#include "unit/infer/onnx_build.h"

enum {
    NET_FLOAT = 1,
    NET_UINT8 = 2,
    NET_INT64 = 7,
    NET_MAX = 4096, // numbers of an output
};

struct net {
    struct str_buf graph;
    int64_t opset;
};

#define NET_INIT  ((struct net){.graph = PB_INIT, .opset = 13})
#define DIMS(...) ((const int64_t[]){__VA_ARGS__, 0})
#define INTS(...) ((const int64_t[]){__VA_ARGS__, INT64_MIN})

static inline void net_input(struct net *n, const char *name, const int64_t *dims)
{
    onnx_put_value(&n->graph, 11, name, NET_FLOAT, dims);
}

static inline void net_output(struct net *n, const char *name)
{
    onnx_put_value(&n->graph, 12, name, NET_FLOAT, DIMS(-1));
}

static inline void net_constant(struct net *n, const char *name, const int64_t *dims, uint64_t type,
                                const void *bytes, size_t n_bytes)
{
    struct str_buf t = PB_INIT;
    for (; *dims; dims++)
        pb_put_int(&t, 1, (uint64_t)*dims);
    pb_put_int(&t, 2, type);
    pb_put_text(&t, 8, name);
    pb_put_bytes(&t, 9, bytes, n_bytes);
    pb_put_message(&n->graph, 5, &t);
}

#define NET_FLOATS(n, name, dims, ...)                                         \
    net_constant((n), (name), (dims), NET_FLOAT, (const float[]){__VA_ARGS__}, \
                 sizeof((const float[]){__VA_ARGS__}))
#define NET_INTS(n, name, dims, ...)                                             \
    net_constant((n), (name), (dims), NET_INT64, (const int64_t[]){__VA_ARGS__}, \
                 sizeof((const int64_t[]){__VA_ARGS__}))

// An attribute: a name with a list of integers (INTS()); NULL ends the list. One integer is both a
// list and a number.
static inline void net_put_ints(struct str_buf *node, const char *name, const int64_t *ints)
{
    struct str_buf a = PB_INIT;
    pb_put_text(&a, 1, name);
    pb_put_int(&a, 3, (uint64_t)ints[0]);
    for (const int64_t *p = ints; *p != INT64_MIN; p++)
        pb_put_int(&a, 8, (uint64_t)*p);
    pb_put_int(&a, 20, ints[1] == INT64_MIN ? 2 : 7);
    pb_put_message(node, 5, &a);
}

// *inputs* and *outputs* are names with commas between; then pairs of name and INTS(), then NULL.
static inline void net_node(struct net *n, const char *op, const char *inputs, const char *outputs,
                            ...)
{
    struct str_buf node = PB_INIT;
    struct str lists[2] = {str_of(inputs), str_of(outputs)};
    for (unsigned i = 0; i < 2; i++) {
        struct str part;
        while (str_split(&lists[i], ',', &part))
            pb_put_bytes(&node, i + 1, part.p, part.n);
    }
    pb_put_text(&node, 3, "it");
    pb_put_text(&node, 4, op);
    va_list ap;
    va_start(ap, outputs);
    for (const char *name = va_arg(ap, const char *); name; name = va_arg(ap, const char *))
        net_put_ints(&node, name, va_arg(ap, const int64_t *));
    va_end(ap);
    pb_put_message(&n->graph, 1, &node);
}

static inline struct str_buf net_bytes(struct net *n)
{
    struct str_buf model = PB_INIT;
    struct str_buf opset = PB_INIT;
    pb_put_int(&model, 1, 8);
    pb_put_int(&opset, 2, (uint64_t)n->opset);
    pb_put_message(&model, 8, &opset);
    pb_put_message(&model, 7, &n->graph);
    return model;
}

struct net_result {
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    size_t n;
    float values[NET_MAX];
    int n_nodes;     // of the graph
    char text[8192]; // the plan's steps
    bool takes_bytes;
};

// Runs the network over inputs of *in* (one after another), first output. Frees the net. The error
// of what failed first. *pixels*: what the first input, a picture, is given as; NULL: as floats.
static inline int net_run_pixels(struct net *net, const float *in, const uint8_t *pixels,
                                 const struct plan_opts *opts, struct net_result *ret)
{
    struct str_buf bytes = net_bytes(net);
    struct onnx *o = NULL;
    struct graph *g = NULL;
    struct plan *p = NULL;
    struct plan_instance *i = NULL;
    int r = onnx_parse(bytes.p, bytes.n, "net", &o);
    struct graph_shape shapes[4] = {0};
    for (size_t k = 0; r == 0 && k < o->n_inputs; k++) {
        shapes[k].n_dims = o->inputs[k].n_dims;
        memcpy(shapes[k].dims, o->inputs[k].dims, sizeof(shapes[k].dims));
    }
    if (r == 0)
        r = graph_create(o, &(struct graph_opts){.name = "net", .inputs = shapes}, &g);
    if (r == 0)
        r = plan_compile(g, opts, &p);
    if (r == 0)
        r = plan_instance_create(p, &i);
    struct tensor t[4] = {0};
    struct tensor out[4] = {0};
    for (int k = 0; r == 0 && k < g->n_inputs; k++) {
        const struct graph_value *v = &g->values[g->inputs[k]];
        t[k] = (struct tensor){.type = TENSOR_FLOAT32, .n_dims = v->n_dims};
        memcpy(t[k].dims, v->dims, sizeof(v->dims));
        t[k].n_bytes = (size_t)v->n_elements * sizeof(float);
        union {
            const float *in;
            const uint8_t *pixels;
            void *out;
        } data = {.in = in};
        if (k == 0 && pixels) {
            data.pixels = pixels;
            t[k] = (struct tensor){.type = TENSOR_UINT8,
                                   .n_dims = 4,
                                   .dims = {1, v->dims[2], v->dims[3], v->dims[1]},
                                   .n_bytes = (size_t)v->n_elements};
        }
        t[k].data = data.out;
        in += v->n_elements;
    }
    if (r == 0)
        r = plan_run(i, t, g->n_inputs, out, g->n_outputs);
    if (r == 0) {
        ret->n_nodes = g->n_nodes;
        ret->takes_bytes = plan_takes_bytes(p);
        ret->n_dims = out[0].n_dims;
        memcpy(ret->dims, out[0].dims, sizeof(ret->dims));
        ret->n = out[0].n_bytes / sizeof(float);
        memcpy(ret->values, out[0].data, MIN(out[0].n_bytes, sizeof(ret->values)));
        struct str_buf text = STR_BUF_INIT(MIB);
        plan_describe(p, &text);
        snprintf(ret->text, sizeof(ret->text), "%s", str_buf_text(&text));
        str_buf_finish(&text);
    }
    plan_instance_destroy(i);
    plan_unref(&p);
    graph_destroy(g);
    onnx_close(o);
    str_buf_finish(&bytes);
    return r;
}

static inline int net_run_with(struct net *net, const float *in, const struct plan_opts *opts,
                               struct net_result *ret)
{
    return net_run_pixels(net, in, NULL, opts, ret);
}

static inline int net_run(struct net *net, const float *in, enum plan_precision precision,
                          struct net_result *ret)
{
    return net_run_with(net, in, &(struct plan_opts){.precision = precision}, ret);
}
