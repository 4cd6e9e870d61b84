// SPDX-License-Identifier: Apache-2.0
// run.c - statements: prepared once on a connection, bound, stepped, timed; rows by field tables;
// pages by cursor.

#include <assert.h>
#include <math.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "store/store_priv.h"

enum {
    MAX_PARAMETERS = 40,
};

// ---- reading connections

static int reader_get(struct store *s, struct conn **ret_conn)
{
    int64_t deadline = clock_now_ns() + STORE_READER_WAIT_MS * CLOCK_NS_PER_MS;
    lock_acquire(&s->pool_lock);
    while (s->n_taken == s->n_readers) {
        if (!cond_wait(&s->pool_changed, &s->pool_lock, deadline)) {
            lock_release(&s->pool_lock);
            return err_set(ERR_BUSY, "%s: all %d reading connections are taken", s->path,
                           s->n_readers);
        }
    }
    int i = 0;
    while (s->is_taken[i])
        i++;
    s->is_taken[i] = true;
    s->n_taken++;
    lock_release(&s->pool_lock);
    *ret_conn = &s->readers[i];
    return 0;
}

static void reader_put(struct store *s, struct conn *c)
{
    lock_acquire(&s->pool_lock);
    s->is_taken[c - s->readers] = false;
    s->n_taken--;
    cond_signal(&s->pool_changed);
    lock_release(&s->pool_lock);
}

// ---- statements

// A slot of the cache for a query: by the address of its row.
static size_t slot_of(const struct conn *c, const struct query *q)
{
    size_t i = ((uintptr_t)q / sizeof(*q)) % STORE_CACHED;
    while (c->cached[i].query && c->cached[i].query != q)
        i = (i + 1) % STORE_CACHED;
    return i;
}

