// SPDX-License-Identifier: Apache-2.0
// coco.c - COCO's average precision and recall, operation for operation.
//
// SHAPES
// A class is judged picture by picture; its detections up to the last cut get one verdict word per
// area: bit t of matched and of ignored is that of IoU threshold t.
// precision [area][iou][recall][column], recall [area][cut][iou][column]; a column is a class that
// has truth.
//
// The published figures are reproduced to the last bit, so the order of floating point operations
// is that of the reference: thresholds as numpy.linspace makes them, precision as
// tp / (fp + tp + spacing(1)), means as numpy's pairwise sum divided by the count. One difference
// is wanted: the reference takes a match to an annotation with id 0 for no match; here it is one.

#include "eval/coco.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/match.h"

#define MAX_IOU (1 - 1e-10) // a threshold of 1 would demand more than doubles can

static const struct coco_area default_areas[] = {
    {"all", 0, 1e5 * 1e5},
    {"small", 0, 32 * 32},
    {"medium", 32 * 32, 96 * 96},
    {"large", 96 * 96, 1e5 * 1e5},
};
static const int default_cuts[] = {1, 10, 100};

// As numpy.linspace(start, stop, n).
static void linspace(double start, double stop, size_t n, double *ret)
{
    double step = (stop - start) / (double)(n - 1);
    for (size_t i = 0; i < n; i++)
        ret[i] = (double)i * step + start;
    ret[n - 1] = stop;
}

static int check_opts(const struct coco_opts *o)
{
    if (o->n_ious > COCO_MAX_IOUS || o->n_areas > COCO_MAX_AREAS || o->n_cuts > COCO_MAX_CUTS)
        return err_set(ERR_INVALID, "too many IoU thresholds, areas or detection limits");
    for (size_t i = 0; i < o->n_ious; i++) {
        if (!(o->ious[i] > 0 && o->ious[i] <= 1))
            return err_set(ERR_INVALID, "IoU threshold %g is not above 0 and at most 1",
                           o->ious[i]);
        if (i > 0 && !(o->ious[i] > o->ious[i - 1]))
            return err_set(ERR_INVALID, "IoU thresholds are not in ascending order");
    }
    for (size_t i = 0; i < o->n_cuts; i++) {
        if (o->cuts[i] < 1)
            return err_set(ERR_INVALID, "detection limit %d is not above 0", o->cuts[i]);
        if (i > 0 && o->cuts[i] <= o->cuts[i - 1])
            return err_set(ERR_INVALID, "detection limits are not in ascending order");
    }
    for (size_t i = 0; i < o->n_areas; i++) {
        if (!(o->areas[i].min <= o->areas[i].max))
            return err_set(ERR_INVALID, "area range %zu is empty", i + 1);
    }
    return 0;
}

int coco_opts_complete(struct coco_opts *opts)
{
    if (!opts->n_ious) {
        opts->n_ious = 10;
        linspace(.5, .95, opts->n_ious, opts->ious);
    }
    if (!opts->n_areas) {
        opts->n_areas = ARRAY_LEN(default_areas);
        memcpy(opts->areas, default_areas, sizeof(default_areas));
    }
    if (!opts->n_cuts) {
        opts->n_cuts = ARRAY_LEN(default_cuts);
        memcpy(opts->cuts, default_cuts, sizeof(default_cuts));
    }
    return check_opts(opts);
}

// ---- judging

// One detection of the class at hand.
struct judged {
    uint32_t object; // of the detections
    int32_t rank;    // in its picture, by confidence, from 0
    uint32_t matched[COCO_MAX_AREAS];
    uint32_t ignored[COCO_MAX_AREAS];
};

struct work {
    const struct match_groups *groups;
    struct coco *coco;
    double ious[COCO_MAX_IOUS]; // as compared
    // --- of one picture, [position in the group]
    struct match_candidate *candidates;
    bool *crowd;
    bool *ignored; // [area][position]
    bool *taken;   // [area][iou][position]
    // --- of one class
    struct judged *judged; // in the order of pictures
    size_t n_judged;
    uint32_t *order;                  // indices of judged, by confidence
    uint32_t *scratch;                // of sorting
    uint32_t *slots;                  // [object of the detections]: index in judged
    size_t n_counted[COCO_MAX_AREAS]; // truths that count
    double *precision, *recall;       // [detection] scratch of a curve
};

