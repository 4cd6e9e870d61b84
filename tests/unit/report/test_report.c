// SPDX-License-Identifier: Apache-2.0
// test_report.c - the metrics file and the table: every member there, no number without data, no
// byte of a label that could steer a terminal.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/mistakes.h"
#include "eval/temporal.h"
#include "report/metrics_json.h"
#include "report/text.h"
#include "tracking/tracking.h"

// Of base/json.h, whose other names are also jansson's.
void json_key(struct json_writer *w, const char *key);
void json_double(struct json_writer *w, double v);

enum {
    CAP = 1024 * 1024,
};

// Two classes, the second without anything; one detection that finds the only truth.
static struct dataset_class classes[] = {{.id = 3, .name = "car\x1b[31m\n\"\xff"},
                                         {.id = 5, .name = ""}};
static struct dataset_picture pictures[] = {{.id = 1}};
static struct dataset_object objects[] = {{.w = 10, .h = 10, .area = 100, .confidence = 0.5}};
static char notice[] = "look\x1b[2J here";
static char *notices[] = {notice};

static const struct dataset truth = {.classes = classes,
                                     .n_classes = 2,
                                     .pictures = pictures,
                                     .n_pictures = 1,
                                     .objects = objects,
                                     .n_objects = 1,
                                     .n_judged = 1,
                                     .format = "coco",
                                     .notices = notices,
                                     .n_notices = 1};

static struct dataset without_objects(void)
{
    struct dataset d = truth;
    d.n_objects = 0;
    d.n_notices = 0;
    return d;
}

static void run(const struct dataset *t, const struct dataset *d, struct evaluation *ret)
{
    assert_int_equal(evaluation_run(t, d, NULL, ret), 0);
}

static json_t *document_of(const struct evaluation *e, const struct report_about *about)
{
    struct str_buf out = STR_BUF_INIT(CAP);
    assert_int_equal(metrics_json_write(e, about, &out), 0);
    json_error_t error;
    json_t *j = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, &error);
    if (!j)
        fail_msg("line %d: %s", error.line, error.text);
    str_buf_finish(&out);
    return j;
}

static double number_at(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert_non_null(v);
    return json_is_null(v) ? NAN : json_number_value(v);
}

static void put_settings(void *arg, struct json_writer *w)
{
    json_key(w, "iou");
    json_double(w, *(const double *)arg);
}

static void test_members(void **state)
{
    static const char *const coco[] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                       "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};
    double iou = 0.45;
    const struct report_about about = {
        .truth = "t", .detections = "d", .settings = put_settings, .arg = &iou};
    struct dataset d = truth;
    d.n_notices = 0;
    struct evaluation e;
    run(&truth, &d, &e);
    json_t *j = document_of(&e, &about);
    assert_string_equal(json_string_value(json_object_get(j, "truth")), "t");
    assert_null(json_object_get(j, "model")); // absent parts are absent
    assert_true(number_at(json_object_get(j, "settings"), "iou") == 0.45);
    for (size_t i = 0; i < ARRAY_LEN(coco); i++)
        assert_non_null(json_object_get(json_object_get(j, "coco"), coco[i]));
    assert_int_equal(json_object_size(json_object_get(j, "coco")), ARRAY_LEN(coco));
    assert_true(number_at(json_object_get(j, "coco"), "AP") == e.coco.ap);
    assert_true(isnan(number_at(json_object_get(j, "coco"), "APl")));
    assert_int_equal(json_array_size(json_object_get(j, "classes")), 2);
    const json_t *second = json_array_get(json_object_get(j, "classes"), 1);
    assert_true(isnan(number_at(second, "AP")) && number_at(second, "truths") == 0);
    assert_true(json_is_null(json_object_get(second, "best_f1")));
    const json_t *point = json_object_get(j, "operating_point");
    assert_true(number_at(point, "confidence") == EVALUATION_AT_CONFIDENCE);
    assert_true(number_at(point, "true_positives") == 1 && number_at(point, "f1") == 1);
    assert_int_equal(json_array_size(json_object_get(json_object_get(j, "curves"), "confidence")),
                     1);
    assert_int_equal(json_array_size(json_object_get(j, "notices")), 1);
    json_decref(j);
    evaluation_finish(&e);
}

