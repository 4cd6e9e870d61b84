// SPDX-License-Identifier: Apache-2.0
// json_shape.h - JSON that somebody made whom nobody vouches for, held against a table of what it
// may have, and written again.
//
// What passes is what the table says and nothing besides: each member once, of its type, no other
// members; texts can be shown (str_buf_add_printable()).
// Ownership: tables are constant. Threads: any.
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

enum json_shape_kind {
    JSON_SHAPE_UNSET, // ends a table of members
    JSON_SHAPE_ARRAY, // of elements like *of*
    JSON_SHAPE_BOOL,
    JSON_SHAPE_COUNT,   // a whole number that is not negative
    JSON_SHAPE_INTEGER, // any whole number
    JSON_SHAPE_NUMBER,
    JSON_SHAPE_OBJECT, // with the members *of*
    JSON_SHAPE_TEXT,
    JSON_SHAPE_WORD, // a text of ASCII letters, digits, '.', '-', '_' and '+', not empty
};

enum {
    JSON_SHAPE_MAX_MEMBERS = 32, // of an object
};

struct json_shape {
    const char *key; // of a member
    enum json_shape_kind kind;
    bool may_lack;
    bool may_be_null;
    const struct json_shape *of;
};

// Appends *text* to *out* as *shape* has it. ERR_DATA: it is not JSON, or another shape; the
// message begins with *name*. ERR_TOO_BIG: *out* has no room for it. ERR_NOMEM.
int json_shape_copy(struct str text, const struct json_shape *shape, const char *name,
                    struct str_buf *out) MUST_CHECK;
