// SPDX-License-Identifier: Apache-2.0
// r_session.c - test sessions: a model put to some videos and judged.

#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/detection_reply.h"
#include "api/reply_cache.h"
#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_detection.h"
#include "store/store_model.h"
#include "store/store_project.h"
#include "store/store_session.h"
#include "store/store_task.h"
#include "store/store_truth.h"
#include "store/store_video.h"

enum {
    MAX_VIDEOS = 1000,  // of a session
    WARM_SESSIONS = 10, // whose results are made at the start
};

void put_session(struct json_writer *w, const struct store_session *s)
{
    json_object(w);
    json_put_text(w, "id", s->id);
    json_put_text(w, "project_id", s->project_id);
    json_put_text(w, "name", s->name);
    json_put_text(w, "source", store_session_source_name((int)s->source));
    json_put_text(w, "status", store_session_status_name((int)s->status));
    json_put_text(w, "error", s->error);
    json_put_text(w, "model_id", s->model_id);
    json_put_text(w, "model", s->model_name);
    json_put_text(w, "model_sha256", s->model_sha256);
    put_raw(w, "settings", s->settings_json);
    put_raw(w, "profile", s->profile_json);
    json_put_text(w, "verdict", s->verdict ? store_verdict_name((int)s->verdict) : NULL);
    json_put_double(w, "AP", s->ap);
    json_put_double(w, "AP50", s->ap50);
    json_put_double(w, "precision", s->precision);
    json_put_double(w, "recall", s->recall);
    json_put_double(w, "f1", s->f1);
    json_put_int(w, "videos", s->n_videos);
    json_put_int(w, "videos_done", s->n_videos_done);
    put_time(w, "created_at", s->created_at_us);
    put_time(w, "started_at", s->started_at_us);
    put_time(w, "finished_at", s->finished_at_us);
    json_end(w);
}

static int find(struct request *q, const char *parameter, struct store_session *ret)
{
    const char *id;
    int r = api_parameter(q, parameter, &id);
    return r == 0 ? store_session_get(api_of(q)->opts.store, id, request_arena(q), ret) : r;
}

// ---- creating

struct session_body {
    const char *project_id, *name, *model, *settings, *profile, *source;
    struct body_texts video_ids;
};

static const struct body_field fields[] = {
    {"project_id", BODY_TEXT, offsetof(struct session_body, project_id), true, 0},
    {"name", BODY_TEXT, offsetof(struct session_body, name), false, 0},
    {"model", BODY_TEXT, offsetof(struct session_body, model), false, 0},
    {"video_ids", BODY_TEXTS, offsetof(struct session_body, video_ids), true, MAX_VIDEOS},
    {"settings", BODY_JSON, offsetof(struct session_body, settings), false, 0},
    {"profile", BODY_JSON, offsetof(struct session_body, profile), false, 0},
    {"source", BODY_TEXT, offsetof(struct session_body, source), false, 0},
    {0},
};

struct creation {
    struct request *request;
    struct session_body body;
    struct store_model model;
    bool is_external;
    struct store_video *videos;
    struct store_session_video *rows;
    char (*task_ids)[ID_BYTES]; // of each video, then the evaluation's
    struct store_task *tasks;
    char id[ID_BYTES];
};

static int check_body(struct creation *c)
{
    struct request *q = c->request;
    struct api *a = api_of(q);
    const struct session_body *b = &c->body;
    struct store_project p;
    int r = api_check_project(q, b->project_id, API_EDITOR);
    if (r == 0)
        r = store_project_get(a->opts.store, b->project_id, request_arena(q), &p);
    if (r < 0)
        return r;
    if (b->video_ids.n == 0)
        return err_set(ERR_INVALID, "'video_ids' is empty");
    int source = b->source ? store_session_source_parse(b->source) : STORE_SESSION_OWN;
    if (source == STORE_SESSION_SOURCE_UNSET)
        return err_set(ERR_INVALID, "'source' is neither own nor external");
    c->is_external = source == STORE_SESSION_EXTERNAL;
    if (!c->is_external && !b->model)
        return err_set(ERR_INVALID, "'model' is needed");
    if (!c->is_external)
        r = api_find_model(q, b->model, &c->model);
    if (r == 0 && c->is_external && b->settings)
        r = a->opts.tools.check_outside_settings(a->opts.tools.arg, b->settings, request_arena(q));
    else if (r == 0 && b->settings)
        r = api_check_settings(q, b->settings, &c->model);
    if (r == 0 && b->profile)
        r = a->opts.tools.check_profile(a->opts.tools.arg, b->profile, request_arena(q));
    return r;
}

