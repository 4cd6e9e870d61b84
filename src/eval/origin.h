// SPDX-License-Identifier: Apache-2.0
// origin.h - does the truth look as if the model under test had made it?
//
// A person who draws a box, or another model, does not put its corners where this model puts them
// to float precision. Where more than half of the truths have such a twin among the detections,
// the figures judge the model by itself.
//
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct match_groups;

enum {
    ORIGIN_MIN_TRUTHS = 20, // fewer may be chance
};

// Counts truths whose box is that of a detection of the class, to float precision.
size_t origin_count_twins(const struct match_groups *groups);
bool origin_is_suspect(size_t n_twins, size_t n_truths);
