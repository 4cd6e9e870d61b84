// SPDX-License-Identifier: Apache-2.0
// model_priv.h - what model*.c and head*.c share: the model's inside, and how its outputs are read.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"
#include "infer/model.h"
#include "nn/onnx_read.h"

enum head_variant {
    VARIANT_UNSET,        // the family's usual shape
    VARIANT_TRANSPOSED,   // HEAD_YOLOV8: (N, anchors, 4+nc)
    VARIANT_BATCH_COLUMN, // HEAD_END_TO_END: (k, 7) batch x1 y1 x2 y2 class confidence (YOLOv7)
    VARIANT_JOINED,       // HEAD_NANODET: one output (N, anchors, nc+4*bins) (NanoDet-Plus)
    VARIANT_MAPS,         // HEAD_YOLOV5: an output a level, without the grid
    VARIANT_ROWS,         // HEAD_DETR: one output (N, k, 4+nc), cx cy w h of 0..1 (Ultralytics)
};

enum {
    HEAD_MAX_LEVELS = 5,
    HEAD_MAX_ROLES = 2 * HEAD_MAX_LEVELS,
    HEAD_MAX_PER_CELL = 8, // boxes
};

// Which output plays which part: one output for most families (ROLE_MAIN); classes of each level,
// then distances of each level for NanoDet and PicoDet.
enum head_role {
    ROLE_MAIN = 0,
    ROLE_BOXES = 0,
    ROLE_LABELS = 1,
    ROLE_CONFIDENCES = 2,
    ROLE_COUNT = 3,
};

struct head_plan {
    int picture_input;
    int size_input; // orig_target_sizes; -1: none
    enum head_variant variant;
    int n_classes;   // 0: the output does not say
    int n_extra;     // columns behind the classes that are not ours (masks, key points)
    int n_levels;    // NanoDet, PicoDet, VARIANT_MAPS
    int first_class; // HEAD_SSD_TF: the number that the first label has in the output
    int roles[HEAD_MAX_ROLES];
    // VARIANT_MAPS
    int map_dims; // of an output, without the batch
    int n_per_cell;
    float anchors[HEAD_MAX_LEVELS * HEAD_MAX_PER_CELL * 2]; // widths and heights in pixels, [level
                                                            // from the finest on][box]
};

struct model {
    // --- constant after model_open()
    struct arena *arena;
    struct model_info info;
    struct head_plan plan;
    bool head_forced;
    // --- atomic
    atomic_int refs;
};

// Everything known while a file is being recognised.
struct recognition {
    const struct onnx *onnx;
    const char *path;
    struct arena *arena;
    enum head_kind forced;
    int64_t imgsz;       // wanted by the user; 0: not said
    const char *anchors; // likewise; NULL
    struct str_buf why;
    // facts
    struct str task;    // Ultralytics' metadata
    bool end_to_end;    // likewise: end2end or nms
    const char **names; // of metadata, by number; NULL: none
    int n_names;
    // the decision
    enum head_kind head;
    struct head_plan plan;
    struct model_input input;
};

// Adds a line to what is printed as the reason.
void recognition_why(struct recognition *r, const char *format, ...) PRINTF_LIKE(2, 3);
// model_recognise.c: fills head, plan and input. ERR_MODEL with the cause or the request for
// --head.
int recognise_head(struct recognition *r) MUST_CHECK;
// model_anchors.c, one of its rules: raw maps. 1: fits, 0: does not. ERR_INVALID, ERR_MODEL: sizes
// are missing or do not fit.
int recognise_maps(struct recognition *r) MUST_CHECK;
// model_input.c: the picture's tensor, its size, and how pixels become its numbers.
int recognise_input_shape(struct recognition *r) MUST_CHECK;
void recognise_input_numbers(struct recognition *r);
// model_labels.c: a Python dict or list (as text) of names. ERR_INVALID, ERR_TOO_BIG, ERR_NOMEM.
int labels_parse_python(struct str text, struct arena *a, const char ***ret_labels,
                        int *ret_n) MUST_CHECK;
int labels_choose(struct recognition *r, const char *labels_path,
                  struct model_info *info) MUST_CHECK;

// "[1,84,8400]", "[batch,3,height,width]"; cut where too long.
struct shape_text {
    char text[160];
};
struct shape_text shape_of_value(const struct onnx_value *v);
struct shape_text shape_of_dims(const int64_t *dims, int n_dims);

// Cells of the grids over width x height pixels, strides 2^first .. 2^last.
int64_t grid_cells(int width, int height, int first, int last);
