// SPDX-License-Identifier: Apache-2.0
// test_picture_list.c - which files a directory and a pattern mean, and in which order.

#include "media/picture_list.h"

#include <sys/stat.h>

#include "unit/media/media_test.h"

static void test_compare(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"frame9.jpg", "frame10.jpg", -1},
        {"a", "b", -1},
        {"a1b2", "a1b10", -1},
        {"001", "2", -1},
        {"10", "9", 1},
        {"a", "a", 0},
        {"a", "ab", -1},
        {"1.jpg", "01.jpg", 1},
        {"99999999999999999999998", "99999999999999999999999", -1}, // beyond 64 bits
        {"a0", "a", 1},
        {"", "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = picture_list_compare(rows[i].a, rows[i].b);
        int back = picture_list_compare(rows[i].b, rows[i].a);
        if ((r > 0) - (r < 0) != rows[i].order || (back > 0) - (back < 0) != -rows[i].order)
            fail_msg("row %zu", i);
    }
}

static void touch(const char *folder, const char *name)
{
    char path[MEDIA_TEST_PATH_BYTES * 2];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    media_test_write(path, "x", 1);
}

static void expect(const char *path, const char *const *names, size_t n)
{
    struct picture_list l;
    assert_true(picture_list_is_for(path));
    assert_int_equal(picture_list_find(path, &l), 0);
    assert_int_equal(l.n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(strrchr(l.paths[i], '/') + 1, names[i]);
    picture_list_finish(&l);
}

static void test_folder_and_patterns(void **state)
{
    (void)state;
    char folder[MEDIA_TEST_PATH_BYTES];
    snprintf(folder, sizeof(folder), "%s", media_test_temp("folder"));
    assert_int_equal(mkdir(folder, 0700), 0);
    static const char *const all[] = {"img10.jpg", "img9.JPG",     "img0008.jpg", "img0011.jpg",
                                      "img1.txt",  ".hide.jpg",    "b.webp",      "a.png",
                                      "img.jpg",   "img00012.jpg", "img12345.jpg"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        touch(folder, all[i]);
    static const char *const by_name[] = {"a.png",       "b.webp",       "img.jpg",
                                          "img0008.jpg", "img9.JPG",     "img10.jpg",
                                          "img0011.jpg", "img00012.jpg", "img12345.jpg"};
    expect(folder, by_name, ARRAY_LEN(by_name));
    char pattern[MEDIA_TEST_PATH_BYTES * 2];
    snprintf(pattern, sizeof(pattern), "%s/img%%d.jpg", folder);
    static const char *const plain[] = {"img10.jpg", "img12345.jpg"};
    expect(pattern, plain, ARRAY_LEN(plain));
    snprintf(pattern, sizeof(pattern), "%s/img%%04d.jpg", folder);
    static const char *const padded[] = {"img0008.jpg", "img0011.jpg", "img12345.jpg"};
    expect(pattern, padded, ARRAY_LEN(padded));
    struct picture_list l;
    snprintf(pattern, sizeof(pattern), "%s/no%%04d.jpg", folder);
    assert_int_equal(picture_list_find(pattern, &l), ERR_NOT_FOUND);
    snprintf(pattern, sizeof(pattern), "%s/%%d%%d.jpg", folder);
    assert_false(picture_list_is_for(pattern));
    assert_false(picture_list_is_for("http://host/a%d.jpg"));
    assert_false(picture_list_is_for("/nowhere/clip.mp4"));
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        snprintf(pattern, sizeof(pattern), "%s/%s", folder, all[i]);
        unlink(pattern);
    }
    assert_int_equal(picture_list_find(folder, &l), ERR_MEDIA); // holds none now
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_folder_and_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
