// SPDX-License-Identifier: Apache-2.0
// engine_onnxruntime.c - the engine that runs any model: ONNX Runtime, opened at run time.
//
// (1) One session is shared by all contexts; each Run() works in its caller's thread alone, so a
//     picture's result does not depend on how many others are in work.
// (2) Memory patterns are off: the runtime would allocate every context's buffers as one block that
//     is kept beside those of single allocations. yolov8n 640, two workers: 108 MB resident instead
//     of 139 at the same speed; without the arena as well it is 93 but peaks at 140 and is 12 %
//     slower.
// (3) The pages of the model's parsed file go back to the system after loading (16 MB of 63).

#include <malloc.h>
#include <onnxruntime_c_api.h>

#include "base/mem.h"
#include "infer/engine_impl.h"
#include "infer/ort_device.h"
#include "infer/ort_runtime.h"
#include "infer/ort_watch.h"

enum {
    DEFAULT_GPU_BATCH = 8,
};

struct ort_engine {
    struct engine base;
    // --- constant after create
    const OrtApi *api;
    OrtSession *session;
    OrtMemoryInfo *memory;
    struct ort_watch *watch;
    bool has_env;
    bool is_on_cpu;
    const char *input_names[MODEL_MAX_TENSORS]; // borrowed from the model
    const char *output_names[MODEL_MAX_TENSORS];
};

struct ort_context {
    struct engine_context base;
    OrtRunOptions *options;
    OrtValue *outputs[MODEL_MAX_TENSORS]; // of the last run
};

