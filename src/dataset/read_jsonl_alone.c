// SPDX-License-Identifier: Apache-2.0
// read_jsonl_alone.c - our detections on their own: frames become pictures, labels classes.
//
// Beside a truth read_jsonl.c reads them; this is for converting. Numbers are float32 there.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "dataset/import_priv.h"

struct reader {
    struct import *im;
    struct json_reader *json;
    int width, height; // of the header
    // Of the line.
    int32_t picture;
    const char *type; // constant text
    int64_t frame, pts_us;
    const char *file;
    int line_width, line_height;
};

struct found {
    double x, y, w, h, confidence; // NAN where absent
    int64_t track_id;
    int32_t class_index; // -1: absent
};

static int take(struct reader *r, struct json_event *ret_event)
{
    return json_next(r->json, ret_event);
}

static int take_float(struct reader *r, const char *what, double *ret)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0)
        return err;
    float value = e.type == JSON_NUMBER ? (float)e.number : NAN;
    if (!isfinite(value))
        return json_error(r->json, "\"%s\" is not a finite number", what);
    *ret = value;
    return 0;
}

static int take_integer(struct reader *r, const char *what, int64_t *ret)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type == JSON_NULL)
        return err;
    if (e.type != JSON_NUMBER || !e.is_integer)
        return json_error(r->json, "\"%s\" is not a whole number", what);
    *ret = e.integer;
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
    int err = take(r, &e);
    return err < 0 ? err : json_skip(r->json, &e);
}

// ---- header

static int take_labels(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type != JSON_ARRAY)
        return err < 0 ? err : json_skip(r->json, &e);
    while ((err = take(r, &e)) == 0 && e.type == JSON_STRING) {
        int32_t unused;
        err = import_class(r->im, e.text, &unused);
        if (err < 0)
            return err;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "\"labels\" are not texts");
    return err;
}

// "source" with width and height, or "model" with labels.
static int take_about(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type != JSON_OBJECT)
        return err < 0 ? err : json_skip(r->json, &e);
    while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "labels"))
            err = take_labels(r);
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

// ---- frames

static int take_box(struct reader *r, struct found *f)
{
    const struct {
        const char *name;
        double *value;
    } sides[] = {{"x", &f->x}, {"y", &f->y}, {"width", &f->w}, {"height", &f->h}};
    struct json_event e;
    int err = take(r, &e);
    if (err == 0 && e.type != JSON_OBJECT)
        return json_error(r->json, "\"bounding_box\" is not an object");
    while (err == 0 && (err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        size_t i = 0;
        while (i < ARRAY_LEN(sides) && !str_is(e.text, sides[i].name))
            i++;
        err = i < ARRAY_LEN(sides) ? take_float(r, sides[i].name, sides[i].value) : skip_value(r);
    }
    return err;
}

static int take_label(struct reader *r, struct found *f)
{
    struct json_event e;
    int err = take(r, &e);
    if (err == 0 && e.type != JSON_STRING)
        return json_error(r->json, "\"label\" is not a text");
    return err < 0 ? err : import_class(r->im, e.text, &f->class_index);
}

// The events behind '{' of a detection. Its picture is set when the line has ended.
static int take_detection(struct reader *r)
{
    struct found f = {NAN, NAN, NAN, NAN, NAN, 0, -1};
    struct json_event e;
    int err;
    while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "label"))
            err = take_label(r, &f);
        else if (str_is(e.text, "confidence"))
            err = take_float(r, "confidence", &f.confidence);
        else if (str_is(e.text, "bounding_box"))
            err = take_box(r, &f);
        else if (str_is(e.text, "track_id"))
            err = take_integer(r, "track_id", &f.track_id);
        else
            err = skip_value(r);
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    if (f.class_index < 0 || isnan(f.confidence) || isnan(f.x + f.y + f.w + f.h))
        return json_error(r->json, "a detection without label, confidence or a whole bounding_box");
    struct dataset_object o = import_new_object(r->picture, f.class_index);
    o.x = f.x;
    o.y = f.y;
    o.w = f.w;
    o.h = f.h;
    o.confidence = f.confidence;
    o.track_id = f.track_id > 0 ? f.track_id : -1;
    return import_object(r->im, &o, r->im->path);
}

