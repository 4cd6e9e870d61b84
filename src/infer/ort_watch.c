// SPDX-License-Identifier: Apache-2.0
// ort_watch.c - see ort_watch.h.

#include "infer/ort_watch.h"

#include <onnxruntime_c_api.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/ort_runtime.h"

enum {
    LOOK_MS = 100,
};

struct ort_watch {
    // --- constant after create
    const OrtApi *api;
    struct thread thread;
    // --- guarded by lock
    struct lock lock;
    struct cond changed;
    struct ort_watched *first;
    bool is_stopping;
    bool is_spent; // a run took too long and was ended
};

// One that is told so twice is no worse off; a status that is an error changes nothing for us.
static void look_locked(struct ort_watch *w, int64_t now_ns)
{
    for (struct ort_watched *run = w->first; run; run = run->next) {
        bool is_stopped = run->stop && atomic_load(run->stop);
        bool is_late = now_ns > run->deadline_ns;
        if ((!is_stopped && !is_late) || run->is_stopped || run->is_late)
            continue;
        run->is_stopped = is_stopped;
        run->is_late = !is_stopped;
        if (ort_runtime_check(w->api->RunOptionsSetTerminate(run->options), ERR_INTERNAL, "run") <
            0)
            err_clear();
    }
}

static void watch(void *arg)
{
    struct ort_watch *w = arg;
    lock_acquire(&w->lock);
    while (!w->is_stopping) {
        int64_t now_ns = clock_now_ns();
        look_locked(w, now_ns);
        cond_wait(&w->changed, &w->lock,
                  w->first ? now_ns + LOOK_MS * CLOCK_NS_PER_MS : THREAD_FOREVER);
    }
    lock_release(&w->lock);
}

int ort_watch_create(const OrtApi *api, struct ort_watch **ret_watch)
{
    struct ort_watch *w = mem_new(struct ort_watch);
    if (!w)
        return ERR_NOMEM;
    w->api = api;
    int r =
        lock_init(&w->lock, LOCK_RANK_EVENT); // who creates or destroys may hold LOCK_RANK_ENGINE
    if (r < 0) {
        mem_free(w);
        return r;
    }
    r = cond_init(&w->changed);
    if (r < 0) {
        lock_finish(&w->lock);
        mem_free(w);
        return r;
    }
    r = thread_start(&w->thread, "infer-watch", watch, w);
    if (r < 0) {
        cond_finish(&w->changed);
        lock_finish(&w->lock);
        mem_free(w);
        return r;
    }
    *ret_watch = w;
    return 0;
}

void ort_watch_destroy(struct ort_watch *w)
{
    if (!w)
        return;
    lock_acquire(&w->lock);
    w->is_stopping = true;
    cond_signal(&w->changed);
    lock_release(&w->lock);
    thread_join(&w->thread);
    cond_finish(&w->changed);
    lock_finish(&w->lock);
    mem_free(w);
}

int ort_watch_begin(struct ort_watch *w, struct ort_watched *run, const char *what)
{
    run->deadline_ns =
        run->has_time ? INT64_MAX : clock_now_ns() + ORT_WATCH_LIMIT_S * CLOCK_NS_PER_S;
    lock_acquire(&w->lock);
    if (w->is_spent) {
        lock_release(&w->lock);
        return err_set(ERR_MODEL,
                       "%s: an earlier picture took more than %d s; unload the model to try again",
                       what, ORT_WATCH_LIMIT_S);
    }
    bool was_idle = !w->first;
    run->next = w->first;
    w->first = run;
    if (was_idle)
        cond_signal(&w->changed);
    lock_release(&w->lock);
    return 0;
}

int ort_watch_end(struct ort_watch *w, struct ort_watched *run, int result, const char *what)
{
    lock_acquire(&w->lock);
    struct ort_watched **at = &w->first;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    w->is_spent |= run->is_late && result < 0;
    lock_release(&w->lock);
    if (result == 0) // it was done before it could be ended
        return 0;
    if (run->is_stopped)
        return err_set(ERR_CANCELLED, "%s: the run was stopped", what);
    if (run->is_late)
        return err_set(ERR_MODEL, "%s: a picture took more than the %d s that it may", what,
                       ORT_WATCH_LIMIT_S);
    return result;
}
