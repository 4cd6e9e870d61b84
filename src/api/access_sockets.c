// SPDX-License-Identifier: Apache-2.0
// access_sockets.c - open WebSockets and who they belong to; a thread that looks up for the loop
// what needs the store.
//
// INVARIANTS
// (1) A record stands in the list from its handler to on_close, so nothing that is withdrawn
//     meanwhile is missed: on_open refuses a record that has ended.
// (2) Clients are touched on the loop's thread only; others post there and name the record by its
//     serial number.
// (3) Wishes of one client are looked up in the order in which they came.

#include <stdio.h>
#include <string.h>

#include "api/access_priv.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/thread.h"
#include "event/announce.h"
#include "http/server.h"
#include "http/ws.h"
#include "store/store_access.h"
#include "store/store_login.h"

enum {
    MAX_WISHES = 4096, // that wait to be looked up
    MAX_ENDING = 64,   // logins looked at in one round
    LOOK_S = 1,
    WS_POLICY = 1008,
};

struct access_socket {
    // --- constant after create
    struct api *api;
    uint64_t serial;
    struct access_facts facts;
    char user_id[ID_BYTES], key_id[ID_BYTES], key_project[ID_BYTES];
    char login_hash[SECRET_HASH_BYTES];
    // --- written by the loop thread, under lock
    struct ws_client *client; // from on_open to on_close
    bool is_closed;           // was told to close
    // --- guarded by lock
    struct access_socket *next, *prev;
    int64_t expires_at_us; // 0: never
    bool is_ended;
};

struct wish {
    struct wish *next;
    uint64_t serial;
    bool is_on;
    struct str topic; // behind the struct
};

struct access_sockets {
    struct thread thread;
    struct lock lock;
    struct cond changed;
    // --- guarded by lock
    struct access_socket *first;
    uint64_t n_made;
    struct wish *wishes, *last_wish;
    size_t n_wishes;
    bool is_stopping;
};

static struct access_socket *find_locked(struct access_sockets *all, uint64_t serial)
{
    struct access_socket *s = all->first;
    while (s && s->serial != serial)
        s = s->next;
    return s;
}

// ---- a socket's life

static void copy_id(char to[ID_BYTES], const char *id)
{
    snprintf(to, ID_BYTES, "%s", id ? id : "");
}

int access_socket_create(struct request *q, struct access_socket **ret_socket)
{
    const struct access_who *who = access_who(q);
    struct api *a = api_of(q);
    struct access_sockets *all = a->sockets;
    struct access_socket *s = mem_new(struct access_socket);
    if (!s)
        return ERR_NOMEM;
    s->api = a;
    s->facts = who->facts;
    s->expires_at_us = who->expires_at_us;
    copy_id(s->user_id, who->user_id);
    copy_id(s->key_id, who->key_id);
    copy_id(s->key_project, who->key_project);
    snprintf(s->login_hash, sizeof(s->login_hash), "%s", who->login_hash ? who->login_hash : "");
    lock_acquire(&all->lock);
    s->serial = ++all->n_made;
    s->next = all->first;
    if (s->next)
        s->next->prev = s;
    all->first = s;
    lock_release(&all->lock);
    *ret_socket = s;
    return 0;
}

void access_socket_destroy(struct access_socket *s)
{
    if (!s)
        return;
    struct access_sockets *all = s->api->sockets;
    lock_acquire(&all->lock);
    if (s->prev)
        s->prev->next = s->next;
    else
        all->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    lock_release(&all->lock);
    mem_free(s);
}

int access_socket_open(struct access_socket *s, struct ws_client *c)
{
    struct access_sockets *all = s->api->sockets;
    lock_acquire(&all->lock);
    bool is_ended = s->is_ended;
    s->client = c;
    lock_release(&all->lock);
    return is_ended ? err_set(ERR_FORBIDDEN, "access was withdrawn") : 0;
}

// ---- the end of a right

// Up to *max* clients that have to be closed and were not.
static size_t take_ended(struct access_sockets *all, struct ws_client **ret_clients, size_t max)
{
    size_t n = 0;
    lock_acquire(&all->lock);
    for (struct access_socket *s = all->first; s && n < max; s = s->next) {
        if (!s->is_ended || !s->client || s->is_closed)
            continue;
        s->is_closed = true;
        ret_clients[n++] = s->client;
    }
    lock_release(&all->lock);
    return n;
}

// Loop: clients go on this thread only.
static void close_ended(void *arg)
{
    struct ws_client *clients[MAX_ENDING];
    size_t n;
    do {
        n = take_ended(((struct api *)arg)->sockets, clients, ARRAY_LEN(clients));
        for (size_t i = 0; i < n; i++)
            ws_close(clients[i], WS_POLICY, "access was withdrawn");
    } while (n == ARRAY_LEN(clients));
}

