// SPDX-License-Identifier: Apache-2.0
// api_test.h - handlers of the test's own behind a real server: what the room's files do to a
// request and its reply. Include it after cmocka.h and store_test.h.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api_priv.h"
#include "http/server.h"

enum {
    REPLY_BYTES = 256 * 1024,
};

struct asked {
    int status;
    const char *head;
    const char *body;
    size_t n; // bytes of the body
};

static struct server *server;
static struct api api;
static char reply_bytes_[REPLY_BYTES + 1];

static inline void start_server(const struct route *const *routes, struct store *s)
{
    const struct server_opts opts = {
        .listen = "127.0.0.1:0", .routes = routes, .context = &api, .no_access_log = true};
    api = (struct api){.opts = {.store = s}};
    OK(server_create(&opts, &server));
    OK(server_start(server));
}

static inline void stop_server(void)
{
    server_stop(server);
    server_destroy(server);
    server = NULL;
}

// Chunks become one body, in place.
static inline size_t join_chunks(char *body, size_t n)
{
    char *to = body;
    char *at = body;
    char *end = body + n;
    while (at < end) {
        size_t size = strtoul(at, &at, 16);
        at = memchr(at, '\n', (size_t)(end - at));
        if (size == 0 || !at)
            break;
        memmove(to, at + 1, size);
        to += size;
        at += 1 + size + 2;
    }
    return (size_t)(to - body);
}

// One request; the reply to the connection's end.
static inline struct asked ask_with(const char *method, const char *path, const char *headers,
                                    const char *body)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(server_port(server))};
    char head[4096];
    size_t n = 0;
    ssize_t k;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    snprintf(
        head, sizeof(head),
        "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
        method, path, body ? strlen(body) : 0, headers);
    assert_true(send(fd, head, strlen(head), MSG_NOSIGNAL) > 0);
    if (body && *body)
        assert_true(send(fd, body, strlen(body), MSG_NOSIGNAL) > 0);
    while (n < REPLY_BYTES && (k = recv(fd, reply_bytes_ + n, REPLY_BYTES - n, 0)) > 0)
        n += (size_t)k;
    close(fd);
    reply_bytes_[n] = '\0';
    char *end = strstr(reply_bytes_, "\r\n\r\n");
    assert_non_null(end);
    *end = '\0';
    struct asked a = {.head = reply_bytes_, .body = end + 4};
    a.status = (int)strtol(reply_bytes_ + 9, NULL, 10);
    a.n = n - (size_t)(a.body - reply_bytes_);
    if (strstr(reply_bytes_, "chunked")) {
        a.n = join_chunks(end + 4, a.n);
        end[4 + a.n] = '\0';
    }
    return a;
}

static inline struct asked ask(const char *method, const char *path, const char *body)
{
    return ask_with(method, path, body ? "Content-Type: application/json\r\n" : "", body);
}
