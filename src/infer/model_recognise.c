// SPDX-License-Identifier: Apache-2.0
// model_recognise.c - which detection head a graph ends in: names, shapes, metadata, the last
// nodes.
//
// Rules are tried in the order of the table at the end. A rule looks at shapes first; where several
// families share a shape it looks at the convolutions that feed the output: YOLOv5 has one of
// 3*(5+nc) channels a level, YOLOX three (4, 1, nc), YOLOv8 two (box bins or 4, nc), NanoDet one of
// nc+4*bins. What is still undecided asks for --head.

#include <string.h>

#include "base/err.h"
#include "infer/model_priv.h"

enum {
    TRACE_MAX_TENSORS = 512, // looked at behind an output
    TRACE_MAX_CONVS = 24,
    ROWS_MAX = 2000,   // rows of an end-to-end output; grids are larger
    QUERIES_MIN = 100, // rows of a DETR; what has fewer is something else
    DFL_BINS = 8,      // NanoDet's and PicoDet's distance bins a side
};

// A rule's answer, or a negative error.
enum {
    NO_MATCH = 0,
    MATCH = 1,
};

int64_t grid_cells(int width, int height, int first, int last)
{
    int64_t n = 0;
    for (int k = first; k <= last; k++) {
        int64_t stride = (int64_t)1 << k;
        n += ((width + stride - 1) / stride) * ((height + stride - 1) / stride);
    }
    return n;
}

// 1 or 3 where *n* is that many boxes a cell of one of the usual stacks of grids; else 0.
static int boxes_per_cell(const struct recognition *r, int64_t n)
{
    static const int stacks[][2] = {{3, 5}, {3, 6}, {2, 5}, {3, 4}, {4, 5}};
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(stacks); i++) {
        int64_t cells = grid_cells(r->input.width, r->input.height, stacks[i][0], stacks[i][1]);
        if (n == cells)
            return 1;
        if (n == 3 * cells)
            return 3;
    }
    return 0;
}

// The convolutions met first on all ways back from an output.
struct trace {
    int n;
    int64_t channels[TRACE_MAX_CONVS];
    bool has_dfl; // one output channel from 8 or more: the sum over box bins
};

static bool is_convolution(const struct onnx_node *n)
{
    return str_is(n->op, "Conv") || str_is(n->op, "ConvInteger") || str_is(n->op, "QLinearConv");
}

static void add_convolution(const struct onnx *o, const struct onnx_node *n, struct trace *t)
{
    size_t at = str_is(n->op, "QLinearConv") ? 3 : 1;
    if (n->n_inputs <= at)
        return;
    struct str weight = n->inputs[at];
    const struct onnx_tensor *w = onnx_initializer(o, weight);
    // QDQ models: the weight is an initializer behind DequantizeLinear.
    const struct onnx_node *dequantize = w ? NULL : onnx_producer(o, weight);
    if (dequantize && dequantize->n_inputs > 0)
        w = onnx_initializer(o, dequantize->inputs[0]);
    if (!w || w->n_dims < 2)
        return;
    if (w->dims[0] == 1 && w->dims[1] >= 8 && w->dims[1] <= 32 && w->n_elements == w->dims[1])
        t->has_dfl = true;
    else if (t->n < TRACE_MAX_CONVS)
        t->channels[t->n++] = w->dims[0];
}

static void trace_back(const struct onnx *o, struct str output, struct trace *ret_trace)
{
    struct str open[TRACE_MAX_TENSORS];
    size_t n_open = 0;
    *ret_trace = (struct trace){0};
    open[n_open++] = output;
    for (size_t i = 0; i < n_open; i++) {
        const struct onnx_node *n = onnx_producer(o, open[i]);
        if (n && is_convolution(n))
            add_convolution(o, n, ret_trace);
        // Behind the sum over bins the box convolutions follow, and they tell nothing more.
        for (size_t k = 0; n && !is_convolution(n) && k < n->n_inputs; k++) {
            bool seen = n_open == TRACE_MAX_TENSORS;
            for (size_t s = 0; s < n_open && !seen; s++)
                seen = str_equal(open[s], n->inputs[k]);
            if (!seen)
                open[n_open++] = n->inputs[k];
        }
    }
}