static void post(struct api *a, void (*call)(void *arg), void *arg)
{
    if (a->server && ws_post(server_ws(a->server), call, arg) < 0)
        err_clear(); // the loop has ended, and its clients with it
}

static bool is_meant(const struct access_socket *s, enum access_end what, const char *id)
{
    switch (what) {
    case ACCESS_END_KEY:
        return strcmp(s->key_id, id) == 0;
    case ACCESS_END_LOGIN:
        return strcmp(s->login_hash, id) == 0;
    case ACCESS_END_USER:
        return strcmp(s->user_id, id) == 0;
    case ACCESS_END_EVERYBODY:
        return s->facts.kind == ACCESS_EVERYBODY;
    case ACCESS_END_UNSET:
        break;
    }
    return false;
}

void access_end_sockets(struct api *a, enum access_end what, const char *id)
{
    struct access_sockets *all = a->sockets;
    bool is_any = false;
    lock_acquire(&all->lock);
    for (struct access_socket *s = all->first; s; s = s->next) {
        s->is_ended = s->is_ended || is_meant(s, what, id);
        is_any = is_any || s->is_ended;
    }
    lock_release(&all->lock);
    if (is_any)
        post(a, close_ended, a);
}

int api_users_changed(struct api *a, const char *user_id)
{
    int r = access_reload(a);
    if (r == 0 && api_has_accounts(a))
        access_end_sockets(a, ACCESS_END_EVERYBODY, NULL);
    if (user_id)
        access_end_sockets(a, ACCESS_END_USER, user_id);
    return r;
}

// A login that was used meanwhile lasts longer than its sockets knew.
static int64_t expiry_of(struct api *a, const char *login_hash)
{
    struct arena *arena = NULL;
    struct store_login l = {0};
    int64_t at_us = 0;
    int r = login_hash[0] ? arena_create(0, &arena) : ERR_NOT_FOUND;
    if (r == 0 && store_login_find(a->opts.store, login_hash, arena, &l) == 0)
        at_us = l.expires_at_us;
    err_clear();
    arena_destroy(arena);
    return at_us;
}

static void end_expired(struct api *a)
{
    struct access_sockets *all = a->sockets;
    struct {
        uint64_t serial;
        char login_hash[SECRET_HASH_BYTES];
    } late[MAX_ENDING];
    size_t n = 0;
    bool is_any = false;
    int64_t now_us = store_now_us(a->opts.store);
    lock_acquire(&all->lock);
    for (struct access_socket *s = all->first; s && n < MAX_ENDING; s = s->next) {
        if (s->is_ended || s->expires_at_us == 0 || s->expires_at_us > now_us)
            continue;
        late[n].serial = s->serial;
        snprintf(late[n++].login_hash, SECRET_HASH_BYTES, "%s", s->login_hash);
    }
    lock_release(&all->lock);
    for (size_t i = 0; i < n; i++) {
        int64_t at_us = expiry_of(a, late[i].login_hash);
        lock_acquire(&all->lock);
        struct access_socket *s = find_locked(all, late[i].serial);
        if (s && at_us > now_us)
            s->expires_at_us = at_us;
        else if (s)
            is_any = s->is_ended = true;
        lock_release(&all->lock);
    }
    if (is_any)
        post(a, close_ended, a);
}

// ---- wishes

// What is found out goes back to the loop.
struct answer {
    struct api *api;
    struct wish *wish;
    bool is_allowed;
};

static void give_answer(void *arg)
{
    struct answer *x = (struct answer *)arg;
    struct access_sockets *all = x->api->sockets;
    lock_acquire(&all->lock);
    struct access_socket *s = find_locked(all, x->wish->serial);
    lock_release(&all->lock);
    struct ws_client *c = s ? s->client : NULL; // records go on this thread only
    int r = 0;
    if (c && !x->is_allowed)
        r = ERR_NOT_FOUND;
    else if (c && x->wish->is_on)
        r = ws_subscribe(c, x->wish->topic);
    else if (c)
        ws_unsubscribe(c, x->wish->topic);
    if (r < 0)
        ws_close(c, WS_POLICY, x->is_allowed ? err_name(r) : "a topic does not exist");
    err_clear();
    mem_free(x->wish);
    mem_free(x);
}

static bool is_allowed(struct api *a, const struct access_socket *s, struct str topic)
{
    const struct access_who who = {
        .facts = s->facts,
        .user_id = s->user_id[0] ? s->user_id : NULL,
        .key_project = s->key_project[0] ? s->key_project : NULL,
    };
    bool is_task = str_starts(topic, ANNOUNCE_TASK_PREFIX);
    size_t n = strlen(is_task ? ANNOUNCE_TASK_PREFIX : ANNOUNCE_PROJECT_PREFIX);
    struct access_facts f;
    struct store_home home;
    char id[64];
    snprintf(id, sizeof(id), "%.*s", (int)MIN(topic.n - n, sizeof(id) - 1), topic.p + n);
    int r =
        store_home_get(a->opts.store, is_task ? STORE_NOUN_TASK : STORE_NOUN_PROJECT, id, &home);
    if (r == 0)
        r = access_object_facts(a, &who, &home, &f);
    err_clear();
    return r == 0 && access_decide(API_VIEWER, &f) == ACCESS_ALLOWED;
}

