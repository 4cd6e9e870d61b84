// SPDX-License-Identifier: Apache-2.0
// q_session.c - test sessions, their videos, results and events.

#include <assert.h>

#include "store/store_blob.h"
#include "store/store_priv.h"
#include "store/store_session.h"
#include "store/store_task.h"

enum {
    CREATE,
    ADD_VIDEO,
    GET,
    DELETE,
    LIST, // five, as list_open_scope() wants them
    LIST_STATUS,
    LIST_PROJECT,
    LIST_PROJECT_STATUS,
    LIST_USER,
    VIDEOS,
    SET_VIDEO,
    SET_STATUS,
    SET_FIGURES,
    SET_RESULT,
    SET_REPORT,
    RESULT,
    TAKES_EVENTS,
    ADD_EVENT,
    EVENTS,
};

#define STORED                                                                                  \
    "id, project_id, name, source, status, model_id, model_name, model_sha256, settings_json, " \
    "profile_json, error, created_by, created_at_us, started_at_us, finished_at_us"
#define COLUMNS                                                                         \
    STORED ", verdict, ap, ap50, \"precision\", recall, f1, "                           \
           "(SELECT count(*) FROM session_videos v WHERE v.session_id = sessions.id), " \
           "(SELECT count(*) FROM session_videos v WHERE v.session_id = sessions.id "   \
           "AND v.set_id IS NOT NULL)"
#define LISTED "SELECT " COLUMNS " FROM sessions WHERE "
#define NEWEST \
    " AND (CAST($3 AS TEXT) IS NULL OR verdict = $3) AND id < $1 ORDER BY id DESC LIMIT $2"

