// SPDX-License-Identifier: Apache-2.0
// cmd_gate.c - `assay gate RUN`: an exit status for CI.
//
// With --truth, runs are detections and all figures have intervals. Without, runs are metrics
// files, whose blocks give intervals for some; the rest is compared as it is, which a notice says.

#include <math.h>
#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/paired.h"
#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/gate.h"
#include "report/gate_report.h"
#include "report/metrics_compare.h"
#include "report/metrics_read.h"

enum {
    MAX_OUTPUT = 64 * 1024 * 1024,
    EXIT_GATE_FAILED = 1,
};

static struct gate_settings {
    struct paired_opts paired;
    const char *baseline, *junit, *markdown;
    struct opt_list min, max, max_drop;
    bool strict;
} settings = {.paired = PAIRED_DEFAULTS};

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct gate_settings, "baseline", baseline, "FILE", "the run that --max-drop compares with: of the same kind as RUN", NULL),
    OPT_TEXT(struct gate_settings, "junit", junit, "FILE", "write the outcome as JUnit XML; - is standard output", NULL),
    OPT_TEXT(struct gate_settings, "markdown", markdown, "FILE", "write the outcome as Markdown; - is standard output", NULL),
    OPT_LIST(struct gate_settings, "max", max, "METRIC=LIMIT", "the figure must not be above the limit"),
    OPT_LIST(struct gate_settings, "max-drop", max_drop, "METRIC=LIMIT", "the figure may be this much lower than the baseline's; 1% is 0.01"),
    OPT_LIST(struct gate_settings, "min", min, "METRIC=LIMIT", "the figure must not be below the limit: map50=0.6, recall:person=80%"),
    OPT_BOOL(struct gate_settings, "strict", strict, "a drop fails even if it could be chance"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL},
                                      {paired_options, &settings.paired, "Judging (with --truth)"}};

struct gate {
    struct gate_list list;
    struct paired paired;             // with --truth
    struct metrics_comparison stored; // without
    const char *notices[4];
    struct gate_about about;
};

static int parse_limits(struct gate *g, struct arena *a)
{
    const struct {
        const struct opt_list *texts;
        enum gate_kind kind;
    } kinds[] = {
        {&settings.min, GATE_MIN}, {&settings.max, GATE_MAX}, {&settings.max_drop, GATE_MAX_DROP}};
    int r = 0;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        for (size_t i = 0; i < kinds[k].texts->n && r == 0; i++)
            r = gate_add(&g->list, kinds[k].kind, kinds[k].texts->items[i], a);
    }
    if (r < 0)
        return r;
    if (g->list.n == 0)
        return err_set(ERR_INVALID, "no limit is given: --min, --max or --max-drop is needed");
    if (settings.max_drop.n > 0 && !settings.baseline)
        return err_set(ERR_INVALID, "--max-drop needs --baseline FILE");
    return 0;
}

// ---- figures

static int unknown(const struct gate_check *c, const char *where)
{
    if (c->label)
        return err_set(ERR_INVALID, "'%s' has no figure '%s' of a class '%s'", where, c->metric,
                       c->label);
    return err_set(ERR_INVALID, "'%s' has no figure '%s'", where, c->metric);
}

static const struct comparison_figure *compared_figures(const struct comparison *c,
                                                        const char *label)
{
    if (!label)
        return c->overall;
    for (size_t k = 0; k < c->n_classes; k++) {
        if (strcmp(c->classes[k].label, label) == 0)
            return c->classes[k].figures;
    }
    return NULL;
}

static bool is_class(const struct dataset *truth, const char *label)
{
    bool found = !label;
    for (size_t k = 0; k < truth->n_classes && !found; k++)
        found = strcmp(truth->classes[k].name, label) == 0;
    return found;
}

static int find_compared(const struct gate *g, const struct gate_check *c, struct gate_figure *ret)
{
    const struct comparison_figure *figures = compared_figures(&g->paired.c, c->label);
    size_t i = 0;
    while (i < WEIGHED_N_FIGURES && strcmp(weighed_names[i], c->metric) != 0)
        i++;
    if (i == WEIGHED_N_FIGURES || !is_class(g->paired.truth, c->label))
        return unknown(c, settings.paired.truth);
    const struct bootstrap_interval none = {NAN, NAN};
    *ret = (struct gate_figure){NAN, NAN, none, none};
    if (!figures) // a class of the truth that has no objects in the judged pictures
        return 0;
    const bool has_baseline = settings.baseline;
    ret->value = figures[i].b;
    ret->baseline = has_baseline ? figures[i].a : NAN;
    *(has_baseline ? &ret->difference : &ret->value_interval) = figures[i].interval;
    return 0;
}

static int find_stored(const struct gate *g, const struct gate_check *c, const char *path,
                       struct gate_figure *ret)
{
    const struct bootstrap_interval none = {NAN, NAN};
    const char *name = strcmp(c->metric, "AR") == 0 ? "AR100" : c->metric;
    const struct metrics_difference *d = metrics_difference_find(&g->stored, name, c->label);
    if (!d || !d->in_b)
        return unknown(c, path);
    if (c->kind == GATE_MAX_DROP && !d->in_a)
        return unknown(c, settings.baseline);
    const bool has_baseline = settings.baseline;
    *ret = (struct gate_figure){d->b, has_baseline ? d->a : (double)NAN, none, none};
    *(has_baseline ? &ret->difference : &ret->value_interval) = d->interval;
    return 0;
}

