// SPDX-License-Identifier: Apache-2.0
// model_cache.c - a short list of detectors under one lock; loading happens outside of it.

#include "infer/model_cache.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "base/thread.h"
#include "infer/desk.h"
#include "infer/detector.h"

enum {
    MAX_LEDGERS = 1024, // models whose past is kept
};
#define MIN_FREE_BYTES ((int64_t)(512 * MIB))

static struct metric queue_depth = METRIC_GAUGE(
    "inference_queue_depth", "Pictures that wait for a model, by lane", "model", "lane");
static struct metric models_loaded = METRIC_GAUGE("models_loaded", "Models in memory");
static struct metric resident =
    METRIC_GAUGE("model_resident_bytes", "Memory that a model's load added", "model");

// What a model did in entries that are gone.
struct ledger {
    char key[MODEL_CACHE_KEY_BYTES];
    struct model_cache_usage past;
    struct ledger *next;
};

struct entry {
    char key[MODEL_CACHE_KEY_BYTES];
    char name[MODEL_CACHE_KEY_BYTES];
    char *variant;             // the options as text: what else tells entries apart; owned
    struct detector *detector; // NULL while it is being loaded
    struct desk *desk;         // NULL likewise
    int64_t resident_bytes;
    size_t n_users;
    int64_t n_taken;
    int64_t load_ns;
    int64_t idle_since_ns;
    bool is_leaving;
    struct entry *next;
};

struct model_cache {
    // --- constant after create
    struct model_cache_opts opts;
    // --- under lock
    struct lock lock;
    struct cond loaded; // an entry was loaded, or its load came to nothing
    struct entry *entries;
    struct ledger *ledgers;
    size_t n_ledgers;
};

int model_cache_create(const struct model_cache_opts *opts, struct model_cache **ret_cache)
{
    struct model_cache *c = mem_new(struct model_cache);
    if (!c)
        return ERR_NOMEM;
    c->opts = *opts;
    if (c->opts.max_idle == 0)
        c->opts.max_idle = MODEL_CACHE_IDLE;
    if (c->opts.min_free_bytes == 0)
        c->opts.min_free_bytes = MIN_FREE_BYTES;
    int r = lock_init(&c->lock, LOCK_RANK_APP);
    if (r == 0 && (r = cond_init(&c->loaded)) < 0)
        lock_finish(&c->lock);
    if (r < 0) {
        mem_free(c);
        return r;
    }
    *ret_cache = c;
    return 0;
}

static void entry_destroy(struct entry *e)
{
    if (e->detector) {
        metric_forget(&queue_depth, LABELS(e->name, "interactive"));
        metric_forget(&queue_depth, LABELS(e->name, "bulk"));
        metric_forget(&resident, LABELS(e->name));
    }
    desk_destroy(e->desk);
    detector_destroy(e->detector);
    mem_free(e->variant);
    mem_free(e);
}

static void list_destroy(struct entry *e)
{
    while (e) {
        struct entry *next = e->next;
        entry_destroy(e);
        e = next;
    }
}

void model_cache_destroy(struct model_cache *c)
{
    if (!c)
        return;
    for (struct entry *e = c->entries; e; e = e->next)
        assert(e->n_users == 0);
    list_destroy(c->entries);
    for (struct ledger *l = c->ledgers; l; l = c->ledgers) {
        c->ledgers = l->next;
        mem_free(l);
    }
    cond_finish(&c->loaded);
    lock_finish(&c->lock);
    mem_free(c);
}

// --- finding

static char *variant_of(const struct model_wanted *w, const struct engine_opts *e)
{
    struct str_buf out = STR_BUF_INIT(64 * KIB);
    double max_loss = e->precision == PRECISION_UNSET ? e->max_loss : 0; // else it chooses nothing
    str_buf_printf(&out, "%s|%d|%s|%s|%lld|%d|%d|%d|%lld|%lld|%.17g", w->model.path, w->model.head,
                   w->model.labels_path ? w->model.labels_path : "",
                   w->model.anchors ? w->model.anchors : "", (long long)w->model.imgsz, e->engine,
                   e->precision, e->device, (long long)e->threads, (long long)e->batch, max_loss);
    return str_buf_take(&out);
}

