// SPDX-License-Identifier: Apache-2.0
// announce.h - the words in which tasks are spoken of on the bus: between those who write task
// rows, the workers that run them, and listeners.
//
//   topic "tasks"       kind "queued": a task may be due; kind "cancel": {"task_id": ...}
//   topic "task:ID"     kind "task": the state that a listener of /ws/progress hears
//   topic "changes"     kind "videos", "tasks" ...: rows of that kind may show something else now;
//                       "videos:ID": that one does; "videos:*": it is not said which one
//   topic "project:ID"  kind "task": the same, when a task of the project begins or ends
//
// Nobody waits for these: a worker looks by itself every few seconds, so what cannot be published
// is lost in silence.
//
// Threads: any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct str_buf;

#define ANNOUNCE_TASKS          "tasks"
#define ANNOUNCE_CHANGES        "changes"
#define ANNOUNCE_KIND_QUEUED    "queued"
#define ANNOUNCE_KIND_CANCEL    "cancel"
#define ANNOUNCE_KIND_TASK      "task"
#define ANNOUNCE_TASK_PREFIX    "task:"
#define ANNOUNCE_PROJECT_PREFIX "project:"

struct announced_task {
    const char *task_id;
    const char *kind;
    const char *status;
    const char *project_id, *video_id, *session_id; // NULL: none
    double progress;                                // 0..1
    const char *message;                            // NULL: none
    const char *error;                              // likewise
    int64_t frames_done, frames_total;
    double frames_per_second;
    int64_t n_detections;
    bool is_over;
    bool changed_status; // goes to the project's topic as well
};

void announce_queued(struct bus *bus);
void announce_changed(struct bus *bus, const char *kind);
void announce_changed_one(struct bus *bus, const char *kind, const char *id); // NULL: any
void announce_cancel(struct bus *bus, const char *task_id);
void announce_task(struct bus *bus, const struct announced_task *t);
// The JSON of a task's state, as announce_task() publishes it.
void announce_put_task(const struct announced_task *t, struct str_buf *out);
