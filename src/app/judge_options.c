// SPDX-License-Identifier: Apache-2.0
// judge_options.c - what is left out, joined and cut into parts before and beside COCO's figures.

#include "app/judge_options.h"

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

struct judge_settings {
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
    const char *csv_classes, *csv_objects;
};

struct judge_settings judge_option_settings = {
    .confusion_confidence = -1e300, .confusion_iou = -1, .slice_seconds = SLICE_SECONDS};

// In the order of enum region_point, from the first.
static const char *const points[] = {"centre", "bottom-centre", NULL};

// clang-format off
const struct opt judge_option_rows[] = {
    OPT_TEXT(struct judge_settings, "conventions", conventions, "LIST", "other definitions of AP beside COCO's: coco, voc07, voc, ultralytics or all", "none"),
    OPT_BOOL(struct judge_settings, "inclusive-boxes", inclusive_boxes, "for voc and voc07: corners are pixels that belong to the box (+1)"),
    OPT_BOOL(struct judge_settings, "confusion-matrix", confusion, "which class is taken for which, in both common layouts"),
    OPT_DOUBLE(struct judge_settings, "confusion-confidence", confusion_confidence, 0, 0, "C", "detections of a matrix are above it", "0.3 and 0.25"),
    OPT_DOUBLE(struct judge_settings, "confusion-iou", confusion_iou, 0, 1, "T", "overlaps of a matrix are above it", "0.5 and 0.45"),
    OPT_BOOL(struct judge_settings, "mot17det", motdet, "figures of the MOT17Det benchmark, for MOT text of nine columns"),
    OPT_TEXT(struct judge_settings, "slice-by", slice_by, "LIST", "figures of parts: class, size, video, time, or an attribute of truths or pictures", "none"),
    OPT_DOUBLE(struct judge_settings, "slice-seconds", slice_seconds, 0.001, 1e9, "S", "length of a part by time", "60"),
    OPT_LIST(struct judge_settings, "map", maps, "A,B=C", "labels A and B are judged as C, in truth and detections; repeatable"),
    OPT_TEXT(struct judge_settings, "roi", roi, "REGION", "judge only objects in x,y,w,h or in a polygon x1,y1,x2,y2,x3,y3...", "the whole picture"),
    OPT_LIST(struct judge_settings, "ignore-region", ignored, "REGION", "likewise a region whose objects are not judged; repeatable"),
    OPT_CHOICE(struct judge_settings, "region-point", region_point, points, "POINT", "where a box is, for regions: centre or bottom-centre", "centre"),
    OPT_TEXT(struct judge_settings, "csv-classes", csv_classes, "FILE", "write every figure as CSV, a row a class; - is standard output", NULL),
    OPT_TEXT(struct judge_settings, "csv-objects", csv_objects, "FILE", "write what became of every object as CSV, a row each; - is standard output", NULL),
    OPT_TEXT(struct judge_settings, "save-thresholds", thresholds, "FILE", "write the thresholds of the best F1, for detect --class-confidence @FILE", NULL),
    OPT_END,
};
// clang-format on

static struct class_joins joins;
static struct region interest;
static struct region *ignored; // [judge_option_settings.ignored.n]

const char *judge_options_thresholds(void)
{
    return judge_option_settings.thresholds;
}

const char *judge_options_csv_classes(void)
{
    return judge_option_settings.csv_classes;
}

const char *judge_options_csv_objects(void)
{
    return judge_option_settings.csv_objects;
}

bool judge_options_joins(void)
{
    return judge_option_settings.maps.n > 0;
}

static int parse_regions(struct arena *a)
{
    int r = 0;
    if (judge_option_settings.roi)
        r = region_parse(judge_option_settings.roi, &interest);
    if (r < 0)
        return err_prefix(r, "--roi");
    if (judge_option_settings.ignored.n > MAX_IGNORED_REGIONS)
        return err_set(ERR_TOO_BIG, "--ignore-region: more than %d", MAX_IGNORED_REGIONS);
    ignored = arena_array(a, struct region, judge_option_settings.ignored.n);
    if (!ignored)
        return ERR_NOMEM;
    for (size_t i = 0; i < judge_option_settings.ignored.n; i++) {
        r = region_parse(judge_option_settings.ignored.items[i], &ignored[i]);
        if (r < 0)
            return err_prefix(r, "--ignore-region");
    }
    return 0;
}

static int parse_maps(struct arena *a)
{
    joins = (struct class_joins){0};
    for (size_t i = 0; i < judge_option_settings.maps.n; i++) {
        int r = class_join_parse(judge_option_settings.maps.items[i], a, &joins);
        if (r < 0)
            return err_prefix(r, "--map");
    }
    return 0;
}

int judge_options_parse(struct arena *a, struct evaluation_opts *opts)
{
    int r = 0;
    if (judge_option_settings.conventions) {
        r = convention_parse(judge_option_settings.conventions, opts->conventions);
        if (r < 0)
            return err_prefix(r, "--conventions");
    }
    if (judge_option_settings.slice_by) {
        const char **names;
        r = classes_split(judge_option_settings.slice_by, a, &names, &opts->n_slice_by);
        if (r < 0)
            return err_prefix(r, "--slice-by");
        opts->slice_by = names;
    }
    opts->slice_seconds = judge_option_settings.slice_seconds;
    opts->inclusive_boxes = judge_option_settings.inclusive_boxes;
    opts->wants_motdet = judge_option_settings.motdet;
    opts->wants_confusion = judge_option_settings.confusion;
    opts->confusion = (struct confusion_opts){
        .has_confidence = judge_option_settings.confusion_confidence > -1e300,
        .confidence = judge_option_settings.confusion_confidence,
        .has_iou = judge_option_settings.confusion_iou >= 0,
        .iou = judge_option_settings.confusion_iou,
    };
    r = parse_maps(a);
    return r < 0 ? r : parse_regions(a);
}

int judge_options_prepare(struct dataset *truth)
{
    return class_join_prepare(truth, &joins);
}

int judge_options_apply(struct dataset *truth, struct dataset *detections)
{
    int r = class_join_apply(truth, detections, &joins);
    if (r < 0)
        return err_prefix(r, "--map");
    if (!judge_option_settings.roi && judge_option_settings.ignored.n == 0)
        return 0;
    const struct region_opts opts = {
        .interest = judge_option_settings.roi ? &interest : NULL,
        .ignored = ignored,
        .n_ignored = judge_option_settings.ignored.n,
        .point = (enum region_point)(judge_option_settings.region_point + 1)};
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

void judge_options_put(void *arg, struct json_writer *w)
{
    put_texts(w, "map", &judge_option_settings.maps);
    if (judge_option_settings.roi) {
        json_put_text(w, "roi", judge_option_settings.roi);
    }
    put_texts(w, "ignore_regions", &judge_option_settings.ignored);
    if (judge_option_settings.roi || judge_option_settings.ignored.n > 0) {
        json_put_text(w, "region_point", points[judge_option_settings.region_point]);
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

int judge_options_save(const struct evaluation *e)
{
    if (!judge_option_settings.thresholds)
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
        r = app_write(judge_option_settings.thresholds, &out);
    str_buf_finish(&out);
    return r;
}
