// SPDX-License-Identifier: Apache-2.0
// kind_process.c - "process": a video through a model into a set of detections.

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/tell_name.h"
#include "blob/blob.h"
#include "infer/model_cache.h"
#include "pipeline/detect_opts.h"
#include "pipeline/pipeline.h"
#include "store/store_detection.h"
#include "store/store_model.h"
#include "store/store_session.h"
#include "store/store_video.h"
#include "task/kinds.h"
#include "vision/frame.h"

enum {
    MAX_HEADER = 1024 * 1024,
    TIMEOUT_MS = 24 * 3600 * 1000,
};

static struct metric detections_total =
    METRIC_COUNTER("detections_total", "Detections that tasks stored", "model");
static struct metric frames_total = METRIC_COUNTER("frames_total", "Frames of tasks", "stage");

struct processing {
    // --- constant while the pipeline runs
    struct task_run *run;
    struct store_video video;
    struct store_model model;
    char video_path[BLOB_PATH_BYTES];
    char model_path[BLOB_PATH_BYTES];
    struct detect_opts opts;
    struct detector *detector;
    struct detector_settings settings;
    // --- the pipeline's sink thread
    struct store_set_writer *writer;
    int64_t n_wanted; // frames that will be inferred; 0: unknown
    int64_t n_done;
    int64_t n_detections;
    int64_t started_ns;
    // --- after the run
    struct pipeline_summary summary;
};

// --- the header and the summary, as in files of detections (docs/FILES.md)

static void put_source(struct json_writer *w, const struct processing *p,
                       const struct source_info *i)
{
    json_key(w, "source");
    json_object(w);
    json_put_text(w, "path", p->video.name);
    json_put_int(w, "stream_index", i->stream_index);
    json_put_int(w, "width", i->width);
    json_put_int(w, "height", i->height);
    json_key(w, "frame_rate");
    json_double(w, i->frame_rate_num > 0 ? (double)i->frame_rate_num / i->frame_rate_den : 0.0);
    json_end(w);
}

static void put_model(struct json_writer *w, const struct processing *p)
{
    const struct model_info *m = detector_model(p->detector);
    json_key(w, "model");
    json_object(w);
    json_put_text(w, "path", p->model.name);
    json_put_text(w, "sha256", m->sha256);
    json_put_text(w, "head", m->head_name);
    json_key(w, "labels");
    json_array(w);
    for (int i = 0; i < m->n_labels; i++)
        json_cstring(w, m->labels[i]);
    json_end(w);
    json_end(w);
}

static void put_header(struct str_buf *out, const struct processing *p, const struct source_info *i)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    put_source(&w, p, i);
    put_model(&w, p);
    json_key(&w, "settings");
    json_object(&w);
    const struct detect_used used = {
        .opts = &p->opts, .detector = p->detector, .settings = &p->settings};
    detect_opts_write(&used, &w);
    json_end(&w);
    json_end(&w);
}

static void put_summary(struct str_buf *out, const struct pipeline_summary *s)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "frames");
    json_object(&w);
    json_put_int(&w, "decoded", s->frames.decoded);
    json_put_int(&w, "inferred", s->frames.inferred);
    json_put_int(&w, "skipped", s->frames.skipped);
    json_put_int(&w, "dropped", s->frames.dropped);
    json_put_int(&w, "failed", s->frames.failed);
    json_put_int(&w, "undecodable", s->frames.undecodable);
    json_end(&w);
    json_put_int(&w, "detections", s->n_detections);
    json_key(&w, "seconds");
    json_double(&w, s->seconds);
    json_key(&w, "frames_per_second");
    json_double(&w, s->seconds > 0 ? (double)s->frames.inferred / s->seconds : 0.0);
    json_key(&w, "cut_short");
    json_bool(&w, s->cut_short);
    json_put_text(&w, "warning", s->message[0] ? s->message : NULL);
    json_end(&w);
}

// --- the sink

