// SPDX-License-Identifier: Apache-2.0
// r_dashboard.c - counts and latest results; null where there is no data.

#include <math.h>
#include <string.h>

#include "api/reply_cache.h"
#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_session.h"
#include "store/store_stats.h"

enum {
    SPACE_MS = 15 * 1000, // what is free on the disk changes without our doing
};

static void put_counts(struct json_writer *w, const char *key, const int64_t *counts, int n,
                       const char *(*name)(int))
{
    json_key(w, key);
    json_object(w);
    for (int i = 1; i < n; i++)
        json_put_int(w, name(i), counts[i]);
    json_end(w);
}

static int latest_row(void *arg, const struct store_session *x)
{
    put_session((struct json_writer *)arg, x);
    return 0;
}

struct scope {
    const char *project_id, *user_id; // NULL: all
};

static int put_latest(struct api *a, struct json_writer *w, const struct scope *x)
{
    const struct store_session_filter f = {
        .project_id = x->project_id, .user_id = x->user_id, .status = STORE_SESSION_SUCCEEDED};
    const struct store_page page = {.limit = 10};
    struct store_next next;
    json_key(w, "latest_sessions");
    json_array(w);
    int r = store_session_list(a->opts.store, &f, &page, latest_row, w, &next);
    json_end(w);
    return r;
}

static void put_stats(struct json_writer *w, const struct store_stats *s)
{
    json_put_int(w, "projects", s->n_projects);
    json_put_int(w, "videos", s->n_videos);
    json_put_int(w, "models", s->n_models);
    json_put_int(w, "sessions", s->n_sessions);
    put_counts(w, "videos_by_status", s->n_videos_of, STORE_VIDEO_N_STATUSES,
               store_video_status_name);
    put_counts(w, "tasks_by_status", s->n_tasks_of, STORE_TASK_N_STATUSES, store_task_status_name);
    put_counts(w, "sessions_by_status", s->n_sessions_of, STORE_SESSION_N_STATUSES,
               store_session_status_name);
    put_counts(w, "verdicts", s->n_verdicts_of, STORE_VERDICT_N, store_verdict_name);
    json_put_int(w, "detections", s->n_detections);
    json_put_int(w, "frames", s->n_frames);
    json_put_double(w, "video_seconds", (double)s->video_us / 1e6);
    json_put_int(w, "stored_bytes", s->n_bytes);
    json_put_double(w, "latest_AP", s->latest_at_us > 0 ? s->latest_ap : NAN);
    json_put_double(w, "latest_AP50", s->latest_at_us > 0 ? s->latest_ap50 : NAN);
    put_time(w, "latest_at", s->latest_at_us);
}

static int make_stats(void *arg, struct api *a, struct arena *arena, struct str_buf *out)
{
    const struct scope *x = (const struct scope *)arg;
    struct store_stats s;
    struct json_writer w;
    int64_t n_free;
    int64_t n_total;
    (void)arena;
    int r = store_stats_get(a->opts.store, x->project_id, x->user_id, &s);
    if (r == 0)
        r = blob_space(a->opts.blob, &n_free, &n_total);
    if (r < 0)
        return r;
    json_writer_init(&w, out);
    json_object(&w);
    put_stats(&w, &s);
    json_put_int(&w, "free_bytes", n_free);
    json_put_int(&w, "disk_bytes", n_total);
    r = put_latest(a, &w, x);
    json_end(&w);
    return r;
}

#define SHOWN                                                                                 \
    (STORE_CHANGE_PROJECTS | STORE_CHANGE_VIDEOS | STORE_CHANGE_MODELS | STORE_CHANGE_TASKS | \
     STORE_CHANGE_SESSIONS | STORE_CHANGE_DETECTIONS | STORE_CHANGE_BLOBS | STORE_CHANGE_USERS)

static struct cached_reply reply_of(const char *key, struct scope *x)
{
    return (struct cached_reply){.key = key,
                                 .type = "application/json",
                                 .shows = SHOWN,
                                 .lifetime_ms = SPACE_MS,
                                 .make = make_stats,
                                 .arg = x};
}

int dashboard_warm(struct api *a)
{
    struct scope x = {NULL, NULL};
    const struct cached_reply r = reply_of("dashboard//", &x);
    return reply_cache_warm(a, &r);
}

static int stats(struct request *q)
{
    struct scope x = {NULL, NULL};
    int r = api_query(q, "project_id", &x.project_id);
    if (r == 0)
        r = api_scope(q, &x.project_id, &x.user_id);
    if (r < 0)
        return r;
    const char *key = arena_printf(request_arena(q), "dashboard/%s/%s",
                                   x.project_id ? x.project_id : "", x.user_id ? x.user_id : "");
    const struct cached_reply c = reply_of(key, &x);
    return key ? reply_cached(q, &c) : ERR_NOMEM;
}

const struct route api_routes_dashboard[] = {
    {"GET", "/api/v1/dashboard/stats", stats, .role = API_VIEWER},
    {0},
};
