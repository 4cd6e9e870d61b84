// SPDX-License-Identifier: Apache-2.0
// sink_mp4.c - the video with its boxes drawn.

#include "app/sink.h"
#include "base/err.h"
#include "base/file.h"
#include "infer/model.h"
#include "media/annotate.h"
#include "vision/detection.h"
#include "vision/frame.h"
#include "vision/picture.h"

// The size is known with the first frame: pictures differ, and rotation was applied.
static int mp4_frame(struct sink *s, const struct frame *f, const struct detection *d, size_t n)
{
    const struct model_info *m = s->about.model;
    if (!s->video) {
        int r = video_writer_open(file_out_path(s->out), f->picture->width, f->picture->height,
                                  s->frame_rate[0], s->frame_rate[1], &s->video);
        if (r < 0)
            return r;
    }
    return video_writer_add(s->video, f->picture, d, n, m->labels, (size_t)m->n_labels);
}

static int mp4_end(struct sink *s, const struct pipeline_summary *sum)
{
    if (!s->video)
        return err_set(ERR_MEDIA, "%s: no frame to draw, nothing is written", s->path);
    return video_writer_close(&s->video);
}

const struct sink_impl sink_mp4 = {
    .name = "mp4",
    .ending = ".mp4",
    .wants_pictures = true,
    .frame = mp4_frame,
    .end = mp4_end,
};
