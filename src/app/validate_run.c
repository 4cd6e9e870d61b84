// SPDX-License-Identifier: Apache-2.0
// validate_run.c - a source through the model into the judge, and what is written of it.

#include "app/validate_run.h"

#include <string.h>

#include "app/app.h"
#include "app/detect_run.h"
#include "app/formats.h"
#include "app/judge_options.h"
#include "app/judging.h"
#include "app/sink.h"
#include "app/sink_path.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "infer/model.h"
#include "pipeline/classes.h"
#include "report/metrics_json.h"
#include "report/text.h"
#include "tracking/tracking.h"
#include "vision/frame.h"

// What one run carries from hand to hand.
struct validation {
    const struct validate_opts *opts;
    const struct app_call *call;
    const struct validate_listener *listener;
    struct dataset *truth;
    struct evaluation_opts evaluation;
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
    judge_options_put(NULL, w);
    json_key(w, "detect");
    json_object(w);
    detect_write_settings(arg, w);
    json_end(w);
}

static int tell(void *arg, const struct judging *j, const struct evaluation *e)
{
    const struct validation *v = (const struct validation *)arg;
    const struct validate_judged judged = {.truth = j->truth,
                                           .detections = j->detections,
                                           .evaluation = e,
                                           .about = &j->about,
                                           .run = &v->run};
    return v->listener->judged(v->listener->arg, &judged);
}

static int evaluate(struct validation *v, struct dataset_builder **pbuilder,
                    const struct report_about *about, int *ret_status)
{
    const struct validate_opts *o = v->opts;
    struct source_opts source = o->detect.source;
    struct judging j = {
        .opts = &o->judging,
        .truth = v->truth,
        .evaluation = &v->evaluation,
        .about = *about,
        .source = &source,
        .judged = v->listener ? tell : NULL,
        .arg = v,
    };
    source.path = about->source;
    int r = dataset_builder_finish(pbuilder, &j.detections);
    if (r < 0)
        return r;
    r = judging_run(&j, v->call->arena, ret_status);
    dataset_destroy(j.detections);
    return r;
}

// Before hours of inference, not after.
static int select_classes(struct validation *v)
{
    const char *list = v->opts->detect.classes;
    struct evaluation_opts *e = &v->evaluation;
    const char **names;
    int r = list ? classes_split(list, v->call->arena, &names, &e->n_classes) : 0;
    if (r < 0 || !list)
        return r;
    e->classes = names;
    for (size_t i = 0; i < e->n_classes; i++) {
        bool found = false;
        for (size_t k = 0; k < v->truth->n_classes; k++)
            found = found || strcmp(v->truth->classes[k].name, names[i]) == 0;
        if (!found)
            return err_set(ERR_INVALID, "%s: no class '%s', as --classes asks for", v->opts->truth,
                           names[i]);
    }
    return 0;
}

// What was asked for, and where results go; likewise.
static int check_opts(struct validation *v)
{
    const struct validate_opts *o = v->opts;
    const struct app_call *call = v->call;
    if (!o->truth)
        return err_set(ERR_INVALID, "--truth FILE is needed");
    if (o->detect.out && strcmp(o->detect.out, "-") == 0)
        return err_set(ERR_INVALID, "--out -: standard output is the report's");
    if (call->n_arguments != 1)
        return err_set(ERR_INVALID, "validate takes one SOURCE, not %zu", call->n_arguments);
    const char *const inputs[] = {call->arguments[0], o->truth, o->detect.model.path,
                                  o->detect.model.labels_path};
    struct judging_opts judging = o->judging;
    judging.detections = o->detect.out;
    int r = judging_check(&judging, inputs, ARRAY_LEN(inputs), call->arena, &v->evaluation);
    if (r == 0 && !file_is_directory(o->detect.out ? o->detect.out : "-"))
        r = app_check_out(o->detect.out, inputs, ARRAY_LEN(inputs));
    return r;
}

static int run_judged(struct validation *v, const struct detect_setup *setup, struct judge *judge,
                      int *ret_status)
{
    const struct validate_opts *o = v->opts;
    const struct app_call *call = v->call;
    struct sink *file = NULL;
    struct detect_run run = {.no_sha256 = !o->detect.out && !o->judging.report,
                             .is_quiet = call->is_quiet};
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
    struct detect_opts detect = o->detect;
    if (judge_options_joins()) // --classes names what is judged, which the model may not know
        detect.classes = NULL;
    int r = detect_setup_init(&detect, call->arena, &setup);
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
    struct validation v = {
        .opts = o,
        .call = call,
        .listener = listener,
        .evaluation = {.has_at_confidence = true, .at_confidence = o->at_confidence},
    };
    const struct dataset_read_opts opts = {.role = DATASET_TRUTH,
                                           .format = (enum dataset_format)o->truth_format};
    int r = check_opts(&v);
    if (r == 0)
        r = app_dataset_read(o->truth, &opts, &v.truth);
    if (r == 0)
        r = judge_options_prepare(v.truth);
    if (r == 0)
        r = select_classes(&v);
    if (r == 0)
        r = validate(&v, ret_status);
    dataset_destroy(v.truth);
    return r;
}
