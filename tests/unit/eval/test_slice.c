// SPDX-License-Identifier: Apache-2.0
// test_slice.c - parts of the data, regions and joined labels, by hand.

#include "given.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/class_join.h"
#include "eval/evaluation.h"
#include "eval/region.h"

// Two videos of two pictures; in each picture one truth. Picture 4's is missed, picture 2 has a
// false detection. Truths of the pictures 2 and 4 are occluded.
static const char *const truth_text =
    "{\"images\":[{\"id\":1,\"video\":\"x\",\"attributes\":{\"light\":\"day\"}},"
    "{\"id\":2,\"video\":\"x\",\"attributes\":{\"light\":\"night\"}},"
    "{\"id\":3,\"video\":\"y\",\"attributes\":{\"light\":\"day\"}},{\"id\":4,\"video\":\"y\"}],"
    "\"categories\":[{\"id\":1,\"name\":\"car\"},{\"id\":7,\"name\":\"bus\"}],\"annotations\":["
    "{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,10,10]},"
    "{\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,50,50],\"attributes\":{\"occluded\":true}},"
    "{\"image_id\":3,\"category_id\":7,\"bbox\":[0,0,10,10],\"attributes\":{\"occluded\":false}},"
    "{\"image_id\":4,\"category_id\":1,\"bbox\":[0,0,10,10],\"attributes\":{\"occluded\":true}}]}";
static const char *const found_text =
    "[{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,10,10],\"score\":0.9},"
    "{\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,50,50],\"score\":0.9},"
    "{\"image_id\":2,\"category_id\":1,\"bbox\":[60,0,10,10],\"score\":0.8},"
    "{\"image_id\":3,\"category_id\":7,\"bbox\":[0,0,10,10],\"score\":0.9}]";

static const struct {
    const char *by, *value;
    bool of_truths;
    int pictures, truths, detections, tp, fp, fn; // detections, fp -1: not told
    double ap50;
} slices[] = {
    {"video", "x", false, 2, 2, 3, 2, 1, 0, 1},
    {"video", "y", false, 2, 2, 1, 1, 0, 1, .5},
    {"light", "(none)", false, 1, 1, 0, 0, 0, 1, 0},
    {"light", "day", false, 2, 2, 2, 2, 0, 0, 1},
    {"light", "night", false, 1, 1, 2, 1, 1, 0, 1},
    {"occluded", "false", true, 4, 2, -1, 2, -1, 0, NAN}, // one says so, one says nothing
    {"occluded", "true", true, 4, 2, -1, 1, -1, 1, NAN},
    {"class", "car", false, 4, 3, 3, 2, 1, 1, 67 / 101.},
    {"class", "bus", false, 4, 1, 1, 1, 0, 0, 1},
    {"size", "small", true, 4, 3, -1, 2, -1, 1, (51 / 101. + 1) / 2},
    {"size", "medium", true, 4, 1, -1, 1, -1, 0, 1},
    {"size", "large", true, 4, 0, -1, 0, -1, 0, NAN},
};

static void test_slices(void **state)
{
    struct dataset *t = given_truth(truth_text);
    struct dataset *d = given_detections(found_text, t);
    const char *const by[] = {"video", "light", "occluded", "class", "size"};
    const struct evaluation_opts opts = {.slice_by = by, .n_slice_by = ARRAY_LEN(by)};
    struct evaluation e;
    assert_int_equal(evaluation_run(t, d, &opts, &e), 0);
    assert_int_equal(e.n_slices, ARRAY_LEN(slices));
    for (size_t i = 0; i < e.n_slices; i++) {
        const struct slice_part *s = &e.slices[i];
        assert_string_equal(s->by, slices[i].by);
        assert_string_equal(s->value, slices[i].value);
        assert_int_equal(s->of_truths, slices[i].of_truths);
        assert_int_equal(s->n_pictures, slices[i].pictures);
        assert_int_equal(s->n_truths, slices[i].truths);
        assert_int_equal(s->at.true_positives, slices[i].tp);
        assert_int_equal(s->at.false_negatives, slices[i].fn);
        if (slices[i].fp >= 0) {
            assert_int_equal(s->at.false_positives, slices[i].fp);
            assert_int_equal(s->n_detections, slices[i].detections);
        }
        assert_true(isnan(s->at.precision) == (slices[i].fp < 0 || slices[i].detections == 0));
        if (!(isnan(s->ap50) && isnan(slices[i].ap50)) && !(fabs(s->ap50 - slices[i].ap50) < 1e-9))
            fail_msg("%s %s: AP50 %.17g", s->by, s->value, s->ap50);
    }
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
}

