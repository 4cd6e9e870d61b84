// SPDX-License-Identifier: Apache-2.0
// events_comparison.c - figures of two systems that report timed events, and their intervals.
//
// SHAPES
// slots: all events, then a slot a label. Of each, bags sorted by milliseconds: the truths, and of
//   each run what was found, what was false, what arrived.
// draws: [slot with intervals][figure][resample].

#include "eval/events_comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/event_list.h"
#include "eval/events_comparison_priv.h"
#include "eval/temporal_priv.h"

enum {
    TICK_US = EVENTS_COMPARISON_TICK_MS * 1000,
};

// ---- cells of time

static void span_of(const struct event_list *l, int64_t *first, int64_t *last)
{
    for (size_t i = 0; i < l->n; i++) {
        *first = MIN(*first, l->items[i].time_us);
        *last = MAX(*last, l->items[i].time_us);
    }
}

// Without a duration a video lasts until its last event. A report may be anywhere, so reports make
// it EVENTS_COMPARISON_STRETCH times as long as the truth does, and no longer.
static void measure(const struct events_video *v, struct events_span *s)
{
    int64_t last = 0, first_report = 0, last_report = 0;
    s->start_us = 0;
    span_of(v->truth, &s->start_us, &last);
    for (size_t k = 0; k < EVENTS_N_RUNS; k++)
        span_of(v->detections[k], &first_report, &last_report);
    if (v->truth->n == 0) {
        s->start_us = first_report;
        last = last_report;
    } else if (last_report > last) {
        const int64_t span = MIN(last - s->start_us, INT64_MAX / 2 / EVENTS_COMPARISON_STRETCH);
        last = MAX(last, MIN(last_report, s->start_us + EVENTS_COMPARISON_STRETCH * span));
    }
    const int64_t end = v->duration_us > 0 ? v->duration_us : last + 1;
    s->n_ticks = (uint64_t)(end - s->start_us - 1) / TICK_US + 1;
}

static int cut_time(struct events_comparing *x)
{
    double n_ticks = 0;
    x->spans = arena_array(x->arena, struct events_span, x->n_videos);
    x->frames = arena_array(x->arena, struct bootstrap_video, x->n_videos);
    if (!x->spans || !x->frames)
        return ERR_NOMEM;
    for (size_t v = 0; v < x->n_videos; v++) {
        measure(&x->videos[v], &x->spans[v]);
        n_ticks += (double)x->spans[v].n_ticks;
    }
    x->ticks_per_cell = MAX((uint64_t)ceil(n_ticks / EVENTS_COMPARISON_MAX_CELLS), 1);
    for (size_t v = 0; v < x->n_videos; v++) {
        const size_t n = (size_t)((x->spans[v].n_ticks - 1) / x->ticks_per_cell + 1);
        x->frames[v] = (struct bootstrap_video){.first = x->n_cells, .n = n};
        x->n_cells += n;
    }
    x->errors = arena_array(x->arena, double, x->n_cells);
    return x->errors ? 0 : ERR_NOMEM;
}

static uint32_t cell_of(const struct events_comparing *x, size_t video, int64_t time_us)
{
    const int64_t ticks = (time_us - x->spans[video].start_us) / TICK_US;
    const uint64_t cell = ticks > 0 ? (uint64_t)ticks / x->ticks_per_cell : 0;
    return (uint32_t)(x->frames[video].first + MIN(cell, x->frames[video].n - 1));
}

// ---- labels

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t add_labels(const struct event_list *l, double floor, const char **to)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].confidence >= floor)
            to[n++] = l->items[i].label;
    return n;
}

