// SPDX-License-Identifier: Apache-2.0
// test_arena.c - chunks, marks, caps; and mem.c beneath.

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static void test_zeroed_and_aligned(void **state)
{
    struct arena *a;
    assert_int_equal(arena_create(0, &a), 0);
    for (size_t n = 0; n < 3000; n++) {
        unsigned char *p = arena_array(a, unsigned char, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
    arena_destroy(a);
    arena_destroy(NULL);
}

static void test_rewind_at_every_size(void **state)
{
    struct arena *a;
    assert_int_equal(arena_create(0, &a), 0);
    arena_rewind(a, arena_mark(a)); // an empty one
    for (size_t n = 1; n < 300000; n = n * 2 + 1) {
        char *kept = arena_strndup(a, "kept", 4);
        size_t mark = arena_mark(a);
        for (int i = 0; i < 4; i++)
            memset(arena_array(a, char, n), 1, n);
        assert_true(arena_used(a) >= mark + 4 * n);
        arena_rewind(a, mark);
        assert_int_equal(arena_used(a), mark);
        assert_string_equal(kept, "kept");
        char *again = arena_array(a, char, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(again[i], 0); // zeroed anew
    }
    arena_destroy(a);
}

static void test_cap(void **state)
{
    struct arena *a;
    assert_int_equal(arena_create(1000, &a), 0);
    assert_non_null(arena_alloc(a, 1, 900));
    assert_null(arena_alloc(a, 1, 200));
    assert_string_equal(err_message(ERR_NOMEM), "more than 1000 bytes needed");
    assert_non_null(arena_alloc(a, 1, 16));
    assert_null(arena_alloc(a, SIZE_MAX / 2, 4));
    assert_null(arena_alloc(a, SIZE_MAX, 1));
    assert_null(arena_strndup(a, "x", SIZE_MAX));
    arena_destroy(a);
}

static void test_allocation_failure(void **state)
{
    struct arena *a = NULL;
    mem_test_fail_at(1);
    assert_int_equal(arena_create(0, &a), ERR_NOMEM);
    mem_test_fail_at(2);
    assert_int_equal(arena_create(0, &a), 0);
    assert_null(arena_alloc(a, 1, 1));
    mem_test_fail_at(0);
    assert_non_null(arena_alloc(a, 1, 1)); // usable afterwards
    arena_destroy(a);
}

static void test_mem(void **state)
{
    int *numbers = NULL;
    size_t cap = 0;
    for (size_t n = 0; n < 100; n++) {
        assert_int_equal(MEM_GROW(numbers, cap, n), 0);
        numbers[n] = (int)n;
    }
    assert_true(cap >= 100 && numbers[99] == 99);
    mem_test_fail_at(1);
    assert_int_equal(MEM_GROW(numbers, cap, cap), ERR_NOMEM);
    assert_false(mem_test_fail_pending());
    assert_int_equal(numbers[99], 99); // as before
    assert_int_equal(MEM_GROW(numbers, cap, SIZE_MAX - 1), ERR_NOMEM);
    mem_free(numbers);

    assert_null(mem_calloc(SIZE_MAX / 2, 4));
    assert_null(mem_recalloc(NULL, SIZE_MAX / 2, 4));
    assert_null(mem_aligned(SIZE_MAX - 1));
    void *aligned = mem_aligned(1);
    assert_int_equal((uintptr_t)aligned % 64, 0);
    mem_free(aligned);
    char *empty = (char *)mem_calloc(0, 8);
    assert_non_null(empty);
    mem_free(empty);
    char *copy = mem_strndup("abc", 2);
    assert_string_equal(copy, "ab");
    mem_free(copy);
    mem_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_rewind_at_every_size),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_mem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
