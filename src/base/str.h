// SPDX-License-Identifier: Apache-2.0
// str.h - text: a view that never owns, and a buffer with a cap and a sticky error.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

// Bytes somewhere else, not terminated.
struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).n, (s).p

struct str str_of(const char *s); // NULL gives an empty view
bool str_equal(struct str a, struct str b);
// Copies *s* to *to, which moves behind it, and gives the copy.
struct str str_place(char **to, struct str s);
bool str_is(struct str a, const char *b);
bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
bool str_is_nocase(struct str a, const char *b); // ASCII only
struct str str_trim(struct str s);               // spaces, tabs, CR, LF at both ends
// Cuts the part before *separator* off *rest; false when nothing is left. "a,,b" has three parts.
bool str_split(struct str *rest, char separator, struct str *ret_part);
// Cuts the next line off *rest, without its LF or CR LF; false at the end.
bool str_line(struct str *rest, struct str *ret_line);
// Bytes of the well-formed UTF-8 sequence (RFC 3629) at the start of *s*; 0: none is there.
size_t str_utf8_length(struct str s);
// FNV-1a, 64 bits, for tables in memory; a stranger can make texts that collide. The second goes on
// from what came before (STR_HASH_SEED first), and does not fold the upper half down.
#define STR_HASH_SEED UINT64_C(0xcbf29ce484222325)
uint64_t str_hash(struct str s);
uint64_t str_hash_more(uint64_t h, struct str s);

// The whole view must be the number. ERR_INVALID quotes it. Never depends on a locale; no NaN, no
// infinity.
int str_to_i64(struct str s, int64_t *ret_value) MUST_CHECK;
int str_to_double(struct str s, double *ret_value) MUST_CHECK;

// Text that is being built. The cap bounds it; what does not fit sets the sticky *failed* and is
// dropped, so one check at the end is enough.
//
// Ownership: the buffer owns its bytes until str_buf_take() or str_buf_finish().
struct str_buf {
    char *p; // terminated whenever not NULL
    size_t n;
    size_t cap;
    size_t max;
    int failed; // 0, ERR_TOO_BIG or ERR_NOMEM
};

#define STR_BUF_INIT(max_bytes) ((struct str_buf){.max = (max_bytes)})

void str_buf_finish(
    struct str_buf *b);                // gives the bytes back; the buffer is empty and usable again
void str_buf_reset(struct str_buf *b); // empties it and keeps the memory; clears *failed*
// Room for *n* bytes in all, so that adding them moves nothing. Fails as adding them would.
void str_buf_reserve(struct str_buf *b, size_t n);
void str_buf_add(struct str_buf *b, const void *bytes, size_t n);
void str_buf_add_str(struct str_buf *b, struct str s);
void str_buf_puts(struct str_buf *b, const char *s);
void str_buf_putc(struct str_buf *b, char c);
void str_buf_printf(struct str_buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void str_buf_vprintf(struct str_buf *b, const char *format, va_list ap) PRINTF_LIKE(2, 0);
// Outside text (labels, file names) for a terminal or a log: control characters become '?', bytes
// that are not UTF-8 U+FFFD.
void str_buf_add_printable(struct str_buf *b, struct str s);
// Outside text in XML and HTML, in elements and attributes: what means something there, tabs and
// line ends become references; the other control characters '?', what is no character U+FFFD.
void str_buf_add_xml(struct str_buf *b, struct str s);
// Outside text as one cell of CSV (RFC 4180): quoted where it must be, line ends as spaces. A text
// that a spreadsheet would run (it begins with = + - @, a tab or a line end) gets a ' in front, and
// so does one that has such a ' already: str_csv_undo() takes it off again. True: a ' was added.
bool str_buf_add_csv(struct str_buf *b, struct str s);
// A cell without its quotes, less the ' that str_buf_add_csv() put in front.
struct str str_csv_undo(struct str cell);
void str_buf_i64(struct str_buf *b, int64_t v);
// The fewest digits that read back as the same float32 (or double); "null" for NaN and infinities.
void str_buf_float(struct str_buf *b, float v);
void str_buf_double(struct str_buf *b, double v);

// 0, or the sticky error with its message set.
int str_buf_check(const struct str_buf *b) MUST_CHECK;
struct str str_buf_view(const struct str_buf *b);
const char *str_buf_text(const struct str_buf *b); // "" where empty
// Returns owned (mem_free()); NULL after a failure. The buffer is empty afterwards.
char *str_buf_take(struct str_buf *b);
