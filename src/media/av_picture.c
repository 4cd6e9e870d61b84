// SPDX-License-Identifier: Apache-2.0
// av_picture.c - libav's frames become upright pictures.

#include "media/av_picture_priv.h"

#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/picture.h"

// A picture whose pixels belong to another: an AVFrame's, or an inner picture's.
struct wrapped {
    struct picture base;   // first: the picture's address is the wrapper's
    AVFrame *frame;        // or NULL
    struct picture *inner; // or NULL
    char *file;
};

enum {
    MAX_SIDE = 65535, // as picture_create()
};

// What a picture can hold without conversion, nearest first for the search of a target.
static const enum AVPixelFormat targets[] = {
    AV_PIX_FMT_RGB24,     AV_PIX_FMT_GRAY8,     AV_PIX_FMT_GRAY10,    AV_PIX_FMT_GRAY12,
    AV_PIX_FMT_GRAY16,    AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P,
    AV_PIX_FMT_YUV440P,   AV_PIX_FMT_YUV411P,   AV_PIX_FMT_YUV410P,   AV_PIX_FMT_YUV420P9,
    AV_PIX_FMT_YUV422P9,  AV_PIX_FMT_YUV444P9,  AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10,
    AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV420P12, AV_PIX_FMT_YUV422P12, AV_PIX_FMT_YUV444P12,
    AV_PIX_FMT_YUV420P16, AV_PIX_FMT_YUV422P16, AV_PIX_FMT_YUV444P16, AV_PIX_FMT_NONE,
};

static bool is_foreign_endian(const AVPixFmtDescriptor *d)
{
    bool big = (d->flags & AV_PIX_FMT_FLAG_BE) != 0;
    return d->comp[0].depth > 8 && big != (AV_NE(1, 0) != 0);
}

// Every component alone in its plane, without gaps, low bits used: YUV or gray as picture.h has it.
static bool is_plain_planar(const AVPixFmtDescriptor *d)
{
    const uint64_t strange = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL |
                             AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                             AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    if ((d->flags & strange) || is_foreign_endian(d))
        return false;
    if (d->nb_components != 1 && d->nb_components != 3)
        return false;
    for (int i = 0; i < d->nb_components; i++) {
        const AVComponentDescriptor *c = &d->comp[i];
        int n_bytes = c->depth > 8 ? 2 : 1;
        if (c->plane != i || c->offset != 0 || c->shift != 0 || c->step != n_bytes ||
            c->depth < 8 || c->depth > 16 || c->depth != d->comp[0].depth)
            return false;
    }
    return d->log2_chroma_w <= 2 && d->log2_chroma_h <= 2;
}

static enum picture_layout layout_of(enum AVPixelFormat format)
{
    if (format == AV_PIX_FMT_RGB24)
        return PICTURE_RGB;
    if (format == AV_PIX_FMT_NV12)
        return PICTURE_NV12;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    if (!d || !is_plain_planar(d))
        return PICTURE_LAYOUT_UNSET;
    return d->nb_components == 1 ? PICTURE_GRAY : PICTURE_YUV_PLANAR;
}

static enum picture_matrix matrix_of(enum AVColorSpace space)
{
    switch (space) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_SMPTE240M: // differs from BT.709 in the third digit
        return PICTURE_BT709;
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return PICTURE_BT601;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return PICTURE_BT2020;
    default:
        return PICTURE_MATRIX_UNSET;
    }
}

static bool is_yuvj(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P ||
           format == AV_PIX_FMT_YUVJ444P || format == AV_PIX_FMT_YUVJ440P ||
           format == AV_PIX_FMT_YUVJ411P;
}

static enum picture_range range_of(const AVFrame *f, enum picture_layout layout)
{
    if (layout == PICTURE_RGB || f->color_range == AVCOL_RANGE_JPEG ||
        is_yuvj((enum AVPixelFormat)f->format))
        return PICTURE_FULL;
    if (f->color_range == AVCOL_RANGE_MPEG)
        return PICTURE_LIMITED;
    // Gray without a word about it comes from still pictures: full, as swscale has it.
    return layout == PICTURE_GRAY ? PICTURE_FULL : PICTURE_RANGE_UNSET;
}

