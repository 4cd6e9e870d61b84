// SPDX-License-Identifier: Apache-2.0
// test_progress.c - the bar's text for any width, label and count; start and stop.

#include "app/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

static int count_columns(struct str s)
{
    int n = 0;
    for (; s.n; n++) {
        size_t used = str_utf8_length(s);
        assert_int_not_equal(used, 0); // no sequence was cut
        s = (struct str){s.p + used, s.n - used};
    }
    return n;
}

static void test_bar(void **state)
{
    static const struct {
        struct progress_view view;
        int columns;
        const char *text;
    } rows[] = {
        {{"clip.mp4", NULL, {50, 100}, 25},
         79,
         "clip.mp4 [######------]  50% 50/100 frames 25 fps ETA 0:02"},
        {{NULL, NULL, {0, 0}, 0}, 80, "0 frames"},
        {{"a", NULL, {7, 0}, 3.14}, 80, "a 7 frames 3.1 fps"},
        {{"a", "pictures", {120, 100}, 1},
         90, // more came than the container said
         "a [#####################] 100% 120/100 pictures 1.0 pictures/s"},
        {{"a\x1b[2J", NULL, {1, 2}, 0}, 60, "a?[2J [######------]  50% 1/2 frames"},
        {{"a", NULL, {1, 1000000}, 1}, 80, "a 1/1000000 frames 1.0 fps ETA 99:59:59"},
        {{"/very/long/path/to/a/folder/and/clip.mp4", NULL, {1, 0}, 0},
         80,
         "..h/to/a/folder/and/clip.mp4 1 frames"},
        {{"clip.mp4", NULL, {50, 100}, 25}, 12, "clip.mp4 50"},
        {{"clip.mp4", NULL, {50, 100}, 25}, 1, "c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf b = STR_BUF_INIT(4096);
        progress_bar(&rows[i].view, rows[i].columns, &b);
        assert_string_equal(str_buf_text(&b), rows[i].text);
        str_buf_finish(&b);
    }
}

static void test_bar_never_wraps(void **state)
{
    static const char *const labels[] = {NULL, "a", "\xe2\x82\xac\xe2\x82\xac.mp4",
                                         "0123456789012345678901234567890123456789\xff\xc3\xa9"};
    for (size_t k = 0; k < ARRAY_LEN(labels); k++) {
        for (int columns = 2; columns < 200; columns++) {
            struct str_buf b = STR_BUF_INIT(4096);
            struct progress_view v = {labels[k], NULL, {INT64_MAX / 2, INT64_MAX}, 1e-3};
            progress_bar(&v, columns, &b);
            assert_true(count_columns(str_buf_view(&b)) < columns);
            str_buf_finish(&b);
        }
    }
}

static void test_line(void **state)
{
    struct str_buf b = STR_BUF_INIT(4096);
    struct progress_view v = {"clip.mp4", NULL, {120, 795}, 35.2};
    progress_line(&v, &b);
    assert_string_equal(str_buf_text(&b), "clip.mp4: 120/795 frames (15%) 35 fps ETA 0:19");
    str_buf_finish(&b);
}

static struct progress_now read_nothing(void *arg)
{
    return (struct progress_now){*(int64_t *)arg, 10};
}

static void test_start_and_stop(void **state)
{
    int64_t n = 3;
    for (int quiet = 0; quiet < 2; quiet++) {
        struct progress_opts opts = {.is_quiet = quiet, .read = read_nothing, .arg = &n};
        struct progress *p = NULL;
        assert_int_equal(progress_start(&opts, &p), 0);
        progress_stop(&p);
        assert_null(p);
        progress_stop(&p);
    }
    mem_test_fail_at(1);
    struct progress *p = NULL;
    assert_int_not_equal(progress_start(&(struct progress_opts){.read = read_nothing}, &p), 0);
    mem_test_fail_at(0);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_bar_never_wraps),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_start_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
