// SPDX-License-Identifier: Apache-2.0
// q_task_work.c - tasks, for those who do them: claims, leases, what came of it.
//
// INVARIANTS
// (1) A running task has the fence of its last claim; every change of status but that to running
//     leaves the fence, every claim raises it: a lease holds where fence and running agree.
// (2) lease_until_ns is of this process's monotonic clock, and means nothing under another epoch.

#include "base/clock.h"
#include "store/task_priv.h"

enum {
    CLAIM,
    RENEW,
    REPORT,
    HOLDS,
    SUCCEED,
    KEEP_LOG,
    AGAIN,
    FAIL,
    FAIL_VIDEO,
    CANCELLED,
    GIVE_BACK,
    LAPSED,
    LOST,
    RECOVER,
};

#define LEASE " WHERE id = $1 AND fence = $2 AND status = 'running'"

// clang-format off
const struct query queries_task_work[] = {
    // PostgreSQL adds FOR UPDATE SKIP LOCKED to the inner statement
    [CLAIM] = {"task_claim",
        "UPDATE tasks SET status = 'running', fence = fence + 1, attempt = attempt + 1, worker = $1, lease_epoch = $2, "
        "lease_until_ns = $3, started_at_us = $4, finished_at_us = 0, cancel_requested = 0, progress = 0.0, "
        "frames_done = 0, frames_per_second = 0.0, n_detections = 0, message = NULL, error = NULL, result_json = NULL "
        "WHERE id = (SELECT id FROM tasks WHERE status = 'queued' AND n_waits = 0 "
        "AND (due_at_us <= $4 OR due_at_us > $4 + $5) AND kind IN ($6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
        "$17, $18, $19, $20, $21) ORDER BY priority DESC, id LIMIT 1) RETURNING " TASK_COLUMNS},
    [RENEW] = {"task_renew",
        "UPDATE tasks SET lease_until_ns = $3" LEASE " RETURNING cancel_requested", true},
    [REPORT] = {"task_report",
        "UPDATE tasks SET progress = $3, message = coalesce($4, message), frames_done = $5, frames_total = $6, "
        "frames_per_second = $7, n_detections = $8" LEASE " RETURNING cancel_requested", true},
    [HOLDS] = {"task_holds", "SELECT 1 FROM tasks" LEASE},
    [SUCCEED] = {"task_succeed",
        "UPDATE tasks SET status = 'succeeded', finished_at_us = $3, progress = 1.0, result_json = $4, "
        "cancel_requested = 0" LEASE " RETURNING id"},
    [KEEP_LOG] = {"task_keep_log",
        "INSERT INTO task_logs (task_id, log_json) SELECT id, $3 FROM tasks" LEASE
        " ON CONFLICT (task_id) DO UPDATE SET log_json = excluded.log_json RETURNING task_id"},
    [AGAIN] = {"task_again",
        "UPDATE tasks SET status = 'queued', due_at_us = $3, error = $4" LEASE
        " AND cancel_requested = 0 AND attempt < max_attempts RETURNING id"},
    [FAIL] = {"task_fail",
        "UPDATE tasks SET status = CASE WHEN cancel_requested = 1 THEN 'cancelled' ELSE 'failed' END, "
        "finished_at_us = $3, error = $4" LEASE " RETURNING status"},
    // a video that nobody could look at, and nobody is to, is not left waiting; retried and looked at, it is ready.
    // What could not be fetched says so itself: the probe that waits for it finds nothing.
    [FAIL_VIDEO] = {"task_fail_video",
        "UPDATE videos SET status = 'failed', error = $2, updated_at_us = $3 WHERE status = 'uploaded' AND id = "
        "(SELECT video_id FROM tasks WHERE id = $1 AND kind IN ('fetch', 'probe') AND status = 'failed') "
        "AND NOT EXISTS (SELECT 1 FROM tasks o JOIN tasks t ON t.id = $1 WHERE o.video_id = videos.id AND o.kind = 'probe' "
        "AND o.status IN ('queued', 'running') AND t.kind = 'probe')"},
    [CANCELLED] = {"task_cancelled",
        "UPDATE tasks SET status = 'cancelled', finished_at_us = $3" LEASE " RETURNING id"},
    [GIVE_BACK] = {"task_give_back",
        "UPDATE tasks SET status = 'queued', attempt = attempt - 1, due_at_us = 0" LEASE
        " AND cancel_requested = 0 RETURNING id"},
    [LAPSED] = {"task_lapsed",
        "SELECT id, fence, attempt FROM tasks WHERE status = 'running' AND (lease_epoch <> $1 OR lease_until_ns < $2) "
        "ORDER BY id LIMIT 1"},
    [LOST] = {"task_lost",
        "SELECT id, fence, n_lost FROM tasks WHERE status = 'running' ORDER BY id LIMIT 1"},
    [RECOVER] = {"task_recover",
        "UPDATE tasks SET status = 'queued', attempt = attempt - 1, n_lost = n_lost + 1, due_at_us = 0" LEASE
        " AND cancel_requested = 0 AND n_lost < $3 RETURNING id"},
    {0},
};
// clang-format on

