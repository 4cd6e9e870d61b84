// SPDX-License-Identifier: Apache-2.0
// dispatch.c - one request from its first line to its log line.
//
// libmicrohttpd calls: target (the request line is there), call (headers are there; again for each
// piece of the body; again when the body is whole), completed (the reply was sent, or it was all in
// vain). All on the connection's thread. A reply can be queued at the first call or at the last:
// one that comes in the middle of a body waits for the rest where that is short, and goes straight
// to the socket, which is closed then, where it is long. What libmicrohttpd refuses by itself it
// tells to its log, before it sends a page of its own: dispatch_refused() is quicker.

#include "http/http_priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/tick.h"

enum {
    NAME_SHOWN = 80, // bytes of what a client sent, in a message
};

static struct metric m_requests =
    METRIC_COUNTER("http_requests_total", "Requests answered", "method", "route", "status");
static struct metric m_duration = METRIC_HISTOGRAM("http_request_duration_seconds",
                                                   "From the request line to the reply's last byte",
                                                   metric_seconds, "method", "route", "status");
static struct metric m_active = METRIC_GAUGE("http_requests_active", "Requests being answered");

int dispatch_register_metrics(void)
{
    m_requests.max_series = m_duration.max_series = METRIC_MAX_SERIES;
    int r = metrics_register(&m_requests);
    if (r == 0)
        r = metrics_register(&m_duration);
    if (r == 0)
        r = metrics_register(&m_active);
    return r;
}

// --- the watch's view

static void set_deadline(struct request *q, int64_t deadline_ns, bool may_answer)
{
    atomic_store(&q->connection->may_answer, may_answer);
    atomic_store(&q->connection->deadline_ns, deadline_ns);
}

// Our own work has no deadline here.
static void pause_deadline(struct request *q)
{
    set_deadline(q, INT64_MAX, false);
}

// A body has to come at the least speed, counted from the request's start.
static void set_body_deadline(struct request *q)
{
    const struct server_opts *opts = &q->server->opts;
    int64_t whole = q->body_started_ns + opts->grace_ms * CLOCK_NS_PER_MS +
                    q->body_taken / opts->body_bytes_per_s * CLOCK_NS_PER_S;
    int64_t idle = clock_now_ns() + opts->idle_timeout_ms * CLOCK_NS_PER_MS;
    set_deadline(q, MIN(whole, idle), true);
}

// --- steps

// The request of this thread, for dispatch_refused().
static _Thread_local struct request *current;

void *dispatch_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct server *s = cls;
    struct request *q;
    if (request_create(s, mhd, target, &q) < 0)
        return NULL; // dispatch_call() closes the connection
    atomic_fetch_add(&s->n_active, 1);
    tick_ask();
    metric_add(&m_active, 1, NO_LABELS);
    atomic_store(&q->connection->is_idle, false);
    set_deadline(q, q->started_ns + s->opts.header_timeout_ms * CLOCK_NS_PER_MS, true);
    current = q;
    log_set_about((struct log_about){.name = "request", .id = q->id});
    return q;
}

void dispatch_refused(int status)
{
    struct request *q = current;
    if (!q || q->is_queued)
        return;
    pause_deadline(q);
    if (!q->reply.made &&
        reply_error(q, status, reply_status_name(status), "request: cannot be read as HTTP") < 0)
        return;
    reply_send_raw(q);
}

static void tell_replied(struct request *q)
{
    const struct server *s = q->server;
    if (s->opts.replied && q->match.route && q->reply.made)
        s->opts.replied(q, q->reply.status);
}

// A result of a hook, sink or handler becomes a reply where it is an error.
static void settle(struct request *q, int r)
{
    if (r < 0 && q->reply.made) {
        reply_release_sender(q);
        reply_drop(q);
    }
    if (r < 0 && reply_failure(q, r) < 0) { // no memory even for that: dispatch_call() cuts
        reply_drop(q);
        q->is_hopeless = true;
    }
    tell_replied(q);
}

static void find_route(struct request *q)
{
    const struct server *s = q->server;
    struct str path = q->uri.path;
    route_find(s->routes, q->method, path, &q->match);
    if (q->match.template_path || !s->opts.alias_from || !str_starts(path, s->opts.alias_from))
        return;
    size_t n = strlen(s->opts.alias_from);
    const char *other =
        arena_printf(q->arena, "%s" STR_FMT, s->opts.alias_to, (int)(path.n - n), path.p + n);
    if (!other)
        return;
    route_find(s->routes, q->method, str_of(other), &q->match);
    if (q->match.template_path)
        q->uri.path = str_of(other);
}

