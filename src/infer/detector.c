// SPDX-License-Identifier: Apache-2.0
// detector.c - builds a detector bottom-up and takes it apart top-down: model, engine, head,
// workers.

#include "infer/detector.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "infer/detector_priv.h"
#include "infer/head.h"
#include "infer/runner.h"
#include "vision/frame.h"

enum {
    DEFAULT_IMGSZ = 640,
    MAX_WORKERS = 1024,
};

static const double batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

static struct metric inference_seconds =
    METRIC_HISTOGRAM("model_inference_duration_seconds",
                     "One call: pixels to tensors, engine, head", metric_seconds, "model");
static struct metric inference_batch =
    METRIC_HISTOGRAM("model_inference_batch_size", "Pictures of one call", batch_bounds, "model");

static bool is_cpu(const struct engine_opts *opts)
{
    return opts->device == DEVICE_UNSET || opts->device == DEVICE_CPU;
}

static int choose_n_workers(const struct engine_opts *opts)
{
    if (!is_cpu(opts))
        return 1;
    return opts->threads > 0 ? (int)MIN(opts->threads, MAX_WORKERS) : thread_n_cores();
}

static void choose_sizes(struct detector *d, const struct engine_opts *opts)
{
    const struct model_info *info = model_info(d->model);
    d->width = info->input.width > 0 ? info->input.width : DEFAULT_IMGSZ;
    d->height = info->input.height > 0 ? info->input.height : DEFAULT_IMGSZ;
    d->n_workers = choose_n_workers(opts);
    d->n_a_call = MIN(engine_max_batch(d->engine), DETECTOR_MAX_TAKE);
    if (info->input.batch > 1 && d->n_a_call == 1)
        log_warning(info->path,
                    "its batch is fixed at %d: one picture at a time goes in and the other places "
                    "stay empty; an export with batch 1 is faster",
                    info->input.batch);
}

// A model may leave its size open and yet hold tables made for one size.
static int make_head(struct detector *d, struct runner *runner)
{
    int r = runner_make_head(runner, &d->head);
    if (r == ERR_MODEL && model_info(d->model)->input.dynamic_size)
        r = err_set(ERR_MODEL, "%s; its input was %dx%d pixels, --imgsz chooses another size",
                    err_message(r), d->width, d->height);
    return r;
}

// The first worker's run over an empty picture settles the head for all.
static int make_runners(struct detector *d)
{
    d->workers = mem_array(struct worker, (size_t)d->n_workers);
    if (!d->workers)
        return ERR_NOMEM;
    for (int i = 0; i < d->n_workers; i++) {
        struct worker *w = &d->workers[i];
        w->detector = d;
        int r = runner_create(d->model, d->engine, d->width, d->height, &w->runner);
        if (r == 0 && i == 0)
            r = make_head(d, w->runner);
        if (r == 0)
            r = runner_set_head(w->runner, d->head);
        if (r < 0)
            return r;
        runner_set_stop(w->runner, &w->stop);
    }
    return 0;
}

