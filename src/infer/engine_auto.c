// SPDX-License-Identifier: Apache-2.0
// engine_auto.c - the native engine where it computes what ONNX Runtime computes, else that one.
//
// A few pictures of real input run on both engines before any result goes out (engine_try(); who
// does not call it has its first picture compared). Where all of them agree the native engine has
// the model from then on; the first that does not gives it to ONNX Runtime. The verdict is
// remembered for the model file, the CPU and this version of the engine (verdict.h), so it costs
// once. Pictures of one colour prove a difference but no agreement: a verdict for the native
// engine by such alone holds for this process and is not remembered.
//
// INVARIANTS
// (1) All outputs that auto_run() gives come from one engine: it settles which before its first.
// (2) The head is settled by ONNX Runtime's values, or by the native engine's where the verdict is
//     known: those were seen to agree.
// (3) Until the verdict one context tries at a time, without the lock, and the others wait for it
//     or for their stop; afterwards contexts share nothing.

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/engine_impl.h"
#include "infer/head.h"
#include "infer/verdict.h"

enum {
    REASON_MAX = 256,
    LOOK_MS = 100, // how often who waits for another one's trial looks whether it may go on
};

// How far outputs may be apart. Exact: each number, of its size or 1. Otherwise the mean distance
// against the mean size: ONNX Runtime rounds the activations of quantised files, we do not.
#define EXACT_TOLERANCE 1e-3
#define LOOSE_TOLERANCE 0.08
// Rows of end-to-end heads with less confidence may change places.
#define SURE_CONFIDENCE 0.3f

enum state { STATE_UNSET, STATE_TRIAL, STATE_NATIVE, STATE_OTHER };

struct auto_engine {
    struct engine base;
    // --- constant after create
    struct engine *native;
    struct engine_opts opts;
    bool loose;
    // --- guarded by lock
    struct lock lock;
    struct cond tried;
    bool is_trying;       // a context runs: what it compares with stays
    struct engine *other; // NULL until it is needed; stays once it runs the model
    int n_other;          // its contexts
    bool is_telling;      // a picture of more than one colour agreed
    // --- atomic
    atomic_int state;
};

struct auto_context {
    struct engine_context base;
    struct engine_context *native;
    struct engine_context *other; // NULL until it is needed
};

// --- comparing

static bool agrees_exactly(const float *a, const float *b, size_t n, char *ret_reason)
{
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (d <= EXACT_TOLERANCE * fmax(1, fabs((double)b[i])))
            continue;
        snprintf(ret_reason, REASON_MAX, "number %zu is %g, ONNX Runtime's %g", i, (double)a[i],
                 (double)b[i]);
        return false;
    }
    return true;
}

static bool agrees_loosely(const float *a, const float *b, size_t n, char *ret_reason)
{
    double apart = 0;
    double size = 0;
    for (size_t i = 0; i < n; i++) {
        apart += fabs((double)a[i] - (double)b[i]);
        size += fabs((double)b[i]);
    }
    if (apart <= LOOSE_TOLERANCE * size)
        return true;
    snprintf(ret_reason, REASON_MAX, "numbers are %.3g of their size apart from ONNX Runtime's",
             apart / size);
    return false;
}

// Of (1, k, 6) with falling confidences only the rows that are sure.
static size_t n_sure(const struct tensor *t)
{
    const float *p = t->data;
    size_t n = 0;
    while (n < (size_t)t->dims[1] && p[n * 6 + 4] >= SURE_CONFIDENCE)
        n++;
    return n * 6;
}

static bool agree(const struct auto_engine *e, const struct tensor *a, const struct tensor *b,
                  char *ret_reason)
{
    bool same = a->type == b->type && a->n_bytes == b->n_bytes && a->n_dims == b->n_dims;
    for (int d = 0; d < a->n_dims && same; d++)
        same = a->dims[d] == b->dims[d];
    if (!same) {
        snprintf(ret_reason, REASON_MAX, "an output has another shape or type");
        return false;
    }
    if (a->type != TENSOR_FLOAT32) // halves and whole numbers: rounding says nothing new
        return true;
    size_t n = a->n_bytes / sizeof(float);
    bool ranked =
        model_info(e->base.model)->head == HEAD_END_TO_END && a->n_dims == 3 && a->dims[2] == 6;
    if (ranked)
        n = MIN(n_sure(a), n_sure(b));
    return e->loose || ranked ? n == 0 || agrees_loosely(a->data, b->data, n, ret_reason)
                              : agrees_exactly(a->data, b->data, n, ret_reason);
}

