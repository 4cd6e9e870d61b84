// SPDX-License-Identifier: Apache-2.0
// test_comparison.c - two runs by hand: differences, common pictures, objects that changed sides.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/comparison.h"

enum {
    N_FRAMES = 60,
    MAX_TEXT = 1024 * 1024,
};

// A walker stands at x = 10, its track is 5; a run finds it in the frames [from, to), and has a
// false detection at x = 300 in the frames [false_from, false_to).
struct run {
    int from, to, false_from, false_to;
};

static struct dataset *make_truth(bool has_tracks)
{
    struct str_buf t = STR_BUF_INIT(MAX_TEXT);
    str_buf_puts(&t, "{\"categories\":[{\"id\":1,\"name\":\"person\"}],\"images\":[");
    for (int i = 0; i < N_FRAMES; i++)
        str_buf_printf(&t, "%s{\"id\":%d,\"frame\":%d,\"pts_us\":%d}", i ? "," : "", i, i,
                       i * 100000);
    str_buf_puts(&t, "],\"annotations\":[");
    for (int i = 0; i < N_FRAMES; i++)
        str_buf_printf(&t, "%s{\"image_id\":%d,\"category_id\":1,%s\"bbox\":[10,10,40,80]}",
                       i ? "," : "", i, has_tracks ? "\"track_id\":5," : "");
    str_buf_puts(&t, "]}");
    struct dataset *d = given_truth(str_buf_text(&t));
    str_buf_finish(&t);
    return d;
}

static struct dataset *make_run(const struct run *run, const struct dataset *truth)
{
    struct str_buf t = STR_BUF_INIT(MAX_TEXT);
    const char *comma = "";
    str_buf_puts(&t, "[");
    for (int i = 0; i < N_FRAMES; i++) {
        const bool has[] = {i >= run->from && i < run->to,
                            i >= run->false_from && i < run->false_to};
        for (int k = 0; k < 2; k++) {
            if (!has[k])
                continue;
            str_buf_printf(&t,
                           "%s{\"image_id\":%d,\"category_id\":1,\"score\":0.5,"
                           "\"bbox\":[%d,10,40,80]}",
                           comma, i, k ? 300 : 10);
            comma = ",";
        }
    }
    str_buf_puts(&t, "]");
    struct dataset *d = given_detections(str_buf_text(&t), truth);
    str_buf_finish(&t);
    return d;
}

struct given_pair {
    struct arena *arena;
    struct dataset *truth, *a, *b;
    struct comparison c;
};

static const struct comparison_opts defaults = {.at_confidence = .25, .resamples = 300};

static struct given_pair compare(const struct run *a, const struct run *b, bool has_tracks,
                                 const struct comparison_opts *opts)
{
    struct given_pair p;
    assert_int_equal(arena_create(0, &p.arena), 0);
    p.truth = make_truth(has_tracks);
    p.a = make_run(a, p.truth);
    p.b = b ? make_run(b, p.truth) : NULL;
    assert_int_equal(comparison_run(p.truth, p.a, p.b, opts, p.arena, &p.c), 0);
    return p;
}

static void finish(struct given_pair *p)
{
    dataset_destroy(p->b);
    dataset_destroy(p->a);
    dataset_destroy(p->truth);
    arena_destroy(p->arena);
}

static void test_changes(void **state)
{
    static const struct {
        struct run a, b;
        bool has_tracks;
        size_t n_objects[COMPARISON_N_SIDES];
        size_t n_changes;
        enum comparison_side side; // of the first change
        int first, last;
    } rows[] = {
        // the same twice
        {{0, 60, 0, 5}, {0, 60, 0, 5}, true, {0}, 0, COMPARISON_UNSET, 0, 0},
        // lost in ten frames
        {{0, 60, 0, 0}, {0, 50, 0, 0}, true, {0, 10, 0, 0, 0}, 1, COMPARISON_LOST, 50, 59},
        {{0, 50, 0, 0}, {0, 60, 0, 0}, true, {0, 0, 10, 0, 0}, 1, COMPARISON_FOUND, 50, 59},
        // without tracks boxes that overlap are one
        {{0, 60, 0, 0}, {0, 50, 0, 0}, false, {0, 10, 0, 0, 0}, 1, COMPARISON_LOST, 50, 59},
        // false ones that come and go; the longer one first
        {{0, 60, 0, 3}, {0, 60, 20, 30}, true, {0, 0, 0, 10, 3}, 2, COMPARISON_FALSE_NEW, 20, 29},
        // a false one of both is none of one
        {{0, 60, 10, 20}, {0, 60, 15, 25}, true, {0, 0, 0, 5, 5}, 2, COMPARISON_FALSE_NEW, 20, 24},
        // a gap longer than five frames makes two
        {{0, 60, 0, 0}, {8, 50, 0, 0}, true, {0, 18, 0, 0, 0}, 2, COMPARISON_LOST, 50, 59},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct given_pair p = compare(&rows[i].a, &rows[i].b, rows[i].has_tracks, &defaults);
        for (size_t s = COMPARISON_LOST; s < COMPARISON_N_SIDES; s++)
            assert_int_equal(p.c.n_objects[s], rows[i].n_objects[s]);
        assert_int_equal(p.c.n_changes, rows[i].n_changes);
        double evidence = INFINITY;
        size_t n = 0;
        for (size_t k = 0; k < p.c.n_changes; k++) {
            assert_true(p.c.changes[k].evidence <= evidence);
            evidence = p.c.changes[k].evidence;
            n += p.c.changes[k].n;
            assert_true(fabs(evidence - .5 * (double)p.c.changes[k].n) < 1e-6);
        }
        assert_int_equal(n,
                         p.c.n_objects[1] + p.c.n_objects[2] + p.c.n_objects[3] + p.c.n_objects[4]);
        const struct comparison_change *first = p.c.changes;
        bool is_there = p.c.n_changes == 0; // equal evidence: either order
        for (size_t k = 0; k < p.c.n_changes; k++)
            is_there =
                is_there || (first[k].side == rows[i].side && first[k].first == rows[i].first &&
                             first[k].last == rows[i].last);
        assert_true(is_there);
        if (p.c.n_changes > 0 && first->side == COMPARISON_LOST)
            assert_int_equal(first->track_id, rows[i].has_tracks ? 5 : -1);
        finish(&p);
    }
}