static void test_no_data(void **state)
{
    const struct dataset none = without_objects();
    struct evaluation e;
    run(&none, &none, &e);
    json_t *j = document_of(&e, &(struct report_about){0});
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(j, "coco"), key, value)
    {
        if (!json_is_null(value))
            fail_msg("%s is a number", key);
    }
    assert_true(json_is_null(json_object_get(j, "best_f1")));
    const json_t *point = json_object_get(j, "operating_point");
    assert_true(isnan(number_at(point, "precision")) && isnan(number_at(point, "recall")));
    assert_true(isnan(number_at(point, "f1")));
    json_decref(j);
    struct str_buf out = STR_BUF_INIT(CAP);
    assert_int_equal(text_write(&e, &(struct report_about){0}, &out), 0);
    assert_null(strstr(str_buf_text(&out), "nan"));
    assert_non_null(strstr(str_buf_text(&out), "AP       -"));
    str_buf_finish(&out);
    evaluation_finish(&e);
}

static void test_outside_text(void **state)
{
    struct dataset d = truth;
    struct evaluation e;
    run(&truth, &d, &e);
    const struct report_about about = {.truth = "a\x1b]0;x\x07.json", .source = "b\r\nc"};
    struct str_buf out = STR_BUF_INIT(CAP);
    assert_int_equal(text_write(&e, &about, &out), 0);
    for (size_t i = 0; i < out.n; i++) {
        unsigned char c = (unsigned char)out.p[i];
        assert_true(c == '\n' || (c >= 0x20 && c != 0x7f));
    }
    assert_non_null(strstr(str_buf_text(&out), "car?[31m"));
    str_buf_finish(&out);
    json_t *j = document_of(&e, &about); // strict UTF-8, control characters escaped
    json_decref(j);
    evaluation_finish(&e);
}

// A cap that is too small is an error, not half a document.
static void test_cap(void **state)
{
    struct dataset d = truth;
    struct evaluation e;
    run(&truth, &d, &e);
    struct str_buf small = STR_BUF_INIT(100);
    assert_true(metrics_json_write(&e, &(struct report_about){0}, &small) < 0);
    str_buf_finish(&small);
    assert_true(text_write(&e, &(struct report_about){0}, &small) < 0);
    str_buf_finish(&small);
    evaluation_finish(&e);
}

// Long curves are thinned, ends kept, and that is said.
static void test_long_curve(void **state)
{
    enum {
        N = 1200,
    };
    struct dataset d = truth;
    d.objects = mem_array(struct dataset_object, N);
    assert_non_null(d.objects);
    for (int i = 0; i < N; i++)
        d.objects[i] = (struct dataset_object){.w = 10, .h = 10, .confidence = i / 2000.};
    d.n_objects = N;
    struct evaluation e;
    run(&truth, &d, &e);
    json_t *j = document_of(&e, &(struct report_about){0});
    const json_t *column = json_object_get(json_object_get(j, "curves"), "confidence");
    assert_int_equal(json_array_size(column), 500);
    assert_true(json_number_value(json_array_get(column, 0)) == (N - 1) / 2000.);
    assert_true(json_number_value(json_array_get(column, 499)) == 0);
    const json_t *lines = json_object_get(j, "notices");
    const char *last = json_string_value(json_array_get(lines, json_array_size(lines) - 1));
    assert_non_null(strstr(last, "500 of 1200"));
    json_decref(j);
    evaluation_finish(&e);
    mem_free(d.objects);
}

