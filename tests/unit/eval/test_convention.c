// SPDX-License-Identifier: Apache-2.0
// test_convention.c - the published figures of other conventions, and small cases by hand.

#include "given.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/coco.h"
#include "eval/confusion.h"
#include "eval/convention.h"
#include "eval/match.h"
#include "eval/motdet.h"

#define BOX(x, y, w, h)          "{\"image_id\":1,\"category_id\":1,\"bbox\":[" #x "," #y "," #w "," #h "]"
#define AT(x, y, w, h)           BOX(x, y, w, h) "}"
#define CROWD(x, y, w, h)        BOX(x, y, w, h) ",\"iscrowd\":1}"
#define FOUND(x, y, w, h, score) BOX(x, y, w, h) ",\"score\":" #score "}"

struct given {
    struct dataset *truth, *detections;
    struct arena *arena;
    struct match_groups groups;
};

static void must(int r)
{
    if (r < 0)
        fail_msg("%s", err_message(r));
}

static void given_group(struct given *g)
{
    must(arena_create(0, &g->arena));
    must(match_groups_build(g->truth, g->detections, NULL, g->arena, &g->groups));
}

static void given_finish(struct given *g)
{
    arena_destroy(g->arena);
    dataset_destroy(g->detections);
    dataset_destroy(g->truth);
}

// From annotations and results of one picture.
static struct given given_boxes(const char *truth, const char *found)
{
    struct str_buf t = STR_BUF_INIT(1 * MIB);
    struct str_buf d = STR_BUF_INIT(1 * MIB);
    str_buf_printf(&t,
                   "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,"
                   "\"name\":\"b\"}],\"annotations\":[%s]}",
                   truth);
    str_buf_printf(&d, "[%s]", found);
    struct given g = {.truth = given_truth(str_buf_text(&t))};
    g.detections = given_detections(str_buf_text(&d), g.truth);
    str_buf_finish(&t);
    str_buf_finish(&d);
    given_group(&g);
    return g;
}

static struct convention_result run_at(const struct given *g, enum convention kind, double iou,
                                       bool inclusive)
{
    const struct convention_opts opts = {
        .ious = &iou, .n_ious = 1, .coco_cut = 100, .inclusive = inclusive};
    struct convention_result result;
    must(convention_run(&g->groups, kind, &opts, g->arena, &result));
    return result;
}

static bool is_close(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance;
}

// ---- by hand, at IoU .5

static const struct {
    const char *what, *truth, *found;
    double coco, voc07, voc, ultralytics;
} rows[] = {
    // The trapezoid's last point is beyond the last recall: half of .01 is missing.
    {"found", AT(0, 0, 10, 10), FOUND(0, 0, 10, 10, 0.9), 1, 1, 1, .995},
    {"missed", AT(0, 0, 10, 10), "", 0, 0, 0, 0},
    {"no truth", "", FOUND(0, 0, 10, 10, 0.9), NAN, NAN, NAN, NAN},
    {"nothing at all", "", "", NAN, NAN, NAN, NAN},
    // Recall .5: 51 of 101 points, 6 of 11, half of the area; 49.5 whole steps of .01 before .5.
    {"one of two", AT(0, 0, 10, 10) "," AT(50, 0, 10, 10), FOUND(0, 0, 10, 10, 0.9), 51 / 101.,
     6 / 11., .5, .495},
    // The second detection overlaps the first truth most, which is taken: it may have the other in
    // COCO only.
    {"matching", AT(0, 0, 10, 10) "," AT(0, 3, 10, 10),
     FOUND(0, 0, 10, 10, 0.9) "," FOUND(0, 1, 10, 10, 0.8), 1, 6 / 11., .5, .495},
    // A detection inside of a crowd: IoU .25, its own area 1.
    {"crowd", AT(0, 0, 10, 10) "," CROWD(50, 50, 20, 20),
     FOUND(50, 50, 10, 10, 0.9) "," FOUND(0, 0, 10, 10, 0.8), 1, .5, .5, .4975},
    // Ignored by IoU: only who removes it calls a detection on it false.
    {"on an ignored truth", AT(0, 0, 10, 10) "," CROWD(50, 50, 10, 10),
     FOUND(50, 50, 10, 10, 0.9) "," FOUND(50, 50, 10, 10, 0.85) "," FOUND(0, 0, 10, 10, 0.8), 1, 1,
     1, .995 / 3},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct given g = given_boxes(rows[i].truth, rows[i].found);
        const double expected[] = {rows[i].coco, rows[i].voc07, rows[i].voc, rows[i].ultralytics};
        for (int k = 0; k < 4; k++) {
            struct convention_result r =
                run_at(&g, (enum convention)(CONVENTION_COCO + k), .5, false);
            if (!is_close(r.figures.ap50, expected[k], 1e-12))
                fail_msg("%s, %s: %.17g", rows[i].what, convention_name(r.kind), r.figures.ap50);
            assert_true(is_close(r.figures.ap, r.figures.ap50, 1e-12) || isnan(r.figures.ap));
            assert_true(isnan(r.figures.class_ap[1]));
        }
        given_finish(&g);
    }
}

