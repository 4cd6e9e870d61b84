// SPDX-License-Identifier: Apache-2.0
// test_tracker.c - lives of tracks on made scenes, and on a detector's own output of a real street.

#include "vision/tracker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "vision/motion.h"

static struct tracker *new_tracker(void)
{
    struct tracker *t;
    struct tracker_opts opts = {0};
    assert_int_equal(tracker_create(&opts, &t), 0);
    return t;
}

static struct detection at(float x, float y, float confidence, int class_id)
{
    return (struct detection){{x, y, x + 40, y + 100}, confidence, class_id, -1};
}

// One detection in one frame; its id.
static int feed_one(struct tracker *t, float x, float confidence, int class_id)
{
    struct detection d = at(x, 50, confidence, class_id);
    assert_int_equal(tracker_update(t, &d, 1), 0);
    return d.track_id;
}

static void feed_nothing(struct tracker *t, int n_frames)
{
    for (int i = 0; i < n_frames; i++)
        assert_int_equal(tracker_update(t, NULL, 0), 0);
}

static void test_confirmation(void **state)
{
    (void)state;
    struct tracker *t = new_tracker();
    assert_int_equal(feed_one(t, 100, 0.9f, 0), 1); // in the first frame at once
    assert_int_equal(feed_one(t, 102, 0.9f, 0), 1);
    tracker_destroy(t);

    t = new_tracker();
    feed_nothing(t, 1);
    assert_int_equal(feed_one(t, 100, 0.9f, 0), 0); // later from the second match
    assert_int_equal(feed_one(t, 102, 0.9f, 0), 1);
    feed_nothing(t, 1);
    assert_int_equal(feed_one(t, 400, 0.9f, 0), 0); // seen once, then not: never was
    feed_nothing(t, 1);
    assert_int_equal(feed_one(t, 400, 0.9f, 0), 0);
    assert_int_equal(feed_one(t, 400, 0.9f, 0), 2); // and took no id
    tracker_destroy(t);
    tracker_destroy(NULL);
}

static void test_gaps(void **state)
{
    (void)state;
    static const struct {
        int n_missing;
        bool keeps;
    } rows[] = {{1, true}, {10, true}, {29, true}, {30, true}, {31, false}, {60, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tracker *t = new_tracker();
        for (int f = 0; f < 20; f++)
            assert_int_equal(feed_one(t, 100, 0.9f, 0), 1);
        feed_nothing(t, rows[i].n_missing);
        assert_int_equal(feed_one(t, 100, 0.9f, 0), rows[i].keeps ? 1 : 0);
        assert_int_equal(feed_one(t, 100, 0.9f, 0), rows[i].keeps ? 1 : 2);
        tracker_destroy(t);
    }
}

static void test_moving_gap(void **state)
{
    (void)state;
    struct tracker *t = new_tracker();
    float x = 0;
    for (int f = 0; f < 30; f++, x += 8)
        assert_int_equal(feed_one(t, x, 0.9f, 0), 1);
    feed_nothing(t, 10); // 80 pixels on: only the prediction finds it
    x += 80;
    assert_int_equal(feed_one(t, x, 0.9f, 0), 1);
    tracker_destroy(t);
}

static void test_confidences(void **state)
{
    (void)state;
    struct tracker *t = new_tracker();
    assert_int_equal(feed_one(t, 100, 0.9f, 0), 1);
    assert_int_equal(feed_one(t, 101, 0.15f, 0), 1); // weak ones go on with a track
    assert_int_equal(feed_one(t, 102, 0.10f, 0), 0); // at the floor: not looked at
    assert_int_equal(feed_one(t, 103, 0.15f, 0), 0); // and do not bring back a lost one
    assert_int_equal(feed_one(t, 104, 0.9f, 0), 1);
    assert_int_equal(feed_one(t, 500, 0.2f, 0), 0); // nor begin one
    assert_int_equal(feed_one(t, 500, 0.2f, 0), 0);
    tracker_destroy(t);
}

static void test_classes(void **state)
{
    (void)state;
    struct tracker *t = new_tracker();
    assert_int_equal(feed_one(t, 100, 0.9f, 0), 1);
    assert_int_equal(feed_one(t, 100, 0.9f, 2), 0); // the same place, another class: another track
    assert_int_equal(feed_one(t, 100, 0.9f, 2), 2);
    assert_int_equal(feed_one(t, 100, 0.9f, 0), 1);
    tracker_destroy(t);
}

static void test_unusable_boxes(void **state)
{
    (void)state;
    struct tracker *t = new_tracker();
    for (int f = 0; f < 5; f++) {
        struct detection d[] = {
            {{5, 5, 5, 50}, 0.9f, 0, -1},        {{5, 5, 50, 5}, 0.9f, 0, -1},
            {{9, 9, 1, 1}, 0.9f, 0, -1},         {{NAN, 0, 5, 5}, 0.9f, 0, -1},
            {{0, 0, INFINITY, 5}, 0.9f, 0, -1},  {{0, 0, 5, 5}, NAN, 0, -1},
            {{100, 100, 140, 200}, 0.9f, 0, -1},
        };
        assert_int_equal(tracker_update(t, d, ARRAY_LEN(d)), 0);
        for (size_t i = 0; i < ARRAY_LEN(d); i++)
            assert_int_equal(d[i].track_id, i == ARRAY_LEN(d) - 1 ? 1 : 0);
    }
    tracker_destroy(t);
}

// Two objects walk through each other; order of detections changes from frame to frame.
static void test_crossing(void **state)
{
    (void)state;
    struct tracker *t = new_tracker();
    int left_id = 0;
    int right_id = 0;
    for (int f = 0; f < 100; f++) {
        float x = (float)f * 6;
        struct detection left = at(x, 50, 0.9f, 0);
        struct detection right = at(600 - x, 62, 0.85f, 0);
        struct detection d[2] = {f % 2 ? left : right, f % 2 ? right : left};
        assert_int_equal(tracker_update(t, d, 2), 0);
        if (f == 0) {
            left_id = d[1].track_id;
            right_id = d[0].track_id;
            assert_true(left_id != right_id && left_id > 0 && right_id > 0);
        }
        assert_int_equal(d[f % 2 ? 0 : 1].track_id, left_id);
        assert_int_equal(d[f % 2 ? 1 : 0].track_id, right_id);
    }
    tracker_destroy(t);
}

// The two-by-two blocks against the textbook's 8 x 8: figures of the latter for three frames.
static void test_motion(void **state)
{
    (void)state;
    struct motion m = motion_make((struct box){0, 0, 40, 100});
    motion_predict(&m);
    motion_correct(&m, (struct box){10, 0, 50, 100});
    motion_predict(&m);
    motion_correct(&m, (struct box){20, 2, 66, 110});
    motion_predict(&m);
    struct box b = motion_box(&m);
    assert_float_equal(b.x1, 24.5106f, 1e-3f);
    assert_float_equal(b.x2, 68.1176f, 1e-3f);
    assert_float_equal(b.y1, 2.2036f, 1e-3f);
    assert_float_equal(b.y2, 111.0182f, 1e-3f);
}

static void test_allocation_failure(void **state)
{
    (void)state;
    int r = ERR_NOMEM;
    for (long n = 1; r != 0; n++) {
        struct tracker *t = NULL;
        struct tracker_opts opts = {0};
        mem_test_fail_at(n);
        r = tracker_create(&opts, &t);
        for (int f = 0; r == 0 && f < 3; f++) {
            struct detection d[] = {at(0, 0, 0.9f, 0), at(300, 0, 0.2f, 0), at(500, 0, 0.9f, 0)};
            r = tracker_update(t, d, ARRAY_LEN(d));
        }
        bool is_over = mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, is_over ? 0 : ERR_NOMEM);
        tracker_destroy(t);
    }
}

