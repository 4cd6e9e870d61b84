// SPDX-License-Identifier: Apache-2.0
// metrics_json.h - the metrics file that scripts, `compare` and `gate` read (CONTRACTS, "Metrics").
//
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct effects;
struct evaluation;
struct json_writer;
struct mistakes;
struct str_buf;
struct temporal_result;
struct tracking_result;
struct verdict;

// What was judged; texts may be NULL.
struct report_about {
    const char *truth;                      // path, as given
    const char *detections;                 // path, as given; validate: NULL
    const char *model;                      // validate: path of the model
    const char *source;                     // validate: path of the video or pictures
    const char *model_sha256;               // hex
    const char *source_sha256;              // likewise
    const struct tracking_result *tracking; // NULL: not asked for
    const struct temporal_result *temporal; // likewise
    const struct mistakes *mistakes;        // likewise
    const struct verdict *verdict;          // likewise
    const struct effects *effects;          // likewise: "blocks"
    bool only_conditions; // nobody asked for parts: they are the conditions, told with the misses
    // Writes members (key and value) of the "settings" object after ours; NULL: none.
    void (*settings)(void *arg, struct json_writer *w);
    void *arg;
};

// Appends the whole document, with a line feed at the end. The buffer's sticky error is returned:
// ERR_TOO_BIG, ERR_NOMEM.
int metrics_json_write(const struct evaluation *e, const struct report_about *about,
                       struct str_buf *out) MUST_CHECK;
