// SPDX-License-Identifier: Apache-2.0
// blob.c - files by key: written as parts, synced, renamed.
//
// INVARIANTS
// (1) A name under blobs/ is given by rename() after fsync(): what bears it is whole.
// (2) A part is locked (flock) by the writer that has it open; the lock dies with the process.
// (3) A delete locks DATA/hold, which a backup shares: while one is made nothing is deleted.

#include "blob/blob.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"
#include "blob/blob_priv.h"

enum {
    CHECK_EVERY = 16 * 1024 * 1024, // bytes between two looks at the disk's free space
    READ_BYTES = 256 * 1024,
};

struct blob {
    // --- constant after open
    char root[ROOT_BYTES];
    int64_t reserve_bytes;
    // --- held while a blob is deleted: deletes exclude backups, and would exclude each other
    struct lock delete_lock;
};

struct blob_writer {
    struct blob *blob;
    int fd;
    int failed;   // sticky
    bool is_part; // of blob_part_open(): kept on errors
    char id[ID_BYTES];
    int64_t offset;
    int64_t unchecked; // bytes since the last look at the free space
    struct digest digest;
};

int blob_fail(int sys_errno, const char *path)
{
    if (sys_errno == EROFS)
        return err_set(ERR_READONLY, "%s: the file system is read-only", path);
    return err_set_errno(sys_errno, "%s", path);
}

static int make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return blob_fail(errno, path);
}

// ---- names

static void part_path(const struct blob *b, const char *id, char ret[BLOB_PATH_BYTES])
{
    snprintf(ret, BLOB_PATH_BYTES, "%s/parts/%s", b->root, id);
}

// The last characters are the random ones: keys of one day spread over all folders.
static void key_path(const struct blob *b, const char *key, char ret[BLOB_PATH_BYTES])
{
    const char *end = key + ID_LENGTH;
    snprintf(ret, BLOB_PATH_BYTES, "%s/blobs/%.2s/%.2s/%s", b->root, end - 2, end - 4, key);
}

static int check_key(const char *key)
{
    return key && id_is_valid(str_of(key))
               ? 0
               : err_set(ERR_INVALID, "'%.40s' is no key of a blob", key ? key : "");
}

static int sync_folder_of(const char *path)
{
    char folder[BLOB_PATH_BYTES];
    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = 0;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? blob_fail(errno, folder) : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

// A new folder's own name is on the disk too, so that a loss of power cannot take what is in it.
static int make_synced(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return sync_folder_of(path);
    return errno == EEXIST ? 0 : blob_fail(errno, path);
}

// The two folders of a key.
static int make_folders(const struct blob *b, const char *key)
{
    char path[BLOB_PATH_BYTES];
    const char *end = key + ID_LENGTH;
    snprintf(path, sizeof(path), "%s/blobs/%.2s", b->root, end - 2);
    int r = make_synced(path);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/blobs/%.2s/%.2s", b->root, end - 2, end - 4);
    return make_synced(path);
}

// ---- opening

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    if (at->level > 0 && remove(path) < 0 && errno != ENOENT)
        return -1;
    return 0;
}

static int empty_folder(const char *path)
{
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : blob_fail(errno, path);
}

static int make_root(const char *path)
{
    char part[BLOB_PATH_BYTES];
    snprintf(part, sizeof(part), "%s", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        IGNORE(mkdir(part, 0700)); // exists, or the last one says why not
        *p = '/';
    }
    return make_directory(path);
}

// Absolute, so that each path is, and without links and dots.
static int make_root_real(struct blob *b)
{
    char *real = realpath(b->root, NULL);
    if (!real)
        return blob_fail(errno, b->root);
    int r = 0;
    if (snprintf(b->root, ROOT_BYTES, "%s", real) >= ROOT_BYTES)
        r = err_set(ERR_INVALID, "%.60s...: the path is too long", real);
    free(real); // realpath() does not know mem_free()
    return r;
}

int blob_open(const struct blob_opts *opts, struct blob **ret_blob)
{
    static const char *const folders[] = {"blobs", "parts", "temp"};
    char path[BLOB_PATH_BYTES];
    struct blob *b = mem_new(struct blob);
    if (!b)
        return ERR_NOMEM;
    b->reserve_bytes = opts->reserve_bytes ? opts->reserve_bytes : BLOB_RESERVE_BYTES;
    int r = lock_init(&b->delete_lock, LOCK_RANK_QUEUE);
    if (r < 0) {
        mem_free(b);
        return r;
    }
    if (snprintf(b->root, ROOT_BYTES, "%s", opts->directory) >= ROOT_BYTES)
        r = err_set(ERR_INVALID, "%.60s...: the path is too long", opts->directory);
    if (r == 0)
        r = make_root(b->root);
    if (r == 0)
        r = make_root_real(b);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", b->root, folders[i]);
        r = make_directory(path);
    }
    if (r == 0)
        r = empty_folder(path); // temp, the last
    if (r < 0) {
        blob_close(b);
        return r;
    }
    *ret_blob = b;
    return 0;
}

