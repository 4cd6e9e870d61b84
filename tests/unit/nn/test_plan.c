// SPDX-License-Identifier: Apache-2.0
// test_plan.c - operators against results worked out by hand or by a few plain loops, and the
// plan's savings: joined nodes, views, parts written in place.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"
#include "unit/nn/net.h"

static struct net_result got;

static void run(struct net *n, const float *in)
{
    int r = net_run(n, in, PLAN_FP32, &got);
    if (r == ERR_UNAVAILABLE)
        skip();
    if (r < 0)
        fail_msg("%s: %s", err_name(r), err_message(r));
}

static void expect_of(const char *what, const float *want, size_t n)
{
    if (got.n != n)
        fail_msg("%s: %zu numbers, not %zu", what, (size_t)got.n, n);
    for (size_t i = 0; i < n; i++) {
        if (got.values[i] != want[i] &&
            !(fabsf(got.values[i] - want[i]) <= 1e-5f * fmaxf(1, fabsf(want[i]))))
            fail_msg("%s: number %zu is %g, not %g", what, i, (double)got.values[i],
                     (double)want[i]);
    }
}

static void expect(const float *want, size_t n)
{
    expect_of("y", want, n);
}
#define EXPECT(...) expect((const float[]){__VA_ARGS__}, sizeof((const float[]){__VA_ARGS__}) / 4)

static void expect_dims(int n, const int64_t *dims)
{
    assert_int_equal(got.n_dims, n);
    for (int d = 0; d < n; d++)
        assert_int_equal(got.dims[d], dims[d]);
}

