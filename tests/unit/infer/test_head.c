// SPDX-License-Identifier: Apache-2.0
// test_head.c - decoding of hand-made tensors, one of every family and shape.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "infer/detector.h"
#include "infer/head.h"
#include "infer/model_priv.h"

enum {
    SIZE = 64, // strides 8, 16, 32: 64 + 16 + 4 = 84 cells
    CELLS = 84,
    MAX_VALUES = 32768,
};

static const char *const labels[] = {"a", "b", "c", "d", "e", "f"};
static const struct model_tensor names[10] = {{"o0"}, {"o1"}, {"o2"}, {"o3"}, {"o4"},
                                              {"o5"}, {"o6"}, {"o7"}, {"o8"}, {"o9"}};
static float values[10][MAX_VALUES];
static struct tensor tensors[10];

// A model as recognition would leave it.
static struct model make_model(enum head_kind head, int n_labels, struct head_plan plan)
{
    struct model m = {.plan = plan};
    m.info.path = "test.onnx";
    m.info.head = head;
    m.info.labels = labels;
    m.info.n_labels = n_labels;
    m.info.outputs = names;
    m.info.n_outputs = 10;
    return m;
}

// Output *i* with these dimensions (0 ends them), all zero.
static float *make_output(int i, const int64_t *dims)
{
    tensors[i] = (struct tensor){.type = TENSOR_FLOAT32, .data = values[i]};
    size_t n = 1;
    for (; dims[tensors[i].n_dims]; tensors[i].n_dims++) {
        tensors[i].dims[tensors[i].n_dims] = dims[tensors[i].n_dims];
        n *= (size_t)dims[tensors[i].n_dims];
    }
    assert_true(n <= MAX_VALUES);
    tensors[i].n_bytes = n * sizeof(float);
    memset(values[i], 0, sizeof(values[i]));
    return values[i];
}

#define DIMS(...) ((const int64_t[]){__VA_ARGS__, 0})

static void put(float *p, const float *v, size_t n)
{
    memcpy(p, v, n * sizeof(float));
}
#define PUT(p, ...) \
    put((p), (const float[]){__VA_ARGS__}, sizeof((const float[]){__VA_ARGS__}) / sizeof(float))

// A stretched picture of twice the model's size.
static int decode_at(const struct model *m, int index, struct detector_settings settings,
                     struct detection_list *ret_list)
{
    struct letterbox lb = letterbox_make(LETTERBOX_STRETCH, 2 * SIZE, 2 * SIZE, SIZE, SIZE, 0);
    struct head *h = NULL;
    struct head_scratch *s = NULL;
    *ret_list = (struct detection_list){0};
    int r = head_create(m, SIZE, SIZE, tensors, 10, &h);
    if (r < 0)
        return r;
    assert_true(head_describe(h)[0] != '\0');
    assert_int_equal(head_scratch_create(h, &s), 0);
    r = head_decode(h, tensors, 10, index, &lb, &settings, s, ret_list);
    head_scratch_destroy(s);
    head_destroy(h);
    return r;
}

static int decode(const struct model *m, struct detection_list *ret_list)
{
    return decode_at(m, 0, (struct detector_settings){.confidence = 0.25, .iou = 0.5}, ret_list);
}

// Exactly one detection, in source pixels (twice the model's).
static void expect_one(const struct model *m, int class_id, float confidence, struct box in_model)
{
    struct detection_list l;
    int r = decode(m, &l);
    if (r < 0)
        fail_msg("%s", err_message(r));
    assert_int_equal(l.n, 1);
    assert_int_equal(l.items[0].class_id, class_id);
    assert_float_equal(l.items[0].confidence, confidence, 1e-5);
    assert_float_equal(l.items[0].box.x1, 2 * in_model.x1, 1e-3);
    assert_float_equal(l.items[0].box.y1, 2 * in_model.y1, 1e-3);
    assert_float_equal(l.items[0].box.x2, 2 * in_model.x2, 1e-3);
    assert_float_equal(l.items[0].box.y2, 2 * in_model.y2, 1e-3);
    detection_list_finish(&l);
}

static void expect_refused(const struct model *m, const char *says)
{
    struct detection_list l;
    int r = decode(m, &l);
    assert_int_equal(r, ERR_MODEL);
    if (!strstr(err_message(r), says))
        fail_msg("'%s' does not say '%s'", err_message(r), says);
    detection_list_finish(&l);
}

static const struct box middle = {20, 22, 40, 46}; // centre 30, 34, size 20 x 24

