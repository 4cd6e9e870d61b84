// SPDX-License-Identifier: Apache-2.0
// kernel_conv.c - packs a convolution's weights and walks over its output block by block.
//
// INVARIANTS
// (1) A block is within one output row; a 1x1 convolution of stride 1 sees the picture as one row.
// (2) Each panel of 16 channels belongs to one group; groups differ by one panel at most.
// (3) Filters over few channels (pictures) take a row of taps as one, its bytes being neighbours; a
//     row that leaves the picture, or whose last unit would leave the tensor, is copied to a patch.
// (4) F32 filters over few channels sum each tap by itself: their inputs are often a picture's own
//     numbers, up to 255, whose long sums cancel. yolox_nano's first layer alone was 1.7e-4 off in
//     the outputs by one chain of 108 products, and is 1e-5 off by nine of 12.

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel.h"
#include "nn/kernel_conv_priv.h"
#include "nn/kernel_priv.h"

enum {
    QUICK_ADD_BITS = 8, // of quick_add beyond those of the shift
    WEIGHT_LIMIT = 127,
    BAND_BYTES = 192 * 1024, // of input that all groups pass over before the next: half of an L2
    TAP_BY_TAP_CHANNELS = KERNEL_LANES, // at most: an addition more for so many products
    SCRATCH_SPARE = 64, // behind a widened band, which units may read but for nothing
};

// --- shapes

static int check_opts(const struct kernel_conv_opts *o)
{
    int n_taps = o->kernel_height * o->kernel_width;
    bool is_sane = o->kernel_height > 0 && o->kernel_width > 0 &&
                   o->kernel_height <= KERNEL_CONV_MAX_TAPS &&
                   o->kernel_width <= KERNEL_CONV_MAX_TAPS && n_taps <= KERNEL_CONV_MAX_TAPS;
    bool has_channels = o->in_channels > 0 && o->in_channels <= KERNEL_CONV_MAX_CHANNELS &&
                        o->out_channels > 0 && o->out_channels <= KERNEL_CONV_MAX_CHANNELS;
    if (o->type == KERNEL_U8 && (int64_t)n_taps * o->in_channels > KERNEL_CONV_MAX_SUM)
        has_channels = false;
    // a pixel of padding on either side of a tap is all that padding can be asked for
    bool is_padded_sanely = o->pad_top >= 0 && o->pad_top < o->kernel_height && o->pad_left >= 0 &&
                            o->pad_left < o->kernel_width;
    if (!is_sane || !has_channels || !is_padded_sanely || o->stride < 1 || o->stride > 2)
        return err_set(ERR_UNSUPPORTED,
                       "convolution: %dx%d, stride %d, padding %d and %d, %d to %d channels",
                       o->kernel_height, o->kernel_width, o->stride, o->pad_top, o->pad_left,
                       o->in_channels, o->out_channels);
    return 0;
}

const struct kernel_conv_impl *kernel_conv_impl_for(enum kernel_type type, enum cpu_isa isa)
{
#if defined(__x86_64__)
    if (kernel_conv_amx[type].finish && kernel_conv_amx[type].isa <= isa)
        return &kernel_conv_amx[type];
    if (kernel_conv_avx512[type].finish && kernel_conv_avx512[type].isa <= isa)
        return &kernel_conv_avx512[type];
    if (kernel_conv_avx2[type].finish && kernel_conv_avx2[type].isa <= isa)
        return &kernel_conv_avx2[type];
#elif defined(__aarch64__)
    if (kernel_conv_neon[type].finish && kernel_conv_neon[type].isa <= isa)
        return &kernel_conv_neon[type];
#endif
    return &kernel_conv_c[type];
}

// Of what the blocks read.
static size_t element_bytes(const struct kernel_conv *c)
{
    return c->impl->widen ? sizeof(int16_t) : kernel_type_bytes(c->opts.type);
}

static int elements_per_unit(const struct kernel_conv *c)
{
    return KERNEL_UNIT_BYTES / (int)element_bytes(c);
}

// --- weights

// The largest magnitude of channel *o*'s weights stands for 127.
static float weight_scale(const struct kernel_conv_opts *opts, int o)
{
    size_t n = (size_t)opts->in_channels * (size_t)(opts->kernel_height * opts->kernel_width);
    const float *w = opts->weights + (size_t)o * n;
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(w[i]));
    return most > 0 && isfinite(most) ? most / WEIGHT_LIMIT : 1;
}

