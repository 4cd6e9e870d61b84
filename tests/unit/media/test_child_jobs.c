// SPDX-License-Identifier: Apache-2.0
// test_child_jobs.c - single frames by mark and by counting, and the same and the probe through a
// child.
//
// The children are this very program.

#include "media/child_jobs.h"

#include <fcntl.h>
#include <math.h>

#include "base/child.h"
#include "base/clock.h"
#include "media/frame_at.h"
#include "media/probe.h"
#include "unit/media/media_test.h"
#include "vision/letterbox.h"

#define LIE "ASSAY_TEST_LIE" // which, for the child

enum {
    WIDTH = 160, // of the JPEGs
    QUALITY = 90,
    MAX_JPEG = 1024 * 1024,
    MAX_FRAMES = 3000, // of the clips of the test data that are looked at
    DEADLINE_S = 120,
};

static const struct source_mark *mark_before(const struct probe_result *p, int64_t ordinal)
{
    const struct source_mark *found = NULL;
    for (size_t i = 0; i < p->n_marks && p->marks[i].ordinal <= ordinal; i++)
        found = &p->marks[i];
    return found;
}

static int jpeg_of(const char *path, const struct source_mark *mark, int64_t ordinal,
                   struct str_buf *out)
{
    const struct frame_at f = {
        .path = path, .ordinal = ordinal, .mark = mark, .max_width = WIDTH, .quality = QUALITY};
    return frame_at_jpeg(&f, out);
}

// Frames of one file by mark, against the same counted from the start.
static int compare_frames(const char *path, const struct probe_result *p)
{
    int n_sought = 0;
    for (int i = 0; i < 3; i++) {
        int64_t ordinal = p->n_frames * (2 * i + 1) / 6;
        const struct source_mark *mark = mark_before(p, ordinal);
        struct str_buf by_mark = STR_BUF_INIT(MAX_JPEG);
        struct str_buf counted = STR_BUF_INIT(MAX_JPEG);
        assert_int_equal(jpeg_of(path, mark, ordinal, &by_mark), 0);
        assert_int_equal(jpeg_of(path, NULL, ordinal, &counted), 0);
        if (by_mark.n != counted.n || memcmp(by_mark.p, counted.p, counted.n) != 0)
            fail_msg("%s: frame %lld is another one", path, (long long)ordinal);
        n_sought += mark && mark->ordinal > 0;
        str_buf_finish(&by_mark);
        str_buf_finish(&counted);
    }
    return n_sought;
}

static void test_frames_by_mark(void **state)
{
    (void)state;
    static const char *const names[] = {"video_with_gt/vtest_PETS09-S2L1/vtest.mp4",

                                        "video_plain/bikes.mp4",
                                        "odd_media/midroll-5s.mp4",
                                        "odd_media/h265_10bits.mp4",
                                        "odd_media/roadtrip-vp92-10bit.webm",
                                        "odd_media/sample.avi"};
    int n_sought = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        static struct probe_result p;
        const char *path = media_test_data(names[i]);
        const struct source_opts opts = {.path = path};
        assert_int_equal(probe_file(&opts, &p), 0);
        assert_true(p.n_marks > 0 && p.marks[0].ordinal == 0);
        if (p.n_frames <= MAX_FRAMES)
            n_sought += compare_frames(path, &p);
    }
    assert_true(n_sought > 3);
}

static void test_marks_that_do_not_hold(void **state)
{
    (void)state;
    const char *path = media_test_data("video_with_gt/vtest_PETS09-S2L1/vtest.mp4");
    struct str_buf counted = STR_BUF_INIT(MAX_JPEG);
    assert_int_equal(jpeg_of(path, NULL, 40, &counted), 0);
    static const struct source_mark marks[] = {{30, 12345}, {30, INT64_MAX / 2}, {35, 3500000}};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        struct str_buf out = STR_BUF_INIT(MAX_JPEG);
        assert_int_equal(jpeg_of(path, &marks[i], 40, &out), 0);
        assert_int_equal(out.n, counted.n);
        assert_memory_equal(out.p, counted.p, out.n);
        str_buf_finish(&out);
    }
    struct str_buf out = STR_BUF_INIT(MAX_JPEG);
    assert_int_equal(jpeg_of(path, NULL, 795, &out), ERR_NOT_FOUND);
    str_buf_finish(&counted);
    str_buf_finish(&out);
}

