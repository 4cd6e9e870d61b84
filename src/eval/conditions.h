// SPDX-License-Identifier: Apache-2.0
// conditions.h - which attributes of the pictures are conditions worth telling apart: weather, time
// of day, the camera's kind. A condition has a handful of values, and they are words: what is a
// number or differs from picture to picture is none.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>

struct dataset;

enum {
    CONDITIONS_MAX = 8,
    CONDITIONS_MAX_VALUES = 12, // of one
};

// Names are the truth's, in the order of the file. At most CONDITIONS_MAX.
struct conditions {
    const char *names[CONDITIONS_MAX];
    size_t n;
};

void conditions_find(const struct dataset *truth, struct conditions *ret);
