// SPDX-License-Identifier: Apache-2.0
// test_archive.c - archives written and read, as tar reads them, and every way of being broken.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "blob/archive.h"
#include "blob_test.h"

static void make(const char *path, size_t n_big)
{
    struct archive_out *o;
    char *big = mem_array(char, n_big);
    memset(big, 'x', n_big);
    OK(archive_out_open(path, &o));
    OK(archive_out_bytes(o, "first", "abc", 3));
    OK(archive_out_bytes(o, "a/b/big", big, n_big));
    OK(archive_out_bytes(o, "empty", "", 0));
    FAILS(ERR_INVALID, archive_out_bytes(o, "../up", "", 0));
    FAILS(ERR_INVALID, archive_out_bytes(o, "/root", "", 0));
    OK(archive_out_commit(&o));
    mem_free(big);
}

static void test_written_and_read(void **state)
{
    static const size_t sizes[] = {511, 512, 513, 300000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char path[128];
        struct archive_in *in;
        struct archive_entry e;
        char bytes[1000];
        size_t n;
        size_t total = 0;
        snprintf(path, sizeof(path), "%s/x%zu.tar", (const char *)*state, i);
        make(path, sizes[i]);
        OK(archive_in_open(path, &in));
        OK(archive_in_next(in, &e));
        assert_string_equal(e.name, "first");
        OK(archive_in_read(in, bytes, sizeof(bytes), &n));
        assert_int_equal(n, 3);
        assert_memory_equal(bytes, "abc", 3);
        OK(archive_in_read(in, bytes, sizeof(bytes), &n));
        assert_int_equal(n, 0);
        OK(archive_in_next(in, &e));
        assert_string_equal(e.name, "a/b/big");
        assert_int_equal(e.n_bytes, sizes[i]);
        do {
            OK(archive_in_read(in, bytes, sizeof(bytes), &n));
            total += n;
        } while (n > 0 && i % 2 == 0); // or left to be skipped
        if (i % 2 == 0)
            assert_int_equal(total, sizes[i]);
        OK(archive_in_next(in, &e));
        assert_int_equal(e.n_bytes, 0);
        FAILS(ERR_EOF, archive_in_next(in, &e));
        FAILS(ERR_EOF, archive_in_next(in, &e));
        archive_in_close(in);
        char command[400];
        snprintf(command, sizeof(command),
                 "tar -tf '%s' | tr '\\n' ' ' | grep -q '^first a/b/big empty $'", path);
        assert_int_equal(system(command), 0);
    }
}

static int read_all(const char *path)
{
    struct archive_in *in;
    struct archive_entry e;
    char bytes[4096];
    size_t n;
    int r = archive_in_open(path, &in);
    if (r < 0)
        return r;
    while (r == 0) {
        r = archive_in_next(in, &e);
        while (r == 0) {
            r = archive_in_read(in, bytes, sizeof(bytes), &n);
            if (r == 0 && n == 0)
                break;
        }
    }
    archive_in_close(in);
    return r;
}

static void test_broken_ones_are_refused(void **state)
{
    char path[128];
    char cut[128];
    char *bytes;
    size_t n;
    snprintf(path, sizeof(path), "%s/x.tar", (const char *)*state);
    snprintf(cut, sizeof(cut), "%s/cut.tar", (const char *)*state);
    make(path, 2000);
    FAILS(ERR_EOF, read_all(path));
    OK(file_read(path, 1 << 20, &bytes, &n));
    for (size_t keep = 0; keep <= n - 1024; keep += 37) { // without the end's blocks
        FILE *f = fopen(cut, "w");
        fwrite(bytes, 1, keep, f);
        fclose(f);
        FAILS(ERR_DATA, read_all(cut));
    }
    static const struct {
        size_t at;
        char c;
    } flips[] = {{0, '/'}, {0, '.'}, {124, 'z'}, {148, '9'}, {156, '2'}, {257, 'x'}, {345, 'p'}};
    for (size_t i = 0; i < ARRAY_LEN(flips); i++) {
        FILE *f = fopen(cut, "w");
        char old = bytes[flips[i].at];
        bytes[flips[i].at] = flips[i].c;
        fwrite(bytes, 1, n, f);
        bytes[flips[i].at] = old;
        fclose(f);
        FAILS(ERR_DATA, read_all(cut));
    }
    mem_free(bytes);
    FAILS(ERR_NOT_FOUND, read_all("/nowhere.tar"));
}

static void test_links_and_folders_are_refused(void **state)
{
    char command[400];
    char path[128];
    snprintf(path, sizeof(path), "%s/l.tar", (const char *)*state);
    snprintf(command, sizeof(command),
             "cd '%s' && ln -s /etc/passwd link && tar --format=ustar -cf l.tar link",
             (const char *)*state);
    assert_int_equal(system(command), 0);
    FAILS(ERR_DATA, read_all(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_ones_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_and_folders_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
