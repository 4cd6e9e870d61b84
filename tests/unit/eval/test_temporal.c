// SPDX-License-Identifier: Apache-2.0
// test_temporal.c - detection in time: rows small enough to do by hand.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/match.h"
#include "eval/temporal.h"
#include "eval/temporal_priv.h"

struct run {
    struct dataset *truth, *detections;
    struct arena *arena;
    struct temporal_result r;
};

static int try_run(struct run *u, const char *truth, const char *detections,
                   const struct temporal_opts *opts)
{
    *u = (struct run){.truth = given_truth(truth)};
    u->detections = given_detections(detections, u->truth);
    assert_int_equal(arena_create(0, &u->arena), 0);
    return temporal_evaluate(u->truth, u->detections, opts, u->arena, &u->r);
}

static void finish(struct run *u)
{
    dataset_destroy(u->detections);
    dataset_destroy(u->truth);
    arena_destroy(u->arena);
}

static void check(const char *what, const char *name, double got, double expected)
{
    if (!(fabs(got - expected) < 1e-9) && !(isnan(got) && isnan(expected)))
        fail_msg("%s: %s %.17g, not %.17g", what, name, got, expected);
}

// MOT text (frame,id,x,y,w,h) at 20 frames a second: 50 ms a frame. Tolerance 100 ms: two frames.
#define FIVE "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n4,1,0,0,10,10\n5,1,0,0,10,10\n"
#define AWAY "1,9,90,90,5,5\n"

static const struct {
    const char *what, *truth, *detections;
    size_t tracks, never, in_time;
    double mean;
    size_t same, found, late, early, covered, longest;
    double longest_ms;
} rows[] = {
    {"all seen", FIVE, FIVE, 1, 0, 1, 0, 5, 5, 0, 0, 5, 0, 0},
    {"nothing seen", FIVE, AWAY, 1, 1, 0, NAN, 0, 0, 0, 0, 0, 5, 200},
    {"too little overlap", "1,1,0,0,10,10\n", "1,1,0,0,10,4.9\n", 1, 1, 0, NAN, 0, 0, 0, 0, 0, 1,
     0},
    {"an IoU of exactly .5", "1,1,0,0,10,10\n", "1,1,0,0,10,5\n", 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0},
    // Seen from the third frame on: 100 ms, in time. One detection a box: frames 1 and 2 stay
    // alone.
    {"seen at the threshold", FIVE, "3,1,0,0,10,10\n4,1,0,0,10,10\n5,1,0,0,10,10\n", 1, 0, 1, 100,
     3, 3, 0, 0, 5, 2, 100},
    {"seen too late", FIVE, "4,1,0,0,10,10\n5,1,0,0,10,10\n", 1, 0, 0, 150, 2, 2, 0, 0, 4, 3, 150},
    // A second box in frame 3 answers for frame 2 or 4 (both seen) or 1: frame 1 is the missing
    // one.
    {"a spare detection is late", FIVE,
     "2,1,0,0,10,10\n2,2,0,0,10,9\n3,1,0,0,10,10\n4,1,0,0,10,10"
     "\n5,1,0,0,10,10\n",
     1, 0, 1, 50, 4, 5, 1, 0, 5, 1, 50},
    {"a spare detection is early", FIVE,
     "1,1,0,0,10,10\n2,1,0,0,10,10\n3,1,0,0,10,10\n4,1,0,0,10,"
     "10\n4,2,0,0,10,9\n",
     1, 0, 1, 0, 4, 5, 0, 1, 5, 1, 0},
    {"beyond the tolerance", "1,1,0,0,10,10\n4,1,50,0,10,10\n", "4,1,0,0,10,10\n", 1, 1, 0, NAN, 0,
     0, 0, 0, 0, 2, 150},
    // The detection lies where the thing was two frames ago.
    {"a late answer", "1,1,0,0,10,10\n3,1,50,0,10,10\n", "3,1,0,0,10,10\n", 1, 1, 0, NAN, 0, 1, 1,
     0, 0, 2, 100},
    {"misses in the middle", FIVE, "1,1,0,0,10,10\n5,1,0,0,10,10\n", 1, 0, 1, 0, 2, 2, 0, 0, 5, 3,
     150},
    {"two tracks, one never", "1,1,0,0,10,10\n1,2,50,0,10,10\n", "1,1,0,0,10,10\n", 2, 1, 1, 0, 1,
     1, 0, 0, 1, 1, 0},
    // Greedy takes the nearer pair (IoU .9 / 1) and leaves one over; both can be had.
    {"not greedy", "1,1,0,0,10,10\n1,2,4,0,10,10\n", "1,1,1,0,10,10\n1,2,-3,0,10,10\n", 2, 0, 2, 0,
     2, 2, 0, 0, 2, 0, 0},
    {"ignored until it counts", "1,1,0,0,10,10,0\n2,1,0,0,10,10,1\n", "2,1,0,0,10,10\n", 1, 0, 1, 0,
     1, 1, 0, 0, 1, 0, 0},
};