static void test_figures(void **state)
{
    const struct run a = {0, 60, 0, 0};
    const struct run b = {0, 30, 0, 0};
    struct given_pair p = compare(&a, &b, true, &defaults);
    const struct comparison_figure *recall = &p.c.overall[WEIGHED_RECALL];
    assert_true(recall->a == 1 && recall->b == .5 && recall->difference == -.5);
    assert_int_equal(p.c.n_classes, 1);
    assert_int_equal(p.c.classes[0].n_truths, N_FRAMES);
    assert_true(p.c.classes[0].figures[WEIGHED_RECALL].difference == -.5);
    assert_true(p.c.overall[WEIGHED_PRECISION].difference == 0);
    assert_true(fabs(p.c.block_seconds - .1 * (double)p.c.plan.block) < 1e-9);
    assert_int_equal(p.c.n_pictures, N_FRAMES);
    finish(&p);
    // Equal runs: every interval is 0 to 0 and holds it.
    p = compare(&a, &a, true, &defaults);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        assert_true(p.c.overall[i].difference == 0 && !p.c.overall[i].is_beyond_noise);
        assert_true(p.c.overall[i].interval.low == 0 && p.c.overall[i].interval.high == 0);
    }
    finish(&p);
}

static void test_one_run(void **state)
{
    const struct run a = {0, 30, 0, 0};
    struct given_pair p = compare(&a, NULL, true, &defaults);
    const struct comparison_figure *recall = &p.c.overall[WEIGHED_RECALL];
    assert_true(recall->a == .5 && recall->difference == .5);
    assert_true(recall->interval.low < .5 && recall->interval.high > .5);
    assert_int_equal(p.c.n_changes, 0);
    finish(&p);
}

static void test_seeds_and_blocks(void **state)
{
    const struct run a = {0, 60, 0, 7};
    const struct run b = {5, 55, 0, 0};
    struct comparison_opts opts = defaults;
    struct given_pair p = compare(&a, &b, true, &opts);
    struct given_pair q = compare(&a, &b, true, &opts);
    opts.seed = 77;
    struct given_pair other = compare(&a, &b, true, &opts);
    opts.block = 3;
    struct given_pair short_blocks = compare(&a, &b, true, &opts);
    assert_memory_equal(p.c.overall, q.c.overall, sizeof(p.c.overall));
    assert_memory_not_equal(p.c.overall, other.c.overall, sizeof(p.c.overall));
    assert_int_equal(short_blocks.c.plan.block, 3);
    assert_int_equal(short_blocks.c.plan.n_blocks, N_FRAMES / 3);
    finish(&p);
    finish(&q);
    finish(&other);
    finish(&short_blocks);
}

static void test_common_pictures(void **state)
{
    struct arena *arena;
    struct comparison c;
    const struct run all = {0, 60, 0, 0};
    assert_int_equal(arena_create(0, &arena), 0);
    struct dataset *truth = make_truth(true);
    struct dataset *a = make_run(&all, truth);
    struct dataset *b = make_run(&all, truth);
    b->judged = mem_array(bool, N_FRAMES);
    assert_non_null(b->judged);
    for (size_t i = 0; i < 40; i++)
        b->judged[i] = true;
    b->n_judged = 40;
    assert_int_equal(comparison_run(truth, a, b, &defaults, arena, &c), 0);
    assert_int_equal(c.n_pictures, 40);
    assert_int_equal(c.n_left_out, 20);
    assert_int_equal(c.classes[0].n_truths, 40);
    // None in common: no figure, no interval.
    for (size_t i = 0; i < N_FRAMES; i++)
        b->judged[i] = !a->judged[i];
    assert_int_equal(comparison_run(truth, a, b, &defaults, arena, &c), 0);
    assert_int_equal(c.n_pictures, 0);
    assert_true(isnan(c.overall[WEIGHED_RECALL].difference));
    assert_true(isnan(c.overall[WEIGHED_RECALL].interval.low));
    dataset_destroy(b);
    dataset_destroy(a);
    dataset_destroy(truth);
    arena_destroy(arena);
}

static void test_too_many_resamples(void **state)
{
    struct arena *arena;
    struct comparison c;
    struct comparison_opts opts = defaults;
    const struct run all = {0, 60, 0, 0};
    assert_int_equal(arena_create(0, &arena), 0);
    struct dataset *truth = make_truth(true);
    struct dataset *a = make_run(&all, truth);
    opts.resamples = BOOTSTRAP_MAX_RESAMPLES + 1;
    assert_int_equal(comparison_run(truth, a, NULL, &opts, arena, &c), ERR_INVALID);
    err_clear();
    dataset_destroy(a);
    dataset_destroy(truth);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),         cmocka_unit_test(test_figures),
        cmocka_unit_test(test_one_run),         cmocka_unit_test(test_seeds_and_blocks),
        cmocka_unit_test(test_common_pictures), cmocka_unit_test(test_too_many_resamples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
