// SPDX-License-Identifier: Apache-2.0
// csv.c - every figure by class.
//
// The same functions write the header and the rows, so that a figure stands under its name: with a
// NULL source they put names, else values.

#include "report/csv.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "eval/evaluation.h"
#include "eval/temporal.h"
#include "report/metrics_json.h"
#include "tracking/tracking.h"

struct table {
    struct str_buf *out;
    bool is_header;
    const struct evaluation *e;
    const struct report_about *about;
};

// ---- cells

static void put_name(const struct table *t, const char *before, const char *name)
{
    str_buf_putc(t->out, ',');
    str_buf_puts(t->out, before);
    str_buf_puts(t->out, name);
}

static void put_value(const struct table *t, double value)
{
    str_buf_putc(t->out, ',');
    if (isfinite(value))
        str_buf_double(t->out, value);
}

static void put(const struct table *t, const char *before, const char *name, double value)
{
    if (t->is_header)
        put_name(t, before, name);
    else
        put_value(t, value);
}

static void put_begin(const struct table *t, const char *scope, const char *label)
{
    str_buf_puts(t->out, scope);
    str_buf_putc(t->out, ',');
    str_buf_add_csv(t->out, str_of(label));
}

static void put_end(const struct table *t)
{
    str_buf_putc(t->out, '\n');
}

// ---- groups of figures; *has_data* false: empty cells

static void put_objects(const struct table *t, size_t n_truths, size_t n_ignored,
                        double n_detections)
{
    put(t, "", "truths", (double)n_truths);
    put(t, "", "ignored", (double)n_ignored);
    put(t, "", "detections", n_detections);
}

static void put_coco(const struct table *t, const struct evaluation_coco *c, double ar)
{
    const struct coco_opts *o = &t->e->opts.coco;
    put(t, "", "AP", c->ap);
    put(t, "", "AP50", c->ap50);
    put(t, "", "AP75", c->ap75);
    put(t, "", "APs", c->ap_small);
    put(t, "", "APm", c->ap_medium);
    put(t, "", "APl", c->ap_large);
    for (size_t i = 0; i < o->n_cuts; i++) {
        const bool has_value = i < ARRAY_LEN(c->ar);
        const double last = i + 1 == o->n_cuts ? ar : (double)NAN;
        if (t->is_header)
            str_buf_printf(t->out, ",AR%d", o->cuts[i]);
        else
            put_value(t, has_value ? c->ar[i] : last);
    }
    put(t, "", "ARs", c->ar_small);
    put(t, "", "ARm", c->ar_medium);
    put(t, "", "ARl", c->ar_large);
}

static void put_point(const struct table *t, const char *before, const struct operating_point *p)
{
    const bool has_data = !isnan(p->confidence);
    put(t, before, "confidence", p->confidence);
    put(t, before, "precision", p->precision);
    put(t, before, "recall", p->recall);
    put(t, before, "f1", p->f1);
    put(t, before, "true_positives", has_data ? (double)p->true_positives : (double)NAN);
    put(t, before, "false_positives", has_data ? (double)p->false_positives : (double)NAN);
    put(t, before, "false_negatives", has_data ? (double)p->false_negatives : (double)NAN);
}

// *k*: class of the evaluation; SIZE_MAX: all; *has_data* false: neither.
static void put_conventions(const struct table *t, size_t k, bool has_data)
{
    for (size_t i = 0; i < t->e->n_conventions; i++) {
        const struct convention_result *c = &t->e->conventions[i];
        const struct convention_figures *f = &c->figures;
        double ap = NAN, ap50 = NAN;
        if (has_data) {
            ap = k == SIZE_MAX ? f->ap : f->class_ap[t->e->class_indices[k]];
            ap50 = k == SIZE_MAX ? f->ap50 : f->class_ap50[t->e->class_indices[k]];
        }
        if (t->is_header) {
            str_buf_printf(t->out, ",%s_AP,%s_AP50", convention_name(c->kind),
                           convention_name(c->kind));
            continue;
        }
        put_value(t, ap);
        put_value(t, ap50);
    }
}

