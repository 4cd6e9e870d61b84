// SPDX-License-Identifier: Apache-2.0
// picture_file.c - one still picture becomes an upright picture.

#include "media/picture_file.h"

#include <assert.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <turbojpeg.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "media/av_input_priv.h"
#include "media/av_picture_priv.h"
#include "media/exif.h"
#include "media/media_cause.h"
#include "media/media_log.h"
#include "media/orientation.h"
#include "media/source.h"
#include "vision/picture.h"

enum {
    MAX_SIDE = 65535,
};

struct picture_decoder {
    int64_t max_pixels;
    tjhandle jpeg;
    struct av_picture_maker maker;
    AVPacket *packet;
    AVFrame *frame;
};

static const struct {
    const char *bytes;
    size_t n;
    size_t at;
    enum AVCodecID codec;
} heads[] = {
    {"\xff\xd8\xff", 3, 0, AV_CODEC_ID_MJPEG},
    {"\x89PNG\r\n\x1a\n", 8, 0, AV_CODEC_ID_PNG},
    {"BM", 2, 0, AV_CODEC_ID_BMP},
    {"WEBP", 4, 8, AV_CODEC_ID_WEBP},
    {"II*\0", 4, 0, AV_CODEC_ID_TIFF},
    {"MM\0*", 4, 0, AV_CODEC_ID_TIFF},
    {"P5\n", 3, 0, AV_CODEC_ID_PGM},
    {"P6\n", 3, 0, AV_CODEC_ID_PPM},
    {"P5 ", 3, 0, AV_CODEC_ID_PGM},
    {"P6 ", 3, 0, AV_CODEC_ID_PPM},
};

static enum AVCodecID codec_of(const void *bytes, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (n >= heads[i].at + heads[i].n &&
            memcmp((const char *)bytes + heads[i].at, heads[i].bytes, heads[i].n) == 0)
            return heads[i].codec;
    }
    return AV_CODEC_ID_NONE;
}

bool picture_file_is_picture(const void *bytes, size_t n)
{
    return codec_of(bytes, n) != AV_CODEC_ID_NONE;
}

int picture_decoder_create(int64_t max_pixels, struct picture_decoder **ret_decoder)
{
    struct picture_decoder *d = mem_new(struct picture_decoder);
    if (!d)
        return ERR_NOMEM;
    d->max_pixels = max_pixels;
    d->jpeg = tjInitDecompress();
    d->packet = av_packet_alloc();
    d->frame = av_frame_alloc();
    if (!d->jpeg || !d->packet || !d->frame) {
        picture_decoder_destroy(d);
        return err_set(ERR_NOMEM, "out of memory for a picture decoder");
    }
    *ret_decoder = d;
    return 0;
}

void picture_decoder_destroy(struct picture_decoder *d)
{
    if (!d)
        return;
    if (d->jpeg)
        tjDestroy(d->jpeg);
    av_packet_free(&d->packet);
    av_frame_free(&d->frame);
    av_picture_maker_finish(&d->maker);
    mem_free(d);
}

static int check_size(const struct picture_decoder *d, const char *name, int width, int height)
{
    if (width < 1 || height < 1)
        return err_set(ERR_MEDIA, "%s: a picture of %dx%d", name, width, height);
    if ((int64_t)width * height > d->max_pixels || width > MAX_SIDE || height > MAX_SIDE)
        return err_set(ERR_TOO_BIG, "%s: a picture of %dx%d, more than the %lld pixels accepted",
                       name, width, height, (long long)d->max_pixels);
    return 0;
}

struct jpeg {
    const unsigned char *bytes;
    unsigned long n;
    int width, height, subsampling, colours; // as stored
    int out_width, out_height;               // as it is decoded
};

// How the planes of a JPEG lie in a picture; false: not as we store them.
static bool jpeg_shifts(const struct jpeg *j, int *ret_x, int *ret_y)
{
    // clang-format off
    static const struct { int subsampling, x, y; } table[] = {
        {TJSAMP_444, 0, 0}, {TJSAMP_422, 1, 0}, {TJSAMP_420, 1, 1}, {TJSAMP_440, 0, 1},
        {TJSAMP_411, 2, 0},
    };
    // clang-format on
    for (size_t i = 0; j->colours == TJCS_YCbCr && i < ARRAY_LEN(table); i++) {
        if (table[i].subsampling == j->subsampling) {
            *ret_x = table[i].x;
            *ret_y = table[i].y;
            return true;
        }
    }
    return false;
}

