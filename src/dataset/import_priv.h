// SPDX-License-Identifier: Apache-2.0
// import_priv.h - what the readers of annotation formats that name their classes share.
//
// A reader walks its files and says labels, pictures and objects; import_finish() makes a dataset
// of them: truth as it is, or detections matched to a truth by label and by file name or frame.
//
// Ownership: struct import belongs to dataset_import(); readers borrow it.
// Threads: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "dataset/dataset_priv.h"

enum {
    IMPORT_MAX_FILES = 5 * 1000 * 1000, // of a directory
    IMPORT_MAX_DEPTH = 12,              // of folders below it
    IMPORT_MAX_PATH = 4096,             // bytes
    IMPORT_MAX_SKIPS = 16,
    IMPORT_MAX_NAMES = 4 * 1024 * 1024, // bytes of a list of class names
    IMPORT_MAX_SIZE = 1 << 20,          // pixels of a picture's side
};

// ---- files

struct file_list {
    char **paths; // sorted by byte value; the folder given is part of them
    size_t n, cap;
    size_t n_root; // bytes of the folder and its slash at the start of each path; 0: one file
};

// All regular files below *path*, or the file itself. Folders and files whose names begin with a
// dot are left out. ERR_NOT_FOUND, ERR_IO, ERR_TOO_BIG, ERR_NOMEM.
int file_list_read(const char *path, struct file_list *ret_list) MUST_CHECK;
void file_list_finish(struct file_list *l);

struct str path_base(const char *path);                     // the last component
struct str path_stem(struct str name);                      // without the folder and the ending
bool path_is(const char *path, const char *base_name);      // last component, ASCII case ignored
bool path_has_ending(const char *path, const char *ending); // ".xml", ASCII case ignored
bool path_is_picture(const char *path);                     // by its ending

// Picture files by stem.
struct picture_index {
    struct file_list files;
    struct picture_entry {
        struct str stem;
        const char *path; // of files
        bool used;        // annotations asked for it
    } * entries;          // by stem, then path
    size_t n;
};

int picture_index_create(const char *folder, struct picture_index *ret_index) MUST_CHECK;
void picture_index_finish(struct picture_index *p);
// The picture of this stem; of several the one whose folders are most like those of *path*. NULL:
// none.
struct picture_entry *picture_index_find(struct picture_index *p, struct str stem,
                                         const char *path);

// ---- lines of a text

struct line_reader {
    struct dataset_input in;
    char *buffer;
    size_t at, n;
    int64_t line; // 1-based, of the last one given
    bool ended;
};

int line_reader_open(const char *path, struct line_reader *ret_lines) MUST_CHECK;
void line_reader_close(struct line_reader *l); // zeroed is a no-op
// The next line without its end, valid until the next call. ERR_EOF, ERR_TOO_BIG, ERR_IO.
int line_reader_next(struct line_reader *l, struct str *ret_line) MUST_CHECK;
// ERR_DATA "path: line N: ...".
int line_reader_error(const struct line_reader *l, const char *format, ...) PRINTF_LIKE(2, 3);
// Cuts the next word (no spaces or tabs) off *rest.
bool next_word(struct str *rest, struct str *ret_word);

// ---- import

struct import {
    const struct dataset_read_opts *opts;
    enum dataset_role role; // never unset
    const char *path;       // as given
    const char *images; // folder of the pictures, of the options or of the reader; NULL: see there
    struct file_list files;
    struct draft draft;
    // Labels to classes: open addressing, index + 1; 0 is free.
    uint32_t *label_slots;
    size_t n_label_slots;
    struct picture_index pictures; // of the folder of pictures, once it was needed
    bool has_pictures;
    struct stem_map *truth_stems; // detections
    struct skip {
        const char *what;
        size_t n;
    } skips[IMPORT_MAX_SKIPS];
    size_t n_skips;
    size_t n_negative;  // boxes of negative size
    const char *format; // name of the dataset's format, set by the reader
};

