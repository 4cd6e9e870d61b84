// SPDX-License-Identifier: Apache-2.0
// run.c - a task while it runs: whether it must stop, what is seen of it, and how it ends.

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log_keep.h"
#include "base/mem.h"
#include "event/announce.h"
#include "store/store.h"
#include "task/pool_priv.h"

enum {
    ANNOUNCE_MS = 100,
    REPORT_MS = 1000,
};

int task_run_init(struct task_run *run, const struct task_pool *p, struct arena *arena)
{
    *run = (struct task_run){.pool = p, .arena = arena, .deadline_ns = THREAD_FOREVER};
    atomic_init(&run->must_stop, false);
    int r = lock_init(&run->lock, LOCK_RANK_PIPELINE);
    if (r < 0)
        return r;
    r = cond_init(&run->stopped);
    if (r < 0)
        lock_finish(&run->lock);
    return r;
}

void task_run_finish(struct task_run *run)
{
    mem_free(run->result);
    log_keep_destroy(run->log);
    cond_finish(&run->stopped);
    lock_finish(&run->lock);
}

const struct task_tools *task_run_tools(const struct task_run *run)
{
    return &run->pool->opts.tools;
}

const struct store_task *task_run_row(const struct task_run *run)
{
    return &run->row;
}

const struct store_lease *task_run_lease(const struct task_run *run)
{
    return &run->lease;
}

struct arena *task_run_arena(struct task_run *run)
{
    return run->arena;
}

const atomic_bool *task_run_stop_flag(const struct task_run *run)
{
    return &run->must_stop;
}

int task_run_check(struct task_run *run)
{
    if (!atomic_load_explicit(&run->must_stop, memory_order_relaxed))
        return 0;
    lock_acquire(&run->lock);
    int cause = run->stop_cause;
    lock_release(&run->lock);
    switch (cause) {
    case ERR_TIMEOUT:
        return err_set(ERR_TIMEOUT, "the task was not done within its time limit");
    case ERR_CONFLICT:
        return err_set(ERR_CONFLICT, "the task's lease is lost");
    default:
        return err_set(ERR_CANCELLED, "the task was stopped");
    }
}

// Calls what was registered, once. The lock is given back meanwhile: the callback may wait for
// threads that report.
static void call_on_stop_locked(struct task_run *run)
{
    void (*call)(void *arg) = run->on_stop;
    run->on_stop = NULL;
    if (!call)
        return;
    run->in_callback = true;
    lock_release(&run->lock);
    call(run->on_stop_arg);
    lock_acquire(&run->lock);
    run->in_callback = false;
    cond_broadcast(&run->stopped);
}

void task_run_stop(struct task_run *run, int cause)
{
    lock_acquire(&run->lock);
    if (run->stop_cause == 0) {
        run->stop_cause = cause;
        atomic_store(&run->must_stop, true);
    }
    call_on_stop_locked(run);
    lock_release(&run->lock);
}

void task_run_cancel(struct task_run *run)
{
    lock_acquire(&run->lock);
    run->is_cancelled = true;
    lock_release(&run->lock);
    task_run_stop(run, ERR_CANCELLED);
}

bool task_run_is_cancelled(struct task_run *run)
{
    lock_acquire(&run->lock);
    bool is_cancelled = run->is_cancelled;
    lock_release(&run->lock);
    return is_cancelled;
}

void task_run_on_stop(struct task_run *run, void (*stop)(void *arg), void *arg)
{
    lock_acquire(&run->lock);
    while (run->in_callback)
        (void)cond_wait(&run->stopped, &run->lock, THREAD_FOREVER);
    run->on_stop = stop;
    run->on_stop_arg = arg;
    if (run->stop_cause)
        call_on_stop_locked(run);
    lock_release(&run->lock);
}

// --- what is seen of it

