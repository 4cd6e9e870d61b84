// SPDX-License-Identifier: Apache-2.0
// check.h - what the checks of kernels share: numbers by chance, memory with walls, medians.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The same numbers in every run.
uint32_t random_bits(void);
int random_from(int low, int high); // both included
float random_float(float low, float high);

// Memory between two pages that cannot be touched: it ends at the second one, or begins at the
// first one, so one byte too many is a crash here and not elsewhere. Ends the program on failure.
struct guarded {
    uint8_t *map;
    size_t map_bytes;
    uint8_t *bytes;
};
struct guarded guarded_make(size_t n_bytes, bool at_start);
void guarded_free(struct guarded *g); // a zeroed one is a no-op

// Sorts *ms*; the one at *share* (0..1) of it.
double sorted_at(double *ms, int n, double share);
// Ends the program with the error's message where r < 0.
void must(int r);
