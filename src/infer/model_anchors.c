// SPDX-License-Identifier: Apache-2.0
// model_anchors.c - YOLOv5 and v7 exported without their grid: a raw map a level, and the sizes of
// the boxes that its numbers scale, which are not in the graph.
//
// Maps come as (N, boxes, rows, columns, 5+classes), as (N, boxes, 5+classes, rows, columns) or as
// (N, boxes x (5+classes), rows, columns). Which level an output is its size tells.

#include <string.h>

#include "base/err.h"
#include "infer/model_priv.h"

enum {
    NO_MATCH = 0,
    MATCH = 1,
    OBJECT_BOX = 5,
    USUAL_PER_CELL = 3,
    MAX_NUMBERS = HEAD_MAX_LEVELS * HEAD_MAX_PER_CELL * 2,
    MAX_ANCHOR = 1 << 14, // pixels
    FINEST = 2,           // strides 2^2 .. 2^7
    COARSEST = 7,
};

// clang-format off
static const struct {
    const char *name, *numbers;
} published[] = {
    {"yolov5",      "10,13,16,30,33,23, 30,61,62,45,59,119, 116,90,156,198,373,326"},
    {"yolov5-p6",   "19,27,44,40,38,94, 96,68,86,152,180,137, 140,301,303,264,238,542, 436,615,739,380,925,792"},
    {"yolov7",      "12,16,19,36,40,28, 36,75,76,55,72,146, 142,110,192,243,459,401"},
    {"yolov7-p6",   "19,27,44,40,38,94, 96,68,86,152,180,137, 140,301,303,264,238,542, 436,615,739,380,925,792"},
    {"yolov7-tiny", "10,13,16,30,33,23, 30,61,62,45,59,119, 116,90,156,198,373,326"},
};
// clang-format on

#define REMEDY                                                                                   \
    "their boxes need the anchors' sizes, which are not in the file: --anchors yolov5, yolov7, " \
    "yolov7-tiny, yolov5-p6, yolov7-p6 or W,H,W,H,... in pixels, finest grid first; or export "  \
    "again with the grid (--grid, --export)"

// --- the outputs

struct maps {
    int n_dims; // 4 or 5
    int n;
    int64_t per_cell; // 0: the shape does not say
    int64_t numbers;  // of a box, or of all boxes of a cell
};

static bool is_grid(const struct recognition *r, int64_t rows, int64_t columns)
{
    if (rows < 0 && columns < 0)
        return true;
    for (int k = FINEST; k <= COARSEST; k++) {
        int stride = 1 << k;
        if (rows == (r->input.height + stride - 1) / stride &&
            columns == (r->input.width + stride - 1) / stride)
            return true;
    }
    return false;
}

// What an output is as one of several maps; n_dims 0: none.
static struct maps map_of(const struct recognition *r, const struct onnx_value *v)
{
    struct maps none = {0};
    const int64_t *d = v->dims;
    if (v->type != TENSOR_FLOAT32 && v->type != TENSOR_FLOAT16)
        return none;
    if (v->n_dims == 4 && d[1] > OBJECT_BOX && is_grid(r, d[2], d[3]))
        return (struct maps){.n_dims = 4, .n = 1, .numbers = d[1]};
    if (v->n_dims != 5 || d[1] < 1 || d[1] > HEAD_MAX_PER_CELL)
        return none;
    bool rows = d[4] > OBJECT_BOX && is_grid(r, d[2], d[3]);
    bool planes = d[2] > OBJECT_BOX && is_grid(r, d[3], d[4]);
    if (!rows && !planes)
        return none;
    return (struct maps){.n_dims = 5, .n = 1, .per_cell = d[1], .numbers = rows ? d[4] : d[2]};
}

// All outputs are maps, of levels that differ.
static bool find_maps(const struct recognition *r, struct maps *ret_maps)
{
    const struct onnx *o = r->onnx;
    if (o->n_outputs < 2 || o->n_outputs > HEAD_MAX_LEVELS)
        return false;
    struct maps all = map_of(r, &o->outputs[0]);
    for (size_t i = 1; i < o->n_outputs && all.n_dims; i++) {
        struct maps m = map_of(r, &o->outputs[i]);
        if (m.n_dims != all.n_dims || m.per_cell != all.per_cell || m.numbers != all.numbers)
            return false;
        all.n++;
    }
    *ret_maps = all;
    return all.n_dims > 0;
}

// --- the sizes

struct sizes {
    const char *from; // "--anchors", "metadata 'anchors'"
    float numbers[MAX_NUMBERS];
    int n;
};

// Numbers between commas, blanks and brackets, as options, JSON and Python write lists.
static int parse_numbers(struct str text, struct sizes *s)
{
    static const char between[] = ",; \t\r\n[]()";
    size_t i = 0;
    while (i < text.n) {
        size_t from = i;
        while (i < text.n && !memchr(between, text.p[i], sizeof(between) - 1))
            i++;
        struct str word = {text.p + from, i - from};
        double v = 0;
        if (word.n == 0) {
            i++;
            continue;
        }
        if (str_to_double(word, &v) < 0 || !(v > 0) || v > MAX_ANCHOR)
            return err_set(ERR_INVALID, "%s: '" STR_FMT "' is no size of 1 to %d pixels", s->from,
                           (int)MIN(word.n, (size_t)40), word.p, MAX_ANCHOR);
        if (s->n == MAX_NUMBERS)
            return err_set(ERR_INVALID, "%s: more than %d numbers", s->from, MAX_NUMBERS);
        s->numbers[s->n++] = (float)v;
    }
    return 0;
}