static void test_rows(void **state)
{
    const struct temporal_opts opts = {.frame_rate = 20};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run u;
        const char *what = rows[i].what;
        assert_int_equal(try_run(&u, rows[i].truth, rows[i].detections, &opts), 0);
        const struct temporal_figures *f = &u.r.overall;
        check(what, "tracks", (double)f->n_tracks, (double)rows[i].tracks);
        check(what, "never", (double)f->n_never, (double)rows[i].never);
        check(what, "in time", (double)f->n_in_time, (double)rows[i].in_time);
        check(what, "mean", f->latency.mean, rows[i].mean);
        check(what, "same", (double)f->n_same, (double)rows[i].same);
        check(what, "found", (double)f->n_found, (double)rows[i].found);
        check(what, "late", (double)f->n_late, (double)rows[i].late);
        check(what, "early", (double)f->n_early, (double)rows[i].early);
        check(what, "covered", (double)f->n_covered, (double)rows[i].covered);
        check(what, "longest", (double)f->longest_run, (double)rows[i].longest);
        check(what, "longest ms", f->longest_run_ms, rows[i].longest_ms);
        finish(&u);
    }
}

static void test_latency_values(void **state)
{
    double v[] = {500, 50, 50.5, 0, 101, 1000, 200, 100, 201, 501};
    struct temporal_latency l = temporal_latency_of(v, ARRAY_LEN(v));
    check("latency", "mean", l.mean, 270.35);
    check("latency", "median", l.median, (101 + 200) / 2.);
    check("latency", "p50", l.p50, 101);
    check("latency", "p95", l.p95, 1000);
    check("latency", "p99", l.p99, 1000);
    check("latency", "min", l.min, 0);
    check("latency", "max", l.max, 1000);
    const size_t bins[] = {2, 2, 2, 2, 2}; // 0 50 | 50.5 100 | 101 200 | 201 500 | 501 1000
    assert_memory_equal(l.bins, bins, sizeof(bins));
    double pair[] = {3, 1};
    l = temporal_latency_of(pair, 2);
    check("two", "deviation", l.deviation, 1);
    check("two", "p95", l.p95, 3);
    l = temporal_latency_of(pair, 0);
    assert_true(isnan(l.mean) && isnan(l.deviation) && isnan(l.p99));
    assert_int_equal(l.n, 0);
}

static const char no_truth[] = "{\"images\":[{\"id\":1,\"pts_us\":0}],\"annotations\":[],"
                               "\"categories\":[{\"id\":1,\"name\":\"car\"}]}";

