// SPDX-License-Identifier: Apache-2.0
// letterbox.c - geometry, choice of kernels, and the walk over model rows.
//
// INVARIANTS
// (1) Every model row is made from at most two rows of each plane; nothing else is kept, so working
//     memory is a few rows whatever the picture.
// (2) Row buffers have LETTERBOX_ROW_PADDING samples behind them: kernels may read them, and what
//     they find there has weight 0.
// (3) Planes are read from the first to the last sample of a row and no further.

#include "vision/letterbox.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/letterbox_priv.h"
#include "vision/picture.h"

enum {
    CHANNELS = 3,
};

// What tables and buffers depend on.
struct shape {
    struct letterbox letterbox;
    enum picture_layout layout;
    int chroma_shift_x;
    int chroma_shift_y;
};

struct letterbox_scratch {
    const struct letterbox_kernel *kernel;
    bool is_ready; // all below is for *shape*
    struct shape shape;
    struct letterbox_rows rows[2]; // of luma, of chroma
    struct letterbox_columns columns[2];
    int16_t *buffers;       // holds the six rows
    int16_t *row[CHANNELS]; // blended, as wide as the source; RGB triples all in the first
    int16_t *out[CHANNELS]; // as wide as the scaled picture
};

// --- geometry

static int at_least_one(int v, int limit)
{
    return MAX(1, MIN(v, limit));
}

// YOLOX: int(w * r), at the top left.
static void place_top_left(struct letterbox *lb, double r)
{
    lb->width = at_least_one((int)(lb->src_width * r), lb->dst_width);
    lb->height = at_least_one((int)(lb->src_height * r), lb->dst_height);
}

// Ultralytics with auto=False: round(w * r), then borders round((W - w) / 2 - 0.1); ties go to
// even.
static void place_centre(struct letterbox *lb, double r)
{
    lb->width = at_least_one((int)rint(lb->src_width * r), lb->dst_width);
    lb->height = at_least_one((int)rint(lb->src_height * r), lb->dst_height);
    lb->x = (int)rint((lb->dst_width - lb->width) / 2.0 - 0.1);
    lb->y = (int)rint((lb->dst_height - lb->height) / 2.0 - 0.1);
}

struct letterbox letterbox_make(enum letterbox_rule rule, int src_width, int src_height,
                                int dst_width, int dst_height, uint8_t fill)
{
    assert(src_width > 0 && src_height > 0 && dst_width > 0 && dst_height > 0);
    struct letterbox lb = {
        .src_width = src_width,
        .src_height = src_height,
        .dst_width = dst_width,
        .dst_height = dst_height,
        .fill = fill,
    };
    double scale_x = (double)dst_width / src_width;
    double scale_y = (double)dst_height / src_height;
    double r = MIN(scale_x, scale_y);
    if (rule == LETTERBOX_STRETCH) {
        lb.width = dst_width;
        lb.height = dst_height;
        lb.scale_x = (float)scale_x;
        lb.scale_y = (float)scale_y;
        return lb;
    }
    if (rule == LETTERBOX_TOP_LEFT)
        place_top_left(&lb, r);
    else
        place_centre(&lb, r);
    lb.scale_x = (float)r; // the way back divides by r, not by what rounding made of it
    lb.scale_y = (float)r;
    return lb;
}

struct box letterbox_to_source(const struct letterbox *lb, struct box in_model)
{
    float x = (float)lb->x;
    float y = (float)lb->y;
    struct box b = {(in_model.x1 - x) / lb->scale_x, (in_model.y1 - y) / lb->scale_y,
                    (in_model.x2 - x) / lb->scale_x, (in_model.y2 - y) / lb->scale_y};
    return box_clip(b, (float)lb->src_width, (float)lb->src_height);
}

// --- kernels

static int choose_kernel(enum cpu_isa isa, const struct letterbox_kernel **ret_kernel)
{
    int r = cpu_isa_choose(isa, &isa);
    if (r < 0)
        return r;
    *ret_kernel = &letterbox_kernel_c;
#if defined(__x86_64__)
    if (isa >= CPU_ISA_AVX512)
        *ret_kernel = &letterbox_kernel_avx512;
    else if (isa == CPU_ISA_AVX2)
        *ret_kernel = &letterbox_kernel_avx2;
#endif
    return 0;
}

