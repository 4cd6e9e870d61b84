// SPDX-License-Identifier: Apache-2.0
// annotate.h - boxes and labels drawn on pictures; pictures written as H.264 MP4 and as JPEG.
//
// Threads: one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "vision/box.h"

struct detection;
struct picture;
struct video_writer;

// H.264 in MP4 with the presentation times given (variable rates stay variable).
// ERR_UNSUPPORTED (no encoder in this libav), ERR_IO, ERR_NOSPACE, ERR_NOMEM.
int video_writer_open(const char *path, int width, int height, int frame_rate_num,
                      int frame_rate_den, struct video_writer **ret_writer) MUST_CHECK;
// Draws *d* (labels[class_id], confidence, track id) on a copy of the picture and encodes it.
int video_writer_add(struct video_writer *w, const struct picture *p, const struct detection *d,
                     size_t n, const char *const *labels, size_t n_labels) MUST_CHECK;

// What became of an object: a box in the kind's colour and stroke (found: full, missed: dashed,
// false alarm: dotted, ignored: thin and grey).
enum mark_kind {
    MARK_UNSET,
    MARK_FOUND,
    MARK_MISSED,
    MARK_FALSE_ALARM,
    MARK_IGNORED,
};

enum {
    MARK_TEXT_BYTES = 96, // of a mark or caption that are drawn; what the font lacks is '?'
};

struct mark {
    struct box box; // pixels of the picture
    enum mark_kind kind;
    const char *text; // NULL: none
};

// As video_writer_add(), with marks, and the texts of *captions* side by side in the lower left
// corner, each on its kind's colour.
int video_writer_add_marked(struct video_writer *w, const struct picture *p,
                            const struct mark *marks, size_t n, const struct mark *captions,
                            size_t n_captions) MUST_CHECK;
int video_writer_close(struct video_writer **pw) MUST_CHECK; // finishes the file
void video_writer_abort(struct video_writer **pw);

// A part of a picture, in its pixels.
struct picture_window {
    int x, y, width, height;
};

// JPEG bytes of a picture, owned by the caller (mem_free()); quality 1..100.
int picture_jpeg(const struct picture *p, int quality, uint8_t **ret_bytes,
                 size_t *ret_n) MUST_CHECK;
// The same, first scaled down to at most *max_width* pixels, its aspect kept.
int picture_jpeg_scaled(const struct picture *p, int max_width, int quality, uint8_t **ret_bytes,
                        size_t *ret_n) MUST_CHECK;
// The same of a part alone. ERR_INVALID: it is empty, or reaches beyond the picture.
int picture_jpeg_window(const struct picture *p, const struct picture_window *part, int max_width,
                        int quality, uint8_t **ret_bytes, size_t *ret_n) MUST_CHECK;