static const float ramp[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                               16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                               32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                               48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

// One operator over (1, 2, 2, 3) = 0..11 with attributes and constants of its own.
static void one_operator(void **state)
{
    const struct {
        const char *op, *inputs;
        const char *names[3];
        const int64_t *ints[3];
        int64_t opset;
        size_t n;
        float want[24];
    } rows[] = {
        {"Relu", "m", {0}, {0}, 13, 12, {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}},
        {"LeakyRelu",
         "m",
         {0},
         {0},
         13,
         12,
         {-.06f, -.05f, -.04f, -.03f, -.02f, -.01f, 0, 1, 2, 3, 4, 5}},
        {"Sigmoid",
         "z",
         {0},
         {0},
         13,
         12,
         {.5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f, .5f}},
        {"HardSwish",
         "m",
         {0},
         {0},
         14,
         12,
         {0, 0, 0, 0, -1 / 3.f, -1 / 3.f, 0, 2 / 3.f, 5 / 3.f, 3, 4, 5}},
        {"Transpose",
         "x",
         {"perm"},
         {INTS(0, 2, 3, 1)},
         13,
         12,
         {0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}},
        {"MaxPool", "x", {"kernel_shape"}, {INTS(2, 2)}, 13, 4, {4, 5, 10, 11}},
        {"MaxPool",
         "x",
         {"kernel_shape", "pads", "strides"},
         {INTS(3, 3), INTS(1, 1, 1, 1), INTS(2, 2)},
         13,
         4,
         {4, 5, 10, 11}},
        {"AveragePool",
         "x",
         {"kernel_shape", "pads"},
         {INTS(1, 3), INTS(0, 1, 0, 1)},
         13,
         12,
         {.5f, 1, 1.5f, 3.5f, 4, 4.5f, 6.5f, 7, 7.5f, 9.5f, 10, 10.5f}},
        {"GlobalAveragePool", "x", {0}, {0}, 13, 2, {2.5f, 8.5f}},
        {"ReduceMax", "x", {"axes", "keepdims"}, {INTS(1), INTS(0)}, 13, 6, {6, 7, 8, 9, 10, 11}},
        {"ReduceMean", "x", {"axes"}, {INTS(2, 3)}, 13, 2, {2.5f, 8.5f}},
        {"Flatten", "x", {"axis"}, {INTS(2)}, 13, 12, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
        {"Slice",
         "x",
         {"axes", "starts", "ends"},
         {INTS(3, 1), INTS(1, -1), INTS(9, 5)},
         9,
         4,
         {7, 8, 10, 11}},
        {"Softmax",
         "z",
         {"axis"},
         {INTS(3)},
         13,
         12,
         {1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f, 1 / 3.f,
          1 / 3.f, 1 / 3.f}},
        {"Softmax",
         "z",
         {"axis"},
         {INTS(1)},
         11,
         12, // of old: all axes from this one on
         {1 / 12.f, 1 / 12.f, 1 / 12.f, 1 / 12.f, 1 / 12.f, 1 / 12.f, 1 / 12.f, 1 / 12.f, 1 / 12.f,
          1 / 12.f, 1 / 12.f, 1 / 12.f}},
        {"Resize",
         "x,,scales",
         {0},
         {0},
         13,
         24, // nearest, half pixel, halves down
         {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11}},
        {"Gather", "x,index", {"axis"}, {INTS(3)}, 13, 8, {2, 0, 5, 3, 8, 6, 11, 9}},
        {"Pow", "x,two", {0}, {0}, 13, 12, {0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121}},
        {"Div", "x,two", {0}, {0}, 13, 12, {0, .5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f, 5, 5.5f}},
        {"Sub", "column,x", {0}, {0}, 13, 12, {10, 9, 8, 17, 16, 15, 4, 3, 2, 11, 10, 9}},
        {"Concat", "x,x", {"axis"}, {INTS(3)}, 13, 24, {0, 1, 2, 0, 1, 2, 3, 4,  5,  3, 4,  5,
                                                        6, 7, 8, 6, 7, 8, 9, 10, 11, 9, 10, 11}},
        {"Where", "odd,x,column", {0}, {0}, 13, 12, {10, 1, 10, 20, 4, 20, 10, 7, 10, 20, 10, 20}},
        {"GatherND", "x,lists", {0}, {0}, 13, 6, {3, 4, 5, 9, 10, 11}},
        {"GatherND", "x,deep", {0}, {0}, 13, 2, {11, 1}},
        {"Tile", "x,repeats", {0}, {0}, 13, 24, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                                 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net n = NET_INIT;
        n.opset = rows[i].opset;
        net_input(&n, "x", DIMS(1, 2, 2, 3));
        net_output(&n, "y");
        NET_FLOATS(&n, "six", DIMS(1), 6);
        NET_FLOATS(&n, "none", DIMS(1), 0);
        NET_FLOATS(&n, "two", DIMS(1), 2);
        NET_FLOATS(&n, "column", DIMS(2, 1), 10, 20);
        NET_FLOATS(&n, "scales", DIMS(4), 1, 1, 1, 2);
        NET_INTS(&n, "index", DIMS(2), 2, -3);
        NET_INTS(&n, "repeats", DIMS(4), 1, 2, 1, 1);
        NET_INTS(&n, "lists", DIMS(2, 3), 0, 0, 1, -1, -1, -1);
        NET_INTS(&n, "deep", DIMS(2, 4), 0, 1, -1, 2, 0, 0, 0, 1);
        NET_FLOATS(&n, "odd", DIMS(2, 3), 0, 1, 0, 0, 1, 0);
        net_node(&n, "Sub", "x,six", "m", NULL);
        net_node(&n, "Mul", "x,none", "z", NULL);
        net_node(&n, rows[i].op, rows[i].inputs, "y", rows[i].names[0], rows[i].ints[0],
                 rows[i].names[1], rows[i].ints[1], rows[i].names[2], rows[i].ints[2], NULL);
        run(&n, ramp);
        expect_of(rows[i].op, rows[i].want, rows[i].n);
    }
}

// Results that are no floats, as floats; x = 0 1 2, 1 3 1 and the constants below. What is not
// computed at load must give the same as what is.
static void what_is_true(void **state)
{
    static const struct {
        const char *op, *inputs;
        float want[6];
    } rows[] = {
        {"Less", "x,one", {1, 0, 0, 0, 0, 0}},
        {"LessOrEqual", "x,one", {1, 1, 0, 1, 0, 1}},
        {"Greater", "x,one", {0, 0, 1, 0, 1, 0}},
        {"GreaterOrEqual", "x,one", {0, 1, 1, 1, 1, 1}},
        {"LessOrEqual", "x,nan", {0, 0, 0, 0, 0, 0}},
        {"And", "p,q", {0, 0, 1, 0, 0, 0}},
        {"Or", "p,q", {0, 1, 1, 1, 1, 1}},
        {"Xor", "p,q", {0, 1, 0, 1, 1, 1}},
        {"Not", "p", {1, 1, 0, 1, 0, 1}},
        {"Where", "p,x,inf", {INFINITY, INFINITY, 2, INFINITY, 3, INFINITY}},
        {"Where", "q,inf,x", {0, INFINITY, INFINITY, INFINITY, 3, INFINITY}},
        {"Add", "most,x", {2, 3, 4, 2, 4, 2}},
        {"Add", "least,x", {0, 1, 3, 1, 3, 2}},
    };
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct net n = NET_INIT;
        net_input(&n, "i", DIMS(2, 3));
        net_output(&n, "y");
        NET_FLOATS(&n, "known", DIMS(2, 3), 0, 1, 2, 1, 3, 1);
        NET_FLOATS(&n, "one", DIMS(1), 1);
        NET_FLOATS(&n, "two", DIMS(1, 1), 2);
        NET_FLOATS(&n, "inf", DIMS(1), INFINITY);
        NET_FLOATS(&n, "nan", DIMS(3), NAN, NAN, NAN);
        net_node(&n, "Identity", i < ARRAY_LEN(rows) ? "i" : "known", "x", NULL);
        net_node(&n, "GreaterOrEqual", "x,two", "p", NULL);          // 0 0 1 0 1 0
        net_node(&n, "Equal", "x,two", "two_", NULL);                // 0 0 1 0 0 0
        net_node(&n, "Equal", "x,one", "one_", NULL);                // 0 1 0 1 0 1
        net_node(&n, "Or", "two_,one_", "q", NULL);                  // 0 1 1 1 0 1
        net_node(&n, "ArgMax", "i", "most_", "axis", INTS(1), NULL); // 2, 1
        net_node(&n, "ArgMin", "i", "least_", "axis", INTS(0), "keepdims", INTS(0), NULL); // 0 0 1
        net_node(&n, "Cast", "most_", "most", "to", INTS(NET_FLOAT), NULL);
        net_node(&n, "Cast", "least_", "least", "to", INTS(NET_FLOAT), NULL);
        net_node(&n, rows[i % ARRAY_LEN(rows)].op, rows[i % ARRAY_LEN(rows)].inputs, "b", NULL);
        net_node(&n, "Cast", "b", "y", "to", INTS(NET_FLOAT), NULL);
        print_message("%s\n", rows[i % ARRAY_LEN(rows)].op);
        run(&n, (const float[]){0, 1, 2, 1, 3, 1});
        expect(rows[i % ARRAY_LEN(rows)].want, 6);
    }
}

// (1, 1, 3, 3) by a filter of ones and zeros: sums that can be done in the head.
static void a_convolution(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 1, 3, 3));
    net_output(&n, "y");
    NET_FLOATS(&n, "w", DIMS(2, 1, 2, 2), 1, 1, 1, 1, 1, 0, 0, -1);
    NET_FLOATS(&n, "b", DIMS(2), 0.5f, 1);
    net_node(&n, "Conv", "x,w,b", "y", NULL);
    run(&n, ramp);
    expect_dims(4, DIMS(1, 2, 2, 2));
    EXPECT(8.5f, 12.5f, 20.5f, 24.5f, -3, -3, -3, -3);
}

