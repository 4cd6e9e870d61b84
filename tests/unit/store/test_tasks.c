// SPDX-License-Identifier: Apache-2.0
// test_tasks.c - claims, leases, fences, retries, cancelling, waiting for others; many threads at
// once; a process that died.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "store/store_priv.h"
#include "store_test.h"

COUNT_ROWS(count_task, store_task)

static void create(struct test *t, const char *kind, int priority, char id[ID_BYTES])
{
    const struct store_task x = {.kind = kind, .priority = priority};
    OK(store_task_create(t->store, &x, NULL, 0, id));
}

static struct store_task get(struct test *t, const char *id)
{
    struct store_task x = {0};
    OK(store_task_get(t->store, id, t->arena, &x));
    return x;
}

static int claim(struct test *t, const char *kind, struct store_lease *ret)
{
    const char *const kinds[] = {"another", kind};
    const struct store_claim c = {kinds, 2, "test", 60000};
    struct store_task task;
    return store_task_claim(t->store, &c, t->arena, &task, ret);
}

static void test_ordinary_life(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    bool cancel = true;
    const struct store_task x = {.kind = "process",
                                 .project_id = t->project,
                                 .video_id = t->video,
                                 .model_id = t->model,
                                 .settings_json = "{\"stride\":2}",
                                 .timeout_ms = 5};
    OK(store_task_create(t->store, &x, NULL, 0, id));
    struct store_task got = get(t, id);
    assert_int_equal(got.status, STORE_TASK_QUEUED);
    assert_int_equal(got.max_attempts, STORE_TASK_ATTEMPTS);
    assert_string_equal(got.settings_json, x.settings_json);
    struct store_lease lease;
    FAILS(ERR_NOT_FOUND, claim(t, "probe", &lease));
    OK(claim(t, "process", &lease));
    FAILS(ERR_NOT_FOUND, claim(t, "process", &lease));
    got = get(t, id);
    assert_int_equal(got.status, STORE_TASK_RUNNING);
    assert_int_equal(got.attempt, 1);
    assert_true(got.started_at_us > 0);
    OK(store_task_renew(t->store, &lease, 1000, &cancel));
    assert_false(cancel);
    const struct store_task_progress p = {0.5, "half", 150, 300, 25.5, 1234};
    OK(store_task_report(t->store, &lease, &p, &cancel));
    got = get(t, id);
    assert_true(got.progress == 0.5 && got.frames_per_second == 25.5);
    assert_string_equal(got.message, "half");
    assert_int_equal(got.n_detections, 1234);
    OK(store_task_succeed(t->store, &lease, "{}"));
    got = get(t, id);
    assert_int_equal(got.status, STORE_TASK_SUCCEEDED);
    assert_true(got.progress == 1 && got.finished_at_us >= got.started_at_us);
    // over is over
    FAILS(ERR_CONFLICT, store_task_renew(t->store, &lease, 1000, NULL));
    FAILS(ERR_CONFLICT, store_task_report(t->store, &lease, &p, NULL));
    FAILS(ERR_CONFLICT, store_task_succeed(t->store, &lease, NULL));
    FAILS(ERR_CONFLICT, store_task_fail(t->store, &lease, "x", true, NULL));
    FAILS(ERR_CONFLICT, store_task_cancelled(t->store, &lease));
    FAILS(ERR_CONFLICT, store_task_give_back(t->store, &lease));
    FAILS(ERR_CONFLICT, store_task_check(t->store, &lease));
    FAILS(ERR_CONFLICT, store_task_retry(t->store, id));
}

static void test_order_of_claims(void **state)
{
    struct test *t = *state;
    char low[ID_BYTES];
    char first[ID_BYTES];
    char second[ID_BYTES];
    char high[ID_BYTES];
    create(t, "probe", -1, low);
    create(t, "probe", 0, first);
    create(t, "probe", 0, second);
    create(t, "probe", 7, high);
    const char *const want[] = {high, first, second, low};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct store_lease lease;
        OK(claim(t, "probe", &lease));
        assert_string_equal(lease.task_id, want[i]);
    }
}

