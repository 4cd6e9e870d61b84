// SPDX-License-Identifier: Apache-2.0
// test_annotate.c - what is drawn, written and read back.

#include "media/annotate.h"

#include <limits.h>
#include <math.h>
#include <sys/stat.h>

#include "media/draw.h"
#include "media/font.h"
#include "media/picture_file.h"
#include "unit/media/media_test.h"

enum {
    WIDTH = 96,
    HEIGHT = 64,
};

static uint8_t luma[WIDTH * HEIGHT], chroma[2][WIDTH * HEIGHT / 4];

static struct canvas blank(void)
{
    memset(luma, 16, sizeof(luma));
    memset(chroma, 128, sizeof(chroma));
    return (struct canvas){.planes = {luma, chroma[0], chroma[1]},
                           .strides = {WIDTH, WIDTH / 2, WIDTH / 2},
                           .width = WIDTH,
                           .height = HEIGHT};
}

static void test_boxes(void **state)
{
    (void)state;
    struct canvas c = blank();
    const char *const labels[] = {"cat"};
    const struct detection d = {.box = {40, 30, 60, 50}, .confidence = 0.5f};
    draw_detections(&c, &d, 1, 1, 1, labels, 1);
    uint8_t colour = luma[30 * WIDTH + 50];
    assert_int_not_equal(colour, 16);
    assert_int_equal(luma[31 * WIDTH + 40], colour); // two lines thick, edges inside the box
    assert_int_equal(luma[49 * WIDTH + 59], colour);
    assert_int_equal(luma[40 * WIDTH + 41], colour);
    assert_int_equal(luma[40 * WIDTH + 50], 16); // nothing inside
    assert_int_equal(luma[51 * WIDTH + 50], 16); // nothing below
    assert_int_equal(luma[40 * WIDTH + 39], 16);
    assert_int_equal(luma[22 * WIDTH + 40], colour); // the label's ground above
    assert_int_not_equal(chroma[0][15 * WIDTH / 2 + 25], 128);
}

