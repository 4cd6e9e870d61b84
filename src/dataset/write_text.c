// SPDX-License-Identifier: Apache-2.0
// write_text.c - YOLO, KITTI, MOT and OpenImages: formats of lines.

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/write_priv.h"

static const struct dataset_object *object(const struct writer *w, size_t k)
{
    return &w->d->objects[w->order[k]];
}

static void end_line(struct writer *w)
{
    str_buf_putc(&w->text, '\n');
}

// ---- YOLO: data.yaml and labels/

static void yaml_text(struct writer *w, const char *text)
{
    str_buf_putc(&w->text, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            str_buf_printf(&w->text, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            str_buf_printf(&w->text, "\\x%02x", *p);
        else
            str_buf_putc(&w->text, (char)*p);
    }
    str_buf_putc(&w->text, '"');
}

static int yolo_names(struct writer *w)
{
    int r = writer_open_in(w, "data", ".yaml");
    if (r < 0)
        return r;
    str_buf_printf(&w->text, "nc: %zu\nnames:\n", w->d->n_classes);
    for (size_t i = 0; i < w->d->n_classes; i++) {
        str_buf_printf(&w->text, "  %zu: ", i);
        yaml_text(w, w->d->classes[i].name);
        end_line(w);
    }
    if (w->d->n_classes == 0)
        str_buf_puts(&w->text, "  {}\n");
    return writer_close(w);
}

static int yolo_page(struct writer *w, size_t i)
{
    int width = 1;
    int height = 1;
    int r = 0;
    if (w->first[i] < w->first[i + 1])
        r = writer_size(w, i, &width, &height);
    if (r == 0)
        r = writer_open_in(w, w->stems[i], ".txt");
    if (r < 0)
        return r;
    for (size_t k = w->first[i]; k < w->first[i + 1]; k++) {
        const struct dataset_object *o = object(w, k);
        str_buf_printf(&w->text, "%d", o->class_index);
        writer_double(w, " ", (o->x + o->w / 2) / width);
        writer_double(w, " ", (o->y + o->h / 2) / height);
        writer_double(w, " ", o->w / width);
        writer_double(w, " ", o->h / height);
        if (writer_has_confidence(w))
            writer_double(w, " ", o->confidence);
        end_line(w);
    }
    return writer_close(w);
}

int write_yolo(struct writer *w)
{
    int r = yolo_names(w);
    if (r == 0)
        r = writer_folder(w, "labels");
    struct str_buf labels = STR_BUF_INIT(IMPORT_MAX_PATH);
    str_buf_printf(&labels, "%s/labels", w->path);
    if (r == 0)
        r = str_buf_check(&labels);
    const char *folder = w->path;
    if (r == 0)
        w->path = str_buf_text(&labels);
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++)
        r = yolo_page(w, i);
    w->path = folder;
    str_buf_finish(&labels);
    return r;
}

// ---- KITTI

// Words have no spaces there.
static void kitti_label(struct writer *w, const char *label)
{
    bool changed = label[0] == '\0';
    for (const char *p = label; *p; p++) {
        bool space = (unsigned char)*p <= ' ' || *p == 0x7f;
        str_buf_putc(&w->text, space ? '_' : *p);
        changed |= space;
    }
    if (label[0] == '\0')
        str_buf_putc(&w->text, '_');
    if (changed)
        writer_lose(w, 1, "labels had spaces, which became '_'");
}

static void kitti_line(struct writer *w, const struct dataset_object *o)
{
    const bool is_region = !writer_has_confidence(w) && (o->ignore || o->crowd);
    if (is_region)
        str_buf_puts(&w->text, "DontCare");
    else
        kitti_label(w, writer_label(w, o));
    if (is_region)
        str_buf_puts(&w->text, " -1 -1 -10");
    else
        str_buf_printf(&w->text, " %d %d -10", (o->marks & DATASET_TRUNCATED) != 0,
                       (o->marks & DATASET_OCCLUDED) != 0);
    writer_double(w, " ", o->x);
    writer_double(w, " ", o->y);
    writer_double(w, " ", o->x + o->w);
    writer_double(w, " ", o->y + o->h);
    str_buf_puts(&w->text, " -1 -1 -1 -1000 -1000 -1000 -10");
    if (writer_has_confidence(w))
        writer_double(w, " ", o->confidence);
    end_line(w);
}

