// SPDX-License-Identifier: Apache-2.0
// session_more.c - intervals, worst moments, arrivals, as one JSON object.

#include "task/session_more.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "eval/temporal.h"
#include "store/store_piece.h"
#include "store/store_session.h"
#include "task/kind.h"
#include "task/session_files.h"

// ---- intervals

static void put_figures(struct json_writer *w, const struct comparison_figure *figures)
{
    json_key(w, "figures");
    json_object(w);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        json_key(w, weighed_names[i]);
        json_object(w);
        json_put_double(w, "value", figures[i].difference);
        json_put_double(w, "low", figures[i].interval.low);
        json_put_double(w, "high", figures[i].interval.high);
        json_end(w);
    }
    json_end(w);
}

static void put_comparison(struct json_writer *w, const struct comparison *c)
{
    json_key(w, "intervals");
    json_object(w);
    json_put_int(w, "resamples", (int64_t)c->opts.resamples);
    json_put_int(w, "blocks", (int64_t)c->plan.n_blocks);
    json_put_int(w, "block_frames", (int64_t)c->plan.block);
    put_figures(w, c->overall);
    json_key(w, "classes");
    json_array(w);
    for (size_t k = 0; k < c->n_classes; k++) {
        json_object(w);
        json_put_text(w, "label", c->classes[k].label);
        put_figures(w, c->classes[k].figures);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

// As a verdict's: over the classes that were judged.
static int put_intervals(const struct session_more *m, struct json_writer *w)
{
    const struct evaluation *e = m->evaluation;
    struct arena *a = task_run_arena(m->run);
    bool *selected = arena_array(a, bool, m->truth->n_classes);
    struct comparison c;
    if (!selected)
        return ERR_NOMEM;
    for (size_t k = 0; k < m->truth->n_classes; k++)
        for (size_t i = 0; i < e->n_classes; i++)
            selected[k] = selected[k] || e->classes[i].label == m->truth->classes[k].name;
    const struct comparison_opts opts = {.selected = selected,
                                         .has_min_confidence = e->opts.has_min_confidence,
                                         .min_confidence = e->opts.min_confidence,
                                         .at_confidence = e->opts.at_confidence,
                                         .coco = e->opts.coco};
    int r = comparison_run(m->truth, m->detections, NULL, &opts, a, &c);
    if (r == 0)
        put_comparison(w, &c);
    return r;
}

// ---- worst moments

static const char *video_of(const struct session_more *m, int32_t video)
{
    if (m->files->n_videos == 1 || m->truth->n_videos == 0)
        return m->files->videos[0].id;
    return m->truth->videos[video];
}

static int put_moments(const struct session_more *m, struct json_writer *w)
{
    size_t *worst;
    size_t n;
    int r = outcome_worst(m->outcome, SESSION_MORE_MOMENTS, task_run_arena(m->run), &worst, &n);
    if (r < 0)
        return r;
    json_key(w, "worst_moments");
    json_array(w);
    for (size_t i = 0; i < n; i++) {
        const struct outcome_picture *p = &m->outcome->pictures[worst[i]];
        const int64_t *times = m->detections->pts_us;
        int64_t pts_us = p->pts_us == INT64_MIN && times ? times[p->picture] : p->pts_us;
        json_object(w);
        json_put_text(w, "video_id", video_of(m, p->video));
        json_put_int(w, "frame", p->frame);
        json_key(w, "pts_us");
        if (pts_us == INT64_MIN)
            json_null(w);
        else
            json_int(w, pts_us);
        json_put_int(w, "found", p->n_found);
        json_put_int(w, "missed", p->n_missed);
        json_put_int(w, "false_alarms", p->n_false_alarms);
        json_end(w);
    }
    json_end(w);
    return 0;
}

// ---- arrivals: from the moment when what a piece speaks of was shown to the moment it came

struct arrivals {
    int64_t played_at_us; // of the video being looked at
    double *ms;
    size_t n, cap;
};

static int add_arrival(struct arrivals *x, int64_t us)
{
    int r = MEM_GROW(x->ms, x->cap, x->n);
    if (r == 0)
        x->ms[x->n++] = (double)us / 1e3;
    return r;
}

static int piece_arrived(void *arg, const struct store_piece *p)
{
    struct arrivals *x = (struct arrivals *)arg;
    if (p->blob_key || p->last_us == INT64_MIN)
        return 0;
    return add_arrival(x, p->received_at_us - x->played_at_us - p->last_us);
}

static int event_arrived(void *arg, const struct store_event *e)
{
    return e->latency_us == INT64_MIN ? 0 : add_arrival((struct arrivals *)arg, e->latency_us);
}

static int events_arrived(const struct session_more *m, const char *video_id, struct arrivals *x)
{
    struct store_next next = {""};
    int r = 0;
    do {
        const struct store_page page = {.limit = STORE_PAGE_MAX, .cursor = next.cursor};
        struct store_next after = {""};
        r = store_session_events(task_run_tools(m->run)->store, m->session->id, video_id, &page,
                                 event_arrived, x, &after);
        next = after;
    } while (r == 0 && next.cursor[0]);
    return r;
}

static int video_row(void *arg, const struct store_session_video *v)
{
    struct arrivals *x = (struct arrivals *)arg;
    x->played_at_us = v->played_at_us;
    return 0;
}

static int gather_arrivals(const struct session_more *m, const struct session_file_video *v,
                           struct arrivals *x)
{
    struct store *s = task_run_tools(m->run)->store;
    char cursor[32];
    snprintf(cursor, sizeof(cursor), "%lld", (long long)v->position - 1);
    const struct store_page page = {.limit = 1, .cursor = cursor};
    struct store_next next;
    int r = store_session_videos(s, m->session->id, &page, video_row, x, &next);
    if (r < 0 || x->played_at_us == 0)
        return r;
    return v->has_event_detections ? events_arrived(m, v->id, x)
                                   : store_piece_each(s, m->session->id, v->id, piece_arrived, x);
}

static void put_latency(struct json_writer *w, struct arrivals *x)
{
    json_key(w, "arrival_ms");
    if (x->n == 0) {
        json_null(w);
        return;
    }
    const struct temporal_latency l = temporal_latency_of(x->ms, x->n);
    json_object(w);
    json_put_int(w, "count", (int64_t)l.n);
    json_put_double(w, "mean", l.mean);
    json_put_double(w, "standard_deviation", l.deviation);
    json_put_double(w, "min", l.min);
    json_put_double(w, "max", l.max);
    json_put_double(w, "p50", l.p50);
    json_put_double(w, "p95", l.p95);
    json_put_double(w, "p99", l.p99);
    json_end(w);
}

static int put_arrivals(const struct session_more *m, struct json_writer *w)
{
    struct arrivals x = {0};
    int r = 0;
    for (size_t i = 0;
         r == 0 && m->session->source == STORE_SESSION_EXTERNAL && i < m->files->n_videos; i++)
        r = gather_arrivals(m, &m->files->videos[i], &x);
    if (r == 0)
        put_latency(w, &x);
    mem_free(x.ms);
    return r;
}

int session_more_write(const struct session_more *m, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    int r = 0;
    if (m->evaluation) {
        r = put_intervals(m, &w);
        if (r == 0)
            r = put_moments(m, &w);
    }
    if (r == 0)
        r = put_arrivals(m, &w);
    json_end(&w);
    return r == 0 ? str_buf_check(out) : r;
}
