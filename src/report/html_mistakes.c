// SPDX-License-Identifier: Apache-2.0
// html_mistakes.c - where the truth may be wrong, the likeliest first.

#include <inttypes.h>

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/mistakes.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_MISTAKES = 50,
};

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
    html_begin_row(out, kinds[m->kind]);
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

void html_put_mistakes(const struct mistakes *m, struct str_buf *out)
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
