// SPDX-License-Identifier: Apache-2.0
// bootstrap.h - how far a figure could be from the truth by chance: resampling of blocks of time.
//
// Frames of one video are not independent: a person who is missed is missed for seconds. What is
// drawn with replacement is therefore not a frame but a block of neighbouring frames (the circular
// block bootstrap of Politis and Romano, 1992), long enough that blocks are nearly independent:
//
// - The length comes from the autocorrelation of the error of each frame (missed + false; of two
//   runs the difference of their errors), by the rule of Politis and White (2004, as corrected by
//   Patton, Politis and White, 2009), pooled over the videos, times BOOTSTRAP_STRETCH: the rule's
//   length is best for the variance, and intervals cover better with longer blocks. Blocks of video
//   are never shorter than the number of frames to the power of BOOTSTRAP_POWER: the rule guesses
//   from one run of luck, and a guess that is too short costs coverage, one that is too long only
//   width. Nor are they shorter than the caller's floor (a second of video). At most they are
//   1 / BOOTSTRAP_MIN_BLOCKS of the frames, a third of the longest video.
// - Fewer than BOOTSTRAP_MIN_VIDEOS videos: each keeps its number of frames and blocks are drawn
//   within it; the interval speaks for these videos. That many or more: whole videos are drawn
//   (the longest block there is), and the interval speaks for videos like these.
// - Pictures that are no video are blocks of one, unless their errors hang together.
//
// Both runs of a comparison are seen through the same draws, so what is hard for both cancels.
// The interval is the percentile interval, widened for the number of blocks as Student's t is
// (Hesterberg, 2015): few blocks say little about their own spread. It is also
// widened by what blocks lose at their ends. tests/unit/eval/test_bootstrap.c and, of AP too,
// tests/kernel/check_coverage.c measure how often intervals hold the true difference.
//
// Ownership: results live in the arena handed in.
// Threads: a plan is constant once made; a random state is one thread's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;

#define BOOTSTRAP_LEVEL 0.95     // of all intervals
#define BOOTSTRAP_POWER (2. / 3) // of the number of frames: least length of blocks of video

enum {
    BOOTSTRAP_MIN_BLOCKS = 8,  // of all frames, unless the floor of the length says otherwise
    BOOTSTRAP_MIN_VIDEOS = 10, // from here on whole videos are drawn
    BOOTSTRAP_MIN_FREEDOM = 3, // of blocks: fewer give no interval
    BOOTSTRAP_STRETCH = 3,
    BOOTSTRAP_RESAMPLES = 2000, // default
    BOOTSTRAP_MAX_RESAMPLES = 1000 * 1000,
    BOOTSTRAP_SEED = 1, // default
};

// xoshiro256** (Blackman and Vigna), seeded through splitmix64.
struct bootstrap_random {
    uint64_t s[4];
};

// Any two numbers give a stream of their own.
void bootstrap_seed(struct bootstrap_random *r, uint64_t seed, uint64_t stream);
uint64_t bootstrap_next(struct bootstrap_random *r);
uint32_t bootstrap_below(struct bootstrap_random *r, uint32_t n); // 0..n-1, n > 0, without bias
double bootstrap_unit(struct bootstrap_random *r);                // 0 <= u < 1

// Frames of one video: positions in bootstrap_frames.
struct bootstrap_video {
    size_t first, n;
};

// What is resampled: frames in the order of time, video after video.
struct bootstrap_frames {
    size_t n;
    const struct bootstrap_video *videos;
    size_t n_videos;
    const double *errors; // [frame]
    size_t floor;         // of video: shortest block; 0: pictures, or what else is no video
    size_t unit;          // where these are parts: frames of one; 0: 1
    size_t block;         // the caller's choice of length; 0: by the rule above
};

struct bootstrap_plan {
    struct bootstrap_frames frames; // borrowed
    size_t block;                   // frames; by_video: 0
    size_t n_blocks;                // drawn each time
    size_t n_freedom;               // of the spread between blocks
    double widening;                // of intervals, for what hangs together across ends of blocks
    bool by_video;
};

void bootstrap_plan_make(const struct bootstrap_frames *frames, struct bootstrap_plan *ret_plan);
// How often each frame is drawn: ret_weights[frame].
void bootstrap_draw(const struct bootstrap_plan *plan, struct bootstrap_random *r,
                    uint32_t *ret_weights);

struct bootstrap_interval {
    double low, high; // NaN: too little data to say
};

// Sorts *draws* (the figure of each resample; NaN where it had no data) and reads the interval.
struct bootstrap_interval bootstrap_interval_of(const struct bootstrap_plan *plan, double *draws,
                                                size_t n);
// True when the interval is one and leaves out 0.
bool bootstrap_excludes_zero(struct bootstrap_interval i);
