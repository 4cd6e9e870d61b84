// SPDX-License-Identifier: Apache-2.0
// test_effects.c - intervals from the effects of parts are those of the whole bootstrap, nearly.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "eval/effects.h"

enum {
    MAX_CLASSES = 30,
    RESAMPLES = 1000,
};

// A truth and two runs in which what is missed stays missed for a while.
struct scene {
    struct dataset truth, runs[2];
    struct dataset_class classes[MAX_CLASSES];
    char names[MAX_CLASSES][24];
};

static uint64_t state = 11;

static double unit(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 40) / (double)(1 << 24);
}

static void add(struct dataset *d, int32_t picture, int32_t class_index, double x,
                double confidence, int64_t track)
{
    d->objects[d->n_objects++] = (struct dataset_object){.picture = picture,
                                                         .class_index = class_index,
                                                         .x = x,
                                                         .w = 10,
                                                         .h = 10,
                                                         .area = 100,
                                                         .confidence = confidence,
                                                         .track_id = track};
}

struct row {
    size_t n_frames, n_videos, n_objects, n_classes;
    double slack; // of the ends, in parts of the interval's length
};

static void make(const struct row *row, struct scene *s)
{
    const size_t n = row->n_frames * row->n_videos;
    const size_t most = n * (row->n_objects + 1);
    *s = (struct scene){0};
    s->truth.pictures = mem_array(struct dataset_picture, n + 1);
    s->truth.objects = mem_array(struct dataset_object, most + 1);
    s->truth.videos = mem_array(char *, row->n_videos + 1);
    for (size_t k = 0; k < row->n_classes; k++) {
        IGNORE(snprintf(s->names[k], sizeof(s->names[k]), "c%zu", k)); // it fits
        s->classes[k] = (struct dataset_class){.id = (int64_t)k, .name = s->names[k]};
    }
    s->truth.classes = s->classes;
    s->truth.n_classes = row->n_classes;
    s->truth.n_pictures = s->truth.n_judged = n;
    s->truth.n_videos = row->n_videos;
    for (size_t r = 0; r < 2; r++) {
        s->runs[r] = s->truth;
        s->runs[r].objects = mem_array(struct dataset_object, most + 1);
    }
    double sight[16] = {0}; // how well each object is seen, which lasts
    for (size_t i = 0; i < n; i++) {
        const int32_t picture = (int32_t)i;
        s->truth.pictures[i] = (struct dataset_picture){.id = (int64_t)i,
                                                        .frame = (int64_t)(i % row->n_frames),
                                                        .pts_us = INT64_MIN,
                                                        .video = (int32_t)(i / row->n_frames)};
        for (size_t k = 0; k < row->n_objects; k++) {
            const double x = 100 * (double)k;
            const int32_t class_index = (int32_t)(k % row->n_classes);
            if (unit() < .1)
                sight[k] = unit();
            add(&s->truth, picture, class_index, x, 1, (int64_t)k);
            for (size_t r = 0; r < 2; r++) {
                double seen = sight[k] * .7 + unit() * .3 - .04 * (double)r;
                if (seen > .25)
                    add(&s->runs[r], picture, class_index, x + 4 * unit(), seen, -1);
            }
        }
        for (size_t r = 0; r < 2 && row->n_objects > 0; r++)
            if (unit() < .3)
                add(&s->runs[r], picture, 0, 5000, unit(), -1);
    }
    for (size_t r = 0; r < 2; r++) {
        s->runs[r].pictures = s->truth.pictures;
        s->runs[r].role = DATASET_DETECTIONS;
    }
}

static void finish(struct scene *s)
{
    mem_free(s->truth.pictures);
    mem_free(s->truth.videos);
    mem_free(s->truth.objects);
    for (size_t r = 0; r < 2; r++) {
        mem_free(s->runs[r].objects);
        mem_free(s->runs[r].judged);
    }
}

static void check_figure(const struct row *row, const char *name, const struct comparison_figure *f,
                         struct bootstrap_interval got)
{
    const double length = f->interval.high - f->interval.low;
    if (!(fabs(got.low - f->interval.low) <= row->slack * length + 1e-9) ||
        !(fabs(got.high - f->interval.high) <= row->slack * length + 1e-9))
        fail_msg("%zu frames, %s: %g to %g, not %g to %g", row->n_frames, name, got.low, got.high,
                 f->interval.low, f->interval.high);
}

static void check_intervals(const struct row *row, struct scene *s, struct arena *a)
{
    struct effects e[2];
    struct effects_draws draws;
    struct comparison c;
    const struct weighed_opts judging = {.at_confidence = .4};
    const struct comparison_opts opts = {.at_confidence = .4, .resamples = RESAMPLES, .seed = 3};
    for (size_t r = 0; r < 2; r++)
        assert_int_equal(effects_run(&s->truth, &s->runs[r], &judging, a, &e[r]), 0);
    assert_null(effects_differ(&e[0], &e[1]));
    assert_int_equal(effects_draw(&e[0], &e[1], 3, RESAMPLES, a, &draws), 0);
    assert_int_equal(comparison_run(&s->truth, &s->runs[0], &s->runs[1], &opts, a, &c), 0);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        check_figure(row, weighed_names[i], &c.overall[i],
                     effects_interval(&draws, c.overall[i].difference, e[0].scopes[0].values[i],
                                      e[1].scopes[0].values[i]));
        const struct effects_scope *x = effects_find(&e[0], c.classes[0].label);
        const struct effects_scope *y = effects_find(&e[1], c.classes[0].label);
        assert_non_null(x);
        check_figure(row, weighed_names[i], &c.classes[0].figures[i],
                     effects_interval(&draws, c.classes[0].figures[i].difference, x->values[i],
                                      y->values[i]));
    }
}

