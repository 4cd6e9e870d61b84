// SPDX-License-Identifier: Apache-2.0
// store_test.h - what the store's tests share: a data directory of their own, and the rows that
// others hang on. Include it after cmocka.h.
#pragma once

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store.h"
#include "store/store_blob.h"
#include "store/store_model.h"
#include "store/store_project.h"
#include "store/store_session.h"
#include "store/store_task.h"
#include "store/store_video.h"

#define OK(call)          test_ok((call), __FILE__, __LINE__)
#define FAILS(code, call) assert_int_equal((call), (code))

static inline void test_ok(int r, const char *file, int line)
{
    if (r != 0) {
        print_error("%s: %s\n", err_name(r), err_message(r));
        _assert_int_equal(0, (unsigned)-r, file, line);
    }
}

struct test {
    char directory[64];
    struct store *store;
    struct arena *arena;
    char project[ID_BYTES], video[ID_BYTES], model[ID_BYTES];
};

static inline int test_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void test_make_directory(char directory[64])
{
    const char *tmp = getenv("TMPDIR");
    snprintf(directory, 64, "%.40s/assay-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(directory));
}

static inline void test_remove(const char *directory)
{
    nftw(directory, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct store *test_open(const char *directory)
{
    struct store *s = NULL;
    const struct store_opts opts = {.directory = directory};
    OK(store_open(&opts, &s));
    return s;
}

// A key with so many bytes, as the blob room would give.
static inline struct store_blob test_blob(char key[ID_BYTES], int64_t n_bytes)
{
    id_make(key);
    return (struct store_blob){
        .key = key,
        .sha256 = "0000000000000000000000000000000000000000000000000000000000000000",
        .n_bytes = n_bytes};
}

static inline int setup(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    char key[ID_BYTES];
    test_make_directory(t->directory);
    t->store = test_open(t->directory);
    OK(arena_create(0, &t->arena));
    const struct store_project p = {.name = "roads"};
    OK(store_project_create(t->store, &p, t->project));
    const struct store_blob b = test_blob(key, 1000);
    const struct store_video v = {.project_id = t->project, .name = "clip.mp4"};
    OK(store_video_create(t->store, &v, &b, NULL, t->video));
    const struct store_model m = {.name = "demo"};
    OK(store_model_create(t->store, &m, NULL, t->model));
    *state = t;
    return 0;
}

enum {
    TEST_UNCOUNTED = 2, // the last schema without counts
};

// What the triggers counted is what is there.
#define TEST_COUNTED                                                                               \
    "SELECT project_id, 'videos', status, count(*), sum(duration_us), 0 FROM videos "              \
    "GROUP BY 1, 3 UNION ALL "                                                                     \
    "SELECT coalesce(project_id, ''), 'tasks', status, count(*), 0, 0 FROM tasks GROUP BY 1, 3 "   \
    "UNION ALL SELECT project_id, 'sessions', status, count(*), 0, 0 FROM sessions GROUP BY 1, 3 " \
    "UNION ALL SELECT project_id, 'verdicts', verdict, count(*), 0, 0 FROM sessions "              \
    "WHERE verdict IS NOT NULL GROUP BY 1, 3 UNION ALL "                                           \
    "SELECT project_id, 'sets', '', count(*), sum(n_detections), sum(n_frames) "                   \
    "FROM detection_sets WHERE kind = 'detections' AND is_complete = 1 GROUP BY 1 UNION ALL "      \
    "SELECT coalesce(project_id, ''), 'blobs', '', count(*), sum(n_bytes), 0 FROM blobs GROUP BY " \
    "1"
#define TEST_COUNTS "SELECT * FROM counts WHERE n <> 0 OR amount <> 0 OR more <> 0"

static inline void test_counts(const char *directory)
{
    static const char *const differences[] = {
        "SELECT * FROM (" TEST_COUNTED ") EXCEPT " TEST_COUNTS,
        TEST_COUNTS " EXCEPT SELECT * FROM (" TEST_COUNTED ")",
        "SELECT * FROM counts WHERE project_id NOT IN (SELECT id FROM projects UNION SELECT '')",
    };
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    snprintf(path, sizeof(path), "%s/assay.db", directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(differences); i++) {
        assert_int_equal(sqlite3_prepare_v2(db, differences[i], -1, &stmt, NULL), SQLITE_OK);
        if (sqlite3_step(stmt) == SQLITE_ROW)
            fail_msg("counts differ (%zu): %s %s: %lld, %lld, %lld", i,
                     (const char *)sqlite3_column_text(stmt, 1),
                     (const char *)sqlite3_column_text(stmt, 2), sqlite3_column_int64(stmt, 3),
                     sqlite3_column_int64(stmt, 4), sqlite3_column_int64(stmt, 5));
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
}

static inline int teardown(void **state)
{
    struct test *t = *state;
    if (t->store) { // the test left it whole
        char path[128];
        store_close(t->store);
        test_counts(t->directory);
        snprintf(path, sizeof(path), "%s/assay.db", t->directory);
        OK(store_schema_move(path, TEST_UNCOUNTED));
        OK(store_schema_move(path, store_schema_newest())); // counts what is there
        test_counts(t->directory);
    }
    arena_destroy(t->arena);
    test_remove(t->directory);
    free(t);
    return 0;
}

// Counts rows; for callbacks whose rows are not looked at.
#define COUNT_ROWS(name, type)                         \
    static int name(void *arg, const struct type *row) \
    {                                                  \
        (void)row;                                     \
        ++*(int *)arg;                                 \
        return 0;                                      \
    }

static inline struct store_lease test_claim(struct test *t, const char *kind)
{
    const char *const kinds[] = {kind};
    const struct store_claim claim = {kinds, 1, "test", 60000};
    struct store_task task;
    struct store_lease lease;
    OK(store_task_claim(t->store, &claim, t->arena, &task, &lease));
    return lease;
}
