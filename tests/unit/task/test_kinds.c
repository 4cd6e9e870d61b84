// SPDX-License-Identifier: Apache-2.0
// test_kinds.c - kinds of tasks, run as a server runs them: what they leave, and how they fail.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "task_test.h"

#include <math.h>

#include "base/mem.h"
#include "store/store_comparison.h"
#include "store/store_detection.h"
#include "store/store_piece.h"

static void test_names_are_one_of_a_kind(void **state)
{
    (void)state;
    size_t n = 0;
    for (; task_kinds[n]; n++) {
        assert_true(task_kinds[n]->name && task_kinds[n]->run && task_kinds[n]->timeout_ms > 0);
        for (size_t i = 0; i < n; i++)
            assert_string_not_equal(task_kinds[i]->name, task_kinds[n]->name);
    }
    assert_true(n >= 5 && n <= STORE_TASK_KINDS_MAX);
}

#define CAR(frame, x, y)                                                          \
    "{\"type\":\"frame\",\"frame\":" frame ",\"detections\":[{\"label\":\"car\"," \
    "\"confidence\":0.9,\"bounding_box\":{\"x\":" x ",\"y\":" y                   \
    ",\"width\":20,\"height\":20}}]}\n"

static void post(struct tasks *x, const char *session, const char *format, const char *text,
                 const struct store_event *events, size_t n)
{
    const struct store_piece p = {.session_id = session,
                                  .video_id = x->t->video,
                                  .seq = -1,
                                  .format = format,
                                  .sha256 = text,
                                  .n_bytes = (int64_t)strlen(text),
                                  .n_items = (int64_t)n,
                                  .last_us = INT64_MIN,
                                  .bytes = events ? NULL : text};
    OK(store_piece_add(x->t->store, &p, events, n, NULL, NULL));
}

// Found in the first frame, and beside it in the second.
static void judge(struct tasks *x, const char *second_x, char session[ID_BYTES])
{
    char truth[ID_BYTES];
    char text[1024];
    put_truth(x, TASK_TEST_TRUTH, truth);
    make_session(x, truth, "{}",
                 "{\"name\":\"mine\",\"criteria\":[{\"metric\":\"recall\",\"min\":0.5}]}", session);
    snprintf(text, sizeof(text), CAR("0", "10", "10") CAR("1", "%s", "40"), second_x);
    post(x, session, "jsonl", text, NULL, 0);
    struct store_task t = run_task(x, &task_kind_evaluate, session, NULL);
    if (t.status != STORE_TASK_SUCCEEDED)
        fail_msg("%s", t.error);
}

static int count_outcome(void *arg, const struct store_detection *d)
{
    ((int *)arg)[d->values->outcome]++;
    return 0;
}

static void test_evaluate(void **state)
{
    struct tasks *x = *state;
    char session[ID_BYTES];
    struct store_session s;
    struct store_result result;
    struct store_set set;
    struct store_next next;
    int n[COLUMNS_N_OUTCOMES] = {0};
    judge(x, "70", session);
    OK(store_session_get(x->t->store, session, x->t->arena, &s));
    assert_int_equal(s.status, STORE_SESSION_SUCCEEDED);
    assert_true(s.precision == 0.5 && s.recall == 0.5 && s.n_videos_done == 1);
    assert_int_equal(s.verdict, STORE_VERDICT_PASSED);
    OK(store_session_result(x->t->store, session, x->t->arena, &result));
    assert_true(result.report_key && strstr(result.metrics_json, "\"confusion_matrix\"") &&
                strstr(result.more_json, "\"worst_moments\":[{\"video_id\":"));
    OK(store_set_of_session(x->t->store, session, x->t->video, STORE_SET_OUTCOMES, x->t->arena,
                            &set));
    const struct store_set_filter f = {.set_id = set.id};
    OK(store_set_page(x->t->store, &f, NULL, count_outcome, n, &next));
    assert_true(n[COLUMNS_TP] == 1 && n[COLUMNS_FP] == 1 && n[COLUMNS_FN] == 1);
    // The page says that the video (which is none here) gave no pictures.
    char *page;
    size_t size;
    OK(blob_get(x->tools.blob, result.report_key, 16 * MIB, &page, &size));
    assert_non_null(strstr(page, "Some pictures could not be read"));
    mem_free(page);
}

