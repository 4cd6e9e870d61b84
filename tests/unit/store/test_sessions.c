// SPDX-License-Identifier: Apache-2.0
// test_sessions.c - test sessions, own and external: videos, status, results, events; the counts of
// the dashboard.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/attr.h"
#include "store/store_stats.h"
#include "store/store_truth.h"
#include "store_test.h"

COUNT_ROWS(count_session, store_session)
COUNT_ROWS(count_session_video, store_session_video)

static void create(struct test *t, enum store_session_source source, char id[ID_BYTES])
{
    const struct store_session x = {.project_id = t->project,
                                    .source = source,
                                    .model_id = source == STORE_SESSION_EXTERNAL ? NULL : t->model,
                                    .model_name = "demo",
                                    .settings_json = "{}"};
    const struct store_session_video v = {.video_id = t->video};
    OK(store_session_create(t->store, &x, &v, 1, id));
}

static struct store_session get(struct test *t, const char *id)
{
    struct store_session x = {0};
    OK(store_session_get(t->store, id, t->arena, &x));
    return x;
}

static void test_ordinary_life(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    char truth[ID_BYTES];
    struct store_result result;
    struct store_dropped dropped = {0};
    create(t, STORE_SESSION_OWN, id);
    struct store_session x = get(t, id);
    assert_int_equal(x.status, STORE_SESSION_QUEUED);
    assert_int_equal(x.n_videos, 1);
    assert_true(isnan(x.ap) && x.verdict == STORE_VERDICT_UNSET);
    FAILS(ERR_NOT_FOUND, store_session_result(t->store, id, t->arena, &result));
    OK(store_session_set_status(t->store, NULL, id, STORE_SESSION_RUNNING, NULL));
    OK(store_truth_create(t->store, &(struct store_truth){.video_id = t->video}, NULL, NULL, truth,
                          NULL));
    OK(store_session_set_video(
        t->store, NULL,
        &(struct store_session_video){.session_id = id, .video_id = t->video, .truth_id = truth}));
    FAILS(ERR_NOT_FOUND, store_session_set_video(t->store, NULL,
                                                 &(struct store_session_video){
                                                     .session_id = id, .video_id = t->project}));
    // judged, and judged again: the first report falls free
    char key[ID_BYTES];
    char key2[ID_BYTES];
    const struct store_blob report = test_blob(key, 100);
    const struct store_blob second = test_blob(key2, 100);
    const struct store_result in = {.verdict = STORE_VERDICT_PASSED,
                                    .ap = 0.5,
                                    .ap50 = 0.75,
                                    .precision = NAN,
                                    .recall = 0.25,
                                    .f1 = NAN,
                                    .metrics_json = "{\"coco\":{}}",
                                    .verdict_json = "[]"};
    OK(store_session_set_result(t->store, NULL, id, &in, &report, &dropped));
    assert_int_equal(dropped.n, 0);
    OK(store_session_set_report(t->store, NULL, id, &second, &dropped));
    assert_int_equal(dropped.n, 1);
    OK(store_session_result(t->store, id, t->arena, &result));
    assert_string_equal(result.report_key, key2);
    assert_string_equal(result.metrics_json, in.metrics_json);
    assert_true(result.ap == 0.5 && isnan(result.precision));
    OK(store_session_set_result(t->store, NULL, id, &in, NULL, &dropped));
    assert_int_equal(dropped.n, 2);
    OK(store_session_set_status(t->store, NULL, id, STORE_SESSION_SUCCEEDED, NULL));
    x = get(t, id);
    assert_int_equal(x.verdict, STORE_VERDICT_PASSED);
    assert_true(x.ap50 == 0.75 && x.finished_at_us > 0);
    // the model goes, its name stays
    store_dropped_finish(&dropped);
    OK(store_model_delete(t->store, t->model, &dropped));
    x = get(t, id);
    assert_null(x.model_id);
    assert_string_equal(x.model_name, "demo");
    OK(store_session_delete(t->store, id, &dropped));
    FAILS(ERR_NOT_FOUND, store_session_delete(t->store, id, &dropped));
    store_dropped_finish(&dropped);
}

