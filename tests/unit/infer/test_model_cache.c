// SPDX-License-Identifier: Apache-2.0
// test_model_cache.c - one load for many users, unloading, and failures, over the stub engine.

#include "infer/model_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "infer/engine_impl.h"
#include "tiny_onnx.h"

enum {
    SIDE = 32,
    N_ROWS = 84,
    N_ANCHORS = 21,
    N_THREADS = 4,
};

static atomic_int n_loads; // warm-ups: each load runs the engine once

static int stub_run(void *arg, const struct tensor *inputs, int n_inputs, struct tensor *outputs,
                    int n_outputs)
{
    (void)arg;
    (void)inputs;
    (void)n_inputs;
    (void)outputs;
    (void)n_outputs;
    atomic_fetch_add(&n_loads, 1);
    return 0;
}

static struct engine_stub stub = {.max_batch = 1, .run = stub_run};
static char path[64];

static int setup_group(void **state)
{
    (void)state;
    static const struct tiny_onnx tiny = {
        .inputs = {{"images", TINY_FLOAT32, {1, 3, SIDE, SIDE}}},
        .outputs = {{"output0", TINY_FLOAT32, {1, N_ROWS, N_ANCHORS}}},
    };
    snprintf(path, sizeof(path), "/tmp/assay-test-XXXXXX");
    engine_test_set_stub(&stub);
    return tiny_onnx_write(&tiny, path);
}

static int teardown_group(void **state)
{
    (void)state;
    engine_test_set_stub(NULL);
    unlink(path);
    return 0;
}

static struct model_cache *cache_with(size_t max_idle)
{
    struct model_cache *c;
    const struct model_cache_opts opts = {
        .max_idle = max_idle, .min_free_bytes = 1, .engine = {.threads = 1}};
    assert_int_equal(model_cache_create(&opts, &c), 0);
    atomic_store(&n_loads, 0);
    return c;
}

static struct detector *take(struct model_cache *c, const char *key)
{
    struct detector *d = NULL;
    const struct model_wanted w = {.key = key, .model = {.path = path, .head = HEAD_YOLOV8}};
    assert_int_equal(model_cache_take(c, &w, &d), 0);
    assert_non_null(d);
    return d;
}

static void count(void *arg, const struct model_cache_entry *e)
{
    (void)e;
    ++*(size_t *)arg;
}

static size_t n_entries(struct model_cache *c)
{
    size_t n = 0;
    model_cache_each(c, count, &n);
    return n;
}

static void test_shared(void **state)
{
    (void)state;
    struct model_cache *c = cache_with(0);
    struct detector *a = take(c, "a");
    assert_ptr_equal(take(c, "a"), a);
    struct detector *b = take(c, "b");
    assert_ptr_not_equal(a, b);
    struct detector *other = NULL; // the same model, otherwise set
    const struct engine_opts two = {.threads = 2};
    const struct model_wanted w = {
        .key = "a", .model = {.path = path, .head = HEAD_YOLOV8}, .engine = &two};
    assert_int_equal(model_cache_take(c, &w, &other), 0);
    assert_ptr_not_equal(other, a);
    assert_int_equal(n_entries(c), 3);
    assert_int_equal(atomic_load(&n_loads), 3);
    model_cache_give_back(c, a);
    model_cache_give_back(c, a);
    model_cache_give_back(c, b);
    model_cache_give_back(c, other);
    assert_ptr_equal(take(c, "a"), a); // still loaded
    model_cache_give_back(c, a);
    model_cache_destroy(c);
}

// What whoever asks sets stands over the cache's options; what they leave open is the cache's. Of
// the detector that comes of it its workers are seen, as many as the cache's threads.
static void test_options_over_options(void **state)
{
    (void)state;
    static const struct {
        struct engine_opts asked;
        int n_workers;
        bool is_default; // the one that those who ask for nothing have
    } rows[] = {
        {{0}, 3, true},
        {{.threads = 3}, 3, true},
        {{.precision = PRECISION_FP32}, 3, false},
        {{.engine = ENGINE_CHOICE_NATIVE}, 3, false},
        {{.threads = 2}, 2, false},
        {{.precision = PRECISION_FP32, .threads = 1}, 1, false},
        {{.max_loss = 0.01}, 3, true},
        {{.max_loss = 0.02}, 3, false},
        {{.precision = PRECISION_FP32, .max_loss = 0.02}, 3, false},
    };
    struct model_cache *c;
    const struct model_cache_opts opts = {
        .max_idle = 64, .min_free_bytes = 1, .engine = {.threads = 3, .max_loss = 0.01}};
    assert_int_equal(model_cache_create(&opts, &c), 0);
    struct detector *first = take(c, "a");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct detector *d = NULL;
        const struct model_wanted w = {
            .key = "a", .model = {.path = path, .head = HEAD_YOLOV8}, .engine = &rows[i].asked};
        assert_int_equal(model_cache_take(c, &w, &d), 0);
        assert_int_equal(detector_n_workers(d), rows[i].n_workers);
        assert_int_equal(d == first, rows[i].is_default);
        model_cache_give_back(c, d);
    }
    model_cache_give_back(c, first);
    assert_int_equal(n_entries(c), 6); // a max_loss beside a precision chooses nothing
    model_cache_destroy(c);
}

