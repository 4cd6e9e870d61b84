// SPDX-License-Identifier: Apache-2.0
// thread.h - named, owned threads; locks with ranks; conditions with deadlines of the monotonic
// clock.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

// A lock may be taken while only locks of lower rank are held (checked by assert).
enum lock_rank {
    LOCK_RANK_UNSET,
    LOCK_RANK_APP,
    LOCK_RANK_PIPELINE,
    LOCK_RANK_BATCHER,
    LOCK_RANK_ENGINE,
    LOCK_RANK_EVENT,
    LOCK_RANK_HTTP,
    LOCK_RANK_POOL,
    LOCK_RANK_STORE,
    LOCK_RANK_QUEUE,
    LOCK_RANK_METRIC,
    LOCK_RANK_LOG,
};

struct lock {
    pthread_mutex_t mutex;
    enum lock_rank rank;
    pthread_t owner; // valid while held
    bool held;
};

struct cond {
    pthread_cond_t cond;
};

#define THREAD_FOREVER INT64_MAX

int lock_init(struct lock *l, enum lock_rank rank) MUST_CHECK; // ERR_NOMEM
void lock_finish(struct lock *l);
void lock_acquire(struct lock *l);
void lock_release(struct lock *l);
bool lock_is_mine(const struct lock *l); // for asserts in functions that end in _locked

int cond_init(struct cond *c) MUST_CHECK; // ERR_NOMEM
void cond_finish(struct cond *c);
// Waits with *l* held. *deadline_ns* of clock_now_ns(), or THREAD_FOREVER. False: the deadline
// passed.
bool cond_wait(struct cond *c, struct lock *l, int64_t deadline_ns);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

struct thread {
    pthread_t id;
    bool started;
    char name[16];
    void (*run)(void *arg);
    void *arg;
};

// *name* (at most 15 characters) is seen in debuggers and top. The struct stays where it is until
// the join. ERR_NOMEM, ERR_BUSY (the system refuses more threads).
int thread_start(struct thread *t, const char *name, void (*run)(void *), void *arg) MUST_CHECK;
void thread_join(struct thread *t); // a thread that never started is a no-op

// How a thread takes its turns at a processor; its share of the time is another matter.
//
// thread_go_soon(): this thread, and what it starts from now on, answers somebody who waits: its
//   turns are short, so that it goes before those with longer ones when it wakes (Linux 6.12 and
//   later). A real-time or idle policy that the program was started with is kept. See base/tick.h.
// thread_give_way(): this thread, and what it starts, works in the background: *niceness* (0 to 39)
//   is added to its own, its turns are as long as the kernel makes them, and a real-time priority
//   is given up. Niceness of several calls adds up.
//
// Threads: any, each for itself. Errors: none; what the system does not know or does not allow
//   stays as it is (neither needs a right).
void thread_go_soon(void);
void thread_give_way(int niceness);

// Cores this process may use, by affinity and by its container's share of time; at least 1.
int thread_n_cores(void);
