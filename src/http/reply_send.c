// SPDX-License-Identifier: Apache-2.0
// reply_send.c - replies become libmicrohttpd's responses, or go straight to the socket.

#include "http/http_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

static const char default_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static const struct {
    const char *name;
    const char *value;
} secure_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

static struct header *find_header(struct reply *p, const char *name)
{
    for (size_t i = 0; i < p->n_headers; i++) {
        if (str_is_nocase(p->headers[i].name, name))
            return &p->headers[i];
    }
    return NULL;
}

static void replace_header(struct request *q, const char *name, const char *value)
{
    struct header *h = find_header(&q->reply, name);
    if (h)
        h->value = str_of(value);
    else
        reply_header(q, name, value);
}

// A compressed body is another representation: its strong tag becomes a weak one.
static void weaken_etag(struct request *q)
{
    struct header *h = find_header(&q->reply, "ETag");
    if (!h || str_starts(h->value, "W/"))
        return;
    const char *weak = arena_printf(q->arena, "W/" STR_FMT, STR_ARG(h->value));
    if (weak)
        h->value = str_of(weak);
}

static bool will_compress(struct request *q)
{
    struct reply *p = &q->reply;
    if (!compress_pays(q, p->type) || find_header(p, "Content-Encoding"))
        return false;
    if (p->kind == REPLY_BODY_BYTES && p->bytes.n < REPLY_GZIP_MIN)
        return false;
    if (p->kind == REPLY_BODY_STREAM && (p->stream.live || p->stream_size >= 0))
        return false;
    if (!find_header(p, "Vary"))
        reply_header(q, "Vary", "Accept-Encoding");
    return compress_accepted(q, "gzip");
}

static void compress_body(struct request *q)
{
    struct reply *p = &q->reply;
    struct str_buf out = STR_BUF_INIT(p->bytes.n); // larger than it was: not worth it
    if (compress_bytes(p->bytes, &out) == 0) {
        size_t n = out.n;
        char *text = str_buf_take(&out);
        if (text) {
            mem_free(p->owned);
            p->owned = text;
            p->bytes = (struct str){text, n};
            reply_header(q, "Content-Encoding", "gzip");
            weaken_etag(q);
        }
    }
    str_buf_finish(&out);
}

// --- streams

struct sender {
    struct request *q;
    struct str_buf piece;  // of the handler's
    struct str_buf packed; // compressed
    size_t at;             // sent of the one that is sent
    struct compressor *compressor;
    bool ended;
};

static void sender_release(struct sender *s)
{
    str_buf_finish(&s->piece);
    str_buf_finish(&s->packed);
    compressor_destroy(s->compressor);
    s->compressor = NULL;
}

// The next bytes to send stand in *out* afterwards; none: the end.
static int sender_fill(struct sender *s, struct str_buf **ret_out)
{
    struct reply_stream *stream = &s->q->reply.stream;
    struct str_buf *out = s->compressor ? &s->packed : &s->piece;
    s->at = 0;
    str_buf_reset(&s->packed);
    do {
        str_buf_reset(&s->piece);
        int r = stream->next(stream->state, &s->piece);
        if (r == 0)
            r = str_buf_check(&s->piece);
        if (r < 0)
            return r;
        s->ended = s->piece.n == 0;
        if (s->compressor)
            r = compressor_add(s->compressor, str_buf_view(&s->piece), s->ended, &s->packed);
        if (r < 0)
            return r;
    } while (out->n == 0 && !s->ended);
    *ret_out = out;
    return 0;
}

