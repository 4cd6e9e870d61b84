// SPDX-License-Identifier: Apache-2.0
// opt_json.c - options as the members of a JSON object.

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/opt_priv.h"

enum {
    MAX_VALUES = 1024,         // of one option
    MAX_TEXT = 64 * 1024,      // of one value
    MAX_SETTINGS = 256 * 1024, // of the whole
};

struct reading {
    struct json_reader *json;
    const char *what;
    const struct opt_set *sets;
    size_t n_sets;
    bool (*is_refused)(const char *name);
    struct arena *arena;
    // of the member being read
    const char *values[MAX_VALUES];
    size_t n_values;
};

static int keep(struct reading *g, struct str text)
{
    if (g->n_values == MAX_VALUES)
        return json_error(g->json, "more than %d values", MAX_VALUES);
    const char *copy = arena_strndup(g->arena, text.p, text.n);
    if (!copy)
        return ERR_NOMEM;
    g->values[g->n_values++] = copy;
    return 0;
}

static int keep_scalar(struct reading *g, const struct json_event *e)
{
    switch (e->type) {
    case JSON_STRING:
        if (memchr(e->text.p, '\0', e->text.n))
            return json_error(g->json, "a text holds a zero");
        return keep(g, e->text);
    case JSON_NUMBER:
        return keep(g, e->text);
    case JSON_BOOL:
        return keep(g, e->boolean ? STR("true") : STR("false"));
    default:
        return json_error(g->json, "a text, a number, true or false is expected");
    }
}

static int read_array(struct reading *g)
{
    struct json_event e;
    for (;;) {
        int r = json_next(g->json, &e);
        if (r < 0 || e.type == JSON_ARRAY_END)
            return r;
        r = keep_scalar(g, &e);
        if (r < 0)
            return r;
    }
}

// {"person": 0.4} as "person=0.4".
static int read_pairs(struct reading *g)
{
    struct json_event e;
    for (;;) {
        int r = json_next(g->json, &e);
        if (r < 0 || e.type == JSON_OBJECT_END)
            return r;
        const char *key = arena_strndup(g->arena, e.text.p, e.text.n);
        if (!key)
            return ERR_NOMEM;
        r = json_next(g->json, &e);
        if (r < 0)
            return r;
        if (e.type != JSON_NUMBER)
            return json_error(g->json, "'%s' wants a number", key);
        const char *pair = arena_printf(g->arena, "%s=" STR_FMT, key, STR_ARG(e.text));
        if (!pair)
            return ERR_NOMEM;
        r = keep(g, str_of(pair));
        if (r < 0)
            return r;
    }
}

// ["person","car"] for an option that takes "person,car".
static int join_values(struct reading *g, const struct opt *row)
{
    if (row->type == OPT_TYPE_LIST || g->n_values < 2)
        return 0;
    struct str_buf all = STR_BUF_INIT(MAX_TEXT);
    for (size_t i = 0; i < g->n_values; i++)
        str_buf_printf(&all, "%s%s", i ? "," : "", g->values[i]);
    int r = str_buf_check(&all);
    g->n_values = 0;
    if (r == 0)
        r = keep(g, str_buf_view(&all));
    str_buf_finish(&all);
    return r;
}

static int read_value(struct reading *g, const struct opt *row)
{
    struct json_event e;
    int r = json_next(g->json, &e);
    if (r < 0)
        return r;
    g->n_values = 0;
    if (e.type == JSON_NULL)
        return 0;
    if (e.type == JSON_ARRAY && (row->type == OPT_TYPE_LIST || row->type == OPT_TYPE_TEXT))
        r = read_array(g);
    else if (e.type == JSON_OBJECT && row->type == OPT_TYPE_LIST)
        r = read_pairs(g);
    else
        r = keep_scalar(g, &e);
    return r == 0 ? join_values(g, row) : r;
}

// "max_frames" is --max-frames; a name with '-' is none. NULL: there is no such option at all.
static const struct opt *row_of(const struct reading *g, struct str key)
{
    char name[OPT_NAME_MAX + 1];
    if (key.n > OPT_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '-')
            return NULL;
        name[i] = key.p[i] == '_' ? '-' : key.p[i];
    }
    name[key.n] = '\0';
    return opt_find(g->sets, g->n_sets, (struct str){name, key.n});
}

static bool may_not_be_set(const struct reading *g, const struct opt *row)
{
    return g->is_refused && g->is_refused(row->name);
}

// The nearest of those that may be set, as it is written here.
static int unknown(const struct reading *g, struct str key)
{
    char names[2][OPT_NAME_MAX + 1] = {"", ""}; // the nearest one, and the one being tried
    struct opt_nearest nearest = {.word = key};
    for (size_t i = 0; i < g->n_sets; i++) {
        for (const struct opt *row = g->sets[i].rows; row->name; row++) {
            char *name = names[nearest.best != names[1]];
            if (may_not_be_set(g, row))
                continue;
            snprintf(name, sizeof(names[0]), "%s", row->name);
            for (char *p = name; *p; p++)
                *p = *p == '-' ? '_' : *p;
            opt_nearest_try(&nearest, name);
        }
    }
    int n = (int)MIN(key.n, (size_t)OPT_NAME_MAX);
    if (!nearest.best)
        return err_set(ERR_INVALID, "%s: unknown setting '%.*s'", g->what, n, key.p);
    return err_set(ERR_INVALID, "%s: unknown setting '%.*s', did you mean '%s'?", g->what, n, key.p,
                   nearest.best);
}

static int read_member(struct reading *g, struct str key)
{
    const struct opt *row = row_of(g, key);
    if (!row)
        return unknown(g, key);
    if (may_not_be_set(g, row))
        return err_set(ERR_INVALID, "%s: '" STR_FMT "' cannot be set here", g->what, STR_ARG(key));
    const char *origin = arena_printf(g->arena, "%s." STR_FMT, g->what, STR_ARG(key));
    if (!origin)
        return ERR_NOMEM;
    int r = read_value(g, row);
    if (r < 0 || g->n_values == 0)
        return r;
    return opt_apply(g->sets, g->n_sets, row, g->values, g->n_values, origin, g->arena);
}

static int read_object(struct reading *g)
{
    struct json_event e;
    int r = json_next(g->json, &e);
    if (r < 0)
        return r;
    if (e.type != JSON_OBJECT)
        return json_error(g->json, "an object is expected");
    for (;;) {
        r = json_next(g->json, &e);
        if (r < 0)
            return r;
        if (e.type == JSON_OBJECT_END)
            return json_next(g->json, &e);
        r = read_member(g, e.text);
        if (r < 0)
            return r;
    }
}

int opt_parse_json(struct str json, const char *what, const struct opt_set *sets, size_t n_sets,
                   bool (*is_refused)(const char *name), struct arena *a)
{
    if (json.n > MAX_SETTINGS)
        return err_set(ERR_TOO_BIG, "%s: more than %d bytes", what, MAX_SETTINGS);
    struct reading *g = arena_new(a, struct reading);
    if (!g)
        return ERR_NOMEM;
    *g = (struct reading){
        .what = what, .sets = sets, .n_sets = n_sets, .is_refused = is_refused, .arena = a};
    const struct json_reader_opts opts = {.text = json, .name = what, .max_string = MAX_TEXT};
    int r = json_reader_create(&opts, &g->json);
    if (r < 0)
        return r;
    r = read_object(g);
    json_reader_destroy(g->json);
    return r;
}
