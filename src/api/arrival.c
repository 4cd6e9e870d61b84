// SPDX-License-Identifier: Apache-2.0
// arrival.c - the rows that a file which came is given.

#include "api/arrival.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_model.h"
#include "store/store_task.h"
#include "store/store_truth.h"
#include "store/store_upload.h"
#include "store/store_video.h"

static const char *const kinds[ARRIVAL_N_KINDS] = {
    [ARRIVAL_VIDEO] = "video", [ARRIVAL_TRUTH] = "truth", [ARRIVAL_MODEL] = "model"};

const char *arrival_kind_name(int kind)
{
    return kind > 0 && kind < ARRIVAL_N_KINDS ? kinds[kind] : NULL;
}

int arrival_kind_parse(const char *name, enum arrival_kind *ret)
{
    *ret = ARRIVAL_VIDEO;
    if (!name || !*name)
        return 0;
    for (int i = 1; i < ARRIVAL_N_KINDS; i++) {
        *ret = (enum arrival_kind)i;
        if (strcmp(name, kinds[i]) == 0)
            return 0;
    }
    return err_set(ERR_INVALID, "kind '%.40s' is none of video, truth, model", name);
}

static const char *name_or(const struct arrival *a, const char *other)
{
    if (a->name && *a->name)
        return a->name;
    return a->file_name && *a->file_name ? a->file_name : other;
}

// As it is given, else the file's without folder and ending.
static int model_name(struct request *q, const struct arrival *a, const char **ret)
{
    const char *file = name_or(a, "model");
    const char *slash = strrchr(file, '/');
    const char *start = slash ? slash + 1 : file;
    const char *dot = strrchr(start, '.');
    bool is_given = file == a->name;
    size_t n = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    *ret = is_given ? file : arena_strndup(request_arena(q), start, n);
    return *ret ? 0 : ERR_NOMEM;
}

// ---- before it comes

static int check_video_of_truth(struct request *q, struct arrival *a)
{
    struct store_video v;
    if (!a->video_id || !*a->video_id)
        return err_set(ERR_INVALID, "'video_id' is needed");
    int r = store_video_get(api_of(q)->opts.store, a->video_id, request_arena(q), &v);
    if (r < 0)
        return r;
    a->project_id = v.project_id;
    return api_check_project(q, a->project_id, API_EDITOR);
}

// Models are everybody's.
static int check_model_name(struct request *q, const struct arrival *a)
{
    struct store_model m;
    const char *name;
    int r = api_check_shared(q, API_EDITOR);
    if (r == 0)
        r = model_name(q, a, &name);
    if (r == 0)
        r = store_model_get(api_of(q)->opts.store, name, request_arena(q), &m);
    if (r == 0)
        return err_set(ERR_EXISTS, "model '%s' exists already", name);
    return r == ERR_NOT_FOUND ? 0 : r;
}

int arrival_check(struct request *q, struct arrival *a, int64_t n_bytes)
{
    int r = 0;
    switch (a->kind) {
    case ARRIVAL_VIDEO:
        if (!a->project_id || !*a->project_id)
            r = err_set(ERR_INVALID, "'project_id' is needed");
        if (r == 0)
            r = api_check_project(q, a->project_id, API_EDITOR);
        break;
    case ARRIVAL_TRUTH:
        r = check_video_of_truth(q, a);
        break;
    default:
        a->project_id = NULL;
        r = check_model_name(q, a);
        break;
    }
    return r == 0 ? quota_check(q, a->project_id, n_bytes) : r;
}

// ---- rows

static struct store_blob row_of(const struct blob_info *b)
{
    return (struct store_blob){.key = b->key, .sha256 = b->sha256, .n_bytes = b->n_bytes};
}

// The id of what is made, known before it is: the audit log's line names it.
static int new_id(struct request *q, const struct arrival *a, const char **ret_id)
{
    char *id = a->upload_id ? NULL : arena_alloc(request_arena(q), ID_BYTES, 1);
    if (id)
        id_make(id);
    *ret_id = a->upload_id ? a->upload_id : id;
    if (!*ret_id)
        return ERR_NOMEM;
    api_audit_object(q, *ret_id);
    return 0;
}

// The video, and the task that looks at it: both or neither. What an upload holds was counted when
// it was begun.
static int create_video(struct request *q, const struct arrival *a, struct store_task *task,
                        char ret_id[ID_BYTES], char ret_task_id[ID_BYTES])
{
    struct store *s = api_of(q)->opts.store;
    const struct store_blob blob = row_of(a->blob);
    struct store_video v = {.project_id = a->project_id,
                            .name = name_or(a, "video"),
                            .status = STORE_VIDEO_UPLOADED,
                            .content_type = a->content_type,
                            .created_by = api_user_id(q)};
    int r = new_id(q, a, &v.id);
    if (r == 0)
        r = store_begin(s);
    if (r < 0)
        return r;
    r = a->upload_id ? 0 : quota_check_come(q, a->project_id, a->blob->n_bytes);
    if (r == 0)
        r = store_video_create(s, &v, &blob, a->upload_id, ret_id);
    *task = (struct store_task){.kind = "probe",
                                .priority = 1,
                                .project_id = v.project_id,
                                .video_id = ret_id,
                                .created_by = v.created_by};
    if (r == 0)
        r = store_task_create(s, task, NULL, 0, ret_task_id);
    return store_end(s, r);
}

