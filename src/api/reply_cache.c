// SPDX-License-Identifier: Apache-2.0
// reply_cache.c - answers that cost are made once.
//
// INVARIANTS
// (1) A commit is told on the bus before store_n_untold() is back at 0, and the listener's queue is
//     emptied before a look-up: at 0, all that was committed before is heard.
// (2) A ticket is taken after hearing and before reading: what was read before a change is never
//     kept after it was heard (cache.h).
// (3) While a commit is untold nothing is taken from the cache and nothing is put.
// (4) A value is the ETag, a line feed, the body.
// (5) One thread at a time makes what is kept by one key, and others wait for it. What began to be
//     made after they came shows all that they could know of: they take it, kept or not. What was
//     begun before may show less: they look into the cache, which knows. So whoever waits does so
//     for two makings at most, also where the value is too large to be kept.

#include "api/reply_cache.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cache.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "event/announce.h"
#include "event/bus.h"
#include "event/event.h"

enum {
    QUEUE = 4096,
    ETAG_CHARS = 32,  // of the digest's 64
    MAX_HEAD = 256,   // ETag and line feed
    MAX_TAG = 80,     // "sessions:ID"
    MAX_FLIGHTS = 64, // makings at once that others wait for
    MAX_KEY = 160,    // ... and the longest key of them
    MAX_WAIT_MS = 10 * 1000,
};
#define EVERYTHING STR("everything") // a tag of every value, for when events were lost

// A making that others may wait for. All under the cache's lock.
struct flight {
    char key[MAX_KEY];
    uint64_t number; // as they were begun
    int n_refs;      // its maker's, until it is over, and those of who waits
    bool is_over;
    struct cache_value *value; // once it is over; NULL: an error
    struct flight *again;      // the one after it, that those share who waited for this one
    struct flight *next;
};

struct reply_cache {
    // --- constant after create
    struct store *store;
    struct cache *answers, *pictures;
    // --- guarded by lock
    struct lock lock;
    struct bus_listener *listener;
    struct flight *flights;
    size_t n_flights, n_waiting;
    uint64_t n_begun;
    struct cond landed;
};

int reply_cache_create(struct store *s, struct bus *b, size_t n_bytes,
                       struct reply_cache **ret_cache)
{
    const struct bus_listener_opts listening = {.capacity = QUEUE};
    const struct cache_opts answers = {.name = "answers", .max_bytes = n_bytes / 4};
    const struct cache_opts pictures = {.name = "pictures", .max_bytes = n_bytes - n_bytes / 4};
    struct reply_cache *c = mem_new(struct reply_cache);
    if (!c)
        return ERR_NOMEM;
    c->store = s;
    int r = lock_init(&c->lock, LOCK_RANK_APP);
    if (r == 0)
        r = cond_init(&c->landed);
    if (r < 0) {
        mem_free(c);
        return r;
    }
    r = bus_listen(b, &listening, &c->listener);
    if (r == 0)
        r = bus_listener_subscribe(c->listener, STR(ANNOUNCE_CHANGES));
    if (r == 0 && n_bytes > 0)
        r = cache_create(&answers, &c->answers);
    if (r == 0 && n_bytes > 0)
        r = cache_create(&pictures, &c->pictures);
    if (r < 0) {
        reply_cache_destroy(c);
        return r;
    }
    *ret_cache = c;
    return 0;
}

void reply_cache_destroy(struct reply_cache *c)
{
    if (!c)
        return;
    bus_listener_close(c->listener);
    cache_destroy(c->answers);
    cache_destroy(c->pictures);
    cond_finish(&c->landed);
    lock_finish(&c->lock);
    mem_free(c);
}

// ---- what is still true

static void forget(struct reply_cache *c, struct str tag)
{
    cache_forget_tag(c->answers, tag);
    cache_forget_tag(c->pictures, tag);
}

// False: somebody's commit is not told of yet, so nothing that is kept can be trusted.
static bool hear(struct reply_cache *c)
{
    struct event *e;
    uint64_t n_lost;
    if (store_n_untold(c->store) > 0)
        return false;
    lock_acquire(&c->lock);
    while (bus_listener_receive(c->listener, 0, &e, &n_lost) == 0) {
        forget(c, n_lost > 0 ? EVERYTHING : e->kind);
        event_unref(&e);
    }
    lock_release(&c->lock);
    err_clear();
    return true;
}

// ---- making

struct tags {
    struct str items[CACHE_MAX_TAGS];
    size_t n;
    char texts[4][MAX_TAG]; // of those that name one
    size_t n_texts;
};

static void tag_one(struct tags *t, const char *kind, const char *id)
{
    char *text = t->texts[t->n_texts++];
    assert(t->n_texts <= ARRAY_LEN(t->texts) && t->n < ARRAY_LEN(t->items));
    snprintf(text, MAX_TAG, "%s:%s", kind, id);
    t->items[t->n++] = str_of(text);
}

