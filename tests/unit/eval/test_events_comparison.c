// SPDX-License-Identifier: Apache-2.0
// test_events_comparison.c - two systems that report events: figures and changes worked out by
// hand, verdicts, and how often intervals hold the true difference.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/event_list.h"
#include "eval/comparison.h"
#include "eval/events.h"
#include "eval/events_comparison.h"

enum {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    N_TRIALS = 60,
    LEAST_HELD = 83,  // per cent
    MOST_CALLED = 20, // likewise
#else
    N_TRIALS = 400,
    LEAST_HELD = 92,
    MOST_CALLED = 11,
#endif
    N_EQUAL = N_TRIALS / 2,
    N_DRAWS = 300,
    MAX_EVENTS = 1000,
};

// A list of "label@ms", perhaps with "*confidence"; in the arena.
static struct event_list *given(struct arena *a, const char *text)
{
    struct event_list *l = arena_new(a, struct event_list);
    l->items = arena_array(a, struct event, MAX_EVENTS);
    struct str rest = str_of(text);
    struct str part;
    while (rest.n > 0 && str_split(&rest, ' ', &part)) {
        struct str label;
        struct str time;
        double ms;
        double confidence = 1;
        assert_true(str_split(&part, '@', &label));
        assert_true(str_split(&part, '*', &time));
        assert_int_equal(str_to_double(time, &ms), 0);
        if (part.n > 0)
            assert_int_equal(str_to_double(part, &confidence), 0);
        l->items[l->n++] = (struct event){.label = arena_strndup(a, label.p, label.n),
                                          .time_us = llround(ms * 1000),
                                          .confidence = confidence};
    }
    return l;
}

static void same(const char *what, double got, double expected)
{
    if (!(fabs(got - expected) < 1e-9) && !(isnan(got) && isnan(expected)))
        fail_msg("%s: %.17g, not %.17g", what, got, expected);
}

static void changes_text(const struct events_comparison *c, struct str_buf *out)
{
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct events_change *x = &c->changes[i];
        str_buf_printf(out, "%s %s@%lld", comparison_side_names[x->side], x->label,
                       (long long)x->time_us / 1000);
        if (x->a_time_us != INT64_MIN)
            str_buf_printf(out, " A%lld", (long long)x->a_time_us / 1000);
        if (x->b_time_us != INT64_MIN)
            str_buf_printf(out, " B%lld", (long long)x->b_time_us / 1000);
        str_buf_puts(out, "; ");
    }
}

// ---- by hand: tolerance 100 ms, threshold of latency 50 ms

struct figures {
    double precision, recall, f1, in_time, p50, p95;
};

static const struct {
    const char *what, *truth, *a, *b;
    size_t n_both, n_neither;
    struct figures of_a, of_b;
    const char *changes;
} rows[] = {
    {"each has what the other has not",
     "a@1000 a@2000 b@3000",
     "a@1050 a@2020 b@9000",
     "a@1080 b@3010 a@5000",
     1,
     0,
     {2. / 3, 2. / 3, 2. / 3, 2. / 3, 20, 50},
     {2. / 3, 2. / 3, 2. / 3, 1. / 3, 10, 80},
     "lost a@2000 A2020; found b@3000 B3010; false_new a@5000 B5000; false_gone b@9000 A9000; "},
    {"the same", "a@1000", "a@1000", "a@1000", 1, 0, {1, 1, 1, 1, 0, 0}, {1, 1, 1, 1, 0, 0}, ""},
    {"false in both is no change, and one for one",
     "a@1000",
     "a@1000 a@4000 a@8000",
     "a@1000 a@4090 a@7910 a@8050",
     1,
     0,
     {1. / 3, 1, .5, 1, 0, 0},
     {.25, 1, .4, 1, 0, 0},
     "false_new a@7910 B7910; "},
    {"another label, a report too weak, evidence first",
     "a@1000 a@2000",
     "b@1000*0.5 a@2000*0.24",
     "a@2000*0.9",
     0,
     1,
     {0, 0, 0, 0, NAN, NAN},
     {1, .5, 2. / 3, .5, 0, 0},
     "found a@2000 B2000; false_gone b@1000 A1000; "},
    {"no truth",
     "",
     "a@1",
     "",
     0,
     0,
     {0, NAN, NAN, NAN, NAN, NAN},
     {NAN, NAN, NAN, NAN, NAN, NAN},
     "false_gone a@1 A1; "},
    {"nothing",
     "",
     "",
     "",
     0,
     0,
     {NAN, NAN, NAN, NAN, NAN, NAN},
     {NAN, NAN, NAN, NAN, NAN, NAN},
     ""},
};