// clang-format off
const struct query queries_session[] = {
    [CREATE] = {"session_create",
        "INSERT INTO sessions (" STORED ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"},
    [ADD_VIDEO] = {"session_add_video",
        "INSERT INTO session_videos (session_id, video_id, position, task_id, truth_id) VALUES ($1, $2, $3, $4, $5)"},
    [GET] = {"session_get", LISTED "id = $1"},
    [DELETE] = {"session_delete", "DELETE FROM sessions WHERE id = $1"},
    [LIST] = {"session_list", LISTED "id <> ''" NEWEST},
    [LIST_STATUS] = {"session_list_status", LISTED "status = $4" NEWEST},
    [LIST_PROJECT] = {"session_list_project", LISTED "project_id = $4" NEWEST},
    [LIST_PROJECT_STATUS] = {"session_list_project_status", LISTED "project_id = $4 AND status = $5" NEWEST},
    [LIST_USER] = {"session_list_user",
        LISTED "EXISTS (SELECT 1 FROM project_roles r WHERE r.user_id = $6 AND r.project_id = sessions.project_id) "
        "AND (CAST($4 AS TEXT) IS NULL OR project_id = $4) AND (CAST($5 AS TEXT) IS NULL OR status = $5)" NEWEST},
    [VIDEOS] = {"session_videos",
        "SELECT CAST(position AS TEXT) AS cursor, session_id, video_id, position, task_id, truth_id, set_id, "
        "played_at_us, piece_format, n_pieces, n_piece_bytes, n_piece_items FROM session_videos "
        "WHERE session_id = $3 AND position > CAST($1 AS INTEGER) ORDER BY position LIMIT $2"},
    [SET_VIDEO] = {"session_set_video",
        "UPDATE session_videos SET task_id = coalesce($3, task_id), truth_id = coalesce($4, truth_id), "
        "set_id = coalesce($5, set_id) WHERE session_id = $1 AND video_id = $2"},
    [SET_STATUS] = {"session_set_status",
        "UPDATE sessions SET status = $2, error = $3, "
        "started_at_us = CASE WHEN $2 = 'running' THEN $4 ELSE started_at_us END, "
        "finished_at_us = CASE WHEN $2 IN ('succeeded', 'failed', 'cancelled') THEN $4 ELSE 0 END WHERE id = $1"},
    [SET_FIGURES] = {"session_set_figures",
        "UPDATE sessions SET verdict = $2, ap = $3, ap50 = $4, \"precision\" = $5, recall = $6, f1 = $7 WHERE id = $1"},
    [SET_RESULT] = {"session_set_result",
        "INSERT INTO session_results (session_id, report_key, verdict_json, metrics_json, more_json) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (session_id) DO UPDATE SET report_key = excluded.report_key, "
        "verdict_json = excluded.verdict_json, metrics_json = excluded.metrics_json, more_json = excluded.more_json"},
    [SET_REPORT] = {"session_set_report", "UPDATE session_results SET report_key = $2 WHERE session_id = $1"},
    [RESULT] = {"session_result",
        "SELECT verdict, ap, ap50, \"precision\", recall, f1, metrics_json, verdict_json, report_key, more_json "
        "FROM sessions JOIN session_results ON session_id = id WHERE id = $1"},
    [TAKES_EVENTS] = {"session_takes_events",
        "SELECT 1 FROM sessions JOIN session_videos ON session_id = id "
        "WHERE id = $1 AND video_id = $2 AND source = 'external' AND status = 'open'"},
    [ADD_EVENT] = {"session_add_event",
        "INSERT INTO session_events (id, session_id, video_id, start_us, end_us, label, confidence, latency_us) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"},
    [EVENTS] = {"session_events",
        "SELECT CAST(start_us AS TEXT) || ':' || id, start_us, end_us, label, confidence, latency_us "
        "FROM session_events WHERE session_id = $3 AND video_id = $4 AND start_us >= $5 "
        "AND (start_us > $5 OR id > $1) ORDER BY start_us, id LIMIT $2"},
    {0},
};

static const char *const sources[] = {
    [STORE_SESSION_OWN] = "own",
    [STORE_SESSION_EXTERNAL] = "external",
};
ENUM_FUNCTIONS(store_session_source, sources)

static const char *const statuses[] = {
    [STORE_SESSION_QUEUED] = "queued",
    [STORE_SESSION_OPEN] = "open",
    [STORE_SESSION_RUNNING] = "running",
    [STORE_SESSION_SUCCEEDED] = "succeeded",
    [STORE_SESSION_FAILED] = "failed",
    [STORE_SESSION_CANCELLED] = "cancelled",
};
ENUM_FUNCTIONS(store_session_status, statuses)

static const char *const verdicts[] = {
    [STORE_VERDICT_PASSED] = "passed",
    [STORE_VERDICT_CONDITIONAL_PASS] = "conditional_pass",
    [STORE_VERDICT_FAILED] = "failed",
    [STORE_VERDICT_NO_DATA] = "no_data",
};
ENUM_FUNCTIONS(store_verdict, verdicts)

// From a status (row) to those that are allowed.
#define OVER (BIT(STORE_SESSION_SUCCEEDED) | BIT(STORE_SESSION_FAILED) | BIT(STORE_SESSION_CANCELLED))
static const unsigned moves[STORE_SESSION_N_STATUSES] = {
    [STORE_SESSION_QUEUED] = BIT(STORE_SESSION_RUNNING) | OVER,
    [STORE_SESSION_OPEN] = BIT(STORE_SESSION_QUEUED) | BIT(STORE_SESSION_RUNNING) | OVER,
    [STORE_SESSION_RUNNING] = BIT(STORE_SESSION_RUNNING) | BIT(STORE_SESSION_QUEUED) | BIT(STORE_SESSION_OPEN) | OVER,
    [STORE_SESSION_SUCCEEDED] = BIT(STORE_SESSION_QUEUED),
    [STORE_SESSION_FAILED] = BIT(STORE_SESSION_QUEUED),
    [STORE_SESSION_CANCELLED] = BIT(STORE_SESSION_QUEUED),
};

static const struct field fields[] = {
    FIELD(struct store_session, id, FIELD_TEXT),
    FIELD(struct store_session, project_id, FIELD_TEXT),
    FIELD(struct store_session, name, FIELD_TEXT),
    FIELD_OF(struct store_session, source, store_session_source),
    FIELD_OF(struct store_session, status, store_session_status),
    FIELD(struct store_session, model_id, FIELD_TEXT),
    FIELD(struct store_session, model_name, FIELD_TEXT),
    FIELD(struct store_session, model_sha256, FIELD_TEXT),
    FIELD(struct store_session, settings_json, FIELD_TEXT),
    FIELD(struct store_session, profile_json, FIELD_TEXT),
    FIELD(struct store_session, error, FIELD_TEXT),
    FIELD(struct store_session, created_by, FIELD_TEXT),
    FIELD(struct store_session, created_at_us, FIELD_I64),
    FIELD(struct store_session, started_at_us, FIELD_I64),
    FIELD(struct store_session, finished_at_us, FIELD_I64),
    FIELD_OF(struct store_session, verdict, store_verdict),
    FIELD(struct store_session, ap, FIELD_DOUBLE),
    FIELD(struct store_session, ap50, FIELD_DOUBLE),
    FIELD(struct store_session, precision, FIELD_DOUBLE),
    FIELD(struct store_session, recall, FIELD_DOUBLE),
    FIELD(struct store_session, f1, FIELD_DOUBLE),
    FIELD(struct store_session, n_videos, FIELD_I64),
    FIELD(struct store_session, n_videos_done, FIELD_I64),
};

static const struct field result_fields[] = {
    FIELD_OF(struct store_result, verdict, store_verdict),
    FIELD(struct store_result, ap, FIELD_DOUBLE),
    FIELD(struct store_result, ap50, FIELD_DOUBLE),
    FIELD(struct store_result, precision, FIELD_DOUBLE),
    FIELD(struct store_result, recall, FIELD_DOUBLE),
    FIELD(struct store_result, f1, FIELD_DOUBLE),
    FIELD(struct store_result, metrics_json, FIELD_TEXT),
    FIELD(struct store_result, verdict_json, FIELD_TEXT),
    FIELD(struct store_result, report_key, FIELD_TEXT),
    FIELD(struct store_result, more_json, FIELD_TEXT),
};

// Rows whose first column is the cursor's key.
struct keyed_video {
    const char *key;
    struct store_session_video video;
};
static const struct field video_fields[] = {
    FIELD(struct keyed_video, key, FIELD_TEXT),
    FIELD(struct keyed_video, video.session_id, FIELD_TEXT),
    FIELD(struct keyed_video, video.video_id, FIELD_TEXT),
    FIELD(struct keyed_video, video.position, FIELD_INT),
    FIELD(struct keyed_video, video.task_id, FIELD_TEXT),
    FIELD(struct keyed_video, video.truth_id, FIELD_TEXT),
    FIELD(struct keyed_video, video.set_id, FIELD_TEXT),
    FIELD(struct keyed_video, video.played_at_us, FIELD_I64),
    FIELD(struct keyed_video, video.piece_format, FIELD_TEXT),
    FIELD(struct keyed_video, video.n_pieces, FIELD_I64),
    FIELD(struct keyed_video, video.n_piece_bytes, FIELD_I64),
    FIELD(struct keyed_video, video.n_piece_items, FIELD_I64),
};
struct keyed_event {
    const char *key;
    struct store_event event;
};
static const struct field event_fields[] = {
    FIELD(struct keyed_event, key, FIELD_TEXT),
    FIELD(struct keyed_event, event.start_us, FIELD_I64),
    FIELD(struct keyed_event, event.end_us, FIELD_I64),
    FIELD(struct keyed_event, event.label, FIELD_TEXT),
    FIELD(struct keyed_event, event.confidence, FIELD_DOUBLE),
    FIELD(struct keyed_event, event.latency_us, FIELD_I64),
};
// clang-format on

enum {
    N_STORED = 15,
    EVENTS_AT_ONCE = 100000,
};

// ---- creating and looking

static int add_video(struct store *s, const char *id, int position,
                     const struct store_session_video *v)
{
    struct run run;
    IGNORE(run_open(s, &queries_session[ADD_VIDEO], &run)); // sticky
    run_text(&run, 1, id);
    run_text(&run, 2, v->video_id);
    run_int(&run, 3, position);
    run_text(&run, 4, v->task_id);
    run_text(&run, 5, v->truth_id);
    int r = run_done(&run, NULL);
    if (r == ERR_CONFLICT)
        return err_set(r, "session: video '%.40s', its task or its truth does not exist",
                       v->video_id);
    return r == ERR_EXISTS
               ? err_set(ERR_INVALID, "session: video '%.40s' occurs twice", v->video_id)
               : r;
}

static int insert(struct store *s, const struct store_session *row,
                  const struct store_session_video *videos, size_t n)
{
    int r = run_insert(s, &queries_session[CREATE], fields, N_STORED, row);
    if (r == ERR_CONFLICT)
        r = err_set(r, "session: its project or its model does not exist");
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_video(s, row->id, (int)i, &videos[i]);
    return r;
}

int store_session_create(struct store *s, const struct store_session *x,
                         const struct store_session_video *videos, size_t n_videos,
                         char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_session row = *x;
    int r = x->name ? check_name("session", x->name) : 0;
    if (r == 0)
        r = check_text("session: settings", x->settings_json, STORE_JSON_MAX);
    if (r == 0)
        r = check_text("session: profile", x->profile_json, STORE_JSON_MAX);
    if (r == 0)
        r = take_id(x->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.source = x->source ? x->source : STORE_SESSION_OWN;
    if (!x->status)
        row.status =
            row.source == STORE_SESSION_EXTERNAL ? STORE_SESSION_OPEN : STORE_SESSION_QUEUED;
    row.created_at_us = store_now_us(s);
    row.started_at_us = row.finished_at_us = 0;
    r = write_end(s, insert(s, &row, videos, n_videos));
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

int store_session_get(struct store *s, const char *id, struct arena *a, struct store_session *ret)
{
    return run_get(s, &queries_session[GET], fields, ARRAY_LEN(fields), "session", id, a, ret);
}

int store_session_delete(struct store *s, const char *id, struct store_dropped *dropped)
{
    return owner_delete(s, OWNER_SESSION, &queries_session[DELETE], id, dropped);
}

int store_session_list(struct store *s, const struct store_session_filter *filter,
                       const struct store_page *page,
                       int (*row)(void *arg, const struct store_session *x), void *arg,
                       struct store_next *ret_next)
{
    const struct list_scope scope = {.project_id = filter->project_id,
                                     .status = store_session_status_name((int)filter->status),
                                     .user_id = filter->user_id};
    struct list l;
    struct store_session x = {0};
    list_open_scope(s, &queries_session[LIST], page, &scope, 4, &l);
    run_text(&l.run, 3, store_verdict_name((int)filter->verdict));
    while (list_next(&l, fields, ARRAY_LEN(fields), &x))
        l.r = row(arg, &x);
    return list_end(&l, ret_next);
}

int store_session_videos(struct store *s, const char *session_id, const struct store_page *page,
                         int (*row)(void *arg, const struct store_session_video *v), void *arg,
                         struct store_next *ret_next)
{
    struct list l;
    struct keyed_video v = {0};
    list_open(s, &queries_session[VIDEOS], page, "-1", &l);
    run_text(&l.run, 3, session_id);
    while (list_next(&l, video_fields, ARRAY_LEN(video_fields), &v))
        l.r = row(arg, &v.video);
    return list_end(&l, ret_next);
}

int store_session_set_video(struct store *s, const struct store_lease *lease,
                            const struct store_session_video *v)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0) {
        struct run run;
        IGNORE(run_open(s, &queries_session[SET_VIDEO], &run)); // sticky
        run_text(&run, 1, v->session_id);
        run_text(&run, 2, v->video_id);
        run_text(&run, 3, v->task_id);
        run_text(&run, 4, v->truth_id);
        run_text(&run, 5, v->set_id);
        r = run_done_one(&run, "video of the session", v->video_id);
    }
    return write_end(s, r);
}

// ---- status

static int move(struct store *s, const char *id, enum store_session_status status,
                const char *error)
{
    struct arena *a = NULL;
    struct store_session x = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_session_get(s, id, a, &x);
    arena_destroy(a);
    if (r < 0)
        return r;
    if (!(moves[x.status] & BIT(status)))
        return err_set(ERR_CONFLICT, "session '%.40s' is %s and cannot become %s", id,
                       store_session_status_name((int)x.status),
                       store_session_status_name((int)status));
    struct run run;
    IGNORE(run_open(s, &queries_session[SET_STATUS], &run)); // sticky
    run_text(&run, 1, id);
    run_text(&run, 2, store_session_status_name((int)status));
    run_text(&run, 3, error);
    run_int(&run, 4, store_now_us(s));
    return run_done(&run, NULL);
}

int store_session_set_status(struct store *s, const struct store_lease *lease, const char *id,
                             enum store_session_status status, const char *error)
{
    assert(status > STORE_SESSION_UNSET && status < STORE_SESSION_N_STATUSES);
    int r = check_text("session: error", error, STORE_TEXT_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    return write_end(s, r < 0 ? r : move(s, id, status, error));
}

// ---- what came out

static int set_figures(struct store *s, const char *id, const struct store_result *x)
{
    struct run run;
    IGNORE(run_open(s, &queries_session[SET_FIGURES], &run)); // sticky
    run_text(&run, 1, id);
    run_fields(&run, 2, result_fields, 6, x);
    return run_done_one(&run, "session", id);
}

static int set_result(struct store *s, const char *id, const struct store_result *x,
                      const char *report_key)
{
    struct run run;
    IGNORE(run_open(s, &queries_session[SET_RESULT], &run)); // sticky
    run_text(&run, 1, id);
    run_text(&run, 2, report_key);
    run_text(&run, 3, x->verdict_json);
    run_text(&run, 4, x->metrics_json);
    run_text(&run, 5, x->more_json);
    return run_done(&run, NULL);
}

static int set_report_key(struct store *s, const char *id, const char *key)
{
    struct run run;
    IGNORE(run_open(s, &queries_session[SET_REPORT], &run)); // sticky
    run_text(&run, 1, id);
    run_text(&run, 2, key);
    return run_done_one(&run, "result of session", id);
}

// Puts a report (NULL: none) in place of the one that is there.
static int replace_report(struct store *s, const char *id, const struct store_blob *report,
                          struct store_dropped *dropped)
{
    struct arena *a = NULL;
    struct store_result old = {0};
    struct store_session x = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_session_get(s, id, a, &x);
    if (r == 0)
        r = store_session_result(s, id, a, &old);
    if (r == ERR_NOT_FOUND && x.id)
        r = 0; // not judged yet
    if (r == 0 && old.report_key)
        r = blob_remove(s, old.report_key, dropped);
    if (r == 0 && report)
        r = blob_add(s, report, (struct blob_owner){.project_id = x.project_id, .session_id = id});
    arena_destroy(a);
    return r;
}

int store_session_set_result(struct store *s, const struct store_lease *lease, const char *id,
                             const struct store_result *result, const struct store_blob *report,
                             struct store_dropped *dropped)
{
    size_t before = dropped->n;
    int r = check_text("session: metrics", result->metrics_json, STORE_JSON_MAX);
    if (r == 0)
        r = check_text("session: verdict", result->verdict_json, STORE_JSON_MAX);
    if (r == 0)
        r = check_text("session: further figures", result->more_json, STORE_JSON_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0)
        r = replace_report(s, id, report, dropped);
    if (r == 0)
        r = set_figures(s, id, result);
    if (r == 0)
        r = set_result(s, id, result, report ? report->key : NULL);
    if (r == 0)
        r = comparison_drop(s, id);
    r = write_end(s, r);
    if (r < 0)
        dropped->n = before;
    return r;
}

int store_session_set_report(struct store *s, const struct store_lease *lease, const char *id,
                             const struct store_blob *report, struct store_dropped *dropped)
{
    size_t before = dropped->n;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0)
        r = replace_report(s, id, report, dropped);
    if (r == 0)
        r = set_report_key(s, id, report->key);
    r = write_end(s, r);
    if (r < 0)
        dropped->n = before;
    return r;
}

int store_session_result(struct store *s, const char *id, struct arena *a, struct store_result *ret)
{
    return run_get(s, &queries_session[RESULT], result_fields, ARRAY_LEN(result_fields),
                   "result of session", id, a, ret);
}

// ---- events

static int check_takes(struct store *s, const char *session_id, const char *video_id)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, &queries_session[TAKES_EVENTS], &run)); // sticky
    run_text(&run, 1, session_id);
    run_text(&run, 2, video_id);
    if (!run_step(&run) && run.r == 0)
        r = err_set(ERR_CONFLICT,
                    "session '%.40s' is not external and open, or video '%.40s' is none of its",
                    session_id, video_id);
    return run_end(&run, r);
}