static void test_slice_refusals(void **state)
{
    struct dataset *t = given_truth(truth_text);
    struct dataset *d = given_detections(found_text, t);
    const char *const wrong[] = {"colour", "time"};
    const char *const says[] = {"'light'", "when their pictures were taken"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct evaluation_opts opts = {.slice_by = &wrong[i], .n_slice_by = 1};
        struct evaluation e;
        assert_int_equal(evaluation_run(t, d, &opts, &e), ERR_INVALID);
        assert_non_null(strstr(err_message(ERR_INVALID), says[i]));
    }
    dataset_destroy(d);
    dataset_destroy(t);
}

// Frames of our own at 0, 30, 60 and 90 s: two parts of 60 s, in the order of time.
static void test_times(void **state)
{
    struct dataset *t = given_truth(truth_text);
    struct dataset_builder *b;
    struct dataset *d;
    assert_int_equal(dataset_builder_create(t, &b), 0);
    for (int64_t i = 0; i < 4; i++) {
        const struct dataset_detection found = {.label = "car", .w = 10, .h = 10, .confidence = .9};
        assert_int_equal(dataset_builder_frame(b, i, i * 30 * 1000 * 1000, NULL), 0);
        assert_int_equal(dataset_builder_add(b, &found), 0);
    }
    assert_int_equal(dataset_builder_finish(&b, &d), 0);
    const char *const by[] = {"time"};
    const struct evaluation_opts opts = {.slice_by = by, .n_slice_by = 1};
    struct evaluation e;
    assert_int_equal(evaluation_run(t, d, &opts, &e), 0);
    assert_int_equal(e.n_slices, 2);
    assert_string_equal(e.slices[0].value, "0-60 s");
    assert_int_equal(e.slices[0].at.true_positives, 1);
    assert_string_equal(e.slices[1].value, "60-120 s");
    assert_int_equal(e.slices[1].at.true_positives, 1);
    assert_int_equal(e.slices[1].at.false_positives, 1);
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
}

// ---- regions

