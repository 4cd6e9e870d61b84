// SPDX-License-Identifier: Apache-2.0
// test_file.c - whole files, outputs that appear at once, full disks, folders, devices; digests.

#include "base/digest.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

static char folder[] = "/tmp/assay-test-file-XXXXXX";
static char path[128];
static char part[128];

static int setup(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/out", folder);
    snprintf(part, sizeof(part), "%s/out.part", folder);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    unlink(part);
    return rmdir(folder); // fails when a test left something behind
}

static void write_file(const char *text, size_t n)
{
    struct file_out *o;
    assert_int_equal(file_out_open(path, &o), 0);
    assert_int_equal(file_out_write(o, text, n), 0);
    assert_int_equal(file_out_commit(&o), 0);
    assert_null(o);
}

static void test_read(void **state)
{
    char *bytes = NULL;
    size_t n;
    write_file("hello", 5);
    assert_int_equal(file_read(path, 5, &bytes, &n), 0);
    assert_int_equal(n, 5);
    assert_string_equal(bytes, "hello");
    mem_free(bytes);
    assert_int_equal(file_read(path, 4, &bytes, &n), ERR_TOO_BIG);
    assert_int_equal(file_read(path, SIZE_MAX, &bytes, &n), 0);
    mem_free(bytes);
    write_file("", 0);
    assert_int_equal(file_read(path, 0, &bytes, &n), 0);
    assert_int_equal(n, 0);
    assert_string_equal(bytes, "");
    mem_free(bytes);
    assert_int_equal(file_read(folder, 100, &bytes, &n), ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "is a directory"));
    assert_int_equal(file_read("/nonexistent/x", 100, &bytes, &n), ERR_NOT_FOUND);
    assert_int_equal(file_read("/dev/zero", 1000000, &bytes, &n), ERR_TOO_BIG); // no end
    assert_int_equal(file_read("/dev/null", 10, &bytes, &n), 0);
    mem_free(bytes);
    assert_int_equal(file_read("/proc/self/status", MIB, &bytes, &n), 0); // says 0 bytes
    assert_true(n > 100);
    mem_free(bytes);
    assert_true(file_exists(path) && !file_exists("/nonexistent"));
    assert_true(file_is_directory(folder) && !file_is_directory(path));
}

static void test_commit_and_abort(void **state)
{
    struct file_out *o;
    write_file("old", 3);
    assert_int_equal(file_out_open(path, &o), 0);
    assert_string_equal(file_out_path(o), part);
    assert_int_equal(file_out_write(o, "new", 3), 0);
    assert_int_equal(file_out_flush(o), 0);
    assert_true(file_exists(part));
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, 100, &bytes, &n), 0);
    assert_string_equal(bytes, "old"); // until the commit
    mem_free(bytes);
    file_out_abort(&o);
    assert_null(o);
    assert_false(file_exists(part));
    file_out_abort(&o);
}

static void test_large_writes_keep_their_order(void **state)
{
    enum {
        N = 3 * FILE_OUT_BUFFER,
    };
    static unsigned char data[N];
    for (size_t i = 0; i < N; i++)
        data[i] = (unsigned char)(i * 7 + i / 256);
    static const size_t steps[] = {
        1, 1000, FILE_OUT_BUFFER - 1, FILE_OUT_BUFFER, FILE_OUT_BUFFER + 1, N};
    for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
        struct file_out *o;
        assert_int_equal(file_out_open(path, &o), 0);
        assert_int_equal(file_out_write(o, data, 3), 0);
        for (size_t i = 3; i < N; i += steps[k])
            assert_int_equal(file_out_write(o, data + i, MIN(steps[k], N - i)), 0);
        assert_int_equal(file_out_commit(&o), 0);
        char *bytes;
        size_t n;
        assert_int_equal(file_read(path, 2 * N, &bytes, &n), 0);
        assert_int_equal(n, N);
        assert_memory_equal(bytes, data, N);
        mem_free(bytes);
    }
}

