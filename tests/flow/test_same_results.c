// SPDX-License-Identifier: Apache-2.0
// test_same_results.c - the same frames give the same floats, whatever runs beside them: any batch,
// any number of threads, alone or among others, again and again.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "media/source.h"
#include "vision/frame.h"
#include "vision/picture.h"

enum {
    N_FRAMES = 6,
    N_BESIDE = 4, // other streams
    MAX_PATH_BYTES = 4096,
};

// What one pass over the frames gave.
struct results {
    struct detection_list frames[N_FRAMES];
};

static const char *data_path(const char *name, char *path)
{
    const char *data = getenv("ASSAY_TEST_DATA");
    snprintf(path, MAX_PATH_BYTES, "%s/%s", data ? data : "", name);
    return path;
}

static bool has_ground(void)
{
    char text[256];
    char path[MAX_PATH_BYTES];
    if (engine_runtime_describe(text, sizeof(text)) < 0) {
        print_message("%s\n", err_message(ERR_UNAVAILABLE));
        return false;
    }
    if (access(data_path("models", path), R_OK) < 0) {
        print_message("no test data at %s\n", path);
        return false;
    }
    return true;
}

static void results_clear(struct results *r)
{
    for (int i = 0; i < N_FRAMES; i++)
        detection_list_finish(&r->frames[i]);
}

static void open_video(struct source **ret_source)
{
    char path[MAX_PATH_BYTES];
    struct source_opts opts = {
        .path = data_path("video_with_gt/vtest_PETS09-S2L1/vtest.mp4", path),
        .stride = 40,
        .max_frames = N_FRAMES,
    };
    assert_int_equal(source_open(&opts, ret_source), 0);
}

static void read_frames(struct frame_pool *pool, enum letterbox_rule rule, uint8_t fill, int width,
                        int height, struct frame *ret_frames[N_FRAMES])
{
    struct source *source = NULL;
    struct letterbox_scratch *scratch = NULL;
    open_video(&source);
    assert_int_equal(letterbox_scratch_create(CPU_ISA_UNSET, &scratch), 0);
    for (int i = 0; i < N_FRAMES; i++) {
        struct picture *p = NULL;
        struct frame *f = NULL;
        assert_int_equal(source_next(source, &p), 0);
        assert_int_equal(frame_pool_get(pool, 0, &f), 0);
        f->letterbox = letterbox_make(rule, p->width, p->height, width, height, fill);
        assert_int_equal(letterbox_run(scratch, &f->letterbox, p, f->rgb), 0);
        f->ordinal = i;
        picture_unref(&p);
        ret_frames[i] = f;
    }
    letterbox_scratch_destroy(scratch);
    source_close(source);
}

static struct detector_stream *open_stream(struct detector *d)
{
    static const struct detector_settings settings = {.confidence = 0.05, .iou = 0.5};
    struct detector_stream *s = NULL;
    assert_int_equal(detector_stream_open(d, DETECTOR_BULK, &settings, N_FRAMES, &s), 0);
    return s;
}

// Pushes all frames from *first* on, around the end: streams beside each other differ at any time.
static void push_frames(struct detector_stream *s, struct frame *const *frames, int first)
{
    for (int i = 0; i < N_FRAMES; i++) {
        struct frame *f = frame_ref(frames[(first + i) % N_FRAMES]);
        assert_int_equal(detector_push(s, &f), 0);
    }
    detector_end(s);
}

static void take_results(struct detector_stream *s, struct results *ret)
{
    struct detector_result *r = NULL;
    int n = 0;
    int error = 0;
    while ((error = detector_receive(s, &r)) == 0) {
        assert_int_equal(r->error, 0);
        struct detection_list *to = &ret->frames[r->frame->ordinal];
        assert_null(to->items);
        *to = r->detections;
        r->detections = (struct detection_list){0};
        detector_result_free(&r);
        n++;
    }
    assert_int_equal(error, ERR_EOF);
    assert_int_equal(n, N_FRAMES);
}

static size_t count(const struct results *r)
{
    size_t n = 0;
    for (int i = 0; i < N_FRAMES; i++)
        n += r->frames[i].n;
    return n;
}

static void assert_same(const struct results *a, const struct results *b)
{
    for (int i = 0; i < N_FRAMES; i++) {
        assert_int_equal(a->frames[i].n, b->frames[i].n);
        if (a->frames[i].n)
            assert_memory_equal(a->frames[i].items, b->frames[i].items,
                                a->frames[i].n * sizeof(struct detection));
    }
}

struct way {
    int batch, threads, n_beside;
};

// A new detector each time: nothing is carried over.
static void run_way(struct model *m, struct way way, struct results *ret)
{
    struct detector *d = NULL;
    struct engine_opts opts = {.batch = way.batch, .threads = way.threads};
    assert_int_equal(detector_create(m, &opts, &d), 0);
    int width = 0;
    int height = 0;
    detector_input_size(d, &width, &height);
    struct frame_pool *pool = NULL;
    struct frame *frames[N_FRAMES];
    assert_int_equal(frame_pool_create(N_FRAMES, width, height, &pool), 0);
    const struct model_input *input = &detector_model(d)->input;
    read_frames(pool, input->rule, input->fill, width, height, frames);

    struct detector_stream *beside[N_BESIDE];
    for (int i = 0; i < way.n_beside; i++) {
        beside[i] = open_stream(d);
        push_frames(beside[i], frames, i + 1);
    }
    struct detector_stream *s = open_stream(d);
    push_frames(s, frames, 0);
    take_results(s, ret);
    detector_stream_close(s);
    for (int i = 0; i < way.n_beside; i++)
        detector_stream_close(beside[i]);
    for (int i = 0; i < N_FRAMES; i++)
        frame_unref(&frames[i]);
    frame_pool_destroy(pool);
    detector_destroy(d);
}

static void check_model(const char *name)
{
    static const struct way ways[] = {
        {1, 1, 0}, {3, 1, 0}, {8, 1, 0}, {1, 2, 0}, {8, 2, 0}, {3, 2, N_BESIDE},
    };
    if (!has_ground())
        skip();
    char path[MAX_PATH_BYTES];
    struct model *m = NULL;
    assert_int_equal(model_open(&(struct model_opts){.path = data_path(name, path)}, &m), 0);
    struct results first = {0};
    run_way(m, (struct way){1, 1, 0}, &first);
    assert_true(count(&first) > N_FRAMES); // people are seen: there is something to compare
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct results again = {0};
        run_way(m, ways[i], &again);
        assert_same(&first, &again);
        results_clear(&again);
    }
    results_clear(&first);
    model_unref(&m);
}

static void test_float_model(void **state)
{
    check_model("models/yolox_nano_416.onnx");
}

// Its scales are taken from each picture's own values: a batch would mix them.
static void test_dynamic_int8_model(void **state)
{
    check_model("models/yolo11n_int8_320.onnx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float_model),
        cmocka_unit_test(test_dynamic_int8_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
