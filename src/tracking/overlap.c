// SPDX-License-Identifier: Apache-2.0
// overlap.c - overlaps of boxes in float64, in the order of operations of the published
// figures.

#include "tracking/tracking_priv.h"

static double box_area64(const struct tracking_box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

static double shared_area(const struct tracking_box *a, const struct tracking_box *b)
{
    double w = MIN(a->x2, b->x2) - MAX(a->x1, b->x1);
    double h = MIN(a->y2, b->y2) - MAX(a->y1, b->y1);
    return MAX(w, 0) * MAX(h, 0);
}

static double iou64(const struct tracking_box *a, double area_a, const struct tracking_box *b)
{
    // Most pairs of a frame: what does not overlap is 0 whatever the areas are.
    if (a->x2 <= b->x1 || b->x2 <= a->x1 || a->y2 <= b->y1 || b->y2 <= a->y1)
        return 0;
    double shared = shared_area(a, b);
    double area_b = box_area64(b);
    double all = area_a + area_b - shared;
    // Also boxes of negative size, whose areas may come out positive: they share nothing.
    if (area_a <= TRACKING_EPS || area_b <= TRACKING_EPS || all <= TRACKING_EPS)
        return 0;
    return shared / all;
}

void tracking_similarity(const struct tracking_frame *f, double *ret_similarity)
{
    for (size_t i = 0; i < f->n; i++) {
        double area = box_area64(&f->truth[i]);
        for (size_t j = 0; j < f->m; j++)
            *ret_similarity++ = iou64(&f->truth[i], area, &f->results[j]);
    }
}

double tracking_inside(const struct tracking_box *box, const struct tracking_box *region)
{
    double area = box_area64(box);
    return area > TRACKING_EPS ? shared_area(box, region) / area : 0;
}

double tracking_sum(const double *v, size_t n)
{
    if (n < 8) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += v[i];
        return sum;
    }
    if (n > 128) {
        size_t half = n / 2 - (n / 2) % 8;
        return tracking_sum(v, half) + tracking_sum(v + half, n - half);
    }
    double lanes[8];
    size_t i = 0;
    for (; i < 8; i++)
        lanes[i] = v[i];
    for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; k++)
            lanes[k] += v[i + k];
    }
    double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                 ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    for (; i < n; i++)
        sum += v[i];
    return sum;
}