// --- scratch

int letterbox_scratch_create(enum cpu_isa isa, struct letterbox_scratch **ret_scratch)
{
    const struct letterbox_kernel *kernel = NULL;
    int r = choose_kernel(isa, &kernel);
    if (r < 0)
        return r;
    struct letterbox_scratch *s = mem_new(struct letterbox_scratch);
    if (!s)
        return ERR_NOMEM;
    s->kernel = kernel;
    *ret_scratch = s;
    return 0;
}

static void forget_shape(struct letterbox_scratch *s)
{
    for (int i = 0; i < 2; i++) {
        letterbox_rows_finish(&s->rows[i]);
        letterbox_columns_finish(&s->columns[i]);
    }
    mem_free(s->buffers);
    s->buffers = NULL;
    s->is_ready = false;
}

void letterbox_scratch_destroy(struct letterbox_scratch *s)
{
    if (!s)
        return;
    forget_shape(s);
    mem_free(s);
}

static size_t whole_vectors(size_t n)
{
    return (n + LETTERBOX_COLUMN_MULTIPLE - 1) / LETTERBOX_COLUMN_MULTIPLE *
           LETTERBOX_COLUMN_MULTIPLE;
}

static int allocate_buffers(struct letterbox_scratch *s, const struct shape *shape)
{
    const struct letterbox *lb = &shape->letterbox;
    size_t n_samples = (size_t)lb->src_width * (shape->layout == PICTURE_RGB ? CHANNELS : 1);
    size_t row = whole_vectors(n_samples) + LETTERBOX_ROW_PADDING;
    size_t out = whole_vectors((size_t)lb->width);
    size_t n_bytes = CHANNELS * (row + out) * sizeof(int16_t);
    s->buffers = (int16_t *)mem_aligned(n_bytes);
    if (!s->buffers)
        return ERR_NOMEM;
    memset(s->buffers, 0, n_bytes);
    for (size_t i = 0; i < CHANNELS; i++) {
        s->row[i] = s->buffers + i * row;
        s->out[i] = s->buffers + CHANNELS * row + i * out;
    }
    // Grey pictures keep these; others overwrite them.
    for (size_t i = 0; i < out; i++) {
        s->out[1][i] = LETTERBOX_NEUTRAL;
        s->out[2][i] = LETTERBOX_NEUTRAL;
    }
    return 0;
}

static int prepare(struct letterbox_scratch *s, const struct shape *shape)
{
    forget_shape(s);
    const struct letterbox *lb = &shape->letterbox;
    const int shift_x[2] = {0, shape->chroma_shift_x};
    const int shift_y[2] = {0, shape->chroma_shift_y};
    for (int i = 0; i < 2; i++) {
        int r = letterbox_rows_init(&s->rows[i], lb->src_height, lb->height, shift_y[i]);
        if (r < 0)
            return r;
        r = letterbox_columns_init(&s->columns[i], lb->src_width, lb->width, shift_x[i]);
        if (r < 0)
            return r;
    }
    int r = allocate_buffers(s, shape);
    if (r < 0)
        return r;
    s->shape = *shape;
    s->is_ready = true;
    return 0;
}

static struct shape shape_of(const struct letterbox *lb, const struct picture *p)
{
    bool is_planar = p->layout == PICTURE_YUV_PLANAR;
    bool is_halved = p->layout == PICTURE_NV12;
    return (struct shape){
        .letterbox = *lb,
        .layout = p->layout,
        .chroma_shift_x = is_halved   ? 1
                          : is_planar ? p->chroma_shift_x
                                      : 0,
        .chroma_shift_y = is_halved   ? 1
                          : is_planar ? p->chroma_shift_y
                                      : 0,
    };
}

