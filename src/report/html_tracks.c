// SPDX-License-Identifier: Apache-2.0
// html_tracks.c - HOTA, CLEAR and Identity: by class, by group, by video, and by IoU.

#include <math.h>

#include "base/str.h"
#include "report/html.h"
#include "report/html_priv.h"
#include "report/svg.h"
#include "tracking/tracking.h"

enum {
    MAX_ROWS = 200,
};

struct family {
    const char *caption;
    const char *columns[12]; // up to NULL
};

static const struct family families[] = {
    {"HOTA: finding objects (DetA) and keeping their identity (AssA) weigh alike",
     {"HOTA", "DetA", "AssA", "LocA", "DetRe", "DetPr", "AssRe", "AssPr"}},
    {"CLEAR: misses (FN), false ones (FP), changed identities (IDSW), tracks mostly found (MT), "
     "partly (PT), mostly lost (ML), broken (Frag)",
     {"MOTA", "MOTP", "FN", "FP", "IDSW", "MT", "PT", "ML", "Frag"}},
    {"Identity: how much of each object's life one identity covers", {"IDF1", "IDP", "IDR"}},
};

static void put_cells(const struct family *family, const struct tracking_figures *f,
                      struct str_buf *out)
{
    for (const char *const *c = family->columns; *c; c++) {
        const struct tracking_row *row = tracking_row_find(*c);
        const double v = row ? tracking_value(f, row) : NAN;
        if (row && row->kind == TRACKING_COUNT && isfinite(v))
            html_put_count_cell(out, *c, (int64_t)v);
        else
            html_put_value_cell(out, *c, v);
    }
    str_buf_puts(out, "</tr>\n");
}

static void begin_table(const struct family *family, const char *first, struct str_buf *out)
{
    str_buf_printf(out, "<table><caption>%s</caption><thead><tr><th>%s</th>", family->caption,
                   first);
    for (const char *const *c = family->columns; *c; c++)
        str_buf_printf(out, "<th>%s</th>", *c);
    str_buf_puts(out, "</tr></thead><tbody>\n");
}

static void put_classes(const struct tracking_result *r, const struct family *family,
                        struct str_buf *out)
{
    begin_table(family, "Class", out);
    html_begin_row(out, "all");
    put_cells(family, &r->overall, out);
    for (size_t k = 0; k < MIN(r->n_classes, (size_t)MAX_ROWS) && r->n_classes > 1; k++) {
        if (!tracking_has_data(&r->classes[k].figures))
            continue;
        html_begin_row(out, r->classes[k].label);
        put_cells(family, &r->classes[k].figures, out);
    }
    if (r->n_classes > 1) {
        html_begin_row(out, "mean of classes");
        put_cells(family, &r->class_average, out);
    }
    for (size_t k = 0; k < r->n_groups; k++) {
        html_begin_row(out, r->groups[k].label);
        put_cells(family, &r->groups[k].figures, out);
    }
    str_buf_puts(out, "</tbody></table>\n");
}

static void put_videos(const struct tracking_result *r, struct str_buf *out)
{
    static const struct family few = {
        "By video", {"HOTA", "DetA", "AssA", "MOTA", "IDF1", "FN", "FP", "IDSW", "Frag"}};
    if (r->n_sequences < 2)
        return;
    begin_table(&few, "Video", out);
    for (size_t i = 0; i < MIN(r->n_sequences, (size_t)MAX_ROWS); i++) {
        html_begin_row(out, r->sequences[i].name);
        put_cells(&few, &r->sequences[i].overall, out);
    }
    str_buf_puts(out, "</tbody></table>\n");
    if (r->n_sequences > MAX_ROWS)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu videos.</p>\n", MAX_ROWS,
                       r->n_sequences);
}

// --- by IoU

static void put_alpha_line(const struct svg_plot *p, const char *kind, const double *values)
{
    svg_path_begin(p, kind);
    for (size_t i = 0; i < TRACKING_N_ALPHAS; i++) {
        const double alpha = .05 * (double)(i + 1);
        if (i == 0)
            svg_path_move(p, alpha, values[i]);
        else
            svg_path_to(p, alpha, values[i]);
    }
    svg_path_end(p);
}

static void put_alphas(const struct tracking_figures *f, struct str_buf *out)
{
    static const double marks[] = {0, .25, .5, .75, 1};
    static const char *const names[] = {"0", "0.25", "0.5", "0.75", "1"};
    const struct svg_plot p = {.out = out, .x_max = 1, .y_max = 1};
    str_buf_puts(out, "<h3 class=\"gap\">By the overlap that is asked for</h3>\n"
                      "<ul class=\"legend\"><li><i class=\"rule both\"></i>HOTA</li>"
                      "<li><i class=\"rule one\"></i>DetA</li>"
                      "<li><i class=\"rule two\"></i>AssA</li></ul>\n<figure>");
    svg_begin(&p, "time", "HOTA, DetA and AssA against the IoU threshold");
    svg_grid(&p, marks, ARRAY_LEN(marks), marks, ARRAY_LEN(marks));
    put_alpha_line(&p, "one", f->alphas.det_a);
    put_alpha_line(&p, "two", f->alphas.ass_a);
    put_alpha_line(&p, "both", f->alphas.hota);
    svg_end_drawing(&p);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        svg_x_label(&p, marks[i], names[i]);
        svg_y_label(&p, marks[i], names[i]);
    }
    svg_end(&p);
    str_buf_puts(out, "<p class=\"soft axes\">IoU threshold</p></figure>\n");
}

void html_put_tracks(const struct tracking_result *r, struct str_buf *out)
{
    html_begin_section(out, "tracks", "Tracks");
    if (!tracking_has_data(&r->overall)) {
        str_buf_puts(out, "<p class=\"none\">No data: neither truth nor detections have "
                          "tracks.</p>\n");
        html_end_section(out);
        return;
    }
    str_buf_puts(out, "<p>How well one thing keeps one identity");
    if (r->opts.rules > TRACKING_RULES_NONE)
        str_buf_printf(out, ", by the rules of %s", tracking_rules_name(r->opts.rules));
    str_buf_printf(out, ". CLEAR and Identity at IoU %g.", r->opts.iou_threshold);
    if (r->n_untracked > 0)
        str_buf_printf(out, " %zu detections without a track are left out.", r->n_untracked);
    str_buf_puts(out, "</p>\n");
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        put_classes(r, &families[i], out);
    put_alphas(&r->overall, out);
    put_videos(r, out);
    html_end_section(out);
}
