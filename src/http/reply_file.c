// SPDX-License-Identifier: Apache-2.0
// reply_file.c - a file, or the ranges of it that were asked for.

#include "http/http_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    PIECE = 64 * 1024,
    BOUNDARY_BYTES = 40,
};

// A multipart/byteranges body being sent.
struct parts {
    int fd;
    int64_t size;
    const char *type;
    char boundary[BOUNDARY_BYTES];
    struct range ranges[REPLY_MAX_RANGES];
    size_t n;
    size_t at;        // the range that is being sent
    int64_t sent;     // of it
    bool has_heading; // of it
    bool is_closed;   // the last boundary is out
};

static void add_heading(const struct parts *p, const struct range *r, struct str_buf *out)
{
    str_buf_printf(out,
                   "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %lld-%lld/%lld\r\n\r\n",
                   p->boundary, p->type, (long long)r->first, (long long)(r->first + r->n - 1),
                   (long long)p->size);
}

static int add_bytes(struct parts *p, struct str_buf *out)
{
    char piece[PIECE / 4];
    const struct range *r = &p->ranges[p->at];
    while (out->n < PIECE && p->sent < r->n) {
        size_t n = (size_t)MIN(r->n - p->sent, (int64_t)sizeof(piece));
        ssize_t k = pread(p->fd, piece, n, (off_t)(r->first + p->sent));
        if (k < 0)
            return err_set_errno(errno, "file");
        if (k == 0)
            return err_set(ERR_IO, "file: became shorter while it was sent");
        str_buf_add(out, piece, (size_t)k);
        p->sent += k;
    }
    return 0;
}

static int parts_next(void *state, struct str_buf *out)
{
    struct parts *p = state;
    if (p->at == p->n) {
        if (!p->is_closed)
            str_buf_printf(out, "\r\n--%s--\r\n", p->boundary);
        p->is_closed = true;
        return 0;
    }
    if (!p->has_heading)
        add_heading(p, &p->ranges[p->at], out);
    p->has_heading = true;
    int r = add_bytes(p, out);
    if (r < 0)
        return r;
    if (p->sent == p->ranges[p->at].n) {
        p->at++;
        p->sent = 0;
        p->has_heading = false;
    }
    return 0;
}

static void parts_release(void *state)
{
    struct parts *p = state;
    close(p->fd);
    mem_free(p);
}

static int64_t parts_size(const struct parts *p)
{
    struct str_buf text = STR_BUF_INIT(64 * KIB);
    int64_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        add_heading(p, &p->ranges[i], &text);
        n += p->ranges[i].n;
    }
    str_buf_printf(&text, "\r\n--%s--\r\n", p->boundary);
    n += text.failed ? 0 : (int64_t)text.n;
    str_buf_finish(&text);
    return n;
}

static int reply_parts(struct request *q, const struct reply_file *f, int64_t size,
                       const struct range *ranges, size_t n)
{
    struct parts *p = mem_new(struct parts);
    if (!p) {
        close(f->fd);
        return ERR_NOMEM;
    }
    p->fd = f->fd;
    p->size = size;
    p->type = f->type;
    p->n = n;
    memcpy(p->ranges, ranges, n * sizeof(*ranges));
    snprintf(p->boundary, sizeof(p->boundary), "part-%.26s", q->id);
    struct reply_stream s = {
        .type = arena_printf(q->arena, "multipart/byteranges; boundary=%s", p->boundary),
        .next = parts_next,
        .state = p,
        .release = parts_release,
    };
    if (!s.type) {
        parts_release(p);
        return ERR_NOMEM;
    }
    int r = reply_stream(q, &s);
    if (r < 0)
        return r;
    q->reply.status = 206;
    q->reply.stream_size = parts_size(p);
    return 0;
}

static int reply_range(struct request *q, const struct reply_file *f, int status,
                       struct range range)
{
    int r = range.n > 0 ? reply_empty(q, status) : reply_bytes(q, status, f->type, STR(""));
    if (r < 0 || range.n == 0) {
        close(f->fd);
        return r;
    }
    q->reply.type = f->type;
    q->reply.kind = REPLY_BODY_FILE;
    q->reply.fd = f->fd;
    q->reply.range = range;
    return 0;
}

// A name for Content-Disposition: quotes and what is no ASCII are left to the second form. It names
// no folder.
static void add_download_name(struct request *q, const char *name)
{
    struct str_buf plain = STR_BUF_INIT(4 * KIB);
    struct str_buf coded = STR_BUF_INIT(4 * KIB);
    for (const char *c = name; *c; c++) {
        unsigned char b = *c == '/' || *c == '\\' ? '_' : (unsigned char)*c;
        bool ordinary = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') ||
                        (b >= 'A' && b <= 'Z') || strchr("-._~", b);
        str_buf_putc(&plain, b >= 0x20 && b < 0x7f && b != '"' ? (char)b : '_');
        if (ordinary)
            str_buf_putc(&coded, (char)b);
        else
            str_buf_printf(&coded, "%%%02X", b);
    }
    reply_headerf(q, "Content-Disposition", "attachment; filename=\"%s\"; filename*=UTF-8''%s",
                  str_buf_text(&plain), str_buf_text(&coded));
    str_buf_finish(&plain);
    str_buf_finish(&coded);
}

static int file_size(const struct reply_file *f, int64_t *ret_size)
{
    struct stat st;
    if (f->size >= 0) {
        *ret_size = f->size;
        return 0;
    }
    if (fstat(f->fd, &st) < 0)
        return err_set_errno(errno, "file");
    *ret_size = st.st_size;
    return 0;
}

int reply_file(struct request *q, const struct reply_file *f)
{
    int64_t size = 0;
    struct range ranges[REPLY_MAX_RANGES];
    size_t n = 0;
    int r = file_size(f, &size);
    if (r == 0)
        r = reply_if_unchanged(q, &f->validity);
    if (r != 0) {
        close(f->fd);
        return r < 0 ? r : 0;
    }
    reply_header(q, "Accept-Ranges", "bytes");
    if (f->download_name)
        add_download_name(q, f->download_name);
    struct str wanted = request_header_view(q, STR("Range"));
    enum range_outcome o = RANGE_WHOLE;
    if (wanted.p && str_is(q->method, "GET") && condition_range_holds(q, &f->validity))
        o = range_parse(wanted, size, ranges, ARRAY_LEN(ranges), &n);
    q->reply.no_compression = true;
    if (o == RANGE_UNSATISFIABLE) {
        close(f->fd);
        reply_headerf(q, "Content-Range", "bytes */%lld", (long long)size);
        return reply_error(q, 416, "RANGE_NOT_SATISFIABLE", "request: no byte of the range exists");
    }
    if (o == RANGE_SOME && n > 1)
        return reply_parts(q, f, size, ranges, n);
    if (o == RANGE_SOME) {
        reply_headerf(q, "Content-Range", "bytes %lld-%lld/%lld", (long long)ranges[0].first,
                      (long long)(ranges[0].first + ranges[0].n - 1), (long long)size);
        return reply_range(q, f, 206, ranges[0]);
    }
    return reply_range(q, f, 200, (struct range){0, size});
}
