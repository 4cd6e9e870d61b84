// SPDX-License-Identifier: Apache-2.0
// session_pieces.h - what a system under test posted, put together: one file of detections, or a
// list of events.
//
// Threads: the task's.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct event_list;
struct task_run;

// The ending of a file of such pieces (".jsonl"); NULL: they are no file (events).
const char *session_pieces_ending(const char *format);
// The pieces of a video in the order of their numbers, as one file that reads as if it had come
// whole. A single whole file is linked as it is.
int session_pieces_write(struct task_run *run, const char *session_id, const char *video_id,
                         const char *format, const char *path) MUST_CHECK;
// Events as they came, and how long after its presentation each came (INT64_MIN: unknown); all of
// it lives in the task's arena, and nothing is to be destroyed.
int session_pieces_events(struct task_run *run, const char *session_id, const char *video_id,
                          struct event_list *ret_list, int64_t **ret_arrival_us) MUST_CHECK;