static void describe(struct picture *p, const AVFrame *f, const struct av_picture_place *place)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    p->layout = layout_of((enum AVPixelFormat)f->format);
    p->matrix = matrix_of(f->colorspace);
    p->range = range_of(f, p->layout);
    p->bit_depth = d->comp[0].depth;
    p->chroma_shift_x =
        p->layout == PICTURE_YUV_PLANAR || p->layout == PICTURE_NV12 ? d->log2_chroma_w : 0;
    p->chroma_shift_y =
        p->layout == PICTURE_YUV_PLANAR || p->layout == PICTURE_NV12 ? d->log2_chroma_h : 0;
    p->pts_us = place->pts_us;
    p->ordinal = place->ordinal;
}

static void release_wrapped(struct picture *p)
{
    struct wrapped *w = (struct wrapped *)p;
    av_frame_free(&w->frame);
    picture_unref(&w->inner);
    mem_free(w->file);
    mem_free(w);
}

static int wrapped_create(const char *file, struct wrapped **ret_wrapped)
{
    struct wrapped *w = mem_new(struct wrapped);
    if (!w)
        return ERR_NOMEM;
    w->file = file ? mem_strdup(file) : NULL;
    if (file && !w->file) {
        mem_free(w);
        return ERR_NOMEM;
    }
    *ret_wrapped = w;
    return 0;
}

static int n_planes_of(enum picture_layout layout)
{
    return layout == PICTURE_YUV_PLANAR ? 3 : layout == PICTURE_NV12 ? 2 : 1;
}

static int wrap(AVFrame *frame, const struct av_picture_place *place, struct picture **ret_picture)
{
    struct wrapped *w;
    int r = wrapped_create(place->file, &w);
    if (r < 0)
        return r;
    w->frame = av_frame_alloc();
    if (!w->frame) {
        release_wrapped(&w->base);
        return err_set(ERR_NOMEM, "out of memory for a picture");
    }
    av_frame_move_ref(w->frame, frame);
    const AVFrame *f = w->frame;
    struct picture *p = &w->base;
    atomic_init(&p->refs, 1);
    p->release = release_wrapped;
    p->file = w->file;
    p->width = f->width;
    p->height = f->height;
    describe(p, f, place);
    for (int i = 0; i < n_planes_of(p->layout); i++) {
        p->planes[i] = f->data[i];
        p->strides[i] = f->linesize[i];
    }
    *ret_picture = p;
    return 0;
}

int av_picture_name(struct picture **pp, const char *file)
{
    struct wrapped *w;
    int r = wrapped_create(file, &w);
    if (r < 0)
        return r;
    struct picture *p = &w->base;
    struct picture *inner = *pp;
    p->layout = inner->layout;
    p->matrix = inner->matrix;
    p->range = inner->range;
    p->width = inner->width;
    p->height = inner->height;
    p->bit_depth = inner->bit_depth;
    p->chroma_shift_x = inner->chroma_shift_x;
    p->chroma_shift_y = inner->chroma_shift_y;
    memcpy(p->planes, inner->planes, sizeof(p->planes));
    memcpy(p->strides, inner->strides, sizeof(p->strides));
    p->pts_us = inner->pts_us;
    p->ordinal = inner->ordinal;
    atomic_init(&p->refs, 1);
    p->release = release_wrapped;
    p->file = w->file;
    w->inner = inner;
    *pp = p;
    return 0;
}

