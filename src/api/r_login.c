// SPDX-License-Identifier: Apache-2.0
// r_login.c - logging in and out by password and cookie, and who one is.
//
// A wrong name takes as long as a wrong password, is answered in the same words and counted in the
// same way: nobody learns which names there are. Failures lock the name and the address out, for a
// time that doubles; what is locked is not even looked at.

#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "http/address.h"
#include "store/store_login.h"
#include "store/store_user.h"

enum {
    MAX_SUBJECT = 280,
};

// ---- me

static const char *const kinds[] = {[ACCESS_NOBODY] = "nobody",
                                    [ACCESS_EVERYBODY] = "everybody",
                                    [ACCESS_LOGIN] = "login",
                                    [ACCESS_KEY] = "key"};

static int put_project(void *arg, const char *project_id, enum store_role role)
{
    struct json_writer *w = (struct json_writer *)arg;
    json_object(w);
    json_put_text(w, "project_id", project_id);
    json_put_text(w, "role", store_role_name((int)role));
    json_end(w);
    return 0;
}

static void put_user(struct json_writer *w, const struct access_who *who)
{
    json_key(w, "user");
    if (!who->user_id) {
        json_null(w);
        return;
    }
    json_object(w);
    json_put_text(w, "id", who->user_id);
    json_put_text(w, "name", who->user_name);
    json_end(w);
}

int access_reply_me(struct request *q, const struct access_who *who)
{
    struct api *a = api_of(q);
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    int r = 0;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_bool(&w, "has_accounts", api_has_accounts(a));
    json_put_text(&w, "via", kinds[who->facts.kind]);
    put_user(&w, who);
    json_put_text(&w, "role", store_role_name((int)access_role(&who->facts)));
    json_key(&w, "projects");
    json_array(&w);
    if (who->user_id)
        r = store_user_projects(a->opts.store, who->user_id, put_project, &w);
    json_end(&w);
    json_put_text(&w, "key_project_id", who->key_project);
    json_put_text(&w, "csrf_token", who->csrf[0] ? who->csrf : NULL);
    put_time(&w, "expires_at", who->expires_at_us);
    json_end(&w);
    if (r == 0)
        return reply_json(q, 200, &body);
    str_buf_finish(&body);
    return r;
}

static int me(struct request *q)
{
    return access_reply_me(q, access_who(q));
}

// ---- in

struct login_body {
    const char *name, *password;
};

static const struct body_field login_fields[] = {
    {"name", BODY_TEXT, offsetof(struct login_body, name), true, 0},
    {"password", BODY_TEXT, offsetof(struct login_body, password), true, SECRET_PASSWORD_MAX},
    {0},
};

struct attempt {
    struct api *api;
    const char *name;
    const char *subjects[2]; // the name, the address
    int64_t wait_ms;         // locked out
    struct store_user user;
    const char *newer_hash; // where it became another one while the password was checked
    bool is_known;
};

// ERR_AGAIN: locked out for *wait_ms*.
static int check_lock(void *arg)
{
    struct attempt *t = (struct attempt *)arg;
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(t->subjects); i++) {
        int64_t wait_ms = 0;
        r = store_login_locked(t->api->opts.store, t->subjects[i], &wait_ms);
        t->wait_ms = MAX(t->wait_ms, wait_ms);
    }
    return r < 0 ? r : t->wait_ms > 0 ? ERR_AGAIN : 0;
}

static int prepare(struct request *q, struct attempt *t, const char *name)
{
    char client[ADDRESS_TEXT];
    struct arena *a = request_arena(q);
    t->api = api_of(q);
    t->name = name;
    address_format(request_client(q), client);
    t->subjects[0] = arena_printf(a, "user:%s", name);
    t->subjects[1] = arena_printf(a, "client:%s", client);
    if (!t->subjects[0] || !t->subjects[1])
        return ERR_NOMEM;
    int r = store_user_find_by_name(t->api->opts.store, name, a, &t->user);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    t->is_known = r == 0;
    return 0;
}

// *status* is what the failure is answered with.
static int count_failure(struct request *q, struct attempt *t, int status)
{
    struct store *s = t->api->opts.store;
    api_audit_tell(q, status);
    int r = store_begin(s);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(t->subjects); i++) {
        int64_t wait_ms;
        r = store_login_failed(s, t->subjects[i], &wait_ms);
    }
    return store_end(s, r);
}

