// SPDX-License-Identifier: Apache-2.0
// store_detection.h - detections in sets: what one task (or a system outside, or an evaluation's
// matching) says of one video, written in batches, read as pages or as a stream.
//
// A set is written under the lease of its task: the set that an earlier try left is removed when a
// new one is begun, so a task that runs twice leaves one set. It is complete once finished; readers
// that name a task may watch it grow.
#pragma once

#include "store/columns.h"
#include "store/store.h"

struct store_lease;
struct detection;

enum store_set_kind {
    STORE_SET_UNSET,
    STORE_SET_DETECTIONS, // of a task (processing)
    STORE_SET_EXTERNAL,   // posted to a session, in pieces; blocks may overlap in time
    STORE_SET_OUTCOMES,   // a session's objects, each with what became of it
    STORE_SET_CONFUSIONS, // a session's pairs of the confusion matrix; labels are two
    STORE_SET_N_KINDS,
};

struct store_set {
    const char *id;
    enum store_set_kind kind;
    const char *video_id;
    const char *task_id;    // NULL: external
    const char *session_id; // NULL: of a task of its own
    bool is_complete;
    const char *header_json;  // source, model and settings, as in the header line of a file
    const char *summary_json; // once complete: frames accounted for
    int64_t n_blocks, n_frames, n_detections, n_bytes;
    int64_t created_at_us, finished_at_us;
};

// ---- writing

struct store_set_writer;

struct store_set_opts {
    enum store_set_kind kind;
    const char *video_id;
    const char *session_id;          // NULL: none
    const struct store_lease *lease; // copied; NULL: external only
    const char *header_json;
    uint32_t flags; // of columns.h: tracks, outcomes, latencies
};

// DETECTIONS, OUTCOMES, CONFUSIONS: an empty set in place of what was there for (task, video) and
// (session, video). EXTERNAL: goes on with the set of (session, video), or begins it; ERR_CONFLICT:
// the session is not open, or the video not one of its. ERR_CONFLICT: the lease is lost, here and
// in every call below: the set is gone, or another's.
int store_set_begin(struct store *s, const struct store_set_opts *opts,
                    struct store_set_writer **ret_writer) MUST_CHECK;

// One object, for sets of whatever kind; fields as in columns.h.
struct store_object {
    int32_t class_id;
    const char *label;
    struct columns_detection values; // label is not read
};
// A frame that was looked at, also one without objects. Blocks are written as they fill.
// ERR_INVALID: frame not after the one before, a box or confidence that is no number.
// ERR_TOO_BIG: limits of columns.h.
int store_set_add(struct store_set_writer *w, int64_t frame, int64_t pts_us, int64_t latency_us,
                  const struct store_object *objects, size_t n) MUST_CHECK;
// As above for the pipeline's detections; *labels* are the model's, by class id.
int store_set_add_detections(struct store_set_writer *w, int64_t frame, int64_t pts_us,
                             const struct detection *detections, size_t n,
                             const char *const *labels, size_t n_labels) MUST_CHECK;
// Writes what is held, so that readers see it.
int store_set_flush(struct store_set_writer *w) MUST_CHECK;
// Flushes and completes the set; the writer is gone either way. Within store_begin() the same
// transaction may end the task. *ret_id* (may be NULL) is the set's.
int store_set_finish(struct store_set_writer **pw, const char *summary_json,
                     char ret_id[ID_BYTES]) MUST_CHECK;
// EXTERNAL: flushes and keeps the set open for the next piece; the writer is gone either way.
int store_set_suspend(struct store_set_writer **pw) MUST_CHECK;
void store_set_abort(struct store_set_writer **pw); // the set stays unfinished; NULL is a no-op
const char *store_set_writer_id(const struct store_set_writer *w);

// ---- finding

int store_set_get(struct store *s, const char *id, struct arena *a,
                  struct store_set *ret) MUST_CHECK;
// Of a task, complete or growing. ERR_NOT_FOUND.
int store_set_of_task(struct store *s, const char *task_id, struct arena *a,
                      struct store_set *ret) MUST_CHECK;
// The newest complete DETECTIONS set of a video. ERR_NOT_FOUND: it has none.
int store_set_latest(struct store *s, const char *video_id, struct arena *a,
                     struct store_set *ret) MUST_CHECK;
// Of a session and video: EXTERNAL, OUTCOMES or CONFUSIONS.
int store_set_of_session(struct store *s, const char *session_id, const char *video_id,
                         enum store_set_kind kind, struct arena *a,
                         struct store_set *ret) MUST_CHECK;
// A video's sets of DETECTIONS, newest first.
int store_set_list(struct store *s, const char *video_id, const struct store_page *page,
                   int (*row)(void *arg, const struct store_set *x), void *arg,
                   struct store_next *ret_next) MUST_CHECK;

// ---- reading

struct store_set_filter {
    const char *set_id;
    const char *label;    // NULL: all
    float min_confidence; // 0: all; fn have none and pass
    int64_t from_frame;
    int64_t to_frame; // inclusive; 0 and has_to_frame false: to the end
    bool has_to_frame;
    enum columns_outcome outcome; // UNSET: all
};

// One detection of a page.
struct store_detection {
    int64_t frame, pts_us, latency_us;
    int32_t class_id;
    const char *label;
    const struct columns_detection *values;
    uint32_t flags; // of its block: which columns mean something
};
// In the order they were written. ERR_NOT_FOUND: no such set.
int store_set_page(struct store *s, const struct store_set_filter *filter,
                   const struct store_page *page,
                   int (*row)(void *arg, const struct store_detection *d), void *arg,
                   struct store_next *ret_next) MUST_CHECK;

// A stream holds one block at a time, and no transaction between two calls.
// Ownership: close it. Threads: one at a time.
struct store_set_stream;
int store_set_stream_open(struct store *s, const struct store_set_filter *filter,
                          struct store_set_stream **ret_stream) MUST_CHECK;
// The next block with what the filter leaves of it (frames without objects are kept where the
// filter asks for frames only); borrowed until the next call. ERR_EOF. ERR_NOT_FOUND: the set was
// deleted meanwhile. ERR_DATA: a block is damaged.
int store_set_stream_next(struct store_set_stream *x, const struct columns **ret_block) MUST_CHECK;
// The same as bytes, as application/vnd.assay.columns: blocks, then the end mark, then ERR_EOF.
int store_set_stream_bytes(struct store_set_stream *x, const void **ret_bytes,
                           size_t *ret_n) MUST_CHECK;
void store_set_stream_close(struct store_set_stream *x); // NULL is a no-op

// How many detections of each label a set has, and their highest confidence; from the index alone.
int store_set_labels(struct store *s, const char *set_id,
                     int (*each)(void *arg, int32_t class_id, const char *label, int64_t n,
                                 float max_confidence),
                     void *arg) MUST_CHECK;
