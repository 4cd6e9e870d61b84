// SPDX-License-Identifier: Apache-2.0
// store_priv.h - connections and statements: what the nouns' files share.
//
// A statement is a row of a table `queries_NOUN`, ended by a row without a name, and is prepared
// once on each connection that uses it. Its parameters are $1, $2 ..., as PostgreSQL writes them.
// A statement that reads runs on a reading connection, or on the writing one where this thread is
// inside a write.
//
//   r = write_begin(s);                          r = run_open(s, &queries[Q], &run);
//   if (r == 0) { ...; r = write_end(s, r); }    run_text(&run, 1, id); while (run_step(&run)) ...
#pragma once

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/thread.h"
#include "store/store.h"

struct store_blob;
struct store_dropped;

enum {
    STORE_CACHED = 256,            // statements of one connection; a power of two
    STORE_CHECKPOINT_PAGES = 1000, // of the log, before it is brought into the database
    STORE_WAL_PAGES = 16 * 1024,   // ... before writers wait for it to begin anew
    STORE_SYNC_MS = 1000,          // until what was committed is durable
    STORE_WAIT_MS = 5000,          // at most, of a writer for the log
    STORE_PATH_BYTES = 4096,
    STORE_CHANGED_ROWS = 16, // of one write that are told one by one
    STORE_CHANGED_TABLES = 16,
};

struct query {
    const char *name; // "project_get"
    const char *sql;
    bool is_quiet; // writes nothing that store_change knows
};

struct conn {
    sqlite3 *db;
    struct {
        const struct query *query;
        sqlite3_stmt *stmt;
    } cached[STORE_CACHED];
};

// What a write changed, as far as is told.
struct changes {
    unsigned kinds;   // enum store_change
    unsigned unknown; // ... of which it is not said which ones
    int n;
    struct changed_row {
        size_t table;
        sqlite3_int64 number;
        char id[ID_BYTES]; // "": not known
    } rows[STORE_CHANGED_ROWS];
    sqlite3_stmt *owner_of[STORE_CHANGED_TABLES];
};

struct store {
    // --- constant after open
    char directory[STORE_PATH_BYTES];
    char path[STORE_PATH_BYTES + 16]; // of the database
    enum store_access access;
    struct store_opts opts;
    char epoch[ID_BYTES]; // of this opening: leases of another one are over
    int lock_fd;
    int n_readers;
    // --- guarded by write_lock
    struct lock write_lock;
    struct conn writer;
    int depth;                    // of nested writes
    int group_r;                  // the first failure inside a group
    int64_t n_rows_before;        // changed by this connection until the transaction began
    atomic_llong clock_offset_us; // wall minus monotonic, at the last look; changed inside a write
    atomic_llong clock_turn;      // odd while the offset and the rows are not of one moment
    bool is_quiet;                // of the statement that runs
    struct changes changes;       // of this transaction
    // --- guarded by pool_lock
    struct lock pool_lock;
    struct cond pool_changed; // a reading connection is free
    struct cond log_changed;  // for its keeper, and for writers that wait for it
    struct conn *readers;
    bool *is_taken;
    int n_taken;
    bool is_closing;
    // --- atomic
    atomic_int wal_pages; // of the log
    atomic_llong n_commits;
    atomic_int wal_done; // ... that are in the database
    atomic_int wal_left; // that readers kept out of the last checkpoint
    atomic_bool is_writing;
    atomic_int n_untold; // commits, from before they are seen until after on_change
    // --- keeper only
    struct conn pin; // wal.c
    bool is_pinned;
    bool is_spoilt; // a sync of the database failed: nothing is let go any more
    // --- main thread only
    struct thread keeper; // of the log
};

// ---- connections (store.c)

// Opens a connection with the settings that all share. *flags* of sqlite3_open_v2().
int conn_open(const char *path, int flags, int64_t busy_ms, struct conn *c) MUST_CHECK;
void conn_close(struct conn *c);
// Runs text of ours that gives no rows. *path* is named in errors.
int conn_exec(struct conn *c, const char *sql) MUST_CHECK;
// Sets the error that the connection's last call left; *rc* is its result.
int conn_error(struct conn *c, int rc, const char *what);

// ---- writes

