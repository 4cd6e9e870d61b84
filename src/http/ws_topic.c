// SPDX-License-Identifier: Apache-2.0
// ws_topic.c - topics: who follows them, their newest value, and at what rate it goes out.

#include "http/ws.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/ws_priv.h"

enum {
    N_SLOTS = 4096,
    DEFAULT_PER_SECOND = 10,
    DEFAULT_KEEP_MS = 60 * 1000,
};

bool ws_topic_is_valid(struct str name)
{
    if (name.n == 0 || name.n > WS_MAX_TOPIC)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if ((unsigned char)name.p[i] <= 0x20 || name.p[i] == 0x7f)
            return false;
    }
    return true;
}

int ws_topics_create(struct ws_loop *l)
{
    l->topics = mem_array(struct ws_topic *, N_SLOTS);
    l->n_slots = l->topics ? N_SLOTS : 0;
    return l->topics ? 0 : ERR_NOMEM;
}

static struct ws_topic **slot_of(struct ws_loop *l, struct str name, uint64_t hash)
{
    struct ws_topic **at = &l->topics[hash % l->n_slots];
    while (*at && !((*at)->hash == hash && str_equal((*at)->name, name)))
        at = &(*at)->next_in_slot;
    return at;
}

static struct ws_topic *find(struct ws_loop *l, struct str name)
{
    return *slot_of(l, name, str_hash(name));
}

static struct ws_topic *find_or_create(struct ws_loop *l, struct str name)
{
    uint64_t hash = str_hash(name);
    struct ws_topic **at = slot_of(l, name, hash);
    if (*at)
        return *at;
    if (l->n_topics == WS_MAX_ALL_TOPICS) {
        IGNORE(
            err_set(ERR_TOO_BIG, "websocket: more than %d topics", WS_MAX_ALL_TOPICS)); // for NULL
        return NULL;
    }
    struct ws_topic *t = mem_calloc(1, sizeof(*t) + name.n);
    if (!t)
        return NULL;
    char *text = (char *)(t + 1);
    memcpy(text, name.p, name.n);
    t->name = (struct str){text, name.n};
    t->hash = hash;
    l->n_topics++;
    *at = t;
    return t;
}

static void topic_free(struct ws_loop *l, struct ws_topic **at)
{
    struct ws_topic *t = *at;
    assert(!t->first && t->due_ns == 0);
    *at = t->next_in_slot;
    ws_message_unref(&t->latest);
    mem_free(t);
    l->n_topics--;
}

void ws_topics_destroy(struct ws_loop *l)
{
    for (size_t i = 0; i < l->n_slots; i++) {
        while (l->topics[i]) {
            l->topics[i]->due_ns = 0;
            topic_free(l, &l->topics[i]);
        }
    }
    mem_free(l->topics);
    l->topics = NULL;
    l->n_slots = 0;
}

// --- following

int ws_subscribe(struct ws_client *c, struct str topic)
{
    struct ws_loop *l = c->loop;
    if (!ws_topic_is_valid(topic))
        return err_set(ERR_INVALID, "websocket: '" STR_FMT "' is no topic", (int)MIN(topic.n, 200),
                       topic.p);
    for (struct ws_subscription *s = c->subscriptions; s; s = s->next_of_client) {
        if (str_equal(s->topic->name, topic))
            return 0;
    }
    if (c->n_subscriptions == WS_MAX_TOPICS)
        return err_set(ERR_TOO_BIG, "websocket: more than %d topics", WS_MAX_TOPICS);
    struct ws_topic *t = find_or_create(l, topic);
    struct ws_subscription *s = t ? mem_new(struct ws_subscription) : NULL;
    if (!s)
        return ERR_NOMEM;
    s->client = c;
    s->topic = t;
    s->next_of_topic = t->first;
    if (t->first)
        t->first->prev_of_topic = s;
    t->first = s;
    t->n_subscribers++;
    s->next_of_client = c->subscriptions;
    c->subscriptions = s;
    c->n_subscriptions++;
    if (t->latest)
        ws_send(c, t->latest);
    return 0;
}

static void subscription_free(struct ws_subscription *s)
{
    struct ws_topic *t = s->topic;
    if (s->prev_of_topic)
        s->prev_of_topic->next_of_topic = s->next_of_topic;
    else
        t->first = s->next_of_topic;
    if (s->next_of_topic)
        s->next_of_topic->prev_of_topic = s->prev_of_topic;
    t->n_subscribers--;
    mem_free(s);
}

