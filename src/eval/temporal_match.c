// SPDX-License-Identifier: Apache-2.0
// temporal_match.c - who belongs to whom: in one picture, and within the tolerance of time.
//
// Both assignments are optimal. In one picture: (truths, detections) costs for assign_min_cost().
// Within the tolerance the pairs of a whole video are few among the possible ones, so they stand as
// a sparse graph whose heaviest matching is sought: a pair weighs what leaving the truth over
// costs, less its own cost. Costs are whole 64ths of a microsecond.

#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/match.h"
#include "eval/temporal_priv.h"
#include "vision/assign.h"

enum {
    COST_STEPS = 64,
};

// --- one picture

static size_t picture_end(const struct temporal_box *boxes, size_t n, size_t i)
{
    size_t end = i;
    while (end < n && boxes[end].picture == boxes[i].picture &&
           boxes[end].time_us == boxes[i].time_us)
        end++;
    return end;
}

static int match_picture(struct temporal_box *t, size_t n, const struct temporal_box *d, size_t m,
                         int32_t first, double iou)
{
    if (n > TEMPORAL_MAX_PICTURE_PAIRS / m)
        return err_set(ERR_TOO_BIG, "a picture has %zu truths and %zu detections of one class", n,
                       m);
    double *cost = mem_array(double, n *m);
    int32_t *column = mem_array(int32_t, n);
    int r = cost && column ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            double overlap = match_overlap(d[j].object, t[i].object);
            cost[i * m + j] = overlap >= iou ? 1 - overlap : (double)INFINITY;
        }
    }
    if (r == 0)
        r = assign_min_cost(n, m, cost, (double)INFINITY, column);
    for (size_t i = 0; r == 0 && i < n; i++)
        t[i].same = column[i] < 0 ? -1 : first + column[i];
    mem_free(cost);
    mem_free(column);
    return r;
}

int temporal_match_pictures(struct temporal_scene *s, double iou)
{
    size_t j = 0;
    size_t i = 0;
    int r = 0;
    while (r == 0 && i < s->n_truths && j < s->n_detections) {
        const struct temporal_box *t = &s->truths[i];
        const struct temporal_box *d = &s->detections[j];
        size_t i_end = picture_end(s->truths, s->n_truths, i);
        size_t j_end = picture_end(s->detections, s->n_detections, j);
        if (t->time_us != d->time_us || t->picture != d->picture) {
            bool truth_first =
                t->time_us < d->time_us || (t->time_us == d->time_us && t->picture < d->picture);
            i = truth_first ? i_end : i;
            j = truth_first ? j : j_end;
            continue;
        }
        r = match_picture(&s->truths[i], i_end - i, &s->detections[j], j_end - j, (int32_t)j, iou);
        i = i_end;
        j = j_end;
    }
    return r;
}

// --- the window

// The box that the track of truth *i* has in *picture*, at *time_us*; NULL: none.
static const struct temporal_box *track_at(const struct temporal_scene *s, size_t i,
                                           int32_t picture, int64_t time_us)
{
    const struct temporal_box *from = &s->truths[i];
    const bool later =
        time_us > from->time_us || (time_us == from->time_us && picture > from->picture);
    const uint32_t at = s->place[i];
    if (at == UINT32_MAX)
        return NULL;
    for (size_t k = at; k < s->n_tracked; k = later ? k + 1 : k - 1) { // below 0 wraps: ends
        const struct temporal_box *b = &s->truths[s->by_track[k]];
        if (b->object->track_id != from->object->track_id)
            return NULL;
        if (b->picture == picture)
            return b;
        if (later ? b->time_us > time_us : b->time_us < time_us)
            return NULL;
    }
    return NULL;
}

static double overlap_of(const struct temporal_scene *s, size_t i, const struct temporal_box *d)
{
    const struct temporal_box *t = &s->truths[i];
    double overlap = match_overlap(d->object, t->object);
    if (d->picture == t->picture)
        return overlap;
    const struct temporal_box *there = track_at(s, i, d->picture, d->time_us);
    if (there) {
        double moved = match_overlap(d->object, there->object);
        overlap = MAX(overlap, moved);
    }
    return overlap;
}

struct graph {
    size_t *row_at;
    int32_t *columns;
    int64_t *weights; // costs at first
    size_t n, cap_columns, cap_weights;
};

static int add_edge(struct graph *g, size_t j, int64_t cost)
{
    if (g->n == TEMPORAL_MAX_WINDOW_PAIRS)
        return err_set(ERR_TOO_BIG, "more than %d truths and detections lie within the tolerance",
                       TEMPORAL_MAX_WINDOW_PAIRS);
    int r = MEM_GROW(g->columns, g->cap_columns, g->n);
    if (r == 0)
        r = MEM_GROW(g->weights, g->cap_weights, g->n);
    if (r < 0)
        return r;
    g->columns[g->n] = (int32_t)j;
    g->weights[g->n++] = cost;
    return 0;
}

static int64_t cost_of(const struct temporal_box *t, const struct temporal_box *d, double overlap,
                       int64_t tolerance_us)
{
    int64_t cost = llround((1 - overlap) * COST_STEPS);
    if (t->picture == d->picture)
        return cost;
    return cost + COST_STEPS * (tolerance_us + llabs(t->time_us - d->time_us));
}

static int build_graph(const struct temporal_scene *s, double iou, int64_t tolerance_us,
                       struct graph *g)
{
    g->row_at = mem_array(size_t, s->n_truths + 1);
    int r = g->row_at ? 0 : ERR_NOMEM;
    size_t begin = 0;
    for (size_t i = 0; r == 0 && i < s->n_truths; i++) {
        const struct temporal_box *t = &s->truths[i];
        while (begin < s->n_detections && s->detections[begin].time_us < t->time_us - tolerance_us)
            begin++;
        for (size_t j = begin; r == 0 && j < s->n_detections; j++) {
            const struct temporal_box *d = &s->detections[j];
            if (d->time_us > t->time_us + tolerance_us)
                break;
            double overlap = overlap_of(s, i, d);
            if (overlap >= iou)
                r = add_edge(g, j, cost_of(t, d, overlap, tolerance_us));
        }
        g->row_at[i + 1] = g->n;
    }
    return r;
}

// Costs become weights: all above 0, since nothing costs as much as a truth left over.
static void weigh(struct graph *g, int64_t tolerance_us)
{
    const int64_t left_over = COST_STEPS * (2 * tolerance_us + 2);
    for (size_t e = 0; e < g->n; e++)
        g->weights[e] = left_over - g->weights[e];
}

int temporal_match_window(struct temporal_scene *s, double iou, int64_t tolerance_us)
{
    struct graph g = {0};
    int32_t *column = mem_array(int32_t, s->n_truths + 1);
    int r = column ? 0 : ERR_NOMEM;
    if (r == 0)
        r = build_graph(s, iou, tolerance_us, &g);
    if (r == 0 && g.n > 0) {
        weigh(&g, tolerance_us);
        const struct assign_graph pairs = {s->n_truths, s->n_detections, g.row_at, g.columns,
                                           g.weights};
        r = assign_sparse(&pairs, column, NULL);
        for (size_t i = 0; r == 0 && i < s->n_truths; i++)
            s->truths[i].found = column[i];
    }
    mem_free(column);
    mem_free(g.row_at);
    mem_free(g.columns);
    mem_free(g.weights);
    return r;
}