static size_t largest_class(const struct match_groups *m)
{
    size_t largest = 0;
    for (size_t k = 0; k < m->n_classes; k++) {
        size_t n = 0;
        for (size_t g = m->first_group[k]; g < m->first_group[k + 1]; g++)
            n += m->groups[g].n_detections;
        largest = MAX(largest, n);
    }
    return largest;
}

static int work_init(struct work *w, struct arena *a)
{
    const struct coco_opts *o = &w->coco->opts;
    const size_t n = w->groups->largest_truths;
    const size_t n_class = largest_class(w->groups);
    for (size_t t = 0; t < o->n_ious; t++)
        w->ious[t] = MIN(o->ious[t], MAX_IOU);
    w->candidates = arena_array(a, struct match_candidate, n);
    w->crowd = arena_array(a, bool, n);
    w->ignored = (bool *)arena_alloc(a, n, o->n_areas * sizeof(bool));
    w->taken = (bool *)arena_alloc(a, n, o->n_areas * o->n_ious * sizeof(bool));
    w->judged = arena_array(a, struct judged, n_class);
    w->order = arena_array(a, uint32_t, n_class);
    w->scratch = arena_array(a, uint32_t, n_class);
    w->slots = arena_array(a, uint32_t, w->groups->detections->n_objects);
    w->precision = arena_array(a, double, n_class);
    w->recall = arena_array(a, double, n_class);
    if (!w->candidates || !w->crowd || !w->ignored || !w->taken || !w->judged || !w->order ||
        !w->scratch || !w->slots || !w->precision || !w->recall)
        return ERR_NOMEM;
    return 0;
}

static bool is_outside(double area, const struct coco_area *range)
{
    return area < range->min || area > range->max;
}

static void begin_picture(struct work *w, const struct match_group *g)
{
    const struct coco_opts *o = &w->coco->opts;
    const struct match_groups *m = w->groups;
    for (size_t i = 0; i < g->n_truths; i++) {
        const struct dataset_object *t = &m->truth->objects[m->truth_order[g->first_truth + i]];
        w->crowd[i] = t->crowd;
        for (size_t area = 0; area < o->n_areas; area++) {
            bool ignored = t->ignore || is_outside(t->area, &o->areas[area]);
            w->ignored[area * g->n_truths + i] = ignored;
            w->n_counted[area] += !ignored;
        }
        w->coco->n_truths[g->class_index] += !t->ignore;
    }
    memset(w->taken, 0, o->n_areas * o->n_ious * g->n_truths * sizeof(bool));
}

// Lets the detection take a truth at every area and threshold.
static void judge(struct work *w, const struct match_group *g, struct judged *d)
{
    const struct coco_opts *o = &w->coco->opts;
    const struct dataset_object *object = &w->groups->detections->objects[d->object];
    const size_t n = match_candidates(w->groups, g, object, w->ious[0], w->candidates);
    const double area = object->w * object->h;
    for (size_t r = 0; r < o->n_areas; r++) {
        const bool *ignored = w->ignored + r * g->n_truths;
        const bool outside = is_outside(area, &o->areas[r]);
        for (size_t t = 0; t < o->n_ious; t++) {
            bool *taken = w->taken + (r * o->n_ious + t) * g->n_truths;
            int i = match_choose(w->candidates, n, w->ious[t], ignored, w->crowd, taken);
            if (i >= 0) {
                taken[i] = true;
                d->matched[r] |= BIT(t);
            }
            if (i >= 0 ? ignored[i] : outside)
                d->ignored[r] |= BIT(t);
        }
    }
}

static void judge_picture(struct work *w, const struct match_group *g)
{
    const struct coco_opts *o = &w->coco->opts;
    const size_t most = (size_t)o->cuts[o->n_cuts - 1];
    const size_t n = MIN(g->n_detections, most);
    begin_picture(w, g);
    for (size_t i = 0; i < n; i++) {
        struct judged *d = &w->judged[w->n_judged++];
        *d = (struct judged){.object = w->groups->detection_order[g->first_detection + i],
                             .rank = (int32_t)i};
        judge(w, g, d);
    }
    if (g->n_detections > most) {
        w->coco->n_cut += g->n_detections - most;
    }
}

// ---- curves

