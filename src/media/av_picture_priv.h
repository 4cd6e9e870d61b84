// SPDX-License-Identifier: Apache-2.0
// av_picture_priv.h - libav's decoded frames become upright pictures: wrapped where the format
// fits, converted or turned where not. Private to the room; shows libav types.
#pragma once

#include <stdint.h>

#include <libavutil/frame.h>

#include "base/attr.h"
#include "media/orientation.h"

struct SwsContext;
struct picture;

// Working memory, kept between pictures of the same format. Zero-initialised is ready.
//
// Threads: one at a time.
struct av_picture_maker {
    struct SwsContext *scaler;
};
void av_picture_maker_finish(struct av_picture_maker *m);

struct av_picture_place {
    int64_t pts_us;
    int64_t ordinal;
    const char *file; // copied; NULL for videos
};

// Planar YUV (8 to 16 bits), NV12, gray and RGB24 are wrapped without a copy; the rest goes through
// swscale to the nearest of these, alpha dropped. Takes the frame's buffers: *frame* is blank after
// success and after failure. ERR_NOMEM, ERR_UNSUPPORTED (a format that cannot be converted).
int av_picture_make(struct av_picture_maker *m, AVFrame *frame, struct orientation o,
                    const struct av_picture_place *place, struct picture **ret_picture) MUST_CHECK;

// Turns an upright-to-be picture by copying its planes; the old one's reference is given back. On
// error *pp is as before. ERR_NOMEM.
int av_picture_turn(struct picture **pp, struct orientation o) MUST_CHECK;
// Gives a picture a copy of its file's name by wrapping it. On error *pp is as before. ERR_NOMEM.
int av_picture_name(struct picture **pp, const char *file) MUST_CHECK;

// Scales the first *width* x *height* pixels of a picture into all of *to* (any format, buffers
// allocated), colours converted from the picture's matrix and range to *space* (limited; RGB:
// full). *scaler* is kept between calls. ERR_UNSUPPORTED, ERR_NOMEM.
int av_picture_scale(struct SwsContext **scaler, const struct picture *p, int width, int height,
                     AVFrame *to, enum AVColorSpace space) MUST_CHECK;