static int count_channels(const struct trace *t, int64_t channels)
{
    int n = 0;
    for (int i = 0; i < t->n; i++)
        n += t->channels[i] == channels;
    return n;
}

// All convolutions have the same number of channels: one map a level. 0 where they differ.
static int64_t common_channels(const struct trace *t)
{
    return t->n > 0 && count_channels(t, t->channels[0]) == t->n ? t->channels[0] : 0;
}

// Does node type *op* feed the last Concat, directly or through one shape change?
static bool feeds_end(const struct onnx *o, struct str output, const char *op)
{
    const struct onnx_node *end = onnx_producer(o, output);
    if (!end || !str_is(end->op, "Concat"))
        return false;
    for (size_t i = 0; i < MIN(end->n_inputs, (size_t)8); i++) {
        const struct onnx_node *n = onnx_producer(o, end->inputs[i]);
        if (n && str_is(n->op, "Unsqueeze") && n->n_inputs)
            n = onnx_producer(o, n->inputs[0]);
        if (n && str_is(n->op, op))
            return true;
    }
    return false;
}

static int decide(struct recognition *r, enum head_kind head, int output)
{
    r->head = head;
    r->plan.roles[ROLE_MAIN] = output;
    return MATCH;
}

static bool may_be(const struct recognition *r, enum head_kind head)
{
    return r->forced == HEAD_UNSET || r->forced == head;
}

static bool is_integer(enum tensor_type type)
{
    return type == TENSOR_INT64 || type == TENSOR_INT32;
}

static bool is_float(enum tensor_type type)
{
    return type == TENSOR_FLOAT32 || type == TENSOR_FLOAT16;
}

static int find_output(const struct onnx *o, const char *name)
{
    for (size_t i = 0; i < o->n_outputs; i++) {
        struct str s = o->outputs[i].name;
        const char *colon = s.n ? (const char *)memchr(s.p, ':', s.n) : NULL;
        if (colon) // TensorFlow's "name:0"
            s.n = (size_t)(colon - s.p);
        if (str_is(s, name))
            return (int)i;
    }
    return -1;
}

// --- DETR: labels, boxes, scores ---

static int rule_detr(struct recognition *r)
{
    const struct onnx *o = r->onnx;
    int labels = find_output(o, "labels");
    int boxes = find_output(o, "boxes");
    int scores = find_output(o, "scores");
    if (!may_be(r, HEAD_DETR) || labels < 0 || boxes < 0 || scores < 0)
        return NO_MATCH;
    if (!is_integer(o->outputs[labels].type) || !is_float(o->outputs[boxes].type))
        return NO_MATCH;
    r->plan.size_input = -1;
    for (size_t i = 0; i < o->n_inputs; i++) {
        if ((int)i != r->plan.picture_input && is_integer(o->inputs[i].type))
            r->plan.size_input = (int)i;
    }
    r->plan.roles[ROLE_LABELS] = labels;
    r->plan.roles[ROLE_CONFIDENCES] = scores;
    recognition_why(r, "outputs 'labels', 'boxes' %s and 'scores'%s: a DETR with its own decoding",
                    shape_of_value(&o->outputs[boxes]).text,
                    r->plan.size_input >= 0 ? ", and an input for the picture's size" : "");
    return decide(r, HEAD_DETR, boxes);
}

// --- SSD ---

static int rule_ssd_tf(struct recognition *r)
{
    static const char *const names[][2] = {{"detection_boxes", "boxes"},
                                           {"detection_classes", "classes"},
                                           {"detection_scores", "scores"},
                                           {"num_detections", "num"}};
    const struct onnx *o = r->onnx;
    int found[4];
    if (!may_be(r, HEAD_SSD_TF))
        return NO_MATCH;
    for (int i = 0; i < 4; i++) {
        found[i] = find_output(o, names[i][0]);
        if (found[i] < 0)
            found[i] = find_output(o, names[i][1]);
        if (found[i] < 0 && i != ROLE_COUNT)
            return NO_MATCH;
    }
    memcpy(r->plan.roles, found, sizeof(found));
    recognition_why(r, "outputs named boxes, classes and scores: TensorFlow's SSD");
    return decide(r, HEAD_SSD_TF, found[ROLE_BOXES]);
}