// What is asked for over what the cache was made with: zero is not set.
static struct engine_opts engine_of(const struct model_cache *c, const struct engine_opts *asked)
{
    struct engine_opts e = c->opts.engine;
    if (!asked)
        return e;
    e.engine = asked->engine ? asked->engine : e.engine;
    e.precision = asked->precision ? asked->precision : e.precision;
    e.device = asked->device ? asked->device : e.device;
    e.threads = asked->threads ? asked->threads : e.threads;
    e.batch = asked->batch ? asked->batch : e.batch;
    e.max_loss = asked->max_loss > 0 ? asked->max_loss : e.max_loss;
    return e;
}

static struct entry *find_locked(struct model_cache *c, const char *key, const char *variant)
{
    for (struct entry *e = c->entries; e; e = e->next)
        if (!e->is_leaving && strcmp(e->key, key) == 0 && strcmp(e->variant, variant) == 0)
            return e;
    return NULL;
}

// --- what models did

static struct ledger *ledger_locked(struct model_cache *c, const char *key)
{
    struct ledger *l = c->ledgers;
    while (l && strcmp(l->key, key) != 0)
        l = l->next;
    if (l || c->n_ledgers == MAX_LEDGERS)
        return l;
    l = mem_new(struct ledger);
    if (!l)
        return NULL;
    snprintf(l->key, sizeof(l->key), "%s", key);
    l->next = c->ledgers;
    c->ledgers = l;
    c->n_ledgers++;
    return l;
}

static void add_entry(struct model_cache_usage *u, const struct entry *e)
{
    struct detector_stats d = detector_stats(e->detector);
    u->n_loads++;
    u->load_ns += e->load_ns;
    u->n_taken += e->n_taken;
    u->n_pictures += d.n_pictures;
    u->n_failed += d.n_failed;
    u->run_ns += d.run_ns;
    u->wait_ns += d.wait_ns;
}

struct model_cache_usage model_cache_usage(struct model_cache *c, const char *key)
{
    struct model_cache_usage u = {0};
    lock_acquire(&c->lock);
    for (const struct ledger *l = c->ledgers; l; l = l->next)
        if (strcmp(l->key, key) == 0)
            u = l->past;
    for (const struct entry *e = c->entries; e; e = e->next) {
        if (!e->detector || strcmp(e->key, key) != 0)
            continue;
        add_entry(&u, e);
        u.resident_bytes += e->resident_bytes;
        u.n_loaded++;
        u.n_users += e->n_users;
        u.n_waiting += desk_n_waiting(e->desk);
    }
    lock_release(&c->lock);
    return u;
}

// An entry that goes leaves what it did in the ledger.
static void unlink_locked(struct model_cache *c, const struct entry *gone)
{
    struct ledger *l = gone->detector ? ledger_locked(c, gone->key) : NULL;
    if (l)
        add_entry(&l->past, gone);
    struct entry **p = &c->entries;
    while (*p != gone)
        p = &(*p)->next;
    *p = gone->next;
}

// --- letting go

static int64_t free_memory(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    long long kib = -1;
    while (f && fgets(line, sizeof(line), f)) {
        struct str rest = str_of(line);
        if (!str_starts(rest, "MemAvailable:"))
            continue;
        kib = strtoll(line + strlen("MemAvailable:"), NULL, 10);
        break;
    }
    if (f)
        fclose(f);
    return kib < 0 ? INT64_MAX : (int64_t)kib * 1024;
}

// Of this process; 0 where the kernel does not say.
static int64_t resident_now(void)
{
    long n_pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*s %ld", &n_pages) != 1)
        n_pages = 0;
    if (f)
        fclose(f);
    return (int64_t)n_pages * sysconf(_SC_PAGESIZE);
}

// One model alone stays, however large: else each request would load it anew.
static bool is_over_limit_locked(const struct model_cache *c)
{
    int64_t n_bytes = 0;
    size_t n = 0;
    for (const struct entry *e = c->entries; e; e = e->next) {
        n_bytes += e->resident_bytes;
        n += e->detector != NULL;
    }
    return c->opts.max_bytes > 0 && n_bytes > c->opts.max_bytes && n > 1;
}

static struct entry *oldest_idle_locked(struct model_cache *c, size_t *ret_n_idle)
{
    struct entry *oldest = NULL;
    *ret_n_idle = 0;
    for (struct entry *e = c->entries; e; e = e->next) {
        if (e->n_users > 0 || !e->detector)
            continue;
        (*ret_n_idle)++;
        if (!oldest || e->idle_since_ns < oldest->idle_since_ns)
            oldest = e;
    }
    return oldest;
}

