// SPDX-License-Identifier: Apache-2.0
// pipeline.c - many sources through one detector, each with a decode thread and a sink thread.
//
// A lane is a thread that takes one source after another; lane 0 is the caller of pipeline_run().
// The lane is the source's sink thread: it opens the source, starts the decode thread, hands the
// results on and joins. So a source is started from the sink up and stopped from the source down.
//
// INVARIANTS
// (1) A picture that source_next() gave is dropped, or pushed and received, or failed: so
//     n_given = n_dropped + n_inferred + failed, counted on both sides and settled after the join.
// (2) The detector's stream holds as many frames as the pool has: detector_push() never waits, the
//     only wait of a decode thread is for a frame (back-pressure) or for its source.
// (3) A cancelled source reads no more, and what is in flight is still inferred and handed on: the
//     sums hold and the output ends at a frame. Where a picture takes more than LAST_PICTURE_S from
//     then on, or the sink fails, what is in flight is given up and counts as failed.
// (4) Under --engine auto a source's first pictures are tried before it begins (its first line may
//     name the engine), one source after another in their order, until it is settled: the same
//     sources settle it the same way.
// (5) Counters in struct pipeline only ever grow, and are for the eye; the summary is counted
// apart.

#include "pipeline/pipeline.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "vision/frame.h"
#include "vision/letterbox.h"
#include "vision/picture.h"
#include "vision/tracker.h"

enum {
    FRAMES_BESIDE_WORKERS = 3, // of a pool: one being filled, one waiting, one at the sink
                               // (and of the workers those that are this source's share)
    LANES_BESIDE_CORES = 2,    // sources at once: decoders wait for files and for frames
    MAX_LANES = 64,
    MAX_DECODER_THREADS = 8, // each holds pictures of its own
    MAX_FAILED_IN_ROW = 8,   // frames, before a source is given up
    N_TRIED = 3,             // pictures that settle the engine
    LAST_PICTURE_S = 3,      // after a cancel, until each result
};

struct failure {
    int error; // 0: none; the first one is kept
    char message[ERR_MESSAGE_BYTES];
};

struct stream {
    // --- constant while the decode thread runs
    struct pipeline *p;
    const struct pipeline_source *wanted;
    struct source *source;
    struct frame_pool *pool;
    struct detector_stream *detect;
    // --- decode thread, then the lane once it has joined
    struct letterbox_scratch *scratch;
    struct source_counts counted; // what the progress counters know already
    int64_t n_given;
    int64_t n_dropped;
    int n_failed_in_row;
    bool reached_end;
    struct picture *ahead[N_TRIED]; // read before the decode thread was there; those left are its
    int n_ahead, n_taken;           // next
    struct failure ahead_failure;   // what came after them
    struct failure decode_failure;
    struct failure frame_failure; // of a frame that could not be prepared
    // --- lane only
    struct thread decode;
    struct tracker *tracker;
    int64_t n_inferred;
    int64_t n_detections;
    int n_refused_in_row;
    struct failure sink_failure;
    struct failure result_failure; // of a frame that could not be inferred
    // --- atomic
    atomic_bool stop; // the sink has failed: read no more
};

struct pipeline {
    // --- constant after create
    struct pipeline_opts opts;
    struct pipeline_source *sources;
    size_t n_sources;
    int n_lanes;
    size_t n_frames; // of each pool
    // --- constant while it runs
    struct log_about about; // of whoever runs it: what its threads work on
    // --- one entry a source, written by its lane, read after the joins
    struct failure *results;
    // --- guarded by lock
    struct lock lock;
    struct cond passed;
    bool *is_past; // of each source: it has tried its pictures, or has none
    size_t n_past; // the first so many all are
    bool has_lock; // constant
    // --- atomic
    atomic_size_t next_source;
    atomic_bool cancelled; // sources look at it too, also while they open
    atomic_llong decoded, inferred, skipped, dropped, failed, undecodable;
    atomic_llong n_detections;
    atomic_llong n_frames_hint; // summed over the sources opened
    atomic_int n_hints;         // sources that gave one
    atomic_int n_opened;
    atomic_int n_done;
};

