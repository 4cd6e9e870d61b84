// SPDX-License-Identifier: Apache-2.0
// test_write.c - every format gives back what it can hold, says what it cannot, and writes nothing
// that runs or breaks out.

#include "given.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "dataset/write.h"

enum {
    N_SETS = 40, // generated datasets per format
    MAX_OBJECTS = 60,
    MAX_PICTURES = 12,
    MAX_CLASSES = 5,
    WIDTH = 640,
    HEIGHT = 480,
};

struct made {
    struct dataset d;
    struct dataset_class classes[MAX_CLASSES];
    struct dataset_picture pictures[MAX_PICTURES];
    struct dataset_object objects[MAX_OBJECTS];
    char names[MAX_PICTURES][32];
};

static uint64_t seed;

static uint32_t roll(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

// Of pictures with names, or of frames of a video with tracks. *plain*: only people, none ignored.
static void make(struct made *m, uint64_t number, bool video, bool whole, bool plain)
{
    static const char *const labels[] = {"person", "a \"b\" & <c>", "caf\xc3\xa9", "x,y;z", "car"};
    seed = number * 7919 + 1;
    *m = (struct made){0};
    m->d.n_classes = plain ? 1 : 1 + roll(MAX_CLASSES);
    m->d.n_pictures = 1 + roll(MAX_PICTURES);
    m->d.n_objects = roll(MAX_OBJECTS);
    for (size_t i = 0; i < m->d.n_classes; i++)
        m->classes[i] = (struct dataset_class){(int64_t)i + 1, labels[i]};
    for (size_t i = 0; i < m->d.n_pictures; i++) {
        snprintf(m->names[i], sizeof(m->names[i]), "p %02zu.jpg", i);
        m->pictures[i] = (struct dataset_picture){
            .id = (int64_t)i + 1,
            .file_name = video ? NULL : m->names[i],
            .frame = video ? (int64_t)i : -1,
            .pts_us = video && i % 3 != 1 ? (int64_t)i * 40000 - 7 : INT64_MIN,
            .width = WIDTH,
            .height = HEIGHT};
    }
    for (size_t i = 0; i < m->d.n_objects; i++) {
        struct dataset_object *o = &m->objects[i];
        double part = whole ? 1 : 0.25;
        o->picture = (int32_t)(i * m->d.n_pictures / m->d.n_objects);
        o->class_index = (int32_t)roll((uint32_t)m->d.n_classes);
        o->w = (1 + roll(100)) * part;
        o->h = (1 + roll(100)) * part;
        o->x = roll(500) * part;
        o->y = roll(300) * part;
        o->area = o->w * o->h;
        o->confidence = (1 + roll(1000)) / 1024.0; // exact in float32
        o->track_id = video ? (int64_t)i + 1 : -1;
        o->id = (int64_t)i + 1;
        o->marks = (uint8_t)roll(8);
        o->crowd = o->ignore = roll(8) == 0 && !plain;
    }
    m->d.classes = m->classes;
    m->d.pictures = m->pictures;
    m->d.objects = m->objects;
    m->d.n_judged = m->d.n_pictures;
    m->d.format = "made";
}

static int picture_size(void *arg, const char *path, int *ret_width, int *ret_height)
{
    *ret_width = WIDTH;
    *ret_height = HEIGHT;
    return 0;
}

static void put_pictures(const struct made *m, const char *folder)
{
    for (size_t i = 0; i < m->d.n_pictures; i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", folder, m->names[i]);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fclose(f);
    }
}

static void remove_all(const char *path)
{
    char command[300];
    snprintf(command, sizeof(command), "rm -rf -- '%s'", path);
    assert_int_equal(system(command), 0);
}

enum kept {
    KEEPS_MARKS_OCCLUDED = DATASET_OCCLUDED,
    KEEPS_MARKS_TRUNCATED = DATASET_TRUNCATED,
    KEEPS_MARKS_DIFFICULT = DATASET_DIFFICULT,
    KEEPS_CROWD = 8,
    KEEPS_TRACKS = 16,
    KEEPS_EMPTY = 32,
    KEEPS_LABELS = 64,
    KEEPS_TIMES = 128,
};

static const struct {
    enum dataset_format format;
    enum dataset_role role;
    bool video;
    unsigned keeps;
    bool plain;
} kinds[] = {
    {DATASET_COCO, DATASET_TRUTH, false, KEEPS_CROWD | KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_COCO, DATASET_TRUTH, true,
     KEEPS_CROWD | KEEPS_TRACKS | KEEPS_EMPTY | KEEPS_LABELS | KEEPS_TIMES},
    {DATASET_BDD100K, DATASET_TRUTH, false,
     KEEPS_MARKS_OCCLUDED | KEEPS_MARKS_TRUNCATED | KEEPS_CROWD | KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_CVAT, DATASET_TRUTH, false, KEEPS_MARKS_OCCLUDED | KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_CVAT, DATASET_TRUTH, true,
     KEEPS_MARKS_OCCLUDED | KEEPS_TRACKS | KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_VOC, DATASET_TRUTH, false,
     KEEPS_MARKS_OCCLUDED | KEEPS_MARKS_TRUNCATED | KEEPS_MARKS_DIFFICULT | KEEPS_EMPTY |
         KEEPS_LABELS},
    {DATASET_YOLO, DATASET_TRUTH, false, KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_YOLO, DATASET_DETECTIONS, false, KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_LABELME, DATASET_TRUTH, false, KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_OPENIMAGES, DATASET_TRUTH, false,
     KEEPS_MARKS_OCCLUDED | KEEPS_MARKS_TRUNCATED | KEEPS_CROWD | KEEPS_LABELS},
    {DATASET_OPENIMAGES, DATASET_DETECTIONS, false, KEEPS_LABELS},
    {DATASET_MOT_CVAT, DATASET_TRUTH, true,
     KEEPS_CROWD | KEEPS_TRACKS | KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_KITTI, DATASET_TRUTH, false,
     KEEPS_MARKS_OCCLUDED | KEEPS_MARKS_TRUNCATED | KEEPS_EMPTY | KEEPS_LABELS, true},
    {DATASET_KITTI, DATASET_DETECTIONS, false, KEEPS_EMPTY | KEEPS_LABELS, true},
    {DATASET_KITTI, DATASET_TRUTH, true,
     KEEPS_MARKS_OCCLUDED | KEEPS_MARKS_TRUNCATED | KEEPS_TRACKS | KEEPS_LABELS, true},
    {DATASET_MOT, DATASET_TRUTH, true, KEEPS_TRACKS | KEEPS_LABELS, true},
    {DATASET_JSONL, DATASET_DETECTIONS, false, KEEPS_EMPTY | KEEPS_LABELS},
    {DATASET_JSONL, DATASET_DETECTIONS, true, KEEPS_TRACKS | KEEPS_EMPTY | KEEPS_LABELS},
};

// Pictures and objects come back, in whatever order. *i* of the made one.
static bool is_same(const struct made *m, size_t i, const struct dataset *d,
                    const struct dataset_object *o, unsigned keeps, bool confident)
{
    const struct dataset_object *a = &m->objects[i];
    const struct dataset_picture *p = &m->pictures[a->picture];
    const struct dataset_picture *q = &d->pictures[o->picture];
    if (p->file_name ? !q->file_name || strncmp(p->file_name, q->file_name, 4) != 0
                     : p->frame != q->frame)
        return false;
    if ((keeps & KEEPS_TIMES) && p->pts_us != q->pts_us)
        return false;
    if (strcmp(m->classes[a->class_index].name, d->classes[o->class_index].name) != 0)
        return false;
    const double slack = 1e-9;
    if (fabs(a->x - o->x) > slack || fabs(a->y - o->y) > slack || fabs(a->w - o->w) > slack ||
        fabs(a->h - o->h) > slack)
        return false;
    if (((a->marks ^ o->marks) & keeps & 7) || ((keeps & KEEPS_CROWD) && a->crowd != o->crowd) ||
        ((keeps & KEEPS_TRACKS) && a->track_id != o->track_id))
        return false;
    return !confident || a->confidence == o->confidence;
}

static void check_back(const struct made *m, const struct dataset *d, size_t kind, uint64_t number)
{
    bool *taken = mem_array(bool, d->n_objects + 1);
    const unsigned keeps = kinds[kind].keeps;
    if (d->n_objects != m->d.n_objects)
        fail_msg("kind %zu, set %d: %zu of %zu objects", kind, (int)number, d->n_objects,
                 m->d.n_objects);
    if ((keeps & KEEPS_EMPTY) && d->n_pictures != m->d.n_pictures)
        fail_msg("kind %zu, set %d: %zu of %zu pictures", kind, (int)number, d->n_pictures,
                 m->d.n_pictures);
    for (size_t i = 0; i < m->d.n_objects; i++) {
        size_t k = 0;
        while (k < d->n_objects && (taken[k] || !is_same(m, i, d, &d->objects[k], keeps,
                                                         kinds[kind].role == DATASET_DETECTIONS)))
            k++;
        if (k == d->n_objects)
            fail_msg("kind %zu, set %d: object %zu did not come back", kind, (int)number, i);
        taken[k] = true;
    }
    mem_free(taken);
}

static void test_round_trips(void **state)
{
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        for (uint64_t number = 0; number < N_SETS; number++) {
            struct made m;
            make(&m, number * 100 + kind, kinds[kind].video, number % 2, kinds[kind].plain);
            char folder[] = "/tmp/assay-test-XXXXXX";
            assert_non_null(mkdtemp(folder));
            put_pictures(&m, folder);
            char path[64];
            snprintf(path, sizeof(path), "%s/out", folder);
            const struct dataset_write_opts w = {.format = kinds[kind].format,
                                                 .role = kinds[kind].role};
            struct dataset_losses losses = {0};
            int r = dataset_write(&m.d, path, &w, &losses);
            if (r < 0)
                fail_msg("kind %zu: %s", kind, err_message(r));
            const struct dataset_read_opts o = {.format = number % 4 ? 0 : kinds[kind].format,
                                                .role = kinds[kind].role,
                                                .images = folder,
                                                .picture_size = picture_size};
            struct dataset *d = NULL;
            // Without any object nothing shows the format, and YOLO's predictions look like other
            // detections.
            struct dataset_read_opts forced = o;
            if (m.d.n_objects == 0 ||
                (kinds[kind].format == DATASET_YOLO && kinds[kind].role == DATASET_DETECTIONS))
                forced.format = kinds[kind].format;
            r = dataset_read_with(path, &forced, &d);
            if (r < 0)
                fail_msg("kind %zu, set %d: %s", kind, (int)number, err_message(r));
            check_back(&m, d, kind, number);
            dataset_destroy(d);
            remove_all(folder);
        }
    }
}

