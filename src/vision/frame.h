// SPDX-License-Identifier: Apache-2.0
// frame.h - a model-sized picture on its way to inference, from a pool of a fixed number: that is
// the back-pressure.
//
// Ownership: frame_pool_get() gives the one reference; who holds it writes; frame_unref() sends it
//   home.
// Threads: get, ref and unref from any thread; the rest from the thread that holds it.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "vision/letterbox.h"

struct frame_pool;
struct picture;

struct frame {
    // --- constant after create
    struct frame_pool *pool;
    size_t n_bytes; // of rgb
    uint8_t *rgb;   // (letterbox.dst_height, letterbox.dst_width, 3) R G B, 64-byte aligned
    // --- whoever holds the only reference
    struct letterbox letterbox;
    int64_t pts_us;
    int64_t ordinal;
    // Owned reference to the source picture where a sink draws on it; else NULL.
    struct picture *picture;
    char *file; // owned; picture sources: the path as given; else NULL
    // --- atomic
    atomic_int refs;
};

// *n_frames* frames of width x height x 3 bytes. ERR_NOMEM.
int frame_pool_create(size_t n_frames, int width, int height,
                      struct frame_pool **ret_pool) MUST_CHECK;
// All frames must be home. NULL is a no-op.
void frame_pool_destroy(struct frame_pool *pool);
// Waits while all frames are out. ERR_AGAIN (*timeout_ns* 0), ERR_TIMEOUT, ERR_CLOSED.
int frame_pool_get(struct frame_pool *pool, int64_t timeout_ns,
                   struct frame **ret_frame) MUST_CHECK;
// Every waiting and later get returns ERR_CLOSED.
void frame_pool_close(struct frame_pool *pool);
size_t frame_pool_n_out(struct frame_pool *pool);

struct frame *frame_ref(struct frame *f);
// Drops picture and file with the last reference. NULL inside is a no-op; nulls your pointer.
void frame_unref(struct frame **pf);
