// SPDX-License-Identifier: Apache-2.0
// test_cut.c - heads that are cut off their networks: rows with the bits of the whole output, and
// what is left whole.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "unit/nn/net.h"

enum {
    SIDE = 8, // of the picture; levels of 8x8 and 4x4 cells
    CHANNELS = 5,
    N_ANCHORS = SIDE * SIDE + SIDE * SIDE / 4,
    BINS = 4,
    MAX_MAPS = 32, // channels of a map
};

// What a network differs in from YOLOv8's head.
struct head_form {
    const char *name;
    int n_classes;
    int n_extra;        // columns from maps of their own
    float first_weight; // of the expectation; 0 in heads that there are
    float half;         // cells to a cell's centre
    bool is_transposed;
    bool is_raw;       // classes without sigmoid
    bool is_corners;   // two corners in place of centre and size
    bool adds_input;   // something of the picture behind the maps
    bool is_grid;      // YOLOv5's in place of YOLOv8's, one level
    bool shifts_late;  // half a cell is taken off before the cell is added
    int least_columns; // that the head reads
    bool is_cut;
};

static const struct head_form forms[] = {
    {"as published", .n_classes = 3, .half = 0.5f, .is_cut = true},
    {"one class", .n_classes = 1, .half = 0.5f, .is_cut = true},
    {"as many classes as bins", .n_classes = 4 * BINS, .half = 0.5f, .is_cut = true},
    {"rows of anchors", .n_classes = 3, .half = 0.5f, .is_transposed = true, .is_cut = true},
    {"columns behind", .n_classes = 3, .n_extra = 2, .half = 0.5f, .is_cut = true},
    {"too few columns", .n_classes = 3, .n_extra = 2, .half = 0.5f, .least_columns = 8},
    {"enough columns", .n_classes = 3, .n_extra = 2, .half = 0.5f, .least_columns = 7,
     .is_cut = true},
    {"other bins", .n_classes = 3, .half = 0.5f, .first_weight = 1},
    {"cells by their corner", .n_classes = 3, .half = 0},
    {"raw classes", .n_classes = 3, .half = 0.5f, .is_raw = true},
    {"corners", .n_classes = 3, .half = 0.5f, .is_corners = true},
    {"reads the picture", .n_classes = 3, .half = 0.5f, .adds_input = true},
    {"grids", .n_classes = 3, .is_grid = true, .is_cut = true},
    {"grids, one class", .n_classes = 1, .is_grid = true, .is_cut = true},
    {"grids, shifted late", .n_classes = 3, .is_grid = true, .shifts_late = true, .is_cut = true},
    {"grids, raw", .n_classes = 3, .is_grid = true, .is_raw = true},
};

static float next_number(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)*seed * 0x1p-31f;
}

static void add_weights(struct net *n, const char *name, int64_t out, uint32_t seed)
{
    float w[MAX_MAPS * CHANNELS];
    for (int64_t i = 0; i < out * CHANNELS; i++)
        w[i] = 2 * next_number(&seed);
    net_constant(n, name, DIMS(out, CHANNELS, 1, 1), NET_FLOAT, w,
                 (size_t)(out * CHANNELS) * sizeof(float));
}

// The maps of both levels, joined: (1, out, anchors).
static void add_maps(struct net *n, const char *w, int64_t out, uint32_t seed, const char *joined)
{
    char in[32];
    char names[2][32];
    char flat[2][32];
    char both[80];
    add_weights(n, w, out, seed);
    for (int level = 0; level < 2; level++) {
        snprintf(names[level], sizeof(names[level]), "%s.map%d", joined, level);
        snprintf(flat[level], sizeof(flat[level]), "%s.flat%d", joined, level);
        snprintf(in, sizeof(in), "f%d,%s", level, w);
        net_node(n, "Conv", in, names[level], NULL);
        snprintf(in, sizeof(in), "%s,%s.shape", names[level], joined);
        char shape[40];
        snprintf(shape, sizeof(shape), "%s.shape", joined);
        if (level == 0)
            NET_INTS(n, shape, DIMS(3), 1, out, -1);
        net_node(n, "Reshape", in, flat[level], NULL);
    }
    snprintf(both, sizeof(both), "%s,%s", flat[0], flat[1]);
    net_node(n, "Concat", both, joined, "axis", INTS(2), NULL);
}

