// SPDX-License-Identifier: Apache-2.0
// dataset.h - truth and detections in one form, whatever file they came from: what is read,
// judged and written.
//
// Picture and class identities are resolved while reading: classes[] and pictures[] are in
// ascending order of the ids used by the files. Numbers keep the double precision of the files.
//
// Detections speak the truth's language: their classes and pictures *are* the truth's arrays, so
// class_index and picture mean the same in both, and what has no counterpart there has been
// dropped and said in a notice.
//
// Ownership: everything lives in the dataset's arena; dataset_destroy() frees all. Detections
//   borrow classes and pictures of their truth and are destroyed before it.
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
    int32_t video;         // index in videos; 0 where the file holds one
    uint32_t attributes;   // truth: first of a list in dataset.attributes; 0: none
};

// x, y: top left corner; w, h: size; pixels, as in the file.
struct dataset_object {
    int32_t picture;     // index in pictures
    int32_t class_index; // index in classes
    double x, y, w, h;
    double area;         // truth: from the file where given, else w * h
    double confidence;   // detections; 1 for truth
    int64_t id;          // annotation id; 0 where absent
    int64_t track_id;    // -1 where absent
    bool crowd;          // truth: COCO iscrowd
    bool ignore;         // truth: not to be judged (crowd, MOT flag 0, difficult)
    uint8_t mot_class;   // MOT16+ truth: column 8; 0 where absent
    uint8_t marks;       // of enum dataset_mark, as the file says
    uint32_t attributes; // truth: as of pictures
    float visibility;    // MOT16+ truth: column 9, 0..1; 0 where absent
};

// What files say of an object besides its box. None of them changes how it is judged, unless a
// convention is asked for that does (Pascal VOC leaves difficult ones out).
enum dataset_mark {
    DATASET_OCCLUDED = 1,
    DATASET_TRUNCATED = 2,
    DATASET_DIFFICULT = 4,
};

enum dataset_role {
    DATASET_ROLE_UNSET,
    DATASET_TRUTH,
    DATASET_DETECTIONS,
};

// What a file says of an object or picture under a name ("weather": "rain"). Equal lists are one.
struct dataset_attribute {
    const char *key, *value;
    uint32_t next; // 0: the end
};

struct dataset {
    enum dataset_role role;
    struct dataset_class *classes;
    size_t n_classes;
    struct dataset_picture *pictures;
    size_t n_pictures;
    // Names of the videos that pictures belong to; n_videos 0: one video, or pictures of none.
    // COCO: images[].video or video_id (with videos[]); MOT: one file is one video.
    char **videos;
    size_t n_videos;
    struct dataset_object *objects; // in file order
    size_t n_objects;
    struct dataset_attribute *attributes; // the first is none
    size_t n_attributes;                  // 0: the file has none
    // MOT16+ truth: rows of classes that no detection metric knows (vehicles, occluders). The
    // tracking rules assign to them; *id* of all MOT objects is the line.
    struct dataset_object *others;
    size_t n_others;
    // Detections: judged[i] says whether picture i was looked at (inferred); NULL: all were. Truth
    // of pictures that were not looked at makes no misses.
    bool *judged;
    // Detections of our own: [picture] presentation time of its frame; INT64_MIN where not inferred
    // or unknown. NULL for other formats.
    int64_t *pts_us;
    size_t n_judged;    // pictures that are judged; n_pictures where judged is NULL
    const char *format; // "coco", "coco-results", "mot", "assay-jsonl", or dataset_format_name()
    char **notices;     // what a reader of figures must know: "12 detections of unknown pictures"
    size_t n_notices;
    struct arena *arena;
};

enum {
    DATASET_MAX_CLASSES = 20 * 1000, // COCO's tables take 41 KB a class with truth
    DATASET_MAX_VIDEOS = 100 * 1000,
    DATASET_MAX_PICTURES = 50 * 1000 * 1000,
    DATASET_MAX_OBJECTS = 500 * 1000 * 1000,
    DATASET_MAX_ATTRIBUTES = 16 * 1000 * 1000,
    DATASET_MAX_LINE = 64 * 1024, // bytes of one line of MOT text
};

enum dataset_format {
    DATASET_FORMAT_UNSET, // by content
    DATASET_COCO,         // truth object, or results array
    DATASET_MOT,          // text, frames from 1
    DATASET_JSONL,        // our detections
    DATASET_BDD100K,      // array of frames with labels, of truth or of results
    DATASET_CVAT,         // XML 1.1 of images, or of a video with tracks
    DATASET_VOC,          // Pascal VOC or ImageNet XML, a file a picture
    DATASET_YOLO,         // a text a picture: class and relative box; names beside
    DATASET_KITTI,        // a text a picture, or a text a video with tracks
    DATASET_LABELME,      // JSON, a file a picture
    DATASET_OPENIMAGES,   // CSV: relative corners
    DATASET_VOTT,         // CSV: absolute corners
    DATASET_MOT_CVAT,     // MOT text with a list of its classes beside, as CVAT exports it
    DATASET_CSV,          // our detections, a row each
    DATASET_TEXT, // a text a picture: class, confidence and four numbers (enum dataset_text)
    DATASET_N_FORMATS,
};

