// SPDX-License-Identifier: Apache-2.0
// test_folder.c - folders of sequences, as truth and as detections.

#include "given.h"

#include <sys/stat.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "tracking/tracking.h"

enum {
    MAX_FILES = 8,
};

// Files of a folder, in the order in which they are made; NULL text: a folder.
struct given_file {
    const char *path, *text;
};

struct folder {
    char root[32];
    struct given_file files[MAX_FILES];
};

static const char *path_in(const struct folder *f, const char *path)
{
    static char text[128];
    snprintf(text, sizeof(text), "%s/%s", f->root, path);
    return text;
}

static void make(struct folder *f)
{
    memcpy(f->root, "/tmp/assay-test-XXXXXX", sizeof("/tmp/assay-test-XXXXXX"));
    assert_non_null(mkdtemp(f->root));
    for (size_t i = 0; i < MAX_FILES && f->files[i].path; i++) {
        const char *path = path_in(f, f->files[i].path);
        if (!f->files[i].text) {
            assert_int_equal(mkdir(path, 0700), 0);
            continue;
        }
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(f->files[i].text, out);
        fclose(out);
    }
}

static void unmake(struct folder *f)
{
    for (size_t i = MAX_FILES; i-- > 0;) {
        if (f->files[i].path)
            assert_int_equal(remove(path_in(f, f->files[i].path)), 0);
    }
    assert_int_equal(remove(f->root), 0);
}

static const struct folder truths = {.files = {{"b", NULL},
                                               {"b/gt", NULL},
                                               {"b/gt/gt.txt", "1,1,0,0,10,10\n2,1,0,0,10,10\n"},
                                               {"a", NULL},
                                               {"a/gt.txt", "1,1,0,0,10,10,1,1,1\n"
                                                            "1,2,50,0,10,10,1,3,1\n"},
                                               {"README", "no sequence"}}};
static const struct folder founds = {.files = {{"a.txt", "1,5,0,0,10,10,1\n"},
                                               {"data", NULL},
                                               {"data/b.txt", "1,5,0,0,10,10\n2,6,0,0,10,10\n"}}};

static void test_sequences(void **state)
{
    struct folder t = truths;
    struct folder f = founds;
    make(&t);
    make(&f);
    struct dataset *truth = NULL;
    struct dataset *found = NULL;
    assert_int_equal(dataset_read(t.root, DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &truth), 0);
    assert_int_equal(dataset_read(f.root, DATASET_DETECTIONS, DATASET_FORMAT_UNSET, truth, &found),
                     0);
    assert_int_equal(truth->n_videos, 2);
    assert_string_equal(truth->videos[0], "a"); // by name
    assert_int_equal(truth->n_classes, 1);
    assert_int_equal(truth->n_pictures, 3);
    assert_int_equal(truth->pictures[1].frame, 0);
    assert_int_equal(truth->pictures[1].video, 1);
    assert_int_equal(truth->n_others, 1); // the car
    assert_int_equal(found->n_objects, 3);
    assert_int_equal(found->objects[2].picture, 2);
    assert_true(given_has_notice(truth, "a: 1 truth rows"));
    struct arena *a;
    struct tracking_result r;
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(tracking_evaluate(truth, found, NULL, a, &r), 0);
    assert_int_equal(r.n_sequences, 2);
    assert_int_equal(r.sequences[0].overall.idsw, 0);
    assert_int_equal(r.sequences[1].overall.idsw, 1);
    assert_int_equal(r.overall.tp, 3);
    arena_destroy(a);
    dataset_destroy(found);
    dataset_destroy(truth);
    unmake(&t);
    unmake(&f);
}

static void test_refused(void **state)
{
    struct folder t = truths;
    struct folder empty = {.files = {{"README", "no sequence"}}};
    struct folder half = {.files = {{"a.txt", "1,5,0,0,10,10,1\n"}}};
    struct folder coco = {.files = {{"a.txt", "[]"}, {"b.txt", "[]"}}};
    struct folder *all[] = {&t, &empty, &half, &coco};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        make(all[i]);
    struct dataset *one = given_truth("1,1,0,0,10,10\n");
    struct dataset *truth = NULL;
    struct dataset *d = NULL;
    const enum dataset_format any = DATASET_FORMAT_UNSET;
    assert_int_equal(dataset_read(t.root, DATASET_TRUTH, any, NULL, &truth), 0);
    assert_int_equal(dataset_read(empty.root, DATASET_TRUTH, any, NULL, &d), ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "a directory without sequences"));
    assert_int_equal(dataset_read(half.root, DATASET_DETECTIONS, any, truth, &d), ERR_NOT_FOUND);
    assert_non_null(strstr(err_message(ERR_NOT_FOUND), "no detections of sequence 'b'"));
    assert_int_equal(dataset_read(coco.root, DATASET_DETECTIONS, any, truth, &d), ERR_UNSUPPORTED);
    assert_int_equal(dataset_read(half.root, DATASET_DETECTIONS, any, one, &d), ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "the truth names no videos"));
    dataset_destroy(truth);
    dataset_destroy(one);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        unmake(all[i]);
}

static void test_out_of_memory(void **state)
{
    struct folder t = truths;
    struct folder f = founds;
    make(&t);
    make(&f);
    struct dataset *truth = NULL;
    assert_int_equal(dataset_read(t.root, DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &truth), 0);
    for (int role = 0; role < 2; role++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            struct dataset *d = NULL;
            assert_true(n < 2000);
            mem_test_fail_at(n);
            int r = dataset_read(role ? f.root : t.root, role ? DATASET_DETECTIONS : DATASET_TRUTH,
                                 DATASET_FORMAT_UNSET, role ? truth : NULL, &d);
            failed = !mem_test_fail_pending();
            mem_test_fail_at(0);
            if (r != (failed ? ERR_NOMEM : 0))
                fail_msg("role %d, allocation %ld: %d %s", role, n, r, err_message(r));
            dataset_destroy(d);
        }
    }
    dataset_destroy(truth);
    unmake(&t);
    unmake(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
