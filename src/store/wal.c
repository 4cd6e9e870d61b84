// SPDX-License-Identifier: Apache-2.0
// wal.c - the write-ahead log: made durable, and brought into the database while others write.
//
// A commit waits for no disk (but the first of a log that begins anew, for its header): the log's
// pages are in the kernel's hands then, so a process that is
// killed loses nothing. The keeper makes them durable within STORE_SYNC_MS, for a loss of power.
//
// INVARIANTS
// (1) A frame of the log is durable before its page is written into the database, and the page is
//     durable before the log begins anew. SQLite would keep both by waiting for the disk with
//     write_lock held; here the pin keeps them: a reading connection whose snapshot was taken
//     before the log was synced. No checkpoint brings in frames after its snapshot, and while it
//     reads the log does not begin anew. It ends when the database was synced.
// (2) Only where writers leave no gap for so long that the log has STORE_WAL_PAGES, the rest is
//     brought in while they wait.

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_priv.h"

int store_sync(struct store *s)
{
    char path[STORE_PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s-wal", s->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set_errno(errno, "%s", path);
    int r = fdatasync(fd) < 0 ? err_set_errno(errno, "%s", path) : 0;
    close(fd);
    return r;
}

// ---- checkpoints

// What cannot be done now, because of a reader or a full disk, is done at the next try.
static void checkpoint_locked(struct store *s, int mode)
{
    int n_log = 0;
    int n_done = 0;
    assert(lock_is_mine(&s->write_lock));
    if (sqlite3_wal_checkpoint_v2(s->writer.db, NULL, mode, &n_log, &n_done) != SQLITE_OK)
        return;
    atomic_store(&s->wal_pages, mode == SQLITE_CHECKPOINT_TRUNCATE ? 0 : n_log);
    atomic_store(&s->wal_done, mode == SQLITE_CHECKPOINT_TRUNCATE ? 0 : n_done);
}

void wal_checkpoint(struct store *s, bool truncates)
{
    lock_acquire(&s->write_lock);
    if (conn_exec(&s->writer, "PRAGMA synchronous = NORMAL") == 0)
        checkpoint_locked(s, truncates ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
    lock_release(&s->write_lock);
}

// Copies without a wait for the disk; the pin stands.
static void copy_pinned(struct store *s)
{
    assert(s->is_pinned);
    lock_acquire(&s->write_lock);
    if (conn_exec(&s->writer, "PRAGMA synchronous = OFF") == 0)
        checkpoint_locked(s, SQLITE_CHECKPOINT_PASSIVE);
    if (conn_exec(&s->writer, "PRAGMA synchronous = NORMAL") < 0)
        err_clear(); // no memory: wal_checkpoint() sees to it before it needs it
    lock_release(&s->write_lock);
}

static int sync_database(struct store *s)
{
    sqlite3_file *f = NULL;
    int rc = sqlite3_file_control(s->pin.db, "main", SQLITE_FCNTL_FILE_POINTER, &f);
    if (rc == SQLITE_OK)
        rc = f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? 0 : err_set(ERR_IO, "%s: cannot be made durable", s->path);
}

static int pin(struct store *s)
{
    int r = conn_exec(&s->pin, "BEGIN; PRAGMA schema_version"); // reads, so the snapshot is taken
    s->is_pinned = !sqlite3_get_autocommit(s->pin.db);
    return r;
}

// The pin stays where the database's pages may not be durable. The kernel tells of a failed sync
// once, so a second one would say nothing of the pages that were lost: the log is kept from then
// on, and read as a whole when the database is opened again.
static int unpin(struct store *s)
{
    if (!s->is_pinned)
        return 0;
    int r = s->is_spoilt ? err_set(ERR_IO, "%s: was not made durable", s->path) : sync_database(s);
    s->is_spoilt = r < 0;
    if (r == 0) {
        r = conn_exec(&s->pin, "ROLLBACK");
        s->is_pinned = r < 0;
    }
    return r;
}

static int bring_in(struct store *s)
{
    int r = unpin(s); // of a try that did not end
    if (r == 0)
        r = pin(s);
    if (r == 0)
        r = store_sync(s);
    if (r == 0)
        copy_pinned(s);
    int k = unpin(s);
    return r < 0 ? r : k;
}

// ---- the keeper

// Pages that wait in the log.
static int n_waiting(struct store *s)
{
    int pages = atomic_load(&s->wal_pages);
    if (pages < atomic_load(&s->wal_done)) { // the log began anew
        atomic_store(&s->wal_done, 0);
        atomic_store(&s->wal_left, 0);
    }
    return pages - atomic_load(&s->wal_done);
}

// Pages that came since the keeper looked last.
static int n_new(struct store *s)
{
    return n_waiting(s) - atomic_load(&s->wal_left);
}

// Whether the keeper has to be waited for: too much is new, or the log is long and not all of it
// was looked at.
static bool is_behind(struct store *s)
{
    int n = n_new(s);
    return n >= STORE_WAL_PAGES ||
           (n >= STORE_CHECKPOINT_PAGES && atomic_load(&s->wal_pages) >= STORE_WAL_PAGES);
}

static void look(struct store *s, int64_t *synced)
{
    int64_t commits = atomic_load(&s->n_commits);
    int pages = atomic_load(&s->wal_pages);
    int r = 0;
    if (n_new(s) >= STORE_CHECKPOINT_PAGES) {
        r = bring_in(s);
        if (r == 0 && n_waiting(s) > 0 && atomic_load(&s->wal_pages) >= STORE_WAL_PAGES)
            wal_checkpoint(s, false);
        // What came meanwhile is new; what was there and stayed, a reader holds.
        atomic_store(&s->wal_left, MAX(MIN(pages - atomic_load(&s->wal_done), n_waiting(s)), 0));
    } else if (commits != *synced) {
        r = store_sync(s);
    }
    if (r == 0)
        *synced = commits;
    else
        err_clear(); // tried again at the next look
}

// Whoever writes faster than the disk waits here for the keeper, else the log grew without end. A
// reader that holds it makes nobody wait: what cannot be brought in is not new.
void wal_wake_keeper(struct store *s)
{
    if (n_new(s) < STORE_CHECKPOINT_PAGES)
        return;
    lock_acquire(&s->pool_lock);
    cond_broadcast(&s->log_changed);
    int64_t deadline_ns = clock_now_ns() + STORE_WAIT_MS * CLOCK_NS_PER_MS;
    while (!s->is_closing && s->keeper.started && is_behind(s)) {
        if (!cond_wait(&s->log_changed, &s->pool_lock, deadline_ns))
            break; // the disk is slow beyond use: memory and time of one request are bounded
    }
    lock_release(&s->pool_lock);
}

void wal_keep(void *arg)
{
    struct store *s = arg;
    int64_t synced = 0;
    lock_acquire(&s->pool_lock);
    while (!s->is_closing) {
        lock_release(&s->pool_lock);
        look(s, &synced);
        lock_acquire(&s->pool_lock);
        cond_broadcast(&s->log_changed); // to those who wait for the log
        if (!s->is_closing && n_new(s) < STORE_CHECKPOINT_PAGES)
            cond_wait(&s->log_changed, &s->pool_lock,
                      clock_now_ns() + STORE_SYNC_MS * CLOCK_NS_PER_MS);
    }
    lock_release(&s->pool_lock);
    if (unpin(s) < 0)
        err_clear(); // store_close() leaves the log then
}
