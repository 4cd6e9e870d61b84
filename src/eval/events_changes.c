// SPDX-License-Identifier: Apache-2.0
// events_changes.c - which report found which truth in two runs, and what differs by it.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/event_list.h"
#include "eval/events.h"
#include "eval/events_comparison_priv.h"

// ---- pairs

static int pair_run(struct events_comparing *x, size_t v, size_t k)
{
    const struct event_list *truth = x->videos[v].truth;
    const struct event_list *reports = x->videos[v].detections[k];
    struct events_pairs *p = &x->pairs[v];
    struct events_result res;
    int r = events_evaluate(truth, reports, &x->temporal, x->arena, &res);
    if (r < 0)
        return r;
    p->found_by[k] = res.found_by;
    p->finds[k] = arena_array(x->arena, int32_t, reports->n);
    if (!p->finds[k])
        return ERR_NOMEM;
    for (size_t i = 0; i < reports->n; i++)
        p->finds[k][i] = EVENTS_NONE;
    for (size_t i = 0; i < truth->n; i++)
        if (res.found_by[i] >= 0)
            p->finds[k][res.found_by[i]] = (int32_t)i;
    return 0;
}

int events_pair(struct events_comparing *x)
{
    int r = 0;
    x->pairs = arena_array(x->arena, struct events_pairs, x->n_videos);
    if (!x->pairs)
        return ERR_NOMEM;
    for (size_t v = 0; r == 0 && v < x->n_videos; v++)
        for (size_t k = 0; r == 0 && k < EVENTS_N_RUNS; k++)
            r = pair_run(x, v, k);
    return r;
}

// ---- changes

static void count(struct events_comparing *x, const char *label, enum events_figure f)
{
    x->changed[(size_t)events_label_of(x, label) * EVENTS_N_FIGURES + f]++;
    x->changed[x->n_labels * EVENTS_N_FIGURES + f]++;
}

static void count_rates(struct events_comparing *x, const char *label, bool is_truth)
{
    count(x, label, EVENTS_PRECISION);
    count(x, label, EVENTS_F1);
    if (is_truth)
        count(x, label, EVENTS_RECALL);
}

static void add(struct events_comparing *x, struct events_comparison *c,
                const struct events_change *change)
{
    c->changes[c->n_changes++] = *change;
    c->n_sides[change->side]++;
    count_rates(x, change->label,
                change->side == COMPARISON_LOST || change->side == COMPARISON_FOUND);
}

static const struct event *report_of(const struct events_comparing *x, size_t v, size_t k, size_t i)
{
    const int32_t at = x->pairs[v].found_by[k][i];
    return at >= 0 ? &x->videos[v].detections[k]->items[at] : NULL;
}

static bool is_in_time(const struct events_comparing *x, const struct event *truth,
                       const struct event *report)
{
    return report && fabs((double)(report->time_us - truth->time_us) / 1e3) <=
                         x->temporal.latency_threshold_ms;
}

static void collect_truths(struct events_comparing *x, size_t v, struct events_comparison *c)
{
    const struct event_list *truths = x->videos[v].truth;
    for (size_t i = 0; i < truths->n; i++) {
        const struct event *t = &truths->items[i];
        const struct event *a = report_of(x, v, 0, i);
        const struct event *b = report_of(x, v, 1, i);
        if (is_in_time(x, t, a) != is_in_time(x, t, b))
            count(x, t->label, EVENTS_IN_TIME);
        if (!a == !b)
            continue;
        const struct events_change change = {.side = a ? COMPARISON_LOST : COMPARISON_FOUND,
                                             .label = t->label,
                                             .video = v,
                                             .time_us = t->time_us,
                                             .a_time_us = a ? a->time_us : INT64_MIN,
                                             .b_time_us = b ? b->time_us : INT64_MIN,
                                             .evidence = a ? a->confidence : b->confidence};
        add(x, c, &change);
    }
}

// The false reports of a run.
static int false_of(const struct events_comparing *x, size_t v, size_t k, struct event_list *ret)
{
    const struct event_list *reports = x->videos[v].detections[k];
    ret->n = 0;
    ret->items = arena_array(x->arena, struct event, reports->n);
    if (!ret->items)
        return ERR_NOMEM;
    for (size_t i = 0; i < reports->n; i++)
        if (x->pairs[v].finds[k][i] < 0 &&
            reports->items[i].confidence >= x->temporal.at_confidence)
            ret->items[ret->n++] = reports->items[i];
    return 0;
}

static void add_false(struct events_comparing *x, struct events_comparison *c, size_t v,
                      const struct event *e, enum comparison_side side)
{
    const struct events_change change = {
        .side = side,
        .label = e->label,
        .video = v,
        .time_us = e->time_us,
        .a_time_us = side == COMPARISON_FALSE_GONE ? e->time_us : INT64_MIN,
        .b_time_us = side == COMPARISON_FALSE_NEW ? e->time_us : INT64_MIN,
        .evidence = e->confidence};
    add(x, c, &change);
}

// False in both within the tolerance, one to one, is no difference.
static int collect_false(struct events_comparing *x, size_t v, struct events_comparison *c)
{
    struct event_list of_a = {0};
    struct event_list of_b = {0};
    struct events_result same;
    int r = false_of(x, v, 0, &of_a);
    if (r == 0)
        r = false_of(x, v, 1, &of_b);
    if (r == 0)
        r = events_evaluate(&of_a, &of_b, &x->temporal, x->arena, &same);
    bool *is_same = r == 0 ? arena_array(x->arena, bool, of_b.n) : NULL;
    if (!is_same)
        return r < 0 ? r : ERR_NOMEM;
    for (size_t i = 0; i < of_a.n; i++) {
        if (same.found_by[i] >= 0)
            is_same[same.found_by[i]] = true;
        else
            add_false(x, c, v, &of_a.items[i], COMPARISON_FALSE_GONE);
    }
    for (size_t i = 0; i < of_b.n; i++)
        if (!is_same[i])
            add_false(x, c, v, &of_b.items[i], COMPARISON_FALSE_NEW);
    return 0;
}

static int compare_changes(const void *a, const void *b)
{
    const struct events_change *x = (const struct events_change *)a;
    const struct events_change *y = (const struct events_change *)b;
    if (x->evidence != y->evidence)
        return x->evidence > y->evidence ? -1 : 1;
    if (x->video != y->video)
        return x->video < y->video ? -1 : 1;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->side != y->side ? (x->side < y->side ? -1 : 1) : strcmp(x->label, y->label);
}

int events_find_changes(struct events_comparing *x, struct events_comparison *c)
{
    size_t n = 0;
    for (size_t v = 0; v < x->n_videos; v++)
        n += x->videos[v].truth->n + x->videos[v].detections[0]->n + x->videos[v].detections[1]->n;
    c->changes = arena_array(x->arena, struct events_change, n);
    x->changed = arena_array(x->arena, size_t, (x->n_labels + 1) * EVENTS_N_FIGURES);
    if (!c->changes || !x->changed)
        return ERR_NOMEM;
    int r = 0;
    for (size_t v = 0; r == 0 && v < x->n_videos; v++) {
        collect_truths(x, v, c);
        r = collect_false(x, v, c);
    }
    if (r == 0 && c->n_changes > 0)
        qsort(c->changes, c->n_changes, sizeof(*c->changes), compare_changes);
    return r;
}
