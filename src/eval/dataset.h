// SPDX-License-Identifier: Apache-2.0
// dataset.h - truth and detections in one form, whatever file they came from: what eval/ works on.
//
// Picture and class identities are resolved while reading: classes[] and pictures[] are in
// ascending order of the ids used by the files. Numbers keep the double precision of the files.
//
// Ownership: everything lives in the dataset's arena; dataset_destroy() frees all.
// Threads: constant once read.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct dataset_class {
    int64_t id;       // COCO category id, or our index for files without ids
    const char *name; // label; "" where the file has none
};

struct dataset_picture {
    int64_t id;            // as in the file; texts that are whole numbers are that number
    const char *text_id;   // ids that are other texts; else NULL
    const char *file_name; // NULL where absent
    int64_t frame;         // 0-based frame ordinal; -1 where the file does not say
    int64_t pts_us;        // INT64_MIN where the file does not say
    int width, height;     // 0 where absent
};

// x, y: top left corner; w, h: size; pixels, as in the file.
struct dataset_object {
    int32_t picture;     // index in pictures
    int32_t class_index; // index in classes
    double x, y, w, h;
    double area;       // truth: from the file where given, else w * h
    double confidence; // detections; 1 for truth
    int64_t id;        // annotation id; 0 where absent
    int64_t track_id;  // -1 where absent
    bool crowd;        // truth: COCO iscrowd
    bool ignore;       // truth: not to be judged (crowd, MOT flag 0, difficult)
};

struct dataset {
    struct dataset_class *classes;
    size_t n_classes;
    struct dataset_picture *pictures;
    size_t n_pictures;
    struct dataset_object *objects; // in file order
    size_t n_objects;
    const char *format; // "coco", "coco-results", "mot", "assay-jsonl"
    char **notices;     // what a reader of figures must know: "12 detections of unknown pictures"
    size_t n_notices;
    struct arena *arena;
};

enum dataset_role {
    DATASET_ROLE_UNSET,
    DATASET_TRUTH,
    DATASET_DETECTIONS,
};

enum dataset_format {
    DATASET_FORMAT_UNSET, // by content
    DATASET_COCO,         // truth object, or results array
    DATASET_MOT,          // text, frames from 1
    DATASET_JSONL,        // our detections
};

// Reads *path*. Detections need the *truth* they will be judged by (classes and pictures are
// matched to it as CONTRACTS says: our detections by label and frame, COCO results by category_id
// and image_id); truth itself passes NULL. ERR_NOT_FOUND, ERR_DATA (file, line, field, cause),
// ERR_TOO_BIG, ERR_NOMEM, ERR_UNSUPPORTED (no format recognised).
int dataset_read(const char *path, enum dataset_role role, enum dataset_format format,
                 const struct dataset *truth, struct dataset **ret_dataset) MUST_CHECK;
void dataset_destroy(struct dataset *d);
