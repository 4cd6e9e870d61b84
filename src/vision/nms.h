// SPDX-License-Identifier: Apache-2.0
// nms.h - greedy non-maximum suppression.
#pragma once

#include <stddef.h>

#include "vision/detection.h"

enum nms_scope {
    NMS_SCOPE_UNSET,
    NMS_PER_CLASS, // boxes of different classes never suppress each other
    NMS_ALL,
};

// Sorts *d* by confidence from high to low (equal ones keep their order), drops every box whose IoU
// with a kept one is above *iou_limit*, and returns how many remain, at most *max_kept* (0: no
// limit). Needs no memory: track_id is its mark meanwhile, and 0 afterwards. Confidences that are
// not numbers come last.
size_t nms_run(struct detection *d, size_t n, float iou_limit, enum nms_scope scope,
               size_t max_kept);