int blob_look(const char *directory, struct blob **ret_blob)
{
    struct blob *b = mem_new(struct blob);
    if (!b)
        return ERR_NOMEM;
    int r = lock_init(&b->delete_lock, LOCK_RANK_QUEUE);
    if (r == 0 && snprintf(b->root, ROOT_BYTES, "%s", directory) >= ROOT_BYTES) {
        lock_finish(&b->delete_lock);
        r = err_set(ERR_INVALID, "%.60s...: the path is too long", directory);
    }
    if (r < 0) {
        mem_free(b);
        return r;
    }
    *ret_blob = b;
    return 0;
}

const char *blob_directory(const struct blob *b)
{
    return b->root;
}

void blob_close(struct blob *b)
{
    if (b)
        lock_finish(&b->delete_lock);
    mem_free(b);
}

// ---- space

int blob_space(struct blob *b, int64_t *ret_free, int64_t *ret_total)
{
    struct statvfs v;
    if (statvfs(b->root, &v) < 0)
        return blob_fail(errno, b->root);
    *ret_free = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    *ret_total = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
    return 0;
}

int blob_check_space(struct blob *b, int64_t n_bytes)
{
    int64_t n_free = 0;
    int64_t n_total = 0;
    int r = blob_space(b, &n_free, &n_total);
    if (r < 0)
        return r;
    if (n_bytes <= n_free - b->reserve_bytes)
        return 0;
    return err_set(ERR_NOSPACE,
                   "the data directory's disk: %lld MiB are free, and %lld MiB are to be written "
                   "with %lld MiB kept free",
                   (long long)(n_free / (int64_t)MIB),
                   (long long)((n_bytes + (int64_t)MIB - 1) / (int64_t)MIB),
                   (long long)(b->reserve_bytes / (int64_t)MIB));
}

// ---- writing

