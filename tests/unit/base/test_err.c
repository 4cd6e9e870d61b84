// SPDX-License-Identifier: Apache-2.0
// test_err.c - codes, messages, what may reach a terminal.

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "base/thread.h"

static void test_codes(void **state)
{
    static const struct {
        int code;
        const char *name;
        int exit_status;
        int http_status;
        bool retry;
    } rows[] = {
        {0, "OK", 0, 200, false},
        {ERR_NOT_FOUND, "NOT_FOUND", 2, 404, false},
        {ERR_CANCELLED, "CANCELLED", 130, 499, false},
        {ERR_BUSY, "BUSY", 3, 503, true},
        {ERR_UNSUPPORTED, "UNSUPPORTED", 2, 415, false},
        {-9999, "INTERNAL", 3, 500, false}, // no code of ours
        {9999, "INTERNAL", 3, 500, false},
        {INT32_MIN, "INTERNAL", 3, 500, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(err_name(rows[i].code), rows[i].name);
        assert_int_equal(err_exit_status(rows[i].code), rows[i].exit_status);
        assert_int_equal(err_http_status(rows[i].code), rows[i].http_status);
        assert_int_equal(err_may_retry(rows[i].code), rows[i].retry);
    }
    for (int code = -1; code > -ERR_N_NUMBERS; code--) { // each has all columns
        assert_true(err_exit_status(code) >= 2);
        assert_true(err_http_status(code) >= 400);
        err_clear();
        assert_true(err_message(code)[0]);
    }
}

static void test_messages(void **state)
{
    err_clear();
    assert_string_equal(err_message(ERR_IO), "input or output error");
    assert_int_equal(err_set(ERR_DATA, "%s: line %d", "a.json", 7), ERR_DATA);
    assert_string_equal(err_message(ERR_DATA), "a.json: line 7");
    assert_string_equal(err_message(0), "a.json: line 7");
    assert_string_equal(err_message(ERR_CLOSED), "closed"); // an old message explains nothing new
    assert_int_equal(err_set(ERR_DATA, "again: %s", err_message(ERR_DATA)), ERR_DATA);
    assert_string_equal(err_message(ERR_DATA), "again: a.json: line 7");
    assert_int_equal(err_prefix(ERR_MODEL, "m.onnx"), ERR_MODEL);
    assert_string_equal(err_message(ERR_MODEL), "m.onnx: again: a.json: line 7");
    err_clear();
    assert_int_equal(err_prefix(ERR_EOF, "clip"), ERR_EOF);
    assert_string_equal(err_message(ERR_EOF), "clip: end of data");
}

static void test_control_characters(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        {"a\x1b[31mb\n\x7f", "a?[31mb??"},
        {"\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
        {"a\xc2\x9b"
         "31m",
         "a??31m"}, // U+009B is CSI
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xc2", "?"},
        {"a\x9b"
         "b\xff\xc3",
         "a?b??"},               // not UTF-8
        {"\xed\xa0\x80", "???"}, // half a surrogate
        {"a\xe2\x80\xae"
         "fdp",
         "a???fdp"}, // turns the direction
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        err_set(ERR_IO, "%s", rows[i].text);
        assert_string_equal(err_message(ERR_IO), rows[i].shown);
    }
}

static void test_long_messages_are_cut_at_a_character(void **state)
{
    static const char euro[] = "\xe2\x82\xac";
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2 * ERR_MESSAGE_BYTES] = "xxxx";
        for (size_t i = shift; i + 4 < sizeof(text); i += 3)
            memcpy(text + i, euro, 3);
        err_set(ERR_IO, "%s", text);
        struct str s = str_of(err_message(ERR_IO));
        assert_in_range(s.n, ERR_MESSAGE_BYTES - 4, ERR_MESSAGE_BYTES - 1);
        while (s.n) {
            size_t n = str_utf8_length(s);
            assert_int_not_equal(n, 0);
            s = (struct str){s.p + n, s.n - n};
        }
    }
}

static void test_errno(void **state)
{
    static const struct {
        int sys_errno;
        int code;
        const char *message;
    } rows[] = {
        {ENOENT, ERR_NOT_FOUND, "x: No such file or directory"},
        {ENOSPC, ERR_NOSPACE, "x: No space left on device"},
        {EISDIR, ERR_INVALID, "x: Is a directory"},
        {ENOMEM, ERR_NOMEM, "x: Cannot allocate memory"},
        {EACCES, ERR_DENIED, "x: Permission denied"},
        {EROFS, ERR_DENIED, "x: Read-only file system"},
        {EIO, ERR_IO, "x: Input/output error"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(err_set_errno(rows[i].sys_errno, "%s", "x"), rows[i].code);
        assert_string_equal(err_message(rows[i].code), rows[i].message);
    }
}

static void test_long_paths_leave_the_cause(void **state)
{
    char path[4096];
    memset(path, 'p', sizeof(path));
    memcpy(path, "/first", 6);
    memcpy(path + sizeof(path) - 6, "/last", 6);
    char copy[256];
    assert_int_equal(err_set(ERR_DATA, "%s: the cause", path), ERR_DATA);
    assert_int_equal(strlen(err_message(ERR_DATA)), ERR_MESSAGE_BYTES - 1);
    assert_memory_equal(err_message(ERR_DATA), "/first", 6);
    assert_non_null(strstr(err_message(ERR_DATA), "p...p"));
    assert_non_null(strstr(err_message(ERR_DATA), "/last: the cause"));
    err_copy_message(ERR_DATA, copy, sizeof(copy));
    assert_int_equal(strlen(copy), sizeof(copy) - 1);
    assert_non_null(strstr(copy, "/last: the cause"));
    assert_int_equal(err_set_errno(ENOENT, "%s", path), ERR_NOT_FOUND);
    assert_non_null(strstr(err_message(ERR_NOT_FOUND), "/last: No such file or directory"));
}

static void other_thread(void *arg)
{
    err_set(ERR_IO, "of the other thread");
    err_copy_message(ERR_IO, (char *)arg, 8);
}

static void test_each_thread_has_its_own(void **state)
{
    struct thread t;
    char copy[8];
    err_set(ERR_IO, "mine");
    assert_int_equal(thread_start(&t, "other", other_thread, copy), 0);
    thread_join(&t);
    assert_string_equal(err_message(ERR_IO), "mine");
    assert_string_equal(copy, "of the ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_long_messages_are_cut_at_a_character),
        cmocka_unit_test(test_errno),
        cmocka_unit_test(test_long_paths_leave_the_cause),
        cmocka_unit_test(test_each_thread_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
