// SPDX-License-Identifier: Apache-2.0
// test_origin.c - twins of truths among detections, and from when on they are suspect.

#include "given.h"

#include "base/arena.h"
#include "eval/match.h"
#include "eval/origin.h"

static const char truth_text[] =
    "{\"images\":[{\"id\":1},{\"id\":2}],\"categories\":[{\"id\":1,\"name\":\"car\"},"
    "{\"id\":2,\"name\":\"bus\"}],\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,"
    "\"bbox\":[100.5,20.25,30,40]}]}";

static void test_twins(void **state)
{
    static const struct {
        const char *detections;
        size_t n_twins;
    } rows[] = {
        {"[]", 0},
        {"[{\"image_id\":1,\"category_id\":1,\"score\":0.5,\"bbox\":[100.5,20.25,30,40]}]", 1},
        // Float precision is the same box, a tenth of a pixel another.
        {"[{\"image_id\":1,\"category_id\":1,\"score\":0.5,\"bbox\":[100.50001,20.25,30,40]}]", 1},
        {"[{\"image_id\":1,\"category_id\":1,\"score\":0.5,\"bbox\":[100.6,20.25,30,40]}]", 0},
        {"[{\"image_id\":1,\"category_id\":2,\"score\":0.5,\"bbox\":[100.5,20.25,30,40]}]", 0},
        {"[{\"image_id\":2,\"category_id\":1,\"score\":0.5,\"bbox\":[100.5,20.25,30,40]}]", 0},
        // Two detections on one truth: one truth with a twin.
        {"[{\"image_id\":1,\"category_id\":1,\"score\":0.5,\"bbox\":[100.5,20.25,30,40]},"
         "{\"image_id\":1,\"category_id\":1,\"score\":0.4,\"bbox\":[100.5,20.25,30,40]}]",
         1},
    };
    struct dataset *truth = given_truth(truth_text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *d = given_detections(rows[i].detections, truth);
        struct arena *a;
        struct match_groups m;
        assert_int_equal(arena_create(0, &a), 0);
        assert_int_equal(match_groups_build(truth, d, NULL, a, &m), 0);
        assert_int_equal(origin_count_twins(&m), rows[i].n_twins);
        arena_destroy(a);
        dataset_destroy(d);
    }
    dataset_destroy(truth);
}

static void test_more_than_half_of_enough_is_suspect(void **state)
{
    static const struct {
        size_t n_twins, n_truths;
        bool is_suspect;
    } rows[] = {
        {0, 0, false},  {19, 19, false}, {20, 20, true}, {10, 20, false},
        {11, 20, true}, {10, 21, false}, {11, 21, true}, {0, 1000, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(origin_is_suspect(rows[i].n_twins, rows[i].n_truths), rows[i].is_suspect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_more_than_half_of_enough_is_suspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
