// SPDX-License-Identifier: Apache-2.0
// test_tracking.c - tracking metrics of cases small enough to do by hand, and what is refused.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "tracking/tracking.h"

#define NOTHING NAN

struct run {
    struct dataset *truth, *results;
    struct arena *arena;
    struct tracking_result r;
};

static int try_run(struct run *u, const char *truth, const char *results,
                   const struct tracking_opts *opts)
{
    *u = (struct run){.truth = given_truth(truth)};
    u->results = given_detections(results, u->truth);
    assert_int_equal(arena_create(0, &u->arena), 0);
    return tracking_evaluate(u->truth, u->results, opts, u->arena, &u->r);
}

static void finish(struct run *u)
{
    dataset_destroy(u->results);
    dataset_destroy(u->truth);
    arena_destroy(u->arena);
}

static double value(const struct tracking_figures *f, const char *name)
{
    const struct tracking_row *row = tracking_row_find(name);
    assert_non_null(row);
    return tracking_value(f, row);
}

static void check(const char *what, const struct tracking_figures *f, const char *name,
                  double expected)
{
    double got = value(f, name);
    if (!(fabs(got - expected) < 1e-12) && !(isnan(got) && isnan(expected)))
        fail_msg("%s: %s %.17g, not %.17g", what, name, got, expected);
}

// MOT text: frame,id,x,y,w,h. Truth 1 is a box of 10 x 10.
static const struct {
    const char *what, *truth, *results;
    double hota, mota, motp, idf1;
    int tp, fp, fn, idsw, frag;
} rows[] = {
    {"all right", "1,1,0,0,10,10\n2,1,5,0,10,10\n", "1,7,0,0,10,10\n2,7,5,0,10,10\n", 1, 1, 1, 1, 2,
     0, 0, 0, 0},
    {"nothing matches", "1,1,0,0,10,10\n", "1,7,50,0,10,10\n", 0, -1, NOTHING, 0, 0, 1, 1, 0, 0},
    {"an IoU of exactly .5 counts", "1,1,0,0,10,10\n", "1,7,0,0,10,5\n", 10 / 19., 1, .5, 1, 1, 0,
     0, 0, 0},
    {"an IoU just below .5", "1,1,0,0,10,10\n", "1,7,0,0,10,4.99\n", 9 / 19., -1, NOTHING, 0, 0, 1,
     1, 0, 0},
    // Each half has AssA 2 / (4 + 2 - 2).
    {"a switch", "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n4,1,0,0,10,10\n",
     "1,5,0,0,10,10\n2,5,0,0,10,10\n3,6,0,0,10,10\n4,6,0,0,10,10\n", .70710678118654757, .75, 1, .5,
     4, 0, 0, 1, 0},
    {"a switch after a gap", "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n",
     "1,5,0,0,10,10\n2,9,50,0,10,10\n3,6,0,0,10,10\n", NOTHING, 0, 1, 1 / 3., 2, 1, 1, 1, 1},
    {"a piece is missing", "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n",
     "1,5,0,0,10,10\n2,9,50,0,10,10\n3,5,0,0,10,10\n", NOTHING, 1 / 3., 1, 2 / 3., 2, 1, 1, 0, 1},
    // As the reference has it: a frame without any result does not end a piece.
    {"a frame without results", "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n",
     "1,5,0,0,10,10\n3,5,0,0,10,10\n", 2 / 3., 2 / 3., 1, .8, 2, 0, 1, 0, 0},
    {"frames that nobody lists", "1,1,0,0,10,10\n9,1,0,0,10,10\n", "1,5,0,0,10,10\n9,5,0,0,10,10\n",
     1, 1, 1, 1, 2, 0, 0, 0, 0},
    {"false alarms where there is no truth", "1,1,0,0,10,10\n3,1,0,0,10,10\n",
     "1,5,0,0,10,10\n2,5,0,0,10,10\n3,5,0,0,10,10\n", 2 / 3., .5, 1, .8, 2, 1, 0, 0, 0},
    // Result 5 keeps truth 1 though 6 lies on it: IoU .6 and 1.
    {"who was matched stays matched", "1,1,0,0,10,10\n2,1,0,0,10,10\n",
     "1,5,0,0,10,10\n2,5,0,0,10,6\n2,6,0,0,10,10\n", NOTHING, .5, .8, .8, 2, 1, 0, 0, 0},
    {"equal boxes, equal scores", "1,1,0,0,10,10\n1,2,0,0,10,10\n2,1,0,0,10,10\n2,2,0,0,10,10\n",
     "1,5,0,0,10,10\n1,6,0,0,10,10\n2,6,0,0,10,10\n2,5,0,0,10,10\n", NOTHING, 1, 1, 1, 4, 0, 0, 0,
     0},
    {"ignored truth (flag 0)", "1,1,0,0,10,10,1\n1,2,50,0,10,10,0\n", "1,5,0,0,10,10\n", 1, 1, 1, 1,
     1, 0, 0, 0, 0},
    {"boxes without size", "1,1,0,0,0,0\n", "1,5,0,0,0,0\n", 0, -1, NOTHING, 0, 0, 1, 1, 0, 0},
    {"boxes of negative size", "1,1,0,0,-10,-10\n", "1,5,0,0,-10,-10\n", 0, -1, NOTHING, 0, 0, 1, 1,
     0, 0},
    {"ids with holes, written as fractions", "1,1000000007,0,0,10,10\n", "1,7.0,0,0,10,10\n", 1, 1,
     1, 1, 1, 0, 0, 0, 0},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run u;
        assert_int_equal(try_run(&u, rows[i].truth, rows[i].results, NULL), 0);
        const struct tracking_figures *f = &u.r.overall;
        if (!isnan(rows[i].hota))
            check(rows[i].what, f, "HOTA", rows[i].hota);
        check(rows[i].what, f, "MOTA", rows[i].mota);
        check(rows[i].what, f, "MOTP", rows[i].motp);
        check(rows[i].what, f, "IDF1", rows[i].idf1);
        check(rows[i].what, f, "TP", rows[i].tp);
        check(rows[i].what, f, "FP", rows[i].fp);
        check(rows[i].what, f, "FN", rows[i].fn);
        check(rows[i].what, f, "IDSW", rows[i].idsw);
        check(rows[i].what, f, "Frag", rows[i].frag);
        finish(&u);
    }
}

