// SPDX-License-Identifier: Apache-2.0
// evaluation.h - everything that is said about detections against truth, in one struct.
//
// Ownership: evaluation_run() fills the caller's struct; evaluation_finish() gives its memory back.
//   It does not outlive the truth (labels are borrowed from there).
// Threads: evaluation_run() uses more than one where there are cores; constant once run.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/coco.h"
#include "eval/confusion.h"
#include "eval/convention.h"
#include "eval/motdet.h"
#include "eval/operating.h"
#include "eval/slice.h"

struct arena;
struct dataset;

#define EVALUATION_AT_CONFIDENCE 0.25 // default of the operating point

// Zero is the default everywhere.
struct evaluation_opts {
    const char *const *classes; // labels to judge; NULL: all of the truth
    size_t n_classes;
    bool has_min_confidence;
    double min_confidence; // detections below are left out altogether
    bool has_at_confidence;
    double at_confidence;  // of the operating point
    struct coco_opts coco; // IoU thresholds, areas, most detections a picture and class
    bool conventions[CONVENTION_N_KINDS]; // other figures wanted beside COCO's
    bool inclusive_boxes;                 // of Pascal VOC's conventions
    bool wants_confusion;                 // both matrices
    struct confusion_opts confusion;
    bool wants_motdet;           // figures of the MOT17Det benchmark
    const char *const *slice_by; // see slice_opts
    size_t n_slice_by;
    double slice_seconds;
};

// The twelve numbers; NaN where COCO prints -1.
struct evaluation_coco {
    double ap, ap50, ap75, ap_small, ap_medium, ap_large;
    double ar[3]; // at the first three of opts.coco.cuts
    double ar_small, ar_medium, ar_large;
};

struct evaluation_class {
    const char *label;
    int64_t id;
    size_t n_truths, n_ignored, n_detections; // in judged pictures
    struct evaluation_coco coco;
    double ar; // at the last cut
    struct operating_point at, best;
    struct operating_curve curve; // at IoU .5
};

struct evaluation {
    struct evaluation_opts opts;              // completed: what was used
    size_t n_pictures;                        // listed in the truth
    size_t n_judged;                          // of these, looked at
    size_t n_truths, n_ignored, n_detections; // in judged pictures, of judged classes
    struct evaluation_coco coco;
    struct evaluation_class *classes; // in the truth's order
    size_t n_classes;
    struct operating_point at, best;       // classes pooled, IoU .5
    struct operating_curve curve;          // likewise
    struct convention_result *conventions; // those that were asked for; [class of the truth]
    size_t n_conventions;
    struct confusion *confusions; // [class of the truth]
    size_t n_confusions;
    struct motdet motdet; // where it was asked for
    struct slice_part *slices;
    size_t n_slices;
    size_t *class_indices; // [class of this evaluation]: of the truth
    const char **notices;  // of truth, detections and the evaluation itself
    size_t n_notices;
    struct arena *arena;
    struct arena *parts[CONVENTION_N_KINDS]; // of what was computed beside
};

// *opts* may be NULL. ERR_INVALID (a class the truth does not have, thresholds out of range),
// ERR_NOMEM. *detections* are matched to *truth* (see dataset/dataset.h).
int evaluation_run(const struct dataset *truth, const struct dataset *detections,
                   const struct evaluation_opts *opts, struct evaluation *ret) MUST_CHECK;
void evaluation_finish(struct evaluation *e); // zeroed is a no-op
