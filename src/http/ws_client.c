// SPDX-License-Identifier: Apache-2.0
// ws_client.c - one client: its bounded queue, its socket, its end.
//
// (1) Only the front of the ring may be half sent; it is never dropped.
// (2) A client is freed at the end of the loop's round in which it was doomed, so that whoever
// holds
//     it during the round may go on.

#include "http/ws.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/ws_priv.h"

enum {
    FIRST_RING = 4,
    MAX_IOV = 16,
};

// --- the ring

static struct ws_message **ring_at(struct ws_client *c, uint32_t i)
{
    return &c->ring[(c->ring_first + i) % c->ring_cap];
}

static bool ring_grow(struct ws_client *c)
{
    uint32_t cap = c->ring_cap ? c->ring_cap * 2 : FIRST_RING;
    struct ws_message **ring = mem_array(struct ws_message *, cap);
    if (!ring)
        return false;
    for (uint32_t i = 0; i < c->ring_n; i++)
        ring[i] = *ring_at(c, i);
    mem_free(c->ring);
    c->ring = ring;
    c->ring_cap = cap;
    c->ring_first = 0;
    return true;
}

static bool ring_push(struct ws_client *c, struct ws_message *m)
{
    if (c->ring_n == c->ring_cap && !ring_grow(c))
        return false;
    c->ring_n++;
    *ring_at(c, c->ring_n - 1) = ws_message_ref(m);
    c->n_queued_bytes += m->n;
    return true;
}

// Takes the reference.
static bool ring_push_front(struct ws_client *c, struct ws_message *m)
{
    if (c->ring_n == c->ring_cap && !ring_grow(c)) {
        ws_message_unref(&m);
        return false;
    }
    c->ring_first = (c->ring_first + c->ring_cap - 1) % c->ring_cap;
    c->ring_n++;
    *ring_at(c, 0) = m;
    c->n_queued_bytes += m->n;
    return true;
}

static void ring_pop(struct ws_client *c)
{
    struct ws_message **m = ring_at(c, 0);
    c->n_queued_bytes -= (*m)->n;
    ws_message_unref(m);
    c->ring_first = (c->ring_first + 1) % c->ring_cap;
    c->ring_n--;
    c->n_sent_of_first = 0;
}

// Loses the oldest message of which no byte is out. False: there is none.
static bool ring_lose(struct ws_client *c)
{
    uint32_t i = c->n_sent_of_first > 0 ? 1 : 0;
    if (i >= c->ring_n)
        return false;
    struct ws_message *m = *ring_at(c, i);
    c->n_queued_bytes -= m->n;
    ws_message_unref(&m);
    if (i == 1)
        *ring_at(c, 1) = *ring_at(c, 0);
    c->ring_first = (c->ring_first + 1) % c->ring_cap;
    c->ring_n--;
    c->n_lost++;
    return true;
}

static void ring_free(struct ws_client *c)
{
    while (c->ring_n > 0)
        ring_pop(c);
    mem_free(c->ring);
    c->ring = NULL;
    c->ring_cap = c->ring_first = 0;
}

// --- sending

static void want_write(struct ws_client *c, bool wanted)
{
    if (c->wants_write == wanted)
        return;
    struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = &c->source};
    if (epoll_ctl(c->loop->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0)
        ws_client_doom(c);
    c->wants_write = wanted;
}

// At a boundary between frames: what goes before the queue.
static void add_urgent(struct ws_client *c)
{
    struct ws_message *m;
    char text[40];
    if (c->n_lost > 0) {
        int n = snprintf(text, sizeof(text), "{\"lost\":%llu}", (unsigned long long)c->n_lost);
        if (ws_message_create((struct str){text, (size_t)n}, &m) == 0 && ring_push_front(c, m))
            c->n_lost = 0;
    }
    if (c->pong) {
        m = c->pong;
        c->pong = NULL;
        IGNORE(!ring_push_front(c, m)); // without memory the answer is lost, and asked for again
    }
}

static void advance(struct ws_client *c, size_t n)
{
    while (n > 0) {
        size_t left = (*ring_at(c, 0))->n - c->n_sent_of_first;
        if (n < left) {
            c->n_sent_of_first += n;
            return;
        }
        n -= left;
        ring_pop(c);
    }
}

