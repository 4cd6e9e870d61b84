// SPDX-License-Identifier: Apache-2.0
// test_pack.c - the tensor packer against a reference in double, and SIMD against C.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/pack.h"

enum {
    MAX_PIXELS = 70,
};

static const struct {
    const char *what;
    struct model_input input;
    enum tensor_type type;
} rows[] = {
    {"0..1 planes", {.scale = 1.0f / 255, .std = {1, 1, 1}}, TENSOR_FLOAT32},
    {"0..255 BGR planes", {.bgr = true, .scale = 1, .std = {1, 1, 1}}, TENSOR_FLOAT32},
    {"mean and std of 0..255",
     {.bgr = true,
      .scale = 1,
      .mean = {103.53f, 116.28f, 123.675f},
      .std = {57.375f, 57.12f, 58.395f}},
     TENSOR_FLOAT32},
    {"mean and std of 0..1",
     {.scale = 1.0f / 255, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}},
     TENSOR_FLOAT32},
    {"interleaved", {.nhwc = true, .scale = 1.0f / 255, .std = {1, 1, 1}}, TENSOR_FLOAT32},
    {"std not set is 1", {.scale = 2}, TENSOR_FLOAT32},
    {"half planes", {.scale = 1.0f / 255, .std = {1, 1, 1}}, TENSOR_FLOAT16},
    {"half interleaved BGR",
     {.nhwc = true, .bgr = true, .scale = 1, .std = {2, 2, 2}},
     TENSOR_FLOAT16},
    {"bytes as they are", {.nhwc = true, .scale = 1, .std = {1, 1, 1}}, TENSOR_UINT8},
    {"bytes in planes, BGR", {.bgr = true, .scale = 1, .std = {1, 1, 1}}, TENSOR_UINT8},
};

// 0: nothing; 15, 16, 17: around one SIMD step.
static const size_t sizes[] = {0, 1, 15, 16, 17, 32, 63, MAX_PIXELS};

static void fill(uint8_t *rgb, size_t n)
{
    uint32_t x = 12345;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        rgb[i] = (uint8_t)(x >> 24);
    }
    if (n > 1) {
        rgb[0] = 0;
        rgb[1] = 255;
    }
}

static double half_value(uint16_t h)
{
    double sign = h & 0x8000 ? -1 : 1;
    int exponent = h >> 10 & 0x1f;
    int mantissa = h & 0x3ff;
    if (exponent == 0)
        return sign * ldexp(mantissa, -24);
    return sign * ldexp(1024 + mantissa, exponent - 25);
}

static double value_at(enum tensor_type type, const void *tensor, size_t i)
{
    if (type == TENSOR_FLOAT32)
        return ((const float *)tensor)[i];
    if (type == TENSOR_FLOAT16)
        return half_value(((const uint16_t *)tensor)[i]);
    return ((const uint8_t *)tensor)[i];
}

static double reference(const struct model_input *in, const uint8_t *rgb, size_t pixel, int channel)
{
    double v = rgb[pixel * 3 + (size_t)(in->bgr ? 2 - channel : channel)];
    double std = in->std[channel] != 0 ? in->std[channel] : 1;
    return (v * in->scale - in->mean[channel]) / std;
}

static void check_values(size_t row, const void *tensor, const uint8_t *rgb, size_t n)
{
    const struct model_input *in = &rows[row].input;
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < 3; c++) {
            double want = reference(in, rgb, i, c);
            double got =
                value_at(rows[row].type, tensor, in->nhwc ? i * 3 + (size_t)c : (size_t)c * n + i);
            // the terms of the sum set the rounding, not the sum
            double size =
                fabs(want) + fabs(in->mean[c] / (in->std[c] != 0 ? in->std[c] : 1)) + 1e-3;
            double limit = rows[row].type == TENSOR_FLOAT16 ? size / 1024 : size * 2.5e-7;
            if (fabs(got - want) > limit)
                fail_msg("%s: pixel %zu channel %d: %g, not %g", rows[row].what, i, c, got, want);
        }
    }
}

