// SPDX-License-Identifier: Apache-2.0
// test_pipeline.c - every frame is accounted for, however a source, the detector or a sink ends.
//
// Sources and detector are made up here, so each ending can be had at will.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "pipeline/pipeline.h"
#include "vision/frame.h"
#include "vision/picture.h"

enum {
    WIDTH = 64,
    HEIGHT = 48,
    MAX_SOURCES = 12,
    N_WORKERS = 2,
};

// --- a source

// What a made-up source does; *path* names its row.
struct plan {
    const char *path;
    int64_t n;         // pictures
    int64_t stride;    // every n-th is given out [1]
    int64_t n_ahead;   // pictures decoded but never given out when it is interrupted
    int64_t error_at;  // source_next() fails at this picture; 0: never
    int64_t cancel_at; // cancels *cancels* when this picture is asked for; 0: never
    int64_t refuse_at; // the detector fails this frame; -1: all; 0: none
    int64_t sink_at;   // the sink fails at this frame (1: the first); 0: never
    int open_error;
    bool open_hangs; // until it is told to stop
    int begin_error;
    int end_error;
    bool cut_short;
    bool live;
    bool odd; // pictures of changing size
};

static struct pipeline *cancels;
static struct queue *gate; // live sources: the detector does nothing before the source has ended
static const struct plan *plans;
static size_t n_plans;

struct source {
    const struct plan *plan;
    struct source_info info;
    struct source_counts counts;
    const atomic_bool *stop;
    atomic_bool interrupted;
};

const struct opt source_options[1];

static const struct plan *plan_find(const char *path)
{
    for (size_t i = 0; i < n_plans; i++)
        if (strcmp(plans[i].path, path) == 0)
            return &plans[i];
    return NULL;
}

int source_open(const struct source_opts *opts, struct source **ret_source)
{
    const struct plan *plan = plan_find(opts->path);
    if (plan->open_error)
        return err_set((enum err)plan->open_error, "%s: does not open", plan->path);
    while (plan->open_hangs && !atomic_load(opts->stop))
        sched_yield();
    if (plan->open_hangs)
        return err_set(ERR_CANCELLED, "%s: interrupted", plan->path);
    struct source *s = mem_new(struct source);
    if (!s)
        return ERR_NOMEM;
    s->plan = plan;
    s->stop = opts->stop;
    s->info = (struct source_info){
        .kind = SOURCE_VIDEO, .path = plan->path, .width = WIDTH, .n_frames_hint = plan->n};
    *ret_source = s;
    return 0;
}

void source_close(struct source *s)
{
    mem_free(s);
}

const struct source_info *source_info(const struct source *s)
{
    return &s->info;
}

struct source_counts source_counts(const struct source *s)
{
    return s->counts;
}

void source_interrupt(struct source *s)
{
    atomic_store(&s->interrupted, true);
}

int source_sha256(const struct source *s, char ret_hex[65])
{
    memset(ret_hex, 'a', 64);
    ret_hex[64] = '\0';
    return 0;
}

int source_next(struct source *s, struct picture **ret_picture)
{
    const struct plan *plan = s->plan;
    int64_t stride = plan->stride ? plan->stride : 1;
    for (;;) {
        int64_t i = s->counts.decoded;
        if (plan->cancel_at && i + 1 == plan->cancel_at)
            pipeline_cancel(cancels);
        if (atomic_load(&s->interrupted) || atomic_load(s->stop)) {
            s->counts.decoded += plan->n_ahead;
            return ERR_CANCELLED;
        }
        if (plan->error_at && i + 1 == plan->error_at)
            return err_set(ERR_IO, "%s: breaks", plan->path);
        if (i == plan->n) {
            s->counts.cut_short = plan->cut_short;
            if (plan->live)
                queue_close_send(gate);
            if (plan->cut_short)
                memcpy(s->counts.cut_reason, "torn", 5);
            return ERR_EOF;
        }
        s->counts.decoded++;
        if (i % stride != 0) {
            s->counts.skipped++;
            continue;
        }
        int width = plan->odd ? WIDTH + (int)(i % 3) * 10 : WIDTH;
        int r = picture_create(PICTURE_GRAY, width, HEIGHT, 8, 0, 0, ret_picture);
        if (r < 0)
            return r;
        memset(picture_plane(*ret_picture, 0), (int)(i & 255),
               (size_t)(*ret_picture)->strides[0] * HEIGHT);
        (*ret_picture)->ordinal = i;
        (*ret_picture)->pts_us = i * 1000;
        return 0;
    }
}

// --- a detector: a queue whose receiver does the work

struct detector {
    struct model_info info;
};

struct detector_stream {
    struct queue *queue;
};

static void frame_drop(void *item)
{
    struct frame *f = (struct frame *)item;
    frame_unref(&f);
}

