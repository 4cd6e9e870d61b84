// SPDX-License-Identifier: Apache-2.0
// paired_events.h - `compare --events`: options, reading, and the comparison of two lists of timed
// events.
#pragma once

#include "base/attr.h"
#include "base/opt.h"
#include "eval/events_comparison.h"

struct event_list;
struct paired_opts;

struct paired_events_opts {
    bool events; // asked for
    double tolerance_ms, latency_threshold_ms, event_gap_ms;
};

extern struct paired_events_opts paired_events_settings;
extern const struct opt paired_events_options[];

// An option that is not as it is without being given, where events were not asked for; NULL: none.
const char *paired_events_unused(const struct paired_events_opts *o);

struct paired_events {
    struct event_list *truth, *a, *b;
    struct events_comparison c;
    const char *notices[1];
    size_t n_notices;
};

// Reads truth and runs and compares them. ERR_INVALID (an option that needs boxes, no truth), and
// what reading gives. paired_events_finish() in any case.
int paired_events_run(const struct paired_opts *o, const char *a, const char *b,
                      struct arena *arena, struct paired_events *ret_paired) MUST_CHECK;
void paired_events_finish(struct paired_events *p); // zeroed is a no-op
