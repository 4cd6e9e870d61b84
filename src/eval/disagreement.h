// SPDX-License-Identifier: Apache-2.0
// disagreement.h - where two models disagree most, without truth.
//
// Each model is searched as if the other were the truth (eval/mistakes.h links boxes over frames).
// Evidence is 0..1 and comparable over kinds; docs/COMPARING.md has the formula.
//
// Ownership: results live in the arena handed in; labels are borrowed from *a*.
// Threads: none; pure functions.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "eval/mistakes.h"

struct arena;
struct dataset;

#define DISAGREEMENT_CONFIDENCE .5 // from here on a model is confident
#define DISAGREEMENT_WEAK       .1 // below, a box does not count as seen

enum disagreement_kind {
    DISAGREEMENT_UNSET,
    DISAGREEMENT_ONLY_A, // A is confident over frames where B has no box
    DISAGREEMENT_ONLY_B,
    DISAGREEMENT_LABEL, // both have the box; B is confident of another label
    DISAGREEMENT_N_KINDS,
};

extern const char *const disagreement_kind_names[DISAGREEMENT_N_KINDS]; // "only_a", ...

struct disagreement_item {
    enum disagreement_kind kind;
    double evidence;
    const struct mistake *found; // of a label: A's class, B's is other_class; confidence is B's
};

// Confident boxes; agreed: paired one to one at IoU 0.5 with a confident box of the same class.
struct disagreement_class {
    size_t n_agreed, n_only_a, n_only_b;
};

struct disagreement {
    const struct dataset *pictures;  // A: names of pictures and classes
    struct disagreement_item *items; // by falling evidence
    size_t n;
    struct disagreement_class *classes; // [class]
    size_t n_pictures;                  // that both looked at
};

// *b* speaks the language of *a* (read with it as its truth). ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM.
int disagreement_find(const struct dataset *a, const struct dataset *b, struct arena *arena,
                      struct disagreement *ret_disagreement) MUST_CHECK;
