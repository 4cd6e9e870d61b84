// SPDX-License-Identifier: Apache-2.0
// evaluation.c - one run of everything, and the notices a reader of the figures must know.

#include "eval/evaluation.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "dataset/dataset.h"
#include "dataset/label_map.h"
#include "eval/match.h"
#include "eval/origin.h"

#define OPERATING_IOU 0.5

enum {
    MAX_OWN_NOTICES = 8,
    MAX_LISTED = 512, // bytes of class labels in an error message
};

struct run {
    const struct dataset *truth, *detections;
    struct evaluation *e;
    bool *selected; // [class of the truth]
    struct match_groups groups;
    struct coco coco;
    struct operating operating;
};

// *text* is of the arena; NULL: memory was out.
static int add_notice(struct evaluation *e, const char *text)
{
    if (!text)
        return ERR_NOMEM;
    e->notices[e->n_notices++] = text;
    return 0;
}

static int unknown_class(const struct dataset *truth, const char *label)
{
    struct str_buf known = STR_BUF_INIT(MAX_LISTED);
    for (size_t k = 0; k < truth->n_classes; k++)
        str_buf_printf(&known, "%s'%s'", k ? ", " : "", truth->classes[k].name);
    err_set(ERR_INVALID, "class '%s' is not in the truth, which has %s%s", label,
            truth->n_classes ? str_buf_text(&known) : "no classes", known.failed ? ", ..." : "");
    str_buf_finish(&known);
    return ERR_INVALID;
}

// A label that is not one of the truth's, but means one ("pedestrian" for MOT text).
static int select_alias(struct run *run, const char *label)
{
    struct label_map *labels;
    int r = label_map_create(run->truth, &labels);
    if (r < 0)
        return r;
    int32_t k = label_map_find(labels, str_of(label));
    label_map_destroy(labels);
    if (k < 0)
        return unknown_class(run->truth, label);
    run->selected[k] = true;
    return 0;
}

static int select_classes(struct run *run)
{
    const struct evaluation_opts *o = &run->e->opts;
    const size_t n = run->truth->n_classes;
    run->selected = arena_array(run->e->arena, bool, n);
    if (!run->selected)
        return ERR_NOMEM;
    for (size_t k = 0; k < n; k++)
        run->selected[k] = o->n_classes == 0;
    int r = 0;
    for (size_t i = 0; i < o->n_classes && r == 0; i++) {
        bool found = false;
        for (size_t k = 0; k < n; k++) {
            if (strcmp(run->truth->classes[k].name, o->classes[i]) == 0)
                run->selected[k] = found = true;
        }
        if (!found)
            r = select_alias(run, o->classes[i]);
    }
    return r;
}

static int check_opts(struct evaluation_opts *o)
{
    if (!o->has_at_confidence)
        o->at_confidence = EVALUATION_AT_CONFIDENCE;
    if (o->has_min_confidence && !isfinite(o->min_confidence))
        return err_set(ERR_INVALID, "the lowest confidence is not a finite number");
    if (!isfinite(o->at_confidence))
        return err_set(ERR_INVALID, "the confidence of the operating point is not a finite number");
    return coco_opts_complete(&o->coco);
}

static double ap_at(const struct coco *c, double iou, int class_index)
{
    int t = coco_find_iou(c, iou);
    return t >= 0 ? coco_ap(c, t, 0, class_index) : NAN;
}

static double ap_in(const struct coco *c, const char *area, int class_index)
{
    int i = coco_find_area(c, area);
    return i >= 0 ? coco_ap(c, COCO_ANY, (size_t)i, class_index) : NAN;
}

static double ar_in(const struct coco *c, const char *area, int class_index)
{
    int i = coco_find_area(c, area);
    return i >= 0 ? coco_ar(c, COCO_ANY, (size_t)i, c->opts.n_cuts - 1, class_index) : NAN;
}

static void fill_coco(const struct coco *c, int class_index, struct evaluation_coco *o)
{
    o->ap = coco_ap(c, COCO_ANY, 0, class_index);
    o->ap50 = ap_at(c, .5, class_index);
    o->ap75 = ap_at(c, .75, class_index);
    o->ap_small = ap_in(c, "small", class_index);
    o->ap_medium = ap_in(c, "medium", class_index);
    o->ap_large = ap_in(c, "large", class_index);
    for (size_t i = 0; i < ARRAY_LEN(o->ar); i++)
        o->ar[i] = i < c->opts.n_cuts ? coco_ar(c, COCO_ANY, 0, i, class_index) : NAN;
    o->ar_small = ar_in(c, "small", class_index);
    o->ar_medium = ar_in(c, "medium", class_index);
    o->ar_large = ar_in(c, "large", class_index);
}

