// SPDX-License-Identifier: Apache-2.0
// text_time.c - detection in time and likely truth mistakes as tables of plain text.

#include <inttypes.h>
#include <math.h>

#include "base/attr.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/events.h"
#include "eval/mistakes.h"
#include "eval/temporal.h"
#include "report/text.h"
#include "report/text_priv.h"

// "-" for NaN, else tenths.
static void put_ms(struct str_buf *out, int width, double ms)
{
    if (isnan(ms))
        str_buf_printf(out, "%*s", width, "-");
    else
        str_buf_printf(out, "%*.1f", width, ms);
}

static void put_head(struct str_buf *out, const char *what)
{
    str_buf_printf(out, "\n%-*s%7s%7s%7s%9s%9s%9s%9s%9s%9s%8s%8s%7s%7s%8s%10s\n", TEXT_LABEL_WIDTH,
                   what, "tracks", "never", "in time", "mean ms", "median", "std", "p95", "p99",
                   "max", "recall", "covered", "late", "early", "longest", "ms");
}

static void put_row(struct str_buf *out, const char *label, const struct temporal_figures *f)
{
    const struct temporal_latency *l = &f->latency;
    text_put_label(out, label[0] ? label : "(no label)");
    str_buf_printf(out, "%7zu%7zu%7zu", f->n_tracks, f->n_never, f->n_in_time);
    const double ms[] = {l->mean, l->median, l->deviation, l->p95, l->p99, l->max};
    for (size_t i = 0; i < ARRAY_LEN(ms); i++)
        put_ms(out, 9, ms[i]);
    text_put_value(out, 8, f->recall);
    text_put_value(out, 8, f->covered);
    str_buf_printf(out, "%7zu%7zu%8zu", f->n_late, f->n_early, f->longest_run);
    put_ms(out, 10, f->n_runs > 0 ? f->longest_run_ms : (double)NAN);
    str_buf_putc(out, '\n');
}

static void put_bins(struct str_buf *out, const char *what, const char *const *names,
                     const size_t *counts, size_t n)
{
    str_buf_printf(out, "%-*s", TEXT_LABEL_WIDTH, what);
    for (size_t i = 0; i < n; i++)
        str_buf_printf(out, "%s%s: %zu", i ? ",  " : "", names[i], counts[i]);
    str_buf_putc(out, '\n');
}

static void put_notices(struct str_buf *out, const struct temporal_result *r)
{
    for (size_t i = 0; i < r->n_notices; i++)
        str_buf_printf(out, "notice: %s\n", r->notices[i]);
}

void text_put_temporal(struct str_buf *out, const struct temporal_result *r)
{
    const struct temporal_opts *o = &r->opts;
    str_buf_printf(out,
                   "\nin time: IoU %.4g, confidence %.4g, tolerance %g ms, latency up to %g ms\n",
                   o->iou, o->at_confidence, o->tolerance_ms, o->latency_threshold_ms);
    if (!r->has_times) {
        put_notices(out, r);
        return;
    }
    size_t n_empty = 0;
    put_head(out, "in time, by class");
    for (size_t k = 0; k < r->n_classes; k++) {
        if (r->classes[k].figures.n_truths + r->classes[k].figures.n_detections > 0)
            put_row(out, r->classes[k].label, &r->classes[k].figures);
        else
            n_empty++;
    }
    put_row(out, "all", &r->overall);
    if (n_empty > 0)
        str_buf_printf(out, "%zu more classes have neither truths nor detections\n", n_empty);
    put_bins(out, "latency, ms", temporal_bin_names, r->overall.latency.bins, TEMPORAL_N_BINS);
    put_bins(out, "misses in a row", temporal_run_names, r->overall.runs, TEMPORAL_N_RUNS);
    put_notices(out, r);
    if (r->n_videos < 2)
        return;
    put_head(out, "in time, by video");
    for (size_t i = 0; i < r->n_videos; i++)
        put_row(out, r->videos[i].name, &r->videos[i].figures);
}

// --- events