// One number all over.
static bool is_plain(const struct tensor *t)
{
    size_t each = tensor_type_bytes(t->type);
    return t->n_bytes <= each ||
           memcmp(t->data, (const uint8_t *)t->data + each, t->n_bytes - each) == 0;
}

// --- deciding

static const char *sha_of(const struct auto_engine *e)
{
    return model_info(e->base.model)->sha256;
}

// In int8 the file of the calibration decides too, and it is made anew beside the same model.
static bool is_lasting(const char *precision)
{
    return strcmp(precision, "int8") != 0;
}

static void decide_locked(struct auto_engine *e, enum state state, const char *reason)
{
    if (is_lasting(e->native->precision) && (state == STATE_OTHER || e->is_telling))
        verdict_write(sha_of(e), e->native->precision, state == STATE_NATIVE);
    if (state == STATE_OTHER)
        log_info(NULL, "%s: the native engine differs (%s); ONNX Runtime runs it",
                 model_info(e->base.model)->path, reason);
    atomic_store(&e->state, state);
}

static int other_context_locked(struct auto_engine *e, struct auto_context *c)
{
    int r = 0;
    if (!e->other) {
        struct engine_opts opts = e->opts;
        opts.precision = PRECISION_UNSET;
        r = engine_onnxruntime.create(e->base.model, &opts, &e->other);
    }
    if (r == 0 && !c->other) {
        r = engine_context_create(e->other, &c->other);
        e->n_other += r == 0;
    }
    if (r == 0)
        engine_context_set_stop(c->other, c->base.stop);
    return r;
}

// Its memory goes with the last context, unless it runs the model.
static void drop_other_locked(struct auto_engine *e, struct auto_context *c)
{
    if (!c->other)
        return;
    engine_context_destroy(c->other);
    c->other = NULL;
    e->n_other--;
    if (e->n_other > 0 || atomic_load(&e->state) != STATE_NATIVE)
        return;
    engine_destroy(e->other);
    e->other = NULL;
}

// 1: there is no ONNX Runtime to compare with, and so the native engine has the model.
static int find_other_locked(struct auto_engine *e, struct auto_context *c)
{
    int r = other_context_locked(e, c);
    if (r != ERR_UNAVAILABLE && r != ERR_MODEL && r != ERR_UNSUPPORTED)
        return r;
    err_clear();
    atomic_store(&e->state, STATE_NATIVE);
    return 1;
}

// One picture through both. *ret_reason* stays empty where they agree.
static int compare(struct auto_engine *e, struct auto_context *c, const struct tensor *inputs,
                   int n_inputs, char *ret_reason)
{
    int n_outputs = model_info(e->base.model)->n_outputs;
    struct tensor ours[MODEL_MAX_TENSORS];
    struct tensor theirs[MODEL_MAX_TENSORS];
    engine_context_set_stop(c->native, c->base.stop);
    int r = engine_run(c->other, inputs, n_inputs, theirs, n_outputs);
    if (r == 0)
        r = engine_run(c->native, inputs, n_inputs, ours, n_outputs);
    bool is_same = true;
    for (int i = 0; i < n_outputs && r == 0 && is_same; i++)
        is_same = agree(e, &ours[i], &theirs[i], ret_reason);
    return r;
}

static int try_locked(struct auto_engine *e, struct auto_context *c, const struct tensor *inputs,
                      int n_inputs, enum engine_trial trial)
{
    assert(lock_is_mine(&e->lock));
    int r = find_other_locked(e, c);
    if (r != 0)
        return MIN(r, 0);
    char reason[REASON_MAX] = "";
    e->is_trying = true;
    lock_release(&e->lock);
    r = compare(e, c, inputs, n_inputs, reason);
    lock_acquire(&e->lock);
    e->is_trying = false;
    cond_broadcast(&e->tried);
    if (r < 0)
        return r;
    if (reason[0] != '\0') {
        decide_locked(e, STATE_OTHER, reason);
        return 0;
    }
    e->is_telling |= !is_plain(&inputs[head_picture_input(e->base.model)]);
    if (trial == ENGINE_TRIAL_LAST)
        decide_locked(e, STATE_NATIVE, "");
    return 0;
}

