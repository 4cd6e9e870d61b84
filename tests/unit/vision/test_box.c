// SPDX-License-Identifier: Apache-2.0
// test_box.c - boxes, the list of detections, and the tables of labels.

#include "vision/box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/detection.h"
#include "vision/labels.h"

static void test_overlap(void **state)
{
    (void)state;
    static const struct {
        struct box a, b;
        float shared, iou;
    } rows[] = {
        {{0, 0, 10, 10}, {0, 0, 10, 10}, 100, 1},
        {{0, 0, 10, 10}, {10, 0, 20, 10}, 0, 0}, // sharing an edge is not overlap
        {{0, 0, 10, 10}, {5, 0, 15, 10}, 50, 1 / 3.0f},
        {{0, 0, 10, 10}, {2, 2, 4, 4}, 4, 0.04f}, // inside
        {{0, 0, 0, 0}, {0, 0, 0, 0}, 0, 0},       // empty boxes do not divide by zero
        {{5, 5, 1, 1}, {0, 0, 10, 10}, 0, 0},     // inside out is empty
        {{-10, -10, 0, 0}, {-5, -5, 5, 5}, 25, 25 / 175.0f},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_float_equal(box_intersection(rows[i].a, rows[i].b), rows[i].shared, 1e-6f);
        assert_float_equal(box_iou(rows[i].a, rows[i].b), rows[i].iou, 1e-6f);
        assert_float_equal(box_iou(rows[i].b, rows[i].a), rows[i].iou, 1e-6f);
    }
}

static void test_clip(void **state)
{
    (void)state;
    struct box b = box_clip((struct box){-1, 2, 30, 40}, 20, 30);
    assert_float_equal(b.x1, 0, 0);
    assert_float_equal(b.y1, 2, 0);
    assert_float_equal(b.x2, 20, 0);
    assert_float_equal(b.y2, 30, 0);
    b = box_clip((struct box){25, 35, 30, 40}, 20, 30); // outside: nothing is left
    assert_float_equal(box_area(b), 0, 0);
    assert_float_equal(box_width((struct box){3, 0, 1, 9}), 0, 0);
    assert_float_equal(box_height((struct box){3, 0, 1, 9}), 9, 0);
}

static void test_list(void **state)
{
    (void)state;
    struct detection_list l = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(detection_list_add(&l, (struct detection){.class_id = i}), 0);
    assert_int_equal(l.n, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(l.items[i].class_id, i);
    detection_list_clear(&l);
    assert_int_equal(l.n, 0);
    assert_int_equal(detection_list_add(&l, (struct detection){.class_id = 7}), 0);
    assert_int_equal(l.items[0].class_id, 7);
    detection_list_finish(&l);
    assert_null(l.items);

    mem_test_fail_at(1);
    assert_int_equal(detection_list_add(&l, (struct detection){0}), ERR_NOMEM);
    mem_test_fail_at(0);
    assert_int_equal(l.n, 0);
    detection_list_finish(&l);
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        int class_id;
        const char *label;
        int category_id;
    } rows[] = {
        {0, "person", 1},       {10, "fire hydrant", 11}, {11, "stop sign", 13},
        {24, "backpack", 27},   {59, "bed", 65},          {60, "dining table", 67},
        {61, "toilet", 70},     {62, "tv", 72},           {72, "refrigerator", 82},
        {79, "toothbrush", 90},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(labels_coco80[rows[i].class_id], rows[i].label);
        assert_int_equal(labels_coco80_category_id[rows[i].class_id], rows[i].category_id);
    }
    for (int i = 1; i < 80; i++) {
        assert_true(labels_coco80_category_id[i] > labels_coco80_category_id[i - 1]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(labels_coco80[i], labels_coco80[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
