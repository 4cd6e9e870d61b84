// SPDX-License-Identifier: Apache-2.0
// test_head_cut.c - a head that is cut off its network gives the detections of the whole outputs,
// bit by bit: on photographs and frames of a video, in each precision, with low and high floors.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/detector.h"
#include "infer/engine.h"
#include "infer/head.h"
#include "nn/calibration.h"
#include "nn/plan.h"
#include "nn/quantization.h"
#include "vision/detection.h"
#include "vision/letterbox.h"

enum {
    N_FRAMES = 2,
    N_CLASSES = 80,
};

static void check(int r)
{
    if (r < 0)
        fail_msg("%s: %s", err_name(r), err_message(r));
}

#include "flow/side.h"

static const char *const sources[] = {
    "photos/bus.jpg",
    "photos/zidane.jpg",
    "video_with_gt/vtest_PETS09-S2L1/vtest.mp4",
};

// An engine with its head.
struct cut_side {
    struct side side;
    struct head *head;
    struct head_scratch *scratch;
};

static bool open_with(struct cut_side *s, const char *path, const struct engine_opts *opts)
{
    char room[512];
    struct model_opts model_opts = {.path = data_path(path, room, sizeof(room))};
    FILE *f = fopen(model_opts.path, "rb");
    if (!f) {
        print_message("ASSAY_TEST_DATA has no %s\n", path);
        return false;
    }
    fclose(f);
    check(model_open(&model_opts, &s->side.m));
    int r = engine_create(s->side.m, opts, &s->side.e);
    if (r == ERR_UNAVAILABLE) {
        print_message("%s\n", err_message(r));
        model_unref(&s->side.m);
        return false;
    }
    check(r);
    check(engine_context_create(s->side.e, &s->side.c));
    const struct model_input *in = &model_info(s->side.m)->input;
    size_t n = (size_t)in->width * (size_t)in->height * 3;
    uint8_t *grey = mem_aligned(n);
    assert_non_null(grey);
    memset(grey, 114, n);
    run_side(&s->side, grey);
    mem_free(grey);
    check(head_create(s->side.m, in->width, in->height, s->side.outputs,
                      model_info(s->side.m)->n_outputs, &s->head));
    check(head_scratch_create(s->head, &s->scratch));
    return true;
}

static void close_cut(struct cut_side *s)
{
    head_scratch_destroy(s->scratch);
    head_destroy(s->head);
    close_side(&s->side);
}

typedef void per_picture(struct cut_side *s, const uint8_t *rgb, void *arg);

static void on_sources(struct cut_side *s, per_picture *fn, void *arg)
{
    const struct model_input *in = &model_info(s->side.m)->input;
    uint8_t *rgb = mem_aligned((size_t)in->width * (size_t)in->height * 3);
    assert_non_null(rgb);
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        char room[512];
        struct source_opts opts = {.path = data_path(sources[i], room, sizeof(room)),
                                   .max_frames = N_FRAMES};
        struct source *source;
        check(source_open(&opts, &source));
        for (int n = 0; n < N_FRAMES && next_pixels(source, in, rgb); n++)
            fn(s, rgb, arg);
        source_close(source);
    }
    mem_free(rgb);
}

// --- both ways

struct both {
    struct detection_list whole[8], cut; // *whole*: by settings
    size_t n_found;
};

static float floors_by_class[N_CLASSES];
static bool only_some[N_CLASSES];

static const struct detector_settings settings[] = {
    {.confidence = 0.25},
    {.confidence = 0.001, .iou = 0.6, .max_detections = 8400},
    {.confidence = 0.9},
    {.confidence = 0},
    {.confidence = 0.25, .class_confidence = floors_by_class},
    {.confidence = 0.25, .classes = only_some},
};

static void assert_same(const struct detection_list *a, const struct detection_list *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        assert_memory_equal(&a->items[i], &b->items[i], sizeof(a->items[i]));
}

static void assert_same_ways(struct cut_side *s, const uint8_t *rgb, void *arg)
{
    struct both *both = arg;
    const struct model_info *info = model_info(s->side.m);
    const struct model_input *in = &info->input;
    struct letterbox lb =
        letterbox_make(LETTERBOX_STRETCH, in->width, in->height, in->width, in->height, in->fill);
    run_side(&s->side, rgb);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        detection_list_clear(&both->whole[i]);
        check(head_decode(s->head, s->side.outputs, info->n_outputs, 0, &lb, &settings[i],
                          s->scratch, &both->whole[i]));
    }
    struct tensor t = side_input(&s->side, rgb);
    bool is_cut = false;
    check(engine_run_for_head(s->side.c, &t, 1, s->side.outputs, info->n_outputs, &is_cut));
    mem_free(t.data);
    assert_true(is_cut);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        detection_list_clear(&both->cut);
        check(head_decode_rows(s->head, s->side.c, &lb, &settings[i], s->scratch, &both->cut));
        assert_same(&both->whole[i], &both->cut);
    }
    both->n_found += both->whole[0].n;
}

static void compare(const char *model, const struct engine_opts *opts)
{
    struct cut_side s;
    struct both both = {0};
    for (int i = 0; i < N_CLASSES; i++) {
        floors_by_class[i] = i == 0 ? 0.6f : 0.01f;
        only_some[i] = i == 0 || i == 5;
    }
    if (!open_with(&s, model, opts))
        return;
    on_sources(&s, assert_same_ways, &both);
    print_message("%s, %s: %zu detections the same\n", model, engine_precision_name(s.side.e),
                  both.n_found);
    assert_true(both.n_found > 10);
    close_cut(&s);
    for (size_t i = 0; i < ARRAY_LEN(both.whole); i++)
        detection_list_finish(&both.whole[i]);
    detection_list_finish(&both.cut);
}

static const char *const models[] = {
    "models/yolov8n_fp32_640.onnx",
    "models/yolo11n_int8_320.onnx",
    "models/yolov5n_fp16.onnx",
};

static void in_fp32(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        compare(models[i],
                &(struct engine_opts){.engine = ENGINE_CHOICE_NATIVE, .precision = PRECISION_FP32});
}

static void in_bf16(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        compare(models[i],
                &(struct engine_opts){.engine = ENGINE_CHOICE_NATIVE, .precision = PRECISION_BF16});
}

// --- in 8 bits, calibrated on the same pictures

static void only_run(struct cut_side *s, const uint8_t *rgb, void *arg)
{
    (void)arg;
    run_side(&s->side, rgb);
}

static void in_int8(void **state)
{
    (void)state;
    struct calibration *calibration;
    struct cut_side s;
    struct quantization q = {0};
    check(calibration_create(&calibration));
    struct engine_opts opts = {
        .engine = ENGINE_CHOICE_NATIVE, .precision = PRECISION_FP32, .calibration = calibration};
    if (open_with(&s, models[0], &opts)) {
        on_sources(&s, only_run, NULL);
        close_cut(&s);
        check(calibration_ranges(calibration, CALIBRATION_WHOLE, &q.ranges, &q.n_ranges));
        compare(models[0], &(struct engine_opts){.engine = ENGINE_CHOICE_NATIVE,
                                                 .precision = PRECISION_INT8,
                                                 .quantization = &q});
    }
    calibration_destroy(calibration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_fp32),
        cmocka_unit_test(in_bf16),
        cmocka_unit_test(in_int8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