struct lane {
    struct pipeline *p;
    struct thread thread;
};

static void failure_keep(struct failure *f, int error)
{
    if (f->error)
        return;
    f->error = error;
    err_copy_message(error, f->message, sizeof(f->message));
}

static bool is_cancelled(struct pipeline *p)
{
    return atomic_load(&p->cancelled);
}

// The counters of a source that the eye may see now.
static void show_counts(struct stream *s)
{
    struct source_counts now = source_counts(s->source);
    atomic_fetch_add(&s->p->decoded, now.decoded - s->counted.decoded);
    atomic_fetch_add(&s->p->skipped, now.skipped - s->counted.skipped);
    atomic_fetch_add(&s->p->undecodable, now.undecodable - s->counted.undecodable);
    s->counted = now;
}

// --- the decode thread

// What the detector wants of every picture.
static struct source_prepare wanted_preparation(const struct pipeline *p)
{
    const struct model_input *in = &detector_model(p->opts.detector)->input;
    struct source_prepare q = {.rule = in->rule, .fill = in->fill};
    detector_input_size(p->opts.detector, &q.width, &q.height);
    return q;
}

static int pixels_fill(struct stream *s, const struct picture *picture, struct frame *f)
{
    if (picture->prepared) { // by the source, as wanted_preparation() said
        f->letterbox = *picture->prepared;
        memcpy(f->rgb, picture->planes[0], f->n_bytes);
        return 0;
    }
    struct source_prepare q = wanted_preparation(s->p);
    f->letterbox =
        letterbox_make(q.rule, picture->width, picture->height, q.width, q.height, q.fill);
    return letterbox_run(s->scratch, &f->letterbox, picture, f->rgb);
}

static int frame_fill(struct stream *s, struct picture *picture, struct frame *f)
{
    f->pts_us = picture->pts_us;
    f->ordinal = picture->ordinal;
    if (picture->file) {
        f->file = mem_strdup(picture->file);
        if (!f->file)
            return ERR_NOMEM;
    }
    int r = pixels_fill(s, picture, f);
    if (r < 0)
        return r;
    if (s->wanted->keep_pictures)
        f->picture = picture_ref(picture);
    return 0;
}

static int picture_pass(struct stream *s, struct picture *picture)
{
    struct frame *f = NULL;
    int r = frame_pool_get(s->pool, s->wanted->opts.live ? 0 : THREAD_FOREVER, &f);
    if (r == ERR_AGAIN) {
        err_clear();
        s->n_dropped++;
        atomic_fetch_add(&s->p->dropped, 1);
        return 0;
    }
    if (r < 0)
        return r;
    r = frame_fill(s, picture, f);
    if (r < 0) {
        failure_keep(&s->frame_failure, r);
        frame_unref(&f);
        atomic_fetch_add(&s->p->failed, 1);
        return ++s->n_failed_in_row < MAX_FAILED_IN_ROW ? 0 : r;
    }
    s->n_failed_in_row = 0;
    r = detector_push(s->detect, &f);
    if (r < 0)
        frame_unref(&f);
    return r;
}

// The pictures read ahead come first, and then the error that ended them.
static int picture_next(struct stream *s, struct picture **ret_picture)
{
    if (s->n_taken < s->n_ahead) {
        *ret_picture = s->ahead[s->n_taken];
        s->ahead[s->n_taken++] = NULL;
        return 0;
    }
    if (s->ahead_failure.error)
        return err_set((enum err)s->ahead_failure.error, "%s", s->ahead_failure.message);
    return source_next(s->source, ret_picture);
}

static int decode_one(struct stream *s)
{
    if (is_cancelled(s->p) || atomic_load(&s->stop))
        return ERR_CANCELLED;
    struct picture *picture = NULL;
    int r = picture_next(s, &picture);
    show_counts(s);
    if (r < 0)
        return r;
    s->n_given++;
    r = picture_pass(s, picture);
    picture_unref(&picture);
    return r;
}

