// SPDX-License-Identifier: Apache-2.0
// write_xml.c - Pascal VOC, and CVAT 1.1 of images or of a video with tracks.

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/write_priv.h"

static void element(struct writer *w, const char *indent, const char *name, const char *text)
{
    str_buf_printf(&w->text, "%s<%s>", indent, name);
    writer_xml(w, text);
    str_buf_printf(&w->text, "</%s>\n", name);
}

static void number(struct writer *w, const char *name, double v)
{
    str_buf_printf(&w->text, "            <%s>", name);
    str_buf_double(&w->text, v);
    str_buf_printf(&w->text, "</%s>\n", name);
}

// ---- Pascal VOC

static void voc_object(struct writer *w, const struct dataset_object *o)
{
    const int pixels = w->opts->voc_boxes == DATASET_VOC_PIXELS;
    str_buf_puts(&w->text, "    <object>\n");
    element(w, "        ", "name", writer_label(w, o));
    str_buf_printf(&w->text,
                   "        <pose>Unspecified</pose>\n        <truncated>%d</truncated>\n"
                   "        <occluded>%d</occluded>\n        <difficult>%d</difficult>\n"
                   "        <bndbox>\n",
                   (o->marks & DATASET_TRUNCATED) != 0, (o->marks & DATASET_OCCLUDED) != 0,
                   (o->marks & DATASET_DIFFICULT) != 0);
    number(w, "xmin", o->x + pixels);
    number(w, "ymin", o->y + pixels);
    number(w, "xmax", o->x + o->w);
    number(w, "ymax", o->y + o->h);
    str_buf_puts(&w->text, "        </bndbox>\n    </object>\n");
}

static int voc_page(struct writer *w, size_t i)
{
    const struct dataset_picture *p = &w->d->pictures[i];
    int r = writer_open_in(w, w->stems[i], ".xml");
    if (r < 0)
        return r;
    str_buf_puts(&w->text, "<annotation>\n    <folder></folder>\n");
    element(w, "    ", "filename", w->names[i]);
    if (p->width > 0)
        str_buf_printf(&w->text,
                       "    <size>\n        <width>%d</width>\n        <height>%d</height>\n"
                       "        <depth>3</depth>\n    </size>\n",
                       p->width, p->height);
    str_buf_puts(&w->text, "    <segmented>0</segmented>\n");
    for (size_t k = w->first[i]; k < w->first[i + 1]; k++)
        voc_object(w, &w->d->objects[w->order[k]]);
    str_buf_puts(&w->text, "</annotation>\n");
    return writer_close(w);
}

int write_voc(struct writer *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++)
        r = voc_page(w, i);
    return r;
}

// ---- CVAT

static void cvat_corners(struct writer *w, const struct dataset_object *o)
{
    writer_double(w, " xtl=\"", o->x);
    writer_double(w, "\" ytl=\"", o->y);
    writer_double(w, "\" xbr=\"", o->x + o->w);
    writer_double(w, "\" ybr=\"", o->y + o->h);
    str_buf_puts(&w->text, "\" z_order=\"0\"></box>\n");
}

static void cvat_labels(struct writer *w)
{
    str_buf_puts(&w->text, "      <labels>\n");
    for (size_t i = 0; i < w->d->n_classes; i++) {
        str_buf_puts(&w->text, "        <label>\n");
        element(w, "          ", "name", w->d->classes[i].name);
        str_buf_puts(&w->text, "          <attributes></attributes>\n        </label>\n");
    }
    str_buf_puts(&w->text, "      </labels>\n");
}

static int cvat_images(struct writer *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->d->n_pictures; i++) {
        const struct dataset_picture *p = &w->d->pictures[i];
        str_buf_printf(&w->text, "  <image id=\"%zu\" name=\"", i);
        writer_xml(w, w->names[i]);
        str_buf_putc(&w->text, '"');
        if (p->width > 0)
            str_buf_printf(&w->text, " width=\"%d\" height=\"%d\"", p->width, p->height);
        str_buf_puts(&w->text, ">\n");
        for (size_t k = w->first[i]; k < w->first[i + 1]; k++) {
            const struct dataset_object *o = &w->d->objects[w->order[k]];
            str_buf_puts(&w->text, "    <box label=\"");
            writer_xml(w, writer_label(w, o));
            str_buf_printf(&w->text, "\" occluded=\"%d\" source=\"manual\"",
                           (o->marks & DATASET_OCCLUDED) != 0);
            cvat_corners(w, o);
        }
        str_buf_puts(&w->text, "  </image>\n");
        r = writer_flush(w);
    }
    return r;
}

struct step {
    const struct dataset_object *o;
    int64_t track, frame; // track -1: of its own
};

struct frames {
    int64_t first, last, step;
};

static int compare_steps(const void *a, const void *b)
{
    const struct step *x = a;
    const struct step *y = b;
    if (x->track != y->track)
        return x->track < y->track ? -1 : 1;
    if (x->o->class_index != y->o->class_index)
        return x->o->class_index < y->o->class_index ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->o > y->o) - (x->o < y->o);
}

