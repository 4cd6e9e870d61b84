// SPDX-License-Identifier: Apache-2.0
// test_timeline.c - exact times, and the rule for missing, equal and falling ones.

#include "media/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

#define NO  TIMELINE_NO_PTS
#define FAR (INT64_MAX / 8)

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        int base_num, base_den, rate_num, rate_den;
        int64_t pts[5], durations[5], us[5];
        int n;
    } rows[] = {
        // clang-format off
        // rounded to the nearest, halves away from zero
        {1, 30000, 30, 1, {0, 1001, 2002}, {0}, {0, 33367, 66733}, 3},
        {1, 2000000, 25, 1, {1, 3, 5}, {0}, {1, 2, 3}, 3},
        {1, 90000, 25, 1, {-3600, 0}, {0}, {-40000, 0}, 2},
        // missing: from 0, by duration, by rate, by 40 ms
        {1, 1000, 0, 1, {NO, NO, NO}, {0}, {0, 40000, 80000}, 3},
        {1, 1000, 50, 1, {NO, NO, NO}, {0}, {0, 20000, 40000}, 3},
        {1, 1000, 50, 1, {100, NO, NO, 300}, {7, 9, 0, 0}, {100000, 107000, 116000, 300000}, 4},
        // an interpolated time that goes too far pushes the next by one microsecond
        {1, 1000, 50, 1, {0, NO, 10}, {0}, {0, 20000, 20001}, 3},
        // equal, and a little back
        {1, 1000, 50, 1, {5, 5, 5, 6}, {0}, {5000, 5001, 5002, 6000}, 4},
        {1, 1000, 50, 1, {1000, 0, 1001}, {0}, {1000000, 1000001, 1001000}, 3},
        // far back: a new clock goes on where the old one ended
        {1, 1000, 50, 1, {5000, 0, 20, 40}, {0}, {5000000, 5020000, 5040000, 5060000}, 4},
        {1, 1000, 50, 1, {1001, 0, 20}, {0}, {1001000, 1021000, 1041000}, 3},
        // forward jumps are the container's word
        {1, 1000, 50, 1, {0, 3600000}, {0}, {0, 3600000000}, 2},
        // times beyond all clocks count as missing; absurd durations and rates too
        {1, 1, 25, 1, {0, INT64_MAX, 2}, {0}, {0, 40000, 2000000}, 3},
        {1, 1000000, 25, 1, {FAR, -FAR, FAR}, {0}, {FAR, FAR + 40000, FAR + 80000}, 3},
        {1, 1, 25, 1, {0, NO}, {INT64_MAX}, {0, 40000}, 2},
        {0, 0, -1, 0, {1, NO}, {0}, {1000000, 1040000}, 2},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct timeline t;
        timeline_init(&t, rows[i].base_num, rows[i].base_den, rows[i].rate_num, rows[i].rate_den);
        for (int k = 0; k < rows[i].n; k++) {
            int64_t us = timeline_place(&t, rows[i].pts[k], rows[i].durations[k]);
            if (us != rows[i].us[k])
                fail_msg("row %zu frame %d: %lld, not %lld", i, k, (long long)us,
                         (long long)rows[i].us[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
