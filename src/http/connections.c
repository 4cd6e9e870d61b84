// SPDX-License-Identifier: Apache-2.0
// connections.c - the open sockets: how many of one client, which are too slow, which are idle.
//
// (1) A connection stands in the list from its accept until just before its descriptor is closed,
//     so whoever holds the lock may shut down any socket in the list.
// (2) The watch cuts a connection whose deadline has passed; the deadline is set by the thread that
//     serves it, and is INT64_MAX while that thread does our own work.

#include "http/http_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/metrics.h"

enum {
    WATCH_MS = 200,
};

struct connections {
    // --- constant after create
    struct server *server;
    struct lock lock;
    struct cond changed;
    // --- owner's thread
    struct thread watch;
    // --- guarded by lock
    struct connection *first;
    size_t n;
    bool is_stopping;
};

static struct metric m_open = METRIC_GAUGE("http_connections", "Open HTTP connections");
static struct metric m_refused =
    METRIC_COUNTER("http_connections_refused_total", "Connections closed by a limit", "reason");

int connections_create(struct server *s, struct connections **ret_connections)
{
    struct connections *cs = mem_new(struct connections);
    if (!cs)
        return ERR_NOMEM;
    cs->server = s;
    int r = lock_init(&cs->lock, LOCK_RANK_HTTP);
    if (r == 0)
        r = cond_init(&cs->changed);
    if (r == 0)
        r = metrics_register(&m_open);
    if (r == 0)
        r = metrics_register(&m_refused);
    if (r < 0) {
        mem_free(cs);
        return r;
    }
    *ret_connections = cs;
    return 0;
}

void connections_destroy(struct connections *cs)
{
    if (!cs)
        return;
    cond_finish(&cs->changed);
    lock_finish(&cs->lock);
    mem_free(cs);
}

static struct address from_socket(const struct sockaddr *sa)
{
    struct address a = {{0}};
    if (sa && sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, sa, sizeof(in));
        memcpy(a.bytes, &in.sin6_addr, sizeof(a.bytes));
    } else if (sa && sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        a.bytes[10] = a.bytes[11] = 0xff;
        memcpy(a.bytes + 12, &in.sin_addr, 4);
    }
    return a;
}

static bool is_limited(const struct server *s, const struct address *a)
{
    if (address_is_loopback(a))
        return false;
    for (size_t i = 0; i < s->opts.n_proxies; i++) {
        if (address_in(a, &s->opts.proxies[i]))
            return false;
    }
    return true;
}

// One accept at a time (libmicrohttpd's own thread), so counting and adding need not be one step.
enum MHD_Result connections_policy(void *cls, const struct sockaddr *sa, socklen_t n_sa)
{
    struct server *s = cls;
    struct connections *cs = s->connections;
    struct address a = from_socket(sa);
    int n = 0;
    (void)n_sa;
    if (!is_limited(s, &a))
        return MHD_YES;
    lock_acquire(&cs->lock);
    for (struct connection *c = cs->first; c; c = c->next)
        n += address_equal(&c->address, &a);
    lock_release(&cs->lock);
    if (n < s->opts.max_connections_per_client)
        return MHD_YES;
    metric_add(&m_refused, 1, LABELS("client"));
    return MHD_NO;
}

// A reply that no request object stands for.
static void write_short(int fd, const char *status, const char *more, const char *body)
{
    char id[ID_BYTES];
    char text[512];
    id_make(id);
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 %s\r\nConnection: close\r\nX-Request-ID: %s\r\n%s"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     status, id, more, strlen(body), body);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        // a client that does not read gets no explanation
    }
}

// Past the limit a client is told so; libmicrohttpd would close without a word.
static void refuse_crowd(struct connection *c)
{
    atomic_store(&c->is_cut, true);
    write_short(
        c->fd, "503 Service Unavailable", "Retry-After: 1\r\n",
        "{\"error\":\"BUSY\",\"message\":\"the server has as many connections as it takes\"}\n");
    shutdown(c->fd, SHUT_RDWR);
    metric_add(&m_refused, 1, LABELS("all"));
}

