// SPDX-License-Identifier: Apache-2.0
// ort_watch.h - ends runs of ONNX Runtime that nobody waits for any more, or that take too long: a
// graph may hold a loop without an end. Between two operators the runtime looks whether it may go
// on. A model of which one run was ended for taking too long is run no more: each of its pictures
// would hold a worker as long.
//
// Ownership: ort_watch_destroy() after all runs are over.
// Threads: begin and end by whoever runs; a thread of its own looks ten times a second while there
// is a run.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct OrtApi;
struct OrtRunOptions;
struct ort_watch;

enum {
    ORT_WATCH_LIMIT_S = 120, // of one run; as long as the child that looks at an upload has
};

// One run; lives on its caller's stack from begin to end.
struct ort_watched {
    struct OrtRunOptions *options;
    const atomic_bool *stop; // NULL: nobody ends it before its time
    bool has_time;           // it may take longer than the limit
    // --- the watch's
    struct ort_watched *next;
    int64_t deadline_ns;
    bool is_stopped, is_late;
};

int ort_watch_create(const struct OrtApi *api, struct ort_watch **ret_watch) MUST_CHECK;
void ort_watch_destroy(struct ort_watch *w); // NULL is a no-op

// ERR_MODEL: one was ended at the limit before; the run must not begin. *what* is named.
int ort_watch_begin(struct ort_watch *w, struct ort_watched *run, const char *what) MUST_CHECK;
// The run's *result*, with its message. But if that is an error: ERR_CANCELLED where it was
// stopped, ERR_MODEL where it took longer than the limit. *what* is named.
int ort_watch_end(struct ort_watch *w, struct ort_watched *run, int result,
                  const char *what) MUST_CHECK;
