// SPDX-License-Identifier: Apache-2.0
// test_formats_expected.c - the same annotations in every format are the same boxes, with the same
// figures; samples of other programs have the counts that stand in their files.

#include "given.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/evaluation.h"

#define PADILLA  "annotation_formats/padilla_database/"
#define DATUMARO "annotation_formats/datumaro_small/"

static const char *data(void)
{
    const char *folder = getenv("ASSAY_TEST_DATA");
    if (!folder || access(folder, R_OK) < 0) {
        print_message("no test data: ASSAY_TEST_DATA names no folder\n");
        skip();
    }
    return folder;
}

static struct str stem_of(const char *path)
{
    struct str s = str_of(path);
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == '/') {
            s = (struct str){s.p + i, s.n - i};
            break;
        }
    }
    while (s.n > 0 && s.p[s.n - 1] != '.')
        s.n--;
    return s;
}

// The sizes that the reference has: *arg* is a dataset.
static int size_from(void *arg, const char *path, int *ret_width, int *ret_height)
{
    const struct dataset *d = arg;
    for (size_t i = 0; i < d->n_pictures; i++) {
        if (str_equal(stem_of(path), stem_of(d->pictures[i].file_name))) {
            *ret_width = d->pictures[i].width;
            *ret_height = d->pictures[i].height;
            return 0;
        }
    }
    return err_set(ERR_NOT_FOUND, "%s", path);
}

static struct dataset *read_at(const char *path, struct dataset_read_opts o)
{
    char whole[1024];
    char images[1024];
    struct dataset *d = NULL;
    snprintf(whole, sizeof(whole), "%s/%s", data(), path);
    if (o.images) {
        snprintf(images, sizeof(images), "%s/%s", data(), o.images);
        o.images = images;
    }
    int r = dataset_read_with(whole, &o, &d);
    if (r < 0)
        fail_msg("%s: %s", path, err_message(r));
    return d;
}

// ---- one set of annotations in nine formats

static const char *const truths[] = {
    PADILLA "gts/pascalvoc_format",
    PADILLA "gts/imagenet_format",
    PADILLA "gts/labelme_format",
    PADILLA "gts/cvat_format",
    PADILLA "gts/openimages_format",
    PADILLA "gts/yolo_format",
    PADILLA "gts/coco_format_v1/instances_default.json",
    PADILLA "gts/coco_format_v2/instances_v2.json",
    PADILLA "gt.json",
};

static struct dataset *read_truth(const char *path, struct dataset *reference)
{
    return read_at(path, (struct dataset_read_opts){.role = DATASET_TRUTH,
                                                    .images = PADILLA "images",
                                                    .picture_size = size_from,
                                                    .arg = reference});
}

// Object *o* of *d* is one of *reference* that is not taken yet.
static bool take_same(const struct dataset *d, const struct dataset_object *o,
                      const struct dataset *reference, bool *taken)
{
    for (size_t i = 0; i < reference->n_objects; i++) {
        const struct dataset_object *a = &reference->objects[i];
        if (!taken[i] && fabs(a->x - o->x) < 1e-9 && fabs(a->y - o->y) < 1e-9 &&
            fabs(a->w - o->w) < 1e-9 && fabs(a->h - o->h) < 1e-9 &&
            strcmp(d->classes[o->class_index].name, reference->classes[a->class_index].name) == 0 &&
            str_equal(stem_of(d->pictures[o->picture].file_name),
                      stem_of(reference->pictures[a->picture].file_name))) {
            taken[i] = true;
            return true;
        }
    }
    return false;
}

