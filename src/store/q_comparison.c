// SPDX-License-Identifier: Apache-2.0
// q_comparison.c - comparisons of two sessions.

#include "store/store_comparison.h"

#include <string.h>

#include "store/store_priv.h"
#include "store/store_task.h"

enum {
    PUT,
    GET,
    DROP,
    OF_A,
    OF_B,
};

// clang-format off
const struct query queries_comparison[] = {
    [PUT] = {"comparison_put",
        "INSERT INTO session_comparisons (session_a, session_b, created_at_us, comparison_json) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (session_a, session_b) DO UPDATE SET created_at_us = excluded.created_at_us, "
        "comparison_json = excluded.comparison_json"},
    [GET] = {"comparison_get",
        "SELECT session_a, session_b, created_at_us, comparison_json FROM session_comparisons WHERE session_a = $1 AND session_b = $2"},
    [DROP] = {"comparison_drop", "DELETE FROM session_comparisons WHERE session_a = $1 OR session_b = $1"},
    [OF_A] = {"comparison_of_a",
        "SELECT x.video_id, x.truth_id, y.truth_id, CASE WHEN y.video_id IS NULL THEN 0 ELSE 1 END, "
        "coalesce(t.version, 0), coalesce(u.version, 0), "
        "(SELECT sha256 FROM blobs WHERE \"key\" = coalesce(t.coco_key, t.original_key)), "
        "(SELECT sha256 FROM blobs WHERE \"key\" = coalesce(u.coco_key, u.original_key)) "
        "FROM session_videos x LEFT JOIN session_videos y ON y.session_id = $2 AND y.video_id = x.video_id "
        "LEFT JOIN truths t ON t.id = x.truth_id LEFT JOIN truths u ON u.id = y.truth_id "
        "WHERE x.session_id = $1 ORDER BY x.position"},
    [OF_B] = {"comparison_of_b",
        "SELECT y.video_id FROM session_videos y WHERE y.session_id = $2 AND NOT EXISTS "
        "(SELECT 1 FROM session_videos x WHERE x.session_id = $1 AND x.video_id = y.video_id) ORDER BY y.position"},
    {0},
};

static const char *const common_names[] = {
    [STORE_COMMON_BOTH] = "both",
    [STORE_COMMON_ONLY_A] = "only_in_a",
    [STORE_COMMON_ONLY_B] = "only_in_b",
    [STORE_COMMON_NO_TRUTH] = "no_truth",
    [STORE_COMMON_OTHER_TRUTH] = "other_truth",
};
ENUM_FUNCTIONS(store_common, common_names)
// clang-format on

static const struct field fields[] = {
    FIELD(struct store_comparison, a, FIELD_TEXT),
    FIELD(struct store_comparison, b, FIELD_TEXT),
    FIELD(struct store_comparison, created_at_us, FIELD_I64),
    FIELD(struct store_comparison, json, FIELD_TEXT),
};

int store_comparison_put(struct store *s, const struct store_lease *lease,
                         const struct store_comparison *x)
{
    struct store_comparison row = *x;
    int r = check_text("comparison", x->json, STORE_JSON_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    r = lease ? store_task_check(s, lease) : 0;
    if (r == 0) {
        struct run run;
        row.created_at_us = store_now_us(s);
        IGNORE(run_open(s, &queries_comparison[PUT], &run)); // sticky
        run_fields(&run, 1, fields, ARRAY_LEN(fields), &row);
        r = run_done(&run, NULL);
        if (r == ERR_CONFLICT)
            r = err_set(r, "comparison: session '%.40s' or '%.40s' does not exist", x->a, x->b);
    }
    return write_end(s, r);
}

int store_comparison_get(struct store *s, const char *a, const char *b, struct arena *arena,
                         struct store_comparison *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_comparison[GET], &run)); // sticky
    run_text(&run, 1, a);
    run_text(&run, 2, b);
    return run_one(&run, fields, ARRAY_LEN(fields), "comparison of session", a, arena, ret);
}

int comparison_drop(struct store *s, const char *session_id)
{
    struct run run;
    IGNORE(run_open(s, &queries_comparison[DROP], &run)); // sticky
    run_text(&run, 1, session_id);
    return run_done(&run, NULL);
}

// ---- which videos

static enum store_common common_of(struct run *run)
{
    const char *truth_a = run_get_text(run, 1);
    const char *truth_b = run_get_text(run, 2);
    const char *digest_a = run_get_text(run, 6);
    const char *digest_b = run_get_text(run, 7);
    if (run_get_int(run, 3) == 0)
        return STORE_COMMON_ONLY_A;
    if (!truth_a || !truth_b)
        return STORE_COMMON_NO_TRUTH;
    bool is_same =
        strcmp(truth_a, truth_b) == 0 || (digest_a && digest_b && strcmp(digest_a, digest_b) == 0);
    return is_same ? STORE_COMMON_BOTH : STORE_COMMON_OTHER_TRUTH;
}

static int each_of_a(struct store *s, const char *a, const char *b,
                     int (*each)(void *arg, const struct store_common_video *v), void *arg)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, &queries_comparison[OF_A], &run)); // sticky
    run_text(&run, 1, a);
    run_text(&run, 2, b);
    while (r == 0 && run_step(&run)) {
        const struct store_common_video v = {.video_id = run_get_text(&run, 0),
                                             .common = common_of(&run),
                                             .version_a = (int)run_get_int(&run, 4),
                                             .version_b = (int)run_get_int(&run, 5)};
        r = each(arg, &v);
    }
    return run_end(&run, r);
}

int store_comparison_videos(struct store *s, const char *a, const char *b,
                            int (*each)(void *arg, const struct store_common_video *v), void *arg)
{
    int r = each_of_a(s, a, b, each, arg);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_comparison[OF_B], &run)); // sticky
    run_text(&run, 1, a);
    run_text(&run, 2, b);
    while (r == 0 && run_step(&run))
        r = each(arg, &(struct store_common_video){.video_id = run_get_text(&run, 0),
                                                   .common = STORE_COMMON_ONLY_B});
    return run_end(&run, r);
}
