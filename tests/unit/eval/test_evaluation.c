// SPDX-License-Identifier: Apache-2.0
// test_evaluation.c - matching, COCO figures and operating points of cases small enough to do by
// hand.

#include "given.h"

#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "eval/evaluation.h"

#define BOX(x, y, w, h)          "{\"image_id\":1,\"category_id\":1,\"bbox\":[" #x "," #y "," #w "," #h "]"
#define AT(x, y, w, h)           BOX(x, y, w, h) "}"
#define CROWD(x, y, w, h)        BOX(x, y, w, h) ",\"iscrowd\":1}"
#define FOUND(x, y, w, h, score) BOX(x, y, w, h) ",\"score\":" #score "}"
#define NOTHING                  NAN

// Truth, detections, and what follows; figures to 1e-12.
static const struct {
    const char *what, *truth, *detections;
    double ap, ap50, ar1;
    int tp, fp, fn; // at confidence .25
} rows[] = {
    {"found", AT(0, 0, 10, 10), FOUND(0, 0, 10, 10, 0.9), 1, 1, 1, 1, 0, 0},
    {"missed", AT(0, 0, 10, 10), "", 0, 0, 0, 0, 0, 1},
    {"no truth", "", FOUND(0, 0, 10, 10, 0.9), NOTHING, NOTHING, NOTHING, 0, 1, 0},
    {"nothing at all", "", "", NOTHING, NOTHING, NOTHING, 0, 0, 0},
    {"an IoU of exactly .5", AT(0, 0, 10, 10), FOUND(0, 0, 10, 5, 0.9), .1, 1, .1, 1, 0, 0},
    {"an IoU just below", AT(0, 0, 10, 10), FOUND(0, 0, 10, 4.999, 0.9), 0, 0, 0, 0, 1, 1},
    {"edges that touch", AT(0, 0, 10, 10), FOUND(10, 0, 10, 10, 0.9), 0, 0, 0, 0, 1, 1},
    {"one truth, two that find it", AT(0, 0, 10, 10),
     FOUND(0, 0, 10, 10, 0.8) "," FOUND(0, 0, 10, 10, 0.9), 1, 1, 1, 1, 1, 0},
    {"equal confidence: the file's order, false first", AT(0, 0, 10, 10),
     FOUND(50, 0, 10, 10, 0.9) "," FOUND(0, 0, 10, 10, 0.9), .5, .5, 0, 1, 1, 0},
    {"equal confidence: true first", AT(0, 0, 10, 10),
     FOUND(0, 0, 10, 10, 0.9) "," FOUND(50, 0, 10, 10, 0.9), 1, 1, 1, 1, 1, 0},
    {"a crowd takes many and counts for nothing", AT(0, 0, 10, 10) "," CROWD(50, 50, 40, 40),
     FOUND(0, 0, 10, 10, 0.9) "," FOUND(60, 60, 10, 10, 0.8) "," FOUND(55, 55, 10, 10, 0.95), 1, 1,
     0, 1, 0, 0},
    {"only a crowd", CROWD(0, 0, 10, 10), FOUND(0, 0, 10, 10, 0.9), NOTHING, NOTHING, NOTHING, 0, 0,
     0},
    {"a real truth is not given up for an ignored one", AT(0, 0, 10, 6) "," CROWD(0, 0, 10, 10),
     FOUND(0, 0, 10, 10, 0.9), .3, 1, .3, 1, 0, 0},
    {"below the operating point", AT(0, 0, 10, 10), FOUND(0, 0, 10, 10, 0.1), 1, 1, 1, 0, 0, 1},
    {"no bound on scores", AT(0, 0, 10, 10) "," AT(50, 50, 10, 10),
     FOUND(0, 0, 10, 10, 3.5) "," FOUND(50, 50, 10, 10, -2), 1, 1, .5, 1, 0, 1},
    {"the id 0 is an id", BOX(0, 0, 10, 10) ",\"id\":0}", FOUND(0, 0, 10, 10, 0.9), 1, 1, 1, 1, 0,
     0},
    {"boxes without size", AT(5, 5, 0, 0), FOUND(5, 5, 0, 0, 0.9), 0, 0, 0, 0, 1, 1},
};

static struct str_buf text_of(const char *before, const char *middle, const char *after)
{
    struct str_buf text = STR_BUF_INIT(1 * MIB);
    str_buf_printf(&text, "%s%s%s", before, middle, after);
    assert_int_equal(str_buf_check(&text), 0);
    return text;
}

