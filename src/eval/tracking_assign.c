// SPDX-License-Identifier: Apache-2.0
// tracking_assign.c - best assignments: dense with a fixed choice among equals, and sparse.
//
// Dense: shortest augmenting paths (Crouse, "On implementing 2D rectangular assignment algorithms",
// 2016), rows in order. Among equal assignments the published figures hold the one that scipy's
// linear_sum_assignment finds; which one that is follows from three choices, kept here: wide
// matrices stay, tall ones are transposed; columns are looked at from the last to the first, and
// the hole of a column that is done is filled with the last of the list; of equally near columns a
// free one comes first, else the one seen first.
//
// Sparse: successive shortest paths with potentials over the edges alone, a private free column
// standing for "left over". Memory is in proportion to the edges.

#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "eval/tracking_priv.h"

static int reserve_lines(struct tracking_assign *w, size_t n, size_t m)
{
    size_t rows = MAX(w->n_rows, n);
    size_t columns = MAX(w->n_columns, m);
    tracking_assign_finish(w);
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

int tracking_assign_reserve(struct tracking_assign *w, size_t n, size_t m)
{
    size_t few = MIN(n, m);
    size_t many = MAX(n, m);
    if (few > w->n_rows || many > w->n_columns) {
        int r = reserve_lines(w, few, many);
        if (r < 0)
            return r;
    }
    if (n * m > w->n_cells) {
        mem_free(w->transposed);
        w->n_cells = 0;
        w->transposed = mem_array(double, n *m);
        if (!w->transposed)
            return ERR_NOMEM;
        w->n_cells = n * m;
    }
    return 0;
}

void tracking_assign_finish(struct tracking_assign *w)
{
    mem_free(w->u);
    mem_free(w->v);
    mem_free(w->shortest);
    mem_free(w->transposed);
    mem_free(w->path);
    mem_free(w->column_of);
    mem_free(w->row_of);
    mem_free(w->remaining);
    mem_free(w->row_seen);
    mem_free(w->column_seen);
    *w = (struct tracking_assign){0};
}

// The column among those remaining that is nearest after looking at row *i*; its place in the list.
static size_t nearest(struct tracking_assign *w, const double *score_row, int32_t i,
                      size_t n_remaining, double reached)
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
static int32_t shortest_path(struct tracking_assign *w, const double *score, size_t n, size_t m,
                             int32_t row, double *ret_length)
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

static void update_duals(struct tracking_assign *w, size_t n, size_t m, int32_t row, double length)
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

static void augment(struct tracking_assign *w, int32_t row, int32_t sink)
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
static void assign_wide(struct tracking_assign *w, const double *score, size_t n, size_t m)
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

void tracking_assign_max(struct tracking_assign *w, const double *score, size_t n, size_t m,
                         int32_t *ret_column)
{
    if (n <= m) {
        assign_wide(w, score, n, m);
        memcpy(ret_column, w->column_of, n * sizeof(*ret_column));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++)
            w->transposed[j * n + i] = score[i * m + j];
    }
    assign_wide(w, w->transposed, m, n);
    memcpy(ret_column, w->row_of, n * sizeof(*ret_column));
}

// --- sparse

struct sparse_entry {
    int64_t length;
    int32_t column;
};

// Costs are -weight; u and v keep -weight - u - v >= 0, with equality along the matching.
struct sparse {
    const size_t *row_at;
    const int32_t *columns;
    const int64_t *weights;
    int64_t *u, *v;      // [row], [column]
    int32_t *column_of;  // [row]: -1 left over
    int32_t *row_of;     // [column]
    int64_t *shortest;   // [column]
    int32_t *path;       // [column]: row before
    unsigned char *done; // [column]
    int32_t *touched;    // columns with a finite distance
    size_t n_touched;
    struct sparse_entry *heap;
    size_t n_heap, heap_cap;
};

static int heap_push(struct sparse *s, int64_t length, int32_t column)
{
    int r = MEM_GROW(s->heap, s->heap_cap, s->n_heap);
    if (r < 0)
        return r;
    size_t i = s->n_heap++;
    while (i > 0 && s->heap[(i - 1) / 2].length > length) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = (struct sparse_entry){length, column};
    return 0;
}