// The frame's pixels in *format*, in buffers of libav's own making: its scaler may write a little
// past a row's end, which those allow for.
static int convert(struct av_picture_maker *m, AVFrame *frame, enum AVPixelFormat format)
{
    AVFrame *to = av_frame_alloc();
    if (!to)
        return err_set(ERR_NOMEM, "out of memory for a picture");
    int r = err_set(ERR_NOMEM, "out of memory for a picture of %dx%d", frame->width, frame->height);
    to->format = format;
    to->width = frame->width;
    to->height = frame->height;
    if (av_frame_get_buffer(to, 0) < 0 || av_frame_copy_props(to, frame) < 0)
        goto out;
    enum AVPixelFormat from = (enum AVPixelFormat)frame->format;
    m->scaler =
        sws_getCachedContext(m->scaler, frame->width, frame->height, from, to->width, to->height,
                             format, SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!m->scaler) {
        r = err_set(ERR_UNSUPPORTED, "pixel format %s of %dx%d cannot be converted",
                    av_get_pix_fmt_name(from), frame->width, frame->height);
        goto out;
    }
    // Both sides in the same range and matrix: samples are moved, colours are not touched.
    int full = frame->color_range == AVCOL_RANGE_JPEG;
    const int *same = sws_getCoefficients(SWS_CS_DEFAULT);
    sws_setColorspaceDetails(m->scaler, same, full, same, full, 0, 1 << 16, 1 << 16);
    int n = sws_scale(m->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0,
                      frame->height, to->data, to->linesize);
    if (n < 0) {
        r = err_set(ERR_UNSUPPORTED, "pixel format %s of %dx%d cannot be converted",
                    av_get_pix_fmt_name(from), frame->width, frame->height);
        goto out;
    }
    av_frame_unref(frame);
    av_frame_move_ref(frame, to);
    r = 0;
out:
    av_frame_free(&to);
    return r;
}

// Turned 4:1:1 has no layout of ours; 4:4:4 has.
static enum AVPixelFormat target_of(enum AVPixelFormat from, struct orientation o)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from);
    if (layout_of(from) != PICTURE_LAYOUT_UNSET) {
        bool is_lopsided = d->log2_chroma_w == 2 && d->log2_chroma_h != 2;
        bool is_tall = d->log2_chroma_h == 2 && d->log2_chroma_w != 2;
        return (is_lopsided && o.transpose) || is_tall ? AV_PIX_FMT_YUV444P : from;
    }
    if (!d || (d->flags & AV_PIX_FMT_FLAG_HWACCEL))
        return AV_PIX_FMT_NONE;
    if (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BAYER))
        return AV_PIX_FMT_RGB24;
    return avcodec_find_best_pix_fmt_of_list(targets, from, 0, NULL);
}

static void turn_plane(struct picture *to, const struct picture *from, int plane,
                       struct orientation o)
{
    bool is_chroma = plane > 0;
    int shift_x = is_chroma ? from->chroma_shift_x : 0;
    int shift_y = is_chroma ? from->chroma_shift_y : 0;
    int sample_bytes = from->bit_depth > 8 ? 2 : 1;
    if (from->layout == PICTURE_RGB)
        sample_bytes = 3;
    else if (from->layout == PICTURE_NV12 && is_chroma)
        sample_bytes = 2;
    const struct plane_copy copy = {
        .src = from->planes[plane],
        .src_stride = from->strides[plane],
        .dst = picture_plane(to, plane),
        .dst_stride = to->strides[plane],
        .width = (from->width + (1 << shift_x) - 1) >> shift_x,
        .height = (from->height + (1 << shift_y) - 1) >> shift_y,
        .sample_bytes = sample_bytes,
    };
    orientation_copy(o, &copy);
}

// The pixels of *from* turned, in the buffers of a picture_create() picture.
static int turn(const struct picture *from, struct orientation o, struct picture **ret_picture)
{
    struct picture *to;
    bool t = o.transpose;
    int r =
        picture_create(from->layout, t ? from->height : from->width, t ? from->width : from->height,
                       from->bit_depth, t ? from->chroma_shift_y : from->chroma_shift_x,
                       t ? from->chroma_shift_x : from->chroma_shift_y, &to);
    if (r < 0)
        return r;
    for (int i = 0; i < n_planes_of(from->layout); i++)
        turn_plane(to, from, i, o);
    to->matrix = from->matrix;
    to->range = from->range;
    to->pts_us = from->pts_us;
    to->ordinal = from->ordinal;
    *ret_picture = to;
    return 0;
}

int av_picture_turn(struct picture **pp, struct orientation o)
{
    if (orientation_is_upright(o))
        return 0;
    struct picture *to = NULL;
    int r = turn(*pp, o, &to);
    if (r < 0)
        return r;
    if ((*pp)->file) {
        r = av_picture_name(&to, (*pp)->file);
        if (r < 0) {
            picture_unref(&to);
            return r;
        }
    }
    picture_unref(pp);
    *pp = to;
    return 0;
}