// Plain loops beside every way a convolution may go.
static void convolutions_of_all_kinds(void **state)
{
    static const struct {
        int in, out, side, kernel, stride, pad, dilation, groups;
    } rows[] = {
        {3, 5, 7, 3, 2, 1, 1, 1},  {16, 32, 6, 1, 1, 0, 1, 1}, {4, 4, 6, 3, 1, 1, 1, 4},
        {6, 6, 8, 5, 2, 2, 1, 6},  {4, 8, 6, 3, 1, 1, 1, 2},   {4, 4, 9, 3, 1, 2, 2, 1},
        {5, 3, 10, 3, 3, 1, 1, 1}, {17, 19, 5, 3, 1, 1, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int per_group = rows[i].in / rows[i].groups;
        int k = rows[i].kernel;
        int n_weights = rows[i].out * per_group * k * k;
        int n_in = rows[i].in * rows[i].side * rows[i].side;
        float *w = mem_array(float, (size_t)n_weights);
        float *x = mem_array(float, (size_t)n_in);
        for (int c = 0; c < n_weights; c++)
            w[c] = (float)(c * 7 % 11 - 5) / 8;
        for (int c = 0; c < n_in; c++)
            x[c] = (float)(c * 5 % 13 - 6) / 4;
        struct net n = NET_INIT;
        net_input(&n, "x", DIMS(1, rows[i].in, rows[i].side, rows[i].side));
        net_output(&n, "y");
        net_constant(&n, "w", DIMS(rows[i].out, per_group, k, k), NET_FLOAT, w,
                     (size_t)n_weights * sizeof(float));
        net_node(&n, "Conv", "x,w", "y", "strides", INTS(rows[i].stride, rows[i].stride), "pads",
                 INTS(rows[i].pad, rows[i].pad, rows[i].pad, rows[i].pad), "dilations",
                 INTS(rows[i].dilation, rows[i].dilation), "group", INTS(rows[i].groups), NULL);
        run(&n, x);
        int side =
            (rows[i].side + 2 * rows[i].pad - rows[i].dilation * (k - 1) - 1) / rows[i].stride + 1;
        expect_dims(4, DIMS(1, rows[i].out, side, side));
        for (int o = 0; o < rows[i].out * side * side; o++) {
            int channel = o / (side * side);
            int first = channel / (rows[i].out / rows[i].groups) * per_group;
            double sum = 0;
            for (int t = 0; t < per_group * k * k; t++) {
                int y =
                    o / side % side * rows[i].stride - rows[i].pad + t / k % k * rows[i].dilation;
                int at = o % side * rows[i].stride - rows[i].pad + t % k * rows[i].dilation;
                if (y >= 0 && y < rows[i].side && at >= 0 && at < rows[i].side)
                    sum +=
                        (double)x[((first + t / (k * k)) * rows[i].side + y) * rows[i].side + at] *
                        (double)w[channel * per_group * k * k + t];
            }
            if (fabs(sum - (double)got.values[o]) > 1e-4)
                fail_msg("row %zu, number %d is %g, not %g", i, o, (double)got.values[o], sum);
        }
        mem_free(w);
        mem_free(x);
    }
}

// Batch norm, scale, SiLU and the residual end in the convolution: one node of the graph.
static void what_follows_joins_the_convolution(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 2, 1, 2));
    net_output(&n, "y");
    NET_FLOATS(&n, "w", DIMS(2, 2, 1, 1), 1, 0, 0, 1);
    NET_FLOATS(&n, "scale", DIMS(2), 2, 4);
    NET_FLOATS(&n, "offset", DIMS(2), 1, -1);
    NET_FLOATS(&n, "mean", DIMS(2), 0, 2);
    NET_FLOATS(&n, "variance", DIMS(2), 1, 1);
    net_node(&n, "Conv", "x,w", "a", NULL);
    net_node(&n, "BatchNormalization", "a,scale,offset,mean,variance", "b", NULL);
    net_node(&n, "Sigmoid", "b", "s", NULL);
    net_node(&n, "Mul", "b,s", "m", NULL);
    net_node(&n, "Add", "x,m", "y", NULL);
    run(&n, ramp);
    assert_int_equal(got.n_nodes, 1);
    float want[4];
    const float before[4] = {1, 3, -1, 3}; // 2 x + 1; 4 (x - 2) - 1
    for (int i = 0; i < 4; i++)
        want[i] = ramp[i] + before[i] / (1 + expf(-before[i]));
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(got.values[i] - want[i]) < 1e-4f); // epsilon is in the variance
}

