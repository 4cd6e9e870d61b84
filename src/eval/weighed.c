// SPDX-License-Identifier: Apache-2.0
// weighed.c - judging once, weighing often.
//
// The curve of one class and threshold needs its true positives only: between two of them precision
// falls, so the highest precision to the right of any point is that of a true positive.

#include "eval/weighed.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/match.h"

#define OPERATING_IOU 0.5
#define MAX_IOU       (1 - 1e-10) // as in coco.c

const char *const weighed_names[WEIGHED_N_FIGURES] = {"AP",        "AP50",   "AP75", "AR",
                                                      "precision", "recall", "f1"};

struct work {
    const struct match_groups *groups;
    struct weighed *o;
    struct match_candidate *candidates; // [position in the group]
    bool *ignored, *crowd;              // likewise
    bool *taken;                        // [iou][position]
    uint32_t *order, *scratch, *slots;
    struct weighed_ranked *unsorted;
};

// ---- judging

static int work_init(struct work *w, struct arena *a)
{
    const size_t n = w->groups->largest_truths;
    const size_t n_detections = w->groups->n_detections;
    w->candidates = arena_array(a, struct match_candidate, n);
    w->ignored = arena_array(a, bool, n);
    w->crowd = arena_array(a, bool, n);
    w->taken = (bool *)arena_alloc(a, n, w->o->coco.n_ious * sizeof(bool));
    w->order = arena_array(a, uint32_t, n_detections);
    w->scratch = arena_array(a, uint32_t, n_detections);
    w->slots = arena_array(a, uint32_t, w->groups->detections->n_objects);
    w->unsorted = arena_array(a, struct weighed_ranked, n_detections);
    if (!w->candidates || !w->ignored || !w->crowd || !w->taken || !w->order || !w->scratch ||
        !w->slots || !w->unsorted)
        return ERR_NOMEM;
    return 0;
}

static size_t truth_at(const struct work *w, const struct match_group *g, size_t position)
{
    return w->groups->truth_order[g->first_truth + position];
}

static void begin_group(struct work *w, const struct match_group *g, struct weighed_count *count)
{
    *count = (struct weighed_count){.picture = g->picture};
    for (size_t i = 0; i < g->n_truths; i++) {
        const struct dataset_object *t = &w->o->truth->objects[truth_at(w, g, i)];
        w->ignored[i] = t->ignore;
        w->crowd[i] = t->crowd;
        count->n_truths += !t->ignore;
    }
    memset(w->taken, 0, w->o->coco.n_ious * g->n_truths * sizeof(bool));
}

static void rank(struct work *w, const struct match_group *g, struct weighed_ranked *ranked)
{
    const struct weighed *o = w->o;
    const struct dataset_object *d = &o->detections->objects[ranked->object];
    const double lowest = MIN(o->coco.ious[0], MAX_IOU);
    const size_t n = match_candidates(w->groups, g, d, lowest, w->candidates);
    for (size_t t = 0; t < o->coco.n_ious; t++) {
        bool *taken = w->taken + t * g->n_truths;
        int i = match_choose(w->candidates, n, MIN(o->coco.ious[t], MAX_IOU), w->ignored, w->crowd,
                             taken);
        if (i < 0)
            continue;
        taken[i] = true;
        ranked->matched |= BIT(t);
        if (w->ignored[i])
            ranked->ignored |= BIT(t);
    }
}

static void judge_point(struct work *w, const struct match_group *g, struct weighed_count *count)
{
    struct weighed *o = w->o;
    memset(w->taken, 0, g->n_truths * sizeof(bool));
    for (size_t j = 0; j < g->n_detections; j++) {
        const uint32_t object = w->groups->detection_order[g->first_detection + j];
        const struct dataset_object *d = &o->detections->objects[object];
        if (!(d->confidence >= o->at_confidence))
            break; // by falling confidence
        size_t n = match_candidates(w->groups, g, d, OPERATING_IOU, w->candidates);
        int i = match_choose(w->candidates, n, OPERATING_IOU, w->ignored, w->crowd, w->taken);
        if (i >= 0) {
            w->taken[i] = true;
            o->found_by[truth_at(w, g, (size_t)i)] = object;
        }
        o->verdicts[object] = (uint8_t)(i < 0           ? WEIGHED_FALSE
                                        : w->ignored[i] ? WEIGHED_IGNORED
                                                        : WEIGHED_TRUE);
        count->true_ += o->verdicts[object] == WEIGHED_TRUE;
        count->false_ += o->verdicts[object] == WEIGHED_FALSE;
    }
}

