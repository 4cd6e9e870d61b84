// SPDX-License-Identifier: Apache-2.0
// html_time.c - how soon things are seen: time to detection and its distribution, recall in time,
// late and early answers, misses in a row.

#include <math.h>

#include "base/str.h"
#include "eval/temporal.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_ROWS = 200,
};

// --- tables

static void put_latency_row(struct str_buf *out, const char *label,
                            const struct temporal_figures *f)
{
    const struct temporal_latency *l = &f->latency;
    html_begin_row(out, label);
    html_put_count_cell(out, "Tracks", (int64_t)f->n_tracks);
    html_put_count_cell(out, "Never seen", (int64_t)f->n_never);
    html_put_count_cell(out, "In time", (int64_t)f->n_in_time);
    html_put_ms_cell(out, "Mean ms", l->mean);
    html_put_ms_cell(out, "Std ms", l->deviation);
    html_put_ms_cell(out, "p50 ms", l->p50);
    html_put_ms_cell(out, "p95 ms", l->p95);
    html_put_ms_cell(out, "p99 ms", l->p99);
    html_put_ms_cell(out, "Max ms", l->max);
    str_buf_puts(out, "</tr>\n");
}

static void put_window_row(struct str_buf *out, const char *label, const struct temporal_figures *f)
{
    html_begin_row(out, label);
    html_put_count_cell(out, "Boxes", (int64_t)f->n_truths);
    html_put_value_cell(out, "Recall", f->recall);
    html_put_value_cell(out, "Covered", f->covered);
    html_put_count_cell(out, "On time", (int64_t)f->n_on_time);
    html_put_count_cell(out, "Late", (int64_t)f->n_late);
    html_put_ms_cell(out, "by ms", f->late_ms);
    html_put_count_cell(out, "Early", (int64_t)f->n_early);
    html_put_ms_cell(out, "by ms", f->early_ms);
    html_put_count_cell(out, "Longest gap", (int64_t)f->longest_run);
    html_put_ms_cell(out, "of ms", f->n_runs > 0 ? f->longest_run_ms : (double)NAN);
    str_buf_puts(out, "</tr>\n");
}

typedef void put_row_fn(struct str_buf *, const char *, const struct temporal_figures *);

static void put_classes(const struct temporal_result *r, put_row_fn *put_row, struct str_buf *out)
{
    put_row(out, "all", &r->overall);
    for (size_t k = 0; k < MIN(r->n_classes, (size_t)MAX_ROWS) && r->n_classes > 1; k++) {
        if (r->classes[k].figures.n_truths + r->classes[k].figures.n_detections > 0)
            put_row(out, r->classes[k].label, &r->classes[k].figures);
    }
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_videos(const struct temporal_result *r, put_row_fn *put_row, struct str_buf *out)
{
    for (size_t i = 0; i < MIN(r->n_videos, (size_t)MAX_ROWS); i++)
        put_row(out, r->videos[i].name, &r->videos[i].figures);
    str_buf_puts(out, "</tbody></table>\n");
}

static void begin_latency(const char *first, struct str_buf *out)
{
    str_buf_printf(out,
                   "<table><caption>From a track's begin to its first right detection</caption>"
                   "<thead><tr><th>%s</th><th>Tracks</th><th>Never seen</th><th>In time</th>"
                   "<th>Mean ms</th><th>Std ms</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th>"
                   "<th>Max ms</th></tr></thead><tbody>\n",
                   first);
}

static void begin_window(const char *first, struct str_buf *out)
{
    str_buf_printf(out,
                   "<table><caption>Boxes found within the tolerance, and misses in a row</caption>"
                   "<thead><tr><th>%s</th><th>Boxes</th><th>Recall</th><th>Covered</th>"
                   "<th>On time</th><th>Late</th><th>by ms</th><th>Early</th><th>by ms</th>"
                   "<th>Longest gap</th><th>of ms</th></tr></thead><tbody>\n",
                   first);
}

// --- distributions

void html_put_bins(struct str_buf *out, const char *caption, const char *first,
                   const char *const *names, const char *unit, const size_t *counts, size_t n)
{
    size_t sum = 0;
    size_t most = 1;
    for (size_t i = 0; i < n; i++) {
        sum += counts[i];
        most = MAX(most, counts[i]);
    }
    if (sum == 0)
        return;
    str_buf_printf(out,
                   "<table class=\"bins\"><caption>%s</caption><thead><tr><th>%s</th><th>Number"
                   "</th><th>Share</th><th></th></tr></thead><tbody>\n",
                   caption, first);
    for (size_t i = 0; i < n; i++) {
        str_buf_printf(out, "<tr><th scope=\"row\">%s%s</th>", names[i], unit);
        html_put_count_cell(out, "Number", (int64_t)counts[i]);
        str_buf_puts(out, "<td data-name=\"Share\">");
        html_put_share(out, (int64_t)counts[i], (int64_t)sum);
        str_buf_printf(out,
                       "</td><td class=\"bar\"><div class=\"bars\"><i class=\"bin\" "
                       "style=\"width:%.2f%%\"></i></div></td></tr>\n",
                       100 * (double)counts[i] / (double)most);
    }
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_opts(const struct temporal_opts *o, struct str_buf *out)
{
    str_buf_puts(out, "<p>Times are presentation times. A track begins with its first frame that "
                      "counts");
    if (o->min_height > 0)
        str_buf_printf(out, ", at least %g pixels tall", o->min_height);
    if (o->min_visibility > 0)
        str_buf_printf(out, ", at least %g visible", o->min_visibility);
    str_buf_printf(out,
                   "; in time is up to %g ms. A box is found by a detection at most %g ms before "
                   "or after it, one to one; it is covered when its track is found in that "
                   "window. The longest gap counts frames of a track without a detection, one "
                   "after another. IoU %g, confidence %g.</p>\n",
                   o->latency_threshold_ms, o->tolerance_ms, o->iou, o->at_confidence);
}

static void put_figures(const struct temporal_result *r, struct str_buf *out)
{
    put_opts(&r->opts, out);
    begin_latency("Class", out);
    put_classes(r, put_latency_row, out);
    html_put_bins(out, "How long it takes", "Time to detection", temporal_bin_names, " ms",
                  r->overall.latency.bins, TEMPORAL_N_BINS);
    begin_window("Class", out);
    put_classes(r, put_window_row, out);
    html_put_bins(out, "Misses in a row", "Frames in a row", temporal_run_names, "",
                  r->overall.runs, TEMPORAL_N_RUNS);
    if (r->n_videos < 2)
        return;
    begin_latency("Video", out);
    put_videos(r, put_latency_row, out);
    begin_window("Video", out);
    put_videos(r, put_window_row, out);
    if (r->n_videos > MAX_ROWS)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu videos.</p>\n", MAX_ROWS,
                       r->n_videos);
}

void html_put_temporal(const struct temporal_result *r, struct str_buf *out)
{
    html_begin_section(out, "time", "How soon things are seen");
    for (size_t i = 0; i < r->n_notices; i++) {
        str_buf_puts(out, "<p class=\"soft\">");
        html_put_text(out, r->notices[i]);
        str_buf_puts(out, "</p>\n");
    }
    if (r->has_times)
        put_figures(r, out);
    else if (r->n_notices == 0)
        str_buf_puts(out, "<p class=\"none\">No data: no picture has a time.</p>\n");
    html_end_section(out);
}
