// SPDX-License-Identifier: Apache-2.0
// coco.h - average precision and recall the way the COCO evaluation defines them, to the last bit.
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

enum {
    COCO_MAX_IOUS = 32,
    COCO_MAX_AREAS = 8,
    COCO_MAX_CUTS = 8,
    COCO_N_RECALLS = 101, // recall points 0, .01 .. 1
};

struct coco_area {
    const char *name; // "all", "small"
    double min, max;  // of the object's area in square pixels, both inclusive
};

// Zero is the default: IoU .50:.05:.95, areas all/small/medium/large, cuts 1, 10, 100.
struct coco_opts {
    double ious[COCO_MAX_IOUS]; // ascending, above 0, at most 1
    size_t n_ious;
    struct coco_area areas[COCO_MAX_AREAS];
    size_t n_areas;
    int cuts[COCO_MAX_CUTS]; // most detections judged per picture and class, ascending
    size_t n_cuts;
};

// Fills what is zero with COCO's values. ERR_INVALID: a value out of range or out of order.
int coco_opts_complete(struct coco_opts *opts) MUST_CHECK;

struct coco {
    struct coco_opts opts;
    size_t n_classes;
    // A column of the tables below for each class with truth, in the order of the classes: what a
    // class without costs must not be more than the line that names it.
    size_t n_columns;
    int32_t *columns; // [class]; -1: no truth
    // [area][iou][recall][column] at the last cut: precision, made monotone; -1: no truth
    double *precision;
    // [area][cut][iou][column]: the highest recall; -1: no truth
    double *recall;
    double *scratch;  // of the means: [iou][recall][column]
    size_t *n_truths; // [class]: judged, not ignored, any area
    size_t n_cut;     // detections beyond the last cut, all classes
};

// ERR_INVALID, ERR_NOMEM. *opts* NULL: the defaults.
int coco_run(const struct match_groups *groups, const struct coco_opts *opts, struct arena *a,
             struct coco *ret_coco) MUST_CHECK;

// Which part of the results a figure averages.
enum {
    COCO_ANY = -1, // every IoU, every class
};

// The mean over what has truth; NaN where nothing has. *iou*: index in opts.ious or COCO_ANY;
// *class_index* likewise.
double coco_ap(const struct coco *c, int iou, size_t area, int class_index);
double coco_ar(const struct coco *c, int iou, size_t area, size_t cut, int class_index);
// Index of the IoU threshold (to 1e-9) or of the area's name; -1: not among them.
int coco_find_iou(const struct coco *c, double iou);
int coco_find_area(const struct coco *c, const char *name);
