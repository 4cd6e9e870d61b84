// SPDX-License-Identifier: Apache-2.0
// form_fields.c - the texts of a multipart form beside its file.

#include "api/form_fields.h"

#include <string.h>

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/err.h"

void form_fields_init(struct form_fields *f, size_t max_bytes)
{
    f->max_bytes = max_bytes;
    f->n = 0;
}

void form_fields_finish(struct form_fields *f)
{
    for (size_t i = 0; i < f->n; i++)
        str_buf_finish(&f->items[i].value);
    f->n = 0;
}

int form_fields_begin(struct form_fields *f, struct request *q, struct str name)
{
    if (f->n == FORM_FIELDS_MAX)
        return err_set(ERR_TOO_BIG, "the form has more than %d fields", FORM_FIELDS_MAX);
    struct form_field *next = &f->items[f->n];
    next->name = arena_strndup(request_arena(q), name.p, name.n);
    if (!next->name)
        return ERR_NOMEM;
    next->value = STR_BUF_INIT(f->max_bytes);
    f->n++;
    return 0;
}

int form_fields_add(struct form_fields *f, const void *bytes, size_t n)
{
    struct form_field *last = &f->items[f->n - 1];
    if (n > 0 && memchr(bytes, '\0', n))
        return err_set(ERR_INVALID, "'%.80s' is not a text without zeros", last->name);
    str_buf_add(&last->value, bytes, n);
    return str_buf_check(&last->value);
}

const char *form_fields_get(struct form_fields *f, struct request *q, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->items[i].name, name) == 0)
            return str_buf_text(&f->items[i].value);
    }
    const char *text;
    return api_query(q, name, &text) == 0 ? text : NULL;
}
