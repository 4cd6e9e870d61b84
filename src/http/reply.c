// SPDX-License-Identifier: Apache-2.0
// reply.c - replies as handlers make them; reply_send.c sends them.

#include "http/http_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

static const struct {
    int status;
    const char *name;
} names[] = {
    {400, "INVALID"},
    {401, "UNAUTHENTICATED"},
    {403, "FORBIDDEN"},
    {404, "NOT_FOUND"},
    {405, "METHOD_NOT_ALLOWED"},
    {406, "NOT_ACCEPTABLE"},
    {408, "TIMEOUT"},
    {409, "CONFLICT"},
    {411, "LENGTH_REQUIRED"},
    {412, "PRECONDITION_FAILED"},
    {413, "TOO_BIG"},
    {414, "TARGET_TOO_LONG"},
    {415, "UNSUPPORTED"},
    {416, "RANGE_NOT_SATISFIABLE"},
    {426, "UPGRADE_REQUIRED"},
    {429, "TOO_MANY_REQUESTS"},
    {431, "HEADERS_TOO_BIG"},
    {500, "INTERNAL"},
    {501, "NOT_IMPLEMENTED"},
    {503, "BUSY"},
    {505, "VERSION_NOT_SUPPORTED"},
    {507, "NOSPACE"},
};

const char *reply_status_name(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return status < 500 ? "INVALID" : "INTERNAL";
}

// --- headers

static void add_header(struct request *q, const char *name, const char *value, size_t n)
{
    struct reply *p = &q->reply;
    if (p->failed)
        return;
    if (p->n_headers == REPLY_MAX_HEADERS) {
        p->failed = err_set(ERR_TOO_BIG, "reply: more than %d headers", REPLY_MAX_HEADERS);
        return;
    }
    assert(!memchr(value, '\r', n) && !memchr(value, '\n', n));
    char *copy = arena_strndup(q->arena, value, n);
    if (!copy) {
        p->failed = ERR_NOMEM;
        return;
    }
    p->headers[p->n_headers++] = (struct header){str_of(name), {copy, n}};
}

void reply_header(struct request *q, const char *name, const char *value)
{
    add_header(q, name, value, strlen(value));
}

void reply_headerf(struct request *q, const char *name, const char *format, ...)
{
    struct str_buf text = STR_BUF_INIT(REQUEST_MAX_HEAD);
    va_list ap;
    va_start(ap, format);
    str_buf_vprintf(&text, format, ap);
    va_end(ap);
    if (text.failed)
        q->reply.failed = text.failed;
    else
        add_header(q, name, str_buf_text(&text), text.n);
    str_buf_finish(&text);
}

void reply_date(struct request *q, const char *name, int64_t seconds)
{
    char date[HTTP_DATE_TEXT];
    http_date_format(seconds, date);
    reply_header(q, name, date);
}

void reply_retry_after(struct request *q, int seconds)
{
    reply_headerf(q, "Retry-After", "%d", MAX(seconds, 1));
}

void reply_content_policy(struct request *q, const char *policy)
{
    q->reply.content_policy = policy;
}

// --- replies

void reply_drop(struct request *q)
{
    struct reply *p = &q->reply;
    if (p->kind == REPLY_BODY_STREAM && p->stream.release)
        p->stream.release(p->stream.state);
    if (p->fd >= 0)
        close(p->fd);
    if (p->has_accept && p->accept.handlers->on_close)
        p->accept.handlers->on_close(NULL, p->accept.user);
    mem_free(p->owned);
    *p = (struct reply){.fd = -1, .stream_size = -1};
}

static int make(struct request *q, int status, enum body_kind kind, const char *type)
{
    struct reply *p = &q->reply;
    assert(!p->made && status >= 100 && status < 600);
    if (p->failed)
        return p->failed;
    p->made = true;
    p->status = status;
    p->kind = kind;
    p->type = type;
    return 0;
}

int reply_empty(struct request *q, int status)
{
    return make(q, status, REPLY_BODY_NONE, NULL);
}

int reply_bytes(struct request *q, int status, const char *type, struct str body)
{
    int r = make(q, status, REPLY_BODY_BYTES, type);
    if (r == 0)
        q->reply.bytes = body;
    return r;
}

int reply_buffer(struct request *q, int status, const char *type, struct str_buf *body)
{
    int r = str_buf_check(body);
    if (r == 0)
        r = make(q, status, REPLY_BODY_BYTES, type);
    if (r < 0) {
        str_buf_finish(body);
        return r;
    }
    size_t n = body->n;
    q->reply.owned = str_buf_take(body);
    q->reply.bytes = (struct str){q->reply.owned, n};
    return 0;
}

int reply_json(struct request *q, int status, struct str_buf *body)
{
    return reply_buffer(q, status, "application/json", body);
}

int reply_text(struct request *q, int status, const char *format, ...)
{
    struct str_buf text = STR_BUF_INIT(MIB);
    va_list ap;
    va_start(ap, format);
    str_buf_vprintf(&text, format, ap);
    va_end(ap);
    return reply_buffer(q, status, "text/plain; charset=utf-8", &text);
}