static int prepare(struct conn *c, const struct query *q, sqlite3_stmt **ret_stmt)
{
    size_t i = slot_of(c, q);
    if (!c->cached[i].query) {
        sqlite3_stmt *stmt;
        int rc = sqlite3_prepare_v3(c->db, q->sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
        if (rc != SQLITE_OK)
            return conn_error(c, rc, q->name);
        c->cached[i].query = q;
        c->cached[i].stmt = stmt;
    }
    *ret_stmt = c->cached[i].stmt;
    return 0;
}

int run_open(struct store *s, const struct query *q, struct run *run)
{
    *run = (struct run){.store = s, .query = q, .started_ns = clock_now_ns()};
    if (store_is_writing(s)) {
        run->conn = &s->writer;
    } else {
        run->r = reader_get(s, &run->conn);
        run->is_reader = run->r == 0;
    }
    if (run->r == 0)
        run->r = prepare(run->conn, q, &run->stmt);
    return run->r;
}

// The parameter's place in the statement; -1 after an error.
static int place(struct run *run, int i)
{
    static const char *const names[MAX_PARAMETERS + 1] = {
        "",    "$1",  "$2",  "$3",  "$4",  "$5",  "$6",  "$7",  "$8",  "$9",  "$10",
        "$11", "$12", "$13", "$14", "$15", "$16", "$17", "$18", "$19", "$20", "$21",
        "$22", "$23", "$24", "$25", "$26", "$27", "$28", "$29", "$30", "$31", "$32",
        "$33", "$34", "$35", "$36", "$37", "$38", "$39", "$40"};
    assert(i >= 1 && i <= MAX_PARAMETERS);
    if (run->r < 0)
        return -1;
    int at = sqlite3_bind_parameter_index(run->stmt, names[i]);
    assert(at > 0); // the statement has no such parameter
    return at;
}

static void keep(struct run *run, int rc)
{
    if (rc != SQLITE_OK)
        run->r = conn_error(run->conn, rc, run->query->name);
}

void run_text(struct run *run, int i, const char *text)
{
    int at = place(run, i);
    if (at > 0)
        keep(run, text ? sqlite3_bind_text(run->stmt, at, text, -1, SQLITE_STATIC)
                       : sqlite3_bind_null(run->stmt, at));
}

void run_int(struct run *run, int i, int64_t v)
{
    int at = place(run, i);
    if (at > 0)
        keep(run, sqlite3_bind_int64(run->stmt, at, v));
}

void run_double(struct run *run, int i, double v)
{
    int at = place(run, i);
    if (at > 0)
        keep(run,
             isnan(v) ? sqlite3_bind_null(run->stmt, at) : sqlite3_bind_double(run->stmt, at, v));
}

void run_bytes(struct run *run, int i, const void *bytes, size_t n)
{
    int at = place(run, i);
    if (at > 0)
        keep(run, bytes ? sqlite3_bind_blob64(run->stmt, at, bytes, n, SQLITE_STATIC)
                        : sqlite3_bind_null(run->stmt, at));
}

bool run_step(struct run *run)
{
    if (run->r < 0)
        return false;
    if (store_is_writing(run->store))
        run->store->is_quiet = run->query->is_quiet;
    int rc = sqlite3_step(run->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        run->r = conn_error(run->conn, rc, run->query->name);
    return rc == SQLITE_ROW;
}

int run_end(struct run *run, int r)
{
    struct store *s = run->store;
    if (run->stmt) {
        sqlite3_reset(run->stmt); // its error was kept at the step
        sqlite3_clear_bindings(run->stmt);
        run->stmt = NULL;
        if (s->opts.on_query)
            s->opts.on_query(s->opts.arg, run->query->name, clock_now_ns() - run->started_ns);
    }
    if (run->is_reader) {
        run->is_reader = false;
        reader_put(s, run->conn);
    }
    return r < 0 ? r : run->r;
}

int run_done(struct run *run, int64_t *ret_changed)
{
    while (run_step(run)) {
    }
    if (run->r == 0 && ret_changed)
        *ret_changed = sqlite3_changes64(run->conn->db);
    return run_end(run, 0);
}

static int not_found(const char *noun, const char *id)
{
    return err_set(ERR_NOT_FOUND, "%s '%.64s' does not exist", noun, id ? id : "");
}

int run_done_one(struct run *run, const char *noun, const char *id)
{
    int64_t n = 0;
    int r = run_done(run, &n);
    return r < 0 || n > 0 ? r : not_found(noun, id);
}

int run_on(struct store *s, const struct query *q, const char *noun, const char *id)
{
    struct run run;
    IGNORE(run_open(s, q, &run)); // sticky
    run_text(&run, 1, id);
    return run_done_one(&run, noun, id);
}

const char *run_get_text(struct run *run, int column)
{
    return (const char *)sqlite3_column_text(run->stmt, column);
}

int64_t run_get_int(struct run *run, int column)
{
    return sqlite3_column_int64(run->stmt, column);
}

double run_get_double(struct run *run, int column)
{
    return sqlite3_column_type(run->stmt, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(run->stmt, column);
}

// ---- rows

static int get_text(struct run *run, int column, struct arena *a, const char **ret)
{
    const char *text = run_get_text(run, column);
    if (text && a) {
        size_t n = (size_t)sqlite3_column_bytes(run->stmt, column);
        text = arena_strndup(a, text, n);
        if (!text)
            return ERR_NOMEM;
    } else if (!text && sqlite3_column_type(run->stmt, column) != SQLITE_NULL) {
        return err_set(ERR_NOMEM, "out of memory: a row of %s", run->query->name);
    }
    *ret = text;
    return 0;
}

int run_row(struct run *run, const struct field *fields, size_t n, struct arena *a, void *ret)
{
    assert((size_t)sqlite3_column_count(run->stmt) >= n);
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        void *to = (char *)ret + f->offset;
        int column = (int)i;
        const char *text = NULL;
        int r = 0;
        switch (f->type) {
        case FIELD_TEXT:
            r = get_text(run, column, a, to);
            break;
        case FIELD_I64:
            *(int64_t *)to = run_get_int(run, column);
            break;
        case FIELD_INT:
            *(int *)to = (int)run_get_int(run, column);
            break;
        case FIELD_BOOL:
            *(bool *)to = run_get_int(run, column) != 0;
            break;
        case FIELD_DOUBLE:
            *(double *)to = run_get_double(run, column);
            break;
        case FIELD_ENUM:
            text = run_get_text(run, column);
            *(int *)to = text ? f->parse(text) : 0;
            break;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

void run_fields(struct run *run, int first, const struct field *fields, size_t n, const void *from)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        const void *at = (const char *)from + f->offset;
        int k = first + (int)i;
        switch (f->type) {
        case FIELD_TEXT:
            run_text(run, k, *(const char *const *)at);
            break;
        case FIELD_I64:
            run_int(run, k, *(const int64_t *)at);
            break;
        case FIELD_INT:
            run_int(run, k, *(const int *)at);
            break;
        case FIELD_BOOL:
            run_int(run, k, *(const bool *)at);
            break;
        case FIELD_DOUBLE:
            run_double(run, k, *(const double *)at);
            break;
        case FIELD_ENUM:
            run_text(run, k, f->name(*(const int *)at));
            break;
        }
    }
}

int run_insert(struct store *s, const struct query *q, const struct field *fields, size_t n,
               const void *row)
{
    struct run run;
    IGNORE(run_open(s, q, &run)); // sticky
    run_fields(&run, 1, fields, n, row);
    return run_done(&run, NULL);
}

int run_one(struct run *run, const struct field *fields, size_t n, const char *noun, const char *id,
            struct arena *a, void *ret)
{
    int r = 0;
    if (run_step(run))
        r = run_row(run, fields, n, a, ret);
    else if (run->r == 0)
        r = not_found(noun, id);
    return run_end(run, r);
}

int run_get(struct store *s, const struct query *q, const struct field *fields, size_t n,
            const char *noun, const char *id, struct arena *a, void *ret)
{
    struct run run;
    IGNORE(run_open(s, q, &run)); // sticky
    run_text(&run, 1, id);
    return run_one(&run, fields, n, noun, id, a, ret);
}

// ---- lists

// *first* tells what the list's keys are: newest first go ids.
static bool is_cursor(const char *text, const char *first)
{
    size_t n = 0;
    int64_t position;
    if (strcmp(first, LIST_NEWEST) == 0)
        return id_is_valid(str_of(text));
    if (*first) // "-1": positions
        return str_to_i64(str_of(text), &position) == 0;
    for (; text[n]; n++) {
        if ((unsigned char)text[n] < ' ' || (unsigned char)text[n] > '~')
            return false;
    }
    return n < STORE_CURSOR_BYTES;
}

void list_open(struct store *s, const struct query *q, const struct store_page *page,
               const char *first, struct list *l)
{
    static const struct store_page ordinary;
    if (!page)
        page = &ordinary;
    *l = (struct list){.limit =
                           page->limit <= 0 ? STORE_PAGE_LIMIT : MIN(page->limit, STORE_PAGE_MAX)};
    const char *cursor = page->cursor && *page->cursor ? page->cursor : first;
    if (cursor != first && !is_cursor(cursor, first)) {
        l->r = err_set(ERR_INVALID, "cursor '%.64s': none of a page", cursor);
        l->run.r = l->r;
        l->run.store = s;
        return;
    }
    IGNORE(run_open(s, q, &l->run)); // sticky: list_end() gives it
    run_text(&l->run, 1, cursor);
    run_int(&l->run, 2, l->limit + 1);
}

void list_open_scope(struct store *s, const struct query *five, const struct store_page *page,
                     const struct list_scope *scope, int first, struct list *l)
{
    const bool by_project = scope->project_id || scope->user_id;
    const bool by_status = scope->status || scope->user_id;
    list_open(s, &five[scope->user_id ? 4 : 2 * by_project + by_status], page, LIST_NEWEST, l);
    if (by_project)
        run_text(&l->run, first, scope->project_id);
    if (by_status)
        run_text(&l->run, first + by_project, scope->status);
    if (scope->user_id)
        run_text(&l->run, first + 2, scope->user_id);
}

bool list_next(struct list *l, const struct field *fields, size_t n, void *ret)
{
    if (l->r < 0 || l->has_more || !run_step(&l->run))
        return false;
    if (l->n == l->limit) {
        l->has_more = true;
        return false;
    }
    const char *key = run_get_text(&l->run, 0);
    snprintf(l->last, sizeof(l->last), "%s", key ? key : "");
    l->n++;
    l->r = run_row(&l->run, fields, n, NULL, ret);
    return l->r == 0;
}

int list_end(struct list *l, struct store_next *ret_next)
{
    int r = run_end(&l->run, l->r);
    if (r == 0 && ret_next)
        snprintf(ret_next->cursor, sizeof(ret_next->cursor), "%s", l->has_more ? l->last : "");
    return r;
}

// ---- small things

const char *enum_name(const char *const *names, size_t n, int value)
{
    return value > 0 && (size_t)value < n ? names[value] : NULL;
}

int enum_parse(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 1; name && i < n; i++) {
        if (names[i] && strcmp(names[i], name) == 0)
            return (int)i;
    }
    return 0;
}

int take_id(const char *id, char ret_id[ID_BYTES])
{
    if (!id) {
        id_make(ret_id);
        return 0;
    }
    if (!id_is_valid(str_of(id)))
        return err_set(ERR_INVALID, "'%.40s' is no id", id);
    memmove(ret_id, id, ID_BYTES); // they may be one
    return 0;
}

int check_name(const char *noun, const char *name)
{
    struct str s = str_of(name);
    if (str_trim(s).n == 0)
        return err_set(ERR_INVALID, "%s: the name is empty", noun);
    if (s.n > STORE_NAME_MAX)
        return err_set(ERR_INVALID, "%s: the name has more than %d bytes", noun, STORE_NAME_MAX);
    struct str_buf printable = STR_BUF_INIT(4 * STORE_NAME_MAX);
    str_buf_add_printable(&printable, s);
    int r = str_buf_check(&printable);
    if (r == 0 && !str_is(s, str_buf_text(&printable)))
        r = err_set(ERR_INVALID, "%s: the name has characters that are no text", noun);
    str_buf_finish(&printable);
    return r;
}

int check_text(const char *what, const char *text, size_t max)
{
    if (text && strlen(text) > max)
        return err_set(ERR_INVALID, "%s: more than %zu bytes", what, max);
    return 0;
}
