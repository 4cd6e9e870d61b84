// SPDX-License-Identifier: Apache-2.0
// task_priv.h - what the two files of tasks share: the columns and how they are read.
#pragma once

#include "store/store_priv.h"
#include "store/store_task.h"

// Those that the creator says, then what became of it.
#define TASK_COLUMNS                                                                          \
    "id, kind, status, priority, project_id, video_id, model_id, session_id, settings_json, " \
    "max_attempts, timeout_ms, created_by, created_at_us, attempt, fence, n_waits, "          \
    "cancel_requested, progress, message, frames_done, frames_total, frames_per_second, "     \
    "n_detections, error, result_json, worker, due_at_us, started_at_us, finished_at_us"

enum {
    TASK_N_CREATED = 13,
    TASK_N_FIELDS = 29,
};

extern const struct field task_fields[TASK_N_FIELDS];

// What an earlier try logged. Inside a write.
int task_forget_log(struct store *s, const char *id) MUST_CHECK;
// Lets go what waits for a task that is over, drops what it left half-written, and ends the session
// that it was to judge and did not.
int task_release(struct store *s, const char *id) MUST_CHECK;