// ---- losses

static size_t lost(const struct dataset_losses *l, const char *part)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strstr(l->rows[i].what, part))
            return l->rows[i].n;
    }
    return 0;
}

static void one_object(struct made *m)
{
    make(m, 1, false, true, false);
    m->d.n_classes = m->d.n_pictures = m->d.n_objects = 1;
    m->objects[0] = (struct dataset_object){.x = 1,
                                            .y = 2,
                                            .w = 3,
                                            .h = 4,
                                            .area = 5,
                                            .confidence = 0.5,
                                            .track_id = 9,
                                            .crowd = true,
                                            .ignore = true,
                                            .marks = 7};
}

static void write_one(const struct made *m, enum dataset_format format, enum dataset_role role,
                      struct dataset_losses *losses, const char *file, char **ret_text)
{
    char folder[] = "/tmp/assay-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[128];
    snprintf(path, sizeof(path), "%s/out", folder);
    const struct dataset_write_opts w = {.format = format, .role = role};
    int r = dataset_write(&m->d, path, &w, losses);
    if (r < 0)
        fail_msg("%s", err_message(r));
    size_t n;
    snprintf(path, sizeof(path), "%s/out%s", folder, file);
    assert_int_equal(file_read(path, 1 << 20, ret_text, &n), 0);
    remove_all(folder);
}

