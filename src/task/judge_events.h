// SPDX-License-Identifier: Apache-2.0
// judge_events.h - a session whose truth or detections are timed events, judged by time alone as
// `evaluate --events` does.
//
// Events of several videos are judged as one list each, apart in time so that none meets another's.
//
// Ownership: everything lives in the task's arena.
// Threads: the task's.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "eval/events.h"
#include "eval/verdict.h"

struct outside_settings;
struct session_files;
struct store_session;
struct str_buf;
struct task_run;

struct events_judged {
    struct events_result result;
    struct verdict verdict; // where *profile* was given
};

// *profile* NULL: no verdict. ERR_INVALID: some videos of the session have boxes on both sides.
int judge_events(struct task_run *run, const struct store_session *session,
                 const struct session_files *files, const struct outside_settings *settings,
                 const struct verdict_profile *profile, struct events_judged *ret) MUST_CHECK;
// The metrics file of `evaluate --events`.
int judge_events_json(const struct events_judged *j, struct str_buf *out) MUST_CHECK;