static void put_event_row(struct str_buf *out, const char *label, const struct events_figures *f)
{
    text_put_label(out, label[0] ? label : "(no label)");
    str_buf_printf(out, "%8zu%11zu%7zu%7zu%7zu", f->n_truths, f->n_detections, f->n_found,
                   f->n_late, f->n_early);
    text_put_value(out, 11, f->precision);
    text_put_value(out, 8, f->recall);
    text_put_value(out, 8, f->f1);
    const double ms[] = {f->bias_ms,        f->difference.mean, f->difference.median,
                         f->difference.p95, f->difference.p99,  f->difference.max};
    for (size_t i = 0; i < ARRAY_LEN(ms); i++)
        put_ms(out, 9, ms[i]);
    str_buf_putc(out, '\n');
}

int text_write_events(const struct events_result *r, struct str_buf *out)
{
    str_buf_printf(out, "events by time alone: tolerance %g ms, confidence %.4g\n\n",
                   r->opts.tolerance_ms, r->opts.at_confidence);
    str_buf_printf(out, "%-*s%8s%11s%7s%7s%7s%11s%8s%8s%9s%9s%9s%9s%9s%9s\n", TEXT_LABEL_WIDTH,
                   "event", "truths", "detections", "found", "late", "early", "precision", "recall",
                   "F1", "bias ms", "|ms| mean", "median", "p95", "p99", "max");
    for (size_t i = 0; i < r->n_labels; i++)
        put_event_row(out, r->labels[i].label, &r->labels[i].figures);
    put_event_row(out, "all", &r->overall);
    put_bins(out, "|difference|, ms", temporal_bin_names, r->overall.difference.bins,
             TEMPORAL_N_BINS);
    if (r->n_below > 0)
        str_buf_printf(out, "notice: %zu detections below the confidence were left out\n",
                       r->n_below);
    return str_buf_check(out);
}

// --- truth mistakes

static void put_picture(struct str_buf *out, const struct dataset *truth, int32_t picture)
{
    const struct dataset_picture *p = &truth->pictures[picture];
    if (p->frame >= 0)
        str_buf_printf(out, "%" PRId64, p->frame);
    else if (p->file_name)
        str_buf_add_printable(out, str_of(p->file_name));
    else if (p->text_id)
        str_buf_add_printable(out, str_of(p->text_id));
    else
        str_buf_printf(out, "id %" PRId64, p->id);
}

static void put_mistake(struct str_buf *out, const struct dataset *truth, size_t nth,
                        const struct mistake *m)
{
    const struct mistake_place *first = &m->places[0];
    str_buf_printf(out, "%4zu  %-17s%8.3f  ", nth, mistake_kind_name(m->kind), m->evidence);
    text_put_label(out, truth->classes[m->class_index].name);
    str_buf_printf(out, "%8zu  ", m->n_places);
    if (truth->n_videos > 1) {
        str_buf_add_printable(out, str_of(truth->videos[m->video]));
        str_buf_putc(out, ' ');
    }
    put_picture(out, truth, first->picture);
    if (m->n_places > 1) {
        str_buf_puts(out, " to ");
        put_picture(out, truth, m->places[m->n_places - 1].picture);
    }
    str_buf_printf(out, "  at %.0f,%.0f %.0fx%.0f", first->x, first->y, first->w, first->h);
    if (m->track_id >= 0)
        str_buf_printf(out, ", track %" PRId64, m->track_id);
    if (m->other_track >= 0)
        str_buf_printf(out, " and %" PRId64, m->other_track);
    if (m->other_class >= 0) {
        str_buf_puts(out, ", seen as ");
        str_buf_add_printable(out, str_of(truth->classes[m->other_class].name));
    }
    str_buf_putc(out, '\n');
}

void text_put_mistakes(struct str_buf *out, const struct mistakes *m)
{
    str_buf_printf(out, "\nlikely truth mistakes: the first %zu of %zu\n", m->n, m->n_found);
    if (m->n > 0)
        str_buf_printf(out, "%4s  %-17s%8s  %-*s%8s  %s\n", "", "kind", "evidence",
                       TEXT_LABEL_WIDTH, "class", "pictures", "where");
    for (size_t i = 0; i < m->n; i++)
        put_mistake(out, m->truth, i + 1, &m->items[i]);
}
