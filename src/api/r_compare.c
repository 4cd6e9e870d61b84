// SPDX-License-Identifier: Apache-2.0
// r_compare.c - two sessions beside each other: made by a task the first time, then kept.

#include <stdio.h>
#include <string.h>

#include "api/reply_cache.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/store_comparison.h"
#include "store/store_session.h"
#include "store/store_task.h"

enum {
    LOOKED_AT = 100, // newest comparisons of a session that are searched for one under way
};

struct pair {
    struct request *request;
    struct store_session a, b;
    const char *settings; // of the task
    // --- the newest task that makes it
    char task_id[ID_BYTES];
    enum store_task_status status;
    const char *error;
    // --- videos
    size_t n_both;
    struct store_common_video first_other; // the first one that cannot be compared
    char first_id[ID_BYTES];
};

static int find_session(struct request *q, const char *parameter, struct store_session *ret)
{
    const char *id;
    int r = api_parameter(q, parameter, &id);
    if (r == 0)
        r = store_session_get(api_of(q)->opts.store, id, request_arena(q), ret);
    if (r == 0 && ret->status != STORE_SESSION_SUCCEEDED)
        return err_set(ERR_CONFLICT, "session %s is not judged: it is %s", ret->id,
                       store_session_status_name((int)ret->status));
    return r;
}

static int note_video(void *arg, const struct store_common_video *v)
{
    struct pair *p = (struct pair *)arg;
    p->n_both += v->common == STORE_COMMON_BOTH;
    if (v->common != STORE_COMMON_BOTH && !p->first_id[0]) {
        p->first_other = *v;
        snprintf(p->first_id, sizeof(p->first_id), "%s", v->video_id);
    }
    return 0;
}

// What cannot be compared is refused with its cause, not by a task that fails.
static int check_videos(struct pair *p)
{
    const struct store_common_video *v = &p->first_other;
    int r =
        store_comparison_videos(api_of(p->request)->opts.store, p->a.id, p->b.id, note_video, p);
    if (r < 0 || p->n_both > 0)
        return r;
    if (v->common == STORE_COMMON_OTHER_TRUTH)
        return err_set(ERR_CONFLICT,
                       "the sessions judge by different truths: video %s by version %d in A and by "
                       "version %d in B",
                       p->first_id, v->version_a, v->version_b);
    if (v->common == STORE_COMMON_NO_TRUTH)
        return err_set(ERR_CONFLICT, "video %s has no truth in %s: there is nothing to judge by",
                       p->first_id, v->version_a == 0 ? "A" : "B");
    return err_set(ERR_CONFLICT, "the sessions have no video in common");
}

static int note_task(void *arg, const struct store_task *t)
{
    struct pair *p = (struct pair *)arg;
    if (p->task_id[0] || !t->settings_json || strcmp(t->settings_json, p->settings) != 0)
        return 0;
    snprintf(p->task_id, sizeof(p->task_id), "%s", t->id);
    p->status = t->status;
    p->error = t->error ? arena_strndup(request_arena(p->request), t->error, strlen(t->error)) : "";
    return p->error ? 0 : ERR_NOMEM;
}

static int find_task(struct pair *p)
{
    const struct store_task_filter f = {.session_id = p->a.id, .kind = "compare"};
    const struct store_page page = {.limit = LOOKED_AT};
    struct store_next next;
    return store_task_list(api_of(p->request)->opts.store, &f, &page, note_task, p, &next);
}

// One task at a time makes it, whoever else asks meanwhile.
static int find_or_queue(struct pair *p, struct store_task *ret_new)
{
    struct store *s = api_of(p->request)->opts.store;
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = find_task(p);
    bool is_made =
        p->task_id[0] && p->status != STORE_TASK_SUCCEEDED && p->status != STORE_TASK_CANCELLED;
    if (r == 0 && !is_made) {
        *ret_new = (struct store_task){.kind = "compare",
                                       .priority = 1,
                                       .project_id = p->a.project_id,
                                       .session_id = p->a.id,
                                       .settings_json = p->settings,
                                       .created_by = api_user_id(p->request)};
        r = store_task_create(s, ret_new, NULL, 0, p->task_id);
        p->status = STORE_TASK_QUEUED;
    }
    return store_end(s, r);
}

static int reply_task(struct pair *p)
{
    struct request *q = p->request;
    struct str_buf body = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "task_id", p->task_id);
    json_put_text(&w, "status", store_task_status_name((int)p->status));
    json_put_text(&w, "message", "the comparison is being made: ask again when the task is done");
    json_end(&w);
    reply_headerf(q, "Location", "/api/v1/tasks/%s/status", p->task_id);
    reply_retry_after(q, 1);
    return reply_json(q, 202, &body);
}

static int make(struct pair *p)
{
    struct store_task created = {0};
    p->settings = arena_printf(request_arena(p->request), "{\"with\":\"%s\"}", p->b.id);
    if (!p->settings)
        return ERR_NOMEM;
    int r = check_videos(p);
    if (r == 0)
        r = find_or_queue(p, &created);
    if (r < 0)
        return r;
    if (p->status == STORE_TASK_FAILED)
        return err_set(ERR_CONFLICT, "the comparison failed: %s (task %s can be tried again)",
                       p->error, p->task_id);
    if (created.kind)
        api_announce_task(api_of(p->request), &created, p->task_id);
    return reply_task(p);
}

static int make_made(void *arg, struct api *a, struct arena *arena, struct str_buf *out)
{
    const struct pair *p = (const struct pair *)arg;
    struct store_comparison made;
    int r = store_comparison_get(a->opts.store, p->a.id, p->b.id, arena, &made);
    if (r == 0)
        str_buf_puts(out, made.json);
    return r;
}

static int compare(struct request *q)
{
    struct pair *p = arena_new(request_arena(q), struct pair);
    if (!p)
        return ERR_NOMEM;
    p->request = q;
    int r = find_session(q, "a", &p->a);
    if (r == 0)
        r = find_session(q, "b", &p->b);
    if (r == 0 && strcmp(p->a.id, p->b.id) == 0)
        r = err_set(ERR_INVALID, "a session is compared with another one");
    if (r < 0)
        return r;
    const struct cached_reply c = {
        .key = arena_printf(request_arena(q), "compare/%s/%s", p->a.id, p->b.id),
        .type = "application/json",
        .shows = STORE_CHANGE_SESSIONS,
        .id = p->a.id,
        .other_id = p->b.id,
        .lifetime_ms = REPLY_CACHE_ANSWER_MS,
        .make = make_made,
        .arg = p};
    r = c.key ? reply_cached(q, &c) : ERR_NOMEM;
    return r == ERR_NOT_FOUND ? make(p) : r; // not made yet
}

const struct route api_routes_compare[] = {
    {"GET", "/api/v1/sessions/{a}/compare/{b}", compare, .role = API_VIEWER,
     .rate_class = API_RATE_COSTLY},
    {0},
};
