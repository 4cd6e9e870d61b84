// SPDX-License-Identifier: Apache-2.0
// form_fields.h - the texts of a multipart form beside its file.
//
// Ownership: the caller's struct, begun by form_fields_init() and ended by form_fields_finish();
// names lie in the arena of the request, values in the fields.
// Threads: the request's.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct request;

enum { FORM_FIELDS_MAX = 16 };

struct form_fields {
    size_t max_bytes; // of one value
    size_t n;
    struct form_field {
        const char *name;
        struct str_buf value;
    } items[FORM_FIELDS_MAX];
};

void form_fields_init(struct form_fields *f, size_t max_bytes);
void form_fields_finish(struct form_fields *f);

// The next field begins. ERR_TOO_BIG: FORM_FIELDS_MAX are there; ERR_NOMEM.
int form_fields_begin(struct form_fields *f, struct request *q, struct str name) MUST_CHECK;
// Bytes of the field that was begun last. ERR_TOO_BIG: more than max_bytes; ERR_INVALID:
// a zero in it; ERR_NOMEM.
int form_fields_add(struct form_fields *f, const void *bytes, size_t n) MUST_CHECK;
// The first field of the name, else the query's parameter of it; NULL: neither.
const char *form_fields_get(struct form_fields *f, struct request *q, const char *name);
