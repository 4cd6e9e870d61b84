// SPDX-License-Identifier: Apache-2.0
// test_bdd.c - BDD100K JSON in both spellings, and the videos of COCO truth.

#include "given.h"

#include "base/arena.h"
#include "base/mem.h"

#define FRAME(name, index, labels) \
    "{\"name\":\"" name "\",\"videoName\":\"v\",\"frameIndex\":" #index ",\"labels\":" labels "}"
#define OLD(name, index, labels) \
    "{\"labels\":" labels ",\"index\":" #index ",\"video_name\":\"v\",\"name\":\"" name "\"}"
#define LABEL(id, category)                   \
    "{\"id\":" id ",\"category\":\"" category \
    "\",\"score\":0.5,\"box2d\":{\"x1\":1,\"y1\":2,\"x2\":11,\"y2\":22}}"
#define CROWDED                                                                               \
    "{\"id\":\"5\",\"category\":\"car\",\"attributes\":{\"Crowd\":true},\"box2d\":{\"x1\":0," \
    "\"y1\":0,"                                                                               \
    "\"x2\":1,\"y2\":1}}"

static const char truth_text[] =
    "[" FRAME("v-2.jpg", 1, "[" LABEL("\"007\"", "car") "," CROWDED "]") "," FRAME(
        "v-1.jpg", 0,
        "[" LABEL("\"ab-c\"", "trailer") "," LABEL("\"x\"", "car") "]") "," FRAME("v-3.jpg", 2,
                                                                                  "null") "]";

static void test_truth(void **state)
{
    struct dataset *d = given_truth(truth_text);
    assert_string_equal(d->format, "bdd100k");
    assert_int_equal(d->n_classes, 9); // the benchmark's eight and the trailer
    assert_string_equal(d->classes[2].name, "car");
    assert_string_equal(d->classes[8].name, "trailer");
    assert_int_equal(d->n_pictures, 3);
    assert_int_equal(d->pictures[0].frame, 1);
    assert_int_equal(d->n_videos, 1);
    assert_string_equal(d->videos[0], "v");
    assert_int_equal(d->n_objects, 4);
    assert_int_equal(d->objects[0].track_id, 7);
    assert_true(d->objects[0].w == 10 && d->objects[0].h == 20 && d->objects[0].area == 200);
    assert_true(d->objects[0].confidence == 1 && !d->objects[0].ignore);
    assert_true(d->objects[1].crowd && d->objects[1].ignore);
    assert_true(d->objects[2].track_id > 0 && d->objects[2].track_id != d->objects[3].track_id);
    dataset_destroy(d);
}

static void test_results(void **state)
{
    struct dataset *t = given_truth(truth_text);
    struct dataset *d = given_detections(
        "[" OLD("v/v-1.jpg", 0, "[" LABEL("3", "car") "," LABEL("4", "zebra") "]") "," OLD(
            "v/v-9.jpg", 9, "[" LABEL("3", "car") "]") "]",
        t);
    assert_int_equal(d->n_objects, 1);
    assert_int_equal(d->objects[0].picture, 1);
    assert_int_equal(d->objects[0].class_index, 2);
    assert_int_equal(d->objects[0].track_id, 3);
    assert_true(d->objects[0].confidence == 0.5);
    assert_true(given_has_notice(d, "1 detections of pictures that the truth does not list"));
    assert_true(given_has_notice(d, "1 labels of no class"));
    dataset_destroy(d);
    dataset_destroy(t);
}

static void test_broken(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"[{\"labels\":{}}]", "labels is not an array"},
        {"[{\"labels\":[5]}]", "a label is not an object"},
        {"[{\"labels\":[]},5]", "a frame is not an object"},
        {"[{\"labels\":[{\"category\":5}]}]", "category of a label is not a text"},
        {"[{\"labels\":[{\"id\":1.5}]}]", "id of a label is neither"},
        {"[{\"labels\":[{\"category\":\"car\",\"box2d\":{\"x1\":1}}]}]", "box2d without one of"},
        {"[{\"labels\":[{\"box2d\":{\"x1\":\"1\"}}]}]", "a corner of box2d is not a finite number"},
        {"[{\"labels\":[{\"box2d\":7}]}]", "box2d is not an object"},
        {"[{\"labels\":[{\"score\":1e999}]}]", "line 1"},
        {"[{\"labels\":[{\"id\":1}]", "line 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *d = NULL;
        int r = given_read(rows[i].text, NULL, &d);
        if (r != ERR_DATA || !strstr(err_message(r), rows[i].message))
            fail_msg("%s: %d %s", rows[i].text, r, err_message(r));
    }
}

#define PICTURE(id, video) "{\"id\":" #id ",\"video_id\":" video "}"

// Names come from "videos", wherever it stands; else the id is the name.
static void test_videos(void **state)
{
    static const char text[] = "{\"images\":[" PICTURE(1, "7") "," PICTURE(2, "9") "," PICTURE(
        3, "7") "," PICTURE(4, "null") "],"
                                       "\"videos\":[{\"name\":\"street\",\"id\":7}],"
                                       "\"annotations\":[],\"categories\":[]}";
    struct dataset *d = given_truth(text);
    assert_int_equal(d->n_videos, 2);
    assert_string_equal(d->videos[0], "street");
    assert_string_equal(d->videos[1], "9");
    assert_int_equal(d->pictures[0].video, 0);
    assert_int_equal(d->pictures[1].video, 1);
    assert_int_equal(d->pictures[2].video, 0);
    dataset_destroy(d);
    // Many videos: the table of keys grows.
    struct str_buf many = STR_BUF_INIT(1 * MIB);
    str_buf_puts(&many, "{\"annotations\":[],\"categories\":[],\"images\":[{\"id\":0}");
    for (int i = 1; i <= 500; i++)
        str_buf_printf(&many, ",{\"id\":%d,\"video\":\"v%d\"}", i, i % 250);
    str_buf_puts(&many, "]}");
    d = given_truth(str_buf_text(&many));
    assert_int_equal(d->n_videos, 250);
    for (size_t i = 1; i <= 500; i++)
        assert_int_equal(d->pictures[i].video, (i - 1) % 250);
    dataset_destroy(d);
    str_buf_finish(&many);
}

static void test_out_of_memory(void **state)
{
    for (int role = 0; role < 2; role++) {
        struct dataset *t = role ? given_truth(truth_text) : NULL;
        bool failed = true;
        for (long n = 1; failed; n++) {
            struct dataset *d = NULL;
            assert_true(n < 1000);
            mem_test_fail_at(n);
            int r = given_read(truth_text, t, &d);
            failed = !mem_test_fail_pending();
            mem_test_fail_at(0);
            if (r != (failed ? ERR_NOMEM : 0))
                fail_msg("allocation %ld: %d", n, r);
            dataset_destroy(d);
        }
        dataset_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),         cmocka_unit_test(test_results),
        cmocka_unit_test(test_broken),        cmocka_unit_test(test_videos),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
