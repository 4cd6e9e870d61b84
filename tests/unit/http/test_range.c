// SPDX-License-Identifier: Apache-2.0
// test_range.c - the Range header in all its forms.

#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/attr.h"

static const struct {
    const char *text;
    int64_t size;
    enum range_outcome outcome;
    const char *ranges; // first+n
} rows[] = {
    {"bytes=0-0", 10, RANGE_SOME, "0+1 "},
    {"bytes=0-9", 10, RANGE_SOME, "0+10 "},
    {"bytes=0-99", 10, RANGE_SOME, "0+10 "},
    {"bytes=9-", 10, RANGE_SOME, "9+1 "},
    {"bytes=-1", 10, RANGE_SOME, "9+1 "},
    {"bytes=-99", 10, RANGE_SOME, "0+10 "},
    {"BYTES = 1-2", 10, RANGE_SOME, "1+2 "},
    {"bytes=0-1, 5-6", 10, RANGE_SOME, "0+2 5+2 "},
    {"bytes=5-6,0-1", 10, RANGE_SOME, "5+2 0+2 "},
    {"bytes=,0-1,,5-6,", 10, RANGE_SOME, "0+2 5+2 "},
    {"bytes=0-1,2-3", 10, RANGE_SOME, "0+4 "},
    {"bytes=4-6,0-4,8-", 10, RANGE_SOME, "0+7 8+2 "},
    {"bytes=0-1,20-30", 10, RANGE_SOME, "0+2 "},
    {"bytes=0-18446744073709551616", 10, RANGE_SOME, "0+10 "},
    {"bytes=10-", 10, RANGE_UNSATISFIABLE, ""},
    {"bytes=10-20", 10, RANGE_UNSATISFIABLE, ""},
    {"bytes=-0", 10, RANGE_UNSATISFIABLE, ""},
    {"bytes=0-", 0, RANGE_UNSATISFIABLE, ""},
    {"bytes=-5", 0, RANGE_UNSATISFIABLE, ""},
    {"bytes=99999999999999999999-", 10, RANGE_UNSATISFIABLE, ""},
    {"bytes=2-1", 10, RANGE_WHOLE, ""},
    {"bytes=a-b", 10, RANGE_WHOLE, ""},
    {"bytes=1", 10, RANGE_WHOLE, ""},
    {"bytes=-", 10, RANGE_WHOLE, ""},
    {"bytes=--1", 10, RANGE_WHOLE, ""},
    {"bytes=1-2-3", 10, RANGE_WHOLE, ""},
    {"bytes=+1-2", 10, RANGE_WHOLE, ""},
    {"bytes=", 10, RANGE_WHOLE, ""},
    {"bytes", 10, RANGE_WHOLE, ""},
    {"", 10, RANGE_WHOLE, ""},
    {"frames=1-2", 10, RANGE_WHOLE, ""},
    {"bytes=0-0,2-2,4-4,6-6", 10, RANGE_WHOLE, ""}, // more than three
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct range ranges[3];
        size_t n = 99;
        struct str_buf text = STR_BUF_INIT(1000);
        enum range_outcome o = range_parse(str_of(rows[i].text), rows[i].size, ranges, 3, &n);
        for (size_t k = 0; k < n; k++)
            str_buf_printf(&text, "%lld+%lld ", (long long)ranges[k].first, (long long)ranges[k].n);
        if (o != rows[i].outcome ||
            (o == RANGE_SOME && !str_is(str_buf_view(&text), rows[i].ranges)))
            fail_msg("row %zu '%s': %d %s", i, rows[i].text, o, str_buf_text(&text));
        str_buf_finish(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
