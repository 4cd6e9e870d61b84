// SPDX-License-Identifier: Apache-2.0
// sink_path.c - which file each source writes.

#include "app/sink_path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"

// The last part of a path or URL without its ending: "clip" of "a/clip.mp4", "frames" of "frames/".
static struct str name_of(const char *source)
{
    struct str s = str_of(source);
    if (strstr(source, "://"))
        s.n = strcspn(source, "?#");
    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    size_t begin = s.n;
    while (begin > 0 && s.p[begin - 1] != '/')
        begin--;
    s = (struct str){s.p + begin, s.n - begin};
    for (size_t i = s.n; i > 1; i--) {
        if (s.p[i - 1] == '.') {
            s.n = i - 1;
            break;
        }
    }
    bool is_name = s.n > 0 && !str_is(s, ".") && !str_is(s, "..");
    return is_name ? s : STR("source");
}

static bool is_taken(const char *path, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    return false;
}

static char *path_in(const char *directory, struct str name, const char *ending,
                     const char *const *paths, size_t n, struct arena *a)
{
    char *path = arena_printf(a, "%s/" STR_FMT "%s", directory, STR_ARG(name), ending);
    for (int i = 2; path && is_taken(path, paths, n); i++)
        path = arena_printf(a, "%s/" STR_FMT "-%d%s", directory, STR_ARG(name), i, ending);
    return path;
}

// A name that a single source would have written as a file.
static bool is_named_as_a_file(const char *out)
{
    enum sink_kind kind;
    bool is_file = sink_kind_of(out, &kind) == 0;
    if (!is_file)
        err_clear();
    return is_file;
}

static int directory_make(const char *out)
{
    if (file_is_directory(out))
        return 0;
    if (is_named_as_a_file(out))
        return err_set(ERR_INVALID,
                       "--out '%s': several sources need a directory, this is the name of a file",
                       out);
    if (file_exists(out))
        return err_set(ERR_INVALID, "--out '%s': several sources need a directory, this is a file",
                       out);
    if (mkdir(out, 0777) < 0 && errno != EEXIST)
        return err_set_errno(errno, "--out '%s'", out);
    return 0;
}

static int check_no_source_is_lost(const char *path, const char *const *sources, size_t n)
{
    struct stat to;
    if (stat(path, &to) < 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        struct stat from;
        if (stat(sources[i], &from) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
            return err_set(ERR_EXISTS, "%s: the result would overwrite this input", path);
    }
    return 0;
}

static int directory_fill(const char *out, const char *const *sources, size_t n_sources,
                          struct arena *a, struct sink_paths *to)
{
    const char *ending = sink_impl_of(to->kind)->ending;
    for (size_t i = 0; i < n_sources; i++) {
        to->paths[i] = path_in(out, name_of(sources[i]), ending, to->paths, i, a);
        if (!to->paths[i])
            return ERR_NOMEM;
    }
    return 0;
}

int sink_paths_make(const char *out, enum sink_kind format, const char *const *sources,
                    size_t n_sources, struct arena *a, struct sink_paths *ret_paths)
{
    struct sink_paths to = {.kind = format};
    to.paths = arena_array(a, const char *, n_sources);
    if (!to.paths)
        return ERR_NOMEM;
    int r = 0;
    if (!out && n_sources > 1)
        return err_set(ERR_INVALID, "several sources need --out DIRECTORY");
    if (out && strcmp(out, "-") != 0 && (n_sources > 1 || file_is_directory(out))) {
        to.kind = format ? format : SINK_JSONL;
        r = directory_make(out);
        if (r == 0)
            r = directory_fill(out, sources, n_sources, a, &to);
    } else if (n_sources > 1) {
        return err_set(ERR_INVALID, "--out -: several sources need a directory");
    } else {
        to.paths[0] = out ? out : "-";
        if (!format)
            r = sink_kind_of(to.paths[0], &to.kind);
    }
    for (size_t i = 0; r == 0 && i < n_sources; i++)
        if (strcmp(to.paths[i], "-") != 0)
            r = check_no_source_is_lost(to.paths[i], sources, n_sources);
    if (r < 0)
        return r;
    *ret_paths = to;
    return 0;
}
