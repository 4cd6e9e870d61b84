// SPDX-License-Identifier: Apache-2.0
// test_builder.c - which truth picture a frame is: by frame field, file name, position.

#include "given.h"

#include <math.h>

#include "base/mem.h"

#define CLASS  "\"categories\":[{\"id\":1,\"name\":\"car\"}],\"annotations\":[]}"
#define FRAMES "{\"images\":[{\"id\":1,\"frame\":4},{\"id\":2,\"frame_index\":2}]," CLASS
#define NAMES                                                                                 \
    "{\"images\":[{\"id\":1,\"file_name\":\"b/1.jpg\"},{\"id\":2,\"file_name\":\"a/1.jpg\"}," \
    "{\"id\":3,\"file_name\":\"a/2.jpg\"},{\"id\":4}]," CLASS
#define PLAIN "{\"images\":[{\"id\":30},{\"id\":10},{\"id\":20}]," CLASS
#define VIDEOS                                                             \
    "{\"images\":[{\"id\":1,\"frame_index\":0,\"file_name\":\"v/1.jpg\"}," \
    "{\"id\":2,\"frame_index\":0,\"file_name\":\"w/1.jpg\"}]," CLASS

static const struct dataset_detection detection = {.label = "car", .w = 1, .h = 1, .confidence = 1};

static const struct {
    const char *truth;
    int64_t frame;
    const char *file; // NULL: a video
    int picture;      // -1: none
} rows[] = {
    {FRAMES, 2, NULL, 1},         {FRAMES, 4, NULL, 0},
    {FRAMES, 0, NULL, -1},        {FRAMES, 4, "x.jpg", 0}, // the field comes first
    {PLAIN, 0, NULL, 0},          {PLAIN, 2, NULL, 2},
    {PLAIN, 3, NULL, -1},         {PLAIN, 1, "x.jpg", 1}, // the truth has no names
    {NAMES, 1, NULL, 1},                                  // a video goes by position
    {NAMES, 0, "a/2.jpg", 2},     {NAMES, 0, "/data/x/a/1.jpg", 1},
    {NAMES, 0, "2.jpg", 2},       {NAMES, 0, "1.jpg", -1}, // two are called so
    {NAMES, 0, "c\\b\\1.jpg", 0}, {NAMES, 0, "3.jpg", -1},
    {NAMES, 0, "ba/1.jpg", -1},   {VIDEOS, 0, "w/1.jpg", 1},
};

static void must(int r)
{
    if (r < 0)
        fail_msg("%s", err_message(r));
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *t = given_truth(rows[i].truth);
        struct dataset_builder *b;
        struct dataset *d;
        must(dataset_builder_create(t, &b));
        must(dataset_builder_frame(b, rows[i].frame, INT64_MIN, rows[i].file));
        must(dataset_builder_add(b, &detection));
        must(dataset_builder_finish(&b, &d));
        assert_null(b);
        int picture = d->n_objects ? d->objects[0].picture : -1;
        if (picture != rows[i].picture)
            fail_msg("row %zu: picture %d", i, picture);
        assert_int_equal(d->n_judged, rows[i].picture >= 0);
        dataset_destroy(d);
        dataset_destroy(t);
    }
}

static void test_refusals(void **state)
{
    struct dataset *t = given_truth(VIDEOS);
    struct dataset_builder *b;
    struct dataset *d = NULL;
    must(dataset_builder_create(t, &b));
    assert_int_equal(dataset_builder_add(b, &detection), ERR_INVALID);
    assert_int_equal(dataset_builder_frame(b, -1, 0, NULL), ERR_INVALID);
    must(dataset_builder_frame(b, 0, 0, NULL));
    struct dataset_detection bad = detection;
    bad.confidence = NAN;
    assert_int_equal(dataset_builder_add(b, &bad), ERR_INVALID);
    assert_int_equal(dataset_builder_finish(&b, &d), ERR_DATA); // frame 0 of which video?
    assert_null(b);
    assert_null(d);
    dataset_builder_destroy(NULL);
    dataset_destroy(t);
}

static void test_notices(void **state)
{
    struct dataset *t = given_truth(PLAIN);
    struct dataset_builder *b;
    struct dataset *d;
    must(dataset_builder_create(t, &b));
    must(dataset_builder_notice(b, "the run was interrupted"));
    for (int frame = 2; frame < 5; frame++) // beyond the truth, too
        must(dataset_builder_frame(b, frame, frame * 40000, NULL));
    must(dataset_builder_finish(&b, &d));
    assert_true(d->pts_us[1] == INT64_MIN && d->pts_us[2] == 80000);
    assert_true(given_has_notice(d, "interrupted"));
    assert_true(given_has_notice(d, "2 of 3 pictures of the truth were not inferred"));
    assert_true(given_has_notice(d, "2 of 3 inferred frames are not in the truth"));
    assert_int_equal(d->n_notices, 3);
    assert_true(d->pictures == t->pictures && d->classes == t->classes);
    dataset_destroy(d);
    dataset_destroy(t);
}

