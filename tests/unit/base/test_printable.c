// SPDX-License-Identifier: Apache-2.0
// test_printable.c - what of a text is shown.

#include "base/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"", ""},
        {"plain \xc3\xa9 \xf0\x9f\x91\xa9", "plain \xc3\xa9 \xf0\x9f\x91\xa9"},
        {"a\x1b\x7f\xc2\x9b.", "a????."},
        {"\xff\xc3", "??"},                          // no UTF-8, torn UTF-8
        {"\xe2\x80\xae.", "???."},                   // turns the direction
        {"\xe2\x80\x8d", "\xe2\x80\x8d"},            // joins
        {"\xed\xa0\x80\xf4\x90\x80\x80", "???????"}, // half a surrogate, beyond the last
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", rows[i].text);
        assert_int_equal(printable_is(text), strcmp(text, rows[i].shown) == 0);
        printable_make(text);
        assert_string_equal(text, rows[i].shown);
        assert_true(printable_is(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
