// SPDX-License-Identifier: Apache-2.0
// test_letterbox.c - geometry against the reference programs' numbers, pixels against arithmetic in
// double.

#include "vision/letterbox.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/picture.h"

static void test_geometry(void **state)
{
    (void)state;
    static const struct {
        enum letterbox_rule rule;
        int src_w, src_h, dst_w, dst_h;
        int x, y, w, h;
        float scale_x, scale_y;
    } rows[] = {
        // clang-format off
        {LETTERBOX_TOP_LEFT, 768, 576, 416, 416,  0, 0,   416, 312,  416 / 768.0f, 416 / 768.0f},
        {LETTERBOX_TOP_LEFT, 810, 1080, 640, 640, 0, 0,   480, 640,  640 / 1080.0f, 640 / 1080.0f},
        {LETTERBOX_TOP_LEFT, 500, 333, 416, 416,  0, 0,   416, 277,  0.832f, 0.832f}, // 277.056
        {LETTERBOX_TOP_LEFT, 500, 334, 416, 416,  0, 0,   416, 277,  0.832f, 0.832f}, // 277.888
        {LETTERBOX_CENTRE, 500, 334, 416, 416,    0, 69,  416, 278,  0.832f, 0.832f},
        {LETTERBOX_CENTRE, 1920, 1080, 640, 640,  0, 140, 640, 360,  1 / 3.0f, 1 / 3.0f},
        {LETTERBOX_CENTRE, 810, 1080, 640, 640,   80, 0,  480, 640,  640 / 1080.0f, 640 / 1080.0f},
        {LETTERBOX_CENTRE, 1280, 719, 640, 640,   0, 140, 640, 360,  0.5f, 0.5f}, // 359.5 to even
        {LETTERBOX_CENTRE, 640, 479, 640, 640,    0, 80,  640, 479,  1, 1}, // 80.5 - 0.1
        {LETTERBOX_UNSET, 640, 478, 640, 640,     0, 81,  640, 478,  1, 1},
        {LETTERBOX_CENTRE, 10000, 3, 640, 640,    0, 319, 640, 1,    0.064f, 0.064f}, // never 0 lines
        {LETTERBOX_TOP_LEFT, 1, 10000, 32, 64,    0, 0,   1, 64,     0.0064f, 0.0064f},
        {LETTERBOX_STRETCH, 1920, 1080, 640, 640, 0, 0,   640, 640,  1 / 3.0f, 640 / 1080.0f},
        {LETTERBOX_STRETCH, 1, 1, 1, 1,           0, 0,   1, 1,      1, 1},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct letterbox lb = letterbox_make(rows[i].rule, rows[i].src_w, rows[i].src_h,
                                             rows[i].dst_w, rows[i].dst_h, 114);
        assert_int_equal(lb.x, rows[i].x);
        assert_int_equal(lb.y, rows[i].y);
        assert_int_equal(lb.width, rows[i].w);
        assert_int_equal(lb.height, rows[i].h);
        assert_float_equal(lb.scale_x, rows[i].scale_x, 1e-6f);
        assert_float_equal(lb.scale_y, rows[i].scale_y, 1e-6f);
    }
}

static void test_way_back(void **state)
{
    (void)state;
    struct letterbox lb = letterbox_make(LETTERBOX_CENTRE, 1920, 1080, 640, 640, 114);
    struct box b = letterbox_to_source(&lb, (struct box){0, 140, 640, 500});
    assert_float_equal(b.x1, 0, 1e-3f);
    assert_float_equal(b.y1, 0, 1e-3f);
    assert_float_equal(b.x2, 1920, 1e-3f);
    assert_float_equal(b.y2, 1080, 1e-3f);
    b = letterbox_to_source(&lb, (struct box){-5, 100, 700, 320}); // border and beyond are clipped
    assert_float_equal(b.x1, 0, 1e-3f);
    assert_float_equal(b.y1, 0, 1e-3f);
    assert_float_equal(b.x2, 1920, 1e-3f);
    assert_float_equal(b.y2, 540, 1e-3f);
    lb = letterbox_make(LETTERBOX_STRETCH, 1920, 1080, 640, 640, 114);
    b = letterbox_to_source(&lb, (struct box){320, 320, 640, 640});
    assert_float_equal(b.x1, 960, 1e-3f);
    assert_float_equal(b.y1, 540, 1e-3f);
}

