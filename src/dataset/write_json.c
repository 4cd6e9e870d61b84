// SPDX-License-Identifier: Apache-2.0
// write_json.c - COCO, BDD100K, LabelMe and our own lines.

#include <string.h>

#include "base/err.h"
#include "dataset/write_priv.h"

// Each is the index of the objects of picture *i*.
#define FOR_OBJECTS(w, i, k) for (size_t k = (w)->first[i]; k < (w)->first[(i) + 1]; k++)

static const struct dataset_object *object(const struct writer *w, size_t k)
{
    return &w->d->objects[w->order[k]];
}

static void member_text(struct writer *w, const char *key, const char *text)
{
    json_key(&w->json, key);
    json_cstring(&w->json, text);
}

static void member_int(struct writer *w, const char *key, int64_t v)
{
    json_key(&w->json, key);
    json_int(&w->json, v);
}

static void member_double(struct writer *w, const char *key, double v)
{
    json_key(&w->json, key);
    json_double(&w->json, v);
}

static void member_bool(struct writer *w, const char *key, bool v)
{
    json_key(&w->json, key);
    json_bool(&w->json, v);
}

// ---- COCO

static void coco_id(struct writer *w, const char *key, const struct dataset_picture *p)
{
    if (p->text_id)
        member_text(w, key, p->text_id);
    else
        member_int(w, key, p->id);
}

static void coco_box(struct writer *w, const struct dataset_object *o)
{
    json_key(&w->json, "bbox");
    json_array(&w->json);
    json_double(&w->json, o->x);
    json_double(&w->json, o->y);
    json_double(&w->json, o->w);
    json_double(&w->json, o->h);
    json_end(&w->json);
}

static int coco_objects(struct writer *w)
{
    const bool is_truth = !writer_has_confidence(w);
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->d->n_objects; i++) {
        const struct dataset_object *o = &w->d->objects[i];
        json_object(&w->json);
        if (is_truth)
            member_int(w, "id", (int64_t)i + 1);
        coco_id(w, "image_id", &w->d->pictures[o->picture]);
        member_int(w, "category_id", w->d->classes[o->class_index].id);
        coco_box(w, o);
        if (is_truth) {
            member_double(w, "area", o->area);
            member_int(w, "iscrowd", o->crowd || o->ignore);
        } else {
            member_double(w, "score", o->confidence);
        }
        if (o->track_id >= 0)
            member_int(w, "track_id", o->track_id);
        json_end(&w->json);
        str_buf_putc(&w->text, '\n');
        r = writer_flush(w);
    }
    return r;
}

static int coco_pictures(struct writer *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        const struct dataset_picture *p = &w->d->pictures[i];
        json_object(&w->json);
        coco_id(w, "id", p);
        if (p->file_name)
            member_text(w, "file_name", p->file_name);
        if (p->width > 0) {
            member_int(w, "width", p->width);
            member_int(w, "height", p->height);
        }
        if (p->frame >= 0)
            member_int(w, "frame", p->frame);
        if (p->pts_us != INT64_MIN)
            member_int(w, "pts_us", p->pts_us);
        if (w->d->n_videos > 0)
            member_text(w, "video", writer_video(w, i));
        json_end(&w->json);
        str_buf_putc(&w->text, '\n');
        r = writer_flush(w);
    }
    return r;
}

static void coco_classes(struct writer *w)
{
    for (size_t i = 0; i < w->d->n_classes; i++) {
        json_object(&w->json);
        member_int(w, "id", w->d->classes[i].id);
        member_text(w, "name", w->d->classes[i].name);
        json_end(&w->json);
    }
}

int write_coco(struct writer *w)
{
    int r;
    if (writer_has_confidence(w)) {
        json_array(&w->json);
        r = coco_objects(w);
        json_end(&w->json);
        str_buf_putc(&w->text, '\n');
        return r;
    }
    json_object(&w->json);
    json_key(&w->json, "images");
    json_array(&w->json);
    r = coco_pictures(w);
    json_end(&w->json);
    json_key(&w->json, "categories");
    json_array(&w->json);
    coco_classes(w);
    json_end(&w->json);
    json_key(&w->json, "annotations");
    json_array(&w->json);
    if (r == 0)
        r = coco_objects(w);
    json_end(&w->json);
    json_end(&w->json);
    str_buf_putc(&w->text, '\n');
    return r;
}

// ---- BDD100K

static void bdd_label(struct writer *w, size_t k)
{
    const struct dataset_object *o = object(w, k);
    json_object(&w->json);
    if (o->track_id >= 0) {
        struct str_buf id = STR_BUF_INIT(64);
        str_buf_i64(&id, o->track_id);
        member_text(w, "id", str_buf_text(&id));
        str_buf_finish(&id);
    }
    member_text(w, "category", writer_label(w, o));
    if (writer_has_confidence(w)) {
        member_double(w, "score", o->confidence);
    } else {
        json_key(&w->json, "attributes");
        json_object(&w->json);
        member_bool(w, "crowd", o->crowd || o->ignore);
        member_bool(w, "occluded", o->marks & DATASET_OCCLUDED);
        member_bool(w, "truncated", o->marks & DATASET_TRUNCATED);
        json_end(&w->json);
    }
    json_key(&w->json, "box2d");
    json_object(&w->json);
    member_double(w, "x1", o->x);
    member_double(w, "y1", o->y);
    member_double(w, "x2", o->x + o->w);
    member_double(w, "y2", o->y + o->h);
    json_end(&w->json);
    json_end(&w->json);
}