static int quantise_weight(float w, float scale)
{
    float q = rintf(w / scale);
    return q >= -WEIGHT_LIMIT ? (int)fminf(q, WEIGHT_LIMIT) : -WEIGHT_LIMIT; // NaN: the least
}

static void put_weight(const struct kernel_conv *c, size_t at, float w, float scale)
{
    switch (c->opts.type) {
    case KERNEL_F32:
        ((float *)(void *)c->weights)[at] = w;
        return;
    case KERNEL_BF16:
        ((uint16_t *)(void *)c->weights)[at] = kernel_to_bf16(w);
        return;
    default:
        if (c->impl->widen)
            ((int16_t *)(void *)c->weights)[at] = (int16_t)quantise_weight(w, scale);
        else
            ((int8_t *)c->weights)[at] = (int8_t)quantise_weight(w, scale);
    }
}

// Where the weight of (channel, tap, input channel) goes, in elements; see kernel_priv.h.
static size_t weight_place(const struct kernel_conv *c, const struct kernel_group *g, int channel,
                           int ky, int kx, int in)
{
    int tap = c->is_merged ? ky : ky * c->opts.kernel_width + kx;
    int k = c->is_merged ? kx * c->opts.in_channels + in : in;
    int n = elements_per_unit(c);
    size_t unit = (size_t)tap * (size_t)c->n_units + (size_t)(k / n);
    int in_group = channel - g->first_channel;
    size_t panel = unit * (size_t)g->n_panels + (size_t)(in_group / KERNEL_LANES);
    size_t lane = panel * KERNEL_LANES + (size_t)(in_group % KERNEL_LANES);
    return g->weights_at / element_bytes(c) + lane * (size_t)n + (size_t)(k % n);
}

// Returns the sum of the channel's weights as they are kept (U8).
static double pack_channel(struct kernel_conv *c, const struct kernel_group *g,
                           const float *weights, int channel, float scale)
{
    const struct kernel_conv_opts *o = &c->opts;
    size_t n_taps = (size_t)(o->kernel_height * o->kernel_width);
    double sum = 0;
    for (int in = 0; in < o->in_channels; in++) {
        const float *w = weights + ((size_t)channel * (size_t)o->in_channels + (size_t)in) * n_taps;
        for (int ky = 0; ky < o->kernel_height; ky++) {
            for (int kx = 0; kx < o->kernel_width; kx++) {
                float v = w[ky * o->kernel_width + kx];
                put_weight(c, weight_place(c, g, channel, ky, kx, in), v, scale);
                if (o->type == KERNEL_U8)
                    sum += quantise_weight(v, scale);
            }
        }
    }
    return sum;
}

static void pack(struct kernel_conv *c, const struct kernel_conv_opts *opts)
{
    for (int i = 0; i < c->n_groups; i++) {
        const struct kernel_group *g = &c->groups[i];
        int end = MIN(g->first_channel + g->n_panels * KERNEL_LANES, opts->out_channels);
        for (int o = g->first_channel; o < end; o++) {
            float scale = opts->type == KERNEL_U8 ? weight_scale(opts, o) : 1;
            double sum = pack_channel(c, g, opts->weights, o, scale);
            double bias = opts->bias ? (double)opts->bias[o] : 0;
            if (opts->type == KERNEL_U8) {
                double factor = (double)scale * (double)opts->in_scale;
                c->factor[o] = (float)factor;
                bias -= factor * opts->in_zero_point * sum;
            }
            c->offset[o] = (float)bias;
        }
    }
}

// (2): as few groups as can be, of sizes as equal as can be.
static void make_groups(struct kernel_conv *c)
{
    const size_t unit_panel_bytes = (size_t)KERNEL_LANES * KERNEL_UNIT_BYTES;
    size_t at = 0;
    int panel = 0;
    for (int i = 0; i < c->n_groups; i++) {
        int left = c->n_groups - i;
        int n = (c->n_panels - panel + left - 1) / left;
        c->groups[i] = (struct kernel_group){n, panel * KERNEL_LANES, at};
        at += (size_t)c->n_taps * (size_t)c->n_units * (size_t)n * unit_panel_bytes;
        panel += n;
    }
    c->weights_bytes = at;
}

