// SPDX-License-Identifier: Apache-2.0
// test_metrics.c - what is counted, what is written, and that Prometheus' own checker takes it.

#include "base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

static const double bounds[] = {1, 2.5, 10};
static struct metric m_plain = METRIC_COUNTER("test_plain_total", "Plain\nwith \\ and \"");
static struct metric m_labelled =
    METRIC_COUNTER("test_labelled_total", "Labelled", "method", "route");
static struct metric m_gauge = METRIC_GAUGE("test_level", "A gauge", "model");
static struct metric m_size = METRIC_HISTOGRAM("test_size_bytes", "Sizes", bounds, "kind");
static struct metric m_small = {.name = "test_small_total",
                                .help = "Few",
                                .type = METRIC_TYPE_COUNTER,
                                .labels = {"who"},
                                .max_series = 3};

static char *written(void)
{
    struct str_buf out = STR_BUF_INIT(4 * MIB);
    metrics_write(&out);
    assert_int_equal(str_buf_check(&out), 0);
    return str_buf_take(&out);
}

static void expect(const char *text, bool there)
{
    char *all = written();
    if ((strstr(all, text) != NULL) != there)
        fail_msg("'%s' is %s in\n%s", text, there ? "not" : "still", all);
    mem_free(all);
}

static int set_up(void **state)
{
    (void)state;
    struct metric *all[] = {&m_plain, &m_labelled, &m_gauge, &m_size, &m_small};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(metrics_register(all[i]), 0);
    metrics_test_reset();
    return 0;
}

static void test_counters(void **state)
{
    (void)state;
    expect("# HELP test_plain_total Plain\\nwith \\\\ and \"\n# TYPE test_plain_total "
           "counter\ntest_plain_total 0\n",
           true);
    metric_add(&m_plain, 1, NO_LABELS);
    metric_add(&m_plain, 0.5, NO_LABELS);
    expect("\ntest_plain_total 1.5\n", true);
    expect("test_labelled_total{", false);
    metric_add(&m_labelled, 2, LABELS("GET", "/a\"b\\c\n"));
    metric_add(&m_labelled, 1, LABELS("GET", NULL));
    expect("test_labelled_total{method=\"GET\",route=\"/a\\\"b\\\\c\\n\"} 2\n", true);
    expect("test_labelled_total{method=\"GET\",route=\"\"} 1\n", true);
    assert_true(metric_value(&m_labelled, LABELS("GET", "/a\"b\\c\n")) == 2);
    assert_true(metric_value(&m_labelled, LABELS("PUT", "/")) == 0);
    metric_add(&m_labelled, 1, LABELS("\xff", "x"));
    expect("method=\"\xef\xbf\xbd\"", true);
}

static void test_gauges(void **state)
{
    (void)state;
    metric_set(&m_gauge, 3, LABELS("a"));
    metric_add(&m_gauge, -5, LABELS("a"));
    metric_set(&m_gauge, NAN, LABELS("nan"));
    metric_set(&m_gauge, -INFINITY, LABELS("inf"));
    expect("test_level{model=\"a\"} -2\n", true);
    expect("test_level{model=\"nan\"} NaN\n", true);
    expect("test_level{model=\"inf\"} -Inf\n", true);
    metric_forget(&m_gauge, LABELS("a"));
    metric_forget(&m_gauge, LABELS("never"));
    expect("model=\"a\"", false);
    metric_set(&m_gauge, 7, LABELS("a"));
    expect("test_level{model=\"a\"} 7\n", true);
}

static void test_histograms(void **state)
{
    (void)state;
    static const double values[] = {0, 1, 1.5, 2.5, 10, 11, INFINITY};
    for (size_t i = 0; i < ARRAY_LEN(values) - 1; i++)
        metric_observe(&m_size, values[i], LABELS("x"));
    expect("test_size_bytes_bucket{kind=\"x\",le=\"1\"} 2\n"
           "test_size_bytes_bucket{kind=\"x\",le=\"2.5\"} 4\n"
           "test_size_bytes_bucket{kind=\"x\",le=\"10\"} 5\n"
           "test_size_bytes_bucket{kind=\"x\",le=\"+Inf\"} 6\n"
           "test_size_bytes_sum{kind=\"x\"} 26\n"
           "test_size_bytes_count{kind=\"x\"} 6\n",
           true);
    assert_true(metric_value(&m_size, LABELS("x")) == 6);
}

