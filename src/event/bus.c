// SPDX-License-Identifier: Apache-2.0
// bus.c - one lock, listeners with rings of counted events, states in a hash table.

#include "event/bus.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/age_list.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "event/event.h"

enum {
    N_SLOTS = 4096,
    FIRST_RING = 8,
};

// An event with its count; texts stand behind.
struct counted {
    struct event event;
    atomic_int refs;
    char text[];
};

struct topic_state {
    struct age_link age; // first: by its change
    uint64_t hash;
    struct event *event;
    struct topic_state *next_in_slot;
};

struct bus_listener {
    // --- constant after bus_listen()
    struct bus *bus;
    struct bus_listener_opts opts;
    int fd;
    struct cond changed;
    // --- guarded by the bus's lock
    struct bus_listener *next;
    char **topics; // owned
    size_t n_topics;
    size_t cap_topics;
    struct event **ring;
    size_t ring_cap;
    size_t ring_first;
    size_t n;
    uint64_t n_lost;
};

struct bus {
    // --- constant after create
    struct bus_opts opts;
    struct lock lock;
    // --- guarded by lock
    struct bus_listener *listeners;
    struct topic_state **slots;
    size_t n_states;
    struct age_list alive; // states by the time of their change
    struct age_list final;
    uint64_t sequence;
};

// --- events

struct event *event_ref(struct event *e)
{
    struct counted *c = (struct counted *)e;
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return e;
}

void event_unref(struct event **pe)
{
    struct counted *c = (struct counted *)*pe;
    *pe = NULL;
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        mem_free(c);
}

static struct event *event_create(const struct bus_publication *p)
{
    struct counted *c = mem_calloc(1, sizeof(*c) + p->topic.n + p->kind.n + p->json.n);
    if (!c)
        return NULL;
    char *to = c->text;
    atomic_init(&c->refs, 1);
    c->event = (struct event){
        .topic = str_place(&to, p->topic),
        .kind = str_place(&to, p->kind),
        .json = str_place(&to, p->json),
        .at_us = clock_wall_us(),
        .is_state = p->is_state,
        .is_final = p->is_final,
    };
    return &c->event;
}

// --- states

static struct topic_state **find_slot(struct bus *b, struct str topic, uint64_t hash)
{
    struct topic_state **at = &b->slots[hash % N_SLOTS];
    while (*at && !((*at)->hash == hash && str_equal((*at)->event->topic, topic)))
        at = &(*at)->next_in_slot;
    return at;
}

static struct age_list *list_of(struct bus *b, const struct topic_state *s)
{
    return s->event->is_final ? &b->final : &b->alive;
}

static void state_drop(struct bus *b, struct topic_state **at)
{
    struct topic_state *s = *at;
    *at = s->next_in_slot;
    age_list_remove(list_of(b, s), &s->age);
    event_unref(&s->event);
    mem_free(s);
    b->n_states--;
}

static void drop_oldest_state(struct bus *b)
{
    struct age_link *oldest = b->final.oldest ? b->final.oldest : b->alive.oldest;
    struct topic_state *s = (struct topic_state *)oldest;
    state_drop(b, find_slot(b, s->event->topic, s->hash));
}

// Without memory the state is not kept: who subscribes later waits for the next one.
static void keep_state_locked(struct bus *b, struct event *e)
{
    uint64_t hash = str_hash(e->topic);
    struct topic_state **at = find_slot(b, e->topic, hash);
    struct topic_state *s = *at;
    if (s) {
        age_list_remove(list_of(b, s), &s->age);
        event_unref(&s->event);
    } else {
        if (b->n_states == b->opts.max_states)
            drop_oldest_state(b);
        s = mem_new(struct topic_state);
        if (!s)
            return;
        at = &b->slots[hash % N_SLOTS];
        s->hash = hash;
        s->next_in_slot = *at;
        *at = s;
        b->n_states++;
    }
    s->event = event_ref(e);
    age_list_add(list_of(b, s), &s->age);
}

struct event *bus_find_state(struct bus *b, struct str topic)
{
    lock_acquire(&b->lock);
    struct topic_state *s = *find_slot(b, topic, str_hash(topic));
    struct event *e = s ? event_ref(s->event) : NULL;
    lock_release(&b->lock);
    return e;
}

void bus_forget(struct bus *b, struct str topic)
{
    lock_acquire(&b->lock);
    struct topic_state **at = find_slot(b, topic, str_hash(topic));
    if (*at)
        state_drop(b, at);
    lock_release(&b->lock);
}

// --- life

