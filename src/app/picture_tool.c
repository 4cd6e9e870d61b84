// SPDX-License-Identifier: Apache-2.0
// picture_tool.c - a stack of preparers: who needs one takes the warmest.

#include "app/picture_tool.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "media/prepare.h"
#include "vision/frame.h"

enum {
    MAX_KEPT = 64,
};

struct picture_tool {
    // --- constant after create
    const char *program;
    // --- guarded by lock
    struct lock lock;
    struct preparer *kept[MAX_KEPT];
    size_t n_kept;
};

int picture_tool_create(const char *program, struct picture_tool **ret_tool)
{
    struct picture_tool *t = mem_new(struct picture_tool);
    if (!t)
        return ERR_NOMEM;
    t->program = program;
    int r = lock_init(&t->lock, LOCK_RANK_POOL);
    if (r < 0) {
        mem_free(t);
        return r;
    }
    *ret_tool = t;
    return 0;
}

void picture_tool_destroy(struct picture_tool *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_kept; i++)
        preparer_destroy(t->kept[i]);
    lock_finish(&t->lock);
    mem_free(t);
}

static int take(struct picture_tool *t, struct preparer **ret)
{
    struct preparer *p = NULL;
    lock_acquire(&t->lock);
    if (t->n_kept > 0)
        p = t->kept[--t->n_kept];
    lock_release(&t->lock);
    if (!p)
        return preparer_create(ret);
    *ret = p;
    return 0;
}

static void give_back(struct picture_tool *t, struct preparer *p)
{
    lock_acquire(&t->lock);
    if (t->n_kept < MAX_KEPT) {
        t->kept[t->n_kept++] = p;
        p = NULL;
    }
    lock_release(&t->lock);
    preparer_destroy(p);
}

int picture_tool_prepare(struct picture_tool *t, const struct api_picture_wanted *w,
                         struct api_picture_made *ret)
{
    const struct model_input *input = &detector_model(w->detector)->input;
    struct prepare_wanted wanted = {
        .program = t->program,
        .name = w->name,
        .bytes = w->bytes,
        .n = w->n,
        .model = {.rule = input->rule, .fill = input->fill},
        .whole = w->whole,
        .ret_rgb = w->frame->rgb,
    };
    detector_input_size(w->detector, &wanted.model.width, &wanted.model.height);
    struct preparer *p;
    struct prepared made;
    int r = take(t, &p);
    if (r < 0)
        return r;
    r = prepare_picture(p, &wanted, &made);
    give_back(t, p);
    if (r < 0)
        return r;
    w->frame->letterbox = made.letterbox;
    *ret = (struct api_picture_made){.decoded_width = made.decoded_width,
                                     .decoded_height = made.decoded_height,
                                     .in_child = made.in_child,
                                     .decode_ns = made.decode_ns,
                                     .letterbox_ns = made.letterbox_ns};
    return 0;
}