static int read_sizes(const struct recognition *r, struct sizes *ret_sizes)
{
    struct str text = r->anchors ? str_of(r->anchors) : onnx_metadata(r->onnx, "anchors");
    *ret_sizes = (struct sizes){.from = r->anchors ? "--anchors" : "metadata 'anchors'"};
    for (size_t i = 0; i < ARRAY_LEN(published); i++) {
        if (str_is(text, published[i].name))
            text = str_of(published[i].numbers);
    }
    int err = parse_numbers(text, ret_sizes);
    if (err == ERR_INVALID && !r->anchors) {
        char message[ERR_MESSAGE_BYTES];
        err_copy_message(err, message, sizeof(message));
        return err_set(ERR_MODEL, "%s: %s", r->path, message);
    }
    return err;
}

// Boxes a cell, by the number of sizes.
static int settle_per_cell(const struct recognition *r, const struct maps *m, const struct sizes *s,
                           int64_t *ret_per_cell)
{
    int64_t per_cell = m->per_cell ? m->per_cell : s->n / (2 * m->n);
    bool fits = per_cell >= 1 && per_cell <= HEAD_MAX_PER_CELL && s->n == 2 * m->n * per_cell;
    if (fits && m->n_dims == 4)
        fits = m->numbers % per_cell == 0 && m->numbers / per_cell > OBJECT_BOX;
    if (!fits)
        return err_set(r->anchors ? ERR_INVALID : ERR_MODEL,
                       "%s: %s has %d numbers; %d maps %s with %lld boxes a cell want %lld: a "
                       "width and a height for each, finest grid first",
                       r->path, s->from, s->n, m->n, shape_of_value(&r->onnx->outputs[0]).text,
                       (long long)(m->per_cell ? m->per_cell : USUAL_PER_CELL),
                       (long long)(2 * m->n * (m->per_cell ? m->per_cell : USUAL_PER_CELL)));
    *ret_per_cell = per_cell;
    return 0;
}

// --- the decision

static int take(struct recognition *r, const struct maps *m, const struct sizes *s,
                int64_t per_cell)
{
    int64_t columns = m->n_dims == 5 ? m->numbers : m->numbers / per_cell;
    int64_t n_classes = columns - OBJECT_BOX;
    if (r->n_names && n_classes != r->n_names)
        return err_set(ERR_MODEL, "%s: metadata names %d classes, %d maps %s have room for %lld",
                       r->path, r->n_names, m->n, shape_of_value(&r->onnx->outputs[0]).text,
                       (long long)n_classes);
    struct head_plan *plan = &r->plan;
    plan->variant = VARIANT_MAPS;
    plan->map_dims = m->n_dims - 1;
    plan->n_levels = m->n;
    plan->n_per_cell = (int)per_cell;
    plan->n_classes = (int)MIN(n_classes, (int64_t)MODEL_MAX_LABELS + 1);
    for (int i = 0; i < m->n; i++)
        plan->roles[i] = i;
    memcpy(plan->anchors, s->numbers, sizeof(s->numbers));
    r->head = HEAD_YOLOV5;
    recognition_why(r,
                    "%d raw maps %s ... with %lld boxes a cell of 5+%lld numbers: YOLOv5 or v7 "
                    "without its grid",
                    m->n, shape_of_value(&r->onnx->outputs[0]).text, (long long)per_cell,
                    (long long)n_classes);
    recognition_why(r, "sizes by %s: %g x %g to %g x %g pixels", s->from, (double)s->numbers[0],
                    (double)s->numbers[1], (double)s->numbers[s->n - 2],
                    (double)s->numbers[s->n - 1]);
    return MATCH;
}

// Maps of a picture's channels may be anybody's: v8 without its decoding has such, too.
static int ask(const struct recognition *r, const struct maps *m)
{
    if (m->n_dims == 5)
        return err_set(ERR_MODEL,
                       "%s: the outputs are %d raw maps of YOLOv5 or v7 without their grid, %s "
                       "...; " REMEDY,
                       r->path, m->n, shape_of_value(&r->onnx->outputs[0]).text);
    if (r->forced == HEAD_UNSET && m->numbers % USUAL_PER_CELL != 0)
        return NO_MATCH;
    return err_set(ERR_MODEL,
                   "%s: the outputs are %d raw maps, %s ...; where they are YOLOv5's or v7's, "
                   "" REMEDY,
                   r->path, m->n, shape_of_value(&r->onnx->outputs[0]).text);
}

int recognise_maps(struct recognition *r)
{
    struct maps m;
    struct sizes s;
    int64_t per_cell = 0;
    if ((r->forced != HEAD_UNSET && r->forced != HEAD_YOLOV5) || !find_maps(r, &m))
        return NO_MATCH;
    if (!r->anchors && onnx_metadata(r->onnx, "anchors").n == 0)
        return ask(r, &m);
    int err = read_sizes(r, &s);
    if (err == 0)
        err = settle_per_cell(r, &m, &s, &per_cell);
    return err < 0 ? err : take(r, &m, &s, per_cell);
}
