// SPDX-License-Identifier: Apache-2.0
// cmd_demo.c - `assay demo`: a labelled clip, a model judged on it, a report and a video to look
// at; the same walk on the user's own data.

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/demo_model.h"
#include "app/demo_serve.h"
#include "app/demo_verdict.h"
#include "app/demo_video.h"
#include "app/synth_clip.h"
#include "app/validate_run.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "eval/evaluation.h"
#include "synth/synth.h"

enum {
    MAX_VERDICT = 1024 * 1024,
    DEFAULT_SEED = 20260,
    DEFAULT_SECONDS = 30, // six of each condition
};

enum serve {
    SERVE_AUTO, // where there is a server and standard output is a terminal
    SERVE_ALWAYS,
    SERVE_NEVER,
};

// In the order of enum serve.
static const char *const serve_names[] = {"auto", "always", "never", NULL};

struct demo_opts {
    const char *out;
    const char *video, *truth;
    int64_t seed;
    double seconds;
    int serve;
};

static struct demo_opts settings = {
    .out = "demo-output", .seed = DEFAULT_SEED, .seconds = DEFAULT_SECONDS};
static struct validate_opts validation = {
    .detect =
        {
            .confidence = 0.001, // average precision needs a low floor
            .iou = DETECT_DEFAULT_IOU,
            .max_detections = DETECT_DEFAULT_MAX,
            .source = {.stream_index = -1, .has_stream_index = true},
        },
    .at_confidence = EVALUATION_AT_CONFIDENCE,
    .judging.wants_conditions = true,
};

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct demo_opts, "out", out, "DIR", "directory for everything that is made; made where absent", "demo-output"),
    OPT_INT(struct demo_opts, "seed", seed, 0, 9e15, "N", "of the clip", "20260"),
    OPT_DOUBLE(struct demo_opts, "seconds", seconds, 1, SYNTH_MAX_SECONDS, "SECONDS", "length of the clip; day, dusk, night, rain and fog get a fifth each", "30"),
    OPT_CHOICE(struct demo_opts, "serve", serve, serve_names, "WHEN", "serve it for a browser at the end: auto, always or never", "auto: on a terminal"),
    OPT_TEXT(struct demo_opts, "truth", truth, "FILE", "what is in --video, in any format of docs/FILES.md", NULL),
    OPT_TEXT(struct demo_opts, "video", video, "SOURCE", "your own video, instead of the clip; needs --truth", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL},
                                      {model_options, &validation.detect.model, "Model"},
                                      {engine_options, &validation.detect.engine, "Engine"}};

// Where everything is. Texts live in the call's arena.
struct demo {
    const struct app_call *call;
    const char *video, *truth, *model; // given, or made
    const char *report, *annotated, *metrics, *detections;
    struct str_buf verdict;
    bool has_video;
};

// ---- files

static int path_in(const struct demo *d, const char *name, const char **ret_path)
{
    *ret_path = arena_printf(d->call->arena, "%s/%s", settings.out, name);
    return *ret_path ? 0 : ERR_NOMEM;
}

static int name_files(struct demo *d)
{
    const struct {
        const char *name;
        const char **path;
    } files[] = {
        {"report.html", &d->report},
        {"annotated.mp4", &d->annotated},
        {"metrics.json", &d->metrics},
        {"detections.jsonl", &d->detections},
        {settings.video ? NULL : SYNTH_CLIP_VIDEO, &d->video},
        {settings.truth ? NULL : SYNTH_CLIP_TRUTH, &d->truth},
        {validation.detect.model.path ? NULL : "demo.onnx", &d->model},
    };
    d->video = settings.video;
    d->truth = settings.truth;
    d->model = validation.detect.model.path;
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(files) && r == 0; i++)
        r = files[i].name ? path_in(d, files[i].name, files[i].path) : 0;
    return r;
}

static int make_dir(void)
{
    if (mkdir(settings.out, 0777) == 0)
        return 0;
    if (errno != EEXIST)
        return err_set_errno(errno, "%s", settings.out);
    return file_is_directory(settings.out)
               ? 0
               : err_set(ERR_INVALID, "%s: a file stands where the demo's directory should be",
                         settings.out);
}

static int write_model(const char *path)
{
    const struct demo_model m = demo_model_get();
    struct file_out *out;
    int r = file_out_open(path, &out);
    if (r < 0)
        return r;
    r = file_out_write(out, m.bytes, m.n);
    if (r < 0) {
        file_out_abort(&out);
        return r;
    }
    return file_out_commit(&out);
}

static int make_clip(const struct demo *d)
{
    const struct synth_opts o = {.seed = (uint64_t)settings.seed, .seconds = settings.seconds};
    const struct synth_clip clip = {.dir = settings.out, .is_quiet = d->call->is_quiet};
    struct synth *s;
    int r = synth_create(&o, &s);
    if (r < 0)
        return r;
    r = synth_clip_write(s, &clip);
    synth_destroy(s);
    return r;
}

// That the model runs here, before the clip is drawn for it.
static int check_model(const struct demo *d)
{
    struct detect_setup setup;
    validation.detect.model.path = d->model;
    int r = detect_setup_init(&validation.detect, d->call->arena, &setup);
    if (r == 0)
        detect_setup_finish(&setup);
    return r;
}

// ---- the judgement

