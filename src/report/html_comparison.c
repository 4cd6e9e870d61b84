// SPDX-License-Identifier: Apache-2.0
// html_comparison.c - what differs between two runs, what of it is more than noise, and which
// objects changed sides, as a page.

#include "report/html_comparison.h"

#include <inttypes.h>
#include <math.h>

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "report/comparison_report.h"
#include "report/html.h"
#include "report/html_priv.h"

#define LEAST_SCALE .005 // of the drawn intervals: half a point to either side

enum {
    MAX_CLASSES = 500,
    MAX_CHANGES = 200, // rows
};

// clang-format off
static const struct {
    const char *name, *words, *stroke;
} sides[COMPARISON_N_SIDES] = {
    [COMPARISON_UNSET] = {"", "", ""},
    [COMPARISON_LOST] = {"lost", "found by A, missed by B", "missed"},
    [COMPARISON_FOUND] = {"gained", "missed by A, found by B", "found"},
    [COMPARISON_FALSE_NEW] = {"new false alarm", "false in B only", "alarm"},
    [COMPARISON_FALSE_GONE] = {"false alarm gone", "false in A only", "found"},
};
// clang-format on

// --- figures

static bool has_data(const struct comparison_figure *f)
{
    return isfinite(f->a) || isfinite(f->b);
}

static double scale_of(const struct comparison_figure *figures, size_t n)
{
    double scale = LEAST_SCALE;
    for (size_t i = 0; i < n; i++) {
        const double reach[] = {figures[i].difference, figures[i].interval.low,
                                figures[i].interval.high};
        for (size_t k = 0; k < ARRAY_LEN(reach); k++)
            scale = isfinite(reach[k]) ? MAX(scale, fabs(reach[k])) : scale;
    }
    return scale;
}

static void put_interval(const struct comparison_figure *f, struct str_buf *out)
{
    str_buf_puts(out, "<td class=\"nowrap\" data-name=\"95 % interval\">");
    if (isfinite(f->interval.low) && isfinite(f->interval.high)) {
        html_put_signed(out, f->interval.low, 3);
        str_buf_puts(out, " to ");
        html_put_signed(out, f->interval.high, 3);
    } else {
        str_buf_puts(out, "<span class=\"none\">too little data</span>");
    }
    str_buf_puts(out, "</td>");
}

static void put_difference(const struct comparison_figure *f, struct str_buf *out)
{
    str_buf_puts(out, "<td data-name=\"B \xe2\x88\x92 A\">");
    str_buf_puts(out, f->is_beyond_noise ? "<strong>" : "");
    html_put_signed(out, f->difference, 3);
    str_buf_puts(out, f->is_beyond_noise ? "</strong></td>" : "</td>");
}

// The interval as a bar around a line at 0, the difference as a mark.
static void put_span(const struct comparison_figure *f, double scale, struct str_buf *out)
{
    str_buf_puts(out, "<td class=\"bar\"><div class=\"span\"><i class=\"zero\"></i>");
    if (isfinite(f->interval.low) && isfinite(f->interval.high))
        str_buf_printf(out, "<i class=\"range%s\" style=\"left:%.2f%%;width:%.2f%%\"></i>",
                       !f->is_beyond_noise ? ""
                       : f->difference < 0 ? " missed"
                                           : " found",
                       50 + 50 * f->interval.low / scale,
                       50 * (f->interval.high - f->interval.low) / scale);
    if (isfinite(f->difference))
        str_buf_printf(out, "<i class=\"mark\" style=\"left:%.2f%%\"></i>",
                       50 + 50 * f->difference / scale);
    str_buf_puts(out, "</div></td>");
}

static void put_figure(const char *name, const struct comparison_figure *f, double scale,
                       struct str_buf *out)
{
    html_begin_row(out, name);
    html_put_value_cell(out, "A", f->a);
    html_put_value_cell(out, "B", f->b);
    put_difference(f, out);
    put_interval(f, out);
    put_span(f, scale, out);
    str_buf_puts(out, "</tr>\n");
}

