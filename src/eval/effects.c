// SPDX-License-Identifier: Apache-2.0
// effects.c - parts of time, what each adds, and intervals from that.

#include "eval/effects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/thread.h"
#include "dataset/dataset.h"
#include "eval/comparison_priv.h"

enum {
    MAX_THREADS = 64,
};

struct work {
    const struct dataset *truth;
    struct weighed weighed;
    struct comparison_time time;
    size_t *part_of; // [place in time]
    struct effects *e;
    size_t *classes; // [scope]: of the truth; the first is not used
    struct weighed_figures overall, *by_class;
};

// ---- parts

static size_t steps_of(const struct weighed *o)
{
    return o->first_ranked[o->n_classes] * o->coco.n_ious;
}

static size_t wanted_parts(const struct work *w)
{
    const size_t steps = MAX(steps_of(&w->weighed), 1);
    const size_t most = (size_t)EFFECTS_MAX_STEPS / steps;
    return MIN(MAX(most, (size_t)EFFECTS_MIN_PARTS), (size_t)EFFECTS_MAX_PARTS);
}

// With more videos than parts, a part is several whole videos and stands for one.
static int cut(struct work *w, struct arena *a)
{
    struct effects *e = w->e;
    const struct comparison_time *t = &w->time;
    const size_t wanted = wanted_parts(w);
    const size_t together = (t->n_videos + wanted - 1) / MAX(wanted, 1);
    w->part_of = arena_array(a, size_t, t->n);
    e->videos = arena_array(a, size_t, t->n_videos);
    if (!w->part_of || !e->videos)
        return ERR_NOMEM;
    e->frames = MAX((t->n + wanted - 1) / wanted, 1);
    e->seconds = t->frame_seconds * (double)e->frames;
    e->floor = (t->floor + e->frames - 1) / e->frames;
    for (size_t v = 0; v < t->n_videos; v++) {
        const struct bootstrap_video *video = &t->videos[v];
        if (together > 1) { // the first of those together begins a part and a video of one part
            if (v % together == 0) {
                e->videos[e->n_videos++] = 1;
                e->n++;
            }
            for (size_t i = 0; i < video->n; i++)
                w->part_of[video->first + i] = e->n - 1;
            continue;
        }
        for (size_t i = 0; i < video->n; i++)
            w->part_of[video->first + i] = e->n + i / e->frames;
        e->videos[e->n_videos] = (video->n + e->frames - 1) / e->frames;
        e->n += e->videos[e->n_videos++];
    }
    return 0;
}

static int fill_sums(struct work *w, struct arena *a)
{
    const struct weighed *o = &w->weighed;
    w->e->truths = arena_array(a, double, w->e->n);
    w->e->errors = arena_array(a, double, w->e->n);
    if (!w->e->truths || !w->e->errors)
        return ERR_NOMEM;
    for (size_t i = 0; i < o->first_count[o->n_classes]; i++) {
        const struct weighed_count *c = &o->counts[i];
        const size_t part = w->part_of[w->time.places[c->picture]];
        w->e->truths[part] += c->n_truths;
        w->e->errors[part] += (double)c->n_truths - c->true_ + c->false_;
    }
    return 0;
}

// ---- scopes

struct ranked_class {
    size_t index, n_truths;
};

static int compare_classes(const void *a, const void *b)
{
    const struct ranked_class *x = a;
    const struct ranked_class *y = b;
    if (x->n_truths != y->n_truths)
        return x->n_truths > y->n_truths ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int add_scope(struct work *w, const char *label, const struct weighed_figures *f,
                     struct arena *a)
{
    struct effects_scope s = {.label = label};
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        if (isnan(f->v[i]))
            continue;
        s.values[i] = arena_array(a, double, w->e->n);
        if (!s.values[i])
            return ERR_NOMEM;
    }
    w->e->scopes[w->e->n_scopes++] = s;
    return 0;
}

