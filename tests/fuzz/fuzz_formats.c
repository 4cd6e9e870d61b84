// SPDX-License-Identifier: Apache-2.0
// fuzz_formats.c - the readers of XML, CSV, texts, YAML and LabelMe, each as a file that is given
// by name. The first byte of the input chooses the reader and the role; what is read is written
// again in every format that is one file, and read back.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "dataset/write.h"
#include "eval_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char truth_text[] =
    "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\",\"width\":64,\"height\":48}],"
    "\"categories\":[{\"id\":1,\"name\":\"person\"},{\"id\":2,\"name\":\"car\"}],"
    "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,30,40]}]}";

static const struct {
    enum dataset_format format;
    const char *ending;
} kinds[] = {
    {DATASET_FORMAT_UNSET, ""}, {DATASET_VOC, ".xml"},        {DATASET_CVAT, ".xml"},
    {DATASET_YOLO, ".txt"},     {DATASET_YOLO, ".yaml"},      {DATASET_KITTI, ".txt"},
    {DATASET_LABELME, ".json"}, {DATASET_OPENIMAGES, ".csv"}, {DATASET_TEXT, ".txt"},
    {DATASET_JSONL, ".jsonl"},  {DATASET_CSV, ".csv"},
};

// A folder of the fuzzer's own, and a picture in it.
static char own_folder[] = "/dev/shm/assay-fuzz-XXXXXX";

static void leave(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/a.jpg", own_folder);
    unlink(path);
    rmdir(own_folder);
}

static const char *folder(void)
{
    static bool is_made = false;
    if (!is_made) {
        assert(mkdtemp(own_folder));
        atexit(leave);
        is_made = true;
    }
    return own_folder;
}

static void put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert(f);
    assert(fwrite(bytes, 1, n, f) == n);
    fclose(f);
}

static int picture_size(void *arg, const char *path, int *ret_width, int *ret_height)
{
    *ret_width = 64;
    *ret_height = 48;
    return 0;
}

// What every format that is one file makes of it can be read again, with as many objects.
static void write_again(const struct dataset *d, enum dataset_format format)
{
    char path[128];
    struct dataset_losses losses = {0};
    const struct dataset_write_opts w = {.format = format, .role = d->role};
    struct dataset_read_opts o = {.format = format, .role = d->role};
    if (dataset_format_is_folder(format, d))
        return;
    snprintf(path, sizeof(path), "%s/again", folder());
    assert(dataset_write(d, path, &w, &losses) == 0);
    struct dataset *back = NULL;
    if (format == DATASET_COCO && d->role == DATASET_DETECTIONS)
        return;
    int r = dataset_read_with(path, &o, &back);
    if (r == 0 && format != DATASET_CVAT) // duplicates of a track there
        assert(back->n_objects == d->n_objects);
    dataset_destroy(back);
    unlink(path);
}

static void read_as(const char *path, enum dataset_format format, enum dataset_role role,
                    const struct dataset *truth)
{
    const struct dataset_read_opts o = {.format = format,
                                        .role = role,
                                        .truth = truth,
                                        .images = folder(),
                                        .picture_size = picture_size};
    struct dataset *d = NULL;
    int r = dataset_read_with(path, &o, &d);
    assert((r == 0) == (d != NULL));
    assert(r <= 0 && (r == 0 || err_message(r)[0] != '\0'));
    if (d && truth)
        eval_judge(truth, d);
    if (d && !truth && d->n_pictures < 1000) {
        write_again(d, DATASET_COCO);
        write_again(d, DATASET_CVAT);
        write_again(d, DATASET_BDD100K);
    }
    dataset_destroy(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 1)
        return 0;
    const size_t kind = bytes[0] / 3 % ARRAY_LEN(kinds);
    char path[128];
    char picture[128];
    snprintf(path, sizeof(path), "%s/a%s", folder(), kinds[kind].ending);
    snprintf(picture, sizeof(picture), "%s/a.jpg", folder());
    put(path, bytes + 1, n - 1);
    put(picture, "", 0);
    if (bytes[0] % 3 == 0) {
        read_as(path, kinds[kind].format, DATASET_TRUTH, NULL);
    } else if (bytes[0] % 3 == 1) {
        read_as(path, kinds[kind].format, DATASET_ROLE_UNSET, NULL);
    } else {
        struct dataset *truth =
            eval_read(dataset_read_coco, truth_text, sizeof(truth_text) - 1, NULL);
        assert(truth);
        read_as(path, kinds[kind].format, DATASET_DETECTIONS, truth);
        dataset_destroy(truth);
    }
    unlink(path);
    return 0;
}
