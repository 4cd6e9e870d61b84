// SPDX-License-Identifier: Apache-2.0
// test_bootstrap.c - random numbers, lengths of blocks, and that intervals hold what they promise.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "eval/bootstrap.h"

enum {
// The sanitizers look at memory, not at coverage: a few trials are enough for them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    N_TRIALS = 100,
    LEAST_HELD = 85,
    MOST_HELD = 100,
#else
    N_TRIALS = 2000,
    LEAST_HELD = 93, // per cent
    MOST_HELD = 97,
#endif
    N_DRAWS = 400,
    MAX_FRAMES = 2000,
    MAX_VIDEOS = 40,
    N_OBJECTS = 6, // in every frame
    FLOOR = 10,    // frames, of video
};

// ---- random numbers

static void test_random_numbers_are_xoshiro(void **state)
{
    struct bootstrap_random r = {{1, 2, 3, 4}}; // the reference's first numbers from this state
    assert_int_equal(bootstrap_next(&r), 11520);
    assert_int_equal(bootstrap_next(&r), 0);
    assert_int_equal(bootstrap_next(&r), 1509978240);
    assert_int_equal(bootstrap_next(&r), UINT64_C(1215971899390074240));
}

static void test_below_is_even(void **state)
{
    struct bootstrap_random r;
    int counts[7] = {0};
    bootstrap_seed(&r, 5, 0);
    for (int i = 0; i < 70000; i++)
        counts[bootstrap_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9700, 10300);
    assert_int_equal(bootstrap_below(&r, 1), 0);
}

// ---- draws

static void test_draws_keep_the_number_of_frames(void **state)
{
    static const struct {
        size_t n_videos, n_frames, block;
    } rows[] = {{1, 1, 0}, {1, 100, 7}, {3, 50, 9}, {2, 5, 50}, {12, 20, 0}};
    double errors[300] = {0};
    uint32_t weights[300];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bootstrap_video videos[12];
        for (size_t v = 0; v < rows[i].n_videos; v++)
            videos[v] = (struct bootstrap_video){v * rows[i].n_frames, rows[i].n_frames};
        const struct bootstrap_frames f = {.n = rows[i].n_videos * rows[i].n_frames,
                                           .videos = videos,
                                           .n_videos = rows[i].n_videos,
                                           .errors = errors,
                                           .block = rows[i].block};
        struct bootstrap_plan plan;
        struct bootstrap_random r;
        bootstrap_plan_make(&f, &plan);
        bootstrap_seed(&r, 1, i);
        for (int draw = 0; draw < 20; draw++) {
            size_t sum = 0;
            bootstrap_draw(&plan, &r, weights);
            for (size_t j = 0; j < f.n; j++)
                sum += weights[j];
            assert_int_equal(sum, f.n);
        }
        assert_int_equal(plan.by_video, rows[i].n_videos >= BOOTSTRAP_MIN_VIDEOS);
    }
}

static void test_no_frames_give_no_interval(void **state)
{
    const struct bootstrap_frames f = {0};
    struct bootstrap_plan plan;
    bootstrap_plan_make(&f, &plan);
    assert_int_equal(plan.n_blocks, 0);
    double draws[200] = {0};
    struct bootstrap_interval i = bootstrap_interval_of(&plan, draws, ARRAY_LEN(draws));
    assert_true(isnan(i.low) && isnan(i.high));
    assert_false(bootstrap_excludes_zero(i));
    for (size_t k = 0; k < ARRAY_LEN(draws); k++)
        draws[k] = k % 4 == 0 ? NAN : 1; // a quarter of the draws without data
    plan.n_blocks = 50;
    plan.n_freedom = 49;
    i = bootstrap_interval_of(&plan, draws, ARRAY_LEN(draws));
    assert_true(isnan(i.low));
}

// A series whose neighbours resemble each other (stay with chance *stay*) or not.
static size_t length_of(double stay, size_t floor)
{
    double errors[MAX_FRAMES];
    struct bootstrap_random r;
    bootstrap_seed(&r, 3, 0);
    double value = 0;
    for (size_t i = 0; i < MAX_FRAMES; i++) {
        if (bootstrap_unit(&r) >= stay)
            value = bootstrap_unit(&r);
        errors[i] = value;
    }
    const struct bootstrap_video video = {0, MAX_FRAMES};
    const struct bootstrap_frames f = {
        .n = MAX_FRAMES, .videos = &video, .n_videos = 1, .errors = errors, .floor = floor};
    struct bootstrap_plan plan;
    bootstrap_plan_make(&f, &plan);
    return plan.block;
}

static void test_blocks_follow_the_autocorrelation(void **state)
{
    assert_true(length_of(0, 0) <= 9);
    assert_in_range(length_of(.9, 0), 60, 250);
    assert_true(length_of(.97, 0) >= length_of(.9, 0));
    assert_int_equal(length_of(.999, 0), MAX_FRAMES / BOOTSTRAP_MIN_BLOCKS); // the cap
    assert_int_equal(length_of(0, 25), 159);                // of video: frames to the power of 2/3
    assert_int_equal(length_of(0, MAX_FRAMES), MAX_FRAMES); // the floor
}

// ---- coverage
//
// Simulated runs: in every frame stand N_OBJECTS people; each is found or missed by run A and by
// run B. Whether a person is hard to see is a state that both runs share and that lasts; on top
// each run has luck of its own that lasts as well. The chance to be found is known in every state
// and so is the true difference of recall.

