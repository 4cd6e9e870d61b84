// SPDX-License-Identifier: Apache-2.0
// schema.c - moves a database from one numbered schema to another, each step a transaction.

#include "base/clock.h"
#include "store/schema_priv.h"
#include "store/store_priv.h"

int store_schema_newest(void)
{
    return schema_n_steps;
}

// Of a statement that gives one number.
static int ask(struct conn *c, const char *sql, int64_t *ret)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return conn_error(c, rc, "schema");
    int64_t v = 0;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return conn_error(c, rc, "schema");
    *ret = v;
    return 0;
}

int schema_version(struct conn *c, int *ret_version)
{
    int64_t n = 0;
    int r = ask(c, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'", &n);
    if (r == 0 && n > 0)
        r = ask(c, "SELECT coalesce(max(version), 0) FROM schema_migrations", &n);
    if (r == 0)
        *ret_version = (int)n;
    return r;
}

static int note(struct conn *c, const struct schema_step *step, bool up)
{
    char *sql =
        up ? sqlite3_mprintf("INSERT INTO schema_migrations (version, name, applied_at_us) "
                             "VALUES (%d, %Q, %lld)",
                             step->version, step->name, (long long)clock_wall_us())
           : sqlite3_mprintf("DELETE FROM schema_migrations WHERE version = %d", step->version);
    if (!sql)
        return err_set(ERR_NOMEM, "out of memory: schema");
    int r = conn_exec(c, sql);
    sqlite3_free(sql);
    return r;
}

static int take_step(struct conn *c, const struct schema_step *step, bool up)
{
    int r = conn_exec(c, "BEGIN IMMEDIATE");
    if (r < 0)
        return r;
    r = conn_exec(c, up ? step->up : step->down);
    if (r == 0)
        r = note(c, step, up);
    if (r == 0)
        r = conn_exec(c, "COMMIT");
    if (r < 0) {
        int code = r;
        char text[ERR_MESSAGE_BYTES];
        err_copy_message(code, text, sizeof(text));
        IGNORE(conn_exec(c, "ROLLBACK")); // the step's error is the one to tell
        return err_set(code, "schema %04d_%s: %s", step->version, step->name, text);
    }
    return 0;
}

int schema_move(struct conn *c, int version)
{
    int at;
    int r = schema_version(c, &at);
    if (r < 0)
        return r;
    if (at > schema_n_steps)
        return err_set(ERR_UNSUPPORTED,
                       "%s: schema %d, and this program knows none beyond %d: it was written by a "
                       "newer one",
                       sqlite3_db_filename(c->db, "main"), at, schema_n_steps);
    if (at == version)
        return 0;
    r = conn_exec(c, "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL "
                     "PRIMARY KEY, name TEXT NOT NULL, applied_at_us INTEGER NOT NULL) STRICT");
    for (; r == 0 && at < version; at++)
        r = take_step(c, &schema_steps[at], true);
    for (; r == 0 && at > version; at--)
        r = take_step(c, &schema_steps[at - 1], false);
    return r;
}

int store_schema_move(const char *database_path, int version)
{
    if (version < 0 || version > schema_n_steps)
        return err_set(ERR_INVALID, "schema %d: there are 0 to %d", version, schema_n_steps);
    struct conn c = {0};
    int r = conn_open(database_path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, STORE_BUSY_MS, &c);
    if (r == 0)
        r = schema_move(&c, version);
    conn_close(&c);
    return r;
}
