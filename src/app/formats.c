// SPDX-License-Identifier: Apache-2.0
// formats.c - the readers of annotations, with media telling them how large a picture is.

#include "app/formats.h"

#include "media/picture_file.h"
#include "vision/picture.h"

enum {
    MAX_PIXELS = 512 * 1000 * 1000,
};

const char *const app_formats[] = {"auto",     "coco", "mot",   "jsonl",   "bdd100k",    "cvat",
                                   "voc",      "yolo", "kitti", "labelme", "openimages", "vott",
                                   "mot-cvat", "csv",  "text",  NULL};
const char *const app_text_kinds[] = {"auto", "xywh", "xyxy", "relative", NULL};
const char *const app_voc_boxes[] = {"corners", "pixels", NULL};

static int picture_size(void *arg, const char *path, int *ret_width, int *ret_height)
{
    struct picture *p = NULL;
    int r = picture_decode_file(arg, path, &p, NULL);
    if (r < 0)
        return r;
    *ret_width = p->width;
    *ret_height = p->height;
    picture_unref(&p);
    return 0;
}

int app_dataset_read(const char *path, const struct dataset_read_opts *opts,
                     struct dataset **ret_dataset)
{
    struct picture_decoder *decoder = NULL;
    int r = picture_decoder_create(MAX_PIXELS, &decoder);
    if (r < 0)
        return r;
    struct dataset_read_opts o = *opts;
    o.picture_size = picture_size;
    o.arg = decoder;
    r = dataset_read_with(path, &o, ret_dataset);
    picture_decoder_destroy(decoder);
    return r;
}

int app_dataset_write(const struct dataset *d, const char *path,
                      const struct dataset_write_opts *opts, struct dataset_losses *losses)
{
    struct picture_decoder *decoder = NULL;
    int r = picture_decoder_create(MAX_PIXELS, &decoder);
    if (r < 0)
        return r;
    struct dataset_write_opts o = *opts;
    o.picture_size = picture_size;
    o.arg = decoder;
    r = dataset_write(d, path, &o, losses);
    picture_decoder_destroy(decoder);
    return r;
}
