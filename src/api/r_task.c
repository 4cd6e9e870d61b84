// SPDX-License-Identifier: Apache-2.0
// r_task.c - tasks: their state, cancelling, trying again.

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "event/announce.h"
#include "store/store_task.h"

static void put_members(struct json_writer *w, const struct store_task *t)
{
    json_put_text(w, "task_id", t->id);
    json_put_text(w, "kind", t->kind);
    json_put_text(w, "status", store_task_status_name((int)t->status));
    json_put_double(w, "progress", t->status == STORE_TASK_SUCCEEDED ? 1.0 : t->progress);
    json_put_text(w, "message", t->message);
    json_put_int(w, "attempt", t->attempt);
    json_put_int(w, "priority", t->priority);
    json_put_text(w, "project_id", t->project_id);
    json_put_text(w, "video_id", t->video_id);
    json_put_text(w, "model_id", t->model_id);
    json_put_text(w, "session_id", t->session_id);
    json_put_int(w, "frames_done", t->frames_done);
    json_put_int(w, "frames_total", t->frames_total);
    json_put_double(w, "frames_per_second", t->frames_per_second);
    json_put_int(w, "detections", t->n_detections);
    json_put_text(w, "error", t->error);
    put_raw(w, "result", t->result_json);
    put_raw(w, "settings", t->settings_json);
    put_time(w, "created_at", t->created_at_us);
    put_time(w, "started_at", t->started_at_us);
    put_time(w, "finished_at", t->finished_at_us);
}

void put_task(struct json_writer *w, const struct store_task *t)
{
    json_object(w);
    put_members(w, t);
    json_end(w);
}

// A task that is asked for by itself, with what lists do not carry.
struct one_task {
    struct store_task task;
    const char *log_json;
};

static void put_one(struct json_writer *w, const struct one_task *x)
{
    json_object(w);
    put_members(w, &x->task);
    put_raw(w, "log", x->log_json);
    json_end(w);
}

static int find(struct request *q, struct store_task *ret)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? store_task_get(api_of(q)->opts.store, id, request_arena(q), ret) : r;
}

static int task_get(struct request *q)
{
    struct one_task x = {0};
    int r = find(q, &x.task);
    if (r == 0 && x.task.error) // whoever asks how far a task is asks often
        r = store_task_log(api_of(q)->opts.store, x.task.id, request_arena(q), &x.log_json);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, 200, put_one, &x);
}

static int list_row(void *arg, const struct store_task *t)
{
    put_task(&((struct listing *)arg)->w, t);
    return 0;
}

static int task_list(struct request *q)
{
    struct listing l;
    struct store_task_filter f = {0};
    const char *status = NULL;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_query(q, "project_id", &f.project_id);
    if (r == 0)
        r = api_scope(q, &f.project_id, &f.user_id);
    if (r == 0)
        r = api_query(q, "video_id", &f.video_id);
    if (r == 0)
        r = api_query(q, "session_id", &f.session_id);
    if (r == 0)
        r = api_query(q, "kind", &f.kind);
    if (r == 0)
        r = api_query(q, "status", &status);
    if (r == 0 && status) {
        f.status = (enum store_task_status)store_task_status_parse(status);
        if (!f.status)
            r = err_set(ERR_INVALID,
                        "status '%.40s' is none of queued, running, succeeded, failed, "
                        "cancelled",
                        status);
    }
    if (r == 0)
        r = store_task_list(api_of(q)->opts.store, &f, &l.page, list_row, &l, &l.next);
    return listing_end(&l, r);
}

static int task_cancel(struct request *q)
{
    struct store_task t;
    enum store_task_status now;
    int r = find(q, &t);
    if (r == 0)
        r = store_task_cancel(api_of(q)->opts.store, t.id, &now);
    if (r < 0)
        return r;
    if (now == STORE_TASK_RUNNING)
        announce_cancel(api_of(q)->opts.bus, t.id);
    else if (now == STORE_TASK_CANCELLED)
        announce_task(api_of(q)->opts.bus,
                      &(struct announced_task){.task_id = t.id,
                                               .kind = t.kind,
                                               .status = store_task_status_name((int)now),
                                               .project_id = t.project_id,
                                               .video_id = t.video_id,
                                               .session_id = t.session_id,
                                               .progress = t.progress,
                                               .is_over = true,
                                               .changed_status = true});
    return task_get(q);
}

static int task_retry(struct request *q)
{
    struct store_task t;
    int r = find(q, &t);
    if (r == 0)
        r = store_task_retry(api_of(q)->opts.store, t.id);
    if (r < 0)
        return r;
    api_announce_task(api_of(q), &t, t.id);
    return task_get(q);
}

// ---- what a deletion ends

static const char *own(struct api_ending *e, const char *text)
{
    return text ? arena_printf(request_arena(e->request), "%s", text) : NULL;
}

static int note_ended(void *arg, const struct store_task *t)
{
    struct api_ending *e = (struct api_ending *)arg;
    struct api_ended *x = arena_new(request_arena(e->request), struct api_ended);
    if (!x)
        return ERR_NOMEM;
    *x = (struct api_ended){.next = e->first,
                            .id = own(e, t->id),
                            .kind = own(e, t->kind),
                            .project_id = own(e, t->project_id),
                            .video_id = own(e, t->video_id),
                            .session_id = own(e, t->session_id)};
    e->first = x;
    return x->id && x->kind ? 0 : ERR_NOMEM;
}

int api_ending_note(struct request *q, const struct store_task_filter *f, struct api_ending *ret)
{
    static const enum store_task_status open[] = {STORE_TASK_QUEUED, STORE_TASK_RUNNING};
    const struct store_page page = {.limit = STORE_PAGE_MAX};
    int r = 0;
    *ret = (struct api_ending){.request = q};
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(open); i++) {
        struct store_task_filter these = *f;
        these.status = open[i];
        r = store_task_list(api_of(q)->opts.store, &these, &page, note_ended, ret, NULL);
    }
    return r;
}

void api_ending_tell(const struct api_ending *e)
{
    struct bus *bus = api_of(e->request)->opts.bus;
    for (const struct api_ended *x = e->first; x; x = x->next) {
        announce_cancel(bus, x->id);
        announce_task(
            bus, &(struct announced_task){.task_id = x->id,
                                          .kind = x->kind,
                                          .status = store_task_status_name(STORE_TASK_CANCELLED),
                                          .project_id = x->project_id,
                                          .video_id = x->video_id,
                                          .session_id = x->session_id,
                                          .message = "what it was about is deleted",
                                          .is_over = true,
                                          .changed_status = true});
    }
}

const struct route api_routes_task[] = {
    {"GET", "/api/v1/tasks", task_list, .role = API_VIEWER},
    {"GET", "/api/v1/tasks/{id}", task_get, .role = API_VIEWER},
    {"GET", "/api/v1/tasks/{id}/status", task_get, .role = API_VIEWER},
    {"POST", "/api/v1/tasks/{id}/cancel", task_cancel, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {"POST", "/api/v1/tasks/{id}/retry", task_retry, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {0},
};
