// SPDX-License-Identifier: Apache-2.0
// test_store.c - opening, locking, migrations forward and back, every statement prepared, groups of
// writes, the clock, backup and restore.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store_priv.h"
#include "store_test.h"

// clang-format off
static const struct query *const tables[] = {
    queries_access, queries_audit, queries_blob, queries_comparison, queries_detection, queries_key, queries_login, queries_model,
    queries_overview, queries_piece, queries_project, queries_session, queries_stats, queries_store, queries_task,
    queries_task_work, queries_truth, queries_upload, queries_user, queries_video,
};
// clang-format on

static void test_every_statement_is_prepared(void **state)
{
    struct test *t = *state;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const struct query *q = tables[i]; q->name; q++, n++) {
            sqlite3_stmt *stmt = NULL;
            if (sqlite3_prepare_v2(t->store->writer.db, q->sql, -1, &stmt, NULL) != SQLITE_OK)
                fail_msg("%s: %s", q->name, sqlite3_errmsg(t->store->writer.db));
            sqlite3_finalize(stmt);
            assert_string_equal(store_query_name(n), q->name);
        }
    }
    assert_null(store_query_name(n));
    assert_true(n > 100 && n < STORE_CACHED);
}

// No statement reads a whole table of rows that grow with the videos, but those that count all.
static void test_statements_use_indexes(void **state)
{
    struct test *t = *state;
    static const char *const whole[] = {"stats_",         "blob_usage_all",       "store_",
                                        "user_count",     "set_drop_unfinished",  "task_prune",
                                        "task_list_user", "login_prune_failures", "audit_prune",
                                        "upload_grace"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const struct query *q = tables[i]; q->name; q++) {
            bool may = false;
            for (size_t k = 0; k < ARRAY_LEN(whole); k++)
                may = may || strncmp(q->name, whole[k], strlen(whole[k])) == 0;
            char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", q->sql);
            sqlite3_stmt *stmt = NULL;
            assert_int_equal(sqlite3_prepare_v2(t->store->writer.db, sql, -1, &stmt, NULL),
                             SQLITE_OK);
            while (sqlite3_step(stmt) == SQLITE_ROW) {
                const char *plan = (const char *)sqlite3_column_text(stmt, 3);
                if (!may && strncmp(plan, "SCAN ", 5) == 0 && !strstr(plan, "CONSTANT"))
                    fail_msg("%s: %s", q->name, plan);
                if (!may && strstr(plan, "TEMP B-TREE") && !strstr(plan, "GROUP BY") &&
                    strcmp(q->name, "model_get") != 0)
                    fail_msg("%s: %s", q->name, plan);
            }
            sqlite3_finalize(stmt);
            sqlite3_free(sql);
        }
    }
}

static void test_schema_goes_forward_and_back(void **state)
{
    (void)state;
    char directory[64];
    char path[128];
    test_make_directory(directory);
    snprintf(path, sizeof(path), "%s/x.db", directory);
    for (int round = 0; round < 2; round++) {
        for (int v = 0; v <= store_schema_newest(); v++)
            OK(store_schema_move(path, v));
        for (int v = store_schema_newest(); v >= 0; v--)
            OK(store_schema_move(path, v));
    }
    // back at nothing there is nothing but the record of migrations
    struct conn c = {0};
    OK(conn_open(path, SQLITE_OPEN_READWRITE, 100, &c));
    sqlite3_stmt *stmt;
    sqlite3_prepare_v2(c.db, "SELECT count(*) FROM sqlite_master", -1, &stmt, NULL);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 1);
    sqlite3_finalize(stmt);
    conn_close(&c);
    FAILS(ERR_INVALID, store_schema_move(path, store_schema_newest() + 1));
    FAILS(ERR_INVALID, store_schema_move(path, -1));
    test_remove(directory);
}

static void test_newer_schema_is_refused(void **state)
{
    struct test *t = *state;
    struct store *s = NULL;
    OK(conn_exec(&t->store->writer, "INSERT INTO schema_migrations VALUES (9999, 'later', 0)"));
    store_close(t->store);
    t->store = NULL;
    FAILS(ERR_UNSUPPORTED, store_open(&(struct store_opts){.directory = t->directory}, &s));
    assert_non_null(strstr(err_message(ERR_UNSUPPORTED), "written by a newer one"));
}

