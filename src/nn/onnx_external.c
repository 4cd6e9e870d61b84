// SPDX-License-Identifier: Apache-2.0
// onnx_external.c - weights beside the model: only in its own directory, and really there.
//
// A model is a stranger's file. The location it names is text of his: it must stay below the
// model's directory both as written and after symlinks are followed.

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/onnx_read.h"

// "weights are in 'LOCATION', which WHAT"
static int refuse(const char *path, struct str location, const char *what)
{
    return err_set(ERR_MODEL, "%s: weights are in '%.*s', which %s", path,
                   (int)MIN(location.n, (size_t)200), location.p, what);
}

static int check_spelling(const char *path, struct str location)
{
    if (location.n == 0)
        return err_set(ERR_MODEL, "%s: external weights without a location", path);
    if (str_is(location, ".") || location.n >= PATH_MAX || memchr(location.p, '\0', location.n))
        return refuse(path, location, "is no file name");
    if (location.p[0] == '/' || location.p[0] == '\\' || memchr(location.p, ':', location.n))
        return refuse(path, location, "lies outside the model's folder");
    struct str rest = location;
    struct str part;
    while (str_split(&rest, '/', &part)) {
        if (str_is(part, ".."))
            return refuse(path, location, "lies outside the model's folder");
    }
    return 0;
}

// *directory* and the file's real path, both owned by the caller (free()).
static int resolve(const char *path, struct str location, char **ret_directory, char **ret_file)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup("./");
    if (!folder)
        return ERR_NOMEM;
    struct str_buf name = STR_BUF_INIT(2 * PATH_MAX);
    str_buf_puts(&name, folder);
    str_buf_add_str(&name, location);
    int r = str_buf_check(&name);
    *ret_directory = NULL;
    *ret_file = NULL;
    if (r == 0) {
        *ret_directory = realpath(folder, NULL);
        if (!*ret_directory)
            r = err_set_errno(errno, "%s", folder);
    }
    if (r == 0) {
        *ret_file = realpath(str_buf_text(&name), NULL);
        if (!*ret_file && (errno == ENOENT || errno == ENOTDIR))
            r = refuse(path, location, "is missing");
        else if (!*ret_file)
            r = err_set_errno(errno, "%s", str_buf_text(&name));
    }
    str_buf_finish(&name);
    mem_free(folder);
    return r;
}

static bool lies_in(const char *file, const char *directory)
{
    size_t n = strlen(directory);
    if (n == 1)
        return true; // the root
    return strncmp(file, directory, n) == 0 && file[n] == '/';
}

static int check_file(const char *path, const struct onnx_external *e, const char *file)
{
    struct stat st;
    if (stat(file, &st) < 0)
        return refuse(path, e->location, "is missing");
    if (!S_ISREG(st.st_mode))
        return refuse(path, e->location, "is not a regular file");
    if (st.st_size == 0 && e->length > 0)
        return refuse(path, e->location, "is empty (0 bytes)");
    if (e->offset > st.st_size || e->length > st.st_size - e->offset)
        return err_set(ERR_MODEL,
                       "%s: weights are in '%.*s', which is too short: %lld bytes from %lld on are "
                       "wanted, it has %lld",
                       path, STR_ARG(e->location), (long long)e->length, (long long)e->offset,
                       (long long)st.st_size);
    return 0;
}

static int check_one(const char *path, const struct onnx_external *e)
{
    int r = check_spelling(path, e->location);
    if (r < 0)
        return r;
    char *directory = NULL;
    char *file = NULL;
    r = resolve(path, e->location, &directory, &file);
    if (r == 0 && !lies_in(file, directory))
        r = refuse(path, e->location, "is a link out of the model's folder");
    if (r == 0)
        r = check_file(path, e, file);
    free(directory);
    free(file);
    return r;
}

int onnx_check_external(const struct onnx *o, const char *path)
{
    for (size_t i = 0; i < o->n_externals; i++) {
        const struct onnx_external *e = &o->externals[i];
        int r = check_one(path, e);
        if (r < 0)
            return r;
    }
    return 0;
}
