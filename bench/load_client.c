// SPDX-License-Identifier: Apache-2.0
// load_client.c - the load of bench/load: a process of its own that asks a server on this machine
// and prints what it saw as one line of JSON.
//
//   load_client closed PORT CLIENTS SECONDS REQUESTS   each asks again when it was answered
//   load_client rate   PORT PER_SECOND SECONDS REQUESTS   when they are due, answered or not
//   load_client infer  PORT CLIENTS SECONDS PATH JPEG   closed; no two pictures are the same
//   load_client upload PORT CLIENTS MIB PATH            side by side, each with bytes of its own
//   load_client ws     PORT CLIENTS PATH                until every client heard the task's end
//
// REQUESTS is a file of lines "METHOD PATH[ JSON]", asked in turn. Latencies of "rate" count from
// when a request was due, so a server that stalls is not forgiven what it did not get to see.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/thread.h"

enum {
    MAX_SAMPLES = 4 * 1000 * 1000,
    MAX_REQUESTS = 4096,
    HEAD_BYTES = 8192,
    TAIL_BYTES = 1024, // of a body: where the milliseconds stand
    RATE_CONNECTIONS = 64,
    MARK_BYTES = 16, // what makes a picture different
    BLOCK_BYTES = 256 * 1024,
    N_EVENTS = 512,
    HANDSHAKES = 256, // of WebSockets at once
    PATIENCE_S = 120,
};

struct text {
    const char *p;
    size_t n;
};

struct client {
    int fd;
    int index;
    bool is_busy;
    int64_t since_ns; // what its latency counts from
    // --- going out: first its own part, then the shared one
    char *own;
    size_t n_own, n_sent;
    struct text shared;
    // --- coming in
    char head[HEAD_BYTES];
    size_t n_head;
    bool in_body, is_chunked;
    int64_t left;
    char tail[TAIL_BYTES + 1];
    size_t n_tail;
    // --- of uploads
    size_t n_left;
    char sha256[DIGEST_HEX_BYTES];
    bool is_done;
};

static uint16_t port;
static double *samples; // milliseconds
static size_t n_samples;
static int statuses[600];
static int n_reconnected;
static double *decodes, *networks;
static size_t n_stages;
static uint64_t picture_number;
static struct text requests[MAX_REQUESTS];
static size_t n_requests, next_request;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        die("memory");
    return p;
}

// --- sockets

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

static void watch(int epoll_fd, struct client *c, int how, bool wants_out)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (wants_out)
        e.events |= EPOLLOUT;
    if (epoll_ctl(epoll_fd, how, c->fd, &e) < 0)
        die("epoll");
}

static void redial(int epoll_fd, struct client *c)
{
    close(c->fd);
    c->fd = dial();
    n_reconnected++;
    watch(epoll_fd, c, EPOLL_CTL_ADD, false);
}

// What can be sent now; the rest waits for the socket.
static void send_more(int epoll_fd, struct client *c)
{
    size_t n_all = c->n_own + c->shared.n;
    while (c->n_sent < n_all) {
        bool in_own = c->n_sent < c->n_own;
        const char *p = in_own ? c->own + c->n_sent : c->shared.p + (c->n_sent - c->n_own);
        size_t n = in_own ? c->n_own - c->n_sent : n_all - c->n_sent;
        ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT | (in_own ? MSG_MORE : 0));
        if (k < 0 && errno == EAGAIN) {
            watch(epoll_fd, c, EPOLL_CTL_MOD, true);
            return;
        }
        if (k < 0)
            return; // the answer, or the end, is on its way
        c->n_sent += (size_t)k;
    }
    watch(epoll_fd, c, EPOLL_CTL_MOD, false);
}

// --- replies

static int64_t number_after(const char *text, const char *word)
{
    const char *at = strcasestr(text, word);
    return at ? strtoll(at + strlen(word), NULL, 10) : -1;
}

static double figure_after(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at ? strtod(at + strlen(word), NULL) : 0;
}

static void keep_tail(struct client *c, const char *p, size_t n)
{
    if (n >= TAIL_BYTES) {
        memcpy(c->tail, p + n - TAIL_BYTES, TAIL_BYTES);
        c->n_tail = TAIL_BYTES;
        return;
    }
    size_t keep = MIN(c->n_tail, (size_t)TAIL_BYTES - n);
    memmove(c->tail, c->tail + c->n_tail - keep, keep);
    memcpy(c->tail + keep, p, n);
    c->n_tail = keep + n;
}

