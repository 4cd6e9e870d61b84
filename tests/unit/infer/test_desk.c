// SPDX-License-Identifier: Apache-2.0
// test_desk.c - the line before a detector: order, bounds, who goes away, and tensors in place of
// pictures, over an engine that the test answers for.

#include "infer/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "infer/engine_impl.h"
#include "tiny_onnx.h"
#include "vision/frame.h"

enum {
    SIDE = 32,
    N_ROWS = 84,
    N_ANCHORS = 21,
    N_INPUT = 3 * SIDE * SIDE,
    MAX_WAITING = 3,
    STEP_NS = 1000 * 1000,
};

static const struct detector_waiter patient;
static char path[64];
static struct model *model;

// The first output number is the first input number.
static int stub_run(void *arg, const struct tensor *inputs, int n_inputs, struct tensor *outputs,
                    int n_outputs)
{
    (void)arg;
    (void)n_inputs;
    (void)n_outputs;
    for (int64_t i = 0; i < inputs[0].dims[0]; i++)
        ((float *)outputs[0].data)[i * N_ROWS * N_ANCHORS] =
            ((const float *)inputs[0].data)[i * N_INPUT];
    return 0;
}

static struct engine_stub stub = {.max_batch = 1, .run = stub_run};

static int setup_group(void **state)
{
    (void)state;
    static const struct tiny_onnx tiny = {
        .inputs = {{"images", TINY_FLOAT32, {-1, 3, SIDE, SIDE}}},
        .outputs = {{"output0", TINY_FLOAT32, {-1, N_ROWS, N_ANCHORS}}},
    };
    snprintf(path, sizeof(path), "/tmp/assay-test-XXXXXX");
    engine_test_set_stub(&stub);
    if (tiny_onnx_write(&tiny, path) < 0)
        return -1;
    return model_open(&(struct model_opts){.path = path, .head = HEAD_YOLOV8}, &model);
}

static int teardown_group(void **state)
{
    (void)state;
    model_unref(&model);
    engine_test_set_stub(NULL);
    unlink(path);
    return 0;
}

static struct detector *detector_of(void)
{
    struct detector *d = NULL;
    const struct engine_opts opts = {.threads = 1};
    assert_int_equal(detector_create(model, &opts, &d), 0);
    return d;
}

// --- visitors

struct visitor {
    struct desk *desk;
    struct thread thread;
    atomic_bool goes_away;
    atomic_int result; // 1: waits
    int number;        // in the order of getting in
};

static atomic_int n_in;

static bool went_away(void *arg)
{
    return atomic_load(&((struct visitor *)arg)->goes_away);
}

static void visit(void *arg)
{
    struct visitor *v = (struct visitor *)arg;
    const struct detector_waiter waiter = {went_away, v};
    int64_t wait_ns = 0;
    int r = desk_enter(v->desk, &waiter, &wait_ns);
    if (r == 0)
        v->number = atomic_fetch_add(&n_in, 1);
    atomic_store(&v->result, r);
}

// They come one after the other, so that their order is known.
static void send_in(struct desk *k, struct visitor *v, size_t n_waiting_then)
{
    v->desk = k;
    atomic_store(&v->result, 1);
    assert_int_equal(thread_start(&v->thread, "visitor", visit, v), 0);
    while (desk_n_waiting(k) < n_waiting_then)
        clock_sleep_ns(STEP_NS);
}

static void fill(struct desk *k, size_t *ret_places)
{
    *ret_places = 0;
    for (;;) {
        struct visitor v = {.desk = k};
        atomic_store(&v.goes_away, true); // so that a full desk lets it go
        const struct detector_waiter waiter = {went_away, &v};
        int64_t wait_ns = 0;
        int r = desk_enter(k, &waiter, &wait_ns);
        if (r < 0) {
            assert_int_equal(r, ERR_CANCELLED);
            return;
        }
        (*ret_places)++;
    }
}