static void judge_class(struct work *w, size_t k)
{
    const struct match_groups *m = w->groups;
    struct weighed *o = w->o;
    const size_t most = (size_t)o->coco.cuts[o->coco.n_cuts - 1];
    const size_t first = o->first_ranked[k];
    size_t n = 0;
    for (size_t i = m->first_group[k]; i < m->first_group[k + 1]; i++) {
        const struct match_group *g = &m->groups[i];
        begin_group(w, g, &o->counts[i]);
        for (size_t j = 0; j < MIN(g->n_detections, most); j++) {
            struct weighed_ranked *r = &w->unsorted[n];
            *r = (struct weighed_ranked){.object = m->detection_order[g->first_detection + j],
                                         .picture = g->picture};
            rank(w, g, r);
            w->order[n] = r->object;
            w->slots[r->object] = (uint32_t)n++;
        }
        judge_point(w, g, &o->counts[i]);
    }
    match_sort(o->detections->objects, w->order, n, w->scratch);
    for (size_t i = 0; i < n; i++)
        o->ranked[first + i] = w->unsorted[w->slots[w->order[i]]];
    o->first_ranked[k + 1] = first + n;
    o->largest_class = MAX(o->largest_class, n);
}

static int weighed_init(struct weighed *o, const struct match_groups *m, struct arena *a)
{
    o->n_classes = m->n_classes;
    o->ranked = arena_array(a, struct weighed_ranked, m->n_detections);
    o->first_ranked = arena_array(a, size_t, o->n_classes + 1);
    o->counts = arena_array(a, struct weighed_count, m->n_groups);
    o->found_by = arena_array(a, uint32_t, o->truth->n_objects);
    o->verdicts = arena_array(a, uint8_t, o->detections->n_objects);
    if (!o->ranked || !o->first_ranked || !o->counts || !o->found_by || !o->verdicts)
        return ERR_NOMEM;
    o->first_count = m->first_group;
    for (size_t i = 0; i < o->truth->n_objects; i++)
        o->found_by[i] = WEIGHED_NONE;
    return 0;
}

int weighed_judge(const struct dataset *truth, const struct dataset *detections,
                  const struct weighed_opts *opts, struct arena *a, struct weighed *ret_weighed)
{
    struct weighed o = {.truth = truth,
                        .detections = detections,
                        .coco = opts->coco,
                        .at_confidence = opts->at_confidence,
                        .selected = opts->selected};
    const struct match_filter filter = {.classes = opts->selected,
                                        .has_min_confidence = opts->has_min_confidence,
                                        .min_confidence = opts->min_confidence};
    struct match_groups groups;
    int r = coco_opts_complete(&o.coco);
    if (r == 0)
        r = match_groups_build(truth, detections, &filter, a, &groups);
    if (r == 0)
        r = weighed_init(&o, &groups, a);
    if (r < 0)
        return r;
    const size_t mark = arena_mark(a);
    struct work w = {.groups = &groups, .o = &o};
    r = work_init(&w, a);
    if (r < 0)
        return r;
    for (size_t k = 0; k < o.n_classes; k++)
        judge_class(&w, k);
    arena_rewind(a, mark);
    *ret_weighed = o;
    return 0;
}

// ---- weighing

int weighed_scratch_init(const struct weighed *o, struct arena *a,
                         struct weighed_scratch *ret_scratch)
{
    struct weighed_scratch s = {
        .weights = arena_array(a, uint32_t, o->largest_class),
        .bits = arena_array(a, uint32_t, 2 * o->largest_class),
        .points = arena_array(a, double, 2 * o->largest_class),
    };
    if (!s.weights || !s.bits || !s.points)
        return ERR_NOMEM;
    *ret_scratch = s;
    return 0;
}

// Detections of class *k* that have weight. Returns how many.
static size_t gather(const struct weighed *o, size_t k, const uint32_t *weights,
                     struct weighed_scratch *s)
{
    size_t n = 0;
    for (size_t i = o->first_ranked[k]; i < o->first_ranked[k + 1]; i++) {
        const struct weighed_ranked *r = &o->ranked[i];
        const uint32_t weight = weights ? weights[r->picture] : 1;
        if (weight == 0)
            continue;
        s->weights[n] = weight;
        s->bits[2 * n] = r->matched & ~r->ignored;
        s->bits[2 * n + 1] = ~r->matched;
        n++;
    }
    return n;
}

// Of *points* (true positives so far, envelope of the precision): the mean at COCO's recalls.
static double mean_of(const double *points, size_t n_points, double n_truths)
{
    double sum = 0;
    size_t at = 0;
    const double step = 1. / (COCO_N_RECALLS - 1);
    for (size_t p = 0; p < COCO_N_RECALLS; p++) {
        const double recall = p + 1 == COCO_N_RECALLS ? 1 : (double)p * step;
        while (at < n_points && points[2 * at] / n_truths < recall)
            at++;
        if (at == n_points)
            break;
        sum += points[2 * at + 1];
    }
    return sum / COCO_N_RECALLS;
}