// Until no other context tries.
static int wait_locked(struct auto_engine *e, const struct auto_context *c)
{
    while (e->is_trying) {
        if (c->base.stop && atomic_load(c->base.stop))
            return err_set(ERR_CANCELLED, "%s: the run was stopped",
                           model_info(e->base.model)->path);
        cond_wait(&e->tried, &e->lock, clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS);
    }
    return 0;
}

static int auto_try(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                    enum engine_trial trial)
{
    struct auto_engine *e = (struct auto_engine *)base->engine;
    struct auto_context *c = (struct auto_context *)base;
    lock_acquire(&e->lock);
    int r = wait_locked(e, c);
    if (r == 0 && atomic_load(&e->state) == STATE_TRIAL)
        r = try_locked(e, c, inputs, n_inputs, trial);
    lock_release(&e->lock);
    return r;
}

// Of the two contexts the one that runs; the other one's memory is given back.
static int choose_context(struct auto_engine *e, struct auto_context *c,
                          struct engine_context **ret_chosen)
{
    bool native = atomic_load(&e->state) == STATE_NATIVE;
    int r = 0;
    if (native ? c->other != NULL : !c->other || c->native) {
        lock_acquire(&e->lock);
        if (native)
            drop_other_locked(e, c);
        else
            r = other_context_locked(e, c);
        lock_release(&e->lock);
    }
    if (r == 0 && !native) {
        engine_context_destroy(c->native);
        c->native = NULL;
    }
    if (native)
        engine_context_set_stop(c->native, c->base.stop);
    *ret_chosen = native ? c->native : c->other;
    return r;
}

static int choose_settled(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                          struct engine_context **ret_chosen)
{
    struct auto_engine *e = (struct auto_engine *)base->engine;
    int r = 0;
    if (atomic_load(&e->state) == STATE_TRIAL)
        r = auto_try(base, inputs, n_inputs, ENGINE_TRIAL_LAST);
    return r < 0 ? r : choose_context(e, (struct auto_context *)base, ret_chosen);
}

static int auto_run(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                    struct tensor *outputs, int n_outputs)
{
    struct engine_context *chosen = NULL;
    int r = choose_settled(base, inputs, n_inputs, &chosen);
    return r < 0 ? r : engine_run(chosen, inputs, n_inputs, outputs, n_outputs);
}

// As auto_run(), which settles it; the chosen one's rows afterwards.
static int auto_run_for_head(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                             struct tensor *outputs, int n_outputs, bool *ret_is_cut)
{
    struct engine_context *chosen = NULL;
    int r = choose_settled(base, inputs, n_inputs, &chosen);
    return r < 0 ? r
                 : engine_run_for_head(chosen, inputs, n_inputs, outputs, n_outputs, ret_is_cut);
}

static int auto_rows(struct engine_context *base, float floor, struct plan_rows *ret_rows)
{
    return engine_rows(((struct auto_context *)base)->native, floor, ret_rows);
}

static int auto_warm(struct engine_context *base, const struct tensor *inputs, int n_inputs,
                     struct tensor *outputs, int n_outputs)
{
    struct auto_engine *e = (struct auto_engine *)base->engine;
    struct auto_context *c = (struct auto_context *)base;
    lock_acquire(&e->lock);
    bool trial = atomic_load(&e->state) == STATE_TRIAL;
    int r = trial ? find_other_locked(e, c) : 0;
    trial = trial && r == 0;
    lock_release(&e->lock);
    if (r < 0)
        return r;
    if (trial)
        return engine_run(c->other, inputs, n_inputs, outputs, n_outputs);
    return auto_run(base, inputs, n_inputs, outputs, n_outputs);
}

static const struct engine *auto_settled(const struct engine *base)
{
    const struct auto_engine *e = (const struct auto_engine *)base;
    switch ((enum state)atomic_load(&e->state)) {
    case STATE_NATIVE:
        return e->native;
    case STATE_OTHER:
        return e->other; // there since before the state was set, and for good
    default:
        return NULL;
    }
}