static int gather_labels(struct events_comparing *x)
{
    size_t n = 0;
    for (size_t v = 0; v < x->n_videos; v++)
        n += x->videos[v].truth->n + x->videos[v].detections[0]->n + x->videos[v].detections[1]->n;
    x->labels = arena_array(x->arena, const char *, n);
    if (!x->labels)
        return ERR_NOMEM;
    n = 0;
    for (size_t v = 0; v < x->n_videos; v++) {
        n += add_labels(x->videos[v].truth, -(double)INFINITY, x->labels + n);
        for (size_t k = 0; k < EVENTS_N_RUNS; k++)
            n += add_labels(x->videos[v].detections[k], x->temporal.at_confidence, x->labels + n);
    }
    if (n > 0)
        qsort((void *)x->labels, n, sizeof(*x->labels), compare_texts);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(x->labels[i], x->labels[x->n_labels - 1]) != 0)
            x->labels[x->n_labels++] = x->labels[i];
    return x->n_labels > EVENTS_MAX_LABELS
               ? err_set(ERR_TOO_BIG, "events have more than %d labels", EVENTS_MAX_LABELS)
               : 0;
}

uint32_t events_label_of(const struct events_comparing *x, const char *label)
{
    const char **found = (const char **)bsearch((const void *)&label, (const void *)x->labels,
                                                x->n_labels, sizeof(*x->labels), compare_texts);
    return (uint32_t)(found - x->labels);
}

// ---- bags

static const struct events_bag *bag_of(const struct events_slot *s, size_t k,
                                       enum events_bag_kind kind)
{
    return &s->bags[kind + (k == 0 ? 0 : EVENTS_BAGS_OF_B - 1)];
}

static int make_bags(struct events_comparing *x)
{
    size_t n[1 + EVENTS_N_RUNS] = {0}; // of truths, of each run's reports
    for (size_t v = 0; v < x->n_videos; v++) {
        n[0] += x->videos[v].truth->n;
        for (size_t k = 0; k < EVENTS_N_RUNS; k++)
            n[k + 1] += x->videos[v].detections[k]->n;
    }
    for (size_t b = 0; b < EVENTS_N_BAGS; b++) {
        const size_t most = n[b == EVENTS_BAG_TRUTHS ? 0 : b < EVENTS_BAGS_OF_B ? 1 : 2];
        if (most > EVENTS_MAX)
            return err_set(ERR_TOO_BIG, "more than %d events in the videos", EVENTS_MAX);
        x->all.bags[b].items = arena_array(x->arena, struct events_timed, most);
        if (!x->all.bags[b].items)
            return ERR_NOMEM;
    }
    return 0;
}

static void put(struct events_comparing *x, size_t k, enum events_bag_kind kind, double ms,
                uint32_t cell, uint32_t label)
{
    struct events_bag *b = &x->all.bags[kind + (k == 0 ? 0 : EVENTS_BAGS_OF_B - 1)];
    b->items[b->n++] = (struct events_timed){ms, cell, label};
}

// The reports of one run over one video; what it found is in found_by already.
static void put_reports(struct events_comparing *x, size_t v, size_t k)
{
    const struct events_video *video = &x->videos[v];
    const struct event_list *reports = video->detections[k];
    const int32_t *finds = x->pairs[v].finds[k];
    for (size_t i = 0; i < reports->n; i++) {
        const struct event *e = &reports->items[i];
        if (!(e->confidence >= x->temporal.at_confidence)) {
            x->n_below[k]++;
            continue;
        }
        const struct event *truth = finds[i] >= 0 ? &video->truth->items[finds[i]] : NULL;
        const uint32_t cell = cell_of(x, v, truth ? truth->time_us : e->time_us);
        const uint32_t label = events_label_of(x, e->label);
        const int64_t *arrival = video->arrival_us[k];
        if (truth)
            put(x, k, EVENTS_BAG_FOUND, fabs((double)(e->time_us - truth->time_us) / 1e3), cell,
                label);
        else
            put(x, k, EVENTS_BAG_FALSE, 0, cell, label);
        if (arrival && arrival[i] != INT64_MIN)
            put(x, k, EVENTS_BAG_ARRIVED, (double)arrival[i] / 1e3, cell, label);
        x->errors[cell] += truth ? 0 : k == 0 ? -1 : 1;
    }
}

