// SPDX-License-Identifier: Apache-2.0
// r_video.c - videos: upload, list, bytes, single frames, processing.

#include <stdio.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/arrival.h"
#include "api/remote.h"
#include "api/reply_cache.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_model.h"
#include "store/store_project.h"
#include "store/store_task.h"
#include "store/store_video.h"

enum {
    MAX_FRAME_WIDTH = 8192,
    MAX_BATCH = 1000, // videos of one request
    WARM_VIDEOS = 24, // whose thumbnails are read at the start
};
#define MAX_JPEG       (32 * MIB)
#define MAX_TIMES_JSON (256 * MIB)

void put_video(struct json_writer *w, const struct store_video *v)
{
    json_object(w);
    json_put_text(w, "id", v->id);
    json_put_text(w, "project_id", v->project_id);
    json_put_text(w, "name", v->name);
    json_put_text(w, "status", store_video_status_name((int)v->status));
    json_put_text(w, "error", v->error);
    json_put_text(w, "source_url", v->source_url);
    json_put_text(w, "content_type", v->content_type);
    json_put_int(w, "bytes", v->n_bytes);
    json_put_text(w, "sha256", v->sha256);
    json_put_text(w, "container", v->container);
    json_put_text(w, "codec", v->codec);
    json_put_int(w, "width", v->width);
    json_put_int(w, "height", v->height);
    json_put_int(w, "rotation", v->rotation);
    json_put_int(w, "frames", v->n_frames);
    json_put_double(w, "duration_seconds", (double)v->duration_us / 1e6);
    json_put_double(w, "frame_rate", v->frame_rate);
    json_put_bool(w, "is_variable", v->is_variable);
    json_put_bool(w, "is_playable", v->is_playable);
    json_put_bool(w, "has_preview", v->preview_key != NULL);
    json_put_bool(w, "has_thumbnail", v->thumbnail_key != NULL);
    put_time(w, "created_at", v->created_at_us);
    put_time(w, "updated_at", v->updated_at_us);
    json_end(w);
}

int api_reply_video(struct request *q, int status, const char *id)
{
    struct store_video v;
    int r = store_video_get(api_of(q)->opts.store, id, request_arena(q), &v);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, status, put_video, &v);
}

// ---- upload

static int create_begin(struct request *q)
{
    return remote_is_wish(q) ? remote_begin(q) : api_upload_sink.begin(q);
}

static int create_data(struct request *q, const void *bytes, size_t n)
{
    return remote_is_wish(q) ? remote_data(q, bytes, n) : api_upload_sink.data(q, bytes, n);
}

static const struct route_sink create_sink = {.begin = create_begin, .data = create_data};

static int video_create(struct request *q)
{
    struct uploaded file;
    char id[ID_BYTES];
    if (remote_is_wish(q))
        return remote_create(q);
    int r = upload_finish(q, &file);
    if (r < 0)
        return r;
    struct arrival a = {.kind = ARRIVAL_VIDEO,
                        .project_id = upload_field(q, "project_id"),
                        .name = upload_field(q, "name"),
                        .file_name = file.name,
                        .content_type = file.content_type,
                        .blob = file.blob};
    r = arrival_check(q, &a, 0);
    if (r == 0)
        r = arrival_take(q, &a, id);
    if (r < 0)
        return r;
    upload_keep(q);
    return arrival_reply(q, &a, id);
}

// ---- reading

static int make_video(void *arg, struct api *a, struct arena *arena, struct str_buf *out)
{
    struct store_video v;
    struct json_writer w;
    int r = store_video_get(a->opts.store, (const char *)arg, arena, &v);
    if (r < 0)
        return r;
    json_writer_init(&w, out);
    put_video(&w, &v);
    return 0;
}

static int video_get(struct request *q)
{
    struct str id = request_parameter(q, "id");
    char *text = arena_strndup(request_arena(q), id.p, id.n);
    const char *key = text ? arena_printf(request_arena(q), "video/" STR_FMT, STR_ARG(id)) : NULL;
    const struct cached_reply c = {.key = key,
                                   .type = "application/json",
                                   .shows = STORE_CHANGE_VIDEOS,
                                   .id = text,
                                   .lifetime_ms = REPLY_CACHE_VIDEO_MS,
                                   .make = make_video,
                                   .arg = text};
    return key ? reply_cached(q, &c) : ERR_NOMEM;
}