static bool is_same_shape(const struct shape *a, const struct shape *b)
{
    const struct letterbox *x = &a->letterbox;
    const struct letterbox *y = &b->letterbox;
    return a->layout == b->layout && a->chroma_shift_x == b->chroma_shift_x &&
           a->chroma_shift_y == b->chroma_shift_y && x->src_width == y->src_width &&
           x->src_height == y->src_height && x->width == y->width && x->height == y->height;
}

// --- colour

struct matrix {
    double kr, kb; // weights of red and blue in luma
};

static struct matrix matrix_of(const struct picture *p)
{
    switch (p->matrix) {
    case PICTURE_BT709:
        return (struct matrix){0.2126, 0.0722};
    case PICTURE_BT2020:
        return (struct matrix){0.2627, 0.0593};
    case PICTURE_BT601:
        return (struct matrix){0.299, 0.114};
    case PICTURE_MATRIX_UNSET:
        break;
    }
    return p->height >= 720 ? (struct matrix){0.2126, 0.0722} : (struct matrix){0.299, 0.114};
}

// Pictures that are only grey are full range where nothing is said, as libav has it.
static bool is_full_range(const struct picture *p)
{
    if (p->range == PICTURE_RANGE_UNSET)
        return p->layout == PICTURE_GRAY;
    return p->range == PICTURE_FULL;
}

// Factors that multiply 15-bit samples to 0..255 with LETTERBOX_COLOUR_SHIFT bits behind the point.
// The largest, BT.2020's blue in limited range, is 0.54 * 2^15.
static struct letterbox_colour colour_make(const struct picture *p)
{
    struct matrix m = matrix_of(p);
    bool is_full = is_full_range(p);
    double full = (double)((1 << 15) - (1 << (15 - MIN(p->bit_depth, 15))));
    if (p->bit_depth == 16)
        full = 32767.5; // 65535 without its lowest bit
    double luma_range = is_full ? full : 219 * 128;
    double chroma_range = is_full ? full : 224 * 128;
    double one = 255.0 * (1 << LETTERBOX_COLOUR_SHIFT) * (1 << 15);
    double chroma = one / chroma_range / 2; // chroma is doubled before
    double kg = 1 - m.kr - m.kb;
    return (struct letterbox_colour){
        .luma_offset = is_full ? 0 : 16 * 128,
        .luma = (int16_t)lrint(one / luma_range),
        .red_v = (int16_t)lrint(chroma * 2 * (1 - m.kr)),
        .green_u = (int16_t)lrint(chroma * 2 * (1 - m.kb) * m.kb / kg),
        .green_v = (int16_t)lrint(chroma * 2 * (1 - m.kr) * m.kr / kg),
        .blue_u = (int16_t)lrint(chroma * 2 * (1 - m.kb)),
    };
}

// --- the walk

static int check_picture(const struct letterbox *lb, const struct picture *p)
{
    if (p->width != lb->src_width || p->height != lb->src_height)
        return err_set(ERR_INVALID, "letterbox: picture is %dx%d, not %dx%d", p->width, p->height,
                       lb->src_width, lb->src_height);
    bool is_known = p->layout == PICTURE_YUV_PLANAR || p->layout == PICTURE_NV12 ||
                    p->layout == PICTURE_GRAY || p->layout == PICTURE_RGB;
    bool has_words = p->layout == PICTURE_YUV_PLANAR || p->layout == PICTURE_GRAY;
    if (!is_known || p->bit_depth < 8 || p->bit_depth > (has_words ? 16 : 8))
        return err_set(ERR_UNSUPPORTED, "letterbox: layout %d with %d bits", (int)p->layout,
                       p->bit_depth);
    if (p->chroma_shift_x < 0 || p->chroma_shift_x > 2 || p->chroma_shift_y < 0 ||
        p->chroma_shift_y > 2)
        return err_set(ERR_UNSUPPORTED, "letterbox: chroma shifts %d and %d", p->chroma_shift_x,
                       p->chroma_shift_y);
    return 0;
}

struct row_pair {
    const uint8_t *a, *b; // the same where only one row counts
    int weight;           // of b
};

