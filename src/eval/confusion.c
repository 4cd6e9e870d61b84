// SPDX-License-Identifier: Apache-2.0
// confusion.c - claims and keeps, picture by picture.

#include "eval/confusion.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/match.h"

// Objects in the order of pictures: those of picture p are order[first[p]..first[p + 1]).
struct by_picture {
    uint32_t *order;
    size_t *first;
};

struct work {
    const struct match_groups *groups;
    const struct confusion_opts *opts; // may be NULL
    struct confusion *c;
    struct by_picture truths, detections;
    // --- of one picture
    uint32_t *kept;   // [truth] 1 + the detection that it keeps
    double *overlaps; // [truth] of that detection
};

static int sort_by_picture(const struct dataset *d, const uint32_t *objects, size_t n,
                           struct arena *a, struct by_picture *ret)
{
    ret->order = arena_array(a, uint32_t, n);
    ret->first = arena_array(a, size_t, d->n_pictures + 2);
    if (!ret->order || !ret->first)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        ret->first[d->objects[objects[i]].picture + 2]++;
    for (size_t p = 0; p < d->n_pictures; p++)
        ret->first[p + 2] += ret->first[p + 1];
    for (size_t i = 0; i < n; i++)
        ret->order[ret->first[d->objects[objects[i]].picture + 1]++] = objects[i];
    return 0;
}

// *truth*, *detection*: CONFUSION_NONE is the background.
static void count(struct work *w, uint32_t truth, uint32_t detection)
{
    const struct match_groups *m = w->groups;
    struct confusion *c = w->c;
    size_t truth_class =
        truth == CONFUSION_NONE ? c->n - 1 : (size_t)m->truth->objects[truth].class_index;
    size_t detection_class = detection == CONFUSION_NONE
                                 ? c->n - 1
                                 : (size_t)m->detections->objects[detection].class_index;
    bool truth_rows = c->kind == CONFUSION_SUPERVISION;
    size_t row = truth_rows ? truth_class : detection_class;
    size_t column = truth_rows ? detection_class : truth_class;
    c->counts[row * c->n + column]++;
    if (w->opts && w->opts->each)
        w->opts->each(w->opts->arg, c->kind, truth, detection);
}

// The truth that the detection overlaps most, of equals the last; n: none above the threshold.
static size_t claim(const struct work *w, const uint32_t *truths, size_t n,
                    const struct dataset_object *d, bool ignored, double *ret_overlap)
{
    size_t chosen = n;
    double best = w->c->iou;
    for (size_t i = 0; i < n; i++) {
        const struct dataset_object *t = &w->groups->truth->objects[truths[i]];
        if (t->ignore != ignored)
            continue;
        double overlap = match_overlap(d, t);
        if (overlap > w->c->iou && overlap >= best) {
            best = overlap;
            chosen = i;
        }
    }
    *ret_overlap = best;
    return chosen;
}

static void judge_picture(struct work *w, size_t picture)
{
    const struct match_groups *m = w->groups;
    const uint32_t *truths = w->truths.order + w->truths.first[picture];
    const size_t n_truths = w->truths.first[picture + 1] - w->truths.first[picture];
    const uint32_t *found = w->detections.order + w->detections.first[picture];
    const size_t n_found = w->detections.first[picture + 1] - w->detections.first[picture];
    double overlap;
    if (n_truths > 0)
        memset(w->kept, 0, n_truths * sizeof(*w->kept));
    for (size_t i = 0; i < n_found; i++) {
        const struct dataset_object *d = &m->detections->objects[found[i]];
        if (!(d->confidence > w->c->confidence))
            continue;
        size_t t = claim(w, truths, n_truths, d, false, &overlap);
        if (t < n_truths && (!w->kept[t] || overlap >= w->overlaps[t])) {
            w->kept[t] = (uint32_t)i + 1;
            w->overlaps[t] = overlap;
        }
    }
    for (size_t i = 0; i < n_found; i++) {
        const struct dataset_object *d = &m->detections->objects[found[i]];
        if (!(d->confidence > w->c->confidence))
            continue;
        size_t t = claim(w, truths, n_truths, d, false, &overlap);
        if (t < n_truths && w->kept[t] == (uint32_t)i + 1)
            count(w, truths[t], found[i]);
        else if (claim(w, truths, n_truths, d, true, &overlap) < n_truths)
            w->c->n_ignored++;
        else
            count(w, CONFUSION_NONE, found[i]);
    }
    for (size_t t = 0; t < n_truths; t++) {
        const struct dataset_object *truth = &m->truth->objects[truths[t]];
        if (!truth->ignore && !w->kept[t])
            count(w, truths[t], CONFUSION_NONE);
    }
}

static int work_init(struct work *w, struct arena *a)
{
    const struct match_groups *m = w->groups;
    int r = sort_by_picture(m->truth, m->truth_order, m->n_truths, a, &w->truths);
    if (r == 0)
        r = sort_by_picture(m->detections, m->detection_order, m->n_detections, a, &w->detections);
    if (r < 0)
        return r;
    size_t largest = 0;
    for (size_t p = 0; p < m->truth->n_pictures; p++)
        largest = MAX(largest, w->truths.first[p + 1] - w->truths.first[p]);
    w->kept = arena_array(a, uint32_t, largest);
    w->overlaps = arena_array(a, double, largest);
    return w->kept && w->overlaps ? 0 : ERR_NOMEM;
}

const char *confusion_name(enum confusion_kind kind)
{
    return kind == CONFUSION_SUPERVISION ? "supervision" : "ultralytics";
}

int confusion_run(const struct match_groups *groups, enum confusion_kind kind,
                  const struct confusion_opts *opts, struct arena *a,
                  struct confusion *ret_confusion)
{
    const bool by_truth = kind == CONFUSION_SUPERVISION;
    struct confusion c = {.kind = kind,
                          .confidence = by_truth ? .3 : .25,
                          .iou = by_truth ? .5 : .45,
                          .n = groups->n_classes + 1};
    if (opts && opts->has_confidence)
        c.confidence = opts->confidence;
    if (opts && opts->has_iou)
        c.iou = opts->iou;
    if (!isfinite(c.confidence) || !(c.iou >= 0 && c.iou <= 1))
        return err_set(ERR_INVALID, "confusion matrix: confidence %g or IoU %g is out of range",
                       c.confidence, c.iou);
    if (groups->n_classes > CONFUSION_MAX_CLASSES)
        return err_set(ERR_TOO_BIG, "confusion matrix: %zu classes, at most %d", groups->n_classes,
                       CONFUSION_MAX_CLASSES);
    c.counts = arena_array(a, int64_t, c.n * c.n);
    if (!c.counts)
        return ERR_NOMEM;
    const size_t mark = arena_mark(a);
    struct work w = {.groups = groups, .opts = opts, .c = &c};
    int r = work_init(&w, a);
    if (r < 0)
        return r;
    for (size_t p = 0; p < groups->truth->n_pictures; p++)
        judge_picture(&w, p);
    arena_rewind(a, mark);
    *ret_confusion = c;
    return 0;
}