static bool take_body(struct client *c, const char *p, size_t n)
{
    keep_tail(c, p, n);
    c->left -= (int64_t)n;
    if (c->is_chunked)
        return c->n_tail >= 5 && memcmp(c->tail + c->n_tail - 5, "0\r\n\r\n", 5) == 0;
    return c->left <= 0;
}

// True once the head is whole; *p and *n are what follows it.
static bool take_head(struct client *c, const char **p, size_t *n)
{
    size_t k = MIN(*n, (size_t)HEAD_BYTES - 1 - c->n_head);
    memcpy(c->head + c->n_head, *p, k);
    size_t before = c->n_head;
    c->n_head += k;
    c->head[c->n_head] = '\0';
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return false;
    size_t used = (size_t)(end + 4 - c->head) - before;
    *p += used;
    *n -= used;
    end[4] = '\0';
    int64_t length = number_after(c->head, "\r\nContent-Length: ");
    c->in_body = true;
    c->is_chunked = length < 0 && strcasestr(c->head, "chunked");
    c->left = MAX(length, 0);
    c->n_tail = 0;
    return true;
}

static void begin_reply(struct client *c)
{
    c->n_head = 0;
    c->in_body = false;
}

// 1: the reply is whole; 0: not yet; -1: the connection ended.
static int take_reply(struct client *c)
{
    static char piece[256 * 1024];
    for (;;) {
        ssize_t k = recv(c->fd, piece, sizeof(piece), MSG_DONTWAIT);
        if (k < 0 && errno == EAGAIN)
            return 0;
        if (k <= 0)
            return -1;
        const char *p = piece;
        size_t n = (size_t)k;
        if (!c->in_body && !take_head(c, &p, &n))
            continue;
        if (take_body(c, p, n))
            return 1;
    }
}

static int note(struct client *c)
{
    int status = (int)strtol(c->head + 9, NULL, 10);
    c->tail[c->n_tail] = '\0';
    if (n_samples < MAX_SAMPLES && status < 300)
        samples[n_samples++] = (double)(clock_now_ns() - c->since_ns) / 1e6;
    statuses[MAX(0, MIN(status, 599))]++;
    const char *ms = strstr(c->tail, "\"milliseconds\"");
    if (ms && n_stages < MAX_SAMPLES) {
        decodes[n_stages] = figure_after(ms, "\"decode\":");
        networks[n_stages++] = figure_after(ms, "\"inference\":");
    }
    return status;
}

// --- the report

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *v, size_t n, double p)
{
    return n ? v[MIN(n - 1, (size_t)((double)n * p))] : 0;
}

static void report(double seconds)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    qsort(samples, n_samples, sizeof(*samples), by_size);
    qsort(decodes, n_stages, sizeof(*decodes), by_size);
    qsort(networks, n_stages, sizeof(*networks), by_size);
    printf("{\"seconds\":%.3f,\"good\":%zu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,"
           "\"max\":%.3f,\"reconnected\":%d,\"cpu_seconds\":%.2f,\"decode_ms\":%.3f,"
           "\"network_ms\":%.3f,\"statuses\":{",
           seconds, n_samples, at(samples, n_samples, 0.5), at(samples, n_samples, 0.9),
           at(samples, n_samples, 0.99), at(samples, n_samples, 0.999),
           n_samples ? samples[n_samples - 1] : 0, n_reconnected,
           (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
           at(decodes, n_stages, 0.5), at(networks, n_stages, 0.5));
    const char *comma = "";
    for (int i = 0; i < 600; i++) {
        if (statuses[i])
            printf("%s\"%d\":%d", comma, i, statuses[i]);
        if (statuses[i])
            comma = ",";
    }
    printf("}}\n");
}

// --- requests

static void read_requests(const char *path)
{
    char line[HEAD_BYTES];
    FILE *f = fopen(path, "re");
    if (!f)
        die(path);
    while (fgets(line, sizeof(line), f) && n_requests < MAX_REQUESTS) {
        char method[16];
        char target[2048];
        char text[2 * HEAD_BYTES];
        int used = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%15s %2047s %n", method, target, &used) < 2)
            continue;
        const char *json = line + used;
        int n = *json ? snprintf(text, sizeof(text),
                                 "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                 "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                 method, target, strlen(json), json)
                      : snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                 method, target);
        requests[n_requests++] = (struct text){strdup(text), (size_t)n};
    }
    fclose(f);
    if (n_requests == 0)
        die("no requests");
}

