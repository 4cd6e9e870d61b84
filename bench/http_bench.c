// SPDX-License-Identifier: Apache-2.0
// http_bench.c - a closed loop of clients against a server of its own: http_bench SERVER-PROGRAM
// WHAT [N [SECONDS]].
//
// WHAT: small (N connections ask for / as fast as they are answered), rate (N requests a second,
// spread over 64 connections, timed from when each was due), upload (N connections, 32 MiB each),
// ws (N idle WebSocket clients that follow one topic; its messages are timed). The server runs in
// another process; its memory is read from /proc.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"

enum {
    MAX_US = 10 * 1000 * 1000,
    UPLOAD_BYTES = 32 * 1024 * 1024,
    RATE_CONNECTIONS = 64,
    N_MESSAGES = 10,
};

struct client {
    int fd;
    int64_t sent_ns; // 0: waits for its turn
    size_t n;        // bytes of the reply so far
    size_t left;     // of an upload
    char head[2048];
};

static uint32_t counts[MAX_US + 1]; // by microsecond
static uint64_t n_done;
static pid_t server_pid;
static uint16_t port;
static struct client *all; // as long as the program

static void die(const char *what)
{
    perror(what);
    if (server_pid > 0)
        kill(server_pid, SIGTERM);
    exit(1);
}

static void note(int64_t ns)
{
    int64_t us = ns / 1000;
    counts[us < 0 ? 0 : us > MAX_US ? MAX_US : us]++;
    n_done++;
}

static double percentile_ms(double p)
{
    uint64_t want = (uint64_t)((double)n_done * p);
    uint64_t n = 0;
    for (size_t us = 0; us <= MAX_US; us++) {
        n += counts[us];
        if (n > want)
            return (double)us / 1000.0;
    }
    return 0;
}

static long server_kib(const char *key)
{
    char path[64];
    char line[256];
    long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)server_pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtol(line + strlen(key) + 1, NULL, 10);
    }
    if (f)
        fclose(f);
    return kib;
}

static void start_server(char *program)
{
    int out[2];
    char text[16] = {0};
    if (pipe(out) < 0)
        die("pipe");
    server_pid = fork();
    if (server_pid == 0) {
        char address[] = "127.0.0.1:0";
        char file[] = "/dev/null";
        char quiet[] = "quiet";
        char *argv[] = {program, address, file, quiet, NULL};
        dup2(out[1], STDOUT_FILENO);
        execv(program, argv);
        _exit(127);
    }
    if (read(out[0], text, sizeof(text) - 1) <= 0)
        die("server");
    port = (uint16_t)strtol(text, NULL, 10);
}

static int dial(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
        die("connect");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
        die("socket");
    return fd;
}

static void put(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        die("send");
}

// True when the reply is whole.
static bool take_reply(struct client *c, int want_status)
{
    ssize_t k = recv(c->fd, c->head + c->n, sizeof(c->head) - 1 - c->n, MSG_DONTWAIT);
    if (k <= 0)
        die("the server closed a connection");
    c->n += (size_t)k;
    c->head[c->n] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n");
    const char *length = strstr(c->head, "Content-Length: ");
    if (!end || (length && c->n < (size_t)(end - c->head) + 4 + strtoul(length + 16, NULL, 10)))
        return false;
    if (strtol(c->head + 9, NULL, 10) != want_status) {
        fprintf(stderr, "unexpected reply: %.*s\n", 80, c->head);
        die("reply");
    }
    c->n = 0;
    return true;
}

static void open_clients(int epoll_fd, size_t n)
{
    all = calloc(n, sizeof(*all));
    if (!all)
        die("memory");
    for (size_t i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = dial();
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &e) < 0)
            die("epoll");
    }
}

static const char small_request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static void report(const char *what, double seconds)
{
    printf("%s: %.0f/s, p50 %.2f ms, p90 %.2f, p99 %.2f, p99.9 %.2f, most %.1f; server %.1f MiB at "
           "most\n",
           what, (double)n_done / seconds, percentile_ms(0.5), percentile_ms(0.9),
           percentile_ms(0.99), percentile_ms(0.999), percentile_ms(1 - 1e-9),
           (double)server_kib("VmHWM") / 1024.0);
}

static void run_small(size_t n, int seconds)
{
    int epoll_fd = epoll_create1(0);
    open_clients(epoll_fd, n);
    struct epoll_event events[256];
    int64_t start = clock_now_ns();
    int64_t end = start + seconds * CLOCK_NS_PER_S;
    for (size_t i = 0; i < n; i++) {
        all[i].sent_ns = clock_now_ns();
        put(all[i].fd, small_request);
    }
    while (clock_now_ns() < end) {
        int k = epoll_wait(epoll_fd, events, 256, 100);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (!take_reply(c, 200))
                continue;
            int64_t now = clock_now_ns();
            note(now - c->sent_ns);
            c->sent_ns = now;
            put(c->fd, small_request);
        }
    }
    report("small", (double)(clock_now_ns() - start) / 1e9);
}

static struct client *idle_one(size_t n, size_t *at)
{
    for (size_t i = 0; i < n; i++) {
        struct client *c = &all[(*at + i) % n];
        if (c->sent_ns == 0) {
            *at = (*at + i + 1) % n;
            return c;
        }
    }
    return NULL;
}

