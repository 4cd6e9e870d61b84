// SPDX-License-Identifier: Apache-2.0
// test_picture_file.c - still pictures: JPEG in every sampling, orientation, other formats, and
// pictures as a source.

#include "media/picture_file.h"

#include <sys/stat.h>

#include "unit/media/media_test.h"

// clang-format off
// 2 x 2 pixels: red, green / blue, white.
static const unsigned char bmp[] = {
    'B', 'M', 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0,
    0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0,
};
static const char ppm[] = "P6\n2 2\n255\n\xff\0\0\0\xff\0\0\0\xff\xff\xff\xff";
static const char pgm[] = "P5\n3 1\n255\n\x00\x80\xff";
// clang-format on

static struct picture *decode(const void *bytes, size_t n, int64_t max_pixels, int expected)
{
    struct picture_decoder *d;
    struct picture *p = NULL;
    assert_int_equal(picture_decoder_create(max_pixels, &d), 0);
    assert_int_equal(picture_decode(d, "name", bytes, n, &p, NULL), expected);
    picture_decoder_destroy(d);
    return p;
}

static void test_small_formats(void **state)
{
    (void)state;
    static const unsigned char rgb[2][6] = {{255, 0, 0, 0, 255, 0}, {0, 0, 255, 255, 255, 255}};
    const struct {
        const void *bytes;
        size_t n;
    } rows[] = {{bmp, sizeof(bmp)}, {ppm, sizeof(ppm) - 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(picture_file_is_picture(rows[i].bytes, rows[i].n));
        struct picture *p = decode(rows[i].bytes, rows[i].n, 4, 0);
        assert_int_equal(p->layout, PICTURE_RGB);
        assert_int_equal(p->width, 2);
        assert_int_equal(p->height, 2);
        assert_string_equal(p->file, "name");
        for (int y = 0; y < 2; y++)
            assert_memory_equal(p->planes[0] + y * p->strides[0], rgb[y], 6);
        picture_unref(&p);
        decode(rows[i].bytes, rows[i].n, 3, ERR_TOO_BIG);
    }
    struct picture *p = decode(pgm, sizeof(pgm) - 1, 100, 0);
    assert_int_equal(p->layout, PICTURE_GRAY);
    assert_int_equal(p->range, PICTURE_FULL);
    assert_memory_equal(p->planes[0], "\x00\x80\xff", 3);
    picture_unref(&p);
    decode("", 0, 100, ERR_MEDIA);
    decode("no picture", 10, 100, ERR_MEDIA);
    decode("\xff\xd8\xff\xe0", 4, 100, ERR_MEDIA);
    assert_false(picture_file_is_picture("", 0));
}

// JPEG bytes of a test picture with *exif* 0..8 put behind its first marker.
static uint8_t *make_jpeg(int width, int height, int exif, size_t *ret_n)
{
    static const unsigned char app1[] = "\xff\xe1\x00\x22"
                                        "Exif\0\0II*\0\x08\0\0\0\x01\0"
                                        "\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0";
    uint8_t *jpeg;
    size_t n;
    struct picture *p = media_test_picture(width, height, 0);
    assert_int_equal(picture_jpeg(p, 100, &jpeg, &n), 0);
    picture_unref(&p);
    if (exif == 0) {
        *ret_n = n;
        return jpeg;
    }
    uint8_t *with = (uint8_t *)mem_calloc(n + sizeof(app1), 1);
    assert_non_null(with);
    memcpy(with, jpeg, 2);
    memcpy(with + 2, app1, sizeof(app1));
    with[2 + 28] = (uint8_t)exif;
    memcpy(with + 2 + sizeof(app1), jpeg + 2, n - 2);
    mem_free(jpeg);
    *ret_n = n + sizeof(app1);
    return with;
}

static int luma_at(const struct picture *p, int x, int y)
{
    return p->planes[0][y * p->strides[0] + x];
}

// The test picture grows brighter to the right and downwards: 20 at the origin of what was stored.
static void test_jpeg_orientation(void **state)
{
    (void)state;
    static const struct {
        int exif, width, height, dark_x, dark_y; // where the stored origin comes to lie
    } rows[] = {{0, 37, 21, 0, 0},   {1, 37, 21, 0, 0},   {2, 37, 21, 36, 0},
                {3, 37, 21, 36, 20}, {4, 37, 21, 0, 20},  {5, 21, 37, 0, 0},
                {6, 21, 37, 20, 0},  {7, 21, 37, 20, 36}, {8, 21, 37, 0, 36}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n;
        uint8_t *jpeg = make_jpeg(37, 21, rows[i].exif, &n);
        struct picture *p = decode(jpeg, n, 10000, 0);
        mem_free(jpeg);
        assert_int_equal(p->width, rows[i].width);
        assert_int_equal(p->height, rows[i].height);
        assert_int_equal(p->matrix, PICTURE_BT601);
        assert_int_equal(p->range, PICTURE_FULL);
        int dark = luma_at(p, rows[i].dark_x, rows[i].dark_y);
        int bright =
            luma_at(p, rows[i].width - 1 - rows[i].dark_x, rows[i].height - 1 - rows[i].dark_y);
        if (dark > bright - 40)
            fail_msg("row %zu: %d is not darker than %d", i, dark, bright);
        picture_unref(&p);
    }
}

// How small it is decoded for a model, and that it shows the same: darkest where the stored origin
// is, brightest at the opposite corner.
static void test_reduced(void **state)
{
    (void)state;
    static const struct {
        int exif, side, width, height; // of the model; of what is decoded
    } rows[] = {{0, 640, 370, 210}, {0, 200, 370, 210}, {0, 123, 185, 105}, {0, 60, 93, 53},
                {0, 30, 47, 27},    {0, 8, 47, 27},     {6, 60, 53, 93},    {3, 123, 185, 105}};
    struct picture_decoder *d;
    assert_int_equal(picture_decoder_create(1000000, &d), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source_prepare model = {
            .rule = LETTERBOX_CENTRE, .width = rows[i].side, .height = rows[i].side};
        struct picture_reduced got;
        size_t n;
        uint8_t *jpeg = make_jpeg(370, 210, rows[i].exif, &n);
        assert_int_equal(picture_decode_reduced(d, "name", jpeg, n, &model, &got), 0);
        bool is_turned = rows[i].exif == 6;
        assert_int_equal(got.width, is_turned ? 210 : 370);
        assert_int_equal(got.height, is_turned ? 370 : 210);
        if (got.picture->width != rows[i].width || got.picture->height != rows[i].height)
            fail_msg("row %zu: %dx%d", i, got.picture->width, got.picture->height);
        int first = luma_at(got.picture, 1, 1);
        int last = luma_at(got.picture, rows[i].width - 2, rows[i].height - 2);
        assert_true(rows[i].exif == 3 ? first > last + 40 : rows[i].exif == 6 || last > first + 40);
        picture_unref(&got.picture);
        mem_free(jpeg);
    }
    struct picture_reduced none;
    assert_int_equal(picture_decode_reduced(d, "name", bmp, sizeof(bmp), NULL, &none),
                     ERR_UNSUPPORTED);
    assert_int_equal(picture_decode_reduced(d, "name", "\xff\xd8\xff\xe0", 4, NULL, &none),
                     ERR_MEDIA);
    picture_decoder_destroy(d);
}

static void test_jpeg_limits_and_cuts(void **state)
{
    (void)state;
    size_t n;
    uint8_t *jpeg = make_jpeg(64, 48, 0, &n);
    struct picture *p = decode(jpeg, n, 64 * 48, 0);
    picture_unref(&p);
    decode(jpeg, n, 64 * 48 - 1, ERR_TOO_BIG);
    p = decode(jpeg, n - 20, 64 * 48, 0); // cut: what is there is shown
    picture_unref(&p);
    for (size_t k = 0; k < n; k += 13) { // cut anywhere: a picture or an error
        uint8_t *part = (uint8_t *)mem_calloc(k + 1, 1);
        struct picture_decoder *d;
        assert_int_equal(picture_decoder_create(10000, &d), 0);
        memcpy(part, jpeg, k);
        p = NULL;
        int r = picture_decode(d, "part", part, k, &p, NULL);
        assert_true(r == 0 || r == ERR_MEDIA);
        picture_unref(&p);
        picture_decoder_destroy(d);
        mem_free(part);
    }
    mem_free(jpeg);
}

// A folder with a broken picture in the middle, and one of another size.
static void test_as_source(void **state)
{
    (void)state;
    char folder[MEDIA_TEST_PATH_BYTES];
    char path[MEDIA_TEST_PATH_BYTES * 2];
    snprintf(folder, sizeof(folder), "%s", media_test_temp("pictures"));
    assert_int_equal(mkdir(folder, 0700), 0);
    for (int i = 0; i < 5; i++) {
        size_t n;
        uint8_t *jpeg = make_jpeg(i == 4 ? 80 : 64, 48, i == 0 ? 6 : 0, &n);
        snprintf(path, sizeof(path), "%s/img%d.jpg", folder, i + 8);
        media_test_write(path, jpeg, i == 2 ? 10 : n);
        mem_free(jpeg);
    }
    const struct source_opts opts = {.path = folder};
    struct media_test_run run = media_test_run(&opts);
    assert_int_equal(run.end_result, ERR_EOF);
    assert_int_equal(run.kind, SOURCE_PICTURES);
    assert_int_equal(run.width, 48); // turned
    assert_int_equal(run.coded_width, 64);
    assert_int_equal(run.rotation, 90);
    assert_int_equal(run.n_given, 4);
    assert_int_equal(run.last_ordinal, 4); // the broken one keeps its place
    assert_int_equal(run.last_pts_us, 160000);
    assert_int_equal(run.picture_width, 80);
    assert_int_equal(run.counts.undecodable, 1);
    assert_non_null(strstr(run.counts.undecodable_reason, "img10.jpg"));
    const struct source_opts second = {.path = folder, .stride = 2, .max_frames = 2};
    run = media_test_run(&second);
    assert_int_equal(run.n_given, 2);
    assert_int_equal(run.last_ordinal, 4);
    snprintf(path, sizeof(path), "%s/img%%d.jpg", folder);
    const struct source_opts pattern = {.path = path};
    assert_int_equal(media_test_run(&pattern).n_given, 4);
    snprintf(path, sizeof(path), "%s/img10.jpg", folder);
    const struct source_opts broken = {.path = path};
    assert_int_equal(media_test_run(&broken).open_result, ERR_MEDIA);
    snprintf(path, sizeof(path), "%s/img12.jpg", folder);
    const struct source_opts one = {.path = path};
    run = media_test_run(&one);
    assert_int_equal(run.n_given, 1);
    assert_int_equal(run.width, 80);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%s/img%d.jpg", folder, i + 8);
        unlink(path);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_formats), cmocka_unit_test(test_jpeg_orientation),
        cmocka_unit_test(test_reduced),       cmocka_unit_test(test_jpeg_limits_and_cuts),
        cmocka_unit_test(test_as_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