const struct model_info *detector_model(const struct detector *d)
{
    return &d->info;
}

int detector_n_workers(const struct detector *d)
{
    return N_WORKERS;
}

// Settled, unless a trial is to be seen: that one has no end, and a cancel comes meanwhile.
static bool is_open;
static int n_trials;

bool detector_is_settled(const struct detector *d)
{
    (void)d;
    return !is_open;
}

int detector_try(struct detector *d, const struct detector_waiter *waiter, const struct frame *f,
                 enum engine_trial trial)
{
    (void)d;
    (void)f;
    (void)trial;
    n_trials++;
    assert_false(waiter->is_gone(waiter->arg));
    pipeline_cancel(cancels);
    assert_true(waiter->is_gone(waiter->arg));
    return err_set(ERR_CANCELLED, "detector: nobody waits");
}

void detector_input_size(const struct detector *d, int *ret_width, int *ret_height)
{
    *ret_width = 32;
    *ret_height = 32;
}

int detector_stream_open(struct detector *d, enum detector_lane lane,
                         const struct detector_settings *settings, size_t n_ahead,
                         struct detector_stream **ret_stream)
{
    struct detector_stream *s = mem_new(struct detector_stream);
    if (!s)
        return ERR_NOMEM;
    int r = queue_create(n_ahead, frame_drop, &s->queue);
    if (r < 0)
        mem_free(s);
    else
        *ret_stream = s;
    return r;
}

int detector_push(struct detector_stream *s, struct frame **pf)
{
    void *item = *pf;
    int r = queue_send(s->queue, QUEUE_FOREVER, &item);
    if (r == 0)
        *pf = NULL;
    return r;
}

void detector_end(struct detector_stream *s)
{
    queue_close_send(s->queue);
}

void detector_cancel(struct detector_stream *s)
{
    queue_close_receive(s->queue);
}

void detector_stream_close(struct detector_stream *s)
{
    queue_destroy(s->queue);
    mem_free(s);
}

static int64_t refused_ordinal; // of the plan that runs; -2: none, -1: all

int detector_receive_for(struct detector_stream *s, const struct detector_waiter *waiter,
                         struct detector_result **ret_result)
{
    void *item;
    (void)waiter;
    if (gate)
        assert_int_equal(queue_receive(gate, QUEUE_FOREVER, &item), ERR_EOF);
    int r = queue_receive(s->queue, QUEUE_FOREVER, &item);
    if (r < 0)
        return r;
    struct detector_result *result = mem_new(struct detector_result);
    assert_non_null(result);
    result->frame = (struct frame *)item;
    int64_t ordinal = result->frame->ordinal;
    if (refused_ordinal == -1 || refused_ordinal == ordinal) {
        result->error = ERR_UNAVAILABLE;
        memcpy(result->message, "refused", 8);
    } else {
        struct detection d = {.box = {1, 2, 3, 4}, .confidence = 0.5f};
        for (int64_t i = 0; i < ordinal % 3; i++)
            assert_int_equal(detection_list_add(&result->detections, d), 0);
    }
    *ret_result = result;
    return 0;
}

void detector_result_free(struct detector_result **pr)
{
    frame_unref(&(*pr)->frame);
    detection_list_finish(&(*pr)->detections);
    mem_free(*pr);
    *pr = NULL;
}

// --- a sink that remembers

struct seen {
    const struct plan *plan;
    int n_begun, n_ended;
    int64_t n_frames, n_detections;
    int64_t last_ordinal;
    bool in_order;
    struct pipeline_summary sum;
};

static int seen_begin(void *arg, const struct source_info *source)
{
    struct seen *s = (struct seen *)arg;
    s->n_begun++;
    if (s->plan->begin_error)
        return err_set((enum err)s->plan->begin_error, "does not begin");
    return 0;
}

static int seen_frame(void *arg, const struct frame *f, const struct detection *d, size_t n)
{
    struct seen *s = (struct seen *)arg;
    s->in_order = s->in_order && f->ordinal > s->last_ordinal && f->pts_us == f->ordinal * 1000;
    s->last_ordinal = f->ordinal;
    s->n_frames++;
    s->n_detections += (int64_t)n;
    if (s->n_frames == s->plan->sink_at)
        return err_set(ERR_NOSPACE, "out: full");
    return 0;
}

static int seen_end(void *arg, const struct pipeline_summary *sum)
{
    struct seen *s = (struct seen *)arg;
    s->n_ended++;
    s->sum = *sum;
    if (s->plan->end_error)
        return err_set((enum err)s->plan->end_error, "does not end");
    return 0;
}

