// SPDX-License-Identifier: Apache-2.0
// queue.c - a ring of pointers under one lock.

#include "base/queue.h"

#include <assert.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"

struct queue {
    // --- constant after create
    size_t capacity;
    void (*drop)(void *item);
    // --- guarded by lock
    struct lock lock;
    struct cond not_full;
    struct cond not_empty;
    size_t head; // index of the oldest
    size_t n;
    bool send_closed;
    bool receive_closed;
    void *items[];
};

int queue_create(size_t capacity, void (*drop)(void *item), struct queue **ret_queue)
{
    assert(capacity > 0);
    struct queue *q = (struct queue *)mem_calloc(1, sizeof(*q) + capacity * sizeof(q->items[0]));
    if (!q)
        return ERR_NOMEM;
    q->capacity = capacity;
    q->drop = drop;
    int r = lock_init(&q->lock, LOCK_RANK_QUEUE);
    if (r < 0)
        goto fail_lock;
    r = cond_init(&q->not_full);
    if (r < 0)
        goto fail_not_full;
    r = cond_init(&q->not_empty);
    if (r < 0)
        goto fail_not_empty;
    *ret_queue = q;
    return 0;
fail_not_empty:
    cond_finish(&q->not_full);
fail_not_full:
    lock_finish(&q->lock);
fail_lock:
    mem_free(q);
    return r;
}

static void *pop_locked(struct queue *q)
{
    assert(lock_is_mine(&q->lock) && q->n > 0);
    void *item = q->items[q->head];
    q->head = (q->head + 1) % q->capacity;
    q->n--;
    return item;
}

// The drop function is the caller's code: it runs without the lock.
static void drop_all(struct queue *q)
{
    for (;;) {
        lock_acquire(&q->lock);
        void *item = q->n ? pop_locked(q) : NULL;
        lock_release(&q->lock);
        if (!item)
            return;
        if (q->drop)
            q->drop(item);
    }
}

void queue_destroy(struct queue *q)
{
    if (!q)
        return;
    drop_all(q);
    cond_finish(&q->not_empty);
    cond_finish(&q->not_full);
    lock_finish(&q->lock);
    mem_free(q);
}

static int64_t deadline_of(int64_t timeout_ns)
{
    int64_t now_ns = clock_now_ns();
    return timeout_ns >= THREAD_FOREVER - now_ns ? THREAD_FOREVER : now_ns + timeout_ns;
}

int queue_send(struct queue *q, int64_t timeout_ns, void **pitem)
{
    assert(*pitem);
    int64_t deadline_ns = deadline_of(timeout_ns);
    int r = 0;
    lock_acquire(&q->lock);
    while (q->n == q->capacity && !q->send_closed && !q->receive_closed) {
        if (timeout_ns == 0 || !cond_wait(&q->not_full, &q->lock, deadline_ns))
            break;
    }
    if (q->send_closed || q->receive_closed) {
        r = ERR_CLOSED;
    } else if (q->n == q->capacity) {
        r = timeout_ns == 0 ? ERR_AGAIN : ERR_TIMEOUT;
    } else {
        q->items[(q->head + q->n) % q->capacity] = *pitem;
        q->n++;
        *pitem = NULL;
        cond_signal(&q->not_empty);
    }
    lock_release(&q->lock);
    return r;
}

int queue_receive(struct queue *q, int64_t timeout_ns, void **ret_item)
{
    int64_t deadline_ns = deadline_of(timeout_ns);
    int r = 0;
    lock_acquire(&q->lock);
    while (q->n == 0 && !q->send_closed && !q->receive_closed) {
        if (timeout_ns == 0 || !cond_wait(&q->not_empty, &q->lock, deadline_ns))
            break;
    }
    if (q->receive_closed) {
        r = ERR_CLOSED;
    } else if (q->n > 0) {
        *ret_item = pop_locked(q);
        cond_signal(&q->not_full);
    } else if (q->send_closed) {
        r = ERR_EOF;
    } else {
        r = timeout_ns == 0 ? ERR_AGAIN : ERR_TIMEOUT;
    }
    lock_release(&q->lock);
    return r;
}

static void close_end(struct queue *q, bool *end)
{
    lock_acquire(&q->lock);
    *end = true;
    cond_broadcast(&q->not_full);
    cond_broadcast(&q->not_empty);
    lock_release(&q->lock);
}

void queue_close_send(struct queue *q)
{
    close_end(q, &q->send_closed);
}

void queue_close_receive(struct queue *q)
{
    close_end(q, &q->receive_closed);
    drop_all(q);
}

size_t queue_depth(struct queue *q)
{
    lock_acquire(&q->lock);
    size_t n = q->n;
    lock_release(&q->lock);
    return n;
}
