// SPDX-License-Identifier: Apache-2.0
// cmd_validate.c - `assay validate SOURCE --model M --truth T`: detect and evaluate in one pass.

#include "app/app.h"
#include "app/commands.h"
#include "app/formats.h"
#include "app/judge_options.h"
#include "app/time_options.h"
#include "app/validate_run.h"
#include "eval/evaluation.h"

// In the order of enum tracking_rules, from the first.
static const char *const rules_names[] = {"none", "mot15", "mot17", "bdd100k", NULL};

// clang-format off
#define O struct validate_opts
static const struct opt validate_options[] = {
    OPT_DOUBLE(O, "at-confidence", at_confidence, 0, 1, "F", "of the operating point: precision, recall, F1", "0.25"),
    OPT_TEXT(O, "json", judging.json, "FILE", "write the metrics as JSON; - is standard output", NULL),
    OPT_TEXT(O, "profile", judging.profile, "NAME|FILE", "a verdict by criteria: default, strict, safety-critical, performance, or a file; exit status 1 unless it passes", NULL),
    OPT_TEXT(O, "report", judging.report, "FILE.html", "write the report as one HTML page with charts and pictures", NULL),
    OPT_BOOL(O, "tracking", judging.tracking, "judge tracks too: HOTA, CLEAR and Identity; switches --track on"),
    OPT_CHOICE(O, "tracking-rules", judging.rules, rules_names, "RULES", "what --tracking leaves out before judging: none, or as the benchmarks mot15, mot17, bdd100k do", "none"),
    OPT_TEXT(O, "truth", truth, "FILE", "annotated objects: COCO JSON or MOT text", NULL),
    OPT_CHOICE(O, "truth-format", truth_format, app_formats, "FORMAT", "of --truth", "by content"),
    OPT_END,
};
#undef O
// clang-format on

static struct validate_opts settings = {
    .detect =
        {
            .confidence = 0.001, // average precision needs a low floor
            .iou = DETECT_DEFAULT_IOU,
            .max_detections = DETECT_DEFAULT_MAX,
            .source = {.stream_index = -1, .has_stream_index = true}, // -1: the one libav prefers
        },
    .at_confidence = EVALUATION_AT_CONFIDENCE,
};
static const struct opt_set sets[] = {{validate_options, &settings, "Validation"},
                                      DETECT_OPTION_SET_ROWS(settings.detect),
                                      JUDGE_OPTION_SET,
                                      TIME_OPTION_SET};

static const char details[] =
    "Prints the report. --out keeps the detections as well (see: assay detect --help), --json\n"
    "writes the metrics. A truth picture belongs to a frame by its frame number, its file name\n"
    "(pictures) or its place in ascending id (videos); only frames that were inferred and are\n"
    "listed in the truth are judged, so --stride makes no misses.";

static int run(const struct app_call *call)
{
    int status = 0;
    settings.detect.track =
        settings.detect.track || settings.judging.tracking || settings.judging.rules > 0;
    int r = validate_run(&settings, call, NULL, &status);
    return r < 0 ? app_fail(r) : status;
}

const struct command command_validate = {
    .name = "validate",
    .summary = "runs a model over a source and judges it against its truth, in one pass",
    .usage = "SOURCE --model FILE --truth FILE [options]",
    .details = details,
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