// Whoever may not see it does not learn that it is there.
static int refuse_video(struct request *q, const struct store_video *v, const char *project_id)
{
    int r = api_check_project(q, v->project_id, API_VIEWER);
    if (r == ERR_NOT_FOUND)
        return err_set(r, "video '%.64s' does not exist", v->id);
    return r < 0 ? r : err_set(ERR_INVALID, "video %s is not of project %s", v->id, project_id);
}

static int find_videos(struct creation *c)
{
    struct request *q = c->request;
    struct store *s = api_of(q)->opts.store;
    struct arena *a = request_arena(q);
    size_t n = c->body.video_ids.n;
    c->videos = arena_array(a, struct store_video, n);
    c->rows = arena_array(a, struct store_session_video, n);
    c->tasks = arena_array(a, struct store_task, n + 1);
    c->task_ids = (char(*)[ID_BYTES])arena_alloc(a, n + 1, ID_BYTES);
    if (!c->videos || !c->rows || !c->tasks || !c->task_ids)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct store_truth truth;
        int r = store_video_get(s, c->body.video_ids.items[i], a, &c->videos[i]);
        if (r == 0 && strcmp(c->videos[i].project_id, c->body.project_id) != 0)
            return refuse_video(q, &c->videos[i], c->body.project_id);
        if (r < 0)
            return r;
        c->rows[i] = (struct store_session_video){.video_id = c->videos[i].id, .position = (int)i};
        r = store_truth_of_video(s, c->videos[i].id, 0, a, &truth);
        if (r == 0)
            c->rows[i].truth_id = truth.id;
        else if (r != ERR_NOT_FOUND)
            return r;
    }
    return 0;
}

static int create_row(struct creation *c)
{
    const struct session_body *b = &c->body;
    const struct store_session x = {
        .project_id = b->project_id,
        .name = b->name,
        .source = c->is_external ? STORE_SESSION_EXTERNAL : STORE_SESSION_OWN,
        .status = c->is_external ? STORE_SESSION_OPEN : STORE_SESSION_QUEUED,
        .model_id = c->is_external ? NULL : c->model.id,
        .model_name = c->is_external ? b->model : c->model.name,
        .model_sha256 = c->is_external ? NULL : c->model.sha256,
        .settings_json = b->settings ? b->settings : "{}",
        .profile_json = b->profile,
        .created_by = api_user_id(c->request)};
    return store_session_create(api_of(c->request)->opts.store, &x, c->rows, b->video_ids.n, c->id);
}

static int queue_evaluation(struct creation *c, const char *const *waits, size_t n_waits)
{
    size_t n = c->body.video_ids.n;
    c->tasks[n] = (struct store_task){.kind = "evaluate",
                                      .priority = 1,
                                      .project_id = c->body.project_id,
                                      .session_id = c->id,
                                      .created_by = api_user_id(c->request)};
    return store_task_create(api_of(c->request)->opts.store, &c->tasks[n], waits, n_waits,
                             c->task_ids[n]);
}

static int queue_tasks(struct creation *c)
{
    struct request *q = c->request;
    struct store *s = api_of(q)->opts.store;
    size_t n = c->body.video_ids.n;
    const char **waits = arena_array(request_arena(q), const char *, n);
    int r = waits ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        c->tasks[i] =
            (struct store_task){.model_id = c->model.id,
                                .session_id = c->id,
                                .settings_json = c->body.settings ? c->body.settings : "{}",
                                .created_by = api_user_id(q)};
        r = api_queue_process(q, &c->videos[i], &c->tasks[i], c->task_ids[i]);
        waits[i] = c->task_ids[i];
        const struct store_session_video v = {
            .session_id = c->id, .video_id = c->videos[i].id, .task_id = c->task_ids[i]};
        if (r == 0)
            r = store_session_set_video(s, NULL, &v);
    }
    return r == 0 ? queue_evaluation(c, waits, n) : r;
}

static int create_all(struct creation *c)
{
    struct store *s = api_of(c->request)->opts.store;
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = create_row(c);
    if (r == 0 && !c->is_external)
        r = queue_tasks(c);
    return store_end(s, r);
}

static int reply_session(struct request *q, int status, const char *id)
{
    struct store_session x;
    int r = store_session_get(api_of(q)->opts.store, id, request_arena(q), &x);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, status, put_session, &x);
}

