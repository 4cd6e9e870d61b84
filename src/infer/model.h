// SPDX-License-Identifier: Apache-2.0
// model.h - an ONNX file inspected: which detection head it has, how its input wants to be fed, and
// why we think so.
//
// Inspection reads the file with our own bounded reader (onnx_read.h) and needs no engine. What
// names, shapes and metadata cannot decide (YOLOX raw or decoded, ...) is decided later from values
// by head_*.c at warm-up, or asks for --head.
//
// Ownership: counted; model_unref().
// Threads: constant after model_open().
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/opt.h"
#include "nn/tensor.h"
#include "vision/letterbox.h"

struct str_buf;
struct model;

enum head_kind {
    HEAD_UNSET,      // recognise
    HEAD_YOLOV5,     // (N, anchors, 5+nc): cx cy w h objectness classes; v7 too; or raw maps
    HEAD_YOLOV8,     // (N, 4+nc, anchors): cx cy w h classes; v9, 11, 12 too
    HEAD_END_TO_END, // (N, k, 6): x1 y1 x2 y2 confidence class; v10, 26, nms=True exports
    HEAD_YOLOX,      // (N, anchors, 5+nc) raw grids
    HEAD_YOLOX_DECODED,
    HEAD_NANODET,
    HEAD_PICODET,
    HEAD_FASTESTDET,
    HEAD_DETR,      // labels, boxes, scores with orig_target_sizes: RT-DETR, D-FINE, DEIM
    HEAD_SSD_TF,    // boxes, classes, scores, num
    HEAD_SSD_CAFFE, // (1, 1, N, 7)
    HEAD_N_KINDS
};

enum {
    MODEL_MAX_DIMS = TENSOR_MAX_DIMS,
    MODEL_MAX_TENSORS = 32,
    MODEL_MAX_LABELS = 4096,
    MODEL_LABEL_MAX = 256,
};

struct model_tensor {
    const char *name;
    enum tensor_type type;
    int n_dims;
    int64_t dims[MODEL_MAX_DIMS]; // -1: dynamic
};

// How pixels become the input tensor: value = (pixel / 255 or pixel, - mean) / std, channel order,
// layout.
struct model_input {
    int width, height; // pixels; where the file leaves them open: --imgsz, its metadata, 640
    bool dynamic_size; // the file leaves them open
    int batch;         // 0: dynamic
    bool nhwc;
    bool bgr;
    float scale;   // multiplies the 0..255 pixel first: 1 or 1/255
    float mean[3]; // subtracted after the scale; in the tensor's channel order
    float std[3];
    enum letterbox_rule rule;
    uint8_t fill;
};

struct model_info {
    const char *path;
    char sha256[65];
    enum head_kind head;
    const char *head_name; // "yolov8"
    const char *why;       // one or more lines: names, shapes, metadata that led to the decision
    struct model_input input;
    const char *const *labels;
    int n_labels;
    const char *labels_from; // "metadata names", "COCO's 80 classes, by their number", "--labels",
                             // "numbers"
    const struct model_tensor *inputs;
    int n_inputs;
    const struct model_tensor *outputs;
    int n_outputs;
    const char *producer;
    int64_t opset;
    int64_t n_parameters;
    bool quantized;
};

// Zero means recognise. Texts are borrowed during open.
struct model_opts {
    const char *path;
    int head;                // enum head_kind, from --head
    const char *labels_path; // a text file, a line a label
    const char *anchors;     // sizes of raw maps' boxes, or whose; NULL: the metadata's
    int64_t imgsz;           // for dynamic inputs; must equal a static one
};

// ERR_NOT_FOUND; ERR_MODEL with the true cause: a Git-LFS pointer, an empty file, not ONNX,
// external data missing, empty or outside the model's directory, no detector, head not decidable
// (asks for --head, --anchors). ERR_INVALID: anchors that do not fit. ERR_TOO_BIG, ERR_NOMEM.
int model_open(const struct model_opts *opts, struct model **ret_model) MUST_CHECK;
struct model *model_ref(struct model *m);
void model_unref(struct model **pm);
const struct model_info *model_info(const struct model *m);

const char *head_name(enum head_kind head);
int head_parse(const char *name,
               enum head_kind *ret_head) MUST_CHECK; // ERR_INVALID lists the names
// What `assay model inspect` prints; and as one JSON object.
void model_describe(const struct model *m, struct str_buf *out);
void model_describe_json(const struct model *m, struct str_buf *out);

// Rows for --model, --head, --anchors, --labels, --imgsz; target struct model_opts.
extern const struct opt model_options[];
