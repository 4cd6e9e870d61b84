// SPDX-License-Identifier: Apache-2.0
// test_detector.c - streams, lanes, order, bounds, cancel and failures, over an engine that the
// test answers for.
//
// Each frame's first pixel says who it is; the stub draws a box that is as wide as that number, so
// a result that belongs to another frame is seen.

#include "infer/detector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/engine_impl.h"
#include "tiny_onnx.h"
#include "vision/frame.h"

enum {
    SIDE = 32,
    N_ANCHORS = 21,
    N_ROWS = 84,
    MAX_ID = 30,
    BAD_ID = 29, // the stub refuses it
    MAX_LOG = 64,
    PATIENCE_MS = 10000,
};

// What the stub shares with the test.
static struct lock lock;
static struct cond moved;
// --- guarded by lock
static bool gate_closed;
static int held_id; // this one's call waits as at a closed gate; 0: none
static int n_running;
static int seen[MAX_LOG]; // ids in the order of engine calls
static int n_seen;
static int largest_batch;

static struct model *model;
static char model_path[64];

static float *anchor(float *data, int64_t slot, int row, int at)
{
    return data + (slot * N_ROWS + row) * N_ANCHORS + at;
}

static int answer(const struct tensor *in, struct tensor *out)
{
    const float *pixels = (const float *)in->data;
    int n = 0;
    for (int64_t slot = 0; slot < in->dims[0]; slot++) {
        int id = (int)lrintf(pixels[slot * 3 * SIDE * SIDE] * 255);
        if (n_seen < MAX_LOG)
            seen[n_seen++] = id;
        n += id == BAD_ID;
        float *data = (float *)out->data;
        *anchor(data, slot, 0, 3) = SIDE / 2;
        *anchor(data, slot, 1, 3) = SIDE / 2;
        *anchor(data, slot, 2, 3) = (float)id;
        *anchor(data, slot, 3, 3) = 4;
        *anchor(data, slot, 4 + 7, 3) = 0.75f;
    }
    return n == 0 ? 0 : err_set(ERR_MODEL, "stub: picture %d is refused", BAD_ID);
}

static int stub_run(void *arg, const struct tensor *inputs, int n_inputs, struct tensor *outputs,
                    int n_outputs)
{
    lock_acquire(&lock);
    n_running++;
    largest_batch = MAX(largest_batch, (int)inputs[0].dims[0]);
    cond_broadcast(&moved);
    int id = (int)lrintf(*(const float *)inputs[0].data * 255);
    while (gate_closed || (held_id && id == held_id))
        cond_wait(&moved, &lock, THREAD_FOREVER);
    int r = answer(&inputs[0], &outputs[0]);
    n_running--;
    cond_broadcast(&moved);
    lock_release(&lock);
    return r;
}

static struct engine_stub stub = {.run = stub_run};

static void set_gate(bool closed)
{
    lock_acquire(&lock);
    gate_closed = closed;
    held_id = 0;
    cond_broadcast(&moved);
    lock_release(&lock);
}

static void wait_until_running(int n)
{
    int64_t deadline = clock_now_ns() + PATIENCE_MS * CLOCK_NS_PER_MS;
    lock_acquire(&lock);
    bool in_time = true;
    while (n_running < n && in_time)
        in_time = cond_wait(&moved, &lock, deadline);
    lock_release(&lock);
    assert_true(in_time);
}

static int setup_group(void **state)
{
    static const struct tiny_onnx tiny = {
        .inputs = {{"images", TINY_FLOAT32, {-1, 3, SIDE, SIDE}}},
        .outputs = {{"output0", TINY_FLOAT32, {-1, N_ROWS, N_ANCHORS}}},
    };
    snprintf(model_path, sizeof(model_path), "/tmp/assay-test-XXXXXX");
    if (tiny_onnx_write(&tiny, model_path) < 0 || lock_init(&lock, LOCK_RANK_ENGINE) < 0 ||
        cond_init(&moved) < 0)
        return -1;
    return model_open(&(struct model_opts){.path = model_path, .head = HEAD_YOLOV8}, &model);
}

static int teardown_group(void **state)
{
    model_unref(&model);
    unlink(model_path);
    cond_finish(&moved);
    lock_finish(&lock);
    return 0;
}

