// SPDX-License-Identifier: Apache-2.0
// html.c - the page: its frame, the headline numbers with what they mean, and the small parts.

#include "report/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "report/html_priv.h"
#include "report/metrics_json.h"

// --- small parts

void html_put_text(struct str_buf *out, const char *text)
{
    str_buf_add_xml(out, str_of(text));
}

static void put_none(struct str_buf *out)
{
    str_buf_puts(out, "<span class=\"none\">no data</span>");
}

void html_put_value(struct str_buf *out, double value, int n_digits)
{
    if (isfinite(value))
        str_buf_printf(out, "%.*f", n_digits, value);
    else
        put_none(out);
}

void html_put_count(struct str_buf *out, int64_t n)
{
    struct str_buf digits = STR_BUF_INIT(64);
    str_buf_i64(&digits, n);
    const char *p = str_buf_text(&digits);
    for (size_t i = 0; i < digits.n; i++) {
        str_buf_putc(out, p[i]);
        if ((digits.n - i) % 3 == 1 && i + 1 < digits.n && p[i] != '-')
            str_buf_putc(out, ',');
    }
    str_buf_finish(&digits);
}

void html_put_share(struct str_buf *out, int64_t part, int64_t whole)
{
    if (whole > 0)
        str_buf_printf(out, "%.0f&nbsp;%%", 100 * (double)part / (double)whole);
    else
        put_none(out);
}

static void begin_cell(struct str_buf *out, const char *name)
{
    str_buf_puts(out, "<td data-name=\"");
    html_put_text(out, name);
    str_buf_puts(out, "\">");
}

void html_put_count_cell(struct str_buf *out, const char *name, int64_t n)
{
    begin_cell(out, name);
    html_put_count(out, n);
    str_buf_puts(out, "</td>");
}

void html_put_value_cell(struct str_buf *out, const char *name, double value)
{
    begin_cell(out, name);
    html_put_value(out, value, 3);
    str_buf_puts(out, "</td>");
}

void html_begin_row(struct str_buf *out, const char *name)
{
    str_buf_puts(out, "<tr><th scope=\"row\">");
    html_put_text(out, name && name[0] ? name : "(no name)");
    str_buf_puts(out, "</th>");
}

void html_put_ms_cell(struct str_buf *out, const char *name, double ms)
{
    begin_cell(out, name);
    html_put_value(out, ms, 0);
    str_buf_puts(out, "</td>");
}

void html_put_signed(struct str_buf *out, double value, int n_digits)
{
    if (!isfinite(value)) {
        put_none(out);
        return;
    }
    const bool is_minus = value < 0 && fabs(value) * pow(10, n_digits) >= .5;
    str_buf_printf(out, "%s%.*f", is_minus ? "\xe2\x88\x92" : "+", n_digits, fabs(value));
}

void html_put_clock(struct str_buf *out, int64_t us, int n_digits)
{
    if (us < 0)
        str_buf_puts(out, "\xe2\x88\x92"); // a minus sign
    const double s = fabs((double)us / 1e6);
    const int64_t minutes = (int64_t)(s / 60);
    const int width = n_digits > 0 ? n_digits + 3 : 2;
    if (minutes >= 60)
        str_buf_printf(out, "%" PRId64 ":%02" PRId64 ":%0*.*f", minutes / 60, minutes % 60, width,
                       n_digits, s - 60 * (double)minutes);
    else
        str_buf_printf(out, "%" PRId64 ":%0*.*f", minutes, width, n_digits,
                       s - 60 * (double)minutes);
}

void html_put_when(struct str_buf *out, const struct outcome_picture *p)
{
    if (p->pts_us != INT64_MIN) {
        html_put_clock(out, p->pts_us, 2);
        str_buf_puts(out, " \xc2\xb7 ");
    }
    str_buf_puts(out, p->is_still ? "picture " : "frame ");
    html_put_count(out, p->frame);
}

void html_put_picture(const struct dataset *d, int32_t picture, struct str_buf *out)
{
    const struct dataset_picture *p = &d->pictures[picture];
    if (p->frame >= 0) {
        str_buf_puts(out, "frame ");
        html_put_count(out, p->frame);
    } else if (p->file_name) {
        html_put_text(out, p->file_name);
    } else {
        str_buf_printf(out, "picture %" PRId64, p->id);
    }
}

