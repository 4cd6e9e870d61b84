// SPDX-License-Identifier: Apache-2.0
// validate_run.c - a source through the model into the judge, and what is written of it.

#include "app/validate_run.h"

#include <string.h>

#include "app/app.h"
#include "app/classes.h"
#include "app/detect_run.h"
#include "app/formats.h"
#include "app/profile.h"
#include "app/report_html.h"
#include "app/sink.h"
#include "app/sink_path.h"
#include "app/time_options.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "dataset/dataset.h"
#include "eval/conditions.h"
#include "eval/evaluation.h"
#include "infer/model.h"
#include "report/metrics_json.h"
#include "report/text.h"
#include "tracking/tracking.h"
#include "vision/frame.h"

#define MAX_REPORT (256 * MIB)

// What one run carries from hand to hand.
struct validation {
    const struct validate_opts *opts;
    const struct app_call *call;
    const struct validate_listener *listener;
    const struct dataset *truth;
    struct pipeline_summary run;
};

// --- the judge's sink: every frame into the dataset, and on to a file where one is wanted

struct judge {
    struct dataset_builder *builder;
    const struct model_info *model;
    struct pipeline_sink file; // zeroed: none
    char source_sha256[65];    // "": not known
};

static int judge_begin(void *arg, const struct source_info *source)
{
    struct judge *j = (struct judge *)arg;
    return j->file.begin ? j->file.begin(j->file.arg, source) : 0;
}

static int judge_add(struct judge *j, const struct detection *d)
{
    const struct dataset_detection given = {
        .label = j->model->labels[d->class_id],
        .x = (double)d->box.x1,
        .y = (double)d->box.y1,
        .w = (double)(d->box.x2 - d->box.x1),
        .h = (double)(d->box.y2 - d->box.y1),
        .confidence = (double)d->confidence,
        .track_id = d->track_id,
    };
    return dataset_builder_add(j->builder, &given);
}

static int judge_frame(void *arg, const struct frame *f, const struct detection *d, size_t n)
{
    struct judge *j = (struct judge *)arg;
    int r = dataset_builder_frame(j->builder, f->ordinal, f->pts_us, f->file);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = judge_add(j, &d[i]);
    if (r == 0 && j->file.frame)
        r = j->file.frame(j->file.arg, f, d, n);
    return r;
}

static int judge_note(struct judge *j, bool wanted, const char *text)
{
    return wanted ? dataset_builder_notice(j->builder, text) : 0;
}

static int judge_end(void *arg, const struct pipeline_summary *sum)
{
    struct judge *j = (struct judge *)arg;
    const struct frame_counts *c = &sum->frames;
    memcpy(j->source_sha256, sum->source_sha256, sizeof(j->source_sha256));
    int r = judge_note(j, sum->interrupted,
                       "the run was interrupted: only the frames before that are judged");
    if (r == 0)
        r = judge_note(j, sum->cut_short, "the source is cut short: only what it holds is judged");
    if (r == 0)
        r = judge_note(j, c->failed + c->dropped > 0,
                       "frames failed or were dropped: they are not judged");
    int end = j->file.end ? j->file.end(j->file.arg, sum) : 0;
    return r < 0 ? r : end;
}

// --- the report

// In an object of their own: the report's settings have words in common with ours.
static void write_settings(void *arg, struct json_writer *w)
{
    json_key(w, "detect");
    json_object(w);
    detect_write_settings(arg, w);
    json_end(w);
}

static int tell(const struct validation *v, const struct dataset *detections,
                const struct evaluation *e, const struct report_about *about)
{
    const struct validate_judged judged = {.truth = v->truth,
                                           .detections = detections,
                                           .evaluation = e,
                                           .about = about,
                                           .run = &v->run};
    return v->listener->judged(v->listener->arg, &judged);
}

static int report_put(const struct validation *v, const struct evaluation *e,
                      const struct report_about *about)
{
    const struct validate_opts *o = v->opts;
    struct str_buf text = STR_BUF_INIT(MAX_REPORT);
    bool json_is_stdout = o->json && strcmp(o->json, "-") == 0;
    int r = 0;
    if (!json_is_stdout && !v->listener) {
        r = text_write(e, about, &text);
        if (r == 0)
            r = app_write("-", &text);
    }
    if (r == 0 && o->json) {
        str_buf_reset(&text);
        r = metrics_json_write(e, about, &text);
        if (r == 0)
            r = app_write(o->json, &text);
    }
    str_buf_finish(&text);
    return r;
}

