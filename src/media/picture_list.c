// SPDX-License-Identifier: Apache-2.0
// picture_list.c - which picture files a path means.

#include "media/picture_list.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/picture_file.h"

static const char *const endings[] = {".jpg",  ".jpeg", ".jpe",  ".png", ".bmp",
                                      ".webp", ".tif",  ".tiff", ".ppm", ".pgm"};
// These begin like a picture and go on like a film.
static const char *const film_endings[] = {".mjpeg", ".mjpg", ".apng", ".avi"};

static bool has_ending(const char *name, const char *const *list, size_t n)
{
    struct str s = str_of(name);
    for (size_t i = 0; i < n; i++) {
        size_t n_ending = strlen(list[i]);
        if (s.n > n_ending && strcasecmp(name + s.n - n_ending, list[i]) == 0)
            return true;
    }
    return false;
}

// A file name around one %d or %0Nd.
struct pattern {
    char *directory; // owned; "." where the path has none
    char *before;    // owned
    char *after;     // owned
    size_t n_digits; // at least
    bool is_padded;
};

static void pattern_finish(struct pattern *p)
{
    mem_free(p->directory);
    mem_free(p->before);
    mem_free(p->after);
}

// The %d of a file name: where it begins and ends. Exactly one, and no other use of %.
static bool find_number(const char *name, size_t *ret_begin, size_t *ret_end, struct pattern *p)
{
    const char *percent = strchr(name, '%');
    if (!percent || strchr(percent + 1, '%'))
        return false;
    const char *q = percent + 1;
    p->is_padded = *q == '0';
    p->n_digits = 1;
    if (isdigit((unsigned char)*q)) {
        p->n_digits = 0;
        while (isdigit((unsigned char)*q) && p->n_digits < 100)
            p->n_digits = p->n_digits * 10 + (size_t)(*q++ - '0');
    }
    if (*q != 'd' || p->n_digits > 18)
        return false;
    p->n_digits = p->is_padded && p->n_digits > 0 ? p->n_digits : 1;
    *ret_begin = (size_t)(percent - name);
    *ret_end = (size_t)(q + 1 - name);
    return true;
}

static bool is_pattern(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t begin;
    size_t end;
    struct pattern unused = {0};
    return find_number(slash ? slash + 1 : path, &begin, &end, &unused);
}

// A pipe is no picture, and is not opened to find out: whoever writes to it may be done before it
// is opened again, and what they wrote is gone with its last reader.
static bool begins_like_a_picture(const char *path)
{
    unsigned char head[32];
    struct stat st;
    if (has_ending(path, film_endings, ARRAY_LEN(film_endings)))
        return false;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, head, sizeof(head), 0);
    close(fd);
    return n > 0 && picture_file_is_picture(head, (size_t)n);
}

bool picture_list_is_for(const char *path)
{
    if (strstr(path, "://"))
        return false;
    if (file_is_directory(path))
        return true;
    if (!file_exists(path))
        return is_pattern(path);
    return begins_like_a_picture(path);
}

int picture_list_compare(const char *a, const char *b)
{
    const unsigned char *p = (const unsigned char *)a;
    const unsigned char *q = (const unsigned char *)b;
    while (*p && *q) {
        if (!isdigit(*p) || !isdigit(*q)) {
            if (*p != *q)
                return *p < *q ? -1 : 1;
            p++;
            q++;
            continue;
        }
        while (*p == '0')
            p++;
        while (*q == '0')
            q++;
        size_t n_p = strspn((const char *)p, "0123456789");
        size_t n_q = strspn((const char *)q, "0123456789");
        int order = n_p != n_q ? (n_p < n_q ? -1 : 1) : memcmp(p, q, n_p);
        if (order)
            return order < 0 ? -1 : 1;
        p += n_p;
        q += n_q;
    }
    if (*p || *q)
        return *p ? 1 : -1;
    return strcmp(a, b); // 1.jpg and 01.jpg: some order, always the same
}

static int compare_paths(const void *a, const void *b)
{
    return picture_list_compare(*(const char *const *)a, *(const char *const *)b);
}

