// SPDX-License-Identifier: Apache-2.0
// q_task.c - tasks, for those who ask for them: creating, looking, cancelling, retrying.

#include "base/clock.h"
#include "store/task_priv.h"

enum {
    CREATE,
    WAIT,
    SET_WAITS,
    GET,
    LOG,
    FORGET_LOG,
    LIST,
    LIST_STATUS,
    LIST_PROJECT,
    LIST_VIDEO,
    LIST_SESSION,
    LIST_USER,
    CANCEL_QUEUED,
    CANCEL_RUNNING,
    RETRY,
    END_SESSION,
    RETRY_SESSION,
    END_PROBE,
    RETRY_PROBE,
    LET_GO,
    FORGET,
    RECOUNT,
    NEXT_DUE,
    DEPTH,
    PRUNE,
};

#define LISTED              "SELECT " TASK_COLUMNS " FROM tasks WHERE "
#define NEWEST              " AND id < $1 ORDER BY id DESC LIMIT $2"
#define IF_GIVEN(column, n) " AND (CAST(" n " AS TEXT) IS NULL OR " column " = " n ")"
#define OTHERS                   \
    IF_GIVEN("project_id", "$3") \
    IF_GIVEN("video_id", "$4")   \
    IF_GIVEN("session_id", "$5") IF_GIVEN("kind", "$6") IF_GIVEN("status", "$7") NEWEST

// clang-format off
const struct query queries_task[] = {
    [CREATE] = {"task_create",
        "INSERT INTO tasks (id, kind, status, priority, project_id, video_id, model_id, session_id, settings_json, "
        "max_attempts, timeout_ms, created_by, created_at_us, attempt, fence, n_lost, n_waits, cancel_requested, "
        "progress, frames_done, frames_total, frames_per_second, n_detections, lease_until_ns, due_at_us, "
        "started_at_us, finished_at_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
        "0, 0, 0, 0, 0, 0.0, 0, 0, 0.0, 0, 0, 0, 0, 0)"},
    [WAIT] = {"task_wait",
        "INSERT INTO task_waits (task_id, waits_for) "
        "SELECT $1, id FROM tasks WHERE id = $2 AND status IN ('queued', 'running') ON CONFLICT DO NOTHING"},
    [SET_WAITS] = {"task_set_waits",
        "UPDATE tasks SET n_waits = (SELECT count(*) FROM task_waits w WHERE w.task_id = tasks.id) WHERE id = $1"},
    [GET] = {"task_get", "SELECT " TASK_COLUMNS " FROM tasks WHERE id = $1"},
    [LOG] = {"task_log", "SELECT log_json FROM task_logs WHERE task_id = $1"},
    [FORGET_LOG] = {"task_forget_log", "DELETE FROM task_logs WHERE task_id = $1"},
    [LIST] = {"task_list", LISTED "id <> ''" OTHERS},
    [LIST_STATUS] = {"task_list_status", LISTED "status = $7" OTHERS},
    [LIST_PROJECT] = {"task_list_project", LISTED "project_id = $3" OTHERS},
    [LIST_VIDEO] = {"task_list_video", LISTED "video_id = $4" OTHERS},
    [LIST_SESSION] = {"task_list_session", LISTED "session_id = $5" OTHERS},
    [LIST_USER] = {"task_list_user",
        LISTED "((project_id IS NULL AND created_by = $8) OR project_id IN (SELECT project_id FROM project_roles WHERE user_id = $8))" OTHERS},
    [CANCEL_QUEUED] = {"task_cancel_queued",
        "UPDATE tasks SET status = 'cancelled', finished_at_us = $2, n_waits = 0 WHERE id = $1 AND status = 'queued'"},
    [CANCEL_RUNNING] = {"task_cancel_running",
        "UPDATE tasks SET cancel_requested = 1 WHERE id = $1 AND status = 'running'"},
    [RETRY] = {"task_retry",
        "UPDATE tasks SET status = 'queued', attempt = 0, n_lost = 0, due_at_us = 0, cancel_requested = 0, error = NULL, "
        "message = NULL, progress = 0.0, frames_done = 0, n_detections = 0, started_at_us = 0, finished_at_us = 0 "
        "WHERE id = $1 AND status IN ('failed', 'cancelled')"},
    // A session ends with the task that judges it, where that could not say how (the task did, where it could).
    [END_SESSION] = {"task_end_session",
        "UPDATE sessions SET status = (SELECT t.status FROM tasks t WHERE t.id = $1), "
        "error = (SELECT t.error FROM tasks t WHERE t.id = $1), finished_at_us = $2 "
        "WHERE status IN ('queued', 'running') AND id = (SELECT t.session_id FROM tasks t WHERE t.id = $1 "
        "AND t.kind = 'evaluate' AND t.status IN ('failed', 'cancelled'))"},
    [RETRY_SESSION] = {"task_retry_session",
        "UPDATE sessions SET status = 'queued', error = NULL, finished_at_us = 0 "
        "WHERE status IN ('failed', 'cancelled') AND id = (SELECT t.session_id FROM tasks t WHERE t.id = $1 "
        "AND t.kind = 'evaluate')"},
    // Nobody will look at a video whose probe (or, retried alone, whose fetch) was cancelled, so it does not wait
    // (one that failed: q_task_work.c).
    [END_PROBE] = {"task_end_probe",
        "UPDATE videos SET status = 'failed', error = (SELECT CASE t.kind WHEN 'fetch' "
        "THEN 'nobody fetched it: its fetch was cancelled' ELSE 'nobody looked at it: its probe was cancelled' END "
        "FROM tasks t WHERE t.id = $1), updated_at_us = $2 "
        "WHERE status = 'uploaded' AND id = (SELECT t.video_id FROM tasks t WHERE t.id = $1 AND t.kind IN ('fetch', 'probe') "
        "AND t.status = 'cancelled') AND NOT EXISTS (SELECT 1 FROM tasks o WHERE o.video_id = videos.id "
        "AND o.kind = 'probe' AND o.status IN ('queued', 'running'))"},
    [RETRY_PROBE] = {"task_retry_probe",
        "UPDATE videos SET status = 'uploaded', error = NULL, updated_at_us = $2 WHERE status = 'failed' AND "
        "id = (SELECT t.video_id FROM tasks t WHERE t.id = $1 AND t.kind IN ('fetch', 'probe'))"},
    [LET_GO] = {"task_let_go",
        "UPDATE tasks SET n_waits = n_waits - 1 WHERE n_waits > 0 AND "
        "id IN (SELECT task_id FROM task_waits WHERE waits_for = $1)"},
    [FORGET] = {"task_forget_waits", "DELETE FROM task_waits WHERE waits_for = $1 OR task_id = $1"},
    [RECOUNT] = {"task_recount",
        "UPDATE tasks SET n_waits = (SELECT count(*) FROM task_waits w WHERE w.task_id = tasks.id) "
        "WHERE status = 'queued' AND n_waits > 0"},
    [NEXT_DUE] = {"task_next_due", "SELECT min(due_at_us) FROM tasks WHERE status = 'queued' AND n_waits = 0"},
    [DEPTH] = {"task_depth",
        "SELECT kind, sum(CASE WHEN status = 'queued' THEN 1 ELSE 0 END), "
        "sum(CASE WHEN status = 'running' THEN 1 ELSE 0 END) "
        "FROM tasks WHERE status IN ('queued', 'running') GROUP BY kind ORDER BY kind"},
    [PRUNE] = {"task_prune",
        "DELETE FROM tasks WHERE status IN ('succeeded', 'failed', 'cancelled') AND finished_at_us < $1 "
        "AND session_id IS NULL AND NOT EXISTS (SELECT 1 FROM detection_sets d WHERE d.task_id = tasks.id) "
        "AND NOT EXISTS (SELECT 1 FROM session_videos v WHERE v.task_id = tasks.id)"},
    {0},
};

