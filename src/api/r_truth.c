// SPDX-License-Identifier: Apache-2.0
// r_truth.c - a video's truth: put in any format, in versions; given as COCO or in another format.

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/api_priv.h"
#include "api/arrival.h"
#include "api/converted.h"
#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_task.h"
#include "store/store_truth.h"
#include "store/store_video.h"

#define IMPORT_IN_REQUEST_BYTES (32 * MIB) // larger truths are read by a task

static void put_truth(struct json_writer *w, const struct store_truth *t)
{
    json_object(w);
    json_put_text(w, "id", t->id);
    json_put_text(w, "video_id", t->video_id);
    json_put_int(w, "version", t->version);
    json_put_text(w, "format", t->format);
    json_put_text(w, "name", t->name);
    json_put_int(w, "objects", t->n_objects);
    json_put_int(w, "frames", t->n_frames);
    put_raw(w, "labels", t->labels_json);
    put_raw(w, "notices", t->notices_json);
    json_put_text(w, "etag", t->coco_key ? t->coco_key : t->original_key);
    json_put_text(w, "created_by", t->created_by);
    json_put_text(w, "created_by_name", t->creator);
    put_time(w, "created_at", t->created_at_us);
    json_end(w);
}

int api_reply_truth(struct request *q, int status, const char *id)
{
    struct store_truth t;
    int r = store_truth_get(api_of(q)->opts.store, id, request_arena(q), &t);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, status, put_truth, &t);
}

// ---- two people who edit one truth: the second is told who was first

static const char *etag_of(const struct store_truth *t)
{
    return t->coco_key ? t->coco_key : t->original_key;
}

static bool is_matched(struct str list, const char *etag)
{
    struct str part;
    bool is = false;
    while (!is && str_split(&list, ',', &part)) {
        part = str_trim(part);
        is = str_is(part, "*") ||
             (part.n > 2 && part.p[0] == '"' && str_is((struct str){part.p + 1, part.n - 2}, etag));
    }
    return is;
}

static int reply_too_late(struct request *q, const struct store_truth *newest)
{
    char when[32] = "";
    time_t s = (time_t)(newest->created_at_us / 1000000);
    struct tm t;
    if (gmtime_r(&s, &t))
        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &t);
    return reply_error(q, 412, "PRECONDITION_FAILED", "version %d of the truth was saved at %s%s%s",
                       newest->version, when, newest->creator ? " by " : "",
                       newest->creator ? newest->creator : "");
}

// What If-Match (an ETag of the truth, or *) or If-None-Match: * say of the newest version. 1: it
// has replied.
static int check_match(struct request *q, const char *video_id, struct arrival *a)
{
    struct store_truth newest;
    const char *match = request_header(q, "If-Match");
    const char *none = request_header(q, "If-None-Match");
    if (!match && !none)
        return 0;
    int r = store_truth_of_video(api_of(q)->opts.store, video_id, 0, request_arena(q), &newest);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    bool has_one = r == 0;
    a->has_after = true;
    a->after = has_one ? newest.version : 0;
    if (has_one && (none || !is_matched(str_of(match), etag_of(&newest)))) {
        r = reply_too_late(q, &newest);
        return r < 0 ? r : 1;
    }
    if (!has_one && match) {
        r = reply_error(q, 412, "PRECONDITION_FAILED", "the video has no truth to be changed");
        return r < 0 ? r : 1;
    }
    return 0;
}

static int tell_conflict(struct request *q, const char *video_id, int r)
{
    struct store_truth newest;
    if (store_truth_of_video(api_of(q)->opts.store, video_id, 0, request_arena(q), &newest) < 0)
        return r;
    return reply_too_late(q, &newest);
}

// ---- what takes longer than a request

static void put_import(struct json_writer *w, const struct arrival *a)
{
    json_object(w);
    json_put_text(w, "blob", a->blob->key);
    json_put_text(w, "sha256", a->blob->sha256);
    json_put_int(w, "bytes", a->blob->n_bytes);
    json_put_text(w, "name", a->name && *a->name ? a->name : a->file_name);
    json_put_text(w, "format", a->format);
    if (a->has_after)
        json_put_int(w, "after", a->after);
    json_end(w);
}

static int queue_import(struct request *q, const struct store_video *v, const struct arrival *a,
                        struct store_task *t, char ret_id[ID_BYTES])
{
    struct store *s = api_of(q)->opts.store;
    struct str_buf settings = STR_BUF_INIT(16 * 1024);
    const struct store_blob blob = {
        .key = a->blob->key, .sha256 = a->blob->sha256, .n_bytes = a->blob->n_bytes};
    struct json_writer w;
    json_writer_init(&w, &settings);
    put_import(&w, a);
    int r = str_buf_check(&settings);
    const char *text =
        r == 0 ? arena_strndup(request_arena(q), str_buf_text(&settings), settings.n) : NULL;
    str_buf_finish(&settings);
    *t = (struct store_task){.kind = "import",
                             .priority = 1,
                             .project_id = v->project_id,
                             .video_id = v->id,
                             .settings_json = text,
                             .created_by = api_user_id(q)};
    if (!text)
        return r < 0 ? r : ERR_NOMEM;
    r = store_begin(s);
    if (r < 0)
        return r;
    r = store_blob_keep(s, &blob, v->project_id, v->id);
    if (r == 0)
        r = store_task_create(s, t, NULL, 0, ret_id);
    return store_end(s, r);
}

