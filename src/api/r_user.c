// SPDX-License-Identifier: Apache-2.0
// r_user.c - people, and who is a member of a project.

#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "store/store_project.h"
#include "store/store_user.h"

static void put_user(struct json_writer *w, const struct store_user *u)
{
    json_object(w);
    json_put_text(w, "id", u->id);
    json_put_text(w, "name", u->name);
    json_put_text(w, "role", store_role_name((int)u->role));
    json_put_bool(w, "is_disabled", u->is_disabled);
    put_time(w, "created_at", u->created_at_us);
    put_time(w, "updated_at", u->updated_at_us);
    put_time(w, "last_login_at", u->last_login_us);
    json_end(w);
}

static int reply_user(struct request *q, int status, const char *id)
{
    struct store_user u;
    int r = store_user_get(api_of(q)->opts.store, id, request_arena(q), &u);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, status, put_user, &u);
}

// "none" is no role of one's own: only what projects give.
static int parse_role(const char *name, enum store_role *ret_role)
{
    int role = store_role_parse(name);
    if (role < STORE_ROLE_VIEWER && strcmp(name, "none") != 0)
        return err_set(ERR_INVALID, "role '%.20s' is none of viewer, editor, admin, none", name);
    *ret_role = role < STORE_ROLE_VIEWER ? STORE_ROLE_UNSET : (enum store_role)role;
    return 0;
}

// ---- making one

struct user_body {
    const char *name, *role, *password;
    enum body_maybe is_disabled;
};

static const struct body_field create_fields[] = {
    {"name", BODY_TEXT, offsetof(struct user_body, name), true, 0},
    {"role", BODY_TEXT, offsetof(struct user_body, role), true, 0},
    {"password", BODY_TEXT, offsetof(struct user_body, password), true, SECRET_PASSWORD_MAX},
    {0},
};

// As the audit log says it, also where it was taken away.
static const char *role_said(enum store_role role)
{
    return role ? store_role_name((int)role) : "none";
}

static int user_create(struct request *q)
{
    struct api *a = api_of(q);
    struct user_body b = {0};
    struct store_user u = {0};
    char hash[ACCESS_PASSWORD_HASH_BYTES];
    char *id = arena_alloc(request_arena(q), ID_BYTES, 1);
    int r = id ? body_read(q, create_fields, &b) : ERR_NOMEM;
    if (r == 0)
        r = parse_role(b.role, &u.role);
    if (r == 0 && !api_has_accounts(a) && u.role != STORE_ROLE_ADMIN)
        r = err_set(ERR_CONFLICT, "the first user is an admin");
    if (r == 0)
        r = access_password_hash(a, b.password, hash);
    if (r < 0)
        return r;
    id_make(id);
    u.id = id;
    u.name = b.name;
    u.password_hash = hash;
    api_audit_object(q, id);
    api_audit_say(q, "role", role_said(u.role));
    r = store_user_create(a->opts.store, &u, id);
    if (r == 0)
        r = api_users_changed(a, NULL);
    if (r < 0)
        return r;
    reply_headerf(q, "Location", "/api/v1/users/%s", id);
    return reply_user(q, 201, id);
}

// ---- reading

static int user_get(struct request *q)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? reply_user(q, 200, id) : r;
}

static int user_row(void *arg, const struct store_user *u)
{
    put_user(&((struct listing *)arg)->w, u);
    return 0;
}

static int user_list(struct request *q)
{
    struct listing l;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = store_user_list(api_of(q)->opts.store, &l.page, user_row, &l, &l.next);
    return listing_end(&l, r);
}

// ---- changing: what a user may do changes at once, also on open WebSockets

static const struct body_field change_fields[] = {
    {"name", BODY_TEXT, offsetof(struct user_body, name), false, 0},
    {"role", BODY_TEXT, offsetof(struct user_body, role), false, 0},
    {"password", BODY_TEXT, offsetof(struct user_body, password), false, SECRET_PASSWORD_MAX},
    {"is_disabled", BODY_MAYBE, offsetof(struct user_body, is_disabled), false, 0},
    {0},
};

static void say_change(struct request *q, const struct user_body *b)
{
    api_audit_say(q, "role", b->role);
    api_audit_say(q, "name", b->name);
    api_audit_say(q, "password", b->password ? "changed" : NULL);
    if (b->is_disabled)
        api_audit_say(q, "disabled", b->is_disabled == BODY_YES ? "yes" : "no");
}

// Of *u* what *b* names.
static int merge(struct store_user *u, const struct user_body *b)
{
    u->name = b->name ? b->name : u->name;
    if (b->is_disabled)
        u->is_disabled = b->is_disabled == BODY_YES;
    return b->role ? parse_role(b->role, &u->role) : 0;
}

