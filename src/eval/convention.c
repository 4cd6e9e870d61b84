// SPDX-License-Identifier: Apache-2.0
// convention.c - rules to figures, and the rules that differ exchanged one by one.
//
// SHAPES
// A class is judged picture by picture; each detection gets one verdict word: bit t of matched and
// of ignored is that of IoU threshold t. class_ap [iou][class] until the means are taken.

#include "eval/convention.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/convention_priv.h"
#include "eval/match.h"

#define MAX_IOU (1 - 1e-10) // as COCO's: doubles cannot be asked for more

enum {
    MAX_IOUS = 32,
    SMOOTH_WIDTH = 101, // a tenth of the grid, odd
};

static const char *const names[CONVENTION_N_KINDS] = {
    [CONVENTION_COCO] = "coco",
    [CONVENTION_VOC07] = "voc07",
    [CONVENTION_VOC] = "voc",
    [CONVENTION_ULTRALYTICS] = "ultralytics",
};

const char *convention_name(enum convention kind)
{
    return names[kind];
}

int convention_parse(const char *list, bool *ret_wanted)
{
    bool wanted[CONVENTION_N_KINDS] = {0};
    struct str rest = str_of(list);
    struct str part;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        bool found = str_is(part, "all");
        for (int k = CONVENTION_COCO; k < CONVENTION_N_KINDS; k++) {
            bool same = str_is(part, "all") || str_is(part, names[k]);
            wanted[k] |= same;
            found |= same;
        }
        if (!found)
            return err_set(ERR_INVALID,
                           "'" STR_FMT "' is no convention: coco, voc07, voc, ultralytics or all",
                           STR_ARG(part));
    }
    memcpy(ret_wanted, wanted, sizeof(wanted));
    return 0;
}

// ---- judging

struct verdict {
    uint32_t object; // of the detections
    uint32_t matched, ignored;
};

struct work {
    const struct match_groups *groups;
    const struct convention_rules *rules;
    const struct convention_opts *opts;
    double ious[MAX_IOUS]; // as compared
    // --- of one picture, [position in the group]
    double *overlaps;
    bool *ignored, *crowd;
    bool *taken; // [iou][position]
    // --- of one class
    struct verdict *verdicts;
    size_t n_verdicts;
    size_t n_counted;                // truths that count
    uint32_t *order, *scratch;       // of sorting
    uint32_t *slots;                 // [object of the detections]: index in verdicts
    struct convention_points points; // of one IoU
    double *grid_f1;                 // [grid] sums over classes
};

static int work_init(struct work *w, struct arena *a)
{
    const struct match_groups *m = w->groups;
    size_t n_class = 0;
    for (size_t k = 0; k < m->n_classes; k++) {
        size_t n = 0;
        for (size_t g = m->first_group[k]; g < m->first_group[k + 1]; g++)
            n += m->groups[g].n_detections;
        n_class = MAX(n_class, n);
    }
    for (size_t t = 0; t < w->opts->n_ious; t++)
        w->ious[t] = MIN(w->opts->ious[t], MAX_IOU);
    w->overlaps = arena_array(a, double, m->largest_truths);
    w->ignored = arena_array(a, bool, m->largest_truths);
    w->crowd = arena_array(a, bool, m->largest_truths);
    w->taken = (bool *)arena_alloc(a, m->largest_truths, w->opts->n_ious * sizeof(bool));
    w->verdicts = arena_array(a, struct verdict, n_class);
    w->order = arena_array(a, uint32_t, n_class);
    w->scratch = arena_array(a, uint32_t, n_class);
    w->slots = arena_array(a, uint32_t, m->detections->n_objects);
    w->points.recall = arena_array(a, double, n_class);
    w->points.precision = arena_array(a, double, n_class);
    w->points.confidence = arena_array(a, double, n_class);
    w->grid_f1 = arena_array(a, double, CONVENTION_N_GRID);
    if (!w->overlaps || !w->ignored || !w->crowd || !w->taken || !w->verdicts || !w->order ||
        !w->scratch || !w->slots || !w->points.recall || !w->points.precision ||
        !w->points.confidence || !w->grid_f1)
        return ERR_NOMEM;
    return 0;
}

