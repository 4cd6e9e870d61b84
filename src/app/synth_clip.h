// SPDX-License-Identifier: Apache-2.0
// synth_clip.h - a synthetic scene as files: the clip as MP4 and its truth beside it.
//
// Threads: the owner; an interrupt may come meanwhile.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct synth;

#define SYNTH_CLIP_VIDEO "clip.mp4"
#define SYNTH_CLIP_TRUTH "truth.coco.json"
#define SYNTH_CLIP_MOT   "truth.mot.txt"

struct synth_clip {
    const char *dir; // made where absent
    bool wants_mot;  // SYNTH_CLIP_MOT too
    bool is_quiet;
};

// Draws all of *s*. ERR_CANCELLED (interrupted: there is no clip), ERR_IO, ERR_NOSPACE, ERR_DENIED,
// ERR_UNSUPPORTED (no encoder), ERR_NOMEM.
int synth_clip_write(struct synth *s, const struct synth_clip *opts) MUST_CHECK;
