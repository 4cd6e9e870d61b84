// SPDX-License-Identifier: Apache-2.0
// mistakes.h - where the truth itself is likely wrong, the likeliest first.
//
// Evidence is 0..1 and comparable within a kind; docs/TIME.md gives the formula of each. A list
// says where to look, not what is right.
//
// Ownership: results live in the arena handed in; texts are borrowed from the truth.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct dataset;

enum mistake_kind {
    MISTAKE_UNSET,
    MISTAKE_MISSING,   // confident detections over many frames, and no truth
    MISTAKE_UNSEEN,    // truth over many frames that no model sees
    MISTAKE_DUPLICATE, // two boxes of a class on one thing
    MISTAKE_CLASS,     // confident detections of another class on a truth
    MISTAKE_JUMP,      // a track's box is not where its neighbours in time say
    MISTAKE_N_KINDS
};
const char *mistake_kind_name(enum mistake_kind kind); // "missing_truth"

enum {
    MISTAKES_MAX_MODELS = 16,
};

// Zero is the default.
struct mistakes_opts {
    size_t n_most; // 0: all
    bool has_confidence;
    double confidence; // detections of at least this one are evidence; .5
    size_t min_frames; // of what must persist: missing and unseen truth; 0: 5
};

struct mistake_place {
    int32_t picture;
    double x, y, w, h; // truth's box; of missing truth: the detection's
};

struct mistake {
    enum mistake_kind kind;
    double evidence;
    int32_t video;
    int32_t class_index;          // of the truth; of missing truth: the detections'
    int32_t other_class;          // MISTAKE_CLASS: what is seen instead; else -1
    int64_t track_id;             // -1: none
    int64_t other_track;          // MISTAKE_DUPLICATE; else -1
    size_t n_models;              // that say so
    double confidence;            // mean of the detections; NaN: none
    struct mistake_place *places; // in order of time
    size_t n_places;
};

struct mistakes {
    struct mistakes_opts opts; // completed
    const struct dataset *truth;
    struct mistake *items; // by falling evidence
    size_t n;
    size_t n_found; // before the cut to n_most
};

// *models*: detections of 1 to MISTAKES_MAX_MODELS models, all matched to *truth*. Only pictures
// that all of them looked at are searched. ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM. *opts* may be NULL.
int mistakes_find(const struct dataset *truth, const struct dataset *const *models, size_t n_models,
                  const struct mistakes_opts *opts, struct arena *a,
                  struct mistakes *ret_mistakes) MUST_CHECK;