// --- a real street: 795 frames of vtest.mp4 as a detector saw them

enum {
    N_FRAMES = 795,
    N_PEOPLE = 19,
    MAX_BYTES = 64 * 1024 * 1024,
    MAX_TRACKS = 1000,
};

struct street {
    struct detection_list frames[N_FRAMES + 1]; // from 1
};

static void read_number_into(struct json_reader *r, float *ret)
{
    struct json_event e;
    assert_int_equal(json_next(r, &e), 0);
    assert_int_equal(e.type, JSON_NUMBER);
    *ret = (float)e.number;
}

static void read_box(struct json_reader *r, struct box *ret_box)
{
    struct json_event e;
    float w, h;
    assert_int_equal(json_next(r, &e), 0);
    read_number_into(r, &ret_box->x1);
    read_number_into(r, &ret_box->y1);
    read_number_into(r, &w);
    read_number_into(r, &h);
    assert_int_equal(json_next(r, &e), 0);
    ret_box->x2 = ret_box->x1 + w;
    ret_box->y2 = ret_box->y1 + h;
}

static void read_result(struct json_reader *r, struct street *s)
{
    struct json_event e;
    struct detection d = {0};
    float image = 0;
    float category = 0;
    for (;;) {
        assert_int_equal(json_next(r, &e), 0);
        if (e.type == JSON_OBJECT_END)
            break;
        assert_int_equal(e.type, JSON_KEY);
        if (str_is(e.text, "bbox"))
            read_box(r, &d.box);
        else if (str_is(e.text, "image_id"))
            read_number_into(r, &image);
        else if (str_is(e.text, "category_id"))
            read_number_into(r, &category);
        else
            read_number_into(r, &d.confidence);
    }
    assert_true(image >= 1 && image <= N_FRAMES);
    d.class_id = (int)category;
    if (d.class_id == 1)
        assert_int_equal(detection_list_add(&s->frames[(int)image], d), 0);
}

static int read_street_file(const char *name, char **ret_bytes, size_t *ret_n)
{
    const char *root = getenv("ASSAY_TEST_DATA");
    char path[4096];
    if (!root)
        return ERR_NOT_FOUND;
    snprintf(path, sizeof(path), "%s/video_with_gt/vtest_PETS09-S2L1/%s", root, name);
    return file_read(path, MAX_BYTES, ret_bytes, ret_n);
}

