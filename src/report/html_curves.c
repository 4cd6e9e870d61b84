// SPDX-License-Identifier: Apache-2.0
// html_curves.c - precision, recall and F1 against confidence, and precision against recall by
// class.

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/evaluation.h"
#include "report/html.h"
#include "report/html_priv.h"
#include "report/svg.h"

enum {
    MAX_POINTS = 240, // of a drawn line
    MAX_CLASSES = 24, // with a drawing of their own
};

static const double quarters[] = {0, .25, .5, .75, 1};
static const char *const quarter_names[] = {"0", "0.25", "0.5", "0.75", "1"};
static const double halves[] = {0, .5, 1};
static const char *const half_names[] = {"0", "0.5", "1"};

// --- against confidence

static double value_of(const struct operating_point *p, int which)
{
    return which == 0 ? p->precision : which == 1 ? p->recall : p->f1;
}

// One value at each of MAX_POINTS confidences; gaps where there is none.
static void put_sweep_line(const struct svg_plot *p, const struct operating_curve *c, int which,
                           const char *kind)
{
    bool is_down = false; // the pen
    svg_path_begin(p, kind);
    for (int i = 0; i <= MAX_POINTS; i++) {
        const double x = p->x_min + (p->x_max - p->x_min) * i / MAX_POINTS;
        const struct operating_point at = operating_at(c, x);
        const double y = value_of(&at, which);
        if (isfinite(y) && is_down)
            svg_path_to(p, x, y);
        else if (isfinite(y))
            svg_path_move(p, x, y);
        is_down = isfinite(y);
    }
    svg_path_end(p);
}

static void put_tag(const struct svg_plot *p, double x, const char *words, double value)
{
    const double at = svg_x(p, x) * 100 / SVG_SIDE;
    str_buf_printf(p->out, "<span class=\"tag%s\" style=\"left:%.2f%%\">%s %.3f</span>",
                   at > 50 ? " left" : "", at, words, value);
}

static void put_x_labels(const struct svg_plot *p)
{
    for (size_t i = 0; i < ARRAY_LEN(quarters); i++) {
        struct str_buf text = STR_BUF_INIT(64);
        str_buf_printf(&text, "%.3g", p->x_min + (p->x_max - p->x_min) * quarters[i]);
        svg_x_label(p, p->x_min + (p->x_max - p->x_min) * quarters[i], str_buf_text(&text));
        str_buf_finish(&text);
    }
}

static void put_sweep_plot(const struct evaluation *e, struct str_buf *out)
{
    const struct operating_curve *c = &e->curve;
    const struct svg_plot p = {.out = out,
                               .x_min = MIN(0, c->points[c->n - 1].confidence),
                               .x_max = MAX(1, c->points[0].confidence),
                               .y_max = 1};
    double xs[ARRAY_LEN(quarters)];
    for (size_t i = 0; i < ARRAY_LEN(xs); i++)
        xs[i] = p.x_min + (p.x_max - p.x_min) * quarters[i];
    svg_begin(&p, "sweep", "Precision, recall and F1 against the confidence threshold");
    svg_grid(&p, xs, ARRAY_LEN(xs), quarters, ARRAY_LEN(quarters));
    svg_line(&p, "at", e->at.confidence, 0, e->at.confidence, 1);
    put_sweep_line(&p, c, 0, "one");
    put_sweep_line(&p, c, 1, "two");
    put_sweep_line(&p, c, 2, "both");
    if (isfinite(e->best.confidence))
        svg_line(&p, "best", e->best.confidence, 0, e->best.confidence, 1);
    svg_end_drawing(&p);
    put_x_labels(&p);
    for (size_t i = 0; i < ARRAY_LEN(quarters); i++)
        svg_y_label(&p, quarters[i], quarter_names[i]);
    if (isfinite(e->best.confidence))
        put_tag(&p, e->best.confidence, "best", e->best.confidence);
    svg_end(&p);
}

static void put_sweep(const struct evaluation *e, struct str_buf *out)
{
    html_begin_section(out, "confidence", "Which confidence to ask for");
    if (e->curve.n == 0 || e->n_truths == 0) {
        str_buf_puts(out, "<p class=\"none\">No data: this needs detections and truth.</p>\n");
        html_end_section(out);
        return;
    }
    str_buf_puts(
        out, "<p>Detections below the threshold are given up: a higher one is right more often and "
             "finds less. The green mark is the highest F1, the dashed grey line the "
             "confidence of this report.</p>\n"
             "<ul class=\"legend\"><li><i class=\"rule one\"></i>precision</li>"
             "<li><i class=\"rule two\"></i>recall</li>"
             "<li><i class=\"rule both\"></i>F1</li></ul>\n<figure class=\"gap\">");
    put_sweep_plot(e, out);
    str_buf_puts(out, "<p class=\"soft axes\">Confidence threshold</p></figure>\n");
    html_end_section(out);
}

