// SPDX-License-Identifier: Apache-2.0
// html_conventions.c - average precision as other tools count it, and what each rule is worth.

#include <math.h>

#include "base/str.h"
#include "eval/evaluation.h"
#include "report/html.h"
#include "report/html_priv.h"

static void put_difference_cell(struct str_buf *out, const char *name, double before, double after)
{
    str_buf_printf(out, "<td data-name=\"%s\">", name);
    html_put_signed(out, after - before, 4);
    str_buf_puts(out, "</td>");
}

static void put_cause(const struct convention_cause *c, struct str_buf *out)
{
    html_begin_row(out, c->rule);
    put_difference_cell(out, "AP", c->ap_before, c->ap_after);
    put_difference_cell(out, "AP50", c->ap50_before, c->ap50_after);
    str_buf_puts(out, "<td class=\"words\" data-name=\"What is different\">");
    html_put_text(out, c->text);
    str_buf_puts(out, "</td></tr>\n");
}

// "together" is the sum: the rules are exchanged one after the other.
static void put_sum(const struct convention_result *c, const struct convention_result *coco,
                    struct str_buf *out)
{
    html_begin_row(out, "together");
    put_difference_cell(out, "AP", coco->figures.ap, c->figures.ap);
    put_difference_cell(out, "AP50", coco->figures.ap50, c->figures.ap50);
    str_buf_puts(out, "<td class=\"words\" data-name=\"What is different\">all of the rules that "
                      "are in use</td></tr>\n");
}

static void put_causes(const struct convention_result *c, const struct convention_result *coco,
                       struct str_buf *out)
{
    if (c->n_causes == 0)
        return;
    str_buf_printf(out,
                   "<table><caption>What makes %s differ from coco, rule by rule</caption><thead>"
                   "<tr><th>Rule</th><th>AP</th><th>AP50</th><th class=\"words\">What is different"
                   "</th></tr></thead><tbody>\n",
                   convention_name(c->kind));
    for (size_t i = 0; i < c->n_causes; i++)
        put_cause(&c->causes[i], out);
    if (coco)
        put_sum(c, coco, out);
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_row(const struct convention_result *c, struct str_buf *out)
{
    html_begin_row(out, convention_name(c->kind));
    html_put_value_cell(out, "AP", c->figures.ap);
    html_put_value_cell(out, "AP50", c->figures.ap50);
    html_put_value_cell(out, "AP75", c->figures.ap75);
    str_buf_puts(out, "</tr>\n");
}

static void put_point(const struct convention_result *c, struct str_buf *out)
{
    if (!isfinite(c->figures.f1))
        return;
    str_buf_printf(out, "<p class=\"soft\">%s: precision ", convention_name(c->kind));
    html_put_value(out, c->figures.precision, 3);
    str_buf_puts(out, ", recall ");
    html_put_value(out, c->figures.recall, 3);
    str_buf_puts(out, ", F1 ");
    html_put_value(out, c->figures.f1, 3);
    str_buf_puts(out, ", means over classes at confidence ");
    html_put_value(out, c->figures.confidence, 3);
    str_buf_puts(out, ".</p>\n");
}

static const struct convention_result *find_coco(const struct evaluation *e)
{
    for (size_t i = 0; i < e->n_conventions; i++) {
        if (e->conventions[i].kind == CONVENTION_COCO)
            return &e->conventions[i];
    }
    return NULL;
}

void html_put_conventions(const struct evaluation *e, struct str_buf *out)
{
    if (e->n_conventions == 0)
        return;
    html_begin_section(out, "conventions", "By other conventions");
    str_buf_puts(out, "<p>The same detections as other evaluations count them.</p>\n<table><thead>"
                      "<tr><th>Convention</th><th>AP</th><th>AP50</th><th>AP75</th></tr></thead>"
                      "<tbody>\n");
    for (size_t i = 0; i < e->n_conventions; i++)
        put_row(&e->conventions[i], out);
    str_buf_puts(out, "</tbody></table>\n");
    for (size_t i = 0; i < e->n_conventions; i++)
        put_point(&e->conventions[i], out);
    for (size_t i = 0; i < e->n_conventions; i++)
        put_causes(&e->conventions[i], find_coco(e), out);
    html_end_section(out);
}