static int setup(void **state)
{
    gate_closed = false;
    held_id = 0;
    n_seen = n_running = largest_batch = 0;
    stub.max_batch = 1;
    stub.create_error = 0;
    stub.try = NULL;
    engine_test_set_stub(&stub);
    return 0;
}

static int teardown(void **state)
{
    engine_test_set_stub(NULL);
    return 0;
}

static struct detector *make_detector(int threads, int batch)
{
    struct detector *d = NULL;
    struct engine_opts opts = {.threads = threads, .batch = batch};
    assert_int_equal(detector_create(model, &opts, &d), 0);
    n_seen = 0; // without the warm-up
    return d;
}

static struct frame_pool *make_pool(size_t n)
{
    struct frame_pool *pool = NULL;
    assert_int_equal(frame_pool_create(n, SIDE, SIDE, &pool), 0);
    return pool;
}

static struct detector_stream *open_stream(struct detector *d, enum detector_lane lane,
                                           size_t n_ahead)
{
    struct detector_settings settings = {.confidence = 0.25};
    struct detector_stream *s = NULL;
    assert_int_equal(detector_stream_open(d, lane, &settings, n_ahead, &s), 0);
    return s;
}

static struct frame *make_frame(struct frame_pool *pool, int id)
{
    struct frame *f = NULL;
    if (frame_pool_get(pool, PATIENCE_MS * CLOCK_NS_PER_MS, &f) < 0)
        return NULL;
    memset(f->rgb, id, f->n_bytes);
    f->letterbox = letterbox_make(LETTERBOX_CENTRE, SIDE, SIDE, SIDE, SIDE, 114);
    f->ordinal = id;
    return f;
}

static void push(struct detector_stream *s, struct frame_pool *pool, int id)
{
    struct frame *f = make_frame(pool, id);
    assert_non_null(f);
    assert_int_equal(detector_push(s, &f), 0);
    assert_null(f);
}

static bool is_result_of(const struct detector_result *r, int id)
{
    if (r->error || r->frame->ordinal != id || r->detections.n != 1)
        return false;
    struct detection d = r->detections.items[0];
    return d.class_id == 7 && d.confidence == 0.75f && box_width(d.box) == (float)id &&
           box_height(d.box) == 4;
}

static void receive(struct detector_stream *s, int id)
{
    struct detector_result *r = NULL;
    assert_int_equal(detector_receive(s, &r), 0);
    assert_true(is_result_of(r, id));
    detector_result_free(&r);
    assert_null(r);
}

static void assert_ended(struct detector_stream *s)
{
    struct detector_result *r = NULL;
    assert_int_equal(detector_receive(s, &r), ERR_EOF);
    assert_int_equal(detector_receive(s, &r), ERR_EOF);
    assert_null(r);
}

// One stream of many: pushes in its own thread, receives in another.
struct traffic {
    struct detector *detector;
    struct thread pusher, receiver;
    struct detector_stream *stream;
    struct frame_pool *pool;
    int n_frames;
    atomic_int n_good;
    atomic_int n_pushed;
    atomic_int push_error;
};

static void push_all(void *arg)
{
    struct traffic *t = (struct traffic *)arg;
    for (int i = 0; i < t->n_frames; i++) {
        struct frame *f = make_frame(t->pool, 1 + i % (BAD_ID - 1));
        if (!f)
            break;
        int r = detector_push(t->stream, &f);
        if (r < 0) {
            atomic_store(&t->push_error, r);
            frame_unref(&f);
            break;
        }
        atomic_fetch_add(&t->n_pushed, 1);
    }
    detector_end(t->stream);
}

static void receive_all(void *arg)
{
    struct traffic *t = (struct traffic *)arg;
    struct detector_result *r = NULL;
    for (int i = 0; detector_receive(t->stream, &r) == 0; i++) {
        if (is_result_of(r, 1 + i % (BAD_ID - 1)))
            atomic_fetch_add(&t->n_good, 1);
        detector_result_free(&r);
    }
}

