// SPDX-License-Identifier: Apache-2.0
// page.h - the page of a judged session as a blob, its pictures taken from the videos by confined
// children.
#pragma once

#include "base/attr.h"
#include "blob/blob.h"

struct conditions;
struct dataset;
struct evaluation;
struct outcome;
struct report_about;
struct session_files;
struct store_dropped;
struct task_run;

// Borrows everything.
struct task_page {
    struct task_run *run;
    const struct session_files *files;
    const struct dataset *truth, *detections;
    const struct evaluation *evaluation;
    const struct outcome *outcome;
    const struct report_about *about;
    const struct conditions *conditions;
};

// Pictures that cannot be had are missing in the page, which says so.
int task_page_write(const struct task_page *page, struct blob_info *ret_blob) MUST_CHECK;
// Deletes the files of what rows let go of, and empties the list; what cannot be deleted is the
// janitor's.
void task_delete_blobs(struct task_run *run, struct store_dropped *dropped);