static int take_detections(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type != JSON_ARRAY)
        return err < 0 ? err : json_skip(r->json, &e); // the summary has a number of this name
    while ((err = take(r, &e)) == 0 && e.type == JSON_OBJECT) {
        err = take_detection(r);
        if (err < 0)
            return err;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "a detection that is not an object");
    return err;
}

static int take_text(struct reader *r, const char **ret_text)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type == JSON_NULL)
        return err;
    if (e.type != JSON_STRING)
        return json_error(r->json, "not a text");
    *ret_text = arena_strndup(r->im->draft.arena, e.text.p, e.text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

static int take_member(struct reader *r, struct str key)
{
    if (str_is(key, "type"))
        return take_text(r, &r->type);
    if (str_is(key, "frame"))
        return take_integer(r, "frame", &r->frame);
    if (str_is(key, "pts_us"))
        return take_integer(r, "pts_us", &r->pts_us);
    if (str_is(key, "file"))
        return take_text(r, &r->file);
    if (str_is(key, "width"))
        return take_side(r, "width", &r->line_width);
    if (str_is(key, "height"))
        return take_side(r, "height", &r->line_height);
    if (str_is(key, "detections"))
        return take_detections(r);
    if (str_is(key, "source") || str_is(key, "model"))
        return take_about(r);
    return skip_value(r);
}

static int use_line(struct reader *r)
{
    struct draft *d = &r->im->draft;
    const size_t n_before = d->n_pictures;
    bool is_frame = r->type && strcmp(r->type, "frame") == 0;
    if (!r->type || (is_frame && r->frame < 0))
        return json_error(r->json, "a line without \"type\", or a frame line without \"frame\"");
    if (!is_frame)
        return 0;
    bool own = r->line_width > 0 && r->line_height > 0;
    int err = import_picture(r->im, str_of(r->file), own ? r->line_width : r->width,
                             own ? r->line_height : r->height, r->frame, 0, &r->picture);
    if (err == 0)
        d->pictures[n_before].pts_us = r->pts_us;
    return err;
}

static int read_line(struct reader *r)
{
    struct json_event e;
    r->type = NULL;
    r->file = NULL;
    r->frame = -1;
    r->pts_us = INT64_MIN;
    r->line_width = r->line_height = 0;
    r->picture = (int32_t)r->im->draft.n_pictures; // the one that this line will be
    const size_t n_objects = r->im->draft.n_objects;
    int err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_OBJECT)
        return json_error(r->json, "a line that is not an object");
    while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        err = take_member(r, e.text);
        if (err < 0)
            return err;
    }
    if (err == 0)
        err = use_line(r);
    if (err == 0 && r->im->draft.n_pictures == (size_t)r->picture &&
        r->im->draft.n_objects > n_objects)
        return json_error(r->json, "detections outside a frame line");
    r->picture = -1;
    return err < 0 ? err : take(r, &e); // JSON_END
}

int read_jsonl(struct import *im)
{
    struct reader r = {.im = im};
    struct dataset_input in;
    int err = im->files.n == 1 ? dataset_input_open(im->files.paths[0], &in)
                               : err_set(ERR_INVALID, "'%s': name one file", im->path);
    if (err < 0)
        return err;
    const struct json_reader_opts opts = {
        .read = dataset_input_read, .arg = &in, .name = im->path, .lines = true};
    err = json_reader_create(&opts, &r.json);
    while (err == 0)
        err = read_line(&r);
    json_reader_destroy(r.json);
    dataset_input_close(&in);
    return err == ERR_EOF ? 0 : err;
}
