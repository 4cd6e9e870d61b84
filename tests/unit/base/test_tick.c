// SPDX-License-Identifier: Apache-2.0
// test_tick.c - threads that wake while somebody works: one a core, started and stopped.

#include "base/thread.h"
#include "base/tick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    DEADLINE_S = 60,
    WAKES = 20,
};

static bool is_tick(const char *tid, long *ret_waits)
{
    char path[128];
    char line[256];
    bool is_one = false;
    *ret_waits = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", tid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        if (strcmp(line, "Name:\ttick\n") == 0)
            is_one = true;
        if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
            *ret_waits = strtol(line + 24, NULL, 10);
    }
    if (f)
        fclose(f);
    return is_one;
}

// How many there are; *ret_waits*: how often the one that waited least did.
static int count_ticks(long *ret_waits)
{
    int n = 0;
    long waits = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (!is_tick(e->d_name, &waits))
            continue;
        *ret_waits = n == 0 || waits < *ret_waits ? waits : *ret_waits;
        n++;
    }
    closedir(d);
    return n;
}

// Until there are *n* and each has waited more often; the alarm ends it where that never comes.
static void wait_for_waits(int n, long more_than)
{
    long waits = 0;
    while (count_ticks(&waits) != n || waits <= more_than) {
        tick_ask();
        clock_sleep_ns(CLOCK_NS_PER_MS);
    }
}

static void test_while_somebody_works(void **state)
{
    (void)state;
    cpu_set_t cores;
    long waits = 0;
    int policy = sched_getscheduler(0);
    assert_int_equal(sched_getaffinity(0, sizeof(cores), &cores), 0);
    if (policy == SCHED_FIFO || policy == SCHED_RR || thread_n_cores() < CPU_COUNT(&cores))
        skip(); // there are none then
    tick_stop();
    tick_hold(); // nothing was started
    tick_ask();
    tick_release();
    assert_int_equal(count_ticks(&waits), 0);
    for (int round = 0; round < 2; round++) {
        tick_hold(); // also of one that worked before
        assert_int_equal(tick_start(), 0);
        wait_for_waits(CPU_COUNT(&cores), WAKES);
        (void)count_ticks(&waits);
        tick_hold();
        tick_release(); // one still works
        wait_for_waits(CPU_COUNT(&cores), waits + WAKES);
        tick_release();
        tick_stop();
        assert_int_equal(count_ticks(&waits), 0);
    }
}

static void test_stopped_while_somebody_works(void **state)
{
    (void)state;
    long waits = 0;
    tick_hold();
    assert_int_equal(tick_start(), 0);
    tick_ask();
    tick_stop();
    assert_int_equal(count_ticks(&waits), 0);
    tick_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_while_somebody_works),
        cmocka_unit_test(test_stopped_while_somebody_works),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
