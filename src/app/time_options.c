// SPDX-License-Identifier: Apache-2.0
// time_options.c - options of temporal metrics and of the search for truth mistakes.

#include "app/time_options.h"

#include "app/formats.h"
#include "base/err.h"
#include "eval/dataset.h"
#include "eval/evaluation.h"
#include "report/metrics_json.h"

enum {
    MAX_MISTAKES = 1000 * 1000,
};

struct time_settings {
    bool temporal;
    double tolerance_ms, latency_threshold_ms, frame_rate, min_height, min_visibility;
    int64_t mistakes;
    struct opt_list against;
};

struct time_settings time_option_settings = {.tolerance_ms = TEMPORAL_TOLERANCE_MS,
                                             .latency_threshold_ms = TEMPORAL_LATENCY_THRESHOLD_MS};

// clang-format off
#define O struct time_settings
const struct opt time_option_rows[] = {
    OPT_LIST(O, "against", against, "FILE", "with --truth-mistakes: detections of a further model on the same pictures; may be given again"),
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
