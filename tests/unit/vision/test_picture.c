// SPDX-License-Identifier: Apache-2.0
// test_picture.c - shapes of owned pictures, counted references.

#include "vision/picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        enum picture_layout layout;
        int w, h, depth, shift_x, shift_y;
        ptrdiff_t strides[3]; // 0: no such plane
        size_t rows[3];
    } rows[] = {
        // clang-format off
        {PICTURE_YUV_PLANAR, 1920, 1080, 8, 1, 1,  {1920, 960, 960},  {1080, 540, 540}},
        {PICTURE_YUV_PLANAR, 1921, 1081, 8, 1, 1,  {1984, 1024, 1024}, {1081, 541, 541}},
        {PICTURE_YUV_PLANAR, 130, 9, 10, 1, 0,     {320, 192, 192},   {9, 9, 9}},
        {PICTURE_YUV_PLANAR, 1, 1, 16, 2, 2,       {64, 64, 64},      {1, 1, 1}},
        {PICTURE_NV12, 65, 3, 8, 0, 0,             {128, 128, 0},     {3, 2, 0}},
        {PICTURE_GRAY, 65, 3, 8, 0, 0,             {128, 0, 0},       {3, 0, 0}},
        {PICTURE_RGB, 22, 3, 8, 0, 0,              {128, 0, 0},       {3, 0, 0}},
        {PICTURE_GRAY, 65535, 1, 8, 0, 0,          {65536, 0, 0},     {1, 0, 0}},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct picture *p;
        assert_int_equal(picture_create(rows[i].layout, rows[i].w, rows[i].h, rows[i].depth,
                                        rows[i].shift_x, rows[i].shift_y, &p),
                         0);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(p->strides[k], rows[i].strides[k]);
            uint8_t *plane = picture_plane(p, k);
            assert_ptr_equal(plane, p->planes[k]);
            assert_true((plane == NULL) == (rows[i].rows[k] == 0));
            if (plane) // every byte is ours: a sanitizer would say otherwise
                memset(plane, k, (size_t)p->strides[k] * rows[i].rows[k]);
        }
        for (int k = 0; k < 3; k++) {
            if (p->planes[k])
                assert_int_equal(p->planes[k][0], k); // planes do not overlap
        }
        picture_unref(&p);
        assert_null(p);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        enum picture_layout layout;
        int w, h, depth;
    } rows[] = {
        {PICTURE_RGB, 0, 1, 8},     {PICTURE_RGB, 1, 0, 8},        {PICTURE_RGB, -1, 1, 8},
        {PICTURE_RGB, 65536, 1, 8}, {PICTURE_RGB, 1, 65536, 8},    {PICTURE_RGB, 1, 1, 10},
        {PICTURE_NV12, 1, 1, 10},   {PICTURE_YUV_PLANAR, 1, 1, 7}, {PICTURE_YUV_PLANAR, 1, 1, 17},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct picture *p = NULL;
        assert_int_equal(
            picture_create(rows[i].layout, rows[i].w, rows[i].h, rows[i].depth, 0, 0, &p),
            ERR_INVALID);
        assert_null(p);
    }
}

static void test_references(void **state)
{
    (void)state;
    struct picture *p;
    assert_int_equal(picture_create(PICTURE_GRAY, 4, 4, 8, 0, 0, &p), 0);
    struct picture *second = picture_ref(p);
    assert_ptr_equal(second, p);
    picture_unref(&p);
    assert_null(p);
    *picture_plane(second, 0) = 1; // still alive
    picture_unref(&second);
    picture_unref(&second); // nothing inside
    assert_null(picture_ref(NULL));
}

static void test_allocation_failure(void **state)
{
    (void)state;
    int r = ERR_NOMEM;
    for (long n = 1; r != 0; n++) {
        struct picture *p = NULL;
        mem_test_fail_at(n);
        r = picture_create(PICTURE_RGB, 3, 3, 8, 0, 0, &p);
        bool is_over = mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, is_over ? 0 : ERR_NOMEM);
        picture_unref(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
