// SPDX-License-Identifier: Apache-2.0
// test_prim.c - oneDNN behind its seam against plain loops: the same rows for 2.6 and 3.x, whose
// interfaces and activations' parameters differ.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/prim.h"

static float random_at(uint32_t i)
{
    i = i * 2654435761u ^ i >> 7;
    i = i * 2246822519u ^ i >> 13;
    return (float)(int32_t)i * 0x1p-31f;
}

static float *random_floats(size_t n, uint32_t seed)
{
    float *p = mem_aligned(n * sizeof(float));
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = random_at((uint32_t)i * 31 + seed);
    return p;
}

static double activate(const struct graph_activation *a, double v)
{
    double alpha = (double)a->alpha;
    double beta = (double)a->beta;
    switch (a->kind) {
    case GRAPH_RELU:
        return fmax(v, 0);
    case GRAPH_LEAKY:
        return v < 0 ? alpha * v : v;
    case GRAPH_CLIP:
        return fmin(fmax(v, alpha), beta);
    case GRAPH_SIGMOID:
        return 1 / (1 + exp(-v));
    case GRAPH_SILU:
        return v / (1 + exp(-v));
    case GRAPH_HARD_SIGMOID:
        return fmin(fmax(alpha * v + beta, 0), 1);
    case GRAPH_HARD_SWISH:
        return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    default:
        return v;
    }
}

struct row {
    int in, out, height, width, kernel, stride, pad, dilation, groups;
    bool has_bias;
    struct graph_activation activation;
};

static double one(const struct row *r, const float *x, const float *w, const float *bias, int y,
                  int column, int channel)
{
    int per_group = r->in / r->groups;
    int first = channel / (r->out / r->groups) * per_group;
    double sum = r->has_bias ? (double)bias[channel] : 0;
    for (int t = 0; t < r->kernel * r->kernel; t++) {
        int sy = y * r->stride - r->pad + t / r->kernel * r->dilation;
        int sx = column * r->stride - r->pad + t % r->kernel * r->dilation;
        if (sy < 0 || sy >= r->height || sx < 0 || sx >= r->width)
            continue;
        for (int c = 0; c < per_group; c++)
            sum += (double)x[(sy * r->width + sx) * r->in + first + c] *
                   (double)w[(channel * per_group + c) * r->kernel * r->kernel + t];
    }
    return activate(&r->activation, sum);
}

static void check_row(const struct row *r)
{
    int height = (r->height + 2 * r->pad - r->dilation * (r->kernel - 1) - 1) / r->stride + 1;
    int width = (r->width + 2 * r->pad - r->dilation * (r->kernel - 1) - 1) / r->stride + 1;
    size_t n_in = (size_t)(r->height * r->width * r->in);
    size_t n_out = (size_t)(height * width * r->out);
    float *x = random_floats(n_in, 1);
    float *w = random_floats((size_t)(r->out * r->in / r->groups * r->kernel * r->kernel), 2);
    float *bias = random_floats((size_t)r->out, 3);
    float *y = random_floats(n_out, 4);
    struct graph_conv conv = {.groups = r->groups,
                              .stride = {r->stride, r->stride},
                              .pad = {r->pad, r->pad, r->pad, r->pad},
                              .dilation = {r->dilation, r->dilation},
                              .activation = r->activation};
    struct prim_conv_opts opts = {.in_type = PRIM_F32,
                                  .out_type = PRIM_F32,
                                  .in_channels = r->in,
                                  .in_height = r->height,
                                  .in_width = r->width,
                                  .in_stride = r->in,
                                  .out_channels = r->out,
                                  .out_height = height,
                                  .out_width = width,
                                  .out_stride = r->out,
                                  .kernel_height = r->kernel,
                                  .kernel_width = r->kernel,
                                  .conv = &conv,
                                  .weights = w,
                                  .bias = r->has_bias ? bias : NULL};
    struct prim_conv *p;
    int e = prim_conv_create(&opts, &p);
    if (e < 0)
        fail_msg("%s: %s", err_name(e), err_message(e));
    void *scratch = mem_aligned(prim_conv_scratch(p) + 64);
    assert_int_equal(prim_conv_run(p, x, y, scratch), 0);
    for (size_t i = 0; i < n_out; i++) {
        int pixel = (int)i / r->out;
        double want = one(r, x, w, bias, pixel / width, pixel % width, (int)i % r->out);
        if (!(fabs(want - (double)y[i]) <= 2e-5 * fmax(1, fabs(want))))
            fail_msg("number %zu is %g, not %g (%s)", i, (double)y[i], want, prim_conv_describe(p));
    }
    prim_conv_destroy(p);
    mem_free(scratch);
    mem_free(x);
    mem_free(w);
    mem_free(bias);
    mem_free(y);
}

