// SPDX-License-Identifier: Apache-2.0
// assign.h - the assignment of rows to columns that costs least.
#pragma once

#include <stddef.h>

#include "base/attr.h"

// *cost* is (n_rows, n_cols), row after row. Pairs that cost more than *limit*, or whose cost is
// not finite, are never made; leaving a row or a column alone costs *limit* (half each), so that a
// total is only better for a pair that is worth it. *limit* INFINITY: as many pairs as can be made,
// at the least total. ret_row_to_col[row] is the column, or -1. Same input, same result. ERR_NOMEM.
//
// O(m^2 M), m the smaller number and M the larger.
int assign_min_cost(size_t n_rows, size_t n_cols, const double *cost, double limit,
                    int *ret_row_to_col) MUST_CHECK;
