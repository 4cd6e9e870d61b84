// SPDX-License-Identifier: Apache-2.0
// store_session.h - test sessions: one model (or a system under test outside) put to some videos
// and judged; what came out of it.
#pragma once

#include "store/store.h"

struct store_blob;
struct store_dropped;
struct store_lease;

enum store_session_source {
    STORE_SESSION_SOURCE_UNSET, // takes own
    STORE_SESSION_OWN,
    STORE_SESSION_EXTERNAL, // detections or events are posted to it
    STORE_SESSION_N_SOURCES,
};
const char *store_session_source_name(int source); // "own", "external"
int store_session_source_parse(const char *name);

enum store_session_status {
    STORE_SESSION_UNSET,
    STORE_SESSION_QUEUED,
    STORE_SESSION_OPEN, // external: takes detections until it is closed
    STORE_SESSION_RUNNING,
    STORE_SESSION_SUCCEEDED, // judged, whatever the verdict
    STORE_SESSION_FAILED,
    STORE_SESSION_CANCELLED,
    STORE_SESSION_N_STATUSES,
};
const char *store_session_status_name(int status);
int store_session_status_parse(const char *name);

enum store_verdict {
    STORE_VERDICT_UNSET, // none: no profile, or not judged yet
    STORE_VERDICT_PASSED,
    STORE_VERDICT_CONDITIONAL_PASS, // most criteria are met
    STORE_VERDICT_FAILED,
    STORE_VERDICT_NO_DATA, // too little is known to say
    STORE_VERDICT_N,
};
const char *store_verdict_name(int verdict); // "passed", "conditional_pass", "failed", "no_data"
int store_verdict_parse(const char *name);

struct store_session {
    const char *id;
    const char *project_id;
    const char *name; // NULL: none
    enum store_session_source source;
    enum store_session_status status;
    const char *model_id;                  // NULL: external, or the model was deleted
    const char *model_name, *model_sha256; // kept when the model goes
    const char *settings_json, *profile_json;
    const char *error;
    const char *created_by;
    int64_t created_at_us, started_at_us, finished_at_us;
    // --- read only: of the result
    enum store_verdict verdict;
    double ap, ap50, precision, recall, f1; // NaN: no data
    int64_t n_videos, n_videos_done;
};

struct store_session_video {
    const char *session_id, *video_id;
    int position;         // in the session, from 0
    const char *task_id;  // that processes it; NULL: external
    const char *truth_id; // what it is judged by; NULL: none
    const char *set_id;   // its detections; NULL: none yet
    // --- read only: what a system under test posted (store_piece.h)
    int64_t played_at_us;     // when the video began to play; 0: not yet
    const char *piece_format; // of all its pieces; NULL: none yet
    int64_t n_pieces, n_piece_bytes, n_piece_items;
};

// With its videos, in their order (video_id, task_id and truth_id of each are read). ERR_CONFLICT:
// a row it names does not exist.
int store_session_create(struct store *s, const struct store_session *x,
                         const struct store_session_video *videos, size_t n_videos,
                         char ret_id[ID_BYTES]) MUST_CHECK;
int store_session_get(struct store *s, const char *id, struct arena *a,
                      struct store_session *ret) MUST_CHECK;
// With its results, detections and tasks. Tasks that run lose their lease.
int store_session_delete(struct store *s, const char *id, struct store_dropped *dropped) MUST_CHECK;

struct store_session_filter {
    const char *project_id; // NULL: all
    const char *user_id;    // of projects in which that user has a role
    enum store_session_status status;
    enum store_verdict verdict;
};
int store_session_list(struct store *s, const struct store_session_filter *filter,
                       const struct store_page *page,
                       int (*row)(void *arg, const struct store_session *x), void *arg,
                       struct store_next *ret_next) MUST_CHECK;
// By position; the cursor pages as elsewhere.
int store_session_videos(struct store *s, const char *session_id, const struct store_page *page,
                         int (*row)(void *arg, const struct store_session_video *v), void *arg,
                         struct store_next *ret_next) MUST_CHECK;
// Sets truth_id, task_id and set_id where not NULL.
int store_session_set_video(struct store *s, const struct store_lease *lease,
                            const struct store_session_video *v) MUST_CHECK;
// *lease* may be NULL; *error* too. Allowed moves: open -> queued; queued, open -> running; running
// -> queued, open; anything not over -> succeeded, failed, cancelled; over -> queued (judged
// again). Else ERR_CONFLICT.
int store_session_set_status(struct store *s, const struct store_lease *lease, const char *id,
                             enum store_session_status status, const char *error) MUST_CHECK;

// ---- what came out

struct store_result {
    enum store_verdict verdict;
    double ap, ap50, precision, recall, f1; // NaN: no data
    const char *metrics_json;               // the metrics file's object
    const char *verdict_json;               // rule by rule; NULL: no profile
    const char *report_key;                 // read: the report's blob; NULL: none yet
    const char *more_json;                  // what pages show besides: intervals, moments ...; NULL
};
// Replaces what an earlier evaluation left. *report* may be NULL: the report comes later.
int store_session_set_result(struct store *s, const struct store_lease *lease, const char *id,
                             const struct store_result *result, const struct store_blob *report,
                             struct store_dropped *dropped) MUST_CHECK;
int store_session_set_report(struct store *s, const struct store_lease *lease, const char *id,
                             const struct store_blob *report,
                             struct store_dropped *dropped) MUST_CHECK;
// ERR_NOT_FOUND: not judged yet.
int store_session_result(struct store *s, const char *id, struct arena *a,
                         struct store_result *ret) MUST_CHECK;

// ---- timed events of a system under test (external sessions)

struct store_event {
    int64_t start_us, end_us; // of the video's time; end = start: a moment
    const char *label;
    double confidence;  // NaN: none
    int64_t latency_us; // from presentation to arrival; INT64_MIN: unknown
};
// In order of arrival. ERR_CONFLICT: not open, or the video is not the session's.
int store_session_add_events(struct store *s, const char *session_id, const char *video_id,
                             const struct store_event *events, size_t n) MUST_CHECK;
// By start.
int store_session_events(struct store *s, const char *session_id, const char *video_id,
                         const struct store_page *page,
                         int (*row)(void *arg, const struct store_event *e), void *arg,
                         struct store_next *ret_next) MUST_CHECK;
