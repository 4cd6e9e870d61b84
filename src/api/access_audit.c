// SPDX-License-Identifier: Apache-2.0
// access_audit.c - every change leaves a line: who, from where, what, to which object, and how it
// ended.
//
// INVARIANTS
// (1) The line is written in the transaction of the request's first change: there is none without
//     the other. Where the request then ends otherwise, or what it made is known only later, the
//     line is put right before the client hears of it.
// (2) A request that changed nothing (it was refused, or failed) has its line afterwards.

#include <assert.h>
#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "http/address.h"
#include "store/store_audit.h"

enum {
    MAX_DETAIL = 4096,
};

static const char *verb_of(const char *method)
{
    static const char *const verbs[][2] = {
        {"DELETE", "delete"}, {"PATCH", "change"}, {"POST", "create"}, {"PUT", "put"}};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i][0], method) == 0)
            return verbs[i][1];
    }
    return "read";
}

void access_action(const char *method, const char *path, char ret_action[ACCESS_ACTION_MAX])
{
    struct str rest = str_of(path);
    struct str segment;
    struct str_buf out = STR_BUF_INIT(ACCESS_ACTION_MAX - 1);
    int n = 0;
    bool ends_in_word = false;
    while (str_split(&rest, '/', &segment)) {
        ends_in_word = segment.n > 0 && segment.p[0] != '{';
        if (!ends_in_word || str_is(segment, "api") || str_is(segment, "v1"))
            continue;
        if (n++ == 0 && segment.n > 1 && str_ends(segment, "s")) // "videos": one of them
            segment.n--;
        if (out.n > 0)
            str_buf_putc(&out, '.');
        str_buf_add_str(&out, segment);
    }
    bool is_deed = strcmp(method, "POST") == 0 && ends_in_word && n > 1; // "/videos/{id}/process"
    if (!is_deed && n > 0 && strcmp(path, "/api/v1/login") != 0 &&
        strcmp(path, "/api/v1/logout") != 0)
        str_buf_printf(&out, ".%s", verb_of(method));
    snprintf(ret_action, ACCESS_ACTION_MAX, "%s", str_buf_text(&out));
    str_buf_finish(&out);
}

// Pieces of something that is recorded as a whole.
static bool is_piece(const struct route *route)
{
    static const char *const pieces[][2] = {
        {"PATCH", "/api/v1/uploads/{id}"},
        {"POST", "/api/v1/sessions/{id}/detections"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        if (strcmp(route->method, pieces[i][0]) == 0 && strcmp(route->path, pieces[i][1]) == 0)
            return true;
    }
    return false;
}

bool access_is_recorded(const struct route *route, bool is_marked, int status)
{
    bool is_change = is_marked || route->role >= API_EDITOR || route->rate_class == API_RATE_LOGIN;
    if (strcmp(route->method, "GET") == 0 || !is_change)
        return false;
    if (route->rate_class == API_RATE_LOGIN) // also who tried, and was refused
        return status < 300 || status == 401 || status == 429;
    // What was wrong in itself changed nothing; who may not is told apart from who is nobody.
    return (status < 300 && !is_piece(route)) || status == 403 || status >= 500;
}

static struct access_who *who_of(struct request *q)
{
    return (struct access_who *)(uintptr_t)access_who(q);
}

void api_audit_object(struct request *q, const char *id)
{
    who_of(q)->object_id = id;
}

void api_audit_say(struct request *q, const char *key, const char *value)
{
    struct access_who *who = who_of(q);
    assert(who->n_said < API_AUDIT_SAID);
    if (value)
        who->said[who->n_said++] = (struct access_said){key, value};
}

// The handler's word, what was made, or what the path names.
static const char *object_of(struct request *q)
{
    const struct access_who *who = access_who(q);
    struct str at = reply_header_value(q, "Location");
    struct str part;
    struct str id = {NULL, 0};
    if (who->object_id)
        return who->object_id;
    while (!id.p && str_split(&at, '/', &part))
        id = id_is_valid(part) ? part : id;
    if (!id.p && strstr(request_template(q), "{id}"))
        id = request_parameter(q, "id");
    return id.p ? arena_strndup(request_arena(q), id.p, id.n) : NULL;
}

// The request that this thread works on.
static _Thread_local struct request *telling;

void api_audit_tell(struct request *q, int status)
{
    struct access_who *who = who_of(q);
    who->is_told = true;
    who->told_status = status;
    telling = q;
}

void api_handling(struct request *q, bool begins)
{
    const struct route *route = request_route(q);
    struct access_who *who = who_of(q);
    telling = begins ? q : NULL;
    if (begins && who && route->role >= API_EDITOR && route->rate_class != API_RATE_LOGIN &&
        strcmp(route->method, "GET") != 0 && !is_piece(route))
        who->is_told = true;
}

static void put_detail(struct request *q, int status, struct str_buf *out)
{
    const struct access_who *who = access_who(q);
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "outcome",
                  status < 300                     ? "done"
                  : status == 401 || status == 403 ? "denied"
                  : status == 429                  ? "locked out"
                                                   : "failed");
    if (status >= 300)
        json_put_int(&w, "status", status);
    json_key(&w, "method");
    json_string(&w, request_method(q));
    json_key(&w, "path");
    json_string(&w, request_path(q));
    json_put_known(&w, "key_id", who->key_id);
    for (size_t i = 0; i < who->n_said; i++)
        json_put_text(&w, who->said[i].key, who->said[i].value);
    json_end(&w);
}

