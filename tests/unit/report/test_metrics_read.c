// SPDX-License-Identifier: Apache-2.0
// test_metrics_read.c - figures of a metrics file by name, and what is none.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "report/metrics_read.h"

static const char text[] =
    "{\"assay\":\"0\",\"coco\":{\"AP\":0.5,\"AP50\":null},\"settings\":{\"AP\":9},"
    "\"operating_point\":{\"recall\":0.25,\"true_positives\":7},"
    "\"classes\":[{\"label\":\"person\",\"AP\":0.4,\"operating_point\":{\"recall\":1}},"
    "{\"AP\":0.3,\"label\":\"car\"}],"
    "\"tracking\":{\"overall\":{\"HOTA\":0.6},\"classes\":[{\"label\":\"person\",\"HOTA\":0.7}],"
    "\"sequences\":[{\"HOTA\":0.1}]},\"temporal\":{\"recall\":0.9},\"notices\":[\"a\"]}";

static void test_figures(void **state)
{
    static const struct {
        const char *name, *label;
        double value; // NaN: null; INFINITY: not there
    } rows[] = {
        {"AP", NULL, .5},
        {"ap", NULL, .5},
        {"AP50", NULL, (double)NAN},
        {"recall", NULL, .25},
        {"true_positives", NULL, 7},
        {"AP", "person", .4},
        {"recall", "person", 1},
        {"AP", "car", .3},
        {"HOTA", NULL, .6},
        {"HOTA", "person", .7},
        {"HOTA", "car", INFINITY},
        {"AP", "Car", INFINITY},
        {"nonsense", NULL, INFINITY},
    };
    struct arena *a;
    struct metrics_table t;
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(metrics_read_text(STR(text), "m.json", a, &t), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct metrics_row *row = metrics_find(&t, rows[i].name, rows[i].label);
        assert_int_equal(row == NULL, isinf(rows[i].value));
        if (row && isnan(rows[i].value))
            assert_true(isnan(row->value));
        else if (row)
            assert_true(row->value == rows[i].value);
    }
    arena_destroy(a);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "m.json"},
        {"[]", "not a metrics file"},
        {"{}", "no \"coco\""},
        {"{\"images\":[],\"annotations\":[]}", "no \"coco\""},
        {"{\"coco\":{\"AP\":1}", "m.json"},
        {"{\"coco\":{}} x", "m.json"},
        {"{\"coco\":{},\"classes\":{}}", "\"classes\" is not an array"},
        {"{\"coco\":{},\"classes\":[1]}", "not an object"},
        {"{\"coco\":{},\"classes\":[{\"AP\":1}]}", "without \"label\""},
        {"{\"coco\":{\"AP\":1e999}}", "1e999"},
    };
    struct arena *a;
    struct metrics_table t;
    assert_int_equal(arena_create(0, &a), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int r = metrics_read_text(str_of(rows[i].text), "m.json", a, &t);
        assert_int_equal(r, ERR_DATA);
        if (!strstr(err_message(r), rows[i].part))
            fail_msg("'%s' is not in: %s", rows[i].part, err_message(r));
        err_clear();
    }
    assert_int_equal(metrics_read("/nonexistent/m.json", a, &t), ERR_NOT_FOUND);
    err_clear();
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