static void decode_run(void *arg)
{
    struct stream *s = (struct stream *)arg;
    int r = 0;
    log_set_about(s->p->about);
    while (r == 0)
        r = decode_one(s);
    s->reached_end = r == ERR_EOF;
    if (r != ERR_EOF && r != ERR_CLOSED && r != ERR_CANCELLED)
        failure_keep(&s->decode_failure, r);
    err_clear();
    detector_end(s->detect);
}

// --- settling the engine, before the decode thread

static void read_ahead(struct stream *s)
{
    while (s->n_ahead < N_TRIED) {
        int r = source_next(s->source, &s->ahead[s->n_ahead]);
        if (r < 0) {
            failure_keep(&s->ahead_failure, r);
            break;
        }
        s->n_ahead++;
    }
    show_counts(s);
}

static bool is_vain(void *arg)
{
    return is_cancelled(arg);
}

// A picture that cannot be tried is no less wrong later, and is reported then.
static void try_one(struct stream *s, struct picture *picture, enum engine_trial trial)
{
    const struct detector_waiter waiter = {is_vain, s->p};
    struct frame *f = NULL;
    int r = frame_pool_get(s->pool, 0, &f);
    if (r == 0)
        r = frame_fill(s, picture, f);
    if (r == 0)
        r = detector_try(s->p->opts.detector, &waiter, f, trial);
    if (r < 0)
        err_clear();
    frame_unref(&f);
}

// A live source waits for nobody: it has a turn of its own.
static void turn_wait(struct pipeline *p, size_t index)
{
    lock_acquire(&p->lock);
    while (p->n_past < index && !p->sources[index].opts.live &&
           !detector_is_settled(p->opts.detector))
        cond_wait(&p->passed, &p->lock, THREAD_FOREVER);
    lock_release(&p->lock);
}

static void turn_pass(struct pipeline *p, size_t index)
{
    lock_acquire(&p->lock);
    p->is_past[index] = true;
    while (p->n_past < p->n_sources && p->is_past[p->n_past])
        p->n_past++;
    cond_broadcast(&p->passed);
    lock_release(&p->lock);
}

static void settle_engine(struct stream *s, size_t index)
{
    struct detector *d = s->p->opts.detector;
    turn_wait(s->p, index);
    if (detector_is_settled(d))
        return;
    read_ahead(s);
    for (int i = 0; i < s->n_ahead && !detector_is_settled(d) && !is_cancelled(s->p); i++)
        try_one(s, s->ahead[i], i + 1 < s->n_ahead ? ENGINE_TRIAL_MORE : ENGINE_TRIAL_LAST);
}

// --- the sink thread

static int result_pass(struct stream *s, struct detector_result *result)
{
    if (result->error) {
        int r = err_set((enum err)result->error, "%s", result->message);
        failure_keep(&s->result_failure, r);
        atomic_fetch_add(&s->p->failed, 1);
        return ++s->n_refused_in_row < MAX_FAILED_IN_ROW ? 0 : r;
    }
    s->n_refused_in_row = 0;
    s->n_inferred++;
    atomic_fetch_add(&s->p->inferred, 1);
    struct detection_list *l = &result->detections;
    if (s->tracker) {
        int r = tracker_update(s->tracker, l->items, l->n);
        if (r < 0)
            return r;
    }
    s->n_detections += (int64_t)l->n;
    atomic_fetch_add(&s->p->n_detections, (long long)l->n);
    const struct pipeline_sink *sink = &s->wanted->sink;
    return sink->frame ? sink->frame(sink->arg, result->frame, l->items, l->n) : 0;
}

// Of one result: whether it is waited for in vain. A model may hold a loop without an end.
struct patience {
    const struct pipeline *p;
    int64_t cancelled_ns; // when that was seen; 0: not yet
};