static void put_overall(const struct comparison *c, struct str_buf *out)
{
    const double scale = scale_of(c->overall, WEIGHED_N_FIGURES);
    html_begin_section(out, "figures", "What differs");
    str_buf_puts(out, "<p>The interval holds the true difference in about 95 of 100 cases; bold is "
                      "a difference whose interval leaves out 0. The pictures were drawn again ");
    html_put_count(out, (int64_t)c->opts.resamples);
    str_buf_puts(out, " times as ");
    comparison_put_blocks(c, out);
    str_buf_puts(out, ". Precision, recall and F1 at confidence ");
    str_buf_double(out, c->opts.at_confidence);
    str_buf_puts(out, ".</p>\n<table><thead><tr><th>Figure</th><th>A</th><th>B</th>"
                      "<th>B \xe2\x88\x92 A</th><th>95 % interval</th>");
    str_buf_printf(out,
                   "<th class=\"ends\"><span>\xe2\x88\x92%.3g</span><span>0</span>"
                   "<span>+%.3g</span></th></tr></thead><tbody>\n",
                   scale, scale);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++)
        put_figure(weighed_names[i], &c->overall[i], scale, out);
    str_buf_puts(out, "</tbody></table>\n");
    html_end_section(out);
}

// --- by class

static void put_class_table(const struct comparison *c, enum weighed_figure figure,
                            struct str_buf *out)
{
    double scale = LEAST_SCALE;
    for (size_t k = 0; k < MIN(c->n_classes, (size_t)MAX_CLASSES); k++)
        scale = MAX(scale, scale_of(&c->classes[k].figures[figure], 1));
    str_buf_printf(out,
                   "<table><caption>%s</caption><thead><tr><th>Class</th><th>Objects</th><th>A</th>"
                   "<th>B</th><th>B \xe2\x88\x92 A</th><th>95 %% interval</th><th class=\"ends\">"
                   "<span>\xe2\x88\x92%.3g</span><span>0</span><span>+%.3g</span></th></tr></thead>"
                   "<tbody>\n",
                   weighed_names[figure], scale, scale);
    for (size_t k = 0; k < MIN(c->n_classes, (size_t)MAX_CLASSES); k++) {
        const struct comparison_class *row = &c->classes[k];
        if (!has_data(&row->figures[figure]))
            continue;
        html_begin_row(out, row->label);
        html_put_count_cell(out, "Objects", (int64_t)row->n_truths);
        html_put_value_cell(out, "A", row->figures[figure].a);
        html_put_value_cell(out, "B", row->figures[figure].b);
        put_difference(&row->figures[figure], out);
        put_interval(&row->figures[figure], out);
        put_span(&row->figures[figure], scale, out);
        str_buf_puts(out, "</tr>\n");
    }
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_classes(const struct comparison *c, struct str_buf *out)
{
    if (c->n_classes < 2)
        return;
    html_begin_section(out, "classes", "By class");
    str_buf_puts(out, "<p>Of twenty intervals about one leaves out the truth: look at the largest "
                      "differences first.</p>\n");
    for (enum weighed_figure f = WEIGHED_AP; f < WEIGHED_N_FIGURES; f++)
        put_class_table(c, f, out);
    if (c->n_classes > MAX_CLASSES)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu classes.</p>\n", MAX_CLASSES,
                       c->n_classes);
    html_end_section(out);
}

// --- objects that changed sides

static void put_where(const struct html_comparison *h, const struct comparison_change *c,
                      struct str_buf *out)
{
    const struct dataset *d = h->about->pictures;
    if (d->n_videos > 1) {
        html_put_text(out, d->videos[d->pictures[c->first].video]);
        str_buf_puts(out, ", ");
    }
    html_put_picture(d, c->first, out);
    if (c->last != c->first) {
        str_buf_puts(out, " to ");
        html_put_picture(d, c->last, out);
    }
}

static void put_label(const struct html_comparison *h, const struct comparison_change *c,
                      struct str_buf *out)
{
    const char *label = h->about->pictures->classes[c->class_index].name;
    html_put_text(out, label[0] ? label : "(no name)");
    if (c->track_id >= 0)
        str_buf_printf(out, ", track %" PRId64, c->track_id);
}

