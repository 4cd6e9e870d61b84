// SPDX-License-Identifier: Apache-2.0
// test_stress.c - pipelines side by side over one detector, cancelled at any time, with sinks,
// pictures and an engine that fail at any time: the sums hold and every frame comes home.
//
// The engine is the stub, the pictures are small files made here; rows are drawn by a generator of
// its own, so a round can be had again by its number. Meant for the thread and address sanitizers.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/engine_impl.h"
#include "pipeline/pipeline.h"
#include "tiny_onnx.h"
#include "vision/frame.h"

enum {
    SIDE = 32,
    N_PICTURES = 40,
    N_ROUNDS = 60,
    N_PIPELINES = 2, // at once, over one detector
    MAX_SOURCES = 5,
    N_GUESTS = 12, // pictures that a visitor of the interactive lane brings
};

static char folder[64], model_path[64];
static struct model *model;
// --- atomic
static atomic_uint n_runs;
static atomic_uint fail_every; // the engine fails one call in so many; 0: none

static uint32_t draw(uint32_t *state, uint32_t n) // 0..n-1
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static int stub_run(void *arg UNUSED, const struct tensor *inputs, int n_inputs UNUSED,
                    struct tensor *outputs, int n_outputs UNUSED)
{
    unsigned run = atomic_fetch_add(&n_runs, 1);
    unsigned every = atomic_load(&fail_every);
    for (unsigned i = 0; i < run * 7 % 3; i++)
        sched_yield();
    if (every && run % every == 0)
        return err_set(ERR_INTERNAL, "stub: call %u fails", run);
    int64_t n_anchors = outputs[0].dims[2];
    for (int64_t slot = 0; slot < inputs[0].dims[0]; slot++) {
        float *data = (float *)outputs[0].data + slot * outputs[0].dims[1] * n_anchors;
        data[0] = data[n_anchors] = SIDE / 2.0f;
        data[2 * n_anchors] = data[3 * n_anchors] = 8;
        data[5 * n_anchors] = 0.5f;
    }
    return 0;
}

// --- sinks

struct watched {
    // --- constant while it runs
    int64_t fails_at; // at this frame; -1: never
    int fails_begin, fails_end;
    struct pipeline *cancels; // at the first frame; NULL: none
    // --- the sink's thread
    int n_begun, n_ended;
    int64_t n_frames, last;
    struct pipeline_summary summary;
};

static int watch_begin(void *arg, const struct source_info *source UNUSED)
{
    struct watched *w = (struct watched *)arg;
    w->n_begun++;
    return w->fails_begin ? err_set(ERR_IO, "the sink does not begin") : 0;
}

static int watch_frame(void *arg, const struct frame *f, const struct detection *d UNUSED, size_t n)
{
    struct watched *w = (struct watched *)arg;
    if (w->cancels)
        pipeline_cancel(w->cancels);
    bool in_order = f->ordinal > w->last && n == 1 && w->n_begun == 1 && w->n_ended == 0;
    w->last = f->ordinal;
    if (!in_order)
        return err_set(ERR_INTERNAL, "frame %lld is out of order", (long long)f->ordinal);
    return w->n_frames++ == w->fails_at ? err_set(ERR_IO, "the sink is full") : 0;
}

static int watch_end(void *arg, const struct pipeline_summary *summary)
{
    struct watched *w = (struct watched *)arg;
    w->n_ended++;
    w->summary = *summary;
    return w->fails_end ? err_set(ERR_IO, "the sink does not end") : 0;
}

static void check_watched(const struct watched *w, bool was_cancelled)
{
    const struct frame_counts *c = &w->summary.frames;
    assert_int_equal(w->n_ended, 1);
    assert_in_range(w->n_begun, 0, 1);
    assert_int_equal(c->decoded, c->inferred + c->skipped + c->dropped + c->failed);
    assert_in_range(c->decoded, 0, N_PICTURES);
    assert_true(w->n_frames <= c->inferred);
    assert_true(w->summary.error != ERR_INTERNAL || atomic_load(&fail_every));
    bool is_clean = !w->summary.error && !was_cancelled;
    if (is_clean)
        assert_int_equal(c->inferred, w->n_frames);
    if (is_clean && !atomic_load(&fail_every))
        assert_int_equal(c->decoded, N_PICTURES);
    if (w->summary.interrupted)
        assert_true(was_cancelled);
}

// --- one pipeline with its canceller

struct ride {
    struct thread thread, canceller;
    struct pipeline *pipeline;
    struct watched watched[MAX_SOURCES];
    size_t n_sources;
    bool may_cancel;
    int64_t cancel_at; // decoded frames; -1: from outside never
    int result;
    atomic_bool done;
};

static void ride_run(void *arg)
{
    struct ride *ride = (struct ride *)arg;
    ride->result = pipeline_run(ride->pipeline);
    atomic_store(&ride->done, true);
}

static void ride_cancel(void *arg)
{
    struct ride *ride = (struct ride *)arg;
    while (!atomic_load(&ride->done) &&
           pipeline_progress(ride->pipeline).frames.decoded < ride->cancel_at)
        sched_yield();
    pipeline_cancel(ride->pipeline);
}

