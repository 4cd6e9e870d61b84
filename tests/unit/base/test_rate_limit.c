// SPDX-License-Identifier: Apache-2.0
// test_rate_limit.c - token buckets under a clock that stands still until it is moved.

#include "base/rate_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

static const struct rate_limit_class classes[] = {
    {"read", 10, 20},
    {"login", 0.1, 3},
    {"free", 0, 0},
};

static int64_t now_ns;

static void pass(double seconds)
{
    now_ns += (int64_t)(seconds * 1e9);
    clock_test_set(now_ns, 0);
}

static int taken(struct rate_limit *l, size_t class_index, const char *client, int n)
{
    int got = 0;
    int after;
    for (int i = 0; i < n; i++)
        got += rate_limit_take(l, class_index, str_of(client), 1, &after);
    return got;
}

static void test_buckets(void **state)
{
    (void)state;
    struct rate_limit *l;
    int after = 0;
    now_ns = 1000 * CLOCK_NS_PER_S;
    pass(0);
    assert_int_equal(rate_limit_create(classes, ARRAY_LEN(classes), 100, &l), 0);
    assert_int_equal(taken(l, 0, "a", 30), 20); // the burst
    assert_int_equal(taken(l, 0, "b", 30), 20); // another client's
    assert_int_equal(taken(l, 1, "a", 30), 3);  // another class's
    assert_int_equal(taken(l, 2, "a", 1000), 1000);
    assert_false(rate_limit_take(l, 0, STR("a"), 1, &after));
    assert_int_equal(after, 1);
    assert_false(rate_limit_take(l, 1, STR("a"), 1, &after));
    assert_int_equal(after, 10);
    assert_false(rate_limit_take(l, 1, STR("a"), 100, &after)); // as much as the burst
    assert_int_equal(after, 30);
    pass(0.5);
    assert_int_equal(taken(l, 0, "a", 30), 5);
    pass(1000);
    assert_int_equal(taken(l, 0, "a", 30), 20); // never more than the burst
    pass(-5); // a clock that goes back gives nothing and takes nothing
    assert_int_equal(taken(l, 0, "a", 30), 0);
    rate_limit_destroy(l);
    rate_limit_destroy(NULL);
    clock_test_release();
}

// More clients than fit: old ones make room, the busy one stays limited.
static void test_many_clients(void **state)
{
    (void)state;
    struct rate_limit *l;
    char name[16];
    int busy = 0;
    int others = 0;
    now_ns = 1000 * CLOCK_NS_PER_S;
    pass(0);
    assert_int_equal(rate_limit_create(classes, ARRAY_LEN(classes), 100, &l), 0);
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        pass(0.0001);
        others += taken(l, 0, name, 1);
        busy += taken(l, 0, "busy", 1);
    }
    assert_int_equal(others, 10000);
    assert_true(busy >= 20 && busy <= 20 + 10 + 20); // one second's worth, at most forgotten once
    rate_limit_destroy(l);
    clock_test_release();
}

static void test_no_memory(void **state)
{
    (void)state;
    struct rate_limit *l = NULL;
    for (long n = 1; n <= 2; n++) {
        mem_test_fail_at(n);
        assert_int_equal(rate_limit_create(classes, ARRAY_LEN(classes), 100, &l), ERR_NOMEM);
        mem_test_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
