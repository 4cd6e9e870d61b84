// SPDX-License-Identifier: Apache-2.0
// comparison.c - common pictures, figures, and their intervals by resampling.
//
// SHAPES
// slots: the figures of which draws are kept: WEIGHED_N_FIGURES of all classes, then as many of
//   each class that has data. draws: [slot][resample].
// Resample i has the random numbers of (seed, i), so threads change nothing.

#include "eval/comparison.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "dataset/dataset.h"
#include "eval/comparison_priv.h"

enum {
    MAX_THREADS = 64,
    N_RUNS = 2,
};

struct run {
    const struct dataset *truth;
    struct dataset *detections[N_RUNS];
    size_t n_runs;
    struct weighed weigheds[N_RUNS];
    struct comparison_time time;
    struct comparison *c;
    struct arena *arena;
    double *draws;
    size_t n_slots;
};

// ---- pictures

static bool is_judged(const struct dataset *d, size_t picture)
{
    return !d->judged || d->judged[picture];
}

static int narrow(struct run *run)
{
    const size_t n = run->truth->n_pictures;
    bool *common[N_RUNS] = {NULL, NULL}; // one each: a dataset owns its own
    for (size_t k = 0; k < run->n_runs; k++) {
        common[k] = mem_array(bool, MAX(n, 1));
        if (!common[k]) {
            mem_free(common[0]);
            return ERR_NOMEM;
        }
    }
    struct comparison *c = run->c;
    for (size_t i = 0; i < n; i++) {
        bool a = is_judged(run->detections[0], i);
        bool b = run->n_runs < 2 || is_judged(run->detections[1], i);
        for (size_t k = 0; k < run->n_runs; k++)
            common[k][i] = a && b;
        c->n_pictures += a && b;
        c->n_left_out += a != b && run->n_runs == 2;
    }
    for (size_t k = 0; k < run->n_runs; k++) {
        mem_free(run->detections[k]->judged);
        run->detections[k]->judged = common[k];
        run->detections[k]->n_judged = c->n_pictures;
    }
    return 0;
}

static void fill_errors(struct run *run)
{
    for (size_t k = 0; k < run->n_runs; k++) {
        const struct weighed *o = &run->weigheds[k];
        const double sign = run->n_runs == 2 && k == 0 ? -1 : 1;
        for (size_t i = 0; i < o->first_count[o->n_classes]; i++) {
            const struct weighed_count *c = &o->counts[i];
            run->time.errors[run->time.places[c->picture]] +=
                sign * ((double)c->n_truths - c->true_ + c->false_);
        }
    }
}

static void make_plan(struct run *run)
{
    const double seconds = run->time.frame_seconds;
    fill_errors(run);
    const struct bootstrap_frames frames = {.n = run->time.n,
                                            .videos = run->time.videos,
                                            .n_videos = run->time.n_videos,
                                            .errors = run->time.errors,
                                            .floor = run->time.floor,
                                            .block = run->c->opts.block};
    bootstrap_plan_make(&frames, &run->c->plan);
    run->c->block_seconds = seconds * (double)run->c->plan.block;
}

// ---- figures

static int fill_figures(struct run *run)
{
    struct comparison *c = run->c;
    const size_t n = run->truth->n_classes;
    struct weighed_figures overall[N_RUNS];
    struct weighed_figures *classes = arena_array(run->arena, struct weighed_figures, N_RUNS * n);
    c->classes = arena_array(run->arena, struct comparison_class, n);
    if (!classes || !c->classes)
        return ERR_NOMEM;
    for (size_t k = 0; k < run->n_runs; k++) {
        struct weighed_scratch s;
        int r = weighed_scratch_init(&run->weigheds[k], run->arena, &s);
        if (r < 0)
            return r;
        weighed_weigh(&run->weigheds[k], NULL, &s, &overall[k], classes + k * n);
    }
    if (run->n_runs == 1) {
        overall[1] = overall[0];
        if (n > 0)
            memcpy(classes + n, classes, n * sizeof(*classes));
    }
    const double sign = run->n_runs == 2 ? 1 : 0;
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++)
        c->overall[i] = (struct comparison_figure){overall[0].v[i],
                                                   overall[1].v[i],
                                                   overall[1].v[i] - sign * overall[0].v[i],
                                                   {NAN, NAN},
                                                   false};
    for (size_t k = 0; k < n; k++) {
        const struct weighed *o = &run->weigheds[0];
        bool is_empty = true;
        struct comparison_class row = {.label = run->truth->classes[k].name,
                                       .class_index = (int32_t)k};
        for (size_t r = 0; r < run->n_runs; r++)
            is_empty =
                is_empty && run->weigheds[r].first_count[k] == run->weigheds[r].first_count[k + 1];
        if (is_empty)
            continue;
        for (size_t i = o->first_count[k]; i < o->first_count[k + 1]; i++)
            row.n_truths += o->counts[i].n_truths;
        for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
            double a = classes[k].v[i];
            double b = classes[n + k].v[i];
            row.figures[i] = (struct comparison_figure){a, b, b - sign * a, {NAN, NAN}, false};
        }
        c->classes[c->n_classes++] = row;
    }
    return 0;
}

// ---- resampling

struct job {
    struct run *run;
    struct thread thread;
    struct arena *arena;
    size_t first, step; // resamples of this thread
    int result;
};

static void keep_draw(struct run *run, size_t resample, const struct weighed_figures *f,
                      size_t slot)
{
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        double value = run->n_runs == 2 ? f[1].v[i] - f[0].v[i] : f[0].v[i];
        run->draws[(slot * WEIGHED_N_FIGURES + i) * run->c->opts.resamples + resample] = value;
    }
}

