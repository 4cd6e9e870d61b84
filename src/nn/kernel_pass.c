// SPDX-License-Identifier: Apache-2.0
// kernel_pass.c - the walks over views: which pixels, in which order. The numbers are the row
// functions'.
//
// INVARIANT: a view without gaps between its pixels is one row of all its numbers.

#include "nn/kernel_pass.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "nn/kernel_pass_priv.h"

enum {
    POOL_STRIP_BYTES = 24 * 1024, // of the stack, and of the first cache
};

int kernel_rows_choose(enum cpu_isa isa, const struct kernel_rows **ret_rows)
{
    int r = cpu_isa_choose(isa, &isa);
    if (r < 0)
        return r;
    *ret_rows = &kernel_rows_c;
#if defined(__x86_64__)
    if (isa >= CPU_ISA_AVX512VNNI)
        *ret_rows = &kernel_rows_avx512vnni;
    else if (isa == CPU_ISA_AVX512)
        *ret_rows = &kernel_rows_avx512;
    else if (isa == CPU_ISA_AVX2)
        *ret_rows = &kernel_rows_avx2;
#elif defined(__aarch64__)
    if (isa >= CPU_ISA_NEON)
        *ret_rows = &kernel_rows_neon;
#endif
    return 0;
}

enum cpu_isa kernel_rows_isa(const struct kernel_rows *k)
{
    return k->isa;
}

// --- views

static struct kernel_row_type row_type(const struct kernel_view *v)
{
    if (v->type != KERNEL_U8)
        return (struct kernel_row_type){v->type, 1, 1, 0};
    return (struct kernel_row_type){v->type, v->scale, 1 / v->scale, (float)v->zero_point};
}

static size_t pixel_bytes(const struct kernel_view *v)
{
    return (size_t)v->pixel_stride * kernel_type_bytes(v->type);
}

static size_t n_pixels(const struct kernel_view *v)
{
    return (size_t)v->height * (size_t)v->width;
}

static uint8_t *pixel_at(const struct kernel_view *v, int y, int x)
{
    return (uint8_t *)v->data + ((size_t)y * (size_t)v->width + (size_t)x) * pixel_bytes(v);
}

static bool is_dense(const struct kernel_view *v)
{
    return v->pixel_stride == v->channels;
}

static bool is_alike(const struct kernel_view *a, const struct kernel_view *b)
{
    return a->type == b->type &&
           (a->type != KERNEL_U8 || (a->scale == b->scale && a->zero_point == b->zero_point));
}

