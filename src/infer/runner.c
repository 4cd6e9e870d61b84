// SPDX-License-Identifier: Apache-2.0
// runner.c - pixels into tensors, tensors through the engine, tensors into detections.

#include "infer/runner.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/engine.h"
#include "infer/engine_impl.h"
#include "infer/head.h"
#include "infer/pack.h"
#include "vision/frame.h"

enum {
    MAX_EXTRA_NUMBERS = 2,
    MAX_BATCH = 64, // of tensors given as they are
    SHAPE_TEXT = 160,
};
#define MAX_OUTPUT (256 * MIB) // of one tensor, over the whole batch

struct runner {
    // --- constant after create
    struct model *model; // owned reference
    int width, height;
    int n_slots;
    bool fixed_batch; // the model's batch is static: all slots go in every time
    int picture_input;
    size_t picture_bytes;     // of one slot
    struct tensor as_in_file; // the picture as the model's file has it; the slots may hold bytes
    size_t extra_bytes[MODEL_MAX_TENSORS];
    struct pack *pack;
    struct engine_context *context;
    // --- after runner_set_head()
    const struct head *head; // borrowed
    struct head_scratch *scratch;
    // --- of the pictures in the slots
    struct tensor inputs[MODEL_MAX_TENSORS];
    struct tensor outputs[MODEL_MAX_TENSORS];
    bool is_cut; // rows of the context in place of outputs
};

static struct tensor picture_tensor(const struct runner *r, enum tensor_type type, bool nhwc)
{
    struct tensor t = {.type = type, .n_dims = 4};
    t.dims[0] = r->n_slots;
    t.dims[nhwc ? 3 : 1] = 3;
    t.dims[nhwc ? 1 : 2] = r->height;
    t.dims[nhwc ? 2 : 3] = r->width;
    return t;
}