static int reply_error_text(struct request *q, int status, const char *name, const char *message)
{
    struct str_buf body = STR_BUF_INIT(8 * KIB);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_key(&w, "error");
    json_cstring(&w, name);
    json_key(&w, "message");
    json_cstring(&w, message);
    json_end(&w);
    str_buf_putc(&body, '\n');
    return reply_json(q, status, &body);
}

int reply_error(struct request *q, int status, const char *name, const char *format, ...)
{
    char message[ERR_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, format);
    vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    return reply_error_text(q, status, name, message);
}

// What was said about the body that now will not come. True where Retry-After stays.
static bool keep_error_headers(struct reply *p)
{
    static const char *const about_body[] = {"Cache-Control",    "Content-Disposition",
                                             "Content-Encoding", "ETag",
                                             "Last-Modified",    "Vary"};
    bool has_retry = false;
    size_t n = 0;
    for (size_t i = 0; i < p->n_headers; i++) {
        bool drop = false;
        for (size_t k = 0; k < ARRAY_LEN(about_body); k++)
            drop |= str_is_nocase(p->headers[i].name, about_body[k]);
        has_retry |= str_is_nocase(p->headers[i].name, "Retry-After");
        if (!drop)
            p->headers[n++] = p->headers[i];
    }
    p->n_headers = n;
    return has_retry;
}

int reply_failure(struct request *q, int code)
{
    assert(code < 0);
    int status = err_http_status(code);
    q->reply.failed = 0;
    bool has_retry = keep_error_headers(&q->reply);
    if (status == 503 && !has_retry)
        reply_retry_after(q, 1);
    if (status != 500)
        return reply_error_text(q, status, err_name(code), err_message(code));
    // What broke inside is the operator's to read.
    log_error(NULL, "%s", err_message(code));
    return reply_error(q, status, "INTERNAL", "internal error: the log has it under request %s",
                       q->id);
}

struct str reply_header_value(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->reply.n_headers; i++) {
        if (str_is_nocase(q->reply.headers[i].name, name))
            return q->reply.headers[i].value;
    }
    return (struct str){NULL, 0};
}

bool reply_was_made(const struct request *q)
{
    return q->reply.made;
}

int reply_status(const struct request *q)
{
    return q->reply.status;
}

int reply_stream(struct request *q, const struct reply_stream *s)
{
    int r = make(q, 200, REPLY_BODY_STREAM, s->type);
    if (r < 0) {
        if (s->release)
            s->release(s->state);
        return r;
    }
    q->reply.stream = *s;
    return 0;
}

int reply_websocket(struct request *q, const struct ws_accept *accept)
{
    char key[29];
    bool has_protocol = false;
    q->reply.accept = *accept;
    q->reply.has_accept = true; // on_close() from now on, whatever happens
    int r = ws_handshake(q, key, &has_protocol);
    if (r < 0 || q->reply.made) // reply_drop() tells the accept
        return r;
    reply_header(q, "Upgrade", "websocket");
    reply_header(q, "Sec-WebSocket-Accept", key);
    if (accept->protocol && has_protocol)
        reply_header(q, "Sec-WebSocket-Protocol", accept->protocol);
    return make(q, 101, REPLY_BODY_WEBSOCKET, NULL);
}

// --- things with validity

static void add_validity(struct request *q, const struct reply_validity *v)
{
    char date[HTTP_DATE_TEXT];
    if (v->etag)
        reply_headerf(q, "ETag", "\"%s\"", v->etag);
    if (v->modified_s > 0) {
        http_date_format(v->modified_s, date);
        reply_header(q, "Last-Modified", date);
    }
    reply_header(q, "Cache-Control",
                 v->caching                       ? v->caching
                 : (v->etag || v->modified_s > 0) ? "no-cache"
                                                  : "no-store");
}

int reply_if_unchanged(struct request *q, const struct reply_validity *v)
{
    enum condition_outcome o = condition_check(q, v);
    int r = 0;
    if (o == CONDITION_FAILED) {
        r = reply_error(q, 412, "PRECONDITION_FAILED", "request: its condition does not hold");
    } else {
        add_validity(q, v);
        if (o == CONDITION_NOT_MODIFIED)
            r = reply_empty(q, 304);
    }
    if (r < 0 || q->reply.failed)
        return r < 0 ? r : q->reply.failed;
    return q->reply.made ? 1 : 0;
}

int reply_asset(struct request *q, const struct reply_asset *a)
{
    reply_header(q, "Vary", "Accept-Encoding");
    int r = reply_if_unchanged(q, &a->validity);
    if (r != 0)
        return r < 0 ? r : 0;
    q->reply.no_compression = true;
    if (a->brotli.p && compress_accepted(q, "br")) {
        reply_header(q, "Content-Encoding", "br");
        return reply_bytes(q, 200, a->type, a->brotli);
    }
    if (a->gzip.p && compress_accepted(q, "gzip")) {
        reply_header(q, "Content-Encoding", "gzip");
        return reply_bytes(q, 200, a->type, a->gzip);
    }
    return reply_bytes(q, 200, a->type, a->bytes);
}
