// SPDX-License-Identifier: Apache-2.0
// metrics_json.c - the evaluation as the metrics file; what has no data is null.

#include "report/metrics_json.h"

#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "eval/evaluation.h"
#include "eval/temporal.h"
#include "report/detection_json.h"
#include "report/effects_json.h"
#include "report/time_json.h"
#include "report/tracking_json.h"
#include "report/verdict_report.h"
#include "tracking/tracking.h"

enum {
    MAX_CURVE_POINTS = 500, // of longer curves every so many
    MAX_KEY = 32,
};

// "AR100": the key names the cut.
static void put_recall(struct json_writer *w, int cut, double value)
{
    struct str_buf key = STR_BUF_INIT(MAX_KEY);
    str_buf_printf(&key, "AR%d", cut);
    json_put_double(w, str_buf_text(&key), value);
    str_buf_finish(&key);
}

// A list of numbers stays on its line.
static void begin_list(struct json_writer *w, const char *key)
{
    json_key(w, key);
    w->pretty = false;
    json_array(w);
}

static void end_list(struct json_writer *w)
{
    json_end(w);
    w->pretty = true;
}

static void put_settings(struct json_writer *w, const struct evaluation *e,
                         const struct report_about *about)
{
    const struct evaluation_opts *o = &e->opts;
    json_key(w, "settings");
    json_object(w);
    if (o->n_classes > 0) {
        json_key(w, "judged_classes");
        json_array(w);
        for (size_t i = 0; i < o->n_classes; i++)
            json_cstring(w, o->classes[i]);
        json_end(w);
    }
    if (o->has_min_confidence)
        json_put_double(w, "min_confidence", o->min_confidence);
    json_put_double(w, "at_confidence", o->at_confidence);
    begin_list(w, "iou_thresholds");
    for (size_t i = 0; i < o->coco.n_ious; i++)
        json_double(w, o->coco.ious[i]);
    end_list(w);
    begin_list(w, "max_detections");
    for (size_t i = 0; i < o->coco.n_cuts; i++)
        json_int(w, o->coco.cuts[i]);
    end_list(w);
    if (about->settings)
        about->settings(about->arg, w);
    json_end(w);
}

static void put_twelve(struct json_writer *w, const struct coco_opts *o,
                       const struct evaluation_coco *c)
{
    json_put_double(w, "AP", c->ap);
    json_put_double(w, "AP50", c->ap50);
    json_put_double(w, "AP75", c->ap75);
    json_put_double(w, "APs", c->ap_small);
    json_put_double(w, "APm", c->ap_medium);
    json_put_double(w, "APl", c->ap_large);
    for (size_t i = 0; i < MIN(o->n_cuts, ARRAY_LEN(c->ar)); i++)
        put_recall(w, o->cuts[i], c->ar[i]);
    json_put_double(w, "ARs", c->ar_small);
    json_put_double(w, "ARm", c->ar_medium);
    json_put_double(w, "ARl", c->ar_large);
}

static void put_coco(struct json_writer *w, const struct evaluation *e)
{
    json_key(w, "coco");
    json_object(w);
    put_twelve(w, &e->opts.coco, &e->coco);
    json_end(w);
}

static void put_point(struct json_writer *w, const char *key, const struct operating_point *p)
{
    json_key(w, key);
    json_object(w);
    json_put_double(w, "confidence", p->confidence);
    json_put_double(w, "precision", p->precision);
    json_put_double(w, "recall", p->recall);
    json_put_double(w, "f1", p->f1);
    json_put_int(w, "true_positives", p->true_positives);
    json_put_int(w, "false_positives", p->false_positives);
    json_put_int(w, "false_negatives", p->false_negatives);
    json_end(w);
}

// Without a best point there is nothing to say: null.
static void put_best(struct json_writer *w, const struct operating_point *p)
{
    if (!isnan(p->confidence)) {
        put_point(w, "best_f1", p);
        return;
    }
    json_key(w, "best_f1");
    json_null(w);
}