// Makes precision fall from left to right and reads it at the recall points; ret[i * stride].
static void read_precision(struct work *w, size_t n, double *ret, size_t stride)
{
    for (size_t i = n; i-- > 1;)
        w->precision[i - 1] = MAX(w->precision[i], w->precision[i - 1]);
    double points[COCO_N_RECALLS];
    linspace(0, 1, COCO_N_RECALLS, points);
    size_t at = 0;
    for (size_t p = 0; p < COCO_N_RECALLS; p++) {
        while (at < n && w->recall[at] < points[p])
            at++;
        ret[p * stride] = at < n ? w->precision[at] : 0;
    }
}

// Fills w->precision and w->recall for one area, cut and threshold. Returns how many detections.
static size_t sum_up(struct work *w, size_t area, int cut, size_t iou)
{
    const uint32_t bit = BIT(iou);
    const double n_truths = (double)w->n_counted[area];
    double tp = 0;
    double fp = 0;
    size_t n = 0;
    for (size_t i = 0; i < w->n_judged; i++) {
        const struct judged *d = &w->judged[w->order[i]];
        if (d->rank >= cut)
            continue;
        bool counts = !(d->ignored[area] & bit);
        bool matched = d->matched[area] & bit;
        tp += counts && matched;
        fp += counts && !matched;
        w->recall[n] = tp / n_truths;
        w->precision[n] = tp / (fp + tp + DBL_EPSILON);
        n++;
    }
    return n;
}

static void accumulate(struct work *w, size_t k)
{
    struct coco *c = w->coco;
    const struct coco_opts *o = &c->opts;
    const int32_t column = c->columns[k];
    for (size_t area = 0; column >= 0 && area < o->n_areas; area++) {
        if (w->n_counted[area] == 0)
            continue;
        for (size_t cut = 0; cut < o->n_cuts; cut++) {
            for (size_t t = 0; t < o->n_ious; t++) {
                size_t n = sum_up(w, area, o->cuts[cut], t);
                size_t at = (area * o->n_cuts + cut) * o->n_ious + t;
                c->recall[at * c->n_columns + (size_t)column] = n > 0 ? w->recall[n - 1] : 0;
                if (cut + 1 < o->n_cuts)
                    continue;
                size_t first = (area * o->n_ious + t) * COCO_N_RECALLS;
                read_precision(w, n, c->precision + first * c->n_columns + (size_t)column,
                               c->n_columns);
            }
        }
    }
}

// order: indices of judged by falling confidence; equal ones stay in the order of pictures.
static void sort_class(struct work *w)
{
    for (size_t i = 0; i < w->n_judged; i++) {
        w->order[i] = w->judged[i].object;
        w->slots[w->judged[i].object] = (uint32_t)i;
    }
    match_sort(w->groups->detections->objects, w->order, w->n_judged, w->scratch);
    for (size_t i = 0; i < w->n_judged; i++)
        w->order[i] = w->slots[w->order[i]];
}

static int choose_columns(struct coco *c, const struct match_groups *m, struct arena *a)
{
    c->columns = arena_array(a, int32_t, c->n_classes);
    if (!c->columns)
        return ERR_NOMEM;
    for (size_t k = 0; k < c->n_classes; k++) {
        bool has_truth = false;
        for (size_t g = m->first_group[k]; g < m->first_group[k + 1] && !has_truth; g++)
            has_truth = m->groups[g].n_truths > 0;
        c->columns[k] = has_truth ? (int32_t)c->n_columns : -1;
        c->n_columns += has_truth;
    }
    return 0;
}

static int coco_init(struct coco *c, const struct match_groups *m, struct arena *a)
{
    int r = choose_columns(c, m, a);
    if (r < 0)
        return r;
    const struct coco_opts *o = &c->opts;
    const size_t n_recall = o->n_areas * o->n_cuts * o->n_ious;
    const size_t n_precision = o->n_areas * o->n_ious * COCO_N_RECALLS;
    c->n_truths = arena_array(a, size_t, c->n_classes);
    c->recall = (double *)arena_alloc(a, c->n_columns, n_recall * sizeof(double));
    c->precision = (double *)arena_alloc(a, c->n_columns, n_precision * sizeof(double));
    c->scratch =
        (double *)arena_alloc(a, c->n_columns, o->n_ious * COCO_N_RECALLS * sizeof(double));
    if (!c->n_truths || !c->recall || !c->precision || !c->scratch)
        return ERR_NOMEM;
    for (size_t i = 0; i < n_recall * c->n_columns; i++)
        c->recall[i] = -1;
    for (size_t i = 0; i < n_precision * c->n_columns; i++)
        c->precision[i] = -1;
    return 0;
}

