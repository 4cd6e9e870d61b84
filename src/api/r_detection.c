// SPDX-License-Identifier: Apache-2.0
// r_detection.c - detections: in pages, as one streamed document, as binary columns.

#include <string.h>

#include "api/api_priv.h"
#include "api/detection_reply.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/store_detection.h"
#include "store/store_video.h"

enum {
    STREAM_PIECE = 256 * 1024, // bytes of a piece of the streamed document
};

void put_box(struct json_writer *w, const char *key, float x, float y, float width, float height)
{
    json_key(w, key);
    json_object(w);
    json_key(w, "x");
    json_float(w, x);
    json_key(w, "y");
    json_float(w, y);
    json_key(w, "width");
    json_float(w, width);
    json_key(w, "height");
    json_float(w, height);
    json_end(w);
}

static const char *outcome_name(int outcome)
{
    return outcome == COLUMNS_TP ? "tp" : outcome == COLUMNS_FP ? "fp" : "fn";
}

static void put_outcome(struct json_writer *w, const struct columns_detection *v)
{
    json_put_text(w, "result", outcome_name(v->outcome));
    if (v->outcome == COLUMNS_FP)
        return;
    put_box(w, "truth_box", v->truth_x, v->truth_y, v->truth_w, v->truth_h);
    if (v->outcome == COLUMNS_TP) {
        json_key(w, "iou");
        json_float(w, v->iou);
    }
}

static void put_detection(struct json_writer *w, const struct store_detection *d)
{
    const struct columns_detection *v = d->values;
    bool has_box = !(d->flags & COLUMNS_OUTCOMES) || v->outcome != COLUMNS_FN;
    json_object(w);
    json_put_int(w, "frame", d->frame);
    json_put_int(w, "pts_us", d->pts_us);
    json_put_int(w, "class_id", d->class_id);
    json_put_text(w, "label", d->label);
    if (has_box) {
        json_key(w, "confidence");
        json_float(w, v->confidence);
        put_box(w, "bounding_box", v->x, v->y, v->w, v->h);
    }
    if ((d->flags & COLUMNS_TRACKS) && v->track_id > 0)
        json_put_int(w, "track_id", v->track_id);
    if (d->flags & COLUMNS_OUTCOMES)
        put_outcome(w, v);
    json_end(w);
}

// ---- what is asked for

int detections_filter(struct request *q, struct store_set_filter *f)
{
    int64_t from = 0;
    int64_t to = -1;
    double confidence = 0;
    const char *result = NULL;
    int r = api_query(q, "label", &f->label);
    if (r == 0)
        r = request_query_double(q, "min_confidence", 0, 1, &confidence);
    if (r == 0)
        r = request_query_int(q, "from_frame", 0, INT64_MAX, &from);
    if (r == 0)
        r = request_query_int(q, "to_frame", 0, INT64_MAX, &to);
    if (r == 0)
        r = api_query(q, "result", &result);
    if (r < 0)
        return r;
    f->min_confidence = (float)confidence;
    f->from_frame = from;
    f->has_to_frame = to >= 0;
    f->to_frame = to;
    for (int i = COLUMNS_TP; result && i < COLUMNS_N_OUTCOMES; i++)
        if (strcmp(outcome_name(i), result) == 0)
            f->outcome = (enum columns_outcome)i;
    if (result && !f->outcome)
        return err_set(ERR_INVALID, "result '%.20s' is none of tp, fp, fn", result);
    return 0;
}

// ---- one streamed document

struct document {
    struct store_set_stream *stream;
    const struct columns *block; // borrowed from the stream
    size_t at_frame;
    bool has_begun, has_item, has_ended;
};

static void put_frame(struct document *d, struct str_buf *out)
{
    const struct columns *c = d->block;
    const struct columns_frame *f = &c->frames[d->at_frame];
    for (uint32_t i = 0; i < f->n; i++) {
        const struct columns_detection *v = &c->detections[f->first + i];
        const struct store_detection row = {.frame = f->frame,
                                            .pts_us = f->pts_us,
                                            .latency_us = f->latency_us,
                                            .class_id = c->labels[v->label].class_id,
                                            .label = c->labels[v->label].text,
                                            .values = v,
                                            .flags = c->flags};
        struct json_writer w;
        if (d->has_item)
            str_buf_putc(out, ',');
        d->has_item = true;
        json_writer_init(&w, out);
        put_detection(&w, &row);
    }
}

