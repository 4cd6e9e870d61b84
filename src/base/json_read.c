// SPDX-License-Identifier: Apache-2.0
// json_read.c - the pull reader: one event a call, from memory without copying or from pieces.
//
// INVARIANTS
// (1) [p, end) is what was read and not yet consumed; more() replaces it only when it is empty, so
//     a text that ends inside the window is handed out as a view into it.
// (2) A text that needs decoding or straddles two windows is put together in *scratch*.
// (3) Where the input was cut into pieces never shows: the same bytes give the same events, the
//     same errors and the same positions.
// (4) Line breaks occur only between tokens (raw ones in strings are errors), so lines are counted
//     in skip_space() alone.

#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/err.h"
#include "base/json_priv.h"
#include "base/mem.h"

enum {
    WINDOW_BYTES = 64 * 1024,
    KEPT_MESSAGE = 512,
};

enum state {
    STATE_START,       // nothing was read: a byte order mark may come
    STATE_BETWEEN,     // lines: after a document, before the white space behind it
    STATE_DOCUMENT,    // a document's value must come (lines: or the end)
    STATE_VALUE,       // a value must come
    STATE_FIRST_VALUE, // after '[': a value or ']'
    STATE_FIRST_KEY,   // after '{': a key or '}'
    STATE_KEY,         // after ',' in an object
    STATE_COLON,       // after a key
    STATE_AFTER_VALUE, // in an array or object: ',' or the end of it
    STATE_COMPLETE,    // after the document's value
    STATE_OVER,        // JSON_END was given
};

struct json_reader {
    struct json_reader_opts opts;
    enum state state;
    const char *p;
    const char *end;
    const char *start;   // of the window
    int64_t base;        // offset of the window in the input
    int64_t line;        // of p
    int64_t line_offset; // where that line starts in the input
    int64_t event_line;  // of the last event
    int64_t text_offset; // where the text or number being read starts in the input
    bool is_all;         // the input has no more
    bool wide;           // json_number_is_wide()
    char *window;        // NULL: the input is in memory
    struct str_buf scratch;
    int error; // sticky
    char message[KEPT_MESSAGE];
    int depth;
    bool is_array[]; // the levels that are open
};

int json_reader_create(const struct json_reader_opts *opts, struct json_reader **ret_reader)
{
    int max_depth = opts->max_depth > 0 ? opts->max_depth : JSON_MAX_DEPTH;
    struct json_reader *r = (struct json_reader *)mem_calloc(
        1, sizeof(*r) + (size_t)max_depth * sizeof(r->is_array[0]));
    if (!r)
        return ERR_NOMEM;
    r->opts = *opts;
    r->opts.max_depth = max_depth;
    if (!opts->max_string)
        r->opts.max_string = JSON_MAX_STRING;
    if (!opts->name)
        r->opts.name = "JSON";
    r->state = STATE_START;
    r->line = r->event_line = 1;
    r->scratch = STR_BUF_INIT(MAX(r->opts.max_string, (size_t)JSON_MAX_NUMBER + 1));
    r->wide = json_number_is_wide();
    if (opts->text.p || !opts->read) {
        r->start = r->p = opts->text.p ? opts->text.p : "";
        r->end = r->p + opts->text.n;
        r->is_all = true;
    } else {
        r->window = (char *)mem_calloc(WINDOW_BYTES, 1);
        if (!r->window) {
            json_reader_destroy(r);
            return ERR_NOMEM;
        }
        r->start = r->p = r->end = r->window;
    }
    *ret_reader = r;
    return 0;
}

void json_reader_destroy(struct json_reader *r)
{
    if (!r)
        return;
    mem_free(r->window);
    str_buf_finish(&r->scratch);
    mem_free(r);
}

static int64_t offset(const struct json_reader *r)
{
    return r->base + (r->p - r->start);
}

// Puts the name and the position before this thread's message.
static int at_offset(const struct json_reader *r, int64_t at, int code)
{
    return err_prefix(code, "%s: line %lld, column %lld", r->opts.name, (long long)r->line,
                      (long long)(at - r->line_offset + 1));
}

static int fail(struct json_reader *r, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);

static int fail(struct json_reader *r, enum err code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    err_set_v(code, format, ap);
    va_end(ap);
    return at_offset(r, offset(r), code);
}