static int jpeg_status(const struct picture_decoder *d, const char *name, int status)
{
    // A warning is a damaged file whose picture is still worth something, as viewers have it.
    if (status == 0 || tjGetErrorCode(d->jpeg) == TJERR_WARNING)
        return 0;
    return err_set(ERR_MEDIA, "%s: the picture cannot be decoded: %s", name,
                   tjGetErrorStr2(d->jpeg));
}

// Full blocks are written: the picture is made large enough for them and then told its real size.
static int jpeg_to_planes(struct picture_decoder *d, const char *name, const struct jpeg *j,
                          enum picture_layout layout, int shift_x, int shift_y,
                          struct picture **ret_picture)
{
    int mask_x = (1 << shift_x) - 1;
    int mask_y = (1 << shift_y) - 1;
    struct picture *p;
    int r = picture_create(layout, (j->out_width + mask_x) & ~mask_x,
                           (j->out_height + mask_y) & ~mask_y, 8, shift_x, shift_y, &p);
    if (r < 0)
        return r;
    unsigned char *planes[3] = {NULL};
    int strides[3] = {0};
    for (int i = 0; i < (layout == PICTURE_GRAY ? 1 : 3); i++) {
        planes[i] = picture_plane(p, i);
        strides[i] = (int)p->strides[i];
    }
    int status = tjDecompressToYUVPlanes(d->jpeg, j->bytes, j->n, planes, j->out_width, strides,
                                         j->out_height, TJFLAG_LIMITSCANS);
    r = jpeg_status(d, name, status);
    if (r < 0) {
        picture_unref(&p);
        return r;
    }
    p->width = j->out_width;
    p->height = j->out_height;
    p->matrix = PICTURE_BT601; // JFIF
    p->range = PICTURE_FULL;
    *ret_picture = p;
    return 0;
}

static int jpeg_to_rgb(struct picture_decoder *d, const char *name, const struct jpeg *j,
                       struct picture **ret_picture)
{
    struct picture *p;
    int r = picture_create(PICTURE_RGB, j->out_width, j->out_height, 8, 0, 0, &p);
    if (r < 0)
        return r;
    int status = tjDecompress2(d->jpeg, j->bytes, j->n, picture_plane(p, 0), j->out_width,
                               (int)p->strides[0], j->out_height, TJPF_RGB, TJFLAG_LIMITSCANS);
    r = jpeg_status(d, name, status);
    if (r < 0) {
        picture_unref(&p);
        return r;
    }
    p->range = PICTURE_FULL;
    *ret_picture = p;
    return 0;
}

static int decode_jpeg(struct picture_decoder *d, const char *name, const struct jpeg *j,
                       struct picture **ret_picture, struct picture_facts *facts)
{
    int shift_x = 0;
    int shift_y = 0;
    facts->codec = "jpeg";
    facts->coded_width = j->width;
    facts->coded_height = j->height;
    struct orientation o = orientation_of_exif(exif_orientation_of_jpeg(j->bytes, j->n));
    facts->rotation = orientation_degrees(o);
    bool is_planar = jpeg_shifts(j, &shift_x, &shift_y);
    if (is_planar && shift_x == 2 && o.transpose)
        is_planar = false; // turned 4:1:1 has no layout of ours
    if (j->width == MAX_SIDE || j->height == MAX_SIDE)
        is_planar = false; // whole blocks would be larger than a picture may be
    int r;
    struct picture *p = NULL;
    if (j->colours == TJCS_GRAY) {
        facts->pixel_format = "gray";
        r = jpeg_to_planes(d, name, j, PICTURE_GRAY, 0, 0, &p);
    } else if (is_planar) {
        facts->pixel_format = "yuv";
        r = jpeg_to_planes(d, name, j, PICTURE_YUV_PLANAR, shift_x, shift_y, &p);
    } else {
        facts->pixel_format = "rgb24";
        r = jpeg_to_rgb(d, name, j, &p);
    }
    if (r == 0)
        r = av_picture_turn(&p, o);
    if (r < 0) {
        picture_unref(&p);
        return r;
    }
    *ret_picture = p;
    return 0;
}

