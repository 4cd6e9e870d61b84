// SPDX-License-Identifier: Apache-2.0
// time_options.c - options of temporal metrics and of the search for truth mistakes.

#include "app/time_options.h"

#include <string.h>

#include "app/app.h"
#include "app/event_files.h"
#include "app/formats.h"
#include "app/judging.h"
#include "app/report_html.h"
#include "base/err.h"
#include "base/json.h"
#include "dataset/dataset.h"
#include "dataset/event_list.h"
#include "eval/evaluation.h"
#include "eval/events.h"
#include "report/html.h"
#include "report/metrics_json.h"
#include "report/text.h"
#include "report/time_json.h"

enum {
    MAX_MISTAKES = 1000 * 1000,
    MAX_OUTPUT = 64 * 1024 * 1024,
};

struct time_settings {
    bool temporal, events;
    double event_gap_ms;
    double tolerance_ms, latency_threshold_ms, frame_rate, min_height, min_visibility;
    int64_t mistakes;
    struct opt_list against;
};

struct time_settings time_option_settings = {.event_gap_ms = EVENT_FILES_GAP_MS,
                                             .tolerance_ms = TEMPORAL_TOLERANCE_MS,
                                             .latency_threshold_ms = TEMPORAL_LATENCY_THRESHOLD_MS};

// clang-format off
#define O struct time_settings
const struct opt time_option_rows[] = {
    OPT_LIST(O, "against", against, "FILE", "with --truth-mistakes: detections of a further model on the same pictures; may be given again"),
    OPT_DOUBLE(O, "event-gap-ms", event_gap_ms, 0, 86400000, "MS", "with --events: without track ids, a label that was not seen for this long appears anew", "1000"),
    OPT_BOOL(O, "events", events, "evaluate: --truth and --detections are lists of timed events (CSV or JSON), matched by time alone; or boxes with times, each appearance an event"),
    OPT_DOUBLE(O, "fps", frame_rate, 0, 1000000, "F", "with --temporal: time of a frame is frame / F, in videos without presentation times", "none: such videos have no data"),
    OPT_DOUBLE(O, "latency-threshold-ms", latency_threshold_ms, 0, 86400000, "MS", "with --temporal: a track that is detected by then is in time", "100"),
    OPT_DOUBLE(O, "min-height", min_height, 0, 1000000, "PIXELS", "with --temporal: truth less tall is not visible yet", "0"),
    OPT_DOUBLE(O, "min-visibility", min_visibility, 0, 1, "F", "with --temporal: truth less visible is not visible yet, where the truth says it", "0"),
    OPT_BOOL(O, "temporal", temporal, "judge time too: time to the first detection of a track, recall within a tolerance, misses in a row"),
    OPT_DOUBLE(O, "tolerance-ms", tolerance_ms, 0, 60000, "MS", "with --temporal: how far in time a detection may be from its truth", "100"),
    OPT_INT(O, "truth-mistakes", mistakes, 0, MAX_MISTAKES, "N", "list the N likeliest mistakes of the truth", "0"),
    OPT_END,
};
#undef O
// clang-format on

static int judge_time(const struct dataset *truth, const struct dataset *detections,
                      const struct evaluation_opts *opts, struct arena *a,
                      struct temporal_result *ret_result)
{
    const struct temporal_opts t = {.has_tolerance = true,
                                    .tolerance_ms = time_option_settings.tolerance_ms,
                                    .has_latency_threshold = true,
                                    .latency_threshold_ms =
                                        time_option_settings.latency_threshold_ms,
                                    .has_at_confidence = opts->has_at_confidence,
                                    .at_confidence = opts->at_confidence,
                                    .frame_rate = time_option_settings.frame_rate,
                                    .min_height = time_option_settings.min_height,
                                    .min_visibility = time_option_settings.min_visibility,
                                    .classes = opts->classes,
                                    .n_classes = opts->n_classes};
    return temporal_evaluate(truth, detections, &t, a, ret_result);
}

