// SPDX-License-Identifier: Apache-2.0
// timeline.h - the exact time of each frame, also where the container has none or repeats itself.
//
// The rule, in this order:
// (1) The container's presentation time, in microseconds, rounded to the nearest.
// (2) A frame without one stands its predecessor's duration (else the frame rate's, else 40 ms)
//     after its predecessor; the first at 0.
// (3) Times only grow: one at or before its predecessor, by at most TIMELINE_MAX_JITTER_US, becomes
//     the predecessor's plus 1. One that falls further back starts a new clock (joined streams, a
//     recorder that restarted): it and all that follow are moved to continue after the predecessor.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMELINE_NO_PTS INT64_MIN

enum {
    TIMELINE_MAX_JITTER_US = 1000000,
};

// Plain values.
struct timeline {
    int time_base_num, time_base_den;
    int64_t frame_us; // of the frame rate; used where frames have no duration
    int64_t offset_us;
    int64_t last_us;
    int64_t last_step_us;
    bool has_last;
};

void timeline_init(struct timeline *t, int time_base_num, int time_base_den, int frame_rate_num,
                   int frame_rate_den);
// *pts* and *duration* in time base units; duration 0: unknown. Returns microseconds.
int64_t timeline_place(struct timeline *t, int64_t pts, int64_t duration);
// Where *pts* would be placed but for (3).
int64_t timeline_guess(const struct timeline *t, int64_t pts);
