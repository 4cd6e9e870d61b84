// SPDX-License-Identifier: Apache-2.0
// motdet.c - removal by assignment, then one greedy pass a frame and one curve.

#include "eval/motdet.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/match.h"
#include "vision/assign.h"

#define MIN_IOU        0.5
#define MIN_VISIBILITY 0.5f

enum {
    MOT_PEDESTRIAN = 1,
};

struct work {
    const struct match_groups *groups;
    struct motdet *figures;
    struct assign assign;
    double *score;    // [truth][detection] of a frame
    int32_t *column;  // [truth]
    bool *removed;    // [detection of the frame]
    bool *taken;      // [truth]
    uint32_t *order;  // [detection that counts] of all frames
    uint8_t *is_true; // [object of the detections]
    size_t n_order;
    double sum_overlap;
};

static const struct dataset_object *truth_of(const struct work *w, const struct match_group *g,
                                             size_t i)
{
    const struct match_groups *m = w->groups;
    return &m->truth->objects[m->truth_order[g->first_truth + i]];
}

static uint32_t detection_of(const struct work *w, const struct match_group *g, size_t i)
{
    return w->groups->detection_order[g->first_detection + i];
}

// Crowds have no rule of their own here.
static double plain_overlap(const struct dataset_object *d, const struct dataset_object *t)
{
    struct dataset_object truth = *t;
    truth.crowd = false;
    return match_overlap(d, &truth);
}

static bool is_counted(const struct dataset_object *t)
{
    return t->mot_class == MOT_PEDESTRIAN && t->visibility >= MIN_VISIBILITY;
}

static void remove_ambiguous(struct work *w, const struct match_group *g)
{
    const size_t n = g->n_truths;
    const size_t m = g->n_detections;
    memset(w->removed, 0, m * sizeof(*w->removed));
    if (n == 0 || m == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            const struct dataset_object *d = &w->groups->detections->objects[detection_of(w, g, j)];
            double overlap = plain_overlap(d, truth_of(w, g, i));
            w->score[i * m + j] = overlap >= MIN_IOU ? overlap : 0;
        }
    }
    assign_max_score(&w->assign, w->score, n, m, w->column);
    for (size_t i = 0; i < n; i++) {
        int32_t j = w->column[i];
        if (j < 0 || !(w->score[i * m + (size_t)j] > 0) || is_counted(truth_of(w, g, i)))
            continue;
        w->removed[j] = true;
        w->figures->n_removed++;
    }
}

static void match_frame(struct work *w, const struct match_group *g)
{
    struct motdet *f = w->figures;
    memset(w->taken, 0, g->n_truths * sizeof(*w->taken));
    for (size_t i = 0; i < g->n_truths; i++)
        f->n_truths += is_counted(truth_of(w, g, i));
    for (size_t j = 0; j < g->n_detections; j++) {
        if (w->removed[j])
            continue;
        uint32_t at = detection_of(w, g, j);
        const struct dataset_object *d = &w->groups->detections->objects[at];
        double best = MIN_IOU;
        size_t chosen = g->n_truths;
        for (size_t i = 0; i < g->n_truths; i++) {
            double overlap = plain_overlap(d, truth_of(w, g, i));
            if (w->taken[i] || !is_counted(truth_of(w, g, i)) || overlap < best)
                continue;
            best = overlap;
            chosen = i;
        }
        w->order[w->n_order++] = at;
        w->is_true[at] = chosen < g->n_truths;
        f->true_positives += w->is_true[at];
        f->false_positives += !w->is_true[at];
        if (!w->is_true[at])
            continue;
        w->taken[chosen] = true;
        w->sum_overlap += best;
    }
}

static void fill_figures(struct work *w, uint32_t *scratch)
{
    struct motdet *f = w->figures;
    const double n_truths = (double)f->n_truths;
    match_sort(w->groups->detections->objects, w->order, w->n_order, scratch);
    f->false_negatives = f->n_truths - f->true_positives;
    f->precision = f->recall = f->moda = f->modp = f->ap = NAN;
    if (w->n_order > 0)
        f->precision = (double)f->true_positives / (double)w->n_order;
    if (f->true_positives > 0)
        f->modp = w->sum_overlap / (double)f->true_positives;
    if (f->n_truths == 0)
        return;
    f->recall = (double)f->true_positives / n_truths;
    f->moda = 1 - (double)(f->false_negatives + f->false_positives) / n_truths;
    double tp = 0;
    size_t at = 0;
    f->ap = 0;
    for (size_t p = 0; p < MOTDET_N_RECALLS; p++) {
        while (at < w->n_order && (at == 0 || tp / n_truths < (double)p * .1))
            tp += w->is_true[w->order[at++]];
        bool reached = at > 0 && tp / n_truths >= (double)p * .1;
        f->at_recall[p] = reached ? tp / (double)at : 0;
        f->ap += f->at_recall[p] / MOTDET_N_RECALLS;
    }
}

static int run(struct work *w, struct arena *a)
{
    const struct match_groups *m = w->groups;
    size_t largest = 0;
    for (size_t i = 0; i < m->n_groups; i++)
        largest = MAX(largest, m->groups[i].n_detections);
    w->score = (double *)arena_alloc(a, m->largest_truths, largest * sizeof(double));
    w->column = arena_array(a, int32_t, m->largest_truths);
    w->removed = arena_array(a, bool, largest);
    w->taken = arena_array(a, bool, m->largest_truths);
    w->order = arena_array(a, uint32_t, m->n_detections);
    w->is_true = arena_array(a, uint8_t, m->detections->n_objects);
    uint32_t *scratch = arena_array(a, uint32_t, m->n_detections);
    if (!w->score || !w->column || !w->removed || !w->taken || !w->order || !w->is_true || !scratch)
        return ERR_NOMEM;
    int r = assign_reserve(&w->assign, m->largest_truths, largest);
    if (r < 0)
        return r;
    for (size_t i = 0; i < m->n_groups; i++) {
        remove_ambiguous(w, &m->groups[i]);
        match_frame(w, &m->groups[i]);
    }
    fill_figures(w, scratch);
    return 0;
}

int motdet_run(const struct dataset *truth, const struct dataset *detections,
               struct motdet *ret_motdet)
{
    bool has_classes = false;
    for (size_t i = 0; i < truth->n_objects && !has_classes; i++)
        has_classes = truth->objects[i].mot_class != 0;
    if (!has_classes)
        return err_set(ERR_INVALID, "the truth is not MOT text of nine columns");
    struct motdet figures = {0};
    struct match_groups groups;
    struct arena *a;
    int r = arena_create(0, &a);
    if (r < 0)
        return r;
    struct work w = {.groups = &groups, .figures = &figures};
    r = match_groups_build(truth, detections, NULL, a, &groups);
    if (r == 0)
        r = run(&w, a);
    assign_finish(&w.assign);
    arena_destroy(a);
    if (r == 0)
        *ret_motdet = figures;
    return r;
}