static void tag_kind(struct tags *t, const struct cached_reply *r, const char *kind)
{
    if (!r->id) {
        t->items[t->n++] = str_of(kind);
        return;
    }
    tag_one(t, kind, "*");
    tag_one(t, kind, r->id);
    if (r->other_id)
        tag_one(t, kind, r->other_id);
}

static void tags_of(const struct cached_reply *r, struct tags *t)
{
    _Static_assert((int)STORE_N_CHANGES < (int)CACHE_MAX_TAGS, "all of them fit");
    t->n = t->n_texts = 0;
    t->items[t->n++] = EVERYTHING;
    for (int i = 0; i < STORE_N_CHANGES; i++)
        if (r->shows & 1u << i)
            tag_kind(t, r, store_change_name(i));
}

static int put_etag(const struct cached_reply *r, struct str body, struct str_buf *out)
{
    char hex[DIGEST_HEX_BYTES];
    struct digest d;
    if (r->etag) {
        str_buf_puts(out, r->etag);
    } else {
        digest_init(&d);
        digest_add(&d, body.p, body.n);
        digest_hex(&d, hex);
        str_buf_add(out, hex, ETAG_CHARS);
    }
    str_buf_putc(out, '\n');
    return str_buf_check(out);
}

static int make(struct api *api, const struct cached_reply *r, struct str_buf *ret_value)
{
    size_t max = r->max_bytes ? r->max_bytes : API_MAX_JSON;
    struct str_buf body = STR_BUF_INIT(max);
    struct arena *a = NULL;
    *ret_value = STR_BUF_INIT(max + MAX_HEAD);
    int k = arena_create(API_MAX_JSON, &a);
    if (k == 0)
        k = r->make(r->arg, api, a, &body);
    if (k == 0)
        k = str_buf_check(&body);
    if (k == 0)
        k = put_etag(r, str_buf_view(&body), ret_value);
    str_buf_add_str(ret_value, str_buf_view(&body));
    str_buf_finish(&body);
    arena_destroy(a);
    return k < 0 ? k : str_buf_check(ret_value);
}

// ---- making it once

static struct flight *find_flight_locked(const struct reply_cache *c, const char *key)
{
    struct flight *f = c->flights;
    while (f && strcmp(f->key, key) != 0)
        f = f->next;
    return f;
}

static void flight_unref_locked(struct flight *f)
{
    while (f && --f->n_refs == 0) {
        struct flight *again = f->again;
        cache_value_unref(&f->value);
        mem_free(f);
        f = again;
    }
}

// NULL: whoever asks makes it, and nobody waits for that.
static struct flight *flight_begin_locked(struct reply_cache *c, const char *key)
{
    struct flight *f =
        c->n_flights < MAX_FLIGHTS && strlen(key) < MAX_KEY ? mem_new(struct flight) : NULL;
    if (!f)
        return NULL;
    snprintf(f->key, MAX_KEY, "%s", key);
    f->number = ++c->n_begun;
    f->n_refs = 1;
    f->next = c->flights;
    c->flights = f;
    c->n_flights++;
    return f;
}

// What came of it (borrowed; NULL: an error) goes to those for whom it is good.
static void flight_end(struct reply_cache *c, struct flight *f, struct cache_value *value)
{
    if (!f)
        return;
    lock_acquire(&c->lock);
    struct flight **at = &c->flights;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    c->n_flights--;
    f->is_over = true;
    f->value = value ? cache_value_ref(value) : NULL;
    cond_broadcast(&c->landed);
    flight_unref_locked(f);
    lock_release(&c->lock);
}

// What whoever asks has to do.
enum turn {
    TURN_LOOK,   // again: what they waited for may be in the cache now
    TURN_TAKE,   // *ret_value, owned
    TURN_MAKE,   // in *ret_flight, which others may wait for
    TURN_ALONE,  // make it for themselves: what was made for them is an error, or takes too long
    TURN_UNKEPT, // likewise, and it is not kept: invariant (3)
};

// Whoever asks, and how far they are.
struct asker {
    uint64_t came;         // c->n_begun then: invariant (5)
    struct flight *waited; // for which they waited, and which was not good for them; a reference
};

static enum turn await_locked(struct reply_cache *c, struct asker *x, struct flight *f,
                              struct cache_value **ret_value)
{
    int64_t deadline = clock_now_ns() + MAX_WAIT_MS * CLOCK_NS_PER_MS;
    f->n_refs++;
    c->n_waiting++;
    while (!f->is_over && cond_wait(&c->landed, &c->lock, deadline)) {
    }
    c->n_waiting--;
    bool is_good = f->number > x->came;
    if (f->is_over && !is_good) {
        flight_unref_locked(x->waited);
        x->waited = f;
        return TURN_LOOK;
    }
    enum turn turn = f->is_over && f->value ? TURN_TAKE : TURN_ALONE;
    if (turn == TURN_TAKE)
        *ret_value = cache_value_ref(f->value);
    flight_unref_locked(f);
    return turn;
}

