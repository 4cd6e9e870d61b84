// SPDX-License-Identifier: Apache-2.0
// remote_priv.h - what an isolated source and its child say to each other.
//
// The parent makes shared memory of n_slots slots, each one prepared picture, sealed so that the
// child cannot shorten it, and sends it with the request. The child answers OPENED or END, then
// PICTURE messages that name a slot each; the parent gives a slot back by its number. Nothing that
// the child says is believed: see check_message() in source_remote.c.
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "media/source.h"

enum {
    REMOTE_SLOTS = 3, // one being filled, one on its way, one being copied
    REMOTE_PATH_BYTES = 4096,
    REMOTE_TEXT_BYTES = 64,
};

struct remote_request {
    int64_t stream_index;
    int64_t stride;
    double start_s, end_s;
    int64_t max_frames;
    int64_t max_pixels;
    int32_t has_stream_index;
    int32_t threads;
    int32_t unfiltered;
    int32_t allow_network;
    int32_t rule; // and what else source_prepare holds
    int32_t width, height, fill;
    char path[REMOTE_PATH_BYTES];
};

enum remote_kind {
    REMOTE_UNSET,
    REMOTE_OPENED,
    REMOTE_PICTURE,
    REMOTE_COUNTS, // still at work, at most one a second
    REMOTE_END,
};

struct remote_info {
    int32_t kind;
    int32_t stream_index;
    int32_t width, height, coded_width, coded_height, rotation;
    int32_t frame_rate_num, frame_rate_den, time_base_num, time_base_den;
    int64_t n_frames_hint;
    double duration_s;
    char container[REMOTE_TEXT_BYTES], codec[REMOTE_TEXT_BYTES], pixel_format[REMOTE_TEXT_BYTES];
};

struct remote_picture {
    int32_t slot;
    int32_t src_width, src_height;
    int64_t pts_us, ordinal;
    char file[REMOTE_PATH_BYTES]; // "" for a video
};

struct remote_message {
    int32_t kind;
    int32_t error; // REMOTE_END
    struct source_counts counts;
    union {
        struct remote_info info;       // REMOTE_OPENED
        struct remote_picture picture; // REMOTE_PICTURE
        char text[ERR_MESSAGE_BYTES];  // REMOTE_END
    };
};
