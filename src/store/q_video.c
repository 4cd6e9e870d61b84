// SPDX-License-Identifier: Apache-2.0
// q_video.c - videos.

#include "store/store_blob.h"
#include "store/store_priv.h"
#include "store/store_task.h"
#include "store/store_video.h"

enum {
    CREATE,
    END_UPLOAD,
    GET,
    DELETE,
    LIST, // five, as list_open_scope() wants them
    LIST_STATUS,
    LIST_PROJECT,
    LIST_PROJECT_STATUS,
    LIST_USER,
    SET_PROBE,
    LOOK_AGAIN,
    SET_CONTENT,
    SET_PREVIEW,
    SET_THUMBNAIL,
};

#define COLUMNS                                                                                \
    "id, project_id, name, status, content_type, source_url, blob_key, sha256, n_bytes, "      \
    "preview_key, thumbnail_key, created_by, created_at_us, updated_at_us, container, codec, " \
    "width, height, rotation, n_frames, duration_us, frame_rate, is_variable, is_playable, "   \
    "error, probe_json"
#define LISTED "SELECT " COLUMNS " FROM videos WHERE "
#define NEWEST " AND id < $1 ORDER BY id DESC LIMIT $2"

// clang-format off
const struct query queries_video[] = {
    [CREATE] = {"video_create",
        "INSERT INTO videos (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
        "$14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)"},
    [END_UPLOAD] = {"video_end_upload", "DELETE FROM uploads WHERE id = $1"},
    [GET] = {"video_get", "SELECT " COLUMNS " FROM videos WHERE id = $1"},
    [DELETE] = {"video_delete", "DELETE FROM videos WHERE id = $1"},
    [LIST] = {"video_list", "SELECT " COLUMNS " FROM videos WHERE id < $1 ORDER BY id DESC LIMIT $2"},
    [LIST_STATUS] = {"video_list_status", LISTED "status = $3" NEWEST},
    [LIST_PROJECT] = {"video_list_project", LISTED "project_id = $3" NEWEST},
    [LIST_PROJECT_STATUS] = {"video_list_project_status", LISTED "project_id = $3 AND status = $4" NEWEST},
    [LIST_USER] = {"video_list_user",
        LISTED "EXISTS (SELECT 1 FROM project_roles r WHERE r.user_id = $5 AND r.project_id = videos.project_id) "
        "AND (CAST($3 AS TEXT) IS NULL OR project_id = $3) AND (CAST($4 AS TEXT) IS NULL OR status = $4)" NEWEST},
    [SET_PROBE] = {"video_set_probe",
        "UPDATE videos SET status = $2, container = $3, codec = $4, width = $5, height = $6, rotation = $7, "
        "n_frames = $8, duration_us = $9, frame_rate = $10, is_variable = $11, is_playable = $12, error = $13, "
        "probe_json = $14, updated_at_us = $15 WHERE id = $1"},
    [LOOK_AGAIN] = {"video_look_again",
        "UPDATE videos SET status = 'uploaded', error = NULL, updated_at_us = $2 "
        "WHERE id = $1 AND status IN ('uploaded', 'failed')"},
    [SET_CONTENT] = {"video_set_content",
        "UPDATE videos SET blob_key = $2, sha256 = $3, n_bytes = $4, content_type = coalesce($5, content_type), "
        "status = 'uploaded', error = NULL, updated_at_us = $6 WHERE id = $1"},
    [SET_PREVIEW] = {"video_set_preview", "UPDATE videos SET preview_key = $2, updated_at_us = $3 WHERE id = $1"},
    [SET_THUMBNAIL] = {"video_set_thumbnail",
        "UPDATE videos SET thumbnail_key = $2, updated_at_us = $3 WHERE id = $1"},
    {0},
};

static const char *const statuses[] = {
    [STORE_VIDEO_UPLOADED] = "uploaded",
    [STORE_VIDEO_READY] = "ready",
    [STORE_VIDEO_FAILED] = "failed",
};
ENUM_FUNCTIONS(store_video_status, statuses)

