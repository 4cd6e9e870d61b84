// SPDX-License-Identifier: Apache-2.0
// tracking_priv.h - what the files of the tracking metrics share.
//
// Shapes: a frame's similarity matrix is n truths x n results, row-major float64.
#pragma once

#include "base/attr.h"
#include "dataset/order.h"
#include "tracking/tracking.h"
#include "vision/assign.h"

#define TRACKING_EPS 2.220446049250313e-16 // float64 epsilon: slack of every threshold

struct dataset;
struct dataset_object;

struct tracking_box {
    double x1, y1, x2, y2;
};

// One side of one class in one video: boxes by frame in file order, track ids numbered from 0 in
// the order of the ids.
struct tracking_side {
    size_t *at; // [n_frames + 1]: frame t has boxes at[t] .. at[t + 1]
    struct tracking_box *boxes;
    int32_t *tracks;
    size_t n_tracks;
};

// What is judged: one class in one video, after the rules.
struct tracking_scene {
    size_t n_frames;
    struct tracking_side truth, results;
    size_t max_truths, max_results; // in one frame
};
void tracking_scene_finish(struct tracking_scene *s); // zeroed is a no-op
static inline size_t tracking_side_n(const struct tracking_side *s, size_t n_frames)
{
    return s->at[n_frames];
}

// A frame of a scene.
struct tracking_frame {
    size_t n, m; // truths, results
    const struct tracking_box *truth, *results;
    const int32_t *truth_tracks, *result_tracks;
};
struct tracking_frame tracking_scene_frame(const struct tracking_scene *s, size_t t);

// --- tracking_overlap.c

// IoU of all pairs.
void tracking_similarity(const struct tracking_frame *f, double *ret_similarity);
// Part of *box* that lies in *region*, 0..1.
double tracking_inside(const struct tracking_box *box, const struct tracking_box *region);
// Sum in the order that numpy sums a row: the last digits are part of the published figures.
double tracking_sum(const double *v, size_t n);

// --- tracking_pairs.c: truth track and result track that overlapped somewhere

struct tracking_pairing {
    int32_t truth, result;
    double potential; // HOTA: sum of normalised similarities
    int64_t n_close;  // Identity: frames at or above the threshold
    size_t matches;   // HOTA: 1 + index in matches; 0: never assigned
};
// Frames in which the two were assigned, by the highest alpha reached.
struct tracking_matches {
    int64_t n[TRACKING_N_ALPHAS];
};
struct tracking_pairs {
    struct tracking_pairing *items;
    size_t n, cap;
    struct tracking_matches *matches;
    size_t n_matches, matches_cap;
    uint32_t *slots; // hash table: 1 + index in items
    size_t n_slots;
};
void tracking_pairs_finish(struct tracking_pairs *p);
// Finds or makes. ERR_NOMEM, ERR_TOO_BIG.
int tracking_pairs_get(struct tracking_pairs *p, int32_t truth, int32_t result,
                       struct tracking_pairing **ret_pairing) MUST_CHECK;
// NULL: never overlapped.
struct tracking_pairing *tracking_pairs_find(const struct tracking_pairs *p, int32_t truth,
                                             int32_t result);
// ERR_NOMEM.
int tracking_pairs_match(struct tracking_pairs *p, struct tracking_pairing *pairing,
                         size_t alpha) MUST_CHECK;
// By truth track, then result track. Ends finding.
void tracking_pairs_sort(struct tracking_pairs *p);

// --- tracking_clear.c, tracking_identity.c, tracking_hota.c: one scene each

