// SPDX-License-Identifier: Apache-2.0
// test_assign.c - the cheapest assignment against trying all.

#include "vision/assign.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t n_rows, n_cols;
        double limit;
        double cost[9];
        int32_t want[3];
    } rows[] = {
        // clang-format off
        {"nothing", 0, 0, 1, {0}, {0}},
        {"no columns", 2, 0, 1, {0}, {-1, -1}},
        {"no rows", 0, 2, 1, {0}, {0}},
        {"one pair", 1, 1, 1, {0.5}, {0}},
        {"exactly the limit", 1, 1, 0.5, {0.5}, {0}},
        {"above the limit", 1, 1, 0.5, {0.5000001}, {-1}},
        {"greed would lose", 2, 2, 100, {1, 2, 2, 90}, {1, 0}},
        {"the limit parts them", 2, 2, 3, {1, 2, 2, 90}, {1, 0}},
        {"alone is cheaper", 2, 2, 1, {0.1, 0.95, 0.95, 9}, {0, -1}}, // .1 + 1 < .95 + .95
        {"wide", 2, 3, 10, {5, 1, 9, 9, 1, 2}, {1, 2}},
        {"tall", 3, 2, 10, {5, 9, 1, 1, 9, 2}, {-1, 0, 1}},
        {"not a number", 2, 2, 10, {NAN, 1, INFINITY, 1}, {1, -1}},
        {"no limit: as many as can be", 2, 2, INFINITY, {0, 5, 5, INFINITY}, {1, 0}},
        {"no limit, negative costs", 2, 2, INFINITY, {-3, -1, -2, -1}, {0, 1}},
        {"ties: the first", 2, 2, 10, {1, 1, 1, 1}, {0, 1}},
        {"three in a ring", 3, 3, 10, {2, 1, 9, 9, 2, 1, 1, 9, 2}, {1, 2, 0}},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int32_t got[3] = {7, 7, 7};
        assert_int_equal(
            assign_min_cost(rows[i].n_rows, rows[i].n_cols, rows[i].cost, rows[i].limit, got), 0);
        for (size_t k = 0; k < rows[i].n_rows; k++) {
            if (got[k] != rows[i].want[k])
                print_error("%s: row %zu has %d\n", rows[i].what, k, got[k]);
            assert_int_equal(got[k], rows[i].want[k]);
        }
    }
}

static uint32_t seed = 7;

static double random_unit(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 8) / (double)(1 << 24);
}

struct search {
    size_t n_rows, n_cols;
    const double *cost;
    double limit;
    bool used[6];
    double best;
};

// A pair is worth (limit - cost); rows may stay alone.
static void try_all(struct search *s, size_t row, double total)
{
    if (row == s->n_rows) {
        s->best = fmin(s->best, total);
        return;
    }
    try_all(s, row + 1, total);
    for (size_t c = 0; c < s->n_cols; c++) {
        double cost = s->cost[row * s->n_cols + c];
        if (s->used[c] || cost > s->limit)
            continue;
        s->used[c] = true;
        try_all(s, row + 1, total + cost - s->limit);
        s->used[c] = false;
    }
}

static void test_against_all(void **state)
{
    (void)state;
    for (int round = 0; round < 400; round++) {
        double cost[36];
        struct search s = {
            .n_rows = 1 + (size_t)(random_unit() * 6),
            .n_cols = 1 + (size_t)(random_unit() * 6),
            .cost = cost,
            .limit = 0.2 + random_unit(),
        };
        for (size_t i = 0; i < s.n_rows * s.n_cols; i++)
            cost[i] = random_unit();
        int32_t got[6];
        assert_int_equal(assign_min_cost(s.n_rows, s.n_cols, cost, s.limit, got), 0);
        double total = 0;
        bool used[6] = {0};
        for (size_t i = 0; i < s.n_rows; i++) {
            if (got[i] < 0)
                continue;
            assert_true((size_t)got[i] < s.n_cols && !used[got[i]]);
            used[got[i]] = true;
            double c = cost[i * s.n_cols + (size_t)got[i]];
            assert_true(c <= s.limit);
            total += c - s.limit;
        }
        try_all(&s, 0, 0);
        assert_float_equal(total, s.best, 1e-8);
    }
}

static void test_large(void **state)
{
    (void)state;
    enum { N = 300 };
    double *cost = mem_array(double, (size_t)N *N);
    assert_non_null(cost);
    for (size_t i = 0; i < (size_t)N * N; i++)
        cost[i] = random_unit();
    int32_t got[N];
    int64_t start = clock_now_ns();
    assert_int_equal(assign_min_cost(N, N, cost, 0.8, got), 0);
    print_message("%d to %d: %.2f ms\n", N, N, (double)(clock_now_ns() - start) / 1e6);
    for (int i = 0; i < N; i++)
        assert_true(got[i] >= 0); // so many choices: all find one
    mem_free(cost);
}

static void test_allocation_failure(void **state)
{
    (void)state;
    const double cost[1] = {0};
    for (long n = 1; n <= 10; n++) {
        int32_t got[1] = {7};
        mem_test_fail_at(n);
        assert_int_equal(assign_min_cost(1, 1, cost, 1, got), ERR_NOMEM);
        mem_test_fail_at(0);
        assert_int_equal(got[0], 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_against_all),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
