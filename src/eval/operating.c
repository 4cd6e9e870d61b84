// SPDX-License-Identifier: Apache-2.0
// operating.c - one greedy pass, sorted by confidence, summed up from above.
//
// SHAPES
// verdicts: one per detection: counts for, counts against, or neither (matched to ignored truth).
// points: detections sorted by falling confidence; those of one confidence are one point.

#include "eval/operating.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/match.h"

enum verdict {
    VERDICT_UNSET,
    VERDICT_TRUE,
    VERDICT_FALSE,
    VERDICT_IGNORED,
};

struct judge {
    const struct match_groups *groups;
    double iou;
    struct match_candidate *candidates; // [position in the group]
    bool *ignored, *crowd, *taken;      // likewise
    uint8_t *verdicts;                  // [object of the detections]
    uint32_t *order;                    // [detection] scratch of sorting
    uint32_t *scratch;                  // likewise
};

static int judge_init(struct judge *j, struct arena *a)
{
    const size_t n = j->groups->largest_truths;
    j->candidates = arena_array(a, struct match_candidate, n);
    j->ignored = arena_array(a, bool, n);
    j->crowd = arena_array(a, bool, n);
    j->taken = arena_array(a, bool, n);
    j->verdicts = arena_array(a, uint8_t, j->groups->detections->n_objects);
    j->order = arena_array(a, uint32_t, j->groups->n_detections);
    j->scratch = arena_array(a, uint32_t, j->groups->n_detections);
    if (!j->candidates || !j->ignored || !j->crowd || !j->taken || !j->verdicts || !j->order ||
        !j->scratch)
        return ERR_NOMEM;
    return 0;
}

// Judges the detections of one group. Returns how many of its truths count.
static int64_t judge_group(struct judge *j, const struct match_group *g)
{
    const struct match_groups *m = j->groups;
    int64_t n_truths = 0;
    for (size_t i = 0; i < g->n_truths; i++) {
        const struct dataset_object *t = &m->truth->objects[m->truth_order[g->first_truth + i]];
        j->ignored[i] = t->ignore;
        j->crowd[i] = t->crowd;
        j->taken[i] = false;
        n_truths += !t->ignore;
    }
    for (size_t i = 0; i < g->n_detections; i++) {
        uint32_t d = m->detection_order[g->first_detection + i];
        size_t n = match_candidates(m, g, &m->detections->objects[d], j->iou, j->candidates);
        int t = match_choose(j->candidates, n, j->iou, j->ignored, j->crowd, j->taken);
        if (t >= 0)
            j->taken[t] = true;
        j->verdicts[d] = (uint8_t)(t < 0           ? VERDICT_FALSE
                                   : j->ignored[t] ? VERDICT_IGNORED
                                                   : VERDICT_TRUE);
    }
    return n_truths;
}

static struct operating_point point_of(double confidence, int64_t tp, int64_t fp, int64_t n_truths)
{
    struct operating_point p = {.confidence = confidence,
                                .precision = NAN,
                                .recall = NAN,
                                .f1 = NAN,
                                .true_positives = tp,
                                .false_positives = fp,
                                .false_negatives = n_truths - tp};
    if (tp + fp > 0)
        p.precision = (double)tp / (double)(tp + fp);
    if (n_truths > 0)
        p.recall = (double)tp / (double)n_truths;
    if (n_truths > 0)
        p.f1 = 2 * (double)tp / (double)(2 * tp + fp + p.false_negatives);
    return p;
}

// Sorts order[0..n) and sums up. Ignored detections add no point of their own.
static int curve_build(const struct judge *j, uint32_t *order, size_t n, int64_t n_truths,
                       struct arena *a, struct operating_curve *ret)
{
    const struct dataset_object *objects = j->groups->detections->objects;
    match_sort(objects, order, n, j->scratch);
    size_t n_points = 0;
    for (size_t i = 0; i < n; i++)
        n_points += i == 0 || objects[order[i]].confidence != objects[order[i - 1]].confidence;
    struct operating_curve c = {.n_truths = n_truths};
    c.points = arena_array(a, struct operating_point, n_points);
    if (!c.points)
        return ERR_NOMEM;
    int64_t tp = 0;
    int64_t fp = 0;
    for (size_t i = 0; i < n; i++) {
        tp += j->verdicts[order[i]] == VERDICT_TRUE;
        fp += j->verdicts[order[i]] == VERDICT_FALSE;
        double confidence = objects[order[i]].confidence;
        if (i + 1 == n || objects[order[i + 1]].confidence != confidence)
            c.points[c.n++] = point_of(confidence, tp, fp, n_truths);
    }
    assert(c.n == n_points);
    *ret = c;
    return 0;
}

static int class_curve(struct judge *j, size_t k, struct arena *a, struct operating_curve *ret)
{
    const struct match_groups *m = j->groups;
    int64_t n_truths = 0;
    size_t n = 0;
    for (size_t i = m->first_group[k]; i < m->first_group[k + 1]; i++) {
        const struct match_group *g = &m->groups[i];
        n_truths += judge_group(j, g);
        if (g->n_detections > 0)
            memcpy(j->order + n, m->detection_order + g->first_detection,
                   g->n_detections * sizeof(*j->order));
        n += g->n_detections;
    }
    return curve_build(j, j->order, n, n_truths, a, ret);
}

int operating_run(const struct match_groups *groups, double iou, struct arena *a,
                  struct operating *ret_operating)
{
    struct judge j = {.groups = groups, .iou = iou};
    struct operating o = {.iou = iou, .n_classes = groups->n_classes};
    int r = judge_init(&j, a);
    if (r < 0)
        return r;
    o.classes = arena_array(a, struct operating_curve, o.n_classes);
    if (!o.classes)
        return ERR_NOMEM;
    int64_t n_truths = 0;
    for (size_t k = 0; k < o.n_classes; k++) {
        r = class_curve(&j, k, a, &o.classes[k]);
        if (r < 0)
            return r;
        n_truths += o.classes[k].n_truths;
    }
    if (groups->n_detections > 0)
        memcpy(j.order, groups->detection_order, groups->n_detections * sizeof(*j.order));
    r = curve_build(&j, j.order, groups->n_detections, n_truths, a, &o.overall);
    if (r < 0)
        return r;
    *ret_operating = o;
    return 0;
}

struct operating_point operating_at(const struct operating_curve *c, double confidence)
{
    size_t lo = 0; // points before are at or above the confidence
    size_t hi = c->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->points[mid].confidence >= confidence)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return point_of(confidence, 0, 0, c->n_truths);
    struct operating_point p = c->points[lo - 1];
    p.confidence = confidence;
    return p;
}

struct operating_point operating_best(const struct operating_curve *c)
{
    struct operating_point best = point_of(NAN, 0, 0, c->n_truths);
    best.f1 = NAN;
    for (size_t i = 0; i < c->n; i++) {
        if (c->points[i].f1 > best.f1 || (isnan(best.f1) && !isnan(c->points[i].f1)))
            best = c->points[i];
    }
    return best;
}