// All who waited for one making share the one after it, however late they wake.
static enum turn take_turn(struct reply_cache *c, const char *key, struct asker *x,
                           struct flight **ret_flight, struct cache_value **ret_value)
{
    enum turn turn = TURN_MAKE;
    lock_acquire(&c->lock);
    struct flight *f = x->waited ? x->waited->again : NULL;
    if (!f)
        f = find_flight_locked(c, key);
    bool is_theirs = f != NULL;
    if (!f)
        *ret_flight = f = flight_begin_locked(c, key);
    if (f && x->waited && !x->waited->again) {
        x->waited->again = f;
        f->n_refs++;
    }
    if (is_theirs)
        turn = await_locked(c, x, f, ret_value);
    lock_release(&c->lock);
    return turn;
}

size_t reply_cache_n_waiting(struct reply_cache *c)
{
    lock_acquire(&c->lock);
    size_t n = c->n_waiting;
    lock_release(&c->lock);
    return n;
}

static int make_and_keep(struct api *api, const struct cached_reply *r, struct cache *cache,
                         struct cache_value **ret)
{
    struct tags tags;
    struct str_buf value;
    tags_of(r, &tags);
    struct cache_item item = {
        .key = str_of(r->key), .lifetime_ms = r->lifetime_ms, .tags = tags.items, .n_tags = tags.n};
    item.ticket = cache ? cache_ticket(cache) : 0;
    int k = make(api, r, &value);
    item.bytes = str_buf_view(&value);
    if (k == 0)
        k = cache ? cache_put(cache, &item, ret) : cache_value_make(item.bytes, ret);
    str_buf_finish(&value);
    return k;
}

static void asker_init(struct reply_cache *c, struct asker *x)
{
    lock_acquire(&c->lock);
    *x = (struct asker){.came = c->n_begun};
    lock_release(&c->lock);
}

static void asker_finish(struct reply_cache *c, struct asker *x)
{
    lock_acquire(&c->lock);
    flight_unref_locked(x->waited);
    lock_release(&c->lock);
}

// The value, owned by the caller.
static int get(struct api *api, const struct cached_reply *r, struct cache_value **ret)
{
    struct reply_cache *c = api->replies;
    struct cache *cache = r->is_picture ? c->pictures : c->answers;
    struct asker asker;
    struct flight *f = NULL;
    enum turn turn = TURN_LOOK;
    *ret = NULL;
    asker_init(c, &asker);
    while (turn == TURN_LOOK && !*ret) {
        bool is_heard = cache && hear(c);
        *ret = is_heard ? cache_find(cache, str_of(r->key)) : NULL;
        if (!*ret)
            turn = is_heard ? take_turn(c, r->key, &asker, &f, ret) : TURN_UNKEPT;
    }
    int k = 0;
    if (!*ret)
        k = make_and_keep(api, r, turn == TURN_UNKEPT ? NULL : cache, ret);
    flight_end(c, f, k == 0 ? *ret : NULL);
    asker_finish(c, &asker);
    return k;
}

// ---- replying

static void release(void *state)
{
    struct cache_value *v = (struct cache_value *)state;
    cache_value_unref(&v);
}

// 1: replied. A picture's tag is known before the picture is.
static int reply_unchanged(struct request *q, const struct cached_reply *r, const char *etag)
{
    const struct reply_validity validity = {
        .etag = etag, .caching = r->caching ? r->caching : "private, no-cache"};
    return etag ? reply_if_unchanged(q, &validity) : ERR_NOMEM;
}

int reply_cached(struct request *q, const struct cached_reply *r)
{
    struct cache_value *v;
    bool is_asked = r->etag && request_header(q, "If-None-Match");
    int k = is_asked ? reply_unchanged(q, r, r->etag) : 0;
    if (k != 0)
        return k < 0 ? k : 0;
    k = get(api_of(q), r, &v);
    if (k < 0)
        return k;
    request_set_state(q, v, release); // it lives until the reply was sent
    struct str body = v->bytes;
    struct str etag = {NULL, 0};
    if (str_split(&body, '\n', &etag) && !is_asked)
        k = reply_unchanged(q, r, arena_strndup(request_arena(q), etag.p, etag.n));
    if (k != 0)
        return k < 0 ? k : 0;
    return reply_bytes(q, 200, r->type, body);
}

int reply_cache_warm(struct api *a, const struct cached_reply *r)
{
    struct cache_value *v = NULL;
    int k = get(a, r, &v);
    cache_value_unref(&v);
    return k;
}
