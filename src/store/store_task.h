// SPDX-License-Identifier: Apache-2.0
// store_task.h - background work: the row is the truth.
//
//   queued --claim--> running --succeed--> succeeded
//     ^                | | |---cancelled-> cancelled   <--cancel-- queued
//     |---give_back----| | '---fail------> failed      (tries used up, or no use: "dead", kept)
//     |---fail (tries left, after a back-off), or the lease lapsed
//     '---retry--- failed, cancelled
//
// A claim gives a lease: the task's id and a fencing number that is higher at every claim. Whatever
// a worker writes names its lease and is refused (ERR_CONFLICT: the lease is lost) once the task
// was claimed anew, given back, cancelled, finished or deleted; then the worker throws its work
// away.
//
// Leases run by the monotonic clock of the process that serves, and end with it: store_open() gives
// everything back that was claimed under an earlier opening, without counting it as an attempt. A
// wall clock that jumps neither ends nor prolongs a lease. Back-off is by the wall clock, and never
// waits longer than its own length.
#pragma once

#include "store/store.h"

enum store_task_status {
    STORE_TASK_UNSET,
    STORE_TASK_QUEUED,
    STORE_TASK_RUNNING,
    STORE_TASK_SUCCEEDED,
    STORE_TASK_FAILED,
    STORE_TASK_CANCELLED,
    STORE_TASK_N_STATUSES,
};
const char *store_task_status_name(int status);
int store_task_status_parse(const char *name);
bool store_task_is_over(enum store_task_status status);

enum {
    STORE_TASK_KIND_MAX = 32,     // bytes of a kind's name
    STORE_TASK_KINDS_MAX = 16,    // of one claim
    STORE_TASK_ATTEMPTS = 3,      // default of max_attempts
    STORE_TASK_BACKOFF_MS = 1000, // before the second try; doubles, up to
    STORE_TASK_BACKOFF_MAX_MS = 300 * 1000,
    STORE_TASK_LOSSES = 100, // tries that may be lost with their process, not counted as attempts
    STORE_TASK_WAITS_MAX = 10000, // tasks that one waits for
};

struct store_task {
    const char *id;
    const char *kind; // "process"
    enum store_task_status status;
    int priority;                                              // higher first; 0 is ordinary
    const char *project_id, *video_id, *model_id, *session_id; // NULL: none
    const char *settings_json;
    int max_attempts;   // 0: STORE_TASK_ATTEMPTS
    int64_t timeout_ms; // of one try, kept by the worker; 0: the kind's
    const char *created_by;
    // --- read only: what became of it
    int attempt; // 0 before the first claim
    int64_t fence;
    int n_waits; // tasks it still waits for
    bool cancel_requested;
    double progress; // 0..1
    const char *message;
    int64_t frames_done, frames_total; // total 0: unknown
    double frames_per_second;
    int64_t n_detections;
    const char *error; // "MEDIA: clip.mp4: no video stream"; NULL: none
    const char *result_json;
    const char *worker;
    int64_t created_at_us, due_at_us, started_at_us, finished_at_us; // 0: not yet
};

// Queued, or as part of the caller's transaction. It is not claimed before each of *waits_for* is
// over, however it ended (those that do not exist count as over). ERR_CONFLICT: a row it names does
// not exist.
int store_task_create(struct store *s, const struct store_task *t, const char *const *waits_for,
                      size_t n_waits_for, char ret_id[ID_BYTES]) MUST_CHECK;
int store_task_get(struct store *s, const char *id, struct arena *a,
                   struct store_task *ret) MUST_CHECK;

// What store_task_keep_log() kept of its newest try; *ret_json* NULL: nothing.
int store_task_log(struct store *s, const char *id, struct arena *a,
                   const char **ret_json) MUST_CHECK;

struct store_task_filter { // NULL, UNSET: any
    const char *project_id, *video_id, *session_id, *kind;
    const char
        *user_id; // of projects in which that user has a role; of no project: made by the user
    enum store_task_status status;
};
int store_task_list(struct store *s, const struct store_task_filter *filter,
                    const struct store_page *page,
                    int (*row)(void *arg, const struct store_task *t), void *arg,
                    struct store_next *ret_next) MUST_CHECK;

