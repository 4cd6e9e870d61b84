// SPDX-License-Identifier: Apache-2.0
// remote.c - a video that is given as a URL: its row, a task that fetches it, and one that looks at
// it after that.

#include "api/remote.h"

#include <string.h>

#include "api/arrival.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/store_task.h"
#include "store/store_video.h"

enum {
    MAX_WISH = 16 * 1024,
    MAX_URL = 2048,
};

struct wish {
    const char *project_id, *url, *name;
};

static const struct body_field fields[] = {
    {"project_id", BODY_TEXT, offsetof(struct wish, project_id), true, 0},
    {"url", BODY_TEXT, offsetof(struct wish, url), true, MAX_URL},
    {"name", BODY_TEXT, offsetof(struct wish, name), false, 0},
    {0},
};

bool remote_is_wish(const struct request *q)
{
    return str_is(request_content_type(q), "application/json");
}

static void release(void *state)
{
    str_buf_finish((struct str_buf *)state);
}

int remote_begin(struct request *q)
{
    struct str_buf *body = arena_new(request_arena(q), struct str_buf);
    if (!body)
        return ERR_NOMEM;
    *body = STR_BUF_INIT(MAX_WISH);
    request_set_body_limit(q, MAX_WISH);
    request_set_state(q, body, release);
    return 0;
}

int remote_data(struct request *q, const void *bytes, size_t n)
{
    struct str_buf *body = (struct str_buf *)request_state(q);
    str_buf_add(body, bytes, n);
    return str_buf_check(body);
}

// What the URL's path ends in.
static const char *file_name(struct request *q, const char *url)
{
    size_t n = strcspn(url, "?#");
    size_t at = n;
    while (at > 0 && url[at - 1] != '/')
        at--;
    if (at == n || n - at > STORE_NAME_MAX)
        return "video";
    return arena_strndup(request_arena(q), url + at, n - at);
}

struct creation {
    struct store_video video;
    struct store_task fetch, probe;
    char id[ID_BYTES], fetch_id[ID_BYTES], probe_id[ID_BYTES];
};

static struct store_task task_of(const struct creation *c, const char *kind)
{
    return (struct store_task){.kind = kind,
                               .priority = 1,
                               .project_id = c->video.project_id,
                               .video_id = c->id,
                               .created_by = c->video.created_by};
}

static int create(struct store *s, struct creation *c)
{
    const char *waits[] = {c->fetch_id};
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = store_video_create(s, &c->video, NULL, NULL, c->id);
    c->fetch = task_of(c, "fetch");
    c->probe = task_of(c, "probe");
    if (r == 0)
        r = store_task_create(s, &c->fetch, NULL, 0, c->fetch_id);
    if (r == 0)
        r = store_task_create(s, &c->probe, waits, ARRAY_LEN(waits), c->probe_id);
    return store_end(s, r);
}

int remote_create(struct request *q)
{
    struct api *a = api_of(q);
    struct wish w = {0};
    struct creation c = {0};
    int r = body_read_text(q, str_buf_view((struct str_buf *)request_state(q)), fields, &w);
    if (r == 0)
        r = api_check_project(q, w.project_id, API_EDITOR);
    if (r == 0)
        r = quota_check(q, w.project_id, -1);
    if (r == 0)
        r = a->opts.tools.check_source(a->opts.tools.arg, w.url);
    if (r < 0)
        return r;
    c.video = (struct store_video){.project_id = w.project_id,
                                   .name = w.name && *w.name ? w.name : file_name(q, w.url),
                                   .status = STORE_VIDEO_UPLOADED,
                                   .source_url = w.url,
                                   .created_by = api_user_id(q)};
    r = c.video.name ? create(a->opts.store, &c) : ERR_NOMEM;
    if (r < 0)
        return r;
    api_announce_task(a, &c.fetch, c.fetch_id);
    reply_headerf(q, "Location", "/api/v1/videos/%s", c.id);
    return api_reply_video(q, 202, c.id);
}