static void put_change_row(const struct html_comparison *h, const struct comparison_change *c,
                           struct str_buf *out)
{
    html_begin_row(out, sides[c->side].name);
    str_buf_puts(out, "<td data-name=\"Object\">");
    put_label(h, c, out);
    str_buf_puts(out, "</td>");
    html_put_value_cell(out, "Evidence", c->evidence);
    html_put_count_cell(out, "Frames", (int64_t)c->n);
    str_buf_puts(out, "<td data-name=\"Where\">");
    put_where(h, c, out);
    str_buf_printf(out, ", at %.0f,%.0f</td></tr>\n", c->example->x, c->example->y);
}

static const struct html_picture *picture_of(const struct html_comparison *h,
                                             const struct comparison_change *c)
{
    for (size_t i = 0; i < h->n_pictures; i++) {
        if (h->pictures[i].picture == c->first)
            return &h->pictures[i];
    }
    return NULL;
}

static void put_box(const struct dataset_object *o, const char *kind, struct str_buf *out)
{
    str_buf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                   kind, o->x, o->y, MAX(o->w, 0), MAX(o->h, 0));
}

static void put_change_figure(const struct html_comparison *h, size_t i, struct str_buf *out)
{
    const struct comparison_change *c = &h->comparison->changes[i];
    const struct dataset_picture *p = &h->about->pictures->pictures[c->first];
    const struct html_picture *pixels = picture_of(h, c);
    const struct dataset_object *o = c->example;
    double width = pixels ? pixels->width : p->width;
    double height = pixels ? pixels->height : p->height;
    width = width >= 1 ? width : MAX(o->x + o->w, 1);
    height = height >= 1 ? height : MAX(o->y + o->h, 1);
    str_buf_printf(
        out,
        "<figure><svg%s viewBox=\"0 0 %.1f %.1f\" role=\"img\" aria-label=\"Where object "
        "%zu changed sides\">",
        pixels ? "" : " class=\"bare\"", width, height, i + 1);
    if (pixels)
        html_put_image(out, pixels);
    else
        str_buf_printf(out, "<rect class=\"blank\" width=\"%.1f\" height=\"%.1f\"/>", width,
                       height);
    put_box(o, "halo", out);
    put_box(o, sides[c->side].stroke, out);
    str_buf_printf(out, "</svg><figcaption><b>%zu</b>&ensp;%s: ", i + 1, sides[c->side].words);
    put_label(h, c, out);
    str_buf_puts(out, "<br><span class=\"soft\">");
    put_where(h, c, out);
    str_buf_puts(out, "</span></figcaption></figure>\n");
}