// Centres in cells and strides of all anchors.
static void add_anchors(struct net *n, const struct head_form *form)
{
    float centres[2 * N_ANCHORS];
    float strides[N_ANCHORS];
    int at = 0;
    for (int level = 0; level < 2; level++) {
        int side = SIDE >> level;
        for (int i = 0; i < side * side; i++, at++) {
            centres[at] = (float)(i % side) + form->half;
            centres[N_ANCHORS + at] = (float)(i / side) + form->half;
            strides[at] = (float)(8 << level);
        }
    }
    net_constant(n, "centres", DIMS(1, 2, N_ANCHORS), NET_FLOAT, centres, sizeof(centres));
    net_constant(n, "strides", DIMS(1, N_ANCHORS), NET_FLOAT, strides, sizeof(strides));
}

static void add_boxes(struct net *n, const struct head_form *form)
{
    float weights[BINS];
    for (int i = 0; i < BINS; i++)
        weights[i] = (float)i + (i == 0 ? form->first_weight : 0);
    net_constant(n, "bins", DIMS(1, BINS, 1, 1), NET_FLOAT, weights, sizeof(weights));
    NET_INTS(n, "apart", DIMS(4), 1, 4, BINS, N_ANCHORS);
    NET_INTS(n, "again", DIMS(3), 1, 4, N_ANCHORS);
    NET_FLOATS(n, "two", DIMS(1), 2);
    net_node(n, "Reshape", "boxes,apart", "b4", NULL);
    net_node(n, "Transpose", "b4", "bt", "perm", INTS(0, 2, 1, 3), NULL);
    net_node(n, "Softmax", "bt", "shares", "axis", INTS(1), NULL);
    net_node(n, "Conv", "shares,bins", "e", NULL);
    net_node(n, "Reshape", "e,again", "sides", NULL);
    NET_INTS(n, "halves", DIMS(2), 2, 2);
    net_node(n, "Split", "sides,halves", "lt,rb", "axis", INTS(1), NULL);
    net_node(n, "Sub", "centres,lt", "first", NULL);
    net_node(n, "Add", "centres,rb", "last", NULL);
    net_node(n, "Add", "first,last", "sum", NULL);
    net_node(n, "Div", "sum,two", "centre", NULL);
    net_node(n, "Sub", "last,first", "size", NULL);
    net_node(n, "Concat", form->is_corners ? "first,last" : "centre,size", "cells", "axis", INTS(1),
             NULL);
    net_node(n, "Mul", "cells,strides", "pixels", NULL);
}

// Three boxes a cell.
static struct net make_grid(const struct head_form *form)
{
    int64_t columns = 5 + form->n_classes;
    float cells[2 * SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) {
        cells[2 * i] = (float)(i % SIDE) - (form->shifts_late ? 0 : 0.5f);
        cells[2 * i + 1] = (float)(i / SIDE) - (form->shifts_late ? 0 : 0.5f);
    }
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, CHANNELS, SIDE, SIDE));
    net_output(&n, "y");
    net_constant(&n, "cells", DIMS(1, 1, SIDE, SIDE, 2), NET_FLOAT, cells, sizeof(cells));
    NET_FLOATS(&n, "anchors", DIMS(1, 3, 1, 1, 2), 10, 13, 16, 30, 33, 23);
    add_weights(&n, "w", 3 * columns, 4);
    NET_INTS(&n, "apart", DIMS(5), 1, 3, columns, SIDE, SIDE);
    NET_INTS(&n, "joined", DIMS(3), 1, -1, columns);
    NET_INTS(&n, "parts", DIMS(3), 2, 2, columns - 4);
    NET_FLOATS(&n, "two", DIMS(1), 2);
    NET_FLOATS(&n, "half", DIMS(1), 0.5f);
    NET_FLOATS(&n, "stride", DIMS(1), 8);
    net_node(&n, "Relu", "x", "f0", NULL);
    net_node(&n, "Conv", "f0,w", "map", NULL);
    net_node(&n, "Reshape", "map,apart", "r", NULL);
    net_node(&n, "Transpose", "r", "t", "perm", INTS(0, 1, 3, 4, 2), NULL);
    net_node(&n, form->is_raw ? "Identity" : "Sigmoid", "t", "s", NULL);
    net_node(&n, "Split", "s,parts", "sxy,swh,rest", "axis", INTS(4), NULL);
    net_node(&n, "Mul", "sxy,two", "xy2", NULL);
    if (form->shifts_late)
        net_node(&n, "Sub", "xy2,half", "xyh", NULL);
    net_node(&n, "Add", form->shifts_late ? "xyh,cells" : "xy2,cells", "xyc", NULL);
    net_node(&n, "Mul", "xyc,stride", "xy", NULL);
    net_node(&n, "Mul", "swh,two", "wh2", NULL);
    net_node(&n, "Pow", "wh2,two", "whp", NULL);
    net_node(&n, "Mul", "whp,anchors", "wh", NULL);
    net_node(&n, "Concat", "xy,wh,rest", "row", "axis", INTS(4), NULL);
    net_node(&n, "Reshape", "row,joined", "y", NULL);
    return n;
}

