// SPDX-License-Identifier: Apache-2.0
// source_video.c - a video stream of a container, decoded by libav.
//
// INVARIANTS
// (1) Every frame the decoder gives is stepped through once, in the decoder's output order, which
//     is presentation order. Frames that an edit list drops never come out of the decoder.
// (2) After the container's end or an error in it, the decoder is drained: the last B-frames count.
// (3) Only packets of the chosen stream are read; the demuxer skips the others.
// (4) Frames that nobody wants come out like the others, hardly decoded (skim.h); one that is given
//     out never was.

#include <stdio.h>
#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/pixdesc.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/av_input_priv.h"
#include "media/av_picture_priv.h"
#include "media/media_cause.h"
#include "media/media_priv.h"
#include "media/orientation.h"
#include "media/probe.h"
#include "media/skim.h"
#include "media/timeline.h"
#include "vision/picture.h"

enum {
    MAX_DRAIN_ERRORS = 256, // in a row; a decoder that only fails while drained is left alone
};

struct video {
    struct av_input input;
    AVStream *stream; // borrowed from the format
    AVCodecContext *decoder;
    struct skim_packet next; // read, or to be sent
    AVFrame *frame;          // the one stepped to, until taken
    struct av_picture_maker maker;
    struct orientation orientation;
    struct timeline timeline;
    int64_t n_packets;        // of the stream
    int64_t n_discarded;      // of those: an edit list drops their frames
    int end_error;            // libav's, once the container gave no further packet
    struct media_log end_log; // of that
    bool is_draining;
    int n_drain_errors;
    int64_t n_refused;
    struct skim skim;
    bool has_exact_count; // the container lists every frame (MP4's sample table)
    bool is_encrypted;
    bool last_packet_was_short;
    bool has_pending; // seek stepped to a frame that advance has not given yet
    int64_t pending_us;
};