static int add_event(struct store *s, const char *session_id, const char *video_id,
                     const struct store_event *e)
{
    char id[ID_BYTES];
    if (!e->label || !*e->label || strlen(e->label) > STORE_NAME_MAX || e->end_us < e->start_us)
        return err_set(ERR_INVALID, "event: no label or one too long, or it ends before it starts");
    id_make(id);
    struct run run;
    IGNORE(run_open(s, &queries_session[ADD_EVENT], &run)); // sticky
    run_text(&run, 1, id);
    run_text(&run, 2, session_id);
    run_text(&run, 3, video_id);
    run_int(&run, 4, e->start_us);
    run_int(&run, 5, e->end_us);
    run_text(&run, 6, e->label);
    run_double(&run, 7, e->confidence);
    run_int(&run, 8, e->latency_us);
    return run_done(&run, NULL);
}

int store_session_add_events(struct store *s, const char *session_id, const char *video_id,
                             const struct store_event *events, size_t n)
{
    if (n > EVENTS_AT_ONCE)
        return err_set(ERR_TOO_BIG, "more than %d events at once", EVENTS_AT_ONCE);
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = check_takes(s, session_id, video_id);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_event(s, session_id, video_id, &events[i]);
    return write_end(s, r);
}

int store_session_events(struct store *s, const char *session_id, const char *video_id,
                         const struct store_page *page,
                         int (*row)(void *arg, const struct store_event *e), void *arg,
                         struct store_next *ret_next)
{
    // the cursor is START:ID
    int64_t from_us = INT64_MIN;
    struct store_page at = page ? *page : (struct store_page){0};
    struct str rest = str_of(at.cursor);
    struct str start;
    if (rest.n > 0) {
        if (!str_split(&rest, ':', &start) || str_to_i64(start, &from_us) < 0 || !id_is_valid(rest))
            return err_set(ERR_INVALID, "cursor '%.64s': none of a page", at.cursor);
        at.cursor = rest.p;
    }
    struct list l;
    struct keyed_event e = {0};
    list_open(s, &queries_session[EVENTS], &at, "", &l);
    run_text(&l.run, 3, session_id);
    run_text(&l.run, 4, video_id);
    run_int(&l.run, 5, from_us);
    while (list_next(&l, event_fields, ARRAY_LEN(event_fields), &e))
        l.r = row(arg, &e.event);
    return list_end(&l, ret_next);
}
