// SPDX-License-Identifier: Apache-2.0
// metrics_compare.h - what differs between two metrics files, figure by figure, and what of it is
// more than noise as far as the files can tell.
//
// Intervals come from the files' blocks (eval/effects.h): AP, AP50, AP75, AR at the last cut,
// precision, recall and F1, of all classes and of those with the most truths. The other figures
// have none.
//
// Ownership: everything lives in the arena handed in; texts are borrowed from the tables.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/bootstrap.h"

struct arena;
struct metrics_table;
struct str_buf;

struct metrics_difference {
    const char *name, *label;           // as in metrics_row
    double a, b, difference;            // b - a; NaN: no data
    bool in_a, in_b;                    // whether the file has the figure at all
    struct bootstrap_interval interval; // of the difference; NaN: none
    bool is_beyond_noise;
};

struct metrics_comparison {
    struct metrics_difference *rows; // those of A, then those of B alone
    size_t n;
    const char *no_intervals; // why there are none; NULL: there are
    struct bootstrap_plan plan;
    size_t part_frames;
    double block_seconds; // NaN: unknown
    uint64_t seed;
    size_t resamples;
};

// *a* NULL: a is NaN, and difference and interval are those of b. ERR_NOMEM.
int metrics_compare(const struct metrics_table *a, const struct metrics_table *b, uint64_t seed,
                    size_t resamples, struct arena *arena,
                    struct metrics_comparison *ret_comparison) MUST_CHECK;
// *label* NULL: overall. NULL: none.
const struct metrics_difference *metrics_difference_find(const struct metrics_comparison *c,
                                                         const char *name, const char *label);

struct metrics_compare_about {
    const char *a, *b; // paths as given
};

// Sticky errors of the buffer are returned: ERR_TOO_BIG, ERR_NOMEM.
int metrics_compare_text(const struct metrics_comparison *c,
                         const struct metrics_compare_about *about, struct str_buf *out) MUST_CHECK;
int metrics_compare_markdown(const struct metrics_comparison *c,
                             const struct metrics_compare_about *about,
                             struct str_buf *out) MUST_CHECK;
int metrics_compare_json(const struct metrics_comparison *c,
                         const struct metrics_compare_about *about, struct str_buf *out) MUST_CHECK;