static int video_delete(struct request *q)
{
    struct store_dropped dropped = {0};
    struct api_ending ending;
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = api_ending_note(q, &(struct store_task_filter){.video_id = id}, &ending);
    if (r == 0)
        r = store_video_delete(api_of(q)->opts.store, id, &dropped);
    api_delete_blobs(api_of(q), &dropped);
    if (r < 0)
        return r;
    api_ending_tell(&ending);
    return reply_empty(q, 204);
}

static int list_row(void *arg, const struct store_video *v)
{
    put_video(&((struct listing *)arg)->w, v);
    return 0;
}

static int status_filter(struct request *q, enum store_video_status *ret)
{
    const char *text;
    int r = api_query(q, "status", &text);
    *ret = STORE_VIDEO_UNSET;
    if (r < 0 || !text)
        return r;
    *ret = (enum store_video_status)store_video_status_parse(text);
    return *ret ? 0
                : err_set(ERR_INVALID, "status '%.40s' is none of uploaded, ready, failed", text);
}

static int videos_of_project(struct request *q)
{
    struct listing l;
    struct store_project p;
    struct store_video_filter f = {0};
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_parameter(q, "id", &f.project_id);
    if (r == 0)
        r = store_project_get(api_of(q)->opts.store, f.project_id, request_arena(q), &p);
    if (r == 0)
        r = status_filter(q, &f.status);
    if (r == 0)
        r = store_video_list(api_of(q)->opts.store, &f, &l.page, list_row, &l, &l.next);
    return listing_end(&l, r);
}

static int reply_blob(struct request *q, const char *key, const char *type, const char *name,
                      int64_t modified_us)
{
    struct reply_file f = {.type = type,
                           .download_name = name,
                           .validity = {.etag = key,
                                        .modified_s = modified_us / 1000000,
                                        .caching = "private, max-age=31536000, immutable"}};
    int r = blob_read(api_of(q)->opts.blob, key, &f.fd, &f.size);
    return r == 0 ? reply_file(q, &f) : r;
}

// Types of which a browser makes nothing but a picture or a video, whatever was declared.
static const char *media_type(const struct store_video *v)
{
    static const struct {
        const char *in_container, *type;
    } types[] = {{"mp4", "video/mp4"},
                 {"webm", "video/webm"},
                 {"matroska", "video/x-matroska"},
                 {"avi", "video/x-msvideo"}};
    for (size_t i = 0; v->container && i < ARRAY_LEN(types); i++)
        if (strstr(v->container, types[i].in_container))
            return types[i].type;
    return "application/octet-stream";
}

static int video_content(struct request *q)
{
    struct store_video v;
    bool wants_original = false;
    int r = api_video(q, &v);
    if (r == 0)
        r = request_query_bool(q, "original", &wants_original);
    if (r < 0)
        return r;
    if (v.preview_key && !wants_original)
        return reply_blob(q, v.preview_key, "video/mp4", NULL, v.created_at_us);
    if (!v.blob_key)
        return err_set(ERR_NOT_FOUND, "video %s is no uploaded file", v.id);
    return reply_blob(q, v.blob_key, media_type(&v), wants_original ? v.name : NULL,
                      v.created_at_us);
}

// Pictures are named by what they are made of, which never changes.
#define PICTURE_CACHING "private, max-age=31536000, immutable"

static int make_thumbnail(void *arg, struct api *a, struct arena *arena, struct str_buf *out)
{
    char *bytes;
    size_t n;
    (void)arena;
    int r = blob_get(a->opts.blob, (const char *)arg, MAX_JPEG, &bytes, &n);
    if (r < 0)
        return r;
    str_buf_add(out, bytes, n);
    mem_free(bytes);
    return 0;
}

static struct cached_reply thumbnail_reply(char *key)
{
    return (struct cached_reply){.key = key,
                                 .type = "image/jpeg",
                                 .lifetime_ms = REPLY_CACHE_VIDEO_MS,
                                 .is_picture = true,
                                 .etag = key,
                                 .caching = PICTURE_CACHING,
                                 .make = make_thumbnail,
                                 .arg = key,
                                 .max_bytes = MAX_JPEG};
}

static int video_thumbnail(struct request *q)
{
    struct store_video v;
    int r = api_video(q, &v);
    if (r < 0)
        return r;
    if (!v.thumbnail_key)
        return err_set(ERR_NOT_FOUND, "video %s has no thumbnail yet", v.id);
    const struct cached_reply c =
        thumbnail_reply(arena_printf(request_arena(q), "%s", v.thumbnail_key));
    return c.key ? reply_cached(q, &c) : ERR_NOMEM;
}