static void test_same_boxes(void **state)
{
    struct dataset *reference =
        read_at(PADILLA "gt.json", (struct dataset_read_opts){.role = DATASET_TRUTH});
    assert_int_equal(reference->n_objects, 273);
    for (size_t k = 0; k < ARRAY_LEN(truths); k++) {
        struct dataset *d = read_truth(truths[k], reference);
        bool *taken = mem_array(bool, reference->n_objects);
        if (d->n_pictures != 100 || d->n_objects != 273 || d->n_classes != 20)
            fail_msg("%s: %zu pictures, %zu objects, %zu classes", truths[k], d->n_pictures,
                     d->n_objects, d->n_classes);
        for (size_t i = 0; i < d->n_objects; i++) {
            if (!take_same(d, &d->objects[i], reference, taken))
                fail_msg("%s: object %zu is not one of the reference", truths[k], i);
        }
        mem_free(taken);
        dataset_destroy(d);
    }
    dataset_destroy(reference);
}

// Pascal's own meaning of the corners: each box a pixel to the left and above, and one larger.
static void test_voc_pixels(void **state)
{
    struct dataset *corners = read_at(truths[0], (struct dataset_read_opts){.role = DATASET_TRUTH});
    struct dataset *pixels =
        read_at(truths[0],
                (struct dataset_read_opts){.role = DATASET_TRUTH, .voc_boxes = DATASET_VOC_PIXELS});
    assert_int_equal(corners->n_objects, pixels->n_objects);
    size_t n_difficult = 0;
    for (size_t i = 0; i < corners->n_objects; i++) {
        const struct dataset_object *a = &corners->objects[i];
        const struct dataset_object *b = &pixels->objects[i];
        assert_true(b->x == a->x - 1 && b->y == a->y - 1 && b->w == a->w + 1 && b->h == a->h + 1);
        n_difficult += (a->marks & DATASET_DIFFICULT) != 0;
    }
    assert_int_equal(n_difficult, 38);
    dataset_destroy(corners);
    dataset_destroy(pixels);
}

static const char names_text[] =
    "aeroplane\nbicycle\nbird\nboat\nbottle\nbus\ncar\ncat\nchair\ncow\ndiningtable\ndog\nhorse\n"
    "motorbike\nperson\npottedplant\nsheep\nsofa\ntrain\ntvmonitor\n";

static void check_figures(const struct dataset *truth, const struct dataset *found,
                          const json_t *stats, const char *what)
{
    static const char *const keys[] = {"AP",  "AP50", "AP75",  "APs", "APm", "APl",
                                       "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};
    struct evaluation e;
    assert_int_equal(evaluation_run(truth, found, NULL, &e), 0);
    const struct evaluation_coco *c = &e.coco;
    const double figures[] = {c->ap,    c->ap50,  c->ap75,  c->ap_small, c->ap_medium, c->ap_large,
                              c->ar[0], c->ar[1], c->ar[2], c->ar_small, c->ar_medium, c->ar_large};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        double wanted = json_number_value(json_object_get(stats, keys[i]));
        if (!(fabs(figures[i] - wanted) < 1e-9))
            fail_msg("%s: %s is %.12g, not %.12g", what, keys[i], figures[i], wanted);
    }
    evaluation_finish(&e);
}

// Every format of truth with every format of detections has the twelve figures.
static void test_same_figures(void **state)
{
    static const char *const founds[] = {PADILLA "dets/abs_xywh", PADILLA "dets/abs_xyx2y2",
                                         PADILLA "dets/rel_xywh"};
    char path[1024];
    snprintf(path, sizeof(path), "%s/" PADILLA "expected.json", data());
    json_t *expected = json_load_file(path, 0, NULL);
    assert_non_null(expected);
    char names[] = "/tmp/assay-test-XXXXXX";
    int fd = mkstemp(names);
    assert_int_equal(write(fd, names_text, sizeof(names_text) - 1), sizeof(names_text) - 1);
    close(fd);
    struct dataset *reference =
        read_at(PADILLA "gt.json", (struct dataset_read_opts){.role = DATASET_TRUTH});
    for (size_t k = 0; k < ARRAY_LEN(truths); k++) {
        struct dataset *truth = read_truth(truths[k], reference);
        for (size_t f = 0; f < ARRAY_LEN(founds); f++) {
            struct dataset *d =
                read_at(founds[f], (struct dataset_read_opts){.role = DATASET_DETECTIONS,
                                                              .truth = truth,
                                                              .names = names,
                                                              .images = PADILLA "images",
                                                              .picture_size = size_from,
                                                              .arg = reference});
            assert_int_equal(d->n_objects, 452);
            check_figures(truth, d, json_object_get(expected, "stats"), truths[k]);
            dataset_destroy(d);
        }
        dataset_destroy(truth);
    }
    dataset_destroy(reference);
    unlink(names);
    json_decref(expected);
}

