// SPDX-License-Identifier: Apache-2.0
// judging.c - figures, verdict and files of one truth and one set of detections.

#include "app/judging.h"

#include <string.h>

#include "app/app.h"
#include "app/judge_options.h"
#include "app/report_html.h"
#include "app/time_options.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/conditions.h"
#include "eval/effects.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "eval/profile.h"
#include "report/csv.h"
#include "report/text.h"
#include "tracking/tracking.h"

#define MAX_OUTPUT (256 * MIB)

// ---- before the work

struct output {
    const char *option, *path;
};

enum {
    N_OUTPUTS = 6,
};

static void list_outputs(const struct judging_opts *o, struct output *ret_outputs)
{
    const struct output outputs[N_OUTPUTS] = {
        {"--out", o->detections}, // the command checks and writes it
        {"--json", o->json},
        {"--report", o->report},
        {"--csv-classes", judge_options_csv_classes()},
        {"--csv-objects", judge_options_csv_objects()},
        {"--save-thresholds", judge_options_thresholds()},
    };
    memcpy(ret_outputs, outputs, sizeof(outputs));
}

int judging_check(const struct judging_opts *o, const char *const *inputs, size_t n_inputs,
                  struct arena *a, struct evaluation_opts *ret_evaluation)
{
    struct output outputs[N_OUTPUTS];
    struct verdict_profile profile;
    int r = o->profile ? verdict_profile_get(o->profile, a, &profile) : 0;
    if (r == 0 && o->report)
        r = app_html_check(o->report);
    list_outputs(o, outputs);
    for (size_t i = 0; i < N_OUTPUTS && r == 0; i++) {
        for (size_t k = 0; k < i && outputs[i].path && r == 0; k++) {
            if (outputs[k].path && strcmp(outputs[i].path, outputs[k].path) == 0)
                r = err_set(ERR_INVALID, "%s and %s name the same file, %s", outputs[k].option,
                            outputs[i].option, outputs[i].path);
        }
        if (r == 0 && i > 0)
            r = app_check_out(outputs[i].path, inputs, n_inputs);
    }
    return r < 0 ? r : judge_options_parse(a, ret_evaluation);
}

bool judging_takes_stdout(const struct judging_opts *o)
{
    struct output outputs[N_OUTPUTS];
    list_outputs(o, outputs);
    for (size_t i = 0; i < N_OUTPUTS; i++) {
        if (outputs[i].path && strcmp(outputs[i].path, "-") == 0)
            return true;
    }
    return false;
}

// ---- figures

// Slices by what the truth knows of its pictures, unless others are asked for. *c* is where their
// names live.
static void add_conditions(struct judging *j, struct conditions *c)
{
    const bool is_wanted = j->opts->wants_conditions || j->opts->report;
    if (!is_wanted || j->evaluation->n_slice_by > 0)
        return;
    conditions_find(j->truth, c);
    j->evaluation->slice_by = c->names;
    j->evaluation->n_slice_by = c->n;
    j->about.only_conditions = true;
}

static int track(const struct judging *j, struct arena *a, struct tracking_result *ret_result)
{
    const struct evaluation_opts *e = j->evaluation;
    struct tracking_opts t = {.rules = (enum tracking_rules)(j->opts->rules + 1),
                              .has_min_confidence = e->has_min_confidence,
                              .min_confidence = e->min_confidence};
    // The rules of MOT know one class, whatever the file calls it.
    if (e->n_classes > 0 && t.rules != TRACKING_RULES_MOT15 && t.rules != TRACKING_RULES_MOT17) {
        t.classes = e->classes;
        t.n_classes = e->n_classes;
    }
    return tracking_evaluate(j->truth, j->detections, &t, a, ret_result);
}

// ---- files

static int write_text(const struct judging *j, const struct evaluation *e,
                      int (*write)(const struct evaluation *, const struct report_about *,
                                   struct str_buf *),
                      const char *path)
{
    if (!path)
        return 0;
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = write(e, &j->about, &out);
    if (r == 0)
        r = app_write(path, &out);
    str_buf_finish(&out);
    return r;
}

