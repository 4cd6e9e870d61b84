// SPDX-License-Identifier: Apache-2.0
// assign.c - the Hungarian method as shortest augmenting paths with potentials (Jonker and
// Volgenant, 1987).
//
// The shorter side is called workers, the longer jobs; every worker gets a job, pairs that must not
// be are merely the most expensive ones and are taken out at the end. Job and worker numbers are
// from 1; job 0 is where a new worker starts from.
//
// INVARIANTS
// (1) worth(w, j) - of_worker[w] - of_job[j] >= 0 for all, = 0 for pairs made.
// (2) After k rounds the pairs made are the cheapest assignment of the first k workers.

#include "vision/assign.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"

struct job {
    double potential;
    double distance; // shortest known way from job 0, this round
    size_t worker;   // who has it; 0: nobody
    size_t before;   // the job before it on that way
    bool is_reached;
};

struct problem {
    const double *cost;
    size_t n_workers, n_jobs;
    size_t worker_step, job_step; // between neighbours in *cost*
    double limit;
    double forbidden; // what a pair counts that must not be
    double *of_worker;
    struct job *jobs; // n_jobs + 1
};

static bool is_allowed(double cost, double limit)
{
    return isfinite(cost) && cost <= limit;
}

static double cost_at(const struct problem *p, size_t worker, size_t job)
{
    return p->cost[(worker - 1) * p->worker_step + (job - 1) * p->job_step];
}

static double worth(const struct problem *p, size_t worker, size_t job)
{
    double cost = cost_at(p, worker, job);
    return is_allowed(cost, p->limit) ? cost : p->forbidden;
}

// A hair above the limit, so that a pair exactly at the limit is made; without a limit, above any
// sum of pairs.
static double forbidden_cost(const struct problem *p)
{
    if (isfinite(p->limit))
        return p->limit + 1e-9 * (1 + fabs(p->limit));
    double largest = 0;
    for (size_t i = 0; i < p->n_workers * p->n_jobs; i++) {
        if (isfinite(p->cost[i]))
            largest = fmax(largest, fabs(p->cost[i]));
    }
    return 1 + 2 * largest * (double)p->n_workers;
}

// Goes one job farther from the reached *job*; returns the nearest one not reached yet.
static size_t reach_next(struct problem *p, size_t job, double *ret_step)
{
    size_t worker = p->jobs[job].worker;
    size_t next = 0;
    double step = INFINITY;
    for (size_t j = 1; j <= p->n_jobs; j++) {
        struct job *to = &p->jobs[j];
        if (to->is_reached)
            continue;
        double way = worth(p, worker, j) - p->of_worker[worker] - to->potential;
        if (way < to->distance) {
            to->distance = way;
            to->before = job;
        }
        if (to->distance < step) {
            step = to->distance;
            next = j;
        }
    }
    *ret_step = step;
    return next;
}

static void shift_potentials(struct problem *p, double step)
{
    for (size_t j = 0; j <= p->n_jobs; j++) {
        struct job *job = &p->jobs[j];
        if (job->is_reached) {
            p->of_worker[job->worker] += step;
            job->potential -= step;
        } else {
            job->distance -= step;
        }
    }
}

static void place_worker(struct problem *p, size_t worker)
{
    for (size_t j = 0; j <= p->n_jobs; j++) {
        p->jobs[j].distance = INFINITY;
        p->jobs[j].is_reached = false;
    }
    p->jobs[0].worker = worker;
    size_t job = 0;
    do {
        double step;
        p->jobs[job].is_reached = true;
        size_t next = reach_next(p, job, &step);
        shift_potentials(p, step);
        job = next;
    } while (p->jobs[job].worker != 0);
    while (job != 0) { // every worker on the way moves on by one job
        size_t before = p->jobs[job].before;
        p->jobs[job].worker = p->jobs[before].worker;
        job = before;
    }
}

int assign_min_cost(size_t n_rows, size_t n_cols, const double *cost, double limit,
                    int *ret_row_to_col)
{
    if (n_rows > INT_MAX || n_cols > INT_MAX)
        return err_set(ERR_NOMEM, "assignment of %zu to %zu is too large", n_rows, n_cols);
    bool is_tall = n_rows > n_cols;
    struct problem p = {
        .cost = cost,
        .n_workers = is_tall ? n_cols : n_rows,
        .n_jobs = is_tall ? n_rows : n_cols,
        .worker_step = is_tall ? 1 : n_cols,
        .job_step = is_tall ? n_cols : 1,
        .limit = limit,
    };
    p.forbidden = forbidden_cost(&p);
    p.of_worker = mem_array(double, p.n_workers + 1);
    p.jobs = mem_array(struct job, p.n_jobs + 1);
    int r = p.of_worker && p.jobs ? 0 : ERR_NOMEM;
    if (r < 0)
        goto out;

    for (size_t w = 1; w <= p.n_workers; w++)
        place_worker(&p, w);
    for (size_t i = 0; i < n_rows; i++)
        ret_row_to_col[i] = -1;
    for (size_t j = 1; j <= p.n_jobs; j++) {
        size_t w = p.jobs[j].worker;
        if (w != 0 && is_allowed(cost_at(&p, w, j), limit))
            ret_row_to_col[is_tall ? j - 1 : w - 1] = (int)(is_tall ? w - 1 : j - 1);
    }
out:
    mem_free(p.of_worker);
    mem_free(p.jobs);
    return r;
}
