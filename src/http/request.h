// SPDX-License-Identifier: Apache-2.0
// request.h - what a client asks, as handlers see it.
//
// Ownership: a request and all that it gives (views, strings, arena memory) live until its reply
//   was sent; then the release function of request_set_state() runs and all of it is gone.
// Threads: the request's own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct address;
struct arena;
struct json_reader;
struct request;
struct route;
struct server;

enum {
    REQUEST_MAX_TARGET = 8 * 1024, // bytes of path and query; longer: 414
    REQUEST_MAX_HEAD = 32 * 1024,  // bytes of all header names and values; more: 431
    REQUEST_MAX_HEADERS = 64,
    REQUEST_MAX_QUERY = 64, // parameters of a query; more: 400
    REQUEST_MAX_ID = 64,    // bytes of an X-Request-ID that is taken over
    REQUEST_ARENA = 64 * 1024 * 1024,
    REQUEST_JSON_DEPTH = 16,
};

struct str request_method(const struct request *q); // of a HEAD that a GET row answers: "HEAD"
struct str request_path(const struct request *q);   // decoded, normalised
const struct route *request_route(const struct request *q); // NULL before routing
const char *request_template(const struct request *q);      // "" where none matched
const char *request_id(const struct request *q);            // answered as X-Request-ID
const struct address *
request_client(const struct request *q);          // behind a trusted proxy: the one it names
bool request_is_proxied(const struct request *q); // it came through a trusted proxy
bool request_is_secure(const struct request *q);  // and that said https
void *request_context(const struct request *q);   // server_opts.context
struct server *request_server(const struct request *q);
int64_t request_started_ns(const struct request *q);
struct arena *request_arena(struct request *q);

// The handler's own, through the sink's calls and the handler. *release* (may be NULL) runs once,
// after the reply was sent or given up. A second call replaces without releasing.
void request_set_state(struct request *q, void *state, void (*release)(void *state));
void *request_state(const struct request *q);
// Who asks, as the hook before dispatch found; borrowed, usually from the request's arena. *name*
// stands in the access log.
void request_set_user(struct request *q, const void *user, const char *name);
const void *request_user(const struct request *q);
const char *request_user_name(const struct request *q); // NULL where none

// A parameter of the route's template, decoded, never empty. Asking for a name that the template
// does not have is our bug (assert).
struct str request_parameter(const struct request *q, const char *name);
// Likewise as a number; not one, negative or beyond *max*: ERR_NOT_FOUND.
int request_parameter_int(const struct request *q, const char *name, int64_t max,
                          int64_t *ret_value) MUST_CHECK;

// The first header of that name, any case; NULL where absent. Headers that may stand once only were
// checked: Host, Content-Length, Content-Type, Transfer-Encoding, Authorization, Origin, Range,
// If-Range, Upload-Offset, Upload-Length.
const char *request_header(const struct request *q, const char *name);
struct str request_cookie(const struct request *q, const char *name); // {NULL, 0} where absent
// The Host header (or that of an absolute target), lower case, without its port; "" where absent.
struct str request_host(const struct request *q);
// Calls for each header in order.
void request_each_header(const struct request *q,
                         void (*call)(void *arg, struct str name, struct str value), void *arg);

// A query parameter's first value, decoded; false where absent.
bool request_query(const struct request *q, const char *name, struct str *ret_value);
// The *i*-th parameter in order; false at the end.
bool request_query_at(const struct request *q, size_t i, struct str *ret_name,
                      struct str *ret_value);
// Typed: leaves *value as it is where absent or empty. ERR_INVALID names parameter, value, range.
int request_query_int(const struct request *q, const char *name, int64_t min, int64_t max,
                      int64_t *value) MUST_CHECK;
int request_query_double(const struct request *q, const char *name, double min, double max,
                         double *value) MUST_CHECK;
int request_query_bool(const struct request *q, const char *name, bool *value) MUST_CHECK;
// The index among NULL-ended *choices*; ERR_INVALID lists them.
int request_query_choice(const struct request *q, const char *name, const char *const *choices,
                         int *value) MUST_CHECK;

// The whole body of a route without sink; in a sink's handler empty.
struct str request_body(const struct request *q);
// Of the Content-Length header; -1: none (chunked, or no body).
int64_t request_content_length(const struct request *q);
bool request_has_body(const struct request *q);
int64_t request_body_taken(const struct request *q); // bytes so far
// In begin(): this request's limit in place of the route's.
void request_set_body_limit(struct request *q, int64_t limit);
// The media type without parameters, lower case: "multipart/form-data"; "" where absent.
struct str request_content_type(const struct request *q);
// A parameter of Content-Type ("boundary", "charset"), unquoted; {NULL, 0} where absent.
struct str request_content_parameter(const struct request *q, const char *name);
// Whether Accept names *type* (with q > 0); "*/*" and "application/*" count as naming where
// *or_any*.
bool request_accepts(const struct request *q, const char *type, bool or_any);

// A reader over the body; owned: json_reader_destroy(). *max_depth* 0: REQUEST_JSON_DEPTH.
// ERR_UNSUPPORTED (415): the content type is not JSON. ERR_INVALID: no body. ERR_NOMEM.
int request_json(struct request *q, int max_depth, struct json_reader **ret_reader) MUST_CHECK;

// Its client is cut off, from any thread that keeps the request from ending meanwhile (by a lock
// that its release function takes): what waits for its body ends, the sink is abandoned.
void request_cut(struct request *q);
// Waits have to end with the request: true once the client went away or the server gives up on it.
bool request_is_gone(const struct request *q);