// Matched in 4 of 5 frames is not "more than 80 %"; in 1 of 5 is "20 % or more".
static void test_tracked(void **state)
{
    static const struct {
        int n_matched, mt, pt, ml;
    } parts[] = {{5, 1, 0, 0}, {4, 0, 1, 0}, {1, 0, 1, 0}, {0, 0, 0, 1}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct str_buf truth = STR_BUF_INIT(1 * KIB);
        struct str_buf results = STR_BUF_INIT(1 * KIB);
        for (int t = 1; t <= 5; t++) {
            str_buf_printf(&truth, "%d,1,0,0,10,10\n", t);
            str_buf_printf(&results, "%d,1,%d,0,10,10\n", t, t <= parts[i].n_matched ? 0 : 50);
        }
        struct run u;
        assert_int_equal(try_run(&u, str_buf_text(&truth), str_buf_text(&results), NULL), 0);
        assert_int_equal(u.r.overall.mt, parts[i].mt);
        assert_int_equal(u.r.overall.pt, parts[i].pt);
        assert_int_equal(u.r.overall.ml, parts[i].ml);
        finish(&u);
        str_buf_finish(&truth);
        str_buf_finish(&results);
    }
}

#define COCO(images, annotations)                                                           \
    "{\"categories\":[{\"id\":1,\"name\":\"car\"},{\"id\":4,\"name\":\"bus\"}],\"images\":" \
    "[" images "],\"annotations\":[" annotations "]}"
#define IMAGE(id, video) "{\"id\":" #id ",\"video\":\"" video "\"}"
#define TRACK(image, class, track)   \
    "{\"id\":1,\"image_id\":" #image \
    ",\"category_id\":" #class ",\"track_id\":" #track ",\"score\":1,\"bbox\":[0,0,10,10]}"

