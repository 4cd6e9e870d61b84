// SPDX-License-Identifier: Apache-2.0
// read_labelme.c - LabelMe JSON: one document a picture, shapes with points.
//
// A rectangle has two opposite corners in any order; of polygons the box around them is read.
// Lines and points have no box; a circle (centre, point on it) has.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

enum {
    LABELME_MAX_TEXT = 64 * 1024 * 1024, // imageData: the picture in base64
};

struct reader {
    struct import *im;
    struct json_reader *json;
    const char *path;
    int32_t picture;
    const char *file_name;
    int64_t width, height;
};

struct shape {
    const char *label, *type; // in the draft's arena
    size_t n_points;
    double first[2], second[2];
    double x1, y1, x2, y2; // around all points
    int64_t group;         // -1: none
    bool has_points;
};

static int take(struct reader *r, struct json_event *ret_event)
{
    return json_next(r->json, ret_event);
}

static int take_text(struct reader *r, const char *what, const char **ret_text)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type == JSON_NULL)
        return err;
    if (e.type != JSON_STRING)
        return json_error(r->json, "\"%s\" is not a text", what);
    if (e.text.n > 0 && memchr(e.text.p, '\0', e.text.n))
        return json_error(r->json, "\"%s\" holds a zero byte", what);
    *ret_text = arena_strndup(r->im->draft.arena, e.text.p, e.text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

static int take_integer(struct reader *r, const char *what, int64_t *ret_value)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type == JSON_NULL)
        return err;
    if (e.type != JSON_NUMBER || !e.is_integer)
        return json_error(r->json, "\"%s\" is not a whole number", what);
    *ret_value = e.integer;
    return 0;
}

static int skip_value(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    return err < 0 ? err : json_skip(r->json, &e);
}

// The events behind '[' of a point.
static int take_point(struct reader *r, struct shape *s)
{
    double c[2];
    struct json_event e;
    int err;
    for (int i = 0; i < 2; i++) {
        err = take(r, &e);
        if (err < 0)
            return err;
        if (e.type != JSON_NUMBER || !isfinite(e.number))
            return json_error(r->json, "a point that is not two numbers");
        c[i] = e.number;
    }
    err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_ARRAY_END)
        return json_error(r->json, "a point that is not two numbers");
    memcpy(s->n_points == 0 ? s->first : s->second, c, sizeof(c));
    s->x1 = fmin(s->x1, c[0]);
    s->y1 = fmin(s->y1, c[1]);
    s->x2 = fmax(s->x2, c[0]);
    s->y2 = fmax(s->y2, c[1]);
    s->n_points++;
    return 0;
}

static int take_points(struct reader *r, struct shape *s)
{
    struct json_event e;
    int err = take(r, &e);
    if (err == 0 && e.type != JSON_ARRAY)
        return json_error(r->json, "\"points\" is not an array");
    s->has_points = true;
    while (err == 0 && (err = take(r, &e)) == 0 && e.type == JSON_ARRAY)
        err = take_point(r, s);
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "a point that is not two numbers");
    return err;
}

static int add_shape(struct reader *r, const struct shape *s)
{
    struct import *im = r->im;
    const char *type = s->type ? s->type : "polygon";
    bool is_box = strcmp(type, "rectangle") == 0;
    bool is_circle = strcmp(type, "circle") == 0;
    bool is_around = strcmp(type, "polygon") == 0 || strcmp(type, "mask") == 0;
    if (!s->label)
        return json_error(r->json, "a shape without \"label\"");
    if (!s->has_points)
        return json_error(r->json, "a shape without \"points\"");
    if (!is_box && !is_circle && !is_around) {
        import_skip(im, "shapes that are no boxes (lines, points) were left out");
        return 0;
    }
    if (s->n_points == 0 || ((is_box || is_circle) && s->n_points < 2))
        return json_error(r->json, "a %s with %zu points", type, s->n_points);
    struct dataset_object o = import_new_object(r->picture, 0);
    import_corners(&o, s->x1, s->y1, s->x2, s->y2);
    if (is_circle) {
        double radius = hypot(s->second[0] - s->first[0], s->second[1] - s->first[1]);
        import_corners(&o, s->first[0] - radius, s->first[1] - radius, s->first[0] + radius,
                       s->first[1] + radius);
    }
    if (!is_box)
        import_skip(im, "polygons and circles became the boxes around them");
    o.track_id = s->group;
    int err = import_class(im, str_of(s->label), &o.class_index);
    return err < 0 ? err : import_object(im, &o, r->path);
}

