// SPDX-License-Identifier: Apache-2.0
// detection_json.c - what evaluation says on request; a figure without data is null.

#include "report/detection_json.h"

#include <math.h>

#include "base/json.h"
#include "eval/evaluation.h"

// ---- conventions

static const char *const curve_names[] = {
    [CONVENTION_POINTS_101] = "101 points",
    [CONVENTION_POINTS_11] = "11 points",
    [CONVENTION_POINTS_ALL] = "all points",
    [CONVENTION_TRAPEZOID] = "trapezoids between 101 points",
};
static const char *const matching_names[] = {
    [CONVENTION_BEST_FREE] = "best free truth",
    [CONVENTION_BEST] = "best truth",
    [CONVENTION_BEST_LATER] = "best truth, the later of equal ones",
};
static const char *const ignoring_names[] = {
    [CONVENTION_IGNORE_COCO] = "crowds by the detection's area",
    [CONVENTION_IGNORE_VOC] = "difficult ones by IoU",
    [CONVENTION_IGNORE_REMOVE] = "removed",
};

static void put_rules(struct json_writer *w, const struct convention_rules *rules)
{
    json_key(w, "rules");
    json_object(w);
    json_put_text(w, "interpolation", curve_names[rules->curve]);
    json_put_text(w, "matching", matching_names[rules->matching]);
    json_put_text(w, "ignored", ignoring_names[rules->ignoring]);
    json_key(w, "max_detections");
    if (rules->cut > 0)
        json_int(w, rules->cut);
    else
        json_null(w);
    json_put_bool(w, "inclusive_boxes", rules->inclusive);
    json_end(w);
}

static void put_causes(struct json_writer *w, const struct convention_result *c)
{
    json_key(w, "differences_from_coco");
    json_array(w);
    for (size_t i = 0; i < c->n_causes; i++) {
        const struct convention_cause *cause = &c->causes[i];
        json_object(w);
        json_put_text(w, "rule", cause->rule);
        json_put_text(w, "what", cause->text);
        json_put_bool(w, "in_use", cause->is_counted);
        json_put_double(w, "AP", cause->ap_after - cause->ap_before);
        json_put_double(w, "AP50", cause->ap50_after - cause->ap50_before);
        json_end(w);
    }
    json_end(w);
}

static void put_convention_classes(struct json_writer *w, const struct evaluation *e,
                                   const struct convention_figures *f)
{
    json_key(w, "classes");
    json_array(w);
    for (size_t k = 0; k < e->n_classes; k++) {
        json_object(w);
        json_put_text(w, "label", e->classes[k].label);
        json_put_double(w, "AP", f->class_ap[e->class_indices[k]]);
        json_put_double(w, "AP50", f->class_ap50[e->class_indices[k]]);
        json_end(w);
    }
    json_end(w);
}

static void put_conventions(struct json_writer *w, const struct evaluation *e)
{
    json_key(w, "conventions");
    json_object(w);
    for (size_t i = 0; i < e->n_conventions; i++) {
        const struct convention_result *c = &e->conventions[i];
        json_key(w, convention_name(c->kind));
        json_object(w);
        json_put_double(w, "AP", c->figures.ap);
        json_put_double(w, "AP50", c->figures.ap50);
        json_put_double(w, "AP75", c->figures.ap75);
        if (c->kind == CONVENTION_ULTRALYTICS) {
            json_put_double(w, "confidence", c->figures.confidence);
            json_put_double(w, "precision", c->figures.precision);
            json_put_double(w, "recall", c->figures.recall);
            json_put_double(w, "f1", c->figures.f1);
        }
        put_rules(w, &c->rules);
        put_causes(w, c);
        put_convention_classes(w, e, &c->figures);
        json_end(w);
    }
    json_end(w);
}

// ---- confusion

// Classes that were judged, and the background behind them.
static size_t place(const struct evaluation *e, const struct confusion *c, size_t k)
{
    return k < e->n_classes ? e->class_indices[k] : c->n - 1;
}

static void put_matrix(struct json_writer *w, const struct evaluation *e, const struct confusion *c)
{
    const bool by_truth = c->kind == CONFUSION_SUPERVISION;
    json_key(w, confusion_name(c->kind));
    json_object(w);
    json_put_double(w, "confidence_above", c->confidence);
    json_put_double(w, "iou_above", c->iou);
    json_put_text(w, "rows", by_truth ? "truth" : "detection");
    json_put_text(w, "columns", by_truth ? "detection" : "truth");
    json_put_int(w, "detections_on_ignored", c->n_ignored);
    json_key(w, "counts");
    json_array(w);
    for (size_t row = 0; row <= e->n_classes; row++) {
        w->pretty = false;
        json_array(w);
        for (size_t column = 0; column <= e->n_classes; column++)
            json_int(w, c->counts[place(e, c, row) * c->n + place(e, c, column)]);
        json_end(w);
        w->pretty = true;
    }
    json_end(w);
    json_end(w);
}

static void put_confusions(struct json_writer *w, const struct evaluation *e)
{
    json_key(w, "confusion_matrix");
    json_object(w);
    json_key(w, "labels");
    json_array(w);
    for (size_t k = 0; k < e->n_classes; k++)
        json_cstring(w, e->classes[k].label);
    json_cstring(w, "(background)");
    json_end(w);
    for (size_t i = 0; i < e->n_confusions; i++)
        put_matrix(w, e, &e->confusions[i]);
    json_end(w);
}

// ---- MOT17Det

static void put_motdet(struct json_writer *w, const struct motdet *m)
{
    json_key(w, "mot17det");
    json_object(w);
    json_put_double(w, "AP", m->ap);
    json_put_double(w, "MODA", m->moda);
    json_put_double(w, "MODP", m->modp);
    json_put_double(w, "precision", m->precision);
    json_put_double(w, "recall", m->recall);
    json_put_int(w, "truths", m->n_truths);
    json_put_int(w, "true_positives", m->true_positives);
    json_put_int(w, "false_positives", m->false_positives);
    json_put_int(w, "false_negatives", m->false_negatives);
    json_put_int(w, "removed", m->n_removed);
    json_end(w);
}

// ---- slices

static void put_slices(struct json_writer *w, const struct evaluation *e)
{
    json_key(w, "slices");
    json_array(w);
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct slice_part *s = &e->slices[i];
        json_object(w);
        json_put_text(w, "by", s->by);
        json_put_text(w, "value", s->value);
        json_put_text(w, "part_of", s->of_truths ? "truths" : "pictures");
        json_put_int(w, "pictures", s->n_pictures);
        json_put_int(w, "truths", s->n_truths);
        if (!s->of_truths)
            json_put_int(w, "detections", s->n_detections);
        json_put_double(w, "AP", s->ap);
        json_put_double(w, "AP50", s->ap50);
        json_put_double(w, "AR", s->ar);
        json_put_double(w, "precision", s->at.precision);
        json_put_double(w, "recall", s->at.recall);
        json_put_double(w, "f1", s->at.f1);
        json_put_int(w, "true_positives", s->at.true_positives);
        if (!s->of_truths)
            json_put_int(w, "false_positives", s->at.false_positives);
        json_put_int(w, "false_negatives", s->at.false_negatives);
        json_end(w);
    }
    json_end(w);
}

void detection_json_put(struct json_writer *w, const struct evaluation *e)
{
    if (e->n_conventions > 0)
        put_conventions(w, e);
    if (e->n_confusions > 0)
        put_confusions(w, e);
    if (e->opts.wants_motdet)
        put_motdet(w, &e->motdet);
    if (e->opts.n_slice_by > 0)
        put_slices(w, e);
}
