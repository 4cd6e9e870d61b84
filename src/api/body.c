// SPDX-License-Identifier: Apache-2.0
// body.c - JSON bodies with known members.

#include <string.h>

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/err.h"

enum {
    MAX_TEXTS = 10000,
    MAX_RAW = 1024 * 1024, // bytes of a nested document
};
#define MAX_INTEGER (INT64_C(1) << 53)

static int wrong(const struct body_field *f, const char *wanted)
{
    return err_set(ERR_INVALID, "'%s' is not %s", f->name, wanted);
}

static int copy_text(struct request *q, const struct body_field *f, struct str text,
                     const char **ret_text)
{
    size_t max = f->type == BODY_TEXT && f->max ? f->max : STORE_NAME_MAX;
    if (text.n > max)
        return err_set(ERR_INVALID, "'%s' is longer than %zu bytes", f->name, max);
    if (memchr(text.p, '\0', text.n))
        return wrong(f, "a text without zeros");
    *ret_text = arena_strndup(request_arena(q), text.p, text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

static int read_texts(struct request *q, struct json_reader *json, const struct body_field *f,
                      struct body_texts *ret)
{
    size_t max = f->max ? f->max : MAX_TEXTS;
    const char **items = arena_array(request_arena(q), const char *, max);
    struct json_event e;
    size_t n = 0;
    int r = items ? 0 : ERR_NOMEM;
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_ARRAY_END) {
        if (e.type != JSON_STRING)
            return wrong(f, "an array of texts");
        if (n == max)
            return err_set(ERR_INVALID, "'%s' has more than %zu entries", f->name, max);
        r = copy_text(q, f, e.text, &items[n++]);
    }
    *ret = (struct body_texts){items, n};
    return r;
}

// The value that began with *first*, written again.
static int read_raw(struct request *q, struct json_reader *json, struct json_event *first,
                    const char **ret_json)
{
    struct str_buf out = STR_BUF_INIT(MAX_RAW);
    struct json_writer w;
    json_writer_init(&w, &out);
    struct json_event e = *first;
    int depth = 0;
    int r = 0;
    for (;;) {
        json_copy_event(&w, &e);
        depth += (e.type == JSON_OBJECT) + (e.type == JSON_ARRAY);
        depth -= (e.type == JSON_OBJECT_END) + (e.type == JSON_ARRAY_END);
        if (depth == 0 || (r = json_next(json, &e)) < 0)
            break;
    }
    if (r == 0)
        r = str_buf_check(&out);
    if (r == 0) {
        *ret_json = arena_strndup(request_arena(q), str_buf_text(&out), out.n);
        r = *ret_json ? 0 : ERR_NOMEM;
    }
    str_buf_finish(&out);
    return r;
}

static int read_int(const struct body_field *f, const struct json_event *e, int64_t *ret)
{
    int64_t max = f->max ? (int64_t)f->max : MAX_INTEGER;
    if (e->type != JSON_NUMBER || !e->is_integer || e->integer < 0 || e->integer > max)
        return err_set(ERR_INVALID, "'%s' is not a whole number from 0 to %lld", f->name,
                       (long long)max);
    *ret = e->integer;
    return 0;
}

// null is as good as absent.
static int read_value(struct request *q, struct json_reader *json, const struct body_field *f,
                      void *out, bool *ret_is_there)
{
    struct json_event e;
    int r = json_next(json, &e);
    if (r < 0 || e.type == JSON_NULL)
        return r;
    *ret_is_there = true;
    void *field = (char *)out + f->offset;
    switch (f->type) {
    case BODY_TEXT:
        return e.type == JSON_STRING ? copy_text(q, f, e.text, (const char **)field)
                                     : wrong(f, "a text");
    case BODY_INT:
        return read_int(f, &e, (int64_t *)field);
    case BODY_BOOL:
        *(bool *)field = e.boolean;
        return e.type == JSON_BOOL ? 0 : wrong(f, "true or false");
    case BODY_MAYBE:
        *(enum body_maybe *)field = e.boolean ? BODY_YES : BODY_NO;
        return e.type == JSON_BOOL ? 0 : wrong(f, "true or false");
    case BODY_JSON:
        return read_raw(q, json, &e, (const char **)field);
    case BODY_TEXTS:
        return e.type == JSON_ARRAY ? read_texts(q, json, f, (struct body_texts *)field)
                                    : wrong(f, "an array of texts");
    }
    return ERR_INTERNAL;
}

static int unknown(const struct body_field *fields, struct str key)
{
    struct str_buf names = STR_BUF_INIT(4096);
    for (const struct body_field *f = fields; f->name; f++)
        str_buf_printf(&names, "%s%s", f == fields ? "" : ", ", f->name);
    int r = err_set(ERR_INVALID, "no member '%.*s' is known; there are %s",
                    (int)MIN(key.n, (size_t)80), key.p, str_buf_text(&names));
    str_buf_finish(&names);
    return r;
}

static int check_needed(const struct body_field *fields, const bool *seen)
{
    for (size_t i = 0; fields[i].name; i++)
        if (fields[i].is_needed && !seen[i])
            return err_set(ERR_INVALID, "'%s' is needed", fields[i].name);
    return 0;
}

static int read_members(struct request *q, struct json_reader *json,
                        const struct body_field *fields, void *out)
{
    bool seen[32] = {false};
    struct json_event e;
    int r = json_next(json, &e);
    if (r == 0 && e.type != JSON_OBJECT)
        return err_set(ERR_INVALID, "the body is not a JSON object");
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_OBJECT_END) {
        size_t i = 0;
        while (fields[i].name && !str_is(e.text, fields[i].name))
            i++;
        if (!fields[i].name)
            return unknown(fields, e.text);
        if (seen[i])
            return err_set(ERR_INVALID, "'%s' is there twice", fields[i].name);
        r = read_value(q, json, &fields[i], out, &seen[i]);
    }
    if (r == 0)
        r = json_next(json, &e); // nothing may follow
    return r == 0 ? check_needed(fields, seen) : r;
}

int body_read_text(struct request *q, struct str text, const struct body_field *fields, void *out)
{
    struct json_reader *json;
    const struct json_reader_opts opts = {
        .text = text, .name = "body", .max_depth = REQUEST_JSON_DEPTH};
    int r = json_reader_create(&opts, &json);
    if (r < 0)
        return r;
    r = read_members(q, json, fields, out);
    json_reader_destroy(json);
    return r;
}

int body_read(struct request *q, const struct body_field *fields, void *out)
{
    struct json_reader *json;
    int r = request_json(q, 0, &json);
    if (r < 0)
        return r;
    r = read_members(q, json, fields, out);
    json_reader_destroy(json);
    return r;
}
