// SPDX-License-Identifier: Apache-2.0
// changes.c - which kinds of rows a write changed, and of videos and sessions which ones.
//
// SQLite tells table and row number of every change, also of rows that go with others (foreign
// keys); before the commit the numbers become ids. PostgreSQL would tell them by triggers.

#include <string.h>

#include "store/store_priv.h"

// clang-format off
static const struct {
    const char *table;
    unsigned change;
    const char *owner; // the column that says which one; NULL: nobody asks
} tables[] = {
    {"blobs", STORE_CHANGE_BLOBS, NULL},
    {"detection_sets", STORE_CHANGE_DETECTIONS, NULL},
    {"models", STORE_CHANGE_MODELS, NULL},
    {"project_roles", STORE_CHANGE_USERS, NULL},
    {"projects", STORE_CHANGE_PROJECTS, NULL},
    {"session_results", STORE_CHANGE_SESSIONS, "session_id"},
    {"session_videos", STORE_CHANGE_SESSIONS, "session_id"},
    {"sessions", STORE_CHANGE_SESSIONS, "id"},
    {"tasks", STORE_CHANGE_TASKS, NULL},
    {"truths", STORE_CHANGE_TRUTHS, NULL},
    {"users", STORE_CHANGE_USERS, NULL},
    {"videos", STORE_CHANGE_VIDEOS, "id"},
};
// clang-format on

const char *store_change_name(int i)
{
    static const char *const names[STORE_N_CHANGES] = {"projects",   "videos", "truths",
                                                       "models",     "tasks",  "sessions",
                                                       "detections", "blobs",  "users"};
    return i >= 0 && i < STORE_N_CHANGES ? names[i] : NULL;
}

void changes_begin(struct store *s)
{
    s->changes.kinds = s->changes.unknown = 0;
    s->changes.n = 0;
}

static void note_row(struct store *s, size_t table, sqlite3_int64 row)
{
    struct changes *c = &s->changes;
    for (int i = 0; i < c->n; i++)
        if (c->rows[i].table == table && c->rows[i].number == row)
            return;
    if (c->n == STORE_CHANGED_ROWS)
        c->unknown |= tables[table].change;
    else
        c->rows[c->n++] = (struct changed_row){.table = table, .number = row};
}

static void on_row(void *arg, int operation, const char *db, const char *table, sqlite3_int64 row)
{
    struct store *s = arg;
    (void)db;
    for (size_t i = 0; !s->is_quiet && i < ARRAY_LEN(tables); i++) {
        if (strcmp(tables[i].table, table) != 0)
            continue;
        s->changes.kinds |= tables[i].change;
        if (tables[i].owner && operation == SQLITE_DELETE)
            s->changes.unknown |= tables[i].change;
        else if (tables[i].owner)
            note_row(s, i, row);
    }
}

void changes_listen(struct store *s)
{
    sqlite3_update_hook(s->writer.db, on_row, s);
}

static sqlite3_stmt *statement(struct store *s, size_t table)
{
    char sql[128];
    sqlite3_stmt **at = &s->changes.owner_of[table];
    _Static_assert(ARRAY_LEN(tables) <= STORE_CHANGED_TABLES, "all of them fit");
    snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE rowid = ?1", tables[table].owner,
             tables[table].table);
    if (!*at &&
        sqlite3_prepare_v3(s->writer.db, sql, -1, SQLITE_PREPARE_PERSISTENT, at, NULL) != SQLITE_OK)
        *at = NULL;
    return *at;
}

// What cannot be looked up is one of all.
void changes_name(struct store *s)
{
    struct changes *c = &s->changes;
    for (int i = 0; s->opts.on_changed_one && i < c->n; i++) {
        struct changed_row *row = &c->rows[i];
        sqlite3_stmt *stmt = statement(s, row->table);
        row->id[0] = 0;
        if (stmt && sqlite3_bind_int64(stmt, 1, row->number) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW)
            snprintf(row->id, sizeof(row->id), "%s", (const char *)sqlite3_column_text(stmt, 0));
        else
            c->unknown |= tables[row->table].change;
        if (stmt)
            sqlite3_reset(stmt);
    }
}

static void tell_one(const struct store *s, unsigned kind, const char *id)
{
    for (int i = 0; i < STORE_N_CHANGES; i++)
        if (kind & 1u << i)
            s->opts.on_changed_one(s->opts.arg, 1u << i, id);
}

void changes_tell(const struct store *s, const struct changes *c)
{
    for (int i = 0; s->opts.on_changed_one && i < c->n; i++)
        if (c->rows[i].id[0] && !(c->unknown & tables[c->rows[i].table].change))
            tell_one(s, tables[c->rows[i].table].change, c->rows[i].id);
    if (s->opts.on_changed_one)
        tell_one(s, c->unknown, NULL);
    if (s->opts.on_change)
        s->opts.on_change(s->opts.arg, c->kinds);
}

void changes_finish(struct store *s)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        sqlite3_finalize(s->changes.owner_of[i]); // NULL is a no-op
}
