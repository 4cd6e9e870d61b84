// SPDX-License-Identifier: Apache-2.0
// http_client.c - raw requests over TCP, replies as bytes.

#include "http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/route.h"
#include "http/server.h"
#include "http_routes.h"

struct server *server;
char reply[REPLY_BYTES + 1];
static bool wants_no_body; // the request is HEAD

// --- a raw client

int dial(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(server_port(server))};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    return fd;
}

bool put(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static size_t body_length(const char *head, size_t n)
{
    const char *at = memmem(head, n, "Content-Length: ", 16);
    bool has_none = wants_no_body || strncmp(head, "HTTP/1.1 304", 12) == 0;
    return at && !has_none ? strtoul(at + 16, NULL, 10) : 0;
}

// One whole reply of Content-Length, or all until the close. False: nothing came, or the deadline.
bool get(int fd, bool until_close)
{
    size_t n = 0;
    int64_t deadline = clock_now_ns() + DEADLINE_MS * CLOCK_NS_PER_MS;
    reply[0] = '\0';
    while (n < REPLY_BYTES) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = (deadline - clock_now_ns()) / CLOCK_NS_PER_MS;
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return false;
        ssize_t k = recv(fd, reply + n, REPLY_BYTES - n, 0);
        if (k <= 0)
            return n > 0;
        n += (size_t)k;
        reply[n] = '\0';
        const char *end = memmem(reply, n, "\r\n\r\n", 4);
        if (!until_close && end &&
            n >= (size_t)(end - reply) + 4 + body_length(reply, (size_t)(end - reply)))
            return true;
    }
    return true;
}

int status_of_reply(void)
{
    return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? (int)strtol(reply + 9, NULL, 10) : 0;
}

// Whether the server closes within the deadline.
bool is_closed(int fd)
{
    char waste[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, DEADLINE_MS) <= 0)
            return false;
        if (recv(fd, waste, sizeof(waste), 0) <= 0)
            return true;
    }
}

int ask(const char *request, size_t n)
{
    int fd = dial();
    assert_true(put(fd, request, n));
    wants_no_body = strncmp(request, "HEAD", 4) == 0;
    bool any = get(fd, false);
    wants_no_body = false;
    close(fd);
    return any ? status_of_reply() : 0;
}

struct server *start(struct server_opts *opts)
{
    struct server *s;
    opts->listen = "127.0.0.1:0";
    opts->routes = http_routes;
    opts->alias_from = "/api/";
    opts->alias_to = "/api/v1/";
    assert_int_equal(server_create(opts, &s), 0);
    assert_int_equal(server_start(s), 0);
    return s;
}

int count_wrong(const struct row *rows, size_t n)
{
    int n_wrong = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        int status = ask(r->request, strlen(r->request));
        if (status == r->status && (!r->has || strstr(reply, r->has)))
            continue;
        n_wrong++;
        print_error("row %zu: %d instead of %d%s%s\n%s\n-> %s\n", i, status, r->status,
                    r->has ? " with " : "", r->has ? r->has : "", r->request, reply);
    }
    return n_wrong;
}
