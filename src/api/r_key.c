// SPDX-License-Identifier: Apache-2.0
// r_key.c - keys for programs: shown once, kept as a hash, gone at once.
//
// A key does at most what its role says, at most what its user may, and with a project only what is
// in it. Keys make keys of no higher role; keys for one project make none and see none but
// themselves. The role "metrics" opens /metrics and nothing else, and is an admin's to give.

#include <stdio.h>
#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "store/store_key.h"

enum {
    KEY_TEXT = sizeof(ACCESS_KEY_PREFIX) + SECRET_TOKEN_BYTES,
};
#define MAX_LIFETIME_S (INT64_C(10) * 366 * 24 * 3600)

static void put_members(struct json_writer *w, const struct store_key *k)
{
    json_put_text(w, "id", k->id);
    json_put_text(w, "name", k->name);
    json_put_text(w, "role", store_role_name((int)k->role));
    json_put_text(w, "user_id", k->user_id);
    json_put_text(w, "project_id", k->project_id);
    put_time(w, "created_at", k->created_at_us);
    put_time(w, "last_used_at", k->last_used_us);
    put_time(w, "expires_at", k->expires_at_us);
}

static void put_key(struct json_writer *w, const struct store_key *k)
{
    json_object(w);
    put_members(w, k);
    json_end(w);
}

static bool is_admin(const struct access_who *who)
{
    return access_role(&who->facts) == STORE_ROLE_ADMIN;
}

// ---- making one

struct key_body {
    const char *name, *role, *project_id;
    int64_t lifetime_seconds;
};

static const struct body_field fields[] = {
    {"name", BODY_TEXT, offsetof(struct key_body, name), true, 0},
    {"role", BODY_TEXT, offsetof(struct key_body, role), true, 0},
    {"project_id", BODY_TEXT, offsetof(struct key_body, project_id), false, 0},
    {"lifetime_seconds", BODY_INT, offsetof(struct key_body, lifetime_seconds), false,
     MAX_LIFETIME_S},
    {0},
};

static int check_new(struct request *q, const struct key_body *b, enum store_role *ret_role)
{
    const struct access_who *who = access_who(q);
    enum store_role role = (enum store_role)store_role_parse(b->role);
    if (who->facts.kind == ACCESS_EVERYBODY)
        return err_set(ERR_CONFLICT,
                       "keys belong to users, and there are no accounts (first: assay "
                       "user add NAME --role admin)");
    if (!role)
        return err_set(ERR_INVALID, "role '%.20s' is none of metrics, viewer, editor, admin",
                       b->role);
    if (b->lifetime_seconds < 0)
        return err_set(ERR_INVALID, "'lifetime_seconds' is negative");
    if (who->key_project)
        return err_set(ERR_FORBIDDEN, "a key for one project makes no keys");
    if (role == STORE_ROLE_METRICS && !is_admin(who))
        return err_set(ERR_FORBIDDEN, "a key for metrics is made by an admin");
    if (role > who->facts.cap)
        return err_set(ERR_FORBIDDEN, "a key makes no key of a higher role");
    *ret_role = role;
    return b->project_id ? api_check_project(q, b->project_id, API_VIEWER) : 0;
}

static int key_create(struct request *q)
{
    struct api *a = api_of(q);
    struct key_body b = {0};
    enum store_role role = STORE_ROLE_UNSET;
    char token[SECRET_TOKEN_BYTES];
    char text[KEY_TEXT];
    char hash[SECRET_HASH_BYTES];
    char *id = arena_alloc(request_arena(q), ID_BYTES, 1);
    int r = body_read(q, fields, &b);
    if (r == 0)
        r = check_new(q, &b, &role);
    if (r < 0 || !id)
        return r < 0 ? r : ERR_NOMEM;
    id_make(id);
    api_audit_object(q, id);
    api_audit_say(q, "role", store_role_name((int)role));
    api_audit_tell(q, 201);
    secret_token(token);
    snprintf(text, sizeof(text), ACCESS_KEY_PREFIX "%s", token);
    secret_token_hash(str_of(text), hash);
    struct store_key k = {.id = id,
                          .name = b.name,
                          .hash = hash,
                          .user_id = api_user_id(q),
                          .project_id = b.project_id,
                          .role = role};
    k.created_at_us = store_now_us(a->opts.store);
    if (b.lifetime_seconds > 0)
        k.expires_at_us = k.created_at_us + b.lifetime_seconds * 1000000;
    r = store_key_create(a->opts.store, &k, id);
    if (r < 0)
        return r;
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    put_members(&w, &k);
    json_put_text(&w, "key", text); // now or never
    json_end(&w);
    return reply_json(q, 201, &body);
}

// ---- those there are: one's own, an admin's all

static int key_row(void *arg, const struct store_key *k)
{
    put_key(&((struct listing *)arg)->w, k);
    return 0;
}

static int key_list(struct request *q)
{
    const struct access_who *who = access_who(q);
    struct listing l;
    const char *user_id;
    int r = listing_begin(&l, q);
    if (r == 0 && who->key_project)
        r = err_set(ERR_FORBIDDEN, "a key for one project lists no keys");
    if (r == 0)
        r = api_query(q, "user_id", &user_id);
    if (r == 0 && !is_admin(who))
        user_id = who->user_id;
    if (r == 0)
        r = store_key_list(api_of(q)->opts.store, user_id, &l.page, key_row, &l, &l.next);
    return listing_end(&l, r);
}

static int find(struct request *q, struct store_key *ret)
{
    const struct access_who *who = access_who(q);
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_key_get(api_of(q)->opts.store, id, request_arena(q), ret);
    bool is_own = r == 0 && ret->user_id && who->user_id && strcmp(ret->user_id, who->user_id) == 0;
    bool is_other = r == 0 && who->key_project && strcmp(ret->id, who->key_id) != 0;
    if (r == 0 && (is_other || (!is_own && !is_admin(who))))
        return err_set(ERR_NOT_FOUND, "key '%.64s' does not exist", id);
    return r;
}

static int key_get(struct request *q)
{
    struct store_key k;
    int r = find(q, &k);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, 200, put_key, &k);
}

static int key_revoke(struct request *q)
{
    const struct access_who *who = access_who(q);
    struct store_key k;
    int r = find(q, &k);
    if (r < 0)
        return r;
    if (who->facts.kind == ACCESS_KEY && !is_admin(who) && strcmp(k.id, who->key_id) != 0)
        return err_set(ERR_FORBIDDEN, "a key revokes itself; others need a login, or an admin");
    api_audit_object(q, k.id);
    api_audit_tell(q, 204);
    r = store_key_revoke(api_of(q)->opts.store, k.id);
    if (r < 0)
        return r;
    access_end_sockets(api_of(q), ACCESS_END_KEY, k.id);
    return reply_empty(q, 204);
}

const struct route api_routes_key[] = {
    {"POST", "/api/v1/keys", key_create, .role = API_VIEWER, .rate_class = API_RATE_WRITE,
     .flags = ROUTE_NO_COMPRESSION},
    {"GET", "/api/v1/keys", key_list, .role = API_VIEWER},
    {"GET", "/api/v1/keys/{id}", key_get, .role = API_VIEWER},
    {"DELETE", "/api/v1/keys/{id}", key_revoke, .role = API_VIEWER, .rate_class = API_RATE_WRITE},
    {0},
};
