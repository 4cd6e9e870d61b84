// SPDX-License-Identifier: Apache-2.0
// lane.c - streams of frames, two lanes and the line of each stream.
//
// INVARIANTS (all under the detector's lock)
// (1) A stream's line holds its jobs in the order of pushing: done or in work up to *waiting*,
//     waiting from there on. Results leave at its head only, so they leave in order.
// (2) A stream is in its lane's list exactly while it has a waiting job and is not cancelled.
// (3) A cancelled stream's line is empty; jobs in work are their worker's until it gives them back.

#include "infer/detector_priv.h"

#include <assert.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "vision/frame.h"

enum {
    DEFAULT_MAX_DETECTIONS = 300,
    LOOK_MS = 250, // how often who waits looks whether somebody is still there
};
#define DEFAULT_IOU 0.7

static void job_free(struct job *j)
{
    frame_unref(&j->result.frame);
    detection_list_finish(&j->result.detections);
    mem_free(j);
}

void detector_result_free(struct detector_result **pr)
{
    if (!*pr)
        return;
    job_free((struct job *)*pr);
    *pr = NULL;
}

static void lane_append_locked(struct lane *l, struct detector_stream *s)
{
    s->queued = true;
    s->next_in_lane = NULL;
    if (l->last)
        l->last->next_in_lane = s;
    else
        l->first = s;
    l->last = s;
}

static void lane_remove_locked(struct lane *l, struct detector_stream *s)
{
    struct detector_stream *before = NULL;
    struct detector_stream **at = &l->first;
    while (*at != s) {
        before = *at;
        at = &before->next_in_lane;
    }
    *at = s->next_in_lane;
    if (l->last == s)
        l->last = before;
    s->queued = false;
}

static struct job *take_one_locked(struct detector *d)
{
    struct lane *l = &d->lanes[0];
    while (!l->first)
        l++;
    struct detector_stream *s = l->first;
    struct job *j = s->waiting;
    assert(j && j->state == JOB_WAITING);
    j->state = JOB_IN_WORK;
    j->result.wait_ns = clock_now_ns() - j->pushed_ns;
    s->waiting = j->next;
    s->n_waiting--;
    s->n_in_work++;
    d->n_waiting--;
    lane_remove_locked(l, s);
    if (s->waiting)
        lane_append_locked(l, s); // behind the others: in turn
    cond_signal(&s->room);
    return j;
}

// What one worker may take now without leaving others idle.
static int fair_share_locked(const struct detector *d)
{
    size_t n_workers = (size_t)d->n_workers;
    size_t share = (d->n_waiting + n_workers - 1) / n_workers;
    return (int)MIN(share, (size_t)d->n_a_call);
}

// A GPU call waits a moment for company; a frame of the interactive lane does not.
static int fill_batch_locked(struct detector *d, struct job **jobs, int n)
{
    int64_t deadline = clock_now_ns() + DETECTOR_MAX_DELAY_MS * CLOCK_NS_PER_MS;
    bool in_time = true;
    while (n < d->n_a_call && in_time && !d->stopping) {
        if (jobs[n - 1]->stream->lane == 0)
            break;
        if (d->n_waiting == 0)
            in_time = cond_wait(&d->work, &d->lock, deadline);
        else
            jobs[n++] = take_one_locked(d);
    }
    return n;
}

// Whether nobody waits for anything that the worker has.
static bool is_vain_locked(const struct worker *w)
{
    for (int i = 0; i < w->n_jobs; i++) {
        if (!w->jobs[i]->stream->cancelled)
            return false;
    }
    return w->n_jobs > 0;
}

int lane_take(struct worker *w)
{
    struct detector *d = w->detector;
    lock_acquire(&d->lock);
    while (d->n_waiting == 0 && !d->stopping)
        cond_wait(&d->work, &d->lock, THREAD_FOREVER);
    int n = 0;
    int share = fair_share_locked(d);
    while (n < share && d->n_waiting > 0)
        w->jobs[n++] = take_one_locked(d);
    if (n > 0 && d->n_a_call > 1)
        n = fill_batch_locked(d, w->jobs, n);
    w->n_jobs = n;
    atomic_store(&w->stop, is_vain_locked(w)); // they may have been cancelled while it was filled
    lock_release(&d->lock);
    return n;
}

static void count_locked(struct detector_stats *stats, const struct job *j)
{
    const struct detector_result *result = &j->result;
    // A trial is no picture; of what was cancelled nobody waits for the result.
    if (j->tried || result->error == ERR_CANCELLED)
        return;
    if (result->error < 0) {
        stats->n_failed++;
        return;
    }
    stats->n_pictures++;
    stats->wait_ns += result->wait_ns;
    stats->run_ns += result->run_ns;
}

static bool finish_locked(struct job *j)
{
    struct detector_stream *s = j->stream;
    assert(j->state == JOB_IN_WORK);
    count_locked(&s->detector->stats, j);
    if (s->cancelled)
        return false;
    j->state = JOB_DONE;
    s->n_in_work--;
    if (s->first == j)
        cond_signal(&s->ready);
    return true;
}

