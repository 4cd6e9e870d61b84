// SPDX-License-Identifier: Apache-2.0
// assign_sparse.c - the heaviest matching of a sparse graph.
//
// Successive shortest paths with potentials over the edges alone; to leave a row over costs 0.
// Memory is in proportion to the edges.

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/assign.h"

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

int assign_sparse(const struct assign_graph *g, int32_t *ret_column, int64_t *ret_weight)
{
    struct sparse s = {.row_at = g->row_at, .columns = g->columns, .weights = g->weights};
    int64_t weight = 0;
    int r = sparse_init(&s, g->n_rows, g->n_columns);
    for (size_t i = 0; r == 0 && i < g->n_rows; i++)
        r = sparse_row(&s, (int32_t)i);
    for (size_t i = 0; r == 0 && i < g->n_rows; i++) {
        for (size_t e = g->row_at[i]; e < g->row_at[i + 1]; e++)
            weight += g->columns[e] == s.column_of[i] ? g->weights[e] : 0;
        if (ret_column)
            ret_column[i] = s.column_of[i];
    }
    sparse_finish(&s);
    if (r == 0 && ret_weight)
        *ret_weight = weight;
    return r;
}
