// SPDX-License-Identifier: Apache-2.0
// head_ssd.c - SSD in its two common shapes; both suppress doubles in the graph.
//
// TensorFlow: boxes (rows, 4) as ymin xmin ymax xmax, classes (rows), confidences (rows), how many.
// Caffe and OpenVINO: (1, 1, rows, 7) as picture, class, confidence, x1 y1 x2 y2; a negative
// picture ends the list. Boxes are parts of the rectangle.

#include <math.h>

#include "base/err.h"
#include "infer/head_priv.h"

enum {
    BOX = 4,
    COLUMNS = 7,
};

static int check_rows(const struct head_call *c, const struct view *boxes,
                      const struct view *classes, const struct view *confidences)
{
    if (boxes->dims[1] != BOX)
        return head_shape_error(c->head, ROLE_BOXES, boxes, "(rows, 4)");
    if (classes->dims[0] != boxes->dims[0])
        return head_shape_error(c->head, ROLE_LABELS, classes, "(rows)");
    if (confidences->dims[0] != boxes->dims[0])
        return head_shape_error(c->head, ROLE_CONFIDENCES, confidences, "(rows)");
    return 0;
}

static int read_tf(const struct head_call *c, struct view *ret_boxes, struct view *ret_classes,
                   struct view *ret_confidences)
{
    int r = head_view(c, ROLE_BOXES, 2, ret_boxes);
    if (r == 0)
        r = head_view(c, ROLE_LABELS, 1, ret_classes);
    if (r == 0)
        r = head_view(c, ROLE_CONFIDENCES, 1, ret_confidences);
    return r < 0 ? r : check_rows(c, ret_boxes, ret_classes, ret_confidences);
}

static int settle_tf(struct head *h, const struct head_call *c)
{
    struct view boxes;
    struct view classes;
    struct view confidences;
    int r = read_tf(c, &boxes, &classes, &confidences);
    for (int64_t i = 0; r == 0 && i < confidences.n; i++)
        r = head_check_range(h, ROLE_CONFIDENCES, "a confidence", view_at(&confidences, i));
    return r;
}

static int count_tf(const struct head_call *c, int64_t n_rows, int64_t *ret_n)
{
    *ret_n = n_rows;
    if (c->head->model->plan.roles[ROLE_COUNT] < 0)
        return 0;
    struct view count;
    int r = head_view(c, ROLE_COUNT, 0, &count);
    if (r < 0)
        return r;
    float n = view_at(&count, 0);
    if (n >= 0 && n < (float)n_rows)
        *ret_n = (int64_t)n;
    return 0;
}

static int decode_tf(struct head_call *c)
{
    const struct head *h = c->head;
    float w = (float)h->width;
    float y = (float)h->height;
    struct view boxes;
    struct view classes;
    struct view confidences;
    int64_t n = 0;
    int r = read_tf(c, &boxes, &classes, &confidences);
    if (r == 0)
        r = count_tf(c, boxes.dims[0], &n);
    for (int64_t i = 0; r == 0 && i < n; i++) {
        float confidence = view_at(&confidences, i);
        if (!(confidence > 0 && confidence >= c->lowest))
            continue;
        float room[BOX];
        const float *b = view_row(&boxes, i * BOX, BOX, room);
        int64_t class_id = lrintf(view_at(&classes, i)) - h->model->plan.first_class;
        r = head_add(c, confidence, class_id, (struct box){b[1] * w, b[0] * y, b[3] * w, b[2] * y});
    }
    return r;
}

const struct head_impl head_ssd_tf = {false, settle_tf, decode_tf};

// The whole list, whatever picture is asked for: rows name theirs.
static int read_caffe(const struct head_call *c, struct view *ret_view)
{
    struct head_call whole = *c;
    whole.index = 0;
    int r = head_view(&whole, ROLE_MAIN, 3, ret_view);
    if (r < 0)
        return r;
    if (ret_view->dims[0] != 1 || ret_view->dims[2] != COLUMNS)
        return head_shape_error(c->head, ROLE_MAIN, ret_view, "(1, rows, 7)");
    return 0;
}

static int settle_caffe(struct head *h, const struct head_call *c)
{
    struct view v;
    int r = read_caffe(c, &v);
    for (int64_t i = 0; r == 0 && i < v.dims[1] && view_at(&v, i * COLUMNS) >= 0; i++)
        r = head_check_range(h, ROLE_MAIN, "a confidence", view_at(&v, i * COLUMNS + 2));
    return r;
}

static int decode_caffe(struct head_call *c)
{
    float w = (float)c->head->width;
    float y = (float)c->head->height;
    struct view v;
    int r = read_caffe(c, &v);
    for (int64_t i = 0; r == 0 && i < v.dims[1]; i++) {
        float room[COLUMNS];
        const float *row = view_row(&v, i * COLUMNS, COLUMNS, room);
        if (!(row[0] >= 0))
            break;
        if (lrintf(row[0]) == c->index && row[2] > 0 && row[2] >= c->lowest)
            r = head_add(c, row[2], lrintf(row[1]),
                         (struct box){row[3] * w, row[4] * y, row[5] * w, row[6] * y});
    }
    return r;
}

const struct head_impl head_ssd_caffe = {false, settle_caffe, decode_caffe};