static void put_truths(struct events_comparing *x, size_t v)
{
    const struct event_list *truths = x->videos[v].truth;
    for (size_t i = 0; i < truths->n; i++) {
        const bool by_a = x->pairs[v].found_by[0][i] >= 0;
        const bool by_b = x->pairs[v].found_by[1][i] >= 0;
        const uint32_t cell = cell_of(x, v, truths->items[i].time_us);
        put(x, 0, EVENTS_BAG_TRUTHS, 0, cell, events_label_of(x, truths->items[i].label));
        x->errors[cell] += (by_a ? 1 : 0) - (by_b ? 1 : 0);
        x->n_both += by_a && by_b;
        x->n_neither += !by_a && !by_b;
    }
}

static int compare_by_time(const void *a, const void *b)
{
    const struct events_timed *x = (const struct events_timed *)a;
    const struct events_timed *y = (const struct events_timed *)b;
    return (x->ms > y->ms) - (x->ms < y->ms);
}

static int compare_by_label(const void *a, const void *b)
{
    const struct events_timed *x = (const struct events_timed *)a;
    const struct events_timed *y = (const struct events_timed *)b;
    return x->label != y->label ? (x->label < y->label ? -1 : 1) : compare_by_time(a, b);
}

// Sorts a bag by time and gives each label its part of a copy.
static int split(struct events_comparing *x, size_t b)
{
    struct events_bag *bag = &x->all.bags[b];
    struct events_timed *copy = arena_array(x->arena, struct events_timed, bag->n);
    if (!copy)
        return ERR_NOMEM;
    if (bag->n > 0) {
        memcpy(copy, bag->items, bag->n * sizeof(*copy));
        qsort(copy, bag->n, sizeof(*copy), compare_by_label);
        qsort(bag->items, bag->n, sizeof(*copy), compare_by_time);
    }
    for (size_t i = 0; i < bag->n; i++) {
        struct events_bag *part = &x->by_label[copy[i].label].bags[b];
        part->items = part->n == 0 ? copy + i : part->items;
        part->n++;
    }
    return 0;
}

static int split_all(struct events_comparing *x)
{
    int r = 0;
    x->by_label = arena_array(x->arena, struct events_slot, x->n_labels);
    if (!x->by_label)
        return ERR_NOMEM;
    for (size_t b = 0; r == 0 && b < EVENTS_N_BAGS; b++)
        r = split(x, b);
    return r;
}

// ---- figures

static uint64_t weight_of(const struct events_bag *b, const uint32_t *weights)
{
    uint64_t sum = 0;
    for (size_t i = 0; weights && i < b->n; i++)
        sum += weights[b->items[i].cell];
    return weights ? sum : b->n;
}

// The smallest value that *percent* do not exceed, as temporal_latency_of() has it.
static double percentile(const struct events_bag *b, const uint32_t *weights, uint64_t total,
                         uint64_t percent)
{
    const uint64_t rank = MAX((total * percent + 99) / 100, 1);
    uint64_t sum = 0;
    for (size_t i = 0; i < b->n; i++) {
        sum += weights ? weights[b->items[i].cell] : 1;
        if (sum >= rank)
            return b->items[i].ms;
    }
    return NAN;
}

static double ratio(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : (double)NAN;
}

static struct events_bag in_time(const struct events_comparing *x, const struct events_bag *found)
{
    struct events_bag b = {found->items, 0};
    while (b.n < found->n && found->items[b.n].ms <= x->temporal.latency_threshold_ms)
        b.n++;
    return b;
}

