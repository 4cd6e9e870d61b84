// SPDX-License-Identifier: Apache-2.0
// r_outside.c - sessions from outside: a system under test posts what it finds while a video plays,
// in pieces or as a whole file, and the session is judged when it says that it is done.

#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_piece.h"
#include "store/store_session.h"
#include "store/store_task.h"

// ---- which video

static int keep_first_video(void *arg, const struct store_session_video *v)
{
    snprintf((char *)arg, ID_BYTES, "%s", v->video_id);
    return 0;
}

int api_session_video(struct request *q, const struct store_session *x, const char *named,
                      char ret_id[ID_BYTES])
{
    const struct store_page page = {.limit = 1};
    struct store_next next;
    if (named) {
        int r = store_piece_check_video(api_of(q)->opts.store, x->id, named);
        if (r == 0)
            snprintf(ret_id, ID_BYTES, "%s", named);
        return r;
    }
    if (x->n_videos > 1)
        return err_set(ERR_INVALID, "'video' is needed: the session has %lld videos",
                       (long long)x->n_videos);
    return store_session_videos(api_of(q)->opts.store, x->id, &page, keep_first_video, ret_id,
                                &next);
}

static int find_open(struct request *q, struct store_session *ret)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_session_get(api_of(q)->opts.store, id, request_arena(q), ret);
    if (r < 0)
        return r;
    if (ret->source != STORE_SESSION_EXTERNAL)
        return err_set(ERR_CONFLICT, "session %s runs a model of ours: nothing is posted to it",
                       ret->id);
    if (ret->status != STORE_SESSION_OPEN)
        return err_set(ERR_CONFLICT, "session %s takes no more: it is %s", ret->id,
                       store_session_status_name((int)ret->status));
    return 0;
}

// ---- playing

struct play_body {
    const char *video_id;
};

static const struct body_field play_fields[] = {
    {"video_id", BODY_TEXT, offsetof(struct play_body, video_id), false, 0},
    {0},
};

static int reply_playing(struct request *q, const char *video_id, int64_t at_us)
{
    struct str_buf body = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "video_id", video_id);
    put_time(&w, "played_at", at_us);
    json_end(&w);
    return reply_json(q, 200, &body);
}

static int session_play(struct request *q)
{
    struct store_session x;
    struct play_body b = {0};
    char video[ID_BYTES];
    int64_t at_us;
    int r = find_open(q, &x);
    if (r == 0 && request_has_body(q))
        r = body_read(q, play_fields, &b);
    if (r == 0)
        r = api_session_video(q, &x, b.video_id, video);
    if (r == 0)
        r = store_piece_play(api_of(q)->opts.store, x.id, video, 0, &at_us);
    return r == 0 ? reply_playing(q, video, at_us) : r;
}

// ---- what is posted

struct posted {
    struct request *request;
    struct store_session session;
    char video[ID_BYTES];
    int64_t seq; // -1: the next one
    const char *format;
    struct api_piece piece;
    int64_t played_at_us;
};

static int keep_played(void *arg, const struct store_session_video *v)
{
    struct posted *p = (struct posted *)arg;
    if (strcmp(v->video_id, p->video) == 0)
        p->played_at_us = v->played_at_us;
    return 0;
}

// Events that a playing video brought about: how long after its moment each arrived.
static int fill_latencies(struct posted *p)
{
    struct store *s = api_of(p->request)->opts.store;
    struct store_next next = {""};
    int r = 0;
    if (p->piece.n_events == 0)
        return 0;
    do {
        const struct store_page page = {.limit = STORE_PAGE_MAX, .cursor = next.cursor};
        struct store_next after = {""};
        r = store_session_videos(s, p->session.id, &page, keep_played, p, &after);
        next = after;
    } while (r == 0 && next.cursor[0]);
    int64_t now_us = store_now_us(s);
    for (size_t i = 0; r == 0 && p->played_at_us > 0 && i < p->piece.n_events; i++)
        p->piece.events[i].latency_us = now_us - p->played_at_us - p->piece.events[i].start_us;
    return r;
}

static int read_query(struct posted *p)
{
    struct request *q = p->request;
    const char *video;
    int r = find_open(q, &p->session);
    p->seq = -1;
    if (r == 0)
        r = request_query_int(q, "sequence", 0, STORE_PIECE_SEQ_MAX, &p->seq);
    if (r == 0)
        r = api_query(q, "format", &p->format);
    if (r == 0)
        r = api_query(q, "video", &video);
    return r == 0 ? api_session_video(q, &p->session, video, p->video) : r;
}

static int read_posted(struct posted *p, const char *path, struct str text)
{
    struct api *a = api_of(p->request);
    const struct api_piece_wanted w = {
        .path = path, .text = text, .format = p->format, .name = "the body"};
    int r = a->opts.tools.read_piece(a->opts.tools.arg, &w, request_arena(p->request), &p->piece);
    return r == 0 ? fill_latencies(p) : r;
}

static struct store_piece row_of(const struct posted *p, const char *sha256, int64_t n_bytes)
{
    return (struct store_piece){.session_id = p->session.id,
                                .video_id = p->video,
                                .seq = p->seq,
                                .format = p->piece.format,
                                .sha256 = sha256,
                                .n_bytes = n_bytes,
                                .n_items = p->piece.n_items,
                                .last_us = p->piece.last_us};
}