static const struct field fields[] = {
    FIELD(struct store_video, id, FIELD_TEXT),
    FIELD(struct store_video, project_id, FIELD_TEXT),
    FIELD(struct store_video, name, FIELD_TEXT),
    FIELD_OF(struct store_video, status, store_video_status),
    FIELD(struct store_video, content_type, FIELD_TEXT),
    FIELD(struct store_video, source_url, FIELD_TEXT),
    FIELD(struct store_video, blob_key, FIELD_TEXT),
    FIELD(struct store_video, sha256, FIELD_TEXT),
    FIELD(struct store_video, n_bytes, FIELD_I64),
    FIELD(struct store_video, preview_key, FIELD_TEXT),
    FIELD(struct store_video, thumbnail_key, FIELD_TEXT),
    FIELD(struct store_video, created_by, FIELD_TEXT),
    FIELD(struct store_video, created_at_us, FIELD_I64),
    FIELD(struct store_video, updated_at_us, FIELD_I64),
    FIELD(struct store_video, container, FIELD_TEXT),
    FIELD(struct store_video, codec, FIELD_TEXT),
    FIELD(struct store_video, width, FIELD_INT),
    FIELD(struct store_video, height, FIELD_INT),
    FIELD(struct store_video, rotation, FIELD_INT),
    FIELD(struct store_video, n_frames, FIELD_I64),
    FIELD(struct store_video, duration_us, FIELD_I64),
    FIELD(struct store_video, frame_rate, FIELD_DOUBLE),
    FIELD(struct store_video, is_variable, FIELD_BOOL),
    FIELD(struct store_video, is_playable, FIELD_BOOL),
    FIELD(struct store_video, error, FIELD_TEXT),
    FIELD(struct store_video, probe_json, FIELD_TEXT),
};

// What the probe writes, after the id.
static const struct field probe_fields[] = {
    FIELD(struct store_video, id, FIELD_TEXT),
    FIELD_OF(struct store_video, status, store_video_status),
    FIELD(struct store_video, container, FIELD_TEXT),
    FIELD(struct store_video, codec, FIELD_TEXT),
    FIELD(struct store_video, width, FIELD_INT),
    FIELD(struct store_video, height, FIELD_INT),
    FIELD(struct store_video, rotation, FIELD_INT),
    FIELD(struct store_video, n_frames, FIELD_I64),
    FIELD(struct store_video, duration_us, FIELD_I64),
    FIELD(struct store_video, frame_rate, FIELD_DOUBLE),
    FIELD(struct store_video, is_variable, FIELD_BOOL),
    FIELD(struct store_video, is_playable, FIELD_BOOL),
    FIELD(struct store_video, error, FIELD_TEXT),
    FIELD(struct store_video, probe_json, FIELD_TEXT),
};
// clang-format on

static int end_upload(struct store *s, const char *upload_id)
{
    int64_t n = 0;
    struct run run;
    IGNORE(run_open(s, &queries_video[END_UPLOAD], &run)); // sticky
    run_text(&run, 1, upload_id);
    int r = run_done(&run, &n);
    return r < 0 || n > 0
               ? r
               : err_set(ERR_CONFLICT, "upload '%.40s' is over, or was never begun", upload_id);
}

static int insert(struct store *s, const struct store_video *row)
{
    int r = run_insert(s, &queries_video[CREATE], fields, ARRAY_LEN(fields), row);
    if (r == ERR_CONFLICT)
        return err_set(r, "project '%.40s' does not exist", row->project_id);
    return r == ERR_EXISTS ? err_set(r, "video '%s' exists already", row->id) : r;
}