static int answer_unrouted(struct request *q)
{
    const struct server *s = q->server;
    int r = s->opts.before_unrouted ? s->opts.before_unrouted(q) : 0;
    if (r < 0 || q->reply.made)
        return r;
    bool is_options = str_is(q->method, "OPTIONS");
    if (is_options && str_is(q->uri.path, "*"))
        return reply_empty(q, 204);
    if (!q->match.template_path)
        return reply_error(q, 404, "NOT_FOUND", "'" STR_FMT "' does not exist",
                           STR_ARG(q->uri.path));
    struct str_buf allow = STR_BUF_INIT(KIB);
    route_allowed(s->routes, q->uri.path, &allow);
    reply_header(q, "Allow", str_buf_text(&allow));
    if (is_options)
        r = reply_empty(q, 204);
    else
        r = reply_error(q, 405, "METHOD_NOT_ALLOWED", "'" STR_FMT "' takes %s",
                        STR_ARG(q->uri.path), str_buf_text(&allow));
    str_buf_finish(&allow);
    return r;
}

static int check_body_limit(struct request *q)
{
    const struct route *route = q->match.route;
    q->body_limit = route->body_limit ? route->body_limit
                    : route->sink     ? INT64_MAX
                                      : ROUTE_DEFAULT_BODY;
    if (q->body_limit < 0)
        q->body_limit = 0;
    return 0;
}

static int refuse_big_body(struct request *q)
{
    return reply_error(q, 413, "TOO_BIG",
                       "request: a body of more than %lld bytes is not taken here",
                       (long long)q->body_limit);
}

// A name that stands twice has two meanings, and whoever checked one of them may not act on it.
static int check_query(const struct request *q)
{
    for (size_t i = 1; i < q->uri.n_pairs; i++) {
        struct str name = q->uri.pairs[i].name;
        for (size_t k = 0; k < i; k++)
            if (str_equal(q->uri.pairs[k].name, name))
                return err_set(ERR_INVALID, "query: '%.*s' stands there twice",
                               (int)MIN(name.n, (size_t)NAME_SHOWN), name.p);
    }
    return 0;
}

// Bodies are taken as they come: none is unpacked, so none is taken for what it is not.
static int check_coding(struct request *q)
{
    struct str coding = str_trim(request_header_view(q, STR("Content-Encoding")));
    if (coding.n == 0 || str_is_nocase(coding, "identity"))
        return 0;
    reply_header(q, "Accept-Encoding", "identity");
    return reply_error(q, 415, "UNSUPPORTED",
                       "request: a body in Content-Encoding '%.*s' is not taken, send it as it is",
                       (int)MIN(coding.n, (size_t)NAME_SHOWN), coding.p);
}

static int begin(struct request *q, const char *method, const char *version)
{
    const struct server *s = q->server;
    int r = request_read_head(q, method, version);
    if (r < 0 || q->reply.made)
        return r;
    find_route(q);
    const struct route *route = q->match.route;
    if (server_is_draining(s) && !(route && route->flags & ROUTE_WHILE_DRAINING))
        return err_set(ERR_CLOSED, "the server is stopping");
    if (!route)
        return answer_unrouted(q);
    r = check_body_limit(q);
    if (r == 0 && s->opts.before)
        r = s->opts.before(q);
    if (r == 0 && !q->reply.made && !(route->flags & ROUTE_ANY_QUERY))
        r = check_query(q);
    if (r == 0 && !q->reply.made)
        r = check_coding(q);
    if (r < 0 || q->reply.made)
        return r;
    if (route->sink) {
        r = route->sink->begin(q);
        q->sink_open = r == 0 && !q->reply.made;
    }
    if (r == 0 && !q->reply.made && q->content_length > q->body_limit)
        r = refuse_big_body(q);
    return r;
}

static void abandon_sink(struct request *q)
{
    if (q->sink_open && q->match.route->sink->abandon)
        q->match.route->sink->abandon(q);
    q->sink_open = false;
}

static int take(struct request *q, const char *data, size_t n)
{
    const struct route *route = q->match.route;
    q->body_taken += (int64_t)n;
    if (q->body_taken > q->body_limit)
        return refuse_big_body(q);
    if (route->sink)
        return route->sink->data(q, data, n);
    q->body.max = (size_t)q->body_limit;
    str_buf_add(&q->body, data, n);
    return str_buf_check(&q->body);
}

// A piece of a body whose request is answered already: read to its end where that is near, so that
// the reply can be queued and the connection lives.
static enum MHD_Result swallow(struct request *q, size_t n)
{
    q->swallowed += (int64_t)n;
    int64_t rest = request_body_rest(q);
    if (rest <= HTTP_SWALLOW && q->swallowed <= HTTP_SWALLOW)
        return MHD_YES;
    q->is_unread = true;
    reply_send_raw(q);
    return MHD_NO;
}

static enum MHD_Result take_piece(struct request *q, const char *data, size_t n)
{
    enum MHD_Result result = MHD_YES;
    pause_deadline(q);
    if (q->reply.made) {
        result = swallow(q, n);
    } else {
        settle(q, take(q, data, n));
        if (q->is_hopeless)
            return MHD_NO;
        if (q->reply.made) {
            abandon_sink(q);
            result = swallow(q, 0);
        }
    }
    set_body_deadline(q);
    return result;
}

