// SPDX-License-Identifier: Apache-2.0
// quantize.h - calibrates a model on frames, and finds which layers may run in 8 bits.
//
// The measure is the agreement of int8's detections with fp32's on the frames (see quantize.c).
// With all convolutions in int8 it may lie below 1 - max_loss; then each layer's damage is measured
// by itself, and those that cost most stay in fp32, more and more of them, until it does not.
//
// Ownership: quantize_destroy() frees the result. Threads: one.
#pragma once

#include "base/attr.h"

struct model;
struct quantization;
struct quantize;

enum {
    QUANTIZE_MAX_FRAMES = 256,
};
#define QUANTIZE_MAX_LOSS 0.01

struct quantize_opts {
    const char *source;
    int n_frames;
    double max_loss;
};

// ERR_UNSUPPORTED: the native engine does not take the model. ERR_CONFLICT: the limit cannot be
// kept by leaving layers out. Errors of the rooms below.
int quantize_run(struct model *m, const struct quantize_opts *opts,
                 struct quantize **ret_quantize) MUST_CHECK;
const struct quantization *quantize_result(const struct quantize *q);
void quantize_destroy(struct quantize *q); // NULL is a no-op
