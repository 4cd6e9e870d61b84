// SPDX-License-Identifier: Apache-2.0
// worker.c - one thread: claims, runs, settles, again.

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/log_keep.h"
#include "base/metrics.h"
#include "base/str.h"
#include "base/tick.h"
#include "blob/blob.h"
#include "store/store.h"
#include "task/pool_priv.h"

enum {
    RUN_ARENA = 256 * 1024 * 1024, // bytes that one task's small things may take
    LOG_MAX = 256 * 1024,          // a try's last lines as JSON
    SETTLE_TRIES = 20,             // of the last word about a task
    SETTLE_WAIT_MS = 250,
};

static struct metric task_seconds = METRIC_HISTOGRAM(
    "task_duration_seconds", "Time that a try of a task took", metric_seconds, "kind");
static struct metric tasks_total =
    METRIC_COUNTER("tasks_total", "Tries of tasks by how they ended", "kind", "status");

static const struct task_kind *kind_of(const struct task_pool *p, const char *name)
{
    for (size_t i = 0; p->opts.kinds[i]; i++)
        if (strcmp(p->opts.kinds[i]->name, name) == 0)
            return p->opts.kinds[i];
    return NULL;
}

// "MEDIA: clip.mp4: no video stream"
static void describe_error(int code, struct str_buf *out)
{
    str_buf_printf(out, "%s: %s", err_name(code), err_message(code));
}

// The end of a try that failed, with its last lines: both or neither.
static int settle_failed(struct task_run *run, int result, const char *error,
                         enum store_task_status *ret_status)
{
    struct store *s = run->pool->opts.tools.store;
    bool may_retry = err_may_retry(result) || result == ERR_TIMEOUT;
    struct str_buf log = STR_BUF_INIT(LOG_MAX);
    struct json_writer w;
    json_writer_init(&w, &log);
    if (run->log)
        log_keep_put(run->log, &w);
    int r = store_begin(s);
    if (r == 0) {
        if (log.n > 0 && !log.failed)
            r = store_task_keep_log(s, &run->lease, str_buf_text(&log));
        if (r == 0)
            r = store_task_fail(s, &run->lease, error, may_retry, ret_status);
        r = store_end(s, r);
    }
    str_buf_finish(&log);
    return r;
}

// Tells the store how the try ended.
static int settle(struct task_run *run, int result, const char *error,
                  enum store_task_status *ret_status)
{
    struct store *s = run->pool->opts.tools.store;
    if (result == 0) {
        *ret_status = STORE_TASK_SUCCEEDED;
        return store_task_succeed(s, &run->lease, run->result ? run->result : "{}");
    }
    if (result == ERR_CANCELLED && task_run_is_cancelled(run)) {
        *ret_status = STORE_TASK_CANCELLED;
        return store_task_cancelled(s, &run->lease);
    }
    if (result == ERR_CANCELLED) { // this worker stops
        *ret_status = STORE_TASK_QUEUED;
        return store_task_give_back(s, &run->lease);
    }
    return settle_failed(run, result, error, ret_status);
}

// Until the store has heard it or the lease is gone: the disk may be full for a while, the database
// busy. What cannot be told runs again when the lease has lapsed.
static void settle_for_sure(struct task_run *run, int result)
{
    enum store_task_status status = STORE_TASK_UNSET;
    struct str_buf error = STR_BUF_INIT(STORE_TEXT_MAX);
    if (result < 0)
        describe_error(result, &error);
    int r = run->is_committed ? 0 : ERR_AGAIN;
    if (run->is_committed)
        status = STORE_TASK_SUCCEEDED;
    else
        task_run_flush(run); // how far it came
    for (int i = 0; r < 0 && r != ERR_CONFLICT && i < SETTLE_TRIES; i++) {
        r = settle(run, result, str_buf_text(&error), &status);
        if (r < 0 && r != ERR_CONFLICT)
            clock_sleep_ns(SETTLE_WAIT_MS * CLOCK_NS_PER_MS);
    }
    if (r == ERR_CONFLICT)
        log_info(NULL, "%s: its lease was lost, the try is thrown away", run->row.kind);
    else if (r < 0)
        log_error(NULL, "%s: its end could not be stored: %s", run->row.kind, err_message(r));
    else
        task_run_announce(run, status, result < 0 ? str_buf_text(&error) : NULL);
    const char *name = r == 0 ? store_task_status_name((int)status) : "lost";
    metric_add(&tasks_total, 1, LABELS(run->row.kind, name));
    str_buf_finish(&error);
}

static void log_begin(const struct task_run *run)
{
    log_info(NULL, "%s, try %d of %d: begins", run->row.kind, run->row.attempt,
             run->row.max_attempts);
}