static void test_full_disk(void **state)
{
    struct file_out *o;
    struct stat before;
    struct stat after;
    static const char block[FILE_OUT_BUFFER] = "x";
    assert_int_equal(stat("/dev/full", &before), 0);
    assert_int_equal(file_out_open("/dev/full", &o), 0);
    assert_int_equal(file_out_write(o, "a", 1), 0); // buffered
    assert_int_equal(file_out_write(o, block, sizeof(block)), ERR_NOSPACE);
    for (int i = 0; i < 2; i++) { // sticky, with its message
        err_clear();
        assert_int_equal(file_out_write(o, "b", 1), ERR_NOSPACE);
        assert_string_equal(err_message(ERR_NOSPACE), "/dev/full: No space left on device");
    }
    assert_int_equal(file_out_commit(&o), ERR_NOSPACE);
    assert_int_equal(stat("/dev/full", &after), 0);
    assert_true(before.st_ino == after.st_ino && S_ISCHR(after.st_mode)); // not renamed over
}

// What a link names is replaced and not the link, be it to a file of ours or a standard stream.
static void test_links(void **state)
{
    char link[160];
    snprintf(link, sizeof(link), "%s/link", folder);
    write_file("old", 3);
    assert_int_equal(symlink(path, link), 0);
    struct file_out *o;
    assert_int_equal(file_out_open(link, &o), 0);
    assert_int_equal(file_out_write(o, "new", 3), 0);
    assert_int_equal(file_out_commit(&o), 0);
    struct stat st;
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, 100, &bytes, &n), 0);
    assert_string_equal(bytes, "new");
    mem_free(bytes);
    assert_int_equal(unlink(link), 0);

    assert_int_equal(file_out_open("/dev/stdout", &o), 0);
    assert_string_equal(file_out_path(o), "standard output");
    assert_int_equal(file_out_commit(&o), 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char *name;
    char *part_name;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    assert_int_equal(file_out_names(link, &name, &part_name), 0);
    assert_null(part_name); // in place
    mem_free(name);
    close(fd);
}

static void test_bad_places(void **state)
{
    struct file_out *o;
    assert_int_equal(file_out_open("/nonexistent/x", &o), ERR_NOT_FOUND);
    assert_int_equal(file_out_open(folder, &o), ERR_INVALID);
    char below[160];
    write_file("x", 1);
    snprintf(below, sizeof(below), "%s/y", path);
    assert_int_equal(file_out_open(below, &o), ERR_NOT_FOUND); // its folder is a file
    assert_int_equal(file_out_open("-", &o), 0);
    assert_string_equal(file_out_path(o), "standard output");
    assert_int_equal(file_out_commit(&o), 0);
    assert_true(write(STDOUT_FILENO, "", 0) == 0); // still open
}

static void test_digest_and_pointer(void **state)
{
    char hex[65];
    write_file("abc", 3);
    assert_int_equal(file_sha256(path, hex), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(file_sha256("/nonexistent", hex), ERR_NOT_FOUND);
    assert_int_equal(file_sha256(folder, hex), ERR_INVALID);
    unsigned char a[DIGEST_KEYED_BYTES];
    unsigned char b[DIGEST_KEYED_BYTES];
    digest_keyed("abc", 3, a);
    digest_keyed("abc", 3, b);
    assert_memory_equal(a, b, sizeof(a));
    digest_keyed("abd", 3, b);
    assert_memory_not_equal(a, b, sizeof(a));
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n";
    assert_true(file_is_lfs_pointer(pointer, sizeof(pointer)));
    assert_false(file_is_lfs_pointer(pointer, 10));
}

static void test_allocation_failure(void **state)
{
    write_file("hello", 5);
    for (long n = 1; n < 10; n++) {
        struct file_out *o = NULL;
        char *bytes = NULL;
        size_t n_bytes;
        mem_test_fail_at(n);
        int r = file_out_open(path, &o);
        if (r == 0)
            r = file_read(path, 100, &bytes, &n_bytes);
        bool over = mem_test_fail_pending();
        mem_test_fail_at(0);
        file_out_abort(&o);
        mem_free(bytes);
        assert_int_equal(r, over ? 0 : ERR_NOMEM);
        assert_false(file_exists(part));
        if (over)
            return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_commit_and_abort),
        cmocka_unit_test(test_large_writes_keep_their_order),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_bad_places),
        cmocka_unit_test(test_digest_and_pointer),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