static int take_video(struct request *q, const struct arrival *a, char ret_id[ID_BYTES])
{
    struct store_task task;
    char task_id[ID_BYTES];
    if (!a->project_id || !*a->project_id)
        return err_set(ERR_INVALID, "'project_id' is needed");
    int r = create_video(q, a, &task, ret_id, task_id);
    if (r == 0)
        api_announce_task(api_of(q), &task, task_id);
    return r;
}

static int take_truth(struct request *q, const struct arrival *a, char ret_id[ID_BYTES])
{
    const struct api_tools *t = &api_of(q)->opts.tools;
    const struct api_truth_wanted wanted = {.video_id = a->video_id,
                                            .name = name_or(a, "truth"),
                                            .format = a->format,
                                            .source = a->blob,
                                            .created_by = api_user_id(q),
                                            .upload_id = a->upload_id,
                                            .has_after = a->has_after,
                                            .after = a->after};
    struct api_truth_made made;
    int r = a->upload_id ? 0 : quota_check_come(q, a->project_id, a->blob->n_bytes);
    if (r == 0)
        r = t->import_truth(t->arg, &wanted, request_arena(q), &made);
    if (r == 0)
        memcpy(ret_id, made.id, ID_BYTES);
    return r;
}

static int create_model(struct request *q, const struct arrival *a, const struct store_model *m,
                        char ret_id[ID_BYTES])
{
    struct store *s = api_of(q)->opts.store;
    const struct store_blob blob = row_of(a->blob);
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = a->upload_id ? store_upload_delete(s, a->upload_id)
                     : quota_check_come(q, NULL, a->blob->n_bytes);
    if (r == 0)
        r = store_model_create(s, m, &blob, ret_id);
    return store_end(s, r);
}

static int take_model(struct request *q, const struct arrival *a, char ret_id[ID_BYTES])
{
    const struct api_opts *o = &api_of(q)->opts;
    struct store_model m = {.status = STORE_MODEL_READY, .created_by = api_user_id(q)};
    struct api_model_facts facts;
    char path[BLOB_PATH_BYTES];
    int r = model_name(q, a, &m.name);
    if (r == 0)
        r = new_id(q, a, &m.id);
    if (r == 0)
        r = blob_path(o->blob, a->blob->key, path);
    if (r == 0)
        r = o->tools.inspect_model(o->tools.arg, path, request_arena(q), &facts);
    if (r < 0)
        return err_prefix(r, "%s", m.name ? m.name : "model");
    m.head = facts.head;
    m.labels_json = facts.labels_json;
    m.input_json = facts.input_json;
    m.description_json = facts.description_json;
    return create_model(q, a, &m, ret_id);
}

// Files are what a client may throw away once they are acknowledged: their rows are as safe as
// their bytes, which were synced before.
static void make_durable(struct request *q)
{
    if (store_sync(api_of(q)->opts.store) < 0)
        log_warning(NULL, "%s, and a loss of power may take the newest file", err_message(0));
    err_clear();
}

int arrival_take(struct request *q, const struct arrival *a, char ret_id[ID_BYTES])
{
    int r;
    switch (a->kind) {
    case ARRIVAL_TRUTH:
        r = take_truth(q, a, ret_id);
        break;
    case ARRIVAL_MODEL:
        r = take_model(q, a, ret_id);
        break;
    default:
        r = take_video(q, a, ret_id);
        break;
    }
    if (r == 0)
        make_durable(q);
    return r;
}

// ---- replies

void arrival_location(struct request *q, const struct arrival *a, const char *id)
{
    if (a->kind == ARRIVAL_TRUTH)
        reply_headerf(q, "Location", "/api/v1/videos/%s/truth", a->video_id);
    else
        reply_headerf(q, "Location", "/api/v1/%ss/%s", kinds[a->kind], id);
}

int arrival_reply(struct request *q, const struct arrival *a, const char *id)
{
    arrival_location(q, a, id);
    switch (a->kind) {
    case ARRIVAL_TRUTH:
        return api_reply_truth(q, 201, id);
    case ARRIVAL_MODEL:
        return api_reply_model(q, 201, id);
    default:
        return api_reply_video(q, 202, id);
    }
}