int write_bdd(struct writer *w)
{
    int r = 0;
    json_array(&w->json);
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        json_object(&w->json);
        if (w->d->n_videos > 0)
            member_text(w, "videoName", writer_video(w, i));
        member_text(w, "name", w->names[i]);
        if (w->d->pictures[i].frame >= 0)
            member_int(w, "frameIndex", w->d->pictures[i].frame);
        json_key(&w->json, "labels");
        json_array(&w->json);
        FOR_OBJECTS(w, i, k)
        bdd_label(w, k);
        json_end(&w->json);
        json_end(&w->json);
        str_buf_putc(&w->text, '\n');
        r = writer_flush(w);
    }
    json_end(&w->json);
    str_buf_putc(&w->text, '\n');
    return r;
}

// ---- our lines

static void end_line(struct writer *w)
{
    json_end(&w->json);
    str_buf_putc(&w->text, '\n');
    json_writer_init(&w->json, &w->text);
}

static void header_line(struct writer *w)
{
    json_object(&w->json);
    member_text(w, "type", "header");
    member_text(w, "assay", ASSAY_VERSION);
    json_key(&w->json, "source");
    json_object(&w->json);
    member_text(w, "path", NULL);
    if (w->d->n_pictures > 0 && w->d->pictures[0].width > 0) {
        member_int(w, "width", w->d->pictures[0].width);
        member_int(w, "height", w->d->pictures[0].height);
    }
    json_end(&w->json);
    json_key(&w->json, "model");
    json_object(&w->json);
    json_key(&w->json, "labels");
    json_array(&w->json);
    for (size_t i = 0; i < w->d->n_classes; i++)
        json_cstring(&w->json, w->d->classes[i].name);
    json_end(&w->json);
    json_end(&w->json);
    end_line(w);
}

static void detection(struct writer *w, const struct dataset_object *o)
{
    json_object(&w->json);
    member_int(w, "class_id", o->class_index);
    member_text(w, "label", writer_label(w, o));
    member_double(w, "confidence", o->confidence);
    json_key(&w->json, "bounding_box");
    json_object(&w->json);
    member_double(w, "x", o->x);
    member_double(w, "y", o->y);
    member_double(w, "width", o->w);
    member_double(w, "height", o->h);
    json_end(&w->json);
    if (o->track_id > 0)
        member_int(w, "track_id", o->track_id);
    json_end(&w->json);
}

static void frame_line(struct writer *w, size_t i)
{
    const struct dataset_picture *p = &w->d->pictures[i];
    int64_t pts_us = w->d->pts_us ? w->d->pts_us[i] : p->pts_us;
    json_object(&w->json);
    member_text(w, "type", "frame");
    member_int(w, "frame", writer_frame(w, i));
    json_key(&w->json, "pts_us");
    if (pts_us == INT64_MIN)
        json_null(&w->json);
    else
        json_int(&w->json, pts_us);
    if (p->file_name) {
        member_text(w, "file", p->file_name);
        member_int(w, "width", p->width);
        member_int(w, "height", p->height);
    }
    json_key(&w->json, "detections");
    json_array(&w->json);
    FOR_OBJECTS(w, i, k)
    detection(w, object(w, k));
    json_end(&w->json);
    end_line(w);
}

int write_jsonl(struct writer *w)
{
    int r = 0;
    size_t n = 0;
    header_line(w);
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        if (w->d->judged && !w->d->judged[i])
            continue; // never inferred
        frame_line(w, i);
        n++;
        r = writer_flush(w);
    }
    json_object(&w->json);
    member_text(w, "type", "summary");
    json_key(&w->json, "frames");
    json_object(&w->json);
    member_int(w, "decoded", (int64_t)n);
    member_int(w, "inferred", (int64_t)n);
    member_int(w, "skipped", 0);
    member_int(w, "dropped", 0);
    member_int(w, "failed", 0);
    member_int(w, "undecodable", 0);
    json_end(&w->json);
    member_int(w, "detections", (int64_t)w->d->n_objects);
    member_bool(w, "interrupted", false);
    end_line(w);
    return r;
}

// ---- LabelMe

static void labelme_shape(struct writer *w, const struct dataset_object *o)
{
    const double points[2][2] = {{o->x, o->y}, {o->x + o->w, o->y + o->h}};
    json_object(&w->json);
    member_text(w, "label", writer_label(w, o));
    json_key(&w->json, "points");
    json_array(&w->json);
    for (int i = 0; i < 2; i++) {
        json_array(&w->json);
        json_double(&w->json, points[i][0]);
        json_double(&w->json, points[i][1]);
        json_end(&w->json);
    }
    json_end(&w->json);
    json_key(&w->json, "group_id");
    if (o->track_id >= 0)
        json_int(&w->json, o->track_id);
    else
        json_null(&w->json);
    member_text(w, "shape_type", "rectangle");
    json_key(&w->json, "flags");
    json_object(&w->json);
    json_end(&w->json);
    json_end(&w->json);
}

static int labelme_page(struct writer *w, size_t i)
{
    const struct dataset_picture *p = &w->d->pictures[i];
    int r = writer_open_in(w, w->stems[i], ".json");
    if (r < 0)
        return r;
    json_object(&w->json);
    member_text(w, "version", "5.0.1");
    json_key(&w->json, "flags");
    json_object(&w->json);
    json_end(&w->json);
    json_key(&w->json, "shapes");
    json_array(&w->json);
    FOR_OBJECTS(w, i, k)
    labelme_shape(w, object(w, k));
    json_end(&w->json);
    member_text(w, "imagePath", w->names[i]);
    member_text(w, "imageData", NULL);
    if (p->width > 0) {
        member_int(w, "imageHeight", p->height);
        member_int(w, "imageWidth", p->width);
    }
    json_end(&w->json);
    str_buf_putc(&w->text, '\n');
    return writer_close(w);
}

int write_labelme(struct writer *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++)
        r = labelme_page(w, i);
    return r;
}