static void convolutions(void **state)
{
    static const struct row rows[] = {
        {8, 16, 7, 5, 3, 1, 1, 1, 2, true, {GRAPH_IDENTITY, 0, 0}},
        {8, 16, 7, 5, 3, 2, 1, 1, 4, false, {GRAPH_RELU, 0, 0}},
        {6, 4, 9, 9, 3, 1, 2, 2, 1, true, {GRAPH_LEAKY, 0.1f, 0}},
        {16, 16, 6, 6, 3, 1, 1, 1, 16, true, {GRAPH_CLIP, 0, 6}},
        {16, 8, 5, 6, 1, 1, 0, 1, 2, true, {GRAPH_SIGMOID, 0, 0}},
        {16, 32, 6, 7, 5, 1, 2, 1, 4, true, {GRAPH_SILU, 0, 0}},
        {16, 32, 6, 7, 3, 1, 1, 1, 4, true, {GRAPH_HARD_SIGMOID, 0.2f, 0.5f}},
        {16, 32, 6, 7, 3, 1, 1, 1, 4, true, {GRAPH_HARD_SWISH, 0, 0}},
        {3, 5, 8, 8, 3, 2, 1, 1, 1, true, {GRAPH_HARD_SWISH, 0, 0}},
    };
    (void)state;
    if (!prim_library())
        skip();
    print_message("%s\n", prim_library());
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("row %zu\n", i);
        check_row(&rows[i]);
    }
}

static void products(void **state)
{
    static const int rows[][4] = {{1, 1, 1, 1}, {3, 5, 7, 2}, {4, 100, 32, 100}, {2, 17, 300, 9}};
    (void)state;
    if (!prim_library())
        skip();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int batch = rows[i][0], m = rows[i][1], k = rows[i][2], n = rows[i][3];
        float *x = random_floats((size_t)(batch * m * k), 5);
        float *y = random_floats((size_t)(batch * k * n), 6);
        float *out = random_floats((size_t)(batch * m * n), 7);
        struct prim_matmul *p;
        assert_int_equal(prim_matmul_create(batch, m, k, n, &p), 0);
        void *scratch = mem_aligned(prim_matmul_scratch(p) + 64);
        assert_int_equal(prim_matmul_run(p, x, y, out, scratch), 0);
        for (int o = 0; o < batch * m * n; o++) {
            int b = o / (m * n);
            double sum = 0;
            for (int t = 0; t < k; t++)
                sum += (double)x[(b * m + o / n % m) * k + t] * (double)y[(b * k + t) * n + o % n];
            assert_true(fabs(sum - (double)out[o]) <= 2e-5 * fmax(1, fabs(sum)));
        }
        prim_matmul_destroy(p);
        mem_free(scratch);
        mem_free(x);
        mem_free(y);
        mem_free(out);
    }
}

// What it has no code for is said, not computed otherwise.
static void an_activation_of_none(void **state)
{
    (void)state;
    if (!prim_library())
        skip();
    float w[1] = {1};
    struct graph_conv conv = {
        .groups = 1, .stride = {1, 1}, .dilation = {1, 1}, .activation = {GRAPH_ERF, 0, 0}};
    struct prim_conv_opts opts = {.in_channels = 1,
                                  .in_height = 1,
                                  .in_width = 1,
                                  .in_stride = 1,
                                  .out_channels = 1,
                                  .out_height = 1,
                                  .out_width = 1,
                                  .out_stride = 1,
                                  .kernel_height = 1,
                                  .kernel_width = 1,
                                  .conv = &conv,
                                  .weights = w};
    struct prim_conv *p = NULL;
    opts.in_type = opts.out_type = PRIM_F32;
    assert_int_equal(prim_conv_create(&opts, &p), ERR_UNSUPPORTED);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(products),
        cmocka_unit_test(an_activation_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
