// SPDX-License-Identifier: Apache-2.0
// test_raster.c - which pixels shapes take, alone and before each other, inside and outside.

#include "synth/raster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    SIDE = 32,
};

static const struct rgb white = {255, 255, 255};

static struct silhouette box(struct raster *r, uint16_t id, double x0, double y0, double x1,
                             double y1)
{
    const struct point p[4] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
    struct paint paint = raster_plain(white);
    struct silhouette s;
    raster_begin(r, id, true);
    raster_polygon(r, p, 4, &paint);
    raster_end(r, &s);
    return s;
}

// A pixel is taken when half of it is covered.
static void test_boxes(void **state)
{
    (void)state;
    static const struct {
        double x0, y0, x1, y1;
        struct extent extent;
        int64_t n, inside;
    } rows[] = {
        // clang-format off
        {4, 5, 10, 12, {4, 5, 10, 12}, 42, 42},
        {4.25, 5, 10.25, 12, {4, 5, 10, 12}, 42, 42},
        {4.75, 5, 10.75, 12, {5, 5, 11, 12}, 42, 42},
        {4.5, 5, 10.5, 12, {4, 5, 11, 12}, 49, 49}, // both ends are half: both are taken
        {4, 5.25, 10, 12.25, {4, 5, 10, 12}, 42, 42},
        {3, 3, 4, 4, {3, 3, 4, 4}, 1, 1},
        {3.1, 3.1, 3.4, 3.9, {0, 0, 0, 0}, 0, 0}, // too thin for any pixel
        {-6, 0, 6, 4, {-6, 0, 6, 4}, 48, 24},
        {28, 28, 40, 40, {28, 28, 40, 40}, 144, 16},
        {-20, -20, -10, -10, {-20, -20, -10, -10}, 100, 0},
        {0, 0, SIDE, SIDE, {0, 0, SIDE, SIDE}, SIDE *SIDE, SIDE *SIDE},
        {-500, 4, 500, 6, {-28, 4, 60, 6}, 176, 64}, // followed as far as the margin goes
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct raster *r;
        assert_int_equal(raster_create(SIDE, SIDE, &r), 0);
        struct silhouette s = box(r, 7, rows[i].x0, rows[i].y0, rows[i].x1, rows[i].y1);
        assert_memory_equal(&s.extent, &rows[i].extent, sizeof(s.extent));
        assert_int_equal(s.n_pixels, rows[i].n);
        assert_int_equal(s.n_inside, rows[i].inside);
        int64_t n = 0;
        for (int k = 0; k < SIDE * SIDE; k++)
            n += r->ids[k] == 7;
        assert_int_equal(n, rows[i].inside);
        raster_destroy(r);
    }
}

static void test_what_is_drawn_last_owns(void **state)
{
    (void)state;
    struct raster *r;
    assert_int_equal(raster_create(SIDE, SIDE, &r), 0);
    box(r, 1, 0, 0, 10, 10);
    struct silhouette s = box(r, 2, 5, 5, 15, 15);
    assert_int_equal(s.n_pixels, 100);
    assert_int_equal(r->ids[4 * SIDE + 4], 1);
    assert_int_equal(r->ids[5 * SIDE + 5], 2);
    const struct point p[3] = {{0, 0}, {31, 0}, {0, 31}};
    struct paint ghost = {.from = white, .alpha = 100, .is_ghost = true};
    raster_polygon(r, p, 3, &ghost); // light and shadow take nothing
    assert_int_equal(r->ids[4 * SIDE + 4], 1);
    raster_destroy(r);
}

static void test_silhouettes_start_empty(void **state)
{
    (void)state;
    struct raster *r;
    assert_int_equal(raster_create(SIDE, SIDE, &r), 0);
    assert_int_equal(box(r, 1, 0, 0, 10, 10).n_pixels, 100);
    assert_int_equal(box(r, 2, 2, 2, 4, 4).n_pixels, 4);
    raster_destroy(r);
}

static void test_edges_are_smooth(void **state)
{
    (void)state;
    struct raster *r;
    assert_int_equal(raster_create(SIDE, SIDE, &r), 0);
    box(r, 1, 4.25, 4, 8, 8);
    assert_in_range(r->pixels[5 * SIDE + 4] & 255, 185, 195); // three quarters of white
    assert_int_equal(r->pixels[5 * SIDE + 5] & 255, 255);
    assert_int_equal(r->pixels[5 * SIDE + 8], 0);
    raster_destroy(r);
}

static void test_rings_have_holes(void **state)
{
    (void)state;
    struct raster *r;
    assert_int_equal(raster_create(SIDE, SIDE, &r), 0);
    struct paint paint = raster_plain(white);
    raster_begin(r, 3, false);
    raster_ring(r, (struct point){16, 16}, 12, 12, 8, 8, &paint);
    raster_end(r, NULL);
    assert_int_equal(r->ids[16 * SIDE + 16], 0);
    assert_int_equal(r->ids[16 * SIDE + 6], 3);
    raster_destroy(r);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct raster *r = NULL;
        mem_test_fail_at(n);
        int result = raster_create(SIDE, SIDE, &r);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        if (pending) {
            assert_int_equal(result, 0);
            raster_destroy(r);
            return;
        }
        assert_int_equal(result, ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_what_is_drawn_last_owns),
        cmocka_unit_test(test_silhouettes_start_empty),
        cmocka_unit_test(test_edges_are_smooth),
        cmocka_unit_test(test_rings_have_holes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
