// SPDX-License-Identifier: Apache-2.0
// engine_native.c - the fast engine: the model compiled to a plan of our own (src/nn), for the CPU.
//
// One plan is shared by all contexts; each context has an instance, its own memory, and computes
// one picture in its caller's thread.

#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/mem.h"
#include "infer/engine_impl.h"
#include "infer/head.h"
#include "infer/model_priv.h"
#include "nn/calibration.h"
#include "nn/graph.h"
#include "nn/onnx_read.h"
#include "nn/plan.h"
#include "nn/quantization.h"

struct native_engine {
    struct engine base;
    struct calibration *calibration; // borrowed; NULL: nothing observes
    struct str_buf *profile;         // likewise
    struct plan *plan;               // owned reference, constant after create
};

struct native_context {
    struct engine_context base;
    struct plan_instance *instance;
};

// One picture of the size that the model is to be run at.
static int shape_of(const struct model *m, int i, struct graph_shape *ret_shape)
{
    const struct model_info *info = model_info(m);
    const struct model_tensor *t = &info->inputs[i];
    bool picture = i == head_picture_input(m) && t->n_dims == 4;
    ret_shape->n_dims = t->n_dims;
    for (int d = 0; d < t->n_dims; d++) {
        int64_t dim = t->dims[d];
        if (dim < 0 && d == 0)
            dim = 1;
        else if (dim < 0 && picture && d == (info->input.nhwc ? 1 : 2))
            dim = info->input.height;
        else if (dim < 0 && picture && d == (info->input.nhwc ? 2 : 3))
            dim = info->input.width;
        else if (dim < 0 && picture)
            dim = 3;
        if (dim < 0)
            return err_set(ERR_UNSUPPORTED, "%s: input '%s' has an open shape", info->path,
                           t->name);
        ret_shape->dims[d] = dim;
    }
    if (t->n_dims > 0 && picture && ret_shape->dims[0] != 1)
        return err_set(ERR_UNSUPPORTED, "%s: made for %d pictures at once", info->path,
                       (int)ret_shape->dims[0]);
    return 0;
}

static int compile(const struct model *m, const struct onnx *o, const struct plan_opts *opts,
                   struct plan **ret_plan)
{
    const struct model_info *info = model_info(m);
    struct graph_shape shapes[MODEL_MAX_TENSORS] = {0};
    if (o->n_inputs != (size_t)info->n_inputs)
        return err_set(ERR_MODEL, "%s: changed since it was inspected", info->path);
    for (int i = 0; i < info->n_inputs; i++) {
        int r = shape_of(m, i, &shapes[i]);
        if (r < 0)
            return r;
    }
    struct graph_opts graph_opts = {.name = info->path, .inputs = shapes};
    struct graph *g;
    int r = graph_create(o, &graph_opts, &g);
    if (r < 0)
        return r;
    r = plan_compile(g, opts, ret_plan);
    graph_destroy(g);
    return r < 0 ? err_prefix(r, "%s", info->path) : 0;
}

// The file beside the model, if it is of this model. ERR_NOT_FOUND: it is not there.
static int read_quantization(const struct model_info *info, struct quantization **ret_quantization)
{
    char *path = quantization_path(info->path);
    if (!path)
        return ERR_NOMEM;
    struct quantization *q = NULL;
    int r = quantization_read(path, &q);
    if (r == 0 && strcmp(q->model_sha256, info->sha256) != 0)
        r = err_set(ERR_CONFLICT, "%s: made for another version of %s", path, info->path);
    mem_free(path);
    if (r < 0) {
        quantization_destroy(q);
        return r;
    }
    *ret_quantization = q;
    return 0;
}

// Whether the file beside the model says that int8 costs no more than the user allows.
static bool may_be_int8(const struct model *m, const struct engine_opts *opts)
{
    struct quantization *q = NULL;
    if (!(opts->max_loss > 0) || !plan_precision_pays(PLAN_INT8) ||
        read_quantization(model_info(m), &q) < 0)
        return false;
    bool is_good = q->loss <= opts->max_loss;
    quantization_destroy(q);
    return is_good;
}

