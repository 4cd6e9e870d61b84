// SPDX-License-Identifier: Apache-2.0
// head_priv.h - what head.c and the families' decoders share.
//
// A decoder reads *views*: one picture's part of an output, whatever its number format. It adds
// candidates in pixels of the model's rectangle, in the order of the model's anchors; head.c does
// the rest for all families.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "infer/engine.h"
#include "infer/model_priv.h"
#include "vision/detection.h"

enum {
    VIEW_MAX_DIMS = 4,
};

// One picture's part of an output.
struct view {
    const void *data;
    enum tensor_type type; // FLOAT32, FLOAT16, INT64 or INT32
    int n_dims;            // without the batch
    int64_t dims[VIEW_MAX_DIMS];
    int64_t n; // elements
};

struct head_level {
    int width, height; // cells
    int stride;        // model pixels
};

struct head;
struct head_call;
struct plan_rows;

struct head_impl {
    bool wants_nms;
    // Sees the warm-up's outputs (picture 0): fills the shape fields of *h*. ERR_MODEL.
    int (*settle)(struct head *h, const struct head_call *c);
    int (*decode)(struct head_call *c);
    // The same from rows of the output; NULL: heads that are never cut off.
    int (*decode_rows)(struct head_call *c, const struct plan_rows *rows);
};

struct head {
    const struct model *model;
    const struct head_impl *impl;
    enum head_kind kind; // YOLOX: settled by values
    int width, height;   // of the model's rectangle
    int n_classes;
    int64_t n_anchors; // 0: differs from run to run
    int n_levels;
    struct head_level levels[HEAD_MAX_LEVELS];
    bool is_raw;     // VARIANT_MAPS: no sigmoid in the graph
    bool normalised; // boxes are 0..1 of the rectangle
    char text[192];  // head_describe()
};

struct head_scratch {
    struct detection_list candidates;
    float *floors; // one a class: what its confidence must reach; infinite: not wanted
    float *floats[HEAD_MAX_ROLES + 1]; // converted outputs, and one row
    size_t caps[HEAD_MAX_ROLES + 1];
};

// One picture being decoded.
struct head_call {
    const struct head *head;
    const struct tensor *outputs;
    int n_outputs;
    int index;    // in the batch
    float lowest; // of all floors
    struct head_scratch *scratch;
};

// The part of the output in *role*, which has *n_dims* dimensions beside the batch (a batch of one
// may be squeezed away). ERR_MODEL.
int head_view(const struct head_call *c, int role, int n_dims, struct view *ret_view) MUST_CHECK;
// As floats: the tensor's own memory, or converted into the scratch. ERR_NOMEM.
int head_floats(const struct head_call *c, int role, const struct view *v,
                const float **ret_floats) MUST_CHECK;
float view_at(const struct view *v, int64_t i);
// *n* floats from element *first* on, in place or converted into *room*.
const float *view_row(const struct view *v, int64_t first, int64_t n, float *room);
// Room for *n* floats that lives in the scratch. ERR_NOMEM.
int head_room(const struct head_call *c, size_t slot, size_t n, float **ret_room) MUST_CHECK;

// Adds a candidate when its class's floor is reached. ERR_MODEL: an unknown class, not a number.
int head_add(const struct head_call *c, float confidence, int64_t class_id,
             struct box in_model) MUST_CHECK;
int64_t argmax(const float *v, int64_t n); // the first of equal ones
struct box box_around(float cx, float cy, float w, float h);

// Grids of strides 2^3 on whose cells are *cells* in all. ERR_MODEL where none fit.
int head_set_levels(struct head *h, int64_t cells) MUST_CHECK;
int head_shape_error(const struct head *h, int role, const struct view *v,
                     const char *wanted) MUST_CHECK;
// Confidences outside 0..1 mean that the head was taken for another.
int head_check_range(const struct head *h, int role, const char *what, float value) MUST_CHECK;

// head_maps.c: VARIANT_MAPS of HEAD_YOLOV5.
int head_maps_settle(struct head *h, const struct head_call *c) MUST_CHECK;
int head_maps_decode(struct head_call *c) MUST_CHECK;

extern const struct head_impl head_yolov5;
extern const struct head_impl head_yolov8;
extern const struct head_impl head_end_to_end;
extern const struct head_impl head_yolox;
extern const struct head_impl head_nanodet; // PicoDet too
extern const struct head_impl head_fastestdet;
extern const struct head_impl head_detr;
extern const struct head_impl head_ssd_tf;
extern const struct head_impl head_ssd_caffe;
