// SPDX-License-Identifier: Apache-2.0
// test_thread.c - named threads, locks with ranks, deadlines; the settable clock.

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
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
        cmocka_unit_test(test_start_and_join),
        cmocka_unit_test(test_lock_and_condition),
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_clock),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