// *weights* NULL: each cell once.
static void weigh(const struct events_comparing *x, const struct events_slot *s, size_t k,
                  const uint32_t *weights, double ret[EVENTS_N_FIGURES])
{
    const struct events_bag *found = bag_of(s, k, EVENTS_BAG_FOUND);
    const struct events_bag *arrived = bag_of(s, k, EVENTS_BAG_ARRIVED);
    const struct events_bag soon = in_time(x, found);
    const uint64_t truths = weight_of(&s->bags[EVENTS_BAG_TRUTHS], weights);
    const uint64_t n_found = weight_of(found, weights);
    const uint64_t reports = n_found + weight_of(bag_of(s, k, EVENTS_BAG_FALSE), weights);
    const uint64_t n_arrived = weight_of(arrived, weights);
    ret[EVENTS_PRECISION] = ratio(n_found, reports);
    ret[EVENTS_RECALL] = ratio(n_found, truths);
    ret[EVENTS_F1] = truths > 0 ? ratio(2 * n_found, truths + reports) : (double)NAN;
    ret[EVENTS_IN_TIME] = ratio(weight_of(&soon, weights), truths);
    ret[EVENTS_LATENCY_P50] = percentile(found, weights, n_found, 50);
    ret[EVENTS_LATENCY_P95] = percentile(found, weights, n_found, 95);
    ret[EVENTS_ARRIVAL_P50] = percentile(arrived, weights, n_arrived, 50);
    ret[EVENTS_ARRIVAL_P95] = percentile(arrived, weights, n_arrived, 95);
}

static void fill(const struct events_comparing *x, const struct events_slot *s,
                 struct events_difference ret[EVENTS_N_FIGURES])
{
    double v[EVENTS_N_RUNS][EVENTS_N_FIGURES];
    for (size_t k = 0; k < EVENTS_N_RUNS; k++)
        weigh(x, s, k, NULL, v[k]);
    for (size_t f = 0; f < EVENTS_N_FIGURES; f++)
        ret[f] = (struct events_difference){
            .a = v[0][f], .b = v[1][f], .difference = v[1][f] - v[0][f], .interval = {NAN, NAN}};
}

// ---- intervals

static bool is_time(size_t f)
{
    return f >= EVENTS_LATENCY_P50;
}

// How many truths, or times of the run with fewer of them, a figure stands on.
static size_t ground_of(const struct events_slot *s, size_t f)
{
    if (!is_time(f))
        return s->bags[EVENTS_BAG_TRUTHS].n;
    const enum events_bag_kind kind =
        f < EVENTS_ARRIVAL_P50 ? EVENTS_BAG_FOUND : EVENTS_BAG_ARRIVED;
    return MIN(bag_of(s, 0, kind)->n, bag_of(s, 1, kind)->n);
}

static size_t ground_wanted(size_t f)
{
    return f == EVENTS_LATENCY_P95 || f == EVENTS_ARRIVAL_P95 ? EVENTS_COMPARISON_MIN_TAIL
                                                              : EVENTS_COMPARISON_MIN_TRUTHS;
}

static enum events_verdict judge(const struct events_comparing *x, const struct events_slot *s,
                                 size_t f, const struct events_difference *d)
{
    if (isnan(d->interval.low))
        return EVENTS_VERDICT_UNSET;
    const size_t label = s == &x->all ? x->n_labels : (size_t)(s - x->by_label);
    const bool is_little =
        !is_time(f) && x->changed[label * EVENTS_N_FIGURES + f] < EVENTS_COMPARISON_MIN_CHANGED;
    if (is_little || !bootstrap_excludes_zero(d->interval))
        return EVENTS_SAME;
    return (d->difference > 0) != is_time(f) ? EVENTS_BETTER : EVENTS_WORSE;
}

static void read_intervals(const struct events_comparing *x, const struct events_slot *s,
                           double *draws, struct events_difference figures[EVENTS_N_FIGURES])
{
    for (size_t f = 0; f < EVENTS_N_FIGURES; f++) {
        struct events_difference *d = &figures[f];
        if (!isnan(d->difference) && ground_of(s, f) >= ground_wanted(f))
            d->interval = bootstrap_interval_of(&x->plan, draws + f * x->resamples, x->resamples);
        d->verdict = judge(x, s, f, d);
    }
}

