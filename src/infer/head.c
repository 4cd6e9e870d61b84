// SPDX-License-Identifier: Apache-2.0
// head.c - what all heads have in common: views of outputs, floors, suppression, the way back to
// source pixels.

#include "infer/head.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/detector.h"
#include "infer/head_priv.h"
#include "nn/plan.h"
#include "vision/letterbox.h"
#include "vision/nms.h"

enum {
    DEFAULT_MAX_DETECTIONS = 300,
    HEAD_MAX_ELEMENTS = 1 << 28, // of one output
};
#define DEFAULT_IOU 0.7
#define FAR_AWAY    1e6f // model pixels; infinities end here

static const struct head_impl *const impls[HEAD_N_KINDS] = {
    [HEAD_YOLOV5] = &head_yolov5,
    [HEAD_YOLOV8] = &head_yolov8,
    [HEAD_END_TO_END] = &head_end_to_end,
    [HEAD_YOLOX] = &head_yolox,
    [HEAD_YOLOX_DECODED] = &head_yolox,
    [HEAD_NANODET] = &head_nanodet,
    [HEAD_PICODET] = &head_nanodet,
    [HEAD_FASTESTDET] = &head_fastestdet,
    [HEAD_DETR] = &head_detr,
    [HEAD_SSD_TF] = &head_ssd_tf,
    [HEAD_SSD_CAFFE] = &head_ssd_caffe,
};

static size_t element_bytes(enum tensor_type type)
{
    switch (type) {
    case TENSOR_FLOAT32:
    case TENSOR_INT32:
        return 4;
    case TENSOR_FLOAT16:
        return 2;
    case TENSOR_INT64:
        return 8;
    default:
        return 0;
    }
}

static const char *output_name(const struct head *h, int role)
{
    return h->model->info.outputs[h->model->plan.roles[role]].name;
}

// Elements of *t*. ERR_MODEL: sizes that cannot be, or more than there are bytes.
static int count_elements(const struct head *h, int role, const struct tensor *t, int64_t *ret_n)
{
    int64_t n = 1;
    for (int i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0 || (t->dims[i] > 0 && n > HEAD_MAX_ELEMENTS / t->dims[i]))
            return err_set(ERR_MODEL, "%s: output '%s' has an impossible size", h->model->info.path,
                           output_name(h, role));
        n *= t->dims[i];
    }
    size_t each = element_bytes(t->type);
    if (each == 0)
        return err_set(ERR_MODEL, "%s: output '%s' has a number format that no head uses",
                       h->model->info.path, output_name(h, role));
    if ((size_t)n * each > t->n_bytes || (n > 0 && !t->data))
        return err_set(ERR_MODEL, "%s: output '%s' is shorter than its shape", h->model->info.path,
                       output_name(h, role));
    *ret_n = n;
    return 0;
}

int head_view(const struct head_call *c, int role, int n_dims, struct view *ret_view)
{
    const struct head *h = c->head;
    int output = h->model->plan.roles[role];
    assert(n_dims <= VIEW_MAX_DIMS && output >= 0 && output < h->model->info.n_outputs);
    if (output >= c->n_outputs)
        return err_set(ERR_MODEL, "%s: the engine gave %d outputs", h->model->info.path,
                       c->n_outputs);
    const struct tensor *t = &c->outputs[output];
    int64_t n = 0;
    int r = count_elements(h, role, t, &n);
    if (r < 0)
        return r;
    bool batched = t->n_dims == n_dims + 1;
    int64_t batch = batched ? t->dims[0] : 1;
    if ((!batched && t->n_dims != n_dims) || c->index >= batch)
        return err_set(ERR_MODEL, "%s: output '%s' is %s for picture %d of a batch",
                       h->model->info.path, output_name(h, role),
                       shape_of_dims(t->dims, t->n_dims).text, c->index);
    struct view v = {.type = t->type, .n_dims = n_dims, .n = n / batch};
    for (int i = 0; i < n_dims; i++)
        v.dims[i] = t->dims[i + batched];
    v.data = (const char *)t->data + (size_t)(c->index * v.n) * element_bytes(t->type);
    *ret_view = v;
    return 0;
}

