// SPDX-License-Identifier: Apache-2.0
// compare_events.c - reads what two sessions are judged by, and writes what differs.

#include "task/compare_events.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "eval/evaluation.h"
#include "eval/events_comparison.h"
#include "report/events_compared.h"
#include "store/store_session.h"
#include "task/kind.h"
#include "task/outside_settings.h"
#include "task/session_events.h"
#include "task/session_files.h"

enum {
    MAX_NOTICES = 8,
};

struct comparing {
    struct task_run *run;
    const struct compare_side *sides[2]; // A, B
    struct outside_settings settings[2];
    struct event_list *truths;          // [video]
    struct session_events (*events)[2]; // [video]
    struct events_video *videos;
    const char **names; // of the videos: their ids
    struct events_comparison c;
    const char *notices[MAX_NOTICES];
    size_t n_notices;
};

static int read_settings(struct comparing *x)
{
    int r = 0;
    for (size_t k = 0; r == 0 && k < 2; k++) {
        const struct store_session *s = x->sides[k]->session;
        const bool is_external = s->source == STORE_SESSION_EXTERNAL;
        r = outside_settings_read(is_external ? s->settings_json : NULL, task_run_arena(x->run),
                                  &x->settings[k]);
    }
    return r;
}

static const struct session_file_video *find_video(const struct session_files *f, const char *id)
{
    for (size_t i = 0; i < f->n_videos; i++)
        if (strcmp(f->videos[i].id, id) == 0)
            return &f->videos[i];
    return NULL;
}

static int read_video(struct comparing *x, size_t i)
{
    const struct session_file_video *of_a = &x->sides[0]->files->videos[i];
    const struct session_file_video *of_b = find_video(x->sides[1]->files, of_a->id);
    if (!of_b)
        return err_set(ERR_CONFLICT, "B has no events of %s", of_a->name);
    int r = session_events_truth(x->run, of_a, &x->settings[0], &x->truths[i]);
    if (r == 0)
        r = session_events_read(x->run, x->sides[0]->session, of_a, &x->settings[0],
                                &x->events[i][0]);
    if (r == 0)
        r = session_events_read(x->run, x->sides[1]->session, of_b, &x->settings[0],
                                &x->events[i][1]);
    if (r == 0)
        r = task_run_check(x->run);
    x->names[i] = of_a->id;
    x->videos[i] = (struct events_video){
        .truth = &x->truths[i],
        .detections = {&x->events[i][0].detections, &x->events[i][1].detections},
        .arrival_us = {x->events[i][0].arrival_us, x->events[i][1].arrival_us},
        .duration_us = of_a->duration_us};
    return r;
}

static int read_videos(struct comparing *x)
{
    struct arena *a = task_run_arena(x->run);
    const size_t n = x->sides[0]->files->n_videos;
    x->events = (struct session_events(*)[2])arena_alloc(a, n, sizeof(*x->events));
    x->truths = arena_array(a, struct event_list, n);
    x->videos = arena_array(a, struct events_video, n);
    x->names = arena_array(a, const char *, n);
    if (!x->truths || !x->events || !x->videos || !x->names)
        return ERR_NOMEM;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = read_video(x, i);
    return r;
}

static int check(void *arg)
{
    return task_run_check((struct task_run *)arg);
}

static int compare(struct comparing *x)
{
    const struct events_comparison_opts opts = {
        .temporal = {.has_tolerance = true,
                     .tolerance_ms = x->settings[0].tolerance_ms,
                     .has_latency_threshold = true,
                     .latency_threshold_ms = x->settings[0].latency_threshold_ms,
                     .has_at_confidence = true,
                     .at_confidence = EVALUATION_AT_CONFIDENCE},
        .check = check,
        .arg = x->run};
    return events_compare(x->videos, x->sides[0]->files->n_videos, &opts, task_run_arena(x->run),
                          &x->c);
}

// ---- notices

static int note(struct comparing *x, const char *text)
{
    if (!text)
        return ERR_NOMEM;
    x->notices[x->n_notices++] = text;
    return 0;
}

static int note_setting(struct comparing *x, const char *name, double of_a, double of_b)
{
    if (of_a == of_b)
        return 0;
    return note(x, arena_printf(task_run_arena(x->run),
                                "B was judged with %s %g: here both are judged by A's %g", name,
                                of_b, of_a));
}

static int note_settings(struct comparing *x)
{
    const struct outside_settings *a = &x->settings[0];
    const struct outside_settings *b = &x->settings[1];
    const char *of_a = a->classes ? a->classes : "";
    const char *of_b = b->classes ? b->classes : "";
    int r = note_setting(x, "tolerance_ms", a->tolerance_ms, b->tolerance_ms);
    if (r == 0)
        r = note_setting(x, "latency_threshold_ms", a->latency_threshold_ms,
                         b->latency_threshold_ms);
    if (r == 0)
        r = note_setting(x, "event_gap_ms", a->event_gap_ms, b->event_gap_ms);
    if (r == 0 && strcmp(of_a, of_b) != 0)
        r = note(x, "B was judged on other classes: here both are judged on A's");
    return r;
}

static int add_notices(struct comparing *x)
{
    const char *text = NULL;
    int r = note_settings(x);
    if (r == 0)
        r = events_comparison_notice(&x->c, task_run_arena(x->run), &text);
    if (r == 0 && text)
        x->notices[x->n_notices++] = text;
    return r;
}

int compare_events(struct task_run *run, const struct compare_side *a, const struct compare_side *b,
                   struct str_buf *out)
{
    struct comparing *x = arena_new(task_run_arena(run), struct comparing);
    if (!x)
        return ERR_NOMEM;
    x->run = run;
    x->sides[0] = a;
    x->sides[1] = b;
    int r = read_settings(x);
    if (r == 0)
        r = read_videos(x);
    if (r == 0)
        r = compare(x);
    if (r == 0)
        r = add_notices(x);
    if (r < 0)
        return r;
    const struct events_compared_about about = {.a = a->session->id,
                                                .b = b->session->id,
                                                .videos = a->files->n_videos > 1 ? x->names : NULL,
                                                .notices = x->notices,
                                                .n_notices = x->n_notices};
    return events_compared_json(&x->c, &about, out);
}