// *write* of a line about the request, which has *id*, or a new one with NULL.
static int tell(struct request *q, int status, const char *id,
                int (*write)(struct store *s, const struct store_audit *x))
{
    const struct access_who *who = access_who(q);
    const struct route *route = request_route(q);
    char client[ADDRESS_TEXT];
    char action[ACCESS_ACTION_MAX];
    struct str_buf detail = STR_BUF_INIT(MAX_DETAIL);
    address_format(request_client(q), client);
    access_action(route->method, route->path, action);
    put_detail(q, status, &detail);
    const struct store_audit x = {.id = id,
                                  .user_id = who->user_id,
                                  .user_name = who->user_name,
                                  .client = client,
                                  .request_id = request_id(q),
                                  .action = action,
                                  .object_id = object_of(q),
                                  .detail_json = str_buf_text(&detail)};
    int r = write(api_of(q)->opts.store, &x);
    str_buf_finish(&detail);
    return r < 0 ? err_prefix(r, "audit: %s is not recorded", action) : 0;
}

int api_committing(struct api *a)
{
    struct access_who *who = telling ? who_of(telling) : NULL;
    (void)a;
    if (who)
        who->line_is_new = who->is_told && !who->line_id[0];
    if (!who || !who->is_told || who->line_id[0])
        return 0;
    id_make(who->line_id);
    who->line_object = object_of(telling);
    return tell(telling, who->told_status, who->line_id, store_audit_add);
}

void api_taken_back(void)
{
    struct access_who *who = telling ? who_of(telling) : NULL;
    if (who && who->line_is_new) // else it is an earlier transaction's, and stands
        who->line_id[0] = 0;
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

// True: the line stands as it has to, or could be put right. False: there is none.
static bool put_right(struct request *q, struct access_who *who, int status)
{
    if (!who->line_id[0])
        return false;
    bool is_right = (status == who->told_status || (status < 300 && who->told_status < 300)) &&
                    is_same(who->line_object, object_of(q));
    int r = is_right ? 0 : tell(q, status, who->line_id, store_audit_amend);
    if (r < 0)
        log_error(NULL, "%s", err_message(r));
    return r != ERR_NOT_FOUND;
}

void api_replied(struct request *q, int status)
{
    struct access_who *who = who_of(q);
    const struct route *route = request_route(q);
    telling = NULL;
    // a handler that names its project itself and has not asked for it is a hole
    assert(!who || route->role != API_EDITOR_NAMED || status >= 300 || who->has_checked);
    if (!who || put_right(q, who, status) ||
        !access_is_recorded(route, who->object_id != NULL, status)) {
        err_clear();
        return;
    }
    if (tell(q, status, NULL, store_audit_add) < 0) // what was done is done
        log_error(NULL, "%s", err_message(0));
    err_clear();
}
