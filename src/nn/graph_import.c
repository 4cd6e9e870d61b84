// SPDX-License-Identifier: Apache-2.0
// graph_import.c - ONNX's nodes in the order of their data, each through its row of a table; and
// how attributes are read.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/graph_priv.h"

int64_t import_int(const struct onnx_node *n, const char *name, int64_t unset)
{
    const struct onnx_attribute *a = onnx_attribute(n, name);
    return a ? a->i : unset;
}

float import_float(const struct onnx_node *n, const char *name, float unset)
{
    const struct onnx_attribute *a = onnx_attribute(n, name);
    return a ? a->f : unset;
}

bool import_text_is(const struct onnx_node *n, const char *name, const char *text)
{
    const struct onnx_attribute *a = onnx_attribute(n, name);
    return a && str_is(a->s, text);
}

int import_axis(struct builder *b, int64_t axis, int rank, int *ret_axis)
{
    if (axis < -rank || axis >= rank)
        return builder_refuse(b, ERR_MODEL, "axis %d of %d dimensions",
                              (int)MAX(MIN(axis, 9999), -9999), rank);
    *ret_axis = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

int import_ints(struct builder *b, const struct onnx_node *n, const char *attribute, int input,
                struct known_ints *ret_ints)
{
    const struct onnx_attribute *a = attribute ? onnx_attribute(n, attribute) : NULL;
    ret_ints->n = -1;
    if (!a)
        return input < 0 ? 0
                         : constant_ints(b, input, attribute ? attribute : "an input", ret_ints);
    if (a->n_ints > ARRAY_LEN(ret_ints->v))
        return builder_refuse(b, ERR_UNSUPPORTED, "%s has %zu numbers", attribute, a->n_ints);
    for (size_t i = 0; i < a->n_ints; i++)
        ret_ints->v[i] = a->ints[i];
    ret_ints->n = (int)a->n_ints;
    return 0;
}

static const struct import_row *row_of(struct str op)
{
    static const struct import_row *const tables[] = {import_compute, import_shape, import_choose,
                                                      import_quantized};
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct import_row *row = tables[t]; row->op; row++) {
            if (str_is(op, row->op))
                return row;
        }
    }
    return NULL;
}

static bool is_default_domain(struct str domain)
{
    return domain.n == 0 || str_is(domain, "ai.onnx") || str_is(domain, "com.microsoft");
}

static int import_node(struct builder *b, const struct onnx_node *n)
{
    b->at = n;
    const struct import_row *row = row_of(n->op);
    if (!row || !is_default_domain(n->domain))
        return builder_refuse(b, ERR_UNSUPPORTED, "not among those of the native engine");
    int in[GRAPH_MAX_INPUTS];
    if (n->n_inputs > GRAPH_MAX_INPUTS)
        return builder_refuse(b, ERR_TOO_BIG, "%zu inputs", n->n_inputs);
    for (size_t i = 0; i < n->n_inputs; i++) {
        in[i] = n->inputs[i].n ? builder_find(b, n->inputs[i]) : -1;
        if (in[i] < 0 && (!row->may_lack || (int)i < row->min_inputs))
            return builder_refuse(b, ERR_MODEL, "its input '%.*s' holds nothing",
                                  (int)MIN(n->inputs[i].n, (size_t)80),
                                  n->inputs[i].p ? n->inputs[i].p : "");
    }
    if ((int)n->n_inputs < row->min_inputs)
        return builder_refuse(b, ERR_MODEL, "%zu inputs, not %d", n->n_inputs, row->min_inputs);
    return row->import(b, n, in, (int)n->n_inputs);
}

// --- order
//
// Files keep their nodes in order nearly always; those that do not are sorted, and what is left
// over is in a cycle or lacks an input. Kahn's way: a node is ready when all it reads is made.

struct order {
    int *n_waiting;  // by node: inputs not made yet
    int *first_edge; // by node: readers of its outputs
    int *edges;
    int *ready;
    bool is_shuffled; // a node stands before one that it reads
};