// As match_overlap(), by the rules' boxes; crowds count over the detection's own area in COCO only.
static double overlap_of(const struct convention_rules *rules, const struct dataset_object *d,
                         const struct dataset_object *t)
{
    struct dataset_object detection = *d;
    struct dataset_object truth = *t;
    const int more = rules->inclusive;
    detection.w += more;
    detection.h += more;
    truth.w += more;
    truth.h += more;
    truth.crowd = t->crowd && rules->ignoring == CONVENTION_IGNORE_COCO;
    return match_overlap(&detection, &truth);
}

static bool is_ignored(const struct convention_rules *rules, const struct dataset_object *t)
{
    if (rules->ignoring == CONVENTION_IGNORE_COCO)
        return t->ignore;
    return t->ignore || (t->marks & DATASET_DIFFICULT) != 0;
}

static void begin_picture(struct work *w, const struct match_group *g)
{
    const struct match_groups *m = w->groups;
    for (size_t i = 0; i < g->n_truths; i++) {
        const struct dataset_object *t = &m->truth->objects[m->truth_order[g->first_truth + i]];
        w->ignored[i] = is_ignored(w->rules, t);
        w->crowd[i] = t->crowd;
        w->n_counted += !w->ignored[i];
    }
    memset(w->taken, 0, g->n_truths * w->opts->n_ious * sizeof(bool));
}

// COCO's choice: the last of the largest overlaps that is free, an ignored one only if no other is.
static int choose_free(const struct work *w, size_t n, double iou, const bool *taken)
{
    for (int pass = 0; pass < 2; pass++) {
        double best = iou;
        int chosen = -1;
        for (size_t i = 0; i < n; i++) {
            if (w->ignored[i] != (pass == 1) || (taken[i] && !w->crowd[i]) ||
                !(w->overlaps[i] >= best))
                continue;
            best = w->overlaps[i];
            chosen = (int)i;
        }
        if (chosen >= 0)
            return chosen;
    }
    return -1;
}

// The largest overlap, whoever has it.
static int choose_best(const struct work *w, size_t n)
{
    const bool later = w->rules->matching == CONVENTION_BEST_LATER;
    const bool removes = w->rules->ignoring == CONVENTION_IGNORE_REMOVE;
    int chosen = -1;
    double best = -1;
    for (size_t i = 0; i < n; i++) {
        if (removes && w->ignored[i])
            continue;
        if (later ? w->overlaps[i] >= best : w->overlaps[i] > best) {
            best = w->overlaps[i];
            chosen = (int)i;
        }
    }
    return chosen;
}

static void judge(struct work *w, const struct match_group *g, struct verdict *v)
{
    const struct match_groups *m = w->groups;
    const struct dataset_object *d = &m->detections->objects[v->object];
    const size_t n = g->n_truths;
    const bool removes = w->rules->ignoring == CONVENTION_IGNORE_REMOVE;
    for (size_t i = 0; i < n; i++) {
        const struct dataset_object *t = &m->truth->objects[m->truth_order[g->first_truth + i]];
        w->overlaps[i] = removes && w->ignored[i] ? -1 : overlap_of(w->rules, d, t);
    }
    const bool any = w->rules->ignoring == CONVENTION_IGNORE_VOC;
    const bool is_free = w->rules->matching == CONVENTION_BEST_FREE;
    const int best = is_free ? -1 : choose_best(w, n);
    for (size_t t = 0; t < w->opts->n_ious; t++) {
        bool *taken = w->taken + t * n;
        int i = is_free ? choose_free(w, n, w->ious[t], taken) : best;
        if (i < 0 || !(w->overlaps[i] >= w->ious[t]))
            continue;
        if (w->ignored[i] && (any || w->crowd[i] || !taken[i]))
            v->ignored |= BIT(t);
        else if (!taken[i])
            v->matched |= BIT(t);
        taken[i] = !(w->ignored[i] && any);
    }
}

