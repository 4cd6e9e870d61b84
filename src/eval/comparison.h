// SPDX-License-Identifier: Apache-2.0
// comparison.h - what differs between two runs judged by one truth, what of it is more than noise,
// and which objects changed sides; or the intervals of one run's own figures.
//
// Only pictures that every run looked at are judged. How blocks are chosen: eval/bootstrap.h.
// The same seed gives the same intervals, whatever the number of threads.
//
// Ownership: everything lives in the arena handed in; labels are borrowed from the truth. The
//   judged pictures of the datasets are narrowed to the common ones.
// Threads: comparison_run() starts and joins its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/bootstrap.h"
#include "eval/weighed.h"

struct arena;
struct dataset;

// Zero is the default, but for at_confidence.
struct comparison_opts {
    const bool *selected; // [class]; NULL: all
    bool has_min_confidence;
    double min_confidence;
    double at_confidence; // of the operating point of A, and of B unless that has its own
    struct coco_opts coco;
    uint64_t seed;     // 0: BOOTSTRAP_SEED
    size_t resamples;  // 0: BOOTSTRAP_RESAMPLES
    size_t block;      // frames; 0: by the errors
    bool no_intervals; // figures and changes only
};

// Of one run: a and difference are its figure.
struct comparison_figure {
    double a, b, difference;            // b - a; NaN: no data
    struct bootstrap_interval interval; // of the difference
    bool is_beyond_noise;               // the interval leaves out 0
};

struct comparison_class {
    const char *label;
    int32_t class_index;
    size_t n_truths;
    struct comparison_figure figures[WEIGHED_N_FIGURES];
};

enum comparison_side {
    COMPARISON_UNSET,
    COMPARISON_LOST,       // truth found by A, missed by B
    COMPARISON_FOUND,      // truth missed by A, found by B
    COMPARISON_FALSE_NEW,  // false detections of B that A has not
    COMPARISON_FALSE_GONE, // false detections of A that B has not
    COMPARISON_N_SIDES,
};

extern const char *const comparison_side_names[COMPARISON_N_SIDES]; // "lost", "found", ...

// An object that changed sides, over neighbouring frames.
struct comparison_change {
    enum comparison_side side;
    int32_t class_index;
    int64_t track_id;    // -1: unknown
    int32_t first, last; // pictures
    size_t n;            // frames in which it changed sides
    double evidence;     // the sum of confidences that one run has and the other has not
    size_t at_first;     // place of *first* in the order of time
    const struct dataset_object *example; // of the first frame
};

struct comparison {
    struct comparison_opts opts; // completed
    size_t n_pictures;           // judged by every run
    size_t n_left_out;           // judged by one of two only
    struct bootstrap_plan plan;
    double block_seconds; // NaN: times are unknown
    struct comparison_figure overall[WEIGHED_N_FIGURES];
    struct comparison_class *classes; // that have truth or detections
    size_t n_classes;
    size_t n_objects[COMPARISON_N_SIDES]; // truths or detections, every frame counted
    struct comparison_change *changes;    // by falling evidence
    size_t n_changes;
};

// *b* NULL: one run. ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM, ERR_BUSY.
int comparison_run(const struct dataset *truth, struct dataset *a, struct dataset *b,
                   const struct comparison_opts *opts, struct arena *arena,
                   struct comparison *ret_comparison) MUST_CHECK;
