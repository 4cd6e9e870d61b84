// SPDX-License-Identifier: Apache-2.0
// head_detr.c - RT-DETR, D-FINE, DEIM: labels, boxes and confidences, no suppression needed.
//
// Boxes are corners in pixels of the size that was fed in (the model's rectangle, see
// head_extra_input()). Without a size input they are pixels of the rectangle or parts of it: the
// first run tells. Ultralytics' RT-DETR has rows of (cx, cy, w, h, classes) in parts of it.

#include <math.h>

#include "base/err.h"
#include "infer/head_priv.h"

enum {
    BOX = 4,
    ROW_SLOT = HEAD_MAX_ROLES,
};

struct answer {
    struct view labels, boxes, confidences;
};

static int read_answer(const struct head_call *c, struct answer *ret_answer)
{
    int r = head_view(c, ROLE_LABELS, 1, &ret_answer->labels);
    if (r == 0)
        r = head_view(c, ROLE_BOXES, 2, &ret_answer->boxes);
    if (r == 0)
        r = head_view(c, ROLE_CONFIDENCES, 1, &ret_answer->confidences);
    if (r < 0)
        return r;
    int64_t n = ret_answer->labels.dims[0];
    if (ret_answer->boxes.dims[0] != n || ret_answer->boxes.dims[1] != BOX)
        return head_shape_error(c->head, ROLE_BOXES, &ret_answer->boxes, "(rows, 4)");
    if (ret_answer->confidences.dims[0] != n)
        return head_shape_error(c->head, ROLE_CONFIDENCES, &ret_answer->confidences, "(rows)");
    return 0;
}

static int settle_rows(struct head *h, const struct head_call *c)
{
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t n_classes = v.dims[1] - BOX;
    if (n_classes < 1 || n_classes > MODEL_MAX_LABELS)
        return head_shape_error(h, ROLE_MAIN, &v, "(rows, 4+classes)");
    h->n_classes = (int)n_classes;
    h->normalised = true;
    for (int64_t i = 0; r == 0 && i < v.n; i++) {
        if (i % v.dims[1] >= BOX)
            r = head_check_range(h, ROLE_MAIN, "a confidence", view_at(&v, i));
    }
    return r;
}

static int settle_detr(struct head *h, const struct head_call *c)
{
    if (h->model->plan.variant == VARIANT_ROWS)
        return settle_rows(h, c);
    struct answer a;
    int r = read_answer(c, &a);
    float largest = 0;
    for (int64_t i = 0; r == 0 && i < a.boxes.n; i++)
        largest = fmaxf(largest, view_at(&a.boxes, i));
    for (int64_t i = 0; r == 0 && i < a.confidences.n; i++)
        r = head_check_range(h, ROLE_CONFIDENCES, "a confidence", view_at(&a.confidences, i));
    h->normalised = h->model->plan.size_input < 0 && largest <= 2;
    return r;
}

static struct box to_model(const struct head *h, struct box b)
{
    float w = h->normalised ? (float)h->width : 1;
    float y = h->normalised ? (float)h->height : 1;
    return (struct box){b.x1 * w, b.y1 * y, b.x2 * w, b.y2 * y};
}

static int decode_rows(struct head_call *c)
{
    const struct head *h = c->head;
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    if (v.dims[1] != BOX + h->n_classes)
        return head_shape_error(h, ROLE_MAIN, &v, "the shape of its first run");
    float *room;
    r = head_room(c, ROW_SLOT, (size_t)v.dims[1], &room);
    for (int64_t i = 0; r == 0 && i < v.dims[0]; i++) {
        const float *row = view_row(&v, i * v.dims[1], v.dims[1], room);
        int64_t best = argmax(row + BOX, h->n_classes);
        if (row[BOX + best] >= c->lowest)
            r = head_add(c, row[BOX + best], best,
                         to_model(h, box_around(row[0], row[1], row[2], row[3])));
    }
    return r;
}

static int decode_detr(struct head_call *c)
{
    const struct head *h = c->head;
    if (h->model->plan.variant == VARIANT_ROWS)
        return decode_rows(c);
    struct answer a;
    int r = read_answer(c, &a);
    for (int64_t i = 0; r == 0 && i < a.labels.dims[0]; i++) {
        float confidence = view_at(&a.confidences, i);
        if (!(confidence >= c->lowest))
            continue;
        float room[BOX];
        const float *b = view_row(&a.boxes, i * BOX, BOX, room);
        r = head_add(c, confidence, lrintf(view_at(&a.labels, i)),
                     to_model(h, (struct box){b[0], b[1], b[2], b[3]}));
    }
    return r;
}

const struct head_impl head_detr = {false, settle_detr, decode_detr};