static int begin(void *arg, const struct source_info *source)
{
    struct processing *p = (struct processing *)arg;
    int64_t n = p->video.n_frames ? p->video.n_frames : source->n_frames_hint;
    int64_t stride = MAX(p->opts.source.stride, 1);
    p->n_wanted = (n + stride - 1) / stride;
    if (p->opts.source.max_frames > 0 && (n == 0 || p->opts.source.max_frames < p->n_wanted))
        p->n_wanted = p->opts.source.max_frames;
    struct str_buf header = STR_BUF_INIT(MAX_HEADER);
    put_header(&header, p, source);
    int r = str_buf_check(&header);
    const struct store_task *t = task_run_row(p->run);
    const struct store_set_opts set = {
        .kind = STORE_SET_DETECTIONS,
        .video_id = p->video.id,
        .session_id = t->session_id,
        .lease = task_run_lease(p->run),
        .header_json = str_buf_text(&header),
        .flags = p->opts.track ? COLUMNS_TRACKS : 0,
    };
    if (r == 0)
        r = store_set_begin(task_run_tools(p->run)->store, &set, &p->writer);
    str_buf_finish(&header);
    return r;
}

static void report(struct processing *p)
{
    double seconds = (double)(clock_now_ns() - p->started_ns) / (double)CLOCK_NS_PER_S;
    const struct store_task_progress progress = {
        .progress = p->n_wanted > 0 ? MIN((double)p->n_done / (double)p->n_wanted, 0.999) : 0.0,
        .frames_done = p->n_done,
        .frames_total = p->n_wanted,
        .frames_per_second = seconds > 0 ? (double)p->n_done / seconds : 0.0,
        .n_detections = p->n_detections,
    };
    task_run_report(p->run, &progress);
}

static int frame(void *arg, const struct frame *f, const struct detection *d, size_t n)
{
    struct processing *p = (struct processing *)arg;
    const struct model_info *m = detector_model(p->detector);
    int r = store_set_add_detections(p->writer, f->ordinal, f->pts_us, d, n, m->labels,
                                     (size_t)m->n_labels);
    p->n_done++;
    p->n_detections += (int64_t)n;
    report(p);
    return r;
}

static int end(void *arg, const struct pipeline_summary *summary)
{
    struct processing *p = (struct processing *)arg;
    p->summary = *summary;
    return 0;
}

// --- the run

static int look_up(struct processing *p)
{
    const struct task_tools *t = task_run_tools(p->run);
    const struct store_task *row = task_run_row(p->run);
    struct arena *a = task_run_arena(p->run);
    if (!row->video_id || !row->model_id)
        return err_set(ERR_INVALID, "the task names no video or no model");
    int r = store_video_get(t->store, row->video_id, a, &p->video);
    if (r == 0)
        r = store_model_get(t->store, row->model_id, a, &p->model);
    if (r == 0 && p->video.status == STORE_VIDEO_FAILED)
        return err_set(ERR_MEDIA, "%s: %s", p->video.name,
                       p->video.error ? p->video.error : "cannot be read");
    if (r == 0 && p->model.status == STORE_MODEL_FAILED)
        return err_set(ERR_MODEL, "%s: %s", p->model.name,
                       p->model.error ? p->model.error : "cannot be used");
    if (r == 0 && (!p->video.blob_key || !p->model.blob_key))
        return err_set(ERR_INVALID, "%s: only uploaded videos and models are processed",
                       p->video.name);
    if (r == 0)
        r = blob_path(t->blob, p->video.blob_key, p->video_path);
    return r == 0 ? blob_path(t->blob, p->model.blob_key, p->model_path) : r;
}

static int take_model(struct processing *p)
{
    p->opts.model.path = p->model_path;
    const struct model_wanted wanted = {.key = p->model.id,
                                        .name = p->model.name,
                                        .model = p->opts.model,
                                        .engine = &p->opts.engine};
    int r = model_cache_take(task_run_tools(p->run)->models, &wanted, &p->detector);
    if (r < 0) {
        bool has_name = strstr(err_message(r), p->model_path) != NULL;
        r = tell_name(r, p->model_path, p->model.name);
        return has_name ? r : err_prefix(r, "%s", p->model.name);
    }
    return detect_opts_settings(&p->opts, detector_model(p->detector), task_run_arena(p->run),
                                &p->settings);
}