static int document_next(void *state, struct str_buf *out)
{
    struct document *d = (struct document *)state;
    if (d->has_ended)
        return 0;
    if (!d->has_begun)
        str_buf_puts(out, "{\"items\":[");
    d->has_begun = true;
    while (out->n < STREAM_PIECE) {
        if (!d->block || d->at_frame == d->block->n_frames) {
            int r = store_set_stream_next(d->stream, &d->block);
            d->at_frame = 0;
            if (r == ERR_EOF) {
                str_buf_puts(out, "],\"next_cursor\":null}");
                d->has_ended = true;
                return 0;
            }
            if (r < 0)
                return r;
            continue;
        }
        put_frame(d, out);
        d->at_frame++;
    }
    return 0;
}

static void document_release(void *state)
{
    store_set_stream_close(((struct document *)state)->stream);
}

static int columns_next(void *state, struct str_buf *out)
{
    const void *bytes;
    size_t n;
    int r = store_set_stream_bytes(((struct document *)state)->stream, &bytes, &n);
    if (r == 0)
        str_buf_add(out, bytes, n);
    return r == ERR_EOF ? 0 : r;
}

static int reply_stream_of(struct request *q, const struct store_set_filter *f, bool as_columns)
{
    struct document *d = arena_new(request_arena(q), struct document);
    if (!d)
        return ERR_NOMEM;
    int r = store_set_stream_open(api_of(q)->opts.store, f, &d->stream);
    if (r < 0)
        return r;
    const struct reply_stream s = {.type = as_columns ? COLUMNS_MEDIA_TYPE : "application/json",
                                   .next = as_columns ? columns_next : document_next,
                                   .state = d,
                                   .release = document_release};
    return reply_stream(q, &s);
}

// ---- pages

static int page_row(void *arg, const struct store_detection *d)
{
    put_detection(&((struct listing *)arg)->w, d);
    return 0;
}

int detections_reply(struct request *q, const struct store_set_filter *f)
{
    bool wants_stream = false;
    int r = request_query_bool(q, "stream", &wants_stream);
    if (r < 0)
        return r;
    bool as_columns = request_accepts(q, COLUMNS_MEDIA_TYPE, false);
    if (as_columns || wants_stream)
        return reply_stream_of(q, f, as_columns);
    struct listing l;
    r = listing_begin(&l, q);
    if (r == 0)
        r = store_set_page(api_of(q)->opts.store, f, &l.page, page_row, &l, &l.next);
    return listing_end(&l, r);
}

static int detections_of_video(struct request *q)
{
    struct store *s = api_of(q)->opts.store;
    struct store_video v;
    struct store_set set;
    const char *task;
    struct store_set_filter f = {0};
    int r = api_video(q, &v);
    if (r == 0)
        r = api_query(q, "task", &task);
    if (r == 0)
        r = task ? store_set_of_task(s, task, request_arena(q), &set)
                 : store_set_latest(s, v.id, request_arena(q), &set);
    if (r == 0 && strcmp(set.video_id, v.id) != 0) // it may be one that nobody here may see
        r = err_set(ERR_NOT_FOUND, "set of detections of task '%.64s' does not exist", task);
    if (r == 0)
        r = detections_filter(q, &f);
    f.set_id = set.id;
    return r == 0 ? detections_reply(q, &f) : r;
}

static void put_set(struct json_writer *w, const struct store_set *x)
{
    json_object(w);
    json_put_text(w, "id", x->id);
    json_put_text(w, "task_id", x->task_id);
    json_put_text(w, "session_id", x->session_id);
    json_put_bool(w, "is_complete", x->is_complete);
    json_put_int(w, "frames", x->n_frames);
    json_put_int(w, "detections", x->n_detections);
    json_put_int(w, "bytes", x->n_bytes);
    put_raw(w, "header", x->header_json);
    put_raw(w, "summary", x->summary_json);
    put_time(w, "created_at", x->created_at_us);
    put_time(w, "finished_at", x->finished_at_us);
    json_end(w);
}

static int set_row(void *arg, const struct store_set *x)
{
    put_set(&((struct listing *)arg)->w, x);
    return 0;
}

static int sets_of_video(struct request *q)
{
    struct listing l;
    struct store_video v;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_video(q, &v);
    if (r == 0)
        r = store_set_list(api_of(q)->opts.store, v.id, &l.page, set_row, &l, &l.next);
    return listing_end(&l, r);
}

const struct route api_routes_detection[] = {
    {"GET", "/api/v1/videos/{id}/detections", detections_of_video, .role = API_VIEWER},
    {"GET", "/api/v1/videos/{id}/runs", sets_of_video, .role = API_VIEWER},
    {0},
};