// Fetches the next window once [p, end) is empty. ERR_EOF: the input has no more.
static int more(struct json_reader *r)
{
    assert(r->p == r->end);
    if (r->is_all)
        return ERR_EOF;
    r->base += r->end - r->start;
    r->p = r->end = r->start;
    long n = r->opts.read(r->opts.arg, r->window, WINDOW_BYTES);
    if (n < 0 && n != ERR_EOF)
        return (int)n;
    assert(n <= WINDOW_BYTES);
    if (n <= 0) {
        r->is_all = true;
        return ERR_EOF;
    }
    r->end = r->p + n;
    return 0;
}

static int peek(struct json_reader *r, unsigned char *ret_byte)
{
    int e = r->p < r->end ? 0 : more(r);
    if (e == 0)
        *ret_byte = (unsigned char)*r->p;
    return e;
}

// 0: *p is the first byte that is no white space. ERR_EOF.
static int skip_space(struct json_reader *r)
{
    for (;;) {
        for (; r->p < r->end; r->p++) {
            char c = *r->p;
            if (c == '\n') {
                r->line++;
                r->line_offset = offset(r) + 1;
            } else if (c != ' ' && c != '\t' && c != '\r') {
                return 0;
            }
        }
        int e = more(r);
        if (e < 0)
            return e;
    }
}

// The byte at p, or the end, is not what the grammar asks for here.
static int unexpected(struct json_reader *r, const char *wanted)
{
    unsigned char c = 0;
    int e = peek(r, &c);
    if (e == ERR_EOF)
        return fail(r, ERR_DATA, "expected %s, got the end", wanted);
    if (e < 0)
        return e;
    if (c > 0x20 && c < 0x7f)
        return fail(r, ERR_DATA, "expected %s, got '%c'", wanted, c);
    return fail(r, ERR_DATA, "expected %s, got byte 0x%02x", wanted, c);
}

// For calls that met ERR_EOF where the document cannot end.
static int not_the_end(struct json_reader *r, int e, const char *wanted)
{
    return e == ERR_EOF ? unexpected(r, wanted) : e;
}

// ---- strings

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

// The first byte at or after p that is not plain ASCII text. Eight bytes at a time: the sums and
// differences below set the top bit of a byte that is under 0x20, equal to '"' or '\\', or over
// 0x7f (borrows may only mark a byte above the first such one, which the byte loop sorts out).
static const char *skip_plain(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, sizeof(w));
        uint64_t quote = w ^ (ones * '"');
        uint64_t slash = w ^ (ones * '\\');
        uint64_t marks = (w - ones * 0x20) | (quote - ones) | (slash - ones) | w;
        if (marks & (ones << 7))
            break;
        p += 8;
    }
    while (p < end && is_plain((unsigned char)*p))
        p++;
    return p;
}

static int too_long(struct json_reader *r)
{
    err_set(ERR_TOO_BIG, "a text is longer than %zu bytes", r->opts.max_string);
    return at_offset(r, r->text_offset, ERR_TOO_BIG);
}

static int scratch_add(struct json_reader *r, const void *bytes, size_t n)
{
    if (n > r->opts.max_string - MIN(r->scratch.n, r->opts.max_string))
        return too_long(r);
    str_buf_add(&r->scratch, bytes, n);
    return r->scratch.failed ? str_buf_check(&r->scratch) : 0;
}

static unsigned hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    unsigned char low = c | 0x20;
    return low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10) : 16;
}

static int read_hex4(struct json_reader *r, unsigned *ret_unit)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = 0;
        int e = peek(r, &c);
        if (e < 0)
            return not_the_end(r, e, "four hex digits after \\u");
        unsigned digit = hex_digit(c);
        if (digit > 15)
            return unexpected(r, "four hex digits after \\u");
        unit = unit * 16 + digit;
        r->p++;
    }
    *ret_unit = unit;
    return 0;
}

static int expect_byte(struct json_reader *r, char wanted, const char *text)
{
    unsigned char c = 0;
    int e = peek(r, &c);
    if (e < 0)
        return not_the_end(r, e, text);
    if (c != (unsigned char)wanted)
        return unexpected(r, text);
    r->p++;
    return 0;
}

