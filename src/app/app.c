// SPDX-License-Identifier: Apache-2.0
// app.c - failing, and writing results.

#include "app/app.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

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

static bool is_same_file(const char *a, const struct stat *b)
{
    struct stat st;
    return stat(a, &st) == 0 && st.st_dev == b->st_dev && st.st_ino == b->st_ino;
}

// Opens and gives up what will be written at the end; a pipe or device is not touched.
static int try_to_open(const char *path)
{
    char *name;
    char *part;
    int r = file_out_names(path, &name, &part);
    if (r < 0)
        return r;
    if (part) {
        struct file_out *out = NULL;
        r = file_out_open(path, &out);
        file_out_abort(&out);
    }
    mem_free(name);
    mem_free(part);
    return r;
}

int app_check_out(const char *path, const char *const *inputs, size_t n_inputs)
{
    if (!path || strcmp(path, "-") == 0)
        return 0;
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        for (size_t i = 0; i < n_inputs; i++)
            if (inputs[i] && is_same_file(inputs[i], &st))
                return err_set(ERR_EXISTS, "%s: the result would overwrite this input", path);
    return try_to_open(path);
}

int app_check_distinct(const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (paths[i] && paths[k] && strcmp(paths[i], paths[k]) == 0)
                return err_set(ERR_INVALID, "%s: two results would be written to it", paths[i]);
    return 0;
}
