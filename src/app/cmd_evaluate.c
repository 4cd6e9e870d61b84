// SPDX-License-Identifier: Apache-2.0
// cmd_evaluate.c - the metrics of results that exist already.

#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/evaluate_more.h"
#include "app/formats.h"
#include "app/profile.h"
#include "app/report_html.h"
#include "app/time_options.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "media/source.h"
#include "report/metrics_json.h"
#include "report/text.h"
#include "tracking/tracking.h"

enum {
    MAX_OUTPUT = 256 * 1024 * 1024,
};

static struct evaluate_settings {
    const char *truth, *detections;
    int truth_format, detections_format; // enum dataset_format
    int text_kind, voc_boxes;            // enum dataset_text, dataset_voc_boxes
    const char *images, *truth_names, *names;
    const char *classes, *ious, *cuts;
    double confidence, at_confidence;
    const char *profile;
    const char *json, *report;
    struct source_opts source; // its path alone
    bool tracking;
    int rules; // enum tracking_rules - 1
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
    OPT_BOOL(struct evaluate_settings, "tracking", tracking, "judge track ids too: HOTA, CLEAR and Identity"),
    OPT_CHOICE(struct evaluate_settings, "tracking-rules", rules, rules_names, "RULES", "what --tracking leaves out before judging: none, or as the benchmarks mot15, mot17, bdd100k do", "none"),
    OPT_TEXT(struct evaluate_settings, "json", json, "FILE", "write the metrics as JSON; - is standard output", NULL),
    OPT_TEXT(struct evaluate_settings, "profile", profile, "NAME|FILE", "a verdict by criteria: default, strict, safety-critical, performance, or a file; exit status 1 unless it passes", NULL),
    OPT_TEXT(struct evaluate_settings, "report", report, "FILE.html", "write the report as one HTML page with charts", NULL),
    OPT_TEXT(struct evaluate_settings, "source", source.path, "SOURCE", "the video or pictures that were judged, for the pictures in --report", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {
    {rows, &settings, NULL},
    {evaluate_more_rows, &evaluate_more, "What is judged, and how"},
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

// ---- output

static int write_page(const struct evaluation *e, const struct report_about *about,
                      const struct dataset *truth, const struct dataset *detections)
{
    const struct app_html page = {.path = settings.report,
                                  .truth = truth,
                                  .detections = detections,
                                  .evaluation = e,
                                  .about = about,
                                  .source = settings.source.path ? &settings.source : NULL};
    return app_html_write(&page);
}

static int write_reports(const struct evaluation *e, const struct report_about *about)
{
    const bool json_is_output = settings.json && strcmp(settings.json, "-") == 0;
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = 0;
    if (settings.json) {
        r = metrics_json_write(e, about, &out);
        if (r == 0)
            r = app_write(settings.json, &out);
        str_buf_reset(&out);
    }
    if (r == 0 && !json_is_output) {
        r = text_write(e, about, &out);
        if (r == 0)
            r = app_write("-", &out);
    }
    for (size_t i = 0; i < e->n_notices && json_is_output; i++)
        log_warning(NULL, "%s", e->notices[i]);
    str_buf_finish(&out);
    return r;
}

static int write_all(const struct evaluation *e, const struct report_about *about,
                     const struct dataset *truth, const struct dataset *detections)
{
    int r = write_reports(e, about);
    if (r == 0 && settings.report)
        r = write_page(e, about, truth, detections);
    return r;
}

static int track(const struct dataset *truth, const struct dataset *detections,
                 const struct evaluation_opts *opts, struct arena *a,
                 struct tracking_result *ret_result)
{
    struct tracking_opts t = {.rules = (enum tracking_rules)(settings.rules + 1),
                              .has_min_confidence = opts->has_min_confidence,
                              .min_confidence = opts->min_confidence};
    // The rules of MOT know one class, whatever the file calls it.
    if (opts->n_classes > 0 && t.rules != TRACKING_RULES_MOT15 && t.rules != TRACKING_RULES_MOT17) {
        t.classes = opts->classes;
        t.n_classes = opts->n_classes;
    }
    return tracking_evaluate(truth, detections, &t, a, ret_result);
}

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
    struct verdict_profile profile;
    struct verdict verdict;
    struct evaluation_opts opts = {0};
    struct dataset *truth = NULL;
    struct dataset *detections = NULL;
    struct evaluation e = {0};
    struct tracking_result tracks;
    struct time_results times;
    bool wants_tracks = settings.tracking || settings.rules > 0;
    struct report_about about = {.truth = settings.truth,
                                 .detections = settings.detections,
                                 .source = settings.source.path,
                                 .settings = evaluate_more_put,
                                 .tracking = wants_tracks ? &tracks : NULL};
    const char *const inputs[] = {settings.truth, settings.detections, settings.truth_names,
                                  settings.names};
    int r = parse_opts(call->arena, &opts);
    if (r == 0 && settings.profile)
        r = verdict_profile_get(settings.profile, call->arena, &profile);
    if (r == 0)
        r = app_check_out(settings.json, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = app_check_out(settings.report, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = app_check_out(evaluate_more_output(), inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = evaluate_more_parse(call->arena, &opts);
    if (r == 0)
        r = read_one(settings.truth, DATASET_TRUTH, settings.truth_format, NULL, &truth);
    if (r == 0)
        r = evaluate_more_prepare(truth);
    if (r == 0)
        r = read_one(settings.detections, DATASET_DETECTIONS, settings.detections_format, truth,
                     &detections);
    if (r == 0)
        r = evaluate_more_apply(truth, detections);
    if (r == 0)
        r = evaluation_run(truth, detections, &opts, &e);
    if (r == 0 && wants_tracks)
        r = track(truth, detections, &opts, call->arena, &tracks);
    if (r == 0)
        r = time_options_run(truth, detections, &opts, call->arena, &times, &about);
    if (r == 0 && settings.profile) {
        r = profile_judge(&profile, truth, detections, &e, about.temporal, call->arena, &verdict);
        about.verdict = &verdict;
    }
    if (r == 0)
        r = write_all(&e, &about, truth, detections);
    if (r == 0)
        r = evaluate_more_save(&e);
    if (r == 0 && settings.profile)
        *ret_status = profile_exit_status(&verdict);
    evaluation_finish(&e);
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
    int r = settings.report ? app_html_check(settings.report) : 0;
    if (r == 0)
        r = time_options_wants_events()
                ? time_options_events(settings.truth, settings.detections, settings.at_confidence,
                                      settings.json, call->arena)
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