static void test_failures_back_off_and_end(void **state)
{
    struct test *t = *state;
    const int64_t mono_ns = clock_now_ns();
    int64_t now_us = clock_wall_us();
    char id[ID_BYTES];
    struct store_lease lease;
    struct store_lease old;
    enum store_task_status status;
    int64_t wait_us;
    clock_test_set(mono_ns, now_us);
    create(t, "probe", 0, id);
    OK(store_task_next_due_us(t->store, &wait_us));
    assert_int_equal(wait_us, 0);
    OK(claim(t, "probe", &old));
    OK(store_task_next_due_us(t->store, &wait_us));
    assert_true(wait_us == INT64_MAX);
    OK(store_task_fail(t->store, &old, "IO: the disk said no", true, &status));
    assert_int_equal(status, STORE_TASK_QUEUED);
    FAILS(ERR_NOT_FOUND, claim(t, "probe", &lease)); // not yet
    OK(store_task_next_due_us(t->store, &wait_us));
    assert_int_equal(wait_us, STORE_TASK_BACKOFF_MS * 1000);
    now_us += STORE_TASK_BACKOFF_MS * 1000;
    clock_test_set(mono_ns, now_us);
    OK(claim(t, "probe", &lease));
    assert_true(lease.fence > old.fence);
    FAILS(ERR_CONFLICT, store_task_check(t->store, &old));
    FAILS(ERR_CONFLICT, store_task_succeed(t->store, &old, NULL));
    OK(store_task_fail(t->store, &lease, "again", true, &status));
    // a clock that went back for an hour makes nothing wait for an hour
    clock_test_set(mono_ns, now_us - INT64_C(3600) * 1000000);
    OK(claim(t, "probe", &lease));
    OK(store_task_fail(t->store, &lease, "and again", true, &status));
    clock_test_release();
    assert_int_equal(status, STORE_TASK_FAILED);
    struct store_task got = get(t, id);
    assert_int_equal(got.attempt, 3);
    assert_string_equal(got.error, "and again");
    OK(store_task_retry(t->store, id));
    OK(claim(t, "probe", &lease));
    OK(store_task_fail(t->store, &lease, "no use", false, &status));
    assert_int_equal(status, STORE_TASK_FAILED);
}

static const char *log_of(struct test *t, const char *id)
{
    const char *json = "x";
    OK(store_task_log(t->store, id, t->arena, &json));
    return json;
}

// It stays with a try that failed, and goes with the next one, a retry and the task.
static void test_the_log_of_a_try_that_failed(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    struct store_lease lease;
    struct store_lease old;
    create(t, "process", 0, id);
    assert_null(log_of(t, id));
    OK(claim(t, "process", &old));
    OK(store_task_keep_log(t->store, &old, "{\"lines\":[1]}"));
    OK(store_task_fail(t->store, &old, "IO: no", true, NULL));
    assert_string_equal(log_of(t, id), "{\"lines\":[1]}"); // queued again, with its error
    clock_test_set(clock_now_ns(), clock_wall_us() + STORE_TASK_BACKOFF_MS * 1000);
    OK(claim(t, "process", &lease));
    clock_test_release();
    assert_null(log_of(t, id));
    FAILS(ERR_CONFLICT, store_task_keep_log(t->store, &old, "{}"));
    OK(store_task_keep_log(t->store, &lease, "{\"lines\":[2]}"));
    OK(store_task_keep_log(t->store, &lease, "{\"lines\":[3]}"));
    OK(store_task_fail(t->store, &lease, "IO: no", false, NULL));
    assert_string_equal(log_of(t, id), "{\"lines\":[3]}");
    FAILS(ERR_CONFLICT, store_task_keep_log(t->store, &lease, "{}"));
    OK(store_task_retry(t->store, id));
    assert_null(log_of(t, id));
    OK(claim(t, "process", &lease));
    OK(store_task_keep_log(t->store, &lease, "{}"));
    OK(store_task_fail(t->store, &lease, "IO: no", false, NULL));
    OK(store_task_prune(t->store, INT64_MAX, NULL));
    assert_null(log_of(t, id));
    FAILS(ERR_NOT_FOUND, store_task_get(t->store, id, t->arena, &(struct store_task){0}));
}