// Finds the class of *label* or adds it (id: the number of classes before + 1). ERR_TOO_BIG,
// ERR_NOMEM.
int import_class(struct import *im, struct str label, int32_t *ret_class) MUST_CHECK;
// Adds a class with this id even where the label is there already.
int import_class_id(struct import *im, int64_t id, struct str label) MUST_CHECK;
// Adds a picture. *name* empty: the picture has a frame only.
int import_picture(struct import *im, struct str name, int width, int height, int64_t frame,
                   int32_t video, int32_t *ret_picture) MUST_CHECK;
// Adds an object; the caller has set picture, class_index, box and marks. Numbers that are not
// finite: ERR_DATA naming *where*.
int import_object(struct import *im, const struct dataset_object *o, const char *where) MUST_CHECK;
// Width and height of the picture of this index, asked of the truth or of the picture's file.
// *near*: the file of annotations, whose folders tell pictures of the same name apart. ERR_DATA:
// they cannot be had; and whatever reading the picture gave.
int import_size(struct import *im, int32_t picture, const char *near, int *ret_width,
                int *ret_height) MUST_CHECK;
// Makes the folder of pictures known (im->pictures). Errors of file_list_read().
int import_pictures(struct import *im) MUST_CHECK;
// Puts classes in ascending order of their ids.
int import_sort_classes(struct import *im) MUST_CHECK;
// Counts what is left out or changed; a notice "N *what*" at the end. *what* is a constant text.
void import_skip(struct import *im, const char *what);
// As a finite number; ERR_DATA naming *where* and *what*.
int import_number(struct str text, const char *where, const char *what, double *ret) MUST_CHECK;

// A new object with the defaults of truth.
struct dataset_object import_new_object(int32_t picture, int32_t class_index);
void import_corners(struct dataset_object *o, double x1, double y1, double x2, double y2);
// Corners in parts of the picture. Files give them with six digits or more: what is a whole pixel
// up to that rounding is that pixel, so that boxes of whole pixels come back as they were.
void import_relative_corners(struct dataset_object *o, const double corners[4], int width,
                             int height);

// The readers: fill *im*, set im->format.
int read_cvat(struct import *im) MUST_CHECK;
int read_voc(struct import *im) MUST_CHECK;
int read_yolo(struct import *im) MUST_CHECK;
int read_texts(struct import *im) MUST_CHECK; // class confidence and four numbers
int read_kitti(struct import *im) MUST_CHECK;
int read_labelme(struct import *im) MUST_CHECK;
int read_csv(struct import *im) MUST_CHECK;
int read_mot_cvat(struct import *im) MUST_CHECK;
int read_jsonl(struct import *im) MUST_CHECK;   // on their own
int read_csv_own(struct import *im) MUST_CHECK; // likewise

// Class names by number.
struct name_list {
    const char **names; // in the draft's arena; NULL: a hole
    size_t n, cap;
};

// ERR_TOO_BIG, ERR_DATA (a number below 0), ERR_NOMEM.
int name_list_set(struct import *im, struct name_list *l, int64_t number,
                  struct str name) MUST_CHECK;
void name_list_finish(struct name_list *l);
// One a line; the number of a class is its line. Errors as reading a file.
int name_list_read(struct import *im, const char *path, struct name_list *l) MUST_CHECK;
// names of a data.yaml, and its folder of pictures to validate with (*ret_val NULL: none named).
int data_yaml_read(struct import *im, const char *path, struct name_list *l,
                   const char **ret_val) MUST_CHECK;

// What a file or folder is: DATASET_FORMAT_UNSET where nothing fits.
int dataset_recognise_folder(const struct file_list *files,
                             enum dataset_format *ret_format) MUST_CHECK;
int dataset_recognise_head(const struct dataset_input *in,
                           enum dataset_format *ret_format) MUST_CHECK;

// Reads with one of the readers above and gives the dataset. Errors as dataset_read().
int dataset_import(const char *path, const struct dataset_read_opts *opts,
                   enum dataset_format format, struct file_list *files,
                   struct dataset **ret_dataset) MUST_CHECK;
