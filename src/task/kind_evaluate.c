// SPDX-License-Identifier: Apache-2.0
// kind_evaluate.c - "evaluate": a session's detections against its truths, as `evaluate` judges
// files: the metrics, the verdict, what became of every object, and the page.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "dataset/dataset.h"
#include "eval/conditions.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "eval/profile.h"
#include "eval/temporal.h"
#include "pipeline/classes.h"
#include "pipeline/detect_opts.h"
#include "report/html.h"
#include "report/metrics_json.h"
#include "report/verdict_report.h"
#include "store/store_blob.h"
#include "store/store_detection.h"
#include "store/store_session.h"
#include "task/judge_events.h"
#include "task/kinds.h"
#include "task/outside_settings.h"
#include "task/page.h"
#include "task/session_files.h"
#include "task/session_more.h"
#include "tracking/tracking.h"

enum {
    TIMEOUT_MS = 6 * 3600 * 1000,
};
#define MAX_METRICS ((size_t)STORE_JSON_MAX)

struct judging {
    struct task_run *run;
    struct store_session session;
    struct detect_opts settings;     // of our own
    struct outside_settings outside; // of an external one; else the defaults
    const char *wanted_classes;
    struct session_files files;
    struct dataset *truth, *detections;
    struct evaluation evaluation;
    struct tracking_result tracks;
    struct temporal_result times;
    struct verdict_profile profile;
    struct verdict verdict;
    struct conditions conditions;
    struct outcome outcome;
    struct events_judged events;
    struct report_about about;
    struct str_buf metrics, verdict_json, more;
    struct blob_info page;
    bool has_page;
    struct store_set_writer **writers; // [video of files]
    struct store_dropped dropped;
};

// --- figures

static int read_files(struct judging *j)
{
    int r = dataset_read(j->files.truth, DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &j->truth);
    if (r == 0)
        r = dataset_read(j->files.detections, DATASET_DETECTIONS, DATASET_FORMAT_UNSET, j->truth,
                         &j->detections);
    return r;
}

// Of a system under test whose detections bear ids.
static bool has_tracks(const struct dataset *d)
{
    bool has = false;
    for (size_t i = 0; !has && i < d->n_objects; i++)
        has = d->objects[i].track_id > 0;
    return has;
}

static int evaluate(struct judging *j)
{
    struct arena *a = task_run_arena(j->run);
    struct evaluation_opts opts = {.has_at_confidence = true,
                                   .at_confidence = EVALUATION_AT_CONFIDENCE};
    int r = 0;
    if (j->wanted_classes) {
        const char **classes;
        r = classes_split(j->wanted_classes, a, &classes, &opts.n_classes);
        opts.classes = classes;
    }
    conditions_find(j->truth, &j->conditions);
    opts.slice_by = j->conditions.names;
    opts.n_slice_by = j->conditions.n;
    opts.wants_confusion = true;
    j->about.only_conditions = true;
    if (r == 0)
        r = evaluation_run(j->truth, j->detections, &opts, &j->evaluation);
    if (r < 0)
        return r;
    if (j->settings.track || has_tracks(j->detections)) {
        const struct tracking_opts t = {.classes = opts.classes, .n_classes = opts.n_classes};
        r = tracking_evaluate(j->truth, j->detections, &t, a, &j->tracks);
        j->about.tracking = &j->tracks;
    }
    const struct temporal_opts t = {.has_tolerance = true,
                                    .tolerance_ms = j->outside.tolerance_ms,
                                    .has_latency_threshold = true,
                                    .latency_threshold_ms = j->outside.latency_threshold_ms,
                                    .has_at_confidence = true,
                                    .at_confidence = EVALUATION_AT_CONFIDENCE,
                                    .classes = opts.classes,
                                    .n_classes = opts.n_classes};
    if (r == 0)
        r = temporal_evaluate(j->truth, j->detections, &t, a, &j->times);
    j->about.temporal = &j->times;
    return r == 0 ? outcome_run(j->truth, j->detections, &j->evaluation, a, &j->outcome) : r;
}

