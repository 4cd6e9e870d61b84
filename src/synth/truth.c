// SPDX-License-Identifier: Apache-2.0
// truth.c - what is in the frames, as COCO JSON and as MOT text.
//
// Everything written is an integer or a number of four digits, so the bytes are the same wherever
// the frames are.

#include "base/json.h"
#include "synth/synth.h"

enum {
    MAX_BYTES = 1 << 30,
    ROW_BYTES = 4096,
};

void synth_truth_init(struct synth_truth *t)
{
    *t = (struct synth_truth){.images = STR_BUF_INIT(MAX_BYTES),
                              .objects = STR_BUF_INIT(MAX_BYTES),
                              .mot = STR_BUF_INIT(MAX_BYTES)};
}

void synth_truth_finish(struct synth_truth *t)
{
    str_buf_finish(&t->images);
    str_buf_finish(&t->objects);
    str_buf_finish(&t->mot);
}

static void put_box(struct json_writer *w, const char *key, int x, int y, int width, int height)
{
    json_key(w, key);
    json_array(w);
    json_int(w, x);
    json_int(w, y);
    json_int(w, width);
    json_int(w, height);
    json_end(w);
}

// A row of a hand-made array: commas and line ends between.
static void append(struct str_buf *rows, struct str_buf *row)
{
    if (rows->n > 0)
        str_buf_puts(rows, ",\n");
    if (str_buf_check(row) < 0)
        rows->failed = row->failed;
    str_buf_add_str(rows, str_buf_view(row));
    str_buf_finish(row);
}

static const char *camera_name(enum synth_camera c)
{
    return c == SYNTH_MOVING ? "moving" : "standing";
}

static void add_image(struct synth_truth *t, const struct synth *s, const struct synth_frame *f)
{
    const struct synth_opts *o = synth_settings(s);
    struct str_buf row = STR_BUF_INIT(ROW_BYTES), name = STR_BUF_INIT(ROW_BYTES);
    struct json_writer w;
    json_writer_init(&w, &row);
    json_object(&w);
    json_put_int(&w, "id", f->ordinal + 1);
    str_buf_printf(&name, "%06lld.jpg", (long long)f->ordinal);
    json_put_text(&w, "file_name", str_buf_text(&name));
    json_put_int(&w, "width", o->width & ~1); // as encoded: 4:2:0 has even sides
    json_put_int(&w, "height", o->height & ~1);
    json_put_int(&w, "frame", f->ordinal);
    json_put_int(&w, "pts_us", f->pts_us);
    json_put_text(&w, "condition", synth_condition_names[f->condition]);
    json_put_text(&w, "camera", camera_name(f->camera));
    json_put_int(&w, "place", f->place);
    json_key(&w, "attributes"); // where readers look for what figures are told apart by
    json_object(&w);
    json_put_text(&w, "condition", synth_condition_names[f->condition]);
    json_put_text(&w, "camera", camera_name(f->camera));
    json_end(&w);
    json_put_double(&w, "exposure", (double)(int64_t)(f->exposure * 10000 + 0.5) / 10000);
    json_end(&w);
    append(&t->images, &row);
    str_buf_finish(&name);
}

static void put_attributes(struct json_writer *w, const struct synth_object *o)
{
    json_key(w, "attributes");
    json_object(w);
    json_put_double(w, "visible_share", o->visible_share);
    json_put_double(w, "truncation", o->truncation);
    json_put_double(w, "occlusion", o->occlusion);
    json_put_bool(w, "occluded", o->occlusion > 0);
    json_put_bool(w, "truncated", o->truncation > 0);
    put_box(w, "full_bbox", o->full_x, o->full_y, o->full_width, o->full_height);
    json_put_int(w, "distance_cm", (int64_t)(o->distance * 100));
    json_end(w);
}

static void add_object(struct synth_truth *t, const struct synth_frame *f,
                       const struct synth_object *o)
{
    struct str_buf row = STR_BUF_INIT(ROW_BYTES);
    struct json_writer w;
    json_writer_init(&w, &row);
    json_object(&w);
    json_put_int(&w, "id", ++t->n_objects);
    json_put_int(&w, "image_id", f->ordinal + 1);
    json_put_int(&w, "category_id", (int)o->class_id + 1);
    json_put_int(&w, "track_id", o->track_id);
    json_put_int(&w, "frame", f->ordinal);
    json_put_int(&w, "pts_us", f->pts_us);
    put_box(&w, "bbox", o->x, o->y, o->width, o->height);
    json_put_int(&w, "area", (int64_t)o->width * o->height);
    json_put_int(&w, "visible_pixels", o->n_visible);
    json_put_int(&w, "iscrowd", o->ignore);
    json_put_int(&w, "ignore", o->ignore);
    put_attributes(&w, o);
    json_end(&w);
    append(&t->objects, &row);
}

