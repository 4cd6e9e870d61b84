// SPDX-License-Identifier: Apache-2.0
// archive.c - tar files: ustar heads of 512 bytes, sizes in octal or, from 8 GiB on, in base 256.

#include "blob/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    BLOCK = 512,
    BUFFER = 256 * 1024,
};

struct head {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char owner[32];
    char group[32];
    char device[16];
    char prefix[155];
    char unused[12];
};
_Static_assert(sizeof(struct head) == BLOCK, "a head is a block");

struct archive_out {
    struct file_out *file;
    unsigned char buffer[BUFFER];
};

struct archive_in {
    int fd;
    char *name;
    int64_t left;    // of the current file
    int64_t padding; // behind it
    bool is_ended;
};

static unsigned checksum(const struct head *h)
{
    const unsigned char *p = (const unsigned char *)h;
    size_t at = offsetof(struct head, checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= at && i < at + sizeof(h->checksum) ? ' ' : p[i];
    return sum;
}

static bool is_plain_name(const char *name)
{
    struct str rest = str_of(name);
    struct str part;
    if (rest.n == 0 || *rest.p == '/')
        return false;
    while (str_split(&rest, '/', &part)) {
        if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
            return false;
    }
    return true;
}

// ---- writing

int archive_out_open(const char *path, struct archive_out **ret_out)
{
    struct archive_out *o = mem_new(struct archive_out);
    if (!o)
        return ERR_NOMEM;
    int r = file_out_open(path, &o->file);
    if (r < 0) {
        mem_free(o);
        return r;
    }
    *ret_out = o;
    return 0;
}

static void put_size(char field[12], int64_t n)
{
    if (n < INT64_C(1) << 33) {
        snprintf(field, 12, "%011llo", (unsigned long long)n);
        return;
    }
    field[0] = (char)0x80;
    for (int i = 11; i > 0; i--, n >>= 8)
        field[i] = (char)(n & 0xff);
}

static int put_head(struct archive_out *o, const char *name, int64_t n_bytes)
{
    struct head h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    if (strlen(name) >= sizeof(h.name) || !is_plain_name(name))
        return err_set(ERR_INVALID, "'%.60s' cannot be a name in an archive", name);
    memcpy(h.name, name, strlen(name));
    snprintf(h.mode, sizeof(h.mode), "%07o", 0600);
    snprintf(h.uid, sizeof(h.uid), "%07o", 0);
    snprintf(h.gid, sizeof(h.gid), "%07o", 0);
    put_size(h.size, n_bytes);
    snprintf(h.mtime, sizeof(h.mtime), "%011o", 0);
    snprintf(h.checksum, sizeof(h.checksum), "%06o", checksum(&h));
    h.checksum[7] = ' ';
    return file_out_write(o->file, &h, sizeof(h));
}

static int put_padding(struct archive_out *o, int64_t n_bytes)
{
    static const char zeros[BLOCK];
    return file_out_write(o->file, zeros, (size_t)((BLOCK - n_bytes % BLOCK) % BLOCK));
}

int archive_out_bytes(struct archive_out *o, const char *name, const void *bytes, size_t n)
{
    int r = put_head(o, name, (int64_t)n);
    if (r == 0)
        r = file_out_write(o->file, bytes, n);
    return r < 0 ? r : put_padding(o, (int64_t)n);
}

int archive_out_file(struct archive_out *o, const char *name, int fd, int64_t n_bytes)
{
    int r = put_head(o, name, n_bytes);
    for (int64_t left = n_bytes; r == 0 && left > 0;) {
        ssize_t n = read(fd, o->buffer, (size_t)MIN((int64_t)BUFFER, left));
        if (n > 0) {
            r = file_out_write(o->file, o->buffer, (size_t)n);
            left -= n;
        } else if (n == 0) {
            r = err_set(ERR_DATA, "%s: ended %lld bytes before its length", name, (long long)left);
        } else if (errno != EINTR) {
            r = err_set_errno(errno, "%s", name);
        }
    }
    return r < 0 ? r : put_padding(o, n_bytes);
}

int archive_out_commit(struct archive_out **po)
{
    static const char end[2 * BLOCK];
    struct archive_out *o = *po;
    *po = NULL;
    int r = file_out_write(o->file, end, sizeof(end));
    if (r == 0)
        r = file_out_commit(&o->file);
    else
        file_out_abort(&o->file);
    mem_free(o);
    return r;
}

void archive_out_abort(struct archive_out **po)
{
    if (*po)
        file_out_abort(&(*po)->file);
    mem_free(*po);
    *po = NULL;
}

// ---- reading

int archive_in_open(const char *path, struct archive_in **ret_in)
{
    struct archive_in *in = mem_new(struct archive_in);
    if (!in)
        return ERR_NOMEM;
    bool is_stdin = strcmp(path, "-") == 0;
    in->name = mem_strdup(is_stdin ? "standard input" : path);
    in->fd = is_stdin ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    int r = !in->name ? ERR_NOMEM : in->fd < 0 ? err_set_errno(errno, "%s", path) : 0;
    if (r < 0) {
        archive_in_close(in);
        return r;
    }
    *ret_in = in;
    return 0;
}

void archive_in_close(struct archive_in *in)
{
    if (!in)
        return;
    if (in->fd >= 0)
        close(in->fd);
    mem_free(in->name);
    mem_free(in);
}

// Up to *n* bytes: fewer only at the end of the file.
static int read_full(struct archive_in *in, void *bytes, size_t n, size_t *ret_n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t k = read(in->fd, (char *)bytes + done, n - done);
        if (k < 0 && errno != EINTR)
            return err_set_errno(errno, "%s", in->name);
        if (k == 0)
            break;
        done += k > 0 ? (size_t)k : 0;
    }
    *ret_n = done;
    return 0;
}

