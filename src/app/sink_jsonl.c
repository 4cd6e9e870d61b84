// SPDX-License-Identifier: Apache-2.0
// sink_jsonl.c - detections as JSON lines: a header, a line a frame, a summary.
//
// Frame lines hold nothing that depends on time, threads or company: the same input gives the same
// bytes.

#include "app/sink.h"
#include "base/json.h"
#include "infer/model.h"
#include "media/source.h"
#include "vision/detection.h"
#include "vision/frame.h"

static void write_ratio(struct json_writer *w, const char *key, int num, int den)
{
    json_key(w, key);
    if (num <= 0 || den <= 0) {
        json_null(w);
        return;
    }
    struct str_buf text = STR_BUF_INIT(64);
    str_buf_printf(&text, "%d/%d", num, den);
    json_string(w, str_buf_view(&text));
    str_buf_finish(&text);
}

static void write_source(struct json_writer *w, const struct source_info *source)
{
    json_key(w, "source");
    json_object(w);
    json_put_text(w, "path", source->path);
    json_put_int(w, "stream_index", source->stream_index);
    json_put_int(w, "width", source->width);
    json_put_int(w, "height", source->height);
    write_ratio(w, "frame_rate", source->frame_rate_num, source->frame_rate_den);
    write_ratio(w, "time_base", source->time_base_num, source->time_base_den);
    json_put_text(w, "container", source->container);
    json_put_text(w, "codec", source->codec);
    json_put_int(w, "rotation", source->rotation);
    json_end(w);
}

static void write_model(struct json_writer *w, const struct model_info *m)
{
    json_key(w, "model");
    json_object(w);
    json_put_text(w, "path", m->path);
    json_put_text(w, "sha256", m->sha256);
    json_put_text(w, "head", m->head_name);
    json_key(w, "input");
    json_object(w);
    json_put_int(w, "width", m->input.width);
    json_put_int(w, "height", m->input.height);
    json_end(w);
    json_key(w, "labels");
    json_array(w);
    for (int i = 0; i < m->n_labels; i++)
        json_cstring(w, m->labels[i]);
    json_end(w);
    json_end(w);
}

static int jsonl_begin(struct sink *s, const struct source_info *source)
{
    struct json_writer w;
    json_writer_init(&w, &s->line);
    json_object(&w);
    json_put_text(&w, "type", "header");
    json_put_text(&w, "assay", ASSAY_VERSION);
    write_source(&w, source);
    write_model(&w, s->about.model);
    json_key(&w, "settings");
    json_object(&w);
    if (s->about.settings)
        s->about.settings(s->about.arg, &w);
    json_end(&w);
    json_end(&w);
    str_buf_putc(&s->line, '\n');
    return 0;
}

static void write_box(struct json_writer *w, struct box b)
{
    json_key(w, "bounding_box");
    json_object(w);
    json_key(w, "x");
    json_float(w, b.x1);
    json_key(w, "y");
    json_float(w, b.y1);
    json_key(w, "width");
    json_float(w, b.x2 - b.x1);
    json_key(w, "height");
    json_float(w, b.y2 - b.y1);
    json_end(w);
}

static void write_detection(const struct sink *s, struct json_writer *w, const struct detection *d)
{
    json_object(w);
    json_put_int(w, "class_id", d->class_id);
    json_put_text(w, "label", sink_label(s, d->class_id));
    json_key(w, "confidence");
    json_float(w, d->confidence);
    write_box(w, d->box);
    if (d->track_id) {
        json_put_int(w, "track_id", d->track_id);
    }
    json_end(w);
}

static int jsonl_frame(struct sink *s, const struct frame *f, const struct detection *d, size_t n)
{
    struct json_writer w;
    json_writer_init(&w, &s->line);
    json_object(&w);
    json_put_text(&w, "type", "frame");
    json_put_int(&w, "frame", f->ordinal);
    json_put_int(&w, "pts_us", f->pts_us);
    if (f->file) {
        json_put_text(&w, "file", f->file);
    }
    // A stream may change its size half way: the boxes are of this picture.
    int width = f->letterbox.src_width;
    int height = f->letterbox.src_height;
    if (f->file || width != s->width || height != s->height) {
        json_put_int(&w, "width", width);
        json_put_int(&w, "height", height);
    }
    json_key(&w, "detections");
    json_array(&w);
    for (size_t i = 0; i < n; i++)
        write_detection(s, &w, &d[i]);
    json_end(&w);
    json_end(&w);
    str_buf_putc(&s->line, '\n');
    return 0;
}

static void write_counts(struct json_writer *w, const struct frame_counts *c)
{
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {
        {"decoded", c->decoded}, {"inferred", c->inferred}, {"skipped", c->skipped},
        {"dropped", c->dropped}, {"failed", c->failed},     {"undecodable", c->undecodable},
    };
    json_key(w, "frames");
    json_object(w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_put_int(w, rows[i].key, rows[i].value);
    }
    json_end(w);
}

static int jsonl_end(struct sink *s, const struct pipeline_summary *sum)
{
    struct json_writer w;
    json_writer_init(&w, &s->line);
    json_object(&w);
    json_put_text(&w, "type", "summary");
    write_counts(&w, &sum->frames);
    json_put_int(&w, "detections", sum->n_detections);
    json_put_double(&w, "seconds", sum->seconds);
    json_key(&w, "frames_per_second");
    if (sum->seconds > 0)
        json_double(&w, (double)sum->frames.inferred / sum->seconds);
    else
        json_null(&w);
    json_put_text(&w, "source_sha256", sum->source_sha256[0] ? sum->source_sha256 : NULL);
    json_put_bool(&w, "interrupted", sum->interrupted);
    if (sum->cut_short || sum->error) {
        json_put_text(&w, sum->error ? "error" : "cut_short", sum->message);
    }
    json_end(&w);
    str_buf_putc(&s->line, '\n');
    return 0;
}

const struct sink_impl sink_jsonl = {
    .name = "jsonl",
    .ending = ".jsonl",
    .begin = jsonl_begin,
    .frame = jsonl_frame,
    .end = jsonl_end,
};
