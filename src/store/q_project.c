// SPDX-License-Identifier: Apache-2.0
// q_project.c - projects.

#include "store/store_blob.h"
#include "store/store_priv.h"
#include "store/store_project.h"

enum {
    CREATE,
    GET,
    BY_NAME,
    UPDATE,
    DELETE,
    LIST,
    LIST_OF_USER,
};

#define STORED "id, name, description, quota_bytes, created_at_us, updated_at_us"
#define COUNTED(what) \
    "(SELECT coalesce(sum(c.n), 0) FROM counts c WHERE c.project_id = p.id AND c.what = '" what "')"
#define COLUMNS STORED ", " COUNTED("videos") ", " COUNTED("sessions")

// clang-format off
const struct query queries_project[] = {
    [CREATE] = {"project_create", "INSERT INTO projects (" STORED ") VALUES ($1, $2, $3, $4, $5, $6)"},
    [GET] = {"project_get", "SELECT " COLUMNS " FROM projects p WHERE id = $1"},
    [BY_NAME] = {"project_by_name", "SELECT " COLUMNS " FROM projects p WHERE name = $1"},
    [UPDATE] = {"project_update",
        "UPDATE projects SET name = $2, description = $3, quota_bytes = $4, updated_at_us = $5 WHERE id = $1"},
    [DELETE] = {"project_delete", "DELETE FROM projects WHERE id = $1"},
    [LIST] = {"project_list", "SELECT " COLUMNS " FROM projects p WHERE id < $1 ORDER BY id DESC LIMIT $2"},
    [LIST_OF_USER] = {"project_list_of_user",
        "SELECT " COLUMNS " FROM projects p WHERE id < $1 AND "
        "id IN (SELECT project_id FROM project_roles WHERE user_id = $3) ORDER BY id DESC LIMIT $2"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_project, id, FIELD_TEXT),
    FIELD(struct store_project, name, FIELD_TEXT),
    FIELD(struct store_project, description, FIELD_TEXT),
    FIELD(struct store_project, quota_bytes, FIELD_I64),
    FIELD(struct store_project, created_at_us, FIELD_I64),
    FIELD(struct store_project, updated_at_us, FIELD_I64),
    FIELD(struct store_project, n_videos, FIELD_I64),
    FIELD(struct store_project, n_sessions, FIELD_I64),
};
// clang-format on

enum {
    N_STORED = 6,
};

static int check(const struct store_project *p)
{
    int r = check_name("project", p->name);
    if (r == 0)
        r = check_text("project: description", p->description, STORE_TEXT_MAX);
    if (r == 0 && p->quota_bytes < 0)
        r = err_set(ERR_INVALID, "project: quota_bytes is negative");
    return r;
}

static int name_taken(int r, const char *name)
{
    return r == ERR_EXISTS ? err_set(r, "project '%s' exists already", name) : r;
}

int store_project_create(struct store *s, const struct store_project *p, char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_project row = *p;
    int r = check(p);
    if (r == 0)
        r = take_id(p->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.created_at_us = row.updated_at_us = store_now_us(s);
    r = write_end(
        s, name_taken(run_insert(s, &queries_project[CREATE], fields, N_STORED, &row), p->name));
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

int store_project_get(struct store *s, const char *id, struct arena *a, struct store_project *ret)
{
    return run_get(s, &queries_project[GET], fields, ARRAY_LEN(fields), "project", id, a, ret);
}

int store_project_find_by_name(struct store *s, const char *name, struct arena *a,
                               struct store_project *ret)
{
    return run_get(s, &queries_project[BY_NAME], fields, ARRAY_LEN(fields), "project", name, a,
                   ret);
}

int store_project_update(struct store *s, const struct store_project *p)
{
    int r = check(p);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_project[UPDATE], &run)); // sticky
    run_fields(&run, 1, fields, 4, p);
    run_int(&run, 5, store_now_us(s));
    return write_end(s, name_taken(run_done_one(&run, "project", p->id), p->name));
}

int store_project_delete(struct store *s, const char *id, struct store_dropped *dropped)
{
    return owner_delete(s, OWNER_PROJECT, &queries_project[DELETE], id, dropped);
}

int store_project_list(struct store *s, const char *user_id, const struct store_page *page,
                       int (*row)(void *arg, const struct store_project *p), void *arg,
                       struct store_next *ret_next)
{
    struct list l;
    struct store_project p = {0};
    list_open(s, &queries_project[user_id ? LIST_OF_USER : LIST], page, LIST_NEWEST, &l);
    if (user_id)
        run_text(&l.run, 3, user_id);
    while (list_next(&l, fields, ARRAY_LEN(fields), &p))
        l.r = row(arg, &p);
    return list_end(&l, ret_next);
}
