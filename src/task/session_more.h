// SPDX-License-Identifier: Apache-2.0
// session_more.h - what pages show of a judged session beyond the metrics file: intervals of its
// figures, its worst moments, and how late what was posted arrived.
//
// Threads: the task's.
#pragma once

#include "base/attr.h"

struct dataset;
struct evaluation;
struct outcome;
struct session_files;
struct store_session;
struct str_buf;
struct task_run;

enum {
    SESSION_MORE_MOMENTS = 100, // worst moments listed
};

// Borrows everything. Judged by events: truth, detections, evaluation and outcome are NULL.
struct session_more {
    struct task_run *run;
    const struct store_session *session;
    const struct session_files *files;
    const struct dataset *truth;
    struct dataset *detections; // its judged pictures may be narrowed
    const struct evaluation *evaluation;
    const struct outcome *outcome;
};

// {"intervals":...,"worst_moments":[...],"arrival_ms":...}
int session_more_write(const struct session_more *m, struct str_buf *out) MUST_CHECK;
