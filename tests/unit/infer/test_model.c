// SPDX-License-Identifier: Apache-2.0
// test_model.c - reading ONNX files, hostile ones too, and recognising what they are.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/model.h"
#include "infer/model_priv.h"
#include "nn/onnx_read.h"
#include "unit/infer/onnx_build.h"

enum {
    FLOAT = 1,
    INT64 = 7,
};

static char folder[64];
static char inner[80]; // a folder in it: the model's own

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/assay-model-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(inner, sizeof(inner), "%s/m", folder);
    return mkdir(inner, 0700);
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"m/model.onnx", "m/w.bin", "m/empty.bin", "m/link.bin", "m",
                                        "outside.bin",  ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[160];
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        IGNORE(remove(path)); // whatever a test made of it
    }
    return 0;
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static int open_built(struct str_buf *graph, const char *key, const char *value,
                      const struct model_opts *more, struct model **ret_model)
{
    char path[160];
    struct model_opts opts = more ? *more : (struct model_opts){0};
    struct str_buf file = onnx_file(graph);
    if (key)
        onnx_put_pair(&file, 14, key, value);
    write_file("m/model.onnx", file.p, file.n);
    str_buf_finish(&file);
    snprintf(path, sizeof(path), "%s/model.onnx", inner);
    opts.path = path;
    return model_open(&opts, ret_model);
}

static void expect_error(int r, int code, const char *part)
{
    assert_int_equal(r, code);
    if (!strstr(err_message(r), part))
        fail_msg("'%s' does not say '%s'", err_message(r), part);
}

// --- the test data's files ---

static const char *data_file(const char *name, char *room, size_t n)
{
    const char *data = getenv("ASSAY_TEST_DATA");
    snprintf(room, n, "%s/%s", data ? data : "", name);
    if (access(room, R_OK) != 0) {
        print_message("ASSAY_TEST_DATA has no %s\n", name);
        skip();
    }
    return room;
}

