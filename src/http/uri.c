// SPDX-License-Identifier: Apache-2.0
// uri.c - request targets: decoded, normalised, or refused.

#include "http/uri.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_utf8(struct str s)
{
    while (s.n > 0) {
        size_t n = str_utf8_length(s);
        if (n == 0)
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

enum decode_kind {
    DECODE_PATH,  // no slash may hide, no control characters
    DECODE_QUERY, // '+' is a space; control characters but NUL may be values
};

// *ret_text has room for *s*; the decoded is never longer.
static int decode(struct str s, enum decode_kind kind, char *to, struct str *ret_text)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool escaped = c == '%';
        if (escaped) {
            int high = i + 1 < s.n ? hex_digit(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return err_set(ERR_INVALID,
                               "request target: '%%' is not followed by two hex digits");
            c = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && kind == DECODE_QUERY) {
            c = ' ';
        }
        if (c == 0 || (kind == DECODE_PATH && (c < 0x20 || c == 0x7f)))
            return err_set(ERR_INVALID, "request target: a control character");
        if (kind == DECODE_PATH && (c == '\\' || (escaped && c == '/')))
            return err_set(ERR_INVALID,
                           "request target: a backslash or an escaped slash in the path");
        to[n++] = (char)c;
    }
    *ret_text = (struct str){to, n};
    if (!is_utf8(*ret_text))
        return err_set(ERR_INVALID, "request target: not UTF-8");
    return 0;
}

static int check_segment(struct str s)
{
    if (s.n == 0)
        return err_set(ERR_INVALID, "request target: an empty segment in the path");
    if (str_is(s, ".") || str_is(s, ".."))
        return err_set(ERR_INVALID, "request target: a segment of dots in the path");
    return 0;
}

static int parse_path(struct str raw, struct arena *a, struct str *ret_path)
{
    if (raw.n > 1 && raw.p[raw.n - 1] == '/' && raw.p[raw.n - 2] != '/')
        raw.n--;
    char *to = arena_alloc(a, raw.n + 1, 1);
    if (!to)
        return ERR_NOMEM;
    struct str path = {to, 1};
    to[0] = '/';
    struct str rest = {raw.p + 1, raw.n - 1};
    struct str part;
    while (raw.n > 1 && str_split(&rest, '/', &part)) {
        struct str decoded;
        if (path.n > 1)
            to[path.n++] = '/';
        int r = decode(part, DECODE_PATH, to + path.n, &decoded);
        if (r < 0)
            return r;
        r = check_segment(decoded);
        if (r < 0)
            return r;
        path.n += decoded.n;
    }
    *ret_path = path;
    return 0;
}

int uri_parse_query(struct str text, size_t max_pairs, struct arena *a, struct uri_pair **ret_pairs,
                    size_t *ret_n)
{
    size_t n_parts = 0;
    struct str rest = text;
    struct str part;
    while (str_split(&rest, '&', &part))
        n_parts += part.n > 0;
    if (n_parts > max_pairs)
        return err_set(ERR_INVALID, "request target: more than %zu query parameters", max_pairs);
    struct uri_pair *pairs = arena_array(a, struct uri_pair, n_parts + 1);
    char *to = arena_alloc(a, text.n + 1, 1);
    if (!pairs || !to)
        return ERR_NOMEM;
    size_t n = 0;
    for (rest = text; str_split(&rest, '&', &part);) {
        if (part.n == 0)
            continue;
        const char *equals = memchr(part.p, '=', part.n);
        struct str name = {part.p, equals ? (size_t)(equals - part.p) : part.n};
        struct str value = {part.p + name.n + (equals ? 1 : 0), part.n - name.n - (equals ? 1 : 0)};
        int r = decode(name, DECODE_QUERY, to, &pairs[n].name);
        if (r < 0)
            return r;
        to += pairs[n].name.n;
        r = decode(value, DECODE_QUERY, to, &pairs[n].value);
        if (r < 0)
            return r;
        to += pairs[n++].value.n;
    }
    *ret_pairs = pairs;
    *ret_n = n;
    return 0;
}

static bool has_bad_byte(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == 0x7f || c == '#')
            return true;
    }
    return false;
}

// Cuts "http://host" off an absolute target. The rest begins with '/' or is empty.
static int cut_authority(struct str *target, struct str *ret_host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str scheme = str_of(schemes[i]);
        if (target->n < scheme.n || !str_is_nocase((struct str){target->p, scheme.n}, schemes[i]))
            continue;
        struct str rest = {target->p + scheme.n, target->n - scheme.n};
        size_t n = 0;
        while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
            n++;
        if (n == 0 || memchr(rest.p, '@', n))
            break;
        *ret_host = (struct str){rest.p, n};
        *target = (struct str){rest.p + n, rest.n - n};
        return 0;
    }
    return err_set(ERR_INVALID, "request target: neither a path nor an http address");
}

int uri_parse(struct str target, size_t max_pairs, struct arena *a, struct uri *ret_uri)
{
    struct uri u = {0};
    int r;
    if (has_bad_byte(target))
        return err_set(ERR_INVALID, "request target: a space, '#' or control character");
    if (str_is(target, "*")) {
        u.path = target;
        *ret_uri = u;
        return 0;
    }
    if (target.n == 0 || target.p[0] != '/') {
        r = cut_authority(&target, &u.host);
        if (r < 0)
            return r;
    }
    const char *question = target.n ? memchr(target.p, '?', target.n) : NULL;
    struct str path = {target.p, question ? (size_t)(question - target.p) : target.n};
    if (question)
        u.query = (struct str){question + 1, target.n - path.n - 1};
    r = parse_path(path.n > 0 ? path : STR("/"), a, &u.path);
    if (r < 0)
        return r;
    r = uri_parse_query(u.query, max_pairs, a, &u.pairs, &u.n_pairs);
    if (r < 0)
        return r;
    *ret_uri = u;
    return 0;
}
