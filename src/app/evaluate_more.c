// SPDX-License-Identifier: Apache-2.0
// evaluate_more.c - what is left out, joined and cut into parts before and beside COCO's figures.

#include "app/evaluate_more.h"

#include <math.h>
#include <string.h>

#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "dataset/class_join.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/region.h"
#include "pipeline/classes.h"

enum {
    MAX_IGNORED_REGIONS = 64,
    MAX_THRESHOLDS = 16 * 1024 * 1024, // bytes of the file
};

struct evaluate_more {
    const char *conventions;
    bool inclusive_boxes;
    bool confusion;
    bool motdet;
    double confusion_confidence, confusion_iou;
    const char *slice_by;
    double slice_seconds;
    struct opt_list maps;
    const char *roi;
    struct opt_list ignored;
    int region_point; // enum region_point - 1
    const char *thresholds;
};

struct evaluate_more evaluate_more = {
    .confusion_confidence = -1e300, .confusion_iou = -1, .slice_seconds = SLICE_SECONDS};

// In the order of enum region_point, from the first.
static const char *const points[] = {"centre", "bottom-centre", NULL};

// clang-format off
const struct opt evaluate_more_rows[] = {
    OPT_TEXT(struct evaluate_more, "conventions", conventions, "LIST", "other definitions of AP beside COCO's: coco, voc07, voc, ultralytics or all", "none"),
    OPT_BOOL(struct evaluate_more, "inclusive-boxes", inclusive_boxes, "for voc and voc07: corners are pixels that belong to the box (+1)"),
    OPT_BOOL(struct evaluate_more, "confusion-matrix", confusion, "which class is taken for which, in both common layouts"),
    OPT_DOUBLE(struct evaluate_more, "confusion-confidence", confusion_confidence, 0, 0, "C", "detections of a matrix are above it", "0.3 and 0.25"),
    OPT_DOUBLE(struct evaluate_more, "confusion-iou", confusion_iou, 0, 1, "T", "overlaps of a matrix are above it", "0.5 and 0.45"),
    OPT_BOOL(struct evaluate_more, "mot17det", motdet, "figures of the MOT17Det benchmark, for MOT text of nine columns"),
    OPT_TEXT(struct evaluate_more, "slice-by", slice_by, "LIST", "figures of parts: class, size, video, time, or an attribute of truths or pictures", "none"),
    OPT_DOUBLE(struct evaluate_more, "slice-seconds", slice_seconds, 0.001, 1e9, "S", "length of a part by time", "60"),
    OPT_LIST(struct evaluate_more, "map", maps, "A,B=C", "labels A and B are judged as C, in truth and detections; repeatable"),
    OPT_TEXT(struct evaluate_more, "roi", roi, "REGION", "judge only objects in x,y,w,h or in a polygon x1,y1,x2,y2,x3,y3...", "the whole picture"),
    OPT_LIST(struct evaluate_more, "ignore-region", ignored, "REGION", "likewise a region whose objects are not judged; repeatable"),
    OPT_CHOICE(struct evaluate_more, "region-point", region_point, points, "POINT", "where a box is, for regions: centre or bottom-centre", "centre"),
    OPT_TEXT(struct evaluate_more, "save-thresholds", thresholds, "FILE", "write the thresholds of the best F1, for detect --class-confidence @FILE", NULL),
    OPT_END,
};
// clang-format on

static struct class_joins joins;
static struct region interest;
static struct region *ignored; // [evaluate_more.ignored.n]

const char *evaluate_more_output(void)
{
    return evaluate_more.thresholds;
}

static int parse_regions(struct arena *a)
{
    int r = 0;
    if (evaluate_more.roi)
        r = region_parse(evaluate_more.roi, &interest);
    if (r < 0)
        return err_prefix(r, "--roi");
    if (evaluate_more.ignored.n > MAX_IGNORED_REGIONS)
        return err_set(ERR_TOO_BIG, "--ignore-region: more than %d", MAX_IGNORED_REGIONS);
    ignored = arena_array(a, struct region, evaluate_more.ignored.n);
    if (!ignored)
        return ERR_NOMEM;
    for (size_t i = 0; i < evaluate_more.ignored.n; i++) {
        r = region_parse(evaluate_more.ignored.items[i], &ignored[i]);
        if (r < 0)
            return err_prefix(r, "--ignore-region");
    }
    return 0;
}

static int parse_maps(struct arena *a)
{
    joins = (struct class_joins){0};
    for (size_t i = 0; i < evaluate_more.maps.n; i++) {
        int r = class_join_parse(evaluate_more.maps.items[i], a, &joins);
        if (r < 0)
            return err_prefix(r, "--map");
    }
    return 0;
}