// A region that was read from KITTI is there once a class; it is written once.
static bool is_again(const struct writer *w, size_t first, size_t k)
{
    const struct dataset_object *o = object(w, k);
    if (writer_has_confidence(w) || !(o->ignore || o->crowd))
        return false;
    for (size_t j = first; j < k; j++) {
        const struct dataset_object *b = object(w, j);
        if ((b->ignore || b->crowd) && b->x == o->x && b->y == o->y && b->w == o->w && b->h == o->h)
            return true;
    }
    return false;
}

static void kitti_lines(struct writer *w, size_t i, bool tracking)
{
    for (size_t k = w->first[i]; k < w->first[i + 1]; k++) {
        const struct dataset_object *o = object(w, k);
        if (is_again(w, w->first[i], k))
            continue;
        if (!writer_has_confidence(w) && (o->ignore || o->crowd))
            writer_lose(w, 1, "ignored or crowd objects became regions of no class (DontCare)");
        if (tracking)
            str_buf_printf(&w->text, "%lld %lld ", (long long)writer_frame(w, i),
                           (long long)o->track_id);
        kitti_line(w, o);
    }
}

// The pictures of one video, in one text.
static int video_lines(struct writer *w, int32_t video,
                       void (*lines)(struct writer *w, size_t picture))
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        if (w->d->pictures[i].video == video || w->d->n_videos <= 1)
            lines(w, i);
        r = writer_flush(w);
    }
    return r;
}

static void kitti_tracked(struct writer *w, size_t i)
{
    kitti_lines(w, i, true);
}

static int kitti_videos(struct writer *w)
{
    int r = 0;
    for (size_t v = 0; r == 0 && v < w->d->n_videos; v++) {
        char *stem = writer_safe_stem(w->d->videos[v]);
        r = stem ? writer_open_in(w, stem, ".txt") : ERR_NOMEM;
        if (r == 0)
            r = video_lines(w, (int32_t)v, kitti_tracked);
        if (r == 0)
            r = writer_close(w);
        mem_free(stem);
    }
    return r;
}

int write_kitti(struct writer *w)
{
    int r = 0;
    if (writer_is_video(w))
        return w->d->n_videos > 1 ? kitti_videos(w) : video_lines(w, 0, kitti_tracked);
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        r = writer_open_in(w, w->stems[i], ".txt");
        if (r == 0) {
            kitti_lines(w, i, false);
            r = writer_close(w);
        }
    }
    return r;
}

// ---- MOT

static void mot_box(struct writer *w, size_t i, const struct dataset_object *o)
{
    str_buf_printf(&w->text, "%lld,%lld", (long long)writer_frame(w, i) + 1,
                   (long long)o->track_id);
    writer_double(w, ",", o->x);
    writer_double(w, ",", o->y);
    writer_double(w, ",", o->w);
    writer_double(w, ",", o->h);
}

static double visibility(const struct dataset_object *o)
{
    return o->visibility > 0 ? (double)o->visibility : 1;
}

// The number that MOT16 and later give to a label; 0: none.
static int mot_number(const struct writer *w, const struct dataset_object *o)
{
    static const struct {
        const char *label;
        int number;
    } rows[] = {
        {"person", 1},     {"pedestrian", 1},      {"person_on_vehicle", 2},
        {"car", 3},        {"bicycle", 4},         {"motorbike", 5},
        {"motorcycle", 5}, {"non_mot_vehicle", 6}, {"static_person", 7},
    };
    if (o->mot_class)
        return o->mot_class;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].label, writer_label(w, o)) == 0)
            return rows[i].number;
    }
    return w->d->n_classes == 1;
}

static void mot_lines(struct writer *w, size_t i)
{
    for (size_t k = w->first[i]; k < w->first[i + 1]; k++) {
        const struct dataset_object *o = object(w, k);
        int number = writer_has_confidence(w) ? 1 : mot_number(w, o);
        if (number == 0) {
            writer_lose(w, 1, "objects of classes that MOT text does not have were left out");
            continue;
        }
        mot_box(w, i, o);
        if (writer_has_confidence(w)) {
            writer_double(w, ",", o->confidence);
            str_buf_puts(&w->text, ",-1,-1,-1\n");
        } else {
            str_buf_printf(&w->text, ",%d,%d", !o->ignore && !o->crowd, number);
            writer_double(w, ",", visibility(o));
            end_line(w);
        }
    }
}