// --- the model in double

static double sample(const struct picture *p, int plane, int x, int y)
{
    const uint8_t *row = p->planes[plane] + p->strides[plane] * y;
    if (p->layout == PICTURE_RGB)
        return row[3 * x]; // the caller moves the plane's start to its channel
    if (p->layout == PICTURE_NV12 && plane == 1)
        return row[2 * x];
    if (p->bit_depth == 8)
        return row[x];
    uint16_t v;
    memcpy(&v, row + 2 * (size_t)x, sizeof(v));
    return v;
}

struct axis {
    int first, second;
    double weight;
};

static struct axis axis_at(int i, int n_src, int n_dst, int shift)
{
    int last = ((n_src + (1 << shift) - 1) >> shift) - 1;
    double s = (i + 0.5) * n_src / n_dst / (1 << shift) - 0.5;
    s = s < 0 ? 0 : s > last ? last : s;
    int first = (int)floor(s);
    return (struct axis){first, first < last ? first + 1 : first, s - first};
}

static double interpolate(const struct picture *p, int plane, struct axis x, struct axis y)
{
    double top = sample(p, plane, x.first, y.first) * (1 - x.weight) +
                 sample(p, plane, x.second, y.first) * x.weight;
    double bottom = sample(p, plane, x.first, y.second) * (1 - x.weight) +
                    sample(p, plane, x.second, y.second) * x.weight;
    return top * (1 - y.weight) + bottom * y.weight;
}

static void to_rgb(const struct picture *p, const double yuv[3], double ret_rgb[3])
{
    static const double kr_kb[][2] = {
        [PICTURE_BT601] = {0.299, 0.114},
        [PICTURE_BT709] = {0.2126, 0.0722},
        [PICTURE_BT2020] = {0.2627, 0.0593},
    };
    enum picture_matrix m = p->matrix;
    if (m == PICTURE_MATRIX_UNSET)
        m = p->height >= 720 ? PICTURE_BT709 : PICTURE_BT601;
    bool full =
        p->range == PICTURE_FULL || (p->range == PICTURE_RANGE_UNSET && p->layout == PICTURE_GRAY);
    double unit = 1 << (p->bit_depth - 8);
    double most = (1 << p->bit_depth) - 1;
    double y = full ? yuv[0] / most : (yuv[0] - 16 * unit) / (219 * unit);
    double cb = (yuv[1] - 128 * unit) / (full ? most : 224 * unit);
    double cr = (yuv[2] - 128 * unit) / (full ? most : 224 * unit);
    double kr = kr_kb[m][0];
    double kb = kr_kb[m][1];
    ret_rgb[0] = 255 * (y + 2 * (1 - kr) * cr);
    ret_rgb[2] = 255 * (y + 2 * (1 - kb) * cb);
    ret_rgb[1] = (255 * y - kr * ret_rgb[0] - kb * ret_rgb[2]) / (1 - kr - kb);
}

