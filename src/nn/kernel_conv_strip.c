// SPDX-License-Identifier: Apache-2.0
// kernel_conv_strip.c - a convolution as strips: pixels at equal steps that have the same taps.
//
// The picture's inside is strips of rows with all taps. Where a filter reaches over the edge, the
// taps outside are left out, and sums begin with what they would have added: the zero point times
// their weights. So the outer rows are strips with fewer taps, and the outer columns are strips
// too, from top to bottom. Filters over few channels have whole rows of taps as one: their outer
// columns go by blocks (kernel_conv_row()).

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel_conv_priv.h"

enum { MAX_CHANNELS = KERNEL_MAX_PANELS * KERNEL_LANES }; // of a group

struct range {
    int from, to;
};

static size_t tap_bytes(const struct kernel_conv *c, const struct kernel_group *g)
{
    return (size_t)c->n_units * (size_t)g->n_panels * KERNEL_LANES * KERNEL_UNIT_BYTES;
}

// --- sums of weights

static void sum_tap(const struct kernel_conv *c, const struct kernel_group *g, int tap,
                    int32_t *ret_sums)
{
    const int8_t *w = (const int8_t *)c->weights + g->weights_at + (size_t)tap * tap_bytes(c, g);
    int n = g->n_panels * KERNEL_LANES;
    for (int unit = 0; unit < c->n_units; unit++) {
        for (int i = 0; i < n; i++, w += KERNEL_UNIT_BYTES)
            ret_sums[i] += c->opts.in_zero_point * (w[0] + w[1] + w[2] + w[3]);
    }
}

int kernel_conv_prepare_strips(struct kernel_conv *c)
{
    assert(c->opts.type == KERNEL_U8 && !c->impl->widen);
    int n_channels = c->n_panels * KERNEL_LANES;
    c->tap_sums = mem_array(int32_t, (size_t)(c->n_taps * n_channels));
    if (!c->tap_sums)
        return ERR_NOMEM;
    for (int i = 0; i < c->n_groups; i++) {
        for (int tap = 0; tap < c->n_taps; tap++)
            sum_tap(c, &c->groups[i], tap,
                    c->tap_sums + tap * n_channels + c->groups[i].first_channel);
    }
    return 0;
}

// --- strips

// The taps along one way that are inside for output *at*.
static struct range taps_inside(int at, int stride, int pad, int n_taps, int size)
{
    int first = at * stride - pad;
    struct range r = {MAX(-first, 0), MIN(size - first, n_taps)};
    r.to = MAX(r.to, r.from);
    return r;
}

// The outputs within [from, to) that have all their taps inside.
static struct range whole_within(int from, int to, int stride, int pad, int n_taps, int size)
{
    int first = (pad + stride - 1) / stride;
    int end = size + pad >= n_taps ? (size + pad - n_taps) / stride + 1 : 0;
    struct range r = {MIN(MAX(first, from), to), 0};
    r.to = MAX(MIN(end, to), r.from);
    return r;
}

// *n* pixels from (y, x) on, beside each other or below, with these taps.
struct part {
    int y, x, n;
    bool is_column;
    struct range rows, columns; // of taps
};

// Taps inside, and what the others add.
static int list_taps(const struct kernel_walk *w, const struct kernel_group *g,
                     const struct part *p, struct kernel_tap *ret_taps, int32_t *ret_start)
{
    const struct kernel_conv *c = w->conv;
    const struct kernel_conv_opts *o = &c->opts;
    int width = c->is_merged ? 1 : o->kernel_width;
    int n_channels = g->n_panels * KERNEL_LANES;
    int n = 0;
    const uint8_t *first = w->in + ((ptrdiff_t)(p->y * o->stride - o->pad_top) * w->in_width +
                                    p->x * o->stride - o->pad_left) *
                                       w->in_stride;
    memset(ret_start, 0, (size_t)n_channels * sizeof(*ret_start));
    for (int tap = 0; tap < c->n_taps; tap++) {
        int ky = tap / width;
        int kx = tap % width;
        bool is_inside = ky >= p->rows.from && ky < p->rows.to &&
                         (c->is_merged || (kx >= p->columns.from && kx < p->columns.to));
        const int32_t *sums = c->tap_sums + tap * c->n_panels * KERNEL_LANES + g->first_channel;
        if (is_inside)
            ret_taps[n++] =
                (struct kernel_tap){first + ((ptrdiff_t)ky * w->in_width + kx) * w->in_stride,
                                    c->weights + g->weights_at + (size_t)tap * tap_bytes(c, g)};
        for (int i = 0; i < n_channels && !is_inside; i++)
            ret_start[i] += sums[i];
    }
    return n;
}

// As few blocks as can be, of sizes as equal as there are functions for.
static void run_blocks(const struct kernel_walk *w, const struct kernel_group *g,
                       const struct kernel_strip *s, int n)
{
    const struct kernel_conv_impl *impl = w->conv->impl;
    kernel_strip_fn *const *sizes = impl->strips[g->n_panels];
    int most = impl->strip_pixels[g->n_panels];
    for (int first = 0; first < n;) {
        int left = n - first;
        int n_blocks = (left + most - 1) / most;
        int size = (left + n_blocks - 1) / n_blocks;
        int larger = size;
        while (!sizes[size])
            size--;
        while (larger < most && !sizes[larger])
            larger++;
        if (n_blocks > 1 && larger <= most)
            size = larger;
        int n_alike = left / size;
        sizes[size](s, first, n_alike);
        first += n_alike * size;
    }
}

