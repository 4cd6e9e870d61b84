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
// (5) One thread at a time makes what is kept by one key; others wait for it and look again.

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
    ETAG_CHARS = 32, // of the digest's 64
    MAX_HEAD = 256,  // ETag and line feed
    MAX_TAG = 80,    // "sessions:ID"
    MAX_MAKING = 64, // at once that others wait for
    MAX_KEY = 160,   // ... and the longest key of them
    MAX_WAIT_MS = 10 * 1000,
};
#define EVERYTHING STR("everything") // a tag of every value, for when events were lost

struct reply_cache {
    // --- constant after create
    struct store *store;
    struct cache *answers, *pictures;
    // --- guarded by lock
    struct lock lock;
    struct bus_listener *listener;
    char making[MAX_MAKING][MAX_KEY]; // keys; "": free
    struct cond made;
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
        r = cond_init(&c->made);
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
    cond_finish(&c->made);
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

static int find_making(const struct reply_cache *c, const char *key)
{
    for (int i = 0; i < MAX_MAKING; i++)
        if (strcmp(c->making[i], key) == 0)
            return i;
    return -1;
}

// Waits while somebody else makes it. The place that making_end() takes; -1: none is needed.
static int making_begin(struct reply_cache *c, const char *key, bool *ret_waited)
{
    int64_t deadline = clock_now_ns() + MAX_WAIT_MS * CLOCK_NS_PER_MS;
    *ret_waited = false;
    if (strlen(key) >= MAX_KEY)
        return -1;
    lock_acquire(&c->lock);
    while (find_making(c, key) >= 0) {
        *ret_waited = true;
        if (!cond_wait(&c->made, &c->lock, deadline))
            break;
    }
    int place = find_making(c, key) >= 0 ? -1 : find_making(c, "");
    if (place >= 0)
        snprintf(c->making[place], MAX_KEY, "%s", key);
    lock_release(&c->lock);
    return place;
}

static void making_end(struct reply_cache *c, int place)
{
    if (place < 0)
        return;
    lock_acquire(&c->lock);
    c->making[place][0] = 0;
    cond_broadcast(&c->made);
    lock_release(&c->lock);
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

// The value, owned by the caller.
static int get(struct api *api, const struct cached_reply *r, struct cache_value **ret)
{
    struct reply_cache *c = api->replies;
    struct cache *cache = r->is_picture ? c->pictures : c->answers;
    bool has_waited = false;
    if (!cache || !hear(c))
        return make_and_keep(api, r, NULL, ret);
    *ret = cache_find(cache, str_of(r->key));
    if (*ret)
        return 0;
    int place = making_begin(c, r->key, &has_waited);
    int k = 0;
    bool is_true = !has_waited || hear(c);
    if (has_waited && is_true)
        *ret = cache_find(cache, str_of(r->key));
    if (!*ret)
        k = make_and_keep(api, r, is_true ? cache : NULL, ret);
    making_end(c, place);
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
