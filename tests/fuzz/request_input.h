// SPDX-License-Identifier: Apache-2.0
// request_input.h - a request as a handler sees it, without a socket: made of bytes that look like
// a head ("Name: value" lines, an empty one) and a body.
#pragma once

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "http/http_priv.h"

// What stands before the next line feed; false at the end or after an empty line.
static inline bool next_line(struct str *rest, struct str *ret_line)
{
    if (!str_split(rest, '\n', ret_line))
        return false;
    *ret_line = str_trim(*ret_line);
    return ret_line->n > 0;
}

// As take_header() of http/request.c leaves them: ended by a zero, none inside.
static inline void put_header(struct request *q, struct str line)
{
    struct str value = line;
    struct str name;
    if (q->n_headers == REQUEST_MAX_HEADERS || memchr(line.p, 0, line.n) ||
        !str_split(&value, ':', &name) || !value.p)
        return;
    value = str_trim(value);
    const char *n = arena_strndup(q->arena, name.p, name.n);
    const char *v = arena_strndup(q->arena, value.p, value.n);
    assert(n && v);
    q->headers[q->n_headers++] = (struct header){{n, name.n}, {v, value.n}};
}

// The request, to be ended by request_destroy(), and the bytes of its body.
static inline struct request *make_request(const uint8_t *bytes, size_t n, struct str *ret_body)
{
    static struct server server;
    static struct connection connection = {.server = &server, .fd = -1};
    struct str rest = {(const char *)bytes, n};
    struct str line;
    struct arena *a;
    if (arena_create(REQUEST_ARENA, &a) < 0)
        return NULL;
    struct request *q = arena_new(a, struct request);
    assert(q);
    q->arena = a;
    q->server = &server;
    q->connection = &connection;
    q->method = STR("POST");
    q->version = STR("HTTP/1.1");
    q->is_chunked = true;
    q->content_length = -1;
    q->reply.fd = -1;
    q->reply.stream_size = -1;
    while (next_line(&rest, &line))
        put_header(q, line);
    *ret_body = rest.p ? rest : STR("");
    return q;
}