// Whatever a model says, nothing outside the canvas is written (the sanitizer's build sees it).
static void test_wild_boxes(void **state)
{
    (void)state;
    static const struct detection rows[] = {
        {.box = {-1e30f, -1e30f, 1e30f, 1e30f}},
        {.box = {NAN, NAN, NAN, NAN}, .class_id = -5},
        {.box = {INFINITY, -INFINITY, 3, 3}, .confidence = NAN, .class_id = 1 << 30},
        {.box = {90, 60, 10, 5}, .track_id = 2147483647},
        {.box = {95.9f, 63.9f, 96, 64}},
        {.box = {0, 0, 0, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct canvas c = blank();
        draw_detections(&c, &rows[i], 1, 1, 1, NULL, 0);
    }
}

// Kinds are apart by the stroke too: a full line, dashes, dots.
static void test_marks(void **state)
{
    (void)state;
    static const struct {
        enum mark_kind kind;
        int n_lit; // of the box's upper line, 40 points long
    } rows[] = {{MARK_FOUND, 40}, {MARK_MISSED, 28}, {MARK_FALSE_ALARM, 22}, {MARK_IGNORED, 40}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct canvas c = blank();
        const struct mark m = {.box = {40, 30, 80, 60}, .kind = rows[i].kind};
        draw_marks(&c, &m, 1, 1, 1);
        int n_lit = 0;
        for (int x = 40; x < 80; x++)
            n_lit += c.planes[0][30 * c.strides[0] + x] > 60;
        assert_int_equal(n_lit, rows[i].n_lit);
        assert_int_equal(c.planes[0][40 * c.strides[0] + 41] > 60,
                         rows[i].kind == MARK_FOUND || rows[i].kind == MARK_FALSE_ALARM);
        assert_int_equal(c.planes[0][45 * c.strides[0] + 60], 16); // nothing inside
    }
}

static void test_wild_marks(void **state)
{
    (void)state;
    static const struct mark rows[] = {
        {{-1e30f, -1e30f, 1e30f, 1e30f}, MARK_MISSED, "x"},
        {{NAN, NAN, NAN, NAN}, MARK_FALSE_ALARM, ""},
        {{90, 60, 10, 5}, MARK_FOUND, "a\x1b\xff\xc3\xa4"},
        {{95.9f, 63.9f, 96, 64}, MARK_IGNORED, NULL},
        {{0, 0, 0, 0},
         MARK_UNSET,
         "a text that is longer than what is drawn of a text, and "
         "goes on and on for more than a hundred characters in all"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct canvas c = blank();
        draw_marks(&c, &rows[i], 1, 1, 1);
    }
}

// Side by side, as many as there is room for.
static void test_captions(void **state)
{
    (void)state;
    static const struct mark rows[] = {{.kind = MARK_FOUND, .text = "ab"},
                                       {.kind = MARK_UNSET, .text = NULL},
                                       {.kind = MARK_MISSED, .text = "a text without an end"}};
    struct canvas c = blank();
    draw_captions(&c, rows, ARRAY_LEN(rows));
    const uint8_t *line = c.planes[0] + (HEIGHT - 1) * c.strides[0];
    assert_true(line[0] > 60 && line[12] > 60); // two letters of six points and one of the ground
    assert_int_equal(line[14], 16);
    draw_captions(&c, rows, 0);
}

static void test_label_texts(void **state)
{
    (void)state;
    static const char *const labels[] = {"person", "Straßenbahn\n", NULL};
    static const struct {
        struct detection d;
        const char *text;
    } rows[] = {
        {{.class_id = 0, .confidence = 0.914f}, "person 0.91"},
        {{.class_id = 0, .confidence = 1, .track_id = 3}, "person 1.00 #3"},
        {{.class_id = 1, .confidence = 0}, "Stra?enbahn? 0.00"},
        {{.class_id = 2, .confidence = 0.5f}, "class 2 0.50"},
        {{.class_id = 7, .confidence = 0.5f}, "class 7 0.50"},
        {{.class_id = -1, .confidence = 0.5f}, "class -1 0.50"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64];
        draw_label_text(&rows[i].d, labels, ARRAY_LEN(labels), text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

static void test_font(void **state)
{
    (void)state;
    for (int a = '!'; a <= '~'; a++) { // no two look the same
        for (int b = a + 1; b <= '~'; b++)
            assert_memory_not_equal(font_glyph((char)a), font_glyph((char)b), FONT_HEIGHT);
    }
    assert_memory_equal(font_glyph('\n'), font_glyph('?'), FONT_HEIGHT);
    assert_memory_equal(font_glyph((char)-1), font_glyph('?'), FONT_HEIGHT);
}

// Uneven times, odd sides, a picture of another size in between: all times come back exactly.
static void test_video(void **state)
{
    (void)state;
    static const int64_t times_us[] = {1000, 41000, 41001, 333333, 5000007};
    const char *path = media_test_temp("out.mp4");
    struct video_writer *w;
    assert_int_equal(video_writer_open(path, 65, 49, 0, 1, &w), 0);
    for (int i = 0; i < (int)ARRAY_LEN(times_us); i++) {
        struct picture *p = media_test_picture(i == 2 ? 32 : 65, 49, i);
        const struct detection d = {.box = {5, 5, 60, 40}, .confidence = 0.5f};
        p->pts_us = times_us[i];
        assert_int_equal(video_writer_add(w, p, &d, 1, NULL, 0), 0);
        picture_unref(&p);
    }
    struct stat st;
    assert_int_not_equal(stat(path, &st), 0); // not before it is complete
    assert_int_equal(video_writer_close(&w), 0);
    const struct source_opts opts = {.path = path};
    struct source *s;
    assert_int_equal(source_open(&opts, &s), 0);
    assert_int_equal(source_info(s)->width, 64);
    assert_int_equal(source_info(s)->height, 48);
    for (size_t i = 0; i < ARRAY_LEN(times_us); i++) {
        struct picture *p;
        assert_int_equal(source_next(s, &p), 0);
        assert_int_equal(p->pts_us, times_us[i]);
        picture_unref(&p);
    }
    source_close(s);
    unlink(path);
}

static void test_video_refusals(void **state)
{
    (void)state;
    struct video_writer *w = NULL;
    assert_int_equal(video_writer_open("/nowhere/out.mp4", 64, 48, 25, 1, &w), ERR_NOT_FOUND);
    assert_non_null(strstr(err_message(ERR_NOT_FOUND), "/nowhere/out.mp4"));
    assert_int_equal(video_writer_open(media_test_temp("no.mp4"), 1, 48, 25, 1, &w), ERR_INVALID);
    const char *path = media_test_temp("aborted.mp4");
    assert_int_equal(video_writer_open(path, 64, 48, 25, 1, &w), 0);
    video_writer_abort(&w);
    assert_null(w);
    video_writer_abort(&w);
    char part[MEDIA_TEST_PATH_BYTES * 2];
    snprintf(part, sizeof(part), "%s.part", path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(part, F_OK), 0);
    for (long at = 1; at < 50; at++) {
        mem_test_fail_at(at);
        int r = video_writer_open(path, 64, 48, 25, 1, &w);
        bool was_reached = !mem_test_fail_pending();
        mem_test_fail_at(0);
        if (r == 0)
            video_writer_abort(&w);
        if (!was_reached)
            return;
        assert_int_equal(r, ERR_NOMEM);
    }
}

// A device that is always full.
static void test_full_disk(void **state)
{
    (void)state;
    const char *path = media_test_temp("full.mp4");
    char part[MEDIA_TEST_PATH_BYTES * 2];
    snprintf(part, sizeof(part), "%s.part", path);
    if (access("/dev/full", W_OK) != 0 || symlink("/dev/full", part) != 0)
        skip();
    struct video_writer *w;
    int r = video_writer_open(path, 640, 480, 25, 1, &w);
    for (int i = 0; r == 0 && i < 50; i++) {
        struct picture *p = media_test_picture(640, 480, i * 31);
        p->pts_us = i * 40000;
        r = video_writer_add(w, p, NULL, 0, NULL, 0);
        picture_unref(&p);
        if (r < 0)
            video_writer_abort(&w);
    }
    if (r == 0)
        r = video_writer_close(&w);
    assert_int_equal(r, ERR_NOSPACE);
    assert_int_not_equal(access(path, F_OK), 0);
    unlink(part);
}

static void test_jpeg(void **state)
{
    (void)state;
    static const struct {
        enum picture_layout layout;
        int width, height, bit_depth, shift_x, shift_y;
        enum picture_matrix matrix;
        enum picture_range range;
    } rows[] = {
        {PICTURE_YUV_PLANAR, 64, 48, 8, 1, 1, PICTURE_BT601, PICTURE_FULL},
        {PICTURE_YUV_PLANAR, 63, 47, 8, 1, 1, PICTURE_BT601, PICTURE_FULL},
        {PICTURE_YUV_PLANAR, 64, 48, 8, 1, 1, PICTURE_BT709, PICTURE_FULL},
        {PICTURE_YUV_PLANAR, 64, 48, 10, 1, 0, PICTURE_BT2020, PICTURE_FULL},
        {PICTURE_YUV_PLANAR, 64, 48, 8, 0, 0, PICTURE_MATRIX_UNSET, PICTURE_FULL},
        {PICTURE_NV12, 64, 48, 8, 1, 1, PICTURE_BT601, PICTURE_FULL},
        {PICTURE_GRAY, 64, 48, 8, 0, 0, PICTURE_MATRIX_UNSET, PICTURE_FULL},
        {PICTURE_RGB, 64, 48, 8, 0, 0, PICTURE_MATRIX_UNSET, PICTURE_FULL},
        {PICTURE_RGB, 1, 1, 8, 0, 0, PICTURE_MATRIX_UNSET, PICTURE_FULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct picture *p;
        assert_int_equal(picture_create(rows[i].layout, rows[i].width, rows[i].height,
                                        rows[i].bit_depth, rows[i].shift_x, rows[i].shift_y, &p),
                         0);
        p->matrix = rows[i].matrix;
        p->range = rows[i].range;
        for (int k = 0; k < 3 && p->planes[k]; k++) { // middle gray in every layout
            int rows_k = k && rows[i].shift_y ? (p->height + 1) / 2 : p->height;
            size_t n = (size_t)p->strides[k] * (size_t)rows_k;
            for (size_t b = 0; rows[i].bit_depth > 8 && b < n / 2; b++)
                ((uint16_t *)(void *)picture_plane(p, k))[b] = 512;
            if (rows[i].bit_depth == 8)
                memset(picture_plane(p, k), 128, n);
        }
        uint8_t *jpeg;
        size_t n;
        assert_int_equal(picture_jpeg(p, 90, &jpeg, &n), 0);
        picture_unref(&p);
        struct picture_decoder *d;
        assert_int_equal(picture_decoder_create(10000, &d), 0);
        assert_int_equal(picture_decode(d, "made", jpeg, n, &p, NULL), 0);
        assert_int_equal(p->width, rows[i].width);
        assert_int_equal(p->height, rows[i].height);
        for (int k = 0; k < 3; k++)
            assert_in_range(p->planes[k][0], 126, 130);
        picture_unref(&p);
        picture_decoder_destroy(d);
        mem_free(jpeg);
    }
    struct picture *p = media_test_picture(16, 16, 0);
    uint8_t *jpeg;
    size_t n;
    assert_int_equal(picture_jpeg(p, 0, &jpeg, &n), ERR_INVALID);
    assert_int_equal(picture_jpeg(p, 101, &jpeg, &n), ERR_INVALID);
    picture_unref(&p);
}

static void test_scaled_jpeg(void **state)
{
    static const struct {
        int width, height, max_width, wants_width, wants_height;
    } rows[] = {
        {64, 48, 32, 32, 24}, {64, 48, 64, 64, 48}, {64, 48, 640, 64, 48},
        {33, 17, 16, 16, 8},  {64, 2, 8, 8, 1}, // never less than a line
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct picture *p = media_test_picture(rows[i].width, rows[i].height, 0);
        uint8_t *jpeg;
        size_t n;
        assert_int_equal(picture_jpeg_scaled(p, rows[i].max_width, 0, &jpeg, &n), ERR_INVALID);
        assert_int_equal(picture_jpeg_scaled(p, rows[i].max_width, 80, &jpeg, &n), 0);
        picture_unref(&p);
        struct picture_decoder *d;
        assert_int_equal(picture_decoder_create(10000, &d), 0);
        assert_int_equal(picture_decode(d, "made", jpeg, n, &p, NULL), 0);
        assert_int_equal(p->width, rows[i].wants_width);
        assert_int_equal(p->height, rows[i].wants_height);
        picture_unref(&p);
        picture_decoder_destroy(d);
        mem_free(jpeg);
    }
}

// Dark, with a bright part.
static struct picture *with_part(enum picture_layout layout, int bits,
                                 const struct picture_window *w)
{
    struct picture *p;
    int shift = layout == PICTURE_YUV_PLANAR ? 1 : 0;
    assert_int_equal(picture_create(layout, 160, 96, bits, shift, shift, &p), 0);
    p->range = PICTURE_FULL;
    for (int k = 1; k < 3 && p->planes[k]; k++) {
        size_t n = (size_t)p->strides[k] * 48;
        memset(picture_plane(p, k), 128, n);
        for (size_t b = 0; bits > 8 && b < n / 2; b++)
            ((uint16_t *)(void *)picture_plane(p, k))[b] = 512;
    }
    for (int y = 0; y < 96; y++) {
        uint8_t *line = picture_plane(p, 0) + y * p->strides[0];
        for (int x = 0; x < 160; x++) {
            bool is_in = x >= w->x && x < w->x + w->width && y >= w->y && y < w->y + w->height;
            int v = is_in ? 200 : 40;
            if (layout == PICTURE_RGB)
                memset(line + 3 * (ptrdiff_t)x, v, 3);
            else if (bits > 8)
                ((uint16_t *)(void *)line)[x] = (uint16_t)(v * 4);
            else
                line[x] = (uint8_t)v;
        }
    }
    return p;
}

static void check_window(const struct picture *p, struct picture_window w, int max_width, int wants)
{
    uint8_t *jpeg;
    size_t n;
    struct picture *got;
    struct picture_decoder *d;
    assert_int_equal(picture_jpeg_window(p, &w, max_width, 100, &jpeg, &n), 0);
    assert_int_equal(picture_decoder_create(100000, &d), 0);
    assert_int_equal(picture_decode(d, "made", jpeg, n, &got, NULL), 0);
    int width = max_width > 0 ? MIN(max_width, w.width) : w.width;
    assert_int_equal(got->width, width);
    assert_int_equal(got->height, w.height * width / w.width);
    for (int y = 0; y < got->height; y += got->height - 1)
        for (int x = 0; x < got->width; x += got->width - 1)
            assert_in_range(got->planes[0][y * got->strides[0] + x], wants - 16, wants + 16);
    picture_unref(&got);
    picture_decoder_destroy(d);
    mem_free(jpeg);
}

static void test_window(void **state)
{
    (void)state;
    static const struct {
        enum picture_layout layout;
        int bits;
    } layouts[] = {{PICTURE_YUV_PLANAR, 8},
                   {PICTURE_YUV_PLANAR, 10},
                   {PICTURE_NV12, 8},
                   {PICTURE_GRAY, 8},
                   {PICTURE_RGB, 8}};
    static const struct picture_window parts[] = {
        {0, 0, 64, 48}, {37, 21, 50, 33}, {96, 60, 64, 36}, {1, 1, 159, 95}};
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            struct picture *p = with_part(layouts[i].layout, layouts[i].bits, &parts[k]);
            check_window(p, parts[k], 0, 200); // bright up to its very corners
            check_window(p, parts[k], 20, 200);
            picture_unref(&p);
        }
    static const struct picture_window wrong[] = {
        {0, 0, 0, 0},   {-1, 0, 8, 8},  {0, -1, 8, 8}, {0, 0, 161, 8}, {0, 0, 8, 97},
        {160, 0, 1, 1}, {153, 0, 8, 8}, {0, 89, 8, 8}, {0, 0, 8, 0},   {1, 0, INT_MAX, 8}};
    struct picture *p = with_part(PICTURE_RGB, 8, &parts[1]);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint8_t *jpeg;
        size_t n;
        assert_int_equal(picture_jpeg_window(p, &wrong[i], 0, 90, &jpeg, &n), ERR_INVALID);
    }
    picture_unref(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes),       cmocka_unit_test(test_wild_boxes),
        cmocka_unit_test(test_label_texts), cmocka_unit_test(test_font),
        cmocka_unit_test(test_video),       cmocka_unit_test(test_video_refusals),
        cmocka_unit_test(test_full_disk),   cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_scaled_jpeg), cmocka_unit_test(test_window),
        cmocka_unit_test(test_marks),       cmocka_unit_test(test_wild_marks),
        cmocka_unit_test(test_captions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
