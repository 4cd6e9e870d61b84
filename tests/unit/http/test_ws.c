// SPDX-License-Identifier: Apache-2.0
// test_ws.c - the WebSocket loop on socket pairs: frames, topics, slow clients, the stop.

#include "http/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/address.h"

enum {
    DEADLINE_MS = 10000,
};

static atomic_int n_closed;
static atomic_int n_never_opened;

static int on_text(struct ws_client *c, void *user, struct str text)
{
    (void)user;
    if (str_starts(text, "follow "))
        return ws_subscribe(c, (struct str){text.p + 7, text.n - 7});
    if (str_starts(text, "leave "))
        ws_unsubscribe(c, (struct str){text.p + 6, text.n - 6});
    if (str_is(text, "refuse"))
        return err_set(ERR_INVALID, "not that");
    return ws_send_text(c, text);
}

static int on_open(struct ws_client *c, void *user)
{
    return user ? err_set(ERR_INTERNAL, "no") : ws_send_text(c, STR("hi"));
}

static void on_close(struct ws_client *c, void *user)
{
    (void)user;
    atomic_fetch_add(c ? &n_closed : &n_never_opened, 1);
}

static const struct ws_handlers handlers = {on_open, on_text, on_close};

static int connect_client(struct ws_loop *l, void *user, struct str early)
{
    int pair[2];
    struct address a = {{0}};
    struct ws_accept accept = {.handlers = &handlers, .user = user};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct ws_adoption adoption = {
        .fd = pair[0], .early = early, .accept = &accept, .address = &a, .request_id = "r"};
    int r = ws_adopt(l, &adoption);
    if (r < 0) {
        close(pair[1]);
        return r;
    }
    return pair[1];
}

// A masked frame; the mask is not zero.
static void put_frame(int fd, int first, const void *payload, size_t n)
{
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    unsigned char *f = mem_calloc(1, n + 14);
    size_t at = 2;
    assert_non_null(f);
    f[0] = (unsigned char)first;
    if (n < 126) {
        f[1] = (unsigned char)(0x80 | n);
    } else if (n <= 0xffff) {
        f[1] = 0x80 | 126;
        f[at++] = (unsigned char)(n >> 8);
        f[at++] = (unsigned char)n;
    } else {
        f[1] = 0x80 | 127;
        for (int i = 7; i >= 0; i--)
            f[at++] = (unsigned char)((uint64_t)n >> (8 * i));
    }
    memcpy(f + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        f[at + i] = ((const unsigned char *)payload)[i] ^ mask[i % 4];
    for (size_t sent = 0; sent < at + n;) {
        ssize_t k = send(fd, f + sent, at + n - sent, MSG_NOSIGNAL);
        if (k <= 0)
            break; // the loop has had enough
        sent += (size_t)k;
    }
    mem_free(f);
}

static void put_text(int fd, const char *text)
{
    put_frame(fd, 0x81, text, strlen(text));
}

static bool read_all(int fd, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, DEADLINE_MS) <= 0)
            return false;
        ssize_t k = recv(fd, (char *)to + at, n - at, 0);
        if (k <= 0)
            return false;
        at += (size_t)k;
    }
    return true;
}

// The next frame's opcode, -1 at the end. Close frames give their code in *ret_text.
static int get_frame(int fd, struct str_buf *ret_text)
{
    unsigned char head[2];
    unsigned char length[8];
    str_buf_reset(ret_text);
    if (!read_all(fd, head, 2))
        return -1;
    assert_int_equal(head[1] & 0x80, 0);
    assert_int_equal(head[0] & 0xf0, 0x80);
    size_t n = head[1];
    size_t n_length = n == 126 ? 2 : n == 127 ? 8 : 0;
    if (n_length > 0) {
        assert_true(read_all(fd, length, n_length));
        n = 0;
        for (size_t i = 0; i < n_length; i++)
            n = n << 8 | length[i];
    }
    char *payload = mem_calloc(1, n + 1);
    assert_non_null(payload);
    assert_true(read_all(fd, payload, n));
    if ((head[0] & 15) == 8)
        str_buf_printf(ret_text, "%d %s",
                       (unsigned char)payload[0] << 8 | (unsigned char)payload[1], payload + 2);
    else
        str_buf_add(ret_text, payload, n);
    mem_free(payload);
    return head[0] & 15;
}