static void judge_picture(struct work *w, const struct match_group *g)
{
    begin_picture(w, g);
    size_t n = g->n_detections;
    if (w->rules->cut > 0)
        n = MIN(n, (size_t)w->rules->cut);
    for (size_t i = 0; i < n; i++) {
        struct verdict *v = &w->verdicts[w->n_verdicts++];
        *v = (struct verdict){.object = w->groups->detection_order[g->first_detection + i]};
        judge(w, g, v);
    }
}

// By falling confidence; equal ones stay in the order of pictures.
static void judge_class(struct work *w, size_t k)
{
    const struct match_groups *m = w->groups;
    w->n_verdicts = 0;
    w->n_counted = 0;
    for (size_t g = m->first_group[k]; g < m->first_group[k + 1]; g++)
        judge_picture(w, &m->groups[g]);
    for (size_t i = 0; i < w->n_verdicts; i++) {
        w->order[i] = w->verdicts[i].object;
        w->slots[w->verdicts[i].object] = (uint32_t)i;
    }
    match_sort(m->detections->objects, w->order, w->n_verdicts, w->scratch);
}

// ---- figures

static void draw_curve(struct work *w, size_t iou)
{
    struct convention_points *p = &w->points;
    const double n_truths = (double)w->n_counted;
    // COCO guards its division; what is not 0 there is changed in the last digit at most.
    const double guard = w->rules->curve == CONVENTION_POINTS_101 ? DBL_EPSILON : 0;
    double tp = 0;
    double fp = 0;
    p->n = 0;
    for (size_t i = 0; i < w->n_verdicts; i++) {
        const struct verdict *v = &w->verdicts[w->slots[w->order[i]]];
        if (v->ignored & BIT(iou))
            continue;
        bool matched = v->matched & BIT(iou);
        tp += matched;
        fp += !matched;
        p->recall[p->n] = tp / n_truths;
        p->precision[p->n] = tp / (tp + fp + guard);
        p->confidence[p->n] = w->groups->detections->objects[v->object].confidence;
        p->n++;
    }
}

static double grid_point(size_t i)
{
    return i + 1 == CONVENTION_N_GRID ? 1 : (double)i * (1 / (double)(CONVENTION_N_GRID - 1));
}

struct operating_pr {
    double precision, recall, f1;
};

// Of the curve before it became an envelope.
static struct operating_pr read_grid(const struct convention_points *c, size_t i)
{
    struct operating_pr p = {0}; // without detections
    if (c->n == 0)
        return p;
    double x = grid_point(i);
    p.recall = convention_at(c->confidence, c->recall, c->n, x, 0);
    p.precision = convention_at(c->confidence, c->precision, c->n, x, 1);
    p.f1 = 2 * p.precision * p.recall / (p.precision + p.recall + 1e-16);
    return p;
}

static size_t find_iou(const struct convention_opts *o, double iou)
{
    for (size_t t = 0; t < o->n_ious; t++) {
        if (fabs(o->ious[t] - iou) < 1e-9)
            return t;
    }
    return SIZE_MAX;
}

// Where the smoothed mean of the classes' F1 is highest; the first of equals.
static size_t best_of_grid(const struct work *w, size_t n_classes, double *smoothed)
{
    size_t best = 0;
    convention_smooth(w->grid_f1, CONVENTION_N_GRID, SMOOTH_WIDTH, smoothed);
    for (size_t i = 0; i < CONVENTION_N_GRID; i++) {
        if (smoothed[i] / (double)n_classes > smoothed[best] / (double)n_classes)
            best = i;
    }
    return best;
}

