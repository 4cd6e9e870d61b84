// SPDX-License-Identifier: Apache-2.0
// test_conditions.c - which attributes of pictures are conditions.

#include "eval/conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dataset/dataset.h"

enum {
    MAX_PICTURES = 20,
    MAX_NODES = 64,
};

// Equal texts are one, as in a dataset that was read.
static const char light[] = "light", weather[] = "weather", lane[] = "lane", name[] = "name";
static const char day[] = "day", night[] = "night", rain[] = "rain", one[] = "1", two[] = "2";

static const struct {
    struct {
        const char *key, *value;
    } pictures[4][3]; // as the file says them
    const char *names[3];
} rows[] = {
    {{{{NULL, NULL}}}, {NULL}},
    {{{{light, day}}, {{light, day}}}, {NULL}}, // one value tells nothing apart
    {{{{light, day}}, {{light, night}}}, {light}},
    {{{{lane, one}}, {{lane, two}}}, {NULL}}, // numbers
    {{{{lane, one}}, {{lane, day}}}, {NULL}}, // one of them
    {{{{light, day}, {weather, rain}}, {{light, night}, {weather, day}}}, {light, weather}},
    {{{{weather, rain}}, {{NULL, NULL}}, {{light, day}}, {{light, night}, {weather, day}}},
     {weather, light}},
};

static struct dataset_attribute nodes[MAX_NODES];
static struct dataset_picture pictures[MAX_PICTURES];

// The last of a list stands first, as readers chain them.
static void given(size_t row, struct dataset *d)
{
    *d = (struct dataset){.attributes = nodes, .n_attributes = 1, .pictures = pictures};
    for (; d->n_pictures < ARRAY_LEN(rows[row].pictures); d->n_pictures++) {
        uint32_t list = 0;
        for (size_t k = 0; k < 3 && rows[row].pictures[d->n_pictures][k].key; k++) {
            nodes[d->n_attributes] =
                (struct dataset_attribute){rows[row].pictures[d->n_pictures][k].key,
                                           rows[row].pictures[d->n_pictures][k].value, list};
            list = (uint32_t)d->n_attributes++;
        }
        pictures[d->n_pictures] = (struct dataset_picture){.attributes = list};
    }
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset d;
        struct conditions c;
        given(i, &d);
        conditions_find(&d, &c);
        size_t n = 0;
        while (n < 3 && rows[i].names[n])
            n++;
        assert_int_equal(c.n, n);
        for (size_t k = 0; k < n; k++)
            assert_ptr_equal(c.names[k], rows[i].names[k]);
    }
}

// A name that differs from picture to picture is no condition; the most values that are is.
static void test_many_values(void **state)
{
    static char values[MAX_PICTURES][8];
    struct dataset d = {.attributes = nodes, .pictures = pictures};
    struct conditions c;
    for (uint32_t i = 0; i < MAX_PICTURES; i++) {
        snprintf(values[i], sizeof(values[i]), "v%u", (unsigned)i);
        nodes[i + 1] = (struct dataset_attribute){name, values[i], 0};
        pictures[i] = (struct dataset_picture){.attributes = i + 1};
        d.n_pictures = i + 1;
        conditions_find(&d, &c);
        assert_int_equal(c.n, i >= 1 && i < CONDITIONS_MAX_VALUES);
    }
}

// More conditions than there is room for: the first ones.
static void test_many_names(void **state)
{
    static char names[CONDITIONS_MAX + 3][8];
    struct dataset d = {.attributes = nodes, .pictures = pictures, .n_pictures = 2};
    struct conditions c;
    uint32_t n = 1;
    for (int p = 0; p < 2; p++) {
        uint32_t list = 0;
        for (int i = 0; i < CONDITIONS_MAX + 3; i++) {
            snprintf(names[i], sizeof(names[i]), "n%d", i);
            nodes[n] = (struct dataset_attribute){names[i], p ? day : night, list};
            list = n++;
        }
        pictures[p] = (struct dataset_picture){.attributes = list};
    }
    conditions_find(&d, &c);
    assert_int_equal(c.n, CONDITIONS_MAX);
    assert_ptr_equal(c.names[0], names[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_many_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