static int rule_ssd_caffe(struct recognition *r)
{
    const struct onnx *o = r->onnx;
    for (size_t i = 0; may_be(r, HEAD_SSD_CAFFE) && i < o->n_outputs; i++) {
        const struct onnx_value *v = &o->outputs[i];
        if (v->n_dims != 4 || v->dims[1] != 1 || v->dims[3] != 7 || !is_float(v->type))
            continue;
        recognition_why(r, "output '" STR_FMT "' %s: rows of picture, class, confidence and box",
                        STR_ARG(v->name), shape_of_value(v).text);
        return decide(r, HEAD_SSD_CAFFE, (int)i);
    }
    return NO_MATCH;
}

// --- FastestDet: one grid of stride 16 ---

static int rule_fastestdet(struct recognition *r)
{
    const struct onnx *o = r->onnx;
    if (!may_be(r, HEAD_FASTESTDET) || o->n_outputs != 1)
        return NO_MATCH;
    const struct onnx_value *v = &o->outputs[0];
    if (v->n_dims != 4 || v->dims[1] < 6 || v->dims[2] != r->input.height / 16 ||
        v->dims[3] != r->input.width / 16)
        return NO_MATCH;
    bool softmax = onnx_count_op(o, "Softmax") > 0;
    if (!softmax && r->forced == HEAD_UNSET)
        return NO_MATCH;
    r->plan.n_classes = (int)MIN(v->dims[1] - 5, (int64_t)MODEL_MAX_LABELS + 1);
    recognition_why(r, "output '" STR_FMT "' %s: one grid of stride 16 with 5+%d channels",
                    STR_ARG(v->name), shape_of_value(v).text, r->plan.n_classes);
    return decide(r, HEAD_FASTESTDET, 0);
}

// --- NanoDet and PicoDet: classes and box bins for each level ---

static bool is_paddle(const struct recognition *r)
{
    return str_starts(r->onnx->producer, "Paddle") || str_starts(r->onnx->graph_name, "paddle") ||
           str_starts(r->onnx->graph_name, "PaddlePaddle");
}

// Sorts the outputs into classes and distances by their last dimension, and into levels by size.
static bool sort_levels(struct recognition *r, int64_t n_classes)
{
    const struct onnx *o = r->onnx;
    int n_levels = (int)(o->n_outputs / 2);
    for (int kind = 0; kind < 2; kind++) {
        int64_t columns = kind == 0 ? n_classes : 4 * DFL_BINS;
        for (int level = 0; level < n_levels; level++) {
            int64_t cells = grid_cells(r->input.width, r->input.height, 3 + level, 3 + level);
            int found = -1;
            for (size_t i = 0; i < o->n_outputs; i++) {
                const struct onnx_value *v = &o->outputs[i];
                bool fits = v->n_dims == 3 && v->dims[1] == cells && v->dims[2] == columns;
                // With 32 classes both kinds look alike: classes come first.
                bool taken = kind == 1 && r->plan.roles[level] == (int)i;
                if (fits && !taken && found < 0)
                    found = (int)i;
            }
            if (found < 0)
                return false;
            r->plan.roles[kind * n_levels + level] = found;
        }
    }
    r->plan.n_levels = n_levels;
    r->plan.n_classes = (int)n_classes;
    return true;
}

static int rule_levels(struct recognition *r)
{
    const struct onnx *o = r->onnx;
    size_t n = o->n_outputs;
    if (!(may_be(r, HEAD_NANODET) || may_be(r, HEAD_PICODET)) || n % 2 || n < 6 ||
        n > 2 * HEAD_MAX_LEVELS)
        return NO_MATCH;
    int64_t n_classes = 0;
    for (size_t i = 0; i < n && n_classes == 0; i++) {
        if (o->outputs[i].n_dims == 3 && o->outputs[i].dims[2] != 4 * DFL_BINS)
            n_classes = o->outputs[i].dims[2];
    }
    if (n_classes == 0)
        n_classes = 4 * DFL_BINS;
    if (n_classes < 1 || n_classes > MODEL_MAX_LABELS || !sort_levels(r, n_classes))
        return NO_MATCH;
    enum head_kind head = r->forced;
    if (head == HEAD_UNSET)
        head = is_paddle(r) ? HEAD_PICODET : HEAD_NANODET;
    recognition_why(r, "%zu outputs: %d classes and 4x%d box bins on %d grids from stride 8 on", n,
                    r->plan.n_classes, DFL_BINS, r->plan.n_levels);
    recognition_why(r, "producer '" STR_FMT "': %s", STR_ARG(o->producer), head_name(head));
    r->head = head;
    return MATCH;
}

