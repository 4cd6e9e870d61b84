// SPDX-License-Identifier: Apache-2.0
// picture_jpeg.c - a picture becomes JPEG bytes.

#include <assert.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
#include <turbojpeg.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/annotate.h"
#include "media/av_picture_priv.h"
#include "vision/picture.h"

enum {
    HD_LINES = 720,   // from here on players take BT.709
    WINDOW_STEP = 32, // pixels
};

struct jpeg_out {
    tjhandle handle;
    unsigned char *bytes;
    unsigned long n;
    int quality;
};

// The planes of a picture that came from a JPEG are a JPEG's: BT.601, full range. Blocks reach one
// sample beyond odd sides, so only even ones go this way.
static bool has_jpeg_planes(const struct picture *p)
{
    return p->layout == PICTURE_YUV_PLANAR && p->bit_depth == 8 && p->matrix == PICTURE_BT601 &&
           p->range == PICTURE_FULL && p->chroma_shift_x == 1 && p->chroma_shift_y == 1 &&
           p->width % 2 == 0 && p->height % 2 == 0 && p->strides[0] > 0;
}

static int compress(struct jpeg_out *o, const struct picture *p)
{
    const unsigned char *planes[3] = {p->planes[0], p->planes[1], p->planes[2]};
    const int strides[3] = {(int)p->strides[0], (int)p->strides[1], (int)p->strides[2]};
    if (has_jpeg_planes(p))
        return tjCompressFromYUVPlanes(o->handle, planes, p->width, strides, p->height, TJSAMP_420,
                                       &o->bytes, &o->n, o->quality, TJFLAG_NOREALLOC);
    return tjCompress2(o->handle, planes[0], p->width, strides[0], p->height, TJPF_RGB, &o->bytes,
                       &o->n, TJSAMP_420, o->quality, TJFLAG_NOREALLOC);
}

// The picture as RGB, scaled to *width* x *height*.
static int to_rgb(const struct picture *p, int width, int height, struct picture **ret_own)
{
    struct picture *rgb;
    int r = picture_create(PICTURE_RGB, width, height, 8, 0, 0, &rgb);
    if (r < 0)
        return r;
    AVFrame *frame = av_frame_alloc();
    struct SwsContext *scaler = NULL;
    if (!frame) {
        r = err_set(ERR_NOMEM, "out of memory for a JPEG");
    } else {
        frame->format = AV_PIX_FMT_RGB24;
        frame->width = width;
        frame->height = height;
        r = av_frame_get_buffer(frame, 0) < 0
                ? err_set(ERR_NOMEM, "out of memory for a JPEG")
                : av_picture_scale(&scaler, p, p->width, p->height, frame, AVCOL_SPC_RGB);
    }
    if (r == 0)
        av_image_copy_plane(picture_plane(rgb, 0), (int)rgb->strides[0], frame->data[0],
                            frame->linesize[0], width * 3, height);
    sws_freeContext(scaler);
    av_frame_free(&frame);
    if (r < 0) {
        picture_unref(&rgb);
        return r;
    }
    *ret_own = rgb;
    return 0;
}

static int compress_to_memory(struct jpeg_out *o, const struct picture *p, uint8_t **ret_bytes,
                              size_t *ret_n)
{
    o->n = tjBufSize(p->width, p->height, TJSAMP_420);
    o->handle = tjInitCompress();
    o->bytes = (unsigned char *)mem_calloc(o->n, 1);
    int r = o->handle && o->bytes ? 0 : err_set(ERR_NOMEM, "out of memory for a JPEG");
    if (r == 0 && compress(o, p) < 0)
        r = err_set(ERR_INTERNAL, "a picture of %dx%d as JPEG: %s", p->width, p->height,
                    tjGetErrorStr2(o->handle));
    if (o->handle)
        tjDestroy(o->handle);
    uint8_t *shrunk = r == 0 ? (uint8_t *)mem_resize(o->bytes, o->n) : NULL;
    if (r == 0 && !shrunk)
        r = ERR_NOMEM;
    if (r < 0) {
        mem_free(o->bytes);
        return r;
    }
    *ret_bytes = shrunk;
    *ret_n = o->n;
    return 0;
}

static int check_quality(int quality)
{
    if (quality < 1 || quality > 100)
        return err_set(ERR_INVALID, "JPEG quality %d is not 1 to 100", quality);
    return 0;
}

