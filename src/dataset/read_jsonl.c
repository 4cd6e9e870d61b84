// SPDX-License-Identifier: Apache-2.0
// read_jsonl.c - the detections file of `detect` (CONTRACTS, "Files"), a line at a time.
//
// Beside a truth its frames go to a builder; on their own (to be converted) frames become pictures
// and labels classes. Members of a line come in any order, so a line's detections wait until its
// frame is known. Numbers are float32 there (the fewest digits that read back the same), so they
// are read back as such: `evaluate` of the file and `validate` of the same run judge the same bits.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

enum {
    MAX_LINE_DETECTIONS = 1000 * 1000,
};

struct line {
    struct arena *arena; // of the texts
    enum {
        LINE_UNSET,
        LINE_HEADER,
        LINE_FRAME,
        LINE_SUMMARY,
        LINE_OTHER,
    } type;
    int64_t frame; // -1: absent
    int64_t pts_us;
    const char *file;
    int width, height; // 0: absent
    bool interrupted;
    bool has_detections;
    struct dataset_detection *detections;
    size_t n, cap;
};

struct reader {
    struct json_reader *json;
    struct dataset_builder *builder; // beside a truth, or
    struct import *im;               // on their own
    int width, height;               // of the header's source
    struct line line;
    bool has_header, has_summary, interrupted;
};

static int take_text(struct reader *r, const char *what, const char **ret_text)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_NULL)
        return 0;
    if (e.type != JSON_STRING)
        return json_error(r->json, "\"%s\" is not a text", what);
    *ret_text = arena_strndup(r->line.arena, e.text.p, e.text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

static int take_float(struct reader *r, const char *what, double *ret_value)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    float value = e.type == JSON_NUMBER ? (float)e.number : NAN;
    if (!isfinite(value))
        return json_error(r->json, "\"%s\" is not a finite number", what);
    *ret_value = value;
    return 0;
}

static int take_integer(struct reader *r, const char *what, int64_t *ret_value)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_NULL)
        return 0;
    if (e.type != JSON_NUMBER || !e.is_integer)
        return json_error(r->json, "\"%s\" is not a whole number", what);
    *ret_value = e.integer;
    return 0;
}

static int take_side(struct reader *r, const char *what, int *ret)
{
    int64_t v = 0;
    int err = take_integer(r, what, &v);
    if (err == 0)
        *ret = v > 0 && v <= IMPORT_MAX_SIZE ? (int)v : 0;
    return err;
}

static int skip_value(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    return err < 0 ? err : json_skip(r->json, &e);
}

static int read_box(struct reader *r, struct dataset_detection *d)
{
    struct {
        const char *name;
        double *value;
        bool seen;
    } sides[] = {
        {"x", &d->x, false},
        {"y", &d->y, false},
        {"width", &d->w, false},
        {"height", &d->h, false},
    };
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_OBJECT)
        return json_error(r->json, "\"bounding_box\" is not an object");
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        size_t i = 0;
        while (i < ARRAY_LEN(sides) && !str_is(e.text, sides[i].name))
            i++;
        if (i < ARRAY_LEN(sides)) {
            sides[i].seen = true;
            err = take_float(r, sides[i].name, sides[i].value);
        } else {
            err = skip_value(r);
        }
        if (err < 0)
            return err;
    }
    for (size_t i = 0; i < ARRAY_LEN(sides) && err == 0; i++) {
        if (!sides[i].seen)
            return json_error(r->json, "\"bounding_box\" has no \"%s\"", sides[i].name);
    }
    return err;
}