// Class one is all right, class two has no data; labels are escaped.
static void test_tracking(void **state)
{
    static const char *const contract[] = {"HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP",
                                           "IDF1", "IDP",  "IDR",  "IDSW", "FP",   "FN",
                                           "MT",   "PT",   "ML",   "Frag"};
    struct dataset_object tracked = objects[0];
    tracked.track_id = 7;
    struct dataset t = truth;
    t.objects = &tracked;
    struct arena *a;
    struct tracking_result tracks;
    struct evaluation e;
    run(&t, &t, &e);
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(tracking_evaluate(&t, &t, NULL, a, &tracks), 0);
    const struct report_about about = {.tracking = &tracks};
    json_t *j = document_of(&e, &about);
    const json_t *block = json_object_get(j, "tracking");
    const json_t *list = json_object_get(block, "classes");
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < ARRAY_LEN(contract); i++) {
        assert_false(isnan(number_at(json_object_get(block, "overall"), contract[i])));
        assert_false(isnan(number_at(json_array_get(list, 0), contract[i])));
        assert_true(isnan(number_at(json_array_get(list, 1), contract[i])) == (i < 9));
    }
    assert_true(number_at(json_array_get(list, 0), "HOTA") == 1);
    const json_t *alphas = json_object_get(json_array_get(list, 0), "alphas");
    assert_int_equal(json_array_size(json_object_get(alphas, "HOTA")), TRACKING_N_ALPHAS);
    assert_true(
        json_is_null(json_object_get(json_object_get(json_array_get(list, 1), "alphas"), "HOTA")));
    assert_int_equal(json_array_size(json_object_get(block, "sequences")), 1);
    json_decref(j);
    struct str_buf out = STR_BUF_INIT(CAP);
    assert_int_equal(text_write(&e, &about, &out), 0);
    assert_non_null(strstr(str_buf_text(&out), "tracking: rules none, IoU 0.5, 1 tracks"));
    for (size_t i = 0; i < out.n; i++)
        assert_true((unsigned char)out.p[i] >= ' ' || out.p[i] == '\n');
    str_buf_finish(&out);
    arena_destroy(a);
    evaluation_finish(&e);
}

// One object that is seen at its time, and a second box drawn over it.
static void test_time(void **state)
{
    static char video[] = "v\x1b[2J";
    static char *videos[] = {video};
    struct dataset_object tracked[] = {objects[0], objects[0]};
    struct dataset_picture timed = {.id = 1, .pts_us = 40000, .frame = 3};
    tracked[0].track_id = 7;
    tracked[1].track_id = 8;
    struct dataset t = truth;
    t.objects = tracked;
    t.n_objects = 2;
    t.pictures = &timed;
    t.videos = videos;
    t.n_videos = 1;
    const struct dataset *models[] = {&t};
    struct arena *a;
    struct temporal_result temporal;
    struct mistakes mistakes;
    struct evaluation e;
    run(&t, &t, &e);
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(temporal_evaluate(&t, &t, NULL, a, &temporal), 0);
    assert_int_equal(mistakes_find(&t, models, 1, NULL, a, &mistakes), 0);
    const struct report_about about = {.temporal = &temporal, .mistakes = &mistakes};
    json_t *j = document_of(&e, &about);
    const json_t *block = json_object_get(j, "temporal");
    assert_true(json_is_true(json_object_get(block, "has_data")));
    const json_t *list = json_object_get(block, "classes");
    const json_t *none = json_object_get(json_array_get(list, 1), "latency_ms");
    assert_true(
        number_at(json_object_get(json_object_get(block, "overall"), "latency_ms"), "p95") == 0);
    assert_true(isnan(number_at(none, "p95")) && isnan(number_at(none, "mean")));
    assert_true(isnan(number_at(json_array_get(list, 1), "recall")));
    assert_int_equal(json_array_size(json_object_get(block, "videos")), 1);
    const json_t *items = json_object_get(json_object_get(j, "truth_mistakes"), "items");
    assert_int_equal(json_array_size(items), 1);
    const json_t *first = json_array_get(items, 0);
    assert_string_equal(json_string_value(json_object_get(first, "kind")), "duplicate_truth");
    assert_true(number_at(first, "track_id") == 7 && number_at(first, "other_track_id") == 8);
    assert_true(number_at(json_array_get(json_object_get(first, "places"), 0), "frame") == 3);
    json_decref(j);
    struct str_buf out = STR_BUF_INIT(CAP);
    assert_int_equal(text_write(&e, &about, &out), 0);
    assert_non_null(strstr(str_buf_text(&out), "duplicate_truth"));
    for (size_t i = 0; i < out.n; i++)
        assert_true((unsigned char)out.p[i] >= ' ' || out.p[i] == '\n');
    str_buf_finish(&out);
    // Without times: null, and a notice.
    timed.pts_us = INT64_MIN;
    assert_int_equal(temporal_evaluate(&t, &t, NULL, a, &temporal), 0);
    j = document_of(&e, &about);
    assert_true(json_is_null(json_object_get(json_object_get(j, "temporal"), "overall")));
    json_decref(j);
    arena_destroy(a);
    evaluation_finish(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracking),     cmocka_unit_test(test_time),
        cmocka_unit_test(test_members),      cmocka_unit_test(test_no_data),
        cmocka_unit_test(test_outside_text), cmocka_unit_test(test_cap),
        cmocka_unit_test(test_long_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
