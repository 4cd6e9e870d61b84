// SPDX-License-Identifier: Apache-2.0
// test_blob.c - writing, going on, committing, reading, deleting, walking; space; holds.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "blob/blob.h"
#include "blob_test.h"
#include "small_disk.h"

enum {
    SKIPPED = 77,
};

static const char sha_of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static struct blob *open_in(const char *directory)
{
    struct blob *b = NULL;
    const struct blob_opts opts = {.directory = directory, .reserve_bytes = 1};
    OK(blob_open(&opts, &b));
    return b;
}

static int count(void *arg, const struct blob_seen *seen)
{
    assert_true(id_is_valid(str_of(seen->name)));
    assert_true(seen->age_us >= 0);
    ++*(int *)arg;
    return 0;
}

static int n_blobs(struct blob *b)
{
    int n = 0;
    OK(blob_walk(b, count, &n));
    return n;
}

static int n_parts(struct blob *b)
{
    int n = 0;
    OK(blob_walk_parts(b, count, &n));
    return n;
}

static void test_written_whole(void **state)
{
    struct blob *b = open_in(*state);
    struct blob_writer *w;
    struct blob_info info;
    char *bytes;
    size_t n;
    OK(blob_writer_create(b, 3, &w));
    OK(blob_write(w, "ab", 2));
    OK(blob_write(w, "", 0));
    OK(blob_write(w, "c", 1));
    assert_int_equal(n_blobs(b), 0);
    assert_int_equal(n_parts(b), 1);
    OK(blob_writer_commit(&w, &info));
    assert_null(w);
    assert_string_equal(info.sha256, sha_of_abc);
    assert_int_equal(info.n_bytes, 3);
    assert_int_equal(n_blobs(b), 1);
    assert_int_equal(n_parts(b), 0);
    OK(blob_get(b, info.key, 100, &bytes, &n));
    assert_int_equal(n, 3);
    assert_string_equal(bytes, "abc");
    mem_free(bytes);
    FAILS(ERR_TOO_BIG, blob_get(b, info.key, 2, &bytes, &n));
    // a descriptor outlives the name
    int fd;
    int64_t size;
    char read_back[8] = {0};
    OK(blob_read(b, info.key, &fd, &size));
    OK(blob_delete(b, info.key));
    assert_int_equal(size, 3);
    assert_int_equal(read(fd, read_back, 8), 3);
    close(fd);
    FAILS(ERR_NOT_FOUND, blob_delete(b, info.key));
    FAILS(ERR_NOT_FOUND, blob_read(b, info.key, &fd, &size));
    // given up
    OK(blob_writer_create(b, -1, &w));
    OK(blob_write(w, "x", 1));
    blob_writer_abort(&w);
    blob_writer_abort(&w);
    assert_int_equal(n_parts(b), 0);
    // nothing is a blob too
    OK(blob_put(b, "", 0, &info));
    assert_int_equal(info.n_bytes, 0);
    blob_close(b);
}

static void test_keys_are_no_paths(void **state)
{
    static const char *const rows[] = {"",
                                       "../../../../etc/passwd",
                                       "0",
                                       "01J0000000000000000000000/",
                                       "01j00000000000000000000000",
                                       "81J00000000000000000000000",
                                       "01J000000000000000000000000"};
    struct blob *b = open_in(*state);
    char path[BLOB_PATH_BYTES];
    int fd;
    int64_t n;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        FAILS(ERR_INVALID, blob_read(b, rows[i], &fd, &n));
        FAILS(ERR_INVALID, blob_delete(b, rows[i]));
        FAILS(ERR_INVALID, blob_path(b, rows[i], path));
        FAILS(ERR_INVALID, blob_part_delete(b, rows[i]));
        struct blob_writer *w;
        FAILS(ERR_INVALID, blob_part_open(b, rows[i], NULL, 0, &w));
    }
    FAILS(ERR_INVALID, blob_temp_path(b, "/../x", path));
    FAILS(ERR_INVALID, blob_temp_path(b, ".12345678901234567890", path));
    blob_close(b);
}