// What would give a wrong figure in silence is said.
static void test_doubtful_truth(void **state)
{
    static const struct {
        const char *truth, *label, *notice; // NULL: none of these
    } doubts[] = {
        {"{\"images\":[{\"id\":\"f2\"},{\"id\":\"f10\"}]," CLASS, "car", "\"f10\" before \"f2\""},
        {"{\"images\":[{\"id\":\"f02\"},{\"id\":\"f10\"}]," CLASS, "car", NULL},
        {"{\"images\":[{\"id\":\"f2\",\"frame\":0},{\"id\":\"f10\"}]," CLASS, "car", NULL},
        {PLAIN, "Car", "left out: Car; the truth has car"},
        {"{\"images\":[{\"id\":1}],\"annotations\":[],\"categories\":[{\"id\":1,\"name\":\"car\"},"
         "{\"id\":2,\"name\":\"car\"}]}",
         "car", "several classes called 'car'"},
        {"{\"images\":[{\"id\":1}],\"annotations\":[],\"categories\":[{\"id\":1,\"name\":\"\"},"
         "{\"id\":2,\"name\":\"\"},{\"id\":3,\"name\":\"car\"}]}",
         "car", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(doubts); i++) {
        struct dataset *t = given_truth(doubts[i].truth);
        struct dataset_builder *b;
        struct dataset *d;
        struct dataset_detection named = detection;
        named.label = doubts[i].label;
        must(dataset_builder_create(t, &b));
        for (size_t frame = 0; frame < t->n_pictures; frame++)
            must(dataset_builder_frame(b, (int64_t)frame, INT64_MIN, NULL));
        must(dataset_builder_add(b, &named));
        must(dataset_builder_finish(&b, &d));
        if (doubts[i].notice && !given_has_notice(d, doubts[i].notice))
            fail_msg("row %zu: not said", i);
        for (size_t k = 0; k < d->n_notices && !doubts[i].notice; k++)
            assert_null(strstr(d->notices[k], "before") || strstr(d->notices[k], "several") ? d
                                                                                            : NULL);
        dataset_destroy(d);
        dataset_destroy(t);
    }
}

static void test_out_of_memory(void **state)
{
    struct dataset *t = given_truth(NAMES);
    struct dataset_detection foreign = detection;
    foreign.label = "cat";
    bool failed = true;
    for (long n = 1; failed; n++) {
        struct dataset_builder *b = NULL;
        struct dataset *d = NULL;
        assert_true(n < 1000);
        mem_test_fail_at(n);
        int r = dataset_builder_create(t, &b);
        if (r == 0)
            r = dataset_builder_frame(b, 0, 0, "a/2.jpg");
        if (r == 0)
            r = dataset_builder_add(b, &detection);
        if (r == 0)
            r = dataset_builder_add(b, &foreign);
        if (r == 0)
            r = dataset_builder_finish(&b, &d);
        failed = !mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, failed ? ERR_NOMEM : 0);
        dataset_builder_destroy(b);
        dataset_destroy(d);
    }
    dataset_destroy(t);
}

// Rows of CSV: frames without detections have none, so all of the truth is judged.
static void test_csv_of_detections(void **state)
{
    (void)state;
    struct dataset *truth = given_truth(
        "{\"images\":[{\"id\":1},{\"id\":2},{\"id\":3}],\"categories\":[{\"id\":1,\"name\":\"a\"}],"
        "\"annotations\":[]}");
    struct dataset *d = NULL;
    assert_int_equal(given_read("frame,pts_us,label,confidence,x,y,width,height,track_id\n"
                                "2,200,a,0.1,1,2,3,4,5\n0,0,b,0.5,1,2,3,4,\n2,200,a,0.7,1,2,3,4,\n"
                                "7,700,a,0.5,1,2,3,4,\n",
                                truth, &d),
                     0);
    assert_string_equal(d->format, "csv");
    assert_int_equal(d->n_objects, 2);
    assert_int_equal(d->n_judged, 3);
    assert_int_equal(d->objects[0].picture, 2);
    assert_int_equal(d->objects[0].track_id, 5);
    assert_true(d->objects[0].confidence == (double).1f);
    assert_int_equal(d->objects[1].picture, 2);
    assert_int_equal(d->objects[1].track_id, -1);
    assert_int_equal(d->pts_us[2], 200);
    assert_int_equal(d->pts_us[1], INT64_MIN);
    assert_true(given_has_notice(d, "all 3 pictures of the truth are judged"));
    assert_true(given_has_notice(d, "1 of 3 inferred frames are not in the truth"));
    assert_true(given_has_notice(d, "1 detections of classes that the truth does not have"));
    dataset_destroy(d);
    dataset_destroy(truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_notices),       cmocka_unit_test(test_doubtful_truth),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_csv_of_detections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
