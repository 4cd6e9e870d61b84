// SPDX-License-Identifier: Apache-2.0
// request.c - a request's life, its head read and checked, and what handlers ask of it.

#include "http/http_priv.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"

// --- life

int request_create(struct server *s, struct MHD_Connection *mhd, const char *target,
                   struct request **ret_request)
{
    struct arena *a;
    int r = arena_create(REQUEST_ARENA, &a);
    if (r < 0)
        return r;
    struct request *q = arena_new(a, struct request);
    size_t n = strnlen(target, REQUEST_MAX_TARGET + 1);
    char *text = q ? arena_strndup(a, target, n) : NULL;
    if (!text) {
        arena_destroy(a);
        return ERR_NOMEM;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    q->server = s;
    q->connection = info ? info->socket_context : NULL;
    q->mhd = mhd;
    q->arena = a;
    q->started_ns = clock_now_ns();
    q->target = (struct str){text, n};
    q->content_length = -1;
    q->reply.fd = -1;
    q->reply.stream_size = -1;
    id_make(q->id);
    if (!q->connection) {
        arena_destroy(a);
        return err_set(ERR_NOMEM, "out of memory: connection");
    }
    *ret_request = q;
    return 0;
}

void request_destroy(struct request *q)
{
    if (!q)
        return;
    if (q->sink_open && q->match.route->sink->abandon)
        q->match.route->sink->abandon(q);
    reply_release_sender(q);
    reply_drop(q);
    if (q->release_state)
        q->release_state(q->state);
    str_buf_finish(&q->body);
    arena_destroy(q->arena);
}

// --- the head

// Headers that mean something else when they stand twice.
static const char *const once[] = {
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "if-range",
    "origin",
    "range",
    "sec-websocket-key",
    "transfer-encoding",
    "upload-length",
    "upload-offset",
    "x-forwarded-host",
    "x-forwarded-proto",
    NULL,
};

static bool is_once(struct str name)
{
    for (size_t i = 0; once[i]; i++) {
        if (str_is_nocase(name, once[i]))
            return true;
    }
    return false;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.n > 0;
}

struct head {
    struct request *q;
    size_t n_bytes;
    int status; // of the refusal
    const char *what;
};

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   size_t n_key, const char *value, size_t n_value)
{
    struct head *h = cls;
    struct request *q = h->q;
    struct header x = {{key, n_key}, {value ? value : "", value ? n_value : 0}};
    (void)kind;
    h->n_bytes += n_key + n_value;
    if (q->n_headers == REQUEST_MAX_HEADERS || h->n_bytes > REQUEST_MAX_HEAD) {
        h->status = 431;
        h->what = "more headers than are read";
    } else if (!is_token(x.name) || has_control(x.value)) {
        h->status = 400;
        h->what = "a header with bytes that may not stand there";
    } else if (is_once(x.name) && request_header_view(q, x.name).p) {
        h->status = 400;
        h->what = "a header that may stand only once stands twice";
    } else {
        q->headers[q->n_headers++] = x;
    }
    return h->what ? MHD_NO : MHD_YES;
}

struct str request_header_view(const struct request *q, struct str name)
{
    for (size_t i = 0; i < q->n_headers; i++) {
        const struct header *h = &q->headers[i];
        if (h->name.n == name.n && strncasecmp(h->name.p, name.p, name.n) == 0)
            return h->value;
    }
    return (struct str){NULL, 0};
}

// Where a head breaks a rule nobody knows where the next request would begin: the connection ends.
static int refuse(struct request *q, int status, const char *what)
{
    q->must_close = true;
    return reply_error(q, status, reply_status_name(status), "request: %s", what);
}

// How long the body is, or why nobody can tell.
static int read_framing(struct request *q)
{
    struct str length = request_header_view(q, STR("Content-Length"));
    struct str coding = request_header_view(q, STR("Transfer-Encoding"));
    if (coding.p) {
        if (length.p)
            return refuse(q, 400, "Content-Length beside Transfer-Encoding");
        if (!str_is(q->version, "HTTP/1.1"))
            return refuse(q, 400, "Transfer-Encoding needs HTTP/1.1");
        if (!str_is_nocase(coding, "chunked"))
            return refuse(q, 501, "a Transfer-Encoding other than chunked");
        q->is_chunked = true;
        return 0;
    }
    if (!length.p)
        return 0;
    int64_t n;
    for (size_t i = 0; i < length.n; i++) {
        if (length.p[i] < '0' || length.p[i] > '9')
            return refuse(q, 400, "Content-Length is not a number");
    }
    if (str_to_i64(length, &n) < 0)
        return refuse(q, length.n ? 413 : 400, "Content-Length is not a number that can be");
    q->content_length = n;
    return 0;
}