// --- one output of rows: the YOLO families, end-to-end exports, Ultralytics' RT-DETR ---

struct rows {
    const struct onnx_value *value;
    int output;
    int64_t anchors, columns; // -1: open
    bool columns_first;
    int per_cell; // boxes a cell; 0: no stack of grids fits
};

// Of grids that the file names.
static bool is_same_shape(const struct onnx_value *x, const struct onnx_value *y)
{
    return x->n_dims == 3 && x->dims[1] > 0 && x->dims[2] > 0 && x->type == y->type &&
           x->n_dims == y->n_dims &&
           memcmp(x->dims, y->dims, (size_t)x->n_dims * sizeof(x->dims[0])) == 0;
}

// The last of outputs that are like this one: YOLOv9 as it is trained has one for each branch, the
// auxiliary ones first.
static size_t last_alike(const struct onnx *o, size_t output)
{
    size_t last = output;
    for (size_t i = output + 1; i < o->n_outputs; i++) {
        if (is_same_shape(&o->outputs[output], &o->outputs[i]))
            last = i;
    }
    return last;
}

static bool find_rows(const struct recognition *r, struct rows *ret_rows)
{
    const struct onnx *o = r->onnx;
    for (size_t i = 0; i < o->n_outputs; i++) {
        if (o->outputs[i].n_dims != 3 || !is_float(o->outputs[i].type))
            continue;
        i = last_alike(o, i);
        const struct onnx_value *v = &o->outputs[i];
        int64_t a = v->dims[1];
        int64_t b = v->dims[2];
        int cells_a = boxes_per_cell(r, a);
        int cells_b = boxes_per_cell(r, b);
        bool columns_first = cells_a != 0 || cells_b != 0 ? cells_b != 0 && (!cells_a || b > a)
                             : a > 0 && b > 0             ? a < b && b > ROWS_MAX
                                                          : a > 0 && b < 0;
        *ret_rows = (struct rows){.value = v,
                                  .output = (int)i,
                                  .anchors = columns_first ? b : a,
                                  .columns = columns_first ? a : b,
                                  .columns_first = columns_first,
                                  .per_cell = columns_first ? cells_b : cells_a};
        return true;
    }
    return false;
}

// What columns that no name claims may be, where the metadata does not tell the task.
static const char *unnamed_columns(int64_t n)
{
    if (n == 1)
        return " (an angle, of rotated boxes (OBB)?)";
    return n > 1 && (n % 3 == 0 || n % 2 == 0) ? " (key points of a pose model?)" : "";
}

// What an export with masks or key points has behind the classes. Names and columns must agree.
static int settle_classes(struct recognition *r, const struct rows *rows, int before)
{
    int64_t extra = 0;
    const char *task = "";
    for (size_t i = 0; i < r->onnx->n_outputs; i++) {
        const struct onnx_value *v = &r->onnx->outputs[i];
        if (v->n_dims == 4 && v->dims[1] > 1 && v->dims[1] <= 64 && (int)i != rows->output) {
            extra = v->dims[1];
            task = "masks";
        }
    }
    if (str_is(r->task, "pose") && r->n_names) {
        extra = rows->columns - before - r->n_names;
        task = "key points";
    }
    int64_t n = rows->columns - before - extra;
    if (rows->columns > 0 && (n < 1 || n > MODEL_MAX_LABELS || extra < 0))
        return err_set(ERR_MODEL, "%s: output '" STR_FMT "' %s leaves no room for classes", r->path,
                       STR_ARG(rows->value->name), shape_of_value(rows->value).text);
    if (rows->columns > 0 && r->n_names && n != r->n_names)
        return err_set(
            ERR_MODEL, "%s: metadata names %d classes, output '" STR_FMT "' %s has room for %lld%s",
            r->path, r->n_names, STR_ARG(rows->value->name), shape_of_value(rows->value).text,
            (long long)n, unnamed_columns(n - r->n_names));
    r->plan.n_classes = rows->columns > 0 ? (int)n : r->n_names;
    r->plan.n_extra = (int)extra;
    if (extra)
        recognition_why(r, "%lld columns of %s are left alone: boxes are what counts here",
                        (long long)extra, task);
    return MATCH;
}