static void fill_padding(struct kernel_conv *c, size_t n_bytes)
{
    if (!c->impl->widen) {
        memset(c->padding, c->opts.in_zero_point, n_bytes);
        return;
    }
    int16_t *wide = (int16_t *)(void *)c->padding;
    for (size_t i = 0; i < n_bytes / sizeof(*wide); i++)
        wide[i] = (int16_t)c->opts.in_zero_point;
}

static int allocate(struct kernel_conv *c)
{
    size_t n_channels = (size_t)c->n_panels * KERNEL_LANES;
    size_t padding = (size_t)c->n_units * KERNEL_UNIT_BYTES;
    c->groups = mem_array(struct kernel_group, (size_t)c->n_groups);
    if (!c->groups)
        return ERR_NOMEM;
    make_groups(c);
    c->weights = (uint8_t *)mem_aligned(c->weights_bytes);
    c->offset = mem_array(float, n_channels);
    c->factor = c->opts.type == KERNEL_U8 ? mem_array(float, n_channels) : NULL;
    c->padding = (uint8_t *)mem_calloc(padding, 1);
    if (!c->weights || !c->offset || !c->padding || (c->opts.type == KERNEL_U8 && !c->factor))
        return ERR_NOMEM;
    memset(c->weights, 0, c->weights_bytes);
    if (c->opts.type == KERNEL_U8)
        fill_padding(c, padding);
    return 0;
}

// The largest magnitude that any value of channel *o* can have, as struct kernel_quick counts.
static double quick_reach(const struct kernel_conv *c, const struct kernel_conv_opts *opts, int o)
{
    size_t n = (size_t)opts->in_channels * (size_t)(opts->kernel_height * opts->kernel_width);
    return 255.0 * WEIGHT_LIMIT * (double)n * fabs((double)c->quick_factor[o]) +
           fabs((double)c->quick_offset[o]);
}

// Where SILU's output is known in advance, and no value leaves 32 bits on its way there.
static int make_quick(struct kernel_conv *c)
{
    const struct kernel_conv_opts *o = &c->opts;
    if (o->type != KERNEL_U8 || c->impl->widen || o->activation != KERNEL_SILU ||
        !(o->out_scale > 0))
        return 0;
    size_t n_channels = (size_t)c->n_panels * KERNEL_LANES;
    c->quick_factor = mem_array(float, n_channels);
    c->quick_offset = mem_array(float, n_channels);
    c->quick = mem_new(struct kernel_quick);
    if (!c->quick_factor || !c->quick_offset || !c->quick)
        return ERR_NOMEM;
    bool fits = kernel_quick_fill(o->out_scale, o->out_zero_point, o->adds, c->quick);
    double steps = fits ? KERNEL_QUICK_ONE / (double)c->quick->range : 0;
    for (int i = 0; i < o->out_channels && fits; i++) {
        c->quick_factor[i] = (float)(steps * (double)c->factor[i]);
        c->quick_offset[i] = (float)(steps * (double)c->offset[i]);
        fits = quick_reach(c, o, i) < 0x1p31;
    }
    if (!fits) {
        mem_free(c->quick);
        c->quick = NULL;
    }
    return 0;
}

static void plan_units(struct kernel_conv *c)
{
    const struct kernel_conv_opts *o = &c->opts;
    int per_unit = elements_per_unit(c);
    c->is_merged = o->in_channels <= KERNEL_CONV_FEW_CHANNELS;
    c->n_taps = c->is_merged ? o->kernel_height : o->kernel_height * o->kernel_width;
    int elements = c->is_merged ? o->in_channels * o->kernel_width : o->in_channels;
    c->n_units = (elements + per_unit - 1) / per_unit;
    c->n_panels = (o->out_channels + KERNEL_LANES - 1) / KERNEL_LANES;
    c->n_groups = (c->n_panels + c->impl->max_panels - 1) / c->impl->max_panels;
    c->tap_by_tap = o->type == KERNEL_F32 && !c->is_merged && c->n_taps > 1 &&
                    o->in_channels <= TAP_BY_TAP_CHANNELS;
}

