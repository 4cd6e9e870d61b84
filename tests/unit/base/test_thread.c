// SPDX-License-Identifier: Apache-2.0
// test_thread.c - named threads, locks with ranks, deadlines; the settable clock.

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

enum {
    DEADLINE_S = 60,
    N_ROUNDS = 20000,
};

static void note_name(void *arg)
{
    pthread_getname_np(pthread_self(), (char *)arg, 16);
}

static void note_mask(void *arg)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    *(bool *)arg = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM);
}

static void test_start_and_join(void **state)
{
    char name[16] = "";
    bool is_masked = false;
    struct thread t = {0};
    thread_join(&t); // never started
    assert_int_equal(thread_start(&t, "a-name-too-long-for-linux", note_name, name), 0);
    thread_join(&t);
    thread_join(&t);
    assert_string_equal(name, "a-name-too-long");
    assert_int_equal(thread_start(&t, "mask", note_mask, &is_masked), 0);
    thread_join(&t);
    assert_true(is_masked); // signals are the main thread's
    assert_true(thread_n_cores() >= 1);
}

struct counter {
    struct lock lock;
    struct cond changed;
    int64_t n;
};

static void count(void *arg)
{
    struct counter *c = (struct counter *)arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        lock_acquire(&c->lock);
        c->n++;
        cond_signal(&c->changed);
        lock_release(&c->lock);
    }
}

static void test_lock_and_condition(void **state)
{
    struct counter c = {0};
    struct thread t[3];
    assert_int_equal(lock_init(&c.lock, LOCK_RANK_QUEUE), 0);
    assert_int_equal(cond_init(&c.changed), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(thread_start(&t[i], "count", count, &c), 0);
    lock_acquire(&c.lock);
    assert_true(lock_is_mine(&c.lock));
    while (c.n < 3 * N_ROUNDS)
        assert_true(cond_wait(&c.changed, &c.lock, THREAD_FOREVER));
    assert_true(lock_is_mine(&c.lock));
    int64_t before_ns = clock_now_ns();
    while (cond_wait(&c.changed, &c.lock, before_ns + 20 * CLOCK_NS_PER_MS)) {
    }
    assert_true(clock_now_ns() - before_ns >= 20 * CLOCK_NS_PER_MS);
    assert_false(cond_wait(&c.changed, &c.lock, 0)); // long past
    assert_false(cond_wait(&c.changed, &c.lock, -5));
    lock_release(&c.lock);
    for (int i = 0; i < 3; i++)
        thread_join(&t[i]);
    cond_finish(&c.changed);
    lock_finish(&c.lock);
}

// The wrong order ends the program by an assert, in a child here.
static bool dies(enum lock_rank first, enum lock_rank second)
{
    pid_t child = fork();
    if (child == 0) {
        struct lock a;
        struct lock b;
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr) || lock_init(&a, first) < 0 ||
            lock_init(&b, second) < 0)
            _exit(1);
        lock_acquire(&a);
        lock_acquire(&b);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_ranks(void **state)
{
    assert_false(dies(LOCK_RANK_POOL, LOCK_RANK_QUEUE));
    assert_true(dies(LOCK_RANK_QUEUE, LOCK_RANK_POOL));
    assert_true(dies(LOCK_RANK_QUEUE, LOCK_RANK_QUEUE));
}

struct turns {
    int policy, niceness;
    int inherited_policy, inherited_niceness;
};

static void note_inherited(void *arg)
{
    struct turns *t = (struct turns *)arg;
    t->inherited_policy = sched_getscheduler(0);
    t->inherited_niceness = getpriority(PRIO_PROCESS, 0);
}

static void note_turns(struct turns *t)
{
    struct thread child;
    t->policy = sched_getscheduler(0);
    t->niceness = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(thread_start(&child, "child", note_inherited, t), 0);
    thread_join(&child);
}

static void go_soon(void *arg)
{
    thread_go_soon();
    note_turns((struct turns *)arg);
}

static void give_way_twice(void *arg)
{
    thread_go_soon();
    thread_give_way(1);
    thread_give_way(2);
    note_turns((struct turns *)arg);
}

static void go_soon_again(void *arg)
{
    thread_give_way(0);
    thread_go_soon();
    note_turns((struct turns *)arg);
}

static void give_way_at_last(void *arg)
{
    thread_give_way(15);
    thread_give_way(15);
    note_turns((struct turns *)arg);
}

// Of one thread, and of those that it starts; how long a turn is, the kernel says since 6.12 only.
static void test_turns(void **state)
{
    (void)state;
    const struct {
        void (*run)(void *);
        int niceness; // added
    } rows[] = {
        {go_soon, 0},
        {give_way_twice, 3},
        {go_soon_again, 0},
        {give_way_at_last, 30},
    };
    int policy = sched_getscheduler(0);
    int niceness = getpriority(PRIO_PROCESS, 0);
    if (policy != SCHED_OTHER && policy != SCHED_BATCH)
        skip(); // these tests were started with a policy that is kept, or given up otherwise
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct turns t = {0};
        struct thread thread;
        assert_int_equal(thread_start(&thread, "turns", rows[i].run, &t), 0);
        thread_join(&thread);
        assert_int_equal(t.policy, policy);
        assert_int_equal(t.niceness, MIN(niceness + rows[i].niceness, 19));
        assert_int_equal(t.inherited_policy, t.policy);
        assert_int_equal(t.inherited_niceness, t.niceness);
    }
    assert_int_equal(sched_getscheduler(0), policy); // the others' are theirs
    assert_int_equal(getpriority(PRIO_PROCESS, 0), niceness);
}

static void test_clock(void **state)
{
    int64_t a = clock_now_ns();
    assert_true(clock_now_ns() >= a);
    assert_true(clock_wall_us() > INT64_C(1600000000) * 1000000);
    assert_true(clock_process_cpu_ns() > 0);
    clock_test_set(5, 7);
    assert_int_equal(clock_now_ns(), 5);
    assert_int_equal(clock_wall_us(), 7);
    clock_test_release();
    assert_true(clock_now_ns() >= a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_join), cmocka_unit_test(test_lock_and_condition),
        cmocka_unit_test(test_ranks),          cmocka_unit_test(test_turns),
        cmocka_unit_test(test_clock),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
