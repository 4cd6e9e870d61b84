// SPDX-License-Identifier: Apache-2.0
// tracking.h - CLEAR, Identity and HOTA: how well tracks keep to the truth's tracks.
//
// The figures are those of the reference implementation of HOTA (TrackEval): the same assignments,
// ties included, the same thresholds and float64 throughout. Every class and every video is judged
// alone; what is said of several is pooled from their counts the way that implementation pools.
//
// Where there is nothing to judge, that implementation prints 0 (LocA: 1). The structs hold its
// numbers, because averages over classes need them; tracking_value() tells data from none.
//
// Ownership: results live in the arena handed in; texts are copied there.
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct dataset;

enum {
    TRACKING_N_ALPHAS = 19,                           // IoU .05:.05:.95
    TRACKING_MAX_SEQUENCE_CLASSES = 16 * 1000 * 1000, // videos x classes
    TRACKING_MAX_FRAME_PAIRS = 16 * 1000 * 1000,      // truths x results of one class in one frame
};

// What is left out before judging. Ignored truth (crowd, MOT flag 0) never counts.
enum tracking_rules {
    TRACKING_RULES_UNSET, // TRACKING_RULES_NONE
    TRACKING_RULES_NONE,  // nothing else: every result counts
    // Classes are not looked at: everything is a pedestrian.
    TRACKING_RULES_MOT15,
    // Truth of class 1 counts; results assigned (IoU .5) to truth of the classes 2, 7, 8 and 12 are
    // left out.
    TRACKING_RULES_MOT17,
    // Eight classes; results that match nothing and lie by more than half in a crowd, or in an
    // object of 'other person', 'trailer' or 'other vehicle', are left out.
    TRACKING_RULES_BDD100K,
    TRACKING_N_RULES
};

struct tracking_opts {
    enum tracking_rules rules;
    double iou_threshold; // of CLEAR and Identity; 0: .5
    bool has_min_confidence;
    double min_confidence;      // results below are left out altogether, before any rule
    const char *const *classes; // labels to judge; NULL: all of the truth (and of the rules)
    size_t n_classes;
};

const char *tracking_rules_name(enum tracking_rules rules); // "mot17"
// TRACKING_RULES_UNSET where there is no such name.
enum tracking_rules tracking_rules_find(const char *name);

// By IoU threshold, as HOTA goes. Counts are whole, but for averages over classes.
struct tracking_alphas {
    double tp[TRACKING_N_ALPHAS], fn[TRACKING_N_ALPHAS], fp[TRACKING_N_ALPHAS];
    double hota[TRACKING_N_ALPHAS], owta[TRACKING_N_ALPHAS];
    double det_a[TRACKING_N_ALPHAS], det_re[TRACKING_N_ALPHAS], det_pr[TRACKING_N_ALPHAS];
    double ass_a[TRACKING_N_ALPHAS], ass_re[TRACKING_N_ALPHAS], ass_pr[TRACKING_N_ALPHAS];
    double loc_a[TRACKING_N_ALPHAS];
};

struct tracking_figures {
    int64_t n_frames, n_truths, n_results, n_truth_tracks, n_result_tracks;
    // CLEAR. A switch is counted against the last result a truth track had, however long ago.
    int64_t tp, fn, fp, idsw;
    int64_t mt, pt, ml; // truth tracks matched in more than 80 %, in 20 to 80 %, in less
    int64_t frag;
    int64_t clear_frames; // of videos with truth and results
    double motp_sum;      // of the IoUs of matches
    double mota, motp, moda, smota, motal, recall, precision, f1, fp_per_frame, mtr, ptr, mlr;
    // Identity
    int64_t idtp, idfn, idfp;
    double idf1, idp, idr;
    // HOTA
    struct tracking_alphas alphas;
    // Means over alphas.
    double hota, owta, det_a, det_re, det_pr, ass_a, ass_re, ass_pr, loc_a;
    double hota_tp, hota_fn, hota_fp;
    double hota_0, loc_a_0, hota_loc_a_0; // at the first alpha
};

enum tracking_kind {
    TRACKING_RATIO = 1,
    TRACKING_COUNT, // whole
};

// A figure without its need is no data.
enum tracking_need {
    TRACKING_NEEDS_NOTHING,
    TRACKING_NEEDS_TRUTHS,
    TRACKING_NEEDS_RESULTS,
    TRACKING_NEEDS_MATCHES,      // of CLEAR
    TRACKING_NEEDS_HOTA_MATCHES, // at the first alpha
};

// The figures in the order in which they are shown.
struct tracking_row {
    const char *name; // as the benchmarks write it: "HOTA", "IDSW"
    enum tracking_kind kind;
    enum tracking_need needs;
    size_t offset; // of the double or int64_t in tracking_figures
};
extern const struct tracking_row tracking_rows[];
extern const size_t tracking_n_rows;

// NULL where there is no such figure.
const struct tracking_row *tracking_row_find(const char *name);
// NaN: no data.
double tracking_value(const struct tracking_figures *f, const struct tracking_row *row);
// Whether anything was there to judge: truth or results.
bool tracking_has_data(const struct tracking_figures *f);

struct tracking_class {
    const char *label;
    int64_t id; // 0 where classes go by label
    struct tracking_figures figures;
};

struct tracking_sequence {
    const char *name;                // of the video; "" where it has none
    struct tracking_figures overall; // classes pooled
    // As in tracking_result.classes; NULL: neither truth nor results (tracking_sequence_class()).
    struct tracking_figures **classes;
};

struct tracking_result {
    struct tracking_opts opts;             // completed
    struct tracking_figures overall;       // videos and classes pooled ("detection averaged")
    struct tracking_figures class_average; // bdd100k: over all eight; else over those with truth
    struct tracking_class *classes;        // videos pooled
    size_t n_classes;
    struct tracking_class *groups; // bdd100k: HUMAN, VEHICLE, BIKE; classes pooled
    size_t n_groups;
    struct tracking_sequence *sequences;
    size_t n_sequences;
    size_t n_untracked; // results without a track id among others with one: left out
};

// Never NULL: without truth and results all zero.
const struct tracking_figures *tracking_sequence_class(const struct tracking_sequence *s,
                                                       size_t class_index);

// One file of truth with the results matched to it (see dataset/dataset.h).
struct tracking_pair {
    const char *name; // of its video; NULL or several videos inside: the dataset's names
    const struct dataset *truth, *results;
};

// Judges all videos of all pairs. ERR_INVALID (an option out of range, a class that is not there),
// ERR_DATA (truth objects without track ids, results of which none has one, a track id twice in a
// frame; the message names video, frame and id), ERR_TOO_BIG, ERR_NOMEM. *opts* may be NULL.
int tracking_evaluate_pairs(const struct tracking_pair *pairs, size_t n_pairs,
                            const struct tracking_opts *opts, struct arena *a,
                            struct tracking_result *ret_result) MUST_CHECK;
// The same for one file of truth.
int tracking_evaluate(const struct dataset *truth, const struct dataset *results,
                      const struct tracking_opts *opts, struct arena *a,
                      struct tracking_result *ret_result) MUST_CHECK;
