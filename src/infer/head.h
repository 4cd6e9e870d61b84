// SPDX-License-Identifier: Apache-2.0
// head.h - what a detection head's output tensors mean: from tensors to boxes in source pixels.
//
// One decoder per family (head_yolo.c, head_yolox.c, ...), chosen by model_info.head. A head is
// made after the first warm-up run, when real shapes and values are there: they settle what the
// file alone could not say (YOLOX raw or decoded, the number of classes of a dynamic output, ...).
//
// Ownership: head_destroy() after all scratches are gone. A head borrows the model: keep a
// reference. Threads: a head is constant after create; a scratch belongs to one worker.
#pragma once

#include <stdint.h>

#include "base/attr.h"

struct detection_list;
struct detector_settings;
struct engine_context;
struct head;
struct head_scratch;
struct letterbox;
struct model;
struct tensor;

// The index in model_info.inputs of the tensor that takes the picture.
int head_picture_input(const struct model *m);
// What input *input_index* wants beside the picture, for one picture: *ret_values* with *ret_n*
// numbers of the input's own integer type (DETR: orig_target_sizes, width and height). Boxes come
// back in pixels of the model's rectangle, so that head_decode() maps every family in one way.
// ERR_MODEL: an input that no head knows.
int head_extra_input(const struct model *m, int input_index, const struct letterbox *lb,
                     int64_t ret_values[2], int *ret_n) MUST_CHECK;

// *outputs* are those of a warm-up run over any picture, input_width x input_height pixels large.
// ERR_MODEL: shapes or values contradict the head; the message says which tensor and how.
// ERR_NOMEM.
int head_create(const struct model *m, int input_width, int input_height,
                const struct tensor *outputs, int n_outputs, struct head **ret_head) MUST_CHECK;
void head_destroy(struct head *h);
// One line: "yolox, raw grids (values settle it), 80 classes, 3549 anchors".
const char *head_describe(const struct head *h);

int head_scratch_create(const struct head *h, struct head_scratch **ret_scratch) MUST_CHECK;
void head_scratch_destroy(struct head_scratch *s);

// Appends the detections of picture *index_in_batch* to *ret_detections*: above their floor,
// doubles suppressed where the family needs it, highest confidence first (equal ones in the order
// of the model's anchors), boxes in source pixels and clipped. ERR_MODEL: a shape that differs from
// the warm-up's, values that are not numbers. ERR_NOMEM.
int head_decode(const struct head *h, const struct tensor *outputs, int n_outputs,
                int index_in_batch, const struct letterbox *lb,
                const struct detector_settings *settings, struct head_scratch *scratch,
                struct detection_list *ret_detections) MUST_CHECK;
// The same of a run that was cut: by engine_rows(). The detections are those of whole outputs.
int head_decode_rows(const struct head *h, struct engine_context *c, const struct letterbox *lb,
                     const struct detector_settings *settings, struct head_scratch *scratch,
                     struct detection_list *ret_detections) MUST_CHECK;