// Needs a second look at each class: the grid point is known only after all of them.
static int measure_operating(struct work *w, struct arena *a, struct convention_figures *f)
{
    const struct match_groups *m = w->groups;
    size_t t = find_iou(w->opts, .5);
    t = t == SIZE_MAX ? 0 : t;
    double *smoothed = arena_array(a, double, CONVENTION_N_GRID);
    if (!smoothed)
        return ERR_NOMEM;
    size_t n = 0;
    size_t best = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct operating_pr sum = {0};
        for (size_t k = 0; k < m->n_classes; k++) {
            judge_class(w, k);
            if (w->n_counted == 0)
                continue;
            draw_curve(w, t);
            for (size_t i = 0; i < CONVENTION_N_GRID && pass == 0; i++)
                w->grid_f1[i] += read_grid(&w->points, i).f1;
            n += pass == 0;
            struct operating_pr p = read_grid(&w->points, best);
            sum.precision += p.precision;
            sum.recall += p.recall;
            sum.f1 += p.f1;
        }
        if (n == 0)
            return 0;
        if (pass == 0) {
            best = best_of_grid(w, n, smoothed);
        } else {
            f->confidence = grid_point(best);
            f->precision = sum.precision / (double)n;
            f->recall = sum.recall / (double)n;
            f->f1 = sum.f1 / (double)n;
        }
    }
    return 0;
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0;
    size_t n_known = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(v[i]))
            continue;
        sum += v[i];
        n_known++;
    }
    return n_known > 0 ? sum / (double)n_known : NAN;
}

static void take_means(const struct work *w, const double *ap, struct convention_figures *f)
{
    const size_t n_classes = w->groups->n_classes;
    const size_t n_ious = w->opts->n_ious;
    const size_t at50 = find_iou(w->opts, .5);
    const size_t at75 = find_iou(w->opts, .75);
    f->ap = mean_of(ap, n_ious * n_classes);
    f->ap50 = at50 == SIZE_MAX ? NAN : mean_of(ap + at50 * n_classes, n_classes);
    f->ap75 = at75 == SIZE_MAX ? NAN : mean_of(ap + at75 * n_classes, n_classes);
    for (size_t k = 0; k < n_classes; k++) {
        double sum = 0;
        for (size_t t = 0; t < n_ious; t++)
            sum += ap[t * n_classes + k];
        f->class_ap[k] = sum / (double)n_ious;
        f->class_ap50[k] = at50 == SIZE_MAX ? NAN : ap[at50 * n_classes + k];
    }
}

int convention_measure(const struct match_groups *groups, const struct convention_rules *rules,
                       const struct convention_opts *opts, struct arena *a,
                       struct convention_figures *ret_figures)
{
    struct convention_figures f = {.confidence = NAN, .precision = NAN, .recall = NAN, .f1 = NAN};
    const size_t n_classes = groups->n_classes;
    f.class_ap = arena_array(a, double, n_classes);
    f.class_ap50 = arena_array(a, double, n_classes);
    const size_t mark = arena_mark(a);
    struct work w = {.groups = groups, .rules = rules, .opts = opts};
    double *ap = (double *)arena_alloc(a, n_classes, opts->n_ious * sizeof(double));
    if (!f.class_ap || !f.class_ap50 || !ap)
        return ERR_NOMEM;
    int r = work_init(&w, a);
    if (r < 0)
        return r;
    for (size_t k = 0; k < n_classes; k++) {
        judge_class(&w, k);
        for (size_t t = 0; t < opts->n_ious; t++) {
            draw_curve(&w, t);
            ap[t * n_classes + k] =
                w.n_counted > 0 ? convention_area(rules->curve, &w.points) : NAN;
        }
    }
    take_means(&w, ap, &f);
    if (rules->curve == CONVENTION_TRAPEZOID)
        r = measure_operating(&w, a, &f);
    arena_rewind(a, mark);
    if (r == 0)
        *ret_figures = f;
    return r;
}

// ---- conventions

static struct convention_rules rules_of(enum convention kind, const struct convention_opts *opts)
{
    static const struct convention_rules table[CONVENTION_N_KINDS] = {
        [CONVENTION_COCO] = {CONVENTION_POINTS_101, CONVENTION_BEST_FREE, CONVENTION_IGNORE_COCO, 0,
                             false},
        [CONVENTION_VOC07] = {CONVENTION_POINTS_11, CONVENTION_BEST, CONVENTION_IGNORE_VOC, 0,
                              false},
        [CONVENTION_VOC] = {CONVENTION_POINTS_ALL, CONVENTION_BEST, CONVENTION_IGNORE_VOC, 0,
                            false},
        [CONVENTION_ULTRALYTICS] = {CONVENTION_TRAPEZOID, CONVENTION_BEST_LATER,
                                    CONVENTION_IGNORE_REMOVE, 0, false},
    };
    struct convention_rules rules = table[kind];
    if (kind == CONVENTION_COCO)
        rules.cut = opts->coco_cut;
    if (kind == CONVENTION_VOC07 || kind == CONVENTION_VOC)
        rules.inclusive = opts->inclusive;
    return rules;
}