static int decide_rows(struct recognition *r, const struct rows *rows, enum head_kind head,
                       const char *because)
{
    recognition_why(r, "output '" STR_FMT "' %s: %s", STR_ARG(rows->value->name),
                    shape_of_value(rows->value).text, because);
    for (int i = 0; i < rows->output; i++) {
        if (is_same_shape(&r->onnx->outputs[i], rows->value))
            recognition_why(r,
                            "output '" STR_FMT "' before it is alike: an auxiliary branch's, "
                            "left alone",
                            STR_ARG(r->onnx->outputs[i].name));
    }
    IGNORE(decide(r, head, rows->output)); // always MATCH
    if (head == HEAD_YOLOV8) {
        r->plan.variant = rows->columns_first ? VARIANT_UNSET : VARIANT_TRANSPOSED;
        return settle_classes(r, rows, 4);
    }
    if (head == HEAD_YOLOV5 || head == HEAD_YOLOX || head == HEAD_YOLOX_DECODED)
        return settle_classes(r, rows, 5);
    return MATCH;
}

static int ask(const struct recognition *r, const struct rows *rows)
{
    return err_set(ERR_MODEL,
                   "%s: output '" STR_FMT "' %s fits several heads (yolox: 5+%lld columns, yolov8 "
                   "transposed: 4+%lld, yolov5: 5+%lld, end-to-end: 6): say which with --head",
                   r->path, STR_ARG(rows->value->name), shape_of_value(rows->value).text,
                   (long long)MAX(rows->columns - 5, (int64_t)0),
                   (long long)MAX(rows->columns - 4, (int64_t)0),
                   (long long)MAX(rows->columns - 5, (int64_t)0));
}

// Six columns, or a few hundred rows, may be a detector's; the file does not tell which.
static int ask_few(const struct recognition *r, const struct rows *rows)
{
    return err_set(ERR_MODEL,
                   "%s: output '" STR_FMT "' %s fits several heads (end-to-end: box, confidence "
                   "and class, detr: a box and %lld classes), or none: say which with --head",
                   r->path, STR_ARG(rows->value->name), shape_of_value(rows->value).text,
                   (long long)rows->columns - 4);
}

static int end_to_end(struct recognition *r, const struct rows *rows)
{
    const struct onnx *o = r->onnx;
    bool detr_end = feeds_end(o, rows->value->name, "Sigmoid");
    const char *because = NULL;
    if (r->end_to_end)
        because = "the metadata says end-to-end: boxes, confidence and class, no doubles";
    else if (onnx_count_op(o, "NonMaxSuppression"))
        because = "six columns behind a NonMaxSuppression node: boxes, confidence and class";
    else if (onnx_count_op(o, "TopK") && feeds_end(o, rows->value->name, "Cast"))
        because = "six columns behind TopK, the last an index made float: confidence and class";
    if (because && !(detr_end && !r->end_to_end)) {
        r->plan.n_extra = (int)MAX(rows->columns - 6, (int64_t)0);
        r->plan.n_classes = r->n_names;
        return decide_rows(r, rows, HEAD_END_TO_END, because);
    }
    return NO_MATCH;
}

static int detr_rows(struct recognition *r, const struct rows *rows)
{
    if (!feeds_end(r->onnx, rows->value->name, "Sigmoid") && r->forced != HEAD_DETR)
        return NO_MATCH;
    r->plan.variant = VARIANT_ROWS;
    r->plan.n_classes = (int)(rows->columns - 4);
    r->plan.size_input = -1;
    return decide_rows(r, rows, HEAD_DETR,
                       "few rows of a box and sigmoid classes: Ultralytics' "
                       "RT-DETR");
}

static bool is_yolox_trace(const struct trace *t, const struct rows *rows)
{
    int levels = count_channels(t, 1);
    return levels >= 3 && count_channels(t, 4) >= levels &&
           (rows->columns < 0 || rows->columns == 6 || rows->columns == 9 ||
            count_channels(t, rows->columns - 5) >= levels);
}

