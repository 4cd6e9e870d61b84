// SPDX-License-Identifier: Apache-2.0
// html_more.c - what is in the report only on request: detection in time, likely truth mistakes,
// other conventions, the confusion matrix.

#include <inttypes.h>
#include <math.h>

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/mistakes.h"
#include "eval/temporal.h"
#include "eval/verdict.h"
#include "report/html.h"
#include "report/html_priv.h"
#include "report/metrics_json.h"

enum {
    MAX_MISTAKES = 50,
    MAX_ROWS = 200,
    MAX_MATRIX = 14, // classes of a matrix that can still be read
};

static void begin_row(struct str_buf *out, const char *label)
{
    str_buf_puts(out, "<tr><th scope=\"row\">");
    html_put_text(out, label && label[0] ? label : "(no name)");
    str_buf_puts(out, "</th>");
}

static void put_ms_cell(struct str_buf *out, const char *name, double ms)
{
    str_buf_printf(out, "<td data-name=\"%s\">", name);
    html_put_value(out, ms, 0);
    str_buf_puts(out, "</td>");
}

// --- detection in time

static void put_time_row(struct str_buf *out, const char *label, const struct temporal_figures *f)
{
    begin_row(out, label);
    html_put_count_cell(out, "Tracks", (int64_t)f->n_tracks);
    html_put_count_cell(out, "Never seen", (int64_t)f->n_never);
    html_put_count_cell(out, "In time", (int64_t)f->n_in_time);
    put_ms_cell(out, "Median ms", f->latency.median);
    put_ms_cell(out, "p95 ms", f->latency.p95);
    put_ms_cell(out, "p99 ms", f->latency.p99);
    html_put_value_cell(out, "Recall", f->recall);
    html_put_count_cell(out, "Longest gap", (int64_t)f->longest_run);
    str_buf_puts(out, "</tr>\n");
}

static void put_temporal(const struct temporal_result *r, struct str_buf *out)
{
    html_begin_section(out, "time", "How soon things are seen");
    for (size_t i = 0; i < r->n_notices; i++) {
        str_buf_puts(out, "<p class=\"soft\">");
        html_put_text(out, r->notices[i]);
        str_buf_puts(out, "</p>\n");
    }
    if (r->has_times) {
        str_buf_printf(out,
                       "<p>From a track's first frame to its first right detection; in time is up "
                       "to %g ms. Recall allows %g ms before or after. The longest gap counts "
                       "frames of a track without a detection, one after another.</p>\n"
                       "<table><thead><tr><th>Class</th><th>Tracks</th><th>Never seen</th>"
                       "<th>In time</th><th>Median ms</th><th>p95 ms</th><th>p99 ms</th>"
                       "<th>Recall</th><th>Longest gap</th></tr></thead><tbody>\n",
                       r->opts.latency_threshold_ms, r->opts.tolerance_ms);
        put_time_row(out, "all", &r->overall);
        for (size_t k = 0; k < MIN(r->n_classes, (size_t)MAX_ROWS) && r->n_classes > 1; k++) {
            if (r->classes[k].figures.n_truths + r->classes[k].figures.n_detections > 0)
                put_time_row(out, r->classes[k].label, &r->classes[k].figures);
        }
        str_buf_puts(out, "</tbody></table>\n");
    } else if (r->n_notices == 0) {
        str_buf_puts(out, "<p class=\"none\">No data: no picture has a time.</p>\n");
    }
    html_end_section(out);
}

// --- likely truth mistakes

static void put_frame(struct str_buf *out, const struct dataset *truth, int32_t picture)
{
    const struct dataset_picture *p = &truth->pictures[picture];
    if (p->frame >= 0)
        html_put_count(out, p->frame);
    else if (p->file_name)
        html_put_text(out, p->file_name);
    else
        str_buf_printf(out, "id %" PRId64, p->id);
}

