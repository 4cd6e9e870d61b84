// SPDX-License-Identifier: Apache-2.0
// read_names.c - the names of classes that YOLO's files know by number: a name a line, or
// data.yaml.

#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

enum {
    YAML_MAX_BYTES = 1024 * 1024,
    YAML_MAX_DEPTH = 32,
};

int name_list_set(struct import *im, struct name_list *l, int64_t number, struct str name)
{
    if (number < 0)
        return err_set(ERR_DATA, "class %lld: numbers of classes begin at 0", (long long)number);
    if (number >= DATASET_MAX_CLASSES)
        return err_set(ERR_TOO_BIG, "class %lld: more than %d classes", (long long)number,
                       DATASET_MAX_CLASSES);
    while (l->n <= (size_t)number) {
        int r = MEM_GROW(l->names, l->cap, l->n);
        if (r < 0)
            return r;
        l->names[l->n++] = NULL;
    }
    l->names[number] = arena_strndup(im->draft.arena, name.p, name.n);
    return l->names[number] ? 0 : ERR_NOMEM;
}

void name_list_finish(struct name_list *l)
{
    mem_free(l->names);
    *l = (struct name_list){0};
}

int name_list_read(struct import *im, const char *path, struct name_list *l)
{
    char *bytes;
    size_t n;
    int r = file_read(path, IMPORT_MAX_NAMES, &bytes, &n);
    if (r < 0)
        return r;
    struct str rest = {bytes, n};
    struct str line;
    if (str_starts(rest, "\xef\xbb\xbf"))
        rest = (struct str){rest.p + 3, rest.n - 3};
    for (int64_t number = 0; r == 0 && str_line(&rest, &line); number++) {
        line = str_trim(line);
        if (line.n > 0 && memchr(line.p, '\0', line.n))
            r = err_set(ERR_DATA, "%s: a class name holds a zero byte", path);
        else if (line.n > 0)
            r = name_list_set(im, l, number, line);
    }
    mem_free(bytes);
    return r;
}

// ---- data.yaml

struct reader {
    struct import *im;
    struct name_list *names;
    const char *path;
    yaml_parser_t parser;
    yaml_event_t event; // the current one
    bool has_event;
    int depth;
    const char *folder, *val;
};

static int fail(const struct reader *r, const char *what)
{
    return err_set(ERR_DATA, "%s: line %zu: %s", r->path, r->event.start_mark.line + 1, what);
}

static int next(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        if (r->parser.error == YAML_MEMORY_ERROR)
            return ERR_NOMEM;
        return err_set(ERR_DATA, "%s: line %zu: %s", r->path, r->parser.problem_mark.line + 1,
                       r->parser.problem ? r->parser.problem : "no YAML");
    }
    r->has_event = true;
    yaml_event_type_t type = r->event.type;
    if (type == YAML_ALIAS_EVENT)
        return fail(r, "aliases are not read");
    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) {
        if (++r->depth > YAML_MAX_DEPTH)
            return fail(r, "nested too deep");
    } else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) {
        r->depth--;
    }
    return 0;
}

static struct str scalar(const struct reader *r)
{
    return (struct str){(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
}

// Past the value whose first event is the current one.
static int skip(struct reader *r)
{
    yaml_event_type_t type = r->event.type;
    if (type != YAML_MAPPING_START_EVENT && type != YAML_SEQUENCE_START_EVENT)
        return 0;
    int depth = r->depth - 1;
    int e = 0;
    while (e == 0 && r->depth > depth)
        e = next(r);
    return e;
}

static int take_name(struct reader *r, int64_t number)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail(r, "a name that is no text");
    struct str name = scalar(r);
    if (name.n > 0 && memchr(name.p, '\0', name.n))
        return fail(r, "a class name holds a zero byte");
    return name_list_set(r->im, r->names, number, name);
}

static int take_names(struct reader *r)
{
    int e = 0;
    if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        for (int64_t number = 0;; number++) {
            e = next(r);
            if (e < 0 || r->event.type == YAML_SEQUENCE_END_EVENT)
                return e;
            e = take_name(r, number);
            if (e < 0)
                return e;
        }
    }
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return fail(r, "names are neither a list nor a map");
    for (;;) {
        int64_t number;
        e = next(r);
        if (e < 0 || r->event.type == YAML_MAPPING_END_EVENT)
            return e;
        if (r->event.type != YAML_SCALAR_EVENT || str_to_i64(scalar(r), &number) < 0)
            return fail(r, "a class number that is none");
        e = next(r);
        if (e == 0)
            e = take_name(r, number);
        if (e < 0)
            return e;
    }
}

static int take_text(struct reader *r, const char **ret_text)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return skip(r); // a list of folders
    struct str s = scalar(r);
    *ret_text = s.n ? arena_strndup(r->im->draft.arena, s.p, s.n) : NULL;
    return s.n == 0 || *ret_text ? 0 : ERR_NOMEM;
}

static int take_member(struct reader *r)
{
    enum { OTHER, NAMES, FOLDER, VAL } key = OTHER;
    if (r->event.type == YAML_SCALAR_EVENT) {
        struct str s = scalar(r);
        key = str_is(s, "names")  ? NAMES
              : str_is(s, "path") ? FOLDER
              : str_is(s, "val")  ? VAL
                                  : key;
    }
    int e = skip(r); // a key may be anything
    if (e == 0)
        e = next(r);
    if (e < 0)
        return e;
    switch (key) {
    case NAMES:
        return take_names(r);
    case FOLDER:
        return take_text(r, &r->folder);
    case VAL:
        return take_text(r, &r->val);
    default:
        return skip(r);
    }
}

static int read_document(struct reader *r)
{
    int e = next(r); // stream
    if (e == 0)
        e = next(r); // document
    if (e == 0)
        e = next(r);
    if (e == 0 && r->event.type != YAML_MAPPING_START_EVENT)
        return fail(r, "no map of names, train and val");
    while (e == 0) {
        e = next(r);
        if (e < 0 || r->event.type == YAML_MAPPING_END_EVENT)
            return e;
        e = take_member(r);
    }
    return e;
}

int data_yaml_read(struct import *im, const char *path, struct name_list *l, const char **ret_val)
{
    char *bytes;
    size_t n;
    int e = file_read(path, YAML_MAX_BYTES, &bytes, &n);
    if (e < 0)
        return e;
    struct reader r = {.im = im, .names = l, .path = path};
    if (!yaml_parser_initialize(&r.parser)) {
        mem_free(bytes);
        return ERR_NOMEM;
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, n);
    e = read_document(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    mem_free(bytes);
    if (e == 0)
        *ret_val = r.val;
    return e;
}