static int start_workers(struct detector *d)
{
    for (int i = 0; i < d->n_workers; i++) {
        char name[20];
        snprintf(name, sizeof(name), "infer-%u", (unsigned)i % 10000);
        int r = thread_start(&d->workers[i].thread, name, worker_run, &d->workers[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_lock(struct detector *d)
{
    int r = lock_init(&d->lock, LOCK_RANK_BATCHER);
    if (r < 0)
        return r;
    r = cond_init(&d->work);
    if (r < 0) {
        lock_finish(&d->lock);
        return r;
    }
    d->has_lock = true;
    return 0;
}

static int detector_build(struct detector *d, const struct engine_opts *opts)
{
    int r = make_lock(d);
    if (r < 0)
        return r;
    r = engine_create(d->model, opts, &d->engine);
    if (r < 0)
        return r;
    choose_sizes(d, opts);
    r = make_runners(d);
    if (r < 0)
        return r;
    return start_workers(d);
}

int detector_create(struct model *m, const struct engine_opts *opts, struct detector **ret_detector)
{
    struct detector *d = mem_new(struct detector);
    if (!d)
        return ERR_NOMEM;
    d->model = model_ref(m);
    int r = detector_build(d, opts);
    if (r < 0) {
        detector_destroy(d);
        return r;
    }
    *ret_detector = d;
    return 0;
}

static void stop_workers(struct detector *d)
{
    lock_acquire(&d->lock);
    assert(d->n_streams == 0);
    d->stopping = true;
    cond_broadcast(&d->work);
    lock_release(&d->lock);
    for (int i = 0; i < d->n_workers; i++)
        thread_join(&d->workers[i].thread);
}

void detector_destroy(struct detector *d)
{
    if (!d)
        return;
    if (d->workers) {
        stop_workers(d);
        for (int i = 0; i < d->n_workers; i++)
            runner_destroy(d->workers[i].runner);
    }
    mem_free(d->workers);
    runner_destroy(d->once);
    head_destroy(d->head);
    engine_destroy(d->engine);
    if (d->has_lock) {
        cond_finish(&d->work);
        lock_finish(&d->lock);
    }
    model_unref(&d->model);
    mem_free(d);
}

const struct model_info *detector_model(const struct detector *d)
{
    return model_info(d->model);
}

const char *detector_engine(const struct detector *d)
{
    return engine_describe(d->engine);
}

const char *detector_engine_name(const struct detector *d)
{
    return engine_name(d->engine);
}

const char *detector_precision_name(const struct detector *d)
{
    return engine_precision_name(d->engine);
}

double detector_operations(const struct detector *d)
{
    return engine_operations(d->engine);
}

double detector_peak(const struct detector *d)
{
    return engine_peak(d->engine);
}

int detector_n_workers(const struct detector *d)
{
    return d->n_workers;
}

bool detector_is_settled(const struct detector *d)
{
    return engine_is_settled(d->engine);
}

int detector_n_a_call(const struct detector *d)
{
    return d->n_a_call;
}

struct detector_stats detector_stats(struct detector *d)
{
    lock_acquire(&d->lock);
    struct detector_stats stats = d->stats;
    lock_release(&d->lock);
    return stats;
}

void detector_set_name(struct detector *d, const char *name)
{
    d->seconds = metric_series(&inference_seconds, LABELS(name));
    d->batch_size = metric_series(&inference_batch, LABELS(name));
}

void detector_set_niceness(struct detector *d, int niceness)
{
    atomic_store(&d->niceness, niceness);
}

int detector_register_metrics(void)
{
    int r = metrics_register(&inference_seconds);
    return r == 0 ? metrics_register(&inference_batch) : r;
}

void detector_input_size(const struct detector *d, int *ret_width, int *ret_height)
{
    *ret_width = d->width;
    *ret_height = d->height;
}

// --- something else in place of a picture

static int open_for_one(struct detector *d, struct detector_stream **ret_stream)
{
    static const struct detector_settings unused = {.confidence = 1};
    return detector_stream_open(d, DETECTOR_INTERACTIVE, &unused, 1, ret_stream);
}

static int receive_one(struct detector_stream *s, const struct detector_waiter *waiter,
                       int64_t *ret_run_ns)
{
    struct detector_result *result = NULL;
    int r = detector_receive_for(s, waiter, &result);
    if (r < 0)
        return r;
    if (result->error < 0)
        r = err_set((enum err)result->error, "%s", result->message);
    *ret_run_ns = result->run_ns;
    detector_result_free(&result);
    return r;
}

int detector_run_tensors(struct detector *d, const struct detector_waiter *waiter,
                         const struct tensor *inputs, struct tensor *ret_outputs,
                         int64_t *ret_run_ns)
{
    struct detector_stream *s = NULL;
    struct tensor outputs[MODEL_MAX_TENSORS] = {0};
    int n = model_info(d->model)->n_outputs;
    int r = open_for_one(d, &s);
    if (r == 0)
        r = lane_push_tensors(s, inputs, outputs);
    if (r == 0)
        r = receive_one(s, waiter, ret_run_ns);
    detector_stream_close(s);
    if (r < 0)
        detector_tensors_free(outputs, n);
    else
        memcpy(ret_outputs, outputs, (size_t)n * sizeof(*outputs));
    return r;
}

int detector_try(struct detector *d, const struct detector_waiter *waiter, const struct frame *f,
                 enum engine_trial trial)
{
    struct detector_stream *s = NULL;
    int64_t run_ns = 0;
    int r = open_for_one(d, &s);
    if (r == 0)
        r = lane_push_trial(s, f, trial);
    if (r == 0)
        r = receive_one(s, waiter, &run_ns);
    detector_stream_close(s);
    return r;
}

void detector_tensors_free(struct tensor *outputs, int n)
{
    for (int i = 0; i < n; i++) {
        mem_free(outputs[i].data);
        outputs[i].data = NULL;
    }
}

static int make_once(struct detector *d)
{
    if (d->once)
        return 0;
    struct runner *once = NULL;
    int r = runner_create(d->model, d->engine, d->width, d->height, &once);
    if (r == 0)
        r = runner_set_head(once, d->head);
    if (r < 0) {
        runner_destroy(once);
        return r;
    }
    d->once = once;
    return 0;
}

int detector_run_once(struct detector *d, const struct frame *f,
                      const struct detector_settings *settings,
                      struct detection_list *ret_detections, struct detector_part_ns *ret_ns)
{
    int r = make_once(d);
    if (r < 0)
        return r;
    int64_t t0 = clock_now_ns();
    r = runner_put(d->once, 0, f);
    if (r < 0)
        return r;
    int64_t t1 = clock_now_ns();
    r = runner_run(d->once, 1);
    if (r < 0)
        return r;
    int64_t t2 = clock_now_ns();
    struct detector_settings whole = lane_with_defaults(*settings);
    r = runner_take(d->once, 0, f, &whole, ret_detections);
    if (r < 0)
        return r;
    ret_ns->pack += t1 - t0;
    ret_ns->engine += t2 - t1;
    ret_ns->head += clock_now_ns() - t2;
    return 0;
}
