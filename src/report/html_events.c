// SPDX-License-Identifier: Apache-2.0
// html_events.c - timed events against timed events, as a page.

#include <math.h>

#include "base/str.h"
#include "eval/events.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_ROWS = 500,
};

static void put_counts_row(const char *label, const struct events_figures *f, struct str_buf *out)
{
    html_begin_row(out, label);
    html_put_count_cell(out, "Events", (int64_t)f->n_truths);
    html_put_count_cell(out, "Reports", (int64_t)f->n_detections);
    html_put_count_cell(out, "Found", (int64_t)f->n_found);
    html_put_count_cell(out, "On time", (int64_t)f->n_on_time);
    html_put_count_cell(out, "Late", (int64_t)f->n_late);
    html_put_count_cell(out, "Early", (int64_t)f->n_early);
    html_put_value_cell(out, "Precision", f->precision);
    html_put_value_cell(out, "Recall", f->recall);
    html_put_value_cell(out, "F1", f->f1);
    str_buf_puts(out, "</tr>\n");
}

static void put_times_row(const char *label, const struct events_figures *f, struct str_buf *out)
{
    const struct temporal_latency *d = &f->difference;
    html_begin_row(out, label);
    str_buf_puts(out, "<td data-name=\"Bias ms\">");
    html_put_signed(out, f->bias_ms, 0);
    str_buf_puts(out, "</td>");
    html_put_ms_cell(out, "Mean ms", d->mean);
    html_put_ms_cell(out, "Std ms", d->deviation);
    html_put_ms_cell(out, "p50 ms", d->p50);
    html_put_ms_cell(out, "p95 ms", d->p95);
    html_put_ms_cell(out, "p99 ms", d->p99);
    html_put_ms_cell(out, "Max ms", d->max);
    html_put_count_cell(out, "In time", (int64_t)f->n_in_time);
    str_buf_puts(out, "</tr>\n");
}

typedef void put_row_fn(const char *, const struct events_figures *, struct str_buf *);

static void put_rows(const struct events_result *r, put_row_fn *put_row, struct str_buf *out)
{
    put_row("all", &r->overall, out);
    for (size_t i = 0; i < MIN(r->n_labels, (size_t)MAX_ROWS) && r->n_labels > 1; i++)
        put_row(r->labels[i].label, &r->labels[i].figures, out);
    str_buf_puts(out, "</tbody></table>\n");
    if (r->n_labels > MAX_ROWS)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu kinds.</p>\n", MAX_ROWS,
                       r->n_labels);
}

int html_events_write(const struct events_result *r, const char *truth, const char *detections,
                      struct str_buf *out)
{
    struct str_buf title = STR_BUF_INIT(64 * KIB);
    str_buf_puts(&title, html_base_name(detections));
    str_buf_puts(&title, " against ");
    str_buf_puts(&title, html_base_name(truth));
    html_begin_page(out, str_buf_text(&title));
    str_buf_puts(out, "<header><h1>");
    html_put_text(out, str_buf_text(&title));
    str_buf_printf(out,
                   "</h1>\n<p class=\"lead\">Events by time alone, one to one within %g ms.</p>"
                   "</header>\n",
                   r->opts.tolerance_ms);
    str_buf_finish(&title);
    html_begin_section(out, "events", "What was reported");
    str_buf_puts(out, "<table><thead><tr><th>Kind</th><th>Events</th><th>Reports</th><th>Found</th>"
                      "<th>On time</th><th>Late</th><th>Early</th><th>Precision</th><th>Recall</th>"
                      "<th>F1</th></tr></thead><tbody>\n");
    put_rows(r, put_counts_row, out);
    html_end_section(out);
    html_begin_section(out, "time", "How far off in time");
    str_buf_printf(out,
                   "<p>Of what was found. The bias is the mean of report less event, the others "
                   "are of its size; in time is up to %g ms.",
                   r->opts.latency_threshold_ms);
    if (r->n_below > 0)
        str_buf_printf(out, " %zu reports below the confidence %g are left out.", r->n_below,
                       r->opts.at_confidence);
    str_buf_puts(out, "</p>\n<table><thead><tr><th>Kind</th><th>Bias ms</th><th>Mean ms</th>"
                      "<th>Std ms</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>Max ms</th>"
                      "<th>In time</th></tr></thead><tbody>\n");
    put_rows(r, put_times_row, out);
    html_put_bins(out, "How far off", "Difference", temporal_bin_names, " ms",
                  r->overall.difference.bins, TEMPORAL_N_BINS);
    html_end_section(out);
    html_end_page(out, NULL);
    return str_buf_check(out);
}
