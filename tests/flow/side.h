// SPDX-License-Identifier: Apache-2.0
// side.h - one of two engines that are held against each other: its outputs for the pixels of a
// picture. The includer defines check(int) before, which ends the program on errors.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/engine.h"
#include "infer/pack.h"
#include "media/source.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

enum {
    CHOICE_NATIVE = 1,
    CHOICE_ONNXRUNTIME = 2,
    MAX_OUTPUTS = 16,
};

static inline const char *data_path(const char *path, char *room, size_t n)
{
    const char *data = getenv("ASSAY_TEST_DATA");
    snprintf(room, n, path[0] == '/' ? "%s%s" : "%s/%s",
             path[0] == '/' ? ""
             : data         ? data
                            : "",
             path);
    return room;
}

struct side {
    struct model *m;
    struct engine *e;
    struct engine_context *c;
    struct tensor outputs[MAX_OUTPUTS];
};

static inline bool open_side(struct side *s, const char *path, int engine, int precision)
{
    char room[512];
    struct model_opts opts = {.path = data_path(path, room, sizeof(room))};
    check(model_open(&opts, &s->m));
    int r = engine_create(
        s->m, &(struct engine_opts){.engine = engine, .precision = precision, .threads = 1}, &s->e);
    if (r == ERR_UNAVAILABLE) {
        printf("%s\n", err_message(r));
        model_unref(&s->m);
        return false;
    }
    check(r);
    check(engine_context_create(s->e, &s->c));
    return true;
}

static inline void close_side(struct side *s)
{
    engine_context_destroy(s->c);
    engine_destroy(s->e);
    model_unref(&s->m);
}

// The model's input tensor; its data is the caller's to free.
static inline struct tensor side_input(const struct side *s, const uint8_t *rgb)
{
    const struct model_info *info = model_info(s->m);
    const struct model_input *in = &info->input;
    struct pack *pack;
    check(pack_create(in, info->inputs[0].type, CPU_ISA_UNSET, &pack));
    size_t n_pixels = (size_t)in->width * (size_t)in->height;
    struct tensor t = {
        .type = info->inputs[0].type, .n_dims = 4, .dims = {1, 3, in->height, in->width}};
    t.n_bytes = n_pixels * 3 * pack_element_bytes(pack);
    t.data = mem_aligned(t.n_bytes);
    check(t.data ? 0 : ERR_NOMEM);
    pack_run(pack, rgb, n_pixels, t.data);
    pack_destroy(pack);
    return t;
}

static inline void run_side(struct side *s, const uint8_t *rgb)
{
    struct tensor t = side_input(s, rgb);
    check(engine_run(s->c, &t, 1, s->outputs, model_info(s->m)->n_outputs));
    mem_free(t.data);
}

static inline float number(const struct tensor *t, size_t i)
{
    if (t->type == TENSOR_FLOAT16)
        return tensor_from_half(((const uint16_t *)t->data)[i]);
    return ((const float *)t->data)[i];
}

// One picture after another, as the model's pixels. False at the end.
static inline bool next_pixels(struct source *s, const struct model_input *in, uint8_t *rgb)
{
    struct picture *picture;
    int r = source_next(s, &picture);
    if (r == ERR_EOF)
        return false;
    check(r);
    struct letterbox lb =
        letterbox_make(in->rule, picture->width, picture->height, in->width, in->height, in->fill);
    struct letterbox_scratch *scratch;
    check(letterbox_scratch_create(CPU_ISA_UNSET, &scratch));
    check(letterbox_run(scratch, &lb, picture, rgb));
    letterbox_scratch_destroy(scratch);
    picture_unref(&picture);
    return true;
}
