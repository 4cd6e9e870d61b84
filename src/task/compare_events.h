// SPDX-License-Identifier: Apache-2.0
// compare_events.h - two sessions that are judged by timed events, compared over common videos.
//
// Threads: the task's.
#pragma once

#include "base/attr.h"

struct session_files;
struct store_session;
struct str_buf;
struct task_run;

// Borrows both; the files are those of the same videos, in any order.
struct compare_side {
    const struct store_session *session;
    const struct session_files *files;
};

// The document that `assay compare --events --json` writes. Both are judged by the settings of A;
// where B has others, a notice says so. ERR_INVALID, ERR_DATA, ERR_TOO_BIG, ERR_NOMEM.
int compare_events(struct task_run *run, const struct compare_side *a, const struct compare_side *b,
                   struct str_buf *out) MUST_CHECK;
