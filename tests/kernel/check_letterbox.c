// SPDX-License-Identifier: Apache-2.0
// check_letterbox.c - the SIMD letterboxes give the bits of the C one and read nothing beyond a
// plane; with --bench, what they cost beside libswscale.
//
// Every plane lies between two pages that cannot be touched: its last row ends at the second one
// (or its first row begins at the first one), so one byte too many is a crash here and not
// elsewhere.

#include "vision/letterbox.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libswscale/swscale.h>

#include "base/clock.h"
#include "base/err.h"
#include "check.h"
#include "vision/picture.h"

enum {
    N_RANDOM = 1500, // pictures
    N_ROUNDS = 61,   // of the bench; the median is printed
};

struct plane_shape {
    int row_bytes;
    int rows;
};

static struct plane_shape plane_shape(const struct picture *p, int plane)
{
    int sample = p->bit_depth > 8 ? 2 : 1;
    int cw = (p->width + (1 << p->chroma_shift_x) - 1) >> p->chroma_shift_x;
    int ch = (p->height + (1 << p->chroma_shift_y) - 1) >> p->chroma_shift_y;
    if (p->layout == PICTURE_RGB)
        return plane == 0 ? (struct plane_shape){p->width * 3, p->height} : (struct plane_shape){0};
    if (plane == 0)
        return (struct plane_shape){p->width * sample, p->height};
    if (p->layout == PICTURE_NV12)
        return plane == 1 ? (struct plane_shape){cw * 2, ch} : (struct plane_shape){0};
    return p->layout == PICTURE_GRAY ? (struct plane_shape){0}
                                     : (struct plane_shape){cw * sample, ch};
}

// Contents: noise, or only black and white, where sums are largest.
static void fill(uint8_t *bytes, size_t n, int depth, bool is_extreme)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = is_extreme ? (random_bits() & 1 ? 0xff : 0) : (uint8_t)random_bits();
    for (size_t i = 1; depth > 8 && !is_extreme && i < n; i += 2)
        bytes[i] &= (uint8_t)((1 << (depth - 8)) - 1);
}

static void make_planes(struct picture *p, struct guarded ret_guards[3])
{
    bool is_extreme = random_bits() % 4 == 0;
    for (int i = 0; i < 3; i++) {
        struct plane_shape s = plane_shape(p, i);
        ret_guards[i] = (struct guarded){0};
        if (!s.rows)
            continue;
        size_t stride = (size_t)(s.row_bytes + random_from(0, 40));
        size_t n = stride * (size_t)(s.rows - 1) + (size_t)s.row_bytes;
        ret_guards[i] = guarded_make(n, random_bits() % 2);
        fill(ret_guards[i].bytes, n, p->bit_depth, is_extreme);
        bool is_upside_down = random_bits() % 3 == 0;
        p->planes[i] = ret_guards[i].bytes + (is_upside_down ? stride * (size_t)(s.rows - 1) : 0);
        p->strides[i] = is_upside_down ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
    }
}

// --- same bits

static int random_side(void)
{
    switch (random_bits() % 4) {
    case 0:
        return random_from(1, 40);
    case 1:
        return 16 * random_from(1, 20);
    default:
        return random_from(1, 700);
    }
}

static struct picture random_picture(void)
{
    static const struct {
        enum picture_layout layout;
        int depth, shift_x, shift_y;
    } kinds[] = {
        // clang-format off
        {PICTURE_YUV_PLANAR, 8, 1, 1},  {PICTURE_NV12, 8, 1, 1},        {PICTURE_YUV_PLANAR, 8, 1, 0},
        {PICTURE_YUV_PLANAR, 8, 0, 0},  {PICTURE_YUV_PLANAR, 8, 2, 0},  {PICTURE_YUV_PLANAR, 8, 2, 2},
        {PICTURE_YUV_PLANAR, 10, 1, 1}, {PICTURE_YUV_PLANAR, 10, 1, 0}, {PICTURE_YUV_PLANAR, 12, 0, 0},
        {PICTURE_YUV_PLANAR, 9, 1, 1},  {PICTURE_YUV_PLANAR, 16, 1, 1}, {PICTURE_GRAY, 8, 0, 0},
        {PICTURE_GRAY, 16, 0, 0},       {PICTURE_RGB, 8, 0, 0},
        // clang-format on
    };
    size_t k = random_bits() % ARRAY_LEN(kinds);
    struct picture p = {
        .layout = kinds[k].layout,
        .bit_depth = kinds[k].depth,
        .chroma_shift_x = kinds[k].shift_x,
        .chroma_shift_y = kinds[k].shift_y,
        .matrix = (enum picture_matrix)random_from(PICTURE_MATRIX_UNSET, PICTURE_BT2020),
        .range = (enum picture_range)random_from(PICTURE_RANGE_UNSET, PICTURE_FULL),
        .width = random_side(),
        .height = random_side(),
    };
    if (random_bits() % 40 == 0)
        p.width = random_from(2000, 9000); // neighbours too far apart to permute
    return p;
}

