// SPDX-License-Identifier: Apache-2.0
// test_commands.c - the rows of all commands and their options are sound.

#include "app/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/common.h"

enum {
    MAX_OPTIONS = 256,
    MAX_SETS = 15, // with the common one what main.c holds
};

static void test_commands_are_sorted_and_whole(void **state)
{
    for (size_t i = 0; app_commands[i]; i++) {
        const struct command *c = app_commands[i];
        assert_true(i == 0 || strcmp(app_commands[i - 1]->name, c->name) < 0);
        assert_non_null(c->run);
        assert_true(c->summary && c->summary[0] >= 'a' && c->summary[0] <= 'z');
        assert_false(str_ends(str_of(c->summary), "."));
        assert_true(strlen(c->summary) <= 84); // one line of --help
        assert_non_null(c->usage);
        assert_true(c->n_sets <= MAX_SETS);
    }
}

static void check_row(const struct opt *row)
{
    assert_true(strlen(row->name) <= OPT_NAME_MAX);
    assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(row->name));
    assert_true(row->help && row->help[0]);
    assert_true(row->type != OPT_TYPE_UNSET);
    assert_true(row->min <= row->max);
    if (row->type == OPT_TYPE_CHOICE)
        assert_true(row->choices && row->choices[0]);
    if (row->type != OPT_TYPE_BOOL)
        assert_non_null(row->value_name);
}

// One name, one meaning: within a command, beside what every command has.
static void test_options_are_unique(void **state)
{
    for (size_t i = 0; app_commands[i]; i++) {
        const struct command *c = app_commands[i];
        const char *names[MAX_OPTIONS];
        size_t n = 0;
        for (size_t k = 0; k < c->n_sets + 2; k++) {
            const struct opt *row = k < c->n_sets    ? c->sets[k].rows
                                    : k == c->n_sets ? app_common_options
                                                     : opt_everywhere;
            assert_true(k >= c->n_sets || c->sets[k].target);
            for (; row->name; row++) {
                check_row(row);
                for (size_t j = 0; j < n; j++) {
                    if (strcmp(names[j], row->name) == 0)
                        fail_msg("%s: --%s stands in two tables", c->name, row->name);
                }
                assert_true(n < MAX_OPTIONS);
                names[n++] = row->name;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_sorted_and_whole),
        cmocka_unit_test(test_options_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