// Bytes that went out; -1: the socket takes none now; -2: it is broken.
static ssize_t send_some(struct ws_client *c)
{
    struct iovec iov[MAX_IOV];
    size_t n = MIN(c->ring_n, MAX_IOV);
    for (uint32_t i = 0; i < n; i++) {
        struct ws_message *m = *ring_at(c, i);
        iov[i] = (struct iovec){m->bytes, m->n};
    }
    iov[0].iov_base = (char *)iov[0].iov_base + c->n_sent_of_first;
    iov[0].iov_len -= c->n_sent_of_first;
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t sent = sendmsg(c->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : -2;
    return sent;
}

void ws_client_flush(struct ws_client *c)
{
    while (c->state != WS_CLIENT_DOOMED) {
        if (c->n_sent_of_first == 0)
            add_urgent(c);
        if (c->ring_n == 0)
            break;
        ssize_t n = send_some(c);
        if (n == -2) {
            ws_client_doom(c);
            return;
        }
        if (n == -1) {
            if (c->blocked_ns == 0)
                c->blocked_ns = c->loop->now_ns;
            want_write(c, true);
            return;
        }
        c->blocked_ns = 0;
        advance(c, (size_t)n);
    }
    if (c->state == WS_CLIENT_DOOMED)
        return;
    c->blocked_ns = 0;
    ring_free(c); // idle clients hold no queue
    want_write(c, false);
    if (c->state == WS_CLIENT_CLOSING)
        shutdown(c->fd, SHUT_WR);
}

static void enqueue(struct ws_client *c, struct ws_message *m)
{
    const struct ws_opts *o = &c->loop->opts;
    while (c->ring_n >= o->max_queue ||
           (c->ring_n > 0 && c->n_queued_bytes + m->n > o->max_queue_bytes)) {
        if (!ring_lose(c))
            break;
    }
    if (!ring_push(c, m)) {
        c->n_lost++; // out of memory
        return;
    }
    if (!c->wants_write)
        ws_client_flush(c);
}

void ws_send(struct ws_client *c, struct ws_message *m)
{
    if (c->state == WS_CLIENT_OPEN)
        enqueue(c, m);
}

int ws_send_text(struct ws_client *c, struct str text)
{
    struct ws_message *m;
    int r = ws_message_create(text, &m);
    if (r < 0)
        return r;
    ws_send(c, m);
    ws_message_unref(&m);
    return 0;
}

void ws_close(struct ws_client *c, int code, const char *reason)
{
    char payload[WS_MAX_CONTROL];
    struct ws_message *m;
    if (c->state != WS_CLIENT_OPEN)
        return;
    size_t n = strnlen(reason, WS_MAX_CONTROL - 2);
    while (n > 0 && n == WS_MAX_CONTROL - 2 && ((unsigned char)reason[n] & 0xc0) == 0x80)
        n--; // a whole character fewer
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    memcpy(payload + 2, reason, n);
    if (ws_message_frame(WS_OP_CLOSE, (struct str){payload, n + 2}, &m) < 0) {
        ws_client_doom(c);
        return;
    }
    c->close_by_ns = c->loop->now_ns + WS_CLOSE_WAIT_MS * CLOCK_NS_PER_MS;
    c->state = WS_CLIENT_CLOSING;
    ws_unsubscribe_all(c);
    enqueue(c, m);
    ws_message_unref(&m);
}

// --- receiving

void ws_client_readable(struct ws_client *c)
{
    struct ws_loop *l = c->loop;
    ssize_t n = recv(c->fd, l->scratch, sizeof(l->scratch), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ws_client_doom(c);
        return;
    }
    c->heard_ns = l->now_ns;
    c->pinged_ns = 0;
    if (!c->is_deaf)
        ws_receive(c, (struct str){l->scratch, (size_t)n});
}

// --- time

void ws_client_sweep(struct ws_client *c)
{
    const struct ws_opts *o = &c->loop->opts;
    int64_t now = c->loop->now_ns;
    bool is_stuck = c->blocked_ns && now - c->blocked_ns > o->send_timeout_ms * CLOCK_NS_PER_MS;
    bool is_silent = c->pinged_ns && now - c->pinged_ns > o->ping_timeout_ms * CLOCK_NS_PER_MS;
    if (is_stuck || is_silent || (c->state == WS_CLIENT_CLOSING && now > c->close_by_ns)) {
        ws_client_doom(c);
    } else if (c->state == WS_CLIENT_OPEN && !c->pinged_ns &&
               now - c->heard_ns > o->ping_interval_ms * CLOCK_NS_PER_MS) {
        c->pinged_ns = now;
        enqueue(c, c->loop->ping);
    }
}

// --- life

struct ws_client *ws_client_create(struct ws_loop *l, const struct ws_adoption *a)
{
    struct ws_client *c = mem_new(struct ws_client);
    struct epoll_event e = {.events = EPOLLIN};
    if (!c)
        return NULL;
    c->source.kind = WS_SOURCE_CLIENT;
    c->loop = l;
    c->fd = a->fd;
    c->accept = *a->accept;
    c->address = *a->address;
    c->state = WS_CLIENT_OPEN;
    c->heard_ns = l->now_ns;
    snprintf(c->request_id, sizeof(c->request_id), "%s", a->request_id);
    e.data.ptr = &c->source;
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0) {
        mem_free(c);
        return NULL;
    }
    c->next = l->clients;
    if (c->next)
        c->next->prev = c;
    l->clients = c;
    return c;
}

void ws_client_open(struct ws_client *c, struct str early)
{
    c->is_opened = true;
    if (c->accept.handlers->on_open && c->accept.handlers->on_open(c, c->accept.user) < 0)
        ws_close(c, WS_CODE_INTERNAL, err_message(0));
    if (early.n > 0 && c->state == WS_CLIENT_OPEN)
        ws_receive(c, early);
}

void ws_client_doom(struct ws_client *c)
{
    if (c->state == WS_CLIENT_DOOMED)
        return;
    c->state = WS_CLIENT_DOOMED;
    c->next_doomed = c->loop->doomed;
    c->loop->doomed = c;
}

void ws_client_free(struct ws_client *c)
{
    struct ws_loop *l = c->loop;
    assert(c->state == WS_CLIENT_DOOMED);
    ws_unsubscribe_all(c);
    if (c->accept.handlers->on_close)
        c->accept.handlers->on_close(c->is_opened ? c : NULL, c->accept.user);
    if (c->prev)
        c->prev->next = c->next;
    else
        l->clients = c->next;
    if (c->next)
        c->next->prev = c->prev;
    // The descriptor's double may still be open in libmicrohttpd: epoll forgets a socket only with
    // its last descriptor, and so does the client.
    IGNORE(epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL)); // gone either way
    shutdown(c->fd, SHUT_RDWR);
    close(c->fd);
    ring_free(c);
    ws_message_unref(&c->pong);
    ws_receive_finish(c);
    mem_free(c);
    atomic_fetch_sub(&l->n_clients, 1);
}

const struct address *ws_client_address(const struct ws_client *c)
{
    return &c->address;
}

const char *ws_client_request_id(const struct ws_client *c)
{
    return c->request_id;
}

struct ws_loop *ws_client_loop(const struct ws_client *c)
{
    return c->loop;
}
