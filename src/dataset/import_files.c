// SPDX-License-Identifier: Apache-2.0
// import_files.c - folders of annotations: which files they hold, which picture belongs to which
// name, and the lines of a text in bounded memory.

#include "dataset/import_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

// ---- paths

struct str path_base(const char *path)
{
    struct str s = str_of(path);
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == '/' || s.p[i - 1] == '\\')
            return (struct str){s.p + i, s.n - i};
    }
    return s;
}

struct str path_stem(struct str name)
{
    for (size_t i = name.n; i > 0; i--) {
        if (name.p[i - 1] == '/' || name.p[i - 1] == '\\') {
            name = (struct str){name.p + i, name.n - i};
            break;
        }
    }
    for (size_t i = name.n; i > 1; i--) {
        if (name.p[i - 1] == '.')
            return (struct str){name.p, i - 1};
    }
    return name;
}

bool path_is(const char *path, const char *base_name)
{
    return str_is_nocase(path_base(path), base_name);
}

bool path_has_ending(const char *path, const char *ending)
{
    struct str s = path_base(path);
    size_t n = strlen(ending);
    return s.n > n && str_is_nocase((struct str){s.p + s.n - n, n}, ending);
}

bool path_is_picture(const char *path)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".bmp", ".webp",
                                          ".tif", ".tiff", ".ppm", ".pgm"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (path_has_ending(path, endings[i]))
            return true;
    }
    return false;
}

// ---- folders

static int add_path(struct file_list *l, const char *path)
{
    if (l->n >= IMPORT_MAX_FILES)
        return err_set(ERR_TOO_BIG, "more than %d files in one folder of annotations",
                       IMPORT_MAX_FILES);
    int r = MEM_GROW(l->paths, l->cap, l->n);
    if (r < 0)
        return r;
    l->paths[l->n] = mem_strdup(path);
    return l->paths[l->n++] ? 0 : ERR_NOMEM;
}

static int walk(struct file_list *l, const char *folder, int depth);

