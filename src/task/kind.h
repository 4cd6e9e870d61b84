// SPDX-License-Identifier: Apache-2.0
// kind.h - a kind of background work, and what the work sees of the worker that runs it.
//
// A kind's run() reads what its row names, works in bounded memory, and writes through the store
// under its lease: whatever it writes is refused once the task was cancelled, lost or claimed anew,
// and then it returns that error. It keeps nothing between two runs, and a second run of the same
// task leaves the same rows as the first would have.
//
// Ownership: a task_run is the worker's; what it lends lives until run() returns.
// Threads: run() has the worker's thread; the functions here are for that thread, except where
// said.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "store/store_task.h"

struct arena;
struct blob;
struct bus;
struct model_cache;
struct store;
struct str_buf;
struct task_run;

// From where the task "fetch" may take files, and how much.
struct task_sources {
    const char *const *hosts; // as fetch_is_listed()
    size_t n_hosts;
    bool allow_private; // addresses that are not for the public internet
    bool (*is_private)(const uint8_t address[16]);
    int64_t max_bytes, project_quota_bytes, quota_bytes; // 0: no limit
};

// A model to be calibrated to int8 on a video's frames.
struct task_quantize {
    const char *model_path, *video_path;
    const char *video_name; // as the result names its source
    const char *truth_path; // NULL: none; then the loss is one of agreement
    const char *out_folder; // where the child may write
    const char *out_path;   // in it
    int n_frames;
    double max_loss;
};

// What app does for tasks with models, each in a confined child: JSON in *out*. *stop* ends it
// (ERR_CANCELLED).
struct task_model_tools {
    int (*bench)(const char *program, const char *path, const char *name, const atomic_bool *stop,
                 struct str_buf *out);
    int (*quantize)(const char *program, const struct task_quantize *w, const atomic_bool *stop,
                    struct str_buf *out);
};

// What tasks work with: lent by app, outlives the pool.
struct task_tools {
    const struct task_model_tools *model_tools;
    struct store *store;
    struct blob *blob;
    struct bus *bus;
    struct model_cache *models;
    const char *program;                // of child processes; NULL: this one
    const struct task_sources *sources; // NULL: none
};

struct task_kind {
    const char *name;   // "process"; static
    int64_t timeout_ms; // of one try where the row names none; 0: none
    // 0: done, the result set by task_run_set_result() or committed by task_run_commit(). Else the
    // error decides (err_may_retry()) whether it is tried again.
    int (*run)(struct task_run *run);
};

const struct task_tools *task_run_tools(const struct task_run *run);
const struct store_task *task_run_row(const struct task_run *run); // as it was claimed
const struct store_lease *task_run_lease(const struct task_run *run);
struct arena *task_run_arena(struct task_run *run);

// 0, or why the work must end: ERR_CANCELLED (by somebody, or the worker stops), ERR_TIMEOUT,
// ERR_CONFLICT (the lease is lost). Cheap. Any thread.
int task_run_check(struct task_run *run) MUST_CHECK;
// Becomes true with the first of those; for the pointers that rooms below take (source_opts.stop).
const atomic_bool *task_run_stop_flag(const struct task_run *run);
// *stop* runs once on the keeper's thread when the work must end, at once if it must already; NULL
// takes it back and waits until it returned.
void task_run_on_stop(struct task_run *run, void (*stop)(void *arg), void *arg);

// What is seen of it. At most ten a second reach the bus and one the row; the rest is dropped. Any
// thread, one at a time.
void task_run_report(struct task_run *run, const struct store_task_progress *progress);

// JSON of the row's result; copied. ERR_NOMEM.
int task_run_set_result(struct task_run *run, const char *json) MUST_CHECK;
// Calls *write* and ends the task as succeeded in one transaction: both happen or neither. Errors
// of *write* and of the store; ERR_CONFLICT: the lease is lost. run() returns what this returns.
int task_run_commit(struct task_run *run, int (*write)(void *arg), void *arg) MUST_CHECK;
