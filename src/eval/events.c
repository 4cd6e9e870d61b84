// SPDX-License-Identifier: Apache-2.0
// events.c - events of truth and of a system, label by label, matched by time alone.

#include "eval/events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/event_list.h"
#include "eval/temporal_priv.h"
#include "vision/assign.h"

struct run {
    struct events_result *res;
    const struct event *first_truth, *first_detection; // of the lists
    const struct event **truths, **detections;         // by label, then time, then file order
    size_t n_truths, n_detections;
    int64_t tolerance_us;
    int32_t *column; // [truth of a label]
    double *values;  // |differences| of all, label after label
    size_t n_values;
    struct sparse_pairs {
        size_t *row_at;
        int32_t *columns;
        int64_t *weights;
        size_t n, cap_columns, cap_weights;
    } pairs;
};

static int compare_events(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a;
    const struct event *y = *(const struct event *const *)b;
    int order = strcmp(x->label, y->label);
    if (order != 0)
        return order;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return (x > y) - (x < y);
}

static const struct event **sort_events(const struct event_list *l, double floor, size_t *ret_n)
{
    const struct event **sorted = (const struct event **)mem_calloc(l->n + 1, sizeof(*sorted));
    size_t n = 0;
    for (size_t i = 0; sorted && i < l->n; i++) {
        if (l->items[i].confidence >= floor)
            sorted[n++] = &l->items[i];
    }
    if (n > 1)
        qsort(sorted, n, sizeof(*sorted), compare_events);
    *ret_n = n;
    return sorted;
}

static size_t label_end(const struct event **e, size_t n, size_t i, const char *label)
{
    while (i < n && strcmp(e[i]->label, label) == 0)
        i++;
    return i;
}

static int add_pair(struct sparse_pairs *p, size_t j, int64_t weight)
{
    if (p->n == TEMPORAL_MAX_WINDOW_PAIRS)
        return err_set(ERR_TOO_BIG, "more than %d pairs of events lie within the tolerance",
                       TEMPORAL_MAX_WINDOW_PAIRS);
    int r = MEM_GROW(p->columns, p->cap_columns, p->n);
    if (r == 0)
        r = MEM_GROW(p->weights, p->cap_weights, p->n);
    if (r < 0)
        return r;
    p->columns[p->n] = (int32_t)j;
    p->weights[p->n++] = weight;
    return 0;
}

// A pair weighs more than all differences in time together: at most EVENTS_MAX pairs of a minute.
static int match(struct run *u, const struct event **t, size_t n, const struct event **d, size_t m)
{
    const int64_t pair = (u->tolerance_us + 1) * (EVENTS_MAX + 1);
    size_t begin = 0;
    int r = 0;
    u->pairs.n = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        u->column[i] = -1;
        while (begin < m && d[begin]->time_us < t[i]->time_us - u->tolerance_us)
            begin++;
        for (size_t j = begin; r == 0 && j < m; j++) {
            if (d[j]->time_us > t[i]->time_us + u->tolerance_us)
                break;
            r = add_pair(&u->pairs, j, pair - llabs(d[j]->time_us - t[i]->time_us));
        }
        u->pairs.row_at[i + 1] = u->pairs.n;
    }
    if (r < 0 || u->pairs.n == 0)
        return r;
    const struct assign_graph g = {n, m, u->pairs.row_at, u->pairs.columns, u->pairs.weights};
    return assign_sparse(&g, u->column, NULL);
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

static void complete(struct events_figures *f, double *values, size_t n)
{
    f->precision = ratio((double)f->n_found, (double)f->n_detections);
    f->recall = ratio((double)f->n_found, (double)f->n_truths);
    f->f1 = f->n_truths > 0
                ? ratio(2. * (double)f->n_found, (double)(f->n_truths + f->n_detections))
                : (double)NAN;
    f->bias_ms = ratio(f->bias_ms, (double)f->n_found);
    f->difference = temporal_latency_of(values, n);
}

