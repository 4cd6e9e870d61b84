// SPDX-License-Identifier: Apache-2.0
// test_outcome.c - what became of each object, and that its counts are the operating point's.

#include "given.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/str.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"

#define HEAD                                                                               \
    "{\"images\":[{\"id\":1,\"frame\":0},{\"id\":2,\"frame\":1},{\"id\":3,\"frame\":90}]," \
    "\"categories\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}],\"annotations\":["
#define T(image, class, x, more) \
    "{\"image_id\":" #image ",\"category_id\":" #class ",\"bbox\":[" #x ",0,10,10]" more "}"
#define D(image, class, x, score) T(image, class, x, ",\"score\":" #score)

// At confidence .25.
static const struct {
    const char *what, *truth, *detections;
    int found, missed, alarms;
    const char *first; // kinds of the first picture's objects: f, m, a, i
} rows[] = {
    {"nothing", "", "", 0, 0, 0, ""},
    {"found", T(1, 1, 0, ""), D(1, 1, 0, 0.9), 1, 0, 0, "f"},
    {"below the confidence", T(1, 1, 0, ""), D(1, 1, 0, 0.2), 0, 1, 0, "m"},
    {"at the confidence", T(1, 1, 0, ""), D(1, 1, 0, 0.25), 1, 0, 0, "f"},
    {"another class", T(1, 1, 0, ""), D(1, 2, 0, 0.9), 0, 1, 1, "ma"},
    {"found twice", T(1, 1, 0, ""), D(1, 1, 0, 0.9) "," D(1, 1, 1, 0.8), 1, 0, 1, "af"},
    {"a crowd counts for nothing", T(1, 1, 0, ",\"iscrowd\":1"), D(1, 1, 0, 0.9), 0, 0, 0, "ii"},
    {"other pictures", T(2, 1, 0, "") "," T(3, 2, 0, ""), D(3, 2, 50, 0.9), 0, 2, 1, ""},
};

struct given {
    struct dataset *truth, *detections;
    struct evaluation e;
    struct arena *arena;
    struct outcome o;
};

static void judge(struct given *g, const char *classes)
{
    const char *const names[] = {classes};
    const struct evaluation_opts opts = {.classes = names, .n_classes = classes ? 1 : 0};
    assert_int_equal(evaluation_run(g->truth, g->detections, &opts, &g->e), 0);
    assert_int_equal(arena_create(0, &g->arena), 0);
    assert_int_equal(outcome_run(g->truth, g->detections, &g->e, g->arena, &g->o), 0);
}

static void give(struct given *g, const char *truth, const char *detections)
{
    struct str_buf t = STR_BUF_INIT(1 * MIB);
    struct str_buf d = STR_BUF_INIT(1 * MIB);
    str_buf_printf(&t, HEAD "%s]}", truth);
    str_buf_printf(&d, "[%s]", detections);
    g->truth = given_truth(str_buf_text(&t));
    g->detections = given_detections(str_buf_text(&d), g->truth);
    str_buf_finish(&t);
    str_buf_finish(&d);
}

static void take_back(struct given *g)
{
    arena_destroy(g->arena);
    evaluation_finish(&g->e);
    dataset_destroy(g->detections);
    dataset_destroy(g->truth);
}

