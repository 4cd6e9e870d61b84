// SPDX-License-Identifier: Apache-2.0
// cache.c - a hash table, a list by use, and an index of tags.
//
// INVARIANTS
// (1) n_bytes is the sum over all entries and never above max_bytes.
// (2) An entry stands in the table, in the list by use, and in the tag index once for each tag.
// (3) forgotten[] holds, for each hash of tags, the newest sequence at which one of them was
//     forgotten: an item whose ticket is older is refused. Tags that share a hash refuse too much,
//     never too little.

#include "base/cache.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/age_list.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

enum {
    N_SLOTS = 8192, // of keys; chains grow beyond
    N_TAG_SLOTS = 4096,
};

struct counted {
    struct cache_value value;
    atomic_int refs;
    char bytes[];
};

struct entry;

struct tag_link {
    struct entry *entry;
    struct str tag; // in the entry's text
    uint64_t hash;
    struct tag_link *next;
    struct tag_link *prev;
};

struct entry {
    struct age_link age; // first: by use
    struct entry *next_in_slot;
    uint64_t hash;
    struct str key;
    struct cache_value *value;
    int64_t until_ns; // INT64_MAX: without end
    size_t n_bytes;
    size_t n_tags;
    struct tag_link tags[CACHE_MAX_TAGS];
    char text[]; // the key, then the tags
};

struct cache {
    // --- constant after create
    struct cache_opts opts;
    struct lock lock;
    // --- guarded by lock
    struct entry *slots[N_SLOTS];
    struct tag_link *tag_slots[N_TAG_SLOTS];
    uint64_t forgotten[N_TAG_SLOTS];
    uint64_t sequence;
    struct age_list by_use;
    struct cache_stats stats;
};

static struct metric m_hits =
    METRIC_COUNTER("cache_hits_total", "Values found in a cache", "cache");
static struct metric m_misses =
    METRIC_COUNTER("cache_misses_total", "Values not found in a cache", "cache");
static struct metric m_bytes = METRIC_GAUGE("cache_bytes", "Bytes held by a cache", "cache");

// --- values

struct cache_value *cache_value_ref(struct cache_value *v)
{
    atomic_fetch_add_explicit(&((struct counted *)v)->refs, 1, memory_order_relaxed);
    return v;
}

void cache_value_unref(struct cache_value **pv)
{
    struct counted *c = (struct counted *)*pv;
    *pv = NULL;
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        mem_free(c);
}

static struct cache_value *value_create(struct str bytes)
{
    struct counted *c = mem_calloc(1, sizeof(*c) + bytes.n + 1);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    if (bytes.n > 0)
        memcpy(c->bytes, bytes.p, bytes.n);
    c->value.bytes = (struct str){c->bytes, bytes.n};
    c->value.kept_us = clock_wall_us();
    return &c->value;
}

int cache_value_make(struct str bytes, struct cache_value **ret_value)
{
    struct cache_value *v = value_create(bytes);
    if (!v)
        return ERR_NOMEM;
    *ret_value = v;
    return 0;
}

// --- life

int cache_create(const struct cache_opts *opts, struct cache **ret_cache)
{
    struct cache *c = mem_new(struct cache);
    if (!c)
        return ERR_NOMEM;
    assert(opts->name && opts->max_bytes > 0);
    c->opts = *opts;
    if (c->opts.max_value == 0)
        c->opts.max_value = c->opts.max_bytes / 8;
    int r = lock_init(&c->lock, LOCK_RANK_POOL);
    if (r == 0)
        r = metrics_register(&m_hits);
    if (r == 0)
        r = metrics_register(&m_misses);
    if (r == 0)
        r = metrics_register(&m_bytes);
    if (r < 0) {
        mem_free(c);
        return r;
    }
    *ret_cache = c;
    return 0;
}

// --- entries

static void unlink_tags(struct cache *c, struct entry *e)
{
    for (size_t i = 0; i < e->n_tags; i++) {
        struct tag_link *t = &e->tags[i];
        if (t->prev)
            t->prev->next = t->next;
        else
            c->tag_slots[t->hash % N_TAG_SLOTS] = t->next;
        if (t->next)
            t->next->prev = t->prev;
    }
}