// MOT has one class of people: frame, id, box, judged?, class 1 pedestrian or 2 on a vehicle,
// share.
static void add_mot(struct synth_truth *t, const struct synth_frame *f,
                    const struct synth_object *o)
{
    str_buf_printf(&t->mot, "%lld,%lld,%d,%d,%d,%d,%d,1,", (long long)f->ordinal + 1,
                   (long long)o->track_id, o->x, o->y, o->width, o->height, !o->ignore);
    str_buf_double(&t->mot, o->visible_share);
    str_buf_putc(&t->mot, '\n');
}

void synth_truth_add(struct synth_truth *t, const struct synth *s, const struct synth_frame *f)
{
    add_image(t, s, f);
    for (size_t i = 0; i < f->n_objects; i++) {
        add_object(t, f, &f->objects[i]);
        add_mot(t, f, &f->objects[i]);
    }
}

static void put_info(struct json_writer *w, const struct synth *s)
{
    const struct synth_opts *o = synth_settings(s);
    struct str_buf rule = STR_BUF_INIT(ROW_BYTES);
    int num, den;
    synth_rate(s, &num, &den);
    json_key(w, "info");
    json_object(w);
    json_put_text(w, "description", "a synthetic road scene of assay synth");
    json_put_int(w, "seed", (int64_t)(o->seed & INT64_MAX));
    json_put_int(w, "frames", synth_n_frames(s));
    json_put_double(w, "frame_rate", (double)num / den);
    json_put_bool(w, "variable_rate", o->variable_rate);
    json_put_double(w, "density", o->density);
    json_put_text(
        w, "bbox_rule",
        "the visible pixels: those that an object covers by half or more and no nearer thing "
        "takes");
    str_buf_printf(&rule,
                   "ignored where the visible box is lower than %d or narrower than %d pixels, "
                   "fewer than %d pixels or "
                   "less than %d percent of the whole object are visible; what has no visible "
                   "pixel is not listed",
                   SYNTH_MIN_HEIGHT, SYNTH_MIN_WIDTH, SYNTH_MIN_PIXELS, SYNTH_MIN_SHARE_PERCENT);
    json_put_text(w, "ignore_rule", str_buf_text(&rule));
    json_end(w);
    str_buf_finish(&rule);
}

static void put_categories(struct json_writer *w)
{
    json_key(w, "categories");
    json_array(w);
    for (int c = 0; c < SYNTH_N_CLASSES; c++) {
        json_object(w);
        json_put_int(w, "id", c + 1);
        json_put_text(w, "name", synth_labels[c]);
        json_put_text(w, "supercategory", "road_user");
        json_end(w);
    }
    json_end(w);
}

int synth_truth_coco(struct synth_truth *t, const struct synth *s, struct str_buf *out)
{
    struct str_buf head = STR_BUF_INIT(ROW_BYTES);
    struct json_writer w;
    json_writer_init(&w, &head);
    json_object(&w);
    put_info(&w, s);
    put_categories(&w);
    str_buf_add_str(out, str_buf_view(&head)); // its object stays open
    str_buf_puts(out, ",\n\"images\":[\n");
    str_buf_add_str(out, str_buf_view(&t->images));
    str_buf_puts(out, "\n],\n\"annotations\":[\n");
    str_buf_add_str(out, str_buf_view(&t->objects));
    str_buf_puts(out, "\n]}\n");
    int r = str_buf_check(&head);
    str_buf_finish(&head);
    if (r == 0)
        r = str_buf_check(&t->images);
    if (r == 0)
        r = str_buf_check(&t->objects);
    return r < 0 ? r : str_buf_check(out);
}

int synth_truth_mot(struct synth_truth *t, struct str_buf *out)
{
    str_buf_add_str(out, str_buf_view(&t->mot));
    int r = str_buf_check(&t->mot);
    return r < 0 ? r : str_buf_check(out);
}