static int resample_all(struct job *j)
{
    struct run *run = j->run;
    const size_t n = run->truth->n_classes;
    uint32_t *by_place = arena_array(j->arena, uint32_t, run->time.n);
    uint32_t *weights = arena_array(j->arena, uint32_t, run->truth->n_pictures);
    struct weighed_figures *classes = arena_array(j->arena, struct weighed_figures, N_RUNS * n);
    struct weighed_scratch scratch[N_RUNS];
    if (!by_place || !weights || !classes)
        return ERR_NOMEM;
    for (size_t k = 0; k < run->n_runs; k++) {
        int r = weighed_scratch_init(&run->weigheds[k], j->arena, &scratch[k]);
        if (r < 0)
            return r;
    }
    for (size_t i = j->first; i < run->c->opts.resamples; i += j->step) {
        struct bootstrap_random random;
        struct weighed_figures f[N_RUNS];
        bootstrap_seed(&random, run->c->opts.seed, i);
        bootstrap_draw(&run->c->plan, &random, by_place);
        for (size_t p = 0; p < run->time.n; p++)
            weights[run->time.pictures[p]] = by_place[p];
        for (size_t k = 0; k < run->n_runs; k++)
            weighed_weigh(&run->weigheds[k], weights, &scratch[k], &f[k], classes + k * n);
        keep_draw(run, i, f, 0);
        for (size_t k = 0; k < run->c->n_classes; k++) {
            const size_t at = (size_t)run->c->classes[k].class_index;
            f[0] = classes[at];
            f[1] = classes[n + at];
            keep_draw(run, i, f, k + 1);
        }
    }
    return 0;
}

static void run_job(void *arg)
{
    struct job *j = arg;
    j->result = arena_create(0, &j->arena);
    if (j->result == 0)
        j->result = resample_all(j);
    arena_destroy(j->arena);
    j->arena = NULL;
}

static void read_intervals(struct run *run, struct comparison_figure *f, size_t slot)
{
    const size_t n = run->c->opts.resamples;
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        if (isnan(f[i].difference))
            continue;
        double *draws = run->draws + (slot * WEIGHED_N_FIGURES + i) * n;
        f[i].interval = bootstrap_interval_of(&run->c->plan, draws, n);
        f[i].is_beyond_noise = bootstrap_excludes_zero(f[i].interval);
    }
}

static int fill_intervals(struct run *run)
{
    struct comparison *c = run->c;
    run->n_slots = 1 + c->n_classes;
    run->draws = (double *)arena_alloc(run->arena, run->n_slots * WEIGHED_N_FIGURES,
                                       c->opts.resamples * sizeof(double));
    if (!run->draws)
        return ERR_NOMEM;
    struct job jobs[MAX_THREADS] = {0};
    const size_t n = (size_t)MIN(MAX(thread_n_cores(), 1), MAX_THREADS);
    int r = 0;
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job){.run = run, .first = i, .step = n};
    for (size_t i = 1; i < n && r == 0; i++)
        r = thread_start(&jobs[i].thread, "resample", run_job, &jobs[i]);
    if (r == 0)
        run_job(&jobs[0]);
    for (size_t i = 0; i < n; i++) {
        thread_join(&jobs[i].thread);
        r = r < 0 ? r : jobs[i].result;
    }
    if (r < 0)
        return r;
    read_intervals(run, c->overall, 0);
    for (size_t k = 0; k < c->n_classes; k++)
        read_intervals(run, c->classes[k].figures, k + 1);
    return 0;
}

// ---- all

static int run_all(struct run *run)
{
    struct comparison *c = run->c;
    int r = coco_opts_complete(&c->opts.coco);
    if (r == 0)
        r = narrow(run);
    if (r == 0)
        r = comparison_time_order(run->truth, run->detections, run->n_runs, run->arena, &run->time);
    for (size_t k = 0; k < run->n_runs && r == 0; k++) {
        const struct weighed_opts opts = {.selected = c->opts.selected,
                                          .has_min_confidence = c->opts.has_min_confidence,
                                          .min_confidence = c->opts.min_confidence,
                                          .at_confidence = c->opts.at_confidence,
                                          .coco = c->opts.coco};
        r = weighed_judge(run->truth, run->detections[k], &opts, run->arena, &run->weigheds[k]);
    }
    if (r < 0)
        return r;
    make_plan(run);
    r = fill_figures(run);
    if (r == 0 && !c->opts.no_intervals)
        r = fill_intervals(run);
    if (r == 0 && run->n_runs == 2)
        r = comparison_find_changes(&run->weigheds[0], &run->weigheds[1], &run->time, run->arena,
                                    c);
    return r;
}

int comparison_run(const struct dataset *truth, struct dataset *a, struct dataset *b,
                   const struct comparison_opts *opts, struct arena *arena,
                   struct comparison *ret_comparison)
{
    struct comparison c = {.opts = *opts};
    struct run run = {
        .truth = truth, .detections = {a, b}, .n_runs = b ? 2 : 1, .c = &c, .arena = arena};
    if (c.opts.seed == 0)
        c.opts.seed = BOOTSTRAP_SEED;
    if (c.opts.resamples == 0)
        c.opts.resamples = BOOTSTRAP_RESAMPLES;
    if (c.opts.resamples > BOOTSTRAP_MAX_RESAMPLES)
        return err_set(ERR_INVALID, "%zu resamples are more than %d", c.opts.resamples,
                       BOOTSTRAP_MAX_RESAMPLES);
    int r = run_all(&run);
    if (r < 0)
        return r;
    *ret_comparison = c;
    return 0;
}
