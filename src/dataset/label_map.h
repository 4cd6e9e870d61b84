// SPDX-License-Identifier: Apache-2.0
// label_map.h - the classes of a dataset by label.
//
// Ownership: the caller destroys it; it borrows the dataset.
// Threads: constant once created.
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct dataset;
struct label_map;

int label_map_create(const struct dataset *truth,
                     struct label_map **ret_map) MUST_CHECK;         // ERR_NOMEM
void label_map_destroy(struct label_map *m);                         // NULL is a no-op
int32_t label_map_find(const struct label_map *m, struct str label); // -1: none
// A label that several classes have: the first of them gets all its detections. NULL: none has.
const char *label_map_doubled(const struct label_map *m);