struct resampling {
    const struct events_slot *slots[1 + EVENTS_COMPARISON_MAX_INTERVALS];
    struct events_difference *figures[1 + EVENTS_COMPARISON_MAX_INTERVALS];
    size_t n;
    double *draws;
};

// All, and the labels with the most truths.
static void choose_slots(const struct events_comparing *x, struct events_comparison *c,
                         struct resampling *r)
{
    r->slots[r->n] = &x->all;
    r->figures[r->n++] = c->overall;
    while (r->n < ARRAY_LEN(r->slots) && r->n <= c->n_labels) {
        size_t best = c->n_labels;
        for (size_t i = 0; i < c->n_labels; i++) {
            bool is_taken = false;
            for (size_t k = 1; k < r->n; k++)
                is_taken = is_taken || r->slots[k] == &x->by_label[i];
            if (!is_taken &&
                (best == c->n_labels || c->labels[i].n_truths > c->labels[best].n_truths))
                best = i;
        }
        r->slots[r->n] = &x->by_label[best];
        r->figures[r->n++] = c->labels[best].figures;
    }
}

static int resample(struct events_comparing *x, struct events_comparison *c)
{
    struct resampling s = {.n = 0};
    choose_slots(x, c, &s);
    uint32_t *weights = arena_array(x->arena, uint32_t, x->n_cells);
    s.draws =
        (double *)arena_alloc(x->arena, s.n * EVENTS_N_FIGURES, x->resamples * sizeof(*s.draws));
    if (!weights || !s.draws)
        return ERR_NOMEM;
    for (size_t i = 0; i < x->resamples; i++) {
        struct bootstrap_random random;
        const int r = c->opts.check ? c->opts.check(c->opts.arg) : 0;
        if (r < 0)
            return r;
        bootstrap_seed(&random, x->seed, i);
        bootstrap_draw(&x->plan, &random, weights);
        for (size_t k = 0; k < s.n; k++) {
            double v[EVENTS_N_RUNS][EVENTS_N_FIGURES];
            weigh(x, s.slots[k], 0, weights, v[0]);
            weigh(x, s.slots[k], 1, weights, v[1]);
            for (size_t f = 0; f < EVENTS_N_FIGURES; f++)
                s.draws[(k * EVENTS_N_FIGURES + f) * x->resamples + i] = v[1][f] - v[0][f];
        }
    }
    for (size_t k = 0; k < s.n; k++)
        read_intervals(x, s.slots[k], s.draws + k * EVENTS_N_FIGURES * x->resamples, s.figures[k]);
    return 0;
}

static void make_plan(struct events_comparing *x)
{
    const double cell = (double)x->ticks_per_cell * EVENTS_COMPARISON_TICK_MS / 1e3;
    const struct bootstrap_frames frames = {.n = x->n_cells,
                                            .videos = x->frames,
                                            .n_videos = x->n_videos,
                                            .errors = x->errors,
                                            .floor = (size_t)MAX(1, ceil(1 / cell)),
                                            .unit = (size_t)x->ticks_per_cell};
    bootstrap_plan_make(&frames, &x->plan);
}

static enum events_verdict together(enum events_verdict a, enum events_verdict b)
{
    if (a == EVENTS_VERDICT_UNSET || a == b)
        return b;
    if (b == EVENTS_VERDICT_UNSET || b == EVENTS_SAME)
        return a;
    return a == EVENTS_SAME ? b : EVENTS_MIXED;
}