// However a probe ends for good, its video does not wait for ever; of other tasks only a fetch
// touches it, also with the probe that is queued behind it.
static void test_a_probe_that_fails_fails_its_video(void **state)
{
    static const struct {
        const char *kind;
        const char *error;
        bool may_retry, lapses, has_other; // another probe is queued
        enum store_video_status wanted;
        const char *cause; // of the video
    } rows[] = {
        {"process", "NOMEM: killed", false, false, false, STORE_VIDEO_UPLOADED, NULL},
        {"probe", "NOMEM: killed", true, false, false, STORE_VIDEO_UPLOADED, NULL}, // tries left
        {"probe", "NOMEM: clip: killed", false, false, false, STORE_VIDEO_FAILED, "clip: killed"},
        {"probe", "no code: killed", false, false, false, STORE_VIDEO_FAILED, "no code: killed"},
        {"probe", "NOMEM: clip: killed", false, false, true, STORE_VIDEO_UPLOADED, NULL},
        {"fetch", "UNAVAILABLE: a.b: refused", false, false, true, STORE_VIDEO_FAILED,
         "a.b: refused"},
        {"fetch", "UNAVAILABLE: a.b: refused", true, false, true, STORE_VIDEO_UPLOADED, NULL},
        {"probe", NULL, false, true, false, STORE_VIDEO_FAILED,
         "its worker was not heard of any more"},
    };
    struct test *t = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct store_video v = {
            .project_id = t->project, .name = "clip", .status = STORE_VIDEO_UPLOADED};
        char video[ID_BYTES];
        char id[ID_BYTES];
        char other[ID_BYTES];
        struct store_video got;
        struct store_lease lease;
        struct store_task x = {.kind = rows[i].kind, .video_id = video, .priority = (int)i + 1};
        x.max_attempts = rows[i].lapses ? 1 : 0;
        OK(store_video_create(t->store, &v, NULL, NULL, video));
        OK(store_task_create(t->store, &x, NULL, 0, id));
        OK(claim(t, rows[i].kind, &lease));
        assert_string_equal(lease.task_id, id);
        if (rows[i].has_other) {
            x.priority = -1;
            x.kind = "probe";
            OK(store_task_create(t->store, &x, NULL, 0, other));
        }
        if (rows[i].lapses) {
            OK(store_task_renew(t->store, &lease, -1, NULL));
            OK(store_task_expire(t->store, NULL, NULL, NULL));
        } else {
            OK(store_task_fail(t->store, &lease, rows[i].error, rows[i].may_retry, NULL));
        }
        OK(store_video_get(t->store, video, t->arena, &got));
        assert_int_equal(got.status, rows[i].wanted);
        if (rows[i].cause)
            assert_string_equal(got.error, rows[i].cause);
        else
            assert_null(got.error);
    }
}

static struct store_video video_of(struct test *t, const char *id)
{
    struct store_video got;
    OK(store_video_get(t->store, id, t->arena, &got));
    return got;
}

// Cancelled while it is queued, while it runs, as it fails, as it is given back: its video is
// failed and says why, unless another probe of it is still to come; and waits again with the task.
static void test_a_probe_that_is_cancelled_fails_its_video(void **state)
{
    enum how { QUEUED, RUNNING, FAILS_THEN, GIVEN_BACK, N_HOWS };
    struct test *t = *state;
    for (int how = 0; how < N_HOWS; how++) {
        const struct store_video v = {
            .project_id = t->project, .name = "clip", .status = STORE_VIDEO_UPLOADED};
        char video[ID_BYTES];
        char id[ID_BYTES];
        char other[ID_BYTES];
        struct store_lease lease;
        const struct store_task x = {.kind = "probe", .video_id = video, .priority = how + 1};
        OK(store_video_create(t->store, &v, NULL, NULL, video));
        OK(store_task_create(t->store, &x, NULL, 0, id));
        if (how != QUEUED)
            OK(claim(t, "probe", &lease));
        OK(store_task_cancel(t->store, id, NULL));
        if (how == RUNNING)
            OK(store_task_cancelled(t->store, &lease));
        if (how == FAILS_THEN)
            OK(store_task_fail(t->store, &lease, "x", true, NULL));
        if (how == GIVEN_BACK)
            OK(store_task_give_back(t->store, &lease));
        assert_int_equal(video_of(t, video).status, STORE_VIDEO_FAILED);
        assert_string_equal(video_of(t, video).error,
                            "nobody looked at it: its probe was cancelled");
        OK(store_task_retry(t->store, id));
        assert_int_equal(video_of(t, video).status, STORE_VIDEO_UPLOADED);
        assert_null(video_of(t, video).error);
        OK(store_task_create(t->store, &x, NULL, 0, other));
        OK(store_task_cancel(t->store, id, NULL));
        assert_int_equal(video_of(t, video).status, STORE_VIDEO_UPLOADED); // the other one comes
        OK(store_task_cancel(t->store, other, NULL));
        assert_int_equal(video_of(t, video).status, STORE_VIDEO_FAILED);
        OK(store_video_look_again(t->store, video));
        OK(store_video_look_again(t->store, video)); // waits already
        assert_int_equal(video_of(t, video).status, STORE_VIDEO_UPLOADED);
        struct store_video ready = video_of(t, video);
        ready.status = STORE_VIDEO_READY;
        OK(store_video_set_probe(t->store, NULL, &ready));
        FAILS(ERR_CONFLICT, store_video_look_again(t->store, video));
    }
}

