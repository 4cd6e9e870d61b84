// SPDX-License-Identifier: Apache-2.0
// metrics.c - the registry: series found by hash without a lock, values added atomically.
//
// (1) A metric's table only grows; a slot once set never changes, so readers need no lock. Writers
//     of a table hold `growing`.
// (2) Values are doubles kept as 64 bits in an atomic; adding is a compare-and-swap loop.
// (3) A forgotten series stays in the table, hidden, until somebody counts in it again.

#include "base/metrics.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    MAX_METRICS = 256,
    MAX_REFRESH = 32,
};

struct metric_series {
    // --- constant
    struct metric *metric;
    uint64_t hash;
    char *values[METRIC_MAX_LABELS];
    // --- atomic
    atomic_bool hidden;
    _Atomic uint64_t value;   // counter, gauge, or a histogram's sum: the bits of a double
    _Atomic uint64_t *counts; // histograms: n_buckets + 1, not cumulative; the last is +Inf
};

struct metric_state {
    // --- constant
    size_t n_slots; // power of two, at least twice the most series
    size_t max_series;
    size_t n_labels;
    struct metric_series *other; // where combinations past the limit go; NULL without labels
    // --- guarded by growing
    size_t n_series;
    // --- atomic
    _Atomic(struct metric_series *) slots[];
};

const double metric_seconds[14] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                   0.25,  0.5,    1,     2.5,  5,     10,   60};
const double metric_short_seconds[16] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                         0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                         0.5,     1,      2.5,     5};

static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registered[MAX_METRICS]; // guarded by growing; sorted by name
static size_t n_registered;

static pthread_mutex_t refreshing = PTHREAD_MUTEX_INITIALIZER;
static struct {
    void (*call)(void *arg);
    void *arg;
} refreshers[MAX_REFRESH]; // guarded by refreshing
static size_t n_refreshers;

// --- doubles in atomics

static double bits_to_double(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static uint64_t double_to_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits;
}

