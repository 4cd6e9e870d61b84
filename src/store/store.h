// SPDX-License-Identifier: Apache-2.0
// store.h - the rows: one SQLite database in a data directory, one connection that writes, several
// that read.
//
//   DATA/assay.db (-wal, -shm)   DATA/lock (held by the one process that serves)
//
// Every noun has a header of its own (store_project.h ...) and a file q_project.c with its
// statements. Common to all of them:
//
// Structs in and out are plain. What a function reads goes into the caller's arena; what a list
//   hands to its callback is valid during that call only. Text that may be absent is NULL, numbers
//   that may be absent are said at the field. Ids are 26 characters (base/id.h): a create function
//   makes one where the struct's *id* is NULL, and sets created_at_us. Times are microseconds since
//   1970, UTC. JSON texts are stored as they are given: valid, by the caller's care.
// Threads: any, each call for itself. A list's callback runs with a reading connection taken: it
//   must not wait and not call the store.
// Errors, on purpose, besides those said at each function:
//   ERR_NOT_FOUND  no such row ("video 01J... does not exist")
//   ERR_EXISTS     a unique name is taken        ERR_CONFLICT  the row's state forbids it, a lease
//   ERR_INVALID    a limit, a bad cursor           or fence is lost, a referenced row is absent
//   ERR_BUSY       another process locks the database, or all readers stayed taken
//   ERR_NOSPACE    the disk is full (nothing was changed)
//   ERR_READONLY   file or directory cannot be written
//   ERR_DATA       the database is damaged       ERR_IO, ERR_NOMEM
// A write is one transaction: on error nothing has changed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/id.h"

struct arena;
struct store;

enum store_access {
    STORE_ACCESS_UNSET, // takes serve
    STORE_ACCESS_SERVE, // reads and writes; takes DATA/lock; brings the schema up to date
    STORE_ACCESS_READ,  // reads beside a process that serves, or without one; takes no lock
};

// Kinds of rows, where what is shown of them may have changed; that a task goes on is not shown as
// one. Bits of a set.
enum store_change {
    STORE_CHANGE_PROJECTS = 1 << 0,
    STORE_CHANGE_VIDEOS = 1 << 1,
    STORE_CHANGE_TRUTHS = 1 << 2,
    STORE_CHANGE_MODELS = 1 << 3,
    STORE_CHANGE_TASKS = 1 << 4,
    STORE_CHANGE_SESSIONS = 1 << 5, // with their results and videos
    STORE_CHANGE_DETECTIONS = 1 << 6,
    STORE_CHANGE_BLOBS = 1 << 7,
    STORE_CHANGE_USERS = 1 << 8, // with their roles in projects
};
enum {
    STORE_N_CHANGES = 9,
};
const char *store_change_name(int i); // of bit *i*: "projects"

struct store_opts {
    const char *directory; // DATA; made where absent (mode 0700)
    enum store_access access;
    int n_readers;   // 1..64; 0: STORE_READERS
    int64_t busy_ms; // how long to wait for another process's lock; 0: STORE_BUSY_MS
    // Called after every statement, on the caller's thread, with locks held: only counts. *query*
    // is one of store_query_name(); static. NULL: nobody listens.
    void (*on_query)(void *arg, const char *query, int64_t nanoseconds);
    // Called inside a write that changed something, on its thread, when all was written: what it
    // writes is committed with it, and an error of its takes everything back. NULL: nobody has to
    // add anything.
    int (*committing)(void *arg);
    // Called after committing(), on the same thread, where nothing was committed after all: what it
    // wrote is gone. NULL: nobody minds.
    void (*taken_back)(void *arg);
    // Called after a commit, on the writer's thread with no lock held: the set of enum
    // store_change. NULL: nobody listens.
    void (*on_change)(void *arg, unsigned changes);
    // Likewise, before it, for each video and session: *kind* is its enum store_change. *id* NULL:
    // any of them. NULL: nobody listens.
    void (*on_changed_one)(void *arg, unsigned kind, const char *id);
    void *arg;
};

enum {
    STORE_READERS = 4,
    STORE_BUSY_MS = 2000,
    STORE_UPLOAD_GRACE_MS = 3600 * 1000,
    STORE_READER_WAIT_MS = 10000, // ERR_BUSY after waiting this long for a reading connection
    STORE_PAGE_LIMIT = 50,        // default and ...
    STORE_PAGE_MAX = 1000,        // ... most rows of a page
    STORE_CURSOR_BYTES = 64,
    STORE_NAME_MAX = 255,              // bytes of a name
    STORE_TEXT_MAX = 4096,             // bytes of messages, descriptions, errors
    STORE_JSON_MAX = 16 * 1024 * 1024, // bytes of one JSON column
};

