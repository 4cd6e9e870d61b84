// SPDX-License-Identifier: Apache-2.0
// interrupt.c - SIGINT, SIGTERM and SIGHUP become a flag and one call of a cancel function.
//
// The signals are blocked in every thread; one thread takes them with sigwait(), so the cancel
// function is ordinary code. While that runs, a handler stands by for the signal that ends the
// program at once, should the cancel function hang. A full pipe, disk or file limit is an error of
// a write(), no signal.

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "app/app.h"
#include "base/err.h"
#include "base/log.h"
#include "base/thread.h"

// --- constant after app_interrupts_start()
static sigset_t taken;
static struct thread signal_thread;
// --- guarded by lock (held while the cancel function runs)
static struct lock lock;
static void (*cancel_function)(void *arg);
static void *cancel_arg;
// --- atomic
static atomic_int n_signals;
static atomic_bool stopping;

static void on_signal(void)
{
    bool is_first = atomic_fetch_add(&n_signals, 1) == 0;
    if (!is_first)
        _exit(err_exit_status(ERR_CANCELLED)); // at once: nothing may be waited for any more
    pthread_sigmask(SIG_UNBLOCK, &taken, NULL);
    lock_acquire(&lock);
    if (!cancel_function)
        _exit(err_exit_status(ERR_CANCELLED));
    log_warning(NULL, "interrupted, finishing what is under way (again to stop at once)");
    cancel_function(cancel_arg);
    lock_release(&lock);
    pthread_sigmask(SIG_BLOCK, &taken, NULL);
}

static void end_at_once(int number)
{
    (void)number;
    if (!atomic_load(&stopping))
        _exit(130); // err_exit_status(ERR_CANCELLED), but nothing may be called here
}

static void wait_for_signals(void *arg)
{
    while (!atomic_load(&stopping)) {
        int number;
        if (sigwait(&taken, &number) == 0 && !atomic_load(&stopping))
            on_signal();
    }
}

int app_interrupts_start(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    struct sigaction hangup;
    int r = sigaction(SIGHUP, NULL, &hangup);
    if (r == 0 && hangup.sa_handler != SIG_IGN) // nohup wants it to stay
        sigaddset(&taken, SIGHUP);
    struct sigaction at_once = {.sa_handler = end_at_once};
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(&taken, number) == 1 && sigaction(number, &at_once, NULL) != 0)
            return err_set(ERR_INTERNAL, "signal %d cannot be taken", number);
    }
    if (pthread_sigmask(SIG_BLOCK, &taken, NULL) != 0)
        return err_set(ERR_INTERNAL, "signals cannot be blocked");
    r = lock_init(&lock, LOCK_RANK_APP);
    if (r < 0)
        return r;
    return thread_start(&signal_thread, "signal", wait_for_signals, NULL);
}

void app_interrupts_stop(void)
{
    if (!signal_thread.started)
        return;
    atomic_store(&stopping, true);
    pthread_kill(signal_thread.id, SIGTERM);
    thread_join(&signal_thread);
    lock_finish(&lock);
}

void app_on_interrupt(void (*cancel)(void *arg), void *arg)
{
    lock_acquire(&lock);
    cancel_function = cancel;
    cancel_arg = arg;
    if (cancel && atomic_load(&n_signals) > 0)
        cancel(arg);
    lock_release(&lock);
}

bool app_is_interrupted(void)
{
    return atomic_load(&n_signals) > 0;
}
