// SPDX-License-Identifier: Apache-2.0
// r_probe.c - a video that nobody looked at, or that could not be read, is looked at again.

#include <stdio.h>

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/store_task.h"
#include "store/store_video.h"

static int note_open(void *arg, const struct store_task *t)
{
    struct api_probes *p = (struct api_probes *)arg;
    if (!store_task_is_over(t->status) && p->n < ARRAY_LEN(p->ids))
        snprintf(p->ids[p->n++], ID_BYTES, "%s", t->id);
    return 0;
}

static int find_open(struct request *q, const char *video_id, const char *kind,
                     struct api_probes *ret)
{
    const struct store_task_filter f = {.video_id = video_id, .kind = kind};
    struct store_next next;
    *ret = (struct api_probes){.n = 0};
    return store_task_list(api_of(q)->opts.store, &f, &(struct store_page){0}, note_open, ret,
                           &next);
}

int api_find_probes(struct request *q, const char *video_id, struct api_probes *ret)
{
    return find_open(q, video_id, "probe", ret);
}

struct again {
    struct store_video video;
    struct store_task probe, fetch;
    char id[ID_BYTES], fetch_id[ID_BYTES];
    bool has_fetch; // it is queued here
    bool has_probe;
};

static struct store_task task_of(struct request *q, const struct again *x, const char *kind)
{
    return (struct store_task){.kind = kind,
                               .priority = 1,
                               .project_id = x->video.project_id,
                               .video_id = x->video.id,
                               .created_by = api_user_id(q)};
}

// A URL whose bytes did not come is fetched before it is looked at.
static int queue_fetch(struct request *q, struct again *x)
{
    struct api_probes open;
    if (x->video.blob_key)
        return 0;
    if (!x->video.source_url)
        return err_set(ERR_CONFLICT, "%s has no bytes to look at", x->video.name);
    int r = find_open(q, x->video.id, "fetch", &open);
    if (r == 0 && open.n > 0)
        snprintf(x->fetch_id, ID_BYTES, "%s", open.ids[0]);
    if (r < 0 || open.n > 0)
        return r;
    x->fetch = task_of(q, x, "fetch");
    x->has_fetch = true;
    return store_task_create(api_of(q)->opts.store, &x->fetch, NULL, 0, x->fetch_id);
}

static int queue_again(struct request *q, struct again *x)
{
    struct store *s = api_of(q)->opts.store;
    const char *waits[] = {x->fetch_id};
    struct api_probes open;
    int r = api_video(q, &x->video); // as it is now
    if (r == 0)
        r = api_find_probes(q, x->video.id, &open);
    if (r == 0 && open.n > 0) // somebody has asked already
        snprintf(x->id, ID_BYTES, "%s", open.ids[0]);
    if (r < 0 || open.n > 0)
        return r;
    if (x->video.status == STORE_VIDEO_READY)
        return err_set(ERR_CONFLICT, "%s is ready: it was looked at", x->video.name);
    r = store_video_look_again(s, x->video.id);
    if (r == 0)
        r = queue_fetch(q, x);
    x->probe = task_of(q, x, "probe");
    x->has_probe = true;
    return r == 0 ? store_task_create(s, &x->probe, waits, x->fetch_id[0] ? 1 : 0, x->id) : r;
}

static int video_probe(struct request *q)
{
    struct api *a = api_of(q);
    struct again *x = arena_new(request_arena(q), struct again);
    int r = x ? store_begin(a->opts.store) : ERR_NOMEM;
    if (r < 0)
        return r;
    r = store_end(a->opts.store, queue_again(q, x));
    if (r < 0)
        return r;
    if (x->has_fetch)
        api_announce_task(a, &x->fetch, x->fetch_id);
    if (x->has_probe)
        api_announce_task(a, &x->probe, x->id);
    api_audit_object(q, x->id);
    return api_reply_queued(q, x->id, "the video will be looked at");
}

const struct route api_routes_probe[] = {
    {"POST", "/api/v1/videos/{id}/probe", video_probe, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {0},
};