static void expect(int fd, int opcode, const char *text)
{
    struct str_buf got = STR_BUF_INIT(4 * MIB);
    int op = get_frame(fd, &got);
    if (op != opcode || (text && !str_is(str_buf_view(&got), text)))
        fail_msg("%d '%.100s' instead of %d '%s'", op, str_buf_text(&got), opcode,
                 text ? text : "");
    str_buf_finish(&got);
}

static struct ws_loop *start(const struct ws_opts *opts)
{
    struct ws_loop *l;
    assert_int_equal(ws_loop_create(opts, &l), 0);
    assert_int_equal(ws_loop_start(l), 0);
    return l;
}

static void test_echo_and_control(void **state)
{
    (void)state;
    struct ws_loop *l = start(NULL);
    int fd = connect_client(l, NULL, STR(""));
    expect(fd, 1, "hi");
    put_text(fd, "abc");
    expect(fd, 1, "abc");
    put_text(fd, "");
    expect(fd, 1, "");
    put_frame(fd, 0x89, "ping", 4);
    expect(fd, 10, "ping");
    put_frame(fd, 0x8a, "unasked", 7); // a pong nobody asked for is nothing
    // A message in fragments, with a ping between them.
    put_frame(fd, 0x01, "on", 2);
    put_frame(fd, 0x89, "p", 1);
    put_frame(fd, 0x00, "", 0);
    put_frame(fd, 0x80, "e", 1);
    expect(fd, 10, "p");
    expect(fd, 1, "one");
    char big[60000];
    memset(big, 'x', sizeof(big));
    put_frame(fd, 0x81, big, sizeof(big));
    expect(fd, 1, NULL);
    put_frame(fd, 0x88, "\x03\xe8ok", 4);
    expect(fd, 8, "1000 ");
    char byte;
    assert_false(read_all(fd, &byte, 1));
    close(fd);
    ws_loop_destroy(l);
    assert_int_equal(atomic_load(&n_closed), 1);
}

static void test_bytes_one_by_one(void **state)
{
    (void)state;
    struct ws_loop *l = start(NULL);
    static const unsigned char frames[] = {0x81,    0x83, 1,    2, 3, 4, 'a' ^ 1, 'b' ^ 2,
                                           'c' ^ 3, 0x81, 0x81, 0, 0, 0, 0,       'd'};
    int fd =
        connect_client(l, NULL, (struct str){(const char *)frames, 4}); // came with the handshake
    expect(fd, 1, "hi");
    for (size_t i = 4; i < sizeof(frames); i++)
        assert_int_equal(send(fd, frames + i, 1, MSG_NOSIGNAL), 1);
    expect(fd, 1, "abc");
    expect(fd, 1, "d");
    close(fd);
    ws_loop_destroy(l);
}

