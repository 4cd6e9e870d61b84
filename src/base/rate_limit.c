// SPDX-License-Identifier: Apache-2.0
// rate_limit.c - token buckets in a table of small sets, found by a keyed hash.

#include "base/rate_limit.h"

#include <assert.h>
#include <math.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

enum {
    SET_SIZE = 8,
};

struct bucket {
    uint64_t hash; // 0: never used
    double tokens; // at *at_ns*
    int64_t at_ns;
};

struct rate_limit {
    // --- constant after create
    struct rate_limit_class classes[RATE_LIMIT_MAX_CLASSES];
    size_t n_classes;
    size_t n_sets;                                // power of two
    unsigned char key[crypto_shorthash_KEYBYTES]; // so that nobody can aim at a set
    struct lock lock;
    // --- guarded by lock
    struct bucket *buckets;
};

static struct metric m_limited =
    METRIC_COUNTER("rate_limited_total", "Requests refused for coming too fast", "class");

int rate_limit_create(const struct rate_limit_class *classes, size_t n_classes, size_t n_clients,
                      struct rate_limit **ret_limit)
{
    assert(n_classes > 0 && n_classes <= RATE_LIMIT_MAX_CLASSES);
    struct rate_limit *l = mem_new(struct rate_limit);
    if (!l)
        return ERR_NOMEM;
    int r = lock_init(&l->lock, LOCK_RANK_METRIC);
    if (r < 0) {
        mem_free(l);
        return r;
    }
    memcpy(l->classes, classes, n_classes * sizeof(*classes));
    l->n_classes = n_classes;
    l->n_sets = 1;
    while (l->n_sets * SET_SIZE < n_clients * n_classes * 2)
        l->n_sets *= 2;
    l->buckets = mem_array(struct bucket, l->n_sets * SET_SIZE);
    r = l->buckets ? metrics_register(&m_limited) : ERR_NOMEM;
    if (r < 0) {
        rate_limit_destroy(l);
        return r;
    }
    randombytes_buf(l->key, sizeof(l->key));
    *ret_limit = l;
    return 0;
}

void rate_limit_destroy(struct rate_limit *l)
{
    if (!l)
        return;
    lock_finish(&l->lock);
    mem_free(l->buckets);
    mem_free(l);
}

static uint64_t hash_of(const struct rate_limit *l, size_t class_index, struct str client)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t h;
    crypto_shorthash(out, (const unsigned char *)client.p, client.n, l->key);
    memcpy(&h, out, sizeof(h));
    h ^= (class_index + 1) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
    return h ? h : 1;
}

static struct bucket *find_locked(struct rate_limit *l, uint64_t hash, double burst, int64_t now)
{
    struct bucket *set = &l->buckets[(hash & (l->n_sets - 1)) * SET_SIZE];
    struct bucket *oldest = set;
    for (size_t i = 0; i < SET_SIZE; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].hash == 0 || (oldest->hash != 0 && set[i].at_ns < oldest->at_ns))
            oldest = &set[i];
    }
    *oldest = (struct bucket){hash, burst, now};
    return oldest;
}

bool rate_limit_take(struct rate_limit *l, size_t class_index, struct str client, double cost,
                     int *ret_retry_after_s)
{
    assert(class_index < l->n_classes && cost >= 0);
    const struct rate_limit_class *c = &l->classes[class_index];
    if (c->per_second <= 0)
        return true;
    double burst = MAX(c->burst, 1.0);
    uint64_t hash = hash_of(l, class_index, client);
    int64_t now = clock_now_ns();
    cost = MIN(cost, burst);
    lock_acquire(&l->lock);
    struct bucket *b = find_locked(l, hash, burst, now);
    double gained = (double)MAX(now - b->at_ns, 0) / (double)CLOCK_NS_PER_S * c->per_second;
    b->tokens = MIN(b->tokens + gained, burst);
    b->at_ns = now;
    double missing = cost - b->tokens;
    if (missing <= 0)
        b->tokens -= cost;
    lock_release(&l->lock);
    if (missing <= 0)
        return true;
    double wait_s = ceil(missing / c->per_second);
    *ret_retry_after_s = wait_s < 1 ? 1 : wait_s > 86400 ? 86400 : (int)wait_s;
    metric_add(&m_limited, 1, LABELS(c->name));
    return false;
}
