// SPDX-License-Identifier: Apache-2.0
// tick.c - a thread on each core that wakes while somebody works and somebody asks.
//
// INVARIANTS
// (1) A thread goes to sleep only under the lock, and after it saw that nobody works or nobody
//     asks. Who changes either takes the lock afterwards and tells. So none sleeps while both are.
// (2) Who asks is believed for ASKED_NS: requests that follow each other wake nobody.

#include "base/tick.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"

#define ASKED_NS CLOCK_NS_PER_S

struct ticker {
    struct thread thread;
    int core;
};

static struct {
    // --- constant between start and stop
    struct ticker *tickers;
    int n_tickers;
    struct lock lock;
    struct cond changed;
    // --- atomic
    atomic_bool is_stopping; // set under the lock
    atomic_int n_working;
    _Atomic int64_t asked_ns; // the last time
    atomic_bool is_started;
} ticks;

static void stay_on(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set); // else it wakes somewhere, which is half as good
}

static bool is_wanted(void)
{
    return atomic_load(&ticks.n_working) > 0 &&
           clock_now_ns() - atomic_load(&ticks.asked_ns) < ASKED_NS;
}

static bool wait_until_wanted(void)
{
    lock_acquire(&ticks.lock);
    while (!is_wanted() && !atomic_load(&ticks.is_stopping))
        cond_wait(&ticks.changed, &ticks.lock, THREAD_FOREVER);
    lock_release(&ticks.lock);
    return !atomic_load(&ticks.is_stopping);
}

static void run(void *arg)
{
    const struct ticker *t = (const struct ticker *)arg;
    stay_on(t->core);
    while (wait_until_wanted()) {
        while (is_wanted() && !atomic_load(&ticks.is_stopping))
            clock_sleep_ns(TICK_US * CLOCK_NS_PER_US);
    }
}

static int start_threads(const cpu_set_t *cores)
{
    int r = 0;
    for (int core = 0; r == 0 && core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET((size_t)core, cores))
            continue;
        struct ticker *t = &ticks.tickers[ticks.n_tickers];
        t->core = core;
        r = thread_start(&t->thread, "tick", run, t);
        if (r == 0)
            ticks.n_tickers++;
    }
    return r;
}

int tick_start(void)
{
    cpu_set_t cores;
    int policy = sched_getscheduler(0);
    assert(!atomic_load(&ticks.is_started));
    if (policy == SCHED_FIFO || policy == SCHED_RR || sched_getaffinity(0, sizeof(cores), &cores))
        return 0;
    if (thread_n_cores() < CPU_COUNT(&cores)) // a share of many cores' time: some core is free
        return 0;
    int r = lock_init(&ticks.lock, LOCK_RANK_LOG);
    if (r < 0)
        return r;
    r = cond_init(&ticks.changed);
    if (r < 0) {
        lock_finish(&ticks.lock);
        return r;
    }
    atomic_store(&ticks.is_stopping, false);
    atomic_store(&ticks.asked_ns, clock_now_ns() - ASKED_NS);
    ticks.n_tickers = 0;
    ticks.tickers = mem_array(struct ticker, (size_t)CPU_COUNT(&cores));
    atomic_store(&ticks.is_started, true);
    r = ticks.tickers ? start_threads(&cores) : ERR_NOMEM;
    if (r < 0)
        tick_stop();
    return r;
}

void tick_stop(void)
{
    if (!atomic_load(&ticks.is_started))
        return;
    lock_acquire(&ticks.lock);
    atomic_store(&ticks.is_stopping, true);
    cond_broadcast(&ticks.changed);
    lock_release(&ticks.lock);
    for (int i = 0; i < ticks.n_tickers; i++)
        thread_join(&ticks.tickers[i].thread);
    atomic_store(&ticks.is_started, false);
    mem_free(ticks.tickers);
    ticks.tickers = NULL;
    cond_finish(&ticks.changed);
    lock_finish(&ticks.lock);
}

static void tell(void)
{
    if (!atomic_load(&ticks.is_started))
        return;
    lock_acquire(&ticks.lock);
    cond_broadcast(&ticks.changed);
    lock_release(&ticks.lock);
}

void tick_hold(void)
{
    if (atomic_fetch_add(&ticks.n_working, 1) == 0)
        tell();
}

void tick_release(void)
{
    atomic_fetch_sub(&ticks.n_working, 1);
}

void tick_ask(void)
{
    int64_t now_ns = clock_now_ns();
    int64_t before_ns = atomic_load(&ticks.asked_ns);
    // Not each of many stores it: the cores would pass it around.
    if (now_ns - before_ns < ASKED_NS / 8)
        return;
    atomic_store(&ticks.asked_ns, now_ns);
    if (now_ns - before_ns >= ASKED_NS / 2)
        tell();
}
