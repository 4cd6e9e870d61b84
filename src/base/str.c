// SPDX-License-Identifier: Apache-2.0
// str.c - views and capped buffers.

#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/printable.h"

enum {
    NUMBER_MAX = 64, // longer than any number in a file that we read
};

struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

bool str_equal(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct str str_place(char **to, struct str s)
{
    struct str copy = {*to, s.n};
    if (s.n > 0)
        memcpy(*to, s.p, s.n);
    *to += s.n;
    return copy;
}

bool str_is(struct str a, const char *b)
{
    return str_equal(a, str_of(b));
}

uint64_t str_hash_more(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = str_hash_more(STR_HASH_SEED, s);
    return h ^ (h >> 32);
}

bool str_starts(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool str_ends(struct str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_is_nocase(struct str a, const char *b)
{
    if (a.n != strlen(b))
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_split(struct str *rest, char separator, struct str *ret_part)
{
    if (!rest->p)
        return false;
    const char *end = rest->n ? (const char *)memchr(rest->p, separator, rest->n) : NULL;
    if (!end) {
        *ret_part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *ret_part = (struct str){rest->p, (size_t)(end - rest->p)};
    rest->n -= ret_part->n + 1;
    rest->p = end + 1;
    return true;
}

bool str_line(struct str *rest, struct str *ret_line)
{
    if (!rest->n)
        return false;
    const char *end = (const char *)memchr(rest->p, '\n', rest->n);
    struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t taken = end ? line.n + 1 : line.n;
    rest->p += taken;
    rest->n -= taken;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    *ret_line = line;
    return true;
}

size_t str_utf8_length(struct str s)
{
    if (s.n == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)s.p;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (c == 0xe0 && p[1] < 0xa0) || (c == 0xf0 && p[1] < 0x90);
    bool surrogate = c == 0xed && p[1] >= 0xa0;
    bool too_large = c == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || too_large ? 0 : n;
}

// strtod() and strtoll() want a terminator; views have none.
static bool copy_number(struct str s, char *ret_text)
{
    if (s.n == 0 || s.n >= NUMBER_MAX || is_space(s.p[0]) || memchr(s.p, '\0', s.n))
        return false;
    memcpy(ret_text, s.p, s.n);
    ret_text[s.n] = '\0';
    return true;
}

static int not_a_number(struct str s, const char *kind)
{
    return err_set(ERR_INVALID, "'%.*s' is not %s", (int)MIN(s.n, (size_t)NUMBER_MAX),
                   s.p ? s.p : "", kind);
}

int str_to_i64(struct str s, int64_t *ret_value)
{
    char text[NUMBER_MAX];
    if (!copy_number(s, text))
        return not_a_number(s, "a whole number");
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (*end || end == text || errno)
        return not_a_number(s, "a whole number");
    *ret_value = v;
    return 0;
}

int str_to_double(struct str s, double *ret_value)
{
    char text[NUMBER_MAX];
    if (!copy_number(s, text) || strpbrk(text, "xXnN"))
        return not_a_number(s, "a number");
    char *end;
    double v = strtod(text, &end);
    if (*end || end == text || !isfinite(v))
        return not_a_number(s, "a number");
    *ret_value = v;
    return 0;
}

void str_buf_finish(struct str_buf *b)
{
    mem_free(b->p);
    *b = STR_BUF_INIT(b->max);
}

void str_buf_reset(struct str_buf *b)
{
    b->n = 0;
    b->failed = 0;
    if (b->p)
        b->p[0] = '\0';
}

// Room for n more bytes and the terminator.
static bool reserve(struct str_buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (n > b->max - MIN(b->n, b->max)) {
        b->failed = ERR_TOO_BIG;
        return false;
    }
    size_t need = b->n + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = MAX(need, MIN(MAX(b->cap * 2, (size_t)128), b->max)); // the zero is beyond max
    char *p = (char *)mem_recalloc(b->p, cap, 1);
    if (!p) {
        b->failed = ERR_NOMEM;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void str_buf_reserve(struct str_buf *b, size_t n)
{
    if (n > b->n)
        (void)reserve(b, n - b->n);
}

void str_buf_add(struct str_buf *b, const void *bytes, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, bytes, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void str_buf_add_str(struct str_buf *b, struct str s)
{
    str_buf_add(b, s.p, s.n);
}

void str_buf_puts(struct str_buf *b, const char *s)
{
    str_buf_add(b, s, strlen(s));
}

void str_buf_putc(struct str_buf *b, char c)
{
    str_buf_add(b, &c, 1);
}

void str_buf_vprintf(struct str_buf *b, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void str_buf_printf(struct str_buf *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    str_buf_vprintf(b, format, ap);
    va_end(ap);
}

void str_buf_add_printable(struct str_buf *b, struct str s)
{
    size_t n = 0;
    for (; s.n > 0; s = (struct str){s.p + n, s.n - n}) {
        if (printable_length(s, &n) > 0)
            str_buf_add(b, s.p, n);
        else
            str_buf_puts(b, str_utf8_length(s) > 0 ? "?" : "\xef\xbf\xbd");
    }
}

// A character reference, or NULL: it stands as it is.
static const char *xml_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

void str_buf_add_xml(struct str_buf *b, struct str s)
{
    while (s.n > 0) {
        const size_t n = MAX(str_utf8_length(s), (size_t)1);
        const char *entity = xml_entity(s.p[0]);
        const bool is_none = n == 3 && (memcmp(s.p, "\xef\xbf\xbe", 3) == 0 ||
                                        memcmp(s.p, "\xef\xbf\xbf", 3) == 0); // U+FFFE, U+FFFF
        if (entity || is_none)
            str_buf_puts(b, entity ? entity : "\xef\xbf\xbd");
        else
            str_buf_add_printable(b, (struct str){s.p, n});
        s = (struct str){s.p + n, s.n - n};
    }
}

// A formula to spreadsheets, perhaps behind the ' that takes its sting.
static bool is_formula(struct str s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] == '\'')
        i++;
    return i < s.n && memchr("=+-@\t\r\n", s.p[i], 7);
}

bool str_buf_add_csv(struct str_buf *b, struct str s)
{
    bool defused = is_formula(s);
    bool quoted = false;
    for (size_t i = 0; i < s.n && !quoted; i++)
        quoted = strchr(",;\"\r\n\t", s.p[i]) && s.p[i];
    if (quoted)
        str_buf_putc(b, '"');
    if (defused)
        str_buf_putc(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            str_buf_putc(b, '"');
        str_buf_putc(b, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
    }
    if (quoted)
        str_buf_putc(b, '"');
    return defused;
}

struct str str_csv_undo(struct str cell)
{
    if (cell.n > 0 && cell.p[0] == '\'' && is_formula(cell))
        return (struct str){cell.p + 1, cell.n - 1};
    return cell;
}

void str_buf_i64(struct str_buf *b, int64_t v)
{
    str_buf_printf(b, "%lld", (long long)v);
}

// Most values need more than 6 digits, few need fewer: from 6, down while it still reads back, else
// up.
// Any float, by asking the C library: exact, and slow.
static void add_float_slowly(struct str_buf *b, float v)
{
    char text[NUMBER_MAX];
    char shorter[NUMBER_MAX];
    int digits = 6;
    snprintf(text, sizeof(text), "%.*g", digits, (double)v);
    if (strtof(text, NULL) == v) {
        while (digits > 1) {
            snprintf(shorter, sizeof(shorter), "%.*g", --digits, (double)v);
            bool is_uglier = strchr(shorter, 'e') && !strchr(text, 'e'); // 640 and 6.4e+02
            if (is_uglier || strtof(shorter, NULL) != v)
                break;
            memcpy(text, shorter, sizeof(text));
        }
    } else {
        while (digits < 9) {
            snprintf(text, sizeof(text), "%.*g", ++digits, (double)v);
            if (strtof(text, NULL) == v)
                break;
        }
    }
    str_buf_puts(b, text);
}

// The powers of ten from 1e-3 on, as the nearest doubles.
static const double tens[] = {1e-3, 1e-2, 1e-1, 1,   1e1, 1e2,  1e3, 1e4,
                              1e5,  1e6,  1e7,  1e8, 1e9, 1e10, 1e11};
enum {
    TENS_ONE = 3, // where 1 stands
};

// *v* (1e-3 <= v < 1e6) rounded to *digits* significant ones, the first of which stands for
// 10^exponent: true where that reads back as *v*. All of it is exact: the product has at most 24
// bits and 28 of a power of ten, and a float reads back what is nearer to it than half a step.
static bool reads_back(double v, double half_step, int exponent, int digits, int64_t *ret_digits)
{
    double scale = tens[TENS_ONE + digits - 1 - exponent];
    double exact = v * scale;
    double rounded = nearbyint(exact);
    *ret_digits = (int64_t)rounded;
    return fabs(rounded - exact) < half_step * scale;
}

static void put_digits(struct str_buf *b, int64_t digits, int n, int exponent)
{
    char text[NUMBER_MAX];
    int n_behind = n - 1 - exponent; // of the point
    char *p = text + sizeof(text);
    for (int i = 0; i < n || i <= n_behind; i++, digits /= 10) {
        *--p = (char)('0' + digits % 10);
        if (i + 1 == n_behind)
            *--p = '.';
    }
    str_buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

// The floats that boxes and confidences are made of; false: another way is needed.
static bool add_float_fast(struct str_buf *b, float v)
{
    int two;
    double a = fabs((double)v);
    // at a power of two the steps below are half as long as those above
    if (!(a >= 2e-3 && a < 1e6) || frexp(a, &two) == 0.5)
        return false;
    double half_step = ldexp(1, two - 25);
    int exponent = -TENS_ONE;
    while (a >= tens[exponent + TENS_ONE + 1])
        exponent++;
    int n = 6;
    int64_t digits;
    int64_t fewer;
    if (reads_back(a, half_step, exponent, n, &digits)) {
        while (n > MAX(1, exponent + 1) && reads_back(a, half_step, exponent, n - 1, &fewer)) {
            digits = fewer;
            n--;
        }
    } else {
        do {
            if (++n > 9)
                return false;
        } while (!reads_back(a, half_step, exponent, n, &digits));
    }
    if (digits >= (int64_t)tens[TENS_ONE + n]) // 9.96 became 10.0
        return false;
    if (v < 0)
        str_buf_putc(b, '-');
    put_digits(b, digits, n, exponent);
    return true;
}

void str_buf_float(struct str_buf *b, float v)
{
    if (!isfinite(v))
        str_buf_puts(b, "null");
    else if (!add_float_fast(b, v))
        add_float_slowly(b, v);
}

void str_buf_double(struct str_buf *b, double v)
{
    char text[NUMBER_MAX];
    if (!isfinite(v)) {
        str_buf_puts(b, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    str_buf_puts(b, text);
}

int str_buf_check(const struct str_buf *b)
{
    if (!b->failed)
        return 0;
    if (b->failed == ERR_NOMEM)
        return err_set(ERR_NOMEM, "out of memory");
    return err_set(ERR_TOO_BIG, "text is longer than %zu bytes", b->max);
}

struct str str_buf_view(const struct str_buf *b)
{
    return (struct str){b->p, b->n};
}

const char *str_buf_text(const struct str_buf *b)
{
    return b->p ? b->p : "";
}

char *str_buf_take(struct str_buf *b)
{
    char *p = NULL;
    if (!b->failed)
        p = b->p ? b->p : mem_strdup("");
    if (p != b->p)
        mem_free(b->p);
    if (b->failed)
        p = NULL;
    *b = STR_BUF_INIT(b->max);
    return p;
}