static void put_classes(struct json_writer *w, const struct evaluation *e)
{
    const struct coco_opts *o = &e->opts.coco;
    json_key(w, "classes");
    json_array(w);
    for (size_t k = 0; k < e->n_classes; k++) {
        const struct evaluation_class *c = &e->classes[k];
        json_object(w);
        json_put_known(w, "label", c->label);
        json_put_int(w, "id", c->id);
        json_put_int(w, "truths", c->n_truths);
        json_put_int(w, "ignored", c->n_ignored);
        json_put_int(w, "detections", c->n_detections);
        put_twelve(w, o, &c->coco);
        if (o->n_cuts > ARRAY_LEN(c->coco.ar))
            put_recall(w, o->cuts[o->n_cuts - 1], c->ar);
        put_point(w, "operating_point", &c->at);
        put_best(w, &c->best);
        json_end(w);
    }
    json_end(w);
}

static void put_column(struct json_writer *w, const char *key, const struct operating_curve *c,
                       size_t offset)
{
    const size_t n = MIN(c->n, (size_t)MAX_CURVE_POINTS);
    begin_list(w, key);
    for (size_t i = 0; i < n; i++) {
        size_t at = n > 1 ? i * (c->n - 1) / (n - 1) : 0;
        const char *point = (const char *)&c->points[at];
        json_double(w, *(const double *)(const void *)(point + offset));
    }
    end_list(w);
}

static void put_curves(struct json_writer *w, const struct evaluation *e)
{
    const struct operating_curve *c = &e->curve;
    json_key(w, "curves");
    json_object(w);
    json_put_double(w, "iou", .5);
    json_put_int(w, "points", c->n);
    put_column(w, "confidence", c, offsetof(struct operating_point, confidence));
    put_column(w, "precision", c, offsetof(struct operating_point, precision));
    put_column(w, "recall", c, offsetof(struct operating_point, recall));
    put_column(w, "f1", c, offsetof(struct operating_point, f1));
    json_end(w);
}

static void put_notices(struct json_writer *w, const struct evaluation *e,
                        const struct report_about *about)
{
    const struct tracking_result *tracking = about->tracking;
    json_key(w, "notices");
    json_array(w);
    for (size_t i = 0; i < e->n_notices; i++)
        json_cstring(w, e->notices[i]);
    for (size_t i = 0; about->temporal && i < about->temporal->n_notices; i++)
        json_cstring(w, about->temporal->notices[i]);
    if (e->curve.n > MAX_CURVE_POINTS) {
        struct str_buf text = STR_BUF_INIT(1 * KIB);
        str_buf_printf(&text, "the curves show %d of %zu points", MAX_CURVE_POINTS, e->curve.n);
        json_cstring(w, str_buf_text(&text));
        str_buf_finish(&text);
    }
    if (tracking && tracking->n_untracked > 0) {
        struct str_buf text = STR_BUF_INIT(1 * KIB);
        str_buf_printf(&text, "%zu detections without a track id are not judged as tracks",
                       tracking->n_untracked);
        json_cstring(w, str_buf_text(&text));
        str_buf_finish(&text);
    }
    json_end(w);
}

int metrics_json_write(const struct evaluation *e, const struct report_about *about,
                       struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    w.pretty = true;
    json_object(&w);
    json_put_known(&w, "assay", ASSAY_VERSION);
    json_put_known(&w, "source", about->source);
    json_put_known(&w, "model", about->model);
    json_put_known(&w, "truth", about->truth);
    json_put_known(&w, "detections", about->detections);
    put_settings(&w, e, about);
    json_key(&w, "pictures");
    json_object(&w);
    json_put_int(&w, "listed", e->n_pictures);
    json_put_int(&w, "judged", e->n_judged);
    json_end(&w);
    json_key(&w, "objects");
    json_object(&w);
    json_put_int(&w, "truths", e->n_truths);
    json_put_int(&w, "ignored", e->n_ignored);
    json_put_int(&w, "detections", e->n_detections);
    json_end(&w);
    put_coco(&w, e);
    put_classes(&w, e);
    put_point(&w, "operating_point", &e->at);
    put_best(&w, &e->best);
    put_curves(&w, e);
    detection_json_put(&w, e);
    if (about->tracking)
        tracking_json_put(&w, about->tracking);
    if (about->temporal)
        time_json_put_temporal(&w, about->temporal);
    if (about->mistakes)
        time_json_put_mistakes(&w, about->mistakes);
    if (about->verdict)
        verdict_json_put(&w, about->verdict);
    effects_json_put(&w, about->effects);
    put_notices(&w, e, about);
    json_end(&w);
    str_buf_putc(out, '\n');
    return str_buf_check(out);
}