static int track(const struct validate_opts *o, const struct dataset *truth,
                 const struct dataset *detections, const struct evaluation_opts *opts,
                 struct arena *a, struct tracking_result *ret_result)
{
    struct tracking_opts t = {.rules = (enum tracking_rules)(o->rules + 1)};
    // The rules of MOT know one class, whatever the file calls it.
    if (t.rules != TRACKING_RULES_MOT15 && t.rules != TRACKING_RULES_MOT17) {
        t.classes = opts->classes;
        t.n_classes = opts->n_classes;
    }
    return tracking_evaluate(truth, detections, &t, a, ret_result);
}

static int evaluate(const struct validation *v, struct dataset_builder **pbuilder,
                    struct report_about *about, int *ret_status)
{
    const struct validate_opts *o = v->opts;
    const struct dataset *truth = v->truth;
    struct arena *a = v->call->arena;
    struct verdict_profile profile;
    struct verdict verdict;
    struct tracking_result tracks;
    struct time_results times;
    struct dataset *detections;
    int r = dataset_builder_finish(pbuilder, &detections);
    if (r < 0)
        return r;
    struct evaluation_opts opts = {.has_at_confidence = true, .at_confidence = o->at_confidence};
    struct evaluation e = {0};
    if (o->detect.classes) {
        const char **classes;
        r = classes_split(o->detect.classes, a, &classes, &opts.n_classes);
        opts.classes = classes;
    }
    struct conditions conditions = {0};
    if (o->wants_conditions || o->report)
        conditions_find(truth, &conditions);
    about->only_conditions = true;
    opts.slice_by = conditions.names;
    opts.n_slice_by = conditions.n;
    if (r == 0)
        r = evaluation_run(truth, detections, &opts, &e);
    if (r == 0 && o->tracking) {
        r = track(o, truth, detections, &opts, a, &tracks);
        about->tracking = &tracks;
    }
    if (r == 0)
        r = time_options_run(truth, detections, &opts, a, &times, about);
    if (r == 0 && o->profile)
        r = verdict_profile_get(o->profile, a, &profile);
    if (r == 0 && o->profile) {
        r = profile_judge(&profile, truth, detections, &e, about->temporal, a, &verdict);
        about->verdict = &verdict;
    }
    if (r == 0)
        r = report_put(v, &e, about);
    if (r == 0 && v->listener)
        r = tell(v, detections, &e, about);
    if (r == 0 && o->report) {
        struct source_opts source = o->detect.source;
        source.path = about->source;
        const struct app_html page = {.path = o->report,
                                      .truth = truth,
                                      .detections = detections,
                                      .evaluation = &e,
                                      .about = about,
                                      .source = &source};
        r = app_html_write(&page);
    }
    if (r == 0 && o->profile && *ret_status == 0)
        *ret_status = profile_exit_status(&verdict);
    evaluation_finish(&e);
    dataset_destroy(detections);
    return r;
}

// Before hours of inference, not after.
static int check_classes(const char *list, const struct dataset *truth, const char *path,
                         struct arena *a)
{
    const char **names;
    size_t n;
    int r = list ? classes_split(list, a, &names, &n) : 0;
    if (r < 0 || !list)
        return r;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < truth->n_classes; k++)
            found = found || strcmp(truth->classes[k].name, names[i]) == 0;
        if (!found)
            return err_set(ERR_INVALID, "%s: no class '%s', as --classes asks for", path, names[i]);
    }
    return 0;
}

static int check_opts(const struct validate_opts *o, const struct app_call *call)
{
    if (o->profile) { // before hours of inference
        struct verdict_profile profile;
        int r = verdict_profile_get(o->profile, call->arena, &profile);
        if (r < 0)
            return r;
    }
    if (o->report) {
        int r = app_html_check(o->report);
        if (r < 0)
            return r;
    }
    if (!o->truth)
        return err_set(ERR_INVALID, "--truth FILE is needed");
    if (o->detect.out && strcmp(o->detect.out, "-") == 0)
        return err_set(ERR_INVALID, "--out -: standard output is the report's");
    if (call->n_arguments != 1)
        return err_set(ERR_INVALID, "validate takes one SOURCE, not %zu", call->n_arguments);
    return 0;
}