void html_begin_section(struct str_buf *out, const char *id, const char *title)
{
    str_buf_printf(out, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
}

void html_end_section(struct str_buf *out)
{
    str_buf_puts(out, "</section>\n");
}

void html_put_outcome_legend(struct str_buf *out)
{
    str_buf_puts(out, "<ul class=\"legend\"><li><i class=\"found\"></i>found</li>"
                      "<li><i class=\"missed\"></i>missed</li>"
                      "<li><i class=\"alarm\"></i>false alarm</li></ul>\n");
}

const char *html_video_name(const struct html_report *h, int32_t video)
{
    return (size_t)video < h->truth->n_videos ? h->truth->videos[video] : "";
}

// --- the headline

const char *html_base_name(const char *path)
{
    const char *name = path;
    for (const char *p = path; *p; p++) {
        if (*p == '/' && p[1])
            name = p + 1;
    }
    return name;
}

// Not escaped.
static void put_title(const struct html_report *h, struct str_buf *out)
{
    const struct report_about *a = h->about;
    if (a->model && a->source) {
        str_buf_puts(out, html_base_name(a->model));
        str_buf_puts(out, " on ");
        str_buf_puts(out, html_base_name(a->source));
    } else {
        str_buf_puts(out, html_base_name(a->detections ? a->detections : "detections"));
        str_buf_puts(out, " against ");
        str_buf_puts(out, html_base_name(a->truth ? a->truth : "truth"));
    }
}

static void begin_card(struct str_buf *out, const char *name, double value)
{
    str_buf_printf(out, "<div class=\"card\"><span class=\"name\">%s</span><b>", name);
    html_put_value(out, value, 3);
    str_buf_puts(out, "</b><small>");
}

static void put_card(struct str_buf *out, const char *name, double value, const char *meaning)
{
    begin_card(out, name, value);
    str_buf_printf(out, "%s</small></div>\n", meaning);
}

// "Of 100 objects, 61 are found."
static void put_share_card(struct str_buf *out, const char *name, double value, const char *things,
                           const char *state)
{
    begin_card(out, name, value);
    if (value > 0 && value < .005)
        str_buf_printf(out, "Of 100 %s, fewer than one %s.", things, state);
    else if (value > .995 && value < 1)
        str_buf_printf(out, "Of 100 %s, more than 99 %s.", things, state);
    else if (isfinite(value))
        str_buf_printf(out, "Of 100 %s, %.0f %s.", things, 100 * value, state);
    else
        str_buf_printf(out, "There are no %s to count.", things);
    str_buf_puts(out, "</small></div>\n");
}

static void put_best_card(struct str_buf *out, const struct operating_point *best)
{
    begin_card(out, "Best threshold", best->confidence);
    if (isfinite(best->confidence)) {
        str_buf_puts(out, "The confidence with the highest F1, ");
        html_put_value(out, best->f1, 3);
        str_buf_puts(out, ". Lower finds more, higher is right more often.");
    } else {
        str_buf_puts(out, "No confidence has an F1.");
    }
    str_buf_puts(out, "</small></div>\n");
}

static void put_counts(const struct html_report *h, struct str_buf *out)
{
    const struct evaluation *e = h->evaluation;
    str_buf_puts(out, "<p class=\"lead\">");
    if (e->n_judged == 0) {
        str_buf_puts(out, "No frame was judged, so there is no figure.</p>\n");
        return;
    }
    html_put_count(out, (int64_t)e->n_judged);
    str_buf_puts(out, " judged frames hold ");
    html_put_count(out, (int64_t)e->n_truths);
    str_buf_puts(out, " objects. At confidence ");
    str_buf_double(out, e->at.confidence);
    str_buf_puts(out, " the detector finds ");
    html_put_count(out, e->at.true_positives);
    str_buf_puts(out, ", misses ");
    html_put_count(out, e->at.false_negatives);
    str_buf_puts(out, " and raises ");
    html_put_count(out, e->at.false_positives);
    str_buf_puts(out, " false alarms.</p>\n");
}

static void put_notices(const struct html_report *h, struct str_buf *out)
{
    const struct evaluation *e = h->evaluation;
    if (e->n_notices == 0)
        return;
    str_buf_puts(out, "<ul class=\"notices\">");
    for (size_t i = 0; i < e->n_notices; i++) {
        str_buf_puts(out, "<li>");
        html_put_text(out, e->notices[i]);
        str_buf_puts(out, "</li>");
    }
    str_buf_puts(out, "</ul>\n");
}

void html_put_headline(const struct html_report *h, struct str_buf *out)
{
    const struct evaluation *e = h->evaluation;
    struct str_buf title = STR_BUF_INIT(64 * KIB);
    put_title(h, &title);
    str_buf_puts(out, "<header><h1>");
    html_put_text(out, str_buf_text(&title));
    str_buf_puts(out, "</h1>\n");
    str_buf_finish(&title);
    put_counts(h, out);
    str_buf_puts(out, "</header>\n<div class=\"cards\">\n");
    put_card(out, "AP50", e->coco.ap50,
             "Average precision over all confidences, where a box is right when it overlaps the "
             "object by half.");
    put_card(out, "AP", e->coco.ap,
             "The same, averaged over stricter overlaps: tight boxes count for more.");
    put_share_card(out, "Precision", e->at.precision, "detections", "are right");
    put_share_card(out, "Recall", e->at.recall, "objects", "are found");
    put_card(out, "F1", e->at.f1, "Precision and recall in one number, at the chosen confidence.");
    put_best_card(out, &e->best);
    str_buf_puts(out, "</div>\n");
    html_put_weaker(h, out);
    put_notices(h, out);
}

void html_begin_page(struct str_buf *out, const char *title)
{
    str_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta name=\"generator\" content=\"Assay " ASSAY_VERSION "\">\n"
                      "<link rel=\"icon\" href=\"data:,\">\n<title>");
    html_put_text(out, title);
    str_buf_puts(out, "</title>\n<style>\n");
    str_buf_puts(out, html_style);
    str_buf_puts(out, "</style></head>\n<body><main>\n");
}

const char html_right_words[] =
    " A detection is right when its class is the object's and their boxes overlap by at least half "
    "(IoU 0.5), each object once.";

void html_end_page(struct str_buf *out, const char *words)
{
    str_buf_puts(out, "<footer>Made by Assay " ASSAY_VERSION ".");
    str_buf_puts(out, words ? words : "");
    str_buf_puts(out, "</footer>\n</main></body></html>\n");
}

int html_write(const struct html_report *h, struct str_buf *out)
{
    struct str_buf title = STR_BUF_INIT(64 * KIB);
    put_title(h, &title);
    html_begin_page(out, str_buf_text(&title));
    str_buf_finish(&title);
    html_put_headline(h, out);
    html_put_verdict(h, out);
    html_put_curves(h, out);
    html_put_slices(h, out);
    html_put_timeline(h, out);
    html_put_moments(h, out);
    html_put_tables(h, out);
    html_end_page(out, html_right_words);
    return str_buf_check(out);
}