static int fill_all(struct events_comparing *x, struct events_comparison *c)
{
    c->labels = arena_array(x->arena, struct events_compared_label, x->n_labels);
    if (!c->labels)
        return ERR_NOMEM;
    fill(x, &x->all, c->overall);
    for (size_t i = 0; i < x->n_labels; i++) {
        c->labels[i].label = x->labels[i];
        c->labels[i].n_truths = x->by_label[i].bags[EVENTS_BAG_TRUTHS].n;
        fill(x, &x->by_label[i], c->labels[i].figures);
    }
    c->n_labels = x->n_labels;
    c->n_truths = x->all.bags[EVENTS_BAG_TRUTHS].n;
    c->n_both = x->n_both;
    c->n_neither = x->n_neither;
    memcpy(c->n_below, x->n_below, sizeof(c->n_below));
    c->cell_seconds = (double)x->ticks_per_cell * EVENTS_COMPARISON_TICK_MS / 1e3;
    int r = events_find_changes(x, c);
    if (r < 0)
        return r;
    make_plan(x);
    r = resample(x, c);
    c->plan = x->plan;
    c->verdict = together(c->overall[EVENTS_F1].verdict, c->overall[EVENTS_LATENCY_P50].verdict);
    return r;
}

int events_compare(const struct events_video *videos, size_t n_videos,
                   const struct events_comparison_opts *opts, struct arena *a,
                   struct events_comparison *ret_comparison)
{
    struct events_comparison c = {.opts = *opts};
    if (c.opts.seed == 0)
        c.opts.seed = BOOTSTRAP_SEED;
    if (c.opts.resamples == 0)
        c.opts.resamples = BOOTSTRAP_RESAMPLES;
    if (c.opts.resamples > BOOTSTRAP_MAX_RESAMPLES)
        return err_set(ERR_INVALID, "%zu resamples are more than %d", c.opts.resamples,
                       BOOTSTRAP_MAX_RESAMPLES);
    int r = temporal_opts_complete(&c.opts.temporal);
    struct events_comparing x = {.videos = videos,
                                 .n_videos = n_videos,
                                 .temporal = c.opts.temporal,
                                 .seed = c.opts.seed,
                                 .resamples = c.opts.resamples,
                                 .arena = a};
    if (r == 0)
        r = events_pair(&x);
    if (r == 0)
        r = cut_time(&x);
    if (r == 0)
        r = gather_labels(&x);
    if (r == 0)
        r = make_bags(&x);
    for (size_t v = 0; r == 0 && v < n_videos; v++) {
        put_truths(&x, v);
        put_reports(&x, v, 0);
        put_reports(&x, v, 1);
    }
    if (r == 0)
        r = split_all(&x);
    if (r == 0)
        r = fill_all(&x, &c);
    if (r == 0)
        *ret_comparison = c;
    return r;
}

int events_comparison_notice(const struct events_comparison *c, struct arena *a,
                             const char **ret_text)
{
    const bool is_few = c->n_truths < EVENTS_COMPARISON_MIN_TRUTHS;
    *ret_text = NULL;
    if (!isnan(c->overall[EVENTS_RECALL].interval.low))
        return 0;
    *ret_text =
        c->n_truths == 0
            ? "no events in the truth: what needs them has no figure"
            : arena_printf(a, "%zu %s are too few for intervals: differences may be chance",
                           is_few ? c->n_truths : c->plan.n_blocks, is_few ? "events" : "blocks");
    return *ret_text ? 0 : ERR_NOMEM;
}

const char *const events_figure_names[EVENTS_N_FIGURES] = {
    [EVENTS_PRECISION] = "precision",
    [EVENTS_RECALL] = "recall",
    [EVENTS_F1] = "f1",
    [EVENTS_IN_TIME] = "in_time",
    [EVENTS_LATENCY_P50] = "latency_p50_ms",
    [EVENTS_LATENCY_P95] = "latency_p95_ms",
    [EVENTS_ARRIVAL_P50] = "arrival_p50_ms",
    [EVENTS_ARRIVAL_P95] = "arrival_p95_ms",
};

const char *const events_verdict_names[EVENTS_N_VERDICTS] = {
    [EVENTS_VERDICT_UNSET] = "no_data", [EVENTS_SAME] = "no_difference", [EVENTS_BETTER] = "better",
    [EVENTS_WORSE] = "worse",           [EVENTS_MIXED] = "mixed",
};