static void count_class(const struct match_groups *m, size_t k, struct evaluation_class *row)
{
    for (size_t i = m->first_group[k]; i < m->first_group[k + 1]; i++) {
        const struct match_group *g = &m->groups[i];
        row->n_detections += g->n_detections;
        for (size_t j = 0; j < g->n_truths; j++) {
            bool ignore = m->truth->objects[m->truth_order[g->first_truth + j]].ignore;
            row->n_ignored += ignore;
            row->n_truths += !ignore;
        }
    }
}

static int fill_classes(struct run *run)
{
    struct evaluation *e = run->e;
    const struct coco *c = &run->coco;
    e->classes = arena_array(e->arena, struct evaluation_class, run->truth->n_classes);
    e->class_indices = arena_array(e->arena, size_t, run->truth->n_classes);
    if (!e->classes || !e->class_indices)
        return ERR_NOMEM;
    for (size_t k = 0; k < run->truth->n_classes; k++) {
        if (!run->selected[k])
            continue;
        e->class_indices[e->n_classes] = k;
        struct evaluation_class *row = &e->classes[e->n_classes++];
        row->label = run->truth->classes[k].name;
        row->id = run->truth->classes[k].id;
        count_class(&run->groups, k, row);
        fill_coco(c, (int)k, &row->coco);
        row->ar = coco_ar(c, COCO_ANY, 0, c->opts.n_cuts - 1, (int)k);
        row->curve = run->operating.classes[k];
        row->at = operating_at(&row->curve, e->opts.at_confidence);
        row->best = operating_best(&row->curve);
        e->n_truths += row->n_truths;
        e->n_ignored += row->n_ignored;
        e->n_detections += row->n_detections;
    }
    return 0;
}

// ---- parts that need nothing of each other, on threads of their own where there are cores

struct part {
    struct run *run;
    enum convention kind; // CONVENTION_UNSET: the operating points
    struct convention_opts opts;
    struct convention_result *convention;
    struct arena *arena; // the evaluation's, for this part alone
    struct thread thread;
    bool is_wanted;
    int result;
};

static void part_run(void *arg)
{
    struct part *p = arg;
    struct run *run = p->run;
    if (p->kind == CONVENTION_UNSET)
        p->result = operating_run(&run->groups, OPERATING_IOU, p->arena, &run->operating);
    else
        p->result = convention_run(&run->groups, p->kind, &p->opts, p->arena, p->convention);
}

// Those that cannot have a thread are run by parts_join().
static int parts_start(struct run *run, struct part *parts)
{
    struct evaluation *e = run->e;
    const struct coco_opts *coco = &e->opts.coco;
    const bool threads = thread_n_cores() > 1;
    e->conventions = arena_array(e->arena, struct convention_result, CONVENTION_N_KINDS);
    if (!e->conventions)
        return ERR_NOMEM;
    for (int k = CONVENTION_UNSET; k < CONVENTION_N_KINDS; k++) {
        struct part *p = &parts[k];
        if (k != CONVENTION_UNSET && !e->opts.conventions[k])
            continue;
        int r = arena_create(0, &e->parts[k]);
        if (r < 0)
            return r;
        *p = (struct part){.run = run,
                           .kind = (enum convention)k,
                           .opts = {.ious = coco->ious,
                                    .n_ious = coco->n_ious,
                                    .coco_cut = coco->cuts[coco->n_cuts - 1],
                                    .inclusive = e->opts.inclusive_boxes},
                           .arena = e->parts[k],
                           .is_wanted = true};
        if (k != CONVENTION_UNSET)
            p->convention = &e->conventions[e->n_conventions++];
        if (threads && thread_start(&p->thread, "evaluate", part_run, p) < 0)
            err_clear();
    }
    return 0;
}

static int parts_join(struct part *parts)
{
    int r = 0;
    for (int k = CONVENTION_UNSET; k < CONVENTION_N_KINDS; k++) {
        struct part *p = &parts[k];
        const bool was_started = p->thread.started;
        thread_join(&p->thread);
        if (!p->is_wanted || r < 0)
            continue;
        if (!was_started)
            part_run(p);
        r = p->result;
        if (r < 0 && was_started) // its message stayed on its thread
            r = err_set(r, "evaluation: a part of it could not be computed");
    }
    return r;
}

static int fill_confusions(struct run *run)
{
    struct evaluation *e = run->e;
    e->confusions = arena_array(e->arena, struct confusion, CONFUSION_N_KINDS);
    int r = e->confusions ? 0 : ERR_NOMEM;
    for (int k = CONFUSION_SUPERVISION; k < CONFUSION_N_KINDS && r == 0; k++)
        r = confusion_run(&run->groups, (enum confusion_kind)k, &e->opts.confusion, e->arena,
                          &e->confusions[e->n_confusions++]);
    return r;
}

