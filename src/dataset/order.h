// SPDX-License-Identifier: Apache-2.0
// order.h - pictures in the order of time, and objects by picture.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct dataset;
struct dataset_object;

// Sorts *pictures* [n] of *d* by video, then by frame, then as they stand in the dataset.
// ERR_NOMEM.
int dataset_sort_pictures(const struct dataset *d, int32_t *pictures, size_t n) MUST_CHECK;

// Objects of place p are objects[at[p]] .. objects[at[p + 1] - 1], in file order.
struct dataset_grouped {
    size_t *at;
    uint32_t *objects;
};

// *places* [picture]: where its objects go, -1: nowhere; NULL: the picture itself. ERR_TOO_BIG,
// ERR_NOMEM.
int dataset_group(const struct dataset_object *objects, size_t n, const int32_t *places,
                  size_t n_places, struct dataset_grouped *ret_grouped) MUST_CHECK;
void dataset_grouped_finish(struct dataset_grouped *g); // zeroed is a no-op