static void ask(int epoll_fd, struct client *c, int64_t since_ns)
{
    if (c->own) { // a picture: its mark counts on
        char mark[MARK_BYTES + 1];
        snprintf(mark, sizeof(mark), "%0*llx", MARK_BYTES, (unsigned long long)++picture_number);
        memcpy(c->own + c->n_own - MARK_BYTES, mark, MARK_BYTES);
    } else {
        c->shared = requests[next_request++ % n_requests];
    }
    c->n_sent = 0;
    c->is_busy = true;
    c->since_ns = since_ns;
    begin_reply(c);
    send_more(epoll_fd, c);
}

static struct client *clients_open(int epoll_fd, size_t n)
{
    struct client *all = room(n, sizeof(*all));
    for (size_t i = 0; i < n; i++) {
        all[i].fd = dial();
        all[i].index = (int)i;
        watch(epoll_fd, &all[i], EPOLL_CTL_ADD, false);
    }
    return all;
}

// Who is answered. True: the client had asked, and is free. A connection that was silent for long
// is closed by the server and dialled again.
static bool handle(int epoll_fd, struct client *c, uint32_t events)
{
    if (events & EPOLLOUT)
        send_more(epoll_fd, c);
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        return false;
    int k = take_reply(c);
    if (k == 0)
        return false;
    if (k > 0)
        (void)note(c);
    else if (c->is_busy)
        statuses[0]++; // no answer
    bool has_asked = c->is_busy;
    if (k < 0 || strcasestr(c->head, "\r\nConnection: close"))
        redial(epoll_fd, c);
    c->is_busy = false;
    return has_asked;
}

// Asks until the time is over, then waits for the answers that are out.
static void run_closed(struct client *all, size_t n, int epoll_fd, double seconds)
{
    struct epoll_event events[N_EVENTS];
    int64_t start = clock_now_ns();
    int64_t end = start + (int64_t)(seconds * 1e9);
    size_t n_out = n;
    for (size_t i = 0; i < n; i++)
        ask(epoll_fd, &all[i], clock_now_ns());
    while (n_out > 0 && clock_now_ns() < end + PATIENCE_S * CLOCK_NS_PER_S) {
        int k = epoll_wait(epoll_fd, events, N_EVENTS, 100);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (!handle(epoll_fd, c, events[i].events))
                continue;
            if (clock_now_ns() < end)
                ask(epoll_fd, c, clock_now_ns());
            else
                n_out--;
        }
    }
    statuses[0] += (int)n_out;
    report((double)(clock_now_ns() - start) / 1e9);
}

static struct client *free_one(struct client *all, size_t n, size_t *from)
{
    for (size_t i = 0; i < n; i++) {
        struct client *c = &all[(*from + i) % n];
        if (!c->is_busy) {
            *from = (*from + i + 1) % n;
            return c;
        }
    }
    return NULL;
}

static void run_rate(struct client *all, size_t n, int epoll_fd, double per_second, double seconds)
{
    struct epoll_event events[N_EVENTS];
    int64_t start = clock_now_ns();
    int64_t end = start + (int64_t)(seconds * 1e9);
    int64_t step = (int64_t)(1e9 / per_second);
    int64_t due = start;
    size_t from = 0;
    size_t n_out = 0;
    while (clock_now_ns() < end ||
           (n_out > 0 && clock_now_ns() < end + PATIENCE_S * CLOCK_NS_PER_S)) {
        struct client *c = NULL;
        while (due < end && due <= clock_now_ns() && (c = free_one(all, n, &from))) {
            ask(epoll_fd, c, due);
            due += step;
            n_out++;
        }
        int64_t wait = (MIN(due, end) - clock_now_ns()) / CLOCK_NS_PER_MS;
        int k = epoll_wait(epoll_fd, events, N_EVENTS, (int)MAX(0, MIN(wait, 100)));
        for (int i = 0; i < k; i++)
            n_out -= handle(epoll_fd, events[i].data.ptr, events[i].events);
    }
    statuses[0] += (int)n_out;
    report((double)(clock_now_ns() - start) / 1e9);
}

