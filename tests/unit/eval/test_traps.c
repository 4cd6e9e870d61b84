// SPDX-License-Identifier: Apache-2.0
// test_traps.c - what breaks evaluations in the field: the right number by every convention, or a
// clear refusal.

#include "given.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "eval/evaluation.h"

#define TRUTH(images, categories, annotations) \
    "{\"images\":[" images "],\"categories\":[" categories "],\"annotations\":[" annotations "]}"
#define ONE_IMAGE   "{\"id\":1}"
#define TWO_IMAGES  "{\"id\":1},{\"id\":2}"
#define ONE_CLASS   "{\"id\":1,\"name\":\"a\"}"
#define TWO_CLASSES "{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}"
#define BOX(image, class, x) \
    "{\"image_id\":" #image ",\"category_id\":" #class ",\"bbox\":[" #x ",0,10,10]"
#define AT(image, class, x)           BOX(image, class, x) "}"
#define FOUND(image, class, x, score) BOX(image, class, x) ",\"score\":" #score "}"

static const struct {
    const char *what, *truth, *found;
    double coco, voc07, voc, ultralytics; // AP50
    const char *notice;                   // NULL: none is needed
} rows[] = {
    // Of equal scores the earlier picture comes first, whatever the order in the file.
    {"equal scores, the right one in the first picture", TRUTH(TWO_IMAGES, ONE_CLASS, AT(1, 1, 0)),
     "[" FOUND(2, 1, 0, 0.5) "," FOUND(1, 1, 0, 0.5) "]", 1, 1, 1, .995, NULL},
    {"equal scores, the right one in the second picture", TRUTH(TWO_IMAGES, ONE_CLASS, AT(2, 1, 0)),
     "[" FOUND(2, 1, 0, 0.5) "," FOUND(1, 1, 0, 0.5) "]", .5, .5, .5, .4975, NULL},
    // Of equal scores in one picture the earlier in the file.
    {"equal scores in a picture", TRUTH(ONE_IMAGE, ONE_CLASS, AT(1, 1, 0)),
     "[" FOUND(1, 1, 50, 0.5) "," FOUND(1, 1, 0, 0.5) "]", .5, .5, .5, .4975, NULL},
    {"empty truth", TRUTH(ONE_IMAGE, ONE_CLASS, ""), "[" FOUND(1, 1, 0, 0.5) "]", NAN, NAN, NAN,
     NAN, "no ground truth"},
    {"no pictures at all", TRUTH("", "", ""), "[]", NAN, NAN, NAN, NAN, "no ground truth"},
    {"empty detections", TRUTH(ONE_IMAGE, ONE_CLASS, AT(1, 1, 0)), "[]", 0, 0, 0, 0, NULL},
    {"a class only in detections", TRUTH(ONE_IMAGE, TWO_CLASSES, AT(1, 1, 0)),
     "[" FOUND(1, 1, 0, 0.5) "," FOUND(1, 2, 0, 0.9) "]", 1, 1, 1, .995, NULL},
    {"a class that the truth does not list", TRUTH(ONE_IMAGE, ONE_CLASS, AT(1, 1, 0)),
     "[" FOUND(1, 1, 0, 0.5) "," FOUND(1, 2, 0, 0.9) "]", 1, 1, 1, .995,
     "1 detections of classes that the truth does not list"},
    {"a class only in the truth", TRUTH(ONE_IMAGE, TWO_CLASSES, AT(1, 1, 0) "," AT(1, 2, 0)),
     "[" FOUND(1, 1, 0, 0.5) "]", .5, .5, .5, .4975, NULL},
    {"ids with holes",
     TRUTH("{\"id\":900000000001},{\"id\":7}",
           "{\"id\":90,\"name\":\"z\"},{\"id\":3,\"name\":\"c\"}",
           AT(900000000001, 90, 0) "," AT(7, 3, 0)),
     "[" FOUND(7, 3, 0, 0.5) "," FOUND(900000000001, 90, 0, 0.5) "]", 1, 1, 1, .995, NULL},
    {"a negative width", TRUTH(ONE_IMAGE, ONE_CLASS, AT(1, 1, 0)),
     "[{\"image_id\":1,\"category_id\":1,\"bbox\":[10,0,-10,10],\"score\":0.9}]", 0, 0, 0, 0,
     "1 box has a negative size"},
    {"a negative truth",
     TRUTH(ONE_IMAGE, ONE_CLASS, "{\"image_id\":1,\"category_id\":1,\"bbox\":[10,10,-10,-10]}"),
     "[{\"image_id\":1,\"category_id\":1,\"bbox\":[10,10,-10,-10],\"score\":0.9}]", 0, 0, 0, 0,
     "1 box has a negative size"},
    {"boxes without size",
     TRUTH(ONE_IMAGE, ONE_CLASS, "{\"image_id\":1,\"category_id\":1,\"bbox\":[5,5,0,0]}"),
     "[{\"image_id\":1,\"category_id\":1,\"bbox\":[5,5,0,0],\"score\":0.9}]", 0, 0, 0, 0, NULL},
    // MOT counts frames from 1, we and "frame" from 0.
    {"frames from 1 for truth from 0",
     TRUTH("{\"id\":10,\"frame\":0},{\"id\":11,\"frame\":1}", ONE_CLASS, AT(10, 1, 0)),
     "1,-1,0,0,10,10,0.9,-1,-1,-1\n", 1, 1, 1, .995, NULL},
    {"frames from 1, one late",
     TRUTH("{\"id\":10,\"frame\":0},{\"id\":11,\"frame\":1}", ONE_CLASS, AT(10, 1, 0)),
     "2,-1,0,0,10,10,0.9,-1,-1,-1\n", 0, 0, 0, 0, NULL},
    {"a picture listed twice", TRUTH("{\"id\":1},{\"id\":1}", ONE_CLASS, AT(1, 1, 0)),
     "[" FOUND(1, 1, 0, 0.5) "]", 1, 1, 1, .995, "1 picture ids are listed more than once"},
};