// x * clip(x + 3, 0, 6) / 6, as old exporters write it.
static void hard_swish_is_recognised(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 1, 1, 4));
    net_output(&n, "y");
    NET_FLOATS(&n, "three", DIMS(1), 3);
    NET_FLOATS(&n, "low", DIMS(1), 0);
    NET_FLOATS(&n, "six", DIMS(1), 6);
    net_node(&n, "Add", "x,three", "a", NULL);
    net_node(&n, "Clip", "a,low,six", "b", NULL);
    net_node(&n, "Mul", "x,b", "c", NULL);
    net_node(&n, "Div", "c,six", "y", NULL);
    run(&n, (const float[]){-4, -1, 1, 4});
    assert_int_equal(got.n_nodes, 1);
    EXPECT(0, -1 / 3.f, 2 / 3.f, 4);
}

// A split, a branch and a concatenation: every part is written where it belongs.
static void parts_are_written_in_place(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 2, 1, 2));
    net_output(&n, "y");
    NET_FLOATS(&n, "w", DIMS(2, 2, 1, 1), 1, 0, 0, 1);
    NET_FLOATS(&n, "v", DIMS(1, 1, 1, 1), 10);
    net_node(&n, "Conv", "x,w", "a", NULL);
    net_node(&n, "Split", "a", "p,q", "axis", INTS(1), NULL);
    net_node(&n, "Conv", "q,v", "r", NULL);
    net_node(&n, "Concat", "p,q,r", "c", "axis", INTS(1), NULL);
    net_node(&n, "Relu", "c", "y", NULL);
    run(&n, ramp);
    EXPECT(0, 1, 2, 3, 20, 30);
    int n_copies = 0;
    for (const char *p = got.text; (p = strstr(p, " copy ")); p++)
        n_copies++;
    if (n_copies > 2) // the output's, and q's, whose one channel must lie without gaps
        fail_msg("%s", got.text);
}