static enum plan_precision choose_precision(const struct model *m, const struct engine_opts *opts)
{
    switch ((enum engine_precision)opts->precision) {
    case PRECISION_FP32:
        return PLAN_FP32;
    case PRECISION_BF16:
        return PLAN_BF16;
    case PRECISION_INT8:
        return PLAN_INT8;
    case PRECISION_UNSET:
        break;
    }
    if (may_be_int8(m, opts))
        return PLAN_INT8;
    return plan_precision_pays(PLAN_BF16) ? PLAN_BF16 : PLAN_FP32;
}

const char *engine_native_precision(const struct model *m, const struct engine_opts *opts)
{
    enum plan_precision p = choose_precision(m, opts);
    return p == PLAN_BF16 ? "bf16" : p == PLAN_INT8 ? "int8" : "fp32";
}

static void native_destroy(struct engine *base)
{
    struct native_engine *e = (struct native_engine *)base;
    plan_unref(&e->plan);
    model_unref(&e->base.model);
    mem_free(e);
}

// The head that may be cut off; not while values are observed, which wants all of them.
static void choose_cut(const struct native_engine *e, struct plan_opts *opts)
{
    enum head_kind head = model_info(e->base.model)->head;
    if (e->calibration)
        return;
    opts->cut = head == HEAD_YOLOV8   ? PLAN_CUT_BINS
                : head == HEAD_YOLOV5 ? PLAN_CUT_GRIDS
                                      : PLAN_CUT_NONE;
    opts->cut_output = e->base.model->plan.roles[ROLE_MAIN];
    int before_classes = head == HEAD_YOLOV5 ? 5 : 4; // the box, and whether there is an object
    opts->cut_columns = before_classes + model_info(e->base.model)->n_labels;
}

// Where the picture's floats are its bytes times one factor, in their order.
static void set_bytes(const struct model *m, struct plan_opts *opts)
{
    const struct model_input *in = &model_info(m)->input;
    bool is_plain = !in->nhwc && !in->bgr;
    for (int c = 0; c < 3; c++)
        is_plain &= in->mean[c] == 0 && (in->std[c] == 0 || in->std[c] == 1);
    if (!is_plain)
        return;
    opts->byte_input = head_picture_input(m);
    opts->byte_scale = in->scale;
}

static int open_plan(struct native_engine *e, const struct engine_opts *engine_opts,
                     enum plan_precision precision)
{
    const char *path = model_info(e->base.model)->path;
    struct plan_opts opts = {.precision = precision};
    set_bytes(e->base.model, &opts);
    struct quantization *read = NULL;
    const struct quantization *q = engine_opts->quantization;
    struct onnx *o;
    int r = 0;
    choose_cut(e, &opts);
    if (precision == PLAN_INT8 && !q) {
        r = read_quantization(model_info(e->base.model), &read);
        if (r == ERR_NOT_FOUND)
            r = err_set(r, "%s: not calibrated for int8: run assay model quantize", path);
        q = read;
    }
    if (r == 0 && precision == PLAN_INT8) {
        opts.ranges = q->ranges;
        opts.n_ranges = q->n_ranges;
        opts.layers = q->layers;
        opts.n_layers = q->n_layers;
    }
    if (r == 0)
        r = onnx_open(path, &o);
    if (r == 0) {
        r = compile(e->base.model, o, &opts, &e->plan);
        onnx_close(o);
    }
    quantization_destroy(read);
    return r;
}

