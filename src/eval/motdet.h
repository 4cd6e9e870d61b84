// SPDX-License-Identifier: Apache-2.0
// motdet.h - figures of the MOT17Det benchmark: detection of people in MOT16+ text.
//
// In each frame all detections are assigned to all rows of the truth one to one: as many pairs of
// IoU .5 as there can be, at the largest total IoU. Detections whose row is of a class that looks
// like a pedestrian (2, 7, 8, 12), or less than half visible, are removed. Of the rest, pairs with
// the pedestrians that count (half visible or more) are found in the same way: these are the
// counts, MODA and MODP. For AP they are matched by falling confidence, each to the free pedestrian
// it overlaps most; AP is the mean, over the recalls 0, .1 .. 1, of the precision at the first
// detection that reaches the recall; 0 beyond the last; there is no envelope.
//
// Ownership: nothing is kept.
// Threads: none.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct dataset;

enum {
    MOTDET_N_RECALLS = 11,
};

// Figures without data are NaN.
struct motdet {
    int64_t n_truths, n_removed;
    int64_t true_positives, false_positives, false_negatives;
    double precision, recall;
    double moda; // 1 - (misses + false ones) / truths
    double modp; // mean IoU of the matched
    double ap;
    double at_recall[MOTDET_N_RECALLS];
};

// *truth* is MOT text of nine columns. ERR_INVALID (it is not), ERR_NOMEM.
int motdet_run(const struct dataset *truth, const struct dataset *detections,
               struct motdet *ret_motdet) MUST_CHECK;
