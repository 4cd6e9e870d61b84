// SPDX-License-Identifier: Apache-2.0
// backup.c - copies of a database that is in use, their check, and putting one in place.
//
// A restore is unpacked into DATA/restore.part by the caller and renamed to DATA/restore.ready when
// it is whole and checked. From there on every step can be repeated: whoever opens DATA next
// finishes it.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store_blob.h"
#include "store/store_priv.h"

// ---- backup

static int copy_pages(struct conn *from, struct conn *to, const char *path)
{
    sqlite3_backup *b = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (!b)
        return conn_error(to, SQLITE_ERROR, path);
    // in one step: one reading transaction, which no writer can disturb or begin anew
    int rc = sqlite3_backup_step(b, -1);
    int rc_end = sqlite3_backup_finish(b);
    if (rc == SQLITE_DONE && rc_end == SQLITE_OK)
        return 0;
    return sqlite3_errcode(from->db) != SQLITE_OK && (rc & 0xff) == SQLITE_BUSY
               ? conn_error(from, rc, path)
               : conn_error(to, rc_end, path);
}

// A copy is one file without a log: an upload's bytes are not in it.
static int tidy(struct conn *c)
{
    return conn_exec(c, "PRAGMA journal_mode = DELETE; DELETE FROM uploads; DELETE FROM logins");
}

int store_backup(const char *directory, const char *to)
{
    char path[STORE_PATH_BYTES];
    struct conn source = {0};
    struct conn target = {0};
    if (snprintf(path, sizeof(path), "%s/assay.db", directory) >= (int)sizeof(path))
        return err_set(ERR_INVALID, "%.60s...: the path is too long", directory);
    if (!file_exists(path))
        return err_set(ERR_NOT_FOUND, "%s: there is no database", path);
    if (file_exists(to))
        return err_set(ERR_EXISTS, "%s: exists already", to);
    int r = conn_open(path, SQLITE_OPEN_READONLY, STORE_BUSY_MS, &source);
    if (r == 0)
        r = conn_open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, STORE_BUSY_MS, &target);
    if (r == 0)
        r = copy_pages(&source, &target, to);
    if (r == 0)
        r = tidy(&target);
    conn_close(&target);
    conn_close(&source);
    if (r < 0)
        unlink(to); // half a copy is none
    return r;
}

#define COPY_PREFIX "backup."

int store_backup_path(const char *directory, char ret_path[STORE_BACKUP_PATH_BYTES])
{
    char id[ID_BYTES]; // two containers on one volume may both be process 1
    id_make(id);
    int n = snprintf(ret_path, STORE_BACKUP_PATH_BYTES, "%s/" COPY_PREFIX "%s.db", directory, id);
    return n < STORE_BACKUP_PATH_BYTES
               ? 0
               : err_set(ERR_INVALID, "%.60s...: the path is too long", directory);
}

// "backup.01KA....db", "backup.01KA....db-journal"; "backup.123.db" of earlier versions
static bool is_copy(const char *name)
{
    size_t n = strlen(COPY_PREFIX);
    if (strncmp(name, COPY_PREFIX, n) != 0)
        return false;
    size_t n_id = strspn(name + n, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return n_id > 0 && strncmp(name + n + n_id, ".db", 3) == 0;
}

void store_backup_clean(const char *directory)
{
    DIR *d = opendir(directory);
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (is_copy(e->d_name))
            IGNORE(unlinkat(dirfd(d), e->d_name, 0)); // the next one tries again
    if (d)
        closedir(d);
}

// ---- checking a copy

// The first row of a statement as text, "" where there is none.
static int ask(struct conn *c, const char *sql, char *ret, size_t n)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return conn_error(c, rc, sql);
    rc = sqlite3_step(stmt);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    snprintf(ret, n, "%s", text ? text : "");
    int r = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : conn_error(c, rc, sql);
    sqlite3_finalize(stmt);
    return r;
}

static int each_blob(struct conn *c, int (*each)(void *arg, const struct store_blob *blob),
                     void *arg)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(
        c->db, "SELECT \"key\", sha256, n_bytes FROM blobs ORDER BY \"key\"", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return conn_error(c, rc, "blobs");
    int r = 0;
    while (r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct store_blob b = {(const char *)sqlite3_column_text(stmt, 0),
                                     (const char *)sqlite3_column_text(stmt, 1),
                                     sqlite3_column_int64(stmt, 2)};
        r = b.key && b.sha256 ? each(arg, &b) : err_set(ERR_NOMEM, "out of memory: blobs");
    }
    if (r == 0 && rc != SQLITE_DONE)
        r = conn_error(c, rc, "blobs");
    sqlite3_finalize(stmt);
    return r;
}

int store_backup_check(const char *path, int (*each)(void *arg, const struct store_blob *blob),
                       void *arg)
{
    char text[256];
    int version = 0;
    struct conn c = {0};
    int r = conn_open(path, SQLITE_OPEN_READONLY, STORE_BUSY_MS, &c);
    if (r == 0)
        r = schema_version(&c, &version);
    if (r == 0 && (version < 1 || version > store_schema_newest()))
        r = err_set(ERR_UNSUPPORTED, "%s: schema %d, and this program knows 1 to %d", path, version,
                    store_schema_newest());
    if (r == 0)
        r = ask(&c, "PRAGMA integrity_check", text, sizeof(text));
    if (r == 0 && strcmp(text, "ok") != 0)
        r = err_set(ERR_DATA, "%s: is damaged: %s", path, text);
    if (r == 0 && each)
        r = each_blob(&c, each, arg);
    conn_close(&c);
    return r;
}

// ---- putting it in place

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    (void)type;
    return remove(path);
}

static int remove_tree(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return err_set_errno(errno, "%s: cannot be removed", path);
}

// Renames DATA/restore.ready/NAME to DATA/NAME where it is still there; what stood there goes.
static int place(const char *directory, const char *name, const char *const *also, size_t n_also)
{
    char from[STORE_PATH_BYTES + 64];
    char to[STORE_PATH_BYTES + 64];
    snprintf(from, sizeof(from), "%s/restore.ready/%s", directory, name);
    if (!file_exists(from) && !file_is_directory(from))
        return 0; // done before
    for (size_t i = 0; i < n_also; i++) {
        snprintf(to, sizeof(to), "%s/%s", directory, also[i]);
        int r = remove_tree(to);
        if (r < 0)
            return r;
    }
    snprintf(to, sizeof(to), "%s/%s", directory, name);
    return rename(from, to) < 0 ? err_set_errno(errno, "%s", to) : 0;
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? err_set_errno(errno, "%s", path) : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

int store_restore_finish(const char *directory, int lock_fd)
{
    static const char *const blobs[] = {"blobs", "parts"};
    static const char *const database[] = {"assay.db-wal", "assay.db-shm", "assay.db"};
    char ready[STORE_PATH_BYTES + 64];
    (void)lock_fd; // whoever calls holds it
    snprintf(ready, sizeof(ready), "%s/restore.part", directory);
    int r = remove_tree(ready); // of one that died before it was whole
    if (r < 0)
        return r;
    snprintf(ready, sizeof(ready), "%s/restore.ready", directory);
    if (!file_is_directory(ready))
        return 0;
    r = place(directory, "blobs", blobs, ARRAY_LEN(blobs));
    if (r == 0)
        r = place(directory, "assay.db", database, ARRAY_LEN(database));
    if (r == 0)
        r = sync_directory(directory);
    return r < 0 ? r : remove_tree(ready);
}