// The events behind '{' of a shape.
static int read_shape(struct reader *r)
{
    struct shape s = {.x1 = NAN, .y1 = NAN, .x2 = NAN, .y2 = NAN, .group = -1};
    struct json_event e;
    int err;
    while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "label"))
            err = take_text(r, "label", &s.label);
        else if (str_is(e.text, "shape_type"))
            err = take_text(r, "shape_type", &s.type);
        else if (str_is(e.text, "points"))
            err = take_points(r, &s);
        else
            err = skip_value(r);
        if (err < 0)
            return err;
    }
    return err < 0 ? err : add_shape(r, &s);
}

static int read_shapes(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err == 0 && e.type != JSON_ARRAY)
        return json_error(r->json, "\"shapes\" is not an array");
    while (err == 0 && (err = take(r, &e)) == 0 && e.type == JSON_OBJECT)
        err = read_shape(r);
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "a shape is not an object");
    return err;
}

static int read_document(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err == 0 && e.type != JSON_OBJECT)
        return json_error(r->json, "not an object");
    bool has_shapes = false;
    while (err == 0 && (err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "shapes")) {
            has_shapes = true;
            err = read_shapes(r);
        } else if (str_is(e.text, "imagePath")) {
            err = take_text(r, "imagePath", &r->file_name);
        } else if (str_is(e.text, "imageWidth")) {
            err = take_integer(r, "imageWidth", &r->width);
        } else if (str_is(e.text, "imageHeight")) {
            err = take_integer(r, "imageHeight", &r->height);
        } else {
            err = skip_value(r);
        }
    }
    if (err == 0 && !has_shapes)
        return json_error(r->json, "no \"shapes\"");
    return err < 0 ? err : take(r, &e); // the end, or what should not follow
}

static int use_page(struct reader *r)
{
    struct dataset_picture *p = &r->im->draft.pictures[r->picture];
    struct str stem = path_stem(path_base(r->path));
    p->file_name = r->file_name && r->file_name[0]
                       ? r->file_name
                       : arena_strndup(r->im->draft.arena, stem.p, stem.n);
    if (!p->file_name)
        return ERR_NOMEM;
    if (r->width > 0 && r->height > 0 && r->width <= IMPORT_MAX_SIZE &&
        r->height <= IMPORT_MAX_SIZE) {
        p->width = (int)r->width;
        p->height = (int)r->height;
    }
    return 0;
}

static int read_file(struct import *im, const char *path)
{
    struct reader r = {.im = im, .path = path};
    struct dataset_input in;
    int err = import_picture(im, (struct str){0}, 0, 0, -1, 0, &r.picture);
    if (err == 0)
        err = dataset_input_open(path, &in);
    if (err < 0)
        return err;
    const struct json_reader_opts opts = {
        .read = dataset_input_read, .arg = &in, .name = path, .max_string = LABELME_MAX_TEXT};
    err = json_reader_create(&opts, &r.json);
    if (err == 0)
        err = read_document(&r);
    if (err == 0)
        err = use_page(&r);
    json_reader_destroy(r.json);
    dataset_input_close(&in);
    return err;
}

int read_labelme(struct import *im)
{
    int err = 0;
    for (size_t i = 0; err == 0 && i < im->files.n; i++) {
        if (im->files.n_root == 0 || path_has_ending(im->files.paths[i], ".json"))
            err = read_file(im, im->files.paths[i]);
    }
    return err;
}