static enum head_kind yolox_kind(struct recognition *r)
{
    bool decoded = onnx_count_op(r->onnx, "Exp") > 0;
    recognition_why(r, "%s: %s (the first run's values have the last word)",
                    decoded ? "an Exp node" : "no Exp node",
                    decoded ? "boxes are decoded in the graph" : "boxes are raw grid values");
    return decoded ? HEAD_YOLOX_DECODED : HEAD_YOLOX;
}

// Rows with one box a cell, or a number of rows that the file leaves open.
static int rows_by_trace(struct recognition *r, struct rows *rows)
{
    struct trace t;
    trace_back(r->onnx, rows->value->name, &t);
    int64_t common = common_channels(&t);
    bool open = rows->per_cell == 0;
    if (open && common > 0 && common % 3 == 0 && common / 3 > 5 &&
        (rows->columns < 0 || rows->columns == common / 3)) {
        rows->columns = common / 3;
        recognition_why(r, "the convolutions before it have %lld = 3 x (5+%lld) channels",
                        (long long)common, (long long)common / 3 - 5);
        return decide_rows(r, rows, HEAD_YOLOV5, "three anchors a cell with objectness: YOLOv5");
    }
    if (rows->columns > 0 && common == rows->columns && common > 4 * DFL_BINS) {
        r->plan.variant = VARIANT_JOINED;
        r->plan.n_classes = (int)MIN(common - 4 * DFL_BINS, (int64_t)MODEL_MAX_LABELS + 1);
        return decide_rows(r, rows, HEAD_NANODET,
                           "classes and 4x8 box bins of all grids in one "
                           "output: NanoDet-Plus");
    }
    if (is_yolox_trace(&t, rows))
        return decide_rows(r, rows, yolox_kind(r),
                           "convolutions for box, objectness and classes on each grid: YOLOX");
    if (t.has_dfl || (r->n_names && rows->columns == 4 + r->n_names))
        return decide_rows(r, rows, HEAD_YOLOV8,
                           "a box and the classes in each row: YOLOv8, "
                           "transposed");
    return ask(r, rows);
}

static int forced_rows(struct recognition *r, const struct rows *rows)
{
    const char *because = "as --head says";
    if (r->forced == HEAD_NANODET) {
        r->plan.variant = VARIANT_JOINED;
        r->plan.n_classes = (int)MAX(rows->columns - 4 * DFL_BINS, (int64_t)0);
    }
    if (r->forced == HEAD_DETR)
        return detr_rows(r, rows);
    if (r->forced == HEAD_END_TO_END)
        r->plan.n_classes = r->n_names;
    if (r->forced == HEAD_YOLOV5 || r->forced == HEAD_YOLOV8 || r->forced == HEAD_YOLOX ||
        r->forced == HEAD_YOLOX_DECODED || r->forced == HEAD_END_TO_END ||
        (r->forced == HEAD_NANODET && r->plan.n_classes > 0))
        return decide_rows(r, rows, r->forced, because);
    return NO_MATCH;
}

static int rule_rows(struct recognition *r)
{
    struct rows rows;
    if (!find_rows(r, &rows))
        return NO_MATCH;
    if (r->forced != HEAD_UNSET)
        return forced_rows(r, &rows);
    bool few =
        rows.per_cell == 0 && !rows.columns_first && (rows.anchors < 0 || rows.anchors <= ROWS_MAX);
    if (few && rows.columns >= 6) {
        int matched = end_to_end(r, &rows);
        if (matched == NO_MATCH && rows.anchors > 0)
            matched = detr_rows(r, &rows);
        if (matched != NO_MATCH)
            return matched;
        if (rows.anchors > 0 && (rows.columns == 6 || rows.anchors >= QUERIES_MIN))
            return ask_few(r, &rows);
    }
    if (rows.per_cell == 3 && !rows.columns_first)
        return decide_rows(r, &rows, HEAD_YOLOV5,
                           "three boxes for each cell of the grids, with objectness: YOLOv5");
    if (rows.columns_first && (rows.per_cell == 1 || rows.anchors < 0))
        return decide_rows(r, &rows, HEAD_YOLOV8,
                           "a column for each cell of the grids, no objectness: YOLOv8");
    if (rows.per_cell == 1 || rows.anchors < 0)
        return rows_by_trace(r, &rows);
    return NO_MATCH;
}