// ---- samples

static const struct {
    const char *path, *format;
    size_t n_pictures, n_classes, n_objects;
} samples[] = {
    {"annotation_formats/cvat_video_traffic/annotations.xml", "cvat", 221, 2, 1740},
    {DATUMARO "cvat_dataset/for_video/annotations.xml", "cvat", 4, 3, 1},
    {DATUMARO "cvat_dataset/for_images/export_project", "cvat", 6, 2, 6},
    {DATUMARO "cvat_dataset/for_images/export_task/train.xml", "cvat", 2, 3, 2},
    {DATUMARO "mot_dataset/mot_seq", "mot-cvat", 1, 10, 1},
    {DATUMARO "mot_dataset/mot_seq_with_seqinfo", "mot-cvat", 1, 10, 1},
    {DATUMARO "vott_csv_dataset/dataset", "vott", 4, 2, 5},
    {DATUMARO "vott_csv_dataset/dataset_with_meta_file/test-export.csv", "vott", 2, 2, 2},
    {DATUMARO "labelme_dataset", "voc", 1, 7, 7},
    {DATUMARO "voc_dataset/voc_dataset1", "voc", 1, 2, 2},
    {DATUMARO "voc_dataset/voc_dataset2", "voc", 5, 4, 4},
    {DATUMARO "voc_dataset/voc_dataset3", "voc", 1, 1, 1},
    {DATUMARO "yolo_dataset/labels", "yolo", 2, 10, 4},
    {DATUMARO "yolo_dataset/annotations", "yolo", 1, 10, 2},
    {DATUMARO "yolo_dataset/strict", "yolo", 1, 10, 2},
    {DATUMARO "coco_dataset/coco/annotations/instances_train.json", "coco", 1, 3, 1},
    {"annotation_formats/yolo_coco8", "yolo", 8, 12, 30},
};

static int any_size(void *arg, const char *path, int *ret_width, int *ret_height)
{
    *ret_width = 15;
    *ret_height = 10;
    return 0;
}

static void test_samples(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct dataset *d =
            read_at(samples[i].path,
                    (struct dataset_read_opts){.role = DATASET_TRUTH, .picture_size = any_size});
        if (strcmp(d->format, samples[i].format) != 0 || d->n_pictures != samples[i].n_pictures ||
            d->n_classes != samples[i].n_classes || d->n_objects != samples[i].n_objects)
            fail_msg("%s: %s, %zu pictures, %zu classes, %zu objects", samples[i].path, d->format,
                     d->n_pictures, d->n_classes, d->n_objects);
        dataset_destroy(d);
    }
}

// Twenty tracks; without its boxes between keyframes the file would give the same ones again.
static void test_traffic(void **state)
{
    struct dataset *d = read_at(samples[0].path, (struct dataset_read_opts){.role = DATASET_TRUTH});
    bool seen[20] = {false};
    for (size_t i = 0; i < d->n_objects; i++) {
        assert_in_range(d->objects[i].track_id, 0, 19);
        seen[d->objects[i].track_id] = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_true(seen[i]);
    assert_int_equal(d->pictures[220].frame, 220);
    assert_int_equal(d->pictures[0].width, 1280);
    assert_false(given_has_notice(d, "interpolated"));
    dataset_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_boxes),   cmocka_unit_test(test_voc_pixels),
        cmocka_unit_test(test_same_figures), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
