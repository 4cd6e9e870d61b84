// SPDX-License-Identifier: Apache-2.0
// detection.h - what a model says it sees in one frame.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "vision/box.h"

struct detection {
    struct box box;   // pixels of the upright source picture
    float confidence; // 0..1, after the model's own activation, never altered
    int class_id;     // index into the model's labels
    int track_id;     // from 1; 0: not tracked
};

// A growing array. Zero-initialised is empty.
//
// Ownership: finish gives the memory back.
struct detection_list {
    struct detection *items;
    size_t n;
    size_t cap;
};

int detection_list_add(struct detection_list *l, struct detection d) MUST_CHECK; // ERR_NOMEM
void detection_list_clear(struct detection_list *l);                             // keeps the memory
void detection_list_finish(struct detection_list *l);
