// SPDX-License-Identifier: Apache-2.0
// runner.c - pixels into tensors, tensors through the engine, tensors into detections.

#include "infer/runner.h"

#include <assert.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/engine.h"
#include "infer/engine_impl.h"
#include "infer/head.h"
#include "infer/pack.h"
#include "vision/frame.h"

enum {
    MAX_EXTRA_NUMBERS = 2,
};

struct runner {
    // --- constant after create
    struct model *model; // owned reference
    int width, height;
    int n_slots;
    bool fixed_batch; // the model's batch is static: all slots go in every time
    int picture_input;
    size_t picture_bytes; // of one slot
    size_t extra_bytes[MODEL_MAX_TENSORS];
    struct pack *pack;
    struct engine_context *context;
    // --- after runner_set_head()
    const struct head *head; // borrowed
    struct head_scratch *scratch;
    // --- of the pictures in the slots
    struct tensor inputs[MODEL_MAX_TENSORS];
    struct tensor outputs[MODEL_MAX_TENSORS];
};

static int make_picture_input(struct runner *r, const struct model_info *info)
{
    struct tensor *t = &r->inputs[r->picture_input];
    size_t n_pixels = (size_t)r->width * (size_t)r->height;
    t->type = info->inputs[r->picture_input].type;
    t->n_dims = 4;
    t->dims[0] = r->n_slots;
    t->dims[info->input.nhwc ? 3 : 1] = 3;
    t->dims[info->input.nhwc ? 1 : 2] = r->height;
    t->dims[info->input.nhwc ? 2 : 3] = r->width;
    r->picture_bytes = n_pixels * 3 * pack_element_bytes(r->pack);
    t->n_bytes = r->picture_bytes * (size_t)r->n_slots;
    t->data = mem_aligned(t->n_bytes);
    if (!t->data)
        return ERR_NOMEM;
    for (int slot = 0; slot < r->n_slots; slot++)
        pack_fill(r->pack, info->input.fill, n_pixels,
                  (uint8_t *)t->data + (size_t)slot * r->picture_bytes);
    return 0;
}

static void put_number(enum tensor_type type, void *to, int index, int64_t value)
{
    switch (type) {
    case TENSOR_INT64:
        ((int64_t *)to)[index] = value;
        return;
    case TENSOR_INT32:
        ((int32_t *)to)[index] = (int32_t)value;
        return;
    default:
        assert(type == TENSOR_FLOAT32);
        ((float *)to)[index] = (float)value;
        return;
    }
}

static int put_extra(struct runner *r, int input, int slot, const struct letterbox *lb)
{
    int64_t values[MAX_EXTRA_NUMBERS];
    int n = 0;
    int result = head_extra_input(r->model, input, lb, values, &n);
    if (result < 0)
        return result;
    uint8_t *to = (uint8_t *)r->inputs[input].data + (size_t)slot * r->extra_bytes[input];
    for (int i = 0; i < n; i++)
        put_number(r->inputs[input].type, to, i, values[i]);
    return 0;
}

static int make_extra_input(struct runner *r, const struct model_info *info, int input)
{
    const struct model_tensor *shape = &info->inputs[input];
    if (shape->type != TENSOR_INT64 && shape->type != TENSOR_INT32 && shape->type != TENSOR_FLOAT32)
        return err_set(ERR_UNSUPPORTED, "%s: input '%s' wants numbers of a type that is not known",
                       info->path, shape->name);
    struct letterbox whole = letterbox_make(LETTERBOX_STRETCH, r->width, r->height, r->width,
                                            r->height, info->input.fill);
    int64_t values[MAX_EXTRA_NUMBERS];
    int n = 0;
    int result = head_extra_input(r->model, input, &whole, values, &n);
    if (result < 0)
        return result;
    struct tensor *t = &r->inputs[input];
    t->type = shape->type;
    t->n_dims = 2;
    t->dims[0] = r->n_slots;
    t->dims[1] = n;
    r->extra_bytes[input] = (size_t)n * (size_t)tensor_type_bytes(t->type);
    t->n_bytes = r->extra_bytes[input] * (size_t)r->n_slots;
    t->data = mem_aligned(t->n_bytes);
    if (!t->data)
        return ERR_NOMEM;
    for (int slot = 0; slot < r->n_slots && result == 0; slot++)
        result = put_extra(r, input, slot, &whole);
    return result;
}

