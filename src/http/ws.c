// SPDX-License-Identifier: Apache-2.0
// ws.c - the loop: one thread, one epoll, commands from other threads through an inbox.

#include "http/ws.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "http/ws_priv.h"

enum {
    MAX_EVENTS = 256,
};

enum command_kind {
    COMMAND_UNSET,
    COMMAND_ADOPT,
    COMMAND_PUBLISH,
    COMMAND_CALL,
    COMMAND_STOP,
};

struct ws_command {
    struct ws_command *next;
    enum command_kind kind;
    struct ws_adoption adoption; // texts behind the struct
    struct ws_accept accept;
    struct address address;
    struct ws_publication publication;
    struct ws_message *message;
    void (*call)(void *arg);
    void *arg;
    int limit_ms;
    char text[];
};

static struct metric m_clients = METRIC_GAUGE("websocket_clients", "Connected WebSocket clients");

// --- create, destroy

static struct ws_opts with_defaults(const struct ws_opts *given)
{
    struct ws_opts o = given ? *given : (struct ws_opts){0};
    o.max_clients = o.max_clients ? o.max_clients : 12000;
    o.max_queue = o.max_queue ? o.max_queue : 64;
    o.max_queue_bytes = o.max_queue_bytes ? o.max_queue_bytes : MIB;
    o.max_message_in = o.max_message_in ? o.max_message_in : WS_MAX_MESSAGE_IN;
    o.ping_interval_ms = o.ping_interval_ms > 0 ? o.ping_interval_ms : 30 * 1000;
    o.ping_timeout_ms = o.ping_timeout_ms > 0 ? o.ping_timeout_ms : 20 * 1000;
    o.send_timeout_ms = o.send_timeout_ms > 0 ? o.send_timeout_ms : 30 * 1000;
    o.max_messages_in_per_s = o.max_messages_in_per_s > 0 ? o.max_messages_in_per_s : 50;
    return o;
}

static int open_descriptors(struct ws_loop *l)
{
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll_fd < 0 || l->wake_fd < 0)
        return err_set_errno(errno, "websocket: descriptors");
    l->wake.kind = WS_SOURCE_WAKE;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &l->wake};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &e) < 0)
        return err_set_errno(errno, "websocket: epoll");
    return 0;
}

int ws_loop_create(const struct ws_opts *opts, struct ws_loop **ret_loop)
{
    struct ws_loop *l = mem_new(struct ws_loop);
    if (!l)
        return ERR_NOMEM;
    l->opts = with_defaults(opts);
    l->epoll_fd = l->wake_fd = -1;
    int r = lock_init(&l->lock, LOCK_RANK_HTTP);
    if (r < 0) {
        mem_free(l);
        return r;
    }
    r = open_descriptors(l);
    if (r == 0)
        r = ws_topics_create(l);
    if (r == 0)
        r = ws_message_frame(WS_OP_PING, STR(""), &l->ping);
    if (r == 0)
        r = metrics_register(&m_clients);
    if (r < 0) {
        ws_loop_destroy(l);
        return r;
    }
    *ret_loop = l;
    return 0;
}

// A client that never came to be: who accepted it hears so.
static void refuse_adoption(struct ws_loop *l, const struct ws_accept *accept, int fd)
{
    shutdown(fd, SHUT_RDWR); // its double may be open elsewhere
    close(fd);
    if (accept->handlers->on_close)
        accept->handlers->on_close(NULL, accept->user);
    if (l)
        atomic_fetch_sub(&l->n_clients, 1);
}

static void command_drop(struct ws_loop *l, struct ws_command *c)
{
    if (c->kind == COMMAND_ADOPT)
        refuse_adoption(l, &c->accept, c->adoption.fd);
    ws_message_unref(&c->message);
    mem_free(c);
}

static void free_doomed(struct ws_loop *l)
{
    while (l->doomed) {
        struct ws_client *c = l->doomed;
        l->doomed = c->next_doomed;
        ws_client_free(c);
    }
    while (l->dead_watches) {
        struct ws_watch *w = l->dead_watches;
        l->dead_watches = w->next;
        mem_free(w);
    }
}

void ws_loop_destroy(struct ws_loop *l)
{
    if (!l)
        return;
    ws_loop_stop(l, 0);
    while (l->inbox_first) {
        struct ws_command *c = l->inbox_first;
        l->inbox_first = c->next;
        command_drop(l, c);
    }
    while (l->watches) {
        struct ws_watch *w = l->watches;
        l->watches = w->next;
        mem_free(w);
    }
    free_doomed(l);
    ws_topics_destroy(l);
    ws_message_unref(&l->ping);
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    lock_finish(&l->lock);
    mem_free(l);
}

// --- the inbox (any thread)