int kernel_conv_create_with(const struct kernel_conv_opts *opts,
                            const struct kernel_conv_impl *impl, struct kernel_conv **ret_conv)
{
    int r = check_opts(opts);
    if (r < 0)
        return r;
    struct kernel_conv *c = mem_new(struct kernel_conv);
    if (!c)
        return ERR_NOMEM;
    c->opts = *opts;
    c->opts.weights = NULL;
    c->opts.bias = NULL;
    c->impl = impl;
    plan_units(c);
    r = allocate(c);
    if (r < 0) {
        kernel_conv_destroy(c);
        return r;
    }
    pack(c, opts);
    r = make_quick(c);
    if (r == 0 && impl->strips)
        r = kernel_conv_prepare_strips(c);
    if (r < 0) {
        kernel_conv_destroy(c);
        return r;
    }
    *ret_conv = c;
    return 0;
}

int kernel_conv_create(const struct kernel_conv_opts *opts, struct kernel_conv **ret_conv)
{
    enum cpu_isa isa = CPU_ISA_UNSET;
    int r = cpu_isa_choose(opts->isa, &isa);
    if (r < 0)
        return r;
    return kernel_conv_create_with(opts, kernel_conv_impl_for(opts->type, isa), ret_conv);
}

void kernel_conv_destroy(struct kernel_conv *c)
{
    if (!c)
        return;
    mem_free(c->groups);
    mem_free(c->weights);
    mem_free(c->factor);
    mem_free(c->offset);
    mem_free(c->padding);
    mem_free(c->tap_sums);
    mem_free(c->quick);
    mem_free(c->quick_factor);
    mem_free(c->quick_offset);
    mem_free(c);
}

size_t kernel_conv_bytes(const struct kernel_conv *c)
{
    return c->weights_bytes;
}

enum cpu_isa kernel_conv_isa(const struct kernel_conv *c)
{
    return c->impl->isa;
}

// --- the walk

// A block's pixels, *n* of them, at (y, x).
static void point_tap(const struct kernel_walk *w, const uint8_t **pixels, int n, int y, int x,
                      int kx)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    int first = x * o->stride - o->pad_left + kx;
    bool is_inside = y >= 0 && y < w->in_height;
    const uint8_t *row =
        is_inside ? w->in + ((ptrdiff_t)y * w->in_width * w->in_stride - w->in_from) : NULL;
    for (int i = 0; i < n; i++) {
        int at = first + i * o->stride;
        pixels[i] = row && at >= 0 && at < w->in_width ? row + at * w->in_stride : w->conv->padding;
    }
}

static void point_taps(struct kernel_walk *w, int n, int y, int x)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    const uint8_t **pixels = w->pixels;
    for (int ky = 0; ky < o->kernel_height; ky++) {
        for (int kx = 0; kx < o->kernel_width; kx++, pixels += n)
            point_tap(w, pixels, n, y * o->stride - o->pad_top + ky, x, kx);
    }
}

// (3): the row of taps of one pixel whose first tap is at (y, x), in place or as a patch.
static const uint8_t *merged_row(const struct kernel_walk *w, uint8_t *patch, int y, int x)
{
    const struct kernel_conv *c = w->conv;
    if (y < 0 || y >= w->in_height)
        return c->padding;
    ptrdiff_t row = (ptrdiff_t)y * w->in_width;
    ptrdiff_t end = (ptrdiff_t)w->in_height * w->in_width * w->in_stride;
    int width = c->opts.kernel_width;
    ptrdiff_t at = (row + x) * w->in_stride;
    ptrdiff_t n_bytes = (ptrdiff_t)c->n_units * KERNEL_UNIT_BYTES;
    if (x >= 0 && x + width <= w->in_width && at + n_bytes <= end)
        return w->in + (at - w->in_from);
    memcpy(patch, c->padding, (size_t)n_bytes);
    int from = MAX(x, 0);
    int to = MIN(x + width, w->in_width);
    if (from < to)
        memcpy(patch + (from - x) * w->in_stride,
               w->in + ((row + from) * w->in_stride - w->in_from),
               (size_t)((to - from) * w->in_stride));
    return patch;
}