// The entries to be freed, taken off the list.
static struct entry *take_superfluous_locked(struct model_cache *c, bool is_short)
{
    struct entry *gone = NULL;
    size_t n_idle;
    struct entry *e;
    while ((e = oldest_idle_locked(c, &n_idle)) &&
           (is_short || e->is_leaving || n_idle > c->opts.max_idle || is_over_limit_locked(c))) {
        unlink_locked(c, e);
        e->next = gone;
        gone = e;
    }
    return gone;
}

void model_cache_relieve(struct model_cache *c)
{
    bool is_short = free_memory() < c->opts.min_free_bytes;
    lock_acquire(&c->lock);
    struct entry *gone = take_superfluous_locked(c, is_short);
    lock_release(&c->lock);
    list_destroy(gone);
}

void model_cache_give_back(struct model_cache *c, struct detector *d)
{
    if (!d)
        return;
    lock_acquire(&c->lock);
    struct entry *e = c->entries;
    while (e && e->detector != d)
        e = e->next;
    assert(e && e->n_users > 0);
    struct entry *gone = NULL;
    if (--e->n_users == 0) {
        e->idle_since_ns = clock_now_ns();
        if (e->is_leaving) {
            unlink_locked(c, e);
            e->next = NULL;
            gone = e;
        } else if (is_over_limit_locked(c)) {
            gone = take_superfluous_locked(c, false);
        }
    }
    lock_release(&c->lock);
    list_destroy(gone);
}

struct desk *model_cache_desk(struct model_cache *c, const struct detector *d)
{
    lock_acquire(&c->lock);
    const struct entry *e = c->entries;
    while (e && e->detector != d)
        e = e->next;
    assert(e && e->n_users > 0);
    struct desk *k = e->desk;
    lock_release(&c->lock);
    return k;
}

void model_cache_unload(struct model_cache *c, const char *key, size_t *ret_n)
{
    struct entry *gone = NULL;
    size_t n = 0;
    lock_acquire(&c->lock);
    struct entry *next;
    for (struct entry *e = c->entries; e; e = next) {
        next = e->next;
        if (e->is_leaving || strcmp(e->key, key) != 0)
            continue;
        n++;
        e->is_leaving = true;
        if (e->n_users > 0)
            continue;
        unlink_locked(c, e);
        e->next = gone;
        gone = e;
    }
    lock_release(&c->lock);
    list_destroy(gone);
    if (ret_n)
        *ret_n = n;
}

// --- loading

// What a load gave.
struct loaded {
    struct detector *detector;
    struct desk *desk;
    int64_t load_ns;
    int64_t resident_bytes;
};

static int load(const struct model_cache *c, const struct model_wanted *w,
                const struct engine_opts *engine, struct loaded *ret)
{
    struct model *m = NULL;
    int64_t began_ns = clock_now_ns();
    int64_t before = resident_now();
    int r = model_open(&w->model, &m);
    if (r == 0)
        r = detector_create(m, engine, &ret->detector);
    model_unref(&m);
    if (r == 0)
        r = desk_create(ret->detector, c->opts.max_waiting, &ret->desk);
    if (r < 0) {
        detector_destroy(ret->detector);
        return r;
    }
    detector_set_name(ret->detector, w->name ? w->name : w->key);
    detector_set_niceness(ret->detector, c->opts.niceness);
    // What others took or gave meanwhile is in it too; a model is no smaller than its file.
    struct stat file = {.st_size = 0};
    IGNORE(stat(w->model.path, &file)); // then it is 0
    ret->resident_bytes = MAX(resident_now() - before, (int64_t)file.st_size);
    ret->load_ns = clock_now_ns() - began_ns;
    return 0;
}

// An entry that this thread has to load: it is on the list, without a detector, with one user.
static struct entry *begin_entry_locked(struct model_cache *c, const struct model_wanted *w,
                                        char *variant)
{
    struct entry *e = mem_new(struct entry);
    if (!e)
        return NULL;
    snprintf(e->key, sizeof(e->key), "%s", w->key);
    snprintf(e->name, sizeof(e->name), "%s", w->name ? w->name : w->key);
    e->variant = variant;
    e->n_users = 1;
    e->next = c->entries;
    c->entries = e;
    return e;
}