static const char *const statuses[] = {
    [STORE_TASK_QUEUED] = "queued",
    [STORE_TASK_RUNNING] = "running",
    [STORE_TASK_SUCCEEDED] = "succeeded",
    [STORE_TASK_FAILED] = "failed",
    [STORE_TASK_CANCELLED] = "cancelled",
};
ENUM_FUNCTIONS(store_task_status, statuses)

const struct field task_fields[TASK_N_FIELDS] = {
    FIELD(struct store_task, id, FIELD_TEXT),
    FIELD(struct store_task, kind, FIELD_TEXT),
    FIELD_OF(struct store_task, status, store_task_status),
    FIELD(struct store_task, priority, FIELD_INT),
    FIELD(struct store_task, project_id, FIELD_TEXT),
    FIELD(struct store_task, video_id, FIELD_TEXT),
    FIELD(struct store_task, model_id, FIELD_TEXT),
    FIELD(struct store_task, session_id, FIELD_TEXT),
    FIELD(struct store_task, settings_json, FIELD_TEXT),
    FIELD(struct store_task, max_attempts, FIELD_INT),
    FIELD(struct store_task, timeout_ms, FIELD_I64),
    FIELD(struct store_task, created_by, FIELD_TEXT),
    FIELD(struct store_task, created_at_us, FIELD_I64),
    FIELD(struct store_task, attempt, FIELD_INT),
    FIELD(struct store_task, fence, FIELD_I64),
    FIELD(struct store_task, n_waits, FIELD_INT),
    FIELD(struct store_task, cancel_requested, FIELD_BOOL),
    FIELD(struct store_task, progress, FIELD_DOUBLE),
    FIELD(struct store_task, message, FIELD_TEXT),
    FIELD(struct store_task, frames_done, FIELD_I64),
    FIELD(struct store_task, frames_total, FIELD_I64),
    FIELD(struct store_task, frames_per_second, FIELD_DOUBLE),
    FIELD(struct store_task, n_detections, FIELD_I64),
    FIELD(struct store_task, error, FIELD_TEXT),
    FIELD(struct store_task, result_json, FIELD_TEXT),
    FIELD(struct store_task, worker, FIELD_TEXT),
    FIELD(struct store_task, due_at_us, FIELD_I64),
    FIELD(struct store_task, started_at_us, FIELD_I64),
    FIELD(struct store_task, finished_at_us, FIELD_I64),
};
// clang-format on

