// SPDX-License-Identifier: Apache-2.0
// test_route.c - which row a path finds, and what it takes from the path.

#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

struct request;

static int answer(struct request *q)
{
    (void)q;
    return 0;
}

// clang-format off
static const struct route first[] = {
    {"GET",  "/", answer},
    {"GET",  "/a", answer},
    {"POST", "/a", answer},
    {"GET",  "/a/{id}", answer},
    {"HEAD", "/a/{id}", answer},
    {"GET",  "/a/new", answer},
    {"GET",  "/a/{id}/b/{other}", answer},
    {"GET",  "/a/new/c", answer},
    {0},
};
static const struct route second[] = {
    {"GET",  "/f/{n}.jpg", answer},
    {"GET",  "/f/{n}.tar.gz", answer},
    {"GET",  "/f/{name}", answer},
    {"PUT",  "/f/{n}.gz", answer},
    {"GET",  "/s/{path...}", answer},
    {"GET",  "/s/x/y", answer},
    {0},
};
// clang-format on

static const struct {
    const char *method;
    const char *path;
    const char *found; // "template name=value ..." with "!" before it where the method is not taken
} rows[] = {
    {"GET", "/", "/"},
    {"HEAD", "/", "/"},
    {"PUT", "/", "!/"},
    {"POST", "/a", "/a"},
    {"GET", "/a/7", "/a/{id} id=7"},
    {"HEAD", "/a/7", "/a/{id} id=7"},
    {"GET", "/a/new", "/a/new"},
    {"GET", "/a/newer", "/a/{id} id=newer"},
    {"GET", "/a/new/b/2", "/a/{id}/b/{other} id=new other=2"}, // back from the fixed text
    {"GET", "/a/new/c", "/a/new/c"},
    {"GET", "/a/old/c", ""},
    {"GET", "/a/7/b", ""},
    {"GET", "/a/7/b/8/9", ""},
    {"GET", "/b", ""},
    {"GET", "/f/1.jpg", "/f/{n}.jpg n=1"},
    {"GET", "/f/.jpg", "/f/{name} name=.jpg"},
    {"GET", "/f/a.tar.gz", "/f/{n}.tar.gz n=a"},
    {"PUT", "/f/a.gz", "/f/{n}.gz n=a"},
    {"GET", "/f/jpg", "/f/{name} name=jpg"},
    {"GET", "/s/x", "/s/{path...} path=x"},
    {"GET", "/s/x/y", "/s/x/y"},
    {"GET", "/s/x/z/w", "/s/{path...} path=x/z/w"},
    {"GET", "/s", ""},
    {"GET", "", ""},
    {"GET", "*", ""},
};

static void test_rows(void **state)
{
    (void)state;
    const struct route *const tables[] = {first, second, NULL};
    struct route_tree *t;
    assert_int_equal(route_tree_create(tables, &t), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct route_match m;
        struct str_buf text = STR_BUF_INIT(1000);
        route_find(t, str_of(rows[i].method), str_of(rows[i].path), &m);
        if (m.template_path)
            str_buf_printf(&text, "%s%s", m.route ? "" : "!", m.template_path);
        for (size_t k = 0; k < m.n; k++)
            str_buf_printf(&text, " " STR_FMT "=" STR_FMT, STR_ARG(m.names[k]),
                           STR_ARG(m.values[k]));
        if (!str_is(str_buf_view(&text), rows[i].found) && *rows[i].found)
            fail_msg("row %zu %s: '%s'", i, rows[i].path, str_buf_text(&text));
        assert_true(*rows[i].found || !m.template_path);
        str_buf_finish(&text);
    }
    route_tree_destroy(t);
}

static void test_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *allow;
    } allowed[] = {
        {"/a", "GET, HEAD, OPTIONS, POST"},
        {"/f/x.gz", "OPTIONS, PUT"},
        {"/b", ""},
    };
    const struct route *const tables[] = {first, second, NULL};
    struct route_tree *t;
    assert_int_equal(route_tree_create(tables, &t), 0);
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        struct str_buf text = STR_BUF_INIT(1000);
        route_allowed(t, str_of(allowed[i].path), &text);
        assert_string_equal(str_buf_text(&text), allowed[i].allow);
        str_buf_finish(&text);
    }
    route_tree_destroy(t);
}

static void test_no_memory(void **state)
{
    (void)state;
    const struct route *const tables[] = {first, second, NULL};
    for (long n = 1;; n++) {
        struct route_tree *t = NULL;
        mem_test_fail_at(n);
        int r = route_tree_create(tables, &t);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        route_tree_destroy(t);
        if (pending) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(r, ERR_NOMEM);
    }
    route_tree_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_allowed),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