static int run(const struct plan *rows, size_t n, int n_side_by_side, struct seen *ret_seen)
{
    static struct detector detector = {.info = {.input = {.rule = LETTERBOX_CENTRE, .fill = 114}}};
    struct pipeline_source sources[MAX_SOURCES] = {0};
    plans = rows;
    n_plans = n;
    refused_ordinal = rows[0].refuse_at ? rows[0].refuse_at : -2;
    for (size_t i = 0; i < n; i++) {
        ret_seen[i] = (struct seen){.plan = &rows[i], .in_order = true, .last_ordinal = -1};
        sources[i].opts.path = rows[i].path;
        sources[i].opts.live = rows[i].live;
        sources[i].sink = (struct pipeline_sink){&ret_seen[i], seen_begin, seen_frame, seen_end};
    }
    const struct pipeline_opts opts = {
        .detector = &detector, .n_side_by_side = n_side_by_side, .want_sha256 = true};
    assert_int_equal(pipeline_create(&opts, sources, n, &cancels), 0);
    int r = pipeline_run(cancels);
    struct pipeline_progress p = pipeline_progress(cancels);
    assert_int_equal(p.n_sources_done, n);
    pipeline_destroy(cancels);
    cancels = NULL;
    return r;
}

static void check_sums(const struct seen *s)
{
    const struct frame_counts *c = &s->sum.frames;
    assert_int_equal(c->decoded, c->inferred + c->skipped + c->dropped + c->failed);
    assert_int_equal(s->n_ended, 1);
    assert_true(s->in_order);
    assert_true(s->n_frames <= c->inferred);
}

static void test_endings(void **state)
{
    // What one source's summary must say; -1: anything that makes the sums hold.
    static const struct {
        struct plan plan;
        int result;
        int64_t decoded, inferred, skipped, failed;
        bool interrupted;
    } rows[] = {
        {{"none", .n = 0}, 0, 0, 0, 0, 0, false},
        {{"one", .n = 1}, 0, 1, 1, 0, 0, false},
        {{"many", .n = 500}, 0, 500, 500, 0, 0, false},
        {{"sizes", .n = 60, .odd = true}, 0, 60, 60, 0, 0, false},
        {{"stride", .n = 100, .stride = 7}, 0, 100, 15, 85, 0, false},
        {{"torn", .n = 30, .cut_short = true}, 0, 30, 30, 0, 0, false},
        {{"breaks", .n = 100, .error_at = 41}, ERR_IO, 40, 40, 0, 0, false},
        {{"no open", .open_error = ERR_MEDIA}, ERR_MEDIA, 0, 0, 0, 0, false},
        {{"no begin", .n = 9, .begin_error = ERR_NOSPACE}, ERR_NOSPACE, 0, 0, 0, 0, false},
        {{"no end", .n = 9, .end_error = ERR_NOSPACE}, ERR_NOSPACE, 9, 9, 0, 0, false},
        {{"full", .n = 100, .sink_at = 20}, ERR_NOSPACE, -1, 20, 0, -1, false},
        {{"one frame", .n = 50, .refuse_at = 9}, ERR_UNAVAILABLE, 50, 49, 0, 1, false},
        {{"all frames", .n = 500, .refuse_at = -1}, ERR_UNAVAILABLE, -1, 0, 0, -1, false},
        {{"cancel", .n = 100, .cancel_at = 33}, ERR_CANCELLED, 32, 32, 0, 0, true},
        {{"cancel first", .n = 100, .cancel_at = 1}, ERR_CANCELLED, 0, 0, 0, 0, true},
        {{"ahead", .n = 100, .cancel_at = 33, .n_ahead = 3}, ERR_CANCELLED, 35, 32, 0, 3, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen seen;
        int r = run(&rows[i].plan, 1, 1, &seen);
        const struct frame_counts *c = &seen.sum.frames;
        print_message("%s: decoded %d inferred %d failed %d\n", rows[i].plan.path, (int)c->decoded,
                      (int)c->inferred, (int)c->failed);
        assert_int_equal(r, rows[i].result);
        check_sums(&seen);
        if (rows[i].decoded >= 0)
            assert_int_equal(c->decoded, rows[i].decoded);
        assert_int_equal(c->inferred, rows[i].inferred);
        assert_int_equal(c->skipped, rows[i].skipped);
        if (rows[i].failed >= 0)
            assert_int_equal(c->failed, rows[i].failed);
        assert_int_equal(seen.sum.interrupted, rows[i].interrupted);
        assert_int_equal(seen.sum.cut_short, rows[i].plan.cut_short);
        assert_int_equal(seen.n_frames, c->inferred);
        assert_int_equal(seen.n_detections, seen.sum.n_detections);
        bool is_whole = r == 0 || rows[i].plan.end_error;
        assert_int_equal(strlen(seen.sum.source_sha256), is_whole ? 64 : 0);
    }
}

static void test_messages(void **state)
{
    static const struct plan full = {"full", .n = 100, .sink_at = 2};
    static const struct plan refused = {"refused", .n = 100, .refuse_at = -1};
    static const struct plan torn = {"torn", .n = 10, .cut_short = true};
    struct seen seen;
    assert_int_equal(run(&full, 1, 1, &seen), ERR_NOSPACE);
    assert_string_equal(err_message(ERR_NOSPACE), "out: full");
    assert_string_equal(seen.sum.message, "out: full");
    assert_int_equal(run(&refused, 1, 1, &seen), ERR_UNAVAILABLE);
    assert_string_equal(seen.sum.message, "refused");
    assert_true(seen.sum.frames.decoded < 100); // given up, not tried to the end
    assert_int_equal(run(&torn, 1, 1, &seen), 0);
    assert_string_equal(seen.sum.message, "torn");
}

static void test_one_bad_source_does_not_stop_the_others(void **state)
{
    static const struct plan rows[] = {
        {"a", .n = 200},
        {"b", .open_error = ERR_NOT_FOUND},
        {"c", .n = 150, .sink_at = 10},
        {"d", .n = 90, .stride = 2},
        {"e", .n = 120, .error_at = 50},
        {"f", .n = 300},
    };
    for (int side_by_side = 0; side_by_side <= 6; side_by_side += 2) {
        struct seen seen[ARRAY_LEN(rows)];
        assert_int_equal(run(rows, ARRAY_LEN(rows), side_by_side, seen), ERR_NOT_FOUND);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            check_sums(&seen[i]);
        assert_int_equal(seen[0].sum.frames.inferred, 200);
        assert_int_equal(seen[1].n_begun, 0);
        assert_int_equal(seen[2].sum.error, ERR_NOSPACE);
        assert_int_equal(seen[3].sum.frames.inferred, 45);
        assert_int_equal(seen[4].sum.frames.inferred, 49);
        assert_int_equal(seen[5].sum.frames.inferred, 300);
    }
}

static void test_cancel_reaches_running_and_waiting_sources(void **state)
{
    static const struct plan rows[] = {
        {"a", .n = INT64_MAX},
        {"b", .open_hangs = true},
        {"c", .n = 5000, .cancel_at = 100},
        {"d", .n = 10},
        {"e", .n = 10},
    };
    struct seen seen[ARRAY_LEN(rows)];
    assert_int_equal(run(rows, ARRAY_LEN(rows), 3, seen), ERR_CANCELLED);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_sums(&seen[i]);
        assert_true(seen[i].sum.interrupted);
        assert_int_equal(seen[i].sum.frames.failed, 0);
        assert_int_equal(seen[i].n_begun, i == 0 || i == 2);
    }
}