static int native_create(struct model *m, const struct engine_opts *opts,
                         struct engine **ret_engine)
{
    if (opts->device != DEVICE_UNSET && opts->device != DEVICE_CPU)
        return err_set(ERR_UNSUPPORTED, "engine native: runs on the CPU only");
    enum plan_precision precision = choose_precision(m, opts);
    struct native_engine *e = mem_new(struct native_engine);
    if (!e)
        return ERR_NOMEM;
    e->base.impl = &engine_native;
    e->base.model = model_ref(m);
    e->base.max_batch = 1;
    e->calibration = opts->calibration;
    e->profile = opts->profile;
    e->base.precision = engine_native_precision(m, opts);
    int r = open_plan(e, opts, precision);
    if (r < 0) {
        native_destroy(&e->base);
        return r;
    }
    e->base.operations = plan_operations(e->plan);
    e->base.takes_bytes = plan_takes_bytes(e->plan);
    snprintf(e->base.description, sizeof(e->base.description), "native engine over %s, CPU, %s",
             plan_library(), e->base.precision);
    *ret_engine = &e->base;
    return 0;
}

static void native_context_destroy(struct engine_context *base)
{
    struct native_context *c = (struct native_context *)base;
    struct str_buf *profile = ((struct native_engine *)base->engine)->profile;
    if (profile && c->instance)
        plan_profile_describe(c->instance, profile);
    plan_instance_destroy(c->instance);
    mem_free(c);
}

static int native_context_create(struct engine *e, struct engine_context **ret_context)
{
    struct native_context *c = mem_new(struct native_context);
    if (!c)
        return ERR_NOMEM;
    c->base.engine = e;
    struct native_engine *native = (struct native_engine *)e;
    int r = plan_instance_create(native->plan, &c->instance);
    if (r == 0 && native->profile)
        r = plan_instance_profile(c->instance);
    if (r < 0) {
        native_context_destroy(&c->base);
        return r;
    }
    if (native->calibration)
        plan_instance_observe(c->instance, calibration_observe, native->calibration);
    *ret_context = &c->base;
    return 0;
}

static int native_run(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                      struct tensor *outputs, int n_outputs)
{
    struct native_context *c = (struct native_context *)base;
    plan_instance_set_stop(c->instance, base->stop);
    int r = plan_run(c->instance, inputs, n_inputs, outputs, n_outputs);
    return r < 0 ? err_prefix(r, "%s", model_info(base->engine->model)->path) : 0;
}

static int native_run_for_head(struct engine_context *base, const struct tensor *inputs,
                               int n_inputs, struct tensor *outputs, int n_outputs,
                               bool *ret_is_cut)
{
    struct native_context *c = (struct native_context *)base;
    *ret_is_cut = plan_is_cut(((struct native_engine *)base->engine)->plan);
    if (!*ret_is_cut)
        return native_run(base, inputs, n_inputs, outputs, n_outputs);
    plan_instance_set_stop(c->instance, base->stop);
    int r = plan_run_cut(c->instance, inputs, n_inputs);
    return r < 0 ? err_prefix(r, "%s", model_info(base->engine->model)->path) : 0;
}

static int native_rows(struct engine_context *base, float floor, struct plan_rows *ret_rows)
{
    return plan_rows(((struct native_context *)base)->instance, floor, ret_rows);
}

int engine_native_describe(char *ret_text, size_t n_bytes)
{
    if (!plan_library())
        return err_set(ERR_UNAVAILABLE, "this program was built without oneDNN");
    enum cpu_isa isa = CPU_ISA_C;
    int r = cpu_isa_choose(CPU_ISA_UNSET, &isa);
    if (r < 0)
        return r;
    snprintf(ret_text, n_bytes, "%s, kernels for %s, bf16 %s", plan_library(), cpu_isa_name(isa),
             plan_precision_pays(PLAN_BF16) ? "by default" : "on request");
    return 0;
}

const struct engine_impl engine_native = {
    .name = "native",
    .create = native_create,
    .destroy = native_destroy,
    .context_create = native_context_create,
    .context_destroy = native_context_destroy,
    .run = native_run,
    .run_for_head = native_run_for_head,
    .rows = native_rows,
};
