// SPDX-License-Identifier: Apache-2.0
// test_verdict.c - profiles, built in and of files, and the outcome of their criteria.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "eval/verdict.h"

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

static void test_built_in_profiles(void **state)
{
    static const struct {
        const char *name;
        double precision, recall, latency;
    } rows[] = {{"default", .85, .80, 100},
                {"strict", .95, .90, 50},
                {"safety-critical", .98, .95, 30},
                {"performance", .85, .80, 200}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct verdict_profile p;
        assert_int_equal(verdict_profile_get(rows[i].name, *state, &p), 0);
        assert_true(p.criteria[0].limit == rows[i].precision && !p.criteria[0].is_max);
        assert_true(p.criteria[1].limit == rows[i].recall && !p.criteria[1].is_max);
        assert_true(p.criteria[2].limit == rows[i].latency && p.criteria[2].is_max);
        for (size_t k = 0; k < p.n; k++)
            assert_true(verdict_metric_is_known(p.criteria[k].metric));
    }
    struct verdict_profile p;
    assert_int_equal(verdict_profile_get("lenient", *state, &p), ERR_NOT_FOUND);
}

static void test_files(void **state)
{
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"{\"name\":\"ours\",\"criteria\":[{\"metric\":\"AP50\",\"min\":0.5}]}", 0},
        {"{\"criteria\":[{\"max\":9,\"metric\":\"latency_ms\"}],\"name\":\"ours\"}", 0},
        {"{\"name\":\"ours\",\"criteria\":[]}", ERR_DATA},
        {"{\"name\":\"ours\"}", ERR_DATA},
        {"{\"criteria\":[{\"metric\":\"AP50\",\"min\":0.5}]}", ERR_DATA},
        {"{\"name\":\"ours\",\"criteria\":[{\"metric\":\"AP50\"}]}", ERR_DATA},
        {"{\"name\":\"ours\",\"criteria\":[{\"min\":1}]}", ERR_DATA},
        {"{\"name\":\"ours\",\"criteria\":[{\"metric\":\"AP50\",\"min\":0,\"max\":1}]}", ERR_DATA},
        {"{\"name\":\"ours\",\"criteria\":[{\"metric\":\"luck\",\"min\":0}]}", ERR_DATA},
        {"{\"name\":\"ours\",\"criteria\":[{\"metric\":\"AP\",\"min\":\"0\"}]}", ERR_DATA},
        {"{\"name\":\"ours\",\"criteria\":[{\"metric\":\"AP\",\"mni\":0}]}", ERR_DATA},
        {"[]", ERR_DATA},
        {"", ERR_DATA},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[] = "/tmp/verdict-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, rows[i].text, strlen(rows[i].text)), strlen(rows[i].text));
        close(fd);
        struct verdict_profile p;
        assert_int_equal(verdict_profile_get(path, *state, &p), rows[i].result);
        unlink(path);
        if (rows[i].result == 0) {
            assert_string_equal(p.name, "ours");
            assert_int_equal(p.n, 1);
        }
    }
}

// Values by the position in the profile.
static void next_value(void *arg, const char *metric, struct verdict_finding *f)
{
    const double **values = arg;
    f->value = *(*values)++;
}

static void test_outcomes(void **state)
{
    static const struct verdict_criterion five[] = {{"AP", false, .5},
                                                    {"AP50", false, .5},
                                                    {"recall", false, .5},
                                                    {"f1", false, .5},
                                                    {"latency_ms", true, 100}};
    static const struct {
        double values[5];
        size_t n;
        enum verdict_outcome outcome;
    } rows[] = {
        {{.5, 1, 1, 1, 100}, 5, VERDICT_PASS},
        {{.4, 1, 1, 1, 100}, 5, VERDICT_CONDITIONAL_PASS}, // 80 %
        {{1, 1, 1, 1, 101}, 5, VERDICT_CONDITIONAL_PASS},
        {{.4, .4, 1, 1, 0}, 5, VERDICT_FAIL},
        {{1, 1, 1, 1, NAN}, 5, VERDICT_CONDITIONAL_PASS}, // no data is not a pass
        {{1, 1, 1, NAN, NAN}, 5, VERDICT_NO_DATA},        // open
        {{0, 0, 1, 1, NAN}, 5, VERDICT_FAIL},             // not open
        {{NAN, NAN, NAN, NAN, NAN}, 5, VERDICT_NO_DATA},
        {{0}, 1, VERDICT_FAIL},
        {{NAN}, 1, VERDICT_NO_DATA},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct verdict_profile p = {"ours", five, rows[i].n};
        const double *values = rows[i].values;
        struct verdict v;
        assert_int_equal(verdict_make(&p, next_value, &values, *state, &v), 0);
        assert_int_equal(v.outcome, rows[i].outcome);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_built_in_profiles, make, drop),
        cmocka_unit_test_setup_teardown(test_files, make, drop),
        cmocka_unit_test_setup_teardown(test_outcomes, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
