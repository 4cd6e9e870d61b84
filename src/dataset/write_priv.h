// SPDX-License-Identifier: Apache-2.0
// write_priv.h - what the writers of annotation formats share.
#pragma once

#include "base/attr.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "dataset/import_priv.h"
#include "dataset/write.h"

struct writer {
    const struct dataset *d;
    const struct dataset_write_opts *opts;
    struct dataset_losses *losses;
    const char *path; // of the file, or of the folder being made
    // Objects by picture: order[first[i]..first[i + 1]).
    uint32_t *order;
    size_t *first; // [picture + 1]
    char **names;  // [picture] file name, as in the dataset or made up
    char **stems;  // [picture] of output files: unique, without separators
    struct picture_index pictures;
    bool has_pictures;
    // The output that is open.
    struct file_out *file;
    struct str_buf text;
    struct json_writer json;
};

// A new output, its text empty. ERR_IO and others of file_out_open().
int writer_open(struct writer *w, const char *path) MUST_CHECK;
int writer_open_in(struct writer *w, const char *stem,
                   const char *ending) MUST_CHECK; // of a folder
// Writes the text so far if it has grown; between objects.
int writer_flush(struct writer *w) MUST_CHECK;
int writer_close(struct writer *w) MUST_CHECK; // writes, renames
void writer_lose(struct writer *w, size_t n, const char *what);

// Detections have confidences and no marks of truth.
bool writer_has_confidence(const struct writer *w);
const char *writer_label(const struct writer *w, const struct dataset_object *o);
// ERR_DATA: the size of the picture is not known.
int writer_size(struct writer *w, size_t picture, int *ret_width, int *ret_height) MUST_CHECK;
// Frame ordinal, the place among the pictures where the dataset has none.
int64_t writer_frame(const struct writer *w, size_t picture);
bool writer_is_video(const struct writer *w); // frames of videos, not pictures with names
int writer_folder(struct writer *w, const char *name) MUST_CHECK; // makes one in w->path
// A text that may be a file's name: its last component without ending. Returns owned; NULL: no
// memory.
char *writer_safe_stem(const char *name) MUST_CHECK;
const char *writer_video(const struct writer *w, size_t picture); // "" where there is none
void writer_double(struct writer *w, const char *before, double v);
void writer_xml(struct writer *w, const char *text); // escaped, for elements and attributes

// The formats.
int write_coco(struct writer *w) MUST_CHECK;
int write_bdd(struct writer *w) MUST_CHECK;
int write_jsonl(struct writer *w) MUST_CHECK;
int write_labelme(struct writer *w) MUST_CHECK;
int write_voc(struct writer *w) MUST_CHECK;
int write_cvat(struct writer *w) MUST_CHECK;
int write_yolo(struct writer *w) MUST_CHECK;
int write_kitti(struct writer *w) MUST_CHECK;
int write_mot(struct writer *w) MUST_CHECK;
int write_mot_cvat(struct writer *w) MUST_CHECK;
int write_openimages(struct writer *w) MUST_CHECK;
