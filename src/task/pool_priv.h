// SPDX-License-Identifier: Apache-2.0
// pool_priv.h - what the worker, the keeper and the running task share.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/thread.h"
#include "task/pool.h"

struct arena;
struct log_keep;

struct task_run {
    // --- constant while it runs
    const struct task_pool *pool;
    struct store_task row;
    struct store_lease lease;
    struct arena *arena;
    int64_t started_ns;
    int64_t deadline_ns; // THREAD_FOREVER: none
    // --- worker's thread
    char *result;         // owned; NULL: none
    struct log_keep *log; // owned; of the keeper's thread too, as long as it holds the run
    bool is_committed;
    // --- under lock
    struct lock lock;
    struct cond stopped;        // the stop callback returned
    int stop_cause;             // 0, or what task_run_check() returns
    bool is_cancelled;          // by somebody, not by a worker that stops
    void (*on_stop)(void *arg); // not yet called
    void *on_stop_arg;
    bool in_callback;
    struct store_task_progress latest;
    int64_t announced_ns, reported_ns;
    bool is_unreported; // the store does not have *latest*
    // --- atomic
    atomic_bool must_stop;
};

struct task_worker {
    struct task_pool *pool;
    struct thread thread;
    // --- under the pool's lock
    struct task_run *run; // NULL: idle
    int n_holders;        // the keeper, or whoever drains, is at it: the run must stay
};

struct task_pool {
    // --- constant after create
    struct task_pool_opts opts;
    const char *kind_names[STORE_TASK_KINDS_MAX];
    size_t n_kinds;
    char name[128];
    struct bus_listener *listener;
    struct task_worker *workers;
    int n_started;
    bool has_lock; // create came so far
    struct thread keeper;
    // --- under lock
    struct lock lock;
    struct cond changed;  // something may be due, a worker became idle, or the end is near
    uint64_t n_announced; // counts up; a worker that saw this number looks again when it changed
    bool is_draining;     // nothing more is claimed
    bool is_ending;       // workers end
    bool keeper_ends;
};

// run.c
int task_run_init(struct task_run *run, const struct task_pool *p, struct arena *arena) MUST_CHECK;
void task_run_finish(struct task_run *run);
// Any thread; the first cause stays.
void task_run_stop(struct task_run *run, int cause);
void task_run_cancel(struct task_run *run); // somebody asked for it
bool task_run_is_cancelled(struct task_run *run);
// Tells the store the latest progress, if it does not have it.
void task_run_flush(struct task_run *run);
void task_run_announce(struct task_run *run, enum store_task_status status, const char *error);

// worker.c, keeper.c
void task_worker_run(void *arg);
void task_keeper_run(void *arg);
void task_keeper_stop_all(struct task_pool *p); // they are given back
