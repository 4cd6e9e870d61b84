// SPDX-License-Identifier: Apache-2.0
// test_id.c - ids are different, rise, say their time, and nothing else passes for one.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/thread.h"

static void test_rise(void **state)
{
    (void)state;
    char last[ID_BYTES] = "";
    for (int i = 0; i < 10000; i++) {
        char id[ID_BYTES];
        id_make(id);
        assert_true(id_is_valid(str_of(id)));
        assert_true(strcmp(id, last) > 0);
        memcpy(last, id, ID_BYTES);
    }
}

static void test_time(void **state)
{
    (void)state;
    char id[ID_BYTES];
    char first[ID_BYTES];
    char before[ID_BYTES];
    const int64_t ms = clock_wall_us() / 1000 + 3600 * 1000; // later than any other test's
    clock_test_set(0, ms * 1000 + 999);
    id_make(before);
    assert_true(id_time_ms(before) == ms);
    id_first_at(ms, first);
    assert_true(strcmp(first, before) <= 0);
    // backwards: still rising
    clock_test_set(0, (ms - 1000) * 1000);
    id_make(id);
    assert_true(strcmp(id, before) > 0);
    assert_true(id_time_ms(id) == ms);
    clock_test_release();
    id_first_at(0, id);
    assert_string_equal(id, "00000000000000000000000000");
    id_first_at((INT64_C(1) << 48) - 1, id);
    assert_string_equal(id, "7ZZZZZZZZZ0000000000000000");
    assert_true(id_time_ms(id) == (INT64_C(1) << 48) - 1);
}

static void test_others_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "0",
                                       "8ZZZZZZZZZ0000000000000000",
                                       "01J0000000000000000000000",
                                       "01J000000000000000000000000",
                                       "01j00000000000000000000000",
                                       "01I00000000000000000000000",
                                       "01L00000000000000000000000",
                                       "01O00000000000000000000000",
                                       "01U00000000000000000000000",
                                       "../../../../../../../../..",
                                       "01J0000000000000000000000 "};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_false(id_is_valid(str_of(rows[i])));
    assert_false(id_is_valid((struct str){"01J0000000000\0000000000000", 26}));
    assert_true(id_is_valid(str_of("01J00000000000000000000000")));
}

enum {
    PER_THREAD = 2000,
};

static char ids[4][PER_THREAD][ID_BYTES];

static void make_many(void *arg)
{
    char(*mine)[ID_BYTES] = arg;
    for (int i = 0; i < PER_THREAD; i++)
        id_make(mine[i]);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_threads_get_different_ones(void **state)
{
    (void)state;
    struct thread threads[4] = {0};
    for (int i = 0; i < 4; i++)
        assert_int_equal(thread_start(&threads[i], "ids", make_many, ids[i]), 0);
    for (int i = 0; i < 4; i++)
        thread_join(&threads[i]);
    char(*all)[ID_BYTES] = ids[0];
    qsort(all, (size_t)4 * PER_THREAD, ID_BYTES, compare);
    for (int i = 1; i < 4 * PER_THREAD; i++)
        assert_string_not_equal(all[i], all[i - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rise),
        cmocka_unit_test(test_threads_get_different_ones),
        cmocka_unit_test(test_others_are_refused),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
