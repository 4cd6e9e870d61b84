// SPDX-License-Identifier: Apache-2.0
// detector_priv.h - what detector.c, lane.c and worker.c share; nobody else looks in here.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/thread.h"
#include "infer/detector.h"

struct head;
struct metric_series;
struct runner;
struct tensor;

enum {
    DETECTOR_N_LANES = 2,      // interactive, bulk: lower goes first
    DETECTOR_MAX_TAKE = 256,   // jobs that a worker holds at once
    DETECTOR_MAX_DELAY_MS = 5, // a GPU batch waits for company no longer
};

enum job_state {
    JOB_STATE_UNSET,
    JOB_WAITING, // in its stream's line
    JOB_IN_WORK, // a worker's
    JOB_DONE,    // in its stream's line, for the receiver
};

// One frame on its way; becomes the result that the receiver gets.
struct job {
    struct detector_result result; // first: detector_result_free() gets this address
    struct job *next;              // in the order of pushing
    struct detector_stream *stream;
    enum job_state state; // guarded by the detector's lock
    // In place of a frame, the pushing thread's, which waits. `inputs` and `tried` NULL: a frame.
    const struct tensor *inputs;
    struct tensor *outputs;
    const struct frame *tried; // settles the engine
    enum engine_trial trial;
    int64_t pushed_ns;
};

struct detector_stream {
    // --- constant after open
    struct detector *detector;
    int lane;
    struct detector_settings settings; // its tables are owned
    size_t max_waiting;                // frames in the lane
    size_t max_inside;                 // frames and results together
    // --- guarded by the detector's lock
    struct job *first; // oldest that was not received
    struct job *last;
    struct job *waiting; // oldest that no worker took; from here on all wait
    size_t n_inside;
    size_t n_waiting;
    size_t n_in_work;
    bool ended;
    bool cancelled;
    bool queued; // in its lane's list
    struct detector_stream *next_in_lane;
    struct cond room;  // the pushing thread waits here
    struct cond ready; // the receiving thread
    struct cond idle;  // who closes
};

// Streams that have frames waiting, served in turn.
struct lane {
    struct detector_stream *first;
    struct detector_stream *last;
};

struct worker {
    struct thread thread;
    struct detector *detector;
    struct runner *runner;
    // --- written under the detector's lock, read there or by the worker's thread
    struct job *jobs[DETECTOR_MAX_TAKE];
    int n_jobs;       // of them that are in work
    atomic_bool stop; // nobody waits for any of them: set under the lock
};

struct detector {
    // --- constant after create
    struct model *model; // owned reference
    struct engine *engine;
    struct head *head;
    int width, height;
    int n_a_call; // of them in one engine call
    struct worker *workers;
    int n_workers;
    atomic_int niceness; // added to the starter's
    // --- constant after detector_set_name(); NULL: not counted
    struct metric_series *seconds;
    struct metric_series *batch_size;
    // --- the thread of detector_run_once() only
    struct runner *once;
    // --- guarded by lock
    struct lock lock;
    struct cond work; // workers wait here
    bool has_lock;
    struct lane lanes[DETECTOR_N_LANES];
    size_t n_waiting;
    size_t n_streams;
    struct detector_stats stats;
    bool stopping;
};

// Waits for frames and moves up to n_a_call of them to the worker, interactive ones first, streams
// of a lane in turn. 0: the detector stops.
int lane_take(struct worker *w);
// The worker's jobs are finished, well or not: they go back into their streams' lines (or away, if
// cancelled).
void lane_give_back(struct worker *w);
// The settings with the defaults of detector.h in place of zeros; tables stay borrowed.
struct detector_settings lane_with_defaults(struct detector_settings settings);

// One job of tensors, or a trial, through its stream.
int lane_push_tensors(struct detector_stream *s, const struct tensor *inputs,
                      struct tensor *outputs) MUST_CHECK;
int lane_push_trial(struct detector_stream *s, const struct frame *tried,
                    enum engine_trial trial) MUST_CHECK;

void worker_run(void *arg); // struct worker
