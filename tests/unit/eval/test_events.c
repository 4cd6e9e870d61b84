// SPDX-License-Identifier: Apache-2.0
// test_events.c - lists of timed events: what is read and refused, and matching by time alone.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
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

// What boxes show appears at these times.
static void test_appearances(void **state)
{
    (void)state;
    static const struct {
        const char *what, *objects;
        double min_confidence;
        int64_t gap_us;
        const char *events; // "label@time_us ..."
    } cases[] = {
        {"none", "", 0, 0, ""},
        {"by track", "1,0,5 1,1,5 1,9,5 1,1,6 2,2,5 1,1,-1", 0, 0, "a@0 a@100000 b@200000 "},
        {"by gap", "1,0,-1 1,1,-1 1,3,-1 1,9,-1 2,9,-1", 0, 200000, "a@0 a@900000 b@900000 "},
        {"twice in a picture", "1,4,-1 1,4,-1", 0, 0, "a@400000 "},
        {"too weak", "1,4,-1 1,5,-1", 1.5, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dataset_class classes[] = {{.id = 1, .name = "a"}, {.id = 2, .name = "b"}};
        struct dataset_picture pictures[10] = {0};
        struct dataset_object objects[8] = {0};
        struct dataset d = {.classes = classes,
                            .n_classes = 2,
                            .pictures = pictures,
                            .n_pictures = 10,
                            .objects = objects};
        for (int k = 0; k < 10; k++)
            pictures[k].pts_us = k * 100000;
        struct str rest = str_of(cases[i].objects);
        struct str part;
        while (rest.n > 0 && str_split(&rest, ' ', &part)) {
            int64_t v[3];
            struct str number;
            for (size_t k = 0; k < 3 && str_split(&part, ',', &number); k++)
                assert_int_equal(str_to_i64(number, &v[k]), 0);
            objects[d.n_objects++] = (struct dataset_object){.class_index = (int32_t)v[0] - 1,
                                                             .picture = (int32_t)v[1],
                                                             .track_id = v[2],
                                                             .confidence = 1};
        }
        struct event_list *l = NULL;
        assert_int_equal(event_list_of(&d, cases[i].min_confidence, cases[i].gap_us, &l), 0);
        struct str_buf text = STR_BUF_INIT(1000);
        for (size_t k = 0; k < l->n; k++)
            str_buf_printf(&text, "%s@%lld ", l->items[k].label, (long long)l->items[k].time_us);
        if (strcmp(str_buf_text(&text), cases[i].events) != 0)
            fail_msg("%s: %s", cases[i].what, str_buf_text(&text));
        str_buf_finish(&text);
        event_list_destroy(l);
        pictures[4].pts_us = INT64_MIN;
        if (cases[i].events[0] && strstr(cases[i].objects, "1,4")) {
            assert_int_equal(event_list_of(&d, 0, 0, &l), ERR_DATA);
            assert_non_null(strstr(err_message(ERR_DATA), "without presentation times"));
        }
        d.n_videos = 2;
        assert_int_equal(event_list_of(&d, 0, 0, &l), ERR_DATA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_appearances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
