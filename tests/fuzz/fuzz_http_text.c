// SPDX-License-Identifier: Apache-2.0
// fuzz_http_text.c - targets, routes and ranges from any bytes: what is accepted is normal.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/address.h"
#include "http/range.h"
#include "http/route.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int answer(struct request *q)
{
    (void)q;
    return 0;
}

static const struct route routes[] = {
    {"GET", "/", answer},
    {"GET", "/a/{id}", answer},
    {"PUT", "/a/{id}/b/{n}.jpg", answer},
    {"GET", "/a/b", answer},
    {"GET", "/f/{name}", answer},
    {"GET", "/f/{name}.gz", answer},
    {"GET", "/s/{path...}", answer},
    {0},
};
static const struct route *const tables[] = {routes, NULL};

static void check_path(struct str path)
{
    assert(path.n > 0 && (path.p[0] == '/' || str_is(path, "*")));
    for (size_t i = 0; i < path.n; i++)
        assert((unsigned char)path.p[i] >= 0x20 && path.p[i] != '\\');
    if (path.n == 1)
        return;
    struct str rest = {path.p + 1, path.n - 1};
    struct str part;
    while (str_split(&rest, '/', &part))
        assert(part.n > 0 && !str_is(part, ".") && !str_is(part, ".."));
}

static void check_ranges(struct str text)
{
    struct range r[8];
    size_t n;
    if (range_parse(text, 1000, r, 8, &n) != RANGE_SOME)
        return;
    assert(n >= 1 && n <= 8);
    for (size_t i = 0; i < n; i++)
        assert(r[i].first >= 0 && r[i].n > 0 && r[i].first + r[i].n <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct route_tree *tree;
    struct str text = {(const char *)bytes, n};
    struct arena *a;
    struct uri u;
    struct address address;
    struct address_network network;
    if (!tree && route_tree_create(tables, &tree) < 0)
        return 0;
    check_ranges(text);
    if (address_parse_network(text, &network) == 0)
        assert(network.prefix >= 0 && network.prefix <= 128);
    if (address_parse(text, &address) == 0) {
        struct address again;
        char formatted[ADDRESS_TEXT];
        address_format(&address, formatted);
        assert(address_parse(str_of(formatted), &again) == 0 && address_equal(&address, &again));
    }
    if (arena_create(0, &a) < 0)
        return 0;
    if (uri_parse(text, 16, a, &u) == 0) {
        struct route_match m;
        check_path(u.path);
        assert(u.n_pairs <= 16);
        route_find(tree, STR("GET"), u.path, &m);
        for (size_t i = 0; i < m.n; i++)
            assert(m.values[i].n > 0);
    }
    arena_destroy(a);
    return 0;
}
