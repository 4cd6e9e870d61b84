// SPDX-License-Identifier: Apache-2.0
// q_user.c - people and their roles.

#include "store/store_priv.h"
#include "store/store_user.h"

enum {
    CREATE,
    GET,
    BY_NAME,
    UPDATE,
    SET_PASSWORD,
    END_LOGINS,
    END_KEYS,
    DELETE,
    LIST,
    COUNT,
    SET_ROLE,
    UNSET_ROLE,
    ROLE_IN,
    MEMBERS,
    PROJECTS,
};

#define COLUMNS \
    "id, name, password_hash, role, is_disabled, created_at_us, updated_at_us, last_login_us"

// clang-format off
const struct query queries_user[] = {
    [CREATE] = {"user_create", "INSERT INTO users (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"},
    [GET] = {"user_get", "SELECT " COLUMNS " FROM users WHERE id = $1"},
    [BY_NAME] = {"user_by_name", "SELECT " COLUMNS " FROM users WHERE name = $1"},
    [UPDATE] = {"user_update",
        "UPDATE users SET name = $2, role = $3, is_disabled = $4, updated_at_us = $5 WHERE id = $1"},
    [SET_PASSWORD] = {"user_set_password", "UPDATE users SET password_hash = $2, updated_at_us = $3 WHERE id = $1"},
    [END_LOGINS] = {"user_end_logins", "DELETE FROM logins WHERE user_id = $1"},
    [END_KEYS] = {"user_end_keys", "DELETE FROM api_keys WHERE user_id = $1"},
    [DELETE] = {"user_delete", "DELETE FROM users WHERE id = $1"},
    [LIST] = {"user_list", "SELECT " COLUMNS " FROM users WHERE id < $1 ORDER BY id DESC LIMIT $2"},
    [COUNT] = {"user_count",
        "SELECT count(*), coalesce(sum(CASE WHEN role = 'admin' THEN 1 ELSE 0 END), 0) FROM users WHERE is_disabled = 0"},
    [SET_ROLE] = {"user_set_role",
        "INSERT INTO project_roles (project_id, user_id, role) VALUES ($1, $2, $3) "
        "ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role"},
    [UNSET_ROLE] = {"user_unset_role", "DELETE FROM project_roles WHERE project_id = $1 AND user_id = $2"},
    [ROLE_IN] = {"user_role_in",
        "SELECT u.role, p.role FROM users u LEFT JOIN project_roles p ON p.user_id = u.id AND p.project_id = $2 "
        "WHERE u.id = $1 AND u.is_disabled = 0"},
    [MEMBERS] = {"user_members",
        "SELECT u.id, u.name, NULL, p.role, u.is_disabled, u.created_at_us, u.updated_at_us, u.last_login_us "
        "FROM project_roles p JOIN users u ON u.id = p.user_id WHERE p.project_id = $3 AND p.user_id < $1 "
        "ORDER BY p.user_id DESC LIMIT $2"},
    [PROJECTS] = {"user_projects",
        "SELECT project_id, role FROM project_roles WHERE user_id = $1 ORDER BY project_id DESC LIMIT $2"},
    {0},
};

static const char *const roles[] = {
    [STORE_ROLE_METRICS] = "metrics",
    [STORE_ROLE_VIEWER] = "viewer",
    [STORE_ROLE_EDITOR] = "editor",
    [STORE_ROLE_ADMIN] = "admin",
};
ENUM_FUNCTIONS(store_role, roles)

static const struct field fields[] = {
    FIELD(struct store_user, id, FIELD_TEXT),
    FIELD(struct store_user, name, FIELD_TEXT),
    FIELD(struct store_user, password_hash, FIELD_TEXT),
    FIELD_OF(struct store_user, role, store_role),
    FIELD(struct store_user, is_disabled, FIELD_BOOL),
    FIELD(struct store_user, created_at_us, FIELD_I64),
    FIELD(struct store_user, updated_at_us, FIELD_I64),
    FIELD(struct store_user, last_login_us, FIELD_I64),
};
// clang-format on

