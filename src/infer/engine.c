// SPDX-License-Identifier: Apache-2.0
// engine.c - the table of engines, the options that choose among them, and the calls through it.

#include "infer/engine.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/opt.h"
#include "infer/engine_impl.h"
#include "nn/kernel.h"

enum engine_choice {
    ENGINE_AUTO,
    ENGINE_NATIVE,
    ENGINE_ONNXRUNTIME,
};

enum {
    MAX_THREADS = 1024,
    MAX_BATCH = 256,
};

static const char *const engine_choices[] = {"auto", "native", "onnxruntime", NULL};
static const char *const precision_choices[] = {"auto", "fp32", "bf16", "int8", NULL};
static const char *const device_choices[] = {"auto",   "cpu",      "cuda", "tensorrt",
                                             "webgpu", "openvino", NULL};

// clang-format off
const struct opt engine_options[] = {
    OPT_INT(struct engine_opts, "batch", batch, 0, MAX_BATCH, "N",
            "pictures in one call on a GPU; on a CPU each is a call of its own",
            "chosen"),
    OPT_CHOICE(struct engine_opts, "device", device, device_choices, "NAME",
               "where the model runs: cpu, cuda, tensorrt, webgpu or openvino", "cpu"),
    OPT_CHOICE(struct engine_opts, "engine", engine, engine_choices, "NAME",
               "what runs the model: auto, native or onnxruntime", "auto"),
    OPT_DOUBLE(struct engine_opts, "max-loss", max_loss, 0, 1, "LOSS",
               "precision auto chooses int8 where model quantize measured no more loss", "never"),
    OPT_CHOICE(struct engine_opts, "precision", precision, precision_choices, "NAME",
               "auto (the fastest that keeps the detections), fp32, bf16 or int8", "auto"),
    OPT_INT(struct engine_opts, "threads", threads, 0, MAX_THREADS, "N",
            "pictures side by side on a CPU, one thread each", "one a core"),
    OPT_END,
};
// clang-format on

static int choose(const struct engine_opts *opts, const struct engine_impl **ret_impl)
{
    if (engine_stub_is_set()) {
        *ret_impl = &engine_stub;
        return 0;
    }
    switch ((enum engine_choice)opts->engine) {
    case ENGINE_NATIVE:
        *ret_impl = &engine_native;
        return 0;
    case ENGINE_AUTO:
        *ret_impl = &engine_auto;
        return 0;
    case ENGINE_ONNXRUNTIME:
        *ret_impl = &engine_onnxruntime;
        return 0;
    }
    return err_set(ERR_INVALID, "engine: choice %d is not in the table", opts->engine);
}

int engine_create(struct model *m, const struct engine_opts *opts, struct engine **ret_engine)
{
    const struct engine_impl *impl = NULL;
    int r = choose(opts, &impl);
    if (r < 0)
        return r;
    return impl->create(m, opts, ret_engine);
}

void engine_destroy(struct engine *e)
{
    if (e)
        e->impl->destroy(e);
}

bool engine_is_settled(const struct engine *e)
{
    return !e->impl->settled || e->impl->settled(e);
}

// The engine that runs the model, as far as it is known.
static const struct engine *running(const struct engine *e)
{
    const struct engine *chosen = e->impl->settled ? e->impl->settled(e) : NULL;
    return chosen ? chosen : e;
}

const char *engine_name(const struct engine *e)
{
    return running(e)->impl->name;
}

const char *engine_precision_name(const struct engine *e)
{
    return running(e)->precision;
}

const char *engine_describe(const struct engine *e)
{
    return running(e)->description;
}

double engine_operations(const struct engine *e)
{
    return running(e)->operations;
}

double engine_peak(const struct engine *e)
{
    const char *precision = engine_precision_name(e);
    return kernel_peak(strcmp(precision, "bf16") == 0   ? KERNEL_BF16
                       : strcmp(precision, "int8") == 0 ? KERNEL_U8
                                                        : KERNEL_F32);
}

int engine_max_batch(const struct engine *e)
{
    return e->max_batch;
}

bool engine_takes_bytes(const struct engine *e)
{
    return e->takes_bytes;
}

int engine_context_create(struct engine *e, struct engine_context **ret_context)
{
    return e->impl->context_create(e, ret_context);
}

void engine_context_destroy(struct engine_context *c)
{
    if (c)
        c->engine->impl->context_destroy(c);
}

void engine_context_set_stop(struct engine_context *c, const atomic_bool *stop)
{
    c->stop = stop;
}

static int check_stop(const struct engine_context *c)
{
    return c->stop && atomic_load(c->stop) ? err_set(ERR_CANCELLED, "%s: the run was stopped",
                                                     model_info(c->engine->model)->path)
                                           : 0;
}

int engine_run(struct engine_context *c, const struct tensor *inputs, int n_inputs,
               struct tensor *outputs, int n_outputs)
{
    assert(n_inputs == model_info(c->engine->model)->n_inputs);
    assert(n_outputs == model_info(c->engine->model)->n_outputs);
    int r = check_stop(c);
    return r < 0 ? r : c->engine->impl->run(c, inputs, n_inputs, outputs, n_outputs);
}

int engine_run_for_head(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                        struct tensor *outputs, int n_outputs, bool *ret_is_cut)
{
    const struct engine_impl *impl = c->engine->impl;
    int r = check_stop(c);
    *ret_is_cut = false;
    if (r < 0)
        return r;
    return impl->run_for_head
               ? impl->run_for_head(c, inputs, n_inputs, outputs, n_outputs, ret_is_cut)
               : engine_run(c, inputs, n_inputs, outputs, n_outputs);
}

int engine_rows(struct engine_context *c, float floor, struct plan_rows *ret_rows)
{
    assert(c->engine->impl->rows);
    return c->engine->impl->rows(c, floor, ret_rows);
}

int engine_warm(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                struct tensor *outputs, int n_outputs)
{
    if (!c->engine->impl->warm)
        return engine_run(c, inputs, n_inputs, outputs, n_outputs);
    return c->engine->impl->warm(c, inputs, n_inputs, outputs, n_outputs);
}

int engine_try(struct engine_context *c, const struct tensor *inputs, int n_inputs,
               enum engine_trial trial)
{
    if (engine_is_settled(c->engine))
        return 0;
    return c->engine->impl->try(c, inputs, n_inputs, trial);
}

int engine_runtime_describe(char *ret_text, size_t n_bytes)
{
    return engine_onnxruntime_describe(ret_text, n_bytes);
}

int engine_choice(const char *name)
{
    for (int i = 0; engine_choices[i]; i++) {
        if (strcmp(engine_choices[i], name) == 0)
            return i;
    }
    return ENGINE_AUTO;
}