static void add_double(_Atomic uint64_t *to, double v)
{
    uint64_t old = atomic_load_explicit(to, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(to, &old, double_to_bits(bits_to_double(old) + v),
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

static double load_double(_Atomic uint64_t *from)
{
    return bits_to_double(atomic_load_explicit(from, memory_order_relaxed));
}

// --- series

// A label's value as it is kept: cut at a whole character, "" for NULL.
static struct str kept_value(const char *text)
{
    struct str s = str_of(text);
    if (s.n <= METRIC_MAX_VALUE)
        return s;
    s.n = METRIC_MAX_VALUE;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

static uint64_t hash_values(size_t n_labels, const char *const *values)
{
    uint64_t h = STR_HASH_SEED;
    for (size_t i = 0; i < n_labels; i++) {
        h = str_hash_more(h, kept_value(values[i]));
        h = str_hash_more(h, STR("\xff")); // no byte of UTF-8: "a","b" is not "ab",""
    }
    return h ^ (h >> 32);
}

static bool same_values(const struct metric_series *s, size_t n_labels, const char *const *values)
{
    for (size_t i = 0; i < n_labels; i++) {
        if (!str_is(kept_value(values[i]), s->values[i]))
            return false;
    }
    return true;
}

static void series_destroy(struct metric_series *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < METRIC_MAX_LABELS; i++)
        mem_free(s->values[i]);
    mem_free(s->counts);
    mem_free(s);
}

static struct metric_series *series_create(struct metric *m, uint64_t hash, size_t n_labels,
                                           const char *const *values)
{
    struct metric_series *s = mem_new(struct metric_series);
    if (!s)
        return NULL;
    s->metric = m;
    s->hash = hash;
    for (size_t i = 0; i < n_labels; i++) {
        struct str v = kept_value(values[i]);
        s->values[i] = mem_strndup(v.p ? v.p : "", v.n);
        if (!s->values[i])
            goto fail;
    }
    if (m->type == METRIC_TYPE_HISTOGRAM) {
        s->counts = mem_calloc(m->n_buckets + 1, sizeof(*s->counts));
        if (!s->counts)
            goto fail;
    }
    return s;
fail:
    series_destroy(s);
    return NULL;
}

static struct metric_series *find_series(struct metric_state *st, uint64_t hash,
                                         const char *const *values, size_t *ret_slot)
{
    size_t i = hash & (st->n_slots - 1);
    for (;; i = (i + 1) & (st->n_slots - 1)) {
        struct metric_series *s = atomic_load_explicit(&st->slots[i], memory_order_acquire);
        if (!s || (s->hash == hash && same_values(s, st->n_labels, values))) {
            *ret_slot = i;
            return s;
        }
    }
}

static struct metric_series *add_series_locked(struct metric *m, struct metric_state *st,
                                               uint64_t hash, const char *const *values)
{
    size_t slot;
    struct metric_series *s = find_series(st, hash, values, &slot);
    if (s)
        return s; // another thread came first
    if (st->n_series >= st->max_series)
        return st->other;
    s = series_create(m, hash, st->n_labels, values);
    if (!s)
        return NULL;
    st->n_series++;
    atomic_store_explicit(&st->slots[slot], s, memory_order_release);
    return s;
}

// --- registration

static size_t count_labels(const struct metric *m)
{
    size_t n = 0;
    while (m->labels[n])
        n++;
    assert(n <= METRIC_MAX_LABELS);
    return n;
}

static void state_destroy(struct metric_state *st)
{
    if (!st)
        return;
    for (size_t i = 0; i < st->n_slots; i++)
        series_destroy(atomic_load(&st->slots[i]));
    series_destroy(st->other);
    mem_free(st);
}

static struct metric_state *state_create(struct metric *m)
{
    size_t n_labels = count_labels(m);
    size_t max = n_labels == 0 ? 1 : m->max_series ? m->max_series : METRIC_DEFAULT_SERIES;
    assert(max <= METRIC_MAX_SERIES && m->n_buckets <= METRIC_MAX_BUCKETS);
    size_t n_slots = 4;
    while (n_slots < 2 * max)
        n_slots *= 2;
    struct metric_state *st =
        mem_calloc(1, sizeof(*st) + n_slots * sizeof(_Atomic(struct metric_series *)));
    if (!st)
        return NULL;
    st->n_slots = n_slots;
    st->max_series = max;
    st->n_labels = n_labels;
    if (n_labels > 0) {
        st->other = series_create(m, 0, n_labels, LABELS("other", "other", "other", "other"));
        if (!st->other)
            goto fail;
        atomic_store(&st->other->hidden, true); // shown when it is first used
    } else if (!add_series_locked(m, st, hash_values(0, NULL), NULL)) {
        goto fail;
    }
    return st;
fail:
    state_destroy(st);
    return NULL;
}

static void insert_sorted_locked(struct metric *m)
{
    size_t at = n_registered++;
    for (; at > 0 && strcmp(registered[at - 1]->name, m->name) > 0; at--)
        registered[at] = registered[at - 1];
    assert(at == 0 || strcmp(registered[at - 1]->name, m->name) != 0);
    registered[at] = m;
}

int metrics_register(struct metric *m)
{
    if (atomic_load_explicit(&m->state, memory_order_acquire))
        return 0;
    pthread_mutex_lock(&growing);
    struct metric_state *st = atomic_load(&m->state);
    if (!st) {
        assert(n_registered < MAX_METRICS);
        st = state_create(m);
        if (st) {
            insert_sorted_locked(m);
            atomic_store_explicit(&m->state, st, memory_order_release);
        }
    }
    pthread_mutex_unlock(&growing);
    return st ? 0 : err_set(ERR_NOMEM, "out of memory: metric %s", m->name);
}

// --- updates

struct metric_series *metric_series(struct metric *m, const char *const *values)
{
    if (metrics_register(m) < 0)
        return NULL;
    struct metric_state *st = atomic_load_explicit(&m->state, memory_order_acquire);
    assert(st->n_labels == 0 || values);
    uint64_t hash = hash_values(st->n_labels, values);
    size_t slot;
    struct metric_series *s = find_series(st, hash, values, &slot);
    if (!s) {
        pthread_mutex_lock(&growing);
        s = add_series_locked(m, st, hash, values);
        pthread_mutex_unlock(&growing);
    }
    return s;
}

static void show(struct metric_series *s)
{
    if (atomic_load_explicit(&s->hidden, memory_order_relaxed))
        atomic_store_explicit(&s->hidden, false, memory_order_relaxed);
}

void metric_series_add(struct metric_series *s, double v)
{
    if (!s)
        return;
    assert(s->metric->type == METRIC_TYPE_GAUGE ||
           (s->metric->type == METRIC_TYPE_COUNTER && v >= 0));
    show(s);
    add_double(&s->value, v);
}

void metric_series_set(struct metric_series *s, double v)
{
    if (!s)
        return;
    assert(s->metric->type == METRIC_TYPE_GAUGE);
    show(s);
    atomic_store_explicit(&s->value, double_to_bits(v), memory_order_relaxed);
}

void metric_series_observe(struct metric_series *s, double v)
{
    if (!s)
        return;
    const struct metric *m = s->metric;
    assert(m->type == METRIC_TYPE_HISTOGRAM);
    show(s);
    size_t i = 0;
    while (i < m->n_buckets && !(v <= m->buckets[i]))
        i++;
    atomic_fetch_add_explicit(&s->counts[i], 1, memory_order_relaxed);
    add_double(&s->value, v);
}

void metric_add(struct metric *m, double v, const char *const *values)
{
    metric_series_add(metric_series(m, values), v);
}

void metric_set(struct metric *m, double v, const char *const *values)
{
    metric_series_set(metric_series(m, values), v);
}

void metric_observe(struct metric *m, double v, const char *const *values)
{
    metric_series_observe(metric_series(m, values), v);
}

static struct metric_series *known_series(struct metric *m, const char *const *values)
{
    struct metric_state *st = atomic_load_explicit(&m->state, memory_order_acquire);
    size_t slot;
    return st ? find_series(st, hash_values(st->n_labels, values), values, &slot) : NULL;
}

static uint64_t count_of(struct metric_series *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= s->metric->n_buckets; i++)
        n += atomic_load_explicit(&s->counts[i], memory_order_relaxed);
    return n;
}

double metric_value(struct metric *m, const char *const *values)
{
    struct metric_series *s = known_series(m, values);
    if (!s)
        return 0;
    return m->type == METRIC_TYPE_HISTOGRAM ? (double)count_of(s) : load_double(&s->value);
}

static void series_clear(struct metric_series *s)
{
    atomic_store(&s->hidden, s->metric->labels[0] != NULL);
    atomic_store(&s->value, double_to_bits(0));
    for (size_t i = 0; s->counts && i <= s->metric->n_buckets; i++)
        atomic_store(&s->counts[i], 0);
}

void metric_forget(struct metric *m, const char *const *values)
{
    struct metric_series *s = known_series(m, values);
    if (s)
        series_clear(s);
}

void metrics_test_reset(void)
{
    pthread_mutex_lock(&growing);
    for (size_t i = 0; i < n_registered; i++) {
        struct metric_state *st = atomic_load(&registered[i]->state);
        for (size_t k = 0; k < st->n_slots; k++) {
            struct metric_series *s = atomic_load(&st->slots[k]);
            if (s)
                series_clear(s);
        }
        if (st->other)
            series_clear(st->other);
    }
    pthread_mutex_unlock(&growing);
}

// --- exposition

int metrics_add_refresh(void (*refresh)(void *arg), void *arg)
{
    int r = 0;
    pthread_mutex_lock(&refreshing);
    if (n_refreshers == MAX_REFRESH) {
        r = err_set(ERR_TOO_BIG, "metrics: more than %d refreshers", MAX_REFRESH);
    } else {
        refreshers[n_refreshers].call = refresh;
        refreshers[n_refreshers++].arg = arg;
    }
    pthread_mutex_unlock(&refreshing);
    return r;
}

void metrics_remove_refresh(void (*refresh)(void *arg), void *arg)
{
    pthread_mutex_lock(&refreshing);
    for (size_t i = 0; i < n_refreshers; i++) {
        if (refreshers[i].call == refresh && refreshers[i].arg == arg) {
            refreshers[i] = refreshers[--n_refreshers];
            break;
        }
    }
    pthread_mutex_unlock(&refreshing);
}

static void add_escaped(struct str_buf *out, const char *text, bool quotes)
{
    for (struct str s = str_of(text); s.n > 0;) {
        size_t n = str_utf8_length(s);
        if (n == 0) {
            str_buf_puts(out, "\xef\xbf\xbd"); // U+FFFD
            n = 1;
        } else if (*s.p == '\\') {
            str_buf_puts(out, "\\\\");
        } else if (*s.p == '\n') {
            str_buf_puts(out, "\\n");
        } else if (*s.p == '"' && quotes) {
            str_buf_puts(out, "\\\"");
        } else {
            str_buf_add(out, s.p, n);
        }
        s.p += n;
        s.n -= n;
    }
}

static void add_number(struct str_buf *out, double v)
{
    if (isnan(v))
        str_buf_puts(out, "NaN");
    else if (isinf(v))
        str_buf_puts(out, v > 0 ? "+Inf" : "-Inf");
    else
        str_buf_double(out, v);
}

// name_suffix{labels,le="bound"} up to the value; *bound* NULL: without le.
static void add_name(struct str_buf *out, const struct metric_series *s, const char *suffix,
                     const double *bound)
{
    const struct metric *m = s->metric;
    str_buf_puts(out, m->name);
    str_buf_puts(out, suffix);
    const char *before = "{";
    for (size_t i = 0; m->labels[i]; i++, before = ",") {
        str_buf_puts(out, before);
        str_buf_puts(out, m->labels[i]);
        str_buf_puts(out, "=\"");
        add_escaped(out, s->values[i], true);
        str_buf_putc(out, '"');
    }
    if (bound) {
        str_buf_puts(out, before);
        str_buf_puts(out, "le=\"");
        add_number(out, *bound);
        str_buf_putc(out, '"');
        before = ",";
    }
    str_buf_puts(out, *before == ',' ? "} " : " ");
}

static void add_histogram(struct str_buf *out, struct metric_series *s)
{
    const struct metric *m = s->metric;
    const double inf = INFINITY;
    uint64_t n = 0;
    for (size_t i = 0; i <= m->n_buckets; i++) {
        n += atomic_load_explicit(&s->counts[i], memory_order_relaxed);
        add_name(out, s, "_bucket", i < m->n_buckets ? &m->buckets[i] : &inf);
        str_buf_i64(out, (int64_t)n);
        str_buf_putc(out, '\n');
    }
    add_name(out, s, "_sum", NULL);
    add_number(out, load_double(&s->value));
    str_buf_putc(out, '\n');
    add_name(out, s, "_count", NULL);
    str_buf_i64(out, (int64_t)n);
    str_buf_putc(out, '\n');
}

static void add_series(struct str_buf *out, struct metric_series *s)
{
    if (!s || atomic_load_explicit(&s->hidden, memory_order_relaxed))
        return;
    if (s->metric->type == METRIC_TYPE_HISTOGRAM) {
        add_histogram(out, s);
        return;
    }
    add_name(out, s, "", NULL);
    add_number(out, load_double(&s->value));
    str_buf_putc(out, '\n');
}

static void add_metric(struct str_buf *out, const struct metric *m, struct metric_state *st)
{
    static const char *const types[] = {
        [METRIC_TYPE_COUNTER] = "counter",
        [METRIC_TYPE_GAUGE] = "gauge",
        [METRIC_TYPE_HISTOGRAM] = "histogram",
    };
    str_buf_printf(out, "# HELP %s ", m->name);
    add_escaped(out, m->help, false);
    str_buf_printf(out, "\n# TYPE %s %s\n", m->name, types[m->type]);
    for (size_t i = 0; i < st->n_slots; i++)
        add_series(out, atomic_load_explicit(&st->slots[i], memory_order_acquire));
    add_series(out, st->other);
}

void metrics_write(struct str_buf *out)
{
    pthread_mutex_lock(&refreshing);
    for (size_t i = 0; i < n_refreshers; i++)
        refreshers[i].call(refreshers[i].arg);
    pthread_mutex_unlock(&refreshing);

    struct metric *all[MAX_METRICS];
    pthread_mutex_lock(&growing);
    size_t n = n_registered;
    memcpy(all, registered, n * sizeof(*all));
    pthread_mutex_unlock(&growing);
    for (size_t i = 0; i < n; i++)
        add_metric(out, all[i], atomic_load_explicit(&all[i]->state, memory_order_acquire));
}
