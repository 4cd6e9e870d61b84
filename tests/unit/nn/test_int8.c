// SPDX-License-Identifier: Apache-2.0
// test_int8.c - plans of 8 bits over networks small enough to say what every byte must be.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/nn/net.h"

static struct net_result got;

static void run(struct net *n, const float *in, const struct plan_opts *opts)
{
    int r = net_run_with(n, in, opts, &got);
    if (r == ERR_UNAVAILABLE)
        skip();
    if (r < 0)
        fail_msg("%s: %s", err_name(r), err_message(r));
}

static void expect_near(const float *want, size_t n, float tolerance)
{
    assert_int_equal(got.n, n);
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(got.values[i] - want[i]) <= tolerance))
            fail_msg("number %zu is %g, not %g", i, (double)got.values[i], (double)want[i]);
    }
}

static void expect_text(const char *part, bool is_there)
{
    if ((strstr(got.text, part) != NULL) != is_there)
        fail_msg("'%s' is %s in:\n%s", part, is_there ? "not" : "", got.text);
}

// Four channels of four pixels: whole numbers up to 255.
static const float bytes[16] = {0, 1, 2, 3, 255, 0, 17, 4, 5, 6, 7, 8, 100, 200, 50, 25};
// From four channels to four: whole numbers up to 127, so that each row's scale is 1.
static const float whole_weights[16] = {127, 0, -3, 1, 0, 127, 0, 0, 1, 1, -127, 1, 127, 2, 3, -4};

// y = Conv(x, weights).
static struct net one_conv(const float *weights)
{
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 4, 2, 2));
    net_output(&n, "y");
    net_constant(&n, "w", DIMS(4, 4, 1, 1), NET_FLOAT, weights, 16 * sizeof(float));
    net_node(&n, "Conv", "x,w", "y", NULL);
    return n;
}

static void multiply(const float *weights, const float *in, float *out)
{
    for (int o = 0; o < 4; o++) {
        for (int p = 0; p < 4; p++) {
            out[o * 4 + p] = 0;
            for (int i = 0; i < 4; i++)
                out[o * 4 + p] += weights[o * 4 + i] * in[i * 4 + p];
        }
    }
}

// Ranges of 255 steps of 1: nothing is rounded, and sums of bytes are exact.
static void whole_numbers_are_exact(void **state)
{
    static const struct {
        float min, max; // of x
        float moved;    // added to the bytes
    } rows[] = {{0, 255, 0}, {-100, 155, -100}, {-255, 0, -255}};
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        const struct plan_range ranges[] = {{.name = "x", .min = rows[k].min, .max = rows[k].max}};
        const struct plan_opts opts = {.precision = PLAN_INT8, .ranges = ranges, .n_ranges = 1};
        float in[16];
        float want[16];
        for (int i = 0; i < 16; i++)
            in[i] = bytes[i] + rows[k].moved;
        multiply(whole_weights, in, want);
        struct net n = one_conv(whole_weights);
        run(&n, in, &opts);
        expect_near(want, 16, 0);
        expect_text(":u8", true);
    }
}

static void what_is_outside_the_range_is_its_end(void **state)
{
    const struct plan_range ranges[] = {{.name = "x", .min = 0, .max = 255}};
    const struct plan_opts opts = {.precision = PLAN_INT8, .ranges = ranges, .n_ranges = 1};
    float in[16];
    float clipped[16];
    float want[16];
    (void)state;
    for (int i = 0; i < 16; i++) {
        in[i] = bytes[i] * 3 - 100;
        clipped[i] = fminf(fmaxf(in[i], 0), 255);
    }
    in[7] = (float)INFINITY;
    clipped[7] = 255;
    multiply(whole_weights, clipped, want);
    struct net n = one_conv(whole_weights);
    run(&n, in, &opts);
    expect_near(want, 16, 0);
}

static void exempt_layers_and_those_without_ranges_stay_in_floats(void **state)
{
    const struct plan_range of_x[] = {{.name = "x", .min = 0, .max = 1}}; // would cut everything
    const struct plan_range of_another[] = {{.name = "z", .min = 0, .max = 1}};
    const struct plan_layer exempt[] = {{"y", PLAN_FP32}};
    const struct plan_layer in_bf16[] = {{"y", PLAN_BF16}}; // in FP32 where the CPU lacks it
    const struct plan_opts rows[] = {
        {.precision = PLAN_INT8, .ranges = of_x, .n_ranges = 1, .layers = exempt, .n_layers = 1},
        {.precision = PLAN_INT8, .ranges = of_x, .n_ranges = 1, .layers = in_bf16, .n_layers = 1},
        {.precision = PLAN_INT8, .ranges = of_another, .n_ranges = 1},
    };
    float want[16];
    (void)state;
    multiply(whole_weights, bytes, want);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net n = one_conv(whole_weights);
        run(&n, bytes, &rows[i]);
        expect_near(want, 16, 1e-3f);
        expect_text(":u8", false);
    }
    struct net n = one_conv(whole_weights);
    const struct plan_opts none = {.precision = PLAN_INT8};
    assert_int_equal(net_run_with(&n, bytes, &none, &got), ERR_UNSUPPORTED);
    assert_non_null(strstr(err_message(ERR_UNSUPPORTED), "quantize"));
}

