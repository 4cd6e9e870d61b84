// SPDX-License-Identifier: Apache-2.0
// engine_impl.h - what one engine brings to the table in engine.c; only engine*.c and tests look in
// here.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/attr.h"
#include "infer/engine.h"

enum {
    ENGINE_DESCRIPTION_MAX = 160,
};

struct engine_impl {
    const char *name;
    int (*create)(struct model *m, const struct engine_opts *opts, struct engine **ret_engine);
    void (*destroy)(struct engine *e);
    int (*context_create)(struct engine *e, struct engine_context **ret_context);
    void (*context_destroy)(struct engine_context *c);
    int (*run)(struct engine_context *c, const struct tensor *inputs, int n_inputs,
               struct tensor *outputs, int n_outputs);
    // NULL: run, and the outputs are whole.
    int (*run_for_head)(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                        struct tensor *outputs, int n_outputs, bool *ret_is_cut);
    int (*rows)(struct engine_context *c, float floor, struct plan_rows *ret_rows);
    // NULL in all but engine_auto: warm is run, and the engine itself is the one that runs.
    int (*warm)(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                struct tensor *outputs, int n_outputs);
    const struct engine *(*settled)(const struct engine *e); // NULL: not yet
    int (*try)(struct engine_context *c, const struct tensor *inputs, int n_inputs,
               enum engine_trial trial);
};

// The first member of every engine; filled by its create.
struct engine {
    const struct engine_impl *impl;
    struct model *model; // owned reference
    int max_batch;
    bool takes_bytes;
    const char *precision; // a constant text
    double operations;     // of one picture; 0: unknown
    char description[ENGINE_DESCRIPTION_MAX];
};

// The first member of every context.
struct engine_context {
    struct engine *engine;   // borrowed
    const atomic_bool *stop; // borrowed; NULL: runs go to their end
};

extern const struct engine_impl engine_auto;
extern const struct engine_impl engine_native;
extern const struct engine_impl engine_onnxruntime;

// "fp32": what the native engine would compute in.
const char *engine_native_precision(const struct model *m, const struct engine_opts *opts);
int engine_onnxruntime_describe(char *ret_text, size_t n_bytes) MUST_CHECK;

// Tests only. While *stub* is set (NULL takes it away), every engine_create() of this process gives
// an engine that answers with *run*: outputs hold zeroed memory of the model's output shapes
// (dynamic dimensions: the batch for the first, 1 for others) for it to fill.
struct engine_stub {
    int max_batch;
    int create_error; // what engine_create() returns, when not 0
    void *arg;
    int (*run)(void *arg, const struct tensor *inputs, int n_inputs, struct tensor *outputs,
               int n_outputs);
    // NULL: it is settled from the start. Else it is once this has returned 0 for the last trial;
    // *stop* is the context's.
    int (*try)(void *arg, const atomic_bool *stop);
};
void engine_test_set_stub(const struct engine_stub *stub);

extern const struct engine_impl engine_stub;
bool engine_stub_is_set(void);
