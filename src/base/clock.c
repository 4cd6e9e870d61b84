// SPDX-License-Identifier: Apache-2.0
// clock.c - monotonic, wall and CPU time.

#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool test_clock;
static _Atomic int64_t test_monotonic_ns;
static _Atomic int64_t test_wall_us;

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return atomic_load(&test_clock) ? atomic_load(&test_monotonic_ns) : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return atomic_load(&test_clock) ? atomic_load(&test_wall_us)
                                    : read_ns(CLOCK_REALTIME) / CLOCK_NS_PER_US;
}

int64_t clock_process_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_test_set(int64_t monotonic_ns, int64_t wall_us)
{
    atomic_store(&test_monotonic_ns, monotonic_ns);
    atomic_store(&test_wall_us, wall_us);
    atomic_store(&test_clock, true);
}

void clock_test_release(void)
{
    atomic_store(&test_clock, false);
}

void clock_sleep_ns(int64_t ns)
{
    struct timespec left = {.tv_sec = ns / CLOCK_NS_PER_S, .tv_nsec = ns % CLOCK_NS_PER_S};
    while (ns > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}
