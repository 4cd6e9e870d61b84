// SPDX-License-Identifier: Apache-2.0
// judging.h - what evaluate and validate do alike once truth and detections are there: the figures
// that were asked for, the verdict, and every file that they go to.
//
// Threads: none; evaluation_run() starts and joins its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "report/metrics_json.h"

struct arena;
struct dataset;
struct evaluation;
struct evaluation_opts;
struct source_opts;

// Of the command line; NULL: not asked for.
struct judging_opts {
    const char *json, *report, *profile;
    const char *detections; // a file that the command itself writes
    bool wants_conditions;  // figures for each condition of the pictures (eval/conditions.h)
    bool tracking;
    int rules; // enum tracking_rules - 1; above 0: tracking
};

// Everything borrowed.
struct judging {
    const struct judging_opts *opts;
    struct dataset *truth, *detections; // changed by --map, --roi and --ignore-region
    struct evaluation_opts *evaluation; // went through judging_check(); conditions are added
    struct report_about about;          // texts and settings; results are pointed at here
    const struct source_opts *source;   // where the report's pictures are; NULL: nowhere
    // Is told before files are written, and instead of standard output; NULL: nobody.
    int (*judged)(void *arg, const struct judging *j, const struct evaluation *e);
    void *arg;
};

// Before hours of work: the profile is one, the options of judge_options are well-formed and
// complete *ret_evaluation*, and every output can be written and replaces none of the *inputs* and
// no other output. ERR_INVALID, ERR_EXISTS, and as verdict_profile_get(), judge_options_parse() and
// file_out_open().
int judging_check(const struct judging_opts *o, const char *const *inputs, size_t n_inputs,
                  struct arena *a, struct evaluation_opts *ret_evaluation) MUST_CHECK;
// True where the results take standard output: no text is printed.
bool judging_takes_stdout(const struct judging_opts *o);
// *ret_status becomes 1 where a verdict did not pass and it was 0. Errors of all that is asked for.
int judging_run(struct judging *j, struct arena *a, int *ret_status) MUST_CHECK;