static const struct {
    enum dataset_format format;
    enum dataset_role role;
    const char *file, *part;
    size_t n;
} losses_said[] = {
    {DATASET_YOLO, DATASET_TRUTH, "/labels/p 00.txt", "track ids", 1},
    {DATASET_YOLO, DATASET_TRUTH, "/labels/p 00.txt", "ignored or crowd", 1},
    {DATASET_YOLO, DATASET_TRUTH, "/labels/p 00.txt", "areas", 1},
    {DATASET_YOLO, DATASET_TRUTH, "/labels/p 00.txt", "occlusion", 1},
    {DATASET_YOLO, DATASET_TRUTH, "/labels/p 00.txt", "confidences", 0},
    {DATASET_VOC, DATASET_DETECTIONS, "/p 00.xml", "confidences", 1},
    {DATASET_VOC, DATASET_TRUTH, "/p 00.xml", "difficulty", 0},
    {DATASET_COCO, DATASET_TRUTH, "", "track ids", 0},
    {DATASET_COCO, DATASET_TRUTH, "", "areas", 0},
    {DATASET_COCO, DATASET_DETECTIONS, "", "names of classes", 1},
    {DATASET_KITTI, DATASET_TRUTH, "/p 00.txt", "DontCare", 1},
    {DATASET_MOT, DATASET_DETECTIONS, "", "names of classes", 1},
    {DATASET_CVAT, DATASET_TRUTH, "", "track ids", 1},
    {DATASET_OPENIMAGES, DATASET_TRUTH, "", "difficulty", 1},
};