static void real_models_are_recognised(void **state)
{
    static const struct {
        const char *file;
        enum head_kind head;
        int size;
        bool bgr;
        enum letterbox_rule rule;
        const char *labels_from;
    } rows[] = {
        {"FastestDet_352", HEAD_FASTESTDET, 352, true, LETTERBOX_STRETCH, "COCO"},
        {"deimv2_atto_coco_int8", HEAD_DETR, 320, false, LETTERBOX_STRETCH, "COCO"},
        {"nanodet_m_416", HEAD_NANODET, 416, true, LETTERBOX_STRETCH, "COCO"},
        {"picodet_s_320_coco", HEAD_PICODET, 320, false, LETTERBOX_STRETCH, "COCO"},
        {"yolo11n_int8_320", HEAD_YOLOV8, 320, false, LETTERBOX_CENTRE, "metadata"},
        {"yolo26n_int8_640_e2e", HEAD_END_TO_END, 640, false, LETTERBOX_CENTRE, "metadata"},
        {"yolov5n_fp16", HEAD_YOLOV5, 640, false, LETTERBOX_CENTRE, "COCO"},
        {"yolov8n_fp32_640", HEAD_YOLOV8, 640, false, LETTERBOX_CENTRE, "metadata"},
        {"yolov8n_int8_640", HEAD_YOLOV8, 640, false, LETTERBOX_CENTRE, "metadata"},
        {"yolox_nano_416", HEAD_YOLOX, 416, true, LETTERBOX_TOP_LEFT, "COCO"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[128];
        char path[512];
        snprintf(name, sizeof(name), "models/%s.onnx", rows[i].file);
        struct model_opts opts = {.path = data_file(name, path, sizeof(path))};
        struct model *m;
        int r = model_open(&opts, &m);
        if (r < 0)
            fail_msg("%s", err_message(r));
        const struct model_info *info = model_info(m);
        assert_int_equal(info->head, rows[i].head);
        assert_int_equal(info->input.width, rows[i].size);
        assert_int_equal(info->input.bgr, rows[i].bgr);
        assert_int_equal(info->input.rule, rows[i].rule);
        assert_int_equal(info->n_labels, 80);
        assert_string_equal(info->labels[5], "bus");
        assert_ptr_equal(strstr(info->labels_from, rows[i].labels_from), info->labels_from);
        model_unref(&m);
        assert_null(m);
    }
}

static void hostile_models_are_refused(void **state)
{
    static const struct {
        const char *file, *says;
    } rows[] = {
        {"lfs_pointer_yolox.onnx", "Git-LFS pointer"},
        {"zero_byte.onnx", "empty (0 bytes)"},
        {"two_bytes.onnx", "only 2 bytes"},
        {"missing_external_data.onnx", "'nanodet.onnx.data', which is missing"},
        {"empty_external_data.onnx", "no detector"},
        {"empty_external_data.onnx", "are empty (0 bytes)"},
        {"not_a_detector_reid.onnx", "[1,256] is no known detection head"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[128];
        char path[512];
        snprintf(name, sizeof(name), "models_hostile/%s", rows[i].file);
        struct model_opts opts = {.path = data_file(name, path, sizeof(path))};
        struct model *m;
        expect_error(model_open(&opts, &m), ERR_MODEL, rows[i].says);
    }
}

// --- built files ---

static struct str_buf picture_graph(const int64_t *dims)
{
    struct str_buf g = PB_INIT;
    onnx_put_node(&g, "Identity", "images", "output0");
    onnx_put_value(&g, 11, "images", FLOAT, dims);
    return g;
}

static const int64_t nchw_640[] = {1, 3, 640, 640, 0};

static void shapes_tell_heads(void **state)
{
    static const struct {
        int64_t dims[5];
        const char *names;   // metadata
        enum head_kind head; // UNSET: refused
        int n_classes;
        const char *says;
    } rows[] = {
        {{1, 84, 8400}, NULL, HEAD_YOLOV8, 80, NULL},
        {{1, 5, 8400}, NULL, HEAD_YOLOV8, 1, NULL},
        {{-1, 7, -1}, "{0: 'a', 1: 'b', 2: 'c'}", HEAD_YOLOV8, 3, NULL},
        {{1, 25200, 85}, NULL, HEAD_YOLOV5, 80, NULL},
        {{1, 25200, 6}, NULL, HEAD_YOLOV5, 1, NULL},
        {{1, 8400, 7}, "['a', 'b', 'c']", HEAD_YOLOV8, 3, NULL},
        {{1, 8400, 12}, NULL, HEAD_UNSET, 0, "say which with --head"},
        {{1, 84, 8400}, "{0: 'a'}", HEAD_UNSET, 0, "metadata names 1 classes"},
        {{1, 7, 8400}, "{0: 'a', 1: 'b'}", HEAD_UNSET, 0, "room for 3 (an angle"},
        {{1, 56, 8400}, "{0: 'person'}", HEAD_UNSET, 0, "room for 52 (key points"},
        {{1, 1, 100, 7}, NULL, HEAD_SSD_CAFFE, 0, NULL},
        {{1, 1000}, NULL, HEAD_UNSET, 0, "[1,1000] is no known detection head"},
        {{1, 300, 6}, NULL, HEAD_UNSET, 0, "fits several heads (end-to-end"},
        {{1, 300, 6}, "{0: 'a', 1: 'b'}", HEAD_UNSET, 0, "say which with --head"},
        {{1, 300, 84}, NULL, HEAD_UNSET, 0, "detr: a box and 80 classes"},
        {{1, 40, 97}, NULL, HEAD_UNSET, 0, "no known detection head"}, // reads letters
        {{1, 4, 8400}, NULL, HEAD_UNSET, 0, "no room for classes"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf g = picture_graph(nchw_640);
        onnx_put_value(&g, 12, "output0", FLOAT, rows[i].dims);
        struct model *m;
        int r = open_built(&g, rows[i].names ? "names" : NULL, rows[i].names, NULL, &m);
        if (rows[i].head == HEAD_UNSET) {
            expect_error(r, ERR_MODEL, rows[i].says);
            continue;
        }
        if (r < 0)
            fail_msg("row %zu: %s", i, err_message(r));
        assert_int_equal(model_info(m)->head, rows[i].head);
        if (rows[i].n_classes)
            assert_int_equal(model_info(m)->n_labels, rows[i].n_classes);
        model_unref(&m);
    }
}

static void head_option_decides(void **state)
{
    static const int64_t rows[] = {1, 8400, 12, 0};
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct str_buf g = picture_graph(nchw_640);
        onnx_put_value(&g, 12, "output0", FLOAT, rows);
        struct model_opts opts = {.head = k ? HEAD_YOLOX : HEAD_YOLOV8};
        struct model *m;
        assert_int_equal(open_built(&g, NULL, NULL, &opts, &m), 0);
        assert_int_equal(model_info(m)->head, opts.head);
        assert_int_equal(model_info(m)->n_labels, k ? 7 : 8);
        model_unref(&m);
    }
    enum head_kind head;
    assert_int_equal(head_parse("detr", &head), 0);
    assert_int_equal(head, HEAD_DETR);
    expect_error(head_parse("frcnn", &head), ERR_INVALID, "yolox-decoded");
}

static void tasks_and_sizes_are_checked(void **state)
{
    static const int64_t v8[] = {1, 84, 8400, 0};
    static const int64_t open_size[] = {1, 3, -1, -1, 0};
    struct model *m;
    (void)state;
    struct str_buf g = picture_graph(nchw_640);
    onnx_put_value(&g, 12, "output0", FLOAT, v8);
    expect_error(open_built(&g, "task", "obb", NULL, &m), ERR_MODEL, "rotated boxes");
    struct model_opts opts = {.imgsz = 320};
    g = picture_graph(nchw_640);
    onnx_put_value(&g, 12, "output0", FLOAT, v8);
    expect_error(open_built(&g, NULL, NULL, &opts, &m), ERR_INVALID, "fixed at 640");
    g = picture_graph(open_size);
    onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 84, -1, 0});
    opts.imgsz = 330;
    expect_error(open_built(&g, NULL, NULL, &opts, &m), ERR_INVALID, "352 would be");
    g = picture_graph(open_size);
    onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 84, -1, 0});
    assert_int_equal(open_built(&g, "imgsz", "[256, 512]", NULL, &m), 0);
    assert_int_equal(model_info(m)->input.height, 256);
    assert_int_equal(model_info(m)->input.width, 512);
    model_unref(&m);
}