// Truth annotations and result objects to datasets.
static void read_both(const char *truth, const char *found, struct dataset **ret_truth,
                      struct dataset **ret_detections)
{
    struct str_buf t = text_of("{\"images\":[{\"id\":1},{\"id\":2}],\"categories\":[{\"id\":1,"
                               "\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}],\"annotations\":[",
                               truth, "]}");
    struct str_buf d = text_of("[", found, "]");
    *ret_truth = given_truth(str_buf_text(&t));
    *ret_detections = given_detections(str_buf_text(&d), *ret_truth);
    str_buf_finish(&t);
    str_buf_finish(&d);
}

static bool is_close(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) < 1e-12;
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *t;
        struct dataset *d;
        struct evaluation e;
        read_both(rows[i].truth, rows[i].detections, &t, &d);
        assert_int_equal(evaluation_run(t, d, NULL, &e), 0);
        if (!is_close(e.coco.ap, rows[i].ap) || !is_close(e.coco.ap50, rows[i].ap50) ||
            !is_close(e.coco.ar[0], rows[i].ar1))
            fail_msg("%s: AP %.17g AP50 %.17g AR1 %.17g", rows[i].what, e.coco.ap, e.coco.ap50,
                     e.coco.ar[0]);
        if (e.at.true_positives != rows[i].tp || e.at.false_positives != rows[i].fp ||
            e.at.false_negatives != rows[i].fn)
            fail_msg("%s: %d true, %d false, %d missed", rows[i].what, (int)e.at.true_positives,
                     (int)e.at.false_positives, (int)e.at.false_negatives);
        assert_true(isnan(e.at.precision) == (rows[i].tp + rows[i].fp == 0));
        assert_true(isnan(e.at.recall) == (rows[i].tp + rows[i].fn == 0));
        assert_true(isnan(e.classes[1].coco.ap)); // never any truth
        evaluation_finish(&e);
        dataset_destroy(d);
        dataset_destroy(t);
    }
}

// A detection of another size than the range is no false positive of it; a truth is judged by the
// area of its file.
static void test_areas(void **state)
{
    struct dataset *t;
    struct dataset *d;
    struct evaluation e;
    read_both(BOX(0, 0, 100, 100) ",\"area\":900}",
              FOUND(0, 0, 100, 100, 0.5) "," FOUND(200, 200, 100, 100, 0.9), &t, &d);
    assert_int_equal(evaluation_run(t, d, NULL, &e), 0);
    assert_true(is_close(e.coco.ap_small, 1));
    assert_true(is_close(e.coco.ap, .5));
    assert_true(isnan(e.coco.ap_medium) && isnan(e.coco.ap_large));
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
}

static bool has_notice(const struct evaluation *e, const char *part)
{
    for (size_t i = 0; i < e->n_notices; i++) {
        if (strstr(e->notices[i], part))
            return true;
    }
    return false;
}

static void test_cut(void **state)
{
    struct str_buf many = STR_BUF_INIT(1 * MIB);
    for (int i = 0; i < 100; i++)
        str_buf_puts(&many, FOUND(200, 0, 10, 10, 0.9) ",");
    str_buf_puts(&many, FOUND(0, 0, 10, 10, 0.5));
    struct dataset *t;
    struct dataset *d;
    struct evaluation e;
    read_both(AT(0, 0, 10, 10), str_buf_text(&many), &t, &d);
    assert_int_equal(evaluation_run(t, d, NULL, &e), 0);
    assert_true(is_close(e.coco.ap, 0)); // the true one is the 101st
    assert_true(has_notice(&e, "leave out 1 detections"));
    assert_int_equal(e.at.true_positives, 1); // the operating point has no cut
    evaluation_finish(&e);
    const struct evaluation_opts more = {.coco = {.cuts = {101}, .n_cuts = 1}};
    assert_int_equal(evaluation_run(t, d, &more, &e), 0);
    assert_true(is_close(e.coco.ap, 1 / 101.));
    assert_true(is_close(e.coco.ar[0], 1) && isnan(e.coco.ar[1]));
    assert_int_equal(e.n_notices, 0);
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
    str_buf_finish(&many);
}