static void same_figures(const char *what, const struct events_difference *d, bool is_b,
                         const struct figures *x)
{
    const double expected[] = {x->precision, x->recall, x->f1, x->in_time,
                               x->p50,       x->p95,    NAN,   NAN};
    for (size_t f = 0; f < EVENTS_N_FIGURES; f++)
        same(what, is_b ? d[f].b : d[f].a, expected[f]);
}

static void test_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a;
        struct events_comparison c;
        assert_int_equal(arena_create(0, &a), 0);
        const struct events_video v = {.truth = given(a, rows[i].truth),
                                       .detections = {given(a, rows[i].a), given(a, rows[i].b)}};
        const struct events_comparison_opts opts = {
            .temporal = {.has_latency_threshold = true, .latency_threshold_ms = 50}};
        assert_int_equal(events_compare(&v, 1, &opts, a, &c), 0);
        same_figures(rows[i].what, c.overall, false, &rows[i].of_a);
        same_figures(rows[i].what, c.overall, true, &rows[i].of_b);
        if (c.n_both != rows[i].n_both || c.n_neither != rows[i].n_neither)
            fail_msg("%s: both %zu, neither %zu", rows[i].what, c.n_both, c.n_neither);
        struct str_buf text = STR_BUF_INIT(4096);
        changes_text(&c, &text);
        if (strcmp(str_buf_text(&text), rows[i].changes) != 0)
            fail_msg("%s: %s", rows[i].what, str_buf_text(&text));
        str_buf_finish(&text);
        assert_int_equal(c.verdict, EVENTS_VERDICT_UNSET); // a handful of events say nothing
        arena_destroy(a);
    }
}

// Labels, arrivals and videos have their own parts; none meets another's.
static void test_parts(void **state)
{
    (void)state;
    struct arena *a;
    struct events_comparison c;
    assert_int_equal(arena_create(0, &a), 0);
    const int64_t arrivals[] = {200000, INT64_MIN, 400000};
    const struct events_video v[] = {
        {.truth = given(a, "a@1000 b@1000"),
         .detections = {given(a, "a@1010 b@1000 b@5000*0.1"), given(a, "b@1000")},
         .arrival_us = {arrivals, NULL}},
        {.truth = given(a, "a@1000"), .detections = {given(a, ""), given(a, "a@1030")}},
    };
    const struct events_comparison_opts opts = {.resamples = 100};
    assert_int_equal(events_compare(v, 2, &opts, a, &c), 0);
    assert_int_equal(c.n_labels, 2);
    assert_string_equal(c.labels[0].label, "a");
    assert_int_equal(c.labels[0].n_truths, 2);
    same("a, recall of A", c.labels[0].figures[EVENTS_RECALL].a, .5);
    same("a, latency", c.labels[0].figures[EVENTS_LATENCY_P50].difference, 20);
    same("b, recall", c.labels[1].figures[EVENTS_RECALL].difference, 0);
    same("arrival of A", c.overall[EVENTS_ARRIVAL_P50].a, 200); // the weak report does not count
    same("arrival of B", c.overall[EVENTS_ARRIVAL_P50].b, NAN);
    assert_int_equal(c.n_below[0], 1);
    assert_int_equal(c.n_changes, 2);
    assert_int_equal(c.changes[0].video, 0);
    assert_int_equal(c.changes[1].video, 1);
    arena_destroy(a);
}

// ---- verdicts: a truth every second

struct world {
    size_t n;
    size_t b_misses, a_misses; // one of so many; 0: none
    double a_late, b_late;     // ms
    enum events_verdict f1, latency, all;
    const char *what;
};

static const struct world worlds[] = {
    {200, 0, 0, 20, 20, EVENTS_SAME, EVENTS_SAME, EVENTS_SAME, "the same"},
    {200, 4, 0, 20, 20, EVENTS_WORSE, EVENTS_SAME, EVENTS_WORSE, "B misses a quarter"},
    {200, 0, 4, 20, 20, EVENTS_BETTER, EVENTS_SAME, EVENTS_BETTER, "A misses a quarter"},
    {200, 0, 0, 20, 60, EVENTS_SAME, EVENTS_WORSE, EVENTS_WORSE, "B is later"},
    {200, 0, 4, 20, 60, EVENTS_BETTER, EVENTS_WORSE, EVENTS_MIXED, "B finds more, later"},
    {200, 40, 0, 20, 20, EVENTS_SAME, EVENTS_SAME, EVENTS_SAME, "five that changed are too few"},
    {9, 2, 0, 20, 60, EVENTS_VERDICT_UNSET, EVENTS_VERDICT_UNSET, EVENTS_VERDICT_UNSET, "few"},
};

