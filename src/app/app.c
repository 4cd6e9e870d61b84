// SPDX-License-Identifier: Apache-2.0
// app.c - failing, and writing results.

#include "app/app.h"

#include <stdarg.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"

int app_fail(int r)
{
    log_error(NULL, "%s", err_message(r));
    return err_exit_status(r);
}

int app_usage_error(const struct command *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    err_set_v(ERR_INVALID, format, ap);
    va_end(ap);
    log_error(NULL, "%s (see: assay %s --help)", err_message(ERR_INVALID), c->name);
    return err_exit_status(ERR_INVALID);
}

void app_put_sentence(struct str_buf *out, const char *words)
{
    char first = words[0];
    str_buf_putc(out, first >= 'a' && first <= 'z' ? (char)(first - 'a' + 'A') : first);
    str_buf_printf(out, "%s.\n", words + 1);
}

int app_write(const char *path, const struct str_buf *text)
{
    struct file_out *out;
    int r = str_buf_check(text);
    if (r < 0)
        return r;
    r = file_out_open(path, &out);
    if (r < 0)
        return r;
    r = file_out_write(out, str_buf_text(text), text->n);
    if (r < 0) {
        file_out_abort(&out);
        return r;
    }
    return file_out_commit(&out);
}
