// SPDX-License-Identifier: Apache-2.0
// test_interrupt.c - what the first and the second signal do, each in a process of its own.

#include "app/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEADLINE_S = 30, // a child that hangs is ended by SIGALRM, which no row expects
    STATUS_FINE = 7,
};

static atomic_int n_cancelled;

static void cancel(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void hang(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    for (;;)
        pause();
}

static void wait_for_cancel(void)
{
    while (atomic_load(&n_cancelled) == 0)
        sched_yield();
}

static void without_function(void)
{
    kill(getpid(), SIGTERM);
    for (;;)
        pause();
}

static void first_cancels(void)
{
    app_on_interrupt(cancel, &n_cancelled);
    if (app_is_interrupted())
        _exit(1);
    kill(getpid(), SIGINT);
    wait_for_cancel();
    app_on_interrupt(NULL, NULL); // waits until cancel returned
    app_interrupts_stop();
    _exit(app_is_interrupted() && atomic_load(&n_cancelled) == 1 ? STATUS_FINE : 1);
}

static void second_ends(void)
{
    app_on_interrupt(cancel, &n_cancelled);
    kill(getpid(), SIGHUP);
    wait_for_cancel();
    kill(getpid(), SIGTERM);
    for (;;)
        pause();
}

static void second_ends_a_hanging_cancel(void)
{
    app_on_interrupt(hang, &n_cancelled);
    kill(getpid(), SIGINT);
    wait_for_cancel();
    kill(getpid(), SIGINT);
    for (;;)
        pause();
}

static void registered_late(void)
{
    static atomic_int n_late;
    app_on_interrupt(cancel, &n_cancelled);
    kill(getpid(), SIGINT);
    wait_for_cancel();
    app_on_interrupt(cancel, &n_late); // a signal came already
    _exit(atomic_load(&n_late) == 1 ? STATUS_FINE : 1);
}

static void write_errors_not_signals(void)
{
    int ends[2];
    if (pipe(ends) != 0)
        _exit(1);
    close(ends[0]);
    _exit(write(ends[1], "x", 1) < 0 && errno == EPIPE ? STATUS_FINE : 1);
}

static int status_of(void (*child)(void))
{
    pid_t id = fork();
    if (id == 0) {
        signal(SIGHUP, SIG_DFL); // the test itself may run under nohup
        alarm(DEADLINE_S);
        if (!freopen("/dev/null", "w", stderr) || app_interrupts_start() < 0)
            _exit(1);
        child();
        _exit(1);
    }
    int status = 0;
    assert_int_equal(waitpid(id, &status, 0), id);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_signals(void **state)
{
    assert_int_equal(status_of(without_function), 130);
    assert_int_equal(status_of(first_cancels), STATUS_FINE);
    assert_int_equal(status_of(second_ends), 130);
    assert_int_equal(status_of(second_ends_a_hanging_cancel), 130);
    assert_int_equal(status_of(registered_late), STATUS_FINE);
    assert_int_equal(status_of(write_errors_not_signals), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