static struct net make(const struct head_form *form)
{
    if (form->is_grid)
        return make_grid(form);
    struct net n = NET_INIT;
    net_input(&n, "x", DIMS(1, CHANNELS, SIDE, SIDE));
    net_output(&n, "y");
    net_node(&n, "Relu", "x", "f0", NULL);
    net_node(&n, "MaxPool", "f0", "f1", "kernel_shape", INTS(2, 2), "strides", INTS(2, 2), NULL);
    add_maps(&n, "wb", 4 * BINS, 1, "boxes");
    add_maps(&n, "wc", form->n_classes, 2, "logits");
    if (form->n_extra)
        add_maps(&n, "we", form->n_extra, 3, "more");
    add_anchors(&n, form);
    add_boxes(&n, form);
    net_node(&n, form->is_raw ? "Identity" : "Sigmoid", "logits", "classes", NULL);
    const char *parts = form->n_extra ? "pixels,classes,more" : "pixels,classes";
    const char *out = form->is_transposed || form->adds_input ? "whole" : "y";
    net_node(&n, "Concat", parts, out, "axis", INTS(1), NULL);
    if (form->is_transposed)
        net_node(&n, "Transpose", "whole", "y", "perm", INTS(0, 2, 1), NULL);
    if (form->adds_input) {
        net_node(&n, "GlobalAveragePool", "x", "mean", NULL);
        NET_INTS(&n, "one", DIMS(3), 1, CHANNELS, 1);
        NET_INTS(&n, "axes", DIMS(1), 1);
        net_node(&n, "Reshape", "mean,one", "m3", NULL);
        net_node(&n, "ReduceSum", "m3,axes", "m", NULL);
        net_node(&n, "Add", "whole,m", "y", NULL);
    }
    return n;
}

struct made {
    struct plan *plan;
    struct plan_instance *instance;
    float x[CHANNELS * SIDE * SIDE];
    struct tensor in;
};

static bool make_plan(const struct head_form *form, enum plan_precision precision, struct made *m)
{
    struct net n = make(form);
    struct str_buf bytes = net_bytes(&n);
    struct onnx *o;
    struct graph *g;
    struct graph_shape shape = {4, {1, CHANNELS, SIDE, SIDE}};
    struct plan_opts opts = {.precision = precision,
                             .cut_columns = form->least_columns,
                             .cut = form->is_grid ? PLAN_CUT_GRIDS : PLAN_CUT_BINS};
    assert_int_equal(onnx_parse(bytes.p, bytes.n, "net", &o), 0);
    int r = graph_create(o, &(struct graph_opts){.inputs = &shape}, &g);
    if (r < 0)
        fail_msg("%s", err_message(r));
    r = plan_compile(g, &opts, &m->plan);
    graph_destroy(g);
    onnx_close(o);
    str_buf_finish(&bytes);
    if (r == ERR_UNAVAILABLE)
        return false;
    if (r < 0)
        fail_msg("%s", err_message(r));
    assert_int_equal(plan_instance_create(m->plan, &m->instance), 0);
    uint32_t seed = 9;
    for (size_t i = 0; i < ARRAY_LEN(m->x); i++)
        m->x[i] = 3 * next_number(&seed);
    m->in = (struct tensor){.type = TENSOR_FLOAT32,
                            .n_dims = 4,
                            .dims = {1, CHANNELS, SIDE, SIDE},
                            .data = m->x,
                            .n_bytes = sizeof(m->x)};
    return true;
}

static void drop(struct made *m)
{
    plan_instance_destroy(m->instance);
    plan_unref(&m->plan);
}

static float at(const struct tensor *t, bool is_transposed, int anchor, int column)
{
    const float *p = t->data;
    return is_transposed ? p[anchor * t->dims[2] + column] : p[column * t->dims[2] + anchor];
}

static float best_of(const struct tensor *t, const struct head_form *form, int anchor)
{
    float best = 0;
    if (form->is_grid) // the objectness
        return ((const float *)t->data)[anchor * t->dims[2] + 4];
    for (int k = 0; k < form->n_classes; k++) {
        float v = at(t, form->is_transposed, anchor, 4 + k);
        best = v > best ? v : best;
    }
    return best;
}

// All anchors that reach the floor, and few that do not.
static void expect_rows(const struct plan_rows *rows, const struct tensor *whole,
                        const struct head_form *form, float floor)
{
    size_t n = 0;
    assert_int_equal(rows->n_columns, 4 + form->is_grid + form->n_classes);
    for (int a = 0; a < (form->is_grid ? 3 * SIDE * SIDE : N_ANCHORS); a++) {
        const float *row = rows->values + n * (size_t)rows->n_columns;
        bool same = n < rows->n;
        for (int k = 0; k < rows->n_columns && same; k++) {
            float want = at(whole, form->is_transposed || form->is_grid, a, k);
            same = memcmp(&want, &row[k], sizeof(want)) == 0;
        }
        assert_true(same || best_of(whole, form, a) < floor);
        assert_true(!same || best_of(whole, form, a) >= floor * 0.999f - 1e-6f);
        n += same;
    }
    assert_int_equal(n, rows->n);
}

