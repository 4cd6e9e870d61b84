// SPDX-License-Identifier: Apache-2.0
// sink_coco.c - detections as the results array that pycocotools reads.
//
// image_id: of pictures whose file name is a number (000000397133.jpg) that number, as COCO names
// its files; of other pictures the name without its ending, as text; of video frames the ordinal
// plus 1. category_id: COCO's own ids (1..90 with holes) where the model has COCO's 80 labels,
// else the class index plus 1.

#include <string.h>

#include "app/sink.h"
#include "base/json.h"
#include "vision/detection.h"
#include "vision/frame.h"
#include "vision/labels.h"

static struct str stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return (struct str){name, dot && dot > name ? (size_t)(dot - name) : strlen(name)};
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0 && s.n <= 18; // what int64_t holds
}

static void write_image_id(struct json_writer *w, const struct frame *f)
{
    json_key(w, "image_id");
    if (!f->file) {
        json_int(w, f->ordinal + 1);
        return;
    }
    struct str stem = stem_of(f->file);
    int64_t number;
    if (is_number(stem) && str_to_i64(stem, &number) == 0)
        json_int(w, number);
    else
        json_string(w, stem);
}

static int coco_begin(struct sink *s, const struct source_info *source)
{
    str_buf_puts(&s->line, "[");
    return 0;
}

static int coco_frame(struct sink *s, const struct frame *f, const struct detection *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        str_buf_puts(&s->line, s->has_items ? ",\n" : "\n");
        s->has_items = true;
        struct json_writer w;
        json_writer_init(&w, &s->line);
        json_object(&w);
        write_image_id(&w, f);
        json_key(&w, "category_id");
        json_int(&w,
                 s->is_coco_model ? labels_coco80_category_id[d[i].class_id] : d[i].class_id + 1);
        json_key(&w, "bbox");
        json_array(&w);
        json_float(&w, d[i].box.x1);
        json_float(&w, d[i].box.y1);
        json_float(&w, d[i].box.x2 - d[i].box.x1);
        json_float(&w, d[i].box.y2 - d[i].box.y1);
        json_end(&w);
        json_key(&w, "score");
        json_float(&w, d[i].confidence);
        if (d[i].track_id) {
            json_key(&w, "track_id");
            json_int(&w, d[i].track_id);
        }
        json_end(&w);
    }
    return 0;
}

static int coco_end(struct sink *s, const struct pipeline_summary *sum)
{
    str_buf_puts(&s->line, "\n]\n");
    return 0;
}

const struct sink_impl sink_coco = {
    .name = "json",
    .ending = ".json",
    .begin = coco_begin,
    .frame = coco_frame,
    .end = coco_end,
};
