// SPDX-License-Identifier: Apache-2.0
// test_age_list.c - what is added is the newest; whatever is removed, the rest keep their order.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/age_list.h"
#include "base/attr.h"

struct thing {
    struct age_link age;
    char name;
};

// From the oldest on; both directions agree.
static void check(const struct age_list *l, const char *expected)
{
    char names[16] = "";
    size_t n = 0;
    const struct age_link *before = NULL;
    for (const struct age_link *x = l->oldest; x; x = x->newer) {
        assert_ptr_equal(x->older, before);
        names[n++] = ((const struct thing *)x)->name;
        before = x;
    }
    assert_ptr_equal(l->newest, before);
    assert_string_equal(names, expected);
}

static void test_order(void **state)
{
    (void)state;
    // A small letter adds it, a capital one removes it.
    static const struct {
        const char *does, *left;
    } rows[] = {
        {"", ""},       {"a", "a"},       {"aA", ""},           {"abc", "abc"},
        {"abcA", "bc"}, {"abcB", "ac"},   {"abcC", "ab"},       {"abcAa", "bca"},
        {"abcCBA", ""}, {"abcABCb", "b"}, {"abcBbAaCc", "bac"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct thing things[3] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
        struct age_list l = {0};
        for (const char *p = rows[i].does; *p; p++) {
            if (*p >= 'a')
                age_list_add(&l, &things[*p - 'a'].age);
            else
                age_list_remove(&l, &things[*p - 'A'].age);
        }
        check(&l, rows[i].left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
