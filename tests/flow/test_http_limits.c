// SPDX-License-Identifier: Apache-2.0
// test_http_limits.c - slow clients, crowds, want of descriptors, stops, and many uploads at once.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/route.h"
#include "http/server.h"
#include "http_client.h"
#include "http_routes.h"

// --- slow clients: with limits of tenths of a second, on a server of their own

static void test_slow_heads(void **state)
{
    (void)state;
    struct server *before = server;
    struct server_opts opts = {
        .header_timeout_ms = 300, .idle_timeout_ms = 1000, .no_access_log = true};
    server = start(&opts);
    static const char *const slow[] = {
        "",                                      // nothing at all
        "GET / HT",                              // half a line
        "GET / HTTP/1.1\r\nHost: localhost\r\n", // no end
    };
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        int fd = dial();
        assert_true(put(fd, slow[i], strlen(slow[i])));
        // A byte now and then is no progress.
        for (int k = 0; i == 2 && k < 500 && put(fd, "X", 1); k++)
            usleep(10000);
        assert_true(is_closed(fd));
        close(fd);
    }
    // An idle connection is closed too, without a 408 for a request that nobody made.
    int fd = dial();
    static const char one[] = "GET / HTTP/1.1\r\n" HOST END;
    assert_true(put(fd, one, sizeof(one) - 1));
    assert_true(get(fd, true));
    assert_null(strstr(reply, " 408 "));
    close(fd);
    server_destroy(server);
    server = before;
}

static void test_slow_bodies_and_replies(void **state)
{
    (void)state;
    struct server *before_this = server;
    struct server_opts opts = {
        .idle_timeout_ms = 600, .grace_ms = 300, .body_bytes_per_s = 100000, .no_access_log = true};
    server = start(&opts);
    // A byte now and then: under the least speed, though never idle.
    static const char head[] =
        "POST /api/v1/upload HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n" END;
    int fd = dial();
    assert_true(put(fd, head, sizeof(head) - 1));
    for (int i = 0; i < 500 && put(fd, "x", 1); i++)
        usleep(10000);
    assert_true(get(fd, true));
    assert_int_equal(status_of_reply(), 408);
    close(fd);
    // A client that does not read.
    static const char much[] = "GET /api/v1/lines?n=100000000 HTTP/1.1\r\n" HOST END;
    fd = dial();
    assert_true(put(fd, much, sizeof(much) - 1));
    int64_t deadline = clock_now_ns() + DEADLINE_MS * CLOCK_NS_PER_MS;
    while (server_n_active(server) == 0 && clock_now_ns() < deadline)
        usleep(1000);
    while (server_n_active(server) > 0 && clock_now_ns() < deadline)
        usleep(10000);
    assert_int_equal(server_n_active(server), 0);
    close(fd);
    // The server's own slowness is nobody's fault.
    static const char paused[] =
        "GET /api/v1/lines?n=1&pause=1500 HTTP/1.1\r\n" HOST "Connection: close\r\n" END;
    fd = dial();
    assert_true(put(fd, paused, sizeof(paused) - 1));
    assert_true(get(fd, true));
    assert_int_equal(status_of_reply(), 200);
    assert_non_null(strstr(reply, "{\"n\":0}"));
    assert_non_null(strstr(reply, "\r\n0\r\n"));
    close(fd);
    server_destroy(server);
    server = before_this;
}

// More connections than are served: the last one is told so, and comes in when another goes.
static void test_connection_limit(void **state)
{
    (void)state;
    struct server *before_this = server;
    struct server_opts opts = {.max_connections = 4, .no_access_log = true};
    static const char one[] = "GET / HTTP/1.1\r\n" HOST END;
    int fds[4];
    server = start(&opts);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial();
        assert_true(put(fds[i], one, sizeof(one) - 1));
        assert_true(get(fds[i], false));
    }
    assert_int_equal(ask(one, sizeof(one) - 1), 503);
    assert_non_null(strstr(reply, "Retry-After: 1"));
    close(fds[0]);
    int64_t deadline = clock_now_ns() + DEADLINE_MS * CLOCK_NS_PER_MS;
    while (ask(one, sizeof(one) - 1) != 200)
        assert_true(clock_now_ns() < deadline);
    for (size_t i = 1; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    server_destroy(server);
    server = before_this;
}

// Connections of one address that is not loopback; the machine's own, where it has one.
static bool own_address(char ret_text[INET_ADDRSTRLEN])
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        struct sockaddr_in in;
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&in, i->ifa_addr, sizeof(in));
        found = ntohl(in.sin_addr.s_addr) >> 24 != 127 &&
                inet_ntop(AF_INET, &in.sin_addr, ret_text, INET_ADDRSTRLEN);
    }
    freeifaddrs(all);
    return found;
}

static void test_limit_of_one_client(void **state)
{
    (void)state;
    static const char one[] = "GET / HTTP/1.1\r\n" HOST END;
    char own[INET_ADDRSTRLEN];
    char listen[64];
    if (!own_address(own)) {
        print_message("this machine has loopback addresses only\n");
        skip();
    }
    snprintf(listen, sizeof(listen), "%s:0", own);
    struct server *s;
    struct server_opts opts = {.listen = listen,
                               .routes = http_routes,
                               .max_connections_per_client = 3,
                               .no_access_log = true};
    assert_int_equal(server_create(&opts, &s), 0);
    assert_int_equal(server_start(s), 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(server_port(s))};
    assert_int_equal(inet_pton(AF_INET, own, &in.sin_addr), 1);
    int fds[5];
    int n_answered = 0;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&in, sizeof(in)), 0);
        put(fds[i], one, sizeof(one) - 1);
        n_answered += get(fds[i], false) && status_of_reply() == 200;
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    assert_int_equal(n_answered, 3);
    server_destroy(s);
}

