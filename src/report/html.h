// SPDX-License-Identifier: Apache-2.0
// html.h - the report that people read: one HTML file that needs nothing beside it.
//
// Charts are SVG, pictures JPEG inside the file; nothing is fetched, nothing is scripted. Light and
// dark follow the reader's system; on paper it is light.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/conditions.h"

struct dataset;
struct evaluation;
struct events_result;
struct outcome;
struct report_about;
struct str_buf;

enum {
    HTML_MAX_PICTURES = 12,
    HTML_PICTURE_WIDTH = 640, // pixels that the caller scales pictures down to
};

// A judged picture's pixels.
struct html_picture {
    int32_t picture; // index in the truth's pictures
    const uint8_t *jpeg;
    size_t n;
    int width, height; // of the upright source, which boxes are in; not of the JPEG
};

// Borrows everything.
struct html_report {
    const struct evaluation *evaluation;
    const struct report_about *about;
    const struct dataset *truth, *detections;
    const struct outcome *outcome; // of the same two
    const size_t *worst;           // indices of outcome->pictures, in order of time
    size_t n_worst;
    const struct html_picture *pictures; // of the worst, as far as there are any
    size_t n_pictures;
    struct conditions conditions; // of the truth
    const char *no_pictures;      // why there are none, as a sentence; NULL: nothing to say
};

// Appends the whole page. The buffer's sticky error is returned: ERR_TOO_BIG, ERR_NOMEM.
int html_write(const struct html_report *h, struct str_buf *out) MUST_CHECK;
// Likewise the page of timed events; the paths are its title.
int html_events_write(const struct events_result *r, const char *truth, const char *detections,
                      struct str_buf *out) MUST_CHECK;