static void link_tags(struct cache *c, struct entry *e)
{
    for (size_t i = 0; i < e->n_tags; i++) {
        struct tag_link *t = &e->tags[i];
        struct tag_link **slot = &c->tag_slots[t->hash % N_TAG_SLOTS];
        t->next = *slot;
        if (t->next)
            t->next->prev = t;
        *slot = t;
    }
}

static struct entry **find_slot(struct cache *c, struct str key, uint64_t hash)
{
    struct entry **at = &c->slots[hash % N_SLOTS];
    while (*at && !((*at)->hash == hash && str_equal((*at)->key, key)))
        at = &(*at)->next_in_slot;
    return at;
}

static void drop_locked(struct cache *c, struct entry **at)
{
    struct entry *e = *at;
    *at = e->next_in_slot;
    age_list_remove(&c->by_use, &e->age);
    unlink_tags(c, e);
    c->stats.n_bytes -= e->n_bytes;
    c->stats.n_values--;
    cache_value_unref(&e->value);
    mem_free(e);
}

static void drop_entry_locked(struct cache *c, struct entry *e)
{
    drop_locked(c, find_slot(c, e->key, e->hash));
}

void cache_destroy(struct cache *c)
{
    if (!c)
        return;
    while (c->by_use.oldest)
        drop_entry_locked(c, (struct entry *)c->by_use.oldest);
    lock_finish(&c->lock);
    mem_free(c);
}

static struct entry *entry_create(const struct cache *c, const struct cache_item *item)
{
    size_t n_text = item->key.n;
    for (size_t i = 0; i < item->n_tags; i++)
        n_text += item->tags[i].n;
    struct entry *e = mem_calloc(1, sizeof(*e) + n_text);
    if (!e)
        return NULL;
    char *to = e->text;
    int lifetime_ms = item->lifetime_ms ? item->lifetime_ms : c->opts.lifetime_ms;
    e->key = str_place(&to, item->key);
    e->hash = str_hash(e->key);
    e->n_tags = item->n_tags;
    e->n_bytes = sizeof(*e) + n_text + sizeof(struct counted) + item->bytes.n;
    e->until_ns = lifetime_ms ? clock_now_ns() + lifetime_ms * CLOCK_NS_PER_MS : INT64_MAX;
    for (size_t i = 0; i < e->n_tags; i++) {
        e->tags[i].entry = e;
        e->tags[i].tag = str_place(&to, item->tags[i]);
        e->tags[i].hash = str_hash(e->tags[i].tag);
    }
    return e;
}

// --- use

uint64_t cache_ticket(struct cache *c)
{
    lock_acquire(&c->lock);
    uint64_t ticket = c->sequence;
    lock_release(&c->lock);
    return ticket;
}

static struct cache_value *find_near(struct cache *c, struct str key)
{
    struct cache_value *v = NULL;
    lock_acquire(&c->lock);
    struct entry **at = find_slot(c, key, str_hash(key));
    if (*at && (*at)->until_ns <= clock_now_ns())
        drop_locked(c, at);
    else if (*at) {
        struct entry *e = *at;
        age_list_remove(&c->by_use, &e->age);
        age_list_add(&c->by_use, &e->age);
        v = cache_value_ref(e->value);
    }
    if (v)
        c->stats.n_hits++;
    lock_release(&c->lock);
    return v;
}

static struct cache_value *find_far(struct cache *c, struct str key)
{
    const struct cache_far *far = c->opts.far;
    struct str_buf out = STR_BUF_INIT(c->opts.max_value);
    struct cache_value *v = NULL;
    if (far && far->find && far->find(far->arg, key, &out) == 0 && !out.failed)
        v = value_create(str_buf_view(&out)); // not kept here: its tags stand there
    str_buf_finish(&out);
    return v;
}

struct cache_value *cache_find(struct cache *c, struct str key)
{
    struct cache_value *v = find_near(c, key);
    bool is_far = !v;
    if (!v)
        v = find_far(c, key);
    if (is_far) {
        lock_acquire(&c->lock);
        ++*(v ? &c->stats.n_hits : &c->stats.n_misses);
        lock_release(&c->lock);
    }
    metric_add(v ? &m_hits : &m_misses, 1, LABELS(c->opts.name));
    return v;
}