static void test_line(void **state)
{
    (void)state;
    struct detector *d = detector_of();
    struct desk *k;
    size_t n_places;
    assert_int_equal(desk_create(d, MAX_WAITING, &k), 0);
    fill(k, &n_places);
    assert_true(n_places >= 2); // one for the worker, one a core
    atomic_store(&n_in, 0);

    struct visitor v[MAX_WAITING] = {0};
    for (size_t i = 0; i < MAX_WAITING; i++)
        send_in(k, &v[i], i + 1);
    int64_t wait_ns = -1;
    assert_int_equal(desk_enter(k, &patient, &wait_ns), ERR_BUSY);
    assert_int_equal(wait_ns, -1);
    assert_true(desk_retry_after(k) >= 1);

    atomic_store(&v[1].goes_away, true); // from the middle of the line
    thread_join(&v[1].thread);
    assert_int_equal(atomic_load(&v[1].result), ERR_CANCELLED);
    assert_int_equal(desk_n_waiting(k), MAX_WAITING - 1);

    desk_leave(k);
    thread_join(&v[0].thread);
    assert_int_equal(desk_n_waiting(k), 1);
    desk_leave(k);
    thread_join(&v[2].thread);
    assert_int_equal(atomic_load(&v[0].result), 0);
    assert_int_equal(atomic_load(&v[2].result), 0);
    assert_true(v[0].number < v[2].number);
    assert_int_equal(desk_n_waiting(k), 0);

    for (size_t i = 0; i < n_places; i++) // two left, two came
        desk_leave(k);
    size_t again;
    fill(k, &again);
    assert_int_equal(again, n_places); // no place was lost
    for (size_t i = 0; i < again; i++)
        desk_leave(k);
    desk_destroy(k);
    detector_destroy(d);
}

static void test_picture(void **state)
{
    (void)state;
    static const struct detector_settings settings = {.confidence = 0.25};
    struct detector *d = detector_of();
    struct desk *k;
    assert_int_equal(desk_create(d, 0, &k), 0);
    for (int i = 0; i < 3; i++) {
        int64_t wait_ns = -1;
        struct frame *f = NULL;
        struct detector_result *result = NULL;
        assert_int_equal(desk_enter(k, &patient, &wait_ns), 0);
        assert_true(wait_ns >= 0);
        assert_int_equal(desk_frame(k, &f), 0);
        f->letterbox = letterbox_make(LETTERBOX_STRETCH, SIDE, SIDE, SIDE, SIDE, 0);
        assert_int_equal(desk_detect(k, &patient, &f, &settings, &result), 0);
        assert_null(f);
        assert_int_equal(result->detections.n, 0);
        detector_result_free(&result);
        desk_leave(k);
    }
    struct detector_stats stats = detector_stats(d);
    assert_int_equal(stats.n_pictures, 3);
    assert_int_equal(stats.n_failed, 0);
    assert_true(stats.run_ns > 0);
    desk_destroy(k);
    detector_destroy(d);
}

// --- tensors

static float numbers[65 * N_INPUT];

static struct tensor input_of(int64_t batch, int64_t side, enum tensor_type type)
{
    struct tensor t = {.type = type, .n_dims = 4, .dims = {batch, 3, side, SIDE}, .data = numbers};
    t.n_bytes = (size_t)(batch * 3 * side * SIDE) * tensor_type_bytes(type);
    return t;
}

static void test_tensors(void **state)
{
    (void)state;
    static const struct {
        int64_t batch, side;
        enum tensor_type type;
        int result;
    } rows[] = {
        {1, SIDE, TENSOR_FLOAT32, 0},
        {3, SIDE, TENSOR_FLOAT32, 0}, // a call each, one behind the other
        {64, SIDE, TENSOR_FLOAT32, 0},
        {65, SIDE, TENSOR_FLOAT32, ERR_INVALID},
        {1, SIDE - 1, TENSOR_FLOAT32, ERR_INVALID},
        {1, SIDE, TENSOR_UINT8, ERR_INVALID},
        {0, SIDE, TENSOR_FLOAT32, ERR_INVALID},
    };
    struct detector *d = detector_of();
    for (int i = 0; i < 65; i++)
        numbers[i * N_INPUT] = (float)(i + 7);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tensor in = input_of(rows[i].batch, rows[i].side, rows[i].type);
        struct tensor out[MODEL_MAX_TENSORS] = {0};
        int64_t run_ns = 0;
        assert_int_equal(detector_run_tensors(d, &patient, &in, out, &run_ns), rows[i].result);
        if (rows[i].result < 0)
            continue;
        assert_int_equal(out[0].dims[0], rows[i].batch);
        assert_int_equal(out[0].n_bytes, rows[i].batch * N_ROWS * N_ANCHORS * sizeof(float));
        for (int64_t b = 0; b < rows[i].batch; b++)
            assert_true(((float *)out[0].data)[b * N_ROWS * N_ANCHORS] == (float)(b + 7));
        detector_tensors_free(out, 1);
    }
    assert_int_equal(detector_stats(d).n_pictures, 3);
    assert_int_equal(detector_stats(d).n_failed, 4);
    detector_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_tensors),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