// --- precision against recall

// Precision as average precision counts it: the best at this recall or beyond.
static void put_recall_line(const struct svg_plot *p, const struct operating_curve *c,
                            const double *best, const char *kind, bool is_area)
{
    const double last = c->points[c->n - 1].recall;
    svg_path_begin(p, kind);
    svg_path_move(p, 0, is_area ? 0 : best[0]);
    svg_path_to(p, 0, best[0]);
    size_t k = 0;
    double was = best[0];
    for (int i = 1; i <= MAX_POINTS; i++) {
        const double recall = last * i / MAX_POINTS;
        while (k + 1 < c->n && c->points[k].recall < recall - 1e-12)
            k++;
        if (best[k] == was && i < MAX_POINTS)
            continue;
        svg_path_to(p, last * (i - 1) / MAX_POINTS, was);
        svg_path_to(p, recall, best[k]);
        was = best[k];
    }
    svg_path_to(p, last, 0);
    if (is_area)
        svg_path_to(p, 0, 0);
    svg_path_end(p);
}

static int monotone(const struct operating_curve *c, double **ret)
{
    double *best = mem_array(double, c->n);
    if (!best)
        return ERR_NOMEM;
    double most = 0;
    for (size_t i = c->n; i-- > 0;) {
        if (c->points[i].precision > most)
            most = c->points[i].precision;
        best[i] = most;
    }
    *ret = best;
    return 0;
}

static void put_recall_plot(const struct evaluation_class *c, struct str_buf *out)
{
    const struct svg_plot p = {.out = out, .x_max = 1, .y_max = 1};
    double *best;
    if (monotone(&c->curve, &best) < 0) {
        out->failed = ERR_NOMEM;
        return;
    }
    svg_begin(&p, "small", "Precision against recall");
    svg_grid(&p, quarters, ARRAY_LEN(quarters), quarters, ARRAY_LEN(quarters));
    put_recall_line(&p, &c->curve, best, "area", true);
    put_recall_line(&p, &c->curve, best, "one", false);
    svg_end_drawing(&p);
    for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
        svg_x_label(&p, halves[i], half_names[i]);
        svg_y_label(&p, halves[i], half_names[i]);
    }
    svg_end(&p);
    mem_free(best);
}

static void put_recall_class(const struct evaluation_class *c, struct str_buf *out)
{
    str_buf_puts(out, "<figure><h3><span>");
    html_put_text(out, c->label[0] ? c->label : "(no name)");
    str_buf_puts(out, "</span><span>AP50 ");
    html_put_value(out, c->coco.ap50, 3);
    str_buf_puts(out, "</span></h3>");
    if (c->n_truths > 0 && c->curve.n > 0)
        put_recall_plot(c, out);
    else
        str_buf_printf(out, "<p class=\"none\">%s</p>",
                       c->n_truths == 0 ? "no truth of this class" : "no detections of this class");
    str_buf_puts(out, "</figure>\n");
}

// Whether a class is among the MAX_CLASSES with the most truths.
static bool is_drawn(const struct evaluation *e, size_t k)
{
    size_t n_before = 0;
    for (size_t i = 0; i < e->n_classes && n_before < MAX_CLASSES; i++)
        n_before += e->classes[i].n_truths > e->classes[k].n_truths ||
                    (e->classes[i].n_truths == e->classes[k].n_truths && i < k);
    return n_before < MAX_CLASSES;
}

static void put_recall(const struct evaluation *e, struct str_buf *out)
{
    html_begin_section(out, "precision-recall", "Precision against recall");
    str_buf_puts(out, "<p>How often detections are right (upwards) when so many of the objects "
                      "are to be found (to the right). The area is AP50.");
    if (e->n_classes > MAX_CLASSES)
        str_buf_printf(out, " The %d classes with the most objects, of %zu.", MAX_CLASSES,
                       e->n_classes);
    str_buf_printf(out, "</p>\n<div class=\"multiples%s\">\n", e->n_classes == 1 ? " single" : "");
    for (size_t k = 0; k < e->n_classes; k++) {
        if (is_drawn(e, k))
            put_recall_class(&e->classes[k], out);
    }
    str_buf_puts(out, "</div>\n");
    if (e->n_classes == 0)
        str_buf_puts(out, "<p class=\"none\">No data: no class was judged.</p>\n");
    html_end_section(out);
}

void html_put_curves(const struct html_report *h, struct str_buf *out)
{
    put_sweep(h->evaluation, out);
    put_recall(h->evaluation, out);
}
