// SPDX-License-Identifier: Apache-2.0
// route.c - the tables as a tree of segments, searched with fixed text before parameters.

#include "http/route.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

enum edge_kind {
    EDGE_UNSET,
    EDGE_TEXT,      // the segment is *text*
    EDGE_PARAMETER, // the segment ends in *text* (usually "") and has something before it
    EDGE_TAIL,      // all that is left
};

struct node;

struct edge {
    enum edge_kind kind;
    struct str text;
    struct node *to;
    struct edge *next; // in the order of trying
};

struct node {
    struct edge *edges;
    const struct route *routes[ROUTE_MAX_METHODS];
    size_t n_routes;
};

struct route_tree {
    struct arena *arena;
    struct node root;
};

// What a template's segment is; *ret_name is the parameter's.
static struct edge parse_segment(struct str s, struct str *ret_name)
{
    struct edge e = {.kind = EDGE_TEXT, .text = s};
    *ret_name = (struct str){NULL, 0};
    assert(s.n > 0);
    if (s.p[0] != '{') {
        assert(!memchr(s.p, '{', s.n));
        return e;
    }
    const char *close = memchr(s.p, '}', s.n);
    assert(close && close > s.p + 1);
    *ret_name = (struct str){s.p + 1, (size_t)(close - s.p) - 1};
    e.kind = EDGE_PARAMETER;
    e.text = (struct str){close + 1, s.n - (size_t)(close - s.p) - 1};
    assert(!memchr(e.text.p, '{', e.text.n));
    if (str_ends(*ret_name, "...")) {
        assert(e.text.n == 0);
        ret_name->n -= 3;
        e.kind = EDGE_TAIL;
    }
    return e;
}

static bool goes_before(const struct edge *a, const struct edge *b)
{
    return a->kind != b->kind ? a->kind < b->kind : a->text.n > b->text.n;
}

static struct node *follow(struct route_tree *t, struct node *n, const struct edge *wanted)
{
    struct edge **at = &n->edges;
    for (struct edge *e = n->edges; e; e = e->next) {
        if (e->kind == wanted->kind && str_equal(e->text, wanted->text))
            return e->to;
        if (!goes_before(wanted, e))
            at = &e->next;
    }
    struct edge *e = arena_new(t->arena, struct edge);
    struct node *to = arena_new(t->arena, struct node);
    if (!e || !to)
        return NULL;
    *e = *wanted;
    e->to = to;
    e->next = *at;
    *at = e;
    return to;
}

static int add_route(struct route_tree *t, const struct route *route)
{
    struct node *n = &t->root;
    struct str path = str_of(route->path);
    assert(path.n > 0 && path.p[0] == '/' && route->handle);
    struct str rest = {path.p + 1, path.n - 1};
    struct str segment;
    size_t n_parameters = 0;
    while (path.n > 1 && str_split(&rest, '/', &segment)) {
        struct str name;
        struct edge e = parse_segment(segment, &name);
        assert(e.kind != EDGE_TAIL || !rest.p); // the tail is last
        n_parameters += name.n > 0;
        assert(n_parameters <= ROUTE_MAX_PARAMETERS);
        n = follow(t, n, &e);
        if (!n)
            return ERR_NOMEM;
    }
    assert(n->n_routes < ROUTE_MAX_METHODS);
    for (size_t i = 0; i < n->n_routes; i++)
        assert(strcmp(n->routes[i]->method, route->method) != 0);
    n->routes[n->n_routes++] = route;
    return 0;
}

int route_tree_create(const struct route *const *tables, struct route_tree **ret_tree)
{
    struct route_tree *t = mem_new(struct route_tree);
    int r = ERR_NOMEM;
    if (!t)
        return r;
    r = arena_create(0, &t->arena);
    for (size_t i = 0; r == 0 && tables[i]; i++) {
        for (const struct route *route = tables[i]; r == 0 && route->method; route++)
            r = add_route(t, route);
    }
    if (r < 0) {
        route_tree_destroy(t);
        return r;
    }
    *ret_tree = t;
    return 0;
}

