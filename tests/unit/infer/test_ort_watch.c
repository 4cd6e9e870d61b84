// SPDX-License-Identifier: Apache-2.0
// test_ort_watch.c - which runs are ended, and why, by a clock that the test sets.
//
// The clock stands in the past, so that the watch, whose waits are over by then, looks at once and
// again and again. Of ONNX Runtime there is nothing but the one function that ends a run.

#include "infer/ort_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <onnxruntime_c_api.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

enum {
    N_RUNS = 2, // the row's, and one that shows that the watch has looked
};

#define LIMIT_NS (ORT_WATCH_LIMIT_S * CLOCK_NS_PER_S)

// A run's options are a place in here.
static struct place {
    atomic_bool is_ended;
} places[N_RUNS];

static OrtStatus *ORT_API_CALL end_run(OrtRunOptions *options)
{
    atomic_store(&((struct place *)(void *)options)->is_ended, true);
    return NULL;
}

static const struct row {
    const char *name;
    int64_t ns; // since it began
    bool is_stopped;
    bool has_time;
    bool is_done; // by itself, although it was told to end
    int result;
    const char *message; // part of it
} rows[] = {
    {"at once", .result = 0},
    {"a second short of the limit", .ns = LIMIT_NS - CLOCK_NS_PER_S, .result = 0},
    {"at the limit", .ns = LIMIT_NS, .result = 0},
    {"past the limit", .ns = LIMIT_NS + 1, .result = ERR_MODEL, .message = "more than the 120 s"},
    {"an hour", .ns = 30 * LIMIT_NS, .result = ERR_MODEL, .message = "m.onnx: a picture took"},
    {"an hour of one that has time", .ns = 30 * LIMIT_NS, .has_time = true, .result = 0},
    {"past the limit, but done", .ns = LIMIT_NS + 1, .is_done = true, .result = 0},
    {"stopped, but done", .is_stopped = true, .is_done = true, .result = 0},
    {"stopped", .is_stopped = true, .result = ERR_CANCELLED, .message = "was stopped"},
    {"stopped, that has time", .is_stopped = true, .has_time = true, .result = ERR_CANCELLED,
     .message = "was stopped"},
    {"stopped and late", .ns = LIMIT_NS + 1, .is_stopped = true, .result = ERR_CANCELLED,
     .message = "was stopped"},
};

static void wait_for(const atomic_bool *b)
{
    while (!atomic_load(b)) // for ever only if the watch does not look, which the harness ends
        clock_sleep_ns(CLOCK_NS_PER_MS);
}

static void run_row(struct ort_watch *w, const struct row *row, int64_t began_ns)
{
    static const atomic_bool yes = true;
    atomic_bool stop = false;
    struct ort_watched run = {
        .options = (OrtRunOptions *)(void *)&places[0], .stop = &stop, .has_time = row->has_time};
    struct ort_watched probe = {.options = (OrtRunOptions *)(void *)&places[1], .stop = &yes};
    atomic_store(&places[0].is_ended, false);
    atomic_store(&places[1].is_ended, false);
    clock_test_set(began_ns, 0);
    assert_int_equal(ort_watch_begin(w, &run, "m.onnx"), 0);
    atomic_store(&stop, row->is_stopped);
    clock_test_set(began_ns + row->ns, 0);
    assert_int_equal(ort_watch_begin(w, &probe, "probe"),
                     0); // stands before the run in the list: is looked at first
    wait_for(&places[1].is_ended);
    assert_int_equal(ort_watch_end(w, &probe, ERR_MODEL, "probe"), ERR_CANCELLED);
    bool is_told = row->result < 0 || row->is_done;
    if (is_told)
        wait_for(&places[0].is_ended);
    int r = ort_watch_end(w, &run, row->result < 0 ? ERR_MODEL : 0, "m.onnx");
    if (r != row->result || atomic_load(&places[0].is_ended) != is_told ||
        (r < 0 && !strstr(err_message(r), row->message)))
        fail_msg("%s: %d, %s", row->name, r, err_message(r));
    // Once one was ended as late there is no other.
    bool is_spent = row->result == ERR_MODEL;
    assert_int_equal(ort_watch_begin(w, &run, "m.onnx"), is_spent ? ERR_MODEL : 0);
    if (is_spent)
        assert_non_null(strstr(err_message(ERR_MODEL), "m.onnx: an earlier picture took more"));
    else
        assert_int_equal(ort_watch_end(w, &run, 0, "m.onnx"), 0);
}

static void test_limit(void **state)
{
    (void)state;
    const OrtApi api = {.RunOptionsSetTerminate = end_run};
    int64_t began_ns = clock_now_ns() - INT64_C(100) * 3600 * CLOCK_NS_PER_S;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ort_watch *w = NULL;
        assert_int_equal(ort_watch_create(&api, &w), 0);
        run_row(w, &rows[i], began_ns);
        ort_watch_destroy(w);
    }
    clock_test_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
