// SPDX-License-Identifier: Apache-2.0
// judge_events.c - lists of events of truth and of a system under test, matched by time.

#include "task/judge_events.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/event_list.h"
#include "eval/evaluation.h"
#include "report/time_json.h"
#include "report/verdict_report.h"
#include "store/store_session.h"
#include "task/kind.h"
#include "task/outside_settings.h"
#include "task/session_events.h"
#include "task/session_files.h"

// Between the events of two videos.
#define APART_US (INT64_C(1) << 41)

struct sides {
    struct task_run *run;
    const struct store_session *session;
    const struct outside_settings *settings;
    struct event_list truths, detections; // items: heap until the end
    size_t cap_truths, cap_detections;
};

static int append(const struct event_list *from, int64_t shift_us, struct event_list *to,
                  size_t *cap)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < from->n; i++) {
        if (to->n >= EVENTS_MAX)
            return err_set(ERR_TOO_BIG, "more than %d events in the session", EVENTS_MAX);
        r = MEM_GROW(to->items, *cap, to->n);
        if (r < 0)
            return r;
        to->items[to->n] = from->items[i];
        to->items[to->n++].time_us += shift_us;
    }
    return r;
}

static int add_video(struct sides *s, const struct session_file_video *v, int64_t shift_us)
{
    struct event_list truth;
    struct session_events e;
    int r = session_events_truth(s->run, v, s->settings, &truth);
    if (r == 0)
        r = session_events_read(s->run, s->session, v, s->settings, &e);
    if (r == 0)
        r = append(&truth, shift_us, &s->truths, &s->cap_truths);
    return r == 0 ? append(&e.detections, shift_us, &s->detections, &s->cap_detections) : r;
}

// ---- the verdict

static void figure(void *arg, const char *metric, struct verdict_finding *f)
{
    const struct events_figures *e = &((const struct events_result *)arg)->overall;
    const struct {
        const char *metric;
        double value;
    } rows[] = {
        {"precision", e->precision},
        {"recall", e->recall},
        {"f1", e->f1},
        {"time_recall", e->recall},
        {"false_positive_rate", 1 - e->precision},
        {"latency_ms", e->difference.mean},
        {"latency_p95_ms", e->difference.p95},
        {"detections", (double)e->n_detections},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].metric, metric) == 0)
            f->value = rows[i].value;
}

int judge_events(struct task_run *run, const struct store_session *session,
                 const struct session_files *files, const struct outside_settings *settings,
                 const struct verdict_profile *profile, struct events_judged *ret)
{
    struct sides s = {.run = run, .session = session, .settings = settings};
    struct arena *a = task_run_arena(run);
    const struct temporal_opts opts = {.has_tolerance = true,
                                       .tolerance_ms = settings->tolerance_ms,
                                       .has_latency_threshold = true,
                                       .latency_threshold_ms = settings->latency_threshold_ms,
                                       .has_at_confidence = true,
                                       .at_confidence = EVALUATION_AT_CONFIDENCE};
    int r = session_events_check(files);
    for (size_t i = 0; r == 0 && i < files->n_videos; i++)
        r = add_video(&s, &files->videos[i], (int64_t)i * APART_US);
    if (r == 0)
        r = events_evaluate(&s.truths, &s.detections, &opts, a, &ret->result);
    if (r == 0 && profile)
        r = verdict_make(profile, figure, &ret->result, a, &ret->verdict);
    mem_free(s.truths.items); // labels are the arena's
    mem_free(s.detections.items);
    return r;
}

int judge_events_json(const struct events_judged *j, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "assay", ASSAY_VERSION);
    time_json_put_events(&w, &j->result);
    if (j->verdict.n > 0)
        verdict_json_put(&w, &j->verdict);
    json_end(&w);
    return str_buf_check(out);
}
