// SPDX-License-Identifier: Apache-2.0
// frame_times.h - when each frame of a video is shown, without decoding it where that can be.
//
// Threads: any; each call is on its own.
#pragma once

#include <stdint.h>

#include "base/attr.h"

enum {
    FRAME_TIMES_MAX = 8 * 1024 * 1024, // frames: 38 hours at 60 a second
};

// What a probe counted: the times that the packets bear are believed where they agree with it.
struct frame_times_check {
    int64_t n_frames;
    int64_t first_pts_us, last_pts_us;
};

// The times of all frames, rising, by ordinal: as source_next() gives them. *check* NULL: every
// frame is decoded. *ret_times* is the caller's (mem_free). Errors of source_open() and
// source_next(); ERR_TOO_BIG.
int frame_times_read(const char *path, const struct frame_times_check *check, int64_t **ret_times,
                     size_t *ret_n) MUST_CHECK;