static int read_host(struct request *q)
{
    struct str host = q->uri.host.p ? q->uri.host : request_header_view(q, STR("Host"));
    const char *end = host.n ? memchr(host.p, host.p[0] == '[' ? ']' : ':', host.n) : NULL;
    if (host.n && host.p[0] == '[') {
        if (!end)
            return refuse(q, 400, "Host is not a name");
        end++;
    }
    size_t n = end ? (size_t)(end - host.p) : host.n;
    char *lower = arena_strndup(q->arena, host.n ? host.p : "", n);
    if (!lower)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)lower[i];
        if (c <= ' ' || c >= 0x7f || strchr("/\\?#@,%", c))
            return refuse(q, 400, "Host is not a name");
        if (c >= 'A' && c <= 'Z')
            lower[i] = (char)(c - 'A' + 'a');
    }
    q->host = (struct str){lower, n};
    return 0;
}

static bool is_proxy(const struct server *s, const struct address *a)
{
    for (size_t i = 0; i < s->opts.n_proxies; i++) {
        if (address_in(a, &s->opts.proxies[i]))
            return true;
    }
    return false;
}

// From the right: the first address that is no proxy of ours. False: it is found, or nobody knows.
static bool read_forwarded_for(struct request *q, struct str list)
{
    while (list.n > 0) {
        size_t from = list.n;
        while (from > 0 && list.p[from - 1] != ',')
            from--;
        struct address a;
        struct str part = str_trim((struct str){list.p + from, list.n - from});
        if (address_parse(part, &a) < 0) {
            err_clear();
            return false;
        }
        q->client = a;
        if (!is_proxy(q->server, &a))
            return false;
        list.n = from > 0 ? from - 1 : 0;
    }
    return true;
}

// A proxy that adds a line of its own (HAProxy does) puts it behind those of the client: the lines
// are one list, and the last one was written last.
static void read_forwarded(struct request *q)
{
    q->client = q->connection->address;
    q->is_proxied = is_proxy(q->server, &q->client);
    if (!q->is_proxied)
        return;
    for (size_t i = q->n_headers; i > 0; i--) {
        const struct header *h = &q->headers[i - 1];
        if (str_is_nocase(h->name, "X-Forwarded-For") && !read_forwarded_for(q, h->value))
            break;
    }
    q->is_secure = str_is_nocase(request_header_view(q, STR("X-Forwarded-Proto")), "https");
}

