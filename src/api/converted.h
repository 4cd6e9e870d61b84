// SPDX-License-Identifier: Apache-2.0
// converted.h - truths in other formats, made once and kept for whoever asks next.
//
// Ownership: of the api.
// Threads: any.
#pragma once

#include <stdint.h>

#include "base/attr.h"

struct api;
struct converted;
struct store_truth;

enum {
    CONVERTED_FILES = 32,       // kept at most, the longest unused go first ...
    CONVERTED_SIDE_BY_SIDE = 2, // made at a time; others wait
};
#define CONVERTED_BYTES (INT64_C(256) * 1024 * 1024) // ... and of all together

struct converted_wanted {
    const struct store_truth *truth; // with boxes: it has a coco_key
    const char *format;
    int width, height; // of the video
};

int converted_create(struct converted **ret_cache) MUST_CHECK; // ERR_NOMEM
void converted_destroy(struct converted *c);                   // NULL is a no-op

// A descriptor of the file, owned by the caller, and its ending ("xml", "tar"; static).
// ERR_NOSPACE: it would not fit on the disk; ERR_BUSY: too many are being made; errors of the
// conversion.
int converted_open(struct api *a, const struct converted_wanted *w, int *ret_fd,
                   const char **ret_ending) MUST_CHECK;