static void put_counts(const struct comparison *c, struct str_buf *out)
{
    str_buf_puts(out, "<table class=\"bins\"><caption>Counted in frames</caption><thead><tr>"
                      "<th>Side</th><th>Number</th></tr></thead><tbody>\n");
    for (enum comparison_side s = COMPARISON_LOST; s < COMPARISON_N_SIDES; s++) {
        html_begin_row(out, sides[s].words);
        html_put_count_cell(out, "Number", (int64_t)c->n_objects[s]);
        str_buf_puts(out, "</tr>\n");
    }
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_change_list(const struct html_comparison *h, struct str_buf *out)
{
    const struct comparison *c = h->comparison;
    const size_t n = MIN(c->n_changes, (size_t)MAX_CHANGES);
    str_buf_puts(out, "<p class=\"gap\">Neighbouring frames are one row, the most evidence first: "
                      "the sum of the confidences that one run has and the other has not.");
    if (h->no_pictures) {
        str_buf_puts(out, " <span class=\"soft\">");
        html_put_text(out, h->no_pictures);
        str_buf_puts(out, "</span>");
    }
    str_buf_puts(out, "</p>\n<div class=\"moments\">\n");
    for (size_t i = 0; i < MIN(n, (size_t)HTML_COMPARISON_CHANGES); i++)
        put_change_figure(h, i, out);
    str_buf_puts(out, "</div>\n<table><thead><tr><th>Change</th><th>Object</th><th>Evidence</th>"
                      "<th>Frames</th><th>Where</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++)
        put_change_row(h, &c->changes[i], out);
    str_buf_puts(out, "</tbody></table>\n");
    if (c->n_changes > n)
        str_buf_printf(out, "<p class=\"soft\">The %zu with the most evidence, of %zu.</p>\n", n,
                       c->n_changes);
}

static void put_changes(const struct html_comparison *h, struct str_buf *out)
{
    html_begin_section(out, "changes", "Objects that changed sides");
    put_counts(h->comparison, out);
    if (h->comparison->n_changes > 0)
        put_change_list(h, out);
    else
        str_buf_puts(out, "<p class=\"gap\">None: both runs find and miss the same.</p>\n");
    html_end_section(out);
}

// --- the page

static void put_headline(const struct html_comparison *h, struct str_buf *out)
{
    const struct comparison *c = h->comparison;
    size_t n_worse = 0;
    size_t n_better = 0;
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        n_worse += c->overall[i].is_beyond_noise && c->overall[i].difference < 0;
        n_better += c->overall[i].is_beyond_noise && c->overall[i].difference > 0;
    }
    str_buf_puts(out, "<header><h1>");
    html_put_text(out, html_base_name(h->about->b));
    str_buf_puts(out, " (B) beside ");
    html_put_text(out, html_base_name(h->about->a));
    str_buf_puts(out, " (A)</h1>\n<p class=\"lead\">");
    if (c->n_pictures == 0)
        str_buf_puts(out, "No picture was judged, so there is no figure.");
    else if (n_worse + n_better == 0)
        str_buf_puts(out, "No figure differs by more than noise.");
    else
        str_buf_printf(out,
                       "Of %d figures, B is better in %zu and worse in %zu by more than noise.",
                       WEIGHED_N_FIGURES, n_better, n_worse);
    str_buf_puts(out, "</p></header>\n");
}

static void put_notices(const struct comparison_about *about, struct str_buf *out)
{
    if (about->n_notices == 0)
        return;
    str_buf_puts(out, "<ul class=\"notices\">");
    for (size_t i = 0; i < about->n_notices; i++) {
        str_buf_puts(out, "<li>");
        html_put_text(out, about->notices[i]);
        str_buf_puts(out, "</li>");
    }
    str_buf_puts(out, "</ul>\n");
}

static void put_fact(struct str_buf *out, const char *name, const char *value)
{
    str_buf_printf(out, "<dt>%s</dt><dd>", name);
    html_put_text(out, value);
    str_buf_puts(out, "</dd>\n");
}

static void put_made_from(const struct html_comparison *h, struct str_buf *out)
{
    const struct comparison *c = h->comparison;
    html_begin_section(out, "settings", "What this was made from");
    str_buf_puts(out, "<dl>\n");
    put_fact(out, "A", h->about->a);
    put_fact(out, "B", h->about->b);
    put_fact(out, "Truth", h->about->truth);
    str_buf_puts(out, "<dt>Pictures</dt><dd>");
    html_put_count(out, (int64_t)c->n_pictures);
    str_buf_puts(out, " judged by both, ");
    html_put_count(out, (int64_t)c->n_left_out);
    str_buf_printf(
        out, " by one only and left out</dd>\n<dt>Random numbers</dt><dd>seed %" PRIu64 "</dd>\n",
        c->opts.seed);
    put_fact(out, "Version", "Assay " ASSAY_VERSION);
    str_buf_puts(out, "</dl>\n");
    html_end_section(out);
}

int html_comparison_write(const struct html_comparison *h, struct str_buf *out)
{
    struct str_buf title = STR_BUF_INIT(64 * KIB);
    str_buf_puts(&title, html_base_name(h->about->b));
    str_buf_puts(&title, " beside ");
    str_buf_puts(&title, html_base_name(h->about->a));
    html_begin_page(out, str_buf_text(&title));
    str_buf_finish(&title);
    put_headline(h, out);
    put_notices(h->about, out);
    put_overall(h->comparison, out);
    put_changes(h, out);
    put_classes(h->comparison, out);
    put_made_from(h, out);
    html_end_page(out, html_right_words);
    return str_buf_check(out);
}
