// SPDX-License-Identifier: Apache-2.0
// classes.h - --classes and --class-confidence: labels given by users, found among the model's.
//
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/opt.h"
#include "base/str.h"

struct arena;

// "person,car" -> one flag a label, owned by *a*; NULL for NULL or "". ERR_INVALID (no such label:
// the message names the nearest one), ERR_NOMEM.
int classes_select(const char *list, const char *const *labels, int n_labels, struct arena *a,
                   bool **ret_wanted) MUST_CHECK;

// "person=0.4,car=0.3", each text of *list*; "@FILE" reads lines "label=confidence" ('#' begins a
// comment). -> one floor a label, *floor* where none is given, owned by *a*; NULL when the list is
// empty. ERR_INVALID, ERR_NOT_FOUND (the file), ERR_NOMEM.
int classes_floors(const struct opt_list *list, double floor, const char *const *labels,
                   int n_labels, struct arena *a, float **ret_floors) MUST_CHECK;

// The texts of a comma-separated list, trimmed, owned by *a*. ERR_INVALID (an empty one),
// ERR_NOMEM.
int classes_split(const char *list, struct arena *a, const char ***ret_texts,
                  size_t *ret_n) MUST_CHECK;