// *bytes*: the engine takes the picture as it is.
static int make_picture_input(struct runner *r, const struct model_info *info, bool bytes)
{
    struct tensor *t = &r->inputs[r->picture_input];
    size_t n_pixels = (size_t)r->width * (size_t)r->height;
    r->as_in_file = picture_tensor(r, info->inputs[r->picture_input].type, info->input.nhwc);
    *t = bytes ? picture_tensor(r, TENSOR_UINT8, true) : r->as_in_file;
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
    const struct model_input as_bytes = {
        .nhwc = true, .scale = 1, .std = {1, 1, 1}, .fill = info->input.fill};
    bool bytes = engine_takes_bytes(e);
    int result = bytes ? pack_create(&as_bytes, TENSOR_UINT8, CPU_ISA_UNSET, &r->pack)
                       : pack_create(&info->input, info->inputs[r->picture_input].type,
                                     CPU_ISA_UNSET, &r->pack);
    if (result < 0)
        return err_prefix(result, "%s", info->path);
    result = make_picture_input(r, info, bytes);
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

void runner_set_stop(struct runner *r, const atomic_bool *stop)
{
    engine_context_set_stop(r->context, stop);
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
    return engine_run_for_head(r->context, r->inputs, n_inputs, r->outputs,
                               model_info(r->model)->n_outputs, &r->is_cut);
}

int runner_try(struct runner *r, enum engine_trial trial)
{
    return engine_try(r->context, r->inputs, n_inputs_for(r, 1), trial);
}

int runner_take(struct runner *r, int slot, const struct frame *f,
                const struct detector_settings *settings, struct detection_list *ret_detections)
{
    assert(r->head);
    if (r->is_cut)
        return head_decode_rows(r->head, r->context, &f->letterbox, settings, r->scratch,
                                ret_detections);
    return head_decode(r->head, r->outputs, model_info(r->model)->n_outputs, slot, &f->letterbox,
                       settings, r->scratch, ret_detections);
}

// --- tensors in place of pictures

static void put_shape(const int64_t *dims, int n_dims, char ret_text[SHAPE_TEXT])
{
    size_t n = 0;
    ret_text[0] = '\0';
    for (int i = 0; i < n_dims && n + 24 < SHAPE_TEXT; i++)
        n += (size_t)snprintf(ret_text + n, SHAPE_TEXT - n, "%s%lld", i ? "," : "",
                              (long long)dims[i]);
}

static int refuse_shape(const struct model_tensor *m, const struct tensor *own,
                        const struct tensor *given)
{
    char wanted[SHAPE_TEXT];
    char got[SHAPE_TEXT];
    put_shape(own->dims, own->n_dims, wanted);
    put_shape(given->dims, given->n_dims, got);
    return err_set(ERR_INVALID, "input '%s': shape [%s], the model is loaded for [%s]%s", m->name,
                   got, wanted, m->n_dims > 0 && m->dims[0] < 0 ? " with a batch of up to 64" : "");
}

// *batch* is that of the first input, 0 before it is known.
static int check_tensor(const struct runner *r, int i, const struct tensor *given, int64_t *batch)
{
    const struct model_tensor *m = &model_info(r->model)->inputs[i];
    const struct tensor *own = i == r->picture_input ? &r->as_in_file : &r->inputs[i];
    if (given->type != own->type)
        return err_set(ERR_INVALID, "input '%s': %s, the model wants %s", m->name,
                       tensor_type_name(given->type), tensor_type_name(own->type));
    if (given->n_dims != own->n_dims || given->dims[0] < 1)
        return refuse_shape(m, own, given);
    int64_t n = r->fixed_batch ? r->n_slots : given->dims[0];
    if (*batch == 0)
        *batch = n;
    if (n != *batch || given->dims[0] != n || n > (r->fixed_batch ? n : MAX_BATCH))
        return refuse_shape(m, own, given);
    size_t n_bytes = (size_t)n * tensor_type_bytes(own->type);
    for (int d = 1; d < own->n_dims; d++) {
        if (given->dims[d] != own->dims[d])
            return refuse_shape(m, own, given);
        n_bytes *= (size_t)own->dims[d];
    }
    assert(given->n_bytes == n_bytes); // who made the tensor counted as well
    return 0;
}

// What call *i* of *n* gave, behind what the others gave.
static int keep_output(const struct tensor *made, const char *name, int64_t i, int64_t n,
                       struct tensor *kept)
{
    if (i == 0) {
        *kept = *made;
        kept->data = NULL;
        if (n > 1 && (made->n_dims == 0 || made->dims[0] != 1))
            return err_set(ERR_UNSUPPORTED, "output '%s' has no batch: one entry at a time", name);
        if (made->n_bytes > MAX_OUTPUT / (size_t)n)
            return err_set(ERR_TOO_BIG, "output '%s' is larger than %d MiB", name,
                           (int)(MAX_OUTPUT / MIB));
        kept->n_bytes = made->n_bytes * (size_t)n;
        kept->data = mem_aligned(MAX(kept->n_bytes, (size_t)1));
        if (!kept->data)
            return ERR_NOMEM;
        if (n > 1)
            kept->dims[0] = n;
    }
    if (made->n_bytes != kept->n_bytes / (size_t)n)
        return err_set(ERR_UNSUPPORTED,
                       "output '%s' differs in size from picture to picture: one entry at a time",
                       name);
    if (made->n_bytes > 0)
        memcpy((uint8_t *)kept->data + (size_t)i * made->n_bytes, made->data, made->n_bytes);
    return 0;
}

static int run_entry(struct runner *r, const struct tensor *inputs, int64_t i, int64_t n,
                     struct tensor *outputs)
{
    const struct model_info *info = model_info(r->model);
    struct tensor one[MODEL_MAX_TENSORS];
    for (int k = 0; k < info->n_inputs; k++) {
        one[k] = inputs[k];
        one[k].n_bytes = inputs[k].n_bytes / (size_t)n;
        one[k].data = (uint8_t *)inputs[k].data + (size_t)i * one[k].n_bytes;
        if (!r->fixed_batch)
            one[k].dims[0] = 1;
    }
    int result = engine_run(r->context, one, info->n_inputs, r->outputs, info->n_outputs);
    for (int k = 0; k < info->n_outputs && result == 0; k++)
        result = keep_output(&r->outputs[k], info->outputs[k].name, i, n, &outputs[k]);
    return result;
}

int runner_run_tensors(struct runner *r, const struct tensor *inputs, struct tensor *outputs)
{
    int64_t batch = 0;
    int n_inputs = model_info(r->model)->n_inputs;
    for (int i = 0; i < n_inputs; i++) {
        int result = check_tensor(r, i, &inputs[i], &batch);
        if (result < 0)
            return result;
    }
    int64_t n = r->fixed_batch ? 1 : batch;
    int result = 0;
    for (int64_t i = 0; i < n && result == 0; i++)
        result = run_entry(r, inputs, i, n, outputs);
    return result;
}
