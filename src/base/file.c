// SPDX-License-Identifier: Apache-2.0
// file.c - reading whole files, and outputs that appear complete or not at all.

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"

struct file_out {
    char *path;      // final name
    char *part_path; // NULL: written in place (standard output, a device, a pipe)
    int fd;
    int error; // sticky
    char message[256];
    size_t n;
    char buffer[FILE_OUT_BUFFER];
};

static int open_regular(const char *path, int *ret_fd, struct stat *ret_stat)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(errno, "%s", path);
    if (fstat(fd, ret_stat) < 0) {
        int r = err_set_errno(errno, "%s", path);
        close(fd);
        return r;
    }
    if (S_ISDIR(ret_stat->st_mode)) {
        close(fd);
        return err_set(ERR_INVALID, "%s: is a directory", path);
    }
    *ret_fd = fd;
    return 0;
}

// Reads until the end or n bytes; short only at the end.
static int read_full(int fd, const char *path, char *bytes, size_t n, size_t *ret_n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = read(fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(errno, "%s", path);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_n = done;
    return 0;
}

int file_read(const char *path, size_t max_bytes, char **ret_bytes, size_t *ret_n)
{
    struct stat st;
    int fd;
    int r = open_regular(path, &fd, &st);
    if (r < 0)
        return r;
    char *bytes = NULL;
    size_t cap = 0;
    size_t n = 0;
    size_t guess = st.st_size > 0 ? (size_t)st.st_size : 64 * KIB; // pipes have no size
    max_bytes = MIN(max_bytes, (size_t)PTRDIFF_MAX - 2);
    if (S_ISREG(st.st_mode) && guess > max_bytes && st.st_size > 0) {
        r = err_set(ERR_TOO_BIG, "%s: more than %zu bytes", path, max_bytes);
        goto fail;
    }
    for (;;) {
        if (n == cap) {
            if (cap > max_bytes) {
                r = err_set(ERR_TOO_BIG, "%s: more than %zu bytes", path, max_bytes);
                goto fail;
            }
            cap = MIN(cap ? cap * 2 : guess + 1, max_bytes + 1);
            char *p = (char *)mem_recalloc(bytes, cap + 1, 1);
            if (!p) {
                r = ERR_NOMEM;
                goto fail;
            }
            bytes = p;
        }
        size_t got;
        r = read_full(fd, path, bytes + n, cap - n, &got);
        if (r < 0)
            goto fail;
        n += got;
        if (n < cap)
            break;
    }
    close(fd);
    bytes[n] = '\0';
    *ret_bytes = bytes;
    *ret_n = n;
    return 0;
fail:
    close(fd);
    mem_free(bytes);
    return r;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool file_is_lfs_pointer(const void *bytes, size_t n)
{
    static const char head[] = "version https://git-lfs";
    return n >= sizeof(head) - 1 && memcmp(bytes, head, sizeof(head) - 1) == 0;
}

int file_sha256(const char *path, char ret_hex[65])
{
    struct stat st;
    int fd;
    int r = open_regular(path, &fd, &st);
    if (r < 0)
        return r;
    char *bytes = (char *)mem_calloc(1, 64 * KIB);
    struct digest d;
    digest_init(&d);
    size_t n = 1;
    r = bytes ? 0 : ERR_NOMEM;
    while (r == 0 && n > 0) {
        r = read_full(fd, path, bytes, 64 * KIB, &n);
        if (r == 0)
            digest_add(&d, bytes, n);
    }
    close(fd);
    mem_free(bytes);
    if (r == 0)
        digest_hex(&d, ret_hex);
    return r;
}

// A standard stream by one of its names, which are links to whatever it is.
static bool is_kernel_name(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

// Renaming over a device or pipe would replace it: those are written in place. A folder is refused
// now and not after hours of work.
int file_out_names(const char *path, char **ret_path, char **ret_part)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return err_set(ERR_INVALID, "%s: is a directory", path);
    bool in_place = exists && (!S_ISREG(st.st_mode) || is_kernel_name(path));
    char real[PATH_MAX]; // of a link: what it names is replaced, not the link
    bool is_real = exists && !in_place && realpath(path, real);
    char *name = mem_strdup(is_real ? real : path);
    char *part = NULL;
    if (name && !in_place) {
        struct str_buf text = STR_BUF_INIT(64 * KIB);
        str_buf_printf(&text, "%s.part", name);
        part = str_buf_take(&text);
    }
    if (!name || (!part && !in_place)) {
        mem_free(name);
        return ERR_NOMEM;
    }
    *ret_path = name;
    *ret_part = part;
    return 0;
}

static int open_out(struct file_out *o, const char *path)
{
    int r = file_out_names(path, &o->path, &o->part_path);
    if (r < 0)
        return r;
    const char *name = o->part_path ? o->part_path : o->path;
    int flags = O_WRONLY | O_CLOEXEC | (o->part_path ? O_CREAT | O_TRUNC : 0);
    o->fd = open(name, flags, 0666);
    return o->fd < 0 ? err_set_errno(errno, "%s", o->path) : 0; // the name that was asked for
}

static void forget(struct file_out *o)
{
    mem_free(o->part_path);
    mem_free(o->path);
    mem_free(o);
}

int file_out_open(const char *path, struct file_out **ret_out)
{
    bool is_standard = strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
    struct file_out *o = mem_new(struct file_out);
    if (!o)
        return ERR_NOMEM;
    o->fd = STDOUT_FILENO;
    int r = 0;
    if (!is_standard)
        r = open_out(o, path);
    else if (!(o->path = mem_strdup("standard output")))
        r = ERR_NOMEM;
    if (r < 0) {
        forget(o);
        return r;
    }
    *ret_out = o;
    return 0;
}

static int fail_for_good(struct file_out *o, int sys_errno)
{
    o->error = err_set_errno(sys_errno, "%s", o->path);
    err_copy_message(o->error, o->message, sizeof(o->message));
    return o->error;
}

static int write_full(struct file_out *o, const char *p, size_t n)
{
    if (o->error)
        return err_set((enum err)o->error, "%s", o->message);
    while (n) {
        ssize_t done = write(o->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_for_good(o, errno);
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int file_out_flush(struct file_out *o)
{
    int r = write_full(o, o->buffer, o->n);
    o->n = 0;
    return r;
}

int file_out_write(struct file_out *o, const void *bytes, size_t n)
{
    if (o->error)
        return write_full(o, NULL, 0);
    if (n > sizeof(o->buffer) - o->n) {
        int r = file_out_flush(o);
        if (r < 0)
            return r;
    }
    if (n > sizeof(o->buffer))
        return write_full(o, (const char *)bytes, n);
    if (n)
        memcpy(o->buffer + o->n, bytes, n);
    o->n += n;
    return 0;
}

// Standard output stays open.
static int close_out(struct file_out *o)
{
    return o->fd == STDOUT_FILENO ? 0 : close(o->fd);
}

int file_out_commit(struct file_out **po)
{
    struct file_out *o = *po;
    *po = NULL;
    int r = file_out_flush(o);
    if (close_out(o) < 0 && r == 0)
        r = fail_for_good(o, errno);
    if (o->part_path) {
        if (r == 0 && rename(o->part_path, o->path) < 0)
            r = fail_for_good(o, errno);
        if (r < 0)
            unlink(o->part_path);
    }
    forget(o);
    return r;
}

void file_out_abort(struct file_out **po)
{
    struct file_out *o = *po;
    *po = NULL;
    if (!o)
        return;
    close_out(o);
    if (o->part_path)
        unlink(o->part_path);
    forget(o);
}

const char *file_out_path(const struct file_out *o)
{
    return o->part_path ? o->part_path : o->path;
}