static void test_values(void **state)
{
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        struct pack *p = NULL;
        assert_int_equal(pack_create(&rows[row].input, rows[row].type, CPU_ISA_C, &p), 0);
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            uint8_t rgb[MAX_PIXELS * 3];
            float tensor[MAX_PIXELS * 3];
            fill(rgb, sizes[s] * 3);
            pack_run(p, rgb, sizes[s], tensor);
            check_values(row, tensor, rgb, sizes[s]);
        }
        pack_destroy(p);
    }
}

static void test_same_bits(void **state)
{
    if (!cpu_has(CPU_ISA_AVX2)) {
        print_message("this CPU has no AVX2\n");
        skip();
    }
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        struct pack *c = NULL;
        struct pack *simd = NULL;
        assert_int_equal(pack_create(&rows[row].input, rows[row].type, CPU_ISA_C, &c), 0);
        assert_int_equal(pack_create(&rows[row].input, rows[row].type, CPU_ISA_AVX2, &simd), 0);
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            uint8_t rgb[MAX_PIXELS * 3];
            float a[MAX_PIXELS * 3 + 1];
            float b[MAX_PIXELS * 3 + 1];
            memset(a, 0x5a, sizeof(a)); // what lies behind the tensor stays as it is
            memset(b, 0x5a, sizeof(b));
            fill(rgb, sizes[s] * 3);
            pack_run(c, rgb, sizes[s], a);
            pack_run(simd, rgb, sizes[s], b);
            assert_memory_equal(a, b, sizeof(a));
        }
        pack_destroy(c);
        pack_destroy(simd);
    }
}

static void test_fill(void **state)
{
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        struct pack *p = NULL;
        assert_int_equal(pack_create(&rows[row].input, rows[row].type, CPU_ISA_UNSET, &p), 0);
        uint8_t rgb[16 * 3];
        float a[16 * 3] = {0};
        float b[16 * 3] = {0};
        memset(rgb, 114, sizeof(rgb));
        pack_run(p, rgb, 16, a);
        pack_fill(p, 114, 16, b);
        assert_memory_equal(a, b, sizeof(a));
        pack_destroy(p);
    }
}

static void test_half(void **state)
{
    static const struct {
        float value;
        uint16_t half;
    } halves[] = {
        {0, 0},
        {1, 0x3c00},
        {-2, 0xc000},
        {65504, 0x7bff},
        {65519.996f, 0x7bff}, // rounds down to the largest
        {65520, 0x7c00},      // half way: to infinity
        {1e30f, 0x7c00},
        {INFINITY, 0x7c00},
        {6.103515625e-5f, 0x0400},    // smallest normal
        {5.9604644775390625e-8f, 1},  // smallest subnormal
        {2.98023223876953125e-8f, 0}, // half of it: to even
        {8.94069671630859375e-8f, 2}, // one and a half: to even
        {1.00048828125f, 0x3c00},     // half way: to even
        {1.00146484375f, 0x3c02},     // half way: to even
        {0.1f, 0x2e66},
    };
    for (size_t i = 0; i < ARRAY_LEN(halves); i++)
        assert_int_equal(pack_half(halves[i].value), halves[i].half);
    assert_true((pack_half(NAN) & 0x7fff) > 0x7c00);
}

static void test_broken(void **state)
{
    struct model_input input = {.scale = 1};
    struct pack *p = NULL;
    assert_int_equal(pack_create(&input, TENSOR_INT64, CPU_ISA_UNSET, &p), ERR_UNSUPPORTED);
    assert_int_equal(pack_create(&input, TENSOR_TYPE_UNSET, CPU_ISA_UNSET, &p), ERR_UNSUPPORTED);
    mem_test_fail_at(1);
    assert_int_equal(pack_create(&input, TENSOR_FLOAT32, CPU_ISA_UNSET, &p), ERR_NOMEM);
    mem_test_fail_at(0);
    assert_null(p);
    pack_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_fill),   cmocka_unit_test(test_half),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
