// SPDX-License-Identifier: Apache-2.0
// store.c - the data directory, its lock, and the connections: one that writes and brings the log
// into the database, several that read.
//
// INVARIANTS
// (1) One connection writes and checkpoints, under write_lock; nobody else ever does, in this or
//     another process: SQLite before 3.51.3 may lose pages where two connections do ("WAL reset").
// (2) A thread inside a write reads on the writing connection, so it sees its own rows and can
// never
//     wait for a reader that waits for it.
// (3) write_lock and pool_lock are never held together.

#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store_priv.h"

// The store whose write this thread is inside of.
static _Thread_local struct store *writing;

bool store_is_writing(const struct store *s)
{
    return writing == s;
}

// ---- connections

static enum err code_of_io(sqlite3 *db)
{
    switch (sqlite3_system_errno(db)) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case EROFS:
    case EACCES:
    case EPERM:
        return ERR_READONLY;
    default:
        return ERR_IO;
    }
}

static enum err code_of(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ERR_READONLY;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return (rc & 0xffff) == SQLITE_IOERR_NOMEM ? ERR_NOMEM : code_of_io(db);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_DATA;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_TOOBIG:
        return ERR_TOO_BIG;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ? ERR_EXISTS
               : rc == SQLITE_CONSTRAINT_FOREIGNKEY                                 ? ERR_CONFLICT
                                                                                    : ERR_INVALID;
    default:
        return ERR_INTERNAL;
    }
}

int conn_error(struct conn *c, int rc, const char *what)
{
    rc = c->db ? sqlite3_extended_errcode(c->db) : rc;
    const char *path = c->db ? sqlite3_db_filename(c->db, "main") : NULL;
    path = path ? path : "database";
    enum err code = code_of(c->db, rc);
    switch (code) {
    case ERR_BUSY:
        return err_set(code, "%s: another process has locked it", path);
    case ERR_NOSPACE:
        return err_set(code, "%s: the disk is full", path);
    case ERR_READONLY:
        return err_set(code, "%s: cannot be written: file or directory are read-only", path);
    case ERR_DATA:
        return err_set(code, "%s: is damaged, or no database: %s", path, sqlite3_errmsg(c->db));
    case ERR_NOMEM:
        return err_set(code, "out of memory: %s", what);
    case ERR_EXISTS:
    case ERR_CONFLICT:
    case ERR_INVALID:
        return err_set(code, "%s: %s", what, sqlite3_errmsg(c->db));
    default:
        return err_set(code, "%s: %s: %s", path, what, c->db ? sqlite3_errmsg(c->db) : "");
    }
}

int conn_exec(struct conn *c, const char *sql)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : conn_error(c, rc, "statement");
}

int conn_open(const char *path, int flags, int64_t busy_ms, struct conn *c)
{
    int rc =
        sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return conn_error(c, rc, path);
    sqlite3_busy_timeout(c->db, (int)busy_ms);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
    return conn_exec(c, "PRAGMA foreign_keys = ON;"
                        "PRAGMA synchronous = NORMAL;"
                        "PRAGMA wal_autocheckpoint = 0;"
                        "PRAGMA mmap_size = 0;"
                        "PRAGMA cache_size = -2048;"
                        "PRAGMA temp_store = MEMORY");
}

void conn_close(struct conn *c)
{
    for (size_t i = 0; i < STORE_CACHED; i++) {
        if (c->cached[i].query)
            sqlite3_finalize(c->cached[i].stmt);
    }
    sqlite3_close(c->db); // NULL is a no-op
    *c = (struct conn){0};
}

// ---- writes

static int on_commit(void *arg, sqlite3 *db, const char *name, int n_pages)
{
    struct store *s = arg;
    (void)db;
    (void)name;
    atomic_store(&s->wal_pages, n_pages);
    atomic_fetch_add(&s->n_commits, 1);
    return SQLITE_OK;
}

int store_n_untold(const struct store *s)
{
    return atomic_load(&s->n_untold);
}

int write_begin(struct store *s)
{
    if (s->access == STORE_ACCESS_READ)
        return err_set(ERR_READONLY, "%s: opened for reading", s->path);
    if (store_is_writing(s)) {
        s->depth++;
        return 0;
    }
    assert(!writing); // two stores at once
    lock_acquire(&s->write_lock);
    atomic_store(&s->is_writing, true);
    int r = conn_exec(&s->writer, "BEGIN IMMEDIATE");
    if (r < 0) {
        atomic_store(&s->is_writing, false);
        lock_release(&s->write_lock);
        return r;
    }
    writing = s;
    s->depth = 1;
    s->group_r = 0;
    s->n_rows_before = sqlite3_total_changes64(s->writer.db);
    changes_begin(s);
    return 0;
}

