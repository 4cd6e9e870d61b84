// SPDX-License-Identifier: Apache-2.0
// pool.c - starting and ending the threads of a pool.
//
// INVARIANTS
// (1) A run is seen by the keeper from the claim to the last word; its worker does not let go of it
//     while the keeper holds it.
// (2) Workers end before the keeper: until the last word leases are renewed.

#include "task/pool.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "event/announce.h"
#include "event/bus.h"
#include "task/pool_priv.h"

enum {
    DEFAULT_LEASE_MS = 30 * 1000,
    DEFAULT_POLL_MS = 2000,
};

static void name_pool(struct task_pool *p)
{
    char host[64] = "";
    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    if (p->opts.name)
        snprintf(p->name, sizeof(p->name), "%s", p->opts.name);
    else
        snprintf(p->name, sizeof(p->name), "%s:%d", host, (int)getpid());
}

static int listen_to_tasks(struct task_pool *p)
{
    int r = bus_listen(p->opts.tools.bus, &(struct bus_listener_opts){0}, &p->listener);
    return r == 0 ? bus_listener_subscribe(p->listener, STR(ANNOUNCE_TASKS)) : r;
}

static int start_threads(struct task_pool *p)
{
    int r = thread_start(&p->keeper, "keeper", task_keeper_run, p);
    for (int i = 0; r == 0 && i < p->opts.n_workers; i++) {
        p->workers[i].pool = p;
        r = thread_start(&p->workers[i].thread, "task", task_worker_run, &p->workers[i]);
    }
    return r;
}

static int start(struct task_pool *p)
{
    int r = lock_init(&p->lock, LOCK_RANK_APP);
    if (r < 0)
        return r;
    r = cond_init(&p->changed);
    if (r < 0) {
        lock_finish(&p->lock);
        return r;
    }
    p->has_lock = true;
    p->n_started = p->opts.n_workers;
    if (p->opts.n_workers > 0) {
        p->workers = mem_array(struct task_worker, (size_t)p->opts.n_workers);
        if (!p->workers)
            return ERR_NOMEM;
    }
    r = listen_to_tasks(p);
    return r == 0 ? start_threads(p) : r;
}

int task_pool_create(const struct task_pool_opts *opts, struct task_pool **ret_pool)
{
    struct task_pool *p = mem_new(struct task_pool);
    if (!p)
        return ERR_NOMEM;
    p->opts = *opts;
    if (p->opts.lease_ms == 0)
        p->opts.lease_ms = DEFAULT_LEASE_MS;
    if (p->opts.poll_ms == 0)
        p->opts.poll_ms = DEFAULT_POLL_MS;
    for (; opts->kinds[p->n_kinds]; p->n_kinds++) {
        assert(p->n_kinds < STORE_TASK_KINDS_MAX);
        p->kind_names[p->n_kinds] = opts->kinds[p->n_kinds]->name;
    }
    name_pool(p);
    int r = start(p);
    if (r < 0) {
        task_pool_destroy(p);
        return r;
    }
    *ret_pool = p;
    return 0;
}

size_t task_pool_n_running(struct task_pool *p)
{
    size_t n = 0;
    lock_acquire(&p->lock);
    for (int i = 0; i < p->n_started; i++)
        n += p->workers[i].run != NULL;
    lock_release(&p->lock);
    return n;
}

void task_pool_drain(struct task_pool *p, int64_t limit_ms)
{
    int64_t deadline_ns = clock_now_ns() + limit_ms * CLOCK_NS_PER_MS;
    lock_acquire(&p->lock);
    p->is_draining = true;
    cond_broadcast(&p->changed);
    lock_release(&p->lock);
    while (task_pool_n_running(p) > 0 && clock_now_ns() < deadline_ns)
        clock_sleep_ns(10 * CLOCK_NS_PER_MS);
    task_keeper_stop_all(p);
    while (task_pool_n_running(p) > 0)
        clock_sleep_ns(10 * CLOCK_NS_PER_MS);
}

void task_pool_destroy(struct task_pool *p)
{
    if (!p)
        return;
    if (p->has_lock) {
        if (p->workers)
            task_pool_drain(p, 0);
        lock_acquire(&p->lock);
        p->is_ending = true;
        cond_broadcast(&p->changed);
        lock_release(&p->lock);
        for (int i = 0; p->workers && i < p->n_started; i++)
            thread_join(&p->workers[i].thread);
        lock_acquire(&p->lock);
        p->keeper_ends = true;
        lock_release(&p->lock);
        thread_join(&p->keeper);
        bus_listener_close(p->listener);
        cond_finish(&p->changed);
        lock_finish(&p->lock);
    }
    mem_free(p->workers);
    mem_free(p);
}
