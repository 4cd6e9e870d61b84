// SPDX-License-Identifier: Apache-2.0
// access_check.c - what stands before every handler: the way a request came, the site that sent it,
// who asks, how often, and whether they may.
//
// INVARIANTS
// (1) It runs before a byte of a body is taken, and before a WebSocket is opened.
// (2) A route without a role would be open, so the role of every route under /api/ and /v2/ but a
//     few named ones is at least API_VIEWER (tests/unit/api/test_access.c).

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/rate_limit.h"
#include "base/secret.h"
#include "http/address.h"
#include "store/store_access.h"

// ---- accounts

int access_reload(struct api *a)
{
    int64_t n;
    int r = store_user_count(a->opts.store, &n, NULL);
    if (r == 0)
        atomic_store(&a->has_accounts, n > 0);
    return r;
}

bool api_has_accounts(const struct api *a)
{
    return atomic_load(&a->has_accounts);
}

// ---- the way it came

static bool is_health(const struct request *q)
{
    const struct route *route = request_route(q);
    return route && (route->role == API_METRICS || str_starts(request_path(q), "/health/") ||
                     str_starts(request_path(q), "/v2/health/"));
}

// Off loopback, and behind a proxy, nothing but health and metrics crosses the network in clear
// text, unless the owner said so.
static int check_way(struct request *q)
{
    const struct api_opts *o = &api_of(q)->opts;
    if (o->allow_direct || is_health(q) || (o->is_loopback && !o->has_proxy))
        return 0;
    if (!request_is_proxied(q)) {
        if (address_is_loopback(request_client(q)))
            return 0;
        return reply_error(q, 403, "FORBIDDEN_WAY", "this server is reached through its proxy");
    }
    if (request_is_secure(q))
        return 0;
    return reply_error(q, 403, "FORBIDDEN_WAY",
                       "the proxy does not say that it was reached by https (X-Forwarded-Proto)");
}

// ---- the site that sent it: no page of another site may ask for anything, by whatever name it
// found us

static bool is_own_origin(struct request *q, const char *origin)
{
    struct str o = str_of(origin);
    struct str rest = {NULL, 0};
    bool is_secure = str_starts(o, "https://");
    if (is_secure)
        rest = (struct str){o.p + 8, o.n - 8};
    else if (str_starts(o, "http://"))
        rest = (struct str){o.p + 7, o.n - 7};
    const char *host = request_is_proxied(q) ? request_header(q, "X-Forwarded-Host") : NULL;
    if (!host)
        host = request_header(q, "Host");
    return rest.n > 0 && host && is_secure == request_is_secure(q) && str_is_nocase(rest, host);
}

static bool is_reading(const struct request *q)
{
    struct str m = request_method(q);
    return str_is(m, "GET") || str_is(m, "HEAD") || str_is(m, "OPTIONS");
}

// A link on another site that is followed is well; what a page there loads or sends is not.
static bool is_of_other_site(struct request *q)
{
    const char *site = request_header(q, "Sec-Fetch-Site");
    if (!site || str_is(str_of(site), "same-origin") || str_is(str_of(site), "none"))
        return false;
    const char *mode = request_header(q, "Sec-Fetch-Mode");
    bool is_upgrade = request_header(q, "Upgrade") != NULL;
    return !is_reading(q) || is_upgrade || !mode || !str_is(str_of(mode), "navigate");
}

static int check_site(struct request *q)
{
    const struct api_opts *o = &api_of(q)->opts;
    const char *origin = request_header(q, "Origin");
    if (o->is_loopback && !request_is_proxied(q) && !address_is_loopback_name(request_host(q)))
        return reply_error(q, 403, "FORBIDDEN_HOST",
                           "this server answers to names of this machine only");
    if ((origin && !is_own_origin(q, origin)) || is_of_other_site(q))
        return reply_error(q, 403, "FORBIDDEN_ORIGIN", "requests of other sites are refused");
    return 0;
}

// ---- how often

static const struct {
    const char *name;
    double per_second, seconds_of_burst;
} rates[API_N_RATES] = {
    [API_RATE_READ] = {"read", 100, 4},    [API_RATE_WRITE] = {"write", 20, 5},
    [API_RATE_COSTLY] = {"costly", 30, 3}, [API_RATE_LOGIN] = {"login", 1, 10},
    [API_RATE_FREE] = {"free", 0, 1},
};

int access_rates_create(struct api *a)
{
    struct rate_limit_class classes[API_N_RATES];
    for (int i = 0; i < API_N_RATES; i++) {
        double asked = a->opts.rates[i];
        a->is_rate_asked[i] = asked > 0;
        classes[i] = (struct rate_limit_class){
            .name = rates[i].name,
            .per_second = asked < 0   ? 0
                          : asked > 0 ? asked
                                      : rates[i].per_second,
        };
        classes[i].burst = MAX(classes[i].per_second * rates[i].seconds_of_burst, 1);
    }
    return rate_limit_create(classes, API_N_RATES, ACCESS_CLIENTS, &a->rates);
}

