// SPDX-License-Identifier: Apache-2.0
// pool.h - workers that claim tasks, run them by kind, and end each of them exactly once.
//
//   claim -> run -> succeed | fail (tried again, or dead) | cancelled | given back
//
// A keeper thread renews the leases of what runs, sees that somebody wants a task cancelled, ends
// tries that take too long, and requeues what workers that died left. Tasks are announced on the
// bus (event/announce.h) by whoever writes the row; a worker that missed that looks by itself every
// few seconds.
//
// Ownership: the owner destroys the pool before its tools.
// Threads: create, drain, destroy: the owner. Workers and the keeper are the pool's own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "task/kind.h"

struct task_pool;

struct task_pool_opts {
    struct task_tools tools;
    const struct task_kind *const *kinds; // NULL ends; borrowed
    int n_workers;                        // tasks side by side; 0: none, only the keeper runs
    const char *name;                     // of this worker in rows [host:pid]
    int64_t lease_ms;                     // [30000]
    int64_t poll_ms;                      // between two looks without an announcement [2000]
};

// Starts the threads. ERR_NOMEM, ERR_BUSY (threads), errors of bus_listen().
int task_pool_create(const struct task_pool_opts *opts, struct task_pool **ret_pool) MUST_CHECK;
// Claims nothing more; what runs may end within *limit_ms*, then it is stopped and given back.
void task_pool_drain(struct task_pool *p, int64_t limit_ms);
void task_pool_destroy(struct task_pool *p);     // NULL is a no-op; drains without patience
size_t task_pool_n_running(struct task_pool *p); // any thread