static int list_scopes(struct work *w, struct arena *a)
{
    const struct weighed *o = &w->weighed;
    struct ranked_class *ranked = arena_array(a, struct ranked_class, o->n_classes);
    w->e->scopes = arena_array(a, struct effects_scope, 1 + (size_t)EFFECTS_MAX_CLASSES);
    w->classes = arena_array(a, size_t, 1 + (size_t)EFFECTS_MAX_CLASSES);
    if (!ranked || !w->e->scopes || !w->classes)
        return ERR_NOMEM;
    for (size_t k = 0; k < o->n_classes; k++) {
        ranked[k].index = k;
        for (size_t i = o->first_count[k]; i < o->first_count[k + 1]; i++)
            ranked[k].n_truths += o->counts[i].n_truths;
    }
    if (o->n_classes > 0)
        qsort(ranked, o->n_classes, sizeof(*ranked), compare_classes);
    int r = add_scope(w, NULL, &w->overall, a);
    for (size_t i = 0; r == 0 && i < o->n_classes && i < EFFECTS_MAX_CLASSES; i++) {
        if (ranked[i].n_truths == 0)
            break;
        w->classes[w->e->n_scopes] = ranked[i].index;
        r = add_scope(w, w->truth->classes[ranked[i].index].name, &w->by_class[ranked[i].index], a);
    }
    return r;
}

// ---- effects

struct job {
    struct work *work;
    struct thread thread;
    struct arena *arena;
    size_t first, step; // parts of this thread
    int result;
};

static void keep(const struct effects_scope *s, size_t part, const struct weighed_figures *whole,
                 const struct weighed_figures *without)
{
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        if (s->values[i] && !isnan(without->v[i]))
            s->values[i][part] = whole->v[i] - without->v[i];
    }
}

static int run_parts(struct job *j)
{
    struct work *w = j->work;
    struct weighed_scratch scratch;
    struct weighed_figures overall;
    uint32_t *weights = arena_array(j->arena, uint32_t, w->truth->n_pictures);
    struct weighed_figures *classes =
        arena_array(j->arena, struct weighed_figures, w->weighed.n_classes);
    if (!weights || !classes)
        return ERR_NOMEM;
    int r = weighed_scratch_init(&w->weighed, j->arena, &scratch);
    if (r < 0)
        return r;
    for (size_t part = j->first; part < w->e->n; part += j->step) {
        for (size_t i = 0; i < w->time.n; i++)
            weights[w->time.pictures[i]] = w->part_of[i] != part;
        weighed_weigh(&w->weighed, weights, &scratch, &overall, classes);
        keep(&w->e->scopes[0], part, &w->overall, &overall);
        for (size_t s = 1; s < w->e->n_scopes; s++)
            keep(&w->e->scopes[s], part, &w->by_class[w->classes[s]], &classes[w->classes[s]]);
    }
    return 0;
}

static void run_job(void *arg)
{
    struct job *j = arg;
    j->result = arena_create(0, &j->arena);
    if (j->result == 0)
        j->result = run_parts(j);
    arena_destroy(j->arena);
    j->arena = NULL;
}

static int run_all(struct work *w)
{
    struct job jobs[MAX_THREADS] = {0};
    const size_t n = (size_t)MIN(MAX(thread_n_cores(), 1), MAX_THREADS);
    int r = 0;
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job){.work = w, .first = i, .step = n};
    for (size_t i = 1; i < n && r == 0; i++)
        r = thread_start(&jobs[i].thread, "effects", run_job, &jobs[i]);
    if (r == 0)
        run_job(&jobs[0]);
    for (size_t i = 0; i < n; i++) {
        thread_join(&jobs[i].thread);
        r = r < 0 ? r : jobs[i].result;
    }
    return r;
}