static int runner_open(struct runner *r, struct engine *e)
{
    const struct model_info *info = model_info(r->model);
    r->picture_input = head_picture_input(r->model);
    r->fixed_batch = info->input.batch > 0;
    r->n_slots = r->fixed_batch ? info->input.batch : engine_max_batch(e);
    int result =
        pack_create(&info->input, info->inputs[r->picture_input].type, CPU_ISA_UNSET, &r->pack);
    if (result < 0)
        return err_prefix(result, "%s", info->path);
    result = make_picture_input(r, info);
    for (int i = 0; i < info->n_inputs && result == 0; i++) {
        if (i != r->picture_input)
            result = make_extra_input(r, info, i);
    }
    if (result < 0)
        return result;
    return engine_context_create(e, &r->context);
}

int runner_create(struct model *m, struct engine *e, int width, int height,
                  struct runner **ret_runner)
{
    struct runner *r = mem_new(struct runner);
    if (!r)
        return ERR_NOMEM;
    r->model = model_ref(m);
    r->width = width;
    r->height = height;
    int result = runner_open(r, e);
    if (result < 0) {
        runner_destroy(r);
        return result;
    }
    *ret_runner = r;
    return 0;
}

void runner_destroy(struct runner *r)
{
    if (!r)
        return;
    head_scratch_destroy(r->scratch);
    engine_context_destroy(r->context);
    for (int i = 0; i < MODEL_MAX_TENSORS; i++)
        mem_free(r->inputs[i].data);
    pack_destroy(r->pack);
    model_unref(&r->model);
    mem_free(r);
}

int runner_n_slots(const struct runner *r)
{
    return r->n_slots;
}

// The inputs hold *n* pictures.
static int n_inputs_for(struct runner *r, int n)
{
    assert(n > 0 && n <= r->n_slots);
    const struct model_info *info = model_info(r->model);
    int n_sent = r->fixed_batch ? r->n_slots : n;
    for (int i = 0; i < info->n_inputs; i++) {
        r->inputs[i].dims[0] = n_sent;
        r->inputs[i].n_bytes =
            (size_t)n_sent * (i == r->picture_input ? r->picture_bytes : r->extra_bytes[i]);
    }
    return info->n_inputs;
}

int runner_make_head(struct runner *r, struct head **ret_head)
{
    int n_outputs = model_info(r->model)->n_outputs;
    int n_inputs = n_inputs_for(r, r->n_slots);
    int result = engine_warm(r->context, r->inputs, n_inputs, r->outputs, n_outputs);
    if (result < 0)
        return result;
    return head_create(r->model, r->width, r->height, r->outputs, n_outputs, ret_head);
}

int runner_set_head(struct runner *r, const struct head *h)
{
    assert(!r->head);
    r->head = h;
    return head_scratch_create(h, &r->scratch);
}

int runner_put(struct runner *r, int slot, const struct frame *f)
{
    assert(slot >= 0 && slot < r->n_slots);
    assert(f->letterbox.dst_width == r->width && f->letterbox.dst_height == r->height);
    const struct tensor *t = &r->inputs[r->picture_input];
    pack_run(r->pack, f->rgb, (size_t)r->width * (size_t)r->height,
             (uint8_t *)t->data + (size_t)slot * r->picture_bytes);
    int n_inputs = model_info(r->model)->n_inputs;
    for (int i = 0; i < n_inputs; i++) {
        if (i == r->picture_input)
            continue;
        int result = put_extra(r, i, slot, &f->letterbox);
        if (result < 0)
            return result;
    }
    return 0;
}

int runner_run(struct runner *r, int n)
{
    int n_inputs = n_inputs_for(r, n);
    return engine_run(r->context, r->inputs, n_inputs, r->outputs, model_info(r->model)->n_outputs);
}

int runner_try(struct runner *r, enum engine_trial trial)
{
    return engine_try(r->context, r->inputs, n_inputs_for(r, 1), trial);
}

int runner_take(struct runner *r, int slot, const struct frame *f,
                const struct detector_settings *settings, struct detection_list *ret_detections)
{
    assert(r->head);
    return head_decode(r->head, r->outputs, model_info(r->model)->n_outputs, slot, &f->letterbox,
                       settings, r->scratch, ret_detections);
}