static bool is_overdue(void *arg)
{
    struct patience *x = arg;
    int64_t now_ns = clock_now_ns();
    if (!atomic_load(&x->p->cancelled))
        return false;
    if (x->cancelled_ns == 0)
        x->cancelled_ns = now_ns;
    return now_ns - x->cancelled_ns > LAST_PICTURE_S * CLOCK_NS_PER_S;
}

// Until the last result, or the first error.
static int receive_all(struct stream *s)
{
    for (;;) {
        struct detector_result *result = NULL;
        struct patience patience = {.p = s->p};
        const struct detector_waiter waiter = {is_overdue, &patience};
        int r = detector_receive_for(s->detect, &waiter, &result);
        if (r == ERR_EOF || r == ERR_CLOSED) {
            err_clear();
            return 0;
        }
        if (r < 0)
            return r;
        r = result_pass(s, result);
        detector_result_free(&result);
        if (r < 0)
            return r;
    }
}

static void show_hint(struct stream *s, const struct source_info *info)
{
    const struct source_opts *o = &s->wanted->opts;
    int64_t n = info->n_frames_hint;
    int64_t stride = MAX(o->stride, 1);
    if (o->max_frames > 0 && o->max_frames < (n ? n : INT64_MAX) / stride)
        n = o->max_frames * stride;
    atomic_fetch_add(&s->p->n_frames_hint, n);
    atomic_fetch_add(&s->p->n_hints, n > 0);
    atomic_fetch_add(&s->p->n_opened, 1);
}

// Several sources fill the cores by themselves. One alone must feed a worker a core: on a large
// machine a single decoder thread would be what all of them wait for.
static int decoder_threads(const struct pipeline *p)
{
    int n_cores = thread_n_cores();
    return p->n_lanes > 1 || n_cores <= 2 ? 1 : MIN(n_cores / 2, MAX_DECODER_THREADS);
}

static int stream_open(struct stream *s)
{
    struct pipeline *p = s->p;
    struct source_opts opts = s->wanted->opts;
    if (opts.threads == 0)
        opts.threads = decoder_threads(p);
    opts.stop = &p->cancelled;
    opts.prepare = wanted_preparation(p);
    if (opts.isolated && s->wanted->keep_pictures)
        return err_set(ERR_UNSUPPORTED,
                       "%s: an isolated source gives no pictures to draw on: leave --isolated away",
                       opts.path);
    int r = source_open(&opts, &s->source);
    if (r < 0)
        return r;
    show_hint(s, source_info(s->source));
    if (p->opts.track) {
        r = tracker_create(&(struct tracker_opts){0}, &s->tracker);
        if (r < 0)
            return r;
    }
    r = letterbox_scratch_create(CPU_ISA_UNSET, &s->scratch);
    if (r < 0)
        return r;
    int width, height;
    detector_input_size(p->opts.detector, &width, &height);
    r = frame_pool_create(p->n_frames, width, height, &s->pool);
    if (r < 0)
        return r;
    return detector_stream_open(p->opts.detector, DETECTOR_BULK, &p->opts.settings, p->n_frames,
                                &s->detect);
}

static int stream_flow(struct stream *s)
{
    const struct pipeline_sink *sink = &s->wanted->sink;
    if (sink->begin) {
        int r = sink->begin(sink->arg, source_info(s->source));
        if (r < 0)
            return r;
    }
    int r = thread_start(&s->decode, "decode", decode_run, s);
    if (r < 0)
        return r;
    r = receive_all(s);
    bool is_given_up = r == ERR_CANCELLED && is_cancelled(s->p); // (3): nobody's failure
    if (r < 0 && !is_given_up) {
        failure_keep(&s->sink_failure, r);
        atomic_store(&s->stop, true);
    }
    if (r < 0) {
        source_interrupt(s->source);
        detector_cancel(s->detect);
        frame_pool_close(s->pool);
    }
    thread_join(&s->decode);
    return r;
}

static void stream_close(struct stream *s)
{
    for (int i = 0; i < s->n_ahead; i++)
        picture_unref(&s->ahead[i]);
    if (s->detect)
        detector_stream_close(s->detect);
    frame_pool_destroy(s->pool);
    letterbox_scratch_destroy(s->scratch);
    tracker_destroy(s->tracker);
    source_close(s->source);
}

