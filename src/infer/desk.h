// SPDX-License-Identifier: Apache-2.0
// desk.h - where many clients bring one picture each to a detector: a bounded line, served in the
// order of coming.
//
// As many are inside as keep the workers busy: while one picture is inferred, another is decoded.
// The rest wait in the line, at most *max_waiting* of them; whoever comes then is turned away.
// Only who is inside has a frame, so memory does not grow with the line.
//
// INVARIANTS
// (1) Nobody overtakes: while somebody waits, whoever comes waits behind.
// (2) A place that is left goes to the first of the line, in the same breath.
// (3) Who gives up in the line leaves no gap, and who gives up as the place comes passes it on.
//
// Ownership: desk_destroy() after everybody left, before the detector.
// Threads: any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct desk;
struct detector;
struct detector_result;
struct detector_settings;
struct detector_waiter;
struct frame;

enum {
    DESK_MAX_WAITING = 256, // default
};

// *max_waiting* 0: DESK_MAX_WAITING. ERR_NOMEM.
int desk_create(struct detector *d, size_t max_waiting, struct desk **ret_desk) MUST_CHECK;
void desk_destroy(struct desk *k); // NULL is a no-op

// Waits for a place inside; *ret_wait_ns*: so long. ERR_BUSY: the line is full. ERR_CANCELLED: the
// waiter is gone.
int desk_enter(struct desk *k, const struct detector_waiter *waiter,
               int64_t *ret_wait_ns) MUST_CHECK;
void desk_leave(struct desk *k);
// Inside: a frame for the model's pixels; there is one for everybody inside. ERR_NOMEM.
int desk_frame(struct desk *k, struct frame **ret_frame) MUST_CHECK;
// Inside: the frame through the interactive lane; the frame is taken, also on error. What the
// detector says of this picture is the result's error and comes back as this call's. ERR_NOMEM.
// ERR_CANCELLED: the waiter is gone.
int desk_detect(struct desk *k, const struct detector_waiter *waiter, struct frame **pf,
                const struct detector_settings *settings,
                struct detector_result **ret_result) MUST_CHECK;

// Inside: where it is still open which engine runs the model (engine.h), a picture of ours settles
// it, so that tensors which somebody made up do not. Errors of detector_try().
int desk_settle(struct desk *k, const struct detector_waiter *waiter) MUST_CHECK;

size_t desk_n_waiting(struct desk *k); // in the line
// Seconds until a place in a full line will be free, for who was turned away; at least 1.
int desk_retry_after(struct desk *k);