static struct sparse_entry heap_pop(struct sparse *s)
{
    struct sparse_entry top = s->heap[0];
    struct sparse_entry last = s->heap[--s->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->n_heap)
            break;
        if (child + 1 < s->n_heap && s->heap[child + 1].length < s->heap[child].length)
            child++;
        if (s->heap[child].length >= last.length)
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static int sparse_relax(struct sparse *s, int32_t row, int64_t reached)
{
    for (size_t e = s->row_at[row]; e < s->row_at[row + 1]; e++) {
        int32_t j = s->columns[e];
        int64_t length = reached - s->weights[e] - s->u[row] - s->v[j];
        if (s->done[j] || length >= s->shortest[j])
            continue;
        if (s->shortest[j] == INT64_MAX)
            s->touched[s->n_touched++] = j;
        s->shortest[j] = length;
        s->path[j] = row;
        int r = heap_push(s, length, j);
        if (r < 0)
            return r;
    }
    return 0;
}

// Where the path of a row ends: in a free column, or by leaving a row over.
struct sparse_end {
    int64_t length;
    int32_t column; // -1: *row* is left over
    int32_t row;
};

static int sparse_search(struct sparse *s, int32_t start, struct sparse_end *ret_end)
{
    // Leaving row i over costs 0 - u[i] beyond the distance to i.
    struct sparse_end end = {-s->u[start], -1, start};
    int r = sparse_relax(s, start, 0);
    while (r == 0 && s->n_heap > 0 && s->heap[0].length < end.length) {
        struct sparse_entry top = heap_pop(s);
        if (s->done[top.column])
            continue;
        int32_t row = s->row_of[top.column];
        if (row < 0) {
            end = (struct sparse_end){top.length, top.column, -1};
            break;
        }
        s->done[top.column] = 1;
        if (top.length - s->u[row] < end.length)
            end = (struct sparse_end){top.length - s->u[row], -1, row};
        r = sparse_relax(s, row, top.length);
    }
    *ret_end = end;
    return r;
}

static void sparse_augment(struct sparse *s, int32_t start, const struct sparse_end *end)
{
    int32_t j = end->column;
    if (j < 0) {
        if (end->row == start)
            return;
        j = s->column_of[end->row];
        s->column_of[end->row] = -1;
    }
    for (;;) {
        int32_t i = s->path[j];
        int32_t before = s->column_of[i];
        s->row_of[j] = i;
        s->column_of[i] = j;
        if (i == start)
            return;
        j = before;
    }
}

static int sparse_row(struct sparse *s, int32_t start)
{
    s->n_touched = 0;
    s->n_heap = 0;
    struct sparse_end end;
    int r = sparse_search(s, start, &end);
    if (r < 0)
        return r;
    // Rows before columns: the rows are found through the columns as they were matched.
    s->u[start] += end.length;
    for (size_t k = 0; k < s->n_touched; k++) {
        int32_t j = s->touched[k];
        if (s->done[j] && s->shortest[j] < end.length) {
            s->u[s->row_of[j]] += end.length - s->shortest[j];
            s->v[j] -= end.length - s->shortest[j];
        }
    }
    sparse_augment(s, start, &end);
    for (size_t k = 0; k < s->n_touched; k++) {
        s->shortest[s->touched[k]] = INT64_MAX;
        s->done[s->touched[k]] = 0;
    }
    return 0;
}

static void sparse_finish(struct sparse *s)
{
    mem_free(s->u);
    mem_free(s->v);
    mem_free(s->column_of);
    mem_free(s->row_of);
    mem_free(s->shortest);
    mem_free(s->path);
    mem_free(s->done);
    mem_free(s->touched);
    mem_free(s->heap);
}

static int sparse_init(struct sparse *s, size_t n_rows, size_t n_columns)
{
    s->u = mem_array(int64_t, n_rows);
    s->v = mem_array(int64_t, n_columns);
    s->column_of = mem_array(int32_t, n_rows);
    s->row_of = mem_array(int32_t, n_columns);
    s->shortest = mem_array(int64_t, n_columns);
    s->path = mem_array(int32_t, n_columns);
    s->done = mem_array(unsigned char, n_columns);
    s->touched = mem_array(int32_t, n_columns);
    if (!s->u || !s->v || !s->column_of || !s->row_of || !s->shortest || !s->path || !s->done ||
        !s->touched)
        return ERR_NOMEM;
    for (size_t i = 0; i < n_rows; i++) {
        s->column_of[i] = -1;
        // Reduced costs must begin at 0 or above: u is the row's least cost.
        for (size_t e = s->row_at[i]; e < s->row_at[i + 1]; e++)
            s->u[i] = MIN(s->u[i], -s->weights[e]);
    }
    for (size_t j = 0; j < n_columns; j++) {
        s->row_of[j] = -1;
        s->shortest[j] = INT64_MAX;
    }
    return 0;
}

int tracking_match_columns(const size_t *row_at, const int32_t *columns, const int64_t *weights,
                           size_t n_rows, size_t n_columns, int32_t *ret_column)
{
    struct sparse s = {.row_at = row_at, .columns = columns, .weights = weights};
    int r = sparse_init(&s, n_rows, n_columns);
    for (size_t i = 0; r == 0 && i < n_rows; i++)
        r = sparse_row(&s, (int32_t)i);
    for (size_t i = 0; r == 0 && i < n_rows; i++)
        ret_column[i] = s.column_of[i];
    sparse_finish(&s);
    return r;
}

int tracking_match_weight(const size_t *row_at, const int32_t *columns, const int64_t *weights,
                          size_t n_rows, size_t n_columns, int64_t *ret_weight)
{
    struct sparse s = {.row_at = row_at, .columns = columns, .weights = weights};
    int64_t weight = 0;
    int r = sparse_init(&s, n_rows, n_columns);
    for (size_t i = 0; r == 0 && i < n_rows; i++)
        r = sparse_row(&s, (int32_t)i);
    for (size_t i = 0; r == 0 && i < n_rows; i++) {
        for (size_t e = row_at[i]; e < row_at[i + 1]; e++)
            weight += columns[e] == s.column_of[i] ? weights[e] : 0;
    }
    sparse_finish(&s);
    if (r < 0)
        return r;
    *ret_weight = weight;
    return 0;
}