// --- pictures

static struct text read_file(const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f || fseek(f, 0, SEEK_END) < 0)
        die(path);
    long n = ftell(f);
    char *p = room((size_t)n + 1, 1);
    rewind(f);
    if (fread(p, 1, (size_t)n, f) != (size_t)n)
        die(path);
    fclose(f);
    return (struct text){p, (size_t)n};
}

// Behind the first marker a comment that counts.
static void make_picture(struct client *c, const char *path, struct text jpeg)
{
    static const char comment[] = "\xff\xd8\xff\xfe\x00\x12";
    size_t n_comment = sizeof(comment) - 1;
    c->own = room(HEAD_BYTES, 1);
    int n = snprintf(c->own, HEAD_BYTES,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     path, jpeg.n - 2 + n_comment + MARK_BYTES);
    memcpy(c->own + n, comment, n_comment);
    c->n_own = (size_t)n + n_comment + MARK_BYTES;
    c->shared = (struct text){jpeg.p + 2, jpeg.n - 2};
}

// --- uploads

static char block[BLOCK_BYTES];

static void block_of(const struct client *c, size_t n_left)
{
    memcpy(block, &c->index, sizeof(c->index));
    memcpy(block + sizeof(c->index), &n_left, sizeof(n_left));
}

static void digest_of(struct client *c, size_t n_bytes)
{
    struct digest d;
    digest_init(&d);
    for (size_t left = n_bytes; left > 0; left -= BLOCK_BYTES) {
        block_of(c, left);
        digest_add(&d, block, BLOCK_BYTES);
    }
    digest_hex(&d, c->sha256);
}

static void upload_more(int epoll_fd, struct client *c)
{
    while (c->n_left > 0) {
        size_t in_block = (BLOCK_BYTES - c->n_left % BLOCK_BYTES) % BLOCK_BYTES;
        block_of(c, c->n_left + in_block);
        ssize_t k = send(c->fd, block + in_block, MIN(c->n_left, BLOCK_BYTES - in_block),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0)
            return;
        c->n_left -= (size_t)k;
    }
    watch(epoll_fd, c, EPOLL_CTL_MOD, false);
}

static void run_upload(struct client *all, size_t n, int epoll_fd, size_t n_bytes, const char *path)
{
    struct epoll_event events[N_EVENTS];
    size_t n_out = n;
    int n_wrong = 0;
    for (size_t i = 0; i < n; i++)
        digest_of(&all[i], n_bytes);
    for (size_t i = 0; i < n; i++) // the digests took longer than a silent connection may live
        redial(epoll_fd, &all[i]);
    int64_t start = clock_now_ns();
    for (size_t i = 0; i < n; i++) {
        struct client *c = &all[i];
        char head[1024];
        int k = snprintf(head, sizeof(head),
                         "POST %s&name=upload%zu HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                         "application/octet-stream\r\nContent-Length: %zu\r\n\r\n",
                         path, i, n_bytes);
        if (send(c->fd, head, (size_t)k, MSG_NOSIGNAL) != k)
            die("send");
        c->n_left = n_bytes;
        c->since_ns = start;
        watch(epoll_fd, c, EPOLL_CTL_MOD, true);
    }
    while (n_out > 0 && clock_now_ns() < start + PATIENCE_S * CLOCK_NS_PER_S) {
        int k = epoll_wait(epoll_fd, events, N_EVENTS, 1000);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                upload_more(epoll_fd, c);
            if (!(events[i].events & EPOLLIN) || c->is_done)
                continue;
            int got = take_reply(c);
            if (got == 0)
                continue;
            if (got < 0 || note(c) >= 300 || !strstr(c->tail, c->sha256))
                n_wrong++;
            c->is_done = true;
            n_out--;
        }
    }
    statuses[0] += (int)n_out + n_wrong; // no answer, or another digest
    report((double)(clock_now_ns() - start) / 1e9);
}

// --- WebSockets

static void open_websocket(struct client *c, const char *path)
{
    char text[1024];
    int n = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     path);
    if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
}