static void ssd_and_detr_by_names(void **state)
{
    struct model *m;
    (void)state;
    struct str_buf g = picture_graph((const int64_t[]){1, -1, -1, 3, 0});
    onnx_put_value(&g, 12, "detection_boxes:0", FLOAT, (const int64_t[]){1, 100, 4, 0});
    onnx_put_value(&g, 12, "detection_classes:0", FLOAT, (const int64_t[]){1, 100, 0});
    onnx_put_value(&g, 12, "detection_scores:0", FLOAT, (const int64_t[]){1, 100, 0});
    onnx_put_value(&g, 12, "num_detections:0", FLOAT, (const int64_t[]){1, 0});
    assert_int_equal(open_built(&g, NULL, NULL, NULL, &m), 0);
    assert_int_equal(model_info(m)->head, HEAD_SSD_TF);
    assert_true(model_info(m)->input.nhwc);
    assert_string_equal(model_info(m)->labels[90], "toothbrush");
    model_unref(&m);
    g = picture_graph(nchw_640);
    onnx_put_value(&g, 11, "orig_target_sizes", INT64, (const int64_t[]){1, 2, 0});
    onnx_put_value(&g, 12, "labels", INT64, (const int64_t[]){1, 300, 0});
    onnx_put_value(&g, 12, "boxes", FLOAT, (const int64_t[]){1, 300, 4, 0});
    onnx_put_value(&g, 12, "scores", FLOAT, (const int64_t[]){1, 300, 0});
    assert_int_equal(open_built(&g, NULL, NULL, NULL, &m), 0);
    assert_int_equal(model_info(m)->head, HEAD_DETR);
    model_unref(&m);
}

