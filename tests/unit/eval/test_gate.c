// SPDX-License-Identifier: Apache-2.0
// test_gate.c - limits as users write them, and what passes.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "eval/gate.h"

static int make(void **state)
{
    struct arena *a;
    int r = arena_create(0, &a);
    *state = a;
    return r;
}

static int drop(void **state)
{
    arena_destroy(*state);
    return 0;
}

static void test_limits_are_parsed(void **state)
{
    static const struct {
        const char *text, *metric, *label; // metric NULL: refused
        double limit;
    } rows[] = {
        {"map50=0.6", "AP50", NULL, .6},
        {"RECALL=1%", "recall", NULL, .01},
        {"recall:person=2 %", "recall", "person", .02},
        {"MOTP=0.5", "MOTP", NULL, .5},
        {"ap:a:b=c=0", "AP", "a:b=c", 0},
        {"recall", NULL, NULL, 0},
        {"=1", NULL, NULL, 0},
        {":person=1", NULL, NULL, 0},
        {"recall:=1", NULL, NULL, 0},
        {"recall=", NULL, NULL, 0},
        {"recall=nan", NULL, NULL, 0},
        {"recall=one", NULL, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gate_list list = {0};
        int r = gate_add(&list, GATE_MIN, rows[i].text, *state);
        if (!rows[i].metric) {
            assert_int_equal(r, ERR_INVALID);
            continue;
        }
        assert_int_equal(r, 0);
        assert_string_equal(list.checks[0].metric, rows[i].metric);
        assert_true(fabs(list.checks[0].limit - rows[i].limit) < 1e-12);
        if (rows[i].label)
            assert_string_equal(list.checks[0].label, rows[i].label);
        else
            assert_null(list.checks[0].label);
    }
    struct gate_list list = {0};
    assert_int_equal(gate_add(&list, GATE_MAX_DROP, "recall=-1%", *state), ERR_INVALID);
    for (int i = 0; i < GATE_MAX_CHECKS; i++)
        assert_int_equal(gate_add(&list, GATE_MIN, "ap=0", *state), 0);
    assert_int_equal(gate_add(&list, GATE_MIN, "ap=0", *state), ERR_TOO_BIG);
}

static void test_drops_are_judged(void **state)
{
    static const struct {
        double baseline, value, low, high; // interval of value - baseline
        bool is_strict;
        enum gate_outcome outcome;
        bool is_within_noise;
    } rows[] = {
        // allowed: .01
        {.90, .87, -.04, -.02, false, GATE_FAIL, false},
        {.90, .87, -.07, .01, false, GATE_PASS, true},
        {.90, .87, -.07, .01, true, GATE_FAIL, false},
        {.90, .895, -.006, -.004, false, GATE_PASS, false}, // real, but allowed
        {.90, .89, -.02, -.001, false, GATE_PASS, false},   // as much as allowed
        {.90, .95, .01, .08, false, GATE_PASS, false},
        {.90, .87, NAN, NAN, false, GATE_FAIL, false}, // no interval: as it is
        {.90, NAN, NAN, NAN, false, GATE_NO_DATA, false},
        {NAN, .90, NAN, NAN, false, GATE_NO_DATA, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gate_check c = {.kind = GATE_MAX_DROP, .limit = .01};
        const struct gate_figure f = {.value = rows[i].value,
                                      .baseline = rows[i].baseline,
                                      .difference = {rows[i].low, rows[i].high}};
        gate_judge(&c, &f, rows[i].is_strict);
        assert_int_equal(c.outcome, rows[i].outcome);
        assert_int_equal(c.is_within_noise, rows[i].is_within_noise);
    }
}

static void test_bounds_are_judged(void **state)
{
    static const struct {
        enum gate_kind kind;
        double value;
        enum gate_outcome outcome;
    } rows[] = {
        {GATE_MIN, .5, GATE_PASS}, {GATE_MIN, .499, GATE_FAIL}, {GATE_MIN, NAN, GATE_NO_DATA},
        {GATE_MAX, .5, GATE_PASS}, {GATE_MAX, .501, GATE_FAIL}, {GATE_MAX, NAN, GATE_NO_DATA},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gate_check c = {.kind = rows[i].kind, .limit = .5};
        gate_judge(&c, &(struct gate_figure){.value = rows[i].value}, false);
        assert_int_equal(c.outcome, rows[i].outcome);
        struct gate_list list = {.checks = &c, .n = 1};
        assert_int_equal(gate_outcome_of(&list), rows[i].outcome);
    }
    assert_int_equal(gate_outcome_of(&(struct gate_list){0}), GATE_NO_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limits_are_parsed, make, drop),
        cmocka_unit_test(test_drops_are_judged),
        cmocka_unit_test(test_bounds_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
