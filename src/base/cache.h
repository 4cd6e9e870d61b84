// SPDX-License-Identifier: Apache-2.0
// cache.h - values by key, bounded in bytes, with lifetimes, forgotten exactly when what they show
// changes.
//
// Each value carries tags ("video:01J...", "project:01J..."): cache_forget_tag() drops all that
// carry it. A value that was computed from what a tag stood for *before* it was forgotten is never
// kept: take a ticket before reading, and pass it with the value.
//
//   uint64_t ticket = cache_ticket(c);
//   struct cache_value *v = cache_find(c, key);
//   if (!v) { ... read, compute ...; cache_put(c, &(struct cache_item){.key = key, .ticket =
//   ticket, ...}); }
//
// Ownership: values are counted and live on after they left the cache: cache_value_unref().
// Threads: any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct cache;

enum {
    CACHE_MAX_TAGS = 12,  // of one value
    CACHE_MAX_TEXT = 512, // bytes of a key or tag
};

struct cache_value {
    struct str bytes; // constant
    int64_t kept_us;  // wall clock of its making
};

// A value of no cache, owned. ERR_NOMEM.
int cache_value_make(struct str bytes, struct cache_value **ret_value) MUST_CHECK;
struct cache_value *cache_value_ref(struct cache_value *v);
void cache_value_unref(struct cache_value **pv); // nulls; NULL inside is a no-op

// Another cache behind this one, shared by several machines (Redis). Its calls must not wait long:
// they run on the asking thread. NULL functions are not called.
struct cache_far {
    // 0 and the bytes in *out, or ERR_NOT_FOUND; other errors count as a miss.
    int (*find)(void *arg, struct str key, struct str_buf *out);
    void (*put)(void *arg, struct str key, struct str bytes, int lifetime_ms,
                const struct str *tags, size_t n_tags);
    void (*forget_tag)(void *arg, struct str tag);
    void *arg;
};

struct cache_opts {
    const char *name; // the label of cache_hits_total{cache}; a constant
    size_t max_bytes; // of keys, values, tags and what holds them; the longest unused go first
    size_t max_value; // larger ones are not kept [an eighth of max_bytes]
    int lifetime_ms;  // of values that name none; 0: without end
    const struct cache_far *far; // borrowed; NULL: none
};

int cache_create(const struct cache_opts *opts, struct cache **ret_cache) MUST_CHECK; // ERR_NOMEM
void cache_destroy(struct cache *c); // NULL is a no-op

uint64_t cache_ticket(struct cache *c);
// Owned by the caller; NULL: not there. Counts the hit or the miss.
struct cache_value *cache_find(struct cache *c, struct str key);

struct cache_item {
    struct str key;
    struct str bytes; // copied
    uint64_t ticket;  // from before what the value shows was read
    int lifetime_ms;  // 0: the cache's
    const struct str *tags;
    size_t n_tags;
};

// Keeps the value in place of any older one. Not kept: too large, a tag was forgotten since the
// ticket, no memory. *ret_value (may be NULL): the value, owned by the caller, kept or not.
// ERR_NOMEM only when *ret_value is asked for and cannot be had.
int cache_put(struct cache *c, const struct cache_item *item, struct cache_value **ret_value);

void cache_forget(struct cache *c, struct str key);
void cache_forget_tag(struct cache *c, struct str tag);

struct cache_stats {
    size_t n_values;
    size_t n_bytes;
    uint64_t n_hits;
    uint64_t n_misses;
    uint64_t n_dropped; // to make room
};

struct cache_stats cache_stats(struct cache *c);