static void cancel(void *arg)
{
    pipeline_cancel((struct pipeline *)arg);
}

static int run_pipeline(struct processing *p)
{
    const struct pipeline_opts opts = {.detector = p->detector,
                                       .settings = p->settings,
                                       .track = p->opts.track,
                                       .n_side_by_side = 1};
    struct pipeline_source source = {
        .opts = p->opts.source,
        .sink = {.arg = p, .begin = begin, .frame = frame, .end = end},
    };
    source.opts.path = p->video_path;
    source.opts.isolated = true;
    source.opts.program = task_run_tools(p->run)->program;
    struct pipeline *pipeline;
    int r = pipeline_create(&opts, &source, 1, &pipeline);
    if (r < 0)
        return r;
    task_run_on_stop(p->run, cancel, pipeline);
    r = pipeline_run(pipeline);
    task_run_on_stop(p->run, NULL, NULL);
    pipeline_destroy(pipeline);
    return r;
}

// The set, the session's video and the task's end: all or nothing.
static int write_end(void *arg)
{
    struct processing *p = (struct processing *)arg;
    struct store *s = task_run_tools(p->run)->store;
    const struct store_task *t = task_run_row(p->run);
    struct str_buf summary = STR_BUF_INIT(MAX_HEADER);
    put_summary(&summary, &p->summary);
    char set_id[ID_BYTES];
    int r = str_buf_check(&summary);
    if (r == 0)
        r = store_set_finish(&p->writer, str_buf_text(&summary), set_id);
    if (r == 0)
        r = task_run_set_result(p->run, str_buf_text(&summary));
    if (r == 0 && t->session_id) {
        const struct store_session_video v = {.session_id = t->session_id,
                                              .video_id = p->video.id,
                                              .task_id = t->id,
                                              .set_id = set_id};
        r = store_session_set_video(s, task_run_lease(p->run), &v);
    }
    str_buf_finish(&summary);
    return r;
}

static void count(const struct processing *p)
{
    const struct frame_counts *c = &p->summary.frames;
    metric_add(&frames_total, (double)c->decoded, LABELS("decoded"));
    metric_add(&frames_total, (double)c->inferred, LABELS("inferred"));
    metric_add(&frames_total, (double)c->skipped, LABELS("skipped"));
    metric_add(&frames_total, (double)c->dropped, LABELS("dropped"));
    metric_add(&frames_total, (double)c->failed, LABELS("failed"));
    metric_add(&frames_total, (double)c->undecodable, LABELS("undecodable"));
    metric_add(&detections_total, (double)p->n_detections, LABELS(p->model.name));
}

static int process(struct processing *p)
{
    int r = look_up(p);
    if (r == 0)
        r = detect_opts_read_json(task_run_row(p->run)->settings_json, task_run_arena(p->run),
                                  &p->opts);
    if (r == 0)
        r = take_model(p);
    if (r == 0)
        r = run_pipeline(p);
    if (r < 0) // where a blob lies is nobody's business
        return tell_name(tell_name(r, p->video_path, p->video.name), p->model_path, p->model.name);
    count(p);
    return task_run_commit(p->run, write_end, p);
}

static int run_process(struct task_run *run)
{
    struct processing *p = arena_new(task_run_arena(run), struct processing);
    if (!p)
        return ERR_NOMEM;
    *p = (struct processing){
        .run = run,
        .opts = {.confidence = task_run_row(run)->session_id ? DETECT_JUDGED_CONFIDENCE
                                                             : DETECT_DEFAULT_CONFIDENCE,
                 .iou = DETECT_DEFAULT_IOU,
                 .max_detections = DETECT_DEFAULT_MAX,
                 .source = {.stream_index = -1, .has_stream_index = true}},
        .started_ns = clock_now_ns(),
    };
    int r = process(p);
    store_set_abort(&p->writer);
    model_cache_give_back(task_run_tools(run)->models, p->detector);
    return r;
}

const struct task_kind task_kind_process = {
    .name = "process", .timeout_ms = TIMEOUT_MS, .run = run_process};
