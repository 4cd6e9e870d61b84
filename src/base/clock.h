// SPDX-License-Identifier: Apache-2.0
// clock.h - all time comes from here; tests may set it.
#pragma once

#include <stdint.h>

#define CLOCK_NS_PER_S  INT64_C(1000000000)
#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_US INT64_C(1000)

// Monotonic, from an arbitrary point. Deadlines are values of this clock.
int64_t clock_now_ns(void);
// Microseconds since 1970, UTC.
int64_t clock_wall_us(void);
// CPU time that all threads of this process have used.
int64_t clock_process_cpu_ns(void);

// Sleeps so long, also when a signal comes between.
void clock_sleep_ns(int64_t ns);

// Tests only: both clocks stand at these values until clock_test_release().
void clock_test_set(int64_t monotonic_ns, int64_t wall_us);
void clock_test_release(void);
