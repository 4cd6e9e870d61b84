// SPDX-License-Identifier: Apache-2.0
// cmd_evaluate.c - the metrics of results that exist already.

#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/formats.h"
#include "app/judge_options.h"
#include "app/judging.h"
#include "app/time_options.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "media/source.h"

static struct evaluate_settings {
    const char *truth, *detections;
    int truth_format, detections_format; // enum dataset_format
    int text_kind, voc_boxes;            // enum dataset_text, dataset_voc_boxes
    const char *images, *truth_names, *names;
    const char *classes, *ious, *cuts;
    double confidence, at_confidence;
    struct judging_opts judging;
    struct source_opts source; // its path alone
} settings = {.confidence = -1e300, .at_confidence = EVALUATION_AT_CONFIDENCE};

// In the order of enum tracking_rules, from the first.
static const char *const rules_names[] = {"none", "mot15", "mot17", "bdd100k", NULL};

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct evaluate_settings, "truth", truth, "FILE", "what is there, in any format of docs/FILES.md: a file, or a folder of pictures' files or of sequences (NAME/gt/gt.txt)", NULL),
    OPT_TEXT(struct evaluate_settings, "detections", detections, "FILE", "what was found: .jsonl of detect, COCO results, MOT text, or any format of docs/FILES.md; or a folder, NAME.txt for each sequence", NULL),
    OPT_CHOICE(struct evaluate_settings, "truth-format", truth_format, app_formats, "FORMAT", "what --truth is", "auto (by content)"),
    OPT_CHOICE(struct evaluate_settings, "detections-format", detections_format, app_formats, "FORMAT", "what --detections is", "auto (by content)"),
    OPT_CHOICE(struct evaluate_settings, "text-boxes", text_kind, app_text_kinds, "KIND", "how the four numbers of detection texts are meant: xywh, xyxy or relative", "auto (by the numbers)"),
    OPT_CHOICE(struct evaluate_settings, "voc-boxes", voc_boxes, app_voc_boxes, "KIND", "Pascal VOC corners as they stand, or as first and last pixel counted from 1 (pixels)", "corners"),
    OPT_TEXT(struct evaluate_settings, "images", images, "DIR", "folder of the pictures, for formats with relative boxes", "the folder of the annotations"),
    OPT_TEXT(struct evaluate_settings, "names", names, "FILE", "class names for the numbers of --detections: one a line, or data.yaml", "the list beside them, else the truth's numbers"),
    OPT_TEXT(struct evaluate_settings, "truth-names", truth_names, "FILE", "likewise for --truth", "the list beside it"),
    OPT_TEXT(struct evaluate_settings, "classes", classes, "LIST", "judge only these labels of the truth, separated by commas", "all"),
    OPT_DOUBLE(struct evaluate_settings, "confidence", confidence, 0, 0, "C", "leave out detections below this confidence", "none"),
    OPT_DOUBLE(struct evaluate_settings, "at-confidence", at_confidence, 0, 0, "C", "confidence of the operating point: precision, recall and F1", "0.25"),
    OPT_TEXT(struct evaluate_settings, "iou-thresholds", ious, "LIST", "IoU thresholds of AP and AR, ascending", "0.5 to 0.95 by 0.05"),
    OPT_TEXT(struct evaluate_settings, "max-detections", cuts, "LIST", "most detections judged per picture and class, ascending; AP uses the last", "1,10,100"),
    OPT_BOOL(struct evaluate_settings, "tracking", judging.tracking, "judge track ids too: HOTA, CLEAR and Identity"),
    OPT_CHOICE(struct evaluate_settings, "tracking-rules", judging.rules, rules_names, "RULES", "what --tracking leaves out before judging: none, or as the benchmarks mot15, mot17, bdd100k do", "none"),
    OPT_TEXT(struct evaluate_settings, "json", judging.json, "FILE", "write the metrics as JSON; - is standard output", NULL),
    OPT_TEXT(struct evaluate_settings, "profile", judging.profile, "NAME|FILE", "a verdict by criteria: default, strict, safety-critical, performance, or a file; exit status 1 unless it passes", NULL),
    OPT_TEXT(struct evaluate_settings, "report", judging.report, "FILE.html", "write the report as one HTML page with charts", NULL),
    OPT_TEXT(struct evaluate_settings, "source", source.path, "SOURCE", "the video or pictures that were judged, for the pictures in --report", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {
    {rows, &settings, NULL},
    JUDGE_OPTION_SET,
    TIME_OPTION_SET,
};

// ---- lists

static int parse_classes(struct arena *a, struct evaluation_opts *o)
{
    if (!settings.classes)
        return 0;
    size_t n_most = 1;
    for (const char *p = settings.classes; *p; p++)
        n_most += *p == ',';
    const char **classes = arena_array(a, const char *, n_most);
    if (!classes)
        return ERR_NOMEM;
    struct str rest = str_of(settings.classes);
    struct str part;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0)
            return err_set(ERR_INVALID, "--classes: an empty label in '%s'", settings.classes);
        classes[o->n_classes] = arena_strndup(a, part.p, part.n);
        if (!classes[o->n_classes++])
            return ERR_NOMEM;
    }
    o->classes = classes;
    return 0;
}

