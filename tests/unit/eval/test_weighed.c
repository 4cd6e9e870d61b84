// SPDX-License-Identifier: Apache-2.0
// test_weighed.c - figures for any weighting of the pictures: those of the evaluation with weights
// of 1, and with others those of an evaluation over as many copies.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/str.h"
#include "eval/bootstrap.h"
#include "eval/evaluation.h"
#include "eval/weighed.h"

enum {
    N_PICTURES = 12,
    MAX_TEXT = 1024 * 1024,
};

// Copies of N_PICTURES pictures, picture i as often as weights[i]: the same boxes in each copy.
struct texts {
    struct str_buf truth, found;
};

static void put_picture(struct texts *t, int copy, int picture, bool *is_first)
{
    struct bootstrap_random r; // boxes depend on the picture, not on the copy
    bootstrap_seed(&r, 9, (uint64_t)picture);
    for (int k = 0; k < 4; k++) {
        const double x = 100 * k;
        const double shift = 12 * bootstrap_unit(&r);
        const double score = .1 + .2 * (double)bootstrap_below(&r, 4); // ties
        const bool has_truth = bootstrap_unit(&r) < .8;
        const bool is_crowd = bootstrap_unit(&r) < .1;
        if (has_truth)
            str_buf_printf(&t->truth,
                           "%s{\"image_id\":%d,\"category_id\":%d,\"iscrowd\":%d,"
                           "\"bbox\":[%g,10,40,80]}",
                           is_first[0] ? "" : ",", copy, 1 + k % 2, is_crowd, x);
        if (bootstrap_unit(&r) < .8)
            str_buf_printf(&t->found,
                           "%s{\"image_id\":%d,\"category_id\":%d,\"score\":%g,"
                           "\"bbox\":[%g,10,40,80]}",
                           is_first[1] ? "" : ",", copy, 1 + k % 2, score, x + shift);
        is_first[0] = is_first[0] && t->truth.p[t->truth.n - 1] == '[';
        is_first[1] = is_first[1] && t->found.p[t->found.n - 1] == '[';
    }
}

static void make(const uint32_t *weights, struct dataset **ret_truth, struct dataset **ret_found)
{
    struct texts t = {STR_BUF_INIT(MAX_TEXT), STR_BUF_INIT(MAX_TEXT)};
    struct str_buf images = STR_BUF_INIT(MAX_TEXT);
    bool is_first[2] = {true, true};
    int n = 0;
    str_buf_puts(&t.truth, "{\"categories\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}],"
                           "\"annotations\":[");
    str_buf_puts(&t.found, "[");
    for (int i = 0; i < N_PICTURES; i++) {
        for (uint32_t k = 0; k < (weights ? weights[i] : 1); k++) {
            str_buf_printf(&images, "%s{\"id\":%d}", n ? "," : "", n);
            put_picture(&t, n++, i, is_first);
        }
    }
    str_buf_puts(&t.truth, "],\"images\":[");
    str_buf_add_str(&t.truth, str_buf_view(&images));
    str_buf_puts(&t.truth, "]}");
    str_buf_puts(&t.found, "]");
    *ret_truth = given_truth(str_buf_text(&t.truth));
    *ret_found = given_detections(str_buf_text(&t.found), *ret_truth);
    str_buf_finish(&t.truth);
    str_buf_finish(&t.found);
    str_buf_finish(&images);
}

static void assert_is(double is, double wanted)
{
    if (isnan(wanted))
        assert_true(isnan(is));
    else
        assert_true(fabs(is - wanted) < 1e-12);
}

static void check(const uint32_t *weights)
{
    struct dataset *truth;
    struct dataset *found;
    struct dataset *copies;
    struct dataset *copies_found;
    struct arena *a;
    struct weighed w;
    struct weighed_scratch s;
    struct weighed_figures overall;
    struct weighed_figures classes[2];
    struct evaluation e;
    const struct weighed_opts opts = {.at_confidence = EVALUATION_AT_CONFIDENCE};
    assert_int_equal(arena_create(0, &a), 0);
    make(NULL, &truth, &found);
    make(weights, &copies, &copies_found);
    assert_int_equal(weighed_judge(truth, found, &opts, a, &w), 0);
    assert_int_equal(weighed_scratch_init(&w, a, &s), 0);
    weighed_weigh(&w, weights, &s, &overall, classes);
    assert_int_equal(evaluation_run(copies, copies_found, NULL, &e), 0);
    const double wanted[WEIGHED_N_FIGURES] = {
        e.coco.ap, e.coco.ap50, e.coco.ap75, e.coco.ar[2], e.at.precision, e.at.recall, e.at.f1};
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++)
        assert_is(overall.v[i], wanted[i]);
    for (size_t k = 0; k < e.n_classes; k++) {
        assert_is(classes[k].v[WEIGHED_AP], e.classes[k].coco.ap);
        assert_is(classes[k].v[WEIGHED_RECALL], e.classes[k].at.recall);
    }
    evaluation_finish(&e);
    dataset_destroy(copies_found);
    dataset_destroy(copies);
    dataset_destroy(found);
    dataset_destroy(truth);
    arena_destroy(a);
}

static void test_weights_are_copies(void **state)
{
    static const uint32_t rows[][N_PICTURES] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        {2, 0, 1, 3, 0, 0, 1, 1, 0, 4, 0, 0},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i]);
    check(NULL);
}

static void test_nothing_weighs_nothing(void **state)
{
    static const uint32_t none[N_PICTURES] = {0};
    struct dataset *truth;
    struct dataset *found;
    struct arena *a;
    struct weighed w;
    struct weighed_scratch s;
    struct weighed_figures overall;
    const struct weighed_opts opts = {.at_confidence = .5};
    assert_int_equal(arena_create(0, &a), 0);
    make(NULL, &truth, &found);
    assert_int_equal(weighed_judge(truth, found, &opts, a, &w), 0);
    assert_int_equal(weighed_scratch_init(&w, a, &s), 0);
    weighed_weigh(&w, none, &s, &overall, NULL);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++)
        assert_true(isnan(overall.v[i]));
    // Every detection of a judged picture has a verdict; who found a truth says so.
    for (size_t i = 0; i < found->n_objects; i++)
        assert_int_equal(w.verdicts[i] == WEIGHED_UNSET, found->objects[i].confidence < .5);
    for (size_t i = 0; i < truth->n_objects; i++) {
        if (w.found_by[i] == WEIGHED_NONE)
            continue;
        const struct dataset_object *d = &found->objects[w.found_by[i]];
        assert_int_equal(d->picture, truth->objects[i].picture);
        assert_int_equal(d->class_index, truth->objects[i].class_index);
    }
    dataset_destroy(found);
    dataset_destroy(truth);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_copies),
        cmocka_unit_test(test_nothing_weighs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
