// SPDX-License-Identifier: Apache-2.0
// test_converted.c - a truth is converted once, for whoever asks, and again where anything it was
// made of is another.

#include "api/converted.h"

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_priv.h"
#include "base/err.h"
#include "base/thread.h"
#include "blob/blob.h"
#include "store/store_truth.h"

#define OK(call) assert_int_equal((call), 0)

enum {
    N_THREADS = 4,
};

struct fixture {
    char directory[64];
    struct api api;
    char key[ID_BYTES];
};

static atomic_int n_made;
static atomic_int n_at_work;
static atomic_int n_most; // at work at once
static bool is_slow;

// "COCO-OF-THE-TRUTH as FORMAT, WxH".
static int export_truth(void *arg, const struct api_export_wanted *w, const char **ret_ending)
{
    (void)arg;
    int at_work = atomic_fetch_add(&n_at_work, 1) + 1;
    if (at_work > atomic_load(&n_most))
        atomic_store(&n_most, at_work);
    atomic_fetch_add(&n_made, 1);
    for (int i = 0; is_slow && i < 20; i++)
        sched_yield();
    int r = strcmp(w->format, "none") == 0 ? err_set(ERR_INVALID, "no format") : 0;
    FILE *f = r == 0 ? fopen(w->out_path, "wx") : NULL;
    if (f) {
        assert_true(fprintf(f, "%s, %dx%d", w->format, w->width, w->height) > 0);
        OK(fclose(f));
    }
    *ret_ending = "tar";
    atomic_fetch_sub(&n_at_work, 1);
    return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    struct blob_info info;
    snprintf(f->directory, sizeof(f->directory), "%.30s/assay-converted-XXXXXX",
             tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->directory));
    OK(blob_open(&(struct blob_opts){.directory = f->directory, .reserve_bytes = 1},
                 &f->api.opts.blob));
    OK(blob_put(f->api.opts.blob, "{}", 2, &info));
    memcpy(f->key, info.key, ID_BYTES);
    f->api.opts.tools.export_truth = export_truth;
    OK(converted_create(&f->api.converted));
    atomic_store(&n_made, 0);
    atomic_store(&n_most, 0);
    is_slow = false;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    converted_destroy(f->api.converted);
    blob_close(f->api.opts.blob);
    nftw(f->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static int ask(struct fixture *f, const char *format, int width, int64_t n_frames)
{
    const struct store_truth t = {.coco_key = f->key, .n_frames = n_frames};
    const struct converted_wanted w = {.truth = &t, .format = format, .width = width, .height = 8};
    char wanted[64];
    char got[64] = {0};
    const char *ending = NULL;
    int fd = -1;
    int r = converted_open(&f->api, &w, &fd, &ending);
    if (r < 0)
        return r;
    snprintf(wanted, sizeof(wanted), "%s, %dx8", format, width);
    bool is_right = pread(fd, got, sizeof(got) - 1, 0) == (ssize_t)strlen(wanted) &&
                    strcmp(got, wanted) == 0 && strcmp(ending, "tar") == 0;
    close(fd);
    return is_right ? 0 : ERR_DATA;
}

static void test_made_once(void **state)
{
    static const struct {
        const char *format;
        int width, n_made;
    } rows[] = {
        {"yolo", 10, 1}, {"yolo", 10, 1}, {"voc", 10, 2},  {"yolo", 10, 2},
        {"yolo", 11, 3}, {"voc", 10, 3},  {"yolo", 10, 3},
    };
    struct fixture *f = *state;
    char temp[96];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        OK(ask(f, rows[i].format, rows[i].width, 1));
        assert_int_equal(atomic_load(&n_made), rows[i].n_made);
    }
    snprintf(temp, sizeof(temp), "%s/temp", f->directory);
    OK(rmdir(temp)); // nothing lies there
}

// The longest unused goes.
static void test_no_more_than_so_many(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < CONVERTED_FILES; i++)
        OK(ask(f, "yolo", 1 + i, 1));
    OK(ask(f, "yolo", 1, 1));
    assert_int_equal(atomic_load(&n_made), CONVERTED_FILES);
    OK(ask(f, "voc", 1, 1)); // the second's place
    OK(ask(f, "yolo", 1, 1));
    assert_int_equal(atomic_load(&n_made), CONVERTED_FILES + 1);
    OK(ask(f, "yolo", 2, 1));
    assert_int_equal(atomic_load(&n_made), CONVERTED_FILES + 2);
}

static void test_failures_are_not_kept(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, "none", 10, 1), ERR_INVALID);
    assert_int_equal(ask(f, "none", 10, 1), ERR_INVALID);
    assert_int_equal(atomic_load(&n_made), 2);
    // more than the disk holds: not begun
    assert_int_equal(ask(f, "yolo", 10, INT64_C(1) << 40), ERR_NOSPACE);
    assert_int_equal(atomic_load(&n_made), 2);
    OK(ask(f, "yolo", 10, 1));
}

struct asking {
    struct fixture *f;
    int first;
    int r;
};

static void ask_all(void *arg)
{
    struct asking *a = arg;
    for (int i = 0; i < 8 && a->r == 0; i++)
        a->r = ask(a->f, "yolo", 1 + (a->first + i) % 8, 1);
}

static void test_side_by_side(void **state)
{
    struct fixture *f = *state;
    struct thread threads[N_THREADS] = {0};
    struct asking asking[N_THREADS];
    is_slow = true;
    for (int i = 0; i < N_THREADS; i++) {
        asking[i] = (struct asking){.f = f, .first = i / 2};
        OK(thread_start(&threads[i], "ask", ask_all, &asking[i]));
    }
    for (int i = 0; i < N_THREADS; i++)
        thread_join(&threads[i]);
    for (int i = 0; i < N_THREADS; i++)
        OK(asking[i].r);
    assert_int_equal(atomic_load(&n_made), 8);
    assert_true(atomic_load(&n_most) <= CONVERTED_SIDE_BY_SIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_more_than_so_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_side_by_side, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
