// SPDX-License-Identifier: Apache-2.0
// access_who.c - who asks: a key in Authorization, a login's cookie, nobody, or everybody.

#include <stdio.h>
#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/store_key.h"
#include "store/store_login.h"

const struct access_who *access_who(const struct request *q)
{
    return (const struct access_who *)request_user(q);
}

const char *api_user_id(const struct request *q)
{
    const struct access_who *who = access_who(q);
    return who ? who->user_id : NULL;
}

void access_csrf(struct str cookie, char ret_csrf[ACCESS_CSRF_BYTES])
{
    _Static_assert((int)ACCESS_CSRF_BYTES == (int)SECRET_HASH_BYTES, "a hash in hex");
    struct str_buf text = STR_BUF_INIT(ACCESS_KEY_MAX + 16);
    str_buf_puts(&text, "csrf ");
    str_buf_add_str(&text, cookie);
    secret_token_hash(str_buf_view(&text), ret_csrf);
    str_buf_finish(&text);
}

const char *access_cookie_name(const struct request *q)
{
    return request_is_secure(q) ? ACCESS_COOKIE_SECURE : ACCESS_COOKIE_PLAIN;
}

void access_set_cookie(struct request *q, const char *token)
{
    reply_headerf(q, "Set-Cookie", "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
                  access_cookie_name(q), token ? token : "", request_is_secure(q) ? "; Secure" : "",
                  token ? "" : "; Max-Age=0");
}

static bool is_due(struct api *a, int64_t last_us, int64_t every_ms)
{
    int64_t ago_us = store_now_us(a->opts.store) - last_us;
    return ago_us < 0 || ago_us >= every_ms * 1000;
}

// ---- keys

static int denied(void)
{
    return err_set(ERR_DENIED, "the key or login is not known: it was revoked, has expired, or "
                               "never was one");
}

static int fill_key(struct request *q, struct access_who *who, const struct store_key *k)
{
    struct api *a = api_of(q);
    struct store_user u = {.role = k->role}; // a key without a user stands for itself
    int r = k->user_id ? store_user_get(a->opts.store, k->user_id, request_arena(q), &u) : 0;
    if (r < 0)
        return r;
    who->facts = (struct access_facts){.kind = ACCESS_KEY,
                                       .everywhere = u.role,
                                       .cap = k->role,
                                       .is_of_project = k->project_id != NULL};
    who->user_id = k->user_id;
    who->user_name = u.name ? u.name : k->name;
    who->key_id = k->id;
    who->key_project = k->project_id;
    who->expires_at_us = k->expires_at_us;
    if (is_due(a, k->last_used_us, ACCESS_USED_EVERY_MS) &&
        store_key_used(a->opts.store, k->id) < 0)
        err_clear(); // a full disk or a busy database takes nobody's key away
    return 0;
}

// True: there is one. "Bearer", and "Basic" is none of ours.
static bool bearer(struct request *q, struct str *ret_key)
{
    struct str value = str_of(request_header(q, "Authorization"));
    struct str scheme;
    if (!str_split(&value, ' ', &scheme) || !str_is_nocase(scheme, "Bearer"))
        return false;
    *ret_key = str_trim(value);
    return true;
}

static int find_key(struct request *q, struct str key, struct access_who *who)
{
    struct store_key k;
    char hash[SECRET_HASH_BYTES];
    if (key.n > ACCESS_KEY_MAX)
        return denied();
    secret_token_hash(key, hash);
    int r = store_key_find(api_of(q)->opts.store, hash, request_arena(q), &k);
    if (r == 0)
        r = fill_key(q, who, &k);
    return r == ERR_NOT_FOUND ? denied() : r;
}

// ---- logins

// Every use prolongs it, but not beyond its longest life.
static void prolong(struct api *a, struct store_login *l)
{
    int64_t idle_ms = a->opts.login_ms;
    if (!is_due(a, l->last_used_us, MIN(ACCESS_USED_EVERY_MS, idle_ms / 10)))
        return;
    int64_t last_us = l->created_at_us + ACCESS_LOGIN_MAX_DAYS * INT64_C(86400000000);
    l->expires_at_us = MIN(store_now_us(a->opts.store) + idle_ms * 1000, last_us);
    if (store_login_used(a->opts.store, l->hash, l->expires_at_us) < 0)
        err_clear(); // as with keys
}

static int find_login(struct request *q, struct str cookie, struct access_who *who)
{
    struct store_login l;
    char hash[SECRET_HASH_BYTES];
    if (cookie.n > ACCESS_KEY_MAX)
        return denied();
    secret_token_hash(cookie, hash);
    int r = store_login_find(api_of(q)->opts.store, hash, request_arena(q), &l);
    if (r < 0)
        return r == ERR_NOT_FOUND ? denied() : r;
    prolong(api_of(q), &l);
    who->facts =
        (struct access_facts){.kind = ACCESS_LOGIN, .everywhere = l.role, .cap = STORE_ROLE_ADMIN};
    who->user_id = l.user_id;
    who->user_name = l.user_name;
    who->login_hash = l.hash;
    who->expires_at_us = l.expires_at_us;
    access_csrf(cookie, who->csrf);
    return 0;
}

// ----

int access_find_who(struct request *q)
{
    struct access_who *who = arena_new(request_arena(q), struct access_who);
    if (!who)
        return ERR_NOMEM;
    request_set_user(q, who, NULL);
    if (!api_has_accounts(api_of(q))) {
        who->facts.kind = ACCESS_EVERYBODY;
        return 0;
    }
    struct str key;
    struct str cookie = request_cookie(q, access_cookie_name(q));
    int r = 0;
    if (bearer(q, &key))
        r = find_key(q, key, who);
    else if (cookie.n > 0)
        r = find_login(q, cookie, who);
    if (r == 0)
        request_set_user(q, who, who->user_name);
    return r;
}