static int on_judged(void *arg, const struct validate_judged *j)
{
    struct demo *d = (struct demo *)arg;
    demo_verdict_put(j, &d->verdict);
    int r = str_buf_check(&d->verdict);
    if (r < 0 || app_is_interrupted())
        return r;
    r = demo_video_write(j, d->annotated, d->call->is_quiet, d->call->arena);
    d->has_video = r == 0;
    if (r != ERR_CANCELLED)
        return r;
    err_clear(); // what is judged is still told, and the report written
    return 0;
}

static void put_file(struct str_buf *out, const char *what, const char *path)
{
    char *whole = realpath(path, NULL);
    str_buf_printf(out, "  %-22s", what);
    str_buf_add_printable(out, str_of(whole ? whole : path));
    str_buf_putc(out, '\n');
    free(whole);
}

static int print(struct demo *d)
{
    str_buf_puts(&d->verdict, "\nTo look at\n");
    put_file(&d->verdict, "report, in a browser", d->report);
    if (d->has_video)
        put_file(&d->verdict, "video, boxes drawn", d->annotated);
    put_file(&d->verdict, "all figures", d->metrics);
    int r = str_buf_check(&d->verdict);
    return r < 0 ? r : app_write("-", &d->verdict);
}

static int judge(struct demo *d, int *ret_status)
{
    const char *arguments[] = {d->video};
    struct app_call call = *d->call;
    call.arguments = arguments;
    call.n_arguments = ARRAY_LEN(arguments);
    validation.truth = d->truth;
    validation.detect.out = d->detections;
    validation.judging.json = d->metrics;
    validation.judging.report = d->report;
    const struct validate_listener listener = {.judged = on_judged, .arg = d};
    int r = validate_run(&validation, &call, &listener, ret_status);
    if (r == 0 && d->verdict.n > 0)
        r = print(d);
    if (r == 0 && *ret_status == 0 && app_is_interrupted())
        *ret_status = err_exit_status(ERR_CANCELLED);
    return r;
}

// Who did not ask for it is not refused it either.
static bool is_served_unasked(void)
{
    if (!isatty(STDOUT_FILENO) || app_is_interrupted())
        return false;
    if (demo_serve_check(settings.video, settings.truth) == 0)
        return true;
    log_info(NULL, "not shown in the browser: %s", err_message(0));
    err_clear();
    return false;
}

static int serve(const struct demo *d)
{
    const struct demo_project project = {.name = "demo",
                                         .dir = settings.out,
                                         .video = d->video,
                                         .truth = d->truth,
                                         .model = d->model,
                                         .engine = &validation.detect.engine};
    if (settings.serve == SERVE_NEVER || (settings.serve == SERVE_AUTO && !is_served_unasked()))
        return 0;
    return demo_serve(&project, d->call);
}

// ---- the walk

static int check(const struct app_call *call)
{
    if (call->n_arguments > 0)
        return err_set(ERR_INVALID, "'%s' is no option: your own video is given by --video",
                       call->arguments[0]);
    if (settings.video && !settings.truth)
        return err_set(ERR_INVALID, "--video needs --truth: what is in it?");
    if (settings.truth && !settings.video)
        return err_set(ERR_INVALID, "--truth needs --video: what is it the truth of?");
    int r = settings.serve == SERVE_ALWAYS ? demo_serve_check(settings.video, settings.truth) : 0;
    if (r < 0)
        return r;
    if (!validation.detect.model.path && demo_model_get().n == 0)
        return err_set(ERR_NOT_FOUND, "this build has no demo model: name one by --model");
    return 0;
}

// Before the minute that the clip takes.
static int check_outputs(const struct demo *d)
{
    const char *const inputs[] = {settings.video, settings.truth, validation.detect.model.path};
    const char *const outputs[] = {d->report, d->annotated, d->metrics, d->detections};
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(outputs) && r == 0; i++)
        r = app_check_out(outputs[i], inputs, ARRAY_LEN(inputs));
    return r;
}

static int walk(struct demo *d, int *ret_status)
{
    int r = check(d->call);
    if (r == 0)
        r = make_dir();
    if (r == 0)
        r = name_files(d);
    if (r == 0)
        r = check_outputs(d);
    if (r == 0 && !validation.detect.model.path)
        r = write_model(d->model);
    if (r == 0)
        r = check_model(d);
    if (r == 0 && !settings.video)
        r = make_clip(d);
    if (r == 0)
        r = judge(d, ret_status);
    return r == 0 && *ret_status == 0 ? serve(d) : r;
}

static int run(const struct app_call *call)
{
    struct demo d = {.call = call, .verdict = STR_BUF_INIT(MAX_VERDICT)};
    int status = 0;
    int r = walk(&d, &status);
    str_buf_finish(&d.verdict);
    return r < 0 ? app_fail(r) : status;
}

const struct command command_demo = {
    .name = "demo",
    .summary = "shows the whole on a clip of its own: a model judged, a report, a video",
    .usage = "[--model FILE] [--video SOURCE --truth FILE] [options]",
    .details =
        "Draws a labelled street scene, runs the built-in model over it and says how good it "
        "is: in words,\n"
        "as a page to look at (report.html), and as a video with what was found, missed and "
        "falsely\n"
        "reported (annotated.mp4). With --model, --video and --truth it is the same walk on "
        "your own.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