static void test_parts_go_on(void **state)
{
    struct blob *b = open_in(*state);
    char id[ID_BYTES];
    struct blob_writer *w;
    struct blob_writer *other;
    struct blob_part at = {0};
    struct blob_info info;
    id_make(id);
    FAILS(ERR_NOT_FOUND, blob_part_open(b, id, &at, 0, &w));
    OK(blob_part_open(b, id, NULL, 3, &w));
    FAILS(ERR_BUSY, blob_part_open(b, id, &at, 3, &other));
    FAILS(ERR_BUSY, blob_part_delete(b, id));
    OK(blob_write(w, "a", 1));
    OK(blob_writer_suspend(&w, &at));
    assert_int_equal(at.offset, 1);
    FAILS(ERR_EXISTS, blob_part_open(b, id, NULL, 3, &w));
    // what was written but never acknowledged is cut off
    OK(blob_part_open(b, id, &at, 3, &w));
    OK(blob_write(w, "zzz", 3));
    OK(blob_writer_suspend(&w, NULL));
    OK(blob_part_open(b, id, &at, 3, &w));
    OK(blob_write(w, "b", 1));
    OK(blob_writer_sync(w));
    assert_int_equal(blob_writer_offset(w), 2);
    OK(blob_writer_suspend(&w, NULL));
    // without the digest's state the file is read
    blob_close(b);
    b = open_in(*state);
    at = (struct blob_part){.offset = 2};
    OK(blob_part_open(b, id, &at, 3, &w));
    OK(blob_write(w, "c", 1));
    OK(blob_writer_commit(&w, &info));
    assert_string_equal(info.sha256, sha_of_abc);
    assert_int_equal(n_parts(b), 0);
    // less on the disk than was acknowledged
    id_make(id);
    OK(blob_part_open(b, id, NULL, 3, &w));
    OK(blob_writer_suspend(&w, NULL));
    at = (struct blob_part){.offset = 9};
    FAILS(ERR_DATA, blob_part_open(b, id, &at, 3, &w));
    OK(blob_part_delete(b, id));
    FAILS(ERR_NOT_FOUND, blob_part_delete(b, id));
    blob_close(b);
}

// A blob and the part that it was made of: what cannot be recorded is gone on with.
static void test_published_beside_its_part(void **state)
{
    struct blob *b = open_in(*state);
    struct blob_writer *w;
    struct blob_part at;
    struct blob_info info;
    char id[ID_BYTES];
    char *bytes;
    size_t n;
    id_make(id);
    OK(blob_part_open(b, id, NULL, 3, &w));
    OK(blob_write(w, "a", 1));
    OK(blob_writer_mark(w, &at));
    assert_int_equal(at.offset, 1);
    OK(blob_write(w, "xy", 2));
    OK(blob_writer_publish(w, id, &info));
    assert_string_equal(info.key, id);
    assert_int_equal(info.n_bytes, 3);
    OK(blob_writer_suspend(&w, NULL));
    assert_int_equal(n_blobs(b), 1);
    assert_int_equal(n_parts(b), 1);
    OK(blob_delete(b, id));
    // from the mark again, over a blob that a crash left
    FILE *left;
    char path[BLOB_PATH_BYTES];
    OK(blob_part_open(b, id, &at, 2, &w));
    OK(blob_write(w, "b", 1));
    OK(blob_writer_publish(w, id, &info));
    OK(blob_path(b, id, path));
    assert_int_equal(unlink(path), 0);
    left = fopen(path, "w");
    assert_non_null(left);
    fclose(left);
    OK(blob_write(w, "c", 1));
    OK(blob_writer_publish(w, id, &info));
    assert_string_equal(info.sha256, sha_of_abc);
    blob_writer_abort(&w);
    assert_int_equal(n_parts(b), 0);
    OK(blob_get(b, id, 100, &bytes, &n));
    assert_int_equal(n, 3);
    assert_memory_equal(bytes, "abc", 3);
    mem_free(bytes);
    blob_close(b);
}

static void test_space(void **state)
{
    struct blob *b = open_in(*state);
    struct blob_writer *w;
    int64_t n_free;
    int64_t n_total;
    OK(blob_space(b, &n_free, &n_total));
    assert_true(n_free > 0 && n_total >= n_free);
    OK(blob_check_space(b, 1000));
    FAILS(ERR_NOSPACE, blob_check_space(b, n_total));
    assert_non_null(strstr(err_message(ERR_NOSPACE), "MiB are free"));
    FAILS(ERR_NOSPACE, blob_writer_create(b, n_total, &w));
    blob_close(b);
    const struct blob_opts opts = {.directory = *state, .reserve_bytes = n_total};
    OK(blob_open(&opts, &b));
    FAILS(ERR_NOSPACE, blob_writer_create(b, -1, &w));
    blob_close(b);
}