static int cut_short(struct archive_in *in)
{
    return err_set(ERR_DATA, "%s: the archive is cut short", in->name);
}

static int skip(struct archive_in *in, int64_t n)
{
    char bytes[4096];
    while (n > 0) {
        size_t got;
        int r = read_full(in, bytes, (size_t)MIN((int64_t)sizeof(bytes), n), &got);
        if (r < 0)
            return r;
        if (got == 0)
            return cut_short(in);
        n -= (int64_t)got;
    }
    return 0;
}

// Digits of base 8, then spaces or zeros; or base 256.
static bool get_number(const char *field, size_t n, int64_t *ret)
{
    uint64_t v = 0;
    size_t i = 0;
    if ((unsigned char)field[0] == 0x80) {
        for (i = 1; i < n; i++) {
            if (v >> 54)
                return false;
            v = v << 8 | (unsigned char)field[i];
        }
        *ret = (int64_t)v;
        return true;
    }
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        v = v << 3 | (uint64_t)(field[i] - '0');
    if (i == 0)
        return false;
    for (; i < n; i++) {
        if (field[i] != ' ' && field[i] != 0)
            return false;
    }
    *ret = (int64_t)v;
    return true;
}

static int parse(struct archive_in *in, const struct head *h, struct archive_entry *ret)
{
    int64_t sum;
    struct archive_entry e = {0};
    if (memcmp(h->magic, "ustar", 5) != 0 || !get_number(h->checksum, sizeof(h->checksum), &sum) ||
        sum != checksum(h))
        return err_set(ERR_DATA, "%s: no archive, or a damaged one", in->name);
    if (h->name[sizeof(h->name) - 1] || h->prefix[0] || (h->type != '0' && h->type != 0))
        return err_set(ERR_DATA, "%s: holds more than plain files with short names", in->name);
    memcpy(e.name, h->name, sizeof(h->name));
    if (!is_plain_name(e.name))
        return err_set(ERR_DATA, "%s: '%s' leads out of the archive", in->name, e.name);
    if (!get_number(h->size, sizeof(h->size), &e.n_bytes) || e.n_bytes < 0)
        return err_set(ERR_DATA, "%s: '%s' has no length", in->name, e.name);
    *ret = e;
    return 0;
}

int archive_in_next(struct archive_in *in, struct archive_entry *ret_entry)
{
    static const struct head end;
    struct head h;
    size_t n;
    if (in->is_ended)
        return ERR_EOF;
    int r = skip(in, in->left + in->padding);
    in->left = in->padding = 0;
    if (r == 0)
        r = read_full(in, &h, sizeof(h), &n);
    if (r < 0)
        return r;
    if (n < sizeof(h))
        return cut_short(in);
    if (memcmp(&h, &end, sizeof(h)) == 0) {
        in->is_ended = true;
        return ERR_EOF;
    }
    r = parse(in, &h, ret_entry);
    if (r == 0) {
        in->left = ret_entry->n_bytes;
        in->padding = (BLOCK - in->left % BLOCK) % BLOCK;
    }
    return r;
}

int archive_in_read(struct archive_in *in, void *bytes, size_t n, size_t *ret_n)
{
    size_t got = 0;
    int r = read_full(in, bytes, (size_t)MIN((int64_t)n, in->left), &got);
    if (r < 0)
        return r;
    if (got == 0 && n > 0 && in->left > 0)
        return cut_short(in);
    in->left -= (int64_t)got;
    *ret_n = got;
    return 0;
}