struct kernel {
    const char *name;
    enum cpu_isa isa;
    struct letterbox_scratch *scratch; // NULL: not on this CPU
};

static struct kernel kernels[] = {
    {"C", CPU_ISA_C, NULL},
    {"AVX2", CPU_ISA_AVX2, NULL},
    {"AVX-512", CPU_ISA_AVX512, NULL},
};

static void open_kernels(void)
{
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++) {
        int r = letterbox_scratch_create(kernels[i].isa, &kernels[i].scratch);
        if (r < 0)
            printf("%s: skipped: %s\n", kernels[i].name, err_message(r));
    }
}

static void close_kernels(void)
{
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
        letterbox_scratch_destroy(kernels[i].scratch);
}

static bool is_same(const struct letterbox *lb, const struct picture *p)
{
    size_t n = (size_t)lb->dst_width * (size_t)lb->dst_height * 3;
    struct guarded want = guarded_make(n, false);
    must(letterbox_run(kernels[0].scratch, lb, p, want.bytes));
    bool same = true;
    for (size_t i = 1; i < ARRAY_LEN(kernels); i++) {
        if (!kernels[i].scratch)
            continue;
        struct guarded got = guarded_make(n, false);
        must(letterbox_run(kernels[i].scratch, lb, p, got.bytes));
        if (memcmp(want.bytes, got.bytes, n) != 0) {
            fprintf(stderr, "%s differs: layout %d, %d bits, shifts %d %d, %dx%d to %dx%d\n",
                    kernels[i].name, (int)p->layout, p->bit_depth, p->chroma_shift_x,
                    p->chroma_shift_y, p->width, p->height, lb->width, lb->height);
            same = false;
        }
        guarded_free(&got);
    }
    guarded_free(&want);
    return same;
}

static int check(void)
{
    int n_wrong = 0;
    for (int i = 0; i < N_RANDOM; i++) {
        struct picture p = random_picture();
        struct guarded guards[3];
        make_planes(&p, guards);
        enum letterbox_rule rule =
            (enum letterbox_rule)random_from(LETTERBOX_CENTRE, LETTERBOX_STRETCH);
        struct letterbox lb =
            letterbox_make(rule, p.width, p.height, random_from(1, 420), random_from(1, 200), 114);
        n_wrong += !is_same(&lb, &p);
        for (int k = 0; k < 3; k++)
            guarded_free(&guards[k]);
    }
    printf("%d pictures, %d differ\n", N_RANDOM, n_wrong);
    return n_wrong ? 1 : 0;
}

// --- bench

struct contender {
    const char *name;
    void (*run)(struct contender *c, const struct picture *p, uint8_t *ret_rgb);
    struct letterbox_scratch *scratch;
    struct SwsContext *sws;
    struct letterbox letterbox;
    double ms[N_ROUNDS];
};

static void run_ours(struct contender *c, const struct picture *p, uint8_t *ret_rgb)
{
    must(letterbox_run(c->scratch, &c->letterbox, p, ret_rgb));
}

// The same task: the scaled picture in place, the border filled.
static void run_sws(struct contender *c, const struct picture *p, uint8_t *ret_rgb)
{
    const struct letterbox *lb = &c->letterbox;
    size_t stride = (size_t)lb->dst_width * 3;
    size_t above = (size_t)lb->y * stride;
    size_t inside = (size_t)lb->height * stride;
    memset(ret_rgb, lb->fill, above);
    const uint8_t *planes[4] = {p->planes[0], p->planes[1], p->planes[2], NULL};
    int strides[4] = {(int)p->strides[0], (int)p->strides[1], (int)p->strides[2], 0};
    uint8_t *out[4] = {ret_rgb + above, NULL, NULL, NULL};
    int out_strides[4] = {(int)stride, 0, 0, 0};
    sws_scale(c->sws, planes, strides, 0, p->height, out, out_strides);
    memset(ret_rgb + above + inside, lb->fill, stride * (size_t)lb->dst_height - above - inside);
}

static void print_times(struct contender *c)
{
    printf("  %-24s %7.3f ms  (%.3f to %.3f)\n", c->name, sorted_at(c->ms, N_ROUNDS, 0.5),
           sorted_at(c->ms, N_ROUNDS, 0.1), sorted_at(c->ms, N_ROUNDS, 0.9));
}

