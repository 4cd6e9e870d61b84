// SPDX-License-Identifier: Apache-2.0
// session_events.h - the two lists of events that a video of a session is judged by: lists as they
// came, or the appearances of boxes.
//
// Ownership: lists and their texts live in the task's arena; nothing is to be destroyed.
// Threads: the task's.
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "dataset/event_list.h"

struct outside_settings;
struct session_file_video;
struct session_files;
struct store_session;
struct task_run;

struct session_events {
    struct event_list detections;
    int64_t *arrival_us; // [detection] after its presentation, INT64_MIN: unknown; NULL: boxes
};

// Of the classes that the settings ask for. ERR_DATA ... names the video.
int session_events_truth(struct task_run *run, const struct session_file_video *v,
                         const struct outside_settings *settings,
                         struct event_list *ret_truth) MUST_CHECK;
int session_events_read(struct task_run *run, const struct store_session *session,
                        const struct session_file_video *v, const struct outside_settings *settings,
                        struct session_events *ret_events) MUST_CHECK;
// ERR_INVALID: some of the videos are judged by boxes.
int session_events_check(const struct session_files *files) MUST_CHECK;
