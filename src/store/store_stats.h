// SPDX-License-Identifier: Apache-2.0
// store_stats.h - counts and latest results, for the dashboard.
#pragma once

#include "store/store.h"
#include "store/store_session.h"
#include "store/store_task.h"
#include "store/store_video.h"

struct store_stats {
    int64_t n_projects, n_videos, n_models, n_sessions;
    int64_t n_videos_of[STORE_VIDEO_N_STATUSES];
    int64_t n_tasks_of[STORE_TASK_N_STATUSES];
    int64_t n_sessions_of[STORE_SESSION_N_STATUSES];
    int64_t n_verdicts_of[STORE_VERDICT_N];
    int64_t n_detections, n_frames; // of complete sets of detections
    int64_t video_us;               // duration of all probed videos
    int64_t n_bytes;                // of blobs
    // Of the newest sessions with a result; NaN and 0 where there is none.
    double latest_ap, latest_ap50;
    int64_t latest_at_us;
};

// Of a project; with NULL of everything, or (*user_id* not NULL) of the projects in which that user
// has a role. The latest sessions are store_session_list()'s.
int store_stats_get(struct store *s, const char *project_id, const char *user_id,
                    struct store_stats *ret) MUST_CHECK;