// NAME/gt/gt.txt of truth, NAME.txt of results.
static int mot_video(struct writer *w, size_t v, const char *stem)
{
    int r = 0;
    struct str_buf name = STR_BUF_INIT(IMPORT_MAX_PATH);
    if (writer_has_confidence(w)) {
        str_buf_puts(&name, stem);
    } else {
        str_buf_printf(&name, "%s/gt", stem);
        r = writer_folder(w, stem);
        if (r == 0)
            r = writer_folder(w, str_buf_text(&name));
        str_buf_puts(&name, "/gt");
    }
    if (r == 0)
        r = writer_open_in(w, str_buf_text(&name), ".txt");
    if (r == 0)
        r = video_lines(w, (int32_t)v, mot_lines);
    if (r == 0)
        r = writer_close(w);
    str_buf_finish(&name);
    return r;
}

int write_mot(struct writer *w)
{
    int r = 0;
    if (w->d->n_videos <= 1)
        return video_lines(w, 0, mot_lines);
    for (size_t v = 0; r == 0 && v < w->d->n_videos; v++) {
        char *stem = writer_safe_stem(w->d->videos[v]);
        r = stem ? mot_video(w, v, stem) : ERR_NOMEM;
        mem_free(stem);
    }
    return r;
}

// ---- MOT with a list of classes

static int mot_labels(struct writer *w)
{
    int r = writer_open_in(w, "gt/labels", ".txt");
    if (r < 0)
        return r;
    for (size_t i = 0; i < w->d->n_classes; i++) {
        const char *name = w->d->classes[i].name;
        for (const char *p = name; *p; p++)
            str_buf_putc(&w->text, *p == '\n' || *p == '\r' ? '_' : *p);
        if (name[0] == '\0')
            str_buf_putc(&w->text, '_');
        end_line(w);
    }
    return writer_close(w);
}

static int mot_sequence(struct writer *w)
{
    int64_t n = 0;
    for (size_t i = 0; i < w->d->n_pictures; i++)
        n = MAX(n, writer_frame(w, i) + 1);
    int r = writer_open_in(w, "seqinfo", ".ini");
    if (r < 0)
        return r;
    str_buf_printf(&w->text, "[Sequence]\nseqLength=%lld\n", (long long)n);
    if (w->d->n_pictures > 0 && w->d->pictures[0].width > 0)
        str_buf_printf(&w->text, "imWidth=%d\nimHeight=%d\n", w->d->pictures[0].width,
                       w->d->pictures[0].height);
    return writer_close(w);
}

int write_mot_cvat(struct writer *w)
{
    int r = writer_folder(w, "gt");
    if (r == 0)
        r = mot_labels(w);
    if (r == 0)
        r = mot_sequence(w);
    if (r == 0)
        r = writer_open_in(w, "gt/gt", ".txt");
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        for (size_t k = w->first[i]; k < w->first[i + 1]; k++) {
            const struct dataset_object *o = object(w, k);
            mot_box(w, i, o);
            str_buf_printf(&w->text, ",%d,%d", !o->ignore && !o->crowd, o->class_index + 1);
            writer_double(w, ",", visibility(o));
            end_line(w);
        }
        r = writer_flush(w);
    }
    return r == 0 ? writer_close(w) : r;
}

// ---- OpenImages

static void cell(struct writer *w, const char *text)
{
    if (str_buf_add_csv(&w->text, str_of(text)))
        writer_lose(w, 1, "cells began like a formula of spreadsheets: ' stands before them");
}

static void row(struct writer *w, size_t i, const struct dataset_object *o, int width, int height)
{
    const bool is_truth = !writer_has_confidence(w);
    cell(w, w->names[i]);
    str_buf_puts(&w->text, ",assay,");
    cell(w, writer_label(w, o));
    writer_double(w, ",", o->confidence);
    writer_double(w, ",", o->x / width);
    writer_double(w, ",", (o->x + o->w) / width);
    writer_double(w, ",", o->y / height);
    writer_double(w, ",", (o->y + o->h) / height);
    str_buf_printf(&w->text, ",%d,%d,%d,0,0\n", (o->marks & DATASET_OCCLUDED) != 0,
                   (o->marks & DATASET_TRUNCATED) != 0, is_truth && (o->crowd || o->ignore));
}

int write_openimages(struct writer *w)
{
    int r = 0;
    str_buf_puts(&w->text, "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,"
                           "IsTruncated,IsGroupOf,IsDepiction,IsInside\n");
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        int width = 1;
        int height = 1;
        if (w->first[i] < w->first[i + 1])
            r = writer_size(w, i, &width, &height);
        for (size_t k = w->first[i]; r == 0 && k < w->first[i + 1]; k++)
            row(w, i, object(w, k), width, height);
        if (r == 0)
            r = writer_flush(w);
    }
    return r;
}