static void look_up(struct api *a, struct wish *w)
{
    struct access_sockets *all = a->sockets;
    struct access_socket copy = {0};
    struct answer *x = mem_new(struct answer);
    lock_acquire(&all->lock);
    const struct access_socket *s = find_locked(all, w->serial);
    if (s) {
        copy.facts = s->facts;
        copy_id(copy.user_id, s->user_id);
        copy_id(copy.key_project, s->key_project);
    }
    lock_release(&all->lock);
    if (!s || !x || !a->server) {
        mem_free(x);
        mem_free(w);
        return;
    }
    *x = (struct answer){a, w, !w->is_on || is_allowed(a, &copy, w->topic)};
    if (ws_post(server_ws(a->server), give_answer, x) < 0) {
        mem_free(w);
        mem_free(x);
    }
    err_clear();
}

static int add_wish(struct access_socket *s, struct str topic, bool is_on)
{
    struct access_sockets *all = s->api->sockets;
    struct wish *w = mem_calloc(1, sizeof(*w) + topic.n);
    if (!w)
        return ERR_NOMEM;
    char *text = (char *)(w + 1);
    memcpy(text, topic.p, topic.n);
    w->topic = (struct str){text, topic.n};
    w->serial = s->serial;
    w->is_on = is_on;
    lock_acquire(&all->lock);
    bool is_taken = all->n_wishes < MAX_WISHES && !all->is_stopping;
    if (is_taken) {
        if (all->last_wish)
            all->last_wish->next = w;
        else
            all->wishes = w;
        all->last_wish = w;
        all->n_wishes++;
        cond_signal(&all->changed);
    }
    lock_release(&all->lock);
    if (!is_taken) {
        mem_free(w);
        return err_set(ERR_BUSY, "too many topics at once");
    }
    return 0;
}

int access_socket_follow(struct access_socket *s, struct str topic, bool is_on)
{
    bool sees_all = s->facts.kind == ACCESS_EVERYBODY ||
                    (s->facts.everywhere >= STORE_ROLE_VIEWER && !s->key_project[0]);
    if (!sees_all)
        return add_wish(s, topic, is_on);
    if (is_on)
        return ws_subscribe(s->client, topic);
    ws_unsubscribe(s->client, topic);
    return 0;
}

// ---- the thread

static struct wish *take_locked(struct access_sockets *all)
{
    struct wish *w = all->wishes;
    if (!w)
        return NULL;
    all->wishes = w->next;
    if (!all->wishes)
        all->last_wish = NULL;
    all->n_wishes--;
    return w;
}

static void watch(void *arg)
{
    struct api *a = (struct api *)arg;
    struct access_sockets *all = a->sockets;
    int64_t next_ns = clock_now_ns() + LOOK_S * CLOCK_NS_PER_S;
    lock_acquire(&all->lock);
    while (!all->is_stopping) {
        struct wish *w = take_locked(all);
        if (!w && clock_now_ns() < next_ns) {
            (void)cond_wait(&all->changed, &all->lock, next_ns);
            continue;
        }
        lock_release(&all->lock);
        if (w) {
            look_up(a, w);
        } else {
            end_expired(a);
            next_ns = clock_now_ns() + LOOK_S * CLOCK_NS_PER_S;
        }
        lock_acquire(&all->lock);
    }
    lock_release(&all->lock);
}

int access_sockets_create(struct api *a)
{
    struct access_sockets *all = mem_new(struct access_sockets);
    if (!all)
        return ERR_NOMEM;
    int r = lock_init(&all->lock, LOCK_RANK_HTTP);
    if (r == 0 && (r = cond_init(&all->changed)) < 0)
        lock_finish(&all->lock);
    if (r < 0)
        mem_free(all);
    else
        a->sockets = all;
    return r;
}

int access_sockets_start(struct api *a)
{
    return thread_start(&a->sockets->thread, "access", watch, a);
}

void access_sockets_stop(struct api *a)
{
    struct access_sockets *all = a->sockets;
    lock_acquire(&all->lock);
    all->is_stopping = true;
    cond_broadcast(&all->changed);
    lock_release(&all->lock);
    thread_join(&all->thread);
}

void access_sockets_destroy(struct api *a)
{
    struct access_sockets *all = a->sockets;
    struct wish *w;
    if (!all)
        return;
    while ((w = take_locked(all)) != NULL)
        mem_free(w);
    cond_finish(&all->changed);
    lock_finish(&all->lock);
    mem_free(all);
    a->sockets = NULL;
}
