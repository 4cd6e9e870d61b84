// SPDX-License-Identifier: Apache-2.0
// convention.h - average precision as other tools define it, side by side with COCO's, and what
// each differing rule is worth.
//
// A convention is a set of rules. Those that differ from COCO's are exchanged one after the other,
// so the effects add up to the whole difference (docs/METRICS_OF_DETECTION.md has the rules).
//
// Ownership: results live in the arena handed in; class arrays are [class of the truth].
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct arena;
struct match_groups;

enum convention {
    CONVENTION_UNSET,
    CONVENTION_COCO,
    CONVENTION_VOC07,
    CONVENTION_VOC,
    CONVENTION_ULTRALYTICS,
    CONVENTION_N_KINDS,
};

enum {
    CONVENTION_MAX_CAUSES = 8,
    CONVENTION_N_GRID = 1000, // confidences 0..1 of Ultralytics' curves
};

enum convention_curve {
    CONVENTION_CURVE_UNSET,
    CONVENTION_POINTS_101, // COCO: mean of the envelope at 101 recalls
    CONVENTION_POINTS_11,  // VOC 2007: at 11
    CONVENTION_POINTS_ALL, // VOC from 2010: area under the envelope
    CONVENTION_TRAPEZOID,  // Ultralytics: trapezoids between 101 recalls, the envelope interpolated
};

enum convention_matching {
    CONVENTION_MATCHING_UNSET,
    CONVENTION_BEST_FREE,  // COCO: the largest overlap among truths that are still free
    CONVENTION_BEST,       // VOC: the largest overlap; false where that truth is taken
    CONVENTION_BEST_LATER, // Ultralytics: likewise; of equal overlaps the later truth
};

enum convention_ignoring {
    CONVENTION_IGNORING_UNSET,
    CONVENTION_IGNORE_COCO, // last choice; crowds by overlap over the detection's area, many times
    CONVENTION_IGNORE_VOC,  // also difficult ones; by plain IoU, any number of times
    CONVENTION_IGNORE_REMOVE, // likewise not there at all: what lies on them is false
};

struct convention_rules {
    enum convention_curve curve;
    enum convention_matching matching;
    enum convention_ignoring ignoring;
    int cut;        // most detections a picture and class; 0: no limit
    bool inclusive; // corners are pixels that belong to the box: + 1 in width and height
};

struct convention_opts {
    const double *ious; // ascending
    size_t n_ious;      // at most 32
    int coco_cut;       // COCO's limit
    bool inclusive;     // of VOC's two
};

// Means over classes with truth; NaN: no data.
struct convention_figures {
    double ap, ap50, ap75;         // over all IoU thresholds, at .5, at .75
    double *class_ap, *class_ap50; // NaN: no truth
    // Ultralytics only, at IoU .5 (else the lowest) and the confidence of the best smoothed F1
    double confidence, precision, recall, f1;
};

// One rule exchanged for COCO's, on top of those before.
struct convention_cause {
    const char *rule; // "matching"
    const char *text; // what is different, in a line
    bool is_counted;  // false: a rule that is not in use here, and what it would do
    double ap_before, ap_after, ap50_before, ap50_after;
};

struct convention_result {
    enum convention kind;
    struct convention_rules rules;
    struct convention_figures figures;
    struct convention_cause causes[CONVENTION_MAX_CAUSES]; // none for COCO itself
    size_t n_causes;
};

// "coco", "voc07", "voc", "ultralytics"
const char *convention_name(enum convention kind);
// ERR_INVALID (names them), *ret_wanted is [CONVENTION_N_KINDS]: of "coco,voc" or "all".
int convention_parse(const char *list, bool *ret_wanted) MUST_CHECK;

// ERR_NOMEM.
int convention_run(const struct match_groups *groups, enum convention kind,
                   const struct convention_opts *opts, struct arena *a,
                   struct convention_result *ret_result) MUST_CHECK;
// The figures of any rules; what convention_run() is made of. ERR_NOMEM.
int convention_measure(const struct match_groups *groups, const struct convention_rules *rules,
                       const struct convention_opts *opts, struct arena *a,
                       struct convention_figures *ret_figures) MUST_CHECK;