struct newest {
    char keys[WARM_VIDEOS][ID_BYTES];
    int n;
};

static int note_newest(void *arg, const struct store_video *v)
{
    struct newest *found = (struct newest *)arg;
    if (v->thumbnail_key)
        snprintf(found->keys[found->n++], ID_BYTES, "%s", v->thumbnail_key);
    return 0;
}

int video_warm(struct api *a)
{
    const struct store_video_filter f = {.status = STORE_VIDEO_READY};
    const struct store_page page = {.limit = WARM_VIDEOS};
    struct store_next next;
    struct newest found = {.n = 0};
    int r = store_video_list(a->opts.store, &f, &page, note_newest, &found, &next);
    for (int i = 0; r == 0 && i < found.n; i++) {
        const struct cached_reply c = thumbnail_reply(found.keys[i]);
        r = reply_cache_warm(a, &c);
    }
    return r;
}

// An error of the file is told with the video's name: where its blob lies is nobody's business.
static int told(int r, const char *path, const char *name)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    size_t n = strlen(path);
    return strncmp(text, path, n) == 0 ? err_set((enum err)r, "%s%s", name, text + n) : r;
}

static int make_frame(void *arg, struct api *a, struct arena *arena, struct str_buf *out)
{
    (void)arena;
    const struct api_frame_wanted *w = (const struct api_frame_wanted *)arg;
    int r = a->opts.tools.frame_jpeg(a->opts.tools.arg, w, out);
    return r < 0 ? told(r, w->path, w->name) : 0;
}

// "crop=left,top,width,height": within the picture.
static int frame_part(struct request *q, const struct store_video *v, struct api_part *ret_part)
{
    const char *text;
    int64_t n[4] = {0};
    int r = api_query(q, "crop", &text);
    if (r < 0 || !text)
        return r;
    struct str rest = str_of(text);
    struct str piece;
    int count = 0;
    while (count < 4 && str_split(&rest, ',', &piece) && piece.n > 0 && piece.n < 6 &&
           piece.p[0] >= '0' && piece.p[0] <= '9' && str_to_i64(piece, &n[count]) == 0)
        count++;
    if (count < 4 || rest.p || n[2] == 0 || n[3] == 0)
        return err_set(ERR_INVALID, "crop '%.40s' is not left,top,width,height in pixels", text);
    if (v->width > 0 && v->height > 0 && (n[0] + n[2] > v->width || n[1] + n[3] > v->height))
        return err_set(ERR_INVALID, "crop '%.40s' reaches beyond the picture of %dx%d pixels", text,
                       (int)v->width, (int)v->height);
    *ret_part = (struct api_part){(int)n[0], (int)n[1], (int)n[2], (int)n[3]};
    return 0;
}

static int video_frame(struct request *q)
{
    struct store_video v;
    struct api_frame_wanted w = {0};
    char path[BLOB_PATH_BYTES];
    int64_t width = 0;
    int r = api_video(q, &v);
    if (r == 0)
        r = request_parameter_int(q, "n", INT64_MAX, &w.ordinal);
    if (r == 0)
        r = request_query_int(q, "width", 16, MAX_FRAME_WIDTH, &width);
    if (r == 0)
        r = frame_part(q, &v, &w.part);
    if (r < 0)
        return r;
    if (!v.blob_key || (v.n_frames > 0 && w.ordinal >= v.n_frames))
        return err_set(ERR_NOT_FOUND, "video %s has no frame %lld", v.id, (long long)w.ordinal);
    const char *key =
        arena_printf(request_arena(q), "%s-%lld-%lld-%d.%d.%d.%d", v.blob_key, (long long)w.ordinal,
                     (long long)width, w.part.x, w.part.y, w.part.width, w.part.height);
    r = key ? blob_path(api_of(q)->opts.blob, v.blob_key, path) : ERR_NOMEM;
    if (r < 0)
        return r;
    w.path = path;
    w.name = v.name;
    w.probe_json = v.probe_json;
    w.max_width = (int)width;
    const struct cached_reply c = {.key = key,
                                   .type = "image/jpeg",
                                   .lifetime_ms = REPLY_CACHE_VIDEO_MS,
                                   .is_picture = true,
                                   .etag = key,
                                   .caching = PICTURE_CACHING,
                                   .make = make_frame,
                                   .arg = &w,
                                   .max_bytes = MAX_JPEG};
    return reply_cached(q, &c);
}

