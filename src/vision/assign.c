// SPDX-License-Identifier: Apache-2.0
// assign.c - best assignments of dense tables, with a fixed choice among equals.
//
// Shortest augmenting paths (Crouse, "On implementing 2D rectangular assignment algorithms", 2016),
// rows in order. Among equal assignments the published figures of tracking hold the one that
// scipy's linear_sum_assignment finds; which one that is follows from three choices, kept here:
// wide tables stay, tall ones are turned; columns are looked at from the last to the first, and the
// hole of a column that is done is filled with the last of the list; of equally near columns a free
// one comes first, else the one seen first.
//
// INVARIANTS
// (1) -score(i, j) - u[i] - v[j] >= 0 for all, = 0 for pairs made.
// (2) After k rounds the pairs made are the best assignment of the first k rows.

#include "vision/assign.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static int reserve_lines(struct assign *w, size_t n, size_t m)
{
    size_t rows = MAX(w->n_rows, n);
    size_t columns = MAX(w->n_columns, m);
    assign_finish(w);
    w->u = mem_array(double, rows);
    w->v = mem_array(double, columns);
    w->shortest = mem_array(double, columns);
    w->path = mem_array(int32_t, columns);
    w->column_of = mem_array(int32_t, rows);
    w->row_of = mem_array(int32_t, columns);
    w->remaining = mem_array(int32_t, columns);
    w->row_seen = mem_array(unsigned char, rows);
    w->column_seen = mem_array(unsigned char, columns);
    if (!w->u || !w->v || !w->shortest || !w->path || !w->column_of || !w->row_of ||
        !w->remaining || !w->row_seen || !w->column_seen)
        return ERR_NOMEM;
    w->n_rows = rows;
    w->n_columns = columns;
    return 0;
}

int assign_reserve(struct assign *w, size_t n, size_t m)
{
    size_t few = MIN(n, m);
    size_t many = MAX(n, m);
    if (few > w->n_rows || many > w->n_columns) {
        int r = reserve_lines(w, few, many);
        if (r < 0)
            return r;
    }
    if (n * m > w->n_cells) {
        mem_free(w->turned);
        w->n_cells = 0;
        w->turned = mem_array(double, n *m);
        if (!w->turned)
            return ERR_NOMEM;
        w->n_cells = n * m;
    }
    return 0;
}

void assign_finish(struct assign *w)
{
    mem_free(w->u);
    mem_free(w->v);
    mem_free(w->shortest);
    mem_free(w->turned);
    mem_free(w->path);
    mem_free(w->column_of);
    mem_free(w->row_of);
    mem_free(w->remaining);
    mem_free(w->row_seen);
    mem_free(w->column_seen);
    *w = (struct assign){0};
}

// The column among those remaining that is nearest after looking at row *i*; its place in the list.
static size_t nearest(struct assign *w, const double *score_row, int32_t i, size_t n_remaining,
                      double reached)
{
    double lowest = INFINITY;
    size_t place = 0;
    for (size_t k = 0; k < n_remaining; k++) {
        int32_t j = w->remaining[k];
        double length = reached + -score_row[j] - w->u[i] - w->v[j];
        if (length < w->shortest[j]) {
            w->path[j] = i;
            w->shortest[j] = length;
        }
        if (w->shortest[j] < lowest || (w->shortest[j] == lowest && w->row_of[j] < 0)) {
            lowest = w->shortest[j];
            place = k;
        }
    }
    return place;
}

// The free column at the end of the shortest path from *row*; *ret_length: its length.
static int32_t shortest_path(struct assign *w, const double *score, size_t n, size_t m, int32_t row,
                             double *ret_length)
{
    for (size_t k = 0; k < m; k++)
        w->remaining[k] = (int32_t)(m - 1 - k);
    memset(w->row_seen, 0, n);
    memset(w->column_seen, 0, m);
    for (size_t j = 0; j < m; j++)
        w->shortest[j] = INFINITY;
    size_t n_remaining = m;
    double reached = 0;
    int32_t i = row;
    for (;;) {
        w->row_seen[i] = 1;
        size_t place = nearest(w, score + (size_t)i * m, i, n_remaining, reached);
        int32_t j = w->remaining[place];
        reached = w->shortest[j];
        w->column_seen[j] = 1;
        w->remaining[place] = w->remaining[--n_remaining];
        if (w->row_of[j] < 0) {
            *ret_length = reached;
            return j;
        }
        i = w->row_of[j];
    }
}

