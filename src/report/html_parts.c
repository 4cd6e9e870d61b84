// SPDX-License-Identifier: Apache-2.0
// html_parts.c - the figures of parts that --slice-by asked for, and those of MOT17Det.

#include <math.h>

#include "base/str.h"
#include "eval/evaluation.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_ROWS = 200, // of one attribute
};

// --- parts

static void put_part(const struct slice_part *s, struct str_buf *out)
{
    html_begin_row(out, s->value);
    html_put_count_cell(out, "Frames", (int64_t)s->n_pictures);
    html_put_count_cell(out, "Objects", (int64_t)s->n_truths);
    html_put_count_cell(out, "Missed", s->at.false_negatives);
    html_put_value_cell(out, "Recall", s->at.recall);
    if (!s->of_truths) {
        html_put_count_cell(out, "False alarms", s->at.false_positives);
        html_put_value_cell(out, "Precision", s->at.precision);
        html_put_value_cell(out, "F1", s->at.f1);
    }
    html_put_value_cell(out, "AP", s->ap);
    html_put_value_cell(out, "AP50", s->ap50);
    html_put_value_cell(out, "AR", s->ar);
    str_buf_puts(out, "</tr>\n");
}

static void begin_parts(const struct slice_part *s, struct str_buf *out)
{
    str_buf_puts(out, "<table><caption>");
    str_buf_puts(out, s->of_truths ? "Objects by " : "By ");
    html_put_text(out, s->by);
    str_buf_printf(out,
                   "</caption><thead><tr><th>Part</th><th>Frames</th><th>Objects</th>"
                   "<th>Missed</th><th>Recall</th>%s<th>AP</th><th>AP50</th><th>AR</th></tr>"
                   "</thead><tbody>\n",
                   s->of_truths ? "" : "<th>False alarms</th><th>Precision</th><th>F1</th>");
}

// One attribute's. Returns how many parts it has.
static size_t put_parts_of(const struct slice_part *parts, size_t n, struct str_buf *out)
{
    size_t k = 0;
    begin_parts(&parts[0], out);
    for (; k < n && str_is(str_of(parts[k].by), parts[0].by); k++) {
        if (k < MAX_ROWS)
            put_part(&parts[k], out);
    }
    str_buf_puts(out, "</tbody></table>\n");
    if (k > MAX_ROWS)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu parts.</p>\n", MAX_ROWS, k);
    return k;
}

void html_put_parts(const struct evaluation *e, struct str_buf *out)
{
    if (e->n_slices == 0)
        return;
    html_begin_section(out, "parts", "Figures of parts");
    str_buf_puts(out, "<p>A part of the frames, or a class, is judged as if the rest did not "
                      "exist. Where objects are told apart, the others are not judged: a false "
                      "alarm belongs to none of these parts, so there is no precision, and an AP "
                      "only for sizes. Counts, precision and recall at confidence ");
    str_buf_double(out, e->at.confidence);
    str_buf_puts(out, ".</p>\n");
    for (size_t i = 0; i < e->n_slices;)
        i += put_parts_of(&e->slices[i], e->n_slices - i, out);
    html_end_section(out);
}

// --- MOT17Det

void html_put_motdet(const struct evaluation *e, struct str_buf *out)
{
    const struct motdet *m = &e->motdet;
    if (!e->opts.wants_motdet)
        return;
    html_begin_section(out, "mot17det", "By the rules of MOT17Det");
    str_buf_puts(out, "<p>Its own choice of what counts, its own matching, and an AP of eleven "
                      "recalls.</p>\n<table><thead><tr><th></th><th>AP</th><th>MODA</th>"
                      "<th>MODP</th><th>Recall</th><th>Precision</th><th>Objects</th><th>Found</th>"
                      "<th>Missed</th><th>False alarms</th></tr></thead><tbody>\n");
    html_begin_row(out, "MOT17Det");
    html_put_value_cell(out, "AP", m->ap);
    html_put_value_cell(out, "MODA", m->moda);
    html_put_value_cell(out, "MODP", m->modp);
    html_put_value_cell(out, "Recall", m->recall);
    html_put_value_cell(out, "Precision", m->precision);
    html_put_count_cell(out, "Objects", m->n_truths);
    html_put_count_cell(out, "Found", m->true_positives);
    html_put_count_cell(out, "Missed", m->false_negatives);
    html_put_count_cell(out, "False alarms", m->false_positives);
    str_buf_puts(out, "</tr>\n</tbody></table>\n");
    html_end_section(out);
}
