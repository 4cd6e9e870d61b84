// SPDX-License-Identifier: Apache-2.0
// test_sha1.c - RFC 3174's examples, in one piece and in many.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/sha1.h"

static void check(const char *text, int times, size_t piece, const char *want)
{
    struct sha1 s;
    unsigned char digest[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1];
    sha1_init(&s);
    for (int i = 0; i < times; i++) {
        size_t n = strlen(text);
        for (size_t at = 0; at < n; at += piece)
            sha1_add(&s, text + at, MIN(piece, n - at));
    }
    sha1_end(&s, digest);
    for (size_t i = 0; i < SHA1_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, want);
}

static void test_examples(void **state)
{
    static const size_t pieces[] = {1, 3, 8, 64, 1000};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        check("", 0, pieces[i], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check("abc", 1, pieces[i], "a9993e364706816aba3e25717850c26c9cd0d89d");
        check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, pieces[i],
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        check("0123456701234567012345670123456701234567012345670123456701234567", 10, pieces[i],
              "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
