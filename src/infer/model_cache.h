// SPDX-License-Identifier: Apache-2.0
// model_cache.h - loaded detectors shared by all who ask: each model is loaded and warmed once,
// counted, and unloaded when memory presses or somebody says so.
//
// INVARIANTS
// (1) One entry a key; whoever asks while it loads waits for that load.
// (2) An entry that somebody has is never unloaded; one marked for unloading goes when the last
//     user gives it back.
//
// Ownership: model_cache_destroy() after everything was given back.
// Threads: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "infer/engine.h"
#include "infer/model.h"

struct desk;
struct detector;
struct model_cache;

enum {
    MODEL_CACHE_KEY_BYTES = 160,
    MODEL_CACHE_IDLE = 4, // default of max_idle
};

struct model_cache_opts {
    size_t max_idle;           // loaded models that nobody uses: the longest unused go first
                               // [MODEL_CACHE_IDLE]
    int64_t min_free_bytes;    // of the machine's memory: below, every idle model goes [512 MiB]
    int64_t max_bytes;         // resident of all models together: above, idle ones go, the longest
                               // unused first [no limit]
    int niceness;              // that the workers of all models add to their starter's
    size_t max_waiting;        // pictures in the line before each model's desk [DESK_MAX_WAITING]
    struct engine_opts engine; // for whoever asks for nothing else
};

// ERR_NOMEM.
int model_cache_create(const struct model_cache_opts *opts,
                       struct model_cache **ret_cache) MUST_CHECK;
void model_cache_destroy(struct model_cache *c); // NULL is a no-op

struct model_wanted {
    const char *key;         // of the model: its id, or a name
    const char *name;        // its label in metrics; NULL: the key
    struct model_opts model; // where its file is; strings are copied
    // What is set in it (its calibration, quantization and profile are not looked at) stands over
    // the cache's options, one by one; NULL: nothing.
    const struct engine_opts *engine;
};

// The detector of key, model options and engine options; loads it where it is not there. Give it
// back. Errors of model_open() and detector_create(): nothing is kept of them.
int model_cache_take(struct model_cache *c, const struct model_wanted *wanted,
                     struct detector **ret_detector) MUST_CHECK;
void model_cache_give_back(struct model_cache *c, struct detector *d); // NULL is a no-op
// Where single pictures wait for a detector that the caller has; lives as long as that.
struct desk *model_cache_desk(struct model_cache *c, const struct detector *d);
// All entries of the key go: at once, or when their last user gives them back. *ret_n (may be
// NULL): how many there were.
void model_cache_unload(struct model_cache *c, const char *key, size_t *ret_n);
// Idle models go, oldest first, while the machine is short of memory. Called by the cache itself at
// every load; by the owner once in a while.
void model_cache_relieve(struct model_cache *c);

struct model_cache_entry {
    const char *key;
    const char *name;
    const struct detector *detector;
    size_t n_users;
    int64_t n_taken;        // how often it was asked for
    int64_t load_ns;        // that loading and warming took
    int64_t idle_ns;        // since its last user; 0 while it has one
    bool is_leaving;        // marked for unloading
    int64_t resident_bytes; // that its load added to the process, as well as can be told
};
// Under the cache's lock: must not wait and not call the cache.
void model_cache_each(struct model_cache *c,
                      void (*each)(void *arg, const struct model_cache_entry *e), void *arg);

// What became of a model since the program's start, loaded or not.
struct model_cache_usage {
    int64_t n_loads;
    int64_t load_ns;          // of all loads
    int64_t n_taken;          // how often somebody asked for it
    int64_t n_pictures;       // that it looked at
    int64_t n_failed;         // pictures on which it broke
    int64_t run_ns;           // of its pictures, summed over workers
    int64_t wait_ns;          // of its pictures in the lanes
    int64_t resident_bytes;   // now
    size_t n_loaded, n_users; // now
    size_t n_waiting;         // pictures before its desks, now
};
struct model_cache_usage model_cache_usage(struct model_cache *c, const char *key);

// inference_queue_depth{model,lane}, models_loaded, model_resident_bytes{model}: registered here,
// brought up to date by model_cache_refresh() before each exposition. ERR_NOMEM.
int model_cache_register_metrics(void) MUST_CHECK;
void model_cache_refresh(struct model_cache *c);