static void give_back(struct detector *d, struct job *j)
{
    struct detector_stream *s = j->stream;
    lock_acquire(&d->lock);
    bool finished = finish_locked(j);
    lock_release(&d->lock);
    if (finished)
        return;
    job_free(j); // before the stream may be closed: its owner counts on the frame being home
    lock_acquire(&d->lock);
    s->n_in_work--;
    if (s->n_in_work == 0)
        cond_broadcast(&s->idle); // under the lock: the stream may be freed right after it
    lock_release(&d->lock);
}

void lane_give_back(struct worker *w)
{
    lock_acquire(&w->detector->lock);
    int n = w->n_jobs;
    w->n_jobs = 0;
    lock_release(&w->detector->lock);
    for (int i = 0; i < n; i++)
        give_back(w->detector, w->jobs[i]);
}

struct detector_settings lane_with_defaults(struct detector_settings settings)
{
    if (settings.iou == 0)
        settings.iou = DEFAULT_IOU;
    if (settings.max_detections == 0)
        settings.max_detections = DEFAULT_MAX_DETECTIONS;
    return settings;
}

static int copy_settings(struct detector_settings *to, const struct detector_settings *from,
                         size_t n_labels)
{
    *to = lane_with_defaults(*from);
    to->classes = NULL;
    to->class_confidence = NULL;
    if (from->classes) {
        bool *classes = mem_array(bool, n_labels);
        if (!classes)
            return ERR_NOMEM;
        memcpy(classes, from->classes, n_labels * sizeof(*classes));
        to->classes = classes;
    }
    if (from->class_confidence) {
        float *floors = mem_array(float, n_labels);
        if (!floors)
            return ERR_NOMEM;
        memcpy(floors, from->class_confidence, n_labels * sizeof(*floors));
        to->class_confidence = floors;
    }
    return 0;
}

static void free_settings(struct detector_settings *settings)
{
    union {
        const void *borrowed;
        void *owned;
    } classes = {settings->classes}, floors = {settings->class_confidence};
    mem_free(classes.owned);
    mem_free(floors.owned);
}

static int init_conds(struct detector_stream *s)
{
    int r = cond_init(&s->room);
    if (r < 0)
        return r;
    r = cond_init(&s->ready);
    if (r < 0) {
        cond_finish(&s->room);
        return r;
    }
    r = cond_init(&s->idle);
    if (r < 0) {
        cond_finish(&s->room);
        cond_finish(&s->ready);
    }
    return r;
}

int detector_stream_open(struct detector *d, enum detector_lane lane,
                         const struct detector_settings *settings, size_t n_ahead,
                         struct detector_stream **ret_stream)
{
    struct detector_stream *s = mem_new(struct detector_stream);
    if (!s)
        return ERR_NOMEM;
    s->detector = d;
    s->lane = lane == DETECTOR_INTERACTIVE ? 0 : 1;
    s->max_waiting = MAX(n_ahead, 1);
    s->max_inside = 2 * s->max_waiting + (size_t)(d->n_workers * d->n_a_call);
    int r = copy_settings(&s->settings, settings, (size_t)model_info(d->model)->n_labels);
    if (r == 0)
        r = init_conds(s);
    if (r < 0) {
        free_settings(&s->settings);
        mem_free(s);
        return r;
    }
    lock_acquire(&d->lock);
    d->n_streams++;
    lock_release(&d->lock);
    *ret_stream = s;
    return 0;
}

static bool is_full_locked(const struct detector_stream *s)
{
    return s->n_waiting >= s->max_waiting || s->n_inside >= s->max_inside;
}

static void enqueue_locked(struct detector_stream *s, struct job *j)
{
    struct detector *d = s->detector;
    if (s->last)
        s->last->next = j;
    else
        s->first = j;
    s->last = j;
    if (!s->waiting)
        s->waiting = j;
    s->n_inside++;
    s->n_waiting++;
    d->n_waiting++;
    if (!s->queued)
        lane_append_locked(&d->lanes[s->lane], s);
    cond_signal(&d->work);
}

// The job's frame is *pf, or it has something else.
static int push(struct detector_stream *s, struct job *j, struct frame **pf)
{
    struct detector *d = s->detector;
    j->stream = s;
    j->state = JOB_WAITING;
    lock_acquire(&d->lock);
    while (is_full_locked(s) && !s->cancelled)
        cond_wait(&s->room, &d->lock, THREAD_FOREVER);
    bool open = !s->cancelled && !s->ended;
    if (open) {
        j->pushed_ns = clock_now_ns();
        if (pf) {
            j->result.frame = *pf;
            *pf = NULL;
        }
        enqueue_locked(s, j);
    }
    lock_release(&d->lock);
    if (open)
        return 0;
    mem_free(j);
    return err_set(ERR_CLOSED, "detector: the stream is closed");
}

int detector_push(struct detector_stream *s, struct frame **pf)
{
    assert((*pf)->letterbox.dst_width == s->detector->width &&
           (*pf)->letterbox.dst_height == s->detector->height);
    struct job *j = mem_new(struct job);
    return j ? push(s, j, pf) : ERR_NOMEM;
}

