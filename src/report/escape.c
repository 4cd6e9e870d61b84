// SPDX-License-Identifier: Apache-2.0
// escape.c - characters that mean something to XML or Markdown.

#include "report/escape.h"

#include <string.h>

enum {
    MAX_TEXT = 64 * 1024, // of one name
};

void escape_xml(struct str_buf *out, struct str s)
{
    struct str_buf text = STR_BUF_INIT(MAX_TEXT);
    str_buf_add_printable(&text, s);
    const struct str shown = str_buf_view(&text);
    for (size_t i = 0; i < shown.n; i++) {
        switch (shown.p[i]) {
        case '&':
            str_buf_puts(out, "&amp;");
            break;
        case '<':
            str_buf_puts(out, "&lt;");
            break;
        case '>':
            str_buf_puts(out, "&gt;");
            break;
        case '"':
            str_buf_puts(out, "&quot;");
            break;
        case '\'':
            str_buf_puts(out, "&#39;");
            break;
        default:
            str_buf_putc(out, shown.p[i]);
        }
    }
    str_buf_finish(&text);
}

void escape_markdown(struct str_buf *out, struct str s)
{
    struct str_buf text = STR_BUF_INIT(MAX_TEXT);
    str_buf_add_printable(&text, s);
    const struct str shown = str_buf_view(&text);
    for (size_t i = 0; i < shown.n; i++) {
        const char c = shown.p[i];
        if (c == '<' || c == '>' || c == '&') // HTML is Markdown too
            str_buf_puts(out, c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;");
        else if (strchr("\\`*_{}[]()#+!|~@$:", c) && c != '\0')
            str_buf_printf(out, "\\%c", c);
        else
            str_buf_putc(out, c);
    }
    str_buf_finish(&text);
}
