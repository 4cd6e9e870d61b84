// SPDX-License-Identifier: Apache-2.0
// frame.c - the pool of frames.
//
// INVARIANTS
// (1) A frame is home (in the free stack, no references) or out (one reference or more).
// (2) n_home + frames out = n_frames, always; nothing is allocated after create.
// (3) Picture and file are dropped before the frame goes home, outside the lock.

#include "vision/frame.h"

#include <assert.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "vision/picture.h"

struct frame_pool {
    // --- constant after create
    size_t n_frames;
    struct frame *frames;
    // --- guarded by lock
    struct lock lock;
    struct cond came_home;
    struct frame **home; // a stack: the frame that came last is warm in the caches
    size_t n_home;
    bool closed;
};

static void free_memory(struct frame_pool *pool)
{
    for (size_t i = 0; pool->frames && i < pool->n_frames; i++)
        mem_free(pool->frames[i].rgb);
    mem_free(pool->frames);
    mem_free(pool->home);
    mem_free(pool);
}

static int allocate_frames(struct frame_pool *pool, size_t n_bytes)
{
    pool->frames = mem_array(struct frame, pool->n_frames);
    pool->home = mem_array(struct frame *, pool->n_frames);
    if (!pool->frames || !pool->home)
        return ERR_NOMEM;
    for (size_t i = 0; i < pool->n_frames; i++) {
        struct frame *f = &pool->frames[i];
        f->pool = pool;
        f->n_bytes = n_bytes;
        f->rgb = (uint8_t *)mem_aligned(n_bytes);
        if (!f->rgb)
            return ERR_NOMEM;
        atomic_init(&f->refs, 0);
        pool->home[pool->n_home++] = f;
    }
    return 0;
}

int frame_pool_create(size_t n_frames, int width, int height, struct frame_pool **ret_pool)
{
    assert(n_frames > 0 && width > 0 && height > 0);
    struct frame_pool *pool = mem_new(struct frame_pool);
    if (!pool)
        return ERR_NOMEM;
    pool->n_frames = n_frames;
    int r = allocate_frames(pool, (size_t)width * (size_t)height * 3);
    if (r < 0)
        goto fail;
    r = lock_init(&pool->lock, LOCK_RANK_POOL);
    if (r < 0)
        goto fail;
    r = cond_init(&pool->came_home);
    if (r < 0)
        goto fail_cond;
    *ret_pool = pool;
    return 0;
fail_cond:
    lock_finish(&pool->lock);
fail:
    free_memory(pool);
    return r;
}

void frame_pool_destroy(struct frame_pool *pool)
{
    if (!pool)
        return;
    assert(frame_pool_n_out(pool) == 0);
    cond_finish(&pool->came_home);
    lock_finish(&pool->lock);
    free_memory(pool);
}

static int64_t deadline_after(int64_t timeout_ns)
{
    int64_t now = clock_now_ns();
    return timeout_ns > THREAD_FOREVER - now ? THREAD_FOREVER : now + timeout_ns;
}

static int wait_for_home_locked(struct frame_pool *pool, int64_t timeout_ns)
{
    assert(lock_is_mine(&pool->lock));
    int64_t deadline = 0;
    bool in_time = true;
    while (!pool->closed && pool->n_home == 0 && in_time) {
        if (timeout_ns <= 0)
            return err_set(ERR_AGAIN, "frame pool: all %zu frames are out", pool->n_frames);
        if (!deadline)
            deadline = deadline_after(timeout_ns);
        in_time = cond_wait(&pool->came_home, &pool->lock, deadline);
    }
    if (pool->closed)
        return err_set(ERR_CLOSED, "frame pool: closed");
    if (pool->n_home == 0)
        return err_set(ERR_TIMEOUT, "frame pool: all %zu frames stayed out", pool->n_frames);
    return 0;
}

int frame_pool_get(struct frame_pool *pool, int64_t timeout_ns, struct frame **ret_frame)
{
    lock_acquire(&pool->lock);
    int r = wait_for_home_locked(pool, timeout_ns);
    struct frame *f = r < 0 ? NULL : pool->home[--pool->n_home];
    lock_release(&pool->lock);
    if (r < 0)
        return r;
    f->letterbox = (struct letterbox){0};
    f->pts_us = 0;
    f->ordinal = 0;
    atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
    *ret_frame = f;
    return 0;
}

void frame_pool_close(struct frame_pool *pool)
{
    lock_acquire(&pool->lock);
    pool->closed = true;
    cond_broadcast(&pool->came_home);
    lock_release(&pool->lock);
}

size_t frame_pool_n_out(struct frame_pool *pool)
{
    lock_acquire(&pool->lock);
    size_t n = pool->n_frames - pool->n_home;
    lock_release(&pool->lock);
    return n;
}

struct frame *frame_ref(struct frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

static void send_home(struct frame *f)
{
    struct frame_pool *pool = f->pool;
    picture_unref(&f->picture);
    mem_free(f->file);
    f->file = NULL;
    lock_acquire(&pool->lock);
    assert(pool->n_home < pool->n_frames);
    pool->home[pool->n_home++] = f;
    cond_signal(&pool->came_home);
    lock_release(&pool->lock);
}

void frame_unref(struct frame **pf)
{
    struct frame *f = *pf;
    *pf = NULL;
    if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        send_home(f);
}
