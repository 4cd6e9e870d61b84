// SPDX-License-Identifier: Apache-2.0
// events.h - truth that is only a list of timed events, and what a system reported, matched by time
// alone.
//
// Events of one label are assigned one to one within the tolerance: as many pairs as there can be,
// and among these the least total |difference in time|.
//
// Ownership: a list owns its texts; event_list_destroy() frees all. Results borrow labels from the
//   lists and live in the arena handed in.
// Threads: none; pure functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/temporal.h"

struct arena;
struct dataset_input;

enum {
    EVENTS_MAX = 100 * 1000, // of one list
    EVENTS_MAX_LABELS = 1000,
};

struct event {
    const char *label;
    int64_t time_us;
    double confidence; // 1 where the file has none
};

struct event_list {
    struct event *items; // in file order
    size_t n;
    struct arena *arena;
};

// Reads a list: CSV whose first line names the columns label, time_ms (or time_s, time_us) and
// perhaps confidence, or JSON: an array, or an object with an array "events", of objects with these
// members. docs/TIME.md has examples. ERR_NOT_FOUND, ERR_DATA (file, line, cause), ERR_TOO_BIG,
// ERR_NOMEM, ERR_IO.
int event_list_read(const char *path, struct event_list **ret_list) MUST_CHECK;
int event_list_read_from(struct dataset_input *in, struct event_list **ret_list) MUST_CHECK;
void event_list_destroy(struct event_list *l); // NULL is a no-op

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
    size_t n_below; // detections left out for their confidence
};

// *opts* may be NULL; at_confidence leaves detections out. ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM.
int events_evaluate(const struct event_list *truth, const struct event_list *detections,
                    const struct temporal_opts *opts, struct arena *a,
                    struct events_result *ret_result) MUST_CHECK;
