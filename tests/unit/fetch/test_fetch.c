// SPDX-License-Identifier: Apache-2.0
// test_fetch.c - which URLs are taken apart how, and which of them are listed. What is fetched over
// a socket is tests/system/test_access.py's.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "fetch/fetch.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *host; // NULL: refused
        int port;
        bool is_secure;
    } rows[] = {
        {"https://example.com/a.mp4", "example.com", 443, true},
        {"http://Example.COM:8080/a?b=c#d", "example.com", 8080, false},
        {"http://example.com./a", "example.com", 80, false},
        {"http://127.0.0.1/a", "127.0.0.1", 80, false},
        {"http://2130706433/a", "127.0.0.1", 80, false}, // one number is an address too
        {"http://0x7f.1/a", "127.0.0.1", 80, false},
        {"http://[::1]:81/a", "[::1]", 81, false},
        {"file:///etc/passwd", NULL, 0, false},
        {"ftp://example.com/a", NULL, 0, false},
        {"gopher://example.com/a", NULL, 0, false},
        {"//example.com/a", NULL, 0, false},
        {"example.com/a", NULL, 0, false},
        {"http://user@example.com/a", NULL, 0, false},
        {"http://user:word@example.com/a", NULL, 0, false},
        {"http://good.example@evil.example/", NULL, 0, false},
        {"http:///a", "a", 80, false}, // as browsers read it
        {"http://exa mple.com/", NULL, 0, false},
        {"http://example.com:99999/", NULL, 0, false},
        {"http://./", NULL, 0, false},
        {"", NULL, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fetch_where w = {0};
        int r = fetch_parse(rows[i].url, &w);
        if (r != (rows[i].host ? 0 : ERR_INVALID))
            print_error("%s: %d %s\n", rows[i].url, r, w.host);
        assert_int_equal(r, rows[i].host ? 0 : ERR_INVALID);
        if (!rows[i].host)
            continue;
        assert_string_equal(w.host, rows[i].host);
        assert_int_equal(w.port, rows[i].port);
        assert_int_equal(w.is_secure, rows[i].is_secure);
    }
    char url[FETCH_MAX_URL + 32];
    snprintf(url, sizeof(url), "http://example.com/%0*d", FETCH_MAX_URL, 1);
    struct fetch_where w;
    assert_int_equal(fetch_parse(url, &w), ERR_INVALID);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *url, *pattern;
        bool is_listed;
    } rows[] = {
        {"https://example.com/", "example.com", true},
        {"http://example.com/", "Example.com", true},
        {"http://example.com:8080/", "example.com", false},
        {"http://example.com:8080/", "example.com:8080", true},
        {"https://example.com/", "example.com:8080", false},
        {"https://a.example.com/", "example.com", false},
        {"https://a.example.com/", ".example.com", true},
        {"https://a.b.example.com/", ".example.com", true},
        {"https://example.com/", ".example.com", false},
        {"https://badexample.com/", ".example.com", false},
        {"https://example.com.evil/", "example.com", false},
        {"http://[::1]:81/", "[::1]:81", true},
        {"http://[::1]/", "[::1]", true},
        {"http://127.0.0.1/", "127.0.0.1", true},
        {"https://example.com/", "", false},
        {"https://example.com/", ".", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fetch_where w;
        assert_int_equal(fetch_parse(rows[i].url, &w), 0);
        if (fetch_is_listed(&w, &rows[i].pattern, 1) != rows[i].is_listed)
            print_error("%s, %s\n", rows[i].url, rows[i].pattern);
        assert_int_equal(fetch_is_listed(&w, &rows[i].pattern, 1), rows[i].is_listed);
    }
    struct fetch_where w;
    assert_int_equal(fetch_parse("https://example.com/", &w), 0);
    assert_false(fetch_is_listed(&w, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