int picture_jpeg(const struct picture *p, int quality, uint8_t **ret_bytes, size_t *ret_n)
{
    int r = check_quality(quality);
    struct picture *own = NULL;
    if (r == 0 && !has_jpeg_planes(p) && p->layout != PICTURE_RGB)
        r = to_rgb(p, p->width, p->height, &own);
    if (r < 0)
        return r;
    struct jpeg_out o = {.quality = quality};
    r = compress_to_memory(&o, own ? own : p, ret_bytes, ret_n);
    picture_unref(&own);
    return r;
}

int picture_jpeg_scaled(const struct picture *p, int max_width, int quality, uint8_t **ret_bytes,
                        size_t *ret_n)
{
    assert(max_width > 0);
    if (p->width <= max_width)
        return picture_jpeg(p, quality, ret_bytes, ret_n);
    const int height = (int)((int64_t)p->height * max_width / p->width);
    struct picture *own;
    int r = check_quality(quality);
    if (r == 0)
        r = to_rgb(p, max_width, MAX(height, 1), &own);
    if (r < 0)
        return r;
    struct jpeg_out o = {.quality = quality};
    r = compress_to_memory(&o, own, ret_bytes, ret_n);
    picture_unref(&own);
    return r;
}

// ---- a part

// What lies at column *x* and line *y* of a plane.
static const uint8_t *sample(const struct picture *p, int plane, int x, int y)
{
    size_t bytes = p->bit_depth > 8 ? 2 : 1;
    if (p->layout == PICTURE_RGB)
        bytes = 3;
    else if (p->layout == PICTURE_NV12 && plane > 0)
        bytes = 2;
    return p->planes[plane] + y * p->strides[plane] + (ptrdiff_t)((size_t)x * bytes);
}

// The picture from column *x* and line *y* on, over its own pixels: not counted, not to be given
// back. Both lie on whole samples of chroma.
static struct picture from_corner(const struct picture *p, int x, int y, int width, int height)
{
    struct picture part = {.layout = p->layout,
                           .matrix = p->matrix,
                           .range = p->range,
                           .width = width,
                           .height = height,
                           .bit_depth = p->bit_depth,
                           .chroma_shift_x = p->chroma_shift_x,
                           .chroma_shift_y = p->chroma_shift_y};
    if (part.matrix == PICTURE_MATRIX_UNSET) // goes by the size of the whole
        part.matrix = p->height >= HD_LINES ? PICTURE_BT709 : PICTURE_BT601;
    const bool is_nv12 = p->layout == PICTURE_NV12;
    const int shift_x = is_nv12 ? 1 : p->chroma_shift_x;
    const int shift_y = is_nv12 ? 1 : p->chroma_shift_y;
    for (int i = 0; i < 3; i++) {
        part.strides[i] = p->strides[i];
        if (p->planes[i])
            part.planes[i] = sample(p, i, i > 0 ? x >> shift_x : x, i > 0 ? y >> shift_y : y);
    }
    return part;
}

int picture_jpeg_window(const struct picture *p, const struct picture_window *w, int max_width,
                        int quality, uint8_t **ret_bytes, size_t *ret_n)
{
    if (w->x < 0 || w->y < 0 || w->width < 1 || w->height < 1 || w->width > p->width - w->x ||
        w->height > p->height - w->y)
        return err_set(ERR_INVALID, "a part %d,%d,%d,%d of a picture of %dx%d", w->x, w->y,
                       w->width, w->height, p->width, p->height);
    // Converted from a column that vectors can read, cut to the very pixel afterwards.
    const int x0 = w->x & ~(WINDOW_STEP - 1);
    const int y0 = w->y & ~(WINDOW_STEP - 1);
    const struct picture around =
        from_corner(p, x0, y0, w->x - x0 + w->width, w->y - y0 + w->height);
    struct picture *rgb;
    int r = to_rgb(&around, around.width, around.height, &rgb);
    if (r < 0)
        return r;
    const struct picture part = from_corner(rgb, w->x - x0, w->y - y0, w->width, w->height);
    r = max_width > 0 ? picture_jpeg_scaled(&part, max_width, quality, ret_bytes, ret_n)
                      : picture_jpeg(&part, quality, ret_bytes, ret_n);
    picture_unref(&rgb);
    return r;
}