// --- life

static void auto_context_destroy(struct engine_context *base)
{
    struct auto_engine *e = (struct auto_engine *)base->engine;
    struct auto_context *c = (struct auto_context *)base;
    engine_context_destroy(c->native);
    lock_acquire(&e->lock);
    drop_other_locked(e, c);
    lock_release(&e->lock);
    mem_free(c);
}

static int auto_context_create(struct engine *base, struct engine_context **ret_context)
{
    struct auto_engine *e = (struct auto_engine *)base;
    struct auto_context *c = mem_new(struct auto_context);
    if (!c)
        return ERR_NOMEM;
    c->base.engine = base;
    int r = engine_context_create(e->native, &c->native);
    if (r < 0) {
        auto_context_destroy(&c->base);
        return r;
    }
    *ret_context = &c->base;
    return 0;
}

static void auto_destroy(struct engine *base)
{
    struct auto_engine *e = (struct auto_engine *)base;
    engine_destroy(e->native);
    engine_destroy(e->other);
    cond_finish(&e->tried);
    lock_finish(&e->lock);
    model_unref(&e->base.model);
    mem_free(e);
}

static int wrap(struct model *m, const struct engine_opts *opts, struct engine *native,
                struct engine **ret_engine)
{
    struct auto_engine *e = mem_new(struct auto_engine);
    if (!e)
        return ERR_NOMEM;
    int r = lock_init(&e->lock, LOCK_RANK_ENGINE);
    if (r < 0) {
        mem_free(e);
        return r;
    }
    r = cond_init(&e->tried);
    if (r < 0) {
        lock_finish(&e->lock);
        mem_free(e);
        return r;
    }
    e->base.impl = &engine_auto;
    e->base.model = model_ref(m);
    e->base.max_batch = 1;
    e->base.precision = native->precision;
    memcpy(e->base.description, native->description, sizeof(e->base.description));
    e->native = native;
    e->opts = *opts;
    e->loose = model_info(m)->quantized || strcmp(native->precision, "fp32") != 0;
    atomic_init(&e->state, STATE_TRIAL);
    *ret_engine = &e->base;
    return 0;
}

static int other_way(struct model *m, const struct engine_opts *opts, struct engine **ret_engine)
{
    return engine_onnxruntime.create(m, opts, ret_engine);
}

// What ONNX Runtime does not have was asked for by name: there is nothing to choose.
static bool is_asked_of_native(const struct engine_opts *opts)
{
    return opts->precision == PRECISION_BF16 || opts->precision == PRECISION_INT8;
}

static int auto_create(struct model *m, const struct engine_opts *opts, struct engine **ret_engine)
{
    bool on_cpu = opts->device == DEVICE_UNSET || opts->device == DEVICE_CPU;
    if (on_cpu && is_asked_of_native(opts))
        return engine_native.create(m, opts, ret_engine);
    const char *precision = engine_native_precision(m, opts);
    enum verdict known = !on_cpu                 ? VERDICT_ONNXRUNTIME
                         : is_lasting(precision) ? verdict_read(model_info(m)->sha256, precision)
                                                 : VERDICT_UNSET;
    if (known == VERDICT_ONNXRUNTIME)
        return other_way(m, opts, ret_engine);
    struct engine *native;
    int r = engine_native.create(m, opts, &native);
    if (r == ERR_NOMEM)
        return r;
    if (r < 0) {
        char why[512];
        err_copy_message(r, why, sizeof(why));
        r = other_way(m, opts, ret_engine);
        if (r == 0)
            log_info(NULL, "%s; ONNX Runtime runs the model", why);
        return r;
    }
    if (known == VERDICT_NATIVE) {
        *ret_engine = native;
        return 0;
    }
    r = wrap(m, opts, native, ret_engine);
    if (r < 0)
        engine_destroy(native);
    return r;
}

const struct engine_impl engine_auto = {
    .name = "native",
    .create = auto_create,
    .destroy = auto_destroy,
    .context_create = auto_context_create,
    .context_destroy = auto_context_destroy,
    .run = auto_run,
    .run_for_head = auto_run_for_head,
    .rows = auto_rows,
    .warm = auto_warm,
    .settled = auto_settled,
    .try = auto_try,
};