static void test_no_data(void **state)
{
    struct run u;
    // No times: no figures, and it is said.
    assert_int_equal(try_run(&u, FIVE, FIVE, NULL), 0);
    assert_false(u.r.has_times);
    assert_int_equal(u.r.overall.n_truths, 0);
    assert_int_equal(u.r.n_notices, 1);
    assert_non_null(strstr(u.r.notices[0], "no data"));
    finish(&u);
    assert_int_equal(try_run(&u, no_truth, "[]", NULL), 0);
    assert_true(u.r.has_times);
    assert_true(isnan(u.r.overall.recall) && isnan(u.r.overall.covered));
    assert_true(isnan(u.r.overall.latency.mean) && isnan(u.r.overall.late_ms));
    finish(&u);
    assert_int_equal(try_run(&u, no_truth,
                             "[{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],\"score\":1}]",
                             NULL),
                     0);
    assert_int_equal(u.r.overall.n_detections, 1);
    assert_true(isnan(u.r.overall.recall));
    finish(&u);
}

// Times of the truth, equal ones among them; no track ids.
static const char timed_truth[] =
    "{\"images\":[{\"id\":1,\"pts_us\":40000},{\"id\":2,\"pts_us\":40000},{\"id\":3}],"
    "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,10,10]},"
    "{\"id\":2,\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,10,10]},"
    "{\"id\":3,\"image_id\":3,\"category_id\":1,\"bbox\":[0,0,10,10]}],"
    "\"categories\":[{\"id\":1,\"name\":\"car\"}]}";

static void test_equal_times(void **state)
{
    struct run u;
    assert_int_equal(
        try_run(&u, timed_truth,
                "[{\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,10,10],\"score\":0.9},"
                "{\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,10,9],\"score\":0.9},"
                "{\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,9,9],\"score\":0.1}]",
                NULL),
        0);
    const struct temporal_figures *f = &u.r.overall;
    assert_int_equal(u.r.n_without_time, 1);
    assert_int_equal(u.r.n_without_track, 2);
    assert_int_equal(u.r.n_notices, 2);
    assert_int_equal(f->n_truths, 2);
    assert_int_equal(f->n_detections, 2); // one lies below the confidence
    assert_int_equal(f->n_tracks, 0);
    assert_int_equal(f->n_same, 1);
    assert_int_equal(f->n_found, 2);
    assert_int_equal(f->n_on_time, 2);
    assert_true(isnan(f->covered));
    finish(&u);
}

static void test_filters(void **state)
{
    struct run u;
    struct temporal_opts opts = {.frame_rate = 10, .min_height = 10};
    // Visible from frame 2 on.
    assert_int_equal(
        try_run(&u, "1,1,0,0,10,9\n2,1,0,0,10,10\n3,1,0,0,10,10\n", "3,1,0,0,10,10\n", &opts), 0);
    assert_int_equal(u.r.overall.n_truths, 2);
    check("height", "latency", u.r.overall.latency.mean, 100);
    finish(&u);
    opts = (struct temporal_opts){.frame_rate = 10, .min_visibility = .5};
    assert_int_equal(
        try_run(&u, "1,1,0,0,10,10,1,1,0.2\n2,1,0,0,10,10,1,1,0.5\n", "2,1,0,0,10,10\n", &opts), 0);
    assert_int_equal(u.r.overall.n_truths, 1);
    check("visibility", "latency", u.r.overall.latency.mean, 0);
    finish(&u);
    opts = (struct temporal_opts){.frame_rate = 20, .has_tolerance = true};
    assert_int_equal(
        try_run(&u, "1,1,0,0,10,10\n2,1,0,0,10,10\n", "2,1,0,0,10,10\n2,2,0,0,10,9\n", &opts), 0);
    assert_int_equal(u.r.overall.n_found, 1);
    finish(&u);
}

