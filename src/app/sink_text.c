// SPDX-License-Identifier: Apache-2.0
// sink_text.c - detections as CSV and as the text of MOTChallenge.

#include <string.h>

#include "app/sink.h"
#include "base/log.h"
#include "vision/detection.h"
#include "vision/frame.h"

enum {
    MOT_MAX_NAMED = 8, // labels in the warning
};

static void number(struct str_buf *b, float v)
{
    str_buf_float(b, v);
    str_buf_putc(b, ',');
}

static void whole(struct str_buf *b, int64_t v)
{
    str_buf_i64(b, v);
    str_buf_putc(b, ',');
}

static int csv_begin(struct sink *s, const struct source_info *source)
{
    str_buf_puts(&s->line,
                 "frame,pts_us,file,class_id,label,confidence,x,y,width,height,track_id\n");
    return 0;
}

static int csv_frame(struct sink *s, const struct frame *f, const struct detection *d, size_t n)
{
    struct str_buf *b = &s->line;
    for (size_t i = 0; i < n; i++) {
        whole(b, f->ordinal);
        whole(b, f->pts_us);
        str_buf_add_csv(b, str_of(f->file));
        str_buf_putc(b, ',');
        whole(b, d[i].class_id);
        str_buf_add_csv(b, str_of(sink_label(s, d[i].class_id)));
        str_buf_putc(b, ',');
        number(b, d[i].confidence);
        number(b, d[i].box.x1);
        number(b, d[i].box.y1);
        number(b, d[i].box.x2 - d[i].box.x1);
        number(b, d[i].box.y2 - d[i].box.y1);
        if (d[i].track_id)
            str_buf_i64(b, d[i].track_id);
        str_buf_putc(b, '\n');
    }
    return 0;
}

// frame,id,left,top,width,height,confidence,x,y,z: frames from 1, -1 where there is nothing to say.
static int mot_frame(struct sink *s, const struct frame *f, const struct detection *d, size_t n)
{
    struct str_buf *b = &s->line;
    for (size_t i = 0; i < n; i++) {
        if (d[i].class_id >= 0 && d[i].class_id < MODEL_MAX_LABELS)
            s->classes_written[d[i].class_id / 64] |= UINT64_C(1) << d[i].class_id % 64;
        whole(b, f->ordinal + 1);
        whole(b, d[i].track_id ? d[i].track_id : -1);
        number(b, d[i].box.x1);
        number(b, d[i].box.y1);
        number(b, d[i].box.x2 - d[i].box.x1);
        number(b, d[i].box.y2 - d[i].box.y1);
        number(b, d[i].confidence);
        str_buf_puts(b, "-1,-1,-1\n");
    }
    return 0;
}

// The format has no place for a label: boxes of several classes cannot be told apart.
static int mot_end(struct sink *s, const struct pipeline_summary *sum)
{
    struct str_buf names = STR_BUF_INIT(KIB);
    int n = 0;
    for (int i = 0; i < MODEL_MAX_LABELS; i++) {
        if (!(s->classes_written[i / 64] >> i % 64 & 1))
            continue;
        const char *label = sink_label(s, i);
        if (n < MOT_MAX_NAMED)
            str_buf_printf(&names, "%s%s", n ? ", " : "", label ? label : "?");
        else if (n == MOT_MAX_NAMED)
            str_buf_puts(&names, ", ...");
        n++;
    }
    if (n > 1)
        log_warning(
            NULL, "%s: MOTChallenge text holds no labels: the boxes of %d are written as one (%s)",
            s->path, n, str_buf_text(&names));
    str_buf_finish(&names);
    return 0;
}

const struct sink_impl sink_csv = {
    .name = "csv",
    .ending = ".csv",
    .begin = csv_begin,
    .frame = csv_frame,
};

const struct sink_impl sink_mot = {
    .name = "txt",
    .ending = ".txt",
    .frame = mot_frame,
    .end = mot_end,
};
