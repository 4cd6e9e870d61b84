// SPDX-License-Identifier: Apache-2.0
// json_write.c - appends JSON to a buffer; commas, colons and escapes are written here and nowhere
// else.

#include "base/json.h"

#include <assert.h>

void json_writer_init(struct json_writer *w, struct str_buf *out)
{
    *w = (struct json_writer){.out = out};
}

static void indent(struct json_writer *w)
{
    str_buf_putc(w->out, '\n');
    for (int i = 0; i < w->depth; i++)
        str_buf_puts(w->out, "  ");
}

static void before_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->wants_comma)
        str_buf_putc(w->out, ',');
    if (w->pretty && w->depth > 0)
        indent(w);
}

static void open_level(struct json_writer *w, bool is_array)
{
    before_value(w);
    assert(w->depth < JSON_MAX_DEPTH);
    w->is_array[w->depth++] = is_array;
    w->wants_comma = false;
    str_buf_putc(w->out, is_array ? '[' : '{');
}

void json_object(struct json_writer *w)
{
    open_level(w, false);
}

void json_array(struct json_writer *w)
{
    open_level(w, true);
}

void json_end(struct json_writer *w)
{
    assert(w->depth > 0 && !w->after_key);
    bool was_empty = !w->wants_comma;
    w->depth--;
    if (w->pretty && !was_empty)
        indent(w);
    str_buf_putc(w->out, w->is_array[w->depth] ? ']' : '}');
    w->wants_comma = true;
}

// ASCII and U+0080..U+009F: terminals obey control characters of both kinds.
static void put_escaped(struct str_buf *out, unsigned c)
{
    switch (c) {
    case '"':
        str_buf_puts(out, "\\\"");
        break;
    case '\\':
        str_buf_puts(out, "\\\\");
        break;
    case '\n':
        str_buf_puts(out, "\\n");
        break;
    case '\r':
        str_buf_puts(out, "\\r");
        break;
    case '\t':
        str_buf_puts(out, "\\t");
        break;
    default:
        str_buf_printf(out, "\\u%04x", c);
    }
}

static void put_quoted(struct json_writer *w, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t plain = 0; // start of the run that needs no escape
    str_buf_putc(w->out, '"');
    for (size_t i = 0; i < s.n;) {
        size_t len = str_utf8_length((struct str){s.p + i, s.n - i});
        bool is_control =
            len == 1 ? p[i] < 0x20 || p[i] == 0x7f : len == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0;
        if (len > 0 && !is_control && p[i] != '"' && p[i] != '\\') {
            i += len;
            continue;
        }
        str_buf_add(w->out, s.p + plain, i - plain);
        if (len == 0)
            str_buf_puts(w->out, "\xef\xbf\xbd"); // U+FFFD
        else
            put_escaped(w->out, p[i + len - 1]);
        i += MAX(len, (size_t)1);
        plain = i;
    }
    if (s.n > plain)
        str_buf_add(w->out, s.p + plain, s.n - plain);
    str_buf_putc(w->out, '"');
}

void json_key_str(struct json_writer *w, struct str key)
{
    assert(w->depth > 0 && !w->is_array[w->depth - 1]);
    before_value(w);
    put_quoted(w, key);
    str_buf_puts(w->out, w->pretty ? ": " : ":");
    w->after_key = true;
    w->wants_comma = true;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_of(key));
}

static void scalar(struct json_writer *w)
{
    before_value(w);
    w->wants_comma = true;
}

void json_string(struct json_writer *w, struct str s)
{
    scalar(w);
    put_quoted(w, s);
}

void json_cstring(struct json_writer *w, const char *s)
{
    if (s)
        json_string(w, str_of(s));
    else
        json_null(w);
}

void json_int(struct json_writer *w, int64_t v)
{
    scalar(w);
    str_buf_i64(w->out, v);
}

void json_float(struct json_writer *w, float v)
{
    scalar(w);
    str_buf_float(w->out, v);
}

void json_double(struct json_writer *w, double v)
{
    scalar(w);
    str_buf_double(w->out, v);
}

void json_bool(struct json_writer *w, bool v)
{
    scalar(w);
    str_buf_puts(w->out, v ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    scalar(w);
    str_buf_puts(w->out, "null");
}

void json_put_int(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_int(w, v);
}

void json_put_double(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_double(w, v);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_bool(w, v);
}

void json_put_text(struct json_writer *w, const char *key, const char *s)
{
    json_key(w, key);
    json_cstring(w, s);
}

void json_put_known(struct json_writer *w, const char *key, const char *s)
{
    if (s)
        json_put_text(w, key, s);
}

void json_copy_event(struct json_writer *w, const struct json_event *e)
{
    switch (e->type) {
    case JSON_OBJECT:
        json_object(w);
        break;
    case JSON_ARRAY:
        json_array(w);
        break;
    case JSON_OBJECT_END:
    case JSON_ARRAY_END:
        json_end(w);
        break;
    case JSON_KEY:
        json_key_str(w, e->text);
        break;
    case JSON_STRING:
        json_string(w, e->text);
        break;
    case JSON_NUMBER:
        if (e->is_integer)
            json_int(w, e->integer);
        else
            json_double(w, e->number);
        break;
    case JSON_BOOL:
        json_bool(w, e->boolean);
        break;
    case JSON_NULL:
        json_null(w);
        break;
    case JSON_UNSET:
    case JSON_END:
        break;
    }
}
