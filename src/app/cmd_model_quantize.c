// SPDX-License-Identifier: Apache-2.0
// cmd_model_quantize.c - `assay model quantize`: a model in 8 bits, calibrated on the user's own
// frames, with its loss measured.

#include <math.h>

#include "app/commands.h"
#include "app/quantize.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "infer/model.h"
#include "nn/quantization.h"

enum {
    DEFAULT_FRAMES = 32,
    TEXT_MAX = 256 * 1024,
};

struct quantize_settings {
    const char *calibrate;
    const char *out;
    const char *truth;
    int64_t frames;
    double max_loss;
};

static struct quantize_settings settings = {.frames = DEFAULT_FRAMES,
                                            .max_loss = QUANTIZE_MAX_LOSS};
static struct model_opts model_settings;

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct quantize_settings, "calibrate", calibrate, "SOURCE", "frames like those the model will see: a video, a directory of images, a pattern", NULL),
    OPT_INT(struct quantize_settings, "frames", frames, 2, QUANTIZE_MAX_FRAMES, "N", "frames used, spread over the source", "32"),
    OPT_DOUBLE(struct quantize_settings, "max-loss", max_loss, 0, 1, "AP", "loss to stay within: layers that cost most stay in bf16", "0.01"),
    OPT_TEXT(struct quantize_settings, "truth", truth, "FILE", "truth of the source: the loss is of AP; without it, of the agreement with fp32", NULL),
    OPT_TEXT(struct quantize_settings, "out", out, "FILE", "where to write the result", "MODEL.int8.json"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {
    {rows, &settings, NULL},
    {model_options, &model_settings, "Model"},
};

static int run(const struct app_call *call);

const struct command command_model_quantize = {
    .name = "model quantize",
    .summary = "makes a model run in 8 bits, calibrated on frames of yours, and measures the loss",
    .usage = "FILE --calibrate SOURCE [options]",
    .details =
        "Runs the frames in fp32 and notes the range of every value, then in int8, and compares\n"
        "the detections. Layers that cost most stay in bf16 until the loss is within --max-loss.\n"
        "The result is a file beside the model (docs/FILES.md); --precision int8 uses it.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};

static int report(const struct quantization *q, const char *path)
{
    struct str_buf text = STR_BUF_INIT(TEXT_MAX);
    str_buf_add_printable(&text, str_of(path));
    str_buf_printf(&text,
                   "\n%d frames of %s\n%s: fp32 %.4f, int8 %.4f (loss %.4f)\n"
                   "layers in bf16: %d\n",
                   q->n_frames, q->source,
                   q->measure == QUANTIZATION_AP ? "AP" : "agreement with fp32", q->fp32, q->int8,
                   q->loss, q->n_layers);
    int r = str_buf_check(&text);
    if (r == 0)
        r = app_write("-", &text);
    str_buf_finish(&text);
    return r;
}

static int quantize_to(struct model *m, const char *path)
{
    struct quantize_opts opts = {
        .source = settings.calibrate,
        .truth = settings.truth,
        .n_frames = (int)settings.frames,
        .max_loss = settings.max_loss,
    };
    struct quantize *work = NULL;
    int r = quantize_run(m, &opts, &work);
    if (r < 0)
        return r;
    const struct quantization *q = quantize_result(work);
    r = quantization_write(q, path);
    if (r == 0)
        r = report(q, path);
    quantize_destroy(work);
    return r;
}

static int run(const struct app_call *call)
{
    size_t n_models = call->n_arguments + (model_settings.path != NULL);
    if (n_models != 1)
        return app_usage_error(&command_model_quantize, "one model FILE is wanted, not %zu",
                               n_models);
    if (!settings.calibrate)
        return app_usage_error(&command_model_quantize, "--calibrate SOURCE is wanted");
    if (!model_settings.path)
        model_settings.path = call->arguments[0];
    struct model *m = NULL;
    int r = model_open(&model_settings, &m);
    if (r < 0)
        return app_fail(r);
    char *path = settings.out ? mem_strdup(settings.out) : quantization_path(model_settings.path);
    r = path ? quantize_to(m, path) : ERR_NOMEM;
    mem_free(path);
    model_unref(&m);
    return r < 0 ? app_fail(r) : 0;
}
