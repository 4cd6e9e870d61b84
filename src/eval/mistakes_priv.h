// SPDX-License-Identifier: Apache-2.0
// mistakes_priv.h - what the files of the search for truth mistakes share.
//
// Pictures are known by their position: 0.. in order of video and time, those alone that every
// model looked at. A hit is one box in one picture that speaks for a mistake; hits of the same kind
// that follow one another become one mistake.
#pragma once

#include "base/attr.h"
#include "dataset/order.h"
#include "eval/mistakes.h"

struct dataset_object;

enum {
    MISTAKES_MAX_PICTURE_PAIRS = 16 * 1000 * 1000, // boxes x boxes in one picture
};

// Objects of a dataset by position.
struct mistakes_grouped {
    const struct dataset_object *all;
    struct dataset_grouped by; // position
};

struct mistakes_hit {
    enum mistake_kind kind;
    int32_t class_index, other_class;
    int64_t track_id, other_track;
    size_t position;
    double value;      // 0..1
    double confidence; // NaN: none
    size_t n_models, last_model;
    size_t track_boxes; // of a duplicate: of the shorter track; 0: no tracks
    double x, y, w, h;
};

struct mistakes_search {
    const struct dataset *truth;
    const struct dataset *const *models;
    size_t n_models;
    struct mistakes_opts opts;
    int32_t *pictures; // [position]
    int32_t *position; // [picture]; -1: not searched
    size_t n_positions;
    struct mistakes_grouped truths, others;
    struct mistakes_grouped detections[MISTAKES_MAX_MODELS];
    uint32_t
        *by_track; // truth objects that count and have a track id: by video, class, track, time
    size_t n_tracked;
    uint32_t *boxes_of_track; // [truth object]: of its track; 0: it has none
    bool *seen;               // [truth object]: some model has a box there
    double *seen_of_track;    // [truth object]: part of its track's boxes that is seen
    struct mistakes_hit *hits;
    size_t n_hits, cap_hits;
};

static inline size_t mistakes_n(const struct mistakes_grouped *g, size_t position)
{
    return g->by.at[position + 1] - g->by.at[position];
}
const struct dataset_object *mistakes_object(const struct mistakes_grouped *g, size_t position,
                                             size_t i);
int32_t mistakes_video(const struct mistakes_search *s, size_t position);
// Intersection over union without the rule for crowds.
double mistakes_overlap(const struct dataset_object *a, const struct dataset_object *b);
int mistakes_add(struct mistakes_search *s, const struct mistakes_hit *hit) MUST_CHECK; // ERR_NOMEM

// Each appends its hits, in order of positions but for jumps. ERR_TOO_BIG, ERR_NOMEM.
int mistakes_find_missing(struct mistakes_search *s) MUST_CHECK;
int mistakes_find_unseen(struct mistakes_search *s) MUST_CHECK;
int mistakes_find_duplicates(struct mistakes_search *s) MUST_CHECK;
int mistakes_find_classes(struct mistakes_search *s) MUST_CHECK;
int mistakes_find_jumps(struct mistakes_search *s) MUST_CHECK;
