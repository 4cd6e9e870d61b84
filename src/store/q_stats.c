// SPDX-License-Identifier: Apache-2.0
// q_stats.c - counts for the dashboard: each figure is one statement over an index.

#include <math.h>

#include "store/store_priv.h"
#include "store/store_stats.h"

enum {
    PROJECTS,
    VIDEOS,
    TASKS,
    SESSIONS,
    VERDICTS,
    DETECTIONS,
    BYTES,
    LATEST,
    N_FIGURES,
    MODELS = 2 * N_FIGURES, // of no project
};

// Each figure has two statements: of one project, and of all (or of those in which user $1 has a
// role), which reads an index to its end.
#define ONE(column) " " column " = $1 "
#define ALL(column)                         \
    " (CAST($1 AS TEXT) IS NULL OR " column \
    " IN (SELECT project_id FROM project_roles WHERE user_id = $1)) "
#define BOTH(number, text, from, column, behind) \
    [number] = {text, from ONE(column) behind},  \
    [number + N_FIGURES] = {text "_all", from ALL(column) behind}

// clang-format off
const struct query queries_stats[] = {
    BOTH(PROJECTS, "stats_projects", "SELECT count(*) FROM projects WHERE", "id", ""),
    BOTH(VIDEOS, "stats_videos",
        "SELECT status, count(*), coalesce(sum(duration_us), 0) FROM videos WHERE", "project_id", "GROUP BY project_id, status"),
    BOTH(TASKS, "stats_tasks", "SELECT status, count(*) FROM tasks WHERE", "project_id", "GROUP BY project_id, status"),
    BOTH(SESSIONS, "stats_sessions", "SELECT status, count(*) FROM sessions WHERE", "project_id", "GROUP BY project_id, status"),
    BOTH(VERDICTS, "stats_verdicts",
        "SELECT verdict, count(*) FROM sessions WHERE verdict IS NOT NULL AND", "project_id", "GROUP BY project_id, verdict"),
    BOTH(DETECTIONS, "stats_detections",
        "SELECT coalesce(sum(n_detections), 0), coalesce(sum(n_frames), 0) FROM detection_sets "
        "WHERE kind = 'detections' AND is_complete = 1 AND", "project_id", ""),
    BOTH(BYTES, "stats_bytes", "SELECT coalesce(sum(n_bytes), 0) FROM blobs WHERE", "project_id", ""),
    BOTH(LATEST, "stats_latest",
        "SELECT ap, ap50, finished_at_us FROM sessions WHERE ap IS NOT NULL AND finished_at_us > 0 AND", "project_id",
        "ORDER BY id DESC LIMIT 1"),
    [MODELS] = {"stats_models", "SELECT count(*) FROM models"},
    {0},
};
// clang-format on

struct scope {
    struct store *store;
    const char *project_id, *user_id;
    struct store_stats *stats;
};

static void open_scoped(const struct scope *x, int q, struct run *run)
{
    bool of_one = x->project_id || q == MODELS;
    IGNORE(run_open(x->store, &queries_stats[of_one ? q : q + N_FIGURES], run)); // sticky
    if (q != MODELS)
        run_text(run, 1, x->project_id ? x->project_id : x->user_id);
}

// Up to *n* numbers of one row.
static int numbers(const struct scope *x, int q, int64_t *const *to, int n)
{
    struct run run;
    open_scoped(x, q, &run);
    if (run_step(&run)) {
        for (int i = 0; i < n; i++)
            *to[i] = run_get_int(&run, i);
    }
    return run_end(&run, 0);
}

static int videos(const struct scope *x)
{
    struct store_stats *t = x->stats;
    struct run run;
    open_scoped(x, VIDEOS, &run);
    while (run_step(&run)) {
        int64_t n = run_get_int(&run, 1);
        t->n_videos_of[store_video_status_parse(run_get_text(&run, 0))] += n;
        t->n_videos += n;
        t->video_us += run_get_int(&run, 2);
    }
    return run_end(&run, 0);
}

// Counts by a name; *total* may be NULL.
static int by_name(const struct scope *x, int q, int (*parse)(const char *), int64_t *counts,
                   int64_t *total)
{
    struct run run;
    open_scoped(x, q, &run);
    while (run_step(&run)) {
        int64_t n = run_get_int(&run, 1);
        counts[parse(run_get_text(&run, 0))] += n;
        if (total)
            *total += n;
    }
    return run_end(&run, 0);
}

static int latest(const struct scope *x)
{
    struct run run;
    open_scoped(x, LATEST, &run);
    if (run_step(&run)) {
        x->stats->latest_ap = run_get_double(&run, 0);
        x->stats->latest_ap50 = run_get_double(&run, 1);
        x->stats->latest_at_us = run_get_int(&run, 2);
    }
    return run_end(&run, 0);
}

int store_stats_get(struct store *s, const char *project_id, const char *user_id,
                    struct store_stats *ret)
{
    struct store_stats t = {.latest_ap = NAN, .latest_ap50 = NAN};
    const struct scope x = {s, project_id, user_id, &t};
    int r = numbers(&x, PROJECTS, (int64_t *const[]){&t.n_projects}, 1);
    if (r == 0)
        r = numbers(&x, MODELS, (int64_t *const[]){&t.n_models}, 1);
    if (r == 0)
        r = numbers(&x, DETECTIONS, (int64_t *const[]){&t.n_detections, &t.n_frames}, 2);
    if (r == 0)
        r = numbers(&x, BYTES, (int64_t *const[]){&t.n_bytes}, 1);
    if (r == 0)
        r = videos(&x);
    if (r == 0)
        r = by_name(&x, TASKS, store_task_status_parse, t.n_tasks_of, NULL);
    if (r == 0)
        r = by_name(&x, SESSIONS, store_session_status_parse, t.n_sessions_of, &t.n_sessions);
    if (r == 0)
        r = by_name(&x, VERDICTS, store_verdict_parse, t.n_verdicts_of, NULL);
    if (r == 0)
        r = latest(&x);
    if (r < 0)
        return r;
    *ret = t;
    return 0;
}