static void run_traffic(int threads, int batch, int max_batch)
{
    enum {
        N_STREAMS = 4,
        N_FRAMES = 100,
    };
    stub.max_batch = max_batch;
    struct detector *d = make_detector(threads, batch);
    struct traffic t[N_STREAMS] = {0};
    for (int i = 0; i < N_STREAMS; i++) {
        t[i].stream = open_stream(d, i == 0 ? DETECTOR_INTERACTIVE : DETECTOR_BULK, (size_t)i);
        t[i].pool = make_pool(3);
        t[i].n_frames = N_FRAMES;
        assert_int_equal(thread_start(&t[i].pusher, "push", push_all, &t[i]), 0);
        assert_int_equal(thread_start(&t[i].receiver, "receive", receive_all, &t[i]), 0);
    }
    for (int i = 0; i < N_STREAMS; i++) {
        thread_join(&t[i].pusher);
        thread_join(&t[i].receiver);
        assert_ended(t[i].stream);
        assert_int_equal(atomic_load(&t[i].n_good), N_FRAMES);
        detector_stream_close(t[i].stream);
        assert_int_equal(frame_pool_n_out(t[i].pool), 0);
        frame_pool_destroy(t[i].pool);
    }
    detector_destroy(d);
}

static void test_order(void **state)
{
    run_traffic(1, 0, 1);
    run_traffic(3, 0, 1);
    run_traffic(2, 8, 1); // on a CPU one by one all the same
    assert_int_equal(largest_batch, 1);
}

static void test_gpu_batches(void **state)
{
    run_traffic(1, 0, 3);
    assert_in_range(largest_batch, 1, 3);
}