// Name of a format for options: "auto", "coco", ...
const char *dataset_format_name(enum dataset_format format);

// Reads *path*, a file or a folder of sequences: NAME/gt/gt.txt, NAME/gt.txt or NAME.json of truth,
// NAME.txt, NAME.json or NAME.jsonl of detections. Detections need the *truth* they will be judged
// by (classes and pictures are matched to it as CONTRACTS says: our detections by label and frame,
// COCO results by category_id and image_id); truth itself passes NULL. ERR_NOT_FOUND, ERR_DATA
// (file, line, field, cause), ERR_TOO_BIG, ERR_NOMEM, ERR_UNSUPPORTED (no format recognised).
int dataset_read(const char *path, enum dataset_role role, enum dataset_format format,
                 const struct dataset *truth, struct dataset **ret_dataset) MUST_CHECK;
void dataset_destroy(struct dataset *d);
// What the file is, by content. Errors as opening a file; ERR_UNSUPPORTED, ERR_DATA.
int dataset_recognise(const char *path, enum dataset_format *ret_format) MUST_CHECK;
// The value of *key* in a list of attributes; NULL: it is not there.
const char *dataset_attribute(const struct dataset *d, uint32_t list, const char *key);

// How the four numbers of DATASET_TEXT are meant.
enum dataset_text {
    DATASET_TEXT_AUTO,     // by the numbers
    DATASET_TEXT_XYWH,     // left, top, width, height in pixels
    DATASET_TEXT_XYXY,     // left, top, right, bottom in pixels
    DATASET_TEXT_RELATIVE, // centre x, y, width, height in parts of the picture
};

// What the corners of Pascal VOC boxes are. The format's own definition is the second; the first is
// what its common writers and readers (labelling programs, converters) make of it.
enum dataset_voc_boxes {
    DATASET_VOC_CORNERS, // x = xmin, width = xmax - xmin
    DATASET_VOC_PIXELS,  // first and last pixel, from 1: x = xmin - 1, width = xmax - xmin + 1
};

struct dataset_read_opts {
    // Detections need *truth*; of formats that name their classes and pictures they may also be
    // read on their own (to be converted). Unset: on their own where the format is one of
    // detections, else truth.
    enum dataset_role role;
    enum dataset_format format;
    const struct dataset *truth; // what detections are judged by
    const char *images;          // folder of the pictures; NULL: the one of the annotations
    const char *names;           // file of class names, one a line; NULL: the one beside
    enum dataset_text text;
    enum dataset_voc_boxes voc_boxes;
    // Upright width and height of a picture file, for formats with relative numbers; NULL: they
    // are read only where the truth has the sizes. Errors are passed on.
    int (*picture_size)(void *arg, const char *path, int *ret_width, int *ret_height);
    void *arg;
};

// As dataset_read(), also folders and the formats that need more.
int dataset_read_with(const char *path, const struct dataset_read_opts *opts,
                      struct dataset **ret_dataset) MUST_CHECK;

// Detections that come one by one while a detector runs, matched to *truth* at the end by label
// and frame (CONTRACTS, "Which truth belongs to which frame").
//
// Ownership: the caller destroys it, or dataset_builder_finish() takes it. It borrows *truth*.
// Threads: one at a time.
struct dataset_builder;

// ERR_NOMEM.
int dataset_builder_create(const struct dataset *truth,
                           struct dataset_builder **ret_builder) MUST_CHECK;
void dataset_builder_destroy(struct dataset_builder *b); // NULL is a no-op

// An inferred frame, also one without detections; what is added next belongs to it. *frame* counts
// from 0, *pts_us* may be INT64_MIN, *file_name* is NULL unless the source is pictures (a path is
// fine). A frame that comes twice is judged once. ERR_INVALID (negative), ERR_TOO_BIG, ERR_NOMEM.
int dataset_builder_frame(struct dataset_builder *b, int64_t frame, int64_t pts_us,
                          const char *file_name) MUST_CHECK;

struct dataset_detection {
    const char *label;
    double x, y, w, h; // pixels of the upright source picture; x, y: top left corner
    double confidence;
    int64_t track_id; // from 1; 0: not tracked
};

// Copies. ERR_INVALID (no frame yet, a number that is not finite), ERR_TOO_BIG, ERR_NOMEM.
int dataset_builder_add(struct dataset_builder *b, const struct dataset_detection *d) MUST_CHECK;
// A line for the notices of the dataset ("the run was interrupted"). ERR_NOMEM.
int dataset_builder_notice(struct dataset_builder *b, const char *text) MUST_CHECK;
// Takes the builder (also on error). ERR_DATA: the truth lists a frame more than once (several
// videos in one file), so that frames cannot tell. ERR_NOMEM.
int dataset_builder_finish(struct dataset_builder **pb, struct dataset **ret_dataset) MUST_CHECK;
