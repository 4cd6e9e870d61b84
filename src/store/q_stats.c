// SPDX-License-Identifier: Apache-2.0
// q_stats.c - counts for the dashboard, out of the table that the schema's triggers keep.

#include <math.h>
#include <string.h>

#include "store/store_priv.h"
#include "store/store_stats.h"

enum {
    PROJECTS,
    COUNTS,
    LATEST,
    N_FIGURES,
    MODELS = 2 * N_FIGURES, // of no project
};

// Each figure has two statements: of one project, and of all (or of those in which user $1 has a
// role), which reads its table to the end, by an index; LATEST until the first that has what it
// asks.
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
    BOTH(COUNTS, "stats_counts",
        "SELECT what, kind, sum(n), sum(amount), sum(more) FROM counts WHERE", "project_id", "GROUP BY what, kind"),
    BOTH(LATEST, "stats_latest",
        "SELECT ap, ap50, finished_at_us FROM sessions WHERE ap IS NOT NULL AND finished_at_us > 0 AND", "project_id",
        "ORDER BY id DESC LIMIT 1"),
    [MODELS] = {"stats_models", "SELECT count(*) FROM models"},
    {0},
};

// Where a row of counts goes: under its kind, into a sum over all kinds, and its two amounts.
#define AT(field) offsetof(struct store_stats, field)
enum {
    NOWHERE = -1,
};
static const struct {
    const char *what;
    int (*parse)(const char *kind); // NULL: there is one kind
    ptrdiff_t by_kind, n, amount, more;
} counted[] = {
    {"blobs",    NULL,                       NOWHERE,            NOWHERE,        AT(n_bytes),      NOWHERE},
    {"sessions", store_session_status_parse, AT(n_sessions_of),  AT(n_sessions), NOWHERE,          NOWHERE},
    {"sets",     NULL,                       NOWHERE,            NOWHERE,        AT(n_detections), AT(n_frames)},
    {"tasks",    store_task_status_parse,    AT(n_tasks_of),     NOWHERE,        NOWHERE,          NOWHERE},
    {"verdicts", store_verdict_parse,        AT(n_verdicts_of),  NOWHERE,        NOWHERE,          NOWHERE},
    {"videos",   store_video_status_parse,   AT(n_videos_of),    AT(n_videos),   AT(video_us),     NOWHERE},
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

static int number(const struct scope *x, int q, int64_t *ret)
{
    struct run run;
    open_scoped(x, q, &run);
    if (run_step(&run))
        *ret = run_get_int(&run, 0);
    return run_end(&run, 0);
}

static void add(struct store_stats *t, ptrdiff_t at, int i, int64_t n)
{
    if (at != NOWHERE)
        ((int64_t *)(void *)((char *)t + at))[i] += n;
}

static void add_row(struct store_stats *t, struct run *run)
{
    const char *what = run_get_text(run, 0);
    for (size_t i = 0; i < ARRAY_LEN(counted); i++) {
        if (strcmp(counted[i].what, what) != 0)
            continue;
        int kind = counted[i].parse ? counted[i].parse(run_get_text(run, 1)) : 0;
        add(t, counted[i].by_kind, kind, run_get_int(run, 2));
        add(t, counted[i].n, 0, run_get_int(run, 2));
        add(t, counted[i].amount, 0, run_get_int(run, 3));
        add(t, counted[i].more, 0, run_get_int(run, 4));
    }
}

static int counts(const struct scope *x)
{
    struct run run;
    open_scoped(x, COUNTS, &run);
    while (run_step(&run))
        add_row(x->stats, &run);
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
    int r = number(&x, PROJECTS, &t.n_projects);
    if (r == 0)
        r = number(&x, MODELS, &t.n_models);
    if (r == 0)
        r = counts(&x);
    if (r == 0)
        r = latest(&x);
    if (r < 0)
        return r;
    *ret = t;
    return 0;
}
