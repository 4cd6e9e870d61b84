// SPDX-License-Identifier: Apache-2.0
// bench_parts.h - what each part of a frame's way costs alone, and what the whole way yields.
//
// Every round measures each part by itself on one core (the detector's workers stand still) and
// then the whole pipeline, so that a machine whose speed drifts is judged within the round.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/source.h"

struct detector;

enum {
    BENCH_MAX_ROUNDS = 100,
    BENCH_KEPT_PICTURES = 24, // decoded pictures that letterbox and network are measured on
};

// Core-milliseconds a frame.
struct bench_round {
    double decode;
    double letterbox;
    double network; // pixels to tensor, and the engine
    double head;    // decoding of the head and NMS
    double whole_frames_per_second;
    double whole_core_ms; // CPU time of the process per frame while the pipeline ran
    int64_t n_frames;
};

struct bench_parts_opts {
    struct source_opts source;
    struct detector *detector;
    int cores; // that the pipeline may use
};

// One round. ERR_MEDIA and the other errors of the rooms; ERR_CANCELLED.
int bench_round_run(const struct bench_parts_opts *opts, struct bench_round *ret_round) MUST_CHECK;
// Frames per second that the parts allow: cores over the sum of core-seconds.
double bench_allowed_fps(const struct bench_round *round, int cores);

struct bench_spread {
    double min, median, max;
};
// Of *n* values, at most BENCH_MAX_ROUNDS.
struct bench_spread bench_spread_of(const double *values, size_t n);
