// SPDX-License-Identifier: Apache-2.0
// test_orientation.c - turning and mirroring planes: all eight ways, every sample size, tile edges.

#include "media/orientation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

// A picture of 2 x 3: ab / cd / ef, and how EXIF's eight values make it upright.
static void test_exif_ways(void **state)
{
    (void)state;
    static const struct {
        int exif, degrees, width;
        const char *upright;
    } rows[] = {
        {1, 0, 2, "abcdef"},   {2, 0, 2, "badcfe"},  {3, 180, 2, "fedcba"}, {4, 0, 2, "efcdab"},
        {5, 270, 3, "acebdf"}, {6, 90, 3, "ecafdb"}, {7, 90, 3, "fdbeca"},  {8, 270, 3, "bdface"},
        {0, 0, 2, "abcdef"},   {9, 0, 2, "abcdef"},  {-1, 0, 2, "abcdef"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct orientation o = orientation_of_exif(rows[i].exif);
        assert_int_equal(orientation_degrees(o), rows[i].degrees);
        assert_int_equal(orientation_is_upright(o), rows[i].exif < 2 || rows[i].exif > 8);
        uint8_t out[6];
        const struct plane_copy c = {.src = (const uint8_t *)"abcdef",
                                     .src_stride = 2,
                                     .dst = out,
                                     .dst_stride = rows[i].width,
                                     .width = 2,
                                     .height = 3,
                                     .sample_bytes = 1};
        orientation_copy(o, &c);
        assert_memory_equal(out, rows[i].upright, 6);
    }
}

static void test_matrices(void **state)
{
    (void)state;
    enum { ONE = 65536 };
    static const struct {
        int32_t a, b, c, d; // x' = a x + c y, y' = b x + d y
        int exif;
    } rows[] = {
        {ONE, 0, 0, ONE, 1},
        {-ONE, 0, 0, ONE, 2},
        {-ONE, 0, 0, -ONE, 3},
        {ONE, 0, 0, -ONE, 4},
        {0, ONE, ONE, 0, 5},
        {0, ONE, -ONE, 0, 6},
        {0, -ONE, -ONE, 0, 7},
        {0, -ONE, ONE, 0, 8},
        {0, 0, 0, 0, 1},          // nothing at all
        {ONE, 300, -300, ONE, 1}, // not quite straight
        {INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN, 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int32_t m[9] = {rows[i].a, rows[i].b, 0, rows[i].c, rows[i].d, 0, 0, 0, 1 << 30};
        struct orientation o = orientation_of_matrix(m);
        struct orientation e = orientation_of_exif(rows[i].exif);
        assert_int_equal(o.transpose, e.transpose);
        assert_int_equal(o.flip_x, e.flip_x);
        assert_int_equal(o.flip_y, e.flip_y);
    }
    assert_true(orientation_is_upright(orientation_of_matrix(NULL)));
}

// Sizes around the tile, sample by sample against the definition in the header.
static void test_sizes(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 70}, {70, 1}, {31, 33}, {32, 64}, {65, 40}};
    enum { MAX_BYTES = 70 * 70 * 3 };
    static uint8_t src[MAX_BYTES], dst[MAX_BYTES];
    for (int i = 0; i < MAX_BYTES; i++)
        src[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (int way = 1; way <= 8; way++) {
            for (int n = 1; n <= 3; n++) {
                int w = sizes[i][0], h = sizes[i][1];
                struct orientation o = orientation_of_exif(way);
                int upright_w = o.transpose ? h : w;
                int upright_h = o.transpose ? w : h;
                const struct plane_copy c = {
                    src, (ptrdiff_t)w * n, dst, (ptrdiff_t)upright_w * n, w, h, n};
                memset(dst, 0, sizeof(dst));
                orientation_copy(o, &c);
                for (int y = 0; y < upright_h; y++) {
                    for (int x = 0; x < upright_w; x++) {
                        int sx = o.transpose ? y : x;
                        int sy = o.transpose ? x : y;
                        sx = o.flip_x ? w - 1 - sx : sx;
                        sy = o.flip_y ? h - 1 - sy : sy;
                        assert_memory_equal(dst + (y * upright_w + x) * n, src + (sy * w + sx) * n,
                                            (size_t)n);
                    }
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exif_ways),
        cmocka_unit_test(test_matrices),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
