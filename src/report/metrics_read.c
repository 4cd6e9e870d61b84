// SPDX-License-Identifier: Apache-2.0
// metrics_read.c - numbers of the metrics file under their names.

#include "report/metrics_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "report/effects_json.h"

enum {
    MAX_NAME = 256, // bytes of a figure's name
    MAX_DEPTH = 4,  // of objects of figures in each other
};

struct reader {
    struct json_reader *json;
    struct arena *arena;
    struct metrics_row *rows;
    size_t n, cap;
    struct effects blocks;
    struct str_buf prefix; // of names
};

static int add_row(struct reader *r, const char *name, double value)
{
    if (r->n >= METRICS_MAX_ROWS)
        return json_error(r->json, "more than %d figures", METRICS_MAX_ROWS);
    int err = MEM_GROW(r->rows, r->cap, r->n);
    if (err < 0)
        return err;
    const char *whole = arena_printf(r->arena, "%s%s", str_buf_text(&r->prefix), name);
    if (!whole)
        return ERR_NOMEM;
    r->rows[r->n++] = (struct metrics_row){.name = whole, .value = value};
    return 0;
}

static int read_members(struct reader *r, int depth, const char **ret_label);

// An object of figures: their names begin with its own, but for the operating point's, which are
// its owner's.
static int read_inner(struct reader *r, const char *name, int depth)
{
    const size_t n = r->prefix.n;
    const char *label = NULL;
    if (strcmp(name, "operating_point") != 0)
        str_buf_printf(&r->prefix, "%s_", name);
    int err = str_buf_check(&r->prefix);
    if (err < 0)
        return json_error(r->json, "the name of a figure is longer than %d bytes", MAX_NAME);
    err = read_members(r, depth + 1, &label);
    if (err == 0) {
        r->prefix.n = n;
        if (r->prefix.p)
            r->prefix.p[n] = '\0';
    }
    return err;
}

static int read_value(struct reader *r, struct str key, int depth, const char **ret_label)
{
    struct json_event e;
    const char *name = arena_strndup(r->arena, key.p, key.n);
    if (!name)
        return ERR_NOMEM;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_NUMBER && strcmp(name, "id") != 0)
        return add_row(r, name, e.number);
    if (e.type == JSON_NULL)
        return add_row(r, name, NAN);
    if (e.type == JSON_STRING && strcmp(name, "label") == 0) {
        *ret_label = arena_strndup(r->arena, e.text.p, e.text.n);
        return *ret_label ? 0 : ERR_NOMEM;
    }
    if (e.type == JSON_OBJECT && strcmp(name, "histogram") != 0 && depth < MAX_DEPTH)
        return read_inner(r, name, depth);
    return json_skip(r->json, &e);
}

// Behind '{', to its end.
static int read_members(struct reader *r, int depth, const char **ret_label)
{
    struct json_event e;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        err = read_value(r, e.text, depth, ret_label);
        if (err < 0)
            return err;
    }
    return err;
}

static int read_class(struct reader *r)
{
    const size_t first = r->n;
    const char *label = NULL;
    int err = read_members(r, 1, &label);
    if (err == 0 && !label)
        return json_error(r->json, "a class without \"label\"");
    for (size_t i = first; i < r->n; i++)
        r->rows[i].label = label;
    return err;
}

static int read_classes(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_ARRAY)
        return json_error(r->json, "\"classes\" is not an array");
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_OBJECT) {
        err = read_class(r);
        if (err < 0)
            return err;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "a class that is not an object");
    return err;
}

// "overall" and "classes" of what has its own part of the file.
static int read_part(struct reader *r)
{
    struct json_event e;
    const char *label = NULL;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        const bool is_overall = str_is(e.text, "overall");
        if (str_is(e.text, "classes")) {
            err = read_classes(r);
        } else {
            err = json_next(r->json, &e);
            if (err == 0 && is_overall && e.type == JSON_OBJECT)
                err = read_members(r, 1, &label);
            else if (err == 0)
                err = json_skip(r->json, &e);
        }
        if (err < 0)
            return err;
    }
    return err;
}