static int read_profile(struct judging *j, bool *ret_has)
{
    const char *text = j->session.profile_json;
    *ret_has = text && *text && strcmp(text, "null") != 0;
    return *ret_has ? verdict_profile_read_json(str_of(text), task_run_arena(j->run), &j->profile)
                    : 0;
}

static int put_verdict(struct judging *j)
{
    struct json_writer w;
    j->verdict_json = STR_BUF_INIT(MAX_METRICS);
    json_writer_init(&w, &j->verdict_json);
    json_object(&w);
    verdict_json_put(&w, j->about.verdict);
    json_end(&w);
    return str_buf_check(&j->verdict_json);
}

static int judge(struct judging *j)
{
    bool has_profile;
    int r = read_profile(j, &has_profile);
    if (r < 0 || !has_profile)
        return r;
    r = profile_judge(&j->profile, j->truth, j->detections, &j->evaluation, &j->times,
                      task_run_arena(j->run), &j->verdict);
    j->about.verdict = &j->verdict;
    return r;
}

static int write_metrics(struct judging *j)
{
    j->metrics = STR_BUF_INIT(MAX_METRICS);
    int r = metrics_json_write(&j->evaluation, &j->about, &j->metrics);
    return r == 0 && j->about.verdict ? put_verdict(j) : r;
}

// --- what became of every object, into one set a video

static void fill_box(const struct dataset_object *o, float *x, float *y, float *w, float *h)
{
    *x = (float)o->x;
    *y = (float)o->y;
    *w = (float)o->w;
    *h = (float)o->h;
}

static double overlap(const struct columns_detection *d)
{
    double w = fmin(d->x + d->w, d->truth_x + d->truth_w) - fmax(d->x, d->truth_x);
    double h = fmin(d->y + d->h, d->truth_y + d->truth_h) - fmax(d->y, d->truth_y);
    double both = w > 0 && h > 0 ? w * h : 0;
    double all = (double)d->w * d->h + (double)d->truth_w * d->truth_h - both;
    return all > 0 ? both / all : 0;
}

static struct store_object object_of(const struct judging *j, const struct outcome_object *o)
{
    struct store_object s = {.class_id = o->class_index,
                             .label = j->truth->classes[o->class_index].name};
    struct columns_detection *v = &s.values;
    if (o->detection != OUTCOME_NONE) {
        const struct dataset_object *d = &j->detections->objects[o->detection];
        fill_box(d, &v->x, &v->y, &v->w, &v->h);
        v->confidence = (float)d->confidence;
        v->track_id = d->track_id > 0 ? (int32_t)d->track_id : 0;
    }
    if (o->truth != OUTCOME_NONE) {
        const struct dataset_object *t = &j->truth->objects[o->truth];
        fill_box(t, &v->truth_x, &v->truth_y, &v->truth_w, &v->truth_h);
        if (o->detection == OUTCOME_NONE)
            v->track_id = t->track_id > 0 ? (int32_t)t->track_id : 0;
    }
    v->outcome = o->kind == OUTCOME_FOUND    ? COLUMNS_TP
                 : o->kind == OUTCOME_MISSED ? COLUMNS_FN
                                             : COLUMNS_FP;
    v->iou = o->kind == OUTCOME_FOUND ? (float)overlap(v) : 0;
    return s;
}

static int add_picture(struct judging *j, const struct outcome_picture *p,
                       struct store_set_writer *w)
{
    struct arena *a = task_run_arena(j->run);
    size_t mark = arena_mark(a);
    struct store_object *objects = arena_array(a, struct store_object, p->n + 1);
    if (!objects)
        return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct outcome_object *o = &j->outcome.objects[p->first + i];
        if (o->kind != OUTCOME_IGNORED)
            objects[n++] = object_of(j, o);
    }
    int64_t pts_us = j->detections->pts_us ? j->detections->pts_us[p->picture] : p->pts_us;
    int r = store_set_add(w, p->frame, pts_us == INT64_MIN ? 0 : pts_us, INT64_MIN, objects, n);
    arena_rewind(a, mark);
    return r;
}

