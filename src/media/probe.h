// SPDX-License-Identifier: Apache-2.0
// probe.h - what a media file holds, found by decoding it and not by believing its header.
//
// Threads: any; each call is on its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/source.h"

enum {
    PROBE_MAX_STREAMS = 64, // more are counted, not listed
    PROBE_TEXT_BYTES = 64,
    PROBE_MAX_MARKS = 1024, // of a long video: every second of those there were, or fourth, ...
};

struct probe_stream {
    int index;
    char type[16]; // "video", "audio", "subtitle", "data", "attachment", "picture" (cover art)
    char codec[PROBE_TEXT_BYTES];
    int width, height; // video only; as stored
};

// Plain values; nothing to give back.
struct probe_result {
    enum source_kind kind;
    char container[PROBE_TEXT_BYTES];
    char codec[PROBE_TEXT_BYTES];
    char profile[PROBE_TEXT_BYTES];      // "" where the codec has none
    char pixel_format[PROBE_TEXT_BYTES]; // libav's name
    int stream_index;                    // the one that was counted
    int width, height;                   // upright
    int coded_width, coded_height;       // as stored
    int rotation;                        // degrees clockwise to make it upright
    int frame_rate_num, frame_rate_den;  // what the container calls its average; 0/1 unknown
    double duration_s;                   // what the container says; 0 unknown

    int64_t n_frames; // counted by decoding
    int64_t first_pts_us, last_pts_us;
    int64_t min_distance_us, max_distance_us; // between neighbours; 0 with fewer than two frames
    bool is_variable;            // distances differ by more than the container's time base explains
    struct source_counts counts; // undecodable packets, cut short and why

    size_t n_marks; // places to begin decoding at, for source_seek(); none of picture sources
    struct source_mark marks[PROBE_MAX_MARKS];

    size_t n_streams; // of the container
    struct probe_stream streams[PROBE_MAX_STREAMS];
};

// Decodes the whole stream that *opts* choose (path, stream_index, allow_network, max_pixels,
// threads; the rest is not looked at). Errors as source_open() and source_next().
int probe_file(const struct source_opts *opts, struct probe_result *ret_result) MUST_CHECK;
