// SPDX-License-Identifier: Apache-2.0
// motdet.c - removal by assignment, counts by assignment, and a curve by a greedy pass a frame.
//
// Every assignment takes as many pairs of IoU .5 as there can be, then those of the largest total
// IoU. The first one knows all rows of the truth, vehicles and occluders too: a detection on one
// that is mostly visible is not removed, and was not free to lie on a person.

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
    MOT_ON_VEHICLE = 2,
    MOT_STATIC = 7,
    MOT_DISTRACTOR = 8,
    MOT_REFLECTION = 12,
};

#define PAIR 1000. // more than any sum of overlaps: pairs count first

struct work {
    const struct match_groups *groups;
    struct motdet *figures;
    struct assign assign;
    double *score;                      // [truth][detection] of a frame
    int32_t *column;                    // [truth]
    bool *removed;                      // [detection of the frame]
    bool *taken;                        // [truth]
    uint32_t *others;                   // indices of the truth's others, picture after picture
    size_t *first_other;                // [picture], and the end
    const struct dataset_object **rows; // of the truth in the frame that are assigned to
    uint32_t *order;                    // [detection that counts] of all frames
    uint8_t *is_true;                   // [object of the detections]
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

// Assigns the frame's detections that are not removed to w->rows; w->column says which.
static void assign_frame(struct work *w, const struct match_group *g, size_t n)
{
    const size_t m = g->n_detections;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            const struct dataset_object *d = &w->groups->detections->objects[detection_of(w, g, j)];
            const double overlap = w->removed[j] ? 0 : plain_overlap(d, w->rows[i]);
            w->score[i * m + j] = overlap >= MIN_IOU ? PAIR + overlap : 0;
        }
    }
    assign_max_score(&w->assign, w->score, n, m, w->column);
    for (size_t i = 0; i < n; i++) {
        if (w->column[i] >= 0 && !(w->score[i * m + (size_t)w->column[i]] > 0))
            w->column[i] = -1;
    }
}

static bool is_ambiguous(const struct dataset_object *t)
{
    return t->mot_class == MOT_ON_VEHICLE || t->mot_class == MOT_STATIC ||
           t->mot_class == MOT_DISTRACTOR || t->mot_class == MOT_REFLECTION ||
           t->visibility < MIN_VISIBILITY;
}

static void remove_ambiguous(struct work *w, const struct match_group *g)
{
    size_t n = 0;
    memset(w->removed, 0, g->n_detections * sizeof(*w->removed));
    for (size_t i = 0; i < g->n_truths; i++)
        w->rows[n++] = truth_of(w, g, i);
    for (size_t i = w->first_other[g->picture]; i < w->first_other[g->picture + 1]; i++)
        w->rows[n++] = &w->groups->truth->others[w->others[i]];
    if (n == 0 || g->n_detections == 0)
        return;
    assign_frame(w, g, n);
    for (size_t i = 0; i < n; i++) {
        if (w->column[i] < 0 || !is_ambiguous(w->rows[i]))
            continue;
        w->removed[w->column[i]] = true;
        w->figures->n_removed++;
    }
}

static void count_frame(struct work *w, const struct match_group *g)
{
    struct motdet *f = w->figures;
    size_t n = 0;
    int64_t n_detections = 0;
    for (size_t i = 0; i < g->n_truths; i++) {
        if (is_counted(truth_of(w, g, i)))
            w->rows[n++] = truth_of(w, g, i);
    }
    for (size_t j = 0; j < g->n_detections; j++)
        n_detections += !w->removed[j];
    f->n_truths += (int64_t)n;
    f->false_positives += n_detections;
    if (n == 0 || n_detections == 0)
        return;
    assign_frame(w, g, n);
    for (size_t i = 0; i < n; i++) {
        if (w->column[i] < 0)
            continue;
        f->true_positives++;
        f->false_positives--;
        w->sum_overlap += w->score[i * g->n_detections + (size_t)w->column[i]] - PAIR;
    }
}

// For the curve: by falling confidence.
static void match_frame(struct work *w, const struct match_group *g)
{
    memset(w->taken, 0, g->n_truths * sizeof(*w->taken));
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
        if (w->is_true[at])
            w->taken[chosen] = true;
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

// Sorts the truth's others by picture. Returns the most of one picture.
static size_t index_others(struct work *w)
{
    const struct dataset *t = w->groups->truth;
    size_t most = 0;
    for (size_t i = 0; i < t->n_others; i++)
        w->first_other[t->others[i].picture + 2]++;
    for (size_t p = 2; p < t->n_pictures + 2; p++) {
        most = MAX(most, w->first_other[p]);
        w->first_other[p] += w->first_other[p - 1];
    }
    for (size_t i = 0; i < t->n_others; i++)
        w->others[w->first_other[t->others[i].picture + 1]++] = (uint32_t)i;
    return most;
}

static int work_init(struct work *w, struct arena *a)
{
    const struct match_groups *m = w->groups;
    size_t largest = 0;
    for (size_t i = 0; i < m->n_groups; i++)
        largest = MAX(largest, m->groups[i].n_detections);
    w->others = arena_array(a, uint32_t, m->truth->n_others);
    w->first_other = arena_array(a, size_t, m->truth->n_pictures + 2);
    if (!w->others || !w->first_other)
        return ERR_NOMEM;
    const size_t n_rows = m->largest_truths + index_others(w);
    w->score = (double *)arena_alloc(a, n_rows, largest * sizeof(double));
    w->column = arena_array(a, int32_t, n_rows);
    w->rows = arena_array(a, const struct dataset_object *, n_rows);
    w->removed = arena_array(a, bool, largest);
    w->taken = arena_array(a, bool, m->largest_truths);
    w->order = arena_array(a, uint32_t, m->n_detections);
    w->is_true = arena_array(a, uint8_t, m->detections->n_objects);
    if (!w->score || !w->column || !w->rows || !w->removed || !w->taken || !w->order || !w->is_true)
        return ERR_NOMEM;
    return assign_reserve(&w->assign, n_rows, largest);
}

static int run(struct work *w, struct arena *a)
{
    const struct match_groups *m = w->groups;
    uint32_t *scratch = arena_array(a, uint32_t, m->n_detections);
    int r = scratch ? work_init(w, a) : ERR_NOMEM;
    if (r < 0)
        return r;
    for (size_t i = 0; i < m->n_groups; i++) {
        remove_ambiguous(w, &m->groups[i]);
        count_frame(w, &m->groups[i]);
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
