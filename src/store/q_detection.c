// SPDX-License-Identifier: Apache-2.0
// q_detection.c - sets of detections: the statements, and finding a set.

#include "store/detection_priv.h"

#define COLUMNS                                                                                   \
    "id, kind, video_id, task_id, session_id, is_complete, header_json, summary_json, n_blocks, " \
    "n_frames, n_detections, n_bytes, created_at_us, finished_at_us"
#define BLOCKS                                                                 \
    "SELECT seq, bytes FROM detection_blocks WHERE set_id = $1 AND seq >= $2 " \
    "AND last_frame >= $3 AND first_frame <= $4 AND max_confidence >= $5 "

// clang-format off
const struct query queries_detection[] = {
    [SET_CREATE] = {"set_create",
        "INSERT INTO detection_sets (id, kind, project_id, video_id, task_id, session_id, fence, is_complete, n_blocks, "
        "n_frames, n_detections, n_bytes, created_at_us, finished_at_us, header_json) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, $8, 0, $9)"},
    [SET_DROP_TASK] = {"set_drop_task",
        "DELETE FROM detection_sets WHERE task_id = $1 AND video_id = $2 AND kind = $3"},
    [SET_DROP_SESSION] = {"set_drop_session",
        "DELETE FROM detection_sets WHERE session_id = $1 AND video_id = $2 AND kind = $3"},
    [SET_DROP_UNFINISHED] = {"set_drop_unfinished",
        "DELETE FROM detection_sets WHERE is_complete = 0 AND kind <> 'external'"},
    [SET_DROP_UNFINISHED_OF_TASK] = {"set_drop_unfinished_of_task",
        "DELETE FROM detection_sets WHERE task_id = $1 AND is_complete = 0"},
    [SET_GROW] = {"set_grow",
        "UPDATE detection_sets SET n_blocks = n_blocks + 1, n_frames = n_frames + $3, n_detections = n_detections + $4, "
        "n_bytes = n_bytes + $5 WHERE id = $1 AND fence = $2 AND is_complete = 0 RETURNING n_blocks - 1", true},
    [SET_FINISH] = {"set_finish",
        "UPDATE detection_sets SET is_complete = 1, summary_json = $3, finished_at_us = $4 "
        "WHERE id = $1 AND fence = $2 AND is_complete = 0"},
    [SET_OF_SESSION_VIDEO] = {"set_of_session_video",
        "UPDATE session_videos SET set_id = $3 WHERE session_id = $1 AND video_id = $2"},
    [SET_GET] = {"set_get", "SELECT " COLUMNS " FROM detection_sets WHERE id = $1"},
    [SET_OF_TASK] = {"set_of_task",
        "SELECT " COLUMNS " FROM detection_sets WHERE task_id = $1 ORDER BY id DESC LIMIT 1"},
    [SET_LATEST] = {"set_latest",
        "SELECT " COLUMNS " FROM detection_sets WHERE video_id = $1 AND kind = 'detections' AND is_complete = 1 "
        "ORDER BY id DESC LIMIT 1"},
    [SET_OF_SESSION] = {"set_of_session",
        "SELECT " COLUMNS " FROM detection_sets WHERE session_id = $1 AND video_id = $2 AND kind = $3 "
        "ORDER BY id DESC LIMIT 1"},
    [SET_LIST] = {"set_list",
        "SELECT " COLUMNS " FROM detection_sets WHERE video_id = $3 AND kind = 'detections' AND id < $1 "
        "ORDER BY id DESC LIMIT $2"},
    [SET_PROJECT_OF_VIDEO] = {"set_project_of_video", "SELECT project_id FROM videos WHERE id = $1"},
    [SET_TAKES] = {"set_takes",
        "SELECT 1 FROM sessions JOIN session_videos ON session_id = id "
        "WHERE id = $1 AND video_id = $2 AND source = 'external' AND status = 'open'"},
    [SET_ADD_BLOCK] = {"set_add_block",
        "INSERT INTO detection_blocks (set_id, seq, first_frame, last_frame, n_frames, n_detections, max_confidence, "
        "bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"},
    [SET_ADD_LABEL] = {"set_add_label",
        "INSERT INTO detection_labels (set_id, label, seq, class_id, n, max_confidence) VALUES ($1, $2, $3, $4, $5, $6)"},
    [SET_BLOCK] = {"set_block", BLOCKS "ORDER BY seq LIMIT 1"},
    [SET_BLOCK_LABEL] = {"set_block_label",
        BLOCKS "AND seq = (SELECT min(l.seq) FROM detection_labels l JOIN detection_blocks b "
        "ON b.set_id = l.set_id AND b.seq = l.seq WHERE l.set_id = $1 AND l.label = $6 AND l.seq >= $2 "
        "AND l.max_confidence >= $5 AND b.last_frame >= $3 AND b.first_frame <= $4)"},
    [SET_LABELS] = {"set_labels",
        "SELECT class_id, label, sum(n), max(max_confidence) FROM detection_labels WHERE set_id = $1 "
        "GROUP BY class_id, label ORDER BY class_id, label"},
    {0},
};