// What cannot be said is no data, never 0.
static void test_nothing(void **state)
{
    static const struct {
        const char *truth, *results;
        double hota, mota, motp, idf1, idp, det_pr, loc_a, idr;
    } cases[] = {
        {"", "[]", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING},
        {"", "[" TRACK(1, 1, 1) "]", NOTHING, NOTHING, NOTHING, NOTHING, 0, 0, NOTHING, NOTHING},
        {TRACK(1, 1, 1), "[]", 0, 0, NOTHING, 0, NOTHING, NOTHING, NOTHING, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str_buf truth = STR_BUF_INIT(4 * KIB);
        str_buf_printf(&truth, COCO("{\"id\":1}", "%s"), cases[i].truth);
        struct run u;
        assert_int_equal(try_run(&u, str_buf_text(&truth), cases[i].results, NULL), 0);
        const struct tracking_figures *f = &u.r.overall;
        const char *what = cases[i].results;
        check(what, f, "HOTA", cases[i].hota);
        check(what, f, "MOTA", cases[i].mota);
        check(what, f, "MOTP", cases[i].motp);
        check(what, f, "IDF1", cases[i].idf1);
        check(what, f, "IDP", cases[i].idp);
        check(what, f, "DetPr", cases[i].det_pr);
        check(what, f, "LocA", cases[i].loc_a);
        check(what, f, "IDR", cases[i].idr);
        assert_true(tracking_has_data(f) == (i > 0));
        finish(&u);
        str_buf_finish(&truth);
    }
}

// Videos and classes are judged alone: the same ids mean other tracks there.
static void test_videos(void **state)
{
    static const char truth[] =
        COCO(IMAGE(1, "a") "," IMAGE(2, "b") "," IMAGE(3, "a"),
             TRACK(1, 1, 1) "," TRACK(3, 1, 1) "," TRACK(2, 1, 1) "," TRACK(2, 4, 1));
    static const char results[] =
        "[" TRACK(1, 1, 8) "," TRACK(3, 1, 9) "," TRACK(2, 1, 8) "," TRACK(3, 4, 8) "]";
    struct run u;
    assert_int_equal(try_run(&u, truth, results, NULL), 0);
    assert_int_equal(u.r.n_sequences, 2);
    assert_int_equal(u.r.n_classes, 2);
    const struct tracking_sequence *s = u.r.sequences;
    assert_string_equal(s[0].name, "a");
    assert_string_equal(s[1].name, "b");
    assert_int_equal(s[0].overall.n_frames, 2);
    assert_int_equal(s[0].classes[0]->idsw, 1);
    assert_int_equal(s[0].classes[1]->fp, 1);
    check("b, car", s[1].classes[0], "HOTA", 1);
    check("b, bus", s[1].classes[1], "MOTA", 0);
    check("a, bus", s[0].classes[1], "MOTA", NOTHING);
    assert_int_equal(tracking_sequence_class(&s[0], 1)->fp, 1);
    check("car", &u.r.classes[0].figures, "MOTA", 2 / 3.);
    check("bus", &u.r.classes[1].figures, "MOTA", -1);
    check("all", &u.r.overall, "MOTA", 1 / 4.);
    check("classes", &u.r.class_average, "MOTA", (2 / 3. - 1) / 2);
    assert_int_equal(u.r.overall.n_frames, 3);
    finish(&u);
    const char *const bus[] = {"bus"};
    const struct tracking_opts only = {.classes = bus, .n_classes = 1};
    assert_int_equal(try_run(&u, truth, results, &only), 0);
    assert_int_equal(u.r.n_classes, 1);
    check("only bus", &u.r.overall, "MOTA", -1);
    finish(&u);
}

// MOT frame 1 is our frame 0; frames that were not inferred make no misses.
static void test_frames(void **state)
{
    static const char results[] =
        "{\"type\":\"header\"}\n"
        "{\"type\":\"frame\",\"frame\":0,\"detections\":[{\"label\":\"person\",\"confidence\":1,"
        "\"bounding_box\":{\"x\":0,\"y\":0,\"width\":10,\"height\":10},\"track_id\":3}]}\n"
        "{\"type\":\"frame\",\"frame\":2,\"detections\":[{\"label\":\"person\",\"confidence\":1,"
        "\"bounding_box\":{\"x\":0,\"y\":0,\"width\":10,\"height\":10},\"track_id\":3}]}\n";
    struct run u;
    assert_int_equal(try_run(&u, "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n", results, NULL),
                     0);
    check("stride 2", &u.r.overall, "HOTA", 1);
    assert_int_equal(u.r.overall.n_frames, 2);
    finish(&u);
}

// MOT17: results on distractors leave no trace, rows of other classes only take part in the
// assignment.
static void test_mot17(void **state)
{
    static const char truth[] = "1,1,0,0,10,10,1,1,1\n"
                                "1,2,50,0,10,10,0,7,1\n"     // static person: takes result 6 away
                                "1,3,100,0,10,10,0,1,1\n"    // flag 0: not judged
                                "1,4,150,0,10,10,1,3,1\n"    // a car: result 8 stays
                                "1,5,200,0,10,10,0,12,0.2\n" // reflection; 9 fits the car better
                                "1,6,200,4,10,10,1,3,1\n";
    static const char results[] = "1,5,0,0,10,10,1,-1,-1,-1\n1,6,50,0,10,10,1,-1,-1,-1\n"
                                  "1,7,100,0,10,10,1,-1,-1,-1\n1,8,150,0,10,10,1,-1,-1,-1\n"
                                  "1,9,200,3,10,10,1,-1,-1,-1\n";
    const struct tracking_opts opts = {.rules = TRACKING_RULES_MOT17};
    struct run u;
    assert_int_equal(try_run(&u, truth, results, &opts), 0);
    assert_int_equal(u.r.overall.n_truths, 1);
    assert_int_equal(u.r.overall.tp, 1);
    assert_int_equal(u.r.overall.fp, 3);
    assert_string_equal(u.r.classes[0].label, "pedestrian");
    finish(&u);
    assert_int_equal(try_run(&u, truth, results, NULL), 0);
    assert_int_equal(u.r.overall.fp, 4);
    finish(&u);
}

#define LABEL(id, category, x1, x2)                                                       \
    "{\"id\":\"" #id "\",\"category\":\"" category "\",\"attributes\":{\"Crowd\":false}," \
    "\"box2d\":{\"x1\":" #x1 ",\"y1\":0,\"x2\":" #x2 ",\"y2\":10}}"
#define CROWD(x1, x2)                                                                            \
    "{\"id\":\"99\",\"category\":\"car\",\"attributes\":{\"Crowd\":true},\"box2d\":{\"x1\":" #x1 \
    ",\"y1\":0,\"x2\":" #x2 ",\"y2\":10}}"
#define FRAMES(labels) \
    "[{\"name\":\"v-1.jpg\",\"videoName\":\"v\",\"frameIndex\":0,\"labels\":[" labels "]}]"

// BDD100K: what matches nothing and lies by more than half in a crowd or in a distractor is left
// out; by half is not enough.
static void test_bdd100k(void **state)
{
    static const char truth[] = FRAMES(LABEL(001, "car", 0, 10) "," CROWD(100, 200) "," LABEL(
        2, "trailer", 300, 400) "," LABEL(3, "other person", 500, 600));
    static const char results[] =
        FRAMES(LABEL(1, "car", 0, 10) "," LABEL(2, "car", 110, 120) "," LABEL(
            3, "bus", 310, 320) "," LABEL(4, "rider", 500, 510) "," LABEL(5, "car", 195, 205));
    const struct tracking_opts opts = {.rules = TRACKING_RULES_BDD100K};
    struct run u;
    assert_int_equal(try_run(&u, truth, results, &opts), 0);
    assert_string_equal(u.truth->format, "bdd100k");
    assert_string_equal(u.r.sequences[0].name, "v");
    assert_int_equal(u.r.n_classes, 8);
    assert_int_equal(u.r.n_groups, 3);
    assert_int_equal(u.r.overall.n_truths, 1);
    assert_int_equal(u.r.overall.tp, 1);
    assert_int_equal(u.r.overall.fp, 1);
    check("VEHICLE", &u.r.groups[1].figures, "MOTA", 0);
    check("HUMAN", &u.r.groups[0].figures, "MOTA", NOTHING);
    finish(&u);
}

// What is below the confidence is not there, not even twice in a frame.
static void test_confidence(void **state)
{
    const struct tracking_opts opts = {.has_min_confidence = true, .min_confidence = .5};
    struct run u;
    assert_int_equal(try_run(&u, "1,1,0,0,10,10\n",
                             "1,5,0,0,10,10,0.5\n1,5,50,0,10,10,0.4\n1,-1,50,0,10,10,0.9\n", &opts),
                     0);
    check("confidence", &u.r.overall, "MOTA", 1);
    assert_int_equal(u.r.overall.n_results, 1);
    assert_int_equal(u.r.n_untracked, 1); // a tracker does not follow everything
    finish(&u);
}

static void test_refused(void **state)
{
    static const struct tracking_opts too_high = {.iou_threshold = 1.5};
    static const char *const unknown[] = {"zebra"};
    static const struct tracking_opts no_class = {.classes = unknown, .n_classes = 1};
    static const struct {
        const char *truth, *results;
        const struct tracking_opts *opts;
        int code;
        const char *message;
    } cases[] = {
        {"1,1,0,0,10,10\n2,5,0,0,10,10\n2,5,30,0,10,10\n", "1,5,0,0,10,10\n", NULL, ERR_DATA,
         "picture 2: the truth has two objects of track id 5"},
        {"1,1,0,0,10,10\n", "1,5,0,0,10,10\n1,5,3,0,10,10\n", NULL, ERR_DATA,
         "picture 1: there are two detections of track id 5"},
        {"1,1,0,0,10,10\n", "1,-1,0,0,10,10\n", NULL, ERR_DATA, "the detections have no track ids"},
        {"1,-1,0,0,10,10\n", "1,1,0,0,10,10\n", NULL, ERR_DATA, "truth objects have no track ids"},
        {"1,1,0,0,10,10\n", "1,1,1e308,0,1e308,10\n", NULL, ERR_DATA, "is not finite"},
        {"1,1,0,0,10,10\n", "1,1,0,0,10,10\n", &too_high, ERR_INVALID, "IoU threshold 1.5"},
        {"1,1,0,0,10,10\n", "1,1,0,0,10,10\n", &no_class, ERR_INVALID, "class 'zebra'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct run u;
        assert_int_equal(try_run(&u, cases[i].truth, cases[i].results, cases[i].opts),
                         cases[i].code);
        if (!strstr(err_message(cases[i].code), cases[i].message))
            fail_msg("'%s' does not say '%s'", err_message(cases[i].code), cases[i].message);
        finish(&u);
    }
}

static void test_rules_names(void **state)
{
    for (int i = TRACKING_RULES_NONE; i < TRACKING_N_RULES; i++)
        assert_int_equal(tracking_rules_find(tracking_rules_name((enum tracking_rules)i)), i);
    assert_int_equal(tracking_rules_find("mot20"), TRACKING_RULES_UNSET);
    assert_null(tracking_row_find("zebra"));
}

static void test_out_of_memory(void **state)
{
    static const enum tracking_rules rules[] = {TRACKING_RULES_MOT17, TRACKING_RULES_BDD100K,
                                                TRACKING_RULES_NONE};
    struct dataset *t = given_truth(
        FRAMES(LABEL(1, "car", 0, 10) "," LABEL(2, "pedestrian", 50, 60) "," CROWD(100, 200)));
    struct dataset *d =
        given_detections(FRAMES(LABEL(7, "car", 0, 9) "," LABEL(8, "pedestrian", 50, 60)), t);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct tracking_opts opts = {.rules = rules[i]};
        bool failed = true;
        for (long n = 1; failed; n++) {
            struct arena *a;
            struct tracking_result r;
            assert_true(n < 2000);
            assert_int_equal(arena_create(0, &a), 0);
            mem_test_fail_at(n);
            int err = tracking_evaluate(t, d, &opts, a, &r);
            failed = !mem_test_fail_pending();
            mem_test_fail_at(0);
            if (err != (failed ? ERR_NOMEM : 0))
                fail_msg("rules %d, allocation %ld: %d", (int)rules[i], n, err);
            arena_destroy(a);
        }
    }
    dataset_destroy(d);
    dataset_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_tracked),
        cmocka_unit_test(test_nothing),       cmocka_unit_test(test_videos),
        cmocka_unit_test(test_frames),        cmocka_unit_test(test_confidence),
        cmocka_unit_test(test_mot17),         cmocka_unit_test(test_bdd100k),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_rules_names),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