static bool is_cover(const AVStream *st)
{
    return (st->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

static const char *media_type_name(const AVStream *st)
{
    const char *name = av_get_media_type_string(st->codecpar->codec_type);
    return name ? name : "unknown";
}

// The stream asked for, or the one libav prefers, cover pictures aside.
static int choose_stream(const struct source *s, const struct av_input *in, int *ret_index)
{
    AVFormatContext *f = in->format;
    if (s->opts.has_stream_index && s->opts.stream_index >= 0) {
        if (s->opts.stream_index >= f->nb_streams)
            return err_set(ERR_INVALID, "%s: no stream %lld; there are %u", s->path,
                           (long long)s->opts.stream_index, f->nb_streams);
        const AVStream *st = f->streams[s->opts.stream_index];
        if (st->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
            return err_set(ERR_INVALID, "%s: stream %d is %s, not video", s->path, st->index,
                           media_type_name(st));
        *ret_index = st->index;
        return 0;
    }
    int best = av_find_best_stream(f, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    for (unsigned i = 0; i < f->nb_streams && (best < 0 || is_cover(f->streams[best])); i++) {
        if (f->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_cover(f->streams[i]))
            best = (int)i;
    }
    if (best < 0 || is_cover(f->streams[best])) {
        bool has_audio = false;
        for (unsigned i = 0; i < f->nb_streams; i++)
            has_audio |= f->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        return av_input_no_stream(s, in,
                                  has_audio ? "no video stream, only audio" : "no video stream");
    }
    *ret_index = best;
    return 0;
}

static int check_size(const struct source *s, int width, int height)
{
    if (width > 0 && height > 0 && (int64_t)width * height > s->opts.max_pixels)
        return err_set(ERR_TOO_BIG, "%s: pictures of %dx%d, more than the %lld pixels accepted",
                       s->path, width, height, (long long)s->opts.max_pixels);
    return 0;
}

static int open_decoder(struct source *s, struct video *v)
{
    const AVCodecParameters *par = v->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    if (!codec) {
        char tag[AV_FOURCC_MAX_STRING_SIZE];
        char text[128];
        snprintf(text, sizeof(text), "no decoder for codec %s (tag %s)",
                 avcodec_get_name(par->codec_id), av_fourcc_make_string(tag, par->codec_tag));
        return av_input_no_stream(s, &v->input, text);
    }
    v->decoder = avcodec_alloc_context3(codec);
    if (!v->decoder || avcodec_parameters_to_context(v->decoder, par) < 0)
        return err_set(ERR_NOMEM, "%s: out of memory for a decoder", s->path);
    v->decoder->pkt_timebase = v->stream->time_base;
    v->decoder->framerate = v->stream->avg_frame_rate;
    v->decoder->max_pixels = av_input_decoder_pixels(s->opts.max_pixels);
    v->decoder->thread_count = s->opts.threads > 0 ? s->opts.threads : 1;
    if (s->opts.unfiltered != SOURCE_UNFILTERED_NONE)
        v->decoder->skip_loop_filter =
            s->opts.unfiltered == SOURCE_UNFILTERED_ALL ? AVDISCARD_ALL : AVDISCARD_NONREF;
    int r = avcodec_open2(v->decoder, codec, NULL);
    return r < 0 ? av_input_error(s, r, "opening the decoder") : 0;
}

// The display matrix; or, where a phone had none to write (HTC, Matroska), the name of its track.
static struct orientation orientation_of_stream(const AVStream *st)
{
    static const struct {
        const char *title;
        int exif;
    } titles[] = {{"htc_video_rotA-090", 6}, {"htc_video_rotA-180", 3}, {"htc_video_rotA-270", 8}};
    const int32_t *matrix = compat_display_matrix(st);
    const AVDictionaryEntry *title = av_dict_get(st->metadata, "title", NULL, 0);
    for (size_t i = 0; !matrix && title && i < ARRAY_LEN(titles); i++) {
        if (strcmp(title->value, titles[i].title) == 0)
            return orientation_of_exif(titles[i].exif);
    }
    return orientation_of_matrix(matrix);
}

static void fill_info(struct source *s, const struct video *v)
{
    const AVStream *st = v->stream;
    const AVCodecParameters *par = st->codecpar;
    struct source_info *i = &s->info;
    AVRational rate = st->avg_frame_rate.num > 0 ? st->avg_frame_rate : st->r_frame_rate;
    const char *format = av_get_pix_fmt_name((enum AVPixelFormat)par->format);
    i->kind = SOURCE_VIDEO;
    i->container = v->input.format->iformat->name;
    i->codec = avcodec_get_name(par->codec_id);
    i->pixel_format = format ? format : "unknown";
    i->stream_index = st->index;
    i->coded_width = par->width;
    i->coded_height = par->height;
    i->width = v->orientation.transpose ? par->height : par->width;
    i->height = v->orientation.transpose ? par->width : par->height;
    i->rotation = orientation_degrees(v->orientation);
    i->frame_rate_num = rate.num > 0 && rate.den > 0 ? rate.num : 0;
    i->frame_rate_den = i->frame_rate_num > 0 ? rate.den : 1;
    i->time_base_num = st->time_base.num;
    i->time_base_den = st->time_base.den;
    i->n_frames_hint = st->nb_frames > 0 ? st->nb_frames : 0;
    if (st->duration != AV_NOPTS_VALUE && st->duration > 0)
        i->duration_s = (double)st->duration * av_q2d(st->time_base);
    else if (v->input.format->duration != AV_NOPTS_VALUE && v->input.format->duration > 0)
        i->duration_s = (double)v->input.format->duration / AV_TIME_BASE;
    if (i->n_frames_hint == 0 && i->frame_rate_num > 0)
        i->n_frames_hint = (int64_t)(i->duration_s * i->frame_rate_num / i->frame_rate_den + 0.5);
}

// The chosen stream of the opened container, with a decoder.
static int open_stream(struct source *s, struct video *v)
{
    int index = 0;
    int r = choose_stream(s, &v->input, &index);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < v->input.format->nb_streams; i++)
        v->input.format->streams[i]->discard = AVDISCARD_ALL;
    v->stream = v->input.format->streams[index];
    v->stream->discard = AVDISCARD_DEFAULT;
    r = check_size(s, v->stream->codecpar->width, v->stream->codecpar->height);
    return r == 0 ? open_decoder(s, v) : r;
}

static void start_timeline(const struct source *s, struct video *v)
{
    timeline_init(&v->timeline, v->stream->time_base.num, v->stream->time_base.den,
                  s->info.frame_rate_num, s->info.frame_rate_den);
}

// Where frames are left out, one thread decodes (errors of others are not seen), and the file can
// be read once more.
static int start_skimming(const struct source *s, struct video *v)
{
    bool leaves_out = s->opts.stride > 1 || s->opts.start_s > 0;
    bool can_reopen = v->input.fd >= 0 && !v->input.is_pipe;
    if (!leaves_out || !can_reopen || s->opts.live || v->decoder->thread_count != 1)
        return 0;
    return skim_start(&v->skim, v->stream->codecpar);
}

static int video_open(struct source *s)
{
    struct video *v = mem_new(struct video);
    if (!v)
        return ERR_NOMEM;
    s->state = v;
    v->input.fd = -1;
    int r = av_input_open(s, &v->input);
    if (r == 0)
        r = open_stream(s, v);
    if (r < 0)
        return r;
    v->next.packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    if (!v->next.packet || !v->frame)
        return err_set(ERR_NOMEM, "%s: out of memory", s->path);
    v->has_exact_count = av_match_name("mov", v->input.format->iformat->name) > 0;
    v->orientation = orientation_of_stream(v->stream);
    fill_info(s, v);
    start_timeline(s, v);
    return start_skimming(s, v);
}

static void cut_short(struct source *s, const char *reason)
{
    if (s->counts.cut_short)
        return;
    s->counts.cut_short = true;
    snprintf(s->counts.cut_reason, sizeof(s->counts.cut_reason), "%.250s", reason);
}

static void cut_by_log(struct source *s, const char *otherwise)
{
    const char *cause = media_cause_of_log(s->log.line);
    char text[MEDIA_LOG_BYTES + 64];
    snprintf(text, sizeof(text), "the file breaks off: %s",
             s->log.line[0] ? s->log.line : otherwise);
    cut_short(s, cause ? cause : text);
}

// The container gave no further packet: was that its end, or did it break off?
static int note_end(struct source *s, const struct video *v, int av_error)
{
    if (source_is_interrupted(s))
        return err_set(ERR_CANCELLED, "%s: interrupted", s->path);
    char text[MEDIA_LOG_BYTES + 64];
    if (av_error == AVERROR_EXIT || av_error == AVERROR(EAGAIN)) {
        snprintf(text, sizeof(text), "nothing came for %d seconds", SOURCE_IO_TIMEOUT_S);
        cut_short(s, text);
    } else if (av_error != AVERROR_EOF) {
        int r = av_input_error(s, av_error, "reading");
        if (r == ERR_NOMEM)
            return r;
        char why[AV_ERROR_MAX_STRING_SIZE];
        av_make_error_string(why, sizeof(why), av_error);
        cut_by_log(s, why);
    } else if (s->log.n_errors > 0) {
        cut_by_log(s, "");
    } else if (v->last_packet_was_short) {
        cut_short(s, "the file breaks off within a frame");
    } else if (av_input_is_truncated(&v->input, TRUNCATION_STREAMS)) {
        cut_short(s, "the file is shorter than it says");
    } else if (v->has_exact_count && v->stream->nb_frames > v->n_packets) {
        snprintf(text, sizeof(text), "the file ends after %lld of %lld frames",
                 (long long)v->n_packets, (long long)v->stream->nb_frames);
        cut_short(s, text);
    }
    return 0;
}

// The next packet of our stream; at the end none, and *ret_is_end.
static int read_packet(struct source *s, struct video *v, bool *ret_is_end)
{
    AVPacket *p = v->next.packet;
    *ret_is_end = false;
    for (;;) {
        if (source_is_interrupted(s))
            return err_set(ERR_CANCELLED, "%s: interrupted", s->path);
        av_packet_unref(p);
        media_log_clear(&s->log);
        source_set_deadline(s); // each packet has its own
        int r = av_read_frame(v->input.format, p);
        while (r == AVERROR(EAGAIN) && !source_must_stop(s))
            r = av_read_frame(v->input.format, p);
        if (r < 0) {
            *ret_is_end = true;
            v->end_error = r;
            v->end_log = s->log;
            return 0;
        }
        if (p->stream_index != v->stream->index)
            continue;
        v->next.number = v->n_packets++;
        v->n_discarded += (p->flags & AV_PKT_FLAG_DISCARD) != 0;
        v->last_packet_was_short = (p->flags & AV_PKT_FLAG_CORRUPT) != 0;
        v->is_encrypted |= av_packet_get_side_data(p, AV_PKT_DATA_ENCRYPTION_INFO, NULL) != NULL;
        if (p->size > 0) // AVI's "as before" has none, and would look like a drain
            return 0;
    }
}

static int read_ahead(struct source *s, struct video *v)
{
    while (v->end_error == 0 && v->skim.n_queued < SKIM_AHEAD) {
        bool is_end;
        int r = read_packet(s, v, &is_end);
        if (r < 0)
            return r;
        v->next.log = s->log;
        if (!is_end)
            skim_push(&v->skim, &v->next);
    }
    return 0;
}

// The packet to be sent, or at the end none: the decoder is told to drain.
static int next_packet(struct source *s, struct video *v)
{
    bool is_end;
    int r = v->skim.is_on ? read_ahead(s, v) : read_packet(s, v, &is_end);
    if (r < 0)
        return r;
    if (v->skim.is_on) {
        is_end = !skim_pop(&v->skim, &v->next);
        s->log = is_end ? v->end_log : v->next.log;
    }
    if (!is_end)
        return 0;
    v->is_draining = true;
    return note_end(s, v, v->end_error);
}

static int refuse(struct source *s, struct video *v, int av_error)
{
    if (av_error == AVERROR(ENOMEM))
        return err_set(ERR_NOMEM, "%s: out of memory while decoding", s->path);
    char why[AV_ERROR_MAX_STRING_SIZE];
    char text[MEDIA_LOG_BYTES + 256];
    av_make_error_string(why, sizeof(why), av_error);
    snprintf(text, sizeof(text), "packet %lld: %s", (long long)v->next.number,
             s->log.line[0] ? s->log.line : why);
    source_count_undecodable(s, text);
    v->n_refused++;
    return 0;
}

// Whether, as far as can be told, nobody will want the frame in the next packet.
static bool seems_unwanted(const struct source *s, const struct video *v)
{
    int64_t ordinal = skim_ordinal(&v->skim, v->next.packet);
    if (ordinal < 0)
        return false;
    int64_t us = timeline_guess(&v->timeline, v->next.packet->pts);
    return !source_wants(s, us, ordinal);
}

// Sends the packet, cut where it may be. Returns libav's error.
static int send_skimming(struct source *s, struct video *v)
{
    bool is_cut = false;
    if (seems_unwanted(s, v) && skim_cut(&v->skim, v->next.packet, &is_cut) < 0)
        return AVERROR(ENOMEM);
    skim_note_sent(&v->skim, v->next.packet, is_cut);
    int concealment = v->decoder->error_concealment;
    if (is_cut)
        v->decoder->error_concealment = 0; // what is missing need not look well
    int r = avcodec_send_packet(v->decoder, v->next.packet);
    v->decoder->error_concealment = concealment;
    if (!is_cut)
        skim_note_log(&v->skim, &s->log);
    if (!is_cut || r == AVERROR(ENOMEM))
        return r;
    media_log_clear(&s->log);
    v->skim.is_wrong |= r < 0;
    return 0;
}

// Feeds the decoder once: a packet, or the order to drain.
static int feed(struct source *s, struct video *v)
{
    int r = next_packet(s, v);
    if (r < 0)
        return r;
    if (v->skim.is_on && !v->is_draining)
        r = send_skimming(s, v);
    else
        r = avcodec_send_packet(v->decoder, v->is_draining ? NULL : v->next.packet);
    av_packet_unref(v->next.packet);
    if (r == AVERROR_EOF || r >= 0)
        return 0;
    return refuse(s, v, r);
}

// Why a whole stream gave no frame.
static int nothing_decoded(struct source *s, const struct video *v)
{
    if (v->is_encrypted)
        return err_set(ERR_MEDIA, "%s: the video is encrypted", s->path);
    if (s->counts.cut_short && v->n_packets == 0)
        return err_set(ERR_MEDIA, "%s: %s", s->path, s->counts.cut_reason);
    if (v->n_packets == 0)
        return err_set(ERR_MEDIA, "%s: the video stream holds no frames", s->path);
    if (v->n_discarded == v->n_packets)
        return err_set(ERR_MEDIA, "%s: the edit list leaves none of %lld frames", s->path,
                       (long long)v->n_packets);
    return err_set(ERR_MEDIA, "%s: none of %lld packets could be decoded%s%s", s->path,
                   (long long)v->n_packets, s->counts.undecodable_reason[0] ? "; " : "",
                   s->counts.undecodable_reason);
}

static int decode(struct source *s, struct video *v)
{
    for (;;) {
        if (source_is_interrupted(s))
            return err_set(ERR_CANCELLED, "%s: interrupted", s->path);
        int r = avcodec_receive_frame(v->decoder, v->frame);
        if (r >= 0)
            return check_size(s, v->frame->width, v->frame->height);
        if (r == AVERROR_EOF || (v->is_draining && v->n_drain_errors > MAX_DRAIN_ERRORS))
            return s->next_ordinal > 0 ? err_set(ERR_EOF, "%s: end", s->path)
                                       : nothing_decoded(s, v);
        if (r == AVERROR(EAGAIN)) {
            r = feed(s, v);
        } else {
            v->n_drain_errors += v->is_draining;
            r = refuse(s, v, r);
        }
        if (r < 0)
            return r;
    }
}

static int step(struct source *s, struct video *v, int64_t *ret_pts_us)
{
    av_frame_unref(v->frame);
    int r = decode(s, v);
    if (r < 0)
        return r;
    v->n_drain_errors = 0;
    s->is_at_key = compat_frame_is_key(v->frame);
    int64_t pts = v->frame->best_effort_timestamp;
    *ret_pts_us = timeline_place(&v->timeline, pts == AV_NOPTS_VALUE ? TIMELINE_NO_PTS : pts,
                                 compat_frame_duration(v->frame));
    return 0;
}

// After a step of result *r* to the frame *ordinal*: whether all was as skimming took it to be.
static bool was_skimmed_well(struct source *s, struct video *v, int r, int64_t pts_us,
                             int64_t ordinal)
{
    bool was_cut = r == 0 && skim_note_out(&v->skim, v->frame->pts);
    s->counts.skimmed += was_cut;
    skim_note_log(&v->skim, &s->log);
    v->skim.is_wrong |= was_cut && source_wants(s, pts_us, ordinal);
    if (r == ERR_EOF)
        skim_note_end(&v->skim);
    return !v->skim.is_wrong;
}

// From the file's start once more, with whole packets, up to the frame *ordinal*.
static int start_over(struct source *s, struct video *v, int64_t ordinal, int64_t *ret_pts_us)
{
    skim_stop(&v->skim);
    s->counts.undecodable -= v->n_refused;
    if (s->counts.undecodable == 0)
        s->counts.undecodable_reason[0] = '\0';
    s->counts.cut_short = false;
    s->counts.skimmed = 0;
    v->n_refused = v->n_packets = v->n_discarded = 0;
    v->end_error = v->n_drain_errors = 0;
    v->is_draining = false;
    av_frame_unref(v->frame);
    avcodec_free_context(&v->decoder);
    int r = av_input_reopen(s, &v->input);
    if (r == 0)
        r = open_stream(s, v);
    if (r == 0)
        start_timeline(s, v);
    for (int64_t i = 0; r == 0 && i <= ordinal; i++) {
        r = step(s, v, ret_pts_us);
        if (s->on_step)
            s->on_step(s->on_step_arg);
    }
    return r;
}

static int video_advance(struct source *s, int64_t *ret_pts_us)
{
    struct video *v = (struct video *)s->state;
    if (v->has_pending) {
        v->has_pending = false;
        *ret_pts_us = v->pending_us;
        return 0;
    }
    int r = step(s, v, ret_pts_us);
    if (v->skim.is_on && !was_skimmed_well(s, v, r, r == 0 ? *ret_pts_us : 0, s->next_ordinal))
        return start_over(s, v, s->next_ordinal, ret_pts_us);
    return r;
}

static int video_packet(struct source *s, struct source_packet *ret_packet)
{
    struct video *v = (struct video *)s->state;
    bool is_end;
    int r = read_packet(s, v, &is_end);
    if (r < 0)
        return r;
    if (is_end)
        return err_set(ERR_EOF, "%s: end", s->path);
    *ret_packet = (struct source_packet){
        .pts = v->next.packet->pts == AV_NOPTS_VALUE ? TIMELINE_NO_PTS : v->next.packet->pts,
        .duration = v->next.packet->duration,
        .is_dropped = (v->next.packet->flags & AV_PKT_FLAG_DISCARD) != 0};
    return 0;
}

// Pictures before the mark may come first (a key frame's leading pictures); one at exactly that
// time is the mark, whatever else would be another file than the one that was counted.
static int video_seek(struct source *s, int64_t pts_us)
{
    struct video *v = (struct video *)s->state;
    const AVRational us = {1, 1000000};
    int64_t pts = av_rescale_q_rnd(pts_us, us, v->stream->time_base, AV_ROUND_NEAR_INF);
    skim_stop(&v->skim); // ordinals are counted from elsewhere
    if (av_seek_frame(v->input.format, v->stream->index, pts, AVSEEK_FLAG_BACKWARD) < 0)
        return err_set(ERR_UNSUPPORTED, "%s: cannot be sought in", s->path);
    avcodec_flush_buffers(v->decoder);
    int64_t at_us = INT64_MIN;
    while (at_us < pts_us) {
        start_timeline(s, v);
        int r = video_advance(s, &at_us);
        if (r == ERR_EOF || r == ERR_MEDIA)
            break;
        if (r < 0)
            return r;
    }
    if (at_us != pts_us || !s->is_at_key)
        return err_set(ERR_UNSUPPORTED, "%s: no key frame at %lld us", s->path, (long long)pts_us);
    v->has_pending = true;
    v->pending_us = at_us;
    return 0;
}

static int video_take(struct source *s, int64_t pts_us, int64_t ordinal,
                      struct picture **ret_picture)
{
    struct video *v = (struct video *)s->state;
    const struct av_picture_place place = {.pts_us = pts_us, .ordinal = ordinal};
    int r = av_picture_make(&v->maker, v->frame, v->orientation, &place, ret_picture);
    return r < 0 ? err_prefix(r, "%s", s->path) : 0;
}

static void video_close(struct source *s)
{
    struct video *v = (struct video *)s->state;
    if (!v)
        return;
    av_picture_maker_finish(&v->maker);
    skim_stop(&v->skim);
    av_frame_free(&v->frame);
    av_packet_free(&v->next.packet);
    avcodec_free_context(&v->decoder);
    av_input_close(&v->input);
    mem_free(v);
    s->state = NULL;
}

static void describe_stream(const AVStream *st, struct probe_stream *ret)
{
    const AVCodecParameters *par = st->codecpar;
    *ret = (struct probe_stream){.index = st->index};
    snprintf(ret->type, sizeof(ret->type), "%s", is_cover(st) ? "picture" : media_type_name(st));
    snprintf(ret->codec, sizeof(ret->codec), "%s", avcodec_get_name(par->codec_id));
    if (par->codec_type == AVMEDIA_TYPE_VIDEO) {
        ret->width = par->width;
        ret->height = par->height;
    }
}

static void video_describe(const struct source *s, struct probe_result *result)
{
    const struct video *v = (const struct video *)s->state;
    const AVFormatContext *f = v->input.format;
    const char *profile =
        avcodec_profile_name(v->stream->codecpar->codec_id, v->stream->codecpar->profile);
    snprintf(result->profile, sizeof(result->profile), "%s", profile ? profile : "");
    result->n_streams = f->nb_streams;
    for (unsigned i = 0; i < f->nb_streams && i < PROBE_MAX_STREAMS; i++)
        describe_stream(f->streams[i], &result->streams[i]);
}

const struct source_impl source_video = {
    .open = video_open,
    .advance = video_advance,
    .take = video_take,
    .seek = video_seek,
    .packet = video_packet,
    .close = video_close,
    .describe = video_describe,
};
