// SPDX-License-Identifier: Apache-2.0
// html_confusion.c - which class is taken for which.

#include "base/str.h"
#include "eval/evaluation.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_MATRIX = 14, // classes of a matrix that can still be read
};

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
        html_begin_row(out, label_of(e, row));
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

void html_put_confusions(const struct evaluation *e, struct str_buf *out)
{
    if (e->n_confusions == 0)
        return;
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