// Scratch of one evaluation.
struct tracking_work {
    struct assign assign;
    struct tracking_pairs pairs;
    // Of a frame; room for max_cells, max_rows, max_columns.
    double *similarity, *score;
    double *row_sums, *column_sums;
    int32_t *column; // assigned to each truth
    size_t max_cells, max_rows, max_columns;
    // Of a frame under a rule, by object of the picture.
    struct tracking_box *rule_truth, *rule_results;
    const struct dataset_object **rule_rows;
    int32_t *rule_columns, *row_of;
    size_t max_rule_truths, max_rule_results;
    // Of a scene, by track: boxes.
    int64_t *truth_frames, *result_frames;
    double threshold;
    struct tracking_clear *clear;
};
// Room for frames of up to *n* x *m*. ERR_TOO_BIG, ERR_NOMEM.
int tracking_work_reserve(struct tracking_work *w, size_t n, size_t m) MUST_CHECK;
// ERR_NOMEM.
int tracking_work_reserve_rule(struct tracking_work *w, size_t n, size_t m) MUST_CHECK;
void tracking_work_finish(struct tracking_work *w);

struct tracking_clear; // state of CLEAR between frames
// ERR_NOMEM.
int tracking_clear_create(size_t n_tracks, struct tracking_clear **ret_clear) MUST_CHECK;
void tracking_clear_destroy(struct tracking_clear *c);
void tracking_clear_frame(struct tracking_work *w, const struct tracking_frame *f,
                          struct tracking_figures *out);
void tracking_clear_end(const struct tracking_clear *c, size_t n_frames,
                        struct tracking_figures *out);

// Uses what the first pass left in w->pairs, sorted. ERR_NOMEM.
int tracking_identity_end(const struct tracking_work *w, size_t n_truth_tracks,
                          size_t n_result_tracks, struct tracking_figures *out) MUST_CHECK;

// First pass: who overlaps whom, and how long. ERR_NOMEM.
int tracking_hota_first(struct tracking_work *w, const struct tracking_frame *f) MUST_CHECK;
// Second pass. ERR_NOMEM.
int tracking_hota_frame(struct tracking_work *w, const struct tracking_frame *f,
                        struct tracking_figures *out) MUST_CHECK;
void tracking_hota_end(const struct tracking_work *w, struct tracking_figures *out);
double tracking_hota_alpha(size_t i); // .05:.05:.95

// --- tracking_scene.c

enum tracking_side_role {
    TRACKING_OUT = -1, // not judged
    TRACKING_AWAY =
        -2, // mot17: takes results away; bdd100k: a region in which results are left out
};

// One video of one pair. Borrows everything.
struct tracking_video {
    const char *name; // for messages
    const struct dataset *truth, *results;
    size_t n_frames;
    const int32_t *pictures; // [n_frames]: in order of time
    struct dataset_grouped truths, others, results_by;
    // [class index of the truth]: the judged class, TRACKING_OUT or TRACKING_AWAY.
    const int32_t *truth_class_of, *result_class_of;
    const struct tracking_opts *opts;
};
// ERR_DATA, ERR_TOO_BIG, ERR_NOMEM. *w* is scratch.
int tracking_scene_init(struct tracking_scene *s, const struct tracking_video *v, int32_t judged,
                        struct tracking_work *w) MUST_CHECK;

// --- tracking_classes.c

// Fills res->classes and res->groups as res->opts asks. ERR_INVALID, ERR_NOMEM.
int tracking_classes_list(const struct tracking_pair *pairs, size_t n_pairs, struct arena *a,
                          struct tracking_result *res) MUST_CHECK;
// What each class of *truth* is: index in res->classes, TRACKING_OUT or TRACKING_AWAY.
void tracking_classes_map(const struct tracking_result *res, const struct dataset *truth,
                          int32_t *ret_truth, int32_t *ret_result);
// The same for a number of MOT17's classes.
int32_t tracking_classes_mot17(int64_t id);
const char *tracking_classes_group(const char *label); // BDD100K's; "" for none

// --- tracking_combine.c

// Ratios from counts, per alpha and over alphas.
void tracking_figures_complete(struct tracking_figures *f);
void tracking_figures_means(struct tracking_figures *f); // over alphas alone
// Of videos or of classes, from counts. None: all 0.
void tracking_pool(const struct tracking_figures *const *list, size_t n,
                   struct tracking_figures *ret_figures);
// Mean of the ratios, sum of the counts.
void tracking_average(const struct tracking_figures *const *list, size_t n,
                      struct tracking_figures *ret_figures);
