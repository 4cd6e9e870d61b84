// SPDX-License-Identifier: Apache-2.0
// comparison_priv.h - what the parts of a comparison share.
#pragma once

#include "eval/comparison.h"

// Pictures in the order of time, video after video.
struct comparison_time {
    int32_t *pictures;
    double *errors;
    size_t n;
    struct bootstrap_video *videos;
    size_t n_videos;
    size_t *places;       // [picture]: its index in pictures
    double frame_seconds; // from frame to frame; NaN: unknown
    size_t floor;         // of blocks: a second of video, in frames; 0: pictures
};

// The pictures that the first run judged; errors are 0. ERR_NOMEM.
int comparison_time_order(const struct dataset *truth, struct dataset *const *runs, size_t n_runs,
                          struct arena *a, struct comparison_time *ret_time) MUST_CHECK;

// Fills changes and n_objects. ERR_NOMEM.
int comparison_find_changes(const struct weighed *a, const struct weighed *b,
                            const struct comparison_time *time, struct arena *arena,
                            struct comparison *c) MUST_CHECK;