// Requests come when they are due, whether or not the ones before are answered.
static void run_rate(size_t per_second, int seconds)
{
    int epoll_fd = epoll_create1(0);
    open_clients(epoll_fd, RATE_CONNECTIONS);
    struct epoll_event events[256];
    int64_t start = clock_now_ns();
    int64_t end = start + seconds * CLOCK_NS_PER_S;
    int64_t step = CLOCK_NS_PER_S / (int64_t)per_second;
    int64_t due = start;
    size_t at = 0;
    while (clock_now_ns() < end) {
        struct client *c = NULL;
        while (due <= clock_now_ns() && (c = idle_one(RATE_CONNECTIONS, &at))) {
            c->sent_ns = due;
            put(c->fd, small_request);
            due += step;
        }
        int64_t wait = (due - clock_now_ns()) / CLOCK_NS_PER_MS;
        int k = epoll_wait(epoll_fd, events, 256, wait < 0 ? 1 : (int)wait + 0);
        for (int i = 0; i < k; i++) {
            c = events[i].data.ptr;
            if (!take_reply(c, 200))
                continue;
            note(clock_now_ns() - c->sent_ns);
            c->sent_ns = 0;
        }
    }
    report("rate", (double)(clock_now_ns() - start) / 1e9);
}

static void run_upload(size_t n)
{
    static char block[256 * 1024];
    int epoll_fd = epoll_create1(0);
    open_clients(epoll_fd, n);
    struct epoll_event events[256];
    int64_t start = clock_now_ns();
    size_t n_open = n;
    for (size_t i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &all[i]};
        char head[128];
        snprintf(head, sizeof(head),
                 "POST /api/v1/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n",
                 UPLOAD_BYTES);
        put(all[i].fd, head);
        all[i].left = UPLOAD_BYTES;
        all[i].sent_ns = start;
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, all[i].fd, &e);
    }
    while (n_open > 0) {
        int k = epoll_wait(epoll_fd, events, 256, 1000);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) {
                ssize_t sent =
                    send(c->fd, block, MIN(c->left, sizeof(block)), MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent < 0 && errno != EAGAIN)
                    die("upload");
                c->left -= sent > 0 ? (size_t)sent : 0;
                struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
                if (c->left == 0)
                    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
            } else if (take_reply(c, 201)) {
                note(clock_now_ns() - c->sent_ns);
                n_open--;
            }
        }
    }
    double s = (double)(clock_now_ns() - start) / 1e9;
    printf("upload: %zu side by side of %d MiB in %.2f s, %.0f MiB/s with SHA-256; server %.1f MiB "
           "at most\n",
           n, UPLOAD_BYTES >> 20, s, (double)n * (UPLOAD_BYTES >> 20) / s,
           (double)server_kib("VmHWM") / 1024.0);
}

// --- WebSockets

static void follow(struct client *c)
{
    // "follow t", masked with zeros
    static const char frame[] = "\x81\x88\0\0\0\0follow t";
    if (send(c->fd, frame, 14, MSG_NOSIGNAL) != 14)
        die("send");
}

static void open_websocket(struct client *c)
{
    put(c->fd,
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    size_t n = 0;
    while (!memmem(c->head, n, "\"hello\"", 7)) {
        ssize_t k = recv(c->fd, c->head + n, sizeof(c->head) - n, 0);
        if (k <= 0)
            die("handshake");
        n += (size_t)k;
    }
    follow(c);
}

static void publish(int fd, int i)
{
    char text[256];
    char body[64];
    int n = snprintf(body, sizeof(body), "{\"task_id\":\"t\",\"progress\":0.%d}", i);
    snprintf(text, sizeof(text),
             "POST /publish/t?how=each HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s",
             n, body);
    put(fd, text);
    if (recv(fd, text, sizeof(text), 0) <= 0)
        die("publish");
}

static void run_ws(size_t n)
{
    int epoll_fd = epoll_create1(0);
    struct epoll_event events[256];
    char waste[4096];
    long before = server_kib("VmRSS");
    int64_t start = clock_now_ns();
    all = calloc(n, sizeof(*all));
    for (size_t i = 0; all && i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
        all[i].fd = dial();
        open_websocket(&all[i]);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &e) < 0)
            die("epoll");
    }
    double s = (double)(clock_now_ns() - start) / 1e9;
    printf("ws: %zu clients in %.2f s; server %.1f MiB before, %.1f MiB with all of them\n", n, s,
           (double)before / 1024, (double)server_kib("VmRSS") / 1024);
    int control = dial();
    for (int m = 0; m < N_MESSAGES; m++) {
        start = clock_now_ns();
        publish(control, m);
        for (size_t heard = 0; heard < n;) {
            int k = epoll_wait(epoll_fd, events, 256, 5000);
            if (k <= 0)
                die("messages are missing");
            for (int i = 0; i < k; i++) {
                struct client *c = events[i].data.ptr;
                if (recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
                    die("client");
                note(clock_now_ns() - start);
                heard++;
            }
        }
    }
    printf("ws: a message reaches all of %zu: median client %.1f ms, last one %.1f ms (of %d "
           "messages); server %.1f MiB\n",
           n, percentile_ms(0.5), percentile_ms(1 - 1e-9), N_MESSAGES,
           (double)server_kib("VmRSS") / 1024);
}

int main(int argc, char **argv)
{
    struct rlimit l;
    if (argc < 3) {
        fprintf(stderr, "usage: http_bench SERVER-PROGRAM small|rate|upload|ws [N [SECONDS]]\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 32;
    int seconds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 5;
    start_server(argv[1]);
    if (strcmp(argv[2], "small") == 0)
        run_small(n, seconds);
    else if (strcmp(argv[2], "rate") == 0)
        run_rate(n, seconds);
    else if (strcmp(argv[2], "upload") == 0)
        run_upload(n);
    else
        run_ws(n);
    kill(server_pid, SIGTERM);
    int status = 0;
    waitpid(server_pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
