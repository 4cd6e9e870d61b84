// SPDX-License-Identifier: Apache-2.0
// multipart.c - form data in pieces: a delimiter is looked for, what lies between goes out at once.
//
// The delimiter is CR LF "--" boundary. It holds one CR only, its first byte, so after a mismatch
// the search starts anew at the byte that did not match; the bytes matched so far were data and are
// known without having been kept.

#include "http/multipart.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum state {
    STATE_PREAMBLE, // before the first delimiter; thrown away
    STATE_AFTER,    // behind a delimiter: the line's end, or "--"
    STATE_HEAD,
    STATE_BODY,
    STATE_OVER, // behind the last delimiter; thrown away
};

struct multipart {
    struct multipart_calls calls;
    void *arg;
    enum state state;
    char delimiter[MULTIPART_MAX_BOUNDARY + 5];
    size_t n_delimiter;
    size_t n_matched;
    bool is_virtual; // the CR LF matched first is not of the body: it stood before it
    size_t n_preamble;
    char after[2]; // what stands behind a delimiter
    size_t n_after;
    struct str_buf head;
    size_t n_parts;
    int error; // sticky
    char message[256];
};

static bool is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c));
}

int multipart_create(struct str boundary, const struct multipart_calls *calls, void *arg,
                     struct multipart **ret_multipart)
{
    bool good =
        boundary.n > 0 && boundary.n <= MULTIPART_MAX_BOUNDARY && boundary.p[boundary.n - 1] != ' ';
    for (size_t i = 0; good && i < boundary.n; i++)
        good = is_boundary_char(boundary.p[i]);
    if (!good)
        return err_set(ERR_INVALID,
                       "multipart: Content-Type names no boundary of 1 to %d characters",
                       MULTIPART_MAX_BOUNDARY);
    struct multipart *m = mem_new(struct multipart);
    if (!m)
        return ERR_NOMEM;
    m->calls = *calls;
    m->arg = arg;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->n_delimiter = boundary.n + 4;
    m->n_matched = 2; // the first delimiter may stand at the very start
    m->is_virtual = true;
    m->head = STR_BUF_INIT(MULTIPART_MAX_HEAD);
    *ret_multipart = m;
    return 0;
}

void multipart_destroy(struct multipart *m)
{
    if (!m)
        return;
    str_buf_finish(&m->head);
    mem_free(m);
}

// --- a part's head

// Decodes a quoted value in place: \" and \\ as curl writes them, %22 %0D %0A as browsers do.
static struct str unquote(char *p, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\\' && i + 1 < n && (p[i + 1] == '"' || p[i + 1] == '\\'))
            p[out++] = p[++i];
        else if (i + 2 < n && memcmp(p + i, "%22", 3) == 0) {
            p[out++] = '"';
            i += 2;
        } else {
            p[out++] = p[i];
        }
    }
    return (struct str){p, out};
}