// The events behind '{' of a detection.
static int read_detection(struct reader *r)
{
    struct dataset_detection d = {0};
    bool has_box = false;
    bool has_confidence = false;
    struct json_event e;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "label")) {
            err = take_text(r, "label", &d.label);
        } else if (str_is(e.text, "confidence")) {
            has_confidence = true;
            err = take_float(r, "confidence", &d.confidence);
        } else if (str_is(e.text, "bounding_box")) {
            has_box = true;
            err = read_box(r, &d);
        } else if (str_is(e.text, "track_id")) {
            err = take_integer(r, "track_id", &d.track_id);
        } else {
            err = skip_value(r);
        }
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    if (!d.label || !has_confidence || !has_box)
        return json_error(r->json, "a detection without \"%s\"",
                          !d.label          ? "label"
                          : !has_confidence ? "confidence"
                                            : "bounding_box");
    if (r->line.n >= MAX_LINE_DETECTIONS)
        return json_error(r->json, "more than %d detections in a frame", MAX_LINE_DETECTIONS);
    err = MEM_GROW(r->line.detections, r->line.cap, r->line.n);
    if (err == 0)
        r->line.detections[r->line.n++] = d;
    return err;
}

static int read_detections(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_ARRAY)
        return json_skip(r->json, &e); // the summary has a number of this name
    r->line.has_detections = true;
    for (;;) {
        err = json_next(r->json, &e);
        if (err < 0 || e.type == JSON_ARRAY_END)
            return err;
        if (e.type != JSON_OBJECT)
            return json_error(r->json, "a detection that is not an object");
        err = read_detection(r);
        if (err < 0)
            return err;
    }
}

// All labels of the model become classes, in its order.
static int read_labels(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0 || e.type != JSON_ARRAY)
        return err < 0 ? err : json_skip(r->json, &e);
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_STRING) {
        int32_t unused;
        err = import_class(r->im, e.text, &unused);
        if (err < 0)
            return err;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "\"labels\" are not texts");
    return err;
}

// "source" with width and height, or "model" with labels: what a file on its own needs.
static int read_about(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0 || e.type != JSON_OBJECT)
        return err < 0 ? err : json_skip(r->json, &e);
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "labels"))
            err = read_labels(r);
        else if (str_is(e.text, "width"))
            err = take_side(r, "width", &r->width);
        else if (str_is(e.text, "height"))
            err = take_side(r, "height", &r->height);
        else
            err = skip_value(r);
        if (err < 0)
            return err;
    }
    return err;
}

static int read_type(struct reader *r)
{
    const char *text = NULL;
    int err = take_text(r, "type", &text);
    if (err < 0)
        return err;
    if (!text)
        return json_error(r->json, "\"type\" is not a text");
    r->line.type = strcmp(text, "header") == 0    ? LINE_HEADER
                   : strcmp(text, "frame") == 0   ? LINE_FRAME
                   : strcmp(text, "summary") == 0 ? LINE_SUMMARY
                                                  : LINE_OTHER;
    return 0;
}

static int read_member(struct reader *r, struct str key)
{
    struct json_event e;
    if (str_is(key, "type"))
        return read_type(r);
    if (str_is(key, "frame"))
        return take_integer(r, "frame", &r->line.frame);
    if (str_is(key, "pts_us"))
        return take_integer(r, "pts_us", &r->line.pts_us);
    if (str_is(key, "file"))
        return take_text(r, "file", &r->line.file);
    if (str_is(key, "width"))
        return take_side(r, "width", &r->line.width);
    if (str_is(key, "height"))
        return take_side(r, "height", &r->line.height);
    if (str_is(key, "detections"))
        return read_detections(r);
    if (r->im && (str_is(key, "source") || str_is(key, "model")))
        return read_about(r);
    bool is_interrupted = str_is(key, "interrupted");
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (is_interrupted)
        r->line.interrupted = e.type == JSON_BOOL && e.boolean;
    return json_skip(r->json, &e);
}

static int build_frame(struct reader *r)
{
    const struct line *l = &r->line;
    int err = dataset_builder_frame(r->builder, l->frame, l->pts_us, l->file);
    for (size_t i = 0; i < l->n && err == 0; i++)
        err = dataset_builder_add(r->builder, &l->detections[i]);
    return err;
}

