// SPDX-License-Identifier: Apache-2.0
// q_truth.c - versions of a video's truth.

#include "store/store_blob.h"
#include "store/store_priv.h"
#include "store/store_truth.h"

enum {
    CREATE,
    GET,
    NEXT_VERSION,
    NEWEST,
    VERSION,
    LIST,
};

#define COLUMNS                                                                          \
    "id, video_id, version, format, name, original_key, coco_key, n_objects, n_frames, " \
    "labels_json, notices_json, created_by, created_at_us"
#define READ COLUMNS ", (SELECT u.name FROM users u WHERE u.id = truths.created_by)"

// clang-format off
const struct query queries_truth[] = {
    [CREATE] = {"truth_create",
        "INSERT INTO truths (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"},
    [GET] = {"truth_get", "SELECT " READ " FROM truths WHERE id = $1"},
    [NEXT_VERSION] = {"truth_next_version",
        "SELECT v.project_id, coalesce((SELECT max(version) FROM truths WHERE video_id = $1), 0) + 1 "
        "FROM videos v WHERE v.id = $1"},
    [NEWEST] = {"truth_newest", "SELECT " READ " FROM truths WHERE video_id = $1 ORDER BY version DESC LIMIT 1"},
    [VERSION] = {"truth_version", "SELECT " READ " FROM truths WHERE video_id = $1 AND version = $2"},
    [LIST] = {"truth_list",
        "SELECT " READ " FROM truths WHERE video_id = $3 AND id < $1 ORDER BY id DESC LIMIT $2"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_truth, id, FIELD_TEXT),
    FIELD(struct store_truth, video_id, FIELD_TEXT),
    FIELD(struct store_truth, version, FIELD_INT),
    FIELD(struct store_truth, format, FIELD_TEXT),
    FIELD(struct store_truth, name, FIELD_TEXT),
    FIELD(struct store_truth, original_key, FIELD_TEXT),
    FIELD(struct store_truth, coco_key, FIELD_TEXT),
    FIELD(struct store_truth, n_objects, FIELD_I64),
    FIELD(struct store_truth, n_frames, FIELD_I64),
    FIELD(struct store_truth, labels_json, FIELD_TEXT),
    FIELD(struct store_truth, notices_json, FIELD_TEXT),
    FIELD(struct store_truth, created_by, FIELD_TEXT),
    FIELD(struct store_truth, created_at_us, FIELD_I64),
    FIELD(struct store_truth, creator, FIELD_TEXT),
};
enum {
    N_STORED = ARRAY_LEN(fields) - 1,
};
// clang-format on

struct place {
    char project_id[ID_BYTES];
    int version;
};

static int next_version(struct store *s, const char *video_id, struct place *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_truth[NEXT_VERSION], &run)); // sticky
    run_text(&run, 1, video_id);
    int r = 0;
    if (run_step(&run)) {
        const char *project_id = run_get_text(&run, 0);
        snprintf(ret->project_id, ID_BYTES, "%s", project_id ? project_id : "");
        ret->version = (int)run_get_int(&run, 1);
    } else if (run.r == 0) {
        r = err_set(ERR_NOT_FOUND, "video '%.64s' does not exist", video_id);
    }
    return run_end(&run, r);
}

static int insert(struct store *s, struct store_truth *row, const struct store_blob *original,
                  const struct store_blob *coco)
{
    struct place place = {0};
    int r = next_version(s, row->video_id, &place);
    if (r == 0 && row->has_after && place.version != row->after + 1)
        return err_set(ERR_CONFLICT, "version %d of the truth was saved meanwhile",
                       place.version - 1);
    struct blob_owner owner = {.project_id = place.project_id, .video_id = row->video_id};
    if (r == 0 && original)
        r = blob_add(s, original, owner);
    if (r == 0 && coco)
        r = blob_add(s, coco, owner);
    if (r < 0)
        return r;
    row->version = place.version;
    return run_insert(s, &queries_truth[CREATE], fields, N_STORED, row);
}

int store_truth_create(struct store *s, const struct store_truth *t,
                       const struct store_blob *original, const struct store_blob *coco,
                       char ret_id[ID_BYTES], int *ret_version)
{
    char id[ID_BYTES];
    struct store_truth row = *t;
    int r = check_text("truth: notices", t->notices_json, STORE_JSON_MAX);
    if (r == 0)
        r = take_id(t->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.created_at_us = store_now_us(s);
    row.original_key = original ? original->key : NULL;
    row.coco_key = coco ? coco->key : NULL;
    r = write_end(s, insert(s, &row, original, coco));
    if (r < 0)
        return r;
    memcpy(ret_id, id, ID_BYTES);
    if (ret_version)
        *ret_version = row.version;
    return 0;
}

int store_truth_get(struct store *s, const char *id, struct arena *a, struct store_truth *ret)
{
    return run_get(s, &queries_truth[GET], fields, ARRAY_LEN(fields), "truth", id, a, ret);
}

int store_truth_of_video(struct store *s, const char *video_id, int version, struct arena *a,
                         struct store_truth *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_truth[version ? VERSION : NEWEST], &run)); // sticky
    run_text(&run, 1, video_id);
    if (version)
        run_int(&run, 2, version);
    return run_one(&run, fields, ARRAY_LEN(fields), "truth of video", video_id, a, ret);
}

int store_truth_list(struct store *s, const char *video_id, const struct store_page *page,
                     int (*row)(void *arg, const struct store_truth *t), void *arg,
                     struct store_next *ret_next)
{
    struct list l;
    struct store_truth t = {0};
    list_open(s, &queries_truth[LIST], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, video_id);
    while (list_next(&l, fields, ARRAY_LEN(fields), &t))
        l.r = row(arg, &t);
    return list_end(&l, ret_next);
}