static int session_create(struct request *q)
{
    struct creation *c = arena_new(request_arena(q), struct creation);
    if (!c)
        return ERR_NOMEM;
    c->request = q;
    int r = body_read(q, fields, &c->body);
    if (r == 0)
        r = check_body(c);
    if (r == 0)
        r = find_videos(c);
    if (r == 0)
        r = create_all(c);
    if (r < 0)
        return r;
    for (size_t i = 0; !c->is_external && i <= c->body.video_ids.n; i++)
        api_announce_task(api_of(q), &c->tasks[i], c->task_ids[i]);
    reply_headerf(q, "Location", "/api/v1/sessions/%s", c->id);
    return reply_session(q, 201, c->id);
}

// ---- reading

static int session_get(struct request *q)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? reply_session(q, 200, id) : r;
}

static int list_row(void *arg, const struct store_session *x)
{
    put_session(&((struct listing *)arg)->w, x);
    return 0;
}

static int session_list(struct request *q)
{
    struct listing l;
    struct store_session_filter f = {0};
    const char *status = NULL;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_query(q, "project_id", &f.project_id);
    if (r == 0)
        r = api_scope(q, &f.project_id, &f.user_id);
    if (r == 0)
        r = api_query(q, "status", &status);
    if (r == 0 && status) {
        f.status = (enum store_session_status)store_session_status_parse(status);
        if (!f.status)
            r = err_set(ERR_INVALID, "status '%.40s' is no status of a session", status);
    }
    if (r == 0)
        r = store_session_list(api_of(q)->opts.store, &f, &l.page, list_row, &l, &l.next);
    return listing_end(&l, r);
}

static int video_row(void *arg, const struct store_session_video *v)
{
    struct json_writer *w = &((struct listing *)arg)->w;
    json_object(w);
    json_put_text(w, "video_id", v->video_id);
    json_put_int(w, "position", v->position);
    json_put_text(w, "task_id", v->task_id);
    json_put_text(w, "truth_id", v->truth_id);
    json_put_text(w, "set_id", v->set_id);
    put_time(w, "played_at", v->played_at_us);
    json_put_text(w, "posted_format", v->piece_format);
    json_put_int(w, "posted_pieces", v->n_pieces);
    json_put_int(w, "posted_bytes", v->n_piece_bytes);
    json_put_int(w, "posted_items", v->n_piece_items);
    json_end(w);
    return 0;
}

static int session_videos(struct request *q)
{
    struct listing l;
    struct store_session x;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = find(q, "id", &x);
    if (r == 0)
        r = store_session_videos(api_of(q)->opts.store, x.id, &l.page, video_row, &l, &l.next);
    return listing_end(&l, r);
}

static int session_delete(struct request *q)
{
    struct store_dropped dropped = {0};
    struct api_ending ending;
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = api_ending_note(q, &(struct store_task_filter){.session_id = id}, &ending);
    if (r == 0)
        r = store_session_delete(api_of(q)->opts.store, id, &dropped);
    api_delete_blobs(api_of(q), &dropped);
    if (r < 0)
        return r;
    api_ending_tell(&ending);
    return reply_empty(q, 204);
}

static int make_results(void *arg, struct api *a, struct arena *arena, struct str_buf *out)
{
    const char *session_id = (const char *)arg;
    struct store_result result;
    struct json_writer w;
    int r = store_session_result(a->opts.store, session_id, arena, &result);
    if (r < 0)
        return r;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "session_id", session_id);
    json_put_text(&w, "verdict", result.verdict ? store_verdict_name((int)result.verdict) : NULL);
    json_put_double(&w, "AP", result.ap);
    json_put_double(&w, "AP50", result.ap50);
    json_put_double(&w, "precision", result.precision);
    json_put_double(&w, "recall", result.recall);
    json_put_double(&w, "f1", result.f1);
    put_raw(&w, "judgement", result.verdict_json);
    put_raw(&w, "metrics", result.metrics_json);
    put_raw(&w, "more", result.more_json);
    json_put_bool(&w, "has_report", result.report_key != NULL);
    json_end(&w);
    return 0;
}

static struct cached_reply results_reply(struct arena *a, const char *session_id)
{
    return (struct cached_reply){.key = arena_printf(a, "results/%s", session_id),
                                 .type = "application/json",
                                 .shows = STORE_CHANGE_SESSIONS,
                                 .id = arena_strndup(a, session_id, strlen(session_id)),
                                 .lifetime_ms = REPLY_CACHE_ANSWER_MS,
                                 .make = make_results,
                                 .arg = arena_strndup(a, session_id, strlen(session_id))};
}

