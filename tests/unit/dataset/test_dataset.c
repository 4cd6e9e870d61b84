// SPDX-License-Identifier: Apache-2.0
// test_dataset.c - the readers: what each format means, its traps, and what is refused.

#include "given.h"

#include <math.h>

#include "base/mem.h"
#include "base/str.h"

#define TRUTH                                                                          \
    "{\"images\":[{\"id\":5},{\"id\":2}],\"categories\":[{\"id\":7,\"name\":\"car\"}," \
    "{\"id\":1,\"name\":\"person\"}],\"annotations\":["                                \
    "{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":5,\"id\":9}]}"
#define HEADER  "{\"type\":\"header\",\"assay\":\"x\"}\n"
#define SUMMARY "{\"type\":\"summary\",\"detections\":1,\"interrupted\":false}\n"
#define FOUND(label)                                                \
    "{\"label\":\"" label "\",\"confidence\":0.5,\"bounding_box\":" \
    "{\"x\":0.1,\"y\":2,\"width\":3,\"height\":4}}"

static void test_truth(void **state)
{
    struct dataset *t = given_truth(TRUTH);
    assert_string_equal(t->format, "coco");
    assert_int_equal(t->n_classes, 2);
    assert_string_equal(t->classes[0].name, "person"); // ascending id
    assert_int_equal(t->n_pictures, 2);
    assert_int_equal(t->pictures[0].id, 2);
    assert_int_equal(t->pictures[0].frame, -1);
    assert_int_equal(t->n_objects, 1);
    const struct dataset_object *o = &t->objects[0];
    assert_int_equal(o->picture, 0);
    assert_int_equal(o->class_index, 0);
    assert_true(o->area == 5 && o->w == 3 && o->h == 4); // the file's area, not w * h
    assert_false(o->crowd || o->ignore);
    assert_int_equal(t->n_notices, 0);
    dataset_destroy(t);
}

