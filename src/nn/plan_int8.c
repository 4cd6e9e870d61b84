// SPDX-License-Identifier: Apache-2.0
// plan_int8.c - which values of a plan are 8 bits, and what those bits mean.
//
// Values that only move (concatenations, max pools, nearest upsampling, views) must keep their
// bytes: they and what they are made of form a group with one scale and zero point, laid over the
// ranges of all its members. In a plan of INT8 a convolution whose code takes no bytes runs in
// FP32.
//
// A group is kept in bytes where a convolution reads it as such, in bf16 where all that read it
// compute in that. Who is asked to compute in FP32 gets floats, whatever that costs: such plans
// tell what each layer loses, they are not made to be fast.

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/plan_priv.h"

enum {
    STEPS = 255,
    LEAST_OUTPUTS = 2, // of a convolution that gains by bytes: one alone costs nothing, and is the
                       // expectation over a box's bins, or the confidence
};

static enum plan_precision asked_precision(const struct compiler *c, const char *name)
{
    for (int i = 0; i < c->opts->n_layers; i++) {
        if (strcmp(c->opts->layers[i].name, name) == 0)
            return c->opts->layers[i].precision;
    }
    return c->plan->precision;
}

static bool bf16_pays(void)
{
    enum cpu_isa isa = CPU_ISA_C;
    return cpu_isa_choose(CPU_ISA_UNSET, &isa) == 0 && isa >= CPU_ISA_AVX512BF16;
}

enum plan_precision plan_layer_precision(const struct compiler *c, const struct graph_node *n)
{
    enum plan_precision p = asked_precision(c, c->g->values[n->outputs[0]].name);
    if (p == PLAN_BF16 && c->plan->precision == PLAN_INT8 && !bf16_pays())
        return PLAN_FP32;
    if (p != PLAN_INT8)
        return p;
    int in = n->inputs[0];
    int64_t channels = c->g->values[in].dims[1];
    bool whole_units = channels % 4 == 0 || channels <= 4; // of bytes, behind each pixel
    bool gains = c->g->values[n->outputs[0]].dims[1] >= LEAST_OUTPUTS;
    return gains && plan_conv_takes_int8(c, n) && whole_units && c->quants[in].scale > 0
               ? PLAN_INT8
               : PLAN_FP32;
}

const struct plan_range *plan_range_of(const struct compiler *c, int value)
{
    for (int i = 0; i < c->opts->n_ranges; i++) {
        if (strcmp(c->opts->ranges[i].name, c->g->values[value].name) == 0)
            return &c->opts->ranges[i];
    }
    return NULL;
}

// --- groups: a value's link leads to another member, the root's to itself

static int root_of(int *links, int value)
{
    while (links[value] != value) {
        links[value] = links[links[value]];
        value = links[value];
    }
    return value;
}

static void join(const struct compiler *c, int *links)
{
    for (int v = 0; v < c->g->n_values; v++)
        links[v] = v;
    for (int i = 0; i < c->g->n_nodes; i++) {
        const struct graph_node *n = &c->g->nodes[i];
        for (int k = 0; k < n->n_inputs && layout_only_moves(n); k++) {
            if (!c->g->values[n->inputs[k]].is_constant)
                links[root_of(links, n->inputs[k])] = root_of(links, n->outputs[0]);
        }
    }
}

static struct quant quant_of(float min, float max)
{
    struct quant q = {.scale = (max - min) / STEPS};
    if (!(q.scale > 1e-12f))
        q.scale = 1.0f / STEPS;
    q.zero_point = (int)fminf(fmaxf(rintf(-min / q.scale), 0), STEPS);
    return q;
}

// How a group is read.
enum {
    READ_FLOATS = 1,
    READ_BYTES = 2,
    READ_HALVES = 4,
};

static uint8_t reading_of(const struct compiler *c, const struct graph_node *n)
{
    enum plan_precision asked = asked_precision(c, c->g->values[n->outputs[0]].name);
    if (asked != PLAN_INT8)
        return asked == PLAN_BF16 ? READ_HALVES : READ_FLOATS;
    return plan_layer_precision(c, n) == PLAN_INT8 ? READ_BYTES : 0;
}

static int choose_smalls(struct compiler *c, int *links)
{
    uint8_t *reads = mem_array(uint8_t, (size_t)c->g->n_values + 1);
    if (!reads)
        return ERR_NOMEM;
    for (int i = 0; i < c->g->n_nodes; i++) {
        const struct graph_node *n = &c->g->nodes[i];
        if (n->op == GRAPH_CONV)
            reads[root_of(links, n->inputs[0])] |= reading_of(c, n);
    }
    for (int v = 0; v < c->g->n_values; v++) {
        uint8_t how = reads[root_of(links, v)];
        bool bytes = !(how & READ_FLOATS) && (how != READ_HALVES) && c->quants[v].scale > 0;
        bool halves = how == READ_HALVES && bf16_pays();
        c->smalls[v] = bytes ? ELEMENT_U8 : halves ? ELEMENT_BF16 : ELEMENT_F32;
    }
    mem_free(reads);
    return 0;
}

int plan_quantise(struct compiler *c)
{
    size_t n = (size_t)c->g->n_values + 1;
    int *links = mem_array(int, n);
    float *low = mem_array(float, n);
    float *high = mem_array(float, n);
    bool *known = mem_array(bool, n);
    int r = links && low && high && known ? 0 : ERR_NOMEM;
    if (r == 0)
        join(c, links);
    for (int v = 0; v < c->g->n_values && r == 0; v++) {
        const struct plan_range *range = plan_range_of(c, v);
        int root = root_of(links, v);
        if (!range)
            continue;
        low[root] = fminf(low[root], range->min);
        high[root] = fmaxf(high[root], range->max);
        known[root] = true;
    }
    for (int v = 0; v < c->g->n_values && r == 0; v++) {
        int root = root_of(links, v);
        if (known[root])
            c->quants[v] = quant_of(low[root], high[root]);
    }
    if (r == 0)
        r = choose_smalls(c, links);
    mem_free(links);
    mem_free(low);
    mem_free(high);
    mem_free(known);
    return r;
}
