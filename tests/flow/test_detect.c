// SPDX-License-Identifier: Apache-2.0
// test_detect.c - real video through a real model into files: the same frame lines whatever the
// batch, threads and company; sums that hold for every ending.

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
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "infer/detector.h"
#include "infer/engine.h"
#include "media/source.h"
#include "pipeline/pipeline.h"

enum {
    MAX_SOURCES = 5,
    N_FRAMES = 12, // of each source, where the company is what matters
    MAX_TEXT = 64 * 1024 * 1024,
};

static char folder[] = "/tmp/assay-detect-XXXXXX";
static struct detector *shared; // FastestDet, two threads

static char *text_of(const char *format, const char *a, const char *b)
{
    struct str_buf t = STR_BUF_INIT(8 * KIB);
    for (const char *p = format; *p; p++) {
        if (*p == '1')
            str_buf_puts(&t, a);
        else if (*p == '2')
            str_buf_puts(&t, b);
        else
            str_buf_putc(&t, *p);
    }
    return str_buf_take(&t);
}

static char *in_folder(const char *name)
{
    return text_of("1/2", folder, name);
}

// A file of the test data; the test is skipped where it is absent.
static char *data(const char *name)
{
    const char *root = getenv("ASSAY_TEST_DATA");
    char *path = text_of("1/2", root ? root : "", name);
    if (!root || !file_exists(path)) {
        print_message("skipped: no test data (%s)\n", name);
        mem_free(path);
        skip();
    }
    return path;
}

// Of engine_choices. Under the thread sanitizer the native engine takes minutes for what is looked
// at here, the threads around it; flow/engines_agree and nn/plan watch its own.
#if defined(__SANITIZE_THREAD__)
#define ENGINE 2 // onnxruntime
#else
#define ENGINE 0 // auto
#endif

static struct detector *detector_of(const char *model_name, int64_t batch, int64_t threads)
{
    char *path = data(model_name);
    struct model *model;
    assert_int_equal(model_open(&(struct model_opts){.path = path}, &model), 0);
    mem_free(path);
    struct detector *d = NULL;
    const struct engine_opts opts = {.engine = ENGINE, .batch = batch, .threads = threads};
    int r = detector_create(model, &opts, &d);
    model_unref(&model);
    if (r == ERR_UNAVAILABLE) {
        print_message("skipped: %s\n", err_message(r));
        skip();
    }
    assert_int_equal(r, 0);
    return d;
}

static struct detector *shared_detector(void)
{
    if (!shared)
        shared = detector_of("models/FastestDet_352.onnx", 0, 2);
    return shared;
}

// --- one run

struct item {
    struct source_opts opts;
    const char *out;
    struct pipeline_sink file;
    struct pipeline_summary sum;
    int64_t n_frames;
    int64_t cancel_at; // frames; 0: never
    struct pipeline **cancels;
};

static int item_begin(void *arg, const struct source_info *source)
{
    struct item *i = (struct item *)arg;
    return i->file.begin(i->file.arg, source);
}

static int item_frame(void *arg, const struct frame *f, const struct detection *d, size_t n)
{
    struct item *i = (struct item *)arg;
    if (++i->n_frames == i->cancel_at)
        pipeline_cancel(*i->cancels);
    return i->file.frame(i->file.arg, f, d, n);
}

static int item_end(void *arg, const struct pipeline_summary *sum)
{
    struct item *i = (struct item *)arg;
    i->sum = *sum;
    return i->file.end(i->file.arg, sum);
}

static int run(struct detector *d, struct item *items, size_t n)
{
    struct pipeline_source sources[MAX_SOURCES] = {0};
    struct sink *sinks[MAX_SOURCES];
    struct pipeline *p = NULL;
    const struct sink_about about = {.model = detector_model(d)};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(sink_create(SINK_JSONL, items[i].out, &about, &sinks[i]), 0);
        items[i].file = sink_calls(sinks[i]);
        items[i].cancels = &p;
        sources[i].opts = items[i].opts;
        sources[i].sink = (struct pipeline_sink){&items[i], item_begin, item_frame, item_end};
    }
    const struct pipeline_opts opts = {
        .detector = d, .settings = {.confidence = 0.01}, .track = true, .n_side_by_side = (int)n};
    assert_int_equal(pipeline_create(&opts, sources, n, &p), 0);
    int r = pipeline_run(p);
    pipeline_destroy(p);
    for (size_t i = 0; i < n; i++) {
        sink_destroy(sinks[i]);
        const struct frame_counts *c = &items[i].sum.frames;
        assert_int_equal(c->decoded, c->inferred + c->skipped + c->dropped + c->failed);
    }
    return r;
}

