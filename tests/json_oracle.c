// SPDX-License-Identifier: Apache-2.0
// json_oracle.c - our half of the oracle, and the comparison.

#include "json_oracle.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

enum {
    MAX_DEPTH = 256,
    MAX_KEYS = 512, // of one object that are looked through for a second occurrence
};

long oracle_read(void *arg, void *ret_bytes, size_t n)
{
    struct oracle_pieces *p = (struct oracle_pieces *)arg;
    n = MIN(n, MIN(p->step, p->text.n - p->at));
    if (n)
        memcpy(ret_bytes, p->text.p + p->at, n);
    p->at += n;
    return (long)n;
}

static void put_text(struct str_buf *out, struct str s)
{
    str_buf_printf(out, "%zu:", s.n);
    str_buf_add_str(out, s);
}

static int put_value(struct json_reader *r, struct json_event ev, struct oracle_form *form);

static void look_for_duplicates(struct oracle_form *form, struct str key, size_t *keys, size_t *n)
{
    struct str_buf wanted = STR_BUF_INIT(key.n + 32);
    put_text(&wanted, key);
    for (size_t i = 0; i < *n; i++) { // each is "N:text" in the form's text
        struct str rest = {form->text.p + keys[i], form->text.n - keys[i]};
        if (rest.n >= wanted.n && memcmp(rest.p, wanted.p, wanted.n) == 0)
            form->has_duplicates = true;
    }
    str_buf_finish(&wanted);
    if (*n < MAX_KEYS)
        keys[(*n)++] = form->text.n;
}

static int put_object(struct json_reader *r, struct oracle_form *form)
{
    size_t keys[MAX_KEYS];
    size_t n_keys = 0;
    struct json_event ev;
    str_buf_putc(&form->text, '{');
    for (;;) {
        int e = json_next(r, &ev);
        if (e < 0)
            return e;
        if (ev.type == JSON_OBJECT_END)
            break;
        assert(ev.type == JSON_KEY);
        look_for_duplicates(form, ev.text, keys, &n_keys);
        form->is_incomparable |= memchr(ev.text.p, 0, ev.text.n) != NULL;
        put_text(&form->text, ev.text);
        e = json_next(r, &ev);
        if (e == 0)
            e = put_value(r, ev, form);
        if (e < 0)
            return e;
    }
    str_buf_putc(&form->text, '}');
    return 0;
}

static int put_array(struct json_reader *r, struct oracle_form *form)
{
    struct json_event ev;
    str_buf_putc(&form->text, '[');
    for (;;) {
        int e = json_next(r, &ev);
        if (e < 0)
            return e;
        if (ev.type == JSON_ARRAY_END)
            break;
        e = put_value(r, ev, form);
        if (e < 0)
            return e;
    }
    str_buf_putc(&form->text, ']');
    return 0;
}

static int put_value(struct json_reader *r, struct json_event ev, struct oracle_form *form)
{
    switch (ev.type) {
    case JSON_OBJECT:
        return put_object(r, form);
    case JSON_ARRAY:
        return put_array(r, form);
    case JSON_STRING:
        put_text(&form->text, ev.text);
        return 0;
    case JSON_NUMBER:
        assert(!ev.is_integer || (double)ev.integer == ev.number);
        str_buf_printf(&form->text, "%a,", ev.number);
        return 0;
    default:
        assert(ev.type == JSON_BOOL || ev.type == JSON_NULL);
        str_buf_putc(&form->text, ev.type == JSON_NULL ? '0' : ev.boolean ? 't' : 'f');
        return 0;
    }
}

int oracle_ours(struct str text, size_t step, struct oracle_form *ret_form)
{
    struct oracle_pieces pieces = {text, step, 0};
    struct json_reader_opts opts = {
        .read = step ? oracle_read : NULL,
        .arg = &pieces,
        .text = step ? (struct str){0} : text,
        .max_depth = MAX_DEPTH,
    };
    struct json_reader *r;
    struct json_event ev = {0};
    int e = json_reader_create(&opts, &r);
    if (e < 0)
        return e;
    e = json_next(r, &ev);
    if (e == 0)
        e = put_value(r, ev, ret_form);
    if (e == 0)
        e = json_next(r, &ev);
    if (e == 0) {
        assert(ev.type == JSON_END);
        e = json_next(r, &ev);
        assert(e == ERR_EOF);
        e = str_buf_check(&ret_form->text);
    }
    json_reader_destroy(r);
    return e;
}

int oracle_compare(struct str text, size_t step)
{
    struct oracle_form ours = {.text = STR_BUF_INIT(GIB)};
    struct oracle_form theirs = {.text = STR_BUF_INIT(GIB)};
    int e = oracle_ours(text, step, &ours);
    char why[256] = "";
    if (e < 0)
        err_copy_message(e, why, sizeof(why));
    int r = 0;
    bool has_zero =
        text.n > 0 && memchr(text.p, 0, text.n); // one it looked ahead at is lost to jansson
    if (has_zero && e == 0)
        r = err_set(ERR_INTERNAL, "ours accepts a zero byte");
    else if (!has_zero && e != ERR_TOO_BIG && !ours.is_incomparable) {
        int t = oracle_theirs(text, &theirs);
        if (e < 0 && t == 0)
            r = err_set(ERR_INTERNAL, "ours refuses: %s", why);
        else if (e == 0 && t < 0)
            r = err_prefix(ERR_INTERNAL, "ours accepts; %s", err_message(t));
        else if (e == 0 && !ours.has_duplicates &&
                 !str_equal(str_buf_view(&ours.text), str_buf_view(&theirs.text)))
            r = err_set(ERR_INTERNAL, "both accept and read different values");
    }
    str_buf_finish(&ours.text);
    str_buf_finish(&theirs.text);
    return r;
}
