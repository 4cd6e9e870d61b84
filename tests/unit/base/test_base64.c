// SPDX-License-Identifier: Apache-2.0
// test_base64.c - RFC 4648's examples, and texts that are none.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "base/base64.h"

static void test_both_ways(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        char bytes[32];
        size_t n = 99;
        size_t want = strlen(rows[i][0]);
        base64_encode(rows[i][0], want, text);
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(strlen(text) + 1, BASE64_BYTES(want));
        assert_true(base64_decode(str_of(rows[i][1]), bytes, want, &n));
        assert_int_equal(n, want);
        assert_memory_equal(bytes, rows[i][0], want);
        assert_true(want == 0 || !base64_decode(str_of(rows[i][1]), bytes, want - 1, &n));
    }
}

static void test_what_is_none(void **state)
{
    static const char *const rows[] = {"=",    "==",   "====", "Z",    "Zg",   "Zg=",  "Zh==",
                                       "Zm9=", "Z===", "Zm 9", "Zm9-", "Zm=v", "=m9v", "Zg==Zg=="};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char bytes[32];
        size_t n;
        if (base64_decode(str_of(rows[i]), bytes, sizeof(bytes), &n))
            fail_msg("'%s' was taken", rows[i]);
    }
    char bytes[8];
    size_t n;
    assert_false(base64_decode((struct str){"Zm\0v", 4}, bytes, sizeof(bytes), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