static void test_losses(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(losses_said); i++) {
        struct made m;
        struct dataset_losses losses = {0};
        char *text = NULL;
        one_object(&m);
        write_one(&m, losses_said[i].format, losses_said[i].role, &losses, losses_said[i].file,
                  &text);
        if (lost(&losses, losses_said[i].part) != losses_said[i].n)
            fail_msg("row %zu: %zu are lost", i, lost(&losses, losses_said[i].part));
        mem_free(text);
    }
}

// ---- texts of strangers

static const struct {
    enum dataset_format format;
    const char *label, *file, *wanted, *unwanted;
} texts[] = {
    {DATASET_OPENIMAGES, "=cmd()", "", ",'=cmd(),", ",=cmd()"},
    {DATASET_OPENIMAGES, "+1", "", ",'+1,", ",+1"},
    {DATASET_OPENIMAGES, "-1", "", ",'-1,", ",-1"},
    {DATASET_OPENIMAGES, "@x", "", ",'@x,", ",@x"},
    {DATASET_OPENIMAGES, "\tx", "", ",\"'\tx\",", ",\tx"},
    {DATASET_OPENIMAGES, "a\"b,c", "", "\"a\"\"b,c\"", NULL},
    {DATASET_OPENIMAGES, "a\nb", "", "\"a b\"", "a\nb"},
    {DATASET_VOC, "<b>&\"\x01", "/p 00.xml", "&lt;b&gt;&amp;&quot;?", "<b>"},
    {DATASET_CVAT, "\"><x", "", "&quot;&gt;&lt;x", "\"><x"},
    {DATASET_CVAT, "\xff", "", "\xef\xbf\xbd", "\xff"},
    {DATASET_YOLO, "a\"\n: b", "/data.yaml", "\"a\\\"\\x0a: b\"", "\n: b"},
    {DATASET_KITTI, "a b\n", "/p 00.txt", "a_b_ 1 1 -10", "a b"},
    {DATASET_COCO, "\"}]", "", "\\\"}]", "\"\"}]"},
};