static void log_end(struct task_run *run, int result, double seconds)
{
    if (result == 0) {
        log_info(NULL, "%s: done in %.1f s", run->row.kind, seconds);
        return;
    }
    lock_acquire(&run->lock);
    struct store_task_progress p = run->latest;
    lock_release(&run->lock);
    if (p.frames_done > 0)
        log_info(NULL, "%s, try %d: %lld frames done in %.1f s", run->row.kind, run->row.attempt,
                 (long long)p.frames_done, seconds);
    log_warning(NULL, "%s, try %d: %s", run->row.kind, run->row.attempt, err_message(result));
}

static void run_claimed(struct task_worker *w, struct task_run *run)
{
    struct task_pool *p = w->pool;
    const struct task_kind *kind = kind_of(p, run->row.kind);
    int64_t timeout_ms = run->row.timeout_ms ? run->row.timeout_ms : kind->timeout_ms;
    run->started_ns = clock_now_ns();
    if (timeout_ms > 0)
        run->deadline_ns = run->started_ns + timeout_ms * CLOCK_NS_PER_MS;
    lock_acquire(&p->lock);
    w->run = run; // the keeper watches it from now on
    lock_release(&p->lock);
    log_begin(run);
    task_run_announce(run, STORE_TASK_RUNNING, NULL);
    tick_hold();
    int result = kind->run(run);
    tick_release();
    // A try that failed because it was told to stop ends as whoever told it wants.
    int cause = result < 0 ? task_run_check(run) : 0;
    if (cause < 0)
        result = cause;
    double seconds = (double)(clock_now_ns() - run->started_ns) / (double)CLOCK_NS_PER_S;
    metric_observe(&task_seconds, seconds, LABELS(run->row.kind));
    log_end(run, result, seconds);
    settle_for_sure(run, result);
    lock_acquire(&p->lock);
    w->run = NULL;
    while (w->n_holders > 0)
        (void)cond_wait(&p->changed, &p->lock, THREAD_FOREVER);
    cond_broadcast(&p->changed);
    lock_release(&p->lock);
}

// ERR_NOT_FOUND: nothing is due.
static int claim_and_run(struct task_worker *w, struct arena *arena)
{
    struct task_pool *p = w->pool;
    struct task_run run;
    int r = task_run_init(&run, p, arena);
    if (r < 0)
        return r;
    const struct store_claim claim = {.kinds = p->kind_names,
                                      .n_kinds = p->n_kinds,
                                      .worker = p->name,
                                      .lease_ms = p->opts.lease_ms};
    r = store_task_claim(p->opts.tools.store, &claim, arena, &run.row, &run.lease);
    if (r == 0) {
        // without memory for it the task has no log
        IGNORE(log_keep_create(blob_directory(p->opts.tools.blob), &run.log));
        log_set_about((struct log_about){.name = "task", .id = run.row.id, .keep = run.log});
        run_claimed(w, &run);
        log_set_about((struct log_about){0});
    }
    task_run_finish(&run);
    return r;
}

// Until something may be due. False: the pool is ending.
static bool await_work(struct task_pool *p, uint64_t *n_seen)
{
    lock_acquire(&p->lock);
    int64_t deadline_ns = clock_now_ns() + p->opts.poll_ms * CLOCK_NS_PER_MS;
    while (!p->is_ending && (p->is_draining || p->n_announced == *n_seen)) {
        if (!cond_wait(&p->changed, &p->lock, p->is_draining ? THREAD_FOREVER : deadline_ns))
            break;
    }
    *n_seen = p->n_announced;
    bool goes_on = !p->is_ending;
    lock_release(&p->lock);
    return goes_on;
}

static bool may_claim(struct task_pool *p)
{
    lock_acquire(&p->lock);
    bool may = !p->is_draining && !p->is_ending;
    lock_release(&p->lock);
    return may;
}

void task_worker_run(void *arg)
{
    struct task_worker *w = (struct task_worker *)arg;
    struct arena *arena;
    thread_give_way(0); // a real-time priority is for requests; what tasks start inherits this
    if (arena_create(RUN_ARENA, &arena) < 0) {
        log_error(NULL, "a worker cannot start: %s", err_message(0));
        return;
    }
    uint64_t n_seen = 0;
    do {
        int r = 0;
        while (r == 0 && may_claim(w->pool)) {
            arena_rewind(arena, 0);
            r = claim_and_run(w, arena);
        }
        if (r < 0 && r != ERR_NOT_FOUND)
            log_warning(NULL, "no task can be claimed: %s", err_message(r));
        err_clear();
    } while (await_work(w->pool, &n_seen));
    arena_destroy(arena);
}
