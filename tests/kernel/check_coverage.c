// SPDX-License-Identifier: Apache-2.0
// check_coverage.c - how often the intervals of a comparison hold the true difference, of AP too.
//
// Simulated runs: in every frame stand people with real boxes, some easy and some hard to see;
// that is a state which both runs share and which lasts. Each run has luck of its own that lasts
// as well, boxes that shake, confidences, and false detections at places that come and go. The
// true differences are those of a world thousands of times as long. What judges is what `compare`
// calls.
//
// Without arguments: a few hundred trials of one world against wide bounds. --bench [WORLD]: 2,000
// trials of each world (many minutes), or of the one with that number, and the table of
// bench/RESULTS.md.

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"

enum {
// The sanitizers look at memory, not at coverage: a few trials are enough for them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    N_CHECKED = 10,  // trials
    LEAST_HELD = 60, // per cent
#else
    N_CHECKED = 200,
    LEAST_HELD = 89,
#endif
    N_BENCHED = 2000,
    N_DRAWS = 400,
    N_LONG = 1000 * 1000, // frames that the true difference comes from
    N_CHECK_LONG = N_CHECKED * 500,
    MAX_PEOPLE = 8,
    N_CLUTTER = 3, // places of false detections
    N_RUNS = 2,
    FIRST_SEED = 60,
};

struct world {
    const char *name;
    size_t n_videos, n_frames; // each
    size_t n_people, n_classes;
    double lasts;         // frames that a state lasts on average
    double found[N_RUNS]; // chance to be found when easy to see; half of it when hard
    double shake[N_RUNS]; // of boxes, pixels
    double spread;        // of the chances between videos
    bool is_pictures;
};

// clang-format off
static const struct world worlds[] = {
    {"one video, 800 frames, states of 10", 1, 800, 5, 1, 10, {.80, .76}, {4, 4}, 0, false},
    {"the same, no difference", 1, 800, 5, 1, 10, {.80, .80}, {4, 4}, 0, false},
    {"one video, 1,600 frames, states of 25", 1, 1600, 3, 1, 25, {.80, .70}, {4, 5}, 0, false},
    {"one video, 800 frames, four classes", 1, 800, 4, 4, 10, {.80, .76}, {4, 5}, 0, false},
    {"three videos of 400 frames", 3, 400, 4, 1, 10, {.80, .76}, {4, 4}, 0, false},
    {"twenty videos of 60 frames that differ", 20, 60, 4, 1, 10, {.70, .66}, {4, 4}, .1, false},
    {"400 independent pictures", 1, 400, 5, 1, 1, {.80, .76}, {4, 4}, 0, true},
};
// clang-format on

// ---- the world

struct person {
    bool is_hard;
    bool luck[N_RUNS];
};

struct clutter {
    bool is_on[N_RUNS];
};

// What a trial is judged by. objects[0]: truth, then the runs.
struct scene {
    struct dataset truth, runs[N_RUNS];
    struct dataset_class classes[MAX_PEOPLE];
    size_t most; // objects that each array holds
};

static double gauss(struct bootstrap_random *r)
{
    const double u = 1 - bootstrap_unit(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * bootstrap_unit(r));
}

