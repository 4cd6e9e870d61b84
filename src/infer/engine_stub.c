// SPDX-License-Identifier: Apache-2.0
// engine_stub.c - an engine whose answers a test writes itself; nothing on the command line leads
// here.

#include <assert.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/engine_impl.h"

struct stub_engine {
    struct engine base;
    struct engine_stub stub;
    atomic_bool is_settled;
};

struct stub_context {
    struct engine_context base;
    void *outputs[MODEL_MAX_TENSORS];
};

// --- set by a test while no detector exists
static const struct engine_stub *the_stub;

void engine_test_set_stub(const struct engine_stub *stub)
{
    the_stub = stub;
}

bool engine_stub_is_set(void)
{
    return the_stub != NULL;
}

static int stub_create(struct model *m, const struct engine_opts *opts, struct engine **ret_engine)
{
    assert(the_stub);
    if (the_stub->create_error)
        return err_set((enum err)the_stub->create_error, "stub: as the test wants it");
    struct stub_engine *e = mem_new(struct stub_engine);
    if (!e)
        return ERR_NOMEM;
    e->base.impl = &engine_stub;
    e->base.model = model_ref(m);
    e->base.max_batch = MAX(1, the_stub->max_batch);
    e->base.precision = "fp32";
    e->stub = *the_stub;
    atomic_init(&e->is_settled, !the_stub->try);
    snprintf(e->base.description, sizeof(e->base.description), "stub");
    *ret_engine = &e->base;
    return 0;
}

static void stub_destroy(struct engine *e)
{
    model_unref(&e->model);
    mem_free(e);
}

static int stub_context_create(struct engine *e, struct engine_context **ret_context)
{
    struct stub_context *c = mem_new(struct stub_context);
    if (!c)
        return ERR_NOMEM;
    c->base.engine = e;
    *ret_context = &c->base;
    return 0;
}

static void stub_context_destroy(struct engine_context *context)
{
    struct stub_context *c = (struct stub_context *)context;
    for (int i = 0; i < MODEL_MAX_TENSORS; i++)
        mem_free(c->outputs[i]);
    mem_free(c);
}

static int make_output(struct stub_context *c, int index, int64_t batch, struct tensor *ret_output)
{
    const struct model_tensor *shape = &model_info(c->base.engine->model)->outputs[index];
    struct tensor t = {.type = shape->type, .n_dims = shape->n_dims};
    size_t n = 1;
    for (int d = 0; d < shape->n_dims; d++) {
        int64_t dim = shape->dims[d] > 0 ? shape->dims[d] : 1;
        t.dims[d] = d == 0 && dim < batch ? batch : dim;
        n *= (size_t)t.dims[d];
    }
    mem_free(c->outputs[index]);
    c->outputs[index] = mem_calloc(n, (size_t)tensor_type_bytes(shape->type));
    if (!c->outputs[index])
        return ERR_NOMEM;
    t.data = c->outputs[index];
    t.n_bytes = n * (size_t)tensor_type_bytes(shape->type);
    *ret_output = t;
    return 0;
}

static int stub_run(struct engine_context *context, const struct tensor *inputs, int n_inputs,
                    struct tensor *outputs, int n_outputs)
{
    struct stub_context *c = (struct stub_context *)context;
    struct stub_engine *e = (struct stub_engine *)context->engine;
    for (int i = 0; i < n_outputs; i++) {
        int r = make_output(c, i, inputs[0].dims[0], &outputs[i]);
        if (r < 0)
            return r;
    }
    return e->stub.run(e->stub.arg, inputs, n_inputs, outputs, n_outputs);
}

static const struct engine *stub_settled(const struct engine *base)
{
    return atomic_load(&((const struct stub_engine *)base)->is_settled) ? base : NULL;
}

static int stub_try(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                    enum engine_trial trial)
{
    struct stub_engine *e = (struct stub_engine *)c->engine;
    (void)inputs;
    (void)n_inputs;
    int r = e->stub.try(e->stub.arg, c->stop);
    if (r == 0 && trial == ENGINE_TRIAL_LAST)
        atomic_store(&e->is_settled, true);
    return r;
}

const struct engine_impl engine_stub = {
    .name = "stub",
    .create = stub_create,
    .destroy = stub_destroy,
    .context_create = stub_context_create,
    .context_destroy = stub_context_destroy,
    .run = stub_run,
    .settled = stub_settled,
    .try = stub_try,
};