static void channels_are_shuffled(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 4, 1, 2));
    net_output(&n, "y");
    NET_INTS(&n, "s", DIMS(5), 1, 2, 2, 1, 2);
    NET_INTS(&n, "z", DIMS(4), 1, -1, 1, 2);
    NET_FLOATS(&n, "w", DIMS(4, 1, 1, 1), 1, 1, 1, 1);
    net_node(&n, "Reshape", "x,s", "a", NULL);
    net_node(&n, "Transpose", "a", "b", "perm", INTS(0, 2, 1, 3, 4), NULL);
    net_node(&n, "Reshape", "b,z", "c", NULL);
    net_node(&n, "Conv", "c,w", "y", "group", INTS(4), NULL);
    run(&n, ramp);
    EXPECT(0, 1, 4, 5, 2, 3, 6, 7);
}

static void products_of_matrices(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(2, 2, 3));
    net_output(&n, "y");
    net_node(&n, "Transpose", "x", "t", "perm", INTS(0, 2, 1), NULL);
    net_node(&n, "MatMul", "x,t", "y", NULL);
    run(&n, ramp);
    EXPECT(5, 14, 14, 50, 149, 212, 212, 302);
}

// The k largest, ties by index, and what stands beside them.
static void the_largest(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 5));
    net_output(&n, "y");
    NET_INTS(&n, "k", DIMS(1), 3);
    net_node(&n, "TopK", "x,k", "v,i", NULL);
    net_node(&n, "GatherElements", "x,i", "g", "axis", INTS(1), NULL);
    net_node(&n, "Add", "g,i", "y", NULL);
    run(&n, (const float[]){1, 7, 3, 7, -2});
    EXPECT(7 + 1, 7 + 3, 3 + 2);
}

// 8 bits in the file: weights are (w - zero) * scale, x is not rounded.
static void quantised_weights_are_widened(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, 2, 1, 1));
    net_output(&n, "y");
    net_constant(&n, "w", DIMS(2, 2, 1, 1), NET_UINT8, (const uint8_t[]){3, 4, 2, 0}, 4);
    net_constant(&n, "zero", DIMS(1), NET_UINT8, (const uint8_t[]){2}, 1);
    NET_FLOATS(&n, "scale", DIMS(1), 0.5f);
    net_node(&n, "DynamicQuantizeLinear", "x", "q,s,z", NULL);
    net_node(&n, "Mul", "s,scale", "k", NULL);
    net_node(&n, "ConvInteger", "q,w,z,zero", "a", NULL);
    net_node(&n, "Cast", "a", "f", "to", INTS(1), NULL);
    net_node(&n, "Mul", "f,k", "y", NULL);
    run(&n, (const float[]){1.5f, 2.25f});
    EXPECT(.5f * (1.5f + 2 * 2.25f), .5f * (-2 * 2.25f));
    assert_int_equal(got.n_nodes, 1);
}