// Boxes one pixel apart in width: 9 x 10 of 10 x 10 is .9; of corners that belong, 10 x 11 of
// 11 x 11.
static void test_inclusive(void **state)
{
    struct given g = given_boxes(AT(0, 0, 10, 10), FOUND(0, 0, 9, 10, 0.9));
    assert_true(run_at(&g, CONVENTION_VOC, .905, false).figures.ap == 0);
    assert_true(run_at(&g, CONVENTION_VOC, .905, true).figures.ap == 1);
    assert_true(run_at(&g, CONVENTION_ULTRALYTICS, .905, true).figures.ap == 0);
    struct convention_result r = run_at(&g, CONVENTION_VOC, .905, false);
    const struct convention_cause *last = &r.causes[r.n_causes - 1];
    assert_string_equal(last->rule, "+1");
    assert_false(last->is_counted);
    assert_true(last->ap_before == 0 && last->ap_after == 1);
    given_finish(&g);
}

// Two classes' F1 on the grid: both are found at .8 and .4; a false one of .6 of the first.
static void test_operating(void **state)
{
    struct given g =
        given_boxes(AT(0, 0, 10, 10), FOUND(0, 0, 10, 10, 0.8) "," FOUND(50, 0, 10, 10, 0.4));
    struct convention_result r = run_at(&g, CONVENTION_ULTRALYTICS, .5, false);
    // Precision and recall are 1 from .8 on downwards; precision falls towards 1/2 at .4, and is 1
    // with recall 0 above .8. The smoothed F1 is highest left of .8 where the window is full.
    assert_true(r.figures.confidence > .7 && r.figures.confidence < 0.8);
    assert_true(r.figures.recall == 1);
    assert_true(r.figures.precision > .85 && r.figures.precision <= 1);
    double x = r.figures.confidence;
    double precision = 1 - (.8 - x) / .4 * .5;
    assert_true(is_close(r.figures.precision, precision, 1e-9));
    assert_true(is_close(r.figures.f1, 2 * precision / (1 + precision), 1e-9));
    struct convention_result coco = run_at(&g, CONVENTION_COCO, .5, false);
    assert_true(isnan(coco.figures.f1) && coco.n_causes == 0);
    given_finish(&g);
}

static void test_parse(void **state)
{
    bool wanted[CONVENTION_N_KINDS];
    must(convention_parse("voc, coco", wanted));
    assert_true(wanted[CONVENTION_VOC] && wanted[CONVENTION_COCO] && !wanted[CONVENTION_VOC07]);
    must(convention_parse("all", wanted));
    for (int k = CONVENTION_COCO; k < CONVENTION_N_KINDS; k++)
        assert_true(wanted[k]);
    assert_int_equal(convention_parse("coco,pascal", wanted), ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "'pascal'"));
    assert_int_equal(convention_parse("coco,", wanted), ERR_INVALID);
}

// ---- stored cases

static char *path_of(const char *rest)
{
    const char *data = getenv("ASSAY_TEST_DATA");
    struct str_buf path = STR_BUF_INIT(8 * KIB);
    str_buf_printf(&path, "%s/detection/%s", data ? data : "", rest);
    char *text = str_buf_take(&path);
    if (!data || access(text, R_OK) < 0) {
        print_message("no test data: skipped\n");
        mem_free(text);
        skip();
    }
    return text;
}

static struct dataset *read_stored(const char *rest, const struct dataset *truth,
                                   enum dataset_text text)
{
    char *path = path_of(rest);
    const struct dataset_read_opts opts = {.role = truth ? DATASET_DETECTIONS : DATASET_TRUTH,
                                           .format = text ? DATASET_TEXT : DATASET_FORMAT_UNSET,
                                           .truth = truth,
                                           .text = text};
    struct dataset *d = NULL;
    must(dataset_read_with(path, &opts, &d));
    mem_free(path);
    return d;
}