int store_video_create(struct store *s, const struct store_video *v, const struct store_blob *blob,
                       const char *upload_id, char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_video row = *v;
    int r = check_name("video", v->name);
    if (r == 0)
        r = check_text("video: probe_json", v->probe_json, STORE_JSON_MAX);
    if (r == 0)
        r = take_id(v->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.status = v->status ? v->status : STORE_VIDEO_UPLOADED;
    row.created_at_us = row.updated_at_us = store_now_us(s);
    if (blob) {
        row.blob_key = blob->key;
        row.sha256 = blob->sha256;
        row.n_bytes = blob->n_bytes;
    }
    r = upload_id ? end_upload(s, upload_id) : 0;
    if (r == 0)
        r = insert(s, &row);
    if (r == 0 && blob)
        r = blob_add(s, blob, (struct blob_owner){.project_id = v->project_id, .video_id = id});
    r = write_end(s, r);
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

int store_video_get(struct store *s, const char *id, struct arena *a, struct store_video *ret)
{
    return run_get(s, &queries_video[GET], fields, ARRAY_LEN(fields), "video", id, a, ret);
}

int store_video_delete(struct store *s, const char *id, struct store_dropped *dropped)
{
    return owner_delete(s, OWNER_VIDEO, &queries_video[DELETE], id, dropped);
}

int store_video_list(struct store *s, const struct store_video_filter *filter,
                     const struct store_page *page,
                     int (*row)(void *arg, const struct store_video *v), void *arg,
                     struct store_next *ret_next)
{
    const struct list_scope scope = {.project_id = filter->project_id,
                                     .status = store_video_status_name((int)filter->status),
                                     .user_id = filter->user_id};
    struct list l;
    struct store_video v = {0};
    list_open_scope(s, &queries_video[LIST], page, &scope, 3, &l);
    while (list_next(&l, fields, ARRAY_LEN(fields), &v))
        l.r = row(arg, &v);
    return list_end(&l, ret_next);
}

int store_video_set_probe(struct store *s, const struct store_lease *lease,
                          const struct store_video *v)
{
    int r = check_text("video: probe_json", v->probe_json, STORE_JSON_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0) {
        struct run run;
        IGNORE(run_open(s, &queries_video[SET_PROBE], &run)); // sticky
        run_fields(&run, 1, probe_fields, ARRAY_LEN(probe_fields), v);
        run_int(&run, 15, store_now_us(s));
        r = run_done_one(&run, "video", v->id);
    }
    return write_end(s, r);
}

int store_video_look_again(struct store *s, const char *video_id)
{
    int64_t n = 0;
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_video[LOOK_AGAIN], &run)); // sticky
    run_text(&run, 1, video_id);
    run_int(&run, 2, store_now_us(s));
    r = run_done(&run, &n);
    if (r == 0 && n == 0)
        r = err_set(ERR_CONFLICT, "video '%.64s' is ready, or does not exist", video_id);
    return write_end(s, r);
}

static int set_content(struct store *s, const char *video_id, const struct store_blob *blob,
                       const char *content_type)
{
    struct arena *a = NULL;
    struct store_video v = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_video_get(s, video_id, a, &v);
    if (r == 0 && v.blob_key)
        r = err_set(ERR_CONFLICT, "video '%.64s' has its bytes already", video_id);
    if (r == 0)
        r = blob_add(s, blob,
                     (struct blob_owner){.project_id = v.project_id, .video_id = video_id});
    if (r == 0) {
        struct run run;
        IGNORE(run_open(s, &queries_video[SET_CONTENT], &run)); // sticky
        run_text(&run, 1, video_id);
        run_text(&run, 2, blob->key);
        run_text(&run, 3, blob->sha256);
        run_int(&run, 4, blob->n_bytes);
        run_text(&run, 5, content_type);
        run_int(&run, 6, store_now_us(s));
        r = run_done_one(&run, "video", video_id);
    }
    arena_destroy(a);
    return r;
}

int store_video_set_content(struct store *s, const struct store_lease *lease, const char *video_id,
                            const struct store_blob *blob, const char *content_type)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0)
        r = set_content(s, video_id, blob, content_type);
    return write_end(s, r);
}

static int replace_blob(struct store *s, const char *video_id, bool preview,
                        const struct store_blob *blob, struct store_dropped *dropped)
{
    struct arena *a = NULL;
    struct store_video v = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_video_get(s, video_id, a, &v);
    const char *old = preview ? v.preview_key : v.thumbnail_key;
    if (r == 0 && old)
        r = blob_remove(s, old, dropped);
    if (r == 0)
        r = blob_add(s, blob,
                     (struct blob_owner){.project_id = v.project_id, .video_id = video_id});
    if (r == 0) {
        struct run run;
        IGNORE(run_open(s, &queries_video[preview ? SET_PREVIEW : SET_THUMBNAIL], &run)); // sticky
        run_text(&run, 1, video_id);
        run_text(&run, 2, blob->key);
        run_int(&run, 3, store_now_us(s));
        r = run_done(&run, NULL);
    }
    arena_destroy(a);
    return r;
}

int store_video_set_blob(struct store *s, const struct store_lease *lease, const char *video_id,
                         enum store_video_blob which, const struct store_blob *blob,
                         struct store_dropped *dropped)
{
    size_t before = dropped->n;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0)
        r = replace_blob(s, video_id, which == STORE_VIDEO_BLOB_PREVIEW, blob, dropped);
    r = write_end(s, r);
    if (r < 0)
        dropped->n = before;
    return r;
}
