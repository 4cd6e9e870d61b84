// SPDX-License-Identifier: Apache-2.0
// respond.c - JSON replies: members, lists, and what all nouns share.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "event/announce.h"
#include "store/store_blob.h"
#include "store/store_model.h"
#include "store/store_project.h"
#include "store/store_task.h"
#include "store/store_video.h"

struct api *api_of(const struct request *q)
{
    return (struct api *)request_context(q);
}

void put_time(struct json_writer *w, const char *key, int64_t us)
{
    json_key(w, key);
    if (us <= 0) {
        json_null(w);
        return;
    }
    time_t s = (time_t)(us / 1000000);
    struct tm t;
    char date[32];
    char text[48];
    gmtime_r(&s, &t);
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(text, sizeof(text), "%s.%06dZ", date, (int)(us % 1000000));
    json_cstring(w, text);
}

// The store keeps documents as they were written; they are read once more so that the reply is one
// document whatever was stored.
void put_raw(struct json_writer *w, const char *key, const char *json)
{
    json_key(w, key);
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_of(json)};
    if (!json || !*json || json_reader_create(&opts, &reader) < 0) {
        json_null(w);
        return;
    }
    struct json_event e;
    int depth = 0;
    while (json_next(reader, &e) == 0 && e.type != JSON_END) {
        json_copy_event(w, &e);
        depth += (e.type == JSON_OBJECT) + (e.type == JSON_ARRAY);
        depth -= (e.type == JSON_OBJECT_END) + (e.type == JSON_ARRAY_END);
    }
    for (; depth > 0; depth--)
        json_end(w);
    json_reader_destroy(reader);
}

int listing_begin(struct listing *l, struct request *q)
{
    *l = (struct listing){.request = q, .body = STR_BUF_INIT(API_MAX_JSON)};
    int64_t limit = STORE_PAGE_LIMIT;
    int r = request_query_int(q, "limit", 1, STORE_PAGE_MAX, &limit);
    if (r == 0)
        r = api_query(q, "cursor", &l->page.cursor);
    l->page.limit = (int)limit;
    json_writer_init(&l->w, &l->body);
    json_object(&l->w);
    json_key(&l->w, "items");
    json_array(&l->w);
    return r;
}

int listing_end(struct listing *l, int r)
{
    if (r < 0) {
        str_buf_finish(&l->body);
        return r;
    }
    json_end(&l->w);
    json_put_text(&l->w, "next_cursor", l->next.cursor[0] ? l->next.cursor : NULL);
    json_end(&l->w);
    return reply_json(l->request, 200, &l->body);
}

static int keep(struct request *q, struct str text, const char **ret_text)
{
    *ret_text = arena_strndup(request_arena(q), text.p, text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

int api_parameter(struct request *q, const char *name, const char **ret_text)
{
    return keep(q, request_parameter(q, name), ret_text);
}

int api_query(struct request *q, const char *name, const char **ret_text)
{
    struct str text;
    *ret_text = NULL;
    return request_query(q, name, &text) && text.n > 0 ? keep(q, text, ret_text) : 0;
}

int api_video(struct request *q, struct store_video *ret)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? store_video_get(api_of(q)->opts.store, id, request_arena(q), ret) : r;
}

int api_project(struct request *q, struct store_project *ret)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? store_project_get(api_of(q)->opts.store, id, request_arena(q), ret) : r;
}

int api_find_model(struct request *q, const char *id_or_name, struct store_model *ret)
{
    return store_model_get(api_of(q)->opts.store, id_or_name, request_arena(q), ret);
}

int api_check_settings(struct request *q, const char *json, const struct store_model *m)
{
    const struct api_tools *t = &api_of(q)->opts.tools;
    int r = t->check_settings(t->arg, json, request_arena(q));
    return r == 0 ? t->check_labels(t->arg, json, m->labels_json, request_arena(q)) : r;
}

int api_reply_queued(struct request *q, const char *task_id, const char *message)
{
    struct str_buf body = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "task_id", task_id);
    json_put_text(&w, "status", store_task_status_name(STORE_TASK_QUEUED));
    json_put_text(&w, "message", message);
    json_end(&w);
    reply_headerf(q, "Location", "/api/v1/tasks/%s/status", task_id);
    return reply_json(q, 202, &body);
}

void api_announce_task(struct api *a, const struct store_task *t, const char *id)
{
    announce_queued(a->opts.bus);
    announce_task(a->opts.bus, &(struct announced_task){
                                   .task_id = id,
                                   .kind = t->kind,
                                   .status = store_task_status_name(STORE_TASK_QUEUED),
                                   .project_id = t->project_id,
                                   .video_id = t->video_id,
                                   .session_id = t->session_id,
                                   .changed_status = true,
                               });
}

void api_delete_blobs(struct api *a, struct store_dropped *dropped)
{
    for (size_t i = 0; i < dropped->n; i++)
        if (blob_delete(a->opts.blob, dropped->keys[i]) < 0)
            err_clear(); // the janitor's
    store_dropped_finish(dropped);
}
