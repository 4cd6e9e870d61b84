// SPDX-License-Identifier: Apache-2.0
// events.h - truth that is only a list of timed events, and what a system reported, matched by time
// alone.
//
// Events of one label are assigned one to one within the tolerance: as many pairs as there can be,
// and among these the least total |difference in time|.
//
// Ownership: results borrow labels from the lists and live in the arena handed in.
// Threads: none; pure functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/temporal.h"

struct arena;
struct event_list;

enum {
    EVENTS_NONE = -1,
};

// Figures without data are NaN.
struct events_figures {
    size_t n_truths, n_detections, n_found, n_late, n_early, n_on_time;
    size_t n_in_time; // found with |difference| up to the threshold of latency
    double precision, recall, f1;
    double bias_ms;                     // mean of detection less truth
    struct temporal_latency difference; // of |detection less truth|
};

struct events_label {
    const char *label;
    struct events_figures figures;
};

struct events_result {
    struct temporal_opts opts; // completed; what concerns boxes is not used
    struct events_figures overall;
    struct events_label *labels; // in order of their text
    size_t n_labels;
    size_t n_below;    // detections left out for their confidence
    int32_t *found_by; // [truth of the list]: its detection, or EVENTS_NONE
};

// *opts* may be NULL; at_confidence leaves detections out. ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM.
int events_evaluate(const struct event_list *truth, const struct event_list *detections,
                    const struct temporal_opts *opts, struct arena *a,
                    struct events_result *ret_result) MUST_CHECK;
