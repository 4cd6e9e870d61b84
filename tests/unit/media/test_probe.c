// SPDX-License-Identifier: Apache-2.0
// test_probe.c - constant and variable rates, counts, streams.

#include "media/probe.h"

#include "unit/media/media_test.h"

static void test_rates(void **state)
{
    (void)state;
    static const struct {
        int64_t times_us[4];
        int n;
        bool is_variable;
        int64_t min_us, max_us;
    } rows[] = {
        {{0, 33333, 66667, 100000}, 4, false, 33333, 33334},
        {{0, 40000, 80000, 120000}, 4, false, 40000, 40000},
        {{0, 40000, 80000, 120010}, 4, true, 40000, 40010},
        {{0, 40000, 90000, 130000}, 4, true, 40000, 50000},
        {{7000, 0}, 1, false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = media_test_temp("rate.mp4");
        media_test_video(path, 32, 32, rows[i].times_us, rows[i].n);
        const struct source_opts opts = {.path = path};
        struct probe_result p;
        assert_int_equal(probe_file(&opts, &p), 0);
        assert_int_equal(p.n_frames, rows[i].n);
        assert_int_equal(p.first_pts_us, rows[i].times_us[0]);
        assert_int_equal(p.last_pts_us, rows[i].times_us[rows[i].n - 1]);
        assert_int_equal(p.min_distance_us, rows[i].min_us);
        assert_int_equal(p.max_distance_us, rows[i].max_us);
        assert_int_equal(p.is_variable, rows[i].is_variable);
        assert_int_equal(p.n_streams, 1);
        unlink(path);
    }
}

static void test_real_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *container, *codec, *pixel_format;
        int stream_index, width, height, rotation;
        int64_t n_frames;
        bool is_variable;
        size_t n_streams;
    } rows[] = {
        // clang-format off
        {"odd_media/nasa_13013.mp4", "mov,mp4,m4a,3gp,3g2,mj2", "h264", "yuv420p", 3, 480, 270, 0,
         390, false, 6},
        {"odd_media/sample_android_slow_motion.mp4", "mov,mp4,m4a,3gp,3g2,mj2", "h264", "yuvj420p",
         0, 1280, 720, 0, 7, true, 1},
        {"odd_media/roadtrip-vp92-10bit.webm", "matroska,webm", "vp9", "yuv420p10le", 0, 426, 240,
         0, 72, false, 1},
        {"odd_media/video_90.mov", "mov,mp4,m4a,3gp,3g2,mj2", "h264", "yuv420p", 0, 320, 568, 90,
         3, false, 1},
        {"photos/bus.jpg", "pictures", "jpeg", "yuv", 0, 810, 1080, 0, 1, false, 1},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source_opts opts = {.path = media_test_data(rows[i].name)};
        struct probe_result p;
        assert_int_equal(probe_file(&opts, &p), 0);
        assert_string_equal(p.container, rows[i].container);
        assert_string_equal(p.codec, rows[i].codec);
        assert_string_equal(p.pixel_format, rows[i].pixel_format);
        assert_int_equal(p.stream_index, rows[i].stream_index);
        assert_int_equal(p.width, rows[i].width);
        assert_int_equal(p.height, rows[i].height);
        assert_int_equal(p.rotation, rows[i].rotation);
        assert_int_equal(p.n_frames, rows[i].n_frames);
        if (p.is_variable != rows[i].is_variable)
            fail_msg("%s: distances %lld to %lld", rows[i].name, (long long)p.min_distance_us,
                     (long long)p.max_distance_us);
        assert_int_equal(p.n_streams, rows[i].n_streams);
        if (p.n_streams == 6) {
            assert_string_equal(p.streams[1].type, "audio");
            assert_string_equal(p.streams[2].type, "subtitle");
            assert_int_equal(p.streams[0].width, 320);
        }
    }
}

static void test_errors(void **state)
{
    (void)state;
    struct probe_result p;
    const struct source_opts absent = {.path = "/nowhere.mp4"};
    assert_int_equal(probe_file(&absent, &p), ERR_NOT_FOUND);
    const struct source_opts encrypted = {.path = media_test_data("hostile_media/short-cenc.mp4")};
    assert_int_equal(probe_file(&encrypted, &p), ERR_MEDIA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_real_files),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
