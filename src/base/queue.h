// SPDX-License-Identifier: Apache-2.0
// queue.h - a bounded queue of pointers that either end may close: the only place where threads
// meet.
//
// Ownership: a sent item is the queue's until it is received; queue_destroy() gives what is left to
// the
//   drop function.
// Threads: any number at either end.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct queue;

#define QUEUE_FOREVER INT64_MAX

// *drop* (may be NULL) is called for items that nobody will receive. ERR_NOMEM.
int queue_create(size_t capacity, void (*drop)(void *item), struct queue **ret_queue) MUST_CHECK;
void queue_destroy(struct queue *q); // NULL is a no-op; no thread may be in it

// Waits while the queue is full. 0: sent and *pitem is NULL. ERR_CLOSED: either end was closed.
// ERR_TIMEOUT: still full (with *timeout_ns* 0: ERR_AGAIN at once). On any error the item stays the
// caller's.
int queue_send(struct queue *q, int64_t timeout_ns, void **pitem) MUST_CHECK;
// 0: *ret_item is the caller's. ERR_EOF: the sender closed and everything was received. ERR_CLOSED:
// the receiver closed. ERR_TIMEOUT, or ERR_AGAIN with *timeout_ns* 0.
int queue_receive(struct queue *q, int64_t timeout_ns, void **ret_item) MUST_CHECK;

// No more will be sent; what is inside can still be received.
void queue_close_send(struct queue *q);
// Nothing more will be received; what is inside is dropped and senders get ERR_CLOSED.
void queue_close_receive(struct queue *q);

size_t queue_depth(struct queue *q);