// A second set of draws than the bootstrap's own, over parts and not frames: the ends agree as far
// as 1,000 draws tell.
static void test_intervals_of_the_bootstrap(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        {240, 1, 4, 1, .15}, {700, 1, 3, 2, .2}, {150, 3, 4, 1, .2}, {30, 20, 4, 2, .15}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        struct arena *a;
        assert_int_equal(arena_create(0, &a), 0);
        make(&rows[i], &s);
        check_intervals(&rows[i], &s, a);
        finish(&s);
        arena_destroy(a);
    }
}

static void test_parts(void **unused)
{
    (void)unused;
    static const struct {
        struct row row;
        size_t n, frames, n_videos, n_scopes;
    } rows[] = {
        {{0, 0, 0, 1, 0}, 0, 1, 0, 1},     // nothing at all
        {{1, 1, 1, 1, 0}, 1, 1, 1, 2},     // one frame
        {{250, 1, 1, 1, 0}, 250, 1, 1, 2}, // the limit
        {{251, 1, 1, 1, 0}, 126, 2, 1, 2}, // and one more
        {{10, 3, 0, 2, 0}, 30, 1, 3, 1},   // no truth: the classes have nothing to say
        {{2, 250, 1, 1, 0}, 250, 2, 250, 2},
        {{2, 251, 1, 1, 0}, 126, 3, 126, 2}, // two videos are a part
        {{4, 1, 15, 15, 0}, 4, 1, 1, 16},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene s;
        struct effects e;
        struct arena *a;
        const struct weighed_opts judging = {.at_confidence = .4};
        assert_int_equal(arena_create(0, &a), 0);
        make(&rows[i].row, &s);
        assert_int_equal(effects_run(&s.truth, &s.runs[0], &judging, a, &e), 0);
        size_t sum = 0;
        for (size_t v = 0; v < e.n_videos; v++)
            sum += e.videos[v];
        double truths = 0;
        for (size_t p = 0; p < e.n; p++)
            truths += e.truths[p];
        if (e.n != rows[i].n || e.frames != rows[i].frames || e.n_videos != rows[i].n_videos ||
            e.n_scopes != rows[i].n_scopes)
            fail_msg("row %zu: %zu parts of %zu frames, %zu videos, %zu scopes", i, e.n, e.frames,
                     e.n_videos, e.n_scopes);
        assert_int_equal(sum, e.n);
        assert_int_equal((size_t)truths, s.truth.n_objects);
        finish(&s);
        arena_destroy(a);
    }
}

static void test_effects_of_sums(void **unused)
{
    (void)unused;
    struct scene s;
    struct effects e;
    struct arena *a;
    const struct row row = {20, 1, 2, 1, 0};
    const struct weighed_opts judging = {.at_confidence = .4};
    assert_int_equal(arena_create(0, &a), 0);
    make(&row, &s);
    assert_int_equal(effects_run(&s.truth, &s.runs[0], &judging, a, &e), 0);
    // Recall with and without the first frame, by hand.
    double found[2] = {0};
    for (size_t i = 0; i < s.runs[0].n_objects; i++) {
        const struct dataset_object *o = &s.runs[0].objects[i];
        const bool counts = o->confidence >= .4 && o->x < 1000 && fmod(o->x, 100) <= 10. / 3;
        found[0] += counts;
        found[1] += counts && o->picture > 0;
    }
    assert_float_equal(e.scopes[0].values[WEIGHED_RECALL][0], found[0] / 40 - found[1] / 38, 1e-12);
    finish(&s);
    arena_destroy(a);
}

static void test_what_cannot_be_paired(void **unused)
{
    (void)unused;
    double truths[] = {1, 2, 3}, others[] = {1, 2, 4};
    size_t videos[] = {3}, two[] = {1, 2};
    const struct effects e = {
        .frames = 2, .n = 3, .videos = videos, .n_videos = 1, .truths = truths};
    struct effects f = e;
    assert_null(effects_differ(&e, &f));
    f.truths = others;
    assert_non_null(strstr(effects_differ(&e, &f), "other truth"));
    f = e;
    f.frames = 1;
    assert_non_null(strstr(effects_differ(&e, &f), "other frames"));
    f = e;
    f.videos = two;
    f.n_videos = 2;
    assert_non_null(strstr(effects_differ(&f, &e), "other frames"));
    f = (struct effects){0};
    assert_non_null(strstr(effects_differ(&e, &f), "keeps no"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals_of_the_bootstrap),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_effects_of_sums),
        cmocka_unit_test(test_what_cannot_be_paired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