static int reply_locked(struct request *q, const struct attempt *t)
{
    int seconds = (int)((t->wait_ms + 999) / 1000);
    reply_retry_after(q, seconds);
    return reply_error(q, 429, "LOCKED_OUT", "too many failures: try again in %d s", seconds);
}

// In the transaction that follows the check, which takes long: ERR_DENIED where the password was
// changed, or the user disabled or deleted, meanwhile.
static int check_still_theirs(struct request *q, struct attempt *t)
{
    struct store_user now;
    int r = store_user_get(t->api->opts.store, t->user.id, request_arena(q), &now);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    bool is_theirs = r == 0 && !now.is_disabled && now.password_hash && t->user.password_hash;
    bool is_same = is_theirs && strcmp(now.password_hash, t->user.password_hash) == 0;
    t->newer_hash = is_theirs && !is_same ? now.password_hash : NULL;
    return is_same ? 0 : err_set(ERR_DENIED, "the password is no longer the one it was");
}

static int write_password(struct request *q, struct attempt *t, const char *hash, bool end_logins)
{
    struct store *s = t->api->opts.store;
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = check_still_theirs(q, t);
    if (r == 0)
        r = store_user_set_password(s, t->user.id, hash, end_logins);
    return store_end(s, r);
}

// A hash of yesterday's cost is made anew while the password is at hand.
static void renew_hash(struct request *q, struct attempt *t, const char *password)
{
    char hash[ACCESS_PASSWORD_HASH_BYTES];
    if (access_password_hash(t->api, password, hash) < 0 || write_password(q, t, hash, false) < 0)
        err_clear(); // at the next login
}

// One transaction: failures are forgotten, the login that the browser had ends, the new one begins.
static int write_login(struct request *q, struct attempt *t, const struct store_login *l,
                       const char *old_hash)
{
    struct store *s = t->api->opts.store;
    api_audit_tell(q, 200);
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = check_still_theirs(q, t);
    if (r == 0)
        r = store_login_succeeded(s, t->subjects[0]);
    if (r == 0 && old_hash)
        r = store_login_delete(s, old_hash);
    if (r == 0)
        r = store_login_create(s, l);
    return store_end(s, r);
}

static int begin_login(struct request *q, struct attempt *t)
{
    struct api *a = t->api;
    const struct access_who *was = access_who(q);
    const char *old_name = request_user_name(q);
    const char *old_hash = was->login_hash;
    struct access_who *who = arena_new(request_arena(q), struct access_who);
    char *token = arena_alloc(request_arena(q), SECRET_TOKEN_BYTES, 1);
    char *hash = arena_alloc(request_arena(q), SECRET_HASH_BYTES, 1);
    char client[ADDRESS_TEXT];
    char csrf_hash[SECRET_HASH_BYTES];
    if (!who || !token || !hash)
        return ERR_NOMEM;
    address_format(request_client(q), client);
    secret_token(token);
    secret_token_hash(str_of(token), hash);
    access_csrf(str_of(token), who->csrf);
    secret_token_hash(str_of(who->csrf), csrf_hash);
    who->facts = (struct access_facts){
        .kind = ACCESS_LOGIN, .everywhere = t->user.role, .cap = STORE_ROLE_ADMIN};
    who->user_id = t->user.id;
    who->user_name = t->user.name;
    who->object_id = t->user.id;
    who->login_hash = hash;
    who->expires_at_us = store_now_us(a->opts.store) + a->opts.login_ms * 1000;
    const struct store_login l = {.hash = hash,
                                  .csrf_hash = csrf_hash,
                                  .user_id = t->user.id,
                                  .client = client,
                                  .expires_at_us = who->expires_at_us};
    request_set_user(q, who, who->user_name); // whose line it is
    int r = write_login(q, t, &l, old_hash);
    if (r < 0) {
        request_set_user(q, was, old_name); // it was not they
        return r;
    }
    if (old_hash)
        access_end_sockets(a, ACCESS_END_LOGIN, old_hash);
    access_set_cookie(q, token);
    return access_reply_me(q, who);
}

