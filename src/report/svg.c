// SPDX-License-Identifier: Apache-2.0
// svg.c - a chart that stretches with the page.

#include "report/svg.h"

#include <math.h>

#include "base/attr.h"
#include "base/str.h"
#include "report/html_priv.h"

static double place(double v, double min, double max)
{
    double at = (v - min) / (max - min);
    if (!isfinite(at))
        return 0;
    return MIN(MAX(at, 0), 1);
}

double svg_x(const struct svg_plot *p, double x)
{
    return SVG_SIDE * place(x, p->x_min, p->x_max);
}

double svg_y(const struct svg_plot *p, double y)
{
    return SVG_SIDE * (1 - place(y, p->y_min, p->y_max));
}

void svg_begin(const struct svg_plot *p, const char *kind, const char *title)
{
    str_buf_printf(p->out, "<div class=\"plot %s\" role=\"img\" aria-label=\"", kind);
    html_put_text(p->out, title);
    str_buf_printf(p->out, "\"><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">", SVG_SIDE,
                   SVG_SIDE);
}

void svg_end_drawing(const struct svg_plot *p)
{
    str_buf_puts(p->out, "</svg>");
}

void svg_end(const struct svg_plot *p)
{
    str_buf_puts(p->out, "</div>\n");
}

void svg_line(const struct svg_plot *p, const char *kind, double x1, double y1, double x2,
              double y2)
{
    str_buf_printf(p->out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                   kind, svg_x(p, x1), svg_y(p, y1), svg_x(p, x2), svg_y(p, y2));
}

void svg_path_begin(const struct svg_plot *p, const char *kind)
{
    str_buf_printf(p->out, "<path class=\"%s\" d=\"", kind);
}

void svg_path_move(const struct svg_plot *p, double x, double y)
{
    str_buf_printf(p->out, "M%.1f %.1f", svg_x(p, x), svg_y(p, y));
}

void svg_path_to(const struct svg_plot *p, double x, double y)
{
    str_buf_printf(p->out, "L%.1f %.1f", svg_x(p, x), svg_y(p, y));
}

void svg_path_end(const struct svg_plot *p)
{
    str_buf_puts(p->out, "\"/>");
}

void svg_grid(const struct svg_plot *p, const double *xs, size_t n_xs, const double *ys,
              size_t n_ys)
{
    for (size_t i = 0; i < n_xs; i++)
        svg_line(p, "grid", xs[i], p->y_min, xs[i], p->y_max);
    for (size_t i = 0; i < n_ys; i++)
        svg_line(p, "grid", p->x_min, ys[i], p->x_max, ys[i]);
}

void svg_x_label(const struct svg_plot *p, double x, const char *text)
{
    str_buf_printf(p->out, "<span class=\"x\" style=\"left:%.2f%%\">",
                   svg_x(p, x) * 100 / SVG_SIDE);
    html_put_text(p->out, text);
    str_buf_puts(p->out, "</span>");
}

void svg_y_label(const struct svg_plot *p, double y, const char *text)
{
    str_buf_printf(p->out, "<span class=\"y\" style=\"top:%.2f%%\">", svg_y(p, y) * 100 / SVG_SIDE);
    html_put_text(p->out, text);
    str_buf_puts(p->out, "</span>");
}