static void external_data_stays_inside(void **state)
{
    static const struct {
        const char *location;
        const char *says; // NULL: accepted
    } rows[] = {
        {"w.bin", NULL},
        {"./w.bin", NULL},
        {"gone.bin", "is missing"},
        {"empty.bin", "is empty (0 bytes)"},
        {"../outside.bin", "lies outside the model's folder"},
        {"a/../../outside.bin", "lies outside the model's folder"},
        {"/etc/passwd", "lies outside the model's folder"},
        {"link.bin", "is a link out of the model's folder"},
        {"", "without a location"},
        {".", "is no file name"},
    };
    static const float weights[4] = {1, 2, 3, 4};
    char from[160];
    char to[160];
    (void)state;
    write_file("outside.bin", weights, sizeof(weights));
    write_file("m/w.bin", weights, sizeof(weights));
    write_file("m/empty.bin", "", 0);
    snprintf(from, sizeof(from), "%s/outside.bin", folder);
    snprintf(to, sizeof(to), "%s/link.bin", inner);
    assert_int_equal(symlink(from, to), 0);
    for (size_t i = 0; i <= ARRAY_LEN(rows); i++) {
        bool last = i == ARRAY_LEN(rows); // one float more than there is
        struct str_buf g = picture_graph(nchw_640);
        onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 84, 8400, 0});
        onnx_put_external(&g, last ? "w.bin" : rows[i].location, last ? 5 : 4);
        struct model *m;
        int r = open_built(&g, NULL, NULL, NULL, &m);
        if (last) {
            expect_error(r, ERR_MODEL, "too short");
        } else if (rows[i].says) {
            expect_error(r, ERR_MODEL, rows[i].says);
        } else {
            assert_int_equal(r, 0);
            model_unref(&m);
        }
    }
}

// External data in a subgraph of an attribute counts too.
static void external_data_is_found_anywhere(void **state)
{
    (void)state;
    struct str_buf sub = PB_INIT;
    onnx_put_external(&sub, "../outside.bin", 4);
    struct str_buf attribute = PB_INIT;
    pb_put_text(&attribute, 1, "body");
    pb_put_message(&attribute, 6, &sub);
    struct str_buf node = PB_INIT;
    pb_put_text(&node, 4, "Loop");
    pb_put_message(&node, 5, &attribute);
    struct str_buf g = picture_graph(nchw_640);
    pb_put_message(&g, 1, &node);
    onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 84, 8400, 0});
    struct model *m;
    expect_error(open_built(&g, NULL, NULL, NULL, &m), ERR_MODEL, "outside the model's folder");
}

static void broken_bytes_are_refused(void **state)
{
    (void)state;
    struct str_buf g = picture_graph(nchw_640);
    onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 84, 8400, 0});
    struct str_buf file = onnx_file(&g);
    // Every cut is an error or a shorter model, never a crash.
    for (size_t n = 0; n < file.n; n++) {
        struct onnx *o = NULL;
        char *exact = (char *)malloc(n + 1);
        memcpy(exact, file.p, n);
        if (onnx_parse(exact, n, "cut", &o) == 0)
            onnx_close(o);
        free(exact);
    }
    // So is every flipped byte.
    for (size_t i = 0; i < file.n; i++) {
        struct onnx *o = NULL;
        file.p[i] = (char)~file.p[i];
        if (onnx_parse(file.p, file.n, "flipped", &o) == 0)
            onnx_close(o);
        file.p[i] = (char)~file.p[i];
    }
    str_buf_finish(&file);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    struct str_buf g = PB_INIT;
    onnx_put_node(&g, "Identity", "a", "b");
    for (int i = 0; i < ONNX_MAX_DEPTH + 2; i++) {
        struct str_buf attribute = PB_INIT;
        pb_put_message(&attribute, 6, &g);
        struct str_buf node = PB_INIT;
        pb_put_message(&node, 5, &attribute);
        pb_put_message(&g, 1, &node);
    }
    struct str_buf file = onnx_file(&g);
    struct onnx *o;
    expect_error(onnx_parse(file.p, file.n, "deep", &o), ERR_MODEL, "nested deeper");
    str_buf_finish(&file);
    g = picture_graph(nchw_640);
    file = onnx_file(&g);
    struct str_buf second = picture_graph(nchw_640);
    pb_put_message(&file, 7, &second);
    expect_error(onnx_parse(file.p, file.n, "two", &o), ERR_MODEL, "two graphs");
    str_buf_finish(&file);
}