static int walk_entry(struct file_list *l, const char *folder, const char *name, int depth)
{
    if (name[0] == '.')
        return 0;
    struct str_buf path = STR_BUF_INIT(IMPORT_MAX_PATH);
    str_buf_printf(&path, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", name);
    int r = str_buf_check(&path);
    // Links to files are read, links to folders are not: they may lead anywhere, also in circles.
    struct stat link;
    struct stat st;
    if (r == 0 && lstat(str_buf_text(&path), &link) == 0 && stat(str_buf_text(&path), &st) == 0) {
        if (S_ISDIR(link.st_mode))
            r = walk(l, str_buf_text(&path), depth + 1);
        else if (S_ISREG(st.st_mode))
            r = add_path(l, str_buf_text(&path));
    }
    str_buf_finish(&path);
    return r;
}

static int walk(struct file_list *l, const char *folder, int depth)
{
    if (depth > IMPORT_MAX_DEPTH)
        return err_set(ERR_TOO_BIG, "'%s': more than %d folders deep", folder, IMPORT_MAX_DEPTH);
    DIR *d = opendir(folder);
    if (!d)
        return err_set_errno(errno, "open '%s'", folder);
    int r = 0;
    for (struct dirent *e = readdir(d); e && r == 0; e = readdir(d))
        r = walk_entry(l, folder, e->d_name, depth);
    closedir(d);
    return r;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int file_list_read(const char *path, struct file_list *ret_list)
{
    struct file_list l = {0};
    struct stat st;
    if (path[0] == '\0')
        return err_set(ERR_INVALID, "an empty path");
    if (stat(path, &st) < 0)
        return err_set_errno(errno, "open '%s'", path);
    int r;
    if (S_ISDIR(st.st_mode)) {
        l.n_root = strlen(path) + (path[strlen(path) - 1] != '/');
        r = walk(&l, path, 0);
    } else {
        r = add_path(&l, path);
    }
    if (r < 0) {
        file_list_finish(&l);
        return r;
    }
    if (l.n > 1)
        qsort(l.paths, l.n, sizeof(*l.paths), compare_paths);
    *ret_list = l;
    return 0;
}

void file_list_finish(struct file_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->paths[i]);
    mem_free(l->paths);
    *l = (struct file_list){0};
}

// ---- pictures by stem

static int compare_stems(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_entries(const void *a, const void *b)
{
    const struct picture_entry *x = a;
    const struct picture_entry *y = b;
    int order = compare_stems(x->stem, y->stem);
    return order ? order : strcmp(x->path, y->path);
}

int picture_index_create(const char *folder, struct picture_index *ret_index)
{
    struct picture_index p = {0};
    int r = file_list_read(folder, &p.files);
    if (r < 0)
        return r;
    p.entries = mem_array(struct picture_entry, p.files.n);
    if (!p.entries && p.files.n > 0) {
        picture_index_finish(&p);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < p.files.n; i++) {
        const char *path = p.files.paths[i];
        if (path_is_picture(path))
            p.entries[p.n++] = (struct picture_entry){path_stem(path_base(path)), path};
    }
    if (p.n > 1)
        qsort(p.entries, p.n, sizeof(*p.entries), compare_entries);
    *ret_index = p;
    return 0;
}

void picture_index_finish(struct picture_index *p)
{
    mem_free(p->entries);
    file_list_finish(&p->files);
    *p = (struct picture_index){0};
}

// The component before *end, cut off *path.
static struct str last_component(struct str *path)
{
    while (path->n > 0 && path->p[path->n - 1] == '/')
        path->n--;
    size_t start = path->n;
    while (start > 0 && path->p[start - 1] != '/')
        start--;
    struct str part = {path->p + start, path->n - start};
    path->n = start;
    return part;
}

// Folders of pictures and of annotations stand for each other.
static bool is_like(struct str a, struct str b)
{
    static const char *const words[] = {"images", "labels", "annotations", "jpegimages", "img1"};
    if (str_equal(a, b))
        return true;
    bool x = false;
    bool y = false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        x |= str_is_nocase(a, words[i]);
        y |= str_is_nocase(b, words[i]);
    }
    return x && y;
}

static int likeness(const char *a, const char *b)
{
    struct str x = str_of(a);
    struct str y = str_of(b);
    last_component(&x);
    last_component(&y);
    int n = 0;
    while (x.n > 0 && y.n > 0 && is_like(last_component(&x), last_component(&y)))
        n++;
    return n;
}

struct picture_entry *picture_index_find(struct picture_index *p, struct str stem, const char *path)
{
    size_t lo = 0;
    size_t hi = p->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare_stems(p->entries[mid].stem, stem) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    struct picture_entry *found = NULL;
    int best = -1;
    for (; lo < p->n && str_equal(p->entries[lo].stem, stem); lo++) {
        int n = likeness(p->entries[lo].path, path);
        if (n > best) {
            best = n;
            found = &p->entries[lo];
        }
    }
    return found;
}

// ---- lines

int line_reader_open(const char *path, struct line_reader *ret_lines)
{
    struct line_reader l = {0};
    int r = dataset_input_open(path, &l.in);
    if (r < 0)
        return r;
    l.buffer = mem_array(char, DATASET_MAX_LINE);
    if (!l.buffer) {
        dataset_input_close(&l.in);
        return ERR_NOMEM;
    }
    *ret_lines = l;
    return 0;
}

void line_reader_close(struct line_reader *l)
{
    if (l->buffer)
        dataset_input_close(&l->in);
    mem_free(l->buffer);
    l->buffer = NULL;
}

static int fill(struct line_reader *l)
{
    memmove(l->buffer, l->buffer + l->at, l->n - l->at);
    l->n -= l->at;
    l->at = 0;
    if (l->n == DATASET_MAX_LINE)
        return err_set(ERR_TOO_BIG, "%s: line %lld is longer than %d bytes", l->in.path,
                       (long long)l->line + 1, DATASET_MAX_LINE);
    long got = dataset_input_read(&l->in, l->buffer + l->n, DATASET_MAX_LINE - l->n);
    if (got < 0)
        return (int)got;
    l->n += (size_t)got;
    l->ended = got == 0;
    return 0;
}

int line_reader_next(struct line_reader *l, struct str *ret_line)
{
    for (;;) {
        const char *start = l->buffer + l->at;
        const char *feed = l->n > l->at ? memchr(start, '\n', l->n - l->at) : NULL;
        if (feed || (l->ended && l->n > l->at)) {
            size_t n = feed ? (size_t)(feed - start) : l->n - l->at;
            l->at += n + (feed != NULL);
            l->line++;
            *ret_line = (struct str){start, n};
            if (l->line == 1 && str_starts(*ret_line, "\xef\xbb\xbf"))
                *ret_line = (struct str){start + 3, n - 3};
            return 0;
        }
        if (l->ended)
            return ERR_EOF;
        int r = fill(l);
        if (r < 0)
            return r;
    }
}

int line_reader_error(const struct line_reader *l, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int r = err_set_v(ERR_DATA, format, ap);
    va_end(ap);
    return err_prefix(r, "%s: line %lld", l->in.path, (long long)l->line);
}

bool next_word(struct str *rest, struct str *ret_word)
{
    *rest = str_trim(*rest);
    if (rest->n == 0)
        return false;
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    *ret_word = (struct str){rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return true;
}
