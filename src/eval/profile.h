// SPDX-License-Identifier: Apache-2.0
// profile.h - a verdict on what was judged: the figures and intervals that a profile asks for.
#pragma once

#include "base/attr.h"
#include "eval/verdict.h"

struct arena;
struct dataset;
struct evaluation;
struct temporal_result;

// *temporal* may be NULL: it is judged here where a criterion asks for it. The judged pictures of
// *detections* are copied. Errors as comparison_run() and temporal_evaluate().
int profile_judge(const struct verdict_profile *profile, const struct dataset *truth,
                  struct dataset *detections, const struct evaluation *e,
                  const struct temporal_result *temporal, struct arena *a,
                  struct verdict *ret_verdict) MUST_CHECK;
// The exit status: 0 for PASS and CONDITIONAL_PASS, else 1.
int profile_exit_status(const struct verdict *v);
