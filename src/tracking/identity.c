// SPDX-License-Identifier: Apache-2.0
// identity.c - Identity: one result track for each truth track over the whole video.
//
// The assignment that costs least misses and false alarms is the one with most frames in common:
// its weight is IDTP, and the other two counts follow. Any such assignment has the same weight, so
// equal ones need no rule.

#include "base/err.h"
#include "base/mem.h"
#include "tracking/tracking_priv.h"

// Edges by truth track, out of the sorted pairs.
static void fill_edges(const struct tracking_pairs *p, size_t n_rows, size_t *row_at,
                       int32_t *columns, int64_t *weights)
{
    size_t n = 0;
    size_t k = 0;
    for (size_t i = 0; i < n_rows; i++) {
        row_at[i] = n;
        for (; k < p->n && p->items[k].truth == (int32_t)i; k++) {
            if (p->items[k].n_close == 0)
                continue;
            columns[n] = p->items[k].result;
            weights[n++] = p->items[k].n_close;
        }
    }
    row_at[n_rows] = n;
}

int tracking_identity_end(const struct tracking_work *w, size_t n_truth_tracks,
                          size_t n_result_tracks, struct tracking_figures *out)
{
    size_t *row_at = mem_array(size_t, n_truth_tracks + 1);
    int32_t *columns = mem_array(int32_t, w->pairs.n + 1);
    int64_t *weights = mem_array(int64_t, w->pairs.n + 1);
    int r = row_at && columns && weights ? 0 : ERR_NOMEM;
    if (r == 0) {
        fill_edges(&w->pairs, n_truth_tracks, row_at, columns, weights);
        const struct assign_graph g = {n_truth_tracks, n_result_tracks, row_at, columns, weights};
        r = assign_sparse(&g, NULL, &out->idtp);
    }
    if (r == 0) {
        out->idfn = out->n_truths - out->idtp;
        out->idfp = out->n_results - out->idtp;
    }
    mem_free(row_at);
    mem_free(columns);
    mem_free(weights);
    return r;
}
