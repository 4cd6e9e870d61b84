// SPDX-License-Identifier: Apache-2.0
// graph_pass.c - what exporters spread over several nodes becomes one again.
//
// Every rewrite turns the last node of a pattern into the whole; the others die when nobody reads
// them any more. So positions stay valid, and nothing that is read elsewhere is lost.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/graph_priv.h"

struct pass {
    struct builder *b;
    struct graph *g;
    int *n_uses; // of values; outputs count
};

static void count_uses(struct pass *p)
{
    memset(p->n_uses, 0, (size_t)p->g->n_values * sizeof(int));
    for (int i = 0; i < p->g->n_nodes; i++) {
        for (int k = 0; k < p->g->nodes[i].n_inputs; k++)
            p->n_uses[p->g->nodes[i].inputs[k]]++;
    }
    for (int i = 0; i < p->g->n_outputs; i++)
        p->n_uses[p->g->outputs[i]]++;
}

static struct graph_node *producer(const struct pass *p, int value, enum graph_op op)
{
    int i = p->g->values[value].producer;
    return i >= 0 && p->g->nodes[i].op == op ? &p->g->nodes[i] : NULL;
}

static struct graph_node *unary_producer(const struct pass *p, int value, enum graph_unary kind)
{
    struct graph_node *n = producer(p, value, GRAPH_UNARY);
    return n && n->u.unary.kind == kind ? n : NULL;
}

static bool same_shape(const struct graph_value *x, const struct graph_value *y)
{
    return x->n_dims == y->n_dims &&
           memcmp(x->dims, y->dims, (size_t)x->n_dims * sizeof(x->dims[0])) == 0;
}

// One reader less; what nobody reads any more reads nothing either. Patterns are a few nodes deep.
static void release(struct pass *p, int value, int depth)
{
    int node = p->g->values[value].producer;
    if (--p->n_uses[value] > 0 || node < 0 || depth == 0)
        return;
    const struct graph_node *n = &p->g->nodes[node];
    for (int k = 0; k < n->n_inputs && n->n_outputs == 1; k++)
        release(p, n->inputs[k], depth - 1);
}

static int set_inputs(struct pass *p, struct graph_node *n, const int *inputs, int n_inputs)
{
    int *own = arena_array(p->b->arena, int, (size_t)n_inputs);
    if (!own)
        return ERR_NOMEM;
    memcpy(own, inputs, (size_t)n_inputs * sizeof(int));
    for (int k = 0; k < n_inputs; k++)
        p->n_uses[own[k]]++;
    for (int k = 0; k < n->n_inputs; k++)
        release(p, n->inputs[k], 8);
    n->inputs = own;
    n->n_inputs = n_inputs;
    return 0;
}

static int become_unary(struct pass *p, struct graph_node *n, enum graph_unary kind, int in)
{
    int r = set_inputs(p, n, &in, 1);
    if (r < 0)
        return r;
    n->op = GRAPH_UNARY;
    memset(&n->u, 0, sizeof(n->u));
    n->u.unary.kind = kind;
    return 0;
}

// --- activations

static bool scalar_is(const struct pass *p, int value, float want)
{
    float v;
    return constant_is_scalar(p->g, value, &v) && fabsf(v - want) <= 1e-5f * fabsf(want);
}

// clip(x + 3, 0, 6), and with *sixth* the same through 6: *ret_x.
static bool is_shifted_clip(const struct pass *p, int value, int *ret_x)
{
    struct graph_node *clip = producer(p, value, GRAPH_UNARY);
    if (!clip || clip->u.unary.kind != GRAPH_CLIP || clip->u.unary.alpha != 0 ||
        clip->u.unary.beta != 6)
        return false;
    struct graph_node *add = producer(p, clip->inputs[0], GRAPH_BINARY);
    if (!add || add->u.binary != GRAPH_ADD)
        return false;
    for (int i = 0; i < 2; i++) {
        if (scalar_is(p, add->inputs[1 - i], 3)) {
            *ret_x = add->inputs[i];
            return true;
        }
    }
    return false;
}

static bool is_sixth(const struct pass *p, const struct graph_node *n, int *ret_x)
{
    if (n->op != GRAPH_BINARY)
        return false;
    if (n->u.binary == GRAPH_DIV && scalar_is(p, n->inputs[1], 6)) {
        *ret_x = n->inputs[0];
        return true;
    }
    for (int i = 0; i < 2 && n->u.binary == GRAPH_MUL; i++) {
        if (scalar_is(p, n->inputs[1 - i], 1.0f / 6)) {
            *ret_x = n->inputs[i];
            return true;
        }
    }
    return false;
}

