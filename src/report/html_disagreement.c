// SPDX-License-Identifier: Apache-2.0
// html_disagreement.c - where two runs without truth disagree, as a page.

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/disagreement.h"
#include "report/comparison_report.h"
#include "report/html_comparison.h"
#include "report/html_priv.h"

enum {
    MAX_ROWS = 500,
};

static void put_item(const struct dataset *d, const struct disagreement_item *item,
                     struct str_buf *out)
{
    const struct mistake *m = item->found;
    const struct mistake_place *first = &m->places[0];
    html_begin_row(out, item->kind == DISAGREEMENT_ONLY_A   ? "only A"
                        : item->kind == DISAGREEMENT_ONLY_B ? "only B"
                                                            : "another class");
    html_put_value_cell(out, "Evidence", item->evidence);
    str_buf_puts(out, "<td data-name=\"Class\">");
    html_put_text(out, d->classes[m->class_index].name);
    if (item->kind == DISAGREEMENT_LABEL) {
        str_buf_puts(out, " in A, ");
        html_put_text(out, d->classes[m->other_class].name);
        str_buf_puts(out, " in B");
    }
    str_buf_puts(out, "</td>");
    html_put_value_cell(out, "Confidence", m->confidence);
    html_put_count_cell(out, "Frames", (int64_t)m->n_places);
    str_buf_puts(out, "<td data-name=\"Where\">");
    html_put_picture(d, first->picture, out);
    if (m->n_places > 1) {
        str_buf_puts(out, " to ");
        html_put_picture(d, m->places[m->n_places - 1].picture, out);
    }
    str_buf_printf(out, ", at %.0f,%.0f</td></tr>\n", first->x, first->y);
}

static void put_classes(const struct disagreement *d, struct str_buf *out)
{
    html_begin_section(out, "classes", "What both see");
    str_buf_printf(out,
                   "<p>Boxes of confidence %g or more, paired one to one at IoU 0.5.</p>\n<table>"
                   "<thead><tr><th>Class</th><th>Both</th><th>Only A</th><th>Only B</th></tr>"
                   "</thead><tbody>\n",
                   DISAGREEMENT_CONFIDENCE);
    for (size_t k = 0; k < d->pictures->n_classes; k++) {
        const struct disagreement_class *c = &d->classes[k];
        if (c->n_agreed + c->n_only_a + c->n_only_b == 0)
            continue;
        html_begin_row(out, d->pictures->classes[k].name);
        html_put_count_cell(out, "Both", (int64_t)c->n_agreed);
        html_put_count_cell(out, "Only A", (int64_t)c->n_only_a);
        html_put_count_cell(out, "Only B", (int64_t)c->n_only_b);
        str_buf_puts(out, "</tr>\n");
    }
    str_buf_puts(out, "</tbody></table>\n");
    html_end_section(out);
}

static void put_items(const struct disagreement *d, struct str_buf *out)
{
    const size_t n = MIN(d->n, (size_t)MAX_ROWS);
    html_begin_section(out, "disagreements", "Where they disagree");
    if (d->n == 0) {
        str_buf_puts(out, "<p>Nowhere over several frames.</p>\n");
    } else {
        str_buf_printf(out,
                       "<p>The most evidence first, %zu of %zu. Nobody is right: it says where to "
                       "look.</p>\n<table><thead><tr><th>Kind</th><th>Evidence</th><th>Class</th>"
                       "<th>Confidence</th><th>Frames</th><th>Where</th></tr></thead><tbody>\n",
                       n, d->n);
        for (size_t i = 0; i < n; i++)
            put_item(d->pictures, &d->items[i], out);
        str_buf_puts(out, "</tbody></table>\n");
    }
    html_end_section(out);
}

int html_disagreement_write(const struct disagreement *d, const struct comparison_about *about,
                            struct str_buf *out)
{
    struct str_buf title = STR_BUF_INIT(64 * KIB);
    str_buf_puts(&title, html_base_name(about->a));
    str_buf_puts(&title, " (A) and ");
    str_buf_puts(&title, html_base_name(about->b));
    str_buf_puts(&title, " (B)");
    html_begin_page(out, str_buf_text(&title));
    str_buf_puts(out, "<header><h1>");
    html_put_text(out, str_buf_text(&title));
    str_buf_puts(out, "</h1>\n<p class=\"lead\">");
    html_put_count(out, (int64_t)d->n_pictures);
    str_buf_puts(out, " pictures that both looked at; there is no truth.</p></header>\n");
    str_buf_finish(&title);
    for (size_t i = 0; i < about->n_notices; i++) {
        str_buf_puts(out, i == 0 ? "<ul class=\"notices\"><li>" : "<li>");
        html_put_text(out, about->notices[i]);
        str_buf_puts(out, i + 1 == about->n_notices ? "</li></ul>\n" : "</li>");
    }
    put_classes(d, out);
    put_items(d, out);
    html_end_page(out, NULL);
    return str_buf_check(out);
}