static bool is_close(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-12;
}

static bool has_notice(const struct evaluation *e, const char *part)
{
    for (size_t i = 0; i < e->n_notices; i++) {
        if (strstr(e->notices[i], part))
            return true;
    }
    return false;
}

static struct evaluation evaluate(struct dataset *t, struct dataset *d)
{
    const struct evaluation_opts opts = {.conventions = {false, true, true, true, true},
                                         .wants_confusion = true};
    struct evaluation e;
    if (evaluation_run(t, d, &opts, &e) < 0)
        fail_msg("%s", err_message(ERR_INVALID));
    assert_int_equal(e.n_conventions, 4);
    return e;
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *t = given_truth(rows[i].truth);
        struct dataset *d = given_detections(rows[i].found, t);
        struct evaluation e = evaluate(t, d);
        const double expected[] = {rows[i].coco, rows[i].voc07, rows[i].voc, rows[i].ultralytics};
        for (size_t k = 0; k < 4; k++) {
            if (!is_close(e.conventions[k].figures.ap50, expected[k]))
                fail_msg("%s, %s: %.17g", rows[i].what, convention_name(e.conventions[k].kind),
                         e.conventions[k].figures.ap50);
        }
        assert_true(is_close(e.coco.ap50, rows[i].coco));
        if (rows[i].notice && !has_notice(&e, rows[i].notice))
            fail_msg("%s: no notice", rows[i].what);
        evaluation_finish(&e);
        dataset_destroy(d);
        dataset_destroy(t);
    }
}

// A hundred false ones of higher confidence: COCO's limit cuts the right one off and says so.
static void test_more_than_a_hundred(void **state)
{
    struct dataset *t = given_truth(TRUTH(ONE_IMAGE, ONE_CLASS, AT(1, 1, 0)));
    struct str_buf text = STR_BUF_INIT(1 * MIB);
    str_buf_puts(&text, "[" FOUND(1, 1, 0, 0.1));
    for (int i = 0; i < 100; i++)
        str_buf_puts(&text, "," FOUND(1, 1, 50, 0.9));
    str_buf_puts(&text, "]");
    struct dataset *d = given_detections(str_buf_text(&text), t);
    struct evaluation e = evaluate(t, d);
    assert_true(has_notice(&e, "leave out 1 detections: only the 100 most confident"));
    assert_true(e.coco.ap50 == 0);
    assert_true(is_close(e.conventions[2].figures.ap50, 1 / 101.)); // voc has no limit
    const struct convention_cause *cut = &e.conventions[2].causes[0];
    assert_string_equal(cut->rule, "most detections");
    assert_true(cut->ap50_before == 0 && is_close(cut->ap50_after, 1 / 101.));
    assert_int_equal(e.at.false_positives, 100); // operating points neither
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
    str_buf_finish(&text);
}

// Numbers that are none.
static void test_refusals(void **state)
{
    static const char *const found[] = {
        "[" FOUND(1, 1, 0, NaN) "]",        "[" FOUND(1, 1, 0, Infinity) "]",
        "[" FOUND(1, 1, 0, -Infinity) "]",  "[" FOUND(1, 1, 0, 1e999) "]",
        "[" FOUND(1, 1, NaN, 0.5) "]",      "[" FOUND(1, 1, -1e999, 0.5) "]",
        "[" FOUND(1, 1, 0, null) "]",       "[" FOUND(1, 1, 0, "0.5") "]",
        "1,-1,nan,0,10,10,0.9,-1,-1,-1\n",  "1,-1,0,0,10,10,inf,-1,-1,-1\n",
        "1,-1,0,0,10,1e999,0.9,-1,-1,-1\n",
        "0,-1,0,0,10,10,0.9,-1,-1,-1\n", // frames begin with 1
        "-1,-1,0,0,10,10,0.9,-1,-1,-1\n",
    };
    struct dataset *t = given_truth(TRUTH(ONE_IMAGE, ONE_CLASS, AT(1, 1, 0)));
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        struct dataset *d = NULL;
        enum dataset_format format = found[i][0] == '[' ? DATASET_COCO : DATASET_MOT;
        int r = given_read_as(found[i], format, t, &d);
        if (r != ERR_DATA && r != ERR_INVALID)
            fail_msg("%s: %d", found[i], r);
        assert_null(d);
        assert_true(strlen(err_message(r)) > 20);
    }
    dataset_destroy(t);
}

// A frame that a detector answers twice is judged once, and said.
static void test_duplicated_frames(void **state)
{
    struct dataset *t =
        given_truth(TRUTH("{\"id\":1,\"frame\":0},{\"id\":2,\"frame\":1}", ONE_CLASS, AT(1, 1, 0)));
    struct dataset_builder *b;
    struct dataset *d;
    const struct dataset_detection found = {.label = "a", .w = 10, .h = 10, .confidence = .9};
    assert_int_equal(dataset_builder_create(t, &b), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dataset_builder_frame(b, 0, 0, NULL), 0);
        assert_int_equal(dataset_builder_add(b, &found), 0);
    }
    assert_int_equal(dataset_builder_finish(&b, &d), 0);
    struct evaluation e = evaluate(t, d);
    assert_true(has_notice(&e, "1 frames came more than once"));
    assert_int_equal(e.n_judged, 1);
    assert_int_equal(e.at.true_positives, 1);
    assert_int_equal(e.at.false_positives, 0);
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_more_than_a_hundred),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_duplicated_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