// What is taken, with how many objects left and which notice.
static const struct {
    const char *truth, *detections; // NULL: TRUTH; NULL: only truth is read
    size_t n_objects;
    const char *notice; // NULL: none
} taken[] = {
    // who made the truth: a source, a score below 1, words of "info"
    {"{\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":0.83}],"
     "\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}]}",
     NULL, 1, "1 boxes are marked as made by a program"},
    {"{\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1,"
     "\"source\":\"manual\",\"attributes\":{\"source\":\"semi-auto\"}}],"
     "\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}]}",
     NULL, 1, NULL},
    {"{\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],"
     "\"attributes\":{\"source\":\"auto\"}}],\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}]}",
     NULL, 1, "1 boxes are marked as made by a program"},
    {"{\"info\":{\"year\":2020,\"description\":\"Pseudo-labels of a detector\"},\"annotations\":[],"
     "\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}]}",
     NULL, 0, "\"info\" says that a program"},
    {"{\"info\":{\"description\":\"Automobiles, labelled by hand\"},\"annotations\":[],"
     "\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}]}",
     NULL, 0, NULL},
    // texts that are whole numbers are those numbers, either way round
    {"{\"annotations\":[{\"image_id\":\"2299\",\"category_id\":\"1\",\"bbox\":[1,2,3,4]}],"
     "\"images\":[{\"id\":2299}],\"categories\":[{\"id\":1,\"name\":\"a\"}]}",
     NULL, 1, NULL},
    {"{\"annotations\":[{\"image_id\":2299,\"category_id\":1.0,\"bbox\":[1,2,3,4]}],"
     "\"images\":[{\"id\":\"2299\"}],\"categories\":[{\"id\":\"1\",\"name\":\"a\"}]}",
     NULL, 1, NULL},
    {"{\"annotations\":[{\"image_id\":\"a.jpg\",\"category_id\":1,\"bbox\":[1,2,3,4]}],"
     "\"images\":[{\"id\":\"a.jpg\"},{\"id\":3}],\"categories\":[{\"id\":1}]}",
     NULL, 1, NULL},
    {"{\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4]}],"
     "\"images\":[{\"id\":2}],\"categories\":[{\"id\":1}]}",
     NULL, 0, "1 annotations of pictures"},
    {"{\"annotations\":[{\"image_id\":2,\"category_id\":3,\"bbox\":[1,2,3,4]}],"
     "\"images\":[{\"id\":2}],\"categories\":[{\"id\":1}]}",
     NULL, 0, "1 annotations of classes"},
    {"{\"annotations\":[],\"images\":[{\"id\":2},{\"id\":1},{\"id\":2}],\"categories\":[{\"id\":1}]"
     "}",
     NULL, 0, "1 picture ids are listed more than once"},
    {"{\"annotations\":[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,-3,4]}],"
     "\"images\":[{\"id\":2}],\"categories\":[{\"id\":1}]}",
     NULL, 1, "1 box has a negative size"},
    {"{\"info\":{\"x\":[{}]},\"images\":[],\"annotations\":[],\"categories\":[],\"licenses\":null}",
     NULL, 0, NULL},
    {"\xef\xbb\xbf {\"images\":[],\"annotations\":[],\"categories\":[]}", NULL, 0, NULL},
    // results
    {NULL, "[]", 0, NULL},
    {NULL, "[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":-3.5}]", 1, NULL},
    {NULL,
     "[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1,\"segmentation\":[],"
     "\"area\":99,\"iscrowd\":1,\"category_name\":{\"a\":[]}}]",
     1, NULL},
    {NULL, "{\"annotations\":[{\"image_id\":2,\"category_id\":7,\"bbox\":[1,2,3,4],\"score\":1}]}",
     1, NULL},
    {NULL, "[{\"image_id\":3,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1}]", 0,
     "1 detections of pictures"},
    {NULL, "[{\"image_id\":2,\"category_id\":2,\"bbox\":[1,2,3,4],\"score\":1}]", 0,
     "1 detections of classes"},
    // MOT truth
    {"1,1,10,20,30,40,1,-1,-1,-1\n3,1,10,20,30,40,0,-1,-1,-1\r\n\n", NULL, 2, NULL},
    {"2, 1.0, 1e1, 20, 30, 40", NULL, 1, NULL},
    {"1,1,10,20,30,40,1,1,0.5\n1,2,1,2,3,4,0,7,1\n1,3,1,2,3,4,0,3,1\n", NULL, 2,
     "1 truth rows of vehicles"},
    {"1,1,1,2,3,4,1,9e41,1\n2,1,1,2,3,4,1,1,1\n", NULL, 1, "1 truth rows of vehicles"},
    // MOT results
    {NULL, "1,-1,10,20,30,40,-2.5,-1,-1,-1\n", 1, NULL},
    {NULL, "9,-1,10,20,30,40,1,-1,-1,-1\n", 0, "1 detections of frames"},
    // our own
    {NULL,
     HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[" FOUND(
         "car") "]}\n"
                "{\"type\":\"frame\",\"frame\":1,\"detections\":[]}\n" SUMMARY,
     1, NULL},
    {NULL, HEADER "{\"detections\":[" FOUND("car") "],\"frame\":0,\"type\":\"frame\"}\n" SUMMARY, 1,
     "1 of 2 pictures of the truth were not inferred"},
    {NULL, HEADER "{\"type\":\"frame\",\"frame\":2,\"detections\":[" FOUND("car") "]}\n" SUMMARY, 0,
     "1 of 1 inferred frames are not in the truth"},
    {NULL, HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[" FOUND("cat") "]}\n" SUMMARY, 0,
     "classes that the truth does not have were left out: cat"},
    {NULL, HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[]}\n", 0, "no summary line"},
    {NULL, HEADER "{\"type\":\"summary\",\"interrupted\":true}\n", 0, "interrupted"},
    {NULL,
     HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[]}\n"
            "{\"type\":\"frame\",\"frame\":0,\"detections\":[" FOUND("car") "]}\n" SUMMARY,
     0, "1 frames came more than once"},
    {NULL, HEADER "{\"type\":\"later\",\"x\":[]}\n" SUMMARY, 0, NULL},
};