static void test_batch_waits_for_company(void **state)
{
    stub.max_batch = 4;
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(4);
    struct detector_stream *s = open_stream(d, DETECTOR_BULK, 4);
    largest_batch = 0;
    push(s, pool, 5); // alone: goes after the longest wait
    receive(s, 5);
    assert_int_equal(largest_batch, 1);
    set_gate(true);
    push(s, pool, 6);
    wait_until_running(1);
    push(s, pool, 7); // these three come together in the next call
    push(s, pool, 8);
    push(s, pool, 9);
    set_gate(false);
    for (int id = 6; id <= 9; id++)
        receive(s, id);
    assert_int_equal(largest_batch, 3);
    detector_stream_close(s);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

static void test_interactive_first(void **state)
{
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(8);
    struct detector_stream *a = open_stream(d, DETECTOR_BULK, 4);
    struct detector_stream *b = open_stream(d, DETECTOR_BULK, 4);
    struct detector_stream *hurry = open_stream(d, DETECTOR_INTERACTIVE, 4);
    set_gate(true);
    push(a, pool, 1);
    wait_until_running(1);
    push(a, pool, 2);
    push(a, pool, 3);
    push(b, pool, 4);
    push(b, pool, 5);
    push(hurry, pool, 6);
    push(hurry, pool, 7);
    set_gate(false);
    receive(hurry, 6);
    receive(hurry, 7);
    receive(b, 4);
    receive(b, 5);
    for (int id = 1; id <= 3; id++)
        receive(a, id);
    static const int want[] = {1, 6, 7, 2, 4, 3, 5}; // and the bulk streams in turn
    assert_int_equal(n_seen, ARRAY_LEN(want));
    assert_memory_equal(seen, want, sizeof(want));
    detector_stream_close(a);
    detector_stream_close(b);
    detector_stream_close(hurry);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

// Also with a batch: on a CPU a worker holds one frame, not the next eight.
static void test_interactive_waits_for_one_call(void **state)
{
    struct detector *d = make_detector(1, 8);
    struct frame_pool *pool = make_pool(8);
    struct detector_stream *bulk = open_stream(d, DETECTOR_BULK, 6);
    struct detector_stream *hurry = open_stream(d, DETECTOR_INTERACTIVE, 1);
    set_gate(true);
    push(bulk, pool, 1);
    wait_until_running(1);
    for (int id = 2; id <= 5; id++)
        push(bulk, pool, id);
    lock_acquire(&lock);
    held_id = 2; // the worker comes as far as this one
    gate_closed = false;
    cond_broadcast(&moved);
    lock_release(&lock);
    receive(bulk, 1);
    wait_until_running(1);
    push(hurry, pool, 6);
    set_gate(false);
    receive(hurry, 6);
    for (int id = 2; id <= 5; id++)
        receive(bulk, id);
    static const int want[] = {1, 2, 6, 3, 4, 5};
    assert_int_equal(n_seen, ARRAY_LEN(want));
    assert_memory_equal(seen, want, sizeof(want));
    detector_stream_close(bulk);
    detector_stream_close(hurry);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

// With one worker stuck, no more than what is in work and n_ahead goes in; with none received, no
// more than twice n_ahead beside it. A cancel lets the pusher go.
static void test_bounds_and_cancel(void **state)
{
    struct detector *d = make_detector(1, 0);
    struct traffic t = {.n_frames = 12, .pool = make_pool(12)};
    t.stream = open_stream(d, DETECTOR_BULK, 2);
    set_gate(true);
    assert_int_equal(thread_start(&t.pusher, "push", push_all, &t), 0);
    wait_until_running(1);
    struct timespec moment = {.tv_nsec = 30 * 1000 * 1000}; // time to go wrong in
    nanosleep(&moment, NULL);
    assert_in_range(atomic_load(&t.n_pushed), 1, 3);
    set_gate(false);
    nanosleep(&moment, NULL);
    assert_in_range(atomic_load(&t.n_pushed), 1, 5);
    detector_cancel(t.stream);
    thread_join(&t.pusher);
    assert_int_equal(atomic_load(&t.push_error), ERR_CLOSED);
    struct detector_result *r = NULL;
    assert_int_equal(detector_receive(t.stream, &r), ERR_CLOSED);
    assert_null(r);
    detector_stream_close(t.stream);
    assert_int_equal(frame_pool_n_out(t.pool), 0);
    frame_pool_destroy(t.pool);
    detector_destroy(d);
}

static void cancel(void *arg)
{
    wait_until_running(1);
    detector_cancel((struct detector_stream *)arg);
    set_gate(false);
}

static void test_cancel_wakes_receiver(void **state)
{
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(4);
    struct detector_stream *other = open_stream(d, DETECTOR_BULK, 4);
    struct detector_stream *s = open_stream(d, DETECTOR_BULK, 4);
    set_gate(true);
    push(s, pool, 1);
    push(s, pool, 2);
    push(other, pool, 3);
    struct thread t = {0};
    assert_int_equal(thread_start(&t, "cancel", cancel, s), 0);
    struct detector_result *r = NULL;
    assert_int_equal(detector_receive(s, &r), ERR_CLOSED);
    struct frame *f = make_frame(pool, 4);
    struct frame *mine = f;
    assert_int_equal(detector_push(s, &f), ERR_CLOSED);
    assert_ptr_equal(f, mine); // still the caller's
    frame_unref(&f);
    detector_stream_close(s); // waits for the picture in work
    thread_join(&t);
    receive(other, 3); // untouched
    detector_stream_close(other);
    assert_int_equal(frame_pool_n_out(pool), 0);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

// When a stream is closed its frames are home, however many were in work.
static void test_close_in_the_middle(void **state)
{
    struct detector *d = make_detector(3, 0);
    for (int i = 0; i < 200; i++) {
        struct frame_pool *pool = make_pool(4);
        struct detector_stream *s = open_stream(d, DETECTOR_BULK, 4);
        for (int id = 1; id <= 4; id++)
            push(s, pool, id);
        if (i % 2)
            receive(s, 1);
        detector_stream_close(s);
        assert_int_equal(frame_pool_n_out(pool), 0);
        frame_pool_destroy(pool);
    }
    detector_destroy(d);
}

static void test_end(void **state)
{
    struct detector *d = make_detector(2, 0);
    struct frame_pool *pool = make_pool(4);
    struct detector_stream *empty = open_stream(d, DETECTOR_BULK, 1);
    detector_end(empty);
    assert_ended(empty);
    struct frame *f = make_frame(pool, 1);
    assert_int_equal(detector_push(empty, &f), ERR_CLOSED);
    frame_unref(&f);
    struct detector_stream *s = open_stream(d, DETECTOR_BULK, 4);
    push(s, pool, 1);
    push(s, pool, 2);
    detector_end(s);
    receive(s, 1);
    receive(s, 2);
    assert_ended(s);
    detector_stream_close(empty);
    detector_stream_close(s);
    detector_stream_close(NULL);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

// --- trials

static atomic_bool is_endless;
static atomic_int n_tried;

static int try_stub(void *arg, const atomic_bool *stop)
{
    atomic_fetch_add(&n_tried, 1);
    while (atomic_load(&is_endless) && !atomic_load(stop))
        clock_sleep_ns(CLOCK_NS_PER_MS);
    return atomic_load(stop) ? err_set(ERR_CANCELLED, "stub: stopped") : 0;
}

static bool goes_away_once_tried(void *arg)
{
    (void)arg;
    return atomic_load(&n_tried) > 0;
}

// Goes away when it is asked for the second time.
static bool goes_away(void *arg)
{
    return ++*(int *)arg == 2;
}

static void test_trial(void **state)
{
    stub.try = try_stub;
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(2);
    struct frame *f = make_frame(pool, 1);
    int n_asked = 0;
    const struct detector_waiter hasty = {goes_away, &n_asked};
    const struct detector_waiter watchful = {goes_away_once_tried, NULL};
    const struct detector_waiter patient = {NULL, NULL};
    atomic_store(&n_tried, 0);
    // In work, without an end of its own.
    atomic_store(&is_endless, true);
    assert_int_equal(detector_try(d, &watchful, f, ENGINE_TRIAL_LAST), ERR_CANCELLED);
    assert_int_equal(atomic_load(&n_tried), 1);
    assert_false(detector_is_settled(d));
    // Behind a picture that the worker is at.
    struct detector_stream *s = open_stream(d, DETECTOR_BULK, 1);
    set_gate(true);
    push(s, pool, 2);
    wait_until_running(1);
    assert_int_equal(detector_try(d, &hasty, f, ENGINE_TRIAL_LAST), ERR_CANCELLED);
    assert_int_equal(n_asked, 2);
    assert_int_equal(atomic_load(&n_tried), 1);
    set_gate(false);
    receive(s, 2);
    detector_stream_close(s);
    // To its end. No trial counts as a picture.
    atomic_store(&is_endless, false);
    assert_int_equal(detector_try(d, &patient, f, ENGINE_TRIAL_MORE), 0);
    assert_false(detector_is_settled(d));
    assert_int_equal(detector_try(d, &patient, f, ENGINE_TRIAL_LAST), 0);
    assert_true(detector_is_settled(d));
    assert_int_equal(detector_stats(d).n_pictures, 1);
    assert_int_equal(detector_stats(d).n_failed, 0);
    frame_unref(&f);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

// --- tensors beside pictures, in one batch

struct tensors {
    struct detector *detector;
    struct thread thread;
    float pixels[3 * SIDE * SIDE];
    int id;
    int result;
    float width; // of the stub's box
};

static void run_tensors(void *arg)
{
    struct tensors *t = (struct tensors *)arg;
    static const struct detector_waiter patient;
    const struct tensor in = {.type = TENSOR_FLOAT32,
                              .n_dims = 4,
                              .dims = {1, 3, SIDE, SIDE},
                              .n_bytes = sizeof(t->pixels),
                              .data = t->pixels};
    struct tensor out[MODEL_MAX_TENSORS] = {0};
    int64_t run_ns = 0;
    t->pixels[0] = (float)t->id / 255;
    t->result = detector_run_tensors(t->detector, &patient, &in, out, &run_ns);
    if (t->result == 0)
        t->width = *anchor((float *)out[0].data, 0, 2, 3);
    detector_tensors_free(out, 1);
}

static void test_tensors_beside_pictures(void **state)
{
    stub.max_batch = 4;
    struct detector *d = make_detector(1, 4);
    struct frame_pool *pool = make_pool(4);
    struct detector_stream *s = open_stream(d, DETECTOR_BULK, 4);
    struct tensors t = {.detector = d, .id = 7};
    largest_batch = 0;
    set_gate(true);
    push(s, pool, 1);
    wait_until_running(1);
    assert_int_equal(thread_start(&t.thread, "tensors", run_tensors, &t), 0);
    while (detector_n_waiting(d, DETECTOR_INTERACTIVE) == 0)
        clock_sleep_ns(CLOCK_NS_PER_MS);
    push(s, pool, 2);
    push(s, pool, 3);
    set_gate(false);
    for (int id = 1; id <= 3; id++)
        receive(s, id);
    thread_join(&t.thread);
    assert_int_equal(t.result, 0);
    assert_true(t.width == 7);
    assert_int_equal(largest_batch, 2); // the tensors came with them
    detector_stream_close(s);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

static void test_failed_frame(void **state)
{
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(4);
    struct detector_stream *s = open_stream(d, DETECTOR_BULK, 4);
    push(s, pool, 1);
    push(s, pool, BAD_ID);
    push(s, pool, 3);
    receive(s, 1);
    struct detector_result *r = NULL;
    assert_int_equal(detector_receive(s, &r), 0);
    assert_int_equal(r->error, ERR_MODEL);
    assert_int_equal(r->frame->ordinal, BAD_ID);
    assert_int_equal(r->detections.n, 0);
    assert_string_equal(r->message, "stub: picture 29 is refused");
    detector_result_free(&r);
    receive(s, 3);
    detector_stream_close(s);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

static void test_run_once(void **state)
{
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(1);
    struct frame *f = make_frame(pool, 9);
    struct detector_settings settings = {.confidence = 0.25};
    struct detection_list list = {0};
    struct detector_part_ns ns = {0};
    assert_int_equal(detector_run_once(d, f, &settings, &list, &ns), 0);
    assert_int_equal(list.n, 1);
    assert_true(ns.pack > 0 && ns.engine > 0 && ns.head > 0);
    settings.confidence = 0.8;
    detection_list_clear(&list);
    assert_int_equal(detector_run_once(d, f, &settings, &list, &ns), 0);
    assert_int_equal(list.n, 0);
    detection_list_finish(&list);
    frame_unref(&f);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

static void test_class_settings_are_copied(void **state)
{
    struct detector *d = make_detector(1, 0);
    struct frame_pool *pool = make_pool(2);
    bool *classes = mem_array(bool, 80);
    float *floors = mem_array(float, 80);
    assert_non_null(classes);
    assert_non_null(floors);
    classes[7] = true;
    floors[7] = 0.5f;
    struct detector_settings settings = {
        .confidence = 0.9, .classes = classes, .class_confidence = floors};
    struct detector_stream *s = NULL;
    assert_int_equal(detector_stream_open(d, DETECTOR_BULK, &settings, 1, &s), 0);
    mem_free(classes);
    mem_free(floors);
    push(s, pool, 4);
    receive(s, 4); // its class's floor lets it through
    detector_stream_close(s);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

static void test_create_fails(void **state)
{
    struct detector *d = NULL;
    struct engine_opts opts = {.threads = 2};
    stub.create_error = ERR_UNAVAILABLE;
    assert_int_equal(detector_create(model, &opts, &d), ERR_UNAVAILABLE);
    stub.create_error = 0;
    long at = 1;
    for (;; at++) {
        mem_test_fail_at(at);
        int r = detector_create(model, &opts, &d);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        if (r == 0 && pending)
            break;
        assert_int_equal(r, ERR_NOMEM);
        assert_null(d);
    }
    assert_true(at > 5);
    struct detector_settings settings = {
        .confidence = 0.5, .classes = (bool[80]){0}, .class_confidence = (float[80]){0}};
    struct detector_stream *s = NULL;
    for (at = 1; at <= 3; at++) {
        mem_test_fail_at(at);
        assert_int_equal(detector_stream_open(d, DETECTOR_BULK, &settings, 1, &s), ERR_NOMEM);
    }
    mem_test_fail_at(0);
    detector_destroy(d);
    detector_destroy(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_gpu_batches),
        TEST(test_batch_waits_for_company),
        TEST(test_interactive_first),
        TEST(test_interactive_waits_for_one_call),
        TEST(test_bounds_and_cancel),
        TEST(test_cancel_wakes_receiver),
        TEST(test_trial),
        TEST(test_tensors_beside_pictures),
        TEST(test_close_in_the_middle),
        TEST(test_end),
        TEST(test_failed_frame),
        TEST(test_run_once),
        TEST(test_class_settings_are_copied),
        TEST(test_create_fails),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