// A password is hashed for long: what others change meanwhile stays changed.
static int change(struct request *q, const struct user_body *b, const struct store_user *was)
{
    struct store *s = api_of(q)->opts.store;
    char hash[ACCESS_PASSWORD_HASH_BYTES];
    struct store_user u = *was;
    int r = merge(&u, b);
    if (r == 0 && b->password)
        r = access_password_hash(api_of(q), b->password, hash);
    if (r == 0)
        r = store_begin(s);
    if (r < 0)
        return r;
    r = store_user_get(s, was->id, request_arena(q), &u);
    if (r == 0)
        r = merge(&u, b);
    if (r == 0)
        r = store_user_update(s, &u);
    if (r == 0 && b->password)
        r = store_user_set_password(s, u.id, hash, true);
    return store_end(s, r);
}

static int user_change(struct request *q)
{
    struct api *a = api_of(q);
    struct store_user u;
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_user_get(a->opts.store, id, request_arena(q), &u);
    if (r < 0)
        return r;
    struct user_body b = {0};
    r = body_read(q, change_fields, &b);
    if (r == 0)
        say_change(q, &b);
    if (r == 0)
        r = change(q, &b, &u);
    if (r == 0)
        r = api_users_changed(a, u.id);
    return r == 0 ? reply_user(q, 200, u.id) : r;
}

static int user_delete(struct request *q)
{
    struct api *a = api_of(q);
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_user_delete(a->opts.store, id);
    if (r == 0)
        r = api_users_changed(a, id);
    return r == 0 ? reply_empty(q, 204) : r;
}

// ---- members of a project

static void put_member(struct json_writer *w, const struct store_user *u)
{
    json_object(w);
    json_put_text(w, "user_id", u->id);
    json_put_text(w, "name", u->name);
    json_put_text(w, "role", store_role_name((int)u->role));
    json_end(w);
}

static int member_row(void *arg, const struct store_user *u)
{
    put_member(&((struct listing *)arg)->w, u);
    return 0;
}

static int member_list(struct request *q)
{
    struct listing l;
    struct store_project p;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_project(q, &p);
    if (r == 0)
        r = store_user_members(api_of(q)->opts.store, p.id, &l.page, member_row, &l, &l.next);
    return listing_end(&l, r);
}

// {user} is an id or a name.
static int find_member(struct request *q, struct store_project *ret_project,
                       struct store_user *ret_user)
{
    struct store *s = api_of(q)->opts.store;
    const char *user;
    int r = api_parameter(q, "user", &user);
    if (r == 0)
        r = api_project(q, ret_project);
    if (r == 0)
        r = store_user_get(s, user, request_arena(q), ret_user);
    return r == ERR_NOT_FOUND && ret_project->id
               ? store_user_find_by_name(s, user, request_arena(q), ret_user)
               : r;
}

struct member_body {
    const char *role;
};

static const struct body_field member_fields[] = {
    {"role", BODY_TEXT, offsetof(struct member_body, role), true, 0},
    {0},
};

static int set_member(struct request *q, const struct store_project *p, const struct store_user *u,
                      enum store_role role)
{
    struct api *a = api_of(q);
    api_audit_say(q, "user_id", u->id);
    api_audit_say(q, "user", u->name);
    api_audit_say(q, "role", role_said(role));
    int r = store_user_set_role(a->opts.store, p->id, u->id, role);
    return r == 0 ? api_users_changed(a, u->id) : r;
}

static int member_put(struct request *q)
{
    struct store_project p = {0};
    struct store_user u;
    struct member_body b = {0};
    enum store_role role = STORE_ROLE_UNSET;
    int r = find_member(q, &p, &u);
    if (r == 0)
        r = body_read(q, member_fields, &b);
    if (r == 0)
        r = parse_role(b.role, &role);
    if (r == 0 && !role)
        r = err_set(ERR_INVALID, "role 'none': delete the member");
    if (r == 0)
        r = set_member(q, &p, &u, role);
    if (r < 0)
        return r;
    u.role = role;
    REPLY_OBJECT(q, 200, put_member, &u);
}

static int member_delete(struct request *q)
{
    struct store_project p = {0};
    struct store_user u;
    int r = find_member(q, &p, &u);
    if (r == 0)
        r = set_member(q, &p, &u, STORE_ROLE_UNSET);
    return r == 0 ? reply_empty(q, 204) : r;
}

const struct route api_routes_user[] = {
    {"POST", "/api/v1/users", user_create, .role = API_ADMIN, .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/users", user_list, .role = API_ADMIN},
    {"GET", "/api/v1/users/{id}", user_get, .role = API_ADMIN},
    {"PATCH", "/api/v1/users/{id}", user_change, .role = API_ADMIN, .rate_class = API_RATE_WRITE},
    {"DELETE", "/api/v1/users/{id}", user_delete, .role = API_ADMIN, .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/projects/{id}/members", member_list, .role = API_VIEWER},
    {"PUT", "/api/v1/projects/{id}/members/{user}", member_put, .role = API_ADMIN,
     .rate_class = API_RATE_WRITE},
    {"DELETE", "/api/v1/projects/{id}/members/{user}", member_delete, .role = API_ADMIN,
     .rate_class = API_RATE_WRITE},
    {0},
};