static struct given given_stored(const char *truth, const char *found, enum dataset_text text)
{
    struct given g = {.truth = read_stored(truth, NULL, text)};
    g.detections = read_stored(found, g.truth, text);
    given_group(&g);
    return g;
}

// Padilla's seven pictures, from the texts and from COCO, to the digits stated (which were cut, not
// rounded).
static void test_padilla(void **state)
{
    static const struct {
        double iou, all, eleven;
    } stated[] = {
        {.1, .3371980676, .3333333333},
        {.3, .2456866804, .2683982683},
        {.5, .0222222222, .0303030303},
        {.75, 0, 0},
    };
    for (int form = 0; form < 2; form++) {
        struct given g = form == 0
                             ? given_stored("padilla_voc_7images/groundtruths",
                                            "padilla_voc_7images/detections", DATASET_TEXT_XYWH)
                             : given_stored("padilla_voc_7images/gt.json",
                                            "padilla_voc_7images/dt.json", DATASET_TEXT_AUTO);
        assert_int_equal(g.truth->n_objects, 15);
        assert_int_equal(g.detections->n_objects, 24);
        for (size_t i = 0; i < ARRAY_LEN(stated); i++) {
            struct convention_result all = run_at(&g, CONVENTION_VOC, stated[i].iou, true);
            struct convention_result eleven = run_at(&g, CONVENTION_VOC07, stated[i].iou, true);
            if (!is_close(all.figures.ap, stated[i].all, 1e-10) ||
                !is_close(eleven.figures.ap, stated[i].eleven, 1e-10))
                fail_msg("form %d, IoU %g: %.12g and %.12g", form, stated[i].iou, all.figures.ap,
                         eleven.figures.ap);
        }
        given_finish(&g);
    }
}

// Every class and the mean of the tool's own output, to its two digits of a percentage.
static void test_cartucho(void **state)
{
    char *path = path_of("cartucho_map/expected_output.txt");
    struct given g = given_stored("cartucho_map/ground-truth", "cartucho_map/detection-results",
                                  DATASET_TEXT_XYXY);
    struct convention_result r = run_at(&g, CONVENTION_VOC, .5, true);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    char line[16 * KIB];
    size_t n_classes = 0;
    bool has_mean = false;
    while (fgets(line, sizeof(line), f)) {
        struct str rest = str_trim(str_of(line));
        struct str part;
        double percent;
        if (str_starts(rest, "mAP = ")) {
            struct str number = {rest.p + 6, rest.n - 7};
            must(str_to_double(number, &percent));
            assert_true(is_close(100 * r.figures.ap, percent, 0.005));
            has_mean = true;
            continue;
        }
        if (!strstr(line, "% = ") || !str_split(&rest, '%', &part))
            continue;
        must(str_to_double(part, &percent));
        struct str name = {rest.p + 3, rest.n - 6};
        name = str_trim(name);
        n_classes++;
        for (size_t k = 0; k < g.truth->n_classes; k++) {
            if (str_is(name, g.truth->classes[k].name) &&
                !is_close(100 * r.figures.class_ap[k], percent, .005 + 1e-9))
                fail_msg("%s: %.4f, not %.2f", g.truth->classes[k].name,
                         100 * r.figures.class_ap[k], percent);
        }
    }
    assert_true(has_mean);
    assert_true(n_classes > 20 && n_classes == g.truth->n_classes);
    fclose(f);
    mem_free(path);
    given_finish(&g);
}

// The chain of causes begins at COCO's figures and ends at the convention's, link by link.
static void test_chain(void **state)
{
    struct given g = given_stored("coco_val2014_fakebbox100/gt.json",
                                  "coco_val2014_fakebbox100/dt.json", DATASET_TEXT_AUTO);
    struct coco c;
    must(coco_run(&g.groups, NULL, g.arena, &c));
    const struct convention_opts opts = {
        .ious = c.opts.ious, .n_ious = c.opts.n_ious, .coco_cut = 100};
    for (int k = CONVENTION_COCO; k < CONVENTION_N_KINDS; k++) {
        struct convention_result r;
        must(convention_run(&g.groups, (enum convention)k, &opts, g.arena, &r));
        double ap = coco_ap(&c, COCO_ANY, 0, COCO_ANY);
        double ap50 = coco_ap(&c, 0, 0, COCO_ANY);
        for (size_t i = 0; i < r.n_causes && r.causes[i].is_counted; i++) {
            assert_true(is_close(r.causes[i].ap_before, ap, 1e-12));
            assert_true(is_close(r.causes[i].ap50_before, ap50, 1e-12));
            ap = r.causes[i].ap_after;
            ap50 = r.causes[i].ap50_after;
        }
        assert_true(is_close(r.figures.ap, ap, 1e-12) && is_close(r.figures.ap50, ap50, 1e-12));
        assert_true((k == CONVENTION_COCO) == (r.n_causes == 0));
        print_message("%s: AP %.6f AP50 %.6f P %.4f R %.4f F1 %.4f\n", convention_name(r.kind),
                      r.figures.ap, r.figures.ap50, r.figures.precision, r.figures.recall,
                      r.figures.f1);
    }
    given_finish(&g);
}