static void test_opts(void **state)
{
    static const char *const only_b[] = {"b"};
    static const char *const unknown[] = {"a", "zebra"};
    struct dataset *t;
    struct dataset *d;
    struct evaluation e;
    read_both(AT(0, 0, 10, 10), FOUND(0, 0, 10, 4, 0.9) "," FOUND(0, 0, 10, 3, 0.2), &t, &d);
    struct evaluation_opts o = {.coco = {.ious = {.4}, .n_ious = 1}};
    assert_int_equal(evaluation_run(t, d, &o, &e), 0);
    assert_true(is_close(e.coco.ap, 1) && isnan(e.coco.ap50)); // .5 is not among the thresholds
    evaluation_finish(&e);
    o = (struct evaluation_opts){.has_min_confidence = true, .min_confidence = .9};
    assert_int_equal(evaluation_run(t, d, &o, &e), 0);
    assert_int_equal(e.n_detections, 1);
    assert_true(has_notice(&e, "1 detections below the confidence 0.9"));
    evaluation_finish(&e);
    o = (struct evaluation_opts){.classes = only_b, .n_classes = 1};
    assert_int_equal(evaluation_run(t, d, &o, &e), 0);
    assert_int_equal(e.n_classes, 1);
    assert_int_equal(e.n_truths + e.n_detections, 0);
    assert_true(has_notice(&e, "no ground truth"));
    evaluation_finish(&e);
    o = (struct evaluation_opts){.classes = unknown, .n_classes = 2};
    assert_int_equal(evaluation_run(t, d, &o, &e), ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "'zebra' is not in the truth, which has 'a'"));
    static const struct coco_opts bad[] = {
        {.ious = {0}, .n_ious = 1},      {.ious = {1.01}, .n_ious = 1},
        {.ious = {.5, .5}, .n_ious = 2}, {.cuts = {0}, .n_cuts = 1},
        {.cuts = {10, 1}, .n_cuts = 2},  {.areas = {{"x", 2, 1}}, .n_areas = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        o = (struct evaluation_opts){.coco = bad[i]};
        assert_int_equal(evaluation_run(t, d, &o, &e), ERR_INVALID);
    }
    dataset_destroy(d);
    dataset_destroy(t);
}

// A detector's own word for the people of MOT text.
static void test_alias(void **state)
{
    static const char *const label[] = {"pedestrian"};
    struct dataset *t = given_truth("1,1,0,0,10,10,1,-1,-1,-1\n");
    struct dataset *d = given_detections("1,-1,0,0,10,10,0.5,-1,-1,-1\n", t);
    struct evaluation e;
    const struct evaluation_opts o = {.classes = label, .n_classes = 1};
    assert_int_equal(evaluation_run(t, d, &o, &e), 0);
    assert_int_equal(e.at.true_positives, 1);
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
}

static void test_thresholds(void **state)
{
    struct coco_opts o = {0};
    assert_int_equal(coco_opts_complete(&o), 0);
    assert_int_equal(o.n_ious, 10);
    assert_true(o.ious[0] == .5 && o.ious[5] == .75 && o.ious[9] == .95);
    assert_true(o.ious[8] == 0.8999999999999999); // as numpy.linspace has it
}

static void test_curve(void **state)
{
    struct dataset *t;
    struct dataset *d;
    struct evaluation e;
    read_both(AT(0, 0, 10, 10) "," AT(20, 0, 10, 10) "," AT(40, 0, 10, 10),
              FOUND(0, 0, 10, 10, 0.9) "," FOUND(60, 0, 10, 10, 0.8) "," FOUND(
                  20, 0, 10, 10, 0.8) "," FOUND(60, 0, 10, 10, 0.1) "," FOUND(60, 0, 10, 10, 0.1),
              &t, &d);
    assert_int_equal(evaluation_run(t, d, NULL, &e), 0);
    assert_int_equal(e.curve.n, 3); // .9, .8, .1
    assert_true(e.best.confidence == .8 && is_close(e.best.f1, 2. / 3));
    assert_true(is_close(e.best.precision, 2. / 3) && is_close(e.best.recall, 2. / 3));
    struct operating_point p = operating_at(&e.curve, .85);
    assert_true(p.true_positives == 1 && p.false_positives == 0 && p.confidence == .85);
    p = operating_at(&e.curve, .8); // at least
    assert_true(p.true_positives == 2 && p.false_positives == 1);
    p = operating_at(&e.curve, 2);
    assert_true(p.true_positives == 0 && isnan(p.precision) && p.recall == 0 && p.f1 == 0);
    p = operating_at(&e.curve, -1);
    assert_true(p.true_positives == 2 && p.false_positives == 3 && p.false_negatives == 1);
    assert_true(isnan(e.classes[1].best.confidence) && isnan(e.classes[1].best.f1));
    evaluation_finish(&e);
    dataset_destroy(d);
    dataset_destroy(t);
}

static void test_out_of_memory(void **state)
{
    struct dataset *t;
    struct dataset *d;
    read_both(AT(0, 0, 10, 10), FOUND(0, 0, 10, 10, 0.9), &t, &d);
    bool failed = true;
    for (long n = 1; failed; n++) {
        struct evaluation e = {0};
        assert_true(n < 1000);
        mem_test_fail_at(n);
        int r = evaluation_run(t, d, NULL, &e);
        failed = !mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, failed ? ERR_NOMEM : 0);
        evaluation_finish(&e);
    }
    dataset_destroy(d);
    dataset_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),  cmocka_unit_test(test_areas),
        cmocka_unit_test(test_cut),   cmocka_unit_test(test_opts),
        cmocka_unit_test(test_alias), cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_curve), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
