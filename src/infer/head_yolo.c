// SPDX-License-Identifier: Apache-2.0
// head_yolo.c - YOLOv5, YOLOv8 and the end-to-end exports.
//
// YOLOv5 (anchors, 5+nc): confidence = objectness x class. YOLOv8 (4+nc, anchors): one row of all
// anchors for each class, scanned class after class with a running maximum, so that the loop is
// plain vector work and the class is looked for only where the maximum reaches the floor.

#include <math.h>

#include "base/err.h"
#include "infer/head_priv.h"
#include "nn/plan.h"

enum {
    BLOCK = 512, // anchors scanned at a time: their maxima stay in the first cache
    BOX = 4,
    OBJECT_BOX = 5,
    ROW_SLOT = HEAD_MAX_ROLES, // of the scratch: one converted row
};

// Rows of a head that was cut off.
static int check_rows(const struct head_call *c, const struct plan_rows *rows, int before_classes)
{
    if (rows->n_columns >= before_classes + c->head->n_classes)
        return 0;
    return err_set(ERR_MODEL, "%s: rows of %d numbers, head %s wants %d+%d",
                   c->head->model->info.path, rows->n_columns, head_name(c->head->kind),
                   before_classes, c->head->n_classes);
}

// --- YOLOv5, YOLOv7 ---

static int settle_yolov5(struct head *h, const struct head_call *c)
{
    if (h->model->plan.variant == VARIANT_MAPS)
        return head_maps_settle(h, c);
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t n_classes = v.dims[1] - OBJECT_BOX - h->model->plan.n_extra;
    if (v.dims[0] < 1 || n_classes < 1 || n_classes > MODEL_MAX_LABELS ||
        (h->n_classes && n_classes != h->n_classes))
        return head_shape_error(h, ROLE_MAIN, &v, "(anchors, 5+classes)");
    for (int64_t i = 0; i < v.dims[0]; i++) {
        r = head_check_range(h, ROLE_MAIN, "an objectness", view_at(&v, i * v.dims[1] + BOX));
        if (r < 0)
            return r;
    }
    h->n_anchors = v.dims[0];
    h->n_classes = (int)n_classes;
    return 0;
}

static int add_yolov5(struct head_call *c, const float *row)
{
    if (!(row[BOX] >= c->lowest)) // a class is at most 1
        return 0;
    int64_t best = argmax(row + OBJECT_BOX, c->head->n_classes);
    return head_add(c, row[BOX] * row[OBJECT_BOX + best], best,
                    box_around(row[0], row[1], row[2], row[3]));
}

static int decode_yolov5(struct head_call *c)
{
    const struct head *h = c->head;
    if (h->model->plan.variant == VARIANT_MAPS)
        return head_maps_decode(c);
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t columns = OBJECT_BOX + h->n_classes + h->model->plan.n_extra;
    if (v.dims[0] != h->n_anchors || v.dims[1] != columns)
        return head_shape_error(h, ROLE_MAIN, &v, "the shape of its first run");
    float *room;
    r = head_room(c, ROW_SLOT, (size_t)columns, &room);
    for (int64_t i = 0; r == 0 && i < v.dims[0]; i++) {
        if (view_at(&v, i * columns + BOX) >= c->lowest)
            r = add_yolov5(c, view_row(&v, i * columns, columns, room));
    }
    return r;
}

static int decode_yolov5_rows(struct head_call *c, const struct plan_rows *rows)
{
    int r = check_rows(c, rows, OBJECT_BOX);
    for (size_t i = 0; r == 0 && i < rows->n; i++)
        r = add_yolov5(c, rows->values + i * (size_t)rows->n_columns);
    return r;
}

const struct head_impl head_yolov5 = {true, settle_yolov5, decode_yolov5, decode_yolov5_rows};

// --- YOLOv8, 9, 11, 12 ---

static int settle_yolov8(struct head *h, const struct head_call *c)
{
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    bool rows = h->model->plan.variant == VARIANT_TRANSPOSED;
    int64_t columns = v.dims[rows ? 1 : 0];
    int64_t anchors = v.dims[rows ? 0 : 1];
    int64_t n_classes = columns - BOX - h->model->plan.n_extra;
    if (anchors < 1 || n_classes < 1 || n_classes > MODEL_MAX_LABELS ||
        (h->n_classes && n_classes != h->n_classes))
        return head_shape_error(h, ROLE_MAIN, &v,
                                rows ? "(anchors, 4+classes)" : "(4+classes, anchors)");
    for (int64_t i = 0; i < anchors * n_classes; i++) {
        int64_t anchor = i / n_classes;
        int64_t column = BOX + i % n_classes;
        r = head_check_range(
            h, ROLE_MAIN, "a confidence",
            view_at(&v, rows ? anchor * columns + column : column * anchors + anchor));
        if (r < 0)
            return r;
    }
    h->n_anchors = anchors;
    h->n_classes = (int)n_classes;
    return 0;
}

// best[i] = the largest of n_classes rows at anchor i; rows are *stride* floats apart.
static void scan_block(const float *scores, int64_t stride, int n_classes, float best[BLOCK])
{
    for (int i = 0; i < BLOCK; i++)
        best[i] = scores[i];
    for (int k = 1; k < n_classes; k++) {
        const float *row = scores + k * stride;
        for (int i = 0; i < BLOCK; i++)
            best[i] = row[i] > best[i] ? row[i] : best[i];
    }
}