static void yolov5_rows(void **state)
{
    (void)state;
    struct model m = make_model(HEAD_YOLOV5, 3, (struct head_plan){.n_classes = 3});
    float *p = make_output(0, DIMS(1, 3 * CELLS, 8));
    PUT(p + 8 * 7, 30, 34, 20, 24, 0.8f, 0.1f, 0.5f, 0.2f);
    PUT(p + 8 * 9, 30, 34, 20, 24, 0.2f, 0, 1, 0); // below the floor
    expect_one(&m, 1, 0.4f, middle);
    p[4] = 3;
    expect_refused(&m, "outside 0..1");
}

// Two levels of two boxes a cell with one class, 8x8 and 4x4 cells; the coarser one comes first.
static void yolov5_maps(void **state)
{
    enum { FINE = 8, COARSE = 4, COLUMNS = 6, BOXES = 2 };
    (void)state;
    struct model m = make_model(HEAD_YOLOV5, 1,
                                (struct head_plan){.variant = VARIANT_MAPS,
                                                   .n_classes = 1,
                                                   .n_levels = 2,
                                                   .n_per_cell = BOXES,
                                                   .map_dims = 4,
                                                   .roles = {0, 1},
                                                   .anchors = {1, 1, 2, 2, 30, 40, 10, 24}});
    // level 0 is stride 16, its second box 10 x 24; cell (2, 1); sigmoid(0) = 1/2 stays in place
    const float raw[COLUMNS] = {0, 0, 0, 0, 2, 1};
    const float confidence = 1 / (1 + expf(-2.0f)) / (1 + expf(-1.0f));
    const struct box expected = {40 - 5, 24 - 12, 40 + 5, 24 + 12};
    for (int layout = 0; layout < 4; layout++) {
        bool rows = layout == 0;
        bool joined = layout >= 2; // 3: with the sigmoid in the graph
        m.plan.map_dims = joined ? 3 : 4;
        for (int level = 0; level < 2; level++) {
            int side = level == 0 ? COARSE : FINE;
            float *p = rows     ? make_output(level, DIMS(1, BOXES, side, side, COLUMNS))
                       : joined ? make_output(level, DIMS(1, BOXES * COLUMNS, side, side))
                                : make_output(level, DIMS(1, BOXES, COLUMNS, side, side));
            for (int i = 0; i < BOXES * side * side * COLUMNS; i++)
                p[i] = layout == 3 ? 0.01f : -8;
            for (int i = 0; level == 0 && i < COLUMNS; i++) {
                float v = layout == 3 ? 1 / (1 + expf(-raw[i])) : raw[i];
                int cell = 1 * COARSE + 2;
                int at = rows ? (COARSE * COARSE + cell) * COLUMNS + i
                              : (COLUMNS + i) * COARSE * COARSE + cell;
                p[at] = v;
            }
        }
        expect_one(&m, 0, confidence, expected);
    }
    make_output(0, DIMS(1, BOXES * COLUMNS, FINE, FINE));
    expect_refused(&m, "another grid than an output before it");
    make_output(0, DIMS(1, BOXES * COLUMNS, 7, FINE));
    expect_refused(&m, "whole steps");
    make_output(0, DIMS(1, BOXES * COLUMNS + 1, COARSE, COARSE));
    expect_refused(&m, "boxes of 5+classes numbers");
}

static void yolov8_columns_and_rows(void **state)
{
    (void)state;
    enum { A = 700 }; // more than a block of the scan, and a rest
    struct model m = make_model(HEAD_YOLOV8, 2, (struct head_plan){.n_classes = 2, .n_extra = 1});
    for (int at = 0; at < A; at += A - 1) {
        float *p = make_output(0, DIMS(1, 7, A));
        const float column[] = {30, 34, 20, 24, 0.3f, 0.6f, 99};
        for (int k = 0; k < 7; k++)
            p[k * A + at] = column[k];
        expect_one(&m, 1, 0.6f, middle);
    }
    m.plan.variant = VARIANT_TRANSPOSED;
    float *p = make_output(0, DIMS(1, A, 7));
    PUT(p + 7 * 5, 30, 34, 20, 24, 0.6f, 0.6f, 99);
    expect_one(&m, 0, 0.6f, middle); // the first of equal classes
    p[7 * 5] = NAN;
    expect_refused(&m, "not a number");
    p = make_output(0, DIMS(1, A, 9));
    expect_refused(&m, "came as");
}

static void half_floats_are_read(void **state)
{
    (void)state;
    struct model m = make_model(HEAD_YOLOV8, 1, (struct head_plan){.n_classes = 1});
    make_output(0, DIMS(1, 5, CELLS));
    tensors[0].type = TENSOR_FLOAT16;
    // 30, 34, 20, 24 and 0.5 as halves.
    static const uint16_t column[] = {0x4f80, 0x5040, 0x4d00, 0x4e00, 0x3800};
    for (int k = 0; k < 5; k++)
        memcpy((char *)values[0] + 2 * (k * CELLS + 3), &column[k], 2);
    expect_one(&m, 0, 0.5f, middle);
}