static void test_second_server_is_refused(void **state)
{
    struct test *t = *state;
    struct store *s = NULL;
    char pid[32];
    FAILS(ERR_BUSY, store_open(&(struct store_opts){.directory = t->directory}, &s));
    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_non_null(strstr(err_message(ERR_BUSY), pid));
    // readers beside it are welcome, and cannot write
    const struct store_opts reader = {.directory = t->directory, .access = STORE_ACCESS_READ};
    struct store_project p = {.name = "x"};
    char id[ID_BYTES];
    OK(store_open(&reader, &s));
    OK(store_project_get(s, t->project, t->arena, &p));
    assert_string_equal(p.name, "roads");
    FAILS(ERR_READONLY, store_project_create(s, &p, id));
    store_close(s);
}

static void test_what_is_no_database_is_said(void **state)
{
    (void)state;
    char directory[64];
    char path[128];
    struct store *s = NULL;
    test_make_directory(directory);
    FAILS(
        ERR_NOT_FOUND,
        store_open(&(struct store_opts){.directory = directory, .access = STORE_ACCESS_READ}, &s));
    snprintf(path, sizeof(path), "%s/assay.db", directory);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("no database ", f);
    fclose(f);
    FAILS(ERR_DATA, store_open(&(struct store_opts){.directory = directory}, &s));
    assert_non_null(strstr(err_message(ERR_DATA), "assay.db"));
    test_remove(directory);
    // the directory is made with its parents, for nobody else to read
    char below[160];
    struct stat st;
    snprintf(path, sizeof(path), "%s/a/b", directory);
    store_close(test_open(path));
    snprintf(below, sizeof(below), "%s/assay.db", path);
    assert_int_equal(stat(below, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    test_remove(directory);
    // a file where the directory should be
    f = fopen(directory, "w");
    fclose(f);
    assert_true(store_open(&(struct store_opts){.directory = directory}, &s) < 0);
    unlink(directory);
}

static void test_group_is_all_or_nothing(void **state)
{
    struct test *t = *state;
    char a[ID_BYTES];
    char b[ID_BYTES];
    struct store_project p;
    OK(store_begin(t->store));
    OK(store_project_create(t->store, &(struct store_project){.name = "one"}, a));
    OK(store_project_get(t->store, a, t->arena, &p)); // seen by this thread
    OK(store_project_create(t->store, &(struct store_project){.name = "two"}, b));
    OK(store_end(t->store, 0));
    OK(store_project_get(t->store, b, t->arena, &p));
    // given up by the caller
    OK(store_begin(t->store));
    OK(store_project_create(t->store, &(struct store_project){.name = "three"}, a));
    FAILS(ERR_CANCELLED, store_end(t->store, ERR_CANCELLED));
    FAILS(ERR_NOT_FOUND, store_project_get(t->store, a, t->arena, &p));
    // a failure inside undoes all, whatever the caller thinks
    OK(store_begin(t->store));
    OK(store_project_create(t->store, &(struct store_project){.name = "four"}, a));
    FAILS(ERR_EXISTS, store_project_create(t->store, &(struct store_project){.name = "one"}, b));
    FAILS(ERR_EXISTS, store_end(t->store, 0));
    FAILS(ERR_NOT_FOUND, store_project_get(t->store, a, t->arena, &p));
    OK(store_project_create(t->store, &(struct store_project){.name = "four"}, a));
}

static int64_t due_of(struct test *t, const char *id)
{
    struct store_task task;
    OK(store_task_get(t->store, id, t->arena, &task));
    return task.due_at_us;
}

static void test_clock_that_jumps(void **state)
{
    struct test *t = *state;
    const int64_t day_us = INT64_C(86400) * 1000 * 1000;
    const int64_t mono_ns = clock_now_ns();
    const int64_t wall_us = clock_wall_us();
    char id[ID_BYTES];
    int64_t jump_us = -1;
    clock_test_set(mono_ns, wall_us);
    OK(store_check_clock(t->store, NULL));
    OK(store_task_create(t->store, &(struct store_task){.kind = "probe"}, NULL, 0, id));
    struct store_lease lease = test_claim(t, "probe");
    OK(store_task_fail(t->store, &lease, "IO: no", true, NULL));
    int64_t due = due_of(t, id);
    assert_true(due > wall_us);
    // what passes by itself is no jump
    clock_test_set(mono_ns + 100 * CLOCK_NS_PER_S, wall_us + 100 * 1000000);
    OK(store_check_clock(t->store, &jump_us));
    assert_int_equal(jump_us, 0);
    clock_test_set(mono_ns + 100 * CLOCK_NS_PER_S, wall_us + 100 * 1000000 + day_us);
    OK(store_check_clock(t->store, &jump_us));
    assert_true(jump_us == day_us);
    assert_true(due_of(t, id) == due + day_us);
    clock_test_set(mono_ns + 101 * CLOCK_NS_PER_S, wall_us + 101 * 1000000);
    OK(store_check_clock(t->store, &jump_us));
    assert_true(jump_us == -day_us);
    assert_true(due_of(t, id) == due);
    clock_test_release();
}

static int n_timed;
static void on_query(void *arg, const char *query, int64_t nanoseconds)
{
    assert_ptr_equal(arg, &n_timed);
    assert_non_null(query);
    assert_true(nanoseconds >= 0);
    n_timed++;
}

static void test_queries_are_timed(void **state)
{
    struct test *t = *state;
    struct store *s = NULL;
    struct store_project p;
    store_close(t->store);
    t->store = NULL;
    const struct store_opts opts = {
        .directory = t->directory, .on_query = on_query, .arg = &n_timed};
    OK(store_open(&opts, &s));
    int before = n_timed;
    OK(store_project_get(s, t->project, t->arena, &p));
    assert_int_equal(n_timed, before + 1);
    struct store_state now;
    store_state(s, &now);
    assert_int_equal(now.readers_idle, STORE_READERS);
    assert_int_equal(now.readers_busy, 0);
    assert_false(now.is_writing);
    assert_true(now.database_bytes > 0);
    OK(store_ping(s));
    OK(store_check(s));
    store_close(s);
}

// ---- backup

static int count_blob(void *arg, const struct store_blob *b)
{
    assert_true(id_is_valid(str_of(b->key)));
    ++*(int *)arg;
    return 0;
}

static void test_backup_and_restore(void **state)
{
    struct test *t = *state;
    char copy[128];
    char ready[128];
    char other[64];
    struct store_project p;
    int n = 0;
    snprintf(copy, sizeof(copy), "%s/copy.db", t->directory);
    OK(store_backup(t->directory, copy));
    FAILS(ERR_EXISTS, store_backup(t->directory, copy));
    OK(store_backup_check(copy, count_blob, &n));
    assert_int_equal(n, 1);
    // put in place of another directory's data by the next to open it
    test_make_directory(other);
    struct store *s = test_open(other);
    store_close(s);
    snprintf(ready, sizeof(ready), "%s/restore.ready", other);
    assert_int_equal(mkdir(ready, 0700), 0);
    snprintf(ready, sizeof(ready), "%s/restore.ready/assay.db", other);
    assert_int_equal(rename(copy, ready), 0);
    s = test_open(other);
    OK(store_project_get(s, t->project, t->arena, &p));
    assert_false(file_exists(ready));
    OK(store_check(s));
    store_close(s);
    FAILS(ERR_NOT_FOUND, store_backup("/nowhere", copy));
    // a damaged copy
    FILE *f = fopen(copy, "w");
    fputs("SQLite format 3 or so, and then nothing that would make sense", f);
    fclose(f);
    FAILS(ERR_DATA, store_backup_check(copy, NULL, NULL));
    test_remove(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_statement_is_prepared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statements_use_indexes, setup, teardown),
        cmocka_unit_test(test_schema_goes_forward_and_back),
        cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_server_is_refused, setup, teardown),
        cmocka_unit_test(test_what_is_no_database_is_said),
        cmocka_unit_test_setup_teardown(test_group_is_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_that_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queries_are_timed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backup_and_restore, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