// A server that hears nothing to its ping takes the client for dead. Neither two bytes of a ping
// stand in JSON or in the head of a frame that carries it.
static void answer_ping(struct client *c, const char *piece, size_t n)
{
    static const char ping[] = {(char)0x89, 0};
    static const char pong[] = {(char)0x8a, (char)0x80, 0, 0, 0, 0}; // masked, with zeros
    if (memmem(piece, n, ping, sizeof(ping)))
        (void)!send(c->fd, pong, sizeof(pong), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void run_ws(struct client *all, size_t n, int epoll_fd, const char *path)
{
    struct epoll_event events[N_EVENTS];
    static char piece[64 * 1024];
    int64_t start = clock_now_ns();
    size_t n_out = n;
    size_t n_messages = 0;
    size_t n_open = 0; // those that were dialled
    size_t n_asking = 0;
    int64_t heard_ns = clock_now_ns();
    while (n_out > 0 && clock_now_ns() < heard_ns + PATIENCE_S * CLOCK_NS_PER_S) {
        while (n_open < n && n_asking < HANDSHAKES) {
            all[n_open].fd = dial();
            watch(epoll_fd, &all[n_open], EPOLL_CTL_ADD, false);
            open_websocket(&all[n_open++], path);
            n_asking++;
        }
        int k = epoll_wait(epoll_fd, events, N_EVENTS, 1000);
        for (int i = 0; i < k; i++) {
            struct client *c = events[i].data.ptr;
            ssize_t got = recv(c->fd, piece, sizeof(piece) - 1, MSG_DONTWAIT);
            heard_ns = clock_now_ns();
            if (got <= 0) {
                (void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
                n_out -= !c->is_done;
                n_asking -= c->n_head == 0;
                c->n_head = 1;
                statuses[0] += !c->is_done;
                c->is_done = true;
                continue;
            }
            piece[got] = '\0';
            answer_ping(c, piece, (size_t)got);
            n_asking -= c->n_head == 0;
            c->n_head = 1; // it was answered
            for (char *p = piece; (p = memmem(p, (size_t)(piece + got - p), "\"task_id\"", 9)); p++)
                n_messages++;
            bool is_over = memmem(piece, (size_t)got, "succeeded", 9) != NULL;
            statuses[101] += is_over && !c->is_done;
            n_out -= is_over && !c->is_done;
            c->is_done |= is_over;
        }
    }
    statuses[0] += (int)n_out;
    samples[0] = (double)n_messages / (double)n;
    n_samples = 1;
    report((double)(clock_now_ns() - start) / 1e9);
}

int main(int argc, char **argv)
{
    struct rlimit l;
    if (argc < 5) {
        fprintf(stderr, "usage: load_client closed|rate|infer|upload|ws PORT ... (see the file's "
                        "first lines)\n");
        return 2;
    }
    thread_go_soon(); // as one on another machine: it does not wait for the server's own work
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    samples = room(MAX_SAMPLES, sizeof(*samples));
    decodes = room(MAX_SAMPLES, sizeof(*decodes));
    networks = room(MAX_SAMPLES, sizeof(*networks));
    const char *what = argv[1];
    port = (uint16_t)strtoul(argv[2], NULL, 10);
    double first = strtod(argv[3], NULL);
    bool is_rate = strcmp(what, "rate") == 0;
    size_t n = is_rate ? RATE_CONNECTIONS : (size_t)first;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool is_ws = strcmp(what, "ws") == 0; // these are dialled in turn
    struct client *all = is_ws ? room(n, sizeof(*all)) : clients_open(epoll_fd, n);
    picture_number = (uint64_t)clock_now_ns();
    if (is_ws) {
        run_ws(all, n, epoll_fd, argv[4]);
    } else if (strcmp(what, "upload") == 0 && argc > 5) {
        run_upload(all, n, epoll_fd, strtoul(argv[4], NULL, 10) * MIB, argv[5]);
    } else if (strcmp(what, "infer") == 0 && argc > 6) {
        struct text jpeg = read_file(argv[6]);
        for (size_t i = 0; i < n; i++)
            make_picture(&all[i], argv[5], jpeg);
        run_closed(all, n, epoll_fd, strtod(argv[4], NULL));
    } else if (argc > 5) {
        read_requests(argv[5]);
        if (is_rate)
            run_rate(all, n, epoll_fd, first, strtod(argv[4], NULL));
        else
            run_closed(all, n, epoll_fd, strtod(argv[4], NULL));
    }
    return 0;
}
