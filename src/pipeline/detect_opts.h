// SPDX-License-Identifier: Apache-2.0
// detect_opts.h - how detection is set: the options of `detect` and `validate`, which are the
// settings of a task as well.
//
// Threads: none; constant once parsed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/opt.h"
#include "infer/detector.h"
#include "infer/engine.h"
#include "infer/model.h"
#include "media/source.h"

struct arena;
struct json_writer;

// Values are as parsed; zero or NULL is the default.
struct detect_opts {
    struct source_opts source; // without the path
    struct model_opts model;
    struct engine_opts engine;
    double confidence;
    double iou;
    int64_t max_detections;
    const char *classes;
    struct opt_list class_confidence;
    bool track;
    // --- the command line's; nothing here reads them
    int64_t side_by_side;
    const char *out;
    int format; // enum sink_kind
};

// Rows for the options above that no room below has; target struct detect_opts.
extern const struct opt detect_options[];

enum {
    DETECT_DEFAULT_MAX = 300, // detections of a frame
};
#define DETECT_DEFAULT_CONFIDENCE 0.25
#define DETECT_DEFAULT_IOU        0.7
#define DETECT_JUDGED_CONFIDENCE  0.001 // of whatever is judged: average precision needs a low floor

// The option tables whose options are in *o*, a struct detect_opts.
// clang-format off
#define DETECT_OPTION_ROWS(o) \
    {detect_options, &(o), "Detection"}, {source_options, &(o).source, "Source"}, \
    {model_options, &(o).model, "Model"}, {engine_options, &(o).engine, "Engine"}
// clang-format on

// The settings of a stream of *m*'s; they live in *a*. ERR_INVALID (no such class: the message
// names the nearest one), ERR_NOT_FOUND (a file of floors), ERR_NOMEM.
int detect_opts_settings(const struct detect_opts *o, const struct model_info *m, struct arena *a,
                         struct detector_settings *ret_settings) MUST_CHECK;

// Settings of a task: a JSON object whose members are options of `detect` with underscores, but for
// those that name files or devices of the machine. *o* holds the defaults. "" is {}.
int detect_opts_read_json(const char *json, struct arena *a, struct detect_opts *o) MUST_CHECK;

// The members of "settings" in headers and metrics: what was used.
struct detect_used {
    const struct detect_opts *opts;
    const struct detector *detector;
    const struct detector_settings *settings;
};
void detect_opts_write(const struct detect_used *used, struct json_writer *w);
