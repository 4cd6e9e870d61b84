// SPDX-License-Identifier: Apache-2.0
// desk.c - the line before a detector.

#include "infer/desk.h"

#include <assert.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "vision/frame.h"

enum {
    LOOK_MS = 250, // how often who waits looks whether the client is still there
    KEEP_OF_8 = 7, // of the mean time of a visit, when a new one comes in
    MAX_RETRY_S = 3600,
};

// Who waits; lives on its thread's stack.
struct waiter {
    struct cond called;
    struct waiter *next;
    bool is_called; // has a place
};

struct desk {
    // --- constant after create
    struct detector *detector;
    struct frame_pool *frames; // one for everybody inside
    size_t max_inside;
    size_t max_waiting;
    // --- guarded by lock
    struct lock lock;
    struct waiter *first;
    struct waiter *last;
    size_t n_inside;
    size_t n_waiting;
    int64_t left_ns; // when the last one left
    int64_t mean_ns; // between two that leave, while there is a line
};

// One picture for each that the workers can hold, and one more a core that is being decoded.
static size_t places_of(const struct detector *d)
{
    size_t n_workers = (size_t)detector_n_workers(d);
    return n_workers * (size_t)detector_n_a_call(d) + (size_t)thread_n_cores();
}

int desk_create(struct detector *d, size_t max_waiting, struct desk **ret_desk)
{
    struct desk *k = mem_new(struct desk);
    if (!k)
        return ERR_NOMEM;
    int width = 0;
    int height = 0;
    detector_input_size(d, &width, &height);
    k->detector = d;
    k->max_inside = places_of(d);
    k->max_waiting = max_waiting > 0 ? max_waiting : DESK_MAX_WAITING;
    int r = frame_pool_create(k->max_inside, width, height, &k->frames);
    if (r == 0)
        r = lock_init(&k->lock, LOCK_RANK_PIPELINE);
    if (r < 0) {
        frame_pool_destroy(k->frames);
        mem_free(k);
        return r;
    }
    *ret_desk = k;
    return 0;
}

void desk_destroy(struct desk *k)
{
    if (!k)
        return;
    assert(k->n_inside == 0 && k->n_waiting == 0);
    frame_pool_destroy(k->frames);
    lock_finish(&k->lock);
    mem_free(k);
}

// --- the line

static void append_locked(struct desk *k, struct waiter *w)
{
    if (k->last)
        k->last->next = w;
    else
        k->first = w;
    k->last = w;
    k->n_waiting++;
}

static void remove_locked(struct desk *k, const struct waiter *w)
{
    struct waiter *before = NULL;
    struct waiter *at = k->first;
    while (at != w) {
        before = at;
        at = at->next;
    }
    if (before)
        before->next = w->next;
    else
        k->first = w->next;
    if (k->last == w)
        k->last = before;
    k->n_waiting--;
}

// The place that the caller has goes to the first of the line, or is free.
static void pass_on_locked(struct desk *k)
{
    struct waiter *w = k->first;
    if (!w) {
        k->n_inside--;
        return;
    }
    remove_locked(k, w);
    w->is_called = true;
    cond_signal(&w->called);
}

// Whether the client is there is asked without the lock: it may take a system call.
static int wait_locked(struct desk *k, struct waiter *w, const struct detector_waiter *v)
{
    while (!w->is_called) {
        int64_t look_ns = clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS;
        if (cond_wait(&w->called, &k->lock, v->is_gone ? look_ns : THREAD_FOREVER))
            continue;
        lock_release(&k->lock);
        bool is_gone = v->is_gone(v->arg);
        lock_acquire(&k->lock);
        if (!is_gone)
            continue;
        if (w->is_called)
            pass_on_locked(k);
        else
            remove_locked(k, w);
        return err_set(ERR_CANCELLED, "the client went away while its picture waited");
    }
    return 0;
}