static void test_refusals(void **state)
{
    static const char *const nowhere[] = {"zebra"};
    static const struct temporal_opts bad[] = {
        {.has_tolerance = true, .tolerance_ms = -1},
        {.has_tolerance = true, .tolerance_ms = NAN},
        {.has_tolerance = true, .tolerance_ms = 60001},
        {.has_latency_threshold = true, .latency_threshold_ms = NAN},
        {.iou = 1.5},
        {.iou = -1},
        {.has_at_confidence = true, .at_confidence = NAN},
        {.frame_rate = -1},
        {.frame_rate = INFINITY},
        {.min_height = NAN},
        {.min_visibility = 2},
        {.classes = nowhere, .n_classes = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct run u;
        assert_int_equal(try_run(&u, FIVE, FIVE, &bad[i]), ERR_INVALID);
        finish(&u);
    }
}

static void test_memory(void **state)
{
    const struct temporal_opts opts = {.frame_rate = 20};
    struct run u;
    assert_int_equal(try_run(&u, FIVE, FIVE, &opts), 0);
    for (long n = 1;; n++) {
        struct arena *a;
        struct temporal_result res;
        assert_int_equal(arena_create(0, &a), 0);
        mem_test_fail_at(n);
        int r = temporal_evaluate(u.truth, u.detections, &opts, a, &res);
        bool done = mem_test_fail_pending();
        mem_test_fail_at(0);
        arena_destroy(a);
        assert_int_equal(r, done ? 0 : ERR_NOMEM);
        if (done)
            break;
    }
    finish(&u);
}

// --- the window against all assignments there are

enum {
    N_SMALL = 5,
};

static uint64_t random_state;

static int random_below(int n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int)((random_state >> 33) % (uint64_t)n);
}

static double cost_of(const struct temporal_box *t, const struct temporal_box *d, double tolerance)
{
    double iou = match_overlap(d->object, t->object);
    double dt = fabs((double)(t->time_us - d->time_us));
    if (iou < .5 || dt > tolerance)
        return INFINITY;
    return 1 - iou + (t->picture == d->picture ? 0 : tolerance + dt);
}

// The least total cost of truths from *i* on; *taken*: bits of detections.
static double least(const struct temporal_scene *s, size_t i, unsigned taken, double tolerance)
{
    if (i == s->n_truths)
        return 0;
    double best = 2 * tolerance + 2 + least(s, i + 1, taken, tolerance);
    for (size_t j = 0; j < s->n_detections; j++) {
        double cost = cost_of(&s->truths[i], &s->detections[j], tolerance);
        if (!(taken & BIT(j)) && cost < INFINITY)
            best = fmin(best, cost + least(s, i + 1, taken | BIT(j), tolerance));
    }
    return best;
}

static void make_side(struct dataset_object *objects, struct temporal_box *boxes)
{
    int at = 0;
    for (size_t i = 0; i < N_SMALL; i++) {
        at += random_below(3) * 40 * 1000;
        objects[i] = (struct dataset_object){
            .x = random_below(6), .w = 10, .h = 8 + random_below(4), .track_id = -1};
        boxes[i] = (struct temporal_box){
            .object = &objects[i], .time_us = at, .picture = at / 40000, .same = -1, .found = -1};
    }
}

static void test_window_is_optimal(void **state)
{
    const double tolerance = 100e3;
    random_state = 7;
    for (int n = 0; n < 500; n++) {
        struct dataset_object truths[N_SMALL];
        struct dataset_object detections[N_SMALL];
        struct temporal_box t[N_SMALL];
        struct temporal_box d[N_SMALL];
        uint32_t place[N_SMALL] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
        make_side(truths, t);
        make_side(detections, d);
        struct temporal_scene s = {.truths = t,
                                   .n_truths = N_SMALL,
                                   .detections = d,
                                   .n_detections = N_SMALL,
                                   .place = place};
        assert_int_equal(temporal_match_window(&s, .5, (int64_t)tolerance), 0);
        double total = 0;
        unsigned taken = 0;
        for (size_t i = 0; i < N_SMALL; i++) {
            if (t[i].found < 0) {
                total += 2 * tolerance + 2;
                continue;
            }
            assert_false(taken & BIT(t[i].found));
            taken |= BIT(t[i].found);
            total += cost_of(&t[i], &d[t[i].found], tolerance);
        }
        double expected = least(&s, 0, 0, tolerance);
        if (!(fabs(total - expected) < .1)) // 64ths
            fail_msg("row %d: %.17g, not %.17g", n, total, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_latency_values),
        cmocka_unit_test(test_no_data), cmocka_unit_test(test_equal_times),
        cmocka_unit_test(test_filters), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_window_is_optimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