static const char *const curve_texts[] = {
    [CONVENTION_POINTS_11] = "precision is read at 11 recalls, not at 101",
    [CONVENTION_POINTS_ALL] = "the whole area under the envelope, not its mean at 101 recalls",
    [CONVENTION_TRAPEZOID] = "trapezoids between 101 recalls of an interpolated envelope that "
                             "begins at precision 1 and ends at the last recall, not its mean",
};

static const char *const ignoring_texts[] = {
    [CONVENTION_IGNORE_VOC] =
        "difficult and ignored truths take any number of detections by plain IoU; a crowd has no "
        "overlap rule of its own",
    [CONVENTION_IGNORE_REMOVE] =
        "crowds, difficult and ignored truths do not exist: detections on them are false",
};

struct chain {
    const struct match_groups *groups;
    const struct convention_opts *opts;
    struct arena *arena;
    struct convention_result *result;
    struct convention_rules rules;     // so far
    struct convention_figures figures; // of them
};

// Measures the chain's rules and says what changed; *is_counted* false: changes nothing.
static int exchange(struct chain *c, const struct convention_rules *rules, const char *rule,
                    const char *text, bool is_counted)
{
    struct convention_figures after;
    int r = convention_measure(c->groups, rules, c->opts, c->arena, &after);
    if (r < 0)
        return r;
    c->result->causes[c->result->n_causes++] =
        (struct convention_cause){.rule = rule,
                                  .text = text,
                                  .is_counted = is_counted,
                                  .ap_before = c->figures.ap,
                                  .ap_after = after.ap,
                                  .ap50_before = c->figures.ap50,
                                  .ap50_after = after.ap50};
    if (is_counted) {
        c->rules = *rules;
        c->figures = after;
    }
    return 0;
}

static int walk(struct chain *c, const struct convention_rules *to)
{
    struct convention_rules step = c->rules;
    int r = 0;
    if (step.cut != to->cut) {
        step.cut = to->cut;
        r = exchange(c, &step, "most detections", "no limit a picture and class", true);
    }
    if (r == 0 && step.ignoring != to->ignoring) {
        step.ignoring = to->ignoring;
        r = exchange(c, &step, "crowd and ignored", ignoring_texts[to->ignoring], true);
    }
    if (r == 0 && step.matching != to->matching) {
        step.matching = to->matching;
        r = exchange(
            c, &step, "matching",
            "a detection asks only for the truth that it overlaps most, and is false where "
            "that one is taken",
            true);
    }
    if (r == 0 && step.inclusive != to->inclusive) {
        step.inclusive = to->inclusive;
        r = exchange(c, &step, "+1", "corners are pixels that belong to the box", true);
    }
    if (r == 0 && step.curve != to->curve) {
        step.curve = to->curve;
        r = exchange(c, &step, "interpolation", curve_texts[to->curve], true);
    }
    return r;
}

int convention_run(const struct match_groups *groups, enum convention kind,
                   const struct convention_opts *opts, struct arena *a,
                   struct convention_result *ret_result)
{
    struct convention_result result = {.kind = kind, .rules = rules_of(kind, opts)};
    struct chain c = {.groups = groups,
                      .opts = opts,
                      .arena = a,
                      .result = &result,
                      .rules = rules_of(CONVENTION_COCO, opts)};
    int r = convention_measure(groups, &c.rules, opts, a, &c.figures);
    if (r == 0)
        r = walk(&c, &result.rules);
    if (r < 0)
        return r;
    result.figures = c.figures;
    if ((kind == CONVENTION_VOC || kind == CONVENTION_VOC07) && !opts->inclusive) {
        struct convention_rules pixels = result.rules;
        pixels.inclusive = true;
        r = exchange(&c, &pixels, "+1",
                     "not in use (--inclusive-boxes): corners are pixels that belong to the box",
                     false);
    }
    if (r == 0)
        *ret_result = result;
    return r;
}