int av_picture_make(struct av_picture_maker *m, AVFrame *frame, struct orientation o,
                    const struct av_picture_place *place, struct picture **ret_picture)
{
    enum AVPixelFormat from = (enum AVPixelFormat)frame->format;
    enum AVPixelFormat to = target_of(from, o);
    struct picture *p = NULL;
    int r = 0;
    if (frame->width > MAX_SIDE || frame->height > MAX_SIDE)
        r = err_set(ERR_TOO_BIG, "a picture of %dx%d, more than %d on a side", frame->width,
                    frame->height, MAX_SIDE);
    else if (to == AV_PIX_FMT_NONE)
        r = err_set(ERR_UNSUPPORTED, "pixel format %s is not supported",
                    av_get_pix_fmt_name(from) ? av_get_pix_fmt_name(from) : "unknown");
    else if (to != from)
        r = convert(m, frame, to);
    if (r == 0)
        r = wrap(frame, place, &p);
    if (r == 0)
        r = av_picture_turn(&p, o);
    av_frame_unref(frame);
    if (r < 0) {
        picture_unref(&p);
        return r;
    }
    *ret_picture = p;
    return 0;
}

void av_picture_maker_finish(struct av_picture_maker *m)
{
    sws_freeContext(m->scaler);
    m->scaler = NULL;
}

static enum AVPixelFormat format_of(const struct picture *p)
{
    if (p->layout == PICTURE_RGB)
        return AV_PIX_FMT_RGB24;
    if (p->layout == PICTURE_NV12)
        return AV_PIX_FMT_NV12;
    int n = p->layout == PICTURE_GRAY ? 1 : 3;
    for (const AVPixFmtDescriptor *d = av_pix_fmt_desc_next(NULL); d; d = av_pix_fmt_desc_next(d)) {
        enum AVPixelFormat f = av_pix_fmt_desc_get_id(d);
        if (is_plain_planar(d) && !is_yuvj(f) && d->nb_components == n &&
            d->comp[0].depth == p->bit_depth &&
            (n == 1 ||
             (d->log2_chroma_w == p->chroma_shift_x && d->log2_chroma_h == p->chroma_shift_y)))
            return f;
    }
    return AV_PIX_FMT_NONE;
}

static const int *coefficients_of(const struct picture *p)
{
    switch (p->matrix) {
    case PICTURE_BT601:
        return sws_getCoefficients(SWS_CS_ITU601);
    case PICTURE_BT709:
        return sws_getCoefficients(SWS_CS_ITU709);
    case PICTURE_BT2020:
        return sws_getCoefficients(SWS_CS_BT2020);
    default:
        return sws_getCoefficients(p->height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601);
    }
}

int av_picture_scale(struct SwsContext **scaler, const struct picture *p, int width, int height,
                     AVFrame *to, enum AVColorSpace space)
{
    enum AVPixelFormat from = format_of(p);
    if (from == AV_PIX_FMT_NONE)
        return err_set(ERR_UNSUPPORTED, "a picture of %d bits, chroma %d:%d, cannot be converted",
                       p->bit_depth, p->chroma_shift_x, p->chroma_shift_y);
    *scaler = sws_getCachedContext(
        *scaler, width, height, from, to->width, to->height, (enum AVPixelFormat)to->format,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!*scaler)
        return err_set(ERR_UNSUPPORTED, "a picture of %dx%d cannot be converted", width, height);
    bool is_full = p->range == PICTURE_FULL || p->layout == PICTURE_RGB;
    bool to_full = space == AVCOL_SPC_RGB;
    const int *coefficients = to_full ? coefficients_of(p) : sws_getCoefficients((int)space);
    sws_setColorspaceDetails(*scaler, coefficients_of(p), is_full, coefficients, to_full, 0,
                             1 << 16, 1 << 16);
    const int strides[4] = {(int)p->strides[0], (int)p->strides[1], (int)p->strides[2], 0};
    const uint8_t *planes[4] = {p->planes[0], p->planes[1], p->planes[2], NULL};
    if (sws_scale(*scaler, planes, strides, 0, height, to->data, to->linesize) < 0)
        return err_set(ERR_UNSUPPORTED, "a picture of %dx%d cannot be converted", width, height);
    return 0;
}
