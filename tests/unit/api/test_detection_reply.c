// SPDX-License-Identifier: Apache-2.0
// test_detection_reply.c - a set's objects as a page, as one document, as columns; what the query
// leaves of them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_test.h"

#include "api/detection_reply.h"
#include "api_test.h"
#include "base/err.h"
#include "store/columns.h"
#include "store/store_detection.h"

static char set_id[ID_BYTES];

static int give(struct request *q)
{
    struct store_set_filter f = {0};
    int r = detections_filter(q, &f);
    f.set_id = set_id;
    return r == 0 ? detections_reply(q, &f) : r;
}

static const struct route routes[] = {{"GET", "/set", give}, {0}};
static const struct route *const tables[] = {routes, NULL};

// Frame 0: found and missed; frame 1: nothing; frame 2: a false alarm.
static void write_set(struct test *t)
{
    const struct store_session x = {.project_id = t->project};
    const struct store_session_video v = {.video_id = t->video};
    char session[ID_BYTES];
    char task[ID_BYTES];
    OK(store_session_create(t->store, &x, &v, 1, session));
    OK(store_task_create(t->store, &(struct store_task){.kind = "k", .session_id = session}, NULL,
                         0, task));
    const struct store_lease lease = test_claim(t, "k");
    const struct store_set_opts opts = {.kind = STORE_SET_OUTCOMES,
                                        .video_id = t->video,
                                        .session_id = session,
                                        .lease = &lease,
                                        .flags = COLUMNS_OUTCOMES | COLUMNS_TRACKS};
    const struct store_object first[] = {
        {.class_id = 0,
         .label = "car",
         .values = {.x = 1,
                    .y = 2,
                    .w = 3,
                    .h = 4,
                    .confidence = 0.5f,
                    .outcome = COLUMNS_TP,
                    .track_id = 7,
                    .truth_x = 1,
                    .truth_y = 2,
                    .truth_w = 3,
                    .truth_h = 4,
                    .iou = 1}},
        {.class_id = 1,
         .label = "person",
         .values = {.outcome = COLUMNS_FN, .truth_x = 9, .truth_y = 9, .truth_w = 1, .truth_h = 1}},
    };
    const struct store_object last = {
        .class_id = 1,
        .label = "person",
        .values = {.x = 5, .y = 5, .w = 2, .h = 2, .confidence = 0.25f, .outcome = COLUMNS_FP}};
    struct store_set_writer *w;
    OK(store_set_begin(t->store, &opts, &w));
    OK(store_set_add(w, 0, 0, INT64_MIN, first, 2));
    OK(store_set_add(w, 1, 40000, INT64_MIN, NULL, 0));
    OK(store_set_add(w, 2, 80000, INT64_MIN, &last, 1));
    OK(store_set_finish(&w, "{}", set_id));
}

#define FOUND                                                                                \
    "{\"frame\":0,\"pts_us\":0,\"class_id\":0,\"label\":\"car\",\"confidence\":0.5,"         \
    "\"bounding_box\":{\"x\":1,\"y\":2,\"width\":3,\"height\":4},\"track_id\":7,\"result\":" \
    "\"tp\",\"truth_box\":{\"x\":1,\"y\":2,\"width\":3,\"height\":4},\"iou\":1}"
#define MISSED                                                                         \
    "{\"frame\":0,\"pts_us\":0,\"class_id\":1,\"label\":\"person\",\"result\":\"fn\"," \
    "\"truth_box\":{\"x\":9,\"y\":9,\"width\":1,\"height\":1}}"
#define FALSE_ALARM                                                                          \
    "{\"frame\":2,\"pts_us\":80000,\"class_id\":1,\"label\":\"person\",\"confidence\":0.25," \
    "\"bounding_box\":{\"x\":5,\"y\":5,\"width\":2,\"height\":2},\"result\":\"fp\"}"
#define LIST(items) "{\"items\":[" items "],\"next_cursor\":null}"

static void test_what_the_query_leaves(void **state)
{
    (void)state;
    static const struct {
        const char *query, *body;
    } rows[] = {
        {"", LIST(FOUND "," MISSED "," FALSE_ALARM)},
        {"?result=tp", LIST(FOUND)},
        {"?result=fn", LIST(MISSED)},
        {"?result=fp", LIST(FALSE_ALARM)},
        {"?label=person", LIST(MISSED "," FALSE_ALARM)},
        {"?label=person&result=tp", LIST("")},
        {"?label=tree", LIST("")},
        {"?min_confidence=0.3", LIST(FOUND "," MISSED)}, // what was missed has none
        {"?min_confidence=1", LIST(MISSED)},
        {"?from_frame=1", LIST(FALSE_ALARM)},
        {"?to_frame=1", LIST(FOUND "," MISSED)},
        {"?from_frame=1&to_frame=1", LIST("")},
        {"?from_frame=2&to_frame=0", LIST("")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[128];
        snprintf(path, sizeof(path), "/set%s", rows[i].query);
        struct asked a = ask("GET", path, NULL);
        if (a.status != 200 || strcmp(a.body, rows[i].body) != 0)
            fail_msg("%s: %d %s", path, a.status, a.body);
        // The streamed document is the same.
        snprintf(path, sizeof(path), "/set%s%sstream=1", rows[i].query,
                 rows[i].query[0] ? "&" : "?");
        a = ask("GET", path, NULL);
        if (a.status != 200 || strcmp(a.body, rows[i].body) != 0)
            fail_msg("%s: %d %s", path, a.status, a.body);
    }
    static const char *const wrong[] = {"result=xx",     "min_confidence=2", "min_confidence=x",
                                        "from_frame=-1", "to_frame=x",       "stream=maybe",
                                        "limit=0",       "cursor=x"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char path[128];
        snprintf(path, sizeof(path), "/set?%s", wrong[i]);
        assert_int_equal(ask("GET", path, NULL).status, 400);
    }
}

static void test_pages(void **state)
{
    (void)state;
    struct asked a = ask("GET", "/set?limit=2", NULL);
    const char *cursor = strstr(a.body, "\"next_cursor\":\"");
    assert_non_null(cursor);
    char path[128];
    snprintf(path, sizeof(path), "/set?limit=2&cursor=%.*s", (int)strcspn(cursor + 15, "\""),
             cursor + 15);
    assert_string_equal(ask("GET", path, NULL).body, LIST(FALSE_ALARM));
}

static void test_columns(void **state)
{
    (void)state;
    const char *const accept = "Accept: application/vnd.assay.columns\r\n";
    struct asked a = ask_with("GET", "/set", accept, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "application/vnd.assay.columns"));
    assert_true(a.n > COLUMNS_HEAD_BYTES + COLUMNS_END_BYTES);
    struct columns c = {0};
    OK(columns_decode(a.body, a.n - COLUMNS_END_BYTES, &c));
    assert_true(c.n_frames == 3 && c.n_detections == 3 && c.n_labels == 2);
    assert_true(c.detections[0].outcome == COLUMNS_TP && c.detections[0].track_id == 7);
    assert_true(c.frames[2].pts_us == 80000 && c.frames[1].n == 0);
    a = ask_with("GET", "/set?result=fn", accept, NULL);
    OK(columns_decode(a.body, a.n - COLUMNS_END_BYTES, &c));
    assert_true(c.n_detections == 1 && c.detections[0].outcome == COLUMNS_FN);
    columns_finish(&c);
}

static int start(void **state)
{
    int r = setup(state);
    write_set(*state);
    start_server(tables, ((struct test *)*state)->store);
    return r;
}

static int stop(void **state)
{
    stop_server();
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_query_leaves),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
