// SPDX-License-Identifier: Apache-2.0
// test_frame_times.c - the times that packets bear against those of the decoded frames.

#include "media/frame_times.h"

#include "base/child.h"
#include "media/child_jobs.h"
#include "unit/media/media_test.h"

struct all_times {
    int64_t *items;
    size_t n;
};

static struct all_times decoded(const char *path)
{
    struct all_times t;
    assert_int_equal(frame_times_read(path, NULL, &t.items, &t.n), 0);
    return t;
}

// As source_next() gives them: one file, frame by frame.
static void test_decoded(void **state)
{
    (void)state;
    const char *path = media_test_data("video_with_gt/TUD-Campus_frames/TUD-Campus.mp4");
    struct all_times t = decoded(path);
    struct source *s;
    const struct source_opts opts = {.path = path};
    assert_int_equal(source_open(&opts, &s), 0);
    struct picture *p = NULL;
    size_t n = 0;
    for (; source_next(s, &p) == 0; n++) {
        assert_true(n < t.n);
        assert_int_equal(p->pts_us, t.items[n]);
        picture_unref(&p);
    }
    assert_int_equal(n, t.n);
    source_close(s);
    mem_free(t.items);
}

// B-frames, edit lists, a variable rate, containers with and without times.
static void test_packets_agree(void **state)
{
    (void)state;
    static const char *const names[] = {
        "video_with_gt/TUD-Campus_frames/TUD-Campus.mp4",
        "odd_media/midroll-5s.mp4",
        "odd_media/sample.avi",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *path = media_test_data(names[i]);
        struct all_times d = decoded(path);
        const struct frame_times_check check = {
            .n_frames = (int64_t)d.n, .first_pts_us = d.items[0], .last_pts_us = d.items[d.n - 1]};
        int64_t *times;
        size_t n;
        assert_int_equal(frame_times_read(path, &check, &times, &n), 0);
        assert_int_equal(n, d.n);
        for (size_t k = 0; k < n; k++)
            if (times[k] != d.items[k])
                fail_msg("%s: frame %zu is at %lld, not at %lld", names[i], k, (long long)times[k],
                         (long long)d.items[k]);
        mem_free(times);
        mem_free(d.items);
    }
}

// What the packets say is not believed where it disagrees with what was counted.
static void test_disagreement(void **state)
{
    (void)state;
    const char *path = media_test_data("video_with_gt/TUD-Campus_frames/TUD-Campus.mp4");
    struct all_times d = decoded(path);
    const struct frame_times_check checks[] = {
        {.n_frames = (int64_t)d.n + 1, .last_pts_us = d.items[d.n - 1]},
        {.n_frames = (int64_t)d.n, .last_pts_us = d.items[d.n - 1] + 1},
        {.n_frames = (int64_t)d.n, .first_pts_us = 1, .last_pts_us = d.items[d.n - 1]},
        {.n_frames = 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        int64_t *times;
        size_t n;
        assert_int_equal(frame_times_read(path, &checks[i], &times, &n), 0);
        assert_int_equal(n, d.n);
        assert_memory_equal(times, d.items, n * sizeof(*times));
        mem_free(times);
    }
    mem_free(d.items);
}

static void test_through_a_child(void **state)
{
    (void)state;
    const char *path = media_test_data("video_with_gt/TUD-Campus_frames/TUD-Campus.mp4");
    struct all_times d = decoded(path);
    int64_t *times;
    size_t n;
    assert_int_equal(child_frame_times(NULL, path, NULL, &times, &n), 0);
    assert_int_equal(n, d.n);
    assert_memory_equal(times, d.items, n * sizeof(*times));
    mem_free(times);
    mem_free(d.items);
}

static void test_broken(void **state)
{
    (void)state;
    int64_t *times;
    size_t n;
    assert_int_equal(frame_times_read("/nowhere.mp4", NULL, &times, &n), ERR_NOT_FOUND);
    assert_int_equal(child_frame_times(NULL, "/nowhere.mp4", NULL, &times, &n), ERR_NOT_FOUND);
    assert_int_equal(
        frame_times_read(media_test_data("video_with_gt/TUD-Campus_frames/gt.coco.json"), NULL,
                         &times, &n),
        ERR_MEDIA);
}

int main(int argc, char **argv)
{
    const struct child_kind kinds[] = {child_times_kind};
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return child_main(argv[2], kinds, ARRAY_LEN(kinds));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoded),      cmocka_unit_test(test_packets_agree),
        cmocka_unit_test(test_disagreement), cmocka_unit_test(test_through_a_child),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
