// SPDX-License-Identifier: Apache-2.0
// session_files.h - a session's truths and detections as files in a temporary folder, so that they
// are read and judged by the code that judges files on the command line.
//
// Ownership: session_files_remove() takes everything away; texts live in the task's arena.
// Threads: the task's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "blob/blob.h"

struct store_session;
struct task_run;

// A video of the session that has both a truth and detections.
struct session_file_video {
    const char *id, *name;
    const char *truth_id;
    int position;     // in the session
    const char *path; // of its blob; NULL: it has none
    const char *probe_json;
    int width, height;   // upright
    int64_t duration_us; // 0: unknown
    // --- judged by time alone where one of the two is a list of events
    bool has_event_truth, has_event_detections;
    const char *truth, *detections; // files; the latter NULL with has_event_detections
};

struct session_files {
    char directory[BLOB_PATH_BYTES];  // "": nothing was made yet
    char truth[BLOB_PATH_BYTES];      // a file, or with several videos a folder of ID.json
    char detections[BLOB_PATH_BYTES]; // likewise ID.jsonl, ID.json or ID.txt
    struct session_file_video *videos;
    size_t n_videos;
    size_t n_events;        // of them: judged as events
    size_t n_without_truth; // of the session's: not judged
    size_t n_without_detections;
};

// *only* (NULL: all) are the ids of the videos that are wanted. ERR_CONFLICT (the lease),
// ERR_NOT_FOUND (the session), ERR_NOSPACE ...
int session_files_make(struct task_run *run, const struct store_session *session,
                       const char *const *only, size_t n_only,
                       struct session_files *ret_files) MUST_CHECK;
void session_files_remove(struct session_files *f); // zeroed is a no-op
