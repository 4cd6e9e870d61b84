// SPDX-License-Identifier: Apache-2.0
// test_expected.c - every figure of the stored cases equals the reference's, to 1e-9.
//
// Runs where the test data is (ASSAY_TEST_DATA). Prints the largest difference and the time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"

#define TOLERANCE 1e-9

struct stored_case {
    const char *folder, *truth, *detections;
    double min_confidence; // 0: none
};

static const struct stored_case cases[] = {
    {"detection/coco_val2014_fakebbox100", "gt.json", "dt.json", 0},
    {"detection/torchmetrics_map", "gt.json", "dt.json", 0},
    {"detection/fce_ignore_case", "gt.json", "dt.json", 0.1},
    {"detection/fce_ignore_case", "gt_int_ids.json", "dt.json", 0.1},
    {"detection/sahi_coco_evaluate", "gt.json", "dt.json", 0},
    {"detection/bdd100k_8videos", "gt.json", "dt.json", 0},
    {"detection/mot17det_dpm_02_05", "gt.json", "dt.json", 0},
    {"video_with_gt/vtest_PETS09-S2L1", "gt.coco.json", "ref_dets_yolox_nano.json", 0},
    {"video_with_gt/vtest_PETS09-S2L1", "gt_480x360.txt", "ref_dets_yolox_nano.json", 0},
    {"video_with_gt/TUD-Campus_frames", "gt.coco.json", "ref_dets_yolox_nano.json", 0},
    {"video_with_gt/TUD-Campus_frames", "gt.txt", "ref_dets_yolox_nano.json", 0},
    {"video_with_gt/mmtracking_demo_MOT17-04", "gt.coco.json", "ref_dets_yolox_nano.json", 0},
    {"video_with_gt/mmtracking_demo_MOT17-04", "gt_1-8.txt", "ref_dets_yolox_nano.json", 0},
};

static double largest; // difference seen in the case at hand

static void check(const char *what, double expected, double got)
{
    if (expected == -1) {
        if (!isnan(got))
            fail_msg("%s: %.17g where there is no data", what, got);
        return;
    }
    double difference = fabs(expected - got);
    if (!(difference <= TOLERANCE))
        fail_msg("%s: %.17g, not %.17g", what, got, expected);
    largest = fmax(largest, difference);
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_number(v))
        fail_msg("expected.json has no %s", key);
    return json_number_value(v);
}

static void check_coco(const json_t *stats, const struct evaluation_coco *c)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"AP", c->ap},         {"AP50", c->ap50},    {"AP75", c->ap75},     {"APs", c->ap_small},
        {"APm", c->ap_medium}, {"APl", c->ap_large}, {"AR1", c->ar[0]},     {"AR10", c->ar[1]},
        {"AR100", c->ar[2]},   {"ARs", c->ar_small}, {"ARm", c->ar_medium}, {"ARl", c->ar_large},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i].name, number_of(stats, rows[i].name), rows[i].value);
}

static void check_classes(const json_t *expected, const struct evaluation *e)
{
    const json_t *per_class = json_object_get(expected, "per_class");
    assert_int_equal(json_object_size(per_class), e->n_classes);
    for (size_t k = 0; k < e->n_classes; k++) {
        const struct evaluation_class *c = &e->classes[k];
        const json_t *row = json_object_get(per_class, c->label);
        if (!row)
            fail_msg("class '%s' is not expected", c->label);
        check(c->label, number_of(row, "AP"), c->coco.ap);
        check(c->label, number_of(row, "AP50"), c->coco.ap50);
        check(c->label, number_of(row, "AP75"), c->coco.ap75);
        check(c->label, number_of(row, "AR100"), c->ar);
    }
}

static void check_operating(const json_t *expected, const struct evaluation *e)
{
    json_t *points = json_object_get(expected, "prf_iou0.5");
    const char *key;
    json_t *row;
    json_object_foreach(points, key, row)
    {
        double confidence;
        assert_int_equal(str_to_double(str_of(key), &confidence), 0);
        struct operating_point p = operating_at(&e->curve, confidence);
        assert_int_equal(p.true_positives, json_integer_value(json_object_get(row, "tp")));
        assert_int_equal(p.false_positives, json_integer_value(json_object_get(row, "fp")));
        assert_int_equal(p.false_negatives, json_integer_value(json_object_get(row, "fn")));
        check("precision", number_of(row, "precision"), p.precision);
        check("recall", number_of(row, "recall"), p.recall);
        check("f1", number_of(row, "f1"), p.f1);
    }
}

static char *path_of(const char *data, const char *folder, const char *file)
{
    struct str_buf path = STR_BUF_INIT(8 * KIB);
    str_buf_printf(&path, "%s/%s/%s", data, folder, file);
    return str_buf_take(&path);
}

static void must(int r)
{
    if (r < 0)
        fail_msg("%s", err_message(r));
}

static void test_case(void **state)
{
    const struct stored_case *c = *state;
    const char *data = getenv("ASSAY_TEST_DATA");
    char *paths[] = {path_of(data ? data : "", c->folder, c->truth),
                     path_of(data ? data : "", c->folder, c->detections),
                     path_of(data ? data : "", c->folder, "expected.json")};
    json_t *expected = data ? json_load_file(paths[2], 0, NULL) : NULL;
    if (!expected) {
        print_message("no test data: skipped\n");
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
            mem_free(paths[i]);
        skip();
    }
    largest = 0;
    int64_t start = clock_now_ns();
    struct dataset *truth = NULL;
    struct dataset *detections = NULL;
    must(dataset_read(paths[0], DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &truth));
    must(dataset_read(paths[1], DATASET_DETECTIONS, DATASET_FORMAT_UNSET, truth, &detections));
    const struct evaluation_opts opts = {.has_min_confidence = c->min_confidence > 0,
                                         .min_confidence = c->min_confidence};
    int64_t read = clock_now_ns();
    struct evaluation e;
    must(evaluation_run(truth, detections, &opts, &e));
    int64_t end = clock_now_ns();
    check_coco(json_object_get(expected, "stats"), &e.coco);
    check_classes(expected, &e);
    check_operating(expected, &e);
    print_message("%s %s: largest difference %g; %.1f ms reading, %.1f ms judging\n", c->folder,
                  c->truth, largest, (double)(read - start) / 1e6, (double)(end - read) / 1e6);
    evaluation_finish(&e);
    dataset_destroy(detections);
    dataset_destroy(truth);
    json_decref(expected);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        mem_free(paths[i]);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        union {
            const void *in;
            void *out;
        } state = {.in = &cases[i]};
        tests[i] = (struct CMUnitTest){
            .name = cases[i].folder, .test_func = test_case, .initial_state = state.out};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
