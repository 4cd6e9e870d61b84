// SPDX-License-Identifier: Apache-2.0
// operating.h - precision, recall and F1 at one IoU against the confidence threshold.
//
// Matching is COCO's greedy one over all detections (no cut by number): by falling confidence each
// takes the free truth it overlaps most. Who is matched never depends on detections of lower
// confidence, so one pass gives every threshold's figures. Detections matched to ignored truth
// count neither way.
//
// Ownership: results live in the arena handed in.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct match_groups;

// Figures without data are NaN: precision without detections, recall and F1 without truth.
struct operating_point {
    double confidence; // detections of at least this confidence count; NaN: there is none
    double precision, recall, f1;
    int64_t true_positives, false_positives, false_negatives;
};

// One point per distinct confidence, falling.
struct operating_curve {
    struct operating_point *points;
    size_t n;
    int64_t n_truths;
};

struct operating {
    double iou;
    struct operating_curve overall;  // classes pooled
    struct operating_curve *classes; // [class]
    size_t n_classes;
};

// ERR_NOMEM.
int operating_run(const struct match_groups *groups, double iou, struct arena *a,
                  struct operating *ret_operating) MUST_CHECK;

// Figures when detections below *confidence* are left out.
struct operating_point operating_at(const struct operating_curve *c, double confidence);
// The point of the highest F1, of the highest confidence among equals; confidence NaN where no F1
// exists.
struct operating_point operating_best(const struct operating_curve *c);