// What stopped this source: the sink before the decoder, both before single frames.
static const struct failure *stream_failure(const struct stream *s)
{
    const struct failure *all[] = {&s->sink_failure, &s->decode_failure, &s->frame_failure,
                                   &s->result_failure};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i]->error)
            return all[i];
    return NULL;
}

static void text_set(char *to, size_t n_bytes, const char *from)
{
    size_t n = strnlen(from, n_bytes - 1);
    memcpy(to, from, n);
    to[n] = '\0';
}

static struct frame_counts settle_counts(struct stream *s)
{
    struct source_counts c = source_counts(s->source);
    // Pictures that were decoded ahead of a cancel and that nobody asked for any more.
    int64_t n_left = c.decoded - c.skipped - s->n_given;
    assert(n_left >= 0);
    int64_t failed = n_left + s->n_given - s->n_dropped - s->n_inferred;
    assert(failed >= 0);
    return (struct frame_counts){
        .decoded = c.decoded,
        .inferred = s->n_inferred,
        .skipped = c.skipped,
        .dropped = s->n_dropped,
        .failed = failed,
        .undecodable = c.undecodable,
    };
}

static void summary_fill(struct stream *s, struct pipeline_summary *sum)
{
    const struct failure *f = stream_failure(s);
    if (f) {
        sum->error = f->error;
        text_set(sum->message, sizeof(sum->message), f->message);
    }
    if (!s->source) {
        sum->interrupted = is_cancelled(s->p);
        return;
    }
    sum->frames = settle_counts(s);
    sum->n_detections = s->n_detections;
    sum->interrupted = is_cancelled(s->p) && !s->reached_end && !s->stop;
    struct source_counts c = source_counts(s->source);
    sum->cut_short = c.cut_short;
    if (!sum->error && c.cut_short)
        text_set(sum->message, sizeof(sum->message), c.cut_reason);
    if (!sum->error && !c.cut_short)
        text_set(sum->message, sizeof(sum->message), c.undecodable_reason);
    if (s->p->opts.want_sha256 && !sum->interrupted && !sum->error) {
        char hex[sizeof(sum->source_sha256)];
        // URLs and folders have none; a file that went away meanwhile has none either.
        if (source_sha256(s->source, hex) == 0)
            memcpy(sum->source_sha256, hex, sizeof(hex));
        err_clear();
    }
}

static void stream_run(struct pipeline *p, size_t index)
{
    const struct pipeline_source *wanted = &p->sources[index];
    struct pipeline_summary sum = {0};
    struct stream s = {.p = p, .wanted = wanted};
    int64_t start_ns = clock_now_ns();
    int r = is_cancelled(p) ? ERR_CANCELLED : stream_open(&s);
    if (r == 0)
        settle_engine(&s, index);
    turn_pass(p, index);
    if (r == 0)
        r = stream_flow(&s);
    if (r < 0 && !(r == ERR_CANCELLED && is_cancelled(p)))
        failure_keep(&s.sink_failure, r);
    sum.seconds = (double)(clock_now_ns() - start_ns) / (double)CLOCK_NS_PER_S;
    summary_fill(&s, &sum);
    stream_close(&s);
    if (sum.error)
        p->results[index] = *stream_failure(&s);
    r = wanted->sink.end ? wanted->sink.end(wanted->sink.arg, &sum) : 0;
    if (r < 0)
        failure_keep(&p->results[index], r);
    err_clear();
    atomic_fetch_add(&p->n_done, 1);
}

// --- all sources

static void lane_run(void *arg)
{
    struct lane *l = (struct lane *)arg;
    log_set_about(l->p->about);
    for (;;) {
        size_t index = atomic_fetch_add(&l->p->next_source, 1);
        if (index >= l->p->n_sources)
            return;
        stream_run(l->p, index);
    }
}

