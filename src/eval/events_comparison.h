// SPDX-License-Identifier: Apache-2.0
// events_comparison.h - what differs between two systems that report timed events, judged by one
// truth; what of it is more than noise; and which events changed sides.
//
// Time is cut into cells of EVENTS_COMPARISON_TICK_MS (longer ones where there would be more than
// EVENTS_COMPARISON_MAX_CELLS), which take the place of frames in eval/bootstrap.h: blocks of cells
// are drawn, both runs are seen through the same draws. A truth, with what found it, lies in the
// cell of its own time; a false report in that of the report's.
//
// Ownership: everything lives in the arena handed in; labels are borrowed from the lists.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/bootstrap.h"
#include "eval/comparison.h"
#include "eval/temporal.h"

struct arena;
struct event_list;

enum {
    EVENTS_COMPARISON_TICK_MS = 100,
    EVENTS_COMPARISON_MAX_CELLS = 20 * 1000,
    EVENTS_COMPARISON_STRETCH = 10,       // times the truth's span that reports may make of a video
    EVENTS_COMPARISON_MAX_INTERVALS = 20, // labels, those with the most truths
    EVENTS_COMPARISON_MIN_TRUTHS = 10,    // fewer give no interval; times of each run likewise
    EVENTS_COMPARISON_MIN_TAIL = 40,      // times of each run for an interval of their p95
    // Events in which the runs differ, below which no rate is called better or worse: chance turns
    // five that differ all one way in one of sixteen cases.
    EVENTS_COMPARISON_MIN_CHANGED = 6,
};

enum events_figure {
    EVENTS_PRECISION,
    EVENTS_RECALL, // of the truths found: the rate of detection
    EVENTS_F1,
    EVENTS_IN_TIME,     // of the truths found within the threshold of latency
    EVENTS_LATENCY_P50, // ms from the truth to the report, without sign; of what was found
    EVENTS_LATENCY_P95,
    EVENTS_ARRIVAL_P50, // ms from presentation to arrival, of reports whose arrival is known
    EVENTS_ARRIVAL_P95,
    EVENTS_N_FIGURES,
};

extern const char *const events_figure_names[EVENTS_N_FIGURES]; // "precision", "latency_p50_ms"

enum events_verdict {
    EVENTS_VERDICT_UNSET, // there is no interval to say it by
    EVENTS_SAME,          // no difference beyond noise: an interval with 0, or too few changed
    EVENTS_BETTER,        // B, beyond noise
    EVENTS_WORSE,
    EVENTS_MIXED, // of several figures
    EVENTS_N_VERDICTS,
};

extern const char *const events_verdict_names[EVENTS_N_VERDICTS]; // "no_data", "no_difference", ...

struct events_difference {
    double a, b, difference;            // b - a; NaN: no data
    struct bootstrap_interval interval; // of the difference
    enum events_verdict verdict;
};

struct events_compared_label {
    const char *label;
    size_t n_truths;
    struct events_difference figures[EVENTS_N_FIGURES];
};

// COMPARISON_LOST, _FOUND: truths; _FALSE_NEW, _FALSE_GONE: reports that the other has not within
// the tolerance.
struct events_change {
    enum comparison_side side;
    const char *label;
    size_t video;
    int64_t time_us;              // of the truth, of the false report
    int64_t a_time_us, b_time_us; // of the report; INT64_MIN: none
    double evidence;              // confidence of the report that one has and the other has not
};

// One video. Reports of a system without times of arrival: arrival_us NULL; without that of one
// report: INT64_MIN.
struct events_video {
    const struct event_list *truth;
    const struct event_list *detections[2]; // A, B
    const int64_t *arrival_us[2];           // [report], after its presentation
    int64_t duration_us; // 0: until the last event, see EVENTS_COMPARISON_STRETCH
};

// Zero is the default.
struct events_comparison_opts {
    struct temporal_opts temporal; // tolerance, threshold of latency, confidence
    uint64_t seed;                 // 0: BOOTSTRAP_SEED
    size_t resamples;              // 0: BOOTSTRAP_RESAMPLES
    // Asked before each resample: a negative code ends the comparison, and is what it returns.
    // NULL: nothing ends it.
    int (*check)(void *arg);
    void *arg;
};

struct events_comparison {
    struct events_comparison_opts opts; // completed
    struct bootstrap_plan plan;
    double cell_seconds;
    size_t n_truths, n_both, n_neither; // found by both, by none
    size_t n_below[2];                  // reports left out for their confidence
    struct events_difference overall[EVENTS_N_FIGURES];
    // Of F1 and the median latency, where they have one: one figure each for what is found and for
    // how fast, since chance alone makes some of eight differ (docs/COMPARING.md: how often of
    // two).
    enum events_verdict verdict;
    struct events_compared_label *labels; // in order of their text
    size_t n_labels;
    size_t n_sides[COMPARISON_N_SIDES];
    struct events_change *changes; // by falling evidence, then time
    size_t n_changes;
};

// ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM, and what opts->check() gives.
int events_compare(const struct events_video *videos, size_t n_videos,
                   const struct events_comparison_opts *opts, struct arena *a,
                   struct events_comparison *ret_comparison) MUST_CHECK;
// Why there are no intervals, in words; NULL: there are. ERR_NOMEM.
int events_comparison_notice(const struct events_comparison *c, struct arena *a,
                             const char **ret_text) MUST_CHECK;
