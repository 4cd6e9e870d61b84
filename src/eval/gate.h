// SPDX-License-Identifier: Apache-2.0
// gate.h - does a run keep its promises: minima, maxima, and drops against a baseline that are more
// than noise.
//
// Ownership: texts and the list live in the arena handed in.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "eval/bootstrap.h"

struct arena;

enum gate_kind {
    GATE_KIND_UNSET,
    GATE_MIN,      // the figure is at least the limit
    GATE_MAX,      // the figure is at most the limit
    GATE_MAX_DROP, // the figure is at most the limit lower than the baseline's
};

enum gate_outcome {
    GATE_OUTCOME_UNSET,
    GATE_PASS,
    GATE_FAIL,
    GATE_NO_DATA, // neither passed nor failed, and no gate opens on it
};

struct gate_check {
    enum gate_kind kind;
    const char *metric; // "AP50": the name in files
    const char *label;  // of the class; NULL: overall
    double limit;       // 0.01 for "1%"
    // --- filled by gate_judge()
    double value, baseline;
    struct bootstrap_interval interval; // of the drop, or of the figure
    enum gate_outcome outcome;
    bool is_within_noise; // the drop is larger than allowed and could be chance
    bool is_plain;        // a drop without an interval: compared as it is
};

struct gate_list {
    struct gate_check *checks;
    size_t n, cap;
};

enum {
    GATE_MAX_CHECKS = 10 * 1000,
};

// A figure by its name; interval NaN where none is known.
struct gate_figure {
    double value, baseline;
    struct bootstrap_interval value_interval;
    struct bootstrap_interval difference; // run - baseline
};

// Adds "map50=0.6", "recall:person=2%". Percent are points of the figure: 1% is 0.01. ERR_INVALID,
// ERR_TOO_BIG, ERR_NOMEM.
int gate_add(struct gate_list *list, enum gate_kind kind, const char *text,
             struct arena *a) MUST_CHECK;
// A drop beyond its limit fails only if the interval lies below 0 altogether; *is_strict*: always.
void gate_judge(struct gate_check *c, const struct gate_figure *f, bool is_strict);
// PASS if all checks passed; FAIL if one failed; else NO_DATA.
enum gate_outcome gate_outcome_of(const struct gate_list *list);
const char *gate_outcome_name(enum gate_outcome o); // "PASS", "FAIL", "NO_DATA"
const char *gate_kind_name(enum gate_kind k);       // "min", "max", "max-drop"
// "map50" -> "AP50", "RECALL" -> "recall"; others as they are.
const char *gate_metric(const char *name);