bool access_is_too_fast(struct request *q, enum api_rate rate_class, struct str client, int *ret_r)
{
    int seconds = 1;
    assert(rate_class >= 0 && rate_class < API_N_RATES);
    if (rate_limit_take(api_of(q)->rates, (size_t)rate_class, client, 1, &seconds))
        return false;
    reply_retry_after(q, seconds);
    *ret_r =
        reply_error(q, 429, "TOO_MANY_REQUESTS", "too many requests: try again in %d s", seconds);
    return true;
}

static struct str client_of(struct request *q, char text[ADDRESS_TEXT])
{
    const struct access_who *who = access_who(q);
    if (who && who->key_id)
        return str_of(who->key_id);
    if (who && who->user_id)
        return str_of(who->user_id);
    address_format(request_client(q), text);
    return str_of(text);
}

bool api_is_too_fast(struct request *q, enum api_rate rate_class, int *ret_r)
{
    const struct access_who *who = access_who(q);
    char text[ADDRESS_TEXT];
    // Without accounts whoever asks has the machine to themselves, unless a limit was asked for.
    if (who && who->facts.kind == ACCESS_EVERYBODY && !api_of(q)->is_rate_asked[rate_class])
        return false;
    return access_is_too_fast(q, rate_class, client_of(q, text), ret_r);
}

// ---- what it is about

static const struct {
    const char *segment; // before the parameter
    enum store_noun noun;
    const char *name;
} nouns[] = {
    {"projects", STORE_NOUN_PROJECT, "project"}, {"videos", STORE_NOUN_VIDEO, "video"},
    {"tasks", STORE_NOUN_TASK, "task"},          {"progress", STORE_NOUN_TASK, "task"},
    {"sessions", STORE_NOUN_SESSION, "session"}, {"compare", STORE_NOUN_SESSION, "session"},
    {"uploads", STORE_NOUN_UPLOAD, "upload"},
};

int access_object_facts(struct api *a, const struct access_who *who, const struct store_home *home,
                        struct access_facts *f)
{
    *f = who->facts;
    f->has_object = true;
    f->is_elsewhere = who->key_project && strcmp(who->key_project, home->project_id) != 0;
    if (!home->project_id[0]) {
        f->is_own = who->user_id && strcmp(who->user_id, home->created_by) == 0;
        return 0;
    }
    return who->user_id
               ? store_user_role_in(a->opts.store, who->user_id, home->project_id, &f->in_project)
               : 0;
}

static int answer(struct request *q, enum access_verdict verdict, const char *noun, const char *id)
{
    switch (verdict) {
    case ACCESS_ALLOWED:
        return 0;
    case ACCESS_UNKNOWN:
        reply_header(q, "WWW-Authenticate", "Bearer realm=\"assay\"");
        return reply_error(q, 401, "UNAUTHENTICATED",
                           "log in, or send a key (Authorization: "
                           "Bearer KEY)");
    case ACCESS_HIDDEN:
        return reply_error(q, 404, "NOT_FOUND", "%s '%.64s' does not exist", noun, id);
    case ACCESS_FORBIDDEN:
    case ACCESS_UNSET:
        break;
    }
    return reply_error(q, 403, "FORBIDDEN", "your role does not allow this");
}

// 0 where all is well or a reply was made.
static int check_object(struct request *q, size_t noun, struct str id, enum api_role needed)
{
    const struct access_who *who = access_who(q);
    struct store_home home;
    struct access_facts f;
    const char *text = arena_strndup(request_arena(q), id.p, id.n);
    if (!text)
        return ERR_NOMEM;
    int r = store_home_get(api_of(q)->opts.store, nouns[noun].noun, text, &home);
    if (r == 0)
        r = access_object_facts(api_of(q), who, &home, &f);
    return r < 0 ? r : answer(q, access_decide(needed, &f), nouns[noun].name, text);
}

// Each object that the path names: "/videos/{id}", "/sessions/{a}/compare/{b}".
static int check_objects(struct request *q, enum api_role needed, bool *ret_has_object)
{
    struct str rest = str_of(request_template(q));
    struct str before = {NULL, 0};
    struct str segment;
    int r = 0;
    while (r == 0 && !reply_was_made(q) && str_split(&rest, '/', &segment)) {
        const char *close =
            segment.n > 2 && segment.p[0] == '{' ? memchr(segment.p, '}', segment.n) : NULL;
        for (size_t i = 0; close && r == 0 && i < ARRAY_LEN(nouns); i++) {
            if (!str_is(before, nouns[i].segment))
                continue;
            const char *name =
                arena_strndup(request_arena(q), segment.p + 1, (size_t)(close - segment.p) - 1);
            *ret_has_object = true;
            r = name ? check_object(q, i, request_parameter(q, name), needed) : ERR_NOMEM;
        }
        before = segment;
    }
    return r;
}

static bool may_from_here(struct request *q)
{
    const struct api_opts *o = &api_of(q)->opts;
    const struct address *client = request_client(q);
    for (size_t i = 0; i < o->n_metrics_from; i++) {
        if (address_in(client, &o->metrics_from[i]))
            return true;
    }
    // A proxy that does not name its client is not this machine.
    return address_is_loopback(client) && !request_is_proxied(q);
}

