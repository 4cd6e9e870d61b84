// SPDX-License-Identifier: Apache-2.0
// q_overview.c - a project's videos with their newest truth and the newest session that judged
// each.

#include "store/store_overview.h"
#include "store/store_priv.h"

enum {
    LIST,
};

// clang-format off
const struct query queries_overview[] = {
    [LIST] = {"overview_list",
        "SELECT v.id, t.id, t.version, t.name, t.format, t.n_objects, t.n_frames, "
        "s.id, s.name, s.model_name, s.verdict, s.ap50, s.finished_at_us FROM videos v "
        "LEFT JOIN truths t ON t.id = (SELECT id FROM truths WHERE video_id = v.id ORDER BY version DESC LIMIT 1) "
        "LEFT JOIN sessions s ON s.id = (SELECT max(x.session_id) FROM session_videos x JOIN sessions y ON y.id = x.session_id "
        "WHERE x.video_id = v.id AND y.status = 'succeeded') "
        "WHERE v.project_id = $3 AND v.id < $1 ORDER BY v.id DESC LIMIT $2"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_overview, video_id, FIELD_TEXT),
    FIELD(struct store_overview, truth_id, FIELD_TEXT),
    FIELD(struct store_overview, truth_version, FIELD_INT),
    FIELD(struct store_overview, truth_name, FIELD_TEXT),
    FIELD(struct store_overview, truth_format, FIELD_TEXT),
    FIELD(struct store_overview, truth_objects, FIELD_I64),
    FIELD(struct store_overview, truth_frames, FIELD_I64),
    FIELD(struct store_overview, session_id, FIELD_TEXT),
    FIELD(struct store_overview, session_name, FIELD_TEXT),
    FIELD(struct store_overview, session_model, FIELD_TEXT),
    FIELD_OF(struct store_overview, verdict, store_verdict),
    FIELD(struct store_overview, ap50, FIELD_DOUBLE),
    FIELD(struct store_overview, judged_at_us, FIELD_I64),
};
// clang-format on

int store_overview_list(struct store *s, const char *project_id, const struct store_page *page,
                        int (*row)(void *arg, const struct store_overview *o), void *arg,
                        struct store_next *ret_next)
{
    struct list l;
    struct store_overview o = {0};
    list_open(s, &queries_overview[LIST], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, project_id);
    while (list_next(&l, fields, ARRAY_LEN(fields), &o))
        l.r = row(arg, &o);
    return list_end(&l, ret_next);
}