// The devkit's README states AP .5115, 7288 truths, 4230 found, 1963 false, recall 58.0, precision
// 68.3, MODA 31.1, MODP 75.3 of MOT17-02; a re-implementation has AP .5111 and 1932 false ones, the
// same truths and finds, and the second sequence. AP is held to .001, false ones to 2 %.
// Why not to the last digit: the README's run kept 31 detections more than the devkit's own text of
// the removal does on these files (1963 false ones, not 1932: no reading of its rules, with or
// without vehicles and occluders, removes fewer). Each is another candidate for the pairs whose
// mean IoU MODP is, so 75.3 there is 75.15 here. Recall, which they cannot change, is equal.
static void test_motdet(void **state)
{
    static const struct {
        const char *truth, *found;
        int64_t n_truths, tp, removed;
        double fp, ap, modp;
    } stated[] = {
        {"mot17det_dpm_02_05/raw/MOT17-02.gt.txt", "mot17det_dpm_02_05/raw/MOT17-02.det.txt", 7288,
         4230, 1105, 1963, .5115, .753},
        {"mot17det_dpm_02_05/raw/MOT17-05.gt.txt", "mot17det_dpm_02_05/raw/MOT17-05.det.txt", 3667,
         2300, 731, 1302, .5960, NAN},
    };
    for (size_t i = 0; i < ARRAY_LEN(stated); i++) {
        struct given g = given_stored(stated[i].truth, stated[i].found, DATASET_TEXT_AUTO);
        struct motdet m;
        must(motdet_run(g.truth, g.detections, &m));
        print_message("%d truths, %d found, %d false, %d removed, AP %.6f, MODA %.4f, MODP %.4f\n",
                      (int)m.n_truths, (int)m.true_positives, (int)m.false_positives,
                      (int)m.n_removed, m.ap, m.moda, m.modp);
        assert_int_equal(m.n_truths, stated[i].n_truths);
        assert_int_equal(m.true_positives, stated[i].tp);
        assert_int_equal(m.n_removed, stated[i].removed);
        assert_true(fabs((double)m.false_positives - stated[i].fp) <= .02 * stated[i].fp);
        assert_true(fabs(m.ap - stated[i].ap) <= .001);
        assert_true(isnan(stated[i].modp) || fabs(m.modp - stated[i].modp) <= .002);
        given_finish(&g);
    }
    struct given none = given_boxes(AT(0, 0, 10, 10), "");
    struct motdet m;
    assert_int_equal(motdet_run(none.truth, none.detections, &m), ERR_INVALID);
    given_finish(&none);
}

// ---- confusion

static void add_box(struct str_buf *b, const json_t *row, bool is_found)
{
    const double x = json_number_value(json_array_get(row, 0));
    const double y = json_number_value(json_array_get(row, 1));
    str_buf_printf(b, "%s{\"image_id\":1,\"category_id\":%d,\"bbox\":[%.17g,%.17g,%.17g,%.17g]",
                   b->n > 0 ? "," : "", (int)json_number_value(json_array_get(row, 4)), x, y,
                   json_number_value(json_array_get(row, 2)) - x,
                   json_number_value(json_array_get(row, 3)) - y);
    if (is_found)
        str_buf_printf(b, ",\"score\":%.17g", json_number_value(json_array_get(row, 5)));
    str_buf_puts(b, "}");
}