static void test_cancelling(void **state)
{
    struct test *t = *state;
    char queued[ID_BYTES];
    char running[ID_BYTES];
    struct store_lease lease;
    enum store_task_status status;
    bool cancel = false;
    create(t, "a", 0, queued);
    OK(store_task_cancel(t->store, queued, &status));
    assert_int_equal(status, STORE_TASK_CANCELLED);
    FAILS(ERR_NOT_FOUND, claim(t, "a", &lease));
    create(t, "b", 0, running);
    OK(claim(t, "b", &lease));
    OK(store_task_cancel(t->store, running, &status));
    assert_int_equal(status, STORE_TASK_RUNNING);
    OK(store_task_renew(t->store, &lease, 1000, &cancel));
    assert_true(cancel);
    OK(store_task_cancelled(t->store, &lease));
    assert_int_equal(get(t, running).status, STORE_TASK_CANCELLED);
    OK(store_task_cancel(t->store, running, &status));
    assert_int_equal(status, STORE_TASK_CANCELLED);
    FAILS(ERR_NOT_FOUND, store_task_cancel(t->store, t->video, &status));
    // one that fails or is given back while somebody wants it cancelled is cancelled
    OK(store_task_retry(t->store, running));
    OK(claim(t, "b", &lease));
    OK(store_task_cancel(t->store, running, NULL));
    OK(store_task_fail(t->store, &lease, "x", true, &status));
    assert_int_equal(status, STORE_TASK_CANCELLED);
    OK(store_task_retry(t->store, running));
    OK(claim(t, "b", &lease));
    OK(store_task_cancel(t->store, running, NULL));
    OK(store_task_give_back(t->store, &lease));
    assert_int_equal(get(t, running).status, STORE_TASK_CANCELLED);
}

static void test_waiting_for_others(void **state)
{
    struct test *t = *state;
    char a[ID_BYTES];
    char b[ID_BYTES];
    char last[ID_BYTES];
    struct store_lease lease;
    const struct store_task of_video = {.kind = "process", .video_id = t->video};
    create(t, "probe", 0, a);
    OK(store_task_create(t->store, &of_video, NULL, 0, b));
    const char *const waits[] = {a, b, b, t->video}; // twice, and none
    OK(store_task_create(t->store, &(struct store_task){.kind = "evaluate"}, waits, 4, last));
    assert_int_equal(get(t, last).n_waits, 2);
    FAILS(ERR_NOT_FOUND, claim(t, "evaluate", &lease));
    OK(claim(t, "probe", &lease));
    OK(store_task_fail(t->store, &lease, "MEDIA: no", false, NULL)); // over, however it ended
    assert_int_equal(get(t, last).n_waits, 1);
    FAILS(ERR_NOT_FOUND, claim(t, "evaluate", &lease));
    // what is deleted is waited for no longer
    struct store_dropped dropped = {0};
    OK(store_video_delete(t->store, t->video, &dropped));
    store_dropped_finish(&dropped);
    OK(claim(t, "evaluate", &lease));
    // what is over already is not waited for
    const char *const over[] = {a};
    OK(store_task_create(t->store, &(struct store_task){.kind = "report"}, over, 1, last));
    OK(claim(t, "report", &lease));
}