static bool is_same_size(const struct kernel_view *a, const struct kernel_view *b)
{
    return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

// How a walk over views of one size goes: *n_rows* rows of *n* numbers.
struct rows {
    size_t n_rows, n;
};

static struct rows rows_of(const struct kernel_view *v, bool all_dense)
{
    size_t n = (size_t)v->channels;
    return all_dense ? (struct rows){1, n * n_pixels(v)} : (struct rows){n_pixels(v), n};
}

// --- passes

static void copy(const struct kernel_view *in, const struct kernel_view *out)
{
    struct rows rows = rows_of(in, is_dense(in) && is_dense(out));
    const uint8_t *from = (const uint8_t *)in->data;
    uint8_t *to = (uint8_t *)out->data;
    if (from == to && in->pixel_stride == out->pixel_stride)
        return;
    for (size_t i = 0; i < rows.n_rows; i++)
        memcpy(to + i * pixel_bytes(out), from + i * pixel_bytes(in),
               rows.n * kernel_type_bytes(in->type));
}

void kernel_activate(const struct kernel_rows *k, const struct kernel_view *in,
                     const struct kernel_view *out, enum kernel_activation activation, float alpha)
{
    assert(is_same_size(in, out));
    if (activation == KERNEL_LINEAR && is_alike(in, out)) {
        copy(in, out);
        return;
    }
    const struct kernel_map map = {row_type(in), row_type(out), activation, alpha};
    struct rows rows = rows_of(in, is_dense(in) && is_dense(out));
    for (size_t i = 0; i < rows.n_rows; i++)
        k->map(&map, (const uint8_t *)in->data + i * pixel_bytes(in),
               (uint8_t *)out->data + i * pixel_bytes(out), rows.n);
}

void kernel_lookup(const struct kernel_rows *k, const struct kernel_view *in,
                   const struct kernel_view *out, const uint8_t table[256])
{
    assert(is_same_size(in, out) && in->type == KERNEL_U8 && out->type == KERNEL_U8);
    struct rows rows = rows_of(in, is_dense(in) && is_dense(out));
    for (size_t i = 0; i < rows.n_rows; i++)
        k->lookup((const uint8_t *)in->data + i * pixel_bytes(in),
                  (uint8_t *)out->data + i * pixel_bytes(out), rows.n, table);
}

void kernel_lookup_fill(const struct kernel_view *in, const struct kernel_view *out,
                        enum kernel_activation activation, float alpha, uint8_t ret_table[256])
{
    uint8_t all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    const struct kernel_map map = {row_type(in), row_type(out), activation, alpha};
    kernel_rows_c.map(&map, all, ret_table, sizeof(all));
}

void kernel_add(const struct kernel_rows *k, const struct kernel_view *a,
                const struct kernel_view *b, const struct kernel_view *out)
{
    assert(is_same_size(a, out) && is_same_size(b, out));
    assert(a->type == out->type && b->type == out->type);
    const struct kernel_row_type types[3] = {row_type(a), row_type(b), row_type(out)};
    struct rows rows = rows_of(a, is_dense(a) && is_dense(b) && is_dense(out));
    for (size_t i = 0; i < rows.n_rows; i++)
        k->add(types, (const uint8_t *)a->data + i * pixel_bytes(a),
               (const uint8_t *)b->data + i * pixel_bytes(b),
               (uint8_t *)out->data + i * pixel_bytes(out), rows.n);
}

void kernel_upsample(const struct kernel_view *in, const struct kernel_view *out)
{
    assert(is_alike(in, out) && in->channels == out->channels);
    assert(out->height % in->height == 0 && out->width % in->width == 0);
    int times_y = out->height / in->height;
    int times_x = out->width / in->width;
    size_t n_bytes = (size_t)in->channels * kernel_type_bytes(in->type);
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < in->width; x++) {
            const uint8_t *pixel = pixel_at(in, y / times_y, x);
            for (int i = 0; i < times_x; i++)
                memcpy(pixel_at(out, y, x * times_x + i), pixel, n_bytes);
        }
    }
}

// The pixels of the window at (y, x) of *out* that are in the picture; their number.
static int window(const struct kernel_view *in, const struct kernel_pool *pool, int y, int x,
                  const uint8_t **ret_pixels)
{
    int n = 0;
    for (int i = 0; i < pool->height; i++) {
        int at_y = y * pool->stride_y - pool->pad_top + i;
        for (int k = 0; k < pool->width && at_y >= 0 && at_y < in->height; k++) {
            int at_x = x * pool->stride_x - pool->pad_left + k;
            if (at_x >= 0 && at_x < in->width)
                ret_pixels[n++] = pixel_at(in, at_y, at_x);
        }
    }
    return n;
}

static void max_pool_plain(const struct kernel_rows *k, const struct kernel_view *in,
                           const struct kernel_view *out, const struct kernel_pool *pool)
{
    const uint8_t *pixels[KERNEL_POOL_MAX_SIDE * KERNEL_POOL_MAX_SIDE];
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++) {
            int n = window(in, pool, y, x, pixels);
            assert(n > 0);
            k->max_of(in->type, pixels, n, pixel_at(out, y, x), (size_t)in->channels);
        }
    }
}

// The largest down each of *columns* columns from *first* on, side by side without gaps.
static void max_down(const struct kernel_rows *k, const struct kernel_view *in,
                     const struct kernel_pool *pool, int y, int first, int columns, uint8_t *strip)
{
    const uint8_t *rows[KERNEL_POOL_MAX_SIDE];
    int top = y * pool->stride_y - pool->pad_top;
    int n = 0;
    size_t channels = (size_t)in->channels;
    for (int i = MAX(top, 0); i < MIN(top + pool->height, in->height); i++)
        rows[n++] = pixel_at(in, i, first);
    assert(n > 0);
    if (in->pixel_stride == in->channels) {
        k->max_of(in->type, rows, n, strip, channels * (size_t)columns);
        return;
    }
    for (int x = 0; x < columns; x++) {
        k->max_of(in->type, rows, n, strip, channels);
        strip += channels * kernel_type_bytes(in->type);
        for (int i = 0; i < n; i++)
            rows[i] += pixel_bytes(in);
    }
}

