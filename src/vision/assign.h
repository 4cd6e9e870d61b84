// SPDX-License-Identifier: Apache-2.0
// assign.h - who belongs to whom: the best one-to-one assignment of rows to columns.
//
// Same input, same result, also among equally good assignments.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

// Scratch of assignments, grown on demand; zeroed is empty.
//
// Threads: one at a time.
struct assign {
    double *u, *v, *shortest, *turned;
    int32_t *path, *column_of, *row_of, *remaining;
    unsigned char *row_seen, *column_seen;
    size_t n_rows, n_columns, n_cells; // capacities
};

// Room for up to *n* x *m*. ERR_NOMEM.
int assign_reserve(struct assign *w, size_t n, size_t m) MUST_CHECK;
void assign_finish(struct assign *w);
// The assignment of the largest total score; *score* is (n, m), row after row. ret_column[n]: -1
// for rows left over. Every row or every column is assigned, with scores of 0 where need be; of
// equal ones scipy's. Needs reserved room.
void assign_max_score(struct assign *w, const double *score, size_t n, size_t m,
                      int32_t *ret_column);

// The assignment that costs least; *cost* is (n, m). Pairs that cost more than *limit*, or whose
// cost is not finite, are never made; leaving a row or a column alone costs *limit* (half each), so
// that a total is only better for a pair that is worth it. *limit* INFINITY: as many pairs as can
// be made, at the least total. ret_column[n]: -1 for rows left over. ERR_NOMEM.
//
// O(a^2 b), a the smaller number and b the larger; so are the above.
int assign_min_cost(size_t n, size_t m, const double *cost, double limit,
                    int32_t *ret_column) MUST_CHECK;

// A sparse bipartite graph; borrows.
struct assign_graph {
    size_t n_rows, n_columns;
    const size_t *row_at;   // [n_rows + 1] into the two below
    const int32_t *columns; // of each edge
    const int64_t *weights; // above 0
};

// The heaviest matching. ret_column[n_rows]: -1 for rows left over. Either result may be NULL.
// ERR_NOMEM.
int assign_sparse(const struct assign_graph *g, int32_t *ret_column,
                  int64_t *ret_weight) MUST_CHECK;
