// SPDX-License-Identifier: Apache-2.0
// verdict.h - named sets of criteria, and whether a run meets them.
//
// PASS: every criterion is met. CONDITIONAL_PASS: at least 80 % are. NO_DATA: fewer, but so many
// have no data that the outcome is open. FAIL: fewer. A criterion without data is never met.
//
// Ownership: everything lives in the arena handed in; built-in profiles are constant.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "eval/bootstrap.h"

struct arena;

enum verdict_outcome {
    VERDICT_OUTCOME_UNSET,
    VERDICT_PASS,
    VERDICT_CONDITIONAL_PASS,
    VERDICT_FAIL,
    VERDICT_NO_DATA,
};

struct verdict_criterion {
    const char *metric; // "precision"; see verdict_metric_is_known()
    bool is_max;        // else a minimum
    double limit;
};

struct verdict_profile {
    const char *name;
    const struct verdict_criterion *criteria;
    size_t n;
};

struct verdict_finding {
    struct verdict_criterion criterion;
    double value;                       // NaN: no data
    struct bootstrap_interval interval; // NaN: none
    enum verdict_outcome outcome;       // PASS, FAIL or NO_DATA
};

struct verdict {
    const char *profile;
    struct verdict_finding *findings;
    size_t n, n_met, n_no_data;
    enum verdict_outcome outcome;
};

enum {
    VERDICT_MAX_CRITERIA = 1000,
    VERDICT_MAX_BYTES = 1024 * 1024, // of a file
};

// A built-in profile ("default", "strict", "safety-critical", "performance"), else the file
// {"name": N, "criteria": [{"metric": M, "min": X} or {"metric": M, "max": X}, ...]}.
// ERR_NOT_FOUND (neither), ERR_DATA, ERR_INVALID (no such metric), ERR_NOMEM.
int verdict_profile_get(const char *name_or_path, struct arena *a,
                        struct verdict_profile *ret_profile) MUST_CHECK;
// The same of a file's text; *name* is what messages call it.
int verdict_profile_read(struct str text, const char *name, struct arena *a,
                         struct verdict_profile *ret_profile) MUST_CHECK;
bool verdict_metric_is_known(const char *metric);
// *json* is the name of a built-in profile as a JSON text ("\"strict\""), or a profile as its file
// holds it. A name never means a file. ERR_NOT_FOUND, ERR_DATA, ERR_INVALID, ERR_NOMEM.
int verdict_profile_read_json(struct str json, struct arena *a,
                              struct verdict_profile *ret_profile) MUST_CHECK;
// Asks *figure* for each metric: it fills value and interval, NaN where there is no data.
// ERR_NOMEM.
int verdict_make(const struct verdict_profile *p,
                 void (*figure)(void *arg, const char *metric, struct verdict_finding *f),
                 void *arg, struct arena *a, struct verdict *ret_verdict) MUST_CHECK;
const char *verdict_outcome_name(enum verdict_outcome o); // "PASS", "CONDITIONAL_PASS", ...
