// SPDX-License-Identifier: Apache-2.0
// test_events.c - lists of timed events: what is read and refused, and matching by time alone.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "dataset/event_list.h"
#include "eval/events.h"

static int try_read(const char *text, struct event_list **ret)
{
    char path[] = "/tmp/assay-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int r = event_list_read(path, ret);
    unlink(path);
    return r;
}

static struct event_list *given_events(const char *text)
{
    struct event_list *l = NULL;
    if (try_read(text, &l) < 0)
        fail_msg("%s", err_message(0));
    return l;
}

static void test_forms(void **state)
{
    static const char *const forms[] = {
        "label,time_ms,confidence\nbrake,1500,0.5\n",
        "\xef\xbb\xbftime_s, note ,label,confidence\r\n1.5,,\"brake\",0.5\r\n\r\n",
        "confidence,time_us,label\n0.5,1500000,brake",
        "[{\"label\":\"brake\",\"time_ms\":1500,\"confidence\":0.5}]",
        ("{\"about\":{\"a\":[1]},\"events\":[{\"time_s\":1.5,\"x\":null,\"label\":\"brake\","
         "\"confidence\":0.5}]}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct event_list *l = given_events(forms[i]);
        assert_int_equal(l->n, 1);
        assert_string_equal(l->items[0].label, "brake");
        assert_int_equal(l->items[0].time_us, 1500000);
        assert_true(l->items[0].confidence == .5);
        event_list_destroy(l);
    }
    struct event_list *l = given_events("label,time_ms\n\"a, b\",1\n");
    assert_string_equal(l->items[0].label, "a, b");
    assert_true(l->items[0].confidence == 1);
    event_list_destroy(l);
    l = given_events("[]");
    assert_int_equal(l->n, 0);
    event_list_destroy(l);
}

static void test_refusals(void **state)
{
    static const char *const broken[] = {
        "",
        "label,when\nbrake,1\n",
        "time_ms\n1\n",
        "label,time_ms\nbrake\n",
        "label,time_ms\nbrake,soon\n",
        "label,time_ms\nbrake,nan\n",
        "label,time_ms\nbrake,1e300\n",
        "label,time_ms,confidence\nbrake,1,inf\n",
        "{}",
        "{\"events\":{}}",
        "{\"events\":[1]}",
        "[{\"label\":\"brake\"}]",
        "[{\"time_ms\":1}]",
        "[{\"label\":1,\"time_ms\":1}]",
        "[{\"label\":\"brake\",\"time_ms\":\"1\"}]",
        "[{\"label\":\"brake\",\"time_ms\":1}",
        "[] []",
        "[1]",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct event_list *l = NULL;
        if (try_read(broken[i], &l) != ERR_DATA)
            fail_msg("row %zu: %s", i, broken[i]);
        assert_null(l);
    }
    struct event_list *l = NULL;
    assert_int_equal(event_list_read("/nonexistent/events.csv", &l), ERR_NOT_FOUND);
}

#define HEAD "label,time_ms,confidence\n"

static const struct {
    const char *what, *truth, *detections;
    size_t found, late, early, in_time;
    double precision, recall, bias, max;
} rows[] = {
    {"both at once", HEAD "a,100,1\n", HEAD "a,100,1\n", 1, 0, 0, 1, 1, 1, 0, 0},
    {"at the tolerance", HEAD "a,100,1\n", HEAD "a,200,1\n", 1, 1, 0, 1, 1, 1, 100, 100},
    {"beyond it", HEAD "a,100,1\n", HEAD "a,200.001,1\n", 0, 0, 0, 0, 0, 0, NAN, NAN},
    {"another label", HEAD "a,100,1\n", HEAD "b,100,1\n", 0, 0, 0, 0, 0, 0, NAN, NAN},
    {"no confidence", HEAD "a,100,1\n", HEAD "a,100,0.2\n", 0, 0, 0, 0, NAN, 0, NAN, NAN},
    {"one for two", HEAD "a,100,1\na,110,1\n", HEAD "a,104,1\n", 1, 1, 0, 1, 1, .5, 4, 4},
    // The nearest first (150 to 160) would leave 60 and 250 alone.
    {"not greedy", HEAD "a,60,1\na,150,1\n", HEAD "a,160,1\na,250,1\n", 2, 2, 0, 2, 1, 1, 100, 100},
    {"two equal times", HEAD "a,60,1\na,60,1\n", HEAD "a,50,1\na,70,1\n", 2, 1, 1, 2, 1, 1, 0, 10},
    {"no truth", HEAD, HEAD "a,1,1\n", 0, 0, 0, 0, 0, NAN, NAN, NAN},
    {"no detections", HEAD "a,1,1\n", HEAD, 0, 0, 0, 0, NAN, 0, NAN, NAN},
    {"nothing", HEAD, HEAD, 0, 0, 0, 0, NAN, NAN, NAN, NAN},
};

static void check(const char *what, double got, double expected)
{
    if (!(fabs(got - expected) < 1e-9) && !(isnan(got) && isnan(expected)))
        fail_msg("%s: %.17g, not %.17g", what, got, expected);
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_list *truth = given_events(rows[i].truth);
        struct event_list *detections = given_events(rows[i].detections);
        struct arena *a;
        struct events_result r;
        assert_int_equal(arena_create(0, &a), 0);
        assert_int_equal(events_evaluate(truth, detections, NULL, a, &r), 0);
        const struct events_figures *f = &r.overall;
        check(rows[i].what, (double)f->n_found, (double)rows[i].found);
        check(rows[i].what, (double)f->n_late, (double)rows[i].late);
        check(rows[i].what, (double)f->n_early, (double)rows[i].early);
        check(rows[i].what, (double)f->n_in_time, (double)rows[i].in_time);
        check(rows[i].what, f->precision, rows[i].precision);
        check(rows[i].what, f->recall, rows[i].recall);
        check(rows[i].what, f->bias_ms, rows[i].bias);
        check(rows[i].what, f->difference.max, rows[i].max);
        arena_destroy(a);
        event_list_destroy(detections);
        event_list_destroy(truth);
    }
}

static void test_memory(void **state)
{
    static const char text[] = "[{\"label\":\"a\",\"time_ms\":1},{\"label\":\"b\",\"time_ms\":2}]";
    bool done = false;
    for (long n = 1; !done; n++) {
        struct event_list *l = NULL;
        struct arena *a;
        struct events_result res;
        assert_int_equal(arena_create(0, &a), 0);
        mem_test_fail_at(n);
        int r = try_read(text, &l);
        if (r == 0)
            r = events_evaluate(l, l, NULL, a, &res);
        done = mem_test_fail_pending();
        mem_test_fail_at(0);
        event_list_destroy(l);
        arena_destroy(a);
        assert_int_equal(r, done ? 0 : ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
