// SPDX-License-Identifier: Apache-2.0
// test_assign_max.c - assignments are the best ones, and of equal ones the fixed one.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/mem.h"
#include "vision/assign.h"

enum {
    MAX_SIDE = 6,
    N_TRIALS = 3000,
};

static uint64_t seed = 7;

static int64_t whole(int64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 33) % (uint64_t)below);
}

// The best total by trying everything: rows from *i* on, *taken* columns.
static double best(const double *score, size_t n, size_t m, size_t i, unsigned taken)
{
    if (i == n)
        return 0;
    double most = best(score, n, m, i + 1, taken); // row i left over
    for (size_t j = 0; j < m; j++) {
        if (!(taken & BIT(j)))
            most = fmax(most, score[i * m + j] + best(score, n, m, i + 1, taken | BIT(j)));
    }
    return most;
}

static double total(const double *score, size_t n, size_t m, const int32_t *column)
{
    unsigned taken = 0;
    size_t n_assigned = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (column[i] < 0)
            continue;
        assert_true((size_t)column[i] < m);
        assert_false(taken & BIT(column[i]));
        taken |= BIT(column[i]);
        sum += score[i * m + (size_t)column[i]];
        n_assigned++;
    }
    assert_int_equal(n_assigned, MIN(n, m));
    return sum;
}

// The sparse matching of the same scores.
static int64_t sparse_weight(const double *score, size_t n, size_t m)
{
    size_t row_at[MAX_SIDE + 1] = {0};
    int32_t columns[MAX_SIDE * MAX_SIDE];
    int64_t weights[MAX_SIDE * MAX_SIDE];
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            if (score[i * m + j] > 0) {
                columns[k] = (int32_t)j;
                weights[k++] = (int64_t)score[i * m + j];
            }
        }
        row_at[i + 1] = k;
    }
    int64_t weight = -1;
    const struct assign_graph g = {n, m, row_at, columns, weights};
    int32_t column[MAX_SIDE];
    assert_int_equal(assign_sparse(&g, column, &weight), 0);
    unsigned taken = 0;
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (column[i] < 0)
            continue;
        assert_false(taken & BIT(column[i]));
        taken |= BIT(column[i]);
        sum += (int64_t)score[i * m + (size_t)column[i]];
    }
    assert_int_equal(sum, weight);
    return weight;
}

static void test_best(void **state)
{
    struct assign w = {0};
    for (int trial = 0; trial < N_TRIALS; trial++) {
        size_t n = (size_t)whole(MAX_SIDE) + 1;
        size_t m = (size_t)whole(MAX_SIDE) + 1;
        double score[MAX_SIDE * MAX_SIDE];
        int64_t most = trial % 3 ? 100 : 3; // few values: many equals
        for (size_t k = 0; k < n * m; k++)
            score[k] = whole(2) ? (double)whole(most) : 0;
        int32_t column[MAX_SIDE];
        assert_int_equal(assign_reserve(&w, n, m), 0);
        assign_max_score(&w, score, n, m, column);
        double expected = best(score, n, m, 0, 0);
        assert_true(total(score, n, m, column) == expected);
        assert_int_equal(sparse_weight(score, n, m), (int64_t)expected);
    }
    assign_finish(&w);
}

// Traced by hand through the published algorithm: columns from the last, free ones first.
static void test_equal(void **state)
{
    static const struct {
        size_t n, m;
        double score[12];
        int32_t column[4];
    } rows[] = {
        {3, 3, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0, 1, 2}},
        {2, 4, {0, 0, 0, 0, 0, 0, 0, 0}, {0, 1}},
        {3, 2, {1, 1, 1, 1, 1, 1}, {0, 1, -1}},
        {2, 2, {0, 1, 0, 1}, {1, 0}}, // who came first keeps it
        {2, 3, {0, .5, .5, 0, .5, .5}, {1, 2}},
    };
    struct assign w = {0};
    assert_int_equal(assign_reserve(&w, 4, 4), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int32_t column[4];
        assign_max_score(&w, rows[i].score, rows[i].n, rows[i].m, column);
        for (size_t k = 0; k < rows[i].n; k++) {
            if (column[k] != rows[i].column[k])
                fail_msg("row %zu: %d, not %d", i, (int)column[k], (int)rows[i].column[k]);
        }
    }
    assign_finish(&w);
}

// Memory of a long chain follows its edges, not rows x columns.
static void test_chain(void **state)
{
    enum { N = 20000 };
    size_t *row_at = mem_array(size_t, N + 1);
    int32_t *columns = mem_array(int32_t, 2 * N);
    int64_t *weights = mem_array(int64_t, 2 * N);
    assert_true(row_at && columns && weights);
    size_t k = 0;
    for (int32_t i = 0; i < N; i++) {
        columns[k] = i;
        weights[k++] = 3;
        if (i + 1 < N) {
            columns[k] = i + 1;
            weights[k++] = 4;
        }
        row_at[i + 1] = k;
    }
    int64_t weight;
    const struct assign_graph g = {N, N, row_at, columns, weights};
    assert_int_equal(assign_sparse(&g, NULL, &weight), 0);
    assert_int_equal(weight, 4 * (N - 1)); // better than 3 for each row
    mem_free(row_at);
    mem_free(columns);
    mem_free(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