static void model_pixel(const struct letterbox *lb, const struct picture *p, int x, int y,
                        double ret_rgb[3])
{
    struct axis ax = axis_at(x, lb->src_width, lb->width, 0);
    struct axis ay = axis_at(y, lb->src_height, lb->height, 0);
    struct picture view = {.layout = p->layout, .bit_depth = p->bit_depth};
    for (int i = 0; i < 3; i++) {
        view.planes[i] = p->planes[i];
        view.strides[i] = p->strides[i];
    }
    if (p->layout == PICTURE_RGB) {
        for (int i = 0; i < 3; i++) {
            view.planes[0] = p->planes[0] + i;
            ret_rgb[i] = interpolate(&view, 0, ax, ay);
        }
        return;
    }
    double yuv[3] = {interpolate(p, 0, ax, ay), 1 << (p->bit_depth - 1), 1 << (p->bit_depth - 1)};
    struct axis cx = axis_at(x, lb->src_width, lb->width, p->chroma_shift_x);
    struct axis cy = axis_at(y, lb->src_height, lb->height, p->chroma_shift_y);
    if (p->layout == PICTURE_NV12) {
        yuv[1] = interpolate(p, 1, cx, cy);
        view.planes[1]++;
        yuv[2] = interpolate(&view, 1, cx, cy);
    } else if (p->layout == PICTURE_YUV_PLANAR) {
        yuv[1] = interpolate(p, 1, cx, cy);
        yuv[2] = interpolate(p, 2, cx, cy);
    }
    to_rgb(p, yuv, ret_rgb);
}

struct shape_row {
    enum letterbox_rule rule;
    enum picture_layout layout;
    int w, h, depth, shift_x, shift_y;
    enum picture_matrix matrix;
    enum picture_range range;
    int dst_w, dst_h;
};

static void fill_with_noise(struct picture *p, uint32_t seed)
{
    for (int plane = 0; plane < 3; plane++) {
        uint8_t *at = picture_plane(p, plane);
        if (!at)
            continue;
        int shift = plane ? p->chroma_shift_y : 0;
        size_t rows = ((size_t)p->height + (1u << shift) - 1) >> shift;
        size_t n = rows * (size_t)p->strides[plane];
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            at[i] = (uint8_t)(seed >> 24);
        }
        if (p->bit_depth > 8) {
            for (size_t i = 1; i < n; i += 2)
                at[i] &= (uint8_t)((1 << (p->bit_depth - 8)) - 1);
        }
    }
}

static double largest_difference(const struct letterbox *lb, const struct picture *p,
                                 const uint8_t *rgb)
{
    double worst = 0;
    for (int y = 0; y < lb->dst_height; y++) {
        for (int x = 0; x < lb->dst_width; x++, rgb += 3) {
            double want[3] = {lb->fill, lb->fill, lb->fill};
            if (x >= lb->x && x < lb->x + lb->width && y >= lb->y && y < lb->y + lb->height)
                model_pixel(lb, p, x - lb->x, y - lb->y, want);
            for (int i = 0; i < 3; i++) {
                double v = want[i] < 0 ? 0 : want[i] > 255 ? 255 : want[i];
                worst = MAX(worst, fabs(v - rgb[i]));
            }
        }
    }
    return worst;
}

// Short words for the table below.
// clang-format off
#define T  LETTERBOX_TOP_LEFT
#define C  LETTERBOX_CENTRE
#define S  LETTERBOX_STRETCH
#define P  PICTURE_YUV_PLANAR
#define N  PICTURE_NV12
#define G  PICTURE_GRAY
#define R  PICTURE_RGB
#define U  PICTURE_MATRIX_UNSET
#define B6 PICTURE_BT601
#define B7 PICTURE_BT709
#define B2 PICTURE_BT2020
#define RU PICTURE_RANGE_UNSET
#define L  PICTURE_LIMITED
#define F  PICTURE_FULL
// clang-format on

