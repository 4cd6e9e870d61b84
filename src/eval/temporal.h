// SPDX-License-Identifier: Apache-2.0
// temporal.h - detection in time: how long until a thing is first seen, and what is seen in time.
//
// A truth box *counts* when its picture was judged and has a time, it is not ignored, and it is as
// tall and as visible as the options ask. A truth track (video, class and track id) begins with its
// first counting box. In every picture counting truth and confident detections of one class are
// assigned one to one: as many pairs of at least the IoU as there can be, at the largest total IoU.
// The *latency* of a track is the time from its begin to its first box with a detection.
//
// In the window of +-tolerance, detections of one class and video are assigned to counting boxes
// one to one as well, at the least total cost. A pair in one picture costs 1 - IoU (in
// microseconds); any other one tolerance + |difference in time| + 1 - IoU; a box left over 2 *
// tolerance + 2. So every pair is better than none, but no long chain of others moves for it. The
// IoU is the larger one of two: with the box itself (a late answer still shows where it was), and
// with the box that its track has in the detection's picture.
//
// Times are presentation times, never frame numbers over a nominal rate, unless a rate is given.
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

#define TEMPORAL_TOLERANCE_MS         100.
#define TEMPORAL_LATENCY_THRESHOLD_MS 100.
#define TEMPORAL_AT_CONFIDENCE        .25

enum {
    TEMPORAL_N_BINS = 5, // of latencies: up to 50, 100, 200, 500 ms, and above
    TEMPORAL_N_RUNS = 6, // of misses in a row: 1, 2, up to 5, 10, 30, and above
    TEMPORAL_MAX_PICTURE_PAIRS = 16 * 1000 * 1000, // truths x detections of a class in a picture
    TEMPORAL_MAX_WINDOW_PAIRS = 200 * 1000 * 1000, // that overlap within the tolerance
    TEMPORAL_MAX_VIDEO_CLASSES = 4 * 1000 * 1000,  // videos x classes
};

extern const char *const temporal_bin_names[TEMPORAL_N_BINS]; // "0-50", "51-100"
extern const char *const temporal_run_names[TEMPORAL_N_RUNS]; // "1", "2", "3-5"

// Zero is the default.
struct temporal_opts {
    bool has_tolerance;
    double tolerance_ms; // 0..60000
    bool has_latency_threshold;
    double latency_threshold_ms; // a track seen by then is in time
    double iou;                  // 0: .5
    bool has_at_confidence;
    double at_confidence;       // detections below do not count
    double frame_rate;          // above 0: frame / rate where a picture has no time at all
    double min_height;          // pixels; truth boxes less tall do not count
    double min_visibility;      // 0..1, where the truth says how visible things are
    const char *const *classes; // labels to judge; NULL: all of the truth
    size_t n_classes;
};

// Milliseconds. NaN: no data. Percentiles are values that occurred (nearest rank); the deviation is
// that of the whole (over n).
struct temporal_latency {
    size_t n; // tracks detected
    double mean, median, deviation, min, max, p50, p95, p99;
    size_t bins[TEMPORAL_N_BINS];
};

struct temporal_figures {
    size_t n_truths, n_detections; // counting boxes; confident detections in pictures with a time
    // By track; all 0 where the truth has no track ids.
    size_t n_tracks, n_never, n_in_time; // never detected; latency up to the threshold
    struct temporal_latency latency;
    // In the same picture.
    size_t n_same;
    // One to one within the tolerance; late: the detection comes after the box's own picture.
    size_t n_found, n_late, n_early, n_on_time;
    double late_ms, early_ms; // means; NaN: none
    double recall;            // n_found / n_truths
    // Boxes whose track has a box with a detection in its own picture within the tolerance.
    size_t n_covered;
    double covered; // n_covered / boxes with a track id
    size_t n_tracked;
    // Counting boxes of a track without a detection in their own picture, one after another.
    size_t n_runs, longest_run;
    double longest_run_ms; // to the next seen box, else to the last one of the track
    size_t runs[TEMPORAL_N_RUNS];
};

struct temporal_class {
    const char *label;
    int64_t id;
    struct temporal_figures figures;
};

struct temporal_video {
    const char *name; // "" where it has none
    struct temporal_figures figures;
};

struct temporal_result {
    struct temporal_opts opts; // completed
    bool has_times;            // false: there are no figures at all
    struct temporal_figures overall;
    struct temporal_class *classes;
    size_t n_classes;
    struct temporal_video *videos;
    size_t n_videos;
    size_t n_without_time;  // judged pictures left out
    size_t n_without_track; // counting boxes
    const char *const *notices;
    size_t n_notices;
};

// ERR_INVALID (an option out of range, a class that is not there), ERR_TOO_BIG, ERR_NOMEM.
// *opts* may be NULL.
int temporal_evaluate(const struct dataset *truth, const struct dataset *detections,
                      const struct temporal_opts *opts, struct arena *a,
                      struct temporal_result *ret_result) MUST_CHECK;

// Latencies in milliseconds, sorted in place.
struct temporal_latency temporal_latency_of(double *values, size_t n);
