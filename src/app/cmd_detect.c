// SPDX-License-Identifier: Apache-2.0
// cmd_detect.c - `assay detect SOURCE... --model M`: a detector over files, folders, URLs.

#include "app/app.h"
#include "app/commands.h"
#include "app/detect_run.h"
#include "app/detect_setup.h"
#include "app/sink.h"
#include "app/sink_path.h"
#include "base/err.h"

static struct detect_opts settings = {
    .confidence = 0.25,
    .iou = DETECT_DEFAULT_IOU,
    .max_detections = DETECT_DEFAULT_MAX,
    .source = {.stream_index = -1, .has_stream_index = true}, // -1: the one libav prefers
};
static const struct opt_set sets[] = DETECT_OPTION_SETS(settings);

static const char details[] =
    "Results go to standard output as JSON lines, or to --out in the format of its ending:\n"
    ".jsonl, .json (COCO results), .csv, .txt (MOTChallenge), .mp4 (boxes drawn). With several\n"
    "sources --out is a directory that gets one file a source. A file is written beside its name\n"
    "(.part) and renamed at the end; Ctrl-C keeps what was finished.\n\n"
    "COCO results: category_id is COCO's own where the model has COCO's 80 labels, else the\n"
    "class index plus 1; image_id is the number that names the picture's file (its name without\n"
    "ending where that is no number), of video frames the ordinal plus 1.";

static int sinks_create(struct detect_run *run, const struct sink_paths *paths,
                        const struct sink_about *about)
{
    for (size_t i = 0; i < run->n; i++) {
        struct detect_item *item = &run->items[i];
        int r = sink_create(paths->kind, paths->paths[i], about, &item->sink);
        if (r < 0)
            return r;
        item->calls = sink_calls(item->sink);
    }
    return 0;
}

static int run_all(const struct detect_opts *o, const struct app_call *call, int *ret_status)
{
    struct sink_paths paths;
    int r = sink_paths_make(o->out, (enum sink_kind)o->format, call->arguments, call->n_arguments,
                            call->arena, &paths);
    const char *const inputs[] = {o->model.path, o->model.labels_path};
    for (size_t i = 0; r == 0 && i < call->n_arguments; i++)
        r = app_check_out(paths.paths[i], inputs, ARRAY_LEN(inputs));
    if (r < 0)
        return r;
    struct detect_setup setup;
    r = detect_setup_init(o, call->arena, &setup);
    if (r < 0)
        return r;
    const struct sink_about about = {
        .model = detector_model(setup.detector), .settings = detect_write_settings, .arg = &setup};
    struct detect_run run = {.keep_pictures = sink_impl_of(paths.kind)->wants_pictures,
                             .is_quiet = call->is_quiet};
    r = detect_run_init(&run, &setup, call->arguments, call->n_arguments, call->arena);
    if (r == 0)
        r = sinks_create(&run, &paths, &about);
    if (r == 0)
        r = detect_run_all(&run, ret_status);
    for (size_t i = 0; i < run.n; i++)
        sink_destroy(run.items[i].sink);
    detect_setup_finish(&setup);
    return r;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments == 0)
        return app_usage_error(&command_detect, "which SOURCE?");
    if (!settings.model.path)
        return app_usage_error(&command_detect, "--model FILE is needed");
    int status = 0;
    int r = run_all(&settings, call, &status);
    return r < 0 ? app_fail(r) : status;
}

const struct command command_detect = {
    .name = "detect",
    .summary = "runs a model over files, folders of pictures, numbered pictures, URLs",
    .usage = "SOURCE... --model FILE [options]",
    .details = details,
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
