// SPDX-License-Identifier: Apache-2.0
// fuzz_graph.c - any bytes as an ONNX file for the native engine: read, made a graph, compiled, and
// run where that is cheap.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "nn/graph.h"
#include "nn/onnx_read.h"
#include "nn/plan.h"

enum {
    MAX_OPERATIONS = 10 * 1000 * 1000, // of a network that is run
    MAX_BYTES = 16 * 1024 * 1024,      // of its memory
    OPEN_SIDE = 8,                     // of dimensions that the file leaves open
    MAX_INPUTS = 32,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void run(struct plan *p, const struct graph *g)
{
    struct plan_instance *i;
    if (plan_instance_create(p, &i) < 0)
        return;
    struct tensor in[MAX_INPUTS] = {0};
    struct tensor out[MAX_INPUTS];
    bool ok = g->n_inputs <= MAX_INPUTS && g->n_outputs <= MAX_INPUTS;
    for (int k = 0; k < g->n_inputs && ok; k++) {
        const struct graph_value *v = &g->values[g->inputs[k]];
        in[k].type = v->type;
        in[k].n_dims = v->n_dims;
        memcpy(in[k].dims, v->dims, sizeof(in[k].dims));
        in[k].n_bytes = (size_t)v->n_elements * tensor_type_bytes(v->type);
        in[k].data = mem_calloc(1, in[k].n_bytes);
        ok = in[k].data;
    }
    if (ok)
        IGNORE(plan_run(i, in, g->n_inputs, out, g->n_outputs));
    for (int k = 0; k < MAX_INPUTS; k++)
        mem_free(in[k].data);
    plan_instance_destroy(i);
}

static void compile(const struct onnx *o)
{
    struct graph_shape shapes[ONNX_MAX_INPUTS + 1] = {0};
    for (size_t i = 0; i < o->n_inputs; i++) {
        if (i > ONNX_MAX_INPUTS || o->inputs[i].n_dims < 0 || o->inputs[i].n_dims > TENSOR_MAX_DIMS)
            return;
        shapes[i].n_dims = o->inputs[i].n_dims;
        for (int d = 0; d < shapes[i].n_dims; d++)
            shapes[i].dims[d] = o->inputs[i].dims[d] > 0 ? o->inputs[i].dims[d] : d ? OPEN_SIDE : 1;
    }
    struct graph *g;
    if (graph_create(o, &(struct graph_opts){.inputs = shapes}, &g) < 0)
        return;
    struct str_buf text = STR_BUF_INIT(MIB);
    graph_describe(g, &text);
    int64_t n_weights = 0; // what compiling copies
    for (int v = 0; v < g->n_values; v++)
        n_weights += g->values[v].is_constant ? g->values[v].n_elements : 0;
    struct plan *p;
    if (n_weights < MAX_BYTES && plan_compile(g, NULL, &p) == 0) {
        str_buf_reset(&text);
        plan_describe(p, &text);
        bool is_cheap = plan_operations(p) < MAX_OPERATIONS && plan_arena_bytes(p) < MAX_BYTES;
        if (is_cheap)
            run(p, g);
        plan_unref(&p);
        if (is_cheap && plan_compile(g, &(struct plan_opts){.cut = PLAN_CUT_BINS}, &p) == 0) {
            run(p, g);
            plan_unref(&p);
        }
    }
    str_buf_finish(&text);
    graph_destroy(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct onnx *o = NULL;
    if (onnx_parse(bytes, n, "input", &o) == 0) {
        compile(o);
        onnx_close(o);
    }
    err_clear();
    return 0;
}