static int import_later(struct request *q, const struct store_video *v, const struct arrival *a)
{
    struct store_task t;
    char id[ID_BYTES];
    int r = queue_import(q, v, a, &t, id);
    if (r < 0)
        return r;
    upload_keep(q);
    api_announce_task(api_of(q), &t, id);
    return api_reply_queued(q, id, "the truth will be read");
}

static int truth_put(struct request *q)
{
    struct store_video v;
    struct uploaded file;
    struct arrival expected = {0};
    char id[ID_BYTES];
    int r = api_video(q, &v);
    if (r == 0)
        r = upload_finish(q, &file);
    if (r == 0)
        r = check_match(q, v.id, &expected);
    if (r != 0)
        return r < 0 ? r : 0;
    const struct arrival a = {.has_after = expected.has_after,
                              .after = expected.after,
                              .kind = ARRIVAL_TRUTH,
                              .video_id = v.id,
                              .name = upload_field(q, "name"),
                              .file_name = file.name,
                              .format = upload_field(q, "format"),
                              .blob = file.blob};
    bool is_later = file.blob->n_bytes > (int64_t)IMPORT_IN_REQUEST_BYTES;
    r = request_query_bool(q, "background", &is_later);
    if (r == 0 && is_later)
        return import_later(q, &v, &a);
    if (r == 0)
        r = arrival_take(q, &a, id);
    if (r == ERR_CONFLICT && a.has_after)
        return tell_conflict(q, v.id, r);
    if (r < 0)
        return r;
    upload_keep(q);
    return api_reply_truth(q, 201, id);
}

static int find(struct request *q, struct store_truth *ret)
{
    struct store_video v;
    int64_t version = 0;
    int r = api_video(q, &v);
    if (r == 0)
        r = request_query_int(q, "version", 1, INT32_MAX, &version);
    return r == 0 ? store_truth_of_video(api_of(q)->opts.store, v.id, (int)version,
                                         request_arena(q), ret)
                  : r;
}

// Of a file's name without its ending.
static int stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

static int reply_converted(struct request *q, const struct store_truth *t, const char *format)
{
    struct api *a = api_of(q);
    struct store_video v;
    const char *ending = NULL;
    struct reply_file f = {.fd = -1, .size = -1, .type = "application/octet-stream"};
    int r = 0;
    if (api_is_too_fast(q, API_RATE_COSTLY, &r))
        return r;
    r = store_video_get(a->opts.store, t->video_id, request_arena(q), &v);
    if (r < 0)
        return r;
    const struct converted_wanted wanted = {
        .truth = t, .format = format, .width = v.width, .height = v.height};
    r = converted_open(a, &wanted, &f.fd, &ending);
    if (r == ERR_BUSY)
        reply_retry_after(q, 5);
    if (r < 0)
        return r;
    f.download_name =
        arena_printf(request_arena(q), "%.*s.%s.%s", stem_length(v.name), v.name, format, ending);
    return reply_file(q, &f);
}

// A list of events has no boxes: it is given as it came.
static int reply_original(struct request *q, const struct store_truth *t, const char *format)
{
    if (format && strcmp(format, "events") != 0)
        return err_set(ERR_UNSUPPORTED, "this truth is a list of events: it has no boxes for %.20s",
                       format);
    struct reply_file f = {
        .type = "application/octet-stream",
        .download_name = t->name,
        .validity = {.etag = t->original_key, .modified_s = t->created_at_us / 1000000}};
    int r = blob_read(api_of(q)->opts.blob, t->original_key, &f.fd, &f.size);
    return r == 0 ? reply_file(q, &f) : r;
}

static int truth_get(struct request *q)
{
    struct store_truth t;
    const char *format;
    int r = find(q, &t);
    if (r == 0)
        r = api_query(q, "format", &format);
    if (r < 0)
        return r;
    if (!t.coco_key)
        return reply_original(q, &t, format);
    if (format && strcmp(format, "coco") != 0)
        return reply_converted(q, &t, format);
    struct reply_file f = {
        .type = "application/json",
        .validity = {.etag = t.coco_key, .modified_s = t.created_at_us / 1000000}};
    r = blob_read(api_of(q)->opts.blob, t.coco_key, &f.fd, &f.size);
    return r == 0 ? reply_file(q, &f) : r;
}

static int list_row(void *arg, const struct store_truth *t)
{
    put_truth(&((struct listing *)arg)->w, t);
    return 0;
}

static int truth_versions(struct request *q)
{
    struct listing l;
    struct store_video v;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_video(q, &v);
    if (r == 0)
        r = store_truth_list(api_of(q)->opts.store, v.id, &l.page, list_row, &l, &l.next);
    return listing_end(&l, r);
}

static int truth_version(struct request *q)
{
    struct store_truth t;
    struct store_video v;
    int64_t version;
    int r = api_video(q, &v);
    if (r == 0)
        r = request_parameter_int(q, "version", INT32_MAX, &version);
    if (r == 0 && version == 0)
        r = err_set(ERR_NOT_FOUND, "versions are counted from 1");
    if (r == 0)
        r = store_truth_of_video(api_of(q)->opts.store, v.id, (int)version, request_arena(q), &t);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, 200, put_truth, &t);
}

const struct route api_routes_truth[] = {
    {"PUT", "/api/v1/videos/{id}/truth", truth_put, .role = API_EDITOR,
     .rate_class = API_RATE_COSTLY, .sink = &api_upload_sink},
    {"GET", "/api/v1/videos/{id}/truth", truth_get, .role = API_VIEWER},
    {"GET", "/api/v1/videos/{id}/truth/versions", truth_versions, .role = API_VIEWER},
    {"GET", "/api/v1/videos/{id}/truth/versions/{version}", truth_version, .role = API_VIEWER},
    {0},
};