static int open_part(struct blob_writer *w, int flags)
{
    char path[BLOB_PATH_BYTES];
    part_path(w->blob, w->id, path);
    w->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (w->fd < 0) {
        if (errno == EEXIST)
            return err_set(ERR_EXISTS, "upload '%s' exists already", w->id);
        return errno == ENOENT && !(flags & O_CREAT)
                   ? err_set(ERR_NOT_FOUND, "upload '%s' has no bytes on the disk", w->id)
                   : blob_fail(errno, path);
    }
    if (flock(w->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK
               ? err_set(ERR_BUSY, "upload '%s' is being written by another request", w->id)
               : blob_fail(errno, path);
}

static void free_writer(struct blob_writer *w)
{
    blob_let_go(w->fd);
    mem_free(w);
}

static int new_writer(struct blob *b, const char *id, int64_t expect_bytes,
                      struct blob_writer **ret)
{
    int r = blob_check_space(b, MAX(0, expect_bytes));
    if (r < 0)
        return r;
    struct blob_writer *w = mem_new(struct blob_writer);
    if (!w)
        return ERR_NOMEM;
    *w = (struct blob_writer){.blob = b, .fd = -1};
    snprintf(w->id, ID_BYTES, "%s", id);
    digest_init(&w->digest);
    *ret = w;
    return 0;
}

int blob_writer_create(struct blob *b, int64_t expect_bytes, struct blob_writer **ret_writer)
{
    char id[ID_BYTES];
    struct blob_writer *w;
    id_make(id);
    int r = new_writer(b, id, expect_bytes, &w);
    if (r < 0)
        return r;
    r = open_part(w, O_CREAT | O_EXCL);
    if (r < 0) {
        free_writer(w);
        return r;
    }
    *ret_writer = w;
    return 0;
}

// The digest of the bytes before *offset*, from the file.
static int read_digest(struct blob_writer *w, int64_t offset)
{
    unsigned char *buffer = mem_array(unsigned char, READ_BYTES);
    if (!buffer)
        return ERR_NOMEM;
    int r = 0;
    for (int64_t at = 0; r == 0 && at < offset;) {
        size_t want = (size_t)MIN((int64_t)READ_BYTES, offset - at);
        ssize_t n = pread(w->fd, buffer, want, at);
        if (n > 0) {
            digest_add(&w->digest, buffer, (size_t)n);
            at += n;
        } else if (n == 0 || errno != EINTR) {
            r = n == 0 ? err_set(ERR_DATA, "upload '%s': the file became shorter", w->id)
                       : blob_fail(errno, w->id);
        }
    }
    mem_free(buffer);
    return r;
}

static int go_on_at(struct blob_writer *w, const struct blob_part *from)
{
    struct stat st;
    if (fstat(w->fd, &st) < 0)
        return blob_fail(errno, w->id);
    if (from->offset < 0 || st.st_size < from->offset)
        return err_set(ERR_DATA,
                       "upload '%s': %lld bytes are on the disk, and %lld were acknowledged", w->id,
                       (long long)st.st_size, (long long)from->offset);
    if (ftruncate(w->fd, from->offset) < 0 || lseek(w->fd, from->offset, SEEK_SET) < 0)
        return blob_fail(errno, w->id);
    w->offset = from->offset;
    if (from->has_digest)
        w->digest = from->digest;
    return from->has_digest ? 0 : read_digest(w, from->offset);
}

int blob_part_open(struct blob *b, const char *part_id, const struct blob_part *from,
                   int64_t expect_bytes, struct blob_writer **ret_writer)
{
    struct blob_writer *w;
    int r = check_key(part_id);
    if (r == 0)
        r = new_writer(b, part_id, expect_bytes, &w);
    if (r < 0)
        return r;
    w->is_part = true;
    r = open_part(w, from ? 0 : O_CREAT | O_EXCL);
    if (r == 0 && from)
        r = go_on_at(w, from);
    if (r < 0) {
        free_writer(w);
        return r;
    }
    *ret_writer = w;
    return 0;
}

static int check_reserve(struct blob_writer *w, size_t n)
{
    w->unchecked += (int64_t)n;
    if (w->unchecked < CHECK_EVERY)
        return 0;
    w->unchecked = 0;
    return blob_check_space(w->blob, (int64_t)n);
}

int blob_write(struct blob_writer *w, const void *bytes, size_t n)
{
    if (w->failed)
        return w->failed;
    w->failed = check_reserve(w, n);
    const unsigned char *p = bytes;
    while (!w->failed && n > 0) {
        ssize_t done = write(w->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            w->failed = blob_fail(errno, "the data directory");
            break;
        }
        digest_add(&w->digest, p, (size_t)done);
        w->offset += done;
        p += done;
        n -= (size_t)done;
    }
    return w->failed;
}

int64_t blob_writer_offset(const struct blob_writer *w)
{
    return w->offset;
}

int blob_writer_sync(struct blob_writer *w)
{
    if (!w->failed && fdatasync(w->fd) < 0)
        w->failed = blob_fail(errno, "the data directory");
    return w->failed;
}

int blob_writer_mark(struct blob_writer *w, struct blob_part *ret_at)
{
    int r = blob_writer_sync(w);
    if (r == 0)
        *ret_at = (struct blob_part){.offset = w->offset, .has_digest = true, .digest = w->digest};
    return r;
}

int blob_writer_suspend(struct blob_writer **pw, struct blob_part *ret_at)
{
    struct blob_writer *w = *pw;
    *pw = NULL;
    assert(w->is_part);
    // what was written before an error is whole, and can be gone on from
    int r = fdatasync(w->fd) < 0 ? blob_fail(errno, "the data directory") : 0;
    if (ret_at)
        *ret_at = (struct blob_part){.offset = w->offset, .has_digest = true, .digest = w->digest};
    free_writer(w);
    return r;
}

static int rename_to_key(struct blob_writer *w, struct blob_info *info)
{
    char from[BLOB_PATH_BYTES];
    char to[BLOB_PATH_BYTES];
    part_path(w->blob, w->id, from);
    key_path(w->blob, info->key, to);
    int r = make_folders(w->blob, info->key);
    if (r == 0 && rename(from, to) < 0)
        r = blob_fail(errno, to);
    return r < 0 ? r : sync_folder_of(to);
}

static void remove_part(const struct blob *b, const char *id)
{
    char path[BLOB_PATH_BYTES];
    part_path(b, id, path);
    unlink(path); // what is left is the janitor's
}

int blob_writer_commit(struct blob_writer **pw, struct blob_info *ret_info)
{
    char key[ID_BYTES];
    id_make(key);
    return blob_writer_commit_as(pw, key, ret_info);
}

int blob_writer_commit_as(struct blob_writer **pw, const char *key, struct blob_info *ret_info)
{
    struct blob_writer *w = *pw;
    struct blob_info info = {.n_bytes = w->offset};
    *pw = NULL;
    snprintf(info.key, ID_BYTES, "%s", key);
    int r = check_key(key);
    if (r == 0)
        r = w->failed;
    if (r == 0 && fsync(w->fd) < 0)
        r = blob_fail(errno, "the data directory");
    if (r == 0)
        r = rename_to_key(w, &info);
    if (r == 0) {
        digest_hex(&w->digest, info.sha256);
        *ret_info = info;
    } else if (!w->is_part) {
        remove_part(w->blob, w->id);
    }
    free_writer(w);
    return r;
}

// A second name for the part's bytes. A file system that knows no second names gets the only one:
// there a crash before the row is written loses the part.
static int link_to_key(struct blob_writer *w, struct blob_info *info)
{
    char from[BLOB_PATH_BYTES];
    char to[BLOB_PATH_BYTES];
    part_path(w->blob, w->id, from);
    key_path(w->blob, info->key, to);
    int r = make_folders(w->blob, info->key);
    if (r == 0 && link(from, to) < 0 && errno == EEXIST) {
        unlink(to);
        r = link(from, to) < 0 ? blob_fail(errno, to) : 0;
    } else if (r == 0 && !file_exists(to)) {
        r = rename(from, to) < 0 ? blob_fail(errno, to) : 0;
    }
    return r < 0 ? r : sync_folder_of(to);
}

int blob_writer_publish(struct blob_writer *w, const char *key, struct blob_info *ret_info)
{
    struct blob_info info = {.n_bytes = w->offset};
    struct digest digest = w->digest; // the writing may go on
    snprintf(info.key, ID_BYTES, "%s", key);
    int r = check_key(key);
    if (r == 0)
        r = w->failed;
    if (r == 0 && fsync(w->fd) < 0)
        r = blob_fail(errno, "the data directory");
    if (r == 0)
        r = link_to_key(w, &info);
    if (r == 0) {
        digest_hex(&digest, info.sha256);
        *ret_info = info;
    }
    return r;
}

void blob_writer_abort(struct blob_writer **pw)
{
    struct blob_writer *w = *pw;
    *pw = NULL;
    if (!w)
        return;
    remove_part(w->blob, w->id);
    free_writer(w);
}

int blob_part_delete(struct blob *b, const char *part_id)
{
    struct blob_writer w = {.blob = b, .fd = -1};
    int r = check_key(part_id);
    if (r < 0)
        return r;
    snprintf(w.id, ID_BYTES, "%s", part_id);
    r = open_part(&w, 0);
    if (r == 0)
        remove_part(b, part_id);
    if (w.fd >= 0)
        blob_let_go(w.fd);
    return r;
}

int blob_put(struct blob *b, const void *bytes, size_t n, struct blob_info *ret_info)
{
    struct blob_writer *w;
    int r = blob_writer_create(b, (int64_t)n, &w);
    if (r < 0)
        return r;
    r = blob_write(w, bytes, n);
    if (r == 0)
        return blob_writer_commit(&w, ret_info);
    blob_writer_abort(&w);
    return r;
}

int blob_adopt(struct blob *b, const char *path, struct blob_info *ret_info)
{
    struct blob_info info = {0};
    char to[BLOB_PATH_BYTES];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return blob_fail(errno, path);
    int r = fstat(fd, &st) < 0 || fsync(fd) < 0 ? blob_fail(errno, path) : 0;
    close(fd);
    if (r == 0)
        r = file_sha256(path, info.sha256);
    if (r < 0)
        return r;
    info.n_bytes = (int64_t)st.st_size;
    id_make(info.key);
    key_path(b, info.key, to);
    r = make_folders(b, info.key);
    if (r == 0 && rename(path, to) < 0)
        r = blob_fail(errno, to);
    if (r == 0)
        r = sync_folder_of(to);
    if (r == 0)
        *ret_info = info;
    return r;
}

static void beside_path(const char *blob_path, const char *suffix, char ret_path[BLOB_PATH_BYTES])
{
    snprintf(ret_path, BLOB_PATH_BYTES, "%.*s%s", BLOB_PATH_BYTES - 32, blob_path, suffix);
}

int blob_put_beside(struct blob *b, const char *key, const char *suffix, const char *path)
{
    char of[BLOB_PATH_BYTES];
    char to[BLOB_PATH_BYTES];
    int r = blob_path(b, key, of);
    if (r < 0)
        return r;
    beside_path(of, suffix, to);
    if (rename(path, to) < 0)
        return blob_fail(errno, to);
    return sync_folder_of(to);
}

// ---- reading

int blob_path(struct blob *b, const char *key, char ret_path[BLOB_PATH_BYTES])
{
    int r = check_key(key);
    if (r < 0)
        return r;
    key_path(b, key, ret_path);
    return file_exists(ret_path) ? 0 : err_set(ERR_NOT_FOUND, "blob '%s' does not exist", key);
}

static int open_file(const char *path, const char *key, int *ret_fd, int64_t *ret_bytes)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? err_set(ERR_NOT_FOUND, "blob '%s' does not exist", key)
                               : blob_fail(errno, path);
    if (fstat(fd, &st) < 0) {
        int r = blob_fail(errno, path);
        close(fd);
        return r;
    }
    *ret_fd = fd;
    *ret_bytes = (int64_t)st.st_size;
    return 0;
}

int blob_read(struct blob *b, const char *key, int *ret_fd, int64_t *ret_bytes)
{
    char path[BLOB_PATH_BYTES];
    int r = check_key(key);
    if (r < 0)
        return r;
    key_path(b, key, path);
    return open_file(path, key, ret_fd, ret_bytes);
}

int blob_read_beside(struct blob *b, const char *key, const char *suffix, int *ret_fd,
                     int64_t *ret_bytes)
{
    char of[BLOB_PATH_BYTES];
    char path[BLOB_PATH_BYTES];
    int r = check_key(key);
    if (r < 0)
        return r;
    key_path(b, key, of);
    beside_path(of, suffix, path);
    return open_file(path, key, ret_fd, ret_bytes);
}

int blob_get(struct blob *b, const char *key, size_t max_bytes, char **ret_bytes, size_t *ret_n)
{
    char path[BLOB_PATH_BYTES];
    int r = blob_path(b, key, path);
    return r < 0 ? r : file_read(path, max_bytes, ret_bytes, ret_n);
}

// ---- deleting and cleaning

int blob_delete(struct blob *b, const char *key)
{
    char path[BLOB_PATH_BYTES];
    int fd;
    int r = check_key(key);
    if (r < 0)
        return r;
    key_path(b, key, path);
    lock_acquire(&b->delete_lock);
    r = blob_hold_alone(b->root, &fd);
    if (r == 0) {
        if (unlink(path) < 0)
            r = errno == ENOENT ? err_set(ERR_NOT_FOUND, "blob '%s' does not exist", key)
                                : blob_fail(errno, path);
        if (r == 0) {
            char beside[BLOB_PATH_BYTES];
            beside_path(path, BLOB_INT8_SUFFIX, beside);
            IGNORE(unlink(beside)); // most have none
        }
        blob_let_go(fd);
    }
    lock_release(&b->delete_lock);
    return r;
}

// One file of a folder; what is no file of ours is passed over.
static int see(int folder, const char *name, int (*seen)(void *, const struct blob_seen *),
               void *arg)
{
    struct stat st;
    if (!id_is_valid(str_of(name)) || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return 0;
    int64_t written_us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
    const struct blob_seen one = {.name = name,
                                  .n_bytes = (int64_t)st.st_size,
                                  .age_us = MAX(0, clock_wall_us() - written_us)};
    return seen(arg, &one);
}

// The files *depth* folders below *path*.
static int walk(const char *path, int depth, int (*seen)(void *, const struct blob_seen *),
                void *arg)
{
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? 0 : blob_fail(errno, path);
    int r = 0;
    const struct dirent *e;
    while (r == 0 && (e = readdir(d))) {
        char below[BLOB_PATH_BYTES];
        if (e->d_name[0] == '.')
            continue;
        if (depth == 0)
            r = see(dirfd(d), e->d_name, seen, arg);
        else if (strlen(e->d_name) == 2 &&
                 snprintf(below, sizeof(below), "%s/%s", path, e->d_name) < (int)sizeof(below))
            r = walk(below, depth - 1, seen, arg);
    }
    closedir(d);
    return r;
}

int blob_walk(struct blob *b, int (*seen)(void *arg, const struct blob_seen *blob), void *arg)
{
    char path[BLOB_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/blobs", b->root);
    return walk(path, 2, seen, arg);
}

int blob_walk_parts(struct blob *b, int (*seen)(void *arg, const struct blob_seen *part), void *arg)
{
    char path[BLOB_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/parts", b->root);
    return walk(path, 0, seen, arg);
}

int blob_temp_path(struct blob *b, const char *suffix, char ret_path[BLOB_PATH_BYTES])
{
    char id[ID_BYTES];
    if (strlen(suffix) > 16 || strchr(suffix, '/'))
        return err_set(ERR_INVALID, "'%.40s' is no ending of a file's name", suffix);
    id_make(id);
    snprintf(ret_path, BLOB_PATH_BYTES, "%s/temp/%s%s", b->root, id, suffix);
    return 0;
}
