// SPDX-License-Identifier: Apache-2.0
// tell_name.c - the path in messages is the server's, wherever it stands in them.

#include "base/tell_name.h"

#include <string.h>

#include "base/err.h"
#include "base/str.h"

int tell_name(int r, const char *path, const char *name)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    const char *at = *path ? strstr(text, path) : NULL;
    if (!at)
        return r;
    struct str_buf told = STR_BUF_INIT(16 * KIB);
    const char *rest = text;
    for (; at; at = strstr(rest, path)) {
        str_buf_printf(&told, "%.*s%s", (int)(at - rest), rest, name);
        rest = at + strlen(path);
    }
    str_buf_puts(&told, rest);
    r = err_set((enum err)r, "%s", str_buf_text(&told));
    str_buf_finish(&told);
    return r;
}
