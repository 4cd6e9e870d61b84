// SPDX-License-Identifier: Apache-2.0
// tell_name.c - the path in messages is the server's, wherever it stands in them.

#include "task/tell_name.h"

#include <string.h>

#include "base/err.h"

int tell_name(int r, const char *path, const char *name)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    const char *at = strstr(text, path);
    return at ? err_set((enum err)r, "%.*s%s%s", (int)(at - text), text, name, at + strlen(path))
              : r;
}
