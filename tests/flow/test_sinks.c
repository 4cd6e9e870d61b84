// SPDX-License-Identifier: Apache-2.0
// test_sinks.c - what each format writes, which file it goes to, and which classes users name.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/sink.h"
#include "app/sink_path.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "infer/model.h"
#include "pipeline/classes.h"
#include "vision/frame.h"
#include "vision/labels.h"

static const char *const labels[] = {"person", "say \"hi\", car", "line\nfeed"};
static const struct model_info model = {
    .path = "m.onnx",
    .sha256 = "00",
    .head_name = "yolov8",
    .input = {.width = 64, .height = 32},
    .labels = labels,
    .n_labels = 3,
};
static const struct model_info coco_model = {
    .path = "m.onnx", .head_name = "yolov8", .labels = labels_coco80, .n_labels = 80};
static const struct source_info video = {.kind = SOURCE_VIDEO,
                                         .path = "a\x1b\"b.mp4",
                                         .container = "mp4",
                                         .codec = "h264",
                                         .width = 640,
                                         .height = 480,
                                         .frame_rate_num = 30000,
                                         .frame_rate_den = 1001,
                                         .time_base_num = 1,
                                         .time_base_den = 90000};
static const struct detection two[] = {
    {.box = {0.1f, 2, 10.5f, 22}, .confidence = 0.9f, .class_id = 1, .track_id = 7},
    {.box = {0, 0, 640, 480}, .confidence = 1e-3f, .class_id = 2},
};

static char folder[] = "/tmp/assay-sinks-XXXXXX";

static char *path_in_folder(const char *name)
{
    struct str_buf b = STR_BUF_INIT(4 * KIB);
    str_buf_printf(&b, "%s/%s", folder, name);
    return str_buf_take(&b);
}

// Two frames, the second one empty, through a sink; what the file holds then.
static char *written(enum sink_kind kind, const struct model_info *m, char *file)
{
    char *path = path_in_folder("out");
    struct sink *s;
    assert_int_equal(sink_create(kind, path, &(struct sink_about){.model = m}, &s), 0);
    struct pipeline_sink calls = sink_calls(s);
    struct frame f = {.ordinal = 4, .pts_us = 133467, .file = file};
    f.letterbox.src_width = 640;
    f.letterbox.src_height = 480;
    assert_int_equal(calls.begin(calls.arg, &video), 0);
    assert_int_equal(calls.frame(calls.arg, &f, two, 2), 0);
    f.ordinal = 5;
    assert_int_equal(calls.frame(calls.arg, &f, NULL, 0), 0);
    assert_false(file_exists(path)); // only the part is there
    struct pipeline_summary sum = {.frames = {6, 2, 4, 0, 0, 1}, .n_detections = 2, .seconds = 0.5};
    assert_int_equal(calls.end(calls.arg, &sum), 0);
    sink_destroy(s);
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, MIB, &bytes, &n), 0);
    unlink(path);
    mem_free(path);
    return bytes;
}