static double clamp(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void add(struct dataset *d, const struct dataset_object *o)
{
    d->objects[d->n_objects++] = *o;
}

static void step_states(const struct world *w, struct bootstrap_random *r, bool is_first,
                        struct person *people, struct clutter *clutter)
{
    const double change = 1 / w->lasts;
    for (size_t k = 0; k < w->n_people; k++) {
        struct person *p = &people[k];
        if (is_first || bootstrap_unit(r) < change)
            p->is_hard = bootstrap_unit(r) < .5;
        for (size_t i = 0; i < N_RUNS; i++) {
            if (is_first || bootstrap_unit(r) < change)
                p->luck[i] = bootstrap_unit(r) < .5;
        }
    }
    for (size_t k = 0; k < N_CLUTTER; k++) {
        for (size_t i = 0; i < N_RUNS; i++) {
            if (is_first || bootstrap_unit(r) < change)
                clutter[k].is_on[i] = bootstrap_unit(r) < .3;
        }
    }
}

static double chance_of(const struct world *w, const struct person *p, size_t run, double shift)
{
    double found = p->is_hard ? w->found[run] / 2 : w->found[run];
    found += (p->luck[run] ? .5 : -.5) * (1 - found); // the mean stays
    return clamp(found + (run == 0 ? shift : -shift));
}

static void add_found(const struct world *w, struct bootstrap_random *r, const struct person *p,
                      size_t run, double shift, struct dataset_object o, struct dataset *d)
{
    const double shake = w->shake[run] * (p->is_hard ? 1.5 : 1);
    if (bootstrap_unit(r) >= chance_of(w, p, run, shift))
        return;
    o.x += shake * gauss(r);
    o.y += shake * gauss(r);
    o.confidence = clamp((p->is_hard ? .45 : .65) + .15 * gauss(r));
    add(d, &o);
}

static void make_frame(const struct world *w, struct bootstrap_random *r, int32_t picture,
                       const struct person *people, const struct clutter *clutter, double shift,
                       struct scene *s)
{
    for (size_t k = 0; k < w->n_people; k++) {
        const struct dataset_object o = {.picture = picture,
                                         .class_index = (int32_t)(k % w->n_classes),
                                         .x = 100 * (double)k,
                                         .y = 100,
                                         .w = 50,
                                         .h = 120,
                                         .area = 6000,
                                         .confidence = 1,
                                         .track_id = w->is_pictures ? -1 : (int64_t)k};
        add(&s->truth, &o);
        for (size_t i = 0; i < N_RUNS; i++)
            add_found(w, r, &people[k], i, shift, o, &s->runs[i]);
    }
    for (size_t k = 0; k < N_CLUTTER; k++) {
        for (size_t i = 0; i < N_RUNS; i++) {
            if (!clutter[k].is_on[i] || bootstrap_unit(r) < .3)
                continue;
            const struct dataset_object o = {.picture = picture,
                                             .class_index = (int32_t)(k % w->n_classes),
                                             .x = 200 * (double)k,
                                             .y = 400,
                                             .w = 50,
                                             .h = 120,
                                             .area = 6000,
                                             .confidence = clamp(.4 + .15 * gauss(r)),
                                             .track_id = -1};
            add(&s->runs[i], &o);
        }
    }
}

static void simulate(const struct world *w, struct bootstrap_random *r, size_t n_videos,
                     struct scene *s)
{
    s->truth.n_objects = s->runs[0].n_objects = s->runs[1].n_objects = 0;
    for (size_t v = 0; v < n_videos; v++) {
        struct person people[MAX_PEOPLE];
        struct clutter clutter[N_CLUTTER];
        const double shift = w->spread * (bootstrap_unit(r) - .5);
        for (size_t i = 0; i < w->n_frames; i++) {
            step_states(w, r, i == 0, people, clutter);
            make_frame(w, r, (int32_t)(v * w->n_frames + i), people, clutter, shift, s);
        }
    }
}

static void scene_finish(struct scene *s)
{
    mem_free(s->truth.objects);
    mem_free(s->truth.pictures);
    mem_free(s->truth.videos);
    for (size_t i = 0; i < N_RUNS; i++) {
        mem_free(s->runs[i].objects);
        mem_free(s->runs[i].judged);
    }
}

static int scene_init(const struct world *w, size_t n_videos, struct scene *s)
{
    static char name[] = "video";
    const size_t n = n_videos * w->n_frames;
    *s = (struct scene){.truth = {.role = DATASET_TRUTH}};
    s->truth.pictures = mem_array(struct dataset_picture, n);
    s->truth.videos = mem_array(char *, n_videos);
    s->truth.objects = mem_array(struct dataset_object, n * w->n_people);
    for (size_t i = 0; i < N_RUNS; i++)
        s->runs[i].objects = mem_array(struct dataset_object, n * (w->n_people + N_CLUTTER));
    if (!s->truth.pictures || !s->truth.videos || !s->truth.objects || !s->runs[0].objects ||
        !s->runs[1].objects)
        return ERR_NOMEM;
    for (size_t k = 0; k < w->n_classes; k++)
        s->classes[k] = (struct dataset_class){.id = (int64_t)k, .name = "person"};
    for (size_t i = 0; i < n; i++)
        s->truth.pictures[i] = (struct dataset_picture){.id = (int64_t)i,
                                                        .file_name = "a.jpg",
                                                        .frame = (int64_t)(i % w->n_frames),
                                                        .pts_us = INT64_MIN,
                                                        .video = (int32_t)(i / w->n_frames)};
    for (size_t i = 0; i < n && w->is_pictures; i++)
        s->truth.pictures[i].frame = -1;
    for (size_t v = 0; v < n_videos; v++)
        s->truth.videos[v] = name;
    s->truth.n_videos = w->is_pictures ? 0 : n_videos;
    s->truth.classes = s->classes;
    s->truth.n_classes = w->n_classes;
    s->truth.n_pictures = n;
    for (size_t i = 0; i < N_RUNS; i++) {
        s->runs[i].role = DATASET_DETECTIONS;
        s->runs[i].classes = s->classes;
        s->runs[i].n_classes = w->n_classes;
        s->runs[i].pictures = s->truth.pictures;
        s->runs[i].n_pictures = s->runs[i].n_judged = n;
    }
    return 0;
}

// ---- trials

// Few thresholds are enough: what is asked is the interval, and time is what they cost.
static struct comparison_opts options(void)
{
    return (struct comparison_opts){.at_confidence = .4,
                                    .coco = {.n_ious = 4, .ious = {.5, .65, .75, .8}},
                                    .resamples = N_DRAWS};
}

// Differences, then the figures of the first run.
struct true_figures {
    double difference[WEIGHED_N_FIGURES], first[WEIGHED_N_FIGURES];
};

static int find_truth(const struct world *w, size_t n_frames, struct arena *a,
                      struct true_figures *ret)
{
    // Of a short world as many copies as are needed: states start anew, as they do in trials.
    const size_t n_videos = n_frames / w->n_frames;
    struct scene s;
    struct comparison c;
    struct bootstrap_random r;
    struct comparison_opts opts = options();
    opts.no_intervals = true;
    opts.block = 1;
    int result = scene_init(w, n_videos, &s);
    if (result == 0) {
        bootstrap_seed(&r, 7, 0);
        simulate(w, &r, n_videos, &s);
        result = comparison_run(&s.truth, &s.runs[0], &s.runs[1], &opts, a, &c);
    }
    for (size_t i = 0; i < WEIGHED_N_FIGURES && result == 0; i++) {
        ret->difference[i] = c.overall[i].difference;
        ret->first[i] = c.overall[i].a;
    }
    scene_finish(&s);
    return result;
}

struct held {
    size_t n_difference[WEIGHED_N_FIGURES], n_first[WEIGHED_N_FIGURES];
};

static void count(const struct comparison *c, const double *figures, size_t *n)
{
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        const struct bootstrap_interval in = c->overall[i].interval;
        n[i] += in.low <= figures[i] && figures[i] <= in.high;
    }
}

