// SPDX-License-Identifier: Apache-2.0
// test_engines_agree.c - what the native engine computes is what ONNX Runtime computes: the head
// outputs of every model it takes, on photographs and on frames of a video.
//
// A quantised file is computed in floats by the native engine; it is held against ONNX Runtime with
// the same weights in floats.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/engine.h"
#include "infer/pack.h"
#include "media/source.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

enum {
    VIDEO_FRAMES = 3,
};

static void check(int r)
{
    if (r < 0)
        fail_msg("%s: %s", err_name(r), err_message(r));
}

#include "flow/side.h"

struct apart {
    double worst; // of a number's size or 1
    double mean;  // of the mean size
};

static struct apart compare(const struct side *a, const struct side *b)
{
    struct apart d = {0, 0};
    double sum = 0;
    double size = 0;
    int n_outputs = model_info(a->m)->n_outputs;
    for (int i = 0; i < n_outputs; i++) {
        const struct tensor *x = &a->outputs[i];
        const struct tensor *y = &b->outputs[i];
        assert_int_equal(x->type, y->type);
        assert_int_equal(x->n_bytes, y->n_bytes);
        assert_int_equal(x->n_dims, y->n_dims);
        for (int k = 0; k < x->n_dims; k++)
            assert_int_equal(x->dims[k], y->dims[k]);
        size_t n = x->n_bytes / (x->type == TENSOR_FLOAT16 ? 2 : 4);
        for (size_t k = 0; k < n; k++) {
            double far = fabs((double)number(x, k) - (double)number(y, k));
            double of = fabs((double)number(y, k));
            assert_true(isfinite(far));
            d.worst = fmax(d.worst, far / fmax(1, of));
            sum += far;
            size += of;
        }
    }
    d.mean = sum / size;
    return d;
}

static struct apart on_source(struct side *a, struct side *b, const char *path)
{
    char room[512];
    struct source_opts opts = {.path = data_path(path, room, sizeof(room)),
                               .max_frames = VIDEO_FRAMES};
    struct source *source;
    const struct model_input *in = &model_info(a->m)->input;
    uint8_t *rgb = mem_aligned((size_t)in->width * (size_t)in->height * 3);
    assert_non_null(rgb);
    check(source_open(&opts, &source));
    struct apart worst = {0, 0};
    for (int n = 0; n < VIDEO_FRAMES && next_pixels(source, in, rgb); n++) {
        run_side(a, rgb);
        run_side(b, rgb);
        struct apart d = compare(a, b);
        worst.worst = fmax(worst.worst, d.worst);
        worst.mean = fmax(worst.mean, d.mean);
    }
    source_close(source);
    mem_free(rgb);
    return worst;
}

static const char *const sources[] = {
    "photos/bus.jpg",
    "photos/zidane.jpg",
    "video_with_gt/vtest_PETS09-S2L1/vtest.mp4",
};

static bool has_data(void)
{
    char room[512];
    FILE *f = fopen(data_path(sources[0], room, sizeof(room)), "rb");
    if (!f)
        print_message("ASSAY_TEST_DATA has no %s\n", sources[0]);
    else
        fclose(f);
    return f;
}

struct row {
    const char *file;
    const char *reference; // the same network in floats; NULL: the file itself
    double worst;
};

static bool agrees(const struct row *row)
{
    struct side native;
    struct side other;
    if (!open_side(&native, row->file, CHOICE_NATIVE, PRECISION_FP32))
        return true;
    if (!open_side(&other, row->reference ? row->reference : row->file, CHOICE_ONNXRUNTIME, 0)) {
        close_side(&native);
        return true;
    }
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct apart d = on_source(&native, &other, sources[i]);
        print_message("%-40s %-42s %.2g\n", row->file, sources[i], d.worst);
        good &= d.worst <= row->worst;
    }
    close_side(&native);
    close_side(&other);
    return good;
}

static void every_model_within_1e_4(void **state)
{
    static const struct row rows[] = {
        {"models/yolov8n_fp32_640.onnx", NULL, 1e-4},
        {"models/yolov8n_int8_640.onnx", "models/yolov8n_fp32_640.onnx", 1e-4},
        // ONNX Runtime itself is up to 1.6e-4 from the network computed in doubles where we are
        // 6.4e-5 from it (exact.py): nobody who is nearer can be sure of 1e-4 from it.
        {"models/yolox_nano_416.onnx", NULL, 1.5e-4},
        {"models/nanodet_m_416.onnx", NULL, 2e-5},
        {"models/picodet_s_320_coco.onnx", NULL, 5e-5},
        {"models/FastestDet_352.onnx", NULL, 5e-5},
        // Halves in the file: ONNX Runtime rounds every value on the way to eleven bits. We round
        // the outputs only, as exact.py checks.
        {"models/yolov5n_fp16.onnx", NULL, 6e-3},
        {DEMO_MODEL, NULL, 1e-4},
    };
    (void)state;
    if (!has_data())
        skip();
    int n_bad = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        n_bad += !agrees(&rows[i]);
    assert_int_equal(n_bad, 0);
}

// bf16 has eight bits: a mean distance, and what detections make of it is measured elsewhere.
static void bf16_is_near(void **state)
{
    (void)state;
    if (!has_data())
        skip();
    struct side native;
    struct side other;
    if (!open_side(&native, "models/yolov8n_fp32_640.onnx", CHOICE_NATIVE, PRECISION_BF16))
        skip();
    if (!open_side(&other, "models/yolov8n_fp32_640.onnx", CHOICE_ONNXRUNTIME, 0)) {
        close_side(&native);
        skip();
    }
    struct apart d = on_source(&native, &other, sources[0]);
    print_message("bf16: mean distance %.2g of the mean size\n", d.mean);
    assert_true(d.mean > 0 && d.mean < 0.02);
    close_side(&native);
    close_side(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_within_1e_4),
        cmocka_unit_test(bf16_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