static void test_formats(void **state)
{
    static char numbered[] = "d/000042.jpg";
    static char named[] = "d/bus.tar.jpg";
    const struct {
        enum sink_kind kind;
        const struct model_info *model;
        char *file;
        const char *wanted;
    } rows[] = {
        {SINK_JSONL, &model, NULL,
         "{\"type\":\"header\",\"assay\":\"" ASSAY_VERSION
         "\",\"source\":{\"path\":\"a\\u001b\\\"b.mp4\",\"stream_index\":0,\"width\":640,"
         "\"height\":480,\"frame_rate\":\"30000/1001\",\"time_base\":\"1/90000\",\"container\":"
         "\"mp4\",\"codec\":\"h264\",\"rotation\":0},\"model\":{\"path\":\"m.onnx\",\"sha256\":"
         "\"00\",\"head\":\"yolov8\",\"input\":{\"width\":64,\"height\":32},\"labels\":[\"person\","
         "\"say \\\"hi\\\", car\",\"line\\nfeed\"]},\"settings\":{}}\n"
         "{\"type\":\"frame\",\"frame\":4,\"pts_us\":133467,\"detections\":[{\"class_id\":1,"
         "\"label\":\"say \\\"hi\\\", car\",\"confidence\":0.9,\"bounding_box\":{\"x\":0.1,\"y\":2,"
         "\"width\":10.4,\"height\":20},\"track_id\":7},{\"class_id\":2,\"label\":\"line\\nfeed\","
         "\"confidence\":0.001,\"bounding_box\":{\"x\":0,\"y\":0,\"width\":640,\"height\":480}}]}\n"
         "{\"type\":\"frame\",\"frame\":5,\"pts_us\":133467,\"detections\":[]}\n"
         "{\"type\":\"summary\",\"frames\":{\"decoded\":6,\"inferred\":2,\"skipped\":4,"
         "\"dropped\":0,\"failed\":0,\"undecodable\":1},\"detections\":2,\"seconds\":0.5,"
         "\"frames_per_second\":4,\"source_sha256\":null,\"interrupted\":false}\n"},
        {SINK_COCO, &model, NULL,
         "[\n{\"image_id\":5,\"category_id\":2,\"bbox\":[0.1,2,10.4,20],\"score\":0.9,"
         "\"track_id\":7},\n{\"image_id\":5,\"category_id\":3,\"bbox\":[0,0,640,480],"
         "\"score\":0.001}\n]\n"},
        {SINK_COCO, &coco_model, numbered,
         "[\n{\"image_id\":42,\"category_id\":2,\"bbox\":[0.1,2,10.4,20],\"score\":0.9,"
         "\"track_id\":7},\n{\"image_id\":42,\"category_id\":3,\"bbox\":[0,0,640,480],"
         "\"score\":0.001}\n]\n"},
        {SINK_COCO, &model, named,
         "[\n{\"image_id\":\"bus.tar\",\"category_id\":2,\"bbox\":[0.1,2,10.4,20],\"score\":0.9,"
         "\"track_id\":7},\n{\"image_id\":\"bus.tar\",\"category_id\":3,\"bbox\":[0,0,640,480],"
         "\"score\":0.001}\n]\n"},
        {SINK_CSV, &model, numbered,
         "frame,pts_us,file,class_id,label,confidence,x,y,width,height,track_id\n"
         "4,133467,d/000042.jpg,1,\"say \"\"hi\"\", car\",0.9,0.1,2,10.4,20,7\n"
         "4,133467,d/000042.jpg,2,\"line feed\",0.001,0,0,640,480,\n"},
        {SINK_MOT, &model, NULL,
         "5,7,0.1,2,10.4,20,0.9,-1,-1,-1\n5,-1,0,0,640,480,0.001,-1,-1,-1\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = written(rows[i].kind, rows[i].model, rows[i].file);
        assert_string_equal(text, rows[i].wanted);
        mem_free(text);
    }
}

// COCO leaves 12 out: index 11, the stop sign, is category 13.
static void test_coco_ids_have_holes(void **state)
{
    char *path = path_in_folder("out");
    struct sink *s;
    assert_int_equal(sink_create(SINK_COCO, path, &(struct sink_about){.model = &coco_model}, &s),
                     0);
    struct pipeline_sink calls = sink_calls(s);
    struct frame f = {0};
    struct detection d = {.class_id = 11};
    assert_int_equal(calls.begin(calls.arg, &video), 0);
    assert_int_equal(calls.frame(calls.arg, &f, &d, 1), 0);
    assert_int_equal(calls.end(calls.arg, &(struct pipeline_summary){0}), 0);
    sink_destroy(s);
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, MIB, &bytes, &n), 0);
    assert_non_null(strstr(bytes, "\"category_id\":13"));
    mem_free(bytes);
    mem_free(path);
}

// What was not ended leaves nothing; what failed leaves nothing and is sticky.
static void test_failing_writes(void **state)
{
    char *path = path_in_folder("gone");
    char *part = path_in_folder("gone.part");
    struct sink *s;
    const struct sink_about about = {.model = &model};
    assert_int_equal(sink_create(SINK_JSONL, path, &about, &s), 0);
    struct pipeline_sink calls = sink_calls(s);
    assert_int_equal(calls.begin(calls.arg, &video), 0);
    assert_true(file_exists(part));
    sink_destroy(s);
    assert_false(file_exists(part));
    assert_false(file_exists(path));

    assert_int_equal(sink_create(SINK_JSONL, "/dev/full", &about, &s), 0);
    calls = sink_calls(s);
    assert_int_equal(calls.begin(calls.arg, &video), ERR_NOSPACE);
    assert_non_null(strstr(err_message(ERR_NOSPACE), "/dev/full"));
    assert_int_equal(calls.end(calls.arg, &(struct pipeline_summary){.error = ERR_NOSPACE}), 0);
    sink_destroy(s);

    char *nowhere = path_in_folder("no/such/folder.jsonl");
    assert_int_equal(sink_create(SINK_JSONL, nowhere, &about, &s), 0);
    calls = sink_calls(s);
    assert_int_equal(calls.begin(calls.arg, &video), ERR_NOT_FOUND);
    assert_null(strstr(err_message(ERR_NOT_FOUND), ".part")); // the name that was asked for
    assert_int_equal(calls.end(calls.arg, &(struct pipeline_summary){.error = ERR_NOT_FOUND}), 0);
    sink_destroy(s);
    assert_int_equal(sink_create(SINK_MP4, "-", &about, &s), ERR_INVALID);
    mem_free(nowhere);
    mem_free(part);
    mem_free(path);
}

