// SPDX-License-Identifier: Apache-2.0
// blob_test.h - a folder of its own for each test. Include it after cmocka.h.
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define OK(call)          test_ok((call), __FILE__, __LINE__)
#define FAILS(code, call) assert_int_equal((call), (code))

static inline void test_ok(int r, const char *file, int line)
{
    if (r != 0) {
        print_error("%s: %s\n", err_name(r), err_message(r));
        _assert_int_equal(0, (unsigned)-r, file, line);
    }
}

static inline int test_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int setup(void **state)
{
    char *directory = calloc(1, 64);
    const char *tmp = getenv("TMPDIR");
    snprintf(directory, 64, "%.40s/assay-blob-XXXXXX", tmp ? tmp : "/tmp");
    *state = directory;
    return mkdtemp(directory) ? 0 : -1;
}

static inline int teardown(void **state)
{
    nftw(*state, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}