static void cvat_box(struct writer *w, const struct step *s, int64_t frame, bool outside)
{
    str_buf_printf(&w->text,
                   "    <box frame=\"%lld\" outside=\"%d\" occluded=\"%d\" keyframe=\"1\"",
                   (long long)frame, outside, (s->o->marks & DATASET_OCCLUDED) != 0);
    cvat_corners(w, s->o);
}

// steps[0..n) are one track: where it is gone for a while, that is said by a box outside.
static void cvat_track(struct writer *w, const struct step *steps, size_t n, int64_t id,
                       const struct frames *f)
{
    str_buf_printf(&w->text, "  <track id=\"%lld\" label=\"", (long long)id);
    writer_xml(w, writer_label(w, steps[0].o));
    str_buf_puts(&w->text, "\" source=\"manual\">\n");
    for (size_t i = 0; i < n; i++) {
        int64_t next = steps[i].frame + f->step;
        cvat_box(w, &steps[i], steps[i].frame, false);
        if (i + 1 < n ? steps[i + 1].frame > next : next <= f->last)
            cvat_box(w, &steps[i], next, true);
    }
    str_buf_puts(&w->text, "  </track>\n");
}

// Objects without a track, and second boxes of a track in one frame, are tracks of their own.
static int cvat_tracks(struct writer *w, struct step *steps, const struct frames *f)
{
    const size_t n = w->d->n_objects;
    int64_t next_id = n > 0 && steps[n - 1].track >= 0 ? steps[n - 1].track + 1 : 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n;) {
        size_t m = i + 1;
        if (steps[i].track < 0) {
            cvat_track(w, &steps[i], 1, next_id++, f);
            writer_lose(w, 1, "objects without a track became tracks of one box");
        } else {
            while (m < n && steps[m].track == steps[i].track &&
                   steps[m].o->class_index == steps[i].o->class_index &&
                   steps[m].frame > steps[m - 1].frame)
                m++;
            cvat_track(w, &steps[i], m - i, steps[i].track, f);
        }
        i = m;
        r = writer_flush(w);
    }
    return r;
}

static struct frames frames_of(struct writer *w)
{
    const struct dataset *d = w->d;
    struct frames f = {d->pictures[0].frame, d->pictures[0].frame, 0};
    for (size_t i = 0; i < d->n_pictures; i++) {
        int64_t frame = d->pictures[i].frame;
        f.first = frame < f.first ? frame : f.first;
        f.last = frame > f.last ? frame : f.last;
    }
    int64_t span = f.last - f.first;
    int64_t n = (int64_t)d->n_pictures;
    f.step = n > 1 && span > 0 && span % (n - 1) == 0 ? span / (n - 1) : 1;
    for (size_t i = 0; i < d->n_pictures; i++) {
        if ((d->pictures[i].frame - f.first) % f.step != 0)
            f.step = 1;
    }
    if (span / f.step + 1 > n)
        writer_lose(w, (size_t)(span / f.step + 1 - n),
                    "frames between those listed are now listed too, without objects");
    return f;
}

static int cvat_video(struct writer *w, const struct frames *f)
{
    const struct dataset *d = w->d;
    struct step *steps = mem_array(struct step, d->n_objects + 1);
    if (!steps)
        return ERR_NOMEM;
    for (size_t i = 0; i < d->n_objects; i++)
        steps[i] = (struct step){&d->objects[i], d->objects[i].track_id,
                                 d->pictures[d->objects[i].picture].frame};
    if (d->n_objects > 1)
        qsort(steps, d->n_objects, sizeof(*steps), compare_steps);
    int r = cvat_tracks(w, steps, f);
    mem_free(steps);
    return r;
}

int write_cvat(struct writer *w)
{
    const bool video = writer_is_video(w);
    struct frames f = {0};
    if (video)
        f = frames_of(w);
    str_buf_printf(&w->text,
                   "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n"
                   "  <version>1.1</version>\n  <meta>\n    <task>\n      <size>%zu</size>\n"
                   "      <mode>%s</mode>\n",
                   w->d->n_pictures, video ? "interpolation" : "annotation");
    if (video)
        str_buf_printf(&w->text,
                       "      <start_frame>%lld</start_frame>\n"
                       "      <stop_frame>%lld</stop_frame>\n",
                       (long long)f.first, (long long)f.last);
    if (video && f.step > 1)
        str_buf_printf(&w->text, "      <frame_filter>step=%lld</frame_filter>\n",
                       (long long)f.step);
    cvat_labels(w);
    if (video && w->d->pictures[0].width > 0)
        str_buf_printf(&w->text,
                       "      <original_size>\n        <width>%d</width>\n"
                       "        <height>%d</height>\n      </original_size>\n",
                       w->d->pictures[0].width, w->d->pictures[0].height);
    str_buf_puts(&w->text, "    </task>\n  </meta>\n");
    int r = video ? cvat_video(w, &f) : cvat_images(w);
    str_buf_puts(&w->text, "</annotations>\n");
    return r;
}
