// SPDX-License-Identifier: Apache-2.0
// video_writer.c - pictures with boxes drawn become an MP4 with their own times.
//
// INVARIANTS
// (1) The file is written as "<path>.part" and bears its name only when it is complete.
// (2) Times are the pictures': microseconds in the container too, so that they read back exactly.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "media/annotate.h"
#include "media/av_picture_priv.h"
#include "media/compat_av.h"
#include "media/draw.h"
#include "media/media_log.h"
#include "vision/picture.h"

enum {
    MAX_PATH_BYTES = 8192,
    MAX_THREADS = 4,
    MAX_RATE = 1000, // frames a second; a container that says more does not know
    DEFAULT_RATE = 25,
};

struct video_writer {
    char *path;
    char *part_path;
    AVFormatContext *format;
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
    struct media_log log;
    int64_t last_pts; // of the encoder's time base
    bool has_last;
    bool has_header;
};

// In order of preference, with the finest time base each can keep.
static const struct {
    const char *name;
    int time_base_den;
} encoders[] = {
    {"libx264", 1000000}, {"libopenh264", 1000000}, {"mpeg4", 60000}, // its standard allows 16 bits
};

static int fail(const struct video_writer *w, int av_error, const char *what)
{
    if (av_error == AVERROR(ENOMEM))
        return err_set(ERR_NOMEM, "%s: out of memory", w->path);
    if (av_error == AVERROR(ENOSPC) || av_error == AVERROR(EDQUOT) || av_error == AVERROR(EIO) ||
        av_error == AVERROR(ENOENT) || av_error == AVERROR(EACCES) || av_error == AVERROR(EFBIG))
        return err_set_errno(AVUNERROR(av_error), "%s", w->path);
    char why[AV_ERROR_MAX_STRING_SIZE];
    av_make_error_string(why, sizeof(why), av_error);
    return err_set(ERR_IO, "%s: %s: %s", w->path, what, w->log.line[0] ? w->log.line : why);
}

static void destroy(struct video_writer *w)
{
    avcodec_free_context(&w->encoder);
    if (w->format)
        avio_closep(&w->format->pb);
    avformat_free_context(w->format);
    av_frame_free(&w->frame);
    av_packet_free(&w->packet);
    sws_freeContext(w->scaler);
    mem_free(w->path);
    mem_free(w->part_path);
    mem_free(w);
}

static int set_encoder(struct video_writer *w, const AVCodec *codec, int time_base_den, int width,
                       int height, AVRational rate)
{
    w->encoder = avcodec_alloc_context3(codec);
    if (!w->encoder)
        return err_set(ERR_NOMEM, "%s: out of memory", w->path);
    AVCodecContext *e = w->encoder;
    e->width = width;
    e->height = height;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational){1, time_base_den};
    e->framerate = rate;
    e->color_range = AVCOL_RANGE_MPEG;
    e->colorspace = height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    e->thread_count = MIN(thread_n_cores(), MAX_THREADS);
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    e->gop_size = 250;
    if (strcmp(codec->name, "libx264") == 0) {
        IGNORE(av_opt_set(e->priv_data, "preset", "veryfast", 0)); // known to every x264
        IGNORE(av_opt_set(e->priv_data, "crf", "23", 0));
    } else {
        e->flags |= AV_CODEC_FLAG_QSCALE;
        e->global_quality = 4 * FF_QP2LAMBDA;
        e->bit_rate = (int64_t)width * height * 4;
    }
    int r = avcodec_open2(e, codec, NULL);
    return r < 0 ? fail(w, r, "opening the encoder") : 0;
}

static int open_encoder(struct video_writer *w, int width, int height, AVRational rate)
{
    int r = err_set(ERR_UNSUPPORTED, "%s: this libav has no H.264 or MPEG-4 encoder", w->path);
    for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
        const AVCodec *codec = avcodec_find_encoder_by_name(encoders[i].name);
        if (!codec)
            continue;
        r = set_encoder(w, codec, encoders[i].time_base_den, width, height, rate);
        if (r == 0 || r == ERR_NOMEM)
            return r;
        avcodec_free_context(&w->encoder);
    }
    return r;
}