static void test_pixels(void **state)
{
    (void)state;
    static const struct shape_row rows[] = {
        // clang-format off
        {C, P, 1920, 1080, 8, 1, 1, U, RU, 640, 640},
        {T, P, 768, 576, 8, 1, 1, U, RU, 416, 416},
        {S, P, 641, 479, 8, 1, 1, B7, L, 320, 320},
        {C, P, 333, 221, 8, 1, 1, B2, L, 640, 640},    // larger, odd
        {C, P, 321, 243, 8, 1, 0, B6, F, 100, 90},     // 4:2:2
        {C, P, 320, 243, 8, 0, 0, B7, F, 100, 90},     // 4:4:4
        {C, P, 320, 243, 8, 2, 0, B7, L, 100, 90},     // 4:1:1
        {C, P, 322, 243, 8, 2, 2, B7, L, 100, 90},     // 4:1:0
        {C, P, 640, 360, 9, 1, 1, B7, L, 320, 320},
        {C, P, 640, 360, 10, 1, 1, B2, L, 320, 320},
        {C, P, 640, 360, 12, 1, 1, B2, F, 320, 320},
        {C, P, 640, 360, 16, 0, 0, B2, F, 320, 320},
        {C, P, 3840, 160, 8, 1, 1, B7, L, 64, 64},     // far apart
        {C, P, 1, 1, 8, 1, 1, B7, L, 8, 8},
        {C, P, 1, 9, 8, 1, 1, B7, L, 8, 8},
        {C, P, 8, 8, 8, 1, 1, B7, L, 1, 1},
        {C, N, 640, 361, 8, 1, 1, B7, L, 320, 320},
        {T, N, 63, 31, 8, 1, 1, U, F, 320, 320},
        {C, G, 640, 360, 8, 0, 0, U, RU, 320, 320},
        {C, G, 640, 360, 8, 0, 0, U, L, 320, 320},
        {C, G, 640, 360, 16, 0, 0, U, F, 320, 320},
        {C, R, 640, 363, 8, 0, 0, U, RU, 320, 320},
        {S, R, 5, 3, 8, 0, 0, U, RU, 32, 32},
        // clang-format on
    };
    struct letterbox_scratch *s;
    assert_int_equal(letterbox_scratch_create(CPU_ISA_UNSET, &s), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct shape_row *q = &rows[i];
        struct picture *p;
        assert_int_equal(
            picture_create(q->layout, q->w, q->h, q->depth, q->shift_x, q->shift_y, &p), 0);
        p->matrix = q->matrix;
        p->range = q->range;
        fill_with_noise(p, (uint32_t)i);
        struct letterbox lb = letterbox_make(q->rule, q->w, q->h, q->dst_w, q->dst_h, 114);
        uint8_t *rgb = mem_array(uint8_t, (size_t)q->dst_w * (size_t)q->dst_h * 3);
        assert_non_null(rgb);
        assert_int_equal(letterbox_run(s, &lb, p, rgb), 0);
        double worst = largest_difference(&lb, p, rgb);
        if (worst > 1.0)
            print_error("row %zu: %f levels apart\n", i, worst);
        assert_true(worst <= 1.0); // half of it is the last rounding
        mem_free(rgb);
        picture_unref(&p);
    }
    letterbox_scratch_destroy(s);
}

static void test_plain_colours(void **state)
{
    (void)state;
    static const struct {
        enum picture_matrix matrix;
        enum picture_range range;
        uint8_t yuv[3], rgb[3];
    } rows[] = {
        {PICTURE_BT601, PICTURE_LIMITED, {16, 128, 128}, {0, 0, 0}},
        {PICTURE_BT601, PICTURE_LIMITED, {235, 128, 128}, {255, 255, 255}},
        {PICTURE_BT601, PICTURE_LIMITED, {81, 90, 240}, {254, 0, 0}},
        {PICTURE_BT709, PICTURE_LIMITED, {63, 102, 240}, {255, 1, 0}},
        {PICTURE_BT709, PICTURE_FULL, {0, 128, 128}, {0, 0, 0}},
        {PICTURE_BT709, PICTURE_FULL, {255, 128, 128}, {255, 255, 255}},
        {PICTURE_BT601, PICTURE_FULL, {76, 85, 255}, {254, 0, 0}}, // JPEG's red
    };
    struct letterbox_scratch *s;
    assert_int_equal(letterbox_scratch_create(CPU_ISA_C, &s), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct picture *p;
        assert_int_equal(picture_create(PICTURE_YUV_PLANAR, 1, 1, 8, 0, 0, &p), 0);
        p->matrix = rows[i].matrix;
        p->range = rows[i].range;
        for (int c = 0; c < 3; c++)
            *picture_plane(p, c) = rows[i].yuv[c];
        struct letterbox lb = letterbox_make(LETTERBOX_STRETCH, 1, 1, 1, 1, 0);
        uint8_t rgb[3];
        assert_int_equal(letterbox_run(s, &lb, p, rgb), 0);
        for (int c = 0; c < 3; c++)
            assert_in_range(rgb[c] + 1, rows[i].rgb[c], rows[i].rgb[c] + 2);
        picture_unref(&p);
    }
    letterbox_scratch_destroy(s);
}