static void point_merged(struct kernel_walk *w, int n, int y, int x)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    size_t n_bytes = (size_t)w->conv->n_units * KERNEL_UNIT_BYTES;
    for (int ky = 0; ky < o->kernel_height; ky++) {
        for (int i = 0; i < n; i++)
            w->pixels[ky * n + i] =
                merged_row(w, w->patches[i] + (size_t)ky * n_bytes, y * o->stride - o->pad_top + ky,
                           (x + i) * o->stride - o->pad_left);
    }
}

// Whether all taps of the *n* pixels at (y, x), and what units read behind them, are in the
// picture.
static bool is_interior(const struct kernel_walk *w, int n, int y, int x)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    int top = y * o->stride - o->pad_top;
    int left = x * o->stride - o->pad_left;
    int right = left + (n - 1) * o->stride + o->kernel_width;
    // merged: units may end behind the row, but not behind the picture
    int spare = w->conv->is_merged ? KERNEL_UNIT_BYTES : 0;
    return top >= 0 && top + o->kernel_height <= w->in_height && left >= 0 &&
           right + spare <= w->in_width;
}

// A block beside the one before, both inside the picture, has the same pixels moved on.
static void move_on(struct kernel_walk *w, int n)
{
    int n_pointers = w->conv->n_taps * n;
    ptrdiff_t step = n * w->conv->opts.stride * w->in_stride;
    for (int i = 0; i < n_pointers; i++)
        w->pixels[i] += step;
}

static void point(struct kernel_walk *w, int n, int y, int x)
{
    bool is_inside = is_interior(w, n, y, x);
    if (is_inside && w->ahead == n)
        move_on(w, n);
    else if (w->conv->is_merged)
        point_merged(w, n, y, x);
    else
        point_taps(w, n, y, x);
    w->ahead = is_inside ? n : 0;
}

void kernel_conv_channels(struct kernel_walk *w, const struct kernel_group *g)
{
    const struct kernel_conv *c = w->conv;
    struct kernel_finish *f = &w->finish;
    f->n_panels = g->n_panels;
    f->n_channels = MIN(g->n_panels * KERNEL_LANES, c->opts.out_channels - g->first_channel);
    const float *factor = f->quick ? c->quick_factor : c->factor;
    f->factor = factor ? factor + g->first_channel : NULL;
    f->offset = (f->quick ? c->quick_offset : c->offset) + g->first_channel;
}

static kernel_block_fn *block_fn_for(const struct kernel_conv_impl *impl, int n_panels,
                                     int n_pixels, int n_channels)
{
    if (impl->any_block)
        return impl->any_block;
    bool is_half = n_channels <= n_panels * KERNEL_LANES - KERNEL_LANES / 2;
    if (is_half && n_panels <= KERNEL_HALF_PANELS && impl->half_blocks[n_panels][n_pixels])
        return impl->half_blocks[n_panels][n_pixels];
    return impl->blocks[n_panels][n_pixels];
}

static void run_block(struct kernel_walk *w, const struct kernel_group *g, int n, int y, int x)
{
    const struct kernel_conv *c = w->conv;
    point(w, n, y, x);
    union kernel_sums sums;
    struct kernel_block b = {
        .pixels = w->pixels,
        .weights = c->weights + g->weights_at,
        .n_taps = c->n_taps,
        .n_units = c->n_units,
        .n_pixels = n,
        .n_panels = g->n_panels,
        .most_pixels = w->most_pixels,
        .pixel_step = w->ahead ? c->opts.stride * w->in_stride : 0,
        .tap_by_tap = c->tap_by_tap,
    };
    kernel_conv_channels(w, g);
    block_fn_for(c->impl, g->n_panels, n, w->finish.n_channels)(&b, &sums);
    ptrdiff_t pixel = (ptrdiff_t)y * w->out_width + x;
    ptrdiff_t channel = (ptrdiff_t)((size_t)g->first_channel * w->out_bytes);
    struct kernel_finish *f = &w->finish;
    f->sums = &sums;
    f->n_pixels = n;
    f->out = w->out + pixel * f->out_stride + channel;
    f->add = w->add ? w->add + pixel * f->add_stride + channel : NULL;
    c->impl->finish(f);
}