// Weights of .3 beside 1 are 38/127: with inputs of a known mean the bias takes that back.
static void biases_make_up_for_rounded_weights(void **state)
{
    static const float weights[16] = {1, .3f,  .3f, .3f, 1, .3f, 0, 0,
                                      1, -.3f, .3f, .1f, 1, 0,   0, .3f};
    const float means[4] = {100, 200, 50, 25};
    const struct plan_range with[] = {{"x", 0, 255, means, 4}};
    const struct plan_range without[] = {{.name = "x", .min = 0, .max = 255}};
    float in[16];
    float want[16];
    (void)state;
    for (int i = 0; i < 16; i++)
        in[i] = means[i / 4];
    multiply(weights, in, want);
    struct net n = one_conv(weights);
    run(&n, in, &(struct plan_opts){.precision = PLAN_INT8, .ranges = with, .n_ranges = 1});
    expect_near(want, 16, 1e-3f);
    n = one_conv(weights);
    run(&n, in, &(struct plan_opts){.precision = PLAN_INT8, .ranges = without, .n_ranges = 1});
    assert_true(fabsf(got.values[0] - want[0]) > 0.1f);
}

// a in 0..255 and b in 0..2550 are joined, pooled and read: one scale for all, of b's range.
static void joined_values_share_a_scale(void **state)
{
    const struct plan_range ranges[] = {{.name = "x", .min = 0, .max = 255},
                                        {.name = "a", .min = 0, .max = 255},
                                        {.name = "b", .min = 0, .max = 2550}};
    static const float one[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    static const float ten[16] = {10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 10};
    static const float first_of_both[8] = {1, 0, 0, 0, 1, 0, 0, 0};
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 4, 2, 2));
    net_output(&n, "y");
    net_constant(&n, "w", DIMS(4, 4, 1, 1), NET_FLOAT, one, sizeof(one));
    net_constant(&n, "v", DIMS(4, 4, 1, 1), NET_FLOAT, ten, sizeof(ten));
    net_constant(&n, "u", DIMS(1, 8, 1, 1), NET_FLOAT, first_of_both, sizeof(first_of_both));
    net_node(&n, "Conv", "x,w", "a", NULL);
    net_node(&n, "Conv", "x,v", "b", NULL);
    net_node(&n, "Concat", "a,b", "c", "axis", INTS(1), NULL);
    net_node(&n, "MaxPool", "c", "p", "kernel_shape", INTS(3, 3), "pads", INTS(1, 1, 1, 1), NULL);
    net_node(&n, "Conv", "p,u", "y", NULL);
    const float in[16] = {3, 14, 7, 26};
    run(&n, in, &(struct plan_opts){.precision = PLAN_INT8, .ranges = ranges, .n_ranges = 3});
    const float want[4] = {30 + 260, 30 + 260, 30 + 260, 30 + 260}; // 26 is 30 in steps of 10
    expect_near(want, 4, 1e-3f);
    expect_text("max-pool", true);
    expect_text("concat", false);
}

enum { SIDE = 9, N_PIXELS = SIDE * SIDE };

// y = Conv(x), 3 channels to 2, 3x3, at every second pixel: as detectors begin.
static struct net first_layer(void)
{
    float weights[2 * 3 * 9];
    for (size_t i = 0; i < ARRAY_LEN(weights); i++)
        weights[i] = (float)(i * 7 % 31) - 15;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 3, SIDE, SIDE));
    net_output(&n, "y");
    net_constant(&n, "w", DIMS(2, 3, 3, 3), NET_FLOAT, weights, sizeof(weights));
    net_node(&n, "Conv", "x,w", "y", "pads", INTS(1, 1, 1, 1), "strides", INTS(2, 2), NULL);
    return n;
}

static void a_picture_may_come_as_its_bytes(void **state)
{
    const struct plan_range ranges[] = {{.name = "x", .min = 0, .max = 1}};
    const struct plan_range wider[] = {{.name = "x", .min = -1, .max = 1}};
    struct plan_opts opts = {
        .precision = PLAN_INT8, .ranges = ranges, .n_ranges = 1, .byte_scale = 1.0f / 255};
    uint8_t pixels[N_PIXELS * 3];
    float planes[N_PIXELS * 3];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pixels); i++)
        pixels[i] = (uint8_t)(i * 37 + i / 11);
    for (size_t i = 0; i < ARRAY_LEN(pixels); i++)
        planes[i % 3 * N_PIXELS + i / 3] = (float)pixels[i] / 255;
    struct net n = first_layer();
    run(&n, planes, &opts);
    assert_true(got.takes_bytes);
    const struct net_result by_floats = got;
    n = first_layer();
    assert_int_equal(net_run_pixels(&n, planes, pixels, &opts, &got), 0);
    expect_near(by_floats.values, by_floats.n, 0);
    // a plan whose bytes mean something else, or that was told nothing, wants floats
    opts.ranges = wider;
    n = first_layer();
    assert_int_equal(net_run_pixels(&n, planes, pixels, &opts, &got), ERR_MODEL);
    opts = (struct plan_opts){.precision = PLAN_INT8, .ranges = ranges, .n_ranges = 1};
    n = first_layer();
    assert_int_equal(net_run_pixels(&n, planes, pixels, &opts, &got), ERR_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(what_is_outside_the_range_is_its_end),
        cmocka_unit_test(exempt_layers_and_those_without_ranges_stay_in_floats),
        cmocka_unit_test(biases_make_up_for_rounded_weights),
        cmocka_unit_test(joined_values_share_a_scale),
        cmocka_unit_test(a_picture_may_come_as_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
