// SPDX-License-Identifier: Apache-2.0
// json_shape.c - see json_shape.h. The tables bound how deep it goes.

#include "base/json_shape.h"

#include <assert.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

struct copy {
    struct json_reader *reader;
    struct json_writer writer;
    struct str_buf text; // of one text, fit to be shown
};

static int refuse(const struct copy *c, const struct json_shape *s)
{
    return json_error(c->reader, "'%s' is not what it should be", s->key ? s->key : "an entry");
}

static bool is_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_' && c != '+')
            return false;
    }
    return s.n > 0;
}

static bool is_kind(const struct json_shape *s, const struct json_event *e)
{
    switch (s->kind) {
    case JSON_SHAPE_UNSET:
        return false;
    case JSON_SHAPE_ARRAY:
        return e->type == JSON_ARRAY;
    case JSON_SHAPE_BOOL:
        return e->type == JSON_BOOL;
    case JSON_SHAPE_COUNT:
        return e->type == JSON_NUMBER && e->is_integer && e->integer >= 0;
    case JSON_SHAPE_INTEGER:
        return e->type == JSON_NUMBER && e->is_integer;
    case JSON_SHAPE_NUMBER:
        return e->type == JSON_NUMBER;
    case JSON_SHAPE_OBJECT:
        return e->type == JSON_OBJECT;
    case JSON_SHAPE_TEXT:
        return e->type == JSON_STRING;
    case JSON_SHAPE_WORD:
        return e->type == JSON_STRING && is_word(e->text);
    }
    return false;
}

static int copy_text(struct copy *c, struct str text)
{
    str_buf_reset(&c->text);
    str_buf_add_printable(&c->text, text);
    json_string(&c->writer, str_buf_view(&c->text));
    return str_buf_check(&c->text);
}

static int copy_value(struct copy *c, const struct json_shape *s, const struct json_event *e);

static int copy_elements(struct copy *c, const struct json_shape *s)
{
    struct json_event e;
    int r = json_next(c->reader, &e);
    while (r == 0 && e.type != JSON_ARRAY_END) {
        r = copy_value(c, s->of, &e);
        if (r == 0)
            r = json_next(c->reader, &e);
    }
    return r;
}

// Its place in the table, or -1.
static int find_member(const struct json_shape *members, struct str key)
{
    for (int i = 0; members[i].kind; i++) {
        if (str_is(key, members[i].key))
            return i;
    }
    return -1;
}

static int check_whole(const struct copy *c, const struct json_shape *s, uint32_t seen)
{
    for (int i = 0; s->of[i].kind; i++) {
        assert(i < JSON_SHAPE_MAX_MEMBERS);
        if (!(seen & UINT32_C(1) << i) && !s->of[i].may_lack)
            return json_error(c->reader, "'%s' is not there", s->of[i].key);
    }
    return 0;
}

static int copy_members(struct copy *c, const struct json_shape *s)
{
    uint32_t seen = 0;
    struct json_event e;
    int r = json_next(c->reader, &e);
    while (r == 0 && e.type != JSON_OBJECT_END) {
        int i = find_member(s->of, e.text);
        assert(i < JSON_SHAPE_MAX_MEMBERS);
        if (i < 0 || seen & UINT32_C(1) << i)
            return json_error(c->reader, "a member that should not be there");
        seen |= UINT32_C(1) << i;
        json_key(&c->writer, s->of[i].key);
        r = json_next(c->reader, &e);
        if (r == 0)
            r = copy_value(c, &s->of[i], &e);
        if (r == 0)
            r = json_next(c->reader, &e);
    }
    return r < 0 ? r : check_whole(c, s, seen);
}

// *e* is the value's first event.
static int copy_value(struct copy *c, const struct json_shape *s, const struct json_event *e)
{
    if (e->type == JSON_NULL && s->may_be_null) {
        json_null(&c->writer);
        return 0;
    }
    if (!is_kind(s, e))
        return refuse(c, s);
    if (e->type == JSON_STRING)
        return copy_text(c, e->text);
    json_copy_event(&c->writer, e);
    int r = 0;
    if (e->type == JSON_OBJECT || e->type == JSON_ARRAY) {
        r = e->type == JSON_OBJECT ? copy_members(c, s) : copy_elements(c, s);
        if (r == 0)
            json_end(&c->writer);
    }
    return r;
}

int json_shape_copy(struct str text, const struct json_shape *shape, const char *name,
                    struct str_buf *out)
{
    struct copy c = {.text = STR_BUF_INIT(3 * text.n + 1)};
    const struct json_reader_opts opts = {.text = text, .name = name};
    struct json_event e;
    const size_t n_before = out->n;
    int r = json_reader_create(&opts, &c.reader);
    if (r < 0)
        return r;
    json_writer_init(&c.writer, out);
    r = json_next(c.reader, &e);
    if (r == 0)
        r = copy_value(&c, shape, &e);
    if (r == 0)
        r = json_next(c.reader, &e); // nothing comes after it
    if (r == 0)
        r = str_buf_check(out);
    if (r < 0 && out->n > n_before) {
        out->n = n_before;
        out->p[n_before] = '\0';
    }
    str_buf_finish(&c.text);
    json_reader_destroy(c.reader);
    return r;
}