static bool is_good_id(struct str s)
{
    if (s.n == 0 || s.n > REQUEST_MAX_ID)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static void read_id(struct request *q)
{
    struct str id = request_header_view(q, STR("X-Request-ID"));
    if (!is_good_id(id))
        return;
    memcpy(q->id, id.p, id.n);
    q->id[id.n] = '\0';
}

// A client that cannot send PATCH or DELETE says so (tus 1.0).
static void read_method(struct request *q, const char *method)
{
    q->method = str_of(method);
    struct str wanted = request_header_view(q, STR("X-HTTP-Method-Override"));
    static const char *const allowed[] = {"DELETE", "HEAD", "PATCH", "PUT"};
    for (size_t i = 0; str_is(q->method, "POST") && i < ARRAY_LEN(allowed); i++) {
        if (str_is(wanted, allowed[i]))
            q->method = str_of(allowed[i]);
    }
}

int request_read_head(struct request *q, const char *method, const char *version)
{
    struct head h = {.q = q};
    q->version = str_of(version);
    MHD_get_connection_values_n(q->mhd, MHD_HEADER_KIND, take_header, &h);
    read_id(q);
    read_method(q, method);
    read_forwarded(q);
    if (h.what)
        return refuse(q, h.status, h.what);
    if (!str_is(q->version, "HTTP/1.1") && !str_is(q->version, "HTTP/1.0"))
        return refuse(q, 505, "neither HTTP/1.1 nor HTTP/1.0");
    if (q->target.n > REQUEST_MAX_TARGET)
        return refuse(q, 414, "its target is longer than is read");
    int r = read_framing(q);
    if (r < 0 || q->reply.made)
        return r;
    r = uri_parse(q->target, REQUEST_MAX_QUERY, q->arena, &q->uri);
    if (r == ERR_INVALID)
        return reply_error(q, 400, "INVALID", "%s", err_message(r));
    if (r < 0)
        return r;
    return read_host(q);
}

int64_t request_body_rest(const struct request *q)
{
    if (q->is_chunked)
        return q->body_done ? 0 : -1;
    return q->content_length < 0 ? 0 : q->content_length - q->body_taken - q->swallowed;
}

// --- what handlers ask

struct str request_method(const struct request *q)
{
    return q->method;
}

struct str request_path(const struct request *q)
{
    return q->uri.path;
}

const struct route *request_route(const struct request *q)
{
    return q->match.route;
}

const char *request_template(const struct request *q)
{
    return q->match.template_path ? q->match.template_path : "";
}

const char *request_id(const struct request *q)
{
    return q->id;
}

const struct address *request_client(const struct request *q)
{
    return &q->client;
}

bool request_is_proxied(const struct request *q)
{
    return q->is_proxied;
}

bool request_is_secure(const struct request *q)
{
    return q->is_secure;
}

void *request_context(const struct request *q)
{
    return q->server->opts.context;
}

struct server *request_server(const struct request *q)
{
    return q->server;
}

int64_t request_started_ns(const struct request *q)
{
    return q->started_ns;
}

struct arena *request_arena(struct request *q)
{
    return q->arena;
}

void request_set_state(struct request *q, void *state, void (*release)(void *state))
{
    q->state = state;
    q->release_state = release;
}

void *request_state(const struct request *q)
{
    return q->state;
}

void request_set_user(struct request *q, const void *user, const char *name)
{
    q->user = user;
    q->user_name = name;
}

const void *request_user(const struct request *q)
{
    return q->user;
}

const char *request_user_name(const struct request *q)
{
    return q->user_name;
}

struct str request_parameter(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->match.n; i++) {
        if (str_is(q->match.names[i], name))
            return q->match.values[i];
    }
    assert(!"the template has no such parameter");
    return (struct str){NULL, 0};
}

int request_parameter_int(const struct request *q, const char *name, int64_t max,
                          int64_t *ret_value)
{
    struct str s = request_parameter(q, name);
    int64_t v;
    if (str_to_i64(s, &v) < 0 || v < 0 || v > max || s.p[0] == '+')
        return err_set(ERR_NOT_FOUND, "%s '" STR_FMT "' does not exist", name, STR_ARG(s));
    *ret_value = v;
    return 0;
}

const char *request_header(const struct request *q, const char *name)
{
    // libmicrohttpd ends each value with a zero, and no zero stands inside (take_header()).
    return request_header_view(q, str_of(name)).p;
}

void request_each_header(const struct request *q,
                         void (*call)(void *arg, struct str name, struct str value), void *arg)
{
    for (size_t i = 0; i < q->n_headers; i++)
        call(arg, q->headers[i].name, q->headers[i].value);
}

static struct str cookie_in(struct str list, const char *name)
{
    struct str part;
    while (str_split(&list, ';', &part)) {
        part = str_trim(part);
        struct str value = part;
        struct str key;
        if (str_split(&value, '=', &key) && value.p && str_is(key, name))
            return value;
    }
    return (struct str){NULL, 0};
}

struct str request_cookie(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++) {
        if (!str_is_nocase(q->headers[i].name, "Cookie"))
            continue;
        struct str value = cookie_in(q->headers[i].value, name);
        if (value.p)
            return value;
    }
    return (struct str){NULL, 0};
}

struct str request_host(const struct request *q)
{
    return q->host;
}

struct str request_body(const struct request *q)
{
    return str_buf_view(&q->body);
}

int64_t request_content_length(const struct request *q)
{
    return q->content_length;
}

bool request_has_body(const struct request *q)
{
    return q->is_chunked || q->content_length > 0;
}

int64_t request_body_taken(const struct request *q)
{
    return q->body_taken;
}

void request_set_body_limit(struct request *q, int64_t limit)
{
    q->body_limit = limit;
}

void request_cut(struct request *q)
{
    atomic_store(&q->connection->is_cut, true);
    shutdown(q->connection->fd, SHUT_RDWR);
}

bool request_is_gone(const struct request *q)
{
    char byte;
    if (atomic_load(&q->connection->is_cut))
        return true;
    ssize_t n = recv(q->connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}
