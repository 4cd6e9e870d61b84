// SPDX-License-Identifier: Apache-2.0
// runner.h - one worker's hands: input tensors, an engine context and the head's scratch.
//
// A picture's way: runner_put() into a slot, runner_run() for all slots filled, runner_take() of
// each slot's detections.
//
// Ownership: runner_destroy() before the engine and the head it was made with.
// Threads: one at a time.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"
#include "infer/engine.h"
#include "infer/model.h"

struct detection_list;
struct detector_settings;
struct frame;
struct head;
struct runner;
struct tensor;

// *width* x *height*: the pixels of every picture. All slots hold the model's fill colour.
// ERR_MODEL: an input that no head knows; ERR_UNSUPPORTED: a number type; ERR_NOMEM.
int runner_create(struct model *m, struct engine *e, int width, int height,
                  struct runner **ret_runner) MUST_CHECK;
void runner_destroy(struct runner *r); // NULL is a no-op
int runner_n_slots(const struct runner *r);
void runner_set_stop(struct runner *r, const atomic_bool *stop); // engine_context_set_stop()

// Runs what stands in the slots; the outputs show a head what it needs to see. Errors of
// engine_run() and head_create().
int runner_make_head(struct runner *r, struct head **ret_head) MUST_CHECK;
// Borrows the head.
int runner_set_head(struct runner *r, const struct head *h) MUST_CHECK; // ERR_NOMEM

int runner_put(struct runner *r, int slot, const struct frame *f) MUST_CHECK;
// Slots 0..n-1. Errors of engine_run().
int runner_run(struct runner *r, int n) MUST_CHECK;
// engine_try() of slot 0.
int runner_try(struct runner *r, enum engine_trial trial) MUST_CHECK;
// Adds to *ret_detections*. Errors of head_decode().
int runner_take(struct runner *r, int slot, const struct frame *f,
                const struct detector_settings *settings,
                struct detection_list *ret_detections) MUST_CHECK;

// The model's inputs as they are, in place of the slots (whose contents are gone afterwards).
// Types and shapes must be those of the runner's own inputs; where the model leaves its batch open,
// each entry of it is a call of its own, and the outputs stand one behind the other. Their data is
// the caller's (mem_free()), also after an error, where it may be NULL. ERR_INVALID, ERR_TOO_BIG;
// errors of engine_run().
int runner_run_tensors(struct runner *r, const struct tensor *inputs,
                       struct tensor *outputs) MUST_CHECK;