static float half_to_float(uint16_t half)
{
    // The exponent moves by 112; what was infinite or not a number stays so.
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    float f;
    memcpy(&f, &bits, sizeof(f));
    f *= 0x1p112f;
    memcpy(&bits, &f, sizeof(bits));
    bits |= f >= 65536.0f ? 0x7f800000u : 0;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

float view_at(const struct view *v, int64_t i)
{
    switch (v->type) {
    case TENSOR_FLOAT16:
        return half_to_float(((const uint16_t *)v->data)[i]);
    case TENSOR_INT64:
        return (float)((const int64_t *)v->data)[i];
    case TENSOR_INT32:
        return (float)((const int32_t *)v->data)[i];
    default:
        return ((const float *)v->data)[i];
    }
}

const float *view_row(const struct view *v, int64_t first, int64_t n, float *room)
{
    if (v->type == TENSOR_FLOAT32)
        return (const float *)v->data + first;
    if (v->type == TENSOR_FLOAT16) {
        const uint16_t *from = (const uint16_t *)v->data + first;
        for (int64_t i = 0; i < n; i++)
            room[i] = half_to_float(from[i]);
        return room;
    }
    for (int64_t i = 0; i < n; i++)
        room[i] = view_at(v, first + i);
    return room;
}

int head_room(const struct head_call *c, size_t slot, size_t n, float **ret_room)
{
    struct head_scratch *s = c->scratch;
    assert(slot < ARRAY_LEN(s->floats));
    if (n > s->caps[slot]) {
        float *room = (float *)mem_aligned(n * sizeof(float));
        if (!room)
            return ERR_NOMEM;
        mem_free(s->floats[slot]);
        s->floats[slot] = room;
        s->caps[slot] = n;
    }
    *ret_room = s->floats[slot];
    return 0;
}

int head_floats(const struct head_call *c, int role, const struct view *v, const float **ret_floats)
{
    float *room = NULL;
    if (v->type != TENSOR_FLOAT32) {
        int r = head_room(c, (size_t)role, (size_t)MAX(v->n, (int64_t)1), &room);
        if (r < 0)
            return r;
    }
    *ret_floats = view_row(v, 0, v->n, room);
    return 0;
}

int64_t argmax(const float *v, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) {
        if (v[i] > v[best])
            best = i;
    }
    return best;
}

struct box box_around(float cx, float cy, float w, float h)
{
    return (struct box){cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2};
}

static float clamp_far(float v)
{
    return fminf(fmaxf(v, -FAR_AWAY), FAR_AWAY);
}

int head_add(const struct head_call *c, float confidence, int64_t class_id, struct box in_model)
{
    const struct head *h = c->head;
    int n_labels = h->model->info.n_labels;
    if (class_id < 0 || class_id >= n_labels)
        return err_set(ERR_MODEL, "%s: class %lld, but there are %d labels (--labels FILE?)",
                       h->model->info.path, (long long)class_id, n_labels);
    if (!(confidence >= c->scratch->floors[class_id]))
        return 0;
    if (isnan(in_model.x1) || isnan(in_model.y1) || isnan(in_model.x2) || isnan(in_model.y2))
        return err_set(ERR_MODEL, "%s: the model gave a box that is not a number",
                       h->model->info.path);
    struct detection d = {.confidence = confidence, .class_id = (int)class_id};
    d.box = (struct box){clamp_far(in_model.x1), clamp_far(in_model.y1), clamp_far(in_model.x2),
                         clamp_far(in_model.y2)};
    return detection_list_add(&c->scratch->candidates, d);
}

int head_set_levels(struct head *h, int64_t cells)
{
    static const int stacks[][2] = {{3, 5}, {3, 6}, {2, 5}, {3, 4}, {4, 5}};
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
        if (grid_cells(h->width, h->height, stacks[i][0], stacks[i][1]) != cells)
            continue;
        h->n_levels = 0;
        for (int k = stacks[i][0]; k <= stacks[i][1]; k++) {
            int stride = 1 << k;
            h->levels[h->n_levels++] =
                (struct head_level){.width = (h->width + stride - 1) / stride,
                                    .height = (h->height + stride - 1) / stride,
                                    .stride = stride};
        }
        return 0;
    }
    return err_set(ERR_MODEL, "%s: %lld anchors do not belong to any grids over %dx%d pixels",
                   h->model->info.path, (long long)cells, h->width, h->height);
}

int head_shape_error(const struct head *h, int role, const struct view *v, const char *wanted)
{
    return err_set(ERR_MODEL, "%s: output '%s' came as %s a picture, head %s wants %s",
                   h->model->info.path, output_name(h, role),
                   shape_of_dims(v->dims, v->n_dims).text, head_name(h->kind), wanted);
}

int head_check_range(const struct head *h, int role, const char *what, float value)
{
    if (value >= -0.001f && value <= 1.001f)
        return 0;
    return err_set(
        ERR_MODEL, "%s: output '%s' has %s of %g, outside 0..1: not head %s, --head names another",
        h->model->info.path, output_name(h, role), what, (double)value, head_name(h->kind));
}

static void describe(struct head *h)
{
    const struct model_info *info = &h->model->info;
    const char *settled = h->kind == info->head ? "" : " (the first run's values show it)";
    if (h->n_anchors)
        snprintf(h->text, sizeof(h->text), "%s%s, %d classes, %lld anchors", head_name(h->kind),
                 settled, h->n_classes, (long long)h->n_anchors);
    else
        snprintf(h->text, sizeof(h->text), "%s%s, %d labels", head_name(h->kind), settled,
                 info->n_labels);
}

static int settle(struct head *h, const struct tensor *outputs, int n_outputs)
{
    struct head_scratch *scratch = NULL;
    int r = head_scratch_create(h, &scratch);
    if (r < 0)
        return r;
    struct head_call c = {
        .head = h, .outputs = outputs, .n_outputs = n_outputs, .scratch = scratch};
    r = h->impl->settle(h, &c);
    head_scratch_destroy(scratch);
    if (r < 0)
        return r;
    if (h->n_classes && h->n_classes != h->model->info.n_labels)
        return err_set(ERR_MODEL,
                       "%s: the outputs have %d classes, but there are %d labels (--labels FILE?)",
                       h->model->info.path, h->n_classes, h->model->info.n_labels);
    return 0;
}

