// SPDX-License-Identifier: Apache-2.0
// tracker.h - ByteTrack: detections of successive frames get identities (Zhang et al., ECCV 2022).
//
// Confident detections are matched first, to tracks seen and lost alike; what tracks are left over
// are then offered the weak ones. A track keeps to one class. A track that begins in the first
// frame counts at once, a later one from its second match.
//
// Threads: one at a time; one tracker a stream.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "vision/detection.h"

struct tracker;

// Zero fields take the defaults in brackets (those of the widespread bytetrack.yaml).
struct tracker_opts {
    float high_confidence; // [0.25] first association
    float low_confidence;  // [0.10] second association: above this
    float new_confidence;  // [0.25] a new track starts
    float match_limit;     // [0.80] largest cost 1 - IoU * confidence of a first match
    int lost_frames;       // [30] frames a lost track is remembered
};

int tracker_create(const struct tracker_opts *opts,
                   struct tracker **ret_tracker) MUST_CHECK; // ERR_NOMEM
void tracker_destroy(struct tracker *t);                     // NULL is a no-op
// Sets track_id of the detections of the next frame (0 where no track has it); ids are from 1, in
// order of confirmation. Same input, same ids. Frames without detections count: call for them too.
// ERR_NOMEM: the tracker is good for nothing but destroy.
int tracker_update(struct tracker *t, struct detection *d, size_t n) MUST_CHECK;
