// SPDX-License-Identifier: Apache-2.0
// test_av_picture.c - every kind of pixel format becomes one that pictures hold, with its samples.

#include <libavutil/pixdesc.h>

#include "media/av_picture_priv.h"
#include "unit/media/media_test.h"

enum {
    WIDTH = 22,
    HEIGHT = 14,
};

// A frame of one colour: component k has the value *values[k]* everywhere (packed, planar, any
// depth and byte order).
static AVFrame *make_frame(enum AVPixelFormat format, const int values[4])
{
    AVFrame *f = av_frame_alloc();
    assert_non_null(f);
    f->format = format;
    f->width = WIDTH;
    f->height = HEIGHT;
    assert_int_equal(av_frame_get_buffer(f, 0), 0);
    for (int i = 0; i < AV_NUM_DATA_POINTERS && f->buf[i]; i++)
        memset(f->buf[i]->data, 0, (size_t)f->buf[i]->size); // lines are or-ed into it
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(format);
    if (d->flags & AV_PIX_FMT_FLAG_PAL) {
        memset(f->data[0], 1, (size_t)f->linesize[0] * HEIGHT);
        const uint32_t entry = 0xff000000u | (uint32_t)values[0] << 16 | (uint32_t)values[1] << 8 |
                               (uint32_t)values[2];
        memcpy(f->data[1] + 4, &entry, sizeof(entry));
        return f;
    }
    uint16_t line[WIDTH];
    for (int k = 0; k < d->nb_components; k++) {
        bool is_chroma = (k == 1 || k == 2) && !(d->flags & AV_PIX_FMT_FLAG_RGB);
        int w = is_chroma ? AV_CEIL_RSHIFT(WIDTH, d->log2_chroma_w) : WIDTH;
        int h = is_chroma ? AV_CEIL_RSHIFT(HEIGHT, d->log2_chroma_h) : HEIGHT;
        for (int x = 0; x < w; x++)
            line[x] = (uint16_t)values[k];
        for (int y = 0; y < h; y++)
            av_write_image_line(line, f->data, f->linesize, d, 0, y, k, w);
    }
    return f;
}

static int sample(const struct picture *p, int plane, int x, int y)
{
    const uint8_t *row = p->planes[plane] + y * p->strides[plane];
    if (p->bit_depth == 8)
        return row[x];
    uint16_t v;
    memcpy(&v, row + 2 * x, sizeof(v));
    return v;
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat from;
        int values[4];
        enum picture_layout layout;
        int bit_depth, shift_x, shift_y;
        int expected[3]; // RGB: of one pixel
        bool is_wrapped; // not copied
    } rows[] = {
        // clang-format off
        {AV_PIX_FMT_YUV420P, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 1, 1, {90, 60, 200}, true},
        {AV_PIX_FMT_YUVJ422P, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 1, 0, {90, 60, 200}, true},
        {AV_PIX_FMT_YUV440P, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 0, 1, {90, 60, 200}, true},
        {AV_PIX_FMT_YUV411P, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 2, 0, {90, 60, 200}, true},
        {AV_PIX_FMT_YUV410P, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 2, 2, {90, 60, 200}, true},
        {AV_PIX_FMT_YUV444P14LE, {9000, 60, 16383}, PICTURE_YUV_PLANAR, 14, 0, 0,
         {9000, 60, 16383}, true},
        {AV_PIX_FMT_YUV422P10BE, {900, 60, 1023}, PICTURE_YUV_PLANAR, 10, 1, 0, {900, 60, 1023},
         false},
        {AV_PIX_FMT_P010LE, {900, 60, 1023}, PICTURE_YUV_PLANAR, 10, 1, 1, {900, 60, 1023}, false},
        {AV_PIX_FMT_NV12, {90, 60, 200}, PICTURE_NV12, 8, 1, 1, {90, 60, -1}, true},
        {AV_PIX_FMT_NV21, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 1, 1, {90, 60, 200}, false},
        {AV_PIX_FMT_YUYV422, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 1, 0, {90, 60, 200}, false},
        {AV_PIX_FMT_UYVY422, {90, 60, 200}, PICTURE_YUV_PLANAR, 8, 1, 0, {90, 60, 200}, false},
        {AV_PIX_FMT_YUVA420P, {90, 60, 200, 0}, PICTURE_YUV_PLANAR, 8, 1, 1, {90, 60, 200}, false},
        {AV_PIX_FMT_YUVA444P10LE, {900, 60, 1023, 5}, PICTURE_YUV_PLANAR, 10, 0, 0,
         {900, 60, 1023}, false},
        {AV_PIX_FMT_GRAY8, {77}, PICTURE_GRAY, 8, 0, 0, {77, -1, -1}, true},
        {AV_PIX_FMT_GRAY12LE, {4095}, PICTURE_GRAY, 12, 0, 0, {4095, -1, -1}, true},
        {AV_PIX_FMT_GRAY16BE, {0x1234}, PICTURE_GRAY, 16, 0, 0, {0x1234, -1, -1}, false},
        {AV_PIX_FMT_YA8, {77, 9}, PICTURE_GRAY, 8, 0, 0, {77, -1, -1}, false},
        {AV_PIX_FMT_RGB24, {250, 3, 99}, PICTURE_RGB, 8, 0, 0, {250, 3, 99}, true},
        {AV_PIX_FMT_BGR24, {250, 3, 99}, PICTURE_RGB, 8, 0, 0, {250, 3, 99}, false},
        {AV_PIX_FMT_BGRA, {250, 3, 99, 0}, PICTURE_RGB, 8, 0, 0, {250, 3, 99}, false},
        {AV_PIX_FMT_GBRP, {250, 3, 99}, PICTURE_RGB, 8, 0, 0, {250, 3, 99}, false},
        {AV_PIX_FMT_PAL8, {250, 3, 99}, PICTURE_RGB, 8, 0, 0, {250, 3, 99}, false},
        // clang-format on
    };
    struct av_picture_maker maker = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AVFrame *f = make_frame(rows[i].from, rows[i].values);
        const uint8_t *pixels = f->data[0];
        const struct av_picture_place place = {.pts_us = 7, .ordinal = 3, .file = "a.png"};
        struct picture *p;
        const char *name = av_get_pix_fmt_name(rows[i].from);
        if (av_picture_make(&maker, f, (struct orientation){0}, &place, &p) != 0)
            fail_msg("%s: %s", name, err_message(0));
        if (p->layout != rows[i].layout || p->bit_depth != rows[i].bit_depth ||
            p->chroma_shift_x != rows[i].shift_x || p->chroma_shift_y != rows[i].shift_y)
            fail_msg("%s: layout %d, %d bits, shifts %d %d", name, p->layout, p->bit_depth,
                     p->chroma_shift_x, p->chroma_shift_y);
        for (int k = 0; k < 3 && rows[i].expected[k] >= 0; k++) {
            bool is_rgb = p->layout == PICTURE_RGB;
            int got = is_rgb ? sample(p, 0, 3 * 5 + k, 6) : sample(p, k, k ? 2 : 5, k ? 2 : 6);
            if (got != rows[i].expected[k])
                fail_msg("%s: component %d is %d, not %d", name, k, got, rows[i].expected[k]);
        }
        assert_int_equal(p->planes[0] == pixels, rows[i].is_wrapped);
        assert_string_equal(p->file, "a.png");
        assert_int_equal(p->pts_us, 7);
        assert_int_equal(p->ordinal, 3);
        picture_unref(&p);
        av_frame_free(&f);
    }
    av_picture_maker_finish(&maker);
}

