// SPDX-License-Identifier: Apache-2.0
// outcome.c - COCO's matching once more at one confidence, this time keeping who met whom.
//
// INVARIANTS
// (1) Leaving out detections below the operating point changes nobody's match: matching goes by
//     falling confidence. So the counts are the operating point's.
// (2) Groups come by class, then picture. Counted per picture first, then put in place, each
//     picture's objects are together and by class.

#include "eval/outcome.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/match.h"

#define OUTCOME_IOU 0.5

struct work {
    const struct match_groups *groups;
    struct match_candidate *candidates; // [position in the group]
    bool *ignored, *crowd, *taken;      // likewise
    uint32_t *finder;                   // likewise: index in the truth's row of *out*
    struct outcome_object *out;         // of one group
    size_t n;
};

static int work_init(struct work *w, const struct match_groups *m, struct arena *a)
{
    size_t largest = 0;
    for (size_t i = 0; i < m->n_groups; i++)
        largest = MAX(largest, m->groups[i].n_truths + m->groups[i].n_detections);
    const size_t n = m->largest_truths;
    w->groups = m;
    w->candidates = arena_array(a, struct match_candidate, n);
    w->ignored = arena_array(a, bool, n);
    w->crowd = arena_array(a, bool, n);
    w->taken = arena_array(a, bool, n);
    w->finder = arena_array(a, uint32_t, n);
    w->out = arena_array(a, struct outcome_object, largest);
    if (!w->candidates || !w->ignored || !w->crowd || !w->taken || !w->finder || !w->out)
        return ERR_NOMEM;
    return 0;
}

static void add(struct work *w, const struct match_group *g, enum outcome_kind kind, uint32_t truth,
                uint32_t detection)
{
    w->out[w->n++] = (struct outcome_object){
        .class_index = g->class_index, .kind = kind, .truth = truth, .detection = detection};
}

static void judge_detections(struct work *w, const struct match_group *g)
{
    const struct match_groups *m = w->groups;
    for (size_t i = 0; i < g->n_detections; i++) {
        const uint32_t d = m->detection_order[g->first_detection + i];
        size_t n = match_candidates(m, g, &m->detections->objects[d], OUTCOME_IOU, w->candidates);
        int t = match_choose(w->candidates, n, OUTCOME_IOU, w->ignored, w->crowd, w->taken);
        if (t < 0) {
            add(w, g, OUTCOME_FALSE_ALARM, OUTCOME_NONE, d);
            continue;
        }
        w->taken[t] = true;
        if (w->ignored[t])
            add(w, g, OUTCOME_IGNORED, OUTCOME_NONE, d);
        else
            w->finder[t] = d;
    }
}

// Fills w->out with the objects of *g*.
static void judge_group(struct work *w, const struct match_group *g)
{
    const struct match_groups *m = w->groups;
    const uint32_t *order = m->truth_order + g->first_truth;
    w->n = 0;
    for (size_t i = 0; i < g->n_truths; i++) {
        const struct dataset_object *t = &m->truth->objects[order[i]];
        w->ignored[i] = t->ignore;
        w->crowd[i] = t->crowd;
        w->taken[i] = false;
        w->finder[i] = OUTCOME_NONE;
    }
    judge_detections(w, g);
    for (size_t i = 0; i < g->n_truths; i++) {
        const enum outcome_kind kind = w->ignored[i]                  ? OUTCOME_IGNORED
                                       : w->finder[i] != OUTCOME_NONE ? OUTCOME_FOUND
                                                                      : OUTCOME_MISSED;
        add(w, g, kind, order[i], w->finder[i]);
    }
}

// --- pictures

static int64_t pts_of(const struct dataset *truth, const struct dataset *detections, size_t i)
{
    if (detections->pts_us && detections->pts_us[i] != INT64_MIN)
        return detections->pts_us[i];
    return truth->pictures[i].pts_us;
}

