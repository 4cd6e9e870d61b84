// SPDX-License-Identifier: Apache-2.0
// test_odd.c - every valid but unusual file of the test data: frames, sizes, times, uprightness.

#include <jansson.h>
#include <math.h>

#include "base/digest.h"
#include "unit/media/media_test.h"

static json_t *load(const char *name)
{
    json_error_t error;
    json_t *j = json_load_file(media_test_data(name), 0, &error);
    assert_non_null(j);
    return j;
}

static int64_t number_at(json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    if (json_is_string(v))
        return strtoll(json_string_value(v), NULL, 10);
    return json_is_integer(v) ? json_integer_value(v) : 0;
}

static void check_stream(const char *name, json_t *stream)
{
    const struct source_opts opts = {.path = media_test_data(name),
                                     .has_stream_index = true,
                                     .stream_index = number_at(stream, "index")};
    struct media_test_run run = media_test_run(&opts);
    if (run.open_result < 0 || run.end_result != ERR_EOF)
        fail_msg("%s: %s", name, run.message);
    if (run.n_given != number_at(stream, "nb_read_frames"))
        fail_msg("%s: %lld frames, not %lld", name, (long long)run.n_given,
                 (long long)number_at(stream, "nb_read_frames"));
    assert_int_equal(run.coded_width, number_at(stream, "width"));
    assert_int_equal(run.coded_height, number_at(stream, "height"));
    assert_int_equal(run.picture_width, run.width);
    assert_int_equal(run.picture_height, run.height);
    assert_int_equal(run.first_ordinal, 0);
    assert_int_equal(run.last_ordinal, run.n_given - 1);
    if (run.counts.cut_short || run.counts.undecodable)
        fail_msg("%s: cut short (%s) or undecodable (%s)", name, run.counts.cut_reason,
                 run.counts.undecodable_reason);
}

static void check_no_video(const char *name)
{
    const struct source_opts opts = {.path = media_test_data(name)};
    struct media_test_run run = media_test_run(&opts);
    assert_int_equal(run.open_result, ERR_MEDIA);
    assert_non_null(strstr(run.message, "no video stream, only audio"));
    assert_non_null(strstr(run.message, name));
}

static void test_all_as_stated(void **state)
{
    (void)state;
    json_t *facts = load("media_facts.json");
    const char *name;
    json_t *fact;
    int n_files = 0;
    json_object_foreach(facts, name, fact)
    {
        if (strncmp(name, "odd_media/", 10) != 0 && strncmp(name, "video_plain/", 12) != 0)
            continue;
        n_files++;
        int n_video = 0;
        size_t i;
        json_t *stream;
        json_array_foreach(json_object_get(fact, "streams"), i, stream)
        {
            const char *type = json_string_value(json_object_get(stream, "codec_type"));
            if (!type || strcmp(type, "video") != 0)
                continue;
            n_video++;
            check_stream(name, stream);
        }
        if (n_video == 0)
            check_no_video(name);
    }
    assert_true(n_files >= 40);
    json_decref(facts);
}

static void check_times(const char *list, int stream_index)
{
    json_t *frames = load(list);
    const struct source_opts opts = {.path = media_test_data("odd_media/nasa_13013.mp4"),
                                     .has_stream_index = true,
                                     .stream_index = stream_index};
    struct source *s;
    assert_int_equal(source_open(&opts, &s), 0);
    size_t i;
    json_t *frame;
    json_array_foreach(frames, i, frame)
    {
        struct picture *p;
        assert_int_equal(source_next(s, &p), 0);
        double stated = strtod(json_string_value(json_object_get(frame, "pts_time")), NULL);
        assert_int_equal(p->pts_us, llround(stated * 1e6));
        assert_int_equal(p->ordinal, i);
        picture_unref(&p);
    }
    struct picture *none;
    assert_int_equal(source_next(s, &none), ERR_EOF);
    source_close(s);
    json_decref(frames);
}

static void test_times_of_both_streams(void **state)
{
    (void)state;
    check_times("odd_media/nasa_13013.mp4.stream0.all_frames_info.json", 0);
    check_times("odd_media/nasa_13013.mp4.stream3.all_frames_info.json", 3);
}