static int finish_entry(struct model_cache *c, struct entry *e, const struct loaded *l, int r)
{
    lock_acquire(&c->lock);
    e->detector = l->detector;
    e->desk = l->desk;
    e->load_ns = l->load_ns;
    e->resident_bytes = l->resident_bytes;
    e->n_taken = 1;
    if (r < 0)
        unlink_locked(c, e);
    cond_broadcast(&c->loaded);
    lock_release(&c->lock);
    if (r < 0)
        entry_destroy(e);
    return r;
}

// The entry once it is loaded; NULL: none is there, or its load came to nothing.
static struct entry *await_locked(struct model_cache *c, const char *key, const char *variant)
{
    for (;;) {
        struct entry *e = find_locked(c, key, variant);
        if (!e || e->detector)
            return e;
        (void)cond_wait(&c->loaded, &c->lock, THREAD_FOREVER);
    }
}

int model_cache_take(struct model_cache *c, const struct model_wanted *wanted,
                     struct detector **ret_detector)
{
    const struct engine_opts engine = engine_of(c, wanted->engine);
    if (strlen(wanted->key) >= MODEL_CACHE_KEY_BYTES)
        return err_set(ERR_INVALID, "%s: the model's name is too long", wanted->key);
    char *variant = variant_of(wanted, &engine);
    if (!variant)
        return ERR_NOMEM;
    lock_acquire(&c->lock);
    struct entry *e = await_locked(c, wanted->key, variant);
    if (e) {
        e->n_users++;
        e->n_taken++;
        *ret_detector = e->detector;
        lock_release(&c->lock);
        mem_free(variant);
        return 0;
    }
    e = begin_entry_locked(c, wanted, variant);
    lock_release(&c->lock);
    if (!e) {
        mem_free(variant);
        return ERR_NOMEM;
    }
    model_cache_relieve(c);
    struct loaded l = {0};
    int r = load(c, wanted, &engine, &l);
    if (r < 0)
        l = (struct loaded){0};
    r = finish_entry(c, e, &l, r);
    if (r < 0)
        return r;
    *ret_detector = l.detector;
    model_cache_relieve(c); // the others, where this one was too much
    return 0;
}

void model_cache_each(struct model_cache *c,
                      void (*each)(void *arg, const struct model_cache_entry *e), void *arg)
{
    lock_acquire(&c->lock);
    int64_t now_ns = clock_now_ns();
    for (const struct entry *e = c->entries; e; e = e->next) {
        if (!e->detector)
            continue;
        const struct model_cache_entry seen = {
            .key = e->key,
            .name = e->name,
            .detector = e->detector,
            .n_users = e->n_users,
            .n_taken = e->n_taken,
            .load_ns = e->load_ns,
            .idle_ns = e->n_users > 0 ? 0 : now_ns - e->idle_since_ns,
            .is_leaving = e->is_leaving,
            .resident_bytes = e->resident_bytes,
        };
        each(arg, &seen);
    }
    lock_release(&c->lock);
}

// --- metrics

int model_cache_register_metrics(void)
{
    int r = detector_register_metrics();
    if (r == 0)
        r = metrics_register(&queue_depth);
    if (r == 0)
        r = metrics_register(&models_loaded);
    return r == 0 ? metrics_register(&resident) : r;
}

// Entries of one name (one model, set in several ways) are added up.
static void show_model_locked(const struct model_cache *c, const struct entry *shown)
{
    size_t interactive = 0;
    size_t bulk = 0;
    int64_t n_bytes = 0;
    for (const struct entry *e = c->entries; e; e = e->next) {
        if (!e->detector || strcmp(e->name, shown->name) != 0)
            continue;
        interactive +=
            desk_n_waiting(e->desk) + detector_n_waiting(e->detector, DETECTOR_INTERACTIVE);
        bulk += detector_n_waiting(e->detector, DETECTOR_BULK);
        n_bytes += e->resident_bytes;
    }
    metric_set(&queue_depth, (double)interactive, LABELS(shown->name, "interactive"));
    metric_set(&queue_depth, (double)bulk, LABELS(shown->name, "bulk"));
    metric_set(&resident, (double)n_bytes, LABELS(shown->name));
}

void model_cache_refresh(struct model_cache *c)
{
    size_t n = 0;
    lock_acquire(&c->lock);
    for (const struct entry *e = c->entries; e; e = e->next) {
        if (!e->detector)
            continue;
        show_model_locked(c, e);
        n++;
    }
    lock_release(&c->lock);
    metric_set(&models_loaded, (double)n, NO_LABELS);
}