// The files' video that a video of the dataset is: datasets of one video do not name it.
static size_t video_of(const struct judging *j, int32_t video)
{
    if (j->files.n_videos == 1 || j->truth->n_videos == 0)
        return 0;
    for (size_t i = 0; i < j->files.n_videos; i++)
        if (strcmp(j->files.videos[i].id, j->truth->videos[video]) == 0)
            return i;
    return 0;
}

static int write_outcomes(struct judging *j)
{
    const struct task_tools *t = task_run_tools(j->run);
    j->writers =
        arena_array(task_run_arena(j->run), struct store_set_writer *, j->files.n_videos + 1);
    int r = j->writers ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < j->files.n_videos; i++) {
        const struct store_set_opts opts = {.kind = STORE_SET_OUTCOMES,
                                            .video_id = j->files.videos[i].id,
                                            .session_id = j->session.id,
                                            .lease = task_run_lease(j->run),
                                            .header_json = "{}",
                                            .flags = COLUMNS_TRACKS | COLUMNS_OUTCOMES};
        r = store_set_begin(t->store, &opts, &j->writers[i]);
    }
    for (size_t i = 0; r == 0 && i < j->outcome.n_pictures; i++) {
        const struct outcome_picture *p = &j->outcome.pictures[i];
        r = add_picture(j, p, j->writers[video_of(j, p->video)]);
    }
    return r;
}

// --- the end

static const enum store_verdict verdicts[] = {
    [VERDICT_OUTCOME_UNSET] = STORE_VERDICT_UNSET,
    [VERDICT_PASS] = STORE_VERDICT_PASSED,
    [VERDICT_CONDITIONAL_PASS] = STORE_VERDICT_CONDITIONAL_PASS,
    [VERDICT_FAIL] = STORE_VERDICT_FAILED,
    [VERDICT_NO_DATA] = STORE_VERDICT_NO_DATA,
};

static double or_nan(double v, bool has)
{
    return has ? v : NAN;
}

// Of a session from outside they are the only set that a video has.
static int finish_outcomes(struct judging *j, size_t i)
{
    char set_id[ID_BYTES];
    int r = store_set_finish(&j->writers[i], "{}", set_id);
    if (r < 0 || j->session.source != STORE_SESSION_EXTERNAL)
        return r;
    const struct store_session_video v = {
        .session_id = j->session.id, .video_id = j->files.videos[i].id, .set_id = set_id};
    return store_session_set_video(task_run_tools(j->run)->store, task_run_lease(j->run), &v);
}

static int write_end(void *arg)
{
    struct judging *j = (struct judging *)arg;
    struct store *s = task_run_tools(j->run)->store;
    const struct evaluation *e = &j->evaluation;
    bool has = j->files.n_videos > 0;
    const struct events_figures *by_time = j->files.n_events > 0 ? &j->events.result.overall : NULL;
    const struct store_result result = {
        .verdict = j->about.verdict ? verdicts[j->verdict.outcome] : STORE_VERDICT_UNSET,
        .ap = or_nan(e->coco.ap, has && !by_time),
        .ap50 = or_nan(e->coco.ap50, has && !by_time),
        .precision = or_nan(by_time ? by_time->precision : e->at.precision, has),
        .recall = or_nan(by_time ? by_time->recall : e->at.recall, has),
        .f1 = or_nan(by_time ? by_time->f1 : e->at.f1, has),
        .metrics_json = str_buf_text(&j->metrics),
        .verdict_json = j->about.verdict ? str_buf_text(&j->verdict_json) : NULL,
        .more_json = j->more.n > 0 ? str_buf_text(&j->more) : NULL,
    };
    int r = 0;
    for (size_t i = 0; r == 0 && j->writers && i < j->files.n_videos; i++)
        r = finish_outcomes(j, i);
    const struct store_blob page = {
        .key = j->page.key, .sha256 = j->page.sha256, .n_bytes = j->page.n_bytes};
    if (r == 0)
        r = store_session_set_result(s, task_run_lease(j->run), j->session.id, &result,
                                     j->has_page ? &page : NULL, &j->dropped);
    if (r == 0)
        r = store_session_set_status(s, task_run_lease(j->run), j->session.id,
                                     STORE_SESSION_SUCCEEDED, NULL);
    return r;
}