static void test_through_a_child(void **state)
{
    (void)state;
    const char *path = media_test_data("video_with_gt/vtest_PETS09-S2L1/vtest.mp4");
    static struct probe_result here;
    static struct probe_result there;
    const struct source_opts opts = {.path = path};
    assert_int_equal(probe_file(&opts, &here), 0);
    assert_int_equal(child_probe(NULL, &opts, 60, &there), 0);
    assert_int_equal(there.n_frames, 795);
    assert_int_equal(there.n_marks, here.n_marks);
    assert_memory_equal(there.marks, here.marks, here.n_marks * sizeof(here.marks[0]));
    const struct frame_at f = {.path = path,
                               .ordinal = 500,
                               .mark = mark_before(&there, 500),
                               .max_width = WIDTH,
                               .quality = QUALITY};
    struct str_buf a = STR_BUF_INIT(MAX_JPEG);
    struct str_buf b = STR_BUF_INIT(MAX_JPEG);
    assert_int_equal(frame_at_jpeg(&f, &a), 0);
    assert_int_equal(child_frame(NULL, &f, &b), 0);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    str_buf_finish(&a);
    str_buf_finish(&b);
}

static void test_posted_picture(void **state)
{
    (void)state;
    const char *path = media_test_data("photos/bus.jpg");
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    const struct source_prepare prepare = {
        .rule = LETTERBOX_CENTRE, .width = 64, .height = 96, .fill = 114};
    struct picture *p;
    assert_int_equal(child_picture(NULL, "bus.jpg", fd, 100 * 1000 * 1000, &prepare, &p), 0);
    assert_int_equal(p->prepared->src_width, 810);
    assert_int_equal(p->prepared->src_height, 1080);
    assert_int_equal(p->width, 64);
    picture_unref(&p);
    assert_int_equal(child_picture(NULL, "bus.jpg", fd, 1000, &prepare, &p), ERR_TOO_BIG);
    close(fd);
    fd = open("/etc/hostname", O_RDONLY);
    int r = child_picture(NULL, "words.png", fd, 1000000, &prepare, &p);
    assert_int_equal(r, ERR_MEDIA);
    assert_non_null(strstr(err_message(r), "words.png"));
    close(fd);
}

static void test_preview(void **state)
{
    (void)state;
    int64_t times_us[5] = {0, 40000, 80000, 133000, 500000};
    char path[MEDIA_TEST_PATH_BYTES];
    char preview[MEDIA_TEST_PATH_BYTES];
    snprintf(path, sizeof(path), "%s", media_test_temp("clip.mp4"));
    snprintf(preview, sizeof(preview), "%s", media_test_temp("preview.mp4"));
    media_test_video(path, 64, 48, times_us, (int)ARRAY_LEN(times_us));
    assert_int_equal(child_preview(NULL, path, preview, 60 * CLOCK_NS_PER_S), 0);
    static struct probe_result p;
    const struct source_opts opts = {.path = preview};
    assert_int_equal(probe_file(&opts, &p), 0);
    assert_int_equal(p.n_frames, ARRAY_LEN(times_us));
    assert_int_equal(p.last_pts_us, 500000);
    unlink(preview);
    // Another folder than the one it may write to is no folder to it.
    int r = child_preview(NULL, path, "/nowhere/preview.mp4", 60 * CLOCK_NS_PER_S);
    assert_true(r < 0);
    unlink(path);
}

// --- a child that lies