// Columns [from, to) of row *y* in blocks of nearly one size.
void kernel_conv_row(struct kernel_walk *w, const struct kernel_group *g, int y, int from, int to)
{
    int most = w->conv->impl->max_pixels[g->n_panels];
    int n_blocks = (to - from + most - 1) / most;
    w->ahead = 0;
    for (int i = 0; i < n_blocks; i++) {
        int n = (to - from + (n_blocks - i) - 1) / (n_blocks - i);
        run_block(w, g, n, y, from);
        from += n;
    }
}

static void run_band(struct kernel_walk *w, int y_from, int y_to, int x_from, int x_to)
{
    for (int i = 0; i < w->conv->n_groups; i++) {
        const struct kernel_group *g = &w->conv->groups[i];
        if (w->conv->tap_sums) {
            kernel_conv_strips(w, g, y_from, y_to, x_from, x_to);
            continue;
        }
        for (int y = y_from; y < y_to; y++)
            kernel_conv_row(w, g, y, x_from, x_to);
    }
}

// --- bands

// What all groups pass over before the next such part of the picture.
struct bands {
    int rows, columns; // of the output
};

static bool is_flat(const struct kernel_walk *w)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    return o->kernel_height == 1 && o->kernel_width == 1 && o->stride == 1;
}

static struct bands bands_of(const struct kernel_walk *w)
{
    ptrdiff_t stride = w->conv->opts.stride;
    ptrdiff_t pixel_bytes = w->in_stride * stride * stride;
    ptrdiff_t columns = MAX(BAND_BYTES / pixel_bytes, KERNEL_MAX_PIXELS);
    return (struct bands){
        .rows = (int)MAX(BAND_BYTES / (pixel_bytes * w->out_width), 1),
        .columns = w->out_height == 1 ? (int)MIN(columns, w->out_width) : w->out_width,
    };
}

// The input rows that output rows [y, y_to) read: *ret_from* and how many.
static int rows_read(const struct kernel_walk *w, int y, int y_to, int *ret_from)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    int from = MAX(y * o->stride - o->pad_top, 0);
    int to = MIN((y_to - 1) * o->stride - o->pad_top + o->kernel_height, w->in_height);
    *ret_from = from;
    return MAX(to - from, 0);
}

// Columns matter where the picture is flat; else bands are whole rows.
static void widen_band(struct kernel_walk *w, int y, int y_to, int x, int x_to)
{
    int row = 0;
    int n_rows = rows_read(w, y, y_to, &row);
    bool is_part = is_flat(w);
    size_t n_pixels = is_part ? (size_t)(x_to - x) : (size_t)n_rows * (size_t)w->in_width;
    ptrdiff_t first = is_part ? x : (ptrdiff_t)row * w->in_width;
    w->in_from = first * w->in_stride;
    w->conv->impl->widen(w->narrow + first * w->narrow_stride, w->narrow_stride, n_pixels,
                         (size_t)w->conv->opts.in_channels, w->wide,
                         w->in_stride / (ptrdiff_t)sizeof(int16_t));
}

static void run_bands(struct kernel_walk *w)
{
    const struct kernel_conv_impl *impl = w->conv->impl;
    struct bands b = bands_of(w);
    int most = impl->max_pixels[w->conv->groups[0].n_panels];
    int n_blocks = (b.columns + most - 1) / most;
    w->most_pixels = (b.columns + n_blocks - 1) / n_blocks;
    if (impl->begin)
        impl->begin(w->most_pixels, w->conv->n_units);
    for (int y = 0; y < w->out_height; y += b.rows) {
        for (int x = 0; x < w->out_width; x += b.columns) {
            int y_to = MIN(y + b.rows, w->out_height);
            int x_to = MIN(x + b.columns, w->out_width);
            if (impl->widen)
                widen_band(w, y, y_to, x, x_to);
            run_band(w, y, y_to, x, x_to);
        }
    }
    if (impl->end)
        impl->end();
}

// (1)
static void flatten(struct kernel_walk *w)
{
    if (!is_flat(w))
        return;
    w->in_width *= w->in_height;
    w->out_width *= w->out_height;
    w->in_height = 1;
    w->out_height = 1;
}

