// SPDX-License-Identifier: Apache-2.0
// quantization.h - the file beside a model that says how it runs in 8 bits, on whose frames that
// was found, and what it costs: docs/FILES.md, "MODEL.int8.json".
//
// Ownership: a struct quantization owns everything in it. Threads: constant after it was read.
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "nn/plan.h"

struct arena;

enum {
    QUANTIZATION_MAX_BYTES = 16 * 1024 * 1024, // of the file
    QUANTIZATION_MAX_RANGES = 4096,
    QUANTIZATION_MAX_LAYERS = 4096,
};

enum quantization_measure {
    QUANTIZATION_UNSET,
    QUANTIZATION_AP,        // of COCO, against the truth that was given
    QUANTIZATION_AGREEMENT, // of the detections with those of fp32: AP with them as the truth
};

struct quantization {
    char model_sha256[65];
    char source_sha256[65]; // of the frames it was calibrated on
    const char *source;     // as it was named
    int n_frames;
    enum quantization_measure measure;
    double fp32, int8; // the measure for each precision
    double loss;       // fp32 - int8
    const struct plan_range *ranges;
    int n_ranges;
    const struct plan_layer *layers; // those that stay in another precision than INT8
    int n_layers;
    struct arena *arena; // of all above, where it was read
};

// "dir/yolo.onnx" -> "dir/yolo.int8.json"; owned (mem_free()). NULL: out of memory.
char *quantization_path(const char *model_path) MUST_CHECK;
// ERR_NOT_FOUND, ERR_IO, ERR_TOO_BIG, ERR_DATA (the message names file, line and what is wrong),
// ERR_NOMEM.
int quantization_read(const char *path, struct quantization **ret_quantization) MUST_CHECK;
// Likewise of the file's bytes; *name* is what messages call it.
int quantization_parse(struct str text, const char *name,
                       struct quantization **ret_quantization) MUST_CHECK;
void quantization_destroy(struct quantization *q); // of one that was read; NULL is a no-op
// Whole or not at all. As file_out_open() and file_out_write().
int quantization_write(const struct quantization *q, const char *path) MUST_CHECK;