static void each_form(void **state)
{
    static const float floors[] = {0, 1e-7f, 0.01f, 0.25f, 0.5f, 0.9f, 0.9999f, 1, 2};
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        struct made m;
        struct tensor y;
        struct plan_rows rows;
        if (!make_plan(&forms[f], PLAN_FP32, &m))
            skip();
        if (plan_is_cut(m.plan) != forms[f].is_cut)
            fail_msg("%s: is %scut", forms[f].name, forms[f].is_cut ? "not " : "");
        assert_int_equal(plan_run(m.instance, &m.in, 1, &y, 1), 0);
        float *kept = mem_array(float, y.n_bytes / sizeof(float));
        assert_non_null(kept);
        memcpy(kept, y.data, y.n_bytes);
        y.data = kept;
        for (size_t i = 0; i < ARRAY_LEN(floors) && forms[f].is_cut; i++) {
            assert_int_equal(plan_run_cut(m.instance, &m.in, 1), 0);
            assert_int_equal(plan_rows(m.instance, floors[i], &rows), 0);
            expect_rows(&rows, &y, &forms[f], floors[i]);
        }
        mem_free(kept);
        drop(&m);
    }
}

// A floor that is an anchor's own confidence, to the bit, is reached.
static void floors_to_the_bit(void **state)
{
    (void)state;
    struct made m;
    struct tensor y;
    struct plan_rows rows;
    if (!make_plan(&forms[0], PLAN_FP32, &m))
        skip();
    assert_int_equal(plan_run(m.instance, &m.in, 1, &y, 1), 0);
    float bests[N_ANCHORS];
    for (int a = 0; a < N_ANCHORS; a++)
        bests[a] = best_of(&y, &forms[0], a);
    assert_int_equal(plan_run_cut(m.instance, &m.in, 1), 0);
    for (int a = 0; a < N_ANCHORS; a++) {
        size_t n_wanted = 0;
        size_t n = 0;
        for (int b = 0; b < N_ANCHORS; b++)
            n_wanted += bests[b] >= bests[a];
        assert_int_equal(plan_rows(m.instance, bests[a], &rows), 0);
        for (size_t r = 0; r < rows.n; r++) {
            const float *row = rows.values + r * (size_t)rows.n_columns;
            n += row[4] >= bests[a] || row[5] >= bests[a] || row[6] >= bests[a];
        }
        assert_int_equal(n, n_wanted);
    }
    drop(&m);
}

// Numbers that are none reach no floor, as the whole output has it; the others stay.
static void not_a_number(void **state)
{
    (void)state;
    struct made m;
    struct plan_rows rows;
    if (!make_plan(&forms[0], PLAN_FP32, &m))
        skip();
    for (int c = 0; c < CHANNELS; c++)
        m.x[c * SIDE * SIDE] = NAN;
    assert_int_equal(plan_run_cut(m.instance, &m.in, 1), 0);
    assert_int_equal(plan_rows(m.instance, 0.01f, &rows), 0);
    for (size_t r = 0; r < rows.n; r++) {
        for (int k = 0; k < rows.n_columns; k++)
            assert_true(rows.values[r * (size_t)rows.n_columns + (size_t)k] ==
                        rows.values[r * (size_t)rows.n_columns + (size_t)k]);
    }
    drop(&m);
}

static void in_bf16(void **state)
{
    (void)state;
    struct made m;
    struct tensor y;
    if (!make_plan(&forms[0], PLAN_BF16, &m))
        skip();
    assert_true(plan_is_cut(m.plan));
    assert_int_equal(plan_run(m.instance, &m.in, 1, &y, 1), 0);
    struct tensor kept = y;
    struct plan_rows rows;
    kept.data = mem_array(uint8_t, y.n_bytes);
    assert_non_null(kept.data);
    memcpy(kept.data, y.data, y.n_bytes);
    assert_int_equal(plan_run_cut(m.instance, &m.in, 1), 0);
    assert_int_equal(plan_rows(m.instance, 0, &rows), 0);
    expect_rows(&rows, &kept, &forms[0], 0);
    mem_free(kept.data);
    drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),
        cmocka_unit_test(floors_to_the_bit),
        cmocka_unit_test(not_a_number),
        cmocka_unit_test(in_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
