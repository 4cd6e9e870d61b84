// SPDX-License-Identifier: Apache-2.0
// serving.h - the whole server in this process, from the store up and back down: what `assay serve`
// runs, and `assay demo` once it has something to show.
//
// Ownership: whoever starts it stops it. Texts of the options outlive it.
// Threads: the main one; the server, its workers and its janitor have their own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/serving_access.h"
#include "base/attr.h"
#include "infer/engine.h"

struct opt_set;
struct serving;

struct serving_opts {
    const char *listen; // ADDRESS:PORT; port 0: a free one
    const char *data;   // its directory; made where absent
    int64_t workers;    // tasks side by side
    double stop_seconds;
    bool no_access_log;
    // --- room for files; 0: no limit, or the rooms' own
    int64_t max_upload_mb; // of one file
    int64_t quota_mb, project_quota_mb;
    int64_t keep_free_mb;                    // of the disk
    int64_t cache_mb;                        // of memory, for answers that cost; 0: none are kept
    double upload_hours;                     // that an interrupted upload waits
    double keep_tasks_days, keep_audit_days; // 0: for ever
    struct serving_access access;
    struct engine_opts engine;
    int64_t inference_queue;    // pictures that may wait for a model [DESK_MAX_WAITING]
    int64_t model_memory;       // MiB of all loaded models [as much as there is]
    const char *preload;        // names or ids of models, between commas; NULL: none
    const struct opt_set *sets; // of its options, to be shown; outlive it
    size_t n_sets;
};

#define SERVING_STOP_SECONDS 10
enum {
    SERVING_WORKERS = 2,
};

// From now on it answers. On error everything is taken down again, and the error kept: ERR_BUSY
// (the address, or the data, is in use), ERR_INVALID (also: not without accounts, TLS ...),
// ERR_NOT_FOUND (a model to preload), what the rooms say when they cannot begin.
int serving_start(const struct serving_opts *opts, struct serving **ret_serving) MUST_CHECK;
bool serving_has_accounts(const struct serving *s); // now
// "http://127.0.0.1:8080", without a slash; lives as long as it.
const char *serving_url(const struct serving *s);
void serving_wait(const struct serving *s); // until app_is_interrupted()
void serving_stop(struct serving *s);       // in order; NULL is a no-op