struct sharer {
    struct thread thread;
    struct plan *plan;
    float y[2 * 6 * 6];
    int error;
};

static void share(void *arg)
{
    struct sharer *s = arg;
    float x[3 * 12 * 12];
    for (int i = 0; i < 3 * 12 * 12; i++)
        x[i] = (float)(i % 17) / 4;
    struct tensor in = {.type = TENSOR_FLOAT32,
                        .n_dims = 4,
                        .dims = {1, 3, 12, 12},
                        .data = x,
                        .n_bytes = sizeof(x)};
    struct tensor out;
    struct plan_instance *i = NULL;
    s->error = plan_instance_create(s->plan, &i);
    for (int k = 0; k < 20 && s->error == 0; k++)
        s->error = plan_run(i, &in, 1, &out, 1);
    if (s->error == 0)
        memcpy(s->y, out.data, sizeof(s->y));
    plan_instance_destroy(i);
}

// Tells the run to end with the first value it sees.
struct stopper {
    atomic_bool stop;
    bool is_willing;
    int n_seen; // two of each convolution: what it reads, and what it makes
};

static void stop_at_first(void *arg, const char *name, const float *values, size_t n_pixels,
                          size_t n_channels, size_t pixel_stride)
{
    struct stopper *s = (struct stopper *)arg;
    s->n_seen++;
    if (s->is_willing)
        atomic_store(&s->stop, true);
}

static struct plan *two_convolutions(void)
{
    struct net n = NET_INIT;
    struct onnx *o;
    struct graph *g;
    struct plan *p = NULL;
    struct graph_shape shape = {4, {1, 1, 1, 2}};
    net_input(&n, "x", DIMS(1, 1, 1, 2));
    net_output(&n, "y");
    NET_FLOATS(&n, "v", DIMS(1, 1, 1, 1), 2);
    NET_FLOATS(&n, "w", DIMS(1, 1, 1, 1), -1);
    net_node(&n, "Conv", "x,v", "a", NULL);
    net_node(&n, "Conv", "a,w", "y", NULL);
    struct str_buf bytes = net_bytes(&n);
    assert_int_equal(onnx_parse(bytes.p, bytes.n, "net", &o), 0);
    assert_int_equal(graph_create(o, &(struct graph_opts){.inputs = &shape}, &g), 0);
    int r = plan_compile(g, NULL, &p);
    graph_destroy(g);
    onnx_close(o);
    str_buf_finish(&bytes);
    if (r == ERR_UNAVAILABLE)
        skip();
    assert_int_equal(r, 0);
    return p;
}

static void a_stopped_run_ends_between_two_steps(void **state)
{
    (void)state;
    struct plan *p = two_convolutions();
    struct plan_instance *i;
    struct stopper s = {.is_willing = true};
    float x[2] = {3, -4};
    struct tensor in = {
        .type = TENSOR_FLOAT32, .n_dims = 4, .dims = {1, 1, 1, 2}, .data = x, .n_bytes = sizeof(x)};
    struct tensor out;
    assert_int_equal(plan_instance_create(p, &i), 0);
    plan_instance_observe(i, stop_at_first, &s);
    plan_instance_set_stop(i, &s.stop);
    assert_int_equal(plan_run(i, &in, 1, &out, 1), ERR_CANCELLED);
    assert_int_equal(s.n_seen, 2); // the second one never began
    assert_int_equal(plan_run(i, &in, 1, &out, 1), ERR_CANCELLED);
    assert_int_equal(s.n_seen, 2);
    s.is_willing = false;
    atomic_store(&s.stop, false);
    assert_int_equal(plan_run(i, &in, 1, &out, 1), 0);
    assert_int_equal(s.n_seen, 6);
    assert_true(((const float *)out.data)[0] == -6 && ((const float *)out.data)[1] == 8);
    plan_instance_destroy(i);
    plan_unref(&p);
}