static void add_plane(struct digest *d, const struct picture *p, int plane)
{
    int w = plane ? (p->width + 1) / 2 : p->width;
    int h = plane ? (p->height + 1) / 2 : p->height;
    for (int y = 0; y < h; y++)
        digest_add(d, p->planes[plane] + y * p->strides[plane], (size_t)w);
}

// The first picture's planes; the digests are those of what the ffmpeg program turns upright.
static void test_upright(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rotation, width, height;
        const char *sha256;
    } rows[] = {
        // clang-format off
        {"odd_media/video_0.mov", 0, 568, 320, "72f90bf213243bc2516d0d1f23d05a653b1538f1081d2035eb10cce1cab6d583"},
        {"odd_media/video_90.mov", 90, 320, 568, "a1191e3f25abd5b15fa8416b611610367b8335e6b67954c6d3614973a7ded903"},
        {"odd_media/video_180.mov", 180, 568, 320, "969a21f9eb716d953aece3acba83a06e98363fd0b1090877d9d89acf635bd4cf"},
        {"odd_media/video_270.mov", 270, 320, 568, "9ed5fe88d3cf229a47235754e78bc7e5f83e94ca7f515245a84b92f3b3fa01ba"},
        {"odd_media/portrait_4k60.mp4", 90, 2160, 3840, NULL},
        {"odd_media/dolbyVision-hdr.MOV", 90, 720, 1280, NULL},
        {"odd_media/sample_with_htc_rotation_track_name.mkv", 90, 720, 1080, NULL},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source_opts opts = {.path = media_test_data(rows[i].name)};
        struct source *s;
        struct picture *p;
        assert_int_equal(source_open(&opts, &s), 0);
        assert_int_equal(source_info(s)->rotation, rows[i].rotation);
        assert_int_equal(source_info(s)->width, rows[i].width);
        assert_int_equal(source_info(s)->height, rows[i].height);
        assert_int_equal(source_next(s, &p), 0);
        source_close(s); // pictures outlive their source
        assert_int_equal(p->width, rows[i].width);
        assert_int_equal(p->height, rows[i].height);
        struct digest d;
        char hex[DIGEST_HEX_BYTES];
        digest_init(&d);
        for (int plane = 0; plane < 3; plane++)
            add_plane(&d, p, plane);
        digest_hex(&d, hex);
        if (rows[i].sha256)
            assert_string_equal(hex, rows[i].sha256);
        picture_unref(&p);
    }
}

// What the pictures of unusual formats say of themselves.
static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum picture_layout layout;
        int bit_depth;
        enum picture_matrix matrix;
        enum picture_range range;
    } rows[] = {
        {"odd_media/bt709_full_range.mp4", PICTURE_YUV_PLANAR, 8, PICTURE_BT709, PICTURE_FULL},
        {"odd_media/9bitwhite.mkv", PICTURE_YUV_PLANAR, 9, PICTURE_MATRIX_UNSET,
         PICTURE_RANGE_UNSET},
        {"odd_media/roadtrip-vp92-10bit.webm", PICTURE_YUV_PLANAR, 10, PICTURE_BT2020,
         PICTURE_LIMITED},
        {"odd_media/cowboy_small.gif", PICTURE_RGB, 8, PICTURE_MATRIX_UNSET, PICTURE_FULL},
        {"photos/bus.jpg", PICTURE_YUV_PLANAR, 8, PICTURE_BT601, PICTURE_FULL},
        {"hostile_media/gofuzz_png/basn0g02-29.png.png", PICTURE_GRAY, 8, PICTURE_MATRIX_UNSET,
         PICTURE_FULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source_opts opts = {.path = media_test_data(rows[i].name)};
        struct source *s;
        struct picture *p;
        assert_int_equal(source_open(&opts, &s), 0);
        assert_int_equal(source_next(s, &p), 0);
        assert_int_equal(p->layout, rows[i].layout);
        assert_int_equal(p->bit_depth, rows[i].bit_depth);
        assert_int_equal(p->matrix, rows[i].matrix);
        assert_int_equal(p->range, rows[i].range);
        picture_unref(&p);
        source_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_as_stated),
        cmocka_unit_test(test_times_of_both_streams),
        cmocka_unit_test(test_upright),
        cmocka_unit_test(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
