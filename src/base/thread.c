// SPDX-License-Identifier: Apache-2.0
// thread.c - threads, locks and conditions over pthreads; how threads take turns.

#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    MAX_HELD = 8, // locks that one thread holds at once
    MAX_NICENESS = 19,
};

static _Thread_local enum lock_rank held_ranks[MAX_HELD];
static _Thread_local int n_held;

int lock_init(struct lock *l, enum lock_rank rank)
{
    assert(rank != LOCK_RANK_UNSET);
    *l = (struct lock){.rank = rank};
    if (pthread_mutex_init(&l->mutex, NULL) != 0)
        return err_set(ERR_NOMEM, "out of memory: lock");
    return 0;
}

void lock_finish(struct lock *l)
{
    pthread_mutex_destroy(&l->mutex);
}

static void note_taken(struct lock *l)
{
    assert(n_held < MAX_HELD);
    held_ranks[n_held++] = l->rank;
    l->owner = pthread_self();
    l->held = true;
}

static void note_released(struct lock *l)
{
    assert(lock_is_mine(l));
    l->held = false;
    assert(n_held > 0 && held_ranks[n_held - 1] == l->rank);
    n_held--;
}

void lock_acquire(struct lock *l)
{
    assert(n_held == 0 || held_ranks[n_held - 1] < l->rank);
    int r = pthread_mutex_lock(&l->mutex);
    assert(r == 0);
    (void)r;
    note_taken(l);
}

void lock_release(struct lock *l)
{
    note_released(l);
    pthread_mutex_unlock(&l->mutex);
}

bool lock_is_mine(const struct lock *l)
{
    return l->held && pthread_equal(l->owner, pthread_self());
}

int cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return err_set(ERR_NOMEM, "out of memory: condition");
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int r = pthread_cond_init(&c->cond, &attr);
    pthread_condattr_destroy(&attr);
    return r == 0 ? 0 : err_set(ERR_NOMEM, "out of memory: condition");
}

void cond_finish(struct cond *c)
{
    pthread_cond_destroy(&c->cond);
}

bool cond_wait(struct cond *c, struct lock *l, int64_t deadline_ns)
{
    note_released(l);
    int r;
    if (deadline_ns == THREAD_FOREVER) {
        r = pthread_cond_wait(&c->cond, &l->mutex);
    } else {
        deadline_ns = MAX(deadline_ns, INT64_C(0)); // a test's clock may stand before its start
        struct timespec ts = {
            .tv_sec = (time_t)(deadline_ns / CLOCK_NS_PER_S),
            .tv_nsec = (long)(deadline_ns % CLOCK_NS_PER_S),
        };
        r = pthread_cond_timedwait(&c->cond, &l->mutex, &ts);
    }
    note_taken(l);
    return r != ETIMEDOUT;
}

void cond_signal(struct cond *c)
{
    pthread_cond_signal(&c->cond);
}

void cond_broadcast(struct cond *c)
{
    pthread_cond_broadcast(&c->cond);
}

// Signals are the main thread's: every other thread blocks them all.
static void *enter(void *arg)
{
    struct thread *t = (struct thread *)arg;
    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    return NULL;
}

int thread_start(struct thread *t, const char *name, void (*run)(void *), void *arg)
{
    *t = (struct thread){.run = run, .arg = arg};
    snprintf(t->name, sizeof(t->name), "%s", name);

    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&t->id, NULL, enter, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0)
        return err_set(r == EAGAIN ? ERR_BUSY : ERR_NOMEM, "thread '%s' cannot be started", name);
    t->started = true;
    return 0;
}

void thread_join(struct thread *t)
{
    if (!t->started)
        return;
    pthread_join(t->id, NULL);
    t->started = false;
}

// Cores' worth of time that a container grants, rounded up: "200000 100000" is two. INT64_MAX: no
// limit.
static int64_t granted_cores(void)
{
    int64_t quota;
    int64_t period;
    int64_t n = INT64_MAX;
    char *bytes;
    size_t n_bytes;
    if (file_read("/sys/fs/cgroup/cpu.max", 256, &bytes, &n_bytes) < 0)
        return n;
    struct str rest = str_trim((struct str){bytes, n_bytes});
    struct str first;
    if (str_split(&rest, ' ', &first) && str_to_i64(first, &quota) == 0 &&
        str_to_i64(rest, &period) == 0 && quota > 0 && period > 0)
        n = (quota + period - 1) / period;
    mem_free(bytes);
    return n;
}

int thread_n_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int64_t n = MIN((int64_t)CPU_COUNT(&set), granted_cores());
    err_clear(); // a missing file is no news
    return (int)MAX(n, INT64_C(1));
}

// --- turns

// As sched_setattr(2) has it in its first version; younger C libraries declare it, older do not.
struct turns {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority; // real-time
    uint64_t
        slice_ns; // of an ordinary thread since Linux 6.12, ignored before; 0: the kernel's own
    uint64_t deadline_ns;
    uint64_t period_ns;
};

#define SHORT_TURN_NS (INT64_C(100) * CLOCK_NS_PER_US) // the kernel takes no less

static bool turns_get(struct turns *ret)
{
    *ret = (struct turns){.size = sizeof(*ret)};
    return syscall(SYS_sched_getattr, 0, ret, sizeof(*ret), 0) == 0;
}

static bool turns_set(struct turns *t)
{
    t->size = sizeof(*t);
    return syscall(SYS_sched_setattr, 0, t, 0) == 0;
}

void thread_go_soon(void)
{
    struct turns t;
    if (!turns_get(&t) || (t.policy != SCHED_OTHER && t.policy != SCHED_BATCH))
        return;
    t.slice_ns = SHORT_TURN_NS;
    (void)turns_set(&t); // else it waits longer
}

// Where a container refuses the newer call, the older ones.
static void give_way_simply(int niceness)
{
    const struct sched_param none = {.sched_priority = 0};
    int policy = sched_getscheduler(0);
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        IGNORE(sched_setscheduler(0, SCHED_BATCH, &none));
    IGNORE(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + niceness));
}

void thread_give_way(int niceness)
{
    struct turns t;
    bool is_known = turns_get(&t);
    if (is_known) {
        if (t.policy == SCHED_FIFO || t.policy == SCHED_RR)
            t.policy = SCHED_BATCH;
        t.nice = MIN(t.nice + niceness, MAX_NICENESS);
        t.priority = 0;
        t.slice_ns = 0;
        t.deadline_ns = t.period_ns = 0;
    }
    if (!is_known || !turns_set(&t))
        give_way_simply(niceness);
}