// Takes the writing connection and begins a transaction; inside another write of this thread, joins
// it. ERR_READONLY: opened for reading.
int write_begin(struct store *s) MUST_CHECK;
// Commits where *r* is 0 and this is the outermost one, else rolls back.
int write_end(struct store *s, int r) MUST_CHECK;
// The wall clock as it was at the last store_check_clock(), and what passed since: it never jumps.
int64_t store_steady_us(struct store *s);
// True where this thread is inside a write of *s*.
bool store_is_writing(const struct store *s);

// ---- what changed (changes.c)

void changes_listen(struct store *s);
void changes_begin(struct store *s);
// Before the commit: from the numbers of rows to ids.
void changes_name(struct store *s);
// After it.
void changes_tell(const struct store *s, const struct changes *c);
void changes_finish(struct store *s);

// ---- the log (wal.c)

// The keeper's thread; *arg* is the store.
void wal_keep(void *arg);
// After a commit.
void wal_wake_keeper(struct store *s);
// Brings in all that there is, while writers wait. *truncates*: the file is empty afterwards.
void wal_checkpoint(struct store *s, bool truncates);

// ---- statements (run.c)

struct run {
    struct store *store;
    struct conn *conn;
    const struct query *query;
    sqlite3_stmt *stmt;
    int64_t started_ns;
    int r; // sticky
    bool is_reader;
};

// On error *run* is over already, and the functions below do nothing but repeat the error.
int run_open(struct store *s, const struct query *q,
             struct run *run);                           // may be checked at run_end()
void run_text(struct run *run, int i, const char *text); // NULL: null
void run_int(struct run *run, int i, int64_t v);
void run_double(struct run *run, int i, double v);                   // NaN: null
void run_bytes(struct run *run, int i, const void *bytes, size_t n); // NULL: null
// True: there is a row. False: no more, or an error that run_end() gives.
bool run_step(struct run *run);
// Ends the statement; *r* where it is an error, else the statement's own result.
int run_end(struct run *run, int r) MUST_CHECK;
// Steps to the end. *ret_changed* (may be NULL): how many rows it changed.
int run_done(struct run *run, int64_t *ret_changed) MUST_CHECK;
// Steps to the end; ERR_NOT_FOUND "NOUN ID does not exist" where nothing changed.
int run_done_one(struct run *run, const char *noun, const char *id) MUST_CHECK;
// A statement whose only parameter is $1, the id: opened, bound and done, as run_done_one().
int run_on(struct store *s, const struct query *q, const char *noun, const char *id) MUST_CHECK;

const char *run_get_text(struct run *run, int column); // borrowed until the next step; may be NULL
int64_t run_get_int(struct run *run, int column);
double run_get_double(struct run *run, int column); // NaN for null

// ---- rows

enum field_type {
    FIELD_TEXT,
    FIELD_I64,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_DOUBLE, // NaN: null
    FIELD_ENUM,   // stored as its name; 0: null
};

struct field {
    size_t offset;
    enum field_type type;
    const char *(*name)(int value); // FIELD_ENUM
    int (*parse)(const char *name);
};

// clang-format off
#define FIELD(STRUCT, member, type)      {offsetof(STRUCT, member), type, NULL, NULL}
#define FIELD_OF(STRUCT, member, stem)   {offsetof(STRUCT, member), FIELD_ENUM, stem##_name, stem##_parse}
// clang-format on

// Columns 0 .. n-1 of the current row into *ret*; with *a* texts are copied, else borrowed until
// the next step. ERR_NOMEM.
int run_row(struct run *run, const struct field *fields, size_t n, struct arena *a,
            void *ret) MUST_CHECK;
// Binds *n* parameters from $first on.
void run_fields(struct run *run, int first, const struct field *fields, size_t n, const void *from);
// A statement whose parameters $1 .. $n are *row*'s fields: opened, bound and done.
int run_insert(struct store *s, const struct query *q, const struct field *fields, size_t n,
               const void *row) MUST_CHECK;
// The one row that the statement gives. ERR_NOT_FOUND "NOUN ID does not exist".
int run_one(struct run *run, const struct field *fields, size_t n, const char *noun, const char *id,
            struct arena *a, void *ret) MUST_CHECK;
// Likewise of a statement whose only parameter is $1, the id (or name).
int run_get(struct store *s, const struct query *q, const struct field *fields, size_t n,
            const char *noun, const char *id, struct arena *a, void *ret) MUST_CHECK;

