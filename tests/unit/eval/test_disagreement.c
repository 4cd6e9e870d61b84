// SPDX-License-Identifier: Apache-2.0
// test_disagreement.c - two models by hand: what only one sees, what they name differently.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/str.h"
#include "eval/disagreement.h"

enum {
    N_FRAMES = 20,
    MAX_TEXT = 1024 * 1024,
};

// Boxes of one run: in frames [0, n) a thing at x with a class and a confidence.
struct thing {
    int class_id, x, n;
    double confidence;
};

static struct dataset *make_run(const struct thing *things, size_t n, const struct dataset *truth)
{
    struct str_buf t = STR_BUF_INIT(MAX_TEXT);
    const char *comma = "";
    str_buf_puts(&t, "[");
    for (int frame = 0; frame < N_FRAMES; frame++) {
        for (size_t i = 0; i < n; i++) {
            if (frame >= things[i].n)
                continue;
            str_buf_printf(&t,
                           "%s{\"image_id\":%d,\"category_id\":%d,\"score\":%g,"
                           "\"bbox\":[%d,10,40,80]}",
                           comma, frame, things[i].class_id, things[i].confidence, things[i].x);
            comma = ",";
        }
    }
    str_buf_puts(&t, "]");
    struct dataset *d = given_detections(str_buf_text(&t), truth);
    str_buf_finish(&t);
    return d;
}

static struct dataset *make_pictures(void)
{
    struct str_buf t = STR_BUF_INIT(MAX_TEXT);
    str_buf_puts(&t, "{\"categories\":[{\"id\":1,\"name\":\"car\"},{\"id\":2,\"name\":\"bus\"}],"
                     "\"annotations\":[],\"images\":[");
    for (int i = 0; i < N_FRAMES; i++)
        str_buf_printf(&t, "%s{\"id\":%d,\"frame\":%d}", i ? "," : "", i, i);
    str_buf_puts(&t, "]}");
    struct dataset *d = given_truth(str_buf_text(&t));
    str_buf_finish(&t);
    return d;
}

static void test_rows(void **state)
{
    static const struct {
        struct thing a, b; // n 0: not there
        enum disagreement_kind kind;
        double evidence;
        size_t n_agreed, n_only_a, n_only_b; // of cars
    } rows[] = {
        {{1, 10, 20, .8}, {1, 10, 20, .9}, DISAGREEMENT_UNSET, 0, 20, 0, 0},
        {{1, 10, 20, .8}, {1, 0, 0, 0}, DISAGREEMENT_ONLY_A, .8 * 20 / 30, 0, 20, 0},
        {{1, 0, 0, 0}, {1, 10, 10, .6}, DISAGREEMENT_ONLY_B, .6 * 10 / 20, 0, 0, 10},
        {{1, 10, 20, .8}, {2, 10, 20, .9}, DISAGREEMENT_LABEL, .9 * 20 / 30, 0, 20, 0},
        {{1, 10, 5, .8}, {1, 0, 0, 0}, DISAGREEMENT_ONLY_A, .8 * 5 / 15, 0, 5, 0},
        {{1, 10, 4, .8}, {1, 0, 0, 0}, DISAGREEMENT_UNSET, 0, 0, 4, 0},      // too short
        {{1, 10, 20, .45}, {1, 0, 0, 0}, DISAGREEMENT_UNSET, 0, 0, 0, 0},    // not confident
        {{1, 10, 20, .8}, {1, 10, 20, .2}, DISAGREEMENT_UNSET, 0, 0, 20, 0}, // seen, if weakly
        {{1, 10, 20, .8}, {1, 10, 20, .05}, DISAGREEMENT_ONLY_A, .8 * 20 / 30, 0, 20, 0},
        {{1, 0, 0, 0}, {1, 0, 0, 0}, DISAGREEMENT_UNSET, 0, 0, 0, 0},
    };
    struct dataset *pictures = make_pictures();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *a = make_run(&rows[i].a, 1, pictures);
        struct dataset *b = make_run(&rows[i].b, 1, pictures);
        struct arena *arena;
        struct disagreement d;
        assert_int_equal(arena_create(0, &arena), 0);
        assert_int_equal(disagreement_find(a, b, arena, &d), 0);
        assert_int_equal(d.n, rows[i].kind != DISAGREEMENT_UNSET);
        if (d.n > 0) {
            assert_int_equal(d.items[0].kind, rows[i].kind);
            assert_true(fabs(d.items[0].evidence - rows[i].evidence) < 1e-6);
        }
        assert_int_equal(d.n_pictures, N_FRAMES);
        assert_int_equal(d.classes[0].n_agreed, rows[i].n_agreed);
        assert_int_equal(d.classes[0].n_only_a, rows[i].n_only_a);
        assert_int_equal(d.classes[0].n_only_b, rows[i].n_only_b);
        arena_destroy(arena);
        dataset_destroy(b);
        dataset_destroy(a);
    }
    dataset_destroy(pictures);
}

static void test_most_evidence_comes_first(void **state)
{
    static const struct thing of_a[] = {{1, 10, 8, .6}, {1, 300, 20, .9}};
    struct dataset *pictures = make_pictures();
    struct dataset *a = make_run(of_a, 2, pictures);
    struct dataset *b = make_run(NULL, 0, pictures);
    struct arena *arena;
    struct disagreement d;
    assert_int_equal(arena_create(0, &arena), 0);
    assert_int_equal(disagreement_find(a, b, arena, &d), 0);
    assert_int_equal(d.n, 2);
    assert_true(d.items[0].found->places[0].x > 200 && d.items[0].found->n_places == 20);
    arena_destroy(arena);
    dataset_destroy(b);
    dataset_destroy(a);
    dataset_destroy(pictures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_most_evidence_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