static void test_moves_of_status(void **state)
{
    struct test *t = *state;
    static const struct {
        enum store_session_status to;
        int r;
    } rows[] = {
        {STORE_SESSION_OPEN, ERR_CONFLICT},
        {STORE_SESSION_RUNNING, 0},
        {STORE_SESSION_QUEUED, 0},
        {STORE_SESSION_RUNNING, 0},
        {STORE_SESSION_FAILED, 0},
        {STORE_SESSION_RUNNING, ERR_CONFLICT},
        {STORE_SESSION_SUCCEEDED, ERR_CONFLICT},
        {STORE_SESSION_QUEUED, 0},
        {STORE_SESSION_CANCELLED, 0},
    };
    char id[ID_BYTES];
    create(t, STORE_SESSION_OWN, id);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(store_session_set_status(t->store, NULL, id, rows[i].to, "because"),
                         rows[i].r);
    assert_string_equal(get(t, id).error, "because");
    FAILS(ERR_NOT_FOUND,
          store_session_set_status(t->store, NULL, t->video, STORE_SESSION_RUNNING, NULL));
}

static void test_refused(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES] = "";
    struct store_session x = {.project_id = t->project};
    const struct store_session_video twice[] = {{.video_id = t->video}, {.video_id = t->video}};
    const struct store_session_video none = {.video_id = t->project};
    FAILS(ERR_INVALID, store_session_create(t->store, &x, twice, 2, id));
    FAILS(ERR_CONFLICT, store_session_create(t->store, &x, &none, 1, id));
    x.model_id = t->video;
    FAILS(ERR_CONFLICT, store_session_create(t->store, &x, twice, 1, id));
    assert_string_equal(id, "");
    int n = 0;
    OK(store_session_list(t->store, &(struct store_session_filter){0}, NULL, count_session, &n,
                          NULL));
    assert_int_equal(n, 0);
}

