// SPDX-License-Identifier: Apache-2.0
// frame_at.h - one frame of a video as JPEG, by its ordinal and exactly that one.
//
// Threads: any; each call is on its own.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/annotate.h"
#include "media/source.h"

struct str_buf;

struct frame_at {
    const char *path;
    int64_t ordinal;
    // The last mark at or before *ordinal*, of probe_file(); NULL: decoding begins at the start, as
    // it does where the file does not have what the mark says.
    const struct source_mark *mark;
    struct picture_window part; // width 0: the whole picture
    int max_width;              // pixels; what is larger is scaled down; 0: as it is
    int quality;                // of the JPEG, 1 to 100
    const atomic_bool *stop;    // may be NULL
};

// Appends the JPEG. ERR_NOT_FOUND: the video has fewer frames. ERR_INVALID: the part reaches beyond
// the picture. Errors of source_open() and source_next().
int frame_at_jpeg(const struct frame_at *f, struct str_buf *out) MUST_CHECK;
