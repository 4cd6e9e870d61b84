// SPDX-License-Identifier: Apache-2.0
// nms.c - greedy suppression in place, without memory of its own.
//
// INVARIANTS
// (1) While sorting, track_id is the place of arrival: a total order makes any sort a stable one.
// (2) While thinning, track_id of a kept detection is the index of the one kept before it in its
//     bucket, so that a candidate meets only the kept ones of its own bucket: classes cost nothing
//     to each other. Detections that are kept move to the front and stay in order.

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

enum {
    N_BUCKETS = 256, // of classes, by the low bits of their ids
    END_OF_CHAIN = -1,
};

struct thinning {
    float iou_limit;
    bool is_per_class;
    int last_kept[N_BUCKETS];
};

static unsigned bucket_of(const struct thinning *t, const struct detection *d)
{
    return t->is_per_class ? (unsigned)d->class_id % N_BUCKETS : 0;
}

static bool is_suppressed(const struct thinning *t, const struct detection *kept,
                          const struct detection *d)
{
    struct box b = d->box;
    for (int i = t->last_kept[bucket_of(t, d)]; i != END_OF_CHAIN; i = kept[i].track_id) {
        const struct box *k = &kept[i].box;
        if (k->x1 >= b.x2 || b.x1 >= k->x2 || k->y1 >= b.y2 || b.y1 >= k->y2)
            continue; // apart: most pairs end here
        if (t->is_per_class && kept[i].class_id != d->class_id)
            continue;
        if (box_iou(*k, b) > t->iou_limit)
            return true;
    }
    return false;
}

static size_t thin(struct thinning *t, struct detection *d, size_t n, size_t max_kept)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < n && n_kept < max_kept; i++) {
        if (t->iou_limit < 1 && is_suppressed(t, d, &d[i]))
            continue; // (no overlap is above 1: with such a limit only the order is wanted)
        unsigned bucket = bucket_of(t, &d[i]);
        d[n_kept] = d[i];
        d[n_kept].track_id = t->last_kept[bucket];
        t->last_kept[bucket] = (int)n_kept++;
    }
    return n_kept;
}

size_t nms_run(struct detection *d, size_t n, float iou_limit, enum nms_scope scope,
               size_t max_kept)
{
    assert(iou_limit >= 0 && n <= INT_MAX);
    for (size_t i = 0; i < n; i++)
        d[i].track_id = (int)i;
    if (n > 1)
        qsort(d, n, sizeof(*d), compare_confidence);

    struct thinning t = {.iou_limit = iou_limit, .is_per_class = scope != NMS_ALL};
    for (int i = 0; i < N_BUCKETS; i++)
        t.last_kept[i] = END_OF_CHAIN;
    size_t n_kept = thin(&t, d, n, max_kept ? max_kept : n);
    for (size_t i = 0; i < n_kept; i++)
        d[i].track_id = 0;
    return n_kept;
}