int store_user_create(struct store *s, const struct store_user *u, char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_user row = *u;
    int r = check_name("user", u->name);
    if (r == 0)
        r = take_id(u->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.created_at_us = row.updated_at_us = store_now_us(s);
    r = run_insert(s, &queries_user[CREATE], fields, ARRAY_LEN(fields), &row);
    r = write_end(s, r == ERR_EXISTS ? err_set(r, "user '%s' exists already", u->name) : r);
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

static int get_by(struct store *s, int q, const char *key, struct arena *a, struct store_user *ret)
{
    return run_get(s, &queries_user[q], fields, ARRAY_LEN(fields), "user", key, a, ret);
}

int store_user_get(struct store *s, const char *id, struct arena *a, struct store_user *ret)
{
    return get_by(s, GET, id, a, ret);
}

int store_user_find_by_name(struct store *s, const char *name, struct arena *a,
                            struct store_user *ret)
{
    return get_by(s, BY_NAME, name, a, ret);
}

int store_user_count(struct store *s, int64_t *ret_n, int64_t *ret_n_admins)
{
    int64_t n = 0;
    int64_t n_admins = 0;
    struct run run;
    IGNORE(run_open(s, &queries_user[COUNT], &run)); // sticky
    if (run_step(&run)) {
        n = run_get_int(&run, 0);
        n_admins = run_get_int(&run, 1);
    }
    int r = run_end(&run, 0);
    if (r < 0)
        return r;
    if (ret_n)
        *ret_n = n;
    if (ret_n_admins)
        *ret_n_admins = n_admins;
    return 0;
}

static int with_id(struct store *s, int q, const char *id)
{
    struct run run;
    IGNORE(run_open(s, &queries_user[q], &run)); // sticky
    run_text(&run, 1, id);
    return run_done(&run, NULL);
}

// After a change, inside its transaction: where there was an admin there still is one.
static int check_admin_left(struct store *s, int64_t n_before)
{
    int64_t n = 0;
    int r = store_user_count(s, NULL, &n);
    if (r == 0 && n == 0 && n_before > 0)
        r = err_set(ERR_CONFLICT, "the last admin stays one: make another user admin first");
    return r;
}

static int update(struct store *s, const struct store_user *u)
{
    int64_t n_admins = 0;
    int r = store_user_count(s, NULL, &n_admins);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_user[UPDATE], &run)); // sticky
    run_text(&run, 1, u->id);
    run_text(&run, 2, u->name);
    run_text(&run, 3, store_role_name((int)u->role));
    run_int(&run, 4, u->is_disabled);
    run_int(&run, 5, store_now_us(s));
    r = run_done_one(&run, "user", u->id);
    if (r == ERR_EXISTS)
        r = err_set(r, "user '%s' exists already", u->name);
    if (r == 0)
        r = check_admin_left(s, n_admins);
    if (r == 0 && u->is_disabled)
        r = with_id(s, END_LOGINS, u->id);
    if (r == 0 && u->is_disabled)
        r = with_id(s, END_KEYS, u->id);
    return r;
}

int store_user_update(struct store *s, const struct store_user *u)
{
    int r = check_name("user", u->name);
    if (r == 0)
        r = write_begin(s);
    return r < 0 ? r : write_end(s, update(s, u));
}

int store_user_set_password(struct store *s, const char *id, const char *password_hash,
                            bool end_logins)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_user[SET_PASSWORD], &run)); // sticky
    run_text(&run, 1, id);
    run_text(&run, 2, password_hash);
    run_int(&run, 3, store_now_us(s));
    r = run_done_one(&run, "user", id);
    if (r == 0 && end_logins)
        r = with_id(s, END_LOGINS, id);
    return write_end(s, r);
}

int store_user_delete(struct store *s, const char *id)
{
    int64_t n_admins = 0;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = store_user_count(s, NULL, &n_admins);
    if (r == 0)
        r = run_on(s, &queries_user[DELETE], "user", id);
    if (r == 0)
        r = check_admin_left(s, n_admins);
    return write_end(s, r);
}

static int list(struct list *l, int (*row)(void *arg, const struct store_user *u), void *arg,
                struct store_next *ret_next)
{
    struct store_user u = {0};
    while (list_next(l, fields, ARRAY_LEN(fields), &u))
        l->r = row(arg, &u);
    return list_end(l, ret_next);
}

int store_user_list(struct store *s, const struct store_page *page,
                    int (*row)(void *arg, const struct store_user *u), void *arg,
                    struct store_next *ret_next)
{
    struct list l;
    list_open(s, &queries_user[LIST], page, LIST_NEWEST, &l);
    return list(&l, row, arg, ret_next);
}

// ---- roles per project

int store_user_set_role(struct store *s, const char *project_id, const char *user_id,
                        enum store_role role)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_user[role ? SET_ROLE : UNSET_ROLE], &run)); // sticky
    run_text(&run, 1, project_id);
    run_text(&run, 2, user_id);
    if (role)
        run_text(&run, 3, store_role_name((int)role));
    r = run_done(&run, NULL);
    if (r == ERR_CONFLICT)
        r = err_set(r, "project '%.40s' or user '%.40s' does not exist", project_id, user_id);
    return write_end(s, r);
}

int store_user_role_in(struct store *s, const char *user_id, const char *project_id,
                       enum store_role *ret_role)
{
    int role = STORE_ROLE_UNSET;
    struct run run;
    IGNORE(run_open(s, &queries_user[ROLE_IN], &run)); // sticky
    run_text(&run, 1, user_id);
    run_text(&run, 2, project_id);
    if (run_step(&run))
        role =
            MAX(store_role_parse(run_get_text(&run, 0)), store_role_parse(run_get_text(&run, 1)));
    int r = run_end(&run, 0);
    if (r == 0)
        *ret_role = (enum store_role)role;
    return r;
}

int store_user_members(struct store *s, const char *project_id, const struct store_page *page,
                       int (*row)(void *arg, const struct store_user *u), void *arg,
                       struct store_next *ret_next)
{
    struct list l;
    list_open(s, &queries_user[MEMBERS], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, project_id);
    return list(&l, row, arg, ret_next);
}

int store_user_projects(struct store *s, const char *user_id,
                        int (*row)(void *arg, const char *project_id, enum store_role role),
                        void *arg)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, &queries_user[PROJECTS], &run)); // sticky
    run_text(&run, 1, user_id);
    run_int(&run, 2, STORE_PAGE_MAX);
    while (r == 0 && run_step(&run))
        r = row(arg, run_get_text(&run, 0),
                (enum store_role)store_role_parse(run_get_text(&run, 1)));
    return run_end(&run, r);
}