// No descriptors left for a while: the server lives, and serves again when there are some.
static void test_no_descriptors(void **state)
{
    (void)state;
    static const char one[] = "GET / HTTP/1.1\r\n" HOST END;
    struct rlimit before_this;
    int fd = dial();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before_this), 0);
    struct rlimit low = {.rlim_cur = (rlim_t)fd + 1, .rlim_max = before_this.rlim_max};
    assert_true(put(fd, one, sizeof(one) - 1));
    assert_true(get(fd, false));
    int waiting = dial();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(put(waiting, one, sizeof(one) - 1));
    int64_t cpu = clock_process_cpu_ns();
    usleep(300000);
    cpu = clock_process_cpu_ns() - cpu;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before_this), 0);
    assert_true(put(fd, one, sizeof(one) - 1)); // the open connection never noticed
    assert_true(get(fd, false));
    close(fd);
    assert_true(get(waiting, false));
    assert_int_equal(status_of_reply(), 200);
    close(waiting);
    print_message("300 ms without descriptors used %.0f ms of a processor\n", (double)cpu / 1e6);
}

// --- stopping

static void stop_it(void *arg)
{
    server_stop(arg);
}

static void test_stop_finishes_requests(void **state)
{
    (void)state;
    struct server *before_this = server;
    struct server_opts opts = {.no_access_log = true};
    server = start(&opts);
    static const char slow[] = "GET /slow?ms=500 HTTP/1.1\r\n" HOST END;
    int busy = dial();
    int idle = dial();
    assert_true(put(busy, slow, sizeof(slow) - 1));
    while (server_n_active(server) == 0)
        usleep(1000);
    struct thread t = {0};
    assert_int_equal(thread_start(&t, "stop", stop_it, server), 0);
    assert_true(is_closed(idle));
    assert_true(get(busy, true));
    assert_int_equal(status_of_reply(), 200);
    assert_non_null(strstr(reply, "slept"));
    thread_join(&t);
    assert_int_equal(server_n_active(server), 0);
    close(busy);
    close(idle);
    server_destroy(server);
    server = before_this;
}

static void test_draining(void **state)
{
    (void)state;
    struct server *before_this = server;
    struct server_opts opts = {.no_access_log = true};
    server = start(&opts);
    static const char one[] = "GET / HTTP/1.1\r\n" HOST END;
    static const char health[] = "GET /health HTTP/1.1\r\n" HOST END;
    server_drain(server);
    assert_int_equal(ask(one, sizeof(one) - 1), 503);
    assert_int_equal(ask(health, sizeof(health) - 1), 200);
    assert_non_null(strstr(reply, "Connection: close"));
    server_destroy(server);
    server = before_this;
}

static void test_listen_errors(void **state)
{
    (void)state;
    struct server *s;
    char taken[32];
    snprintf(taken, sizeof(taken), "127.0.0.1:%u", server_port(server));
    const struct {
        const char *listen;
        int code;
        const char *says;
    } bad[] = {
        {taken, ERR_BUSY, "in use"},
        {"nonsense", ERR_INVALID, "ADDRESS:PORT"},
        {"127.0.0.1:70000", ERR_INVALID, "ADDRESS:PORT"},
        {"::1:80", ERR_INVALID, "brackets"},
        {"192.0.2.1:0", ERR_INVALID, "no address of this machine"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct server_opts opts = {.listen = bad[i].listen, .routes = http_routes};
        assert_int_equal(server_create(&opts, &s), bad[i].code);
        assert_non_null(strstr(err_message(bad[i].code), bad[i].says));
    }
}

// --- many at once

enum {
    N_UPLOADERS = 20,
    UPLOAD_BYTES = 3000000,
};

static atomic_int n_good;

static void upload_once(void *arg)
{
    static const char block[50000] = {1};
    char head[200];
    char answer[2000];
    size_t n = 0;
    int fd = dial();
    int k = snprintf(head, sizeof(head),
                     "POST /api/v1/upload HTTP/1.1\r\n" HOST
                     "Connection: close\r\nContent-Length: %d\r\n\r\n",
                     UPLOAD_BYTES);
    (void)arg;
    bool good = put(fd, head, (size_t)k);
    for (int i = 0; good && i < UPLOAD_BYTES / (int)sizeof(block); i++)
        good = put(fd, block, sizeof(block));
    for (;;) {
        ssize_t got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    answer[n] = '\0';
    if (good && strstr(answer, " 201 ") && strstr(answer, "\r\n\r\n3000000 "))
        atomic_fetch_add(&n_good, 1);
    close(fd);
}

static void test_uploads_side_by_side(void **state)
{
    (void)state;
    struct thread threads[N_UPLOADERS] = {0};
    for (size_t i = 0; i < N_UPLOADERS; i++)
        assert_int_equal(thread_start(&threads[i], "upload", upload_once, NULL), 0);
    for (size_t i = 0; i < N_UPLOADERS; i++)
        thread_join(&threads[i]);
    assert_int_equal(atomic_load(&n_good), N_UPLOADERS);
}

static int set_up(void **state)
{
    (void)state;
    struct server_opts opts = {.no_access_log = true};
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    server = start(&opts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_destroy(server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_heads),
        cmocka_unit_test(test_slow_bodies_and_replies),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_limit_of_one_client),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_stop_finishes_requests),
        cmocka_unit_test(test_draining),
        cmocka_unit_test(test_listen_errors),
        cmocka_unit_test(test_uploads_side_by_side),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