static struct row_pair rows_for(const struct picture *p, int plane,
                                const struct letterbox_rows *rows, int y)
{
    const uint8_t *a = p->planes[plane] + p->strides[plane] * rows->index[y];
    int weight = rows->weight[y];
    return (struct row_pair){a, weight ? a + p->strides[plane] : a, weight};
}

static void make_channel(struct letterbox_scratch *s, const struct picture *p, int channel, int y)
{
    int of_chroma = channel > 0;
    int shift = of_chroma ? s->shape.chroma_shift_x : 0;
    int n = (p->width + (int)BIT(shift) - 1) >> shift;
    struct row_pair rows = rows_for(p, channel, &s->rows[of_chroma], y);
    if (p->bit_depth > 8)
        s->kernel->blend_words(s->row[channel], rows.a, rows.b, n, rows.weight, p->bit_depth);
    else
        s->kernel->blend(s->row[channel], rows.a, rows.b, n, rows.weight);
    s->kernel->across(s->out[channel], s->row[channel], &s->columns[of_chroma]);
}

static void make_nv12_chroma(struct letterbox_scratch *s, const struct picture *p, int y)
{
    struct row_pair rows = rows_for(p, 1, &s->rows[1], y);
    s->kernel->blend_pairs(s->row[1], s->row[2], rows.a, rows.b, (p->width + 1) / 2, rows.weight);
    s->kernel->across(s->out[1], s->row[1], &s->columns[1]);
    s->kernel->across(s->out[2], s->row[2], &s->columns[1]);
}

static void make_rgb_row(struct letterbox_scratch *s, const struct picture *p, int y,
                         uint8_t *ret_rgb)
{
    struct row_pair rows = rows_for(p, 0, &s->rows[0], y);
    s->kernel->blend(s->row[0], rows.a, rows.b, p->width * CHANNELS, rows.weight);
    letterbox_across_triples(ret_rgb, s->row[0], &s->columns[0]);
}

static void make_yuv_row(struct letterbox_scratch *s, const struct picture *p, int y,
                         const struct letterbox_colour *colour, uint8_t *ret_rgb)
{
    make_channel(s, p, 0, y);
    if (p->layout == PICTURE_NV12) {
        make_nv12_chroma(s, p, y);
    } else if (p->layout == PICTURE_YUV_PLANAR) {
        make_channel(s, p, 1, y);
        make_channel(s, p, 2, y);
    }
    s->kernel->store(ret_rgb, (const int16_t *const *)s->out, s->shape.letterbox.width, colour);
}

int letterbox_run(struct letterbox_scratch *s, const struct letterbox *lb,
                  const struct picture *picture, uint8_t *ret_rgb)
{
    assert(lb->x >= 0 && lb->y >= 0 && lb->x + lb->width <= lb->dst_width &&
           lb->y + lb->height <= lb->dst_height);
    int r = check_picture(lb, picture);
    if (r < 0)
        return r;
    struct shape shape = shape_of(lb, picture);
    if (!s->is_ready || !is_same_shape(&s->shape, &shape)) {
        r = prepare(s, &shape);
        if (r < 0)
            return r;
    }
    struct letterbox_colour colour = colour_make(picture);

    size_t stride = (size_t)lb->dst_width * 3;
    size_t left = (size_t)lb->x * 3;
    size_t inner = (size_t)lb->width * 3;
    size_t n_above = (size_t)lb->y;
    size_t n_below = (size_t)(lb->dst_height - lb->y - lb->height);
    memset(ret_rgb, lb->fill, n_above * stride);
    uint8_t *out = ret_rgb + n_above * stride;
    for (int y = 0; y < lb->height; y++, out += stride) {
        memset(out, lb->fill, left);
        if (picture->layout == PICTURE_RGB)
            make_rgb_row(s, picture, y, out + left);
        else
            make_yuv_row(s, picture, y, &colour, out + left);
        memset(out + left + inner, lb->fill, stride - left - inner);
    }
    memset(out, lb->fill, n_below * stride);
    return 0;
}