static int judge_label(struct run *u, const struct event **t, size_t n, const struct event **d,
                       size_t m, struct events_figures *ret)
{
    struct events_figures f = {.n_truths = n, .n_detections = m};
    const size_t first = u->n_values;
    int r = match(u, t, n, d, m);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (u->column[i] < 0)
            continue;
        u->res->found_by[t[i] - u->first_truth] = (int32_t)(d[u->column[i]] - u->first_detection);
        double ms = (double)(d[u->column[i]]->time_us - t[i]->time_us) / 1e3;
        u->values[u->n_values++] = fabs(ms);
        f.n_found++;
        f.n_late += ms > 0;
        f.n_early += ms < 0;
        f.n_on_time += ms == 0;
        f.n_in_time += fabs(ms) <= u->res->opts.latency_threshold_ms;
        f.bias_ms += ms;
    }
    struct events_figures *o = &u->res->overall;
    o->n_truths += n;
    o->n_detections += m;
    o->n_found += f.n_found;
    o->n_late += f.n_late;
    o->n_early += f.n_early;
    o->n_on_time += f.n_on_time;
    o->n_in_time += f.n_in_time;
    o->bias_ms += f.bias_ms;
    complete(&f, u->values + first, u->n_values - first);
    *ret = f;
    return 0;
}

static int judge_labels(struct run *u, struct arena *a)
{
    struct events_result *res = u->res;
    size_t i = 0;
    size_t j = 0;
    int r = 0;
    res->labels = arena_array(a, struct events_label, EVENTS_MAX_LABELS);
    if (!res->labels)
        return ERR_NOMEM;
    while (r == 0 && (i < u->n_truths || j < u->n_detections)) {
        const char *label = i < u->n_truths ? u->truths[i]->label : u->detections[j]->label;
        if (j < u->n_detections && strcmp(u->detections[j]->label, label) < 0)
            label = u->detections[j]->label;
        if (res->n_labels == EVENTS_MAX_LABELS)
            return err_set(ERR_TOO_BIG, "events have more than %d labels", EVENTS_MAX_LABELS);
        size_t i_end = label_end(u->truths, u->n_truths, i, label);
        size_t j_end = label_end(u->detections, u->n_detections, j, label);
        struct events_label *row = &res->labels[res->n_labels++];
        row->label = label;
        r = judge_label(u, u->truths + i, i_end - i, u->detections + j, j_end - j, &row->figures);
        i = i_end;
        j = j_end;
    }
    if (r == 0)
        complete(&res->overall, u->values, u->n_values);
    return r;
}

int events_evaluate(const struct event_list *truth, const struct event_list *detections,
                    const struct temporal_opts *opts, struct arena *a,
                    struct events_result *ret_result)
{
    struct events_result res = {.opts = opts ? *opts : (struct temporal_opts){0}};
    struct run u = {.res = &res, .first_truth = truth->items, .first_detection = detections->items};
    int r = temporal_opts_complete(&res.opts);
    if (r < 0)
        return r;
    res.found_by = arena_array(a, int32_t, truth->n + 1);
    if (!res.found_by)
        return ERR_NOMEM;
    for (size_t i = 0; i < truth->n; i++)
        res.found_by[i] = EVENTS_NONE;
    u.tolerance_us = llround(res.opts.tolerance_ms * 1e3);
    u.truths = sort_events(truth, -(double)INFINITY, &u.n_truths);
    u.detections = sort_events(detections, res.opts.at_confidence, &u.n_detections);
    u.column = mem_array(int32_t, u.n_truths + 1);
    u.values = mem_array(double, u.n_truths + 1);
    u.pairs.row_at = mem_array(size_t, u.n_truths + 1);
    if (!u.truths || !u.detections || !u.column || !u.values || !u.pairs.row_at)
        r = ERR_NOMEM;
    res.n_below = detections->n - u.n_detections;
    if (r == 0)
        r = judge_labels(&u, a);
    mem_free((void *)u.truths);
    mem_free((void *)u.detections);
    mem_free(u.column);
    mem_free(u.values);
    mem_free(u.pairs.row_at);
    mem_free(u.pairs.columns);
    mem_free(u.pairs.weights);
    if (r == 0)
        *ret_result = res;
    return r;
}