// x * clip(x + 3, 0, 6)
static bool is_hard_product(const struct pass *p, int value, int *ret_x)
{
    struct graph_node *mul = producer(p, value, GRAPH_BINARY);
    for (int i = 0; mul && mul->u.binary == GRAPH_MUL && i < 2; i++) {
        int x;
        if (is_shifted_clip(p, mul->inputs[1 - i], &x) && x == mul->inputs[i]) {
            *ret_x = x;
            return true;
        }
    }
    return false;
}

static int match_product(struct pass *p, struct graph_node *n)
{
    for (int i = 0; i < 2; i++) {
        int x = n->inputs[i];
        int gate = n->inputs[1 - i];
        struct graph_node *s = unary_producer(p, gate, GRAPH_SIGMOID);
        if (s && s->inputs[0] == x)
            return become_unary(p, n, GRAPH_SILU, x);
        s = unary_producer(p, gate, GRAPH_HARD_SIGMOID);
        if (s && s->inputs[0] == x && fabsf(s->u.unary.alpha - 1.0f / 6) < 1e-6f &&
            s->u.unary.beta == 0.5f)
            return become_unary(p, n, GRAPH_HARD_SWISH, x);
        int clipped;
        int inner;
        struct graph_node *g = producer(p, gate, GRAPH_BINARY);
        if (g && is_sixth(p, g, &clipped) && is_shifted_clip(p, clipped, &inner) && inner == x)
            return become_unary(p, n, GRAPH_HARD_SWISH, x);
    }
    return 0;
}

static int match_activation(struct pass *p, struct graph_node *n)
{
    int product;
    int x;
    if (n->op != GRAPH_BINARY)
        return 0;
    if (is_sixth(p, n, &product) && is_hard_product(p, product, &x))
        return become_unary(p, n, GRAPH_HARD_SWISH, x);
    return n->u.binary == GRAPH_MUL ? match_product(p, n) : 0;
}

// --- into convolutions

// The convolution that alone makes *value*, and that nobody else reads.
static struct graph_node *only_conv(const struct pass *p, int value)
{
    struct graph_node *c = producer(p, value, GRAPH_CONV);
    return c && p->n_uses[value] == 1 ? c : NULL;
}

// A number for each channel, or one for all.
static int channel_values(struct pass *p, int value, int64_t channels, const float **ret_values)
{
    const struct graph_value *v = &p->g->values[value];
    *ret_values = NULL;
    int at = v->n_dims - 3; // of the channels, counted from behind
    bool one = v->n_elements == 1 && v->n_dims <= 4;
    if (!v->is_constant ||
        (!one && (at < 0 || v->n_dims > 4 || v->dims[at] != channels || v->n_elements != channels)))
        return 0;
    float *values = arena_array(p->b->arena, float, (size_t)channels);
    if (!values)
        return ERR_NOMEM;
    graph_constant_floats(v, values);
    for (int64_t c = 1; c < channels && one; c++)
        values[c] = values[0];
    *ret_values = values;
    return 0;
}

static int scale_conv(struct pass *p, struct graph_conv *c, const float *k, int64_t channels,
                      enum graph_binary how)
{
    float *scale = arena_array(p->b->arena, float, (size_t)channels);
    float *bias = arena_array(p->b->arena, float, (size_t)channels);
    if (!scale || !bias)
        return ERR_NOMEM;
    for (int64_t i = 0; i < channels; i++) {
        float s = c->scale ? c->scale[i] : 1;
        float o = c->bias ? c->bias[i] : 0;
        scale[i] = how == GRAPH_MUL ? s * k[i] : how == GRAPH_DIV ? s / k[i] : s;
        bias[i] = how == GRAPH_MUL   ? o * k[i]
                  : how == GRAPH_DIV ? o / k[i]
                  : how == GRAPH_ADD ? o + k[i]
                                     : o - k[i];
    }
    if (how == GRAPH_MUL || how == GRAPH_DIV)
        c->scale = scale;
    c->bias = bias;
    return 0;
}

// *n* becomes a copy of convolution *c* that makes n's output.
static int become_conv(struct pass *p, struct graph_node *n, const struct graph_node *c,
                       const struct graph_conv *conv, int residual)
{
    int inputs[3] = {c->inputs[0], c->inputs[1], residual};
    int r = set_inputs(p, n, inputs, residual >= 0 ? 3 : 2);
    if (r < 0)
        return r;
    n->op = GRAPH_CONV;
    n->u.conv = *conv;
    n->name = c->name;
    return 0;
}