static bool is_text(struct str s)
{
    if (s.n > MULTIPART_MAX_NAME)
        return false;
    while (s.n > 0) {
        size_t n = str_utf8_length(s);
        if (n == 0 || (unsigned char)*s.p < 0x20 || *s.p == 0x7f)
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

// The next name=value behind a ';'. False: the end or nonsense (*ret_bad).
static bool next_parameter(struct str *rest, struct str *ret_name, struct str *ret_value,
                           bool *ret_bad)
{
    *ret_bad = false;
    *rest = str_trim(*rest);
    if (rest->n == 0)
        return false;
    *ret_bad = true;
    if (rest->p[0] != ';')
        return false;
    rest->p++;
    rest->n--;
    const char *equals = memchr(rest->p, '=', rest->n);
    if (!equals)
        return false;
    *ret_name = str_trim((struct str){rest->p, (size_t)(equals - rest->p)});
    struct str v = {equals + 1, rest->n - (size_t)(equals - rest->p) - 1};
    size_t n = 0;
    if (v.n > 0 && v.p[0] == '"') {
        for (n = 1; n < v.n && v.p[n] != '"'; n++)
            n += v.p[n] == '\\' && n + 1 < v.n && (v.p[n + 1] == '"' || v.p[n + 1] == '\\');
        if (n >= v.n)
            return false;
        *ret_value = (struct str){v.p + 1, n - 1};
        n++;
    } else {
        while (n < v.n && v.p[n] != ';')
            n++;
        *ret_value = str_trim((struct str){v.p, n});
    }
    rest->p = v.p + n;
    rest->n = v.n - n;
    *ret_bad = false;
    return true;
}

static struct str without_directories(struct str name)
{
    for (size_t i = name.n; i > 0; i--) {
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\')
            return (struct str){name.p + i, name.n - i};
    }
    return name;
}

// The head's bytes are the parser's own and may be written to.
static char *writable(struct multipart *m, struct str s)
{
    return m->head.p + (s.p - m->head.p);
}

static int read_disposition(struct multipart *m, struct str value, struct multipart_part *part)
{
    struct str rest = value;
    size_t n = 0;
    while (n < rest.n && rest.p[n] != ';')
        n++;
    if (!str_is_nocase(str_trim((struct str){rest.p, n}), "form-data"))
        return err_set(ERR_DATA, "multipart: part %zu: Content-Disposition is not form-data",
                       m->n_parts + 1);
    rest = (struct str){rest.p + n, rest.n - n};
    struct str name;
    struct str v;
    bool bad;
    while (next_parameter(&rest, &name, &v, &bad)) {
        if (str_is_nocase(name, "name") && !part->name.p)
            part->name = unquote(writable(m, v), v.n);
        else if (str_is_nocase(name, "filename") && !part->file_name.p)
            part->file_name = without_directories(unquote(writable(m, v), v.n));
    }
    if (bad || !is_text(part->name) || !is_text(part->file_name))
        return err_set(ERR_DATA, "multipart: part %zu: Content-Disposition cannot be read",
                       m->n_parts + 1);
    return 0;
}

static int read_line(struct multipart *m, struct str line, struct multipart_part *part)
{
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon || colon == line.p || *line.p == ' ' || *line.p == '\t')
        return err_set(ERR_DATA, "multipart: part %zu: a header line without a name",
                       m->n_parts + 1);
    struct str name = {line.p, (size_t)(colon - line.p)};
    struct str value = str_trim((struct str){colon + 1, line.n - name.n - 1});
    if (str_is_nocase(name, "Content-Disposition"))
        return read_disposition(m, value, part);
    if (str_is_nocase(name, "Content-Type")) {
        if (value.n >= 10 && str_is_nocase((struct str){value.p, 10}, "multipart/"))
            return err_set(ERR_DATA, "multipart: part %zu: is multipart itself", m->n_parts + 1);
        part->type = value;
    }
    if (str_is_nocase(name, "Content-Transfer-Encoding") && !str_is_nocase(value, "binary") &&
        !str_is_nocase(value, "8bit") && !str_is_nocase(value, "7bit"))
        return err_set(ERR_DATA, "multipart: part %zu: has a Content-Transfer-Encoding",
                       m->n_parts + 1);
    return 0;
}

static int begin_part(struct multipart *m)
{
    struct multipart_part part = {.index = m->n_parts};
    struct str rest = str_buf_view(&m->head);
    struct str line;
    if (m->n_parts == MULTIPART_MAX_PARTS)
        return err_set(ERR_TOO_BIG, "multipart: more than %d parts", MULTIPART_MAX_PARTS);
    while (str_line(&rest, &line)) {
        if (line.n == 0)
            break;
        int r = read_line(m, line, &part);
        if (r < 0)
            return r;
    }
    if (!part.name.p)
        return err_set(ERR_DATA, "multipart: part %zu: no Content-Disposition with a name",
                       m->n_parts + 1);
    m->n_parts++;
    return m->calls.part ? m->calls.part(m->arg, &part) : 0;
}

// --- bytes

static int give(struct multipart *m, const char *p, size_t n)
{
    if (n == 0)
        return 0;
    if (m->state == STATE_BODY)
        return m->calls.data ? m->calls.data(m->arg, p, n) : 0;
    m->n_preamble += n;
    if (m->n_preamble > MULTIPART_MAX_HEAD)
        return err_set(ERR_DATA, "multipart: no boundary in the first %d bytes",
                       MULTIPART_MAX_HEAD);
    return 0;
}

static int end_body(struct multipart *m)
{
    bool was_part = m->state == STATE_BODY;
    m->state = STATE_AFTER;
    m->n_matched = 0;
    m->n_after = 0;
    return was_part && m->calls.part_end ? m->calls.part_end(m->arg) : 0;
}

// Preamble or body: takes what it can of *s*.
static int scan(struct multipart *m, struct str *s)
{
    size_t from = 0; // data not yet given out
    size_t i = 0;
    int r = 0;
    size_t n_before = m->n_matched; // matched in earlier pieces: not in *s*
    while (i < s->n) {
        if (m->n_matched == 0) {
            const char *cr = memchr(s->p + i, '\r', s->n - i);
            i = cr ? (size_t)(cr - s->p) : s->n;
            if (!cr)
                break;
            m->n_matched = 1;
            n_before = 0;
            i++;
        } else if (s->p[i] == m->delimiter[m->n_matched]) {
            i++;
            if (++m->n_matched == m->n_delimiter) {
                size_t n_here = m->n_delimiter - n_before;
                r = give(m, s->p + from, i - from - n_here);
                *s = (struct str){s->p + i, s->n - i};
                return r < 0 ? r : end_body(m);
            }
        } else {
            size_t skip = m->is_virtual ? 2 : 0;
            m->is_virtual = false;
            if (n_before > skip)
                r = give(m, m->delimiter + skip, n_before - skip); // data after all
            if (r < 0)
                return r;
            n_before = 0;
            m->n_matched = 0; // the byte at i is looked at again
        }
    }
    size_t n_held = m->n_matched - n_before; // at the end of *s*, perhaps a delimiter
    r = give(m, s->p + from, s->n - from - n_held);
    *s = (struct str){s->p + s->n, 0};
    return r;
}

static int take_after(struct multipart *m, struct str *s)
{
    while (s->n > 0) {
        char c = *s->p;
        s->p++;
        s->n--;
        if (m->n_after == 0 && (c == ' ' || c == '\t'))
            continue; // RFC 2046 lets blanks stand there
        m->after[m->n_after++] = c;
        if (m->n_after < 2)
            continue;
        if (memcmp(m->after, "--", 2) == 0) {
            m->state = STATE_OVER;
        } else if (memcmp(m->after, "\r\n", 2) == 0) {
            m->state = STATE_HEAD;
            str_buf_reset(&m->head);
        } else {
            return err_set(ERR_DATA, "multipart: a boundary is followed by something else");
        }
        return 0;
    }
    return 0;
}

static bool head_is_whole(const struct str_buf *h)
{
    return (h->n == 2 && memcmp(h->p, "\r\n", 2) == 0) ||
           (h->n >= 4 && memcmp(h->p + h->n - 4, "\r\n\r\n", 4) == 0);
}

static int take_head(struct multipart *m, struct str *s)
{
    while (s->n > 0) {
        const char *lf = memchr(s->p, '\n', s->n);
        size_t n = lf ? (size_t)(lf - s->p) + 1 : s->n;
        str_buf_add(&m->head, s->p, n);
        s->p += n;
        s->n -= n;
        if (m->head.failed)
            return err_set(ERR_TOO_BIG, "multipart: part %zu: headers of more than %d bytes",
                           m->n_parts + 1, MULTIPART_MAX_HEAD);
        if (!head_is_whole(&m->head))
            continue;
        int r = begin_part(m);
        m->state = STATE_BODY;
        m->n_matched = 2; // the CR LF before a delimiter may be the head's own: an empty part
        m->is_virtual = true;
        return r;
    }
    return 0;
}

static int step(struct multipart *m, struct str *s)
{
    switch (m->state) {
    case STATE_PREAMBLE:
    case STATE_BODY:
        return scan(m, s);
    case STATE_AFTER:
        return take_after(m, s);
    case STATE_HEAD:
        return take_head(m, s);
    case STATE_OVER:
        s->n = 0;
        return 0;
    }
    return 0;
}

static int keep_error(struct multipart *m, int r)
{
    m->error = r;
    err_copy_message(r, m->message, sizeof(m->message));
    return r;
}

int multipart_add(struct multipart *m, const void *bytes, size_t n)
{
    struct str s = {bytes, n};
    if (m->error)
        return err_set(m->error, "%s", m->message);
    while (s.n > 0) {
        int r = step(m, &s);
        if (r < 0)
            return keep_error(m, r);
    }
    return 0;
}

int multipart_finish(struct multipart *m)
{
    if (m->error)
        return err_set(m->error, "%s", m->message);
    if (m->state != STATE_OVER)
        return keep_error(m,
                          err_set(ERR_DATA, "multipart: the body ends before its last boundary"));
    return 0;
}