// The frame lines of a file, and how many.
static char *frame_lines(const char *path, int64_t *ret_n)
{
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, MAX_TEXT, &bytes, &n), 0);
    struct str_buf lines = STR_BUF_INIT(MAX_TEXT);
    struct str rest = {bytes, n};
    struct str line;
    *ret_n = 0;
    while (str_line(&rest, &line)) {
        if (!str_starts(line, "{\"type\":\"frame\""))
            continue;
        str_buf_add_str(&lines, line);
        str_buf_putc(&lines, '\n');
        ++*ret_n;
    }
    mem_free(bytes);
    return str_buf_take(&lines);
}

// --- the tests

static char *lines_in_company(struct detector *d, const char *clip, const char *other, size_t n,
                              int decoder_threads)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct item items[MAX_SOURCES] = {0};
    char *outs[MAX_SOURCES] = {0};
    for (size_t i = 0; i < n; i++) {
        outs[i] = in_folder(names[i]);
        items[i].out = outs[i];
        items[i].opts = (struct source_opts){
            .path = i == 0 ? clip : other, .max_frames = N_FRAMES, .threads = decoder_threads};
    }
    assert_int_equal(run(d, items, n), 0);
    int64_t n_lines;
    char *lines = frame_lines(outs[0], &n_lines);
    assert_int_equal(n_lines, N_FRAMES);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(items[i].sum.frames.inferred, N_FRAMES);
        unlink(outs[i]);
        mem_free(outs[i]);
    }
    return lines;
}

static void check_same_lines(const char *model)
{
    static const struct {
        int64_t batch, threads;
        size_t n_sources;
        int decoder_threads;
    } rows[] = {
        {1, 1, 1},    {1, 1, 1}, {3, 1, 1}, {8, 1, 1}, {1, 2, 1},
        {3, 2, 1, 4}, {8, 2, 1}, {1, 2, 5}, {8, 2, 5}, {3, 1, 5, 2},
    };
    char *clip = data("video_with_gt/TUD-Campus_frames/TUD-Campus.mp4");
    char *other = data("video_plain/car-detection.mp4");
    char *first = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct detector *d = detector_of(model, rows[i].batch, rows[i].threads);
        char *lines = lines_in_company(d, clip, other, rows[i].n_sources, rows[i].decoder_threads);
        detector_destroy(d);
        if (first)
            assert_string_equal(lines, first);
        else
            assert_non_null(strstr(lines, "\"label\":\"person\""));
        if (first)
            mem_free(lines);
        else
            first = lines;
    }
    mem_free(first);
    mem_free(other);
    mem_free(clip);
}

static void test_same_lines_fp32(void **state)
{
    check_same_lines("models/FastestDet_352.onnx");
}

static void test_same_lines_int8(void **state)
{
    check_same_lines("models/yolo11n_int8_320.onnx");
}

static void test_every_frame_is_accounted_for(void **state)
{
    // TUD-Campus: 71 frames at 25 per second
    static const struct {
        struct source_opts opts;
        int64_t inferred; // and decoded, where the whole clip is read
        int64_t decoded;  // -1: as far as was needed
        int64_t first;    // ordinal
    } rows[] = {
        {{.stride = 1}, 71, 71, 0},
        {{.stride = 7}, 11, 71, 0},
        {{.stride = 1000}, 1, 71, 0},
        {{.max_frames = 9}, 9, -1, 0},
        {{.start_s = 1.0}, 46, 71, 25},
        {{.end_s = 1.0}, 25, -1, 0},
        {{.start_s = 1.0, .end_s = 2.0, .stride = 5}, 5, -1, 25},
        {{.start_s = 1000}, 0, 71, -1},
    };
    char *clip = data("video_with_gt/TUD-Campus_frames/TUD-Campus.mp4");
    char *out = in_folder("out");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct item item = {.opts = rows[i].opts, .out = out};
        item.opts.path = clip;
        assert_int_equal(run(shared_detector(), &item, 1), 0);
        const struct frame_counts *c = &item.sum.frames;
        int64_t n_lines;
        char *lines = frame_lines(out, &n_lines);
        assert_int_equal(c->inferred, rows[i].inferred);
        assert_int_equal(n_lines, rows[i].inferred);
        assert_int_equal(c->failed + c->dropped, 0);
        if (rows[i].decoded >= 0)
            assert_int_equal(c->decoded, rows[i].decoded);
        if (n_lines > 0) {
            struct str_buf begin = STR_BUF_INIT(KIB);
            str_buf_printf(&begin, "{\"type\":\"frame\",\"frame\":%lld,", (long long)rows[i].first);
            assert_true(str_starts(str_of(lines), str_buf_text(&begin)));
            str_buf_finish(&begin);
        }
        mem_free(lines);
    }
    unlink(out);
    mem_free(out);
    mem_free(clip);
}

