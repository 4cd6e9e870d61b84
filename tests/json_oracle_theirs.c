// SPDX-License-Identifier: Apache-2.0
// json_oracle_theirs.c - jansson's half: the only file that includes its header.

#include <jansson.h>

#include "base/err.h"
#include "json_oracle.h"

// Numbers as doubles; texts may hold U+0000; any value may be the document.
enum {
    FLAGS = JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_DECODE_ANY,
};

static void put_text(struct str_buf *out, const char *p, size_t n)
{
    str_buf_printf(out, "%zu:", n);
    str_buf_add(out, p, n);
}

static void put_tree(struct str_buf *out, json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        str_buf_putc(out, '{');
        for (void *i = json_object_iter(v); i; i = json_object_iter_next(v, i)) {
            const char *key = json_object_iter_key(i);
            put_text(out, key, strlen(key));
            put_tree(out, json_object_iter_value(i));
        }
        str_buf_putc(out, '}');
        break;
    case JSON_ARRAY:
        str_buf_putc(out, '[');
        for (size_t i = 0; i < json_array_size(v); i++)
            put_tree(out, json_array_get(v, i));
        str_buf_putc(out, ']');
        break;
    case JSON_STRING:
        put_text(out, json_string_value(v), json_string_length(v));
        break;
    case JSON_REAL:
        str_buf_printf(out, "%a,", json_real_value(v));
        break;
    default:
        str_buf_putc(out, json_is_true(v) ? 't' : json_is_false(v) ? 'f' : '0');
    }
}

int oracle_theirs(struct str text, struct oracle_form *ret_form)
{
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) { // jansson knows no such mark
        text.p += 3;
        text.n -= 3;
    }
    json_error_t why;
    json_t *tree = json_loadb(text.n ? text.p : "", text.n, FLAGS, &why);
    if (!tree)
        return err_set(ERR_DATA, "jansson: %s", why.text);
    put_tree(&ret_form->text, tree);
    json_decref(tree);
    return str_buf_check(&ret_form->text);
}