static void end_to_end_rows(void **state)
{
    (void)state;
    struct model m = make_model(HEAD_END_TO_END, 3, (struct head_plan){0});
    float *p = make_output(0, DIMS(1, 5, 6));
    PUT(p, 20, 22, 40, 46, 0.9f, 2);
    expect_one(&m, 2, 0.9f, middle);
    PUT(p, 20, 22, 40, 46, 0.9f, 3);
    expect_refused(&m, "there are 3 labels");
    m.plan.variant = VARIANT_BATCH_COLUMN;
    p = make_output(0, DIMS(2, 7));
    PUT(p, 1, 0, 0, 9, 9, 1, 0.9f, 0, 20, 22, 40, 46, 1, 0.7f);
    expect_one(&m, 1, 0.7f, middle);
}

// Cell (3, 2) of stride 8 is anchor 19; the rest lies near its own cell (decoded) or at zero (raw).
static void yolox_raw_and_decoded(void **state)
{
    (void)state;
    struct model m = make_model(HEAD_YOLOX, 1, (struct head_plan){.n_classes = 1});
    float *p = make_output(0, DIMS(1, CELLS, 6));
    PUT(p + 19 * 6, 0.75f, 2.25f, logf(2.5f), logf(3), 0.8f, 0.5f);
    expect_one(&m, 0, 0.4f, middle);
    p = make_output(0, DIMS(1, CELLS, 6));
    int i = 0;
    for (int stride = 8; stride <= 32; stride *= 2) {
        for (int k = 0; k < (SIZE / stride) * (SIZE / stride); k++, i++)
            PUT(p + i * 6, (float)(k % (SIZE / stride)) * (float)stride,
                (float)(k / (SIZE / stride)) * (float)stride, 10, 10);
    }
    PUT(p + 19 * 6, 30, 34, 20, 24, 0.8f, 0.5f);
    expect_one(&m, 0, 0.4f, middle);
    make_output(0, DIMS(1, 50, 6));
    expect_refused(&m, "do not belong to any grids");
}

// All weight on bin *b* of each side.
static void put_bins(float *p, int left, int top, int right, int bottom)
{
    p[left] = p[8 + top] = p[16 + right] = p[24 + bottom] = 200;
}

static void nanodet_levels_and_joined(void **state)
{
    (void)state;
    struct head_plan plan = {.n_classes = 2, .n_levels = 3, .roles = {0, 1, 2, 3, 4, 5}};
    struct model m = make_model(HEAD_NANODET, 2, plan);
    for (int k = 0; k < 3; k++) {
        int64_t cells = (SIZE >> (3 + k)) * (SIZE >> (3 + k));
        make_output(k, DIMS(1, cells, 2));
        make_output(3 + k, DIMS(1, cells, 32));
    }
    values[0][2 * 27 + 1] = 0.75f; // cell (3, 3): centre 28, 28
    put_bins(values[3] + 32 * 27, 1, 2, 3, 1);
    expect_one(&m, 1, 0.75f, (struct box){20, 12, 52, 36});
    values[2][0] = 7;
    expect_refused(&m, "outside 0..1");
    // Four grids in one output: NanoDet-Plus, points at the cells' corners.
    m.plan = (struct head_plan){.n_classes = 2, .variant = VARIANT_JOINED};
    float *p = make_output(0, DIMS(1, CELLS + 1, 34));
    p[34 * 27] = 0.5f;
    put_bins(p + 34 * 27 + 2, 1, 2, 3, 1);
    expect_one(&m, 0, 0.5f, (struct box){16, 8, 48, 32});
}

static void fastestdet_grid(void **state)
{
    (void)state;
    struct model m = make_model(HEAD_FASTESTDET, 2, (struct head_plan){.n_classes = 2});
    float *p = make_output(0, DIMS(1, 7, 4, 4));
    p[5] = 0.9f; // cell (1, 1), at 16, 16
    p[6 * 16 + 5] = 0.8f;
    // Width and height are sigmoid(0) = half of the picture.
    expect_one(&m, 1, powf(0.9f, 0.6f) * powf(0.8f, 0.4f), (struct box){0, 0, 32, 32});
}