// YOLOv7 with its own suppression: (k, 7).
static int rule_batch_rows(struct recognition *r)
{
    const struct onnx *o = r->onnx;
    const struct onnx_value *v = &o->outputs[0];
    if (!may_be(r, HEAD_END_TO_END) || o->n_outputs != 1 || v->n_dims != 2 || v->dims[1] != 7)
        return NO_MATCH;
    if (!onnx_count_op(o, "NonMaxSuppression") && r->forced == HEAD_UNSET)
        return NO_MATCH;
    r->plan.variant = VARIANT_BATCH_COLUMN;
    r->plan.n_classes = r->n_names;
    recognition_why(r,
                    "output '" STR_FMT "' %s: picture, box, class, confidence: YOLOv7's "
                    "end-to-end export",
                    STR_ARG(v->name), shape_of_value(v).text);
    return decide(r, HEAD_END_TO_END, 0);
}

// --- what we know and cannot use ---

static const char *known_other(const struct recognition *r)
{
    // clang-format off
    static const struct { const char *output, *what; } rows[] = {
        {"dets",             "RF-DETR's head, which is not supported"},
        {"pred_boxes",       "a DETR export of the Hugging Face library, which is not supported"},
        {"image_embeddings", "the encoder of a segmentation model (SAM), not a detector"},
        {"masks",            "a segmentation model, not a detector"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (find_output(r->onnx, rows[i].output) >= 0)
            return rows[i].what;
    }
    return NULL;
}

static int refuse(const struct recognition *r)
{
    const struct onnx *o = r->onnx;
    const char *what = known_other(r);
    if (what)
        return err_set(ERR_MODEL, "%s: the outputs are %s", r->path, what);
    if (o->n_outputs == 1 || r->forced == HEAD_UNSET)
        return err_set(ERR_MODEL,
                       "%s: no detector: output '" STR_FMT "' %s%s is no known detection head",
                       r->path, STR_ARG(o->outputs[0].name), shape_of_value(&o->outputs[0]).text,
                       o->n_outputs > 1 ? " (and others)" : "");
    return err_set(ERR_MODEL, "%s: the outputs do not fit --head %s", r->path,
                   head_name(r->forced));
}

static int refuse_task(const struct recognition *r)
{
    // clang-format off
    static const struct { const char *task, *what; } rows[] = {
        {"classify", "classifies whole pictures and finds no boxes"},
        {"obb",      "finds rotated boxes (OBB), which are not supported"},
        {"semantic", "labels pixels and finds no boxes"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_is(r->task, rows[i].task))
            return err_set(ERR_MODEL, "%s: this model %s (metadata task '%s')", r->path,
                           rows[i].what, rows[i].task);
    }
    return 0;
}

// Every input but the picture and the size must be none that we could not feed.
static int check_inputs(const struct recognition *r)
{
    for (size_t i = 0; i < r->onnx->n_inputs; i++) {
        if ((int)i == r->plan.picture_input || (int)i == r->plan.size_input)
            continue;
        return err_set(ERR_MODEL, "%s: nobody knows what input '" STR_FMT "' %s wants", r->path,
                       STR_ARG(r->onnx->inputs[i].name), shape_of_value(&r->onnx->inputs[i]).text);
    }
    return 0;
}

int recognise_head(struct recognition *r)
{
    static int (*const rules[])(struct recognition *) = {
        rule_detr,   rule_ssd_tf, rule_ssd_caffe,  rule_fastestdet,
        rule_levels, rule_rows,   rule_batch_rows, recognise_maps,
    };
    r->plan.size_input = -1;
    int matched = refuse_task(r);
    if (r->onnx->n_outputs == 0)
        return err_set(ERR_MODEL, "%s: no detector: the graph has no output", r->path);
    for (size_t i = 0; i < ARRAY_LEN(rules) && matched == NO_MATCH; i++)
        matched = rules[i](r);
    if (matched < 0)
        return matched;
    if (matched == NO_MATCH)
        return refuse(r);
    if (r->anchors && r->plan.variant != VARIANT_MAPS)
        return err_set(ERR_INVALID, "%s: --anchors is for raw maps, head %s has its boxes", r->path,
                       head_name(r->head));
    if (r->plan.n_classes > MODEL_MAX_LABELS)
        return err_set(ERR_TOO_BIG, "%s: more than %d classes", r->path, MODEL_MAX_LABELS);
    return check_inputs(r);
}
