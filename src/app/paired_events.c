// SPDX-License-Identifier: Apache-2.0
// paired_events.c - two lists of timed events and their truth, read and compared.

#include "app/paired_events.h"

#include "app/event_files.h"
#include "app/paired.h"
#include "base/err.h"
#include "dataset/event_list.h"

struct paired_events_opts paired_events_settings = {.tolerance_ms = TEMPORAL_TOLERANCE_MS,
                                                    .latency_threshold_ms =
                                                        TEMPORAL_LATENCY_THRESHOLD_MS,
                                                    .event_gap_ms = EVENT_FILES_GAP_MS};

// clang-format off
#define O struct paired_events_opts
const struct opt paired_events_options[] = {
    OPT_DOUBLE(O, "event-gap-ms", event_gap_ms, 0, 86400000, "MS", "boxes as events: without track ids, a label that was not seen for this long appears anew", "1000"),
    OPT_BOOL(O, "events", events, "--truth and the runs are lists of timed events (CSV or JSON), matched by time alone; or boxes with times, each appearance an event"),
    OPT_DOUBLE(O, "latency-threshold-ms", latency_threshold_ms, 0, 86400000, "MS", "what is reported by then is in time", "100"),
    OPT_DOUBLE(O, "tolerance-ms", tolerance_ms, 0, 60000, "MS", "how far in time a report may be from its truth", "100"),
    OPT_END,
};
#undef O
// clang-format on

const char *paired_events_unused(const struct paired_events_opts *o)
{
    if (o->events)
        return NULL;
    if (o->tolerance_ms != TEMPORAL_TOLERANCE_MS)
        return "--tolerance-ms";
    if (o->latency_threshold_ms != TEMPORAL_LATENCY_THRESHOLD_MS)
        return "--latency-threshold-ms";
    return o->event_gap_ms != EVENT_FILES_GAP_MS ? "--event-gap-ms" : NULL;
}

static int check(const struct paired_opts *o)
{
    const struct {
        const char *option;
        bool is_given;
    } boxes[] = {
        {"--block", o->block > 0},
        {"--confidence", o->confidence > PAIRED_ANY_CONFIDENCE},
        {"--detections-format", o->detections_format != 0},
        {"--truth-format", o->truth_format != 0},
    };
    if (o->classes)
        return err_set(ERR_INVALID, "--classes is not taken with --events");
    for (size_t i = 0; i < ARRAY_LEN(boxes); i++)
        if (boxes[i].is_given)
            return err_set(ERR_INVALID, "--events: %s is for boxes, and events are times alone",
                           boxes[i].option);
    return o->truth ? 0 : err_set(ERR_INVALID, "--events: --truth is wanted");
}

int paired_events_run(const struct paired_opts *o, const char *a, const char *b,
                      struct arena *arena, struct paired_events *ret_paired)
{
    const struct paired_events_opts *s = &paired_events_settings;
    struct paired_events *p = ret_paired;
    const struct events_comparison_opts opts = {
        .temporal = {.has_tolerance = true,
                     .tolerance_ms = s->tolerance_ms,
                     .has_latency_threshold = true,
                     .latency_threshold_ms = s->latency_threshold_ms,
                     .has_at_confidence = true,
                     .at_confidence = o->at_confidence},
        .seed = (uint64_t)o->seed,
        .resamples = (size_t)o->resamples};
    int r = check(o);
    if (r == 0)
        r = app_events_read(o->truth, DATASET_TRUTH, o->at_confidence, s->event_gap_ms, &p->truth);
    if (r == 0)
        r = app_events_read(a, DATASET_DETECTIONS, o->at_confidence, s->event_gap_ms, &p->a);
    if (r == 0)
        r = app_events_read(b, DATASET_DETECTIONS, o->at_confidence, s->event_gap_ms, &p->b);
    if (r < 0)
        return r;
    const struct events_video video = {.truth = p->truth, .detections = {p->a, p->b}};
    r = events_compare(&video, 1, &opts, arena, &p->c);
    if (r == 0)
        r = events_comparison_notice(&p->c, arena, &p->notices[0]);
    p->n_notices = r == 0 && p->notices[0];
    return r;
}

void paired_events_finish(struct paired_events *p)
{
    event_list_destroy(p->truth);
    event_list_destroy(p->a);
    event_list_destroy(p->b);
    *p = (struct paired_events){0};
}
