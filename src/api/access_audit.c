// SPDX-License-Identifier: Apache-2.0
// access_audit.c - every change leaves a line: who, from where, what, to which object, and how it
// ended. It is written before the client hears of the change; what a handler changes in one
// transaction has its line in the same one, and the line is put right where it ended otherwise.

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

void api_audit_object(struct request *q, const char *id)
{
    struct access_who *who = (struct access_who *)(uintptr_t)access_who(q);
    who->object_id = id;
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

// The request whose handler runs on this thread.
static _Thread_local struct telling {
    struct request *request; // NULL: none whose line goes with its change
    char id[ID_BYTES];       // of the line; "": not written yet
    const char *object_id;   // ... as it was written
} telling;

void api_handling(struct request *q, bool begins)
{
    const struct route *route = request_route(q);
    // what streams its body commits things before all is there
    bool is_told = begins && route->role >= API_EDITOR && route->rate_class != API_RATE_LOGIN &&
                   !route->sink && strcmp(route->method, "GET") != 0 && !is_piece(route);
    telling = (struct telling){.request = is_told ? q : NULL};
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
    (void)a;
    if (!telling.request || telling.id[0] || !access_who(telling.request))
        return 0;
    id_make(telling.id);
    telling.object_id = object_of(telling.request);
    return tell(telling.request, 0, telling.id, store_audit_add);
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

// True: the line stands as it has to, or could be put right. False: there is none.
static bool put_right(struct request *q, int status)
{
    if (telling.request != q || !telling.id[0])
        return false;
    bool is_right = status < 300 && is_same(telling.object_id, object_of(q));
    int r = is_right ? 0 : tell(q, status, telling.id, store_audit_amend);
    telling.request = NULL;
    if (r < 0 && r != ERR_NOT_FOUND)
        log_error(NULL, "%s", err_message(r));
    return r != ERR_NOT_FOUND; // its transaction was taken back
}

void api_replied(struct request *q, int status)
{
    const struct access_who *who = access_who(q);
    const struct route *route = request_route(q);
    // a handler that names its project itself and has not asked for it is a hole
    assert(!who || route->role != API_EDITOR_NAMED || status >= 300 || who->has_checked);
    if (!who || put_right(q, status) ||
        !access_is_recorded(route, who->object_id != NULL, status)) {
        err_clear();
        return;
    }
    if (tell(q, status, NULL, store_audit_add) < 0) // what was done is done
        log_error(NULL, "%s", err_message(0));
    err_clear();
}