int lane_push_tensors(struct detector_stream *s, const struct tensor *inputs,
                      struct tensor *outputs)
{
    struct job *j = mem_new(struct job);
    if (!j)
        return ERR_NOMEM;
    j->inputs = inputs;
    j->outputs = outputs;
    return push(s, j, NULL);
}

int lane_push_trial(struct detector_stream *s, const struct frame *tried, enum engine_trial trial)
{
    struct job *j = mem_new(struct job);
    if (!j)
        return ERR_NOMEM;
    j->tried = tried;
    j->trial = trial;
    return push(s, j, NULL);
}

void detector_end(struct detector_stream *s)
{
    lock_acquire(&s->detector->lock);
    s->ended = true;
    cond_broadcast(&s->ready);
    lock_release(&s->detector->lock);
}

// Takes all jobs but those in work out of the line; they are chained by *next*.
static struct job *clear_line_locked(struct detector_stream *s)
{
    struct detector *d = s->detector;
    struct job *dropped = NULL;
    struct job *next = NULL;
    for (struct job *j = s->first; j; j = next) {
        next = j->next;
        j->next = NULL;
        if (j->state == JOB_IN_WORK)
            continue;
        j->next = dropped;
        dropped = j;
    }
    if (s->queued)
        lane_remove_locked(&d->lanes[s->lane], s);
    d->n_waiting -= s->n_waiting;
    s->n_waiting = 0;
    s->n_inside = 0;
    s->first = s->last = s->waiting = NULL;
    return dropped;
}

void detector_cancel(struct detector_stream *s)
{
    struct detector *d = s->detector;
    lock_acquire(&d->lock);
    s->cancelled = true;
    struct job *dropped = clear_line_locked(s);
    for (int i = 0; s->n_in_work > 0 && i < d->n_workers; i++)
        atomic_store(&d->workers[i].stop, is_vain_locked(&d->workers[i]));
    cond_broadcast(&s->room);
    cond_broadcast(&s->ready);
    lock_release(&d->lock);
    while (dropped) {
        struct job *next = dropped->next;
        job_free(dropped);
        dropped = next;
    }
}

static bool has_result_locked(const struct detector_stream *s)
{
    return s->first && s->first->state == JOB_DONE;
}

static struct job *dequeue_locked(struct detector_stream *s)
{
    struct job *j = s->first;
    s->first = j->next;
    if (!s->first)
        s->last = NULL;
    j->next = NULL;
    s->n_inside--;
    cond_signal(&s->room);
    return j;
}

// Whether somebody is there is asked without the lock: it may take a system call.
static bool is_gone_locked(struct detector *d, const struct detector_waiter *w)
{
    lock_release(&d->lock);
    bool is_gone = w->is_gone(w->arg);
    lock_acquire(&d->lock);
    return is_gone;
}

int detector_receive_for(struct detector_stream *s, const struct detector_waiter *w,
                         struct detector_result **ret_result)
{
    struct detector *d = s->detector;
    int r = 0;
    bool is_gone = false;
    lock_acquire(&d->lock);
    while (!has_result_locked(s) && !s->cancelled && !(s->ended && !s->first) && !is_gone) {
        int64_t look_ns = clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS;
        if (!cond_wait(&s->ready, &d->lock, w->is_gone ? look_ns : THREAD_FOREVER))
            is_gone = is_gone_locked(d, w);
    }
    if (is_gone)
        r = err_set(ERR_CANCELLED, "detector: nobody waits for the result any more");
    else if (s->cancelled)
        r = err_set(ERR_CLOSED, "detector: the stream is closed");
    else if (!s->first)
        r = err_set(ERR_EOF, "detector: all results of the stream were received");
    else
        *ret_result = &dequeue_locked(s)->result;
    lock_release(&d->lock);
    return r;
}

int detector_receive(struct detector_stream *s, struct detector_result **ret_result)
{
    static const struct detector_waiter patient;
    return detector_receive_for(s, &patient, ret_result);
}

size_t detector_n_waiting(struct detector *d, enum detector_lane lane)
{
    size_t n = 0;
    lock_acquire(&d->lock);
    const struct lane *l = &d->lanes[lane == DETECTOR_INTERACTIVE ? 0 : 1];
    for (const struct detector_stream *s = l->first; s; s = s->next_in_lane)
        n += s->n_waiting;
    lock_release(&d->lock);
    return n;
}

void detector_stream_close(struct detector_stream *s)
{
    if (!s)
        return;
    struct detector *d = s->detector;
    detector_cancel(s);
    lock_acquire(&d->lock);
    while (s->n_in_work > 0)
        cond_wait(&s->idle, &d->lock, THREAD_FOREVER);
    d->n_streams--;
    lock_release(&d->lock);
    cond_finish(&s->room);
    cond_finish(&s->ready);
    cond_finish(&s->idle);
    free_settings(&s->settings);
    mem_free(s);
}