int bus_create(const struct bus_opts *opts, struct bus **ret_bus)
{
    struct bus *b = mem_new(struct bus);
    if (!b)
        return ERR_NOMEM;
    if (opts)
        b->opts = *opts;
    if (b->opts.max_states == 0)
        b->opts.max_states = BUS_DEFAULT_STATES;
    int r = lock_init(&b->lock, LOCK_RANK_EVENT);
    if (r < 0) {
        mem_free(b);
        return r;
    }
    b->slots = mem_array(struct topic_state *, N_SLOTS);
    if (!b->slots) {
        bus_destroy(b);
        return ERR_NOMEM;
    }
    *ret_bus = b;
    return 0;
}

void bus_destroy(struct bus *b)
{
    if (!b)
        return;
    assert(!b->listeners);
    while (b->n_states > 0)
        drop_oldest_state(b);
    mem_free(b->slots);
    lock_finish(&b->lock);
    mem_free(b);
}

// --- listeners' queues

static void signal_locked(struct bus_listener *l)
{
    uint64_t one = 1;
    if (write(l->fd, &one, sizeof(one)) < 0) {
        // the counter is full: it is readable
    }
    cond_signal(&l->changed);
    if (l->opts.wake)
        l->opts.wake(l->opts.wake_arg);
}

static bool ring_grow(struct bus_listener *l)
{
    size_t cap =
        l->ring_cap ? MIN(l->ring_cap * 2, l->opts.capacity) : MIN(FIRST_RING, l->opts.capacity);
    struct event **ring = mem_array(struct event *, cap);
    if (!ring)
        return false;
    for (size_t i = 0; i < l->n; i++)
        ring[i] = l->ring[(l->ring_first + i) % l->ring_cap];
    mem_free(l->ring);
    l->ring = ring;
    l->ring_cap = cap;
    l->ring_first = 0;
    return true;
}

static struct event *pop_locked(struct bus_listener *l)
{
    struct event *e = l->ring[l->ring_first];
    l->ring_first = (l->ring_first + 1) % l->ring_cap;
    l->n--;
    return e;
}

static void push_locked(struct bus_listener *l, struct event *e)
{
    bool was_empty = l->n == 0;
    if (l->n == l->ring_cap && (l->n == l->opts.capacity || !ring_grow(l))) {
        l->n_lost++;
        if (l->n == 0)
            return; // not even a ring: out of memory
        struct event *oldest = pop_locked(l);
        event_unref(&oldest);
    }
    l->ring[(l->ring_first + l->n++) % l->ring_cap] = event_ref(e);
    if (was_empty)
        signal_locked(l);
}

static bool pattern_matches(const char *pattern, struct str topic)
{
    struct str p = str_of(pattern);
    if (p.p[p.n - 1] != '*')
        return str_equal(p, topic);
    return topic.n >= p.n - 1 && memcmp(topic.p, p.p, p.n - 1) == 0;
}

static bool wants_locked(const struct bus_listener *l, struct str topic)
{
    if (l->opts.everything)
        return true;
    for (size_t i = 0; i < l->n_topics; i++) {
        if (pattern_matches(l->topics[i], topic))
            return true;
    }
    return false;
}

// --- publishing

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return s.n > 0;
}

static int check(const struct bus_publication *p)
{
    if (p->topic.n > BUS_MAX_TOPIC || p->kind.n > BUS_MAX_TOPIC || p->json.n > BUS_MAX_JSON)
        return err_set(ERR_TOO_BIG, "event: topic, kind or JSON longer than %d, %d, %d bytes",
                       BUS_MAX_TOPIC, BUS_MAX_TOPIC, BUS_MAX_JSON);
    if (!is_name(p->topic) || !is_name(p->kind))
        return err_set(ERR_INVALID, "event: topic and kind are words");
    return 0;
}

static int publish(struct bus *b, const struct bus_publication *p, struct event **ret_event)
{
    int r = check(p);
    if (r < 0)
        return r;
    struct event *e = event_create(p);
    if (!e)
        return ERR_NOMEM;
    lock_acquire(&b->lock);
    e->sequence = ++b->sequence;
    if (e->is_state)
        keep_state_locked(b, e);
    for (struct bus_listener *l = b->listeners; l; l = l->next) {
        if (wants_locked(l, e->topic))
            push_locked(l, e);
    }
    lock_release(&b->lock);
    *ret_event = e;
    return 0;
}

int bus_publish(struct bus *b, const struct bus_publication *p)
{
    struct event *e;
    int r = publish(b, p, &e);
    if (r < 0)
        return r;
    if (b->opts.relay)
        b->opts.relay(b->opts.relay_arg, e);
    event_unref(&e);
    return 0;
}

int bus_publish_relayed(struct bus *b, const struct bus_publication *p)
{
    struct event *e;
    int r = publish(b, p, &e);
    if (r == 0)
        event_unref(&e);
    return r;
}

// --- listening