static bool is_stale_locked(const struct cache *c, const struct entry *e, uint64_t ticket)
{
    for (size_t i = 0; i < e->n_tags; i++) {
        if (c->forgotten[e->tags[i].hash % N_TAG_SLOTS] > ticket)
            return true;
    }
    return false;
}

// Takes the entry. False: it was not kept.
static bool keep(struct cache *c, struct entry *e, uint64_t ticket)
{
    lock_acquire(&c->lock);
    bool fresh = !is_stale_locked(c, e, ticket);
    if (fresh) {
        struct entry **at = find_slot(c, e->key, e->hash);
        if (*at)
            drop_locked(c, at);
        while (c->by_use.oldest && c->stats.n_bytes + e->n_bytes > c->opts.max_bytes) {
            drop_entry_locked(c, (struct entry *)c->by_use.oldest);
            c->stats.n_dropped++;
        }
        at = &c->slots[e->hash % N_SLOTS];
        e->next_in_slot = *at;
        *at = e;
        age_list_add(&c->by_use, &e->age);
        link_tags(c, e);
        c->stats.n_bytes += e->n_bytes;
        c->stats.n_values++;
    }
    double n_bytes = (double)c->stats.n_bytes;
    lock_release(&c->lock);
    metric_set(&m_bytes, n_bytes, LABELS(c->opts.name));
    if (!fresh) {
        cache_value_unref(&e->value);
        mem_free(e);
    }
    return fresh;
}

static bool may_keep(const struct cache *c, const struct cache_item *item)
{
    bool good = item->key.n <= CACHE_MAX_TEXT && item->bytes.n <= c->opts.max_value;
    for (size_t i = 0; i < item->n_tags; i++)
        good = good && item->tags[i].n <= CACHE_MAX_TEXT;
    return good;
}

int cache_put(struct cache *c, const struct cache_item *item, struct cache_value **ret_value)
{
    assert(item->n_tags <= CACHE_MAX_TAGS);
    struct cache_value *v = value_create(item->bytes);
    if (!v)
        return ret_value ? ERR_NOMEM : 0;
    const struct cache_far *far = c->opts.far;
    struct entry *e = may_keep(c, item) ? entry_create(c, item) : NULL;
    if (e && e->n_bytes > c->opts.max_bytes) {
        mem_free(e);
        e = NULL;
    }
    if (e) {
        e->value = cache_value_ref(v);
        if (keep(c, e, item->ticket) && far && far->put)
            far->put(far->arg, item->key, item->bytes,
                     item->lifetime_ms ? item->lifetime_ms : c->opts.lifetime_ms, item->tags,
                     item->n_tags);
    }
    if (ret_value)
        *ret_value = v;
    else
        cache_value_unref(&v);
    return 0;
}

void cache_forget(struct cache *c, struct str key)
{
    lock_acquire(&c->lock);
    struct entry **at = find_slot(c, key, str_hash(key));
    if (*at)
        drop_locked(c, at);
    lock_release(&c->lock);
}

void cache_forget_tag(struct cache *c, struct str tag)
{
    uint64_t hash = str_hash(tag);
    lock_acquire(&c->lock);
    c->forgotten[hash % N_TAG_SLOTS] = ++c->sequence;
    for (struct tag_link *t = c->tag_slots[hash % N_TAG_SLOTS]; t;) {
        bool same = t->hash == hash && str_equal(t->tag, tag);
        struct entry *e = t->entry;
        t = t->next;
        // An entry may carry a tag of this chain twice: skip its other links before it goes.
        while (same && t && t->entry == e)
            t = t->next;
        if (same)
            drop_entry_locked(c, e);
    }
    lock_release(&c->lock);
    if (c->opts.far && c->opts.far->forget_tag)
        c->opts.far->forget_tag(c->opts.far->arg, tag);
}

struct cache_stats cache_stats(struct cache *c)
{
    lock_acquire(&c->lock);
    struct cache_stats s = c->stats;
    lock_release(&c->lock);
    return s;
}