static void test_regions(void **state)
{
    static const struct {
        const char *text;
        double x, y;
        bool inside;
    } rows[] = {
        {"10,10,20,20", 20, 20, true},
        {"10,10,20,20", 10, 30, true},
        {"10,10,20,20", 9.9, 20, false},
        {"10,10,20,20", 20, 30.1, false},
        {"0,0, 10,0, 0,10", 3, 3, true},
        {"0,0,10,0,0,10", 6, 6, false},
        {"0,0,10,0,0,10", 5, 5, true}, // on the edge
        // A notch: inside of the hull, outside of the polygon.
        {"0,0,10,0,10,10,5,2,0,10", 5, 5, false},
        {"0,0,10,0,10,10,5,2,0,10", 5, 1, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct region g;
        assert_int_equal(region_parse(rows[i].text, &g), 0);
        if (region_contains(&g, rows[i].x, rows[i].y) != rows[i].inside)
            fail_msg("%s: %g, %g", rows[i].text, rows[i].x, rows[i].y);
    }
    static const char *const wrong[] = {"",        "1,2,3",     "1,2,0,4",      "1,2,3,4,5",
                                        "1,2,x,4", "1,2,nan,4", "1,2,3,4,5,6,7"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct region g;
        assert_int_equal(region_parse(wrong[i], &g), ERR_INVALID);
    }
}

// Left half of the picture: the truth right of the line is ignored and its detection left out; the
// detection whose centre is just over the line stays, for it finds a truth that counts.
static void test_interest(void **state)
{
    struct dataset *t = given_truth(
        "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1,\"name\":\"a\"}],\"annotations\":["
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[90,0,20,20]},"
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[150,0,20,20]}]}");
    struct dataset *d =
        given_detections("[{\"image_id\":1,\"category_id\":1,\"bbox\":[91,0,20,20],\"score\":0.9},"
                         "{\"image_id\":1,\"category_id\":1,\"bbox\":[150,0,20,20],\"score\":0.9},"
                         "{\"image_id\":1,\"category_id\":1,\"bbox\":[200,0,20,20],\"score\":0.9}]",
                         t);
    struct region left;
    assert_int_equal(region_parse("0,0,100,100", &left), 0);
    const struct region_opts opts = {.interest = &left};
    assert_int_equal(region_apply(t, d, &opts), 0);
    struct evaluation e;
    assert_int_equal(evaluation_run(t, d, NULL, &e), 0);
    assert_int_equal(e.n_truths, 1);
    assert_int_equal(e.n_ignored, 1);
    assert_int_equal(e.n_detections, 1);
    assert_int_equal(e.at.true_positives, 1);
    assert_true(given_has_notice(d, "1 truths are ignored and 2 detections"));
    evaluation_finish(&e);
    // The bottom of the first stands outside of the upper strip, its centre inside.
    struct region strip;
    assert_int_equal(region_parse("0,0,300,15", &strip), 0);
    const struct region_opts bottom = {.interest = &strip, .point = REGION_BOTTOM_CENTRE};
    assert_int_equal(region_apply(t, d, &bottom), 0);
    assert_true(t->objects[0].ignore);
    dataset_destroy(d);
    dataset_destroy(t);
}

// ---- joined labels

static void test_join(void **state)
{
    struct arena *a;
    struct class_joins joins = {0};
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(class_join_parse("car, bus,van=vehicle", a, &joins), 0);
    assert_int_equal(joins.n, 3);
    struct dataset *t = given_truth(truth_text);
    assert_int_equal(class_join_prepare(t, &joins), 0);
    // "van" is known only to the detections.
    struct dataset_builder *b;
    struct dataset *d;
    const struct dataset_detection van = {.label = "van", .w = 10, .h = 10, .confidence = .9};
    assert_int_equal(dataset_builder_create(t, &b), 0);
    assert_int_equal(dataset_builder_frame(b, 0, INT64_MIN, NULL), 0);
    assert_int_equal(dataset_builder_add(b, &van), 0);
    assert_int_equal(dataset_builder_finish(&b, &d), 0);
    assert_int_equal(d->n_objects, 1);
    dataset_destroy(d);
    d = given_detections(found_text, t);
    assert_int_equal(class_join_apply(t, d, &joins), 0);
    assert_int_equal(t->n_classes, 1);
    assert_string_equal(t->classes[0].name, "vehicle");
    struct evaluation e;
    assert_int_equal(evaluation_run(t, d, NULL, &e), 0);
    assert_int_equal(e.n_truths, 4);
    assert_int_equal(e.at.true_positives, 3);
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
    static const char *const wrong[] = {"car", "=a", "car=", "car,,bus=a"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(class_join_parse(wrong[i], a, &joins), ERR_INVALID);
    static const char *const twice[] = {"car=a", "car=b", "a=c"};
    for (size_t i = 1; i < 3; i++) {
        joins = (struct class_joins){0};
        assert_int_equal(class_join_parse(twice[0], a, &joins), 0);
        assert_int_equal(class_join_parse(twice[i], a, &joins), 0);
        t = given_truth(truth_text);
        assert_int_equal(class_join_prepare(t, &joins), 0);
        d = given_detections(found_text, t);
        assert_int_equal(class_join_apply(t, d, &joins), ERR_INVALID);
        dataset_destroy(d);
        dataset_destroy(t);
    }
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),   cmocka_unit_test(test_slice_refusals),
        cmocka_unit_test(test_times),    cmocka_unit_test(test_regions),
        cmocka_unit_test(test_interest), cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