int effects_run(const struct dataset *truth, struct dataset *detections,
                const struct weighed_opts *opts, struct arena *a, struct effects *ret_effects)
{
    struct effects e = {0};
    struct work w = {.truth = truth, .e = &e};
    struct weighed_scratch scratch;
    int r = weighed_judge(truth, detections, opts, a, &w.weighed);
    w.weighed.is_area = true;
    if (r == 0)
        r = comparison_time_order(truth, &detections, 1, a, &w.time);
    if (r == 0)
        r = cut(&w, a);
    if (r == 0)
        r = fill_sums(&w, a);
    if (r == 0)
        r = weighed_scratch_init(&w.weighed, a, &scratch);
    if (r < 0)
        return r;
    w.by_class = arena_array(a, struct weighed_figures, truth->n_classes);
    if (!w.by_class)
        return ERR_NOMEM;
    weighed_weigh(&w.weighed, NULL, &scratch, &w.overall, w.by_class);
    r = list_scopes(&w, a);
    if (r == 0)
        r = run_all(&w);
    if (r == 0)
        *ret_effects = e;
    return r;
}

// ---- intervals

const struct effects_scope *effects_find(const struct effects *e, const char *label)
{
    for (size_t i = 0; i < e->n_scopes; i++) {
        const char *other = e->scopes[i].label;
        if (label ? other && strcmp(other, label) == 0 : !other)
            return &e->scopes[i];
    }
    return NULL;
}

const char *effects_differ(const struct effects *a, const struct effects *b)
{
    if (a->n == 0 || b->n == 0)
        return "a file keeps no sums by time";
    bool is_same = a->n == b->n && a->n_videos == b->n_videos && a->frames == b->frames;
    for (size_t v = 0; is_same && v < a->n_videos; v++)
        is_same = a->videos[v] == b->videos[v];
    if (!is_same)
        return "the runs judged other frames, or time was cut otherwise";
    for (size_t i = 0; is_same && i < a->n; i++)
        is_same = a->truths[i] == b->truths[i];
    return is_same ? NULL : "the runs were judged by other truth, or on other frames";
}

int effects_draw(const struct effects *a, const struct effects *b, uint64_t seed,
                 size_t n_resamples, struct arena *arena, struct effects_draws *ret_draws)
{
    struct effects_draws d = {.n = b->n, .n_resamples = n_resamples};
    struct bootstrap_video *videos = arena_array(arena, struct bootstrap_video, b->n_videos);
    double *errors = arena_array(arena, double, b->n);
    d.weights = (uint32_t *)arena_alloc(arena, n_resamples, b->n * sizeof(uint32_t));
    d.scratch = arena_array(arena, double, n_resamples);
    if (!videos || !errors || !d.weights || !d.scratch)
        return ERR_NOMEM;
    size_t first = 0;
    for (size_t v = 0; v < b->n_videos; first += b->videos[v++])
        videos[v] = (struct bootstrap_video){first, b->videos[v]};
    for (size_t i = 0; i < b->n; i++)
        errors[i] = b->errors[i] - (a ? a->errors[i] : 0);
    const struct bootstrap_frames frames = {.n = b->n,
                                            .videos = videos,
                                            .n_videos = b->n_videos,
                                            .errors = errors,
                                            .floor = b->floor,
                                            .unit = b->frames};
    bootstrap_plan_make(&frames, &d.plan);
    for (size_t i = 0; i < n_resamples; i++) {
        struct bootstrap_random random;
        bootstrap_seed(&random, seed, i);
        bootstrap_draw(&d.plan, &random, d.weights + i * d.n);
    }
    *ret_draws = d;
    return 0;
}

struct bootstrap_interval effects_interval(const struct effects_draws *d, double value,
                                           const double *a, const double *b)
{
    for (size_t i = 0; i < d->n_resamples; i++) {
        const uint32_t *w = d->weights + i * d->n;
        double sum = 0;
        for (size_t p = 0; p < d->n; p++)
            sum += ((double)w[p] - 1) * (b[p] - (a ? a[p] : 0));
        d->scratch[i] = value + sum;
    }
    return bootstrap_interval_of(&d->plan, d->scratch, d->n_resamples);
}
