// SPDX-License-Identifier: Apache-2.0
// nms.c - greedy suppression in place, without memory of its own.
//
// The detections are ordered by class first (scope permitting), each class is thinned by itself,
// and the survivors are ordered by confidence. Order among equal confidences is the order of
// arrival, which track_id holds meanwhile: a total order makes any sort a stable one.

#include "vision/nms.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

// From high to low, not-a-number last; then by arrival.
static int compare_confidence(const void *pa, const void *pb)
{
    const struct detection *a = (const struct detection *)pa;
    const struct detection *b = (const struct detection *)pb;
    if (a->confidence > b->confidence)
        return -1;
    if (a->confidence < b->confidence)
        return 1;
    bool a_is_nan = isnan(a->confidence);
    bool b_is_nan = isnan(b->confidence);
    if (a_is_nan != b_is_nan)
        return a_is_nan ? 1 : -1;
    return (a->track_id > b->track_id) - (a->track_id < b->track_id);
}

static int compare_class(const void *pa, const void *pb)
{
    const struct detection *a = (const struct detection *)pa;
    const struct detection *b = (const struct detection *)pb;
    if (a->class_id != b->class_id)
        return a->class_id < b->class_id ? -1 : 1;
    return compare_confidence(pa, pb);
}

static bool overlaps_any(const struct detection *kept, size_t n, struct box b, float iou_limit)
{
    for (size_t i = 0; i < n; i++) {
        const struct box *k = &kept[i].box;
        if (k->x1 >= b.x2 || b.x1 >= k->x2 || k->y1 >= b.y2 || b.y1 >= k->y2)
            continue; // apart: most pairs end here
        if (box_iou(*k, b) > iou_limit)
            return true;
    }
    return false;
}

// *d*, sorted, is thinned to its first elements; returns how many. Ends at *max_kept*: what follows
// is less confident than all of those.
static size_t thin(struct detection *d, size_t n, float iou_limit, size_t max_kept)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < n && n_kept < max_kept; i++) {
        if (!overlaps_any(d, n_kept, d[i].box, iou_limit))
            d[n_kept++] = d[i];
    }
    return n_kept;
}

static size_t thin_each_class(struct detection *d, size_t n, float iou_limit, size_t max_kept)
{
    size_t n_kept = 0;
    size_t begin = 0;
    while (begin < n) {
        size_t end = begin + 1;
        while (end < n && d[end].class_id == d[begin].class_id)
            end++;
        size_t m = thin(d + begin, end - begin, iou_limit, max_kept);
        for (size_t i = 0; i < m; i++)
            d[n_kept++] = d[begin + i];
        begin = end;
    }
    return n_kept;
}

size_t nms_run(struct detection *d, size_t n, float iou_limit, enum nms_scope scope,
               size_t max_kept)
{
    assert(iou_limit >= 0 && n <= INT_MAX);
    if (n == 0)
        return 0;
    if (max_kept == 0)
        max_kept = n;
    for (size_t i = 0; i < n; i++)
        d[i].track_id = (int)i;

    size_t n_kept;
    if (scope == NMS_ALL) {
        qsort(d, n, sizeof(*d), compare_confidence);
        n_kept = thin(d, n, iou_limit, max_kept);
    } else {
        qsort(d, n, sizeof(*d), compare_class);
        n_kept = thin_each_class(d, n, iou_limit, max_kept);
        qsort(d, n_kept, sizeof(*d), compare_confidence);
    }
    n_kept = n_kept < max_kept ? n_kept : max_kept;
    for (size_t i = 0; i < n_kept; i++)
        d[i].track_id = 0;
    return n_kept;
}
