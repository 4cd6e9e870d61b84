// SPDX-License-Identifier: Apache-2.0
// slice.h - the same figures for parts of the data: a class, a size, a video, a stretch of time, an
// attribute of pictures or of truths.
//
// A part of the pictures (video, time, attributes of pictures) or a class is judged as if the rest
// did not exist. A part of the truths (size, attributes and marks of truths) is judged among all
// detections, with the other truths ignored; a false detection belongs to no part, so there is no
// precision, no F1, and an AP only for sizes, where COCO defines it.
//
// Ownership: results live in the arena handed in; texts may be the truth's.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "eval/operating.h"

struct arena;
struct coco_opts;
struct dataset;
struct match_filter;

#define SLICE_SECONDS 60. // default length of a stretch of time

enum {
    SLICE_MAX_VALUES = 1000, // of one attribute
};

struct slice_part {
    const char *by;    // "class", "size", "video", "time", or the attribute
    const char *value; // "(none)" for what has no such attribute
    bool of_truths;    // a part of the truths, not of the pictures
    size_t n_pictures; // judged ones
    size_t n_truths;   // that count
    size_t n_detections;
    double ap, ap50, ar; // NaN: no data, or not defined
    struct operating_point at;
};

struct slice_opts {
    const char *const *by;
    size_t n_by;
    double seconds; // 0: SLICE_SECONDS
    const struct match_filter *filter;
    const struct coco_opts *coco; // completed
    double at_confidence;
};

// ERR_INVALID (nothing has such an attribute; times that nobody knows), ERR_TOO_BIG, ERR_NOMEM.
int slice_run(const struct dataset *truth, const struct dataset *detections,
              const struct slice_opts *opts, struct arena *a, struct slice_part **ret_slices,
              size_t *ret_n) MUST_CHECK;