static void put_tracking(const struct table *t, const struct tracking_figures *f)
{
    for (size_t i = 0; t->about->tracking && i < tracking_n_rows; i++)
        put(t, "tracking_", tracking_rows[i].name,
            f ? tracking_value(f, &tracking_rows[i]) : (double)NAN);
}

static void put_temporal(const struct table *t, const struct temporal_figures *f)
{
    static const struct temporal_figures none;
    const bool has_data = f && t->about->temporal && t->about->temporal->has_times;
    const double no = has_data ? 0 : (double)NAN; // makes counts without data empty
    if (!t->about->temporal)
        return;
    f = f ? f : &none;
    const struct temporal_latency *l = &f->latency;
    put(t, "temporal_", "recall", no + f->recall);
    put(t, "temporal_", "found", no + (double)f->n_found);
    put(t, "temporal_", "on_time", no + (double)f->n_on_time);
    put(t, "temporal_", "late", no + (double)f->n_late);
    put(t, "temporal_", "early", no + (double)f->n_early);
    put(t, "temporal_", "mean_late_ms", no + f->late_ms);
    put(t, "temporal_", "mean_early_ms", no + f->early_ms);
    put(t, "temporal_", "covered", no + f->covered);
    put(t, "temporal_", "tracks", no + (double)f->n_tracks);
    put(t, "temporal_", "tracks_detected", no + (double)l->n);
    put(t, "temporal_", "tracks_never_detected", no + (double)f->n_never);
    put(t, "temporal_", "tracks_in_time", no + (double)f->n_in_time);
    put(t, "temporal_latency_ms_", "mean", no + l->mean);
    put(t, "temporal_latency_ms_", "standard_deviation", no + l->deviation);
    put(t, "temporal_latency_ms_", "min", no + l->min);
    put(t, "temporal_latency_ms_", "p50", no + l->p50);
    put(t, "temporal_latency_ms_", "p95", no + l->p95);
    put(t, "temporal_latency_ms_", "p99", no + l->p99);
    put(t, "temporal_latency_ms_", "max", no + l->max);
    put(t, "temporal_", "misses_in_a_row_longest", no + (double)f->longest_run);
    put(t, "temporal_", "misses_in_a_row_longest_ms", no + f->longest_run_ms);
}

// ---- rows

static bool is_same_class(const struct evaluation_class *c, const char *label, int64_t id)
{
    return strcmp(c->label, label) == 0 && (id == 0 || id == c->id);
}

static const struct tracking_figures *find_tracking(const struct table *t,
                                                    const struct evaluation_class *c)
{
    const struct tracking_result *r = t->about->tracking;
    for (size_t i = 0; r && i < r->n_classes; i++) {
        if (is_same_class(c, r->classes[i].label, r->classes[i].id))
            return &r->classes[i].figures;
    }
    return NULL;
}

static const struct temporal_figures *find_temporal(const struct table *t,
                                                    const struct evaluation_class *c)
{
    const struct temporal_result *r = t->about->temporal;
    for (size_t i = 0; r && i < r->n_classes; i++) {
        if (is_same_class(c, r->classes[i].label, r->classes[i].id))
            return &r->classes[i].figures;
    }
    return NULL;
}

// The row of all; in a header table the header.
static void put_all(const struct table *t)
{
    const struct evaluation *e = t->e;
    put_begin(t, t->is_header ? "scope" : "all", t->is_header ? "name" : "");
    put_objects(t, e->n_truths, e->n_ignored, (double)e->n_detections);
    double ar = e->opts.coco.n_cuts <= ARRAY_LEN(e->coco.ar) ? e->coco.ar[e->opts.coco.n_cuts - 1]
                                                             : (double)NAN;
    put_coco(t, &e->coco, ar);
    put_point(t, "", &e->at);
    put_point(t, "best_f1_", &e->best);
    put_conventions(t, SIZE_MAX, true);
    put_tracking(t, t->about->tracking ? &t->about->tracking->overall : NULL);
    put_temporal(t, t->about->temporal ? &t->about->temporal->overall : NULL);
    put_end(t);
}