static int try_password(struct request *q, struct attempt *t, const char *password)
{
    bool is_stale = false;
    const char *hash = t->is_known && !t->user.is_disabled ? t->user.password_hash : NULL;
    int r = check_lock(t);
    if (r == 0)
        r = access_password_check(t->api, password, hash, check_lock, t, &is_stale);
    if (r == 0)
        r = begin_login(q, t);
    if (r == ERR_DENIED && t->newer_hash) { // another login renewed it, perhaps
        t->user.password_hash = t->newer_hash;
        r = access_password_check(t->api, password, t->newer_hash, check_lock, t, &is_stale);
        if (r == 0)
            r = begin_login(q, t);
    }
    if (r == ERR_AGAIN)
        return reply_locked(q, t);
    if (r == ERR_DENIED) {
        r = count_failure(q, t, 401);
        return r < 0 ? r
                     : reply_error(q, 401, "UNAUTHENTICATED", "the name or the password is wrong");
    }
    if (r == 0 && is_stale)
        renew_hash(q, t, password);
    return r;
}

static int login(struct request *q)
{
    struct login_body b = {0};
    struct attempt t = {0};
    if (!api_has_accounts(api_of(q)))
        return err_set(ERR_CONFLICT, "there are no accounts: whoever reaches this server may do "
                                     "everything (first: assay user add NAME --role admin)");
    int r = body_read(q, login_fields, &b);
    if (r == 0)
        r = prepare(q, &t, b.name);
    if (r < 0)
        return r;
    if (t.is_known)
        api_audit_object(q, t.user.id);
    return try_password(q, &t, b.password);
}

// ---- out

static int logout(struct request *q)
{
    const struct access_who *who = access_who(q);
    int r = 0;
    if (who->login_hash) {
        access_end_sockets(api_of(q), ACCESS_END_LOGIN, who->login_hash);
        r = store_login_delete(api_of(q)->opts.store, who->login_hash);
        access_set_cookie(q, NULL);
    }
    return r == 0 ? reply_empty(q, 204) : r;
}

// ---- one's own password

struct password_body {
    const char *password, *new_password;
};

static const struct body_field password_fields[] = {
    {"password", BODY_TEXT, offsetof(struct password_body, password), true, SECRET_PASSWORD_MAX},
    {"new_password", BODY_TEXT, offsetof(struct password_body, new_password), true,
     SECRET_PASSWORD_MAX},
    {0},
};

static int set_password(struct request *q, struct attempt *t, const char *password)
{
    char hash[ACCESS_PASSWORD_HASH_BYTES];
    int r = access_password_hash(t->api, password, hash);
    api_audit_tell(q, 204);
    if (r == 0)
        r = write_password(q, t, hash, true);
    if (r < 0)
        return r;
    access_end_sockets(t->api, ACCESS_END_USER, t->user.id);
    access_set_cookie(q, NULL);
    return reply_empty(q, 204);
}

// All logins of the user end, this one too.
static int change_password(struct request *q)
{
    const struct access_who *who = access_who(q);
    struct password_body b = {0};
    struct attempt t = {0};
    int r = body_read(q, password_fields, &b);
    if (r == 0 && who->facts.kind != ACCESS_LOGIN)
        r = err_set(ERR_CONFLICT, "only somebody who logged in has a password");
    if (r == 0)
        r = prepare(q, &t, who->user_name);
    if (r == 0)
        r = check_lock(&t);
    if (r == 0)
        r = access_password_check(t.api, b.password, t.user.password_hash, check_lock, &t, NULL);
    if (r == 0)
        r = set_password(q, &t, b.new_password);
    if (r == ERR_AGAIN)
        return reply_locked(q, &t);
    if (r == ERR_DENIED) {
        r = count_failure(q, &t, 403);
        return r < 0 ? r : reply_error(q, 403, "FORBIDDEN", "the password is wrong");
    }
    return r;
}

const struct route api_routes_login[] = {
    {"GET", "/api/v1/me", me},
    {"POST", "/api/v1/me/password", change_password, .role = API_VIEWER,
     .rate_class = API_RATE_LOGIN, .body_limit = 16 * 1024},
    {"POST", "/api/v1/login", login, .rate_class = API_RATE_LOGIN, .body_limit = 16 * 1024,
     .flags = ROUTE_NO_COMPRESSION},
    {"POST", "/api/v1/logout", logout, .role = API_VIEWER, .rate_class = API_RATE_WRITE},
    {0},
};
