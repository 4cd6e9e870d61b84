// SPDX-License-Identifier: Apache-2.0
// effects.h - what each stretch of time adds to a run's figures: few numbers that stand in a
// metrics file, so that two files give intervals without truth and detections.
//
// The frames are cut into parts of neighbouring ones, some EFFECTS_MAX_PARTS in all, never across
// the end of a video. The effect of a part on a figure is the figure less what it is without that
// part (the delete-one jackknife). Drawing parts as a bootstrap draws frames, w[p] times each,
// moves a figure by about sum (w[p] - 1) effect[p]: exact for sums, close for the others as long as
// a part is a small share of the whole. AP is taken as the whole area under the envelope here: its
// mean at 101 recalls jumps where a recall is just reached, and a jump that each part makes is none
// that all of them make together. eval/bootstrap.h says how blocks of parts are chosen.
//
// Ownership: everything lives in the arena handed in; labels are borrowed.
// Threads: effects_run() starts and joins its own; otherwise none.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/bootstrap.h"
#include "eval/weighed.h"

struct arena;
struct dataset;

enum {
    EFFECTS_MAX_PARTS = 250, // and one more for each further video
    EFFECTS_MIN_PARTS = 60,
    EFFECTS_MAX_CLASSES = 20, // those with the most truths
    // Detections x IoU thresholds x parts from which on there are fewer parts: about a second.
    EFFECTS_MAX_STEPS = 200 * 1000 * 1000,
};

struct effects_scope {
    const char *label;                 // of the class; NULL: all
    double *values[WEIGHED_N_FIGURES]; // [part]; NULL: the figure has no data
};

struct effects {
    size_t frames;  // of a part; the last one of a video may have fewer
    double seconds; // likewise; NaN: times are unknown
    size_t floor;   // a second of video, in parts; 0: pictures
    size_t n;       // parts
    size_t *videos; // parts of each
    size_t n_videos;
    double *truths, *errors;      // [part]: that count; missed and false ones
    struct effects_scope *scopes; // the first: all classes
    size_t n_scopes;
};

// The detections are not changed. n is 0 where nothing was judged. ERR_TOO_BIG,
// ERR_NOMEM, ERR_BUSY.
int effects_run(const struct dataset *truth, struct dataset *detections,
                const struct weighed_opts *opts, struct arena *a,
                struct effects *ret_effects) MUST_CHECK;
// Why two runs cannot be paired, in words; NULL: they can.
const char *effects_differ(const struct effects *a, const struct effects *b);
// NULL: none of that label.
const struct effects_scope *effects_find(const struct effects *e, const char *label);

// Draws of parts for one run, or for two seen through the same draws.
struct effects_draws {
    struct bootstrap_plan plan; // of parts
    uint32_t *weights;          // [resample][part]
    size_t n, n_resamples;
    double *scratch; // [resample]
};

// *a* NULL: of *b* alone. ERR_NOMEM.
int effects_draw(const struct effects *a, const struct effects *b, uint64_t seed,
                 size_t n_resamples, struct arena *arena,
                 struct effects_draws *ret_draws) MUST_CHECK;
// Of *value*, which is the figure of b, or with *a* that of b less that of a. NaN: no data.
struct bootstrap_interval effects_interval(const struct effects_draws *d, double value,
                                           const double *a, const double *b);
