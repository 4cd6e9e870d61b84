// SPDX-License-Identifier: Apache-2.0
// cmd_model.c - `assay model inspect`: which head a model has, how it is fed, and why we think so.

#include "app/commands.h"
#include "base/err.h"
#include "infer/model.h"

enum {
    TEXT_MAX = 8 * 1024 * 1024, // thousands of long labels
};

static struct inspect_settings {
    const char *json;
} settings;

static struct model_opts model;

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct inspect_settings, "json", json, "FILE", "write all of it as JSON too; - for standard output instead of the text", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL}, {model_options, &model, "Model"}};

static int write_text(const char *path, const struct model *m,
                      void (*describe)(const struct model *m, struct str_buf *out))
{
    struct str_buf out = STR_BUF_INIT(TEXT_MAX);
    describe(m, &out);
    if (out.n && out.p[out.n - 1] != '\n')
        str_buf_putc(&out, '\n');
    int r = str_buf_check(&out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static int inspect(const struct model *m)
{
    bool json_only = settings.json && str_is(str_of(settings.json), "-");
    int r = settings.json ? write_text(settings.json, m, model_describe_json) : 0;
    if (r == 0 && !json_only)
        r = write_text("-", m, model_describe);
    return r;
}

static int run(const struct app_call *call);

const struct command command_model_inspect = {
    .name = "model inspect",
    .summary = "says which detection head a model has, how it is fed, and why we think so",
    .usage = "FILE [options]",
    .details = "Reads the file alone: nothing is run. What the file cannot say (two heads of one\n"
               "shape) is decided by --head, or by the values of the first run.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};

static int run(const struct app_call *call)
{
    if (call->n_arguments + (model.path != NULL) != 1)
        return app_usage_error(&command_model_inspect, "one model file is wanted, %zu are given",
                               call->n_arguments + (model.path != NULL));
    if (!model.path)
        model.path = call->arguments[0];
    struct model *m;
    int r = model_open(&model, &m);
    if (r < 0)
        return app_fail(r);
    r = inspect(m);
    model_unref(&m);
    return r < 0 ? app_fail(r) : 0;
}
