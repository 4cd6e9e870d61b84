// SPDX-License-Identifier: Apache-2.0
// temporal_priv.h - what the files of the temporal metrics share.
//
// A scene is one class in one video: boxes of truth that count and confident detections, both in
// order of time.
#pragma once

#include "base/attr.h"
#include "eval/temporal.h"

struct dataset_object;

struct temporal_box {
    const struct dataset_object *object;
    int64_t time_us;
    int32_t video, class_index, picture;
    int32_t same;  // truth: the scene's detection assigned in the same picture; -1: none
    int32_t found; // likewise within the tolerance
};

struct temporal_scene {
    struct temporal_box *truths; // by time, then picture, then file order
    size_t n_truths;
    struct temporal_box *detections; // likewise
    size_t n_detections;
    uint32_t *by_track; // truths with a track id: by track, then as above
    size_t n_tracked;
    uint32_t *place; // [truth]: where it stands in by_track; UINT32_MAX: no track id
};

// Fills truths[].same. ERR_TOO_BIG, ERR_NOMEM.
int temporal_match_pictures(struct temporal_scene *s, double iou) MUST_CHECK;
// Fills truths[].found. ERR_TOO_BIG, ERR_NOMEM.
int temporal_match_window(struct temporal_scene *s, double iou, int64_t tolerance_us) MUST_CHECK;
// Fills what is zero. ERR_INVALID: a value out of range.
int temporal_opts_complete(struct temporal_opts *o) MUST_CHECK;