static const char *const kinds[] = {
    [STORE_SET_DETECTIONS] = "detections",
    [STORE_SET_EXTERNAL] = "external",
    [STORE_SET_OUTCOMES] = "outcomes",
    [STORE_SET_CONFUSIONS] = "confusions",
};
ENUM_FUNCTIONS(store_set_kind, kinds)

static const struct field fields[] = {
    FIELD(struct store_set, id, FIELD_TEXT),
    FIELD_OF(struct store_set, kind, store_set_kind),
    FIELD(struct store_set, video_id, FIELD_TEXT),
    FIELD(struct store_set, task_id, FIELD_TEXT),
    FIELD(struct store_set, session_id, FIELD_TEXT),
    FIELD(struct store_set, is_complete, FIELD_BOOL),
    FIELD(struct store_set, header_json, FIELD_TEXT),
    FIELD(struct store_set, summary_json, FIELD_TEXT),
    FIELD(struct store_set, n_blocks, FIELD_I64),
    FIELD(struct store_set, n_frames, FIELD_I64),
    FIELD(struct store_set, n_detections, FIELD_I64),
    FIELD(struct store_set, n_bytes, FIELD_I64),
    FIELD(struct store_set, created_at_us, FIELD_I64),
    FIELD(struct store_set, finished_at_us, FIELD_I64),
};
// clang-format on

static int get_by(struct store *s, enum detection_query q, const char *noun, const char *key,
                  struct arena *a, struct store_set *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_detection[q], &run)); // sticky
    run_text(&run, 1, key);
    return run_one(&run, fields, ARRAY_LEN(fields), noun, key, a, ret);
}

int store_set_get(struct store *s, const char *id, struct arena *a, struct store_set *ret)
{
    return get_by(s, SET_GET, "set of detections", id, a, ret);
}

int store_set_of_task(struct store *s, const char *task_id, struct arena *a, struct store_set *ret)
{
    return get_by(s, SET_OF_TASK, "set of detections of task", task_id, a, ret);
}

int store_set_latest(struct store *s, const char *video_id, struct arena *a, struct store_set *ret)
{
    return get_by(s, SET_LATEST, "set of detections of video", video_id, a, ret);
}

int store_set_of_session(struct store *s, const char *session_id, const char *video_id,
                         enum store_set_kind kind, struct arena *a, struct store_set *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_detection[SET_OF_SESSION], &run)); // sticky
    run_text(&run, 1, session_id);
    run_text(&run, 2, video_id);
    run_text(&run, 3, store_set_kind_name((int)kind));
    return run_one(&run, fields, ARRAY_LEN(fields), "set of detections of session", session_id, a,
                   ret);
}

int store_set_list(struct store *s, const char *video_id, const struct store_page *page,
                   int (*row)(void *arg, const struct store_set *x), void *arg,
                   struct store_next *ret_next)
{
    struct list l;
    struct store_set x = {0};
    list_open(s, &queries_detection[SET_LIST], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, video_id);
    while (list_next(&l, fields, ARRAY_LEN(fields), &x))
        l.r = row(arg, &x);
    return list_end(&l, ret_next);
}

int store_set_labels(struct store *s, const char *set_id,
                     int (*each)(void *arg, int32_t class_id, const char *label, int64_t n,
                                 float max_confidence),
                     void *arg)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, &queries_detection[SET_LABELS], &run)); // sticky
    run_text(&run, 1, set_id);
    while (r == 0 && run_step(&run)) {
        double most = run_get_double(&run, 3);
        r = each(arg, (int32_t)run_get_int(&run, 0), run_get_text(&run, 1), run_get_int(&run, 2),
                 most >= SET_NO_CONFIDENCE ? 0 : (float)most);
    }
    return run_end(&run, r);
}

int set_recover(struct store *s)
{
    struct run run;
    IGNORE(run_open(s, &queries_detection[SET_DROP_UNFINISHED], &run)); // sticky
    return run_done(&run, NULL);
}

int set_drop_unfinished(struct store *s, const char *task_id)
{
    struct run run;
    IGNORE(run_open(s, &queries_detection[SET_DROP_UNFINISHED_OF_TASK], &run)); // sticky
    run_text(&run, 1, task_id);
    return run_done(&run, NULL);
}
