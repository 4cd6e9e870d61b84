// SPDX-License-Identifier: Apache-2.0
// time_options.h - what evaluate and validate say on request of time and of the truth's mistakes.
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/opt.h"
#include "eval/mistakes.h"
#include "eval/temporal.h"

struct arena;
struct dataset;
struct evaluation_opts;
struct judging_opts;
struct report_about;
struct time_settings;

// As a member of a command's option sets.
#define TIME_OPTION_SET                                                            \
    {                                                                              \
        time_option_rows, &time_option_settings, "Time, and mistakes of the truth" \
    }
extern const struct opt time_option_rows[];
extern struct time_settings time_option_settings;

// Results that the options ask for.
//
// Ownership: they live in the arena of the call and borrow the truth.
struct time_results {
    struct temporal_result temporal;
    struct mistakes mistakes;
};

// Lists of events for evaluate: whether --events was given, and what it does instead. Errors as
// event_list_read(), events_evaluate() and app_write(); ERR_INVALID: of *o*, what needs boxes.
bool time_options_wants_events(void);
int time_options_events(const char *truth, const char *detections, double at_confidence,
                        const struct judging_opts *o, struct arena *a) MUST_CHECK;

// Judges and points *about* at what was asked for. Errors as temporal_evaluate(), mistakes_find()
// and, for --against, app_dataset_read().
int time_options_run(const struct dataset *truth, const struct dataset *detections,
                     const struct evaluation_opts *opts, struct arena *a,
                     struct time_results *ret_results, struct report_about *about) MUST_CHECK;
