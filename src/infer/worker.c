// SPDX-License-Identifier: Apache-2.0
// worker.c - the infer thread: takes frames from the lanes, gives results back.

#include <assert.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "infer/detector_priv.h"
#include "infer/runner.h"
#include "vision/frame.h"

static void fail(struct job *j, int code)
{
    j->result.error = code;
    detection_list_clear(&j->result.detections);
    err_copy_message(code, j->result.message, sizeof(j->result.message));
}

// Jobs that could not be put stay out of the call; *ret_slots* says which slot each got, or -1.
static int put_all(struct runner *runner, struct job **jobs, int n, int *ret_slots)
{
    int n_put = 0;
    for (int i = 0; i < n; i++) {
        ret_slots[i] = -1;
        if (jobs[i]->inputs || jobs[i]->tried)
            continue;
        int r = runner_put(runner, n_put, jobs[i]->result.frame);
        ret_slots[i] = r < 0 ? -1 : n_put++;
        if (r < 0)
            fail(jobs[i], r);
    }
    return n_put;
}

static int try(struct runner *runner, const struct job *j)
{
    int r = runner_put(runner, 0, j->tried);
    return r < 0 ? r : runner_try(runner, j->trial);
}

// A job of tensors, or a trial, has engine calls of its own: they come when the slots and outputs
// of the pictures beside it are done with.
static void run_alone(struct runner *runner, struct job *j)
{
    int r = j->tried ? try(runner, j) : runner_run_tensors(runner, j->inputs, j->outputs);
    if (r < 0)
        fail(j, r);
}

static void take(struct runner *runner, struct job *j, int run, int slot)
{
    int r = run;
    if (r == 0)
        r = runner_take(runner, slot, j->result.frame, &j->stream->settings, &j->result.detections);
    if (r < 0)
        fail(j, r);
}

static void count(const struct detector *d, int64_t started_ns, int n)
{
    int64_t ns = clock_now_ns() - started_ns;
    metric_series_observe(d->seconds, (double)ns / (double)CLOCK_NS_PER_S);
    metric_series_observe(d->batch_size, n);
}

// One engine call for the pictures among *n* jobs.
static void infer(struct worker *w, struct job **jobs, int n)
{
    int64_t started_ns = clock_now_ns();
    int slots[DETECTOR_MAX_TAKE];
    int n_put = put_all(w->runner, jobs, n, slots);
    int run = n_put > 0 ? runner_run(w->runner, n_put) : 0;
    for (int i = 0; i < n; i++) {
        if (slots[i] >= 0)
            take(w->runner, jobs[i], run, slots[i]);
        jobs[i]->result.run_ns = clock_now_ns() - started_ns;
    }
    int n_counted = n;
    for (int i = 0; i < n; i++) {
        n_counted -= jobs[i]->tried != NULL;
        if (!jobs[i]->inputs && !jobs[i]->tried)
            continue;
        run_alone(w->runner, jobs[i]);
        jobs[i]->result.run_ns = clock_now_ns() - started_ns;
    }
    if (w->detector->seconds && n_counted > 0)
        count(w->detector, started_ns, n_counted);
    lane_give_back(w);
}

// Of this thread alone, as Linux has it; where it is not allowed it stays as it is.
static void follow_niceness(const struct detector *d, int *niceness)
{
    int wanted = atomic_load(&d->niceness);
    if (wanted == *niceness)
        return;
    thread_give_way(wanted - *niceness);
    *niceness = wanted;
}

void worker_run(void *arg)
{
    struct worker *w = (struct worker *)arg;
    struct detector *d = w->detector;
    int n = 0;
    int niceness = 0;
    while ((n = lane_take(w)) > 0) {
        follow_niceness(d, &niceness);
        assert(n <= d->n_a_call);
        infer(w, w->jobs, n);
    }
}