static struct event_list *make(struct arena *a, size_t n, size_t misses, double late_ms)
{
    struct event_list *l = arena_new(a, struct event_list);
    l->items = arena_array(a, struct event, n);
    for (size_t i = 0; i < n; i++)
        if (misses == 0 || i % misses != misses / 2)
            l->items[l->n++] = (struct event){
                .label = "a", .time_us = (int64_t)(i * 1000000 + late_ms * 1000), .confidence = 1};
    return l;
}

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        const struct world *w = &worlds[i];
        struct arena *a;
        struct events_comparison c;
        assert_int_equal(arena_create(0, &a), 0);
        const struct events_video v = {.truth = make(a, w->n, 0, 0),
                                       .detections = {make(a, w->n, w->a_misses, w->a_late),
                                                      make(a, w->n, w->b_misses, w->b_late)}};
        const struct events_comparison_opts opts = {.resamples = 500};
        assert_int_equal(events_compare(&v, 1, &opts, a, &c), 0);
        if (c.overall[EVENTS_F1].verdict != w->f1 ||
            c.overall[EVENTS_LATENCY_P50].verdict != w->latency || c.verdict != w->all)
            fail_msg("%s: f1 %s, latency %s, all %s", w->what,
                     events_verdict_names[c.overall[EVENTS_F1].verdict],
                     events_verdict_names[c.overall[EVENTS_LATENCY_P50].verdict],
                     events_verdict_names[c.verdict]);
        // The label is all there is: its figures are the same.
        assert_memory_equal(&c.overall[EVENTS_F1], &c.labels[0].figures[EVENTS_F1],
                            sizeof(struct events_difference));
        arena_destroy(a);
    }
}