// The first half of a transport stream: what can be decoded is, and nothing is lost in silence.
static void test_a_file_cut_in_the_middle(void **state)
{
    char *whole = data("odd_media/sample_h265.ts");
    char *cut = in_folder("cut.ts");
    char *out = in_folder("out");
    char *bytes;
    size_t n;
    assert_int_equal(file_read(whole, MAX_TEXT, &bytes, &n), 0);
    FILE *f = fopen(cut, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n / 2, f), n / 2);
    fclose(f);
    mem_free(bytes);
    struct item all = {.opts = {.path = whole}, .out = out};
    struct item half = {.opts = {.path = cut}, .out = out};
    assert_int_equal(run(shared_detector(), &all, 1), 0);
    assert_int_equal(run(shared_detector(), &half, 1), 0);
    int64_t n_lines;
    mem_free(frame_lines(out, &n_lines));
    print_message("whole: %d frames, half: %d\n", (int)all.n_frames, (int)half.n_frames);
    assert_true(half.n_frames > 0 && half.n_frames < all.n_frames);
    assert_int_equal(half.sum.frames.inferred, n_lines);
    unlink(cut);
    unlink(out);
    mem_free(whole);
    mem_free(cut);
    mem_free(out);
}

static void test_cancel_in_the_middle(void **state)
{
    char *clip = data("video_with_gt/vtest_PETS09-S2L1/vtest.mp4");
    char *out = in_folder("out");
    struct item item = {.opts = {.path = clip}, .out = out, .cancel_at = 20};
    assert_int_equal(run(shared_detector(), &item, 1), ERR_CANCELLED);
    int64_t n_lines;
    char *lines = frame_lines(out, &n_lines); // the file is whole and bears its name
    assert_true(item.sum.interrupted);
    assert_int_equal(item.sum.frames.inferred, n_lines);
    assert_true(n_lines >= 20 && n_lines < 60); // what was in flight, and no more
    char *bytes;
    size_t n;
    assert_int_equal(file_read(out, MAX_TEXT, &bytes, &n), 0);
    assert_non_null(strstr(bytes, "\"interrupted\":true}\n"));
    mem_free(bytes);
    mem_free(lines);
    unlink(out);
    mem_free(out);
    mem_free(clip);
}

// One source's disk is full, the other's is not.
static void test_full_disk_beside_a_good_one(void **state)
{
    char *clip = data("video_with_gt/TUD-Campus_frames/TUD-Campus.mp4");
    char *out = in_folder("out");
    struct item items[2] = {
        {.opts = {.path = clip}, .out = "/dev/full"},
        {.opts = {.path = clip}, .out = out},
    };
    assert_int_equal(run(shared_detector(), items, 2), ERR_NOSPACE);
    assert_int_equal(items[0].sum.error, ERR_NOSPACE);
    assert_int_equal(items[1].sum.error, 0);
    int64_t n_lines;
    mem_free(frame_lines(out, &n_lines));
    assert_int_equal(n_lines, 71);
    unlink(out);
    mem_free(out);
    mem_free(clip);
}

// Pictures of different sizes, each with its own geometry.
static void test_pictures_of_many_sizes(void **state)
{
    char *pictures = data("annotation_formats/yolo_coco8/images/val");
    char *out = in_folder("out");
    struct item item = {.opts = {.path = pictures}, .out = out};
    assert_int_equal(run(shared_detector(), &item, 1), 0);
    int64_t n_lines;
    char *lines = frame_lines(out, &n_lines);
    assert_int_equal(n_lines, 4);
    assert_non_null(strstr(lines, "000000000036.jpg\",\"width\":481,\"height\":640,"));
    assert_non_null(strstr(lines, "000000000042.jpg\",\"width\":640,\"height\":478,"));
    mem_free(lines);
    unlink(out);
    mem_free(out);
    mem_free(pictures);
}

static int set_up(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    detector_destroy(shared);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_lines_fp32),
        cmocka_unit_test(test_same_lines_int8),
        cmocka_unit_test(test_every_frame_is_accounted_for),
        cmocka_unit_test(test_a_file_cut_in_the_middle),
        cmocka_unit_test(test_cancel_in_the_middle),
        cmocka_unit_test(test_full_disk_beside_a_good_one),
        cmocka_unit_test(test_pictures_of_many_sizes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