static int lanes_for(const struct pipeline *p)
{
    int64_t n = p->opts.n_side_by_side;
    for (size_t i = 0; n == 0 && i < p->n_sources; i++)
        if (p->sources[i].opts.live)
            n = (int64_t)p->n_sources; // none of them waits for another
    if (n == 0)
        n = thread_n_cores() + LANES_BESIDE_CORES;
    return (int)MIN(MIN(n, MAX_LANES), (int64_t)p->n_sources);
}

static int make_lock(struct pipeline *p)
{
    int r = lock_init(&p->lock, LOCK_RANK_PIPELINE);
    if (r < 0)
        return r;
    r = cond_init(&p->passed);
    if (r < 0)
        lock_finish(&p->lock);
    p->has_lock = r == 0;
    return r;
}

int pipeline_create(const struct pipeline_opts *opts, const struct pipeline_source *sources,
                    size_t n_sources, struct pipeline **ret_pipeline)
{
    assert(opts->detector && n_sources > 0);
    struct pipeline *p = mem_new(struct pipeline);
    if (!p)
        return ERR_NOMEM;
    p->opts = *opts;
    p->n_sources = n_sources;
    p->sources = mem_array(struct pipeline_source, n_sources);
    p->results = mem_array(struct failure, n_sources);
    p->is_past = mem_array(bool, n_sources);
    if (!p->sources || !p->results || !p->is_past || make_lock(p) < 0)
        goto fail;
    memcpy(p->sources, sources, n_sources * sizeof(*sources));
    p->n_lanes = lanes_for(p);
    int share = (detector_n_workers(opts->detector) + p->n_lanes - 1) / p->n_lanes;
    p->n_frames = opts->n_frames ? opts->n_frames : (size_t)share + FRAMES_BESIDE_WORKERS;
    *ret_pipeline = p;
    return 0;
fail:
    pipeline_destroy(p);
    return ERR_NOMEM;
}

int pipeline_run(struct pipeline *p)
{
    struct lane lanes[MAX_LANES] = {0};
    p->about = log_get_about();
    for (int i = 0; i < p->n_lanes; i++) {
        lanes[i].p = p;
        if (i > 0)
            IGNORE(thread_start(&lanes[i].thread, "sink", lane_run, &lanes[i])); // fewer lanes do
    }
    lane_run(&lanes[0]);
    for (int i = 1; i < p->n_lanes; i++)
        thread_join(&lanes[i].thread);
    err_clear();
    if (is_cancelled(p))
        return err_set(ERR_CANCELLED, "interrupted");
    for (size_t i = 0; i < p->n_sources; i++)
        if (p->results[i].error)
            return err_set((enum err)p->results[i].error, "%s", p->results[i].message);
    return 0;
}

void pipeline_cancel(struct pipeline *p)
{
    atomic_store(&p->cancelled, true);
}

struct pipeline_progress pipeline_progress(struct pipeline *p)
{
    int n_opened = atomic_load(&p->n_opened);
    int64_t hint = atomic_load(&p->n_frames_hint);
    bool known = n_opened > 0 && atomic_load(&p->n_hints) == n_opened;
    return (struct pipeline_progress){
        .frames =
            {
                .decoded = atomic_load(&p->decoded),
                .inferred = atomic_load(&p->inferred),
                .skipped = atomic_load(&p->skipped),
                .dropped = atomic_load(&p->dropped),
                .failed = atomic_load(&p->failed),
                .undecodable = atomic_load(&p->undecodable),
            },
        .n_detections = atomic_load(&p->n_detections),
        // Sources not opened yet are taken to be as long as the others.
        .n_frames_hint = known ? hint / n_opened * (int64_t)p->n_sources : 0,
        .n_sources_done = atomic_load(&p->n_done),
        .n_sources = (int)p->n_sources,
    };
}

void pipeline_destroy(struct pipeline *p)
{
    if (!p)
        return;
    if (p->has_lock) {
        cond_finish(&p->passed);
        lock_finish(&p->lock);
    }
    mem_free(p->is_past);
    mem_free(p->results);
    mem_free(p->sources);
    mem_free(p);
}