static void test_held_while_a_backup_is_made(void **state)
{
    struct blob *b = open_in(*state);
    struct blob_info info;
    int one;
    int two;
    OK(blob_put(b, "abc", 3, &info));
    OK(blob_hold(*state, &one));
    OK(blob_hold(*state, &two));
    FAILS(ERR_BUSY, blob_delete(b, info.key));
    close(one);
    FAILS(ERR_BUSY, blob_delete(b, info.key));
    close(two);
    OK(blob_delete(b, info.key));
    blob_close(b);
}

static void test_temp_and_adopt(void **state)
{
    struct blob *b = open_in(*state);
    char path[BLOB_PATH_BYTES];
    char left[BLOB_PATH_BYTES];
    struct blob_info info;
    OK(blob_temp_path(b, ".mp4", path));
    FILE *f = fopen(path, "w");
    fputs("abc", f);
    fclose(f);
    OK(blob_adopt(b, path, &info));
    assert_string_equal(info.sha256, sha_of_abc);
    assert_false(file_exists(path));
    FAILS(ERR_NOT_FOUND, blob_adopt(b, path, &info));
    // what a crash leaves in temp goes at the next start
    OK(blob_temp_path(b, "", left));
    f = fopen(left, "w");
    fclose(f);
    blob_close(b);
    b = open_in(*state);
    assert_false(file_exists(left));
    assert_int_equal(n_blobs(b), 1);
    blob_close(b);
}

// As root nothing is refused: the child becomes somebody else.
static void test_read_only_directory_is_said(void **state)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/ro", (const char *)*state);
    assert_int_equal(mkdir(path, 0555), 0);
    assert_int_equal(chmod(*state, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct blob *b;
        const struct blob_opts opts = {.directory = path};
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(2);
        _exit(blob_open(&opts, &b) == ERR_DENIED && strstr(err_message(ERR_DENIED), path) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

// Uploads fill the disk: each is refused as a whole, the part that is kept can be gone on from.
static int fill_the_disk(const char *directory)
{
    struct blob *b = NULL;
    struct blob_writer *w = NULL;
    struct blob_info info;
    struct blob_part at;
    static char bytes[64 * 1024];
    char id[ID_BYTES];
    if (!small_disk(directory, "3m"))
        return SKIPPED;
    const struct blob_opts opts = {.directory = directory, .reserve_bytes = 1};
    if (blob_open(&opts, &b) < 0 || blob_put(b, bytes, sizeof(bytes), &info) < 0)
        return 1;
    id_make(id);
    if (blob_part_open(b, id, NULL, -1, &w) < 0)
        return 2;
    int r = 0;
    for (int i = 0; r == 0 && i < 100; i++)
        r = blob_write(w, bytes, sizeof(bytes));
    if (r != ERR_NOSPACE || blob_write(w, bytes, 1) != ERR_NOSPACE)
        return 3;
    int64_t kept = blob_writer_offset(w);
    if (blob_writer_suspend(&w, &at) < 0 || at.offset != kept || kept < (int64_t)sizeof(bytes))
        return 4;
    // a blob that was there is there; with room made the upload goes on and is whole
    if (blob_delete(b, info.key) < 0 || blob_part_open(b, id, &at, -1, &w) < 0)
        return 5;
    if (blob_write(w, bytes, 100) < 0 || blob_writer_commit(&w, &info) < 0)
        return 6;
    char sha256[65];
    char path[BLOB_PATH_BYTES];
    if (blob_path(b, info.key, path) < 0 || file_sha256(path, sha256) < 0)
        return 7;
    blob_close(b);
    return info.n_bytes == kept + 100 && strcmp(sha256, info.sha256) == 0 ? 0 : 8;
}

static void test_full_disk(void **state)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_the_disk(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        print_message("skipped: no file system can be mounted here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_are_no_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_published_beside_its_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_space, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_while_a_backup_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_temp_and_adopt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_only_directory_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