static void handle(struct request *q)
{
    const struct server_opts *opts = &q->server->opts;
    q->sink_open = false;
    if (opts->handling)
        opts->handling(q, true);
    int r = q->match.route->handle(q);
    assert(r < 0 || q->reply.made); // every handler replies or fails
    settle(q, r);
    if (opts->handling)
        opts->handling(q, false);
}

// A reply before the body closes the connection, so it is left for bodies that are long, or that
// the client does not send before it hears "100 Continue".
static bool answers_early(const struct request *q)
{
    int64_t rest = request_body_rest(q);
    return q->must_close || (rest != 0 && (rest < 0 || rest > HTTP_SWALLOW ||
                                           request_header_view(q, STR("Expect")).p != NULL));
}

enum MHD_Result dispatch_call(void *cls, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **pq)
{
    struct request *q = *pq;
    (void)cls;
    (void)mhd;
    (void)url; // cut at the '?', and where an escape says so: dispatch_target() has the whole
    if (!q || q->is_hopeless)
        return MHD_NO;
    if (*n > 0) {
        size_t n_bytes = *n;
        *n = 0;
        return take_piece(q, data, n_bytes);
    }
    pause_deadline(q);
    if (!q->is_begun) {
        q->is_begun = true;
        settle(q, begin(q, method, version));
        if (q->is_hopeless)
            return MHD_NO;
        if (q->reply.made && answers_early(q))
            return reply_send(q);
        q->body_started_ns = clock_now_ns();
        set_body_deadline(q);
        return MHD_YES;
    }
    q->body_done = true;
    if (!q->reply.made)
        handle(q);
    return q->is_hopeless ? MHD_NO : reply_send(q);
}

// --- afterwards

static const char *known_method(struct str method)
{
    static const char *const known[] = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(method, known[i]))
            return known[i];
    }
    return "other";
}

// What became of it: the reply's status, or what the client's going, its slowness or
// libmicrohttpd's own refusal amount to.
static int final_status(const struct request *q, enum MHD_RequestTerminationCode how)
{
    if (q->is_queued)
        return q->reply.status;
    if (atomic_load(&q->connection->is_cut) || how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED)
        return 408;
    return how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? 400 : 499;
}

static void count(const struct request *q, int status, int64_t duration_ns)
{
    char code[8];
    snprintf(code, sizeof(code), "%d", status);
    const char *route = q->match.template_path ? q->match.template_path : "none";
    const char *const *labels = LABELS(known_method(q->method), route, code);
    metric_add(&m_requests, 1, labels);
    metric_observe(&m_duration, (double)duration_ns / (double)CLOCK_NS_PER_S, labels);
}

static void log_access(const struct request *q, int status, int64_t duration_ns)
{
    char client[ADDRESS_TEXT];
    address_format(&q->client, client);
    struct str path = q->uri.path.p ? q->uri.path : q->target;
    const struct log_field fields[] = {
        {.name = "client", .text = str_of(client)},
        {.name = "user", .text = str_of(q->user_name)},
        {.name = "method", .text = q->method},
        {.name = "path", .text = {path.p, MIN(path.n, KIB)}},
        {.name = "status", .is_number = true, .number = status},
        {.name = "bytes_in", .is_number = true, .number = (double)q->body_taken},
        {.name = "bytes_out", .is_number = true, .number = (double)q->bytes_sent},
        {.name = "milliseconds",
         .is_number = true,
         .number = (double)(duration_ns / CLOCK_NS_PER_US) / 1000.0},
    };
    log_fields(LOG_INFO, "request", fields, ARRAY_LEN(fields));
}

void dispatch_completed(void *cls, struct MHD_Connection *mhd, void **pq,
                        enum MHD_RequestTerminationCode how)
{
    struct server *s = cls;
    struct request *q = *pq;
    (void)mhd;
    *pq = NULL;
    current = NULL;
    if (!q)
        return;
    pause_deadline(q);
    if (q->is_unread && q->is_queued && how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        reply_linger(q->connection->fd);
    int64_t now = clock_now_ns();
    int status = final_status(q, how);
    if (q->sink_open)
        abandon_sink(q);
    if (!q->is_begun) // refused before the headers were ours to read
        q->client = q->connection->address;
    count(q, status, now - q->started_ns);
    if (!s->opts.no_access_log && !(q->match.route && q->match.route->flags & ROUTE_NO_LOG))
        log_access(q, status, now - q->started_ns);
    if (s->opts.after)
        s->opts.after(q, status, q->bytes_sent, now - q->started_ns);
    log_set_about((struct log_about){0});
    struct connection *c = q->connection;
    if (q->reply.kind == REPLY_BODY_STREAM)
        reply_restore_timeout(q);
    request_destroy(q);
    metric_add(&m_active, -1, NO_LABELS);
    atomic_store(&c->deadline_ns, clock_now_ns() + s->opts.idle_timeout_ms * CLOCK_NS_PER_MS);
    atomic_store(&c->is_idle, true);
    connections_request_done(s->connections);
}