static size_t utf8_encode(unsigned code, unsigned char ret_bytes[4])
{
    if (code < 0x80) {
        ret_bytes[0] = (unsigned char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        ret_bytes[i] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    ret_bytes[0] = (unsigned char)(lead[n] | code);
    return n;
}

// After "\u": code points beyond the first plane come as two surrogates (RFC 8259, section 7).
static int read_unicode_escape(struct json_reader *r)
{
    static const char second[] = "\\u and the second half of a surrogate pair";
    unsigned code;
    int e = read_hex4(r, &code);
    if (e < 0)
        return e;
    if (code >= 0xdc00 && code < 0xe000)
        return fail(r, ERR_DATA, "\\u%04x is the second half of a surrogate pair", code);
    if (code >= 0xd800 && code < 0xdc00) {
        unsigned low;
        e = expect_byte(r, '\\', second);
        if (e == 0)
            e = expect_byte(r, 'u', second);
        if (e == 0)
            e = read_hex4(r, &low);
        if (e < 0)
            return e;
        if (low < 0xdc00 || low > 0xdfff)
            return fail(r, ERR_DATA, "\\u%04x is not the second half of a surrogate pair", low);
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    unsigned char bytes[4];
    return scratch_add(r, bytes, utf8_encode(code, bytes));
}

// p is behind the backslash.
static int read_escape(struct json_reader *r)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    unsigned char c = 0;
    int e = peek(r, &c);
    if (e < 0)
        return not_the_end(r, e, "an escape");
    if (c == 'u') {
        r->p++;
        return read_unicode_escape(r);
    }
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return unexpected(r, "an escape");
    r->p++;
    return scratch_add(r, to + (at - from), 1);
}

// A sequence of UTF-8 that the window's end may cut.
static int read_sequence(struct json_reader *r)
{
    unsigned char lead = (unsigned char)*r->p;
    unsigned char bytes[4];
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    const int64_t at = offset(r);
    for (size_t i = 0; i < n; i++) {
        int e = peek(r, &bytes[i]);
        if (e < 0 && e != ERR_EOF)
            return e;
        if (e < 0 || (i > 0 && (bytes[i] & 0xc0) != 0x80)) {
            n = i; // cut off: no sequence
            break;
        }
        r->p++;
    }
    if (n == 0 || str_utf8_length((struct str){(const char *)bytes, n}) != n)
        return at_offset(r, at, err_set(ERR_DATA, "a text is not UTF-8"));
    return scratch_add(r, bytes, n);
}

// The text from p, behind the opening quote, to behind the closing one.
static int read_string(struct json_reader *r, struct str *ret_text)
{
    str_buf_reset(&r->scratch);
    r->text_offset = offset(r);
    for (;;) {
        const char *run = r->p;
        for (;;) { // over plain text and whole UTF-8 sequences
            r->p = skip_plain(r->p, r->end);
            size_t n = r->p < r->end && (unsigned char)*r->p >= 0x80
                           ? str_utf8_length((struct str){r->p, (size_t)(r->end - r->p)})
                           : 0;
            if (n == 0 || (size_t)(r->p - run) > r->opts.max_string)
                break;
            r->p += n;
        }
        size_t n = (size_t)(r->p - run);
        if (n > r->opts.max_string - r->scratch.n)
            return too_long(r);
        if (r->p < r->end && *r->p == '"' && r->scratch.n == 0) {
            r->p++;
            *ret_text = (struct str){run, n};
            return 0;
        }
        unsigned char c = 0;
        int e = scratch_add(r, run, n);
        if (e == 0)
            e = peek(r, &c);
        if (e < 0)
            return not_the_end(r, e, "'\"' at the end of a text");
        if (is_plain(c))
            continue;
        if (c >= 0x80) {
            e = read_sequence(r);
        } else if (c == '\\') {
            r->p++;
            e = read_escape(r);
        } else if (c == '"') {
            r->p++;
            *ret_text = (struct str){str_buf_text(&r->scratch), r->scratch.n};
            return 0;
        } else {
            return fail(r, ERR_DATA, "control character 0x%02x in a text: \\u%04x is meant", c, c);
        }
        if (e < 0)
            return e;
    }
}

// ---- numbers and names

// Gathers a number that the window may cut into *scratch*.
static int gather_number(struct json_reader *r, struct str *ret_text)
{
    str_buf_reset(&r->scratch);
    for (;;) {
        unsigned char c = 0;
        int e = peek(r, &c);
        if (e < 0 && e != ERR_EOF)
            return e;
        if (e == ERR_EOF || !json_number_is_part((char)c) || r->scratch.n > JSON_MAX_NUMBER)
            break;
        str_buf_putc(&r->scratch, (char)c);
        r->p++;
    }
    *ret_text = str_buf_view(&r->scratch);
    return str_buf_check(&r->scratch);
}

static int read_number(struct json_reader *r, struct json_event *ev)
{
    r->text_offset = offset(r);
    struct str text = {r->p, (size_t)(r->end - r->p)};
    bool is_gathered = !r->is_all && text.n <= JSON_MAX_NUMBER;
    if (is_gathered) {
        int e = gather_number(r, &text);
        if (e < 0)
            return e;
    }
    size_t used = 0;
    int e = json_number_parse(text, r->wide, ev, &used);
    if (e < 0)
        return at_offset(r, r->text_offset, e);
    if (!is_gathered)
        r->p += used;
    return 0;
}

static int read_name(struct json_reader *r, const char *name, const char *wanted)
{
    for (const char *c = name; *c; c++) {
        unsigned char got = 0;
        int e = peek(r, &got);
        if (e < 0)
            return not_the_end(r, e, wanted);
        if (got != (unsigned char)*c)
            return unexpected(r, wanted);
        r->p++;
    }
    return 0;
}

// ---- structure

static void value_done(struct json_reader *r)
{
    r->state = r->depth > 0 ? STATE_AFTER_VALUE : STATE_COMPLETE;
}

static int open_level(struct json_reader *r, bool is_array, struct json_event *ev)
{
    if (r->depth == r->opts.max_depth)
        return fail(r, ERR_TOO_BIG, "nested deeper than %d levels", r->opts.max_depth);
    r->p++;
    r->is_array[r->depth++] = is_array;
    r->state = is_array ? STATE_FIRST_VALUE : STATE_FIRST_KEY;
    ev->type = is_array ? JSON_ARRAY : JSON_OBJECT;
    return 0;
}

static int close_level(struct json_reader *r, struct json_event *ev)
{
    r->p++;
    r->depth--;
    ev->type = r->is_array[r->depth] ? JSON_ARRAY_END : JSON_OBJECT_END;
    value_done(r);
    return 0;
}

static int read_key(struct json_reader *r, struct json_event *ev)
{
    r->p++;
    int e = read_string(r, &ev->text);
    if (e < 0)
        return e;
    ev->type = JSON_KEY;
    r->state = STATE_COLON;
    if (r->p < r->end && *r->p == ':') { // no need to come back for it
        r->p++;
        r->state = STATE_VALUE;
    }
    return 0;
}

static int read_value(struct json_reader *r, struct json_event *ev)
{
    int e;
    switch (*r->p) {
    case '{':
        return open_level(r, false, ev);
    case '[':
        return open_level(r, true, ev);
    case '"':
        r->p++;
        ev->type = JSON_STRING;
        e = read_string(r, &ev->text);
        break;
    case 't':
    case 'f':
        ev->type = JSON_BOOL;
        ev->boolean = *r->p == 't';
        e = ev->boolean ? read_name(r, "true", "true") : read_name(r, "false", "false");
        break;
    case 'n':
        ev->type = JSON_NULL;
        e = read_name(r, "null", "null");
        break;
    default:
        if (*r->p != '-' && (*r->p < '0' || *r->p > '9'))
            return unexpected(r, "a value");
        ev->type = JSON_NUMBER;
        e = read_number(r, ev);
    }
    if (e == 0)
        value_done(r);
    return e;
}

static int at_end(struct json_reader *r, struct json_event *ev)
{
    switch (r->state) {
    case STATE_COMPLETE:
        ev->type = JSON_END;
        r->state = STATE_OVER;
        return 0;
    case STATE_BETWEEN:
    case STATE_OVER:
        return ERR_EOF;
    case STATE_DOCUMENT:
        return r->opts.lines ? ERR_EOF : unexpected(r, "a value");
    case STATE_COLON:
        return unexpected(r, "':'");
    case STATE_FIRST_KEY:
    case STATE_KEY:
        return unexpected(r, "a key");
    case STATE_AFTER_VALUE:
        return unexpected(r, r->is_array[r->depth - 1] ? "',' or ']'" : "',' or '}'");
    default:
        return unexpected(r, "a value");
    }
}

// RFC 8259, section 8.1: a byte order mark may be ignored; some editors write one.
static int skip_byte_order_mark(struct json_reader *r)
{
    unsigned char c = 0;
    int e = peek(r, &c);
    r->state = STATE_DOCUMENT;
    if (e < 0)
        return e == ERR_EOF ? 0 : e;
    return c == 0xef ? read_name(r, "\xef\xbb\xbf", "a value") : 0;
}

static int require_space(struct json_reader *r)
{
    unsigned char c = ' ';
    int e = peek(r, &c);
    if (e < 0)
        return e;
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
        return unexpected(r, "white space between documents");
    r->state = STATE_DOCUMENT;
    return 0;
}

static int before_document(struct json_reader *r)
{
    if (r->state == STATE_START)
        return skip_byte_order_mark(r);
    return r->state == STATE_BETWEEN ? require_space(r) : 0;
}

// Past the separator that has to stand before the next token.
static int skip_separator(struct json_reader *r)
{
    if (r->state == STATE_COLON) {
        if (*r->p != ':')
            return unexpected(r, "':'");
        r->state = STATE_VALUE;
    } else {
        r->state = r->is_array[r->depth - 1] ? STATE_VALUE : STATE_KEY;
    }
    r->p++;
    return skip_space(r);
}

static bool closes_level(const struct json_reader *r)
{
    return r->depth > 0 && *r->p == (r->is_array[r->depth - 1] ? ']' : '}');
}

static int step(struct json_reader *r, struct json_event *ev)
{
    if (r->state == STATE_COMPLETE && r->opts.lines) {
        ev->type = JSON_END;
        r->state = STATE_BETWEEN;
        return 0;
    }
    int e = before_document(r);
    if (e == 0)
        e = skip_space(r);
    if (e == 0 && (r->state == STATE_COLON || (r->state == STATE_AFTER_VALUE && *r->p == ',')))
        e = skip_separator(r);
    if (e == ERR_EOF)
        return at_end(r, ev);
    if (e < 0)
        return e;
    switch (r->state) {
    case STATE_COMPLETE:
        return unexpected(r, "nothing behind the document");
    case STATE_AFTER_VALUE:
        return closes_level(r) ? close_level(r, ev) : at_end(r, ev);
    case STATE_FIRST_KEY:
    case STATE_KEY:
        if (*r->p == '"')
            return read_key(r, ev);
        return r->state == STATE_FIRST_KEY && closes_level(r) ? close_level(r, ev)
                                                              : unexpected(r, "a key");
    case STATE_FIRST_VALUE:
        return closes_level(r) ? close_level(r, ev) : read_value(r, ev);
    default:
        return read_value(r, ev);
    }
}

int json_next(struct json_reader *r, struct json_event *ret_event)
{
    if (r->error == ERR_EOF)
        return ERR_EOF;
    if (r->error)
        return err_set((enum err)r->error, "%s", r->message);
    struct json_event ev = {0};
    int e = step(r, &ev);
    if (e < 0) {
        r->error = e;
        err_copy_message(e, r->message, sizeof(r->message));
        return e;
    }
    r->event_line = r->line;
    *ret_event = ev;
    return 0;
}

int json_skip(struct json_reader *r, const struct json_event *first)
{
    struct json_event ev = *first;
    int e = ev.type == JSON_KEY ? json_next(r, &ev) : 0;
    int depth = 0;
    while (e == 0) {
        if (ev.type == JSON_OBJECT || ev.type == JSON_ARRAY)
            depth++;
        if (ev.type == JSON_OBJECT_END || ev.type == JSON_ARRAY_END)
            depth--;
        if (depth <= 0)
            return 0;
        e = json_next(r, &ev);
    }
    return e;
}

int json_error(struct json_reader *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    err_set_v(ERR_DATA, format, ap);
    va_end(ap);
    return err_prefix(ERR_DATA, "%s: line %lld", r->opts.name, (long long)r->event_line);
}

int64_t json_line(const struct json_reader *r)
{
    return r->event_line;
}