static struct contender sws_contender(const char *name, const struct letterbox *lb,
                                      enum AVPixelFormat format, int flags)
{
    struct SwsContext *sws = sws_getContext(lb->src_width, lb->src_height, format, lb->width,
                                            lb->height, AV_PIX_FMT_RGB24, flags, NULL, NULL, NULL);
    return (struct contender){.name = name, .run = run_sws, .sws = sws, .letterbox = *lb};
}

static void bench_task(const char *what, struct picture *p, enum AVPixelFormat format,
                       struct letterbox lb)
{
    enum { MAX_CONTENDERS = 5 };
    static struct contender all[MAX_CONTENDERS];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(kernels); i++) {
        if (kernels[i].scratch)
            all[n++] = (struct contender){.name = kernels[i].name,
                                          .run = run_ours,
                                          .scratch = kernels[i].scratch,
                                          .letterbox = lb};
    }
    all[n++] = sws_contender("swscale bilinear", &lb, format, SWS_BILINEAR);
    all[n++] = sws_contender("swscale fast_bilinear", &lb, format, SWS_FAST_BILINEAR);

    size_t n_bytes = (size_t)lb.dst_width * (size_t)lb.dst_height * 3;
    struct guarded rgb = guarded_make(n_bytes, true);
    for (int round = -2; round < N_ROUNDS; round++) { // two to warm up
        for (size_t i = 0; i < n; i++) {
            int64_t start = clock_now_ns();
            all[i].run(&all[i], p, rgb.bytes);
            if (round >= 0)
                all[i].ms[round] = (double)(clock_now_ns() - start) / 1e6;
        }
    }
    printf("%s: median of %d, 10th to 90th percentile\n", what, N_ROUNDS);
    for (size_t i = 0; i < n; i++) {
        print_times(&all[i]);
        sws_freeContext(all[i].sws);
    }
    guarded_free(&rgb);
}

static void bench(void)
{
    static const struct {
        const char *what;
        enum picture_layout layout;
        enum AVPixelFormat format;
        int depth, width, height, model;
        enum letterbox_rule rule;
    } tasks[] = {
        // clang-format off
        {"1080p 4:2:0 to 640", PICTURE_YUV_PLANAR, AV_PIX_FMT_YUV420P, 8, 1920, 1080, 640, LETTERBOX_CENTRE},
        {"1080p NV12 to 640", PICTURE_NV12, AV_PIX_FMT_NV12, 8, 1920, 1080, 640, LETTERBOX_CENTRE},
        {"1080p 4:2:0 10 bits to 640", PICTURE_YUV_PLANAR, AV_PIX_FMT_YUV420P10, 10, 1920, 1080, 640, LETTERBOX_CENTRE},
        {"1080p 4:2:0 to 416", PICTURE_YUV_PLANAR, AV_PIX_FMT_YUV420P, 8, 1920, 1080, 416, LETTERBOX_TOP_LEFT},
        {"2160p 4:2:0 to 640", PICTURE_YUV_PLANAR, AV_PIX_FMT_YUV420P, 8, 3840, 2160, 640, LETTERBOX_CENTRE},
        {"768x576 4:2:0 to 416", PICTURE_YUV_PLANAR, AV_PIX_FMT_YUV420P, 8, 768, 576, 416, LETTERBOX_TOP_LEFT},
        {"1080p 4:2:0 stretched to 640", PICTURE_YUV_PLANAR, AV_PIX_FMT_YUV420P, 8, 1920, 1080, 640, LETTERBOX_STRETCH},
        {"1080p RGB to 640", PICTURE_RGB, AV_PIX_FMT_RGB24, 8, 1920, 1080, 640, LETTERBOX_CENTRE},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        struct picture *p;
        must(picture_create(tasks[i].layout, tasks[i].width, tasks[i].height, tasks[i].depth, 1, 1,
                            &p));
        for (int k = 0; k < 3 && p->planes[k]; k++) {
            struct plane_shape s = plane_shape(p, k);
            fill(picture_plane(p, k), (size_t)p->strides[k] * (size_t)s.rows, tasks[i].depth,
                 false);
        }
        bench_task(tasks[i].what, p, tasks[i].format,
                   letterbox_make(tasks[i].rule, tasks[i].width, tasks[i].height, tasks[i].model,
                                  tasks[i].model, 114));
        picture_unref(&p);
    }
}

int main(int argc, char **argv)
{
    open_kernels();
    int status = 0;
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        bench();
    else
        status = check();
    close_kernels();
    return status;
}