void task_run_announce(struct task_run *run, enum store_task_status status, const char *error)
{
    const struct store_task *t = &run->row;
    lock_acquire(&run->lock);
    struct store_task_progress p = run->latest;
    lock_release(&run->lock);
    bool is_over = store_task_is_over(status);
    announce_task(run->pool->opts.tools.bus,
                  &(struct announced_task){
                      .task_id = t->id,
                      .kind = t->kind,
                      .status = store_task_status_name((int)status),
                      .project_id = t->project_id,
                      .video_id = t->video_id,
                      .session_id = t->session_id,
                      .progress = status == STORE_TASK_SUCCEEDED ? 1.0 : p.progress,
                      .message = p.message,
                      .error = error,
                      .frames_done = p.frames_done,
                      .frames_total = p.frames_total,
                      .frames_per_second = p.frames_per_second,
                      .n_detections = p.n_detections,
                      .is_over = is_over,
                      .changed_status = true,
                  });
}

static bool is_due(int64_t *last_ns, int64_t now_ns, int64_t every_ms)
{
    if (*last_ns != 0 && now_ns - *last_ns < every_ms * CLOCK_NS_PER_MS)
        return false;
    *last_ns = now_ns;
    return true;
}

static void announce_progress(struct task_run *run, const struct store_task_progress *p)
{
    const struct store_task *t = &run->row;
    announce_task(run->pool->opts.tools.bus,
                  &(struct announced_task){
                      .task_id = t->id,
                      .kind = t->kind,
                      .status = store_task_status_name(STORE_TASK_RUNNING),
                      .project_id = t->project_id,
                      .video_id = t->video_id,
                      .session_id = t->session_id,
                      .progress = p->progress,
                      .message = p->message,
                      .frames_done = p->frames_done,
                      .frames_total = p->frames_total,
                      .frames_per_second = p->frames_per_second,
                      .n_detections = p->n_detections,
                  });
}

// A lease that is lost ends the work; a database that is busy or full shows itself where it
// matters.
static void report_to_store(struct task_run *run, const struct store_task_progress *p)
{
    lock_acquire(&run->lock);
    run->is_unreported = false;
    lock_release(&run->lock);
    bool cancel = false;
    int r = store_task_report(run->pool->opts.tools.store, &run->lease, p, &cancel);
    if (r == ERR_CONFLICT)
        task_run_stop(run, ERR_CONFLICT);
    else if (r == 0 && cancel)
        task_run_cancel(run);
    else if (r < 0) {
        err_clear();
        lock_acquire(&run->lock);
        run->is_unreported = true;
        lock_release(&run->lock);
    }
}

void task_run_report(struct task_run *run, const struct store_task_progress *progress)
{
    int64_t now_ns = clock_now_ns();
    lock_acquire(&run->lock);
    run->latest = *progress;
    run->latest.message = NULL; // the caller's, and gone by the time it is looked at again
    bool announce = is_due(&run->announced_ns, now_ns, ANNOUNCE_MS);
    bool report = is_due(&run->reported_ns, now_ns, REPORT_MS);
    run->is_unreported = true;
    lock_release(&run->lock);
    if (announce)
        announce_progress(run, progress);
    if (report)
        report_to_store(run, progress);
}

void task_run_flush(struct task_run *run)
{
    lock_acquire(&run->lock);
    struct store_task_progress latest = run->latest;
    bool report = run->is_unreported;
    lock_release(&run->lock);
    if (report)
        report_to_store(run, &latest);
}

// --- how it ends

int task_run_set_result(struct task_run *run, const char *json)
{
    char *copy = mem_strdup(json);
    if (!copy)
        return ERR_NOMEM;
    mem_free(run->result);
    run->result = copy;
    return 0;
}

int task_run_commit(struct task_run *run, int (*write)(void *arg), void *arg)
{
    struct store *s = run->pool->opts.tools.store;
    task_run_flush(run);
    int r = task_run_check(run);
    if (r == 0)
        r = store_begin(s);
    if (r < 0)
        return r;
    r = write(arg);
    if (r == 0)
        r = store_task_succeed(s, &run->lease, run->result ? run->result : "{}");
    r = store_end(s, r);
    run->is_committed = r == 0;
    return r;
}