// What stands at the top of a metrics file.
static const struct section {
    const char *key, *prefix;
    bool has_parts; // "overall" and "classes", else figures
} sections[] = {
    {"best_f1", "best_f1_", false}, {"coco", "", false},    {"mot17det", "mot17det_", false},
    {"operating_point", "", false}, {"tracking", "", true}, {"temporal", "temporal_", true},
};

static int read_section(struct reader *r, const struct section *s)
{
    const char *label = NULL;
    str_buf_reset(&r->prefix);
    str_buf_puts(&r->prefix, s->prefix);
    int err = s->has_parts ? read_part(r) : read_members(r, 1, &label);
    str_buf_reset(&r->prefix);
    return err;
}

static int read_top(struct reader *r, struct str key)
{
    struct json_event e;
    const struct section *section = NULL;
    const bool is_blocks = str_is(key, "blocks");
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        if (str_is(key, sections[i].key))
            section = &sections[i];
    }
    if (str_is(key, "classes"))
        return read_classes(r);
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_OBJECT && is_blocks)
        return effects_json_read(r->json, r->arena, &r->blocks);
    if (e.type == JSON_OBJECT && section)
        return read_section(r, section);
    return json_skip(r->json, &e);
}

static int read_document(struct reader *r)
{
    struct json_event e;
    bool has_figures = false;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_OBJECT)
        return json_error(r->json, "not a metrics file: it does not begin with '{'");
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        has_figures = has_figures || str_is(e.text, "coco");
        err = read_top(r, e.text);
        if (err < 0)
            return err;
    }
    if (err == 0 && !has_figures)
        return json_error(r->json,
                          "not a metrics file: no \"coco\" in it (detections need --truth)");
    return err;
}

bool metrics_is_file(const char *path)
{
    char head[64];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(head, 1, sizeof(head), f) : 0;
    if (f)
        IGNORE(fclose(f)); // nothing was written
    struct str s = str_trim((struct str){head, n});
    if (!str_starts(s, "{"))
        return false;
    s = str_trim((struct str){s.p + 1, s.n - 1});
    return str_starts(s, "\"assay\"");
}

int metrics_read_text(struct str text, const char *name, struct arena *a,
                      struct metrics_table *ret_table)
{
    struct reader r = {.arena = a, .prefix = STR_BUF_INIT(MAX_NAME)};
    const struct json_reader_opts opts = {.text = text, .name = name};
    struct json_event end;
    int err = json_reader_create(&opts, &r.json);
    if (err == 0)
        err = read_document(&r);
    if (err == 0)
        err = json_next(r.json, &end); // nothing follows
    struct metrics_table t = {.n = r.n, .blocks = r.blocks};
    if (err == 0) {
        t.rows = arena_array(a, struct metrics_row, r.n);
        err = t.rows ? 0 : ERR_NOMEM;
    }
    if (err == 0 && r.n > 0)
        memcpy(t.rows, r.rows, r.n * sizeof(*t.rows));
    json_reader_destroy(r.json);
    mem_free(r.rows);
    str_buf_finish(&r.prefix);
    if (err == 0)
        *ret_table = t;
    return err;
}

int metrics_read(const char *path, struct arena *a, struct metrics_table *ret_table)
{
    char *bytes = NULL;
    size_t n;
    int err = file_read(path, METRICS_MAX_BYTES, &bytes, &n);
    if (err < 0)
        return err;
    err = metrics_read_text((struct str){bytes, n}, path, a, ret_table);
    mem_free(bytes);
    return err;
}

const struct metrics_row *metrics_find(const struct metrics_table *t, const char *name,
                                       const char *label)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct metrics_row *row = &t->rows[i];
        const bool is_same = label ? row->label && strcmp(row->label, label) == 0 : !row->label;
        if (is_same && str_is_nocase(str_of(row->name), name))
            return row;
    }
    return NULL;
}