static int import_frame(struct reader *r)
{
    const struct line *l = &r->line;
    const bool own = l->width > 0 && l->height > 0;
    int32_t picture;
    int err = import_picture(r->im, str_of(l->file), own ? l->width : r->width,
                             own ? l->height : r->height, l->frame, 0, &picture);
    if (err < 0)
        return err;
    r->im->draft.pictures[picture].pts_us = l->pts_us;
    for (size_t i = 0; i < l->n && err == 0; i++) {
        const struct dataset_detection *d = &l->detections[i];
        struct dataset_object o = import_new_object(picture, 0);
        err = import_class(r->im, str_of(d->label), &o.class_index);
        o.x = d->x;
        o.y = d->y;
        o.w = d->w;
        o.h = d->h;
        o.confidence = d->confidence;
        o.track_id = d->track_id > 0 ? d->track_id : -1;
        if (err == 0)
            err = import_object(r->im, &o, r->im->path);
    }
    return err;
}

// What a whole line says.
static int use_line(struct reader *r)
{
    const struct line *l = &r->line;
    if (l->type == LINE_UNSET)
        return json_error(r->json, "a line without \"type\"");
    if (l->type == LINE_HEADER)
        r->has_header = true;
    if (l->type == LINE_SUMMARY) {
        r->has_summary = true;
        r->interrupted = l->interrupted;
    }
    if (l->type != LINE_FRAME)
        return 0;
    if (l->frame < 0 || !l->has_detections)
        return json_error(r->json, "a frame line without \"%s\"",
                          l->frame < 0 ? "frame" : "detections");
    return r->im ? import_frame(r) : build_frame(r);
}

static int read_line(struct reader *r)
{
    struct line *l = &r->line;
    struct json_event e;
    arena_rewind(l->arena, 0);
    *l = (struct line){.arena = l->arena,
                       .frame = -1,
                       .pts_us = INT64_MIN,
                       .detections = l->detections,
                       .cap = l->cap};
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_OBJECT)
        return json_error(r->json, "a line that is not an object");
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        err = read_member(r, e.text);
        if (err < 0)
            return err;
    }
    if (err == 0)
        err = use_line(r);
    return err < 0 ? err : json_next(r->json, &e); // JSON_END
}

static int note(struct reader *r, const char *text)
{
    return r->im ? draft_notice(&r->im->draft, "%s", text)
                 : dataset_builder_notice(r->builder, text);
}

static int read_lines(struct reader *r)
{
    int err;
    do
        err = read_line(r);
    while (err == 0);
    if (err != ERR_EOF)
        return err;
    err_clear();
    if (!r->has_header)
        return json_error(r->json, "no header line: not a detections file, or its start is lost");
    if (!r->has_summary)
        return note(r, "the detections have no summary line: the run was killed, the rest of its "
                       "frames is missing");
    return r->interrupted ? note(r, "the run was interrupted: the rest of its frames is missing")
                          : 0;
}

static int read_all(struct reader *r, struct dataset_input *in)
{
    const struct json_reader_opts opts = {
        .read = dataset_input_read, .arg = in, .name = in->path, .lines = true};
    int err = arena_create(0, &r->line.arena);
    if (err == 0)
        err = json_reader_create(&opts, &r->json);
    if (err == 0)
        err = read_lines(r);
    json_reader_destroy(r->json);
    arena_destroy(r->line.arena);
    mem_free(r->line.detections);
    return err;
}

int dataset_read_jsonl(struct dataset_input *in, const struct dataset *truth,
                       struct dataset **ret_dataset)
{
    if (!truth)
        return err_set(ERR_UNSUPPORTED, "'%s' holds detections, not truth", in->path);
    struct reader r = {0};
    int err = dataset_builder_create(truth, &r.builder);
    if (err == 0)
        err = read_all(&r, in);
    if (err == 0)
        return dataset_builder_finish(&r.builder, ret_dataset);
    dataset_builder_destroy(r.builder);
    return err;
}

int read_jsonl(struct import *im)
{
    struct reader r = {.im = im};
    struct dataset_input in;
    int err = im->files.n == 1 ? dataset_input_open(im->files.paths[0], &in)
                               : err_set(ERR_INVALID, "'%s': name one file", im->path);
    if (err < 0)
        return err;
    err = read_all(&r, &in);
    dataset_input_close(&in);
    return err;
}