static void update_duals(struct assign *w, size_t n, size_t m, int32_t row, double length)
{
    w->u[row] += length;
    for (size_t i = 0; i < n; i++) {
        if (w->row_seen[i] && (int32_t)i != row)
            w->u[i] += length - w->shortest[w->column_of[i]];
    }
    for (size_t j = 0; j < m; j++) {
        if (w->column_seen[j])
            w->v[j] -= length - w->shortest[j];
    }
}

static void augment(struct assign *w, int32_t row, int32_t sink)
{
    int32_t j = sink;
    for (;;) {
        int32_t i = w->path[j];
        w->row_of[j] = i;
        int32_t before = w->column_of[i];
        w->column_of[i] = j;
        if (i == row)
            return;
        j = before;
    }
}

// n <= m.
static void assign_wide(struct assign *w, const double *score, size_t n, size_t m)
{
    memset(w->u, 0, n * sizeof(*w->u));
    memset(w->v, 0, m * sizeof(*w->v));
    for (size_t i = 0; i < n; i++)
        w->column_of[i] = -1;
    for (size_t j = 0; j < m; j++)
        w->row_of[j] = -1;
    for (size_t i = 0; i < n; i++) {
        double length;
        int32_t sink = shortest_path(w, score, n, m, (int32_t)i, &length);
        update_duals(w, n, m, (int32_t)i, length);
        augment(w, (int32_t)i, sink);
    }
}

// Nobody there on one side: nobody is assigned.
static bool is_empty(size_t n, size_t m, int32_t *ret_column)
{
    if (n > 0 && m > 0)
        return false;
    for (size_t i = 0; i < n; i++)
        ret_column[i] = -1;
    return true;
}

void assign_max_score(struct assign *w, const double *score, size_t n, size_t m,
                      int32_t *ret_column)
{
    if (is_empty(n, m, ret_column))
        return;
    if (n <= m) {
        assign_wide(w, score, n, m);
        memcpy(ret_column, w->column_of, n * sizeof(*ret_column));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++)
            w->turned[j * n + i] = score[i * m + j];
    }
    assign_wide(w, w->turned, m, n);
    memcpy(ret_column, w->row_of, n * sizeof(*ret_column));
}

static bool is_allowed(double cost, double limit)
{
    return isfinite(cost) && cost <= limit;
}

// What a pair counts that must not be: a hair above the limit, so that a pair exactly at the limit
// is made; without a limit, above any sum of pairs.
static double forbidden_cost(const double *cost, size_t n, size_t m, double limit)
{
    if (isfinite(limit))
        return limit + 1e-9 * (1 + fabs(limit));
    double largest = 0;
    for (size_t k = 0; k < n * m; k++) {
        if (isfinite(cost[k]))
            largest = fmax(largest, fabs(cost[k]));
    }
    return 1 + 2 * largest * (double)MIN(n, m);
}

int assign_min_cost(size_t n, size_t m, const double *cost, double limit, int32_t *ret_column)
{
    if (n > INT32_MAX || m > INT32_MAX)
        return err_set(ERR_NOMEM, "assignment of %zu to %zu is too large", n, m);
    if (is_empty(n, m, ret_column))
        return 0;
    struct assign w = {0};
    int r = assign_reserve(&w, n, m);
    if (r < 0)
        goto out;
    bool is_tall = n > m;
    double forbidden = forbidden_cost(cost, n, m, limit);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            double c = cost[i * m + j];
            w.turned[is_tall ? j * n + i : i * m + j] = is_allowed(c, limit) ? -c : -forbidden;
        }
    }
    assign_wide(&w, w.turned, MIN(n, m), MAX(n, m));
    const int32_t *column = is_tall ? w.row_of : w.column_of;
    for (size_t i = 0; i < n; i++) {
        int32_t j = column[i];
        ret_column[i] = j >= 0 && is_allowed(cost[i * m + (size_t)j], limit) ? j : -1;
    }
out:
    assign_finish(&w);
    return r;
}
