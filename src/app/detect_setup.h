// SPDX-License-Identifier: Apache-2.0
// detect_setup.h - what `detect` and `validate` share: options, the loaded detector, the watched
// run.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/opt.h"
#include "infer/detector.h"
#include "infer/engine.h"
#include "infer/model.h"
#include "media/source.h"
#include "pipeline/detect_opts.h"
#include "pipeline/pipeline.h"

struct arena;
struct json_writer;

// Rows for where results go; target struct detect_opts.
extern const struct opt detect_out_options[];

// The option tables of a command whose options are in *o*, a static struct detect_opts.
// clang-format off
#define DETECT_OPTION_SET_ROWS(o) DETECT_OPTION_ROWS(o), {detect_out_options, &(o), "Results"}
#define DETECT_OPTION_SETS(o) {DETECT_OPTION_SET_ROWS(o)}
// clang-format on

// A detector ready to run, and how its runs are set.
//
// Ownership: detect_setup_finish(); settings live in the arena.
struct detect_setup {
    const struct detect_opts *opts;
    struct detector *detector;
    struct detector_settings settings;
};

// Loads the model. ERR_INVALID (no --model, an unknown class), and errors of model_open() and
// detector_create(). On error nothing is left.
int detect_setup_init(const struct detect_opts *o, struct arena *a,
                      struct detect_setup *ret) MUST_CHECK;
void detect_setup_finish(struct detect_setup *s); // zeroed is a no-op

// The members of "settings" in headers and metrics; *arg* is a struct detect_setup.
void detect_write_settings(const void *arg, struct json_writer *w);

// The line that closes a run.
void detect_print_totals(const struct pipeline_summary *total);
