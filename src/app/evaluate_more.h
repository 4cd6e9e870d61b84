// SPDX-License-Identifier: Apache-2.0
// evaluate_more.h - options of `evaluate` beyond COCO's figures: conventions, confusions, slices,
// joined labels, regions, and the file of best thresholds.
//
// Threads: none; the settings are constant once parsed.
#pragma once

#include "base/attr.h"
#include "base/opt.h"

struct arena;
struct dataset;
struct evaluate_more;
struct evaluation;
struct evaluation_opts;
struct json_writer;

extern const struct opt evaluate_more_rows[];
extern struct evaluate_more evaluate_more; // their target

// The file of --save-thresholds; NULL: not asked for.
const char *evaluate_more_output(void);

// Checks everything and completes *opts* (borrows *a*). ERR_INVALID, ERR_NOMEM.
int evaluate_more_parse(struct arena *a, struct evaluation_opts *opts) MUST_CHECK;
// Between reading truth and reading detections, and behind both. Errors of eval/class_join.h and
// eval/region.h.
int evaluate_more_prepare(struct dataset *truth) MUST_CHECK;
int evaluate_more_apply(struct dataset *truth, struct dataset *detections) MUST_CHECK;
// Members of the metrics file's "settings": what was joined, and where was looked. For
// report_about.settings; *arg* is not used.
void evaluate_more_put(void *arg, struct json_writer *w);
// Writes the best thresholds where they are asked for. Errors of app_write().
int evaluate_more_save(const struct evaluation *e) MUST_CHECK;
