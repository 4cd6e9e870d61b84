// SPDX-License-Identifier: Apache-2.0
// class_join.h - several labels become one, in truth and detections alike.
//
// Detections are read by the truth's classes, so labels that only detections have must be known
// before: class_join_prepare() stands between the two readings, class_join_apply() behind them.
//
// Ownership: rules live in the arena handed in; the datasets stay the caller's and are changed.
// Threads: none.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct arena;
struct dataset;

struct class_join {
    const char *from, *to; // labels
    bool to_is_new;        // after class_join_prepare(): the truth has no such class of its own
};

struct class_joins {
    struct class_join *items;
    size_t n;
};

// Adds the rules of "car,truck=vehicle". ERR_INVALID, ERR_NOMEM.
int class_join_parse(const char *text, struct arena *a, struct class_joins *joins) MUST_CHECK;
// Gives the truth the classes that it lacks. ERR_TOO_BIG, ERR_NOMEM.
int class_join_prepare(struct dataset *truth, struct class_joins *joins) MUST_CHECK;
// Joins them; *detections* were read with that truth. A label that is joined into another one is
// gone. ERR_INVALID: a label is joined twice, or into one that is itself joined. ERR_NOMEM.
int class_join_apply(struct dataset *truth, struct dataset *detections,
                     const struct class_joins *joins) MUST_CHECK;
