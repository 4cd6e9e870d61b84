// SPDX-License-Identifier: Apache-2.0
// events_comparison_priv.h - what the parts of a comparison by events share.
#pragma once

#include "eval/events_comparison.h"

enum {
    EVENTS_N_RUNS = 2,
};

// Of a run, then those of the next one.
enum events_bag_kind {
    EVENTS_BAG_TRUTHS,  // of both; ms: 0
    EVENTS_BAG_FOUND,   // ms: from the truth, without sign
    EVENTS_BAG_FALSE,   // ms: 0
    EVENTS_BAG_ARRIVED, // ms: after presentation
    EVENTS_BAGS_OF_B,
    EVENTS_N_BAGS = EVENTS_BAGS_OF_B + EVENTS_BAG_ARRIVED,
};

struct events_timed {
    double ms;
    uint32_t cell, label;
};

struct events_bag {
    struct events_timed *items;
    size_t n;
};

struct events_slot {
    struct events_bag bags[EVENTS_N_BAGS];
};

struct events_span {
    int64_t start_us;
    uint64_t n_ticks;
};

// Of one video.
struct events_pairs {
    const int32_t *found_by[EVENTS_N_RUNS]; // [truth]: its report; below 0: none
    int32_t *finds[EVENTS_N_RUNS];          // [report]: its truth; below 0: none
};

struct events_comparing {
    const struct events_video *videos;
    size_t n_videos;
    struct temporal_opts temporal;
    uint64_t seed;
    size_t resamples;
    struct arena *arena;
    struct events_pairs *pairs; // [video]
    // --- cells of time
    struct events_span *spans; // [video]
    struct bootstrap_video *frames;
    uint64_t ticks_per_cell;
    size_t n_cells;
    double *errors; // [cell]
    struct bootstrap_plan plan;
    // --- what is in them
    const char **labels; // in order of their text
    size_t n_labels;
    struct events_slot all, *by_label;
    size_t n_both, n_neither, n_below[EVENTS_N_RUNS];
    size_t *changed; // [label, then all][figure]: events in which the runs differ
};

// Which of the labels; it is one of them.
uint32_t events_label_of(const struct events_comparing *x, const char *label);
// Fills pairs. ERR_TOO_BIG, ERR_NOMEM.
int events_pair(struct events_comparing *x) MUST_CHECK;
// Fills changes, n_sides and x->changed. ERR_TOO_BIG, ERR_NOMEM.
int events_find_changes(struct events_comparing *x, struct events_comparison *c) MUST_CHECK;