static void test_evaluate_says_why_not(void **state)
{
    struct tasks *x = *state;
    char session[ID_BYTES];
    char truth[ID_BYTES];
    struct store_session s;
    put_truth(x, TASK_TEST_TRUTH, truth);
    make_session(x, truth, "{}", NULL, session);
    struct store_task t = run_task(x, &task_kind_evaluate, session, NULL);
    assert_true(t.status == STORE_TASK_FAILED && strstr(t.error, "nothing was posted"));
    const char *log = NULL;
    OK(store_task_log(x->t->store, t.id, x->t->arena, &log));
    assert_true(log && strstr(log, "\"message\":\"evaluate, try 1 of 1: begins\"") &&
                strstr(log, "nothing was posted"));
    OK(store_session_get(x->t->store, session, x->t->arena, &s));
    assert_true(s.status == STORE_SESSION_FAILED && strstr(s.error, "nothing was posted"));
    t = run_task(x, &task_kind_evaluate, NULL, NULL);
    assert_true(t.status == STORE_TASK_FAILED && strstr(t.error, "names no session"));
    // Pieces that the judge cannot read name the cause.
    make_session(x, truth, "{}", NULL, session);
    post(x, session, "mot", "1,1,x\n", NULL, 0);
    t = run_task(x, &task_kind_evaluate, session, NULL);
    assert_true(t.status == STORE_TASK_FAILED && strstr(t.error, "line 1"));
}

static void test_evaluate_by_events(void **state)
{
    struct tasks *x = *state;
    char session[ID_BYTES];
    char truth[ID_BYTES];
    struct store_session s;
    struct store_result result;
    const struct store_event events[] = {
        {.start_us = 60000, .end_us = 60000, .label = "brake", .confidence = 1, .latency_us = 5000},
        {.start_us = 900000,
         .end_us = 900000,
         .label = "brake",
         .confidence = 1,
         .latency_us = INT64_MIN},
    };
    put_truth(x, "label,time_ms\nbrake,10\n", truth);
    make_session(x, truth, "{\"tolerance_ms\":40}", NULL, session);
    post(x, session, "events", "e", events, 2);
    struct store_task t = run_task(x, &task_kind_evaluate, session, NULL);
    assert_int_equal(t.status, STORE_TASK_SUCCEEDED);
    OK(store_session_get(x->t->store, session, x->t->arena, &s));
    assert_true(s.recall == 0 && isnan(s.ap)); // 50 ms is past the tolerance
    make_session(x, truth, "{\"tolerance_ms\":50}", NULL, session);
    post(x, session, "events", "e", events, 2);
    assert_int_equal(run_task(x, &task_kind_evaluate, session, NULL).status, STORE_TASK_SUCCEEDED);
    OK(store_session_get(x->t->store, session, x->t->arena, &s));
    assert_true(s.recall == 1 && s.precision == 0.5);
    OK(store_session_result(x->t->store, session, x->t->arena, &result));
    assert_non_null(strstr(result.metrics_json, "\"tolerance_ms\":50"));
}

static void test_compare(void **state)
{
    struct tasks *x = *state;
    char a[ID_BYTES];
    char b[ID_BYTES];
    char settings[64];
    struct store_comparison c;
    judge(x, "70", a); // missed in the second frame
    judge(x, "40", b); // found in both
    snprintf(settings, sizeof(settings), "{\"with\":\"%s\"}", b);
    struct store_task t = run_task(x, &task_kind_compare, a, settings);
    if (t.status != STORE_TASK_SUCCEEDED)
        fail_msg("%s", t.error);
    OK(store_comparison_get(x->t->store, a, b, x->t->arena, &c));
    assert_true(strstr(c.json, "\"side\": \"found\"") && strstr(c.json, "\"left_out\":[]"));
    t = run_task(x, &task_kind_compare, a, "{}");
    assert_true(t.status == STORE_TASK_FAILED && strstr(t.error, "no other session"));
    t = run_task(x, &task_kind_compare, a, "{\"with\":\"nobody\"}");
    assert_true(t.status == STORE_TASK_FAILED && strstr(t.error, "does not exist"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_one_of_a_kind),
        cmocka_unit_test_setup_teardown(test_evaluate, tasks_setup, tasks_teardown),
        cmocka_unit_test_setup_teardown(test_evaluate_says_why_not, tasks_setup, tasks_teardown),
        cmocka_unit_test_setup_teardown(test_evaluate_by_events, tasks_setup, tasks_teardown),
        cmocka_unit_test_setup_teardown(test_compare, tasks_setup, tasks_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