void ws_unsubscribe(struct ws_client *c, struct str topic)
{
    for (struct ws_subscription **at = &c->subscriptions; *at; at = &(*at)->next_of_client) {
        struct ws_subscription *s = *at;
        if (!str_equal(s->topic->name, topic))
            continue;
        *at = s->next_of_client;
        c->n_subscriptions--;
        subscription_free(s);
        return;
    }
}

void ws_unsubscribe_all(struct ws_client *c)
{
    while (c->subscriptions) {
        struct ws_subscription *s = c->subscriptions;
        c->subscriptions = s->next_of_client;
        subscription_free(s);
    }
    c->n_subscriptions = 0;
}

size_t ws_n_subscribers(const struct ws_loop *l, struct str topic)
{
    for (struct ws_topic *t = l->topics[str_hash(topic) % l->n_slots]; t; t = t->next_in_slot) {
        if (str_equal(t->name, topic))
            return t->n_subscribers;
    }
    return 0;
}

// --- handing out

// Sending dooms or closes nobody at once (ws_client_doom() waits for the round's end; a full queue
// loses messages), so the list stays as it is.
static void send_to_all(struct ws_topic *t, struct ws_message *m)
{
    struct ws_subscription *next;
    for (struct ws_subscription *s = t->first; s; s = next) {
        next = s->next_of_topic;
        ws_send(s->client, m);
    }
}

static void drop_due(struct ws_loop *l, struct ws_topic *t)
{
    if (t->due_ns == 0)
        return;
    struct ws_topic **at = &l->due;
    while (*at != t)
        at = &(*at)->next_due;
    *at = t->next_due;
    t->due_ns = 0;
}

static void send_latest(struct ws_loop *l, struct ws_topic *t)
{
    drop_due(l, t);
    t->sent_ns = l->now_ns;
    send_to_all(t, t->latest);
}

static void put_latest(struct ws_loop *l, struct ws_topic *t, const struct ws_publication *p,
                       struct ws_message *m)
{
    int per_second = p->per_second > 0 ? p->per_second : DEFAULT_PER_SECOND;
    int64_t next_ns = t->sent_ns + CLOCK_NS_PER_S / per_second;
    ws_message_ref(m);
    ws_message_unref(&t->latest);
    t->latest = m;
    t->keep_until_ns =
        l->now_ns + (p->keep_ms > 0 ? p->keep_ms : DEFAULT_KEEP_MS) * CLOCK_NS_PER_MS;
    if (p->delivery == WS_FINAL || t->sent_ns == 0 || next_ns <= l->now_ns) {
        send_latest(l, t);
    } else if (t->due_ns == 0) {
        t->due_ns = next_ns;
        t->next_due = l->due;
        l->due = t;
    }
}

void ws_topic_hand_out(struct ws_loop *l, const struct ws_publication *p, struct ws_message *m)
{
    struct ws_topic *t;
    if (p->delivery == WS_EACH) {
        t = find(l, p->topic);
        if (t)
            send_to_all(t, m);
        return;
    }
    t = find_or_create(l, p->topic);
    if (t)
        put_latest(l, t, p, m);
}

void ws_topics_run_due(struct ws_loop *l)
{
    struct ws_topic *next;
    for (struct ws_topic *t = l->due; t; t = next) {
        next = t->next_due;
        if (t->due_ns <= l->now_ns)
            send_latest(l, t);
    }
}

int64_t ws_topics_next_due(const struct ws_loop *l)
{
    int64_t due = INT64_MAX;
    for (const struct ws_topic *t = l->due; t; t = t->next_due)
        due = MIN(due, t->due_ns);
    return due;
}

void ws_topics_sweep(struct ws_loop *l)
{
    for (size_t i = 0; i < l->n_slots && l->n_topics > 0; i++) {
        for (struct ws_topic **at = &l->topics[i]; *at;) {
            struct ws_topic *t = *at;
            if (!t->first && t->due_ns == 0 && t->keep_until_ns <= l->now_ns)
                topic_free(l, at);
            else
                at = &t->next_in_slot;
        }
    }
}
