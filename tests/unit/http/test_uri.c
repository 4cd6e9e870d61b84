// SPDX-License-Identifier: Apache-2.0
// test_uri.c - request targets that are decoded, and those that are refused.

#include "http/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

static const struct {
    const char *target;
    const char *path;  // NULL: refused
    const char *pairs; // name=value; in order
} rows[] = {
    {"/", "/", ""},
    {"/a", "/a", ""},
    {"/a/", "/a", ""},
    {"/a/b%20c", "/a/b c", ""},
    {"/%e2%82%ac", "/\xe2\x82\xac", ""},
    {"/a%3Fb", "/a?b", ""},
    {"/a+b", "/a+b", ""},
    {"/...", "/...", ""},
    {"/?", "/", ""},
    {"/?a", "/", "a=;"},
    {"/?a=", "/", "a=;"},
    {"/?=a", "/", "=a;"},
    {"/?a=b&&c=d&", "/", "a=b;c=d;"},
    {"/?a=b=c", "/", "a=b=c;"},
    {"/?a+b=%2B%26", "/", "a b=+&;"},
    {"/?a=/../x", "/", "a=/../x;"},
    {"/?a=?b", "/", "a=?b;"},
    {"*", "*", ""},
    {"http://h", "/", ""},
    {"http://h/x?y=1", "/x", "y=1;"},
    {"HTTPS://h?y=1", "/", "y=1;"},
    {"", NULL, NULL},
    {"a", NULL, NULL},
    {"//", NULL, NULL},
    {"/a//", NULL, NULL},
    {"//a", NULL, NULL},
    {"/a//b", NULL, NULL},
    {"/.", NULL, NULL},
    {"/..", NULL, NULL},
    {"/a/../b", NULL, NULL},
    {"/a/%2e%2E/b", NULL, NULL},
    {"/a/.%2e", NULL, NULL},
    {"/a%", NULL, NULL},
    {"/a%2", NULL, NULL},
    {"/a%2g", NULL, NULL},
    {"/a%00", NULL, NULL},
    {"/a%1f", NULL, NULL},
    {"/a%7f", NULL, NULL},
    {"/a%2f", NULL, NULL},
    {"/a\\b", NULL, NULL},
    {"/a%5Cb", NULL, NULL},
    {"/%ff", NULL, NULL},
    {"/%ed%a0%80", NULL, NULL}, // half a surrogate
    {"/a#b", NULL, NULL},
    {"/?a=%zz", NULL, NULL},
    {"/?a=%00", NULL, NULL},
    {"/?%ff=a", NULL, NULL},
    {"http://", NULL, NULL},
    {"http://a@b/", NULL, NULL},
    {"ftp://h/", NULL, NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a;
        struct uri u;
        assert_int_equal(arena_create(0, &a), 0);
        int r = uri_parse(str_of(rows[i].target), 8, a, &u);
        if (rows[i].path ? r != 0 : r != ERR_INVALID)
            fail_msg("row %zu '%s': %d %s", i, rows[i].target, r, r ? err_message(r) : "");
        if (r == 0) {
            struct str_buf pairs = STR_BUF_INIT(1000);
            for (size_t k = 0; k < u.n_pairs; k++)
                str_buf_printf(&pairs, STR_FMT "=" STR_FMT ";", STR_ARG(u.pairs[k].name),
                               STR_ARG(u.pairs[k].value));
            assert_true(str_is(u.path, rows[i].path));
            assert_string_equal(str_buf_text(&pairs), rows[i].pairs);
            str_buf_finish(&pairs);
        }
        arena_destroy(a);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct arena *a;
    struct uri u;
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(uri_parse(STR("/?1&2&3"), 3, a, &u), 0);
    assert_int_equal(uri_parse(STR("/?1&2&3&4"), 3, a, &u), ERR_INVALID);
    for (long n = 1;; n++) {
        struct arena *b;
        assert_int_equal(arena_create(0, &b), 0);
        mem_test_fail_at(n);
        int r = uri_parse(STR("/a/b?c=d"), 3, b, &u);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        arena_destroy(b);
        if (pending) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(r, ERR_NOMEM);
    }
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