bool store_task_is_over(enum store_task_status status)
{
    return status == STORE_TASK_SUCCEEDED || status == STORE_TASK_FAILED ||
           status == STORE_TASK_CANCELLED;
}

// ---- creating

static int check(const struct store_task *t, size_t n_waits_for)
{
    int r = check_text("task: settings", t->settings_json, STORE_JSON_MAX);
    if (r < 0)
        return r;
    if (!t->kind || !*t->kind || strlen(t->kind) > STORE_TASK_KIND_MAX)
        return err_set(ERR_INVALID, "task: the kind is empty or too long");
    if (n_waits_for > STORE_TASK_WAITS_MAX)
        return err_set(ERR_INVALID, "task: waits for more than %d tasks", STORE_TASK_WAITS_MAX);
    return t->max_attempts < 0 || t->timeout_ms < 0
               ? err_set(ERR_INVALID, "task: max_attempts or timeout_ms is negative")
               : 0;
}

static int with_id(struct store *s, int q, const char *id)
{
    struct run run;
    IGNORE(run_open(s, &queries_task[q], &run)); // sticky
    run_text(&run, 1, id);
    return run_done(&run, NULL);
}

static int insert(struct store *s, const struct store_task *row, const char *const *waits_for,
                  size_t n_waits_for)
{
    int r = run_insert(s, &queries_task[CREATE], task_fields, TASK_N_CREATED, row);
    if (r == ERR_CONFLICT)
        return err_set(r, "task: the project, video, model or session it names does not exist");
    if (r == ERR_EXISTS)
        return err_set(r, "task '%s' exists already", row->id);
    for (size_t i = 0; r == 0 && i < n_waits_for; i++) {
        struct run run;
        IGNORE(run_open(s, &queries_task[WAIT], &run)); // sticky
        run_text(&run, 1, row->id);
        run_text(&run, 2, waits_for[i]);
        r = run_done(&run, NULL);
    }
    return r == 0 && n_waits_for > 0 ? with_id(s, SET_WAITS, row->id) : r;
}

int store_task_create(struct store *s, const struct store_task *t, const char *const *waits_for,
                      size_t n_waits_for, char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_task row = *t;
    int r = check(t, n_waits_for);
    if (r == 0)
        r = take_id(t->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.status = STORE_TASK_QUEUED;
    row.max_attempts = t->max_attempts ? t->max_attempts : STORE_TASK_ATTEMPTS;
    row.created_at_us = store_now_us(s);
    r = write_end(s, insert(s, &row, waits_for, n_waits_for));
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

// ---- looking

int store_task_get(struct store *s, const char *id, struct arena *a, struct store_task *ret)
{
    return run_get(s, &queries_task[GET], task_fields, TASK_N_FIELDS, "task", id, a, ret);
}

int store_task_log(struct store *s, const char *id, struct arena *a, const char **ret_json)
{
    struct log_row {
        const char *json;
    } row = {0};
    static const struct field log_fields[] = {FIELD(struct log_row, json, FIELD_TEXT)};
    struct run run;
    IGNORE(run_open(s, &queries_task[LOG], &run)); // sticky
    run_text(&run, 1, id);
    int r = run_step(&run) ? run_row(&run, log_fields, ARRAY_LEN(log_fields), a, &row) : 0;
    r = run_end(&run, r);
    if (r == 0)
        *ret_json = row.json;
    return r;
}

int task_forget_log(struct store *s, const char *id)
{
    return with_id(s, FORGET_LOG, id);
}

int store_task_list(struct store *s, const struct store_task_filter *filter,
                    const struct store_page *page,
                    int (*row)(void *arg, const struct store_task *t), void *arg,
                    struct store_next *ret_next)
{
    int q = filter->session_id   ? LIST_SESSION
            : filter->video_id   ? LIST_VIDEO
            : filter->project_id ? LIST_PROJECT
            : filter->status     ? LIST_STATUS
                                 : LIST;
    if (filter->user_id)
        q = LIST_USER;
    struct list l;
    struct store_task t = {0};
    list_open(s, &queries_task[q], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, filter->project_id);
    run_text(&l.run, 4, filter->video_id);
    run_text(&l.run, 5, filter->session_id);
    run_text(&l.run, 6, filter->kind);
    run_text(&l.run, 7, store_task_status_name((int)filter->status));
    if (filter->user_id)
        run_text(&l.run, 8, filter->user_id);
    while (list_next(&l, task_fields, TASK_N_FIELDS, &t))
        l.r = row(arg, &t);
    return list_end(&l, ret_next);
}

int store_task_next_due_us(struct store *s, int64_t *ret_wait_us)
{
    int64_t wait_us = INT64_MAX;
    struct run run;
    IGNORE(run_open(s, &queries_task[NEXT_DUE], &run)); // sticky
    if (run_step(&run) && run_get_text(&run, 0)) {
        wait_us = MAX(0, run_get_int(&run, 0) - store_now_us(s));
        if (wait_us > STORE_TASK_BACKOFF_MAX_MS * INT64_C(1000)) // the clock went backwards
            wait_us = 0;
    }
    int r = run_end(&run, 0);
    if (r == 0)
        *ret_wait_us = wait_us;
    return r;
}

int store_task_depth(struct store *s,
                     int (*each)(void *arg, const char *kind, int64_t n_queued, int64_t n_running),
                     void *arg)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, &queries_task[DEPTH], &run)); // sticky
    while (r == 0 && run_step(&run))
        r = each(arg, run_get_text(&run, 0), run_get_int(&run, 1), run_get_int(&run, 2));
    return run_end(&run, r);
}