static int parse_ious(struct coco_opts *o)
{
    struct str rest = str_of(settings.ious);
    struct str part;
    while (settings.ious && str_split(&rest, ',', &part)) {
        if (o->n_ious == COCO_MAX_IOUS)
            return err_set(ERR_INVALID, "--iou-thresholds: more than %d", COCO_MAX_IOUS);
        int r = str_to_double(str_trim(part), &o->ious[o->n_ious++]);
        if (r < 0)
            return err_prefix(r, "--iou-thresholds");
    }
    return 0;
}

static int parse_cuts(struct coco_opts *o)
{
    struct str rest = str_of(settings.cuts);
    struct str part;
    while (settings.cuts && str_split(&rest, ',', &part)) {
        int64_t value;
        if (o->n_cuts == COCO_MAX_CUTS)
            return err_set(ERR_INVALID, "--max-detections: more than %d", COCO_MAX_CUTS);
        int r = str_to_i64(str_trim(part), &value);
        if (r < 0)
            return err_prefix(r, "--max-detections");
        if (value < 1 || value > INT32_MAX)
            return err_set(ERR_INVALID, "--max-detections: %lld is out of range", (long long)value);
        o->cuts[o->n_cuts++] = (int)value;
    }
    return 0;
}

static int parse_opts(struct arena *a, struct evaluation_opts *o)
{
    o->has_min_confidence = settings.confidence > -1e300;
    o->min_confidence = settings.confidence;
    o->has_at_confidence = true;
    o->at_confidence = settings.at_confidence;
    int r = parse_classes(a, o);
    if (r == 0)
        r = parse_ious(&o->coco);
    if (r == 0)
        r = parse_cuts(&o->coco);
    return r;
}

// ---- the run

static int read_one(const char *path, enum dataset_role role, int format,
                    const struct dataset *truth, struct dataset **ret_dataset)
{
    const struct dataset_read_opts opts = {
        .role = role,
        .format = (enum dataset_format)format,
        .truth = truth,
        .images = settings.images,
        .names = role == DATASET_TRUTH ? settings.truth_names : settings.names,
        .text = (enum dataset_text)settings.text_kind,
        .voc_boxes = (enum dataset_voc_boxes)settings.voc_boxes,
    };
    return app_dataset_read(path, &opts, ret_dataset);
}

static int evaluate(const struct app_call *call, int *ret_status)
{
    struct evaluation_opts opts = {0};
    struct dataset *truth = NULL;
    struct dataset *detections = NULL;
    const char *const inputs[] = {settings.truth, settings.detections, settings.truth_names,
                                  settings.names};
    int r = parse_opts(call->arena, &opts);
    if (r == 0)
        r = judging_check(&settings.judging, inputs, ARRAY_LEN(inputs), call->arena, &opts);
    if (r == 0)
        r = read_one(settings.truth, DATASET_TRUTH, settings.truth_format, NULL, &truth);
    if (r == 0)
        r = judge_options_prepare(truth);
    if (r == 0)
        r = read_one(settings.detections, DATASET_DETECTIONS, settings.detections_format, truth,
                     &detections);
    struct judging j = {
        .opts = &settings.judging,
        .truth = truth,
        .detections = detections,
        .evaluation = &opts,
        .about = {.truth = settings.truth,
                  .detections = settings.detections,
                  .source = settings.source.path,
                  .settings = judge_options_put},
        .source = settings.source.path ? &settings.source : NULL,
    };
    if (r == 0)
        r = judging_run(&j, call->arena, ret_status);
    dataset_destroy(detections);
    dataset_destroy(truth);
    return r;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments > 0)
        return app_usage_error(&command_evaluate, "'%s': evaluate takes options only",
                               call->arguments[0]);
    if (!settings.truth || !settings.detections)
        return app_usage_error(&command_evaluate, "--truth FILE and --detections FILE are needed");
    int status = 0;
    int r = time_options_wants_events()
                ? time_options_events(settings.truth, settings.detections, settings.at_confidence,
                                      &settings.judging, call->arena)
                : evaluate(call, &status);
    return r < 0 ? app_fail(r) : status;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .summary = "judges detections that exist already against truth",
    .usage = "--truth FILE --detections FILE [options]",
    .details =
        "Formats are recognised by content. COCO results match the truth by image_id and\n"
        "category_id; detections of `assay detect` by label and frame (the truth's \"frame\" or\n"
        "\"frame_index\", else the file name of pictures, else the position in ascending id);\n"
        "MOT frame n is frame n-1. Only frames that were inferred and are listed in the truth\n"
        "are judged.\n\n"
        "Prints the twelve COCO numbers, precision, recall and F1 at a confidence and at the\n"
        "best one, and a row a class; with --tracking, HOTA, CLEAR and Identity by class and by\n"
        "video. Figures without data are \"-\" (null in JSON).",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