static void other_files_are_named(void **state)
{
    static const struct {
        const char *head; // 20 bytes
        const char *says;
    } rows[] = {
        {"\0\0\0\x20"
         "ftypisom\0\0\0\0\0\0\0",
         "an MP4 or QuickTime video"},
        {"\x1a\x45\xdf\xa3"
         "webm\0\0\0\0\0\0\0\0\0\0\0",
         "a Matroska or WebM video"},
        {"RIFF\0\0\0\0"
         "AVI LIST\0\0\0",
         "an AVI video"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct onnx *o;
        expect_error(onnx_parse(rows[i].head, 20, "clip", &o), ERR_MODEL, rows[i].says);
    }
}

static void python_names_are_read(void **state)
{
    static const struct {
        const char *text;
        int n; // -1: refused
        const char *first, *last;
    } rows[] = {
        {"{0: 'person', 1: \"dog's\"}", 2, "person", "dog's"},
        {"{0: 'a\\'b', 2: 'x\\x41\\u00e9\\n'}", 3, "a'b", "xA\xc3\xa9"},
        // not to be stored or shown: no UTF-8, controls, a turn of direction, nothing
        {"{0: 'a\xff', 1: 'b\nc\x1b[31m'}", 2, "a\xef\xbf\xbd", "b?c?[31m"},
        {"{0: '\xe2\x80\xae\x61\xc2\x9b', 1: ' '}", 2, "?a?", "class 1"},
        {"{'0': 'p'}", 1, "p", "p"},
        {"['a', 'b', ]", 2, "a", "b"},
        {"{}", 0, NULL, NULL},
        {"{0: 'a'", -1, NULL, NULL},
        {"{0 'a'}", -1, NULL, NULL},
        {"{99999: 'a'}", -1, NULL, NULL},
        {"{-1: 'a'}", -1, NULL, NULL},
        {"{0: 'a\\", -1, NULL, NULL},
        {"person", -1, NULL, NULL},
        {"", -1, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a;
        const char **labels = NULL;
        int n = 0;
        assert_int_equal(arena_create(0, &a), 0);
        int r = labels_parse_python(str_of(rows[i].text), a, &labels, &n);
        assert_int_equal(r < 0, rows[i].n < 0);
        if (rows[i].n > 0) {
            assert_int_equal(n, rows[i].n);
            assert_string_equal(labels[0], rows[i].first);
            assert_string_equal(labels[n - 1], rows[i].last);
        }
        arena_destroy(a);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    int done = 0;
    for (long at = 1; !done; at++) {
        struct str_buf g = picture_graph(nchw_640);
        onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 6, 8400, 0});
        struct model *m = NULL;
        assert_int_equal(open_built(&g, "names", "{0: 'a', 1: 'b'}", NULL, &m), 0);
        char path[160];
        snprintf(path, sizeof(path), "%s", model_info(m)->path);
        model_unref(&m);
        struct model_opts opts = {.path = path};
        mem_test_fail_at(at);
        int r = model_open(&opts, &m);
        done = mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, done ? 0 : ERR_NOMEM);
        if (r == 0)
            model_unref(&m);
    }
}

static void strangers_text_is_escaped(void **state)
{
    (void)state;
    struct str_buf g = picture_graph(nchw_640);
    onnx_put_value(&g, 12, "output0", FLOAT, (const int64_t[]){1, 5, 8400, 0});
    struct model *m;
    assert_int_equal(open_built(&g, "names", "{0: '\x1b[2Jboo'}", NULL, &m), 0);
    struct str_buf out = STR_BUF_INIT(64 * KIB);
    model_describe(m, &out);
    assert_null(strchr(str_buf_text(&out), '\x1b'));
    assert_non_null(strstr(str_buf_text(&out), "?[2Jboo"));
    str_buf_reset(&out);
    model_describe_json(m, &out);
    assert_null(strchr(str_buf_text(&out), '\x1b'));
    str_buf_finish(&out);
    model_unref(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_models_are_recognised),
        cmocka_unit_test(hostile_models_are_refused),
        cmocka_unit_test(shapes_tell_heads),
        cmocka_unit_test(head_option_decides),
        cmocka_unit_test(tasks_and_sizes_are_checked),
        cmocka_unit_test(ssd_and_detr_by_names),
        cmocka_unit_test(external_data_stays_inside),
        cmocka_unit_test(external_data_is_found_anywhere),
        cmocka_unit_test(broken_bytes_are_refused),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(python_names_are_read),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(strangers_text_is_escaped),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
