// SPDX-License-Identifier: Apache-2.0
// quantize.h - calibrates a model on frames, and finds which layers may run in 8 bits.
//
// The measure is COCO's AP on the frames where truth is given, else the agreement of int8's
// detections with fp32's (see quantize.c); the loss is how much less it is than fp32's. With all
// convolutions in int8 it may be above max_loss; then each layer's damage is measured by itself,
// and those that cost most stay in bf16, more and more of them, until it is not. What cannot be
// brought within the limit is a result as well: its loss says so.
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
    const char *truth; // borrowed; NULL: none
    int n_frames;
    double max_loss;
};

// ERR_UNSUPPORTED: the native engine does not take the model. Errors of the rooms below.
int quantize_run(struct model *m, const struct quantize_opts *opts,
                 struct quantize **ret_quantize) MUST_CHECK;
const struct quantization *quantize_result(const struct quantize *q);
void quantize_destroy(struct quantize *q); // NULL is a no-op