// Four threads, one plan: the same bytes from each, and nothing for the thread sanitizer to say.
static void threads_share_a_plan(void **state)
{
    (void)state;
    struct net n = NET_INIT;
    float w[4 * 3 * 9];
    for (int i = 0; i < 4 * 3 * 9; i++)
        w[i] = (float)(i % 7 - 3) / 8;
    net_input(&n, "x", DIMS(1, 3, 12, 12));
    net_output(&n, "y");
    net_constant(&n, "w", DIMS(4, 3, 3, 3), NET_FLOAT, w, sizeof(w));
    net_constant(&n, "v", DIMS(4, 1, 3, 3), NET_FLOAT, w, 36 * sizeof(float));
    net_constant(&n, "u", DIMS(2, 2, 3, 3), NET_FLOAT, w, 36 * sizeof(float));
    net_node(&n, "Conv", "x,w", "a", "pads", INTS(1, 1, 1, 1), "strides", INTS(2, 2), NULL);
    net_node(&n, "Sigmoid", "a", "s", NULL);
    net_node(&n, "Mul", "a,s", "m", NULL);
    net_node(&n, "Conv", "m,v", "b", "pads", INTS(1, 1, 1, 1), "group", INTS(4), NULL);
    net_node(&n, "Conv", "b,u", "y", "pads", INTS(1, 1, 1, 1), "group", INTS(2), NULL);
    struct str_buf bytes = net_bytes(&n);
    struct onnx *o;
    struct graph *g;
    struct plan *p;
    struct graph_shape shape = {4, {1, 3, 12, 12}};
    assert_int_equal(onnx_parse(bytes.p, bytes.n, "net", &o), 0);
    assert_int_equal(graph_create(o, &(struct graph_opts){.inputs = &shape}, &g), 0);
    int r = plan_compile(g, NULL, &p);
    graph_destroy(g);
    onnx_close(o);
    str_buf_finish(&bytes);
    if (r == ERR_UNAVAILABLE)
        skip();
    static struct sharer sharers[4];
    for (int i = 0; i < 4; i++) {
        sharers[i] = (struct sharer){.plan = p};
        assert_int_equal(thread_start(&sharers[i].thread, "sharer", share, &sharers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        thread_join(&sharers[i].thread);
        assert_int_equal(sharers[i].error, 0);
        assert_memory_equal(sharers[i].y, sharers[0].y, sizeof(sharers[0].y));
    }
    plan_unref(&p);
}

// A picture wider than what a strip holds, against plain loops.
static void a_wide_pool(void **state)
{
    enum { C = 40, H = 5, W = 300, OUT_H = 3, OUT_W = 150 };
    static float in[C * H * W];
    (void)state;
    uint32_t x = 7;
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        x = x * 1664525u + 1013904223u;
        in[i] = (float)(int32_t)x * 0x1p-31f;
    }
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, C, H, W));
    net_output(&n, "y");
    net_node(&n, "MaxPool", "x", "y", "kernel_shape", INTS(3, 3), "strides", INTS(2, 2), "pads",
             INTS(1, 1, 1, 1), NULL);
    run(&n, in);
    expect_dims(4, (const int64_t[]){1, C, OUT_H, OUT_W});
    for (size_t i = 0; i < MIN(got.n, NET_MAX); i++) {
        size_t c = i / (OUT_H * OUT_W);
        int top = (int)(i / OUT_W % OUT_H) * 2 - 1;
        int left = (int)(i % OUT_W) * 2 - 1;
        float most = -2;
        for (int k = 0; k < 9; k++) {
            int row = top + k / 3;
            int column = left + k % 3;
            if (row >= 0 && row < H && column >= 0 && column < W)
                most = fmaxf(most, in[(c * H + (size_t)row) * W + (size_t)column]);
        }
        if (got.values[i] != most)
            fail_msg("number %zu is %g, not %g", i, (double)got.values[i], (double)most);
    }
}

static void a_pool_that_misses_its_picture_is_refused(void **state)
{
    static const char *const ops[] = {"MaxPool", "AveragePool"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        struct net n = NET_INIT;
        net_input(&n, "x", DIMS(1, 1, 4, 4));
        net_output(&n, "y");
        net_node(&n, ops[i], "x", "y", "kernel_shape", INTS(2, 2), "pads", INTS(0, 0, 2, 0), NULL);
        int r = net_run(&n, ramp, PLAN_FP32, &got);
        if (r == ERR_UNAVAILABLE)
            skip();
        assert_int_equal(r, ERR_UNSUPPORTED);
        assert_non_null(strstr(err_message(r), "pad as large"));
    }
}