static void run_strip(struct kernel_walk *w, const struct kernel_group *g, const struct part *p)
{
    const struct kernel_conv *c = w->conv;
    struct kernel_tap taps[KERNEL_CONV_MAX_TAPS];
    int32_t start[MAX_CHANNELS];
    struct kernel_finish f = w->finish;
    ptrdiff_t pixel = (ptrdiff_t)p->y * w->out_width + p->x;
    ptrdiff_t channel = (ptrdiff_t)((size_t)g->first_channel * w->out_bytes);
    f.out = w->out + pixel * f.out_stride + channel;
    f.add = w->add ? w->add + pixel * f.add_stride + channel : NULL;
    ptrdiff_t step = c->opts.stride * w->in_stride;
    if (p->is_column) {
        step *= w->in_width;
        f.out_stride *= w->out_width;
        f.add_stride *= w->out_width;
    }
    struct kernel_strip s = {.taps = taps,
                             .n_taps = list_taps(w, g, p, taps, start),
                             .n_units = c->n_units,
                             .step = step,
                             .start = start,
                             .finish = &f};
    run_blocks(w, g, &s, p->n);
}

static void run_column(struct kernel_walk *w, const struct kernel_group *g, struct range rows,
                       int x)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    struct part p = {.y = rows.from,
                     .x = x,
                     .n = rows.to - rows.from,
                     .is_column = true,
                     .rows = {0, o->kernel_height},
                     .columns =
                         taps_inside(x, o->stride, o->pad_left, o->kernel_width, w->in_width)};
    if (p.n > 0)
        run_strip(w, g, &p);
}

// Row *y*, all columns; *inside*: those that have all their taps inside along the row.
static void run_row(struct kernel_walk *w, const struct kernel_group *g, int y, struct range inside)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    struct part p = {.y = y,
                     .x = inside.from,
                     .n = inside.to - inside.from,
                     .rows = taps_inside(y, o->stride, o->pad_top, o->kernel_height, w->in_height),
                     .columns = {0, o->kernel_width}};
    if (p.n > 0)
        run_strip(w, g, &p);
}

// A pixel of a row that lacks taps both ways, perhaps.
static void run_corner(struct kernel_walk *w, const struct kernel_group *g, int y, int x)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    struct part p = {.y = y,
                     .x = x,
                     .n = 1,
                     .rows = taps_inside(y, o->stride, o->pad_top, o->kernel_height, w->in_height),
                     .columns =
                         taps_inside(x, o->stride, o->pad_left, o->kernel_width, w->in_width)};
    run_strip(w, g, &p);
}

// Merged: units may end behind a row of taps, but not behind the picture.
static struct range readable_within(const struct kernel_walk *w, int y, struct range inside)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    ptrdiff_t last = MIN(y * o->stride - o->pad_top + o->kernel_height, w->in_height) - 1;
    ptrdiff_t end = (ptrdiff_t)w->in_height * w->in_width * w->in_stride;
    ptrdiff_t n_bytes = (ptrdiff_t)w->conv->n_units * KERNEL_UNIT_BYTES;
    while (inside.to > inside.from) {
        ptrdiff_t x = (ptrdiff_t)(inside.to - 1) * o->stride - o->pad_left;
        if ((last * w->in_width + x) * w->in_stride + n_bytes <= end)
            break;
        inside.to--;
    }
    return inside;
}

static void run_merged(struct kernel_walk *w, const struct kernel_group *g, struct range rows,
                       struct range columns, struct range inside)
{
    for (int y = rows.from; y < rows.to; y++) {
        struct range in_place = readable_within(w, y, inside);
        run_row(w, g, y, in_place);
        kernel_conv_row(w, g, y, columns.from, in_place.from);
        kernel_conv_row(w, g, y, in_place.to, columns.to);
    }
}

void kernel_conv_strips(struct kernel_walk *w, const struct kernel_group *g, int y_from, int y_to,
                        int x_from, int x_to)
{
    const struct kernel_conv_opts *o = &w->conv->opts;
    struct range inside =
        whole_within(x_from, x_to, o->stride, o->pad_left, o->kernel_width, w->in_width);
    kernel_conv_channels(w, g);
    if (w->conv->is_merged) {
        run_merged(w, g, (struct range){y_from, y_to}, (struct range){x_from, x_to}, inside);
        return;
    }
    struct range whole =
        whole_within(y_from, y_to, o->stride, o->pad_top, o->kernel_height, w->in_height);
    for (int y = y_from; y < y_to; y++) {
        run_row(w, g, y, inside);
        bool is_whole = y >= whole.from && y < whole.to;
        for (int x = x_from; x < x_to && !is_whole; x++) {
            if (x < inside.from || x >= inside.to)
                run_corner(w, g, y, x);
        }
    }
    for (int x = x_from; x < x_to; x++) {
        if (x < inside.from || x >= inside.to)
            run_column(w, g, whole, x);
    }
}