int desk_enter(struct desk *k, const struct detector_waiter *waiter, int64_t *ret_wait_ns)
{
    struct waiter w = {.next = NULL};
    int64_t began_ns = clock_now_ns();
    int r = cond_init(&w.called);
    if (r < 0)
        return r;
    lock_acquire(&k->lock);
    if (k->n_inside < k->max_inside) { // then nobody waits
        k->n_inside++;
    } else if (k->n_waiting >= k->max_waiting) {
        r = err_set(ERR_BUSY, "%zu pictures wait already", k->n_waiting);
    } else {
        append_locked(k, &w);
        r = wait_locked(k, &w, waiter);
    }
    lock_release(&k->lock);
    cond_finish(&w.called);
    if (r == 0)
        *ret_wait_ns = clock_now_ns() - began_ns;
    return r;
}

void desk_leave(struct desk *k)
{
    int64_t now_ns = clock_now_ns();
    lock_acquire(&k->lock);
    assert(k->n_inside > 0);
    if (k->first) {
        int64_t took_ns = now_ns - k->left_ns;
        k->mean_ns = k->mean_ns ? (k->mean_ns * KEEP_OF_8 + took_ns) / (KEEP_OF_8 + 1) : took_ns;
    }
    k->left_ns = now_ns;
    pass_on_locked(k);
    lock_release(&k->lock);
}

size_t desk_n_waiting(struct desk *k)
{
    lock_acquire(&k->lock);
    size_t n = k->n_waiting;
    lock_release(&k->lock);
    return n;
}

int desk_retry_after(struct desk *k)
{
    lock_acquire(&k->lock);
    int64_t ns = k->mean_ns * (int64_t)k->n_waiting;
    lock_release(&k->lock);
    int64_t seconds = (ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S;
    return (int)MAX(1, MIN(seconds, MAX_RETRY_S));
}

// --- inside

int desk_frame(struct desk *k, struct frame **ret_frame)
{
    // Frames come home a moment after their visit's end; there is one for each place.
    return frame_pool_get(k->frames, THREAD_FOREVER, ret_frame);
}

// Texture of every kind, the same each time.
static void paint(struct frame *f)
{
    uint32_t x = 1;
    for (size_t i = 0; i < f->n_bytes; i++) {
        x = x * 1664525u + 1013904223u;
        f->rgb[i] = (uint8_t)(i / 1920 + (x >> 27));
    }
}

int desk_settle(struct desk *k, const struct detector_waiter *waiter)
{
    struct frame *f = NULL;
    int w = 0;
    int h = 0;
    if (detector_is_settled(k->detector))
        return 0;
    int r = desk_frame(k, &f);
    if (r < 0)
        return r;
    detector_input_size(k->detector, &w, &h);
    f->letterbox = letterbox_make(LETTERBOX_STRETCH, w, h, w, h, 0);
    paint(f);
    r = detector_try(k->detector, waiter, f, ENGINE_TRIAL_LAST);
    frame_unref(&f);
    return r;
}

static int detect(struct detector_stream *s, const struct detector_waiter *waiter,
                  struct frame **pf, struct detector_result **ret_result)
{
    struct detector_result *result = NULL;
    int r = detector_push(s, pf);
    if (r == 0)
        r = detector_receive_for(s, waiter, &result);
    if (r == 0 && result->error < 0)
        r = err_set((enum err)result->error, "%s", result->message);
    if (r == 0)
        *ret_result = result;
    else
        detector_result_free(&result);
    return r;
}

int desk_detect(struct desk *k, const struct detector_waiter *waiter, struct frame **pf,
                const struct detector_settings *settings, struct detector_result **ret_result)
{
    struct detector_stream *s = NULL;
    int r = detector_stream_open(k->detector, DETECTOR_INTERACTIVE, settings, 1, &s);
    if (r == 0)
        r = detect(s, waiter, pf, ret_result);
    detector_stream_close(s);
    frame_unref(pf);
    return r;
}