static int decode_named_jpeg(struct picture_decoder *d, const char *name, const struct jpeg *j,
                             struct picture **ret_picture, struct picture_facts *facts)
{
    struct picture *p = NULL;
    int r = decode_jpeg(d, name, j, &p, facts);
    if (r == 0)
        r = av_picture_name(&p, name);
    if (r < 0) {
        picture_unref(&p);
        return r;
    }
    *ret_picture = p;
    return 0;
}

static int av_failure(const char *name, const struct media_log *log, int av_error)
{
    if (av_error == AVERROR(ENOMEM))
        return err_set(ERR_NOMEM, "%s: out of memory", name);
    char why[AV_ERROR_MAX_STRING_SIZE];
    av_make_error_string(why, sizeof(why), av_error);
    const char *cause = media_cause_of_log(log->line);
    return err_set(ERR_MEDIA, "%s: the picture cannot be decoded: %s", name,
                   cause          ? cause
                   : log->line[0] ? log->line
                                  : why);
}

// One packet holds the file; one frame comes out.
static int run_decoder(struct picture_decoder *d, AVCodecContext *context)
{
    int r = avcodec_send_packet(context, d->packet);
    if (r >= 0)
        r = avcodec_receive_frame(context, d->frame);
    if (r == AVERROR(EAGAIN)) {
        r = avcodec_send_packet(context, NULL);
        if (r >= 0)
            r = avcodec_receive_frame(context, d->frame);
    }
    return r == AVERROR_EOF ? AVERROR_INVALIDDATA : r;
}

static int decode_with_av(struct picture_decoder *d, const char *name, enum AVCodecID id,
                          struct picture **ret_picture, struct picture_facts *facts)
{
    const AVCodec *codec = avcodec_find_decoder(id);
    if (!codec)
        return err_set(ERR_UNSUPPORTED, "%s: this libav has no decoder for %s", name,
                       avcodec_get_name(id));
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context)
        return err_set(ERR_NOMEM, "%s: out of memory", name);
    struct media_log log = {{0}, 0};
    struct media_log *before = media_log_begin(&log);
    context->max_pixels = av_input_decoder_pixels(d->max_pixels);
    context->thread_count = 1;
    int r = avcodec_open2(context, codec, NULL);
    if (r >= 0)
        r = run_decoder(d, context);
    facts->codec = codec->name;
    r = r < 0 ? av_failure(name, &log, r) : check_size(d, name, d->frame->width, d->frame->height);
    if (r < 0)
        av_frame_unref(d->frame);
    media_log_begin(before);
    avcodec_free_context(&context);
    if (r < 0)
        return r;
    facts->pixel_format = av_get_pix_fmt_name((enum AVPixelFormat)d->frame->format);
    facts->coded_width = d->frame->width;
    facts->coded_height = d->frame->height;
    const struct av_picture_place place = {.file = name};
    r = av_picture_make(&d->maker, d->frame, (struct orientation){0}, &place, ret_picture);
    return r < 0 ? err_prefix(r, "%s", name) : 0;
}

// *bytes* with the padding that libav reads beyond the end.
static int decode_padded(struct picture_decoder *d, const char *name, const void *bytes, size_t n,
                         enum AVCodecID id, struct picture **ret_picture,
                         struct picture_facts *facts)
{
    int av = av_new_packet(d->packet, (int)n); // copies: pads
    if (av < 0)
        return err_set(ERR_NOMEM, "%s: out of memory", name);
    memcpy(d->packet->data, bytes, n);
    int r = decode_with_av(d, name, id, ret_picture, facts);
    av_packet_unref(d->packet);
    return r;
}

// False: libav's. CMYK (print) and rare samplings (4:1:0) are.
static bool read_jpeg_head(struct picture_decoder *d, const void *bytes, size_t n,
                           struct jpeg *ret_jpeg)
{
    struct jpeg j = {.bytes = (const unsigned char *)bytes, .n = n};
    int status =
        tjDecompressHeader3(d->jpeg, j.bytes, j.n, &j.width, &j.height, &j.subsampling, &j.colours);
    if ((status != 0 && tjGetErrorCode(d->jpeg) != TJERR_WARNING) || j.colours == TJCS_CMYK ||
        j.colours == TJCS_YCCK)
        return false;
    j.out_width = j.width;
    j.out_height = j.height;
    *ret_jpeg = j;
    return true;
}

