// SPDX-License-Identifier: Apache-2.0
// outcome.h - what became of every object at the operating point: found, missed, a false alarm, or
// not judged; picture by picture in the order of time.
//
// The counts are those of evaluation.at: the same matching over the same objects.
//
// Ownership: results live in the arena handed in; the datasets are borrowed.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct dataset;
struct evaluation;

enum outcome_kind {
    OUTCOME_UNSET,
    OUTCOME_FOUND,       // a truth and the detection that found it
    OUTCOME_MISSED,      // a truth without one
    OUTCOME_FALSE_ALARM, // a detection without truth
    OUTCOME_IGNORED,     // truth that is not to be judged, and detections that found it
    OUTCOME_N_KINDS,
};

#define OUTCOME_NONE UINT32_MAX

struct outcome_object {
    int32_t class_index; // of the truth's classes
    enum outcome_kind kind;
    uint32_t truth;     // index in the truth's objects; OUTCOME_NONE: a false alarm
    uint32_t detection; // index in the detections' objects; OUTCOME_NONE: a miss
};

// A judged picture, also one without objects.
struct outcome_picture {
    int32_t picture; // index in the truth's pictures
    int32_t video;
    int64_t frame;   // as in the file, else the place among its video's judged pictures
    int64_t pts_us;  // INT64_MIN: unknown
    bool is_still;   // neither a frame number nor a time is known: no neighbour of any other
    size_t first, n; // in objects
    int64_t n_found, n_missed, n_false_alarms;
};

struct outcome {
    double iou, confidence;
    struct outcome_picture *pictures; // by video, then by frame
    size_t n_pictures;
    struct outcome_object *objects; // by picture as above, then by class
    size_t n_objects;
    int64_t n_found, n_missed, n_false_alarms;
};

// *e* is the evaluation of the same two datasets: its classes, its lowest confidence and its
// operating point count. ERR_TOO_BIG, ERR_NOMEM.
int outcome_run(const struct dataset *truth, const struct dataset *detections,
                const struct evaluation *e, struct arena *a, struct outcome *ret) MUST_CHECK;

enum {
    OUTCOME_APART_US = 1000 * 1000, // of two worst moments of one video
    OUTCOME_APART_FRAMES = 25,      // where times are unknown
};

// Up to *n_most* pictures with the most errors, one of each stretch of a second, in order of time.
// Pictures without errors are never among them. *ret* are indices of o->pictures. ERR_NOMEM.
int outcome_worst(const struct outcome *o, size_t n_most, struct arena *a, size_t **ret,
                  size_t *ret_n) MUST_CHECK;