static void test_unloading(void **state)
{
    (void)state;
    struct model_cache *c = cache_with(0);
    struct detector *a = take(c, "a");
    size_t n;
    model_cache_unload(c, "a", &n);
    assert_int_equal(n, 1);
    assert_int_equal(n_entries(c), 1); // somebody has it
    struct detector *again = take(c, "a");
    assert_ptr_not_equal(again, a); // whoever comes now gets a fresh one
    model_cache_give_back(c, a);
    assert_int_equal(n_entries(c), 1);
    model_cache_give_back(c, again);
    model_cache_unload(c, "a", &n);
    assert_int_equal(n, 1);
    assert_int_equal(n_entries(c), 0);
    model_cache_unload(c, "nobody", &n);
    assert_int_equal(n, 0);
    model_cache_destroy(c);
}

static void test_idle_ones_go(void **state)
{
    (void)state;
    struct model_cache *c = cache_with(2);
    static const char *const keys[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        model_cache_give_back(c, take(c, keys[i]));
    model_cache_relieve(c);
    assert_int_equal(n_entries(c), 2);
    model_cache_destroy(c);
    const struct model_cache_opts opts = {.min_free_bytes = INT64_MAX, .engine = {.threads = 1}};
    assert_int_equal(model_cache_create(&opts, &c), 0); // always short of memory
    model_cache_give_back(c, take(c, "a"));
    model_cache_relieve(c);
    assert_int_equal(n_entries(c), 0);
    model_cache_destroy(c);
}

static void test_refusals_leave_nothing(void **state)
{
    (void)state;
    struct model_cache *c = cache_with(0);
    struct detector *d = NULL;
    const struct model_wanted w = {.key = "a", .model = {.path = "/nowhere.onnx"}};
    assert_int_equal(model_cache_take(c, &w, &d), ERR_NOT_FOUND);
    assert_null(d);
    assert_int_equal(n_entries(c), 0);
    model_cache_destroy(c);
}

static void take_and_give(void *arg)
{
    struct model_cache *c = (struct model_cache *)arg;
    for (int i = 0; i < 20; i++)
        model_cache_give_back(c, take(c, "a"));
}

static void test_many_threads_one_load(void **state)
{
    (void)state;
    struct model_cache *c = cache_with(0);
    struct thread threads[N_THREADS] = {0};
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(thread_start(&threads[i], "user", take_and_give, c), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        thread_join(&threads[i]);
    assert_int_equal(atomic_load(&n_loads), 1);
    model_cache_destroy(c);
}

// What a model did stays known after it went; the longest unused go where all are too large.
static void test_usage_and_limit(void **state)
{
    (void)state;
    struct model_cache *c;
    const struct model_cache_opts opts = {
        .min_free_bytes = 1, .max_bytes = 1, .engine = {.threads = 1}};
    assert_int_equal(model_cache_create(&opts, &c), 0);
    struct detector *a = take(c, "a");
    assert_non_null(model_cache_desk(c, a));
    struct model_cache_usage u = model_cache_usage(c, "a");
    assert_int_equal(u.n_loads, 1);
    assert_int_equal(u.n_users, 1);
    assert_true(u.resident_bytes > 0 && u.load_ns > 0);
    model_cache_give_back(c, a); // alone, it stays
    assert_int_equal(n_entries(c), 1);
    struct detector *b = take(c, "b"); // with this one they are too much
    assert_int_equal(n_entries(c), 1);
    u = model_cache_usage(c, "a");
    assert_int_equal(u.n_loaded, 0);
    assert_int_equal(u.n_loads, 1);
    assert_int_equal(u.resident_bytes, 0);
    a = take(c, "a"); // both are used: neither goes
    assert_int_equal(n_entries(c), 2);
    model_cache_give_back(c, b);
    assert_int_equal(n_entries(c), 1);
    model_cache_give_back(c, a);
    assert_int_equal(model_cache_usage(c, "a").n_loads, 2);
    assert_int_equal(model_cache_usage(c, "a").n_taken, 2);
    assert_int_equal(model_cache_usage(c, "nobody").n_loads, 0);
    model_cache_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_options_over_options),
        cmocka_unit_test(test_unloading),
        cmocka_unit_test(test_idle_ones_go),
        cmocka_unit_test(test_refusals_leave_nothing),
        cmocka_unit_test(test_many_threads_one_load),
        cmocka_unit_test(test_usage_and_limit),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
