// SPDX-License-Identifier: Apache-2.0
// csv_objects.c - what became of every object, a row each, as large as the run is.

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/match.h"
#include "eval/outcome.h"
#include "report/csv.h"

static const char header[] =
    "video,frame,pts_us,file,image_id,label,outcome,confidence,iou,"
    "truth_id,truth_track_id,truth_x,truth_y,truth_width,truth_height,"
    "detection_id,detection_track_id,detection_x,detection_y,detection_width,detection_height,"
    "crowd,occluded,truncated,difficult,visibility,truth_attributes,picture_attributes\n";

static const char *const outcome_names[OUTCOME_N_KINDS] = {
    [OUTCOME_FOUND] = "TP",
    [OUTCOME_MISSED] = "FN",
    [OUTCOME_FALSE_ALARM] = "FP",
    [OUTCOME_IGNORED] = "ignored",
};

struct rows {
    const struct dataset *truth, *detections;
    const struct outcome *outcome;
    struct str_buf out, scratch;
    struct file_out *file;
};

static void text(struct rows *r, const char *s)
{
    str_buf_add_csv(&r->out, str_of(s));
    str_buf_putc(&r->out, ',');
}

static void whole(struct rows *r, bool is_known, int64_t v)
{
    if (is_known)
        str_buf_i64(&r->out, v);
    str_buf_putc(&r->out, ',');
}

static void number(struct rows *r, double v)
{
    str_buf_double(&r->out, v);
    str_buf_putc(&r->out, ',');
}

// "key=value;key=value" with \ before what would end a part early.
static void attributes(struct rows *r, uint32_t list)
{
    const struct dataset *d = r->truth;
    str_buf_reset(&r->scratch);
    for (uint32_t i = list; i != 0; i = d->attributes[i].next) {
        const char *const parts[] = {d->attributes[i].key, d->attributes[i].value};
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            if (k > 0 || i != list)
                str_buf_putc(&r->scratch, k > 0 ? '=' : ';');
            for (const char *p = parts[k]; *p; p++) {
                if (strchr(";=\\", *p))
                    str_buf_putc(&r->scratch, '\\');
                str_buf_putc(&r->scratch, *p);
            }
        }
    }
    str_buf_add_csv(&r->out, str_buf_view(&r->scratch));
}

static void box(struct rows *r, const struct dataset_object *o)
{
    if (!o) {
        str_buf_puts(&r->out, ",,,,,,");
        return;
    }
    whole(r, o->id != 0, o->id);
    whole(r, o->track_id >= 0, o->track_id);
    number(r, o->x);
    number(r, o->y);
    number(r, o->w);
    number(r, o->h);
}

static void marks(struct rows *r, const struct dataset_object *t)
{
    if (!t) {
        str_buf_puts(&r->out, ",,,,,,");
        return;
    }
    whole(r, true, t->crowd);
    whole(r, true, (t->marks & DATASET_OCCLUDED) != 0);
    whole(r, true, (t->marks & DATASET_TRUNCATED) != 0);
    whole(r, true, (t->marks & DATASET_DIFFICULT) != 0);
    if (t->mot_class != 0) // where the file has a visibility
        str_buf_float(&r->out, t->visibility);
    str_buf_putc(&r->out, ',');
    attributes(r, t->attributes);
    str_buf_putc(&r->out, ',');
}

static void place(struct rows *r, const struct outcome_picture *o)
{
    const struct dataset_picture *p = &r->truth->pictures[o->picture];
    text(r, (size_t)o->video < r->truth->n_videos ? r->truth->videos[o->video] : NULL);
    whole(r, !o->is_still, o->frame);
    whole(r, o->pts_us != INT64_MIN, o->pts_us);
    text(r, p->file_name);
    if (p->text_id)
        text(r, p->text_id);
    else
        whole(r, true, p->id);
}

static void row(struct rows *r, const struct outcome_picture *p, const struct outcome_object *o)
{
    const struct dataset_object *t = o->truth == OUTCOME_NONE ? NULL : &r->truth->objects[o->truth];
    const struct dataset_object *d =
        o->detection == OUTCOME_NONE ? NULL : &r->detections->objects[o->detection];
    place(r, p);
    text(r, r->truth->classes[o->class_index].name);
    text(r, outcome_names[o->kind]);
    if (d)
        str_buf_double(&r->out, d->confidence);
    str_buf_putc(&r->out, ',');
    if (t && d)
        str_buf_double(&r->out, match_overlap(d, t));
    str_buf_putc(&r->out, ',');
    box(r, t);
    box(r, d);
    marks(r, t);
    attributes(r, r->truth->pictures[p->picture].attributes);
    str_buf_putc(&r->out, '\n');
}

static int flush(struct rows *r)
{
    int e = str_buf_check(&r->scratch);
    if (e == 0)
        e = str_buf_check(&r->out);
    if (e == 0)
        e = file_out_write(r->file, r->out.p, r->out.n);
    str_buf_reset(&r->out);
    return e;
}

int csv_objects_write(const struct dataset *truth, const struct dataset *detections,
                      const struct outcome *o, struct file_out *file)
{
    struct rows r = {.truth = truth,
                     .detections = detections,
                     .outcome = o,
                     .out = STR_BUF_INIT(64 * MIB),
                     .scratch = STR_BUF_INIT(16 * MIB),
                     .file = file};
    str_buf_puts(&r.out, header);
    int e = 0;
    for (size_t i = 0; i < o->n_pictures && e == 0; i++) {
        const struct outcome_picture *p = &o->pictures[i];
        for (size_t k = p->first; k < p->first + p->n && e == 0; k++) {
            row(&r, p, &o->objects[k]);
            if (r.out.n >= FILE_OUT_BUFFER / 2)
                e = flush(&r);
        }
    }
    if (e == 0)
        e = flush(&r);
    str_buf_finish(&r.out);
    str_buf_finish(&r.scratch);
    return e;
}
