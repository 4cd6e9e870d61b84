// SPDX-License-Identifier: Apache-2.0
// q_store.c - looking after the store: state, checks, the clock, the list of all statements.

#include <sys/stat.h>

#include "base/clock.h"
#include "store/store_priv.h"

enum {
    PING_READ,
    PING_WRITE,
    SHIFT_TASKS,
    SHIFT_UPLOADS,
    SHIFT_LOGINS,
    SHIFT_LOCKS,
};

// clang-format off
const struct query queries_store[] = {
    [PING_READ] = {"store_ping_read", "SELECT count(*) FROM schema_migrations"},
    [PING_WRITE] = {"store_ping_write", "DELETE FROM login_failures WHERE subject = ''"},
    [SHIFT_TASKS] = {"store_shift_tasks",
        "UPDATE tasks SET due_at_us = due_at_us + $1 WHERE status = 'queued'"},
    [SHIFT_UPLOADS] = {"store_shift_uploads", "UPDATE uploads SET expires_at_us = expires_at_us + $1"},
    [SHIFT_LOGINS] = {"store_shift_logins", "UPDATE logins SET expires_at_us = expires_at_us + $1"},
    [SHIFT_LOCKS] = {"store_shift_locks",
        "UPDATE login_failures SET locked_until_us = locked_until_us + $1, last_at_us = last_at_us + $1"},
    {0},
};

static const struct query *const tables[] = {
    queries_access, queries_audit, queries_blob, queries_comparison, queries_detection, queries_key, queries_login, queries_model,
    queries_overview, queries_piece, queries_project, queries_session, queries_stats, queries_store, queries_task,
    queries_task_work, queries_truth, queries_upload, queries_user, queries_video,
};
// clang-format on

const char *store_query_name(size_t i)
{
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct query *q = tables[t]; q->name; q++) {
            if (i-- == 0)
                return q->name;
        }
    }
    return NULL;
}

int64_t store_now_us(const struct store *s)
{
    (void)s;
    return clock_wall_us();
}

int64_t store_steady_us(struct store *s)
{
    return clock_now_ns() / 1000 + atomic_load(&s->clock_offset_us);
}

static int64_t file_bytes(const char *path, const char *suffix)
{
    char name[STORE_PATH_BYTES + 32];
    struct stat st;
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

void store_state(struct store *s, struct store_state *ret_state)
{
    struct store_state x = {.is_writing = atomic_load(&s->is_writing),
                            .database_bytes = file_bytes(s->path, ""),
                            .wal_bytes = file_bytes(s->path, "-wal"),
                            .schema_version = store_schema_newest()};
    lock_acquire(&s->pool_lock);
    x.readers_busy = s->n_taken;
    lock_release(&s->pool_lock);
    x.readers_idle = s->n_readers - x.readers_busy;
    *ret_state = x;
}

int store_ping(struct store *s)
{
    struct run run;
    IGNORE(run_open(s, &queries_store[PING_READ], &run)); // sticky
    int r = run_done(&run, NULL);
    if (r < 0 || s->access == STORE_ACCESS_READ)
        return r;
    r = write_begin(s);
    if (r < 0)
        return r;
    IGNORE(run_open(s, &queries_store[PING_WRITE], &run)); // sticky
    return write_end(s, run_done(&run, NULL));
}

int store_check(struct store *s)
{
    static const char *const pragmas[] = {"PRAGMA integrity_check", "PRAGMA foreign_key_check"};
    for (size_t i = 0; i < ARRAY_LEN(pragmas); i++) {
        const struct query q = {"store_check", pragmas[i]};
        struct conn c = {0};
        int r = conn_open(s->path, SQLITE_OPEN_READONLY, s->opts.busy_ms, &c);
        sqlite3_stmt *stmt = NULL;
        if (r == 0 && sqlite3_prepare_v2(c.db, q.sql, -1, &stmt, NULL) != SQLITE_OK)
            r = conn_error(&c, SQLITE_ERROR, q.name);
        int rc = r == 0 ? sqlite3_step(stmt) : SQLITE_DONE;
        const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            r = conn_error(&c, rc, q.name);
        else if (rc == SQLITE_ROW && (i == 1 || !text || strcmp(text, "ok") != 0))
            r = err_set(ERR_DATA, "%s: %s: %s", s->path, pragmas[i] + 7, text ? text : "a row");
        sqlite3_finalize(stmt);
        conn_close(&c);
        if (r < 0)
            return r;
    }
    return 0;
}

// ---- the clock

enum {
    JUMP_US = 60 * 1000 * 1000,
    STEP_US = 1000 * 1000, // less than that is no matter to a lock-out
    N_SHIFTS = 4,
};

// The first *n* of what is due at times of the wall clock.
static int shift(struct store *s, int64_t by_us, size_t n)
{
    static const int which[N_SHIFTS] = {SHIFT_LOCKS, SHIFT_TASKS, SHIFT_UPLOADS, SHIFT_LOGINS};
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct run run;
        IGNORE(run_open(s, &queries_store[which[i]], &run)); // sticky
        run_int(&run, 1, by_us);
        r = run_done(&run, NULL);
    }
    return r;
}

int store_check_clock(struct store *s, int64_t *ret_jump_us)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    int64_t offset_us = clock_wall_us() - clock_now_ns() / 1000;
    int64_t was_us = atomic_load(&s->clock_offset_us);
    int64_t jump_us = offset_us - was_us;
    bool jumped = jump_us > JUMP_US || jump_us < -JUMP_US;
    atomic_fetch_add(&s->clock_turn, 1);
    if (jumped)
        r = shift(s, jump_us, N_SHIFTS);
    else if (jump_us > STEP_US || jump_us < -STEP_US)
        r = shift(s, jump_us, 1); // small steps are taken as they come, but lift no lock-out
    if (r == 0)
        atomic_store(&s->clock_offset_us, offset_us); // before another write may begin
    r = write_end(s, r);
    if (r < 0)
        atomic_store(&s->clock_offset_us, was_us); // as the rows are: the next look tries again
    atomic_fetch_add(&s->clock_turn, 1);
    if (r == 0 && ret_jump_us)
        *ret_jump_us = jumped ? jump_us : 0;
    return r;
}