static void scan_rest(const float *scores, int64_t stride, int n_classes, int n, float *best)
{
    for (int i = 0; i < n; i++)
        best[i] = scores[i];
    for (int k = 1; k < n_classes; k++) {
        const float *row = scores + k * stride;
        for (int i = 0; i < n; i++)
            best[i] = row[i] > best[i] ? row[i] : best[i];
    }
}

static int add_yolov8(struct head_call *c, const float *p, int64_t anchors, int64_t i, float best)
{
    const float *scores = p + BOX * anchors + i;
    int64_t class_id = 0;
    while (class_id + 1 < c->head->n_classes && !(scores[class_id * anchors] == best))
        class_id++;
    return head_add(c, best, class_id,
                    box_around(p[i], p[anchors + i], p[2 * anchors + i], p[3 * anchors + i]));
}

static int decode_columns(struct head_call *c, const float *p)
{
    int64_t anchors = c->head->n_anchors;
    float best[BLOCK];
    for (int64_t at = 0; at < anchors; at += BLOCK) {
        int n = (int)MIN(anchors - at, (int64_t)BLOCK);
        const float *scores = p + BOX * anchors + at;
        if (n == BLOCK)
            scan_block(scores, anchors, c->head->n_classes, best);
        else
            scan_rest(scores, anchors, c->head->n_classes, n, best);
        for (int i = 0; i < n; i++) {
            int r = best[i] >= c->lowest ? add_yolov8(c, p, anchors, at + i, best[i]) : 0;
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int decode_transposed(struct head_call *c, const float *p, int64_t n, int64_t columns)
{
    int r = 0;
    for (int64_t i = 0; r == 0 && i < n; i++, p += columns) {
        int64_t best = argmax(p + BOX, c->head->n_classes);
        if (p[BOX + best] >= c->lowest)
            r = head_add(c, p[BOX + best], best, box_around(p[0], p[1], p[2], p[3]));
    }
    return r;
}

static int decode_yolov8(struct head_call *c)
{
    const struct head *h = c->head;
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    bool rows = h->model->plan.variant == VARIANT_TRANSPOSED;
    int64_t columns = BOX + h->n_classes + h->model->plan.n_extra;
    if (v.dims[rows ? 0 : 1] != h->n_anchors || v.dims[rows ? 1 : 0] != columns)
        return head_shape_error(h, ROLE_MAIN, &v, "the shape of its first run");
    const float *p;
    r = head_floats(c, ROLE_MAIN, &v, &p);
    if (r < 0)
        return r;
    return rows ? decode_transposed(c, p, h->n_anchors, columns) : decode_columns(c, p);
}

static int decode_yolov8_rows(struct head_call *c, const struct plan_rows *rows)
{
    int r = check_rows(c, rows, BOX);
    if (r < 0)
        return r;
    return decode_transposed(c, rows->values, (int64_t)rows->n, rows->n_columns);
}

const struct head_impl head_yolov8 = {true, settle_yolov8, decode_yolov8, decode_yolov8_rows};

// --- end-to-end: the graph has suppressed the doubles; unused rows are zero ---

static int settle_end_to_end(struct head *h, const struct head_call *c)
{
    bool batch_column = h->model->plan.variant == VARIANT_BATCH_COLUMN;
    struct view v;
    int r = head_view(c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t columns = batch_column ? 7 : 6 + h->model->plan.n_extra;
    if (v.dims[1] != columns)
        return head_shape_error(h, ROLE_MAIN, &v,
                                batch_column ? "(rows, 7)" : "(rows, 6 and extras)");
    for (int64_t i = 0; i < v.dims[0]; i++) {
        r = head_check_range(h, ROLE_MAIN, "a confidence",
                             view_at(&v, i * columns + (batch_column ? 6 : 4)));
        if (r < 0)
            return r;
    }
    return 0;
}

static int decode_batch_rows(struct head_call *c, const struct view *v)
{
    int r = 0;
    for (int64_t i = 0; r == 0 && i < v->dims[0]; i++) {
        float room[7];
        const float *row = view_row(v, i * 7, 7, room);
        if (row[0] == (float)c->index && row[6] >= c->lowest)
            r = head_add(c, row[6], lrintf(row[5]), (struct box){row[1], row[2], row[3], row[4]});
    }
    return r;
}

static int decode_end_to_end(struct head_call *c)
{
    bool batch_column = c->head->model->plan.variant == VARIANT_BATCH_COLUMN;
    // Rows of all pictures stand together where a column tells the picture.
    struct head_call whole = *c;
    whole.index = 0;
    struct view v;
    int r = head_view(batch_column ? &whole : c, ROLE_MAIN, 2, &v);
    if (r < 0)
        return r;
    int64_t columns = batch_column ? 7 : 6 + c->head->model->plan.n_extra;
    if (v.dims[1] != columns)
        return head_shape_error(c->head, ROLE_MAIN, &v, "the shape of its first run");
    if (batch_column)
        return decode_batch_rows(c, &v);
    for (int64_t i = 0; r == 0 && i < v.dims[0]; i++) {
        float room[6];
        const float *row = view_row(&v, i * columns, 6, room);
        if (row[4] > 0 && row[4] >= c->lowest)
            r = head_add(c, row[4], lrintf(row[5]), (struct box){row[0], row[1], row[2], row[3]});
    }
    return r;
}

const struct head_impl head_end_to_end = {false, settle_end_to_end, decode_end_to_end};