static int check_role(struct request *q, enum api_role needed)
{
    const struct access_who *who = access_who(q);
    struct access_facts f = who->facts;
    bool has_object = false;
    int r = 0;
    if (needed == API_OPEN || f.kind == ACCESS_EVERYBODY)
        return 0;
    if (f.kind != ACCESS_NOBODY && needed != API_METRICS)
        r = check_objects(q, needed, &has_object);
    if (r < 0 || reply_was_made(q) || has_object)
        return r;
    if (needed == API_EDITOR_NAMED && who->user_id)
        r = store_user_best_role(api_of(q)->opts.store, who->user_id, &f.somewhere);
    f.is_from_metrics_address = needed == API_METRICS && may_from_here(q);
    return r < 0 ? r : answer(q, access_decide(needed, &f), "", "");
}

// A page of another site can make a browser send our cookie, but cannot read this token.
static int check_csrf(struct request *q)
{
    const struct access_who *who = access_who(q);
    if (who->facts.kind != ACCESS_LOGIN || is_reading(q))
        return 0;
    const char *token = request_header(q, "X-CSRF-Token");
    if (token && secret_equal(str_of(token), str_of(who->csrf)))
        return 0;
    return reply_error(q, 403, "CSRF",
                       "a change under a login's cookie needs its token: X-CSRF-Token, as "
                       "GET /api/v1/me gives it");
}

// ---- the hooks

static int find_who(struct request *q, const struct route *route)
{
    char text[ADDRESS_TEXT];
    int r = access_find_who(q);
    if (r != ERR_DENIED)
        return r;
    err_clear();
    if (route->role == API_OPEN) // who is nobody now
        return 0;
    address_format(request_client(q), text);
    if (access_is_too_fast(q, API_RATE_LOGIN, str_of(text), &r))
        return r;
    reply_header(q, "WWW-Authenticate", "Bearer realm=\"assay\", error=\"invalid_token\"");
    return reply_error(q, 401, "UNAUTHENTICATED",
                       "the key or login is not known: it was revoked, has expired, or never was "
                       "one");
}

int api_before(struct request *q)
{
    const struct route *route = request_route(q);
    int r = check_way(q);
    if (r == 0 && !reply_was_made(q))
        r = check_site(q);
    if (r == 0 && !reply_was_made(q))
        r = find_who(q, route);
    if (r < 0 || reply_was_made(q) || api_is_too_fast(q, (enum api_rate)route->rate_class, &r))
        return r;
    if (route->role != API_OPEN)
        r = check_csrf(q);
    if (r == 0 && !reply_was_made(q))
        r = check_role(q, (enum api_role)route->role);
    return r;
}

int api_before_unrouted(struct request *q)
{
    int r = check_way(q);
    if (r == 0 && !reply_was_made(q))
        r = check_site(q);
    if (r == 0 && !reply_was_made(q) && api_has_accounts(api_of(q)))
        (void)api_is_too_fast(q, API_RATE_READ, &r);
    return r;
}

// ---- for handlers

int api_check_project(struct request *q, const char *project_id, enum api_role needed)
{
    struct access_who *who = (struct access_who *)(uintptr_t)access_who(q);
    struct store_home home = {0};
    struct access_facts f;
    who->has_checked = true;
    if (who->facts.kind == ACCESS_EVERYBODY)
        return 0;
    int r = store_home_get(api_of(q)->opts.store, STORE_NOUN_PROJECT, project_id, &home);
    if (r == 0)
        r = access_object_facts(api_of(q), who, &home, &f);
    if (r < 0)
        return r;
    switch (access_decide(needed, &f)) {
    case ACCESS_ALLOWED:
        return 0;
    case ACCESS_HIDDEN:
        return err_set(ERR_NOT_FOUND, "project '%.64s' does not exist", project_id);
    default:
        return err_set(ERR_FORBIDDEN, "your role in project %.64s does not allow this", project_id);
    }
}

int api_check_shared(struct request *q, enum api_role needed)
{
    struct access_who *who = (struct access_who *)(uintptr_t)access_who(q);
    who->has_checked = true;
    if (access_decide(needed, &who->facts) == ACCESS_ALLOWED)
        return 0;
    return err_set(ERR_FORBIDDEN, "your role does not allow this");
}

int api_scope(struct request *q, const char **project_id, const char **ret_user_id)
{
    const struct access_who *who = access_who(q);
    *ret_user_id = NULL;
    if (who->facts.kind == ACCESS_EVERYBODY)
        return 0;
    int r = *project_id ? api_check_project(q, *project_id, API_VIEWER) : 0;
    if (r < 0)
        return r;
    if (who->key_project) {
        *project_id = who->key_project;
        // its user may have lost the project
        return api_check_project(q, *project_id, API_VIEWER);
    }
    if (who->facts.everywhere < STORE_ROLE_VIEWER)
        *ret_user_id = who->user_id ? who->user_id : "";
    return 0;
}
