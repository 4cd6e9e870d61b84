// SPDX-License-Identifier: Apache-2.0
// cmd_compare.c - `assay compare RUN_A RUN_B`: what differs, and what of it is noise; without
// --truth: where the two disagree.

#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/formats.h"
#include "app/page_pictures.h"
#include "app/paired.h"
#include "app/paired_events.h"
#include "app/report_html.h"
#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/disagreement.h"
#include "media/source.h"
#include "report/comparison_report.h"
#include "report/disagreement_report.h"
#include "report/events_compared.h"
#include "report/html_comparison.h"
#include "report/metrics_compare.h"
#include "report/metrics_read.h"

enum {
    MAX_OUTPUT = 256 * 1024 * 1024,
};

static struct compare_settings {
    struct paired_opts paired;
    const char *json, *markdown, *report;
    struct source_opts source; // its path alone
    int64_t list;
} settings = {.paired = PAIRED_DEFAULTS, .list = 20};

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct compare_settings, "json", json, "FILE", "write the comparison as JSON; - is standard output", NULL),
    OPT_INT(struct compare_settings, "list", list, 0, 1e6, "N", "objects that changed sides, or disagreements, to show", "20"),
    OPT_TEXT(struct compare_settings, "markdown", markdown, "FILE", "write the comparison as Markdown; - is standard output", NULL),
    OPT_TEXT(struct compare_settings, "report", report, "FILE.html", "write the comparison as one HTML page", NULL),
    OPT_TEXT(struct compare_settings, "source", source.path, "SOURCE", "the video or pictures that were judged, for the pictures in --report", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {
    {rows, &settings, NULL},
    {paired_options, &settings.paired, "Judging (with --truth)"},
    {paired_events_options, &paired_events_settings, "Timed events"}};

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

static struct page_frame frame_of(const struct paired *p, const struct comparison_change *c)
{
    const struct dataset *t = p->truth;
    const struct dataset_picture *picture = &t->pictures[c->first];
    const int64_t *times = p->a->pts_us ? p->a->pts_us : p->b->pts_us;
    return (struct page_frame){
        .picture = c->first,
        .frame = picture->frame >= 0 ? picture->frame : c->first,
        .pts_us = times ? times[c->first] : INT64_MIN,
        .file_name = picture->file_name,
        .video = t->n_videos > 1 ? t->videos[picture->video] : NULL,
    };
}

static int put_page(const struct paired *p, const struct comparison_about *about)
{
    struct page_frame frames[HTML_COMPARISON_CHANGES];
    struct page_pictures pictures;
    const size_t n = MIN(p->c.n_changes, ARRAY_LEN(frames));
    for (size_t i = 0; i < n; i++)
        frames[i] = frame_of(p, &p->c.changes[i]);
    struct html_comparison page = {.comparison = &p->c, .about = about};
    page.no_pictures =
        page_pictures_read(settings.source.path ? &settings.source : NULL, frames, n, &pictures);
    page.pictures = pictures.items;
    page.n_pictures = pictures.n;
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = html_comparison_write(&page, &out);
    if (r == 0)
        r = app_write(settings.report, &out);
    str_buf_finish(&out);
    page_pictures_finish(&pictures);
    return r;
}

static bool is_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

// Before hours of judging: nothing replaces a run or the truth.
static int check_outputs(const struct app_call *call)
{
    const char *const outputs[] = {settings.json, settings.markdown, settings.report};
    const char *const inputs[] = {call->arguments[0], call->arguments[1], settings.paired.truth};
    int r = app_check_distinct(outputs, ARRAY_LEN(outputs));
    for (size_t i = 0; i < ARRAY_LEN(outputs) && r == 0; i++)
        r = app_check_out(outputs[i], inputs, ARRAY_LEN(inputs));
    return r;
}

static int compare(const struct app_call *call, struct paired *p)
{
    const struct compare_settings *s = &settings;
    int r = check_outputs(call);
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
    if (r == 0 && s->report)
        r = put_page(p, &about);
    if (r == 0 && !is_output(s->json) && !is_output(s->markdown))
        r = put(p, &about, comparison_text, "-");
    return r;
}

// ---- metrics files

typedef int metrics_fn(const struct metrics_comparison *, const struct metrics_compare_about *,
                       struct str_buf *);

static int put_metrics(const struct metrics_comparison *c,
                       const struct metrics_compare_about *about, metrics_fn *write,
                       const char *path)
{
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = write(c, about, &out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static int compare_metrics(const struct app_call *call)
{
    const struct compare_settings *s = &settings;
    struct metrics_table a, b;
    struct metrics_comparison c;
    if (s->report)
        return err_set(ERR_INVALID, "--report needs detections, not metrics files");
    int r = check_outputs(call);
    if (r == 0)
        r = metrics_read(call->arguments[0], call->arena, &a);
    if (r == 0)
        r = metrics_read(call->arguments[1], call->arena, &b);
    if (r == 0)
        r = metrics_compare(&a, &b, (uint64_t)s->paired.seed, (size_t)s->paired.resamples,
                            call->arena, &c);
    if (r < 0)
        return r;
    const struct metrics_compare_about about = {call->arguments[0], call->arguments[1]};
    if (s->json)
        r = put_metrics(&c, &about, metrics_compare_json, s->json);
    if (r == 0 && s->markdown)
        r = put_metrics(&c, &about, metrics_compare_markdown, s->markdown);
    if (r == 0 && !is_output(s->json) && !is_output(s->markdown))
        r = put_metrics(&c, &about, metrics_compare_text, "-");
    return r;
}

// One metrics file among two runs, or beside a truth.
static int check_kinds(const struct app_call *call, bool *ret_metrics)
{
    const bool a = metrics_is_file(call->arguments[0]);
    const bool b = metrics_is_file(call->arguments[1]);
    if (a != b)
        return err_set(ERR_INVALID, "%s is a metrics file, %s is not: two of a kind are compared",
                       call->arguments[a ? 0 : 1], call->arguments[a ? 1 : 0]);
    if (a && settings.paired.truth)
        return err_set(ERR_INVALID, "%s is a metrics file: with --truth, runs are detections",
                       call->arguments[0]);
    *ret_metrics = a;
    return 0;
}

// ---- without truth

typedef int disagreement_fn(const struct disagreement *, const struct comparison_about *,
                            struct str_buf *);

static int put_disagreement(const struct disagreement *d, const struct comparison_about *about,
                            disagreement_fn *write, const char *path)
{
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = write(d, about, &out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static int read_runs(const struct app_call *call, struct dataset **ret_a, struct dataset **ret_b)
{
    struct dataset_read_opts opts = {.role = DATASET_DETECTIONS,
                                     .format =
                                         (enum dataset_format)settings.paired.detections_format};
    int r = app_dataset_read(call->arguments[0], &opts, ret_a);
    opts.truth = *ret_a;
    return r == 0 ? app_dataset_read(call->arguments[1], &opts, ret_b) : r;
}

static int gather_notices(const struct dataset *a, const struct dataset *b, struct arena *arena,
                          struct comparison_about *about)
{
    const char **notices = arena_array(arena, const char *, a->n_notices + b->n_notices + 1);
    if (!notices)
        return ERR_NOMEM;
    for (size_t i = 0; i < a->n_notices; i++)
        notices[about->n_notices++] = a->notices[i];
    for (size_t i = 0; i < b->n_notices; i++)
        notices[about->n_notices++] = b->notices[i];
    about->notices = notices;
    return 0;
}

static int disagree(const struct app_call *call, struct paired *p)
{
    const struct compare_settings *s = &settings;
    struct disagreement d;
    int r = check_outputs(call);
    if (r == 0)
        r = read_runs(call, &p->a, &p->b);
    if (r == 0)
        r = disagreement_find(p->a, p->b, call->arena, &d);
    struct comparison_about about = {
        .a = call->arguments[0], .b = call->arguments[1], .n_listed = (size_t)s->list};
    if (r == 0)
        r = gather_notices(p->a, p->b, call->arena, &about);
    if (r == 0 && s->json)
        r = put_disagreement(&d, &about, disagreement_json, s->json);
    if (r == 0 && s->markdown)
        r = put_disagreement(&d, &about, disagreement_markdown, s->markdown);
    if (r == 0 && s->report)
        r = put_disagreement(&d, &about, html_disagreement_write, s->report);
    if (r == 0 && !is_output(s->json) && !is_output(s->markdown))
        r = put_disagreement(&d, &about, disagreement_text, "-");
    return r;
}

// ---- timed events

typedef int events_fn(const struct events_comparison *, const struct events_compared_about *,
                      struct str_buf *);

static int put_events(const struct events_comparison *c, const struct events_compared_about *about,
                      events_fn *write, const char *path)
{
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = write(c, about, &out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static int compare_events(const struct app_call *call, struct paired_events *p)
{
    const struct compare_settings *s = &settings;
    if (s->report || s->source.path)
        return err_set(ERR_INVALID, "--events: %s is for boxes; --json and --markdown tell events",
                       s->report ? "--report" : "--source");
    int r = check_outputs(call);
    if (r == 0)
        r = paired_events_run(&s->paired, call->arguments[0], call->arguments[1], call->arena, p);
    if (r < 0)
        return r;
    const struct events_compared_about about = {.truth = s->paired.truth,
                                                .a = call->arguments[0],
                                                .b = call->arguments[1],
                                                .notices = p->notices,
                                                .n_notices = p->n_notices,
                                                .n_listed = (size_t)s->list};
    if (s->json)
        r = put_events(&p->c, &about, events_compared_json, s->json);
    if (r == 0 && s->markdown)
        r = put_events(&p->c, &about, events_compared_markdown, s->markdown);
    if (r == 0 && !is_output(s->json) && !is_output(s->markdown))
        r = put_events(&p->c, &about, events_compared_text, "-");
    return r;
}

static int run_events(const struct app_call *call)
{
    struct paired_events p = {0};
    int r = compare_events(call, &p);
    paired_events_finish(&p);
    return r < 0 ? app_fail(r) : 0;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments != 2)
        return app_usage_error(&command_compare, "compare takes two runs, not %zu",
                               call->n_arguments);
    if (is_output(settings.json) && is_output(settings.markdown))
        return app_usage_error(&command_compare, "--json and --markdown both want the output");
    const char *unused = paired_events_unused(&paired_events_settings);
    if (unused)
        return app_usage_error(&command_compare, "%s is for timed events: --events is wanted",
                               unused);
    if (paired_events_settings.events)
        return run_events(call);
    struct paired p = {0};
    bool is_metrics = false;
    int r = settings.report ? app_html_check(settings.report) : 0;
    if (r == 0)
        r = check_kinds(call, &is_metrics);
    if (r == 0 && is_metrics)
        r = compare_metrics(call);
    else if (r == 0)
        r = settings.paired.truth ? compare(call, &p) : disagree(call, &p);
    paired_finish(&p);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_compare = {
    .name = "compare",
    .summary = "says what differs between two runs, and what of it is noise",
    .usage = "RUN_A RUN_B [--truth FILE] [options]",
    .details =
        "RUN_A and RUN_B are files of detections that are judged by the same truth. Each figure's\n"
        "difference (B - A) has an interval that holds the true one in about 95 of 100 cases: a\n"
        "paired bootstrap over blocks of time, as frames of one video are not independent. An\n"
        "interval without 0 in it is marked \"beyond noise\". docs/COMPARING.md tells how blocks\n"
        "are chosen.\n\n"
        "Below come the objects that changed sides: found by one run and missed by the other,\n"
        "and false detections that only one has, with their frames, most evidence first.\n\n"
        "Without --truth, the runs are detections of `detect` on the same source: shown are what\n"
        "both see, and where they disagree most: what one sees confidently over five frames and\n"
        "the other not at all, and other labels on the same box, most evidence first.\n\n"
        "With --events, runs and truth are lists of timed events (docs/TIME.md): differences of\n"
        "precision, recall, latency with their intervals, and the events that changed sides.\n\n"
        "Of two metrics files (--json of evaluate or validate) every figure's difference is\n"
        "shown; AP, AR, precision, recall and F1 have intervals where both files judged the same\n"
        "frames by the same truth.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