static void test_bounded(void **state)
{
    (void)state;
    char name[METRIC_MAX_VALUE + 50];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        metric_add(&m_small, 1, LABELS(name));
    }
    expect("test_small_total{who=\"n2\"} 1\n", true);
    expect("who=\"n3\"", false);
    expect("test_small_total{who=\"other\"} 97\n", true);
    // Long values are cut at a whole character.
    memset(name, 'x', sizeof(name));
    memcpy(name + METRIC_MAX_VALUE - 1, "\xc3\xa9", 2);
    name[sizeof(name) - 1] = '\0';
    metric_add(&m_gauge, 1, LABELS(name));
    name[METRIC_MAX_VALUE - 1] = '\0';
    assert_true(metric_value(&m_gauge, LABELS(name)) == 1);
}

enum {
    N_THREADS = 4,
    N_UPDATES = 20000,
};

static void update(void *arg)
{
    char name[16];
    struct metric_series *s = metric_series(&m_size, LABELS("shared"));
    (void)arg;
    for (int i = 0; i < N_UPDATES; i++) {
        snprintf(name, sizeof(name), "r%d", i % 50);
        metric_add(&m_labelled, 1, LABELS("T", name));
        metric_series_observe(s, 2);
        if (i % 5000 == 0)
            mem_free(written());
    }
}

static void test_threads(void **state)
{
    (void)state;
    struct thread threads[N_THREADS] = {0};
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(thread_start(&threads[i], "update", update, NULL), 0);
    for (size_t i = 0; i < N_THREADS; i++)
        thread_join(&threads[i]);
    assert_true(metric_value(&m_labelled, LABELS("T", "r7")) == N_THREADS * N_UPDATES / 50);
    assert_true(metric_value(&m_size, LABELS("shared")) == N_THREADS * N_UPDATES);
}

static void refresh(void *arg)
{
    metric_set(&m_gauge, ++*(int *)arg, LABELS("fresh"));
}

static void test_refresh(void **state)
{
    (void)state;
    int n = 0;
    assert_int_equal(metrics_add_refresh(refresh, &n), 0);
    expect("test_level{model=\"fresh\"} 1\n", true);
    expect("test_level{model=\"fresh\"} 2\n", true);
    metrics_remove_refresh(refresh, &n);
    expect("test_level{model=\"fresh\"} 2\n", true);
}

static void test_process(void **state)
{
    (void)state;
    assert_int_equal(metrics_register_process(), 0);
    assert_int_equal(metrics_register_process(), 0);
    mem_free(written());
    expect("\nprocess_memory_bytes 0\n", false);
    expect("\nprocess_cpu_seconds_total ", true);
    expect("\nprocess_cpu_usage_percent ", true);
}

static void test_promtool(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null") != 0) {
        print_message("promtool is not installed\n");
        skip();
    }
    test_counters(state);
    test_histograms(state);
    test_gauges(state);
    FILE *p = popen("promtool check metrics", "w");
    assert_non_null(p);
    char *all = written();
    assert_int_equal(fputs(all, p) >= 0, 1);
    mem_free(all);
    int status = pclose(p);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    static struct metric late[8];
    for (long n = 1; n < 8; n++) {
        late[n] = (struct metric){.name = n == 1   ? "test_late_1"
                                          : n == 2 ? "test_late_2"
                                          : n == 3 ? "test_late_3"
                                          : n == 4 ? "test_late_4"
                                                   : "test_late_5",
                                  .help = "Late",
                                  .type = METRIC_TYPE_GAUGE,
                                  .labels = {"a", "b"},
                                  .max_series = 4};
        mem_test_fail_at(n);
        int r = metrics_register(&late[n]);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        if (pending) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(r, ERR_NOMEM);
        mem_test_fail_at(1);
        metric_set(&late[n], 1, LABELS("x", "y")); // lost, without harm
        mem_test_fail_at(0);
        metric_set(&late[n], 1, LABELS("x", "y"));
        assert_true(metric_value(&late[n], LABELS("x", "y")) == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_counters, set_up),
        cmocka_unit_test_setup(test_gauges, set_up),
        cmocka_unit_test_setup(test_histograms, set_up),
        cmocka_unit_test_setup(test_bounded, set_up),
        cmocka_unit_test_setup(test_threads, set_up),
        cmocka_unit_test_setup(test_refresh, set_up),
        cmocka_unit_test_setup(test_process, set_up),
        cmocka_unit_test_setup(test_promtool, set_up),
        cmocka_unit_test_setup(test_no_memory, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
