// SPDX-License-Identifier: Apache-2.0
// demo_verdict.c - a judgement in a dozen lines.

#include "app/demo_verdict.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "app/validate_run.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "report/metrics_json.h"

#define CLEARLY_LOWER .05 // of AP50, below the whole

enum {
    MAX_NAMED = 3, // weakest conditions
    MAX_CLASSES = 12,
    NAME_WIDTH = 22,
};

static void put_name(struct str_buf *out, const char *name)
{
    struct str_buf text = STR_BUF_INIT(KIB);
    str_buf_add_printable(&text, str_of(name));
    str_buf_printf(out, "  %-*.60s", NAME_WIDTH, str_buf_text(&text));
    str_buf_finish(&text);
}

static void put_value(struct str_buf *out, double value)
{
    if (isnan(value))
        str_buf_puts(out, "no data");
    else
        str_buf_printf(out, "%.3f", value);
}

// "92 of 100", which says more at once than a share does.
static void put_of_100(struct str_buf *out, const char *name, double share, const char *things)
{
    put_name(out, name);
    if (isnan(share))
        str_buf_puts(out, "no data\n");
    else
        str_buf_printf(out, "%.0f of 100 %s\n", 100 * share, things);
}

// Seconds of the judged frames' presentation time; 0: unknown.
static double seconds_of(const struct dataset *d)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    size_t n = 0;
    for (size_t i = 0; d->pts_us && i < d->n_pictures; i++) {
        if (d->pts_us[i] == INT64_MIN)
            continue;
        first = MIN(first, d->pts_us[i]);
        last = MAX(last, d->pts_us[i]);
        n++;
    }
    const double span = n > 1 ? (double)(last - first) / 1e6 : 0;
    return n > 1 ? span * (double)n / (double)(n - 1) : 0;
}

static void put_speed(const struct validate_judged *j, struct str_buf *out)
{
    const struct pipeline_summary *s = j->run;
    const double seconds = seconds_of(j->detections);
    if (s->seconds <= 0)
        return;
    put_name(out, "speed");
    str_buf_printf(out, "%.0f frames a second", (double)s->frames.inferred / s->seconds);
    if (seconds > 0)
        str_buf_printf(out, ", %.1f times as fast as it plays", seconds / s->seconds);
    str_buf_putc(out, '\n');
}

static void put_figures(const struct evaluation *e, struct str_buf *out)
{
    struct str_buf found = STR_BUF_INIT(KIB);
    str_buf_printf(&found, "objects, at confidence %g", e->at.confidence);
    put_of_100(out, "finds", e->at.recall, str_buf_text(&found));
    str_buf_finish(&found);
    put_of_100(out, "is right in", e->at.precision, "detections");
    put_name(out, "AP50");
    put_value(out, e->coco.ap50);
    str_buf_puts(out, "  over all confidences, boxes that overlap by half or more\n");
    put_name(out, "AP");
    put_value(out, e->coco.ap);
    str_buf_puts(out, "  the same with stricter and stricter overlaps\n");
    if (!isnan(e->best.confidence)) {
        put_name(out, "best confidence");
        str_buf_printf(out, "%.3f  F1 %.3f there, %.3f at %g\n", e->best.confidence, e->best.f1,
                       e->at.f1, e->at.confidence);
    }
}

static void put_cell(struct str_buf *out, const char *name, double ap50)
{
    put_name(out, name);
    put_value(out, ap50);
    str_buf_putc(out, '\n');
}

static void put_classes(const struct evaluation *e, struct str_buf *out)
{
    if (e->n_classes < 2)
        return;
    str_buf_puts(out, "\nAP50 by class\n");
    for (size_t i = 0; i < MIN(e->n_classes, (size_t)MAX_CLASSES); i++)
        put_cell(out, e->classes[i].label, e->classes[i].coco.ap50);
    if (e->n_classes > MAX_CLASSES)
        str_buf_printf(out, "  and %zu more, in the report\n", e->n_classes - MAX_CLASSES);
}

static void put_slices(const struct evaluation *e, struct str_buf *out)
{
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct slice_part *s = &e->slices[i];
        if (i == 0 || strcmp(s->by, e->slices[i - 1].by) != 0) {
            str_buf_puts(out, "\nAP50 by ");
            str_buf_add_printable(out, str_of(s->by));
            str_buf_putc(out, '\n');
        }
        put_cell(out, s->value, s->ap50);
    }
}

// The lowest of the clearly lower conditions that is not named yet; NULL: there is none.
static const struct slice_part *next_weakest(const struct evaluation *e, double above)
{
    const struct slice_part *weakest = NULL;
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct slice_part *s = &e->slices[i];
        if (s->ap50 <= e->coco.ap50 - CLEARLY_LOWER && s->ap50 > above &&
            (!weakest || s->ap50 < weakest->ap50))
            weakest = s;
    }
    return weakest;
}

static void put_weakest(const struct evaluation *e, struct str_buf *out)
{
    double above = -1;
    for (int i = 0; i < MAX_NAMED; i++) {
        const struct slice_part *s = next_weakest(e, above);
        if (!s)
            break;
        str_buf_puts(out, i == 0 ? "\nWeaker than on the whole: " : ", ");
        str_buf_add_printable(out, str_of(s->by));
        str_buf_putc(out, ' ');
        str_buf_add_printable(out, str_of(s->value));
        above = s->ap50;
    }
    if (above > -1)
        str_buf_puts(out, ".\n");
}

void demo_verdict_put(const struct validate_judged *j, struct str_buf *out)
{
    const struct evaluation *e = j->evaluation;
    str_buf_putc(out, '\n');
    str_buf_add_printable(out, str_of(j->about->model));
    str_buf_puts(out, " on ");
    str_buf_add_printable(out, str_of(j->about->source));
    str_buf_printf(out, ": %zu frames, %zu objects\n", e->n_judged, e->n_truths);
    put_figures(e, out);
    put_speed(j, out);
    put_classes(e, out);
    put_slices(e, out);
    put_weakest(e, out);
    for (size_t i = 0; i < e->n_notices; i++) {
        str_buf_puts(out, i == 0 ? "\nTo know: " : "         ");
        str_buf_add_printable(out, str_of(e->notices[i]));
        str_buf_putc(out, '\n');
    }
}
