// SPDX-License-Identifier: Apache-2.0
// match.h - truth and detections of one picture and class side by side, and COCO's greedy choice
// of who belongs to whom.
//
// Ownership: everything lives in the arena handed in; the datasets are borrowed.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct dataset;
struct dataset_object;

// One picture and class that has truth or detections.
struct match_group {
    int32_t class_index, picture;
    size_t first_truth, n_truths;         // in match_groups.truth_order
    size_t first_detection, n_detections; // in match_groups.detection_order
};

struct match_groups {
    const struct dataset *truth, *detections;
    struct match_group *groups; // by class, then by picture
    size_t n_groups;
    size_t *first_group;       // [class], and one more for the end
    uint32_t *truth_order;     // indices of objects: per group in file order
    uint32_t *detection_order; // per group by falling confidence, equal ones in file order
    size_t n_truths, n_detections;
    size_t n_classes;
    size_t n_below;        // detections left out for their confidence
    size_t largest_truths; // of one group
};

// What to leave out. Zero is nothing.
struct match_filter {
    const bool *classes; // [class]: judge it; NULL: all
    bool has_min_confidence;
    double min_confidence;
};

// Groups the objects of judged pictures. ERR_TOO_BIG, ERR_NOMEM.
int match_groups_build(const struct dataset *truth, const struct dataset *detections,
                       const struct match_filter *filter, struct arena *a,
                       struct match_groups *ret_groups) MUST_CHECK;

// Sorts indices of *objects* by falling confidence, stable. *scratch* holds n.
void match_sort(const struct dataset_object *objects, uint32_t *indices, size_t n,
                uint32_t *scratch);

// Intersection over union; over the detection's own area where the truth is a crowd. The same
// operations in the same order as the COCO reference, so the same bits.
double match_overlap(const struct dataset_object *detection, const struct dataset_object *truth);

// A truth that a detection could take.
struct match_candidate {
    uint32_t truth; // position in the group
    double overlap;
};

// The truths of *g* that *detection* overlaps by at least *min_overlap*, in the group's order.
// *ret* holds g->n_truths. Returns how many.
size_t match_candidates(const struct match_groups *m, const struct match_group *g,
                        const struct dataset_object *detection, double min_overlap,
                        struct match_candidate *ret);

// COCO's choice among the candidates: the largest overlap of at least *min_overlap* (the last of
// equal ones) among truths that count, and only if none of those is left, among ignored ones; a
// taken truth is out unless it is a crowd. Arrays are [position in the group]. -1: none.
int match_choose(const struct match_candidate *c, size_t n, double min_overlap, const bool *ignored,
                 const bool *crowd, const bool *taken);