static void put_mistake(struct str_buf *out, const struct dataset *truth, const struct mistake *m)
{
    static const char *const kinds[MISTAKE_N_KINDS] = {"",
                                                       "missing truth",
                                                       "truth that is never seen",
                                                       "two boxes on one thing",
                                                       "another class",
                                                       "a box that jumps"};
    begin_row(out, kinds[m->kind]);
    html_put_value_cell(out, "Evidence", m->evidence);
    str_buf_puts(out, "<td data-name=\"Class\">");
    html_put_text(out, truth->classes[m->class_index].name);
    if (m->other_class >= 0) {
        str_buf_puts(out, ", seen as ");
        html_put_text(out, truth->classes[m->other_class].name);
    }
    str_buf_puts(out, "</td>");
    html_put_count_cell(out, "Frames", (int64_t)m->n_places);
    str_buf_puts(out, "<td data-name=\"Where\">");
    if (truth->n_videos > 1) {
        html_put_text(out, truth->videos[m->video]);
        str_buf_puts(out, ", ");
    }
    put_frame(out, truth, m->places[0].picture);
    if (m->n_places > 1) {
        str_buf_puts(out, " to ");
        put_frame(out, truth, m->places[m->n_places - 1].picture);
    }
    str_buf_printf(out, ", at %.0f,%.0f</td></tr>\n", m->places[0].x, m->places[0].y);
}

static void put_mistakes(const struct mistakes *m, struct str_buf *out)
{
    html_begin_section(out, "mistakes", "Where the truth may be wrong");
    if (m->n == 0) {
        str_buf_puts(out, "<p>Nothing in the truth looks like a mistake.</p>\n");
        html_end_section(out);
        return;
    }
    const size_t n = MIN(m->n, (size_t)MAX_MISTAKES);
    str_buf_printf(out,
                   "<p>The likeliest first, %zu of %zu. It says where to look, not what is "
                   "right.</p>\n<table><thead><tr><th>Kind</th><th>Evidence</th><th>Class</th>"
                   "<th>Frames</th><th>Where</th></tr></thead><tbody>\n",
                   n, m->n_found);
    for (size_t i = 0; i < n; i++)
        put_mistake(out, m->truth, &m->items[i]);
    str_buf_puts(out, "</tbody></table>\n");
    html_end_section(out);
}

// --- conventions

static void put_conventions(const struct evaluation *e, struct str_buf *out)
{
    html_begin_section(out, "conventions", "By other conventions");
    str_buf_puts(out, "<p>The same detections as other evaluations count them.</p>\n<table><thead>"
                      "<tr><th>Convention</th><th>AP</th><th>AP50</th><th>AP75</th></tr></thead>"
                      "<tbody>\n");
    for (size_t i = 0; i < e->n_conventions; i++) {
        const struct convention_result *c = &e->conventions[i];
        begin_row(out, convention_name(c->kind));
        html_put_value_cell(out, "AP", c->figures.ap);
        html_put_value_cell(out, "AP50", c->figures.ap50);
        html_put_value_cell(out, "AP75", c->figures.ap75);
        str_buf_puts(out, "</tr>\n");
    }
    str_buf_puts(out, "</tbody></table>\n");
    html_end_section(out);
}

// --- confusion

static int64_t cell(const struct evaluation *e, const struct confusion *c, size_t row,
                    size_t column)
{
    const size_t r = row < e->n_classes ? e->class_indices[row] : c->n - 1;
    const size_t k = column < e->n_classes ? e->class_indices[column] : c->n - 1;
    return c->counts[r * c->n + k];
}

static const char *label_of(const struct evaluation *e, size_t k)
{
    return k < e->n_classes ? e->classes[k].label : "nothing";
}