// Distances from frame to frame as pairs of microseconds and how often in a row: a video of a
// constant rate is one pair, or few.
static void put_steps(struct json_writer *w, const int64_t *times, size_t n)
{
    json_key(w, "steps");
    json_array(w);
    for (size_t i = 1; i < n;) {
        int64_t step = times[i] - times[i - 1];
        size_t from = i;
        while (i < n && times[i] - times[i - 1] == step)
            i++;
        json_int(w, step);
        json_int(w, (int64_t)(i - from));
    }
    json_end(w);
}

static int reply_times(struct request *q, const char *id, const int64_t *times, size_t n)
{
    struct str_buf body = STR_BUF_INIT(MAX_TIMES_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "video_id", id);
    json_put_int(&w, "frames", (int64_t)n);
    json_put_int(&w, "first_pts_us", times[0]);
    put_steps(&w, times, n);
    json_end(&w);
    return reply_json(q, 200, &body);
}

static int video_times(struct request *q)
{
    struct api *a = api_of(q);
    struct store_video v;
    char path[BLOB_PATH_BYTES];
    int r = api_video(q, &v);
    if (r < 0)
        return r;
    if (!v.blob_key || v.status != STORE_VIDEO_READY)
        return err_set(ERR_NOT_FOUND, "video %s has no frames yet", v.id);
    char etag[128];
    snprintf(etag, sizeof(etag), "%s-times", v.blob_key);
    const struct reply_validity validity = {.etag = etag,
                                            .caching = "private, max-age=31536000, immutable"};
    r = reply_if_unchanged(q, &validity);
    if (r != 0)
        return r < 0 ? r : 0;
    r = blob_path(a->opts.blob, v.blob_key, path);
    if (r < 0)
        return r;
    const struct api_times_wanted wanted = {
        .path = path, .probe_json = v.probe_json, .n_frames = v.n_frames};
    int64_t *times;
    size_t n;
    r = a->opts.tools.frame_times(a->opts.tools.arg, &wanted, &times, &n);
    if (r < 0)
        return told(r, path, v.name);
    r = reply_times(q, v.id, times, n);
    mem_free(times);
    return r;
}

// ---- processing

struct process_body {
    const char *model, *settings;
    struct body_texts video_ids;
    int64_t priority;
};

static const struct body_field one_fields[] = {
    {"model", BODY_TEXT, offsetof(struct process_body, model), true, 0},
    {"settings", BODY_JSON, offsetof(struct process_body, settings), false, 0},
    {"priority", BODY_INT, offsetof(struct process_body, priority), false, 100},
    {0},
};

static const struct body_field batch_fields[] = {
    {"video_ids", BODY_TEXTS, offsetof(struct process_body, video_ids), true, MAX_BATCH},
    {"model", BODY_TEXT, offsetof(struct process_body, model), true, 0},
    {"settings", BODY_JSON, offsetof(struct process_body, settings), false, 0},
    {"priority", BODY_INT, offsetof(struct process_body, priority), false, 100},
    {0},
};

// The task waits for the probe of a video that was only just uploaded.
int api_queue_process(struct request *q, const struct store_video *v, struct store_task *t,
                      char ret_id[ID_BYTES])
{
    struct store *s = api_of(q)->opts.store;
    struct api_probes probes = {.n = 0};
    const char *waits[ARRAY_LEN(probes.ids)];
    int r = v->status == STORE_VIDEO_UPLOADED ? api_find_probes(q, v->id, &probes) : 0;
    for (size_t i = 0; i < probes.n; i++)
        waits[i] = probes.ids[i];
    t->kind = "process";
    t->project_id = v->project_id;
    t->video_id = v->id;
    return r == 0 ? store_task_create(s, t, waits, probes.n, ret_id) : r;
}

static int check_process(struct request *q, const struct process_body *b, struct store_model *m)
{
    int r = api_find_model(q, b->model, m);
    if (r == 0 && m->status == STORE_MODEL_FAILED)
        return err_set(ERR_CONFLICT, "model %s cannot be used: %s", m->name,
                       m->error ? m->error : "");
    return r == 0 && b->settings ? api_check_settings(q, b->settings, m) : r;
}

