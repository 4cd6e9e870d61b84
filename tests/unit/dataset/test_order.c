// SPDX-License-Identifier: Apache-2.0
// test_order.c - pictures by video and frame, objects by picture.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "dataset/order.h"

static void test_pictures(void **state)
{
    (void)state;
    struct dataset_picture pictures[] = {{.video = 1, .frame = 0},
                                         {.video = 0, .frame = 9},
                                         {.video = 0, .frame = -1},
                                         {.video = 0, .frame = 2},
                                         {.video = 0, .frame = 9}};
    const struct dataset d = {.pictures = pictures, .n_pictures = ARRAY_LEN(pictures)};
    int32_t order[] = {4, 0, 1, 2, 3};
    const int32_t wanted[] = {2, 3, 1, 4, 0};
    assert_int_equal(dataset_sort_pictures(&d, order, ARRAY_LEN(order)), 0);
    assert_memory_equal(order, wanted, sizeof(wanted));
    assert_int_equal(dataset_sort_pictures(&d, order, 0), 0);
    mem_test_fail_at(1);
    assert_int_equal(dataset_sort_pictures(&d, order, 2), ERR_NOMEM);
    mem_test_fail_at(0);
}

static void test_groups(void **state)
{
    (void)state;
    const struct dataset_object objects[] = {
        {.picture = 2}, {.picture = 0}, {.picture = 2}, {.picture = 1}};
    const int32_t places[] = {1, -1, 0};
    struct dataset_grouped g;
    assert_int_equal(dataset_group(objects, 4, NULL, 3, &g), 0);
    assert_memory_equal(g.at, ((size_t[]){0, 1, 2, 4}), 4 * sizeof(size_t));
    assert_memory_equal(g.objects, ((uint32_t[]){1, 3, 0, 2}), 4 * sizeof(uint32_t));
    dataset_grouped_finish(&g);
    assert_int_equal(dataset_group(objects, 4, places, 2, &g),
                     0); // the one of picture 1 is left out
    assert_memory_equal(g.at, ((size_t[]){0, 2, 3}), 3 * sizeof(size_t));
    assert_memory_equal(g.objects, ((uint32_t[]){0, 2, 1}), 3 * sizeof(uint32_t));
    dataset_grouped_finish(&g);
    dataset_grouped_finish(&g);
    assert_int_equal(dataset_group(NULL, 0, NULL, 0, &g), 0);
    assert_int_equal(g.at[0], 0);
    dataset_grouped_finish(&g);
    for (long n = 1; n <= 2; n++) {
        mem_test_fail_at(n);
        assert_int_equal(dataset_group(objects, 4, NULL, 3, &g), ERR_NOMEM);
        mem_test_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
