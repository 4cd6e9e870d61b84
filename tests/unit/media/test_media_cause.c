// SPDX-License-Identifier: Apache-2.0
// test_media_cause.c - what files that are no media are called.

#include "media/media_cause.h"

#include "unit/media/media_test.h"

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *part; // of the cause; NULL: none
    } rows[] = {
#define ROW(text, part) {text, sizeof(text) - 1, part}
        // clang-format off
        ROW("", "empty"),
        ROW("version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git-LFS pointer"),
        ROW("\xef\xbb\xbf \n<!DOCTYPE HTML><html>", "web page"),
        ROW("<HTML><body>404</body>", "web page"),
        ROW("{\"message\":\"not found\"}", "JSON"),
        ROW("#EXTM3U\n#EXT-X-VERSION:3\nhttp://x/a.ts\n", "playlist"),
        ROW("ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        ROW("just words\n", "text"),
        ROW("YUV4MPEG2 W16 H16 F25:1\n", NULL),
        ROW("\0\0\0\x18" "ftypmp42", NULL),
        ROW("\0\0\0\0\0\0\0\0", NULL), // too short to say
        ROW("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "zero bytes"),
    // clang-format on
#undef ROW
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *cause = media_cause_of_bytes(rows[i].bytes, rows[i].n);
        if (!rows[i].part && cause)
            fail_msg("row %zu: %s", i, cause);
        if (rows[i].part && (!cause || !strstr(cause, rows[i].part)))
            fail_msg("row %zu: '%s' without '%s'", i, cause ? cause : "(none)", rows[i].part);
    }
}

static void test_log(void **state)
{
    (void)state;
    assert_non_null(strstr(media_cause_of_log("moov atom not found"), "index (moov) is missing"));
    assert_null(media_cause_of_log(""));
    assert_null(media_cause_of_log("something else"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