static int match_scaling(struct pass *p, struct graph_node *n)
{
    enum graph_binary how = n->u.binary;
    if (how != GRAPH_MUL && how != GRAPH_DIV && how != GRAPH_ADD && how != GRAPH_SUB)
        return 0;
    bool both = how == GRAPH_MUL || how == GRAPH_ADD;
    for (int i = 0; i < (both ? 2 : 1); i++) {
        struct graph_node *c = only_conv(p, n->inputs[i]);
        if (!c || c->u.conv.activation.kind != GRAPH_IDENTITY || c->n_inputs > 2)
            continue;
        const struct graph_value *v = &p->g->values[n->inputs[i]];
        const float *k;
        int r = channel_values(p, n->inputs[1 - i], v->dims[1], &k);
        if (r < 0)
            return r;
        if (!k || !same_shape(v, &p->g->values[n->outputs[0]]))
            continue;
        struct graph_conv conv = c->u.conv;
        r = scale_conv(p, &conv, k, v->dims[1], how);
        return r < 0 ? r : become_conv(p, n, c, &conv, -1);
    }
    return 0;
}

static int match_conv_activation(struct pass *p, struct graph_node *n)
{
    if (n->u.unary.kind < GRAPH_RELU || n->u.unary.kind > GRAPH_HARD_SWISH)
        return 0;
    struct graph_node *c = only_conv(p, n->inputs[0]);
    if (!c || c->u.conv.activation.kind != GRAPH_IDENTITY || c->n_inputs > 2)
        return 0;
    struct graph_conv conv = c->u.conv;
    conv.activation = n->u.unary;
    return become_conv(p, n, c, &conv, -1);
}

static int match_residual(struct pass *p, struct graph_node *n)
{
    if (n->u.binary != GRAPH_ADD)
        return 0;
    // Of two, the later one has what the other made already.
    int first = p->g->values[n->inputs[0]].producer > p->g->values[n->inputs[1]].producer ? 0 : 1;
    for (int k = 0; k < 2; k++) {
        int i = k ? 1 - first : first;
        struct graph_node *c = only_conv(p, n->inputs[i]);
        const struct graph_value *other = &p->g->values[n->inputs[1 - i]];
        if (!c || c->n_inputs > 2 || other->is_constant ||
            !same_shape(&p->g->values[n->inputs[i]], other))
            continue;
        struct graph_conv conv = c->u.conv;
        return become_conv(p, n, c, &conv, n->inputs[1 - i]);
    }
    return 0;
}

static int match_node(struct pass *p, struct graph_node *n)
{
    int r = match_activation(p, n);
    if (r == 0 && n->op == GRAPH_BINARY)
        r = match_scaling(p, n);
    if (r == 0 && n->op == GRAPH_UNARY)
        r = match_conv_activation(p, n);
    return r;
}

// --- dead nodes

static void mark_live(const struct graph *g, int value, bool *live, int *stack)
{
    int n = 0;
    stack[n++] = value;
    while (n > 0) {
        int node = g->values[stack[--n]].producer;
        if (node < 0 || live[node])
            continue;
        live[node] = true;
        for (int k = 0; k < g->nodes[node].n_inputs; k++)
            stack[n++] = g->nodes[node].inputs[k];
    }
}

static int drop_dead(struct pass *p)
{
    struct graph *g = p->g;
    size_t n_stack = (size_t)g->n_values + 1;
    for (int i = 0; i < g->n_nodes; i++)
        n_stack += (size_t)g->nodes[i].n_inputs;
    bool *live = mem_array(bool, (size_t)g->n_nodes + 1);
    int *stack = mem_array(int, n_stack);
    if (live && stack) {
        for (int i = 0; i < g->n_outputs; i++)
            mark_live(g, g->outputs[i], live, stack);
        int n = 0;
        for (int i = 0; i < g->n_nodes; i++) {
            if (!live[i])
                continue;
            g->nodes[n] = g->nodes[i];
            for (int k = 0; k < g->nodes[n].n_outputs; k++)
                g->values[g->nodes[n].outputs[k]].producer = n;
            n++;
        }
        g->n_nodes = n;
    }
    int r = live && stack ? 0 : ERR_NOMEM;
    mem_free(live);
    mem_free(stack);
    return r;
}

static int run_pass(struct pass *p, int (*match)(struct pass *p, struct graph_node *n))
{
    count_uses(p);
    for (int i = 0; i < p->g->n_nodes; i++) {
        int r = match(p, &p->g->nodes[i]);
        if (r < 0)
            return r;
    }
    return drop_dead(p);
}

static int match_residual_node(struct pass *p, struct graph_node *n)
{
    return n->op == GRAPH_BINARY ? match_residual(p, n) : 0;
}

int graph_simplify(struct builder *b)
{
    struct pass p = {.b = b, .g = &b->graph};
    p.n_uses = mem_array(int, (size_t)b->graph.n_values + 1);
    if (!p.n_uses)
        return ERR_NOMEM;
    int r = drop_dead(&p);
    // Activations first, so that a gate which dies does not count as a reader of its convolution.
    if (r == 0)
        r = run_pass(&p, match_activation);
    if (r == 0)
        r = run_pass(&p, match_node);
    if (r == 0)
        r = run_pass(&p, match_residual_node);
    mem_free(p.n_uses);
    return r;
}
