// SPDX-License-Identifier: Apache-2.0
// cmd_compare.c - `assay compare RUN_A RUN_B --truth T`: what differs, and what of it is noise.

#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/paired.h"
#include "base/err.h"
#include "report/comparison_report.h"

enum {
    MAX_OUTPUT = 256 * 1024 * 1024,
};

static struct compare_settings {
    struct paired_opts paired;
    const char *json, *markdown;
    int64_t list;
} settings = {.paired = PAIRED_DEFAULTS, .list = 20};

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct compare_settings, "json", json, "FILE", "write the comparison as JSON; - is standard output", NULL),
    OPT_INT(struct compare_settings, "list", list, 0, 1e6, "N", "objects that changed sides to show", "20"),
    OPT_TEXT(struct compare_settings, "markdown", markdown, "FILE", "write the comparison as Markdown; - is standard output", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL},
                                      {paired_options, &settings.paired, "Judging"}};

typedef int write_fn(const struct comparison *, const struct comparison_about *, struct str_buf *);

static int put(const struct paired *p, const struct comparison_about *about, write_fn *write,
               const char *path)
{
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = write(&p->c, about, &out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static bool is_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static int compare(const struct app_call *call, struct paired *p)
{
    const struct compare_settings *s = &settings;
    const char *const inputs[] = {call->arguments[0], call->arguments[1], s->paired.truth};
    int r = app_check_out(s->json, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = app_check_out(s->markdown, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = paired_run(&s->paired, call->arguments[0], call->arguments[1], call->arena, p);
    if (r < 0)
        return r;
    const struct comparison_about about = {.truth = s->paired.truth,
                                           .a = call->arguments[0],
                                           .b = call->arguments[1],
                                           .pictures = p->truth,
                                           .notices = p->notices,
                                           .n_notices = p->n_notices,
                                           .n_listed = (size_t)s->list};
    if (s->json)
        r = put(p, &about, comparison_json, s->json);
    if (r == 0 && s->markdown)
        r = put(p, &about, comparison_markdown, s->markdown);
    if (r == 0 && !is_output(s->json) && !is_output(s->markdown))
        r = put(p, &about, comparison_text, "-");
    return r;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments != 2)
        return app_usage_error(&command_compare, "compare takes two runs, not %zu",
                               call->n_arguments);
    if (!settings.paired.truth)
        return app_usage_error(&command_compare, "--truth FILE is needed");
    if (is_output(settings.json) && is_output(settings.markdown))
        return app_usage_error(&command_compare, "--json and --markdown both want the output");
    struct paired p = {0};
    int r = compare(call, &p);
    paired_finish(&p);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_compare = {
    .name = "compare",
    .summary = "says what differs between two runs, and what of it is noise",
    .usage = "RUN_A RUN_B --truth FILE [options]",
    .details =
        "RUN_A and RUN_B are files of detections that are judged by the same truth. Each figure's\n"
        "difference (B - A) has an interval that holds the true one in about 95 of 100 cases: a\n"
        "paired bootstrap over blocks of time, as frames of one video are not independent. An\n"
        "interval without 0 in it is marked \"beyond noise\". docs/COMPARING.md tells how blocks\n"
        "are chosen.\n\n"
        "Below come the objects that changed sides: found by one run and missed by the other,\n"
        "and false detections that only one has, with their frames, most evidence first.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
