// SPDX-License-Identifier: Apache-2.0
// judge_options.h - what evaluate and validate judge on request, and how: conventions, confusions,
// slices, joined labels, regions, tables of classes and objects, and the file of best thresholds.
//
// Threads: none; the settings are constant once parsed.
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/opt.h"

struct arena;
struct dataset;
struct judge_settings;
struct evaluation;
struct evaluation_opts;
struct json_writer;

// As a member of a command's option sets.
#define JUDGE_OPTION_SET                                                     \
    {                                                                        \
        judge_option_rows, &judge_option_settings, "What is judged, and how" \
    }
extern const struct opt judge_option_rows[];
extern struct judge_settings judge_option_settings; // their target

// Outputs; NULL: not asked for.
const char *judge_options_thresholds(void);
const char *judge_options_csv_classes(void);
const char *judge_options_csv_objects(void);
// Whether --map was given: the model's labels are not those that are judged.
bool judge_options_joins(void);

// Checks everything and completes *opts* (borrows *a*). ERR_INVALID, ERR_NOMEM.
int judge_options_parse(struct arena *a, struct evaluation_opts *opts) MUST_CHECK;
// Between reading truth and reading detections, and behind both. Errors of eval/class_join.h and
// eval/region.h.
int judge_options_prepare(struct dataset *truth) MUST_CHECK;
int judge_options_apply(struct dataset *truth, struct dataset *detections) MUST_CHECK;
// Members of the metrics file's "settings": what was joined, and where was looked. For
// report_about.settings; *arg* is not used.
void judge_options_put(void *arg, struct json_writer *w);
// Writes the best thresholds where they are asked for. Errors of app_write().
int judge_options_save(const struct evaluation *e) MUST_CHECK;