static void test_lists(void **state)
{
    struct test *t = *state;
    char ids[4][ID_BYTES];
    for (int i = 0; i < 4; i++)
        create(t, i == 3 ? STORE_SESSION_EXTERNAL : STORE_SESSION_OWN, ids[i]);
    const struct store_result in = {.verdict = STORE_VERDICT_FAILED, .metrics_json = "{}"};
    struct store_dropped dropped = {0};
    OK(store_session_set_result(t->store, NULL, ids[0], &in, NULL, &dropped));
    OK(store_session_set_status(t->store, NULL, ids[0], STORE_SESSION_SUCCEEDED, NULL));
    const struct {
        struct store_session_filter filter;
        int n;
    } rows[] = {
        {{0}, 4},
        {{.project_id = t->project}, 4},
        {{.project_id = t->project, .status = STORE_SESSION_QUEUED}, 2},
        {{.status = STORE_SESSION_OPEN}, 1},
        {{.verdict = STORE_VERDICT_FAILED}, 1},
        {{.project_id = t->project, .verdict = STORE_VERDICT_PASSED}, 0},
        {{.user_id = "nobody"}, 0},
        {{.project_id = t->video}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int n = 0;
        OK(store_session_list(t->store, &rows[i].filter, NULL, count_session, &n, NULL));
        assert_int_equal(n, rows[i].n);
    }
    struct store_stats stats;
    OK(store_stats_get(t->store, NULL, NULL, &stats));
    assert_int_equal(stats.n_projects, 1);
    assert_int_equal(stats.n_videos, 1);
    assert_int_equal(stats.n_videos_of[STORE_VIDEO_UPLOADED], 1);
    assert_int_equal(stats.n_models, 1);
    assert_int_equal(stats.n_sessions, 4);
    assert_int_equal(stats.n_sessions_of[STORE_SESSION_QUEUED], 2);
    assert_int_equal(stats.n_verdicts_of[STORE_VERDICT_FAILED], 1);
    assert_int_equal(stats.n_bytes, 1000);
    assert_true(stats.latest_ap == 0);
    OK(store_stats_get(t->store, t->project, NULL, &stats));
    assert_int_equal(stats.n_sessions, 4);
    OK(store_stats_get(t->store, t->video, NULL, &stats));
    assert_int_equal(stats.n_sessions + stats.n_videos + stats.n_projects, 0);
    assert_true(isnan(stats.latest_ap));
    OK(store_stats_get(t->store, NULL, "nobody", &stats));
    assert_int_equal(stats.n_sessions + stats.n_videos + stats.n_projects, 0);
}

struct videos {
    int n;
    int positions[32];
};

static int keep_video(void *arg, const struct store_session_video *v)
{
    struct videos *x = arg;
    x->positions[x->n++] = v->position;
    return 0;
}

static void test_many_videos_keep_their_order(void **state)
{
    struct test *t = *state;
    struct store_session_video videos[25] = {0};
    char ids[25][ID_BYTES];
    char id[ID_BYTES];
    for (int i = 24; i >= 0; i--) { // not the order of their ids
        const struct store_video v = {.project_id = t->project, .name = "v"};
        OK(store_video_create(t->store, &v, NULL, NULL, ids[i]));
        videos[i].video_id = ids[i];
    }
    OK(store_session_create(t->store, &(struct store_session){.project_id = t->project}, videos, 25,
                            id));
    struct videos seen = {0};
    struct store_next next = {""};
    do {
        const struct store_page page = {7, next.cursor};
        struct store_next after;
        OK(store_session_videos(t->store, id, &page, keep_video, &seen, &after));
        next = after;
    } while (*next.cursor);
    assert_int_equal(seen.n, 25);
    for (int i = 0; i < 25; i++)
        assert_int_equal(seen.positions[i], i);
    // a video that is deleted leaves the session
    struct store_dropped dropped = {0};
    OK(store_video_delete(t->store, ids[3], &dropped));
    int n = 0;
    OK(store_session_videos(t->store, id, NULL, count_session_video, &n, NULL));
    assert_int_equal(n, 24);
}

struct events {
    int n;
    int64_t starts[32];
    int64_t last_latency_us;
};

static int keep_event(void *arg, const struct store_event *e)
{
    struct events *x = arg;
    x->starts[x->n++] = e->start_us;
    x->last_latency_us = e->latency_us;
    assert_string_equal(e->label, "fall");
    return 0;
}

static void test_events(void **state)
{
    struct test *t = *state;
    char own[ID_BYTES];
    char id[ID_BYTES];
    struct store_event events[9];
    for (int i = 0; i < 9; i++)
        events[i] = (struct store_event){.start_us = (9 - i) / 2 * 1000, // pairs at one time
                                         .end_us = 10000,
                                         .label = "fall",
                                         .confidence = NAN,
                                         .latency_us = i};
    create(t, STORE_SESSION_OWN, own);
    create(t, STORE_SESSION_EXTERNAL, id);
    FAILS(ERR_CONFLICT, store_session_add_events(t->store, own, t->video, events, 1));
    FAILS(ERR_CONFLICT, store_session_add_events(t->store, id, t->project, events, 1));
    OK(store_session_add_events(t->store, id, t->video, events, 5));
    OK(store_session_add_events(t->store, id, t->video, events + 5, 4));
    OK(store_session_add_events(t->store, id, t->video, events, 0));
    struct store_event bad = events[0];
    bad.end_us = -1;
    FAILS(ERR_INVALID, store_session_add_events(t->store, id, t->video, &bad, 1));
    bad = events[0];
    bad.label = "";
    FAILS(ERR_INVALID, store_session_add_events(t->store, id, t->video, &bad, 1));
    for (int limit = 1; limit < 11; limit++) {
        struct events seen = {0};
        struct store_next next = {""};
        do {
            const struct store_page page = {limit, next.cursor};
            struct store_next after;
            OK(store_session_events(t->store, id, t->video, &page, keep_event, &seen, &after));
            next = after;
        } while (*next.cursor);
        assert_int_equal(seen.n, 9);
        for (int i = 1; i < 9; i++)
            assert_true(seen.starts[i] >= seen.starts[i - 1]);
    }
    const struct store_page page = {0, "x:y"};
    struct events seen = {0};
    FAILS(ERR_INVALID,
          store_session_events(t->store, id, t->video, &page, keep_event, &seen, NULL));
    OK(store_session_set_status(t->store, NULL, id, STORE_SESSION_RUNNING, NULL));
    FAILS(ERR_CONFLICT, store_session_add_events(t->store, id, t->video, events, 1));
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_ordinary_life), ROW(test_moves_of_status), ROW(test_refused),
        ROW(test_lists),         ROW(test_events),          ROW(test_many_videos_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
