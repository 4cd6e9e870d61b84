// SPDX-License-Identifier: Apache-2.0
// test_calibration.c - the ranges that are read off what was observed.

#include "nn/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static void test_whole(void **state)
{
    struct calibration *c;
    const struct plan_range *ranges;
    int n = 0;
    assert_int_equal(calibration_create(&c), 0);
    assert_int_equal(calibration_ranges(c, CALIBRATION_WHOLE, &ranges, &n), ERR_INVALID);
    const float a[] = {1, -2, 99, 3, NAN, 99}; // the third of each pixel is not the value's
    const float b[] = {5, 300, 0.25f};
    calibration_observe(c, "a", a, 2, 2, 3);
    calibration_observe(c, "b", b, 1, 3, 3);
    calibration_observe(c, "a", b, 1, 2, 3);
    assert_int_equal(calibration_ranges(c, CALIBRATION_WHOLE, &ranges, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(ranges[0].name, "a");
    assert_float_equal(ranges[0].min, -2, 0);
    assert_float_equal(ranges[0].max, 300, 0);
    assert_int_equal(ranges[0].n_means, 2);
    assert_float_equal(ranges[0].means[0], 3, 1e-6);       // (1 + 3 + 5) / 3
    assert_float_equal(ranges[0].means[1], 99.333f, 1e-3); // (-2 + nothing + 300) / 3
    assert_float_equal(ranges[1].min, 0, 0);               // 0 is always inside
    calibration_destroy(c);
    calibration_destroy(NULL);
}

// Many small numbers and one outlier: the outlier is cut off, unless the rule wants everything.
static void test_outlier(void **state)
{
    enum { N = 20000 };
    static float values[N];
    struct calibration *c;
    const struct plan_range *ranges;
    int n = 0;
    for (int i = 0; i < N; i++)
        values[i] = sinf((float)i);
    values[7] = 8;
    assert_int_equal(calibration_create(&c), 0);
    calibration_observe(c, "v", values, N, 1, 1);
    assert_int_equal(calibration_ranges(c, CALIBRATION_WHOLE, &ranges, &n), 0);
    assert_float_equal(ranges[0].max, 8, 0);
    assert_int_equal(calibration_ranges(c, CALIBRATION_LEAST_SQUARE, &ranges, &n), 0);
    assert_true(ranges[0].max < 8 && ranges[0].max >= 1);
    assert_true(ranges[0].min >= -1.0f && ranges[0].min <= -0.9f);
    calibration_destroy(c);
}

static void test_known(void **state)
{
    (void)state;
    struct calibration *c = NULL;
    const struct plan_range *ranges = NULL;
    int n = 0;
    const float dark[4] = {.1f, .2f, .3f, .8f};
    assert_int_equal(calibration_create(&c), 0);
    calibration_observe(c, "picture", dark, 4, 1, 1);
    calibration_know(c, "picture", 0, 1);
    calibration_know(c, "another", -5, 5);
    assert_int_equal(calibration_ranges(c, CALIBRATION_LEAST_SQUARE, &ranges, &n), 0);
    assert_int_equal(n, 1);
    assert_true(ranges[0].min == 0 && ranges[0].max == 1);
    assert_true(fabsf(ranges[0].means[0] - .35f) < 1e-6f);
    calibration_destroy(c);
}

static void test_limits(void **state)
{
    struct calibration *c;
    const struct plan_range *ranges;
    const float huge[] = {3e38f, -3e38f};
    int n = 0;
    assert_int_equal(calibration_create(&c), 0);
    calibration_observe(c, "huge", huge, 2, 1, 1);
    assert_int_equal(calibration_ranges(c, CALIBRATION_LEAST_SQUARE, &ranges, &n), 0);
    for (int i = 0; i < CALIBRATION_MAX_VALUES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "v%d", i);
        calibration_observe(c, name, huge, 1, 1, 1);
    }
    assert_int_equal(calibration_ranges(c, CALIBRATION_WHOLE, &ranges, &n), ERR_TOO_BIG);
    calibration_destroy(c);
}

static void test_allocation_failure(void **state)
{
    const float v[] = {1, 2};
    const struct plan_range *ranges;
    int n = 0;
    for (long at = 1;; at++) {
        struct calibration *c = NULL;
        mem_test_fail_at(at);
        int r = calibration_create(&c);
        if (r == 0) {
            calibration_observe(c, "v", v, 1, 2, 2);
            r = calibration_ranges(c, CALIBRATION_WHOLE, &ranges, &n);
        }
        bool was_pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        calibration_destroy(c);
        if (was_pending) {
            assert_int_equal(r, 0);
            return;
        }
        assert_int_equal(r, ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_outlier),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