static struct connection *opened(struct server *s, struct MHD_Connection *mhd)
{
    struct connections *cs = s->connections;
    struct connection *c = mem_new(struct connection);
    if (!c)
        return NULL; // request_create() refuses what has no connection
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = fd ? fd->connect_fd : -1;
    const union MHD_ConnectionInfo *addr =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    c->server = s;
    c->address = from_socket(addr ? addr->client_addr : NULL);
    atomic_init(&c->deadline_ns, clock_now_ns() + s->opts.header_timeout_ms * CLOCK_NS_PER_MS);
    atomic_init(&c->may_answer, true);
    atomic_init(&c->is_idle, true);
    lock_acquire(&cs->lock);
    c->next = cs->first;
    if (c->next)
        c->next->prev = c;
    cs->first = c;
    metric_set(&m_open, (double)++cs->n, NO_LABELS);
    if (cs->n > (size_t)s->opts.max_connections)
        refuse_crowd(c);
    lock_release(&cs->lock);
    return c;
}

static void closed(struct server *s, struct connection *c)
{
    struct connections *cs = s->connections;
    if (!c)
        return;
    lock_acquire(&cs->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        cs->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    metric_set(&m_open, (double)--cs->n, NO_LABELS);
    lock_release(&cs->lock);
    mem_free(c);
}

void connections_notify(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
    struct server *s = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = opened(s, mhd);
    } else {
        closed(s, *context);
        *context = NULL;
    }
}

// --- cutting

static void cut_locked(struct connection *c, const char *reason)
{
    if (atomic_exchange(&c->is_cut, true))
        return;
    if (atomic_load(&c->may_answer) && !atomic_load(&c->is_idle))
        write_short(c->fd, "408 Request Timeout", "",
                    "{\"error\":\"TIMEOUT\",\"message\":\"request: came too slowly\"}\n");
    shutdown(c->fd, SHUT_RDWR);
    metric_add(&m_refused, 1, LABELS(reason));
}

static void watch(void *arg)
{
    struct connections *cs = arg;
    lock_acquire(&cs->lock);
    while (!cs->is_stopping) {
        int64_t now = clock_now_ns();
        for (struct connection *c = cs->first; c; c = c->next) {
            if (atomic_load(&c->deadline_ns) < now)
                cut_locked(c, atomic_load(&c->is_idle) ? "idle" : "slow");
        }
        cond_wait(&cs->changed, &cs->lock, now + WATCH_MS * CLOCK_NS_PER_MS);
    }
    lock_release(&cs->lock);
}

int connections_start_watch(struct connections *cs)
{
    cs->is_stopping = false;
    return thread_start(&cs->watch, "http-watch", watch, cs);
}

void connections_stop_watch(struct connections *cs)
{
    lock_acquire(&cs->lock);
    cs->is_stopping = true;
    cond_broadcast(&cs->changed);
    lock_release(&cs->lock);
    thread_join(&cs->watch);
}

void connections_request_done(struct connections *cs)
{
    if (atomic_fetch_sub(&cs->server->n_active, 1) > 1 || !server_is_draining(cs->server))
        return;
    lock_acquire(&cs->lock);
    cond_broadcast(&cs->changed);
    lock_release(&cs->lock);
}

void connections_wait_quiet(struct connections *cs, int64_t deadline_ns)
{
    lock_acquire(&cs->lock);
    while (atomic_load(&cs->server->n_active) > 0) {
        if (!cond_wait(&cs->changed, &cs->lock, deadline_ns))
            break;
    }
    lock_release(&cs->lock);
}

void connections_cut(struct connections *cs, bool idle_only)
{
    lock_acquire(&cs->lock);
    for (struct connection *c = cs->first; c; c = c->next) {
        if (!idle_only || atomic_load(&c->is_idle)) {
            atomic_store(&c->is_cut, true);
            shutdown(c->fd, SHUT_RDWR);
        }
    }
    lock_release(&cs->lock);
}

size_t connections_count(struct connections *cs)
{
    lock_acquire(&cs->lock);
    size_t n = cs->n;
    lock_release(&cs->lock);
    return n;
}