static int add(struct picture_list *l, const char *directory, const char *name)
{
    if (l->n >= PICTURE_LIST_MAX)
        return err_set(ERR_TOO_BIG, "%s: more than %d pictures", directory, PICTURE_LIST_MAX);
    int r = MEM_GROW(l->paths, l->cap, l->n);
    if (r < 0)
        return r;
    struct str_buf path = STR_BUF_INIT(PATH_MAX * 2);
    str_buf_puts(&path, directory);
    if (path.n > 0 && path.p[path.n - 1] != '/')
        str_buf_putc(&path, '/');
    str_buf_puts(&path, name);
    r = str_buf_check(&path);
    if (r == 0)
        l->paths[l->n++] = str_buf_take(&path);
    str_buf_finish(&path);
    return r;
}

// True where the name fits the pattern.
static bool fits(const struct pattern *p, const char *name)
{
    size_t n = strlen(name);
    size_t n_before = strlen(p->before);
    size_t n_after = strlen(p->after);
    if (n < n_before + n_after + p->n_digits || strncmp(name, p->before, n_before) != 0 ||
        strcmp(name + n - n_after, p->after) != 0)
        return false;
    size_t n_digits = n - n_before - n_after;
    if (strspn(name + n_before, "0123456789") < n_digits)
        return false;
    // %04d prints 12345 too, but never 00012; %d never 012.
    return n_digits == p->n_digits || name[n_before] != '0';
}

// *pattern* NULL: every name with a picture's ending.
static int scan(const char *directory, const struct pattern *pattern, struct picture_list *l)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return err_set_errno(errno, "%s", directory);
    int r = 0;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            r = errno ? err_set_errno(errno, "%s", directory) : 0;
            break;
        }
        bool fitting =
            pattern ? fits(pattern, e->d_name)
                    : e->d_name[0] != '.' && has_ending(e->d_name, endings, ARRAY_LEN(endings));
        r = fitting ? add(l, directory, e->d_name) : 0;
        if (r < 0)
            break;
    }
    closedir(dir);
    return r;
}

static int pattern_of(const char *path, struct pattern *ret_pattern)
{
    struct pattern p = {0};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t begin;
    size_t end;
    if (!find_number(name, &begin, &end, &p))
        return err_set(ERR_INVALID, "%s: a numbered pattern has exactly one %%d or %%06d", path);
    p.directory = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup("./");
    p.before = mem_strndup(name, begin);
    p.after = mem_strdup(name + end);
    if (!p.directory || !p.before || !p.after) {
        pattern_finish(&p);
        return ERR_NOMEM;
    }
    *ret_pattern = p;
    return 0;
}

static int find_by_pattern(const char *path, struct picture_list *l)
{
    struct pattern p;
    int r = pattern_of(path, &p);
    if (r < 0)
        return r;
    r = scan(p.directory, &p, l);
    pattern_finish(&p);
    if (r == 0 && l->n == 0)
        r = err_set(ERR_NOT_FOUND, "%s: no file fits this pattern", path);
    return r;
}

static int find_one(const char *path, struct picture_list *l)
{
    int r = MEM_GROW(l->paths, l->cap, 0);
    if (r < 0)
        return r;
    l->paths[0] = mem_strdup(path);
    if (!l->paths[0])
        return ERR_NOMEM;
    l->n = 1;
    return 0;
}

int picture_list_find(const char *path, struct picture_list *ret_list)
{
    struct picture_list l = {0};
    int r;
    if (file_is_directory(path)) {
        r = scan(path, NULL, &l);
        if (r == 0 && l.n == 0)
            r = err_set(ERR_MEDIA, "%s: the directory holds no pictures", path);
    } else if (file_exists(path)) {
        r = find_one(path, &l);
    } else {
        r = find_by_pattern(path, &l);
    }
    if (r < 0) {
        picture_list_finish(&l);
        return r;
    }
    qsort(l.paths, l.n, sizeof(*l.paths), compare_paths);
    *ret_list = l;
    return 0;
}

void picture_list_finish(struct picture_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->paths[i]);
    mem_free(l->paths);
    *l = (struct picture_list){0};
}