int picture_decode(struct picture_decoder *d, const char *name, const void *bytes, size_t n,
                   struct picture **ret_picture, struct picture_facts *ret_facts)
{
    struct picture_facts unused;
    struct picture_facts *facts = ret_facts ? ret_facts : &unused;
    *facts = (struct picture_facts){.codec = "unknown", .pixel_format = "unknown"};
    enum AVCodecID id = codec_of(bytes, n);
    if (id == AV_CODEC_ID_NONE) {
        const char *cause = media_cause_of_bytes(bytes, MIN(n, (size_t)MEDIA_CAUSE_BYTES));
        return err_set(ERR_MEDIA, "%s: %s", name,
                       cause ? cause : "is no picture of a known format");
    }
    if (n > PICTURE_FILE_MAX_BYTES)
        return err_set(ERR_TOO_BIG, "%s: more than %d bytes", name, PICTURE_FILE_MAX_BYTES);
    if (id != AV_CODEC_ID_MJPEG)
        return decode_padded(d, name, bytes, n, id, ret_picture, facts);
    struct jpeg j;
    if (!read_jpeg_head(d, bytes, n, &j))
        return decode_padded(d, name, bytes, n, id, ret_picture, facts);
    int r = check_size(d, name, j.width, j.height);
    if (r < 0)
        return r;
    return decode_named_jpeg(d, name, &j, ret_picture, facts);
}

// *prepare* sees the upright picture. Half as many samples again as the model gets are left for the
// letterbox: with fewer the picture is softer than the whole one would have been, and small boxes
// move (docs/SERVER.md has figures).
static void choose_reduction(struct jpeg *j, struct orientation o,
                             const struct source_prepare *prepare)
{
    int width = o.transpose ? j->height : j->width;
    int height = o.transpose ? j->width : j->height;
    struct letterbox lb = letterbox_make(prepare->rule, width, height, prepare->width,
                                         prepare->height, prepare->fill);
    int wanted_width = o.transpose ? lb.height : lb.width;
    int wanted_height = o.transpose ? lb.width : lb.height;
    for (int by = 8; by > 1; by /= 2) {
        int w = (j->width + by - 1) / by;
        int h = (j->height + by - 1) / by;
        if (w * 2 < wanted_width * 3 || h * 2 < wanted_height * 3)
            continue;
        j->out_width = w;
        j->out_height = h;
        return;
    }
}

int picture_decode_reduced(struct picture_decoder *d, const char *name, const void *bytes, size_t n,
                           const struct source_prepare *prepare,
                           struct picture_reduced *ret_reduced)
{
    struct picture_facts facts;
    struct jpeg j;
    if (codec_of(bytes, n) != AV_CODEC_ID_MJPEG || n > PICTURE_FILE_MAX_BYTES ||
        !read_jpeg_head(d, bytes, n, &j))
        return err_set(ERR_UNSUPPORTED, "%s: no JPEG that libjpeg-turbo takes", name);
    int r = check_size(d, name, j.width, j.height);
    if (r < 0)
        return r;
    struct orientation o = orientation_of_exif(exif_orientation_of_jpeg(j.bytes, j.n));
    if (prepare)
        choose_reduction(&j, o, prepare);
    struct picture_reduced got = {.width = o.transpose ? j.height : j.width,
                                  .height = o.transpose ? j.width : j.height};
    r = decode_jpeg(d, name, &j, &got.picture, &facts);
    if (r == 0)
        *ret_reduced = got;
    return r;
}

int picture_decode_file(struct picture_decoder *d, const char *path, struct picture **ret_picture,
                        struct picture_facts *ret_facts)
{
    char *bytes;
    size_t n;
    int r = file_read(path, PICTURE_FILE_MAX_BYTES, &bytes, &n);
    if (r < 0)
        return r;
    r = picture_decode(d, path, bytes, n, ret_picture, ret_facts);
    mem_free(bytes);
    return r;
}
