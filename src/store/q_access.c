// SPDX-License-Identifier: Apache-2.0
// q_access.c - an object's project in one small row, without its documents.

#include "store/store_access.h"

#include <assert.h>
#include <stdio.h>

#include "store/store_priv.h"

enum {
    BEST_ROLE = STORE_N_NOUNS - 1,
};

// clang-format off
const struct query queries_access[] = {
    [STORE_NOUN_PROJECT - 1] = {"home_project", "SELECT id, NULL FROM projects WHERE id = $1"},
    [STORE_NOUN_VIDEO - 1] = {"home_video", "SELECT project_id, created_by FROM videos WHERE id = $1"},
    [STORE_NOUN_TASK - 1] = {"home_task", "SELECT project_id, created_by FROM tasks WHERE id = $1"},
    [STORE_NOUN_SESSION - 1] = {"home_session", "SELECT project_id, created_by FROM sessions WHERE id = $1"},
    // or of what it became, which bears its id
    [STORE_NOUN_UPLOAD - 1] = {"home_upload",
        "SELECT project_id, created_by FROM uploads WHERE id = $1 UNION ALL "
        "SELECT project_id, created_by FROM videos WHERE id = $1 UNION ALL "
        "SELECT v.project_id, t.created_by FROM truths t JOIN videos v ON v.id = t.video_id WHERE t.id = $1 UNION ALL "
        "SELECT NULL, created_by FROM models WHERE id = $1"},
    [BEST_ROLE] = {"user_best_role",
        "SELECT u.role, p.role FROM users u LEFT JOIN project_roles p ON p.user_id = u.id "
        "WHERE u.id = $1 AND u.is_disabled = 0"},
    {0},
};
// clang-format on

static const char *const nouns[] = {
    [STORE_NOUN_PROJECT] = "project", [STORE_NOUN_VIDEO] = "video",   [STORE_NOUN_TASK] = "task",
    [STORE_NOUN_SESSION] = "session", [STORE_NOUN_UPLOAD] = "upload",
};

static void keep(char ret[ID_BYTES], const char *text)
{
    snprintf(ret, ID_BYTES, "%s", text ? text : "");
}

int store_home_get(struct store *s, enum store_noun noun, const char *id, struct store_home *ret)
{
    assert(noun > STORE_NOUN_UNSET && noun < STORE_N_NOUNS);
    struct store_home home = {0};
    bool is_there = false;
    struct run run;
    IGNORE(run_open(s, &queries_access[noun - 1], &run)); // sticky
    run_text(&run, 1, id);
    if (run_step(&run)) {
        is_there = true;
        keep(home.project_id, run_get_text(&run, 0));
        keep(home.created_by, run_get_text(&run, 1));
    }
    int r = run_end(&run, 0);
    if (r == 0 && !is_there)
        r = err_set(ERR_NOT_FOUND, "%s '%.64s' does not exist", nouns[noun], id);
    if (r == 0)
        *ret = home;
    return r;
}

int store_user_best_role(struct store *s, const char *user_id, enum store_role *ret)
{
    int role = STORE_ROLE_UNSET;
    struct run run;
    IGNORE(run_open(s, &queries_access[BEST_ROLE], &run)); // sticky
    run_text(&run, 1, user_id);
    while (run_step(&run)) {
        role = MAX(role, store_role_parse(run_get_text(&run, 0)));
        role = MAX(role, store_role_parse(run_get_text(&run, 1)));
    }
    int r = run_end(&run, 0);
    if (r == 0)
        *ret = (enum store_role)role;
    return r;
}