// Reports stretch the time of a video whose duration is unknown, but not far; a long video has
// longer cells.
static void test_cells(void **state)
{
    (void)state;
    static const struct {
        int64_t duration_us;
        const char *reports;
        double cell_seconds;
        size_t n_cells;
    } cases[] = {
        {0, "", .1, 11},       // until the truth at 1 s
        {0, "a@4000", .1, 41}, // ... or what is reported after it
        {0, "a@99999999", .1, 101},
        {0, "a@-5000", .1, 11},
        {60000000, "a@99999999", .1, 600},
        {60000001, "a@-5", .1, 601},
        {4000 * 1000000LL, "", .2, 20000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *a;
        struct events_comparison c;
        assert_int_equal(arena_create(0, &a), 0);
        const struct events_video v = {.truth = given(a, "a@1000"),
                                       .detections = {given(a, cases[i].reports), given(a, "")},
                                       .duration_us = cases[i].duration_us};
        const struct events_comparison_opts opts = {.resamples = 100};
        assert_int_equal(events_compare(&v, 1, &opts, a, &c), 0);
        same("cell", c.cell_seconds, cases[i].cell_seconds);
        assert_int_equal(c.plan.frames.n, cases[i].n_cells);
        arena_destroy(a);
    }
}

// ---- how often intervals hold the true difference

// Times are easy or hard for a while, for both systems; what each finds, and how late, is chance.
// Equal systems are both as A is.
static void simulate(struct bootstrap_random *r, bool are_equal, struct arena *a,
                     struct events_video *v)
{
    static const double finds[2][2] = {{.9, .95}, {.4, .6}}; // [hard][run]
    static const double late[2] = {30, 40};                  // ms, and up to 30 more
    struct event_list *l[3];
    for (size_t i = 0; i < ARRAY_LEN(l); i++) {
        l[i] = arena_new(a, struct event_list);
        l[i]->items = arena_array(a, struct event, MAX_EVENTS);
    }
    bool is_hard = bootstrap_unit(r) < .5;
    for (double t = 0; t < 400; t += .5 + 2 * bootstrap_unit(r)) {
        is_hard = bootstrap_unit(r) < .2 ? !is_hard : is_hard;
        const struct event e = {.label = "a", .time_us = (int64_t)(t * 1e6), .confidence = 1};
        l[2]->items[l[2]->n++] = e;
        const double luck = bootstrap_unit(r); // of both
        for (size_t k = 0; k < 2; k++) {
            const double own = bootstrap_unit(r) < .5 ? luck : bootstrap_unit(r);
            const double ms = late[are_equal ? 0 : k] + 30 * bootstrap_unit(r);
            if (own < finds[is_hard][are_equal ? 0 : k]) {
                l[k]->items[l[k]->n] = e;
                l[k]->items[l[k]->n++].time_us += (int64_t)(ms * 1e3);
            }
        }
    }
    *v = (struct events_video){.truth = l[2], .detections = {l[0], l[1]}, .duration_us = 400000000};
}

static void test_coverage(void **state)
{
    (void)state;
    struct bootstrap_random r;
    size_t n_recall = 0;
    size_t n_latency = 0;
    bootstrap_seed(&r, 7, 0);
    for (size_t i = 0; i < N_TRIALS; i++) {
        struct arena *a;
        struct events_video v;
        struct events_comparison c;
        assert_int_equal(arena_create(0, &a), 0);
        simulate(&r, false, a, &v);
        const struct events_comparison_opts opts = {.resamples = N_DRAWS, .seed = i + 1};
        assert_int_equal(events_compare(&v, 1, &opts, a, &c), 0);
        const struct bootstrap_interval *recall = &c.overall[EVENTS_RECALL].interval;
        const struct bootstrap_interval *late = &c.overall[EVENTS_LATENCY_P50].interval;
        n_recall += recall->low <= .125 && .125 <= recall->high; // ((.95 - .9) + (.6 - .4)) / 2
        n_latency += late->low <= 10 && 10 <= late->high;
        arena_destroy(a);
    }
    if (n_recall * 100 < LEAST_HELD * N_TRIALS || n_latency * 100 < LEAST_HELD * N_TRIALS)
        fail_msg("of %d trials recall held in %zu, median latency in %zu", N_TRIALS, n_recall,
                 n_latency);
}

// How often chance alone makes a verdict of two systems that are equal.
static void test_equal_systems(void **state)
{
    (void)state;
    struct bootstrap_random r;
    size_t n_called = 0;
    bootstrap_seed(&r, 11, 0);
    for (size_t i = 0; i < N_EQUAL; i++) {
        struct arena *a;
        struct events_video v;
        struct events_comparison c;
        assert_int_equal(arena_create(0, &a), 0);
        simulate(&r, true, a, &v);
        const struct events_comparison_opts opts = {.resamples = N_DRAWS, .seed = i + 1};
        assert_int_equal(events_compare(&v, 1, &opts, a, &c), 0);
        assert_int_not_equal(c.verdict, EVENTS_VERDICT_UNSET);
        n_called += c.verdict != EVENTS_SAME;
        arena_destroy(a);
    }
    if (n_called * 100 > MOST_CALLED * N_EQUAL)
        fail_msg("of %d pairs of equal systems %zu were called different", N_EQUAL, n_called);
}

static int stop_third(void *arg)
{
    return ++*(int *)arg == 3 ? ERR_CANCELLED : 0;
}

static void test_stopped(void **state)
{
    (void)state;
    struct arena *a;
    struct events_comparison c;
    int n_asked = 0;
    assert_int_equal(arena_create(0, &a), 0);
    const struct events_video v = {.truth = given(a, "a@1"),
                                   .detections = {given(a, "a@1"), given(a, "")}};
    const struct events_comparison_opts opts = {
        .resamples = 100, .check = stop_third, .arg = &n_asked};
    assert_int_equal(events_compare(&v, 1, &opts, a, &c), ERR_CANCELLED);
    assert_int_equal(n_asked, 3);
    arena_destroy(a);
}

static void test_limits_and_memory(void **state)
{
    (void)state;
    struct arena *a;
    struct events_comparison c;
    assert_int_equal(arena_create(0, &a), 0);
    const struct events_video v = {.truth = given(a, "a@1 b@2"),
                                   .detections = {given(a, "a@1"), given(a, "b@2 c@9")}};
    const struct events_comparison_opts wrong[] = {
        {.resamples = BOOTSTRAP_MAX_RESAMPLES + 1},
        {.temporal = {.has_tolerance = true, .tolerance_ms = -1}},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(events_compare(&v, 1, &wrong[i], a, &c), ERR_INVALID);
    struct event_list many = {.items = arena_array(a, struct event, EVENTS_MAX + 1),
                              .n = EVENTS_MAX + 1};
    for (size_t i = 0; i < many.n; i++)
        many.items[i] = (struct event){.label = "a", .time_us = (int64_t)i * 1000000};
    const struct events_video big = {.truth = &many, .detections = {given(a, ""), given(a, "")}};
    const struct events_comparison_opts few = {.resamples = 100};
    assert_int_equal(events_compare(&big, 1, &few, a, &c), ERR_TOO_BIG);
    bool done = false;
    for (long n = 1; !done; n++) {
        struct arena *b;
        assert_int_equal(arena_create(0, &b), 0);
        mem_test_fail_at(n);
        int r = events_compare(&v, 1, &few, b, &c);
        done = mem_test_fail_pending();
        mem_test_fail_at(0);
        arena_destroy(b);
        assert_int_equal(r, done ? 0 : ERR_NOMEM);
    }
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),  cmocka_unit_test(test_parts),
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_cells),
        cmocka_unit_test(test_coverage), cmocka_unit_test(test_equal_systems),
        cmocka_unit_test(test_stopped),  cmocka_unit_test(test_limits_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