static int try_once(const struct world *w, const struct true_figures *t, uint64_t trial,
                    bool wants_first, struct scene *s, struct arena *a, struct held *h)
{
    struct bootstrap_random r;
    struct comparison c;
    struct comparison_opts opts = options();
    opts.seed = FIRST_SEED + trial;
    bootstrap_seed(&r, FIRST_SEED, trial);
    simulate(w, &r, w->n_videos, s);
    int result = comparison_run(&s->truth, &s->runs[0], &s->runs[1], &opts, a, &c);
    if (result == 0)
        count(&c, t->difference, h->n_difference);
    if (result == 0 && wants_first)
        result = comparison_run(&s->truth, &s->runs[0], NULL, &opts, a, &c);
    if (result == 0 && wants_first)
        count(&c, t->first, h->n_first);
    return result;
}

static int measure(const struct world *w, size_t n_trials, bool wants_first, struct held *h)
{
    struct arena *a;
    struct scene s;
    struct true_figures t;
    *h = (struct held){0};
    int r = arena_create(0, &a);
    if (r < 0)
        return r;
    r = find_truth(w, n_trials < N_BENCHED ? N_CHECK_LONG : N_LONG, a, &t);
    if (r == 0) {
        r = scene_init(w, w->n_videos, &s);
        for (uint64_t i = 0; i < n_trials && r == 0; i++) {
            const size_t mark = arena_mark(a);
            r = try_once(w, &t, i, wants_first, &s, a, h);
            arena_rewind(a, mark);
        }
        scene_finish(&s);
    }
    arena_destroy(a);
    return r;
}

// ---- output

static void print_row(const char *name, const char *what, const size_t *n, size_t n_trials)
{
    printf("| %s, %s |", name, what);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++)
        printf(" %.1f |", 100. * (double)n[i] / (double)n_trials);
    putchar('\n');
}

static int bench(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        struct held h;
        int r = measure(&worlds[i], N_BENCHED, true, &h);
        if (r < 0)
            return r;
        print_row(worlds[i].name, "B - A", h.n_difference, N_BENCHED);
        print_row(worlds[i].name, "A", h.n_first, N_BENCHED);
        fflush(stdout);
    }
    return 0;
}

// Bounds that a method which covers 93 to 97 % of the trials leaves once in thousands of seeds.
static int check(void)
{
    struct held h;
    int r = measure(&worlds[0], N_CHECKED, false, &h);
    if (r < 0)
        return r;
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        const size_t n = h.n_difference[i];
        printf("%-10s %zu of %d intervals hold the true difference\n", weighed_names[i], n,
               N_CHECKED);
        if (n < N_CHECKED * LEAST_HELD / 100 || (n == N_CHECKED && N_CHECKED > 100))
            r = err_set(ERR_INVALID, "intervals of %s hold the true difference %zu times of %d",
                        weighed_names[i], n, N_CHECKED);
    }
    return r;
}

int main(int argc, char **argv)
{
    int64_t world = -1;
    int r;
    if (argc > 2 && (str_to_i64(str_of(argv[2]), &world) < 0 || world < 0 ||
                     world >= (int64_t)ARRAY_LEN(worlds)))
        return 2;
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        r = world < 0 ? bench(0, ARRAY_LEN(worlds)) : bench((size_t)world, 1);
    else
        r = check();
    if (r < 0)
        fprintf(stderr, "%s\n", err_message(r));
    return r < 0;
}
