// SPDX-License-Identifier: Apache-2.0
// detect_run.h - sources through a loaded detector into sinks, watched: progress on standard error,
// an interrupt cancels, the worst end of all sources is the exit status.
//
// Ownership: items live in the arena; the sinks in them are the caller's.
// Threads: init and all: the owner. The items' calls come from the pipeline's threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "pipeline/pipeline.h"

struct arena;
struct detect_setup;
struct sink;

// One source on its way.
struct detect_item {
    const char *path;
    struct sink *sink;               // the caller's; may be NULL
    struct pipeline_sink calls;      // what the source's frames are given to
    struct pipeline_summary summary; // filled at the end
    int end_error;                   // of calls.end
};

struct detect_run {
    bool keep_pictures; // set by the caller before init, as the next two
    bool no_sha256;
    bool is_quiet;
    const struct detect_setup *setup;
    struct detect_item *items;
    size_t n;
    struct pipeline_summary total; // filled at the end; seconds are wall time of the whole run
};

// ERR_INVALID (no source), ERR_NOMEM.
int detect_run_init(struct detect_run *run, const struct detect_setup *setup,
                    const char *const *paths, size_t n_paths, struct arena *a) MUST_CHECK;
// Runs everything, logs what went wrong with each source and the closing line of totals.
// *ret_status: the exit status. Negative only where nothing could be run at all.
int detect_run_all(struct detect_run *run, int *ret_status) MUST_CHECK;