static void test_texts(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct made m;
        struct dataset_losses losses = {0};
        char *text = NULL;
        one_object(&m);
        m.objects[0].crowd = m.objects[0].ignore = false;
        m.classes[0].name = texts[i].label;
        write_one(&m, texts[i].format, DATASET_TRUTH, &losses, texts[i].file, &text);
        if (!strstr(text, texts[i].wanted) ||
            (texts[i].unwanted && strstr(text, texts[i].unwanted)))
            fail_msg("row %zu: %s", i, text);
        mem_free(text);
    }
}

// File names of a dataset do not lead out of the folder, and do not overwrite each other.
static void test_names(void **state)
{
    struct made m;
    make(&m, 3, false, true, false);
    m.d.n_pictures = 3;
    m.d.n_objects = 0;
    m.pictures[0].file_name = "../../etc/x.jpg";
    m.pictures[1].file_name = "/a/x.png";
    m.pictures[2].file_name = "..";
    char folder[] = "/tmp/assay-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[128];
    snprintf(path, sizeof(path), "%s/out", folder);
    const struct dataset_write_opts w = {.format = DATASET_VOC, .role = DATASET_TRUTH};
    struct dataset_losses losses = {0};
    assert_int_equal(dataset_write(&m.d, path, &w, &losses), 0);
    static const char *const names[] = {"x.xml", "x~2.xml", "_.xml"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/out/%s", folder, names[i]);
        if (!file_exists(path))
            fail_msg("no %s", names[i]);
    }
    assert_int_equal(lost(&losses, "had the name"), 1);
    // what is there is not written over
    snprintf(path, sizeof(path), "%s/out", folder);
    assert_int_equal(dataset_write(&m.d, path, &w, &losses), ERR_EXISTS);
    // and nothing half made stays
    m.d.n_objects = 1;
    m.objects[0].picture = 2;
    m.pictures[2].width = 0;
    const struct dataset_write_opts y = {.format = DATASET_YOLO, .role = DATASET_TRUTH};
    snprintf(path, sizeof(path), "%s/yolo", folder);
    assert_int_equal(dataset_write(&m.d, path, &y, &losses), ERR_DATA);
    assert_false(file_exists(path));
    const struct dataset_write_opts no = {.format = DATASET_VOTT, .role = DATASET_TRUTH};
    assert_int_equal(dataset_write(&m.d, path, &no, &losses), ERR_UNSUPPORTED);
    snprintf(path, sizeof(path), "rmdir '%s'/*.part.* 2>/dev/null", folder);
    assert_int_not_equal(system(path), 0); // there is none
    remove_all(folder);
}

static void test_no_memory(void **state)
{
    static const enum dataset_format formats[] = {DATASET_COCO, DATASET_VOC, DATASET_CVAT,
                                                  DATASET_YOLO, DATASET_KITTI};
    for (size_t k = 0; k < ARRAY_LEN(formats); k++) {
        struct made m;
        make(&m, 5, false, true, false);
        for (long n = 1; n < 5000; n++) {
            char folder[] = "/tmp/assay-test-XXXXXX";
            assert_non_null(mkdtemp(folder));
            char path[64];
            snprintf(path, sizeof(path), "%s/out", folder);
            const struct dataset_write_opts w = {.format = formats[k], .role = DATASET_TRUTH};
            struct dataset_losses losses = {0};
            mem_test_fail_at(n);
            int r = dataset_write(&m.d, path, &w, &losses);
            bool pending = mem_test_fail_pending();
            mem_test_fail_at(0);
            if (!pending)
                assert_false(file_exists(path));
            else
                remove_all(path);
            if (rmdir(folder) < 0)
                fail_msg("format %zu, allocation %ld: something stays", k, n);
            if (pending) {
                assert_int_equal(r, 0);
                break;
            }
            assert_int_equal(r, ERR_NOMEM);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_losses),
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