// What is only there on request.
static int fill_more(struct run *run, const struct match_filter *filter)
{
    struct evaluation *e = run->e;
    const struct slice_opts slicing = {.by = e->opts.slice_by,
                                       .n_by = e->opts.n_slice_by,
                                       .seconds = e->opts.slice_seconds,
                                       .filter = filter,
                                       .coco = &e->opts.coco,
                                       .at_confidence = e->opts.at_confidence};
    int r = 0;
    if (e->opts.wants_confusion)
        r = fill_confusions(run);
    if (r == 0 && e->opts.wants_motdet)
        r = motdet_run(run->truth, run->detections, &e->motdet);
    if (r == 0 && slicing.n_by > 0)
        r = slice_run(run->truth, run->detections, &slicing, e->arena, &e->slices, &e->n_slices);
    return r;
}

static int fill_notices(struct run *run)
{
    struct evaluation *e = run->e;
    const struct dataset *sets[] = {run->truth, run->detections};
    size_t n = MAX_OWN_NOTICES + sets[0]->n_notices + sets[1]->n_notices;
    int r = 0;
    e->notices = arena_array(e->arena, const char *, n);
    if (!e->notices)
        return ERR_NOMEM;
    for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
        for (size_t i = 0; i < sets[s]->n_notices; i++) {
            r = add_notice(e, arena_printf(e->arena, "%s", sets[s]->notices[i]));
            if (r < 0)
                return r;
        }
    }
    if (run->groups.n_below > 0)
        r = add_notice(e, arena_printf(e->arena,
                                       "%zu detections below the confidence %g were left out",
                                       run->groups.n_below, e->opts.min_confidence));
    if (r == 0 && run->coco.n_cut > 0)
        r = add_notice(
            e, arena_printf(e->arena,
                            "AP and AR leave out %zu detections: only the %d most confident of "
                            "a picture and class count",
                            run->coco.n_cut, e->opts.coco.cuts[e->opts.coco.n_cuts - 1]));
    if (r == 0 && e->n_truths == 0)
        r = add_notice(e, "no ground truth in the judged pictures: what needs it has no figure");
    const size_t n_twins = r == 0 ? origin_count_twins(&run->groups) : 0;
    if (r == 0 && origin_is_suspect(n_twins, run->groups.n_truths))
        r = add_notice(e, arena_printf(e->arena,
                                       "%zu of %zu truths have exactly the box of a detection: the "
                                       "truth seems to be made by the model that it judges",
                                       n_twins, run->groups.n_truths));
    return r;
}

static int run_all(struct run *run)
{
    struct evaluation *e = run->e;
    int r = check_opts(&e->opts);
    if (r < 0)
        return r;
    r = select_classes(run);
    if (r < 0)
        return r;
    const struct match_filter filter = {.classes = run->selected,
                                        .has_min_confidence = e->opts.has_min_confidence,
                                        .min_confidence = e->opts.min_confidence};
    r = match_groups_build(run->truth, run->detections, &filter, e->arena, &run->groups);
    if (r < 0)
        return r;
    struct part parts[CONVENTION_N_KINDS] = {0};
    r = parts_start(run, parts);
    if (r == 0)
        r = coco_run(&run->groups, &e->opts.coco, e->arena, &run->coco);
    int joined = parts_join(parts);
    if (r < 0 || joined < 0)
        return r < 0 ? r : joined;
    fill_coco(&run->coco, COCO_ANY, &e->coco);
    e->curve = run->operating.overall;
    e->at = operating_at(&e->curve, e->opts.at_confidence);
    e->best = operating_best(&e->curve);
    r = fill_classes(run);
    if (r == 0)
        r = fill_more(run, &filter);
    return r < 0 ? r : fill_notices(run);
}

int evaluation_run(const struct dataset *truth, const struct dataset *detections,
                   const struct evaluation_opts *opts, struct evaluation *ret)
{
    struct evaluation e = {.n_pictures = truth->n_pictures, .n_judged = detections->n_judged};
    if (opts)
        e.opts = *opts;
    struct run run = {.truth = truth, .detections = detections, .e = &e};
    int r = arena_create(0, &e.arena);
    if (r < 0)
        return r;
    r = run_all(&run);
    if (r < 0) {
        evaluation_finish(&e);
        return r;
    }
    *ret = e;
    return 0;
}

void evaluation_finish(struct evaluation *e)
{
    for (size_t i = 0; i < ARRAY_LEN(e->parts); i++)
        arena_destroy(e->parts[i]);
    arena_destroy(e->arena);
    *e = (struct evaluation){0};
}
