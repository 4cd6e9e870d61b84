// SPDX-License-Identifier: Apache-2.0
// plan_run.c - an instance, and one picture through the steps.

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/plan.h"
#include "nn/plan_priv.h"
#include "nn/prim.h"

enum {
    HUGE_PAGE = 2 * 1024 * 1024,
};

// Zeroed, and in huge pages where the system gives them.
static int make_memory(struct plan_instance *i)
{
    size_t n = (i->plan->n_arena + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
    n = MAX(n, (size_t)HUGE_PAGE);
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return err_set(ERR_NOMEM, "%zu bytes for the network: out of memory", n);
    IGNORE(madvise(p, n, MADV_HUGEPAGE)); // it is as well without
    i->memory = p;
    i->n_memory = n;
    return 0;
}

int plan_instance_create(struct plan *p, struct plan_instance **ret_instance)
{
    struct plan_instance *i = mem_new(struct plan_instance);
    if (!i)
        return ERR_NOMEM;
    i->plan = plan_ref(p);
    int r = make_memory(i);
    if (r < 0) {
        plan_instance_destroy(i);
        return r;
    }
    *ret_instance = i;
    return 0;
}

void plan_instance_destroy(struct plan_instance *i)
{
    if (!i)
        return;
    if (i->memory)
        munmap(i->memory, i->n_memory);
    mem_free(i->step_ns);
    mem_free(i->rows);
    plan_unref(&i->plan);
    mem_free(i);
}

void plan_instance_set_stop(struct plan_instance *i, const atomic_bool *stop)
{
    i->stop = stop;
}

void plan_instance_observe(struct plan_instance *i, plan_observer *fn, void *arg)
{
    i->observe = fn;
    i->observe_arg = arg;
}

int plan_instance_profile(struct plan_instance *i)
{
    i->step_ns = mem_array(int64_t, (size_t)i->plan->n_steps + 1);
    return i->step_ns ? 0 : ERR_NOMEM;
}

void *plan_at(const struct plan_instance *i, const struct operand *o)
{
    switch (o->kind) {
    case BLOCK_ARENA:
        return i->memory + o->offset;
    case BLOCK_INPUT:
        return (uint8_t *)i->inputs[o->input].data + o->offset;
    case BLOCK_BYTES:
        return i->bytes ? i->bytes : i->memory + o->offset;
    case BLOCK_CONSTANT:
        return i->plan->constants + o->offset;
    case BLOCK_NONE:
        break;
    }
    return NULL;
}

static void observe(const struct plan_instance *i, const struct place *p, const void *values,
                    const char *name)
{
    int64_t stride = 0;
    if (p->element == ELEMENT_F32 && view_is_picture(&p->view, &stride))
        i->observe(i->observe_arg, name, values, (size_t)(p->view.dims[2] * p->view.dims[3]),
                   (size_t)p->view.dims[1], (size_t)stride);
}

static int run_step(struct plan_instance *i, const struct step *s)
{
    const void *in[3] = {NULL, NULL, NULL};
    void *out[2] = {NULL, NULL};
    void *scratch = i->memory + i->plan->scratch;
    for (int k = 0; k < s->n_in; k++)
        in[k] = plan_at(i, &s->from[k]);
    for (int k = 0; k < s->n_out; k++)
        out[k] = plan_at(i, &s->to[k]);
    switch (s->kind) {
    case STEP_CONV:
        return conv_run(s->u.conv, in[0], in[1], out[0], scratch);
    case STEP_MATMUL:
        return prim_matmul_run(s->u.matmul, in[0], in[1], out[0], scratch);
    case STEP_COPY:
        step_copy(s, in[0], out[0]);
        break;
    case STEP_PLANES:
        step_planes(s, in[0], out[0]);
        break;
    case STEP_UNARY:
        step_unary(s, in[0], out[0]);
        break;
    case STEP_BINARY:
        step_binary(s, in[0], in[1], out[0]);
        break;
    case STEP_MAX_POOL:
    case STEP_AVERAGE_POOL:
        step_pool(s, in[0], out[0]);
        break;
    case STEP_RESIZE:
        step_resize(s, in[0], out[0]);
        break;
    case STEP_SOFTMAX:
        step_softmax(s, in[0], out[0]);
        break;
    case STEP_REDUCE:
        step_reduce(s, in[0], out[0]);
        break;
    case STEP_FILL:
        step_fill(s, out[0]);
        break;
    case STEP_GATHER:
        step_gather(s, in[0], in[1], out[0]);
        break;
    case STEP_GATHER_ELEMENTS:
        step_gather_elements(s, in[0], in[1], out[0]);
        break;
    case STEP_TOP_K:
        step_top_k(s, in[0], out[0], out[1], scratch);
        break;
    case STEP_UNSET:
    case STEP_N_KINDS:
        break;
    }
    return 0;
}

// Whether input *i* is given as the bytes that it was made of.
static bool is_bytes(const struct plan *p, const struct tensor *inputs, int i)
{
    const struct tensor *t = &inputs[i];
    const int64_t *dims = p->inputs[i].dims;
    return p->byte_step >= 0 && i == p->byte_input && t->type == TENSOR_UINT8 && t->n_dims == 4 &&
           t->dims[0] == 1 && t->dims[1] == dims[2] && t->dims[2] == dims[3] && t->dims[3] == 3 &&
           t->n_bytes == (size_t)(dims[2] * dims[3] * 3);
}

static int check_inputs(const struct plan *p, const struct tensor *inputs, int n_inputs)
{
    if (n_inputs != p->n_inputs)
        return err_set(ERR_MODEL, "%d inputs for a network of %d", n_inputs, p->n_inputs);
    for (int i = 0; i < n_inputs; i++) {
        const struct tensor *want = &p->inputs[i];
        bool same = inputs[i].type == want->type && inputs[i].n_dims == want->n_dims &&
                    inputs[i].n_bytes == want->n_bytes;
        for (int d = 0; d < want->n_dims && same; d++)
            same = inputs[i].dims[d] == want->dims[d];
        if (!same && !is_bytes(p, inputs, i))
            return err_set(ERR_MODEL, "input %d has not the shape or type that was compiled for",
                           i);
    }
    return 0;
}

int plan_run_steps(struct plan_instance *i, int first, int end)
{
    int r = 0;
    for (int k = first; k < end && r == 0; k++) {
        const struct step *s = &i->plan->steps[k];
        if (i->bytes && k == i->plan->byte_step)
            continue;
        if (i->stop && atomic_load(i->stop))
            return err_set(ERR_CANCELLED, "the run was stopped");
        int64_t start = i->step_ns ? clock_now_ns() : 0;
        if (i->observe && s->kind == STEP_CONV)
            observe(i, &s->in[0], plan_at(i, &s->from[0]), s->input_name);
        r = run_step(i, s);
        if (i->observe && s->kind == STEP_CONV && r == 0)
            observe(i, &s->out[0], plan_at(i, &s->to[0]), s->name);
        if (i->step_ns)
            i->step_ns[k] += clock_now_ns() - start;
    }
    return r;
}

static int run(struct plan_instance *i, const struct tensor *inputs, int n_inputs, int n_steps)
{
    int r = check_inputs(i->plan, inputs, n_inputs);
    if (r < 0)
        return r;
    prim_one_thread();
    const struct plan *p = i->plan;
    bool has_bytes = p->byte_step >= 0 && is_bytes(p, inputs, p->byte_input);
    i->inputs = inputs;
    i->bytes = has_bytes ? inputs[p->byte_input].data : NULL;
    r = plan_run_steps(i, 0, n_steps);
    i->inputs = NULL;
    i->bytes = NULL;
    i->n_runs++;
    return r;
}

int plan_run(struct plan_instance *i, const struct tensor *inputs, int n_inputs,
             struct tensor *outputs, int n_outputs)
{
    const struct plan *p = i->plan;
    if (n_outputs != p->n_outputs)
        return err_set(ERR_MODEL, "%d outputs of a network of %d", n_outputs, p->n_outputs);
    int r = run(i, inputs, n_inputs, p->n_steps);
    i->n_whole_runs++;
    if (r < 0)
        return r;
    for (int k = 0; k < p->n_outputs; k++) {
        outputs[k] = p->outputs[k];
        outputs[k].data = i->memory + p->output_at[k].offset;
    }
    return 0;
}

int plan_run_cut(struct plan_instance *i, const struct tensor *inputs, int n_inputs)
{
    assert(plan_is_cut(i->plan));
    return run(i, inputs, n_inputs, i->plan->n_body);
}