static void check_sums(const struct given *g)
{
    int64_t found = 0, missed = 0, alarms = 0;
    size_t n = 0;
    for (size_t i = 0; i < g->o.n_pictures; i++) {
        const struct outcome_picture *p = &g->o.pictures[i];
        assert_int_equal(p->first, n);
        n += p->n;
        for (size_t k = 0; k < p->n; k++) {
            const struct outcome_object *o = &g->o.objects[p->first + k];
            found += o->kind == OUTCOME_FOUND;
            missed += o->kind == OUTCOME_MISSED;
            alarms += o->kind == OUTCOME_FALSE_ALARM;
            if (o->truth != OUTCOME_NONE)
                assert_int_equal(g->truth->objects[o->truth].picture, p->picture);
            if (o->detection != OUTCOME_NONE)
                assert_int_equal(g->detections->objects[o->detection].picture, p->picture);
        }
    }
    assert_int_equal(n, g->o.n_objects);
    assert_int_equal(found, g->e.at.true_positives);
    assert_int_equal(missed, g->e.at.false_negatives);
    assert_int_equal(alarms, g->e.at.false_positives);
    assert_int_equal(g->o.n_found, found);
    assert_int_equal(g->o.n_missed, missed);
    assert_int_equal(g->o.n_false_alarms, alarms);
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct given g;
        char kinds[8] = "";
        give(&g, rows[i].truth, rows[i].detections);
        judge(&g, NULL);
        check_sums(&g);
        for (size_t k = 0; k < g.o.pictures[0].n; k++)
            kinds[k] = "?fmai"[g.o.objects[k].kind];
        if (g.o.n_found != rows[i].found || g.o.n_missed != rows[i].missed ||
            g.o.n_false_alarms != rows[i].alarms || strcmp(kinds, rows[i].first) != 0)
            fail_msg("%s: %d %d %d '%s'", rows[i].what, (int)g.o.n_found, (int)g.o.n_missed,
                     (int)g.o.n_false_alarms, kinds);
        take_back(&g);
    }
}

static void test_one_class(void **state)
{
    struct given g;
    give(&g, T(1, 1, 0, "") "," T(1, 2, 0, ""), D(1, 1, 0, 0.9) "," D(1, 2, 50, 0.9));
    judge(&g, "b");
    check_sums(&g);
    assert_int_equal(g.o.n_objects, 2);
    take_back(&g);
}

static void test_worst(void **state)
{
    struct given g;
    // Frames 0 and 1 are neighbours, 90 is far.
    give(&g, T(1, 1, 0, "") "," T(2, 1, 0, "") "," T(2, 1, 50, "") "," T(3, 1, 0, ""), "");
    judge(&g, NULL);
    size_t *worst;
    size_t n;
    assert_int_equal(outcome_worst(&g.o, 12, g.arena, &worst, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(g.o.pictures[worst[0]].frame, 1);
    assert_int_equal(g.o.pictures[worst[1]].frame, 90);
    assert_int_equal(outcome_worst(&g.o, 1, g.arena, &worst, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(g.o.pictures[worst[0]].frame, 1);
    take_back(&g);
    give(&g, T(1, 1, 0, ""), D(1, 1, 0, 0.9)); // nothing is wrong
    judge(&g, NULL);
    assert_int_equal(outcome_worst(&g.o, 12, g.arena, &worst, &n), 0);
    assert_int_equal(n, 0);
    take_back(&g);
}

// Real results: ignored objects, many classes, several videos.
static void test_real(void **state)
{
    static const struct {
        const char *folder, *truth, *detections;
    } cases[] = {
        {"detection/bdd100k_8videos", "gt.json", "dt.json"},
        {"video_with_gt/vtest_PETS09-S2L1", "gt.coco.json", "ref_dets_yolox_nano.json"},
    };
    const char *data = getenv("ASSAY_TEST_DATA");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str_buf path = STR_BUF_INIT(8 * KIB);
        struct given g;
        str_buf_printf(&path, "%s/%s/%s", data ? data : "", cases[i].folder, cases[i].truth);
        if (!data || dataset_read(str_buf_text(&path), DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL,
                                  &g.truth) < 0) {
            str_buf_finish(&path);
            print_message("test data is absent\n");
            skip();
        }
        str_buf_reset(&path);
        str_buf_printf(&path, "%s/%s/%s", data, cases[i].folder, cases[i].detections);
        assert_int_equal(dataset_read(str_buf_text(&path), DATASET_DETECTIONS, DATASET_FORMAT_UNSET,
                                      g.truth, &g.detections),
                         0);
        str_buf_finish(&path);
        judge(&g, NULL);
        assert_true(g.o.n_found > 1000 && g.o.n_missed > 100 && g.o.n_false_alarms > 100);
        check_sums(&g);
        take_back(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_one_class),
        cmocka_unit_test(test_worst),
        cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