// Output columns [from, to) of row *y*: first down, then across.
static void max_pool_strip(const struct kernel_rows *k, const struct kernel_view *in,
                           const struct kernel_view *out, const struct kernel_pool *pool, int y,
                           int from, int to, uint8_t *strip)
{
    const uint8_t *pixels[KERNEL_POOL_MAX_SIDE];
    size_t bytes = (size_t)in->channels * kernel_type_bytes(in->type);
    int first = MAX(from * pool->stride_x - pool->pad_left, 0);
    int end = MIN((to - 1) * pool->stride_x - pool->pad_left + pool->width, in->width);
    max_down(k, in, pool, y, first, end - first, strip);
    for (int x = from; x < to; x++) {
        int left = x * pool->stride_x - pool->pad_left;
        int n = 0;
        for (int i = MAX(left, 0); i < MIN(left + pool->width, in->width); i++)
            pixels[n++] = strip + (size_t)(i - first) * bytes;
        assert(n > 0);
        k->max_of(in->type, pixels, n, pixel_at(out, y, x), (size_t)in->channels);
    }
}

void kernel_max_pool(const struct kernel_rows *k, const struct kernel_view *in,
                     const struct kernel_view *out, const struct kernel_pool *pool)
{
    assert(is_alike(in, out) && in->channels == out->channels);
    assert(pool->height <= KERNEL_POOL_MAX_SIDE && pool->width <= KERNEL_POOL_MAX_SIDE);
    uint8_t strip[POOL_STRIP_BYTES];
    size_t bytes = (size_t)in->channels * kernel_type_bytes(in->type);
    int columns = (int)MIN(sizeof(strip) / bytes, (size_t)INT_MAX);
    int most = (columns - pool->width) / pool->stride_x + 1; // output columns of a strip
    if (columns < 2 * pool->width || most < 1) {
        max_pool_plain(k, in, out, pool);
        return;
    }
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x += most)
            max_pool_strip(k, in, out, pool, y, x, MIN(x + most, out->width), strip);
    }
}

void kernel_mean(const struct kernel_rows *k, const struct kernel_view *in,
                 const struct kernel_view *out)
{
    enum { CHUNK = 256 }; // channels at a time
    assert(out->height == 1 && out->width == 1 && in->channels == out->channels);
    const struct kernel_row_type in_type = row_type(in);
    const struct kernel_row_type out_type = row_type(out);
    for (int from = 0; from < in->channels; from += CHUNK) {
        float sums[CHUNK] = {0};
        size_t n = (size_t)MIN(in->channels - from, CHUNK);
        size_t at = (size_t)from * kernel_type_bytes(in->type);
        for (size_t i = 0; i < n_pixels(in); i++)
            k->sum(in->type, (const uint8_t *)in->data + i * pixel_bytes(in) + at, sums, n);
        for (size_t i = 0; i < n; i++) {
            float mean = sums[i] / (float)n_pixels(in);
            kernel_store_one(&out_type, (uint8_t *)out->data, (size_t)from + i,
                             in_type.scale * (mean - in_type.zero_point));
        }
    }
}

void kernel_softmax(const struct kernel_rows *k, float *rows, size_t n_rows, size_t n,
                    size_t stride)
{
    for (size_t i = 0; i < n_rows; i++)
        k->softmax(rows + i * stride, n);
}

size_t kernel_reach(const struct kernel_rows *k, const float *rows, size_t n_rows, size_t n,
                    size_t stride, float floor, uint32_t *ret_found)
{
    return k->reach(rows, n_rows, n, stride, floor, ret_found);
}

void kernel_expect(const struct kernel_rows *k, const float *rows, size_t n_rows, size_t n,
                   float *ret_values)
{
    for (size_t i = 0; i < n_rows; i++)
        ret_values[i] = k->expect(rows + i * n, n);
}

// --- depthwise

void kernel_depthwise_pack(const float *weights, int n_channels, int n_taps, float *ret_weights)
{
    for (int c = 0; c < n_channels; c++) {
        for (int tap = 0; tap < n_taps; tap++)
            ret_weights[tap * n_channels + c] = weights[c * n_taps + tap];
    }
}

