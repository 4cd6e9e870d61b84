// SPDX-License-Identifier: Apache-2.0
// opt.c - command line, environment and file to the fields of option tables.
//
// Everything that was given is first gathered as (row, value, origin), which also checks the names;
// then each row takes its values from the source with the highest precedence.

#include "base/opt.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt_priv.h"

enum {
    VALUE_SHOWN = 100, // bytes of a wrong value that a message quotes
};

// A value that somebody gave, and what messages call the place.
struct given {
    struct given *next;
    const struct opt *row;
    const char *value;  // NULL: a switch without a value
    const char *origin; // "--batch", "assay.conf: line 3: batch"
    bool negated;       // "--no-track"
};

struct given_list {
    struct given *first;
    struct given **last;
};

struct parse {
    const struct opt_set *sets;
    size_t n_sets;
    struct arena *arena;
    struct given_list line;
    struct given_list file;
    struct opt_result *result;
};

// clang-format off
const struct opt opt_everywhere[] = {
    {"config", OPT_TYPE_TEXT, 0, 0, 0, NULL, "FILE", "read options from a file of KEY=VALUE lines", NULL},
    {"help", OPT_TYPE_BOOL, 0, 0, 0, NULL, NULL, "show this text", NULL},
    {"version", OPT_TYPE_BOOL, 0, 0, 0, NULL, NULL, "show the version", NULL},
    OPT_END,
};
// clang-format on

static bool (*known_elsewhere)(const char *name);

void opt_set_known_elsewhere(bool (*is_known)(const char *name))
{
    known_elsewhere = is_known;
}

// ---- names

// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
static size_t edit_distance(struct str a, struct str b)
{
    size_t rows[3][OPT_NAME_MAX + 1];
    if (a.n > OPT_NAME_MAX || b.n > OPT_NAME_MAX)
        return SIZE_MAX;
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *now = rows[2];
    for (size_t j = 0; j <= b.n; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t changed = above[j - 1] + (a.p[i - 1] == b.p[j - 1] ? 0 : 1);
            now[j] = MIN(changed, MIN(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = MIN(now[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = now;
        now = oldest;
    }
    return above[b.n];
}

void opt_nearest_try(struct opt_nearest *n, const char *candidate)
{
    struct str name = str_of(candidate);
    size_t d = edit_distance(n->word, name);
    size_t most = MAX(MIN(n->word.n / 3, (size_t)3), (size_t)1);
    if (n->word.n >= 3 && name.n > n->word.n && memcmp(name.p, n->word.p, n->word.n) == 0)
        d = MIN(d, (size_t)1); // the beginning of it
    if (d <= most && (!n->best || d < n->distance)) {
        n->best = candidate;
        n->distance = d;
    }
}

static const struct opt *find_in(const struct opt *rows, struct str name)
{
    for (; rows->name; rows++) {
        if (str_is(name, rows->name))
            return rows;
    }
    return NULL;
}

static const struct opt *find_row(const struct parse *p, struct str name)
{
    for (size_t i = 0; i < p->n_sets; i++) {
        const struct opt *row = find_in(p->sets[i].rows, name);
        if (row)
            return row;
    }
    return find_in(opt_everywhere, name);
}

static int unknown(const struct parse *p, struct str name, const char *what, const char *dashes)
{
    struct opt_nearest nearest = {.word = name};
    for (size_t i = 0; i <= p->n_sets; i++) {
        const struct opt *row = i < p->n_sets ? p->sets[i].rows : opt_everywhere;
        for (; row->name; row++)
            opt_nearest_try(&nearest, row->name);
    }
    int n = (int)MIN(name.n, (size_t)VALUE_SHOWN);
    if (!nearest.best)
        return err_set(ERR_INVALID, "unknown %s '%s%.*s'", what, dashes, n, name.p);
    return err_set(ERR_INVALID, "unknown %s '%s%.*s', did you mean '%s%s'?", what, dashes, n,
                   name.p, dashes, nearest.best);
}

// ---- gathering

static int add_given(struct parse *p, struct given_list *list, struct given g)
{
    struct given *copy = arena_new(p->arena, struct given);
    if (!copy)
        return ERR_NOMEM;
    *copy = g;
    *(list->last ? list->last : &list->first) = copy;
    list->last = &copy->next;
    return 0;
}

// The row of "track" or, negated, of "no-track".
static const struct opt *find_switch(const struct parse *p, struct str name, bool *ret_negated)
{
    const struct opt *row = find_row(p, name);
    *ret_negated = false;
    if (row || !str_starts(name, "no-"))
        return row;
    row = find_row(p, (struct str){name.p + 3, name.n - 3});
    *ret_negated = true;
    return row && row->type == OPT_TYPE_BOOL ? row : NULL;
}

// argv[i] is "--name" or "--name=value"; *ret_n: how many of argv it takes.
static int gather_option(struct parse *p, int argc, char **argv, int i, int *ret_n)
{
    struct str rest = str_of(argv[i] + 2);
    struct str name;
    if (!str_split(&rest, '=', &name))
        name = str_of("");
    struct given g = {.value = rest.p};
    g.row = find_switch(p, name, &g.negated);
    if (!g.row)
        return unknown(p, name, "option", "--");
    g.origin = arena_printf(p->arena, "--%.*s", (int)name.n, name.p);
    if (!g.origin)
        return ERR_NOMEM;
    if (g.negated && g.value)
        return err_set(ERR_INVALID, "%s takes no value", g.origin);
    *ret_n = 1;
    if (g.row->type != OPT_TYPE_BOOL && !g.value) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!next || str_starts(str_of(next), "--"))
            return err_set(ERR_INVALID, "%s needs a value: %s %s", g.origin, g.origin,
                           g.row->value_name ? g.row->value_name : "VALUE");
        g.value = next;
        *ret_n = 2;
    }
    return add_given(p, &p->line, g);
}

static int gather_line(struct parse *p, int argc, char **argv)
{
    struct opt_result *result = p->result;
    bool options_over = false;
    result->arguments = arena_array(p->arena, const char *, (size_t)MAX(argc, 1));
    if (!result->arguments)
        return ERR_NOMEM;
    for (int i = 0; i < argc;) {
        int n = 1;
        int r = 0;
        bool is_option = !options_over && argv[i][0] == '-' && argv[i][1] != '\0';
        if (!is_option)
            result->arguments[result->n_arguments++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            options_over = true;
        else if (argv[i][1] == '-')
            r = gather_option(p, argc, argv, i, &n);
        else
            r = err_set(ERR_INVALID, "unknown option '%s'", argv[i]);
        if (r < 0)
            return r;
        i += n;
    }
    return 0;
}

// "MAX_FRAMES", "ASSAY_MAX_FRAMES", "max-frames" -> "max-frames". False: too long for a name.
static bool option_name(struct str key, char ret_name[OPT_NAME_MAX + 1])
{
    if (str_starts(key, "ASSAY_"))
        key = (struct str){key.p + 6, key.n - 6};
    if (key.n > OPT_NAME_MAX)
        return false;
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        ret_name[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    ret_name[key.n] = '\0';
    return true;
}

static int gather_file_line(struct parse *p, const char *path, int number, struct str text)
{
    struct str value = text;
    struct str key;
    char name[OPT_NAME_MAX + 1];
    if (!str_split(&value, '=', &key) || !value.p)
        return err_set(ERR_INVALID, "%s: line %d: expected KEY=VALUE", path, number);
    key = str_trim(key);
    value = str_trim(value);
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = (struct str){value.p + 1, value.n - 2};
    bool is_short = option_name(key, name);
    struct given g = {.row = is_short ? find_row(p, str_of(name)) : NULL};
    if (!g.row && is_short && known_elsewhere && known_elsewhere(name))
        return 0;
    if (g.row && find_in(opt_everywhere, str_of(name)) == g.row)
        return err_set(ERR_INVALID, "%s: line %d: '%s' has no place in a file", path, number, name);
    if (!g.row)
        return err_prefix(unknown(p, is_short ? str_of(name) : key, "key", ""), "%s: line %d", path,
                          number);
    g.origin = arena_printf(p->arena, "%s: line %d: %s", path, number, name);
    g.value = arena_strndup(p->arena, value.p, value.n);
    return g.origin && g.value ? add_given(p, &p->file, g) : ERR_NOMEM;
}

static int gather_file(struct parse *p, const char *path)
{
    char *bytes;
    size_t n;
    int r = file_read(path, OPT_CONFIG_MAX, &bytes, &n);
    if (r < 0)
        return err_prefix(r, "--config");
    struct str rest = {bytes, n};
    struct str line;
    for (int number = 1; r == 0 && str_line(&rest, &line); number++) {
        line = str_trim(line);
        if (memchr(line.p, '\0', line.n))
            r = err_set(ERR_INVALID, "%s: line %d: is not text", path, number);
        else if (line.n > 0 && line.p[0] != '#')
            r = gather_file_line(p, path, number, line);
    }
    mem_free(bytes);
    return r;
}

// ---- applying

static int wrong(const struct given *g, const char *wanted)
{
    return err_set(ERR_INVALID, "%s: '%.*s' is not %s", g->origin, VALUE_SHOWN, g->value, wanted);
}

static int check_range(const struct given *g, double v)
{
    const double endless = 1e15;
    const struct opt *row = g->row;
    if ((row->min == 0 && row->max == 0) || (v >= row->min && v <= row->max))
        return 0;
    if (row->max >= endless)
        return err_set(ERR_INVALID, "%s: '%.*s' is less than %.15g", g->origin, VALUE_SHOWN,
                       g->value, row->min);
    return err_set(ERR_INVALID, "%s: '%.*s' is not between %.15g and %.15g", g->origin, VALUE_SHOWN,
                   g->value, row->min, row->max);
}

static int apply_bool(const struct given *g, bool *field)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    if (!g->value) {
        *field = !g->negated;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is_nocase(str_of(g->value), words[i])) {
            *field = i < ARRAY_LEN(words) / 2;
            return 0;
        }
    }
    return wrong(g, "true or false");
}

static int apply_int(const struct given *g, int64_t *field)
{
    int64_t v;
    if (str_to_i64(str_of(g->value), &v) < 0)
        return wrong(g, "a whole number");
    int r = check_range(g, (double)v);
    if (r == 0)
        *field = v;
    return r;
}

static int apply_double(const struct given *g, double *field)
{
    double v;
    if (str_to_double(str_of(g->value), &v) < 0)
        return wrong(g, "a number");
    int r = check_range(g, v);
    if (r == 0)
        *field = v;
    return r;
}

static int apply_choice(const struct given *g, int *field)
{
    struct str_buf names = STR_BUF_INIT(512);
    for (int i = 0; g->row->choices[i]; i++) {
        if (strcmp(g->row->choices[i], g->value) == 0) {
            *field = i;
            str_buf_finish(&names);
            return 0;
        }
        str_buf_printf(&names, "%s%s", i ? ", " : "", g->row->choices[i]);
    }
    int r = err_set(ERR_INVALID, "%s: '%.*s' is none of %s", g->origin, VALUE_SHOWN, g->value,
                    str_buf_text(&names));
    str_buf_finish(&names);
    return r;
}

// *from* is the first of its source; all of the same row and source belong to the list.
static int apply_list(struct parse *p, const struct given *from, struct opt_list *field)
{
    size_t n = 0;
    for (const struct given *g = from; g; g = g->next)
        n += g->row == from->row;
    const char **items = arena_array(p->arena, const char *, n);
    if (!items)
        return ERR_NOMEM;
    *field = (struct opt_list){items, 0};
    for (const struct given *g = from; g; g = g->next) {
        if (g->row != from->row)
            continue;
        items[field->n] = arena_strndup(p->arena, g->value, strlen(g->value));
        if (!items[field->n++])
            return ERR_NOMEM;
    }
    return 0;
}

static int apply(struct parse *p, const struct given *first, void *target)
{
    const struct given *g = first;
    void *field = (char *)target + first->row->offset;
    for (const struct given *later = first->next; later; later = later->next) {
        if (later->row == first->row)
            g = later;
    }
    switch (g->row->type) {
    case OPT_TYPE_BOOL:
        return apply_bool(g, (bool *)field);
    case OPT_TYPE_INT:
        return apply_int(g, (int64_t *)field);
    case OPT_TYPE_DOUBLE:
        return apply_double(g, (double *)field);
    case OPT_TYPE_CHOICE:
        return apply_choice(g, (int *)field);
    case OPT_TYPE_LIST:
        return apply_list(p, first, (struct opt_list *)field);
    case OPT_TYPE_TEXT:
        *(const char **)field = arena_strndup(p->arena, g->value, strlen(g->value));
        return *(const char **)field ? 0 : ERR_NOMEM;
    case OPT_TYPE_UNSET:
        break;
    }
    assert(!"an option's type");
    return ERR_INTERNAL;
}

static const struct given *find_given(const struct given_list *list, const struct opt *row)
{
    const struct given *g = list->first;
    while (g && g->row != row)
        g = g->next;
    return g;
}

// *storage* holds what the environment gives.
static const struct given *find_in_environment(const struct opt *row, struct arena *a,
                                               struct given *storage)
{
    char name[OPT_NAME_MAX + 8] = "ASSAY_";
    size_t n = 6;
    assert(strlen(row->name) <= OPT_NAME_MAX);
    for (const char *c = row->name; *c; c++)
        name[n++] = *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    name[n] = '\0';
    const char *value = getenv(name);
    if (!value || !*value)
        return NULL;
    const char *origin = arena_strndup(a, name, n);
    *storage = (struct given){.row = row, .value = value, .origin = origin ? origin : row->name};
    return storage;
}

static int apply_row(struct parse *p, const struct opt *row, void *target)
{
    struct given environment;
    const struct given *g = find_given(&p->line, row);
    if (!g)
        g = find_in_environment(row, p->arena, &environment);
    if (!g)
        g = find_given(&p->file, row);
    return g ? apply(p, g, target) : 0;
}

static bool was_given(const struct parse *p, const char *name)
{
    return find_given(&p->line, find_in(opt_everywhere, str_of(name))) != NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

// The target of the table that *row* stands in.
static void *target_of(const struct parse *p, const struct opt *row)
{
    for (size_t i = 0; i < p->n_sets; i++)
        if (find_in(p->sets[i].rows, str_of(row->name)) == row)
            return p->sets[i].target;
    return NULL;
}

int opt_apply(const struct opt_set *sets, size_t n_sets, const struct opt *row,
              const char *const *values, size_t n_values, const char *origin, struct arena *a)
{
    struct parse p = {.sets = sets, .n_sets = n_sets, .arena = a};
    assert(n_values > 0 && target_of(&p, row));
    int r = 0;
    for (size_t i = 0; r == 0 && i < n_values; i++)
        r = add_given(&p, &p.line,
                      (struct given){.row = row, .value = values[i], .origin = origin});
    return r == 0 ? apply(&p, p.line.first, target_of(&p, row)) : r;
}

const struct opt *opt_find(const struct opt_set *sets, size_t n_sets, struct str name)
{
    struct parse p = {.sets = sets, .n_sets = n_sets};
    const struct opt *row = find_row(&p, name);
    return row && target_of(&p, row) ? row : NULL;
}

int opt_parse(int argc, char **argv, const struct opt_set *sets, size_t n_sets, struct arena *a,
              struct opt_result *ret_result)
{
    struct opt_result result = {.help = asks_for_help(argc, argv)};
    struct parse p = {.sets = sets, .n_sets = n_sets, .arena = a, .result = &result};
    if (result.help) {
        *ret_result = result;
        return 0;
    }
    int r = gather_line(&p, argc, argv);
    if (r < 0)
        return r;
    result.version = was_given(&p, "version");
    const char *config = NULL;
    r = apply_row(&p, &opt_everywhere[0], &config);
    if (r == 0 && config)
        r = gather_file(&p, config);
    for (size_t i = 0; r == 0 && i < n_sets; i++) {
        for (const struct opt *row = sets[i].rows; r == 0 && row->name; row++)
            r = apply_row(&p, row, sets[i].target);
    }
    if (r == 0)
        *ret_result = result;
    return r;
}