struct world {
    const char *name;
    size_t n_videos, n_frames; // each
    double lasts;              // frames that a state lasts on average
    double a, b;               // chance to be found when easy to see; half of it when hard
    double spread;             // of that chance between videos
};

struct person {
    bool is_hard;
    bool luck_a, luck_b;
};

static double chance_of(const struct person *p, double c, bool luck)
{
    double found = p->is_hard ? c / 2 : c;
    return luck ? found + (1 - found) / 2 : found - (1 - found) / 2; // the mean stays
}

static double found_by_chance(const struct person *p, double c, bool luck, double shift)
{
    double x = chance_of(p, c, luck) + shift;
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

// Fills found_a[frame] and found_b[frame].
static void simulate(const struct world *w, struct bootstrap_random *r, double *found_a,
                     double *found_b)
{
    for (size_t v = 0; v < w->n_videos; v++) {
        struct person people[N_OBJECTS];
        double shift = w->spread * (bootstrap_unit(r) - .5);
        for (size_t i = 0; i < w->n_frames; i++) {
            size_t at = v * w->n_frames + i;
            found_a[at] = found_b[at] = 0;
            for (size_t k = 0; k < N_OBJECTS; k++) {
                struct person *p = &people[k];
                if (i == 0 || bootstrap_unit(r) < 1 / w->lasts)
                    p->is_hard = bootstrap_unit(r) < .5;
                if (i == 0 || bootstrap_unit(r) < 1 / w->lasts)
                    p->luck_a = bootstrap_unit(r) < .5;
                if (i == 0 || bootstrap_unit(r) < 1 / w->lasts)
                    p->luck_b = bootstrap_unit(r) < .5;
                found_a[at] += bootstrap_unit(r) < found_by_chance(p, w->a, p->luck_a, shift);
                found_b[at] += bootstrap_unit(r) < found_by_chance(p, w->b, p->luck_b, -shift);
            }
        }
    }
}

struct trial {
    double found_a[MAX_FRAMES], found_b[MAX_FRAMES], errors[MAX_FRAMES];
    uint32_t weights[MAX_FRAMES];
    double draws[N_DRAWS];
};

static struct bootstrap_interval interval_of_trial(const struct world *w, struct trial *t,
                                                   struct bootstrap_random *r)
{
    struct bootstrap_video videos[MAX_VIDEOS];
    const size_t n = w->n_videos * w->n_frames;
    for (size_t v = 0; v < w->n_videos; v++)
        videos[v] = (struct bootstrap_video){v * w->n_frames, w->n_frames};
    for (size_t i = 0; i < n; i++)
        t->errors[i] = t->found_b[i] - t->found_a[i]; // missed by A less missed by B
    const struct bootstrap_frames f = {.n = n,
                                       .videos = videos,
                                       .n_videos = w->n_videos,
                                       .errors = t->errors,
                                       .floor = w->lasts > 1 ? FLOOR : 0};
    struct bootstrap_plan plan;
    bootstrap_plan_make(&f, &plan);
    for (size_t d = 0; d < N_DRAWS; d++) {
        double sum = 0;
        double n_truths = 0;
        bootstrap_draw(&plan, r, t->weights);
        for (size_t i = 0; i < n; i++) {
            sum += (double)t->weights[i] * (t->found_b[i] - t->found_a[i]);
            n_truths += (double)t->weights[i] * N_OBJECTS;
        }
        t->draws[d] = sum / n_truths;
    }
    return bootstrap_interval_of(&plan, t->draws, N_DRAWS);
}

static void test_intervals_hold_the_true_difference(void **state)
{
    static const struct world worlds[] = {
        {"one video", 1, 800, 10, .8, .76, 0},
        {"the same runs", 1, 800, 10, .8, .8, 0},
        {"states that last", 1, 1600, 25, .8, .7, 0},
        {"three videos", 3, 400, 10, .8, .76, 0},
        {"twenty videos that differ", 20, 60, 10, .7, .66, .1},
        {"pictures", 1, 400, 1, .8, .76, 0},
    };
    struct trial *t = mem_new(struct trial);
    assert_non_null(t);
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        const struct world *w = &worlds[i];
        const double difference = .75 * (w->b - w->a); // half of the time half the chance
        int n_held = 0;
        struct bootstrap_random r;
        for (uint64_t trial = 0; trial < N_TRIALS; trial++) {
            bootstrap_seed(&r, 20, trial);
            simulate(w, &r, t->found_a, t->found_b);
            struct bootstrap_interval in = interval_of_trial(w, t, &r);
            n_held += in.low <= difference && difference <= in.high;
        }
        print_message("%-28s %.1f %% of %d intervals hold the true difference\n", w->name,
                      100. * n_held / N_TRIALS, N_TRIALS);
        assert_in_range(n_held, N_TRIALS * LEAST_HELD / 100, N_TRIALS * MOST_HELD / 100);
    }
    mem_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_numbers_are_xoshiro),
        cmocka_unit_test(test_below_is_even),
        cmocka_unit_test(test_draws_keep_the_number_of_frames),
        cmocka_unit_test(test_no_frames_give_no_interval),
        cmocka_unit_test(test_blocks_follow_the_autocorrelation),
        cmocka_unit_test(test_intervals_hold_the_true_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