// ---- for whoever asked for it

// A queued task is cancelled at once; a running one is asked to (its worker sees that when it
// renews or reports); one that is over stays as it is. *ret_status*: afterwards. A video whose last
// open "probe" is cancelled, whichever way, is failed and says so.
int store_task_cancel(struct store *s, const char *id,
                      enum store_task_status *ret_status) MUST_CHECK;
// Queued again with all its tries; of a "probe" the video waits again. ERR_CONFLICT: neither failed
// nor cancelled.
int store_task_retry(struct store *s, const char *id) MUST_CHECK;

// ---- for workers

struct store_lease {
    char task_id[ID_BYTES];
    int64_t fence;
};

struct store_claim {
    const char *const *kinds; // what this worker can do
    size_t n_kinds;           // up to STORE_TASK_KINDS_MAX
    const char *worker;       // its name
    int64_t lease_ms;
};
// The due task of the highest priority, the oldest of those: running now, and *ret_lease* its
// lease. ERR_NOT_FOUND: nothing is due.
int store_task_claim(struct store *s, const struct store_claim *claim, struct arena *a,
                     struct store_task *ret_task, struct store_lease *ret_lease) MUST_CHECK;
// The lease lasts *lease_ms* from now. *ret_cancel*: somebody wants it cancelled.
int store_task_renew(struct store *s, const struct store_lease *lease, int64_t lease_ms,
                     bool *ret_cancel) MUST_CHECK;

struct store_task_progress {
    double progress;
    const char *message; // NULL: as it is
    int64_t frames_done, frames_total;
    double frames_per_second;
    int64_t n_detections;
};
int store_task_report(struct store *s, const struct store_lease *lease,
                      const struct store_task_progress *p, bool *ret_cancel) MUST_CHECK;
int store_task_succeed(struct store *s, const struct store_lease *lease,
                       const char *result_json) MUST_CHECK;
// *may_retry* and tries left: queued with a back-off, else failed. *ret_status* (may be NULL).
// A "probe" or "fetch" that failed for good, here or by its lease, leaves no video waiting: one
// that is still `uploaded` is failed with the error's cause.
int store_task_fail(struct store *s, const struct store_lease *lease, const char *error,
                    bool may_retry, enum store_task_status *ret_status) MUST_CHECK;
// The last lines that this try logged (base/log_keep.h), to stay with the row until it is claimed
// or retried. For a try that fails, as part of one transaction with store_task_fail().
int store_task_keep_log(struct store *s, const struct store_lease *lease,
                        const char *log_json) MUST_CHECK;
int store_task_cancelled(struct store *s, const struct store_lease *lease) MUST_CHECK;
// Queued as before the claim, the try not counted: a worker that is told to stop.
int store_task_give_back(struct store *s, const struct store_lease *lease) MUST_CHECK;
// 0 while the lease holds, else ERR_CONFLICT. Within store_begin() this is what fences other
// writes.
int store_task_check(struct store *s, const struct store_lease *lease) MUST_CHECK;

// Leases that lapsed: queued with a back-off, or failed after the last try. *each* (may be NULL)
// sees each task as it is afterwards, for the bus.
int store_task_expire(struct store *s, int (*each)(void *arg, const struct store_task *t),
                      void *arg, int64_t *ret_n) MUST_CHECK;
// How long until the next queued task of any kind is due: 0 at once, INT64_MAX: none is queued that
// waits for nothing but time.
int store_task_next_due_us(struct store *s, int64_t *ret_wait_us) MUST_CHECK;
// For task_queue_depth{kind}.
int store_task_depth(struct store *s,
                     int (*each)(void *arg, const char *kind, int64_t n_queued, int64_t n_running),
                     void *arg) MUST_CHECK;
// Removes tasks that were over before *before_us* and that no session, video or detections need.
int store_task_prune(struct store *s, int64_t before_us, int64_t *ret_n) MUST_CHECK;