// ---- cancelling and retrying

static int with_id_now(struct store *s, int q, const char *id)
{
    struct run run;
    IGNORE(run_open(s, &queries_task[q], &run)); // sticky
    run_text(&run, 1, id);
    run_int(&run, 2, store_now_us(s));
    return run_done(&run, NULL);
}

int task_release(struct store *s, const char *id)
{
    int r = with_id_now(s, END_SESSION, id);
    if (r == 0)
        r = with_id_now(s, END_PROBE, id);
    if (r == 0)
        r = with_id(s, LET_GO, id);
    if (r == 0)
        r = with_id(s, FORGET, id);
    return r < 0 ? r : set_drop_unfinished(s, id);
}

int task_recount(struct store *s)
{
    struct run run;
    IGNORE(run_open(s, &queries_task[RECOUNT], &run)); // sticky
    return run_done(&run, NULL);
}

static int status_of(struct store *s, const char *id, enum store_task_status *ret)
{
    struct arena *a = NULL;
    struct store_task t = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_task_get(s, id, a, &t);
    arena_destroy(a);
    if (r == 0)
        *ret = t.status;
    return r;
}

static int cancel(struct store *s, const char *id, enum store_task_status *ret_status)
{
    int r = status_of(s, id, ret_status);
    if (r < 0 || store_task_is_over(*ret_status))
        return r;
    if (*ret_status == STORE_TASK_RUNNING)
        return with_id(s, CANCEL_RUNNING, id);
    *ret_status = STORE_TASK_CANCELLED;
    r = with_id_now(s, CANCEL_QUEUED, id);
    return r < 0 ? r : task_release(s, id);
}

int store_task_cancel(struct store *s, const char *id, enum store_task_status *ret_status)
{
    enum store_task_status status = STORE_TASK_UNSET;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = write_end(s, cancel(s, id, &status));
    if (r == 0 && ret_status)
        *ret_status = status;
    return r;
}

int store_task_retry(struct store *s, const char *id)
{
    enum store_task_status status;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = status_of(s, id, &status);
    if (r == 0 && status != STORE_TASK_FAILED && status != STORE_TASK_CANCELLED)
        r = err_set(ERR_CONFLICT,
                    "task '%.40s' is %s: only what failed or was cancelled is retried", id,
                    store_task_status_name((int)status));
    if (r == 0)
        r = with_id(s, RETRY, id);
    if (r == 0)
        r = with_id(s, FORGET_LOG, id);
    if (r == 0)
        r = with_id(s, RETRY_SESSION, id);
    if (r == 0)
        r = with_id_now(s, RETRY_PROBE, id);
    return write_end(s, r);
}

int store_task_prune(struct store *s, int64_t before_us, int64_t *ret_n)
{
    int64_t n = 0;
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_task[PRUNE], &run)); // sticky
    run_int(&run, 1, before_us);
    r = run_done(&run, &n);
    if (r == 0)
        r = task_recount(s);
    r = write_end(s, r);
    if (r == 0 && ret_n)
        *ret_n = n;
    return r;
}
