// SPDX-License-Identifier: Apache-2.0
// json.h - a pull reader and an append writer for JSON, strict RFC 8259, in bounded memory.
//
// Reader: the caller asks for the next event; nothing is built in memory but one string at a time,
// so a file of hundreds of megabytes costs a buffer. The input may arrive in pieces of any size.
// A byte order mark before the first document is ignored; NaN, comments and trailing commas are
// errors; a key may occur twice, which the caller sees as two events.
// Writer: appends to a str_buf; commas and colons are its business, the sticky error is the
// buffer's. Threads: one at a time each.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

enum json_type {
    JSON_UNSET,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_KEY, // an object's key; its value's events follow
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_END, // the document is complete and nothing but white space followed
};

enum {
    JSON_MAX_DEPTH = 64, // default of json_reader_opts.max_depth
    JSON_MAX_STRING =
        16 * 1024 * 1024,   // default of json_reader_opts.max_string: longer is ERR_TOO_BIG
    JSON_MAX_NUMBER = 1024, // bytes of one number
};

struct json_event {
    enum json_type type;
    bool boolean;    // JSON_BOOL
    bool is_integer; // JSON_NUMBER: no fraction, no exponent, and fits *integer*
    int64_t integer; // JSON_NUMBER, when is_integer
    double number;   // JSON_NUMBER: correctly rounded
    struct str text; // JSON_STRING, JSON_KEY: decoded UTF-8; JSON_NUMBER: as written. Valid until
                     // the next call
};

struct json_reader;

struct json_reader_opts {
    // Gives up to *n* bytes: > 0 bytes read, 0 end, negative err code. Not used when *text* is
    // given.
    long (*read)(void *arg, void *ret_bytes, size_t n);
    void *arg;
    struct str text;   // borrowed: a whole document in memory
    const char *name;  // borrowed: what error messages call the input; NULL: "JSON"
    int max_depth;     // 0: JSON_MAX_DEPTH
    size_t max_string; // 0: JSON_MAX_STRING
    bool lines; // several documents, white space between: JSON_END ends each, ERR_EOF the input.
                // JSON_END comes as soon as a document is complete
};

// ERR_NOMEM.
int json_reader_create(const struct json_reader_opts *opts,
                       struct json_reader **ret_reader) MUST_CHECK;
void json_reader_destroy(struct json_reader *r); // NULL is a no-op

// The next event. ERR_DATA: not JSON, or a number beyond double; the message gives name, line,
// column (in bytes) and what was expected. ERR_TOO_BIG: a limit. ERR_NOMEM, or what *read* gave.
// After JSON_END (without *lines*) ERR_EOF. After an error the same error again.
int json_next(struct json_reader *r, struct json_event *ret_event) MUST_CHECK;
// Reads past the value whose first event was just returned (*first*), or past the value of the key
// that *first* is; scalars need nothing. Errors as json_next().
int json_skip(struct json_reader *r, const struct json_event *first) MUST_CHECK;
// Sets a message "name: line L: ..." for content that is JSON but not what the format asks for.
int json_error(struct json_reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
int64_t json_line(const struct json_reader *r); // 1-based line of the last event

struct json_writer {
    struct str_buf *out; // borrowed
    int depth;
    bool wants_comma;
    bool after_key;
    bool pretty; // set after init: two spaces a level
    bool is_array[JSON_MAX_DEPTH];
};

void json_writer_init(struct json_writer *w, struct str_buf *out);
void json_object(struct json_writer *w);
void json_array(struct json_writer *w);
void json_end(struct json_writer *w); // ends the innermost object or array
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_string(struct json_writer *w, struct str s);   // invalid UTF-8 becomes U+FFFD
void json_cstring(struct json_writer *w, const char *s); // NULL writes null
void json_int(struct json_writer *w, int64_t v);
void json_float(struct json_writer *w, float v);   // shortest that reads back; NaN writes null
void json_double(struct json_writer *w, double v); // likewise
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
// A key and its value. Text NULL writes null; json_put_known() then writes nothing.
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_double(struct json_writer *w, const char *key, double v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_put_text(struct json_writer *w, const char *key, const char *s);
void json_put_known(struct json_writer *w, const char *key, const char *s);
// What the reader saw, written again: a document is copied event by event (JSON_END writes
// nothing).
void json_copy_event(struct json_writer *w, const struct json_event *e);