static void assert_views(const struct kernel_conv *c, const struct kernel_view *in,
                         const struct kernel_view *add, const struct kernel_view *out)
{
    const struct kernel_conv_opts *o = &c->opts;
    int per_unit = KERNEL_UNIT_BYTES / (int)kernel_type_bytes(o->type);
    int readable = (o->in_channels + per_unit - 1) / per_unit * per_unit;
    assert(in->type == o->type && in->channels == o->in_channels);
    assert(out->channels == o->out_channels && out->pixel_stride >= out->channels);
    assert(c->is_merged ? in->pixel_stride == in->channels : in->pixel_stride >= readable);
    assert(o->kernel_height * o->kernel_width * o->stride > 1 ||
           (in->height == out->height && in->width == out->width));
    assert(!add || (add->type == out->type && add->channels == out->channels &&
                    add->height == out->height && add->width == out->width));
    (void)readable;
}

// The sizes of both pictures as the walk sees them.
static void set_sizes(struct kernel_walk *w, const struct kernel_conv *c,
                      const struct kernel_view *in, const struct kernel_view *out)
{
    w->conv = c;
    w->in_height = in->height;
    w->in_width = in->width;
    w->out_height = out->height;
    w->out_width = out->width;
    size_t stride = (size_t)in->pixel_stride;
    if (c->impl->widen) {
        size_t channels = (size_t)c->opts.in_channels;
        stride = c->is_merged ? channels : (channels + 1) / 2 * 2;
    }
    w->in_stride = (ptrdiff_t)(stride * element_bytes(c));
    flatten(w);
}

size_t kernel_conv_scratch(const struct kernel_conv *c, const struct kernel_view *in,
                           const struct kernel_view *out)
{
    if (!c->impl->widen)
        return 0;
    struct kernel_walk w;
    set_sizes(&w, c, in, out);
    struct bands b = bands_of(&w);
    size_t rows = (size_t)MIN((b.rows - 1) * c->opts.stride + c->opts.kernel_height, w.in_height);
    size_t pixels = is_flat(&w) ? (size_t)b.columns : rows * (size_t)w.in_width;
    return pixels * (size_t)w.in_stride + SCRATCH_SPARE;
}

static bool is_quick(const struct kernel_conv *c, const struct kernel_view *add,
                     const struct kernel_view *out)
{
    bool fits = c->opts.adds == (add != NULL) &&
                (!add || (add->scale <= out->scale && add->zero_point >= 0 &&
                          add->zero_point <= UINT8_MAX));
    return c->quick && fits && out->type == KERNEL_U8 && out->scale == c->opts.out_scale &&
           out->zero_point == c->opts.out_zero_point;
}

void kernel_conv_run(const struct kernel_conv *c, const struct kernel_view *in,
                     const struct kernel_view *add, const struct kernel_view *out, void *scratch)
{
    assert_views(c, in, add, out);
    size_t out_bytes = kernel_type_bytes(out->type);
    struct kernel_walk w;
    set_sizes(&w, c, in, out);
    w.in = c->impl->widen ? (const uint8_t *)scratch : (const uint8_t *)in->data;
    w.in_from = 0;
    w.narrow = (const uint8_t *)in->data;
    w.narrow_stride = in->pixel_stride;
    w.wide = (int16_t *)scratch;
    w.out = (uint8_t *)out->data;
    w.add = add ? (const uint8_t *)add->data : NULL;
    w.out_bytes = out_bytes;
    w.finish = (struct kernel_finish){
        .activation = c->opts.activation,
        .alpha = c->opts.alpha,
        .type = out->type,
        .scale = out->type == KERNEL_U8 ? out->scale : 1,
        .inverse_scale = out->type == KERNEL_U8 ? 1 / out->scale : 1,
        .zero_point = (float)out->zero_point,
        .add_scale = add && add->type == KERNEL_U8 ? add->scale : 1,
        .add_zero_point = add ? (float)add->zero_point : 0,
        .quick = is_quick(c, add, out) ? c->quick : NULL,
        .quick_add = add && is_quick(c, add, out)
                         ? (int16_t)lrintf(add->scale / out->scale *
                                           (float)(1 << (QUICK_ADD_BITS + c->quick->shift)))
                         : 0,
        .quick_add_zero = add ? (int16_t)add->zero_point : 0,
        .add_stride = add ? (ptrdiff_t)((size_t)add->pixel_stride * out_bytes) : 0,
        .out_stride = (ptrdiff_t)((size_t)out->pixel_stride * out_bytes),
    };
    run_bands(&w);
}
