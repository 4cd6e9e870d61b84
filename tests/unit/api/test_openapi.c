// SPDX-License-Identifier: Apache-2.0
// test_openapi.c - openapi.yaml names exactly the routes that stand: every row of the tables is in
// it, and nothing else.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "base/str.h"
#include "http/route.h"

enum {
    MAX_OPERATIONS = 1000,
};

// A path stands two spaces in, its methods four.
struct operation {
    struct str path, method;
};
struct document {
    struct operation operations[MAX_OPERATIONS];
    size_t n;
};

static bool is_method(struct str word)
{
    static const char *const methods[] = {"delete", "get",  "head", "options",
                                          "patch",  "post", "put"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (str_is(word, methods[i]))
            return true;
    return false;
}

static void read_document(struct str text, struct document *d)
{
    struct str line;
    struct str path = {NULL, 0};
    bool is_in_paths = false;
    d->n = 0;
    while (str_line(&text, &line)) {
        if (line.n > 0 && line.p[0] != ' ' && line.p[0] != '#')
            is_in_paths = str_is(line, "paths:");
        if (!is_in_paths || line.n < 4 || line.p[line.n - 1] != ':')
            continue;
        struct str name = {line.p + 2, line.n - 3};
        if (name.p[0] == '/')
            path = name;
        name = (struct str){line.p + 4, line.n - 5};
        if (!str_starts(line, "    ") || !is_method(name))
            continue;
        assert_true(path.n > 0 && d->n < MAX_OPERATIONS);
        d->operations[d->n++] = (struct operation){path, name};
    }
}

static bool is_row(const struct operation *o, const struct route *row)
{
    return str_is(o->path, row->path) && str_is_nocase(o->method, row->method);
}

static bool is_in_document(const struct document *d, const struct route *row)
{
    for (size_t i = 0; i < d->n; i++)
        if (is_row(&d->operations[i], row))
            return true;
    return false;
}

static bool is_in_tables(const struct operation *o)
{
    for (size_t t = 0; api_routes[t]; t++)
        for (const struct route *row = api_routes[t]; row->method; row++)
            if (is_row(o, row))
                return true;
    return false;
}

static void read_own(struct document *d)
{
    read_document((struct str){openapi_begin, (size_t)(openapi_end - openapi_begin)}, d);
}

static void every_route_is_described(void **state)
{
    static struct document d;
    (void)state;
    size_t n_missing = 0;
    size_t n = 0;
    read_own(&d);
    for (size_t t = 0; api_routes[t]; t++) {
        if (api_routes[t] == api_routes_page)
            continue; // files for a browser: nothing that a program would ask for
        for (const struct route *row = api_routes[t]; row->method; row++, n++) {
            if (is_in_document(&d, row))
                continue;
            print_error("openapi.yaml lacks %s %s\n", row->method, row->path);
            n_missing++;
        }
    }
    assert_int_equal(n_missing, 0);
    assert_true(n > 30);
}

static void every_description_has_its_route(void **state)
{
    static struct document d;
    (void)state;
    size_t n_idle = 0;
    read_own(&d);
    for (size_t i = 0; i < d.n; i++) {
        const struct operation *o = &d.operations[i];
        if (is_in_tables(o))
            continue;
        print_error("no route answers " STR_FMT " " STR_FMT " of openapi.yaml\n",
                    STR_ARG(o->method), STR_ARG(o->path));
        n_idle++;
    }
    assert_int_equal(n_idle, 0);
}

// The reading above sees what it should: what is a path, what is none.
static void the_document_is_read_right(void **state)
{
    static struct document d;
    (void)state;
    read_document(
        str_of("tags:\n  /not/this:\n    get:\npaths:\n  # ---- a\n  /a/{id}:\n    parameters: []\n"
               "    get:\n      responses:\n    post:\n  /b:\n    delete:\ncomponents:\n  /c:\n    "
               "get:\n"),
        &d);
    assert_int_equal(d.n, 3);
    assert_true(is_row(&d.operations[0], &(struct route){.method = "GET", .path = "/a/{id}"}));
    assert_true(is_row(&d.operations[1], &(struct route){.method = "POST", .path = "/a/{id}"}));
    assert_true(is_row(&d.operations[2], &(struct route){.method = "DELETE", .path = "/b"}));
    assert_false(is_row(&d.operations[2], &(struct route){.method = "GET", .path = "/b"}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_is_read_right),
        cmocka_unit_test(every_route_is_described),
        cmocka_unit_test(every_description_has_its_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