// "file:" keeps colons in names from being taken for protocols.
static int open_file(struct video_writer *w)
{
    struct str_buf url = STR_BUF_INIT(MAX_PATH_BYTES);
    str_buf_printf(&url, "file:%s", w->part_path);
    int r = str_buf_check(&url);
    if (r == 0) {
        r = avformat_alloc_output_context2(&w->format, NULL, "mp4", str_buf_text(&url));
        if (r >= 0)
            r = avio_open(&w->format->pb, str_buf_text(&url), AVIO_FLAG_WRITE);
        r = r < 0 ? fail(w, r, "opening") : 0;
    }
    str_buf_finish(&url);
    return r;
}

static int write_header(struct video_writer *w)
{
    w->stream = avformat_new_stream(w->format, NULL);
    if (!w->stream || avcodec_parameters_from_context(w->stream->codecpar, w->encoder) < 0)
        return err_set(ERR_NOMEM, "%s: out of memory", w->path);
    w->stream->time_base = w->encoder->time_base;
    w->stream->avg_frame_rate = w->encoder->framerate;
    AVDictionary *options = NULL;
    int r = av_dict_set(&options, "movflags", "+faststart", 0);
    if (r >= 0)
        r = avformat_write_header(w->format, &options);
    av_dict_free(&options);
    if (r < 0)
        return fail(w, r, "writing");
    w->has_header = true;
    return 0;
}

static int alloc_parts(struct video_writer *w, int width, int height)
{
    w->frame = av_frame_alloc();
    w->packet = av_packet_alloc();
    if (!w->frame || !w->packet)
        return err_set(ERR_NOMEM, "%s: out of memory", w->path);
    w->frame->format = AV_PIX_FMT_YUV420P;
    w->frame->width = width;
    w->frame->height = height;
    return av_frame_get_buffer(w->frame, 0) < 0 ? err_set(ERR_NOMEM, "%s: out of memory", w->path)
                                                : 0;
}

static int name_parts(struct video_writer *w, const char *path)
{
    int r = file_out_names(path, &w->path, &w->part_path);
    if (r == 0 && !w->part_path)
        return err_set(ERR_INVALID, "%s: a video needs a regular file", path);
    return r;
}

int video_writer_open(const char *path, int width, int height, int frame_rate_num,
                      int frame_rate_den, struct video_writer **ret_writer)
{
    if (width < 2 || height < 2)
        return err_set(ERR_INVALID, "%s: a video of %dx%d", path, width, height);
    AVRational rate = {frame_rate_num, frame_rate_den};
    if (rate.num < 1 || rate.den < 1 || av_q2d(rate) > MAX_RATE)
        rate = (AVRational){DEFAULT_RATE, 1};
    struct video_writer *w = mem_new(struct video_writer);
    if (!w)
        return ERR_NOMEM;
    struct media_log *before = media_log_begin(&w->log);
    int r = name_parts(w, path);
    if (r == 0)
        r = open_encoder(w, width & ~1, height & ~1, rate); // 4:2:0 wants even sides
    if (r == 0)
        r = alloc_parts(w, width & ~1, height & ~1);
    if (r == 0)
        r = open_file(w);
    if (r == 0)
        r = write_header(w);
    media_log_begin(before);
    if (r < 0) {
        video_writer_abort(&w);
        return r;
    }
    *ret_writer = w;
    return 0;
}

// Writes what the encoder has ready.
static int write_packets(struct video_writer *w)
{
    for (;;) {
        int r = avcodec_receive_packet(w->encoder, w->packet);
        if (r == AVERROR(EAGAIN) || r == AVERROR_EOF)
            return 0;
        if (r < 0)
            return fail(w, r, "encoding");
        if (w->packet->duration <= 0) // the last frame's; the others last until their successor
            w->packet->duration =
                av_rescale_q(1, av_inv_q(w->encoder->framerate), w->encoder->time_base);
        av_packet_rescale_ts(w->packet, w->encoder->time_base, w->stream->time_base);
        w->packet->stream_index = 0;
        r = av_interleaved_write_frame(w->format, w->packet);
        if (r >= 0 && w->format->pb->error < 0)
            r = w->format->pb->error;
        if (r < 0)
            return fail(w, r, "writing");
    }
}