static int seen_task(void *arg, const struct store_task *x)
{
    assert_int_equal(x->status, STORE_TASK_QUEUED);
    ++*(int *)arg;
    return 0;
}

static void test_leases_lapse(void **state)
{
    struct test *t = *state;
    const int64_t wall_us = clock_wall_us();
    const int64_t mono_ns = clock_now_ns();
    char id[ID_BYTES];
    struct store_lease lease;
    int64_t n = -1;
    int seen = 0;
    clock_test_set(mono_ns, wall_us);
    create(t, "probe", 0, id);
    OK(claim(t, "probe", &lease));
    // the wall clock may do what it likes
    clock_test_set(mono_ns + 59 * CLOCK_NS_PER_S, wall_us + INT64_C(1) * 86400 * 1000000);
    OK(store_task_expire(t->store, seen_task, &seen, &n));
    assert_int_equal(n, 0);
    OK(store_task_renew(t->store, &lease, 10000, NULL));
    clock_test_set(mono_ns + 68 * CLOCK_NS_PER_S, wall_us);
    OK(store_task_expire(t->store, seen_task, &seen, &n));
    assert_int_equal(n, 0);
    clock_test_set(mono_ns + 70 * CLOCK_NS_PER_S, wall_us);
    OK(store_task_expire(t->store, seen_task, &seen, &n));
    clock_test_release();
    assert_int_equal(n, 1);
    assert_int_equal(seen, 1);
    FAILS(ERR_CONFLICT, store_task_renew(t->store, &lease, 1000, NULL));
    assert_int_equal(get(t, id).attempt, 1);
}

static void test_process_that_died(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    char wanted[ID_BYTES];
    struct store_lease lease;
    struct store_lease old;
    create(t, "probe", 0, id);
    create(t, "cancelme", 0, wanted);
    OK(claim(t, "probe", &old));
    OK(claim(t, "cancelme", &lease));
    OK(store_task_cancel(t->store, wanted, NULL));
    store_close(t->store);
    t->store = test_open(t->directory);
    struct store_task got = get(t, id);
    assert_int_equal(got.status, STORE_TASK_QUEUED);
    assert_int_equal(got.attempt, 0); // not the task's fault
    assert_int_equal(get(t, wanted).status, STORE_TASK_CANCELLED);
    FAILS(ERR_CONFLICT, store_task_check(t->store, &old));
    OK(claim(t, "probe", &lease));
    assert_true(lease.fence > old.fence);
    // but not for ever
    OK(write_begin(t->store));
    OK(write_end(t->store, conn_exec(&t->store->writer, "UPDATE tasks SET n_lost = n_lost + 98")));
    store_close(t->store);
    t->store = test_open(t->directory);
    assert_int_equal(get(t, id).status, STORE_TASK_QUEUED); // the hundredth
    OK(claim(t, "probe", &lease));
    store_close(t->store);
    t->store = test_open(t->directory);
    assert_int_equal(get(t, id).status, STORE_TASK_FAILED);
}

static void test_lists_and_depth(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    struct store_lease lease;
    int64_t n_pruned = 0;
    for (int i = 0; i < 6; i++) {
        const struct store_task x = {.kind = i % 2 ? "probe" : "process",
                                     .project_id = t->project,
                                     .video_id = i < 3 ? t->video : NULL,
                                     .created_by = "anna"};
        OK(store_task_create(t->store, &x, NULL, 0, id));
    }
    OK(claim(t, "probe", &lease));
    OK(store_task_succeed(t->store, &lease, NULL));
    const struct store_task homeless = {.kind = "bench", .created_by = "bert"};
    OK(store_task_create(t->store, &homeless, NULL, 0, id));
    const struct {
        struct store_task_filter filter;
        int n;
    } rows[] = {
        {{0}, 7},
        {{.status = STORE_TASK_QUEUED}, 6},
        {{.project_id = t->project, .kind = "probe"}, 3},
        {{.video_id = t->video}, 3},
        {{.video_id = t->video, .status = STORE_TASK_SUCCEEDED}, 1},
        {{.session_id = t->video}, 0},
        {{.user_id = "anna"}, 0}, // a project that one has left
        {{.user_id = "bert"}, 1}, // of no project
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int n = 0;
        OK(store_task_list(t->store, &rows[i].filter, NULL, count_task, &n, NULL));
        assert_int_equal(n, rows[i].n);
    }
    OK(store_task_prune(t->store, clock_wall_us() + 1000000, &n_pruned));
    assert_int_equal(n_pruned, 1);
}