// The task's result: how many of the session's videos are judged, and why not the others.
static int tell_videos(struct judging *j)
{
    const char *json =
        arena_printf(task_run_arena(j->run),
                     "{\"videos_judged\":%zu,\"without_truth\":%zu,\"without_detections\":%zu}",
                     j->files.n_videos, j->files.n_without_truth, j->files.n_without_detections);
    return json ? task_run_set_result(j->run, json) : ERR_NOMEM;
}

static int read_settings(struct judging *j)
{
    struct arena *a = task_run_arena(j->run);
    bool is_external = j->session.source == STORE_SESSION_EXTERNAL;
    const char *json = j->session.settings_json;
    int r = is_external ? 0 : detect_opts_read_json(json, a, &j->settings);
    if (r == 0)
        r = outside_settings_read(is_external ? json : NULL, a, &j->outside);
    j->wanted_classes = is_external ? j->outside.classes : j->settings.classes;
    return r;
}

static int begin(struct judging *j)
{
    const struct task_tools *t = task_run_tools(j->run);
    const struct store_task *row = task_run_row(j->run);
    if (!row->session_id)
        return err_set(ERR_INVALID, "the task names no session");
    int r = store_session_get(t->store, row->session_id, task_run_arena(j->run), &j->session);
    if (r == 0)
        r = store_session_set_status(t->store, task_run_lease(j->run), j->session.id,
                                     STORE_SESSION_RUNNING, NULL);
    if (r == ERR_CONFLICT) // an earlier try began it
        r = task_run_check(j->run);
    if (r == 0)
        r = read_settings(j);
    if (r == 0)
        r = session_files_make(j->run, &j->session, NULL, 0, &j->files);
    if (r == 0)
        r = tell_videos(j);
    if (r == 0 && j->files.n_videos == 0 && j->files.n_without_detections > 0)
        return j->session.source == STORE_SESSION_EXTERNAL
                   ? err_set(ERR_DATA, "nothing was posted for any of the session's videos that "
                                       "have a truth")
                   : err_set(ERR_DATA, "none of the session's videos was processed: see its tasks");
    return r;
}

static int end_without_truth(struct judging *j)
{
    j->metrics = STR_BUF_INIT(MAX_METRICS);
    str_buf_puts(&j->metrics, "{\"coco\":null,\"notices\":[\"no ground truth: none of the "
                              "session's videos has both truth and detections\"]}");
    return task_run_commit(j->run, write_end, j);
}

static int write_more(struct judging *j)
{
    const bool by_time = j->files.n_events > 0;
    const struct session_more more = {.run = j->run,
                                      .session = &j->session,
                                      .files = &j->files,
                                      .truth = j->truth,
                                      .detections = j->detections,
                                      .evaluation = by_time ? NULL : &j->evaluation,
                                      .outcome = by_time ? NULL : &j->outcome};
    j->more = STR_BUF_INIT(MAX_METRICS);
    return session_more_write(&more, &j->more);
}

// ---- by time alone

static int write_events_page(struct judging *j)
{
    struct str_buf out = STR_BUF_INIT(MAX_METRICS);
    int r = html_events_write(&j->events.result, j->files.videos[0].name,
                              j->session.model_name ? j->session.model_name : "events", &out);
    if (r == 0)
        r = blob_put(task_run_tools(j->run)->blob, out.p, out.n, &j->page);
    j->has_page = r == 0;
    str_buf_finish(&out);
    return r;
}

