// SPDX-License-Identifier: Apache-2.0
// weighed.h - one run judged once, so that its figures can be had again for any weighting of the
// pictures: what a bootstrap asks thousands of times.
//
// AP and AR are COCO's (area "all", last cut), precision, recall and F1 those of the operating
// point at IoU .5 (eval/operating.h). With all weights 1 the figures equal those of eval/coco.h and
// eval/operating.h.
//
// Ownership: everything lives in the arena handed in; the datasets are borrowed.
// Threads: constant once judged; a scratch is one thread's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/coco.h"

struct arena;
struct dataset;

enum weighed_figure {
    WEIGHED_AP,
    WEIGHED_AP50,
    WEIGHED_AP75,
    WEIGHED_AR,
    WEIGHED_PRECISION,
    WEIGHED_RECALL,
    WEIGHED_F1,
    WEIGHED_N_FIGURES,
};

extern const char *const weighed_names[WEIGHED_N_FIGURES]; // "AP", ..., "precision"

#define WEIGHED_NONE UINT32_MAX

enum weighed_verdict {
    WEIGHED_UNSET, // not looked at: below the confidence, another class
    WEIGHED_TRUE,
    WEIGHED_FALSE,
    WEIGHED_IGNORED,
};

// A detection of a class's list by falling confidence; bit t is IoU threshold t.
struct weighed_ranked {
    uint32_t object;
    int32_t picture;
    uint32_t matched, ignored;
};

// One class in one picture.
struct weighed_count {
    int32_t picture;
    uint32_t n_truths;      // that count
    uint32_t true_, false_; // at the operating point
};

struct weighed {
    const struct dataset *truth, *detections;
    struct coco_opts coco;
    double at_confidence;
    size_t n_classes;
    const bool *selected;          // [class]
    struct weighed_ranked *ranked; // class after class
    size_t *first_ranked;          // [class], and the end
    struct weighed_count *counts;  // likewise
    size_t *first_count;
    size_t largest_class; // ranked detections
    // AP is the whole area under the envelope, not its mean at 101 recalls: nearly the same number,
    // and one that does not jump when a recall is just reached or just not. Set by the caller.
    bool is_area;
    uint32_t *found_by; // [object of the truth]: detection at the operating point, or WEIGHED_NONE
    uint8_t *verdicts;  // [object of the detections]: enum weighed_verdict
};

struct weighed_opts {
    const bool *selected; // [class]; NULL: all
    bool has_min_confidence;
    double min_confidence;
    double at_confidence;
    struct coco_opts coco;
};

// ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM.
int weighed_judge(const struct dataset *truth, const struct dataset *detections,
                  const struct weighed_opts *opts, struct arena *a,
                  struct weighed *ret_weighed) MUST_CHECK;

struct weighed_scratch {
    uint32_t *weights; // [ranked of one class]
    uint32_t *bits;    // likewise, twice
    double *points;    // likewise, twice
};

int weighed_scratch_init(const struct weighed *o, struct arena *a,
                         struct weighed_scratch *ret_scratch) MUST_CHECK; // ERR_NOMEM

struct weighed_figures {
    double v[WEIGHED_N_FIGURES]; // NaN: no data
};

// *weights* [picture]; NULL: 1 each. ret_classes[class] may be NULL.
void weighed_weigh(const struct weighed *o, const uint32_t *weights, struct weighed_scratch *s,
                   struct weighed_figures *ret_overall, struct weighed_figures *ret_classes);