// ---- lists: column 0 is the key of the cursor, $1 the cursor, $2 the limit

struct list {
    struct run run;
    int limit, n;
    bool has_more;
    char last[STORE_CURSOR_BYTES];
    int r;
};

// *first* stands for "from the beginning": LIST_NEWEST where keys fall, "" where they rise.
#define LIST_NEWEST "~"
void list_open(struct store *s, const struct query *q, const struct store_page *page,
               const char *first, struct list *l);
// What lists of videos and of sessions are narrowed to; NULL: not.
struct list_scope {
    const char *project_id, *status;
    const char *user_id; // projects of that user, and what the other two ask for
};
// Of five statements in this order: all; those of a $first status; of a $first project; of a $first
// project and $first+1 status; of the $first+2 user's projects, and of $first and $first+1 where
// they are not null. Newest first.
void list_open_scope(struct store *s, const struct query *five, const struct store_page *page,
                     const struct list_scope *scope, int first, struct list *l);
// The next row; false at the end of the page or on error.
bool list_next(struct list *l, const struct field *fields, size_t n, void *ret);
// *ret_next* may be NULL.
int list_end(struct list *l, struct store_next *ret_next) MUST_CHECK;

// ---- small things

const char *enum_name(const char *const *names, size_t n, int value);
int enum_parse(const char *const *names, size_t n, const char *name);
#define ENUM_FUNCTIONS(stem, names)                       \
    const char *stem##_name(int value)                    \
    {                                                     \
        return enum_name(names, ARRAY_LEN(names), value); \
    }                                                     \
    int stem##_parse(const char *name)                    \
    {                                                     \
        return enum_parse(names, ARRAY_LEN(names), name); \
    }

// The id that a row gets: *id*, or a new one. ERR_INVALID: *id* is none.
int take_id(const char *id, char ret_id[ID_BYTES]) MUST_CHECK;
// 1 .. STORE_NAME_MAX bytes of UTF-8 without control characters. ERR_INVALID.
int check_name(const char *noun, const char *name) MUST_CHECK;
// At most *max* bytes; NULL is well. ERR_INVALID.
int check_text(const char *what, const char *text, size_t max) MUST_CHECK;
// A blob's row, beside the row that owns it. Owners may be NULL.
struct blob_owner {
    const char *project_id, *video_id, *model_id, *session_id;
};
int blob_add(struct store *s, const struct store_blob *blob, struct blob_owner owner) MUST_CHECK;
// Removes one blob's row; the key falls free.
int blob_remove(struct store *s, const char *key, struct store_dropped *dropped) MUST_CHECK;
int dropped_add(struct store_dropped *d, const char *key) MUST_CHECK;
enum owner {
    OWNER_PROJECT,
    OWNER_VIDEO,
    OWNER_MODEL,
    OWNER_SESSION,
};
// Deletes an owner's row by *del* ($1: its id), with all that goes with it; the keys of its files
// are added to *dropped* where that succeeds. ERR_NOT_FOUND.
int owner_delete(struct store *s, enum owner owner, const struct query *del, const char *id,
                 struct store_dropped *dropped) MUST_CHECK;
// What a process that died had claimed and begun. Inside a write.
int task_recover(struct store *s) MUST_CHECK;
// After tasks were deleted: what waited for them does no longer. Inside a write.
int task_recount(struct store *s) MUST_CHECK;
int set_recover(struct store *s) MUST_CHECK;
int upload_recover(struct store *s) MUST_CHECK;
// Comparisons with a session that was judged anew. Inside a write.
int comparison_drop(struct store *s, const char *session_id) MUST_CHECK;
// What a task that is over leaves half-written. Inside a write.
int set_drop_unfinished(struct store *s, const char *task_id) MUST_CHECK;
// Brings the schema of an open database to *version*.
int schema_move(struct conn *c, int version) MUST_CHECK;
int schema_version(struct conn *c, int *ret_version) MUST_CHECK;

// The nouns' statements.
extern const struct query queries_access[], queries_audit[], queries_blob[], queries_comparison[],
    queries_detection[], queries_key[], queries_login[], queries_model[], queries_overview[],
    queries_piece[], queries_project[], queries_session[], queries_stats[], queries_store[],
    queries_task[], queries_task_work[], queries_truth[], queries_upload[], queries_user[],
    queries_video[];