static void test_broken_frames(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int code;
    } rows[] = {
        {"\x81\x03"
         "abc",
         5, 1002},                                        // not masked
        {"\xc1\x80\0\0\0\0", 6, 1002},                    // a reserved bit
        {"\x83\x80\0\0\0\0", 6, 1002},                    // a reserved opcode
        {"\x8b\x80\0\0\0\0", 6, 1002},                    // likewise, of control
        {"\x80\x80\0\0\0\0", 6, 1002},                    // continues nothing
        {"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 12, 1002},   // a message within a message
        {"\x09\x80\0\0\0\0", 6, 1002},                    // a ping in fragments
        {"\x89\xfe\0\x7e\0\0\0\0", 8, 1002},              // a long ping
        {"\x82\x80\0\0\0\0", 6, 1003},                    // binary
        {"\x81\x82\0\0\0\0\xc3\x28", 8, 1007},            // not UTF-8
        {"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 1002}, // 64 bits with the top one
        {"\x81\xff\0\0\0\1\0\0\0\0\0\0\0\0x", 15, 1009},  // 4 GiB
        {"\x88\x81\0\0\0\0\x03", 7, 1002},                // half a close code
        {"\x88\x82\0\0\0\0\x03\xed", 8, 1002},            // 1005 is never sent
        {"\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1007},
    };
    struct ws_loop *l = start(NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int fd = connect_client(l, NULL, STR(""));
        char code[8];
        struct str_buf got = STR_BUF_INIT(KIB);
        expect(fd, 1, "hi");
        assert_int_equal(send(fd, rows[i].bytes, rows[i].n, MSG_NOSIGNAL), rows[i].n);
        int op = get_frame(fd, &got);
        snprintf(code, sizeof(code), "%d ", rows[i].code);
        if (op != 8 || !str_starts(str_buf_view(&got), code))
            fail_msg("row %zu: %d '%s'", i, op, str_buf_text(&got));
        str_buf_finish(&got);
        close(fd);
    }
    int fd = connect_client(l, NULL, STR(""));
    expect(fd, 1, "hi");
    put_text(fd, "refuse");
    expect(fd, 8, "1008 not that");
    close(fd);
    fd = connect_client(l, &l, STR("")); // on_open fails
    expect(fd, 8, "1011 no");
    close(fd);
    ws_loop_destroy(l);
}

static void test_too_many_messages(void **state)
{
    (void)state;
    struct ws_loop *l = start(&(struct ws_opts){.max_messages_in_per_s = 20});
    int fd = connect_client(l, NULL, STR(""));
    struct str_buf got = STR_BUF_INIT(KIB);
    for (int i = 0; i < 100; i++)
        put_text(fd, "x");
    int op = 0;
    while (op >= 0 && op != 8)
        op = get_frame(fd, &got);
    assert_int_equal(op, 8);
    assert_string_equal(str_buf_text(&got), "1008 too many messages");
    str_buf_finish(&got);
    close(fd);
    ws_loop_destroy(l);
}

// --- topics

static void publish(struct ws_loop *l, const char *topic, enum ws_delivery how, const char *text)
{
    struct ws_message *m;
    struct ws_publication p = {.topic = str_of(topic), .delivery = how, .per_second = 5};
    assert_int_equal(ws_message_create(str_of(text), &m), 0);
    assert_int_equal(ws_publish(l, &p, m), 0);
    ws_message_unref(&m);
}

static int follower(struct ws_loop *l, const char *topic)
{
    char text[100];
    int fd = connect_client(l, NULL, STR(""));
    expect(fd, 1, "hi");
    snprintf(text, sizeof(text), "follow %s", topic);
    put_text(fd, text);
    put_text(fd, "there?");
    return fd;
}

static void test_topics(void **state)
{
    (void)state;
    struct ws_loop *l = start(NULL);
    publish(l, "t", WS_LATEST, "old");
    int a = follower(l, "t");
    expect(a, 1, "old"); // the state at once
    expect(a, 1, "there?");
    int b = follower(l, "u");
    expect(b, 1, "there?");
    // Within a fifth of a second only the newest goes out; a final one goes at once.
    for (int i = 0; i < 50; i++)
        publish(l, "t", WS_LATEST, i == 49 ? "newest" : "between");
    struct str_buf got = STR_BUF_INIT(KIB);
    int n = 0;
    do {
        assert_int_equal(get_frame(a, &got), 1);
        n++;
    } while (!str_is(str_buf_view(&got), "newest"));
    assert_true(n <= 3);
    publish(l, "t", WS_LATEST, "late");
    publish(l, "t", WS_FINAL, "final");
    expect(a, 1, "final"); // in place of the one that waited
    publish(l, "u", WS_EACH, "1");
    publish(l, "u", WS_EACH, "2");
    expect(b, 1, "1");
    expect(b, 1, "2");
    put_text(b, "leave u");
    expect(b, 1, "leave u");
    publish(l, "u", WS_EACH, "3");
    put_text(b, "x");
    expect(b, 1, "x");
    put_text(b, "follow a b");
    expect(b, 8, NULL); // no topic
    str_buf_finish(&got);
    close(a);
    close(b);
    struct ws_message *m;
    assert_int_equal(ws_message_create(STR("x"), &m), 0);
    assert_int_equal(
        ws_publish(l, &(struct ws_publication){.topic = STR(""), .delivery = WS_EACH}, m),
        ERR_INVALID);
    ws_loop_stop(l, 100);
    assert_int_equal(
        ws_publish(l, &(struct ws_publication){.topic = STR("t"), .delivery = WS_EACH}, m),
        ERR_CLOSED);
    ws_message_unref(&m);
    ws_loop_destroy(l);
}

// A client that does not read loses the oldest and is told; another one loses nothing.
static void test_slow_client(void **state)
{
    (void)state;
    enum {
        N = 400,
    };
    struct ws_loop *l = start(&(struct ws_opts){.max_queue = 8});
    static char text[20000];
    int slow = follower(l, "t");
    expect(slow, 1, "there?");
    for (int i = 0; i < N; i++) {
        memset(text, 'x', sizeof(text) - 1);
        snprintf(text, sizeof(text), "%d", i);
        text[strlen(text)] = ' ';
        publish(l, "t", WS_EACH, text);
    }
    int quick = follower(l, "t");
    expect(quick, 1, "there?"); // behind all of them
    struct str_buf got = STR_BUF_INIT(MIB);
    long next = 0;
    long lost = 0;
    while (next < N) {
        assert_int_equal(get_frame(slow, &got), 1);
        if (str_starts(str_buf_view(&got), "{\"lost\":")) {
            lost += strtol(str_buf_text(&got) + 8, NULL, 10);
            continue;
        }
        long i = strtol(str_buf_text(&got), NULL, 10);
        assert_true(i >= next);
        assert_int_equal(i - next <= lost || lost == 0, 1);
        next = i + 1;
    }
    assert_true(lost > 0);
    publish(l, "t", WS_EACH, "end");
    expect(slow, 1, "end");
    expect(quick, 1, "end");
    str_buf_finish(&got);
    close(slow);
    close(quick);
    ws_loop_destroy(l);
}

static void test_silent_client(void **state)
{
    (void)state;
    struct ws_loop *l = start(&(struct ws_opts){.ping_interval_ms = 100, .ping_timeout_ms = 100});
    int fd = connect_client(l, NULL, STR(""));
    char byte;
    expect(fd, 1, "hi");
    expect(fd, 9, "");
    put_frame(fd, 0x8a, "", 0);
    expect(fd, 9, ""); // it lives, and is asked again
    assert_false(read_all(fd, &byte, 1));
    close(fd);
    ws_loop_destroy(l);
}

// --- other threads

static void count_call(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static int watched;

static void read_watched(void *arg)
{
    uint64_t n;
    assert_int_equal(read(watched, &n, sizeof(n)), sizeof(n));
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_calls_and_watches(void **state)
{
    (void)state;
    struct ws_loop *l;
    atomic_int n_calls = 0;
    atomic_int n_watched = 0;
    watched = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_int_equal(ws_loop_create(NULL, &l), 0);
    assert_int_equal(ws_watch(l, watched, read_watched, &n_watched), 0);
    assert_int_equal(ws_loop_start(l), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ws_post(l, count_call, &n_calls), 0);
    uint64_t one = 1;
    assert_int_equal(write(watched, &one, sizeof(one)), sizeof(one));
    int64_t deadline = clock_now_ns() + DEADLINE_MS * CLOCK_NS_PER_MS;
    while ((atomic_load(&n_calls) < 100 || atomic_load(&n_watched) < 1) &&
           clock_now_ns() < deadline)
        usleep(1000);
    assert_int_equal(atomic_load(&n_calls), 100);
    assert_int_equal(atomic_load(&n_watched), 1);
    ws_loop_stop(l, 0);
    assert_int_equal(ws_post(l, count_call, &n_calls), ERR_CLOSED);
    ws_unwatch(l, watched);
    ws_loop_destroy(l);
    close(watched);
}

static void test_limits_and_stop(void **state)
{
    (void)state;
    struct ws_loop *l = start(&(struct ws_opts){.max_clients = 2});
    atomic_store(&n_closed, 0);
    atomic_store(&n_never_opened, 0);
    int a = connect_client(l, NULL, STR(""));
    int b = connect_client(l, NULL, STR(""));
    assert_int_equal(connect_client(l, NULL, STR("")), ERR_BUSY);
    assert_int_equal(atomic_load(&n_never_opened), 1);
    expect(a, 1, "hi");
    expect(b, 1, "hi");
    close(b);
    int64_t deadline = clock_now_ns() + DEADLINE_MS * CLOCK_NS_PER_MS;
    while (ws_n_clients(l) > 1 && clock_now_ns() < deadline)
        usleep(1000);
    b = connect_client(l, NULL, STR(""));
    expect(b, 1, "hi");
    ws_loop_stop(l, 300);
    expect(a, 8, "1001 the server is stopping");
    expect(b, 8, "1001 the server is stopping");
    assert_int_equal(atomic_load(&n_closed), 3);
    assert_int_equal(connect_client(l, NULL, STR("")), ERR_CLOSED);
    assert_int_equal(atomic_load(&n_never_opened), 2);
    close(a);
    close(b);
    ws_loop_destroy(l);
    // A loop that never ran gives back what it was handed.
    assert_int_equal(ws_loop_create(NULL, &l), 0);
    a = connect_client(l, NULL, STR("early"));
    ws_loop_destroy(l);
    assert_int_equal(atomic_load(&n_never_opened), 3);
    close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_and_control), cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_broken_frames),    cmocka_unit_test(test_too_many_messages),
        cmocka_unit_test(test_topics),           cmocka_unit_test(test_slow_client),
        cmocka_unit_test(test_silent_client),    cmocka_unit_test(test_calls_and_watches),
        cmocka_unit_test(test_limits_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