static const struct {
    enum tensor_type ours;
    ONNXTensorElementDataType theirs;
} types[] = {
    {TENSOR_FLOAT32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {TENSOR_FLOAT16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    {TENSOR_UINT8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {TENSOR_INT8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {TENSOR_INT32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {TENSOR_INT64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {TENSOR_BOOL, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {TENSOR_FLOAT64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
};

static ONNXTensorElementDataType to_theirs(enum tensor_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].ours == type)
            return types[i].theirs;
    }
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

static enum tensor_type to_ours(ONNXTensorElementDataType type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].theirs == type)
            return types[i].ours;
    }
    return TENSOR_OTHER;
}

static const char *path_of(const struct engine *e)
{
    return model_info(e->model)->path;
}

// Keeps the first failure of a row of calls.
static void then(int *r, OrtStatus *status, enum err code, const char *what)
{
    int next = ort_runtime_check(status, code, what);
    if (*r == 0)
        *r = next;
}

static int make_options(const OrtApi *api, const struct engine_opts *opts,
                        OrtSessionOptions **ret_options)
{
    static const char what[] = "session options";
    OrtSessionOptions *o = NULL;
    int r = ort_runtime_check(api->CreateSessionOptions(&o), ERR_INTERNAL, what);
    if (r < 0)
        return r;
    then(&r, api->SetIntraOpNumThreads(o, 1), ERR_INTERNAL, what);
    then(&r, api->SetInterOpNumThreads(o, 1), ERR_INTERNAL, what);
    then(&r, api->SetSessionExecutionMode(o, ORT_SEQUENTIAL), ERR_INTERNAL, what);
    then(&r, api->SetSessionGraphOptimizationLevel(o, ORT_ENABLE_ALL), ERR_INTERNAL, what);
    then(&r, api->DisableMemPattern(o), ERR_INTERNAL, what);
    then(&r, api->AddSessionConfigEntry(o, "session.intra_op.allow_spinning", "0"), ERR_INTERNAL,
         what);
    then(&r, api->AddSessionConfigEntry(o, "session.inter_op.allow_spinning", "0"), ERR_INTERNAL,
         what);
    if (r == 0)
        r = ort_device_append(api, o, (enum engine_device)opts->device);
    if (r < 0) {
        api->ReleaseSessionOptions(o);
        return r;
    }
    *ret_options = o;
    return 0;
}

static int open_session(struct ort_engine *e, const struct engine_opts *opts, OrtEnv *env)
{
    OrtSessionOptions *options = NULL;
    int r = make_options(e->api, opts, &options);
    if (r < 0)
        return r;
    r = ort_runtime_check(e->api->CreateSession(env, path_of(&e->base), options, &e->session),
                          ERR_MODEL, path_of(&e->base));
    e->api->ReleaseSessionOptions(options);
    malloc_trim(0);
    return r;
}

static bool is_cpu(const struct engine_opts *opts)
{
    return opts->device == DEVICE_UNSET || opts->device == DEVICE_CPU;
}

// A CPU takes pictures one by one; elsewhere a static batch is what it is.
static int choose_batch(const struct model_info *info, const struct engine_opts *opts)
{
    if (is_cpu(opts))
        return 1;
    if (info->input.batch > 0)
        return info->input.batch;
    return opts->batch > 0 ? (int)opts->batch : DEFAULT_GPU_BATCH;
}

static const char *precision_name(const struct model_info *info)
{
    if (info->quantized)
        return "int8";
    for (int i = 0; i < info->n_inputs; i++) {
        if (info->inputs[i].type == TENSOR_FLOAT16)
            return "fp16";
    }
    return "fp32";
}

static int check_precision(const struct model_info *info, int precision)
{
    switch ((enum engine_precision)precision) {
    case PRECISION_UNSET:
    case PRECISION_FP32:
        return 0;
    case PRECISION_BF16:
    case PRECISION_INT8:
        break;
    }
    return err_set(ERR_UNSUPPORTED,
                   "%s: engine onnxruntime runs a model in its own precision (%s); --precision %s "
                   "is not among what it can do",
                   info->path, precision_name(info), precision == PRECISION_BF16 ? "bf16" : "int8");
}

static void take_names(struct ort_engine *e)
{
    const struct model_info *info = model_info(e->base.model);
    for (int i = 0; i < info->n_inputs; i++)
        e->input_names[i] = info->inputs[i].name;
    for (int i = 0; i < info->n_outputs; i++)
        e->output_names[i] = info->outputs[i].name;
}

static void ort_destroy(struct engine *base)
{
    struct ort_engine *e = (struct ort_engine *)base;
    ort_watch_destroy(e->watch);
    if (e->memory)
        e->api->ReleaseMemoryInfo(e->memory);
    if (e->session)
        e->api->ReleaseSession(e->session);
    if (e->has_env)
        ort_runtime_release_env();
    model_unref(&e->base.model);
    mem_free(e);
}

static int ort_open(struct ort_engine *e, const struct engine_opts *opts)
{
    const struct model_info *info = model_info(e->base.model);
    int r = check_precision(info, opts->precision);
    if (r < 0)
        return r;
    r = ort_runtime_get(&e->api);
    if (r < 0)
        return r;
    OrtEnv *env = NULL;
    r = ort_runtime_hold_env(&env);
    if (r < 0)
        return r;
    e->has_env = true;
    e->is_on_cpu = is_cpu(opts);
    r = open_session(e, opts, env);
    if (r < 0)
        return r;
    r = ort_runtime_check(
        e->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &e->memory), ERR_INTERNAL,
        "memory info");
    return r == 0 ? ort_watch_create(e->api, &e->watch) : r;
}

static int ort_create(struct model *m, const struct engine_opts *opts, struct engine **ret_engine)
{
    struct ort_engine *e = mem_new(struct ort_engine);
    if (!e)
        return ERR_NOMEM;
    e->base.impl = &engine_onnxruntime;
    e->base.model = model_ref(m);
    e->base.max_batch = choose_batch(model_info(m), opts);
    e->base.precision = precision_name(model_info(m));
    int r = ort_open(e, opts);
    if (r < 0) {
        ort_destroy(&e->base);
        return r;
    }
    take_names(e);
    snprintf(e->base.description, sizeof(e->base.description), "ONNX Runtime %s, %s, %s",
             ort_runtime_version(), ort_device_label((enum engine_device)opts->device),
             e->base.precision);
    *ret_engine = &e->base;
    return 0;
}

static int ort_context_create(struct engine *e, struct engine_context **ret_context)
{
    struct ort_context *c = mem_new(struct ort_context);
    if (!c)
        return ERR_NOMEM;
    c->base.engine = e;
    int r = ort_runtime_check(((const struct ort_engine *)e)->api->CreateRunOptions(&c->options),
                              ERR_INTERNAL, "run options");
    if (r < 0) {
        mem_free(c);
        return r;
    }
    *ret_context = &c->base;
    return 0;
}

static void release_outputs(const struct ort_engine *e, struct ort_context *c)
{
    for (int i = 0; i < MODEL_MAX_TENSORS; i++) {
        if (c->outputs[i])
            e->api->ReleaseValue(c->outputs[i]);
        c->outputs[i] = NULL;
    }
}

static void ort_context_destroy(struct engine_context *base)
{
    struct ort_context *c = (struct ort_context *)base;
    const struct ort_engine *e = (const struct ort_engine *)base->engine;
    release_outputs(e, c);
    e->api->ReleaseRunOptions(c->options);
    mem_free(c);
}

static int wrap_input(const struct ort_engine *e, const struct tensor *t, OrtValue **ret_value)
{
    return ort_runtime_check(e->api->CreateTensorWithDataAsOrtValue(e->memory, t->data, t->n_bytes,
                                                                    t->dims, (size_t)t->n_dims,
                                                                    to_theirs(t->type), ret_value),
                             ERR_MODEL, path_of(&e->base));
}

static int read_shape(const struct ort_engine *e, const OrtTensorTypeAndShapeInfo *shape,
                      const char *name, struct tensor *t)
{
    int r = 0;
    size_t n_dims = 0;
    size_t n_elements = 0;
    ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    then(&r, e->api->GetTensorElementType(shape, &type), ERR_MODEL, name);
    then(&r, e->api->GetDimensionsCount(shape, &n_dims), ERR_MODEL, name);
    then(&r, e->api->GetTensorShapeElementCount(shape, &n_elements), ERR_MODEL, name);
    if (r < 0)
        return r;
    if (n_dims > MODEL_MAX_DIMS)
        return err_set(ERR_MODEL, "output '%s' has %zu dimensions, more than %d", name, n_dims,
                       MODEL_MAX_DIMS);
    t->type = to_ours(type);
    t->n_dims = (int)n_dims;
    t->n_bytes = n_elements * (size_t)tensor_type_bytes(t->type);
    if (n_dims == 0)
        return 0;
    return ort_runtime_check(e->api->GetDimensions(shape, t->dims, n_dims), ERR_MODEL, name);
}

static int read_output(const struct ort_engine *e, OrtValue *value, const char *name,
                       struct tensor *ret_tensor)
{
    int is_tensor = 0;
    int r = ort_runtime_check(e->api->IsTensor(value, &is_tensor), ERR_MODEL, name);
    if (r < 0)
        return r;
    if (!is_tensor)
        return err_set(ERR_MODEL, "output '%s' is no tensor", name);
    OrtTensorTypeAndShapeInfo *shape = NULL;
    r = ort_runtime_check(e->api->GetTensorTypeAndShape(value, &shape), ERR_MODEL, name);
    if (r < 0)
        return r;
    struct tensor t = {0};
    r = read_shape(e, shape, name, &t);
    e->api->ReleaseTensorTypeAndShapeInfo(shape);
    if (r < 0)
        return r;
    r = ort_runtime_check(e->api->GetTensorMutableData(value, &t.data), ERR_MODEL, name);
    if (r == 0)
        *ret_tensor = t;
    return r;
}

// Under the watch's eyes. What the runtime says of a run that was ended is not of interest.
static int run_watched(struct ort_engine *e, struct ort_context *c, OrtValue *const *values,
                       int n_inputs, int n_outputs)
{
    // A device may compile the model for minutes in its first run.
    struct ort_watched watched = {
        .options = c->options, .stop = c->base.stop, .has_time = !e->is_on_cpu};
    int r = ort_runtime_check(e->api->RunOptionsUnsetTerminate(c->options), ERR_INTERNAL, "run");
    if (r < 0)
        return r;
    r = ort_watch_begin(e->watch, &watched, path_of(&e->base));
    if (r < 0)
        return r;
    r = ort_runtime_check(e->api->Run(e->session, c->options, e->input_names,
                                      (const OrtValue *const *)values, (size_t)n_inputs,
                                      e->output_names, (size_t)n_outputs, c->outputs),
                          ERR_MODEL, path_of(&e->base));
    return ort_watch_end(e->watch, &watched, r, path_of(&e->base));
}

static int ort_run(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                   struct tensor *outputs, int n_outputs)
{
    struct ort_context *c = (struct ort_context *)base;
    struct ort_engine *e = (struct ort_engine *)base->engine;
    release_outputs(e, c);

    OrtValue *values[MODEL_MAX_TENSORS] = {0};
    int r = 0;
    for (int i = 0; i < n_inputs && r == 0; i++)
        r = wrap_input(e, &inputs[i], &values[i]);
    if (r == 0)
        r = run_watched(e, c, values, n_inputs, n_outputs);
    for (int i = 0; i < n_inputs; i++) {
        if (values[i])
            e->api->ReleaseValue(values[i]);
    }
    for (int i = 0; i < n_outputs && r == 0; i++) {
        r = read_output(e, c->outputs[i], e->output_names[i], &outputs[i]);
        if (r < 0)
            r = err_prefix(r, "%s", path_of(&e->base));
    }
    return r;
}

int engine_onnxruntime_describe(char *ret_text, size_t n_bytes)
{
    char providers[256];
    int r = ort_runtime_providers(providers, sizeof(providers));
    if (r < 0)
        return r;
    snprintf(ret_text, n_bytes, "ONNX Runtime %s at %s, built with %s", ort_runtime_version(),
             ort_runtime_path(), providers);
    return 0;
}

const struct engine_impl engine_onnxruntime = {
    .name = "onnxruntime",
    .create = ort_create,
    .destroy = ort_destroy,
    .context_create = ort_context_create,
    .context_destroy = ort_context_destroy,
    .run = ort_run,
};
