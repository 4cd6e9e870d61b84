// SPDX-License-Identifier: Apache-2.0
// keeper.c - the thread that looks after what runs, and hears what is announced.

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "event/announce.h"
#include "event/bus.h"
#include "event/event.h"
#include "store/store.h"
#include "task/pool_priv.h"

enum {
    LOOK_MS = 200,    // between two looks at time limits
    EXPIRE_MS = 5000, // ... at leases of workers that died, and at the clock
    RENEWALS = 3,     // in the time of a lease
};

// What must be done to a run is done without the pool's lock: its row is looked up, its lease
// copied, and the run itself is kept alive by the worker that waits for the lock at its end.
static void each_run(struct task_pool *p, void (*call)(struct task_pool *p, struct task_run *run))
{
    for (int i = 0; i < p->n_started; i++) {
        lock_acquire(&p->lock);
        struct task_run *run = p->workers[i].run;
        p->workers[i].n_holders += run != NULL;
        lock_release(&p->lock);
        if (!run)
            continue;
        call(p, run);
        lock_acquire(&p->lock);
        p->workers[i].n_holders--;
        cond_broadcast(&p->changed);
        lock_release(&p->lock);
    }
}

static void look_at_time(struct task_pool *p, struct task_run *run)
{
    (void)p;
    if (clock_now_ns() > run->deadline_ns)
        task_run_stop(run, ERR_TIMEOUT);
}

static void renew(struct task_pool *p, struct task_run *run)
{
    bool cancel = false;
    int r = store_task_renew(p->opts.tools.store, &run->lease, p->opts.lease_ms, &cancel);
    if (r == ERR_CONFLICT)
        task_run_stop(run, ERR_CONFLICT);
    log_set_about((struct log_about){.name = "task", .id = run->lease.task_id, .keep = run->log});
    if (r < 0 && r != ERR_CONFLICT)
        log_warning(NULL, "its lease cannot be renewed: %s", err_message(r));
    log_set_about((struct log_about){0});
    if (r == 0 && cancel)
        task_run_cancel(run);
    err_clear();
}

static void drain_run(struct task_pool *p, struct task_run *run)
{
    (void)p;
    task_run_stop(run, ERR_CANCELLED);
}

void task_keeper_stop_all(struct task_pool *p)
{
    each_run(p, drain_run);
}

static int note_expired(void *arg, const struct store_task *t)
{
    struct task_pool *p = (struct task_pool *)arg;
    announce_task(p->opts.tools.bus, &(struct announced_task){
                                         .task_id = t->id,
                                         .kind = t->kind,
                                         .status = store_task_status_name((int)t->status),
                                         .project_id = t->project_id,
                                         .video_id = t->video_id,
                                         .session_id = t->session_id,
                                         .progress = t->progress,
                                         .error = t->error,
                                         .is_over = store_task_is_over(t->status),
                                         .changed_status = true,
                                     });
    return 0;
}

static void expire(struct task_pool *p)
{
    int64_t jump_us = 0;
    int64_t n = 0;
    int r = store_check_clock(p->opts.tools.store, &jump_us);
    if (r == 0 && jump_us != 0)
        log_warning(NULL, "the wall clock jumped by %.0f s: due times moved with it",
                    (double)jump_us / 1e6);
    if (r == 0)
        r = store_task_expire(p->opts.tools.store, note_expired, p, &n);
    if (r == 0 && n > 0)
        log_warning(NULL, "%lld tasks of lost workers are queued again or failed", (long long)n);
    if (r < 0)
        log_warning(NULL, "lapsed leases cannot be looked up: %s", err_message(r));
    err_clear();
}

// --- what is announced

static void hear(struct task_pool *p, const struct event *e)
{
    lock_acquire(&p->lock);
    p->n_announced++;
    cond_broadcast(&p->changed);
    lock_release(&p->lock);
    if (str_is(e->kind, ANNOUNCE_KIND_CANCEL)) // the rows say which
        each_run(p, renew);
}

// Waits for events until *deadline_ns*.
static void listen_until(struct task_pool *p, int64_t deadline_ns)
{
    for (;;) {
        struct event *e = NULL;
        uint64_t n_lost;
        int64_t left_ns = deadline_ns - clock_now_ns();
        if (bus_listener_receive(p->listener, left_ns > 0 ? left_ns : 0, &e, &n_lost) < 0)
            break;
        hear(p, e);
        event_unref(&e);
    }
    err_clear();
}

static bool is_due(int64_t *at_ns, int64_t every_ms)
{
    int64_t now_ns = clock_now_ns();
    if (now_ns < *at_ns)
        return false;
    *at_ns = now_ns + every_ms * CLOCK_NS_PER_MS;
    return true;
}

void task_keeper_run(void *arg)
{
    struct task_pool *p = (struct task_pool *)arg;
    int64_t renew_ns = 0;
    int64_t expire_ns = 0;
    for (;;) {
        lock_acquire(&p->lock);
        bool is_ending = p->keeper_ends;
        lock_release(&p->lock);
        if (is_ending)
            return;
        each_run(p, look_at_time);
        if (is_due(&renew_ns, p->opts.lease_ms / RENEWALS))
            each_run(p, renew);
        if (is_due(&expire_ns, EXPIRE_MS))
            expire(p);
        listen_until(p, clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS);
    }
}