int write_end(struct store *s, int r)
{
    assert(store_is_writing(s) && s->depth > 0);
    bool is_added = s->depth == 1 && r == 0 && s->group_r == 0 && s->opts.committing &&
                    sqlite3_total_changes64(s->writer.db) != s->n_rows_before;
    if (is_added)
        r = s->opts.committing(s->opts.arg);
    if (r < 0 && s->group_r == 0)
        s->group_r = r;
    if (--s->depth > 0)
        return r;
    r = r < 0 ? r : s->group_r;
    bool has_changed = r == 0 && s->changes.kinds != 0;
    if (has_changed) {
        changes_name(s);
        atomic_fetch_add(&s->n_untold, 1);
    }
    const struct changes changes = s->changes;
    if (r == 0)
        r = conn_exec(&s->writer, "COMMIT");
    if (r < 0 && !sqlite3_get_autocommit(s->writer.db)) {
        char text[ERR_MESSAGE_BYTES];
        err_copy_message(r, text, sizeof(text));
        IGNORE(conn_exec(&s->writer, "ROLLBACK")); // the first error is the one to tell
        err_set(r, "%s", text);
    }
    writing = NULL;
    atomic_store(&s->is_writing, false);
    lock_release(&s->write_lock);
    if (is_added && r < 0 && s->opts.taken_back)
        s->opts.taken_back(s->opts.arg);
    if (has_changed) {
        if (r == 0)
            changes_tell(s, &changes);
        atomic_fetch_sub(&s->n_untold, 1);
    }
    wal_wake_keeper(s);
    return r;
}

int store_begin(struct store *s)
{
    return write_begin(s);
}

int store_end(struct store *s, int r)
{
    return write_end(s, r);
}

// ---- the data directory

int store_make_directory(const char *path)
{
    char part[STORE_PATH_BYTES];
    snprintf(part, sizeof(part), "%s", path);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        IGNORE(mkdir(part, 0700)); // exists, or the last one says why not
        *p = '/';
    }
    if (mkdir(part, 0700) == 0)
        return 0;
    int e = errno;
    if (e == EEXIST && file_is_directory(part))
        return 0;
    if (e == EACCES || e == EROFS || e == EPERM)
        return err_set(ERR_READONLY, "%s: the data directory cannot be made: %s", path,
                       strerror(e));
    return err_set_errno(e, "%s: the data directory cannot be made", path);
}

// Who holds the lock, as the file says.
static long holder_of(int fd)
{
    char text[32] = {0};
    struct str s = {text, 0};
    int64_t pid = 0;
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    s.n = n > 0 ? (size_t)n : 0;
    if (str_to_i64(str_trim(s), &pid) < 0)
        err_clear();
    return (long)pid;
}

int store_lock(const char *directory, int *ret_fd)
{
    char path[STORE_PATH_BYTES];
    if (snprintf(path, sizeof(path), "%s/lock", directory) >= (int)sizeof(path))
        return err_set(ERR_INVALID, "%.60s...: the path is too long", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        int e = errno;
        if (e == EACCES || e == EROFS || e == EPERM)
            return err_set(ERR_READONLY, "%s: the data directory cannot be written: %s", directory,
                           strerror(e));
        return err_set_errno(e, "%s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int e = errno;
        long pid = holder_of(fd);
        close(fd);
        if (e == EWOULDBLOCK)
            return err_set(ERR_BUSY, "%s: another server (process %ld) holds the data directory",
                           directory, pid);
        return err_set_errno(e, "%s", path);
    }
    char text[32];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        int r = err_set_errno(errno, "%s", path);
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

// ---- opening

// SQLite would make it readable to all. Only where there is none: closing a descriptor of a file
// that this process has open elsewhere would give up SQLite's locks on it.
static void make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd); // else it exists, or SQLite says why not
}

static int open_writer(struct store *s)
{
    make_file(s->path);
    int r =
        conn_open(s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, s->opts.busy_ms, &s->writer);
    if (r == 0)
        r = conn_exec(&s->writer, "PRAGMA journal_mode = WAL");
    if (r == 0)
        r = schema_move(&s->writer, store_schema_newest());
    if (r < 0)
        return r;
    sqlite3_wal_hook(s->writer.db, on_commit, s);
    changes_listen(s);
    r = write_begin(s);
    if (r < 0)
        return r;
    r = set_recover(s);
    if (r == 0)
        r = task_recover(s);
    if (r == 0)
        r = upload_recover(s);
    return write_end(s, r);
}

