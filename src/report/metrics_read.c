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

struct reader {
    struct json_reader *json;
    struct arena *arena;
    struct metrics_row *rows;
    size_t n, cap;
    struct effects blocks;
};

static int add_row(struct reader *r, struct str name, double value)
{
    if (r->n >= METRICS_MAX_ROWS)
        return json_error(r->json, "more than %d figures", METRICS_MAX_ROWS);
    int err = MEM_GROW(r->rows, r->cap, r->n);
    if (err < 0)
        return err;
    const char *copy = arena_strndup(r->arena, name.p, name.n);
    if (!copy)
        return ERR_NOMEM;
    r->rows[r->n++] = (struct metrics_row){.name = copy, .value = value};
    return 0;
}

static int read_members(struct reader *r, bool is_class);

// The value of *key*: a number is a row, the operating point's members are rows of its owner.
static int read_value(struct reader *r, struct str key, const char **ret_label)
{
    struct json_event e;
    struct str name = {arena_strndup(r->arena, key.p, key.n), key.n};
    if (!name.p)
        return ERR_NOMEM;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_NUMBER)
        return add_row(r, name, e.number);
    if (e.type == JSON_NULL)
        return add_row(r, name, NAN);
    if (e.type == JSON_STRING && str_is(name, "label")) {
        *ret_label = arena_strndup(r->arena, e.text.p, e.text.n);
        return *ret_label ? 0 : ERR_NOMEM;
    }
    if (e.type == JSON_OBJECT && str_is(name, "operating_point"))
        return read_members(r, false);
    return json_skip(r->json, &e);
}

// Behind '{', to its end.
static int read_members(struct reader *r, bool is_class)
{
    struct json_event e;
    const size_t first = r->n;
    const char *label = NULL;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        err = read_value(r, e.text, &label);
        if (err < 0)
            return err;
    }
    if (err == 0 && is_class && !label)
        return json_error(r->json, "a class without \"label\"");
    for (size_t i = first; i < r->n && is_class; i++)
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
    for (;;) {
        err = json_next(r->json, &e);
        if (err < 0 || e.type == JSON_ARRAY_END)
            return err;
        if (e.type != JSON_OBJECT)
            return json_error(r->json, "a class that is not an object");
        err = read_members(r, true);
        if (err < 0)
            return err;
    }
}

static int read_tracking(struct reader *r)
{
    struct json_event e;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        const bool is_overall = str_is(e.text, "overall");
        if (str_is(e.text, "classes")) {
            err = read_classes(r);
        } else {
            err = json_next(r->json, &e);
            if (err == 0 && is_overall && e.type == JSON_OBJECT)
                err = read_members(r, false);
            else if (err == 0)
                err = json_skip(r->json, &e);
        }
        if (err < 0)
            return err;
    }
    return err;
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
        const bool is_flat = str_is(e.text, "coco") || str_is(e.text, "operating_point") ||
                             str_is(e.text, "temporal");
        const bool is_tracking = str_is(e.text, "tracking");
        const bool is_blocks = str_is(e.text, "blocks");
        has_figures = has_figures || str_is(e.text, "coco");
        if (str_is(e.text, "classes")) {
            err = read_classes(r);
        } else {
            err = json_next(r->json, &e);
            if (err == 0 && e.type == JSON_OBJECT && is_blocks)
                err = effects_json_read(r->json, r->arena, &r->blocks);
            else if (err == 0 && e.type == JSON_OBJECT && (is_flat || is_tracking))
                err = is_flat ? read_members(r, false) : read_tracking(r);
            else if (err == 0)
                err = json_skip(r->json, &e);
        }
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
    struct reader r = {.arena = a};
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