// Where results go, before hours of inference.
static int check_outputs(const struct validate_opts *o, const struct app_call *call)
{
    const char *const inputs[] = {call->arguments[0], o->truth, o->detect.model.path,
                                  o->detect.model.labels_path};
    if (o->json && o->detect.out && strcmp(o->json, o->detect.out) == 0)
        return err_set(ERR_INVALID, "%s: --json and --out name the same file", o->json);
    int r = app_check_out(o->json, inputs, ARRAY_LEN(inputs));
    if (r == 0 && !file_is_directory(o->detect.out ? o->detect.out : "-"))
        r = app_check_out(o->detect.out, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = app_check_out(o->report, inputs, ARRAY_LEN(inputs));
    return r;
}

static int run_judged(struct validation *v, const struct detect_setup *setup, struct judge *judge,
                      int *ret_status)
{
    const struct validate_opts *o = v->opts;
    const struct app_call *call = v->call;
    struct sink *file = NULL;
    struct detect_run run = {.no_sha256 = !o->detect.out && !o->report, .is_quiet = call->is_quiet};
    const struct sink_about about = {
        .model = judge->model, .settings = detect_write_settings, .arg = setup};
    int r = 0;
    if (o->detect.out) {
        struct sink_paths paths;
        r = sink_paths_make(o->detect.out, (enum sink_kind)o->detect.format, call->arguments,
                            call->n_arguments, call->arena, &paths);
        if (r < 0)
            return r;
        r = sink_create(paths.kind, paths.paths[0], &about, &file);
        if (r < 0)
            return r;
        run.keep_pictures = sink_impl_of(paths.kind)->wants_pictures;
        judge->file = sink_calls(file);
    }
    r = detect_run_init(&run, setup, call->arguments, call->n_arguments, call->arena);
    if (r == 0) {
        run.items[0].calls = (struct pipeline_sink){
            .arg = judge, .begin = judge_begin, .frame = judge_frame, .end = judge_end};
        r = detect_run_all(&run, ret_status);
        v->run = run.total;
    }
    sink_destroy(file);
    return r;
}

static int validate(struct validation *v, int *ret_status)
{
    const struct validate_opts *o = v->opts;
    const struct app_call *call = v->call;
    struct detect_setup setup;
    int r = detect_setup_init(&o->detect, call->arena, &setup);
    if (r < 0)
        return r;
    struct judge judge = {.model = detector_model(setup.detector)};
    r = dataset_builder_create(v->truth, &judge.builder);
    if (r == 0)
        r = run_judged(v, &setup, &judge, ret_status);
    bool is_judgeable = *ret_status == 0 || *ret_status == err_exit_status(ERR_CANCELLED);
    if (r == 0 && is_judgeable) {
        struct report_about about = {
            .truth = o->truth,
            .model = o->detect.model.path,
            .model_sha256 = judge.model->sha256,
            .source = call->arguments[0],
            .source_sha256 = judge.source_sha256[0] ? judge.source_sha256 : NULL,
            .settings = write_settings,
            .arg = &setup,
        };
        r = evaluate(v, &judge.builder, &about, ret_status);
    }
    dataset_builder_destroy(judge.builder);
    detect_setup_finish(&setup);
    return r;
}

int validate_run(const struct validate_opts *o, const struct app_call *call,
                 const struct validate_listener *listener, int *ret_status)
{
    int r = check_opts(o, call);
    if (r == 0)
        r = check_outputs(o, call);
    if (r < 0)
        return r;
    struct dataset *truth;
    const struct dataset_read_opts opts = {.role = DATASET_TRUTH,
                                           .format = (enum dataset_format)o->truth_format};
    r = app_dataset_read(o->truth, &opts, &truth);
    if (r < 0)
        return r;
    struct validation v = {.opts = o, .call = call, .listener = listener, .truth = truth};
    r = check_classes(o->detect.classes, truth, o->truth, call->arena);
    if (r == 0)
        r = validate(&v, ret_status);
    dataset_destroy(truth);
    return r;
}