void route_tree_destroy(struct route_tree *t)
{
    if (!t)
        return;
    arena_destroy(t->arena);
    mem_free(t);
}

struct search {
    struct str values[ROUTE_MAX_PARAMETERS];
    size_t n;
};

// *rest* is what follows a slash; its p is NULL at the path's end.
static const struct node *search(const struct node *n, struct str rest, struct search *s)
{
    if (!rest.p)
        return n->n_routes > 0 ? n : NULL;
    struct str after = rest;
    struct str segment;
    if (!str_split(&after, '/', &segment) || segment.n == 0)
        return NULL;
    for (const struct edge *e = n->edges; e; e = e->next) {
        size_t n_before = s->n;
        struct str next = after;
        if (e->kind == EDGE_TEXT) {
            if (!str_equal(e->text, segment))
                continue;
        } else if (e->kind == EDGE_PARAMETER) {
            if (segment.n <= e->text.n ||
                memcmp(segment.p + segment.n - e->text.n, e->text.p, e->text.n) != 0)
                continue;
            s->values[s->n++] = (struct str){segment.p, segment.n - e->text.n};
        } else {
            s->values[s->n++] = rest;
            next = (struct str){NULL, 0};
        }
        const struct node *found = search(e->to, next, s);
        if (found)
            return found;
        s->n = n_before;
    }
    return NULL;
}

static const struct node *search_path(const struct route_tree *t, struct str path, struct search *s)
{
    if (path.n == 0 || path.p[0] != '/')
        return NULL;
    struct str rest = {path.n > 1 ? path.p + 1 : NULL, path.n - 1};
    return search(&t->root, rest, s);
}

static const struct route *row_for(const struct node *n, struct str method)
{
    for (size_t i = 0; i < n->n_routes; i++) {
        if (str_is(method, n->routes[i]->method))
            return n->routes[i];
    }
    return NULL;
}

// The names of a template's parameters, in order.
static void name_parameters(const char *path, struct route_match *m)
{
    struct str rest = str_of(path + 1);
    struct str segment;
    m->n = 0;
    while (rest.n > 0 && str_split(&rest, '/', &segment)) {
        struct str name;
        struct edge e = parse_segment(segment, &name);
        if (e.kind != EDGE_TEXT)
            m->names[m->n++] = name;
    }
}

void route_find(const struct route_tree *t, struct str method, struct str path,
                struct route_match *ret_match)
{
    struct search s = {.n = 0};
    const struct node *n = search_path(t, path, &s);
    *ret_match = (struct route_match){0};
    if (!n)
        return;
    ret_match->route = row_for(n, method);
    if (!ret_match->route && str_is(method, "HEAD"))
        ret_match->route = row_for(n, STR("GET"));
    ret_match->template_path = ret_match->route ? ret_match->route->path : n->routes[0]->path;
    name_parameters(ret_match->template_path, ret_match);
    assert(ret_match->n == s.n);
    memcpy(ret_match->values, s.values, s.n * sizeof(s.values[0]));
}

void route_allowed(const struct route_tree *t, struct str path, struct str_buf *out)
{
    static const char *const methods[] = {"DELETE", "GET",  "HEAD", "OPTIONS",
                                          "PATCH",  "POST", "PUT"};
    struct search s = {.n = 0};
    const struct node *n = search_path(t, path, &s);
    if (!n)
        return;
    const char *before = "";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct str m = str_of(methods[i]);
        bool has =
            row_for(n, m) || str_is(m, "OPTIONS") || (str_is(m, "HEAD") && row_for(n, STR("GET")));
        if (!has)
            continue;
        str_buf_printf(out, "%s%s", before, methods[i]);
        before = ", ";
    }
}