int bus_listen(struct bus *b, const struct bus_listener_opts *opts,
               struct bus_listener **ret_listener)
{
    struct bus_listener *l = mem_new(struct bus_listener);
    if (!l)
        return ERR_NOMEM;
    l->bus = b;
    l->opts = *opts;
    if (l->opts.capacity == 0)
        l->opts.capacity = BUS_DEFAULT_QUEUE;
    int r = cond_init(&l->changed);
    if (r < 0) {
        mem_free(l);
        return r;
    }
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->fd < 0) {
        r = err_set_errno(errno, "event: descriptor");
        cond_finish(&l->changed);
        mem_free(l);
        return r;
    }
    lock_acquire(&b->lock);
    l->next = b->listeners;
    b->listeners = l;
    lock_release(&b->lock);
    *ret_listener = l;
    return 0;
}

void bus_listener_close(struct bus_listener *l)
{
    if (!l)
        return;
    struct bus *b = l->bus;
    lock_acquire(&b->lock);
    struct bus_listener **at = &b->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    lock_release(&b->lock);
    while (l->n > 0) {
        struct event *e = pop_locked(l);
        event_unref(&e);
    }
    for (size_t i = 0; i < l->n_topics; i++)
        mem_free(l->topics[i]);
    mem_free(l->topics);
    mem_free(l->ring);
    close(l->fd);
    cond_finish(&l->changed);
    mem_free(l);
}

static int add_topic_locked(struct bus_listener *l, struct str topic)
{
    if (l->n_topics == BUS_MAX_TOPICS)
        return err_set(ERR_TOO_BIG, "event: more than %d topics", BUS_MAX_TOPICS);
    int r = MEM_GROW(l->topics, l->cap_topics, l->n_topics);
    if (r < 0)
        return r;
    char *copy = mem_strndup(topic.p, topic.n);
    if (!copy)
        return ERR_NOMEM;
    l->topics[l->n_topics++] = copy;
    return 0;
}

static void push_states_locked(struct bus_listener *l, const struct age_list *states,
                               const char *pattern)
{
    for (const struct age_link *x = states->oldest; x; x = x->newer) {
        const struct topic_state *s = (const struct topic_state *)x;
        if (pattern_matches(pattern, s->event->topic))
            push_locked(l, s->event);
    }
}

static void give_states_locked(struct bus_listener *l, const char *pattern)
{
    struct bus *b = l->bus;
    struct str p = str_of(pattern);
    if (p.p[p.n - 1] != '*') {
        struct topic_state *s = *find_slot(b, p, str_hash(p));
        if (s)
            push_locked(l, s->event);
        return;
    }
    push_states_locked(l, &b->final, pattern);
    push_states_locked(l, &b->alive, pattern);
}

static size_t find_topic_locked(const struct bus_listener *l, struct str topic)
{
    size_t i = 0;
    while (i < l->n_topics && !str_is(topic, l->topics[i]))
        i++;
    return i;
}

int bus_listener_subscribe(struct bus_listener *l, struct str topic)
{
    int r = 0;
    if (!is_name(topic) || topic.n > BUS_MAX_TOPIC)
        return err_set(ERR_INVALID, "event: '" STR_FMT "' is no topic", (int)MIN(topic.n, 200),
                       topic.p);
    lock_acquire(&l->bus->lock);
    if (find_topic_locked(l, topic) == l->n_topics) {
        r = add_topic_locked(l, topic);
        if (r == 0)
            give_states_locked(l, l->topics[l->n_topics - 1]);
    }
    lock_release(&l->bus->lock);
    return r;
}

void bus_listener_unsubscribe(struct bus_listener *l, struct str topic)
{
    lock_acquire(&l->bus->lock);
    size_t i = find_topic_locked(l, topic);
    if (i < l->n_topics) {
        mem_free(l->topics[i]);
        l->topics[i] = l->topics[--l->n_topics];
    }
    lock_release(&l->bus->lock);
}

int bus_listener_receive(struct bus_listener *l, int64_t timeout_ns, struct event **ret_event,
                         uint64_t *ret_lost)
{
    struct bus *b = l->bus;
    int64_t now = clock_now_ns();
    int64_t deadline = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
    int r = 0;
    lock_acquire(&b->lock);
    while (l->n == 0 && timeout_ns > 0 && cond_wait(&l->changed, &b->lock, deadline)) {
    }
    if (l->n == 0) {
        r = timeout_ns > 0 ? ERR_TIMEOUT : ERR_AGAIN;
    } else {
        *ret_event = pop_locked(l);
        *ret_lost = l->n_lost;
        l->n_lost = 0;
    }
    uint64_t n;
    if (l->n == 0 && read(l->fd, &n, sizeof(n)) < 0) {
        // it was not readable
    }
    lock_release(&b->lock);
    return r;
}

int bus_listener_fd(const struct bus_listener *l)
{
    return l->fd;
}