static void test_paths(void **state)
{
    char *out = path_in_folder("many");
    static const char *const sources[] = {"a/clip.mp4",  "b/clip.mkv",           "frames/",
                                          "img%06d.jpg", "http://h/v.mp4?k=a/b", ".",
                                          "x.tar.gz"};
    static const char *const wanted[] = {"clip.jsonl",    "clip-2.jsonl", "frames.jsonl",
                                         "img%06d.jsonl", "v.jsonl",      "source.jsonl",
                                         "x.tar.jsonl"};
    struct arena *a;
    assert_int_equal(arena_create(0, &a), 0);
    struct sink_paths paths;
    assert_int_equal(sink_paths_make(out, SINK_UNSET, sources, ARRAY_LEN(sources), a, &paths), 0);
    assert_true(file_is_directory(out));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_string_equal(paths.paths[i] + strlen(out) + 1, wanted[i]);
    rmdir(out);

    const struct {
        const char *out;
        enum sink_kind format;
        size_t n;
        int r;
        enum sink_kind kind;
    } rows[] = {
        {NULL, SINK_UNSET, 1, 0, SINK_JSONL},         {"-", SINK_CSV, 1, 0, SINK_CSV},
        {"x.json", SINK_UNSET, 1, 0, SINK_COCO},      {"x.txt", SINK_UNSET, 1, 0, SINK_MOT},
        {"x.mp4", SINK_UNSET, 1, 0, SINK_MP4},        {"x.any", SINK_CSV, 1, 0, SINK_CSV},
        {"x.any", SINK_UNSET, 1, ERR_INVALID, 0},     {NULL, SINK_UNSET, 2, ERR_INVALID, 0},
        {"-", SINK_UNSET, 2, ERR_INVALID, 0},         {"/dev/null", SINK_UNSET, 2, ERR_INVALID, 0},
        {"two.jsonl", SINK_UNSET, 2, ERR_INVALID, 0}, {"two.mp4", SINK_CSV, 2, ERR_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = sink_paths_make(rows[i].out, rows[i].format, sources, rows[i].n, a, &paths);
        assert_int_equal(r, rows[i].r);
        if (r == 0)
            assert_int_equal(paths.kind, rows[i].kind);
    }
    // A source is never overwritten by its own result.
    char *clip = path_in_folder("clip.mp4");
    FILE *f = fopen(clip, "w");
    assert_non_null(f);
    fclose(f);
    const char *const self[] = {clip};
    assert_int_equal(sink_paths_make(clip, SINK_UNSET, self, 1, a, &paths), ERR_EXISTS);
    assert_int_equal(sink_paths_make(folder, SINK_MP4, self, 1, a, &paths), ERR_EXISTS);
    unlink(clip);
    mem_free(clip);
    arena_destroy(a);
    mem_free(out);
}

static void test_classes(void **state)
{
    static const char *const names[] = {"person", "traffic light", "a=b"};
    struct arena *a;
    assert_int_equal(arena_create(0, &a), 0);
    bool *wanted;
    assert_int_equal(classes_select(NULL, names, 3, a, &wanted), 0);
    assert_null(wanted);
    assert_int_equal(classes_select("traffic light, person", names, 3, a, &wanted), 0);
    assert_true(wanted[0] && wanted[1] && !wanted[2]);
    assert_int_equal(classes_select("persn", names, 3, a, &wanted), ERR_INVALID);
    assert_non_null(strstr(err_message(ERR_INVALID), "'person'"));

    const char *texts[] = {"person=0.5,a=b=0.25"};
    struct opt_list list = {texts, 1};
    float *floors;
    assert_int_equal(classes_floors(&list, 0.1, names, 3, a, &floors), 0);
    assert_true(floors[0] == 0.5f && floors[1] == 0.1f && floors[2] == 0.25f);
    static const char *const broken[] = {"person",  "person=",    "person=2",      "person=-0.1",
                                         "car=0.5", "person=nan", "@/no/such/file"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        texts[0] = broken[i];
        int r = classes_floors(&list, 0.1, names, 3, a, &floors);
        assert_true(r == ERR_INVALID || r == ERR_NOT_FOUND);
    }
    char *path = path_in_folder("thresholds.txt");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("# by hand\r\nperson=0.75\r\n\n  a=b = 0.5\n", f);
    fclose(f);
    texts[0] = arena_printf(a, "@%s", path);
    assert_int_equal(classes_floors(&list, 0.1, names, 3, a, &floors), 0);
    assert_true(floors[0] == 0.75f && floors[1] == 0.1f && floors[2] == 0.5f);
    unlink(path);
    mem_free(path);
    arena_destroy(a);
}

static int set_up(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char *out = path_in_folder("out");
    unlink(out);
    mem_free(out);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),        cmocka_unit_test(test_coco_ids_have_holes),
        cmocka_unit_test(test_failing_writes), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
