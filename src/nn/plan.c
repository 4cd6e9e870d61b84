// SPDX-License-Identifier: Apache-2.0
// plan.c - compiling a graph, and the life of plans.

#include "nn/plan.h"

#include <string.h>

#include "base/arena.h"
#include "base/cpu.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/plan_priv.h"
#include "nn/prim.h"

enum {
    MAX_DESCRIPTIONS = 64 * 1024 * 1024, // bytes of names and tables of a plan
};

const char *plan_library(void)
{
    return prim_library();
}

bool plan_precision_pays(enum plan_precision precision)
{
    if (precision == PLAN_INT8)
        return cpu_has(CPU_ISA_AVX2);
    return precision == PLAN_BF16 && prim_has_amx();
}

static int check_precision(const struct plan_opts *opts)
{
    if (opts->precision == PLAN_INT8 && opts->n_ranges == 0)
        return err_set(ERR_UNSUPPORTED, "int8 needs the ranges of values: run model quantize");
    if (opts->precision == PLAN_BF16 && !prim_has_bf16())
        return err_set(ERR_UNAVAILABLE, "bf16 needs a CPU with AVX-512");
    return 0;
}

static int compiler_init(struct compiler *c, const struct graph *g, const struct plan_opts *opts)
{
    size_t n = (size_t)g->n_values + 1;
    c->g = g;
    c->opts = opts;
    c->places = mem_array(struct place, n);
    c->widened = mem_array(struct place, n);
    c->orders = mem_array(struct view_order, n);
    c->homes = mem_array(struct home, n);
    c->elements = mem_array(enum element, n);
    c->quants = mem_array(struct quant, n);
    c->smalls = mem_array(enum element, n);
    c->wants_picture = mem_array(bool, n);
    c->takes_bf16 = mem_array(bool, n);
    c->is_body = mem_array(bool, (size_t)g->n_nodes + 1);
    bool ok = c->places && c->widened && c->orders && c->homes && c->elements && c->wants_picture &&
              c->takes_bf16 && c->is_body && c->quants && c->smalls;
    return ok ? 0 : ERR_NOMEM;
}

static void compiler_finish(struct compiler *c)
{
    mem_free(c->places);
    mem_free(c->widened);
    mem_free(c->orders);
    mem_free(c->homes);
    mem_free(c->elements);
    mem_free(c->quants);
    mem_free(c->smalls);
    mem_free(c->wants_picture);
    mem_free(c->takes_bf16);
    mem_free(c->is_body);
    mem_free(c->blocks);
}

static int add_nodes(struct compiler *c, bool is_body)
{
    int r = 0;
    for (int i = 0; i < c->g->n_nodes && r == 0; i++) {
        if (c->is_body[i] == is_body)
            r = plan_add_node(c, &c->g->nodes[i]);
    }
    return r;
}

static int compile(struct compiler *c)
{
    int r = cut_find(c);
    if (r == 0)
        r = layout_orders(c);
    if (r < 0)
        return r;
    layout_homes(c);
    r = plan_add_inputs(c);
    if (r == 0)
        r = add_nodes(c, true);
    cut_place_maps(c);
    if (r == 0)
        r = add_nodes(c, false);
    if (r == 0)
        r = plan_add_outputs(c);
    if (r == 0)
        r = memory_plan(c);
    if (r == 0)
        plan_find_bytes(c);
    return r < 0 ? r : cut_prove(c->plan);
}

static void plan_free(struct plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        if (p->steps[i].kind == STEP_CONV)
            conv_destroy(p->steps[i].u.conv);
        if (p->steps[i].kind == STEP_MATMUL)
            prim_matmul_destroy(p->steps[i].u.matmul);
    }
    mem_free(p->steps);
    mem_free(p->constants);
    arena_destroy(p->arena);
    mem_free(p);
}

int plan_compile(const struct graph *g, const struct plan_opts *opts, struct plan **ret_plan)
{
    struct plan_opts zero = {0};
    opts = opts ? opts : &zero;
    int r = check_precision(opts);
    if (r < 0)
        return r;
    struct plan *p = mem_new(struct plan);
    if (!p)
        return ERR_NOMEM;
    atomic_init(&p->refs, 1);
    p->precision = opts->precision ? opts->precision : PLAN_FP32;
    p->byte_step = -1;
    struct compiler c = {.plan = p};
    r = arena_create(MAX_DESCRIPTIONS, &p->arena);
    if (r == 0)
        r = compiler_init(&c, g, opts);
    if (r == 0)
        r = compile(&c);
    compiler_finish(&c);
    if (r < 0) {
        plan_free(p);
        return r;
    }
    *ret_plan = p;
    return 0;
}

