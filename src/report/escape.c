// SPDX-License-Identifier: Apache-2.0
// escape.c - characters that mean something to Markdown.

#include "report/escape.h"

#include <string.h>

void escape_markdown(struct str_buf *out, struct str s)
{
    while (s.n > 0) {
        const size_t n = MAX(str_utf8_length(s), (size_t)1);
        const char c = s.p[0];
        if (c == '<' || c == '>' || c == '&') // HTML is Markdown too
            str_buf_puts(out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
        else if (c != '\0' && strchr("\\`*_{}[]()#+!|~@$:", c))
            str_buf_printf(out, "\\%c", c);
        else
            str_buf_add_printable(out, (struct str){s.p, n});
        s = (struct str){s.p + n, s.n - n};
    }
}