// ERR_BUSY: another server holds the directory (the message names its process id), or another
// process locks the database. ERR_UNSUPPORTED: the schema is newer than this program. ERR_NOT_FOUND
// (read access: no database there). Serving also finishes an interrupted restore, gives back what a
// process that died had claimed (store_task.h), drops its unfinished detections, and leaves uploads
// at least STORE_UPLOAD_GRACE_MS: none expires by time in which nobody served, or by a clock that
// was wrong at the start.
int store_open(const struct store_opts *opts, struct store **ret_store) MUST_CHECK;
void store_close(struct store *s); // NULL is a no-op; no call may be under way

// ---- pages

struct store_page {
    int limit;          // 0: STORE_PAGE_LIMIT; more than STORE_PAGE_MAX is cut to it
    const char *cursor; // where the last page ended; NULL or "": the first page
};
// Lists return the rows newest first unless said otherwise, and in *ret_next* the cursor of the
// next page, "" where this was the last one. A cursor that is none: ERR_INVALID.
struct store_next {
    char cursor[STORE_CURSOR_BYTES];
};

// ---- several writes as one

// Begins a transaction of this thread: until store_end() every write and read of this thread takes
// part in it, and writes of other threads wait. Keep it short: no files, no sockets. ERR_BUSY.
int store_begin(struct store *s) MUST_CHECK;
// With *r* 0 commits, and returns what came of it; else, or when a write inside it failed, rolls
// everything back and returns that error.
int store_end(struct store *s, int r) MUST_CHECK;

// How many commits others may see already that on_change was not told of yet. Whoever keeps what
// they read, until on_change says that it changed, looks here first: at 0 everything was told of
// that they could know.
int store_n_untold(const struct store *s);

// What was committed survives a loss of power too; without it, all but the last second's does (kill
// -9 takes nothing that was committed either way). ERR_IO.
int store_sync(struct store *s) MUST_CHECK;

// ---- time

// Microseconds since 1970 as the store stamps rows: the wall clock.
int64_t store_now_us(const struct store *s);
// For the janitor, once a minute or so: where the wall clock jumped against the monotonic one by
// more than a minute since the last call, the due times of tasks, uploads, logins and lock-outs are
// shifted by as much, so that nothing expires by it (lock-outs also where it was a second, and in
// between they do not look at the wall clock at all). *ret_jump_us* (may be NULL): by how much.
int store_check_clock(struct store *s, int64_t *ret_jump_us) MUST_CHECK;

// ---- looking after it

struct store_state {
    int readers_idle, readers_busy; // for store_connections{state}
    bool is_writing;
    int64_t database_bytes, wal_bytes;
    int schema_version;
};
void store_state(struct store *s, struct store_state *ret_state);
// PRAGMA integrity_check and foreign_key_check: 0, or ERR_DATA with the first finding. Slow.
int store_check(struct store *s) MUST_CHECK;
// That a read and a write work: for readiness.
int store_ping(struct store *s) MUST_CHECK;

// The names given to on_query, for metrics made at start: 0 .. n - 1; NULL beyond.
const char *store_query_name(size_t i);

// ---- backup and restore (of the database; the blobs are listed by store_blob.h)

// A consistent copy of a database that may be in use, from this or another process, as *to* (must
// not exist). Waits for nobody. ERR_NOT_FOUND, ERR_EXISTS.
int store_backup(const char *directory, const char *to) MUST_CHECK;
// The path in DATA that store_backup() is to be given, another one each time; and the removal of
// what processes left there that died. For the latter no backup may be under way. ERR_INVALID.
enum { STORE_BACKUP_PATH_BYTES = 4096 + 64 };
int store_backup_path(const char *directory, char ret_path[STORE_BACKUP_PATH_BYTES]) MUST_CHECK;
void store_backup_clean(const char *directory);
// Opens a copy made by store_backup() and checks it: integrity, and a schema this program knows.
// *each* sees every blob that it needs (may be NULL).
struct store_blob;
int store_backup_check(const char *path, int (*each)(void *arg, const struct store_blob *blob),
                       void *arg) MUST_CHECK;
// Makes DATA with its parents, mode 0700; existing is well. ERR_READONLY.
int store_make_directory(const char *path) MUST_CHECK;
// Takes DATA/lock as a server does, for as long as *ret_fd* stays open. ERR_BUSY names the holder.
int store_lock(const char *directory, int *ret_fd) MUST_CHECK;
// Puts DATA/restore.ready (assay.db, blobs/) in place of what is there: what store_open() does as
// well when it finds one, so that a crash in between is finished at the next start. *lock_fd* is of
// store_lock(). What a restore that died had unpacked goes.
int store_restore_finish(const char *directory, int lock_fd) MUST_CHECK;

// ---- the schema (also for tests)

// The newest version this program knows, and going there from any other, forward or back.
int store_schema_newest(void);
int store_schema_move(const char *database_path, int version) MUST_CHECK;