static void ride_start(struct ride *ride, struct detector *d, uint32_t *state)
{
    struct pipeline_source sources[MAX_SOURCES] = {0};
    struct pipeline_opts opts = {.detector = d,
                                 .settings = {.confidence = 0.1 * draw(state, 4)},
                                 .track = draw(state, 2),
                                 .n_side_by_side = (int)draw(state, MAX_SOURCES + 1),
                                 .n_frames = draw(state, 5)};
    *ride = (struct ride){.n_sources = 1 + draw(state, MAX_SOURCES), .cancel_at = -1};
    for (size_t i = 0; i < ride->n_sources; i++) {
        ride->watched[i] = (struct watched){
            .fails_at = draw(state, 4) ? -1 : (int64_t)draw(state, N_PICTURES),
            .fails_begin = draw(state, 16) == 0,
            .fails_end = draw(state, 16) == 0,
            .last = -1,
        };
        sources[i] = (struct pipeline_source){
            .opts = {.path = folder, .stride = 1 + draw(state, 3)},
            .sink = {&ride->watched[i], watch_begin, watch_frame, watch_end},
            .keep_pictures = draw(state, 2),
        };
    }
    assert_int_equal(pipeline_create(&opts, sources, ride->n_sources, &ride->pipeline), 0);
    if (draw(state, 6) == 0) {
        ride->watched[0].cancels = ride->pipeline;
        ride->may_cancel = true;
    }
    if (draw(state, 2)) {
        ride->may_cancel = true;
        ride->cancel_at = draw(state, (uint32_t)(N_PICTURES * ride->n_sources));
        assert_int_equal(thread_start(&ride->canceller, "cancel", ride_cancel, ride), 0);
    }
    assert_int_equal(thread_start(&ride->thread, "ride", ride_run, ride), 0);
}

static void ride_finish(struct ride *ride)
{
    thread_join(&ride->thread);
    thread_join(&ride->canceller);
    for (size_t i = 0; i < ride->n_sources; i++)
        check_watched(&ride->watched[i], ride->may_cancel);
    pipeline_destroy(ride->pipeline);
}

// --- a visitor of the interactive lane: comes, asks, leaves early or late

static void visit(struct detector *d, uint32_t *state)
{
    struct frame_pool *pool = NULL;
    struct detector_stream *s = NULL;
    struct detector_settings settings = {.confidence = 0.1};
    assert_int_equal(frame_pool_create(N_GUESTS, SIDE, SIDE, &pool), 0);
    assert_int_equal(detector_stream_open(d, DETECTOR_INTERACTIVE, &settings, N_GUESTS, &s), 0);
    uint32_t n = 1 + draw(state, N_GUESTS);
    uint32_t n_wanted = draw(state, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        struct frame *f = NULL;
        assert_int_equal(frame_pool_get(pool, 0, &f), 0);
        memset(f->rgb, 0, f->n_bytes);
        f->letterbox = letterbox_make(LETTERBOX_CENTRE, SIDE, SIDE, SIDE, SIDE, 114);
        assert_int_equal(detector_push(s, &f), 0);
    }
    for (uint32_t i = 0; i < n_wanted; i++) {
        struct detector_result *r = NULL;
        assert_int_equal(detector_receive(s, &r), 0);
        detector_result_free(&r);
    }
    detector_stream_close(s);
    frame_pool_destroy(pool); // asserts that all are home
}

static void test_any_ending_at_any_time(void **state UNUSED)
{
    int64_t n_cancelled = 0;
    for (uint32_t round = 0; round < N_ROUNDS; round++) {
        uint32_t seed = round * 2654435761u;
        struct engine_stub stub = {.run = stub_run, .max_batch = draw(&seed, 4) ? 1 : 4};
        struct engine_opts opts = {.threads = 1 + draw(&seed, 4), .batch = 1 + draw(&seed, 8)};
        struct detector *d = NULL;
        struct ride rides[N_PIPELINES];
        engine_test_set_stub(&stub);
        atomic_store(&fail_every, 0);
        assert_int_equal(detector_create(model, &opts, &d), 0);
        atomic_store(&fail_every, draw(&seed, 3) ? 0 : 2 + draw(&seed, 60));
        for (int i = 0; i < N_PIPELINES; i++)
            ride_start(&rides[i], d, &seed);
        for (int i = 0; i < 4; i++)
            visit(d, &seed);
        for (int i = 0; i < N_PIPELINES; i++) {
            ride_finish(&rides[i]);
            n_cancelled += rides[i].result == ERR_CANCELLED;
        }
        detector_destroy(d);
        engine_test_set_stub(NULL);
    }
    assert_in_range(n_cancelled, N_ROUNDS / 4, N_ROUNDS * N_PIPELINES);
}

static int make_things(void **state UNUSED)
{
    static const struct tiny_onnx tiny = {
        .inputs = {{"images", TINY_FLOAT32, {-1, 3, SIDE, SIDE}}},
        .outputs = {{"output0", TINY_FLOAT32, {-1, 84, 21}}},
    };
    snprintf(model_path, sizeof(model_path), "/tmp/assay-stress-model-XXXXXX");
    snprintf(folder, sizeof(folder), "/tmp/assay-stress-XXXXXX");
    if (tiny_onnx_write(&tiny, model_path) < 0 || !mkdtemp(folder))
        return -1;
    for (int i = 0; i < N_PICTURES; i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/%03d.pgm", folder, i);
        FILE *f = fopen(path, "wb");
        if (!f)
            return -1;
        fprintf(f, "P5\n%d 8\n255\n", 8 + i % 3);
        for (int k = 0; k < (8 + i % 3) * 8; k++)
            fputc(i * 5, f);
        fclose(f);
    }
    return model_open(&(struct model_opts){.path = model_path, .head = HEAD_YOLOV8}, &model);
}

static int remove_things(void **state UNUSED)
{
    model_unref(&model);
    unlink(model_path);
    for (int i = 0; i < N_PICTURES; i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/%03d.pgm", folder, i);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_ending_at_any_time),
    };
    return cmocka_run_group_tests(tests, make_things, remove_things);
}