static int search_truth(const struct dataset *truth, const struct dataset *detections,
                        struct arena *a, struct mistakes *ret_mistakes)
{
    const struct dataset *models[MISTAKES_MAX_MODELS] = {detections};
    struct dataset *others[MISTAKES_MAX_MODELS] = {NULL};
    if (time_option_settings.against.n >= MISTAKES_MAX_MODELS)
        return err_set(ERR_INVALID, "--against: at most %d further models",
                       MISTAKES_MAX_MODELS - 1);
    const struct dataset_read_opts read = {.role = DATASET_DETECTIONS, .truth = truth};
    const struct mistakes_opts o = {.n_most = (size_t)time_option_settings.mistakes};
    int r = 0;
    for (size_t i = 0; r == 0 && i < time_option_settings.against.n; i++) {
        r = app_dataset_read(time_option_settings.against.items[i], &read, &others[i]);
        models[i + 1] = others[i];
    }
    if (r == 0)
        r = mistakes_find(truth, models, time_option_settings.against.n + 1, &o, a, ret_mistakes);
    for (size_t i = 0; i < time_option_settings.against.n; i++)
        dataset_destroy(others[i]);
    return r;
}

int time_options_run(const struct dataset *truth, const struct dataset *detections,
                     const struct evaluation_opts *opts, struct arena *a,
                     struct time_results *ret_results, struct report_about *about)
{
    int r = 0;
    if (time_option_settings.temporal) {
        r = judge_time(truth, detections, opts, a, &ret_results->temporal);
        about->temporal = &ret_results->temporal;
    }
    if (r == 0 && time_option_settings.mistakes > 0) {
        r = search_truth(truth, detections, a, &ret_results->mistakes);
        about->mistakes = &ret_results->mistakes;
    }
    return r;
}

// --- events

bool time_options_wants_events(void)
{
    return time_option_settings.events;
}

static void put_json(const char *truth, const char *detections, const struct events_result *res,
                     struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    w.pretty = true;
    json_object(&w);
    json_put_text(&w, "assay", ASSAY_VERSION);
    json_put_text(&w, "truth", truth);
    json_put_text(&w, "detections", detections);
    time_json_put_events(&w, res);
    json_end(&w);
    str_buf_putc(out, '\n');
}

static int write_events(const char *truth, const char *detections, const struct judging_opts *o,
                        const struct events_result *res)
{
    const char *json = o->json;
    const bool json_is_output = json && strcmp(json, "-") == 0;
    struct str_buf out = STR_BUF_INIT(MAX_OUTPUT);
    int r = 0;
    if (json) {
        put_json(truth, detections, res, &out);
        r = str_buf_check(&out);
        if (r == 0)
            r = app_write(json, &out);
        str_buf_reset(&out);
    }
    if (r == 0 && o->report) {
        r = html_events_write(res, truth, detections, &out);
        if (r == 0)
            r = app_write(o->report, &out);
        str_buf_reset(&out);
    }
    if (r == 0 && !json_is_output) {
        r = text_write_events(res, &out);
        if (r == 0)
            r = app_write("-", &out);
    }
    str_buf_finish(&out);
    return r;
}

// What needs boxes, and where results go.
static int check_events(const struct judging_opts *o, const char *const *inputs, size_t n_inputs)
{
    if (o->profile || o->tracking || o->rules > 0)
        return err_set(ERR_INVALID, "--events: %s needs boxes, and events are times alone",
                       o->profile ? "--profile" : "--tracking");
    int r = o->report ? app_html_check(o->report) : 0;
    if (r == 0)
        r = app_check_out(o->report, inputs, n_inputs);
    if (r == 0)
        r = app_check_out(o->json, inputs, n_inputs);
    if (r == 0 && o->json && o->report && strcmp(o->json, o->report) == 0)
        r = err_set(ERR_INVALID, "%s: --json and --report name the same file", o->json);
    return r;
}

int time_options_events(const char *truth, const char *detections, double at_confidence,
                        const struct judging_opts *o, struct arena *a)
{
    const struct temporal_opts opts = {
        .has_tolerance = true,
        .tolerance_ms = time_option_settings.tolerance_ms,
        .has_latency_threshold = true,
        .latency_threshold_ms = time_option_settings.latency_threshold_ms,
        .has_at_confidence = true,
        .at_confidence = at_confidence,
    };
    struct event_list *truths = NULL;
    struct event_list *found = NULL;
    struct events_result res;
    const char *const inputs[] = {truth, detections};
    int r = check_events(o, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = app_events_read(truth, DATASET_TRUTH, at_confidence, time_option_settings.event_gap_ms,
                            &truths);
    if (r == 0)
        r = app_events_read(detections, DATASET_DETECTIONS, at_confidence,
                            time_option_settings.event_gap_ms, &found);
    if (r == 0)
        r = events_evaluate(truths, found, &opts, a, &res);
    if (r == 0)
        r = write_events(truth, detections, o, &res);
    event_list_destroy(truths);
    event_list_destroy(found);
    return r;
}