// Likewise the area.
static double area_of(const double *points, size_t n_points, double n_truths)
{
    double sum = 0;
    for (size_t i = 0; i < n_points; i++)
        sum += points[2 * i + 1] * (points[2 * i] - (i > 0 ? points[2 * i - 2] : 0));
    return sum / n_truths;
}

// Average precision and the highest recall at threshold *t*.
static double class_ap(const struct weighed *o, const struct weighed_scratch *s, size_t n, size_t t,
                       double n_truths, double *ret_recall)
{
    double tp = 0;
    double fp = 0;
    double *points = s->points; // true positives so far, precision
    size_t n_points = 0;
    for (size_t i = 0; i < n; i++) {
        const double weight = s->weights[i];
        fp += s->bits[2 * i + 1] >> t & 1 ? weight : 0;
        if (!(s->bits[2 * i] >> t & 1))
            continue;
        tp += weight;
        points[2 * n_points] = tp;
        points[2 * n_points + 1] = tp / (fp + tp + DBL_EPSILON);
        n_points++;
    }
    for (size_t i = n_points; i-- > 1;)
        points[2 * i - 1] = MAX(points[2 * i - 1], points[2 * i + 1]);
    *ret_recall = tp / n_truths;
    return o->is_area ? area_of(points, n_points, n_truths) : mean_of(points, n_points, n_truths);
}

static int find_iou(const struct coco_opts *o, double iou)
{
    for (size_t t = 0; t < o->n_ious; t++) {
        if (fabs(o->ious[t] - iou) < 1e-9)
            return (int)t;
    }
    return -1;
}

struct totals {
    double n_truths, tp, fp;
};

static struct totals sum_counts(const struct weighed *o, size_t k, const uint32_t *weights)
{
    struct totals sum = {0};
    for (size_t i = o->first_count[k]; i < o->first_count[k + 1]; i++) {
        const struct weighed_count *c = &o->counts[i];
        const double weight = weights ? weights[c->picture] : 1;
        sum.n_truths += weight * c->n_truths;
        sum.tp += weight * c->true_;
        sum.fp += weight * c->false_;
    }
    return sum;
}

static void put_point(const struct totals *t, double *v)
{
    if (t->tp + t->fp > 0)
        v[WEIGHED_PRECISION] = t->tp / (t->tp + t->fp);
    if (t->n_truths > 0) {
        v[WEIGHED_RECALL] = t->tp / t->n_truths;
        v[WEIGHED_F1] = 2 * t->tp / (t->tp + t->fp + t->n_truths);
    }
}

static struct weighed_figures no_figures(void)
{
    struct weighed_figures f;
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++)
        f.v[i] = NAN;
    return f;
}

static struct weighed_figures weigh_class(const struct weighed *o, size_t k,
                                          const uint32_t *weights, struct weighed_scratch *s,
                                          struct totals *ret_totals)
{
    struct weighed_figures f = no_figures();
    *ret_totals = sum_counts(o, k, weights);
    put_point(ret_totals, f.v);
    if (!(ret_totals->n_truths > 0))
        return f;
    const size_t n = gather(o, k, weights, s);
    const int t50 = find_iou(&o->coco, .5);
    const int t75 = find_iou(&o->coco, .75);
    double ap = 0;
    double ar = 0;
    for (size_t t = 0; t < o->coco.n_ious; t++) {
        double recall;
        double at = class_ap(o, s, n, t, ret_totals->n_truths, &recall);
        ap += at;
        ar += recall;
        if ((int)t == t50)
            f.v[WEIGHED_AP50] = at;
        if ((int)t == t75)
            f.v[WEIGHED_AP75] = at;
    }
    f.v[WEIGHED_AP] = ap / (double)o->coco.n_ious;
    f.v[WEIGHED_AR] = ar / (double)o->coco.n_ious;
    return f;
}

void weighed_weigh(const struct weighed *o, const uint32_t *weights, struct weighed_scratch *s,
                   struct weighed_figures *ret_overall, struct weighed_figures *ret_classes)
{
    struct weighed_figures overall = no_figures();
    struct totals all = {0};
    double sums[WEIGHED_PRECISION] = {0};
    size_t n[WEIGHED_PRECISION] = {0};
    for (size_t k = 0; k < o->n_classes; k++) {
        struct totals t;
        struct weighed_figures f = weigh_class(o, k, weights, s, &t);
        all.n_truths += t.n_truths;
        all.tp += t.tp;
        all.fp += t.fp;
        for (size_t i = 0; i < WEIGHED_PRECISION; i++) { // means of the classes with truth
            sums[i] += isnan(f.v[i]) ? 0 : f.v[i];
            n[i] += !isnan(f.v[i]);
        }
        if (ret_classes)
            ret_classes[k] = f;
    }
    for (size_t i = 0; i < WEIGHED_PRECISION; i++)
        overall.v[i] = n[i] > 0 ? sums[i] / (double)n[i] : NAN;
    put_point(&all, overall.v);
    *ret_overall = overall;
}
