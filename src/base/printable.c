// SPDX-License-Identifier: Apache-2.0
// printable.c - see printable.h.

#include "base/printable.h"

#include <stdint.h>
#include <string.h>

// Whether *s*, one character, is a control character, the end of a line, no character at all, or
// one that turns the direction of what follows it.
static bool is_control(struct str s)
{
    static const struct {
        uint32_t first, last;
    } rows[] = {
        {0x0000, 0x001f}, {0x007f, 0x009f},       {0x2028, 0x202e}, // line ends, embeddings
        {0x2066, 0x2069},                                           // isolates
        {0xfdd0, 0xfdef}, {0xfeff, 0xfeff},       {0xfff9, 0xfffb},
        {0xfffe, 0xffff}, {0x110000, UINT32_MAX},
    };
    const unsigned char *p = (const unsigned char *)s.p;
    uint32_t c = s.n == 1 ? p[0] : p[0] & (0xffu >> (s.n + 1));
    for (size_t i = 1; i < s.n; i++)
        c = c << 6 | (p[i] & 0x3f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (c >= rows[i].first && c <= rows[i].last)
            return true;
    }
    return false;
}

size_t printable_length(struct str s, size_t *ret_n)
{
    size_t n = str_utf8_length(s);
    *ret_n = MAX(n, (size_t)1);
    return n > 0 && !is_control((struct str){s.p, n}) ? n : 0;
}

void printable_make(char *s)
{
    size_t n = 0;
    for (size_t left = strlen(s); left > 0; s += n, left -= n) {
        if (printable_length((struct str){s, left}, &n) == 0)
            memset(s, '?', n);
    }
}

bool printable_is(const char *s)
{
    size_t n = 0;
    for (struct str rest = str_of(s); rest.n > 0; rest = (struct str){rest.p + n, rest.n - n}) {
        if (printable_length(rest, &n) == 0)
            return false;
    }
    return true;
}