int evaluate_more_parse(struct arena *a, struct evaluation_opts *opts)
{
    int r = 0;
    if (evaluate_more.conventions) {
        r = convention_parse(evaluate_more.conventions, opts->conventions);
        if (r < 0)
            return err_prefix(r, "--conventions");
    }
    if (evaluate_more.slice_by) {
        const char **names;
        r = classes_split(evaluate_more.slice_by, a, &names, &opts->n_slice_by);
        if (r < 0)
            return err_prefix(r, "--slice-by");
        opts->slice_by = names;
    }
    opts->slice_seconds = evaluate_more.slice_seconds;
    opts->inclusive_boxes = evaluate_more.inclusive_boxes;
    opts->wants_motdet = evaluate_more.motdet;
    opts->wants_confusion = evaluate_more.confusion;
    opts->confusion = (struct confusion_opts){
        .has_confidence = evaluate_more.confusion_confidence > -1e300,
        .confidence = evaluate_more.confusion_confidence,
        .has_iou = evaluate_more.confusion_iou >= 0,
        .iou = evaluate_more.confusion_iou,
    };
    r = parse_maps(a);
    return r < 0 ? r : parse_regions(a);
}

int evaluate_more_prepare(struct dataset *truth)
{
    return class_join_prepare(truth, &joins);
}

int evaluate_more_apply(struct dataset *truth, struct dataset *detections)
{
    int r = class_join_apply(truth, detections, &joins);
    if (r < 0)
        return err_prefix(r, "--map");
    if (!evaluate_more.roi && evaluate_more.ignored.n == 0)
        return 0;
    const struct region_opts opts = {.interest = evaluate_more.roi ? &interest : NULL,
                                     .ignored = ignored,
                                     .n_ignored = evaluate_more.ignored.n,
                                     .point = (enum region_point)(evaluate_more.region_point + 1)};
    return region_apply(truth, detections, &opts);
}

static void put_texts(struct json_writer *w, const char *key, const struct opt_list *list)
{
    if (list->n == 0)
        return;
    json_key(w, key);
    json_array(w);
    for (size_t i = 0; i < list->n; i++)
        json_cstring(w, list->items[i]);
    json_end(w);
}

void evaluate_more_put(void *arg, struct json_writer *w)
{
    put_texts(w, "map", &evaluate_more.maps);
    if (evaluate_more.roi) {
        json_key(w, "roi");
        json_cstring(w, evaluate_more.roi);
    }
    put_texts(w, "ignore_regions", &evaluate_more.ignored);
    if (evaluate_more.roi || evaluate_more.ignored.n > 0) {
        json_key(w, "region_point");
        json_cstring(w, points[evaluate_more.region_point]);
    }
}

// A label that the reader would take for a comment or that has no line of its own.
static bool is_writable(const char *label)
{
    struct str s = str_of(label);
    return s.n > 0 && s.p[0] != '#' && !strpbrk(label, "\r\n") && str_trim(s).n == s.n;
}

// The shortest text that reads back as the same number: a threshold that was rounded up would lose
// the detection that it came from.
static void put_line(struct str_buf *out, const char *label, double confidence)
{
    struct json_writer w;
    if (is_writable(label)) {
        str_buf_puts(out, label);
    } else {
        str_buf_puts(out, "# cannot stand in this file: ");
        str_buf_add_printable(out, str_of(label));
    }
    str_buf_putc(out, '=');
    json_writer_init(&w, out);
    json_double(&w, confidence);
    str_buf_putc(out, '\n');
}

// Of a class that others were joined into: a line for each of them, which is what a model knows.
static void put_class(struct str_buf *out, const struct evaluation_class *c)
{
    bool is_joined = false;
    bool is_new = false;
    for (size_t i = 0; i < joins.n; i++) {
        if (strcmp(joins.items[i].to, c->label) != 0)
            continue;
        if (!is_joined)
            str_buf_puts(out, "# joined for the evaluation:\n");
        put_line(out, joins.items[i].from, c->best.confidence);
        is_joined = true;
        is_new |= joins.items[i].to_is_new;
    }
    if (!is_new)
        put_line(out, c->label, c->best.confidence);
}

int evaluate_more_save(const struct evaluation *e)
{
    if (!evaluate_more.thresholds)
        return 0;
    struct str_buf out = STR_BUF_INIT(MAX_THRESHOLDS);
    str_buf_puts(&out,
                 "# confidence of the best F1 at IoU 0.5, for detect --class-confidence @FILE\n");
    if (!isnan(e->best.confidence))
        str_buf_printf(&out, "# all classes pooled: --confidence %.9g (F1 %.4f)\n",
                       e->best.confidence, e->best.f1);
    for (size_t k = 0; k < e->n_classes; k++) {
        const struct evaluation_class *c = &e->classes[k];
        // Without a single right detection no threshold is better than another.
        bool known = !isnan(c->best.confidence) && c->best.f1 > 0;
        bool fits = c->best.confidence >= 0 && c->best.confidence <= 1;
        if (known && fits) {
            put_class(&out, c);
            continue;
        }
        str_buf_puts(&out, "# ");
        str_buf_add_printable(&out, str_of(c->label));
        str_buf_puts(&out, known ? ": its confidences are not between 0 and 1\n" : ": no data\n");
    }
    int r = str_buf_check(&out);
    if (r == 0)
        r = app_write(evaluate_more.thresholds, &out);
    str_buf_finish(&out);
    return r;
}