// One tap of *n* pixels beside each other whose first reads column *x* of row *y*; what is outside
// points at *zeros*.
static void point_tap(const struct kernel_view *in, int y, int x, int stride, int n,
                      const uint8_t *zeros, const uint8_t **ret_pixels)
{
    if (y < 0 || y >= in->height) {
        for (int i = 0; i < n; i++)
            ret_pixels[i] = zeros;
        return;
    }
    const uint8_t *row = pixel_at(in, y, 0);
    ptrdiff_t bytes = (ptrdiff_t)pixel_bytes(in);
    int i = 0;
    for (; i < n && x < 0; i++, x += stride)
        ret_pixels[i] = zeros;
    int n_inside = x < in->width ? MIN(n - i, (in->width - 1 - x) / stride + 1) : 0;
    for (int end = i + n_inside; i < end; i++, x += stride)
        ret_pixels[i] = row + x * bytes;
    for (; i < n; i++)
        ret_pixels[i] = zeros;
}

// [tap][pixel] of *n* pixels beside each other.
static void point(const struct kernel_depthwise *d, const struct kernel_view *in, int y, int x,
                  int n, const uint8_t *zeros, const uint8_t **ret_pixels)
{
    for (int ky = 0; ky < d->kernel_height; ky++) {
        for (int kx = 0; kx < d->kernel_width; kx++, ret_pixels += n)
            point_tap(in, y * d->stride - d->pad_top + ky, x * d->stride - d->pad_left + kx,
                      d->stride, n, zeros, ret_pixels);
    }
}

// Whether all taps of *n* pixels from (y, x) on are in the picture.
static bool is_inside(const struct kernel_depthwise *d, const struct kernel_view *in, int y, int x,
                      int n)
{
    int top = y * d->stride - d->pad_top;
    int left = x * d->stride - d->pad_left;
    return top >= 0 && top + d->kernel_height <= in->height && left >= 0 &&
           left + (n - 1) * d->stride + d->kernel_width <= in->width;
}

// A row in blocks of nearly one size. Inside the picture a pointer a tap is enough, and a block's
// are those of the block before, moved on.
static void depthwise_columns(const struct kernel_rows *k, const struct kernel_depthwise *d,
                              const struct kernel_view *in, const struct kernel_view *out, int y,
                              struct kernel_depthwise_row *row, const uint8_t **pixels)
{
    static const uint8_t zeros[KERNEL_CONV_MAX_CHANNELS * sizeof(float)];
    ptrdiff_t step = (ptrdiff_t)((size_t)d->stride * pixel_bytes(in));
    int n_blocks = (out->width + KERNEL_DEPTHWISE_PIXELS - 1) / KERNEL_DEPTHWISE_PIXELS;
    row->pixel_step = 0;
    for (int i = 0, x = 0; i < n_blocks; i++, x += row->n_pixels) {
        int n = (out->width - x + n_blocks - i - 1) / (n_blocks - i);
        bool inside = is_inside(d, in, y, x, n);
        if (inside && row->pixel_step) {
            for (int tap = 0; tap < row->n_taps; tap++)
                pixels[tap] += row->n_pixels * step;
        } else {
            point(d, in, y, x, inside ? 1 : n, zeros, pixels);
        }
        row->pixel_step = inside ? step : 0;
        row->n_pixels = n;
        row->out = pixel_at(out, y, x);
        k->depthwise(row, (size_t)in->channels);
    }
}

void kernel_depthwise_run(const struct kernel_rows *k, const struct kernel_depthwise *d,
                          const struct kernel_view *in, const struct kernel_view *out)
{
    const uint8_t *pixels[KERNEL_CONV_MAX_TAPS * KERNEL_DEPTHWISE_PIXELS];
    int n_taps = d->kernel_height * d->kernel_width;
    assert(in->channels == out->channels && in->channels <= KERNEL_CONV_MAX_CHANNELS);
    assert(in->type != KERNEL_U8 && n_taps <= KERNEL_CONV_MAX_TAPS);
    struct kernel_depthwise_row row = {
        .pixels = pixels,
        .n_taps = n_taps,
        .weights = d->weights,
        .bias = d->bias,
        .in = in->type,
        .map = {.out = row_type(out), .activation = d->activation, .alpha = d->alpha},
        .out_stride = (ptrdiff_t)pixel_bytes(out),
    };
    for (int y = 0; y < out->height; y++)
        depthwise_columns(k, d, in, out, y, &row, pixels);
}

// --- planes

