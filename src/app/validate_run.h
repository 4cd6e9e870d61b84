// SPDX-License-Identifier: Apache-2.0
// validate_run.h - detection and evaluation in one pass, as `validate` and `demo` run it: the
// detections go from the pipeline to the judge without a file between.
//
// Threads: the owner; the judge's sink is called from the pipeline's.
#pragma once

#include <stdbool.h>

#include "app/detect_setup.h"
#include "app/judging.h"
#include "base/attr.h"
#include "pipeline/pipeline.h"

struct app_call;
struct dataset;
struct evaluation;

// Values are as parsed; zero or NULL is the default.
struct validate_opts {
    struct detect_opts detect;
    const char *truth;
    int truth_format; // enum dataset_format
    double at_confidence;
    struct judging_opts judging;
};

// A finished judgement, lent for the time of the call.
struct validate_judged {
    const struct dataset *truth, *detections;
    const struct evaluation *evaluation;
    const struct report_about *about;
    const struct pipeline_summary *run; // seconds are wall time
};

// Who is told instead of standard output; *judged* returns 0 or an error, which ends the run.
struct validate_listener {
    int (*judged)(void *arg, const struct validate_judged *j);
    void *arg;
};

// Runs call->arguments[0]. *listener* NULL: the text report goes to standard output. *ret_status:
// the exit status. Negative: nothing was judged, or a result could not be written.
int validate_run(const struct validate_opts *o, const struct app_call *call,
                 const struct validate_listener *listener, int *ret_status) MUST_CHECK;
