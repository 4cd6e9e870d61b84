// SPDX-License-Identifier: Apache-2.0
// test_janitor.c - files without a row go, the others stay; uploads expire; a backup is waited for.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/janitor.h"
#include "base/clock.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store.h"
#include "store/store_audit.h"
#include "store/store_blob.h"
#include "store/store_project.h"
#include "store/store_task.h"
#include "store/store_upload.h"
#include "store/store_video.h"

static char directory[64];
static struct store *store;
static struct blob *blobs;

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/assay-janitor-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(store_open(&(struct store_opts){.directory = directory}, &store), 0);
    assert_int_equal(
        blob_open(&(struct blob_opts){.directory = directory, .reserve_bytes = 1}, &blobs), 0);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    blob_close(blobs);
    store_close(store);
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int count(void *arg, const struct blob_seen *seen)
{
    (void)seen;
    ++*(int *)arg;
    return 0;
}

static void expect_files(int n_blobs, int n_parts)
{
    int n = 0;
    assert_int_equal(blob_walk(blobs, count, &n), 0);
    assert_int_equal(n, n_blobs);
    n = 0;
    assert_int_equal(blob_walk_parts(blobs, count, &n), 0);
    assert_int_equal(n, n_parts);
}

static struct janitor_found sweep(int64_t min_age_us)
{
    struct janitor_found found = {0};
    assert_int_equal(janitor_sweep(store, blobs, min_age_us, &found), 0);
    return found;
}

static void test_files_without_rows_go(void **state)
{
    (void)state;
    char project[ID_BYTES];
    char video[ID_BYTES];
    struct blob_info used;
    struct blob_info orphan;
    int hold;
    const int64_t hour_us = INT64_C(3600) * 1000000;
    assert_int_equal(store_project_create(store, &(struct store_project){.name = "p"}, project), 0);
    assert_int_equal(blob_put(blobs, "used", 4, &used), 0);
    assert_int_equal(blob_put(blobs, "orphan", 6, &orphan), 0);
    const struct store_blob b = {used.key, used.sha256, used.n_bytes};
    assert_int_equal(store_video_create(store,
                                        &(struct store_video){.project_id = project, .name = "v"},
                                        &b, NULL, video),
                     0);
    assert_int_equal(sweep(hour_us).n_blobs, 0); // too young
    assert_int_equal(blob_hold(directory, &hold), 0);
    assert_int_equal(sweep(0).n_blobs, 0); // a backup needs it
    close(hold);
    struct janitor_found found = sweep(0);
    assert_int_equal(found.n_blobs, 1);
    assert_int_equal(found.n_bytes, 6);
    expect_files(1, 0);
    // what deleting a row set free
    struct store_dropped dropped = {0};
    assert_int_equal(store_project_delete(store, project, &dropped), 0);
    store_dropped_finish(&dropped);
    assert_int_equal(sweep(0).n_blobs, 1);
    expect_files(0, 0);
}

static void new_upload(char id[ID_BYTES], int64_t expires_at_us)
{
    struct blob_writer *w;
    const struct store_upload u = {
        .purpose = "video", .length = 10, .expires_at_us = expires_at_us};
    assert_int_equal(store_upload_create(store, &u, id), 0);
    assert_int_equal(blob_part_open(blobs, id, NULL, 10, &w), 0);
    assert_int_equal(blob_writer_suspend(&w, NULL), 0);
}

static void test_uploads_expire(void **state)
{
    (void)state;
    char over[ID_BYTES];
    char open[ID_BYTES];
    char lost[ID_BYTES];
    struct blob_writer *w;
    struct blob_writer *busy;
    const struct blob_part at = {0};
    const int64_t now_us = clock_wall_us();
    new_upload(over, now_us - 1);
    new_upload(open, now_us + INT64_C(60) * 1000000);
    id_make(lost); // a part without a row
    assert_int_equal(blob_part_open(blobs, lost, NULL, 10, &w), 0);
    assert_int_equal(blob_writer_suspend(&w, NULL), 0);
    assert_int_equal(blob_writer_create(blobs, 10, &busy), 0); // being written
    expect_files(0, 4);
    // one that is being sent does not end under its sender
    assert_int_equal(blob_part_open(blobs, over, &at, 10, &w), 0);
    assert_int_equal(sweep(0).n_uploads, 0);
    assert_int_equal(blob_writer_suspend(&w, NULL), 0);
    struct janitor_found found = sweep(0);
    assert_int_equal(found.n_uploads, 1);
    assert_int_equal(found.n_parts, 0); // gone in the first round
    expect_files(0, 2);
    blob_writer_abort(&busy);
    expect_files(0, 1);
    assert_int_equal(blob_part_open(blobs, open, &at, 10, &w), 0);
    blob_writer_abort(&w);
}

static void test_old_rows_go(void **state)
{
    (void)state;
    char project[ID_BYTES];
    char task[ID_BYTES];
    const struct janitor_opts for_ever = {.store = store, .blob = blobs};
    const struct janitor_opts opts = {
        .store = store, .blob = blobs, .keep_tasks_days = 2, .keep_audit_days = 4};
    struct janitor_found found = {0};
    const int64_t day_us = INT64_C(86400) * 1000000;
    const int64_t now_us = clock_wall_us();
    const struct store_audit line = {.action = "project.create"};
    assert_int_equal(store_project_create(store, &(struct store_project){.name = "p"}, project), 0);
    const struct store_task t = {.kind = "probe", .project_id = project};
    assert_int_equal(store_task_create(store, &t, NULL, 0, task), 0); // is not over
    assert_int_equal(store_task_create(store, &t, NULL, 0, task), 0);
    assert_int_equal(store_task_cancel(store, task, NULL), 0);
    assert_int_equal(store_audit_add(store, &line), 0);
    assert_int_equal(janitor_prune(&opts, &found), 0);
    assert_int_equal(found.n_tasks + found.n_lines, 0);
    clock_test_set(clock_now_ns(), now_us + 3 * day_us);
    assert_int_equal(janitor_prune(&for_ever, &found), 0);
    assert_int_equal(found.n_tasks + found.n_lines, 0);
    assert_int_equal(janitor_prune(&opts, &found), 0);
    assert_int_equal(found.n_tasks, 1);
    assert_int_equal(found.n_lines, 0);
    clock_test_set(clock_now_ns(), now_us + 5 * day_us);
    assert_int_equal(janitor_prune(&opts, &found), 0);
    clock_test_release();
    assert_int_equal(found.n_tasks, 1);
    assert_int_equal(found.n_lines, 1);
}

static void test_thread(void **state)
{
    (void)state;
    struct blob_info orphan;
    struct janitor *j;
    const struct janitor_opts opts = {.store = store, .blob = blobs};
    assert_int_equal(blob_put(blobs, "orphan", 6, &orphan), 0);
    assert_int_equal(janitor_start(&opts, &j), 0);
    expect_files(0, 0);
    janitor_stop(j);
    janitor_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_without_rows_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uploads_expire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_rows_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thread, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
