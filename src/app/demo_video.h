// SPDX-License-Identifier: Apache-2.0
// demo_video.h - the judged video once more, with what was found, missed and falsely reported drawn
// into it.
//
// Threads: the owner; an interrupt may come meanwhile.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct arena;
struct validate_judged;

// Reads j->about->source again and writes *path* (MP4). ERR_CANCELLED (there is no file), errors of
// source_open() and of media/annotate.h, ERR_NOMEM.
int demo_video_write(const struct validate_judged *j, const char *path, bool is_quiet,
                     struct arena *a) MUST_CHECK;