static int lost(const struct store_lease *lease)
{
    return err_set(ERR_CONFLICT, "task '%s': the lease is lost", lease->task_id);
}

static void open_leased(struct store *s, int q, const struct store_lease *lease, struct run *run)
{
    IGNORE(run_open(s, &queries_task_work[q], run)); // sticky
    run_text(run, 1, lease->task_id);
    run_int(run, 2, lease->fence);
}

// The statement's row, ERR_CONFLICT where it found none.
static int leased_row(struct run *run, const struct store_lease *lease)
{
    return run_step(run) ? 0 : run->r < 0 ? run->r : lost(lease);
}

int store_task_check(struct store *s, const struct store_lease *lease)
{
    struct run run;
    open_leased(s, HOLDS, lease, &run);
    int r = leased_row(&run, lease);
    return run_end(&run, r);
}

// ---- claiming

static int claim_row(struct store *s, const struct store_claim *claim, struct arena *a,
                     struct store_task *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_task_work[CLAIM], &run)); // sticky
    run_text(&run, 1, claim->worker);
    run_text(&run, 2, s->epoch);
    run_int(&run, 3, clock_now_ns() + claim->lease_ms * CLOCK_NS_PER_MS);
    run_int(&run, 4, store_now_us(s));
    run_int(&run, 5, STORE_TASK_BACKOFF_MAX_MS * INT64_C(1000));
    for (size_t i = 0; i < STORE_TASK_KINDS_MAX; i++)
        run_text(&run, 6 + (int)i, i < claim->n_kinds ? claim->kinds[i] : NULL);
    int r = 0;
    if (run_step(&run)) {
        r = run_row(&run, task_fields, TASK_N_FIELDS, a, ret);
        while (r == 0 && run_step(&run)) { // to the end: then it is changed
        }
    } else if (run.r == 0) {
        r = err_set(ERR_NOT_FOUND, "no task is due");
    }
    return run_end(&run, r);
}

int store_task_claim(struct store *s, const struct store_claim *claim, struct arena *a,
                     struct store_task *ret_task, struct store_lease *ret_lease)
{
    if (claim->n_kinds > STORE_TASK_KINDS_MAX || claim->lease_ms <= 0)
        return err_set(ERR_INVALID, "claim: more than %d kinds, or no time", STORE_TASK_KINDS_MAX);
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct store_task t = {0};
    r = claim_row(s, claim, a, &t);
    if (r == 0)
        r = task_forget_log(s, t.id);
    // that nothing is due is an answer, and must not undo a group
    bool none = r == ERR_NOT_FOUND;
    r = write_end(s, none ? 0 : r);
    if (r < 0 || none)
        return r < 0 ? r : ERR_NOT_FOUND;
    *ret_task = t;
    *ret_lease = (struct store_lease){.fence = t.fence};
    snprintf(ret_lease->task_id, ID_BYTES, "%s", t.id);
    return 0;
}

// ---- while it runs

// Ends a statement that returns cancel_requested.
static int end_with_cancel(struct store *s, struct run *run, const struct store_lease *lease,
                           bool *ret_cancel)
{
    bool cancel = false;
    int r = leased_row(run, lease);
    if (r == 0) {
        cancel = run_get_int(run, 0) != 0;
        while (run_step(run)) {
        }
    }
    r = write_end(s, run_end(run, r));
    if (r == 0 && ret_cancel)
        *ret_cancel = cancel;
    return r;
}

int store_task_renew(struct store *s, const struct store_lease *lease, int64_t lease_ms,
                     bool *ret_cancel)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    open_leased(s, RENEW, lease, &run);
    run_int(&run, 3, clock_now_ns() + lease_ms * CLOCK_NS_PER_MS);
    return end_with_cancel(s, &run, lease, ret_cancel);
}

