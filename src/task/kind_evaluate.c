// SPDX-License-Identifier: Apache-2.0
// kind_evaluate.c - "evaluate": a session's detections against its truths, as `evaluate` judges
// files: the metrics, the verdict, what became of every object, and the page. "report": the page
// alone, made anew.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tell_name.h"
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
#include "store/store_session.h"
#include "task/judge_events.h"
#include "task/kinds.h"
#include "task/outcome_sets.h"
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
    bool only_page;
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
    struct confusion_pairs pairs;
    struct outcome_sets sets;
    struct store_dropped dropped;
};

// --- figures

// What is wrong is told by the video, not by the server's path.
static int told(struct judging *j, int r)
{
    for (size_t i = 0; r < 0 && i < j->files.n_videos; i++) {
        const struct session_file_video *v = &j->files.videos[i];
        const char *truth = arena_printf(task_run_arena(j->run), "truth of %s", v->name);
        const char *found = arena_printf(task_run_arena(j->run), "detections of %s", v->name);
        if (truth && found) {
            IGNORE(tell_name(r, v->truth, truth));
            IGNORE(tell_name(r, v->detections, found));
        }
    }
    return r;
}

// Of one file that we wrote the format is known.
static enum dataset_format format_of(const struct session_files *f)
{
    const char *ending = f->n_videos == 1 ? strrchr(f->detections, '.') : NULL;
    if (!ending)
        return DATASET_FORMAT_UNSET;
    return strcmp(ending, ".jsonl") == 0  ? DATASET_JSONL
           : strcmp(ending, ".json") == 0 ? DATASET_COCO
                                          : DATASET_MOT;
}

static int read_files(struct judging *j)
{
    int r = dataset_read(j->files.truth, DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &j->truth);
    if (r == 0)
        r = dataset_read(j->files.detections, DATASET_DETECTIONS, format_of(&j->files), j->truth,
                         &j->detections);
    return told(j, r);
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
    opts.confusion.each = confusion_pairs_note;
    opts.confusion.arg = &j->pairs;
    j->about.only_conditions = true;
    if (r == 0)
        r = evaluation_run(j->truth, j->detections, &opts, &j->evaluation);
    j->evaluation.opts.confusion.each = NULL; // nobody asks again
    if (r < 0 || j->pairs.error < 0)
        return r < 0 ? r : j->pairs.error;
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
    int r = outcome_sets_finish(&j->sets);
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

// In place of the page that is there.
static int write_report(void *arg)
{
    struct judging *j = (struct judging *)arg;
    const struct store_blob page = {
        .key = j->page.key, .sha256 = j->page.sha256, .n_bytes = j->page.n_bytes};
    return store_session_set_report(task_run_tools(j->run)->store, task_run_lease(j->run),
                                    j->session.id, &page, &j->dropped);
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
    if (r == 0 && j->only_page && j->session.status != STORE_SESSION_SUCCEEDED)
        return err_set(ERR_CONFLICT, "session %s is not judged", j->session.id);
    if (r == 0 && !j->only_page)
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
    return r == 0 ? task_run_commit(j->run, j->only_page ? write_report : write_end, j) : r;
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

static int write_sets(struct judging *j)
{
    j->sets = (struct outcome_sets){.run = j->run,
                                    .session = &j->session,
                                    .files = &j->files,
                                    .truth = j->truth,
                                    .detections = j->detections,
                                    .outcome = &j->outcome,
                                    .pairs = &j->pairs};
    return outcome_sets_write(&j->sets);
}

static int run_all(struct judging *j)
{
    int r = begin(j);
    if (r < 0)
        return r;
    if (j->files.n_videos == 0)
        return j->only_page ? err_set(ERR_DATA, "there is nothing to report: no video was judged")
                            : end_without_truth(j);
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
    if (r == 0 && !j->only_page)
        r = write_sets(j);
    if (r == 0)
        r = write_page(j);
    if (r == 0 && !j->only_page)
        r = write_more(j); // may narrow what was judged: the last
    return r == 0 ? task_run_commit(j->run, j->only_page ? write_report : write_end, j) : r;
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

static int run_kind(struct task_run *run, bool only_page)
{
    struct judging *j = arena_new(task_run_arena(run), struct judging);
    if (!j)
        return ERR_NOMEM;
    j->run = run;
    j->only_page = only_page;
    int r = run_all(j);
    if (r < 0) // what asked for it here is a setting
        r = tell_name(r, "--classes", "settings.classes");
    if (r < 0 && !only_page)
        tell_session(j, r);
    outcome_sets_abort(&j->sets);
    mem_free(j->pairs.items);
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

static int run_evaluate(struct task_run *run)
{
    return run_kind(run, false);
}

static int run_report(struct task_run *run)
{
    return run_kind(run, true);
}

const struct task_kind task_kind_report = {
    .name = "report", .timeout_ms = TIMEOUT_MS, .run = run_report};
const struct task_kind task_kind_evaluate = {
    .name = "evaluate", .timeout_ms = TIMEOUT_MS, .run = run_evaluate};