int coco_run(const struct match_groups *groups, const struct coco_opts *opts, struct arena *a,
             struct coco *ret_coco)
{
    struct coco c = {.n_classes = groups->n_classes};
    if (opts)
        c.opts = *opts;
    int r = coco_opts_complete(&c.opts);
    if (r < 0)
        return r;
    r = coco_init(&c, groups, a);
    if (r < 0)
        return r;
    const size_t mark = arena_mark(a);
    struct work w = {.groups = groups, .coco = &c};
    r = work_init(&w, a);
    if (r < 0)
        return r;
    for (size_t k = 0; k < c.n_classes; k++) {
        w.n_judged = 0;
        memset(w.n_counted, 0, sizeof(w.n_counted));
        for (size_t g = groups->first_group[k]; g < groups->first_group[k + 1]; g++)
            judge_picture(&w, &groups->groups[g]);
        sort_class(&w);
        accumulate(&w, k);
    }
    arena_rewind(a, mark);
    *ret_coco = c;
    return 0;
}

// ---- figures

// As numpy sums a contiguous array: eight running sums up to 128 numbers, halves beyond.
static double pairwise_sum(const double *v, size_t n)
{
    if (n < 8) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += v[i];
        return sum;
    }
    if (n > 128) {
        size_t half = n / 2;
        half -= half % 8;
        return pairwise_sum(v, half) + pairwise_sum(v + half, n - half);
    }
    double s[8];
    memcpy(s, v, sizeof(s));
    size_t i = 8;
    for (; i < n - n % 8; i += 8) {
        for (size_t j = 0; j < 8; j++)
            s[j] += v[i + j];
    }
    double sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    for (; i < n; i++)
        sum += v[i];
    return sum;
}

// The mean of what is not -1 in rows of n_columns numbers; NaN where nothing is.
static double mean(const struct coco *c, const double *rows, size_t n_rows, int class_index)
{
    const int32_t column = class_index == COCO_ANY ? 0 : c->columns[class_index];
    if (column < 0)
        return NAN;
    const size_t first = (size_t)column;
    const size_t end = class_index == COCO_ANY ? c->n_columns : first + 1;
    size_t n = 0;
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t k = first; k < end; k++) {
            double v = rows[row * c->n_columns + k];
            if (v > -1)
                c->scratch[n++] = v;
        }
    }
    return n > 0 ? pairwise_sum(c->scratch, n) / (double)n : NAN;
}

double coco_ap(const struct coco *c, int iou, size_t area, int class_index)
{
    assert(area < c->opts.n_areas && iou < (int)c->opts.n_ious);
    const size_t first = area * c->opts.n_ious + (iou == COCO_ANY ? 0 : (size_t)iou);
    const size_t n = iou == COCO_ANY ? c->opts.n_ious : 1;
    return mean(c, c->precision + first * COCO_N_RECALLS * c->n_columns, n * COCO_N_RECALLS,
                class_index);
}

double coco_ar(const struct coco *c, int iou, size_t area, size_t cut, int class_index)
{
    assert(area < c->opts.n_areas && cut < c->opts.n_cuts && iou < (int)c->opts.n_ious);
    const size_t row = (area * c->opts.n_cuts + cut) * c->opts.n_ious;
    const size_t first = row + (iou == COCO_ANY ? 0 : (size_t)iou);
    return mean(c, c->recall + first * c->n_columns, iou == COCO_ANY ? c->opts.n_ious : 1,
                class_index);
}

int coco_find_iou(const struct coco *c, double iou)
{
    for (size_t t = 0; t < c->opts.n_ious; t++) {
        if (fabs(c->opts.ious[t] - iou) < 1e-9)
            return (int)t;
    }
    return -1;
}

int coco_find_area(const struct coco *c, const char *name)
{
    for (size_t i = 0; i < c->opts.n_areas; i++) {
        if (strcmp(c->opts.areas[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}