int store_task_report(struct store *s, const struct store_lease *lease,
                      const struct store_task_progress *p, bool *ret_cancel)
{
    int r = check_text("task: message", p->message, STORE_TEXT_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    open_leased(s, REPORT, lease, &run);
    run_double(&run, 3, p->progress);
    run_text(&run, 4, p->message);
    run_int(&run, 5, p->frames_done);
    run_int(&run, 6, p->frames_total);
    run_double(&run, 7, p->frames_per_second);
    run_int(&run, 8, p->n_detections);
    return end_with_cancel(s, &run, lease, ret_cancel);
}

// ---- what came of it

// Steps to the end; *ret_found* says whether a row was changed.
static int finish(struct run *run, bool *ret_found)
{
    *ret_found = run_step(run);
    while (run_step(run)) {
    }
    return run_end(run, 0);
}

int store_task_succeed(struct store *s, const struct store_lease *lease, const char *result_json)
{
    bool found = false;
    int r = check_text("task: result", result_json, STORE_JSON_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    open_leased(s, SUCCEED, lease, &run);
    run_int(&run, 3, store_now_us(s));
    run_text(&run, 4, result_json);
    r = finish(&run, &found);
    if (r == 0)
        r = found ? task_release(s, lease->task_id) : lost(lease);
    return write_end(s, r);
}

static int64_t backoff_us(int attempt)
{
    int64_t ms = STORE_TASK_BACKOFF_MS;
    for (int i = 1; i < attempt && ms < STORE_TASK_BACKOFF_MAX_MS; i++)
        ms *= 2;
    return MIN(ms, STORE_TASK_BACKOFF_MAX_MS) * 1000;
}

static int queue_again(struct store *s, const struct store_lease *lease, const char *error,
                       int attempt, bool *ret_queued)
{
    struct run run;
    open_leased(s, AGAIN, lease, &run);
    run_int(&run, 3, store_now_us(s) + backoff_us(attempt));
    run_text(&run, 4, error);
    return finish(&run, ret_queued);
}

// "MEDIA: clip.mp4: no video stream" without the code in front.
static const char *cause_of(const char *error)
{
    size_t n = 0;
    while (error && ((error[n] >= 'A' && error[n] <= 'Z') || error[n] == '_'))
        n++;
    return n > 0 && error[n] == ':' && error[n + 1] == ' ' ? error + n + 2 : error;
}

static int fail_video(struct store *s, const char *task_id, const char *error)
{
    struct run run;
    IGNORE(run_open(s, &queries_task_work[FAIL_VIDEO], &run)); // sticky
    run_text(&run, 1, task_id);
    run_text(&run, 2, cause_of(error));
    run_int(&run, 3, store_now_us(s));
    return run_done(&run, NULL);
}

static int fail_for_good(struct store *s, const struct store_lease *lease, const char *error,
                         enum store_task_status *ret_status)
{
    struct run run;
    open_leased(s, FAIL, lease, &run);
    run_int(&run, 3, store_now_us(s));
    run_text(&run, 4, error);
    int r = leased_row(&run, lease);
    if (r == 0) {
        *ret_status = (enum store_task_status)store_task_status_parse(run_get_text(&run, 0));
        while (run_step(&run)) {
        }
    }
    r = run_end(&run, r);
    if (r == 0)
        r = fail_video(s, lease->task_id, error);
    return r < 0 ? r : task_release(s, lease->task_id);
}

static int attempt_of(struct store *s, const struct store_lease *lease, int *ret)
{
    struct arena *a = NULL;
    struct store_task t = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_task_get(s, lease->task_id, a, &t);
    arena_destroy(a);
    *ret = t.attempt;
    return r == ERR_NOT_FOUND ? lost(lease) : r;
}

static int fail(struct store *s, const struct store_lease *lease, const char *error, bool may_retry,
                enum store_task_status *ret_status)
{
    bool queued = false;
    int attempt = 0;
    int r = attempt_of(s, lease, &attempt);
    if (r == 0 && may_retry)
        r = queue_again(s, lease, error, attempt, &queued);
    *ret_status = STORE_TASK_QUEUED;
    return r < 0 || queued ? r : fail_for_good(s, lease, error, ret_status);
}

int store_task_fail(struct store *s, const struct store_lease *lease, const char *error,
                    bool may_retry, enum store_task_status *ret_status)
{
    enum store_task_status status = STORE_TASK_UNSET;
    int r = check_text("task: error", error, STORE_TEXT_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    r = write_end(s, fail(s, lease, error, may_retry, &status));
    if (r == 0 && ret_status)
        *ret_status = status;
    return r;
}

int store_task_keep_log(struct store *s, const struct store_lease *lease, const char *log_json)
{
    bool found = false;
    int r = check_text("task: log", log_json, STORE_JSON_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    open_leased(s, KEEP_LOG, lease, &run);
    run_text(&run, 3, log_json);
    r = finish(&run, &found);
    return write_end(s, r == 0 && !found ? lost(lease) : r);
}

int store_task_cancelled(struct store *s, const struct store_lease *lease)
{
    bool found = false;
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    open_leased(s, CANCELLED, lease, &run);
    run_int(&run, 3, store_now_us(s));
    r = finish(&run, &found);
    if (r == 0)
        r = found ? task_release(s, lease->task_id) : lost(lease);
    return write_end(s, r);
}

// Queued as before the claim, or, where somebody wants it cancelled, cancelled.
static int give_back(struct store *s, const struct store_lease *lease)
{
    bool found = false;
    struct run run;
    open_leased(s, GIVE_BACK, lease, &run);
    int r = finish(&run, &found);
    if (r < 0 || found)
        return r;
    open_leased(s, CANCELLED, lease, &run);
    run_int(&run, 3, store_now_us(s));
    r = finish(&run, &found);
    if (r < 0)
        return r;
    return found ? task_release(s, lease->task_id) : lost(lease);
}

int store_task_give_back(struct store *s, const struct store_lease *lease)
{
    int r = write_begin(s);
    return r < 0 ? r : write_end(s, give_back(s, lease));
}

// ---- leases that lapsed, and those of a process that died

struct lapsed {
    struct store_lease lease;
    int n; // attempt, or how often it was lost
};

static int lapsed_row(struct run *run, struct lapsed *ret, bool *ret_found)
{
    *ret_found = run_step(run);
    if (*ret_found) {
        *ret = (struct lapsed){.lease.fence = run_get_int(run, 1), .n = (int)run_get_int(run, 2)};
        snprintf(ret->lease.task_id, ID_BYTES, "%s", run_get_text(run, 0));
    }
    return run_end(run, 0);
}

// One of those that lapsed, in a transaction of its own, so that *each* may see it.
static int expire_one(struct store *s, struct lapsed *ret, bool *ret_found)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_task_work[LAPSED], &run)); // sticky
    run_text(&run, 1, s->epoch);
    run_int(&run, 2, clock_now_ns());
    r = lapsed_row(&run, ret, ret_found);
    enum store_task_status status;
    if (r == 0 && *ret_found)
        r = fail(s, &ret->lease, "TIMEOUT: its worker was not heard of any more", true, &status);
    return write_end(s, r);
}

static int show(struct store *s, const char *id, int (*each)(void *arg, const struct store_task *t),
                void *arg)
{
    struct arena *a = NULL;
    struct store_task t = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_task_get(s, id, a, &t);
    if (r == 0)
        r = each(arg, &t);
    else if (r == ERR_NOT_FOUND) // deleted meanwhile
        r = 0;
    arena_destroy(a);
    return r;
}

int store_task_expire(struct store *s, int (*each)(void *arg, const struct store_task *t),
                      void *arg, int64_t *ret_n)
{
    int64_t n = 0;
    for (;;) {
        struct lapsed x = {0};
        bool found = false;
        int r = expire_one(s, &x, &found);
        if (r == 0 && found && each)
            r = show(s, x.lease.task_id, each, arg);
        if (r < 0)
            return r;
        if (!found)
            break;
        n++;
    }
    if (ret_n)
        *ret_n = n;
    return 0;
}

static int recover_one(struct store *s, const struct lapsed *x)
{
    bool found = false;
    enum store_task_status status;
    struct run run;
    open_leased(s, RECOVER, &x->lease, &run);
    run_int(&run, 3, STORE_TASK_LOSSES);
    int r = finish(&run, &found);
    if (r < 0 || found)
        return r;
    return fail_for_good(s, &x->lease, "CLOSED: the server died while it ran, again and again",
                         &status);
}

int task_recover(struct store *s)
{
    for (;;) {
        struct lapsed x = {0};
        bool found = false;
        struct run run;
        IGNORE(run_open(s, &queries_task_work[LOST], &run)); // sticky
        int r = lapsed_row(&run, &x, &found);
        if (r == 0 && found)
            r = recover_one(s, &x);
        if (r < 0 || !found)
            return r;
    }
}