static void put_matrix(const struct evaluation *e, const struct confusion *c, struct str_buf *out)
{
    str_buf_printf(
        out,
        "<table class=\"matrix\"><caption>%s: confidence above %g, IoU above %g; a row is "
        "%s</caption><thead><tr><th></th>",
        confusion_name(c->kind), c->confidence, c->iou,
        c->kind == CONFUSION_SUPERVISION ? "what is there" : "what was detected");
    for (size_t k = 0; k <= e->n_classes; k++) {
        str_buf_puts(out, "<th>");
        html_put_text(out, label_of(e, k));
        str_buf_puts(out, "</th>");
    }
    str_buf_puts(out, "</tr></thead><tbody>\n");
    for (size_t row = 0; row <= e->n_classes; row++) {
        int64_t most = 1;
        for (size_t k = 0; k <= e->n_classes; k++)
            most = MAX(most, cell(e, c, row, k));
        begin_row(out, label_of(e, row));
        for (size_t k = 0; k <= e->n_classes; k++) {
            const int64_t n = cell(e, c, row, k);
            str_buf_puts(out, "<td data-name=\"");
            html_put_text(out, label_of(e, k));
            str_buf_printf(out,
                           "\" style=\"background:color-mix(in srgb,var(--%s) %.0f%%,"
                           "transparent)\">",
                           row == k ? "found" : "missed", 45 * (double)n / (double)most);
            html_put_count(out, n);
            str_buf_puts(out, "</td>");
        }
        str_buf_puts(out, "</tr>\n");
    }
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_confusions(const struct evaluation *e, struct str_buf *out)
{
    html_begin_section(out, "confusion", "What is taken for what");
    if (e->n_classes > MAX_MATRIX)
        str_buf_printf(out,
                       "<p class=\"soft\">%zu classes are too many for a page: the matrix is in "
                       "the metrics file.</p>\n",
                       e->n_classes);
    for (size_t i = 0; i < e->n_confusions && e->n_classes <= MAX_MATRIX; i++)
        put_matrix(e, &e->confusions[i], out);
    html_end_section(out);
}

// --- the verdict

static void put_finding(const struct verdict_finding *f, struct str_buf *out)
{
    begin_row(out, f->criterion.metric);
    str_buf_printf(out, "<td data-name=\"Asked for\">%s %g</td>",
                   f->criterion.is_max ? "at most" : "at least", f->criterion.limit);
    html_put_value_cell(out, "Figure", f->value);
    str_buf_puts(out, "<td data-name=\"95 % interval\">");
    if (isfinite(f->interval.low) && isfinite(f->interval.high))
        str_buf_printf(out, "%.3f to %.3f", f->interval.low, f->interval.high);
    else
        str_buf_puts(out, "<span class=\"none\">too little data</span>");
    str_buf_printf(out, "</td><td data-name=\"Outcome\">%s</td></tr>\n",
                   f->outcome == VERDICT_PASS   ? "met"
                   : f->outcome == VERDICT_FAIL ? "<strong>not met</strong>"
                                                : "<span class=\"none\">no data</span>");
}

void html_put_verdict(const struct html_report *h, struct str_buf *out)
{
    const struct verdict *v = h->about->verdict;
    if (!v)
        return;
    static const char *const words[] = {[VERDICT_OUTCOME_UNSET] = "No verdict",
                                        [VERDICT_PASS] = "Passed",
                                        [VERDICT_CONDITIONAL_PASS] = "Passed with conditions",
                                        [VERDICT_FAIL] = "Failed",
                                        [VERDICT_NO_DATA] = "No data for a verdict"};
    html_begin_section(out, "verdict", words[v->outcome]);
    str_buf_puts(out, "<p>By the criteria of ");
    html_put_text(out, v->profile);
    str_buf_printf(out, ": %zu of %zu are met", v->n_met, v->n);
    if (v->n_no_data > 0)
        str_buf_printf(out, ", %zu have no data", v->n_no_data);
    str_buf_puts(out, ".</p>\n<table><thead><tr><th>Criterion</th><th>Asked for</th><th>Figure</th>"
                      "<th>95 % interval</th><th>Outcome</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < v->n; i++)
        put_finding(&v->findings[i], out);
    str_buf_puts(out, "</tbody></table>\n");
    html_end_section(out);
}

void html_put_more(const struct html_report *h, struct str_buf *out)
{
    const struct evaluation *e = h->evaluation;
    if (e->n_confusions > 0)
        put_confusions(e, out);
    if (e->n_conventions > 0)
        put_conventions(e, out);
    if (h->about->temporal)
        put_temporal(h->about->temporal, out);
    if (h->about->mistakes)
        put_mistakes(h->about->mistakes, out);
}