static bool read_street(struct street *s)
{
    char *bytes;
    size_t n;
    if (read_street_file("ref_dets_yolox_nano.json", &bytes, &n) < 0)
        return false;
    struct json_reader *r;
    struct json_event e;
    struct json_reader_opts opts = {.text = {bytes, n}, .name = "detections"};
    assert_int_equal(json_reader_create(&opts, &r), 0);
    assert_int_equal(json_next(r, &e), 0);
    assert_int_equal(e.type, JSON_ARRAY);
    for (;;) {
        assert_int_equal(json_next(r, &e), 0);
        if (e.type == JSON_ARRAY_END)
            break;
        read_result(r, s);
    }
    json_reader_destroy(r);
    mem_free(bytes);
    return true;
}

static void track_street(struct street *s)
{
    struct tracker *t = new_tracker();
    for (int f = 1; f <= N_FRAMES; f++)
        assert_int_equal(tracker_update(t, s->frames[f].items, s->frames[f].n), 0);
    tracker_destroy(t);
}

// The id that a person's box (MOT text: frame, person, x, y, width, height, ...) has in its frame.
static int id_of_truth(const struct street *s, struct str line, int *ret_person)
{
    double v[6];
    struct str part;
    for (int i = 0; i < 6; i++) {
        assert_true(str_split(&line, ',', &part));
        assert_int_equal(str_to_double(part, &v[i]), 0);
    }
    assert_true(v[0] >= 1 && v[0] <= N_FRAMES && v[1] >= 1 && v[1] <= N_PEOPLE);
    struct box truth = {(float)v[2], (float)v[3], (float)(v[2] + v[4]), (float)(v[3] + v[5])};
    const struct detection_list *seen = &s->frames[(int)v[0]];
    float best = 0.4f;
    int id = 0;
    for (size_t i = 0; i < seen->n; i++) {
        float iou = box_iou(truth, seen->items[i].box);
        if (seen->items[i].track_id > 0 && iou > best) {
            best = iou;
            id = seen->items[i].track_id;
        }
    }
    *ret_person = (int)v[1];
    return id;
}

// Of a person's frames with an id, how many have the one it has most often?
static void check_people_keep_ids(const struct street *s)
{
    static int n_frames[N_PEOPLE + 1][MAX_TRACKS];
    char *bytes;
    size_t n;
    assert_int_equal(read_street_file("gt_480x360.txt", &bytes, &n), 0);
    struct str rest = {bytes, n};
    struct str line;
    while (str_line(&rest, &line)) {
        int person;
        int id = id_of_truth(s, line, &person);
        n_frames[person][id]++;
    }
    mem_free(bytes);
    int n_matched = 0;
    int n_with_main_id = 0;
    for (int p = 1; p <= N_PEOPLE; p++) {
        int most = 0;
        for (int id = 1; id < MAX_TRACKS; id++) {
            n_matched += n_frames[p][id];
            most = MAX(most, n_frames[p][id]);
        }
        n_with_main_id += most;
    }
    print_message("%d of %d boxes of people bear their person's usual id\n", n_with_main_id,
                  n_matched);
    assert_true(n_matched > 2000);
    assert_true(n_with_main_id > 0.6 * n_matched);
}

static void test_real_street(void **state)
{
    (void)state;
    static struct street s;
    static struct street again;
    static int length[MAX_TRACKS];
    if (!read_street(&s)) {
        print_message("skipped: ASSAY_TEST_DATA has no video_with_gt\n");
        skip();
    }
    assert_true(read_street(&again));
    track_street(&s);
    track_street(&again);
    int n_tracks = 0;
    int n_strong = 0;
    int n_tracked = 0;
    for (int f = 1; f <= N_FRAMES; f++) {
        for (size_t i = 0; i < s.frames[f].n; i++) {
            const struct detection *d = &s.frames[f].items[i];
            assert_int_equal(d->track_id, again.frames[f].items[i].track_id);
            assert_in_range(d->track_id, 0, MAX_TRACKS - 1);
            n_tracks = MAX(n_tracks, d->track_id);
            n_strong += d->confidence >= 0.25f;
            n_tracked += d->track_id > 0 && d->confidence >= 0.25f;
            length[d->track_id]++;
            for (size_t k = 0; k < i; k++) // one detection a track and frame
                assert_true(d->track_id == 0 || s.frames[f].items[k].track_id != d->track_id);
        }
    }
    int n_long = 0;
    for (int i = 1; i <= n_tracks; i++)
        n_long += length[i] >= 100;
    print_message("%d tracks, %d of 100 frames or more; %d of %d strong detections have one\n",
                  n_tracks, n_long, n_tracked, n_strong);
    assert_in_range(n_tracks, 19, 60); // 19 people walk through, some more than once
    assert_in_range(n_long, 12, 30);
    assert_true(n_tracked > 0.95 * n_strong);
    check_people_keep_ids(&s);
    for (int f = 1; f <= N_FRAMES; f++) {
        detection_list_finish(&s.frames[f]);
        detection_list_finish(&again.frames[f]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_moving_gap),
        cmocka_unit_test(test_confidences),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_unusable_boxes),
        cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_motion),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_real_street),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