static int run_events(struct judging *j)
{
    bool has_profile;
    int r = read_profile(j, &has_profile);
    if (r == 0)
        r = judge_events(j->run, &j->session, &j->files, &j->outside,
                         has_profile ? &j->profile : NULL, &j->events);
    if (r < 0)
        return r;
    if (has_profile) {
        j->verdict = j->events.verdict;
        j->about.verdict = &j->verdict;
        r = put_verdict(j);
    }
    j->metrics = STR_BUF_INIT(MAX_METRICS);
    if (r == 0)
        r = judge_events_json(&j->events, &j->metrics);
    if (r == 0)
        r = write_more(j);
    if (r == 0)
        r = write_events_page(j);
    return r == 0 ? task_run_commit(j->run, write_end, j) : r;
}

// ---- by boxes

static int write_page(struct judging *j)
{
    const struct task_page page = {.run = j->run,
                                   .files = &j->files,
                                   .truth = j->truth,
                                   .detections = j->detections,
                                   .evaluation = &j->evaluation,
                                   .outcome = &j->outcome,
                                   .about = &j->about,
                                   .conditions = &j->conditions};
    int r = task_page_write(&page, &j->page);
    j->has_page = r == 0;
    return r;
}

static int run_all(struct judging *j)
{
    int r = begin(j);
    if (r < 0)
        return r;
    if (j->files.n_videos == 0)
        return end_without_truth(j);
    if (j->files.n_events > 0)
        return run_events(j);
    j->about.model = j->session.model_name;
    j->about.model_sha256 = j->session.model_sha256;
    r = read_files(j);
    if (r == 0)
        r = evaluate(j);
    if (r == 0)
        r = judge(j);
    if (r == 0)
        r = write_metrics(j);
    if (r == 0)
        r = task_run_check(j->run);
    if (r == 0)
        r = write_outcomes(j);
    if (r == 0)
        r = write_page(j);
    if (r == 0)
        r = write_more(j); // may narrow what was judged: the last
    return r == 0 ? task_run_commit(j->run, write_end, j) : r;
}

// A session whose evaluation failed for good says so; a try that comes again will.
static void tell_session(struct judging *j, int error)
{
    const struct store_task *row = task_run_row(j->run);
    if (!row->session_id || err_may_retry(error) || error == ERR_CANCELLED || error == ERR_CONFLICT)
        return;
    char message[ERR_MESSAGE_BYTES];
    err_copy_message(error, message, sizeof(message));
    IGNORE(store_session_set_status(task_run_tools(j->run)->store, task_run_lease(j->run),
                                    row->session_id, STORE_SESSION_FAILED, message));
    IGNORE(err_set((enum err)error, "%s", message));
}

static int run_evaluate(struct task_run *run)
{
    struct judging *j = arena_new(task_run_arena(run), struct judging);
    if (!j)
        return ERR_NOMEM;
    j->run = run;
    int r = run_all(j);
    if (r < 0)
        tell_session(j, r);
    for (size_t i = 0; j->writers && i < j->files.n_videos; i++)
        store_set_abort(&j->writers[i]);
    task_delete_blobs(run, &j->dropped);
    if (r < 0 && j->has_page)
        IGNORE(blob_delete(task_run_tools(run)->blob, j->page.key));
    str_buf_finish(&j->metrics);
    str_buf_finish(&j->verdict_json);
    str_buf_finish(&j->more);
    evaluation_finish(&j->evaluation);
    dataset_destroy(j->detections);
    dataset_destroy(j->truth);
    session_files_remove(&j->files);
    return r;
}

const struct task_kind task_kind_evaluate = {
    .name = "evaluate", .timeout_ms = TIMEOUT_MS, .run = run_evaluate};