static void test_cancel_ends_a_trial(void **state)
{
    static const struct plan rows[] = {{"a", .n = 100}, {"b", .n = 100}};
    struct seen seen[ARRAY_LEN(rows)];
    is_open = true;
    n_trials = 0;
    assert_int_equal(run(rows, ARRAY_LEN(rows), 2, seen), ERR_CANCELLED);
    is_open = false;
    assert_int_equal(n_trials, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        check_sums(&seen[i]);
        assert_true(seen[i].sum.interrupted);
        assert_int_equal(seen[i].n_frames, 0);
    }
}

// A live source never waits: what finds no frame free is dropped and counted.
static void test_live_drops(void **state)
{
    static const struct plan live = {"live", .n = 3000, .live = true};
    static const int n_frames = N_WORKERS + 3; // of the pool
    struct seen seen;
    assert_int_equal(queue_create(1, NULL, &gate), 0);
    assert_int_equal(run(&live, 1, 0, &seen), 0);
    queue_destroy(gate);
    gate = NULL;
    check_sums(&seen);
    assert_int_equal(seen.sum.frames.decoded, 3000);
    assert_int_equal(seen.sum.frames.inferred, n_frames);
    assert_int_equal(seen.sum.frames.dropped, 3000 - n_frames);
    assert_int_equal(seen.last_ordinal, n_frames - 1);
}

static void test_out_of_memory_at_create(void **state)
{
    static struct detector detector;
    const struct pipeline_opts opts = {.detector = &detector};
    const struct pipeline_source source = {.opts = {.path = "x"}};
    for (long n = 1;; n++) {
        struct pipeline *p = NULL;
        mem_test_fail_at(n);
        int r = pipeline_create(&opts, &source, 1, &p);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        if (r == 0) {
            assert_true(pending);
            pipeline_destroy(p);
            return;
        }
        assert_int_equal(r, ERR_NOMEM);
        assert_null(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_one_bad_source_does_not_stop_the_others),
        cmocka_unit_test(test_cancel_reaches_running_and_waiting_sources),
        cmocka_unit_test(test_cancel_ends_a_trial),
        cmocka_unit_test(test_live_drops),
        cmocka_unit_test(test_out_of_memory_at_create),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