static void wake(struct ws_loop *l)
{
    uint64_t one = 1;
    if (write(l->wake_fd, &one, sizeof(one)) < 0) {
        // the counter is full: the loop is awake
    }
}

// Takes the command on success only.
static int put(struct ws_loop *l, struct ws_command *c)
{
    int r = 0;
    bool was_empty = false;
    lock_acquire(&l->lock);
    if (l->is_closed) {
        r = err_set(ERR_CLOSED, "websocket: the loop is stopping");
    } else if (c->kind == COMMAND_PUBLISH && l->n_inbox >= WS_MAX_INBOX) {
        r = err_set(ERR_BUSY, "websocket: %d messages wait to be handed out", WS_MAX_INBOX);
    } else {
        was_empty = !l->inbox_first;
        if (was_empty)
            l->inbox_first = c;
        else
            l->inbox_last->next = c;
        l->inbox_last = c;
        l->n_inbox++;
        l->is_closed = c->kind == COMMAND_STOP;
    }
    lock_release(&l->lock);
    if (was_empty)
        wake(l);
    return r;
}

int ws_post(struct ws_loop *l, void (*call)(void *arg), void *arg)
{
    struct ws_command *c = mem_new(struct ws_command);
    if (!c)
        return ERR_NOMEM;
    c->kind = COMMAND_CALL;
    c->call = call;
    c->arg = arg;
    int r = put(l, c);
    if (r < 0)
        mem_free(c);
    return r;
}

int ws_publish(struct ws_loop *l, const struct ws_publication *p, struct ws_message *m)
{
    assert(p->delivery != WS_DELIVERY_UNSET);
    if (!ws_topic_is_valid(p->topic))
        return err_set(ERR_INVALID, "websocket: '" STR_FMT "' is no topic",
                       (int)MIN(p->topic.n, 200), p->topic.p);
    struct ws_command *c = mem_calloc(1, sizeof(*c) + p->topic.n);
    if (!c)
        return ERR_NOMEM;
    memcpy(c->text, p->topic.p, p->topic.n);
    c->kind = COMMAND_PUBLISH;
    c->publication = *p;
    c->publication.topic = (struct str){c->text, p->topic.n};
    c->message = ws_message_ref(m);
    int r = put(l, c);
    if (r < 0)
        command_drop(l, c);
    return r;
}

static void prepare_socket(int fd)
{
    int yes = 1;
    // Both only ease things; what is sent says MSG_DONTWAIT anyway.
    IGNORE(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
    IGNORE(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

int ws_adopt(struct ws_loop *l, const struct ws_adoption *a)
{
    if (atomic_fetch_add(&l->n_clients, 1) >= l->opts.max_clients) {
        refuse_adoption(l, a->accept, a->fd);
        return err_set(ERR_BUSY, "websocket: %zu clients are connected", l->opts.max_clients);
    }
    size_t n_id = strnlen(a->request_id, REQUEST_MAX_ID);
    struct ws_command *c = mem_calloc(1, sizeof(*c) + a->early.n + n_id + 1);
    if (!c) {
        refuse_adoption(l, a->accept, a->fd);
        return ERR_NOMEM;
    }
    prepare_socket(a->fd);
    c->kind = COMMAND_ADOPT;
    c->accept = *a->accept;
    c->address = *a->address;
    if (a->early.n > 0)
        memcpy(c->text, a->early.p, a->early.n);
    memcpy(c->text + a->early.n, a->request_id, n_id);
    c->adoption = (struct ws_adoption){
        .fd = a->fd,
        .early = {c->text, a->early.n},
        .accept = &c->accept,
        .address = &c->address,
        .request_id = c->text + a->early.n,
    };
    int r = put(l, c);
    if (r < 0)
        command_drop(l, c);
    return r;
}

size_t ws_max_clients(const struct ws_loop *l)
{
    return l->opts.max_clients;
}

size_t ws_n_clients(const struct ws_loop *l)
{
    return atomic_load(&l->n_clients);
}

// --- watches

int ws_watch(struct ws_loop *l, int fd, void (*ready)(void *arg), void *arg)
{
    struct ws_watch *w = mem_new(struct ws_watch);
    if (!w)
        return ERR_NOMEM;
    *w = (struct ws_watch){{WS_SOURCE_WATCH}, fd, ready, arg, l->watches};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &w->source};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
        mem_free(w);
        return err_set_errno(errno, "websocket: watch");
    }
    l->watches = w;
    return 0;
}

void ws_unwatch(struct ws_loop *l, int fd)
{
    for (struct ws_watch **at = &l->watches; *at; at = &(*at)->next) {
        struct ws_watch *w = *at;
        if (w->fd != fd)
            continue;
        *at = w->next;
        IGNORE(epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL)); // a closed one is out already
        w->ready = NULL; // it may still stand in this round's events
        w->next = l->dead_watches;
        l->dead_watches = w;
        return;
    }
}