static int reply_posted(struct posted *p, int64_t seq, bool is_new)
{
    struct str_buf body = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "session_id", p->session.id);
    json_put_text(&w, "video_id", p->video);
    json_put_text(&w, "format", p->piece.format);
    json_put_int(&w, "sequence", seq);
    json_put_int(&w, "items", p->piece.n_items);
    json_put_bool(&w, "is_new", is_new);
    json_end(&w);
    return reply_json(p->request, is_new ? 201 : 200, &body);
}

static int detections_post(struct request *q)
{
    struct posted *p = arena_new(request_arena(q), struct posted);
    struct api *a = api_of(q);
    struct str text = request_body(q);
    char path[BLOB_PATH_BYTES];
    char sha256[DIGEST_HEX_BYTES];
    bool is_new;
    if (!p)
        return ERR_NOMEM;
    p->request = q;
    int r = read_query(p);
    if (r == 0 && text.n == 0)
        r = err_set(ERR_INVALID, "the body is empty");
    if (r == 0)
        r = blob_temp_path(a->opts.blob, ".piece", path);
    if (r == 0)
        r = read_posted(p, path, text);
    if (r < 0)
        return r;
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, text.p, text.n);
    digest_hex(&digest, sha256);
    struct store_piece row = row_of(p, sha256, (int64_t)text.n);
    row.bytes = p->piece.events ? NULL : text.p; // events are kept as such
    r = store_piece_add(a->opts.store, &row, p->piece.events, p->piece.n_events, &row.seq, &is_new);
    return r == 0 ? reply_posted(p, row.seq, is_new) : r;
}

// A whole file takes the place of whatever came before.
static int detections_put(struct request *q)
{
    struct posted *p = arena_new(request_arena(q), struct posted);
    struct api *a = api_of(q);
    struct uploaded file;
    struct store_dropped dropped = {0};
    char path[BLOB_PATH_BYTES];
    if (!p)
        return ERR_NOMEM;
    p->request = q;
    int r = read_query(p);
    if (r == 0)
        r = upload_finish(q, &file);
    if (r == 0)
        r = blob_path(a->opts.blob, file.blob->key, path);
    if (r == 0)
        r = read_posted(p, path, (struct str){NULL, 0});
    if (r < 0)
        return r;
    const struct store_piece row = row_of(p, file.blob->sha256, file.blob->n_bytes);
    const struct store_blob blob = {
        .key = file.blob->key, .sha256 = file.blob->sha256, .n_bytes = file.blob->n_bytes};
    const bool is_kept = !p->piece.events;
    r = store_piece_replace(a->opts.store, &row, is_kept ? &blob : NULL, p->piece.events,
                            p->piece.n_events, &dropped);
    api_delete_blobs(a, &dropped);
    if (r < 0)
        return r;
    if (is_kept)
        upload_keep(q);
    return reply_posted(p, 0, true);
}

// ---- done

static int queue_evaluation(struct request *q, const struct store_session *x, struct store_task *t,
                            char ret_id[ID_BYTES])
{
    struct store *s = api_of(q)->opts.store;
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = store_session_set_status(s, NULL, x->id, STORE_SESSION_QUEUED, NULL);
    *t = (struct store_task){.kind = "evaluate",
                             .priority = 1,
                             .project_id = x->project_id,
                             .session_id = x->id,
                             .created_by = api_user_id(q)};
    if (r == 0)
        r = store_task_create(s, t, NULL, 0, ret_id);
    return store_end(s, r);
}

static int keep_task(void *arg, const struct store_task *t)
{
    snprintf((char *)arg, ID_BYTES, "%s", t->id);
    return 0;
}

static int reply_finished(struct request *q, const char *task_id)
{
    return api_reply_queued(q, task_id, "the session will be judged");
}

// Whoever did not hear the answer may ask again: the task is the same.
static int repeat_finish(struct request *q, const struct store_session *x)
{
    const struct store_task_filter f = {.session_id = x->id, .kind = "evaluate"};
    const struct store_page page = {.limit = 1};
    struct store_next next;
    char id[ID_BYTES] = "";
    int r = store_task_list(api_of(q)->opts.store, &f, &page, keep_task, id, &next);
    if (r == 0 && !id[0])
        r = err_set(ERR_CONFLICT, "session %s is %s", x->id,
                    store_session_status_name((int)x->status));
    return r == 0 ? reply_finished(q, id) : r;
}

static int session_finish(struct request *q)
{
    struct store_session x;
    struct store_task t;
    char task_id[ID_BYTES];
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_session_get(api_of(q)->opts.store, id, request_arena(q), &x);
    if (r == 0 && x.source == STORE_SESSION_EXTERNAL && x.status != STORE_SESSION_OPEN)
        return repeat_finish(q, &x);
    if (r == 0)
        r = find_open(q, &x);
    if (r == 0)
        r = queue_evaluation(q, &x, &t, task_id);
    if (r < 0)
        return r;
    api_announce_task(api_of(q), &t, task_id);
    return reply_finished(q, task_id);
}

const struct route api_routes_outside[] = {
    {"POST", "/api/v1/sessions/{id}/play", session_play, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    // As often as a camera has frames.
    {"POST", "/api/v1/sessions/{id}/detections", detections_post, .role = API_EDITOR,
     .rate_class = API_RATE_READ, .body_limit = STORE_PIECE_BYTES},
    {"PUT", "/api/v1/sessions/{id}/detections", detections_put, .role = API_EDITOR,
     .rate_class = API_RATE_COSTLY, .sink = &api_upload_sink},
    {"POST", "/api/v1/sessions/{id}/finish", session_finish, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {0},
};