// ---- many at once

enum {
    N_TASKS = 60,
    N_WORKERS = 4,
};

struct crowd {
    struct test *t;
    atomic_int n_done, n_twice, n_lost;
    atomic_int done_of[N_TASKS];
    char ids[N_TASKS][ID_BYTES];
};

static int index_of(const struct crowd *c, const char *id)
{
    for (int i = 0; i < N_TASKS; i++) {
        if (strcmp(c->ids[i], id) == 0)
            return i;
    }
    return 0;
}

static void work(void *arg)
{
    static const char *const kinds[] = {"x"};
    struct crowd *c = arg;
    struct store *s = c->t->store;
    struct arena *a = NULL;
    if (arena_create(0, &a) < 0)
        return;
    while (atomic_load(&c->n_done) < N_TASKS) {
        struct store_task task;
        struct store_lease lease;
        const struct store_claim claim = {kinds, 1, "crowd", 60000};
        int r = store_task_claim(s, &claim, a, &task, &lease);
        if (r == ERR_NOT_FOUND)
            continue;
        if (r < 0)
            break;
        // some give back, so that a task has several claims
        if (task.fence == 1 && index_of(c, lease.task_id) % 3 == 0) {
            if (store_task_give_back(s, &lease) < 0)
                break;
            // whoever was given it is the only one to end it
            if (store_task_succeed(s, &lease, NULL) != ERR_CONFLICT)
                atomic_fetch_add(&c->n_twice, 1);
            atomic_fetch_add(&c->n_lost, 1);
            continue;
        }
        if (store_task_renew(s, &lease, 60000, NULL) < 0 || store_task_succeed(s, &lease, "{}") < 0)
            break;
        if (atomic_fetch_add(&c->done_of[index_of(c, lease.task_id)], 1) > 0)
            atomic_fetch_add(&c->n_twice, 1);
        atomic_fetch_add(&c->n_done, 1);
    }
    arena_destroy(a);
}

static void read_all_the_time(void *arg)
{
    struct crowd *c = arg;
    while (atomic_load(&c->n_done) < N_TASKS) {
        int n = 0;
        const struct store_task_filter filter = {0};
        if (store_task_list(c->t->store, &filter, NULL, count_task, &n, NULL) < 0)
            atomic_fetch_add(&c->n_twice, 1);
    }
}

static void test_each_is_done_once(void **state)
{
    struct test *t = *state;
    struct crowd *c = calloc(1, sizeof(*c));
    c->t = t;
    for (int i = 0; i < N_TASKS; i++)
        create(t, "x", i % 3, c->ids[i]);
    struct thread workers[N_WORKERS] = {0};
    struct thread reader = {0};
    for (int i = 0; i < N_WORKERS; i++)
        OK(thread_start(&workers[i], "crowd", work, c));
    OK(thread_start(&reader, "reader", read_all_the_time, c));
    for (int i = 0; i < N_WORKERS; i++)
        thread_join(&workers[i]);
    thread_join(&reader);
    assert_int_equal(atomic_load(&c->n_done), N_TASKS);
    assert_int_equal(atomic_load(&c->n_twice), 0);
    assert_int_equal(atomic_load(&c->n_lost), N_TASKS / 3);
    free(c);
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_ordinary_life),
        ROW(test_order_of_claims),
        ROW(test_failures_back_off_and_end),
        ROW(test_the_log_of_a_try_that_failed),
        ROW(test_a_probe_that_fails_fails_its_video),
        ROW(test_a_probe_that_is_cancelled_fails_its_video),
        ROW(test_cancelling),
        ROW(test_waiting_for_others),
        ROW(test_leases_lapse),
        ROW(test_process_that_died),
        ROW(test_lists_and_depth),
        ROW(test_each_is_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