// *rows* by *columns* floats, *in_stride* apart, transposed.
static void transpose(const struct kernel_rows *k, const float *in, size_t rows, size_t columns,
                      size_t in_stride, float *out, size_t out_stride)
{
    if (rows == 3 && out_stride == 3) { // a picture
        k->interleave(in, in_stride, columns, out);
        return;
    }
    size_t whole_rows = rows / KERNEL_TILE * KERNEL_TILE;
    size_t whole_columns = columns / KERNEL_TILE * KERNEL_TILE;
    for (size_t i = 0; i < whole_rows; i += KERNEL_TILE) {
        for (size_t c = 0; c < whole_columns; c += KERNEL_TILE)
            k->transpose(in + i * in_stride + c, in_stride, out + c * out_stride + i, out_stride);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = i < whole_rows ? whole_columns : 0; c < columns; c++)
            out[c * out_stride + i] = in[i * in_stride + c];
    }
}

enum {
    STRIP = 64, // pixels that are turned at a time, where a type is changed as well
    STRIP_CHANNELS = 64,
};

// A strip of *n* pixels from *first* and *n_channels* from *channel* of the view.
struct strip {
    size_t first, n;
    size_t channel, n_channels;
};

typedef void strip_fn(const struct kernel_rows *k, const struct kernel_view *v,
                      const struct strip *s, float *planes);

static void from_strip(const struct kernel_rows *k, const struct kernel_view *v,
                       const struct strip *s, float *planes)
{
    float turned[STRIP * STRIP_CHANNELS];
    const struct kernel_map map = {{KERNEL_F32, 1, 1, 0}, row_type(v), KERNEL_LINEAR, 0};
    size_t at = s->channel * kernel_type_bytes(v->type);
    transpose(k, planes + s->channel * n_pixels(v) + s->first, s->n_channels, s->n, n_pixels(v),
              turned, s->n_channels);
    bool is_whole = is_dense(v) && s->n_channels == (size_t)v->channels; // one row of all
    size_t n_rows = is_whole ? 1 : s->n;
    size_t n = is_whole ? s->n * s->n_channels : s->n_channels;
    for (size_t i = 0; i < n_rows; i++)
        k->map(&map, (const uint8_t *)(turned + i * s->n_channels),
               (uint8_t *)v->data + (s->first + i) * pixel_bytes(v) + at, n);
}

static void to_strip(const struct kernel_rows *k, const struct kernel_view *v,
                     const struct strip *s, float *planes)
{
    float turned[STRIP * STRIP_CHANNELS];
    const struct kernel_map map = {row_type(v), {KERNEL_F32, 1, 1, 0}, KERNEL_LINEAR, 0};
    size_t at = s->channel * kernel_type_bytes(v->type);
    bool is_whole = is_dense(v) && s->n_channels == (size_t)v->channels; // one row of all
    size_t n_rows = is_whole ? 1 : s->n;
    size_t n = is_whole ? s->n * s->n_channels : s->n_channels;
    for (size_t i = 0; i < n_rows; i++)
        k->map(&map, (const uint8_t *)v->data + (s->first + i) * pixel_bytes(v) + at,
               (uint8_t *)(turned + i * s->n_channels), n);
    transpose(k, turned, s->n, s->n_channels, s->n_channels,
              planes + s->channel * n_pixels(v) + s->first, n_pixels(v));
}

static void each_strip(const struct kernel_rows *k, const struct kernel_view *v, float *planes,
                       strip_fn *fn)
{
    size_t n_channels = (size_t)v->channels;
    for (size_t first = 0; first < n_pixels(v); first += STRIP) {
        for (size_t c = 0; c < n_channels; c += STRIP_CHANNELS) {
            struct strip s = {first, MIN(n_pixels(v) - first, STRIP), c,
                              MIN(n_channels - c, STRIP_CHANNELS)};
            fn(k, v, &s, planes);
        }
    }
}

void kernel_from_planes(const struct kernel_rows *k, const float *planes,
                        const struct kernel_view *out)
{
    if (out->type == KERNEL_F32)
        transpose(k, planes, (size_t)out->channels, n_pixels(out), n_pixels(out),
                  (float *)out->data, (size_t)out->pixel_stride);
    else
        each_strip(k, out, (float *)(uintptr_t)planes, from_strip); // which only reads them
}

void kernel_to_planes(const struct kernel_rows *k, const struct kernel_view *in, float *ret_planes)
{
    if (in->type == KERNEL_F32)
        transpose(k, (const float *)in->data, n_pixels(in), (size_t)in->channels,
                  (size_t)in->pixel_stride, ret_planes, n_pixels(in));
    else
        each_strip(k, in, ret_planes, to_strip);
}