// The picture in the encoder's format; a picture of another size is stretched to the video's.
static int convert(struct video_writer *w, const struct picture *p)
{
    if (av_frame_make_writable(w->frame) < 0)
        return err_set(ERR_NOMEM, "%s: out of memory", w->path);
    bool is_cropped = (p->width & ~1) == w->frame->width && (p->height & ~1) == w->frame->height;
    int width = is_cropped ? w->frame->width : p->width;
    int height = is_cropped ? w->frame->height : p->height;
    int r = av_picture_scale(&w->scaler, p, width, height, w->frame, w->encoder->colorspace);
    return r < 0 ? err_prefix(r, "%s", w->path) : 0;
}

// What is drawn on a picture: detections, or marks.
struct drawing {
    const struct detection *detections;
    size_t n_detections;
    const char *const *labels;
    size_t n_labels;
    const struct mark *marks;
    size_t n_marks;
    const struct mark *captions;
    size_t n_captions;
};

static void draw(const struct video_writer *w, const struct picture *p, const struct drawing *d)
{
    const AVFrame *f = w->frame;
    const struct canvas canvas = {.planes = {f->data[0], f->data[1], f->data[2]},
                                  .strides = {f->linesize[0], f->linesize[1], f->linesize[2]},
                                  .width = f->width,
                                  .height = f->height};
    bool is_cropped = (p->width & ~1) == f->width && (p->height & ~1) == f->height;
    float scale_x = is_cropped ? 1.0f : (float)f->width / (float)p->width;
    float scale_y = is_cropped ? 1.0f : (float)f->height / (float)p->height;
    draw_detections(&canvas, d->detections, d->n_detections, scale_x, scale_y, d->labels,
                    d->n_labels);
    draw_marks(&canvas, d->marks, d->n_marks, scale_x, scale_y);
    draw_captions(&canvas, d->captions, d->n_captions);
}

static int encode(struct video_writer *w, int64_t pts_us)
{
    int64_t pts = av_rescale_q(pts_us, (AVRational){1, 1000000}, w->encoder->time_base);
    if (w->has_last && pts <= w->last_pts) // a coarser time base, or pictures without times
        pts = w->last_pts + 1;
    w->last_pts = pts;
    w->has_last = true;
    w->frame->pts = pts;
    w->frame->pict_type = AV_PICTURE_TYPE_NONE;
    int r = avcodec_send_frame(w->encoder, w->frame);
    return r < 0 ? fail(w, r, "encoding") : write_packets(w);
}

static int add(struct video_writer *w, const struct picture *p, const struct drawing *d)
{
    struct media_log *before = media_log_begin(&w->log);
    int r = convert(w, p);
    if (r == 0) {
        draw(w, p, d);
        r = encode(w, p->pts_us);
    }
    media_log_begin(before);
    return r;
}

int video_writer_add(struct video_writer *w, const struct picture *p, const struct detection *d,
                     size_t n, const char *const *labels, size_t n_labels)
{
    const struct drawing drawing = {
        .detections = d, .n_detections = n, .labels = labels, .n_labels = n_labels};
    return add(w, p, &drawing);
}

int video_writer_add_marked(struct video_writer *w, const struct picture *p,
                            const struct mark *marks, size_t n, const struct mark *captions,
                            size_t n_captions)
{
    const struct drawing drawing = {
        .marks = marks, .n_marks = n, .captions = captions, .n_captions = n_captions};
    return add(w, p, &drawing);
}

static int finish(struct video_writer *w)
{
    int r = avcodec_send_frame(w->encoder, NULL);
    if (r < 0 && r != AVERROR_EOF)
        return fail(w, r, "encoding");
    r = write_packets(w);
    if (r < 0)
        return r;
    r = av_write_trailer(w->format);
    if (r < 0)
        return fail(w, r, "writing");
    r = avio_closep(&w->format->pb);
    if (r < 0)
        return fail(w, r, "writing");
    return rename(w->part_path, w->path) < 0 ? err_set_errno(errno, "%s", w->path) : 0;
}

int video_writer_close(struct video_writer **pw)
{
    struct video_writer *w = *pw;
    *pw = NULL;
    struct media_log *before = media_log_begin(&w->log);
    int r = finish(w);
    media_log_begin(before);
    if (r < 0)
        video_writer_abort(&w);
    else
        destroy(w);
    return r;
}

void video_writer_abort(struct video_writer **pw)
{
    struct video_writer *w = *pw;
    *pw = NULL;
    if (!w)
        return;
    if (w->part_path)
        unlink(w->part_path);
    struct media_log *before = media_log_begin(NULL);
    destroy(w);
    media_log_begin(before);
}
