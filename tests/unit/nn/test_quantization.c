// SPDX-License-Identifier: Apache-2.0
// test_quantization.c - the file of a model's 8 bits: written and read back, and what is refused.

#include "nn/quantization.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char path[] = "/tmp/test_quantization_XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    return unlink(path);
}

static void test_round_trip(void **state)
{
    const float means[] = {0.1f, -3e-9f};
    const struct plan_range ranges[] = {{"/model.0/act \"x\"", -0.278f, 17.25f, means, 2},
                                        {"b", 0, 0, NULL, 0}};
    const struct plan_layer layers[] = {{"/model.22/cv3", PLAN_BF16}, {"first", PLAN_FP32}};
    const struct quantization q = {
        .model_sha256 = HEX,
        .source_sha256 = HEX,
        .source = "clip.mp4",
        .n_frames = 32,
        .measure = QUANTIZATION_AGREEMENT,
        .fp32 = 1,
        .int8 = 0.9875,
        .loss = 0.0125,
        .ranges = ranges,
        .n_ranges = ARRAY_LEN(ranges),
        .layers = layers,
        .n_layers = ARRAY_LEN(layers),
    };
    struct quantization *back;
    assert_int_equal(quantization_write(&q, path), 0);
    assert_int_equal(quantization_read(path, &back), 0);
    assert_string_equal(back->model_sha256, HEX);
    assert_string_equal(back->source_sha256, HEX);
    assert_string_equal(back->source, "clip.mp4");
    assert_int_equal(back->n_frames, 32);
    assert_int_equal(back->measure, QUANTIZATION_AGREEMENT);
    assert_true(back->int8 == 0.9875 && back->loss == 0.0125 && back->fp32 == 1);
    assert_int_equal(back->n_ranges, 2);
    assert_string_equal(back->ranges[0].name, ranges[0].name);
    assert_true(back->ranges[0].min == -0.278f && back->ranges[0].max == 17.25f);
    assert_int_equal(back->ranges[0].n_means, 2);
    assert_memory_equal(back->ranges[0].means, means, sizeof(means));
    assert_int_equal(back->ranges[1].n_means, 0);
    assert_int_equal(back->n_layers, 2);
    assert_string_equal(back->layers[1].name, "first");
    assert_int_equal(back->layers[1].precision, PLAN_FP32);
    quantization_destroy(back);
    quantization_destroy(NULL);
}

#define HEAD   "{\"format\":\"assay-int8\",\"version\":1,\"model_sha256\":\"" HEX "\","
#define SOURCE "\"calibration\":{\"source\":\"c\",\"sha256\":\"" HEX "\",\"frames\":1},"
#define LOSS   "\"loss\":{\"measure\":\"ap\",\"fp32\":1,\"int8\":1,\"loss\":0}"

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int error;
    } rows[] = {
        // clang-format off
        {HEAD SOURCE LOSS "}", 0},
        {HEAD SOURCE LOSS ",\"later\":[{}]}", 0}, // fields of later versions
        {"", ERR_DATA},
        {"[]", ERR_DATA},
        {"{}", ERR_DATA},
        {HEAD SOURCE LOSS, ERR_DATA},       // cut short
        {HEAD SOURCE LOSS "} {}", ERR_DATA}, // more behind it
        {HEAD SOURCE "\"loss\":{\"measure\":\"luck\"}}", ERR_DATA},
        {HEAD LOSS "}", ERR_DATA},
        {"{\"format\":\"other\"}", ERR_DATA},
        {"{\"format\":\"assay-int8\",\"version\":2}", ERR_DATA},
        {"{\"format\":\"assay-int8\",\"model_sha256\":\"12\"}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"ranges\":[{\"name\":\"a\",\"min\":1,\"max\":2}]}", ERR_DATA}, // without 0
        {HEAD SOURCE LOSS ",\"ranges\":[{\"min\":0,\"max\":2}]}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"ranges\":[{\"name\":\"a\",\"min\":0,\"max\":1e999}]}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"ranges\":[{\"name\":\"a\",\"min\":0,\"max\":1e300}]}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"ranges\":[{\"name\":\"a\",\"min\":0,\"max\":1,\"means\":[null]}]}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"layers\":[{\"name\":\"a\",\"precision\":\"fp8\"}]}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"layers\":[{\"name\":\"a\"}]}", ERR_DATA},
        {HEAD SOURCE LOSS ",\"layers\":7}", ERR_DATA},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(rows[i].text, f);
        fclose(f);
        struct quantization *q = NULL;
        assert_int_equal(quantization_read(path, &q), rows[i].error);
        quantization_destroy(q);
    }
    struct quantization *q = NULL;
    assert_int_equal(quantization_read("/nowhere/at/all.int8.json", &q), ERR_NOT_FOUND);
}

static void test_path(void **state)
{
    static const char *const rows[][2] = {
        {"yolo.onnx", "yolo.int8.json"},
        {"a.b/yolo", "a.b/yolo.int8.json"},
        {"/m/v1.2.onnx", "/m/v1.2.int8.json"},
        {"dir/.onnx", "dir/.onnx.int8.json"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *p = quantization_path(rows[i][0]);
        assert_string_equal(p, rows[i][1]);
        mem_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