static void test_taken(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        struct dataset *t = given_truth(taken[i].truth ? taken[i].truth : TRUTH);
        struct dataset *d = taken[i].detections ? given_detections(taken[i].detections, t) : NULL;
        const struct dataset *read = d ? d : t;
        if (read->n_objects != taken[i].n_objects)
            fail_msg("row %zu: %zu objects", i, read->n_objects);
        if (taken[i].notice && !given_has_notice(read, taken[i].notice))
            fail_msg("row %zu: no notice \"%s\"", i, taken[i].notice);
        for (size_t n = 0; n < read->n_objects; n++)
            assert_true(read->objects[n].picture >= 0 && read->objects[n].class_index >= 0);
        dataset_destroy(d);
        dataset_destroy(t);
    }
}

#define IN_TRUTH(annotation) \
    "{\"images\":[{\"id\":1}],\n\"categories\":[{\"id\":1}],\n\"annotations\":[" annotation "]}"

// What is refused, and a part of the message.
static const struct {
    bool is_truth;
    const char *text, *part;
    int code;
} refused[] = {
    {true, "", "is empty", ERR_DATA},
    {true, " \n ", "is empty", ERR_DATA},
    {true, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git-LFS",
     ERR_DATA},
    {true, "<html/>", "no format known", ERR_UNSUPPORTED},
    {true, "0 0.5 0.5 0.1\n", "no format known", ERR_UNSUPPORTED},
    {true, "[]", "COCO results, not truth", ERR_DATA},
    {true, "{\"annotations\":[],\"categories\":[]}", "without \"images\"", ERR_DATA},
    {true, "{\"images\":[],\"annotations\":[]}", "without \"categories\"", ERR_DATA},
    {true, "{\"images\":[],\"categories\":[]}", "without \"annotations\"", ERR_DATA},
    {true, "{\"images\":{},", "\"images\" is not an array", ERR_DATA},
    {true, "{\"images\":[1]}", "is not an object", ERR_DATA},
    {true, "{\"images\":[{\"width\":1}]}", "picture 1 has no \"id\"", ERR_DATA},
    {true, "{\"images\":[{\"id\":1.5}]}", "neither a whole number nor a text", ERR_DATA},
    {true, "{\"categories\":[{\"name\":\"x\"}]}", "category 1 has no \"id\"", ERR_DATA},
    {true, "{\"categories\":[{\"id\":\"x\"}]}", "not a whole number", ERR_DATA},
    {true, IN_TRUTH("{\"image_id\":1,\"category_id\":1}"), "annotation 1 has no \"bbox\"",
     ERR_DATA},
    {true, IN_TRUTH("{\"image_id\":1,\"category_id\":1}"), "line 3", ERR_DATA},
    {true, IN_TRUTH("{\"category_id\":1,\"bbox\":[1,2,3,4]}"), "no \"image_id\"", ERR_DATA},
    {true, IN_TRUTH("{\"image_id\":1,\"bbox\":[1,2,3,4]}"), "no \"category_id\"", ERR_DATA},
    {true, IN_TRUTH("{\"bbox\":[1,2,3]}"), "less than four numbers", ERR_DATA},
    {true, IN_TRUTH("{\"bbox\":[1,2,3,4,5]}"), "more than four numbers", ERR_DATA},
    {true, IN_TRUTH("{\"bbox\":[1,2,3,null]}"), "not a finite number", ERR_DATA},
    {true, IN_TRUTH("{\"bbox\":[1,2,3,1e999]}"), "", ERR_DATA},
    {true, IN_TRUTH("{\"area\":\"4\"}"), "area is not a finite number", ERR_DATA},
    {true, "{\"images\":[],\"annotations\":[],\"categories\":[]} x", "line 1", ERR_DATA},
    {true, HEADER SUMMARY, "holds detections, not truth", ERR_UNSUPPORTED},
    {true, "1,1,2,3,4\n", "no format known", ERR_UNSUPPORTED},
    {true, "1,1,2,3,4,5\n2,1,2,3,4\n", "line 2: less than the six columns", ERR_DATA},
    {true, "1,1,2,3,4,5\n2,1,2,3,4,nan\n", "line 2: column 6", ERR_DATA},
    {true, "1,1,2,3,4,5\n0,1,2,3,4,5\n", "frame 0 is not a whole number", ERR_DATA},
    {true, "1,1,2,3,4,5\n1.5,1,2,3,4,5\n", "frame 1.5 is not a whole number", ERR_DATA},
    {true, "1,1,2,3,4,5\n1e9,1,2,3,4,5\n", "is not a whole number from 1", ERR_DATA},
    {true, "1,1,2,3,4,5\n2,9.7,2,3,4,5\n", "line 2: track id 9.7 is not a whole", ERR_DATA},
    {true, "1,1,2,3,4,5\n2,1e22,2,3,4,5\n", "line 2: track id 1e+22 is not a whole", ERR_DATA},
    {true, "1,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7\n", "more columns", ERR_DATA},
    {false, "[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4]}]", "result 1 has no \"score\"",
     ERR_DATA},
    {false, "[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":NaN}]", "line 1",
     ERR_DATA},
    {false, "[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":\"NaN\"}]",
     "score is not a finite number", ERR_DATA},
    {false, "[{\"image_id\":2,\"category_id\":1,\"bbox\":[],\"score\":1}]", "less than four",
     ERR_DATA},
    {false, "[{\"image_id\":null}]", "neither a whole number", ERR_DATA},
    {false, "{\"images\":[]}", "without \"annotations\"", ERR_DATA},
    {false, "[", "line 1", ERR_DATA},
    {false, "{\"type\":\"frame\",\"frame\":0,\"detections\":[]}\n", "no header line", ERR_DATA},
    {false, HEADER "{\"type\":\"frame\",\"detections\":[]}\n",
     "line 2: a frame line without \"frame\"", ERR_DATA},
    {false, HEADER "{\"type\":\"frame\",\"frame\":0}\n", "without \"detections\"", ERR_DATA},
    {false, HEADER "{\"frame\":0}\n", "without \"type\"", ERR_DATA},
    {false, HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[{\"label\":\"car\"}]}\n",
     "without \"confidence\"", ERR_DATA},
    {false,
     HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[{\"label\":\"car\",\"confidence\":1,"
            "\"bounding_box\":{\"x\":1}}]}\n",
     "has no \"y\"", ERR_DATA},
    {false, HEADER "{\"type\":\"frame\",\"frame\":0,\"detections\":[{\"confidence\":1e60}]}\n",
     "\"confidence\" is not a finite number", ERR_DATA},
    {false, HEADER "[]\n", "not an object", ERR_DATA},
};

static void test_refused(void **state)
{
    struct dataset *t = given_truth(TRUTH);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct dataset *d = NULL;
        int r = given_read(refused[i].text, refused[i].is_truth ? NULL : t, &d);
        if (r != refused[i].code)
            fail_msg("row %zu: %d (%s)", i, r, r < 0 ? err_message(r) : "taken");
        if (!strstr(err_message(r), refused[i].part))
            fail_msg("row %zu: \"%s\" says nothing of \"%s\"", i, err_message(r), refused[i].part);
        assert_null(d);
    }
    dataset_destroy(t);
}

static void test_files(void **state)
{
    struct dataset *d = NULL;
    assert_int_equal(dataset_read("/nowhere/x", DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &d),
                     ERR_NOT_FOUND);
    assert_int_equal(dataset_read("/proc/self/task", DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &d),
                     ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "directory"));
    // forced: an empty file of MOT results is no detections
    struct dataset *t = given_truth(TRUTH);
    assert_int_equal(given_read_as("", DATASET_MOT, t, &d), 0);
    assert_int_equal(d->n_objects, 0);
    assert_int_equal(d->n_judged, 2);
    dataset_destroy(d);
    assert_int_equal(given_read_as("1,1,1,1,1,1", DATASET_COCO, t, &d), ERR_DATA);
    dataset_destroy(t);
}

static void test_mot(void **state)
{
    struct dataset *t = given_truth("2,4,10,20,30,40,1,1,0.9\n4,-1,1,2,3,4,0,1,1\n"
                                    "4,1,1,2,3,4,1,8,1\n4,1,1,2,3,4,1,9,1\n");
    assert_string_equal(t->classes[0].name, "person");
    assert_int_equal(t->n_pictures, 4); // also the ones without rows
    assert_int_equal(t->pictures[3].frame, 3);
    assert_int_equal(t->n_objects, 3);
    assert_int_equal(t->objects[0].picture, 1); // frame 2 is our frame 1
    assert_int_equal(t->objects[0].track_id, 4);
    assert_false(t->objects[0].ignore);
    assert_true(t->objects[1].ignore && t->objects[1].crowd); // flag 0
    assert_true(t->objects[2].ignore && t->objects[2].crowd); // distractor
    struct dataset *d = given_detections("2,-1,1,2,3,4,0.25,-1,-1,-1\n", t);
    assert_int_equal(d->objects[0].picture, 1);
    assert_true(d->objects[0].confidence == 0.25);
    assert_null(d->judged);
    assert_int_equal(d->n_judged, 4);
    dataset_destroy(d);
    // a detector's own word for people
    d = given_detections(HEADER "{\"type\":\"frame\",\"frame\":1,\"detections\":[" FOUND(
                             "pedestrian") "," FOUND("person") "]}\n" SUMMARY,
                         t);
    assert_int_equal(d->n_objects, 2);
    assert_int_equal(d->n_judged, 1);
    assert_true(d->judged[1]);
    assert_true(d->objects[0].x == (double)0.1f); // float32, as it was written
    dataset_destroy(d);
    dataset_destroy(t);
    // results without classes need a truth that leaves no choice
    t = given_truth("{\"images\":[{\"id\":1}],\"annotations\":[],\"categories\":[{\"id\":1,"
                    "\"name\":\"cat\"},{\"id\":2,\"name\":\"dog\"}]}");
    d = NULL;
    assert_int_equal(given_read("1,-1,1,2,3,4,1,-1,-1,-1\n", t, &d), ERR_DATA);
    dataset_destroy(t);
}

static void test_long_input(void **state)
{
    // longer than the buffers of the readers, with lines across their borders
    struct str_buf text = STR_BUF_INIT(64 * MIB);
    for (int i = 1; i <= 20000; i++)
        str_buf_printf(&text, "%d,-1,10,20,30,40,1,-1,-1,-1\n", i);
    struct dataset *t = given_truth(str_buf_text(&text));
    assert_int_equal(t->n_objects, 20000);
    assert_int_equal(t->objects[19999].picture, 19999);
    dataset_destroy(t);
    str_buf_reset(&text);
    str_buf_puts(&text, "1,-1,10,20,30,40,1\n1,1,");
    for (int i = 0; i < DATASET_MAX_LINE; i++)
        str_buf_putc(&text, '1');
    assert_int_equal(str_buf_check(&text), 0);
    struct dataset *d = NULL;
    assert_int_equal(given_read(str_buf_text(&text), NULL, &d), ERR_TOO_BIG);
    assert_non_null(strstr(err_message(ERR_TOO_BIG), "line 2"));
    str_buf_finish(&text);
}

// Every allocation of every reader fails once: an error, and nothing leaks.
static void test_out_of_memory(void **state)
{
    static const char *const truths[] = {TRUTH, "1,1,10,20,30,40,1,1,1\n"};
    static const char *const found[] = {
        "[{\"image_id\":2,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1},"
        "{\"image_id\":8,\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1}]",
        "1,-1,10,20,30,40,1,-1,-1,-1\n",
        HEADER "{\"type\":\"frame\",\"frame\":0,\"file\":\"a\",\"detections\":[" FOUND(
            "car") "," FOUND("x") "]}\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(truths) + ARRAY_LEN(found); i++) {
        const bool is_truth = i < ARRAY_LEN(truths);
        struct dataset *t = is_truth ? NULL : given_truth(TRUTH);
        bool failed = true;
        for (long n = 1; failed; n++) {
            struct dataset *d = NULL;
            assert_true(n < 1000);
            mem_test_fail_at(n);
            int r = given_read(is_truth ? truths[i] : found[i - ARRAY_LEN(truths)], t, &d);
            failed = !mem_test_fail_pending();
            mem_test_fail_at(0);
            if (r != (failed ? ERR_NOMEM : 0))
                fail_msg("file %zu, allocation %ld: %d", i, n, r);
            dataset_destroy(d);
        }
        dataset_destroy(t);
    }
}

// Texts, numbers and truth values stay; what is no such value goes. Equal lists are one.
static void test_attributes(void **state)
{
    struct dataset *d = given_truth(
        "{\"images\":[{\"id\":1,\"attributes\":{\"weather\":\"rain\"}},{\"id\":2}],"
        "\"categories\":[{\"id\":1,\"name\":\"a\"}],\"annotations\":["
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],"
        "\"attributes\":{\"occluded\":true,\"age\":3,\"deep\":{\"a\":[1]},\"none\":null}},"
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"attributes\":\"text\"},"
        "{\"image_id\":2,\"category_id\":1,\"bbox\":[0,0,1,1],"
        "\"attributes\":{\"occluded\":true,\"age\":3}}]}");
    const struct dataset_object *o = d->objects;
    assert_string_equal(dataset_attribute(d, o[0].attributes, "occluded"), "true");
    assert_string_equal(dataset_attribute(d, o[0].attributes, "age"), "3");
    assert_null(dataset_attribute(d, o[0].attributes, "deep"));
    assert_null(dataset_attribute(d, o[0].attributes, "none"));
    assert_int_equal(o[1].attributes, 0);
    assert_int_equal(o[2].attributes, o[0].attributes);
    assert_string_equal(dataset_attribute(d, d->pictures[0].attributes, "weather"), "rain");
    assert_null(dataset_attribute(d, d->pictures[1].attributes, "weather"));
    dataset_destroy(d);
}

// More lists than the tables begin with.
static void test_many_attributes(void **state)
{
    struct str_buf text = STR_BUF_INIT(4 * MIB);
    str_buf_puts(&text, "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1,\"name\":\"a\"}],"
                        "\"annotations\":[");
    for (int i = 0; i < 1000; i++)
        str_buf_printf(&text,
                       "%s{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],"
                       "\"attributes\":{\"n\":%d,\"odd\":%s}}",
                       i ? "," : "", i / 2, i / 2 % 2 ? "true" : "false");
    str_buf_puts(&text, "]}");
    struct dataset *d = given_truth(str_buf_text(&text));
    assert_int_equal(d->n_attributes, 1 + 500 + 500);
    for (int i = 0; i < 1000; i++) {
        int64_t n;
        assert_int_equal(
            str_to_i64(str_of(dataset_attribute(d, d->objects[i].attributes, "n")), &n), 0);
        assert_int_equal(n, i / 2);
    }
    dataset_destroy(d);
    str_buf_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_mot),
        cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_many_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