// Turned: sides and subsampling change places, the lopsided 4:1:1 becomes 4:4:4.
static void test_turned(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat from;
        int shift_x, shift_y, n_planes;
    } rows[] = {
        {AV_PIX_FMT_YUV420P, 1, 1, 3}, {AV_PIX_FMT_YUV422P, 0, 1, 3}, {AV_PIX_FMT_YUV411P, 0, 0, 3},
        {AV_PIX_FMT_YUV410P, 2, 2, 3}, {AV_PIX_FMT_NV12, 1, 1, 2},    {AV_PIX_FMT_GRAY8, 0, 0, 1},
    };
    static const int values[4] = {90, 60, 200, 0};
    struct av_picture_maker maker = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AVFrame *f = make_frame(rows[i].from, values);
        f->data[0][0] = 17; // the stored origin
        f->colorspace = AVCOL_SPC_BT709;
        f->color_range = AVCOL_RANGE_MPEG;
        const struct av_picture_place place = {.pts_us = 7, .ordinal = 3, .file = "a.png"};
        struct picture *p;
        assert_int_equal(av_picture_make(&maker, f,
                                         (struct orientation){.transpose = true, .flip_y = true},
                                         &place, &p),
                         0);
        assert_int_equal(p->width, HEIGHT);
        assert_int_equal(p->height, WIDTH);
        assert_int_equal(p->chroma_shift_x, rows[i].shift_x);
        assert_int_equal(p->chroma_shift_y, rows[i].shift_y);
        assert_int_equal(p->matrix, PICTURE_BT709);
        assert_int_equal(p->range, PICTURE_LIMITED);
        assert_int_equal(p->ordinal, 3);
        assert_string_equal(p->file, "a.png");
        assert_int_equal(sample(p, 0, HEIGHT - 1, 0), 17); // 90 degrees clockwise: top right
        assert_int_equal(sample(p, 0, 0, WIDTH - 1), 90);
        int last_y = AV_CEIL_RSHIFT(WIDTH, rows[i].shift_y) - 1;
        for (int k = 1; k < rows[i].n_planes; k++)
            assert_int_equal(sample(p, k, 0, last_y), values[k]);
        picture_unref(&p);
        av_frame_free(&f);
    }
    av_picture_maker_finish(&maker);
}

static void test_refusals(void **state)
{
    (void)state;
    struct av_picture_maker maker = {0};
    const struct av_picture_place place = {0};
    struct picture *p;
    AVFrame *f = av_frame_alloc();
    f->format = AV_PIX_FMT_VAAPI;
    f->width = f->height = 16;
    assert_int_equal(av_picture_make(&maker, f, (struct orientation){0}, &place, &p),
                     ERR_UNSUPPORTED);
    f->format = AV_PIX_FMT_GRAY8;
    f->width = 65536;
    f->height = 1;
    assert_int_equal(av_picture_make(&maker, f, (struct orientation){0}, &place, &p), ERR_TOO_BIG);
    av_frame_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_turned),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