static void check_matrix(const json_t *one, size_t nth)
{
    struct str_buf t = STR_BUF_INIT(1 * MIB);
    struct str_buf d = STR_BUF_INIT(1 * MIB);
    struct str_buf classes = STR_BUF_INIT(1 * MIB);
    size_t i;
    json_t *row;
    json_array_foreach(json_array_get(json_object_get(one, "targets_xyxy_class"), 0), i, row)
        add_box(&t, row, false);
    json_array_foreach(json_array_get(json_object_get(one, "predictions_xyxy_class_conf"), 0), i,
                       row) add_box(&d, row, true);
    const size_t n = (size_t)json_integer_value(json_object_get(one, "num_classes"));
    for (i = 0; i < n; i++)
        str_buf_printf(&classes, "%s{\"id\":%zu,\"name\":\"c%zu\"}", i ? "," : "", i, i);
    struct str_buf text = STR_BUF_INIT(1 * MIB);
    str_buf_printf(&text, "{\"images\":[{\"id\":1}],\"categories\":[%s],\"annotations\":[%s]}",
                   str_buf_text(&classes), str_buf_text(&t));
    struct given g = {.truth = given_truth(str_buf_text(&text))};
    str_buf_reset(&text);
    str_buf_printf(&text, "[%s]", str_buf_text(&d));
    g.detections = given_detections(str_buf_text(&text), g.truth);
    given_group(&g);
    const struct confusion_opts opts = {
        .has_confidence = true,
        .has_iou = true,
        .confidence = json_number_value(json_object_get(one, "conf_threshold")),
        .iou = json_number_value(json_object_get(one, "iou_threshold"))};
    struct confusion by_truth;
    struct confusion by_found;
    must(confusion_run(&g.groups, CONFUSION_SUPERVISION, &opts, g.arena, &by_truth));
    must(confusion_run(&g.groups, CONFUSION_ULTRALYTICS, &opts, g.arena, &by_found));
    const json_t *expected = json_object_get(one, "expected_matrix");
    assert_int_equal(json_array_size(expected), n + 1);
    for (size_t r = 0; r <= n; r++) {
        for (size_t c = 0; c <= n; c++) {
            double value = json_number_value(json_array_get(json_array_get(expected, r), c));
            if ((double)by_truth.counts[r * (n + 1) + c] != value ||
                by_found.counts[c * (n + 1) + r] != by_truth.counts[r * (n + 1) + c])
                fail_msg("case %zu, row %zu column %zu: %d, not %g", nth, r, c,
                         (int)by_truth.counts[r * (n + 1) + c], value);
        }
    }
    str_buf_finish(&t);
    str_buf_finish(&d);
    str_buf_finish(&classes);
    str_buf_finish(&text);
    given_finish(&g);
}

static void test_supervision(void **state)
{
    char *path = path_of("confusion_matrix_supervision/cases.json");
    json_t *cases = json_load_file(path, 0, NULL);
    assert_int_equal(json_array_size(cases), 6);
    size_t i;
    json_t *one;
    json_array_foreach(cases, i, one) check_matrix(one, i);
    json_decref(cases);
    mem_free(path);
}

// Rows of Ultralytics are detections; the defaults are its own: IoU just above .45, confidence
// above .25.
static void test_ultralytics_matrix(void **state)
{
    struct given g = given_boxes(
        AT(0, 0, 10, 10) "," AT(50, 0, 10, 10) "," CROWD(100, 0, 40, 40),
        FOUND(0, 0, 10, 4.6, 0.9) ",{\"image_id\":1,\"category_id\":2,\"bbox\":[50,0,10,10],"
                                  "\"score\":0.8}," FOUND(0, 0, 10, 10, 0.25) "," FOUND(
                                      110, 10, 10, 10, 0.9) "," FOUND(200, 0, 10, 10, 0.9));
    struct confusion c;
    must(confusion_run(&g.groups, CONFUSION_ULTRALYTICS, NULL, g.arena, &c));
    const int64_t expected[] = {1, 0, 1, 1, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(c.counts[i], expected[i]);
    assert_int_equal(c.n_ignored, 1);
    must(confusion_run(&g.groups, CONFUSION_SUPERVISION, NULL, g.arena, &c));
    const int64_t by_truth[] = {0, 1, 1, 0, 0, 0, 2, 0, 0};
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(c.counts[i], by_truth[i]);
    const struct confusion_opts wrong = {.has_iou = true, .iou = 1.5};
    assert_int_equal(confusion_run(&g.groups, CONFUSION_SUPERVISION, &wrong, g.arena, &c),
                     ERR_INVALID);
    given_finish(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_inclusive),
        cmocka_unit_test(test_operating),   cmocka_unit_test(test_parse),
        cmocka_unit_test(test_padilla),     cmocka_unit_test(test_cartucho),
        cmocka_unit_test(test_chain),       cmocka_unit_test(test_motdet),
        cmocka_unit_test(test_supervision), cmocka_unit_test(test_ultralytics_matrix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