// Lists that come from the picture: what is outside a dimension becomes its first or last, not
// another row's.
static void indices_outside_their_dimension(void **state)
{
    static const float want[] = {2, 6};
    (void)state;
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(2, 2)); // 0 1, 2 3
    net_output(&n, "y");
    NET_FLOATS(&n, "table", DIMS(4, 2), 1, 2, 3, 4, 5, 6, 7, 8);
    net_node(&n, "Cast", "x", "lists", "to", INTS(7), NULL);
    net_node(&n, "GatherND", "table,lists", "y", NULL);
    run(&n, ramp);
    expect(want, 2);
}

static void what_is_refused(void **state)
{
    const struct {
        const char *op, *inputs, *outputs;
        const int64_t *dims;
        int error;
        const char *word;
    } rows[] = {
        {"GridSample", "x,x", "y", DIMS(1, 2), ERR_UNSUPPORTED, "GridSample"},
        {"Add", "x,nothing", "y", DIMS(1, 2), ERR_MODEL, "'nothing'"},
        {"Add", "x,y", "y", DIMS(1, 2), ERR_MODEL, "cycle"},
        {"Relu", "x", "z", DIMS(1, 2), ERR_MODEL, "'y'"},
        {"Relu", "x", "y", DIMS(1, 2147483647, 2147483647), ERR_TOO_BIG, "elements"},
        {"Relu", "x", "y", DIMS(1, 1 << 28), ERR_TOO_BIG, "MiB"},
        {"MatMul", "x,x", "y", DIMS(2, 3), ERR_MODEL, "3 columns and 2 rows"},
        {"Conv", "x,x", "y", DIMS(1, 2, 4, 4), ERR_UNSUPPORTED, "weights"},
        {"Relu", "x", "x", DIMS(1, 2), ERR_MODEL, "cycle"},
        {"GatherND", "x,beyond", "y", DIMS(2, 2), ERR_MODEL, "an index outside 2"},
        {"GatherND", "x,beyond", "y", DIMS(2, 3), 0, ""},
        {"GatherND", "x,before", "y", DIMS(2, 2), ERR_MODEL, "an index outside 2"},
        {"GatherND", "x,before", "y", DIMS(3, 2), 0, ""},
        {"GatherND", "x,second", "y", DIMS(1, 2), ERR_MODEL, "an index outside 1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net n = NET_INIT;
        net_input(&n, "x", rows[i].dims);
        net_output(&n, "y");
        NET_INTS(&n, "beyond", DIMS(1, 2), 0, 2);
        NET_INTS(&n, "before", DIMS(1, 2), -3, 0);
        NET_INTS(&n, "second", DIMS(1, 2), 1, 0);
        net_node(&n, rows[i].op, rows[i].inputs, rows[i].outputs, NULL);
        int r = net_run(&n, ramp, PLAN_FP32, &got);
        if (r == ERR_UNAVAILABLE)
            skip();
        if (r != rows[i].error || (r < 0 && !strstr(err_message(r), rows[i].word)))
            fail_msg("row %zu: %s: %s", i, err_name(r), err_message(r));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_operator),
        cmocka_unit_test(what_is_true),
        cmocka_unit_test(indices_outside_their_dimension),
        cmocka_unit_test(a_convolution),
        cmocka_unit_test(convolutions_of_all_kinds),
        cmocka_unit_test(what_follows_joins_the_convolution),
        cmocka_unit_test(hard_swish_is_recognised),
        cmocka_unit_test(parts_are_written_in_place),
        cmocka_unit_test(channels_are_shuffled),
        cmocka_unit_test(products_of_matrices),
        cmocka_unit_test(the_largest),
        cmocka_unit_test(quantised_weights_are_widened),
        cmocka_unit_test(a_stopped_run_ends_between_two_steps),
        cmocka_unit_test(threads_share_a_plan),
        cmocka_unit_test(a_wide_pool),
        cmocka_unit_test(a_pool_that_misses_its_picture_is_refused),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
