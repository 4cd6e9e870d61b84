// SPDX-License-Identifier: Apache-2.0
// preload.c - one thread loads model after model; readiness looks at what became of them.

#include "app/preload.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "blob/blob.h"
#include "infer/model_cache.h"
#include "store/store_model.h"
#include "task/kind.h"

enum {
    MAX_MODELS = 64,
};

struct preload {
    // --- constant after create
    const struct task_tools *tools;
    struct arena *arena;
    struct store_model models[MAX_MODELS];
    size_t n_models;
    struct thread thread;
    // --- atomic
    atomic_bool is_stopping;
    // --- guarded by lock
    struct lock lock;
    size_t n_done;
    int result; // of the first that could not be loaded
    char message[ERR_MESSAGE_BYTES];
};

size_t preload_count(const char *names)
{
    struct str rest = str_of(names);
    struct str name;
    size_t n = 0;
    while (str_split(&rest, ',', &name))
        n += str_trim(name).n > 0;
    return n;
}

static int look_up(struct preload *p, const char *names)
{
    struct str rest = str_of(names);
    struct str part;
    int r = 0;
    while (r == 0 && str_split(&rest, ',', &part)) {
        struct str name = str_trim(part);
        if (name.n == 0)
            continue;
        if (p->n_models == MAX_MODELS)
            return err_set(ERR_TOO_BIG, "--preload: more than %d models", MAX_MODELS);
        struct store_model *m = &p->models[p->n_models++];
        const char *text = arena_strndup(p->arena, name.p, name.n);
        r = text ? store_model_get(p->tools->store, text, p->arena, m) : ERR_NOMEM;
        if (r == 0 && !m->blob_key)
            r = err_set(ERR_CONFLICT, "model %s has no file", m->name);
        if (r < 0)
            r = err_prefix(r, "--preload");
    }
    return r;
}

int preload_create(const struct task_tools *tools, const char *names, struct preload **ret_preload)
{
    struct preload *p = mem_new(struct preload);
    if (!p)
        return ERR_NOMEM;
    p->tools = tools;
    int r = lock_init(&p->lock, LOCK_RANK_STORE);
    if (r < 0) {
        mem_free(p);
        return r;
    }
    r = arena_create(0, &p->arena);
    if (r == 0)
        r = look_up(p, names);
    if (r < 0) {
        preload_destroy(p);
        return r;
    }
    *ret_preload = p;
    return 0;
}

static int load(const struct preload *p, const struct store_model *m)
{
    char path[BLOB_PATH_BYTES];
    struct detector *d;
    int r = blob_path(p->tools->blob, m->blob_key, path);
    if (r < 0)
        return r;
    const struct model_wanted wanted = {.key = m->id, .name = m->name, .model = {.path = path}};
    r = model_cache_take(p->tools->models, &wanted, &d);
    if (r == 0)
        model_cache_give_back(p->tools->models, d);
    return r;
}

static void note(struct preload *p, const struct store_model *m, int r)
{
    if (r < 0)
        log_error(m->name, "it cannot be preloaded: %s", err_message(r));
    lock_acquire(&p->lock);
    p->n_done++;
    if (r < 0 && p->result == 0) {
        p->result = r;
        (void)snprintf(p->message, sizeof(p->message), "model %s cannot be loaded", m->name);
    }
    lock_release(&p->lock);
}

static void run(void *arg)
{
    struct preload *p = (struct preload *)arg;
    for (size_t i = 0; i < p->n_models && !atomic_load(&p->is_stopping); i++) {
        const struct store_model *m = &p->models[i];
        int64_t began_ns = clock_now_ns();
        int r = load(p, m);
        note(p, m, r);
        if (r == 0)
            log_info(m->name, "loaded and warmed in %.0f ms",
                     (double)(clock_now_ns() - began_ns) / (double)CLOCK_NS_PER_MS);
    }
}

int preload_start(struct preload *p)
{
    return p->n_models > 0 ? thread_start(&p->thread, "preload", run, p) : 0;
}

int preload_check(struct preload *p)
{
    int r = 0;
    lock_acquire(&p->lock);
    if (p->result < 0)
        r = err_set((enum err)p->result, "%s", p->message);
    else if (p->n_done < p->n_models)
        r = err_set(ERR_BUSY, "model %s is being loaded", p->models[p->n_done].name);
    lock_release(&p->lock);
    return r;
}

void preload_destroy(struct preload *p)
{
    if (!p)
        return;
    atomic_store(&p->is_stopping, true);
    thread_join(&p->thread);
    arena_destroy(p->arena);
    lock_finish(&p->lock);
    mem_free(p);
}
