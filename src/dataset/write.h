// SPDX-License-Identifier: Apache-2.0
// write.h - a dataset as a file or folder of any annotation format; what the format cannot hold is
// counted.
//
// Files are written beside their name and renamed; a folder likewise, so that it is there whole or
// not at all. Texts of the dataset (labels, file names) are escaped as the format asks; file names
// of outputs never leave the folder.
#pragma once

#include "base/attr.h"
#include "dataset/dataset.h"

enum {
    DATASET_MAX_LOSSES = 32,
};

struct dataset_losses {
    struct {
        size_t n;
        const char *what; // constant text; after the number: "12 track ids are lost"
    } rows[DATASET_MAX_LOSSES];
    size_t n;
};

struct dataset_write_opts {
    enum dataset_format format;
    enum dataset_role role; // DATASET_DETECTIONS: with confidences, as results
    enum dataset_voc_boxes voc_boxes;
    const char *images; // folder of the pictures: sizes for relative formats; NULL: none
    // As in dataset_read_opts; NULL: sizes only where the dataset has them.
    int (*picture_size)(void *arg, const char *path, int *ret_width, int *ret_height);
    void *arg;
};

// True for formats of several files: *path* of dataset_write() is a folder. MOT text and KITTI are
// one file where there is one video.
bool dataset_format_is_folder(enum dataset_format format, const struct dataset *d);

// Adds to *losses*. ERR_EXISTS (a folder that is not empty), ERR_DATA (a picture without size, for
// relative formats), ERR_UNSUPPORTED (a format that is not written), ERR_NOSPACE, ERR_IO,
// ERR_TOO_BIG, ERR_NOMEM.
int dataset_write(const struct dataset *d, const char *path, const struct dataset_write_opts *opts,
                  struct dataset_losses *losses) MUST_CHECK;