enum lie {
    NO_LIE,
    LIE_BOOL,
    LIE_FIRST,
    LIE_DISTANCE,
    LIE_DURATION,
    LIE_ROTATION,
    LIE_RATE,
    LIE_COUNTS,
    LIE_MARK,
    LIE_SIZE,
    LIE_NAME,
    LIE_STREAM,
    N_LIES, // one character, '0' and on
};

static int answer_lie(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)request;
    (void)n;
    (void)fd;
    static struct probe_result p = {.kind = SOURCE_VIDEO, .frame_rate_den = 1, .n_frames = 10};
    p.n_marks = 1;
    int lie = getenv(LIE)[0] - '0';
    switch (lie) {
    case LIE_BOOL:
        memset(&p.is_variable, 2, 1);
        break;
    case LIE_FIRST:
        p.first_pts_us = INT64_MIN;
        break;
    case LIE_DISTANCE:
        p.min_distance_us = INT64_MAX;
        break;
    case LIE_DURATION:
        p.duration_s = INFINITY;
        break;
    case LIE_ROTATION:
        p.rotation = 45;
        break;
    case LIE_RATE:
        p.frame_rate_num = -1;
        break;
    case LIE_COUNTS:
        p.counts.skipped = 1;
        break;
    case LIE_NAME:
        memcpy(p.codec, "h\xff", 3);
        break;
    case LIE_STREAM:
        p.n_streams = 1;
        memcpy(p.streams[0].type, "a\nb", 4);
        break;
    case LIE_MARK:
        p.marks[0].pts_us = INT64_MAX;
        break;
    default:
        break;
    }
    memcpy(p.counts.undecodable_reason, "a\xff\x1b", 4); // no lie, but not to be kept
    str_buf_add(out, &p, sizeof(p) - (lie == LIE_SIZE));
    return 0;
}

static int run_liar(int socket)
{
    return child_answer(socket, sizeof(struct probe_result), answer_lie);
}

static void test_lies(void **state)
{
    (void)state;
    for (int lie = NO_LIE; lie < N_LIES; lie++) {
        static struct probe_result p;
        const char number[] = {(char)('0' + lie), '\0'};
        assert_int_equal(setenv(LIE, number, 1), 0);
        const struct source_opts opts = {.path = "clip.mp4"};
        int r = child_probe(NULL, &opts, 60, &p);
        const char *wanted = "clip.mp4: the decoder answered nonsense";
        if (r != (lie ? ERR_MEDIA : 0) || (lie && strcmp(err_message(r), wanted) != 0))
            fail_msg("lie %d: %d, %s", lie, r, err_message(r));
        if (r == 0)
            assert_string_equal(p.counts.undecodable_reason, "a??");
    }
    assert_int_equal(unsetenv(LIE), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static struct probe_result p;
    const struct source_opts nowhere = {.path = "/nowhere.mp4"};
    assert_int_equal(child_probe(NULL, &nowhere, 60, &p), ERR_NOT_FOUND);
    const struct source_opts text = {.path = "/etc/hostname"};
    int r = child_probe(NULL, &text, 60, &p);
    assert_int_equal(r, ERR_MEDIA);
    assert_non_null(strstr(err_message(r), "/etc/hostname"));
    r = child_probe("/bin/true", &text, 60, &p); // not one of us
    assert_int_equal(r, ERR_MEDIA);
    assert_non_null(strstr(err_message(r), "/etc/hostname"));
}

int main(int argc, char **argv)
{
    struct child_kind kinds[] = {child_probe_kind, child_frame_kind, child_picture_kind,
                                 child_preview_kind};
    if (getenv(LIE))
        kinds[0].run = run_liar;
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        _exit(child_main(argv[2], kinds, ARRAY_LEN(kinds)));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_by_mark),
        cmocka_unit_test(test_marks_that_do_not_hold),
        cmocka_unit_test(test_through_a_child),
        cmocka_unit_test(test_posted_picture),
        cmocka_unit_test(test_preview),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lies),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