static int open_readers(struct store *s)
{
    s->readers = mem_array(struct conn, (size_t)s->n_readers);
    s->is_taken = mem_array(bool, (size_t)s->n_readers);
    if (!s->readers || !s->is_taken)
        return ERR_NOMEM;
    for (int i = 0; i < s->n_readers; i++) {
        int r = conn_open(s->path, SQLITE_OPEN_READONLY, s->opts.busy_ms, &s->readers[i]);
        if (r == 0)
            r = conn_exec(&s->readers[i], "PRAGMA query_only = ON");
        if (r < 0)
            return r;
    }
    return 0;
}

static int open_for_serving(struct store *s)
{
    int r = store_make_directory(s->directory);
    if (r == 0)
        r = store_lock(s->directory, &s->lock_fd);
    if (r == 0)
        r = store_restore_finish(s->directory, s->lock_fd);
    if (r == 0)
        r = open_writer(s);
    if (r == 0)
        r = open_readers(s);
    if (r == 0)
        r = conn_open(s->path, SQLITE_OPEN_READONLY, s->opts.busy_ms, &s->pin);
    return r < 0 ? r : thread_start(&s->keeper, "store", wal_keep, s);
}

static int open_for_reading(struct store *s)
{
    if (!file_exists(s->path))
        return err_set(ERR_NOT_FOUND, "%s: there is no database", s->path);
    int r = open_readers(s);
    int at = 0;
    if (r == 0)
        r = schema_version(&s->readers[0], &at);
    if (r == 0 && at != store_schema_newest())
        r = err_set(ERR_UNSUPPORTED, "%s: schema %d, and this program reads %d", s->path, at,
                    store_schema_newest());
    return r;
}

static int init(struct store *s, const struct store_opts *opts)
{
    if (snprintf(s->directory, sizeof(s->directory), "%s", opts->directory) >=
        (int)sizeof(s->directory) - 64)
        return err_set(ERR_INVALID, "%.60s...: the path is too long", opts->directory);
    snprintf(s->path, sizeof(s->path), "%s/assay.db", s->directory);
    s->access = opts->access ? opts->access : STORE_ACCESS_SERVE;
    s->opts = *opts;
    s->opts.directory = s->directory;
    s->opts.busy_ms = opts->busy_ms > 0 ? opts->busy_ms : STORE_BUSY_MS;
    s->n_readers = opts->n_readers > 0 ? MIN(opts->n_readers, 64) : STORE_READERS;
    s->lock_fd = -1;
    atomic_init(&s->clock_offset_us, clock_wall_us() - clock_now_ns() / 1000);
    atomic_init(&s->clock_turn, 0);
    id_make(s->epoch);
    int r = lock_init(&s->write_lock, LOCK_RANK_STORE);
    if (r == 0)
        r = lock_init(&s->pool_lock, LOCK_RANK_STORE);
    if (r == 0)
        r = cond_init(&s->pool_changed);
    return r < 0 ? r : cond_init(&s->log_changed);
}

int store_open(const struct store_opts *opts, struct store **ret_store)
{
    struct store *s = mem_new(struct store);
    if (!s)
        return ERR_NOMEM;
    int r = init(s, opts);
    if (r < 0) {
        mem_free(s);
        return r;
    }
    r = s->access == STORE_ACCESS_READ ? open_for_reading(s) : open_for_serving(s);
    if (r < 0) {
        store_close(s);
        return r;
    }
    *ret_store = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    assert(!store_is_writing(s));
    lock_acquire(&s->pool_lock);
    assert(s->n_taken == 0);
    s->is_closing = true;
    cond_broadcast(&s->log_changed);
    lock_release(&s->pool_lock);
    thread_join(&s->keeper);
    for (int i = 0; s->readers && i < s->n_readers; i++)
        conn_close(&s->readers[i]);
    conn_close(&s->pin);
    if (s->writer.db && s->access == STORE_ACCESS_SERVE && !s->is_pinned)
        wal_checkpoint(s, true);
    changes_finish(s);
    conn_close(&s->writer);
    mem_free(s->readers);
    mem_free(s->is_taken);
    if (s->lock_fd >= 0)
        close(s->lock_fd); // lets the lock go
    cond_finish(&s->log_changed);
    cond_finish(&s->pool_changed);
    lock_finish(&s->pool_lock);
    lock_finish(&s->write_lock);
    mem_free(s);
}