static int compare_pictures(const void *a, const void *b)
{
    const struct outcome_picture *x = (const struct outcome_picture *)a;
    const struct outcome_picture *y = (const struct outcome_picture *)b;
    if (x->video != y->video)
        return x->video < y->video ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

// Judged pictures in order. Where a file has no frame numbers, places count, in its own order.
static int list_pictures(const struct dataset *truth, const struct dataset *detections,
                         struct arena *a, struct outcome *o)
{
    o->pictures = arena_array(a, struct outcome_picture, truth->n_pictures);
    int64_t *place = arena_array(a, int64_t, truth->n_videos + 1);
    if (!o->pictures || !place)
        return ERR_NOMEM;
    for (size_t i = 0; i < truth->n_pictures; i++) {
        const struct dataset_picture *p = &truth->pictures[i];
        const size_t video = (size_t)p->video < truth->n_videos ? (size_t)p->video : 0;
        const int64_t frame = p->frame >= 0 ? p->frame : place[video];
        place[video]++;
        if (detections->judged && !detections->judged[i])
            continue;
        const int64_t pts_us = pts_of(truth, detections, i);
        o->pictures[o->n_pictures++] = (struct outcome_picture){
            .picture = (int32_t)i,
            .video = (int32_t)video,
            .frame = frame,
            .pts_us = pts_us,
            .is_still = p->frame < 0 && pts_us == INT64_MIN,
        };
    }
    if (o->n_pictures > 0)
        qsort(o->pictures, o->n_pictures, sizeof(*o->pictures), compare_pictures);
    return 0;
}

static void count(struct outcome *o, struct outcome_picture *p, enum outcome_kind kind)
{
    const bool found = kind == OUTCOME_FOUND;
    const bool missed = kind == OUTCOME_MISSED;
    const bool alarm = kind == OUTCOME_FALSE_ALARM;
    p->n_found += found;
    p->n_missed += missed;
    p->n_false_alarms += alarm;
    o->n_found += found;
    o->n_missed += missed;
    o->n_false_alarms += alarm;
}

// *place*: of a picture of the truth in o->pictures.
static int judge_all(struct outcome *o, const struct match_groups *m, const size_t *place,
                     struct arena *a)
{
    struct work w;
    int r = work_init(&w, m, a);
    if (r < 0)
        return r;
    size_t most = m->n_truths + m->n_detections;
    o->objects = arena_array(a, struct outcome_object, most);
    if (!o->objects)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_groups; i++) { // room for every picture's objects
        judge_group(&w, &m->groups[i]);
        o->pictures[place[m->groups[i].picture]].n += w.n;
    }
    for (size_t i = 0; i < o->n_pictures; i++) {
        o->pictures[i].first = o->n_objects;
        o->n_objects += o->pictures[i].n;
        o->pictures[i].n = 0;
    }
    for (size_t i = 0; i < m->n_groups; i++) {
        struct outcome_picture *p = &o->pictures[place[m->groups[i].picture]];
        judge_group(&w, &m->groups[i]);
        memcpy(o->objects + p->first + p->n, w.out, w.n * sizeof(*w.out));
        p->n += w.n;
        for (size_t k = 0; k < w.n; k++)
            count(o, p, w.out[k].kind);
    }
    return 0;
}

// The classes that *e* judged: its rows borrow the labels of the truth.
static int selected_classes(const struct dataset *truth, const struct evaluation *e,
                            struct arena *a, bool **ret)
{
    bool *selected = arena_array(a, bool, truth->n_classes);
    if (!selected)
        return ERR_NOMEM;
    size_t next = 0; // rows are in the truth's order
    for (size_t k = 0; k < truth->n_classes && next < e->n_classes; k++) {
        const struct evaluation_class *row = &e->classes[next];
        selected[k] = row->label == truth->classes[k].name && row->id == truth->classes[k].id;
        next += selected[k];
    }
    *ret = selected;
    return 0;
}

int outcome_run(const struct dataset *truth, const struct dataset *detections,
                const struct evaluation *e, struct arena *a, struct outcome *ret)
{
    struct outcome o = {.iou = OUTCOME_IOU, .confidence = e->opts.at_confidence};
    struct match_filter filter = {.has_min_confidence = true, .min_confidence = o.confidence};
    if (e->opts.has_min_confidence)
        filter.min_confidence = MAX(filter.min_confidence, e->opts.min_confidence);
    bool *selected;
    int r = selected_classes(truth, e, a, &selected);
    if (r < 0)
        return r;
    filter.classes = selected;
    struct match_groups groups;
    r = match_groups_build(truth, detections, &filter, a, &groups);
    if (r == 0)
        r = list_pictures(truth, detections, a, &o);
    if (r < 0)
        return r;
    size_t *place = arena_array(a, size_t, truth->n_pictures);
    if (!place)
        return ERR_NOMEM;
    for (size_t i = 0; i < o.n_pictures; i++)
        place[o.pictures[i].picture] = i;
    r = judge_all(&o, &groups, place, a);
    if (r == 0)
        *ret = o;
    return r;
}

// --- the worst moments

struct ranked {
    size_t index;
    int64_t n_errors;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = (const struct ranked *)a;
    const struct ranked *y = (const struct ranked *)b;
    if (x->n_errors != y->n_errors)
        return x->n_errors > y->n_errors ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int compare_index(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a;
    const size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static bool is_apart(const struct outcome_picture *a, const struct outcome_picture *b)
{
    if (a->video != b->video || a->is_still || b->is_still)
        return true;
    if (a->pts_us != INT64_MIN && b->pts_us != INT64_MIN)
        return llabs(a->pts_us - b->pts_us) >= OUTCOME_APART_US;
    return llabs(a->frame - b->frame) >= OUTCOME_APART_FRAMES;
}

int outcome_worst(const struct outcome *o, size_t n_most, struct arena *a, size_t **ret,
                  size_t *ret_n)
{
    struct ranked *ranked = arena_array(a, struct ranked, o->n_pictures);
    size_t *chosen = arena_array(a, size_t, n_most);
    if (!ranked || !chosen)
        return ERR_NOMEM;
    for (size_t i = 0; i < o->n_pictures; i++)
        ranked[i] = (struct ranked){i, o->pictures[i].n_missed + o->pictures[i].n_false_alarms};
    if (o->n_pictures > 0)
        qsort(ranked, o->n_pictures, sizeof(*ranked), compare_ranked);
    size_t n = 0;
    for (size_t i = 0; i < o->n_pictures && n < n_most && ranked[i].n_errors > 0; i++) {
        bool apart = true;
        for (size_t k = 0; k < n && apart; k++)
            apart = is_apart(&o->pictures[ranked[i].index], &o->pictures[chosen[k]]);
        if (apart)
            chosen[n++] = ranked[i].index;
    }
    if (n > 0)
        qsort(chosen, n, sizeof(*chosen), compare_index);
    *ret = chosen;
    *ret_n = n;
    return 0;
}