static void test_refusals(void **state)
{
    (void)state;
    struct letterbox_scratch *s;
    struct picture *p;
    uint8_t rgb[4 * 4 * 3];
    assert_int_equal(letterbox_scratch_create(CPU_ISA_C, &s), 0);
    assert_int_equal(picture_create(PICTURE_YUV_PLANAR, 8, 8, 8, 1, 1, &p), 0);
    fill_with_noise(p, 1);
    struct letterbox lb = letterbox_make(LETTERBOX_CENTRE, 8, 9, 4, 4, 114);
    assert_int_equal(letterbox_run(s, &lb, p, rgb), ERR_INVALID); // another size
    lb = letterbox_make(LETTERBOX_CENTRE, 8, 8, 4, 4, 114);
    p->layout = PICTURE_LAYOUT_UNSET;
    assert_int_equal(letterbox_run(s, &lb, p, rgb), ERR_UNSUPPORTED);
    p->layout = PICTURE_YUV_PLANAR;
    p->bit_depth = 17;
    assert_int_equal(letterbox_run(s, &lb, p, rgb), ERR_UNSUPPORTED);
    p->bit_depth = 8;
    p->chroma_shift_x = 3;
    assert_int_equal(letterbox_run(s, &lb, p, rgb), ERR_UNSUPPORTED);
    p->chroma_shift_x = 1;
    assert_int_equal(letterbox_run(s, &lb, p, rgb), 0);
    picture_unref(&p);
    letterbox_scratch_destroy(s);

    setenv("ASSAY_ISA", "sse9", 1);
    assert_int_equal(letterbox_scratch_create(CPU_ISA_UNSET, &s), ERR_INVALID);
    setenv("ASSAY_ISA", "c", 1);
    assert_int_equal(letterbox_scratch_create(CPU_ISA_UNSET, &s), 0);
    unsetenv("ASSAY_ISA");
    letterbox_scratch_destroy(s);
}

static void test_allocation_failure(void **state)
{
    (void)state;
    struct picture *p;
    uint8_t rgb[4 * 4 * 3];
    assert_int_equal(picture_create(PICTURE_YUV_PLANAR, 8, 8, 8, 1, 1, &p), 0);
    fill_with_noise(p, 1);
    struct letterbox lb = letterbox_make(LETTERBOX_CENTRE, 8, 8, 4, 4, 114);
    int r = ERR_NOMEM;
    for (long n = 1; r != 0; n++) {
        struct letterbox_scratch *s = NULL;
        mem_test_fail_at(n);
        r = letterbox_scratch_create(CPU_ISA_UNSET, &s);
        if (r == 0)
            r = letterbox_run(s, &lb, p, rgb);
        bool is_over = mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, is_over ? 0 : ERR_NOMEM);
        if (s)
            assert_int_equal(letterbox_run(s, &lb, p, rgb), 0); // recovers
        letterbox_scratch_destroy(s);
    }
    picture_unref(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometry), cmocka_unit_test(test_way_back),
        cmocka_unit_test(test_pixels),   cmocka_unit_test(test_plain_colours),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