static ssize_t sender_read(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct sender *s = cls;
    struct request *q = s->q;
    struct str_buf *out = s->compressor ? &s->packed : &s->piece;
    (void)pos;
    atomic_store(&q->connection->deadline_ns,
                 INT64_MAX); // our own work is not the client's slowness
    if (s->at == out->n) {
        if (s->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        int r = sender_fill(s, &out);
        if (r < 0) {
            log_error(NULL, "reply cut: %s", err_message(r));
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        if (out->n == 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t n = MIN(max, out->n - s->at);
    memcpy(buf, out->p + s->at, n);
    s->at += n;
    q->bytes_sent += (int64_t)n;
    const struct server_opts *o = &q->server->opts;
    atomic_store(&q->connection->deadline_ns,
                 clock_now_ns() + (o->grace_ms + o->idle_timeout_ms) * CLOCK_NS_PER_MS);
    return (ssize_t)n;
}

static struct MHD_Response *stream_response(struct request *q)
{
    struct sender *s = arena_new(q->arena, struct sender);
    if (!s)
        return NULL;
    s->q = q;
    s->piece = STR_BUF_INIT(HTTP_STREAM_PIECE);
    s->packed = STR_BUF_INIT(2 * HTTP_STREAM_PIECE);
    q->sender = s;
    if (will_compress(q)) {
        if (compressor_create(&s->compressor) < 0)
            return NULL;
        reply_header(q, "Content-Encoding", "gzip");
        weaken_etag(q);
    }
    MHD_set_connection_option(q->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    uint64_t size = q->reply.stream_size >= 0 ? (uint64_t)q->reply.stream_size : MHD_SIZE_UNKNOWN;
    return MHD_create_response_from_callback(size, HTTP_STREAM_BLOCK, sender_read, s, NULL);
}

// libmicrohttpd's own limit counts the time in which the stream's owner makes a piece; the watch
// does not.
void reply_restore_timeout(struct request *q)
{
    MHD_set_connection_option(q->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
                              (unsigned)(q->server->opts.idle_timeout_ms + 999) / 1000);
}

void reply_release_sender(struct request *q)
{
    if (q->sender)
        sender_release(q->sender);
    q->sender = NULL;
}

// --- WebSockets

// The socket leaves libmicrohttpd by being doubled: its own copy, the connection's buffers and its
// place among the connections are given back at once.
static void upgraded(void *cls, struct MHD_Connection *mhd, void *context, const char *early,
                     size_t n_early, MHD_socket socket, struct MHD_UpgradeResponseHandle *urh)
{
    struct request *q = cls;
    (void)mhd;
    (void)context;
    int fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    struct ws_adoption a = {
        .fd = fd,
        .early = {early, n_early},
        .accept = &q->reply.accept,
        .address = &q->client,
        .request_id = q->id,
    };
    if (fd < 0) {
        log_error(NULL, "websocket: no descriptor: %s", strerror(errno));
        shutdown(socket, SHUT_RDWR);
    } else {
        q->reply.has_accept = false; // ws_adopt() calls on_close() also where it fails
        int r = ws_adopt(q->server->ws, &a);
        if (r < 0)
            log_warning(NULL, "websocket: %s", err_message(r));
    }
    MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
}

// --- responses

static struct MHD_Response *make_response(struct request *q)
{
    struct reply *p = &q->reply;
    struct MHD_Response *m = NULL;
    union {
        const char *theirs;
        void *mhd;
    } bytes; // libmicrohttpd takes no const pointer, and does not write
    switch (p->kind) {
    case REPLY_BODY_NONE:
        return MHD_create_response_from_buffer_with_free_callback(0, NULL, NULL);
    case REPLY_BODY_BYTES:
        if (will_compress(q))
            compress_body(q);
        bytes.theirs = p->bytes.p;
        q->bytes_sent = (int64_t)p->bytes.n;
        return MHD_create_response_from_buffer(p->bytes.n, bytes.mhd, MHD_RESPMEM_PERSISTENT);
    case REPLY_BODY_FILE:
        m = MHD_create_response_from_fd_at_offset64((uint64_t)p->range.n, p->fd,
                                                    (uint64_t)p->range.first);
        if (m) {
            p->fd = -1; // its own now
            q->bytes_sent = p->range.n;
        }
        return m;
    case REPLY_BODY_STREAM:
        return stream_response(q);
    case REPLY_BODY_WEBSOCKET:
        return MHD_create_response_for_upgrade(upgraded, q);
    }
    return NULL;
}

static void add_common_headers(struct request *q)
{
    struct reply *p = &q->reply;
    const struct server_opts *opts = &q->server->opts;
    if (p->type)
        replace_header(q, "Content-Type", p->type);
    replace_header(q, "X-Request-ID", q->id);
    if (p->kind == REPLY_BODY_WEBSOCKET)
        return;
    for (size_t i = 0; i < ARRAY_LEN(secure_headers); i++)
        replace_header(q, secure_headers[i].name, secure_headers[i].value);
    if (q->is_secure)
        replace_header(q, "Strict-Transport-Security", "max-age=31536000");
    replace_header(q, "Content-Security-Policy",
                   p->content_policy      ? p->content_policy
                   : opts->content_policy ? opts->content_policy
                                          : default_policy);
    if (!find_header(p, "Cache-Control"))
        reply_header(q, "Cache-Control", "no-store");
    if (server_is_draining(q->server))
        replace_header(q, "Connection", "close");
}

static int64_t send_deadline(const struct request *q)
{
    const struct server_opts *opts = &q->server->opts;
    return clock_now_ns() + (opts->grace_ms + opts->idle_timeout_ms) * CLOCK_NS_PER_MS +
           q->bytes_sent / opts->body_bytes_per_s * CLOCK_NS_PER_S;
}

// 0, or why nothing was queued.
static int queue_response(struct request *q)
{
    struct reply *p = &q->reply;
    if (!p->failed)
        add_common_headers(q);
    struct MHD_Response *m = p->failed ? NULL : make_response(q);
    if (!m)
        return p->failed ? p->failed : err_set(ERR_NOMEM, "out of memory: reply");
    int r = p->failed;
    for (size_t i = 0; r == 0 && i < p->n_headers; i++) {
        if (MHD_add_response_header(m, p->headers[i].name.p, p->headers[i].value.p) != MHD_YES)
            r = err_set(ERR_INTERNAL, "reply: header " STR_FMT " is refused",
                        STR_ARG(p->headers[i].name));
    }
    atomic_store(&q->connection->deadline_ns, send_deadline(q));
    if (r == 0 && MHD_queue_response(q->mhd, (unsigned)p->status, m) != MHD_YES)
        r = err_set(ERR_INTERNAL, "reply: cannot be queued");
    MHD_destroy_response(m);
    return r;
}

enum MHD_Result reply_send(struct request *q)
{
    q->is_unread = q->must_close || request_body_rest(q) != 0;
    int r = queue_response(q);
    if (r < 0) { // once more, with the error in its place
        log_error(NULL, "%s", err_message(r));
        reply_release_sender(q);
        reply_drop(q);
        r = reply_failure(q, r);
        if (r == 0)
            r = queue_response(q);
    }
    q->is_queued = r == 0;
    return r == 0 ? MHD_YES : MHD_NO;
}

// --- past libmicrohttpd

static void write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k <= 0)
            return; // a client that does not read gets no explanation
        p += k;
        n -= (size_t)k;
    }
}

void reply_linger(int fd)
{
    int64_t deadline = clock_now_ns() + HTTP_LINGER_MS * CLOCK_NS_PER_MS;
    char waste[16 * 1024];
    shutdown(fd, SHUT_WR);
    for (;;) {
        int64_t left = (deadline - clock_now_ns()) / CLOCK_NS_PER_MS;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return;
        ssize_t n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return;
    }
}

void reply_send_raw(struct request *q)
{
    struct reply *p = &q->reply;
    struct str_buf out = STR_BUF_INIT(MIB);
    if (p->kind != REPLY_BODY_BYTES) // errors always are
        p->bytes = STR("");
    add_common_headers(q);
    str_buf_printf(&out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n",
                   p->status, MHD_get_reason_phrase_for((unsigned)p->status), p->bytes.n);
    for (size_t i = 0; i < p->n_headers; i++) {
        if (!str_is_nocase(p->headers[i].name, "Connection"))
            str_buf_printf(&out, STR_FMT ": " STR_FMT "\r\n", STR_ARG(p->headers[i].name),
                           STR_ARG(p->headers[i].value));
    }
    str_buf_puts(&out, "\r\n");
    str_buf_add_str(&out, p->bytes);
    if (!out.failed && !p->failed) {
        write_all(q->connection->fd, out.p, out.n);
        q->bytes_sent = (int64_t)p->bytes.n;
        q->is_queued = true;
    }
    str_buf_finish(&out);
    reply_linger(q->connection->fd);
}