static void detr_outputs(void **state)
{
    (void)state;
    struct head_plan plan = {.size_input = 1, .roles = {1, 0, 2}};
    struct model m = make_model(HEAD_DETR, 6, plan);
    static int64_t ids[3] = {4, 5, 0};
    tensors[0] = (struct tensor){
        .type = TENSOR_INT64, .n_dims = 2, .dims = {1, 3}, .data = ids, .n_bytes = sizeof(ids)};
    PUT(make_output(1, DIMS(1, 3, 4)), 1, 1, 2, 2, 20, 22, 40, 46);
    PUT(make_output(2, DIMS(1, 3)), 0.1f, 0.6f);
    expect_one(&m, 5, 0.6f, middle);
    tensors[0].n_dims = tensors[2].n_dims = 1; // the batch squeezed away
    tensors[0].dims[0] = tensors[2].dims[0] = 3;
    tensors[1].n_dims = 2;
    tensors[1].dims[0] = 3;
    tensors[1].dims[1] = 4;
    expect_one(&m, 5, 0.6f, middle);
    m.plan = (struct head_plan){.size_input = -1, .variant = VARIANT_ROWS};
    PUT(make_output(0, DIMS(1, 2, 10)), 30 / 64.0f, 34 / 64.0f, 20 / 64.0f, 24 / 64.0f, 0, 0, 0.7f);
    expect_one(&m, 2, 0.7f, middle);
}

static void ssd_outputs(void **state)
{
    (void)state;
    struct head_plan plan = {.first_class = 1, .roles = {0, 1, 2, 3}};
    struct model m = make_model(HEAD_SSD_TF, 3, plan);
    PUT(make_output(0, DIMS(1, 3, 4)), 22 / 64.0f, 20 / 64.0f, 46 / 64.0f, 40 / 64.0f, 0, 0, 1, 1);
    PUT(make_output(1, DIMS(1, 3)), 2, 1);
    PUT(make_output(2, DIMS(1, 3)), 0.6f, 0.9f);
    PUT(make_output(3, DIMS(1)), 1); // the second row does not count
    expect_one(&m, 1, 0.6f, middle);
    m = make_model(HEAD_SSD_CAFFE, 3, (struct head_plan){0});
    PUT(make_output(0, DIMS(1, 1, 4, 7)), 1, 1, 0.9f, 0, 0, 1, 1, 0, 2, 0.6f, 20 / 64.0f,
        22 / 64.0f, 40 / 64.0f, 46 / 64.0f, -1, 0, 0, 0, 0, 0, 0, 0, 1, 0.9f, 0, 0, 1, 1);
    expect_one(&m, 2, 0.6f, middle);
}

static void floors_doubles_and_order(void **state)
{
    (void)state;
    struct model m = make_model(HEAD_YOLOV8, 2, (struct head_plan){.n_classes = 2});
    m.plan.variant = VARIANT_TRANSPOSED;
    float *p = make_output(0, DIMS(2, 5, 6));
    p += 30; // the second picture of the batch
    PUT(p, 30, 34, 20, 24, 0.6f, 0);
    PUT(p + 6, 30, 34, 20, 24, 0.7f, 0);  // suppresses the first
    PUT(p + 12, 30, 34, 20, 24, 0, 0.7f); // another class
    PUT(p + 18, 10, 10, 4, 4, 0, 0.3f);   // below its class's floor
    PUT(p + 24, -90, 10, 4, 4, 0.9f, 0);  // outside the picture
    static const float floors[] = {0.65f, 0.5f};
    static const bool only_b[] = {false, true};
    struct detection_list l;
    struct detector_settings s = {.confidence = 0.01, .iou = 0.5, .class_confidence = floors};
    assert_int_equal(decode_at(&m, 1, s, &l), 0);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.items[0].class_id, 0); // equal confidences: in the anchors' order
    assert_int_equal(l.items[1].class_id, 1);
    detection_list_finish(&l);
    s.classes = only_b;
    assert_int_equal(decode_at(&m, 1, s, &l), 0);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.items[0].class_id, 1);
    detection_list_finish(&l);
    assert_int_equal(decode_at(&m, 0, s, &l), 0);
    assert_int_equal(l.n, 0);
    assert_int_equal(decode_at(&m, 2, s, &l), ERR_MODEL); // no such picture
    detection_list_finish(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yolov5_rows),
        cmocka_unit_test(yolov5_maps),
        cmocka_unit_test(yolov8_columns_and_rows),
        cmocka_unit_test(half_floats_are_read),
        cmocka_unit_test(end_to_end_rows),
        cmocka_unit_test(yolox_raw_and_decoded),
        cmocka_unit_test(nanodet_levels_and_joined),
        cmocka_unit_test(fastestdet_grid),
        cmocka_unit_test(detr_outputs),
        cmocka_unit_test(ssd_outputs),
        cmocka_unit_test(floors_doubles_and_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
