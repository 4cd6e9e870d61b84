// SPDX-License-Identifier: Apache-2.0
// r_dashboard.c - counts and latest results; null where there is no data.

#include <math.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_session.h"
#include "store/store_stats.h"

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

static int put_latest(struct request *q, struct json_writer *w, const char *project_id,
                      const char *user_id)
{
    const struct store_session_filter f = {
        .project_id = project_id, .user_id = user_id, .status = STORE_SESSION_SUCCEEDED};
    const struct store_page page = {.limit = 10};
    struct store_next next;
    json_key(w, "latest_sessions");
    json_array(w);
    int r = store_session_list(api_of(q)->opts.store, &f, &page, latest_row, w, &next);
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

static int stats(struct request *q)
{
    struct api *a = api_of(q);
    struct store_stats s;
    const char *project_id;
    const char *user_id;
    int64_t n_free;
    int64_t n_total;
    int r = api_query(q, "project_id", &project_id);
    if (r == 0)
        r = api_scope(q, &project_id, &user_id);
    if (r == 0)
        r = store_stats_get(a->opts.store, project_id, user_id, &s);
    if (r == 0)
        r = blob_space(a->opts.blob, &n_free, &n_total);
    if (r < 0)
        return r;
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    put_stats(&w, &s);
    json_put_int(&w, "free_bytes", n_free);
    json_put_int(&w, "disk_bytes", n_total);
    r = put_latest(q, &w, project_id, user_id);
    json_end(&w);
    if (r == 0)
        return reply_json(q, 200, &body);
    str_buf_finish(&body);
    return r;
}

const struct route api_routes_dashboard[] = {
    {"GET", "/api/v1/dashboard/stats", stats, .role = API_VIEWER},
    {0},
};