static void find_producers(const struct builder *b, struct name_slot *slots)
{
    const struct onnx *o = b->onnx;
    for (size_t i = 0; i < o->n_nodes; i++) {
        for (size_t k = 0; k < o->nodes[i].n_outputs; k++) {
            struct str name = o->nodes[i].outputs[k];
            if (name.n)
                *name_slot(slots, b->n_slots, name) = (struct name_slot){name, (int)i};
        }
    }
}

static int producer_of(const struct builder *b, struct str name, struct name_slot *slots)
{
    return name.n ? name_slot(slots, b->n_slots, name)->value : -1;
}

static void count_edges(const struct builder *b, struct name_slot *slots, struct order *o)
{
    const struct onnx *file = b->onnx;
    for (size_t i = 0; i < file->n_nodes; i++) {
        for (size_t k = 0; k < file->nodes[i].n_inputs; k++) {
            int p = producer_of(b, file->nodes[i].inputs[k], slots);
            o->is_shuffled |= p >= (int)i;
            if (p >= 0) {
                o->n_waiting[i]++;
                o->first_edge[p + 1]++;
            }
        }
    }
    for (size_t i = 0; i < file->n_nodes; i++)
        o->first_edge[i + 1] += o->first_edge[i];
}

static void fill_edges(const struct builder *b, struct name_slot *slots, struct order *o, int *at)
{
    const struct onnx *file = b->onnx;
    memcpy(at, o->first_edge, file->n_nodes * sizeof(int));
    for (size_t i = 0; i < file->n_nodes; i++) {
        for (size_t k = 0; k < file->nodes[i].n_inputs; k++) {
            int p = producer_of(b, file->nodes[i].inputs[k], slots);
            if (p >= 0)
                o->edges[at[p]++] = (int)i;
        }
    }
}

static int import_in_order(struct builder *b, struct order *o)
{
    size_t n = b->onnx->n_nodes;
    size_t n_ready = 0;
    size_t n_done = 0;
    for (size_t i = 0; i < n && !o->is_shuffled; i++) {
        int r = import_node(b, &b->onnx->nodes[i]);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < n && o->is_shuffled; i++) {
        if (o->n_waiting[i] == 0)
            o->ready[n_ready++] = (int)i;
    }
    while (n_done < n_ready) {
        int i = o->ready[n_done++];
        int r = import_node(b, &b->onnx->nodes[i]);
        if (r < 0)
            return r;
        for (int e = o->first_edge[i]; e < o->first_edge[i + 1]; e++) {
            if (--o->n_waiting[o->edges[e]] == 0)
                o->ready[n_ready++] = o->edges[e];
        }
    }
    if (o->is_shuffled && n_done < n) {
        b->at = NULL;
        return builder_refuse(b, ERR_MODEL, "the graph has a cycle");
    }
    return 0;
}

int import_nodes(struct builder *b)
{
    size_t n = b->onnx->n_nodes;
    size_t n_inputs = 0;
    for (size_t i = 0; i < n; i++)
        n_inputs += b->onnx->nodes[i].n_inputs;
    struct name_slot *slots = mem_array(struct name_slot, b->n_slots);
    struct order o = {.n_waiting = mem_array(int, n + 1),
                      .first_edge = mem_array(int, n + 2),
                      .edges = mem_array(int, n_inputs + 1),
                      .ready = mem_array(int, n + 1)};
    int *at = mem_array(int, n + 1);
    int r = ERR_NOMEM;
    if (slots && o.n_waiting && o.first_edge && o.edges && o.ready && at) {
        for (size_t i = 0; i < b->n_slots; i++)
            slots[i].value = -1;
        find_producers(b, slots);
        count_edges(b, slots, &o);
        fill_edges(b, slots, &o, at);
        r = import_in_order(b, &o);
    }
    mem_free(at);
    mem_free(o.ready);
    mem_free(o.edges);
    mem_free(o.first_edge);
    mem_free(o.n_waiting);
    mem_free(slots);
    return r;
}
