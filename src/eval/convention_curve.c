// SPDX-License-Identifier: Apache-2.0
// convention_curve.c - four ways to read one area off a curve of precision over recall.
//
// Recall rises, so that of equal recalls only the last and the envelope matter. The envelope at a
// recall is the largest precision at that recall or beyond.

#include "eval/convention_priv.h"

#include <assert.h>
#include <stdbool.h>

#include "base/attr.h"

static void make_envelope(double *precision, size_t n)
{
    for (size_t i = n; i-- > 1;)
        precision[i - 1] = MAX(precision[i], precision[i - 1]);
}

// The mean of the envelope at *n_points* recalls from 0 to 1.
static double mean_at_points(const struct convention_points *p, size_t n_points)
{
    double sum = 0;
    size_t at = 0;
    for (size_t i = 0; i < n_points; i++) {
        double recall = i + 1 == n_points ? 1 : (double)i * (1 / (double)(n_points - 1));
        while (at < p->n && p->recall[at] < recall)
            at++;
        sum += at < p->n ? p->precision[at] : 0;
    }
    return sum / (double)n_points;
}

static double whole_area(const struct convention_points *p)
{
    double sum = 0;
    double before = 0;
    for (size_t i = 0; i < p->n; i++) {
        sum += (p->recall[i] - before) * p->precision[i];
        before = p->recall[i];
    }
    return sum;
}

// Ultralytics' envelope at recall *x*: from (0, highest precision) linear from point to point, 0 at
// the last recall and beyond. *at*: how many points have a recall of at most *x*.
static double interpolated(const struct convention_points *p, size_t at, double x)
{
    if (at == p->n)
        return 0;
    double before = at > 0 ? p->recall[at - 1] : 0;
    // The sentinel in front has precision 1, so the envelope begins there.
    double from = at > 0 ? p->precision[at - 1] : 1;
    if (x == before)
        return from;
    return (p->precision[at] - from) / (p->recall[at] - before) * (x - before) + from;
}

static double trapezoids(const struct convention_points *p)
{
    const size_t n_points = 101;
    double sum = 0;
    double last = 0;
    size_t at = 0;
    for (size_t i = 0; i < n_points; i++) {
        double x = i + 1 == n_points ? 1 : (double)i * .01;
        while (at < p->n && p->recall[at] <= x)
            at++;
        double y = interpolated(p, at, x);
        if (i > 0)
            sum += (last + y) / 2 * .01;
        last = y;
    }
    return sum;
}

double convention_area(enum convention_curve curve, struct convention_points *p)
{
    make_envelope(p->precision, p->n);
    switch (curve) {
    case CONVENTION_POINTS_101:
        return mean_at_points(p, 101);
    case CONVENTION_POINTS_11:
        return mean_at_points(p, 11);
    case CONVENTION_POINTS_ALL:
        return whole_area(p);
    case CONVENTION_TRAPEZOID:
        return trapezoids(p);
    case CONVENTION_CURVE_UNSET:
        break;
    }
    assert(!"a curve");
    return 0;
}

double convention_at(const double *confidence, const double *values, size_t n, double x,
                     double left)
{
    size_t lo = 0; // points before have at least the confidence x
    size_t hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (confidence[mid] >= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return left;
    if (lo == n || confidence[lo - 1] == x)
        return values[lo - 1];
    double slope = (values[lo] - values[lo - 1]) / (confidence[lo - 1] - confidence[lo]);
    return slope * (confidence[lo - 1] - x) + values[lo - 1];
}

void convention_smooth(const double *values, size_t n, size_t width, double *ret)
{
    const ptrdiff_t half = (ptrdiff_t)(width / 2);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        double sum = 0;
        for (ptrdiff_t j = i - half; j <= i + half; j++)
            sum += values[MAX(0, MIN(j, (ptrdiff_t)n - 1))];
        ret[i] = sum / (double)width;
    }
}
