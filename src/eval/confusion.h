// SPDX-License-Identifier: Apache-2.0
// confusion.h - which class is taken for which: truth and detections matched by place alone.
//
// Detections above a confidence and truths whose IoU is above a threshold are paired whatever their
// classes: each detection claims the truth it overlaps most, each truth keeps the claim of the
// largest overlap. What is left over meets the background. A detection left over that lies on an
// ignored truth (by IoU; over its own area for a crowd) counts nowhere; neither do ignored truths.
//
// Ownership: results live in the arena handed in.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct match_groups;

enum {
    CONFUSION_MAX_CLASSES = 2000,
};

// The two conventions differ in layout and in what they ask for by default.
enum confusion_kind {
    CONFUSION_UNSET,
    CONFUSION_SUPERVISION, // rows are the truth; confidence .3, IoU .5
    CONFUSION_ULTRALYTICS, // rows are detections; confidence .25, IoU .45
    CONFUSION_N_KINDS,
};

#define CONFUSION_NONE UINT32_MAX

struct confusion_opts {
    bool has_confidence, has_iou; // else the convention's own
    double confidence, iou;       // both exclusive
    // Everything that is counted: indices in the truth's and the detections' objects, one of them
    // CONFUSION_NONE where it meets the background. May be NULL.
    void (*each)(void *arg, enum confusion_kind kind, uint32_t truth, uint32_t detection);
    void *arg;
};

struct confusion {
    enum confusion_kind kind;
    double confidence, iou;
    size_t n;         // classes of the truth and, last, the background
    int64_t *counts;  // [row][column], n x n
    size_t n_ignored; // detections on ignored truths
};

const char *confusion_name(enum confusion_kind kind);
// *opts* may be NULL. ERR_INVALID (a threshold), ERR_TOO_BIG (classes), ERR_NOMEM.
int confusion_run(const struct match_groups *groups, enum confusion_kind kind,
                  const struct confusion_opts *opts, struct arena *a,
                  struct confusion *ret_confusion) MUST_CHECK;