static int session_results(struct request *q)
{
    struct store_session x;
    int r = find(q, "id", &x);
    if (r < 0)
        return r;
    const struct cached_reply c = results_reply(request_arena(q), x.id);
    return c.key && c.id && c.arg ? reply_cached(q, &c) : ERR_NOMEM;
}

struct newest {
    char ids[WARM_SESSIONS][ID_BYTES];
    int n;
};

static int note_newest(void *arg, const struct store_session *x)
{
    struct newest *found = (struct newest *)arg;
    snprintf(found->ids[found->n++], ID_BYTES, "%s", x->id);
    return 0;
}

int session_warm(struct api *a, struct arena *arena)
{
    const struct store_session_filter f = {.status = STORE_SESSION_SUCCEEDED};
    const struct store_page page = {.limit = WARM_SESSIONS};
    struct store_next next;
    struct newest found = {.n = 0};
    int r = store_session_list(a->opts.store, &f, &page, note_newest, &found, &next);
    for (int i = 0; r == 0 && i < found.n; i++) {
        const struct cached_reply c = results_reply(arena, found.ids[i]);
        r = c.key && c.id && c.arg ? reply_cache_warm(a, &c) : ERR_NOMEM;
    }
    return r;
}

// The page carries its own styles and pictures, and nothing else.
static int session_report(struct request *q)
{
    struct store_session x;
    struct store_result result;
    int r = find(q, "id", &x);
    if (r == 0)
        r = store_session_result(api_of(q)->opts.store, x.id, request_arena(q), &result);
    if (r < 0)
        return r;
    if (!result.report_key)
        return err_set(ERR_NOT_FOUND, "session %s has no report", x.id);
    reply_content_policy(q, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                            "base-uri 'none'; form-action 'none'; frame-ancestors 'self'");
    struct reply_file f = {.type = "text/html; charset=utf-8",
                           .validity = {.etag = result.report_key}};
    r = blob_read(api_of(q)->opts.blob, result.report_key, &f.fd, &f.size);
    return r == 0 ? reply_file(q, &f) : r;
}

// The page made anew, by a task.
static int session_make_report(struct request *q)
{
    struct store *s = api_of(q)->opts.store;
    struct store_session x;
    char id[ID_BYTES];
    int r = find(q, "id", &x);
    if (r == 0 && x.status != STORE_SESSION_SUCCEEDED)
        r = err_set(ERR_CONFLICT, "session %s is not judged: it is %s", x.id,
                    store_session_status_name((int)x.status));
    if (r < 0)
        return r;
    const struct store_task t = {.kind = "report",
                                 .project_id = x.project_id,
                                 .session_id = x.id,
                                 .created_by = api_user_id(q)};
    r = store_task_create(s, &t, NULL, 0, id);
    if (r < 0)
        return r;
    api_announce_task(api_of(q), &t, id);
    return api_reply_queued(q, id, "the report will be made");
}

// Of the video that ?video= names, or of the session's only one.
static int session_detections(struct request *q)
{
    struct store *s = api_of(q)->opts.store;
    struct store_session x;
    struct store_set set;
    struct store_set_filter f = {0};
    const char *named;
    char video[ID_BYTES] = "";
    int r = find(q, "id", &x);
    if (r == 0)
        r = api_query(q, "video", &named);
    if (r == 0)
        r = api_session_video(q, &x, named, video);
    if (r == 0)
        r = store_set_of_session(s, x.id, video, STORE_SET_OUTCOMES, request_arena(q), &set);
    if (r == 0)
        r = detections_filter(q, &f);
    f.set_id = set.id;
    return r == 0 ? detections_reply(q, &f) : r;
}

const struct route api_routes_session[] = {
    {"POST", "/api/v1/sessions", session_create, .role = API_EDITOR_NAMED,
     .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/sessions", session_list, .role = API_VIEWER},
    {"GET", "/api/v1/sessions/{id}", session_get, .role = API_VIEWER},
    {"DELETE", "/api/v1/sessions/{id}", session_delete, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/sessions/{id}/videos", session_videos, .role = API_VIEWER},
    {"GET", "/api/v1/sessions/{id}/results", session_results, .role = API_VIEWER},
    {"POST", "/api/v1/sessions/{id}/report", session_make_report, .role = API_EDITOR,
     .rate_class = API_RATE_COSTLY},
    {"GET", "/api/v1/sessions/{id}/report.html", session_report, .role = API_VIEWER},
    {"GET", "/api/v1/sessions/{id}/detections", session_detections, .role = API_VIEWER},
    {0},
};
