// SPDX-License-Identifier: Apache-2.0
// svg.h - a chart that stretches with the page: lines and areas are SVG, its words HTML beside it,
// so that letters keep their size at any width.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>

struct str_buf;

// Of the drawing's own units, in which the plot is SVG_SIDE x SVG_SIDE.
enum {
    SVG_SIDE = 1000,
};

struct svg_plot {
    struct str_buf *out;
    double x_min, x_max, y_min, y_max; // of the data; the plot's corners
};

// *kind* is a CSS class of the plot, *title* what a reader hears who sees no picture (escaped).
void svg_begin(const struct svg_plot *p, const char *kind, const char *title);
void svg_end_drawing(const struct svg_plot *p); // labels follow
void svg_end(const struct svg_plot *p);

double svg_x(const struct svg_plot *p, double x); // clamped to the plot; NaN: 0
double svg_y(const struct svg_plot *p, double y);

// In the drawing:
void svg_line(const struct svg_plot *p, const char *kind, double x1, double y1, double x2,
              double y2);
void svg_path_begin(const struct svg_plot *p, const char *kind);
void svg_path_to(const struct svg_plot *p, double x, double y);
void svg_path_move(const struct svg_plot *p, double x, double y);
void svg_path_end(const struct svg_plot *p);
void svg_grid(const struct svg_plot *p, const double *xs, size_t n_xs, const double *ys,
              size_t n_ys);

// Behind the drawing:
void svg_x_label(const struct svg_plot *p, double x, const char *text);
void svg_y_label(const struct svg_plot *p, double y, const char *text);
