// SPDX-License-Identifier: Apache-2.0
// convention_priv.h - areas under curves, shared by the conventions.
#pragma once

#include <stddef.h>

#include "eval/convention.h"

// A curve of one class and IoU: by falling confidence, without what is ignored.
struct convention_points {
    double *recall, *precision;
    double *confidence; // falling
    size_t n;
};

// The area under *p*; makes its precision an envelope.
double convention_area(enum convention_curve curve, struct convention_points *p);
// numpy.interp(-x, -confidence, values, left): the value of a curve at confidence *x*, linear
// between points.
double convention_at(const double *confidence, const double *values, size_t n, double x,
                     double left);
// The mean of *n* values around each, the ends repeated; *width* is odd.
void convention_smooth(const double *values, size_t n, size_t width, double *ret);