struct plan *plan_ref(struct plan *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void plan_unref(struct plan **pp)
{
    struct plan *p = *pp;
    *pp = NULL;
    if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
        plan_free(p);
}

size_t plan_weight_bytes(const struct plan *p)
{
    return p->n_weights + p->n_constants;
}

size_t plan_arena_bytes(const struct plan *p)
{
    return p->n_arena;
}

double plan_operations(const struct plan *p)
{
    return p->operations;
}

bool plan_takes_bytes(const struct plan *p)
{
    return p->byte_step >= 0;
}

// --- for people

static const char *const step_names[STEP_N_KINDS] = {
    [STEP_UNSET] = "unset",       [STEP_CONV] = "conv",
    [STEP_COPY] = "copy",         [STEP_PLANES] = "planes",
    [STEP_UNARY] = "unary",       [STEP_BINARY] = "binary",
    [STEP_MAX_POOL] = "max-pool", [STEP_AVERAGE_POOL] = "average-pool",
    [STEP_RESIZE] = "resize",     [STEP_SOFTMAX] = "softmax",
    [STEP_REDUCE] = "reduce",     [STEP_FILL] = "fill",
    [STEP_GATHER] = "gather",     [STEP_GATHER_ELEMENTS] = "gather-elements",
    [STEP_TOP_K] = "top-k",       [STEP_MATMUL] = "matmul",
};

static void describe_place(const struct place *p, const struct operand *o, struct str_buf *out)
{
    static const char kinds[] = {'?', 'a', 'i', 'b', 'c'};
    static const char *const elements[] = {"f32", "bf16", "f16", "u8", "i8", "i32", "i64"};
    str_buf_printf(out, " %c%zu:%s[", kinds[p->kind], o->offset, elements[p->element]);
    for (int d = 0; d < p->view.n_dims; d++)
        str_buf_printf(out, "%s%d", d ? "," : "", (int)p->view.dims[d]);
    str_buf_putc(out, '/');
    for (int d = 0; d < p->view.n_dims; d++)
        str_buf_printf(out, "%s%d", d ? "," : "", (int)p->view.strides[d]);
    str_buf_putc(out, ']');
}

static void describe_step(const struct step *s, struct str_buf *out)
{
    str_buf_puts(out, step_names[s->kind]);
    if (s->kind == STEP_CONV)
        str_buf_printf(out, " %s", conv_describe(s->u.conv));
    for (int k = 0; k < s->n_out; k++)
        describe_place(&s->out[k], &s->to[k], out);
    str_buf_puts(out, " <-");
    for (int k = 0; k < s->n_in; k++)
        describe_place(&s->in[k], &s->from[k], out);
    str_buf_puts(out, "  '");
    str_buf_add_printable(out, str_of(s->name));
    str_buf_puts(out, "'");
}

void plan_describe(const struct plan *p, struct str_buf *out)
{
    for (int i = 0; i < p->n_steps; i++) {
        str_buf_printf(out, "%d ", i);
        describe_step(&p->steps[i], out);
        str_buf_putc(out, '\n');
    }
}

void plan_profile_describe(const struct plan_instance *inst, struct str_buf *out)
{
    if (!inst->step_ns || inst->n_runs == 0)
        return;
    const struct plan *p = inst->plan;
    int n_body = inst->n_whole_runs < inst->n_runs ? p->n_body : p->n_steps;
    for (int i = 0; i < n_body; i++) {
        str_buf_printf(out, "%9.1f us  ", (double)inst->step_ns[i] / 1000.0 / (double)inst->n_runs);
        describe_step(&p->steps[i], out);
        str_buf_putc(out, '\n');
    }
    if (n_body < p->n_steps)
        str_buf_printf(out, "%9.1f us  head: the rows that matter, of %d; %d steps left out\n",
                       (double)inst->rows_ns / 1000.0 / (double)MAX(inst->n_row_runs, 1),
                       p->cut.n_anchors, p->n_steps - n_body);
}