static int write_objects(const struct judging *j, const struct evaluation *e, struct arena *a)
{
    const char *path = judge_options_csv_objects();
    if (!path)
        return 0;
    struct outcome outcome;
    struct file_out *file;
    int r = outcome_run(j->truth, j->detections, e, a, &outcome);
    if (r == 0)
        r = file_out_open(path, &file);
    if (r < 0)
        return r;
    r = csv_objects_write(j->truth, j->detections, &outcome, file);
    if (r == 0)
        return file_out_commit(&file);
    file_out_abort(&file);
    return r;
}

static int write_page(const struct judging *j, const struct evaluation *e)
{
    if (!j->opts->report)
        return 0;
    const struct app_html page = {.path = j->opts->report,
                                  .truth = j->truth,
                                  .detections = j->detections,
                                  .evaluation = e,
                                  .about = &j->about,
                                  .source = j->source};
    return app_html_write(&page);
}

// What the metrics file keeps for intervals; nothing else asks for it.
static int find_effects(struct judging *j, const struct evaluation *e, struct arena *a,
                        struct effects *ret_effects)
{
    bool *selected = arena_array(a, bool, j->truth->n_classes);
    if (!selected)
        return ERR_NOMEM;
    for (size_t k = 0; k < e->n_classes; k++)
        selected[e->class_indices[k]] = true;
    const struct weighed_opts opts = {.selected = selected,
                                      .has_min_confidence = e->opts.has_min_confidence,
                                      .min_confidence = e->opts.min_confidence,
                                      .at_confidence = e->opts.at_confidence,
                                      .coco = e->opts.coco};
    j->about.effects = ret_effects;
    return effects_run(j->truth, j->detections, &opts, a, ret_effects);
}

static int write_all(const struct judging *j, const struct evaluation *e, struct arena *a)
{
    const bool is_silent = judging_takes_stdout(j->opts);
    int r = write_text(j, e, metrics_json_write, j->opts->json);
    if (r == 0)
        r = write_text(j, e, text_write, is_silent || j->judged ? NULL : "-");
    for (size_t i = 0; i < e->n_notices && is_silent && !j->judged; i++)
        log_warning(NULL, "%s", e->notices[i]);
    if (r == 0)
        r = write_text(j, e, csv_classes_write, judge_options_csv_classes());
    if (r == 0)
        r = write_objects(j, e, a);
    if (r == 0)
        r = judge_options_save(e);
    if (r == 0 && j->judged)
        r = j->judged(j->arg, j, e);
    return r < 0 ? r : write_page(j, e);
}

int judging_run(struct judging *j, struct arena *a, int *ret_status)
{
    struct verdict_profile profile;
    struct verdict verdict;
    struct tracking_result tracks;
    struct time_results times;
    struct evaluation e = {0};
    struct conditions conditions = {0};
    add_conditions(j, &conditions);
    int r = judge_options_apply(j->truth, j->detections);
    if (r == 0)
        r = evaluation_run(j->truth, j->detections, j->evaluation, &e);
    if (r == 0 && (j->opts->tracking || j->opts->rules > 0)) {
        r = track(j, a, &tracks);
        j->about.tracking = &tracks;
    }
    if (r == 0)
        r = time_options_run(j->truth, j->detections, j->evaluation, a, &times, &j->about);
    if (r == 0 && j->opts->profile)
        r = verdict_profile_get(j->opts->profile, a, &profile);
    if (r == 0 && j->opts->profile) {
        r = profile_judge(&profile, j->truth, j->detections, &e, j->about.temporal, a, &verdict);
        j->about.verdict = &verdict;
    }
    struct effects effects;
    if (r == 0 && j->opts->json)
        r = find_effects(j, &e, a, &effects);
    if (r == 0)
        r = write_all(j, &e, a);
    if (r == 0 && j->opts->profile && *ret_status == 0)
        *ret_status = profile_exit_status(&verdict);
    evaluation_finish(&e);
    return r;
}
