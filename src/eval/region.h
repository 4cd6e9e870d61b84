// SPDX-License-Identifier: Apache-2.0
// region.h - judging only a part of the picture.
//
// Where a box is, one point of it says: its centre, or the middle of its bottom edge. Truths whose
// point is outside the region of interest, or inside a region to be ignored, are ignored as COCO
// ignores crowds. Detections with such a point are left out, unless they overlap (IoU .5) a truth
// of their class and picture that counts: a box on the border is not a miss because its detection
// lies a pixel further out. Edges belong to a region.
//
// Ownership: the datasets stay the caller's and are changed.
// Threads: none.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct dataset;

enum {
    REGION_MAX_POINTS = 256,
};

enum region_point {
    REGION_POINT_UNSET, // the centre
    REGION_CENTRE,
    REGION_BOTTOM_CENTRE,
};

struct region {
    double x[REGION_MAX_POINTS], y[REGION_MAX_POINTS];
    size_t n; // 0: no region
};

// "x,y,w,h" or the corners of a polygon, "x1,y1,x2,y2,x3,y3,...". ERR_INVALID.
int region_parse(const char *text, struct region *ret_region) MUST_CHECK;
bool region_contains(const struct region *region, double x, double y);

struct region_opts {
    const struct region *interest; // NULL: the whole picture
    const struct region *ignored;
    size_t n_ignored;
    enum region_point point;
};

// Says in the notices of the detections how many objects it concerned. ERR_NOMEM.
int region_apply(struct dataset *truth, struct dataset *detections,
                 const struct region_opts *opts) MUST_CHECK;
