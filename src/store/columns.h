// SPDX-License-Identifier: Apache-2.0
// columns.h - a run of frames with their detections as one block of packed columns: how detections
// lie in the database and how the API serves them (application/vnd.assay.columns).
// docs/FILES.md gives the layout byte by byte.
//
// Ownership: a struct columns owns its arrays; finish gives them back.
// Threads: one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "vision/box.h"

struct str_buf;

enum {
    COLUMNS_TRACKS = 1,    // flags: there is a column of track ids
    COLUMNS_OUTCOMES = 2,  // ... of outcomes, truth boxes and overlaps
    COLUMNS_LATENCIES = 4, // ... frames have latencies
    COLUMNS_ALL_FLAGS = 7,

    COLUMNS_TARGET = 4096,          // detections of a block as written: no frame is cut in two
    COLUMNS_MAX_DETECTIONS = 65536, // of a block as read
    COLUMNS_MAX_FRAMES = 65536,
    COLUMNS_MAX_LABELS = 4096,
    COLUMNS_MAX_LABEL = 255, // bytes
    COLUMNS_MAX_BYTES = 8 * 1024 * 1024,
    COLUMNS_HEAD_BYTES = 64,
    COLUMNS_END_BYTES = 16,
};

#define COLUMNS_MAGIC      UINT32_C(0x31434241) // "ABC1"
#define COLUMNS_END_MAGIC  UINT32_C(0x45434241) // "ABCE"
#define COLUMNS_MEDIA_TYPE "application/vnd.assay.columns"

enum columns_outcome {
    COLUMNS_OUTCOME_UNSET,
    COLUMNS_TP, // a detection and the truth it found
    COLUMNS_FP, // a detection; the truth box is empty
    COLUMNS_FN, // a truth; box empty, confidence 0
    COLUMNS_N_OUTCOMES,
};

struct columns_frame {
    int64_t frame; // ordinal in presentation order
    int64_t pts_us;
    int64_t latency_us; // COLUMNS_LATENCIES; INT64_MIN: unknown
    uint32_t first, n;  // its detections
};

struct columns_label {
    int32_t class_id;
    char text[COLUMNS_MAX_LABEL + 1];
};

struct columns_detection {
    float x, y, w, h; // pixels of the upright source picture; x and y the top left corner
    float confidence;
    uint16_t label;   // index in labels
    uint8_t outcome;  // enum columns_outcome
    int32_t track_id; // 0: none
    float truth_x, truth_y, truth_w, truth_h, iou;
};

struct columns {
    uint32_t flags;
    struct columns_frame *frames; // rising
    size_t n_frames, cap_frames;
    struct columns_detection *detections; // by frame
    size_t n_detections, cap_detections;
    struct columns_label *labels;
    size_t n_labels, cap_labels;
};

void columns_finish(struct columns *c);
void columns_clear(struct columns *c); // keeps the memory and the flags
// Begins a frame. ERR_INVALID: not after the one before, or negative. ERR_TOO_BIG, ERR_NOMEM.
int columns_add_frame(struct columns *c, int64_t frame, int64_t pts_us,
                      int64_t latency_us) MUST_CHECK;
// To the frame begun last. ERR_TOO_BIG, ERR_NOMEM.
int columns_add(struct columns *c, const struct columns_detection *d) MUST_CHECK;
// The index of a label, added where it is new. ERR_TOO_BIG (too long, too many), ERR_NOMEM.
int columns_label(struct columns *c, int32_t class_id, const char *text,
                  uint16_t *ret_index) MUST_CHECK;
// Appends the block's bytes. ERR_TOO_BIG, ERR_NOMEM.
int columns_encode(const struct columns *c, struct str_buf *out) MUST_CHECK;
// The whole of *bytes* is one block; *c* is cleared first. ERR_DATA says what is wrong.
int columns_decode(const void *bytes, size_t n, struct columns *c) MUST_CHECK;
// Appends the mark that ends a stream of blocks: how many blocks and detections went before.
int columns_encode_end(uint32_t n_blocks, uint64_t n_detections, struct str_buf *out) MUST_CHECK;