// Says which drops are compared without an interval, and why.
static int note_plain_drops(struct gate *g, struct arena *a)
{
    bool has_plain = false;
    for (size_t i = 0; i < g->list.n; i++) {
        const struct gate_check *c = &g->list.checks[i];
        const struct metrics_difference *d =
            metrics_difference_find(&g->stored, c->metric, c->label);
        has_plain = has_plain || (c->kind == GATE_MAX_DROP && d && isnan(d->interval.low));
    }
    if (!has_plain || settings.strict)
        return 0;
    const char *why = g->stored.no_intervals;
    const char *text = arena_printf(
        a,
        "drops without an interval are compared as they are, noise or not%s%s; give detections "
        "and --truth for intervals",
        why ? ": " : "", why ? why : "");
    g->notices[g->about.n_notices++] = text;
    g->about.notices = g->notices;
    return text ? 0 : ERR_NOMEM;
}

static int load_stored(struct gate *g, const char *path, struct arena *a)
{
    struct metrics_table run, baseline;
    int r = metrics_read(path, a, &run);
    if (r == 0 && settings.baseline)
        r = metrics_read(settings.baseline, a, &baseline);
    if (r == 0)
        r = metrics_compare(settings.baseline ? &baseline : NULL, &run,
                            (uint64_t)settings.paired.seed, (size_t)settings.paired.resamples, a,
                            &g->stored);
    return r < 0 ? r : note_plain_drops(g, a);
}

static int load(struct gate *g, const struct app_call *call)
{
    const char *path = call->arguments[0];
    if (settings.paired.truth) {
        const char *first = settings.baseline ? settings.baseline : path;
        const char *second = settings.baseline ? path : NULL;
        int r = paired_run(&settings.paired, first, second, call->arena, &g->paired);
        g->about.notices = g->paired.notices;
        g->about.n_notices = g->paired.n_notices;
        return r;
    }
    return load_stored(g, path, call->arena);
}

// ---- output

typedef int write_fn(const struct gate_list *, const struct gate_about *, struct str_buf *);

static int put(const struct gate *g, write_fn *write, const char *path)
{
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = write(&g->list, &g->about, &out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static bool is_output(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static int judge(struct gate *g, const struct app_call *call)
{
    const char *const inputs[] = {call->arguments[0], settings.baseline, settings.paired.truth};
    const char *const outputs[] = {settings.junit, settings.markdown};
    int r = parse_limits(g, call->arena);
    if (r == 0)
        r = app_check_distinct(outputs, ARRAY_LEN(outputs));
    if (r == 0)
        r = app_check_out(settings.junit, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = app_check_out(settings.markdown, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = load(g, call);
    for (size_t i = 0; i < g->list.n && r == 0; i++) {
        struct gate_figure f;
        struct gate_check *c = &g->list.checks[i];
        r = settings.paired.truth ? find_compared(g, c, &f)
                                  : find_stored(g, c, call->arguments[0], &f);
        if (r == 0)
            gate_judge(c, &f, settings.strict);
    }
    g->about.run = call->arguments[0];
    g->about.baseline = settings.baseline;
    g->about.truth = settings.paired.truth;
    if (r == 0 && settings.junit)
        r = put(g, gate_junit, settings.junit);
    if (r == 0 && settings.markdown)
        r = put(g, gate_markdown, settings.markdown);
    if (r == 0 && !is_output(settings.junit) && !is_output(settings.markdown))
        r = put(g, gate_text, "-");
    return r;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments != 1)
        return app_usage_error(&command_gate, "gate takes one run, not %zu", call->n_arguments);
    struct gate g = {0};
    int r = judge(&g, call);
    const bool has_passed = r == 0 && gate_outcome_of(&g.list) == GATE_PASS;
    paired_finish(&g.paired);
    if (r < 0)
        return app_fail(r);
    return has_passed ? 0 : EXIT_GATE_FAILED;
}

const struct command command_gate = {
    .name = "gate",
    .summary = "passes or fails a run by limits, for CI",
    .usage = "RUN [--baseline RUN] [--truth FILE] --min METRIC=LIMIT ... [options]",
    .details =
        "RUN and --baseline are files of detections if --truth is given, else metrics files of\n"
        "evaluate or validate. METRIC is AP (map), AP50 (map50), AP75, AR, precision, recall or\n"
        "f1; of metrics files any figure in them. METRIC:CLASS is that of one class. LIMIT is a\n"
        "number or points in percent: --max-drop recall=1% lets .90 become .89.\n\n"
        "A drop fails only if it is larger than allowed and its 95 % interval leaves out 0; with\n"
        "--strict whenever it is larger. A figure without data does not pass.\n\n"
        "Exit status 0: passed; 1: failed; 2: the command line or an input is wrong.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