// --- the loop's thread

static void adopt(struct ws_loop *l, struct ws_command *c)
{
    struct ws_client *client = l->is_stopping ? NULL : ws_client_create(l, &c->adoption);
    if (!client) {
        refuse_adoption(l, &c->accept, c->adoption.fd);
        return;
    }
    ws_client_open(client, c->adoption.early);
}

static void begin_stop(struct ws_loop *l, int limit_ms)
{
    l->is_stopping = true;
    l->stop_by_ns = l->now_ns + limit_ms * CLOCK_NS_PER_MS;
    for (struct ws_client *c = l->clients; c; c = c->next)
        ws_close(c, WS_CODE_GOING_AWAY, "the server is stopping");
}

static void run_command(struct ws_loop *l, struct ws_command *c)
{
    switch (c->kind) {
    case COMMAND_ADOPT:
        adopt(l, c);
        break;
    case COMMAND_PUBLISH:
        ws_topic_hand_out(l, &c->publication, c->message);
        break;
    case COMMAND_CALL:
        c->call(c->arg);
        break;
    case COMMAND_STOP:
        begin_stop(l, c->limit_ms);
        break;
    case COMMAND_UNSET:
        assert(!"a command has a kind");
    }
    ws_message_unref(&c->message);
    mem_free(c);
}

static void run_inbox(struct ws_loop *l)
{
    uint64_t n;
    if (read(l->wake_fd, &n, sizeof(n)) < 0) {
        // nobody woke us
    }
    lock_acquire(&l->lock);
    struct ws_command *c = l->inbox_first;
    l->inbox_first = l->inbox_last = NULL;
    l->n_inbox = 0;
    lock_release(&l->lock);
    while (c) {
        struct ws_command *next = c->next;
        run_command(l, c);
        c = next;
    }
}

static void run_event(struct ws_loop *l, const struct epoll_event *e)
{
    struct ws_source *source = e->data.ptr;
    if (source->kind == WS_SOURCE_WATCH) {
        struct ws_watch *w = (struct ws_watch *)source;
        if (w->ready)
            w->ready(w->arg);
    } else if (source->kind == WS_SOURCE_CLIENT) {
        struct ws_client *c = (struct ws_client *)source;
        if (e->events & EPOLLOUT && c->state != WS_CLIENT_DOOMED)
            ws_client_flush(c);
        if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR) && c->state != WS_CLIENT_DOOMED)
            ws_client_readable(c);
    }
}

static void sweep(struct ws_loop *l)
{
    if (l->now_ns - l->swept_ns < WS_SWEEP_MS * CLOCK_NS_PER_MS)
        return;
    l->swept_ns = l->now_ns;
    for (struct ws_client *c = l->clients; c; c = c->next)
        ws_client_sweep(c);
    ws_topics_sweep(l);
    metric_set(&m_clients, (double)ws_n_clients(l), NO_LABELS);
}

static int wait_ms(const struct ws_loop *l)
{
    int64_t until = MIN(ws_topics_next_due(l), l->now_ns + WS_SWEEP_MS * CLOCK_NS_PER_MS);
    if (l->is_stopping)
        until = MIN(until, l->stop_by_ns);
    int64_t ns = until - clock_now_ns();
    return ns <= 0 ? 0 : (int)((ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS);
}

static void run(void *arg)
{
    struct ws_loop *l = arg;
    struct epoll_event events[MAX_EVENTS];
    l->now_ns = clock_now_ns();
    while (!l->is_stopping || (l->clients && l->now_ns < l->stop_by_ns)) {
        int n = epoll_wait(l->epoll_fd, events, MAX_EVENTS, wait_ms(l));
        l->now_ns = clock_now_ns();
        for (int i = 0; i < n; i++)
            run_event(l, &events[i]);
        run_inbox(l);
        ws_topics_run_due(l);
        sweep(l);
        free_doomed(l);
    }
    for (struct ws_client *c = l->clients; c; c = c->next)
        ws_client_doom(c);
    free_doomed(l);
    metric_set(&m_clients, 0, NO_LABELS);
}

int ws_loop_start(struct ws_loop *l)
{
    return thread_start(&l->thread, "live", run, l);
}

void ws_loop_stop(struct ws_loop *l, int limit_ms)
{
    if (!l->thread.started)
        return;
    struct ws_command *c = mem_new(struct ws_command);
    assert(c); // a few bytes at the program's end
    c->kind = COMMAND_STOP;
    c->limit_ms = limit_ms;
    if (put(l, c) < 0)
        mem_free(c); // stopping already
    thread_join(&l->thread);
}