static void put_class(const struct table *t, size_t k)
{
    const struct evaluation_class *c = &t->e->classes[k];
    put_begin(t, "class", c->label);
    put_objects(t, c->n_truths, c->n_ignored, (double)c->n_detections);
    put_coco(t, &c->coco, c->ar);
    put_point(t, "", &c->at);
    put_point(t, "best_f1_", &c->best);
    put_conventions(t, k, true);
    put_tracking(t, find_tracking(t, c));
    put_temporal(t, find_temporal(t, c));
    put_end(t);
}

// Classes that only the tracking rules judge, under the names that the benchmark gives them.
static void put_tracking_class(const struct table *t, const struct tracking_class *c)
{
    const struct evaluation_coco none = {NAN, NAN, NAN, NAN, NAN, NAN, {NAN, NAN, NAN},
                                         NAN, NAN, NAN};
    const struct operating_point no_point = {NAN, NAN, NAN, NAN, 0, 0, 0};
    for (size_t k = 0; k < t->e->n_classes; k++) {
        if (is_same_class(&t->e->classes[k], c->label, c->id))
            return;
    }
    put_begin(t, "tracked class", c->label);
    str_buf_puts(t->out, ",,,");
    put_coco(t, &none, NAN);
    put_point(t, "", &no_point);
    put_point(t, "best_f1_", &no_point);
    put_conventions(t, 0, false);
    put_tracking(t, &c->figures);
    put_temporal(t, NULL);
    put_end(t);
}

static void put_slice(const struct table *t, const struct slice_part *s)
{
    const struct evaluation_coco coco = {s->ap, s->ap50,         NAN, NAN, NAN,
                                         NAN,   {NAN, NAN, NAN}, NAN, NAN, NAN};
    const struct operating_point no_point = {NAN, NAN, NAN, NAN, 0, 0, 0};
    const struct operating_point *p = &s->at;
    struct evaluation_coco c = coco;
    if (t->e->opts.coco.n_cuts <= ARRAY_LEN(c.ar))
        c.ar[t->e->opts.coco.n_cuts - 1] = s->ar;
    str_buf_add_csv(t->out, str_of(s->by));
    put_begin(t, "", s->value);
    put(t, "", "truths", (double)s->n_truths);
    str_buf_putc(t->out, ',');
    put_value(t, s->of_truths ? (double)NAN : (double)s->n_detections);
    put_coco(t, &c, s->ar);
    put_value(t, p->confidence);
    put_value(t, p->precision);
    put_value(t, p->recall);
    put_value(t, p->f1);
    put_value(t, (double)p->true_positives);
    put_value(t, s->of_truths ? (double)NAN : (double)p->false_positives);
    put_value(t, (double)p->false_negatives);
    put_point(t, "best_f1_", &no_point);
    put_conventions(t, 0, false);
    put_tracking(t, NULL);
    put_temporal(t, NULL);
    put_end(t);
}

int csv_classes_write(const struct evaluation *e, const struct report_about *about,
                      struct str_buf *out)
{
    struct table t = {.out = out, .is_header = true, .e = e, .about = about};
    put_all(&t);
    t.is_header = false;
    put_all(&t);
    for (size_t k = 0; k < e->n_classes; k++)
        put_class(&t, k);
    for (size_t i = 0; about->tracking && i < about->tracking->n_classes; i++)
        put_tracking_class(&t, &about->tracking->classes[i]);
    for (size_t i = 0; i < e->n_slices; i++) {
        if (strcmp(e->slices[i].by, "class") != 0)
            put_slice(&t, &e->slices[i]);
    }
    return str_buf_check(out);
}