int head_create(const struct model *m, int input_width, int input_height,
                const struct tensor *outputs, int n_outputs, struct head **ret_head)
{
    assert(m->info.head > HEAD_UNSET && m->info.head < HEAD_N_KINDS);
    struct head *h = mem_new(struct head);
    if (!h)
        return ERR_NOMEM;
    h->model = m;
    h->kind = m->info.head;
    h->impl = impls[h->kind];
    h->width = input_width;
    h->height = input_height;
    h->n_classes = m->plan.n_classes;
    int r = settle(h, outputs, n_outputs);
    if (r < 0) {
        mem_free(h);
        return r;
    }
    describe(h);
    *ret_head = h;
    return 0;
}

void head_destroy(struct head *h)
{
    mem_free(h);
}

const char *head_describe(const struct head *h)
{
    return h->text;
}

int head_scratch_create(const struct head *h, struct head_scratch **ret_scratch)
{
    struct head_scratch *s = mem_new(struct head_scratch);
    if (!s)
        return ERR_NOMEM;
    s->floors = mem_array(float, (size_t)MAX(h->model->info.n_labels, 1));
    if (!s->floors) {
        head_scratch_destroy(s);
        return ERR_NOMEM;
    }
    *ret_scratch = s;
    return 0;
}

void head_scratch_destroy(struct head_scratch *s)
{
    if (!s)
        return;
    detection_list_finish(&s->candidates);
    for (size_t i = 0; i < ARRAY_LEN(s->floats); i++)
        mem_free(s->floats[i]);
    mem_free(s->floors);
    mem_free(s);
}

// Each class's own floor; returns the lowest.
static float set_floors(const struct head *h, const struct detector_settings *settings,
                        float *floors)
{
    float lowest = INFINITY;
    for (int i = 0; i < h->model->info.n_labels; i++) {
        bool wanted = !settings->classes || settings->classes[i];
        float floor = settings->class_confidence ? settings->class_confidence[i]
                                                 : (float)settings->confidence;
        floors[i] = wanted ? floor : INFINITY;
        lowest = MIN(lowest, floors[i]);
    }
    return lowest;
}

// To source pixels; boxes that lie in the border alone have no picture to be in.
static int give_out(const struct detection *d, size_t n, const struct letterbox *lb,
                    struct detection_list *ret_detections)
{
    for (size_t i = 0; i < n; i++) {
        struct detection out = d[i];
        out.box = letterbox_to_source(lb, d[i].box);
        if (out.box.x2 <= out.box.x1 || out.box.y2 <= out.box.y1)
            continue;
        int r = detection_list_add(ret_detections, out);
        if (r < 0)
            return r;
    }
    return 0;
}

// What all families do with their candidates.
static int finish(const struct head_call *c, const struct letterbox *lb,
                  const struct detector_settings *settings, struct detection_list *ret_detections)
{
    // Without doubles an overlap of more than everything is asked for: only the order is wanted.
    double iou = settings->iou > 0 ? settings->iou : DEFAULT_IOU;
    int max = settings->max_detections > 0 ? settings->max_detections : DEFAULT_MAX_DETECTIONS;
    struct detection_list *found = &c->scratch->candidates;
    size_t n = nms_run(found->items, found->n, c->head->impl->wants_nms ? (float)iou : 2.0f,
                       NMS_PER_CLASS, (size_t)max);
    return give_out(found->items, n, lb, ret_detections);
}

int head_decode(const struct head *h, const struct tensor *outputs, int n_outputs,
                int index_in_batch, const struct letterbox *lb,
                const struct detector_settings *settings, struct head_scratch *scratch,
                struct detection_list *ret_detections)
{
    struct head_call c = {.head = h,
                          .outputs = outputs,
                          .n_outputs = n_outputs,
                          .index = index_in_batch,
                          .scratch = scratch};
    detection_list_clear(&scratch->candidates);
    c.lowest = set_floors(h, settings, scratch->floors);
    int r = h->impl->decode(&c);
    return r < 0 ? r : finish(&c, lb, settings, ret_detections);
}

int head_decode_rows(const struct head *h, struct engine_context *context,
                     const struct letterbox *lb, const struct detector_settings *settings,
                     struct head_scratch *scratch, struct detection_list *ret_detections)
{
    struct head_call c = {.head = h, .scratch = scratch};
    struct plan_rows rows;
    assert(h->impl->decode_rows);
    detection_list_clear(&scratch->candidates);
    c.lowest = set_floors(h, settings, scratch->floors);
    int r = engine_rows(context, c.lowest, &rows);
    if (r == 0)
        r = h->impl->decode_rows(&c, &rows);
    return r < 0 ? r : finish(&c, lb, settings, ret_detections);
}