static void put_queued(struct json_writer *w, const char *task_id, const char *video_id)
{
    json_object(w);
    json_put_text(w, "task_id", task_id);
    json_put_text(w, "video_id", video_id);
    json_put_text(w, "status", store_task_status_name(STORE_TASK_QUEUED));
    json_put_text(w, "message", "the video will be processed");
    json_end(w);
}

static int video_process(struct request *q)
{
    struct process_body b = {0};
    struct store_video v;
    struct store_model m;
    char *id = arena_array(request_arena(q), char, ID_BYTES);
    int r = id ? api_video(q, &v) : ERR_NOMEM;
    if (r == 0)
        r = body_read(q, one_fields, &b);
    if (r == 0)
        r = check_process(q, &b, &m);
    if (r < 0)
        return r;
    id_make(id);
    api_audit_object(q, id);
    struct store_task t = {.id = id,
                           .model_id = m.id,
                           .settings_json = b.settings ? b.settings : "{}",
                           .priority = (int)b.priority,
                           .created_by = api_user_id(q)};
    r = api_queue_process(q, &v, &t, id);
    if (r < 0)
        return r;
    api_announce_task(api_of(q), &t, id);
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    put_queued(&w, id, v.id);
    reply_headerf(q, "Location", "/api/v1/tasks/%s/status", id);
    return reply_json(q, 202, &body);
}

struct batch_row {
    struct store_video video;
    struct store_task task;
    char id[ID_BYTES];
};

// One transaction: all of the batch or nothing.
static int queue_batch(struct request *q, const struct process_body *b, const struct store_model *m,
                       struct batch_row *rows)
{
    struct store *s = api_of(q)->opts.store;
    int r = store_begin(s);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < b->video_ids.n; i++) {
        r = store_video_get(s, b->video_ids.items[i], request_arena(q), &rows[i].video);
        if (r == 0)
            r = api_check_project(q, rows[i].video.project_id, API_EDITOR);
        if (r == ERR_NOT_FOUND)
            r = err_set(r, "video '%.64s' does not exist", b->video_ids.items[i]);
        rows[i].task = (struct store_task){.model_id = m->id,
                                           .settings_json = b->settings ? b->settings : "{}",
                                           .priority = (int)b->priority,
                                           .created_by = api_user_id(q)};
        if (r == 0)
            r = api_queue_process(q, &rows[i].video, &rows[i].task, rows[i].id);
    }
    return store_end(s, r);
}

static int videos_process(struct request *q)
{
    struct process_body b = {0};
    struct store_model m;
    int r = body_read(q, batch_fields, &b);
    if (r == 0 && b.video_ids.n == 0)
        return err_set(ERR_INVALID, "'video_ids' is empty");
    if (r == 0)
        r = check_process(q, &b, &m);
    struct batch_row *rows =
        r == 0 ? arena_array(request_arena(q), struct batch_row, b.video_ids.n) : NULL;
    if (r == 0)
        r = rows ? queue_batch(q, &b, &m, rows) : ERR_NOMEM;
    if (r < 0)
        return r;
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_key(&w, "items");
    json_array(&w);
    for (size_t i = 0; i < b.video_ids.n; i++) {
        api_announce_task(api_of(q), &rows[i].task, rows[i].id);
        put_queued(&w, rows[i].id, rows[i].video.id);
    }
    json_end(&w);
    json_end(&w);
    return reply_json(q, 202, &body);
}

const struct route api_routes_video[] = {
    {"POST", "/api/v1/videos", video_create, .role = API_EDITOR_NAMED, .rate_class = API_RATE_WRITE,
     .sink = &create_sink},
    {"POST", "/api/v1/videos/process", videos_process, .role = API_EDITOR_NAMED,
     .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/projects/{id}/videos", videos_of_project, .role = API_VIEWER},
    {"GET", "/api/v1/videos/{id}", video_get, .role = API_VIEWER},
    {"DELETE", "/api/v1/videos/{id}", video_delete, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/videos/{id}/content", video_content, .role = API_VIEWER},
    {"GET", "/api/v1/videos/{id}/thumbnail.jpg", video_thumbnail, .role = API_VIEWER},
    {"GET", "/api/v1/videos/{id}/frames/{n}.jpg", video_frame, .role = API_VIEWER,
     .rate_class = API_RATE_COSTLY},
    {"GET", "/api/v1/videos/{id}/times", video_times, .role = API_VIEWER,
     .rate_class = API_RATE_COSTLY},
    {"POST", "/api/v1/videos/{id}/process", video_process, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {0},
};
